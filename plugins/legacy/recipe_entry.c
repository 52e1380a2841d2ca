/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries of a batch: a damaged one, where the ascending order of the frames tells the right value;
 * and such as the target cannot read.
 */
#include "recipe.h"

/* A value that would make the batch right, in the place of one entry. */
struct cure {
    unsigned index;
    uint64_t entry;
    int weight; /* the largest wins */
};

/* Entries with a frame ascend below p2m_size when entry `skip` is left out. */
static bool ascends(const struct legacy_view *v, const struct legacy_batch *b, unsigned skip)
{
    uint64_t before = UINT64_MAX;

    for (unsigned i = 0; i < b->count; i++) {
        uint64_t pfn = legacy_entry_pfn(b->entry[i]);

        if (i == skip || legacy_entry_type(b->entry[i]) == LEGACY_XTAB)
            continue;
        if (pfn >= v->p2m_size || (before != UINT64_MAX && pfn <= before))
            return false;
        before = pfn;
    }
    return true;
}

/* Frames between which entry i must lie, exclusive: [-1 as UINT64_MAX, p2m_size]. */
static void bounds(const struct legacy_view *v, const struct legacy_batch *b, unsigned i,
                   uint64_t *low, uint64_t *high)
{
    *low = UINT64_MAX;
    *high = v->p2m_size;
    for (unsigned k = i; k-- && *low == UINT64_MAX;)
        if (legacy_entry_type(b->entry[k]) != LEGACY_XTAB)
            *low = legacy_entry_pfn(b->entry[k]);
    for (unsigned k = i + 1; k < b->count && *high == v->p2m_size; k++)
        if (legacy_entry_type(b->entry[k]) != LEGACY_XTAB)
            *high = legacy_entry_pfn(b->entry[k]);
}

static void offer(struct cure *best, unsigned *equals, unsigned index, uint64_t entry, int weight)
{
    if (weight < best->weight)
        return;
    *equals = weight == best->weight ? *equals + (entry != best->entry || index != best->index) : 1;
    *best = (struct cure){ index, entry, weight };
}

/* Do most frames of the batch follow each other? Then a neighbour's neighbour is likely. */
static bool dense(const struct legacy_batch *b)
{
    unsigned n = 0;

    for (unsigned i = 1; i < b->count; i++)
        n += b->entry[i] == b->entry[i - 1] + 1;
    return n * 4 >= b->count * 3;
}

/*
 * What entry i could have been: a frame between its neighbours. The only one that there is room for
 * is best when it is one bit away; then one bit away, and beside a neighbour where most are.
 */
static void cures_of(const struct legacy_view *v, const struct legacy_batch *b, unsigned i,
                     struct cure *best, unsigned *equals)
{
    uint64_t type = b->entry[i] & ~(uint64_t)LEGACY_PFN_MASK, pfn = legacy_entry_pfn(b->entry[i]);
    uint64_t low, high, first;

    bounds(v, b, i, &low, &high);
    first = low + 1;
    for (unsigned bit = 0; bit < 28; bit++) {
        uint64_t other = pfn ^ (1ULL << bit);
        bool beside = other == first || other + 1 == high;

        if (other >= first && other < high)
            offer(best, equals, i, type | other, beside && dense(b) ? 4 : 2);
    }
    if (first + 1 == high)
        offer(best, equals, i, type | first, 3);
}

/* Put an entry in the place of another. */
static void put_entry(const struct legacy_view *v, const struct legacy_batch *b, unsigned i,
                      uint64_t entry)
{
    uint64_t at = b->at + 4 + (uint64_t)i * v->ul;
    uint8_t raw[8];

    xsi_mend_splice(v->m, at, v->ul, raw, legacy_put_ul(v, raw, entry),
                    "make entry %u of the batch 0x%" PRIx64 " (was 0x%" PRIx64 ")", i, entry,
                    b->entry[i]);
}

