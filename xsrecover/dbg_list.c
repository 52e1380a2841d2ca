/* SPDX-License-Identifier: GPL-3.0-or-later */
/* list, info chunks: the chunks, with what was found in them. */
#include <inttypes.h>
#include <string.h>

#include "dbg_rows.h"

#define ROWS_AROUND 12
#define NARROW      64U /* columns that a row with its type and a code needs */
#define NOTE_INDENT 10

static size_t add_code(const struct xsi_map_row *row, const struct xsi_finding_row *finding,
                       uint64_t offset, char *out, size_t size, size_t n)
{
    if (offset - row->offset >= row->length || n + 16 > size || strstr(out, finding->code))
        return n;
    return n + (size_t)snprintf(out + n, size - n, " %s", finding->code);
}

/* Codes of the findings within a row, the walk's and the reader's: " XS-L01 XS-L09". */
static void codes_of(const struct debug *d, const struct xsi_map_row *row, char *out, size_t size)
{
    const struct xsi_verdict *v = debug_verdict(d);
    size_t count, n = 0;
    const struct xsi_finding *f = xsi_map_findings(d->map, &count);

    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        n = add_code(row, f[i].row, f[i].offset, out, size, n);
    for (size_t i = 0; v && i < v->finding_count; i++)
        n = add_code(row, v->findings[i].row, v->findings[i].offset, out, size, n);
}

static const char *state_of(const struct xsi_map_row *row)
{
    if (row->flags & XSI_CHUNK_UNREADABLE)
        return " unreadable";
    if (row->flags & XSI_CHUNK_CUT)
        return " cut";
    if (row->flags & XSI_CHUNK_CERTAIN)
        return " found again: certain";
    return row->flags & XSI_CHUNK_RESYNC ? " found again: probable" : "";
}

void dbg_row_print(struct debug *d, const struct xsi_map_row *row, const char *mark,
                   const char *note)
{
    char type[80], name[64], codes[120], text[XSI_NOTE_MAX + 200];
    bool narrow = d->term.width && d->term.width < NARROW;
    int n;

    snprintf(name, sizeof(name), "%.60s", row->type);
    cli_name(type, sizeof(type), name);
    n = (int)strlen(type);
    if (row->count > 1)
        snprintf(type + n, sizeof(type) - (size_t)n, " x%" PRIu64, row->count);
    else if (row->has_id)
        snprintf(type + n, sizeof(type) - (size_t)n, " (%" PRId64 ")", row->id);
    codes_of(d, row, codes, sizeof(codes));
    n = snprintf(text, sizeof(text), "%s%s%s", state_of(row),
                 note && *note ? (*state_of(row) ? "; " : " ") : "", note ? note : "");
    if (row->count > 1 && row->pages)
        snprintf(text + n, sizeof(text) - (size_t)n, " pfn 0x%" PRIx64 "-0x%" PRIx64,
                 row->first_pfn, row->last_pfn);
    if (narrow) { /* two lines; there is no room for notes */
        fprintf(d->term.out, "%-2s %5" PRIu64 "  0x%08" PRIx64 " %11" PRIu64 "\n%*s%s%s%s%s\n",
                mark, row->index, row->offset, row->length, NOTE_INDENT, "", type,
                cli_colour(&d->term, *codes ? CLI_RED : CLI_PLAIN), codes,
                cli_colour(&d->term, CLI_PLAIN));
        return;
    }
    /* No blanks at the end of a line: it is pasted into a ticket. */
    fprintf(d->term.out, "%-2s %5" PRIu64 "  0x%08" PRIx64 " %11" PRIu64 "  %-*s%s%s%s", mark,
            row->index, row->offset, row->length, *codes || *text ? 22 : 0, type,
            cli_colour(&d->term, *codes ? CLI_RED : CLI_PLAIN), codes,
            cli_colour(&d->term, CLI_PLAIN));
    n = d->term.width ? (int)d->term.width - 56 - (int)strlen(codes) : (int)strlen(text);
    fprintf(d->term.out, "%.*s\n", (int)cli_fit(text, n > 0 ? (size_t)n : 0), text);
}

