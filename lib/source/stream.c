/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What forward-only sources share: position, skipping, read-ahead, peeking, end and fault. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Call the kind's pull function and remember for good when nothing follows. */
static ssize_t pull(struct xsi_stream *st, void *buf, size_t len)
{
    ssize_t n = st->pull(st, buf, len);

    if (n == 0)
        st->ended = true;
    if (n < 0) {
        st->fault = st->src.error;
        st->fault.code = (int)-n;
    }
    return n;
}

/* Nothing buffered: what is there to be said instead of bytes? 1 = go on and pull. */
static ssize_t state(struct xsi_stream *st)
{
    if (st->fault.code) {
        st->src.error = st->fault;
        return -st->fault.code;
    }
    return st->ended ? 0 : 1;
}

/* Give out 1 … len bytes, or drop them when out is NULL. 0 at the end, -errno on a fault. */
static ssize_t next(struct xsi_stream *st, void *out, size_t len)
{
    if (!st->have) {
        ssize_t n = state(st);

        if (n <= 0)
            return n;
        if (!out || len >= st->read_ahead) {
            n = pull(st, out, len);
            st->position += n > 0 ? (uint64_t)n : 0;
            return n;
        }
        n = pull(st, st->buffer, st->capacity);
        if (n <= 0)
            return n;
        st->at = 0;
        st->have = (size_t)n;
    }
    if (len > st->have)
        len = st->have;
    if (out)
        memcpy(out, st->buffer + st->at, len);
    st->at += len;
    st->have -= len;
    st->position += len;
    return (ssize_t)len;
}

static ssize_t stream_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    struct xsi_stream *st = (struct xsi_stream *)src;
    size_t done = 0;
    ssize_t n = 1;

    if (offset < st->position)
        return xsi_source_fault(&src->error, ESPIPE,
                                "'%s' can only be read forward: offset %#llx lies before %#llx, "
                                "which it has reached; save it to a file and open that",
                                src->name, (unsigned long long)offset,
                                (unsigned long long)st->position);
    while (n > 0 && st->position < offset) {
        uint64_t left = offset - st->position;

        n = next(st, NULL, left > SSIZE_MAX ? SSIZE_MAX : (size_t)left);
    }
    while (n > 0 && done < len) {
        n = next(st, (uint8_t *)buf + done, len - done);
        if (n > 0)
            done += (size_t)n;
    }
    return done || n >= 0 ? (ssize_t)done : n;
}

static ssize_t stream_peek(struct xsi_source *src, void *buf, size_t len)
{
    struct xsi_stream *st = (struct xsi_stream *)src;

    if (len > st->capacity)
        len = st->capacity;
    if (!st->have)
        st->at = 0;
    /* Only called at the start, so the buffer is filled from its beginning. */
    while (st->have < len && state(st) > 0) {
        size_t want = st->read_ahead ? st->capacity : len;
        ssize_t n = pull(st, st->buffer + st->have, want - st->have);

        if (n > 0)
            st->have += (size_t)n;
    }
    if (!st->have && st->fault.code)
        return state(st);
    if (len > st->have)
        len = st->have;
    memcpy(buf, st->buffer + st->at, len);
    return (ssize_t)len;
}

static bool stream_size(const struct xsi_source *src, uint64_t *size)
{
    const struct xsi_stream *st = (const struct xsi_stream *)src;

    *size = st->position + st->have;
    return st->ended;
}

static void stream_free(struct xsi_source *src)
{
    struct xsi_stream *st = (struct xsi_stream *)src;

    st->close(st);
    free(st->buffer);
    free(st);
}

static const struct xsi_source_ops stream_ops = {
    .read = stream_read,
    .size = stream_size,
    .peek = stream_peek,
    .free = stream_free,
};

struct xsi_stream *xsi_stream_new(size_t size, size_t capacity, const char *name,
                                  struct xsi_error *err)
{
    struct xsi_stream *st = calloc(1, size);
    uint8_t *buffer = malloc(capacity);

    if (!st || !buffer) {
        free(st);
        free(buffer);
        xsi_source_fault(err, ENOMEM, "out of memory while opening '%s'", name);
        return NULL;
    }
    xsi_source_init(&st->src, &stream_ops, XSI_SOURCE_PIPE, name);
    st->buffer = buffer;
    st->capacity = capacity;
    return st;
}
