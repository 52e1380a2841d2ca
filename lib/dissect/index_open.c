/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Going back to a chunk: from the nearest mark in front of it, walking on from there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "index.h"

#define RECENT_STEP 64 /* chunks between marks that are set in passing */

/* A chunk by its number, or the one that holds an offset. */
struct place {
    bool numbered;
    uint64_t value;
};

/* -1: it lies behind chunk number `number`, [offset, offset + length); 0: there; 1: before it. */
static int compare(const struct place *p, uint64_t number, uint64_t offset, uint64_t length)
{
    if (p->numbered)
        return p->value < number ? 1 : -(p->value > number);
    return p->value < offset ? 1 : -(p->value - offset >= length);
}

static bool is_behind(const struct place *p, const struct mark *m)
{
    return compare(p, m->number, m->offset, UINT64_MAX) <= 0;
}

/* The last mark at or before the place; NULL: none that can be gone on from. */
static const struct mark *mark_before(const struct xsi_index *index, const struct place *p)
{
    size_t low = 0, high = index->marks;
    const struct mark *best;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_behind(p, &index->mark[middle]))
            low = middle + 1;
        else
            high = middle;
    }
    best = low && index->mark[low - 1].saved ? &index->mark[low - 1] : NULL;
    for (size_t i = 0; best && i < RECENT; i++) {
        const struct mark *m = &index->recent->mark[i];

        if (m->saved && m->number > best->number && is_behind(p, m))
            best = m;
    }
    return best;
}

/* Set a mark in passing, now and then; without memory for it there is none. */
static void pass(const struct xsi_index *index, const struct xsi_walk *w, const struct xsi_chunk *c,
                 unsigned checkpoint)
{
    struct recent *r = index->recent;

    if (!index->seekable || c->index % RECENT_STEP)
        return;
    for (size_t i = 0; i < RECENT; i++)
        if (r->mark[i].saved && r->mark[i].number == c->index)
            return;
    free(r->mark[r->next].saved);
    r->mark[r->next] = (struct mark){ .number = c->index,
                                      .offset = c->offset,
                                      .checkpoint = checkpoint,
                                      .saved = xsi_bookmark_new(w) };
    r->next = (r->next + 1) % RECENT;
}

/* The walk's next chunk: 1, 0 at its end, -errno. *checkpoint: complete ones in front of it. */
static int next_chunk(const struct xsi_index *index, struct xsi_walk *w,
                      const struct xsi_chunk **chunk, unsigned *checkpoint)
{
    struct xsi_event ev;
    int rc;

    *checkpoint = xsi_walk_info(w)->checkpoints;
    do
        rc = xsi_walk_next(w, &ev);
    while (rc > 0 && ev.kind != XSI_EV_CHUNK);
    *chunk = rc > 0 ? ev.chunk : NULL;
    if (*chunk)
        pass(index, w, *chunk, *checkpoint);
    return rc;
}

static struct xsi_walk *go_to(const struct xsi_index *index, const struct place *p,
                              const struct xsi_chunk **chunk, unsigned *checkpoint,
                              struct xsi_error *err)
{
    const struct mark *m = mark_before(index, p);
    struct xsi_walk *w =
        m ? xsi_bookmark_open(m->saved) : xsi_walk_new(index->src, &index->options, err);
    int order = -1, rc = 1;

    if (!w) {
        xsi_index_failed(err, ENOMEM, "out of memory for going back in the image");
        return NULL;
    }
    if (m) {
        *chunk = &w->chunk;
        *checkpoint = m->checkpoint;
        order = compare(p, w->chunk.index, w->chunk.offset, w->chunk.length);
    }
    while (order < 0 && (rc = next_chunk(index, w, chunk, checkpoint)) > 0)
        order = compare(p, (*chunk)->index, (*chunk)->offset, (*chunk)->length);
    if (!order)
        return w;
    if (rc < 0)
        *err = *xsi_walk_error(w);
    else
        xsi_index_failed(err, ESTALE,
                         "the image is not the one that was walked: something has changed it; "
                         "open it again");
    xsi_walk_free(w);
    return NULL;
}

struct xsi_walk *xsi_index_open(const struct xsi_index *index, uint64_t offset,
                                const struct xsi_chunk **chunk, struct xsi_error *err)
{
    const struct place p = { .value = offset };
    unsigned checkpoint;

    if (offset < index->end)
        return go_to(index, &p, chunk, &checkpoint, err);
    err->code = ENOENT;
    snprintf(err->text, sizeof(err->text), "no chunk of the image holds offset 0x%llx",
             (unsigned long long)offset);
    return NULL;
}

struct xsi_walk *xsi_index_open_number(const struct xsi_index *index, uint64_t number,
                                       const struct xsi_chunk **chunk, struct xsi_error *err)
{
    const struct place p = { .numbered = true, .value = number };
    unsigned checkpoint;

    if (number < index->chunks)
        return go_to(index, &p, chunk, &checkpoint, err);
    err->code = ENOENT;
    snprintf(err->text, sizeof(err->text), "the image has no chunk number %llu",
             (unsigned long long)number);
    return NULL;
}

/* The row with a chunk's number; NULL behind the last. */
static const struct xsi_map_row *row_of_number(const struct xsi_index *index, uint64_t number)
{
    size_t low = 0, high = index->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->row[middle].index <= number)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || number - index->row[low - 1].index >= index->row[low - 1].count)
        return NULL;
    return &index->row[low - 1];
}

/* Chunks from number `first` on, at most max, by walking. */
static size_t list_walked(const struct xsi_index *index, uint64_t first, size_t max,
                          struct xsi_map_row *out)
{
    const struct place p = { .numbered = true, .value = first };
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    unsigned checkpoint;
    struct xsi_walk *w = go_to(index, &p, &chunk, &checkpoint, &err);
    size_t n = 0;

    if (!w)
        return 0;
    do
        out[n++] = xsi_map_row_of(chunk, checkpoint);
    while (n < max && next_chunk(index, w, &chunk, &checkpoint) > 0);
    xsi_walk_free(w);
    return n;
}

/* A row of one chunk is that chunk; only runs are walked, and what has no row. */
size_t xsi_index_list(const struct xsi_index *index, uint64_t first, size_t max,
                      struct xsi_map_row *out)
{
    size_t n = 0, got = 1;

    if (first >= index->chunks)
        return 0;
    if (max > index->chunks - first)
        max = (size_t)(index->chunks - first);
    while (n < max && got) {
        const struct xsi_map_row *row = row_of_number(index, first + n);
        uint64_t left = row ? row->index + row->count - (first + n) : UINT64_MAX;

        if (row && row->count == 1) {
            out[n++] = *row;
            continue;
        }
        got = list_walked(index, first + n, left < max - n ? (size_t)left : max - n, out + n);
        n += got;
    }
    return n;
}
