/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A search: search.c knows what is meant, search_bytes.c, search_chunks.c and search_fields.c look
 * for it. */
#ifndef SEARCH_INTERNAL_H
#define SEARCH_INTERNAL_H

#include "cli/filter.h"
#include "cli/needle.h"
#include "search.h"
#include "tree.h"

#define SEARCH_TEXT   256
#define SEARCH_WINDOW (256U << 10) /* bytes that are read at a time, */
#define SEARCH_LITTLE (16U << 10)  /* ... behind a hole: often it is only a header */
#define SEARCH_CHUNKS 256          /* chunks of a run, backwards */

/* What came of a slice. */
enum searched { SEARCH_ON, SEARCH_WAITS, SEARCH_FOUND, SEARCH_NOTHING };

struct search {
    char text[SEARCH_TEXT]; /* as it was typed */
    struct cli_needle needle;
    struct cli_needle other;   /* ... the other meaning, when that is not found; length 0: none */
    bool number, other_number; /* they are of a number */
    bool digits;               /* there are, or were, two meanings */
    struct cli_filter *filter; /* of chunks */
    struct cli_filter *part;   /* of chunks, when `filter` finds nothing: parts of names */
    bool named;                /* fields, when no chunk has this name */
    bool is_place;             /* `:` asks for it */
    uint64_t more;             /* ... and so many bytes on from there */
    const struct xsi_finding_row *finding; /* findings like this */

    const struct doc *doc;   /* in which it runs, or ran */
    bool back;               /* towards the beginning */
    bool wrapped;            /* at the end it has begun at the other one */
    bool unread;             /* there were bytes that cannot be read */
    uint64_t start, at;      /* offsets, or numbers of chunks: where it began, where it is */
    uint64_t span;           /* bytes: what is looked at next */
    uint8_t *window;         /* bytes */
    struct xsi_map_row *row; /* chunks */
    struct xsi_walk *walk;   /* chunks of a run, forwards */
    const struct xsi_chunk *chunk;
    bool fields;      /* it is fields that are looked for now, */
    bool partly;      /* ... whose names hold the text; else they are the text */
    bool similar;     /* there are such */
    struct look look; /* the chunk whose fields are looked at */
    uint64_t here;    /* offset of the chunk where it began */
    size_t next;      /* field that is next; backwards: it is in front of this one; the hit */
    bool found;
    uint64_t hit, length; /* offset; bytes that are marked, 0 none */
};

/* Set off from the current place. */
void search_bytes_start(struct browse *b, struct search *s);
void search_chunks_start(struct browse *b, struct search *s);
void search_fields_start(struct browse *b, struct search *s);
/* The walk is not needed any more. */
void search_chunks_leave(struct search *s);
enum searched search_bytes_slice(struct browse *b, struct search *s);
enum searched search_chunks_slice(struct browse *b, struct search *s);
enum searched search_fields_slice(struct browse *b, struct search *s);
/* The row that holds a chunk's number; NULL: it is behind those that are kept. */
const struct xsi_map_row *search_row(const struct doc *doc, uint64_t number);

#endif
