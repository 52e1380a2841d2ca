/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Windows over a source. A source that can seek has a few windows, replaced least recently used
 * first, each filled by one pread of exactly what is asked for (or the layer's read-ahead, which is
 * one batch header with its PFN array). A forward-only source has one window that slides: slot 0
 * holds everything from `floor` to what was read so far, slot 1 an optional copy of a chunk's head;
 * when slot 0 grows, the last two buffers that it had stay for a while, in slots 2 and 3, because
 * somebody may still look at them. A source of the third kind (an image as it is converted) goes
 * forward only, but has windows as one that can seek.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

void xsi_view_init(struct xsi_view *v, struct xsi_source *src)
{
    memset(v, 0, sizeof(*v));
    v->src = src;
    v->retain = XSI_RETAIN_MAX;
}

void xsi_view_free(struct xsi_view *v)
{
    for (size_t i = 0; i < XSI_VIEW_SLOTS; i++)
        free(v->slot[i].bytes);
    memset(v->slot, 0, sizeof(v->slot));
}

/* What lies ahead can be read without what lies between. */
static bool anywhere(const struct xsi_view *v)
{
    return xsi_source_seekable(v->src) || xsi_source_ahead(v->src);
}

static bool window_reserve(struct xsi_window *s, size_t capacity)
{
    uint8_t *bytes;

    if (s->capacity >= capacity)
        return true;
    capacity = (capacity + 0xffff) & ~(size_t)0xffff;
    bytes = realloc(s->bytes, capacity);
    if (!bytes)
        return false;
    s->bytes = bytes;
    s->capacity = capacity;
    return true;
}

static void fault(struct xsi_view *v, int code, uint64_t at)
{
    if (v->faulty && v->fault_at <= at)
        return;
    v->faulty = true;
    v->fault_code = code;
    v->fault_at = at;
}

/* Append to a window from the source until it holds `length` bytes; notes end and faults. */
static void window_fill(struct xsi_view *v, struct xsi_window *s, size_t length)
{
    while (s->length < length) {
        ssize_t n = xsi_source_read(v->src, s->bytes + s->length, length - s->length,
                                    s->offset + s->length);

        if (n < 0)
            fault(v, (int)n, s->offset + s->length);
        if (n <= 0) {
            if (!xsi_source_seekable(v->src)) { /* what broke off has its end here too */
                v->ended = true;
                if (!anywhere(v) || !xsi_source_size(v->src, &v->end))
                    v->end = s->offset + s->length;
            }
            return;
        }
        s->length += (size_t)n;
    }
}

static const uint8_t *window_bytes(struct xsi_view *v, struct xsi_window *s, uint64_t offset,
                                   size_t want, size_t *have)
{
    size_t skip = (size_t)(offset - s->offset);
    size_t left = s->length - skip;

    s->used = ++v->stamp;
    *have = left < want ? left : want;
    return s->bytes + skip;
}

static bool window_covers(const struct xsi_window *s, uint64_t offset, size_t want)
{
    return s->length && offset >= s->offset && offset - s->offset <= s->length &&
           want <= s->length - (offset - s->offset);
}

static const uint8_t *peek_seek(struct xsi_view *v, uint64_t offset, size_t want, size_t *have)
{
    struct xsi_window *oldest = &v->slot[0];
    uint64_t size = 0;
    size_t length = want > v->ahead ? want : v->ahead;
    bool was_faulty;

    if (!xsi_source_seekable(v->src) && offset < v->floor)
        return NULL; /* given up */
    if (xsi_source_size(v->src, &size)) {
        if (offset >= size)
            return NULL;
        if (want > size - offset)
            want = (size_t)(size - offset);
        if (length > size - offset)
            length = (size_t)(size - offset);
    }
    for (size_t i = 0; i < XSI_VIEW_SLOTS; i++) {
        if (window_covers(&v->slot[i], offset, want))
            return window_bytes(v, &v->slot[i], offset, want, have);
        if (v->slot[i].used < oldest->used)
            oldest = &v->slot[i];
    }
    oldest->length = 0;
    if (!window_reserve(oldest, length)) {
        fault(v, -ENOMEM, offset);
        return NULL;
    }
    oldest->offset = offset;
    was_faulty = v->faulty;
    window_fill(v, oldest, length);
    if (!was_faulty && oldest->length >= want)
        v->faulty = false; /* a hole that only the read-ahead met: it is not asked for yet */
    return window_bytes(v, oldest, offset, want, have);
}

/* A larger buffer for the sliding window. */
static bool stream_reserve(struct xsi_view *v, size_t capacity)
{
    struct xsi_window *s = &v->slot[0], larger = { .offset = s->offset, .length = s->length };

    if (s->capacity >= capacity)
        return true;
    if (!window_reserve(&larger, capacity > 2 * s->capacity ? capacity : 2 * s->capacity))
        return false;
    if (s->length)
        memcpy(larger.bytes, s->bytes, s->length);
    free(v->slot[3].bytes);
    v->slot[3] = v->slot[2];
    v->slot[2] = *s;
    *s = larger;
    return true;
}

