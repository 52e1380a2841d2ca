/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going back. A write that ended is undone only when the image still holds what was written: then
 * nothing newer is lost. One that was interrupted left a mixture, of which only the surroundings
 * can be checked; it is rolled back as often as it takes.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "write.h"

static int stale(struct xsi_error *err, const char *what)
{
    return xsi_source_fault(err, ESTALE, "%s; undoing would destroy what is there now", what);
}

static bool interrupted(const struct xsi_journal *j)
{
    return j->state == XSI_JOURNAL_READY || j->state == XSI_JOURNAL_UNDOING;
}

/* By number, or by the path where it was: numbers of disks change when a machine boots. */
static bool same_image(const struct xsi_journal *j, const struct xsi_held *held)
{
    const struct stat *st = &held->st;

    if ((j->device != 0) != held->device)
        return false;
    if (held->device ? j->rdev == st->st_rdev : j->dev == st->st_dev && j->ino == st->st_ino)
        return true;
    return !strcmp(j->image, held->path) && (held->device || j->ino == st->st_ino);
}

static bool size_fits(const struct xsi_journal *j, uint64_t size)
{
    uint64_t low = j->old_size < j->new_size ? j->old_size : j->new_size;
    uint64_t high = j->old_size < j->new_size ? j->new_size : j->old_size;

    /* a file that was to grow may have got only part of it */
    return interrupted(j) ? size >= low && size <= high : size == j->new_size;
}

static int check_bytes(const struct xsi_journal *j, const struct xsi_held *held,
                       struct xsi_error *err)
{
    uint64_t hash;
    int rc = xsi_outside_hash(held->src, j->extent, (size_t)j->count, &hash, err);

    if (rc)
        return rc;
    if (hash != j->outside)
        return stale(err, "this is not the image that the undo file is for: the bytes around the "
                          "repair differ");
    for (size_t i = 0; !interrupted(j) && i < j->count; i++) {
        const struct xsi_extent *e = &j->extent[i];

        rc = xsi_range_hash(held->src, e->at, e->new_length, &hash, err);
        if (rc)
            return rc;
        if (hash != e->new_hash)
            return xsi_source_fault(err, ESTALE,
                                    "the image has changed since the repair: %llu bytes from %#llx "
                                    "on are not those that were written%s",
                                    (unsigned long long)e->new_length, (unsigned long long)e->at,
                                    hash == e->old_hash && e->old_length == e->new_length
                                        ? "; they are the old ones already"
                                        : "; undoing would destroy what is there now");
    }
    return 0;
}

/* What will be put back is what was there: an undo file can be damaged too. */
static int check_saved(const struct xsi_journal *j, struct xsi_error *err)
{
    struct xsi_source *saved = xsi_saved_source(j, NULL, err);
    char name[XSI_NAME_MAX];
    int rc = saved ? 0 : -ENOMEM;

    for (size_t i = 0; !rc && i < j->count; i++) {
        uint64_t hash;

        rc = xsi_range_hash(saved, j->extent[i].at, j->extent[i].old_length, &hash, err);
        if (!rc && hash != j->extent[i].old_hash)
            rc = xsi_source_fault(err, EIO,
                                  "the undo file '%s' is damaged in the old bytes of %#llx; put it "
                                  "back from a backup",
                                  xsi_name_short(name, j->file),
                                  (unsigned long long)j->extent[i].at);
    }
    xsi_source_free(saved);
    return rc;
}

static int check(const struct xsi_journal *j, const struct xsi_held *held, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    bool named;
    int rc;

    xsi_name_short(name, j->file);
    if (j->state == XSI_JOURNAL_UNDONE)
        return xsi_source_fault(err, EALREADY, "'%s' was undone before; the image is the old one",
                                name);
    if (j->state == XSI_JOURNAL_BEGUN)
        return xsi_source_fault(err, EALREADY,
                                "the write of '%s' never began; the image is the old one, and the "
                                "undo file can be removed",
                                name);
    /* Somebody who names the image answers for its being the same under another name or number,
     * if there is something in front of the extents to check that by. */
    named = held->path != j->image && j->extent[0].at >= 4096;
    if (interrupted(j) && !named && !same_image(j, held))
        return xsi_source_fault(err, ESTALE,
                                "the undo file is of an interrupted write to another file or "
                                "device; if that is this one by another name, name it behind the "
                                "undo file");
    if (!size_fits(j, held->size))
        return xsi_source_fault(err, ESTALE,
                                "the image has changed since the repair: it has %llu bytes, not "
                                "%llu; undoing would destroy what is there now",
                                (unsigned long long)held->size, (unsigned long long)j->new_size);
    rc = check_bytes(j, held, err);
    return rc ? rc : check_saved(j, err);
}

/* The file was changed at that time; what looks at times need not read it again. */
static void give_time(const struct xsi_journal *j, const struct xsi_held *held)
{
    const struct timespec times[2] = {
        { .tv_nsec = UTIME_OMIT },
        { .tv_sec = (time_t)j->mtime, .tv_nsec = (long)(j->mtime_ns % 1000000000) },
    };

    if (!held->device)
        (void)futimens(held->fd, times);
}

static int restore(struct xsi_journal *j, struct xsi_held *held, struct xsi_written *written,
                   struct xsi_error *err)
{
    double began = xsi_seconds();
    char why[140];
    int rc;

    rc = xsi_image_reserve(held, j, true, err);
    if (rc)
        return rc;
    rc = xsi_journal_mark(j, XSI_JOURNAL_UNDOING, err);
    if (rc)
        return rc;
    rc = xsi_image_restore(held, j, &written->bytes, err);
    if (rc) {
        (void)snprintf(why, sizeof(why), "%.139s", err->text);
        return xsi_source_fault(err, -rc, "%s. When that is mended, do: xsrecover undo %s", why,
                                j->file);
    }
    give_time(j, held);
    rc = xsi_journal_mark(j, XSI_JOURNAL_UNDONE, err);
    written->seconds = xsi_seconds() - began;
    return rc;
}

/* The state counts that is found while the image is locked. */
static int locked(struct xsi_journal *j, struct xsi_held *held, bool dry,
                  struct xsi_written *written, struct xsi_error *err)
{
    struct xsi_signals signals;
    int rc = xsi_journal_state(j, err);

    if (!rc)
        rc = check(j, held, err);
    if (!rc && !dry) {
        xsi_signals_hold(&signals, true);
        rc = restore(j, held, written, err);
        xsi_signals_release(&signals);
    }
    if (!rc) {
        memcpy(written->undo, j->file, sizeof(written->undo));
        written->journal = j->total;
    }
    return rc;
}

int xsi_undo(const char *file, const char *image, const struct xsi_write_options *options, bool dry,
             struct xsi_written *written, struct xsi_error *err)
{
    struct xsi_error unused = { 0 };
    struct xsi_journal j;
    struct xsi_held held;
    int rc;

    err = err ? err : &unused;
    *err = (struct xsi_error){ 0 };
    rc = xsi_journal_open(&j, file, !dry, true, err);
    *written = (struct xsi_written){ 0 }; /* `file` may be the name in it */
    if (rc)
        return rc;
    rc =
        xsi_held_open(&held, image ? image : j.image, !dry, options && options->assume_unused, err);
    if (!rc) {
        rc = locked(&j, &held, dry, written, err);
        xsi_held_close(&held);
    }
    xsi_journal_close(&j);
    return rc;
}
