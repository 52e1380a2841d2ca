/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --explain of one log line: what prints it, why, and what to do. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

#define LABEL   13 /* columns of "Usual cause  " */
#define INDENT  2
#define NEAREST 3
#define TEXT    2048

void explain_put(const struct cli_term *t, const char *label, const char *text)
{
    char line[TEXT];

    while (*text) {
        size_t n = strcspn(text, "\n");

        snprintf(line, sizeof(line), "%.*s", (int)n, text);
        fprintf(t->out, "%*s%s%-*s%s", INDENT, "", cli_colour(t, CLI_BOLD), LABEL, label,
                cli_colour(t, CLI_PLAIN));
        cli_wrap(t, INDENT + LABEL, INDENT + LABEL, line);
        label = "";
        text += n + (text[n] != '\0');
    }
}

/* "1970103633 = 0x756d6551 = bytes …", and what the reader met there. */
static void put_count(const struct cli_term *t, uint32_t value)
{
    char text[TEXT], met[TEXT + 100], *colon;
    struct xsi_count known;

    xsi_explain_count(value, text, sizeof(text));
    colon = strstr(text, ": ");
    if (colon)
        *colon = '\0';
    fprintf(t->out, "%s%s%s\n", cli_colour(t, CLI_BOLD), text, cli_colour(t, CLI_PLAIN));
    fprintf(t->out, "%*s", INDENT, "");
    if (xsi_count_lookup(value, &known))
        snprintf(met, sizeof(met), "The reader looked for a page count and met %s.", known.what);
    else
        snprintf(met, sizeof(met), "The reader looked for a page count; this is none: %s.",
                 colon ? colon + 2 : "not known");
    cli_wrap(t, INDENT, INDENT, met);
}

static void put_printer(const struct cli_term *t, const struct explained *x)
{
    char text[TEXT] = "", part[TEXT];

    text_add(text, sizeof(text), "%s", explain_who(x->hit.message));
    explain_releases(x, part, sizeof(part));
    if (*part)
        text_add(text, sizeof(text), " %s", part);
    explain_others(x, part, sizeof(part));
    if (*part)
        text_add(text, sizeof(text), "; %s", part);
    explain_put(t, "Printed by", text);
}

static void put_codes(const struct cli_term *t, const struct xsi_message *about)
{
    const struct xsi_finding_row *row;
    char text[TEXT] = "";

    for (size_t i = 0; (row = explain_code(about, i)); i++)
        text_add(text, sizeof(text), "%s%s %s", i ? ", " : "", row->code, row->slug);
    explain_put(t, "Findings", text);
}

/* A format as it is shown: on one line. */
static void format_of(const struct xsi_message *m, char *out, size_t size)
{
    snprintf(out, size, "%s", m->text);
    for (size_t n = strlen(out); n && out[n - 1] == '\n'; n--)
        out[n - 1] = '\0';
    for (char *p = out; *p; p++)
        *p = *p == '\n' ? ' ' : *p;
}

static void put_message(const struct cli_term *t, const struct explained *x, const char *next)
{
    const struct xsi_message *about = x->hit.about;
    char text[TEXT];
    uint32_t count;

    if (explain_counted(x, &count)) {
        put_count(t, count);
    } else {
        fputs(cli_colour(t, CLI_BOLD), t->out);
        cli_wrap(t, 0, INDENT, x->text);
        fputs(cli_colour(t, CLI_PLAIN), t->out);
        explain_put(t, "When", about->condition);
    }
    if (x->hit.part) {
        format_of(x->hit.message, text, sizeof(text));
        explain_put(t, "Part of", text);
    }
    put_printer(t, x);
    for (size_t i = 0; explain_number(x, i, text, sizeof(text)); i++)
        explain_put(t, i ? "" : "Here", text);
    explain_causes(x, text, sizeof(text));
    explain_put(t, about->kind == XSI_MSG_INFO ? "Means" : "Usual cause", text);
    put_codes(t, about);
    explain_put(t, "Next", next ? next : about->next);
}

void explain_message(const struct cli_term *t, const struct explained *x)
{
    put_message(t, x, NULL);
}

/* ---- JSON ---- */

static struct json_object *text_or_null(const char *text)
{
    return text && *text ? json_text(text, strlen(text)) : NULL;
}

static struct json_object *json_args(const struct xsi_message_hit *hit)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < hit->arg_count; i++) {
        const struct xsi_message_arg *a = &hit->args[i];

        json_object_array_add(list, a->conversion == 'd' ? json_signed((int64_t)a->number)
                                    : a->conversion == 'u' || a->conversion == 'x'
                                        ? json_number(a->number)
                                        : json_text(a->text, strlen(a->text)));
    }
    return list;
}

static struct json_object *json_codes(const struct xsi_message *about)
{
    struct json_object *list = json_object_new_array();
    const struct xsi_finding_row *row;

    for (size_t i = 0; (row = explain_code(about, i)); i++)
        json_object_array_add(list, json_object_new_string(row->code));
    return list;
}

static struct json_object *json_notes(const struct explained *x)
{
    struct json_object *list = json_object_new_array();
    char text[TEXT];
    uint32_t count;

