/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The byte per guest frame that reader models keep: against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/judge/internal.h"

#define FRAMES (1U << 16)

struct setup {
    struct xsi_run run;
    size_t budget;
    uint8_t plain[FRAMES];
};

static int begin(void **state)
{
    struct setup *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->budget = 4U << 20;
    s->run.frames.budget = &s->budget;
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct setup *s = *state;

    xsi_frames_free(&s->run.frames);
    free(s);
    return 0;
}

static uint64_t plain_set(struct setup *s, uint64_t first, uint64_t count, uint8_t clear,
                          uint8_t set)
{
    uint64_t fresh = 0;

    for (uint64_t i = first; i < first + count; i++) {
        fresh += !(s->plain[i] & XSI_FRAME_HELD);
        s->plain[i] = (uint8_t)((s->plain[i] & ~clear) | set);
    }
    return fresh;
}

static void compare(struct setup *s)
{
    uint64_t next;

    for (uint64_t i = 0; i < FRAMES; i++)
        assert_int_equal(xsi_frame(&s->run, i), s->plain[i]);
    for (uint64_t from = 0; from < FRAMES; from += 997) {
        uint64_t unlike = from;

        while (unlike < FRAMES && (s->plain[unlike] & 15) == 3)
            unlike++;
        assert_int_equal(xsi_frames_unlike(&s->run, from, FRAMES - from, 15, 3), unlike);
        for (next = from; next < FRAMES && (!s->plain[next] || (s->plain[next] & 15) != 2);)
            next++;
        assert_int_equal(xsi_frames_next(&s->run, from, 15, 2), next < FRAMES ? next : UINT64_MAX);
    }
}

/* Ranges of any size, single frames, overwritten again and again. */
static void random_ranges(void **state)
{
    struct setup *s = *state;

    srand(7);
    for (int i = 0; i < 4000; i++) {
        uint64_t first = (uint64_t)rand() % FRAMES;
        uint64_t most = i % 3 ? 9 : 9000;
        uint64_t count = 1 + (uint64_t)rand() % most;
        uint8_t set = (uint8_t)(rand() % 4) | (rand() % 2 ? XSI_FRAME_HELD : 0);
        uint8_t clear = rand() % 2 ? 15 : 0;

        if (count > FRAMES - first)
            count = FRAMES - first;
        assert_int_equal(xsi_frames_set(&s->run, first, count, clear, set),
                         plain_set(s, first, count, clear, set));
        if (i % 500 == 0)
            compare(s);
    }
    compare(s);
    assert_false(xsi_frames_lost(&s->run));
}

/* A guest of a terabyte that is sent in order takes a handful of extents. */
static void ascending_is_small(void **state)
{
    struct setup *s = *state;
    uint64_t fresh = 0;

    for (uint64_t pfn = 0; pfn < 1U << 28; pfn += 1024)
        fresh += xsi_frames_set(&s->run, pfn, 1024, 15, XSI_FRAME_HELD);
    assert_int_equal(fresh, 1U << 28);
    assert_true(s->run.frames.count <= 2);
    assert_int_equal(xsi_frame(&s->run, (1U << 28) - 1), XSI_FRAME_HELD);
    assert_int_equal(xsi_frame(&s->run, 1U << 28), 0);
}

/* Frames all over the place: the budget holds, and it is said that they are lost. */
static void budget_holds(void **state)
{
    struct setup *s = *state;
    uint64_t pfn = 12345;

    for (int i = 0; i < 20000; i++) {
        (void)xsi_frames_set(&s->run, pfn % (UINT64_C(1) << 52), 1, 15, XSI_FRAME_HELD);
        pfn = pfn * 6364136223846793005u + 1442695040888963407u;
    }
    assert_true(xsi_frames_lost(&s->run));
    assert_true(s->budget <= 4U << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_ranges, begin, end),
        cmocka_unit_test_setup_teardown(ascending_is_small, begin, end),
        cmocka_unit_test_setup_teardown(budget_holds, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
