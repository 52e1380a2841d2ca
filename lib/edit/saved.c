/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The old image while it is overwritten: what the extents held stands in the undo file alone. The
 * plan's splices over this source give the new bytes, whatever the image holds by now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "write.h"

struct saved_source {
    struct xsi_source src; /* src.below: the image, for what lies between the extents */
    const struct xsi_journal *j;
};

/* First extent that ends behind offset. */
static size_t find(const struct xsi_journal *j, uint64_t offset)
{
    size_t low = 0, high = (size_t)j->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (j->extent[middle].at + j->extent[middle].old_length > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static ssize_t read_saved(struct saved_source *s, void *buf, size_t n, uint64_t at)
{
    ssize_t got;

    do
        got = pread(s->j->fd, buf, n, (off_t)at);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    return xsi_source_fault(&s->src.error, got ? errno : EIO,
                            "cannot read the undo file '%s' at byte %#llx: %s", s->src.name,
                            (unsigned long long)at, got ? strerror(errno) : "it ends there");
}

static ssize_t saved_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    struct saved_source *s = (struct saved_source *)src;
    const struct xsi_journal *j = s->j;
    size_t done = 0;

    while (done < len && offset + done < j->old_size) {
        uint64_t at = offset + done, end = j->old_size;
        size_t i = find(j, at), n = len - done;
        const struct xsi_extent *e = i < j->count ? &j->extent[i] : NULL;
        bool inside = e && at >= e->at;
        ssize_t got;

        if (e)
            end = inside ? e->at + e->old_length : e->at;
        if (n > end - at)
            n = (size_t)(end - at);
        if (inside)
            got = read_saved(s, (uint8_t *)buf + done, n, e->saved + (at - e->at));
        else
            got = src->below ? xsi_source_read(src->below, (uint8_t *)buf + done, n, at) : -EINVAL;
        if (got < 0 && !done) {
            if (!inside && src->below)
                src->error = src->below->error;
            return got;
        }
        if (got <= 0)
            break; /* the next read tells */
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static bool saved_size(const struct xsi_source *src, uint64_t *size)
{
    *size = ((const struct saved_source *)src)->j->old_size;
    return true;
}

static void saved_free(struct xsi_source *src)
{
    free(src);
}

static const struct xsi_source_ops saved_ops = {
    .read = saved_read,
    .size = saved_size,
    .free = saved_free,
};

struct xsi_source *xsi_saved_source(const struct xsi_journal *j, struct xsi_source *image,
                                    struct xsi_error *err)
{
    struct saved_source *s = calloc(1, sizeof(*s));

    if (!s) {
        xsi_source_fault(err, ENOMEM, "out of memory for the undo file");
        return NULL;
    }
    xsi_source_init(&s->src, &saved_ops, XSI_SOURCE_FILE, j->file);
    s->src.seekable = true;
    s->src.below = image;
    s->j = j;
    return &s->src;
}

int xsi_saved_differs(const struct xsi_journal *j, struct xsi_source *src, uint64_t *at,
                      struct xsi_error *err)
{
    for (size_t i = 0; i < j->count; i++) {
        const struct xsi_extent *e = &j->extent[i];
        uint64_t hash;
        int rc = xsi_range_hash(src, e->at, e->old_length, &hash, err);

        if (rc)
            return rc;
        if (hash != e->old_hash) {
            *at = e->at;
            return 1;
        }
    }
    return 0;
}
