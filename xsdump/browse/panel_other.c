/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second image beside the tree of the first: its rows around the counterpart of the selected
 * one, which stands on the same line, and the fields in which the two chunks differ.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "panels.h"
#include "tree.h"
#include "widget_list.h"

#define NAME_LEAST 12 /* columns of the file's name in the frame */
#define NEAR       32 /* fields that one chunk may have more than the other, in a row */
#define SHOWN      16 /* bytes of a difference that are shown, */
#define BEFORE     17 /* ... and columns in front of them */
#define BYTES_TOP  5  /* rows from which on bytes are shown below, */
#define FIELDS_TOP 8  /* ... and fields */
#define HEADED     6  /* rows from which on there is room for a line above these */

struct other {
    struct compare *cmp;
    struct look there; /* the counterpart, decoded */
    const struct doc *of;
    bool own; /* `row` was chosen in this panel: it has no counterpart to lead to it */
    size_t row;
};

static struct other *state(struct browse *b)
{
    struct other *o = b->slot[PANEL_OTHER];

    if (!o)
        o = b->slot[PANEL_OTHER] = calloc(1, sizeof(*o));
    if (o && o->of != b->other) {
        o->of = b->other;
        o->there.valid = false;
        o->own = false;
    }
    return o;
}

struct compare *compare_kept(const struct browse *b)
{
    const struct other *o = b->slot[PANEL_OTHER];

    return o ? o->cmp : NULL;
}

bool compare_keep(struct browse *b, struct compare *cmp)
{
    struct other *o = state(b);

    if (o)
        o->cmp = cmp;
    return o != NULL;
}

static void free_other(void *slot)
{
    struct other *o = slot;

    compare_free(o->cmp);
    look_free(&o->there);
    free(o);
}

static void heading(struct browse *b, char *out, size_t size)
{
    size_t columns = (size_t)browse_columns(b, PANEL_OTHER), width;
    char standing[200];

    snprintf(out, size, "other image");
    if (!b->other)
        return;
    doc_standing(b->other, standing, sizeof(standing));
    width = cli_columns(standing) + 4; /* with ": ", and blanks around all of it */
    compare_name(b->other, columns > width + NAME_LEAST ? columns - width : NAME_LEAST, out, size);
    text_add(out, size, ": %s", standing);
}

/* ---------------------------------------------------------------- rows ---- */

/* The row that stands beside the selected one of the tree. False: where it would be. */
static bool beside(const struct browse *b, size_t *row)
{
    const struct xsi_map_row *this = doc_row(b->doc, b->at), *there = NULL, *rows;
    uint64_t place = compare_place(b, b->at);
    struct difference d;
    size_t count;
    bool found;

    rows = xsi_index_rows(b->other->index, &count);
    if (compare_shown(b, &d) && !d.length) /* only the other one has it */
        there = xsi_index_at(b->other->index, d.other_at);
    else if (this)
        there = compare_mate(b, this);
    found = there != NULL;
    if (!there)
        there = xsi_index_at(b->other->index, place);
    *row = there ? (size_t)(there - rows) : count;
    return found;
}

static void draw_row(struct browse *b, struct canvas *c, int y, const struct xsi_map_row *row,
                     bool selected)
{
    enum role role = ROLE_TEXT, of_mark;
    char mark = compare_mark(compare_other(b, row), &of_mark);
    char text[200], id[40] = "", times[40] = "", length[24];
    int columns = canvas_columns(c) - 1;

    if (selected)
        role = canvas_focused(c) ? ROLE_CURSOR : ROLE_CURSOR_AWAY;
    if (row->has_id)
        snprintf(id, sizeof(id), " (%" PRId64 ")", row->id);
    if (row->count > 1)
        snprintf(times, sizeof(times), " x%" PRIu64, row->count);
    snprintf(text, sizeof(text), "0x%08" PRIx64 " %s%s%s", row->offset, row->type, id, times);
    snprintf(length, sizeof(length), " %" PRIu64, row->length);
    canvas_put(c, y, 0, of_mark, "%c", mark);
    canvas_text(c, y, 1, columns, role, text);
    if ((int)strlen(length) + 12 < columns)
        canvas_put(c, y, columns + 1 - (int)strlen(length), role, "%s", length);
}

