/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking for chunks that a filter matches, and for findings. Rows are in memory; the chunks of a
 * run are read again, but only where the filter asks for what tells them apart.
 */
#include <stdlib.h>
#include <string.h>

#include "search_internal.h"

#define ROWS_PER_SLICE 1024

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

/* The row that holds a chunk's number; NULL: it is behind those that are kept. */
static const struct xsi_map_row *row_with(const struct doc *doc, uint64_t number)
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

/* Chunks first … end - 1, one by one: as many as are read at a time. */
static enum searched one_by_one(struct browse *b, struct search *s, uint64_t first, uint64_t end)
{
    size_t max = SEARCH_CHUNKS, n;

    if (end - first > max && s->back)
        first = end - max;
    if (end - first < max)
        max = (size_t)(end - first);
    n = xsi_index_list(b->doc->index, first, max, s->row);
    for (size_t i = 0; i < n; i++) {
        size_t k = s->back ? n - 1 - i : i;

        if (cli_filter_match(s->filter, &s->row[k]))
            return hit(s, &s->row[k]);
    }
    s->unread = s->unread || !n;
    s->at = s->back ? first : n ? first + n : end;
    return SEARCH_ON;
}

/* A row, or some chunks of it (*read: that took longer). */
static enum searched step(struct browse *b, struct search *s, bool *read)
{
    uint64_t chunks = xsi_index_chunks(b->doc->index);
    uint64_t number = s->back ? s->at - 1 : s->at;
    const struct xsi_map_row *row = row_with(b->doc, number);
    bool whole = row && (row->count == 1 || cli_filter_by_run(s->filter));

    *read = !whole;
    if (!row) {
        size_t count;
        const struct xsi_map_row *last = xsi_index_rows(b->doc->index, &count);
        uint64_t kept = count ? last[count - 1].index + last[count - 1].count : 0;

        return s->back ? one_by_one(b, s, kept, s->at) : one_by_one(b, s, s->at, chunks);
    }
    if (!whole)
        return s->back ? one_by_one(b, s, row->index, s->at)
                       : one_by_one(b, s, s->at, row->index + row->count);
    /* from within a run that counts as one the next hit is not the run itself */
    if ((s->back || s->at == row->index) && cli_filter_match(s->filter, row))
        return hit(s, row);
    s->at = s->back ? row->index : row->index + row->count;
    return SEARCH_ON;
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
