/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a chunk by path, for the commands that read and set them. */
#ifndef DEBUG_FIELDS_H
#define DEBUG_FIELDS_H

#include "cli/fields.h"
#include "debug.h"

#define DEBUG_PATH_MAX CLI_PATH_MAX

/* "entries[3].pfn" becomes "entries.3.pfn". */
void debug_path_normal(char *out, size_t size, const char *path);
/* True for the path itself and all below it; "" holds all. */
bool debug_path_in(const char *path, const char *group);
/*
 * What "HVM_CONTEXT.records[3]" names: a chunk (a place, or a number as chunk number) and a path
 * in it, "" for all of it. "", ".records" and "records" are of the chunk at the current position.
 * A walk that stands on the chunk; free it with xsi_walk_free(). NULL after a message.
 */
struct xsi_walk *debug_path_open(struct debug *d, const char *text, const struct xsi_chunk **chunk,
                                 char *path, size_t size);

#endif
