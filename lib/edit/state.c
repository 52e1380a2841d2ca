/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where undo files go. Their folder is the registry: every later open of an image looks there for
 * a write that was interrupted or can be undone. An undo file that lies elsewhere has a note in
 * the folder, NAME-N.link, that holds its path.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "write.h"

enum { TRIES = 100000 };

const char *xsi_state_folder(const char *state)
{
    const char *set = state ? state : secure_getenv("XSRECOVER_STATE");

    return set && *set ? set : XSI_STATE_DIR;
}

static const char *folder_of(const struct xsi_write_options *options)
{
    return xsi_state_folder(options ? options->state : NULL);
}

/* The image's name in an undo file's: nothing that a shell or a terminal would mind. */
static void base_name(char out[64], const char *image)
{
    const char *slash = strrchr(image, '/'), *from = slash && slash[1] ? slash + 1 : image;
    size_t n = 0;

    for (; *from && n < 63; from++) {
        bool plain = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') ||
                     (*from >= '0' && *from <= '9') || (n && (*from == '.' || *from == '-'));

        if (*from != '/')
            out[n++] = *from;
        if (n && !plain)
            out[n - 1] = '_';
    }
    out[n] = '\0';
}

static bool number(char out[512], const char *image, const char *folder, unsigned n,
                   const char *ending)
{
    char base[64];

    base_name(base, image);
    return snprintf(out, 512, "%s/%s-%u.%s", folder, *base ? base : "image", n, ending) < 512;
}

/* ---- folders ---- */

int xsi_folder_sync(int fd)
{
    int rc = xsi_sync(fd, false);

    return rc == -EINVAL || rc == -EROFS ? 0 : rc; /* file systems that cannot sync a folder */
}

int xsi_folder_open(const char *file, const char **base, struct xsi_error *err)
{
    const char *slash = strrchr(file, '/');
    char folder[PATH_MAX] = ".", name[XSI_NAME_MAX];
    size_t n = slash ? (size_t)(slash - file) : 1;
    int fd;

    if (n >= sizeof(folder))
        return xsi_source_fault(err, ENAMETOOLONG, "the path of the new file is too long");
    if (slash)
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(n ? n : 1), file);
    *base = slash ? slash + 1 : file;
    do
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd >= 0)
        return fd;
    n = (size_t)errno;
    return xsi_source_fault(err, (int)n,
                            "cannot open the folder '%s': %s; make it, or name another",
                            xsi_name_short(name, folder), strerror((int)n));
}

/* What is written to memory is gone with the power, and with it the old bytes. */
static int durable(int fd, const char *file, struct xsi_error *err)
{
    struct statfs fs;
    char name[XSI_NAME_MAX];
    uint32_t type = fstatfs(fd, &fs) ? 0 : (uint32_t)fs.f_type;

    if (type != TMPFS_MAGIC && type != RAMFS_MAGIC && type != 0x958458f6U /* hugetlbfs */)
        return 0;
    return xsi_source_fault(err, EINVAL,
                            "'%s' would lie in memory (tmpfs) and be lost with the power; name an "
                            "undo file on a disk with --undo",
                            xsi_name_short(name, file));
}

/* A new folder is gone with the power, and all undo files in it, until its parent is synced. */
static int sync_parent(const char *folder)
{
    char path[PATH_MAX];
    const char *base;
    size_t n = strlen(folder);
    int fd, rc;

    while (n > 1 && folder[n - 1] == '/')
        n--;
    if (n >= sizeof(path))
        return -ENAMETOOLONG;
    memcpy(path, folder, n);
    path[n] = '\0';
    fd = xsi_folder_open(path, &base, NULL);
    if (fd < 0)
        return fd == -EACCES ? 0 : fd; /* it may be passed through, not read */
    rc = xsi_folder_sync(fd);
    close(fd);
    return rc;
}

/* Others must not be able to put undo files of their own where we look for ours. */
static int folder_make(const char *folder, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    struct stat st;
    bool made = !mkdir(folder, 0700);
    int code = made || errno == EEXIST ? 0 : errno;

    if (made)
        code = -sync_parent(folder);
    if (!code && stat(folder, &st))
        code = errno;
    if (!code && !S_ISDIR(st.st_mode))
        code = ENOTDIR;
    if (!code && ((st.st_uid != geteuid() && st.st_uid) || st.st_mode & (S_IWGRP | S_IWOTH)))
        return xsi_source_fault(err, EPERM,
                                "others can write to '%s', the folder of the undo files; chmod 700 "
                                "it, or name an undo file with --undo",
                                xsi_name_short(name, folder));
    if (!code)
        return 0;
    return xsi_source_fault(err, code,
                            "cannot make '%s', the folder of the undo files: %s; name an undo file "
                            "with --undo",
                            xsi_name_short(name, folder), strerror(code));
}

/* ---- a new undo file ---- */

static int create(const char *file)
{
    int fd;

    do
        fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

static int create_failed(const char *file, int rc, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, -rc, "cannot make the undo file '%s': %s; %s",
                            xsi_name_short(name, file), strerror(-rc),
                            rc == -EEXIST ? "name one that does not exist"
                                          : "name one elsewhere with --undo");
}

