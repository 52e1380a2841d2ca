/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a plan does to the bytes of an image: from the first edit on everything moves until edits
 * that grow and edits that shrink cancel out. Only those stretches are written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "write.h"

enum { HEAD = 64U << 10, AROUND = 4096 };

/* ---- extents ---- */

static int collect(struct xsi_change *c, struct xsi_plan *plan)
{
    const struct xsi_edit *e;
    size_t n = 0;

    while (xsi_plan_edit(plan, n))
        n++;
    c->splice = calloc(n + 1, sizeof(*c->splice));
    c->extent = calloc(n + 1, sizeof(*c->extent));
    if (!c->splice || !c->extent)
        return -ENOMEM;
    for (size_t i = 0; i < n && (e = xsi_plan_edit(plan, i)); i++)
        if (e->removed || e->inserted_length)
            c->splice[c->splice_count++] = (struct xsi_splice){
                .offset = e->offset,
                .removed = e->removed,
                .inserted = e->inserted,
                .inserted_length = (size_t)e->inserted_length,
            };
    return 0;
}

/* Unsigned sums wrap, and are right again when they are small: offsets lie below 2^63. */
static void stretch(struct xsi_change *c)
{
    struct xsi_extent *e = NULL;
    uint64_t shift = 0;

    for (size_t i = 0; i < c->splice_count; i++) {
        const struct xsi_splice *s = &c->splice[i];
        bool standing = !shift; /* what lies in front of this edit is in its place */

        shift += s->inserted_length - s->removed;
        if (standing && (!e || s->offset > e->at + e->old_length)) {
            e = &c->extent[c->count++];
            e->at = s->offset;
        }
        e->old_length = e->new_length = s->offset + s->removed - e->at;
    }
    c->new_size = c->old_size + shift;
    if (shift) {
        e->old_length = c->old_size - e->at;
        e->new_length = c->new_size - e->at;
    }
    for (size_t i = 0; i < c->count; i++) {
        c->old_bytes += c->extent[i].old_length;
        c->new_bytes += c->extent[i].new_length;
    }
}

int xsi_change_of(struct xsi_change *c, struct xsi_plan *plan, uint64_t size, struct xsi_error *err)
{
    int rc;

    *c = (struct xsi_change){ .old_size = size };
    rc = collect(c, plan);
    if (rc) {
        xsi_change_free(c);
        return xsi_source_fault(err, ENOMEM, "out of memory for the plan's edits");
    }
    for (size_t i = 0; i < c->splice_count; i++)
        if (c->splice[i].offset > size || c->splice[i].removed > size - c->splice[i].offset) {
            xsi_change_free(c);
            return xsi_source_fault(err, ESTALE,
                                    "the image has become shorter than the plan thinks; make the "
                                    "plan anew");
        }
    stretch(c);
    if (c->count > XSI_EXTENTS_MAX) {
        rc = xsi_source_fault(err, E2BIG,
                              "the plan changes %zu places, too many to be saved for undo; write a "
                              "new file with -o",
                              c->count);
        xsi_change_free(c);
    }
    return rc;
}

void xsi_change_free(struct xsi_change *c)
{
    free(c->splice);
    free(c->extent);
    *c = (struct xsi_change){ .count = 0 };
}

/* ---- what surrounds them ---- */

/* How much behind extent i is looked at: no more than stays, and nothing of the next one. */
static uint64_t behind(const struct xsi_extent *extent, size_t count, size_t i, uint64_t size)
{
    uint64_t end = extent[i].at + extent[i].old_length, wanted = i + 1 < count ? AROUND : HEAD;
    uint64_t stop = i + 1 < count ? extent[i + 1].at : size;

    if (stop <= end)
        return 0;
    return stop - end < wanted ? stop - end : wanted;
}

int xsi_outside_hash(struct xsi_source *src, const struct xsi_extent *extent, size_t count,
                     uint64_t size, uint64_t *value, struct xsi_error *err)
{
    struct xsi_hash *hash = xsi_hash_new();
    uint64_t free_from = 0, head = count ? extent[0].at : 0;
    int rc;

    if (!hash)
        return xsi_source_fault(err, ENOMEM, "out of memory while hashing the image");
    rc = xsi_hash_range(hash, src, 0, head < HEAD ? head : HEAD, err);
    for (size_t i = 0; !rc && i < count; i++) {
        uint64_t from = extent[i].at < AROUND ? 0 : extent[i].at - AROUND;

        if (from < free_from)
            from = free_from;
        rc = xsi_hash_range(hash, src, from, extent[i].at - from, err);
        free_from = extent[i].at + extent[i].old_length;
        if (!rc)
            rc = xsi_hash_range(hash, src, free_from, behind(extent, count, i, size), err);
    }
    *value = xsi_hash_value(hash);
    xsi_hash_free(hash);
    return rc;
}
