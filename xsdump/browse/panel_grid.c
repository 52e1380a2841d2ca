/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest frames as a grid of cells: a cell for each frame, or for a power of two of them. Moving in
 * it, and the keys of this view. */
#include <inttypes.h>

#include "actions.h"
#include "grid.h"
#include "panels.h"

#define ZOOM 3 /* + and -: by this power of two */

/* ---------------------------------------------------------------- moving ---- */

static bool form_now(const struct browse *b, const struct grid *g, struct grid_form *f)
{
    return grid_layout(b, g, browse_rows(b, PANEL_GRID), browse_columns(b, PANEL_GRID), f);
}

/* To a frame, whose page becomes the current place. */
static void go(struct browse *b, struct grid *g, uint64_t pfn)
{
    g->pfn = pfn;
    g->wanted = 0;
    g->place = UINT64_MAX; /* where the frame has no page, the place is that of another */
    g->follow = true;
    b->dirty = true;
    grid_seek(b);
}

void grid_go(struct browse *b, uint64_t pfn)
{
    struct grid *g = grid_of(b);

    if (!g)
        return;
    b->before = b->at;
    go(b, g, pfn);
}

static void zoom(struct browse *b, struct grid *g, int shift)
{
    struct grid_form f;

    g->shift = shift;
    if (form_now(b, g, &f)) {
        uint64_t row = grid_row(g, &f), half = (uint64_t)f.rows / 2;

        g->top = row > half ? row - half : 0;
    }
    b->dirty = true;
}

/* By so many cells; stays in its place where there are none. */
static uint64_t moved_by(const struct grid *g, const struct grid_form *f, uint64_t cells, bool back)
{
    uint64_t cell = g->pfn >> f->shift, last = (f->frames - 1) >> f->shift;
    uint64_t left = back ? cell : last - cell;

    if (cells > left)
        cells = cells > (uint64_t)f->cells ? left / (uint64_t)f->cells * (uint64_t)f->cells : 0;
    return cells ? (back ? cell - cells : cell + cells) << f->shift : g->pfn;
}

static bool act(struct browse *b, enum act act)
{
    struct grid *g = grid_of(b);
    uint64_t cells, pfn;
    struct grid_form f;

    if (!g || !form_now(b, g, &f))
        return false;
    cells = act == ACT_LEFT || act == ACT_RIGHT ? 1 : (uint64_t)f.cells;
    pfn = g->pfn;
    switch (act) {
    case ACT_ENTER:
        if (f.shift)
            zoom(b, g, 0);
        else
            browse_focus(b, PANEL_PAGE);
        return true;
    case ACT_TOGGLE:
        zoom(b, g, f.shift ? 0 : -1);
        return true;
    case ACT_FIRST:
        pfn = 0;
        break;
    case ACT_LAST:
        pfn = f.frames - 1;
        break;
    case ACT_PAGE_UP:
    case ACT_PAGE_DOWN:
        cells *= (uint64_t)(f.rows > 1 ? f.rows - 1 : 1);
        /* fall through */
    default:
        pfn = moved_by(g, &f, cells, act == ACT_UP || act == ACT_LEFT || act == ACT_PAGE_UP);
    }
    if (pfn != g->pfn)
        go(b, g, pfn);
    return true;
}

static void click(struct browse *b, int y, int x, bool twice)
{
    struct grid *g = grid_of(b);
    struct grid_form f;
    uint64_t cell;

    if (!g || !form_now(b, g, &f) || y < f.y || y >= f.y + f.rows || x < f.x || x >= f.x + f.cells)
        return;
    cell = (g->top + (uint64_t)(y - f.y)) * (uint64_t)f.cells + (uint64_t)(x - f.x);
    if (cell > (f.frames - 1) >> f.shift)
        return;
    if (cell != g->pfn >> f.shift)
        go(b, g, cell << f.shift);
    if (twice)
        act(b, ACT_ENTER);
}

/* The frame of the current place, or the one that was shown at last: its page becomes the place.
 * And the work that finds out about the others. */
static void begin(struct browse *b, struct grid *g)
{
    uint64_t pfn, page;

    grid_read(b);
    g->place = b->at;
    g->wanted = 0;
    g->follow = true;
    if (grid_frame_at(b, b->at, &pfn, &page)) {
        g->pfn = pfn;
        g->wanted = page;
        g->follow = b->at < page; /* where it is, the place is kept to the byte */
    }
    if (b->set->pages && !g->shown) /* --pages asks for it */
        key_scan_pages(b);
    g->shown = true;
    grid_seek(b);
}

/* The current place was changed elsewhere: to the frame that is there. Where there is none, this
 * view has nothing to show. */
