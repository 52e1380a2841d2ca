/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Output that was made and may still be read: stretches of bytes, or of the input. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define SMALL 65536U /* short bytes join the segment in front of them up to this size */

static struct xsi_segment *row(const struct xsi_queue *q, size_t i)
{
    return &q->row[(q->head + i) % q->capacity];
}

static struct xsi_segment *add(struct xsi_queue *q)
{
    struct xsi_segment *s;

    if (q->count == q->capacity) {
        size_t capacity = q->capacity ? 2 * q->capacity : 64;
        struct xsi_segment *larger = calloc(capacity, sizeof(*larger));

        if (!larger)
            return NULL;
        for (size_t i = 0; i < q->count; i++)
            larger[i] = *row(q, i);
        free(q->row);
        q->row = larger;
        q->head = 0;
        q->capacity = capacity;
    }
    s = row(q, q->count++);
    *s = (struct xsi_segment){ .at = q->end };
    return s;
}

int xsi_queue_bytes(struct xsi_queue *q, const void *bytes, size_t n)
{
    struct xsi_segment *s = q->count ? row(q, q->count - 1) : NULL;
    uint8_t *larger;

    if (!n)
        return 0;
    if (s && s->bytes && n < SMALL && s->length < SMALL) {
        larger = realloc(s->bytes, (size_t)s->length + n);
        if (!larger)
            return -ENOMEM;
        s->bytes = larger;
        memcpy(larger + s->length, bytes, n);
        s->length += n;
        q->end += n;
        return 0;
    }
    larger = malloc(n);
    s = larger ? add(q) : NULL;
    if (!s) {
        free(larger);
        return -ENOMEM;
    }
    memcpy(larger, bytes, n);
    s->bytes = larger;
    s->length = n;
    q->end += n;
    return 0;
}

int xsi_queue_input(struct xsi_queue *q, uint64_t offset, uint64_t length, uint64_t *pfn)
{
    struct xsi_segment *s = length ? add(q) : NULL;

    if (!s) {
        free(pfn);
        return length ? -ENOMEM : 0;
    }
    s->offset = offset;
    s->length = length;
    s->pfn = pfn;
    q->end += length;
    return 0;
}

const struct xsi_segment *xsi_queue_at(const struct xsi_queue *q, uint64_t at)
{
    size_t low = 0, high = q->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct xsi_segment *s = row(q, middle);

        if (at < s->at)
            high = middle;
        else if (at - s->at >= s->length)
            low = middle + 1;
        else
            return s;
    }
    return NULL;
}

void xsi_queue_drop(struct xsi_queue *q, uint64_t at)
{
    while (q->count && row(q, 0)->at + row(q, 0)->length <= at) {
        free(row(q, 0)->bytes);
        free(row(q, 0)->pfn);
        q->head = (q->head + 1) % q->capacity;
        q->count--;
    }
}

void xsi_queue_origin(struct xsi_queue *q, const struct xsi_chunk *chunk)
{
    size_t last = (q->origin_next + XSI_ORIGINS - 1) % XSI_ORIGINS;

    if (q->origin_count && q->origin[last].at == q->end)
        q->origin_next = last; /* it made nothing of the output */
    else if (q->origin_count < XSI_ORIGINS)
        q->origin_count++;
    q->origin[q->origin_next].at = q->end;
    q->origin[q->origin_next].from = (struct xsi_origin){
        .offset = chunk->offset, .length = chunk->length, .layer = chunk->layer, .type = chunk->type
    };
    q->origin_next = (q->origin_next + 1) % XSI_ORIGINS;
}

bool xsi_convert_origin(const struct xsi_convert *c, uint64_t at, struct xsi_origin *out)
{
    const struct xsi_queue *q = &c->queue;

    for (size_t i = 1; i <= q->origin_count; i++) {
        size_t k = (q->origin_next + XSI_ORIGINS - i) % XSI_ORIGINS;

        if (q->origin[k].at <= at) {
            *out = q->origin[k].from;
            return true;
        }
    }
    return false;
}

void xsi_queue_free(struct xsi_queue *q)
{
    xsi_queue_drop(q, UINT64_MAX);
    free(q->row);
    *q = (struct xsi_queue){ 0 };
}
