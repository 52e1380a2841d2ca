/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PV guests: X86_PV_INFO and the list of p2m frames. */
#include <inttypes.h>

#include "recipe.h"

/* ---- X86_PV_INFO ---- */

int v2_fix_pv_info(struct xsi_mend *m)
{
    uint8_t pair[2];
    struct v2_site s;
    struct v2_item item;

    if (!v2_site_open(&s, m) || !v2_site_find(&s, V2_PV_INFO, 0, &item) || item.body < 8 ||
        !s.width)
        return 0;
    pair[0] = (uint8_t)s.width;
    pair[1] = s.width == 8 ? 4 : 3;
    xsi_mend_splice(m, item.at + V2_RHDR_SIZE, 2, pair, 2,
                    "guest width %u and %u levels of page tables, as the registers' size says",
                    pair[0], pair[1]);
    if (!(s.types & V2_BIT(V2_VCPU_BASIC)))
        xsi_mend_guess(m, "a %u-bit guest", s.width * 8);
    return 0;
}

/* ---- X86_PV_P2M_FRAMES ---- */

bool v2_highest_pfn(struct v2_site *s, uint64_t *highest)
{
    struct v2_item item;
    struct v2_list list;
    bool any = false;

    *highest = 0;
    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        if (item.gap || item.cut || item.foreign || item.type != V2_PAGE_DATA ||
            !v2_list_read(s, item.at, 0, &list))
            continue;
        for (uint32_t i = 0; i < list.count; i++) {
            uint64_t pfn = xsi_le64(list.entry + 8 * (size_t)i) & V2_PFN_MASK;

            *highest = pfn > *highest ? pfn : *highest;
        }
        any = true;
    }
    return any && *highest < 1ULL << 32;
}

/* More entries than frames need: the last ones go. */
static void cut_entries(struct v2_site *s, const struct v2_item *item, uint32_t n)
{
    const uint8_t *p = v2_site_body(s, item);

    if (!p)
        return;
    v2_replace(s, item, p, 8 + 8 * n, "as many p2m frames as the guest's frames need");
    xsi_mend_guess(s->m, "that the last entries of X86_PV_P2M_FRAMES are those too many");
}

static int fix_bounds(struct v2_site *s, const struct v2_item *item, uint32_t start, uint32_t end)
{
    uint32_t n = (item->body - 8) / 8, per = XSI_PAGE_SIZE / s->width;
    uint64_t highest, needs;

    if (!v2_highest_pfn(s, &highest)) {
        xsi_mend_refuse(s->m, "no page tells the guest's last frame");
        return 0;
    }
    needs = highest / per + 1;
    if (n < needs && !start && end / per + 1 == needs &&
        v2_stands_at(s, item->at + v2_span(8 + 8 * (uint32_t)needs))) {
        v2_put32(s, item->at + 4, 8 + 8 * (uint32_t)needs,
                 "length of X86_PV_P2M_FRAMES by its bounds, where a record follows");
        return 0;
    }
    if (n < needs) {
        xsi_mend_refuse(s->m,
                        "X86_PV_P2M_FRAMES holds %" PRIu32 " of %" PRIu64 " p2m frames that "
                        "the guest's memory needs; they cannot be made up without the guest. "
                        "xsdump --core saves the memory",
                        n, needs);
        return 0;
    }
    if (start)
        v2_put32(s, item->at + V2_RHDR_SIZE, 0, "the list of p2m frames starts at frame 0");
    if (end < highest || end / per + 1 > n) {
        v2_put32(s, item->at + V2_RHDR_SIZE + 4, (uint32_t)highest,
                 "the last frame is the highest one in the batches");
        xsi_mend_guess(s->m,
                       "that the guest ends with frame 0x%" PRIx64 ", the highest one in the "
                       "image",
                       highest);
        end = (uint32_t)highest;
    }
    if (n > end / per + 1)
        cut_entries(s, item, end / per + 1);
    return 0;
}

