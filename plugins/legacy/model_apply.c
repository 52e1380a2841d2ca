/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages: frames are allocated, mapped, filled, and page tables translated, in groups of at most
 * 1024 entries (apply_batch). Frames and types are those of the reader's own tables.
 */
#include "model.h"

#define PTES      (XSI_PAGE_SIZE / 8)
#define LOOK_PTES 64U /* page tables looked at together */

/* ---- the group ---- */

uint32_t legacy_group(struct xsi_run *r, struct legacy_m *s, uint64_t entries, const uint8_t *p,
                      uint32_t count, uint32_t from, uint64_t pages)
{
    const struct xsi_batch *b = xsi_run_batch(r, entries, p, count, s->ul);
    uint32_t room = GROUP_MAX - s->group.entries, taken = 0;

    for (size_t i = 0; i < b->parts && taken < room; i++) {
        const struct xsi_batch_part *part = &b->part[i];
        bool carries = !(s->k->pageless >> part->type & 1);
        uint32_t skip = from > part->entry ? from - part->entry : 0;
        struct legacy_part_run *to;
        uint32_t n;

        if (skip < part->count) {
            n = part->count - skip;
            if (n > room - taken)
                n = room - taken;
            to = &s->group.part[s->group.parts++];
            *to =
                (struct legacy_part_run){ part->type == LEGACY_XTAB ? part->pfn : part->pfn + skip,
                                          carries ? pages + (uint64_t)skip * XSI_PAGE_SIZE : 0,
                                          s->group.carried,
                                          s->group.entries,
                                          n,
                                          part->type,
                                          carries };
            s->group.entries += n;
            s->group.carried += carries ? n : 0;
            taken += n;
        }
        if (carries)
            pages += (uint64_t)part->count * XSI_PAGE_SIZE;
    }
    return taken;
}

bool legacy_group_inside(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t highest = 0, at = s->entries_at;

    for (size_t i = 0; i < s->group.parts; i++) {
        const struct legacy_part_run *part = &s->group.part[i];

        if (part->type != LEGACY_XTAB && part->pfn + part->count > highest) {
            highest = part->pfn + part->count;
            at = s->entries_at + (uint64_t)(part->entry + part->count - 1) * s->ul;
        }
    }
    return !highest || !legacy_outside(r, s, highest - 1, at, "an entry");
}

/* ---- allocation ---- */

/* One frame of the reader's first pass: does it ask for memory? */
static bool asks(struct xsi_run *r, uint64_t pfn)
{
    if (xsi_frame(r, pfn) & FRAME_KNOWN)
        return false;
    xsi_frames_set(r, pfn, 1, 0, XSI_FRAME_HELD | FRAME_WAITS);
    return true;
}

/* The numbers that one call of the reader hands out: new ones, then what the list held before. */
struct handout {
    uint64_t fresh, taken, shift;
};

/* New numbers have come: they stand at the front of the list. */
static void numbers(struct legacy_m *s, uint64_t fresh)
{
    memset(s->slot, true, fresh < GROUP_MAX ? (size_t)fresh : GROUP_MAX);
    s->pages += fresh;
}

/*
 * One frame of its second pass: each frame that is marked takes the next number of the list. One
 * that an earlier page table left marked takes another's, and shifts all behind it.
 */
static void takes(struct xsi_run *r, struct legacy_m *s, uint64_t pfn, struct handout *h)
{
    uint8_t byte = xsi_frame(r, pfn), set = 0;
    uint64_t n;

    if ((byte & FRAME_LOST) != FRAME_WAITS)
        return;
    n = h->taken++;
    if (!(byte & XSI_FRAME_HELD)) {
        h->shift++;
        s->waits--;
        set = FRAME_WRONG;
    } else if (h->shift && !s->hvm) {
        s->misplaced++;
        set = FRAME_WRONG;
    }
    if (set && n >= h->fresh && (n >= GROUP_MAX || !s->slot[n]))
        set |= FRAME_LOST;
    s->wrong += set != 0;
    xsi_frames_set(r, pfn, 1, FRAME_WAITS, set);
}

