/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tree: layers, the chunks in them, runs of batches folded. */
#include <inttypes.h>
#include <string.h>

#include "panels.h"
#include "tree.h"

/* The current place lies behind the rows that are kept. */
static bool behind_rows(const struct browse *b)
{
    return xsi_index_full(b->doc->index) && !doc_row(b->doc, b->at) &&
           b->at < xsi_index_end(b->doc->index);
}

/* The line below all others: what is not among them. False: there is nothing to say. */
static bool last_line(const struct browse *b, const struct tree *t, char *out, size_t size)
{
    const struct doc *doc = b->doc;
    uint64_t chunks = xsi_index_chunks(doc->index);
    size_t count;
    const struct xsi_map_row *row = xsi_index_rows(doc->index, &count);

    if (behind_rows(b))
        snprintf(out, size, " 0x%" PRIx64 " %s", b->look.offset, b->look.valid ? b->look.type : "");
    else if (xsi_index_full(doc->index))
        snprintf(out, size, " %" PRIu64 " more chunks%s: Down, or `:`",
                 chunks - row[count - 1].index - row[count - 1].count,
                 doc->walked ? "" : " so far");
    else if (!doc->walked)
        snprintf(out, size, " %" PRIu64 " chunks so far, up to 0x%" PRIx64, chunks,
                 xsi_index_end(doc->index));
    else if (t->filter && !t->list.count)
        snprintf(out, size, " no chunk is like that; f shows all");
    else if (!count)
        snprintf(out, size, " there is nothing in this image");
    else
        return false;
    return true;
}

/* Lines of the tree; the last one of the canvas can be taken. */
static int list_rows(const struct browse *b, const struct tree *t, int rows)
{
    char text[160];

    return rows - last_line(b, t, text, sizeof(text));
}

static void draw_last(struct browse *b, const struct tree *t, struct canvas *c)
{
    enum role here = canvas_focused(c) ? ROLE_CURSOR : ROLE_CURSOR_AWAY;
    char text[160];

    if (behind_rows(b))
        browse_look(b);
    if (last_line(b, t, text, sizeof(text)))
        canvas_text(c, canvas_rows(c) - 1, 0, canvas_columns(c), behind_rows(b) ? here : ROLE_INFO,
                    text);
}

static void draw(struct browse *b, struct canvas *c)
{
    struct tree *t = tree_of(b);
    struct tree_widths w;
    uint64_t current;
    int shown;

    if (!t)
        return;
    tree_update(b, t);
    w = tree_widths(b, t, canvas_columns(c));
    shown = list_rows(b, t, canvas_rows(c));
    list_fit(&t->list, shown);
    if (t->list.top == 1 && t->list.current < (uint64_t)shown) /* the outermost layer's line */
        t->list.top = 0;
    current = t->list.current;
    if (behind_rows(b)) /* none of these */
        t->list.current = UINT64_MAX;
    for (int y = 0; y < shown && (uint64_t)y < t->list.count - t->list.top; y++)
        tree_draw_line(b, t, c, t->list.top + (uint64_t)y, &w);
    t->list.current = current;
    tree_notes_wanted(b, t);
    draw_last(b, t, c);
}

static void heading(struct browse *b, char *out, size_t size)
{
    struct tree *t = tree_of(b);
    char text[256];

    if (t)
        tree_update(b, t);
    if (t && tree_filter_text(b, t, text, sizeof(text)))
        snprintf(out, size, "chunks like %s", text);
    else
        snprintf(out, size, "chunks");
}

/* ---------------------------------------------------------------- keys ---- */

/* The selected line becomes the current place. */
static void go(struct browse *b, struct tree *t)
{
    struct tree_item item;
    struct xsi_map_row row;

    if (!tree_at(t, t->list.current, &item) || !tree_row(t, &item, &row))
        return;
    t->at = item;
    browse_goto(b, row.offset, false);
}

static void go_line(struct browse *b, struct tree *t, uint64_t line)
{
    t->list.current = line;
    go(b, t);
}

