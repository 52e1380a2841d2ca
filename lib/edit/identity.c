/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an image must hold for a plan to be about it: size, its ends, and what the edits replace. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../source/internal.h"
#include "hash.h"
#include "internal.h"
#include "write.h"

enum { ENDS = 64 << 10, AROUND = 64 };

static int hash_around(struct xsi_source *src, uint64_t size, const struct xsi_edit_hash *e,
                       uint64_t *out, struct xsi_error *err)
{
    uint64_t before = e->offset < AROUND ? 0 : e->offset - AROUND, end = e->offset + e->removed;
    uint64_t behind = size - end < AROUND ? size : end + AROUND;
    struct xsi_hash *h = xsi_hash_new();
    int rc = h ? xsi_hash_range(h, src, before, e->offset - before, err)
               : xsi_source_fault(err, ENOMEM, "out of memory");

    if (!rc)
        rc = xsi_hash_range(h, src, end, behind - end, err);
    if (!rc)
        *out = xsi_hash_value(h);
    xsi_hash_free(h);
    return rc;
}

static int hash_edit(struct xsi_source *src, uint64_t size, struct xsi_edit_hash *e,
                     struct xsi_error *err)
{
    int rc = xsi_range_hash(src, e->offset, e->removed, &e->old, err);

    return rc ? rc : hash_around(src, size, e, &e->around, err);
}

static int hash_ends(struct xsi_identity *id, struct xsi_source *src, struct xsi_error *err)
{
    uint64_t n = id->size < ENDS ? id->size : ENDS;
    int rc = xsi_range_hash(src, 0, n, &id->head, err);

    return rc ? rc : xsi_range_hash(src, id->size - n, n, &id->tail, err);
}

int xsi_identity_take(struct xsi_identity *id, struct xsi_plan *plan, struct xsi_error *err)
{
    struct xsi_source *base = xsi_plan_base(plan);
    const struct xsi_edit *e;
    int rc;

    *err = (struct xsi_error){ 0, "" };
    *id = (struct xsi_identity){ 0 };
    while (xsi_plan_edit(plan, id->count))
        id->count++;
    id->edit = calloc(id->count + 1, sizeof(*id->edit));
    if (!id->edit)
        return xsi_source_fault(err, ENOMEM, "out of memory");
    if (!xsi_source_size(base, &id->size))
        return xsi_source_fault(err, ESPIPE, "the image has no size");
    rc = hash_ends(id, base, err);
    for (size_t i = 0; !rc && i < id->count && (e = xsi_plan_edit(plan, i)); i++) {
        id->edit[i].offset = e->offset;
        id->edit[i].removed = e->removed;
        rc = hash_edit(base, id->size, &id->edit[i], err);
    }
    return rc;
}

int xsi_identity_check(const struct xsi_identity *id, struct xsi_source *src, struct xsi_error *err)
{
    struct xsi_identity is = { 0 };
    int rc;

    *err = (struct xsi_error){ 0, "" };
    if (!xsi_source_size(src, &is.size) || is.size != id->size)
        return xsi_source_fault(err, ESTALE,
                                "this is not the image that the plan was made for: it has %" PRIu64
                                " bytes, not %" PRIu64,
                                is.size, id->size);
    for (size_t i = 0; i < id->count; i++) {
        struct xsi_edit_hash e = id->edit[i];

        if (e.offset > is.size || e.removed > is.size - e.offset)
            return xsi_source_fault(err, EINVAL,
                                    "the plan's edit %zu lies behind the end of the image", i + 1);
        rc = hash_edit(src, is.size, &e, err);
        if (rc)
            return rc;
        if (e.old != id->edit[i].old || e.around != id->edit[i].around)
            return xsi_source_fault(err, ESTALE,
                                    "the image holds other bytes at 0x%" PRIx64
                                    " than when the plan was made; make the plan anew",
                                    e.offset);
    }
    rc = hash_ends(&is, src, err);
    if (rc)
        return rc;
    if (is.head != id->head || is.tail != id->tail)
        return xsi_source_fault(err, ESTALE,
                                "the image has changed at its %s since the plan was made",
                                is.head != id->head ? "beginning" : "end");
    return 0;
}

void xsi_identity_free(struct xsi_identity *id)
{
    free(id->edit);
    *id = (struct xsi_identity){ 0 };
}
