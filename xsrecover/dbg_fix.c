/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fix: let recipes stage what the reader needs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"

static void put_refusals(struct debug *d, const struct xsi_mended *m)
{
    char text[480];

    for (size_t i = 0; i < m->refusal_count; i++) {
        const struct xsi_refusal *r = &m->refusals[i];

        snprintf(text, sizeof(text), "%s%sat 0x%" PRIx64 ": %s", r->recipe, *r->recipe ? " " : "",
                 r->offset, r->why);
        fputs("not done ", d->term.out);
        cli_wrap(&d->term, 9, 9, text);
    }
}

/* What was staged, what it brings. Status. */
static int report(struct debug *d, size_t before, const struct xsi_mended *m)
{
    size_t steps = xsi_plan_steps(d->plan);
    int status = debug_look(d);

    if (status) {
        while (xsi_plan_steps(d->plan) > before && xsi_plan_undo(d->plan))
            ;
        debug_look(d);
        return status;
    }
    d->dirty |= steps > before;
    for (size_t i = before; i < steps; i++)
        debug_planned_print(d, xsi_plan_step(d->plan, i));
    put_refusals(d, m);
    if (steps == before && !m->refusal_count)
        fputs("nothing to fix: no finding asks for it\n", d->term.out);
    if (m->judged && steps > before)
        fprintf(d->term.out, "was      %s\n", cli_outcome(m->before.outcome));
    if (debug_verdict(d))
        debug_verdict_print(d, debug_verdict(d));
    return steps > before || !m->refusal_count ? 0 : CLI_REFUSED;
}

/* A code, a recipe, "at" a place, or an option. False after a message. */
static bool options(struct debug *d, int argc, char **argv, struct xsi_mend_options *how)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--safe")) {
            how->safe = true;
        } else if (!strcmp(argv[i], "--same-size")) {
            how->same_size = true;
        } else if (xsi_finding_lookup(argv[i])) {
            how->code = argv[i];
        } else if (xsi_recipe_lookup(argv[i])) {
            how->recipe = argv[i];
        } else if (how->recipe && !how->has_at && debug_place(d, argv[i], &how->at)) {
            how->has_at = true;
        } else {
            debug_fail(d, CLI_USAGE, "'%s' is neither a finding's code nor a recipe", argv[i]);
            return false;
        }
    }
    return true;
}

static int fix_exec(struct debug *d, int argc, char **argv)
{
    struct xsi_mend_options how = { .reader = d->has_reader ? d->reader.name : NULL,
                                    .as = d->options->as,
                                    .scan = d->scan };
    size_t before = xsi_plan_steps(d->plan);
    struct xsi_error err = { 0, "" };
    struct xsi_mended *m;
    int status;

    if (!options(d, argc, argv, &how))
        return CLI_USAGE;
    m = xsi_mend(d->plan, &how, &err);
    if (!m) {
        debug_look(d);
        return debug_fail(d, CLI_OPERATIONAL, "%s", err.text);
    }
    status = report(d, before, m);
    free(m);
    return status;
}

static const struct debug_command row = {
    .name = "fix",
    .group = DEBUG_CHANGE,
    .usage = "[CODE | RECIPE [PLACE]] [--safe] [--same-size]",
    .max = 5,
    .complete = { DEBUG_ARG_CODE | DEBUG_ARG_RECIPE | DEBUG_ARG_WORDS,
                  DEBUG_ARG_CHUNK | DEBUG_ARG_OFFSET | DEBUG_ARG_WORDS },
    .words = "--safe --same-size",
    .flags = DEBUG_CHANGES,
    .help = "stage what makes the reader restore the image, or mends one finding",
    .about = "Each step is kept only when the image is better for the session's reader with it; "
             "undo takes steps back one by one.\n"
             "CODE: only this finding. RECIPE: only this one, even where nothing asks for it, at "
             "PLACE when one is given; explain RECIPE says what it does.\n"
             "--safe: nothing that loses or guesses. --same-size: rather edits that move nothing.",
    .exec = fix_exec,
};
DEBUG_COMMAND(row);
