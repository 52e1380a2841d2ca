/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The finding that a person looks at. */
#ifndef FINDING_HERE_H
#define FINDING_HERE_H

#include "browse.h"

/* The finding that e, E or the list led to, as long as the current place is still its own, or that
 * is selected in the list while this has the focus; NULL none. */
const struct xsi_finding *finding_selected(const struct browse *b);
/* Numbers [first, first + n) of the findings of the chunk that is looked at; returns n. */
size_t findings_here(const struct browse *b, size_t *first);
enum role finding_role(const struct xsi_finding *f);
/* "error XS-L09 no-last-checkpoint at 0x1a04b: …", as in the listing. */
void finding_line(const struct xsi_finding *f, char *out, size_t size);
/* What becomes of the image and the next command, in at most so many lines, which end at the last
 * one of the canvas. Nothing as long as it is not known. */
void verdict_put(const struct browse *b, struct canvas *c, int rows);
/* What to do about the verdict: "Fixable: xsrecover fix …"; "" nothing, or not known yet. */
void verdict_command(const struct browse *b, char *out, size_t size);
/* Lines of so many that it takes; 0 none, as it is not cut: that would be of no use. */
int verdict_rows(const struct browse *b, int columns, int rows);
/* It is known by now that the image is not whole: verdict_put() says what is left of the guest. */
bool verdict_not_whole(const struct browse *b);

#endif
