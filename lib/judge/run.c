/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One reader at work. A handler of its model leaves a wish (read so many bytes, call another
 * model, …); the run grants it from the view and calls the handler that was named. So a model
 * is never inside a read, and a file, a pipe, a debugger and a browser drive it alike.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

static struct xsi_call *top(struct xsi_run *r)
{
    return &r->call[r->depth - 1];
}

struct xsi_run_event *xsi_run_event(struct xsi_run *r, enum xsi_run_kind kind)
{
    struct xsi_run_event *ev;

    if (r->quiet || r->queue_count >= XSI_RUN_EVENTS)
        return NULL;
    if (r->queue_count == r->queue_capacity) {
        size_t capacity = r->queue_capacity ? 2 * r->queue_capacity : 16;
        struct xsi_run_event *larger = realloc(r->queue, capacity * sizeof(*larger));

        if (!larger)
            return NULL;
        r->queue = larger;
        r->queue_capacity = capacity;
    }
    ev = &r->queue[r->queue_count++];
    memset(ev, 0, sizeof(*ev));
    ev->kind = kind;
    ev->who = r->depth ? top(r)->model->who : "";
    ev->offset = r->pos;
    return ev;
}

/* ---- wishes ---- */

static void wish(struct xsi_run *r, enum xsi_wish kind, uint64_t offset, uint64_t length,
                 const char *purpose, xsi_then *then)
{
    r->wish = kind;
    r->offset = offset;
    r->length = length;
    r->purpose = purpose;
    r->then = then;
}

void xsi_run_need(struct xsi_run *r, uint64_t length, const char *purpose, xsi_then *then)
{
    wish(r, XSI_WISH_NEED, r->pos, length, purpose, then);
}

void xsi_run_skip(struct xsi_run *r, uint64_t length, const char *purpose, xsi_then *then)
{
    wish(r, XSI_WISH_SKIP, r->pos, length, purpose, then);
}

void xsi_run_look(struct xsi_run *r, uint64_t offset, size_t length, xsi_then *then)
{
    wish(r, XSI_WISH_LOOK, offset, length, NULL, then);
}

void xsi_run_call(struct xsi_run *r, const struct xsi_model *model, xsi_then *then)
{
    wish(r, XSI_WISH_CALL, 0, 0, NULL, then);
    r->callee = model;
}

void xsi_run_back(struct xsi_run *r, int64_t rc)
{
    wish(r, XSI_WISH_BACK, 0, 0, NULL, NULL);
    r->rc = rc;
}

void xsi_run_end(struct xsi_run *r)
{
    wish(r, XSI_WISH_END, 0, 0, NULL, NULL);
}

/* ---- granting ---- */

/*
 * Bytes of [offset, offset + length) that exist. False: a pipe has not brought enough to tell.
 * Never reads a pipe further than the walk keeps.
 */
static bool extent(struct xsi_run *r, uint64_t offset, uint64_t length, bool finish, uint64_t *got)
{
    struct xsi_view *v = r->shared->view;
    uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
    size_t have;

    if (r->sized) {
        *got = offset >= r->size ? 0 : length < r->size - offset ? length : r->size - offset;
        return true;
    }
    if (!v->ended && end > v->floor && end - v->floor <= XSI_RETAIN_MAX)
        (void)xsi_view_peek(v, end - 1, 1, &have);
    *got = length;
    if (v->ended)
        *got = offset >= v->end ? 0 : length < v->end - offset ? length : v->end - offset;
    else if (end > v->floor && end - v->floor > XSI_RETAIN_MAX)
        return finish; /* as far as anybody can tell it is there */
    return true;
}

/* Bytes for the model; the view's own record of faults stays the walk's. */
static const uint8_t *fetch(struct xsi_run *r, uint64_t offset, uint64_t length, size_t *have)
{
    struct xsi_view *v = r->shared->view;
    bool faulty = v->faulty;
    int code = v->fault_code;
    uint64_t at = v->fault_at;
    size_t want = length < XSI_NEED_MAX ? (size_t)length : XSI_NEED_MAX;
    const uint8_t *p;

    *have = 0;
    r->read_errno = 0;
    if (!want)
        return (const uint8_t *)"";
    v->faulty = false;
    p = xsi_view_peek(v, offset, want, have);
    if (v->faulty && *have < want)
        r->read_errno = -v->fault_code;
    if (r->sized) {
        v->faulty = faulty;
        v->fault_code = code;
        v->fault_at = at;
    } else {
        v->faulty = v->faulty || faulty;
    }
    return p;
}

static void read_event(struct xsi_run *r, enum xsi_run_kind kind, uint64_t got)
{
    struct xsi_run_event *ev = xsi_run_event(r, kind);

    if (!ev)
        return;
    ev->length = r->length;
    ev->got = got;
    ev->purpose = r->purpose;
}

