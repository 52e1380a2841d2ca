/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set of frame numbers as merged intervals, bounded to XSI_PFNSET_BYTES. */
#include <stdlib.h>

#include "internal.h"

static bool reserve(struct xsi_pfnset *s)
{
    size_t limit = XSI_PFNSET_BYTES / sizeof(s->range[0]);
    size_t capacity = s->capacity ? s->capacity * 2 : 64;
    uint64_t(*range)[2];

    if (s->count < s->capacity)
        return true;
    if (s->count >= limit)
        return false;
    if (capacity > limit)
        capacity = limit;
    range = realloc(s->range, capacity * sizeof(s->range[0]));
    if (!range)
        return false;
    s->range = range;
    s->capacity = capacity;
    return true;
}

/* Index of the first interval whose end is not below `first` (an adjacent one counts). */
static size_t locate(const struct xsi_pfnset *s, uint64_t first)
{
    size_t low = 0, high = s->count;

    if (s->count && s->range[s->count - 1][1] + 1 < first)
        return s->count; /* appending is the common case */
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (s->range[mid][1] + 1 < first)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void xsi_pfnset_add(struct xsi_pfnset *s, uint64_t first, uint64_t last)
{
    size_t at, end;

    if (s->overflow || last < first || last >= UINT64_MAX - 1)
        return;
    at = locate(s, first);
    end = at;
    while (end < s->count && s->range[end][0] <= last + 1)
        end++;
    if (end > at) {
        if (s->range[at][0] < first)
            first = s->range[at][0];
        if (s->range[end - 1][1] > last)
            last = s->range[end - 1][1];
        s->range[at][0] = first;
        s->range[at][1] = last;
        memmove(s->range + at + 1, s->range + end, (s->count - end) * sizeof(s->range[0]));
        s->count -= end - at - 1;
        return;
    }
    if (!reserve(s)) {
        s->overflow = true;
        return;
    }
    memmove(s->range + at + 1, s->range + at, (s->count - at) * sizeof(s->range[0]));
    s->range[at][0] = first;
    s->range[at][1] = last;
    s->count++;
}

uint64_t xsi_pfnset_total(const struct xsi_pfnset *s)
{
    uint64_t total = 0;

    for (size_t i = 0; i < s->count; i++)
        total += s->range[i][1] - s->range[i][0] + 1;
    return total;
}

void xsi_pfnset_free(struct xsi_pfnset *s)
{
    free(s->range);
    memset(s, 0, sizeof(*s));
}