/* A frame out of order or range, or named twice. */
static void fix_frame(const struct legacy_view *v, const struct legacy_batch *b)
{
    struct cure best = { 0, 0, 1 };
    unsigned equals = 0;
    uint64_t low, high;

    if (ascends(v, b, UINT32_MAX))
        return;
    for (unsigned i = 0; i < b->count; i++)
        if (legacy_entry_type(b->entry[i]) != LEGACY_XTAB && ascends(v, b, i))
            cures_of(v, b, i, &best, &equals);
    if (equals != 1) {
        xsi_mend_refuse(v->m,
                        equals ? "several frames would fit the order of the list at 0x%" PRIx64
                                 "; the debugger (xsrecover IMAGE) shows and changes an entry"
                               : "the list of frames at 0x%" PRIx64 " has more than one wrong "
                                 "entry, or its writer did not keep an order: which frames these "
                                 "are cannot be told",
                        b->at);
        return;
    }
    put_entry(v, b, best.index, best.entry);
    bounds(v, b, best.index, &low, &high);
    if (low + 2 != high)
        xsi_mend_guess(v->m,
                       "that one bit of the entry is wrong: frame 0x%" PRIx64 " fits between its "
                       "neighbours",
                       legacy_entry_pfn(best.entry));
}

/* Offsets of cr3 and, for 64-bit guests, of the user page table in a vCPU's context. */
static bool is_root(const struct legacy_view *v, uint64_t pfn)
{
    for (size_t i = v->first; i < v->behind; i++) {
        uint8_t word[8];
        uint64_t root;

        if (!legacy_is(&v->row[i], PART_VCPU_CONTEXT) ||
            !xsi_mend_read(v->m, v->row[i].offset + (v->gw == 4 ? 2728 : 5008), word, v->gw))
            continue;
        root = v->gw == 8 ? xsi_le64(word) >> 12
                          : xsi_le32(word) >> 12 | (uint64_t)(xsi_le32(word) & 0xfff) << 20;
        if (root == pfn)
            return true;
    }
    return false;
}

/* Type nibble in the place of one that does not exist, or that this guest cannot have. */
static unsigned right_type(const struct legacy_view *v, uint64_t entry)
{
    unsigned type = legacy_entry_type(entry);

    if (!v->pv)
        return 0; /* all pages of HVM guests are plain */
    if (type == 7)
        return 3;
    if (v->gw == 8 && is_root(v, legacy_entry_pfn(entry)))
        return 4;
    return type == 5 ? 1 : 2;
}

/* Bits that no writer sets, types that there are not. True when something was put. */
static bool fix_type(const struct legacy_view *v, const struct legacy_batch *b)
{
    bool guessed = false, done = false;

    for (unsigned i = 0; i < b->count; i++) {
        unsigned type = legacy_entry_type(b->entry[i]);
        uint64_t right = (uint32_t)b->entry[i];

        if ((type >= 5 && type <= 7) || (!v->pv && type && type < LEGACY_BROKEN)) {
            right = (right & LEGACY_PFN_MASK) | (uint64_t)right_type(v, right) << 28;
            guessed |= v->pv;
        }
        if (right == b->entry[i])
            continue;
        put_entry(v, b, i, right);
        done = true;
    }
    if (guessed)
        xsi_mend_guess(v->m, "which level of page table it is: one bit of the type is wrong");
    return done;
}

/* The entry whose type, being another, makes the pages as many as follow; count: none, several. */
static unsigned odd_one(const struct legacy_view *v, const struct legacy_batch *b, bool carries)
{
    unsigned found = b->count;

    for (unsigned i = 0; i < b->count; i++) {
        uint64_t low, high, pfn = legacy_entry_pfn(b->entry[i]);
        bool fits;

        if (legacy_entry_carries(b->entry[i]) == carries)
            continue;
        bounds(v, b, i, &low, &high);
        fits = pfn >= low + 1 && pfn < high;
        /* a page is in order, an entry without frame is not; some writers send its number */
        if (carries ? !fits : fits && !legacy_one_bit(legacy_entry_type(b->entry[i]), LEGACY_XTAB))
            continue;
        if (found < b->count)
            return b->count;
        found = i;
    }
    return found;
}

/* One page more or less follows than the entries say. */
static bool fix_carry(const struct legacy_view *v, const struct legacy_batch *b)
{
    unsigned carry = 0, i;
    uint64_t entry;

    for (i = 0; i < b->count; i++)
        carry += legacy_entry_carries(b->entry[i]);
    if (carry == b->pages || (b->length - 4 - (uint64_t)b->count * v->ul) % XSI_PAGE_SIZE)
        return false;
    i = carry + 1 == b->pages || carry == b->pages + 1 ? odd_one(v, b, carry < b->pages) : b->count;
    if (i == b->count) {
        xsi_mend_refuse(v->m,
                        "the entries of the batch at 0x%" PRIx64 " announce %u pages, and %u are "
                        "there: pages were lost or put in, and which frames they belong to cannot "
                        "be told",
                        b->at, carry, b->pages);
        return true;
    }
    entry = b->entry[i] & LEGACY_PFN_MASK;
    put_entry(v, b, i, carry < b->pages ? entry : 0xf0000000U | entry);
    xsi_mend_guess(v->m, "that it is entry %u whose type is wrong: %s", i,
                   carry < b->pages ? "its frame fits between its neighbours"
                                    : "its frame does not fit between its neighbours");
    return true;
}

