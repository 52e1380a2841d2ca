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
    uint64_t entry;        /* of the chunk, next */
    uint64_t at;           /* how far it is */
    struct xsi_error error;
    unsigned changes; /* of the map */

    /* grid_scan.c: what pages hold */
    bool scanned; /* all pages were read: sums is whole */
    struct page_sums sums;

    /* grid_seek.c: where the frame's page is */
    bool sought;      /* `found` is of pfn */
    bool follow;      /* the page becomes the current place: not before the cursor was moved */
    struct pfn_found found;
    size_t copy; /* of found, that is shown */

    /* panel_grid.c: cells on the screen */
    int shift;        /* a cell is 2^shift frames; -1: as many as it takes to show all */
    uint64_t top;     /* number of the first row */
    struct grid_key { /* what `role` was made of */
        uint64_t first;
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
/* "page, sent 3 times, all zeros": a state of the map in words. */
void grid_words(const struct grid *g, unsigned state, char *out, size_t size);

/* Begin, or go on, with reading what batches say. */
void grid_read(struct browse *b);
/* Look for the page of g->pfn; it becomes the current place. */
void grid_seek(struct browse *b);
/* The frame that an offset belongs to: of a batch of pages. False: none. */
bool grid_frame_at(struct browse *b, uint64_t offset, uint64_t *pfn);
/* The copy that is shown; NULL: none, or it is not known yet. */
const struct pfn_copy *grid_copy(const struct grid *g);

/* panel_page.c: the page of the frame under the cursor; false: there is none. */
bool page_bytes(const struct browse *b, uint64_t *offset, uint64_t *length);

#endif
