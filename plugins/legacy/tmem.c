/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tmem chunks have no length. They are walked with both widths of the object id (8 bytes in
 * 4.0.0 and 4.0.1, 24 from 4.0.2 on; same id, same version number), and the one that comes out at a
 * believable next chunk wins. A pool may hold fewer pages than it announces with nothing to mark
 * the end; such a chunk cannot be delimited. Source: tools/libxc/xc_tmem.c@4.0.0, @4.0.2, @4.5.5.
 */
#include "legacy.h"

#define TMEM_STEPS_MAX (1U << 20) /* 2 GiB of 4 KiB pages */
#define TMEM_END       0xffffffffU

struct tmem_walk {
    struct xsi_walk *w;
    uint64_t at;
    unsigned oid; /* bytes of an object id */
    unsigned steps;
};

/* Copies n bytes and moves on; false at the end of the image. */
static bool take(struct tmem_walk *t, void *out, size_t n)
{
    size_t have;
    const uint8_t *p = xsi_peek(t->w, t->at, n, &have);

    if (have < n || ++t->steps > TMEM_STEPS_MAX)
        return false;
    memcpy(out, p, n);
    t->at += n;
    return true;
}

static bool all_ones(const uint8_t *p, unsigned n)
{
    while (n--)
        if (*p++ != 0xff)
            return false;
    return true;
}

static bool pool_pages(struct tmem_walk *t, uint32_t flags, uint32_t n_pages)
{
    unsigned shift = ((flags >> 4) & 15) + 12;
    uint8_t oid[24], index[4];

    for (uint32_t i = 0; i < n_pages; i++) {
        if (!take(t, oid, t->oid))
            return false;
        if (all_ones(oid, t->oid))
            return true;
        if (!take(t, index, sizeof(index)))
            return false;
        t->at += 1ULL << shift;
        if (!xsi_exists(t->w, t->at, 4))
            return false;
    }
    return true;
}

static bool walk_pools(struct tmem_walk *t)
{
    uint8_t head[32], pool[28];

    if (!take(t, head, sizeof(head)) || xsi_le32(head + 12) != TMEM_END)
        return false;
    for (;;) {
        if (!take(t, pool, 4))
            return false;
        if (xsi_le32(pool) == TMEM_END)
            return true;
        if (xsi_le32(pool) >= 16 || !take(t, pool + 4, sizeof(pool) - 4))
            return false;
        if (xsi_le32(pool + 8) && !pool_pages(t, xsi_le32(pool + 4), xsi_le32(pool + 8)))
            return false;
    }
}

static bool walk_extra(struct tmem_walk *t)
{
    uint8_t id[4], object[28];

    if (!take(t, id, sizeof(id)))
        return false;
    for (;;) {
        if (!take(t, id, sizeof(id)))
            return false;
        if (xsi_le32(id) == TMEM_END)
            return true;
        if (xsi_le32(id) >= 16 || !take(t, object, t->oid + 4))
            return false;
    }
}

/* Is there a count, an id or a zero at `at`? */
static bool followed(struct xsi_walk *w, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 4, &have);

    return have == 4 && (xsi_le32(p) <= LEGACY_BATCH_MAX || legacy_chunk_row((int32_t)xsi_le32(p)));
}

bool legacy_tmem_starts(const uint8_t *p, size_t have, bool extra)
{
    if (extra)
        return have < 8 || xsi_le32(p + 4) < 16 || xsi_le32(p + 4) == TMEM_END;
    return have < 16 || (xsi_le32(p + 4) && xsi_le32(p + 4) < 16 && xsi_le32(p + 12) == TMEM_END);
}

uint64_t legacy_tmem_length(struct xsi_walk *w, uint64_t at, bool extra)
{
    static const unsigned widths[] = { 24, 8 };

    for (unsigned i = 0; i < 2; i++) {
        struct tmem_walk t = { .w = w, .at = at, .oid = widths[i] };

        if ((extra ? walk_extra(&t) : walk_pools(&t)) && followed(w, t.at))
            return t.at - at;
    }
    return 0;
}
