/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources: windows, overlays, descriptors and pipes give the right bytes and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xsi.h"

enum { SIZE = 10000 };

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 7 + offset / 256);
}

static void fill(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(i);
}

static int file_of(size_t n)
{
    uint8_t bytes[SIZE];
    int fd = memfd_create("source", MFD_CLOEXEC);

    fill(bytes, n);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* All of a source, read in odd pieces, equals the plain bytes from `shift` on. */
static void expect_bytes(struct xsi_source *src, uint64_t shift, size_t n)
{
    uint8_t piece[777];
    ssize_t got = 1;

    for (size_t at = 0; at < n; at += (size_t)got) {
        got = xsi_source_read(src, piece, sizeof(piece), at);
        assert_true(got > 0 && at + (size_t)got <= n);
        for (ssize_t i = 0; i < got; i++)
            assert_int_equal(piece[i], byte_at(shift + at + (uint64_t)i));
    }
    assert_int_equal(xsi_source_read(src, piece, sizeof(piece), n), 0);
}

static void expect_size(const struct xsi_source *src, uint64_t n)
{
    uint64_t size = 0;

    assert_true(xsi_source_size(src, &size));
    assert_int_equal(size, n);
}

static void memory(void **state)
{
    uint8_t bytes[SIZE];
    struct xsi_source *src;

    (void)state;
    fill(bytes, SIZE);
    src = xsi_source_memory(bytes, SIZE);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_MEMORY);
    assert_true(xsi_source_seekable(src));
    expect_size(src, SIZE);
    expect_bytes(src, 0, SIZE);
    assert_int_equal(xsi_source_read(src, bytes, 4, UINT64_MAX - 2), 0);
    xsi_source_free(src);
}

static void descriptor_begins_at_its_position(void **state)
{
    int fd = file_of(SIZE);
    struct xsi_error err = { 0 };
    struct xsi_source *src;

    (void)state;
    assert_int_equal(lseek(fd, 1234, SEEK_SET), 1234);
    src = xsi_source_fd(fd, NULL, &err);
    assert_non_null(src);
    expect_size(src, SIZE - 1234);
    expect_bytes(src, 1234, SIZE - 1234);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 1234);
    xsi_source_free(src);
    /* and it stays the caller's */
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 1234);
    close(fd);
}

static void window(void **state)
{
    struct xsi_source_options options = { .offset = 100, .length = 500 };
    int fd = file_of(SIZE);
    struct xsi_error err = { 0 };
    struct xsi_source *src = xsi_source_fd(fd, &options, &err);
    uint64_t size = 0;

    (void)state;
    assert_non_null(src);
    expect_size(src, 500);
    expect_bytes(src, 100, 500);
    assert_true(xsi_source_file_size(src, &size));
    assert_int_equal(size, SIZE);
    xsi_source_free(src);

    options.length = UINT64_MAX; /* to the end */
    src = xsi_source_fd(fd, &options, &err);
    expect_size(src, SIZE - 100);
    xsi_source_free(src);
    close(fd);
}

static void pipe_reads_forward(void **state)
{
    uint8_t bytes[SIZE], piece[64];
    struct xsi_error err = { 0 };
    struct xsi_source *src;
    uint64_t size;
    int ends[2];

    (void)state;
    fill(bytes, SIZE);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, SIZE), SIZE);
    close(ends[1]);
    src = xsi_source_fd(ends[0], NULL, &err);
    assert_non_null(src);
    assert_int_equal(xsi_source_kind(src), XSI_SOURCE_PIPE);
    assert_false(xsi_source_seekable(src));
    assert_false(xsi_source_size(src, &size));
    expect_bytes(src, 0, SIZE);
    expect_size(src, SIZE);
    assert_int_equal(xsi_source_read(src, piece, sizeof(piece), 0), -ESPIPE);
    xsi_source_free(src);
    close(ends[0]);
}

