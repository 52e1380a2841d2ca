/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams of libxc and libxl that lost their boundaries, were cut, hold checkpoints; and libxl's
 * own records.
 */
#include "v2_image.h"

/* ---- damage to boundaries ---- */

static void remove_bytes(struct image *i, size_t at, size_t n)
{
    memmove(i->bytes + at, i->bytes + at + n, i->n - at - n);
    i->n -= n;
}

static void insert_zeros(struct image *i, size_t at, size_t n)
{
    fill(i, 0, n);
    memmove(i->bytes + at + n, i->bytes + at, i->n - at - n);
    memset(i->bytes + at, 0, n);
}

static void test_bytes_lost(void **state)
{
    struct image *i = stream(HVM, NULL);
    struct seen *s;

    (void)state;
    remove_bytes(i, i->at[V2_PAGE_DATA] + 5000, 3);
    s = walk(i);
    expect(s, "V19", "bytes lost");
    assert_true(chunk_at(s, i->at[V2_HVM_CONTEXT] - 3));

    i = stream(HVM, NULL);
    insert_zeros(i, i->at[V2_PAGE_DATA] + 5000, 5);
    s = walk(i);
    expect(s, "V19", "bytes inserted");
    assert_true(chunk_at(s, i->at[V2_HVM_CONTEXT] + 5));

    i = stream(HVM, NULL);
    insert_zeros(i, i->at[V2_HVM_CONTEXT], 8);
    s = walk(i);
    expect(s, "V65", "zeros inserted");
    assert_true(chunk_at(s, i->at[V2_HVM_CONTEXT] + 8));

    i = stream(HVM, NULL); /* the header of the third batch and what is around it */
    memset(i->bytes + i->at[V2_TSC_INFO] - 16400 - 100, 0, 300);
    s = walk(i);
    assert_true(told(s, "V19") || told(s, "V22"));
    assert_true(chunk_at(s, i->at[V2_PAGE_DATA]));
    assert_true(chunk_at(s, i->at[V2_TSC_INFO]));
}

/* The places of all records of a whole stream. */
static size_t places(const struct image *i, uint64_t *out)
{
    struct seen *s = walk(i);

    for (size_t k = 0; k < s->chunks; k++)
        out[k] = s->chunk[k].offset;
    return s->chunks;
}

/*
 * One bit of each number in front of a body changed: something must be said of it, or all
 * boundaries stay; and behind the record that it hits and the next one the walk is back in place.
 */
static void test_flips(void **state)
{
    static uint64_t at[CHUNKS_MAX];

    (void)state;
    for (unsigned kind = PV; kind <= HVM; kind++) {
        size_t n = places(stream(kind, NULL), at);

        for (size_t k = 0; k < n; k++) {
            unsigned bits = k < 2 ? 128 : 64;

            for (unsigned bit = 0; bit < bits; bit++) {
                struct image *i = stream(kind, NULL);
                struct seen *s;
                bool kept = true;

                i->bytes[at[k] + bit / 8] ^= (uint8_t)(1U << bit % 8);
                s = walk(i);
                for (size_t m = 0; m < n; m++)
                    kept = kept && chunk_at(s, at[m]);
                if (!kept && !s->serious) {
                    print_codes(s);
                    fail_msg("kind %u record %zu bit %u moves a boundary silently", kind, k, bit);
                }
                if (k + 3 < n && !chunk_at(s, at[k + 2])) {
                    print_codes(s);
                    fail_msg("kind %u record %zu bit %u: not back in place", kind, k, bit);
                }
            }
        }
    }
}

/* Every prefix is said to be cut. */
static void test_cuts(void **state)
{
    (void)state;
    for (unsigned kind = PV; kind <= HVM; kind++) {
        struct image *i = stream(kind, NULL);
        size_t whole = i->n;

        for (size_t n = 8; n<whole; n += n % 4096> 200 ? 97 : 1) {
            struct seen *s;

            i->n = n;
            s = walk(i);
            if (!(s->info.exit & 4) || s->info.state != XSI_TRUNCATED) {
                print_codes(s);
                fail_msg("kind %u cut at %zu is not seen", kind, n);
            }
        }
    }
}

