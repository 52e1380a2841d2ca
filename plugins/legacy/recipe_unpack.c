/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the later checkpoints of a Remus stream changed, as plain batches: their compressed pages
 * are changes of the page that the receiver has. Encoding: tools/libxc/xc_compression.c@4.2 to 4.5.
 */
#include <stdlib.h>

#include "recipe.h"

enum { PAGES_MAX = 12288, SLOTS = 32768, PAYLOAD_MAX = 64 << 20 };

/* A frame that a later checkpoint names. */
struct changed {
    uint32_t pfn;
    uint8_t type, base_type;
    bool has_page;
    uint64_t base; /* offset of its last page in the first checkpoint, 0 none */
    uint8_t *bytes;
};

struct changes {
    const struct legacy_view *v;
    struct changed *row;
    size_t count;
    uint32_t *slot; /* index + 1 by hashed frame */
    uint8_t *bytes;
    const uint8_t *packed; /* compressed data of the checkpoint */
    size_t packed_length, packed_at;
    const char *problem;
};

/* The row of a frame; a new one when `add`. NULL: none, or too many. */
static struct changed *find(struct changes *c, uint64_t pfn, bool add)
{
    size_t i = (uint32_t)(pfn * 2654435761U) % SLOTS;

    for (; c->slot[i]; i = (i + 1) % SLOTS)
        if (c->row[c->slot[i] - 1].pfn == pfn)
            return &c->row[c->slot[i] - 1];
    if (!add || c->count == PAGES_MAX)
        return NULL;
    c->row[c->count].pfn = (uint32_t)pfn;
    c->slot[i] = (uint32_t)++c->count;
    return &c->row[c->count - 1];
}

/* Frames that the bodies in [from, to) name. */
static bool register_frames(struct changes *c, uint64_t from, uint64_t to)
{
    struct legacy_batch b;

    while (legacy_batch_next(c->v, &from, &b) && b.at < to)
        for (unsigned i = 0; i < b.count; i++)
            if (legacy_entry_type(b.entry[i]) != LEGACY_XTAB &&
                !find(c, legacy_entry_pfn(b.entry[i]), true))
                return false;
    return true;
}

/* Where their pages lie in front of `to`: in the first checkpoint. */
static void find_bases(struct changes *c, uint64_t to)
{
    struct legacy_batch b;
    uint64_t at = 0;

    while (legacy_batch_next(c->v, &at, &b) && b.at < to) {
        uint64_t page = b.at + 4 + (uint64_t)b.count * c->v->ul;

        for (unsigned i = 0; i < b.count; i++) {
            bool carries = legacy_entry_carries(b.entry[i]);
            struct changed *row = legacy_entry_type(b.entry[i]) == LEGACY_XTAB
                                      ? NULL
                                      : find(c, legacy_entry_pfn(b.entry[i]), false);

            if (row) {
                row->base_type = row->type = (uint8_t)legacy_entry_type(b.entry[i]);
                row->base = carries ? page : row->base;
            }
            page += carries ? XSI_PAGE_SIZE : 0;
        }
    }
}

/* The compressed data of the body between two rows, in one piece. */
static bool load_packed(struct changes *c, size_t from, size_t to)
{
    unsigned head = 4 + c->v->ul;
    size_t length = 0;
    uint8_t *p;

    for (size_t i = from; i < to; i++)
        if (legacy_mine(&c->v->row[i]) && c->v->row[i].has_id &&
            c->v->row[i].id == LEGACY_ID_PACKED && c->v->row[i].length >= head)
            length += (size_t)(c->v->row[i].length - head);
    if (length > PAYLOAD_MAX)
        return false;
    c->packed = p = xsi_mend_scratch(c->v->m, length);
    c->packed_length = length;
    c->packed_at = 0;
    for (size_t i = from; p && i < to; i++) {
        const struct xsi_map_row *row = &c->v->row[i];
        size_t n = (size_t)(row->length - head);

        if (!legacy_mine(row) || !row->has_id || row->id != LEGACY_ID_PACKED || row->length < head)
            continue;
        if (!xsi_mend_read(c->v->m, row->offset + head, p, n))
            return false;
        p += n;
    }
    return c->packed;
}

/* Runs: seven bits of a length in words; bit 7: the receiver's words stay. */
static bool apply_runs(struct changes *c, uint8_t *page)
{
    size_t at = 0;

    while (at < XSI_PAGE_SIZE) {
        uint8_t mark;
        size_t n;

        if (c->packed_at >= c->packed_length)
            return false;
        mark = c->packed[c->packed_at++];
        n = (mark & 0x7fU) * 4;
        if (!n || at + n > XSI_PAGE_SIZE)
            return false;
        if (!(mark & 0x80)) {
            if (n > c->packed_length - c->packed_at)
                return false;
            memcpy(page + at, c->packed + c->packed_at, n);
            c->packed_at += n;
        }
        at += n;
    }
    return true;
}

