/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map: a bar that stands for the whole image, one that stands for the chunks around the current
 * place, and between them which part of the first that is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "map.h"
#include "panels.h"

#define NAME_MIN 4 /* cells that the beginning of a chunk's name needs */

/* Which row of the canvas shows what; -1 nothing. */
struct lines {
    int pointer, zoom, below, legend;
};

static struct lines lines_of(int rows)
{
    static const struct lines lines[] = {
        { -1, -1, -1, -1 }, { -1, 1, -1, -1 }, { 1, 2, -1, -1 }, { 1, 2, -1, 3 }, { 1, 2, 3, 4 }
    };

    return lines[rows < 1 ? 0 : rows > 5 ? 4 : rows - 1];
}

/* ---------------------------------------------------------------- drawing ---- */

/* Where the other image differs; in a bar with names only where a difference begins. */
static void sign_differences(struct browse *b, struct bar_cell *cell, size_t n, bool begins)
{
    struct difference d;

    for (size_t i = 0; i < n; i++)
        if (!cell[i].sign && compare_from(b, cell[i].from, &d) && d.at < cell[i].to &&
            (!begins || i == 0 || cell[i - 1].from < d.at)) {
            cell[i].sign = '#';
            cell[i].sign_role = ROLE_WARNING;
            cell[i].go = d.at > cell[i].from ? d.at : cell[i].from;
        }
}

/* The cells that stand for [from, to), of which there is at least one byte in the bar. */
static bool cells_of(const struct bar_cell *cell, size_t n, uint64_t from, uint64_t to,
                     size_t *first, size_t *last)
{
    if (!n || to <= cell[0].from || from >= cell[n - 1].to)
        return false;
    *first = bar_at(cell, n, from);
    *last = bar_at(cell, n, to > from ? to - 1 : from);
    return true;
}

/* The current place, as it is shown where the keys do not go to the map; it has no frame. */
static enum role here(const struct browse *b, enum role role)
{
    return b->focus == PANEL_MAP ? ROLE_CURSOR : role;
}

/* Under a bar: what the reader has consumed, and the current place. */
static void draw_below(struct browse *b, struct canvas *c, int y, int x,
                       const struct bar_cell *cell, size_t n)
{
    uint64_t from, to;
    size_t first, last;

    if (b->view == VIEW_READER && reader_consumed(b, &from, &to) && to > from &&
        cells_of(cell, n, from, to, &first, &last))
        canvas_bar(c, y, x + (int)first, (int)(last - first + 1), ROLE_CONSUMED, true);
    canvas_put(c, y, x + (int)bar_at(cell, n, b->at), here(b, ROLE_STRONG), "^");
}

/* On a bar: the read at hand, the current place. */
static void draw_on(struct browse *b, struct canvas *c, int y, int x, const struct bar_cell *cell,
                    size_t n)
{
    uint64_t at, length;
    size_t first, last;

    if (b->view == VIEW_READER && reader_read(b, &at, &length) &&
        cells_of(cell, n, at, length < UINT64_MAX - at ? at + length : UINT64_MAX, &first, &last))
        canvas_mark(c, y, x + (int)first, (int)(last - first + 1), ROLE_FIELD);
    canvas_mark(c, y, x + (int)bar_at(cell, n, b->at), 1, here(b, ROLE_HERE));
}

/* Between the bars: the part of the first that the second one shows, around the current place. */
static void draw_range(const struct map *m, struct canvas *c, int y, uint64_t at)
{
    size_t here = bar_at(m->cell, m->cells, at), first, last;

    if (!m->zooms || !cells_of(m->cell, m->cells, m->near.from, bar_end(&m->near), &first, &last))
        return;
    if (first == here && first)
        first--;
    if (last == here && last + 1 < m->cells)
        last++;
    if (first != here)
        canvas_put(c, y, (int)first, ROLE_TEXT, "[");
    if (last != here)
        canvas_put(c, y, (int)last, ROLE_TEXT, "]");
}

/* Nothing stands on n cells. */
static bool is_free(const struct bar_cell *cell, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cell[i].sign)
            return false;
    return true;
}

/* Names of chunks in the second bar, or their beginnings. */
static void draw_names(const struct map *m, struct canvas *c, int y)
{
    for (size_t i = 0; i < m->chunks; i++) {
        const struct xsi_map_row *chunk = &m->chunk[i];
        size_t first = bar_at(m->zoom, m->zooms, chunk->offset) + 1, n = 0;
        size_t length = strlen(chunk->type) + 1; /* with a blank */

        while (first + n < m->zooms && m->zoom[first + n].from - chunk->offset < chunk->length)
            n++;
        n = n < length ? n : length;
        if (n >= NAME_MIN && is_free(&m->zoom[first], n))
            canvas_text(c, y, m->zoom_x + (int)first, (int)n, m->zoom[first].role, chunk->type);
    }
}

