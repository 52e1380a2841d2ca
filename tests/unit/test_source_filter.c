/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compressed images: five formats, nested, in a window, through a pipe, damaged, and bombs. */
#include "source.h"

/* ---- compression ---- */

static const char *const formats[] = { "gzip", "xz", "zstd", "lz4", "bzip2" };
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/* Run "tool -c" over in; false when there is no such tool. */
static bool compress(const struct fixture *f, const char *tool, const char *in, const char *out)
{
    char command[256];

    (void)snprintf(command, sizeof(command),
                   "cd '%s' && { command -v %s >/dev/null || exit 9; %s -q -c <%s >%s; }", f->dir,
                   tool, tool, in, out);
    if (system(command) == 0)
        return true;
    print_message("skipped: no %s program here\n", tool);
    return false;
}

static void expect_filtered(struct xsi_source *src, const char *outer, const char *inner)
{
    const char *const *names;
    size_t n;

    assert_non_null(src);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_PIPE);
    assert_false(xsi_source_seekable(src));
    names = xsi_source_filters(src, &n);
    assert_int_equal(n, inner ? 2 : 1);
    assert_string_equal(names[0], outer);
    if (inner)
        assert_string_equal(names[1], inner);
}

static void test_compressed(void **state)
{
    struct fixture *f = *state;
    struct xsi_source_options raw = { .no_decompress = true };
    size_t i, n;

    save(in_dir(f, "plain"), f->bytes, SIZE);
    for (i = 0; i < FORMATS; i++) {
        struct xsi_source *src;
        uint8_t *bytes, buf[100];
        uint64_t size;
        int fd;

        if (!compress(f, formats[i], "plain", "packed"))
            continue;
        src = xsi_source_open(in_dir(f, "packed"), NULL, NULL);
        expect_filtered(src, formats[i], NULL);
        assert_false(xsi_source_size(src, &size));
        expect_bytes(src, f->bytes, SIZE);
        bytes = load(in_dir(f, "packed"), &n);
        assert_true(xsi_source_file_size(src, &size));
        assert_int_equal(size, n);
        assert_int_equal(xsi_source_bytes_read(src), n + XSI_FILTER_HEAD);
        xsi_source_free(src);

        fd = feed(bytes, n);
        src = xsi_source_fd(fd, NULL, NULL);
        expect_filtered(src, formats[i], NULL);
        assert_int_equal(xsi_source_read(src, buf, 100, 400001), 100); /* skips */
        assert_memory_equal(buf, f->bytes + 400001, 100);
        assert_int_equal(xsi_source_read(src, buf, 100, SIZE - 50), 50);
        assert_false(xsi_source_file_size(src, &size));
        xsi_source_free(src);
        close(fd);
        wait(NULL);

        src = xsi_source_open(in_dir(f, "packed"), &raw, NULL);
        assert_int_equal(xsi_source_kind(src), XSI_SOURCE_FILE);
        expect_bytes(src, bytes, n);
        xsi_source_free(src);
        free(bytes);
    }
}

static void test_nested(void **state)
{
    struct fixture *f = *state;
    struct xsi_source *src;
    uint8_t *inner;
    size_t i, n;

    save(in_dir(f, "plain"), f->bytes, SIZE);
    for (i = 0; i < FORMATS; i++) {
        const char *outer = formats[(i + 1) % FORMATS];

        if (!compress(f, formats[i], "plain", "one") || !compress(f, outer, "one", "two") ||
            !compress(f, "gzip", "two", "three"))
            continue;
        src = xsi_source_open(in_dir(f, "two"), NULL, NULL);
        expect_filtered(src, outer, formats[i]);
        expect_bytes(src, f->bytes, SIZE);
        xsi_source_free(src);
        src = xsi_source_open(in_dir(f, "three"), NULL, NULL); /* not deeper than two */
        expect_filtered(src, "gzip", outer);
        inner = load(in_dir(f, "one"), &n);
        expect_bytes(src, inner, n);
        xsi_source_free(src);
        free(inner);
    }
    if (compress(f, "gzip", "plain", "one") && compress(f, "gzip", "one", "two") &&
        compress(f, "gzip", "two", "three")) {
        src = xsi_source_open(in_dir(f, "three"), NULL, NULL);
        expect_filtered(src, "gzip", "gzip");
        inner = load(in_dir(f, "one"), &n);
        expect_bytes(src, inner, n);
        xsi_source_free(src);
        free(inner);
    }
}