static int too_long(struct xsi_error *err)
{
    return xsi_source_fault(
        err, ENAMETOOLONG, "the path of the undo file is too long; name a shorter one with --undo");
}

/* The first free number; creating it is what makes it ours. */
static int create_numbered(struct xsi_journal *j, const char *folder, struct xsi_error *err)
{
    int fd = -EEXIST;

    for (unsigned n = 1; fd == -EEXIST && n < TRIES; n++) {
        if (!number(j->file, j->image, folder, n, "link"))
            return too_long(err);
        if (!access(j->file, F_OK))
            continue; /* a number names one undo file, wherever it lies */
        (void)number(j->file, j->image, folder, n, "undo");
        fd = create(j->file);
    }
    return fd;
}

int xsi_state_create(struct xsi_journal *j, const struct xsi_write_options *options,
                     struct xsi_error *err)
{
    int fd, rc;

    if (options && options->undo) {
        if (strlen(options->undo) >= sizeof(j->file))
            return too_long(err);
        memcpy(j->file, options->undo, strlen(options->undo) + 1);
        fd = create(j->file);
    } else {
        rc = folder_make(folder_of(options), err);
        if (rc)
            return rc;
        fd = create_numbered(j, folder_of(options), err);
    }
    if (fd == -ENAMETOOLONG)
        return too_long(err);
    if (fd < 0)
        return create_failed(j->file, fd, err);
    j->fd = fd;
    rc = durable(fd, j->file, err);
    if (rc) {
        (void)unlink(j->file);
        close(fd);
        j->fd = -1;
    }
    return rc;
}

int xsi_state_foresee(const char *image, const struct xsi_write_options *options, char file[512],
                      uint64_t *room, struct xsi_error *err)
{
    const char *folder = folder_of(options), *slash;
    struct statvfs fs;
    char at[512];

    if (options && options->undo) {
        if (strlen(options->undo) >= 512)
            return too_long(err);
        memcpy(file, options->undo, strlen(options->undo) + 1);
    } else {
        for (unsigned n = 1; n < TRIES; n++)
            if (!number(file, image, folder, n, "link"))
                return too_long(err);
            else if (access(file, F_OK) && number(file, image, folder, n, "undo") &&
                     access(file, F_OK))
                break;
    }
    /* the folder, or the one that it will be made in */
    memcpy(at, file, 512);
    for (int up = 0; up < 2 && (slash = strrchr(at, '/')); up++) {
        at[slash > at ? slash - at : 1] = '\0';
        if (!statvfs(at, &fs))
            break;
    }
    *room = statvfs(strchr(at, '/') ? at : ".", &fs) ? 0 : (uint64_t)fs.f_bavail * fs.f_frsize;
    return 0;
}

/* ---- notes ---- */

static int note(const struct xsi_journal *j, const char *folder)
{
    char link[512], *path = realpath(j->file, NULL);
    int fd = -EEXIST, dir, rc;

    for (unsigned n = 1; path && fd == -EEXIST && n < TRIES; n++) {
        if (!number(link, j->image, folder, n, "undo"))
            break;
        if (!access(link, F_OK))
            continue;
        (void)number(link, j->image, folder, n, "link");
        fd = create(link);
    }
    rc = fd < 0 ? fd : xsi_put_at(fd, path ? path : "", path ? strlen(path) : 0, 0);
    if (fd >= 0 && !rc)
        rc = xsi_sync(fd, false);
    if (fd >= 0)
        close(fd);
    dir = rc ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        rc = xsi_folder_sync(dir);
        close(dir);
    }
    free(path);
    return rc;
}

int xsi_state_publish(const struct xsi_journal *j, const struct xsi_write_options *options,
                      struct xsi_error *err)
{
    const char *base;
    int rc, dir = xsi_folder_open(j->file, &base, err);

    if (dir < 0)
        return dir;
    rc = xsi_folder_sync(dir);
    close(dir);
    if (rc)
        return create_failed(j->file, rc, err);
    /* without rights to the registry the undo file is known to its owner alone */
    if (options && options->undo && !folder_make(folder_of(options), NULL))
        (void)note(j, folder_of(options));
    return 0;
}

bool xsi_note_read(int fd, char path[512])
{
    ssize_t n = pread(fd, path, 511, 0);

    if (n <= 0)
        return false;
    path[n] = '\0';
    path[strcspn(path, "\n")] = '\0';
    return path[0] == '/';
}

static void remove_notes(const char *folder, const char *file)
{
    char *path = realpath(file, NULL), to[512];
    DIR *dir = path ? opendir(folder) : NULL;
    struct dirent *d;

    while (dir && (d = readdir(dir))) {
        int fd = strstr(d->d_name, ".link")
                     ? openat(dirfd(dir), d->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                     : -1;

        if (fd < 0)
            continue;
        if (xsi_note_read(fd, to) && !strcmp(to, path))
            (void)unlinkat(dirfd(dir), d->d_name, 0);
        close(fd);
    }
    if (dir)
        closedir(dir);
    free(path);
}

void xsi_state_remove(const struct xsi_journal *j, const struct xsi_write_options *options)
{
    if (options && options->undo)
        remove_notes(folder_of(options), j->file);
    (void)unlink(j->file);
}
