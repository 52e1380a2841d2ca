/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The output into a descriptor or a new file; what lies in the image is moved by the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../edit/write.h"
#include "internal.h"

struct writing {
    struct xsi_convert *c;
    struct xsi_target *t;
    const char *reader; /* judge the output for it; NULL: no */
    struct xsi_converted *result;
    uint64_t done; /* output that was written */
};

/* ---- pages that the medium cannot read ---- */

/* The n last bytes of a page: what stands in front of them is out already. */
static int zero_page(struct writing *w, uint64_t pfn, uint64_t offset, size_t n,
                     struct xsi_error *err)
{
    static const uint8_t zeros[XSI_PAGE_SIZE];
    char text[160];

    (void)snprintf(text, sizeof(text),
                   "filled with zeros: the page of PFN 0x%llx, which cannot be read at 0x%llx",
                   (unsigned long long)pfn, (unsigned long long)offset);
    xsi_convert_add_note(w->c, text);
    return xsi_target_bytes(w->t, zeros, n, err);
}

/* A segment of pages, page by page, from byte `from` of it on (which may lie inside a page). */
static int by_pages(struct writing *w, const struct xsi_segment *s, uint64_t from,
                    struct xsi_error *err)
{
    uint8_t page[XSI_PAGE_SIZE];
    int rc = 0;

    while (!rc && from < s->length) {
        size_t n = XSI_PAGE_SIZE - (size_t)(from % XSI_PAGE_SIZE);
        ssize_t got = xsi_source_read(w->c->src, page, n, s->offset + from);

        if (got == (ssize_t)n)
            rc = xsi_target_bytes(w->t, page, n, err);
        else
            rc = zero_page(w, s->pfn[from / XSI_PAGE_SIZE], s->offset + from, n, err);
        from += n;
    }
    return rc;
}

/* ---- segments ---- */

/* A range of the input: through what was laid over the file, down to the file. */
static int send_range(struct writing *w, uint64_t offset, uint64_t length, struct xsi_error *err)
{
    int rc = 0;

    while (!rc && length) {
        const struct xsi_source *src = w->c->src;
        uint64_t at = offset, n = length, below, left;
        bool own = false;

        while (!own && src->ops->origin) {
            own = !src->ops->origin(src, at, &below, &left);
            n = n < left ? n : left;
            if (!own) {
                at = below;
                src = src->below;
            }
        }
        if (!own && src == w->t->base) {
            rc = xsi_target_copy(w->t, at, n, err);
        } else {
            ssize_t got;

            n = n < XSI_COPY_BUFFER ? n : XSI_COPY_BUFFER;
            got = xsi_source_read(w->c->src, w->t->buffer, (size_t)n, offset);
            if (got <= 0)
                return got ? (*err = *xsi_source_error(w->c->src), (int)got)
                           : xsi_source_fault(err, ESTALE, "the image became shorter just now");
            n = (uint64_t)got;
            rc = xsi_target_bytes(w->t, w->t->buffer, (size_t)n, err);
        }
        offset += n;
        length -= n;
    }
    return rc;
}

static int put(struct writing *w, const struct xsi_segment *s, struct xsi_error *err)
{
    uint64_t began = w->t->at;
    int rc;

    if (s->bytes)
        return xsi_target_bytes(w->t, s->bytes, (size_t)s->length, err);
    rc = send_range(w, s->offset, s->length, err);
    if (rc == -EIO && s->pfn) {
        *err = (struct xsi_error){ 0 };
        rc = by_pages(w, s, w->t->at - began, err);
    }
    return rc;
}

/* Whole segments that end at or before `until`. */
static int flush(struct writing *w, uint64_t until, struct xsi_error *err)
{
    const struct xsi_segment *s;
    int rc = 0;

    while (!rc && (s = xsi_queue_at(&w->c->queue, w->done)) && s->at + s->length <= until) {
        uint64_t end = s->at + s->length;

        rc = put(w, s, err);
        w->done = end;
        if (w->t->stoppable && xsi_signals_waiting())
            rc = rc ? rc : xsi_source_fault(err, EINTR, "interrupted");
        if (!w->reader)
            xsi_queue_drop(&w->c->queue, end);
        else if (end > XSI_HELD_BACK)
            xsi_queue_drop(&w->c->queue, end - XSI_HELD_BACK);
    }
    return rc;
}

static int plain(struct writing *w, struct xsi_error *err)
{
    int rc, wrong = 0;

    do {
        rc = xsi_convert_produce(w->c);
        if (rc < 0)
            *err = w->c->error;
        else
            wrong = flush(w, w->c->queue.end, err);
    } while (rc > 0 && !wrong);
    return wrong ? wrong : rc;
}

/* ---- judged in the same pass ---- */

/* What Xen will not take of the guest's state is so in any form of the stream, and only told. */
static bool stops(const struct xsi_verdict *v)
{
    return v && v->outcome == XSI_FAILS && !v->by_xen;
}

static int objects(const struct xsi_verdict *v, struct xsi_error *err)
{
    char reason[400];

    (void)xsi_escape(reason, sizeof(reason), v->reason, strlen(v->reason));
    return xsi_source_fault(err, EBADMSG,
                            "%s would not restore the output: %.160s; it was left without its end",
                            v->reader.name, reason);
}

