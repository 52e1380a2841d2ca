/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page of the frame under the cursor, in hex. */
#include <inttypes.h>
#include <stdlib.h>

#include "grid.h"
#include "panels.h"
#include "widget_hex.h"

static struct hex *hex_of(struct browse *b)
{
    if (!b->slot[PANEL_PAGE])
        b->slot[PANEL_PAGE] = calloc(1, sizeof(struct hex));
    return b->slot[PANEL_PAGE];
}

bool page_bytes(const struct browse *b, uint64_t *offset, uint64_t *length)
{
    const struct grid *g = b->slot[PANEL_GRID];
    const struct pfn_copy *copy = g && g->doc == b->doc ? grid_copy(g) : NULL;

    if (!copy)
        return false;
    *offset = copy->at;
    *length = XSI_PAGE_SIZE;
    return true;
}

static size_t read_bytes(void *context, uint64_t offset, void *buf, size_t n, bool *bad)
{
    return doc_read(context, offset, buf, n, bad);
}

/* NULL: no page. */
static struct hex *place(struct browse *b, int columns)
{
    uint64_t from, length, address;
    struct hex *h = hex_of(b);
    struct grid *g = grid_of(b);

    if (!h || !g || !page_bytes(b, &from, &length))
        return NULL;
    h->context = b->doc;
    h->read = read_bytes;
    h->begin = from;
    h->end = from + length < b->doc->size ? from + length : b->doc->size;
    h->at = b->at >= from && b->at < h->end ? b->at : from;
    /* offsets are guest addresses, where that costs no bytes in a line */
    address = g->pfn * XSI_PAGE_SIZE;
    if (hex_width(columns, address + length) == hex_width(columns, length))
        h->shown_base = from - address;
    else
        h->shown_base = from;
    return h;
}

static void heading(struct browse *b, char *out, size_t size)
{
    struct grid *g = grid_of(b);
    const struct pfn_copy *copy = g ? grid_copy(g) : NULL;

    snprintf(out, size, "page");
    if (copy)
        snprintf(out, size, "pfn 0x%" PRIx64 " at 0x%" PRIx64 " %s", g->pfn,
                 b->at - copy->at < XSI_PAGE_SIZE ? b->at : copy->at, copy->type);
    if (copy && g->found.count > 1)
        text_add(out, size, ", Space: other copy");
}

static void draw(struct browse *b, struct canvas *c)
{
    struct hex *h = place(b, canvas_columns(c));
    struct grid *g = grid_of(b);

    if (h)
        hex_draw(h, c);
    else
        canvas_put(c, 0, 0, ROLE_DIM, "%s",
                   g && g->sought ? "no page of this frame" : "looking for it");
}

/* The copy before the one that is shown; in front of the first, the last. */
static void other_copy(struct browse *b, struct grid *g)
{
    if (g->found.count < 2)
        return;
    g->copy = (g->copy ? g->copy : g->found.count) - 1;
    browse_goto(b, g->found.copy[g->copy].at, false);
}

static bool act(struct browse *b, enum act act)
{
    struct hex *h = place(b, browse_columns(b, PANEL_PAGE));

    if (act == ACT_ENTER) {
        browse_focus(b, PANEL_GRID);
        return true;
    }
    if (!h)
        return false;
    if (act == ACT_TOGGLE) {
        other_copy(b, grid_of(b));
        return true;
    }
    if (!hex_act(h, act, browse_rows(b, PANEL_PAGE), browse_columns(b, PANEL_PAGE)))
        return false;
    browse_goto(b, h->at, false);
    return true;
}

static void click(struct browse *b, int y, int x, bool twice)
{
    int columns = browse_columns(b, PANEL_PAGE);
    struct hex *h = place(b, columns);
    uint64_t offset;

    (void)twice;
    if (h && hex_at(h, y, x, columns, &offset))
        browse_goto(b, offset, false);
}

const struct panel panel_page = {
    .title = "page", .heading = heading, .draw = draw, .act = act, .click = click, .free = free
};
