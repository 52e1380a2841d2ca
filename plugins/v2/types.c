/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Record types of the v2 stream as rows: names, help, decoders, sizes. */
#include "v2.h"

/* clang-format off */
#define RECORD_ROW(type, text, help_text, decoder) \
    [V2_##type] = { .name = text, .has_id = true, .id = V2_##type, .help = help_text, \
                    .decode = decoder }

const struct xsi_type v2_types[V2_TYPES] = {
    RECORD_ROW(END, "END", "end of the libxc stream", v2_decode_empty),
    RECORD_ROW(PAGE_DATA, "PAGE_DATA", "a batch of guest frames with their contents",
               v2_decode_pages),
    RECORD_ROW(PV_INFO, "X86_PV_INFO", "word width and page-table levels of a PV guest",
               v2_decode_pv_info),
    RECORD_ROW(P2M_FRAMES, "X86_PV_P2M_FRAMES", "frames that hold the guest's p2m table",
               v2_decode_p2m),
    RECORD_ROW(VCPU_BASIC, "X86_PV_VCPU_BASIC", "registers of a PV vCPU", v2_decode_vcpu),
    RECORD_ROW(VCPU_EXTENDED, "X86_PV_VCPU_EXTENDED",
               "system-call entry points and machine-check state of a PV vCPU", v2_decode_vcpu),
    RECORD_ROW(VCPU_XSAVE, "X86_PV_VCPU_XSAVE", "extended processor state of a PV vCPU",
               v2_decode_vcpu),
    RECORD_ROW(SHARED_INFO, "SHARED_INFO", "the page that a PV guest shares with Xen",
               v2_decode_shared),
    RECORD_ROW(TSC_INFO, "X86_TSC_INFO", "mode and frequency of the guest's time stamp counter",
               v2_decode_tsc),
    RECORD_ROW(HVM_CONTEXT, "HVM_CONTEXT", "vCPUs and virtual devices of an HVM guest, as Xen "
               "saves them", v2_decode_context),
    RECORD_ROW(HVM_PARAMS, "HVM_PARAMS", "parameters of an HVM domain, such as its special frames",
               v2_decode_params),
    RECORD_ROW(TOOLSTACK, "TOOLSTACK", "opaque data of tools older than 4.6; every release refuses "
               "it", v2_decode_opaque),
    RECORD_ROW(VCPU_MSRS, "X86_PV_VCPU_MSRS", "model-specific registers of a PV vCPU",
               v2_decode_vcpu),
    RECORD_ROW(VERIFY, "VERIFY", "pages from here on are compared, not stored", v2_decode_empty),
    RECORD_ROW(CHECKPOINT, "CHECKPOINT", "a consistent state is complete (Remus, COLO)",
               v2_decode_empty),
    RECORD_ROW(DIRTY_PFNS, "CHECKPOINT_DIRTY_PFN_LIST", "frames that a COLO secondary dirtied; "
               "belongs to the back channel", v2_decode_dirty),
    RECORD_ROW(STATIC_DATA_END, "STATIC_DATA_END", "end of what is known before the memory",
               v2_decode_empty),
    RECORD_ROW(CPUID_POLICY, "X86_CPUID_POLICY", "CPUID leaves that the guest sees",
               v2_decode_cpuid),
    RECORD_ROW(MSR_POLICY, "X86_MSR_POLICY", "feature MSRs that the guest sees", v2_decode_msr),
    [V2_RECORDS] = { .name = "RECORD", .help = "a record of a type that Xen up to 4.22 does not "
                     "know", .decode = v2_decode_opaque },
    [V2_IMAGE_HEADER] = { .name = "IMAGE_HEADER", .help = "marker, version and byte order of the "
                          "libxc stream; always big-endian", .decode = v2_decode_ihdr },
    [V2_DOMAIN_HEADER] = { .name = "DOMAIN_HEADER", .help = "kind of guest, page size and the "
                           "writer's release", .decode = v2_decode_dhdr },
};

