/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A byte per guest frame. Guests have up to 2^28 frames of which long runs are alike, so frames
 * are kept in blocks of 4096: runs of blocks with one value are an extent, other blocks have their
 * bytes. All that share a budget stay within it; when it is used up the frames are no longer told
 * apart.
 */
#include <stdlib.h>

#include "internal.h"

#define BLOCK 4096U

void xsi_frames_free(struct xsi_frames *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->extent[i].bytes);
    free(f->extent);
    free(f->spare);
    memset(f, 0, sizeof(*f));
}

/* Bytes of a block. One that was given back is kept: in a guest that is sent in order blocks come
 * and go all the time. */
static uint8_t *block_new(struct xsi_frames *f)
{
    uint8_t *bytes = f->spare ? f->spare : malloc(BLOCK);

    f->spare = NULL;
    return bytes;
}

static void block_free(struct xsi_frames *f, uint8_t *bytes)
{
    free(f->spare);
    f->spare = bytes;
    *f->budget += BLOCK;
}

/* Index of the first extent that ends at or behind a block. */
static size_t find(const struct xsi_frames *f, uint64_t block)
{
    size_t low = 0, high = f->count;

    if (f->last < f->count && f->extent[f->last].last >= block &&
        (!f->last || f->extent[f->last - 1].last < block))
        return f->last;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (f->extent[mid].last < block)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool take(struct xsi_frames *f, size_t bytes)
{
    if (*f->budget < bytes) {
        f->lost = true;
        return false;
    }
    *f->budget -= bytes;
    return true;
}

/* Room for `more` extents at index i. */
static bool open_gap(struct xsi_frames *f, size_t i, size_t more)
{
    if (f->count + more > f->capacity) {
        size_t grow = f->capacity ? f->capacity : 16;
        struct xsi_frame_extent *larger;

        if (!take(f, grow * sizeof(*larger)))
            return false;
        larger = realloc(f->extent, (f->capacity + grow) * sizeof(*larger));
        if (!larger) {
            f->lost = true;
            return false;
        }
        f->extent = larger;
        f->capacity += grow;
    }
    memmove(&f->extent[i + more], &f->extent[i], (f->count - i) * sizeof(f->extent[0]));
    f->count += more;
    return true;
}

static void drop(struct xsi_frames *f, size_t i)
{
    if (f->extent[i].bytes)
        block_free(f, f->extent[i].bytes);
    f->count--;
    memmove(&f->extent[i], &f->extent[i + 1], (f->count - i) * sizeof(f->extent[0]));
}

/* Join an extent of one value with its equal neighbours. */
static void join(struct xsi_frames *f, size_t i)
{
    if (f->extent[i].bytes)
        return;
    for (size_t k = i + 1; k <= i + 1 && k < f->count; k++)
        if (!f->extent[k].bytes && f->extent[k].first == f->extent[i].last + 1 &&
            f->extent[k].value == f->extent[i].value) {
            f->extent[i].last = f->extent[k].last;
            drop(f, k);
        }
    if (i && !f->extent[i - 1].bytes && f->extent[i - 1].last + 1 == f->extent[i].first &&
        f->extent[i - 1].value == f->extent[i].value) {
        f->extent[i - 1].last = f->extent[i].last;
        drop(f, i);
        f->last = i - 1;
    }
}

/* The extent of one block alone, with its own bytes; NULL when the budget is used up. */
static struct xsi_frame_extent *isolate(struct xsi_frames *f, uint64_t block)
{
    size_t i = find(f, block);
    struct xsi_frame_extent whole = { 0, 0, 0, NULL };
    bool inside = i < f->count && f->extent[i].first <= block;
    size_t before, behind;

    if (inside && f->extent[i].bytes) {
        f->last = i;
        return &f->extent[i];
    }
    if (inside)
        whole = f->extent[i];
    before = inside && whole.first < block;
    behind = inside && whole.last > block;
    if (!take(f, BLOCK) || !open_gap(f, i, before + behind + !inside))
        return NULL;
    if (before)
        f->extent[i++] = (struct xsi_frame_extent){ whole.first, block - 1, whole.value, NULL };
    if (behind)
        f->extent[i + 1] = (struct xsi_frame_extent){ block + 1, whole.last, whole.value, NULL };
    f->extent[i] = (struct xsi_frame_extent){ block, block, 0, block_new(f) };
    if (!f->extent[i].bytes) {
        f->extent[i].value = whole.value;
        f->lost = true;
        return NULL;
    }
    memset(f->extent[i].bytes, whole.value, BLOCK);
    f->last = i;
    return &f->extent[i];
}

/* A block whose frames have become alike needs no bytes. */
static void settle(struct xsi_frames *f, size_t i)
{
    struct xsi_frame_extent *e = &f->extent[i];

    if (!e->bytes || memcmp(e->bytes, e->bytes + 1, BLOCK - 1) != 0)
        return;
    e->value = e->bytes[0];
    block_free(f, e->bytes);
    e->bytes = NULL;
    join(f, i);
}

/* Part of one block. */
static uint64_t set_part(struct xsi_frames *f, uint64_t first, uint64_t count, uint8_t clear,
                         uint8_t set)
{
    struct xsi_frame_extent *e;
    uint64_t fresh = 0, block = first / BLOCK;
    size_t at = (size_t)(first % BLOCK), end = at + (size_t)count, i = find(f, block);

    if (i < f->count && f->extent[i].first <= block && !f->extent[i].bytes &&
        (uint8_t)((f->extent[i].value & ~clear) | set) == f->extent[i].value)
        return f->extent[i].value & XSI_FRAME_HELD ? 0 : count;
    e = isolate(f, block);
    if (!e)
        return 0;
    if (!memcmp(e->bytes + at, e->bytes + at + 1, (size_t)count - 1)) { /* mostly: none seen yet */
        fresh = e->bytes[at] & XSI_FRAME_HELD ? 0 : count;
        memset(e->bytes + at, (uint8_t)((e->bytes[at] & ~clear) | set), (size_t)count);
        count = 0;
    }
    for (uint64_t k = 0; k < count; k++) {
        uint8_t *byte = &e->bytes[at + k];

        fresh += !(*byte & XSI_FRAME_HELD);
        *byte = (uint8_t)((*byte & ~clear) | set);
    }
    if (end == BLOCK)
        settle(f, (size_t)(e - f->extent));
    return fresh;
}

/* Blocks that are in no extent yet and lie behind all of them. */
static bool append(struct xsi_frames *f, uint64_t first, uint64_t last, uint8_t value)
{
    if (f->count && f->extent[f->count - 1].last >= first)
        return false;
    if (!open_gap(f, f->count, 1))
        return true;
    f->extent[f->count - 1] = (struct xsi_frame_extent){ first, last, value, NULL };
    join(f, f->count - 1);
    return true;
}

static uint64_t set_range(struct xsi_frames *f, uint64_t first, uint64_t count, uint8_t clear,
                          uint8_t set)
{
    uint64_t fresh = 0;

    while (count && !f->lost) {
        uint64_t part = BLOCK - first % BLOCK, whole = count / BLOCK;

        if (part == BLOCK && whole && append(f, first / BLOCK, first / BLOCK + whole - 1, set)) {
            part = whole * BLOCK;
            fresh += part;
        } else {
            part = part < count ? part : count;
            fresh += set_part(f, first, part, clear, set);
        }
        first += part;
        count -= part;
    }
    return fresh;
}

/* The open range becomes extents. */
static void flush(struct xsi_frames *f)
{
    uint64_t count = f->open_count;

    f->open_count = 0;
    if (count)
        (void)set_range(f, f->open_first, count, 0xff, f->open_value);
}

uint64_t xsi_frames_put(struct xsi_frames *f, uint64_t first, uint64_t count, uint8_t clear,
                        uint8_t set)
{
    uint64_t behind;

    if (f->lost || !count)
        return 0;
    if (f->open_count && first == f->open_first + f->open_count && set == f->open_value) {
        f->open_count += count;
        return count;
    }
    if (first >= f->open_first && first - f->open_first < f->open_count &&
        count <= f->open_count - (first - f->open_first) &&
        ((f->open_value & ~clear) | set) == f->open_value)
        return f->open_value & XSI_FRAME_HELD ? 0 : count;
    flush(f);
    behind = f->count ? (f->extent[f->count - 1].last + 1) * BLOCK : 0;
    if (first >= behind) {
        f->open_first = first;
        f->open_count = count;
        f->open_value = set;
        return count;
    }
    return set_range(f, first, count, clear, set);
}

uint8_t xsi_frames_get(const struct xsi_frames *f, uint64_t pfn, uint64_t *same)
{
    uint64_t block = pfn / BLOCK;
    size_t i = find(f, block);

    if (f->open_count && pfn >= f->open_first && pfn - f->open_first < f->open_count) {
        *same = f->open_first + f->open_count - pfn;
        return f->open_value;
    }
    if (i < f->count && f->extent[i].first <= block) {
        *same = f->extent[i].bytes ? 1 : (f->extent[i].last + 1) * BLOCK - pfn;
        return f->extent[i].bytes ? f->extent[i].bytes[pfn % BLOCK] : f->extent[i].value;
    }
    *same = i < f->count ? f->extent[i].first * BLOCK - pfn : UINT64_MAX - pfn;
    if (f->open_count && pfn<f->open_first && * same> f->open_first - pfn)
        *same = f->open_first - pfn;
    return 0;
}

const uint8_t *xsi_frames_bytes(const struct xsi_frames *f, uint64_t pfn, size_t *count)
{
    size_t i = find(f, pfn / BLOCK);

    if (i == f->count || f->extent[i].first > pfn / BLOCK || !f->extent[i].bytes)
        return NULL;
    *count = BLOCK - (size_t)(pfn % BLOCK);
    return f->extent[i].bytes + pfn % BLOCK;
}
