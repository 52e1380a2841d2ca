/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a format plug-in is written against: this header and xsi.h, nothing else of lib/.
 *
 * A format is a `struct xsi_format` with one row per layer name it can yield. The engine asks
 * layers to bid on bytes, opens the best one, and calls its step function again and again. A step
 * looks at the bytes at the walk's position through xsi_peek() and does exactly one of:
 *
 *   XSI_CHUNK  describe the next chunk (type, length, meta, pages, note); the engine sets its
 *              offset, cuts it at the end of the image, emits it and moves on behind it. That is
 *              how chunks come to tile the image whatever a plug-in thinks of the bytes.
 *   XSI_PUSH   an inner layer starts here (xsi_push() said which kinds may bid). When it is done,
 *              the step function of the outer layer goes on behind it.
 *   XSI_DONE   the layer ends here.
 *   XSI_LOST   the bytes here cannot be this layer's next chunk; a finding that was reported before
 *              says why. The engine searches for the place
 *              where the layer goes on (its `resync` function judges places), emits what lies in
 *              between as a GAP, and calls step() there; or gives the rest up.
 *   -errno     fault of the system.
 *
 * A step that does not move forward and does not change the stack of layers is a bug that the
 * engine ends. Bytes are hostile: bound every count by what the image still holds.
 */
#ifndef XSI_PLUGIN_H
#define XSI_PLUGIN_H

#include <endian.h>
#include <string.h>

#include "xsi.h"
#include "xsi_convert.h"
#include "xsi_edit.h"

/* ---------------------------------------------------------------- reading numbers ---- */

/* Bytes in memory with a sticky error: test short_read once per structure. */
struct xsi_cursor {
    const uint8_t *at;
    size_t left;
    bool big; /* byte order of multi-byte numbers */
    bool short_read;
};

static inline void xsi_cursor_take(struct xsi_cursor *c, void *out, size_t n)
{
    if (c->left < n) {
        c->short_read = true;
        c->left = 0;
        memset(out, 0, n);
        return;
    }
    memcpy(out, c->at, n);
    c->at += n;
    c->left -= n;
}

static inline uint8_t xsi_u8(struct xsi_cursor *c)
{
    uint8_t v;

    xsi_cursor_take(c, &v, sizeof(v));
    return v;
}

static inline uint16_t xsi_u16(struct xsi_cursor *c)
{
    uint16_t v;

    xsi_cursor_take(c, &v, sizeof(v));
    return c->big ? be16toh(v) : le16toh(v);
}

static inline uint32_t xsi_u32(struct xsi_cursor *c)
{
    uint32_t v;

    xsi_cursor_take(c, &v, sizeof(v));
    return c->big ? be32toh(v) : le32toh(v);
}

static inline uint64_t xsi_u64(struct xsi_cursor *c)
{
    uint64_t v;

    xsi_cursor_take(c, &v, sizeof(v));
    return c->big ? be64toh(v) : le64toh(v);
}

/* An unsigned long of the toolstack: 4 or 8 bytes. */
static inline uint64_t xsi_ul(struct xsi_cursor *c, unsigned width)
{
    return width == 4 ? xsi_u32(c) : xsi_u64(c);
}

static inline void xsi_skip(struct xsi_cursor *c, size_t n)
{
    if (c->left < n) {
        c->short_read = true;
        n = c->left;
    }
    c->at += n;
    c->left -= n;
}

/* Numbers at a pointer that the caller has bounds-checked. */
static inline uint32_t xsi_le32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static inline uint64_t xsi_le64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

/* ---------------------------------------------------------------- decoding fields ---- */

/* A name for a number; rows end with a NULL name. */
struct xsi_name {
    uint64_t value;
    const char *name;
};

/*
 * One field of a fixed structure, relative to its start. Tables end with a NULL name. Kinds
 * XSI_UINT … XSI_FLAGS take size 1, 2, 4 or 8; XSI_TEXT and XSI_BYTES any size.
 */
