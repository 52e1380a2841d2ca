/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Selection and scrolling of a list. */
#include "widget_list.h"

void list_fit(struct list *l, int rows)
{
    uint64_t shown = rows > 0 ? (uint64_t)rows : 1;

    if (l->current >= l->count)
        l->current = l->count ? l->count - 1 : 0;
    if (l->top > l->current)
        l->top = l->current;
    if (l->current - l->top >= shown)
        l->top = l->current - shown + 1;
    /* no empty lines below, as long as there are some above */
    if (l->count - l->top < shown)
        l->top = l->count > shown ? l->count - shown : 0;
}

static uint64_t by(uint64_t from, uint64_t n, bool up, uint64_t count)
{
    if (up)
        return from > n ? from - n : 0;
    return count - from > n ? from + n : count ? count - 1 : 0;
}

bool list_act(struct list *l, enum act act, int rows)
{
    uint64_t page = rows > 2 ? (uint64_t)rows - 1 : 1;

    switch (act) {
    case ACT_UP:
    case ACT_DOWN:
        l->current = by(l->current, 1, act == ACT_UP, l->count);
        break;
    case ACT_PAGE_UP:
    case ACT_PAGE_DOWN:
        l->current = by(l->current, page, act == ACT_PAGE_UP, l->count);
        break;
    case ACT_FIRST:
        l->current = 0;
        break;
    case ACT_LAST:
        l->current = l->count ? l->count - 1 : 0;
        break;
    default:
        return false;
    }
    list_fit(l, rows);
    return true;
}

void list_scroll(struct list *l, int lines, int rows)
{
    uint64_t shown = rows > 0 ? (uint64_t)rows : 1;

    list_fit(l, rows); /* the list may have become shorter */
    l->top = by(l->top, (uint64_t)(lines < 0 ? -lines : lines), lines < 0, l->count);
    if (l->count - l->top < shown)
        l->top = l->count > shown ? l->count - shown : 0;
    if (l->current < l->top)
        l->current = l->top;
    if (l->current - l->top >= shown)
        l->current = l->top + shown - 1;
}

bool list_at(const struct list *l, int y, uint64_t *line)
{
    if (y < 0 || (uint64_t)y >= l->count - l->top)
        return false;
    *line = l->top + (uint64_t)y;
    return true;
}

void list_line(const struct list *l, struct canvas *c, uint64_t line, enum role role,
               const char *text)
{
    if (line == l->current)
        role = canvas_focused(c) ? ROLE_CURSOR : ROLE_CURSOR_AWAY;
    canvas_text(c, (int)(line - l->top), 0, canvas_columns(c), role, text);
}