void legacy_fix_list(const struct legacy_view *v, struct legacy_batch *b)
{
    bool done = false;

    for (unsigned i = 0; i < b->count; i++)
        if (b->entry[i] > LEGACY_PFN_MASK) {
            put_entry(v, b, i, legacy_entry_pfn(b->entry[i]));
            b->entry[i] = legacy_entry_pfn(b->entry[i]);
            done = true;
        }
    if (!done)
        fix_frame(v, b);
    else if (!ascends(v, b, UINT32_MAX))
        xsi_mend_guess(v->m, "that only the bits above the 28th are wrong");
}

bool legacy_raise_p2m_size(const struct legacy_view *v, const struct legacy_batch *b)
{
    struct legacy_view unbounded = *v;
    uint64_t highest = 0, right = UINT64_MAX;
    unsigned above = 0;
    uint8_t raw[8];

    for (unsigned i = 0; i < b->count; i++) {
        uint64_t pfn = legacy_entry_pfn(b->entry[i]);

        if (legacy_entry_type(b->entry[i]) == LEGACY_XTAB)
            continue;
        above += pfn >= v->p2m_size;
        highest = pfn > highest ? pfn : highest;
    }
    unbounded.p2m_size = LEGACY_P2M_MAX;
    if (above < 2 || !ascends(&unbounded, b, UINT32_MAX) ||
        !legacy_is(&v->row[v->first], PART_P2M_SIZE))
        return false;
    for (size_t i = v->first; i < v->behind; i++)
        if (legacy_is(&v->row[i], PART_PAGES) && v->row[i].last_pfn > highest)
            highest = v->row[i].last_pfn;
    for (unsigned bit = 0; bit < 28; bit++) {
        uint64_t other = v->p2m_size ^ (1ULL << bit);

        if (other > highest && other < right)
            right = other;
    }
    if (right == UINT64_MAX)
        return false;
    xsi_mend_splice(v->m, v->row[v->first].offset, v->ul, raw, legacy_put_ul(v, raw, right),
                    "make p2m_size 0x%" PRIx64 " (was 0x%" PRIx64 ")", right, v->p2m_size);
    xsi_mend_guess(v->m,
                   "that one bit of p2m_size is wrong: %u frames of a batch in good order are "
                   "not below it",
                   above);
    return true;
}

int legacy_fix_entry(struct xsi_mend *m)
{
    struct legacy_batch b;
    struct legacy_view v;

    if (!legacy_view(m, &v) || !legacy_batch_at(&v, xsi_mend_at(m), &b))
        return 0;
    if (!fix_carry(&v, &b) && !fix_type(&v, &b) && !legacy_raise_p2m_size(&v, &b))
        fix_frame(&v, &b);
    return 0;
}

/* ------------------------------------------------------------- what a reader cannot take ---- */

/* Offset of the page that entry i has, or would have. */
static uint64_t page_at(const struct legacy_view *v, const struct legacy_batch *b, unsigned i)
{
    uint64_t at = b->at + 4 + (uint64_t)b->count * v->ul;

    while (i--)
        at += legacy_entry_carries(b->entry[i]) ? XSI_PAGE_SIZE : 0;
    return at;
}

/* Frames that have a page somewhere: bit per frame. NULL: no memory. */
static uint8_t *frames_with_page(const struct legacy_view *v)
{
    uint8_t *set = xsi_mend_scratch(v->m, (size_t)(v->p2m_size / 8 + 1));
    struct legacy_batch b;
    uint64_t at = 0;

    while (set && legacy_batch_next(v, &at, &b))
        for (unsigned i = 0; i < b.count; i++)
            if (legacy_entry_carries(b.entry[i]) && legacy_entry_pfn(b.entry[i]) < v->p2m_size)
                set[legacy_entry_pfn(b.entry[i]) / 8] |=
                    (uint8_t)(1U << legacy_entry_pfn(b.entry[i]) % 8);
    return set;
}

