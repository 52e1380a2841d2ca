/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `/`, n and N: what is meant, and the way to what is found. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "explain_here.h"
#include "search_internal.h"

/* ---------------------------------------------------------------- what is meant ---- */

void search_free(struct search *s)
{
    if (!s)
        return;
    search_chunks_leave(s);
    cli_filter_free(s->filter);
    cli_filter_free(s->part);
    look_free(&s->look);
    free(s->window);
    free(s->row);
    free(s);
}

/* A word: a type or a layer, exactly (== or ~: or a part of it). */
static struct cli_filter *named(const char *word, const char *op, char *why, size_t size)
{
    char text[2 * SEARCH_TEXT];

    if (strlen(word) > 63 || strpbrk(word, "\"=<>()")) {
        snprintf(why, size, "'%s' is no filter, name, \"text\", number or known log line", word);
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
    s->part = s->filter ? named(text, "~", why, size) : NULL;
    return s->part != NULL;
}

/*
 * Digits alone can be hex bytes ("64") and a number out of a log ("1970103633"): up to 8 of them
 * are bytes first, more are a number first.
 */
static bool parse_digits(struct search *s, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    struct cli_needle bytes, number = { .length = 0 };
    const char *wrong;
    uint64_t value;
    char hex[24];

    if (!digits || text[digits])
        return false;
    cli_needle_parse(text, &bytes, &wrong);
    if (cli_number(text, &value)) {
        snprintf(hex, sizeof(hex), "0x%" PRIx64, value);
        cli_needle_parse(hex, &number, &wrong);
    }
    s->number = number.length && (digits > 8 || !bytes.length);
    s->needle = s->number ? number : bytes;
    s->other = s->number ? bytes : number;
    s->other_number = !s->number;
    s->digits = s->other.length != 0;
    return s->needle.length != 0;
}

/* The debugger's grammar of `find`, and findings. False with words in why. */
static bool parse(struct search *s, const char *text, char *why, size_t size)
{
    const char *wrong;

    if (parse_digits(s, text))
        return true;
    if (cli_needle_parse(text, &s->needle, &wrong)) {
        s->number = !strncmp(text, "0x", 2);
        return true;
    }
    if (wrong) {
        snprintf(why, size, "%s", wrong);
        return false;
    }
    if (cli_filter_is(text)) {
        s->filter = cli_filter_new(text, why, size);
        if (s->filter || strpbrk(text, " \t=<>~!()&|"))
            return s->filter != NULL;
    }
    s->named = true; /* fields can be called as keys are: count */
    return parse_name(s, text, why, size);
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
    else if (s->fields)
        search_fields_start(b, s);
    else
        search_chunks_start(b, s);
}

/* Where the search has begun anew. */
static const char *from(const struct search *s, bool same)
{
    if (same)
        return ", nowhere else";
    return !s->wrapped ? "" : s->back ? ", from the end" : ", from the beginning";
}

static void bytes_text(const struct search *s, char *out, size_t size)
{
    char bytes[80];

    cli_needle_text(&s->needle, bytes, sizeof(bytes));
    if (s->number)
        snprintf(out, size, "number %s = %s", s->text, bytes + strlen("bytes "));
    else
        snprintf(out, size, "%s", *s->text == '"' || *s->text == '\'' ? s->text : bytes);
}

/* "number 1970103633 = 51 65 6d 75 at 0x1b023"; what it could have been besides. */
static void say_bytes(struct browse *b, const struct search *s, bool same)
{
    char what[SEARCH_TEXT + 100];
    uint64_t value;

    bytes_text(s, what, sizeof(what));
    if (!s->number && s->other.length && !s->wrapped && cli_number(s->text, &value))
        browse_say(b, ROLE_INFO, "%s at 0x%" PRIx64 "; /0x%" PRIx64 " looks for the number", what,
                   s->hit, value);
    else
        browse_say(b, ROLE_INFO, "%s at 0x%" PRIx64 "%s", what, s->hit, from(s, same));
}

static void found_field(struct browse *b, struct search *s)
{
    const struct look *look = browse_look(b);
    bool same = s->wrapped && look->valid && look->offset == s->hit && b->field == s->next;

    s->found = true;
    browse_goto(b, s->hit, true);
    browse_field(b, s->next);
    look = browse_look(b);
    if (b->field >= look->count)
        return;
    browse_say(b, ROLE_INFO, "%s at 0x%" PRIx64 "%s", look->field[b->field].path,
               look->field[b->field].offset, s->wrapped ? from(s, same) : "; n: the next one");
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
    if (s->needle.length)
        say_bytes(b, s, same);
    else if (same)
        browse_say(b, ROLE_INFO, "this is the only one: %s", s->text);
    else if (s->wrapped)
        browse_say(b, ROLE_INFO, "went on from the %s: %s", s->back ? "end" : "beginning", s->text);
}

static void not_found(struct browse *b, const struct search *s)
{
    char text[SEARCH_TEXT + 100];

    bytes_text(s, text, sizeof(text));
    if (s->needle.length)
        browse_say(b, ROLE_WARNING, "not found: %s%s%s", s->digits ? s->text : text,
                   s->digits ? ", neither as a number nor as bytes" : "",
                   s->unread ? "; some bytes cannot be read" : "");
    else if (s->is_place && !s->finding)
        browse_say(b, ROLE_WARNING,
                   "%.24s is no place here; 0x1b023, #17, END, L09, pfn 0xfee are; / searches",
                   s->text);
    else if (s->finding)
        browse_say(b, ROLE_WARNING, "no %s %s in this image", s->finding->code, s->finding->slug);
    else
        browse_say(b, ROLE_WARNING, "no chunk%s is like that: %s%s",
                   s->named ? ", finding or field" : "", s->text,
                   s->unread ? "; some chunks cannot be read again" : "");
}

/* Nothing is what the text means first. False: it has no other meaning. */
static bool other_meaning(struct search *s)
{
    if (s->other.length) {
        s->needle = s->other;
        s->number = s->other_number;
        s->other.length = 0;
        return true;
    }
    if (s->part) { /* no chunk has exactly this name */
        cli_filter_free(s->filter);
        s->filter = s->part;
        s->part = NULL;
        return true;
    }
    if (!s->named || s->fields || s->finding)
        return false;
    search_chunks_leave(s);
    s->fields = true;
    return true;
}

static bool slice(struct browse *b, void *data)
{
    struct search *s = data;

    if (s->doc != b->doc) /* the other image is looked at now */
        return false;
    switch (s->needle.length ? search_bytes_slice(b, s)
            : s->fields      ? search_fields_slice(b, s)
                             : search_chunks_slice(b, s)) {
    case SEARCH_ON:
    case SEARCH_WAITS: /* for the walk */
        return true;
    case SEARCH_FOUND:
        (s->fields ? found_field : found)(b, s);
        return false;
    case SEARCH_NOTHING:
        break;
    }
    if (other_meaning(s)) {
        set_off(b, s);
        return true;
    }
    not_found(b, s);
    return false;
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

/* A line of a log, or a part of one, and nothing else that is searched for. */
static bool log_line(struct browse *b, const char *text)
{
    struct cli_needle needle;
    const char *wrong;
    char why[400];
    struct cli_filter *filter;

    if (!strpbrk(text, " \t") || cli_needle_parse(text, &needle, &wrong) || wrong)
        return false;
    filter = cli_filter_is(text) ? cli_filter_new(text, why, sizeof(why)) : NULL;
    cli_filter_free(filter);
    return !filter && explain_line_popup(b, text);
}

static void take(struct browse *b, const char *text)
{
    struct search *s;

    text += strspn(text, " \t");
    if (!*text) {
        again(b, false);
        return;
    }
    if (log_line(b, text))
        return;
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
    popup_ask(b, "search (name, number, log line; Enter: again):", NULL, take);
}

void key_search_next(struct browse *b)
{
    again(b, false);
}

void key_search_last(struct browse *b)
{
    again(b, true);
}
