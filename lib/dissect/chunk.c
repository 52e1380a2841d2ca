/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking into the current chunk: fields, bytes, PFN entries; and the frames that are missing. */
#include <errno.h>

#include "internal.h"

#define BODY_MAX (4U << 20) /* bytes of a body that are decoded */

static const struct xsi_layer *layer_of(const struct xsi_walk *w)
{
    return w->chunk_layer && w->chunk_layer <= w->depth ? &w->layer[w->chunk_layer - 1] : NULL;
}

/* What was found out when the gap was met: a pipe has gone by since. */
static void gap_fields(const struct xsi_walk *w, struct xsi_decode *d)
{
    size_t n = w->gap_first_length < d->length ? w->gap_first_length : (size_t)d->length;

    xsi_put_text(d, "looks_like", XSI_TEXT, 0, d->chunk->note, strlen(d->chunk->note));
    if (!(d->chunk->flags & XSI_CHUNK_UNREADABLE) && w->gap_first_at == d->offset)
        xsi_put_text(d, "first_bytes", XSI_BYTES, 0, w->gap_first, n);
}

/*
 * Structures of processors have holes and reserved bytes that no field covers. A digest (FNV-1a) of
 * the whole chunk shows that they differ, for whoever compares two images.
 */
static void put_digest(struct xsi_decode *d)
{
    uint64_t digest = 0xcbf29ce484222325ULL;
    struct xsi_value v = {
        .kind = XSI_HEX,
        .name = "digest",
        .offset = d->offset,
        .length = d->have,
        .level = d->level,
        .help = "FNV-1a of the whole chunk: differs when a byte does, also one that no field shows"
    };

    for (size_t i = 0; i < d->have; i++)
        digest = (digest ^ d->bytes[i]) * 0x100000001b3ULL;
    v.number = digest;
    d->sink->value(d->sink, &v);
}

int xsi_chunk_fields(struct xsi_walk *w, const struct xsi_chunk *c, unsigned detail,
                     struct xsi_sink *sink)
{
    const struct xsi_type *type = c->row;
    const struct xsi_layer *l = layer_of(w);
    struct xsi_decode d = {
        .offset = c->offset, .length = c->length, .detail = detail, .chunk = c, .sink = sink
    };
    uint64_t want = c->flags & XSI_CHUNK_PAGES ? c->meta : c->length;

    if (want > BODY_MAX)
        want = BODY_MAX;
    if (c->flags & XSI_CHUNK_GAP) {
        gap_fields(w, &d);
        return 0;
    }
    d.bytes = xsi_view_peek(&w->view, c->offset, (size_t)want, &d.have);
    if (!type || !type->decode || !l)
        return 0;
    d.state = l->state;
    type->decode(&d);
    if (detail > 1 && !(c->flags & XSI_CHUNK_PAGES)) {
        d.bytes = xsi_view_peek(&w->view, c->offset, (size_t)want, &d.have);
        put_digest(&d);
    }
    return 0;
}

const uint8_t *xsi_chunk_bytes(struct xsi_walk *w, const struct xsi_chunk *c, uint64_t from,
                               size_t want, size_t *have)
{
    *have = 0;
    if (from >= c->length || (c->flags & XSI_CHUNK_UNREADABLE))
        return NULL;
    if (want > c->length - from)
        want = (size_t)(c->length - from);
    return xsi_view_peek(&w->view, c->offset + from, want < XSI_PEEK_MAX ? want : XSI_PEEK_MAX,
                         have);
}

ssize_t xsi_chunk_entries(struct xsi_walk *w, const struct xsi_chunk *c, uint64_t first, size_t max,
                          struct xsi_page_entry *out)
{
    const struct xsi_layer *l = layer_of(w);

    if (!(c->flags & XSI_CHUNK_PAGES) || !l || !l->format->entries)
        return 0;
    return l->format->entries(w, l, c, first, max, out);
}

size_t xsi_walk_missing(const struct xsi_walk *w, size_t max, uint64_t (*ranges)[2])
{
    const struct xsi_pfnset *s = &w->present;
    uint64_t next = 0, limit = w->info.p2m_size;
    size_t n = 0;

    if (!w->info.has_p2m_size || s->overflow)
        return 0;
    for (size_t i = 0; i <= s->count && next < limit; i++) {
        uint64_t first = i < s->count ? s->range[i][0] : limit;

        if (first > limit)
            first = limit;
        if (first > next) {
            if (n < max) {
                ranges[n][0] = next;
                ranges[n][1] = first - 1;
            }
            n++;
        }
        if (i < s->count && s->range[i][1] >= next)
            next = s->range[i][1] + 1;
    }
    return n;
}
