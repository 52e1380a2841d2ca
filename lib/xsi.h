/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxsi: walk a saved Xen VM ("save image") chunk by chunk.
 *
 * The library reads bytes from a source, lets the format plug-ins divide them into chunks, and
 * yields chunks and findings one at a time. It never prints, never exits, knows no terminal and no
 * JSON, starts no thread, and calls nobody back while it walks: the caller pulls.
 *
 *     struct xsi_error err;
 *     struct xsi_source *src = xsi_source_open("web.save", NULL, &err);
 *     struct xsi_walk *walk = xsi_walk_new(src, NULL, &err);
 *     struct xsi_event ev;
 *     while (xsi_walk_next(walk, &ev) > 0)
 *         if (ev.kind == XSI_EV_CHUNK)
 *             printf("%" PRIx64 " %s\n", ev.chunk->offset, ev.chunk->type);
 *     xsi_walk_free(walk);
 *     xsi_source_free(src);
 *
 * Conventions. Offsets and lengths are bytes from the start of the image: after decompression,
 * within the window if one was given. A function that can meet a fault of the system returns 0 or
 * a count, or -errno, never a verdict on the image; what is wrong with the image is a finding.
 * Pointers inside events belong to the walk and are valid until its next call. No function is
 * re-entrant on the same object; different objects are independent.
 */
#ifndef XSI_H
#define XSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define XSI_API               __attribute__((visibility("default")))
#define XSI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define XSI_API
#define XSI_PRINTF(fmt, args)
#endif

#define XSI_VERSION   "0.1.0"
#define XSI_PAGE_SIZE 4096U

/* ---------------------------------------------------------------- errors of the system ---- */

/* A fault of the system (not of the image), with words for a person. */
struct xsi_error {
    int code;       /* errno value, 0 = none */
    char text[256]; /* one sentence with the next step; safe to print after escaping */
};

/* ---------------------------------------------------------------- sources ---- */

/* Where bytes come from. Opaque; made by one of the constructors below. */
struct xsi_source;

enum xsi_source_kind {
    XSI_SOURCE_FILE,   /* regular file, read with pread */
    XSI_SOURCE_BLOCK,  /* block device, read with pread; size by BLKGETSIZE64 */
    XSI_SOURCE_PIPE,   /* forward only: pipe, socket, terminal, decompressed stream */
    XSI_SOURCE_MEMORY, /* bytes in memory (fuzzers, tests) */
    XSI_SOURCE_OVERLAY /* splices over another source */
};

struct xsi_source_options {
    uint64_t offset;    /* window: first byte of the file that is offset 0 of the image */
    uint64_t length;    /* window: bytes, UINT64_MAX (or 0) = to the end */
    bool no_decompress; /* take a compressed file as it is */
    bool exact;         /* descriptor: never read a byte that was not asked for */
};

/*
 * Open a file, a block device or ("-") standard input, read-only. Compressed input (gzip, xz,
 * zstd, lz4, bzip2; nested one level) is decompressed on the fly and then forward only.
 * options: NULL = none. Returns NULL and fills err on a fault; free with xsi_source_free().
 */
XSI_API struct xsi_source *xsi_source_open(const char *path,
                                           const struct xsi_source_options *options,
                                           struct xsi_error *err);
/*
 * The same for a descriptor that stays the caller's. Its current position is offset 0; a
 * descriptor that can seek is read with pread and its position is not moved.
 */
XSI_API struct xsi_source *xsi_source_fd(int fd, const struct xsi_source_options *options,
                                         struct xsi_error *err);
/* Bytes in memory; they stay the caller's and must outlive the source. */
XSI_API struct xsi_source *xsi_source_memory(const void *bytes, size_t length);

/* One splice of an overlay: at `offset` of the base, `removed` bytes give way to `inserted`. */
struct xsi_splice {
    uint64_t offset;
    uint64_t removed;
    const void *inserted; /* stays the caller's; may be NULL when inserted_length is 0 */
    size_t inserted_length;
};
/*
 * The base with splices applied; they must be in ascending order, must not overlap and must lie
 * within a base that can seek. The base stays the caller's and must outlive the overlay; the
 * splice rows are copied, their inserted bytes are not. NULL and err when the rows are wrong.
 */
