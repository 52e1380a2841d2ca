/* SPDX-License-Identifier: GPL-3.0-or-later */
/* break, watch: where a restore is to stop. */
#include <string.h>

#include "run_session.h"

static int delete_or(struct debug *d, int argc, char **argv, bool *done)
{
    *done = true;
    if (argc == 1 || (argc == 2 && !strcmp(argv[1], "list")))
        return run_points_list(d);
    if (!strcmp(argv[1], "delete"))
        return argc == 3 ? run_points_delete(d, argv[2])
                         : debug_fail(d, CLI_USAGE, "which one? %s delete N, or: %s delete all",
                                      argv[0], argv[0]);
    *done = false;
    return 0;
}

static int break_exec(struct debug *d, int argc, char **argv)
{
    bool done;
    int rc = delete_or(d, argc, argv, &done);

    return done ? rc : run_points_break(d, argv[1], argc > 2 ? argv[2] : NULL);
}

static int watch_exec(struct debug *d, int argc, char **argv)
{
    bool done;
    int rc = delete_or(d, argc, argv, &done);

    if (done)
        return rc;
    if (argc > 2)
        return debug_fail(d, CLI_USAGE, "watch takes one name; `info state all` lists them");
    return run_points_watch(d, argv[1]);
}

static int list_exec(struct debug *d, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return run_points_list(d);
}

static const struct debug_command break_row = {
    .name = "break",
    .aliases = "b",
    .group = DEBUG_STEP,
    .usage = "[PLACE | TYPE | CODE | checkpoint [N] | error | delete N]",
    .max = 2,
    .complete = { DEBUG_ARG_CHUNK | DEBUG_ARG_OFFSET | DEBUG_ARG_CODE | DEBUG_ARG_WORDS },
    .words = "checkpoint error delete list",
    .help = "stop a restore at a place, a type of chunk, a finding, a checkpoint",
    .about = "break 0x1b063: at the read that takes this byte. Any PLACE will do: #12, TYPE+4.\n"
             "break HVM_CONTEXT: at the first read in each chunk of this type.\n"
             "break XS-L09: where this finding is.\n"
             "break checkpoint 2: when the reader has its second checkpoint complete; without the "
             "number, at each.\n"
             "break error: at each error line.\n"
             "break alone lists them, with the watchpoints; break delete N, or delete all, removes "
             "them. They stay when the plan changes; places keep their offset.",
    .exec = break_exec,
};
DEBUG_COMMAND(break_row);

static const struct debug_command watch_row = {
    .name = "watch",
    .group = DEBUG_STEP,
    .usage = "[STATE | delete N]",
    .max = 2,
    .complete = { DEBUG_ARG_WORDS },
    .words = "last_checkpoint checkpoints vcpu_map pages non_blocking device_model vcpus_set "
             "static_data_end record_name delete list",
    .help = "stop a restore when something that the reader knows changes",
    .about = "STATE is a name of `info state`, as last_checkpoint, or with its part: libxc.pages. "
             "Shares its numbers with `break`.",
    .exec = watch_exec,
};
DEBUG_COMMAND(watch_row);

static const struct debug_command info_row = {
    .name = "info break",
    .group = DEBUG_STEP,
    .help = "break- and watchpoints",
    .exec = list_exec,
};
DEBUG_COMMAND(info_row);
