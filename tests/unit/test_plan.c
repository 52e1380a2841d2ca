/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plans: what is staged, in any order and number, is what the overlay and the edits show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/xsi_edit.h"

enum { BASE = 4096, ROUNDS = 400 };

/* The image as it should be. */
struct model {
    uint8_t bytes[4 * BASE];
    size_t size;
};

static uint8_t base[BASE];

static void fill(void)
{
    for (size_t i = 0; i < BASE; i++)
        base[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void splice(struct model *m, size_t at, size_t removed, const void *bytes, size_t n)
{
    memmove(m->bytes + at + n, m->bytes + at + removed, m->size - at - removed);
    if (n)
        memcpy(m->bytes + at, bytes, n);
    m->size = m->size - removed + n;
}

static void stage(struct xsi_plan *plan, uint64_t at, uint64_t removed, const void *bytes, size_t n)
{
    const struct xsi_splice s = { at, removed, bytes, n };
    const struct xsi_planned step = { .recipe = "test", .why = "because" };
    struct xsi_error err;

    assert_int_equal(xsi_plan_stage(plan, &s, 1, &step, &err), 0);
}

static void same(struct xsi_plan *plan, const struct model *m)
{
    static uint8_t got[4 * BASE];
    uint64_t size;

    assert_true(xsi_source_size(xsi_plan_source(plan), &size));
    assert_int_equal(size, m->size);
    assert_int_equal(xsi_source_read(xsi_plan_source(plan), got, sizeof(got), 0), m->size);
    assert_memory_equal(got, m->bytes, m->size);
}

/* The edits, laid over the base by hand, give the same bytes. */
static void edits_say_so(struct xsi_plan *plan, const struct model *m)
{
    struct model by_hand = { .size = BASE };
    const struct xsi_edit *e;
    uint64_t reached = 0;
    int64_t moved = 0;

    memcpy(by_hand.bytes, base, BASE);
    for (size_t i = 0; (e = xsi_plan_edit(plan, i)); i++) {
        assert_true(!i || e->offset > reached); /* neither overlap nor touch */
        reached = e->offset + e->removed;
        splice(&by_hand, (size_t)((int64_t)e->offset + moved), e->removed, e->inserted,
               e->inserted_length);
        moved += (int64_t)e->inserted_length - (int64_t)e->removed;
    }
    assert_int_equal(by_hand.size, m->size);
    assert_memory_equal(by_hand.bytes, m->bytes, m->size);
}

static void random_splices(void **state)
{
    struct xsi_source *src;
    struct xsi_error err;
    unsigned seed = 1;

    (void)state;
    fill();
    src = xsi_source_memory(base, BASE);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct xsi_plan *plan = xsi_plan_new(src, &err);
        struct model m[9] = { { .size = BASE } };
        unsigned steps = 1 + round % 8;

        memcpy(m[0].bytes, base, BASE);
        for (unsigned i = 0; i < steps; i++) {
            size_t at = (size_t)rand_r(&seed) % (m[i].size + 1), left = m[i].size - at;
            size_t removed = left ? (size_t)rand_r(&seed) % (left > 64 ? 64 : left + 1) : 0;
            size_t n = (size_t)rand_r(&seed) % 32;
            uint8_t bytes[32];

            if (!removed && !n)
                n = 1;
            memset(bytes, (int)(0x80 + i), sizeof(bytes));
            m[i + 1] = m[i];
            splice(&m[i + 1], at, removed, bytes, n);
            stage(plan, at, removed, bytes, n);
            same(plan, &m[i + 1]);
        }
        edits_say_so(plan, &m[steps]);
        for (unsigned i = steps; i-- > 0;) {
            assert_true(xsi_plan_undo(plan));
            same(plan, &m[i]);
        }
        assert_false(xsi_plan_undo(plan));
        for (unsigned i = 1; i <= steps; i++) {
            assert_true(xsi_plan_redo(plan));
            same(plan, &m[i]);
        }
        assert_false(xsi_plan_redo(plan));
        xsi_plan_free(plan);
    }
    xsi_source_free(src);
}

static void wrong_splices(void **state)
{
    const struct xsi_splice overlap[] = { { 10, 4, NULL, 0 }, { 12, 1, NULL, 0 } };
    const struct xsi_splice behind = { BASE, 1, NULL, 0 };
    const struct xsi_planned step = { .recipe = "test" };
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err;

    (void)state;
    src = xsi_source_memory(base, BASE);
    plan = xsi_plan_new(src, &err);
    assert_int_equal(xsi_plan_stage(plan, overlap, 2, &step, &err), -EINVAL);
    assert_int_equal(xsi_plan_stage(plan, &behind, 1, &step, &err), -EINVAL);
    assert_int_equal(xsi_plan_steps(plan), 0);
    assert_null(xsi_plan_edit(plan, 0));
    assert_int_equal(xsi_source_read(xsi_plan_source(plan), base, BASE, 0), BASE);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

static void a_new_step_forgets_what_was_undone(void **state)
{
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err;

    (void)state;
    src = xsi_source_memory(base, BASE);
    plan = xsi_plan_new(src, &err);
    stage(plan, 0, 1, "a", 1);
    stage(plan, 1, 1, "b", 1);
    assert_true(xsi_plan_undo(plan));
    stage(plan, 2, 1, "c", 1);
    assert_false(xsi_plan_redo(plan));
    assert_int_equal(xsi_plan_steps(plan), 2);
    assert_string_equal(xsi_plan_step(plan, 1)->what, "at 0x2 set 63");
    xsi_plan_free(plan);
    xsi_source_free(src);
}

static void pieces_are_of_the_unchanged_image(void **state)
{
    const struct xsi_kept *k;
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err;

    (void)state;
    src = xsi_source_memory(base, BASE);
    plan = xsi_plan_new(src, &err);
    stage(plan, 100, 0, "xxxx", 4);
    assert_int_equal(xsi_plan_keep(plan, "piece", 98, 10), 0);
    stage(plan, 98, 10, NULL, 0);
    k = xsi_plan_piece(plan, 0);
    assert_int_equal(k->offset, 98);
    assert_int_equal(k->length, 2);
    k = xsi_plan_piece(plan, 1);
    assert_int_equal(k->offset, 100);
    assert_int_equal(k->length, 4);
    assert_null(xsi_plan_piece(plan, 2));
    assert_true(xsi_plan_undo(plan));
    assert_null(xsi_plan_piece(plan, 0));
    xsi_plan_free(plan);
    xsi_source_free(src);
}

/* ---- plans as text ---- */

static int text_of(struct xsi_plan *plan)
{
    int fd = memfd_create("plan", MFD_CLOEXEC);
    struct xsi_error err;

    assert_true(fd >= 0);
    assert_int_equal(xsi_plan_save(plan, fd, &err), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void saved_and_loaded(void **state)
{
    static uint8_t other[BASE], large[200];
    struct model m = { .size = BASE };
    struct xsi_source *src, *changed;
    struct xsi_plan *plan, *again;
    struct xsi_error err;
    int fd;

    (void)state;
    fill();
    src = xsi_source_memory(base, BASE);
    plan = xsi_plan_new(src, &err);
    memcpy(m.bytes, base, BASE);
    stage(plan, 1000, 3, large, sizeof(large));
    splice(&m, 1000, 3, large, sizeof(large));
    stage(plan, 10, 7, "ab", 2);
    splice(&m, 10, 7, "ab", 2);
    xsi_plan_set_reader(plan, "xen-4.1/32/xapi");
    fd = text_of(plan);
    again = xsi_plan_new(src, &err);
    assert_int_equal(xsi_plan_load(again, fd, &err), 0);
    same(again, &m);
    assert_string_equal(xsi_plan_reader(again), "xen-4.1/32/xapi");
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(xsi_plan_load(again, fd, &err), -EINVAL); /* it has steps already */
    xsi_plan_free(again);

    for (size_t at = 0; at < 3; at++) { /* near an edit, in what it removes, at the end */
        static const size_t places[] = { 1010, 12, BASE - 1 };

        memcpy(other, base, BASE);
        other[places[at]] ^= 1;
        changed = xsi_source_memory(other, BASE);
        again = xsi_plan_new(changed, &err);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(xsi_plan_load(again, fd, &err), -ESTALE);
        assert_int_equal(xsi_plan_steps(again), 0);
        xsi_plan_free(again);
        xsi_source_free(changed);
    }
    close(fd);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

/* Every text that is cut short is refused, never half believed. */
static void cut_texts(void **state)
{
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err;
    off_t size;
    int fd;

    (void)state;
    src = xsi_source_memory(base, BASE);
    plan = xsi_plan_new(src, &err);
    stage(plan, 10, 7, "abcdef", 6);
    fd = text_of(plan);
    size = lseek(fd, 0, SEEK_END);
    xsi_plan_undo(plan);
    while (size-- > 0) {
        struct xsi_plan *again = xsi_plan_new(src, &err);

        assert_int_equal(ftruncate(fd, size), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(xsi_plan_load(again, fd, &err), -EINVAL);
        assert_int_equal(xsi_plan_steps(again), 0);
        xsi_plan_free(again);
    }
    close(fd);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

/* A text with changed bytes is refused, or is the plan all the same (a reason may differ). */
static void changed_texts(void **state)
{
    char text[1000], broken[1000];
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err;
    unsigned seed = 3, refused = 0;
    ssize_t n;
    int fd;

    (void)state;
    src = xsi_source_memory(base, BASE);
    plan = xsi_plan_new(src, &err);
    stage(plan, 10, 7, "abcdef", 6);
    stage(plan, 2000, 0, "xyz", 3);
    fd = text_of(plan);
    n = read(fd, text, sizeof(text));
    assert_true(n > 0 && n < (ssize_t)sizeof(text));
    for (unsigned round = 0; round < 3000; round++) {
        struct xsi_plan *again = xsi_plan_new(src, &err);
        int rc;

        memcpy(broken, text, (size_t)n);
        for (unsigned k = 0; k <= round % 3; k++)
            broken[(size_t)rand_r(&seed) % (size_t)n] = (char)rand_r(&seed);
        assert_int_equal(pwrite(fd, broken, (size_t)n, 0), n);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        rc = xsi_plan_load(again, fd, &err);
        if (rc) {
            assert_true(rc == -EINVAL || rc == -ESTALE);
            assert_int_equal(xsi_plan_steps(again), 0);
            assert_true(*err.text);
            refused++;
        } else {
            assert_true(xsi_plan_steps(again) <= 2);
        }
        xsi_plan_free(again);
    }
    assert_true(refused > 1500);
    close(fd);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

static void detached(void **state)
{
    static uint8_t other[BASE];
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err;

    (void)state;
    fill();
    memcpy(other, base, BASE);
    src = xsi_source_memory(base, BASE);
    plan = xsi_plan_new(src, &err);
    stage(plan, 2000, 0, "zz", 2);
    assert_int_equal(xsi_plan_detach(plan, &err), 0);
    xsi_source_free(src);
    src = xsi_source_memory(other, BASE);
    other[2010] ^= 1;
    assert_int_equal(xsi_plan_attach(plan, src, &err), -ESTALE);
    other[2010] ^= 1;
    assert_int_equal(xsi_plan_attach(plan, src, &err), 0);
    assert_int_equal(xsi_source_read(xsi_plan_source(plan), other, 1, 2001), 1);
    assert_int_equal(other[0], 'z');
    xsi_plan_free(plan);
    xsi_source_free(src);
}

/* ---- slack ---- */

static void fits_into_zeros(void **state)
{
    static uint8_t image[BASE];
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_error err;
    uint64_t size;

    (void)state;
    memset(image, 0xee, BASE);
    memset(image + 3000, 0, 8);
    src = xsi_source_memory(image, BASE);
    plan = xsi_plan_new(src, &err);
    stage(plan, 100, 0, "abcd", 4);
    assert_int_equal(xsi_plan_fit(plan, 3004, true, &err), 0);
    assert_true(xsi_source_size(xsi_plan_source(plan), &size));
    assert_int_equal(size, BASE);
    assert_int_equal(xsi_plan_edit(plan, 1)->offset, 3000);
    assert_null(xsi_plan_edit(plan, 2));
    xsi_plan_undo(plan);
    stage(plan, 200, 0, "12345678", 8); /* 12 are needed now, 8 are there */
    assert_int_equal(xsi_plan_fit(plan, 3012, true, &err), -ENOSPC);
    assert_non_null(strstr(err.text, "4 bytes are missing"));
    assert_int_equal(xsi_plan_steps(plan), 2);
    assert_int_equal(xsi_plan_fit(plan, 3012, false, &err), 0);
    assert_int_equal(xsi_plan_steps(plan), 2);
    xsi_plan_free(plan);
    plan = xsi_plan_new(src, &err);
    stage(plan, 100, 6, NULL, 0);
    assert_int_equal(xsi_plan_fit(plan, 2994, true, &err), 0);
    assert_true(xsi_source_size(xsi_plan_source(plan), &size));
    assert_int_equal(size, BASE);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_splices),
        cmocka_unit_test(wrong_splices),
        cmocka_unit_test(a_new_step_forgets_what_was_undone),
        cmocka_unit_test(pieces_are_of_the_unchanged_image),
        cmocka_unit_test(saved_and_loaded),
        cmocka_unit_test(cut_texts),
        cmocka_unit_test(changed_texts),
        cmocka_unit_test(detached),
        cmocka_unit_test(fits_into_zeros),
    };

    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
