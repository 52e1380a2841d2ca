/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libxc knows while it restores a v2 stream, for people who step through it. */
#include "model.h"

/* clang-format off */
#define FACT(member, text, kind, ...) XSI_FACT(struct v2_judge, member, text, kind, __VA_ARGS__)

const struct xsi_field_row v2_facts[] = {
    FACT(version, "version", XSI_UINT, .help = "of the image header: 2 or 3"),
    FACT(hvm, "hvm", XSI_BOOL, .help = "it restores into an HVM or PVH domain"),
    FACT(record, "record", XSI_HEX, .help = "type of the record at hand"),
    FACT(at, "record_at", XSI_HEX, .help = "offset of its header"),
    FACT(length, "record_length", XSI_UINT, .unit = "bytes", .help = "of its body"),
    FACT(static_done, "static_data_end", XSI_BOOL, .help = "all that precedes memory is there"),
    FACT(has_cpuid, "cpuid_policy", XSI_BOOL, .help = "an X86_CPUID_POLICY record was taken"),
    FACT(has_msr, "msr_policy", XSI_BOOL, .detail = 2,
         .help = "an X86_MSR_POLICY record was taken"),
    FACT(pages_seen, "page_data", XSI_BOOL, .help = "a PAGE_DATA record was met"),
    FACT(populated, "pages", XSI_UINT, .help = "frames that have got memory"),
    FACT(verify, "verify", XSI_BOOL, .detail = 2, .help = "pages are compared, not stored"),
    FACT(tsc_seen, "tsc_info", XSI_BOOL, .help = "X86_TSC_INFO was met"),
    FACT(remus, "checkpointed", XSI_BOOL, .detail = 2,
         .help = "it was told that checkpoints follow"),
    FACT(buffering, "buffering", XSI_BOOL, .detail = 2,
         .help = "records wait for the next CHECKPOINT"),
    FACT(consistent, "consistent", XSI_BOOL, .detail = 2,
         .help = "a whole checkpoint can be taken"),
    FACT(error, "errno", XSI_UINT, .detail = 2, .help = "what its next error line shows"),
    { .name = NULL },
};

static const struct xsi_field_row hvm_facts[] = {
    FACT(params_seen, "hvm_params", XSI_BOOL, .help = "HVM_PARAMS was met"),
    FACT(param_set, "params_set", XSI_HEX, .help = "bit per HVM parameter that is set"),
    FACT(has_context, "hvm_context", XSI_BOOL, .help = "HVM_CONTEXT was taken"),
    { .name = NULL },
};

static const struct xsi_field_row pv_facts[] = {
    FACT(pv_info, "pv_info", XSI_BOOL, .help = "X86_PV_INFO was taken"),
    FACT(width, "guest_width", XSI_UINT, .unit = "bytes", .help = "the guest's unsigned long"),
    FACT(max_pfn, "max_pfn", XSI_PFN, .help = "highest frame of the guest's p2m"),
    FACT(pieces, "p2m_records", XSI_UINT, .help = "X86_PV_P2M_FRAMES that were taken"),
    FACT(shared_seen, "shared_info", XSI_BOOL, .help = "SHARED_INFO was met"),
    FACT(vcpus, "vcpus", XSI_UINT, .help = "vCPUs of which it holds state"),
    { .name = NULL },
};
/* clang-format on */

void v2_more_facts(const struct xsi_run *r, const void *state, struct xsi_sink *sink)
{
    const struct v2_judge *s = state;
    bool named = s->set_up && s->record < V2_RECORDS && xsi_run_at(r) > s->at;

    if (!s->own) /* it has not begun */
        return;
    xsi_fact_text(sink, "record_name", named ? v2_types[s->record].name : "",
                  "name of the record's type");
    xsi_fact(sink, "checkpoints", XSI_UINT, xsi_run_verdict(r)->checkpoints, NULL,
             "CHECKPOINT records that were taken");
    xsi_facts_rows(sink, s, s->hvm ? hvm_facts : pv_facts);
}
