/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going back. A write that ended is undone only when the image still holds what was written: then
 * nothing newer is lost. One that was interrupted left a mixture; it is rolled back, as often as it
 * takes, when each sector is old or new. So is a copy of the image that somebody names; what became
 * of a copy is not noted in the undo file, which is the image's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "write.h"

/* what may be the text of err. */
static int stale(const struct xsi_journal *j, struct xsi_error *err, const char *what)
{
    char first[140];

    (void)snprintf(first, sizeof(first), "%.139s", what);
    if (!xsi_half_written(j->state))
        return xsi_source_fault(err, ESTALE, "%s; undoing would destroy what is there now", first);
    return xsi_source_fault(err, ESTALE,
                            "%s. If this is another image, or it was saved anew, remove %s", first,
                            j->file);
}

/* The image that is gone back to, and how sure that is. */
struct place {
    struct xsi_held held;
    bool named; /* by the caller, not by the undo file */
    bool same;  /* the file or device that was written */
    bool ours;  /* that, or what stands under its name now */
};

static bool same_path(const char *a, const char *b)
{
    char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
    bool same = !strcmp(a, b) || (real_a && real_b && !strcmp(real_a, real_b));

    free(real_a);
    free(real_b);
    return same;
}

/* By number, or by the path where it was: numbers of disks change when a machine boots. */
static void recognise(const struct xsi_journal *j, struct place *p)
{
    const struct stat *st = &p->held.st;
    uint64_t born[2] = { 0, 0 };
    bool path, number;

    if ((j->device != 0) != p->held.device)
        return;
    path = same_path(j->image, p->held.path);
    number = p->held.device ? j->rdev == st->st_rdev : j->ino == st->st_ino;
    if (!p->held.device)
        xsi_birth(p->held.fd, "", born);
    p->same = p->held.device ? path || number : number && (path || j->dev == st->st_dev);
    if (born[0] && j->born[0] && (born[0] != j->born[0] || born[1] != j->born[1]))
        p->same = false; /* the number was given to another file */
    p->ours = p->same || path;
}

/* Sectors are compared one by one, where old ones may stand among the new. */
static bool by_sector(const struct xsi_journal *j, const struct place *p)
{
    return xsi_half_written(j->state) || (p->named && !p->same);
}

static bool size_fits(const struct xsi_journal *j, const struct place *p)
{
    uint64_t size = p->held.size;
    uint64_t low = j->old_size < j->new_size ? j->old_size : j->new_size;
    uint64_t high = j->old_size < j->new_size ? j->new_size : j->old_size;

    /* a file that was to grow may have got only part of it */
    return by_sector(j, p) ? size >= low && size <= high : size == j->new_size;
}

static int check_sectors(const struct xsi_journal *j, const struct place *p, struct xsi_error *err)
{
    bool any_new;
    int rc = xsi_sectors_check(j, p->held.fd, p->held.size, &any_new, err);

    if (rc == -ESTALE)
        return stale(j, err, err->text);
    if (!rc && !any_new && !p->ours)
        rc = xsi_source_fault(err, EALREADY, "this copy of the image holds the old bytes already");
    return rc;
}

