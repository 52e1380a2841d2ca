/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map of guest frames: what batches say of them, against a plain array, and its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/xsi_edit.h"

#define FRAMES 20000U
#define BATCH  512U

static const struct xsi_chunk whole = { .flags = XSI_CHUNK_PAGES };
static const struct xsi_chunk cut = { .flags = XSI_CHUNK_PAGES | XSI_CHUNK_CUT };

static int begin(void **state)
{
    *state = xsi_frame_map_new();
    assert_non_null(*state);
    return 0;
}

static int end(void **state)
{
    xsi_frame_map_free(*state);
    return 0;
}

/* One entry; a page type has its data at `data`. */
static void name_one(struct xsi_frame_map *map, uint64_t pfn, unsigned type, uint64_t data)
{
    struct xsi_page_entry e = { .pfn = pfn, .type = type, .data = data };

    xsi_frame_map_take(map, &whole, &e, 1);
}

/* n frames in order, of one type. */
static void name_range(struct xsi_frame_map *map, uint64_t first, size_t n, unsigned type)
{
    struct xsi_page_entry e[BATCH];

    assert_true(n <= BATCH);
    for (size_t i = 0; i < n; i++)
        e[i] = (struct xsi_page_entry){ .pfn = first + i, .type = type, .data = 1 };
    xsi_frame_map_take(map, &whole, e, n);
}

static void kinds(void **state)
{
    struct xsi_frame_map *map = *state;
    static const struct {
        unsigned type, state;
    } row[] = {
        { 0x0, XSI_FRAME_PRESENT },
        { 0x1, XSI_FRAME_L1 },
        { 0x4, XSI_FRAME_L4 },
        { 0x6, XSI_FRAME_BROKEN },
        { 0x8, XSI_FRAME_PRESENT | XSI_FRAME_PINNED },
        { 0xc, XSI_FRAME_L4 | XSI_FRAME_PINNED },
        { 0xd, XSI_FRAME_BROKEN },
        { 0xe, XSI_FRAME_HOLE },
        { 0xf, XSI_FRAME_HOLE },
    };
    struct xsi_frame_counts c;

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        name_one(map, 100 + i, row[i].type, 4096);
        assert_int_equal(xsi_frame_map_at(map, 100 + i), row[i].state);
    }
    assert_int_equal(xsi_frame_map_at(map, 99), XSI_FRAME_MISSING);
    assert_int_equal(xsi_frame_map_end(map), 109);
    xsi_frame_map_count(map, 0, 200, &c);
    assert_int_equal(c.kind[XSI_FRAME_MISSING], 191);
    assert_int_equal(c.kind[XSI_FRAME_HOLE], 2);
    assert_int_equal(c.pinned, 2);
    assert_int_equal(c.twice, 0);
}

static void sent_again(void **state)
{
    struct xsi_frame_map *map = *state;
    struct xsi_frame_counts c;

    name_range(map, 0, BATCH, 0);
    name_one(map, 7, 0, 4096);
    name_one(map, 8, 0xf, 0);
    assert_int_equal(xsi_frame_map_at(map, 7), XSI_FRAME_PRESENT | XSI_FRAME_TWICE);
    assert_int_equal(xsi_frame_map_at(map, 8), XSI_FRAME_HOLE | XSI_FRAME_TWICE);
    assert_int_equal(xsi_frame_map_unlike(map, 0), 7);
    assert_int_equal(xsi_frame_map_unlike(map, 7), 8);
    assert_int_equal(xsi_frame_map_unlike(map, 9), BATCH);
    assert_int_equal(xsi_frame_map_unlike(map, BATCH), UINT64_MAX);
    xsi_frame_map_count(map, 0, BATCH, &c);
    assert_int_equal(c.kind[XSI_FRAME_PRESENT], BATCH - 1);
    assert_int_equal(c.twice, 2);
}

/* The page of a frame lies behind the end of the image; a hole has none that could. */
static void behind_the_cut(void **state)
{
    struct xsi_frame_map *map = *state;
    const struct xsi_page_entry e[] = {
        { .pfn = 1, .data = 4096 },
        { .pfn = 2, .data = 0 },
        { .pfn = 3, .type = 0xf },
    };

    xsi_frame_map_take(map, &cut, e, 3);
    assert_int_equal(xsi_frame_map_at(map, 1), XSI_FRAME_PRESENT);
    assert_int_equal(xsi_frame_map_at(map, 2), XSI_FRAME_MISSING);
    assert_int_equal(xsi_frame_map_at(map, 3), XSI_FRAME_HOLE);
    xsi_frame_map_take(map, &whole, e, 3); /* compressed: whole, but the page is elsewhere */
    assert_int_equal(xsi_frame_map_at(map, 2), XSI_FRAME_PRESENT);
}

