/* SPDX-License-Identifier: GPL-3.0-or-later */
/* why: what a finding means in this image. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "xsrecover.h"

#define BYTES_AROUND 16U
#define BYTES_SHOWN  64U

static void put(struct debug *d, const char *label, const char *text)
{
    line_print(&d->term, label, "%s", text);
}

/* Lines of hex, from one in front of the place to one behind it. */
static void put_bytes(struct debug *d, const struct xsi_finding *f)
{
    uint64_t from = f->offset > BYTES_AROUND ? (f->offset - BYTES_AROUND) & ~15ULL : 0;
    uint64_t shown = f->length < BYTES_SHOWN ? f->length : BYTES_SHOWN;
    char what[512];

    put(d, "bytes", debug_what(d, f->offset, what, sizeof(what)));
    debug_hex(d, from, f->offset + shown - from + BYTES_AROUND, f->offset, shown);
}

/* ---------------------------------------------------------------- a batch count ---- */

/*
 * The count that would make a gap of `length` bytes a batch: 4 bytes, then `width` bytes per entry
 * and 4096 per page, of which there are at most as many as entries.
 */
static bool could_be(uint64_t count, uint64_t length, unsigned width)
{
    uint64_t head = 4 + count * width;

    return count && count <= 1024 && head <= length && (length - head) % XSI_PAGE_SIZE == 0 &&
           (length - head) / XSI_PAGE_SIZE <= count;
}

/* In words, how a number differs from another. */
static void put_difference(struct debug *d, uint32_t is, uint32_t should, const char *because)
{
    uint32_t differ = is ^ should;
    char text[400];
    int bits = __builtin_popcount(differ);

    if (bits == 1)
        snprintf(text, sizeof(text),
                 "%" PRIu32 " differs from %" PRIu32 " in one bit, bit %d "
                 "(0x%08" PRIx32 " and 0x%08" PRIx32 "); %s. Next: set count %" PRIu32,
                 is, should, __builtin_ctz(differ), is, should, because, should);
    else
        snprintf(text, sizeof(text),
                 "%" PRIu32 " should be %" PRIu32 "; %d bits differ; %s. "
                 "Next: set count %" PRIu32,
                 is, should, bits, because, should);
    put(d, "count", text);
}

/* A gap that a count made: the flips of one bit that would explain its length. */
static bool explain_gap(struct debug *d, uint32_t is, const struct xsi_chunk *chunk)
{
    for (unsigned width = 4; width <= 8; width += 4) {
        for (unsigned bit = 0; bit < 32; bit++) {
            uint32_t should = is ^ (1U << bit);

            if (!could_be(should, chunk->length, width))
                continue;
            put_difference(d, is, should, "with it the batch ends where the stream goes on");
            return true;
        }
    }
    return false;
}

static bool put_count(struct debug *d, const struct xsi_finding *f)
{
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk;
    uint8_t p[4];
    uint32_t is;
    bool told = false;

    if (strcmp(f->row->slug, "bad-count") != 0 ||
        xsi_source_read(xsi_plan_source(d->plan), p, 4, f->offset) != 4)
        return false;
    is = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    walk = xsi_map_open(d->map, f->offset, &chunk, &err);
    if (walk && chunk->flags & XSI_CHUNK_PAGES && chunk->entries != is) {
        put_difference(d, is, (uint32_t)chunk->entries,
                       "so many entries stand here, and what follows them begins where it should");
        told = true;
    } else if (walk && chunk->flags & XSI_CHUNK_GAP) {
        told = explain_gap(d, is, chunk);
    }
    xsi_walk_free(walk);
    return told;
}

/* ---------------------------------------------------------------- what would mend it ---- */

static void put_mended(struct debug *d, struct xsi_plan *trial, const struct xsi_mended *m)
{
    char text[600];

    for (size_t i = 0; i < xsi_plan_steps(trial); i++) {
        const struct xsi_planned *s = xsi_plan_step(trial, i);

        snprintf(text, sizeof(text), "%s would %s", s->recipe, *s->why ? s->why : s->what);
        put(d, i ? "" : "fix", text);
        if (*s->guess)
            put(d, "guessed", s->guess);
        if (*s->loses)
            put(d, "loses", s->loses);
    }
    for (size_t i = 0; i < m->refusal_count && !xsi_plan_steps(trial); i++)
        put(d, "fix", m->refusals[i].why);
    if (m->judged && xsi_plan_steps(trial)) {
        snprintf(text, sizeof(text), "%s on %s now, %s then", cli_outcome(m->before.outcome),
                 m->reader.name, cli_outcome(m->after.outcome));
        put(d, "verdict", text);
    }
}

/* Try it on a plan of its own over the planned image. */
static void put_recipe(struct debug *d, const struct xsi_finding *f)
{
    const struct xsi_mend_options how = { .reader = d->has_reader ? d->reader.name : NULL,
                                          .as = d->options->as,
                                          .code = f->row->code,
                                          .scan = d->scan };
    struct xsi_error err = { 0, "" };
    struct xsi_plan *trial;
    struct xsi_mended *m;

    if (!f->row->recipe || !*f->row->recipe) {
        put(d, "fix", "no recipe is known for it");
        return;
    }
    trial = xsi_plan_new(xsi_plan_source(d->plan), &err);
    m = trial ? xsi_mend(trial, &how, &err) : NULL;
    if (m)
        put_mended(d, trial, m);
    else
        put(d, "fix", err.text);
    free(m);
    xsi_plan_free(trial);
}

static int why_exec(struct debug *d, int argc, char **argv)
{
    const struct xsi_finding_row *row;
    struct xsi_finding f;
    uint64_t from = 0;

    if (argc > 2 && !debug_place(d, argv[2], &from))
        return CLI_USAGE;
    row = xsi_finding_lookup(argv[1]);
    if (!row)
        return debug_fail(d, CLI_USAGE, "no finding is called '%s'; `findings` lists those here",
                          argv[1]);
    if (!debug_finding_by(d->map, argv[1], from, &f))
        return debug_fail(d, CLI_USAGE,
                          "%s %s is not found in this image%s; in general: explain %s", row->code,
                          row->slug, from ? " from that place on" : "", row->code);
    debug_move(d, f.offset);
    cli_finding_print(&d->term, &f);
    put(d, "meaning", row->explain);
    put_bytes(d, &f);
    put_count(d, &f);
    put_recipe(d, &f);
    return 0;
}

static const struct debug_command row_why = {
    .name = "why",
    .group = DEBUG_LOOK,
    .usage = "CODE [PLACE]",
    .min = 1,
    .max = 2,
    .complete = { DEBUG_ARG_CODE, DEBUG_ARG_OFFSET | DEBUG_ARG_CHUNK },
    .help = "what a finding means here: the bytes, what is wrong with them, what mends it",
    .about = "CODE is a code or its name, XS-L01 or bad-count; with a PLACE the first from there "
             "on. The finding's place becomes the current position.",
    .exec = why_exec,
};
DEBUG_COMMAND(row_why);
