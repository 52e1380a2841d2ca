/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Driving a restore on the planned image, read by read. */
#include <inttypes.h>
#include <stdlib.h>

#include "run_session.h"

#define SLICE 4096 /* events between looks at Ctrl-C */

/* ---------------------------------------------------------------- begin and end ---- */

static void drop(void *data)
{
    struct run_session *s = data;

    replay_free(s->play);
    xsi_map_free(s->map);
    free(s);
}

static void fail_begin(struct debug *d, const struct xsi_error *err)
{
    debug_fail(d, CLI_OPERATIONAL, "the restore cannot begin: %s", err->text);
}

static struct replay *new_play(struct debug *d)
{
    struct xsi_error err = { 0, "out of memory" };
    struct xsi_source *src = xsi_plan_source(d->plan);
    struct replay *play = src ? replay_new(src, &d->reader, &err) : NULL;

    if (!play)
        fail_begin(d, &err);
    return play;
}

static struct xsi_map *new_map(struct debug *d)
{
    const struct xsi_map_options how = { .as = d->options->as, .scan = d->scan, .unfolded = true };
    struct xsi_error err = { 0, "out of memory" };
    struct xsi_map *map = xsi_map_new(xsi_plan_source(d->plan), &how, &err);

    if (!map)
        debug_fail(d, CLI_OPERATIONAL, "%s: %s", d->file, err.text);
    return map;
}

/* Runs the whole restore without a word. False after Ctrl-C or a fault. */
static bool look_ahead(struct debug *d, struct run_session *s)
{
    const struct replay_future *f = &s->play->future;
    const struct xsi_map_row *row;
    int rc;

    while ((rc = replay_ahead(s->play, SLICE)) > 0 && !debug_stopped(d))
        ;
    if (rc) {
        debug_fail(d, rc < 0 ? CLI_OPERATIONAL : DEBUG_CANCELLED,
                   rc < 0 ? "the image cannot be read" : "stopped");
        return false;
    }
    row = xsi_map_at(s->map, f->verdict.where);
    replay_decide(s->play, row && (!f->bad_read || row != xsi_map_at(s->map, f->bad_offset)));
    return true;
}

struct run_session *run_restart(struct debug *d)
{
    struct run_session *s = d->run.data;
    struct xsi_error err;

    if (!s)
        return run_open(d);
    if (!replay_again(s->play, &err)) {
        fail_begin(d, &err);
        return NULL;
    }
    s->row = s->before = NULL;
    s->shown = 0;
    run_points_reset(d);
    return s;
}

struct run_session *run_open(struct debug *d)
{
    struct run_session *s = d->run.data;

    if (s)
        return s;
    if (!d->has_reader) {
        debug_fail(d, CLI_USAGE,
                   "no reader takes this image as it is; name one: reader xen-4.5 (`info readers` "
                   "lists them)");
        return NULL;
    }
    s = calloc(1, sizeof(*s));
    if (!s) {
        debug_fail(d, CLI_OPERATIONAL, "out of memory");
        return NULL;
    }
    s->map = new_map(d);
    s->play = s->map ? new_play(d) : NULL;
    if (s->play && look_ahead(d, s)) {
        d->run = (struct debug_slot){ s, drop };
        run_points_reset(d);
        return s;
    }
    drop(s);
    return NULL;
}

/* ---------------------------------------------------------------- one read ---- */

/* Everything but a read. */
static void show_event(struct debug *d, struct run_session *s, const struct xsi_run_event *ev,
                       bool tell)
{
    if ((ev->kind == XSI_RUN_CALL || ev->kind == XSI_RUN_STATE) && tell)
        run_show_event(d, ev);
    if (ev->kind != XSI_RUN_LOG)
        return;
    if (s->shown++ < RUN_SHOWN)
        run_show_log(d, ev->level, ev->who, ev->text);
    else if (s->shown == RUN_SHOWN + 1)
        fprintf(d->term.out, "  ... more lines; `log` shows them\n");
}

bool run_step(struct debug *d, struct run_session *s, bool tell, bool facts)
{
    struct xsi_run_event ev;

    s->play->errors = false;
    while (replay_event(s->play, facts, &ev)) {
        if (replay_is_read(&ev)) {
            s->before = s->row;
            s->row = xsi_map_at(s->map, ev.offset);
            return true;
        }
        show_event(d, s, &ev, tell);
    }
    return false;
}

void run_settle(struct debug *d, struct run_session *s, bool tell)
{
    struct xsi_run_event ev;

    while (replay_pending(s->play, &ev))
        show_event(d, s, &ev, tell);
}

/* Goes to the read in front of it, so that this one is as if stepped to. */
bool run_to(struct debug *d, struct run_session *s, uint64_t number)
{
    struct xsi_error err = { 0, "" };
    int rc;

    while ((rc = replay_to(s->play, number - 1, SLICE, &err)) > 0 && !debug_stopped(d))
        ;
    if (rc < 0)
        fail_begin(d, &err);
    else if (rc > 0)
        debug_fail(d, DEBUG_CANCELLED, "stopped at read %" PRIu64, s->play->reads);
    s->row = s->play->reads ? xsi_map_at(s->map, s->play->read.offset) : NULL;
    if (rc || !run_step(d, s, false, true))
        return false;
    run_points_look(d, s);
    return true;
}
