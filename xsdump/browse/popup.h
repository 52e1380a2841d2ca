/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files popup*.c share: a popup is a kind with its own structure behind the common one. */
#ifndef POPUP_H
#define POPUP_H

#include "browse.h"

struct popup_kind {
    void (*draw)(struct browse *b, struct popup *p);
    void (*key)(struct browse *b, struct popup *p, int key);
    /* A click on a row of its canvas. */
    void (*click)(struct browse *b, struct popup *p, int y, bool twice);
    void (*free)(struct popup *p);
};

struct popup {
    const struct popup_kind *kind;
    char title[200];
    int y, x, rows, columns; /* where its canvas was at last */
};

/* A popup in the place of the one that there is; size: of its structure. NULL: no memory. */
struct popup *popup_open(struct browse *b, const struct popup_kind *kind, const char *title,
                         size_t size);
/* Columns of text that a popup can have on this screen, and rows. */
void popup_room(int *rows, int *columns);
/* A framed canvas in the middle for so many rows and columns of text, or for what there is room;
 * to be freed. *margin: columns at its left that stay free. */
struct canvas *popup_box(struct popup *p, const char *title, int rows, int columns, int *margin);
/* The movement that a key stands for. False: none. */
bool popup_act(const struct browse *b, int key, enum act *act);

#endif
