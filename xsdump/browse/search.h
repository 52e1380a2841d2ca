/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `/`: what was searched for, and what was found: for panels that show it. */
#ifndef SEARCH_H
#define SEARCH_H

#include "browse.h"

/* The bytes that the last search for bytes has found. False: none, or none in this image. */
bool search_hit(const struct browse *b, uint64_t *offset, uint64_t *length);
/* Go to the next chunk of exactly this type, or the next finding with this code or slug, and so
 * many bytes (two's complement) on. */
void search_name(struct browse *b, const char *name, uint64_t more);

#endif
