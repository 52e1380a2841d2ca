/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of rows that are counterparts: where they differ. */
#include <stdlib.h>
#include <string.h>

#include "compare_work.h"

#define UNIT       4096U /* two differences that are nearer than that are one */
#define UNREADABLE 0xee  /* stands for bytes that cannot be read */
#define APARTS     65536U

#define BEHIND_HOLE (16U << 10)

void bytes_apart(struct compare *cmp, struct aparts *found, const struct apart *d)
{
    size_t capacity = found->capacity ? 2 * found->capacity : 64;
    struct apart *larger;

    if (found->count == found->capacity) {
        larger = capacity <= APARTS ? reallocarray(found->d, capacity, sizeof(*larger)) : NULL;
        if (!larger) {
            found->full = true;
            return;
        }
        found->d = larger;
        found->capacity = capacity;
    }
    found->d[found->count++] = *d;
    cmp->open = true;
}

/* [from, to) of the pair of rows differs; as a part of the last difference, if it reaches there. */
static void differs(struct compare *cmp, struct aparts *found, const struct xsi_map_row *x,
                    const struct xsi_map_row *y, uint64_t from, uint64_t to)
{
    struct apart d = { .at = { x->offset + from, y->offset + from } };
    struct apart *last = cmp->open && found->count ? &found->d[found->count - 1] : NULL;

    d.length[0] = to < x->length ? to - from : from < x->length ? x->length - from : 0;
    d.length[1] = to < y->length ? to - from : from < y->length ? y->length - from : 0;
    if (last && last->at[0] + last->length[0] + UNIT > d.at[0]) {
        last->length[0] = d.at[0] + d.length[0] - last->at[0];
        last->length[1] = d.at[1] + d.length[1] - last->at[1];
    } else {
        bytes_apart(cmp, found, &d);
    }
}

/* Bytes of an image; what the disk cannot read is the same in both images when it is so in both. */
static void get(struct doc *doc, uint64_t offset, uint8_t *out, size_t n)
{
    size_t i = 0;

    while (i < n) {
        bool bad;
        size_t got = doc_read(doc, offset + i, out + i, n - i, &bad);
        size_t skip = UNIT - (size_t)((offset + i) % UNIT);

        if (!got) { /* the end of the image, or a place that cannot be read */
            got = bad && skip < n - i ? skip : n - i;
            memset(out + i, bad ? UNREADABLE : 0, got);
        }
        i += got;
    }
}

/* n bytes of both rows, from `from` on. True: they differ, whether that could be noted or not. */
static bool compare_block(struct compare *cmp, struct aparts *found, const struct xsi_map_row *x,
                          const struct xsi_map_row *y, uint64_t from, size_t n)
{
    const uint8_t *a = cmp->block[0], *b = cmp->block[1];
    bool apart = false;

    get(cmp->side[0].doc, x->offset + from, cmp->block[0], n);
    get(cmp->side[1].doc, y->offset + from, cmp->block[1], n);
    for (size_t i = 0; i < n; i += UNIT) {
        size_t end = n - i < UNIT ? n : i + UNIT, first = i, last = end;

        if (memcmp(a + i, b + i, end - i) == 0)
            continue;
        while (a[first] == b[first])
            first++;
        while (a[last - 1] == b[last - 1])
            last--;
        differs(cmp, found, x, y, from + first, from + last);
        apart = true;
    }
    return apart;
}

/* Both rows have been looked at as far as both go. */
static void end_pair(struct compare *cmp, struct aparts *found, size_t first, size_t second,
                     bool apart)
{
    const struct xsi_map_row *x = side_row(&cmp->side[0], first);
    const struct xsi_map_row *y = side_row(&cmp->side[1], second);
    uint64_t common = x->length < y->length ? x->length : y->length;

    if (x->length != y->length) {
        differs(cmp, found, x, y, common, x->length > y->length ? x->length : y->length);
        apart = true;
    }
    cmp->side[0].state[first] = cmp->side[1].state[second] =
        apart ? COMPARED_DIFFERS : COMPARED_SAME;
    cmp->open = false;
}

void bytes_pair(struct compare *cmp, size_t first, size_t second)
{
    const struct xsi_map_row *x = side_row(&cmp->side[0], first);
    const struct xsi_map_row *y = side_row(&cmp->side[1], second);
    uint64_t common = x->length < y->length ? x->length : y->length;
    struct aparts *found = &cmp->found[0];
    bool apart;

    cmp->open = false;
    apart = compare_block(cmp, found, x, y, 0, (size_t)common); /* at most COMPARE_SMALL */
    end_pair(cmp, found, first, second, apart);
}

/* ---------------------------------------------------------------- long rows ---- */

/* Both images have holes up to there: zeros. */
static uint64_t skip_holes(struct compare *cmp, const struct xsi_map_row *x,
                           const struct xsi_map_row *y, uint64_t from)
{
    uint64_t a = xsi_source_next_data(cmp->side[0].doc->im.src, x->offset + from);
    uint64_t b = xsi_source_next_data(cmp->side[1].doc->im.src, y->offset + from);

    a = a > x->offset + from ? a - x->offset : from;
    b = b > y->offset + from ? b - y->offset : from;
    return a < b ? a : b;
}

static bool next_long(struct compare *cmp)
{
    const struct side *side = &cmp->side[0];

    for (; cmp->row < side->rows; cmp->row++) {
        size_t mate = side->mate[cmp->row];

        if (mate && (side_row(side, cmp->row)->length > COMPARE_SMALL ||
                     side_row(&cmp->side[1], mate - 1)->length > COMPARE_SMALL))
            return true;
    }
    return false;
}

/* Bytes to look at next: few behind a hole, for there may be another one soon. */
static uint64_t next_size(struct compare *cmp, uint64_t from, uint64_t common)
{
    uint64_t n = cmp->size * 2;

    if (from != cmp->row_done || n < BEHIND_HOLE)
        n = BEHIND_HOLE;
    n = n < COMPARE_BLOCK ? n : COMPARE_BLOCK;
    cmp->size = n;
    if (from >= common)
        return 0;
    return common - from < n ? common - from : n;
}

bool bytes_step(struct compare *cmp, size_t *work)
{
    struct aparts *found = &cmp->found[1];
    const struct xsi_map_row *x, *y;
    uint64_t common, from, n;
    size_t mate;

    if (found->full || !next_long(cmp))
        return false;
    mate = cmp->side[0].mate[cmp->row] - 1;
    x = side_row(&cmp->side[0], cmp->row);
    y = side_row(&cmp->side[1], mate);
    common = x->length < y->length ? x->length : y->length;
    cmp->open = cmp->open && cmp->row_done;
    from = skip_holes(cmp, x, y, cmp->row_done);
    n = next_size(cmp, from, common);
    if (n && compare_block(cmp, found, x, y, from, (size_t)n))
        cmp->side[0].state[cmp->row] = cmp->side[1].state[mate] = COMPARED_DIFFERS;
    cmp->row_done = from + n;
    *work += (size_t)n;
    if (cmp->row_done < common)
        return true;
    end_pair(cmp, found, cmp->row, mate, cmp->side[0].state[cmp->row] == COMPARED_DIFFERS);
    cmp->row_done = 0;
    cmp->row++;
    return true;
}