XSI_API struct xsi_source *xsi_source_overlay(struct xsi_source *base,
                                              const struct xsi_splice *splices, size_t count,
                                              struct xsi_error *err);
XSI_API void xsi_source_free(struct xsi_source *src);

/*
 * Read up to len bytes at offset. Returns the number read, short only at the end of the source,
 * or -errno. A forward-only source answers -ESPIPE for an offset before what it has given out.
 */
XSI_API ssize_t xsi_source_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset);
/* The words behind the last negative answer of xsi_source_read(); they belong to the source. */
XSI_API const struct xsi_error *xsi_source_error(const struct xsi_source *src);
/* Size in bytes; false while unknown (a pipe before its end). */
XSI_API bool xsi_source_size(const struct xsi_source *src, uint64_t *size);
/* Size of the file itself (compressed, unwindowed); false on a pipe. */
XSI_API bool xsi_source_file_size(const struct xsi_source *src, uint64_t *size);
/* Bytes of a regular file that are stored; far fewer than its size when it has holes, as a sparse
 * or unfinished copy does. False for anything else. */
XSI_API bool xsi_source_stored(const struct xsi_source *src, uint64_t *bytes);
XSI_API bool xsi_source_seekable(const struct xsi_source *src);
/* Forward only, but what lies ahead can be read without what lies between (a conversion). */
XSI_API bool xsi_source_ahead(const struct xsi_source *src);
XSI_API enum xsi_source_kind xsi_source_kind(const struct xsi_source *src);
/* Names of the decompression layers, outermost first ("gzip"); count in *n (at most 2). */
XSI_API const char *const *xsi_source_filters(const struct xsi_source *src, size_t *n);
/* Next offset >= offset that is not in a hole (SEEK_DATA); offset itself where unknown. */
XSI_API uint64_t xsi_source_next_data(struct xsi_source *src, uint64_t offset);
/* A hint: these bytes will probably be asked for soon. A disk can then fetch several places at
 * once. */
XSI_API void xsi_source_will_need(struct xsi_source *src, uint64_t offset, size_t len);
/* Bytes that were read from the file so far (for the bench). */
XSI_API uint64_t xsi_source_bytes_read(const struct xsi_source *src);

/* ---------------------------------------------------------------- findings ---- */

enum xsi_severity { XSI_INFO, XSI_WARNING, XSI_ERROR };
/* What a finding says about the image as a whole. */
enum xsi_effect { XSI_SOUND, XSI_DAMAGED, XSI_TRUNCATED, XSI_UNKNOWN };

/* One row of a findings table. Codes are frozen once released. */
struct xsi_finding_row {
    const char *code; /* "XS-L09" */
    const char *slug; /* "no-last-checkpoint" */
    enum xsi_severity severity;
    enum xsi_effect effect;
    unsigned exit;       /* bit OR-ed into the exit status: 0, 1, 2 or 4 (16: unrecognised) */
    const char *readers; /* readers it concerns, separated by blanks; "" = any reader */
    const char *recipe;  /* name of the fix, "" = none */
    const char *explain; /* a paragraph for --explain: cause, what it means, what to do */
};

struct xsi_finding {
    const struct xsi_finding_row *row;
    enum xsi_severity severity; /* the row's, unless the circumstances make it worse */
    unsigned exit;              /* bits that it adds to the exit status */
    uint64_t offset, length;    /* the bytes it is about; length 0 = a place */
    char text[320];             /* one line, already free of control characters */
};

/* All findings rows of the library and its plug-ins, by index; NULL behind the last. */
XSI_API const struct xsi_finding_row *xsi_finding_row(size_t index);
/* By code or slug, without regard to case; NULL when unknown. */
XSI_API const struct xsi_finding_row *xsi_finding_lookup(const char *code_or_slug);

/* ---------------------------------------------------------------- fields ---- */