    if (explain_counted(x, &count)) {
        xsi_explain_count(count, text, sizeof(text));
        json_object_array_add(list, json_object_new_string(text));
    }
    for (size_t i = 0; explain_number(x, i, text, sizeof(text)); i++)
        json_object_array_add(list, json_object_new_string(text));
    return list;
}

struct json_object *explain_json(const struct explained *x, uint64_t line, uint64_t times)
{
    static const char *const roles[] = { [EXPLAIN_CAUSE] = "error",
                                         [EXPLAIN_PART] = "part",
                                         [EXPLAIN_CONSEQUENCE] = "consequence",
                                         [EXPLAIN_INFO] = "info" };
    const struct xsi_message_hit *hit = &x->hit;
    struct json_object *o = json_object_new_object();
    char text[TEXT];

    json_object_object_add(o, "explains", json_object_new_string("message"));
    if (line) {
        json_object_object_add(o, "line", json_number(line));
        json_object_object_add(o, "times", json_number(times));
    }
    json_object_object_add(o, "text", text_or_null(x->text));
    json_object_object_add(o, "part", json_object_new_boolean(x->hit.part));
    json_object_object_add(o, "role", json_object_new_string(roles[explain_role(x)]));
    json_object_object_add(o, "who", text_or_null(hit->message->who));
    explain_releases(x, text, sizeof(text));
    json_object_object_add(o, "releases", text_or_null(text));
    json_object_object_add(o, "format", text_or_null(hit->message->text));
    json_object_object_add(o, "arguments", json_args(hit));
    json_object_object_add(o, "errno", hit->has_errno ? json_signed((int64_t)hit->error) : NULL);
    json_object_object_add(o, "condition", text_or_null(hit->about->condition));
    json_object_object_add(o, "notes", json_notes(x));
    explain_causes(x, text, sizeof(text));
    json_object_object_add(o, "causes", text_or_null(text));
    json_object_object_add(o, "findings", json_codes(hit->about));
    json_object_object_add(o, "next", text_or_null(hit->about->next));
    return o;
}

/* ---- a line ---- */

static void nearest_text(const char *line, char *out, size_t size)
{
    const struct xsi_message *near[NEAREST];
    size_t n = xsi_messages_nearest(line, strlen(line), NEAREST, near);
    char format[300];

    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        snprintf(format, sizeof(format), "%s", near[i]->text);
        format[strcspn(format, "\n")] = '\0';
        text_add(out, size, "%s\"%s\" (%s)", i ? ", " : "", format, near[i]->who);
    }
}

static unsigned unknown_line(const struct settings *set, const char *line)
{
    const struct xsi_message *near[NEAREST];
    char text[TEXT];

    if (set->json || set->jsonl) {
        struct json_object *o = json_object_new_object(), *list = json_object_new_array();
        size_t n = xsi_messages_nearest(line, strlen(line), NEAREST, near);

        json_object_object_add(o, "explains", json_object_new_string("unknown"));
        json_object_object_add(o, "text", json_text(line, strlen(line)));
        for (size_t i = 0; i < n; i++)
            json_object_array_add(list, json_text(near[i]->text, strlen(near[i]->text)));
        json_object_object_add(o, "nearest", list);
        json_put(o);
        putchar('\n');
        return CLI_USAGE;
    }
    nearest_text(line, text, sizeof(text));
    if (*text)
        cli_error(NULL, "--explain: no release prints this line; nearest: %s", text);
    else
        cli_error(NULL, "--explain: no release prints this line, nor one like it; findings: xsdump "
                        "--list-findings");
    return CLI_USAGE;
}

static void put_line(const struct cli_term *t, bool json, const struct explained *x,
                     const char *next, bool first)
{
    if (json) {
        json_put(explain_json(x, 0, 1));
        putchar('\n');
        return;
    }
    if (!first)
        fputc('\n', t->out);
    put_message(t, x, next);
}

/* The messages that fit a line; where none does, those that it can be a part of. Returns how many,
 * -1 without memory. */
static int put_known(const struct cli_term *t, bool json, const char *line, const char *next)
{
    struct xsi_messages *messages = xsi_messages_new();
    struct explained x;
    int count = 0;
    size_t n = strlen(line);

    if (!messages)
        return -1;
    for (size_t i = 0; explain_find(messages, line, n, i, &x); i++)
        put_line(t, json, &x, next, count++ == 0);
    xsi_messages_free(messages);
    if (count)
        return count;
    for (size_t part = 0; part < NEAREST && explain_find(NULL, line, n, part, &x); part++)
        put_line(t, json, &x, next, count++ == 0);
    return count;
}

bool explain_known_line(const struct cli_term *t, const char *line, const char *next)
{
    return put_known(t, false, line, next) > 0;
}

unsigned explain_line(const struct cli_term *t, const struct settings *set, const char *line)
{
    int count = put_known(t, set->json || set->jsonl, line, NULL);

    if (count < 0) {
        cli_error(NULL, "out of memory; free some and try again");
        return CLI_OPERATIONAL;
    }
    return count ? 0 : unknown_line(set, line);
}
