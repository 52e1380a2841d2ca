/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HVM guest in one boot sector, real mode: prints "tick NNNN" each second (18 ticks of the BIOS)
 * to COM1 and to port 0xe9, which Xen prints on its own console. */
	.code16
	.globl _start
_start:
	ljmp $0, $1f
1:	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $0x7c00, %sp
	cld
	sti
	mov $banner, %si
	call print
again:
	mov 0x46c, %eax			/* the BIOS's count of ticks */
	add $18, %eax
	mov %eax, next
2:	hlt
	mov 0x46c, %eax
	cmp next, %eax
	jb 2b
	mov $3, %bx			/* the counter is decimal, last digit first */
3:	incb digits(%bx)
	cmpb $'9' + 1, digits(%bx)
	jne 4f
	movb $'0', digits(%bx)
	dec %bx
	jns 3b
4:	mov $tick, %si
	call print
	jmp again
print:
	lodsb
	test %al, %al
	jz 9f
	out %al, $0xe9
	mov %al, %ah
	mov $0x3fd, %dx
8:	in %dx, %al
	test $0x20, %al			/* transmitter empty */
	jz 8b
	mov %ah, %al
	mov $0x3f8, %dx
	out %al, %dx
	jmp print
9:	ret
banner:	.asciz "hvm16 up\n"
tick:	.ascii "tick "
digits:	.ascii "0000"
	.asciz "\n"
next:	.long 0
	.org 510
	.word 0xaa55
