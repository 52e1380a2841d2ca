/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image as a list of segments: building, splicing, reading. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "xsgen.h"

void *grown(void *old, size_t *room, size_t need, size_t each)
{
    void *p;
    size_t n = *room;

    if (need <= n)
        return old;
    while (n < need)
        n = n ? n * 2 : 16;
    if (n > SIZE_MAX / each || (p = realloc(old, n * each)) == NULL)
        fail("image", 0, "out of memory for %zu items", n);
    *room = n;
    return p;
}

static struct seg *seg_new(struct image *g, enum seg_kind kind, uint64_t length)
{
    struct seg *s;

    g->segs = grown(g->segs, &g->seg_room, g->seg_count + 1, sizeof(*g->segs));
    s = &g->segs[g->seg_count++];
    memset(s, 0, sizeof(*s));
    s->kind = kind;
    s->length = length;
    g->size += length;
    return s;
}

static size_t own(struct image *g, uint8_t *bytes)
{
    g->owned = grown(g->owned, &g->owned_room, g->owned_count + 1, sizeof(*g->owned));
    g->owned[g->owned_count] = bytes;
    return g->owned_count++;
}

void put(struct image *g, const void *bytes, size_t n)
{
    struct seg *s = g->seg_count ? &g->segs[g->seg_count - 1] : NULL;

    if (n == 0)
        return;
    if (s == NULL || s->kind != SEG_BYTES || s->room == 0) {
        s = seg_new(g, SEG_BYTES, 0);
        s->owner = own(g, NULL);
    }
    s->bytes = grown(s->bytes, &s->room, s->length + n, 1);
    g->owned[s->owner] = s->bytes;
    memcpy(s->bytes + s->length, bytes, n);
    s->length += n;
    g->size += n;
}

void put_zeros(struct image *g, uint64_t n)
{
    static const uint8_t zeros[64];

    /* Few zeros go into the bytes around them, many become a hole. */
    if (n <= sizeof(zeros))
        put(g, zeros, n);
    else
        seg_new(g, SEG_ZERO, n);
}

void put_page(struct image *g, uint64_t pfn, uint32_t version)
{
    struct seg *s = seg_new(g, SEG_PAGE, PAGE);

    s->pfn = pfn;
    s->count = version;
}

void put_batch(struct image *g, uint64_t first, uint32_t count, enum batch_form form)
{
    uint64_t length = form == BATCH_LEGACY32   ? 4 + 4ULL * count
                      : form == BATCH_LEGACY64 ? 4 + 8ULL * count
                                               : 8 + 8ULL * count;
    struct seg *s = seg_new(g, SEG_BATCH, length);

    s->pfn = first;
    s->count = count;
    s->form = form;
}

void put8(struct image *g, uint8_t v)
{
    put(g, &v, 1);
}

void put16(struct image *g, uint16_t v)
{
    v = g->big ? htobe16(v) : htole16(v);
    put(g, &v, sizeof(v));
}

void put32(struct image *g, uint32_t v)
{
    v = g->big ? htobe32(v) : htole32(v);
    put(g, &v, sizeof(v));
}

void put64(struct image *g, uint64_t v)
{
    v = g->big ? htobe64(v) : htole64(v);
    put(g, &v, sizeof(v));
}

void put_be16(struct image *g, uint16_t v)
{
    v = htobe16(v);
    put(g, &v, sizeof(v));
}

void put_be32(struct image *g, uint32_t v)
{
    v = htobe32(v);
    put(g, &v, sizeof(v));
}

void put_be64(struct image *g, uint64_t v)
{
    v = htobe64(v);
    put(g, &v, sizeof(v));
}

void put_text(struct image *g, const char *text)
{
    put(g, text, strlen(text));
}

void put_ul(struct image *g, uint64_t v)
{
    if (g->r->width == 32)
        put32(g, (uint32_t)v);
    else
        put64(g, v);
}

void row_begin(struct image *g, const char *type, int64_t id)
{
    struct row *row;

    g->rows = grown(g->rows, &g->row_room, g->row_count + 1, sizeof(*g->rows));
    row = &g->rows[g->row_count++];
    *row = (struct row){ g->size, g->size, g->layer, type, id, 0, false };
}

void row_end(struct image *g, uint64_t pages)
{
    struct row *row = &g->rows[g->row_count - 1];

    row->end = g->size;
    row->pages = pages;
}

/* ------------------------------------------------------------------ splicing ---- */

