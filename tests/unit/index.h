/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an index must say, by a straight walk over the same source: every chunk again with all that
 * is in it, rows, sums, lists. Each test program includes it once.
 */
#ifndef TEST_INDEX_H
#define TEST_INDEX_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "xsi_edit.h"

/* The chunks of a walk, and a hash of the fields and entries of each. */
struct straight {
    struct xsi_chunk *chunk;
    struct xsi_map_row *row;
    uint64_t *inside;
    size_t count, capacity;
};

struct inside_sink {
    struct xsi_sink sink;
    uint64_t hash;
};

/* FNV-1a: short, and only equality matters. */
static inline void inside_mix(struct inside_sink *h, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i++)
        h->hash = (h->hash ^ p[i]) * UINT64_C(0x100000001b3);
}

static inline void inside_value(struct xsi_sink *sink, const struct xsi_value *v)
{
    const uint64_t number[] = { v->kind, v->offset, v->length, v->number, v->level };
    struct inside_sink *h = (struct inside_sink *)sink;

    inside_mix(h, number, sizeof(number));
    if (v->name)
        inside_mix(h, v->name, strlen(v->name));
    if (v->text)
        inside_mix(h, v->text, v->text_length);
}

static inline uint64_t inside_of(struct xsi_walk *w, const struct xsi_chunk *c)
{
    struct inside_sink h = { { inside_value }, UINT64_C(0xcbf29ce484222325) };
    struct xsi_page_entry entry[64];
    const uint8_t *p;
    uint64_t from = 0;
    size_t have;
    ssize_t n;

    assert_int_equal(xsi_chunk_fields(w, c, 2, &h.sink), 0);
    while ((n = xsi_chunk_entries(w, c, from, 64, entry)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            const uint64_t number[] = { entry[i].pfn, entry[i].type, entry[i].data };

            inside_mix(&h, number, sizeof(number));
        }
        from += (uint64_t)n;
    }
    p = xsi_chunk_bytes(w, c, c->length / 2, 16, &have);
    if (p)
        inside_mix(&h, p, have);
    return h.hash;
}

static inline void straight_add(struct straight *s, struct xsi_walk *w, const struct xsi_chunk *c,
                                unsigned checkpoint)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 64;
        s->chunk = reallocarray(s->chunk, s->capacity, sizeof(*s->chunk));
        s->row = reallocarray(s->row, s->capacity, sizeof(*s->row));
        s->inside = reallocarray(s->inside, s->capacity, sizeof(*s->inside));
        assert_true(s->chunk && s->row && s->inside);
    }
    s->chunk[s->count] = *c;
    s->row[s->count] = xsi_map_row_of(c, checkpoint);
    s->inside[s->count++] = inside_of(w, c);
}

static inline void straight_free(struct straight *s)
{
    free(s->chunk);
    free(s->row);
    free(s->inside);
}

/* Walk, and keep what is seen; the index sees it too. */
static inline struct xsi_index *straight_walk(struct xsi_source *src,
                                              const struct xsi_walk_options *options, bool unfolded,
                                              struct straight *s)
{
    struct xsi_error err = { 0 };
    struct xsi_walk *w = xsi_walk_new(src, options, &err);
    struct xsi_index *index = xsi_index_new(src, options, unfolded, &err);
    unsigned checkpoints = 0;
    struct xsi_event ev;
    int rc;

    assert_true(w && index);
    *s = (struct straight){ 0 };
    while ((rc = xsi_walk_next(w, &ev)) > 0) {
        if (ev.kind == XSI_EV_CHUNK) {
            assert_int_equal(xsi_index_add(index, w, ev.chunk), 0);
            straight_add(s, w, ev.chunk, checkpoints);
        }
        checkpoints = xsi_walk_info(w)->checkpoints;
    }
    assert_int_equal(rc, 0);
    xsi_walk_free(w);
    return index;
}

static inline void same_row(const struct xsi_map_row *a, const struct xsi_map_row *b)
{
    const uint64_t left[] = { a->index,     a->count,        a->offset,  a->length, a->wanted,
                              a->has_id,    (uint64_t)a->id, a->entries, a->pages,  a->tables,
                              a->first_pfn, a->last_pfn,     a->flags,   a->depth,  a->checkpoint };
    const uint64_t right[] = {
        b->index,     b->count,        b->offset,  b->length, b->wanted,
        b->has_id,    (uint64_t)b->id, b->entries, b->pages,  b->tables,
        b->first_pfn, b->last_pfn,     b->flags,   b->depth,  b->checkpoint
    };

    assert_string_equal(a->layer, b->layer);
    assert_string_equal(a->type, b->type);
    assert_memory_equal(left, right, sizeof(left));
}

static inline void same_chunk(const struct xsi_chunk *a, const struct xsi_chunk *b)
{
    const struct xsi_map_row left = xsi_map_row_of(a, 0), right = xsi_map_row_of(b, 0);

    same_row(&left, &right);
    assert_string_equal(a->note, b->note);
    assert_ptr_equal(a->row, b->row);
    assert_int_equal(a->meta, b->meta);
}

