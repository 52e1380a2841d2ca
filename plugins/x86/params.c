/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HVM parameters: names and meaning from 3.4, 4.6 and 4.22:hvm/params.h. */
#include "x86_priv.h"

static const struct xsi_name viridian_bits[] = {
    { X86_BIT(0), "base" },
    { X86_BIT(1), "no_freq" },
    { X86_BIT(2), "time_ref_count" },
    { X86_BIT(3), "reference_tsc" },
    { X86_BIT(4), "hcall_remote_tlb_flush" },
    { X86_BIT(5), "apic_assist" },
    { X86_BIT(6), "crash_ctl" },
    { X86_BIT(7), "synic" },
    { X86_BIT(8), "stimer" },
    { X86_BIT(9), "hcall_ipi" },
    { X86_BIT(10), "ex_processor_masks" },
    { X86_BIT(11), "no_vp_limit" },
    { X86_BIT(12), "cpu_hotplug" },
    { 0, NULL },
};

static const struct xsi_name timer_modes[] = {
    { 0, "delay_for_missed_ticks" },
    { 1, "no_delay_for_missed_ticks" },
    { 2, "no_missed_ticks_pending" },
    { 3, "one_missed_tick_pending" },
    { 0, NULL },
};

static const struct xsi_name altp2m_modes[] = {
    { 0, "disabled" }, { 1, "mixed" }, { 2, "external" }, { 3, "limited" }, { 0, NULL },
};

static const struct xsi_name acpi_ioports[] = {
    { 0, "0x1f40" },
    { 1, "0xb000" },
    { 0, NULL },
};

static const struct xsi_name mca_caps[] = { { X86_BIT(0), "lmce" }, { 0, NULL } };

/*
 * index, name, kind, names, help. One list makes both the rows and the table of names. Kinds are
 * how people read the value: frames and addresses in hex, counts in decimal. Parameters that no
 * writer sends are here too: an edited or damaged image may hold them.
 */
