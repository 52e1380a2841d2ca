/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Driving the model of a reader, read by read. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay.h"

#define NEAR_END 8 /* reads before the end whose facts are always kept: parts return behind them */

/* ---------------------------------------------------------------- begin and end ---- */

static void forget_lines(struct replay *r)
{
    for (size_t i = 0; i < REPLAY_LINES; i++) {
        free(r->line[i].text);
        r->line[i].text = NULL;
    }
    r->lines = 0;
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    xsi_run_free(r->run);
    xsi_run_free(r->ahead);
    forget_lines(r);
    free(r);
}

struct replay *replay_new(struct xsi_source *src, const struct xsi_reader *reader,
                          struct xsi_error *err)
{
    struct replay *r = calloc(1, sizeof(*r));

    if (!r) {
        *err = (struct xsi_error){ ENOMEM, "out of memory; free some and try again" };
        return NULL;
    }
    r->src = src;
    r->reader = *reader;
    if (replay_again(r, err))
        return r;
    replay_free(r);
    return NULL;
}

bool replay_again(struct replay *r, struct xsi_error *err)
{
    struct xsi_run *run = xsi_run_new(r->src, &r->reader, NULL, err);

    if (!run)
        return false;
    xsi_run_free(r->run);
    r->run = run;
    r->reads = 0;
    r->over = r->errors = false;
    for (size_t i = 0; i < r->parts; i++)
        r->part[i].old = true;
    forget_lines(r);
    return true;
}

/* ---------------------------------------------------------------- looking ahead ---- */

bool replay_is_read(const struct xsi_run_event *ev)
{
    return (ev->kind == XSI_RUN_READ || ev->kind == XSI_RUN_SKIP) && ev->length;
}

/* bad_offset is that of the last read until there is a bad one. */
static void take_ahead(struct replay *r, const struct xsi_run_event *ev)
{
    struct replay_future *f = &r->future;

    if (replay_is_read(ev)) {
        f->reads++;
        if (!f->bad_read)
            f->bad_offset = ev->offset;
        return;
    }
    replay_names(r);
    if (ev->kind == XSI_RUN_LOG && ev->level == XSI_LOG_ERROR && !f->bad_read && f->reads) {
        f->bad_read = f->reads;
        f->who = ev->who;
        memcpy(f->error, ev->text, sizeof(f->error));
    }
}

int replay_ahead(struct replay *r, unsigned events)
{
    struct replay_future *f = &r->future;
    struct xsi_run_event ev;
    struct xsi_error err;
    int rc = 1;

    if (f->known)
        return 0;
    if (!r->ahead)
        r->ahead = xsi_run_new(r->src, &r->reader, NULL, &err);
    if (!r->ahead)
        return -err.code;
    while (events-- && (rc = xsi_run_next(r->ahead, &ev)) > 0)
        take_ahead(r, &ev);
    if (rc)
        return rc;
    f->verdict = *xsi_run_verdict(r->ahead);
    if (f->verdict.outcome == XSI_RESTORES || f->verdict.outcome == XSI_LOSES) {
        f->bad_read = 0;
        f->error[0] = '\0';
    }
    return 0;
}

/*
 * The read that goes wrong is the one behind which the first error is logged. Bytes elsewhere that
 * the verdict is about are a stop of their own. With neither, it is the last read.
 */
void replay_decide(struct replay *r, bool elsewhere)
{
    struct replay_future *f = &r->future;

    f->has_where = f->verdict.outcome != XSI_RESTORES && elsewhere;
    if (f->verdict.outcome != XSI_RESTORES && !f->bad_read && !f->has_where)
        f->bad_read = f->reads; /* where the process ended */
    f->where = f->verdict.where;
    f->known = true;
    xsi_run_free(r->ahead);
    r->ahead = NULL;
}

const char *replay_wrong(const struct replay *r)
{
    const struct replay_future *f = &r->future;
    uint64_t offset = r->read.offset, got = r->read.got;

    if (!f->known || !r->reads)
        return "";
    if (r->reads == f->bad_read)
        return f->has_where && got == r->read.length ? "the first error line follows this read"
                                                     : "this read goes wrong";
    if (f->has_where && (offset == f->where || (f->where > offset && f->where - offset < got)))
        return "the verdict is about bytes of this read";
    return "";
}

/* ---------------------------------------------------------------- one event ---- */

static void keep_line(struct replay *r, const struct xsi_run_event *ev)
{
    struct replay_line *line = &r->line[r->lines++ % REPLAY_LINES];

    free(line->text);
    *line = (struct replay_line){ ev->level, ev->who, strdup(ev->text), r->reads };
}

