/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Batches of pages: frame numbers and page types. */
#include <inttypes.h>

#include "recipe.h"

/* The batch and the entry at a place. */
static bool find_entry(struct v2_site *s, struct v2_item *item, struct v2_list *list, uint32_t *i)
{
    uint64_t at = xsi_mend_at(s->m), first;

    if (!v2_site_at(s, at, item) || item->gap || item->foreign || item->type != V2_PAGE_DATA ||
        !v2_list_read(s, item->at, 0, list))
        return false;
    first = item->at + V2_BATCH_HEAD;
    if (at < first || (at - first) / 8 >= list->count)
        return false;
    *i = (uint32_t)((at - first) / 8);
    return true;
}

/* ---- frame numbers ---- */

/* The number that the neighbours ask for. */
static bool wanted_pfn(const struct v2_list *list, uint32_t i, uint64_t *pfn)
{
    uint64_t before = i ? v2_entry(list, i - 1) & V2_PFN_MASK : 0;
    uint64_t after = i + 1 < list->count ? v2_entry(list, i + 1) & V2_PFN_MASK : 0;

    if (i && i + 1 < list->count) {
        *pfn = before + 1;
        return after == before + 2;
    }
    if (list->count < 3)
        return false;
    *pfn = i ? before + 1 : after - 1;
    return i ? (v2_entry(list, i - 2) & V2_PFN_MASK) == before - 1
             : after && (v2_entry(list, 2) & V2_PFN_MASK) == after + 1;
}

int v2_fix_pfn(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    struct v2_list list;
    uint64_t entry, pfn;
    uint32_t i;

    if (!v2_site_open(&s, m))
        return 0;
    if (!find_entry(&s, &item, &list, &i)) {
        if (s.kind == V2_PV)
            xsi_mend_refuse(m, "an entry of a page table names a frame beyond the guest's last "
                               "one: no neighbour tells the right number");
        return 0;
    }
    entry = v2_entry(&list, i);
    if (!wanted_pfn(&list, i, &pfn) || pfn == (entry & V2_PFN_MASK)) {
        if (s.kind == V2_PV)
            return v2_fix_p2m(m);
        xsi_mend_refuse(m, "the neighbours of the entry do not tell the right frame number");
        return 0;
    }
    v2_put64(&s, item.at + V2_BATCH_HEAD + 8 * (uint64_t)i, (entry & ~V2_PFN_MASK) | pfn,
             "frame number that continues those of its neighbours");
    if (__builtin_popcountll((entry & V2_PFN_MASK) ^ pfn) != 1)
        xsi_mend_guess(m, "frame 0x%" PRIx64 " between its neighbours", pfn);
    return 0;
}

/* ---- page types ---- */

/* Entries with a page by the record's length. */
static bool pages_by_length(const struct v2_item *item, const struct v2_list *list, uint64_t *pages)
{
    uint64_t lists = 8 + 8 * (uint64_t)list->count;

    if (item->body < lists || (item->body - lists) % XSI_PAGE_SIZE)
        return false;
    *pages = (item->body - lists) / XSI_PAGE_SIZE;
    return *pages <= list->count;
}

/* A type for an entry: as its neighbours', or one bit off, and with a page or without as the
 * length says. 16: none. */
static unsigned better_type(struct v2_site *s, const struct v2_list *list, uint32_t i, bool carries)
{
    unsigned old = v2_entry_type(v2_entry(list, i)), best = 16, votes = 0;
    uint64_t page = list->data;

    for (uint32_t k = 0; k < i; k++)
        page += v2_type_has_data(v2_entry_type(v2_entry(list, k))) ? XSI_PAGE_SIZE : 0;

    for (unsigned type = 0; type < 16; type++) {
        unsigned v = 0;

        if (!v2_is_type(type) || v2_type_has_data(type) != carries || type == old ||
            (carries && type && (s->kind == V2_HVM || !v2_is_table(s, page))))
            continue;
        v += i && v2_entry_type(v2_entry(list, i - 1)) == type ? 2 : 0;
        v += i + 1 < list->count && v2_entry_type(v2_entry(list, i + 1)) == type ? 2 : 0;
        v += __builtin_popcount(type ^ old) == 1 ? 3 : 0;
        v += !carries && type == 0xf ? 1 : 0;
        if (v > votes) {
            votes = v;
            best = type;
        }
    }
    return best;
}

