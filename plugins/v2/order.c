/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Order and completeness. Writers keep one order; readers care for little of it: what they do care
 * for is in 4.22:xg_sr_restore.c and xg_sr_restore_x86_pv.c. What is missing at END is noticed by
 * few of them, and then late.
 */
#include <inttypes.h>

#include "v2.h"

/* Place of a type in the order that writers keep; types that stand anywhere have none. */
/* clang-format off */
static const uint8_t ranks[V2_RECORDS] = {
    [V2_PV_INFO] = 1,       [V2_CPUID_POLICY] = 2,   [V2_MSR_POLICY] = 3,
    [V2_STATIC_DATA_END] = 4, [V2_P2M_FRAMES] = 5,   [V2_PAGE_DATA] = 6,
    [V2_TSC_INFO] = 7,      [V2_SHARED_INFO] = 8,    [V2_HVM_CONTEXT] = 8,
    [V2_HVM_PARAMS] = 9,    [V2_VCPU_BASIC] = 9,     [V2_VCPU_EXTENDED] = 9,
    [V2_VCPU_XSAVE] = 9,    [V2_VCPU_MSRS] = 9,
};
/* clang-format on */

/* Types of which one is enough; a second one replaces the first. */
#define SINGLE                                                               \
    (V2_BIT(V2_TSC_INFO) | V2_BIT(V2_SHARED_INFO) | V2_BIT(V2_HVM_CONTEXT) | \
     V2_BIT(V2_HVM_PARAMS) | V2_BIT(V2_CPUID_POLICY) | V2_BIT(V2_MSR_POLICY))

static void check_twice(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h)
{
    const char *name = v2_rules[h->type].name;
    uint32_t bit = V2_BIT(h->type);

    if (h->type == V2_PV_INFO && s->ever & bit)
        v2_report(w, V27, h->at, 8, "%s a second time: readers stop here", name);
    else if (h->type == V2_STATIC_DATA_END && s->ever & bit)
        v2_report(w, V24, h->at, 8, "%s a second time: readers stop here", name);
    else if (s->seen & bit & SINGLE && !(h->type == V2_HVM_PARAMS && !s->major))
        v2_report(w, V28, h->at, 8, "%s a second time: the last one counts", name);
}

/* What a reader refuses because something else must come first. */
static void check_before(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h)
{
    const char *name = v2_rules[h->type].name;
    uint32_t bit = V2_BIT(h->type);

    if (s->lost)
        return;
    if (s->version == 3 && !s->sde_told && !(s->ever & V2_BIT(V2_STATIC_DATA_END)) &&
        bit & (V2_BIT(V2_PAGE_DATA) | V2_BIT(V2_P2M_FRAMES))) {
        v2_report(w, V23, h->at, 8, "%s before STATIC_DATA_END: readers of version 3 stop here",
                  name);
        s->sde_told = true;
    }
    if (bit & (V2_BIT(V2_P2M_FRAMES) | V2_BIT(V2_SHARED_INFO)) && s->kind == 1 &&
        !(s->ever & V2_BIT(V2_PV_INFO)))
        v2_report(w, V25, h->at, 8, "%s before X86_PV_INFO: readers stop here", name);
    if (h->type == V2_PAGE_DATA && s->kind == 1 && !s->p2m_told &&
        !(s->ever & V2_BIT(V2_P2M_FRAMES))) {
        v2_report(w, V25, h->at, 8,
                  "PAGE_DATA before X86_PV_P2M_FRAMES: readers take every frame "
                  "but 0 for out of range");
        s->p2m_told = true;
    }
}

static void check_usual(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h)
{
    unsigned rank = ranks[h->type];

    if (!rank)
        return;
    if (rank < s->rank && !s->order_told && s->major && !s->lost && s->last < V2_RECORDS) {
        v2_report(w, V26, h->at, 8,
                  "%s after %s: no writer puts them so; readers that do not "
                  "refuse it for another reason take it",
                  v2_rules[h->type].name, v2_rules[s->last].name);
        s->order_told = true;
    }
    if (rank > s->rank)
        s->rank = rank;
}

