/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that are no Xen save image, recognised so that the user hears what to do with them. */
#ifndef PLUGINS_FOREIGN_H
#define PLUGINS_FOREIGN_H

#include "../../lib/xsi_plugin.h"

#define FOREIGN_NEAR (8U << 10)   /* bytes that are looked at first */
#define FOREIGN_LOOK (128U << 10) /* ... and when those say nothing */

enum foreign_finding {
#define FINDING(id, ...) FOREIGN_##id,
#include "findings.def"
#undef FINDING
    FOREIGN_FINDINGS
};

struct foreign_guess {
    int score; /* 0 = nothing known */
    enum foreign_finding finding;
    const char *name; /* "a VHD disk" */
    size_t banner;    /* length of a migration banner in front of a stream; else 0 */
};

extern const struct xsi_recipe foreign_recipes[];

/* n bytes at the start of the file. */
void foreign_recognise(const uint8_t *p, size_t n, struct foreign_guess *out);

#endif
