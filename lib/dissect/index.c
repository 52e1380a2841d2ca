/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An index of a walk: its chunks as rows, and marks from which it can be walked again. A mark
 * stands on a chunk. They are spread evenly over the work that the walk is, which is a unit per
 * chunk and much more where damage was searched: whoever opens a place behind damage does not
 * search again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "index.h"

#define WORK_SHIFT      14   /* so many bytes (as a power of two) are searched in a chunk's time */
#define WORK_UNREADABLE 4096 /* the medium tries long before it gives up */

static const struct xsi_index_sum nothing = { .first_pfn = UINT64_MAX };

void xsi_index_failed(struct xsi_error *err, int code, const char *text)
{
    err->code = code;
    snprintf(err->text, sizeof(err->text), "%s", text);
}

struct xsi_index *xsi_index_new(struct xsi_source *src, const struct xsi_walk_options *options,
                                bool unfolded, struct xsi_error *err)
{
    struct xsi_index *index = calloc(1, sizeof(*index));

    if (index && options) {
        index->options = *options;
        index->as = options->as ? strdup(options->as) : NULL;
        index->options.as = index->as;
    }
    if (index)
        index->recent = calloc(1, sizeof(*index->recent));
    if (!index || !index->recent || (options && options->as && !index->as)) {
        xsi_index_failed(err, ENOMEM, "out of memory for the image's chunks");
        xsi_index_free(index);
        return NULL;
    }
    index->src = src;
    index->seekable = xsi_source_seekable(src);
    index->unfolded = unfolded;
    index->distance = 1;
    return index;
}

void xsi_index_free(struct xsi_index *index)
{
    if (!index)
        return;
    for (size_t i = 0; i < index->marks; i++)
        free(index->mark[i].saved);
    for (size_t i = 0; index->recent && i < RECENT; i++)
        free(index->recent->mark[i].saved);
    free(index->recent);
    free(index->row);
    free(index->part);
    free(index->as);
    free(index);
}

/* ---------------------------------------------------------------- rows ---- */

struct xsi_map_row xsi_map_row_of(const struct xsi_chunk *c, unsigned checkpoint)
{
    return (struct xsi_map_row){ .index = c->index,
                                 .count = 1,
                                 .offset = c->offset,
                                 .length = c->length,
                                 .wanted = c->wanted,
                                 .layer = c->layer,
                                 .type = c->type,
                                 .has_id = c->has_id,
                                 .id = c->id,
                                 .entries = c->entries,
                                 .pages = c->pages,
                                 .tables = c->tables,
                                 .first_pfn = c->first_pfn,
                                 .last_pfn = c->last_pfn,
                                 .flags = c->flags,
                                 .depth = c->depth,
                                 .checkpoint = checkpoint };
}

/* A batch behind batches of the same layer, nothing wrong with either. */
static bool folds(const struct xsi_index *index, const struct xsi_chunk *c)
{
    const struct xsi_map_row *last = index->count ? &index->row[index->count - 1] : NULL;

    return last && !index->unfolded && !index->full && c->flags == XSI_CHUNK_PAGES &&
           last->flags == c->flags && last->layer == c->layer && last->type == c->type &&
           last->checkpoint == index->checkpoint;
}

static void fold(struct xsi_map_row *row, const struct xsi_chunk *c)
{
    if (c->pages && (!row->pages || c->first_pfn < row->first_pfn))
        row->first_pfn = c->first_pfn;
    if (c->pages && (!row->pages || c->last_pfn > row->last_pfn))
        row->last_pfn = c->last_pfn;
    row->count++;
    row->length += c->length;
    row->wanted += c->wanted;
    row->entries += c->entries;
    row->pages += c->pages;
    row->tables += c->tables;
}

/* Kind of the layer that a chunk says it is of: as a rule that of the walk's top layer. */
static unsigned kind_of(const struct xsi_walk *w, const struct xsi_chunk *c)
{
    const struct xsi_layer_row *row = NULL;
    const struct xsi_format *format;

    if (w->chunk_layer && w->chunk_layer <= w->depth)
        row = w->layer[w->chunk_layer - 1].row;
    if (row && row->name == c->layer)
        return row->kind;
    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (row = format->layers; row && row->name; row++)
            if (!strcmp(row->name, c->layer))
                return row->kind;
    return 0;
}

static enum xsi_part part_of(const struct xsi_index *index, const struct xsi_walk *w,
                             const struct xsi_chunk *c)
{
    if (c->flags & XSI_CHUNK_GAP)
        return XSI_PART_GAP;
    if (c->flags & XSI_CHUNK_PAGES)
        return XSI_PART_PAGES;
    switch (kind_of(w, c)) {
    case XSI_LAYER_STREAM:
        return index->pages_seen ? XSI_PART_TAIL : XSI_PART_HEAD;
    case XSI_LAYER_EMULATOR:
        return XSI_PART_EMULATOR;
    case XSI_LAYER_FOREIGN:
        return XSI_PART_FOREIGN;
    default:
        return XSI_PART_CONTAINER;
    }
}

static bool grow(struct xsi_index *index)
{
    size_t capacity = index->capacity ? index->capacity * 2 : 64;
    struct xsi_map_row *row;
    uint8_t *part;

    if (index->count < index->capacity)
        return true;
    row = reallocarray(index->row, capacity, sizeof(*row));
    if (!row)
        return false;
    index->row = row;
    part = realloc(index->part, capacity);
    if (!part)
        return false;
    index->part = part;
    index->capacity = capacity;
    return true;
}

