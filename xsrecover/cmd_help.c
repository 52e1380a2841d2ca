/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover help: commands and recipes, from their rows. */
#include <string.h>

#include "xsrecover.h"

#define RECIPE_COLUMN 28

static void recipes(const struct cli_term *term)
{
    const struct cli_term prose = cli_prose(term), *t = &prose;
    const struct xsi_recipe *r;

    cli_wrap(t, 0, 0,
             "Recipes: what `fix` can do, alone or named with --recipe. xsrecover help NAME says "
             "when.");
    fputc('\n', t->out);
    for (size_t i = 0; (r = xsi_recipe_at(i)); i++) {
        int n = fprintf(t->out, "  %s", r->name);

        fprintf(t->out, "%*s", n < RECIPE_COLUMN ? RECIPE_COLUMN - n : 1, "");
        cli_wrap(t, n < RECIPE_COLUMN ? RECIPE_COLUMN : (size_t)n + 1, RECIPE_COLUMN, r->does);
    }
}

static void recipe(const struct cli_term *term, const struct xsi_recipe *r)
{
    const struct cli_term prose = cli_prose(term), *t = &prose;
    const struct xsi_finding_row *f;

    fprintf(t->out, "%s%s%s\n", cli_colour(t, CLI_BOLD), r->name, cli_colour(t, CLI_PLAIN));
    cli_wrap(t, 0, 0, r->does);
    fputc('\n', t->out);
    if (r->about)
        cli_wrap(t, 0, 0, r->about);
    for (size_t i = 0; (f = xsi_finding_row(i)); i++)
        if (strcmp(f->recipe, r->name) == 0)
            fprintf(t->out, "For %s %s: xsdump --explain %s\n", f->code, f->slug, f->code);
}

static unsigned help_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    const struct command *c = argc ? command_lookup(argv[0]) : NULL;
    const struct xsi_recipe *r = argc && !c ? xsi_recipe_lookup(argv[0]) : NULL;

    (void)s;
    if (!argc)
        commands_help(t);
    else if (c)
        command_help(t, c);
    else if (strcmp(argv[0], "recipes") == 0)
        recipes(t);
    else if (r)
        recipe(t, r);
    else
        return fail(NULL, CLI_USAGE, NULL,
                    "help %s: no command and no recipe is called so; xsrecover help, xsrecover "
                    "help recipes",
                    argv[0]);
    return 0;
}

static const struct command row = {
    .name = "help",
    .usage = "[COMMAND | RECIPE | recipes]",
    .min = 0,
    .max = 1,
    .help = "Explain a command or a recipe.",
    .exec = help_exec,
};
COMMAND(row);
