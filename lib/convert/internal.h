/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A conversion from the inside.
 *
 *     convert.c  options, the survey, driving a pass      stack.c   which writers, from the names
 *     items.c    the neutral model                        take.c    what formats call
 *     give.c     what writers call                        queue.c   output that was not yet read
 *     output.c   the output as a source                   write.c   ... into a descriptor
 *     check.c    the output judged                        keep.c    pages as the receiver has them
 */
#ifndef XSI_CONVERT_INTERNAL_H
#define XSI_CONVERT_INTERNAL_H

#include "../dissect/internal.h"
#include "../source/internal.h"
#include "../xsi_plugin_convert.h"

#define XSI_WRITERS_MAX  8            /* layers of an output */
#define XSI_TAKE_FORMATS 32           /* formats that there are, at most */
#define XSI_ITEM_MAX     (64U << 20)  /* longest item that is held in memory */
#define XSI_ITEMS_MAX    65536U       /* 4096 vCPUs have 16384 */
#define XSI_ITEMS_BYTES  (256U << 20) /* all of them together */
#define XSI_RETAIN       (80U << 20)  /* of a pipe, behind the chunk that is taken */
#define XSI_HELD_BACK    (32U << 20)  /* output that stays readable behind the furthest read */
#define XSI_ORIGINS      1024
#define XSI_NOTES_MAX    64

/* A stretch of the output: bytes of its own, or of the input. */
struct xsi_segment {
    uint64_t at, length;
    uint8_t *bytes;  /* owned; NULL: */
    uint64_t offset; /* they lie in the input here */
    uint64_t *pfn;   /* owned: frames of its pages, one per 4096 bytes; NULL: not pages, or nobody
                        asked */
};

struct xsi_queue {
    struct xsi_segment *row;
    size_t head, count, capacity; /* a ring */
    uint64_t end;                 /* bytes of output so far */
    struct {
        uint64_t at;
        struct xsi_origin from;
    } origin[XSI_ORIGINS];
    size_t origin_next, origin_count;
};

/* A writer at work. */
struct xsi_give {
    struct xsi_convert *c;
    const struct xsi_writer *writer;
    void *state;
    uint64_t began_at;
    bool checked, begun, ended;
};

struct xsi_take {
    struct xsi_convert *c;
    const struct xsi_format *format;
    size_t index; /* of the format, for its state */
    struct xsi_chunk chunk;
    const struct xsi_layer *layer;
};

struct xsi_output {
    struct xsi_source src;
    struct xsi_convert *c;
    uint64_t furthest;
};

enum xsi_convert_phase { XSI_CONVERT_FRESH, XSI_CONVERT_BODY, XSI_CONVERT_DONE };

struct xsi_keep;

struct xsi_convert {
    struct xsi_source *src;
    struct xsi_convert_options options;
    unsigned release;               /* of the reader that the output is for; 0 = any */
    char *to, *as, *config, *spool; /* copies of the options' texts */

    struct xsi_walk *walk; /* of the pass that is on */
    struct xsi_take take;
    void *take_state[XSI_TAKE_FORMATS];
    bool seekable, survey; /* survey: the first pass is on */
    enum xsi_convert_phase phase;
    unsigned total;      /* complete checkpoints of a surveyed input */
    unsigned seen;       /* of this pass */
    uint64_t last_tail;  /* offset behind the last complete one */
    uint64_t last_chunk; /* behind the last chunk of the memory stream */
    bool took_end;       /* the stream said that nothing follows */
    bool pending;        /* a pipe: the walk's chunk was looked at, and is still to be taken */
    const struct xsi_finding_row *damage;
    uint64_t damage_at;
    char damage_text[320];

    struct xsi_vm vm;
    struct xsi_info known; /* vm.info, once the whole input is known */
    struct xsi_item *item; /* vm.item */
    size_t item_capacity;
    uint64_t item_bytes;
    uint8_t *item_stream; /* per item: came out of the memory stream */

