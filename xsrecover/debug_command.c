/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows that the linker has collected, and a line on its way to one of them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "debug_internal.h"

#define COMMANDS_MAX 256

/* Begin and end of section xsi_commands; the linker makes them. */
extern const struct debug_command *const __start_xsi_commands[];
extern const struct debug_command *const __stop_xsi_commands[];

static size_t command_count(void)
{
    /* cppcheck-suppress comparePointers */
    return (size_t)(__stop_xsi_commands - __start_xsi_commands);
}

static int compare(const struct debug_command *a, const struct debug_command *b)
{
    return a->group != b->group ? (int)a->group - (int)b->group : strcmp(a->name, b->name);
}

/* Link order is that of file names; there are too few rows to keep a sorted copy. */
const struct debug_command *debug_command_at(size_t index)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct debug_command *c = __start_xsi_commands[i];
        size_t before = 0;

        for (size_t k = 0; k < command_count(); k++) {
            int order = compare(__start_xsi_commands[k], c);

            before += order < 0 || (order == 0 && k < i);
        }
        if (before == index)
            return c;
    }
    return NULL;
}

/* ---------------------------------------------------------------- names ---- */

enum match { NONE, PREFIX, EXACT };

static enum match match_word(const char *typed, const char *name, size_t length)
{
    size_t n = strlen(typed);

    if (n > length || strncmp(typed, name, n) != 0)
        return NONE;
    return n == length ? EXACT : PREFIX;
}

static bool is_alias(const struct debug_command *c, const char *typed)
{
    const char *at = c->aliases ? c->aliases : "";
    size_t n = strlen(typed);

    while (*at) {
        size_t length = strcspn(at, " ");

        if (length == n && !strncmp(at, typed, n))
            return true;
        at += length + strspn(at + length, " ");
    }
    return false;
}

/* How well a row fits: 0 not at all; exact names before prefixes, both words before one. */
static int fits(const struct debug_command *c, const char *first, const char *second)
{
    const char *blank = strchr(c->name, ' ');
    enum match one, two;

    if (is_alias(c, first))
        return 100;
    one = match_word(first, c->name, blank ? (size_t)(blank - c->name) : strlen(c->name));
    if (one == NONE || !blank)
        return one == NONE ? 0 : one == EXACT ? 90 : 10;
    if (!second) /* a family: all of it, so that none is taken */
        return one == EXACT ? 80 : 10;
    two = match_word(second, blank + 1, strlen(blank + 1));
    return two == NONE ? 0 : (one == EXACT ? 60 : 6) + (two == EXACT ? 2 : 1);
}

const struct debug_command *debug_lookup(const char *first, const char *second, int *takes)
{
    const struct debug_command *best = NULL;
    int weight = 0;
    bool tie = false;

    for (size_t i = 0; i < command_count(); i++) {
        const struct debug_command *c = __start_xsi_commands[i];
        int w = fits(c, first, second);

        tie = (tie && w <= weight) || (w && w == weight);
        if (w > weight) {
            best = c;
            weight = w;
        }
    }
    if (!best || tie)
        return NULL;
    *takes = weight != 100 && strchr(best->name, ' ') ? 2 : 1;
    return best;
}

/* Rows that begin with what was typed: a family, or more than one command. */
static size_t list_like(struct debug *d, const char *typed, bool print)
{
    const struct debug_command *c;
    size_t n = 0;

    for (size_t i = 0; (c = debug_command_at(i)); i++) {
        if (strncmp(c->name, typed, strlen(typed)) != 0)
            continue;
        n++;
        if (print)
            fprintf(d->term.out, "  %-16s %s\n", c->name, c->help);
    }
    return n;
}

/* The nearest name, for somebody who mistyped. */
static int unknown(struct debug *d, const char *typed)
{
    const struct debug_command *c, *near = NULL;
    size_t least = 3;

    if (list_like(d, typed, false)) {
        fprintf(d->term.out, "'%s' can be:\n", typed);
        list_like(d, typed, true);
        return CLI_USAGE;
    }
    for (size_t i = 0; (c = debug_command_at(i)); i++) {
        size_t edits = cli_edits(typed, c->name);

        if (edits < least) {
            least = edits;
            near = c;
        }
    }
    if (near)
        return debug_fail(d, CLI_USAGE, "no command is called '%s'; perhaps: %s", typed,
                          near->name);
    return debug_fail(d, CLI_USAGE, "no command is called '%s'; `help` lists them", typed);
}

/* ---------------------------------------------------------------- words ---- */

