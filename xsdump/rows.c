/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folded rows, held until the head of the listing is known. Memory is bounded: the first
 * ROWS_HEAD rows and the last ROWS_TAIL are kept, and the gap between them is told.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "xsdump.h"

/* Strings in events live until the next event; the few names that occur are kept once. */
static const char *keep(struct rows *r, const char *name)
{
    for (size_t i = 0; i < r->name_count; i++)
        if (strcmp(r->names[i], name) == 0)
            return r->names[i];
    if (r->name_count == ROWS_NAMES || !(r->names[r->name_count] = strdup(name)))
        return "?";
    return r->names[r->name_count++];
}

void row_of_chunk(struct row *row, const struct xsi_chunk *c)
{
    *row = (struct row){
        .offset = c->offset,
        .length = c->length,
        .pages = c->pages,
        .batches = 1,
        .first_pfn = c->first_pfn,
        .last_pfn = c->last_pfn,
        .layer = c->layer,
        .type = c->type,
        .has_id = c->has_id,
        .id = c->id,
        .flags = c->flags,
        .wanted = c->wanted,
    };
}

static struct row *newest(struct rows *r)
{
    if (r->tail_count)
        return &r->tail[(r->tail_count - 1) % ROWS_TAIL];
    return r->count ? &r->head[r->count - 1] : NULL;
}

static bool same_run(const struct row *row, const struct xsi_chunk *c)
{
    const unsigned plain = XSI_CHUNK_PAGES;

    return row->flags == plain && c->flags == plain && strcmp(row->type, c->type) == 0 &&
           strcmp(row->layer, c->layer) == 0;
}

static void extend(struct row *row, const struct xsi_chunk *c)
{
    if (c->pages && (!row->pages || c->first_pfn < row->first_pfn))
        row->first_pfn = c->first_pfn;
    if (c->pages && (!row->pages || c->last_pfn > row->last_pfn))
        row->last_pfn = c->last_pfn;
    row->length += c->length;
    row->pages += c->pages;
    row->batches++;
}

static struct row *new_tail_row(struct rows *r)
{
    struct row *row;

    if (!r->tail && !(r->tail = calloc(ROWS_TAIL, sizeof(*r->tail))))
        return NULL;
    row = &r->tail[r->tail_count++ % ROWS_TAIL];
    free(row->note);
    return row;
}

static struct row *new_row(struct rows *r)
{
    if (r->count == r->capacity && r->capacity < ROWS_HEAD) {
        size_t capacity = r->capacity ? 2 * r->capacity : 62;
        struct row *head = realloc(r->head, capacity * sizeof(*head));

        if (head) {
            r->head = head;
            r->capacity = capacity;
        }
    }
    if (r->count < r->capacity)
        return &r->head[r->count++];
    return new_tail_row(r);
}

void rows_split(struct rows *r)
{
    r->split = true;
}

void rows_add(struct rows *r, const struct xsi_chunk *c)
{
    struct row *row = newest(r);

    if (row && !r->split && same_run(row, c)) {
        extend(row, c);
        return;
    }
    r->split = false;
    row = new_row(r);
    if (!row)
        return;
    row_of_chunk(row, c);
    row->layer = keep(r, c->layer);
    row->type = keep(r, c->type);
    row->note = *c->note ? strdup(c->note) : NULL;
}

void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->head[i].note);
    for (size_t i = 0; r->tail && i < ROWS_TAIL; i++)
        free(r->tail[i].note);
    for (size_t i = 0; i < r->name_count; i++)
        free(r->names[i]);
    free(r->head);
    free(r->tail);
    memset(r, 0, sizeof(*r));
}

/* Row number i of those that are held: the head, then the tail in order. */
static const struct row *held(const struct rows *r, size_t i)
{
    uint64_t lost = r->tail_count > ROWS_TAIL ? r->tail_count - ROWS_TAIL : 0;

    return i < r->count ? &r->head[i] : &r->tail[(lost + i - r->count) % ROWS_TAIL];
}

size_t rows_count(const struct rows *r)
{
    return r->count + (size_t)(r->tail_count < ROWS_TAIL ? r->tail_count : ROWS_TAIL);
}

/* Codes of the findings about a row, and that it is cut, in front of its note. */
static void note_with_codes(const struct row *row, const struct cli_findings *f, char *out,
                            size_t size)
{
    const char *last = "";
    size_t used = 0;
    unsigned told = 0;

    out[0] = '\0';
    for (size_t i = 0; i < f->count && told < 3; i++) {
        const struct xsi_finding *one = &f->held[i];

        if (one->offset - row->offset >= row->length || strcmp(last, one->row->code) == 0)
            continue;
        last = one->row->code;
        used += (size_t)snprintf(out + used, size - used, "%s%s", told++ ? " " : "", last);
    }
    if (row->flags & XSI_CHUNK_CUT)
        used += (size_t)snprintf(out + used, size - used, "%scut, %" PRIu64 " bytes wanted",
                                 told++ ? " " : "", row->wanted);
    if (row->batches == 1 && row->note)
        snprintf(out + used, size - used, "%s%s", told ? " " : "", row->note);
    else if (row->pages && row->first_pfn == row->last_pfn)
        snprintf(out + used, size - used, "%spfn 0x%" PRIx64, told ? " " : "", row->first_pfn);
    else if (row->pages)
        snprintf(out + used, size - used, "%spfn 0x%" PRIx64 "-0x%" PRIx64, told ? " " : "",
                 row->first_pfn, row->last_pfn);
}

void rows_print(const struct cli_term *t, const struct rows *r, const struct cli_findings *f)
{
    size_t count = rows_count(r);
    char note[XSI_NOTE_MAX + 128];
    struct columns w;

    columns_default(&w, t, 0);
    for (size_t i = 0; i < count; i++)
        columns_fit(&w, t, held(r, i));
    columns_print(t, &w);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = held(r, i);

        if (i == r->count && r->tail_count > ROWS_TAIL)
            fprintf(t->out, "... %" PRIu64 " rows are left out here; all of them: xsdump -a\n",
                    r->tail_count - ROWS_TAIL);
        note_with_codes(row, f, note, sizeof(note));
        row_print(t, &w, row, note);
    }
}
