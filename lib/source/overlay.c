/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Splices over a source that can seek: how a plan is checked before a byte is written. The image
 * is the base, cut at each splice: base, inserted bytes, base, … Rows are found by bisection, so
 * thousands of edits cost nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct overlay_row {
    uint64_t at; /* where the inserted bytes begin in the overlay */
    struct xsi_splice splice;
};

struct overlay_source {
    struct xsi_source src;
    uint64_t size;
    size_t count;
    struct overlay_row rows[];
};

/* One place of the overlay: inserted bytes, or a stretch of the base. */
struct place {
    const uint8_t *inserted; /* NULL = the base at `base` */
    uint64_t base;
    uint64_t left; /* bytes from here to the next seam or the end */
};

static struct place locate(const struct overlay_source *o, uint64_t offset)
{
    size_t low = 0, high = o->count;
    struct place p = { .base = offset, .left = 0 };
    uint64_t end;

    while (low < high) { /* low = number of rows that begin at or before offset */
        size_t middle = low + (high - low) / 2;

        if (o->rows[middle].at <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    end = low < o->count ? o->rows[low].at : o->size;
    if (low) {
        const struct overlay_row *row = &o->rows[low - 1];
        uint64_t within = offset - row->at;

        if (within < row->splice.inserted_length) {
            p.inserted = (const uint8_t *)row->splice.inserted + within;
            p.left = row->splice.inserted_length - within;
            return p;
        }
        p.base = row->splice.offset + row->splice.removed + within - row->splice.inserted_length;
    }
    p.left = end - offset;
    return p;
}

static ssize_t overlay_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    const struct overlay_source *o = (const struct overlay_source *)src;
    size_t done = 0;

    while (done < len && offset + done < o->size) {
        struct place p = locate(o, offset + done);
        size_t n = len - done < p.left ? len - done : (size_t)p.left;
        ssize_t got = (ssize_t)n;

        if (p.inserted)
            memcpy((uint8_t *)buf + done, p.inserted, n);
        else
            got = xsi_source_read(src->below, (uint8_t *)buf + done, n, p.base);
        if (got < 0 && !done) {
            src->error = src->below->error;
            return got;
        }
        if (got > 0)
            done += (size_t)got;
        if (got < (ssize_t)n)
            break; /* an unreadable place or a base that shrank: the next read tells */
    }
    return (ssize_t)done;
}

static bool overlay_size(const struct xsi_source *src, uint64_t *size)
{
    *size = ((const struct overlay_source *)src)->size;
    return true;
}

static uint64_t overlay_next_data(struct xsi_source *src, uint64_t offset)
{
    const struct overlay_source *o = (const struct overlay_source *)src;

    while (offset < o->size) {
        struct place p = locate(o, offset);
        uint64_t data;

        if (p.inserted)
            return offset;
        data = xsi_source_next_data(src->below, p.base);
        if (data - p.base < p.left)
            return offset + (data - p.base);
        offset += p.left;
    }
    return offset;
}

static bool overlay_origin(const struct xsi_source *src, uint64_t offset, uint64_t *below,
                           uint64_t *left)
{
    struct place p = locate((const struct overlay_source *)src, offset);

    *below = p.base;
    *left = p.left;
    return !p.inserted;
}

static void overlay_free(struct xsi_source *src)
{
    free(src);
}

static const struct xsi_source_ops overlay_ops = {
    .read = overlay_read,
    .size = overlay_size,
    .next_data = overlay_next_data,
    .origin = overlay_origin,
    .free = overlay_free,
};

static int bad_row(struct xsi_error *err, size_t i, const char *what)
{
    return xsi_source_fault(
        err, EINVAL, "edit %zu of the plan %s; make the plan anew from this image", i + 1, what);
}

/* Check the rows against the base and work out where each one lies in the overlay. */
static int place_rows(struct overlay_source *o, uint64_t base_size,
                      const struct xsi_splice *splices, struct xsi_error *err)
{
    uint64_t reached = 0, size = 0;
    size_t i;

    for (i = 0; i < o->count; i++) {
        const struct xsi_splice *s = &splices[i];

        if (i && s->offset < reached)
            return bad_row(err, i, "begins before the one in front of it ends");
        if (s->offset > base_size || s->removed > base_size - s->offset)
            return bad_row(err, i, "lies behind the end of the image");
        if (s->inserted_length && !s->inserted)
            return bad_row(err, i, "has no bytes to insert");
        size += s->offset - reached;
        o->rows[i].at = size;
        o->rows[i].splice = *s;
        if (size > INT64_MAX || s->inserted_length > INT64_MAX - size)
            return bad_row(err, i, "makes the image too large");
        size += s->inserted_length;
        reached = s->offset + s->removed;
    }
    if (base_size - reached > INT64_MAX - size)
        return bad_row(err, i, "makes the image too large");
    o->size = size + (base_size - reached);
    return 0;
}

struct xsi_source *xsi_source_overlay(struct xsi_source *base, const struct xsi_splice *splices,
                                      size_t count, struct xsi_error *err)
{
    struct overlay_source *o;
    uint64_t base_size;

    if (!base->seekable || !xsi_source_size(base, &base_size)) {
        xsi_source_fault(err, ESPIPE,
                         "'%s' can only be read forward, so edits cannot be laid over it; save it, "
                         "decompressed, to a file and open that",
                         base->name);
        return NULL;
    }
    o = count > (SIZE_MAX - sizeof(*o)) / sizeof(o->rows[0])
            ? NULL
            : calloc(1, sizeof(*o) + count * sizeof(o->rows[0]));
    if (!o) {
        xsi_source_fault(err, ENOMEM, "out of memory for %zu edits", count);
        return NULL;
    }
    xsi_source_init(&o->src, &overlay_ops, XSI_SOURCE_OVERLAY, base->name);
    o->src.seekable = true;
    o->src.below = base;
    o->count = count;
    if (place_rows(o, base_size, splices, err)) {
        free(o);
        return NULL;
    }
    return &o->src;
}
