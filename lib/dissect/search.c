/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search for the place where a lost layer goes on. Each open layer names byte strings (anchors)
 * and a range of 32-bit words that mark places worth a look, and judges such a place itself. The
 * search goes forward in slices of 1 MiB and takes the first place with a firm answer; so a pipe
 * gives the same result as a file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define ACCEPT 80       /* a confidence from which a place is taken */
#define WORTH_SAYING 20 /* with --scan: weaker places are said from here on */
#define OVERLAP 64      /* an anchor may lie across the border of two slices */
#define LOOK_BACK 256   /* how far before an anchor a place may lie */
#define TAIL (16U << 20)/* the last stretch of a file is always searched */
#define MARKS_MAX 48

/* One kind of mark and its next hit in the block. */
struct mark {
    size_t layer;
    const struct xsi_anchor *anchor; /* NULL: the layer's word range */
    size_t next;                     /* SIZE_MAX: no more in this block */
};

typedef uint8_t vec __attribute__((vector_size(16)));

static vec load(const uint8_t *p)
{
    vec v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/*
 * Next i in [from, to) whose little-endian u32 lies in [low, high]; high < 65536. Sixteen places at
 * a time: the two upper bytes must be zero and the two lower ones not both zero.
 */
static size_t next_word(const uint8_t *p, size_t from, size_t to, uint32_t low, uint32_t high)
{
    size_t i = from;

    while (i < to) {
        if (i + 19 <= to) {
            vec high_bytes = load(p + i + 2) | load(p + i + 3);
            vec low_bytes = load(p + i) | load(p + i + 1);
            vec hit = (vec)(high_bytes == 0) & (vec)(low_bytes != 0);
            uint64_t half[2];

            memcpy(half, &hit, sizeof(half));
            if (!(half[0] | half[1])) {
                i += 16;
                continue;
            }
        }
        for (size_t end = i + 16 < to ? i + 16 : to; i < end; i++) {
            uint32_t v = xsi_le32(p + i);

            if (v >= low && v <= high)
                return i;
        }
    }
    return SIZE_MAX;
}

static void mark_next(struct xsi_walk *w, struct mark *m, size_t from, size_t to, size_t have)
{
    const struct xsi_format *f = w->layer[m->layer].format;
    const uint8_t *p = w->scan_block, *hit;

    m->next = SIZE_MAX;
    if (from >= to)
        return;
    if (!m->anchor) {
        size_t end = have >= 4 && to > have - 3 ? have - 3 : to;

        if (have >= 4)
            m->next = next_word(p, from, end, f->word_min, f->word_max);
        return;
    }
    hit = memmem(p + from, have - from, m->anchor->bytes, m->anchor->length);
    if (hit && (size_t)(hit - p) < to)
        m->next = (size_t)(hit - p);
}

/* The marks of the layers from the top down to index `lowest`. */
static size_t marks_begin(struct xsi_walk *w, size_t lowest, struct mark *marks, size_t to,
                          size_t have)
{
    size_t n = 0;

    for (size_t l = w->depth; l-- > lowest;) {
        const struct xsi_format *f = w->layer[l].format;

        if (!f->resync)
            continue;
        if (f->word_max && n < MARKS_MAX)
            marks[n++] = (struct mark){ l, NULL, 0 };
        for (const struct xsi_anchor *a = f->anchors; a && a->length && n < MARKS_MAX; a++)
            marks[n++] = (struct mark){ l, a, 0 };
    }
    for (size_t i = 0; i < n; i++)
        mark_next(w, &marks[i], 0, to, have);
    return n;
}

void xsi_search_begin(struct xsi_walk *w)
{
    w->lost_at = w->pos;
    w->scan_at = w->pos + 1;
    w->scan_limit = w->options.scan ? UINT64_MAX : w->pos + XSI_SCAN_NEAR;
    w->tail_pass = false;
    w->candidates = 0;
    w->bad_count = 0;
    w->phase = XSI_PH_SEARCH;
    if (!w->view.faulty)
        xsi_identify(w, w->pos, w->gap_note, sizeof(w->gap_note));
    else
        snprintf(w->gap_note, sizeof(w->gap_note), "in front of unreadable bytes");
}

/* The layer at index `l` goes on at sync->offset. */
static int found(struct xsi_walk *w, size_t l, const struct xsi_sync *sync)
{
    w->phase = XSI_PH_REST;
    w->gap_only = true;
    w->gap_end = sync->offset;
    w->was_cut = true; /* inner layers end without more complaints */
    xsi_end_layers(w, l + 1);
    w->was_cut = false;
    if (w->layer[l].format->resumed)
        w->layer[l].format->resumed(w, &w->layer[l], sync);
    w->resumed_here = true;
    w->resumed_certain = sync->confidence >= 100;
    w->stalls = 0;
    xsi_report(w, &xsi_general_findings[XSI_C08], sync->offset, 0,
               "%s goes on here (%s%d of 100: %s), %llu bytes behind the damage",
               w->layer[l].row->name, sync->confidence >= 100 ? "certain, " : "",
               sync->confidence, sync->why, (unsigned long long)(sync->offset - w->lost_at));
    return 1;
}

static int give_up(struct xsi_walk *w)
{
    w->phase = XSI_PH_REST;
    w->gap_only = false;
    w->gap_end = w->view.ended && !xsi_source_seekable(w->src) ? w->view.end : 0;
    xsi_report(w, &xsi_general_findings[XSI_C09], w->lost_at, 0,
               "no place was found where %s goes on; %s",
               w->depth ? w->layer[w->depth - 1].row->name : "the image",
               w->options.scan ? "every offset up to the end was tried"
                               : "searched 64 MiB and the end of the image; --scan tries it all");
    w->was_cut = true;
    xsi_end_layers(w, 0);
    return 1;
}

/* Ask layer `l` about a place. */
static void ask(struct xsi_walk *w, size_t l, uint64_t at, struct xsi_sync *sync)
{
    *sync = (struct xsi_sync){ .offset = at };
    w->layer[l].format->resync(w, &w->layer[l], at, sync);
    if (w->view.faulty && xsi_source_seekable(w->src) && xsi_fault_is_medium(w->view.fault_code))
        w->view.faulty = false; /* the slice itself will come across the hole */
}

static void say_candidate(struct xsi_walk *w, size_t l, const struct xsi_sync *sync)
{
    if (w->options.scan && sync->confidence >= WORTH_SAYING &&
        w->candidates++ < XSI_CANDIDATES_MAX)
        xsi_report(w, &xsi_general_findings[XSI_C10], sync->offset, 0,
                   "%s may go on here (%d of 100: %s)", w->layer[l].row->name, sync->confidence,
                   sync->why);
}

/* Copy the block at `at` into scan_block; *have bytes of it. 0, or -ENOMEM. */
static int load_block(struct xsi_walk *w, uint64_t at, size_t *have)
{
    const uint8_t *p;

    *have = 0;
    if (!w->scan_block)
        w->scan_block = malloc(XSI_SCAN_BLOCK + OVERLAP);
    if (!w->scan_block)
        return -ENOMEM;
    p = xsi_view_peek(&w->view, at, XSI_SCAN_BLOCK + OVERLAP, have);
    memcpy(w->scan_block, p, *have);
    return 0;
}

/*
 * Ask about all marked places of the block at `base` (`have` bytes in scan_block) that lie behind
 * `behind`, in ascending order. True when one was good enough: *sync and *layer tell which.
 */
static bool scan(struct xsi_walk *w, size_t lowest, uint64_t base, size_t have, uint64_t behind,
                 struct xsi_sync *sync, size_t *layer)
{
    size_t to = have > XSI_SCAN_BLOCK ? XSI_SCAN_BLOCK : have;
    struct mark marks[MARKS_MAX];
    size_t n = marks_begin(w, lowest, marks, to, have);

    for (;;) {
        struct mark *first = NULL;
        uint64_t at;

        for (size_t i = 0; i < n; i++)
            if (marks[i].next != SIZE_MAX && (!first || marks[i].next < first->next))
                first = &marks[i];
        if (!first)
            return false;
        at = base + first->next;
        if (first->anchor)
            at = at < (uint64_t)first->anchor->back ? 0 : at - (uint64_t)first->anchor->back;
        if (at > behind) {
            ask(w, first->layer, at, sync);
            *layer = first->layer;
            if (sync->confidence >= ACCEPT)
                return true;
            say_candidate(w, first->layer, sync);
        }
        mark_next(w, first, first->next + 1, to, have);
    }
}

bool xsi_find_sync(struct xsi_walk *w, const struct xsi_layer *l, uint64_t from, uint64_t to,
                   struct xsi_sync *sync)
{
    bool scan_option = w->options.scan, found_one = false;
    size_t have, layer;

    w->options.scan = false; /* no candidates are said here */
    for (uint64_t at = from; at < to && !found_one; at += XSI_SCAN_BLOCK) {
        if (load_block(w, at, &have) < 0 || !have)
            break;
        if (have > to - at)
            have = (size_t)(to - at);
        found_one = scan(w, l->depth, at, have, from ? from - 1 : 0, sync, &layer);
        if (have < XSI_SCAN_BLOCK)
            break;
    }
    w->options.scan = scan_option;
    return found_one;
}

/* The block at scan_at; *have bytes of it in scan_block. 0, or -errno. */
static int read_block(struct xsi_walk *w, size_t *have)
{
    if (w->scan_at > LOOK_BACK)
        xsi_view_advance(&w->view, w->scan_at - LOOK_BACK);
    if (load_block(w, w->scan_at, have) < 0)
        return -ENOMEM;
    if (w->view.faulty && xsi_source_seekable(w->src)) {
        if (!xsi_fault_is_medium(w->view.fault_code))
            return w->view.fault_code;
        if (!*have)
            w->scan_at = xsi_fault_range(w);
        w->view.faulty = false;
    }
    return 0;
}

/* Without --scan: a last look at the end of a file, where the tail is. */
static bool tail_pass(struct xsi_walk *w)
{
    uint64_t left = xsi_left(w, w->scan_at);

    if (w->tail_pass || !xsi_source_seekable(w->src) || left == UINT64_MAX)
        return false;
    w->tail_pass = true;
    w->scan_limit = UINT64_MAX;
    if (left > TAIL)
        w->scan_at += left - TAIL;
    return true;
}

int xsi_search_slice(struct xsi_walk *w)
{
    struct xsi_sync sync;
    size_t have, layer;
    int rc = read_block(w, &have);

    if (rc < 0)
        return rc;
    if (!have)
        return xsi_left(w, w->scan_at) && xsi_source_seekable(w->src) ? 0 : give_up(w);
    if (scan(w, 0, w->scan_at, have, w->lost_at, &sync, &layer))
        return found(w, layer, &sync);
    w->scan_at += have > XSI_SCAN_BLOCK ? XSI_SCAN_BLOCK : have;
    if (w->scan_at > w->reached)
        w->reached = w->scan_at;
    if (w->scan_at >= w->scan_limit && !tail_pass(w))
        return give_up(w);
    return 0;
}
