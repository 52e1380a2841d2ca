/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where an image has the page of a guest frame: in slices, for whoever makes a job of it. */
#ifndef FIND_PFN_H
#define FIND_PFN_H

#include "browse.h"

#define PFN_COPIES 16 /* that are kept: the last ones */

/* A page of the frame. */
struct pfn_copy {
    uint64_t at;            /* offset of the page */
    uint64_t chunk, number; /* offset and number of its batch */
    const char *type;       /* of the entry: "L1TAB" */
};

struct pfn_found {
    struct pfn_copy copy[PFN_COPIES]; /* by offset: the last one is what a restore keeps */
    size_t count;                     /* that are there */
    uint64_t copies;                  /* how often its page was met */
    bool whole;                       /* the walk was over: there are no others */
};

/* all: every copy; otherwise it ends with the part of the image that has the last one. NULL: no
 * memory. */
struct pfn_search *pfn_search_new(const struct doc *doc, uint64_t pfn, bool all);
/* False: it is over. */
bool pfn_search_slice(struct pfn_search *s);
double pfn_search_progress(const struct pfn_search *s);
/* What was found so far; it belongs to the search. */
const struct pfn_found *pfn_search_found(const struct pfn_search *s);
/* The document that it looks through. */
const struct doc *pfn_search_doc(const struct pfn_search *s);
void pfn_search_free(struct pfn_search *s);

#endif
