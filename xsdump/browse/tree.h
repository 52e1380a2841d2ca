/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree's lines: layers, the rows in them, the chunks of runs that are unfolded. What is kept
 * is a segment for each change of layer and an entry for each unfolded run, so a line is found by
 * binary search, however many there are. tree.c holds the lines, tree_filter.c which rows there
 * are, tree_draw.c draws lines, panel_tree.c moves.
 */
#ifndef TREE_H
#define TREE_H

#include "browse.h"
#include "cli/filter.h"
#include "widget_list.h"

enum {
    TREE_WINDOW = 128, /* chunks of unfolded runs that are fetched at a time */
    TREE_DEPTH = 32,   /* layers within each other; the library allows XSI_STACK_MAX */
    TREE_MARKS = 26
};

/* Neighbouring rows of one layer. */
struct tree_segment {
    size_t first;   /* its first row, among those that are shown */
    size_t block;   /* the segment in which this layer began; its own number: here */
    size_t around;  /* the block of the layer around, SIZE_MAX: none */
    size_t last;    /* of a block: the last segment of it, and of the layers in it */
    uint64_t line;  /* its first line */
    unsigned depth; /* of what is drawn: 0 = outermost */
    bool bare;      /* of no layer: it has no line of its own */
    bool folded;    /* of a block */
    bool hidden;    /* in a folded block */
};

/* A run whose chunks are shown. */
struct tree_open {
    size_t row;      /* of the index */
    uint64_t before; /* chunks of unfolded runs in front of it */
};

/* What a line is of; stays the same while lines come and go. */
struct tree_item {
    enum { TREE_LAYER, TREE_ROW, TREE_CHUNK } kind;
    size_t segment;
    size_t row;      /* of the index; of a layer: its segment's first */
    uint64_t number; /* TREE_CHUNK: the chunk's */
};

struct tree_window {
    uint64_t first;
    size_t count;
    struct xsi_map_row row[TREE_WINDOW];
};

struct tree_filter; /* tree_filter.c */
struct tree_notes;  /* tree_note.c */
struct search;      /* search.c */

struct tree {
    const struct doc *doc; /* of which the lines are */
    struct list list;
    struct tree_item at; /* the selected line's */
    bool placed;         /* it is the one of the current place */

    struct tree_segment *segment;
    size_t count, capacity;
    size_t stack[TREE_DEPTH]; /* blocks that a row can still belong to, outermost first */
    unsigned depth;
    unsigned deepest; /* depth of a segment */
    size_t rows;      /* shown rows that are in segments */

    struct tree_open *open; /* ascending */
    size_t open_count, open_capacity;

    struct tree_window window[2];
    unsigned newest; /* window */

    struct tree_filter *filter; /* NULL: all rows are shown */
    struct tree_notes *notes;
    struct search *search; /* what was searched for last, NULL */
    struct {
        const struct doc *doc; /* NULL: not set */
        uint64_t offset;
    } mark[TREE_MARKS];
};

/* The browser's; NULL: no memory. */
struct tree *tree_of(struct browse *b);
void tree_free(void *slot);
/* Rows that came since are taken in, and the current place has the selected line. */
void tree_update(struct browse *b, struct tree *t);
/* All lines are made anew: other rows are shown. */
void tree_reset(struct tree *t);

/* The item at a line; false: there is none. */
bool tree_at(const struct tree *t, uint64_t line, struct tree_item *item);
/* The line of an item, or of the folded one that holds it. */
uint64_t tree_line_of(const struct tree *t, const struct tree_item *item);
/* What an item covers: a chunk, a row, or a layer with all that is in it. False: it cannot be
 * read. */
bool tree_row(struct tree *t, const struct tree_item *item, struct xsi_map_row *out);
/* Select the line of an offset; false: nothing is known there (yet). */
bool tree_place(struct browse *b, struct tree *t);
/* Is it folded, can it be? */
bool tree_folds(const struct tree *t, const struct tree_item *item);
bool tree_unfolded(const struct tree *t, const struct tree_item *item);
/* Fold or unfold an item; the selected line stays what it is. */
void tree_fold(struct tree *t, const struct tree_item *item, bool fold);
/* What is around an item: the run of a chunk, the layer of a row, the layer around a layer. False:
 * nothing. */
bool tree_around(const struct tree *t, const struct tree_item *item, struct tree_item *out);

/* Rows that the filter lets through so far (without one: all), and the row of the index that one
 * of them is. */
size_t tree_shown(const struct tree *t);
size_t tree_shown_row(const struct tree *t, size_t shown);
/* The last of them that is at or before a row of the index; SIZE_MAX: none. */
size_t tree_shown_at(const struct tree *t, size_t row);
/* It has looked at this row of the index. */
bool tree_filter_passed(const struct tree *t, size_t row);
/* Begin at the first row of the image. */
void tree_filter_again(struct browse *b, struct tree *t);
/* "type==END: 3 of 28 rows"; false: there is no filter. */
bool tree_filter_text(const struct browse *b, const struct tree *t, char *out, size_t size);
void tree_filter_free(struct tree_filter *f);

/* ---------------------------------------------------------------- tree_draw.c ---- */

/* Columns; 0: there is no room for it. */
struct tree_widths {
    int view;   /* mark of the view: what a reader has read, what differs */
    int offset; /* "0x0001a04b"; narrow: "0x1a04b" */
    int digits; /* ... of it */
    int name;
    int length; /* exact, or as "104K" */
    int note;
    bool exact;
};

struct tree_widths tree_widths(const struct browse *b, const struct tree *t, int columns);
void tree_draw_line(struct browse *b, struct tree *t, struct canvas *c, uint64_t line,
                    const struct tree_widths *w);

/* ---------------------------------------------------------------- tree_note.c ---- */

/* The note of a chunk, where it is known; "" and it is read between keys. */
const char *tree_note(struct browse *b, struct tree *t, uint64_t number);
/* After the lines were drawn: what is not known yet is to be read. */
void tree_notes_wanted(struct browse *b, struct tree *t);
void tree_notes_free(struct tree_notes *n);

/* The selected line's row in the canvas of PANEL_TREE; -1: it is not shown. */
int tree_line(const struct browse *b);
/* Somebody was led to a chunk of a folded run: it becomes a line. */
void tree_reveal(struct browse *b);

/* search.c */
void search_free(struct search *s);

#endif
