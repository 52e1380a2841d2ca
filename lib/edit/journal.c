/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undo files. All numbers are little-endian and 64 bits wide.
 *
 *     0     a line of text for a person, ended by a newline, then zeros
 *     256   numbers in the order of the table below
 *     1024  path of the image, 512 bytes     1536  name of the reader, 40 bytes
 *     4088  seal: hash of bytes 0 to 4087 and of the rows of extents
 *     4096, 8192  a state mark of a sector each; the valid one with the higher sequence counts.
 *           They are that far apart for disks that write 4096 bytes at once
 *     12288 a row per extent: offset, old and new length, old and new hash, where it is saved
 *     then  32 bits per sector of the extents: the lower half of its new bytes' hash
 *     then, at a multiple of 4096, the old bytes of the extents
 *
 * A mark that is torn while it is written leaves the other one, which says what held before: that
 * is always safe, for a mark is written only when what it says is on the disk.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "write.h"

#define PAGE      4096U
#define LINE      "xsrecover undo file 1: bytes that a repair replaced. To put them back: "
#define MARK      "xsistate"
#define ROWS_AT   12288U
#define ROW_WORDS 6U

enum { NUMBERS_AT = 256, IMAGE_AT = 1024, READER_AT = 1536, SEAL_AT = 4088, SECTOR = 512 };

static const size_t numbers[] = {
    offsetof(struct xsi_journal, version),  offsetof(struct xsi_journal, device),
    offsetof(struct xsi_journal, dev),      offsetof(struct xsi_journal, ino),
    offsetof(struct xsi_journal, rdev),     offsetof(struct xsi_journal, old_size),
    offsetof(struct xsi_journal, new_size), offsetof(struct xsi_journal, count),
    offsetof(struct xsi_journal, saved_at), offsetof(struct xsi_journal, total),
    offsetof(struct xsi_journal, when),     offsetof(struct xsi_journal, when_ns),
    offsetof(struct xsi_journal, mtime),    offsetof(struct xsi_journal, mtime_ns),
    offsetof(struct xsi_journal, outside),  offsetof(struct xsi_journal, born[0]),
    offsetof(struct xsi_journal, born[1]),  offsetof(struct xsi_journal, sums),
    offsetof(struct xsi_journal, sum_all),
};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static const size_t words[ROW_WORDS] = {
    offsetof(struct xsi_extent, at),         offsetof(struct xsi_extent, old_length),
    offsetof(struct xsi_extent, new_length), offsetof(struct xsi_extent, old_hash),
    offsetof(struct xsi_extent, new_hash),   offsetof(struct xsi_extent, saved),
};

/* One number of a structure to or from its place on the disk. */
static void put(uint8_t *at, const void *from, size_t member)
{
    uint64_t v;

    memcpy(&v, (const uint8_t *)from + member, sizeof(v));
    v = htole64(v);
    memcpy(at, &v, sizeof(v));
}

static void get(const uint8_t *at, void *to, size_t member)
{
    uint64_t v;

    memcpy(&v, at, sizeof(v));
    v = le64toh(v);
    memcpy((uint8_t *)to + member, &v, sizeof(v));
}

static int cannot(const struct xsi_journal *j, const char *what, int rc, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, -rc,
                            "cannot %s the undo file '%s': %s; name one on another disk "
                            "with --undo",
                            what, xsi_name_short(name, j->file), strerror(-rc));
}

/* ---- writing ---- */

