/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of sources share: a scratch folder, known bytes, a pipe's writer, and a disk that
 * fails. Each test program includes it once.
 */
#ifndef TEST_SOURCE_H
#define TEST_SOURCE_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/internal.h"

#define SIZE (700U << 10)

struct fixture {
    char dir[64];
    uint8_t *bytes; /* SIZE of them: half noise, half repetition */
};

/* ---- a disk that fails: this program's pread() stands before the C library's ---- */

static struct {
    bool active;
    bool refuse_whole;  /* a request that touches the bad range gives nothing at all */
    size_t most;        /* bytes per call */
    unsigned interrupt; /* so many calls are interrupted first */
    off_t bad, bad_end;
} disk;

static inline ssize_t read_disk(int fd, void *buf, size_t n, off_t at)
{
    if (disk.active && disk.interrupt) {
        disk.interrupt--;
        errno = EINTR;
        return -1;
    }
    if (disk.active && at < disk.bad_end && at + (off_t)n > disk.bad) {
        if (at >= disk.bad || disk.refuse_whole) {
            errno = EIO;
            return -1;
        }
        n = (size_t)(disk.bad - at);
    }
    if (disk.active && n > disk.most)
        n = disk.most;
    return syscall(SYS_pread64, fd, buf, n, at);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    return read_disk(fd, buf, n, at);
}

/* ---- helpers ---- */

static inline uint32_t noise(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    uint32_t seed = 2463534242U;
    size_t i;

    (void)snprintf(f->dir, sizeof(f->dir), "%.40s/xsi-source-XXXXXX", tmp ? tmp : "/tmp");
    f->bytes = malloc(SIZE);
    for (i = 0; i < SIZE; i++)
        f->bytes[i] = (uint8_t)(i / 65536 % 2 ? noise(&seed) : i / 100);
    *state = f;
    return mkdtemp(f->dir) ? 0 : -1;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    int rc;

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
    rc = system(command);
    free(f->bytes);
    free(f);
    return rc;
}

static inline const char *in_dir(const struct fixture *f, const char *name)
{
    static char path[100];

    (void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return path;
}

static inline void save(const char *path, const void *bytes, size_t n)
{
    FILE *out = fopen(path, "we");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

static inline uint8_t *load(const char *path, size_t *n)
{
    FILE *in = fopen(path, "re");
    uint8_t *bytes;
    struct stat st;

    assert_non_null(in);
    assert_int_equal(fstat(fileno(in), &st), 0);
    *n = (size_t)st.st_size;
    bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, in), *n);
    (void)fclose(in);
    return bytes;
}

/* A pipe into which a child writes n bytes in small pieces. Reap with wait(). */
static inline int feed(const void *bytes, size_t n)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    if (fork() == 0) {
        const uint8_t *p = bytes;

        close(ends[0]);
        while (n) {
            ssize_t out = write(ends[1], p, n < 3000 ? n : 3000);

            if (out < 0)
                break;
            p += out;
            n -= (size_t)out;
        }
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

/* Read all of a source in uneven pieces and compare. */
static inline void expect_bytes(struct xsi_source *src, const uint8_t *bytes, size_t n)
{
    uint8_t buf[10007];
    uint64_t size;
    size_t at = 0, len = 1;
    ssize_t got;

    while ((got = xsi_source_read(src, buf, len, at)) > 0) {
        assert_true((size_t)got <= n - at);
        assert_memory_equal(buf, bytes + at, (size_t)got);
        at += (size_t)got;
        len = len * 7 % sizeof(buf) + 1;
    }
    if (got < 0)
        print_message("%s\n", xsi_source_error(src)->text);
    assert_int_equal(got, 0);
    assert_int_equal(at, n);
    assert_true(xsi_source_size(src, &size));
    assert_int_equal(size, n);
}

#endif
