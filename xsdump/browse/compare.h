/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two images: which rows are counterparts, and where they differ. For the panels that show it. */
#ifndef COMPARE_H
#define COMPARE_H

#include "browse.h"

/* A place where the two differ: bytes here and there; either can be none, where a row has no
 * counterpart. */
struct difference {
    uint64_t at, length;             /* in the image that is looked at */
    uint64_t other_at, other_length; /* in the other one */
};

/* The first difference that ends behind an offset of the image that is looked at. False: none is
 * known (yet). */
bool compare_from(const struct browse *b, uint64_t offset, struct difference *out);
/* The difference that a key led to, as long as nobody moves away from it. */
bool compare_shown(const struct browse *b, struct difference *out);
/* The counterpart of a row of the image that is looked at; NULL none. */
const struct xsi_map_row *compare_mate(const struct browse *b, const struct xsi_map_row *row);
/* The same for a row of the other image, and what is known of it. */
const struct xsi_map_row *compare_mate_of_other(const struct browse *b,
                                                const struct xsi_map_row *row);
enum compared compare_other(const struct browse *b, const struct xsi_map_row *row);
/* The place of the other image that goes with one of this: the same byte of the counterpart, or
 * where it would be. */
uint64_t compare_place(const struct browse *b, uint64_t offset);

/* An image's file without folders, escaped, and cut to some columns. */
void compare_name(const struct doc *doc, size_t columns, char *out, size_t size);
/* What stands in front of a row for it. */
char compare_mark(enum compared how, enum role *role);

struct compare;
/* What has been compared is kept by panel_other.c, as long as the browser runs; NULL: nothing. */
struct compare *compare_kept(const struct browse *b);
/* Let it keep that. False: no memory. */
bool compare_keep(struct browse *b, struct compare *cmp);
void compare_free(struct compare *cmp);

#endif