static void allocate_slowly(struct xsi_run *r, struct legacy_m *s)
{
    struct handout h = { 0, 0, 0 };

    for (size_t i = 0; i < s->group.parts; i++)
        for (uint32_t n = 0; n < s->group.part[i].count; n++)
            if (s->group.part[i].type != LEGACY_XTAB)
                h.fresh += asks(r, s->group.part[i].pfn + n);
    numbers(s, h.fresh);
    for (size_t i = 0; i < s->group.parts; i++)
        for (uint32_t n = 0; n < s->group.part[i].count; n++)
            if (s->group.part[i].type != LEGACY_XTAB)
                takes(r, s, s->group.part[i].pfn + n, &h);
    s->fresh = h.fresh > 0;
}

void legacy_allocate(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t fresh = 0;

    if (s->waits || s->wrong) {
        allocate_slowly(r, s);
        return;
    }
    for (size_t i = 0; i < s->group.parts; i++)
        if (s->group.part[i].type != LEGACY_XTAB)
            fresh +=
                xsi_frames_set(r, s->group.part[i].pfn, s->group.part[i].count, 0, XSI_FRAME_HELD);
    numbers(s, fresh);
    s->fresh = fresh > 0;
}

/*
 * 4.0.1 allocates, and maps, the frames of a later checkpoint's first group for all its groups: the
 * pages of the others are written there. An entry that has no frame there cannot be mapped.
 */
static bool first_group_only(const struct legacy_m *s)
{
    return legacy_has(s, QUIRK_FIRST_GROUP) && s->completed;
}

static void first_group(struct xsi_run *r, struct legacy_m *s)
{
    if (s->group_first) {
        s->misplaced += s->group.carried;
        s->fresh = false;
        return;
    }
    memset(s->first_pageless, 0, sizeof(s->first_pageless));
    for (size_t i = 0; i < s->group.parts; i++)
        for (uint32_t n = 0; n < s->group.part[i].count; n++)
            if (s->group.part[i].type == LEGACY_XTAB)
                s->first_pageless[(s->group.part[i].entry + n) / 8] |=
                    (uint8_t)(1U << (s->group.part[i].entry + n) % 8);
    legacy_allocate(r, s);
}

/* ---- page tables ---- */

/* Frame of a PTE: 40 bits of it, 32 for a 32-bit guest (MFN_MASK_X86). */
static uint64_t pte_frame(const struct legacy_m *s, uint64_t pte)
{
    unsigned bits = s->gw == 8 && s->k->machine != LEGACY_LINUX ? 40 : 32;

    return legacy_clip(s, (pte >> 12) & ((1ULL << bits) - 1));
}

static void pte_out_of_range(struct xsi_run *r, struct legacy_m *s, unsigned type, int i,
                             uint64_t pfn)
{
    xsi_run_say(r, LEGACY_MSG_PTE_RANGE_TYPED, 0, (unsigned long)(type & 7), i, (unsigned long)pfn,
                (unsigned long)s->p2m_size);
    xsi_run_say(r, LEGACY_MSG_PTE_RANGE, 0, i, (unsigned long)pfn, (unsigned long)s->p2m_size);
}

/* Frames that PTEs [0, end) name and that have no memory yet. */
static void ptes_ask(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, unsigned end)
{
    uint64_t first = 0, count = 0, fresh = 0;

    if (s->k->machine == LEGACY_LINUX)
        return;
    for (unsigned i = 0; i <= end; i++) {
        uint64_t pte = i < end ? xsi_le64(p + 8 * i) : 0, pfn = pte_frame(s, pte);

        if (i < end && !(pte & 1))
            continue;
        if (i < end && count && pfn == first + count) {
            count++;
            continue;
        }
        if (count)
            fresh += xsi_frames_set(r, first, count, 0, XSI_FRAME_HELD);
        first = pfn;
        count = 1;
    }
    numbers(s, fresh);
}

/* The same where marks of other tables may be met, or are left behind: the table broke off. */
static void ptes_ask_slowly(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, unsigned end)
{
    struct handout h = { 0, 0, 0 };

    for (unsigned i = 0; i < end; i++)
        if (xsi_le64(p + 8 * i) & 1)
            h.fresh += asks(r, pte_frame(s, xsi_le64(p + 8 * i)));
    numbers(s, h.fresh);
    for (unsigned i = 0; i < end; i++)
        if (xsi_le64(p + 8 * i) & 1)
            takes(r, s, pte_frame(s, xsi_le64(p + 8 * i)), &h);
}