enum xsi_kind {
    XSI_UINT, /* decimal number */
    XSI_SINT, /* signed decimal */
    XSI_HEX,  /* number that people read in hex: address, mask, magic */
    XSI_PFN,  /* guest frame number, hex */
    XSI_BOOL,
    XSI_ENUM,  /* number with a name: `text` holds the name, or NULL */
    XSI_FLAGS, /* mask: `text` holds the names of the set bits */
    XSI_TEXT,  /* characters of the image: `text`, text_length bytes, unescaped */
    XSI_BYTES, /* opaque bytes: `text`, text_length bytes of them at most (may be cut) */
    XSI_GROUP, /* opens a group of nested fields */
    XSI_LIST,  /* opens a list: the items are groups or values */
    XSI_CLOSE  /* closes the innermost group or list */
};

/* One decoded value. Pointers are valid during the call that hands it over. */
struct xsi_value {
    enum xsi_kind kind;
    const char *name; /* lower_case; unique in its group; NULL inside a list */
    uint64_t offset;  /* in the image */
    uint64_t length;  /* bytes it takes there */
    uint64_t number;  /* two's complement for XSI_SINT */
    const char *text;
    size_t text_length;
    const char *unit; /* "pages", "kHz", "ns"; NULL = none */
    unsigned level;   /* nesting depth, 0 = field of the chunk */
    bool big;         /* the number stands there in big-endian order */
    const char *help; /* one sentence, or NULL */
};

/* Receives the values of a chunk. Embed it in your own structure. */
struct xsi_sink {
    void (*value)(struct xsi_sink *sink, const struct xsi_value *value);
};

/* ---------------------------------------------------------------- chunks ---- */

#define XSI_NOTE_MAX  200
#define XSI_STACK_MAX 16

enum {
    XSI_CHUNK_PAGES = 1,      /* a batch of guest pages; neighbours may be folded into a run */
    XSI_CHUNK_GAP = 2,        /* bytes that no layer claims */
    XSI_CHUNK_UNREADABLE = 4, /* ... because the disk cannot read them (with GAP) */
    XSI_CHUNK_CUT = 8,        /* the image ends inside it: length < wanted */
    XSI_CHUNK_RESYNC = 16,    /* first chunk behind damage: its place was found by search */
    XSI_CHUNK_CERTAIN = 32    /* with RESYNC: several independent checks agree */
};

/* A leaf of the image. Chunks tile it: each begins where the one before ended. */
struct xsi_chunk {
    uint64_t index;
    uint64_t offset, length;
    uint64_t wanted;   /* length that it should have; == length unless cut */
    uint64_t meta;     /* bytes at its start that are metadata (all but page data and blobs) */
    const char *layer; /* contract name: "libxc-legacy64"; "none" for gaps outside any layer */
    const char *type;  /* "LAST_CHECKPOINT", "PAGES", "GAP" */
    const char *help;  /* one sentence on the type, or NULL */
    bool has_id;
    int64_t id;                   /* number of the chunk or record type in the stream */
    uint64_t entries;             /* PFN entries in a batch */
    uint64_t pages;               /* ... of which carry a page */
    uint64_t tables;              /* ... of which are page tables of a PV guest */
    uint64_t first_pfn, last_pfn; /* lowest and highest PFN of the batch's entries with a page */
    unsigned flags;
    unsigned depth;          /* number of layers around it */
    char note[XSI_NOTE_MAX]; /* for the listing; free of control characters */
    const void *row;         /* the plug-in's own type row */
};

/* One PFN entry of a batch. */
struct xsi_page_entry {
    uint64_t pfn;
    unsigned type;         /* the format's type nibble */
    const char *type_name; /* "NOTAB", "L1TAB", "XTAB", ... */
    uint64_t data;         /* offset of its page in the image, 0 = none */
};

/* ---------------------------------------------------------------- the walk ---- */

enum xsi_guest { XSI_GUEST_UNKNOWN, XSI_GUEST_PV, XSI_GUEST_HVM, XSI_GUEST_PVH };

