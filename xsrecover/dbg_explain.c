/* SPDX-License-Identifier: GPL-3.0-or-later */
/* explain: a code, a log line, or a count, without regard to the image. */
#include <string.h>

#include "debug.h"

static void put(struct debug *d, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    while (*text) {
        char line[1024];
        size_t n = strcspn(text, "\n");

        snprintf(line, sizeof(line), "%.*s", (int)n, text);
        fprintf(d->term.out, "  %-12s ", label);
        cli_wrap(&d->term, 15, 15, line);
        text += n + (text[n] == '\n');
        label = "";
    }
}

static void explain_code(struct debug *d, const struct xsi_finding_row *row)
{
    const struct xsi_recipe *recipe = row->recipe ? xsi_recipe_lookup(row->recipe) : NULL;

    fprintf(d->term.out, "%s%s %s%s  %s\n", cli_colour(&d->term, CLI_BOLD), row->code, row->slug,
            cli_colour(&d->term, CLI_PLAIN), cli_severity(row->severity));
    put(d, "Meaning", row->explain);
    put(d, "Readers", row->readers && *row->readers ? row->readers : "any");
    if (recipe) {
        put(d, "Recipe", recipe->name);
        put(d, "", recipe->about);
    }
}

static void explain_recipe(struct debug *d, const struct xsi_recipe *recipe)
{
    fprintf(d->term.out, "%s%s%s  a recipe\n", cli_colour(&d->term, CLI_BOLD), recipe->name,
            cli_colour(&d->term, CLI_PLAIN));
    put(d, "Does", recipe->does);
    put(d, "About", recipe->about);
}

static void explain_count(struct debug *d, uint32_t count)
{
    struct xsi_count known;
    char text[1024];

    xsi_explain_count(count, text, sizeof(text));
    cli_wrap(&d->term, 0, 2, text);
    if (xsi_count_lookup(count, &known))
        put(d, "Usual cause", known.causes);
}

static int explain_log(struct debug *d, const char *line)
{
    struct xsi_messages *messages = xsi_messages_new();
    struct xsi_message_hit hit;
    size_t found = messages ? xsi_messages_find(messages, line, strlen(line), 1, &hit) : 0;

    xsi_messages_free(messages);
    if (!found)
        return debug_fail(d, CLI_USAGE,
                          "neither a code, a recipe, a number nor a line that a release logs; "
                          "xsdump --explain may know more");
    fprintf(d->term.out, "%s%s%s  %s\n", cli_colour(&d->term, CLI_BOLD), hit.about->who,
            cli_colour(&d->term, CLI_PLAIN), hit.message->text);
    put(d, "When", hit.about->condition);
    put(d, "Usual cause", hit.about->causes);
    put(d, "Next", hit.about->next);
    put(d, "Findings", hit.about->codes);
    for (size_t i = 0; i < hit.arg_count; i++)
        if (hit.args[i].conversion == 'u' || hit.args[i].conversion == 'd')
            explain_count(d, (uint32_t)hit.args[i].number);
    return 0;
}

static int explain_exec(struct debug *d, int argc, char **argv)
{
    const struct xsi_finding_row *row = xsi_finding_lookup(argv[1]);
    const struct xsi_recipe *recipe = xsi_recipe_lookup(argv[1]);
    uint32_t count;

    if (argc == 2 && row) {
        explain_code(d, row);
        return 0;
    }
    if (argc == 2 && recipe) {
        explain_recipe(d, recipe);
        return 0;
    }
    if (argc == 2 && cli_count(argv[1], &count)) {
        explain_count(d, count);
        return 0;
    }
    return explain_log(d, d->rest);
}

static const struct debug_command row = {
    .name = "explain",
    .group = DEBUG_LOOK,
    .usage = "CODE | RECIPE | COUNT | LOG LINE",
    .min = 1,
    .max = -1,
    .complete = { DEBUG_ARG_ANY_CODE | DEBUG_ARG_RECIPE },
    .flags = DEBUG_RAW,
    .help = "what a code, a recipe, a page count or a log line means",
    .about = "In general; what a finding means in this image: why CODE. At length, and whole logs: "
             "xsdump --explain.",
    .exec = explain_exec,
};
DEBUG_COMMAND(row);
