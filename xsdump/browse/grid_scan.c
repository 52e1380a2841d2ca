/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All page data, read in slices: which pages are zeros, which are equal to one before them. The
 * numbers are those of `xsdump --pages`. */
#include <inttypes.h>
#include <stdlib.h>

#include "actions.h"
#include "grid.h"
#include "panels.h"

#define ENTRIES 256 /* 1 MiB of pages: what a slice reads */

struct scan {
    struct page_watch watch;
    struct grid *grid;
    const struct doc *doc; /* whose pages they are */
    struct page_data *pages;
    struct image im; /* the walk that reads, and the document's source */
    const struct xsi_chunk *chunk;
    uint64_t entry, at;
    /* frames in order that hold the same */
    uint64_t first, count;
    enum page_content what;
    struct xsi_page_entry entries[ENTRIES];
};

/* ---------------------------------------------------------------- marks ---- */

static void mark(struct scan *s)
{
    static const unsigned marks[] = {
        [PAGE_UNLIKE] = 0, [PAGE_ZERO] = XSI_FRAME_ZERO, [PAGE_ALIKE] = XSI_FRAME_ALIKE
    };

    if (s->count)
        xsi_frame_map_mark(s->grid->map, s->first, s->count, XSI_FRAME_ZERO | XSI_FRAME_ALIKE,
                           marks[s->what]);
    s->count = 0;
}

static void got_page(struct page_watch *watch, uint64_t pfn, enum page_content what)
{
    struct scan *s = (struct scan *)watch;

    if (s->count && (pfn != s->first + s->count || what != s->what))
        mark(s);
    if (!s->count)
        s->first = pfn;
    s->what = what;
    s->count++;
}

/* ---------------------------------------------------------------- slices ---- */

static bool end(struct browse *b, struct scan *s, bool whole)
{
    struct page_sums sums;
    char text[240];

    page_data_sums(s->pages, &sums);
    if (!whole) {
        browse_say(b, ROLE_ERROR, "the pages behind 0x%" PRIx64 " cannot be read", s->at);
        return false;
    }
    snprintf(text, sizeof(text), "%" PRIu64 " pages with data: %" PRIu64 " all zero, ", sums.pages,
             sums.zero);
    if (sums.tracked)
        text_add(text, sizeof(text), "%" PRIu64 " alike, %" PRIu64 " distinct others",
                 sums.duplicate, sums.distinct);
    else
        text_add(text, sizeof(text), "too many distinct others to tell which are alike");
    if (sums.short_pages)
        text_add(text, sizeof(text), "; %" PRIu64 " cannot be read", sums.short_pages);
    browse_say(b, sums.short_pages ? ROLE_WARNING : ROLE_INFO, "%s", text);
    return false;
}

static bool step(struct browse *b, struct scan *s)
{
    struct xsi_event ev;
    ssize_t n = 0;
    int rc;

    if (s->chunk && s->chunk->flags & XSI_CHUNK_PAGES)
        n = xsi_chunk_entries(s->im.walk, s->chunk, s->entry, ENTRIES, s->entries);
    if (n > 0) {
        page_data_entries(s->pages, &s->im, s->chunk, s->entries, (size_t)n);
        s->entry += (uint64_t)n;
        s->at = s->entries[n - 1].data ? s->entries[n - 1].data : s->chunk->offset;
        mark(s);
        s->grid->changes++;
        return true;
    }
    rc = xsi_walk_next(s->im.walk, &ev);
    if (rc <= 0)
        return end(b, s, rc == 0);
    s->chunk = ev.kind == XSI_EV_CHUNK ? ev.chunk : NULL;
    s->entry = 0;
    return true;
}

static bool slice(struct browse *b, void *data)
{
    struct scan *s = data;
    struct xsi_error error = { 0, "" };

    if (s->grid != b->slot[PANEL_GRID] || s->grid->doc != b->doc || s->doc != b->doc)
        return false;
    if (s->grid->fill == GRID_FILLING) /* marks go on frames that are named */
        return true;
    if (!s->im.walk) {
        if (!xsi_index_chunks(b->doc->index))
            return end(b, s, true);
        s->im.walk = xsi_index_open(b->doc->index, 0, &s->chunk, &error);
        if (!s->im.walk)
            return end(b, s, false);
    }
    return step(b, s);
}

static double progress(struct browse *b, void *data)
{
    const struct scan *s = data;

    return b->doc->size ? (double)s->at / (double)b->doc->size : 1;
}

static void done(void *data)
{
    struct scan *s = data;

    xsi_walk_free(s->im.walk);
    page_data_free(s->pages);
    free(s);
}

static const struct job job = {
    .what = "reading all pages", .slice = slice, .progress = progress, .free = done
};

void key_scan_pages(struct browse *b)
{
    struct grid *g = grid_of(b);
    struct scan *s = g ? calloc(1, sizeof(*s)) : NULL;

    if (s) {
        s->watch.page = got_page;
        s->grid = g;
        s->doc = b->doc;
        s->pages = page_data_new(&s->watch);
        s->im = (struct image){ .set = b->set, .src = b->doc->im.src };
    }
    if (!s || !s->pages) {
        browse_say(b, ROLE_ERROR, "out of memory");
        free(s);
        return;
    }
    grid_read(b);
    job_start(b, &job, s);
}