struct xsi_field_row {
    const char *name;
    uint32_t offset;
    uint32_t size;
    enum xsi_kind kind;
    const struct xsi_name *names; /* for ENUM and FLAGS (FLAGS: value = mask of the bit) */
    const char *unit;
    const char *help;
    unsigned detail; /* 0 or 1: always shown; 2: only at detail 2 */
};

/* A decoder's work: bytes of one chunk, and where values go. */
struct xsi_decode {
    const uint8_t *bytes; /* start of the chunk (or of the structure within) */
    size_t have;          /* bytes present there */
    uint64_t offset;      /* of bytes[0] in the image */
    uint64_t length;      /* full length of the chunk; > have when cut or capped */
    bool big;             /* byte order */
    unsigned detail;      /* 1 or 2 */
    unsigned level;       /* current nesting */
    const void *state;    /* the layer's state, as it was at this chunk */
    const struct xsi_chunk *chunk;
    struct xsi_sink *sink;
};

/* A cursor over d's bytes from `from` on. */
static inline struct xsi_cursor xsi_decode_cursor(const struct xsi_decode *d, size_t from)
{
    struct xsi_cursor c = { d->bytes, d->have, d->big, false };

    xsi_skip(&c, from);
    return c;
}

/* Number of 1, 2, 4 or 8 bytes at `at` of d's bytes; 0 when it is not there. */
static inline uint64_t xsi_decode_number(const struct xsi_decode *d, size_t at, size_t size)
{
    struct xsi_cursor c = xsi_decode_cursor(d, at);

    switch (size) {
    case 1:
        return xsi_u8(&c);
    case 2:
        return xsi_u16(&c);
    case 4:
        return xsi_u32(&c);
    default:
        return xsi_u64(&c);
    }
}

/* Emit all rows of a table for a structure at byte `base` of d->bytes with `size` bytes; rows
 * beyond size or beyond d->have are left out. */
XSI_API void xsi_decode_rows(struct xsi_decode *d, size_t base, size_t size,
                             const struct xsi_field_row *rows);
/* Emit one value. offset is relative to d->bytes[0]. */
XSI_API void xsi_put(struct xsi_decode *d, const char *name, enum xsi_kind kind, uint64_t offset,
                     uint64_t length, uint64_t number, const char *unit);
XSI_API void xsi_put_name(struct xsi_decode *d, const char *name, uint64_t offset, uint64_t length,
                          uint64_t number, const struct xsi_name *names);
XSI_API void xsi_put_text(struct xsi_decode *d, const char *name, enum xsi_kind text_or_bytes,
                          uint64_t offset, const void *text, size_t length);
XSI_API void xsi_open(struct xsi_decode *d, const char *name, enum xsi_kind group_or_list,
                      uint64_t offset, uint64_t length);
XSI_API void xsi_close(struct xsi_decode *d);
/* Name of a number in a table; NULL when it has none. */
XSI_API const char *xsi_name_of(const struct xsi_name *names, uint64_t value);

/* ---------------------------------------------------------------- layers ---- */

enum xsi_layer_kind {
    XSI_LAYER_CONTAINER = 1, /* xl, xend, xapi, libvirt … */
    XSI_LAYER_MIDDLE = 2,    /* libxl-v2 */
    XSI_LAYER_STREAM = 4,    /* libxc-… */
    XSI_LAYER_EMULATOR = 8,  /* device-model record */
    XSI_LAYER_FOREIGN = 16   /* not a Xen save image; named for the user */
};

struct xsi_bid {
    int score;      /* 0 = no … 100 = certain. Magic numbers: 80–100; inference: below */
    unsigned param; /* handed to open(): whatever the plug-in needs to remember */
    char reason[200];
};

enum xsi_step { XSI_CHUNK, XSI_PUSH, XSI_DONE, XSI_LOST };

/* One row of a format's chunk table. */
struct xsi_type {
    const char *name;
    bool has_id;
    int64_t id;
    const char *help;
    void (*decode)(struct xsi_decode *d); /* NULL: no fields */
};