static void marks(void **state)
{
    struct xsi_frame_map *map = *state;
    struct xsi_frame_counts c;

    name_range(map, 10, 10, 0);
    xsi_frame_map_mark(map, 5, 10, 0, XSI_FRAME_ZERO);
    assert_int_equal(xsi_frame_map_at(map, 9), XSI_FRAME_MISSING); /* a mark names nothing */
    assert_int_equal(xsi_frame_map_at(map, 14), XSI_FRAME_PRESENT | XSI_FRAME_ZERO);
    assert_int_equal(xsi_frame_map_at(map, 15), XSI_FRAME_PRESENT);
    xsi_frame_map_mark(map, 12, 1, XSI_FRAME_ZERO, XSI_FRAME_ALIKE);
    xsi_frame_map_count(map, 0, UINT64_MAX, &c);
    assert_int_equal(c.zero, 4);
    assert_int_equal(c.alike, 1);
    assert_int_equal(c.kind[XSI_FRAME_PRESENT], 10);
    xsi_frame_map_mark(map, 12, 1, 0xff, XSI_FRAME_BROKEN); /* only marks are changed */
    assert_int_equal(xsi_frame_map_at(map, 12), XSI_FRAME_PRESENT);
}

static void check_plain(const struct xsi_frame_map *map, const uint8_t *plain)
{
    struct xsi_frame_counts all, c;
    uint64_t sum = 0, twice = 0, next;

    for (unsigned i = 0; i < FRAMES; i++) {
        assert_int_equal(xsi_frame_map_at(map, i), plain[i]);
        twice += (plain[i] & XSI_FRAME_TWICE) != 0;
    }
    for (unsigned i = 0; i < FRAMES; i += 97) {
        for (next = i; next < FRAMES && plain[next] == plain[i];)
            next++;
        if (next < FRAMES)
            assert_int_equal(xsi_frame_map_unlike(map, i), next);
    }
    xsi_frame_map_count(map, 0, FRAMES, &all);
    assert_int_equal(all.twice, twice);
    for (unsigned i = 0; i < FRAMES; i += 1000) {
        xsi_frame_map_count(map, i, i + 1000, &c);
        sum += c.kind[XSI_FRAME_PRESENT] + c.kind[XSI_FRAME_MISSING];
    }
    assert_int_equal(sum, all.kind[XSI_FRAME_PRESENT] + all.kind[XSI_FRAME_MISSING]);
}

static void random_batches(void **state)
{
    struct xsi_frame_map *map = *state;
    static const uint8_t kind[4] = { XSI_FRAME_PRESENT, XSI_FRAME_L1, XSI_FRAME_L2, XSI_FRAME_L3 };
    uint8_t *plain = calloc(FRAMES, 1);

    assert_non_null(plain);
    srand(11);
    for (int i = 0; i < 600; i++) {
        size_t n = 1 + (size_t)rand() % (i % 3 ? 9 : BATCH), type = (size_t)rand() % 4;
        size_t first = (size_t)rand() % (FRAMES - n);

        name_range(map, first, n, (unsigned)type);
        for (size_t k = first; k < first + n; k++)
            plain[k] = plain[k] ? kind[type] | XSI_FRAME_TWICE : kind[type];
        if (i % 100 == 0)
            check_plain(map, plain);
    }
    check_plain(map, plain);
    free(plain);
}

/* A terabyte in order: nothing is lost, and questions are answered at once. */
static void terabyte(void **state)
{
    struct xsi_frame_map *map = *state;
    struct xsi_frame_counts c;

    for (uint64_t pfn = 0; pfn < 1U << 28; pfn += BATCH)
        name_range(map, pfn, BATCH, 0);
    assert_false(xsi_frame_map_lost(map));
    assert_int_equal(xsi_frame_map_end(map), 1U << 28);
    assert_int_equal(xsi_frame_map_unlike(map, 5), 1U << 28);
    xsi_frame_map_count(map, 1000, 1U << 27, &c);
    assert_int_equal(c.kind[XSI_FRAME_PRESENT], (1U << 27) - 1000);
}

/* Frames of a hostile image: the budget holds, and it is said. */
static void budget(void **state)
{
    struct xsi_frame_map *map = *state;
    uint64_t pfn = 12345;

    for (int i = 0; i < 10000; i++) {
        name_one(map, pfn % (UINT64_C(1) << 52), 0, 4096);
        pfn = pfn * 6364136223846793005u + 1442695040888963407u;
    }
    assert_true(xsi_frame_map_lost(map));
    name_one(map, UINT64_MAX, 0, 4096);
    assert_true(xsi_frame_map_end(map) <= UINT64_C(1) << 52);
    assert_true(xsi_frame_map_unlike(map, UINT64_MAX) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds, begin, end),
        cmocka_unit_test_setup_teardown(sent_again, begin, end),
        cmocka_unit_test_setup_teardown(behind_the_cut, begin, end),
        cmocka_unit_test_setup_teardown(marks, begin, end),
        cmocka_unit_test_setup_teardown(random_batches, begin, end),
        cmocka_unit_test_setup_teardown(terabyte, begin, end),
        cmocka_unit_test_setup_teardown(budget, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