void dbg_rows_head(struct debug *d)
{
    fprintf(d->term.out, "%s   CHUNK  OFFSET          LENGTH  TYPE%s\n",
            cli_colour(&d->term, CLI_BOLD), cli_colour(&d->term, CLI_PLAIN));
}

/* Notes are the chunks', not the map's: a walk brings them. */
static void put_rows(struct debug *d, size_t from, size_t to)
{
    const struct xsi_walk_options how = { .as = d->options->as, .scan = d->scan };
    size_t count;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);
    struct xsi_error err;
    struct xsi_walk *walk = xsi_walk_new(xsi_plan_source(d->plan), &how, &err);
    struct xsi_event ev = { 0 };

    dbg_rows_head(d);
    for (size_t i = from; i < to && i < count && !debug_stopped(d); i++) {
        bool here = false;

        while (walk && !here && xsi_walk_next(walk, &ev) > 0)
            here = ev.kind == XSI_EV_CHUNK && ev.chunk->index == row[i].index;
        dbg_row_print(d, &row[i], d->at - row[i].offset < row[i].length ? "=>" : "",
                      here && row[i].count == 1 ? ev.chunk->note : NULL);
    }
    xsi_walk_free(walk);
    if (to >= count && xsi_map_full(d->map))
        fputs("... more chunks than are kept here; all: xsdump -a\n", d->term.out);
}

/* Index of the row that holds an offset; the number of rows behind the last. */
static size_t row_at(const struct debug *d, uint64_t offset)
{
    size_t count;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);
    const struct xsi_map_row *found = xsi_map_at(d->map, offset);

    return found ? (size_t)(found - row) : count;
}

static size_t row_of_chunk(const struct debug *d, uint64_t index)
{
    size_t count, i = 0;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);

    while (i < count && row[i].index + row[i].count <= index)
        i++;
    return i;
}

/* Without an argument: around the current position; again: what follows. */
static int list_exec(struct debug *d, int argc, char **argv)
{
    uint64_t first, last, offset = d->at;
    size_t at, count;

    xsi_map_rows(d->map, &count);
    if (argc > 1 && !strcmp(argv[1], "all")) {
        put_rows(d, 0, count);
        return 0;
    }
    if (argc > 1 && strchr(argv[1], '-') && cli_range(argv[1], &first, &last)) {
        at = row_of_chunk(d, last);
        put_rows(d, row_of_chunk(d, first), at < count ? at + 1 : count);
        return 0;
    }
    if (argc > 1 && !debug_place(d, argv[1], &offset))
        return CLI_USAGE;
    if (argc > 1)
        debug_move(d, offset);
    at = row_at(d, d->at);
    at = at > ROWS_AROUND / 2 ? at - ROWS_AROUND / 2 : 0;
    put_rows(d, at, at + ROWS_AROUND);
    return 0;
}

static const struct debug_command list = {
    .name = "list",
    .aliases = "l",
    .group = DEBUG_LOOK,
    .usage = "[PLACE|N-M|all]",
    .max = 1,
    .complete = { DEBUG_ARG_CHUNK | DEBUG_ARG_OFFSET | DEBUG_ARG_CODE | DEBUG_ARG_WORDS },
    .words = "all",
    .help = "the chunks around the current position",
    .about = "Neighbouring batches of pages are one row. => marks the current position; PLACE "
             "makes it another.\nN-M: by number. all: the whole image.",
    .exec = list_exec,
};
DEBUG_COMMAND(list);

static int chunks_exec(struct debug *d, int argc, char **argv)
{
    size_t count;

    (void)argc;
    (void)argv;
    xsi_map_rows(d->map, &count);
    put_rows(d, 0, count);
    return 0;
}

static const struct debug_command chunks = {
    .name = "info chunks",
    .group = DEBUG_LOOK,
    .help = "all chunks of the image with its staged edits",
    .exec = chunks_exec,
};
DEBUG_COMMAND(chunks);
