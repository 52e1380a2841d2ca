/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holding an image. A file: flock, and a write lease, which the kernel gives only while nobody else
 * has it open; whoever opens it then waits until we are done. A block device: O_EXCL, which mounts
 * and other claims respect, and a look for those who use it without a claim (openers.c). The look
 * is a moment: who opens the device after it is not kept out.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "write.h"

/* File systems that other hosts can reach; their locks do not bind everybody. */
static const struct {
    uint32_t magic;
    const char *name;
} shared[] = {
    { NFS_SUPER_MAGIC, "NFS" },   { SMB_SUPER_MAGIC, "SMB" }, { 0xff534d42U, "CIFS" },
    { 0xfe534d42U, "SMB" },       { V9FS_MAGIC, "9p" },       { AFS_SUPER_MAGIC, "AFS" },
    { 0x00c36400U, "Ceph" },      { 0x01161970U, "GFS2" },    { OCFS2_SUPER_MAGIC, "OCFS2" },
    { CODA_SUPER_MAGIC, "Coda" }, { 0x65735546U, "FUSE" },    { 0x0bd00bd0U, "Lustre" },
    { 0x6b414653U, "AFS" },       { 0x47504653U, "GPFS" },
};

const char *xsi_name_short(char *out, const char *path)
{
    size_t n = strlen(path), room = XSI_NAME_MAX - 1;

    if (n <= room)
        memcpy(out, path, n + 1);
    else
        (void)snprintf(out, XSI_NAME_MAX, "...%s", path + (n - room + 3));
    return out;
}

double xsi_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int busy(const struct xsi_held *held, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    xsi_name_short(name, held->path);
    if (held->device)
        return xsi_source_fault(err, EBUSY,
                                "'%s' is in use: mounted, attached to a guest, or part of another "
                                "device; see lsblk and findmnt, release it, and try again",
                                name);
    return xsi_source_fault(err, EBUSY,
                            "another program has '%s' open, or it backs a loop device; see lsof "
                            "and losetup -j, end that, and try again",
                            name);
}

/* udev looks at a device for a moment after each change of it. */
static const struct timespec moment = { 0, 50000000 };
enum { MOMENTS = 40 };

static int device_free(const struct xsi_held *held, struct xsi_error *err)
{
    char name[XSI_NAME_MAX], who[64];
    int tries = MOMENTS / 2;

    while (xsi_device_used(held->st.st_rdev, who)) {
        if (!--tries)
            return xsi_source_fault(err, EBUSY, "'%s' is in use: %s; end that, and try again",
                                    xsi_name_short(name, held->path), who);
        (void)nanosleep(&moment, NULL);
    }
    return 0;
}

static int no_locks(const struct xsi_held *held, const char *where, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, ENOLCK,
                            "'%s' lies on %s, where locks cannot show who uses it; make sure that "
                            "no host does, and say so with --assume-unused",
                            xsi_name_short(name, held->path), where);
}

static int take_flock(int fd, bool patient)
{
    int tries = patient ? MOMENTS : 1;

    for (;;) {
        if (!flock(fd, LOCK_EX | LOCK_NB))
            return 0;
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || !--tries)
            return -errno;
        (void)nanosleep(&moment, NULL);
    }
}

/*
 * When somebody wants the file while we hold the lease, the kernel tells us by a signal. The one it
 * takes by itself would end the program; SIGURG is ignored unless somebody asked for it. We answer
 * by finishing, which takes milliseconds.
 */
static int take_lease(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG))
        return -errno;
    return fcntl(fd, F_SETLEASE, F_WRLCK) ? -errno : 0;
}

static int lock_failed(const struct xsi_held *held, int rc, bool assume_unused,
                       struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    switch (rc) {
    case 0:
        return 0;
    case -EAGAIN:
        return busy(held, err);
    case -EACCES:
    case -EPERM:
        return xsi_source_fault(err, EACCES,
                                "'%s' belongs to somebody else, and only its owner or root can "
                                "lock it; try as one of them",
                                xsi_name_short(name, held->path));
    }
    return assume_unused ? 0 : no_locks(held, "a file system without locks", err);
}

/* QEMU marks the images of running guests by record locks; devices that it has open by nothing
 * else. */
static bool record_locks(int fd)
{
    struct flock any = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    return !fcntl(fd, F_OFD_GETLK, &any) && any.l_type != F_UNLCK;
}

static int lock(struct xsi_held *held, bool assume_unused, struct xsi_error *err)
{
    struct statfs fs;
    int rc = lock_failed(held, take_flock(held->fd, held->device), assume_unused, err);

    if (!rc && record_locks(held->fd))
        rc = busy(held, err);
    if (!rc && held->device)
        rc = device_free(held, err);
    if (rc || held->device)
        return rc; /* O_EXCL has been granted */
    if (!assume_unused && !fstatfs(held->fd, &fs))
        for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
            if ((uint32_t)fs.f_type == shared[i].magic)
                return no_locks(held, shared[i].name, err);
    rc = take_lease(held->fd);
    held->leased = !rc;
    return lock_failed(held, rc, assume_unused, err);
}

