/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an image says of each guest frame. The nibble of an entry is the hypervisor's own (PFINFO)
 * and the same in all streams, so no format is asked what it means.
 */
#include <errno.h>
#include <stdlib.h>

#include "../xsi_edit.h"
#include "internal.h"

#define BUDGET  (8U << 20)
#define ENTRIES 4096U /* that are asked for at a time */

struct xsi_frame_map {
    struct xsi_frames frames;
    size_t budget;
    uint64_t end; /* one behind the highest frame that was named */
    struct xsi_frame_counts counts;
    struct xsi_page_entry entry[ENTRIES];
};

/* 5 to 7 are of no type that Xen has had; 8 is a pinned frame of no table. */
static const uint8_t states[16] = {
    [0x0] = XSI_FRAME_PRESENT,
    [0x1] = XSI_FRAME_L1,
    [0x2] = XSI_FRAME_L2,
    [0x3] = XSI_FRAME_L3,
    [0x4] = XSI_FRAME_L4,
    [0x5] = XSI_FRAME_BROKEN,
    [0x6] = XSI_FRAME_BROKEN,
    [0x7] = XSI_FRAME_BROKEN,
    [0x8] = XSI_FRAME_PRESENT | XSI_FRAME_PINNED,
    [0x9] = XSI_FRAME_L1 | XSI_FRAME_PINNED,
    [0xa] = XSI_FRAME_L2 | XSI_FRAME_PINNED,
    [0xb] = XSI_FRAME_L3 | XSI_FRAME_PINNED,
    [0xc] = XSI_FRAME_L4 | XSI_FRAME_PINNED,
    [0xd] = XSI_FRAME_BROKEN,
    [0xe] = XSI_FRAME_HOLE,
    [0xf] = XSI_FRAME_HOLE,
};

struct xsi_frame_map *xsi_frame_map_new(void)
{
    struct xsi_frame_map *map = calloc(1, sizeof(*map));

    if (map) {
        map->budget = BUDGET;
        map->frames.budget = &map->budget;
    }
    return map;
}

void xsi_frame_map_free(struct xsi_frame_map *map)
{
    if (map)
        xsi_frames_free(&map->frames);
    free(map);
}

bool xsi_frame_map_lost(const struct xsi_frame_map *map)
{
    return map->frames.lost;
}

uint64_t xsi_frame_map_end(const struct xsi_frame_map *map)
{
    return map->end;
}

/* n frames more of a state; -n: fewer. */
static void count(struct xsi_frame_counts *c, unsigned state, uint64_t n)
{
    c->kind[state & XSI_FRAME_KIND] += n;
    c->pinned += state & XSI_FRAME_PINNED ? n : 0;
    c->twice += state & XSI_FRAME_TWICE ? n : 0;
    c->zero += state & XSI_FRAME_ZERO ? n : 0;
    c->alike += state & XSI_FRAME_ALIKE ? n : 0;
}

/* State of a frame; *same frames from it on have it, and the next one is kept elsewhere or has
 * another. */
static uint8_t stretch(const struct xsi_frames *f, uint64_t pfn, uint64_t *same)
{
    size_t left, n = 1;
    const uint8_t *bytes = xsi_frames_bytes(f, pfn, &left);

    if (!bytes)
        return xsi_frames_get(f, pfn, same);
    while (n < left && bytes[n] == bytes[0])
        n++;
    *same = n;
    return bytes[0];
}

/* state = (state & ~clear) | set for frames that had all of `only`. */
static void change(struct xsi_frame_map *map, uint64_t first, uint64_t n, uint8_t only,
                   uint8_t clear, uint8_t set)
{
    uint64_t same;

    for (; n && !map->frames.lost; n -= same, first += same) {
        uint8_t old = stretch(&map->frames, first, &same), state = (uint8_t)((old & ~clear) | set);

        same = same < n ? same : n;
        if ((old & only) != only)
            continue;
        if (clear == 0xff && old & XSI_FRAME_HELD)
            state |= XSI_FRAME_TWICE;
        if (state == old)
            continue;
        (void)xsi_frames_put(&map->frames, first, same, 0xff, state);
        if (map->frames.lost)
            break;
        if (old)
            count(&map->counts, old, -same);
        count(&map->counts, state, same);
    }
}

void xsi_frame_map_take(struct xsi_frame_map *map, const struct xsi_chunk *chunk,
                        const struct xsi_page_entry *entry, size_t n)
{
    bool cut = chunk->flags & XSI_CHUNK_CUT;

    for (size_t i = 0, run; i < n; i += run) {
        uint64_t first = entry[i].pfn;
        uint8_t state = states[entry[i].type & 15];
        bool there = entry[i].data != 0;

        for (run = 1; i + run < n && entry[i + run].pfn == first + run &&
                      entry[i + run].type == entry[i].type && (entry[i + run].data != 0) == there;)
            run++;
        if (first >= XSI_FRAMES_END - run)
            continue;
        /* The image ends in front of the page: nothing came of this frame. */
        if (cut && !there && state != XSI_FRAME_HOLE && state != XSI_FRAME_BROKEN)
            continue;
        change(map, first, run, 0, 0xff, XSI_FRAME_HELD | state);
        if (map->end < first + run)
            map->end = first + run;
    }
}

ssize_t xsi_frame_map_add(struct xsi_frame_map *map, struct xsi_walk *walk,
                          const struct xsi_chunk *chunk, uint64_t first)
{
    ssize_t n = 0;

    if (chunk->flags & XSI_CHUNK_PAGES)
        n = xsi_chunk_entries(walk, chunk, first, ENTRIES, map->entry);
    if (n > 0)
        xsi_frame_map_take(map, chunk, map->entry, (size_t)n);
    return n;
}

void xsi_frame_map_mark(struct xsi_frame_map *map, uint64_t first, uint64_t n, unsigned clear,
                        unsigned set)
{
    const unsigned marks = XSI_FRAME_ZERO | XSI_FRAME_ALIKE;

    change(map, first, n, XSI_FRAME_HELD, (uint8_t)(clear & marks), (uint8_t)(set & marks));
}

unsigned xsi_frame_map_at(const struct xsi_frame_map *map, uint64_t pfn)
{
    uint64_t same;

    return xsi_frames_get(&map->frames, pfn, &same) & ~(unsigned)XSI_FRAME_HELD;
}

uint64_t xsi_frame_map_unlike(const struct xsi_frame_map *map, uint64_t pfn)
{
    uint64_t same, at = pfn;
    uint8_t state;

    if (pfn >= XSI_FRAMES_END)
        return UINT64_MAX;
    state = stretch(&map->frames, pfn, &same);
    do {
        if (same >= XSI_FRAMES_END - at)
            return UINT64_MAX;
        at += same;
    } while (stretch(&map->frames, at, &same) == state);
    return at;
}

void xsi_frame_map_count(const struct xsi_frame_map *map, uint64_t from, uint64_t to,
                         struct xsi_frame_counts *out)
{
    uint64_t same;

    if (!from && to >= map->end) { /* all of them: that is known */
        *out = map->counts;
        out->kind[XSI_FRAME_MISSING] = to;
        for (unsigned k = XSI_FRAME_MISSING + 1; k <= XSI_FRAME_KIND; k++)
            out->kind[XSI_FRAME_MISSING] -= out->kind[k];
        return;
    }
    *out = (struct xsi_frame_counts){ .pinned = 0 };
    for (; from < to; from += same) {
        uint8_t state = stretch(&map->frames, from, &same);

        same = same < to - from ? same : to - from;
        count(out, state, same);
    }
}
