/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sectors of the extents, and whether they hold old bytes or new ones. A write that was interrupted
 * leaves each sector old or new: disks write whole ones, and the program writes whole pages. The
 * old bytes stand in the undo file; of the new ones it has a hash per sector. So a rollback can be
 * refused that would destroy anything else.
 *
 * Pieces: the sectors of the image, cut at the extent's ends and where the shorter of the old and
 * the new image ends. Behind that end an image may also hold zeros, or have no bytes yet.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "write.h"

enum { SECTOR = 512, CELLS = XSI_BLOCK / SECTOR + 1, SUMS = 16384 };

static uint64_t shorter(const struct xsi_extent *e)
{
    return e->at + (e->old_length < e->new_length ? e->old_length : e->new_length);
}

static uint64_t longer(const struct xsi_extent *e)
{
    return e->at + (e->old_length < e->new_length ? e->new_length : e->old_length);
}

static uint64_t touched(uint64_t from, uint64_t to)
{
    return from < to ? (to + SECTOR - 1) / SECTOR - from / SECTOR : 0;
}

uint64_t xsi_sectors_count(const struct xsi_extent *extent, size_t count)
{
    uint64_t n = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t middle = shorter(&extent[i]);

        n += touched(extent[i].at, middle) + touched(middle, longer(&extent[i]));
    }
    return n;
}

/* Where a stretch of up to n bytes of pieces ends that begins at `at`. */
static uint64_t stretch_end(const struct xsi_extent *e, uint64_t at, uint64_t n)
{
    uint64_t end = (at + n) & ~(uint64_t)(SECTOR - 1);
    uint64_t stop = at < shorter(e) ? shorter(e) : longer(e);

    return end < stop ? end : stop;
}

/* ---- hashes on their way to the undo file, and from it ---- */

struct sums {
    uint8_t *bytes; /* SUMS hashes */
    size_t n, next;
    uint64_t at; /* hashes in front of these */
    struct xsi_hash *all;
};

static int sums_start(struct sums *s, struct xsi_error *err)
{
    *s = (struct sums){ .bytes = malloc(SUMS * 4), .all = xsi_hash_new() };
    return s->bytes && s->all ? 0 : xsi_source_fault(err, ENOMEM, "out of memory for an undo file");
}

static void sums_end(struct sums *s)
{
    free(s->bytes);
    xsi_hash_free(s->all);
}

static int sums_flush(struct sums *s, struct xsi_journal *j, struct xsi_error *err)
{
    int rc = xsi_journal_save(j, s->bytes, s->n * 4, xsi_journal_sums_at(j) + s->at * 4, err);

    xsi_hash_add(s->all, s->bytes, s->n * 4);
    s->at += s->n;
    s->n = 0;
    return rc;
}

static int sums_put(struct sums *s, struct xsi_journal *j, uint64_t hash, struct xsi_error *err)
{
    uint32_t v = htole32((uint32_t)hash);

    memcpy(s->bytes + s->n * 4, &v, 4);
    return ++s->n == SUMS ? sums_flush(s, j, err) : 0;
}

static int sums_refill(struct sums *s, const struct xsi_journal *j, struct xsi_error *err)
{
    s->at += s->n;
    s->n = j->sums - s->at < SUMS ? (size_t)(j->sums - s->at) : SUMS;
    s->next = 0;
    return xsi_journal_take(j, s->bytes, s->n * 4, xsi_journal_sums_at(j) + s->at * 4, err);
}

static int sums_get(struct sums *s, const struct xsi_journal *j, uint32_t *hash,
                    struct xsi_error *err)
{
    int rc = s->next == s->n ? sums_refill(s, j, err) : 0;

    if (!rc) {
        memcpy(hash, s->bytes + 4 * s->next++, 4);
        *hash = le32toh(*hash);
    }
    return rc;
}

