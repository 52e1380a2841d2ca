/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the index share. */
#ifndef XSI_DISSECT_INDEX_H
#define XSI_DISSECT_INDEX_H

#include "internal.h"

enum {
    ROWS_MAX = 256 << 10,
    MARKS_MAX = 1024,
    SAVED_MAX = 2 << 20, /* bytes of the marks' bookmarks */
    RECENT = 32          /* marks that were set in passing */
};

struct mark {
    uint64_t number, offset;     /* of the chunk */
    unsigned checkpoint;         /* complete ones in front of it */
    uint64_t work;               /* up to and with the chunk */
    struct xsi_bookmark *saved;  /* NULL: the source cannot go back */
    struct xsi_index_sum behind; /* the batches from here to the next mark */
};

/* Marks on the way to the places that were opened last: the next ones are near there. */
struct recent {
    struct mark mark[RECENT];
    size_t next; /* the oldest, once all are set */
};

struct xsi_index {
    struct xsi_source *src;
    struct xsi_walk_options options;
    char *as;
    bool unfolded, full, seekable;
    struct xsi_map_row *row;
    uint8_t *part; /* enum xsi_part of each row */
    size_t count, capacity;
    struct mark mark[MARKS_MAX];
    size_t marks, saved; /* bytes of their bookmarks */
    struct recent *recent;
    uint64_t distance, work; /* least work between marks; of all chunks */
    uint64_t chunks, end;
    unsigned checkpoint; /* complete ones behind the last chunk */
    bool pages_seen;     /* ... and since then a batch of pages */
};

void xsi_index_failed(struct xsi_error *err, int code, const char *text);

#endif