/* What is known of the image; complete when the walk has ended. */
struct xsi_info {
    const char *stack[XSI_STACK_MAX]; /* contract names, outermost first */
    size_t stack_length;
    enum xsi_guest guest;
    unsigned toolstack_bits; /* 32, 64; 0 unknown or not a matter of the stream */
    unsigned guest_bits;     /* 32, 64; 0 unknown */
    bool has_p2m_size;
    uint64_t p2m_size; /* frames */
    unsigned vcpus;    /* 0 unknown */
    bool has_vcpus;
    char name[128], uuid[40]; /* from a configuration; "" unknown; raw, escape before printing */
    const char *writer_from, *writer_to; /* "xen-3.4", ...; NULL unknown */
    char writer_why[240];
    uint64_t stream_end;    /* end of the last chunk that is no gap */
    unsigned checkpoints;   /* complete checkpoints (tails) seen */
    bool cpu_state;         /* the state of at least one vCPU was found whole */
    enum xsi_effect state;  /* worst effect of all findings */
    unsigned exit;          /* exit bits of all findings */
    uint64_t pages_present; /* distinct frames that have a page, where tracked */
    bool pages_tracked;     /* false: the set outgrew its cap, or nothing was counted */
};

enum xsi_event_kind { XSI_EV_CHUNK, XSI_EV_FINDING, XSI_EV_PROGRESS };
struct xsi_event {
    enum xsi_event_kind kind;
    const struct xsi_chunk *chunk;
    const struct xsi_finding *finding;
};

struct xsi_walk_options {
    const char *as;   /* forced stack: layer names separated by ',' or '>'; NULL = detect */
    bool scan;        /* after damage try every offset, however far, and report candidates */
    bool stop_at_end; /* end behind the image's last layer; do not look at what follows */
};

struct xsi_walk;

/* The source stays the caller's. options may be NULL. */
XSI_API struct xsi_walk *xsi_walk_new(struct xsi_source *src,
                                      const struct xsi_walk_options *options,
                                      struct xsi_error *err);
XSI_API void xsi_walk_free(struct xsi_walk *walk);
/*
 * Next event. Returns 1 and fills ev, 0 at the end, -errno on a fault of the system. Takes at most
 * one chunk's time; while it searches it returns XSI_EV_PROGRESS now and then.
 */
XSI_API int xsi_walk_next(struct xsi_walk *walk, struct xsi_event *ev);
XSI_API const struct xsi_info *xsi_walk_info(const struct xsi_walk *walk);
/* Offset reached so far; never goes back (a search behind damage runs ahead of the chunks). */
XSI_API uint64_t xsi_walk_position(const struct xsi_walk *walk);
/* Error text behind a negative return of xsi_walk_next(). */
XSI_API const struct xsi_error *xsi_walk_error(const struct xsi_walk *walk);

/*
 * Hand the fields of the chunk that xsi_walk_next() gave last to sink. detail: 1 = its own fields,
 * 2 = nested ones and long lists too. Returns 0 or -errno; a body beyond 4 MiB is decoded up to
 * there.
 */
XSI_API int xsi_chunk_fields(struct xsi_walk *walk, const struct xsi_chunk *chunk, unsigned detail,
                             struct xsi_sink *sink);
/* Bytes of the current chunk from `from` on; valid until the next call. *have <= want. */
XSI_API const uint8_t *xsi_chunk_bytes(struct xsi_walk *walk, const struct xsi_chunk *chunk,
                                       uint64_t from, size_t want, size_t *have);
/*
 * PFN entries first … first+max-1 of the current batch. Returns how many were filled in, 0 behind
 * the last, -errno on a fault.
 */
XSI_API ssize_t xsi_chunk_entries(struct xsi_walk *walk, const struct xsi_chunk *chunk,
                                  uint64_t first, size_t max, struct xsi_page_entry *out);
/* Ranges of frames below p2m_size without a page: fills at most max pairs [from, to]; returns the
 * number of ranges there are in all. */
XSI_API size_t xsi_walk_missing(const struct xsi_walk *walk, size_t max, uint64_t (*ranges)[2]);

/* One line of `--as list`: what a layer's bid on the image's first bytes says. */
struct xsi_candidate {
    const char *layer;
    int score; /* 0 = certainly not, 100 = certainly */
    char reason[200];
    bool chosen;
};
/* Bids of all layers at offset 0. Returns the number filled in (at most max). */
XSI_API size_t xsi_walk_candidates(struct xsi_walk *walk, size_t max, struct xsi_candidate *out);
/* Names of all layers, by index; NULL behind the last. */
XSI_API const char *xsi_layer_name(size_t index);