/* Up and down where chunks have no row: they are walked over one by one. */
static bool act_behind(struct browse *b, struct tree *t, enum act act)
{
    bool behind = behind_rows(b), last = t->list.current + 1 == t->list.count;
    const struct look *look = browse_look(b);
    const struct xsi_map_row *row;
    const struct xsi_chunk *chunk;
    struct xsi_error error;
    struct xsi_walk *walk;
    uint64_t number;
    size_t count;

    if (!look->valid || !xsi_index_full(b->doc->index) ||
        (act == ACT_UP ? !behind : !behind && !last))
        return false;
    row = xsi_index_rows(b->doc->index, &count) + count - 1;
    number = act == ACT_UP ? look->index - 1 : behind ? look->index + 1 : row->index + row->count;
    walk = xsi_index_open_number(b->doc->index, number, &chunk, &error);
    if (walk)
        browse_goto(b, chunk->offset, false);
    xsi_walk_free(walk);
    return true;
}

static void go_left(struct browse *b, struct tree *t)
{
    struct tree_item around;

    if (tree_unfolded(t, &t->at))
        tree_fold(t, &t->at, true);
    else if (tree_around(t, &t->at, &around))
        go_line(b, t, tree_line_of(t, &around));
}

static void go_right(struct browse *b, struct tree *t)
{
    if (!tree_folds(t, &t->at))
        return;
    if (tree_unfolded(t, &t->at))
        go_line(b, t, t->list.current + 1);
    else
        tree_fold(t, &t->at, false);
}

static bool act(struct browse *b, enum act act)
{
    struct tree *t = tree_of(b);
    int rows;

    if (!t)
        return false;
    tree_update(b, t);
    rows = list_rows(b, t, browse_rows(b, PANEL_TREE));
    if (!t->list.count)
        return false;
    b->dirty = true;
    if ((act == ACT_UP || act == ACT_DOWN) && act_behind(b, t, act))
        return true;
    if (list_act(&t->list, act, rows)) {
        go(b, t);
        return true;
    }
    if (act == ACT_LEFT)
        go_left(b, t);
    else if (act == ACT_RIGHT)
        go_right(b, t);
    else if (act == ACT_TOGGLE)
        tree_fold(t, &t->at, tree_unfolded(t, &t->at));
    else
        browse_focus(b, b->view == VIEW_CHUNKS ? PANEL_FIELDS : PANEL_HEX);
    return true;
}

static void click(struct browse *b, int y, int x, bool twice)
{
    struct tree *t = tree_of(b);
    uint64_t line;

    (void)x;
    if (!t || !list_at(&t->list, y, &line))
        return;
    go_line(b, t, line);
    if (twice)
        act(b, tree_folds(t, &t->at) ? ACT_TOGGLE : ACT_ENTER);
}

static void moved(struct browse *b)
{
    struct tree *t = tree_of(b);

    if (!t)
        return;
    t->placed = false;
    tree_update(b, t);
}

void tree_reveal(struct browse *b)
{
    const struct xsi_map_row *row = doc_row(b->doc, b->at);
    struct tree *t = tree_of(b);
    size_t count;

    if (!t || !row)
        return;
    tree_update(b, t);
    if (t->at.kind != TREE_ROW || xsi_index_rows(b->doc->index, &count) + t->at.row != row ||
        !tree_folds(t, &t->at) || tree_unfolded(t, &t->at))
        return;
    tree_fold(t, &t->at, false);
    moved(b);
}

int tree_line(const struct browse *b)
{
    const struct tree *t = b->slot[PANEL_TREE];
    uint64_t line = t ? t->list.current - t->list.top : 0;

    return t && t->list.count && t->list.current >= t->list.top &&
                   line < (uint64_t)browse_rows(b, PANEL_TREE)
               ? (int)line
               : -1;
}

const struct panel panel_tree = { .title = "chunks",
                                  .heading = heading,
                                  .draw = draw,
                                  .act = act,
                                  .click = click,
                                  .moved = moved,
                                  .free = tree_free };