static bool add_row(struct xsi_index *index, const struct xsi_walk *w, const struct xsi_chunk *c)
{
    if (folds(index, c)) {
        fold(&index->row[index->count - 1], c);
        return true;
    }
    if (index->count == ROWS_MAX) {
        index->full = true;
        return true;
    }
    if (!grow(index))
        return false;
    index->part[index->count] = (uint8_t)part_of(index, w, c);
    index->row[index->count++] = xsi_map_row_of(c, index->checkpoint);
    return true;
}

/* ---------------------------------------------------------------- marks ---- */

static void add_up(struct xsi_index_sum *to, const struct xsi_index_sum *from)
{
    to->chunks += from->chunks;
    to->entries += from->entries;
    to->pages += from->pages;
    to->tables += from->tables;
    if (from->first_pfn < to->first_pfn)
        to->first_pfn = from->first_pfn;
    if (from->last_pfn > to->last_pfn)
        to->last_pfn = from->last_pfn;
}

/* Fewer marks, twice as far apart at least; of two that are too near the first stays. */
static void thin(struct xsi_index *index)
{
    size_t kept;

    do {
        kept = 1;
        index->distance *= 2;
        for (size_t i = 1; i < index->marks; i++) {
            struct mark *m = &index->mark[i], *last = &index->mark[kept - 1];

            if (m->work - last->work >= index->distance) {
                index->mark[kept++] = *m;
                continue;
            }
            add_up(&last->behind, &m->behind);
            index->saved -= xsi_bookmark_size(m->saved);
            free(m->saved);
        }
        index->marks = kept;
    } while (kept > 1 && (kept > MARKS_MAX * 3 / 4 || index->saved > SAVED_MAX / 4 * 3));
}

static uint64_t work_of(const struct xsi_chunk *c)
{
    if (c->flags & XSI_CHUNK_UNREADABLE)
        return WORK_UNREADABLE;
    return 1 + (c->flags & XSI_CHUNK_GAP ? c->length >> WORK_SHIFT : 0);
}

static bool add_mark(struct xsi_index *index, const struct xsi_walk *w, const struct xsi_chunk *c)
{
    struct xsi_bookmark *saved = NULL;

    index->work += work_of(c);
    if (index->marks && index->work - index->mark[index->marks - 1].work < index->distance)
        return true;
    if (index->marks == MARKS_MAX || index->saved > SAVED_MAX) {
        thin(index);
        if (index->work - index->mark[index->marks - 1].work < index->distance)
            return true;
    }
    if (index->seekable && !(saved = xsi_bookmark_new(w)))
        return false;
    index->saved += xsi_bookmark_size(saved);
    index->mark[index->marks++] = (struct mark){ .number = c->index,
                                                 .offset = c->offset,
                                                 .checkpoint = index->checkpoint,
                                                 .work = index->work,
                                                 .saved = saved,
                                                 .behind = nothing };
    return true;
}

int xsi_index_add(struct xsi_index *index, const struct xsi_walk *walk,
                  const struct xsi_chunk *chunk)
{
    struct xsi_index_sum sum = { 1, chunk->entries, chunk->pages, chunk->tables, UINT64_MAX, 0 };
    unsigned checkpoints = xsi_walk_info(walk)->checkpoints;

    if (!add_row(index, walk, chunk) || !add_mark(index, walk, chunk))
        return -ENOMEM;
    if (chunk->flags & XSI_CHUNK_PAGES) {
        if (chunk->pages) {
            sum.first_pfn = chunk->first_pfn;
            sum.last_pfn = chunk->last_pfn;
        }
        add_up(&index->mark[index->marks - 1].behind, &sum);
        index->pages_seen = true;
    }
    index->chunks = chunk->index + 1;
    index->end = chunk->offset + chunk->length;
    index->pages_seen = index->pages_seen && checkpoints == index->checkpoint;
    index->checkpoint = checkpoints;
    return 0;
}

/* ---------------------------------------------------------------- looking at it ---- */

const struct xsi_map_row *xsi_index_rows(const struct xsi_index *index, size_t *count)
{
    *count = index->count;
    return index->row;
}

const struct xsi_map_row *xsi_index_at(const struct xsi_index *index, uint64_t offset)
{
    size_t low = 0, high = index->count;

    while (low < high) { /* low = number of rows that begin at or before offset */
        size_t middle = low + (high - low) / 2;

        if (index->row[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || offset - index->row[low - 1].offset >= index->row[low - 1].length)
        return NULL;
    return &index->row[low - 1];
}

bool xsi_index_full(const struct xsi_index *index)
{
    return index->full;
}

uint64_t xsi_index_chunks(const struct xsi_index *index)
{
    return index->chunks;
}

uint64_t xsi_index_end(const struct xsi_index *index)
{
    return index->end;
}

enum xsi_part xsi_index_part(const struct xsi_index *index, size_t row)
{
    return row < index->count ? (enum xsi_part)index->part[row] : XSI_PART_GAP;
}

void xsi_index_sum(const struct xsi_index *index, uint64_t from, uint64_t to,
                   struct xsi_index_sum *out)
{
    *out = nothing;
    for (size_t i = 0; i < index->marks && index->mark[i].offset < to; i++)
        if (i + 1 == index->marks ? from < index->end : from < index->mark[i + 1].offset)
            add_up(out, &index->mark[i].behind);
}