struct rewriting {
    const struct legacy_view *v;
    const uint8_t *with_page;
    unsigned broken, dropped, emptied;
    uint64_t first_broken;
};

/*
 * The list of a batch without the entries that the reader would look for a page of. A frame that is
 * only to be allocated is an empty page, unless its page comes in another batch.
 */
static void rewrite(struct rewriting *w, const struct legacy_batch *b)
{
    static const uint8_t empty[XSI_PAGE_SIZE];
    const struct legacy_view *v = w->v;
    uint8_t header[4 + 8 * LEGACY_BATCH_MAX];
    size_t used = 4;
    uint32_t count = 0;
    bool any = false;

    for (unsigned i = 0; i < b->count; i++) {
        unsigned type = legacy_entry_type(b->entry[i]);
        uint64_t pfn = legacy_entry_pfn(b->entry[i]), entry = b->entry[i];
        bool known = type < LEGACY_BROKEN || v->own->pageless >> type & 1;

        any |= !known;
        if (!known && type == LEGACY_BROKEN && !w->broken++)
            w->first_broken = pfn;
        if (!known &&
            (type == LEGACY_BROKEN || pfn >= v->p2m_size || w->with_page[pfn / 8] >> pfn % 8 & 1)) {
            w->dropped++;
            continue;
        }
        if (!known) {
            entry = pfn;
            w->emptied++;
            xsi_mend_splice(v->m, page_at(v, b, i), 0, empty, sizeof(empty),
                            "an empty page for frame 0x%" PRIx64, pfn);
        }
        used += legacy_put_ul(v, header + used, entry);
        count++;
    }
    if (!any)
        return;
    count = htole32(count);
    memcpy(header, &count, 4);
    xsi_mend_splice(v->m, b->at, 4 + (uint64_t)b->count * v->ul, header, count ? used : 0,
                    "take the entries without a page out of the batch");
}

int legacy_drop_entries(struct xsi_mend *m)
{
    struct rewriting w = { 0 };
    struct legacy_batch b;
    struct legacy_view v;
    uint64_t at = 0;

    if (!legacy_view(m, &v) || !v.own || v.other_width ||
        (v.own->pageless >> LEGACY_BROKEN & 1 && v.own->pageless >> LEGACY_XALLOC & 1) ||
        v.p2m_size > LEGACY_P2M_MAX)
        return 0;
    w.v = &v;
    w.with_page = frames_with_page(&v);
    if (!w.with_page)
        return 0;
    while (w.emptied < 8192 && legacy_batch_next(&v, &at, &b))
        rewrite(&w, &b);
    /* where there is little else, the reader comes no further before it knows the chunks behind */
    if ((w.dropped || w.emptied) && !legacy_drop_unknown(&v))
        return 0;
    if (w.broken)
        xsi_mend_loses(m,
                       "that %u frame%s (from 0x%" PRIx64 " on) %s broken memory: the guest finds "
                       "no memory there",
                       w.broken, w.broken > 1 ? "s" : "", w.first_broken,
                       w.broken > 1 ? "are" : "is");
    return 0;
}

int legacy_empty_entries(struct xsi_mend *m)
{
    struct legacy_batch b;
    struct legacy_view v;
    uint64_t at = 0;

    /* convert-legacy-stream drops entries of exactly 0xf0000000 and hands on all others; libxc
     * then refuses a record without entries, and frames that the guest does not have */
    if (!legacy_view(m, &v) || (!v.converts && !xsi_mend_asked(m)))
        return 0;
    while (legacy_batch_next(&v, &at, &b)) {
        uint8_t list[8 * LEGACY_BATCH_MAX];
        size_t used = 0;
        bool odd = false, any = false;

        for (unsigned i = 0; i < b.count; i++) {
            bool none = legacy_entry_type(b.entry[i]) == LEGACY_XTAB;

            odd |= none && b.entry[i] != 0xf0000000U;
            any |= !none;
            used += legacy_put_ul(&v, list + used, none ? 0xf0000000U : b.entry[i]);
        }
        if (!any)
            xsi_mend_splice(m, b.at, b.length, NULL, 0,
                            "delete the batch at 0x%" PRIx64 ", which names no frame", b.at);
        else if (odd)
            xsi_mend_splice(m, b.at + 4, used, list, used,
                            "clear the frame number of entries without a frame");
    }
    return 0;
}
