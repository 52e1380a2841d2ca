/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Explanations, in a popup: for those who have a text instead of a place. */
#ifndef EXPLAIN_HERE_H
#define EXPLAIN_HERE_H

#include "browse.h"

/* A line of a log, with what stands in front of it there, or a part of one. False: no release
 * prints it, and nothing is shown. */
bool explain_line_popup(struct browse *b, const char *line);

#endif