/* A compressed image inside a window, several streams in a row, and none at all. */
static void test_compressed_shapes(void **state)
{
    struct fixture *f = *state;
    struct xsi_source_options o = { .offset = 333 };
    struct xsi_source *src;
    size_t i, n;

    save(in_dir(f, "plain"), f->bytes, 1000);
    save(in_dir(f, "empty"), "", 0);
    for (i = 0; i < FORMATS; i++) {
        uint8_t *bytes, *all, twice[2000];

        if (!compress(f, formats[i], "plain", "packed") ||
            !compress(f, formats[i], "empty", "packed-empty"))
            continue;
        bytes = load(in_dir(f, "packed"), &n);
        all = malloc(333 + 2 * n);
        memset(all, 'x', 333);
        memcpy(all + 333, bytes, n);
        memcpy(all + 333 + n, bytes, n);
        save(in_dir(f, "twice"), all, 333 + 2 * n);
        src = xsi_source_open(in_dir(f, "twice"), &o, NULL);
        expect_filtered(src, formats[i], NULL);
        memcpy(twice, f->bytes, 1000);
        memcpy(twice + 1000, f->bytes, 1000);
        expect_bytes(src, twice, 2000);
        xsi_source_free(src);
        o.length = n;
        src = xsi_source_open(in_dir(f, "twice"), &o, NULL);
        o.length = 0;
        expect_bytes(src, f->bytes, 1000);
        xsi_source_free(src);
        src = xsi_source_open(in_dir(f, "packed-empty"), NULL, NULL);
        expect_filtered(src, formats[i], NULL);
        expect_bytes(src, f->bytes, 0);
        xsi_source_free(src);
        free(bytes);
        free(all);
    }
}

/* Read all there is; the bytes must be right. Returns how many, and the last answer. */
static size_t drain(struct xsi_source *src, const uint8_t *bytes, ssize_t *last)
{
    uint8_t buf[50000];
    size_t at = 0;

    while ((*last = xsi_source_read(src, buf, sizeof(buf), at)) > 0) {
        assert_true(at + (size_t)*last <= SIZE);
        if (bytes)
            assert_memory_equal(buf, bytes + at, (size_t)*last);
        at += (size_t)*last;
    }
    return at;
}

static void test_damaged(void **state)
{
    struct fixture *f = *state;
    size_t i, n, cut;

    save(in_dir(f, "plain"), f->bytes, SIZE);
    for (i = 0; i < FORMATS; i++) {
        uint8_t *bytes, buf[4];

        if (!compress(f, formats[i], "plain", "packed"))
            continue;
        bytes = load(in_dir(f, "packed"), &n);
        for (cut = 20; cut < n; cut += n / 7 - 3) {
            struct xsi_source *src;
            ssize_t last;
            uint64_t size;
            size_t had;

            save(in_dir(f, "cut"), bytes, cut);
            src = xsi_source_open(in_dir(f, "cut"), NULL, NULL);
            expect_filtered(src, formats[i], NULL);
            had = drain(src, f->bytes, &last);
            assert_int_equal(last, -EIO);
            assert_true(had <= SIZE); /* only the end mark or an index may be missing */
            assert_non_null(strstr(xsi_source_error(src)->text, "damaged or cut"));
            assert_non_null(strstr(xsi_source_error(src)->text, "compare with the original"));
            assert_int_equal(xsi_source_read(src, buf, 4, had), -EIO); /* it stays so */
            assert_int_equal(xsi_source_read(src, buf, 4, had + 9), -EIO);
            assert_false(xsi_source_size(src, &size));
            xsi_source_free(src);
        }
        free(bytes);
    }
}

/* Changed bytes never pass for good ones at the end: every format has a checksum. */
static void test_changed(void **state)
{
    struct fixture *f = *state;
    size_t i, n, at;

    save(in_dir(f, "plain"), f->bytes, SIZE);
    for (i = 0; i < FORMATS; i++) {
        uint8_t *bytes;

        if (!compress(f, formats[i], "plain", "packed"))
            continue;
        bytes = load(in_dir(f, "packed"), &n);
        for (at = n / 2; at < n / 2 + 40; at += 5) {
            struct xsi_source *src;
            ssize_t last;

            bytes[at] ^= 0x10;
            src = xsi_source_filter_new(xsi_source_memory(bytes, n), xsi_filter_detect(bytes, n),
                                        &xsi_filter_limits, NULL);
            (void)drain(src, NULL, &last);
            assert_int_equal(last, -EIO);
            xsi_source_free(src);
            bytes[at] ^= 0x10;
        }
        free(bytes);
    }
}

/* gzip gives every byte before the cut, and ends at padding and at foreign bytes. */
static void test_gzip_end(void **state)
{
    static const char *const tails[] = { "", "\0\0\0\0\0", "\x1fno", "behind" };
    static const size_t lengths[] = { 0, 5, 3, 6 };
    struct fixture *f = *state;
    const uint8_t *noisy = f->bytes + 65536;
    struct xsi_source *src;
    uint8_t *bytes;
    ssize_t last;
    size_t i, n, had;

    save(in_dir(f, "plain"), noisy, 20000);
    if (!compress(f, "gzip", "plain", "packed"))
        skip();
    bytes = load(in_dir(f, "packed"), &n);
    bytes = realloc(bytes, n + 16);
    for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        memcpy(bytes + n, tails[i], lengths[i]);
        src = xsi_source_filter_new(xsi_source_memory(bytes, n + lengths[i]),
                                    xsi_filter_detect(bytes, n), &xsi_filter_limits, NULL);
        expect_bytes(src, noisy, 20000);
        xsi_source_free(src);
    }
    for (i = 1; i < 3000; i += 77) {
        save(in_dir(f, "cut"), bytes, n - i);
        src = xsi_source_open(in_dir(f, "cut"), NULL, NULL);
        had = drain(src, noisy, &last);
        assert_int_equal(last, -EIO);
        assert_true(had <= 20000 && had + i + 200 >= 20000); /* noise does not shrink */
        xsi_source_free(src);
    }
    free(bytes);
}

