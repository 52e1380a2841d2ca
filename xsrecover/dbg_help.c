/* SPDX-License-Identifier: GPL-3.0-or-later */
/* help: what the rows say. */
#include <string.h>

#include "debug_internal.h"

static void all(struct debug *d)
{
    static const char *const groups[DEBUG_GROUPS] = {
        [DEBUG_LOOK] = "Look",
        [DEBUG_STEP] = "Step through a restore",
        [DEBUG_CHANGE] = "Change (nothing is written before commit)",
        [DEBUG_SESSION] = "Session",
    };
    const struct debug_command *c;
    int group = -1;

    for (size_t i = 0; (c = debug_command_at(i)); i++) {
        if ((int)c->group != group)
            fprintf(d->term.out, "%s%s%s%s\n", i ? "\n" : "", cli_colour(&d->term, CLI_BOLD),
                    groups[c->group], cli_colour(&d->term, CLI_PLAIN));
        group = (int)c->group;
        fprintf(d->term.out, "  %-14s ", c->name);
        cli_wrap(&d->term, 17, 17, c->help);
    }
    fputs("\nNames can be shortened. More on one: help NAME. Places and chunks: help goto.\n",
          d->term.out);
}

static void one(struct debug *d, const struct debug_command *c)
{
    const struct cli_term prose = cli_prose(&d->term);
    const char *about = c->about ? c->about : "";

    fprintf(d->term.out, "%s%s%s%s%s\n", cli_colour(&d->term, CLI_BOLD), c->name,
            cli_colour(&d->term, CLI_PLAIN), c->usage ? " " : "", c->usage ? c->usage : "");
    fprintf(d->term.out, "  %s\n", c->help);
    if (c->aliases && *c->aliases)
        fprintf(d->term.out, "  also: %s\n", c->aliases);
    while (*about) {
        char line[1024];
        size_t n = strcspn(about, "\n"), indent = strspn(about, " ");

        snprintf(line, sizeof(line), "%.*s", (int)(n - indent), about + indent);
        fprintf(d->term.out, "%*s", (int)indent + 2, "");
        cli_wrap(&prose, indent + 2, indent + 2, line);
        about += n + (about[n] == '\n');
    }
}

static int help_exec(struct debug *d, int argc, char **argv)
{
    const struct debug_command *c;
    size_t found = 0, n;
    int takes;

    if (argc == 1) {
        all(d);
        return 0;
    }
    c = debug_lookup(argv[1], argc > 2 ? argv[2] : NULL, &takes);
    if (c && (argc == 2 || takes == 2)) {
        one(d, c);
        return 0;
    }
    n = strlen(argv[1]);
    for (size_t i = 0; (c = debug_command_at(i)); i++) { /* a family */
        if (strncmp(c->name, argv[1], n) != 0)
            continue;
        if (found++)
            fputc('\n', d->term.out);
        one(d, c);
    }
    return found ? 0 : debug_fail(d, CLI_USAGE, "no command is called '%s'", argv[1]);
}

static const struct debug_command row = {
    .name = "help",
    .aliases = "h ?",
    .group = DEBUG_SESSION,
    .usage = "[COMMAND]",
    .max = 2,
    .complete = { DEBUG_ARG_COMMAND },
    .help = "list the commands, or say more about one",
    .exec = help_exec,
};
DEBUG_COMMAND(row);
