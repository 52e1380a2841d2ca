/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of HVM context records that repeat or depend on a length. */
#include "x86_priv.h"

/* TSC_AUX came with 4.0 and moved what followed by 8 bytes; flags came with 4.7. */
static void decode_cpu(struct xsi_decode *d, size_t base, size_t size)
{
    static const struct xsi_field_row before_40[] = {
        { .name = "tsc", .offset = 0x3e8, .size = 8, .kind = XSI_UINT },
        { .name = "pending_event", .offset = 0x3f0, .size = 4, .kind = XSI_HEX },
        { .name = "error_code", .offset = 0x3f4, .size = 4, .kind = XSI_HEX },
        { .name = NULL },
    };
    static const struct xsi_name flags[] = { { 1, "fpu_initialised" }, { 0, NULL } };
    static const struct xsi_field_row since_40[] = {
        { .name = "msr_tsc_aux", .offset = 0x3e8, .size = 8, .kind = XSI_HEX },
        { .name = "tsc", .offset = 0x3f0, .size = 8, .kind = XSI_UINT },
        { .name = "pending_event", .offset = 0x3f8, .size = 4, .kind = XSI_HEX },
        { .name = "error_code", .offset = 0x3fc, .size = 4, .kind = XSI_HEX },
        { .name = "flags", .offset = 0x400, .size = 4, .kind = XSI_FLAGS, .names = flags },
        { .name = "pad0", .offset = 0x404, .size = 4, .kind = XSI_HEX },
        { .name = NULL },
    };

    xsi_decode_rows(d, base, size, size <= 1016 ? before_40 : since_40);
    x86_decode_fxsave(d, "fpu", base, size);
}

/* Entries in their reset state (masked, all else 0) are left out. */
static void decode_ioapic(struct xsi_decode *d, size_t base, size_t size)
{
    static const struct xsi_name modes[] = {
        { 0, "fixed" }, { 1, "lowest" }, { 2, "smi" }, { 4, "nmi" },
        { 5, "init" },  { 7, "extint" }, { 0, NULL },
    };
    size_t end = x86_end(d, base, size), at = base + 16;

    if (!x86_fits(at, 8, end))
        return;
    xsi_open(d, "redirtbl", XSI_LIST, at, end - at);
    for (unsigned pin = 0; x86_fits(at, 8, end); pin++, at += 8) {
        uint64_t e = xsi_decode_number(d, at, 8);

        if (e == 0x10000)
            continue;
        xsi_open(d, NULL, XSI_GROUP, at, 8);
        xsi_put(d, "pin", XSI_UINT, at, 0, pin, NULL);
        xsi_put(d, "vector", XSI_UINT, at, 1, e & 0xff, NULL);
        xsi_put_name(d, "delivery_mode", at + 1, 1, e >> 8 & 7, modes);
        xsi_put(d, "logical", XSI_BOOL, at + 1, 1, e >> 11 & 1, NULL);
        xsi_put(d, "active_low", XSI_BOOL, at + 1, 1, e >> 13 & 1, NULL);
        xsi_put(d, "remote_irr", XSI_BOOL, at + 1, 1, e >> 14 & 1, NULL);
        xsi_put(d, "level", XSI_BOOL, at + 1, 1, e >> 15 & 1, NULL);
        xsi_put(d, "masked", XSI_BOOL, at + 2, 1, e >> 16 & 1, NULL);
        xsi_put(d, "dest_id", XSI_UINT, at + 7, 1, e >> 56, NULL);
        xsi_close(d);
    }
    xsi_close(d);
}

/* 256 bits in eight registers, 16 bytes apart: the vectors that are set. */
static void vectors(struct xsi_decode *d, const char *name, size_t at, size_t end)
{
    if (!x86_fits(at, 0x74, end))
        return;
    xsi_open(d, name, XSI_LIST, at, 0x80);
    for (unsigned v = 0; v < 256; v++)
        if (d->bytes[at + v / 32 * 16 + v % 32 / 8] >> v % 8 & 1)
            xsi_put(d, NULL, XSI_UINT, at + v / 32 * 16 + v % 32 / 8, 1, v, NULL);
    xsi_close(d);
}

