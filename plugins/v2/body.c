/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bodies of the smaller records say, and what in them a reader trips over. */
#include <inttypes.h>

#include "v2.h"
#include "../x86/x86.h"

#define P2M_LOOK (1U << 20) /* entries of a P2M_FRAMES record that are checked: a 4 TiB guest */

static void check_pv_info(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                          struct xsi_chunk *out)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, h->at + V2_RHDR_SIZE, 8, &have);
    bool valid;

    if (h->length < 8 || have < 8)
        return;
    valid = (p[0] == 4 && p[1] == 3) || (p[0] == 8 && p[1] == 4);
    if (!valid)
        v2_report(w, V70, h->at + V2_RHDR_SIZE, 2,
                  "guest width %u with %u levels of page tables; "
                  "4 with 3 and 8 with 4 exist",
                  p[0], p[1]);
    if (p[2] || p[3] || p[4] || p[5] || p[6] || p[7])
        v2_report(w, V47, h->at + V2_RHDR_SIZE + 2, 6,
                  "reserved bytes of X86_PV_INFO are not "
                  "zero");
    if (s->width || !valid)
        return;
    s->width = p[0];
    xsi_info(w)->guest_bits = s->width * 8;
    xsi_note(out, "%u-bit guest", s->width * 8);
}

/* Frames of the p2m table itself must lie in the guest. */
static void check_p2m_frames(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                             uint32_t end)
{
    uint64_t at = h->at + V2_RHDR_SIZE + 8, bad = 0, bad_pfn = 0, bad_at = 0;
    size_t n = (h->length - 8) / 8, have;
    const uint8_t *p;
    struct xsi_cursor c;

    if (n > P2M_LOOK - 2)
        n = P2M_LOOK - 2;
    p = xsi_peek(w, at, 8 * n, &have);
    c = v2_cursor(s, p, have);
    for (uint64_t i = 0; c.left >= 8; i++) {
        uint64_t pfn = xsi_u64(&c);

        if (pfn <= end)
            continue;
        if (!bad++) {
            bad_pfn = pfn;
            bad_at = i;
        }
    }
    if (bad)
        v2_report(w, V68, at + 8 * bad_at, 8,
                  "entry %" PRIu64 " of X86_PV_P2M_FRAMES is frame 0x%" PRIx64
                  ", beyond the last one, 0x%" PRIx32 " (%" PRIu64 " such entries)",
                  bad_at, bad_pfn, end, bad);
}

static void check_p2m(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                      struct xsi_chunk *out)
{
    struct xsi_info *info = xsi_info(w);
    size_t have;
    const uint8_t *p = xsi_peek(w, h->at + V2_RHDR_SIZE, 8, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint32_t start = xsi_u32(&c), end = xsi_u32(&c);
    uint64_t per, frames;

    if (h->length < 8 || c.short_read)
        return;
    xsi_note(out, "frames 0x%" PRIx32 " to 0x%" PRIx32, start, end);
    if (start > end) {
        v2_report(w, V67, h->at + V2_RHDR_SIZE, 8,
                  "X86_PV_P2M_FRAMES starts at 0x%" PRIx32 " and ends before, at 0x%" PRIx32, start,
                  end);
        return;
    }
    if (start && !s->has_max)
        v2_report(w, V69, h->at + V2_RHDR_SIZE, 4,
                  "the first X86_PV_P2M_FRAMES starts at 0x%" PRIx32 ", not 0", start);
    if (s->width) {
        per = XSI_PAGE_SIZE / s->width;
        frames = end / per + 1 - start / per;
        if ((h->length - 8) / 8 != frames) {
            v2_report(w, V67, h->at + V2_RHDR_SIZE, 8,
                      "frames 0x%" PRIx32 " to 0x%" PRIx32 " take %" PRIu64
                      " entries, X86_PV_P2M_FRAMES has %" PRIu32,
                      start, end, frames, (h->length - 8) / 8);
            return;
        }
    }
    if (!s->has_max || end > s->max_pfn)
        s->max_pfn = end;
    s->has_max = true;
    info->p2m_size = s->max_pfn + 1;
    info->has_p2m_size = true;
    check_p2m_frames(w, s, h, end);
}

static void check_shared(struct xsi_walk *w, const struct v2_head *h)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, h->at + V2_RHDR_SIZE, XSI_PAGE_SIZE, &have);

    if (h->length < XSI_PAGE_SIZE || have < XSI_PAGE_SIZE || (p[0] && p[0] != 0xff))
        return;
    /* all bytes are equal when each equals its neighbour */
    if (!memcmp(p, p + 1, have - 1))
        v2_report(w, V83, h->at + V2_RHDR_SIZE, have, "SHARED_INFO is 0x%02x throughout", p[0]);
}

