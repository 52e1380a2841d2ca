/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk with one fault. Every system call that changes a file, a folder or a block device is a
 * step; one of them fails, is cut short, or is where the program is killed. Linked into
 * tests/property/crash_matrix.c, which arms it; preloaded, it is armed by the environment,
 * XSI_WRITES=FAULT:STEP:SEED (the numbers of enum writes_fault). Steps on descriptors 0 to 2 do
 * not count.
 *
 * To lose what was not synced it remembers, per file, what the disk holds for certain and each
 * change since. A name is on the disk when its folder was synced. In a test the power cut does not
 * end the process: no step behind it does anything, and writes_disarm() leaves the files as a
 * reboot would find them. Syncs are not passed on while it is armed: they would only cost time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "writes.h"

enum { FILES = 16, CHANGES = 512, SECTOR = 512 };

struct change {
    uint64_t at;
    size_t n; /* 0: the size becomes `at` */
    uint8_t *bytes;
};

struct file {
    dev_t dev;
    ino_t ino;
    int fd; /* ours, to write what is left of it */
    bool resizable;
    uint8_t *bytes; /* on the disk for certain */
    size_t size;
    char name[512]; /* created and its folder not synced; "" */
    dev_t folder_dev;
    ino_t folder_ino;
    struct change change[CHANGES];
    size_t count;
};

static struct {
    bool armed, preloaded, no_tmpfile;
    bool cut; /* the power is gone */
    enum writes_fault fault;
    unsigned long at, step;
    uint32_t random;
    struct file *file[FILES];
    size_t files;
} shim;

/* ---- what the disk holds ---- */

static uint32_t chance(void)
{
    shim.random = shim.random * 1664525U + 1013904223U;
    return shim.random >> 16;
}

static bool remembers(void)
{
    return shim.armed && shim.fault >= WRITES_LOSE_ALL;
}

static struct file *known(int fd)
{
    struct stat st;
    struct file *f;

    if (!remembers() || fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
        return NULL;
    for (size_t i = 0; i < shim.files; i++)
        if (shim.file[i]->dev == st.st_dev && shim.file[i]->ino == st.st_ino)
            return shim.file[i];
    if (shim.files == FILES)
        abort();
    f = shim.file[shim.files++] = calloc(1, sizeof(*f));
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    f->resizable = S_ISREG(st.st_mode);
    f->size = (size_t)lseek(f->fd, 0, SEEK_END);
    (void)lseek(f->fd, 0, SEEK_SET); /* the position is the program's too */
    f->bytes = malloc(f->size + 1);
    if (syscall(SYS_pread64, fd, f->bytes, f->size, (off_t)0) != (long)f->size)
        abort();
    return f;
}

static void resize(struct file *f, size_t size)
{
    f->bytes = realloc(f->bytes, size + 1);
    if (size > f->size)
        memset(f->bytes + f->size, 0, size - f->size);
    f->size = size;
}

static void note(struct file *f, uint64_t at, const void *bytes, size_t n)
{
    struct change *c = f ? &f->change[f->count++] : NULL;

    if (!f)
        return;
    if (f->count == CHANGES)
        abort();
    *c = (struct change){ .at = at, .n = n, .bytes = n ? malloc(n) : NULL };
    if (n)
        memcpy(c->bytes, bytes, n);
}

/* Some of a write: sector by sector, or nothing (LOSE_ALL), or everything (a sync). */
static void settle(struct file *f, bool lose)
{
    for (size_t i = 0; i < f->count; i++) {
        struct change *c = &f->change[i];

        if (!c->n && (!lose || (shim.fault == WRITES_LOSE_SOME && chance() % 2)))
            resize(f, (size_t)c->at);
        for (size_t done = 0, n; done < c->n; done += n) {
            n = SECTOR - (size_t)((c->at + done) % SECTOR);
            n = n < c->n - done ? n : c->n - done;
            if (lose && (shim.fault == WRITES_LOSE_ALL || chance() % 2))
                continue;
            if (c->at + done + n > f->size)
                resize(f, (size_t)(c->at + done + n));
            memcpy(f->bytes + c->at + done, c->bytes + done, n);
        }
        free(c->bytes);
    }
    f->count = 0;
}

static void power_cut(void)
{
    for (size_t i = 0; i < shim.files; i++)
        settle(shim.file[i], true);
    shim.cut = true;
}

/* The files as they are after the power cut. */
static void reboot(void)
{
    for (size_t i = 0; i < shim.files; i++) {
        struct file *f = shim.file[i];

        if (f->name[0] && (shim.fault == WRITES_LOSE_ALL || chance() % 2))
            syscall(SYS_unlinkat, AT_FDCWD, f->name, 0);
        if (syscall(SYS_pwrite64, f->fd, f->bytes, f->size, (off_t)0) != (long)f->size ||
            (f->resizable && syscall(SYS_ftruncate, f->fd, (off_t)f->size)))
            abort();
    }
}

static void created(int fd, const char *name)
{
    struct file *f = known(fd);
    char folder[512];
    const char *slash = strrchr(name, '/');
    struct stat st;

    if (!f)
        return;
    (void)snprintf(f->name, sizeof(f->name), "%s", name);
    (void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - name) : 1,
                   slash ? name : ".");
    if (!stat(folder, &st)) {
        f->folder_dev = st.st_dev;
        f->folder_ino = st.st_ino;
    }
}

static void synced(int fd)
{
    struct file *f = known(fd);
    struct stat st;

    if (f)
        settle(f, false);
    if (fstat(fd, &st) || !S_ISDIR(st.st_mode))
        return;
    for (size_t i = 0; i < shim.files; i++)
        if (shim.file[i]->folder_dev == st.st_dev && shim.file[i]->folder_ino == st.st_ino)
            shim.file[i]->name[0] = '\0';
}