static void decode_lapic_regs(struct xsi_decode *d, size_t base, size_t size)
{
    size_t end = x86_end(d, base, size);

    vectors(d, "isr", base + 0x100, end);
    vectors(d, "tmr", base + 0x180, end);
    vectors(d, "irr", base + 0x200, end);
}

/* Wire numbers: PCI device * 4 + INTx. */
static void decode_pci_irq(struct xsi_decode *d, size_t base, size_t size)
{
    x86_put_bits(d, "asserted", base, 16, 0, x86_end(d, base, size));
}

static void decode_isa_irq(struct xsi_decode *d, size_t base, size_t size)
{
    x86_put_bits(d, "asserted", base, 8, 0, x86_end(d, base, size));
}

/* Three channels of 16 bytes: timer interrupt, memory refresh, speaker. */
static void decode_pit(struct xsi_decode *d, size_t base, size_t size)
{
    static const struct xsi_field_row channel[] = {
        { .name = "count", .offset = 0, .size = 4, .kind = XSI_UINT },
        { .name = "latched_count", .offset = 4, .size = 2, .kind = XSI_UINT },
        { .name = "count_latched", .offset = 6, .size = 1, .kind = XSI_UINT },
        { .name = "status_latched", .offset = 7, .size = 1, .kind = XSI_UINT },
        { .name = "status", .offset = 8, .size = 1, .kind = XSI_HEX },
        { .name = "read_state", .offset = 9, .size = 1, .kind = XSI_UINT },
        { .name = "write_state", .offset = 10, .size = 1, .kind = XSI_UINT },
        { .name = "write_latch", .offset = 11, .size = 1, .kind = XSI_UINT },
        { .name = "rw_mode", .offset = 12, .size = 1, .kind = XSI_UINT },
        { .name = "mode", .offset = 13, .size = 1, .kind = XSI_UINT },
        { .name = "bcd", .offset = 14, .size = 1, .kind = XSI_BOOL },
        { .name = "gate", .offset = 15, .size = 1, .kind = XSI_BOOL },
        { .name = NULL },
    };
    size_t end = x86_end(d, base, size);

    xsi_open(d, "channels", XSI_LIST, base, 48);
    for (unsigned i = 0; i < 3 && x86_fits(base + i * 16U, 16, end); i++) {
        xsi_open(d, NULL, XSI_GROUP, base + i * 16U, 16);
        xsi_decode_rows(d, base + i * 16U, 16, channel);
        xsi_close(d);
    }
    xsi_close(d);
}

/* The rest of the 1 KiB register page is reserved, and zero. */
static void decode_hpet(struct xsi_decode *d, size_t base, size_t size)
{
    static const struct xsi_field_row timer[] = {
        { .name = "config", .offset = 0, .size = 8, .kind = XSI_HEX },
        { .name = "cmp", .offset = 8, .size = 8, .kind = XSI_HEX },
        { .name = "fsb", .offset = 16, .size = 8, .kind = XSI_HEX },
        { .name = NULL },
    };
    size_t end = x86_end(d, base, size);

    xsi_open(d, "timers", XSI_LIST, base + 0x100, 96);
    for (size_t i = 0, at = base + 0x100; i < 3 && x86_fits(at, 32, end); i++, at += 32) {
        xsi_open(d, NULL, XSI_GROUP, at, 32);
        xsi_decode_rows(d, at, 32, timer);
        xsi_close(d);
    }
    xsi_close(d);
    x86_put_array(d, "periods", XSI_UINT, base + 0x400, 8, 8, 3, end);
}

/* Memory types: eight pairs of base and mask, and eleven fixed ranges below 1 MiB. */
static void decode_mtrr(struct xsi_decode *d, size_t base, size_t size)
{
    size_t end = x86_end(d, base, size);

    xsi_open(d, "variable", XSI_LIST, base + 8, 128);
    for (size_t i = 0, at = base + 8; i < 8 && x86_fits(at, 16, end); i++, at += 16) {
        xsi_open(d, NULL, XSI_GROUP, at, 16);
        x86_put(d, "base", XSI_HEX, at, 8, end);
        x86_put(d, "mask", XSI_HEX, at + 8, 8, end);
        xsi_close(d);
    }
    xsi_close(d);
    x86_put_array(d, "fixed", XSI_HEX, base + 0x88, 8, 8, 11, end);
}