/* ---------------------------------------------------------------- readers ---- */

/* Variants of a reader; they combine, in this order in its name. */
enum {
    XSI_READER_32 = 1,    /* "/32": a 32-bit toolstack */
    XSI_READER_XAPI = 2,  /* "/xapi": XenServer's libxc, which leaves the QEMU record to xapi */
    XSI_READER_REMUS = 4, /* "/remus": checkpointed_stream = 1; "/xend" is an alias */
    XSI_READER_LIBXC = 8  /* "/libxc": from 4.6 on the bare library, without its toolstack */
};

/* The restore code of a release, in one of its variants. */
struct xsi_reader {
    char name[40];      /* "xen-4.1/32/xapi" */
    unsigned variant;   /* XSI_READER_32 … */
    unsigned bits;      /* width of the toolstack, 32 or 64 */
    unsigned release;   /* 40302 = 4.3.2: the oldest release that behaves like this */
    const char *alias;  /* other names of its release, separated by blanks: "xen-4.3"; "" = none */
    const char *covers; /* "4.3.2 to 4.3.4" */
    const char *about;  /* what sets it apart from its neighbours, one line */
    const char *stream; /* what it reads: "libxc-legacy" or "libxc-v2" */
    const struct xsi_reader_row *row; /* the format's own row */
};

/* All readers with all variants, oldest first, by index; false behind the last. */
XSI_API bool xsi_reader_get(size_t index, struct xsi_reader *out);
/* By name or alias ("xen-4.3", "XEN-4.4/xend"); false when there is none. */
XSI_API bool xsi_reader_lookup(const char *name, struct xsi_reader *out);

/* ---------------------------------------------------------------- one restore ---- */

enum xsi_run_kind {
    XSI_RUN_READ,  /* bytes that the reader looks at: offset, length, got, purpose */
    XSI_RUN_SKIP,  /* the same for bytes that it only stores or drops (page data, blobs) */
    XSI_RUN_LOG,   /* a line that it logs: text, level */
    XSI_RUN_STATE, /* something changed: text says what */
    XSI_RUN_CALL,  /* another part takes over: who */
    XSI_RUN_DONE   /* the last event: the verdict is complete */
};

enum xsi_run_level { XSI_LOG_INFO, XSI_LOG_WARNING, XSI_LOG_ERROR };

struct xsi_run_event {
    enum xsi_run_kind kind;
    const char *who;         /* part that acts: "libxc", "libxl", "xl", "xend", "xapi", … */
    uint64_t offset, length; /* READ, SKIP: what was asked for */
    uint64_t got;            /* READ, SKIP: bytes that there were; less at the end of the image */
    const char *purpose;     /* READ, SKIP: "batch size", "magic pfns" */
    enum xsi_run_level level;
    char text[400]; /* LOG, STATE: free of control characters */
};

enum xsi_outcome { XSI_RESTORES, XSI_LOSES, XSI_FAILS, XSI_UNDEFINED };

#define XSI_VERDICT_ERRORS     8
#define XSI_VERDICT_CONDITIONS 8
#define XSI_VERDICT_FINDINGS   16

/* A finding that a reader makes of the image: why its verdict is what it is. */
struct xsi_verdict_finding {
    const struct xsi_finding_row *row;
    uint64_t offset, length;
    char text[320];
};

/* What a reader would do with the image. Numbers are -1 where there is none. */
struct xsi_verdict {
    struct xsi_reader reader;
    enum xsi_outcome outcome;
    bool returned;     /* it returned rc; otherwise fate says how it ended */
    int64_t rc;        /* of the restore function; of the toolstack where that was not called */
    const char *fate;  /* "SIGSEGV", "SIGFPE", "SIGABRT", "HANG"; NULL = returned */
    uint64_t consumed; /* bytes that the restore function has read when it returns */
    uint64_t stopped;  /* offset in the image where it, or its toolstack, stopped */
    unsigned checkpoints;
    char errors[XSI_VERDICT_ERRORS][400]; /* error lines, in its own words: raw, escape
                                                     before printing */
    size_t error_count;                   /* lines in `errors` */
    int64_t pages, vcpus_set, hvmctx_len, qemu_bytes;
    bool by_xen;      /* it fails because the hypervisor refuses state that came whole: another
                         form of the stream would not help */
    char reason[400]; /* one or two sentences for a person: why, and where */
    uint64_t where;   /* offset that the reason is about */
    char loses[200];  /* what is not restored: "device model state", ""; commas between */
    const char *fix;  /* recipe that would mend it for this reader, "" = none known */
    char conditions[XSI_VERDICT_CONDITIONS][160]; /* what the host must have */
    size_t condition_count;
    struct xsi_verdict_finding findings[XSI_VERDICT_FINDINGS];
    size_t finding_count;
};