static void put_type(struct v2_site *s, const struct v2_item *item, const struct v2_list *list,
                     uint32_t i, unsigned type)
{
    uint64_t entry = v2_entry(list, i);

    v2_put64(s, item->at + V2_BATCH_HEAD + 8 * (uint64_t)i,
             (entry & ~(15ULL << V2_TYPE_SHIFT)) | (uint64_t)type << V2_TYPE_SHIFT,
             "page type by the record's length and the neighbours");
    xsi_mend_guess(s->m, "page type %u of frame 0x%" PRIx64, type, (uint64_t)(entry & V2_PFN_MASK));
}

/* Types that do not exist. Those of one batch, when they all carry a page, or all do not. */
static int fix_invalid(struct v2_site *s, const struct v2_item *item, const struct v2_list *list,
                       uint64_t pages)
{
    uint64_t sound = 0, invalid = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        invalid += !v2_is_type(v2_entry_type(v2_entry(list, i)));
        sound += v2_is_type(v2_entry_type(v2_entry(list, i))) &&
                 v2_type_has_data(v2_entry_type(v2_entry(list, i)));
    }
    if (!invalid || (pages != sound && pages != sound + invalid))
        return 1;
    for (uint32_t i = 0; i < list->count; i++) {
        unsigned type;

        if (v2_is_type(v2_entry_type(v2_entry(list, i))))
            continue;
        type = better_type(s, list, i, pages != sound);
        if (type < 16)
            put_type(s, item, list, i, type);
    }
    return 0;
}

/* One entry says that it carries a page, or that it does not, and the length says otherwise: the
 * only one that stands out of its row. */
static int fix_odd(struct v2_site *s, const struct v2_item *item, const struct v2_list *list,
                   uint64_t pages)
{
    bool more = pages > list->pages;
    uint32_t odd = 0, found = 0;

    if (pages != list->pages + 1 && pages + 1 != list->pages)
        return 1;
    for (uint32_t i = 0; i < list->count; i++) {
        unsigned type = v2_entry_type(v2_entry(list, i));
        unsigned before = i ? v2_entry_type(v2_entry(list, i - 1)) : 16;
        unsigned after = i + 1 < list->count ? v2_entry_type(v2_entry(list, i + 1)) : 16;

        if (v2_type_has_data(type) == more || type == before || type == after ||
            (before < 16 && v2_type_has_data(before) != more) ||
            (after < 16 && v2_type_has_data(after) != more))
            continue;
        odd = i;
        found++;
    }
    if (found != 1 || better_type(s, list, odd, more) == 16)
        return 1;
    put_type(s, item, list, odd, better_type(s, list, odd, more));
    return 0;
}

int v2_fix_page_type(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    struct v2_list list;
    uint64_t pages;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &item))
        return 0;
    if (item.gap || item.type != V2_PAGE_DATA)
        return s.kind == V2_PV ? v2_retype(m) : 0;
    if (!v2_list_read(&s, item.at, 0, &list) || !pages_by_length(&item, &list, &pages))
        pages = list.pages;
    else if (!fix_invalid(&s, &item, &list, pages) || !fix_odd(&s, &item, &list, pages))
        return 0;
    if (pages < list.pages)
        xsi_mend_refuse(m,
                        "the batch at 0x%" PRIx64 " holds %" PRIu64 " pages for %" PRIu64
                        " entries that carry one, and nothing tells which are missing. "
                        "v2-fill-lost --at PLACE puts empty ones there",
                        item.at, pages, list.pages);
    else
        xsi_mend_refuse(m,
                        "length, count and page types of the batch at 0x%" PRIx64 " contradict "
                        "each other in more than one way: it is not known which pages it holds",
                        item.at);
    return 0;
}
