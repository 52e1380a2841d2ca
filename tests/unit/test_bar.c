/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bar on a few cells: no part vanishes, long parts look long, and a cell knows its offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../xsdump/browse/widget_bar.c"

/* ---- a canvas of one line ---- */

static char line[BAR_CELLS + 1];

void canvas_bar(struct canvas *c, int y, int x, int n, enum role role, bool always)
{
    static const char letters[] = {
#define ROLE(id, letter, ...) letter,
#include "../../xsdump/browse/roles.def"
#undef ROLE
    };

    (void)c, (void)y, (void)always;
    assert_true(x >= 0 && n > 0 && x + n <= BAR_CELLS);
    memset(line + x, letters[role], (size_t)n);
}

int canvas_put(struct canvas *c, int y, int x, enum role role, const char *fmt, ...)
{
    va_list args;
    char text[8];
    int n;

    (void)c, (void)y, (void)role;
    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    assert_true(x >= 0 && n == 1 && x < BAR_CELLS);
    line[x] = text[0];
    return x + n;
}

/* ---- bars as text: "h8 p100 s4", '|' in front of a part that begins apart ---- */

static struct bar *bar_of(const char *text)
{
    struct bar *bar = test_calloc(1, sizeof(*bar));

    for (char *end; *text; text = *end ? end + 1 : end) {
        bool apart = *text == '|';
        char kind = text[apart];
        enum role role = kind == 'h' ? ROLE_STREAM_HEAD : kind == 's' ? ROLE_TAIL : ROLE_PAGES;

        bar_add(bar, strtoull(text + apart + 1, &end, 10), role, role == ROLE_PAGES ? 0 : 2, apart);
    }
    return bar;
}

static const char *drawn(struct bar *bar, struct bar_cell *cell, size_t n, size_t least)
{
    memset(line, 0, sizeof(line));
    assert_true(bar_lay(bar, cell, n, least));
    bar_draw(cell, n, NULL, 0, 0);
    test_free(bar);
    return line;
}

static void parts(void **unused)
{
    struct bar_cell cell[BAR_CELLS];

    (void)unused;
    assert_string_equal(drawn(bar_of("h8 p1000000 s4"), cell, 10, 1), "hpppppppps");
    assert_string_equal(drawn(bar_of("p50 s50"), cell, 10, 1), "pppppsssss");
    assert_string_equal(drawn(bar_of("p1 s1000 p1 s1000"), cell, 10, 1), "psssspssss");
    /* neighbours that are alike are one part, unless they are apart */
    assert_string_equal(drawn(bar_of("h1 h1 p1000"), cell, 8, 1), "hppppppp");
    assert_string_equal(drawn(bar_of("|p50 |p50 |h1 |h1"), cell, 8, 1), "ppp|pph|");
    /* so many cells for each, as long as there are enough */
    assert_string_equal(drawn(bar_of("|h1 |p100000 |s1"), cell, 9, 3), "hhhpppsss");
    assert_string_equal(drawn(bar_of("|h1 |p100000 |s1"), cell, 3, 3), "hps");
    /* a byte can take more than one cell */
    assert_string_equal(drawn(bar_of("h1 p1"), cell, 6, 1), "hhhppp");
    /* too many: small neighbours share a cell, which shows what is worth more */
    assert_string_equal(drawn(bar_of("p1 s1 p1 s1 p1000"), cell, 4, 1), "sppp");
}

static void places(void **unused)
{
    struct bar_cell cell[BAR_CELLS];

    (void)unused;
    drawn(bar_of("h100 p900"), cell, 10, 1);
    assert_int_equal(bar_at(cell, 10, 0), 0);
    assert_int_equal(bar_at(cell, 10, 99), 0);
    assert_int_equal(bar_at(cell, 10, 100), 1);
    assert_int_equal(bar_at(cell, 10, 999), 9);
    assert_int_equal(bar_at(cell, 10, 5000), 9);
    bar_over(cell, 10, 350, 351, ROLE_DAMAGE, 4);
    bar_over(cell, 10, 650, 850, ROLE_DAMAGE, 4);
    bar_over(cell, 10, 1000, 1001, ROLE_DAMAGE, 4); /* outside */
    bar_over(cell, 10, 350, 351, ROLE_TAIL, 2);     /* worth less than what is there */
    bar_sign(cell, 10, 420, '#', ROLE_MATCH);
    bar_sign(cell, 10, 430, '?', ROLE_MATCH); /* it stands on the cell of another one */
    bar_draw(cell, 10, NULL, 0, 0);
    assert_string_equal(line, "hpp!#p!!!p");
    assert_int_equal(cell[3].go, 350);
    assert_int_equal(cell[4].go, 420);
    assert_int_equal(cell[5].go, 500);
}

/* Cells are a tiling of the range; each part has one. */
static void check(const struct bar *bar, const struct bar_cell *cell, size_t n)
{
    uint64_t from = bar->from;

    assert_int_equal(cell[0].from, bar->from);
    assert_true(cell[n - 1].to == bar_end(bar));
    for (size_t i = 1; i < n; i++)
        assert_true(cell[i].from == cell[i - 1].to || cell[i].from == cell[i - 1].from);
    for (size_t i = 0; bar->count <= n && i < bar->count; i++) {
        assert_true(cell[bar_at(cell, n, from)].role == bar->part[i].role);
        from = bar->part[i].to;
    }
}

static void any(void **unused)
{
    struct bar *bar = test_calloc(1, sizeof(*bar));
    struct bar_cell cell[BAR_CELLS], again[BAR_CELLS];
    uint64_t seed = 1;

    (void)unused;
    for (unsigned round = 0; round < 300; round++) {
        size_t count = 1 + round * 37 % 5000, n = 1 + round * 61 % BAR_CELLS;

        bar->count = 0;
        bar->from = round % 3 ? round : 0;
        for (size_t i = 0; i < count; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            bar_add(bar, 1 + (seed >> (20 + (seed >> 58) % 43)), (enum role)(ROLE_PAGES + i % 3),
                    i % 3, seed & 1);
        }
        assert_true(bar->count > 0 && bar->count <= BAR_PARTS);
        assert_true(bar_lay(bar, cell, n, 1 + round % 4));
        check(bar, cell, n);
        memset(again, 0xff, sizeof(again));
        assert_true(bar_lay(bar, again, n, 1 + round % 4));
        for (size_t i = 0; i < n; i++)
            assert_true(again[i].from == cell[i].from && again[i].role == cell[i].role);
    }
    bar->count = 0;
    bar->from = 0;
    bar_add(bar, UINT64_MAX - 1, ROLE_PAGES, 0, false);
    bar_add(bar, 7, ROLE_TAIL, 2, false); /* no offset is behind it */
    assert_int_equal(bar->count, 1);
    assert_true(bar_lay(bar, cell, BAR_CELLS, 1));
    check(bar, cell, BAR_CELLS);
    bar->count = 0;
    assert_false(bar_lay(bar, cell, 10, 1));
    test_free(bar);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(parts), cmocka_unit_test(places),
                                        cmocka_unit_test(any) };

    return cmocka_run_group_tests_name("bar", tests, NULL, NULL);
}