static void test_cut_parts(void **state)
{
    struct image *i = stream(HVM, NULL);
    struct {
        size_t n;
        const char *code;
    } rows[] = {
        { 20, "V60" },
        { i->at[V2_STATIC_DATA_END], "V61" },
        { i->at[V2_PAGE_DATA] + 5000, "V62" },
        { i->at[V2_TSC_INFO], "V62" },
        { i->at[V2_HVM_CONTEXT], "V63" },
        { i->at[V2_HVM_CONTEXT] + 500, "V63" },
        { i->at[V2_END], "V64" },
        { i->at[V2_END] + 3, "V64" },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        i->n = rows[r].n;
        expect(walk(i), rows[r].code, "cut");
    }
}

static void test_no_headers(void **state)
{
    struct image *i = stream(HVM, NULL);
    struct seen *s;

    (void)state;
    remove_bytes(i, 0, 40);
    s = walk(i);
    expect(s, "V10", "no headers");
    assert_int_equal(chunks_of(s, "PAGE_DATA"), 3);

    i = stream(HVM, NULL);
    insert_zeros(i, 0, 1);
    s = walk(i);
    expect(s, "V91", "shifted");
    assert_int_equal(chunks_of(s, "PAGE_DATA"), 3);
}

/* ---- checkpoints ---- */

static void test_remus(void **state)
{
    static const int order[] = { V2_STATIC_DATA_END, V2_PAGE_DATA,   XTABS,         AGAIN,
                                 V2_TSC_INFO,        V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_CHECKPOINT,
                                 LIBXL_EMU,          LIBXL_CHK_END,  V2_PAGE_DATA,  V2_TSC_INFO,
                                 V2_HVM_CONTEXT,     V2_HVM_PARAMS,  V2_CHECKPOINT, LIBXL_EMU,
                                 LIBXL_CHK_END,      V2_PAGE_DATA,   STOP };
    struct image *i = libxl_stream(HVM, order, false);
    struct seen *s;
    size_t inner = 0;

    (void)state;
    i->n -= 8; /* no END: the recording was stopped */
    s = walk(i);
    expect(s, "V48", "remus");
    expect(s, "V93", "remus");
    assert_int_equal(s->info.checkpoints, 2);
    assert_int_equal(chunks_of(s, "EMULATOR_CONTEXT"), 2);
    assert_int_equal(chunks_of(s, "CHECKPOINT_END"), 2);
    assert_int_equal(chunks_of(s, "GAP"), 0);
    for (size_t k = 0; k < s->chunks; k++)
        if (!strcmp(s->chunk[k].type, "EMULATOR_CONTEXT"))
            inner += !strcmp(s->chunk[k].layer, "libxl-v2");
    assert_int_equal(inner, 2);
    assert_false(told(s, "V28"));
    assert_false(told(s, "X17"));
}

/* ---- libxl ---- */

static void test_libxl(void **state)
{
    struct seen *s = walk(libxl_stream(HVM, NULL, true));

    (void)state;
    expect_sound(s, "libxl HVM");
    assert_int_equal(s->info.stack_length, 2);
    assert_string_equal(s->info.stack[0], "libxl-v2");
    assert_string_equal(s->chunk[s->chunks - 1].type, "END");
    expect_sound(walk(libxl_stream(PV, NULL, false)), "libxl PV");
    expect(walk(libxl_stream(HVM, NULL, false)), "X11", "no emulator");
    expect(walk(libxl_stream(PV, NULL, true)), "X18", "emulator for PV");
}