/* The next compressed page, over what the frame holds. */
static bool unpack(struct changes *c, struct changed *row)
{
    uint8_t mark;

    if (c->packed_at >= c->packed_length)
        return false;
    mark = c->packed[c->packed_at];
    if (mark == 0x80) {
        if (c->packed_length - c->packed_at <= XSI_PAGE_SIZE)
            return false;
        memcpy(row->bytes, c->packed + c->packed_at + 1, XSI_PAGE_SIZE);
        c->packed_at += 1 + XSI_PAGE_SIZE;
        return true;
    }
    /* a page table is not in memory as it is in the stream */
    if ((row->base_type & 7) >= 1 && (row->base_type & 7) <= 4)
        return false;
    if (mark)
        return apply_runs(c, row->bytes);
    c->packed_at++;
    return true;
}

/* One later body: its batches, whose pages are here or compressed. */
static bool apply_body(struct changes *c, uint64_t from, uint64_t to)
{
    struct legacy_batch b;

    while (legacy_batch_next(c->v, &from, &b) && b.at < to) {
        uint64_t page = b.at + 4 + (uint64_t)b.count * c->v->ul;

        for (unsigned i = 0; i < b.count; i++) {
            unsigned type = legacy_entry_type(b.entry[i]);
            struct changed *row =
                type == LEGACY_XTAB ? NULL : find(c, legacy_entry_pfn(b.entry[i]), false);

            if (!row)
                continue;
            row->type = (uint8_t)type;
            if (type >= LEGACY_BROKEN)
                continue;
            if (b.pages ? !xsi_mend_read(c->v->m, page, row->bytes, XSI_PAGE_SIZE)
                        : !unpack(c, row))
                return false;
            page += XSI_PAGE_SIZE;
            row->base_type = (uint8_t)type;
            row->has_page = true;
        }
    }
    return true;
}

static int by_frame(const void *a, const void *b)
{
    const struct changed *x = a, *y = b;

    return x->pfn < y->pfn ? -1 : x->pfn > y->pfn;
}

/* The frames as batches. */
static uint8_t *as_batches(struct changes *c, size_t *length)
{
    size_t heads = c->count / LEGACY_BATCH_MAX + 1;
    uint8_t *out = xsi_mend_scratch(c->v->m, 4 * heads + c->count * (8 + XSI_PAGE_SIZE)), *p = out;

    qsort(c->row, c->count, sizeof(*c->row), by_frame);
    for (size_t from = 0, n; out && from < c->count; from += n) {
        uint32_t count;

        n = c->count - from < LEGACY_BATCH_MAX ? c->count - from : LEGACY_BATCH_MAX;
        count = htole32((uint32_t)n);
        memcpy(p, &count, 4);
        p += 4;
        for (size_t i = from; i < from + n; i++)
            p += legacy_put_ul(c->v, p, (uint64_t)c->row[i].type << 28 | c->row[i].pfn);
        for (size_t i = from; i < from + n; i++)
            if (c->row[i].type < LEGACY_BROKEN) {
                memcpy(p, c->row[i].bytes, XSI_PAGE_SIZE);
                p += XSI_PAGE_SIZE;
            }
    }
    *length = out ? (size_t)(p - out) : 0;
    return out;
}

static bool prepare(struct changes *c, uint64_t first_end, uint64_t last_end)
{
    struct xsi_mend *m = c->v->m;

    c->row = xsi_mend_scratch(m, PAGES_MAX * sizeof(*c->row));
    c->slot = xsi_mend_scratch(m, SLOTS * sizeof(*c->slot));
    if (!c->row || !c->slot || !register_frames(c, first_end, last_end))
        return false;
    find_bases(c, first_end);
    c->bytes = xsi_mend_scratch(m, c->count * XSI_PAGE_SIZE);
    for (size_t i = 0; c->bytes && i < c->count; i++) {
        c->row[i].bytes = c->bytes + i * XSI_PAGE_SIZE;
        if (c->row[i].base && !xsi_mend_read(m, c->row[i].base, c->row[i].bytes, XSI_PAGE_SIZE))
            return false;
    }
    return c->bytes;
}

const uint8_t *legacy_unpack_later(const struct legacy_view *v, unsigned n, size_t *length)
{
    struct changes c = { .v = v };
    size_t end = legacy_end_row(v, 0), last = legacy_end_row(v, n - 1);

    *length = 0;
    if (end >= last || last >= v->behind || !prepare(&c, v->row[end].offset, v->row[last].offset))
        return NULL;
    for (unsigned k = 1; k < n; k++) {
        size_t body = legacy_tail_behind(v, end), next = legacy_end_row(v, k);

        if (body >= next || next >= v->behind || !load_packed(&c, body, next) ||
            !apply_body(&c, v->row[body].offset, v->row[next].offset))
            return NULL;
        end = next;
    }
    return as_batches(&c, length);
}