/* Damage of the hashes must not look like a wrong image. */
static int sums_check(struct sums *s, const struct xsi_journal *j, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    int rc = 0;

    while (!rc && s->at + s->n < j->sums) {
        rc = sums_refill(s, j, err);
        if (!rc)
            xsi_hash_add(s->all, s->bytes, s->n * 4);
    }
    if (!rc && xsi_hash_value(s->all) != j->sum_all)
        rc = xsi_source_fault(err, EIO,
                              "the undo file '%s' is damaged in its hashes; put it back from a "
                              "backup",
                              xsi_name_short(name, j->file));
    s->at = s->n = s->next = 0;
    return rc;
}

/* ---- saving ---- */

/* Pieces of [at, end); bytes NULL: the new image has none there. */
static int save_pieces(struct sums *s, struct xsi_journal *j, const struct xsi_extent *e,
                       const uint8_t *bytes, uint64_t at, uint64_t end, struct xsi_error *err)
{
    int rc = 0;

    for (uint64_t next; !rc && at < end; at = next) {
        next = stretch_end(e, at, SECTOR);
        rc = sums_put(s, j, bytes ? xsi_hash64(bytes, (size_t)(next - at)) : 0, err);
        bytes = bytes ? bytes + (next - at) : NULL;
    }
    return rc;
}

static int save_extent(struct sums *s, struct xsi_journal *j, struct xsi_extent *e,
                       struct xsi_source *planned, uint8_t *buf, struct xsi_hash *hash,
                       struct xsi_error *err)
{
    int rc = 0;

    xsi_hash_reset(hash);
    for (uint64_t at = e->at, end; !rc && at < longer(e); at = end) {
        bool has = at < e->at + e->new_length;

        end = stretch_end(e, at, XSI_BLOCK);
        if (has) {
            rc = xsi_read_all(planned, buf, (size_t)(end - at), at, err);
            if (rc)
                break;
            xsi_hash_add(hash, buf, (size_t)(end - at));
        }
        rc = save_pieces(s, j, e, has ? buf : NULL, at, end, err);
    }
    e->new_hash = xsi_hash_value(hash);
    return rc;
}

int xsi_sectors_save(struct xsi_journal *j, struct xsi_source *planned, struct xsi_error *err)
{
    struct xsi_hash *hash = xsi_hash_new();
    uint8_t *buf = malloc(XSI_BLOCK);
    struct sums s;
    int rc = sums_start(&s, err);

    if (!rc && (!hash || !buf))
        rc = xsi_source_fault(err, ENOMEM, "out of memory for the undo file");
    for (size_t i = 0; !rc && i < j->count; i++)
        rc = save_extent(&s, j, &j->extent[i], planned, buf, hash, err);
    if (!rc && s.n)
        rc = sums_flush(&s, j, err);
    if (!rc)
        j->sum_all = xsi_hash_value(s.all);
    sums_end(&s);
    xsi_hash_free(hash);
    free(buf);
    return rc;
}

/* ---- checking ---- */

struct block {
    uint64_t at;
    size_t n;
    uint8_t now[XSI_BLOCK], old[XSI_BLOCK];
    bool bad[CELLS]; /* sectors that the disk cannot read: nothing is lost with them */
};

static size_t cell(const struct block *b, uint64_t at)
{
    return (size_t)(at / SECTOR - b->at / SECTOR);
}

static int read_now(struct block *b, int fd, struct xsi_error *err)
{
    bool feel = false;

    memset(b->bad, 0, sizeof(b->bad));
    for (size_t done = 0; done < b->n;) {
        uint64_t at = b->at + done;
        size_t rest = SECTOR - (size_t)(at % SECTOR), n = feel ? rest : b->n - done;
        ssize_t got = pread(fd, b->now + done, n < b->n - done ? n : b->n - done, (off_t)at);
        int code = errno;

        if (got > 0) {
            done += (size_t)got;
        } else if (!got) {
            return xsi_source_fault(err, ESTALE, "the image became shorter just now; try again");
        } else if (code == EIO && feel) {
            b->bad[cell(b, at)] = true;
            done += rest < b->n - done ? rest : b->n - done;
        } else if (code == EIO) {
            feel = true;
        } else if (code != EINTR) {
            return xsi_source_fault(err, code, "cannot read the image at byte %#llx: %s; see dmesg",
                                    (unsigned long long)at, strerror(code));
        }
    }
    return 0;
}

