/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line of the tree: the offset first, as in the listing, then the name, indented by how deep its
 * layer lies, then what there is room for.
 */
#include <inttypes.h>
#include <string.h>

#include "compare.h"
#include "finding_here.h"
#include "tree.h"

#define NAME_LEAST 12 /* columns of a name before the offset is left out, */
#define NAME_MIN   17 /* ... and other things; more where layers are nested */
#define NAME_MAX   34
#define LENGTH     4 /* "999K" */
#define NOTE_MIN   20
#define OFFSET_MIN 8 /* digits of an offset, as in the listing */

static int digits(uint64_t number, unsigned base)
{
    int n = 1;

    while (number /= base)
        n++;
    return n;
}

struct tree_widths tree_widths(const struct browse *b, const struct tree *t, int columns)
{
    int hex = digits(b->doc->size, 16), decimal = digits(b->doc->size, 10);
    int least = NAME_MIN + (int)t->deepest;
    struct tree_widths w = { .view = b->view == VIEW_READER || b->view == VIEW_COMPARE };

    w.name = columns - 1 - w.view;
    w.digits = hex < OFFSET_MIN ? OFFSET_MIN : hex;
    w.exact = w.name - w.digits - decimal - 4 >= least + 6;
    if (!w.exact)
        w.digits = hex;
    w.offset = w.name - w.digits - 3 >= NAME_LEAST ? w.digits + 2 : 0;
    w.name -= w.offset ? w.offset + 1 : 0;
    w.length = w.exact ? decimal : w.name - LENGTH - 1 >= least ? LENGTH : 0;
    w.name -= w.length ? w.length + 1 : 0;
    if (w.name - NOTE_MIN - 1 >= least + 6) {
        w.note = w.name - NAME_MAX - 1;
        w.note = w.note < NOTE_MIN ? NOTE_MIN : w.note;
        w.name -= w.note + 1;
    }
    return w;
}

/* ---------------------------------------------------------------- cells ---- */

/* "15", "1.8K", "104K", "4.0M". */
static void short_size(char *out, size_t size, uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 10000) {
        snprintf(out, size, "%" PRIu64, bytes);
        return;
    }
    for (value /= 1024; value >= 999.5 && units[unit + 1]; unit++)
        value /= 1024;
    snprintf(out, size, "%.*f%c", value < 9.95 ? 1 : 0, value, units[unit]);
}

static const char *flag_words(unsigned flags)
{
    if (flags & XSI_CHUNK_UNREADABLE)
        return " unreadable";
    if (flags & XSI_CHUNK_CUT)
        return " cut";
    return flags & XSI_CHUNK_RESYNC ? " resync" : "";
}

/* "PAGES x1024", "END (0)", "VCPU_INFO (-2) cut"; the number goes where there is no room. */
static void row_name(const struct xsi_map_row *row, int width, char *out, size_t size)
{
    char id[32] = "", times[32] = "";

    if (row->has_id)
        snprintf(id, sizeof(id), " (%" PRId64 ")", row->id);
    if (row->count > 1)
        snprintf(times, sizeof(times), " x%" PRIu64, row->count);
    if ((int)(strlen(row->type) + strlen(id) + strlen(times) + strlen(flag_words(row->flags))) >
        width)
        id[0] = '\0';
    snprintf(out, size, "%.60s%s%s%s", row->type, id, times, flag_words(row->flags));
}

/* In an unfolded run all have one type: what tells batches apart is their frames. */
static void batch_name(const struct xsi_map_row *row, int width, char *out, size_t size)
{
    int n = snprintf(out, size, "pfn 0x%" PRIx64 "-0x%" PRIx64, row->first_pfn, row->last_pfn);

    if (n > width || row->first_pfn == row->last_pfn)
        snprintf(out, size, "pfn 0x%" PRIx64, row->first_pfn);
}

static void item_name(const struct tree *t, const struct tree_item *item,
                      const struct xsi_map_row *row, const struct tree_widths *w, char *out,
                      size_t size)
{
    const struct tree_segment *s = &t->segment[item->segment];
    bool goes_on = s->block != item->segment;
    int indent = (int)s->depth * 2 + (item->kind == TREE_LAYER ? 0
                                      : item->kind == TREE_ROW ? 2
                                                               : 4);
    char fold = !tree_folds(t, item) ? ' ' : tree_unfolded(t, item) ? '-' : '+';
    char name[160];

    if (w->name < NAME_MAX) /* a column is dear */
        indent /= 2;
    if (s->bare)
        indent -= indent ? 1 : 0;
    if (item->kind == TREE_LAYER)
        snprintf(name, sizeof(name), "%.60s%s", row->layer, goes_on ? " goes on" : "");
    else if (item->kind == TREE_CHUNK && row->pages && !w->note)
        batch_name(row, w->name - indent - 1, name, sizeof(name));
    else
        row_name(row, w->name - indent - 1, name, sizeof(name));
    snprintf(out, size, "%*s%c%s", indent, "", fold, name);
}

/* Bytes whose findings are a row's: one about the end of the image is the last row's. */
static uint64_t reach_of(const struct browse *b, const struct xsi_map_row *row)
{
    return row->length + (b->doc->walked && row->offset + row->length == b->doc->size);
}

