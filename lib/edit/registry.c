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

/* What is asked about. */
struct image {
    struct stat st;
    uint64_t born[2];
    const char *path; /* without links */
};

static bool names(const struct xsi_journal *j, const struct image *i)
{
    uint64_t size = (uint64_t)i->st.st_size;

    if (S_ISBLK(i->st.st_mode))
        return j->device && j->rdev == i->st.st_rdev;
    /* a disk can have another number after a reboot */
    if (j->device || j->ino != i->st.st_ino ||
        (j->dev != i->st.st_dev && strcmp(j->image, i->path) != 0))
        return false;
    /* a number is given again to another file, and a file can be filled anew */
    if (j->born[0] && i->born[0] && (j->born[0] != i->born[0] || j->born[1] != i->born[1]))
        return false;
    return !xsi_half_written(j->state) || (size >= j->old_size && size <= j->new_size) ||
           (size >= j->new_size && size <= j->old_size);
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

/* One that must be rolled back comes first: what the clock says can be wrong. */
static bool newer(const struct xsi_journal *j, const struct xsi_journal *best)
{
    if (xsi_half_written(j->state) != xsi_half_written(best->state))
        return xsi_half_written(j->state);
    return j->when != best->when ? j->when > best->when : j->when_ns > best->when_ns;
}

static bool of_interest(const struct xsi_journal *j)
{
    return j->state != XSI_JOURNAL_BEGUN && j->state != XSI_JOURNAL_UNDONE;
}

static int scan(DIR *dir, const char *folder, const struct image *image, struct xsi_journal *best)
{
    struct dirent *d;
    char file[512];
    int found = 0, looked = 0;

    while ((d = readdir(dir))) {
        struct xsi_journal j;

        if (!entry_path(dirfd(dir), folder, d->d_name, file))
            continue;
        if (looked++ == XSI_STATE_FILES)
            return found && xsi_half_written(best->state) ? found : -E2BIG;
        if (xsi_journal_open(&j, file, false, false, NULL))
            continue;
        if (names(&j, image) && of_interest(&j) && (!found || newer(&j, best))) {
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
    struct image image = { .path = "" };
    char *real;
    int found = 0;

    /* one that we may not read holds nothing for us: its owner made those writes */
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
    if (stat(path, &image.st)) {
        found = -errno;
    } else if (S_ISREG(image.st.st_mode) || S_ISBLK(image.st.st_mode)) {
        real = realpath(path, NULL);
        image.path = real ? real : "";
        xsi_birth(AT_FDCWD, path, image.born);
        found = scan(dir, folder, &image, &best);
        free(real);
        if (found > 0)
            xsi_journal_tell(&best, info);
    }
    closedir(dir);
    return found;
}
