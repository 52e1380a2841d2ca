/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of a range on a few cells. */
#include <string.h>

#include "widget_bar.h"

/* a * b / c, where a * b may need more than 64 bits. */
static uint64_t share(uint64_t a, uint64_t b, uint64_t c)
{
    __extension__ typedef unsigned __int128 wide;

    return (uint64_t)((wide)a * b / c);
}

uint64_t bar_end(const struct bar *bar)
{
    return bar->count ? bar->part[bar->count - 1].to : bar->from;
}

static uint64_t begin_of(const struct bar *bar, size_t i)
{
    return i ? bar->part[i - 1].to : bar->from;
}

/* ---------------------------------------------------------------- parts ---- */

/* Neighbours that are together no longer than `small` become one part. */
static void melt(struct bar *bar, uint64_t small)
{
    size_t n = 0;

    for (size_t i = 1; i < bar->count; i++) {
        struct bar_part *into = &bar->part[n];
        const struct bar_part next = bar->part[i];

        if (next.to - begin_of(bar, n) > small) {
            bar->part[++n] = next;
            continue;
        }
        if (next.rank > into->rank) {
            into->rank = next.rank;
            into->role = next.role;
        }
        into->to = next.to;
    }
    bar->count = n + 1;
}

/* Melt small neighbours until at most `most` parts are left. */
static void thin(struct bar *bar, size_t most)
{
    uint64_t total = bar_end(bar) - bar->from;
    uint64_t small = total / (4 * most) + 1;

    while (bar->count > most) {
        melt(bar, small);
        small = small > UINT64_MAX / 2 ? UINT64_MAX : small * 2;
    }
}

void bar_add(struct bar *bar, uint64_t length, enum role role, unsigned rank, bool apart)
{
    struct bar_part *last = bar->count ? &bar->part[bar->count - 1] : NULL;
    uint64_t end = bar_end(bar);

    if (!length || length > UINT64_MAX - end)
        return;
    if (last && !apart && !last->apart && last->role == role && last->rank == rank) {
        last->to += length;
        return;
    }
    if (bar->count == BAR_PARTS)
        thin(bar, BAR_PARTS / 2);
    bar->part[bar->count++] =
        (struct bar_part){ .to = end + length, .role = role, .rank = rank, .apart = apart };
}

/* ---------------------------------------------------------------- cells ---- */

/*
 * How many cells each part gets: so many at least, and the others to scale. A part that is due
 * less takes them from those that are left to its longer fellows, until nobody is.
 */
static void deal(const struct bar *bar, size_t *cells, size_t n, size_t least)
{
    uint64_t length = bar_end(bar) - bar->from, before = 0;
    uint64_t left = n;
    bool again = true;

    memset(cells, 0, bar->count * sizeof(*cells));
    while (again) {
        again = false;
        for (size_t i = 0; i < bar->count; i++) {
            uint64_t own = bar->part[i].to - begin_of(bar, i);

            if (cells[i] || own >= length || share(own, left, length) >= least)
                continue;
            cells[i] = least;
            length -= own;
            left -= least;
            again = true;
        }
    }
    for (size_t i = 0; i < bar->count; i++) {
        uint64_t own = bar->part[i].to - begin_of(bar, i);

        if (cells[i])
            continue;
        cells[i] = (size_t)(share(before + own, left, length) - share(before, left, length));
        before += own;
    }
}

/* The k cells of a part. */
static void cut(const struct bar *bar, size_t i, struct bar_cell *cell, size_t k)
{
    const struct bar_part *part = &bar->part[i];
    uint64_t from = begin_of(bar, i), length = part->to - from;

    for (size_t n = 0; n < k; n++) {
        uint64_t a = from + share(length, n, k), b = from + share(length, n + 1, k);

        cell[n] = (struct bar_cell){ .from = a,
                                     .to = b > a ? b : a + 1,
                                     .go = a,
                                     .role = part->role,
                                     .rank = part->rank,
                                     .begin = part->apart && n == 0 };
    }
}

bool bar_lay(const struct bar *bar, struct bar_cell *cell, size_t n, size_t least)
{
    struct bar thinned;
    size_t cells[BAR_CELLS], at = 0;

    if (!n || n > BAR_CELLS || !bar->count)
        return false;
    if (bar->count > n) {
        /* some cells are left for what is long, so that it still looks long */
        thinned = *bar;
        thin(&thinned, n - n / 4);
        bar = &thinned;
    }
    if (least * bar->count > n)
        least = n / bar->count;
    deal(bar, cells, n, least);
    for (size_t i = 0; i < bar->count; at += cells[i++])
        cut(bar, i, &cell[at], cells[i]);
    return true;
}

size_t bar_at(const struct bar_cell *cell, size_t n, uint64_t offset)
{
    size_t low = 0, high = n;

    while (low < high) { /* low = number of cells that begin at or before offset */
        size_t middle = low + (high - low) / 2;

        if (cell[middle].from <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    low -= low ? 1 : 0;
    while (low && cell[low - 1].from == cell[low].from) /* the first of those for one byte */
        low--;
    return low;
}

static bool is_inside(const struct bar_cell *cell, size_t n, uint64_t from, uint64_t to)
{
    return n && from < cell[n - 1].to && (to > from ? to : from + 1) > cell[0].from;
}

void bar_over(struct bar_cell *cell, size_t n, uint64_t from, uint64_t to, enum role role,
              unsigned rank)
{
    if (!is_inside(cell, n, from, to))
        return;
    for (size_t i = bar_at(cell, n, from), first = i; i < n; i++) {
        if (i > first && cell[i].from >= to)
            break;
        if (cell[i].rank >= rank)
            continue;
        cell[i].role = role;
        cell[i].rank = rank;
        if (from > cell[i].from && from < cell[i].to)
            cell[i].go = from;
    }
}

void bar_sign(struct bar_cell *cell, size_t n, uint64_t offset, char sign, enum role role)
{
    struct bar_cell *at;

    if (!is_inside(cell, n, offset, offset))
        return;
    at = &cell[bar_at(cell, n, offset)];
    if (at->sign)
        return;
    at->sign = sign;
    at->sign_role = role;
    at->go = offset;
}

/* Its ground is the terminal's own, or as dark: the letter is needed to see it. */
static bool is_dark(enum role role)
{
    return role == ROLE_GAP || role == ROLE_NO_PAGES || role == ROLE_UNKNOWN;
}

void bar_draw(const struct bar_cell *cell, size_t n, struct canvas *c, int y, int x)
{
    for (size_t i = 0, k; i < n; i += k) {
        for (k = 1; i + k < n && cell[i + k].role == cell[i].role;)
            k++;
        canvas_bar(c, y, x + (int)i, (int)k, cell[i].role, is_dark(cell[i].role));
    }
    for (size_t i = 0; i < n; i++) {
        if (cell[i].sign)
            canvas_put(c, y, x + (int)i, cell[i].sign_role, "%c", cell[i].sign);
        else if (cell[i].begin && i && cell[i - 1].role == cell[i].role)
            canvas_put(c, y, x + (int)i, cell[i].role, "|");
    }
}
