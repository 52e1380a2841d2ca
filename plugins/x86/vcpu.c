/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPU state of PV guests: vcpu_guest_context and xen_domctl_ext_vcpucontext. */
#include "x86_priv.h"

/* 4.22:arch-x86/xen.h:VGCF_* */
static const struct xsi_name context_bits[] = {
    { X86_BIT(0), "i387_valid" },
    { X86_BIT(2), "in_kernel" },
    { X86_BIT(3), "failsafe_disables_events" },
    { X86_BIT(4), "syscall_disables_events" },
    { X86_BIT(5), "online" },
    { 0, NULL },
};

#define REG(n, o, s)                                           \
    {                                                          \
        .name = n, .offset = (o), .size = (s), .kind = XSI_HEX \
    }
#define BITS(n, o, s, b)                                                       \
    {                                                                          \
        .name = n, .offset = (o), .size = (s), .kind = XSI_FLAGS, .names = (b) \
    }
#define MINOR(n, o, s)                                                      \
    {                                                                       \
        .name = n, .offset = (o), .size = (s), .kind = XSI_HEX, .detail = 2 \
    }
#define LAST         \
    {                \
        .name = NULL \
    }

/* struct cpu_user_regs, 200 bytes; 4.22:arch-x86/xen-x86_64.h */
static const struct xsi_field_row regs64[] = {
    REG("rip", 0x80, 8),
    REG("rsp", 0x98, 8),
    BITS("rflags", 0x90, 8, x86_rflags_bits),
    REG("rax", 0x50, 8),
    REG("rbx", 0x28, 8),
    REG("rcx", 0x58, 8),
    { .name = "rdx",
      .offset = 0x60,
      .size = 8,
      .kind = XSI_HEX,
      .help = "of vCPU 0: frame of the start_info page" },
    REG("rsi", 0x68, 8),
    REG("rdi", 0x70, 8),
    REG("rbp", 0x20, 8),
    REG("r8", 0x48, 8),
    REG("r9", 0x40, 8),
    REG("r10", 0x38, 8),
    REG("r11", 0x30, 8),
    REG("r12", 0x18, 8),
    REG("r13", 0x10, 8),
    REG("r14", 0x08, 8),
    REG("r15", 0x00, 8),
    REG("cs", 0x88, 2),
    REG("ss", 0xa0, 2),
    REG("ds", 0xb0, 2),
    REG("es", 0xa8, 2),
    REG("fs", 0xb8, 2),
    REG("gs", 0xc0, 2),
    REG("saved_upcall_mask", 0x8c, 1),
    MINOR("error_code", 0x78, 4),
    MINOR("entry_vector", 0x7c, 4),
    LAST,
};

/* 68 bytes; 4.22:arch-x86/xen-x86_32.h */
static const struct xsi_field_row regs32[] = {
    REG("eip", 0x20, 4),
    REG("esp", 0x2c, 4),
    BITS("eflags", 0x28, 4, x86_rflags_bits),
    REG("eax", 0x18, 4),
    REG("ebx", 0x00, 4),
    REG("ecx", 0x04, 4),
    { .name = "edx",
      .offset = 0x08,
      .size = 4,
      .kind = XSI_HEX,
      .help = "of vCPU 0: frame of the start_info page" },
    REG("esi", 0x0c, 4),
    REG("edi", 0x10, 4),
    REG("ebp", 0x14, 4),
    REG("cs", 0x24, 2),
    REG("ss", 0x30, 2),
    REG("ds", 0x38, 2),
    REG("es", 0x34, 2),
    REG("fs", 0x3c, 2),
    REG("gs", 0x40, 2),
    REG("saved_upcall_mask", 0x26, 1),
    MINOR("error_code", 0x1c, 2),
    MINOR("entry_vector", 0x1e, 2),
    LAST,
};

/* Behind the arrays; 4.22:arch-x86/xen.h:vcpu_guest_context */
static const struct xsi_field_row tail64[] = {
    REG("kernel_ss", 0x1368, 8),
    REG("kernel_sp", 0x1370, 8),
    REG("event_callback_eip", 0x13f8, 8),
    REG("failsafe_callback_eip", 0x1400, 8),
    REG("syscall_callback_eip", 0x1408, 8),
    BITS("vm_assist", 0x1410, 8, x86_vm_assist_bits),
    REG("fs_base", 0x1418, 8),
    REG("gs_base_kernel", 0x1420, 8),
    REG("gs_base_user", 0x1428, 8),
    LAST,
};

