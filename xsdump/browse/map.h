/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the map shows: the parts of the image, and the chunks around the current place, laid out on
 * bars. map.c lays them out, panel_map.c draws them. */
#ifndef MAP_H
#define MAP_H

#include "browse.h"
#include "widget_bar.h"

#define MAP_AROUND 16 /* chunks of the second bar on each side of the current one, at most */

struct map {
    const struct doc *doc;
    struct bar built; /* of the rows in front of `rows`, which will not change any more */
    size_t rows;
    struct bar_cell cell[BAR_CELLS]; /* the first bar */
    size_t cells;
    unsigned changes; /* of the document, when it was laid out */

    struct xsi_map_row chunk[2 * MAP_AROUND + 1]; /* of the second bar */
    size_t chunks;
    uint64_t around; /* ... that were asked for on each side */
    bool settled;    /* there will be no more of them */
    struct bar near;
    struct bar_cell zoom[BAR_CELLS];
    size_t zooms;
    int zoom_x;   /* where it begins */
    bool in_zoom; /* left and right move in the second bar */
};

/* The browser's; NULL: no memory. */
struct map *map_of(struct browse *b);
/* Lay the whole image out on n cells, if it is not. */
void map_image(struct map *m, size_t n);
/* Lay the chunks around the current place out on so many columns. False: they are not known. */
bool map_near(struct browse *b, struct map *m, int columns);
/* Kinds of parts by index: what stands for them, and their names. False behind the last. */
bool map_kind(size_t index, enum role *role, const char **name);

#endif
