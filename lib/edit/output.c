/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New files: written without a name, or under a hidden one where the file system wants names, and
 * published whole. Nothing that exists is ever replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "write.h"

/* ---- what is read ---- */

bool xsi_same_place(const struct stat *a, const struct stat *b)
{
    if (S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode))
        return a->st_rdev == b->st_rdev;
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool changed(const struct stat *then, const struct stat *now)
{
    return S_ISREG(then->st_mode) &&
           (then->st_size != now->st_size || then->st_mtim.tv_sec != now->st_mtim.tv_sec ||
            then->st_mtim.tv_nsec != now->st_mtim.tv_nsec ||
            then->st_ctim.tv_sec != now->st_ctim.tv_sec ||
            then->st_ctim.tv_nsec != now->st_ctim.tv_nsec);
}

/* Holes and what the kernel copies come from the file itself, whatever its size is by now. */
int xsi_source_still(const struct xsi_source *src, const struct stat *then, struct xsi_error *err)
{
    struct stat now;

    if (!xsi_source_stat(src, &now) || !changed(then, &now))
        return 0;
    return xsi_source_fault(err, ESTALE,
                            "the image changed while it was copied: something else writes to it; "
                            "try again when nothing uses it");
}

int xsi_input_still(const struct xsi_input *in, struct xsi_error *err)
{
    return in->known ? xsi_source_still(in->base, &in->st, err) : 0;
}

int xsi_input_open(struct xsi_input *in, struct xsi_plan *plan, const char *path,
                   struct xsi_error *err)
{
    static const struct xsi_source_options raw = { .no_decompress = true };
    uint64_t size = 0;
    int rc = 0;

    *in = (struct xsi_input){ .plan = plan, .base = xsi_plan_base(plan), .image = -1 };
    if (!in->base) {
        in->base = in->own = xsi_source_open(path, &raw, err);
        rc = in->own ? xsi_plan_attach(plan, in->own, err) : -err->code;
    }
    if (!rc && !xsi_source_size(in->base, &size))
        rc = xsi_source_fault(err, ESPIPE, "the size of the image is not known; save it to a file");
    if (!rc)
        rc = xsi_change_of(&in->change, plan, size, err);
    if (rc) {
        xsi_input_close(in);
        return rc;
    }
    in->known = xsi_source_stat(in->base, &in->st);
    in->image = xsi_source_reopen(in->base); /* a window, or memory, is read through the base */
    return 0;
}

void xsi_input_close(struct xsi_input *in)
{
    struct xsi_error unused = { 0 };

    xsi_change_free(&in->change);
    if (in->own && xsi_plan_base(in->plan) == in->own)
        (void)xsi_plan_detach(in->plan, &unused);
    xsi_source_free(in->own);
    if (in->image >= 0)
        close(in->image);
    in->own = NULL;
    in->image = -1;
}

/* ---- a file to be published ---- */

struct output {
    const char *path, *base; /* the wanted name, and its last part */
    int folder, fd;
    char temp[256]; /* its name until it is published; "" it has none */
};

static int exists(const struct output *o, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, EEXIST, "'%s' exists and is not replaced; name another file",
                            xsi_name_short(name, o->path));
}

static int cannot(const struct output *o, const char *what, int rc, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    if (rc == -EEXIST)
        return exists(o, err);
    return xsi_source_fault(err, -rc, "cannot %s '%s': %s; nothing is left of it", what,
                            xsi_name_short(name, o->path), strerror(-rc));
}

