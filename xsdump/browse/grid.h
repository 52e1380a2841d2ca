/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest frames: what the panels grid and page share. */
#ifndef GRID_H
#define GRID_H

#include "browse.h"
#include "find_pfn.h"

#define GRID_CELLS 32768 /* on one screen */

enum grid_fill { GRID_EMPTY, GRID_FILLING, GRID_FULL, GRID_FAILED };

struct grid {
    const struct doc *doc;
    bool shown;   /* it was on the screen once */
    uint64_t pfn; /* the frame under the cursor */

    /* grid_fill.c: what batches say */
    struct xsi_frame_map *map;
    enum grid_fill fill;
    struct xsi_walk *walk; /* through all batches */
    const struct xsi_chunk *chunk;
    uint64_t entry; /* of the chunk, next */
    uint64_t at;    /* how far it is */
    struct xsi_error error;
    unsigned changes; /* of the map */
    bool packed;      /* there are batches whose pages may be compressed */

    /* grid_seek.c: where the frame's page is */
    bool sought; /* `found` is of pfn */
    bool follow; /* the page becomes the current place */
    struct pfn_found found;
    size_t copy;     /* of found, that is shown: the last, */
    uint64_t wanted; /* ... or the one at this offset, if it is one of them */
    uint64_t place;  /* the current place when the grid looked at it last */

    /* panel_grid.c, grid_draw.c: cells on the screen */
    int shift;        /* a cell is 2^shift frames; -1: as many as it takes to show all */
    uint64_t top;     /* number of the first row */
    struct grid_key { /* what `role` was made of */
        uint64_t first, frames;
        unsigned shift, changes;
        size_t count;
        bool valid;
    } key;
    uint8_t role[GRID_CELLS];
};

/* NULL: no memory. */
struct grid *grid_of(struct browse *b);
void grid_free(void *slot);
/* Frames that the grid shows: of the guest, and beyond them if there are any. */
uint64_t grid_frames(const struct browse *b, const struct grid *g);
/* p2m_size; 0: unknown, or more frames than any guest has. */
uint64_t grid_p2m(const struct browse *b);

/* ---- grid_draw.c: cells ---- */

/* Where things stand on the canvas. */
struct grid_form {
    int y, rows, x, cells; /* of the grid */
    int digits;            /* of the frame in front of each row */
    unsigned shift;
    uint64_t frames;
};
/* False: there is no room for any cell. */
bool grid_layout(const struct browse *b, const struct grid *g, int rows, int columns,
                 struct grid_form *f);
/* Number of the row that the cursor is in. */
uint64_t grid_row(const struct grid *g, const struct grid_form *f);
/* A frame's state in words: "page, sent twice". */
void grid_words(const struct grid *g, unsigned state, char *out, size_t size);
/* "pfn 0xfeffd: page, sent twice". */
void grid_heading(struct browse *b, char *out, size_t size);
void grid_draw(struct browse *b, struct canvas *c);

/* ---- grid_fill.c, grid_seek.c, panel_grid.c ---- */

/* Begin, or go on, with reading what batches say. */
void grid_read(struct browse *b);
/* Look for the page of g->pfn; with g->follow it becomes the current place. */
void grid_seek(struct browse *b);
/* A frame of which people ask: it is under the cursor, and its page becomes the current place. */
void grid_go(struct browse *b, uint64_t pfn);
/* The frame that an offset belongs to, of a batch of pages, and where its page is (0: it has none);
 * in front of the pages it is the first frame of the batch. False: none. */
bool grid_frame_at(struct browse *b, uint64_t offset, uint64_t *pfn, uint64_t *page);
/* The copy that is shown; NULL: none, or it is not known yet. */
const struct pfn_copy *grid_copy(const struct grid *g);

/* grid_explain.c: the frame under the cursor in sentences; false: something else is meant, as
 * neither the grid nor the page has the focus, or the current place is that of a finding. */
bool grid_explain(const struct browse *b, char *out, size_t size);

/* panel_page.c: the page of the frame under the cursor; false: there is none. */
bool page_bytes(const struct browse *b, uint64_t *offset, uint64_t *length);

#endif