static void ptes_left(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, unsigned end)
{
    unsigned n = 0;

    for (unsigned i = 0; i < end && s->k->machine != LEGACY_LINUX; i++) {
        uint64_t pte = xsi_le64(p + 8 * i), pfn = pte_frame(s, pte);

        if (!(pte & 1) || (xsi_frame(r, pfn) & FRAME_KNOWN))
            continue;
        xsi_frames_set(r, pfn, 1, 0, FRAME_WAITS);
        s->waits++;
        s->slot[n++] = false; /* the frames that were to be allocated stand in the list */
    }
}

bool legacy_page_table(struct xsi_run *r, struct legacy_m *s, unsigned type, const uint8_t *p)
{
    for (unsigned i = 0; i < PTES; i++) {
        uint64_t pte = xsi_le64(p + 8 * i), pfn = pte_frame(s, pte);

        if (!(pte & 1) || pfn < s->p2m_size)
            continue;
        if (legacy_has(s, QUIRK_SUPERPAGES)) { /* 4.0.0 does not check */
            (void)legacy_outside(r, s, pfn, xsi_run_at(r), "a page table");
            return false;
        }
        pte_out_of_range(r, s, type, (int)i, pfn);
        ptes_left(r, s, p, i);
        return false;
    }
    if (s->waits || s->wrong)
        ptes_ask_slowly(r, s, p, PTES);
    else
        ptes_ask(r, s, p, PTES);
    return true;
}

uint64_t legacy_page_of(struct xsi_run *r, const struct legacy_m *s, uint64_t pfn)
{
    if (s->stale)
        return 0;
    return xsi_frame(r, pfn) & FRAME_PACKED ? legacy_raw_page(s, pfn) : xsi_run_page(r, pfn);
}

bool legacy_translates(const struct legacy_m *s, unsigned type)
{
    type &= 7;
    /* L1 tables of PAE guests wait for the end, where L3 tables move below 4 GiB */
    return type >= 1 && type <= 4 && !(s->levels == 3 && !s->pae3 && type == 1);
}

/* ---- applying ---- */

/* How many pages of the part are looked at together. */
static uint32_t together(const struct legacy_m *s, const struct legacy_part_run *part)
{
    uint32_t n = part->count - s->at_entry;

    if (s->shift)
        return 1;
    return n < LOOK_PTES ? n : LOOK_PTES;
}

static void got_tables(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    const struct legacy_part_run *part = &s->group.part[s->at_part];
    uint32_t n = together(s, part);

    for (uint32_t i = 0; i < n && (uint64_t)(i + 1) * XSI_PAGE_SIZE <= got; i++)
        (void)legacy_page_table(r, s, part->type, p + (uint64_t)i * XSI_PAGE_SIZE);
    if (s->over)
        return;
    if (got < (uint64_t)n * XSI_PAGE_SIZE)
        xsi_run_condition(r, "page tables that name no frame outside the guest (not looked at)");
    s->at_entry += n;
    if (s->at_entry == part->count) {
        s->at_part++;
        s->at_entry = 0;
    }
    legacy_apply_part(r, s);
}

void legacy_apply_error(struct xsi_run *r, struct legacy_m *s, uint64_t at)
{
    uint64_t lost = 0;

    if (!legacy_has(s, QUIRK_SWALLOWS) || !s->fresh) {
        legacy_failed(r, s);
        return;
    }
    /* the populate call's 0 stands in rc: the rest of the group is dropped without a word */
    for (size_t i = s->at_part; i < s->group.parts; i++)
        if (s->group.part[i].carries)
            lost += s->group.part[i].count - (i == s->at_part ? s->at_entry : 0);
    if (!s->dropped)
        s->dropped_at = at;
    s->dropped += lost;
    s->uncounted += s->group.entries - s->group.carried;
    s->stored = s->at_part < s->group.parts ? s->group.part[s->at_part].entry + s->at_entry
                                            : s->group.entries;
    xsi_run_state(r, "the error is forgotten; %" PRIu64 " pages of this group are dropped", lost);
    legacy_forget(s);
    s->at_part = s->group.parts;
    legacy_apply_part(r, s);
}