struct xsi_layer;
struct xsi_format;
struct xsi_model;
struct xsi_batch;
struct xsi_take;
struct xsi_writer;

/* One name that a format can appear under. Rows end with a NULL name. */
struct xsi_layer_row {
    const char *name;
    enum xsi_layer_kind kind;
    /*
     * Judge the bytes at offset `at` (bounded look: 128 KiB, so that a pipe answers as a file).
     * Leave bid->score 0 when they are not this layer's.
     */
    void (*bid)(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                struct xsi_bid *bid);
    unsigned variant; /* the format's own: width, byte order … */
};

/* A possible place where a lost layer goes on. */
struct xsi_sync {
    uint64_t offset;
    int confidence; /* 0 = no, 1–99, 100 = certain */
    char why[160];
};

struct xsi_format {
    const char *name; /* its folder */
    const struct xsi_layer_row *layers;
    /* Zeroed memory handed out as l->state. It is copied as it stands, since a walk can be gone on
     * from any chunk: so it owns nothing and does not point into itself. */
    size_t state_size;
    /* Called when the layer starts at the walk's position; param is the winning bid's, or 0. */
    int (*open)(struct xsi_walk *w, struct xsi_layer *l, unsigned param);
    int (*step)(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out);
    /* The image ended (step() is not called at its end) or the layer was given up: report what is
     * missing, if anything is. May be NULL. */
    void (*end)(struct xsi_walk *w, struct xsi_layer *l);
    /*
     * May the layer go on at `at`? Called for places that pass `anchors`; must be fast for wrong
     * ones. NULL: damage ends the layer.
     */
    void (*resync)(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync);
    /* Told the place where it goes on, before step() is called there. */
    void (*resumed)(struct xsi_walk *w, struct xsi_layer *l, const struct xsi_sync *sync);
    /* PFN entries of a batch chunk, see xsi_chunk_entries(). NULL: none. */
    ssize_t (*entries)(struct xsi_walk *w, const struct xsi_layer *l, const struct xsi_chunk *c,
                       uint64_t first, size_t max, struct xsi_page_entry *out);
    /* Byte strings of 3 to 32 bytes that mark places worth a resync() call: `back` bytes before
     * the string. Rows end with length 0. */
    const struct xsi_anchor {
        const char *bytes;
        size_t length;
        uint32_t back;
    } * anchors;
    /* Places whose little-endian u32 is between these are tried too (0, 0: none). */
    uint32_t word_min, word_max;
    /* Cheap test of such a place from n (about 64) bytes in memory, before resync() is called; may
     * be NULL. */
    bool (*may_start)(const struct xsi_layer *l, const uint8_t *p, size_t n);
    const struct xsi_finding_row *findings;
    size_t finding_count;
    /* Releases that read this format's stream, oldest first; a NULL name ends them. NULL: none. */
    const struct xsi_reader_row *readers;
    const char *stream; /* what these readers read, without width or version: "libxc-legacy" */
    /* A container whose own toolstack is not the newest reader of such a stream: which reader is,
     * without width ("xen-4.1/xapi"); NULL: the newest. */
    const char *native_reader;
    /* What reads a layer of this format in a restore; NULL: nobody. */
    const struct xsi_model *model;
    /* What the readers of this format say; rows end with a NULL text. NULL: nothing. */
    const struct xsi_message *messages;
    /* Ways to mend such a layer; a NULL name ends them. NULL: none. */
    const struct xsi_recipe *recipes;
    /* What a chunk means to a conversion (xsi_plugin_convert.h). NULL: it is passed over. */
    int (*take)(struct xsi_take *t);
    size_t take_size; /* zeroed memory for it, see xsi_take_state() */
    /* Layers that it can write; a NULL layer ends them. NULL: none. */
    const struct xsi_writer *writers;
};

/* A layer that is open in a walk. */
struct xsi_layer {
    const struct xsi_format *format;
    const struct xsi_layer_row *row;
    uint64_t start; /* offset where it began */
    void *state;
    unsigned depth;
};

