/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sentence on several lines. */
#ifndef WIDGET_TEXT_H
#define WIDGET_TEXT_H

#include "screen.h"

/* Bytes of a text's first line in so many columns: up to the end of a word, if there is one. What
 * stands between two lines are blanks, to be skipped. */
size_t text_line(const char *text, int columns);
/*
 * Put a text on at most `rows` lines from y on, wrapped at words' ends in `width` columns; lines
 * behind the first begin with `indent` blanks. What does not fit is cut and ends in '>'. Returns
 * the lines that it takes; c NULL: only counts them.
 */
int text_wrap(struct canvas *c, int y, int width, int rows, int indent, enum role role,
              const char *text);

#endif
