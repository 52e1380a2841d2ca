/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest frames as cells: what a cell shows, what is said of the one under the cursor. */
#include <inttypes.h>
#include <string.h>

#include "grid.h"

#define HEAD_ROWS   10 /* rows from which on two of them are about the cursor */
#define LEGEND_ROWS 9  /* ... and some are a legend */
#define LEGEND_MAX  4

static const struct {
    enum role role;
    const char *name, *one; /* in the legend; of one frame, NULL: the same */
} kinds[] = {
    { ROLE_FRAME_PRESENT, "pages", "page" }, { ROLE_FRAME_TABLE, "page tables", "page table" },
    { ROLE_FRAME_PINNED, "pinned", NULL },   { ROLE_FRAME_HOLE, "no data", NULL },
    { ROLE_FRAME_BROKEN, "broken", NULL },   { ROLE_FRAME_TWICE, "sent again", NULL },
    { ROLE_FRAME_MISSING, "missing", NULL }, { ROLE_FRAME_ZERO, "all zero", NULL },
    { ROLE_FRAME_SAME, "alike", NULL },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* All frames that are named are known: what is missing is not in the image. */
static bool known(const struct grid *g)
{
    return g->fill == GRID_FULL && !xsi_frame_map_lost(g->map);
}

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

/* What a cell shows: what is worth a look in any of its frames, else how far there are pages, and
 * how much there is in them. */
static enum role cell_role(const struct grid *g, const struct xsi_frame_counts *c, uint64_t frames)
{
    static const enum role one[] = { ROLE_FRAME_BROKEN, ROLE_FRAME_TWICE, ROLE_FRAME_PINNED,
                                     ROLE_FRAME_TABLE };
    bool unread = !known(g); /* what is missing may come yet */
    uint64_t pages = count_of(c, ROLE_FRAME_PRESENT), holes = count_of(c, ROLE_FRAME_HOLE);
    uint64_t none = holes + (unread ? 0 : count_of(c, ROLE_FRAME_MISSING));

    if (count_of(c, ROLE_FRAME_MISSING) == frames)
        return unread ? ROLE_UNKNOWN : ROLE_FRAME_MISSING;
    for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
        if (count_of(c, one[i]))
            return one[i];
    if (!pages)
        return ROLE_FRAME_HOLE;
    if (c->zero >= pages)
        return ROLE_FRAME_ZERO;
    if (none)
        return ROLE_FRAME_PARTLY;
    return c->zero + c->alike >= pages ? ROLE_FRAME_SAME : ROLE_FRAME_PRESENT;
}

/* ---------------------------------------------------------------- words ---- */

void grid_words(const struct grid *g, unsigned state, char *out, size_t size)
{
    static const char *const words[] = {
        [XSI_FRAME_MISSING] = "missing",  [XSI_FRAME_PRESENT] = "page",
        [XSI_FRAME_L1] = "L1 page table", [XSI_FRAME_L2] = "L2 page table",
        [XSI_FRAME_L3] = "L3 page table", [XSI_FRAME_L4] = "L4 page table",
        [XSI_FRAME_HOLE] = "no data",     [XSI_FRAME_BROKEN] = "broken",
    };
    unsigned kind = state & XSI_FRAME_KIND;
    bool counted = g->sought && g->found.whole && !g->packed;

    snprintf(out, size, "%s", kind == XSI_FRAME_MISSING && !known(g) ? "not seen" : words[kind]);
    if (state & XSI_FRAME_PINNED)
        text_add(out, size, ", pinned");
    if (state & XSI_FRAME_TWICE && counted && g->found.copies == 2)
        text_add(out, size, ", sent twice");
    else if (state & XSI_FRAME_TWICE && counted && g->found.copies > 2)
        text_add(out, size, ", sent %" PRIu64 " times", g->found.copies);
    else if (state & XSI_FRAME_TWICE)
        text_add(out, size, ", sent again");
    if (state & XSI_FRAME_ZERO)
        text_add(out, size, ", all zeros");
    if (state & XSI_FRAME_ALIKE)
        text_add(out, size, ", equal to one before");
}

void grid_heading(struct browse *b, char *out, size_t size)
{
    struct grid *g = grid_of(b);
    char words[160];
    uint64_t p2m;

    snprintf(out, size, "frames");
    if (!g || (!grid_p2m(b) && !xsi_frame_map_end(g->map)))
        return;
    p2m = grid_p2m(b);
    grid_words(g, xsi_frame_map_at(g->map, g->pfn), words, sizeof(words));
    snprintf(out, size, "pfn 0x%" PRIx64 ": %s%s", g->pfn, words,
             p2m && g->pfn >= p2m ? ", beyond p2m_size" : "");
}

/* Where the bytes of the frame are. */
static void draw_place(const struct grid *g, struct canvas *c, int y, bool more)
{
    const struct pfn_copy *copy = grid_copy(g);
    unsigned state = xsi_frame_map_at(g->map, g->pfn), kind = state & XSI_FRAME_KIND;
    bool page = kind >= XSI_FRAME_PRESENT && kind <= XSI_FRAME_L4;
    char text[160] = "";

    if (!g->sought)
        snprintf(text, sizeof(text), "looking for its page");
    else if (!copy)
        snprintf(text, sizeof(text), "%s",
                 page ? "no plain page: it is compressed" : "no bytes of it in the image");
    else
        snprintf(text, sizeof(text), "%s at 0x%" PRIx64,
                 page || !known(g) ? "page" : "an older page", copy->at);
    if (copy && g->found.copies > 1)
        text_add(text, sizeof(text), ", copy %" PRIu64 " of %" PRIu64 "%s",
                 g->found.copies - (g->found.count - 1 - g->copy), g->found.copies,
                 g->packed ? " plain" : "");
    else if (copy && page && state & XSI_FRAME_TWICE && g->found.whole)
        text_add(text, sizeof(text), ", the only plain one");
    canvas_text(c, y, 0, canvas_columns(c), copy ? ROLE_TEXT : ROLE_DIM, text);
    if (more && copy)
        canvas_put(c, y + 1, 0, ROLE_DIM, "%s in batch #%" PRIu64 " at 0x%" PRIx64, copy->type,
                   copy->number, copy->chunk);
}

static const char *name_of(const struct grid *g, enum role role, uint64_t n)
{
    size_t i = 0;

    if (role == ROLE_FRAME_MISSING && !known(g))
        return "not seen";
    while (i < KINDS - 1 && kinds[i].role != role)
        i++;
    return n == 1 && kinds[i].one ? kinds[i].one : kinds[i].name;
}

/* The frames of the cell under the cursor: what counts most first, as the end may be cut. */
static void draw_cell_words(const struct grid *g, const struct grid_form *f, struct canvas *c,
                            int y)
{
    uint64_t from = g->pfn >> f->shift << f->shift, to = from + (UINT64_C(1) << f->shift);
    static const enum role order[] = { ROLE_FRAME_BROKEN, ROLE_FRAME_PRESENT, ROLE_FRAME_ZERO,
                                       ROLE_FRAME_SAME,   ROLE_FRAME_TABLE,   ROLE_FRAME_PINNED,
                                       ROLE_FRAME_TWICE,  ROLE_FRAME_HOLE,    ROLE_FRAME_MISSING };
    struct xsi_frame_counts n;
    char text[200];

    to = to < f->frames ? to : f->frames;
    xsi_frame_map_count(g->map, from, to, &n);
    snprintf(text, sizeof(text), "0x%" PRIx64 "-0x%" PRIx64, from, to - 1);
    for (size_t i = 0, any = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        uint64_t count = count_of(&n, order[i]);

        if (count)
            text_add(text, sizeof(text), "%s %" PRIu64 " %s", any++ ? "," : ":", count,
                     name_of(g, order[i], count));
    }
    canvas_text(c, y, 0, canvas_columns(c), ROLE_DIM, text);
}

/* A cell as it looks in the grid, and what it is. False: there is no more room. */
static bool put_legend(struct canvas *c, int *y, int *x, enum role role, const char *text)
{
    if (*x && *x + 2 + (int)strlen(text) > canvas_columns(c)) {
        *x = 0;
        ++*y;
    }
    if (*y >= canvas_rows(c))
        return false;
    canvas_bar(c, *y, *x, 1, role, role != ROLE_FRAME_PRESENT);
    *x = canvas_put(c, *y, *x + 1, ROLE_DIM, " %s", text) + 2;
    return true;
}

/* Only what there is; y: its first row. */
static void draw_legend(const struct grid *g, const struct grid_form *f, struct canvas *c, int y)
{
    struct xsi_frame_counts n;
    bool room = true;
    int x = 0;

    xsi_frame_map_count(g->map, 0, f->frames, &n);
    for (size_t i = 0; i < KINDS && room; i++) {
        enum role role = kinds[i].role;
        uint64_t count = count_of(&n, role);
        char text[80];

        snprintf(text, sizeof(text), "%s %" PRIu64, name_of(g, role, 0), count);
        if (count)
            room = put_legend(c, &y, &x,
                              role == ROLE_FRAME_MISSING && !known(g) ? ROLE_UNKNOWN : role, text);
    }
    if (room && memchr(g->role, ROLE_FRAME_PARTLY, g->key.count))
        room = put_legend(c, &y, &x, ROLE_FRAME_PARTLY, "pages in part of a cell");
    y += x > 0;
    if (y < canvas_rows(c) && f->frames < xsi_frame_map_end(g->map))
        canvas_put(c, y, 0, ROLE_WARNING, "there are frames far beyond; ] goes there");
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

bool grid_layout(const struct browse *b, const struct grid *g, int rows, int columns,
                 struct grid_form *f)
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

uint64_t grid_row(const struct grid *g, const struct grid_form *f)
{
    return (g->pfn >> f->shift) / (uint64_t)f->cells;
}

/* The cursor is on the screen, and no row is behind the last. */
static void fit(struct grid *g, const struct grid_form *f)
{
    uint64_t row = grid_row(g, f), rows = (uint64_t)f->rows;
    uint64_t last = ((f->frames - 1) >> f->shift) / (uint64_t)f->cells;

    if (g->top > row)
        g->top = row;
    if (row - g->top >= rows)
        g->top = row - rows + 1;
    if (last + 1 < g->top + rows)
        g->top = last + 1 > rows ? last + 1 - rows : 0;
}

/* The roles of the cells that are on the screen: made again when something has changed. */
static void fill_cells(struct grid *g, const struct grid_form *f)
{
    const uint64_t each = UINT64_C(1) << f->shift;
    struct grid_key key = { .first = g->top * (uint64_t)f->cells << f->shift,
                            .frames = f->frames,
                            .shift = f->shift,
                            .changes = g->changes,
                            .count = (size_t)(f->cells * f->rows),
                            .valid = g->fill == GRID_FULL };
    uint64_t pfn = key.first;

    if (g->key.valid && key.first == g->key.first && key.frames == g->key.frames &&
        key.shift == g->key.shift && key.changes == g->key.changes && key.count == g->key.count)
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

static void draw_cells(const struct grid *g, const struct grid_form *f, struct canvas *c)
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
        if (row == grid_row(g, f))
            canvas_mark(c, f->y + y, f->x + (int)((g->pfn >> f->shift) % (uint64_t)f->cells), 1,
                        focused ? ROLE_HERE : ROLE_CURSOR_AWAY);
    }
}

void grid_draw(struct browse *b, struct canvas *c)
{
    struct grid *g = grid_of(b);
    int rows = canvas_rows(c);
    struct grid_form f;
    uint64_t used; /* rows of cells */

    if (g && known(g) && !grid_p2m(b) && !xsi_frame_map_end(g->map)) {
        canvas_put(c, 0, 0, ROLE_DIM, "this image has no batch of pages");
        return;
    }
    if (!g || !grid_layout(b, g, rows, canvas_columns(c), &f)) {
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
    used = ((f.frames - 1) >> f.shift) / (uint64_t)f.cells + 1;
    if (legend_rows(rows))
        draw_legend(g, &f, c, f.y + (used < (uint64_t)f.rows ? (int)used + 1 : f.rows));
    if (xsi_frame_map_lost(g->map))
        canvas_text(c, rows - 1, 0, canvas_columns(c), ROLE_WARNING,
                    "too many frames differ: not all are told apart");
}
