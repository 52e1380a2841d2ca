/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --explain -: a log of any length. Its lines are sorted into attempts (a save or restore each);
 * of an attempt the lines that matter are kept, repeats folded, and the root cause is the first
 * error of the innermost part that spoke: a toolstack only repeats what libxc failed at, and libxc
 * what the hypervisor refused.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

#define ENTRIES   256 /* lines of an attempt that are kept */
#define LOOK_BACK 8   /* how far back a repeat is looked for */
#define STRANGERS 3   /* lines of unknown errors that are shown */
#define STRANGER  160

struct entry {
    struct explained x;
    enum explain_role role;
    uint64_t line, last, times;
    bool harmless; /* the normal end of an image without LAST_CHECKPOINT */
};

struct log {
    const struct cli_term *t;
    bool json, jsonl;
    struct xsi_messages *messages;
    struct entry *entries;
    size_t count;
    uint64_t dropped, line;
    uint64_t errors;   /* entries of the attempt that are not only information */
    uint64_t attempts; /* that had errors */
    uint64_t shown;    /* objects of JSON */
    struct explained last_root;
    uint64_t same, same_line; /* attempts that failed like the one before; root of the last */
    bool has_root, informed;
    char strangers[STRANGERS][STRANGER];
    uint64_t stranger_line[STRANGERS], stranger_count;
};

/* ---- the root cause ---- */

/* Inner parts know more: 0 = innermost. */
static unsigned layer_of(const struct xsi_message *m)
{
    static const char *const outer[] = { "libxl", "xl", "xend", "xapi", "libvirt" };

    if (!strcmp(m->who, "xen") || !strcmp(m->who, "kernel"))
        return 0;
    for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++)
        if (!strcmp(m->who, outer[i]))
            return i ? 3 : 2;
    return 1;
}

static bool says(const struct entry *e, const char *text)
{
    return !strncmp(e->x.hit.message->text, text, strlen(text));
}

/* Reading ends at the end of the file and the reader finishes: normal without LAST_CHECKPOINT,
 * unless the restore fails after it (xend with 4.4). */
static void mark_normal_end(struct log *g)
{
    for (size_t i = 1; i < g->count; i++) {
        bool fails = false;
        size_t part = i - 1;

        if (!says(&g->entries[i], "error when buffering batch, finishing") ||
            !says(&g->entries[i - 1], "Error when reading batch size"))
            continue;
        for (size_t k = i + 1; k < g->count; k++)
            fails = fails || (g->entries[k].role != EXPLAIN_INFO) ||
                    (says(&g->entries[k], "Restore exit") && g->entries[k].x.hit.arg_count &&
                     g->entries[k].x.hit.args[g->entries[k].x.hit.arg_count - 1].number != 0);
        if (fails)
            continue;
        while (part && g->entries[part - 1].role == EXPLAIN_PART)
            part--;
        for (; part <= i; part++)
            g->entries[part].harmless = true;
    }
}

static const struct entry *root_of(const struct log *g)
{
    const struct entry *root = NULL;

    for (size_t i = 0; i < g->count; i++) {
        const struct entry *e = &g->entries[i];

        if (e->harmless || e->role == EXPLAIN_INFO)
            continue;
        if (!root || e->role < root->role ||
            (e->role == root->role && layer_of(e->x.hit.message) < layer_of(root->x.hit.message)))
            root = e;
    }
    return root;
}

/* ---- printing an attempt ---- */

static void put_entry(const struct cli_term *t, const struct entry *e)
{
    static const enum cli_colour colours[] = { [EXPLAIN_CAUSE] = CLI_RED,
                                               [EXPLAIN_PART] = CLI_YELLOW,
                                               [EXPLAIN_CONSEQUENCE] = CLI_YELLOW,
                                               [EXPLAIN_INFO] = CLI_CYAN };
    static const char *const roles[] = { [EXPLAIN_CAUSE] = "",
                                         [EXPLAIN_PART] = "Part of the next lines: ",
                                         [EXPLAIN_CONSEQUENCE] = "Consequence: ",
                                         [EXPLAIN_INFO] = "" };
    char place[64], text[1200], releases[300];
    int n = snprintf(place, sizeof(place), "line %" PRIu64, e->line);

    fprintf(t->out, "%s%-12s%s ", cli_colour(t, colours[e->role]), place, cli_colour(t, CLI_PLAIN));
    if (e->times > 1)
        snprintf(text, sizeof(text), "%s (%" PRIu64 " times, the last in line %" PRIu64 ")",
                 e->x.text, e->times, e->last);
    else
        snprintf(text, sizeof(text), "%s", e->x.text);
    cli_wrap(t, n > 12 ? (size_t)n + 1 : 13, 13, text);
    explain_form(&e->x, releases, sizeof(releases));
    if (e->role == EXPLAIN_CAUSE && !e->harmless)
        snprintf(text, sizeof(text), "%s%s%s: %s", explain_who(e->x.hit.message),
                 *releases ? " " : "", releases, e->x.hit.about->condition);
    else
        snprintf(text, sizeof(text), "%s%s", e->harmless ? "Harmless: " : roles[e->role],
                 e->x.hit.about->condition);
    fprintf(t->out, "%*s", 13, "");
    cli_wrap(t, 13, 13, text);
}

