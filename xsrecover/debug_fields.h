/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a chunk by path, for the commands that read and set them. */
#ifndef DEBUG_FIELDS_H
#define DEBUG_FIELDS_H

#include "debug.h"

#define DEBUG_PATH_MAX 512

struct debug_fields {
    unsigned detail; /* as of xsi_chunk_fields() */
    void *context;
    /* A value and its path ("records.3.type"); groups and lists too. XSI_CLOSE has the path of
     * what it closes in front of it. */
    void (*value)(void *context, const char *path, const struct xsi_value *v);
};

/* Hand out the fields of a walk's current chunk. 0 or -errno. */
int debug_fields(struct xsi_walk *walk, const struct xsi_chunk *chunk,
                 const struct debug_fields *want);
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