/* Fill a chunk's description from a type row. */
static inline void xsi_chunk_is(struct xsi_chunk *c, const struct xsi_type *type, uint64_t length)
{
    c->row = type;
    c->type = type->name;
    c->help = type->help;
    c->has_id = type->has_id;
    c->id = type->id;
    c->length = c->meta = length;
}

/* Offset at which the next chunk begins. */
XSI_API uint64_t xsi_at(const struct xsi_walk *w);
/*
 * Bytes [offset, offset + *have) of the image, *have <= want; less only at the end of the image or
 * in front of an unreadable sector. Valid until the third call after this one. `offset` must not
 * lie before xsi_at(), nor want beyond 8 MiB. On a forward-only source offset + want must lie
 * within 12 MiB of xsi_at(), else nothing is had. Reading a fault is noted in the walk: the engine
 * turns it into an UNREADABLE gap.
 */
XSI_API const uint8_t *xsi_peek(struct xsi_walk *w, uint64_t offset, size_t want, size_t *have);
/* How many bytes a peek that misses the buffers reads at least (0: just what is asked for). */
XSI_API void xsi_read_ahead(struct xsi_walk *w, size_t bytes);
/* True when [offset, offset+length) exists; on a pipe also when it ends beyond 12 MiB from here and
 * so cannot be looked at, unless the pipe is known to end before. */
XSI_API bool xsi_exists(struct xsi_walk *w, uint64_t offset, uint64_t length);
/* Bytes from offset to the end of the image; UINT64_MAX while unknown (pipe). */
XSI_API uint64_t xsi_left(struct xsi_walk *w, uint64_t offset);
/* Before returning XSI_PUSH: an inner layer of one of these kinds (mask of xsi_layer_kind) starts
 * here. expect: layer name or prefix that the outer header promises, or NULL. When no layer bids,
 * the outer step function is called again with l's `push_failed` answered by xsi_push_failed(). */
XSI_API void xsi_push(struct xsi_walk *w, unsigned kinds, const char *expect);
XSI_API bool xsi_push_failed(const struct xsi_walk *w);
/* Best bid of the given kinds at an offset, without opening anything; NULL when none. */
XSI_API const struct xsi_layer_row *xsi_best_bid(struct xsi_walk *w, uint64_t at, unsigned kinds,
                                                 struct xsi_bid *bid);
/* Before any layer has looked: PV or HVM when the user forced it (--as libxc-legacy64:hvm). */
XSI_API enum xsi_guest xsi_forced_guest(const struct xsi_walk *w);
/* True in an end() call when the image ended inside a chunk, which has been reported. */
XSI_API bool xsi_was_cut(const struct xsi_walk *w);
/* The layer that holds l, or NULL; and the innermost container's name ("none"). */
XSI_API const struct xsi_layer *xsi_outer(const struct xsi_walk *w, const struct xsi_layer *l);
/* For a step that doubts its next boundary: the first place in [from, to) where layer l could well
 * go on (a confidence from 80 on). At most some MiB; on a pipe within 12 MiB of xsi_at(). */
XSI_API bool xsi_find_sync(struct xsi_walk *w, const struct xsi_layer *l, uint64_t from,
                           uint64_t to, struct xsi_sync *sync);
/* Zeroed memory for the duration of one bid; stays the walk's. NULL when there is none. */
XSI_API void *xsi_scratch(struct xsi_walk *w, size_t size);
/* Facts that the listing's head shows; to be filled in as they become known. */
XSI_API struct xsi_info *xsi_info(struct xsi_walk *w);
/* The walk's own set of frames that have a page. Merges; bounded (see xsi_info). */
XSI_API void xsi_present(struct xsi_walk *w, uint64_t first_pfn, uint64_t count);
/* Report a finding; the text is made printable. Repeats of one code beyond a cap are counted. */
XSI_API void xsi_report(struct xsi_walk *w, const struct xsi_finding_row *row, uint64_t offset,
                        uint64_t length, const char *fmt, ...) XSI_PRINTF(5, 6);
