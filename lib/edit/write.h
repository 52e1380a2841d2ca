/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing, from the inside.
 *
 *     hold.c      an image that nobody else may use meanwhile    image.c    all writes to an image
 *     extents.c   which bytes of an image a plan changes         in_place.c the write protocol
 *     journal.c   undo files                                     undo.c     going back
 *     saved.c     the old image, read from its undo file         output.c   new files
 *     state.c     the folder of undo files                       stream.c   pipes
 *     registry.c  what is known of an image there                copy.c     by the kernel
 *     signals.c   that must not end a program half way      sectors.c  bytes that are old or new
 *     openers.c   who else has a device open                     ranges.c   read and hashed whole
 */
#ifndef XSI_EDIT_WRITE_H
#define XSI_EDIT_WRITE_H

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../source/internal.h"
#include "../xsi_edit.h"

#define XSI_COPY_BUFFER (1U << 20)   /* bytes moved at a time to a new file */
#define XSI_BLOCK       (128U << 10) /* and in place, where there are few */
#define XSI_STATE_FILES 16384        /* that are looked at in the registry */
#define XSI_EXTENTS_MAX (1U << 20)   /* of one write: 48 MiB of rows */

#define XSI_NAME_MAX 60 /* bytes of a path in an error's text */
/* The end of a path for an error's text. out: XSI_NAME_MAX bytes. */
const char *xsi_name_short(char *out, const char *path);
/* Seconds on a clock that nobody sets. */
double xsi_seconds(void);

/* ---- hold.c ---- */

/* An image that is open for writing and locked. */
struct xsi_held {
    int fd;
    bool device;
    bool leased; /* nobody else has the file open */
    struct stat st;
    uint64_t size;          /* when it was opened */
    const char *path;       /* the caller's */
    struct xsi_source *src; /* over fd; never asked for holes, that would open the file anew */
};
/*
 * Open and lock. write false: only to be read, no lock. -EBUSY: somebody else uses it; -ENOLCK: the
 * file system has no locks and the caller does not vouch for it. Words in err.
 */
int xsi_held_open(struct xsi_held *held, const char *path, bool write, bool assume_unused,
                  struct xsi_error *err);
void xsi_held_close(struct xsi_held *held);
/* Whether it is still ours alone: the kernel ends a lease by force when somebody waited long. */
int xsi_held_still(const struct xsi_held *held, struct xsi_error *err);
/* When a file was made, seconds and nanoseconds; zeros: the file system does not say. fd with path
 * "", or AT_FDCWD with a path. */
void xsi_birth(int fd, const char *path, uint64_t born[2]);

/* ---- openers.c ---- */

/* Whether another process, a loop device or a guest of this machine uses a block device; who: words
 * for it. Processes of others are seen by root alone; other machines never. */
bool xsi_device_used(dev_t rdev, char who[64]);

/* ---- signals.c ---- */

#define XSI_SIGNALS 2
struct xsi_signals {
    sigset_t before;
    bool pending[XSI_SIGNALS];
};
/* SIGPIPE and SIGXFSZ become errors; whole: ^C and its kin wait as well. */
void xsi_signals_hold(struct xsi_signals *s, bool whole);
void xsi_signals_release(const struct xsi_signals *s);
/* While they are held: whether one of them wants the program to end. */
bool xsi_signals_waiting(void);

/* ---- extents.c ---- */

/* A stretch of an image that changes. Lengths differ only in the last one, at the image's end. */
struct xsi_extent {
    uint64_t at;
    uint64_t old_length, new_length;
    uint64_t old_hash, new_hash;
    uint64_t saved; /* where its old bytes stand in the undo file */
};

/* What a plan does to the bytes of an image. */
struct xsi_change {
    struct xsi_splice *splice; /* the inserted bytes are the plan's */
    size_t splice_count;
    struct xsi_extent *extent;
    size_t count;
    uint64_t old_size, new_size;
    uint64_t old_bytes, new_bytes; /* sums over the extents */
};
/* -E2BIG: too many places. The change is valid until the plan is changed, attached or freed. */
int xsi_change_of(struct xsi_change *change, struct xsi_plan *plan, uint64_t size,
                  struct xsi_error *err);
void xsi_change_free(struct xsi_change *change);
/*
 * Hash of what surrounds the extents and stays: the first 64 KiB, 4 KiB in front of each and behind
 * it, and 64 KiB behind the last. size: of the old image. It tells one image from another.
 */
int xsi_outside_hash(struct xsi_source *src, const struct xsi_extent *extent, size_t count,
                     uint64_t size, uint64_t *hash, struct xsi_error *err);

