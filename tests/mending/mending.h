/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The proof of mending: every recipe, on every image and reader that a list names.
 *
 *     main.c        the list, one mending, its rows of the table
 *     properties.c  what holds for every plan, whatever it is about
 *     files.c       files as bytes
 *     tally.c       what each recipe achieved
 */
#ifndef MENDING_H
#define MENDING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/xsi_edit.h"

/* What is tested; a row of `properties` in properties.c each. */
enum property {
    IDEMPOTENT,
    CLEAN,
    OVERLAY,
    NO_CLOBBER,
    UNTOUCHED,
    IN_PLACE,
    UNDO,
    UNDO_TWICE,
    UNDO_CHANGED,
    FIT,
    ENDS,
    PROPERTIES
};

/* One image and one reader. */
struct trial {
    const char *image;  /* path */
    const char *name;   /* without folder and ".img" */
    const char *reader; /* NULL: the default target */
    const char *as;     /* forced stack or NULL */
    const char *recipe; /* only this one, as a person asks for it; NULL: what is needed */
    bool has_at;
    uint64_t at;          /* with recipe: the place */
    const char *original; /* the image without its damage, or NULL */
    const char *folder;   /* for the files that are written */
    const char *label;    /* the reader's name as it is printed */
};

/* Count a property as held or, with a line that says why not, as broken. Returns ok. */
bool held(enum property p, const struct trial *t, bool ok, const char *fmt, ...) XSI_PRINTF(4, 5);
/* A line per property: how often it held. True: none was broken. */
bool properties_print(void);

/* What must hold for a plan that mended something; the plan is detached by it. */
void idempotent(const struct trial *t, struct xsi_plan *plan, const struct xsi_mended *m);
void fits(const struct trial *t, struct xsi_plan *plan, const struct xsi_mended *m);
void writes(const struct trial *t, struct xsi_plan *plan);
/* Hash of a plan's edits: equal plans need be written once. */
uint64_t plan_hash(struct xsi_plan *plan);

/* Same bytes in a file and a source. at: the first byte that differs. */
bool file_is(const char *path, struct xsi_source *src, uint64_t *at);
bool files_same(const char *a, const char *b);
bool file_copy(const char *from, const char *to);
bool file_flip(const char *path, uint64_t at);

/* Note the steps of a plan and what became of the verdict. */
void tally(struct xsi_plan *plan, const struct xsi_mended *m);
/* The table of recipes. all: the list was meant to exercise every recipe. True: each one did what
 * it is for. */
bool tally_print(bool all);

const char *outcome_name(const struct xsi_verdict *v);

#endif