static const struct xsi_field_row tail32[] = {
    REG("kernel_ss", 0xa94, 4),
    REG("kernel_sp", 0xa98, 4),
    REG("event_callback_cs", 0xadc, 4),
    REG("event_callback_eip", 0xae0, 4),
    REG("failsafe_callback_cs", 0xae4, 4),
    REG("failsafe_callback_eip", 0xae8, 4),
    BITS("vm_assist", 0xaec, 4, x86_vm_assist_bits),
    LAST,
};

/* Where the two layouts differ. */
struct layout {
    unsigned width;
    size_t regs, regs_size, traps, trap_size, ldt, gdt_frames, gdt_ents, ctrlreg, debugreg;
    const struct xsi_field_row *regs_rows, *tail;
};
static const struct layout layout64 = {
    .width = 8,
    .regs = 0x208,
    .regs_size = 200,
    .traps = 0x2d0,
    .trap_size = 16,
    .ldt = 0x12d0,
    .gdt_frames = 0x12e0,
    .gdt_ents = 0x1360,
    .ctrlreg = 0x1378,
    .debugreg = 0x13b8,
    .regs_rows = regs64,
    .tail = tail64,
};
static const struct layout layout32 = {
    .width = 4,
    .regs = 0x204,
    .regs_size = 68,
    .traps = 0x248,
    .trap_size = 8,
    .ldt = 0xa48,
    .gdt_frames = 0xa50,
    .gdt_ents = 0xa90,
    .ctrlreg = 0xa9c,
    .debugreg = 0xabc,
    .regs_rows = regs32,
    .tail = tail32,
};

/*
 * Frame in a cr3: a 32-bit guest rotates the frame by 12 bits to keep 32 of its bits, which is
 * harmless to undo for frames below 4 GiB.
 */
static uint64_t cr3_pfn(uint64_t cr3, unsigned width)
{
    if (width == 8)
        return (cr3 & UINT64_C(0x000fffffffffffff)) >> 12;
    return (uint32_t)((uint32_t)cr3 >> 12 | (uint32_t)cr3 << 20);
}

static void control_registers(struct xsi_decode *d, const struct layout *l, size_t base, size_t end)
{
    static const char *const names[] = { "cr0", "cr1", "cr2", "cr3", "cr4", NULL };
    size_t at = base + l->ctrlreg, w = l->width;

    for (unsigned i = 0; names[i]; i++, at += w) {
        uint64_t value = xsi_decode_number(d, at, w);

        if (!x86_fits(at, w, end))
            return;
        if (i != 1 && i != 3) {
            if (d->detail > 1)
                xsi_put(d, names[i], XSI_HEX, at, w, value, NULL);
            continue;
        }
        /* cr1 holds the root of the user's page tables, of 64-bit guests only; 0 = none. */
        if (i == 1 && w == 4)
            continue;
        xsi_put(d, names[i], XSI_HEX, at, w, value, NULL);
        if (i == 3 || value)
            xsi_put(d, i == 1 ? "cr1_pfn" : "cr3_pfn", XSI_PFN, at, w, cr3_pfn(value, l->width),
                    NULL);
    }
}

/* Only as many frames as the entries need are PFNs; readers do not look at the rest. */
static void descriptor_tables(struct xsi_decode *d, const struct layout *l, size_t base, size_t end)
{
    size_t w = l->width, ents_at = base + l->gdt_ents;
    uint64_t ents = xsi_decode_number(d, ents_at, w), frames = (ents + 511) / 512;

    x86_put(d, "gdt_ents", XSI_UINT, ents_at, w, end);
    if (x86_fits(ents_at, w, end))
        x86_put_array(d, "gdt_frames", XSI_PFN, base + l->gdt_frames, w, w,
                      ents > 16 * 512 ? 16 : (size_t)frames, end);
    x86_put(d, "ldt_base", XSI_HEX, base + l->ldt, w, end);
    x86_put(d, "ldt_ents", XSI_UINT, base + l->ldt + w, w, end);
}

