/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A frame can be sent many times; the last copy is the one that a restore keeps, so the image is
 * looked through from its end, leaving out what the index knows to hold other frames.
 */
#include <stdlib.h>
#include <string.h>

#include "find_pfn.h"

#define PIECES     512 /* of the image: not divided further, but walked through */
#define RANGES_MAX 64  /* halves of halves that wait */
#define ENTRIES    512 /* of a batch, at a time */
#define STEPS      32  /* chunks or lists of entries in a slice */

struct pfn_search {
    const struct doc *doc;
    uint64_t pfn, end; /* end: of what was walked when it began */
    bool all;
    uint64_t range[RANGES_MAX][2]; /* the last one is next */
    size_t ranges;
    struct xsi_walk *walk; /* through a piece; NULL: the next range is to be taken */
    const struct xsi_chunk *chunk;
    uint64_t entry, to; /* next entry of the chunk; end of the piece */
    struct pfn_found found;
    struct xsi_page_entry entries[ENTRIES];
};

struct pfn_search *pfn_search_new(const struct doc *doc, uint64_t pfn, bool all)
{
    struct pfn_search *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->doc = doc;
    s->pfn = pfn;
    s->all = all;
    s->found.whole = doc->walked;
    s->end = xsi_index_end(doc->index);
    s->range[0][1] = s->end;
    s->ranges = s->end > 0;
    return s;
}

static void leave(struct pfn_search *s)
{
    xsi_walk_free(s->walk);
    s->walk = NULL;
}

void pfn_search_free(struct pfn_search *s)
{
    if (s)
        leave(s);
    free(s);
}

const struct pfn_found *pfn_search_found(const struct pfn_search *s)
{
    return &s->found;
}

const struct doc *pfn_search_doc(const struct pfn_search *s)
{
    return s->doc;
}

double pfn_search_progress(const struct pfn_search *s)
{
    uint64_t left = s->ranges ? s->range[s->ranges - 1][1] : 0;

    return s->end ? 1 - (double)left / (double)s->end : 1;
}

/* Pieces come from the end on, copies in a piece from its beginning. */
static void keep(struct pfn_search *s, const struct xsi_page_entry *e)
{
    struct pfn_found *f = &s->found;
    size_t i = f->count;

    f->copies++;
    while (i && f->copy[i - 1].at > e->data)
        i--;
    if (f->count == PFN_COPIES) {
        if (!i) /* older than all that are kept */
            return;
        memmove(&f->copy[0], &f->copy[1], (--i) * sizeof(f->copy[0]));
    } else {
        memmove(&f->copy[i + 1], &f->copy[i], (f->count++ - i) * sizeof(f->copy[0]));
    }
    f->copy[i] = (struct pfn_copy){ e->data, s->chunk->offset, s->chunk->index, e->type_name };
}

/* Entries of the chunk that the walk stands on; false: there are no more. */
static bool look_at_entries(struct pfn_search *s)
{
    const struct xsi_chunk *c = s->chunk;
    ssize_t n = 0;

    if (c->pages && s->pfn >= c->first_pfn && s->pfn <= c->last_pfn)
        n = xsi_chunk_entries(s->walk, c, s->entry, ENTRIES, s->entries);
    for (ssize_t i = 0; i < n; i++)
        if (s->entries[i].pfn == s->pfn && s->entries[i].data)
            keep(s, &s->entries[i]);
    s->entry += n > 0 ? (uint64_t)n : 0;
    return n > 0;
}

/* One step of the walk through a piece. */
static void step(struct pfn_search *s)
{
    struct xsi_event ev;
    int rc;

    if (look_at_entries(s))
        return;
    do
        rc = xsi_walk_next(s->walk, &ev);
    while (rc > 0 && ev.kind == XSI_EV_FINDING);
    if (rc <= 0 || (ev.kind == XSI_EV_CHUNK && ev.chunk->offset >= s->to)) {
        leave(s);
        return;
    }
    if (ev.kind == XSI_EV_CHUNK) {
        s->chunk = ev.chunk;
        s->entry = 0;
    }
}

/* Halve it, walk through it, or leave it out. */
static void take_range(struct pfn_search *s)
{
    uint64_t from = s->range[s->ranges - 1][0], to = s->range[s->ranges - 1][1];
    struct xsi_index_sum sum;
    struct xsi_error error;

    s->ranges--;
    xsi_index_sum(s->doc->index, from, to, &sum);
    if (s->pfn < sum.first_pfn || s->pfn > sum.last_pfn)
        return;
    if (to - from > s->end / PIECES && to - from > 1 && s->ranges + 2 <= RANGES_MAX) {
        uint64_t middle = from + (to - from) / 2;

        s->range[s->ranges][0] = from;
        s->range[s->ranges++][1] = middle;
        s->range[s->ranges][0] = middle;
        s->range[s->ranges++][1] = to;
        return;
    }
    s->walk = xsi_index_open(s->doc->index, from, &s->chunk, &error);
    s->entry = 0;
    s->to = to;
    /* the chunk at the border belongs to the piece that it begins in */
    if (s->walk && s->chunk->offset < from)
        s->entry = s->chunk->entries;
}

bool pfn_search_slice(struct pfn_search *s)
{
    for (unsigned n = 0; n < STEPS; n++) {
        if (s->walk)
            step(s);
        else if (s->ranges && (s->all || !s->found.copies))
            take_range(s);
        else
            return false;
    }
    return true;
}