/* Most a sane body can hold is more than any writer's: it only tells rubbish from a length. */
const struct v2_rule v2_rules[V2_RECORDS] = {
    [V2_END]             = { "END", 0, 0, 0, 0 },
    [V2_PAGE_DATA]       = { "PAGE_DATA", 16, V2_CAP, 8, 0 },
    [V2_PV_INFO]         = { "X86_PV_INFO", 8, 8, 0, 0 },
    [V2_P2M_FRAMES]      = { "X86_PV_P2M_FRAMES", 16, V2_CAP, 8, 8 },
    [V2_VCPU_BASIC]      = { "X86_PV_VCPU_BASIC", 8, 8 + 5168, 0, 0 },
    [V2_VCPU_EXTENDED]   = { "X86_PV_VCPU_EXTENDED", 8, 8 + 128, 8, 8 },
    [V2_VCPU_XSAVE]      = { "X86_PV_VCPU_XSAVE", 8, 8 + (64 << 10), 0, 0 },
    [V2_SHARED_INFO]     = { "SHARED_INFO", 4096, 4096, 0, 0 },
    [V2_TSC_INFO]        = { "X86_TSC_INFO", 24, 24, 0, 0 },
    [V2_HVM_CONTEXT]     = { "HVM_CONTEXT", 8, V2_CHECK_MAX, 0, 0 },
    [V2_HVM_PARAMS]      = { "HVM_PARAMS", 8, 8 + 16 * 256, 16, 8 },
    [V2_TOOLSTACK]       = { "TOOLSTACK", 0, 16 << 20, 0, 0 },
    [V2_VCPU_MSRS]       = { "X86_PV_VCPU_MSRS", 8, 8 + 16 * 1024, 16, 8 },
    [V2_VERIFY]          = { "VERIFY", 0, 0, 0, 0 },
    [V2_CHECKPOINT]      = { "CHECKPOINT", 0, 0, 0, 0 },
    [V2_DIRTY_PFNS]      = { "CHECKPOINT_DIRTY_PFN_LIST", 8, V2_CAP, 8, 0 },
    [V2_STATIC_DATA_END] = { "STATIC_DATA_END", 0, 0, 0, 0 },
    [V2_CPUID_POLICY]    = { "X86_CPUID_POLICY", 24, 24 * 4096, 24, 0 },
    [V2_MSR_POLICY]      = { "X86_MSR_POLICY", 16, 16 * 1024, 16, 0 },
};

/* Types of page entries; 4.22:public/domctl.h:XEN_DOMCTL_PFINFO_*. */
const struct xsi_name v2_page_types[] = {
    { 0x0, "NOTAB" }, { 0x1, "L1TAB" }, { 0x2, "L2TAB" }, { 0x3, "L3TAB" }, { 0x4, "L4TAB" },
    { 0x9, "L1TAB_PINNED" }, { 0xa, "L2TAB_PINNED" }, { 0xb, "L3TAB_PINNED" },
    { 0xc, "L4TAB_PINNED" }, { 0xd, "BROKEN" }, { 0xe, "XALLOC" }, { 0xf, "XTAB" },
    { 0x5, "INVALID_5" }, { 0x6, "INVALID_6" }, { 0x7, "INVALID_7" }, { 0x8, "INVALID_8" },
    { 0, NULL }
};

const struct xsi_name v2_domain_types[] = {
    { 1, "x86_pv" }, { 2, "x86_hvm" }, { 3, "x86_pvh" }, { 4, "arm" }, { 0, NULL }
};
/* clang-format on */

const struct xsi_type *v2_type(uint32_t type)
{
    return &v2_types[type < V2_RECORDS ? type : V2_RECORDS];
}

bool v2_size_ok(uint32_t type, uint32_t length)
{
    const struct v2_rule *r;

    if (type >= V2_RECORDS)
        return false;
    r = &v2_rules[type];
    if (length < r->min || length > r->max)
        return false;
    if (type == V2_VCPU_BASIC)
        return length == 8 || length == 8 + 2800 || length == 8 + 5168;
    return !r->step || (length - r->base) % r->step == 0;
}

/* The stream appeared in 4.6. */
const char *v2_release(uint32_t major, uint32_t minor)
{
    static const char *const names[] = { "xen-4.6",  "xen-4.7",  "xen-4.8",  "xen-4.9",  "xen-4.10",
                                         "xen-4.11", "xen-4.12", "xen-4.13", "xen-4.14", "xen-4.15",
                                         "xen-4.16", "xen-4.17", "xen-4.18", "xen-4.19", "xen-4.20",
                                         "xen-4.21", "xen-4.22" };

    if (major != 4 || minor < 6 || minor - 6 >= sizeof(names) / sizeof(names[0]))
        return NULL;
    return names[minor - 6];
}
