/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quit, history, source: the session itself. */
#include <string.h>

#include "debug.h"

static int quit_exec(struct debug *d, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-f") != 0)
        return debug_fail(d, CLI_USAGE, "quit, or quit -f to drop staged edits");
    if (argc == 1 && !debug_may_leave(d))
        return d->terminal ? 0
                           : debug_fail(d, DEBUG_CANCELLED,
                                        "there are staged edits: commit, plan save, or quit -f");
    d->quit = true;
    return 0;
}

static const struct debug_command quit = {
    .name = "quit",
    .aliases = "q exit",
    .group = DEBUG_SESSION,
    .usage = "[-f]",
    .max = 1,
    .help = "leave; asks when staged edits would be lost",
    .about = "-f: drops staged edits without a question. In a script, quit without -f fails when "
             "there are some.",
    .exec = quit_exec,
};
DEBUG_COMMAND(quit);

#define HISTORY_SHOWN 20

static int history_exec(struct debug *d, int argc, char **argv)
{
    uint64_t shown = HISTORY_SHOWN;
    const char *line;
    size_t count = 0;

    if (argc > 1 && !cli_number(argv[1], &shown))
        return debug_fail(d, CLI_USAGE, "history takes a number of lines");
    while (debug_history(count))
        count++;
    for (size_t i = count > shown ? count - (size_t)shown : 0; (line = debug_history(i)); i++) {
        fprintf(d->term.out, "%5zu  ", i + 1);
        debug_text(d, line, strlen(line));
        fputc('\n', d->term.out);
    }
    return 0;
}

static const struct debug_command history = {
    .name = "history",
    .group = DEBUG_SESSION,
    .usage = "[N]",
    .max = 1,
    .help = "the last lines that were typed at the prompt",
    .exec = history_exec,
};
DEBUG_COMMAND(history);

static int source_exec(struct debug *d, int argc, char **argv)
{
    (void)argc;
    return debug_source(d, argv[1]);
}

static const struct debug_command source = {
    .name = "source",
    .group = DEBUG_SESSION,
    .usage = "FILE",
    .min = 1,
    .max = 1,
    .complete = { DEBUG_ARG_FILE },
    .help = "run the commands in a file until one fails",
    .about = "A line per command; lines that begin with '#' are comments.",
    .exec = source_exec,
};
DEBUG_COMMAND(source);
