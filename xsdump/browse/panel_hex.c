/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes around the current place; the selected field's are marked, and moving here selects the
 * field that holds the byte. */
#include <inttypes.h>
#include <stdlib.h>

#include "panels.h"
#include "search.h"
#include "widget_hex.h"
#include "xsdump/xsdump.h"

static struct hex *hex_of(struct browse *b)
{
    if (!b->slot[PANEL_HEX])
        b->slot[PANEL_HEX] = calloc(1, sizeof(struct hex));
    return b->slot[PANEL_HEX];
}

/* What the walk found to be unreadable is not tried again: a disk can take seconds over it. */
static size_t read_bytes(void *context, uint64_t offset, void *buf, size_t n, bool *bad)
{
    struct doc *doc = context;
    const struct xsi_map_row *row = doc_row(doc, offset);

    if (row && row->flags & XSI_CHUNK_UNREADABLE) {
        *bad = true;
        return 0;
    }
    return doc_read(doc, offset, buf, n, bad);
}

/* What is marked below the field: the read of a restore, and what a search has found. */
static void set_marks(struct browse *b, struct hex *h)
{
    uint64_t offset, length;

    h->mark[0] = (struct hex_mark){ 0, 0, ROLE_CONSUMED };
    if (b->view == VIEW_READER && reader_read(b, &offset, &length))
        h->mark[0] = (struct hex_mark){ offset, offset + length, ROLE_CONSUMED };
    h->mark[1] = (struct hex_mark){ 0, 0, ROLE_MATCH };
    if (search_hit(b, &offset, &length))
        h->mark[1] = (struct hex_mark){ offset, offset + length, ROLE_MATCH };
}

static struct hex *place(struct browse *b)
{
    struct hex *h = hex_of(b);
    const struct look *look;
    uint64_t length;

    if (!h)
        return NULL;
    look = browse_look(b);
    h->context = b->doc;
    h->read = read_bytes;
    h->begin = 0;
    h->end = b->doc->size;
    h->at = b->at;
    browse_selected(b, &h->from, &length);
    h->to = h->from + length < h->from ? UINT64_MAX : h->from + length;
    h->edge[0] = look->valid ? look->offset : 0;
    h->edge[1] = look->valid ? look->offset + look->length : 0;
    set_marks(b, h);
    return h;
}

static void heading(struct browse *b, char *out, size_t size)
{
    const struct look *look = browse_look(b);
    bool field = b->field < look->count;

    snprintf(out, size, "0x%" PRIx64, b->at);
    if (!look->valid)
        return;
    text_add(out, size, "  %s +0x%" PRIx64, look->type, b->at - look->offset);
    if (field)
        text_add(out, size, "  %s", look->field[b->field].path);
}

static void draw(struct browse *b, struct canvas *c)
{
    struct hex *h = place(b);

    if (h && h->end)
        hex_draw(h, c);
    else
        canvas_put(c, 0, 0, ROLE_DIM, "%s", h ? "no bytes: the file is empty" : "out of memory");
}

static bool act(struct browse *b, enum act act)
{
    struct hex *h = place(b);

    if (act == ACT_ENTER) {
        browse_focus(b, PANEL_FIELDS);
        return true;
    }
    if (!h || !hex_act(h, act, browse_rows(b, PANEL_HEX), browse_columns(b, PANEL_HEX)))
        return false;
    browse_goto(b, h->at, false);
    return true;
}

static void click(struct browse *b, int y, int x, bool twice)
{
    struct hex *h = place(b);
    uint64_t offset;

    (void)twice;
    if (h && hex_at(h, y, x, browse_columns(b, PANEL_HEX), &offset))
        browse_goto(b, offset, false);
}

const struct panel panel_hex = {
    .title = "bytes", .heading = heading, .draw = draw, .act = act, .click = click, .free = free
};