static int check_bytes(const struct xsi_journal *j, const struct place *p, struct xsi_error *err)
{
    const struct xsi_held *held = &p->held;
    uint64_t hash;
    int rc = xsi_outside_hash(held->src, j->extent, (size_t)j->count, j->old_size, &hash, err);

    if (rc)
        return rc;
    if (hash != j->outside)
        return stale(j, err,
                     "this is not the image that the undo file is for: the bytes around the "
                     "repair differ");
    if (by_sector(j, p))
        return check_sectors(j, p, err);
    for (size_t i = 0; i < j->count; i++) {
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
    uint64_t at;
    int rc = saved ? xsi_saved_differs(j, saved, &at, err) : -ENOMEM;

    if (rc > 0)
        rc = xsi_source_fault(err, EIO,
                              "the undo file '%s' is damaged in the old bytes of %#llx; put it "
                              "back from a backup",
                              xsi_name_short(name, j->file), (unsigned long long)at);
    xsi_source_free(saved);
    return rc;
}

static int check(const struct xsi_journal *j, const struct place *p, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    int rc;

    xsi_name_short(name, j->file);
    if (j->state == XSI_JOURNAL_UNDONE && (p->ours || !p->named))
        return xsi_source_fault(err, EALREADY, "'%s' was undone before; the image is the old one",
                                name);
    if (j->state == XSI_JOURNAL_BEGUN)
        return xsi_source_fault(err, EALREADY,
                                "the write of '%s' never began; the image is the old one, and the "
                                "undo file can be removed",
                                name);
    /* somebody who names it answers for its being the same under another name or number */
    if (xsi_half_written(j->state) && !p->named && !p->same)
        return xsi_source_fault(err, ESTALE,
                                "the undo file is of an interrupted write to another file or "
                                "device; if that is this one by another name, name it behind the "
                                "undo file; if there is no such image any more, remove %s",
                                j->file);
    if (!size_fits(j, p)) {
        (void)xsi_source_fault(err, ESTALE,
                               "the image has changed since the repair: it has %llu bytes, not "
                               "%llu",
                               (unsigned long long)p->held.size, (unsigned long long)j->new_size);
        return stale(j, err, err->text);
    }
    rc = check_bytes(j, p, err);
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

/* A mark that failed may still be read by whoever looks: say again what holds. */
static int begin(struct xsi_journal *j, struct place *p, struct xsi_error *err)
{
    struct xsi_error more;
    int rc = xsi_image_reserve(&p->held, j, true, err);

    if (!rc)
        rc = xsi_held_still(&p->held, err);
    if (!rc && p->ours) {
        rc = xsi_journal_mark(j, XSI_JOURNAL_UNDOING, err);
        if (rc)
            (void)xsi_journal_mark(j, j->state, &more);
    }
    if (rc)
        xsi_image_give_back(&p->held, j);
    return rc;
}

static int restore(struct xsi_journal *j, struct place *p, struct xsi_written *written,
                   struct xsi_error *err)
{
    struct xsi_held *held = &p->held;
    double began = xsi_seconds();
    char why[140];
    int rc = begin(j, p, err);

    if (rc)
        return rc;
    rc = xsi_image_restore(held, j, &written->bytes, err);
    if (rc) {
        (void)snprintf(why, sizeof(why), "%.139s", err->text);
        return xsi_source_fault(err, -rc, "%s. When that is mended, do: xsrecover undo %s", why,
                                j->file);
    }
    give_time(j, held);
    if (p->ours)
        rc = xsi_journal_mark(j, XSI_JOURNAL_UNDONE, err);
    written->seconds = xsi_seconds() - began;
    return rc;
}

/* The state counts that is found while the image is locked. */
static int locked(struct xsi_journal *j, struct place *p, bool dry, struct xsi_written *written,
                  struct xsi_error *err)
{
    struct xsi_signals signals;
    int rc = xsi_journal_state(j, err);

    if (!rc)
        rc = check(j, p, err);
    if (!rc && !dry) {
        xsi_signals_hold(&signals, true);
        rc = restore(j, p, written, err);
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
    struct place p = { .named = image != NULL };
    struct xsi_journal j;
    int rc;

    err = err ? err : &unused;
    *err = (struct xsi_error){ 0 };
    rc = xsi_journal_open(&j, file, !dry, true, err);
    *written = (struct xsi_written){ 0 }; /* `file` may be the name in it */
    if (rc)
        return rc;
    rc = xsi_held_open(&p.held, image ? image : j.image, !dry, options && options->assume_unused,
                       err);
    if (!rc) {
        recognise(&j, &p);
        rc = locked(&j, &p, dry, written, err);
        xsi_held_close(&p.held);
    }
    xsi_journal_close(&j);
    return rc;
}
