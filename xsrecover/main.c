/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover: mend a saved Xen VM. The first word is a command, or an image for the debugger. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"
#include "helper.h"
#include "xsrecover.h"

/* ---------------------------------------------------------------- the debugger ---- */

static unsigned debugger_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    const struct debug_options o = {
        .commands = s->commands,
        .command_count = s->command_count,
        .scripts = s->scripts,
        .script_count = s->script_count,
        .reader = s->target_count ? s->targets[0] : NULL,
        .as = s->as,
        .has_at = s->has_at,
        .at = s->at,
        .log = s->transcript,
        .yes = s->yes,
        .allow_shell = s->allow_shell,
        .undo = s->undo,
        .assume_unused = s->assume_unused,
    };

    (void)argc;
    return debug_image(t, argv[0], &o);
}

/* Not among the rows: it is what there is without a command's name. */
static const struct command debugger = {
    .name = NULL,
    .usage = "IMAGE",
    .min = 1,
    .max = 1,
    .options = OPTION_BIT(TARGET) | OPTION_BIT(AS) | OPTION_BIT(AT) | OPTION_BIT(UNDO) |
               OPTION_BIT(ASSUME_UNUSED) | OPTION_BIT(YES) | OPTION_BIT(COMMAND) |
               OPTION_BIT(SCRIPT) | OPTION_BIT(ALLOW_SHELL) | OPTION_BIT(LOG) | OPTION_BIT(VERSION),
    .help = "The recovery debugger: look, step through a restore, stage edits, commit.",
    .exec = debugger_exec,
};

/* ---------------------------------------------------------------- commands ---- */

extern const struct command *const __start_xsrecover_rows[];
extern const struct command *const __stop_xsrecover_rows[];

const struct command *command_at(size_t index)
{
    /* cppcheck-suppress comparePointers */
    size_t count = (size_t)(__stop_xsrecover_rows - __start_xsrecover_rows);
    const struct command *last = NULL, *next;

    /* The linker's order is that of the files: the index-th by name is the next one index times. */
    for (size_t taken = 0; taken <= index; taken++, last = next) {
        next = NULL;
        for (size_t i = 0; i < count; i++) {
            const struct command *c = __start_xsrecover_rows[i];

            if ((!last || strcmp(c->name, last->name) > 0) &&
                (!next || strcmp(c->name, next->name) < 0))
                next = c;
        }
        if (!next)
            return NULL;
    }
    return last;
}

