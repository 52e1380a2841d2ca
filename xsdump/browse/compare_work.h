/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the comparison of two images: compare.c drives it, compare_align.c finds counterparts,
 * compare_bytes.c looks at their bytes. */
#ifndef COMPARE_WORK_H
#define COMPARE_WORK_H

#include "compare.h"

#define COMPARE_BLOCK (256U << 10) /* bytes that are read at once */
#define COMPARE_SMALL (64U << 10)  /* longer rows are looked at when all others have been */

/* Numbers by 64-bit keys that are never 0. */
struct table {
    struct entry {
        uint64_t key;
        size_t value;
    } * entry;
    size_t capacity, count; /* a power of two; entries */
};

/* What is known of the rows of an image. */
struct side {
    struct doc *doc;
    uint64_t *key;  /* what a row is, so that counterparts have the same */
    uint32_t *mate; /* number of the counterpart + 1; 0 none */
    uint8_t *state; /* enum compared */
    size_t rows, capacity;
    size_t next;        /* rows in front of it have been aligned */
    struct table kinds; /* how many rows of a kind there were */
    struct table place; /* the row that has a key */
};

/* Bytes that differ, in both images. */
struct apart {
    uint64_t at[2], length[2];
};

/* Ascending in both images. */
struct aparts {
    struct apart *d;
    size_t count, capacity;
    bool full; /* there are more of them */
};

struct compare {
    struct side side[2];    /* the first and the second image of the command line */
    struct aparts found[2]; /* in short rows, in long ones */
    bool aligned, done;
    bool failed;             /* no memory */
    size_t row;              /* of the first image: long rows before it have been compared, */
    uint64_t row_done;       /* and so many bytes of this one */
    uint64_t size;           /* bytes of the last block */
    bool open;               /* the last difference may become longer */
    struct difference shown; /* the one that a key led to last, */
    const struct doc *shown_in;
    uint64_t shown_at; /* ... and the place that it is shown at */
    uint8_t block[2][COMPARE_BLOCK];
};

enum { ALIGN_MOVED, ALIGN_WAITS, ALIGN_OVER };
/* Take one row, or a pair, further. *work grows by the bytes that were looked at. */
int align_step(struct compare *cmp, size_t *work);
void align_free(struct side *side);
/* Compare a pair of short rows, as a whole. */
void bytes_pair(struct compare *cmp, size_t first, size_t second);
/* Compare a block of the long rows; *work grows by its bytes. False: there are no more. */
bool bytes_step(struct compare *cmp, size_t *work);
/* Note a difference. */
void bytes_apart(struct compare *cmp, struct aparts *found, const struct apart *d);
/* Row of an image by number. */
const struct xsi_map_row *side_row(const struct side *side, size_t row);

#endif
