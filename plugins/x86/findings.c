/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Findings on HVM contexts: their rows, and their way into a walk. */
#include "x86_priv.h"
#include "messages.h"

const struct xsi_finding_row x86_findings[] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, explain },
#include "findings.def"
#undef FINDING
};

static const struct xsi_layer_row no_layers[] = { { .name = NULL } };

/* A format that never bids: it brings the findings to the library's list. */
const struct xsi_format xsi_format_x86 = {
    .name = "x86",
    .layers = no_layers,
    .findings = x86_findings,
    .finding_count = X86_FINDING_COUNT,
    .messages = x86_messages,
};

void x86_hvm_report(struct xsi_walk *w, uint64_t offset, const struct x86_hvm_summary *s)
{
    for (unsigned i = 0; i < s->issues; i++) {
        const struct x86_hvm_issue *issue = &s->issue[i];

        xsi_report(w, &x86_findings[issue->id], offset + issue->at, issue->length,
                   "HVM context: %s", issue->text);
    }
}

bool x86_hvm_starts(const uint8_t *p, size_t have)
{
    return have >= 16 && x86_le16(p) == X86_HVM_HEADER && x86_le16(p + 2) == 0 &&
           xsi_le32(p + 4) == X86_HVM_HEADER_SIZE && xsi_le32(p + 8) == X86_HVM_MAGIC &&
           xsi_le32(p + 12) == 1;
}
