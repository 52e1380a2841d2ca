/* SPDX-License-Identifier: GPL-3.0-or-later */
/* find: bytes, a text, or chunks by a filter. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/filter.h"
#include "cli/needle.h"
#include "dbg_rows.h"

#define HITS_MAX 64
#define WINDOW   (1U << 20)

static void hit(struct debug *d, uint64_t offset, size_t *hits)
{
    char text[512];

    fprintf(d->term.out, "0x%08" PRIx64 "  %s\n", offset,
            debug_what(d, offset, text, sizeof(text)));
    if (!(*hits)++)
        debug_move(d, offset);
}

/* All places in the n bytes of a window that begins at `at`. */
static void search_window(struct debug *d, const struct cli_needle *needle, const uint8_t *window,
                          size_t n, uint64_t at, size_t *hits)
{
    const uint8_t *from = window, *end = window + n, *found;

    while (*hits < HITS_MAX &&
           (found = memmem(from, (size_t)(end - from), needle->bytes, needle->length))) {
        hit(d, at + (size_t)(found - window), hits);
        from = found + 1;
    }
}

/* Read all of the image, windows overlapping by the needle. */
static int search(struct debug *d, const struct cli_needle *needle)
{
    struct xsi_source *src = xsi_plan_source(d->plan);
    uint8_t *window = malloc(WINDOW);
    size_t hits = 0;
    ssize_t n = 1;

    if (!window)
        return debug_fail(d, CLI_OPERATIONAL, "out of memory");
    for (uint64_t at = 0; hits < HITS_MAX && !debug_stopped(d);) {
        uint64_t data = needle->zeros ? at : xsi_source_next_data(src, at);

        if (data > at + needle->length) /* a hole holds nothing but zeros */
            at = data - needle->length;
        n = xsi_source_read(src, window, WINDOW, at);
        if (n < (ssize_t)needle->length)
            break;
        search_window(d, needle, window, (size_t)n, at, &hits);
        at += (size_t)n - needle->length + 1;
    }
    free(window);
    if (n < 0)
        return debug_fail(d, CLI_OPERATIONAL, "%s", xsi_source_error(src)->text);
    if (hits == HITS_MAX)
        fprintf(d->term.out, "... the first %d\n", HITS_MAX);
    else if (!hits && !debug_stopped(d))
        fputs("not found\n", d->term.out);
    return 0;
}

/* ---------------------------------------------------------------- chunks ---- */

/* Each chunk by itself: in the map, batches are folded. */
static int search_chunks(struct debug *d, const struct cli_filter *filter)
{
    const struct xsi_walk_options how = { .as = d->options->as, .scan = d->scan };
    struct xsi_error err = { 0, "" };
    struct xsi_walk *walk = xsi_walk_new(xsi_plan_source(d->plan), &how, &err);
    struct xsi_event ev;
    size_t hits = 0;
    int rc = 1;

    if (!walk)
        return debug_fail(d, CLI_OPERATIONAL, "%s", err.text);
    dbg_rows_head(d);
    while (hits < HITS_MAX && !debug_stopped(d) && (rc = xsi_walk_next(walk, &ev)) > 0) {
        struct xsi_map_row row;

        if (ev.kind != XSI_EV_CHUNK)
            continue;
        row = xsi_map_row_of(ev.chunk, xsi_walk_info(walk)->checkpoints);
        if (!cli_filter_match(filter, &row))
            continue;
        dbg_row_print(d, &row, "", ev.chunk->note);
        if (!hits++)
            debug_move(d, row.offset);
    }
    if (rc < 0)
        debug_fail(d, 0, "%s", xsi_walk_error(walk)->text);
    xsi_walk_free(walk);
    if (hits == HITS_MAX)
        fprintf(d->term.out, "... the first %d\n", HITS_MAX);
    else if (!hits)
        fputs("no chunk is like that\n", d->term.out);
    return rc < 0 ? CLI_OPERATIONAL : 0;
}

/* ---------------------------------------------------------------- what is meant ---- */

static int find_exec(struct debug *d, int argc, char **argv)
{
    const char *what = d->rest;
    struct cli_filter *filter;
    struct cli_needle needle;
    char why[256], type[300], text[80];
    const char *wrong;
    int status;

    (void)argc;
    (void)argv;
    if (cli_needle_parse(what, &needle, &wrong)) {
        fprintf(d->term.out, "%s\n", cli_needle_text(&needle, text, sizeof(text)));
        return search(d, &needle);
    }
    if (wrong)
        return debug_fail(d, CLI_USAGE, "%s", wrong);
    snprintf(type, sizeof(type), "type==%s", what);
    if (!cli_filter_is(what) && !strpbrk(what, " \t=<>~") && strlen(what) < 64)
        what = type;
    filter = cli_filter_new(what, why, sizeof(why));
    if (!filter)
        return debug_fail(d, CLI_USAGE, "%s; help find", why);
    status = search_chunks(d, filter);
    cli_filter_free(filter);
    return status;
}

static const struct debug_command row = {
    .name = "find",
    .aliases = "f",
    .group = DEBUG_LOOK,
    .usage = "BYTES | \"TEXT\" | 0xNUMBER | TYPE | FILTER",
    .min = 1,
    .max = -1,
    .complete = { DEBUG_ARG_CHUNK },
    .flags = DEBUG_RAW,
    .help = "look for bytes, a text, or chunks of a kind",
    .about =
        "find f7ffffff            these bytes, anywhere\n"
        "find \"QemuDevice\"        a text; \\n, \\0 and \\x1b within it\n"
        "find 0xfffffff7          a number of 4 (or, with more digits, 8) bytes as it stands "
        "in an image\n"
        "find HVM_CONTEXT         chunks of a type\n"
        "find type==PAGES and pages<64     chunks by a filter\n"
        "find length>1M or gap\n"
        "Keys: type, layer (== != ~), id, index, offset, end, length, wanted, missing, entries, "
        "pages, tables, first_pfn, last_pfn, pfn, depth, checkpoint (== != < <= > >=); flags: "
        "pages, gap, cut, resync, certain, unreadable; and, or, not, ( ).\n"
        "The first hit becomes the current position.",
    .exec = find_exec,
};
DEBUG_COMMAND(row);
