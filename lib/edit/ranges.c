/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole ranges of a source: read, and hashed. */
#include <errno.h>
#include <stdlib.h>

#include "../source/internal.h"
#include "hash.h"
#include "write.h"

int xsi_read_all(struct xsi_source *src, void *buf, size_t n, uint64_t at, struct xsi_error *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = xsi_source_read(src, (uint8_t *)buf + done, n - done, at + done);

        if (got < 0) {
            if (err)
                *err = *xsi_source_error(src);
            return (int)got;
        }
        if (!got)
            return xsi_source_fault(err, EIO, "'%s' ends at %#llx, earlier than it did; try again",
                                    src->name, (unsigned long long)(at + done));
        done += (size_t)got;
    }
    return 0;
}

static int no_memory(struct xsi_error *err)
{
    return xsi_source_fault(err, ENOMEM, "out of memory while hashing the image");
}

int xsi_hash_range(struct xsi_hash *hash, struct xsi_source *src, uint64_t at, uint64_t length,
                   struct xsi_error *err)
{
    size_t room = length < XSI_BLOCK ? (size_t)length : XSI_BLOCK;
    uint8_t *buf = malloc(room ? room : 1);
    int rc = buf ? 0 : no_memory(err);

    while (!rc && length) {
        size_t want = length < room ? (size_t)length : room;

        rc = xsi_read_all(src, buf, want, at, err);
        if (!rc)
            xsi_hash_add(hash, buf, want);
        at += want;
        length -= want;
    }
    free(buf);
    return rc;
}

int xsi_range_hash(struct xsi_source *src, uint64_t at, uint64_t length, uint64_t *value,
                   struct xsi_error *err)
{
    struct xsi_hash *hash = xsi_hash_new();
    int rc = hash ? xsi_hash_range(hash, src, at, length, err) : no_memory(err);

    if (!rc)
        *value = xsi_hash_value(hash);
    xsi_hash_free(hash);
    return rc;
}