/* Chunk number i, by an offset within it and by its number; the walk goes on behind it. */
static inline void check_open(const struct xsi_index *index, const struct straight *s, size_t i)
{
    uint64_t offset = s->chunk[i].offset + (i % 3) * ((s->chunk[i].length - 1) / 2);
    const struct xsi_chunk *chunk = NULL;
    struct xsi_error err = { 0 };
    struct xsi_event ev;

    for (int numbered = 0; numbered < 2; numbered++) {
        struct xsi_walk *w = numbered ? xsi_index_open_number(index, i, &chunk, &err)
                                      : xsi_index_open(index, offset, &chunk, &err);

        if (!w)
            fail_msg("chunk %zu: %s", i, err.text);
        for (size_t next = i; next < s->count && next < i + 3; next++) {
            same_chunk(chunk, &s->chunk[next]);
            assert_int_equal(inside_of(w, chunk), s->inside[next]);
            while (next + 1 < s->count && xsi_walk_next(w, &ev) > 0 && ev.kind != XSI_EV_CHUNK)
                ;
            chunk = ev.chunk;
        }
        xsi_walk_free(w);
    }
}

static inline void check_list(const struct xsi_index *index, const struct straight *s, size_t first,
                              size_t max)
{
    struct xsi_map_row *row = calloc(max, sizeof(*row));
    size_t left = first < s->count ? s->count - first : 0;

    assert_non_null(row);
    assert_int_equal(xsi_index_list(index, first, max, row), left < max ? left : max);
    for (size_t i = 0; i < max && i < left; i++)
        same_row(&row[i], &s->row[first + i]);
    free(row);
}

static inline void widen(struct xsi_index_sum *sum, const struct xsi_map_row *row)
{
    if (!(row->flags & XSI_CHUNK_PAGES))
        return;
    sum->chunks += row->count;
    sum->entries += row->entries;
    sum->pages += row->pages;
    sum->tables += row->tables;
    if (row->pages && row->first_pfn < sum->first_pfn)
        sum->first_pfn = row->first_pfn;
    if (row->pages && row->last_pfn > sum->last_pfn)
        sum->last_pfn = row->last_pfn;
}

/* All of the image at once, and in two parts: what lies at their border counts in both. */
static inline void check_sums(const struct xsi_index *index, const struct straight *s)
{
    struct xsi_index_sum all = { .first_pfn = UINT64_MAX }, sum, left, right;
    uint64_t middle = xsi_index_end(index) / 2;

    for (size_t i = 0; i < s->count; i++)
        widen(&all, &s->row[i]);
    xsi_index_sum(index, 0, UINT64_MAX, &sum);
    assert_memory_equal(&sum, &all, sizeof(sum));
    xsi_index_sum(index, 0, middle, &left);
    xsi_index_sum(index, middle, UINT64_MAX, &right);
    assert_true(left.chunks + right.chunks >= all.chunks);
    assert_true(left.pages + right.pages >= all.pages);
    assert_true(left.pages <= all.pages && right.pages <= all.pages);
    xsi_index_sum(index, xsi_index_end(index), UINT64_MAX, &sum);
    assert_int_equal(sum.chunks, 0);
    assert_true(sum.first_pfn > sum.last_pfn);
}

/* Rows: one for each chunk, or neighbouring sound batches of a layer and a checkpoint in one. */
static inline void check_rows(const struct xsi_index *index, const struct straight *s,
                              bool unfolded)
{
    const struct xsi_map_row *row;
    struct xsi_map_row want;
    size_t count, chunk = 0;

    row = xsi_index_rows(index, &count);
    for (size_t i = 0; i < count; i++) {
        struct xsi_index_sum sum = { .first_pfn = UINT64_MAX };

        assert_true(chunk < s->count);
        want = s->row[chunk];
        widen(&sum, &want);
        while (++chunk < s->count && !unfolded && want.flags == XSI_CHUNK_PAGES &&
               s->row[chunk].flags == want.flags && s->row[chunk].layer == want.layer &&
               s->row[chunk].checkpoint == want.checkpoint) {
            widen(&sum, &s->row[chunk]);
            want.count++;
            want.length += s->row[chunk].length;
            want.wanted += s->row[chunk].wanted;
        }
        if (want.count > 1) {
            want.entries = sum.entries;
            want.pages = sum.pages;
            want.tables = sum.tables;
            if (sum.pages) {
                want.first_pfn = sum.first_pfn;
                want.last_pfn = sum.last_pfn;
            }
        }
        same_row(&row[i], &want);
        assert_ptr_equal(xsi_index_at(index, row[i].offset), &row[i]);
        assert_ptr_equal(xsi_index_at(index, row[i].offset + row[i].length - 1), &row[i]);
    }
    assert_int_equal(chunk, s->count);
    assert_null(xsi_index_at(index, xsi_index_end(index)));
}

/* All of it; at most so many chunks are opened, spread over the image. */
static inline void check_index(struct xsi_source *src, const struct xsi_walk_options *options,
                               bool unfolded, size_t most)
{
    struct straight s;
    struct xsi_index *index = straight_walk(src, options, unfolded, &s);

    assert_int_equal(xsi_index_chunks(index), s.count);
    check_rows(index, &s, unfolded);
    check_sums(index, &s);
    for (size_t i = 0; i < s.count; i += 1 + s.count / most)
        check_open(index, &s, i);
    check_list(index, &s, 0, s.count + 1);
    check_list(index, &s, s.count / 2, 7);
    check_list(index, &s, s.count, 1);
    xsi_index_free(index);
    straight_free(&s);
}

#endif