static void moved(struct browse *b)
{
    struct grid *g = b->view == VIEW_PAGES ? grid_of(b) : NULL;
    const struct pfn_copy *copy = g ? grid_copy(g) : NULL;
    uint64_t pfn, page;

    if (g && !g->shown) { /* another image */
        begin(b, g);
        return;
    }
    if (!g || b->at == g->place)
        return;
    g->place = b->at;
    if (copy && b->at - copy->at < XSI_PAGE_SIZE)
        return;
    if (!grid_frame_at(b, b->at, &pfn, &page)) {
        browse_view(b, VIEW_CHUNKS);
        browse_say(b, ROLE_INFO, "0x%" PRIx64 " is in no guest page: back to the chunks%s", b->at,
                   b->doc->walked ? "" : " (not all is read yet)");
        return;
    }
    if (copy && b->at < page && copy->chunk == b->look.offset)
        return; /* a field of the batch whose page is shown */
    g->pfn = pfn;
    g->wanted = page;
    g->follow = false;
    grid_seek(b);
}

/* ---------------------------------------------------------------- keys ---- */

void key_pages(struct browse *b)
{
    struct grid *g = grid_of(b);

    if (b->view == VIEW_PAGES) {
        browse_view(b, VIEW_CHUNKS);
        return;
    }
    if (!g) {
        browse_say(b, ROLE_ERROR, "out of memory");
        return;
    }
    b->before = b->at;
    begin(b, g);
    browse_view(b, VIEW_PAGES);
    browse_focus(b, PANEL_GRID);
}

void key_zoom_in(struct browse *b)
{
    struct grid *g = grid_of(b);
    struct grid_form f;

    if (g && form_now(b, g, &f))
        zoom(b, g, f.shift > ZOOM ? (int)f.shift - ZOOM : 0);
}

void key_zoom_out(struct browse *b)
{
    struct grid *g = grid_of(b);
    struct grid_form f;

    if (g && form_now(b, g, &f))
        zoom(b, g, (int)f.shift + ZOOM);
}

void key_next_kind(struct browse *b)
{
    struct grid *g = grid_of(b);
    uint64_t next, end;

    if (!g)
        return;
    next = xsi_frame_map_unlike(g->map, g->pfn);
    end = xsi_frame_map_end(g->map);
    if (next < (end > grid_p2m(b) ? end : grid_p2m(b)))
        go(b, g, next);
    else
        browse_say(b, ROLE_INFO, "all frames from here on are like this one%s",
                   g->fill == GRID_FULL ? "" : ", so far");
}

/* Do all frames of [from, to) have this state? */
static bool all_like(const struct xsi_frame_map *map, uint64_t from, uint64_t to, unsigned state)
{
    struct xsi_frame_counts n;
    uint64_t all = to - from;

    xsi_frame_map_count(map, from, to, &n);
    return n.kind[state & XSI_FRAME_KIND] == all &&
           n.pinned == (state & XSI_FRAME_PINNED ? all : 0) &&
           n.twice == (state & XSI_FRAME_TWICE ? all : 0) &&
           n.zero == (state & XSI_FRAME_ZERO ? all : 0) &&
           n.alike == (state & XSI_FRAME_ALIKE ? all : 0);
}

/* The last frame in front of this one whose state is another; UINT64_MAX: all of them are like it.
 * Millions can be alike, so it goes back in growing steps, and then halves the one too many. */
static uint64_t unlike_before(const struct xsi_frame_map *map, uint64_t pfn)
{
    unsigned state = xsi_frame_map_at(map, pfn);
    uint64_t like = pfn, step = 1, from = pfn; /* [like, pfn] are alike, [from, like) are not all */

    for (; like && from == like; step *= 2) {
        from = like > step ? like - step : 0;
        if (all_like(map, from, like, state))
            like = from;
    }
    if (!like)
        return UINT64_MAX;
    while (like - from > 1) {
        uint64_t middle = from + (like - from) / 2;

        if (all_like(map, middle, like, state))
            like = middle;
        else
            from = middle;
    }
    return from;
}

void key_last_kind(struct browse *b)
{
    struct grid *g = grid_of(b);
    uint64_t last;

    if (!g)
        return;
    last = unlike_before(g->map, g->pfn);
    if (last != UINT64_MAX)
        go(b, g, last);
    else
        browse_say(b, ROLE_INFO, "all frames up to here are like this one%s",
                   g->fill == GRID_FULL ? "" : ", so far");
}

const struct panel panel_grid = { .title = "frames",
                                  .heading = grid_heading,
                                  .draw = grid_draw,
                                  .act = act,
                                  .click = click,
                                  .moved = moved,
                                  .free = grid_free };
