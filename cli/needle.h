/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes to look for, as people write them. */
#ifndef CLI_NEEDLE_H
#define CLI_NEEDLE_H

#include "cli.h"

#define CLI_NEEDLE_MAX 256

struct cli_needle {
    uint8_t bytes[CLI_NEEDLE_MAX];
    size_t length;
    bool zeros; /* nothing but zeros: holes of a file match too */
};

/*
 * "text" or 'text' with \n, \0, \x1b in it; f7ffffff or f7 ff ff ff; 0xfffffff7, the number as it
 * stands in an image, in four bytes or (with more digits) eight, little-endian. False: it is none
 * of these; *why (NULL: the text is something else) says what is wrong with it.
 */
bool cli_needle_parse(const char *text, struct cli_needle *needle, const char **why);
/* "bytes f7 ff ff ff"; of more than 16 the first. Returns out. */
char *cli_needle_text(const struct cli_needle *needle, char *out, size_t size);

#endif