    struct xsi_give give[XSI_WRITERS_MAX + 1]; /* the last is the record behind the stream */
    size_t give_count;
    size_t stream; /* index of the stream's writer; == give_count when verbatim */
    char stream_name[32];
    const struct xsi_writer *record; /* form of a device-model record behind the stream; or NULL */
    uint64_t *pages_pfn;             /* frames of the batch that is being given */

    struct xsi_queue queue;
    struct xsi_output output;
    bool hold; /* somebody writes the output: nothing is forgotten before it is written */
    struct xsi_keep *keep;
    char *note[XSI_NOTES_MAX];
    size_t note_count;
    struct xsi_error error; /* sticky */
};

/* ---- items.c ---- */
int xsi_items_add(struct xsi_convert *c, const struct xsi_item *item, bool stream);
/* Keep what belongs to complete checkpoints, the last of each. */
int xsi_items_settle(struct xsi_convert *c);
void xsi_items_clear(struct xsi_convert *c);

/* ---- stack.c ---- */
/* Are they names at all? Before the input is looked at. */
int xsi_stack_names(struct xsi_convert *c);
int xsi_stack_choose(struct xsi_convert *c);
int xsi_stack_record(struct xsi_convert *c);
const struct xsi_writer *xsi_writer_of(const char *layer);

/* ---- queue.c ---- */
int xsi_queue_bytes(struct xsi_queue *q, const void *bytes, size_t n);
int xsi_queue_input(struct xsi_queue *q, uint64_t offset, uint64_t length, uint64_t *pfn);
/* The segment that holds output byte `at`; NULL: not there (any more). */
const struct xsi_segment *xsi_queue_at(const struct xsi_queue *q, uint64_t at);
/* Forget what ends at or before `at`. */
void xsi_queue_drop(struct xsi_queue *q, uint64_t at);
void xsi_queue_origin(struct xsi_queue *q, const struct xsi_chunk *chunk);
void xsi_queue_free(struct xsi_queue *q);

/* ---- convert.c ---- */
/* Fill c->error (once) and return -code. */
int xsi_convert_fail(struct xsi_convert *c, int code, const char *fmt, ...) XSI_PRINTF(3, 4);
void xsi_convert_add_note(struct xsi_convert *c, const char *text);
/* A bit more of output: 1, 0 when there is no more, -errno (sticky). */
int xsi_convert_produce(struct xsi_convert *c);
/* Without a configuration nothing in the output tells a PVH guest from an HVM one. */
struct xsi_run_options xsi_convert_domain(const struct xsi_convert *c);
/* From the beginning again; output that was given out is forgotten. Seekable inputs only. */
int xsi_convert_rewind(struct xsi_convert *c);

/* ---- take.c ---- */
int xsi_take_one(struct xsi_convert *c, const struct xsi_chunk *chunk);

/* ---- give.c ---- */
int xsi_give_begin(struct xsi_convert *c);
int xsi_give_batch(struct xsi_convert *c, const struct xsi_pages *p, uint64_t *pfn);
int xsi_give_check(struct xsi_convert *c);
int xsi_give_end(struct xsi_convert *c);

/* ---- check.c ---- */
/* What a walk and a judge found of the output: an event; at the end the verdict, or NULL. */
void xsi_converted_finding(struct xsi_converted *result, const struct xsi_event *ev);
void xsi_converted_verdict(struct xsi_converted *result, const struct xsi_verdict *v);

/* ---- output.c ---- */
void xsi_output_init(struct xsi_convert *c);

/* ---- keep.c ---- */
struct xsi_keep *xsi_keep_new(const char *spool);
void xsi_keep_free(struct xsi_keep *k);
/* A page stands in the input here; or is this one. 0 or -errno. */
int xsi_keep_input(struct xsi_keep *k, uint64_t pfn, uint64_t count, uint64_t offset);
int xsi_keep_page(struct xsi_keep *k, uint64_t pfn, const uint8_t *page);
bool xsi_keep_get(struct xsi_keep *k, struct xsi_source *src, uint64_t pfn, uint8_t *page);

#endif