static uint64_t old_bytes_at(uint64_t count, uint64_t sums)
{
    return (ROWS_AT + count * ROW_WORDS * 8 + sums * 4 + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

uint64_t xsi_journal_sums_at(const struct xsi_journal *j)
{
    return ROWS_AT + j->count * ROW_WORDS * 8;
}

uint64_t xsi_journal_size(const struct xsi_change *change)
{
    return old_bytes_at(change->count, xsi_sectors_count(change->extent, change->count)) +
           change->old_bytes;
}

int xsi_journal_save(struct xsi_journal *j, const void *bytes, size_t n, uint64_t at,
                     struct xsi_error *err)
{
    int rc = xsi_put_at(j->fd, bytes, n, at);

    return rc ? cannot(j, "write", rc, err) : 0;
}

int xsi_journal_mark(struct xsi_journal *j, enum xsi_journal_state state, struct xsi_error *err)
{
    uint8_t sector[SECTOR] = MARK;
    uint64_t row[3] = { j->sequence + 1, (uint64_t)state, j->seal }, hash;
    int rc;

    for (size_t i = 0; i < 3; i++)
        put(sector + 8 + 8 * i, row, 8 * i);
    hash = xsi_hash64(sector, SECTOR - 8);
    put(sector + SECTOR - 8, &hash, 0);
    rc = xsi_put_at(j->fd, sector, SECTOR, PAGE + (row[0] & 1) * PAGE);
    if (!rc)
        rc = xsi_sync(j->fd, true);
    if (rc)
        return cannot(j, "mark", rc, err);
    j->sequence++;
    j->state = state;
    return 0;
}

/* The line and the numbers; the seal comes last. */
static void fill_head(struct xsi_journal *j, uint8_t head[PAGE], const uint8_t *rows, size_t n,
                      struct xsi_hash *hash)
{
    char name[160] = "THIS-FILE";

    memset(head, 0, PAGE);
    if (strlen(j->file) < sizeof(name))
        (void)xsi_escape(name, sizeof(name), j->file, strlen(j->file));
    (void)snprintf((char *)head, NUMBERS_AT, "%sxsrecover undo %s\n", LINE, name);
    for (size_t i = 0; i < NUMBERS; i++)
        put(head + NUMBERS_AT + 8 * i, j, numbers[i]);
    memcpy(head + IMAGE_AT, j->image, sizeof(j->image));
    memcpy(head + READER_AT, j->reader, sizeof(j->reader));
    xsi_hash_add(hash, head, SEAL_AT);
    xsi_hash_add(hash, rows, n);
    j->seal = xsi_hash_value(hash);
    put(head + SEAL_AT, j, offsetof(struct xsi_journal, seal));
}

int xsi_journal_write(struct xsi_journal *j, struct xsi_error *err)
{
    size_t n = (size_t)j->count * ROW_WORDS * 8;
    uint8_t head[PAGE], *rows = malloc(n ? n : 1);
    struct xsi_hash *hash = xsi_hash_new();
    int rc = rows && hash ? 0 : -ENOMEM;

    if (!rc) {
        for (size_t i = 0; i < j->count; i++)
            for (size_t k = 0; k < ROW_WORDS; k++)
                put(rows + (i * ROW_WORDS + k) * 8, &j->extent[i], words[k]);
        fill_head(j, head, rows, n, hash);
        rc = xsi_put_at(j->fd, rows, n, ROWS_AT);
    }
    if (!rc)
        rc = xsi_put_at(j->fd, head, sizeof(head), 0);
    xsi_hash_free(hash);
    free(rows);
    return rc ? cannot(j, "write", rc, err) : xsi_journal_mark(j, XSI_JOURNAL_BEGUN, err);
}

/* ---- reading ---- */

static int damaged(const struct xsi_journal *j, const char *how, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    return xsi_source_fault(err, EINVAL, "'%s' %s", xsi_name_short(name, j->file), how);
}

/* All of n bytes; -EINVAL when the file ends before. */
int xsi_journal_take(const struct xsi_journal *j, void *buf, size_t n, uint64_t at,
                     struct xsi_error *err)
{
    char name[XSI_NAME_MAX];
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(j->fd, (uint8_t *)buf + done, n - done, (off_t)(at + done));

        if (got > 0)
            done += (size_t)got;
        else if (!got)
            return damaged(j, "is no undo file, or its end is missing", err);
        else if (errno != EINTR) {
            int code = errno;

            return xsi_source_fault(err, code,
                                    "cannot read the undo file '%s' at byte %#llx: %s; "
                                    "see dmesg",
                                    xsi_name_short(name, j->file), (unsigned long long)at + done,
                                    strerror(code));
        }
    }
    return 0;
}

int xsi_journal_state(struct xsi_journal *j, struct xsi_error *err)
{
    uint8_t sector[SECTOR];
    bool found = false;
    uint64_t row[3], hash;

    for (unsigned i = 0; i < 2; i++) {
        int rc = xsi_journal_take(j, sector, SECTOR, PAGE + i * PAGE, err);

        if (rc)
            return rc;
        get(sector + SECTOR - 8, &hash, 0);
        if (memcmp(sector, MARK, 8) != 0 || hash != xsi_hash64(sector, SECTOR - 8))
            continue;
        for (size_t k = 0; k < 3; k++)
            get(sector + 8 + 8 * k, row, 8 * k);
        if (row[2] != j->seal || row[1] > XSI_JOURNAL_UNDONE || row[0] > INT64_MAX ||
            (found && row[0] < j->sequence))
            continue;
        j->sequence = row[0];
        j->state = (enum xsi_journal_state)row[1];
        found = true;
    }
    return found ? 0
                 : damaged(j,
                           "has no valid state mark: it was never finished, so the image "
                           "was not touched, or it is damaged",
                           err);
}

/* Whoever can write the file chooses the image and what is written to it. */
static int trust(const struct xsi_journal *j, const struct stat *st, struct xsi_error *err)
{
    char name[XSI_NAME_MAX];

    if (!S_ISREG(st->st_mode))
        return damaged(j, "is not a file, so it is no undo file", err);
    if ((st->st_uid == geteuid() || !st->st_uid) && !(st->st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    return xsi_source_fault(err, EPERM,
                            "others can write to the undo file '%s'; if you trust it, make it your "
                            "own: chown and chmod 600",
                            xsi_name_short(name, j->file));
}

static bool fits(const struct xsi_journal *j, uint64_t file_size)
{
    uint64_t reached = 0, saved = j->saved_at;

    if (!j->count || j->count > XSI_EXTENTS_MAX || j->sums > file_size ||
        j->saved_at != old_bytes_at(j->count, j->sums) || j->total > file_size ||
        j->total < j->saved_at || j->old_size > INT64_MAX || j->new_size > INT64_MAX)
        return false;
    for (size_t i = 0; j->extent && i < j->count; i++) {
        const struct xsi_extent *e = &j->extent[i];

        if (e->at < reached || e->at > j->old_size || e->old_length > j->old_size - e->at ||
            e->at > j->new_size || e->new_length > j->new_size - e->at || e->saved != saved)
            return false;
        if (e->old_length != e->new_length &&
            (i + 1 < j->count || e->at + e->old_length != j->old_size ||
             e->at + e->new_length != j->new_size))
            return false;
        reached = e->at + e->old_length;
        saved += e->old_length;
    }
    if (!j->extent)
        return true;
    return saved == j->total && j->sums == xsi_sectors_count(j->extent, (size_t)j->count);
}

static int read_rows(struct xsi_journal *j, const uint8_t head[PAGE], uint64_t file_size,
                     struct xsi_error *err)
{
    size_t n = (size_t)j->count * ROW_WORDS * 8;
    uint8_t *rows = malloc(n ? n : 1);
    struct xsi_hash *hash = xsi_hash_new();
    int rc = -ENOMEM;

    j->extent = calloc(j->count ? j->count : 1, sizeof(*j->extent));
    if (rows && hash && j->extent)
        rc = xsi_journal_take(j, rows, n, ROWS_AT, err);
    else
        xsi_source_fault(err, ENOMEM, "out of memory for the undo file's rows");
    if (!rc) {
        for (size_t i = 0; i < j->count; i++)
            for (size_t k = 0; k < ROW_WORDS; k++)
                get(rows + (i * ROW_WORDS + k) * 8, &j->extent[i], words[k]);
        xsi_hash_add(hash, head, SEAL_AT);
        xsi_hash_add(hash, rows, n);
        if (xsi_hash_value(hash) != j->seal || !fits(j, file_size))
            rc = damaged(j, "is a damaged undo file: its hash is wrong", err);
    }
    xsi_hash_free(hash);
    free(rows);
    return rc;
}

static int read_head(struct xsi_journal *j, bool rows, struct xsi_error *err)
{
    uint8_t head[PAGE];
    struct stat st;
    int rc;

    if (fstat(j->fd, &st))
        return cannot(j, "examine", -errno, err);
    rc = trust(j, &st, err);
    if (!rc)
        rc = xsi_journal_take(j, head, sizeof(head), 0, err);
    if (rc)
        return rc;
    if (memcmp(head, LINE, strlen(LINE)) != 0)
        return damaged(j,
                       head[0] ? "is no undo file"
                               : "was never finished, so its image was not "
                                 "touched; or it is no undo file",
                       err);
    for (size_t i = 0; i < NUMBERS; i++)
        get(head + NUMBERS_AT + 8 * i, j, numbers[i]);
    get(head + SEAL_AT, j, offsetof(struct xsi_journal, seal));
    memcpy(j->image, head + IMAGE_AT, sizeof(j->image) - 1);
    memcpy(j->reader, head + READER_AT, sizeof(j->reader) - 1);
    if (j->version != XSI_JOURNAL_VERSION || !fits(j, (uint64_t)st.st_size))
        return damaged(j, "is a damaged undo file, or one of a later version", err);
    rc = rows ? read_rows(j, head, (uint64_t)st.st_size, err) : 0;
    return rc ? rc : xsi_journal_state(j, err);
}

int xsi_journal_open(struct xsi_journal *j, const char *file, bool write, bool rows,
                     struct xsi_error *err)
{
    int rc, flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (write ? O_RDWR : O_RDONLY);

    *j = (struct xsi_journal){ .fd = -1 };
    if (strlen(file) >= sizeof(j->file))
        return xsi_source_fault(err, ENAMETOOLONG,
                                "the path of the undo file is too long; move it");
    memcpy(j->file, file, strlen(file) + 1);
    do
        j->fd = open(file, flags);
    while (j->fd < 0 && errno == EINTR);
    if (j->fd < 0) {
        char name[XSI_NAME_MAX];

        rc = errno;
        return xsi_source_fault(err, rc, "cannot open the undo file '%s': %s; check the path",
                                xsi_name_short(name, file), strerror(rc));
    }
    rc = read_head(j, rows, err);
    if (rc)
        xsi_journal_close(j);
    return rc;
}

void xsi_journal_close(struct xsi_journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    free(j->extent);
    j->fd = -1;
    j->extent = NULL;
}

void xsi_journal_tell(const struct xsi_journal *j, struct xsi_journal_info *info)
{
    *info = (struct xsi_journal_info){
        .state = j->state,
        .old_size = j->old_size,
        .new_size = j->new_size,
        .saved = j->total - j->saved_at,
        .extents = (size_t)j->count,
        .when = (int64_t)j->when,
    };
    memcpy(info->image, j->image, sizeof(info->image));
    memcpy(info->reader, j->reader, sizeof(info->reader));
    memcpy(info->file, j->file, sizeof(info->file));
}

int xsi_journal_read(const char *file, struct xsi_journal_info *info, struct xsi_error *err)
{
    struct xsi_journal j;
    int rc = xsi_journal_open(&j, file, false, true, err);

    if (rc)
        return rc;
    xsi_journal_tell(&j, info);
    xsi_journal_close(&j);
    return 0;
}
