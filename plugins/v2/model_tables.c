/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page tables of a PV guest as they come by: 4.22:xg_sr_restore_x86_pv.c:x86_pv_localise_page puts
 * machine frames in the place of guest frames, gives memory to frames that it meets first here,
 * and dies on a frame beyond the last. What Xen will say of the tables is prepared: marks on the
 * frames that are mapped or used as tables, which model_walk.c holds against each other.
 */
#include "model.h"

#define PRESENT  1ULL
#define WRITABLE 2ULL
#define FRAMES   0x000ffffffffff000ULL

enum { ENTRIES = 512 };

/* Bits that no entry may have, by level of its table; 4.17:mm.c:base_disallow_mask and below. */
static const uint64_t refused[] = { 0, 0x098 | 1ULL << 62, 0x198, 0x198, 0x198 };

/* Entries one after the other that map consecutive frames alike. */
struct span {
    uint64_t first, count;
    uint8_t marks;
};

static void mark(struct xsi_run *r, struct v2_judge *s, const struct span *x)
{
    uint8_t use = x->marks & V2_FRAME_USE, old;

    if (!x->count)
        return;
    if (use) { /* a frame that serves as tables of two levels: Xen must say */
        for (uint64_t i = 0; i < x->count; i++) {
            old = xsi_frame(r, x->first + i) & V2_FRAME_USE;
            if (old && old != use)
                s->suspicious = true;
        }
    }
    s->batch.populated +=
        xsi_frames_set(r, x->first, x->count, use ? V2_FRAME_USE : 0, XSI_FRAME_HELD | x->marks);
}

/* Xen's own entries of a top-level table are not the guest's: slots 256 to 271 of an L4 table.
 * The reader translates them all the same. */
static bool xens_slot(unsigned level, unsigned slot)
{
    return level == 4 && slot >= 256 && slot < 272;
}

/* False: an entry names a frame beyond the last, which is noted as the batch's fault. */
static bool pass(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, uint64_t pfn,
                 unsigned level, uint64_t at)
{
    struct span x = { 0, 0, 0 };

    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t entry = xsi_le64(p + 8 * i), frame = (entry & FRAMES) >> 12;
        uint8_t marks = 0;

        if (!(entry & PRESENT))
            continue;
        if (frame > s->max_pfn) {
            s->batch.fault = V2_PAGES_ASSERT;
            s->batch.fault_at = at + 8 * i;
            s->batch.fault_index = i;
            s->batch.fault_type = level;
            s->batch.fault_pfn = pfn;
            return false;
        }
        if (!xens_slot(level, i)) {
            if (entry & refused[level])
                s->suspicious = true;
            marks = level > 1 ? (uint8_t)((level - 1) << 4) : entry & WRITABLE ? V2_FRAME_WRITE : 0;
        }
        if (x.count && frame == x.first + x.count && marks == x.marks) {
            x.count++;
            continue;
        }
        mark(r, s, &x);
        x = (struct span){ frame, 1, marks };
    }
    mark(r, s, &x);
    return true;
}

bool v2_tables_pass(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, uint64_t pages,
                    uint64_t pfn, unsigned level, uint64_t at)
{
    for (uint64_t i = 0; i < pages; i++)
        if (!pass(r, s, p + i * XSI_PAGE_SIZE, pfn + i, level, at + i * XSI_PAGE_SIZE))
            return false;
    return true;
}

/* Is a frame with these marks of another type than the marks need? */
static bool clash(struct xsi_run *r, uint8_t marks, uint8_t mask, uint8_t type)
{
    return xsi_frames_next(r, 0, mask | (V2_FRAME_TYPE & ~8), marks | type) != UINT64_MAX;
}

bool v2_tables_doubtful(struct xsi_run *r, const struct v2_judge *s)
{
    if (s->suspicious)
        return true;
    for (uint8_t type = 1; type <= 4; type++) {
        if (clash(r, V2_FRAME_WRITE, V2_FRAME_WRITE, type)) /* a table that is mapped writable */
            return true;
        for (uint8_t use = 1; use <= 3; use++)
            if (use != type && clash(r, (uint8_t)(use << 4), V2_FRAME_USE, type))
                return true;
    }
    for (uint8_t use = 1; use <= 3; use++) /* a plain or missing page that is used as a table */
        for (uint8_t type = 0; type < 8; type++)
            if ((type == 0 || type > 4) && clash(r, (uint8_t)(use << 4), V2_FRAME_USE, type))
                return true;
    return false;
}
