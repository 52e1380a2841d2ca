/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An index of a walk: its chunks as rows, and marks from which it can be walked again. A mark stands
 * on a chunk. They are spread evenly over the work that the walk is, which is a unit per chunk and
 * much more where damage was searched: whoever opens a place behind damage does not search again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

enum { ROWS_MAX = 256 << 10, MARKS_MAX = 1024, SAVED_MAX = 2 << 20 };

#define WORK_SHIFT      14   /* so many bytes (as a power of two) are searched in a chunk's time */
#define WORK_UNREADABLE 4096 /* the medium tries long before it gives up */

struct mark {
    uint64_t number, offset;     /* of the chunk */
    unsigned checkpoint;         /* complete ones in front of it */
    uint64_t work;               /* up to and with the chunk */
    struct xsi_bookmark *saved;  /* NULL: the source cannot go back */
    struct xsi_index_sum behind; /* the batches from here to the next mark */
};

struct xsi_index {
    struct xsi_source *src;
    struct xsi_walk_options options;
    char *as;
    bool unfolded, full, seekable;
    struct xsi_map_row *row;
    uint8_t *part; /* enum xsi_part of each row */
    size_t count, capacity;
    struct mark mark[MARKS_MAX];
    size_t marks, saved;     /* bytes of their bookmarks */
    uint64_t distance, work; /* least work between marks; of all chunks */
    uint64_t chunks, end;
    unsigned checkpoint; /* complete ones behind the last chunk */
    bool pages_seen;     /* ... and since then a batch of pages */
};

static const struct xsi_index_sum nothing = { .first_pfn = UINT64_MAX };

static int failed(struct xsi_error *err, int code, const char *text)
{
    err->code = code;
    snprintf(err->text, sizeof(err->text), "%s", text);
    return -code;
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
    if (!index || (options && options->as && !index->as)) {
        failed(err, ENOMEM, "out of memory for the image's chunks");
        free(index);
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

/* ---------------------------------------------------------------- walking again ---- */

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

/* The last mark at or before the place; NULL: none that can be gone on from. */
static const struct mark *mark_before(const struct xsi_index *index, const struct place *p)
{
    size_t low = 0, high = index->marks;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(p, index->mark[middle].number, index->mark[middle].offset, UINT64_MAX) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && index->mark[low - 1].saved ? &index->mark[low - 1] : NULL;
}

/* The walk's next chunk: 1, 0 at its end, -errno. *checkpoint: complete ones in front of it. */
static int next_chunk(struct xsi_walk *w, const struct xsi_chunk **chunk, unsigned *checkpoint)
{
    struct xsi_event ev;
    int rc;

    *checkpoint = xsi_walk_info(w)->checkpoints;
    do
        rc = xsi_walk_next(w, &ev);
    while (rc > 0 && ev.kind != XSI_EV_CHUNK);
    *chunk = rc > 0 ? ev.chunk : NULL;
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
        failed(err, ENOMEM, "out of memory for going back in the image");
        return NULL;
    }
    if (m) {
        *chunk = &w->chunk;
        *checkpoint = m->checkpoint;
        order = compare(p, w->chunk.index, w->chunk.offset, w->chunk.length);
    }
    while (order < 0 && (rc = next_chunk(w, chunk, checkpoint)) > 0)
        order = compare(p, (*chunk)->index, (*chunk)->offset, (*chunk)->length);
    if (!order)
        return w;
    if (rc < 0)
        *err = *xsi_walk_error(w);
    else
        failed(err, ESTALE,
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

size_t xsi_index_list(const struct xsi_index *index, uint64_t first, size_t max,
                      struct xsi_map_row *out)
{
    const struct place p = { .numbered = true, .value = first };
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    unsigned checkpoint;
    struct xsi_walk *w;
    size_t n = 0;

    if (first >= index->chunks || !max)
        return 0;
    if (max > index->chunks - first)
        max = (size_t)(index->chunks - first);
    w = go_to(index, &p, &chunk, &checkpoint, &err);
    if (!w)
        return 0;
    do
        out[n++] = xsi_map_row_of(chunk, checkpoint);
    while (n < max && next_chunk(w, &chunk, &checkpoint) > 0);
    xsi_walk_free(w);
    return n;
}
