/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `/`, n and N: what is meant, and the way to what is found. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "search_internal.h"

/* ---------------------------------------------------------------- what is meant ---- */

void search_free(struct search *s)
{
    if (!s)
        return;
    search_chunks_leave(s);
    cli_filter_free(s->filter);
    cli_filter_free(s->part);
    free(s->window);
    free(s->row);
    free(s);
}

/* A word: a type or a layer, exactly (== or ~: or a part of it). */
static struct cli_filter *named(const char *word, const char *op, char *why, size_t size)
{
    char text[2 * SEARCH_TEXT];

    if (strlen(word) > 63 || strpbrk(word, "\"=<>()")) {
        snprintf(why, size, "'%s' is neither a filter, a name, \"text\" nor hex bytes", word);
        return NULL;
    }
    snprintf(text, sizeof(text), "type%s\"%.63s\" or layer%s\"%.63s\"", op, word, op, word);
    return cli_filter_new(text, why, size);
}

/* A finding, or chunks with a name. */
static bool parse_name(struct search *s, const char *text, char *why, size_t size)
{
    s->finding = xsi_finding_lookup(text);
    if (s->finding)
        return true;
    s->filter = named(text, "==", why, size);
    return s->filter != NULL;
}

/* The debugger's grammar of `find`, and findings. False with words in why. */
static bool parse(struct search *s, const char *text, char *why, size_t size)
{
    const char *wrong;

    if (cli_needle_parse(text, &s->needle, &wrong))
        return true;
    if (wrong) {
        snprintf(why, size, "%s", wrong);
        return false;
    }
    if (cli_filter_is(text)) {
        s->filter = cli_filter_new(text, why, size);
        return s->filter != NULL;
    }
    if (!parse_name(s, text, why, size))
        return false;
    s->part = s->finding ? NULL : named(text, "~", why, size);
    return s->finding || s->part;
}

static struct search *search_new(const char *text, bool is_place, char *why, size_t size)
{
    struct search *s = calloc(1, sizeof(*s));

    snprintf(why, size, "out of memory");
    if (!s || !(is_place ? parse_name : parse)(s, text, why, size)) {
        search_free(s);
        return NULL;
    }
    s->is_place = is_place;
    snprintf(s->text, sizeof(s->text), "%s", text);
    if (s->needle.length)
        s->window = malloc(SEARCH_WINDOW + CLI_NEEDLE_MAX);
    else
        s->row = calloc(SEARCH_CHUNKS, sizeof(*s->row));
    if (s->window || s->row)
        return s;
    search_free(s);
    return NULL;
}

/* ---------------------------------------------------------------- the job ---- */

static void set_off(struct browse *b, struct search *s)
{
    s->doc = b->doc;
    s->found = s->wrapped = s->unread = false;
    if (s->needle.length)
        search_bytes_start(b, s);
    else
        search_chunks_start(b, s);
}

static void found(struct browse *b, struct search *s)
{
    bool same = s->wrapped && s->hit == b->at;

    if (s->more && s->hit + s->more >= b->doc->size) { /* less is more that wraps around */
        browse_say(b, ROLE_ERROR, "so far from %s at 0x%" PRIx64 " lies outside the image", s->text,
                   s->hit);
        return;
    }
    s->found = true;
    browse_goto(b, s->hit + s->more, true);
    if (same)
        browse_say(b, ROLE_INFO, "this is the only one: %s", s->text);
    else if (s->wrapped)
        browse_say(b, ROLE_INFO, "went on from the %s: %s", s->back ? "end" : "beginning", s->text);
}

static void not_found(struct browse *b, const struct search *s)
{
    char text[80];

    if (s->needle.length)
        browse_say(b, ROLE_WARNING, "not found: %s%s",
                   cli_needle_text(&s->needle, text, sizeof(text)),
                   s->unread ? "; some bytes cannot be read" : "");
    else if (s->is_place && !s->finding)
        browse_say(b, ROLE_WARNING,
                   "%s is no place here; what is: an offset (0x1b023), #17, a chunk's type, a "
                   "finding's code, pfn 0xfee, a mark ('a)",
                   s->text);
    else if (s->finding)
        browse_say(b, ROLE_WARNING, "no %s %s in this image", s->finding->code, s->finding->slug);
    else
        browse_say(b, ROLE_WARNING, "no chunk is like that: %s%s", s->text,
                   s->unread ? "; some chunks cannot be read again" : "");
}

static bool slice(struct browse *b, void *data)
{
    struct search *s = data;

    if (s->doc != b->doc) /* the other image is looked at now */
        return false;
    switch (s->needle.length ? search_bytes_slice(b, s) : search_chunks_slice(b, s)) {
    case SEARCH_ON:
    case SEARCH_WAITS: /* for the walk */
        return true;
    case SEARCH_FOUND:
        found(b, s);
        return false;
    case SEARCH_NOTHING:
        break;
    }
    if (!s->part) {
        not_found(b, s);
        return false;
    }
    /* no chunk has exactly this name */
    cli_filter_free(s->filter);
    s->filter = s->part;
    s->part = NULL;
    set_off(b, s);
    return true;
}

static double progress(struct browse *b, void *data)
{
    const struct search *s = data;
    uint64_t all = s->needle.length ? b->doc->size : xsi_index_chunks(b->doc->index), done;

    done = s->back ? s->start - s->at : s->at - s->start;
    if (s->wrapped)
        done += all;
    return all && done < all ? (double)done / (double)all : 0;
}

static void over(void *data)
{
    search_chunks_leave(data);
}

static const struct job job = {
    .what = "searching", .slice = slice, .progress = progress, .free = over
};

static void go(struct browse *b, struct search *s, bool back)
{
    s->back = back;
    set_off(b, s);
    job_start(b, &job, s);
}

bool search_hit(const struct browse *b, uint64_t *offset, uint64_t *length)
{
    const struct tree *t = b->slot[PANEL_TREE];
    const struct search *s = t ? t->search : NULL;

    if (!s || !s->found || !s->length || s->doc != b->doc)
        return false;
    *offset = s->hit;
    *length = s->length;
    return true;
}

/* ---------------------------------------------------------------- keys ---- */

/* What is searched for from now on; NULL after words. */
static struct search *replace(struct browse *b, const char *text, bool is_place)
{
    struct tree *t = tree_of(b);
    char why[400];
    struct search *s = t ? search_new(text, is_place, why, sizeof(why)) : NULL;

    if (t && !s)
        browse_say(b, ROLE_ERROR, "%s", why);
    if (!s)
        return NULL;
    job_stop(b, &job);
    search_free(t->search);
    t->search = s;
    return s;
}

static void again(struct browse *b, bool back)
{
    struct tree *t = tree_of(b);

    if (t && t->search)
        go(b, t->search, back);
    else
        browse_say(b, ROLE_INFO, "nothing was searched for yet; / does");
}

static void take(struct browse *b, const char *text)
{
    struct search *s;

    text += strspn(text, " \t");
    if (!*text) {
        again(b, false);
        return;
    }
    s = replace(b, text, false);
    if (s)
        go(b, s, false);
}

void search_name(struct browse *b, const char *name, uint64_t more)
{
    struct search *s = replace(b, name, true);

    if (!s)
        return;
    s->more = more;
    go(b, s, false);
}

void key_search(struct browse *b)
{
    popup_ask(b, "search (Enter: the last one again):", NULL, take);
}

void key_search_next(struct browse *b)
{
    again(b, false);
}

void key_search_last(struct browse *b)
{
    again(b, true);
}