/* The same where the circumstances make it a warning (exit bit 1) or an error of another weight. */
XSI_API void xsi_report_as(struct xsi_walk *w, const struct xsi_finding_row *row,
                           enum xsi_severity severity, unsigned exit, uint64_t offset,
                           uint64_t length, const char *fmt, ...) XSI_PRINTF(7, 8);
/* printf into a chunk's note; appends "; " when there is one already; made printable. */
XSI_API void xsi_note(struct xsi_chunk *c, const char *fmt, ...) XSI_PRINTF(2, 3);

/* ---------------------------------------------------------------- reader models ---- */

/* One release's restore code; what differs between releases stands in `own`. */
struct xsi_reader_row {
    const char *name;   /* contract name without suffixes: "xen-4.3.4"; NULL ends the table */
    const char *alias;  /* other names, separated by blanks: "xen-4.3"; "" = none */
    unsigned release;   /* of the oldest release it stands for: 40302 = 4.3.2 */
    const char *covers; /* "4.3.2 to 4.3.4" */
    const char *about;  /* what sets it apart from the row before */
    unsigned variants;  /* XSI_READER_… that exist for it (each may be absent) */
    const void *own;    /* the format's own columns */
};

/*
 * A model of a reader is a resumable machine. It never calls for bytes: each handler says what the
 * reader wants next (one of need, skip, look, call, back, die, undefined) and returns; the
 * driver fetches it and calls the handler that was named. Reads are sequential, as a reader's are.
 * Handlers that end without a wish are a bug, which ends the run as `undefined`.
 *
 *     static void got_count(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
 *     {
 *         if (got < 4) { short_read(...); return; }
 *         xsi_run_need(r, 8 * xsi_le32(p), "region pfn types", got_types);
 *     }
 */
struct xsi_model {
    const char *who;   /* "libxc", "xend": the part that reads and speaks */
    size_t state_size; /* zeroed memory handed to every handler */
    /* The reader starts at the run's position. */
    void (*start)(struct xsi_run *r, void *state);
    /* Fill in the decoded form of a batch's entries; NULL when the model has no batches. kind is
     * the model's own (entry width …). At most XSI_BATCH_MAX entries are handed over at once. */
    void (*batch)(const uint8_t *entries, size_t count, unsigned kind, struct xsi_batch *out);
    void (*free)(void *state);          /* may be NULL */
    const struct xsi_message *messages; /* what xsi_run_say() speaks from; ends with a NULL text */
    /* What this part knows, for people who step through it: members of its state (XSI_FACT()), in
     * the host's byte order; a NULL name ends them. NULL: nothing. */
    const struct xsi_field_row *facts;
    /* ... and what is no plain member, with xsi_fact(). May be NULL. */
    void (*more_facts)(const struct xsi_run *r, const void *state, struct xsi_sink *sink);
};

/* p holds `got` bytes (p is NULL after a skip); got is short only at the end of the image or in
 * front of an unreadable sector: then xsi_run_errno() is not 0. */
