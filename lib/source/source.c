/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sources: opening, detection of compression, and the calls that go to the kind of source. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* ---- faults ---- */

int xsi_source_fault(struct xsi_error *err, int code, const char *fmt, ...)
{
    va_list args;

    if (err) {
        err->code = code;
        va_start(args, fmt);
        (void)vsnprintf(err->text, sizeof(err->text), fmt, args);
        va_end(args);
    }
    return -code;
}

/* What to do about a file that cannot be opened. */
static const char *advice(int code)
{
    static const struct {
        int code;
        const char *text;
    } rows[] = {
        { ENOENT, "check the path" },
        { ENOTDIR, "check the path" },
        { EACCES, "try as root or ask its owner" },
        { EPERM, "try as root or ask its owner" },
        { ENXIO, "it is a socket or a device without a driver; name a file or a block device" },
        { EAGAIN, "another program holds a lease on it, maybe it repairs it; try again later" },
        { EBUSY, "something else holds it; see lsof and lsblk" },
        { ENOMEDIUM, "insert the medium" },
        { EMFILE, "raise the limit with ulimit -n" },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].code == code)
            return rows[i].text;
    return "see dmesg";
}

/* The last part of a long path tells more than the first. */
static void shorten(char out[XSI_SOURCE_NAME], const char *name)
{
    size_t n = strlen(name), room = XSI_SOURCE_NAME - 1;

    (void)snprintf(out, XSI_SOURCE_NAME, "%s%s", n > room ? "..." : "",
                   n > room ? name + (n - room + 3) : name);
}

void xsi_source_init(struct xsi_source *src, const struct xsi_source_ops *ops,
                     enum xsi_source_kind kind, const char *name)
{
    src->ops = ops;
    src->kind = kind;
    shorten(src->name, name);
}

/* ---- opening ---- */

enum from { FROM_PATH, FROM_STDIN, FROM_FD };

static struct xsi_source *finish(struct xsi_source *src, bool decompress, struct xsi_error *err)
{
    uint8_t head[XSI_FILTER_HEAD];

    while (src && decompress && src->filter_count < XSI_FILTERS_MAX) {
        ssize_t n = xsi_source_peek(src, head, sizeof(head));
        const struct xsi_filter_row *row = n > 0 ? xsi_filter_detect(head, (size_t)n) : NULL;

        if (!row)
            break; /* a fault is met again by the reader, at its place */
        xsi_source_file_sequential(src);
        src = xsi_source_filter_new(src, row, &xsi_filter_limits, err);
    }
    return src;
}

/* Which kind of source a descriptor makes; fills position and size where it can seek. */
static int classify(struct xsi_opened *o, bool by_path, struct xsi_error *err)
{
    struct stat st;
    off_t at;

    if (fstat(o->fd, &st))
        return xsi_source_fault(err, errno, "cannot examine '%s': %s; open it anew", o->name,
                                strerror(errno));
    if (S_ISDIR(st.st_mode))
        return xsi_source_fault(err, EISDIR, "'%s' is a directory; name the image file in it",
                                o->name);
    if (by_path && S_ISCHR(st.st_mode))
        return xsi_source_fault(err, ENOTBLK,
                                "'%s' is a character device, which holds no image; name a file or "
                                "a block device, or - for standard input",
                                o->name);
    o->kind = XSI_SOURCE_PIPE;
    o->wait_first = by_path && S_ISFIFO(st.st_mode);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return 0;
    at = lseek(o->fd, 0, SEEK_CUR);
    if (at < 0)
        return 0;
    o->position = (uint64_t)at;
    o->file_size = (uint64_t)st.st_size;
    o->stored = S_ISREG(st.st_mode) ? (uint64_t)st.st_blocks * 512 : 0;
    o->kind = S_ISBLK(st.st_mode) ? XSI_SOURCE_BLOCK : XSI_SOURCE_FILE;
    if (S_ISBLK(st.st_mode) && ioctl(o->fd, BLKGETSIZE64, &o->file_size))
        return xsi_source_fault(err, errno, "cannot tell the size of '%s': %s; see lsblk", o->name,
                                strerror(errno));
    return 0;
}

static struct xsi_source *make(struct xsi_opened *o, const struct xsi_source_options *options,
                               enum from from, struct xsi_error *err)
{
    struct xsi_source *src = NULL;

