/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the tree: which there are, and what each one is of. */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static const struct xsi_map_row *row_of(const struct tree *t, size_t row)
{
    size_t count;

    return xsi_index_rows(t->doc->index, &count) + row;
}

static const struct xsi_map_row *shown(const struct tree *t, size_t i)
{
    return row_of(t, tree_shown_row(t, i));
}

/* ---------------------------------------------------------------- unfolded runs ---- */

/* Entries in front of a row of the index. */
static size_t open_before(const struct tree *t, size_t row)
{
    size_t low = 0, high = t->open_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->open[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_open(const struct tree *t, size_t row)
{
    size_t i = open_before(t, row);

    return i < t->open_count && t->open[i].row == row;
}

/* Lines of chunks in front of a row. Counted anew, for the last run may still grow. */
static uint64_t chunks_before(const struct tree *t, size_t row)
{
    size_t i = open_before(t, row);

    return i ? t->open[i - 1].before + row_of(t, t->open[i - 1].row)->count : 0;
}

static void count_open(struct tree *t, size_t from)
{
    for (size_t i = from; i < t->open_count; i++)
        t->open[i].before = i ? t->open[i - 1].before + row_of(t, t->open[i - 1].row)->count : 0;
}

static void open_run(struct tree *t, size_t row)
{
    size_t i = open_before(t, row);

    if (t->open_count == t->open_capacity) {
        size_t capacity = t->open_capacity ? 2 * t->open_capacity : 16;
        struct tree_open *larger = reallocarray(t->open, capacity, sizeof(*larger));

        if (!larger)
            return;
        t->open = larger;
        t->open_capacity = capacity;
    }
    memmove(&t->open[i + 1], &t->open[i], (t->open_count - i) * sizeof(t->open[0]));
    t->open[i].row = row;
    t->open_count++;
    count_open(t, i);
}

static void close_run(struct tree *t, size_t row)
{
    size_t i = open_before(t, row);

    t->open_count--;
    memmove(&t->open[i], &t->open[i + 1], (t->open_count - i) * sizeof(t->open[0]));
    count_open(t, i);
}

/* ---------------------------------------------------------------- segments ---- */

static size_t end_of(const struct tree *t, size_t segment)
{
    return segment + 1 < t->count ? t->segment[segment + 1].first : t->rows;
}

/* Lines between a segment's first row and another of its rows, or its end. */
static uint64_t lines_to(const struct tree *t, const struct tree_segment *s, size_t to)
{
    uint64_t chunks = 0;

    if (t->open_count && to > s->first)
        chunks = chunks_before(t, tree_shown_row(t, to - 1) + 1) -
                 chunks_before(t, tree_shown_row(t, s->first));
    /* those of the row in front of `to` are lines too */
    return to - s->first + chunks;
}

static uint64_t lines_in(const struct tree *t, size_t segment)
{
    const struct tree_segment *s = &t->segment[segment];

    if (s->hidden)
        return 0;
    return !s->bare + (s->folded ? 0 : lines_to(t, s, end_of(t, segment)));
}

static bool is_hidden(const struct tree *t, size_t segment)
{
    const struct tree_segment *s = &t->segment[segment];
    const struct tree_segment *holder;

    if (s->block != segment) {
        holder = &t->segment[s->block];
        return holder->folded || holder->hidden;
    }
    holder = s->around == SIZE_MAX ? NULL : &t->segment[s->around];
    return holder && (holder->folded || holder->hidden);
}

/* Where segments begin, from one on: what is in front of it is right. */
static void count_lines(struct tree *t, size_t from)
{
    for (size_t i = from; i < t->count; i++) {
        t->segment[i].hidden = is_hidden(t, i);
        t->segment[i].line = i ? t->segment[i - 1].line + lines_in(t, i - 1) : 0;
    }
    t->list.count = t->count ? t->segment[t->count - 1].line + lines_in(t, t->count - 1) : 0;
}

static struct tree_segment *new_segment(struct tree *t)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        struct tree_segment *larger = reallocarray(t->segment, capacity, sizeof(*larger));

        if (!larger)
            return NULL;
        t->segment = larger;
        t->capacity = capacity;
    }
    return &t->segment[t->count++];
}

static bool same_layer(const struct tree *t, size_t segment, const struct xsi_map_row *row)
{
    return !strcmp(shown(t, t->segment[segment].first)->layer, row->layer);
}

/* The block among those that are open to which a layer belongs, counted from 1; 0: none. It goes by
 * the name: behind a checkpoint libxl's stream goes on within itself. */
static unsigned open_block(const struct tree *t, const char *layer)
{
    unsigned i = t->depth;

    while (i && strcmp(shown(t, t->segment[t->stack[i - 1]].first)->layer, layer) != 0)
        i--;
    return i;
}

