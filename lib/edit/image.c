/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing to an image. No other file of the library does. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "write.h"

/* ---- calls that do all of it or say why not ---- */

int xsi_put_at(int fd, const void *bytes, size_t n, uint64_t at)
{
    size_t done = 0;

    while (done < n) {
        ssize_t put = pwrite(fd, (const uint8_t *)bytes + done, n - done, (off_t)(at + done));

        if (put > 0)
            done += (size_t)put;
        else if (!put)
            return -EIO; /* neither progress nor a reason */
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/* After EIO a second sync may lie: the kernel drops what it could not write. So never again. */
int xsi_sync(int fd, bool data_only)
{
    int rc;

    do
        rc = data_only ? fdatasync(fd) : fsync(fd);
    while (rc && errno == EINTR);
    return rc ? -errno : 0;
}

static int set_size(int fd, uint64_t size)
{
    int rc;

    do
        rc = ftruncate(fd, (off_t)size);
    while (rc && errno == EINTR);
    return rc ? -errno : 0;
}

/* ---- the image ---- */

static int cannot(const struct xsi_held *held, const char *what, uint64_t at, int rc,
                  struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, -rc, "cannot %s '%s' at byte %#llx: %s", what,
                            xsi_name_short(name, held->path), (unsigned long long)at,
                            strerror(-rc));
}

/* Blocks of holes and behind the end are given now or never; a device has all of its own. */
int xsi_image_reserve(struct xsi_held *held, const struct xsi_journal *j, bool old,
                      struct xsi_error *err)
{
    for (size_t i = 0; !held->device && i < j->count; i++) {
        const struct xsi_extent *e = &j->extent[i];
        uint64_t length = old ? e->old_length : e->new_length;
        int rc;

        if (!length)
            continue;
        do
            rc = fallocate(held->fd, FALLOC_FL_KEEP_SIZE, (off_t)e->at, (off_t)length);
        while (rc && errno == EINTR);
        if (rc && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
            return cannot(held, "get room in", e->at, -errno, err);
    }
    return 0;
}

void xsi_image_give_back(struct xsi_held *held, const struct xsi_journal *j)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, held->st.st_mtim };
    struct stat st;

    if (held->device || j->new_size == j->old_size || xsi_held_still(held, NULL) ||
        fstat(held->fd, &st) || (uint64_t)st.st_size != held->size)
        return;
    if (!set_size(held->fd, held->size))
        (void)futimens(held->fd, times);
}

/*
 * A program that is killed between two writes must leave whole sectors, old or new, and a file that
 * grows must end with one: so writes end where pages do.
 */
static int fill(struct xsi_held *held, struct xsi_source *from, uint8_t *buf, uint64_t at,
                uint64_t length, uint64_t *bytes, struct xsi_error *err)
{
    while (length) {
        size_t block = XSI_BLOCK - (size_t)(at % 4096);
        size_t n = length < block ? (size_t)length : block;
        int rc = xsi_read_all(from, buf, n, at, err);

        if (rc)
            return rc;
        rc = xsi_put_at(held->fd, buf, n, at);
        if (rc)
            return cannot(held, "write", at, rc, err);
        *bytes += n;
        at += n;
        length -= n;
    }
    return 0;
}

int xsi_image_write(struct xsi_held *held, const struct xsi_journal *j, struct xsi_source *from,
                    bool old, uint64_t *bytes, struct xsi_error *err)
{
    uint64_t size = old ? j->old_size : j->new_size;
    uint8_t *buf = malloc(XSI_BLOCK);
    struct stat st;
    int rc = 0;

    if (!buf)
        return xsi_source_fault(err, ENOMEM, "out of memory while writing the image");
    for (size_t i = 0; !rc && i < j->count; i++)
        rc = fill(held, from, buf, j->extent[i].at,
                  old ? j->extent[i].old_length : j->extent[i].new_length, bytes, err);
    free(buf);
    if (rc)
        return rc;
    /* also where the size is right already: blocks that were reserved behind it are given back */
    if (fstat(held->fd, &st))
        return cannot(held, "examine", 0, -errno, err);
    if (!held->device && ((uint64_t)st.st_size != size || j->old_size != j->new_size)) {
        rc = set_size(held->fd, size);
        if (rc)
            return cannot(held, "set the size of", size, rc, err);
    }
    rc = xsi_sync(held->fd, false);
    return rc ? cannot(held, "sync", 0, rc, err) : 0;
}

static int verify(struct xsi_held *held, const struct xsi_journal *j, struct xsi_error *err)
{
    static const struct xsi_source_options raw = { .no_decompress = true };
    /* a source knows the size that the image had when it was made */
    struct xsi_source *now = xsi_source_fd(held->fd, &raw, err);
    char name[XSI_NAME_MAX];
    uint64_t size, at;
    int rc = now ? 0 : -ENOMEM;

    if (now && xsi_source_size(now, &size) && size != j->old_size)
        rc = xsi_source_fault(err, EIO, "the image has %llu bytes, not %llu",
                              (unsigned long long)size, (unsigned long long)j->old_size);
    if (!rc)
        rc = xsi_saved_differs(j, now, &at, err);
    if (rc > 0)
        rc = xsi_source_fault(err, EIO,
                              "'%s' does not hold its old bytes at %#llx although they were "
                              "written; look at dmesg, then undo again",
                              xsi_name_short(name, held->path), (unsigned long long)at);
    xsi_source_free(now);
    return rc;
}

int xsi_image_restore(struct xsi_held *held, const struct xsi_journal *j, uint64_t *bytes,
                      struct xsi_error *err)
{
    struct xsi_source *saved = xsi_saved_source(j, NULL, err);
    int rc = saved ? xsi_image_write(held, j, saved, true, bytes, err) : -ENOMEM;

    xsi_source_free(saved);
    return rc ? rc : verify(held, j, err);
}