static void overlay(void **state)
{
    static const struct xsi_splice rows[] = {
        { 10, 0, "inserted", 8 }, { 20, 5, NULL, 0 }, { 100, 4, "four", 4 }, { SIZE, 0, "end", 3 }
    };
    uint8_t bytes[SIZE], got[SIZE + 64], want[SIZE + 64];
    struct xsi_error err = { 0 };
    struct xsi_source *base, *src;
    size_t n = 0, length = SIZE + 8 - 5 + 3;

    (void)state;
    fill(bytes, SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        if (i == 10) {
            memcpy(want + n, "inserted", 8);
            n += 8;
        }
        if (i < 20 || i >= 25)
            want[n++] = i >= 100 && i < 104 ? (uint8_t)"four"[i - 100] : bytes[i];
    }
    memcpy(want + n, "end", 3);
    base = xsi_source_memory(bytes, SIZE);
    src = xsi_source_overlay(base, rows, sizeof(rows) / sizeof(rows[0]), &err);
    assert_non_null(src);
    expect_size(src, length);
    /* at every offset, in pieces that straddle the splices */
    for (size_t at = 0; at < length; at += at < 200 ? 1 : 997) {
        ssize_t r = xsi_source_read(src, got, 40, at);

        assert_true(r > 0);
        assert_memory_equal(got, want + at, (size_t)r);
    }
    xsi_source_free(src);
    xsi_source_free(base);
}

static void overlay_refuses_wrong_rows(void **state)
{
    static const struct xsi_splice backwards[] = { { 50, 0, "a", 1 }, { 10, 0, "b", 1 } };
    static const struct xsi_splice overlapping[] = { { 10, 20, NULL, 0 }, { 15, 1, NULL, 0 } };
    static const struct xsi_splice outside[] = { { SIZE - 2, 3, NULL, 0 } };
    static const struct xsi_splice wraps[] = { { 8, UINT64_MAX, NULL, 0 } };
    static const uint8_t bytes[SIZE];
    struct xsi_source *base = xsi_source_memory(bytes, SIZE);
    struct xsi_error err = { 0 };

    (void)state;
    assert_null(xsi_source_overlay(base, backwards, 2, &err));
    assert_true(err.code != 0 && err.text[0]);
    assert_null(xsi_source_overlay(base, overlapping, 2, &err));
    assert_null(xsi_source_overlay(base, outside, 1, &err));
    assert_null(xsi_source_overlay(base, wraps, 1, &err));
    xsi_source_free(base);
}

static void what_cannot_be_opened_is_said(void **state)
{
    struct xsi_error err = { 0 };

    (void)state;
    assert_null(xsi_source_open("/nonexistent/image", NULL, &err));
    assert_int_equal(err.code, ENOENT);
    assert_true(err.text[0]);
    assert_null(xsi_source_fd(-1, NULL, &err));
    assert_int_equal(err.code, EBADF);
}

static void holes_are_skipped(void **state)
{
    int fd = memfd_create("sparse", MFD_CLOEXEC);
    struct xsi_error err = { 0 };
    struct xsi_source *src;
    char path[64];

    (void)state;
    /* opened by name: the position of a caller's descriptor is not moved to look for holes */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    assert_int_equal(ftruncate(fd, 1 << 24), 0);
    assert_int_equal(pwrite(fd, "x", 1, 1 << 23), 1);
    src = xsi_source_open(path, NULL, &err);
    assert_non_null(src);
    assert_true(xsi_source_next_data(src, 0) <= 1 << 23);
    assert_true(xsi_source_next_data(src, 0) > 0);
    assert_int_equal(xsi_source_next_data(src, 1 << 23), 1 << 23);
    xsi_source_free(src);
    close(fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory),
        cmocka_unit_test(descriptor_begins_at_its_position),
        cmocka_unit_test(window),
        cmocka_unit_test(pipe_reads_forward),
        cmocka_unit_test(overlay),
        cmocka_unit_test(overlay_refuses_wrong_rows),
        cmocka_unit_test(what_cannot_be_opened_is_said),
        cmocka_unit_test(holes_are_skipped),
    };

    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
