/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libxc knows while it restores a legacy stream, for people who step through it. */
#include "model.h"

/* clang-format off */
#define FACT(member, text, kind, ...) XSI_FACT(struct legacy_m, member, text, kind, __VA_ARGS__)

static const struct xsi_field_row checkpoint_facts[] = {
    FACT(checkpoints, "checkpoints", XSI_UINT, .help = "complete ones: body and tail"),
    FACT(last, "last_checkpoint", XSI_BOOL, .help = "it looks for no other behind this one"),
    { .name = NULL },
};

static const struct xsi_field_row body_facts[] = {
    FACT(id, "last_count", XSI_SINT, .help = "page count or chunk id that it took last"),
    FACT(p2m_size, "p2m_size", XSI_UINT, .unit = "frames", .help = "its tables' room"),
    FACT(pages, "pages", XSI_UINT, .help = "frames that have got memory"),
    FACT(max_vcpu, "max_vcpu", XSI_SINT, .help = "highest vCPU id of the last whole body"),
    FACT(map[0], "vcpu_map", XSI_HEX, .help = "vCPUs that a tail brings, 0 to 63"),
    FACT(vcpus_set, "vcpus_set", XSI_UINT, .help = "vCPUs whose context Xen has taken"),
    FACT(hvm, "hvm", XSI_BOOL, .help = "it restores into an HVM domain"),
    FACT(ul, "long_size", XSI_UINT, .unit = "bytes", .help = "its unsigned long"),
    FACT(verify, "verify", XSI_BOOL, .detail = 2, .help = "pages are compared, not stored"),
    FACT(compressing, "compressing", XSI_BOOL, .detail = 2,
         .help = "the next checkpoint is compressed"),
    FACT(unpacking, "unpacking", XSI_BOOL, .detail = 2, .help = "pages come compressed"),
    FACT(tools_read, "toolstack_data", XSI_BOOL, .detail = 2,
         .help = "it holds the toolstack's data"),
    FACT(kept_count, "batches_kept", XSI_UINT, .detail = 2,
         .help = "they wait for this checkpoint's tail"),
    { .name = NULL },
};

static const struct xsi_field_row pv_facts[] = {
    FACT(gw, "guest_width", XSI_UINT, .unit = "bytes", .help = "the guest's unsigned long"),
    FACT(levels, "levels", XSI_UINT, .help = "of the guest's page tables"),
    FACT(list_count, "frame_list", XSI_UINT, .unit = "entries", .help = "list of p2m frames"),
    { .name = NULL },
};

static const struct xsi_field_row hvm_facts[] = {
    FACT(good.context, "hvm_context", XSI_UINT, .unit = "bytes",
         .help = "HVM context of the last tail"),
    FACT(good.record, "device_model", XSI_SINT, .unit = "bytes",
         .help = "device-model state that it has read"),
    FACT(good.magic[0], "ioreq_pfn", XSI_PFN, .help = "magic frames of the tail: ioreq, …"),
    FACT(good.magic[1], "bufioreq_pfn", XSI_PFN, .help = "… buffered ioreq, …"),
    FACT(good.magic[2], "store_pfn", XSI_PFN, .help = "… xenstore"),
    FACT(param[3], "ident_pt", XSI_HEX, .help = "HVM_IDENT_PT as read"),
    FACT(param[4], "vm86_tss", XSI_HEX, .help = "HVM_VM86_TSS as read"),
    FACT(param[8], "console_pfn", XSI_PFN, .help = "HVM_CONSOLE_PFN as read"),
    FACT(param[10], "acpi_ioports", XSI_HEX, .help = "HVM_ACPI_IOPORTS_LOCATION as read"),
    FACT(param[11], "viridian", XSI_HEX, .help = "HVM_VIRIDIAN as read"),
    FACT(param[14], "generation_id", XSI_HEX, .help = "HVM_GENERATION_ID_ADDR as read"),
    FACT(param[15], "paging_ring", XSI_PFN, .help = "HVM_PAGING_RING_PFN as read"),
    FACT(param[16], "access_ring", XSI_PFN, .help = "HVM_ACCESS_RING_PFN as read"),
    FACT(param[17], "sharing_ring", XSI_PFN, .help = "HVM_SHARING_RING_PFN as read"),
    FACT(param[19], "ioreq_server", XSI_PFN, .help = "HVM_IOREQ_SERVER_PFN as read"),
    FACT(param[20], "ioreq_pages", XSI_HEX, .help = "HVM_NR_IOREQ_SERVER_PAGES as read"),
    FACT(param[21], "fip_width", XSI_HEX, .help = "HVM_X87_FIP_WIDTH as read"),
    { .name = NULL },
};
/* clang-format on */

void legacy_facts(const struct xsi_run *r, const void *state, struct xsi_sink *sink)
{
    const struct legacy_m *s = state;

    (void)r;
    if (!s->k) /* it has not begun */
        return;
    xsi_facts_rows(sink, s, checkpoint_facts);
    xsi_fact(sink, "non_blocking", XSI_BOOL,
             s->completed && !s->last && s->k->machine == LEGACY_BUFFERED, NULL,
             "a next checkpoint has one second to come");
    xsi_facts_rows(sink, s, body_facts);
    if (s->hvm && legacy_has(s, QUIRK_SUPERPAGES))
        xsi_fact(sink, "superpages", XSI_BOOL, true, NULL, "it takes memory in pieces of 2 MiB");
    xsi_fact(sink, "vcpu_map_read", XSI_HEX, s->vcpus_read ? s->map_read[0] : 0, NULL,
             "map of the body at hand");
    xsi_facts_rows(sink, s, s->hvm ? hvm_facts : pv_facts);
    xsi_fact_text(sink, "trouble", s->has_cause ? s->cause : "",
                  "why it fails, if nothing saves it");
}
