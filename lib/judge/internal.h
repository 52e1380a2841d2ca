/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of lib/judge share: a run, what runs share, the judge. */
#ifndef XSI_JUDGE_INTERNAL_H
#define XSI_JUDGE_INTERNAL_H

#include "../dissect/internal.h"

#define XSI_RUN_DEPTH    8
#define XSI_RUN_EVENTS   4096         /* events of one handler that are kept */
#define XSI_RUN_STALLS   (4U << 20)   /* wishes in a row that do not read: a bug of the model */
#define XSI_SHARED_BYTES (8U << 20)   /* frames and batch records of all runs together */
#define XSI_JUDGE_LEAD   (4U << 20)   /* how far readers run ahead of the walk */
#define XSI_HEAD_BYTES   (128U << 10) /* what is looked at to know the stack … */
#define XSI_HEAD_MAX     (4U << 20)   /* … when that was not enough */
#define XSI_BATCH_SLOTS  4
#define XSI_READERS_MAX  512
#define XSI_RELEASES_MAX 128

/* ---- batch.c ---- */
struct xsi_batch_slot {
    const struct xsi_model *model;
    uint64_t offset, used;
    size_t count;
    unsigned kind;
    struct xsi_batch *batch;
};

/* A batch whose pages a reader stored. */
struct xsi_stored {
    const struct xsi_model *model;
    uint64_t entries, pages, min_pfn, max_pfn;
    uint32_t count, carry;
    unsigned kind;
};

/* What the runs over one image have in common. */
struct xsi_shared {
    struct xsi_view *view;
    struct xsi_info info; /* as the head of the image shows it */
    uint64_t stream_start;
    const struct xsi_model *outer, *inner; /* of the outermost layer and of the memory stream */
    struct xsi_batch_slot slot[XSI_BATCH_SLOTS];
    uint64_t stamp;
    size_t budget;
};

void xsi_shared_free(struct xsi_shared *s);
/* head.c: look at the first bytes. False when there is no stream that anybody could read. */
bool xsi_shared_look(struct xsi_shared *s, const char *as, enum xsi_guest guest);

/* ---- run.c ---- */
enum xsi_wish {
    XSI_WISH_NONE,
    XSI_WISH_NEED,
    XSI_WISH_SKIP,
    XSI_WISH_LOOK,
    XSI_WISH_CALL,
    XSI_WISH_BACK,
    XSI_WISH_END
};

struct xsi_call {
    const struct xsi_model *model;
    void *state;
    xsi_then *then; /* the caller's handler of its return */
};

struct xsi_run {
    struct xsi_shared *shared;
    bool alone;           /* shared and its view are this run's own */
    struct xsi_info info; /* shared's, with the kind of domain that the toolstack prepared */
    uint64_t max_pages;   /* of that domain; 0 = not known */
    struct xsi_reader reader;
    struct xsi_call call[XSI_RUN_DEPTH];
    size_t depth;
    bool started;

    /* the wish of the last handler */
    enum xsi_wish wish;
    uint64_t offset, length;
    const char *purpose;
    xsi_then *then;
    const struct xsi_model *callee;
    int64_t rc;

    uint64_t pos;
    bool sized;    /* the source can seek; */
    uint64_t size; /* its size, then */
    int read_errno;
    unsigned stalls;
    bool quiet; /* nobody looks at events */
    bool done;
    bool in_restore, restored;
    uint64_t restore_at;

    struct xsi_run_event *queue;
    size_t queue_head, queue_count, queue_capacity;

    struct xsi_frames frames;
    struct xsi_stored *stored;
    size_t stored_count, stored_capacity;
    bool stored_lost;

    bool has_outcome, has_fix;
    char last_error[400]; /* repeats of a line are collapsed */
    struct xsi_verdict verdict;
};

/* A run that shares with others. */
struct xsi_run *xsi_run_make(struct xsi_shared *shared, const struct xsi_reader *reader,
                             struct xsi_error *err);
/*
 * Run until the next read would begin at or behind `limit`. Waits (returns 0) for bytes that a pipe
 * has not brought yet, unless `finish`. 1 when the run is over, -errno.
 */
int xsi_run_advance(struct xsi_run *r, uint64_t limit, bool finish);
/* Queue an event; NULL when nobody looks. */
struct xsi_run_event *xsi_run_event(struct xsi_run *r, enum xsi_run_kind kind);
/* The next wish: the run ends. */
void xsi_run_end(struct xsi_run *r);
/* verdict.c: the run is over: settle what was left open. */
void xsi_run_settle(struct xsi_run *r);

/* ---- readers.c ---- */
/* The default target of an image; false when there is none. */
bool xsi_reader_default(const struct xsi_info *info, struct xsi_reader *out);
/* Does "all" take in this reader for such an image? */
bool xsi_reader_fits(const struct xsi_info *info, const struct xsi_reader *reader);
/* The model of the stream that a reader reads. */
const struct xsi_model *xsi_reader_model(const struct xsi_reader *reader);
/* Format that owns a layer name, and the layer's row; NULL when there is none. */
const struct xsi_format *xsi_format_of(const char *layer, const struct xsi_layer_row **row);

#endif
