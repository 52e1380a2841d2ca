/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading a back end. What is loaded runs as root: a file that somebody else may write, or that
 * lies where somebody else may put files, is refused, and so is one of another interface.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "restore.h"

const char *restore_via_name(enum via via)
{
    static const char *const names[] = { [VIA_LIBXC] = "libxc", [VIA_XL] = "xl" };

    return names[via];
}

static const void *XSI_PRINTF(3, 4) refuse(struct xsi_error *err, int code, const char *fmt, ...)
{
    va_list args;

    err->code = code;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return NULL;
}

/* ---------------------------------------------------------------- where it lies ---- */

/* The folder xsi beside the library that this program is linked with. */
static bool find_folder(char out[512], struct xsi_error *err)
{
    Dl_info info;
    char real[PATH_MAX];
    const char *slash;

    if (!dladdr((void *)(uintptr_t)xsi_source_open, &info) || !info.dli_fname ||
        !realpath(info.dli_fname, real) || !(slash = strrchr(real, '/')))
        return refuse(err, ENOENT, "the folder of the back ends is not known"), false;
    if (snprintf(out, 512, "%.*s/xsi", (int)(slash - real), real) >= 512)
        return refuse(err, ENAMETOOLONG, "the path of the back ends is too long"), false;
    return true;
}

static bool others_write(const struct stat *st)
{
    return (st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & (S_IWGRP | S_IWOTH));
}

/* A descriptor of a file that only root and we can have written; -1 with err. */
static int open_trusted(const char *folder, const char *name, struct xsi_error *err)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
    struct stat st;

    if (dir < 0 || fstat(dir, &st) < 0) {
        refuse(err, errno, "the folder of the back ends %.150s cannot be opened: %s", folder,
               strerror(errno));
    } else if (others_write(&st)) {
        refuse(err, EPERM,
               "others can write to the folder of the back ends %.120s: nothing is loaded from "
               "there (chown root, chmod 755)",
               folder);
    } else {
        fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            refuse(err, errno,
                   "the back end %.120s/%s cannot be opened: %s. It is built where Debian's "
                   "libxen-dev is installed",
                   folder, name, strerror(errno));
    }
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || others_write(&st))) {
        refuse(err, EPERM, "others can write to the back end %.150s/%s: it is not loaded", folder,
               name);
        close(fd);
        fd = -1;
    }
    if (dir >= 0)
        close(dir);
    return fd;
}

/* ---------------------------------------------------------------- loading ---- */

/* "libxenguest.so.4.17" in dlopen()'s words, and what the host has instead. */
static const void *cannot_load(const char *name, const char *why, struct xsi_error *err)
{
    char there[120] = "";
    glob_t found;

    if (!strstr(why, "libxen"))
        return refuse(err, ELIBACC, "%s cannot be loaded: %.180s", name, why);
    if (glob("/usr/lib/*/libxenguest.so.*", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *slash = strrchr(found.gl_pathv[i], '/');
            size_t used = strlen(there);

            snprintf(there + used, sizeof(there) - used, "%s%s", used ? ", " : "",
                     slash ? slash + 1 : found.gl_pathv[i]);
        }
        globfree(&found);
    }
    return refuse(
        err, ELIBACC,
        "%s was built for another release of Xen: %.90s; this host has %s. Build it here, "
        "or use --via xl",
        name, why, *there ? there : "no libxenguest");
}

const struct xsi_restore_backend *restore_load(enum via via, struct xsi_error *err)
{
    const struct xsi_restore_backend *b;
    char folder[512], name[40], path[40];
    void *object;
    int fd;

    snprintf(name, sizeof(name), "restore-%s.so", restore_via_name(via));
    fd = find_folder(folder, err) ? open_trusted(folder, name, err) : -1;
    if (fd < 0)
        return NULL;
    /* the file that was looked at, whatever has its name by now */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return cannot_load(name, dlerror(), err);
    b = dlsym(object, XSI_RESTORE_SYMBOL);
    if (!b)
        return refuse(err, ENOEXEC, "%s is no back end: it has no table %s", name,
                      XSI_RESTORE_SYMBOL);
    if (b->abi != XSI_RESTORE_ABI)
        return refuse(err, ENOEXEC, "%s has interface %u, this program %u: install both anew", name,
                      b->abi, XSI_RESTORE_ABI);
    if (b->size < sizeof(*b))
        return refuse(err, ENOEXEC,
                      "%s has a table of %u bytes, this program reads %zu: install both anew", name,
                      b->size, sizeof(*b));
    return b;
}
