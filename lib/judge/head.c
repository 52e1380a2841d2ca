/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the judge must know before it starts: the stack, the kind of guest, the widths. A walk over
 * a copy of the image's first bytes tells, without consuming anything of a pipe.
 */
#include <stdlib.h>

#include "internal.h"

#define CHUNKS_MAX 64 /* of the memory stream: by then all facts of its head are known */

static bool is_stream(const char *layer)
{
    const struct xsi_layer_row *row;

    return xsi_format_of(layer, &row) && row->kind == XSI_LAYER_STREAM;
}

/* Walk n bytes. *whole: the head of the memory stream was there in full. */
static void walk_head(struct xsi_shared *s, const uint8_t *p, size_t n, const char *as, bool *whole)
{
    struct xsi_walk_options options = { .as = as };
    struct xsi_error err;
    struct xsi_source *src = xsi_source_memory(p, n);
    struct xsi_walk *walk = src ? xsi_walk_new(src, &options, &err) : NULL;
    struct xsi_event ev;
    unsigned chunks = 0;

    *whole = false;
    while (walk && !*whole && xsi_walk_next(walk, &ev) > 0) {
        if (ev.kind != XSI_EV_CHUNK || !is_stream(ev.chunk->layer))
            continue;
        if (!chunks)
            s->stream_start = ev.chunk->offset;
        *whole = (ev.chunk->flags & XSI_CHUNK_PAGES) || ++chunks > CHUNKS_MAX;
        chunks += !chunks;
    }
    if (walk)
        s->info = *xsi_walk_info(walk);
    if (walk && xsi_forced_guest(walk) != XSI_GUEST_UNKNOWN)
        s->info.guest = xsi_forced_guest(walk);
    xsi_walk_free(walk);
    xsi_source_free(src);
}

/*
 * The models of the outermost layer that has one, and of the stream. An image that was cut in front
 * of its stream still has a container that a toolstack would read.
 */
static bool find_models(struct xsi_shared *s)
{
    const struct xsi_layer_row *row;

    for (size_t i = 0; i < s->info.stack_length; i++) {
        const struct xsi_format *format = xsi_format_of(s->info.stack[i], &row);

        if (!format || !format->model)
            continue;
        if (!s->outer)
            s->outer = format->model;
        if (row->kind == XSI_LAYER_STREAM && !s->inner)
            s->inner = format->model;
    }
    return s->outer != NULL;
}

bool xsi_shared_look(struct xsi_shared *s, const char *as, enum xsi_guest guest)
{
    bool faulty = s->view->faulty, whole = false;
    size_t want = XSI_HEAD_BYTES, have = 0;

    s->budget = XSI_SHARED_BYTES;
    for (; !whole && want <= XSI_HEAD_MAX; want *= 32) {
        const uint8_t *p = xsi_view_peek(s->view, 0, want, &have);

        walk_head(s, p, have, as, &whole);
        if (have < want)
            break;
    }
    s->view->faulty = faulty; /* what could not be read is the walk's to say */
    if (guest != XSI_GUEST_UNKNOWN)
        s->info.guest = guest;
    return find_models(s);
}