/* A row of another layer than the one before: the layer begins, or goes on behind an inner one. */
static bool add_segment(struct tree *t, const struct xsi_map_row *row)
{
    unsigned block = open_block(t, row->layer);
    struct tree_segment *s = new_segment(t);
    size_t self = t->count - 1;

    if (!s)
        return false;
    *s = (struct tree_segment){ .first = t->rows, .bare = !strcmp(row->layer, "none") };
    if (block) {
        t->depth = block;
        s->block = t->stack[block - 1];
        s->around = t->segment[s->block].around;
    } else {
        while (t->depth && shown(t, t->segment[t->stack[t->depth - 1]].first)->depth >= row->depth)
            t->depth--;
        s->block = self;
        s->around = t->depth ? t->stack[t->depth - 1] : SIZE_MAX;
        if (t->depth < TREE_DEPTH)
            t->stack[t->depth++] = self;
    }
    s->depth = s->around == SIZE_MAX ? 0 : t->segment[s->around].depth + 1;
    if (s->depth > t->deepest)
        t->deepest = s->depth;
    for (unsigned i = 0; i < t->depth; i++)
        t->segment[t->stack[i]].last = self;
    return true;
}

static void take_rows(struct tree *t)
{
    size_t count = tree_shown(t), from = t->count ? t->count - 1 : 0;

    for (; t->rows < count; t->rows++) {
        const struct xsi_map_row *row = shown(t, t->rows);

        if ((!t->count || !same_layer(t, t->count - 1, row)) && !add_segment(t, row))
            break;
    }
    count_lines(t, from);
}

void tree_reset(struct tree *t)
{
    t->count = t->rows = t->open_count = 0;
    t->depth = t->deepest = 0;
    t->list = (struct list){ .count = 0 };
    t->window[0].count = t->window[1].count = 0;
    t->at = (struct tree_item){ .kind = TREE_ROW };
    t->placed = false;
}

/* ---------------------------------------------------------------- lines and items ---- */

/* The segment of a shown row, or (by line) of a line: the last that begins there or before. */
static size_t segment_of(const struct tree *t, uint64_t key, bool by_line)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((by_line ? t->segment[middle].line : t->segment[middle].first) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : 0;
}

bool tree_at(const struct tree *t, uint64_t line, struct tree_item *item)
{
    const struct tree_segment *s;
    size_t i, low, high;

    if (line >= t->list.count)
        return false;
    i = segment_of(t, line, true);
    s = &t->segment[i];
    *item = (struct tree_item){ TREE_LAYER, i, tree_shown_row(t, s->first), 0 };
    line -= s->line;
    if (!s->bare && line-- == 0)
        return true;
    /* the last row in front of which there are no more lines than that */
    for (low = s->first, high = end_of(t, i); high - low > 1;) {
        size_t middle = low + (high - low) / 2;

        if (lines_to(t, s, middle) <= line)
            low = middle;
        else
            high = middle;
    }
    line -= lines_to(t, s, low);
    item->row = tree_shown_row(t, low);
    item->kind = line ? TREE_CHUNK : TREE_ROW;
    item->number = line ? row_of(t, item->row)->index + line - 1 : 0;
    return true;
}

uint64_t tree_line_of(const struct tree *t, const struct tree_item *item)
{
    size_t i = item->segment;
    const struct tree_segment *s = &t->segment[i];
    uint64_t line;

    while (s->hidden) { /* each time a block that begins before it */
        i = s->block == i ? s->around : s->block;
        s = &t->segment[i];
    }
    line = s->line;
    if (i != item->segment || item->kind == TREE_LAYER || s->folded)
        return line;
    line += !s->bare + lines_to(t, s, tree_shown_at(t, item->row));
    if (item->kind == TREE_CHUNK && is_open(t, item->row))
        line += 1 + item->number - row_of(t, item->row)->index;
    return line;
}

/* ---------------------------------------------------------------- what an item is ---- */

/* A chunk of a run, out of the windows that were fetched last. */
static const struct xsi_map_row *chunk(struct tree *t, uint64_t number)
{
    uint64_t first = number - number % TREE_WINDOW;
    struct tree_window *w;

    for (unsigned i = 0; i < 2; i++) {
        w = &t->window[i];
        if (w->count && w->first == first && number - first < w->count) {
            t->newest = i;
            return &w->row[number - first];
        }
    }
    t->newest = !t->newest;
    w = &t->window[t->newest];
    w->first = first;
    w->count = xsi_index_list(t->doc->index, first, TREE_WINDOW, w->row);
    return number - first < w->count ? &w->row[number - first] : NULL;
}

/* A layer with all that is in it, also where it goes on. */
static void layer_row(const struct tree *t, size_t segment, struct xsi_map_row *out)
{
    const struct tree_segment *s = &t->segment[segment];
    const struct xsi_map_row *last =
        shown(t, end_of(t, s->block == segment ? s->last : segment) - 1);

    *out = *shown(t, s->first);
    out->length = last->offset + last->length - out->offset;
}

