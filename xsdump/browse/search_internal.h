/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A search: search.c says what is meant and goes to hits; search_bytes.c and search_chunks.c look. */
#ifndef SEARCH_INTERNAL_H
#define SEARCH_INTERNAL_H

#include "cli/filter.h"
#include "cli/needle.h"
#include "search.h"
#include "tree.h"

#define SEARCH_TEXT   256
#define SEARCH_WINDOW (256U << 10) /* bytes that are read at a time */
#define SEARCH_CHUNKS 512          /* chunks of a run */

/* What came of a slice. */
enum searched { SEARCH_ON, SEARCH_WAITS, SEARCH_FOUND, SEARCH_NOTHING };

struct search {
    char text[SEARCH_TEXT]; /* as it was typed */
    struct cli_needle needle;
    struct cli_filter *filter; /* of chunks */
    struct cli_filter *part;   /* of chunks, when `filter` finds nothing: parts of names */
    const struct xsi_finding_row *finding; /* findings like this */

    const struct doc *doc;   /* in which it runs, or ran */
    bool back;               /* towards the beginning */
    bool wrapped;            /* at the end it has begun at the other one */
    bool unread;             /* there were bytes that cannot be read */
    uint64_t start, at;      /* offsets, or numbers of chunks: where it began, where it is */
    uint64_t span;           /* bytes: what is looked at next */
    uint8_t *window;         /* bytes */
    struct xsi_map_row *row; /* chunks */
    bool found;
    uint64_t hit, length; /* offset; bytes that are marked, 0 none */
};

/* Set off from the current place. */
void search_bytes_start(struct browse *b, struct search *s);
void search_chunks_start(struct browse *b, struct search *s);
enum searched search_bytes_slice(struct browse *b, struct search *s);
enum searched search_chunks_slice(struct browse *b, struct search *s);

#endif
