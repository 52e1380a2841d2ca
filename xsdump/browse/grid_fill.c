/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map of guest frames of a document, filled in slices by a walk of its own. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "panels.h"

#define STEPS    16                  /* chunks or lists of entries in a slice */
#define P2M_SANE (UINT64_C(1) << 32) /* frames of 16 TiB: no Xen guest has had more */
#define FAR      4                   /* times the frames that there are */

/* ---------------------------------------------------------------- the state ---- */

static void drop(struct grid *g)
{
    xsi_walk_free(g->walk);
    xsi_frame_map_free(g->map);
}

struct grid *grid_of(struct browse *b)
{
    struct grid *g = b->slot[PANEL_GRID];

    if (!g)
        g = b->slot[PANEL_GRID] = calloc(1, sizeof(*g));
    if (g && g->doc != b->doc) {
        drop(g);
        memset(g, 0, sizeof(*g));
        g->doc = b->doc;
        g->shift = -1;
        g->map = xsi_frame_map_new();
    }
    return g && g->map ? g : NULL;
}

void grid_free(void *slot)
{
    drop(slot);
    free(slot);
}

uint64_t grid_p2m(const struct browse *b)
{
    const struct xsi_info *info = xsi_walk_info(b->doc->im.walk);

    return info->has_p2m_size && info->p2m_size <= P2M_SANE ? info->p2m_size : 0;
}

/* Frames far beyond the others are damage: the grid does not go there before the cursor does. */
uint64_t grid_frames(const struct browse *b, const struct grid *g)
{
    uint64_t p2m = grid_p2m(b), end = xsi_frame_map_end(g->map), named = 0, base;
    struct xsi_frame_counts n;

    xsi_frame_map_count(g->map, 0, end, &n);
    for (unsigned kind = XSI_FRAME_PRESENT; kind <= XSI_FRAME_KIND; kind++)
        named += n.kind[kind];
    base = p2m >= named ? p2m : named * FAR;
    if (end / FAR > base)
        end = base;
    if (end < p2m)
        end = p2m;
    return end > g->pfn ? end : g->pfn + 1;
}

/* ---------------------------------------------------------------- the walk ---- */

static bool fail(struct browse *b, struct grid *g)
{
    g->fill = GRID_FAILED;
    browse_say(b, ROLE_ERROR, "the batches behind 0x%" PRIx64 " cannot be read: %s", g->at,
               g->error.text);
    return false;
}

static bool end(struct grid *g)
{
    g->fill = GRID_FULL;
    g->chunk = NULL;
    xsi_walk_free(g->walk);
    g->walk = NULL;
    return false;
}

static bool begin(struct browse *b, struct grid *g)
{
    if (!xsi_index_chunks(b->doc->index)) /* nothing to begin with yet */
        return b->doc->walked ? end(g) : true;
    g->entry = 0;
    g->walk = xsi_index_open(b->doc->index, 0, &g->chunk, &g->error);
    return g->walk ? true : fail(b, g);
}

/* False: it is over. */
static bool step(struct browse *b, struct grid *g)
{
    struct xsi_event ev;
    ssize_t n;
    int rc;

    if (!g->walk)
        return begin(b, g);
    n = g->chunk ? xsi_frame_map_add(g->map, g->walk, g->chunk, g->entry) : 0;
    if (n > 0) {
        g->entry += (uint64_t)n;
        g->at = g->chunk->offset;
        g->changes++;
        return true;
    }
    rc = xsi_walk_next(g->walk, &ev);
    if (rc < 0)
        g->error = *xsi_walk_error(g->walk);
    if (rc <= 0)
        return rc ? fail(b, g) : end(g);
    if (ev.kind == XSI_EV_PROGRESS)
        g->at = xsi_walk_position(g->walk);
    g->chunk = ev.kind == XSI_EV_CHUNK ? ev.chunk : NULL;
    g->entry = 0;
    if (g->chunk && strcmp(g->chunk->type, "COMPRESSED_DATA") == 0)
        g->packed = true;
    return true;
}

/* ---------------------------------------------------------------- the job ---- */

static bool slice(struct browse *b, void *data)
{
    struct grid *g = data;

    if (g != b->slot[PANEL_GRID] || g->doc != b->doc)
        return false;
    for (int n = 0; n < STEPS; n++)
        if (!step(b, g))
            return false;
    return true;
}

static double progress(struct browse *b, void *data)
{
    const struct grid *g = data;

    return b->doc->size ? (double)g->at / (double)b->doc->size : 1;
}

static void stopped(void *data)
{
    struct grid *g = data;

    if (g->fill == GRID_FILLING)
        g->fill = GRID_EMPTY;
}

static const struct job job = {
    .what = "reading the batches", .slice = slice, .progress = progress, .free = stopped
};

void grid_read(struct browse *b)
{
    struct grid *g = grid_of(b);

    if (!g || g->fill != GRID_EMPTY)
        return;
    job_start(b, &job, g); /* ends the one of another document */
    g->fill = GRID_FILLING;
}
