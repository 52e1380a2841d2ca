/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine that drives reader models, with a toy model: u32 length, so many bytes, until a
 * length of 0; then a second model reads four bytes more and returns them as its code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/judge/internal.h"

struct toy {
    unsigned items;
};

static xsi_then got_length, got_item, got_look, got_code, got_word;

enum { SHORT, ITEM };
static const struct xsi_message messages[] = {
    { SHORT, 0, 0, "toy", XSI_MSG_ERRNO, "short read of %s", "", "", "", "" },
    { ITEM, 0, 40099, "toy", XSI_MSG_ERROR, "item %u, old wording", "", "", "", "" },
    { ITEM, 40100, 0, "toy", XSI_MSG_ERROR, "item %u", "", "", "", "" },
    { 0, 0, 0, NULL, XSI_MSG_INFO, NULL, NULL, NULL, NULL, NULL },
};

static void inner_start(struct xsi_run *r, void *state)
{
    (void)state;
    assert_false(xsi_run_outermost(r));
    xsi_run_need(r, 4, "code", got_word);
}

static void got_word(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    (void)state;
    if (got < 4)
        xsi_run_die(r, "SIGSEGV", "no code");
    else
        xsi_run_back(r, (int32_t)xsi_le32(p));
}

static const struct xsi_model inner = { .who = "inner", .start = inner_start };

static void toy_start(struct xsi_run *r, void *state)
{
    (void)state;
    assert_true(xsi_run_outermost(r));
    xsi_run_restore_begins(r);
    xsi_run_need(r, 4, "length", got_length);
}

static void got_length(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    (void)state;
    if (got < 4) {
        xsi_run_say(r, SHORT, 0, "length");
        xsi_run_restore_ends(r, 1);
        xsi_run_back(r, 1);
    } else if (!xsi_le32(p)) {
        xsi_run_restore_ends(r, 0);
        xsi_run_call(r, &inner, got_code);
    } else {
        xsi_run_skip(r, xsi_le32(p), "item", got_item);
    }
}

static void got_item(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct toy *toy = state;

    assert_null(p);
    toy->items++;
    xsi_run_look(r, xsi_run_at(r) - got, (size_t)got, got_look);
}

static void got_look(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct toy *toy = state;

    xsi_run_say(r, ITEM, 0, got ? p[0] : 999U);
    xsi_run_result(r)->pages = toy->items;
    xsi_run_need(r, 4, "length", got_length);
}

static void got_code(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    (void)state;
    (void)p;
    xsi_run_state(r, "inner said %lld", (long long)(int64_t)got);
    xsi_run_back(r, (int64_t)got);
}

static const struct xsi_model toy = {
    .who = "toy", .state_size = sizeof(struct toy), .start = toy_start, .messages = messages
};

static const uint8_t image[] = "\x03\0\0\0\x07xx\x01\0\0\0\x09\x01\0\0\0\x09"
                               "\0\0\0\0\xfe\xff\xff\xff";
#define IMAGE_SIZE (sizeof(image) - 1)

struct machine {
    struct xsi_view view;
    struct xsi_shared shared;
    struct xsi_reader reader;
    struct xsi_run *run;
};

static void make(struct machine *m, struct xsi_source *src, unsigned release)
{
    struct xsi_error err;

    memset(m, 0, sizeof(*m));
    xsi_view_init(&m->view, src);
    m->shared.view = &m->view;
    m->shared.budget = 1 << 20;
    m->shared.outer = m->shared.inner = &toy;
    m->reader.release = release;
    m->run = xsi_run_make(&m->shared, &m->reader, &err);
    assert_non_null(m->run);
}

static void unmake(struct machine *m, struct xsi_source *src)
{
    xsi_run_free(m->run);
    xsi_shared_free(&m->shared);
    xsi_view_free(&m->view);
    xsi_source_free(src);
}