/* Compressed bytes that the disk cannot read. */
static void test_compressed_unreadable(void **state)
{
    struct fixture *f = *state;
    struct xsi_source *src;
    ssize_t last;

    save(in_dir(f, "plain"), f->bytes, SIZE);
    if (!compress(f, "gzip", "plain", "packed"))
        skip();
    disk.active = true;
    disk.most = SIZE;
    disk.bad = 256 << 10;
    disk.bad_end = 300 << 10;
    src = xsi_source_open(in_dir(f, "packed"), NULL, NULL);
    assert_true(drain(src, f->bytes, &last) > 256 << 10);
    disk.active = false;
    assert_int_equal(last, -EIO);
    assert_non_null(strstr(xsi_source_error(src)->text, "at byte 0x40000"));
    xsi_source_free(src);
}

static void test_bomb(void **state)
{
    static const struct xsi_filter_limits ratio = { 1 << 20, 100, 1ULL << 40 };
    static const struct xsi_filter_limits total = { 1 << 20, 1 << 20, 2 << 20 };
    struct fixture *f = *state;
    uint8_t *zeros = calloc(1, 16 << 20);
    uint8_t head[XSI_FILTER_HEAD];
    size_t i, n;
    int pass;

    save(in_dir(f, "zeros"), zeros, 16 << 20);
    free(zeros);
    for (i = 0; i < FORMATS; i++) {
        uint8_t *bytes;

        if (!compress(f, formats[i], "zeros", "packed"))
            continue;
        bytes = load(in_dir(f, "packed"), &n);
        memcpy(head, bytes, sizeof(head));
        for (pass = 0; pass < 2; pass++) {
            struct xsi_source *src =
                xsi_source_filter_new(xsi_source_memory(bytes, n), xsi_filter_detect(head, 16),
                                      pass ? &total : &ratio, NULL);
            uint64_t at;
            ssize_t got = 1;
            char byte;

            for (at = 0; got > 0 && at < 16 << 20; at += 4096)
                got = xsi_source_read(src, &byte, 1, at);
            assert_int_equal(got, -EFBIG);
            assert_true(at >= 1 << 20 && at < 16 << 20);
            assert_non_null(strstr(xsi_source_error(src)->text, "decompression bomb"));
            xsi_source_free(src);
        }
        free(bytes);
        /* Such an image is honest by the limits that count. */
        if (strcmp(formats[i], "gzip") == 0) {
            struct xsi_source *src = xsi_source_open(in_dir(f, "packed"), NULL, NULL);
            char byte;

            assert_int_equal(xsi_source_read(src, &byte, 1, (16 << 20) - 1), 1);
            assert_int_equal(xsi_source_read(src, &byte, 1, 16 << 20), 0);
            xsi_source_free(src);
        }
    }
}

/* Bytes that begin like a compressed file and are none. */
static void test_false_magic(void **state)
{
    /* legacy images of 559903 pages, 64 and 32 bits, the latter with extended info */
    static const char wide[24] = "\x1f\x8b\x08\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\x01";
    static const char narrow[20] = "\x1f\x8b\x08\0\xff\xff\xff\xff\x1c\0\0\0vcpu\x10";
    static const char gz[16] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0"; /* gzip -n </dev/null */
    struct fixture *f = *state;
    struct xsi_source *src;

    assert_null(xsi_filter_detect((const uint8_t *)wide, 16));
    assert_null(xsi_filter_detect((const uint8_t *)narrow, 16));
    assert_null(xsi_filter_detect((const uint8_t *)gz, 5));
    assert_null(xsi_filter_detect(NULL, 0));
    assert_non_null(xsi_filter_detect((const uint8_t *)gz, 16));
    save(in_dir(f, "wide"), wide, sizeof(wide));
    src = xsi_source_open(in_dir(f, "wide"), NULL, NULL);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_FILE);
    expect_bytes(src, (const uint8_t *)wide, sizeof(wide));
    xsi_source_free(src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_compressed_shapes),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_gzip_end),
        cmocka_unit_test(test_compressed_unreadable),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_false_magic),
    };

    return cmocka_run_group_tests_name("source-filter", tests, setup, teardown);
}
