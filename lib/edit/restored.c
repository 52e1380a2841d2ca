/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registry of restores: which images were restored. A guest that runs twice from one image
 * destroys its disks. It is a file of lines that only grows, in the folder of the undo files:
 *
 *     begin NUMBER WHEN SIZE HASH DEV INO UUID VIA
 *     end NUMBER DOMAIN          ("-": it failed, and may be tried again)
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../xsi_restore.h"
#include "hash.h"
#include "write.h"

enum { PART = 64 << 10, FILE_MAX = 16 << 20 };

/* ---------------------------------------------------------------- the image ---- */

int xsi_image_id(struct xsi_image_id *id, struct xsi_source *src, const char *path, uint64_t end,
                 const char *uuid, struct xsi_error *err)
{
    struct xsi_hash *h = xsi_hash_new();
    uint64_t n = end < PART ? end : PART;
    const uint64_t places[] = { 0, end / 2 > n ? end / 2 : 0, end - n };
    struct stat st;
    int rc = h ? 0 : xsi_source_fault(err, ENOMEM, "out of memory");

    *id = (struct xsi_image_id){ .size = end };
    for (size_t i = 0; !rc && i < 3; i++) {
        uint64_t left = end - places[i];

        rc = xsi_hash_range(h, src, places[i], left < n ? left : n, err);
        if (rc == -EIO) /* the disk cannot read it: known by what can be read */
            rc = 0;
    }
    if (!rc)
        id->hash = xsi_hash_value(h);
    xsi_hash_free(h);
    if (path && strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        id->dev = st.st_dev;
        id->ino = st.st_ino;
    }
    /* anything but an UUID would end the line's field */
    if (uuid && strspn(uuid, "0123456789abcdefABCDEF-") == strlen(uuid))
        snprintf(id->uuid, sizeof(id->uuid), "%s", uuid);
    return rc;
}

/* ---------------------------------------------------------------- the file ---- */

struct registry {
    int fd;
    char path[512];
    char *text; /* all lines, terminated */
};

static int cannot(const struct registry *r, int code, const char *what, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, code, "the registry of restores %s cannot be %s: %s",
                            xsi_name_short(name, r->path), what, strerror(code));
}

static int load(struct registry *r, struct xsi_error *err)
{
    struct stat st;
    size_t size;
    ssize_t n;

    if (fstat(r->fd, &st))
        return cannot(r, errno, "read", err);
    if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid) ||
        (st.st_mode & (S_IWGRP | S_IWOTH)))
        return cannot(r, EPERM, "trusted", err);
    if (st.st_size > FILE_MAX)
        return cannot(r, EFBIG, "read", err);
    size = (size_t)st.st_size;
    r->text = malloc(size + 1);
    if (!r->text)
        return cannot(r, ENOMEM, "read", err);
    n = pread(r->fd, r->text, size, 0);
    if (n < 0)
        return cannot(r, errno, "read", err);
    r->text[n] = '\0';
    return 0;
}