static void draw_rows(struct browse *b, struct other *o, struct canvas *c, int height)
{
    const struct xsi_map_row *rows;
    size_t count, row;
    int line = tree_line(b);
    bool there = beside(b, &row);

    if (o->own) {
        row = o->row;
        there = true;
    }
    rows = xsi_index_rows(b->other->index, &count);
    if (line < 0)
        line = height / 2;
    if (line >= height) /* the tree has more rows: as near as can be */
        line = height - 1;
    for (int y = 0; y < height; y++) {
        /* behind a line for what is not there, rows go on one line lower */
        int64_t n = (int64_t)row + y - line - (!there && y > line);

        if (!there && y == line)
            canvas_text(c, y, 0, canvas_columns(c), ROLE_CURSOR_AWAY, "  (not in this image)");
        else if (n >= 0 && n < (int64_t)count)
            draw_row(b, c, y, &rows[n], there && y == line);
    }
}

/* ---------------------------------------------------------------- fields ---- */

/* Lines of fields that differ; without canvas they are only counted. */
struct lines {
    struct canvas *c;
    int y, end;
};

static bool line(struct lines *l, enum role role, const char *fmt, ...) XSI_PRINTF(3, 4);
static bool line(struct lines *l, enum role role, const char *fmt, ...)
{
    char text[600];
    va_list args;

    if (l->y >= l->end)
        return false;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (l->c)
        canvas_text(l->c, l->y, 0, canvas_columns(l->c), role, text);
    l->y++;
    return true;
}

static bool is_value(const struct look_field *f)
{
    return f->kind < XSI_GROUP;
}

/* How many fields of `there` stand in front of one like f; SIZE_MAX: none is near. */
static size_t ahead(const struct look *there, size_t from, const struct look_field *f)
{
    for (size_t n = 0; n < NEAR && from + n < there->count; n++)
        if (strcmp(there->field[from + n].path, f->path) == 0)
            return n;
    return SIZE_MAX;
}

static bool only(struct lines *l, const struct look_field *f, const char *where)
{
    return !is_value(f) || line(l, ROLE_WARNING, "%s: %s, only %s", f->path, f->value, where);
}

/* Fields that differ, in the order of the chunk; as many as there are lines for. */
static void list_fields(const struct look *here, const struct look *there, struct lines *l)
{
    size_t j = 0;

    for (size_t i = 0; i < here->count; i++) {
        const struct look_field *f = &here->field[i];
        size_t n = ahead(there, j, f);

        if (n == SIZE_MAX) {
            if (!only(l, f, "here"))
                return;
            continue;
        }
        for (; n; n--, j++)
            if (!only(l, &there->field[j], "there"))
                return;
        if (is_value(f) && strcmp(f->value, there->field[j].value) != 0 &&
            !line(l, ROLE_WARNING, "%s: %s, there %s", f->path, f->value, there->field[j].value))
            return;
        j++;
    }
    for (; j < there->count; j++)
        if (!only(l, &there->field[j], "there"))
            return;
}

/* ---------------------------------------------------------------- bytes ---- */

/* Bytes of an image that are shown. */
struct piece {
    uint64_t at;
    uint8_t byte[SHOWN];
    size_t count;
};

/* From a difference on to the end of the row; none where the row has ended. */
static void take(struct doc *doc, uint64_t at, uint64_t length, int most, struct piece *out)
{
    const struct xsi_map_row *row = doc_row(doc, at);
    uint64_t n = row && length ? row->offset + row->length - at : length;
    bool bad;

    if (n > (uint64_t)most)
        n = (uint64_t)most;
    out->at = at;
    out->count = doc_read(doc, at, out->byte, (size_t)n, &bad);
}

/* A line of them; those that are not the other's are marked. */
static void draw_piece(struct lines *l, const char *where, const struct piece *p,
                       const struct piece *other)
{
    char text[BEFORE + 3 * SHOWN + 20];
    int y = l->y;

    snprintf(text, sizeof(text), "%-5s 0x%08" PRIx64 " ", where, p->at);
    for (size_t i = 0; i < p->count; i++)
        text_add(text, sizeof(text), " %02x", p->byte[i]);
    if (!p->count)
        text_add(text, sizeof(text), " no bytes");
    if (!line(l, ROLE_TEXT, "%s", text) || !l->c)
        return;
    for (size_t i = 0; i < p->count; i++)
        if (i >= other->count || p->byte[i] != other->byte[i])
            canvas_mark(l->c, y, (int)(strlen(text) - 3 * (p->count - i)) + 1, 2, ROLE_FIELD);
}

