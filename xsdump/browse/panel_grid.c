/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest frames as a grid of cells: a cell for each frame, or for a power of two of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "grid.h"
#include "panels.h"

#define ZOOM        3  /* + and -: by this power of two */
#define HEAD_ROWS   10 /* rows from which on two of them are about the cursor */
#define LEGEND_ROWS 9  /* ... and some are a legend */
#define LEGEND_MAX  4

/* Where things stand on the canvas. */
struct form {
    int y, rows, x, cells; /* of the grid */
    int digits;            /* of the frame in front of each row */
    unsigned shift;
    uint64_t frames;
};

static const struct {
    enum role role;
    const char *name; /* in the legend */
} kinds[] = {
    { ROLE_FRAME_PRESENT, "page" },      { ROLE_FRAME_TABLE, "page table" },
    { ROLE_FRAME_PINNED, "pinned" },     { ROLE_FRAME_HOLE, "no data" },
    { ROLE_FRAME_BROKEN, "broken" },     { ROLE_FRAME_TWICE, "sent again" },
    { ROLE_FRAME_MISSING, "missing" },   { ROLE_FRAME_ZERO, "zeros" },
    { ROLE_FRAME_SAME, "like another" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static uint64_t count_of(const struct xsi_frame_counts *c, enum role role)
{
    switch (role) {
    case ROLE_FRAME_PRESENT:
        return c->kind[XSI_FRAME_PRESENT];
    case ROLE_FRAME_TABLE:
        return c->kind[XSI_FRAME_L1] + c->kind[XSI_FRAME_L2] + c->kind[XSI_FRAME_L3] +
               c->kind[XSI_FRAME_L4];
    case ROLE_FRAME_PINNED:
        return c->pinned;
    case ROLE_FRAME_HOLE:
        return c->kind[XSI_FRAME_HOLE];
    case ROLE_FRAME_BROKEN:
        return c->kind[XSI_FRAME_BROKEN];
    case ROLE_FRAME_TWICE:
        return c->twice;
    case ROLE_FRAME_MISSING:
        return c->kind[XSI_FRAME_MISSING];
    case ROLE_FRAME_ZERO:
        return c->zero;
    case ROLE_FRAME_SAME:
        return c->alike;
    default:
        return 0;
    }
}

/* What a cell shows: of some kinds one frame is enough, of the others that with most. */
static enum role cell_role(const struct grid *g, const struct xsi_frame_counts *c, uint64_t frames)
{
    static const enum role one[] = { ROLE_FRAME_BROKEN, ROLE_FRAME_TWICE, ROLE_FRAME_MISSING,
                                     ROLE_FRAME_PINNED, ROLE_FRAME_TABLE };
    static const enum role most[] = { ROLE_FRAME_ZERO, ROLE_FRAME_SAME, ROLE_FRAME_HOLE,
                                      ROLE_FRAME_PRESENT };
    bool unread = g->fill != GRID_FULL; /* what is missing may come yet */
    enum role best = ROLE_FRAME_PRESENT;
    uint64_t highest = 0;

    if (unread && count_of(c, ROLE_FRAME_MISSING) == frames)
        return ROLE_UNKNOWN;
    for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
        if (count_of(c, one[i]) && !(unread && one[i] == ROLE_FRAME_MISSING))
            return one[i];
    for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
        uint64_t n = count_of(c, most[i]);

        if (most[i] == ROLE_FRAME_PRESENT)
            n -= c->zero + c->alike < n ? c->zero + c->alike : n;
        if (n > highest) {
            highest = n;
            best = most[i];
        }
    }
    return best;
}

/* ---------------------------------------------------------------- words ---- */

void grid_words(const struct grid *g, unsigned state, char *out, size_t size)
{
    static const char *const words[] = {
        [XSI_FRAME_MISSING] = "missing",       [XSI_FRAME_PRESENT] = "page",
        [XSI_FRAME_L1] = "L1 page table",      [XSI_FRAME_L2] = "L2 page table",
        [XSI_FRAME_L3] = "L3 page table",      [XSI_FRAME_L4] = "L4 page table",
        [XSI_FRAME_HOLE] = "hole without data", [XSI_FRAME_BROKEN] = "broken",
    };
    unsigned kind = state & XSI_FRAME_KIND;

    snprintf(out, size, "%s",
             kind == XSI_FRAME_MISSING && g->fill != GRID_FULL ? "not seen yet" : words[kind]);
    if (state & XSI_FRAME_PINNED)
        text_add(out, size, ", pinned");
    if (state & XSI_FRAME_TWICE && g->sought && g->found.whole && g->found.copies > 2)
        text_add(out, size, ", sent %" PRIu64 " times", g->found.copies);
    else if (state & XSI_FRAME_TWICE)
        text_add(out, size, ", %s",
                 g->sought && g->found.copies == 2 ? "sent twice" : "named again");
    if (state & XSI_FRAME_ZERO)
        text_add(out, size, ", all zeros");
    if (state & XSI_FRAME_ALIKE)
        text_add(out, size, ", equal to one before");
}

static void heading(struct browse *b, char *out, size_t size)
{
    struct grid *g = grid_of(b);
    char words[160];
    uint64_t p2m;

    snprintf(out, size, "frames");
    if (!g)
        return;
    p2m = grid_p2m(b);
    grid_words(g, xsi_frame_map_at(g->map, g->pfn), words, sizeof(words));
    snprintf(out, size, "pfn 0x%" PRIx64 ": %s%s", g->pfn, words,
             p2m && g->pfn >= p2m ? ", not below p2m_size" : "");
}

/* Where the bytes of the frame are. */
static void draw_place(const struct grid *g, struct canvas *c, int y, bool more)
{
    const struct pfn_copy *copy = grid_copy(g);
    unsigned kind = xsi_frame_map_at(g->map, g->pfn) & XSI_FRAME_KIND;
    bool page = kind >= XSI_FRAME_PRESENT && kind <= XSI_FRAME_L4;

    if (!g->sought)
        canvas_put(c, y, 0, ROLE_DIM, "looking for its page");
    else if (!copy)
        canvas_put(c, y, 0, ROLE_DIM, "%s",
                   page ? "no plain page: it is compressed" : "no bytes of it in the image");
    else if (g->found.copies > 1)
        canvas_put(c, y, 0, ROLE_TEXT, "page at 0x%" PRIx64 ", copy %" PRIu64 " of %" PRIu64,
                   copy->at, g->found.copies - (g->found.count - 1 - g->copy), g->found.copies);
    else
        canvas_put(c, y, 0, ROLE_TEXT, "page at 0x%" PRIx64, copy->at);
    if (more && copy)
        canvas_put(c, y + 1, 0, ROLE_DIM, "%s in batch #%" PRIu64 " at 0x%" PRIx64, copy->type,
                   copy->number, copy->chunk);
}

/* The frames of the cell under the cursor. */
static void draw_cell_words(const struct grid *g, const struct form *f, struct canvas *c, int y)
{
    uint64_t from = g->pfn >> f->shift << f->shift, to = from + (UINT64_C(1) << f->shift);
    struct xsi_frame_counts n;
    char text[200];

    to = to < f->frames ? to : f->frames;
    xsi_frame_map_count(g->map, from, to, &n);
    snprintf(text, sizeof(text), "cell to 0x%" PRIx64 ":", to - 1);
    for (size_t i = 0; i < KINDS; i++)
        if (count_of(&n, kinds[i].role))
            text_add(text, sizeof(text), " %" PRIu64 " %s", count_of(&n, kinds[i].role),
                     kinds[i].role == ROLE_FRAME_MISSING && g->fill != GRID_FULL ? "not seen"
                                                                                 : kinds[i].name);
    canvas_text(c, y, 0, canvas_columns(c), ROLE_DIM, text);
}

/* Only what there is; y: its first row. */
static void draw_legend(const struct grid *g, const struct form *f, struct canvas *c, int y)
{
    bool unread = g->fill != GRID_FULL;
    struct xsi_frame_counts n;
    int x = 0, rows = canvas_rows(c);
    char text[80];

    xsi_frame_map_count(g->map, 0, f->frames, &n);
    for (size_t i = 0; i < KINDS && y < rows; i++) {
        bool unknown = unread && kinds[i].role == ROLE_FRAME_MISSING;
        int length;

        if (!count_of(&n, kinds[i].role))
            continue;
        length = snprintf(text, sizeof(text), " %s %" PRIu64, unknown ? "not seen" : kinds[i].name,
                          count_of(&n, kinds[i].role));
        if (x && x + 1 + length > canvas_columns(c)) {
            x = 0;
            y++;
        }
        if (y == rows)
            return;
        canvas_bar(c, y, x, 1, unknown ? ROLE_UNKNOWN : kinds[i].role, true);
        x = canvas_put(c, y, x + 1, ROLE_DIM, "%s", text) + 2;
    }
}

/* ---------------------------------------------------------------- the cells ---- */

static int hex_digits(uint64_t value)
{
    int n = 1;

    while (n < 16 && value >> (4 * n))
        n++;
    return n;
}

static int legend_rows(int rows)
{
    int n = rows < LEGEND_ROWS ? 0 : rows / 5;

    return n < LEGEND_MAX ? n : LEGEND_MAX;
}

/* False: there is no room for any cell. */
static bool form_of(const struct browse *b, struct grid *g, int rows, int columns, struct form *f)
{
    unsigned whole = 0;

    f->frames = grid_frames(b, g);
    f->y = rows >= HEAD_ROWS ? 2 : rows >= 4;
    f->rows = rows - f->y - legend_rows(rows);
    f->digits = hex_digits(f->frames - 1);
    f->x = f->digits + 1;
    if (f->x >= columns || f->rows < 1)
        return false;
    for (f->cells = 1; 2 * f->cells <= columns - f->x;)
        f->cells *= 2;
    while (f->cells * f->rows > GRID_CELLS)
        f->rows--;
    while ((f->frames - 1) >> whole >= (uint64_t)f->cells * (uint64_t)f->rows)
        whole++;
    f->shift = g->shift < 0 || (unsigned)g->shift >= whole ? whole : (unsigned)g->shift;
    return true;
}

static uint64_t row_of(const struct grid *g, const struct form *f)
{
    return (g->pfn >> f->shift) / (uint64_t)f->cells;
}

/* The cursor is on the screen, and no row is behind the last. */
static void fit(struct grid *g, const struct form *f)
{
    uint64_t row = row_of(g, f), rows = (uint64_t)f->rows;
    uint64_t last = ((f->frames - 1) >> f->shift) / (uint64_t)f->cells;

    if (g->top > row)
        g->top = row;
    if (row - g->top >= rows)
        g->top = row - rows + 1;
    if (last + 1 < g->top + rows)
        g->top = last + 1 > rows ? last + 1 - rows : 0;
}

/* The roles of the cells that are on the screen: made again when something has changed. */
static void fill_cells(struct grid *g, const struct form *f)
{
    const uint64_t each = UINT64_C(1) << f->shift;
    struct grid_key key = { .first = g->top * (uint64_t)f->cells << f->shift,
                            .shift = f->shift,
                            .changes = g->changes,
                            .count = (size_t)(f->cells * f->rows),
                            .valid = g->fill == GRID_FULL };
    uint64_t pfn = key.first;

    if (g->key.valid && key.first == g->key.first && key.shift == g->key.shift &&
        key.changes == g->key.changes && key.count == g->key.count)
        return;
    g->key = key;
    for (size_t i = 0; i < key.count; i++, pfn += each) {
        uint64_t n = pfn < f->frames ? f->frames - pfn : 0;
        struct xsi_frame_counts c;

        n = n < each ? n : each;
        if (n)
            xsi_frame_map_count(g->map, pfn, pfn + n, &c);
        g->role[i] = (uint8_t)(n ? cell_role(g, &c, n) : ROLE_TEXT);
    }
}

static void draw_cells(const struct grid *g, const struct form *f, struct canvas *c)
{
    bool focused = canvas_focused(c);

    for (int y = 0; y < f->rows; y++) {
        uint64_t row = g->top + (uint64_t)y, first = row * (uint64_t)f->cells << f->shift;
        const uint8_t *role = &g->role[y * f->cells];

        if (first >= f->frames)
            break;
        canvas_put(c, f->y + y, 0, ROLE_DIM, "%0*" PRIx64, f->digits, first);
        for (int x = 0, n; x < f->cells; x += n) {
            for (n = 1; x + n < f->cells && role[x + n] == role[x];)
                n++;
            if (role[x] != ROLE_TEXT)
                canvas_bar(c, f->y + y, f->x + x, n, (enum role)role[x],
                           role[x] != ROLE_FRAME_PRESENT);
        }
        if (row == row_of(g, f))
            canvas_mark(c, f->y + y, f->x + (int)((g->pfn >> f->shift) % (uint64_t)f->cells), 1,
                        focused ? ROLE_CURSOR : ROLE_CURSOR_AWAY);
    }
}

static void draw(struct browse *b, struct canvas *c)
{
    struct grid *g = grid_of(b);
    int rows = canvas_rows(c);
    struct form f;

    if (!g || !form_of(b, g, rows, canvas_columns(c), &f)) {
        canvas_put(c, 0, 0, ROLE_DIM, "%s", g ? "too narrow" : "out of memory");
        return;
    }
    if (f.y)
        draw_place(g, c, 0, f.y > 1 && !f.shift);
    if (f.y > 1 && f.shift)
        draw_cell_words(g, &f, c, 1);
    fit(g, &f);
    fill_cells(g, &f);
    draw_cells(g, &f, c);
    if (legend_rows(rows))
        draw_legend(g, &f, c, f.y + f.rows);
    if (xsi_frame_map_lost(g->map))
        canvas_text(c, rows - 1, 0, canvas_columns(c), ROLE_WARNING,
                    "too many frames differ: not all are told apart");
}

/* ---------------------------------------------------------------- moving ---- */

static bool form_now(const struct browse *b, struct grid *g, struct form *f)
{
    return form_of(b, g, browse_rows(b, PANEL_GRID), browse_columns(b, PANEL_GRID), f);
}

/* To a frame, whose page becomes the current place. */
static void go(struct browse *b, struct grid *g, uint64_t pfn)
{
    g->pfn = pfn;
    g->follow = true;
    b->dirty = true;
    grid_seek(b);
}

static void zoom(struct browse *b, struct grid *g, int shift)
{
    struct form f;

    g->shift = shift;
    if (form_now(b, g, &f)) {
        uint64_t row = row_of(g, &f), half = (uint64_t)f.rows / 2;

        g->top = row > half ? row - half : 0;
    }
    b->dirty = true;
}

/* By so many cells; stays in its place where there are none. */
static uint64_t moved_by(const struct grid *g, const struct form *f, uint64_t cells, bool back)
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
    struct form f;

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
    struct form f;
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

/* The current place was changed elsewhere: to the frame that is there. */
static void moved(struct browse *b)
{
    struct grid *g = b->view == VIEW_PAGES ? grid_of(b) : NULL;
    const struct pfn_copy *copy = g ? grid_copy(g) : NULL;
    uint64_t pfn;

    if (!g || !g->shown || (copy && b->at - copy->at < XSI_PAGE_SIZE))
        return;
    if (!grid_frame_at(b, b->at, &pfn) || pfn == g->pfn)
        return;
    g->pfn = pfn;
    g->follow = false;
    grid_seek(b);
}

/* ---------------------------------------------------------------- keys ---- */

void key_pages(struct browse *b)
{
    struct grid *g = grid_of(b);
    uint64_t pfn;

    if (b->view == VIEW_PAGES) {
        browse_view(b, VIEW_CHUNKS);
        return;
    }
    if (!g) {
        browse_say(b, ROLE_ERROR, "out of memory");
        return;
    }
    grid_read(b);
    if (grid_frame_at(b, b->at, &pfn)) {
        g->pfn = pfn;
        g->sought = false;
    }
    g->follow = false;
    g->shown = true;
    browse_view(b, VIEW_PAGES);
    browse_focus(b, PANEL_GRID);
    if (!g->sought)
        grid_seek(b);
}

void key_zoom_in(struct browse *b)
{
    struct grid *g = grid_of(b);
    struct form f;

    if (g && form_now(b, g, &f))
        zoom(b, g, f.shift > ZOOM ? (int)f.shift - ZOOM : 0);
}

void key_zoom_out(struct browse *b)
{
    struct grid *g = grid_of(b);
    struct form f;

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

const struct panel panel_grid = { .title = "frames",
                                  .heading = heading,
                                  .draw = draw,
                                  .act = act,
                                  .click = click,
                                  .moved = moved,
                                  .free = grid_free };
