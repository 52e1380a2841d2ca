/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The planned image as a list of stretches: of the base, and of inserted bytes. Splices cut it. */
#include <stdlib.h>

#include "internal.h"

static bool room(struct xsi_stretches *p, size_t more)
{
    size_t capacity = p->capacity ? p->capacity : 16;
    struct xsi_stretch *row;

    while (capacity < p->count + more)
        capacity *= 2;
    if (capacity == p->capacity)
        return true;
    row = reallocarray(p->row, capacity, sizeof(*row));
    if (!row)
        return false;
    p->row = row;
    p->capacity = capacity;
    return true;
}

bool xsi_stretches_start(struct xsi_stretches *p, uint64_t base_size)
{
    p->count = 0;
    p->size = base_size;
    if (!room(p, 1))
        return false;
    if (base_size)
        p->row[p->count++] = (struct xsi_stretch){ .length = base_size };
    return true;
}

void xsi_stretches_free(struct xsi_stretches *p)
{
    free(p->row);
    *p = (struct xsi_stretches){ 0 };
}

size_t xsi_stretches_find(const struct xsi_stretches *p, uint64_t offset, uint64_t *within)
{
    size_t i;

    for (i = 0; i < p->count && offset >= p->row[i].length; i++)
        offset -= p->row[i].length;
    *within = offset;
    return i;
}

/* Make a seam at offset; returns the index of the stretch that begins there. */
static size_t cut(struct xsi_stretches *p, uint64_t offset)
{
    uint64_t within;
    size_t i = xsi_stretches_find(p, offset, &within);
    struct xsi_stretch *row = &p->row[i];

    if (!within)
        return i;
    memmove(row + 1, row, (p->count - i) * sizeof(*row));
    p->count++;
    row[0].length = within;
    row[1].length -= within;
    if (row[1].inserted)
        row[1].inserted += within;
    else
        row[1].base += within;
    return i + 1;
}

bool xsi_stretches_splice(struct xsi_stretches *p, uint64_t offset, uint64_t removed,
                          const uint8_t *bytes, uint64_t n, size_t step)
{
    size_t from, to;

    if (!room(p, 3))
        return false;
    from = cut(p, offset);
    to = cut(p, offset + removed);
    memmove(&p->row[from + (n ? 1 : 0)], &p->row[to], (p->count - to) * sizeof(p->row[0]));
    p->count -= to - from;
    if (n) {
        p->row[from] = (struct xsi_stretch){ .inserted = bytes, .length = n, .step = step };
        p->count++;
    }
    p->size = p->size - removed + n;
    return true;
}