static void put_json(struct log *g, const struct entry *root)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct entry *e = &g->entries[i];
        struct json_object *o;

        if (e->role == EXPLAIN_INFO && g->errors)
            continue;
        o = explain_json(&e->x, e->line, e->times);
        json_object_object_add(o, "attempt", json_number(g->attempts));
        json_object_object_add(o, "root", json_object_new_boolean(e == root));
        if (e->harmless)
            json_object_object_add(o, "role", json_object_new_string("harmless"));
        fputs(g->jsonl ? "" : g->shown ? ",\n" : "\n", stdout);
        json_put(o);
        if (g->jsonl)
            putchar('\n');
        g->shown++;
    }
}

static bool same_root(const struct log *g, const struct entry *root)
{
    return g->has_root && g->last_root.hit.about == root->x.hit.about &&
           !strcmp(g->last_root.text, root->x.text);
}

/* Attempts that failed like the one before them, in one line. */
static void put_same(struct log *g)
{
    char text[EXPLAIN_TEXT + 200];

    if (!g->same)
        return;
    fputc('\n', g->t->out);
    if (g->same == 1)
        snprintf(text, sizeof(text), "Attempt %" PRIu64, g->attempts);
    else
        snprintf(text, sizeof(text), "Attempts %" PRIu64 " to %" PRIu64, g->attempts + 1 - g->same,
                 g->attempts);
    text_add(text, sizeof(text), ": the same root cause%s line %" PRIu64 ": %s",
             g->same == 1 ? "," : ", the last in", g->same_line, g->last_root.text);
    cli_wrap(g->t, 0, 2, text);
    g->same = 0;
}

static void put_root(struct log *g, const struct entry *root)
{
    const struct cli_term *t = g->t;

    if (!root) {
        fputs("No failure: these lines are the normal end of an image without LAST_CHECKPOINT "
              "(XS-L09).\n",
              t->out);
        return;
    }
    fprintf(t->out, "%sRoot cause%s  ", cli_colour(t, CLI_BOLD), cli_colour(t, CLI_PLAIN));
    if (root->role == EXPLAIN_CAUSE) {
        fprintf(t->out, "line %" PRIu64 "\n", root->line);
    } else {
        char text[200];

        snprintf(text, sizeof(text),
                 "not in this log: only closing lines are. The nearest is line %" PRIu64
                 "; look for lines of libxc (\"xc: error\") before it.",
                 root->line);
        cli_wrap(t, 12, 12, text);
    }
    explain_message(t, &root->x);
    g->last_root = root->x;
    g->has_root = true;
}

/* An attempt is over. One without errors is forgotten, unless it is all there is in the log. */
static void attempt_end(struct log *g, bool last)
{
    const struct entry *root;

    if (!g->errors && (!last || g->attempts || !g->count)) {
        g->count = 0;
        return;
    }
    g->informed = true;
    mark_normal_end(g);
    root = root_of(g);
    if (!root || !same_root(g, root))
        put_same(g);
    if (g->errors)
        g->attempts++;
    if (g->json || g->jsonl) {
        put_json(g, root);
    } else if (root && same_root(g, root)) {
        g->same++;
        g->same_line = root->line;
    } else {
        if (g->attempts > 1)
            fprintf(g->t->out, "\n%sAttempt %" PRIu64 "%s\n", cli_colour(g->t, CLI_BOLD),
                    g->attempts, cli_colour(g->t, CLI_PLAIN));
        for (size_t i = 0; i < g->count; i++)
            if (g->entries[i].role != EXPLAIN_INFO || !g->errors)
                put_entry(g->t, &g->entries[i]);
        if (g->dropped)
            fprintf(g->t->out, "... and %" PRIu64 " more lines of this attempt\n", g->dropped);
        fputc('\n', g->t->out);
        if (g->errors)
            put_root(g, root);
        else
            fputs("No line of the log is an error.\n", g->t->out);
    }
    g->count = 0;
    g->errors = g->dropped = 0;
}

/* ---- taking lines ---- */

/* Rows that open an attempt say so in their condition (plugins/message_words.h). */
static bool opens(const struct explained *x)
{
    const char *when = x->hit.about->condition;

    return !strncmp(when, "a restore begins", 16) || !strncmp(when, "a save begins", 13) ||
           !strncmp(when, "a migration begins", 18);
}

