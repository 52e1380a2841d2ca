/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bar: parts of a range, drawn to scale on a few cells. No part vanishes as long as there are
 * cells: a small one, or several small neighbours together, have one of their own. Each cell knows
 * the offsets that it stands for.
 */
#ifndef WIDGET_BAR_H
#define WIDGET_BAR_H

#include "screen.h"

#define BAR_PARTS 2048 /* what a bar holds at most; more are thinned out */
#define BAR_CELLS 512

/* The parts of a range, in order and without gaps between them. All zero: none yet. */
struct bar {
    uint64_t from; /* where the first one begins */
    size_t count;
    struct bar_part {
        uint64_t to; /* where it ends: there the next one begins */
        enum role role;
        unsigned rank; /* of parts that share a cell the highest is shown */
        bool apart;    /* never one with its neighbours while there is room; its start is marked */
    } part[BAR_PARTS];
};

/* A part behind those that are there; one like the last makes that longer, unless it is `apart`. */
void bar_add(struct bar *bar, uint64_t length, enum role role, unsigned rank, bool apart);
uint64_t bar_end(const struct bar *bar);

struct bar_cell {
    uint64_t from, to; /* offsets it stands for; several cells can stand for one byte */
    uint64_t go;       /* the one of them that is meant when the cell is chosen */
    enum role role;
    unsigned rank;
    enum role sign_role;
    char sign;  /* drawn on it; 0 none */
    bool begin; /* a part that is apart begins here */
};

/* Lay the bar out on n cells (at most BAR_CELLS): to scale, but so many for each part at least, or
 * as many as there are; 1 or more. False: it is empty, or there are no cells. */
bool bar_lay(const struct bar *bar, struct bar_cell *cell, size_t n, size_t least);
/* The cell that holds an offset; the first or last one when it is outside. What lies over a bar
 * and is outside is left out. */
size_t bar_at(const struct bar_cell *cell, size_t n, uint64_t offset);
/* Something that lies over the parts, at [from, to) or at a place (equal): the cells that stand for
 * it show the role, unless something of a higher rank is there. */
void bar_over(struct bar_cell *cell, size_t n, uint64_t from, uint64_t to, enum role role,
              unsigned rank);
/* A character on the cell that holds an offset; one that is there stays. */
void bar_sign(struct bar_cell *cell, size_t n, uint64_t offset, char sign, enum role role);
void bar_draw(const struct bar_cell *cell, size_t n, struct canvas *c, int y, int x);

#endif