/* ---- ranges.c ---- */

/* Read all of n bytes; 0, or -errno: -EIO when the source ends before. */
int xsi_read_all(struct xsi_source *src, void *buf, size_t n, uint64_t at, struct xsi_error *err);
/* Add a range to a hash; the hash of a range alone. -EIO when the source ends in it. */
struct xsi_hash;
int xsi_hash_range(struct xsi_hash *hash, struct xsi_source *src, uint64_t at, uint64_t length,
                   struct xsi_error *err);
int xsi_range_hash(struct xsi_source *src, uint64_t at, uint64_t length, uint64_t *value,
                   struct xsi_error *err);

/* ---- journal.c ---- */

#define XSI_JOURNAL_VERSION 2

/* An undo file. Numbers are 64 bits wide because one table writes and reads them. */
struct xsi_journal {
    int fd;
    char file[512];
    char image[512], reader[40];
    uint64_t version;
    uint64_t device, dev, ino, rdev; /* device: 1 a block device, 0 a file */
    uint64_t old_size, new_size;
    uint64_t count;           /* extents */
    uint64_t saved_at, total; /* where the old bytes begin; size of the undo file */
    uint64_t when, when_ns, mtime, mtime_ns;
    uint64_t born[2];       /* of a file: xsi_birth() */
    uint64_t outside;       /* xsi_outside_hash() */
    uint64_t sums, sum_all; /* hashes of new sectors, and the hash of them all: sectors.c */
    uint64_t seal;          /* hash of all that and of the rows of extents */
    struct xsi_extent *extent;
    enum xsi_journal_state state;
    uint64_t sequence; /* of the state marks */
};
static inline bool xsi_half_written(enum xsi_journal_state state)
{
    return state == XSI_JOURNAL_READY || state == XSI_JOURNAL_UNDOING;
}
/* Size of the undo file of a change. */
uint64_t xsi_journal_size(const struct xsi_change *change);
/* Lay out and write the head of the new file j->fd, the rows, and the mark BEGUN. */
int xsi_journal_write(struct xsi_journal *j, struct xsi_error *err);
int xsi_journal_save(struct xsi_journal *j, const void *bytes, size_t n, uint64_t at,
                     struct xsi_error *err);
/* Set the state: on the disk when this returns 0. */
int xsi_journal_mark(struct xsi_journal *j, enum xsi_journal_state state, struct xsi_error *err);
/* rows false: only the head, for a look at whose it is. -EINVAL, -EPERM (not to be trusted). */
int xsi_journal_open(struct xsi_journal *j, const char *file, bool write, bool rows,
                     struct xsi_error *err);
/* Where the hashes of the new sectors stand. */
uint64_t xsi_journal_sums_at(const struct xsi_journal *j);
/* All of n bytes of it; -EINVAL when it ends before. */
int xsi_journal_take(const struct xsi_journal *j, void *buf, size_t n, uint64_t at,
                     struct xsi_error *err);
/* Read state marks again. */
int xsi_journal_state(struct xsi_journal *j, struct xsi_error *err);
void xsi_journal_close(struct xsi_journal *j);
void xsi_journal_tell(const struct xsi_journal *j, struct xsi_journal_info *info);

/* ---- sectors.c ---- */

/* How many sectors the extents touch; one where the old or the new image ends counts twice. */
uint64_t xsi_sectors_count(const struct xsi_extent *extent, size_t count);
/* Hash the new bytes of the extents: per sector, to the undo file, and per extent. */
int xsi_sectors_save(struct xsi_journal *j, struct xsi_source *planned, struct xsi_error *err);
/*
 * Whether each sector of the extents holds its old bytes or its new ones. -ESTALE: one holds
 * neither, so undoing would destroy something. *any_new: not all of them are old.
 */
int xsi_sectors_check(const struct xsi_journal *j, int fd, uint64_t size, bool *any_new,
                      struct xsi_error *err);

/* ---- saved.c ---- */

/* The old image: the extents come from the undo file, the rest from `image` (NULL: it is not asked
 * for). Both stay the caller's. NULL: no memory. */
struct xsi_source *xsi_saved_source(const struct xsi_journal *j, struct xsi_source *image,
                                    struct xsi_error *err);
/* Does src hold the old bytes? 0 all; 1 not those of the extent at *at; -errno. */
int xsi_saved_differs(const struct xsi_journal *j, struct xsi_source *src, uint64_t *at,
                      struct xsi_error *err);

/* ---- state.c ---- */

