/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Driving the model of a reader, read by read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run_session.h"

#define NEAR_END 8 /* reads before the end whose facts are always kept: parts return behind them */

/* ---------------------------------------------------------------- begin and end ---- */

static void forget_lines(struct run_session *s)
{
    for (size_t i = 0; i < RUN_LINES; i++) {
        free(s->line[i].text);
        s->line[i].text = NULL;
    }
    s->lines = s->shown = 0;
}

static void drop(void *data)
{
    struct run_session *s = data;

    xsi_run_free(s->run);
    xsi_map_free(s->map);
    forget_lines(s);
    free(s);
}

static struct xsi_run *new_run(struct debug *d)
{
    struct xsi_error err = { 0, "out of memory" };
    struct xsi_source *src = xsi_plan_source(d->plan);
    struct xsi_run *run = src ? xsi_run_new(src, &d->reader, NULL, &err) : NULL;

    if (!run)
        debug_fail(d, CLI_OPERATIONAL, "the restore cannot begin: %s", err.text);
    return run;
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

/* ---------------------------------------------------------------- looking ahead ---- */

/*
 * The read that goes wrong is the one behind which the first error is logged. A verdict can be
 * about other bytes, which were read before and judged later: those are a stop of their own. With
 * neither, it is the last read.
 */
static void judge_ahead(struct run_session *s, const struct xsi_run_event *bad)
{
    struct run_future *f = &s->future;
    const struct xsi_verdict *v = &f->verdict;
    const struct xsi_map_row *row = xsi_map_at(s->map, v->where);

    if (v->outcome == XSI_RESTORES || v->outcome == XSI_LOSES) {
        f->bad_read = 0;
        f->error[0] = '\0';
    }
    f->has_where = v->outcome != XSI_RESTORES && row &&
                   (!f->bad_read || row != xsi_map_at(s->map, bad->offset));
    if (v->outcome != XSI_RESTORES && !f->bad_read && !f->has_where)
        f->bad_read = f->reads; /* where the process ended */
    f->where = v->where;
}

/* A read of no bytes is none to the kernel either. */
static bool is_read(const struct xsi_run_event *ev)
{
    return (ev->kind == XSI_RUN_READ || ev->kind == XSI_RUN_SKIP) && ev->length;
}

/* Runs the whole restore without a word. False after Ctrl-C or a fault. */
static bool look_ahead(struct debug *d, struct run_session *s)
{
    struct run_future *f = &s->future;
    struct xsi_run_event ev, last = { .kind = XSI_RUN_DONE }, bad = last;
    int rc;

    while ((rc = xsi_run_next(s->run, &ev)) > 0 && !debug_stopped(d)) {
        if (is_read(&ev)) {
            f->reads++;
            last = ev;
        } else {
            run_facts(s); /* so that their names are known */
        }
        if (ev.kind == XSI_RUN_LOG && ev.level == XSI_LOG_ERROR && !f->bad_read && f->reads) {
            f->bad_read = f->reads;
            f->who = ev.who;
            memcpy(f->error, ev.text, sizeof(f->error));
            bad = last;
        }
    }
    if (rc) {
        debug_fail(d, rc < 0 ? CLI_OPERATIONAL : DEBUG_CANCELLED,
                   rc < 0 ? "the image cannot be read" : "stopped");
        return false;
    }
    f->verdict = *xsi_run_verdict(s->run);
    judge_ahead(s, f->bad_read ? &bad : &last);
    return true;
}

const char *run_goes_wrong(const struct run_session *s)
{
    const struct run_future *f = &s->future;
    uint64_t offset = s->read.offset, got = s->read.got;

    if (f->bad_read && s->reads == f->bad_read)
        return f->has_where && got == s->read.length ? "the first error line follows this read"
                                                     : "this read goes wrong";
    if (f->has_where && (offset == f->where || (f->where > offset && f->where - offset < got)))
        return "the verdict is about bytes of this read";
    return "";
}

/* ---------------------------------------------------------------- a session ---- */

struct run_session *run_restart(struct debug *d)
{
    struct run_session *s = d->run.data;
    struct xsi_run *run;

    if (!s)
        return run_open(d);
    run = new_run(d);
    if (!run)
        return NULL;
    xsi_run_free(s->run);
    s->run = run;
    s->reads = 0;
    s->row = s->before = NULL;
    s->over = s->errors = false;
    for (size_t i = 0; i < s->parts; i++)
        s->part[i].old = true;
    forget_lines(s);
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
    s->run = s->map ? new_run(d) : NULL;
    d->run = (struct debug_slot){ s, drop };
    if (s->run && look_ahead(d, s) && run_restart(d))
        return s;
    drop(s);
    d->run = (struct debug_slot){ NULL, NULL };
    return NULL;
}

/* ---------------------------------------------------------------- one read ---- */

static void keep_line(struct run_session *s, const struct xsi_run_event *ev)
{
    struct run_line *line = &s->line[s->lines++ % RUN_LINES];

    free(line->text);
    *line = (struct run_line){ ev->level, ev->who, strdup(ev->text) };
}

/* Everything but a read. */
static void take_event(struct debug *d, struct run_session *s, const struct xsi_run_event *ev,
                       bool tell)
{
    run_facts(s);
    if (ev->kind == XSI_RUN_DONE)
        s->over = true;
    else if ((ev->kind == XSI_RUN_CALL || ev->kind == XSI_RUN_STATE) && tell)
        run_show_event(d, ev);
    if (ev->kind != XSI_RUN_LOG)
        return;
    s->errors |= ev->level == XSI_LOG_ERROR;
    keep_line(s, ev);
    if (s->shown++ < RUN_SHOWN)
        run_show_log(d, ev->level, ev->who, ev->text);
    else if (s->shown == RUN_SHOWN + 1)
        fprintf(d->term.out, "  ... more lines; `log` shows them\n");
}

static void take_read(struct run_session *s, const struct xsi_run_event *ev, bool facts)
{
    s->reads++;
    s->read = *ev;
    s->before = s->row;
    s->row = xsi_map_at(s->map, ev->offset);
    if (facts || s->reads + NEAR_END > s->future.reads)
        run_facts(s);
}

bool run_step(struct debug *d, struct run_session *s, bool tell, bool facts)
{
    struct xsi_run_event ev;

    s->errors = false;
    while (!s->over) {
        if (xsi_run_next(s->run, &ev) <= 0) {
            s->over = true;
            break;
        }
        if (is_read(&ev)) {
            take_read(s, &ev, facts);
            return true;
        }
        take_event(d, s, &ev, tell);
    }
    return false;
}

void run_settle(struct debug *d, struct run_session *s, bool tell)
{
    struct xsi_run_event ev;

    while (!s->over && xsi_run_pending(s->run) && xsi_run_next(s->run, &ev) > 0)
        take_event(d, s, &ev, tell);
}