void legacy_bogus(struct xsi_run *r, struct legacy_m *s, const struct legacy_part_run *part)
{
    uint32_t entry = part->entry + s->at_entry;
    uint64_t at = s->entries_at + (uint64_t)entry * s->ul;

    legacy_mends(s, part->type >= LEGACY_BROKEN ? "drop-entries" : NULL);
    legacy_cause(s, part->type >= LEGACY_BROKEN ? LEGACY_NO_CODE : LEGACY_L05, at, s->ul,
                 "entry %" PRIu32 " of the batch at 0x%" PRIx64 " (frame 0x%" PRIx64
                 ") has type %x, which this reader does not know",
                 entry, s->entries_at - 4, part->pfn + s->at_entry, part->type);
    xsi_run_say(r, LEGACY_MSG_BOGUS_TYPE, 0, (unsigned long)(part->type & 7) << 28, (int)entry,
                (unsigned long)s->p2m_size);
    legacy_apply_error(r, s, at);
}

/* A frame of the part that cannot be mapped; its index, or count. */
static uint32_t unmapped(struct xsi_run *r, const struct legacy_m *s,
                         const struct legacy_part_run *part)
{
    uint32_t n = 0;

    if (first_group_only(s) && s->group_first) {
        while (n < part->count &&
               !(s->first_pageless[(part->entry + n) / 8] >> (part->entry + n) % 8 & 1))
            n++;
        return n;
    }
    if (!s->wrong)
        return part->count;
    while (n < part->count && legacy_maps(s, xsi_frame(r, part->pfn + n)))
        n++;
    return n;
}

static void map_failure(struct xsi_run *r, struct legacy_m *s, const struct legacy_part_run *part,
                        uint32_t n)
{
    unsigned long pfn = (unsigned long)part->pfn + n;
    uint64_t at = s->entries_at + (uint64_t)(part->entry + n) * s->ul;

    if (n)
        xsi_frames_set(r, part->pfn, n, FRAME_TYPE, part->type);
    s->at_entry = n;
    legacy_cause(s, LEGACY_NO_CODE, at, s->ul,
                 "frame 0x%lx has no memory: a page table that was broken off had marked it", pfn);
    xsi_run_say(r, LEGACY_MSG_PFN_MAPPING, 0, pfn, pfn, 0UL);
    legacy_apply_error(r, s, at);
}

/* Go on with the group at at_part, at_entry. */
void legacy_apply_part(struct xsi_run *r, struct legacy_m *s)
{
    for (; s->at_part < s->group.parts; s->at_part++) {
        const struct legacy_part_run *part = &s->group.part[s->at_part];
        unsigned type = part->type & 7;
        uint32_t n;

        if (!part->carries)
            continue;
        n = s->at_entry ? part->count : unmapped(r, s, part);
        if (n < part->count) {
            map_failure(r, s, part, n);
            return;
        }
        if (s->unpacking) {
            legacy_unpack_part(r, s);
            return;
        }
        if (type >= 5) {
            xsi_frames_set(r, part->pfn, 1, FRAME_TYPE, part->type);
            legacy_bogus(r, s, part);
            return;
        }
        if (!s->at_entry)
            xsi_frames_set(r, part->pfn, part->count, FRAME_TYPE, part->type);
        if (legacy_translates(s, type)) {
            xsi_run_look(r,
                         s->shift ? legacy_later_page(s, part->index + s->at_entry)
                                  : part->page + (uint64_t)s->at_entry * XSI_PAGE_SIZE,
                         together(s, part) * XSI_PAGE_SIZE, got_tables);
            return;
        }
        s->at_entry = 0;
    }
    if (s->completed) {
        legacy_later_group(r, s);
        return;
    }
    /* in verify mode pages are only compared */
    if (!s->hvm && !s->verify && s->stored)
        xsi_run_stored(r, s->entries_at, s->stored, s->ul, s->pages_at, legacy_carry(s));
    legacy_next(r, s);
}

void legacy_apply(struct xsi_run *r, struct legacy_m *s)
{
    s->at_part = 0;
    s->at_entry = 0;
    s->stored = s->group.entries;
    s->fresh = false;
    if (!legacy_group_inside(r, s))
        return;
    if (first_group_only(s))
        first_group(r, s);
    else
        legacy_allocate(r, s);
    legacy_apply_part(r, s);
}