/* write: made when it is not there, and locked. 1 open, 0 there is none, -errno. */
static int registry_open(struct registry *r, const char *state, bool write, struct xsi_error *err)
{
    const char *folder = xsi_state_folder(state);
    int rc;

    *r = (struct registry){ .fd = -1 };
    if (snprintf(r->path, sizeof(r->path), "%s/restores", folder) >= (int)sizeof(r->path))
        return cannot(r, ENAMETOOLONG, "opened", err);
    if (write && mkdir(folder, 0700) && errno != EEXIST)
        return cannot(r, errno, "made", err);
    r->fd = open(r->path,
                 (write ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW |
                     O_NONBLOCK | O_NOCTTY,
                 0600);
    if (r->fd < 0 && !write && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return 0; /* one that we may not read is of restores that we could not make */
    if (r->fd < 0)
        return cannot(r, errno, "opened", err);
    if (write && flock(r->fd, LOCK_EX))
        return cannot(r, errno, "locked", err);
    rc = load(r, err);
    return rc ? rc : 1;
}

static void registry_close(struct registry *r)
{
    free(r->text);
    if (r->fd >= 0)
        close(r->fd);
}

static int append(struct registry *r, const char *line, struct xsi_error *err)
{
    size_t n = strlen(line);
    ssize_t put = write(r->fd, line, n);
    int rc = put < 0 ? -errno : (size_t)put < n ? -ENOSPC : xsi_sync(r->fd, false);

    return rc ? cannot(r, -rc, "written", err) : 0;
}

/* ---------------------------------------------------------------- what it says ---- */

static bool same(const struct xsi_image_id *id, const struct xsi_image_id *of)
{
    if (id->size == of->size && id->hash == of->hash)
        return true;
    /* mended in place since; a file that was filled anew has another guest, or another size */
    return id->ino && id->ino == of->ino && id->dev == of->dev && *id->uuid &&
           strcmp(id->uuid, of->uuid) == 0 && id->size / 2 < of->size && of->size / 2 < id->size;
}

static bool read_begin(const char *line, struct xsi_past_restore *p, struct xsi_image_id *id)
{
    *p = (struct xsi_past_restore){ .domain = XSI_NO_DOMAIN };
    *id = (struct xsi_image_id){ 0 };
    return sscanf(line,
                  "begin %31s %" SCNd64 " %" SCNu64 " %" SCNx64 " %" SCNu64 " %" SCNu64
                  " %39s %15s",
                  p->number, &p->when, &id->size, &id->hash, &id->dev, &id->ino, id->uuid,
                  p->via) == 8;
}

/* How the restore of that number ended; false: it failed. */
static bool stands(const char *line, struct xsi_past_restore *p)
{
    char number[32], domain[16];

    for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (sscanf(line, "end %31s %15s", number, domain) != 2 || strcmp(number, p->number) != 0)
            continue;
        if (strcmp(domain, "-") == 0)
            return false;
        p->domain = (uint32_t)strtoul(domain, NULL, 10);
    }
    return true;
}

static int find(const struct registry *r, const struct xsi_image_id *id,
                struct xsi_past_restore *past)
{
    const char *line = r->text;
    int found = 0;

    while (*line) {
        struct xsi_past_restore p;
        struct xsi_image_id of;
        bool hit = read_begin(line, &p, &of) && same(id, &of);

        line += strcspn(line, "\n");
        line += *line == '\n';
        if (hit && stands(line, &p)) {
            *past = p;
            found = 1;
        }
    }
    return found;
}

int xsi_restores_find(const char *state, const struct xsi_image_id *id,
                      struct xsi_past_restore *past, struct xsi_error *err)
{
    struct registry r;
    int rc = registry_open(&r, state, false, err);

    if (rc > 0)
        rc = find(&r, id, past);
    registry_close(&r);
    return rc;
}

int xsi_restores_begin(const char *state, const struct xsi_image_id *id, const char *via, bool once,
                       char number[32], struct xsi_past_restore *past, struct xsi_error *err)
{
    struct registry r;
    char line[400];
    struct timespec now;
    int rc = registry_open(&r, state, true, err);

    clock_gettime(CLOCK_REALTIME, &now);
    if (rc > 0 && once && find(&r, id, past))
        rc = xsi_source_fault(err, EEXIST, "the image was restored before");
    if (rc > 0) {
        snprintf(number, 32, "%" PRIx64 "-%x",
                 (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec, (unsigned)getpid());
        snprintf(line, sizeof(line),
                 "begin %s %" PRId64 " %" PRIu64 " %016" PRIx64 " %" PRIu64 " %" PRIu64 " %s %s\n",
                 number, (int64_t)now.tv_sec, id->size, id->hash, id->dev, id->ino,
                 *id->uuid ? id->uuid : "-", via);
        rc = append(&r, line, err);
    }
    registry_close(&r);
    return rc;
}

int xsi_restores_end(const char *state, const char *number, uint32_t domain, struct xsi_error *err)
{
    struct registry r;
    char line[80];
    int rc = registry_open(&r, state, true, err);

    if (rc > 0) {
        if (domain == XSI_NO_DOMAIN)
            snprintf(line, sizeof(line), "end %s -\n", number);
        else
            snprintf(line, sizeof(line), "end %s %u\n", number, domain);
        rc = append(&r, line, err);
    }
    registry_close(&r);
    return rc;
}
