/* SPDX-License-Identifier: GPL-3.0-or-later */
/* undo, redo: back and forth over the staged steps. */
#include <stdlib.h>

#include "debug.h"

static int move(struct debug *d, int argc, char **argv, bool (*step)(struct xsi_plan *plan),
                const char *what)
{
    uint64_t times = 1, done = 0;
    int status;

    if (argc > 1 && (!cli_number(argv[1], &times) || !times))
        return debug_fail(d, CLI_USAGE, "%s takes a number of steps", argv[0]);
    while (done < times && step(d->plan))
        done++;
    if (!done)
        return debug_fail(d, CLI_USAGE, "there is nothing to %s", argv[0]);
    d->dirty = true;
    status = debug_look(d);
    if (status)
        return status;
    fprintf(d->term.out, "%s; %zu step%s staged now\n", what, xsi_plan_steps(d->plan),
            xsi_plan_steps(d->plan) == 1 ? " is" : "s are");
    if (debug_verdict(d))
        debug_verdict_print(d, debug_verdict(d));
    return 0;
}

static int undo_exec(struct debug *d, int argc, char **argv)
{
    return move(d, argc, argv, xsi_plan_undo, "taken back");
}

static int redo_exec(struct debug *d, int argc, char **argv)
{
    return move(d, argc, argv, xsi_plan_redo, "staged again");
}

static const struct debug_command undo = {
    .name = "undo",
    .group = DEBUG_CHANGE,
    .usage = "[N]",
    .max = 1,
    .flags = DEBUG_CHANGES,
    .help = "take back the last staged step, or the last N",
    .about = "What was written by `commit --in-place` is undone by `xsrecover undo`.",
    .exec = undo_exec,
};
DEBUG_COMMAND(undo);

static const struct debug_command redo = {
    .name = "redo",
    .group = DEBUG_CHANGE,
    .usage = "[N]",
    .max = 1,
    .flags = DEBUG_CHANGES,
    .help = "stage again what undo took back",
    .exec = redo_exec,
};
DEBUG_COMMAND(redo);