static void check_tsc(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                      struct xsi_chunk *out)
{
    uint64_t at = h->at + V2_RHDR_SIZE, ns;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 24, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint32_t mode = xsi_u32(&c), khz = xsi_u32(&c), reserved;

    ns = xsi_u64(&c);
    (void)xsi_u32(&c);
    reserved = xsi_u32(&c);
    if (h->length < 24 || c.short_read)
        return;
    xsi_note(out, "mode %" PRIu32 ", %" PRIu32 " kHz", mode, khz);
    if (mode > 3)
        v2_report(w, V71, at, 4, "TSC mode %" PRIu32 " does not exist", mode);
    else if (mode == 3)
        v2_report(w, V72, at, 4, "TSC mode 3 (PVRDTSCP), which 4.12 and later refuse");
    if (khz < 10000 || khz > 20000000)
        v2_report(w, V73, at + 4, 4, "TSC frequency %" PRIu32 " kHz", khz);
    if (ns >> 61)
        v2_report(w, V73, at + 8, 8, "guest time of more than 70 years: 0x%" PRIx64 " ns", ns);
    if (reserved)
        v2_report(w, V47, at + 20, 4, "reserved word of X86_TSC_INFO is 0x%" PRIx32, reserved);
}

static void check_plain(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                        struct xsi_chunk *out)
{
    struct v2_state *s = l->state;

    switch (h->type) {
    case V2_VERIFY:
        if (s->batches)
            v2_report(w, V51, h->at, 8, "VERIFY: pages from here on are compared, not stored");
        else
            v2_report(w, V52, h->at, 8,
                      "VERIFY before any page: readers compare all pages with an "
                      "empty guest and store none");
        break;
    case V2_CHECKPOINT:
        v2_next_checkpoint(w, s);
        xsi_note(out, "checkpoint %u", xsi_info(w)->checkpoints);
        v2_report(w, V48, h->at, 8,
                  "CHECKPOINT: only a Remus or COLO restore takes it, a plain "
                  "one stops here");
        if (v2_libxl_follows(w, l, h->end))
            s->phase = V2_AT_LIBXL;
        s->libxl.checkpointed = s->phase == V2_AT_LIBXL;
        break;
    case V2_DIRTY_PFNS:
        v2_report(w, V49, h->at, 8,
                  "CHECKPOINT_DIRTY_PFN_LIST belongs to the back channel; a "
                  "reader of this direction refuses it");
        break;
    case V2_TOOLSTACK:
        v2_report(w, V50, h->at, 8, "TOOLSTACK, which every release refuses");
        break;
    default:
        break;
    }
}

void v2_check_body(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                   struct xsi_chunk *out)
{
    struct v2_state *s = l->state;

    v2_check_order(w, s, h);
    switch (h->type) {
    case V2_PV_INFO:
        check_pv_info(w, s, h, out);
        break;
    case V2_P2M_FRAMES:
        check_p2m(w, s, h, out);
        break;
    case V2_VCPU_BASIC:
    case V2_VCPU_EXTENDED:
    case V2_VCPU_XSAVE:
    case V2_VCPU_MSRS:
        v2_check_vcpu(w, s, h, out);
        break;
    case V2_SHARED_INFO:
        check_shared(w, h);
        break;
    case V2_TSC_INFO:
        check_tsc(w, s, h, out);
        break;
    case V2_HVM_CONTEXT:
        v2_check_context(w, s, h, out);
        break;
    case V2_HVM_PARAMS:
        v2_check_params(w, s, h, out);
        break;
    case V2_CPUID_POLICY:
        v2_check_cpuid(w, s, h, out);
        break;
    case V2_MSR_POLICY:
        v2_check_msr(w, s, h, out);
        break;
    default:
        check_plain(w, l, h, out);
    }
}
