/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A restore in the browser: keys that step through it, and the jobs that run it. One job looks how
 * it will end, with a run of its own; another brings the run that is watched to a read. Going back
 * means running again from the start.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "reader.h"

#define EVENTS       64 /* of a slice */
#define AT_ONCE      8  /* slices that a key does itself: of a small image, all */
#define FIELDS_SHOWN 8

static const struct job ahead_job, going_job;

struct reader_view *reader_view(const struct browse *b)
{
    struct reader_view *v = b->slot[PANEL_READER];

    return v && v->play && v->doc == b->doc ? v : NULL;
}

bool reader_going(const struct browse *b)
{
    return job_data(b, &going_job) != NULL;
}

bool reader_looking(const struct browse *b)
{
    return job_data(b, &ahead_job) != NULL;
}

/* ---------------------------------------------------------------- what stands there ---- */

/* Values of the chunk's fields that lie in [from, to). */
static void list_fields(const struct look *look, uint64_t from, uint64_t to, char *out, size_t size)
{
    unsigned count = 0;

    out[0] = '\0';
    for (size_t i = 0; i < look->count && count < FIELDS_SHOWN; i++) {
        const struct look_field *f = &look->field[i];

        if (f->kind >= XSI_BYTES || !f->length || f->offset < from || f->offset >= to)
            continue;
        text_add(out, size, "%s%s %.40s", count++ ? ", " : "", f->name, f->value);
    }
}

void reader_look(struct browse *b, struct reader_view *v)
{
    const struct xsi_run_event *read = &v->play->read;
    uint64_t at = replay_focus(v->play);
    const struct look *look;

    if (v->there_of == v->play->reads && (!v->there_then || v->there_then == b->doc->changes))
        return;
    v->there_of = v->play->reads;
    v->there_then = 0;
    v->there[0] = v->fields[0] = '\0';
    if (at >= b->doc->size) {
        snprintf(v->there, sizeof(v->there), "the end of the image");
        return;
    }
    /* a place that somebody has left meanwhile is not looked at again for this */
    look = b->at == at ? browse_look(b) : NULL;
    if (!look || !look->valid) {
        snprintf(v->there, sizeof(v->there), "not listed yet");
        v->there_then = b->doc->walked ? 0 : b->doc->changes;
        return;
    }
    if (at > look->offset)
        snprintf(v->there, sizeof(v->there), "byte %" PRIu64 " of ", at - look->offset);
    text_add(v->there, sizeof(v->there), "%s (%s), chunk %" PRIu64 "%s%s", look->type, look->layer,
             look->index, look->help ? ": " : "", look->help ? look->help : "");
    if (read->kind == XSI_RUN_READ || at != read->offset)
        list_fields(look, at, read->offset + read->got, v->fields, sizeof(v->fields));
}

/* It stands at a read, or at the end: the rest of the screen follows. */
static void arrive(struct browse *b, struct reader_view *v)
{
    struct replay *play = v->play;
    const char *wrong = replay_wrong(play);
    struct xsi_run_event ev;

    while (replay_pending(play, &ev)) /* when it was stopped on its way */
        ;
    if (!play->reads)
        return;
    if (!play->over)
        replay_facts(play);
    v->there_of = UINT64_MAX;
    if (v->doc != b->doc) /* meanwhile the other image is looked at */
        return;
    browse_goto(b, play->over ? xsi_run_verdict(play->run)->stopped : replay_focus(play), false);
    reader_look(b, v);
    if (play->over)
        browse_say(b, ROLE_INFO, "the restore is over; b: back to its last read, B: to its first");
    else if (*wrong)
        browse_say(b, ROLE_ERROR, "%s; x explains, X opens xsrecover here", wrong);
}

/* ---------------------------------------------------------------- looking ahead ---- */

/* The chunk that holds an offset: where it begins. False: there is none. */
static bool chunk_at(struct doc *doc, uint64_t offset, uint64_t *begin)
{
    const struct xsi_map_row *row = doc_row(doc, offset);
    const struct xsi_chunk *chunk;
    struct xsi_walk *walk;
    struct xsi_error error;

    if (row && row->count == 1) {
        *begin = row->offset;
        return true;
    }
    walk = xsi_index_open(doc->index, offset, &chunk, &error);
    if (!walk)
        return false;
    *begin = chunk->offset;
    xsi_walk_free(walk);
    return true;
}

