/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes in hex and characters, with a cursor and marked bytes; who owns it says where they are. */
#ifndef WIDGET_HEX_H
#define WIDGET_HEX_H

#include "browse.h"

#define HEX_MARKS 3

struct hex_mark {
    uint64_t from, to; /* equal: none */
    enum role role;
};

struct hex {
    uint64_t begin, end;             /* offsets of the bytes that there are */
    uint64_t at;                     /* the cursor */
    uint64_t top;                    /* the first byte on the screen */
    uint64_t from, to;               /* bytes that are marked (a field); equal: none */
    uint64_t shown_base;             /* is subtracted from the offsets that are shown */
    struct hex_mark mark[HEX_MARKS]; /* further ones, below that one */
    uint64_t edge[2];                /* a bar stands in front of these bytes; 0 none */
    void *context;
    /* Bytes at an offset; less at the end or in front of what cannot be read (*bad). */
    size_t (*read)(void *context, uint64_t offset, void *buf, size_t n, bool *bad);
};

/* Bytes of a line for so many columns: 4, 8, 16 or 32. */
unsigned hex_width(int columns, uint64_t end);
/* Move the cursor by an act. True: it was a movement. */
bool hex_act(struct hex *h, enum act act, int rows, int columns);
/* The cursor is on the screen again. */
void hex_fit(struct hex *h, int rows, int columns);
/* The offset at a cell; false: none. */
bool hex_at(const struct hex *h, int y, int x, int columns, uint64_t *offset);
void hex_draw(struct hex *h, struct canvas *c);

#endif
