/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A walk that has just given out a chunk, put away: later a walk can go on from there as often as
 * it is wanted. Kept is what the next steps depend on; windows over the source, findings that wait,
 * and the frames seen so far are not. The states of layers are flat memory (xsi_plugin.h), so all
 * of it is a few structures, mostly zero: they are stored without their zero grains.
 */
#include <stdlib.h>

#include "internal.h"

#define GRAIN 16U

struct xsi_bookmark {
    size_t size; /* bytes of all of it */
    uint8_t bytes[];
};

static bool all_zero(const uint8_t *p, size_t n)
{
    uint64_t word[GRAIN / 8] = { 0 };

    if (n == GRAIN)
        memcpy(word, p,
               GRAIN); /* of a length that the compiler knows: this is the cost of it all */
    else
        memcpy(word, p, n);
    return !(word[0] | word[1]);
}

/*
 * An area as a map (a bit per grain that is not zero) and these grains. Returns its packed length;
 * out NULL: only that.
 */
static size_t pack(const void *area, size_t size, uint8_t *out)
{
    size_t used = (size / GRAIN + 8) / 8;
    const uint8_t *p = area;

    if (out)
        memset(out, 0, used);
    for (size_t at = 0; at < size; at += GRAIN) {
        size_t n = size - at < GRAIN ? size - at : GRAIN;

        if (all_zero(p + at, n))
            continue;
        if (out) {
            out[at / GRAIN / 8] |= (uint8_t)(1U << (at / GRAIN % 8));
            memcpy(out + used, p + at, n);
        }
        used += n;
    }
    return used;
}

/* The other way, into zeroed memory. */
static size_t unpack(const uint8_t *in, void *area, size_t size)
{
    size_t used = (size / GRAIN + 8) / 8;
    uint8_t *p = area;

    for (size_t at = 0; at < size; at += GRAIN) {
        size_t n = size - at < GRAIN ? size - at : GRAIN;

        if (!(in[at / GRAIN / 8] >> (at / GRAIN % 8) & 1))
            continue;
        memcpy(p + at, in + used, n);
        used += n;
    }
    return used;
}

/* A copy of the walk owns nothing and remembers nothing of the image as a whole. */
static void strip(struct xsi_walk *w)
{
    memset(w->view.slot, 0, sizeof(w->view.slot));
    memset(&w->present, 0, sizeof(w->present));
    w->present.overflow = true; /* frames are not collected */
    w->options.as = NULL;       /* has been read into `forced` */
    w->queue = NULL;
    w->queue_head = w->queue_count = w->queue_capacity = 0;
    w->codes = NULL;
    w->code_count = w->code_capacity = 0;
    w->scan_block = NULL;
    w->magic = w->scratch = NULL;
    for (size_t i = 0; i < XSI_DEPTH_MAX; i++)
        w->layer[i].state = NULL;
}

static size_t pack_all(const struct xsi_walk *stripped, const struct xsi_layer *layer, uint8_t *out)
{
    size_t used = pack(stripped, sizeof(*stripped), out);

    for (size_t i = 0; i < stripped->depth; i++)
        used += pack(layer[i].state, layer[i].format->state_size, out ? out + used : NULL);
    return used;
}

struct xsi_bookmark *xsi_bookmark_new(const struct xsi_walk *w)
{
    struct xsi_bookmark *b;
    struct xsi_walk copy;
    size_t size;

    memcpy(&copy, w, sizeof(copy));
    strip(&copy);
    size = sizeof(*b) + pack_all(&copy, w->layer, NULL);
    b = malloc(size);
    if (!b)
        return NULL;
    b->size = size;
    pack_all(&copy, w->layer, b->bytes);
    return b;
}

struct xsi_walk *xsi_bookmark_open(const struct xsi_bookmark *b)
{
    struct xsi_walk *w = calloc(1, sizeof(*w));
    const uint8_t *in = b->bytes;

    if (!w)
        return NULL;
    in += unpack(in, w, sizeof(*w));
    for (size_t i = 0; i < w->depth; i++) {
        size_t size = w->layer[i].format->state_size;

        w->layer[i].state = calloc(1, size ? size : 1);
        if (!w->layer[i].state) {
            xsi_walk_free(w);
            return NULL;
        }
        in += unpack(in, w->layer[i].state, size);
    }
    return w;
}

size_t xsi_bookmark_size(const struct xsi_bookmark *b)
{
    return b ? b->size : 0;
}