static int open_hidden(struct output *o)
{
    int fd = -EEXIST;

    for (int i = 0; fd == -EEXIST && i < 100; i++) {
        uint32_t random;

        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
            random = (uint32_t)getpid();
        (void)snprintf(o->temp, sizeof(o->temp), ".%.200s.%08x", o->base, random + (uint32_t)i);
        fd = openat(o->folder, o->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        fd = fd < 0 ? -errno : fd;
        if (fd == -EINTR)
            fd = -EEXIST;
    }
    if (fd < 0)
        o->temp[0] = '\0';
    return fd;
}

static void discard(struct output *o)
{
    if (o->temp[0])
        (void)unlinkat(o->folder, o->temp, 0);
    if (o->fd >= 0)
        close(o->fd);
    if (o->folder >= 0)
        close(o->folder);
    o->fd = o->folder = -1;
}

/*
 * Open it, and hold the signals until it is published or gone. A file without a name vanishes with
 * the program, so ^C may end that; one that has a name must be removed first.
 */
static int open_output(struct output *o, const char *path, struct xsi_signals *signals,
                       struct xsi_error *err)
{
    struct stat st;

    *o = (struct output){ .path = path, .fd = -1 };
    o->folder = xsi_folder_open(path, &o->base, err);
    if (o->folder < 0)
        return o->folder;
    if (!fstatat(o->folder, o->base, &st, AT_SYMLINK_NOFOLLOW)) {
        discard(o);
        return exists(o, err);
    }
    do
        o->fd = openat(o->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    while (o->fd < 0 && errno == EINTR);
    xsi_signals_hold(signals, o->fd < 0);
    if (o->fd < 0)
        o->fd = open_hidden(o);
    if (o->fd < 0) {
        int rc = o->fd;

        xsi_signals_release(signals);
        discard(o);
        return cannot(o, "make", rc, err);
    }
    return 0;
}

/* Give the file its name; 0 or -errno. A call that was interrupted is made again by the caller. */
static int give_name(struct output *o)
{
    char proc[40];

    if (!o->temp[0]) {
        if (!linkat(o->fd, "", o->folder, o->base, AT_EMPTY_PATH))
            return 0;
        if (errno == EEXIST || errno == EINTR)
            return -errno;
        /* without a capability it goes by the name that the kernel has for it */
        (void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", o->fd);
        return linkat(AT_FDCWD, proc, o->folder, o->base, AT_SYMLINK_FOLLOW) ? -errno : 0;
    }
    if (!renameat2(o->folder, o->temp, o->folder, o->base, RENAME_NOREPLACE)) {
        o->temp[0] = '\0';
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    return linkat(o->folder, o->temp, o->folder, o->base, 0) ? -errno : 0;
}

static int publish(struct output *o, struct xsi_error *err)
{
    int rc = xsi_sync(o->fd, false);

    if (rc) {
        rc = cannot(o, "sync", rc, err);
        discard(o);
        return rc;
    }
    do
        rc = give_name(o);
    while (rc == -EINTR);
    if (!rc) {
        rc = xsi_folder_sync(o->folder);
        if (rc)
            (void)unlinkat(o->folder, o->base, 0);
    }
    rc = rc ? cannot(o, "publish", rc, err) : 0;
    discard(o);
    return rc;
}

/* ---- the planned image ---- */

static int set_size(const struct output *o, uint64_t size, struct xsi_error *err)
{
    int rc;

    do
        rc = ftruncate(o->fd, (off_t)size);
    while (rc && errno == EINTR);
    return rc ? cannot(o, "set the size of", -errno, err) : 0;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
    return !bytes[0] && !memcmp(bytes, bytes + 1, n - 1);
}

/* One extent; what became zero is a hole again. */
static int write_extent(struct xsi_target *t, const struct xsi_extent *e, struct xsi_error *err)
{
    uint64_t end = e->at + e->new_length;
    int rc = 0;

    for (t->at = e->at; !rc && t->at < end;) {
        size_t want = end - t->at < XSI_COPY_BUFFER ? (size_t)(end - t->at) : XSI_COPY_BUFFER;
        ssize_t n = xsi_source_read(t->base, t->buffer, want, t->at);

        if (n < 0) {
            *err = *xsi_source_error(t->base);
            return (int)n;
        }
        if (!n)
            return xsi_source_fault(err, ESTALE, "the image became shorter just now; try again");
        if (all_zero(t->buffer, (size_t)n) &&
            !fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)t->at, n))
            t->at += (uint64_t)n;
        else
            rc = xsi_target_bytes(t, t->buffer, (size_t)n, err);
    }
    return rc;
}

/* The file shares the image's blocks: only what differs is written. */
static int write_extents(struct xsi_target *t, const struct xsi_input *in, uint64_t *bytes,
                         struct xsi_error *err)
{
    int rc = 0;

    t->base = xsi_source_overlay(in->base, in->change.splice, in->change.splice_count, err);
    if (!t->base)
        return -err->code;
    for (size_t i = 0; !rc && i < in->change.count; i++)
        rc = write_extent(t, &in->change.extent[i], err);
    *bytes = in->change.new_bytes;
    xsi_source_free(t->base);
    return rc;
}

/* Where most of the image moves there is little to share, and copying keeps the holes. */
static bool share_blocks(const struct output *o, const struct xsi_input *in)
{
    return in->image >= 0 && S_ISREG(in->st.st_mode) &&
           in->change.new_bytes <= in->change.new_size / 2 && !ioctl(o->fd, FICLONE, in->image);
}

/* Better now than after an hour of copying. */
static int enough_room(const struct output *o, const struct xsi_input *in, struct xsi_error *err)
{
    uint64_t wanted = in->change.new_size, room;
    struct statvfs fs;
    char name[XSI_NAME_MAX];

    if (in->image >= 0 && in->known && S_ISREG(in->st.st_mode) &&
        (uint64_t)in->st.st_blocks * 512 < wanted)
        wanted = (uint64_t)in->st.st_blocks * 512;
    if (fstatvfs(o->fd, &fs) || !fs.f_blocks)
        return 0;
    room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (room >= wanted)
        return 0;
    return xsi_source_fault(
        err, ENOSPC,
        "'%s' needs %llu bytes, and %llu are free there; name a file elsewhere, "
        "or repair in place",
        xsi_name_short(name, o->path), (unsigned long long)wanted, (unsigned long long)room);
}

static int fill(struct output *o, const struct xsi_input *in, struct xsi_written *written,
                struct xsi_error *err)
{
    struct xsi_target t = { .fd = o->fd,
                            .file = true,
                            .stoppable = o->temp[0] != '\0',
                            .name = o->path,
                            .base = in->base,
                            .image = in->image };
    int rc = xsi_target_start(&t, err);

    if (!rc && share_blocks(o, in)) {
        written->reflinked = true;
        rc = write_extents(&t, in, &written->bytes, err);
    } else if (!rc) {
        rc = enough_room(o, in, err);
        if (!rc)
            rc = xsi_target_plan(&t, &in->change, err);
        written->bytes = t.at;
    }
    free(t.buffer);
    if (!rc)
        rc = set_size(o, in->change.new_size, err);
    return rc ? rc : xsi_input_still(in, err);
}

static int not_itself(const char *path, const char *out, struct xsi_error *err)
{
    struct stat a, b;
    char name[XSI_NAME_MAX];

    if (stat(path, &a) || stat(out, &b) || !xsi_same_place(&a, &b))
        return 0;
    return xsi_source_fault(err, EEXIST,
                            "'%s' is the image itself; name another file, or repair in place",
                            xsi_name_short(name, out));
}

int xsi_write_file(struct xsi_plan *plan, const char *path, const char *out,
                   struct xsi_written *written, struct xsi_error *err)
{
    double began = xsi_seconds();
    struct xsi_error unused = { 0 };
    struct xsi_signals signals;
    struct xsi_input in;
    struct output o;
    int rc;

    err = err ? err : &unused;
    *err = (struct xsi_error){ 0 };
    *written = (struct xsi_written){ 0 };
    rc = not_itself(path, out, err);
    if (rc)
        return rc;
    rc = xsi_input_open(&in, plan, path, err);
    if (rc)
        return rc;
    rc = open_output(&o, out, &signals, err);
    if (!rc) {
        rc = fill(&o, &in, written, err);
        if (rc)
            discard(&o);
        else
            rc = publish(&o, err);
        xsi_signals_release(&signals);
    }
    xsi_input_close(&in);
    written->seconds = xsi_seconds() - began;
    return rc;
}

int xsi_write_new(const char *out, struct xsi_target *t,
                  int (*fill_it)(struct xsi_target *t, void *arg, struct xsi_error *err), void *arg,
                  struct xsi_error *err)
{
    struct xsi_signals signals;
    struct output o;
    int rc = open_output(&o, out, &signals, err);

    if (rc)
        return rc;
    t->fd = o.fd;
    t->file = true;
    t->name = out;
    t->stoppable = o.temp[0] != '\0';
    rc = xsi_target_start(t, err);
    if (!rc)
        rc = fill_it(t, arg, err);
    free(t->buffer);
    t->buffer = NULL;
    if (!rc)
        rc = set_size(&o, t->at, err);
    if (rc)
        discard(&o);
    else
        rc = publish(&o, err);
    xsi_signals_release(&signals);
    return rc;
}

/* A range of a source. */
struct range {
    uint64_t offset, length;
};

static int fill_range(struct xsi_target *t, void *arg, struct xsi_error *err)
{
    const struct range *r = arg;
    struct stat then;
    bool known = xsi_source_stat(t->base, &then);
    int rc = xsi_target_copy(t, r->offset, r->length, err);

    return !rc && known ? xsi_source_still(t->base, &then, err) : rc;
}

int xsi_write_range(struct xsi_source *src, uint64_t offset, uint64_t length, const char *out,
                    struct xsi_error *err)
{
    struct xsi_target t = { .base = src, .image = -1 };
    struct range r = { offset, length };
    struct xsi_error unused = { 0 };

    err = err ? err : &unused;
    *err = (struct xsi_error){ 0 };
    return xsi_write_new(out, &t, fill_range, &r, err);
}