    o->offset = options ? options->offset : 0;
    o->length = options && options->length ? options->length : UINT64_MAX;
    o->exact = options && options->exact;
    o->seek_later = from == FROM_FD;
    if (!classify(o, from == FROM_PATH, err))
        src =
            o->kind == XSI_SOURCE_PIPE ? xsi_source_pipe_new(o, err) : xsi_source_file_new(o, err);
    if (!src && o->own_fd)
        close(o->fd);
    /* A descriptor to be read exactly cannot be sniffed at either. */
    return finish(src, !o->exact && !(options && options->no_decompress), err);
}

struct xsi_source *xsi_source_open(const char *path, const struct xsi_source_options *options,
                                   struct xsi_error *err)
{
    struct xsi_opened o = { .own_fd = true };
    int flags;

    if (err)
        memset(err, 0, sizeof(*err));
    shorten(o.name, path);
    if (!strcmp(path, "-")) {
        o = (struct xsi_opened){ .fd = STDIN_FILENO, .name = "standard input" };
        return make(&o, options, FROM_STDIN, err);
    }
    /* O_NONBLOCK: a FIFO without a writer or a dead terminal line would hang in open(). */
    do
        o.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (o.fd < 0 && errno == EINTR);
    if (o.fd < 0) {
        xsi_source_fault(err, errno, "cannot open '%s': %s; %s", o.name, strerror(errno),
                         advice(errno));
        return NULL;
    }
    flags = fcntl(o.fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(o.fd, F_SETFL, flags & ~O_NONBLOCK);
    return make(&o, options, FROM_PATH, err);
}

struct xsi_source *xsi_source_fd(int fd, const struct xsi_source_options *options,
                                 struct xsi_error *err)
{
    struct xsi_opened o = { .fd = fd };
    int flags = fcntl(fd, F_GETFL);

    if (err)
        memset(err, 0, sizeof(*err));
    if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY) {
        xsi_source_fault(err, EBADF, "descriptor %d is not open for reading; open it so", fd);
        return NULL;
    }
    (void)snprintf(o.name, sizeof(o.name), "descriptor %d", fd);
    return make(&o, options, FROM_FD, err);
}

/* ---- calls ---- */

void xsi_source_free(struct xsi_source *src)
{
    while (src) {
        struct xsi_source *below = src->owns_below ? src->below : NULL;

        src->ops->free(src);
        src = below;
    }
}

ssize_t xsi_source_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    ssize_t n;

    src->error.code = 0;
    n = src->ops->read(src, buf, len, offset);
    if (n < 0 && src->error.code != -n)
        xsi_source_fault(&src->error, (int)-n, "cannot read '%s' at %#llx: %s", src->name,
                         (unsigned long long)offset, strerror((int)-n));
    return n;
}

ssize_t xsi_source_peek(struct xsi_source *src, void *buf, size_t len)
{
    return src->ops->peek ? src->ops->peek(src, buf, len) : src->ops->read(src, buf, len, 0);
}

const struct xsi_error *xsi_source_error(const struct xsi_source *src)
{
    return &src->error;
}

bool xsi_source_size(const struct xsi_source *src, uint64_t *size)
{
    return src->ops->size(src, size);
}

const struct xsi_source *xsi_source_lowest(const struct xsi_source *src)
{
    while (src->below)
        src = src->below;
    return src;
}

bool xsi_source_stored(const struct xsi_source *src, uint64_t *bytes)
{
    src = xsi_source_lowest(src);
    *bytes = src->stored;
    return src->has_file_size && src->kind == XSI_SOURCE_FILE;
}

bool xsi_source_file_size(const struct xsi_source *src, uint64_t *size)
{
    src = xsi_source_lowest(src);
    if (src->has_file_size)
        *size = src->file_size;
    return src->has_file_size;
}

bool xsi_source_seekable(const struct xsi_source *src)
{
    return src->seekable;
}

bool xsi_source_ahead(const struct xsi_source *src)
{
    return src->ahead;
}

enum xsi_source_kind xsi_source_kind(const struct xsi_source *src)
{
    return src->kind;
}

const char *const *xsi_source_filters(const struct xsi_source *src, size_t *n)
{
    while (src->kind == XSI_SOURCE_OVERLAY && src->below)
        src = src->below;
    *n = src->filter_count;
    return src->filters;
}

void xsi_source_will_need(struct xsi_source *src, uint64_t offset, size_t len)
{
    if (src->ops->will_need)
        src->ops->will_need(src, offset, len);
}

uint64_t xsi_source_next_data(struct xsi_source *src, uint64_t offset)
{
    return src->ops->next_data ? src->ops->next_data(src, offset) : offset;
}

uint64_t xsi_source_bytes_read(const struct xsi_source *src)
{
    return xsi_source_lowest(src)->bytes_read;
}
