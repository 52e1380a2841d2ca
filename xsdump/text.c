/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The listing for people. The head needs facts that are complete only when the walk has ended, so
 * folded rows wait for it; rows that cannot be bounded (-a, -v, -x, -r) are printed as they come,
 * and the head stands behind them, from a file as from a pipe.
 */
#include <stdlib.h>
#include <string.h>

#include "xsdump.h"

#define SCREEN_ROWS 24 /* of a terminal that is not there */

struct text_view {
    struct view view;
    const struct settings *set;
    struct cli_term term;
    struct rows rows;
    struct columns columns;
    struct cli_findings findings;
    bool second;    /* a blank line stands between images */
    bool headed;    /* the table's heading has been printed */
    bool row_shown; /* findings that come now belong to a row on the screen */
};

static struct text_view *text_of(struct view *v)
{
    return (struct text_view *)v;
}

static void text_begin(struct view *v, struct image *im)
{
    struct text_view *tv = text_of(v);
    uint64_t size = 0;

    if (tv->second)
        fputc('\n', tv->term.out);
    tv->second = true;
    tv->headed = tv->row_shown = false;
    if (im->src)
        xsi_source_size(im->src, &size);
    columns_stream(&tv->columns, &tv->term, size);
}

static void stream_chunk(struct text_view *tv, struct image *im, const struct xsi_chunk *chunk)
{
    struct row row;

    if (!tv->headed)
        columns_print(&tv->term, &tv->columns);
    tv->headed = true;
    row_of_chunk(&row, chunk);
    row_print(&tv->term, &tv->columns, &row, chunk->note);
    if (settings_detail(tv->set) && fields_print(&tv->term, im, chunk) < 0)
        im->status |= CLI_OPERATIONAL;
}

static void text_chunk(struct view *v, struct image *im, const struct xsi_chunk *chunk)
{
    struct text_view *tv = text_of(v);

    tv->row_shown = settings_stream(tv->set) && settings_wants(tv->set, chunk);
    if (tv->row_shown)
        stream_chunk(tv, im, chunk);
    else if (!settings_stream(tv->set) && settings_wants(tv->set, chunk))
        rows_add(&tv->rows, chunk);
}

static void text_met(struct view *v, struct image *im, const struct xsi_finding *finding)
{
    struct text_view *tv = text_of(v);
    const struct xsi_finding_row *row = finding->row;

    (void)im;
    rows_split(&tv->rows);
    /* Its text comes below; here a mark where it happened. */
    if (tv->row_shown)
        fprintf(tv->term.out, "%s^ %s %s %s%s\n",
                cli_colour(&tv->term, cli_severity_colour(finding->severity)),
                cli_severity(finding->severity), row->code, row->slug,
                cli_colour(&tv->term, CLI_PLAIN));
}

static void text_finding(struct view *v, struct image *im, const struct xsi_finding *finding)
{
    (void)im;
    cli_findings_add(&text_of(v)->findings, finding);
}

#define ROUND_ROWS 10 /* lines of head, state and verdict */

/* The listing's end and its head are not on one screen. */
static bool beyond_screen(const struct text_view *tv)
{
    size_t lines = ROUND_ROWS + tv->findings.count;

    if (settings_stream(tv->set) || tv->set->quiet)
        return false; /* the head stands at the end, or there are no rows */
    return lines + rows_count(&tv->rows) > (tv->term.height ? tv->term.height : SCREEN_ROWS);
}

static void text_end(struct view *v, struct image *im, const struct xsi_error *error)
{
    struct text_view *tv = text_of(v);
    char name[4400];

    if (!im->walk) {
        fprintf(tv->term.out, "%s: not listed, see the message\n",
                cli_name(name, sizeof(name), im->file));
        return;
    }
    if (tv->headed)
        fputc('\n', tv->term.out);
    tv->findings.judged = judged_verdict(im, 0) != NULL;
    head_print(&tv->term, im, &tv->findings, beyond_screen(tv));
    if (!settings_stream(tv->set) && !tv->set->quiet)
        rows_print(&tv->term, &tv->rows, &tv->findings);
    if (im->pages)
        page_data_print(&tv->term, im->pages);
    if (im->core)
        im->status |= core_close(im->core, &tv->term);
    im->core = NULL;
    cli_findings_print(&tv->term, &tv->findings);
    if (error->code)
        fprintf(tv->term.out, "STATE    not known: reading stopped, the listing is incomplete\n");
    else
        cli_state_print(&tv->term, xsi_walk_info(im->walk), &tv->findings,
                        image_words(im, name, sizeof(name)));
    verdicts_print(&tv->term, im);
    rows_free(&tv->rows);
    cli_findings_free(&tv->findings);
}

static void text_done(struct view *v)
{
    (void)v;
}

static void text_free(struct view *v)
{
    free(text_of(v));
}

struct view *text_view_new(const struct settings *set, const struct cli_term *t)
{
    struct text_view *tv = calloc(1, sizeof(*tv));

    if (!tv)
        return NULL;
    tv->view = (struct view){ text_begin, text_chunk, text_met, text_finding,
                              text_end,   text_done,  text_free };
    tv->set = set;
    tv->term = *t;
    return &tv->view;
}
