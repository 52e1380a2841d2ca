/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which panel stands where. On a wide screen a view shows all of its panels; where there is no
 * room, one of them: that with the focus.
 */
#include "panels.h"

#define WIDE 72 /* columns from which on two panels stand side by side */
#define TALL 18 /* rows from which on there is room below them */

enum { LEFT, UPPER, LOWER, BOTTOM, PARTS };

/* The panels of a view: left, right above, right below, bottom. */
static const struct {
    enum panel_id panel[PARTS];
    int left;  /* percent of the columns for the left one */
    int upper; /* percent of the rows on the right for the upper one; */
    int least; /* where that are fewer than these, */
    int first; /* ... this one has all of them */
} views[VIEW_COUNT] = {
    [VIEW_CHUNKS] = { { PANEL_TREE, PANEL_FIELDS, PANEL_HEX, PANEL_FINDINGS }, 44, 55, 4, UPPER },
    [VIEW_READER] = { { PANEL_TREE, PANEL_READER, PANEL_HEX, PANEL_FINDINGS }, 40, 70, 10, UPPER },
    [VIEW_PAGES] = { { PANEL_GRID, PANEL_FIELDS, PANEL_PAGE, PANEL_FINDINGS }, 52, 30, 6, LOWER },
    [VIEW_COMPARE] = { { PANEL_TREE, PANEL_OTHER, PANEL_HEX, PANEL_FINDINGS }, 48, 65, 4, UPPER },
};

const struct panel *panel_row(enum panel_id id)
{
    static const struct panel *const panels[PANEL_COUNT] = {
#define PANEL(id, name) &panel_##name,
#include "panels.def"
#undef PANEL
    };

    return panels[id];
}

static void put(struct browse *b, enum panel_id id, int y, int x, int rows, int columns,
                bool framed)
{
    if (rows < 1 || columns < 1)
        return;
    b->canvas[id] =
        screen_canvas(y, x, rows, columns, framed ? panel_row(id)->title : NULL, b->focus == id);
    b->origin[id][0] = y + framed;
    b->origin[id][1] = x + framed;
}

/* The map is in all of them. */
static bool of_view(const struct browse *b, enum panel_id id)
{
    if (id == PANEL_MAP)
        return b->canvas[id] != NULL;
    for (int i = 0; i < PARTS; i++)
        if (views[b->view].panel[i] == id)
            return true;
    return false;
}

/* All four, in rows y … y + rows - 1. */
static void wide(struct browse *b, int y, int rows, int columns)
{
    const enum panel_id *id = views[b->view].panel;
    int left = columns * views[b->view].left / 100;
    int bottom = rows >= TALL - 4 ? rows / 4 : 0, upper;

    if (bottom && bottom < 5)
        bottom = 5;
    if (bottom > 14)
        bottom = 14;
    rows -= bottom;
    upper = rows * views[b->view].upper / 100;
    if (upper < views[b->view].least) {
        bool all =
            b->focus == id[UPPER] || (views[b->view].first == UPPER && b->focus != id[LOWER]);

        upper = all ? rows : 0;
    }
    put(b, id[LEFT], y, 0, rows, left, true);
    put(b, id[UPPER], y, left, upper, columns - left, true);
    put(b, id[LOWER], y + upper, left, rows - upper, columns - left, true);
    if (bottom)
        put(b, id[BOTTOM], y + rows, 0, bottom, columns, true);
    else if (b->focus == id[BOTTOM]) /* it takes the place of the left one */
        put(b, id[BOTTOM], y, 0, rows, left, true);
}

void layout_apply(struct browse *b)
{
    int rows, columns, map, y = 1;

    for (int i = 0; i < PANEL_COUNT; i++) {
        screen_canvas_free(b->canvas[i]);
        b->canvas[i] = NULL;
    }
    screen_size(&rows, &columns);
    map = rows >= 40 ? 5 : rows >= TALL ? 3 : rows >= 10 ? 1 : 0;
    if (b->focus == PANEL_MAP ? !map : !of_view(b, b->focus))
        b->focus = views[b->view].panel[LEFT];
    put(b, PANEL_HEAD, 0, 0, 1, columns, false);
    put(b, PANEL_MAP, y, 0, map, columns, false);
    y += map;
    put(b, PANEL_STATUS, rows - 2 > y ? rows - 2 : rows - 1, 0, rows - 2 > y ? 2 : 1, columns,
        false);
    rows -= y + 2;
    if (columns >= WIDE && rows >= 10)
        wide(b, y, rows, columns);
    else
        put(b, b->focus == PANEL_MAP ? views[b->view].panel[LEFT] : b->focus, y, 0, rows, columns,
            rows > 3);
    b->dirty = true;
}

void layout_next(struct browse *b, int by)
{
    enum panel_id ring[PARTS + 1];
    int count = 0, at = 0;

    for (int i = 0; i < PARTS; i++)
        ring[count++] = views[b->view].panel[i];
    if (b->canvas[PANEL_MAP])
        ring[count++] = PANEL_MAP;
    for (int i = 0; i < count; i++)
        if (ring[i] == b->focus)
            at = i;
    b->focus = ring[(at + by + count) % count];
    layout_apply(b);
}

/* ---------------------------------------------------------------- asking ---- */

int browse_rows(const struct browse *b, enum panel_id panel)
{
    return b->canvas[panel] ? canvas_rows(b->canvas[panel]) : 0;
}

int browse_columns(const struct browse *b, enum panel_id panel)
{
    return b->canvas[panel] ? canvas_columns(b->canvas[panel]) : 0;
}

void browse_view(struct browse *b, enum view_id view)
{
    b->view = view;
    layout_apply(b);
    browse_goto(b, b->at, false); /* panels that were not there catch up */
}

void browse_focus(struct browse *b, enum panel_id panel)
{
    if (!of_view(b, panel))
        return;
    b->focus = panel;
    layout_apply(b);
}
