/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PAGE_DATA entries. A stream of a big guest is little else, millions of them, and nearly all
 * belong to runs of ascending frames of one type. So everything here works on runs: finding one
 * costs a compare per entry that the compiler turns into vector code, the rest is per run.
 */
#include "v2.h"

#define BLOCK       64U
#define RUNS_KEPT   1024U
#define TWICE_TRIES 2048U /* searches for a frame that is there twice, per record */

bool v2_type_has_data(unsigned type)
{
    return type < 0xd;
}

static inline uint64_t entry_at(const uint8_t *p, bool big)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return big ? be64toh(v) : le64toh(v);
}

/* The trip count is a constant and nothing leaves the loop early: that is what makes it vector
 * code at -O2. */
static bool block_follows(const uint8_t *p, uint64_t first)
{
    uint64_t odd = 0;

    for (unsigned i = 0; i < BLOCK; i++)
        odd |= xsi_le64(p + 8 * i) ^ (first + i);
    return !odd;
}

size_t v2_run(const uint8_t *p, size_t n, bool big)
{
    uint64_t first = entry_at(p, big);
    size_t i = 1;

    /* keep the sum from running into the type bits */
    if (n > V2_PFN_MASK - (first & V2_PFN_MASK))
        n = V2_PFN_MASK - (first & V2_PFN_MASK) + 1;
    if (!big)
        for (i = 0; n - i >= BLOCK && block_follows(p + 8 * i, first + i); i += BLOCK)
            ;
    while (i < n && entry_at(p + 8 * i, big) == first + i)
        i++;
    return i;
}

/* Sequence checks need to remember runs; one record's worth of them at most. */
struct sequence {
    uint64_t first[RUNS_KEPT], last[RUNS_KEPT];
    unsigned count, tries;
    uint64_t prev_last; /* of the run before the last one */
};

static void find_twice(struct v2_batch *b, struct sequence *q, uint64_t first, uint64_t last)
{
    unsigned n = q->count < RUNS_KEPT ? q->count : RUNS_KEPT;

    if (++q->tries > TWICE_TRIES)
        return;
    for (unsigned i = 0; i < n && !b->twice; i++)
        if (first <= q->last[i] && last >= q->first[i]) {
            b->twice = true;
            b->twice_pfn = first > q->first[i] ? first : q->first[i];
        }
}

static void note_stray(struct v2_batch *b, uint64_t at, uint64_t pfn, uint64_t want)
{
    if (b->stray)
        return;
    b->stray = true;
    b->stray_at = at;
    b->stray_pfn = pfn;
    b->stray_want = want;
}

/*
 * The first pass of Xen's own writers lists every frame, so there the first and the last entry
 * of a batch are known as well. (Converted streams leave holes out.)
 */
static void note_edges(const struct v2_state *s, struct v2_batch *b, const struct sequence *q)
{
    unsigned k = q->count - 1;
    uint64_t next = s->next_pfn;

    if (s->pass || !s->major || s->lost || b->count < 4 || q->count < 2 || q->count > RUNS_KEPT)
        return;
    if (q->first[0] == q->last[0] && q->first[1] == next + 1 && q->first[0] != next)
        note_stray(b, 0, q->first[0], next);
    if (q->first[k] == q->last[k] && q->last[k - 1] == next + b->count - 2 &&
        q->first[k] != next + b->count - 1)
        note_stray(b, b->count - 1, q->first[k], next + b->count - 1);
}

/*
 * Writers walk the frames upwards, so entries of a record ascend. An entry between a and a+2 that
 * is not a+1 is one whose frame number was changed.
 */
static void note_sequence(struct v2_batch *b, struct sequence *q, uint64_t at, uint64_t first,
                          uint64_t last)
{
    unsigned k = q->count - 1;

    if (q->count && first <= q->prev_last) {
        if (!b->unsorted) {
            b->unsorted = true;
            b->unsorted_at = at;
        }
        find_twice(b, q, first, last);
    }
    if (q->count >= 2 && k < RUNS_KEPT && q->first[k] == q->last[k] &&
        first == q->last[k - 1] + 2 && q->first[k] != first - 1)
        note_stray(b, at - 1, q->first[k], first - 1);
    if (q->count < RUNS_KEPT) {
        q->first[q->count] = first;
        q->last[q->count] = last;
    }
    q->count++;
    q->prev_last = last;
}

static void note_first(uint64_t *at, uint64_t *number, uint64_t index, uint64_t count)
{
    if (!*number)
        *at = index;
    *number += count;
}

static void note_run(const struct v2_state *s, struct v2_batch *b, uint64_t at, uint64_t first,
                     uint64_t n)
{
    unsigned type = (unsigned)(first >> 60);
    uint64_t pfn = first & V2_PFN_MASK, last = pfn + n - 1;

    b->runs++;
    b->kinds[type] += n;
    if (first & V2_RESERVED_MASK)
        note_first(&b->reserved_at, &b->reserveds, at, n);
    if (type >= 5 && type <= 8)
        note_first(&b->bad_type_at, &b->bad_types, at, n);
    if (s->has_max && last > s->max_pfn)
        note_first(&b->range_at, &b->ranges, at + (pfn > s->max_pfn ? 0 : s->max_pfn + 1 - pfn),
                   last - (pfn > s->max_pfn ? pfn - 1 : s->max_pfn));
    if (last >> 32) /* 16 TiB: more than any x86 machine that Xen runs on gives one guest */
        note_first(&b->wild_at, &b->wilds, at, n);
    if (pfn < b->lowest)
        b->lowest = pfn;
    if (last > b->highest)
        b->highest = last;
    if (!v2_type_has_data(type))
        return;
    b->pages += n;
    if (pfn < b->first_page)
        b->first_page = pfn;
    if (last > b->last_page)
        b->last_page = last;
}