/* Index of the segment that begins at `at`, cutting one in two where needed. */
static size_t seg_cut(struct image *g, uint64_t at)
{
    size_t i;
    uint64_t start = 0;
    struct seg *s;

    for (i = 0; i < g->seg_count && start + g->segs[i].length <= at; i++)
        start += g->segs[i].length;
    if (i == g->seg_count || start == at)
        return i;
    g->segs = grown(g->segs, &g->seg_room, g->seg_count + 1, sizeof(*g->segs));
    s = &g->segs[i];
    memmove(s + 1, s, (g->seg_count - i) * sizeof(*s));
    g->seg_count++;
    s[0].length = at - start;
    s[1].from += at - start;
    s[1].length -= at - start;
    s[0].room = s[1].room = 0;
    return i + 1;
}

/* Where the start of a row goes when [at, at + removed) becomes n bytes. */
static uint64_t start_after(uint64_t p, uint64_t at, uint64_t removed, uint64_t n)
{
    if (p < at)
        return p;
    if (p >= at + removed)
        return p - removed + n;
    return removed == n ? p : at + n;
}

static uint64_t end_after(uint64_t p, uint64_t at, uint64_t removed, uint64_t n)
{
    if (p <= at)
        return p;
    if (p >= at + removed)
        return p - removed + n;
    return removed == n ? p : at;
}

static void rows_splice(struct image *g, uint64_t at, uint64_t removed, uint64_t n)
{
    size_t i, kept = 0;

    for (i = 0; i < g->row_count; i++) {
        struct row row = g->rows[i];

        if (removed ? row.start < at + removed && row.end > at : row.start < at && row.end > at)
            row.damaged = true;
        row.start = start_after(row.start, at, removed, n);
        row.end = end_after(row.end, at, removed, n);
        if (row.start < row.end)
            g->rows[kept++] = row;
    }
    g->row_count = kept;
}

static void splice(struct image *g, uint64_t at, uint64_t removed, const struct seg *fresh)
{
    size_t first, last, i;

    first = seg_cut(g, at);
    last = seg_cut(g, at + removed);
    for (i = first; i < last; i++)
        g->size -= g->segs[i].length;
    if (last > first)
        memmove(g->segs + first, g->segs + last, (g->seg_count - last) * sizeof(*g->segs));
    g->seg_count -= last - first;
    if (fresh->length) {
        g->segs = grown(g->segs, &g->seg_room, g->seg_count + 1, sizeof(*g->segs));
        memmove(g->segs + first + 1, g->segs + first, (g->seg_count - first) * sizeof(*g->segs));
        g->segs[first] = *fresh;
        g->seg_count++;
        g->size += fresh->length;
    }
    rows_splice(g, at, removed, fresh->length);
}

void image_splice(struct image *g, uint64_t at, uint64_t removed, const void *bytes, size_t n)
{
    struct seg fresh = { .kind = SEG_BYTES, .length = n };

    if (n) {
        fresh.bytes = malloc(n);
        if (fresh.bytes == NULL)
            fail("image", 0, "out of memory");
        memcpy(fresh.bytes, bytes, n);
        own(g, fresh.bytes);
    }
    splice(g, at, removed, &fresh);
}

void image_splice_zeros(struct image *g, uint64_t at, uint64_t n)
{
    const struct seg fresh = { .kind = SEG_ZERO, .length = n };

    splice(g, at, 0, &fresh);
}

/* The tail's memory goes over to g. */
void image_join(struct image *g, struct image *tail)
{
    uint64_t base = g->size;
    size_t i;

    for (i = 0; i < tail->seg_count; i++) {
        struct seg s = tail->segs[i];

        if (s.kind == SEG_PAGE) { /* its content depends on the other recipe: make it bytes */
            uint8_t page[PAGE];

            page_fill(tail->r, s.pfn, s.count, page);
            put(g, page + s.from, s.length);
            continue;
        }
        s.room = 0;
        *seg_new(g, s.kind, s.length) = s;
    }
    for (i = 0; i < tail->row_count; i++) {
        g->rows = grown(g->rows, &g->row_room, g->row_count + 1, sizeof(*g->rows));
        g->rows[g->row_count] = tail->rows[i];
        g->rows[g->row_count].start += base;
        g->rows[g->row_count++].end += base;
    }
    for (i = 0; i < tail->owned_count; i++)
        own(g, tail->owned[i]);
    tail->owned_count = 0;
    image_free(tail);
}

void image_free(struct image *g)
{
    size_t i;

    for (i = 0; i < g->owned_count; i++)
        free(g->owned[i]);
    free(g->owned);
    free(g->segs);
    free(g->rows);
}
