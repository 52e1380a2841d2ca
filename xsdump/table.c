/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of the listing: columns, and rows as lines. */
#include <inttypes.h>
#include <string.h>

#include "xsdump.h"

#define NOTE_MIN 12 /* columns left for notes before the table gives up columns of its own */

/* "libxc-legacy64" is "libxc" in the table: the head names the whole stack. */
static int short_layer(const char *layer, char *out, size_t size)
{
    size_t n = strncmp(layer, "libxc-", 6) == 0 || strncmp(layer, "libxl-", 6) == 0 ? 5 : size - 1;

    return snprintf(out, size, "%.*s", (int)n, layer);
}

int row_type(const struct row *row, char *out, size_t size)
{
    char id[32] = "", times[32] = "";

    if (row->has_id)
        snprintf(id, sizeof(id), " (%" PRId64 ")", row->id);
    if (row->batches > 1)
        snprintf(times, sizeof(times), " x%" PRIu64, row->batches);
    return snprintf(out, size, "%.40s%s%s", row->type, id, times);
}

static int digits(uint64_t number)
{
    int n = 1;

    while (number /= 10)
        n++;
    return n;
}

static int hex_digits(uint64_t number)
{
    int n = 1;

    while (number >>= 4)
        n++;
    return n < 8 ? 8 : n;
}

static void widen(int *width, int to)
{
    if (*width < to)
        *width = to;
}

static void narrow(struct columns *w, const struct cli_term *t)
{
    int taken = w->offset + w->length + w->type + 4;

    w->no_layer = t->width && taken + w->layer + w->pages + 4 + NOTE_MIN > (int)t->width;
    w->no_pages = t->width && taken + w->pages + 2 + NOTE_MIN > (int)t->width;
}

void columns_default(struct columns *w, const struct cli_term *t, uint64_t size)
{
    memset(w, 0, sizeof(*w));
    w->offset = 2 + hex_digits(size);
    w->length = 6;
    w->layer = 5;
    w->type = 4;
    w->pages = 5;
    narrow(w, t);
}

void columns_stream(struct columns *w, const struct cli_term *t, uint64_t size)
{
    columns_default(w, t, size);
    /* The rows are not known yet: what is usual. */
    w->length = 8;
    w->layer = 8;
    w->type = 20;
    narrow(w, t);
}

void columns_fit(struct columns *w, const struct cli_term *t, const struct row *row)
{
    char text[96];

    widen(&w->offset, 2 + hex_digits(row->offset));
    widen(&w->length, digits(row->length));
    widen(&w->layer, short_layer(row->layer, text, sizeof(text)));
    widen(&w->type, row_type(row, text, sizeof(text)));
    if (row->pages)
        widen(&w->pages, digits(row->pages));
    narrow(w, t);
}

/* Print a line, cut at the terminal's width. */
static void put_line(const struct cli_term *t, enum cli_colour colour, const char *line)
{
    size_t n = t->width ? cli_fit(line, t->width) : strlen(line);

    while (n && line[n - 1] == ' ')
        n--;
    if (colour == CLI_PLAIN)
        fprintf(t->out, "%.*s\n", (int)n, line);
    else
        fprintf(t->out, "%s%.*s%s\n", cli_colour(t, colour), (int)n, line,
                cli_colour(t, CLI_PLAIN));
}

static void format(const struct columns *w, char *out, size_t size, const char *const cell[5],
                   const char *note)
{
    int n = snprintf(out, size, "%-*s  %-*s", w->offset, cell[0], w->length, cell[1]);

    if (!w->no_layer)
        n += snprintf(out + n, size - (size_t)n, "  %-*s", w->layer, cell[2]);
    n += snprintf(out + n, size - (size_t)n, "  %-*s", w->type, cell[3]);
    if (!w->no_pages)
        n += snprintf(out + n, size - (size_t)n, "  %-*s", w->pages, cell[4]);
    snprintf(out + n, size - (size_t)n, "  %s", note);
}

void columns_print(const struct cli_term *t, const struct columns *w)
{
    static const char *const heading[5] = { "OFFSET", "LENGTH", "LAYER", "TYPE", "PAGES" };
    char line[1024];

    format(w, line, sizeof(line), heading, "NOTE");
    put_line(t, CLI_BOLD, line);
}

void row_print(const struct cli_term *t, const struct columns *w, const struct row *row,
               const char *note)
{
    char offset[32], length[32], layer[32], type[96], pages[32] = "", line[1024];
    const char *const cell[5] = { offset, length, layer, type, pages };
    bool bad = row->flags & (XSI_CHUNK_UNREADABLE | XSI_CHUNK_CUT);
    bool gap = row->flags & (XSI_CHUNK_GAP | XSI_CHUNK_RESYNC);

    snprintf(offset, sizeof(offset), "0x%08" PRIx64, row->offset);
    snprintf(length, sizeof(length), "%" PRIu64, row->length);
    short_layer(row->layer, layer, sizeof(layer));
    row_type(row, type, sizeof(type));
    if (row->pages)
        snprintf(pages, sizeof(pages), "%" PRIu64, row->pages);
    format(w, line, sizeof(line), cell, note);
    put_line(t, bad ? CLI_RED : gap ? CLI_YELLOW : CLI_PLAIN, line);
}
