/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diff, info plan: what is staged. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dbg_rows.h"

#define BYTES_SHOWN 64U
#define ROWS_SHOWN  40U

static void put_hex(struct debug *d, const char *mark, const uint8_t *bytes, uint64_t n)
{
    size_t shown = n < BYTES_SHOWN ? (size_t)n : BYTES_SHOWN;

    for (size_t i = 0; i < shown; i++) {
        if (i % 16 == 0)
            fprintf(d->term.out, "%s%s", i ? "\n" : "", mark);
        fprintf(d->term.out, " %02x", bytes[i]);
    }
    if (shown < n)
        fprintf(d->term.out, " ... %" PRIu64 " bytes in all", n);
    if (n)
        fputc('\n', d->term.out);
}

static void put_edit(struct debug *d, const struct xsi_edit *e)
{
    uint8_t old[BYTES_SHOWN];
    size_t want = e->removed < sizeof(old) ? (size_t)e->removed : sizeof(old);
    ssize_t n = xsi_source_read(d->base, old, want, e->offset);

    fprintf(d->term.out, "%s0x%08" PRIx64 "%s  %" PRIu64 " bytes become %" PRIu64 "\n",
            cli_colour(&d->term, CLI_BOLD), e->offset, cli_colour(&d->term, CLI_PLAIN), e->removed,
            e->inserted_length);
    fputs(cli_colour(&d->term, CLI_RED), d->term.out);
    if (n == (ssize_t)want)
        put_hex(d, "  -", old, e->removed);
    fputs(cli_colour(&d->term, CLI_PLAIN), d->term.out);
    fputs(cli_colour(&d->term, CLI_CYAN), d->term.out);
    put_hex(d, "  +", e->inserted, e->inserted_length);
    fputs(cli_colour(&d->term, CLI_PLAIN), d->term.out);
}

/* ---------------------------------------------------------------- chunks ---- */

static bool same(const struct xsi_map_row *a, const struct xsi_map_row *b)
{
    return a->length == b->length && a->count == b->count && a->flags == b->flags &&
           a->wanted == b->wanted && a->pages == b->pages && a->first_pfn == b->first_pfn &&
           a->id == b->id && !strcmp(a->type, b->type) && !strcmp(a->layer, b->layer);
}

static void put_rows(struct debug *d, const struct xsi_map_row *row, size_t from, size_t to,
                     const char *mark)
{
    for (size_t i = from; i < to && i < from + ROWS_SHOWN; i++)
        dbg_row_print(d, &row[i], mark, NULL);
    if (to > from + ROWS_SHOWN)
        fprintf(d->term.out, "%s      ... and %zu more\n", mark, to - from - ROWS_SHOWN);
}

/* What both have in common in front and behind is left out. */
static void put_chunks(struct debug *d, const struct xsi_map *before)
{
    size_t n, m, head = 0, tail = 0;
    const struct xsi_map_row *a = xsi_map_rows(before, &n), *b = xsi_map_rows(d->map, &m);

    while (head < n && head < m && same(&a[head], &b[head]))
        head++;
    while (tail + head < n && tail + head < m && same(&a[n - 1 - tail], &b[m - 1 - tail]))
        tail++;
    if (head == n && head == m) {
        fputs("the chunks are the same\n", d->term.out);
        return;
    }
    dbg_rows_head(d);
    put_rows(d, a, head, n - tail, "-");
    put_rows(d, b, head, m - tail, "+");
    if (tail)
        fprintf(d->term.out, "   the %zu rows behind are the same\n", tail);
}

static int diff_exec(struct debug *d, int argc, char **argv)
{
    const struct xsi_map_options how = { .as = d->options->as, .scan = d->scan };
    struct xsi_error err = { 0, "" };
    const struct xsi_edit *e;
    struct xsi_map *before;

    (void)argc;
    (void)argv;
    if (!xsi_plan_steps(d->plan)) {
        fputs("nothing is staged\n", d->term.out);
        return 0;
    }
    for (size_t i = 0; (e = xsi_plan_edit(d->plan, i)) && !debug_stopped(d); i++)
        put_edit(d, e);
    before = xsi_map_new(d->base, &how, &err);
    if (!before)
        return debug_fail(d, CLI_OPERATIONAL, "%s", err.text);
    put_chunks(d, before);
    xsi_map_free(before);
    return 0;
}

static const struct debug_command diff = {
    .name = "diff",
    .group = DEBUG_CHANGE,
    .help = "the staged edits: bytes and chunks, before and after",
    .about = "Offsets of edits are those of the image on the disk; rows marked - are as they are "
             "there, rows marked + as they would be.",
    .exec = diff_exec,
};
DEBUG_COMMAND(diff);

static int plan_exec(struct debug *d, int argc, char **argv)
{
    size_t steps = xsi_plan_steps(d->plan), edits = 0;
    const struct xsi_kept *piece;

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < steps; i++)
        debug_planned_print(d, xsi_plan_step(d->plan, i));
    while (xsi_plan_edit(d->plan, edits))
        edits++;
    for (size_t i = 0; (piece = xsi_plan_piece(d->plan, i)); i++)
        fprintf(d->term.out, "cut out  %s: %" PRIu64 " bytes at 0x%" PRIx64 "\n", piece->name,
                piece->length, piece->offset);
    if (!steps)
        fputs("nothing is staged\n", d->term.out);
    else
        fprintf(d->term.out, "%zu step%s, %zu edit%s%s\n", steps, steps == 1 ? "" : "s", edits,
                edits == 1 ? "" : "s", d->dirty ? "; not written anywhere yet" : "");
    return 0;
}

static const struct debug_command plan = {
    .name = "info plan",
    .group = DEBUG_LOOK,
    .help = "the steps that are staged, and why",
    .exec = plan_exec,
};
DEBUG_COMMAND(plan);
