/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A restore that is watched in the browser: reader.c drives it, panel_reader.c shows it. */
#ifndef READER_H
#define READER_H

#include "browse.h"
#include "cli/replay.h"

/* In b->slot[PANEL_READER]. */
struct reader_view {
    struct browse *b;
    struct doc *doc;            /* the image that is restored */
    struct replay *play;        /* NULL: none has begun */
    uint64_t wanted;            /* number of the read that it goes to, */
    bool to_wrong;              /* or the next that goes wrong; */
    bool then_run;              /* as soon as it is known which */
    char there[400];            /* the chunk that the read hits, */
    char fields[400];           /* and those of its fields that it has got; "" none */
    uint64_t there_of;          /* number of the read that they are of, */
    unsigned there_then;        /* and doc->changes at that time: 0, it is known for good */
    struct reader_lines *lines; /* reader_lines.c: what stands in the panel */
    bool chosen;                /* b->reader is no default */
    struct xsi_reader *reader;  /* reader_choose.c: those to choose from */
    size_t readers;
};

/* The restore that can be shown: of the image that is looked at; NULL none. */
struct reader_view *reader_view(const struct browse *b);
/* The slot, made when there is none; NULL: no memory. */
struct reader_view *reader_slot(struct browse *b);
/* b->reader is set: the one that was chosen, else the target. False: there is none. */
bool reader_default(struct browse *b);
/* A restore of the image that is looked at, for b->reader, from its beginning. False after a
 * message. */
bool reader_begin(struct browse *b);
/* What runs now: it goes on, or looks how it will end. */
bool reader_going(const struct browse *b);
bool reader_looking(const struct browse *b);
/* Go to a read; behind the last: to the end. */
void reader_goto(struct browse *b, uint64_t number);
/* What is known of the chunk that the read hits, once the walk has come there. */
void reader_look(struct browse *b, struct reader_view *v);
void reader_free(void *slot);

/*
 * The log line to be explained when the reader's panel has the focus: the one that is selected,
 * else the first error line behind the read that is shown. False: there is none.
 */
bool reader_line(struct browse *b, char *out, size_t size);

#endif
