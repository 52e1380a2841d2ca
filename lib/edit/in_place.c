/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The write protocol:
 *
 *     lock the image, lay the plan over what is locked, hash the new bytes
 *     undo file: head, old bytes, sync                  BEGUN     the image is the old one
 *     undo file: mark, sync                             READY     half of each: undo rolls back
 *     image: extents, size, sync
 *     undo file: mark, sync                             APPLIED   the image is the new one
 *
 * What fails before READY leaves nothing behind. What fails behind it is rolled back at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "write.h"

struct job {
    struct xsi_held held;
    struct xsi_journal j;
    struct xsi_change change;
    const struct xsi_write_options *options;
    uint64_t bytes;
    double began;
};

/* ---- in front of the first write ---- */

static int fits(const struct job *job, struct xsi_error *err)
{
    const struct xsi_change *c = &job->change;
    char name[XSI_NAME_MAX];

    if (!job->held.device || c->new_size == c->old_size)
        return 0;
    xsi_name_short(name, job->held.path);
    if (c->new_size > c->old_size)
        return xsi_source_fault(err, ENOSPC,
                                "the planned image is %llu bytes larger than the device '%s'; "
                                "enlarge the device, or write a new file with -o",
                                (unsigned long long)(c->new_size - c->old_size), name);
    return xsi_source_fault(err, ENOSPC,
                            "the planned image is %llu bytes smaller than the device '%s', which "
                            "cannot shrink; write a new file with -o",
                            (unsigned long long)(c->old_size - c->new_size), name);
}

/*
 * Check the plan against what is locked. It is let go again at once: after a failure further on it
 * still is a plan for the old image.
 */
static int lay_plan(struct job *job, struct xsi_plan *plan, struct xsi_error *err)
{
    int rc = xsi_plan_attach(plan, job->held.src, err);

    if (rc)
        return rc;
    rc = xsi_plan_detach(plan, err);
    if (!rc)
        rc = xsi_change_of(&job->change, plan, job->held.size, err);
    return rc ? rc : fits(job, err);
}

static struct xsi_source *planned(const struct job *job, struct xsi_source *base,
                                  struct xsi_error *err)
{
    return xsi_source_overlay(base, job->change.splice, job->change.splice_count, err);
}

/* Hashes of what will stand in the extents. It reads all that the write will read. */
static int hash_new(struct job *job, struct xsi_error *err)
{
    struct xsi_source *over = planned(job, job->held.src, err);
    int rc = over ? xsi_sectors_save(&job->j, over, err) : -err->code;

    xsi_source_free(over);
    if (!rc)
        rc = xsi_outside_hash(job->held.src, job->change.extent, job->change.count,
                              job->change.old_size, &job->j.outside, err);
    return rc;
}

/* A write over a half-written image would save the halves as its old bytes. */
static int none_interrupted(const struct job *job, struct xsi_error *err)
{
    struct xsi_journal_info info;
    int found = xsi_registry_find(job->held.path, job->options ? job->options->state : NULL, &info);

    if (found < 0)
        return xsi_source_fault(err, -found,
                                "cannot look for interrupted writes among the undo files: %s; "
                                "see the folder of undo files",
                                found == -E2BIG ? "there are too many" : strerror(-found));
    if (!found || !xsi_half_written(info.state))
        return 0;
    return xsi_source_fault(err, EBUSY,
                            "an earlier write to the image was interrupted; roll it back first: "
                            "xsrecover undo %s",
                            info.file);
}

/* The image's path as it will be found again: names of devices are better kept as given. */
static int find_path(struct job *job, struct xsi_error *err)
{
    const char *given = job->held.path;
    char *real = job->held.device && *given == '/' ? strdup(given) : realpath(given, NULL);
    int rc = real ? 0 : -errno;

    if (real && strlen(real) >= sizeof(job->j.image))
        rc = -ENAMETOOLONG;
    else if (real)
        memcpy(job->j.image, real, strlen(real) + 1);
    free(real);
    return rc ? xsi_source_fault(err, -rc,
                                 "cannot note the path of the image: %s; move it to a "
                                 "shorter one",
                                 strerror(-rc))
              : 0;
}

