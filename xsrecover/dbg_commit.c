/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commit: the one command that writes an image. */
#include <string.h>

#include "debug_internal.h"
#include "xsrecover.h"

static int usage(struct debug *d)
{
    return debug_fail(d, CLI_USAGE, "commit -o FILE, or commit --in-place; help commit");
}

/* Where it goes, and -y. False after a message. */
static bool options(struct debug *d, int argc, char **argv, struct apply *a)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--in-place")) {
            a->in_place = true;
        } else if (!strcmp(argv[i], "-y")) {
            a->yes = true;
        } else if (!strcmp(argv[i], "-o") && i + 1 < argc) {
            a->out = argv[++i];
        } else {
            usage(d);
            return false;
        }
    }
    if (a->in_place == (a->out != NULL)) {
        usage(d);
        return false;
    }
    if (a->out && !strcmp(a->out, "-")) {
        debug_fail(d, CLI_USAGE,
                   "into a pipe: plan save FILE, then xsrecover fix --plan FILE -o -");
        return false;
    }
    return true;
}

/* The image is another now: look at it as it lies on the disk. */
static int reopen(struct debug *d)
{
    debug_close(d);
    return debug_open(d);
}

/* It was not written: the plan goes back over the image, if that is still the same. */
static bool attach(struct debug *d)
{
    struct xsi_error err = { 0, "" };

    if (d->base)
        return true;
    d->base = xsi_source_open(d->file, NULL, &err);
    if (d->base && xsi_plan_attach(d->plan, d->base, &err) == 0)
        return true;
    debug_fail(d, 0, "%s: %s; the staged edits are lost", d->file, err.text);
    return false;
}

static int commit_exec(struct debug *d, int argc, char **argv)
{
    struct apply a = {
        .term = &d->term,
        .transcript = d->options->log,
        .file = d->file,
        .src = &d->base,
        .plan = d->plan,
        .reader = d->has_reader ? d->reader.name : NULL,
        .as = d->options->as,
        .scan = d->scan,
        .yes = d->options->yes,
        .decided = true,
        .how = { .undo = d->options->undo,
                 .state = d->options->state,
                 .assume_unused = d->options->assume_unused },
    };
    size_t before = xsi_plan_steps(d->plan);
    unsigned status;

    if (!options(d, argc, argv, &a))
        return CLI_USAGE;
    if (!before)
        return debug_fail(d, CLI_USAGE, "nothing is staged");
    a.fit = a.in_place;
    a.yes |= a.out != NULL; /* a new file that was named: what could be asked? */
    debug_flush(d);
    status = apply_plan(&a);
    if (a.written)
        d->dirty = false;
    if ((a.in_place && a.written) || !attach(d))
        return reopen(d) | (a.written ? 0 : CLI_OPERATIONAL);
    /* A step that made the edits fit is only for a write that did not come about. */
    while (xsi_plan_steps(d->plan) > before && xsi_plan_undo(d->plan))
        ;
    debug_look(d);
    return (int)(a.written ? 0 : status ? status : DEBUG_CANCELLED);
}

static const struct debug_command row = {
    .name = "commit",
    .group = DEBUG_CHANGE,
    .usage = "-o FILE | --in-place [-y]",
    .min = 1,
    .max = 4,
    .complete = { DEBUG_ARG_WORDS, DEBUG_ARG_FILE | DEBUG_ARG_WORDS },
    .words = "-o --in-place -y",
    .help = "write the image with its staged edits",
    .about = "-o FILE: to a new file; the image stays as it is, and so do the staged edits here.\n"
             "--in-place: into the image itself. What is overwritten goes to an undo file first, "
             "and `xsrecover undo` brings every byte back. On a device, growth is taken out of the "
             "zeros behind the stream. Asks first; -y does not.",
    .exec = commit_exec,
};
DEBUG_COMMAND(row);
