/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list of any length, of which a few lines are on the screen. Who owns it draws the lines. */
#ifndef WIDGET_LIST_H
#define WIDGET_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "browse.h"

struct list {
    uint64_t count;   /* lines */
    uint64_t current; /* the selected one */
    uint64_t top;     /* the first one on the screen */
};

/* Move by an act. True: it was a movement (even one that led nowhere). */
bool list_act(struct list *l, enum act act, int rows);
/* After count or current changed, and before drawing: `current` exists and is on the screen. */
void list_fit(struct list *l, int rows);
/* The wheel: the window moves, and takes the selected line along. */
void list_scroll(struct list *l, int by, int rows);
/* The line at row y of the screen; false: there is none. */
bool list_at(const struct list *l, int y, uint64_t *line);
/* A line: its text over the whole width, as selected where it is (in the panel with the focus, or
 * in another one). */
void list_line(const struct list *l, struct canvas *c, uint64_t line, enum role role,
               const char *text);

#endif