/* The virtual IDT without its empty places. */
static void traps(struct xsi_decode *d, const struct layout *l, size_t base, size_t end)
{
    size_t at = base + l->traps, size = l->trap_size;

    if (!x86_fits(at, size, end))
        return;
    xsi_open(d, "trap_ctxt", XSI_LIST, at, 256 * size);
    for (unsigned i = 0; i < 256 && x86_fits(at, size, end); i++, at += size) {
        if (!xsi_decode_number(d, at + size - l->width, l->width))
            continue;
        xsi_open(d, NULL, XSI_GROUP, at, size);
        x86_put(d, "vector", XSI_UINT, at, 1, end);
        x86_put(d, "flags", XSI_HEX, at + 1, 1, end);
        x86_put(d, "cs", XSI_HEX, at + 2, 2, end);
        x86_put(d, "address", XSI_HEX, at + size - l->width, l->width, end);
        xsi_close(d);
    }
    xsi_close(d);
}

static void debug_registers(struct xsi_decode *d, const struct layout *l, size_t base, size_t end)
{
    static const char *const names[] = { "dr0", "dr1", "dr2", "dr3", NULL, NULL, "dr6", "dr7" };

    for (unsigned i = 0; i < X86_COUNT(names); i++)
        if (names[i])
            x86_put(d, names[i], XSI_HEX, base + l->debugreg + i * l->width, l->width, end);
}

void x86_decode_vcpu_context(struct xsi_decode *d, size_t base, size_t size, unsigned guest_width)
{
    bool wide = guest_width == 8 || (guest_width != 4 && size > X86_VCPU32_SIZE);
    const struct layout *l = wide ? &layout64 : &layout32;
    const struct xsi_field_row flags[] = { BITS("flags", 0x200, l->width, context_bits), LAST };
    size_t end = x86_end(d, base, size);

    xsi_decode_rows(d, base, size, flags);
    if (x86_fits(base + l->regs, l->width, end)) {
        xsi_open(d, "user_regs", XSI_GROUP, base + l->regs, l->regs_size);
        xsi_decode_rows(d, base + l->regs, end - base - l->regs, l->regs_rows);
        xsi_close(d);
    }
    control_registers(d, l, base, end);
    descriptor_tables(d, l, base, end);
    xsi_decode_rows(d, base, size, l->tail);
    debug_registers(d, l, base, end);
    if (d->detail > 1) {
        traps(d, l, base, end);
        x86_decode_fxsave(d, "fpu", base, end - base);
    }
}

/* 4.2 put mcg_cap at 32, 4.3 the whole vmce block; 4.22:domctl.h:xen_domctl_ext_vcpucontext */
static const struct xsi_field_row ext_rows[] = {
    { .name = "vcpu", .offset = 0, .size = 4, .kind = XSI_UINT },
    { .name = "size", .offset = 4, .size = 4, .kind = XSI_UINT, .unit = "bytes" },
    REG("syscall32_callback_eip", 8, 8),
    REG("sysenter_callback_eip", 16, 8),
    REG("syscall32_callback_cs", 24, 2),
    REG("sysenter_callback_cs", 26, 2),
    { .name = "syscall32_disables_events", .offset = 28, .size = 1, .kind = XSI_BOOL },
    { .name = "sysenter_disables_events", .offset = 29, .size = 1, .kind = XSI_BOOL },
    LAST,
};
static const struct xsi_field_row ext_vmce_rows[] = {
    BITS("mcg_cap", 32, 8, x86_mcg_cap_bits),
    REG("mci_ctl2_bank0", 40, 8),
    REG("mci_ctl2_bank1", 48, 8),
    REG("mcg_ext_ctl", 56, 8),
    LAST,
};

void x86_decode_ext_context(struct xsi_decode *d, size_t base, size_t size)
{
    uint64_t used = xsi_decode_number(d, base + 4, 4);

    xsi_decode_rows(d, base, size, ext_rows);
    /* Only what the hypervisor says it wrote: the rest is what lay on the writer's stack. */
    xsi_decode_rows(d, base, used < size ? (size_t)used : size, ext_vmce_rows);
}

void x86_decode_pv_msrs(struct xsi_decode *d, size_t base, size_t size)
{
    size_t end = x86_end(d, base, size), at = base;

    xsi_open(d, "msrs", XSI_LIST, base, end - base);
    for (; x86_fits(at, 16, end); at += 16) {
        xsi_open(d, NULL, XSI_GROUP, at, 16);
        x86_put(d, "index", XSI_HEX, at, 4, end);
        x86_put_meaning(d, "name", at, 4, x86_msr_names);
        if (xsi_decode_number(d, at + 4, 4))
            x86_put(d, "reserved", XSI_HEX, at + 4, 4, end);
        x86_put(d, "value", XSI_HEX, at + 8, 8, end);
        xsi_close(d);
    }
    xsi_close(d);
}
