/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --explain and --list-findings: the tables, without an image. */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"

#define NAME_MAX_LENGTH 40
#define NEAREST         3

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * Least number of edits that make a word of some part of a name (Levenshtein with free ends),
 * without regard to case: "nolast" is one away from "no-last-checkpoint".
 */
static size_t distance(const char *word, const char *name)
{
    size_t m = strlen(word), n = strlen(name), best;
    size_t row[NAME_MAX_LENGTH + 1] = { 0 };

    if (m > NAME_MAX_LENGTH || n > NAME_MAX_LENGTH)
        return NAME_MAX_LENGTH;
    for (size_t i = 1; i <= m; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            bool same = tolower((unsigned char)word[i - 1]) == tolower((unsigned char)name[j - 1]);
            size_t change = corner + !same;

            corner = row[j];
            row[j] = least(change, 1 + least(row[j], row[j - 1]));
        }
    }
    best = row[0];
    for (size_t j = 1; j <= n; j++)
        best = least(best, row[j]);
    return best;
}

static unsigned unknown(const char *what)
{
    const struct xsi_finding_row *best[NEAREST] = { NULL }, *row;
    size_t far[NEAREST];
    char text[512] = "";

    if (access(what, R_OK) == 0) {
        cli_error(what, "a file; to explain a log write: xsdump --explain - <FILE");
        return CLI_USAGE;
    }
    for (size_t i = 0; (row = xsi_finding_row(i)); i++) {
        size_t d = least(distance(what, row->slug), distance(what, row->code)), at = NEAREST;

        while (at > 0 && (!best[at - 1] || d < far[at - 1]))
            at--;
        for (size_t k = NEAREST - 1; at < NEAREST && k > at; k--) {
            best[k] = best[k - 1];
            far[k] = far[k - 1];
        }
        if (at < NEAREST) {
            best[at] = row;
            far[at] = d;
        }
    }
    for (size_t i = 0; i < NEAREST && best[i]; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s (%s)", i ? ", " : "",
                 best[i]->slug, best[i]->code);
    cli_error(NULL,
              "--explain %s: neither a finding, a number nor a log line; nearest: %s; "
              "all of them: xsdump --list-findings",
              what, text);
    return CLI_USAGE;
}

void explain_row(const struct cli_term *t, const struct xsi_finding_row *row,
                 enum xsi_severity here)
{
    static const char *const effects[] = {
        [XSI_SOUND] = "the image is whole",
        [XSI_DAMAGED] = "the image is damaged",
        [XSI_TRUNCATED] = "the image is truncated",
        [XSI_UNKNOWN] = "nothing can be said of it",
    };

    fprintf(t->out, "%s%s %s%s\n", cli_colour(t, CLI_BOLD), row->code, row->slug,
            cli_colour(t, CLI_PLAIN));
    fprintf(t->out, "severity  ");
    if (here != row->severity)
        fprintf(t->out, "%s%s%s here, for a reader; by itself ",
                cli_colour(t, cli_severity_colour(here)), cli_severity(here),
                cli_colour(t, CLI_PLAIN));
    fprintf(t->out, "%s%s%s, %s\n", cli_colour(t, cli_severity_colour(row->severity)),
            cli_severity(row->severity), cli_colour(t, CLI_PLAIN), effects[row->effect]);
    fprintf(t->out, "readers   ");
    cli_wrap(t, 10, 10, row->readers && *row->readers ? row->readers : "any");
    if (row->recipe && *row->recipe)
        fprintf(t->out, "fix       %s\n", row->recipe);
    fputc('\n', t->out);
    cli_wrap(t, 0, 0, row->explain);
}

static unsigned explain_finding(const struct cli_term *t, const struct settings *set,
                                const struct xsi_finding_row *row)
{
    struct json_object *o;

    if (!set->json && !set->jsonl) {
        explain_row(t, row, row->severity);
        return 0;
    }
    o = json_object_new_object();
    json_object_object_add(o, "explains", json_object_new_string("finding"));
    json_finding_row(o, row);
    json_object_object_add(o, "explain", json_text(row->explain, strlen(row->explain)));
    json_put(o);
    putchar('\n');
    return 0;
}

static unsigned explain_count(const struct cli_term *t, const struct settings *set, uint32_t count)
{
    char text[1024];
    struct xsi_count known;
    struct json_object *o;

    xsi_explain_count(count, text, sizeof(text));
    xsi_count_lookup(count, &known);
    if (!set->json && !set->jsonl) {
        cli_wrap(t, 0, 2, text);
        explain_put(t, "Usual cause", known.causes);
        return 0;
    }
    o = json_object_new_object();
    json_object_object_add(o, "explains", json_object_new_string("number"));
    json_object_object_add(o, "number", json_signed((int32_t)count));
    json_object_object_add(o, "text", json_object_new_string(text));
    json_object_object_add(o, "causes", json_name(known.causes));
    json_put(o);
    putchar('\n');
    return 0;
}

/* A word may be a message too ("Restore_signature_mismatch"). */
static bool is_message(const char *what)
{
    struct xsi_messages *messages = xsi_messages_new();
    struct xsi_message_hit hit;
    bool found = messages && xsi_messages_find(messages, what, strlen(what), 1, &hit);

    xsi_messages_free(messages);
    return found;
}

unsigned explain_print(const struct cli_term *t, const struct settings *set)
{
    const struct xsi_finding_row *row = xsi_finding_lookup(set->explain);
    const char *what = set->explain, *newline = strchr(what, '\n');
    struct cli_term p = cli_prose(t);
    uint32_t count;

    if (row)
        return explain_finding(&p, set, row);
    if (cli_count(what, &count))
        return explain_count(&p, set, count);
    if (!strcmp(what, "-"))
        return explain_log(&p, set, stdin, NULL);
    if (newline && newline[strspn(newline, "\n\r ")])
        return explain_log(&p, set, NULL, what);
    if (strpbrk(what, " \t") || is_message(what))
        return explain_line(&p, set, what);
    return unknown(what);
}

static void list_json(void)
{
    const struct xsi_finding_row *row;

    fputs("[", stdout);
    for (size_t i = 0; (row = xsi_finding_row(i)); i++) {
        struct json_object *o = json_finding_row(json_object_new_object(), row);

        json_object_object_add(o, "explain", json_text(row->explain, strlen(row->explain)));
        fputs(i ? ",\n" : "\n", stdout);
        json_put(o);
    }
    fputs("\n]\n", stdout);
}

unsigned findings_list(const struct cli_term *t, bool json)
{
    const struct xsi_finding_row *row;

    if (json) {
        list_json();
        return 0;
    }
    fprintf(t->out, "%s%-7s %-8s %-28s READERS%s\n", cli_colour(t, CLI_BOLD), "CODE", "SEVERITY",
            "NAME", cli_colour(t, CLI_PLAIN));
    for (size_t i = 0; (row = xsi_finding_row(i)); i++) {
        fprintf(t->out, "%-7s %s%-8s%s %-28s ", row->code,
                cli_colour(t, cli_severity_colour(row->severity)), cli_severity(row->severity),
                cli_colour(t, CLI_PLAIN), row->slug);
        cli_wrap(t, 46, 46, row->readers && *row->readers ? row->readers : "any");
    }
    return 0;
}
