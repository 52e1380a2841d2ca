/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pipes, sockets and terminals: read once, from front to back, in constant memory. A window is
 * applied here because what lies before it must be read away.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define PIPE_BUFFER (64U << 10)
#define PIPE_SIZE   (1 << 20)  /* asked of the kernel: fewer switches between writer and us */
#define PIPE_STEP   (1U << 30) /* most that one system call is asked for */

struct pipe_source {
    struct xsi_stream st;
    int fd;
    bool own_fd;
    bool wait_first;
    int null_fd;   /* /dev/null, to which a FIFO's bytes are moved unseen; -1 = read them away */
    uint64_t skip; /* bytes before the window that are still to come */
    uint64_t left; /* bytes of the window that are still to come */
};

/* Wait for bytes, or for the writer's end of the pipe to be closed. */
static void wait_input(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
}

static ssize_t take_once(struct pipe_source *p, void *buf, size_t len)
{
    if (buf)
        return read(p->fd, buf, len);
    if (p->null_fd >= 0) {
        ssize_t n = splice(p->fd, NULL, p->null_fd, NULL, len, SPLICE_F_MOVE);

        if (n >= 0 || (errno != EINVAL && errno != ENOSYS && errno != EPERM))
            return n;
        close(p->null_fd);
        p->null_fd = -1;
    }
    return read(p->fd, p->st.buffer, len < p->st.capacity ? len : p->st.capacity);
}

/* One system call's worth of bytes; buf NULL throws them away. */
static ssize_t take(struct pipe_source *p, void *buf, uint64_t len)
{
    struct xsi_source *src = &p->st.src;
    ssize_t n;

    if (p->wait_first) { /* before a writer came, read() would answer "end of file" */
        wait_input(p->fd);
        p->wait_first = false;
    }
    while ((n = take_once(p, buf, len < PIPE_STEP ? (size_t)len : PIPE_STEP)) < 0) {
        if (errno == EAGAIN)
            wait_input(p->fd); /* the descriptor is the caller's: it may be non-blocking */
        else if (errno != EINTR)
            return xsi_source_fault(&src->error, errno,
                                    "cannot read '%s' behind byte %#llx: %s; save it to a file "
                                    "and open that",
                                    src->name, (unsigned long long)src->bytes_read,
                                    strerror(errno));
    }
    src->bytes_read += (uint64_t)n;
    return n;
}

static ssize_t pipe_pull(struct xsi_stream *st, void *buf, size_t len)
{
    struct pipe_source *p = (struct pipe_source *)st;
    ssize_t n;

    while (p->skip) {
        n = take(p, NULL, p->skip);
        if (n <= 0)
            return n;
        p->skip -= (uint64_t)n;
    }
    if (!p->left)
        return 0;
    n = take(p, buf, len < p->left ? len : p->left);
    if (n > 0 && p->left != UINT64_MAX)
        p->left -= (uint64_t)n;
    return n;
}

static void pipe_close(struct xsi_stream *st)
{
    struct pipe_source *p = (struct pipe_source *)st;

    if (p->null_fd >= 0)
        close(p->null_fd);
    if (p->own_fd)
        close(p->fd);
}

struct xsi_source *xsi_source_pipe_new(const struct xsi_opened *o, struct xsi_error *err)
{
    struct pipe_source *p;
    struct stat st;

    p = (struct pipe_source *)xsi_stream_new(sizeof(*p), PIPE_BUFFER, o->name, err);
    if (!p)
        return NULL;
    p->st.pull = pipe_pull;
    p->st.close = pipe_close;
    p->st.read_ahead = o->exact ? 0 : PIPE_BUFFER;
    p->fd = o->fd;
    p->own_fd = o->own_fd;
    p->wait_first = o->wait_first;
    p->null_fd = -1;
    p->skip = o->offset;
    p->left = o->length;
    if (!fstat(p->fd, &st) && S_ISFIFO(st.st_mode)) {
        p->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (!o->exact)
            (void)fcntl(p->fd, F_SETPIPE_SZ, PIPE_SIZE); /* a favour; the limit may be reached */
    }
    return &p->st.src;
}
