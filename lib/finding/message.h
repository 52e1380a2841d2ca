/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files that recognise log lines: a printf format, taken apart. */
#ifndef XSI_FINDING_MESSAGE_H
#define XSI_FINDING_MESSAGE_H

#include "../xsi_plugin.h"

#define XSI_MESSAGE_LINE (16U << 10) /* of a line no more is looked at */
#define XSI_PIECES_MAX   40

/* One piece of a format: characters, or a conversion. */
struct xsi_piece {
    char kind;       /* 0: characters; else 'd', 'u', 'x', 's' */
    bool prefixed;   /* "%#x": 0x in front unless the number is 0 */
    const char *at;  /* characters: in the format */
    uint16_t length; /* of them */
};

struct xsi_pieces {
    size_t count;
    struct xsi_piece piece[XSI_PIECES_MAX];
};

/* Take a format apart; a newline at its end is left out. */
void xsi_message_split(const char *format, struct xsi_pieces *out);
/* How a text is looked for in a line. */
struct xsi_fit {
    const char *line;
    size_t n;
    size_t piece, offset; /* it begins within this piece of the format; 0, 0 = whole */
    bool cut;             /* the line may end before the format does */
    unsigned work;        /* what may still be spent: counts down */
    unsigned matched;     /* characters of the format that were found, blanks apart */
    bool ended;           /* the line did end before the format */
};

/*
 * Does the text with these pieces stand at `at` of the line (where its first characters begin; a
 * conversion in front of them is found backwards)? Fills in at, length and args of hit.
 */
bool xsi_message_fits(struct xsi_fit *f, const struct xsi_pieces *p, size_t at,
                      struct xsi_message_hit *hit);
/* Put a hit into its place, the best first; returns the new count. */
size_t xsi_message_insert(struct xsi_message_hit *hits, size_t count, size_t max,
                          const struct xsi_message_hit *hit);
/* How many of the hits explain as much of the line as the best. */
size_t xsi_message_best(const struct xsi_message_hit *hits, size_t count);

#endif
