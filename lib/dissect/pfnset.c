/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set of frame numbers as merged intervals, bounded to XSI_PFNSET_BYTES. Frames that come in
 * ascending order are put in at once; what belongs far in front waits and is merged in by the
 * thousand, since writers up to 3.2 send all frames in a permuted order.
 */
#include <stdlib.h>

#include "internal.h"

#define LIMIT    (XSI_PFNSET_BYTES / (2 * sizeof(uint64_t)))
#define NEAR_END 64 /* so near to the end an interval is put in at once */

/* Room for `count` intervals. */
static bool reserve(struct xsi_pfnset *s, size_t count)
{
    size_t capacity = s->capacity ? s->capacity * 2 : 64;
    uint64_t(*range)[2];

    if (count <= s->capacity)
        return true;
    if (count > LIMIT + XSI_PFNSET_LATE)
        return false;
    if (capacity < count)
        capacity = count;
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

static void insert(struct xsi_pfnset *s, uint64_t first, uint64_t last)
{
    size_t at = locate(s, first), end;

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
    if (s->count >= LIMIT || !reserve(s, s->count + 1)) {
        s->overflow = true;
        return;
    }
    memmove(s->range + at + 1, s->range + at, (s->count - at) * sizeof(s->range[0]));
    s->range[at][0] = first;
    s->range[at][1] = last;
    s->count++;
}

static int by_first(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return x[0] < y[0] ? -1 : x[0] > y[0];
}

/* Join neighbours of an ascending list; returns how many are left. */
static size_t join(uint64_t (*range)[2], size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (n && range[i][0] <= range[n - 1][1] + 1) {
            if (range[i][1] > range[n - 1][1])
                range[n - 1][1] = range[i][1];
            continue;
        }
        range[n][0] = range[i][0];
        range[n++][1] = range[i][1];
    }
    return n;
}

void xsi_pfnset_flush(struct xsi_pfnset *s)
{
    size_t total = s->count + s->late_count, i = s->count, k = s->late_count;

    if (!k)
        return;
    s->late_count = 0;
    if (!reserve(s, total)) {
        s->overflow = true;
        return;
    }
    qsort(s->late, k, sizeof(s->late[0]), by_first);
    for (size_t to = total; to-- > 0 && k;) { /* merge from the back: each moves at most once */
        bool late = !i || s->late[k - 1][0] >= s->range[i - 1][0];

        memmove(s->range[to], late ? s->late[--k] : s->range[--i], sizeof(s->range[0]));
    }
    s->count = join(s->range, total);
    if (s->count > LIMIT)
        s->overflow = true;
}

void xsi_pfnset_add(struct xsi_pfnset *s, uint64_t first, uint64_t last)
{
    if (s->overflow || last < first || last >= UINT64_MAX - 1)
        return;
    if (s->count - locate(s, first) < NEAR_END) {
        insert(s, first, last);
        return;
    }
    if (!s->late && !(s->late = malloc(XSI_PFNSET_LATE * sizeof(s->late[0])))) {
        s->overflow = true;
        return;
    }
    if (s->late_count == XSI_PFNSET_LATE)
        xsi_pfnset_flush(s);
    s->late[s->late_count][0] = first;
    s->late[s->late_count++][1] = last;
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
    free(s->late);
    memset(s, 0, sizeof(*s));
}