static void handle(struct xsi_run *r, xsi_then *then, const uint8_t *p, uint64_t got)
{
    r->wish = XSI_WISH_NONE;
    then(r, top(r)->state, p, got);
    if (r->wish == XSI_WISH_NONE) {
        xsi_run_undefined(r, "the model of %s does not say how it goes on", top(r)->model->who);
        r->wish = XSI_WISH_END;
    }
}

static bool grant_need(struct xsi_run *r, bool finish)
{
    uint64_t length = r->length, got = 0;
    size_t have = 0;
    const uint8_t *p;

    if (length && !extent(r, r->pos, length, finish, &got))
        return false;
    if (length && !r->sized && r->pos < r->shared->view->floor) {
        xsi_run_undefined(r, "a pipe cannot go back to 0x%llx, where %s reads: give the file",
                          (unsigned long long)r->pos, top(r)->model->who);
        return true;
    }
    p = fetch(r, r->pos, got, &have);
    if (got <= XSI_NEED_MAX || r->read_errno)
        got = have;
    read_event(r, XSI_RUN_READ, got);
    r->pos += got;
    r->stalls = got ? 0 : r->stalls + 1;
    handle(r, r->then, p, got);
    return true;
}

static bool grant_skip(struct xsi_run *r, bool finish)
{
    uint64_t got;

    if (!extent(r, r->pos, r->length, finish, &got))
        return false;
    r->read_errno = 0;
    read_event(r, XSI_RUN_SKIP, got);
    r->pos += got;
    r->stalls = got ? 0 : r->stalls + 1;
    handle(r, r->then, NULL, got);
    return true;
}

static void grant_look(struct xsi_run *r)
{
    const struct xsi_view *v = r->shared->view;
    bool gone = !r->sized && r->offset < v->floor;
    size_t have = 0;
    const uint8_t *p = NULL;

    if (!gone)
        p = fetch(r, r->offset, r->length, &have);
    handle(r, r->then, p, have);
}

static void enter(struct xsi_run *r, const struct xsi_model *model, xsi_then *then)
{
    struct xsi_call *call;

    if (r->depth == XSI_RUN_DEPTH || !model) {
        xsi_run_undefined(r, "no model for what is called here");
        return;
    }
    call = &r->call[r->depth++];
    call->model = model;
    call->then = then;
    call->state = calloc(1, model->state_size ? model->state_size : 1);
    if (!call->state) {
        xsi_run_undefined(r, "out of memory");
        return;
    }
    (void)xsi_run_event(r, XSI_RUN_CALL);
    r->wish = XSI_WISH_NONE;
    model->start(r, call->state);
    if (r->wish == XSI_WISH_NONE)
        xsi_run_undefined(r, "the model of %s does not say how it begins", model->who);
}

static void leave(struct xsi_run *r)
{
    struct xsi_call *call = top(r);

    if (call->state && call->model->free)
        call->model->free(call->state);
    free(call->state);
    r->depth--;
}

static void grant_back(struct xsi_run *r)
{
    xsi_then *then = top(r)->then;
    int64_t rc = r->rc;

    leave(r);
    if (!r->depth) {
        if (!r->restored) {
            r->verdict.rc = rc;
            r->verdict.returned = true;
        }
        r->wish = XSI_WISH_END;
        return;
    }
    if (then)
        handle(r, then, NULL, (uint64_t)rc);
    else
        xsi_run_back(r, rc); /* it had handed over */
}

/* One wish. False: it must wait for the pipe. */
static bool grant(struct xsi_run *r, bool finish)
{
    const struct xsi_model *callee = r->callee;

    if (++r->stalls > XSI_RUN_STALLS)
        xsi_run_undefined(r, "the model of %s does not come to an end", top(r)->model->who);
    switch (r->wish) {
    case XSI_WISH_NEED:
        return grant_need(r, finish);
    case XSI_WISH_SKIP:
        return grant_skip(r, finish);
    case XSI_WISH_LOOK:
        grant_look(r);
        return true;
    case XSI_WISH_CALL:
        enter(r, callee, r->then);
        return true;
    case XSI_WISH_BACK:
        grant_back(r);
        return true;
    default:
        while (r->depth)
            leave(r);
        xsi_run_settle(r);
        (void)xsi_run_event(r, XSI_RUN_DONE);
        r->done = true;
        return true;
    }
}

static void begin(struct xsi_run *r)
{
    bool bare = r->reader.variant & XSI_READER_LIBXC;
    const struct xsi_model *model = bare ? r->shared->inner : r->shared->outer;

    r->started = true;
    if (bare)
        r->pos = r->shared->stream_start;
    /* where nothing was recognised, the reader that was named takes it for its stream */
    enter(r, model ? model : xsi_reader_model(&r->reader), NULL);
}

