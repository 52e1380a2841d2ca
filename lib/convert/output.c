/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The output as a source. It goes forward only, but what lies ahead can be read without what lies
 * between: page data that nobody looks at stays where it is.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static struct xsi_convert *of(const struct xsi_source *src)
{
    return ((const struct xsi_output *)src)->c;
}

/* Up to len bytes of one segment. */
static ssize_t piece(struct xsi_source *src, const struct xsi_segment *s, void *buf, size_t len,
                     uint64_t offset)
{
    struct xsi_convert *c = of(src);
    uint64_t from = offset - s->at;
    ssize_t got;

    if (len > s->length - from)
        len = (size_t)(s->length - from);
    if (s->bytes) {
        memcpy(buf, s->bytes + from, len);
        return (ssize_t)len;
    }
    got = xsi_source_read(c->src, buf, len, s->offset + from);
    if (got > 0)
        return got;
    if (got == -EIO && s->pfn) { /* told when it is written */
        memset(buf, 0, len);
        return (ssize_t)len;
    }
    if (got < 0)
        src->error = *xsi_source_error(c->src);
    else
        got = xsi_source_fault(&src->error, ESTALE, "the image became shorter while it was read");
    return got;
}

static ssize_t output_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    struct xsi_convert *c = of(src);
    struct xsi_output *o = &c->output;
    size_t done = 0;

    while (done < len) {
        uint64_t at = offset + done;
        const struct xsi_segment *s;
        ssize_t n = 1;

        while (c->queue.end <= at && (n = xsi_convert_produce(c)) > 0)
            ;
        if (n < 0 && !done)
            src->error = c->error;
        if (n <= 0 && c->queue.end <= at)
            return done ? (ssize_t)done : n;
        s = xsi_queue_at(&c->queue, at);
        if (!s)
            return done ? (ssize_t)done
                        : xsi_source_fault(&src->error, ESPIPE,
                                           "the output can only be read forward");
        n = piece(src, s, (uint8_t *)buf + done, len - done, at);
        if (n < 0)
            return done ? (ssize_t)done : n;
        done += (size_t)n;
    }
    if (o->furthest < offset + done)
        o->furthest = offset + done;
    if (!c->hold && o->furthest > XSI_HELD_BACK)
        xsi_queue_drop(&c->queue, o->furthest - XSI_HELD_BACK);
    return (ssize_t)done;
}

static bool output_size(const struct xsi_source *src, uint64_t *size)
{
    *size = of(src)->queue.end;
    return of(src)->phase == XSI_CONVERT_DONE;
}

/* It is the conversion's own. */
static void output_free(struct xsi_source *src)
{
    (void)src;
}

static const struct xsi_source_ops output_ops = {
    .read = output_read,
    .size = output_size,
    .free = output_free,
};

void xsi_output_init(struct xsi_convert *c)
{
    xsi_source_init(&c->output.src, &output_ops, XSI_SOURCE_PIPE, "the converted image");
    c->output.src.ahead = true;
    c->output.c = c;
}

struct xsi_source *xsi_convert_source(struct xsi_convert *c)
{
    return &c->output.src;
}