/* The difference in a chunk that is nearest to the current place. */
static bool in_chunk(const struct browse *b, const struct look *chunk, struct difference *d)
{
    uint64_t end = chunk->offset + chunk->length, before;

    if (!compare_shown(b, d) && (!compare_from(b, b->at, d) || d->at >= end) &&
        !compare_from(b, chunk->offset, d))
        return false;
    if (d->at >= end || (!d->length && !d->other_length))
        return false;
    before = d->at < chunk->offset ? chunk->offset - d->at : 0;
    if (before >= d->length || before >= d->other_length)
        return before == 0;
    d->at += before;
    d->length -= before;
    d->other_at += before;
    d->other_length -= before;
    return true;
}

static void list_bytes(struct browse *b, const struct look *chunk, int columns, struct lines *l)
{
    int most = (columns - BEFORE) / 3;
    struct piece here, there;
    struct difference d;

    if (most < 1 || !in_chunk(b, chunk, &d))
        return;
    most = most < SHOWN ? most : SHOWN;
    take(b->doc, d.at, d.length, most, &here);
    take(b->other, d.other_at, d.other_length, most, &there);
    draw_piece(l, "here", &here, &there);
    draw_piece(l, "there", &there, &here);
}

/* ---------------------------------------------------------------- what differs ---- */

/* A difference was led to that has no bytes in one of the two images. */
static bool one_sided(const struct browse *b)
{
    struct difference d;

    return compare_shown(b, &d) && (!d.length || !d.other_length);
}

/* What differs in the selected pair of chunks: lines from y on. Returns how many. Without canvas
 * they are only counted. */
static int draw_fields(struct browse *b, struct other *o, struct canvas *c, int y, int rows)
{
    const struct look *here = browse_look(b);
    const struct xsi_map_row *row = doc_row(b->doc, b->at);
    struct lines l = { c, y, y + rows };
    bool headed = rows >= HEADED;

    if (rows < 2 || !here->valid || !row || !compare_mate(b, row) || one_sided(b))
        return 0;
    look_at(&o->there, b->other, compare_place(b, here->offset));
    l.y += headed;
    list_bytes(b, here, browse_columns(b, PANEL_OTHER), &l);
    if (o->there.valid && strcmp(o->there.type, here->type) == 0)
        list_fields(here, &o->there, &l);
    if (l.y == y + headed)
        return 0;
    if (c && headed)
        canvas_text(c, y, 0, canvas_columns(c), ROLE_STRONG, "Differs in the selected chunk");
    return l.y - y;
}

/* ---------------------------------------------------------------- the panel ---- */

static void draw(struct browse *b, struct canvas *c)
{
    struct other *o = state(b);
    int rows = canvas_rows(c), fields = 0;

    if (!o || !b->other)
        return;
    if (rows >= BYTES_TOP)
        fields = draw_fields(b, o, NULL, 0, rows >= FIELDS_TOP ? rows / 2 : 2);
    draw_rows(b, o, c, rows - fields);
    if (fields)
        draw_fields(b, o, c, rows - fields, fields);
}

/* Go to a row of the other image: to its counterpart, if it has one. */
static void choose(struct browse *b, struct other *o, size_t row)
{
    const struct xsi_map_row *rows, *mate;
    size_t count;

    rows = xsi_index_rows(b->other->index, &count);
    if (row >= count)
        return;
    mate = compare_mate_of_other(b, &rows[row]);
    if (mate)
        browse_goto(b, mate->offset, false);
    o->own = !mate; /* behind browse_goto(), which ends it */
    o->row = row;
}

static bool act(struct browse *b, enum act act)
{
    struct other *o = state(b);
    int rows = browse_rows(b, PANEL_OTHER);
    struct list l = { 0 };
    size_t row, count;

    if (!o || !b->other)
        return false;
    xsi_index_rows(b->other->index, &count);
    beside(b, &row);
    l.count = count;
    l.current = o->own ? o->row : row;
    list_fit(&l, rows);
    if (!list_act(&l, act, rows))
        return false;
    choose(b, o, (size_t)l.current);
    return true;
}

static void moved(struct browse *b)
{
    struct other *o = state(b);

    if (o)
        o->own = false;
}

const struct panel panel_other = { .title = "other image",
                                   .heading = heading,
                                   .draw = draw,
                                   .act = act,
                                   .moved = moved,
                                   .free = free_other };
