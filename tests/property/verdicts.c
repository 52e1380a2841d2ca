/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts do not depend on how a reader is driven: alone and step by step, or beside a walk with
 * all the others; from memory or from a pipe. Reads are in sequence and stay within the image, the
 * verdict is complete, and damaged images end too.
 */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS_MAX = 4000000, LIMIT_SECONDS = 240, PIPE_MAX = 3 << 20 };

static const char *const all[] = { "all" };

/* Brings a judge and its walk to their end; the judge is the caller's. */
static struct xsi_judge *judge_all(struct xsi_walk *walk)
{
    struct xsi_error err = { 0 };
    struct xsi_judge *judge = xsi_judge_new(walk, all, 1, NULL, &err);
    struct xsi_event ev;

    while (judge && xsi_judge_advance(judge, false) == 0 && xsi_walk_next(walk, &ev) > 0)
        ;
    if (judge)
        assert_int_equal(xsi_judge_advance(judge, true), 0);
    return judge;
}

static void same(const struct xsi_verdict *a, const struct xsi_verdict *b, const char *how)
{
    if (a->outcome != b->outcome || a->returned != b->returned || a->rc != b->rc ||
        a->consumed != b->consumed || a->stopped != b->stopped || a->pages != b->pages ||
        a->vcpus_set != b->vcpus_set || a->hvmctx_len != b->hvmctx_len ||
        a->qemu_bytes != b->qemu_bytes || a->checkpoints != b->checkpoints ||
        a->error_count != b->error_count || a->finding_count != b->finding_count ||
        a->condition_count != b->condition_count || strcmp(a->reason, b->reason) != 0)
        fail_msg("%s, %s: outcome %d and %d, rc %" PRId64 " and %" PRId64 ", consumed %" PRIu64
                 " and %" PRIu64 ", pages %" PRId64 " and %" PRId64 ": %s / %s",
                 a->reader.name, how, a->outcome, b->outcome, a->rc, b->rc, a->consumed,
                 b->consumed, a->pages, b->pages, a->reason, b->reason);
    for (size_t i = 0; i < a->error_count; i++)
        assert_string_equal(a->errors[i], b->errors[i]);
}

static void complete(const struct xsi_verdict *v, uint64_t length)
{
    assert_true(v->consumed <= length);
    assert_true(v->stopped <= length);
    assert_true(v->reason[0] != '\0');
    if (v->outcome == XSI_RESTORES)
        assert_true(v->returned && v->rc == 0);
    if (v->outcome == XSI_LOSES)
        assert_true(v->loses[0] != '\0');
    if (!v->returned && v->outcome != XSI_UNDEFINED)
        assert_non_null(v->fate);
    for (size_t i = 0; i < v->finding_count; i++)
        assert_non_null(xsi_finding_lookup(v->findings[i].row->code));
}

/* Step through one reader: its reads follow each other. */
static void alone(const struct image *image, const struct xsi_verdict *judged)
{
    struct xsi_source *src = xsi_source_memory(image->bytes, image->length);
    struct xsi_error err = { 0 };
    struct xsi_run *run = xsi_run_new(src, &judged->reader, NULL, &err);
    struct xsi_run_event ev = { .kind = XSI_RUN_LOG };
    uint64_t at = UINT64_MAX, events = 0;

    assert_non_null(run);
    while (xsi_run_next(run, &ev) > 0) {
        assert_true(++events < EVENTS_MAX);
        if (ev.kind != XSI_RUN_READ && ev.kind != XSI_RUN_SKIP)
            continue;
        if (at != UINT64_MAX)
            assert_int_equal(ev.offset, at);
        assert_true(ev.got <= ev.length);
        assert_non_null(ev.purpose);
        at = ev.offset + ev.got;
        assert_true(at <= image->length);
    }
    assert_int_equal(ev.kind, XSI_RUN_DONE);
    same(judged, xsi_run_verdict(run), "alone and among others");
    xsi_run_free(run);
    xsi_source_free(src);
}

static void from_pipe(const struct image *image, const struct xsi_judge *judged)
{
    struct xsi_error err = { 0 };
    const struct xsi_verdict *v;
    struct xsi_source *src;
    struct xsi_walk *walk;
    struct xsi_judge *judge;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        for (size_t at = 0; at < image->length;) {
            ssize_t done = write(ends[1], image->bytes + at, image->length - at);

            if (done < 0)
                break;
            at += (size_t)done;
        }
        _exit(0);
    }
    close(ends[1]);
    src = xsi_source_fd(ends[0], NULL, &err);
    walk = xsi_walk_new(src, NULL, &err);
    judge = judge_all(walk);
    assert_non_null(judge);
    for (size_t i = 0; (v = xsi_judge_verdict(judged, i, NULL)); i++)
        same(v, xsi_judge_verdict(judge, i, NULL), "from memory and from a pipe");
    xsi_judge_free(judge);
    xsi_walk_free(walk);
    xsi_source_free(src);
    close(ends[0]);
    waitpid(child, NULL, 0);
}

static void damage(const struct image *image)
{
    size_t rounds = image->length < 1 << 18 ? 1 : 0, length;

    if (!image->length)
        return;
    for (size_t seed = 500; seed < 500 + rounds; seed++) {
        uint8_t *bytes = damaged(image, seed, &length);
        struct xsi_source *src = xsi_source_memory(bytes, length);
        struct xsi_error err = { 0 };
        struct xsi_walk *walk = xsi_walk_new(src, NULL, &err);
        struct xsi_judge *judge = judge_all(walk);
        const struct xsi_verdict *v;
        bool done;

        for (size_t i = 0; judge && (v = xsi_judge_verdict(judge, i, &done)); i++) {
            assert_true(done);
            complete(v, length);
        }
        xsi_judge_free(judge);
        xsi_walk_free(walk);
        xsi_source_free(src);
        free(bytes);
    }
}

static void verdicts(void **state)
{
    const struct image *image = *state;
    struct xsi_source *src = xsi_source_memory(image->bytes, image->length);
    struct xsi_error err = { 0 };
    struct xsi_walk *walk = xsi_walk_new(src, NULL, &err);
    struct xsi_judge *judge;
    const struct xsi_verdict *v;
    bool done;

    alarm(LIMIT_SECONDS);
    judge = judge_all(walk);
    for (size_t i = 0; judge && (v = xsi_judge_verdict(judge, i, &done)); i++) {
        assert_true(done);
        complete(v, image->length);
        if (i % 3 == image->length % 3) /* a third of the readers each time: it is slow */
            alone(image, v);
    }
    if (judge && image->length < PIPE_MAX)
        from_pipe(image, judge);
    xsi_judge_free(judge);
    xsi_walk_free(walk);
    xsi_source_free(src);
    damage(image);
    alarm(0);
}

int main(int argc, char **argv)
{
    return property_main("verdicts", argc, argv, verdicts);
}