/* What a toolstack would tell the reader; NULL or zero members: taken from the image. */
struct xsi_run_options {
    enum xsi_guest guest; /* the kind of domain that is restored into */
};

/*
 * A reader at work on an image. It reads bytes as the release does, never chunks: step through it
 * with xsi_run_next() (a debugger, a browser) or let xsi_judge do it. src and walk's result stay
 * the caller's.
 */
struct xsi_run;
XSI_API struct xsi_run *xsi_run_new(struct xsi_source *src, const struct xsi_reader *reader,
                                    const struct xsi_run_options *options, struct xsi_error *err);
XSI_API void xsi_run_free(struct xsi_run *run);
/* Next event: 1, 0 behind XSI_RUN_DONE, -errno on a fault of the system. */
XSI_API int xsi_run_next(struct xsi_run *run, struct xsi_run_event *ev);
/* Where the reader stands in the image. */
XSI_API uint64_t xsi_run_position(const struct xsi_run *run);
/* What is known so far; complete after XSI_RUN_DONE. Belongs to the run. */
XSI_API const struct xsi_verdict *xsi_run_verdict(const struct xsi_run *run);
/*
 * What the reader knows behind the last event, part by part, the innermost first: a group with the
 * part's name (number: how many parts stand around it), its values at level 1 (2: of interest only
 * when it is not 0), and its end. A part
 * that has returned, or only handed over, is not there; so a run that is over has none.
 */
XSI_API void xsi_run_facts(const struct xsi_run *run, struct xsi_sink *sink);
/* True when the next event has happened already: xsi_run_next() gives it without another read. */
XSI_API bool xsi_run_pending(const struct xsi_run *run);

/* ---------------------------------------------------------------- several readers at once ---- */

/*
 * Judges beside a walk, in the same pass and with the same buffers, so that it works on a pipe.
 * names: readers; "all" = every one that fits the stream; count 0 = the default target of the
 * image's container. Made before the walk's first event; NULL with err->code EINVAL when a name is
 * unknown, with code 0 when the image has no stream that a reader could read.
 */
struct xsi_judge;
XSI_API struct xsi_judge *xsi_judge_new(struct xsi_walk *walk, const char *const *names,
                                        size_t count, const struct xsi_run_options *options,
                                        struct xsi_error *err);
XSI_API void xsi_judge_free(struct xsi_judge *judge);
/* Brings the readers up to a little before the walk; call it before each xsi_walk_next(), and once
 * more with `finish` after the last. 0 or -errno. */
XSI_API int xsi_judge_advance(struct xsi_judge *judge, bool finish);
/* Verdict by index; NULL behind the last. Complete after the finishing advance; before it, a
 * verdict that is already certain counts as complete (*complete). */
XSI_API const struct xsi_verdict *xsi_judge_verdict(const struct xsi_judge *judge, size_t index,
                                                    bool *complete);
/* True when no reader was named: the verdict is of the container's default target. */
XSI_API bool xsi_judge_is_default(const struct xsi_judge *judge);
/* The default target of the image's container, whether it was asked for or not; false: none. */
XSI_API bool xsi_judge_default(const struct xsi_judge *judge, struct xsi_reader *out);

/* ---------------------------------------------------------------- messages of the field ---- */

enum xsi_message_kind {
    XSI_MSG_ERROR, /* an error line, complete as it stands */
    XSI_MSG_ERRNO, /* libxc's PERROR: from 4.1 on " (N = words)" follows */
    XSI_MSG_INFO   /* not an error: progress, a banner, a note of the hypervisor */
};

