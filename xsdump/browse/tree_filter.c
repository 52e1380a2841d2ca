/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `f`: only rows that a filter matches stand in the tree. They are picked out in slices. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "tree.h"

#define ROWS_PER_SLICE 2048
#define TEXT_MAX       200

struct tree_filter {
    char text[TEXT_MAX]; /* as it was typed */
    struct cli_filter *filter;
    uint32_t *match; /* rows of the index that it lets through; the index keeps 256 Ki at most */
    size_t count, capacity;
    size_t next; /* row that is to be looked at */
};

/* ---------------------------------------------------------------- asking ---- */

size_t tree_shown(const struct tree *t)
{
    size_t count;

    if (t->filter)
        return t->filter->count;
    xsi_index_rows(t->doc->index, &count);
    return count;
}

size_t tree_shown_row(const struct tree *t, size_t shown)
{
    return t->filter ? t->filter->match[shown] : shown;
}

size_t tree_shown_at(const struct tree *t, size_t row)
{
    size_t low = 0, high;

    if (!t->filter)
        return row;
    for (high = t->filter->count; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (t->filter->match[middle] <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : SIZE_MAX;
}

bool tree_filter_passed(const struct tree *t, size_t row)
{
    return !t->filter || t->filter->next > row;
}

/* ---------------------------------------------------------------- the work ---- */

static bool room(struct tree_filter *f)
{
    size_t capacity = f->capacity ? 2 * f->capacity : 256;
    uint32_t *larger;

    if (f->count < f->capacity)
        return true;
    larger = reallocarray(f->match, capacity, sizeof(*larger));
    if (!larger)
        return false;
    f->match = larger;
    f->capacity = capacity;
    return true;
}

/* The last row can still grow while the walk goes on: it waits. */
static size_t rows_ready(const struct doc *doc)
{
    size_t count;

    xsi_index_rows(doc->index, &count);
    return doc->walked || !count ? count : count - 1;
}

static bool slice(struct browse *b, void *data)
{
    struct tree *t = data;
    struct tree_filter *f = t->filter;
    size_t count, end = rows_ready(b->doc);
    const struct xsi_map_row *row = xsi_index_rows(b->doc->index, &count);

    if (t->doc != b->doc) /* swapped: it begins again when the tree is drawn */
        return false;
    for (size_t n = 0; n < ROWS_PER_SLICE && f->next < end; n++, f->next++) {
        if (!cli_filter_match(f->filter, &row[f->next]))
            continue;
        if (!room(f)) {
            browse_say(b, ROLE_ERROR, "out of memory for the filter's rows");
            return false;
        }
        f->match[f->count++] = (uint32_t)f->next;
    }
    return f->next < end || !b->doc->walked;
}

static double progress(struct browse *b, void *data)
{
    const struct tree *t = data;
    size_t count;

    xsi_index_rows(b->doc->index, &count);
    return count ? (double)t->filter->next / (double)count : 0;
}

static const struct job job = { .what = "filtering", .slice = slice, .progress = progress };

void tree_filter_again(struct browse *b, struct tree *t)
{
    if (!t->filter)
        return;
    t->filter->count = t->filter->next = 0;
    job_start(b, &job, t);
}

void tree_filter_free(struct tree_filter *f)
{
    if (!f)
        return;
    cli_filter_free(f->filter);
    free(f->match);
    free(f);
}

bool tree_filter_text(const struct browse *b, const struct tree *t, char *out, size_t size)
{
    const struct tree_filter *f = t->filter;
    size_t count;

    if (!f)
        return false;
    xsi_index_rows(t->doc->index, &count);
    snprintf(out, size, "%s: %zu of %zu rows%s", f->text, f->count, count,
             f->next >= rows_ready(t->doc) || job_data(b, &job) ? "" : ", stopped");
    return true;
}

/* ---------------------------------------------------------------- the key ---- */

/* A word alone is a part of a type or a layer. */
static struct cli_filter *parse(const char *text, char *why, size_t size)
{
    char word[2 * TEXT_MAX + 40];

    if (cli_filter_is(text) || strpbrk(text, "\"=<>~()"))
        return cli_filter_new(text, why, size);
    snprintf(word, sizeof(word), "type~\"%.63s\" or layer~\"%.63s\"", text, text);
    return cli_filter_new(word, why, size);
}

static void take(struct browse *b, const char *text)
{
    struct tree *t = tree_of(b);
    struct tree_filter *f = NULL;
    char why[256];

    if (!t)
        return;
    text += strspn(text, " \t");
    if (*text) {
        struct cli_filter *filter = parse(text, why, sizeof(why));

        if (!filter) {
            browse_say(b, ROLE_ERROR, "%s", why);
            return;
        }
        f = calloc(1, sizeof(*f));
        if (!f) {
            cli_filter_free(filter);
            return;
        }
        f->filter = filter;
        snprintf(f->text, sizeof(f->text), "%s", text);
    }
    job_stop(b, &job);
    tree_filter_free(t->filter);
    t->filter = f;
    tree_reset(t);
    tree_filter_again(b, t);
    if (!f)
        browse_say(b, ROLE_INFO, "all chunks are shown");
}

void key_filter(struct browse *b)
{
    struct tree *t = tree_of(b);
    const char *old = t && t->filter ? t->filter->text : NULL;

    popup_ask(b, old ? "show only chunks like (^U: all):" : "show only chunks like:", old, take);
}
