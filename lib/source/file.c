/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regular files and block devices, read with pread() and never mapped: a page that the disk cannot
 * read would end the process with SIGBUS instead of an error, and a file may shrink meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define SMALL 4096U /* the unit in which the kernel's cache fails */

enum { NOT_TRIED = -2, NOT_HAD = -1 };

struct file_source {
    struct xsi_source src;
    int fd;
    bool own_fd;
    int seek_fd;    /* whose position may be moved: fd, or another description of the file */
    uint64_t first; /* offset in the file of the window's first byte */
    uint64_t size;  /* of the window */
};

/* First byte of the image in the file, saturating. */
static uint64_t window_first(const struct xsi_opened *o)
{
    return o->offset > UINT64_MAX - o->position ? UINT64_MAX : o->position + o->offset;
}

static ssize_t file_fault(struct file_source *f, int code, uint64_t at)
{
    return xsi_source_fault(&f->src.error, code, "cannot read '%s' at byte %#llx: %s; %s",
                            f->src.name, (unsigned long long)at, strerror(code),
                            code == EIO ? "copy what can be read with ddrescue and open the copy"
                                        : "check the file system and dmesg");
}

static ssize_t file_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    struct file_source *f = (struct file_source *)src;
    size_t done = 0, limit = SIZE_MAX;

    if (offset >= f->size)
        return 0;
    if (len > f->size - offset)
        len = (size_t)(f->size - offset);
    while (done < len) {
        uint64_t at = f->first + offset + done;
        size_t want = len - done < limit ? len - done : limit;
        size_t rest = SMALL - (size_t)(at % SMALL);
        ssize_t n = pread(f->fd, (uint8_t *)buf + done, want, (off_t)at);

        if (n == 0)
            break; /* the file became shorter */
        if (n > 0) {
            done += (size_t)n;
            src->bytes_read += (size_t)n;
            limit = limit == SIZE_MAX ? limit : SMALL;
            continue;
        }
        if (errno == EINTR)
            continue;
        /* Some file systems refuse a whole request for one bad sector in it: feel forward. */
        if (errno == EIO && want > rest && !done) {
            limit = rest;
            continue;
        }
        if (done)
            break; /* the next read meets the fault at its own offset */
        return file_fault(f, errno, at);
    }
    return (ssize_t)done;
}

static bool file_size(const struct xsi_source *src, uint64_t *size)
{
    *size = ((const struct file_source *)src)->size;
    return true;
}

/*
 * The position of a caller's descriptor belongs to the caller, or to the shell. Another open
 * description of the same file can be sought for holes without moving it; without /proc it is
 * simply not had.
 */
static int reopen(int fd)
{
    struct stat old, new;
    char path[32];
    int other;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    other = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (other < 0)
        return NOT_HAD;
    if (!fstat(fd, &old) && !fstat(other, &new) && old.st_dev == new.st_dev &&
        old.st_ino == new.st_ino)
        return other;
    close(other);
    return NOT_HAD;
}

static uint64_t file_next_data(struct xsi_source *src, uint64_t offset)
{
    struct file_source *f = (struct file_source *)src;
    off_t at;

    if (src->kind != XSI_SOURCE_FILE || offset >= f->size)
        return offset;
    if (f->seek_fd == NOT_TRIED)
        f->seek_fd = reopen(f->fd);
    if (f->seek_fd < 0)
        return offset;
    at = lseek(f->seek_fd, (off_t)(f->first + offset), SEEK_DATA);
    if (at < 0)
        return errno == ENXIO ? f->size : offset;
    if ((uint64_t)at - f->first > f->size)
        return f->size;
    return (uint64_t)at - f->first;
}

static void file_free(struct xsi_source *src)
{
    struct file_source *f = (struct file_source *)src;

    if (f->seek_fd >= 0 && f->seek_fd != f->fd)
        close(f->seek_fd);
    if (f->own_fd)
        close(f->fd);
    free(f);
}

static void file_will_need(struct xsi_source *src, uint64_t offset, size_t len)
{
    const struct file_source *f = (struct file_source *)src;

    if (offset < f->size)
        (void)posix_fadvise(f->fd, (off_t)(f->first + offset), (off_t)len, POSIX_FADV_WILLNEED);
}

static const struct xsi_source_ops file_ops = {
    .read = file_read,
    .size = file_size,
    .next_data = file_next_data,
    .will_need = file_will_need,
    .free = file_free,
};

int xsi_source_reopen(const struct xsi_source *src)
{
    const struct file_source *f = (const struct file_source *)src;

    if (src->ops != &file_ops || f->first || !src->has_file_size || src->file_size != f->size)
        return -1;
    return reopen(f->fd);
}

int xsi_source_copy_fd(const struct xsi_source *src, uint64_t *first)
{
    const struct file_source *f = (const struct file_source *)src;
    bool is_file = src->ops == &file_ops;

    *first = is_file ? f->first : 0;
    return is_file ? f->fd : -1;
}

bool xsi_source_stat(const struct xsi_source *src, struct stat *st)
{
    const struct xsi_source *lowest = xsi_source_lowest(src);

    return lowest->ops == &file_ops && !fstat(((const struct file_source *)lowest)->fd, st);
}

struct xsi_source *xsi_source_file_new(const struct xsi_opened *o, struct xsi_error *err)
{
    struct file_source *f = calloc(1, sizeof(*f));

    if (!f) {
        xsi_source_fault(err, ENOMEM, "out of memory while opening '%s'", o->name);
        return NULL;
    }
    xsi_source_init(&f->src, &file_ops, o->kind, o->name);
    f->src.seekable = true;
    f->src.has_file_size = true;
    f->src.file_size = o->file_size;
    f->src.stored = o->stored;
    f->fd = o->fd;
    f->own_fd = o->own_fd;
    f->seek_fd = o->own_fd ? o->fd : NOT_TRIED;
    if (!o->own_fd && !o->seek_later && o->kind == XSI_SOURCE_FILE)
        f->seek_fd = reopen(o->fd); /* now: a sandbox may forbid it later */
    f->first = window_first(o);
    f->size = f->first < o->file_size ? o->file_size - f->first : 0;
    if (f->size > o->length)
        f->size = o->length;
    /* The walk jumps from header to header; read-ahead would fetch page data that nobody wants. */
    (void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_RANDOM);
    return &f->src;
}

void xsi_source_file_sequential(struct xsi_source *src)
{
    const struct file_source *f = (const struct file_source *)src;

    if (src->ops == &file_ops)
        (void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}