static int judged(struct writing *w, struct xsi_error *err)
{
    struct xsi_walk *walk = xsi_walk_new(&w->c->output.src, NULL, err);
    const char *name = w->reader;
    struct xsi_run_options domain = xsi_convert_domain(w->c);
    struct xsi_judge *judge =
        walk ? xsi_judge_new(walk, name[0] ? &name : NULL, name[0] ? 1 : 0, &domain, err) : NULL;
    const struct xsi_verdict *v = NULL;
    struct xsi_event ev;
    bool complete = false;
    int rc = !walk || (!judge && err->code) ? -err->code : 1;

    while (rc > 0) {
        rc = judge ? xsi_judge_advance(judge, false) : 0;
        v = judge ? xsi_judge_verdict(judge, 0, &complete) : NULL;
        if (!rc && complete && stops(v))
            rc = objects(v, err);
        if (!rc)
            rc = flush(w, xsi_walk_position(walk), err);
        if (!rc)
            rc = xsi_walk_next(walk, &ev);
        if (rc > 0)
            xsi_converted_finding(w->result, &ev);
    }
    if (!rc && judge)
        rc = xsi_judge_advance(judge, true);
    v = judge ? xsi_judge_verdict(judge, 0, &complete) : NULL;
    xsi_converted_verdict(w->result, v);
    if (w->c->error.code) { /* what the walk met is its echo */
        *err = w->c->error;
        rc = -err->code;
    }
    if (!rc && stops(v))
        rc = objects(v, err);
    if (!rc)
        rc = flush(w, UINT64_MAX, err);
    if (rc < 0 && !err->code)
        (void)xsi_source_fault(err, -rc, "the output cannot be judged: %s", strerror(-rc));
    xsi_judge_free(judge);
    xsi_walk_free(walk);
    return rc;
}

/* ---- the two targets ---- */

/* "… -o - >>IMAGE" would feed on itself. */
static int not_itself(struct xsi_convert *c, int fd, struct xsi_error *err)
{
    struct stat out, in;

    if (fstat(fd, &out) || (!S_ISREG(out.st_mode) && !S_ISBLK(out.st_mode)) ||
        !xsi_source_stat(c->src, &in) || !xsi_same_place(&out, &in))
        return 0;
    return xsi_source_fault(err, EEXIST, "the output is the image itself; write to another file");
}

static int fill(struct xsi_target *t, void *arg, struct xsi_error *err)
{
    struct writing *w = arg;
    struct stat then;
    bool known = xsi_source_stat(w->c->src, &then);
    int rc;

    w->t = t;
    w->c->hold = true;
    rc = w->reader ? judged(w, err) : plain(w, err);
    w->c->hold = false;
    w->result->size = w->c->queue.end;
    return !rc && known ? xsi_source_still(w->c->src, &then, err) : rc;
}

static void from(struct xsi_target *t, struct xsi_convert *c)
{
    const struct xsi_source *lowest = xsi_source_lowest(c->src);

    t->base = (struct xsi_source *)(uintptr_t)lowest;
    t->image = xsi_source_copy_fd(lowest, &t->first);
}

static int start_over(struct xsi_convert *c, struct xsi_error *err)
{
    int rc = c->phase != XSI_CONVERT_FRESH && c->seekable ? xsi_convert_rewind(c) : 0;

    if (!rc && c->error.code)
        rc = -c->error.code;
    if (rc)
        *err = c->error;
    return rc;
}

int xsi_convert_write(struct xsi_convert *c, int fd, const char *reader,
                      struct xsi_converted *result, struct xsi_written *written,
                      struct xsi_error *err)
{
    struct xsi_target t = { .fd = fd, .name = "the output" };
    struct xsi_converted unused;
    struct writing w = { .c = c, .reader = reader, .result = result ? result : &unused };
    double began = xsi_seconds();
    struct xsi_signals signals;
    int rc;

    *err = (struct xsi_error){ 0 };
    *w.result = (struct xsi_converted){ 0 };
    *written = (struct xsi_written){ 0 };
    rc = start_over(c, err);
    if (!rc)
        rc = not_itself(c, fd, err);
    if (rc)
        return rc;
    from(&t, c);
    rc = xsi_target_start(&t, err);
    if (rc)
        return rc;
    xsi_signals_hold(&signals, false);
    rc = fill(&t, &w, err);
    xsi_signals_release(&signals);
    free(t.buffer);
    written->bytes = t.at;
    written->seconds = xsi_seconds() - began;
    return rc;
}

int xsi_convert_file(struct xsi_convert *c, const char *out, const char *reader,
                     struct xsi_converted *result, struct xsi_written *written,
                     struct xsi_error *err)
{
    struct xsi_target t = { 0 };
    struct xsi_converted unused;
    struct writing w = { .c = c, .reader = reader, .result = result ? result : &unused };
    double began = xsi_seconds();
    int rc;

    *err = (struct xsi_error){ 0 };
    *w.result = (struct xsi_converted){ 0 };
    *written = (struct xsi_written){ 0 };
    rc = start_over(c, err);
    if (rc)
        return rc;
    from(&t, c);
    rc = xsi_write_new(out, &t, fill, &w, err);
    written->bytes = t.at;
    written->seconds = xsi_seconds() - began;
    return rc;
}
