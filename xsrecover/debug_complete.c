/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a half-typed word can become: the kinds stand in the rows of the commands. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug_fields.h"
#include "debug_internal.h"

#define LIST_MAX 2048 /* completions that are offered */

struct list {
    const char *prefix;
    char **text; /* [0] is readline's: what they have in common */
    size_t count;
};

static void add(struct list *l, const char *text)
{
    if (l->count >= LIST_MAX || strncasecmp(text, l->prefix, strlen(l->prefix)) != 0)
        return;
    for (size_t i = 1; i <= l->count; i++)
        if (!strcmp(l->text[i], text))
            return;
    if ((l->text[l->count + 1] = strdup(text)))
        l->count++;
}

static void add_words(struct list *l, const char *words)
{
    char word[80];

    while (words && *words) {
        size_t n = strcspn(words, " ");

        snprintf(word, sizeof(word), "%.*s", (int)n, words);
        add(l, word);
        words += n + strspn(words + n, " ");
    }
}

/* ---------------------------------------------------------------- kinds ---- */

static void add_chunks(struct debug *d, struct list *l)
{
    size_t count;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);
    char name[200];

    for (size_t i = 0; i < count; i++)
        add(l, cli_name(name, sizeof(name), row[i].type));
}

static void add_offsets(struct debug *d, struct list *l)
{
    size_t count;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);
    char text[32];

    if (strncmp(l->prefix, "0x", 2) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "0x%" PRIx64, row[i].offset);
        add(l, text);
    }
}

static void add_row(struct list *l, const struct xsi_finding_row *row)
{
    add(l, row->code);
    if (*l->prefix)
        add(l, row->slug);
}

static void add_codes(struct debug *d, struct list *l, bool any)
{
    const struct xsi_finding_row *row;
    struct xsi_finding f;

    for (size_t i = 0; !any && debug_finding(d->map, i, &f); i++)
        add_row(l, f.row);
    for (size_t i = 0; any && (row = xsi_finding_row(i)); i++)
        add_row(l, row);
}

static void add_recipes(struct debug *d, struct list *l)
{
    const struct xsi_recipe *recipe;

    (void)d;
    for (size_t i = 0; (recipe = xsi_recipe_at(i)); i++)
        add(l, recipe->name);
}

static void add_readers(struct debug *d, struct list *l)
{
    struct xsi_reader reader;
    char name[sizeof(reader.name) + 8];
    char *remus;

    (void)d;
    for (size_t i = 0; xsi_reader_get(i, &reader); i++) {
        add(l, reader.name);
        add_words(l, reader.alias);
        snprintf(name, sizeof(name), "%s", reader.name);
        remus = strstr(name, "/remus");
        if (remus && !remus[strlen("/remus")]) { /* its other name */
            memcpy(remus, "/xend", sizeof("/xend"));
            add(l, name);
        }
    }
}

static void add_commands(struct debug *d, struct list *l)
{
    const struct debug_command *c;

    (void)d;
    for (size_t i = 0; (c = debug_command_at(i)); i++)
        add_words(l, c->name);
}

/* ---- paths: one level at a time ---- */

struct paths {
    struct list *list;
    const char *head; /* "HVM_CONTEXT." */
    size_t depth;     /* dots of the path that is being typed */
};

static size_t dots(const char *path)
{
    size_t n = 0;

    for (; *path; path++)
        n += *path == '.';
    return n;
}

static void put_path(void *context, const char *path, const struct xsi_value *v)
{
    struct paths *p = context;
    char text[DEBUG_PATH_MAX + 200];

    if (v->kind == XSI_CLOSE || dots(path) != p->depth)
        return;
    snprintf(text, sizeof(text), "%s%s%s", p->head, path, v->kind >= XSI_GROUP ? "." : "");
    add(p->list, text);
}

static void add_fields(struct debug *d, struct list *l)
{
    const char *dot = strchr(l->prefix, '.');
    struct paths p = { l, "", dot ? dots(dot + 1) : 0 };
    const struct cli_fields want = { 2, &p, put_path };
    const struct xsi_chunk *chunk;
    char head[256] = "", name[200] = "";
    struct xsi_error err;
    struct xsi_walk *walk;
    const struct xsi_map_row *row = NULL;

    if (dot && dot != l->prefix) {
        snprintf(name, sizeof(name), "%.*s", (int)(dot - l->prefix), l->prefix);
        snprintf(head, sizeof(head), "%s.", name);
        row = xsi_map_type(d->map, name, d->at);
        row = row ? row : xsi_map_type(d->map, name, 0);
        if (!row) /* a number or a place: not worth a message */
            return;
    }
    p.head = head;
    walk = xsi_map_open(d->map, row ? row->offset : d->at, &chunk, &err);
    if (walk)
        cli_fields(walk, chunk, &want);
    xsi_walk_free(walk);
    if (!dot)
        add_chunks(d, l);
}