/* One word, without its quotes; within double quotes a backslash takes the next character. */
static const char *take_word(const char *at, char **out, const char *end)
{
    char quote = 0;

    for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
        if (quote ? *at == quote : *at == '"' || *at == '\'') {
            quote = quote ? 0 : *at;
            continue;
        }
        if (quote == '"' && *at == '\\' && at[1])
            at++;
        if (*out < end)
            *(*out)++ = *at;
    }
    return quote ? NULL : at;
}

/* False when a quote is not closed or the line is too long. */
static bool cut(struct debug_words *w, const char *line)
{
    char *out = w->text;
    const char *end = w->text + sizeof(w->text) - 1;

    w->count = 0;
    for (const char *at = line; at;) {
        at += strspn(at, " \t\r\n\v\f");
        if (!*at || (*at == '#' && (!at[1] || isspace((unsigned char)at[1]))))
            break; /* the end, or a comment */
        if (w->count == DEBUG_WORDS_MAX)
            return false;
        w->word[w->count++] = out;
        at = take_word(at, &out, end);
        if (!at || out >= end)
            return false;
        *out++ = '\0';
    }
    w->word[w->count] = NULL;
    return true;
}

/* Text behind n words that have no quotes. */
static const char *behind(const char *line, int n)
{
    for (line += strspn(line, " \t"); n > 0; n--) {
        line += strcspn(line, " \t");
        line += strspn(line, " \t");
    }
    return line;
}

char *debug_words_joined(char *out, size_t size, int argc, char **argv, int first)
{
    size_t n = 0;

    out[0] = '\0';
    for (int i = first; i < argc && n + 1 < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i > first ? " " : "", argv[i]);
    return out;
}

size_t debug_words_bytes(struct debug *d, int argc, char **argv, int first, uint8_t *out,
                         size_t size)
{
    char text[4096];
    size_t n = cli_bytes(debug_words_joined(text, sizeof(text), argc, argv, first), out, size);

    if (!n)
        debug_fail(d, CLI_USAGE,
                   "'%s' is not bytes in hex; write pairs of digits: f7ffffff, or f7 ff ff ff",
                   text);
    return n;
}

/* ---------------------------------------------------------------- running ---- */

static int usage(struct debug *d, const struct debug_command *c)
{
    return debug_fail(d, CLI_USAGE, "usage: %s%s%s; more: help %s", c->name, c->usage ? " " : "",
                      c->usage ? c->usage : "", c->name);
}

static int call(struct debug *d, const struct debug_command *c, struct debug_words *w, int takes)
{
    int argc = w->count - takes;
    char **argv = w->word + takes - 1;

    argv[0] = (char *)(uintptr_t)c->name;
    if (*d->format && !(c->flags & DEBUG_FORMAT))
        return debug_fail(d, CLI_USAGE, "%s takes no format", c->name);
    if (argc < c->min || (c->max >= 0 && argc > c->max && !(c->flags & DEBUG_RAW)))
        return usage(d, c);
    return c->exec(d, argc + 1, argv);
}

/* The first word without the format behind its slash. */
static bool take_format(struct debug *d, char *word)
{
    char *slash = strchr(word, '/');

    d->format[0] = '\0';
    if (!slash || slash == word)
        return true;
    if (strlen(slash + 1) >= sizeof(d->format))
        return false;
    memcpy(d->format, slash + 1, strlen(slash + 1) + 1);
    *slash = '\0';
    return true;
}

static int run(struct debug *d, const char *line)
{
    const struct debug_command *c;
    struct debug_words w = { .count = 0 };
    bool whole = cut(&w, line);
    int takes = 1;

    if (!w.count)
        return 0;
    if (*w.word[0] == '!') { /* what follows is the shell's */
        d->rest = line + 1;
        c = debug_lookup("!", NULL, &takes);
        return c ? c->exec(d, 1, w.word) : unknown(d, "!");
    }
    if (!take_format(d, w.word[0]))
        return debug_fail(d, CLI_USAGE, "the format is too long; help x");
    c = debug_lookup(w.word[0], w.count > 1 ? w.word[1] : NULL, &takes);
    if (!c)
        return unknown(d, w.word[0]);
    if (!whole && !(c->flags & DEBUG_RAW))
        return debug_fail(d, CLI_USAGE, "a quote is not closed, or the line is too long");
    d->rest = behind(line, takes);
    return call(d, c, &w, takes);
}

int debug_line(struct debug *d, const char *line)
{
    int status;

    line += strspn(line, " \t\r\n");
    if (!*line || *line == '#')
        return 0;
    status = run(d, line);
    fflush(d->term.out);
    return status;
}
