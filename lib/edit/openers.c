/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses a block device besides us. O_EXCL keeps out mounts, md, dm and swap, which claim a
 * device; programs that just open it, loop devices over it and blkback need not claim it, so they
 * are looked for. What cannot be seen: processes of other users (without root), files and devices
 * that were named in another mount namespace, and other machines.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "write.h"

/* Without asking a server: one that is gone would keep us waiting. */
static bool is_device(int folder, const char *name, dev_t rdev)
{
    struct statx st;

    return !statx(folder, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) &&
           S_ISBLK(st.stx_mode) && makedev(st.stx_rdev_major, st.stx_rdev_minor) == rdev;
}

static bool process_has(long pid, dev_t rdev)
{
    char path[40];
    struct dirent *d;
    bool found = false;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
    dir = opendir(path);
    while (dir && !found && (d = readdir(dir)))
        found = d->d_name[0] != '.' && is_device(dirfd(dir), d->d_name, rdev);
    if (dir)
        closedir(dir);
    return found;
}

static bool processes(dev_t rdev, char who[64])
{
    DIR *dir = opendir("/proc");
    struct dirent *d;
    bool found = false;

    while (dir && !found && (d = readdir(dir))) {
        char *end;
        long pid = strtol(d->d_name, &end, 10);

        if (*end || pid <= 0 || pid == (long)getpid() || !process_has(pid, rdev))
            continue;
        (void)snprintf(who, 64, "process %ld has it open", pid);
        found = true;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* One line of a file in sysfs. */
static bool line_of(const char *folder, const char *name, const char *file, char line[512])
{
    char path[400];
    ssize_t n;
    int fd;

    if (snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file) >= (int)sizeof(path))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, line, 511);
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return n > 0;
}

static bool loop_over(const char *line, dev_t rdev)
{
    return *line == '/' && is_device(AT_FDCWD, line, rdev);
}

/* blkback: Linux drivers/block/xen-blkback/xenbus.c prints "%x:%x". */
static bool guest_of(const char *line, dev_t rdev)
{
    unsigned major_number, minor_number;

    return sscanf(line, "%x:%x", &major_number, &minor_number) == 2 &&
           makedev(major_number, minor_number) == rdev;
}

static const struct {
    const char *folder, *file, *words;
    bool (*uses)(const char *line, dev_t rdev);
} places[] = {
    { "/sys/block", "loop/backing_file", "lies over it", loop_over },
    { "/sys/bus/xen-backend/devices", "physical_device", "gives it to a guest", guest_of },
};

static bool kernel_has(size_t place, dev_t rdev, char who[64])
{
    DIR *dir = opendir(places[place].folder);
    struct dirent *d;
    bool found = false;
    char line[512];

    while (dir && !found && (d = readdir(dir))) {
        if (d->d_name[0] == '.' ||
            !line_of(places[place].folder, d->d_name, places[place].file, line) ||
            !places[place].uses(line, rdev))
            continue;
        (void)snprintf(who, 64, "%.40s %s", d->d_name, places[place].words);
        found = true;
    }
    if (dir)
        closedir(dir);
    return found;
}

bool xsi_device_used(dev_t rdev, char who[64])
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (kernel_has(i, rdev, who))
            return true;
    return processes(rdev, who);
}
