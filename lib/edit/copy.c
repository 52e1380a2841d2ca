/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of the image on their way out. The kernel moves them where it can: splice() into a pipe,
 * copy_file_range() between files, sendfile() elsewhere; what it cannot move is read and written,
 * which also tells where a disk fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "write.h"

enum { BY_READING, BY_SPLICE, BY_RANGE, BY_SENDFILE };
enum { PIECE = 64U << 20, EARLY = 32U << 20 };

static int cannot_write(const struct xsi_target *t, int rc, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    xsi_name_short(name, t->name);
    if (rc == -EPIPE)
        return xsi_source_fault(err, EPIPE, "whoever read '%s' went away after %llu bytes", name,
                                (unsigned long long)t->at);
    return xsi_source_fault(err, -rc, "cannot write '%s' at byte %#llx: %s", name,
                            (unsigned long long)t->at, strerror(-rc));
}

/* A descriptor that does not wait makes us wait. */
static bool again(const struct xsi_target *t, int code)
{
    struct pollfd p = { .fd = t->fd, .events = POLLOUT };

    if (code == EAGAIN)
        (void)poll(&p, 1, -1);
    return code == EAGAIN || code == EINTR;
}

int xsi_target_bytes(struct xsi_target *t, const void *bytes, size_t n, struct xsi_error *err)
{
    size_t done = 0;
    int rc;

    if (t->file) {
        rc = xsi_put_at(t->fd, bytes, n, t->at);
        if (rc)
            return cannot_write(t, rc, err);
        t->at += n;
        return 0;
    }
    while (done < n) {
        ssize_t put = write(t->fd, (const uint8_t *)bytes + done, n - done);

        if (put > 0) {
            done += (size_t)put;
            t->at += (uint64_t)put;
        } else if (!put || !again(t, errno)) {
            return cannot_write(t, put ? -errno : -EIO, err);
        }
    }
    return 0;
}

/* ---- by the kernel ---- */

static ssize_t ask_kernel(struct xsi_target *t, uint64_t offset, size_t n)
{
    off_t from = (off_t)(t->first + offset), to = (off_t)t->at;

    switch (t->way) {
    case BY_SPLICE:
        return splice(t->image, &from, t->fd, NULL, n, SPLICE_F_MORE);
    case BY_RANGE:
        return copy_file_range(t->image, &from, t->fd, t->file ? &to : NULL, n, 0);
    default:
        return sendfile(t->fd, t->image, &from, n);
    }
}

/* How many bytes it moved; 0: it cannot, or the image cannot be read there; -errno. */
static ssize_t by_kernel(struct xsi_target *t, uint64_t offset, size_t n)
{
    ssize_t moved;

    do
        moved = ask_kernel(t, offset, n);
    while (moved < 0 && again(t, errno));
    if (moved >= 0)
        return moved;
    switch (errno) {
    case EPIPE:
    case ENOSPC:
    case EFBIG:
    case EDQUOT:
        return -errno;
    case EIO: /* of the disk that is read, or of the other: reading tells */
        return 0;
    }
    t->way = BY_READING;
    return 0;
}

static int became_shorter(uint64_t offset, struct xsi_error *err)
{
    return xsi_source_fault(err, ESTALE,
                            "the image ends at %#llx, earlier than it did: something else "
                            "writes to it; try again when nothing uses it",
                            (unsigned long long)offset);
}

static int interrupted(const struct xsi_target *t, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, EINTR, "interrupted; nothing is left of '%s'",
                            xsi_name_short(name, t->name));
}

static int piece(struct xsi_target *t, uint64_t offset, size_t n, size_t *moved,
                 struct xsi_error *err)
{
    ssize_t got = t->way != BY_READING ? by_kernel(t, offset, n) : 0;

    if (got < 0)
        return cannot_write(t, (int)got, err);
    if (got > 0) {
        t->at += (uint64_t)got;
        *moved = (size_t)got;
        return 0;
    }
    got = xsi_source_read(t->base, t->buffer, n < XSI_COPY_BUFFER ? n : XSI_COPY_BUFFER, offset);
    if (got < 0) {
        *err = *xsi_source_error(t->base);
        return (int)got;
    }
    if (!got)
        return became_shorter(offset, err);
    *moved = (size_t)got;
    return xsi_target_bytes(t, t->buffer, (size_t)got, err);
}

