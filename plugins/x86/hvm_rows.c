/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields of HVM context records, by release 4.22 and older ones of arch-x86/hvm/save.h. */
#include "x86_priv.h"

#define U(n, o, s)                                              \
    {                                                           \
        .name = n, .offset = (o), .size = (s), .kind = XSI_UINT \
    }
#define H(n, o, s)                                             \
    {                                                          \
        .name = n, .offset = (o), .size = (s), .kind = XSI_HEX \
    }
#define F(n, o, s, t)                                                          \
    {                                                                          \
        .name = n, .offset = (o), .size = (s), .kind = XSI_FLAGS, .names = (t) \
    }
#define W(n, o, s, k, h)                                                \
    {                                                                   \
        .name = n, .offset = (o), .size = (s), .kind = (k), .help = (h) \
    }
#define LAST         \
    {                \
        .name = NULL \
    }

const struct xsi_field_row x86_rows_header[] = {
    H("magic", 0, 4),
    U("version", 4, 4),
    W("changeset", 8, 8, XSI_HEX, "of the Xen that saved; all ones = unknown"),
    W("cpuid", 16, 4, XSI_HEX, "CPUID(1).eax of the saving machine"),
    { .name = "gtsc_khz",
      .offset = 20,
      .size = 4,
      .kind = XSI_UINT,
      .unit = "kHz",
      .help = "the guest's TSC; 0 before 4.0" },
    LAST,
};

/* Up to msr_efer all lengths agree; what follows is in hvm_decode.c. */
const struct xsi_field_row x86_rows_cpu[] = {
    H("rip", 0x280, 8),
    H("rsp", 0x238, 8),
    F("rflags", 0x288, 8, x86_rflags_bits),
    H("rax", 0x200, 8),
    H("rbx", 0x208, 8),
    H("rcx", 0x210, 8),
    H("rdx", 0x218, 8),
    H("rsi", 0x228, 8),
    H("rdi", 0x230, 8),
    H("rbp", 0x220, 8),
    H("r8", 0x240, 8),
    H("r9", 0x248, 8),
    H("r10", 0x250, 8),
    H("r11", 0x258, 8),
    H("r12", 0x260, 8),
    H("r13", 0x268, 8),
    H("r14", 0x270, 8),
    H("r15", 0x278, 8),
    F("cr0", 0x290, 8, x86_cr0_bits),
    H("cr2", 0x298, 8),
    H("cr3", 0x2a0, 8),
    F("cr4", 0x2a8, 8, x86_cr4_bits),
    F("efer", 0x3e0, 8, x86_efer_bits),
    H("dr0", 0x2b0, 8),
    H("dr1", 0x2b8, 8),
    H("dr2", 0x2c0, 8),
    H("dr3", 0x2c8, 8),
    H("dr6", 0x2d0, 8),
    H("dr7", 0x2d8, 8),
    H("cs_sel", 0x2e0, 4),
    H("ds_sel", 0x2e4, 4),
    H("es_sel", 0x2e8, 4),
    H("fs_sel", 0x2ec, 4),
    H("gs_sel", 0x2f0, 4),
    H("ss_sel", 0x2f4, 4),
    H("tr_sel", 0x2f8, 4),
    H("ldtr_sel", 0x2fc, 4),
    H("cs_limit", 0x300, 4),
    H("ds_limit", 0x304, 4),
    H("es_limit", 0x308, 4),
    H("fs_limit", 0x30c, 4),
    H("gs_limit", 0x310, 4),
    H("ss_limit", 0x314, 4),
    H("tr_limit", 0x318, 4),
    H("ldtr_limit", 0x31c, 4),
    H("idtr_limit", 0x320, 4),
    H("gdtr_limit", 0x324, 4),
    H("cs_base", 0x328, 8),
    H("ds_base", 0x330, 8),
    H("es_base", 0x338, 8),
    H("fs_base", 0x340, 8),
    H("gs_base", 0x348, 8),
    H("ss_base", 0x350, 8),
    H("tr_base", 0x358, 8),
    H("ldtr_base", 0x360, 8),
    H("idtr_base", 0x368, 8),
    H("gdtr_base", 0x370, 8),
    H("cs_arbytes", 0x378, 4),
    H("ds_arbytes", 0x37c, 4),
    H("es_arbytes", 0x380, 4),
    H("fs_arbytes", 0x384, 4),
    H("gs_arbytes", 0x388, 4),
    H("ss_arbytes", 0x38c, 4),
    H("tr_arbytes", 0x390, 4),
    H("ldtr_arbytes", 0x394, 4),
    H("sysenter_cs", 0x398, 8),
    H("sysenter_esp", 0x3a0, 8),
    H("sysenter_eip", 0x3a8, 8),
    H("shadow_gs", 0x3b0, 8),
    H("msr_flags", 0x3b8, 8),
    H("msr_lstar", 0x3c0, 8),
    H("msr_star", 0x3c8, 8),
    H("msr_cstar", 0x3d0, 8),
    H("msr_syscall_mask", 0x3d8, 8),
    LAST,
};