/* Codes of what was found, then the chunk's note or the frames of a batch: as in the listing. */
static void item_note(struct browse *b, struct tree *t, const struct tree_item *item,
                      const struct xsi_map_row *row, char *out, size_t size)
{
    size_t i = doc_finding_at(b->doc, row->offset);
    const char *last = "", *note = "";
    unsigned told = 0;

    out[0] = '\0';
    for (; i < b->doc->finding_count && told < 3; i++) {
        const struct xsi_finding *f = &b->doc->finding[i];

        if (f->offset - row->offset >= reach_of(b, row))
            break;
        if (strcmp(last, f->row->code) != 0)
            text_add(out, size, "%s%s", told++ ? " " : "", f->row->code);
        last = f->row->code;
    }
    if (row->flags & XSI_CHUNK_CUT)
        text_add(out, size, "%s%" PRIu64 " bytes wanted", told++ ? " " : "", row->wanted);
    if (item->kind == TREE_ROW && row->count == 1)
        note = tree_note(b, t, row->index);
    if (row->pages)
        text_add(out, size, "%s%" PRIu64 " page%s", told++ ? " " : "", row->pages,
                 row->pages > 1 ? "s" : "");
    if (*note)
        text_add(out, size, "%s%s", row->pages ? ", " : told ? " " : "", note);
    else if (row->pages && row->first_pfn == row->last_pfn)
        text_add(out, size, ", pfn 0x%" PRIx64, row->first_pfn);
    else if (row->pages)
        text_add(out, size, ", pfn 0x%" PRIx64 "-0x%" PRIx64, row->first_pfn, row->last_pfn);
}

/* ---------------------------------------------------------------- marks ---- */

static bool touch(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    return a < b_end && b < a_end;
}

/* What the reader, or the other image, has to say of a row. */
static char view_mark(const struct browse *b, const struct xsi_map_row *row, enum role *role)
{
    uint64_t from, to, end = row->offset + row->length;

    *role = ROLE_TEXT;
    if (b->view == VIEW_COMPARE)
        return compare_mark(compare_row(b, row), role);
    if (reader_read(b, &from, &to) && touch(from, from + (to ? to : 1), row->offset, end)) {
        *role = ROLE_HERE;
        return '>';
    }
    if (reader_consumed(b, &from, &to) && touch(from, to, row->offset, end)) {
        *role = ROLE_CONSUMED;
        return to < end ? '-' : '='; /* a part of it, or all */
    }
    return ' ';
}

static enum role row_role(const struct tree_item *item, const struct xsi_map_row *row)
{
    if (item->kind == TREE_LAYER)
        return ROLE_STRONG;
    if (row->flags & (XSI_CHUNK_UNREADABLE | XSI_CHUNK_CUT))
        return ROLE_ERROR;
    return row->flags & (XSI_CHUNK_GAP | XSI_CHUNK_RESYNC) ? ROLE_WARNING : ROLE_TEXT;
}

/* ---------------------------------------------------------------- lines ---- */

/* What stands behind the name. */
static void draw_right(struct browse *b, struct tree *t, struct canvas *c, int y, int x,
                       const struct tree_widths *w, const struct tree_item *item,
                       const struct xsi_map_row *row, enum role role)
{
    char text[XSI_NOTE_MAX + 128];

    if (w->length) {
        if (w->exact)
            snprintf(text, sizeof(text), "%*" PRIu64, w->length, row->length);
        else
            short_size(text, sizeof(text), row->length);
        canvas_put(c, y, x + w->length - (int)strlen(text), role, "%s", text);
        x += w->length + 1;
    }
    if (item->kind == TREE_LAYER)
        return;
    if (w->note) {
        item_note(b, t, item, row, text, sizeof(text));
        canvas_text(c, y, x, w->note, role, text);
    }
}

void tree_draw_line(struct browse *b, struct tree *t, struct canvas *c, uint64_t line,
                    const struct tree_widths *w)
{
    int y = (int)(line - t->list.top), x = 1 + w->view;
    bool current = line == t->list.current;
    enum role role, mark;
    const struct xsi_finding *finding = NULL;
    struct tree_item item;
    struct xsi_map_row row;
    char name[256];

    list_line(&t->list, c, line, ROLE_TEXT, "");
    if (!tree_at(t, line, &item))
        return;
    if (!tree_row(t, &item, &row)) {
        canvas_put(c, y, x, ROLE_ERROR, "chunk %" PRIu64 " cannot be read again", item.number);
        return;
    }
    role = current ? (canvas_focused(c) ? ROLE_CURSOR : ROLE_CURSOR_AWAY) : row_role(&item, &row);
    if (item.kind != TREE_LAYER || !tree_unfolded(t, &item))
        doc_findings_in(b->doc, row.offset, reach_of(b, &row), &finding);
    if (finding)
        canvas_put(c, y, 0, finding_role(finding), "%c", role_letter(finding_role(finding)));
    if (w->view && item.kind != TREE_LAYER) {
        char sign = view_mark(b, &row, &mark);

        canvas_put(c, y, 1, mark, "%c", sign);
    }
    if (w->offset) {
        if (item.kind != TREE_LAYER || !tree_unfolded(t, &item))
            canvas_put(c, y, x, role, "0x%0*" PRIx64, w->digits, row.offset);
        x += w->offset + 1;
    }
    item_name(t, &item, &row, w, name, sizeof(name));
    canvas_text(c, y, x, w->name, role, name);
    draw_right(b, t, c, y, x + w->name + 1, w, &item, &row, role);
}
