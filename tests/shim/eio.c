/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk with bad sectors: reads and copies of the file XSI_EIO_FILE that touch the bytes XSI_EIO
 * ("from-to", end excluded) stop in front of them or fail with EIO. Preloaded by the command-line
 * tests and linked into the property tests; without the variables it does nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off_t at, size_t room);

static int is_the_disk(int fd)
{
    const char *path = getenv("XSI_EIO_FILE");
    struct stat a, b;

    return path && stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* How many of n bytes at a place can be had; -1 with EIO: none. */
static ssize_t readable(int fd, size_t n, uint64_t begin)
{
    const char *range = getenv("XSI_EIO");
    uint64_t from, to;
    char *rest;

    if (!range || !is_the_disk(fd))
        return (ssize_t)n;
    from = strtoull(range, &rest, 0);
    to = *rest == '-' ? strtoull(rest + 1, NULL, 0) : from;
    if (begin >= to || begin + n <= from)
        return (ssize_t)n;
    if (begin < from)
        return (ssize_t)(from - begin);
    errno = EIO;
    return -1;
}

static ssize_t read_around(int fd, void *buf, size_t n, off_t at)
{
    ssize_t can = readable(fd, n, (uint64_t)at);

    return can < 0 ? can : (ssize_t)syscall(SYS_pread64, fd, buf, (size_t)can, at);
}

/* ---- calls that move bytes inside the kernel ---- */

/* Weak: the crash matrix, which links this file too, has its own. */
#define YIELDS __attribute__((weak))

YIELDS ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t n,
                               unsigned flags)
{
    ssize_t can = in_at ? readable(in, n, (uint64_t)*in_at) : (ssize_t)n;

    return can < 0
               ? can
               : (ssize_t)syscall(SYS_copy_file_range, in, in_at, out, out_at, (size_t)can, flags);
}

YIELDS ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags)
{
    ssize_t can = in_at ? readable(in, n, (uint64_t)*in_at) : (ssize_t)n;

    return can < 0 ? can : (ssize_t)syscall(SYS_splice, in, in_at, out, out_at, (size_t)can, flags);
}

YIELDS ssize_t sendfile(int out, int in, off_t *at, size_t n)
{
    ssize_t can = at ? readable(in, n, (uint64_t)*at) : (ssize_t)n;

    return can < 0 ? can : (ssize_t)syscall(SYS_sendfile, out, in, at, (size_t)can);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    return read_around(fd, buf, n, at);
}

ssize_t pread64(int fd, void *buf, size_t n, off64_t at)
{
    return read_around(fd, buf, n, at);
}

/* What pread is called under _FORTIFY_SOURCE. */
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room)
{
    if (n > room)
        abort();
    return read_around(fd, buf, n, at);
}

ssize_t __pread64_chk(int fd, void *buf, size_t n, off_t at, size_t room)
{
    return __pread_chk(fd, buf, n, at, room);
}