static void to_the_end(void **state)
{
    struct xsi_source *src = xsi_source_memory(image, IMAGE_SIZE);
    const struct xsi_verdict *v;
    struct xsi_run_event ev;
    struct machine m;
    uint64_t read = 0;
    unsigned logs = 0, states = 0;

    (void)state;
    make(&m, src, 40200);
    while (xsi_run_next(m.run, &ev) > 0) {
        if (ev.kind == XSI_RUN_READ || ev.kind == XSI_RUN_SKIP) {
            assert_int_equal(ev.offset, read);
            assert_int_equal(ev.got, ev.length);
            read += ev.got;
        }
        logs += ev.kind == XSI_RUN_LOG;
        states += ev.kind == XSI_RUN_STATE;
    }
    v = xsi_run_verdict(m.run);
    assert_int_equal(ev.kind, XSI_RUN_DONE);
    assert_int_equal(read, IMAGE_SIZE);
    assert_int_equal(logs, 3);
    assert_int_equal(states, 1);
    assert_int_equal(v->error_count, 2); /* the second "item 9" is a repeat */
    assert_string_equal(v->errors[0], "item 7");
    assert_int_equal(v->pages, 3);
    assert_true(v->returned);
    assert_int_equal(v->rc, 0); /* of the restore, not of the part behind it */
    assert_int_equal(v->consumed, IMAGE_SIZE - 4);
    assert_int_equal(v->stopped, IMAGE_SIZE);
    assert_int_equal(xsi_run_next(m.run, &ev), 0);
    unmake(&m, src);
}

static void cut(void **state)
{
    (void)state;
    for (size_t n = 0; n < IMAGE_SIZE; n++) {
        struct xsi_source *src = xsi_source_memory(image, n);
        struct machine m;

        make(&m, src, 40000);
        m.run->quiet = true;
        assert_int_equal(xsi_run_advance(m.run, UINT64_MAX, true), 1);
        assert_int_equal(m.run->verdict.outcome, XSI_FAILS);
        assert_int_equal(m.run->verdict.stopped, n);
        if (n < 4)
            assert_string_equal(m.run->verdict.errors[0], "short read of length");
        else if (n > 4)
            assert_string_equal(m.run->verdict.errors[0], "item 7, old wording");
        else
            assert_string_equal(m.run->verdict.errors[0], "item 999, old wording");
        if (n >= IMAGE_SIZE - 4)
            assert_string_equal(m.run->verdict.fate, "SIGSEGV");
        unmake(&m, src);
    }
}

static void stops_at_a_limit(void **state)
{
    struct xsi_source *src = xsi_source_memory(image, IMAGE_SIZE);
    struct machine m;

    (void)state;
    make(&m, src, 40200);
    m.run->quiet = true;
    assert_int_equal(xsi_run_advance(m.run, 0, false), 0);
    assert_int_equal(xsi_run_position(m.run), 0);
    for (uint64_t limit = 1; limit < IMAGE_SIZE - 3; limit++) {
        assert_int_equal(xsi_run_advance(m.run, limit, false), 0);
        assert_true(xsi_run_position(m.run) >= limit);
        assert_true(xsi_run_position(m.run) <= limit + 3);
    }
    assert_int_equal(xsi_run_advance(m.run, UINT64_MAX, false), 1);
    unmake(&m, src);
}

/* On a pipe the same, and what lies behind the kept bytes is waited for. */
static void pipe_too(void **state)
{
    struct xsi_error err;
    struct xsi_source *src;
    struct machine m;
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], image, IMAGE_SIZE), IMAGE_SIZE);
    close(fd[1]);
    src = xsi_source_fd(fd[0], NULL, &err);
    assert_non_null(src);
    make(&m, src, 40200);
    m.run->quiet = true;
    assert_int_equal(xsi_run_advance(m.run, UINT64_MAX, false), 1);
    assert_int_equal(m.run->verdict.rc, 0);
    assert_int_equal(m.run->verdict.pages, 3);
    assert_string_equal(m.run->verdict.errors[0], "item 7");
    unmake(&m, src);
    close(fd[0]);
}

/* What a model hands over to is what it returns. */
static void proxy_start(struct xsi_run *r, void *state)
{
    (void)state;
    xsi_run_call(r, &inner, NULL);
}

static void hands_over(void **state)
{
    static const struct xsi_model proxy = { .who = "proxy", .start = proxy_start };
    struct xsi_source *src = xsi_source_memory("\xfe\xff\xff\xff", 4);
    struct machine m;

    (void)state;
    make(&m, src, 40200);
    m.shared.outer = &proxy;
    m.run->quiet = true;
    assert_int_equal(xsi_run_advance(m.run, UINT64_MAX, true), 1);
    assert_true(m.run->verdict.returned);
    assert_int_equal(m.run->verdict.rc, -2);
    assert_int_equal(m.run->verdict.outcome, XSI_FAILS);
    unmake(&m, src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_the_end),       cmocka_unit_test(cut),
        cmocka_unit_test(stops_at_a_limit), cmocka_unit_test(pipe_too),
        cmocka_unit_test(hands_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