static int describe(struct job *job, struct xsi_plan *plan, struct xsi_error *err)
{
    const struct stat *st = &job->held.st;
    struct xsi_journal *j = &job->j;
    struct timespec now;
    uint64_t at;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    j->version = XSI_JOURNAL_VERSION;
    j->device = job->held.device;
    j->dev = st->st_dev;
    j->ino = st->st_ino;
    j->rdev = job->held.device ? st->st_rdev : 0;
    j->old_size = job->change.old_size;
    j->new_size = job->change.new_size;
    j->when = (uint64_t)now.tv_sec;
    j->when_ns = (uint64_t)now.tv_nsec;
    j->mtime = (uint64_t)st->st_mtim.tv_sec;
    j->mtime_ns = (uint64_t)st->st_mtim.tv_nsec;
    if (!job->held.device)
        xsi_birth(job->held.fd, "", j->born);
    j->extent = job->change.extent;
    j->count = job->change.count;
    j->sums = xsi_sectors_count(j->extent, job->change.count);
    j->total = xsi_journal_size(&job->change);
    j->saved_at = at = j->total - job->change.old_bytes;
    for (size_t i = 0; i < j->count; i++) {
        j->extent[i].saved = at;
        at += j->extent[i].old_length;
    }
    (void)snprintf(j->reader, sizeof(j->reader), "%s", xsi_plan_reader(plan));
    return find_path(job, err);
}

/* ---- the undo file ---- */

static int journal_room(const struct xsi_journal *j, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    int rc;

    do
        rc = fallocate(j->fd, 0, 0, (off_t)j->total);
    while (rc && errno == EINTR);
    if (!rc || errno == EOPNOTSUPP || errno == ENOSYS)
        return 0;
    rc = errno;
    return xsi_source_fault(err, rc,
                            "cannot get %llu bytes for the undo file '%s': %s; nothing was "
                            "written; name one on another disk with --undo",
                            (unsigned long long)j->total, xsi_name_short(name, j->file),
                            strerror(rc));
}

/* Old bytes of one extent to the undo file, hashed on their way. */
static int save_extent(struct job *job, struct xsi_extent *e, uint8_t *buf, struct xsi_hash *hash,
                       struct xsi_error *err)
{
    xsi_hash_reset(hash);
    for (uint64_t done = 0; done < e->old_length;) {
        uint64_t left = e->old_length - done;
        ssize_t n = xsi_source_read(job->held.src, buf, left < XSI_BLOCK ? (size_t)left : XSI_BLOCK,
                                    e->at + done);
        int rc;

        if (n < 0) {
            *err = *xsi_source_error(job->held.src);
            return (int)n;
        }
        if (!n)
            return xsi_source_fault(err, ESTALE, "the image became shorter just now; try again");
        rc = xsi_journal_save(&job->j, buf, (size_t)n, e->saved + done, err);
        if (rc)
            return rc;
        xsi_hash_add(hash, buf, (size_t)n);
        done += (uint64_t)n;
    }
    e->old_hash = xsi_hash_value(hash);
    return 0;
}

static int save(struct job *job, struct xsi_error *err)
{
    struct xsi_hash *hash = xsi_hash_new();
    uint8_t *buf = malloc(XSI_BLOCK);
    int rc = hash && buf ? journal_room(&job->j, err)
                         : xsi_source_fault(err, ENOMEM, "out of memory for the undo file");

    if (!rc)
        rc = hash_new(job, err);
    for (size_t i = 0; !rc && i < job->change.count; i++)
        rc = save_extent(job, &job->change.extent[i], buf, hash, err);
    xsi_hash_free(hash);
    free(buf);
    /* the rows hold the hashes, so they come last; the mark's sync covers all of it */
    if (!rc)
        rc = xsi_journal_write(&job->j, err);
    return rc ? rc : xsi_state_publish(&job->j, job->options, err);
}

/* ---- the image ---- */

/*
 * Half written, or complete and not marked so: back to the old bytes, and words for both. The mark
 * comes first, for one that says APPLIED may have reached the disk. Where it cannot be had, a
 * complete image is left: it fits that mark and the one before.
 */