/* Now it has run to its end. False: the walk has not come to the places in question. */
static bool decide(struct reader_view *v)
{
    const struct replay_future *f = &v->play->future;
    uint64_t end = xsi_index_end(v->doc->index), where, bad;

    if (!v->doc->walked && (f->verdict.where >= end || (f->bad_read && f->bad_offset >= end)))
        return false;
    replay_decide(v->play,
                  chunk_at(v->doc, f->verdict.where, &where) &&
                      (!f->bad_read || !chunk_at(v->doc, f->bad_offset, &bad) || bad != where));
    return true;
}

static void go_on(struct browse *b, struct reader_view *v);

static bool ahead_slice(struct browse *b, void *data)
{
    struct reader_view *v = data;
    int rc = replay_ahead(v->play, EVENTS);

    if (rc < 0)
        browse_say(b, ROLE_ERROR, "the restore cannot be looked at: %s", strerror(-rc));
    if (rc || !decide(v))
        return rc >= 0;
    if (v->then_run)
        go_on(b, v);
    b->dirty = true;
    return false;
}

static double part(uint64_t n, uint64_t of)
{
    return of ? n >= of ? 1 : (double)n / (double)of : 0;
}

static double ahead_progress(struct browse *b, void *data)
{
    const struct reader_view *v = data;

    (void)b;
    return v->play->ahead ? part(xsi_run_position(v->play->ahead), v->doc->size) : 1;
}

static void ahead_free(void *data)
{
    ((struct reader_view *)data)->then_run = false;
}

static const struct job ahead_job = { .what = "looking how this restore ends",
                                      .slice = ahead_slice,
                                      .progress = ahead_progress,
                                      .free = ahead_free };

static void look_ahead(struct browse *b, struct reader_view *v)
{
    if (v->play->future.known || reader_looking(b))
        return;
    for (int i = 0; i < AT_ONCE; i++)
        if (!ahead_slice(b, v))
            return;
    job_start(b, &ahead_job, v);
}

/* ---------------------------------------------------------------- going ---- */

static bool going_slice(struct browse *b, void *data)
{
    struct reader_view *v = data;
    struct xsi_error error = { 0, "" };
    int rc =
        v->to_wrong ? replay_on(v->play, EVENTS) : replay_to(v->play, v->wanted, EVENTS, &error);

    if (rc < 0)
        browse_say(b, ROLE_ERROR, "the restore cannot begin: %s", error.text);
    return rc > 0;
}

static double going_progress(struct browse *b, void *data)
{
    const struct reader_view *v = data;
    const struct replay_future *f = &v->play->future;

    (void)b;
    if (v->to_wrong)
        return part(v->play->reads, f->bad_read > v->play->reads ? f->bad_read : f->reads);
    return part(v->play->reads, v->wanted);
}

/* There, or stopped: that is where it stands. */
static void going_free(void *data)
{
    struct reader_view *v = data;

    if (!v->b->quit)
        arrive(v->b, v);
}

static const struct job going_job = { .what = "going through the restore",
                                      .slice = going_slice,
                                      .progress = going_progress,
                                      .free = going_free };

static void go(struct browse *b, struct reader_view *v)
{
    for (int i = 0; i < AT_ONCE; i++)
        if (!going_slice(b, v)) {
            arrive(b, v);
            return;
        }
    job_start(b, &going_job, v);
}

void reader_goto(struct browse *b, uint64_t number)
{
    struct reader_view *v = reader_view(b);

    if (!v)
        return;
    job_stop(b, &going_job);
    v->to_wrong = false;
    v->wanted = number;
    go(b, v);
}

static void go_on(struct browse *b, struct reader_view *v)
{
    job_stop(b, &going_job);
    v->to_wrong = true;
    go(b, v);
}

/* ---------------------------------------------------------------- readers ---- */