static void test_libxl_pokes(void **state)
{
    struct image *i = libxl_stream(HVM, NULL, true);
    size_t emu = i->n - 8 - 32;
    struct {
        size_t at, size;
        uint64_t value;
        const char *code;
    } rows[] = {
        { 0, 1, 'l', "X01" },        { 11, 1, 3, "X02" },
        { 15, 1, 1, "X04" },         { 12, 1, 1, "X05" },
        { emu + 8, 4, 7, "X16" },    { emu + 12, 4, 1, "X16" },
        { emu + 16, 1, 'q', "X13" }, { emu + 23, 1, 9, "X14" },
        { emu, 4, 9, "X06" },        { emu + 4, 4, 4, "X08" },
        { emu + 28, 1, 9, "X27" },   { emu + 30, 1, 9, "X23" },
        { 15, 1, 2, "X29" },         { emu + 4, 4, 1U << 20, "X08" },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        char what[40];

        i = libxl_stream(HVM, NULL, true);
        set(i, rows[r].at, rows[r].value, rows[r].size, false);
        snprintf(what, sizeof(what), "libxl row %zu", r);
        expect(walk(i), rows[r].code, what);
    }
}

static void libxl_tail(struct image *i, uint32_t type, const char *bytes, size_t n)
{
    i->n -= 8;
    put(i, type, 4), put(i, n, 4);
    for (size_t k = 0; k < n; k++)
        put(i, (uint8_t)bytes[k], 1);
    fill(i, 0, -n & 7);
    put(i, 0, 8);
}

static void test_libxl_tail(void **state)
{
#define BYTES(s) s, sizeof(s) - 1
    static const struct {
        const char *code;
        uint32_t type;
        const char *bytes;
        size_t n;
    } rows[] = {
        { "X07", 3, BYTES("abcd") },
        { "X15", 3, BYTES("\2\0\0\0\0\0\0\0") },
        { "X17", 3, BYTES("\2\0\0\0\0\0\0\0QEVM\0\0\0\3\0") },
        { "X19", 2, BYTES("\2\0\0\0\0\0\0\0key\0value") },
        { "X19", 2, BYTES("\2\0\0\0\0\0\0\0/key\0value\0") },
        { "X19", 2, BYTES("\2\0\0\0\0\0\0\0\0value\0") },
        { "X24", 4, BYTES("") },
        { "X24", 5, BYTES("\1\0\0\0") },
        { "X22", 1, BYTES("") },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct image *i = libxl_stream(HVM, NULL, true);
        char what[40];

        libxl_tail(i, rows[r].type, rows[r].bytes, rows[r].n);
        snprintf(what, sizeof(what), "libxl tail %zu", r);
        expect(walk(i), rows[r].code, what);
    }
    {
        struct image *i = libxl_stream(HVM, NULL, true);

        libxl_tail(i, 2,
                   BYTES("\2\0\0\0\0\0\0\0physmap/1/size\0"
                         "4\0"));
        expect_sound(walk(i), "xenstore data");
    }
}

static void test_libxl_cut(void **state)
{
    struct image *i = libxl_stream(HVM, NULL, true);
    size_t whole = i->n;

    (void)state;
    i->n = whole - 8;
    expect(walk(i), "X09", "libxl END missing");
    i->n = whole - 8 - 16;
    expect(walk(i), "X12", "emulator state cut");
    i->n = whole - 3;
    expect(walk(i), "X10", "cut in END");
    i->n = 7;
    expect(walk(i), "X10", "cut in the header");
    i->n = 24;
    expect(walk(i), "X25", "no libxc stream");
    i->n = 24 + 40 + 100;
    expect(walk(i), "V61", "cut in libxc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_lost), cmocka_unit_test(test_flips),
        cmocka_unit_test(test_cuts),       cmocka_unit_test(test_cut_parts),
        cmocka_unit_test(test_no_headers), cmocka_unit_test(test_remus),
        cmocka_unit_test(test_libxl),      cmocka_unit_test(test_libxl_pokes),
        cmocka_unit_test(test_libxl_tail), cmocka_unit_test(test_libxl_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
