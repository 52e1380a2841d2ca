/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands on top of the panels: which popup there is, and its box. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "popup.h"

#define WIDEST 100 /* columns of text: longer lines are hard to read */

struct popup *popup_open(struct browse *b, const struct popup_kind *kind, const char *title,
                         size_t size)
{
    struct popup *p = calloc(1, size);

    popup_close(b);
    if (!p) {
        browse_say(b, ROLE_ERROR, "out of memory");
        return NULL;
    }
    p->kind = kind;
    cli_clean(p->title, sizeof(p->title), title);
    b->popup = p;
    b->dirty = true;
    return p;
}

void popup_close(struct browse *b)
{
    struct popup *p = b->popup;

    if (!p)
        return;
    b->popup = NULL;
    b->dirty = true;
    if (p->kind->free)
        p->kind->free(p);
    free(p);
}

void popup_draw(struct browse *b)
{
    if (b->popup)
        b->popup->kind->draw(b, b->popup);
}

bool popup_key(struct browse *b, int key)
{
    if (!b->popup)
        return false;
    b->dirty = true;
    b->popup->kind->key(b, b->popup, key);
    return true;
}

bool popup_click(struct browse *b, int y, int x, bool twice)
{
    struct popup *p = b->popup;

    if (!p)
        return false;
    b->dirty = true;
    if (p->kind->click && y >= p->y && x >= p->x && y < p->y + p->rows && x < p->x + p->columns)
        p->kind->click(b, p, y - p->y, twice);
    else if (p->rows) /* beside it, which closes it, as in most programs */
        popup_close(b);
    return true;
}

/* ---------------------------------------------------------------- for the kinds ---- */

void popup_room(int *rows, int *columns)
{
    screen_size(rows, columns);
    /* frame and margin; where there are few rows, nothing else */
    *columns -= *columns >= 40 ? 4 : 2;
    *rows -= *rows >= 20 ? 6 : *rows >= 10 ? 4 : 2;
    *columns = *columns > WIDEST ? WIDEST : *columns < 1 ? 1 : *columns;
    *rows = *rows < 1 ? 1 : *rows;
}

struct canvas *popup_box(struct popup *p, const char *title, int rows, int columns, int *margin)
{
    int screen_rows, screen_columns, most_rows, most_columns;
    struct canvas *c;

    screen_size(&screen_rows, &screen_columns);
    popup_room(&most_rows, &most_columns);
    rows = rows < most_rows ? rows : most_rows;
    columns = columns < most_columns ? columns : most_columns;
    *margin = screen_columns >= 40;
    columns += 2 * *margin;
    p->y = (screen_rows - rows) / 2;
    p->x = (screen_columns - columns) / 2;
    p->rows = rows;
    p->columns = columns;
    c = screen_canvas(p->y - 1, p->x - 1, rows + 2, columns + 2, title, true);
    return c;
}

bool popup_act(const struct browse *b, int key, enum act *act)
{
    const struct key_row *row = key_find(key, b->view);

    if (!row || row->exec)
        return false;
    *act = row->act;
    return true;
}