static void decode_cpu_xsave(struct xsi_decode *d, size_t base, size_t size)
{
    if (size > 24)
        x86_decode_xsave_area(d, base + 24, size - 24, xsi_decode_number(d, base + 16, 8));
}

/* Lists that came with 4.13. */
static void decode_viridian_vcpu(struct xsi_decode *d, size_t base, size_t size)
{
    size_t end = x86_end(d, base, size);

    x86_put_array(d, "sint_msr", XSI_HEX, base + 0x18, 8, 8, 16, end);
    x86_put_array(d, "stimer_config_msr", XSI_HEX, base + 0x98, 8, 8, 4, end);
    x86_put_array(d, "stimer_count_msr", XSI_HEX, base + 0xb8, 8, 8, 4, end);
}

static void decode_cpu_msr(struct xsi_decode *d, size_t base, size_t size)
{
    if (size > 8)
        x86_decode_pv_msrs(d, base + 8, size - 8);
}

/* name, per vCPU, instances, zero-extended from, repeat, rows, rest */
const struct x86_hvm_type x86_hvm_types[] = {
    [X86_HVM_END] = { "END", false, 1, 0, 0, NULL, NULL },
    [X86_HVM_HEADER] = { "HEADER", false, 1, 0, 0, x86_rows_header, NULL },
    [X86_HVM_CPU] = { "CPU", true, 0, 407, 0, x86_rows_cpu, decode_cpu },
    [X86_HVM_PIC] = { "PIC", false, 2, 0, 0, x86_rows_pic, NULL },
    [X86_HVM_IOAPIC] = { "IOAPIC", false, 1, 0, 0, x86_rows_ioapic, decode_ioapic },
    [X86_HVM_LAPIC] = { "LAPIC", true, 0, 401, 0, x86_rows_lapic, NULL },
    [X86_HVM_LAPIC_REGS] = { "LAPIC_REGS", true, 0, 0, 0, x86_rows_lapic_regs, decode_lapic_regs },
    [X86_HVM_PCI_IRQ] = { "PCI_IRQ", false, 1, 0, 0, NULL, decode_pci_irq },
    [X86_HVM_ISA_IRQ] = { "ISA_IRQ", false, 1, 0, 0, NULL, decode_isa_irq },
    [X86_HVM_PCI_LINK] = { "PCI_LINK", false, 1, 0, 0, x86_rows_pci_link, NULL },
    [X86_HVM_PIT] = { "PIT", false, 1, 0, 0, x86_rows_pit, decode_pit },
    [X86_HVM_RTC] = { "RTC", false, 1, 414, 0, x86_rows_rtc, NULL },
    [X86_HVM_HPET] = { "HPET", false, 1, 0, 0, x86_rows_hpet, decode_hpet },
    [X86_HVM_PMTIMER] = { "PMTIMER", false, 1, 0, 0, x86_rows_pmtimer, NULL },
    [X86_HVM_MTRR] = { "MTRR", true, 0, 0, 0, x86_rows_mtrr, decode_mtrr },
    [X86_HVM_VIRIDIAN_DOMAIN] = { "VIRIDIAN_DOMAIN", false, 1, 405, 0, x86_rows_viridian_domain,
                                  NULL },
    [X86_HVM_CPU_XSAVE] = { "CPU_XSAVE", true, 0, 0, 1, x86_rows_xsave, decode_cpu_xsave },
    [X86_HVM_VIRIDIAN_VCPU] = { "VIRIDIAN_VCPU", true, 0, 407, 0, x86_rows_viridian_vcpu,
                                decode_viridian_vcpu },
    [X86_HVM_VMCE_VCPU] = { "VMCE_VCPU", true, 0, 403, 0, x86_rows_vmce, NULL },
    [X86_HVM_TSC_ADJUST] = { "TSC_ADJUST", true, 0, 0, 0, x86_rows_tsc_adjust, NULL },
    [X86_HVM_CPU_MSR] = { "CPU_MSR", true, 0, 0, 16, x86_rows_msr, decode_cpu_msr },
};
