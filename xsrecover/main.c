/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover: this version checks images; it writes nothing. */
#include <string.h>

#include "cli/cli.h"

enum { OPT_VERSION, OPT_HELP, OPT_COUNT };

static const struct cli_option option_rows[OPT_COUNT] = {
    [OPT_VERSION] = { 0, "version", NULL, "Options", "Print the version." },
    [OPT_HELP] = { 'h', "help", NULL, "Options", "Print this text." },
};

/* One command: its name, how many arguments it takes at least, what it does. */
struct command {
    const char *name, *arguments, *help;
    int least;
    unsigned (*run)(const struct cli_term *t, int argc, char **argv);
};

static bool set_option(void *context, size_t option, const char *argument)
{
    bool *given = context;

    (void)argument;
    given[option] = true;
    return true;
}

/* ---------------------------------------------------------------- check ---- */

/* Walk to the end and keep the findings. 0 or -errno. */
static int collect(struct xsi_walk *walk, struct cli_findings *findings)
{
    struct xsi_event ev;
    int rc;

    while ((rc = xsi_walk_next(walk, &ev)) > 0)
        if (ev.kind == XSI_EV_FINDING)
            cli_findings_add(findings, ev.finding);
    return rc;
}

static unsigned check_walk(const struct cli_term *t, const char *file, struct xsi_walk *walk)
{
    struct cli_findings findings = { 0 };
    char name[1024];
    unsigned status;
    int rc = collect(walk, &findings);

    fprintf(t->out, "%simage%s    %s\n", cli_colour(t, CLI_BOLD), cli_colour(t, CLI_PLAIN),
            cli_name(name, sizeof(name), file));
    cli_findings_print(t, &findings);
    status = cli_exit(xsi_walk_info(walk));
    if (rc < 0) {
        cli_error(file, "%s", xsi_walk_error(walk)->text);
        status |= CLI_OPERATIONAL;
    } else {
        cli_state_print(t, xsi_walk_info(walk), &findings, file);
    }
    cli_findings_free(&findings);
    return status;
}

static unsigned check_image(const struct cli_term *t, const char *file)
{
    struct xsi_error error = { 0, "" };
    struct xsi_source *src = xsi_source_open(file, NULL, &error);
    struct xsi_walk *walk = src ? xsi_walk_new(src, NULL, &error) : NULL;
    unsigned status = CLI_OPERATIONAL;

    if (walk)
        status = check_walk(t, file, walk);
    else
        cli_error(file, "%s", error.text);
    if (walk)
        xsi_walk_free(walk);
    if (src)
        xsi_source_free(src);
    return status;
}

static unsigned check(const struct cli_term *t, int argc, char **argv)
{
    unsigned status = 0;

    for (int i = 0; i < argc && !cli_output_failed(); i++) {
        if (i)
            fputc('\n', t->out);
        status |= check_image(t, argv[i]);
    }
    return status;
}

/* ---------------------------------------------------------------- commands ---- */

static const struct command commands[] = {
    { "check", "IMAGE...", "Walk each image to its end and say what is wrong with it.", 1, check },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void help(const struct cli_term *t)
{
    fputs("Usage: xsrecover COMMAND ...\n\n", t->out);
    cli_wrap(t, 0, 0, "Commands of this version; none of them writes to an image:");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        int n = fprintf(t->out, "  %s %s", commands[i].name, commands[i].arguments);

        fprintf(t->out, "%*s", n < 24 ? 24 - n : 1, "");
        cli_wrap(t, 24, 24, commands[i].help);
    }
    cli_help(t, option_rows, OPT_COUNT);
    fputs("\nThe exit status is that of xsdump: see xsdump --help.\n", t->out);
}

static unsigned run(const struct cli_term *t, int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        if (argc - 1 >= commands[i].least)
            return commands[i].run(t, argc - 1, argv + 1);
        cli_error(NULL, "%s needs an argument: xsrecover %s %s", commands[i].name, commands[i].name,
                  commands[i].arguments);
        return CLI_USAGE;
    }
    cli_error(NULL, "this version has no command '%s'; --help lists those it has", argv[0]);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    bool given[OPT_COUNT] = { false };
    unsigned status = 0;
    struct cli_term t;
    int rest;

    if (!cli_start())
        return CLI_OPERATIONAL;
    rest = cli_options(argc, argv, option_rows, OPT_COUNT, set_option, given);
    if (rest < 0)
        return CLI_USAGE;
    cli_term_init(&t, "auto");
    if (given[OPT_HELP]) {
        help(&t);
    } else if (given[OPT_VERSION]) {
        fprintf(t.out, "xsrecover %s\n", XSI_VERSION);
    } else if (rest < argc) {
        status = run(&t, argc - rest, argv + rest);
    } else {
        cli_error(NULL, "no command given; xsrecover check IMAGE, or --help");
        status = CLI_USAGE;
    }
    return cli_finish((int)status);
}