int xsi_run_advance(struct xsi_run *r, uint64_t limit, bool finish)
{
    if (!r->started)
        begin(r);
    while (!r->done) {
        bool reads = r->wish == XSI_WISH_NEED || r->wish == XSI_WISH_SKIP;

        if (reads && r->pos >= limit)
            return 0;
        if (!grant(r, finish))
            return 0;
    }
    return 1;
}

int xsi_run_next(struct xsi_run *r, struct xsi_run_event *ev)
{
    if (!r->started)
        begin(r);
    while (r->queue_head == r->queue_count) {
        r->queue_head = r->queue_count = 0;
        if (r->done)
            return 0;
        (void)grant(r, true);
    }
    *ev = r->queue[r->queue_head++];
    return 1;
}

/* ---- making and asking ---- */

struct xsi_run *xsi_run_make(struct xsi_shared *shared, const struct xsi_reader *reader,
                             struct xsi_error *err)
{
    struct xsi_run *r = calloc(1, sizeof(*r));

    if (!r) {
        err->code = ENOMEM;
        snprintf(err->text, sizeof(err->text), "out of memory");
        return NULL;
    }
    r->shared = shared;
    r->info = shared->info;
    r->sized =
        xsi_source_seekable(shared->view->src) && xsi_source_size(shared->view->src, &r->size);
    r->reader = *reader;
    r->frames.budget = &shared->budget;
    r->verdict.reader = *reader;
    r->verdict.pages = r->verdict.vcpus_set = 0;
    r->verdict.hvmctx_len = r->verdict.qemu_bytes = -1;
    r->verdict.fix = "";
    return r;
}

struct xsi_run *xsi_run_new(struct xsi_source *src, const struct xsi_reader *reader,
                            const struct xsi_run_options *options, struct xsi_error *err)
{
    struct xsi_shared *shared = calloc(1, sizeof(*shared));
    struct xsi_view *view = calloc(1, sizeof(*view));
    struct xsi_run *r = NULL;

    err->code = 0;
    err->text[0] = '\0';
    if (shared && view) {
        xsi_view_init(view, src);
        shared->view = view;
        (void)xsi_shared_look(shared, NULL, options ? options->guest : XSI_GUEST_UNKNOWN);
        r = xsi_run_make(shared, reader, err);
    } else {
        err->code = ENOMEM;
        snprintf(err->text, sizeof(err->text), "out of memory");
    }
    if (r) {
        r->alone = true;
        return r;
    }
    if (view)
        xsi_view_free(view);
    free(view);
    free(shared);
    return NULL;
}

void xsi_run_free(struct xsi_run *r)
{
    if (!r)
        return;
    while (r->depth)
        leave(r);
    xsi_frames_free(&r->frames);
    free(r->stored);
    free(r->queue);
    if (r->alone) {
        xsi_view_free(r->shared->view);
        free(r->shared->view);
        xsi_shared_free(r->shared);
        free(r->shared);
    }
    free(r);
}

uint64_t xsi_run_position(const struct xsi_run *r)
{
    return r->pos;
}

uint64_t xsi_run_at(const struct xsi_run *r)
{
    return r->pos;
}

const struct xsi_verdict *xsi_run_verdict(const struct xsi_run *r)
{
    return &r->verdict;
}

bool xsi_run_outermost(const struct xsi_run *r)
{
    return r->depth <= 1;
}

const struct xsi_reader *xsi_run_reader(const struct xsi_run *r)
{
    return &r->reader;
}

int xsi_run_errno(const struct xsi_run *r)
{
    return r->read_errno;
}

bool xsi_run_can_look(const struct xsi_run *r)
{
    return r->sized || !r->shared->view->floor;
}

const struct xsi_info *xsi_run_info(const struct xsi_run *r)
{
    return &r->info;
}

bool xsi_run_stacked(const struct xsi_run *r, const char *layer)
{
    for (size_t i = 0; i < r->info.stack_length; i++)
        if (!strncmp(r->info.stack[i], layer, strlen(layer)))
            return true;
    return false;
}

void xsi_run_prepare(struct xsi_run *r, enum xsi_guest guest, uint64_t max_pages)
{
    if (guest != XSI_GUEST_UNKNOWN)
        r->info.guest = guest;
    r->max_pages = max_pages;
}

uint64_t xsi_run_max_pages(const struct xsi_run *r)
{
    return r->max_pages;
}

uint64_t xsi_run_stream_start(const struct xsi_run *r)
{
    return r->shared->stream_start;
}
