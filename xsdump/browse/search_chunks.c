/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking for chunks that a filter matches, and for findings. Rows are in memory; the chunks of a
 * run are read again, but only where the filter asks for what tells them apart.
 */
#include <stdlib.h>
#include <string.h>

#include "search_internal.h"

#define ROWS_PER_SLICE 1024
#define EVENTS         64 /* of a walk through a run, in a slice */

void search_chunks_start(struct browse *b, struct search *s)
{
    const struct look *look = browse_look(b);

    if (s->finding)
        s->start = b->at;
    else
        s->start = look->valid ? look->index : 0;
    s->at = s->start + !s->back;
}

/* ---------------------------------------------------------------- chunks ---- */

const struct xsi_map_row *search_row(const struct doc *doc, uint64_t number)
{
    size_t low = 0, high;
    const struct xsi_map_row *row = xsi_index_rows(doc->index, &high);

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (row[middle].index <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low && number - row[low - 1].index < row[low - 1].count ? &row[low - 1] : NULL;
}

static enum searched hit(struct search *s, const struct xsi_map_row *row)
{
    s->hit = row->offset;
    s->length = 0;
    return SEARCH_FOUND;
}

void search_chunks_leave(struct search *s)
{
    xsi_walk_free(s->walk);
    s->walk = NULL;
}

/* Up to chunk number end - 1, with a walk that goes on where the last slice left it. */
static enum searched walk_on(struct browse *b, struct search *s, uint64_t end)
{
    struct xsi_error error;

    for (unsigned n = 0; n < EVENTS && s->at < end; n++) {
        unsigned checkpoint = s->walk ? xsi_walk_info(s->walk)->checkpoints : 0;
        struct xsi_event ev = { .kind = XSI_EV_CHUNK };
        struct xsi_map_row row;

        if (!s->walk || s->chunk->index >= s->at) {
            search_chunks_leave(s);
            s->walk = xsi_index_open_number(b->doc->index, s->at, &s->chunk, &error);
            checkpoint = s->walk ? xsi_walk_info(s->walk)->checkpoints : 0;
        } else if (xsi_walk_next(s->walk, &ev) <= 0) {
            search_chunks_leave(s);
        } else if (ev.kind == XSI_EV_CHUNK) {
            s->chunk = ev.chunk;
        }
        if (!s->walk) {
            s->unread = true;
            s->at = end;
        }
        if (!s->walk || ev.kind != XSI_EV_CHUNK || s->chunk->index < s->at)
            continue;
        row = xsi_map_row_of(s->chunk, checkpoint);
        s->at = row.index + 1;
        if (cli_filter_match(s->filter, &row))
            return hit(s, &row);
    }
    return SEARCH_ON;
}

/* Down to chunk number `first`, as many as are read at a time. */
static enum searched list_back(struct browse *b, struct search *s, uint64_t first)
{
    size_t n;

    if (s->at - first > SEARCH_CHUNKS)
        first = s->at - SEARCH_CHUNKS;
    n = xsi_index_list(b->doc->index, first, (size_t)(s->at - first), s->row);
    s->unread = s->unread || n < s->at - first;
    while (n--)
        if (cli_filter_match(s->filter, &s->row[n]))
            return hit(s, &s->row[n]);
    s->at = first;
    return SEARCH_ON;
}

/* A row, or some chunks of it (*read: that took longer). */
static enum searched step(struct browse *b, struct search *s, bool *read)
{
    const struct xsi_map_row *row = search_row(b->doc, s->back ? s->at - 1 : s->at);
    bool whole = row && (row->count == 1 || cli_filter_by_run(s->filter));
    uint64_t first, end;
    size_t count;

    if (whole) {
        /* from within a run that counts as one the next hit is not the run itself */
        if ((s->back || s->at == row->index) && cli_filter_match(s->filter, row))
            return hit(s, row);
        s->at = s->back ? row->index : row->index + row->count;
        return SEARCH_ON;
    }
    *read = true;
    first = row ? row->index : 0;
    end = row ? row->index + row->count : xsi_index_chunks(b->doc->index);
    if (!row && (row = xsi_index_rows(b->doc->index, &count)) && count) /* behind the rows */
        first = row[count - 1].index + row[count - 1].count;
    return s->back ? list_back(b, s, first) : walk_on(b, s, end);
}

static bool at_end(const struct browse *b, const struct search *s)
{
    if (s->back)
        return s->at <= (s->wrapped ? s->start : 0);
    return s->wrapped ? s->at > s->start : s->at >= xsi_index_chunks(b->doc->index);
}

static enum searched chunks(struct browse *b, struct search *s)
{
    enum searched what = SEARCH_ON;
    bool read = false;

    for (unsigned n = 0; n < ROWS_PER_SLICE && what == SEARCH_ON && !read && !at_end(b, s); n++)
        what = step(b, s, &read);
    if (what != SEARCH_ON || !at_end(b, s))
        return what;
    if (s->wrapped)
        return SEARCH_NOTHING;
    if (!b->doc->walked)
        return SEARCH_WAITS;
    s->wrapped = true;
    s->at = s->back ? xsi_index_chunks(b->doc->index) : 0;
    return SEARCH_ON;
}

/* ---------------------------------------------------------------- findings ---- */

static bool beyond(const struct search *s, uint64_t offset)
{
    return s->back ? offset < s->start : offset > s->start;
}

static enum searched findings(struct browse *b, struct search *s)
{
    const struct doc *doc = b->doc;
    const struct xsi_finding *other = NULL;

    for (size_t i = 0; i < doc->finding_count; i++) {
        const struct xsi_finding *f = &doc->finding[s->back ? doc->finding_count - 1 - i : i];

        if (f->row != s->finding)
            continue;
        if (beyond(s, f->offset)) {
            s->hit = f->offset;
            return SEARCH_FOUND;
        }
        other = other ? other : f;
    }
    if (!doc->walked)
        return SEARCH_WAITS;
    if (!other)
        return SEARCH_NOTHING;
    s->wrapped = true;
    s->hit = other->offset;
    return SEARCH_FOUND;
}

enum searched search_chunks_slice(struct browse *b, struct search *s)
{
    return s->finding ? findings(b, s) : chunks(b, s);
}
