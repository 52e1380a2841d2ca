/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Xen says of a tree of page tables, when vCPU 0 gets its cr3 or tables are pinned: the type
 * system of xen/arch/x86/mm.c (4.17: promote_l1_table to promote_l4_table, get_page_from_l1e,
 * _get_page_type). A frame is one thing at a time: writable memory, a table of one level, or
 * descriptors. Tables are taken depth first, slot by slot; the first conflict ends it.
 *
 * Only done when the marks of model_tables.c say that there may be one: it reads tables again.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

#define PRESENT  1ULL
#define WRITABLE 2ULL
#define FRAMES   0x000ffffffffff000ULL
#define STEPS    (1U << 20) /* tables that are looked at before it is given up */
#define LOW_1MIB 0x100      /* machine frames below are Xen's own I/O space on every host */

/* What a frame is to Xen, in the bits of the marks, which have done their work. */
enum kind {
    NOTHING = 0x00,
    TABLE1 = 0x10,
    TABLE2 = 0x20,
    TABLE3 = 0x30,
    TABLE4 = 0x40,
    WRITTEN = 0x50,
    DESCRIPTORS = 0x60
};

static const uint64_t refused[] = { 0, 0x098 | 1ULL << 62, 0x198, 0x198, 0x198 };

static enum kind kind_of(const struct xsi_run *r, uint64_t frame)
{
    return xsi_frame(r, frame) & V2_FRAME_MARKS;
}

static void become(struct xsi_run *r, uint64_t frame, enum kind kind)
{
    (void)xsi_frames_set(r, frame, 1, V2_FRAME_MARKS, (uint8_t)kind);
}

static void forget_marks(struct xsi_run *r, struct v2_judge *s)
{
    if (s->walk.cleared)
        return;
    s->walk.cleared = true;
    (void)xsi_frames_set(r, 0, s->max_pfn + 1, V2_FRAME_MARKS, 0);
}

/* Entries of a page that the reader did not translate name guest frames: somebody else's memory. */
static int untranslated(uint64_t frame, unsigned level)
{
    if (level > 1)
        return EINVAL;
    return frame < LOW_1MIB ? EPERM : EBUSY;
}

/* One entry of a level 1 table. */
static int take_leaf(struct xsi_run *r, uint64_t entry, bool raw)
{
    uint64_t frame = (entry & FRAMES) >> 12;
    enum kind kind;

    if (entry & refused[1])
        return EINVAL;
    if (raw)
        return untranslated(frame, 1);
    if (!(entry & WRITABLE))
        return 0;
    kind = kind_of(r, frame);
    if (kind != NOTHING && kind != WRITTEN)
        return EBUSY; /* Could not get page type PGT_writable_page */
    become(r, frame, WRITTEN);
    return 0;
}

static void step(struct xsi_run *r, struct v2_judge *s);

static void end(struct xsi_run *r, struct v2_judge *s, int error)
{
    s->walk.depth = 0;
    s->walk.then(r, s, error);
}

static void got_table(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    struct v2_walk *w = &s->walk;
    uint8_t *copy = w->page[w->depth - 1];

    memset(copy, 0, XSI_PAGE_SIZE);
    if (p && got)
        memcpy(copy, p, got < XSI_PAGE_SIZE ? (size_t)got : XSI_PAGE_SIZE);
    step(r, s);
}

/* Go down into a frame that becomes a table. */
static void enter(struct xsi_run *r, struct v2_judge *s, uint64_t frame, unsigned level)
{
    struct v2_walk *w = &s->walk;
    uint8_t byte = xsi_frame(r, frame);
    unsigned d = w->depth++;

    w->frame[d] = frame;
    w->kind[d] = level;
    w->slot[d] = 0;
    w->raw[d] = (byte & 7) < 1 || (byte & 7) > 4; /* its last copy was no page table */
    become(r, frame, (enum kind)(level << 4));
    if (++w->steps > STEPS) {
        xsi_run_condition(r, "page tables that Xen accepts: there are too many to say");
        end(r, s, 0);
        return;
    }
    w->at[d] = xsi_run_page(r, frame);
    /* a frame that never had contents is all zero */
    xsi_run_look(r, w->at[d], w->at[d] ? XSI_PAGE_SIZE : 0, got_table);
}

/* Slots of a table that are the guest's; 4.17:mm.c:is_guest_l4_slot, PAE: four entries. */
static unsigned slots(const struct v2_judge *s, unsigned level)
{
    return s->width == 4 && level == 3 ? 4 : 512;
}

static bool skipped(const struct v2_judge *s, unsigned level, unsigned slot)
{
    return s->width == 8 && level == 4 && slot >= 256 && slot < 272;
}

/* The next present entry of the table at hand; false: the table is done. */
static bool next_entry(const struct v2_judge *s, struct v2_walk *w, uint64_t *entry)
{
    unsigned d = w->depth - 1, level = w->kind[d];

    while (w->slot[d] < slots(s, level)) {
        unsigned slot = w->slot[d]++;

        *entry = xsi_le64(w->page[d] + 8 * slot);
        if ((*entry & PRESENT) && !skipped(s, level, slot))
            return true;
    }
    return false;
}

static void step(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_walk *w = &s->walk;
    uint64_t entry;

    while (w->depth) {
        unsigned d = w->depth - 1, level = w->kind[d];
        uint64_t frame;
        enum kind want, kind;
        int error;

        if (!next_entry(s, w, &entry)) {
            w->depth--;
            continue;
        }
        frame = (entry & FRAMES) >> 12;
        if (level == 1) {
            error = take_leaf(r, entry, w->raw[d]);
            if (!error)
                continue;
            end(r, s, error);
            return;
        }
        if ((entry & refused[level]) || w->raw[d] || frame > s->max_pfn) {
            end(r, s, EINVAL);
            return;
        }
        want = (enum kind)((level - 1) << 4);
        kind = kind_of(r, frame);
        if (kind == want || kind == (enum kind)(level << 4)) /* seen, or a linear table */
            continue;
        if (kind != NOTHING) {
            end(r, s, EINVAL);
            return;
        }
        enter(r, s, frame, level - 1);
        return;
    }
    end(r, s, 0);
}

int v2_walk_descriptors(struct xsi_run *r, struct v2_judge *s, uint64_t frame)
{
    enum kind kind;

    forget_marks(r, s);
    kind = kind_of(r, frame);
    if (kind != NOTHING && kind != DESCRIPTORS)
        return EINVAL;
    become(r, frame, DESCRIPTORS);
    return 0;
}

void v2_walk(struct xsi_run *r, struct v2_judge *s, uint64_t frame, unsigned level,
             void (*then)(struct xsi_run *r, void *state, int error))
{
    struct v2_walk *w = &s->walk;
    enum kind kind;

    w->then = then;
    w->depth = 0;
    if (!w->page)
        w->page = malloc(V2_WALK_LEVELS * sizeof(*w->page));
    if (!w->page || !xsi_run_can_look(r) || xsi_frames_lost(r)) {
        xsi_run_condition(r, "page tables that Xen accepts: they cannot be looked at on a pipe");
        then(r, s, 0);
        return;
    }
    forget_marks(r, s);
    kind = kind_of(r, frame);
    if (kind == (enum kind)(level << 4))
        then(r, s, 0);
    else if (kind != NOTHING)
        then(r, s, EINVAL);
    else
        enter(r, s, frame, level);
}
