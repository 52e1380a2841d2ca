/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image as bytes: computing what segments stand for, writing, the layout listing. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "xsgen.h"

#define BATCH_BYTES (8 + 8 * 1024)

static void batch_bytes(const struct seg *s, uint8_t *out)
{
    unsigned head = s->form == BATCH_V2_LITTLE || s->form == BATCH_V2_BIG ? 8 : 4;
    unsigned each = s->form == BATCH_LEGACY32 ? 4 : 8;
    uint32_t i;

    memset(out, 0, head);
    poke(out, s->form == BATCH_V2_BIG ? htobe32(s->count) : s->count, 4);
    for (i = 0; i < s->count; i++) {
        uint64_t entry = s->pfn + i;

        poke(out + head + each * i, s->form == BATCH_V2_BIG ? htobe64(entry) : entry, each);
    }
}

/* Bytes [from, from + n) of a segment. */
static void seg_read(const struct image *g, const struct seg *s, uint64_t from, void *out, size_t n)
{
    uint8_t buffer[BATCH_BYTES];

    switch (s->kind) {
    case SEG_BYTES:
        memcpy(out, s->bytes + s->from + from, n);
        break;
    case SEG_ZERO:
        memset(out, 0, n);
        break;
    case SEG_PAGE:
        page_fill(g->r, s->pfn, s->count, buffer);
        memcpy(out, buffer + s->from + from, n);
        break;
    case SEG_BATCH:
        batch_bytes(s, buffer);
        memcpy(out, buffer + s->from + from, n);
        break;
    }
}

void image_read(const struct image *g, uint64_t at, void *out, size_t n)
{
    uint64_t start = 0;
    size_t i;

    for (i = 0; i < g->seg_count && n; start += g->segs[i++].length) {
        const struct seg *s = &g->segs[i];
        size_t part;

        if (at >= start + s->length)
            continue;
        part = s->length - (at - start) < n ? (size_t)(s->length - (at - start)) : n;
        seg_read(g, s, at - start, out, part);
        at += part;
        out = (uint8_t *)out + part;
        n -= part;
    }
}

static int write_zeros(FILE *out, uint64_t n, bool can_seek)
{
    static const uint8_t zeros[PAGE];

    if (can_seek)
        return fseeko(out, (off_t)n, SEEK_CUR) ? -errno : 0;
    while (n) {
        size_t part = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

        if (fwrite(zeros, 1, part, out) != part)
            return -EIO;
        n -= part;
    }
    return 0;
}

int image_write(const struct image *g, FILE *out, bool can_seek)
{
    uint8_t buffer[BATCH_BYTES];
    size_t i;
    int rc = 0;

    for (i = 0; i < g->seg_count && rc == 0; i++) {
        const struct seg *s = &g->segs[i];

        if (s->kind == SEG_ZERO) {
            rc = write_zeros(out, s->length, can_seek);
        } else if (s->kind == SEG_BYTES) {
            rc = fwrite(s->bytes + s->from, 1, s->length, out) == s->length ? 0 : -EIO;
        } else {
            seg_read(g, s, 0, buffer, s->length);
            rc = fwrite(buffer, 1, s->length, out) == s->length ? 0 : -EIO;
        }
    }
    return rc;
}

static int by_start(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

static void line(FILE *out, uint64_t at, uint64_t length, const char *layer, const char *type)
{
    fprintf(out, "%" PRIu64 "\t%" PRIu64 "\t%s\t%s", at, length, layer, type);
}

void image_layout(const struct image *g, FILE *out)
{
    uint64_t at = 0;
    size_t i;

    if (g->row_count)
        qsort(g->rows, g->row_count, sizeof(*g->rows), by_start);
    fputs("offset\tlength\tlayer\ttype\tid\tpages\tnote\n", out);
    for (i = 0; i < g->row_count; i++) {
        const struct row *row = &g->rows[i];

        if (row->start > at) {
            line(out, at, row->start - at, "none", "GAP");
            fputs("\t-\t0\t\n", out);
        }
        line(out, row->start, row->end - row->start, row->layer, row->type);
        if (row->id == NO_ID)
            fputs("\t-", out);
        else
            fprintf(out, "\t%" PRId64, row->id);
        fprintf(out, "\t%" PRIu64 "\t%s\n", row->pages, row->damaged ? "damaged" : "");
        at = row->end;
    }
    if (at < g->size) {
        line(out, at, g->size - at, "none", "GAP");
        fputs("\t-\t0\t\n", out);
    }
}
