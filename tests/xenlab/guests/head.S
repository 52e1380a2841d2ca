/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entry points and ELF notes of the lab's mini guest; PV: 64-bit, PVH: 32-bit without paging.
 * Note numbers: xen/include/public/elfnote.h. */
#define NOTE(type, desc...) \
	.pushsection .note.Xen, "a", @note; .align 4; .long 4, 2f - 1f, type; .asciz "Xen"; \
	1: desc; 2: .align 4; .popsection

NOTE(6, .asciz "mini")		/* GUEST_OS */
NOTE(5, .asciz "xen-3.0")	/* XEN_VERSION */
NOTE(8, .asciz "generic")	/* LOADER */
	.globl _start, hypercall_page
#ifdef PVH
NOTE(18, .long _start)		/* PHYS32_ENTRY */
	.text
	.code32
_start:
	cld
	mov $stack_top, %esp
	push %ebx
	call kmain
#else
NOTE(3, .quad VBASE)		/* VIRT_BASE */
NOTE(4, .quad 0)		/* PADDR_OFFSET */
NOTE(1, .quad _start)		/* ENTRY */
NOTE(2, .quad hypercall_page)	/* HYPERCALL_PAGE */
NOTE(9, .asciz "yes")		/* PAE_MODE */
NOTE(10, .asciz "!writable_page_tables|pae_pgdir_above_4gb")	/* FEATURES */
NOTE(14, .long 1)		/* SUSPEND_CANCEL */
	.text
_start:
	cld
	mov $stack_top, %rsp
	mov %rsi, %rdi
	call kmain
#endif
	ud2

	.balign 4096
hypercall_page:
	.skip 4096
	.bss
	.balign 4096
	.skip 8192
stack_top:
	.section .note.GNU-stack, "", @progbits