void v2_check_order(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h)
{
    const char *name = v2_rules[h->type].name;
    uint32_t bit = V2_BIT(h->type);

    if (!s->kind)
        s->kind = bit & V2_ONLY_PV ? 1 : bit & V2_ONLY_HVM ? 2 : 0;
    if ((s->kind == 1 && bit & V2_ONLY_HVM) || (s->kind == 2 && bit & V2_ONLY_PV))
        v2_report(w, V14, h->at, 8, "%s in the stream of %s guest: readers refuse it", name,
                  s->kind == 1 ? "a PV" : "an HVM or PVH");
    if (s->version == 2 && bit & V2_ONLY_V3 && !(s->ever & bit))
        v2_report(w, V15, h->at, 8,
                  "%s in a stream of version 2: readers up to 4.13 refuse it, "
                  "later ones take it",
                  name);
    check_twice(w, s, h);
    check_before(w, s, h);
    check_usual(w, s, h);
    s->seen |= bit;
    s->ever |= bit;
}

void v2_next_checkpoint(struct xsi_walk *w, struct v2_state *s)
{
    if (v2_is_complete(s))
        xsi_info(w)->checkpoints++;
    s->seen &= ~V2_TAIL;
    s->rank = ranks[V2_P2M_FRAMES];
    memset(s->basic_seen, 0, sizeof(s->basic_seen));
    memset(s->extended_seen, 0, sizeof(s->extended_seen));
    s->vcpus = 0;
    s->top_vcpu = 0;
}

bool v2_is_complete(const struct v2_state *s)
{
    bool pv = s->basic_seen[0] & 1, hvm = s->seen & V2_BIT(V2_HVM_CONTEXT);

    if (s->kind)
        return s->kind == 1 ? pv : hvm;
    return pv || hvm;
}

static const char *perhaps(const struct v2_state *s)
{
    return s->lost ? " (it may be in the lost bytes)" : "";
}

static void missing_pv(struct xsi_walk *w, const struct v2_state *s, uint64_t at)
{
    unsigned bare = 0, gaps = 0;

    if (!(s->ever & V2_BIT(V2_PV_INFO)))
        v2_report(w, V29, at, 0, "no X86_PV_INFO%s", perhaps(s));
    if (!(s->ever & V2_BIT(V2_P2M_FRAMES)))
        v2_report(w, V30, at, 0, "no X86_PV_P2M_FRAMES%s", perhaps(s));
    if (!(s->basic_seen[0] & 1))
        v2_report(w, V31, at, 0,
                  "no X86_PV_VCPU_BASIC of vCPU 0%s: readers stop with \"Sender "
                  "didn't send vcpu0's basic state\"",
                  perhaps(s));
    if (!(s->seen & V2_BIT(V2_SHARED_INFO)))
        v2_report(w, V34, at, 0, "no SHARED_INFO%s: the guest resumes with a zeroed one",
                  perhaps(s));
    for (uint32_t v = 0; v < V2_VCPUS_MAX && v <= s->top_vcpu; v++) {
        bool basic = s->basic_seen[v / 32] >> v % 32 & 1;

        bare += basic && !(s->extended_seen[v / 32] >> v % 32 & 1);
        gaps += !basic;
    }
    if (bare)
        v2_report(w, V38, at, 0, "%u of %u vCPUs have no X86_PV_VCPU_EXTENDED%s", bare, s->vcpus,
                  perhaps(s));
    if (gaps && s->basic_seen[0] & 1)
        v2_report(w, V77, at, 0,
                  "%u vCPUs below the highest one, %" PRIu32 ", have no state: they "
                  "were offline, or their records are lost",
                  gaps, s->top_vcpu);
}

static void missing_hvm(struct xsi_walk *w, const struct v2_state *s, uint64_t at)
{
    if (!(s->seen & V2_BIT(V2_HVM_CONTEXT)))
        v2_report(w, V32, at, 0, "no HVM_CONTEXT%s: restoring it fails with ENODATA", perhaps(s));
    if (!(s->seen & V2_BIT(V2_HVM_PARAMS)))
        v2_report(w, V33, at, 0, "no HVM_PARAMS%s: xenstore and console frames become 0",
                  perhaps(s));
    if (s->pages && !(s->special & 0xff00) && !s->lost)
        v2_report(w, V57, at, 0,
                  "none of the special frames 0xfeff8 to 0xfefff came with a page: "
                  "xenstore and console rings start empty");
}