typedef void xsi_then(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

#define XSI_NEED_MAX (8U << 20) /* longest need or look */

/* The reader reads `length` bytes and looks at them. Longer than XSI_NEED_MAX: only so many are at
 * p; got counts them all. */
XSI_API void xsi_run_need(struct xsi_run *r, uint64_t length, const char *purpose, xsi_then *then);
/* The reader reads `length` bytes that the model need not see now. */
XSI_API void xsi_run_skip(struct xsi_run *r, uint64_t length, const char *purpose, xsi_then *then);
/* Bytes that the reader has in memory: read before, at `offset` of the image. No event. On a pipe
 * what lies some MiB back is gone: got is 0 then. */
XSI_API void xsi_run_look(struct xsi_run *r, uint64_t offset, size_t length, xsi_then *then);
/* Another model goes on here (libxc below libxl, …); `then` gets its return code in got, as
 * int64_t, or is not called when the run ended in it. NULL: what it returns is returned. */
XSI_API void xsi_run_call(struct xsi_run *r, const struct xsi_model *model, xsi_then *then);
/* This part returns to its caller with a code; the outermost one ends the run. */
XSI_API void xsi_run_back(struct xsi_run *r, int64_t rc);
/* The process ends here: "SIGSEGV", "SIGABRT", "SIGFPE", "HANG". */
XSI_API void xsi_run_die(struct xsi_run *r, const char *fate, const char *fmt, ...)
    XSI_PRINTF(3, 4);
/* From here on the outcome depends on undefined memory: the run ends; fmt says why. */
XSI_API void xsi_run_undefined(struct xsi_run *r, const char *fmt, ...) XSI_PRINTF(2, 3);

/* The model of a layer's format, by layer name ("libxl-v2", "libxc-legacy64"); NULL: none. */
XSI_API const struct xsi_model *xsi_model_of(const char *layer);
/* True when nobody called the current model: it is the outermost part of this restore. */
XSI_API bool xsi_run_outermost(const struct xsi_run *r);

/* Position in the image; the reader's row, release number (its oldest) and variant. */
XSI_API uint64_t xsi_run_at(const struct xsi_run *r);
XSI_API const struct xsi_reader *xsi_run_reader(const struct xsi_run *r);
/* errno of the last read that was short for another reason than the end of the image; else 0. */
XSI_API int xsi_run_errno(const struct xsi_run *r);
/* True when what was read can be looked at again: not on a pipe, but for its first MiBs. */
XSI_API bool xsi_run_can_look(const struct xsi_run *r);
/* What is known of the image from its head: stack, guest, widths, vCPUs of the configuration. The
 * kind of domain that the toolstack prepared is in ->guest. */
XSI_API const struct xsi_info *xsi_run_info(const struct xsi_run *r);
/*
 * The toolstack prepares a domain of this kind (from the container's configuration) before it calls
 * the next part: xsi_run_info()->guest of this run says so from here on. UNKNOWN: as before.
 * max_pages: pages that Xen will let the domain have, 0 = not known; from xsi_run_max_pages().
 */
XSI_API void xsi_run_prepare(struct xsi_run *r, enum xsi_guest guest, uint64_t max_pages);
XSI_API uint64_t xsi_run_max_pages(const struct xsi_run *r);
/* True when a layer whose name begins so is in the image's stack: "xapi", "libxc-v". */
XSI_API bool xsi_run_stacked(const struct xsi_run *r, const char *layer);
/* Offset where the memory stream (libxc part) begins, as the dissector found it. */
XSI_API uint64_t xsi_run_stream_start(const struct xsi_run *r);
/* The verdict under construction. A model fills in rc's companions (pages, vcpus_set, hvmctx_len,
 * qemu_bytes, checkpoints); the engine sets reader, errors, fate, stopped. */
XSI_API struct xsi_verdict *xsi_run_result(struct xsi_run *r);
/* The restore function proper begins / ends here: what lies between is `consumed`, rc is its. */
XSI_API void xsi_run_restore_begins(struct xsi_run *r);
XSI_API void xsi_run_restore_ends(struct xsi_run *r, int64_t rc);

#define XSI_ERRNO_LEFT (-1) /* the errno shown was left over from an earlier call: "(?)" */
/*
 * Log the wording that the reader's release has for message `id` of the current model's format;
 * nothing when it has none. `error` is the errno of an XSI_MSG_ERRNO row. The arguments must fit
 * all wordings (one may use fewer).
 */
XSI_API void xsi_run_say(struct xsi_run *r, unsigned id, int error, ...);
/* A change of state, for people who step through it. */
XSI_API void xsi_run_state(struct xsi_run *r, const char *fmt, ...) XSI_PRINTF(2, 3);

/* What decides the verdict. The worst outcome that was set stands; the first reason of it. */
XSI_API void xsi_run_outcome(struct xsi_run *r, enum xsi_outcome outcome, uint64_t where,
                             const char *fmt, ...) XSI_PRINTF(4, 5);
/* Something that is not restored, though the reader returns success: "2 pages", … */
XSI_API void xsi_run_loses(struct xsi_run *r, uint64_t where, const char *fmt, ...)
    XSI_PRINTF(3, 4);
/* What the host must have for this verdict to hold: "a host with …". Repeats are dropped. */
XSI_API void xsi_run_condition(struct xsi_run *r, const char *fmt, ...) XSI_PRINTF(2, 3);
/* A finding behind the verdict, by row; and the recipe that mends it for this reader: without this
 * call the row's; NULL or "": none does. */
XSI_API void xsi_run_finding(struct xsi_run *r, const struct xsi_finding_row *row, uint64_t offset,
                             uint64_t length, const char *fmt, ...) XSI_PRINTF(5, 6);
XSI_API void xsi_run_fix(struct xsi_run *r, const char *recipe);

/* ---- facts: what xsi_run_facts() tells ---- */

/* Row of a model's `facts`: XSI_FACT(struct toy, items, "items", XSI_UINT, .help = "…"). Kind TEXT:
 * a string in an array of the state. */
#define XSI_FACT(type, member, text, what, ...)                                                    \
    {                                                                                              \
        .name = (text), .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member),  \
        .kind = (what), __VA_ARGS__                                                                \
    }
