/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going to places by their names. */
#ifndef GOTO_H
#define GOTO_H

#include "browse.h"

/* What `:` takes: "0x1a04b", "#17", "END", "L09", "pfn 0xfee", "'a", "$", "+4k", "#3-8". Says so
 * when there is no such place. */
void goto_place(struct browse *b, const char *text);
/* goto_frame.c: the page of a frame, where the image has it for the last time. A job. */
void goto_pfn(struct browse *b, uint64_t pfn);
/* marks.c: the place of a mark; a quote: where the last jump began. */
void goto_mark(struct browse *b, int letter);

#endif
