/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches of pages: entries decoded once for all readers, and where each stored batch's pages
 * lie, so that a page can be looked at later (the start info page is known only at the end).
 */
#include <stdlib.h>

#include "internal.h"

void xsi_shared_free(struct xsi_shared *s)
{
    for (size_t i = 0; i < XSI_BATCH_SLOTS; i++)
        free(s->slot[i].batch);
    memset(s->slot, 0, sizeof(s->slot));
}

static void decode(const struct xsi_model *model, const uint8_t *p, size_t count, unsigned kind,
                   struct xsi_batch *out)
{
    out->entries = out->parts = 0;
    out->max_pfn = 0;
    out->types = 0;
    if (model->batch)
        model->batch(p, count < XSI_BATCH_MAX ? count : XSI_BATCH_MAX, kind, out);
}

const struct xsi_batch *xsi_run_batch(struct xsi_run *r, uint64_t offset, const uint8_t *p,
                                      size_t count, unsigned kind)
{
    static const struct xsi_batch nothing;
    const struct xsi_model *model = r->call[r->depth - 1].model;
    struct xsi_shared *s = r->shared;
    struct xsi_batch_slot *slot = &s->slot[0];

    for (size_t i = 0; i < XSI_BATCH_SLOTS; i++) {
        struct xsi_batch_slot *k = &s->slot[i];

        if (k->batch && k->model == model && k->offset == offset && k->count == count &&
            k->kind == kind) {
            k->used = ++s->stamp;
            return k->batch;
        }
        if (k->used < slot->used)
            slot = k;
    }
    if (!slot->batch)
        slot->batch = malloc(sizeof(*slot->batch));
    if (!slot->batch)
        return &nothing;
    decode(model, p, count, kind, slot->batch);
    slot->model = model;
    slot->offset = offset;
    slot->count = count;
    slot->kind = kind;
    slot->used = ++s->stamp;
    return slot->batch;
}

static bool stored_grow(struct xsi_run *r)
{
    size_t more = r->stored_capacity ? r->stored_capacity : 64;
    size_t bytes = more * sizeof(r->stored[0]);
    struct xsi_stored *larger;

    if (r->stored_count < r->stored_capacity)
        return true;
    if (r->shared->budget < bytes)
        return false;
    larger = realloc(r->stored, (r->stored_capacity + more) * sizeof(*larger));
    if (!larger)
        return false;
    r->shared->budget -= bytes;
    r->stored = larger;
    r->stored_capacity += more;
    return true;
}

void xsi_run_stored(struct xsi_run *r, uint64_t entries, size_t count, unsigned kind,
                    uint64_t pages, uint32_t carry)
{
    size_t have, width = (kind & 15) == 4 ? 4 : 8;
    const uint8_t *p;
    const struct xsi_batch *b;
    struct xsi_stored *s;

    /* a page is only ever asked for in PV guests */
    if (r->stored_lost || r->info.guest == XSI_GUEST_HVM || r->info.guest == XSI_GUEST_PVH)
        return;
    p = xsi_view_peek(r->shared->view, entries, count * width, &have);
    if (have < count * width || !stored_grow(r)) {
        r->stored_lost = true;
        return;
    }
    b = xsi_run_batch(r, entries, p, count, kind);
    s = &r->stored[r->stored_count++];
    *s = (struct xsi_stored){ .model = r->call[r->depth - 1].model,
                              .entries = entries,
                              .pages = pages,
                              .min_pfn = UINT64_MAX,
                              .max_pfn = b->max_pfn,
                              .count = (uint32_t)count,
                              .carry = carry,
                              .kind = kind };
    for (size_t i = 0; i < b->parts; i++)
        if (b->part[i].pfn < s->min_pfn)
            s->min_pfn = b->part[i].pfn;
}

/* Offset of a frame's page within one stored batch; 0: it is not in it. The last entry counts. */
static uint64_t page_in(const struct xsi_stored *s, const struct xsi_batch *b, uint64_t pfn)
{
    uint64_t index = 0, found = 0;

    for (size_t i = 0; i < b->parts; i++) {
        const struct xsi_batch_part *part = &b->part[i];

        if (!(s->carry >> part->type & 1))
            continue;
        if (pfn >= part->pfn && pfn - part->pfn < part->count)
            found = s->pages + (index + (pfn - part->pfn)) * XSI_PAGE_SIZE;
        index += part->count;
    }
    return found;
}

uint64_t xsi_run_page(struct xsi_run *r, uint64_t pfn)
{
    if (r->stored_lost || !xsi_run_can_look(r))
        return 0;
    for (size_t i = r->stored_count; i-- > 0;) {
        const struct xsi_stored *s = &r->stored[i];
        size_t have, width = (s->kind & 15) == 4 ? 4 : 8;
        const uint8_t *p;
        struct xsi_batch *b;
        uint64_t found = 0;

        if (pfn < s->min_pfn || pfn > s->max_pfn)
            continue;
        p = xsi_view_peek(r->shared->view, s->entries, s->count * width, &have);
        b = malloc(sizeof(*b));
        if (b && have == s->count * width) {
            decode(s->model, p, s->count, s->kind, b);
            found = page_in(s, b, pfn);
        }
        free(b);
        if (found)
            return found;
    }
    return 0;
}
