/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files as bytes. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mending.h"

enum { BLOCK = 1 << 18 };

static uint8_t block[2][BLOCK];

bool file_is(const char *path, struct xsi_source *src, uint64_t *at)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool same = fd >= 0;

    *at = 0;
    while (same) {
        ssize_t got = xsi_source_read(src, block[0], BLOCK, *at);
        ssize_t there = pread(fd, block[1], BLOCK, (off_t)*at);
        ssize_t i = 0;

        while (i < got && i < there && block[0][i] == block[1][i])
            i++;
        *at += (uint64_t)i;
        same = got >= 0 && got == there && i == got;
        if (same && !got)
            break;
    }
    if (fd >= 0)
        close(fd);
    return same;
}

bool files_same(const char *a, const char *b)
{
    struct xsi_error err;
    const struct xsi_source_options plain = { .no_decompress = true };
    struct xsi_source *src = xsi_source_open(b, &plain, &err);
    uint64_t at;
    bool same = src && file_is(a, src, &at);

    if (src)
        xsi_source_free(src);
    return same;
}

/* Holes stay holes: most of a guest's memory is one. */
bool file_copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static const uint8_t zeros[BLOCK];
    ssize_t got = in >= 0 && out >= 0 ? 1 : -1;
    off_t at = 0;

    while (got > 0) {
        got = pread(in, block[0], BLOCK, at);
        if (got > 0 && memcmp(block[0], zeros, (size_t)got) != 0 &&
            pwrite(out, block[0], (size_t)got, at) != got)
            got = -1;
        at += got > 0 ? got : 0;
    }
    if (!got && ftruncate(out, at))
        got = -1;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out))
        got = -1;
    return !got;
}

bool file_flip(const char *path, uint64_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;
    bool done = fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1;

    byte = done ? (uint8_t)~byte : 0;
    done = done && pwrite(fd, &byte, 1, (off_t)at) == 1;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Nothing here loses power, and thousands of syncs would take most of the time: the crash matrix is
 * about them. These stand in front of libc's. */
int fsync(int fd)
{
    return fd < 0 ? -1 : 0;
}

int fdatasync(int fd)
{
    return fd < 0 ? -1 : 0;
}
