/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The current place: an offset, the chunk that holds it, and the field that is selected there. */
#include "panels.h"

/* ---------------------------------------------------------------- who must know ---- */

static void tell_panels(struct browse *b)
{
    for (int i = 0; i < PANEL_COUNT; i++)
        if (panel_row((enum panel_id)i)->moved)
            panel_row((enum panel_id)i)->moved(b);
    b->dirty = true;
}

/* ---------------------------------------------------------------- moving ---- */

const struct look *browse_look(struct browse *b)
{
    look_at(&b->look, b->doc, b->at);
    return &b->look;
}

void browse_goto(struct browse *b, uint64_t offset, bool jump)
{
    const struct look *look;

    if (offset >= b->doc->size)
        offset = b->doc->size ? b->doc->size - 1 : 0;
    if (jump)
        b->before = b->at;
    b->at = offset;
    look = browse_look(b);
    /* at the first byte of a chunk it is the chunk that is meant, elsewhere the field there */
    b->field = look->valid && offset == look->offset ? SIZE_MAX : look_field_at(look, offset);
    tell_panels(b);
}

void browse_field(struct browse *b, size_t field)
{
    const struct look *look = browse_look(b);

    if (!look->valid)
        return;
    b->field = field < look->count ? field : SIZE_MAX;
    b->at = b->field == SIZE_MAX ? look->offset : look->field[b->field].offset;
    /* a field can be of bytes elsewhere, or of none */
    if (b->at < look->offset || b->at - look->offset >= look->length)
        b->at = look->offset;
    tell_panels(b);
}

void browse_selected(struct browse *b, uint64_t *offset, uint64_t *length)
{
    const struct look *look = browse_look(b);

    if (b->view == VIEW_READER && reader_read(b, offset, length) && b->at - *offset < *length)
        return; /* it is the reader's bytes that are looked at */
    if (b->field != SIZE_MAX && b->field < look->count) {
        *offset = look->field[b->field].offset;
        *length = look->field[b->field].length;
    } else if (look->valid) {
        *offset = look->offset;
        *length = look->meta ? look->meta : look->length;
    } else {
        *offset = b->at;
        *length = 0;
    }
}