bool reader_default(struct browse *b)
{
    const struct settings *set = b->set;
    const char *name =
        set->target_count && !set->all_targets ? set->targets[0] : judged_default(&b->doc->im);
    const struct reader_view *v = b->slot[PANEL_READER];

    if (!b->has_reader || (v && v->doc && v->doc != b->doc && !v->chosen))
        b->has_reader = name && xsi_reader_lookup(name, &b->reader);
    return b->has_reader;
}

static void stop(struct browse *b, struct reader_view *v)
{
    job_stop(b, &ahead_job);
    job_stop(b, &going_job);
    replay_free(v->play);
    v->play = NULL;
    free(v->lines); /* they point into it */
    v->lines = NULL;
}

struct reader_view *reader_slot(struct browse *b)
{
    if (!b->slot[PANEL_READER])
        b->slot[PANEL_READER] = calloc(1, sizeof(struct reader_view));
    return b->slot[PANEL_READER];
}

bool reader_begin(struct browse *b)
{
    struct reader_view *v = reader_slot(b);
    struct xsi_error error = { 0, "out of memory; free some and try again" };

    if (v)
        stop(b, v);
    if (v) {
        v->b = b;
        v->doc = b->doc;
        v->play = replay_new(b->doc->im.src, &b->reader, &error);
    }
    if (!v || !v->play) {
        browse_say(b, ROLE_ERROR, "the restore cannot begin: %s", error.text);
        return false;
    }
    look_ahead(b, v);
    return true;
}

/* The restore that a key is about; begun, if there is none. NULL after a message. */
static struct reader_view *at_work(struct browse *b)
{
    if (!reader_default(b)) {
        browse_say(b, ROLE_WARNING,
                   "nothing here is a stream that a reader would take; R lists the readers");
        return NULL;
    }
    if (!reader_view(b) && !reader_begin(b))
        return NULL;
    return reader_view(b);
}

/* ---------------------------------------------------------------- keys ---- */

void key_reader(struct browse *b)
{
    if (b->view == VIEW_READER) {
        key_chunks(b);
        return;
    }
    if (!at_work(b))
        return;
    browse_view(b, VIEW_READER);
    browse_focus(b, PANEL_READER);
}

void key_step(struct browse *b)
{
    struct reader_view *v = at_work(b);

    if (v && v->play->over)
        browse_say(b, ROLE_INFO, "the restore is over; b: back to its last read, B: to its first");
    else if (v)
        reader_goto(b, v->play->reads + 1);
}

void key_step_back(struct browse *b)
{
    struct reader_view *v = at_work(b);
    uint64_t at = v ? v->play->reads + v->play->over : 0; /* the end counts as one */

    if (v && at < 2)
        browse_say(b, ROLE_INFO, at ? "this is the first read" : "nothing has been read yet");
    else if (v)
        reader_goto(b, at - 1);
}

void key_run(struct browse *b)
{
    struct reader_view *v = at_work(b);

    if (!v)
        return;
    if (v->play->over) {
        browse_say(b, ROLE_INFO, "the restore is over; b: back to its last read, B: to its first");
    } else if (v->play->future.known) {
        go_on(b, v);
    } else {
        look_ahead(b, v);
        v->then_run = reader_looking(b);
        if (!v->then_run && v->play->future.known)
            go_on(b, v);
    }
}

void key_rewind(struct browse *b)
{
    if (at_work(b))
        reader_goto(b, 1);
}

/* ---------------------------------------------------------------- for others ---- */

bool reader_consumed(const struct browse *b, uint64_t *from, uint64_t *to)
{
    const struct reader_view *v = b->view == VIEW_READER ? reader_view(b) : NULL;

    if (!v || !v->play->reads)
        return false;
    *from = v->play->begin;
    *to = xsi_run_position(v->play->run);
    return *to > *from;
}

bool reader_read(const struct browse *b, uint64_t *offset, uint64_t *length)
{
    const struct reader_view *v = b->view == VIEW_READER ? reader_view(b) : NULL;

    if (!v || !v->play->reads || v->play->over)
        return false;
    *offset = v->play->read.offset;
    *length = v->play->read.got;
    return true;
}

void reader_free(void *slot)
{
    struct reader_view *v = slot;

    replay_free(v->play);
    free(v->reader);
    free(v->lines);
    free(v);
}
