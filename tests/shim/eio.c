/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk with bad sectors: reads of the file XSI_EIO_FILE that touch the bytes XSI_EIO ("from-to",
 * end excluded) stop in front of them or fail with EIO. Preloaded by the command-line tests and
 * linked into the property tests; without the variables it does nothing.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
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

static ssize_t read_around(int fd, void *buf, size_t n, off_t at)
{
    const char *range = getenv("XSI_EIO");
    uint64_t from, to, begin = (uint64_t)at;
    char *rest;

    if (range && is_the_disk(fd)) {
        from = strtoull(range, &rest, 0);
        to = *rest == '-' ? strtoull(rest + 1, NULL, 0) : from;
        if (begin < to && begin + n > from) {
            if (begin >= from) {
                errno = EIO;
                return -1;
            }
            n = from - begin;
        }
    }
    return (ssize_t)syscall(SYS_pread64, fd, buf, n, at);
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