/* The folder of the undo files. */
const char *xsi_state_folder(const char *state);
/* Create the undo file for an image: fills fd and file. */
int xsi_state_create(struct xsi_journal *j, const struct xsi_write_options *options,
                     struct xsi_error *err);
/* Its name as xsi_state_create() would choose it, and the free bytes there. */
int xsi_state_foresee(const char *image, const struct xsi_write_options *options, char file[512],
                      uint64_t *room, struct xsi_error *err);
/* Sync the folder of the undo file; for one that lies elsewhere leave a note in the registry. */
int xsi_state_publish(const struct xsi_journal *j, const struct xsi_write_options *options,
                      struct xsi_error *err);
/* The path in a note; false: there is none. */
bool xsi_note_read(int fd, char path[512]);
/* Remove an undo file that is of no use, and its note. */
void xsi_state_remove(const struct xsi_journal *j, const struct xsi_write_options *options);
/* Open the folder that a file stands in; *base is its name there. */
int xsi_folder_open(const char *file, const char **base, struct xsi_error *err);
int xsi_folder_sync(int fd);

/* ---- image.c ---- */

/*
 * The one function that writes to an image: the extents of an undo file from a source (new bytes
 * of the planned image, or old ones of the undo file), then the size, then sync. *bytes counts
 * what was written.
 */
int xsi_image_write(struct xsi_held *held, const struct xsi_journal *j, struct xsi_source *from,
                    bool old, uint64_t *bytes, struct xsi_error *err);
/* Reserve the blocks that a write needs, so that it cannot run out of them half way. */
int xsi_image_reserve(struct xsi_held *held, const struct xsi_journal *j, bool old,
                      struct xsi_error *err);
/* What was reserved and is not needed after all. */
void xsi_image_give_back(struct xsi_held *held, const struct xsi_journal *j);
/* Give the image its old bytes, whatever is there, and check them. */
int xsi_image_restore(struct xsi_held *held, const struct xsi_journal *j, uint64_t *bytes,
                      struct xsi_error *err);
/* All of n bytes at an offset; 0 or -errno. Used for undo files and new files too. */
int xsi_put_at(int fd, const void *bytes, size_t n, uint64_t at);
int xsi_sync(int fd, bool data_only);

/* ---- copy.c ---- */

/* Where a planned image goes: a new file, or something that is written front to back. */
struct xsi_target {
    int fd;
    bool file;               /* fd is a file that begins empty: holes are left out */
    const char *name;        /* of the target, for words */
    struct xsi_source *base; /* the image */
    int image;               /* the image, for the kernel to copy from; -1: cannot be had */
    uint64_t first;          /* place in it that is offset 0 of the base */
    uint64_t at;             /* bytes given out, holes included */
    uint64_t started;        /* of them, bytes that are on their way to the disk */
    unsigned way;            /* how the kernel is asked */
    bool stoppable;          /* signals are held: look for them, and give up */
    uint8_t *buffer;
};
/* Choose the way; -ENOMEM. Free the buffer at the end. */
int xsi_target_start(struct xsi_target *t, struct xsi_error *err);
/* A stretch of the image; bytes; the whole planned image. */
int xsi_target_copy(struct xsi_target *t, uint64_t offset, uint64_t length, struct xsi_error *err);
int xsi_target_bytes(struct xsi_target *t, const void *bytes, size_t n, struct xsi_error *err);
int xsi_target_plan(struct xsi_target *t, const struct xsi_change *change, struct xsi_error *err);

/* ---- output.c ---- */

/* A new file, mode 0600, filled front to back by `fill`, published whole or not at all. t->base and
 * t->image are the caller's, t->fd is the file. */
int xsi_write_new(const char *out, struct xsi_target *t,
                  int (*fill)(struct xsi_target *t, void *arg, struct xsi_error *err), void *arg,
                  struct xsi_error *err);

/* What is written from: the plan's base, or the image when the plan was let go. */
struct xsi_input {
    struct xsi_plan *plan;
    struct xsi_source *base, *own;
    int image;  /* as in struct xsi_target */
    bool known; /* st is what is read from, when that began */
    struct stat st;
    struct xsi_change change;
};
int xsi_input_open(struct xsi_input *in, struct xsi_plan *plan, const char *path,
                   struct xsi_error *err);
void xsi_input_close(struct xsi_input *in);
/* -ESTALE when the image changed while it was read. */
int xsi_input_still(const struct xsi_input *in, struct xsi_error *err);
/* The same of a source, by what its file was then. */
int xsi_source_still(const struct xsi_source *src, const struct stat *then, struct xsi_error *err);
/* The same file, or the same device under any name. */
bool xsi_same_place(const struct stat *a, const struct stat *b);

#endif
