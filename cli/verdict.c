/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words for verdicts that both programs use. */
#include <string.h>

#include <xsi_edit.h>

#include "cli.h"

static const struct {
    const char *name;
    enum cli_colour colour;
} outcomes[] = {
    [XSI_RESTORES] = { "restores", CLI_BOLD },
    [XSI_LOSES] = { "loses", CLI_YELLOW },
    [XSI_FAILS] = { "fails", CLI_RED },
    [XSI_UNDEFINED] = { "undefined", CLI_RED },
};

const char *cli_outcome(enum xsi_outcome outcome)
{
    return outcomes[outcome].name;
}

enum cli_colour cli_outcome_colour(enum xsi_outcome outcome)
{
    return outcomes[outcome].colour;
}

/* A finding whose explanation names the recipe: one of the verdict's own, or any. */
static const char *code_of_recipe(const struct xsi_verdict *v)
{
    const struct xsi_finding_row *row;

    for (size_t i = 0; i < v->finding_count; i++)
        if (strcmp(v->findings[i].row->recipe, v->fix) == 0)
            return v->findings[i].row->code;
    for (size_t i = 0; (row = xsi_finding_row(i)); i++)
        if (strcmp(row->recipe, v->fix) == 0)
            return row->code;
    return v->finding_count ? v->findings[0].row->code : NULL;
}

/* Recipes that bring every whole image whose reader asks for them; others look at what is there
 * and may say no. */
static const char *const sure[] = { "insert-checkpoint" };

bool cli_fix_certain(const struct xsi_verdict *v, const struct xsi_info *info)
{
    for (size_t i = 0; i < sizeof(sure) / sizeof(sure[0]); i++)
        if (strcmp(v->fix, sure[i]) == 0)
            return info->state == XSI_SOUND;
    return false;
}

bool cli_fixable(const struct cli_term *t, size_t indent, const struct xsi_verdict *v,
                 const struct xsi_info *info, const char *file, const char *first)
{
    bool certain;
    const char *code;
    char word[4200], text[200];

    if (!v->fix || !*v->fix)
        return false;
    certain = cli_fix_certain(v, info);
    /* a command stands on one line however long it is: it is for pasting */
    fprintf(t->out, "%*s%s%s%s: xsrecover fix %s -t %s\n", (int)indent, "",
            certain ? "Fixable" : "Try", *first ? " once it is " : "", first,
            *first ? "FILE" : cli_word(word, sizeof(word), file), v->reader.name);
    code = code_of_recipe(v);
    if (certain)
        snprintf(text, sizeof(text), "recipe %s%s%s", v->fix,
                 code ? "; what it does: xsdump --explain " : "", code ? code : "");
    else
        snprintf(text, sizeof(text), "it shows what can be mended, and writes nothing%s%s",
                 code ? "; xsdump --explain " : "", code ? code : "");
    fprintf(t->out, "%*s", (int)indent + 2, "");
    cli_wrap(t, indent + 2, indent + 2, text);
    return true;
}