XSI_API void xsi_facts_rows(struct xsi_sink *sink, const void *state,
                            const struct xsi_field_row *rows);
XSI_API void xsi_fact(struct xsi_sink *sink, const char *name, enum xsi_kind kind, uint64_t number,
                      const char *unit, const char *help);
XSI_API void xsi_fact_text(struct xsi_sink *sink, const char *name, const char *text,
                           const char *help);

/* ---- frames: a byte of the model's own per guest frame, 0 at first ---- */

#define XSI_FRAME_HELD 0x80 /* the frame has been allocated */

/* Byte of a frame. */
XSI_API uint8_t xsi_frame(const struct xsi_run *r, uint64_t pfn);
/* byte = (byte & ~clear) | set for a range; returns how many of them did not have XSI_FRAME_HELD
 * before. */
XSI_API uint64_t xsi_frames_set(struct xsi_run *r, uint64_t first, uint64_t count, uint8_t clear,
                                uint8_t set);
/* First frame of [first, first + count) whose byte, masked, is not `value`; first + count: none. */
XSI_API uint64_t xsi_frames_unlike(const struct xsi_run *r, uint64_t first, uint64_t count,
                                   uint8_t mask, uint8_t value);
/* First frame >= first whose masked byte is `value` and which was ever set; UINT64_MAX: none. */
XSI_API uint64_t xsi_frames_next(const struct xsi_run *r, uint64_t first, uint8_t mask,
                                 uint8_t value);
/* True when so many different frames were set that they are no longer told apart: what depends on
 * single frames is not known. */
XSI_API bool xsi_frames_lost(const struct xsi_run *r);

/* ---- batches ---- */

#define XSI_BATCH_MAX 1024

/* Consecutive entries of one type with consecutive frames. */
struct xsi_batch_part {
    uint64_t pfn;
    uint32_t entry, count; /* index of the first entry, number of entries */
    uint8_t type;          /* the format's type nibble */
};
/* Entries of a batch, decoded once for all readers. */
struct xsi_batch {
    size_t entries, parts;
    uint64_t max_pfn;
    uint32_t types; /* bit per type nibble that occurs */
    struct xsi_batch_part part[XSI_BATCH_MAX];
};
/*
 * The decoded form of `count` entries at `offset` of the image, of which p holds the bytes; shared
 * between readers. Valid until the second call after this one. kind: bytes per entry (4 or 8) in
 * its low four bits, the rest is the model's own.
 */
XSI_API const struct xsi_batch *xsi_run_batch(struct xsi_run *r, uint64_t offset, const uint8_t *p,
                                              size_t count, unsigned kind);
/*
 * Remember where a batch's pages lie, so that xsi_run_page() can find the last copy of a frame:
 * entries at `entries` (count of them, `kind`), pages from `pages` on for the types in the mask
 * `carry` (bit per type nibble).
 */