static void collect(struct debug *d, struct list *l, unsigned kinds, const char *words)
{
    static const struct {
        unsigned kind;
        void (*add)(struct debug *d, struct list *l);
    } rows[] = {
        { DEBUG_ARG_CHUNK, add_chunks },   { DEBUG_ARG_FIELD, add_fields },
        { DEBUG_ARG_OFFSET, add_offsets }, { DEBUG_ARG_RECIPE, add_recipes },
        { DEBUG_ARG_READER, add_readers }, { DEBUG_ARG_COMMAND, add_commands },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kinds & rows[i].kind)
            rows[i].add(d, l);
    if (kinds & (DEBUG_ARG_CODE | DEBUG_ARG_ANY_CODE))
        add_codes(d, l, kinds & DEBUG_ARG_ANY_CODE);
    if (kinds & DEBUG_ARG_WORDS)
        add_words(l, words);
}

/* ---------------------------------------------------------------- a word's kinds ---- */

/* First words of all commands, or second words of a family. */
static void add_names(struct list *l, const char *family)
{
    const struct debug_command *c;
    size_t n = strlen(family);
    char first[80];

    for (size_t i = 0; (c = debug_command_at(i)); i++) {
        const char *blank = strchr(c->name, ' ');

        if (n) {
            if (blank && (size_t)(blank - c->name) >= n && !strncmp(c->name, family, n))
                add(l, blank + 1);
            continue;
        }
        snprintf(first, sizeof(first), "%.*s", blank ? (int)(blank - c->name) : 79, c->name);
        add(l, first);
    }
}

/* Words in front of offset `start` of a line; the first two go to `words`. */
static int words_before(const char *line, int start, char words[2][80])
{
    int n = 0;

    for (int at = 0; at < start;) {
        int length;

        at += (int)strspn(line + at, " \t");
        length = (int)strcspn(line + at, " \t");
        if (at >= start || !length)
            break;
        if (n < 2)
            snprintf(words[n], 80, "%.*s", length, line + at);
        n++;
        at += length;
    }
    return n;
}

static void complete_argument(struct debug *d, struct list *l, char words[2][80], int before,
                              unsigned *as)
{
    const struct debug_command *c;
    unsigned kinds;
    int takes = 1, at;

    words[0][strcspn(words[0], "/")] = '\0';
    c = debug_lookup(words[0], before > 1 ? words[1] : NULL, &takes);
    if (!c && before == 1)
        add_names(l, words[0]);
    if (!c)
        return;
    at = before - takes;
    while (at > 0 && (at >= DEBUG_ARGS || !c->complete[at]))
        at--;
    kinds = c->complete[at];
    *as = kinds;
    collect(d, l, kinds, c->words);
    if (before == 1 && !strchr(c->name, ' ')) { /* "info" could be a row of its own too */
        char family[82];

        snprintf(family, sizeof(family), "%s ", c->name);
        add_names(l, family);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **debug_complete(struct debug *d, const char *line, const char *word, int start,
                      unsigned *kinds)
{
    char words[2][80] = { "", "" };
    struct list l = { .prefix = word, .text = calloc(LIST_MAX + 2, sizeof(char *)) };
    int before = words_before(line, start, words);
    size_t common;

    if (!l.text)
        return NULL;
    if (before == 0)
        add_names(&l, "");
    else
        complete_argument(d, &l, words, before, kinds);
    if (!l.count || !(l.text[0] = strdup(l.text[1]))) {
        free(l.text);
        return NULL;
    }
    qsort(l.text + 1, l.count, sizeof(char *), by_text);
    common = strlen(l.text[0]);
    for (size_t i = 1; i <= l.count; i++)
        while (strncmp(l.text[0], l.text[i], common) != 0)
            common--;
    l.text[0][common] = '\0';
    if (l.count == 1) { /* readline's form for the only one */
        free(l.text[1]);
        l.text[1] = NULL;
    }
    return l.text;
}