static const uint8_t *peek_stream(struct xsi_view *v, uint64_t offset, size_t want, size_t *have)
{
    struct xsi_window *s = &v->slot[0];
    struct xsi_window *held = &v->slot[1];
    size_t need;

    if (window_covers(held, offset, want ? want : 1))
        return window_bytes(v, held, offset, want, have);
    if (offset < s->offset || offset - v->floor > v->retain ||
        want > v->retain - (offset - v->floor))
        return NULL;
    if (s->offset < v->floor) {
        size_t drop = v->floor - s->offset < s->length ? (size_t)(v->floor - s->offset) : s->length;

        memmove(s->bytes, s->bytes + drop, s->length - drop);
        s->length -= drop;
        s->offset = v->floor; /* bytes between were skipped: the source discards them */
    }
    need = (size_t)(offset - s->offset) + want;
    if (need > s->length && !v->ended && !v->faulty) {
        if (!stream_reserve(v, need)) {
            fault(v, -ENOMEM, offset);
            return NULL;
        }
        window_fill(v, s, need);
    }
    if (offset - s->offset >= s->length)
        return NULL;
    return window_bytes(v, s, offset, want, have);
}

const uint8_t *xsi_view_peek(struct xsi_view *v, uint64_t offset, size_t want, size_t *have)
{
    static const uint8_t nothing[1];
    const uint8_t *p = NULL;

    *have = 0;
    if (want && want <= XSI_PEEK_MAX + XSI_SCAN_BLOCK)
        p = anywhere(v) ? peek_seek(v, offset, want, have) : peek_stream(v, offset, want, have);
    return p ? p : nothing;
}

void xsi_view_hold(struct xsi_view *v, uint64_t offset, size_t length)
{
    struct xsi_window *held = &v->slot[1];
    const uint8_t *p;
    size_t have;

    if (anywhere(v))
        return;
    held->length = 0;
    p = xsi_view_peek(v, offset, length, &have);
    if (!have || !window_reserve(held, have))
        return;
    memcpy(held->bytes, p, have);
    held->offset = offset;
    held->length = have;
}

void xsi_view_advance(struct xsi_view *v, uint64_t offset)
{
    if (offset > v->floor)
        v->floor = offset;
}

/* A forward-only source: read on until offset+length or the end, keeping nothing. */
static uint64_t extent_stream(struct xsi_view *v, uint64_t offset, uint64_t length)
{
    const struct xsi_window *s = &v->slot[0];
    size_t have;
    uint64_t at = offset < v->floor ? s->offset + s->length : offset; /* before: it has gone by */

    if (at < v->floor)
        at = v->floor;
    while (at - offset < length && !v->ended && !v->faulty) {
        uint64_t left = length - (at - offset);
        size_t part = left < XSI_SCAN_BLOCK ? (size_t)left : XSI_SCAN_BLOCK;

        xsi_view_advance(v, at);
        (void)xsi_view_peek(v, at, part, &have);
        at += have;
        if (have < part)
            break;
    }
    return at - offset < length ? at - offset : length;
}

/* The same within what is retained: nothing is given up. */
static uint64_t extent_kept(struct xsi_view *v, uint64_t offset, uint64_t length)
{
    uint64_t done = 0;
    size_t have = 1;

    while (done < length && have) {
        uint64_t left = length - done;

        (void)xsi_view_peek(v, offset + done, left < XSI_SCAN_BLOCK ? (size_t)left : XSI_SCAN_BLOCK,
                            &have);
        done += have;
    }
    return done;
}

uint64_t xsi_view_extent(struct xsi_view *v, uint64_t offset, uint64_t length)
{
    uint64_t size = 0, end;
    size_t have;

    if (xsi_source_seekable(v->src) || v->ended) {
        if (v->ended && !xsi_source_seekable(v->src))
            size = v->end;
        else if (!xsi_source_size(v->src, &size))
            return length;
        if (offset >= size)
            return 0;
        return length < size - offset ? length : size - offset;
    }
    end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
    if (anywhere(v)) { /* its last byte tells, unless the end is known by now */
        if (xsi_source_size(v->src, &size))
            return offset < size ? (length < size - offset ? length : size - offset) : 0;
        if (length)
            (void)xsi_view_peek(v, end - 1, 1, &have);
        if (!v->ended)
            return length;
        return offset < v->end ? (length < v->end - offset ? length : v->end - offset) : 0;
    }
    if (offset >= v->floor && end - v->floor <= v->retain)
        return extent_kept(v, offset, length);
    return extent_stream(v, offset, length);
}