XSI_API void xsi_run_stored(struct xsi_run *r, uint64_t entries, size_t count, unsigned kind,
                            uint64_t pages, uint32_t carry);
/* Offset of the last stored copy of a frame's page; 0 when it is not known. Reads entries again:
 * not on a pipe. */
XSI_API uint64_t xsi_run_page(struct xsi_run *r, uint64_t pfn);

/* ---------------------------------------------------------------- recipes ---- */

/*
 * A recipe looks at the image as the plan has it so far and stages splices. Offsets are those of
 * that image until run() returns; the engine puts all of a call's splices into one step, walks the
 * result, asks the reader's model, and keeps the step only when it brings the image forward: a
 * recipe need not prove that it helps. It returns 0; staging nothing means that it has nothing to
 * do here, with xsi_mend_refuse() that it cannot, and why. -errno: fault of the system.
 */

/* The image as the plan has it; what is known of it. All of them stay the engine's. */
XSI_API struct xsi_source *xsi_mend_source(const struct xsi_mend *m);
XSI_API uint64_t xsi_mend_size(const struct xsi_mend *m);
XSI_API const struct xsi_map *xsi_mend_map(const struct xsi_mend *m);
/* The reader it is for, and its verdict on the image as it is now; NULL when none can judge it. */
XSI_API const struct xsi_reader *xsi_mend_reader(const struct xsi_mend *m);
XSI_API const struct xsi_verdict *xsi_mend_verdict(const struct xsi_mend *m);
/* The finding that asked for the recipe; NULL: nothing did, look for work from xsi_mend_at() on,
 * which is then the place where the reader failed, or where the user pointed to. */
XSI_API const struct xsi_finding_row *xsi_mend_finding(const struct xsi_mend *m);
XSI_API uint64_t xsi_mend_at(const struct xsi_mend *m);
/* Length of the finding's range; 0 a place. */
XSI_API uint64_t xsi_mend_length(const struct xsi_mend *m);
/* True when the user named the recipe: it may do what nobody but a person can decide. */
XSI_API bool xsi_mend_asked(const struct xsi_mend *m);
/* True when edits that move nothing are to be preferred. */
XSI_API bool xsi_mend_same_size(const struct xsi_mend *m);
/* Exactly n bytes at offset into buf; false when they are not there or cannot be read. */
XSI_API bool xsi_mend_read(const struct xsi_mend *m, uint64_t offset, void *buf, size_t n);
/* n bytes at offset, at most 64 MiB, until run() returns; NULL as above or without memory. */
XSI_API const uint8_t *xsi_mend_bytes(struct xsi_mend *m, uint64_t offset, size_t n);
/* Zeroed memory until run() returns. NULL: none. */
XSI_API void *xsi_mend_scratch(struct xsi_mend *m, size_t n);

/* Replace `removed` bytes at offset by n bytes, which are copied. fmt: what this edit does, in one
 * line ("insert LAST_CHECKPOINT in front of END"). Splices may come in any order. */
XSI_API void xsi_mend_splice(struct xsi_mend *m, uint64_t offset, uint64_t removed,
                             const void *bytes, size_t n, const char *fmt, ...) XSI_PRINTF(6, 7);
/* What the step gives up; what it infers and might have wrong. Without a guess it is certain. */
XSI_API void xsi_mend_loses(struct xsi_mend *m, const char *fmt, ...) XSI_PRINTF(2, 3);
XSI_API void xsi_mend_guess(struct xsi_mend *m, const char *fmt, ...) XSI_PRINTF(2, 3);
/* It cannot be done: why, and what the user can do. */
XSI_API void xsi_mend_refuse(struct xsi_mend *m, const char *fmt, ...) XSI_PRINTF(2, 3);
/* Bytes that the step cuts out and that are worth keeping; name is a literal: "qemu-record". */
XSI_API void xsi_mend_keep(struct xsi_mend *m, const char *name, uint64_t offset, uint64_t length);

#endif
