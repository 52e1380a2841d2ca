/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --explain with an image as well: which readers print the message about it, and where. */
#include <inttypes.h>
#include <string.h>

#include "explain.h"

#define READERS_SHOWN 6

struct place {
    const struct xsi_messages *messages;
    struct explained wanted;
    struct xsi_reader exact, near; /* readers that print it so, or with other numbers */
    char near_text[EXPLAIN_TEXT];
    size_t readers, exact_count, near_count;
    char names[400]; /* of the readers that print it so */
};

/* Is one of a verdict's errors the wanted message; word for word? */
static bool among(const struct place *p, const char *line, bool *exact, char *text, size_t size)
{
    struct explained x;

    for (size_t i = 0; explain_find(p->messages, line, strlen(line), i, &x); i++)
        if (x.hit.about == p->wanted.hit.about) {
            *exact = !strcmp(x.text, p->wanted.text);
            snprintf(text, size, "%s", x.text);
            return true;
        }
    return false;
}

static void look_at(struct place *p, const struct xsi_verdict *v)
{
    bool exact = false, near = false, so;
    char text[EXPLAIN_TEXT];

    for (size_t i = 0; i < v->error_count && !exact; i++)
        if (among(p, v->errors[i], &so, text, sizeof(text))) {
            exact = so;
            if (!so && !near && !p->near_count)
                snprintf(p->near_text, sizeof(p->near_text), "%s", text);
            near = near || !so;
        }
    p->readers++;
    if (exact) {
        if (!p->exact_count)
            p->exact = v->reader;
        if (p->exact_count && p->exact_count <= READERS_SHOWN)
            text_add(p->names, sizeof(p->names), "%s%s", *p->names ? ", " : "", v->reader.name);
        p->exact_count++;
    } else if (near) {
        if (!p->near_count)
            p->near = v->reader;
        p->near_count++;
    }
}

/* The read that the reader had just done when it printed the message. */
static bool last_read(const struct place *p, struct xsi_source *src,
                      const struct xsi_reader *reader, bool exact_wanted,
                      struct xsi_run_event *read)
{
    struct xsi_error error = { 0, "" };
    struct xsi_run *run = xsi_run_new(src, reader, NULL, &error);
    struct xsi_run_event ev;
    char text[EXPLAIN_TEXT];
    bool found = false, exact;

    while (run && !found && xsi_run_next(run, &ev) > 0) {
        if (ev.kind == XSI_RUN_READ || ev.kind == XSI_RUN_SKIP)
            *read = ev;
        else if (ev.kind == XSI_RUN_LOG)
            found = among(p, ev.text, &exact, text, sizeof(text)) && exact == exact_wanted;
    }
    xsi_run_free(run);
    return found;
}

static void put_place(const struct cli_term *t, const struct place *p, const char *file,
                      struct xsi_source *src)
{
    bool exact = p->exact_count > 0;
    const struct xsi_reader *reader = exact ? &p->exact : &p->near;
    struct xsi_run_event read = { .purpose = NULL };
    char name[512], text[2048] = "";

    cli_name(name, sizeof(name), file);
    if (!exact && !p->near_count) {
        snprintf(
            text, sizeof(text),
            "none of the %zu readers that fit %s prints this: the line is about another image, "
            "or the host is its cause",
            p->readers, name);
        explain_put(t, "Place", text);
        return;
    }
    if (!exact)
        text_add(text, sizeof(text), "not with these numbers, but \"%s\": ", p->near_text);
    text_add(text, sizeof(text), "%s prints it", reader->name);
    if (last_read(p, src, reader, exact, &read))
        text_add(text, sizeof(text), " when it has read the %s at 0x%" PRIx64 " of %s",
                 read.purpose ? read.purpose : "bytes", read.offset, name);
    if (exact && p->exact_count > 1)
        text_add(text, sizeof(text), "; so %s %s%s", p->exact_count > 2 ? "do" : "does", p->names,
                 p->exact_count > READERS_SHOWN + 1 ? " and others" : "");
    explain_put(t, "Place", text);
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

    if (src && !xsi_source_seekable(src)) {
        explain_put(t, "Place",
                    "not looked for: a pipe or a compressed file is read only once; "
                    "unpack it into a file first");
        xsi_source_free(src);
        return 0;
    }
    if (src)
        walk = xsi_walk_new(src, &options, &error);
    if (walk)
        judge = xsi_judge_new(walk, all, 1, NULL, &error);
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