static int roll_back(struct job *job, int why, bool complete, struct xsi_error *err)
{
    struct xsi_error more = { 0 };
    uint64_t bytes = 0;
    char first[140];

    (void)snprintf(first, sizeof(first), "%.139s", err->text);
    if (xsi_journal_mark(&job->j, XSI_JOURNAL_UNDOING, &more) && complete)
        return xsi_source_fault(err, -why,
                                "%.100s; the image is the new one. To go back, do: xsrecover undo "
                                "%s",
                                first, job->j.file);
    if (!xsi_image_restore(&job->held, &job->j, &bytes, &more)) {
        if (xsi_journal_mark(&job->j, XSI_JOURNAL_UNDONE, &more))
            return xsi_source_fault(err, -why,
                                    "%.80s; the image is as it was, but its undo file cannot say "
                                    "so. Do: xsrecover undo %s",
                                    first, job->j.file);
        xsi_state_remove(&job->j, job->options);
        return xsi_source_fault(err, -why, "%s; the image was rolled back and is as it was", first);
    }
    return xsi_source_fault(err, -why, "%.100s; rolling back failed too. Do: xsrecover undo %s",
                            first, job->j.file);
}

static int apply(struct job *job, struct xsi_error *err)
{
    struct xsi_source *saved = xsi_saved_source(&job->j, job->held.src, err);
    struct xsi_source *over = saved ? planned(job, saved, err) : NULL;
    int rc = over ? xsi_image_reserve(&job->held, &job->j, false, err) : -ENOMEM;
    bool touched = false, complete = false;

    if (!rc)
        rc = xsi_held_still(&job->held, err);
    if (!rc)
        rc = xsi_journal_mark(&job->j, XSI_JOURNAL_READY, err);
    if (!rc) {
        touched = true;
        rc = xsi_image_write(&job->held, &job->j, over, false, &job->bytes, err);
    }
    if (!rc) {
        complete = true;
        rc = xsi_journal_mark(&job->j, XSI_JOURNAL_APPLIED, err);
    }
    xsi_source_free(over);
    xsi_source_free(saved);
    if (rc && touched)
        return roll_back(job, rc, complete, err);
    if (rc) {
        xsi_image_give_back(&job->held, &job->j);
        xsi_state_remove(&job->j, job->options);
    }
    return rc;
}

static int run(struct job *job, struct xsi_plan *plan, struct xsi_error *err)
{
    struct xsi_signals signals;
    int rc = lay_plan(job, plan, err);

    if (rc || !job->change.count)
        return rc; /* an empty plan is applied by doing nothing */
    rc = none_interrupted(job, err);
    if (!rc)
        rc = describe(job, plan, err);
    if (!rc)
        rc = xsi_state_create(&job->j, job->options, err);
    if (rc)
        return rc;
    job->began = xsi_seconds();
    xsi_signals_hold(&signals, true);
    rc = save(job, err);
    if (rc)
        xsi_state_remove(&job->j, job->options);
    else
        rc = apply(job, err);
    xsi_signals_release(&signals);
    return rc;
}

int xsi_write_in_place(struct xsi_plan *plan, const char *path,
                       const struct xsi_write_options *options, struct xsi_written *written,
                       struct xsi_error *err)
{
    struct job job = { .j = { .fd = -1 }, .options = options };
    struct xsi_error unused = { 0 };
    int rc;

    err = err ? err : &unused;
    *err = (struct xsi_error){ 0 };
    *written = (struct xsi_written){ 0 };
    rc = xsi_held_open(&job.held, path, true, options && options->assume_unused, err);
    if (rc)
        return rc;
    rc = run(&job, plan, err);
    if (!rc && job.change.count) {
        written->bytes = job.bytes;
        written->journal = job.j.total;
        written->seconds = xsi_seconds() - job.began;
        memcpy(written->undo, job.j.file, sizeof(written->undo));
    }
    job.j.extent = NULL; /* the change's */
    xsi_journal_close(&job.j);
    xsi_change_free(&job.change);
    xsi_held_close(&job.held);
    return rc;
}

int xsi_write_needs(struct xsi_plan *plan, const char *path,
                    const struct xsi_write_options *options, struct xsi_write_needs *needs,
                    struct xsi_error *err)
{
    struct xsi_change change;
    struct xsi_held held;
    int rc;

    *needs = (struct xsi_write_needs){ 0 };
    rc = xsi_held_open(&held, path, false, false, err);
    if (rc)
        return rc;
    rc = xsi_change_of(&change, plan, held.size, err);
    xsi_held_close(&held);
    if (rc)
        return rc;
    needs->rewritten = change.new_bytes;
    needs->grows = (int64_t)(change.new_size - change.old_size);
    if (change.count) {
        needs->journal = xsi_journal_size(&change);
        rc = xsi_state_foresee(path, options, needs->undo, &needs->free, err);
    }
    xsi_change_free(&change);
    return rc;
}