static void draw_zoom(struct browse *b, struct map *m, struct canvas *c, struct lines at)
{
    int columns = canvas_columns(c);

    if (m->zoom_x) {
        canvas_put(c, at.zoom, 0, ROLE_DIM, "0x%08" PRIx64, m->near.from);
        canvas_put(c, at.zoom, columns - m->zoom_x + 1, ROLE_DIM, "0x%08" PRIx64,
                   bar_end(&m->near));
    }
    if (b->view == VIEW_COMPARE)
        sign_differences(b, m->zoom, m->zooms, true);
    bar_draw(m->zoom, m->zooms, c, at.zoom, m->zoom_x);
    draw_names(m, c, at.zoom);
    draw_on(b, c, at.zoom, m->zoom_x, m->zoom, m->zooms);
    if (at.below >= 0)
        draw_below(b, c, at.below, m->zoom_x, m->zoom, m->zooms);
}

static bool shows(const struct bar_cell *cell, size_t n, enum role role)
{
    for (size_t i = 0; i < n; i++)
        if (cell[i].role == role)
            return true;
    return false;
}

static bool has_sign(const struct map *m, char sign)
{
    for (size_t i = 0; i < m->cells; i++)
        if (m->cell[i].sign == sign)
            return true;
    return false;
}

static void draw_legend(const struct browse *b, const struct map *m, struct canvas *c, int y)
{
    const char *name;
    enum role role;
    int x = 0;

    for (size_t i = 0; map_kind(i, &role, &name); i++) {
        if (!name || (!shows(m->cell, m->cells, role) && !shows(m->zoom, m->zooms, role)) ||
            x + 2 + (int)strlen(name) > canvas_columns(c))
            continue;
        canvas_bar(c, y, x, 1, role, true);
        x = canvas_put(c, y, x + 2, ROLE_DIM, "%s", name) + 2;
    }
    if (has_sign(m, '!') && x + 7 <= canvas_columns(c)) {
        canvas_put(c, y, x, ROLE_ERROR, "!");
        x = canvas_put(c, y, x + 2, ROLE_DIM, "error") + 2;
    }
    if (b->view == VIEW_COMPARE && x + 9 <= canvas_columns(c)) {
        canvas_put(c, y, x, ROLE_WARNING, "#");
        canvas_put(c, y, x + 2, ROLE_DIM, "differs");
    }
}

static void draw_image(struct browse *b, struct map *m, struct canvas *c)
{
    struct bar_cell cell[BAR_CELLS];

    memcpy(cell, m->cell, m->cells * sizeof(*cell));
    if (b->view == VIEW_COMPARE)
        sign_differences(b, cell, m->cells, false);
    bar_draw(cell, m->cells, c, 0, 0);
    draw_on(b, c, 0, 0, cell, m->cells);
}

static void draw(struct browse *b, struct canvas *c)
{
    struct lines at = lines_of(canvas_rows(c));
    struct map *m = map_of(b);
    int columns = canvas_columns(c);

    if (!m)
        return;
    columns = columns < BAR_CELLS ? columns : BAR_CELLS;
    if (at.zoom >= 0 && map_near(b, m, columns))
        draw_zoom(b, m, c, at);
    map_image(m, (size_t)columns); /* behind map_near(), which looks for changes too */
    if (!m->cells) {
        canvas_put(c, 0, 0, ROLE_DIM, "an empty image");
        return;
    }
    draw_image(b, m, c);
    if (at.pointer >= 0) {
        draw_below(b, c, at.pointer, 0, m->cell, m->cells);
        draw_range(m, c, at.pointer, b->at);
    }
    if (at.legend >= 0)
        draw_legend(b, m, c, at.legend);
}

/* ---------------------------------------------------------------- moving ---- */

static bool act(struct browse *b, enum act act)
{
    static const int by[] = {
        [ACT_LEFT] = -1,     [ACT_RIGHT] = 1,          [ACT_PAGE_UP] = -8,
        [ACT_PAGE_DOWN] = 8, [ACT_FIRST] = -BAR_CELLS, [ACT_LAST] = BAR_CELLS
    };
    struct map *m = map_of(b);
    const struct bar_cell *cell;
    long n, to;

    if (!m || !m->cells)
        return false;
    if (act == ACT_UP || act == ACT_DOWN) {
        m->in_zoom = act == ACT_DOWN && m->zooms;
        browse_say(b, ROLE_DIM, "left and right now move by a cell of the %s bar",
                   m->in_zoom ? "lower" : "upper");
        return true;
    }
    if (act == ACT_ENTER || act == ACT_TOGGLE) {
        browse_focus(b, PANEL_TREE);
        return true;
    }
    cell = m->in_zoom && m->zooms ? m->zoom : m->cell;
    n = (long)(cell == m->zoom ? m->zooms : m->cells);
    to = (long)bar_at(cell, (size_t)n, b->at) + by[act];
    to = to < 0 ? 0 : to >= n ? n - 1 : to;
    browse_goto(b, cell[to].go, false);
    return true;
}

static void click(struct browse *b, int y, int x, bool twice)
{
    struct lines at = lines_of(browse_rows(b, PANEL_MAP));
    struct map *m = map_of(b);

    (void)twice;
    if (!m || x < 0)
        return;
    if (y == 0 && (size_t)x < m->cells)
        browse_goto(b, m->cell[x].go, true);
    else if (at.zoom >= 0 && y >= at.zoom && y != at.legend && x >= m->zoom_x &&
             (size_t)(x - m->zoom_x) < m->zooms)
        browse_goto(b, m->zoom[x - m->zoom_x].go, true);
}

const struct panel panel_map = {
    .title = "map", .draw = draw, .act = act, .click = click, .free = free
};