bool tree_row(struct tree *t, const struct tree_item *item, struct xsi_map_row *out)
{
    const struct xsi_map_row *one;

    if (item->kind == TREE_LAYER) {
        layer_row(t, item->segment, out);
        return true;
    }
    one = item->kind == TREE_ROW ? row_of(t, item->row) : chunk(t, item->number);
    if (one)
        *out = *one;
    return one != NULL;
}

bool tree_folds(const struct tree *t, const struct tree_item *item)
{
    return item->kind == TREE_LAYER || (item->kind == TREE_ROW && row_of(t, item->row)->count > 1);
}

bool tree_unfolded(const struct tree *t, const struct tree_item *item)
{
    if (item->kind == TREE_LAYER)
        return !t->segment[t->segment[item->segment].block].folded;
    return item->kind == TREE_ROW && is_open(t, item->row);
}

void tree_fold(struct tree *t, const struct tree_item *item, bool fold)
{
    if (!tree_folds(t, item) || tree_unfolded(t, item) != fold)
        return;
    if (item->kind == TREE_ROW && fold)
        close_run(t, item->row);
    else if (item->kind == TREE_ROW)
        open_run(t, item->row);
    else
        t->segment[t->segment[item->segment].block].folded = fold;
    count_lines(t, item->kind == TREE_LAYER ? t->segment[item->segment].block : item->segment);
    t->list.current = tree_line_of(t, &t->at);
}

bool tree_around(const struct tree *t, const struct tree_item *item, struct tree_item *out)
{
    const struct tree_segment *s = &t->segment[item->segment];

    *out = *item;
    out->kind = item->kind == TREE_CHUNK ? TREE_ROW : TREE_LAYER;
    if (item->kind == TREE_CHUNK)
        return true;
    if (item->kind == TREE_ROW && !s->bare) {
        out->row = tree_shown_row(t, s->first);
        return true;
    }
    out->segment = s->block != item->segment ? s->block : s->around;
    if (out->segment == SIZE_MAX)
        return false;
    out->row = tree_shown_row(t, t->segment[out->segment].first);
    return true;
}

/* ---------------------------------------------------------------- the current place ---- */

/* The item's row is among those that are shown. */
static bool there(const struct tree *t, const struct tree_item *item)
{
    size_t i = tree_shown_at(t, item->row);

    return i < t->rows && item->segment < t->count && tree_shown_row(t, i) == item->row;
}

/* The selected line is of the current place already. */
static bool holds(struct tree *t, const struct tree_item *item, uint64_t at)
{
    struct xsi_map_row row;

    if (!there(t, item) || !tree_row(t, item, &row))
        return false;
    if (item->kind == TREE_LAYER || tree_unfolded(t, item))
        return at == row.offset;
    return at >= row.offset && at - row.offset < row.length;
}

bool tree_place(struct browse *b, struct tree *t)
{
    const struct xsi_map_row *row = doc_row(t->doc, b->at);
    const struct look *look = browse_look(b);
    size_t count, index, place;

    if (!row || !t->rows)
        return false;
    index = (size_t)(row - xsi_index_rows(t->doc->index, &count));
    place = tree_shown_at(t, index);
    if (place == SIZE_MAX)
        place = 0;
    if (place >= t->rows)
        return false;
    if (holds(t, &t->at, b->at)) {
        t->list.current = tree_line_of(t, &t->at);
        return true;
    }
    t->at = (struct tree_item){ .kind = TREE_ROW,
                                .segment = segment_of(t, place, false),
                                .row = tree_shown_row(t, place) };
    if (t->at.row == index && is_open(t, index) && look->valid) {
        t->at.kind = TREE_CHUNK;
        t->at.number = look->index;
    }
    t->list.current = tree_line_of(t, &t->at);
    return tree_filter_passed(t, index);
}

void tree_update(struct browse *b, struct tree *t)
{
    if (t->doc != b->doc) {
        t->doc = b->doc;
        tree_reset(t);
        tree_filter_again(b, t);
    }
    take_rows(t);
    if (!t->placed)
        t->placed = tree_place(b, t);
    if (!there(t, &t->at)) /* nothing is known of the place: some line must be selected */
        tree_at(t, t->list.current < t->list.count ? t->list.current : 0, &t->at);
}

/* ---------------------------------------------------------------- life ---- */

struct tree *tree_of(struct browse *b)
{
    struct tree *t = b->slot[PANEL_TREE];

    if (t)
        return t;
    t = calloc(1, sizeof(*t));
    if (t)
        tree_reset(t);
    b->slot[PANEL_TREE] = t;
    return t;
}

void tree_free(void *slot)
{
    struct tree *t = slot;

    free(t->segment);
    free(t->open);
    tree_filter_free(t->filter);
    tree_notes_free(t->notes);
    search_free(t->search);
    free(t);
}
