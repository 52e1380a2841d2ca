/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between apply.c, which decides and writes, and apply_show.c, which prints. */
#ifndef APPLY_H
#define APPLY_H

#include "xsrecover.h"

/* The image, and the image as planned. */
struct sight {
    struct look before, after;
    bool better;
    char unfit[800]; /* why it cannot be written in place; "" it can */
};

/* The plan, what it does to the verdict, what it needs; without `wanted` also the commands that
 * apply it. */
void apply_show(const struct apply *a, struct sight *sight, bool wanted);

#endif
