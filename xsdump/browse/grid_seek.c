/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a frame to its page, and back. */
#include <stdlib.h>

#include "grid.h"
#include "panels.h"

#define ENTRIES 1024
#define LISTS   64 /* of entries that are looked through for an offset */

/* ---------------------------------------------------------------- frame to page ---- */

const struct pfn_copy *grid_copy(const struct grid *g)
{
    return g->sought && g->copy < g->found.count ? &g->found.copy[g->copy] : NULL;
}

/* The map knows that there is nothing to look for. */
static bool hopeless(const struct grid *g)
{
    unsigned state = xsi_frame_map_at(g->map, g->pfn), kind = state & XSI_FRAME_KIND;

    if (g->fill != GRID_FULL || xsi_frame_map_lost(g->map) || state & XSI_FRAME_TWICE)
        return false;
    return kind == XSI_FRAME_MISSING || kind == XSI_FRAME_HOLE || kind == XSI_FRAME_BROKEN;
}

static void take(struct browse *b, struct grid *g, const struct pfn_found *found)
{
    g->found = *found;
    g->copy = found->count ? found->count - 1 : 0;
    for (size_t i = 0; i < found->count; i++)
        if (found->copy[i].at == g->wanted)
            g->copy = i;
    g->sought = true;
    b->dirty = true;
    /* behind the end it would be clamped, and moved() would end this very job */
    if (found->count && found->copy[g->copy].at < b->doc->size && g->follow &&
        b->view == VIEW_PAGES)
        browse_goto(b, found->copy[g->copy].at, false);
}

struct seek {
    const struct doc *doc;
    uint64_t pfn;
    struct pfn_search *search; /* NULL: what was walked is looked through; wait for the rest */
};

static bool slice(struct browse *b, void *data)
{
    struct seek *s = data;
    struct grid *g = grid_of(b);
    bool whole;

    if (!g || s->doc != b->doc)
        return false;
    if (!s->search && !b->doc->walked)
        return true;
    if (!s->search)
        s->search = pfn_search_new(s->doc, s->pfn, true);
    if (!s->search)
        return false;
    if (pfn_search_slice(s->search))
        return true;
    whole = pfn_search_found(s->search)->whole;
    take(b, g, pfn_search_found(s->search));
    pfn_search_free(s->search);
    s->search = NULL;
    return !whole;
}

static double progress(struct browse *b, void *data)
{
    const struct seek *s = data;

    (void)b;
    return s->search ? pfn_search_progress(s->search) : 1;
}

static void done(void *data)
{
    struct seek *s = data;

    pfn_search_free(s->search);
    free(s);
}

static const struct job job = {
    .what = "looking for the page", .slice = slice, .progress = progress, .free = done
};

void grid_seek(struct browse *b)
{
    static const struct pfn_found nothing = { .whole = true };
    struct grid *g = grid_of(b);
    struct seek *s;

    if (!g)
        return;
    job_stop(b, &job);
    g->sought = false;
    if (hopeless(g)) {
        take(b, g, &nothing);
        return;
    }
    s = calloc(1, sizeof(*s));
    if (s) {
        s->doc = b->doc;
        s->pfn = g->pfn;
        s->search = pfn_search_new(b->doc, g->pfn, true);
        job_start(b, &job, s);
    } else {
        browse_say(b, ROLE_ERROR, "out of memory");
    }
}

/* ---------------------------------------------------------------- offset to frame ---- */

bool grid_frame_at(struct browse *b, uint64_t offset, uint64_t *pfn, uint64_t *page)
{
    struct xsi_page_entry *e = malloc(ENTRIES * sizeof(*e));
    const struct xsi_chunk *chunk = NULL;
    struct xsi_error error;
    struct xsi_walk *walk = xsi_index_open(b->doc->index, offset, &chunk, &error);
    uint64_t at = 0, lists = 0;
    bool any = false;
    ssize_t n;

    /* in front of the pages it is the first entry that counts */
    while (e && walk && chunk->flags & XSI_CHUNK_PAGES && lists++ < LISTS &&
           (n = xsi_chunk_entries(walk, chunk, at, ENTRIES, e)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            if (!any || (e[i].data && e[i].data <= offset)) {
                *pfn = e[i].pfn;
                *page = e[i].data;
                any = true;
            }
        at += (uint64_t)n;
        if (e[n - 1].data > offset)
            break;
    }
    xsi_walk_free(walk);
    free(e);
    return any;
}