/* The count that length and entries ask for; 0 when there is none. Both sides grow with it. */
uint32_t v2_batch_count(struct xsi_walk *w, const struct v2_state *s, uint64_t at, uint32_t length)
{
    uint64_t need = 8, n;
    size_t have;
    const uint8_t *p;

    n = length < 8 ? 0 : (length - 8) / 8;
    if (n > V2_BATCH_MAX)
        n = V2_BATCH_MAX;
    p = xsi_peek(w, at, V2_BATCH_HEAD + 8 * (size_t)n, &have);
    for (uint32_t i = 0; i < n && V2_BATCH_HEAD + 8 * (i + 1) <= have; i++) {
        uint64_t e = entry_at(p + V2_BATCH_HEAD + 8 * i, s->libxl.big);

        need += 8 + (v2_type_has_data((unsigned)(e >> 60)) ? XSI_PAGE_SIZE : 0);
        if (need == length)
            return i + 1;
    }
    return 0;
}

void v2_batch_read(struct xsi_walk *w, const struct v2_state *s, uint64_t at, uint32_t length,
                   uint32_t count, struct v2_batch *b)
{
    struct sequence q;
    struct xsi_cursor c;
    size_t have, want = V2_BATCH_HEAD, n;
    const uint8_t *p;

    memset(b, 0, sizeof(*b));
    b->lowest = b->first_page = UINT64_MAX;
    b->length = length;
    p = xsi_peek(w, at, want, &have);
    b->headless = have < V2_BATCH_HEAD;
    if (length < 8 || b->headless)
        return;
    c = v2_cursor(s, p + V2_RHDR_SIZE, 8);
    b->count = xsi_u32(&c);
    b->reserved = xsi_u32(&c);
    if (count)
        b->count = count;
    if (b->count > (V2_CHECK_MAX - V2_BATCH_HEAD) / 8 || b->count > length / 8)
        return;
    want += 8 * (size_t)b->count;
    p = xsi_peek(w, at, want, &have);
    n = have < V2_BATCH_HEAD ? 0 : (have - V2_BATCH_HEAD) / 8;
    b->complete = n == b->count && have == want;
    q.count = q.tries = 0;
    q.prev_last = 0;
    for (size_t i = 0, run; i < n; i += run) {
        const uint8_t *e = p + V2_BATCH_HEAD + 8 * i;
        uint64_t first = entry_at(e, s->libxl.big);

        run = v2_run(e, n - i, s->libxl.big);
        note_run(s, b, i, first, run);
        note_sequence(b, &q, i, first & V2_PFN_MASK, (first & V2_PFN_MASK) + run - 1);
    }
    note_edges(s, b, &q);
    b->expected = 8 + 8 * (uint64_t)b->count + XSI_PAGE_SIZE * b->pages;
    b->consistent = b->complete && b->count && b->expected == length;
}

/* Pages before entry `first`, so that the data of that entry can be found. */
static bool skip_pages(struct xsi_walk *w, const struct v2_state *s, const struct xsi_chunk *c,
                       uint64_t first, uint64_t *pages)
{
    for (uint64_t i = 0; i < first;) {
        size_t n = first - i > 4096 ? 4096 : (size_t)(first - i), have;
        const uint8_t *p = xsi_chunk_bytes(w, c, V2_BATCH_HEAD + 8 * i, 8 * n, &have);

        if (have < 8 * n)
            return false;
        for (size_t k = 0, run; k < n; k += run) {
            run = v2_run(p + 8 * k, n - k, s->libxl.big);
            if (v2_type_has_data((unsigned)(entry_at(p + 8 * k, s->libxl.big) >> 60)))
                *pages += run;
        }
        i += n;
    }
    return true;
}

ssize_t v2_entries(struct xsi_walk *w, const struct xsi_layer *l, const struct xsi_chunk *c,
                   uint64_t first, size_t max, struct xsi_page_entry *out)
{
    const struct v2_state *s = l->state;
    uint64_t pages = 0, data = c->offset + c->meta;
    const uint8_t *p;
    size_t n, have;

    if (c->row != &v2_types[V2_PAGE_DATA] || first >= c->entries ||
        !skip_pages(w, s, c, first, &pages))
        return 0;
    n = max < c->entries - first ? max : (size_t)(c->entries - first);
    if (n > 65536)
        n = 65536;
    p = xsi_chunk_bytes(w, c, V2_BATCH_HEAD + 8 * first, 8 * n, &have);
    n = have / 8;
    for (size_t i = 0; i < n; i++) {
        uint64_t e = entry_at(p + 8 * i, s->libxl.big), at = data + XSI_PAGE_SIZE * pages;
        unsigned type = (unsigned)(e >> 60);
        bool has_data = v2_type_has_data(type);

        pages += has_data;
        has_data = has_data && at - c->offset + XSI_PAGE_SIZE <= c->length;
        out[i] = (struct xsi_page_entry){ .pfn = e & V2_PFN_MASK,
                                          .type = type,
                                          .type_name = xsi_name_of(v2_page_types, type),
                                          .data = has_data ? at : 0 };
    }
    return (ssize_t)n;
}