/* A message of some release. Rows of one id are its wordings in different releases. */
struct xsi_message {
    unsigned id;       /* of its table */
    unsigned from, to; /* releases that print it: 40302 = 4.3.2; 0, 0 = any; to 0 = still does */
    const char *who;   /* "libxc", "xend", "xl", "libxl", "xapi", "libvirt", "qemu", "converter",
                             "xen", "verify-stream-v2" */
    enum xsi_message_kind kind;
    const char *text;      /* printf format, as the release has it */
    const char *condition; /* when it is printed, in words */
    const char *causes;    /* usual causes */
    const char *next;      /* what to do: a command or a check */
    const char *codes;     /* findings that go with it: "L09 L31", "" = none */
};

/* All messages of all formats by index; NULL behind the last. */
XSI_API const struct xsi_message *xsi_message_at(size_t index);
/* The first wording of a message's id. Further wordings leave condition, causes, next and codes
 * empty: they are those of the first. */
XSI_API const struct xsi_message *xsi_message_about(const struct xsi_message *m);

#define XSI_MESSAGE_ARGS 12

/* What stood in a log line in the place of a conversion of the format. */
struct xsi_message_arg {
    char conversion; /* 'd', 'u', 'x': a number; 's': text; '?': somebody wrote N or %d for it */
    uint64_t number; /* two's complement */
    char text[96];   /* as it stands in the line, cut; escape before printing */
};

/* A wording that could have printed a log line. */
struct xsi_message_hit {
    const struct xsi_message *message;
    const struct xsi_message *about; /* its id's first wording */
    unsigned from, to;               /* message's releases, narrowed by the form of the line */
    size_t at, length;               /* where it stands in the line, without what surrounds it */
    size_t arg_count;
    struct xsi_message_arg args[XSI_MESSAGE_ARGS];
    bool has_errno; /* " (N = words)" follows */
    int error;
    bool part;       /* the line holds only part of the message: cut, or quoted in part */
    unsigned weight; /* how much of the line it explains; only to be compared */
};

/*
 * Finds the messages behind log lines as people paste them: with the prefixes of xend.log, xl,
 * libxl, xenguest, xenopsd, syslog and time stamps, with ": Internal error" or " (90 = Message too
 * long)" behind, or wrapped in an exception. Of a line only the first 16 KiB are looked at; the
 * work is bounded whatever they hold.
 */
struct xsi_messages;
/* NULL when there is no memory. */
XSI_API struct xsi_messages *xsi_messages_new(void);
XSI_API void xsi_messages_free(struct xsi_messages *messages);
/*
 * The wordings that fit, best first: those of the best message (hits with the same `about`), then
 * others that explain as much of the line. Returns the number filled in (at most max), 0 = a line
 * that none of them prints.
 */
XSI_API size_t xsi_messages_find(const struct xsi_messages *messages, const char *line,
                                 size_t length, size_t max, struct xsi_message_hit *hits);
/* For a line that find() does not know: the wordings that it can be a part of, because a log or a
 * person cut it. Slower than find(). */
XSI_API size_t xsi_messages_parts(const char *line, size_t length, size_t max,
                                  struct xsi_message_hit *hits);
/* The messages that share most words with a line, nearest first, one wording of each. Returns the
 * number filled in. */
XSI_API size_t xsi_messages_nearest(const char *line, size_t length, size_t max,
                                    const struct xsi_message **out);

/* ---------------------------------------------------------------- small helpers ---- */

/*
 * Explain a number that was taken for a page count: its four bytes, what they spell and what they
 * probably are. Writes one line without control characters to out.
 */
XSI_API void xsi_explain_count(uint32_t value, char *out, size_t size);
/* What such a number is known to be. */
struct xsi_count {
    const char *what;   /* "a QEMU device-model record" */
    const char *causes; /* how a reader comes to it; lines are separated by newlines; "" unknown */
};
/* False when it is nothing known. */
XSI_API bool xsi_count_lookup(uint32_t value, struct xsi_count *out);
/* Copy n bytes of foreign text to out, escaping C0, C1, DEL, bidi controls and invalid UTF-8 as
 * \xNN; always terminated. Returns out. */
XSI_API char *xsi_escape(char *out, size_t size, const void *text, size_t n);

#endif