/* A repeat of a line that is there: the same text lately, or the same message just before. */
static struct entry *repeated(struct log *g, const struct explained *x)
{
    for (size_t i = g->count; i-- > 0 && i + LOOK_BACK >= g->count;)
        if (g->entries[i].x.hit.about == x->hit.about &&
            (i + 1 == g->count || !strcmp(g->entries[i].x.text, x->text)))
            return &g->entries[i];
    return NULL;
}

static void stranger(struct log *g, const char *line, size_t n)
{
    if (!memmem(line, n, "error:", 6) && !memmem(line, n, "ERROR", 5) &&
        !memmem(line, n, "Error:", 6) && !memmem(line, n, "[error", 6))
        return;
    if (g->stranger_count < STRANGERS) {
        xsi_escape(g->strangers[g->stranger_count], STRANGER, line, n);
        g->stranger_line[g->stranger_count] = g->line;
    }
    g->stranger_count++;
}

/* A line of a Python traceback that quotes the program, not what it said. */
static bool source_line(const char *line, size_t n)
{
    while (n && (*line == ' ' || *line == '\t')) {
        line++;
        n--;
    }
    return n > 6 && (!memcmp(line, "raise ", 6) || !memcmp(line, "File \"", 6));
}

static void take_line(struct log *g, const char *line, size_t n)
{
    struct explained x;
    struct entry *e;

    g->line++;
    if (source_line(line, n))
        return;
    if (!explain_find(g->messages, line, n, 0, &x)) {
        stranger(g, line, n);
        return;
    }
    if (opens(&x) && g->errors)
        attempt_end(g, false);
    e = repeated(g, &x);
    if (e) {
        e->times++;
        e->last = g->line;
        return;
    }
    if (explain_role(&x) != EXPLAIN_INFO)
        g->errors++;
    if (g->count == ENTRIES) {
        g->dropped++;
        return;
    }
    e = &g->entries[g->count++];
    *e = (struct entry){ x, explain_role(&x), g->line, g->line, 1, false };
}

/* Lines of a stream; of a longer one than EXPLAIN_LINE the beginning. */
static void take_stream(struct log *g, FILE *in, char *line)
{
    size_t n = 0;
    int c;

    while ((c = getc_unlocked(in)) != EOF) {
        if (c == '\n') {
            take_line(g, line, n);
            n = 0;
        } else if (n < EXPLAIN_LINE) {
            line[n++] = (char)c;
        }
    }
    if (n)
        take_line(g, line, n);
}

static void put_strangers(const struct log *g)
{
    size_t n = g->stranger_count < STRANGERS ? (size_t)g->stranger_count : STRANGERS;

    if (!n || g->json || g->jsonl)
        return;
    fprintf(g->t->out, "\nNot known: %" PRIu64 " more line%s that speak%s of an error%s\n",
            g->stranger_count, g->stranger_count == 1 ? "" : "s", g->stranger_count == 1 ? "s" : "",
            g->stranger_count > STRANGERS ? ", the first of them:" : ":");
    for (size_t i = 0; i < n; i++) {
        char place[64];

        snprintf(place, sizeof(place), "line %" PRIu64, g->stranger_line[i]);
        fprintf(g->t->out, "%-12s ", place);
        cli_wrap(g->t, 13, 13, g->strangers[i]);
    }
}

static unsigned log_end(struct log *g)
{
    attempt_end(g, true);
    put_same(g);
    if (g->json)
        fputs("\n]\n", stdout);
    if (g->informed) {
        put_strangers(g);
        return 0;
    }
    cli_error(NULL,
              "--explain: none of the %" PRIu64 " lines is one that a release prints about an "
              "image; is it the right log? xend.log, xl -vvv restore, xenguest or xensource.log "
              "have them",
              g->line);
    return CLI_USAGE;
}

unsigned explain_log(const struct cli_term *t, const struct settings *set, FILE *in,
                     const char *text)
{
    struct log g = { .t = t, .json = set->json && !set->jsonl, .jsonl = set->jsonl };
    FILE *lines = in ? in : fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    char *line = malloc(EXPLAIN_LINE);
    unsigned status = CLI_OPERATIONAL;

    g.messages = xsi_messages_new();
    g.entries = calloc(ENTRIES, sizeof(*g.entries));
    if (line && lines && g.messages && g.entries) {
        if (g.json)
            fputs("[", stdout);
        take_stream(&g, lines, line);
        if (ferror(lines))
            cli_error("-", "reading the log failed; what was read until there is explained");
        status = log_end(&g) | (ferror(lines) ? CLI_OPERATIONAL : 0U);
    } else {
        cli_error(NULL, "out of memory; free some and try again");
    }
    xsi_messages_free(g.messages);
    free(g.entries);
    free(line);
    if (lines && !in)
        fclose(lines);
    return status;
}
