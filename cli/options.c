/* SPDX-License-Identifier: GPL-3.0-or-later */
/* getopt_long, driven by option rows; and the help made of the same rows. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define OPTIONS_MAX 64
#define LONG_ONLY   256 /* getopt's value of row n is LONG_ONLY + n, or its letter */

/* getopt's two views of the rows. */
struct tables {
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 2];
};

static void tables_make(struct tables *t, const struct cli_option *rows, size_t count)
{
    char *s = t->shorts;

    *s++ = ':'; /* tells a missing argument from an unknown option */
    for (size_t i = 0; i < count && i < OPTIONS_MAX; i++) {
        t->longs[i].name = rows[i].name;
        t->longs[i].has_arg = rows[i].argument ? required_argument : no_argument;
        t->longs[i].val = LONG_ONLY + (int)i;
        if (!rows[i].letter)
            continue;
        *s++ = rows[i].letter;
        if (rows[i].argument)
            *s++ = ':';
    }
}

static size_t row_of(int value, const struct cli_option *rows, size_t count)
{
    if (value >= LONG_ONLY)
        return (size_t)(value - LONG_ONLY);
    for (size_t i = 0; i < count; i++)
        if (rows[i].letter == value)
            return i;
    return count;
}

/* An abbreviation of several options, "--lis". */
static bool ambiguous(const char *word, const struct cli_option *rows, size_t count)
{
    size_t n, matches = 0;

    word += strspn(word, "-");
    n = strcspn(word, "=");
    for (size_t i = 0; i < count; i++)
        matches += strncmp(rows[i].name, word, n) == 0;
    return matches > 1;
}

/* A file whose name begins like an option; NULL: none of the words is one. */
static const char *dashed_file(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && argv[i][1] && access(argv[i], F_OK) == 0)
            return argv[i];
    return NULL;
}

/* The long option that was being read, or the letter within a group of letters. */
static void complain(int what, int argc, char **argv, const struct cli_option *rows, size_t count)
{
    const char *file = dashed_file(argc, argv);
    const char *help = "--help lists the options";
    size_t row = row_of(optopt, rows, count);

    if (what == ':' && row < count)
        cli_error(NULL, "option --%s needs an argument, %s; %s", rows[row].name, rows[row].argument,
                  help);
    else if (optopt >= LONG_ONLY && row < count)
        cli_error(NULL, "option --%s takes no argument; %s", rows[row].name, help);
    else if (file)
        cli_error(NULL, "%s looks like options; for the file of this name write ./%s", file, file);
    else if (optopt)
        cli_error(NULL, "this version has no option -%c; %s", optopt, help);
    else
        cli_error(NULL, "%s %s; %s",
                  ambiguous(argv[optind - 1], rows, count) ? "more than one option begins like"
                                                           : "this version has no option",
                  argv[optind - 1], help);
}

int cli_options(int argc, char **argv, const struct cli_option *rows, size_t count,
                bool (*set)(void *context, size_t option, const char *argument), void *context)
{
    struct tables t = { 0 };
    int value;

    tables_make(&t, rows, count);
    opterr = 0;
    while ((value = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
        size_t row = value == '?' || value == ':' ? count : row_of(value, rows, count);

        if (row >= count) {
            complain(value, argc, argv, rows, count);
            return -1;
        }
        if (!set(context, row, optarg))
            return -1;
    }
    return optind;
}

#define HELP_COLUMN 26

static void help_row(const struct cli_term *t, const struct cli_option *row)
{
    char left[64];
    int n = snprintf(left, sizeof(left), "  %c%c%s--%s%s%s", row->letter ? '-' : ' ',
                     row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
                     row->argument ? " " : "", row->argument ? row->argument : "");

    fprintf(t->out, "%s", left);
    if (n + 1 >= HELP_COLUMN) {
        fputc('\n', t->out);
        n = 0;
    }
    fprintf(t->out, "%*s", HELP_COLUMN - n, "");
    cli_wrap(t, HELP_COLUMN, HELP_COLUMN, row->help);
}

void cli_help(const struct cli_term *term, const struct cli_option *rows, size_t count)
{
    const struct cli_term prose = cli_prose(term), *t = &prose;
    const char *group = "";

    for (size_t i = 0; i < count; i++) {
        if (strcmp(group, rows[i].group) != 0)
            fprintf(t->out, "\n%s%s%s\n", cli_colour(t, CLI_BOLD), rows[i].group,
                    cli_colour(t, CLI_PLAIN));
        group = rows[i].group;
        help_row(t, &rows[i]);
    }
}
