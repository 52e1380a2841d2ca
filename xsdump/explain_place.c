/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --explain with an image as well: which readers print the message about it, and where. */
#include <inttypes.h>
#include <string.h>

#include "explain.h"

#define READERS_SHOWN 6

/* How well a reader's log fits the wanted line. */
enum fit { NONE, OTHER_NUMBERS, OTHER_FORM, EXACT };

struct place {
    const struct xsi_messages *messages;
    struct explained wanted;
    const char *own;          /* the container's own reader; NULL = none */
    enum fit best;            /* of all readers */
    struct xsi_reader reader; /* the one that is shown */
    char text[EXPLAIN_TEXT];  /* what it prints */
    size_t readers, others;   /* that fit the image; that print it as well */
    char names[400];          /* of some of these */
};

/* A line of a model has no prefix that would tell its release: take the reader's. */
static bool form_fits(const struct place *p, const struct xsi_reader *reader)
{
    for (size_t i = 0; i < p->wanted.count; i++) {
        const struct explained_wording *w = &p->wanted.wordings[i];

        if (reader->release >= w->from && (!w->to || reader->release <= w->to))
            return true;
    }
    return false;
}

static enum fit fit_of(const struct place *p, const char *line, const struct xsi_reader *reader,
                       char *text, size_t size)
{
    struct explained x;

    for (size_t i = 0; explain_find(p->messages, line, strlen(line), i, &x); i++) {
        if (x.hit.about != p->wanted.hit.about)
            continue;
        (void)xsi_escape(text, size, x.text, strlen(x.text));
        if (strcmp(x.text, p->wanted.text) != 0)
            return OTHER_NUMBERS;
        return form_fits(p, reader) ? EXACT : OTHER_FORM;
    }
    return NONE;
}

static void look_at(struct place *p, const struct xsi_verdict *v)
{
    char text[EXPLAIN_TEXT], best_text[EXPLAIN_TEXT] = "";
    enum fit best = NONE;
    bool own = p->own && !strcmp(p->own, v->reader.name);

    for (size_t i = 0; i < v->error_count; i++) {
        enum fit fit = fit_of(p, v->errors[i], &v->reader, text, sizeof(text));

        if (fit > best) {
            best = fit;
            memcpy(best_text, text, sizeof(text));
        }
    }
    p->readers++;
    if (best == NONE || best < p->best)
        return;
    if (best > p->best) {
        p->others = 0;
        p->names[0] = '\0';
    } else {
        const char *name = own ? p->reader.name : v->reader.name;

        if (p->others++ < READERS_SHOWN)
            text_add(p->names, sizeof(p->names), "%s%s", *p->names ? ", " : "", name);
    }
    if (best > p->best || own) {
        p->reader = v->reader;
        memcpy(p->text, best_text, sizeof(best_text));
    }
    p->best = best;
}

/* The read that the reader had just done when it printed the message. */
static bool last_read(const struct place *p, struct xsi_source *src, struct xsi_run_event *read)
{
    struct xsi_error error = { 0, "" };
    struct xsi_run *run = xsi_run_new(src, &p->reader, NULL, &error);
    struct xsi_run_event ev;
    char text[EXPLAIN_TEXT];
    bool found = false;

    while (run && !found && xsi_run_next(run, &ev) > 0) {
        if (ev.kind == XSI_RUN_READ || ev.kind == XSI_RUN_SKIP)
            *read = ev;
        else if (ev.kind == XSI_RUN_LOG)
            found = fit_of(p, ev.text, &p->reader, text, sizeof(text)) == p->best;
    }
    xsi_run_free(run);
    return found;
}

static void put_place(const struct cli_term *t, const struct place *p, const char *file,
                      struct xsi_source *src)
{
    struct xsi_run_event read = { .purpose = NULL };
    char name[512], text[2048] = "";

    cli_name(name, sizeof(name), file);
    if (p->best == NONE) {
        snprintf(
            text, sizeof(text),
            "none of the %zu readers that fit %s prints this: the line is about another image, "
            "or the host is its cause",
            p->readers, name);
        explain_put(t, "Place", text);
        return;
    }
    if (p->best == OTHER_NUMBERS)
        text_add(text, sizeof(text), "not with these numbers, but \"%s\": ", p->text);
    text_add(text, sizeof(text), "%s prints it", p->reader.name);
    if (last_read(p, src, &read))
        text_add(text, sizeof(text), " when it has read the %s at 0x%" PRIx64 " of %s",
                 read.purpose ? read.purpose : "bytes", read.offset, name);
    if (p->others)
        text_add(text, sizeof(text), "; so %s %s%s", p->others > 1 ? "do" : "does", p->names,
                 p->others > READERS_SHOWN ? " and others" : "");
    explain_put(t, "Place", text);
}

/* Name of the container's own reader, "" = none. */
static void own_reader(struct xsi_walk *walk, char *out, size_t size)
{
    struct xsi_error error = { 0, "" };
    struct xsi_judge *judge = xsi_judge_new(walk, NULL, 0, NULL, &error);
    const struct xsi_verdict *v = judge ? xsi_judge_verdict(judge, 0, NULL) : NULL;

    snprintf(out, size, "%s", v ? v->reader.name : "");
    xsi_judge_free(judge);
}

static unsigned place_in(const struct cli_term *t, const struct settings *set, struct place *p,
                         const char *file)
{
    static const char *const all[] = { "all" };
    struct xsi_walk_options options = { .as = set->as };
    struct xsi_error error = { 0, "" };
    struct xsi_source *src = xsi_source_open(file, &set->window, &error);
    struct xsi_walk *walk = NULL;
    struct xsi_judge *judge = NULL;
    const struct xsi_verdict *v;
    struct xsi_event ev;
    char own[40] = "";

    if (src && !xsi_source_seekable(src)) {
        explain_put(t, "Place",
                    "not looked for: a pipe or a compressed file is read only once; "
                    "unpack it into a file first");
        xsi_source_free(src);
        return 0;
    }
    if (src)
        walk = xsi_walk_new(src, &options, &error);
    if (walk) {
        own_reader(walk, own, sizeof(own));
        p->own = own;
        judge = xsi_judge_new(walk, all, 1, NULL, &error);
    }
    if (judge) {
        do
            xsi_judge_advance(judge, false);
        while (xsi_walk_next(walk, &ev) > 0);
        xsi_judge_advance(judge, true);
        for (size_t i = 0; (v = xsi_judge_verdict(judge, i, NULL)); i++)
            look_at(p, v);
    }
    xsi_judge_free(judge);
    xsi_walk_free(walk);
    if (p->readers)
        put_place(t, p, file, src);
    else
        explain_put(t, "Place", "no reader fits this image");
    xsi_source_free(src);
    return 0;
}

unsigned explain_places(const struct cli_term *t, const struct settings *set)
{
    struct xsi_messages *messages = xsi_messages_new();
    struct cli_term prose = cli_prose(t);
    struct explained wanted;
    unsigned status = 0;

    if (messages && explain_find(messages, set->explain, strlen(set->explain), 0, &wanted)) {
        fputc('\n', t->out);
        explain_message(&prose, &wanted);
        for (size_t i = 0; i < set->image_count; i++) {
            struct place p = { .messages = messages, .wanted = wanted };

            status |= place_in(&prose, set, &p, set->images[i]);
        }
    } else {
        fputc('\n', t->out);
        status = explain_print(t, set);
    }
    xsi_messages_free(messages);
    return status;
}