/* Also while the lease is asked back: then somebody has waited from before the first write. */
int xsi_held_still(const struct xsi_held *held, struct xsi_error *err)
{
    return held->leased && fcntl(held->fd, F_GETLEASE) != F_WRLCK ? busy(held, err) : 0;
}

void xsi_birth(int fd, const char *path, uint64_t born[2])
{
    struct statx st;

    born[0] = born[1] = 0;
    if (statx(fd, path, *path ? 0 : AT_EMPTY_PATH, STATX_BTIME, &st) ||
        !(st.stx_mask & STATX_BTIME))
        return;
    born[0] = (uint64_t)st.stx_btime.tv_sec;
    born[1] = st.stx_btime.tv_nsec;
}

static int cannot_open(const struct xsi_held *held, int code, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    const char *next = "check the path";

    if (code == EBUSY)
        return busy(held, err);
    if (code == EACCES || code == EPERM || code == EROFS)
        next = "it must be writable: try as root, and see mount and blockdev --getro";
    else if (code == EAGAIN)
        next = "another program holds a lease on it, maybe it repairs it; try again later";
    return xsi_source_fault(err, code, "cannot open '%s' for writing: %s; %s",
                            xsi_name_short(name, held->path), strerror(code), next);
}

/* What was opened: only files and block devices can be changed in place. */
static int examine(struct xsi_held *held, const struct stat *before, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    int rc = fstat(held->fd, &held->st) ? errno : 0;

    xsi_name_short(name, held->path);
    if (rc)
        return xsi_source_fault(err, rc, "cannot examine '%s': %s", name, strerror(rc));
    if (before->st_dev != held->st.st_dev || before->st_ino != held->st.st_ino)
        return xsi_source_fault(err, ESTALE,
                                "'%s' was replaced by another file just now; try again", name);
    held->size = (uint64_t)held->st.st_size;
    if (held->device && ioctl(held->fd, BLKGETSIZE64, &held->size)) {
        rc = errno;
        return xsi_source_fault(err, rc, "cannot tell the size of '%s': %s; see lsblk", name,
                                strerror(rc));
    }
    return 0;
}

/* Root may open a read-only device for writing; the writes fail. */
static int writable(const struct xsi_held *held, struct xsi_error *err)
{
    int read_only = 0;

    if (held->device && !ioctl(held->fd, BLKROGET, &read_only) && read_only)
        return cannot_open(held, EROFS, err);
    return 0;
}

static int open_it(struct xsi_held *held, bool write, struct xsi_error *err)
{
    struct stat st;
    int rc, flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (write ? O_RDWR : O_RDONLY);
    char name[XSI_NAME_MAX];

    if (stat(held->path, &st))
        return cannot_open(held, errno, err);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return xsi_source_fault(err, EINVAL,
                                "'%s' is neither a file nor a block device, so it cannot be "
                                "changed in place; write a new file with -o",
                                xsi_name_short(name, held->path));
    held->device = S_ISBLK(st.st_mode);
    do
        held->fd = open(held->path, flags | (write && held->device ? O_EXCL : 0));
    while (held->fd < 0 && errno == EINTR);
    if (held->fd < 0)
        return cannot_open(held, errno, err);
    rc = write ? writable(held, err) : 0;
    return rc ? rc : examine(held, &st, err);
}

int xsi_held_open(struct xsi_held *held, const char *path, bool write, bool assume_unused,
                  struct xsi_error *err)
{
    static const struct xsi_source_options raw = { .no_decompress = true };
    int rc;

    *held = (struct xsi_held){ .fd = -1, .path = path };
    rc = open_it(held, write, err);
    if (!rc && write)
        rc = lock(held, assume_unused, err);
    /* the size must be that of the locked image */
    if (!rc && write && !held->device) {
        if (fstat(held->fd, &held->st))
            rc = cannot_open(held, errno, err);
        held->size = (uint64_t)held->st.st_size;
    }
    if (!rc) {
        held->src = xsi_source_fd(held->fd, &raw, err);
        if (held->src)
            xsi_name_short(held->src->name, path);
        else
            rc = err && err->code ? -err->code : -ENOMEM;
    }
    if (rc)
        xsi_held_close(held);
    return rc;
}

void xsi_held_close(struct xsi_held *held)
{
    xsi_source_free(held->src);
    if (held->fd >= 0)
        close(held->fd); /* gives up the lock and the lease */
    held->src = NULL;
    held->fd = -1;
}
