/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking for fields by name: "rip". First those that are named so, then those whose name holds it.
 * Page batches are left out: there are too many, and their fields are alike.
 */
#include <string.h>

#include "search_internal.h"

#define ROWS_PER_SLICE 1024

void search_fields_start(struct browse *b, struct search *s)
{
    const struct look *look = browse_look(b);

    look_free(&s->look);
    s->wrapped = s->similar = false;
    s->start = look->valid ? look->index : 0;
    s->here = look->valid ? look->offset : 0;
    s->at = s->start + s->back;
    if (s->back)
        s->next = b->field == SIZE_MAX ? 0 : b->field;
    else
        s->next = b->field == SIZE_MAX ? 0 : b->field + 1;
}

/* A name by itself, or "records[3].type" as the panel has it. */
static bool like(struct search *s, const struct look_field *f)
{
    const char *name = strpbrk(s->text, ".[") ? f->path : f->name;
    bool holds = strcasestr(name, s->text) != NULL;

    s->similar = s->similar || holds;
    return s->partly ? holds : !strcasecmp(name, s->text);
}

/* In the chunk that was decoded; SIZE_MAX: none. */
static size_t field_like(struct search *s)
{
    size_t i;

    if (!s->look.valid)
        return SIZE_MAX;
    if (!s->back) {
        for (i = s->next; i < s->look.count; i++)
            if (like(s, &s->look.field[i]))
                return i;
        return SIZE_MAX;
    }
    i = s->next < s->look.count ? s->next : s->look.count;
    while (i--)
        if (like(s, &s->look.field[i]))
            return i;
    return SIZE_MAX;
}

static bool at_end(const struct browse *b, const struct search *s)
{
    if (s->back)
        return s->at <= (s->wrapped ? s->start : 0);
    return s->wrapped ? s->at > s->start : s->at >= xsi_index_chunks(b->doc->index);
}

static enum searched end(struct browse *b, struct search *s)
{
    if (!s->wrapped && !b->doc->walked)
        return SEARCH_WAITS;
    if (!s->wrapped) {
        s->wrapped = true;
        s->at = s->back ? xsi_index_chunks(b->doc->index) : 0;
        return SEARCH_ON;
    }
    if (s->partly || !s->similar)
        return SEARCH_NOTHING;
    s->partly = true;
    search_fields_start(b, s);
    return SEARCH_ON;
}

/* A chunk, or rows without what is looked for (*read: that took longer). */
static enum searched step(struct browse *b, struct search *s, bool *read)
{
    uint64_t number = s->back ? s->at - 1 : s->at, place = s->here;
    const struct xsi_map_row *row = search_row(b->doc, number);
    size_t found, count;

    if (number != s->start) {
        if (!row) { /* behind those that are kept */
            const struct xsi_map_row *all = xsi_index_rows(b->doc->index, &count);

            s->unread = true;
            s->at = !s->back ? xsi_index_chunks(b->doc->index)
                    : count  ? all[count - 1].index + all[count - 1].count
                             : 0;
            return SEARCH_ON;
        }
        if (row->count > 1 || (row->flags & XSI_CHUNK_PAGES)) {
            s->at = s->back ? row->index : row->index + row->count;
            return SEARCH_ON;
        }
        place = row->offset;
    }
    *read = true;
    look_at(&s->look, b->doc, place);
    s->unread = s->unread || !s->look.valid;
    found = field_like(s);
    if (found != SIZE_MAX) {
        s->hit = s->look.offset;
        s->length = 0;
        s->next = found;
        return SEARCH_FOUND;
    }
    s->at = s->back ? number : number + 1;
    s->next = s->back ? SIZE_MAX : 0;
    return SEARCH_ON;
}

enum searched search_fields_slice(struct browse *b, struct search *s)
{
    enum searched what = SEARCH_ON;
    bool read = false;

    for (unsigned n = 0; n < ROWS_PER_SLICE && what == SEARCH_ON && !read; n++) {
        if (at_end(b, s))
            return end(b, s);
        what = step(b, s, &read);
    }
    return what;
}