/* The number that continues a neighbour's and has one bit changed. */
static bool near_entry(const uint8_t *p, uint32_t n, uint32_t i, uint64_t max, uint64_t *pfn)
{
    uint64_t old = xsi_le64(p + 8 + 8 * (size_t)i);

    for (unsigned bit = 0; bit < 52; bit++) {
        *pfn = old ^ 1ULL << bit;
        if (*pfn <= max && ((i && xsi_le64(p + 8 * (size_t)i) + 1 == *pfn) ||
                            (i + 1 < n && xsi_le64(p + 16 + 8 * (size_t)i) == *pfn + 1)))
            return true;
    }
    return false;
}

/* 1: none is out of range. */
static int fix_entries(struct v2_site *s, const struct v2_item *item, uint32_t end)
{
    const uint8_t *p = v2_site_body(s, item);
    uint32_t n = (item->body - 8) / 8;
    int good = 1;
    uint64_t pfn;

    for (uint32_t i = 0; p && i < n; i++) {
        if (xsi_le64(p + 8 + 8 * (size_t)i) <= end)
            continue;
        good = 0;
        if (near_entry(p, n, i, end, &pfn))
            v2_put64(s, item->at + V2_RHDR_SIZE + 8 + 8 * (uint64_t)i, pfn,
                     "a p2m frame that continues its neighbours, one bit changed");
        else
            xsi_mend_refuse(s->m,
                            "entry %" PRIu32 " of X86_PV_P2M_FRAMES is damaged; which frame "
                            "it named is known to the guest only. xsdump --core saves the "
                            "memory",
                            i);
    }
    return good;
}

int v2_fix_p2m(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    uint8_t head[8];
    uint32_t start, end, per;

    if (!v2_site_open(&s, m) || !v2_site_find(&s, V2_P2M_FRAMES, 0, &item) || !s.width ||
        item.body < 8 || item.body > V2_CHECK_MAX ||
        !xsi_mend_read(m, item.at + V2_RHDR_SIZE, head, 8))
        return 0;
    start = xsi_le32(head);
    end = xsi_le32(head + 4);
    per = XSI_PAGE_SIZE / s.width;
    if (!start && (item.body - 8) / 8 == end / per + 1 && xsi_mend_at(m) >= item.at &&
        xsi_mend_at(m) - item.at < item.length && xsi_mend_at(m) >= item.at + V2_BATCH_HEAD)
        return fix_entries(&s, &item, end) ? v2_add_p2m_page(m) : 0;
    return fix_bounds(&s, &item, start, end);
}

/* A frame of the p2m that no batch brought: the reader writes all of it anew
 * (4.22:xg_sr_restore_x86_pv.c:update_guest_p2m). */
int v2_add_p2m_page(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    uint64_t entry, page, pfn, at;
    uint8_t number[8];
    unsigned type;
    uint8_t *body;

    if (!v2_site_open(&s, m) || s.kind != V2_PV || !v2_site_at(&s, xsi_mend_at(m), &item))
        return 0;
    if (item.type == V2_PAGE_DATA)
        return 0; /* the walk saw that frames are missing, no reader misses one */
    if (item.type != V2_P2M_FRAMES || xsi_mend_at(m) < item.at + V2_BATCH_HEAD) {
        xsi_mend_refuse(m, "a frame that the guest cannot do without is not in the image: its "
                           "contents are lost. xsdump --core saves the rest of the memory");
        return 0;
    }
    at = xsi_mend_at(m);
    if (!xsi_mend_read(m, at, number, 8))
        return 0;
    pfn = xsi_le64(number);
    if (v2_frame_find(&s, pfn, &entry, &page, &type) && !type && page)
        return 0;
    body = xsi_mend_scratch(m, V2_BATCH_HEAD + XSI_PAGE_SIZE);
    if (!body || s.end_at == UINT64_MAX || pfn & ~V2_PFN_MASK)
        return 0;
    v2_store32(body, 1);
    v2_store64(body + 8, pfn);
    v2_insert(&s, s.end_at, V2_PAGE_DATA, body, V2_BATCH_HEAD + XSI_PAGE_SIZE,
              "an empty page for a frame of the p2m, which readers write anew");
    return 0;
}