/* ---- steps ---- */

enum { CAN_FILL = 1, CAN_INTERRUPT = 2, CAN_SHORTEN = 4, DATA = 7 };

/* 0: do it; -1 with errno: it failed; 1: do half of it. */
static int step(unsigned can)
{
    unsigned long n = shim.step;

    if (!shim.armed)
        return 0;
    shim.step++;
    if (shim.cut) {
        errno = EIO;
        return -1;
    }
    if (n != shim.at && !(shim.fault == WRITES_DEAD && n > shim.at))
        return 0;
    switch (shim.fault) {
    case WRITES_EIO:
    case WRITES_DEAD:
        errno = EIO;
        return -1;
    case WRITES_ENOSPC:
        errno = ENOSPC;
        return can & CAN_FILL ? -1 : 0;
    case WRITES_EINTR:
        errno = EINTR;
        return can & CAN_INTERRUPT ? -1 : 0;
    case WRITES_SHORT:
        return can & CAN_SHORTEN ? 1 : 0;
    case WRITES_LOSE_ALL:
    case WRITES_LOSE_SOME:
        power_cut();
        if (!shim.preloaded) {
            errno = EIO;
            return -1;
        }
        reboot();
        /* fallthrough */
    case WRITES_KILL:
        kill(getpid(), SIGKILL);
        break;
    default:
        break;
    }
    return 0;
}

void writes_arm(enum writes_fault fault, unsigned long at, unsigned seed)
{
    (void)writes_disarm();
    shim.fault = fault;
    shim.at = at;
    shim.random = seed * 2654435761U + 1;
    shim.armed = true;
}

unsigned long writes_disarm(void)
{
    unsigned long steps = shim.step;

    if (remembers()) {
        if (!shim.cut)
            power_cut(); /* when it has just returned */
        reboot();
    }
    for (size_t i = 0; i < shim.files; i++) {
        close(shim.file[i]->fd);
        for (size_t k = 0; k < shim.file[i]->count; k++)
            free(shim.file[i]->change[k].bytes);
        free(shim.file[i]->bytes);
        free(shim.file[i]);
    }
    shim.files = 0;
    shim.step = 0;
    shim.armed = shim.cut = false;
    return steps;
}

void writes_no_tmpfile(int on)
{
    shim.no_tmpfile = on;
}

static void __attribute__((constructor)) from_environment(void)
{
    const char *set = getenv("XSI_WRITES");
    unsigned fault, at, seed;

    if (set && sscanf(set, "%u:%u:%u", &fault, &at, &seed) == 3 && fault < WRITES_FAULTS) {
        writes_arm((enum writes_fault)fault, at, seed);
        shim.preloaded = true;
    }
}

/* ---- calls ---- */

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    int s = step(DATA);
    ssize_t done;
    struct file *f;

    if (s < 0)
        return -1;
    n = s && n > 1 ? n / 2 : n;
    f = known(fd);
    done = syscall(SYS_pwrite64, fd, buf, n, at);
    if (done > 0)
        note(f, (uint64_t)at, buf, (size_t)done);
    return done;
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
    return pwrite(fd, buf, n, at);
}

ssize_t write(int fd, const void *buf, size_t n)
{
    int s = fd > 2 ? step(DATA) : 0;

    if (s < 0)
        return -1;
    return syscall(SYS_write, fd, buf, s && n > 1 ? n / 2 : n);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags)
{
    int s = step(DATA);

    if (s < 0)
        return -1;
    return syscall(SYS_copy_file_range, in, from, out, to, s && n > 1 ? n / 2 : n, flags);
}

int fsync(int fd)
{
    if (step(CAN_FILL | CAN_INTERRUPT))
        return -1;
    if (!shim.armed)
        return (int)syscall(SYS_fsync, fd);
    synced(fd);
    return 0;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int ftruncate(int fd, off_t size)
{
    struct file *f;
    int rc;

    if (step(CAN_FILL | CAN_INTERRUPT))
        return -1;
    f = known(fd);
    rc = (int)syscall(SYS_ftruncate, fd, size);
    if (!rc)
        note(f, (uint64_t)size, NULL, 0);
    return rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
    struct file *f;
    int rc;

    if (step(CAN_FILL | CAN_INTERRUPT))
        return -1;
    f = known(fd);
    rc = (int)syscall(SYS_fallocate, fd, mode, at, n);
    if (!rc && !mode && f && (size_t)(at + n) > f->size)
        note(f, (uint64_t)(at + n), NULL, 0);
    return rc;
}

int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
    return fallocate(fd, mode, at, n);
}

int openat(int folder, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;
    int fd;

    va_start(args, flags);
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
        mode = va_arg(args, mode_t);
    va_end(args);
    if (shim.no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (flags & O_CREAT && step(CAN_FILL | CAN_INTERRUPT))
        return -1;
    fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (fd >= 0 && flags & O_CREAT && folder == AT_FDCWD)
        created(fd, path);
    return fd;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    va_start(args, flags);
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
        mode = va_arg(args, mode_t);
    va_end(args);
    return openat(AT_FDCWD, path, flags, mode);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    return step(CAN_FILL) ? -1 : (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    return step(CAN_FILL) ? -1
                          : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int unlinkat(int folder, const char *path, int flags)
{
    return step(0) ? -1 : (int)syscall(SYS_unlinkat, folder, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode)
{
    return step(CAN_FILL) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int futimens(int fd, const struct timespec times[2])
{
    return step(0) ? -1 : (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}