#define PARAMS(P)                                                                            \
    P(0, "CALLBACK_IRQ", XSI_HEX, NULL, "how vCPU 0 learns of events; type in bits 63-56")   \
    P(1, "STORE_PFN", XSI_PFN, NULL, "xenstore ring")                                        \
    P(2, "STORE_EVTCHN", XSI_UINT, NULL, NULL)                                               \
    P(4, "PAE_ENABLED", XSI_BOOL, NULL, "written up to 4.13, ignored by readers since 4.14") \
    P(5, "IOREQ_PFN", XSI_PFN, NULL, "requests to the device model")                         \
    P(6, "BUFIOREQ_PFN", XSI_PFN, NULL, "buffered requests to the device model")             \
    P(7, "NVRAM_FD", XSI_UINT, NULL, "ia64 only")                                            \
    P(8, "VHPT_SIZE", XSI_UINT, NULL, "ia64 only")                                           \
    P(9, "VIRIDIAN", XSI_FLAGS, viridian_bits, "interfaces of Hyper-V that the guest sees")  \
    P(10, "TIMER_MODE", XSI_ENUM, timer_modes, NULL)                                         \
    P(11, "HPET_ENABLED", XSI_BOOL, NULL, NULL)                                              \
    P(12, "IDENT_PT", XSI_HEX, NULL, "address of the identity page table (EPT, paging off)") \
    P(13, "DM_DOMAIN", XSI_UINT, NULL, "deprecated; refused since 4.14")                     \
    P(14, "ACPI_S_STATE", XSI_UINT, NULL, NULL)                                              \
    P(15, "VM86_TSS", XSI_HEX, NULL, "address of a TSS for real mode on Intel; 3.4 to 4.8")  \
    P(16, "VPT_ALIGN", XSI_BOOL, NULL, NULL)                                                 \
    P(17, "CONSOLE_PFN", XSI_PFN, NULL, "ring of the console")                               \
    P(18, "CONSOLE_EVTCHN", XSI_UINT, NULL, NULL)                                            \
    P(19, "ACPI_IOPORTS_LOCATION", XSI_ENUM, acpi_ioports, "base of the ACPI I/O ports")     \
    P(20, "MEMORY_EVENT_CR0", XSI_HEX, NULL, "deprecated; refused since 4.14")               \
    P(21, "MEMORY_EVENT_CR3", XSI_HEX, NULL, "deprecated; refused since 4.14")               \
    P(22, "MEMORY_EVENT_CR4", XSI_HEX, NULL, "deprecated; refused since 4.14")               \
    P(23, "MEMORY_EVENT_INT3", XSI_HEX, NULL, "deprecated; refused since 4.14")              \
    P(24, "NESTEDHVM", XSI_BOOL, NULL, "deprecated; refused since 4.15")                     \
    P(25, "MEMORY_EVENT_SINGLE_STEP", XSI_HEX, NULL, "deprecated; refused since 4.14")       \
    P(26, "BUFIOREQ_EVTCHN", XSI_UINT, NULL, "deprecated; refused since 4.14")               \
    P(27, "PAGING_RING_PFN", XSI_PFN, NULL, NULL)                                            \
    P(28, "MONITOR_RING_PFN", XSI_PFN, NULL, "called access ring at first")                  \
    P(29, "SHARING_RING_PFN", XSI_PFN, NULL, NULL)                                           \
    P(30, "MEMORY_EVENT_MSR", XSI_HEX, NULL, "deprecated; refused since 4.14")               \
    P(31, "TRIPLE_FAULT_REASON", XSI_UINT, NULL, "what a triple fault does to the domain")   \
    P(32, "IOREQ_SERVER_PFN", XSI_PFN, NULL, "first page of the I/O request servers")        \
    P(33, "NR_IOREQ_SERVER_PAGES", XSI_UINT, NULL, NULL)                                     \
    P(34, "VM_GENERATION_ID_ADDR", XSI_HEX, NULL, NULL)                                      \
    P(35, "ALTP2M", XSI_ENUM, altp2m_modes, NULL)                                            \
    P(36, "X87_FIP_WIDTH", XSI_UINT, NULL, "0, 4 or 8 bytes; 4.5.4, 4.6.3, 4.7 and later")   \
    P(37, "VM86_TSS_SIZED", XSI_HEX, NULL, "as VM86_TSS, size in the upper half; from 4.9")  \
    P(38, "MCA_CAP", XSI_FLAGS, mca_caps, "from 4.10")

#define ROW(i, n, k, t, h) { i, n, k, t, h },
static const struct x86_param params[] = { PARAMS(ROW) };
#undef ROW

#define ROW(i, n, k, t, h) { i, n },
const struct xsi_name x86_hvm_param_names[] = { PARAMS(ROW){ 0, NULL } };
#undef ROW

const struct x86_param *x86_hvm_param(uint64_t index)
{
    for (size_t i = 0; i < X86_COUNT(params); i++)
        if (params[i].index == index)
            return &params[i];
    return NULL;
}

void x86_put_hvm_param(struct xsi_decode *d, const char *name, uint64_t index, size_t at,
                       size_t length)
{
    const struct x86_param *p = x86_hvm_param(index);
    const struct xsi_field_row row[] = {
        { .name = name,
          .size = (uint32_t)length,
          .kind = p ? p->kind : XSI_HEX,
          .names = p ? p->names : NULL,
          .help = p ? p->help : NULL },
        { 0 },
    };

    if (x86_fits(at, length, d->have))
        xsi_decode_rows(d, at, length, row);
}

void x86_decode_hvm_params(struct xsi_decode *d, size_t base, uint64_t count)
{
    size_t at = base, end = d->have;

    if (base > end)
        return;
    xsi_open(d, "params", XSI_LIST, base, end - base);
    for (uint64_t i = 0; i < count && x86_fits(at, 16, end); i++, at += 16) {
        uint64_t index = xsi_decode_number(d, at, 8);

        xsi_open(d, NULL, XSI_GROUP, at, 16);
        xsi_put_name(d, "index", at, 8, index, x86_hvm_param_names);
        x86_put_hvm_param(d, "value", index, at + 8, 8);
        xsi_close(d);
    }
    xsi_close(d);
}
