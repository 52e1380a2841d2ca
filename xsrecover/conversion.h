/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `convert`, `wrap` and `unwrap` have in common: open the image (mended on the way where that
 * was asked for), convert it, check the result, show it, write it.
 */
#ifndef CONVERSION_H
#define CONVERSION_H

#include <xsi_convert.h>

#include "xsrecover.h"

/* Of every command that goes through convert_image(). */
#define CONVERT_OPTIONS                                                                           \
    (OPTION_BIT(TARGET) | OPTION_BIT(AS) | OPTION_BIT(OUT) | OPTION_BIT(SHOW) | OPTION_BIT(LOG) | \
     OPTION_BIT(SPOOL) | OPTION_BIT(DROP) | OPTION_BIT(FORCE) | OPTION_BIT(UNREADABLE) |          \
     OPTION_BIT(FIX) | OPTION_BIT(YES) | OPTION_BIT(SAFE) | OPTION_BIT(CONFIG))

/* An image on its way into a conversion. */
struct conversion {
    const struct cli_term *term;
    const struct settings *s;
    const char *file;
    struct xsi_source *src, *spooled; /* as it was opened; a pipe that was saved first */
    struct xsi_plan *plan;            /* --fix: what mends it; NULL none */
    struct xsi_mended *mended;
    struct xsi_convert *convert;
    char *config;
    size_t notes; /* of the conversion's, that were printed */
    bool verbatim;
    bool checked; /* result is of this conversion */
    struct xsi_converted result;
    bool objects; /* the output's reader does not restore all of it */
};

/* Opens the image; with --fix mends it for `reader` (NULL: the default of its container). 0, or a
 * status after a message. */
unsigned conversion_open(struct conversion *v, const struct cli_term *t, const struct settings *s,
                         const char *file);
/* Begins it; options' `as`, spool, drop, force, zero_unreadable and config are the settings'. */
unsigned conversion_begin(struct conversion *v, struct xsi_convert_options *options);
void conversion_close(struct conversion *v);
/* What it becomes, what is left out. */
void conversion_print(struct conversion *v);
/* Checks it, shows what came of it and writes it to -o. */
unsigned conversion_write(struct conversion *v);
/* All of it. */
unsigned conversion_run(const struct cli_term *t, const struct settings *s, const char *file,
                        struct xsi_convert_options *options);

#endif