/* ---- stretches ---- */

/* The next stretch of data: [*from, *to) within offset and end; *from == end when all is hole. */
static void next_data(struct xsi_target *t, uint64_t offset, uint64_t end, uint64_t *from,
                      uint64_t *to)
{
    off_t at;

    *from = offset;
    *to = end;
    if (!t->file)
        return;
    if (t->image < 0) {
        *from = xsi_source_next_data(t->base, offset);
        *to = *from < end && end - *from > XSI_COPY_BUFFER ? *from + XSI_COPY_BUFFER : end;
    } else {
        at = lseek(t->image, (off_t)(t->first + offset), SEEK_DATA);
        if (at >= 0)
            *from = (uint64_t)at - t->first;
        else if (errno == ENXIO)
            *from = end;
        at = *from < end ? lseek(t->image, (off_t)(t->first + *from), SEEK_HOLE) : -1;
        if (at > 0 && (uint64_t)at - t->first > *from)
            *to = (uint64_t)at - t->first;
    }
    *from = *from < end ? *from : end;
    *to = *to < end ? *to : end;
}

/* A long file is written out while it grows, so that the sync at the end has little left. */
static void start_early(struct xsi_target *t)
{
    if (!t->file || t->at - t->started < EARLY)
        return;
    (void)sync_file_range(t->fd, (off_t)t->started, (off_t)(t->at - t->started),
                          SYNC_FILE_RANGE_WRITE);
    t->started = t->at;
}

/* Behind the end of a file there is no data either: a hole must have a last byte. */
static int is_hole(struct xsi_target *t, uint64_t offset, uint64_t end, struct xsi_error *err)
{
    ssize_t n = xsi_source_read(t->base, t->buffer, 1, end - 1);

    if (n < 0)
        *err = *xsi_source_error(t->base);
    return n > 0 ? 0 : n < 0 ? (int)n : became_shorter(offset, err);
}

int xsi_target_copy(struct xsi_target *t, uint64_t offset, uint64_t length, struct xsi_error *err)
{
    uint64_t end = offset + length, from, to;

    while (offset < end) {
        int rc = 0;

        next_data(t, offset, end, &from, &to);
        if (from == end)
            rc = is_hole(t, offset, end, err);
        if (rc)
            return rc;
        t->at += from - offset;
        for (offset = from; offset < to;) {
            size_t n = to - offset < PIECE ? (size_t)(to - offset) : PIECE, moved = 0;

            rc = piece(t, offset, n, &moved, err);
            if (rc)
                return rc;
            if (t->stoppable && xsi_signals_waiting())
                return interrupted(t, err);
            offset += moved;
            start_early(t);
        }
    }
    return 0;
}

int xsi_target_plan(struct xsi_target *t, const struct xsi_change *change, struct xsi_error *err)
{
    uint64_t reached = 0;
    int rc = 0;

    for (size_t i = 0; !rc && i < change->splice_count; i++) {
        const struct xsi_splice *s = &change->splice[i];

        rc = xsi_target_copy(t, reached, s->offset - reached, err);
        if (!rc)
            rc = xsi_target_bytes(t, s->inserted, s->inserted_length, err);
        reached = s->offset + s->removed;
    }
    return rc ? rc : xsi_target_copy(t, reached, change->old_size - reached, err);
}

int xsi_target_start(struct xsi_target *t, struct xsi_error *err)
{
    struct stat st;

    t->buffer = malloc(XSI_COPY_BUFFER);
    if (!t->buffer)
        return xsi_source_fault(err, ENOMEM, "out of memory while copying the image");
    t->way = BY_READING;
    if (t->image < 0 || fstat(t->fd, &st))
        return 0;
    (void)posix_fadvise(t->image, 0, 0, POSIX_FADV_SEQUENTIAL);
    t->way = S_ISFIFO(st.st_mode) ? BY_SPLICE : S_ISREG(st.st_mode) ? BY_RANGE : BY_SENDFILE;
    /* as much as an ordinary user may have; fewer and larger pieces */
    if (S_ISFIFO(st.st_mode))
        (void)fcntl(t->fd, F_SETPIPE_SZ, 1 << 20);
    return 0;
}
