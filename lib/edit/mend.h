/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between mend.c, which tries recipes, and candidates.c, which says which ones. */
#ifndef XSI_EDIT_MEND_H
#define XSI_EDIT_MEND_H

#include "internal.h"

/* The planned image as it is now. */
struct xsi_seen {
    struct xsi_map *map;
    const struct xsi_verdict *verdict; /* NULL: no reader */
    size_t errors;
};

enum xsi_price { XSI_PRICE_NONE, XSI_PRICE_GUESSES, XSI_PRICE_LOSES };

/* One mending. */
struct xsi_mending {
    struct xsi_plan *plan;
    const struct xsi_mend_options *options;
    struct xsi_mended *out;
    struct xsi_seen seen;
    size_t first;  /* steps that the plan had before */
    size_t earned; /* steps up to which the verdict became better */
    unsigned trials;
    enum xsi_price price; /* of the steps that are tried now */
    char reader_name[40];
};

/* A recipe, and what asks for it. */
struct xsi_candidate_row {
    const struct xsi_recipe *recipe;
    const struct xsi_finding_row *finding; /* NULL: nothing; it looks for work itself */
    uint64_t at, length;
    bool asked; /* by a person: kept whatever it brings */
};

/* What to try on the image as it is now, the most promising first. */
struct xsi_candidates;
struct xsi_candidates *xsi_candidates_new(const struct xsi_mending *g);
void xsi_candidates_free(struct xsi_candidates *c);
const struct xsi_candidate_row *xsi_candidates_next(struct xsi_candidates *c);

/* A finding that is to be mended even when the reader restores the image. */
bool xsi_finding_asks(const struct xsi_finding *f);
void xsi_mending_refuse(struct xsi_mending *g, const char *recipe, uint64_t offset, const char *fmt,
                        ...) XSI_PRINTF(4, 5);

#endif