const struct command *command_lookup(const char *name)
{
    const struct command *c;

    for (size_t i = 0; (c = command_at(i)); i++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

/* ---------------------------------------------------------------- help ---- */

static void paragraphs(const struct cli_term *t, const char *text)
{
    char line[1200];

    while (*text) {
        size_t n = strcspn(text, "\n");

        snprintf(line, sizeof(line), "%.*s", (int)n, text);
        fputc('\n', t->out);
        cli_wrap(t, 0, 0, line);
        text += n + (text[n] == '\n');
    }
}

void command_help(const struct cli_term *term, const struct command *c)
{
    const struct cli_term prose = cli_prose(term), *t = &prose;
    struct cli_option rows[OPT_COUNT];
    size_t count = settings_rows(c, rows, NULL);

    fprintf(t->out, "Usage: xsrecover %s%s%s%s\n\n", c->name ? c->name : "", c->name ? " " : "",
            count > 1 ? "[options] " : "", c->usage);
    cli_wrap(t, 0, 0, c->help);
    if (c->about)
        paragraphs(t, c->about);
    cli_help(t, rows, count);
}

#define HELP_COLUMN 24

void commands_help(const struct cli_term *term)
{
    const struct cli_term prose = cli_prose(term), *t = &prose;
    const struct command *c;

    fputs("Usage: xsrecover IMAGE                 the recovery debugger\n"
          "       xsrecover COMMAND [options] ...  one command\n\n",
          t->out);
    cli_wrap(t, 0, 0,
             "Mends a saved Xen VM for the toolstack that shall restore it. Nothing is written "
             "without -o or --in-place, and nothing in place without an undo file.");
    fprintf(t->out, "\n%sCommands%s (xsrecover help COMMAND: its options)\n",
            cli_colour(t, CLI_BOLD), cli_colour(t, CLI_PLAIN));
    for (size_t i = 0; (c = command_at(i)); i++) {
        int n = fprintf(t->out, "  %s %s", c->name, c->usage);

        if (n >= HELP_COLUMN)
            n = fprintf(t->out, "\n") - 1;
        fprintf(t->out, "%*s", HELP_COLUMN - n, "");
        cli_wrap(t, HELP_COLUMN, HELP_COLUMN, c->help);
    }
    fprintf(t->out, "\n%sExit status%s\n", cli_colour(t, CLI_BOLD), cli_colour(t, CLI_PLAIN));
    cli_wrap(t, 0, 0,
             "That of xsdump (see xsdump --help): for the image as it is when nothing was "
             "written, for the result when something was; 0 when there is nothing to do; 32 "
             "when it was cancelled: somebody said no, or nobody was there to be asked.");
}

/* ---------------------------------------------------------------- running ---- */

static bool enough(const struct command *c, int count)
{
    const char *name = c->name ? c->name : "", *blank = c->name ? " " : "";

    if (count < c->min)
        cli_error(NULL, "%s%sneeds an argument: xsrecover %s%s%s", name, blank, name, blank,
                  c->usage);
    else if (c->max >= 0 && count > c->max)
        cli_error(NULL, "too many arguments: xsrecover %s%s%s; xsrecover help %s", name, blank,
                  c->usage, name);
    else
        return true;
    return false;
}

static unsigned run(const struct command *c, struct settings *s, int argc, char **argv, int rest)
{
    unsigned status;
    struct cli_term t;

    cli_term_init(&t, "auto");
    if (s->out && strcmp(s->out, "-") == 0)
        t = (struct cli_term){ .out = stderr }; /* standard output is the image's */
    if (s->help) {
        command_help(&t, c);
        return 0;
    }
    if (!enough(c, argc - rest))
        return CLI_USAGE;
    status = transcript_open(s, &t, argc, argv);
    if (status)
        return status;
    status = c->exec(&t, s, argc - rest, argv + rest);
    return transcript_close(s, &t, status) ? status : status | CLI_OPERATIONAL;
}

/* Without a command's name in front. */
static unsigned run_debugger(struct settings *s, int argc, char **argv)
{
    int rest = settings_parse(s, &debugger, argc, argv);
    struct cli_term t;

    if (rest < 0)
        return CLI_USAGE;
    cli_term_init(&t, "auto");
    if (s->version) {
        fprintf(t.out, "xsrecover %s\n", XSI_VERSION);
        return 0;
    }
    if (s->help) {
        commands_help(&t);
        return 0;
    }
    if (rest == argc) {
        cli_error(NULL, "no IMAGE and no command given; xsrecover IMAGE, or --help");
        return CLI_USAGE;
    }
    /* with a dot or a slash in it, it was meant as a file */
    if (access(argv[rest], F_OK) < 0 && !strpbrk(argv[rest], "./")) {
        cli_error(NULL,
                  command_lookup(argv[rest])
                      ? "'%s' stands behind options; write the command first"
                      : "'%s' is no command and no image; --help lists the commands",
                  argv[rest]);
        return CLI_USAGE;
    }
    return run(&debugger, s, argc, argv, rest);
}

int main(int argc, char **argv)
{
    const struct command *c = argc > 1 ? command_lookup(argv[1]) : NULL;
    struct settings *s;
    unsigned status;
    int rest;

    if (!cli_start())
        return CLI_OPERATIONAL;
    if (helper_named(argv[0]))
        return cli_finish(helper_main(argc, argv));
    s = calloc(1, sizeof(*s));
    if (!s) {
        cli_error(NULL, "out of memory; free some and try again");
        return CLI_OPERATIONAL;
    }
    if (c) {
        rest = settings_parse(s, c, argc - 1, argv + 1);
        status = rest < 0 ? CLI_USAGE : run(c, s, argc - 1, argv + 1, rest);
    } else {
        status = run_debugger(s, argc, argv);
    }
    settings_free(s);
    free(s);
    return cli_finish((int)status);
}