void v2_report_missing(struct xsi_walk *w, struct v2_state *s, uint64_t at)
{
    if (xsi_info(w)->checkpoints && !(s->seen & V2_TAIL))
        return; /* the last checkpoint has it all */
    if (s->kind == 1)
        missing_pv(w, s, at);
    else if (s->kind == 2)
        missing_hvm(w, s, at);
    if (!(s->seen & V2_BIT(V2_TSC_INFO)))
        v2_report(w, V35, at, 0,
                  "no X86_TSC_INFO%s: readers do not notice; the guest's clock "
                  "jumps",
                  perhaps(s));
    if (!s->batches)
        v2_report(w, V36, at, 0, "no PAGE_DATA%s: the guest has no memory", perhaps(s));
    if (s->version == 3 && !s->sde_told && !(s->ever & V2_BIT(V2_STATIC_DATA_END)))
        v2_report(w, V23, at, 0, "no STATIC_DATA_END%s", perhaps(s));
    if (s->version == 3 && !(s->ever & V2_BIT(V2_CPUID_POLICY)))
        v2_report(w, V37, at, 0,
                  "no X86_CPUID_POLICY: xl and libvirt make one from the "
                  "configuration");
    if (s->version == 3 && !(s->ever & V2_BIT(V2_MSR_POLICY)))
        v2_report(w, V37, at, 0, "no X86_MSR_POLICY: the domain keeps its default");
    if (s->any_pfn && !s->zero_seen && !s->lost)
        v2_report(w, V56, at, 0,
                  "no entry for frame 0: the first record, with the guest's low "
                  "memory, is missing");
    if (v2_is_complete(s))
        xsi_info(w)->checkpoints++;
}

void v2_sum_up(struct xsi_walk *w, const struct v2_state *s)
{
    struct xsi_info *info = xsi_info(w);

    if (!info->has_p2m_size && s->kind != 1 && s->any_pfn) {
        info->p2m_size = s->top_pfn + 1;
        info->has_p2m_size = true;
    }
    if (s->kind == 1 ? s->vcpus : s->context_vcpus) {
        info->vcpus = s->kind == 1 ? s->vcpus : s->context_vcpus;
        info->has_vcpus = true;
    }
}

/* libxl's records come between checkpoints; what lies behind the last one is not read any more. */
static void report_no_emulator(struct xsi_walk *w, const struct v2_state *s, uint64_t at)
{
    const struct xsi_info *info = xsi_info(w);

    for (size_t i = 0; i < info->stack_length; i++)
        if (info->guest == XSI_GUEST_HVM && !s->libxl.emulators &&
            !strcmp(info->stack[i], LIBXL_LAYER))
            libxl_report(w, X11, at, 0,
                         "an HVM guest without EMULATOR_CONTEXT in its checkpoints: the device "
                         "model will not start");
}

void v2_report_cut(struct xsi_walk *w, struct v2_state *s, enum v2_record record, uint64_t at)
{
    const char *how = s->cut_head ? "in a record header behind" : s->cut ? "inside" : "behind";
    const char *last = record == V2_RECORDS ? "the last record" /* unknown, or libxl's */
                       : record < V2_TYPES  ? v2_types[record].name
                                            : "lost bytes";

    s->reported = true;
    if (s->ever & V2_BIT(V2_CHECKPOINT))
        report_no_emulator(w, s, at);
    if (s->ever & V2_BIT(V2_CHECKPOINT))
        v2_report(w, V93, at, 0,
                  "a stream with checkpoints ends %s %s, without END: its state at "
                  "the last CHECKPOINT is complete",
                  how, last);
    else if (!s->has_dhdr && !s->ever)
        v2_report(w, V60, at, 0, "the image ends in the libxc headers");
    else if (!s->batches)
        v2_report(w, V61, at, 0, "the image ends %s %s, before any memory", how, last);
    else if (!(s->seen & V2_TAIL))
        v2_report(w, V62, at, 0,
                  "the image ends %s %s: %" PRIu64 " pages in %" PRIu64 " records "
                  "are listed; vCPU state, device state and END are missing",
                  how, last, s->pages, s->batches);
    else if (!v2_is_complete(s) || (s->cut && !s->cut_head))
        v2_report(w, V63, at, 0,
                  "the image ends %s %s: the memory is there, the state of the "
                  "guest's processors and devices is not complete",
                  how, last);
    else {
        v2_report(w, V64, at, 0,
                  "the image ends %s %s without END: nothing else that readers "
                  "insist on is missing",
                  how, last);
        v2_report_missing(w, s, at);
    }
}

void v2_end(struct xsi_walk *w, struct xsi_layer *l)
{
    struct v2_state *s = l->state;
    uint64_t at = xsi_at(w);

    v2_sum_up(w, s);
    if (s->reported || s->phase == V2_AT_END)
        return;
    if (xsi_left(w, at) == 0)
        v2_report_cut(w, s, s->last, at);
}
