/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the registry knows of an image. Only its own files are opened, and only those we trust. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "write.h"

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);

    return n > m && !strcmp(name + n - m, ending);
}

static bool names(const struct xsi_journal *j, const struct stat *st, const char *path)
{
    if (S_ISBLK(st->st_mode))
        return j->device && j->rdev == st->st_rdev;
    /* a disk can have another number after a reboot */
    return !j->device && j->ino == st->st_ino && (j->dev == st->st_dev || !strcmp(j->image, path));
}

/* The undo file of an entry, itself or by a note; false: it is nothing of ours. */
static bool entry_path(int folder_fd, const char *folder, const char *name, char path[512])
{
    int fd;
    bool found;

    if (ends_with(name, ".undo"))
        return snprintf(path, 512, "%s/%s", folder, name) < 512;
    if (!ends_with(name, ".link"))
        return false;
    fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    found = xsi_note_read(fd, path);
    close(fd);
    return found;
}

static bool newer(const struct xsi_journal *j, const struct xsi_journal *best)
{
    return j->when != best->when ? j->when > best->when : j->when_ns > best->when_ns;
}

static int scan(DIR *dir, const char *folder, const struct stat *st, const char *path,
                struct xsi_journal *best)
{
    struct dirent *d;
    char file[512];
    int found = 0;

    for (int i = 0; i < XSI_STATE_FILES && (d = readdir(dir)); i++) {
        struct xsi_journal j;

        if (!entry_path(dirfd(dir), folder, d->d_name, file) ||
            xsi_journal_open(&j, file, false, false, NULL))
            continue;
        if (names(&j, st, path) && j.state != XSI_JOURNAL_BEGUN && j.state != XSI_JOURNAL_UNDONE &&
            (!found || newer(&j, best))) {
            *best = j;
            found = 1;
        }
        xsi_journal_close(&j);
    }
    return found;
}

int xsi_registry_find(const char *path, const char *state, struct xsi_journal_info *info)
{
    const char *folder = xsi_state_folder(state);
    DIR *dir = opendir(folder);
    struct xsi_journal best = { .fd = -1 };
    struct stat st;
    char *real;
    int found = 0;

    /* one that we may not read holds nothing for us: its owner made those writes */
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
    if (stat(path, &st)) {
        found = -errno;
    } else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) {
        real = realpath(path, NULL);
        found = scan(dir, folder, &st, real ? real : "", &best);
        free(real);
        if (found > 0)
            xsi_journal_tell(&best, info);
    }
    closedir(dir);
    return found;
}