/* Bytes 4 and 5 are bit fields of the emulated chip. */
const struct xsi_field_row x86_rows_pic[] = {
    H("irr", 0, 1),
    H("imr", 1, 1),
    H("isr", 2, 1),
    H("irq_base", 3, 1),
    W("init_state", 4, 1, XSI_HEX, "low half: initialisation; high half: rotation"),
    W("mode", 5, 1, XSI_HEX,
      "readsel_isr, poll, auto_eoi, rotate, fully_nested, special_mask, is_master"),
    H("elcr", 6, 1),
    U("int_output", 7, 1),
    LAST,
};

const struct xsi_field_row x86_rows_ioapic[] = {
    H("base_address", 0, 8),
    U("ioregsel", 8, 4),
    U("id", 12, 4),
    LAST,
};

/* Rows behind a record's length are left out: shorter records are those of older releases. */
const struct xsi_field_row x86_rows_lapic[] = {
    H("apic_base_msr", 0, 8),
    H("disabled", 8, 4),
    U("timer_divisor", 12, 4),
    W("tdt_msr", 16, 8, XSI_UINT, "TSC deadline; since 4.1"),
    W("pending_esr", 24, 4, XSI_HEX, "since 4.21"),
    LAST,
};

/* Of each 16-byte register only the first four bytes are used; ISR, TMR, IRR follow as lists. */
const struct xsi_field_row x86_rows_lapic_regs[] = {
    H("id", 0x20, 4),
    H("version", 0x30, 4),
    H("tpr", 0x80, 4),
    H("apr", 0x90, 4),
    H("ppr", 0xa0, 4),
    H("ldr", 0xd0, 4),
    H("dfr", 0xe0, 4),
    H("svr", 0xf0, 4),
    H("esr", 0x280, 4),
    H("lvt_cmci", 0x2f0, 4),
    H("icr", 0x300, 4),
    H("icr2", 0x310, 4),
    H("lvt_timer", 0x320, 4),
    H("lvt_thermal", 0x330, 4),
    H("lvt_perf", 0x340, 4),
    H("lvt_lint0", 0x350, 4),
    H("lvt_lint1", 0x360, 4),
    H("lvt_error", 0x370, 4),
    U("timer_initial", 0x380, 4),
    U("timer_current", 0x390, 4),
    H("timer_divide", 0x3e0, 4),
    LAST,
};

/* GSI of each of the four wires of the PCI bus; 0 = not connected. */
const struct xsi_field_row x86_rows_pci_link[] = {
    U("route_a", 0, 1), U("route_b", 1, 1), U("route_c", 2, 1), U("route_d", 3, 1), LAST,
};

const struct xsi_field_row x86_rows_pit[] = {
    { .name = "speaker_data_on", .offset = 48, .size = 4, .kind = XSI_BOOL },
    LAST,
};

/* The CMOS bytes are the clock's registers, in BCD as a rule. */
const struct xsi_field_row x86_rows_rtc[] = {
    { .name = "cmos_data", .offset = 0, .size = 14, .kind = XSI_BYTES },
    H("cmos_index", 14, 1),
    { .name = "rtc_offset",
      .offset = 16,
      .size = 8,
      .kind = XSI_SINT,
      .unit = "s",
      .help = "from the host's clock; since 4.14" },
    LAST,
};

const struct xsi_field_row x86_rows_hpet[] = {
    H("capability", 0, 8), H("config", 16, 8), H("isr", 32, 8), U("mc64", 0xf0, 8), LAST,
};

const struct xsi_field_row x86_rows_pmtimer[] = {
    U("tmr_val", 0, 4),
    H("pm1a_sts", 4, 2),
    H("pm1a_en", 6, 2),
    LAST,
};

const struct xsi_field_row x86_rows_mtrr[] = {
    H("pat", 0, 8),
    H("cap", 0xe0, 8),
    H("def_type", 0xe8, 8),
    LAST,
};

const struct xsi_field_row x86_rows_viridian_domain[] = {
    H("hypercall_gpa", 0, 8),
    H("guest_os_id", 8, 8),
    W("time_ref_count", 16, 8, XSI_HEX, "since 4.5"),
    W("reference_tsc", 24, 8, XSI_HEX, "since 4.6"),
    LAST,
};

/* Readers ignore the mask, which is the saving host's. */
const struct xsi_field_row x86_rows_xsave[] = {
    F("xfeature_mask", 0, 8, x86_xstate_bits),
    F("xcr0", 8, 8, x86_xstate_bits),
    F("xcr0_accum", 16, 8, x86_xstate_bits),
    LAST,
};

const struct xsi_field_row x86_rows_viridian_vcpu[] = {
    H("vp_assist_msr", 0, 8),
    W("apic_assist_pending", 8, 1, XSI_BOOL, "since 4.7"),
    W("simp_msr", 16, 8, XSI_HEX, "since 4.13"),
    LAST,
};

const struct xsi_field_row x86_rows_vmce[] = {
    F("caps", 0, 8, x86_mcg_cap_bits),
    W("mci_ctl2_bank0", 8, 8, XSI_HEX, "since 4.3"),
    W("mci_ctl2_bank1", 16, 8, XSI_HEX, "since 4.3"),
    W("mcg_ext_ctl", 24, 8, XSI_HEX, "since 4.10"),
    LAST,
};

const struct xsi_field_row x86_rows_tsc_adjust[] = {
    { .name = "tsc_adjust", .offset = 0, .size = 8, .kind = XSI_SINT },
    LAST,
};

const struct xsi_field_row x86_rows_msr[] = { U("count", 0, 4), LAST };