static bool zeros(const uint8_t *bytes, size_t n)
{
    while (n && !bytes[n - 1])
        n--;
    return !n;
}

enum holds { NEITHER, OLD, NEW };

/* The piece [at, end) of which the block holds what the image has. */
static enum holds piece(const struct block *b, const struct xsi_extent *e, uint64_t at,
                        uint64_t end, uint32_t sum)
{
    size_t from = (size_t)(at - b->at), n = (size_t)(end - at);
    size_t got = b->n > from ? b->n - from : 0;
    bool behind = at >= shorter(e), was = at < e->at + e->old_length;
    bool will = at < e->at + e->new_length;

    got = got < n ? got : n;
    if (was && got == n && !memcmp(b->now + from, b->old + from, n))
        return OLD;
    if (got && b->bad[cell(b, at)])
        return NEW;
    if (will && got == n && (uint32_t)xsi_hash64(b->now + from, n) == sum)
        return NEW;
    if (!behind)
        return NEITHER;
    /* of a file that grows: bytes not written yet, or those in front of its present end */
    if (zeros(b->now + from, got) || (will && got < n) ||
        (was && !memcmp(b->now + from, b->old + from, got)))
        return will && !got ? OLD : NEW;
    return NEITHER;
}

static int check_block(struct sums *s, const struct xsi_journal *j, const struct xsi_extent *e,
                       const struct block *b, uint64_t end, bool *any_new, struct xsi_error *err)
{
    for (uint64_t at = b->at, next; at < end; at = next) {
        enum holds is;
        uint32_t sum;
        int rc = sums_get(s, j, &sum, err);

        if (rc)
            return rc;
        next = stretch_end(e, at, SECTOR);
        is = piece(b, e, at, next, sum);
        if (is == NEITHER)
            return xsi_source_fault(err, ESTALE,
                                    "bytes %#llx to %#llx of the image are neither the old ones "
                                    "nor those that were written",
                                    (unsigned long long)at, (unsigned long long)next - 1);
        if (is == NEW)
            *any_new = true;
    }
    return 0;
}

static int check_extent(struct sums *s, const struct xsi_journal *j, const struct xsi_extent *e,
                        struct block *b, int fd, uint64_t size, bool *any_new,
                        struct xsi_error *err)
{
    int rc = 0;

    for (uint64_t at = e->at, end; !rc && at < longer(e); at = end) {
        end = stretch_end(e, at, XSI_BLOCK);
        b->at = at;
        b->n = size <= at ? 0 : size < end ? (size_t)(size - at) : (size_t)(end - at);
        rc = read_now(b, fd, err);
        if (!rc && at < e->at + e->old_length)
            rc = xsi_journal_take(j, b->old, (size_t)(end - at), e->saved + (at - e->at), err);
        if (!rc)
            rc = check_block(s, j, e, b, end, any_new, err);
    }
    return rc;
}

int xsi_sectors_check(const struct xsi_journal *j, int fd, uint64_t size, bool *any_new,
                      struct xsi_error *err)
{
    struct block *b = malloc(sizeof(*b));
    struct sums s;
    int rc = sums_start(&s, err);

    *any_new = size != j->old_size;
    if (!rc && !b)
        rc = xsi_source_fault(err, ENOMEM, "out of memory for the undo file");
    if (!rc)
        rc = sums_check(&s, j, err);
    for (size_t i = 0; !rc && i < j->count; i++)
        rc = check_extent(&s, j, &j->extent[i], b, fd, size, any_new, err);
    sums_end(&s);
    free(b);
    return rc;
}
