/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a chunk by path: "records.3.type". */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "cli.h"

#define CLI_PATH_MAX 512

struct cli_fields {
    unsigned detail; /* as of xsi_chunk_fields() */
    void *context;
    /* A value and its path ("records.3.type"); groups and lists too. XSI_CLOSE has the path of
     * what it closes in front of it. */
    void (*value)(void *context, const char *path, const struct xsi_value *v);
};

/* Hand out the fields of a walk's current chunk. 0 or -errno. */
int cli_fields(struct xsi_walk *walk, const struct xsi_chunk *chunk, const struct cli_fields *want);

#endif