static void take_event(struct replay *r, const struct xsi_run_event *ev, bool facts)
{
    if (replay_is_read(ev)) {
        if (!r->reads++)
            r->begin = ev->offset;
        r->read = *ev;
        if (facts || r->reads + NEAR_END > r->future.reads)
            replay_facts(r);
        return;
    }
    replay_facts(r);
    r->over = ev->kind == XSI_RUN_DONE;
    if (ev->kind == XSI_RUN_LOG) {
        r->errors |= ev->level == XSI_LOG_ERROR;
        keep_line(r, ev);
    }
}

bool replay_event(struct replay *r, bool facts, struct xsi_run_event *ev)
{
    if (r->over)
        return false;
    if (xsi_run_next(r->run, ev) <= 0) {
        r->over = true;
        return false;
    }
    take_event(r, ev, facts);
    return true;
}

bool replay_pending(struct replay *r, struct xsi_run_event *ev)
{
    return !r->over && xsi_run_pending(r->run) && replay_event(r, false, ev);
}

int replay_to(struct replay *r, uint64_t number, unsigned events, struct xsi_error *err)
{
    struct xsi_run_event ev;

    if ((number < r->reads || (r->over && number <= r->reads)) && !replay_again(r, err))
        return -err->code;
    while (events-- && !r->over) {
        /* it stands at the read; what waits is its consequence */
        if (r->reads == number && !replay_pending(r, &ev))
            return 0;
        if (r->reads != number)
            (void)replay_event(r, r->reads + 2 >= number, &ev);
    }
    return !r->over;
}

int replay_on(struct replay *r, unsigned events)
{
    struct xsi_run_event ev;

    while (events-- && !r->over) {
        bool facts = r->future.has_where || r->reads + 2 >= r->future.bad_read;

        if (!replay_event(r, facts, &ev) || !replay_is_read(&ev) || !*replay_wrong(r))
            continue;
        while (replay_pending(r, &ev))
            ;
        return 0;
    }
    return !r->over;
}

/* ---------------------------------------------------------------- the last read ---- */

uint64_t replay_focus(const struct replay *r)
{
    uint64_t where = r->future.where, from = r->read.offset;

    return r->future.has_where && where > from && where - from < r->read.got ? where : from;
}

size_t replay_bytes(const struct replay *r, uint64_t from, uint8_t *bytes, size_t max)
{
    uint64_t left = r->read.got - (from - r->read.offset);
    size_t want = left < max ? (size_t)left : max;
    ssize_t n = xsi_source_read(r->src, bytes, want, from);

    return n > 0 ? (size_t)n : 0;
}

bool replay_count(const struct replay *r, const struct xsi_map_row *row, int32_t *number,
                  char *words, size_t size)
{
    struct xsi_count known;
    uint8_t b[4];
    int32_t n;

    if (r->read.kind != XSI_RUN_READ || r->read.length != 4 || r->read.got != 4 ||
        !strstr(r->read.purpose, "batch size") || replay_bytes(r, r->read.offset, b, 4) != 4)
        return false;
    n = (int32_t)((uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                  (uint32_t)b[3] << 24);
    *number = n;
    if (!words)
        return true;
    /* a row whose id this is, or a batch: nothing that has to be explained */
    if (row && row->offset == r->read.offset && row->has_id && row->id == n)
        snprintf(words, size, "%" PRId32 ", the id of %s", n, row->type);
    else if (n > 0 && n <= 1024 && !xsi_count_lookup((uint32_t)n, &known))
        snprintf(words, size, "%" PRId32 " entries in a batch", n);
    else if (!n)
        snprintf(words, size, "0, the end of the batches");
    else
        xsi_explain_count((uint32_t)n, words, size);
    return true;
}

/* ---------------------------------------------------------------- the end ---- */

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

char *replay_result(const struct xsi_verdict *v, char *out, size_t size)
{
    char how[100], model[60] = "";

    if (v->returned)
        snprintf(how, sizeof(how), "rc %" PRId64 " after %" PRIu64 " bytes of its stream", v->rc,
                 v->consumed);
    else
        snprintf(how, sizeof(how), "%s", v->fate ? v->fate : "it does not return");
    if (v->qemu_bytes >= 0)
        snprintf(model, sizeof(model), ", %" PRId64 " bytes of device-model state", v->qemu_bytes);
    snprintf(out, size,
             "%s; stopped at 0x%" PRIx64 "; %u checkpoint%s, %" PRId64 " page%s, %" PRId64
             " vCPU%s set%s",
             how, v->stopped, v->checkpoints, plural(v->checkpoints), v->pages, plural(v->pages),
             v->vcpus_set, plural(v->vcpus_set), model);
    return out;
}
