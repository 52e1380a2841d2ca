/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sources from the inside. A kind of source is one row of operations and a structure that begins
 * with `struct xsi_source`. What several kinds share stands here: forward-only kinds build on
 * `struct xsi_stream`, which does the counting, skipping and peeking around a pull function.
 *
 *     source.c   public functions, opening, options     stream.c   what forward-only kinds share
 *     file.c     regular files and block devices        pipe.c     pipes, sockets, terminals
 *     memory.c   bytes in memory                        overlay.c  splices over another source
 *     filter.c   decompression                          archive.c  ... by libarchive
 *                                                       gzip.c     ... by zlib
 */
#ifndef XSI_SOURCE_INTERNAL_H
#define XSI_SOURCE_INTERNAL_H

#include <sys/stat.h>

#include "../xsi.h"

#define XSI_FILTERS_MAX 2  /* a compressed image may be compressed once more, not deeper */
#define XSI_SOURCE_NAME 80 /* of names in error texts: the end of the path when that is longer */

struct xsi_source_ops {
    /* As xsi_source_read(). May fill src->error; the dispatcher words what it leaves empty. */
    ssize_t (*read)(struct xsi_source *src, void *buf, size_t len, uint64_t offset);
    bool (*size)(const struct xsi_source *src, uint64_t *size);
    uint64_t (*next_data)(struct xsi_source *src, uint64_t offset); /* NULL = holes are unknown */
    void (*will_need)(struct xsi_source *src, uint64_t offset, size_t len); /* NULL = no use */
    /* The place of `below` that stands at offset, for *left bytes; false: they are its own. NULL:
     * it is read whole and as it is, or cannot tell. */
    bool (*origin)(const struct xsi_source *src, uint64_t offset, uint64_t *below, uint64_t *left);
    /* Look at the first bytes without giving them out; NULL = read() at 0 does that. */
    ssize_t (*peek)(struct xsi_source *src, void *buf, size_t len);
    void (*free)(struct xsi_source *src); /* frees the structure too, never `below` */
};

struct xsi_source {
    const struct xsi_source_ops *ops;
    struct xsi_source *below; /* the source that this one reads; NULL = a descriptor, memory */
    bool owns_below;
    enum xsi_source_kind kind;
    bool seekable;
    bool ahead; /* forward only, but what lies ahead is had without what lies between */
    bool has_file_size;
    uint64_t file_size;
    uint64_t stored;     /* bytes of the file that have a place on the disk; holes have none */
    uint64_t bytes_read; /* counted in the lowest source only */
    const char *filters[XSI_FILTERS_MAX];
    size_t filter_count;
    struct xsi_error error; /* words behind the last negative answer */
    char name[XSI_SOURCE_NAME];
};

/* What the constructors of descriptor kinds are told. Window: see struct xsi_source_options. */
struct xsi_opened {
    int fd;
    bool own_fd;     /* close it at the end; ours alone, so its position may be moved */
    bool wait_first; /* a FIFO opened without waiting: its writer may be still to come */
    bool exact;
    bool seek_later; /* look for holes only when asked to: the program may hold a lease */
    enum xsi_source_kind kind;
    uint64_t position; /* of a descriptor that can seek: where the caller left it */
    uint64_t offset, length;
    uint64_t file_size;
    uint64_t stored;
    char name[XSI_SOURCE_NAME];
};

/* Fill err (may be NULL) and return -code. */
int xsi_source_fault(struct xsi_error *err, int code, const char *fmt, ...) XSI_PRINTF(3, 4);
/* Set the common members. */
void xsi_source_init(struct xsi_source *src, const struct xsi_source_ops *ops,
                     enum xsi_source_kind kind, const char *name);
/* Up to len of the first bytes; they stay to be read. Returns how many, or -errno. */
ssize_t xsi_source_peek(struct xsi_source *src, void *buf, size_t len);
/* The source that everything comes from in the end. */
const struct xsi_source *xsi_source_lowest(const struct xsi_source *src);

/*
 * The file or device that a source reads whole and as it is, without going by its name, which may
 * be another file's by now: an open description of its own to be closed by the caller, or -1.
 */
int xsi_source_reopen(const struct xsi_source *src);
/* The descriptor of a file source (the source's own) and the place in it that is the source's
 * offset 0; for calls that take an offset. -1: another kind. */
int xsi_source_copy_fd(const struct xsi_source *src, uint64_t *first);
/* What the file that everything comes from is now. False: there is none. */
bool xsi_source_stat(const struct xsi_source *src, struct stat *st);

/* On a fault these return NULL and leave the descriptor open. */
struct xsi_source *xsi_source_file_new(const struct xsi_opened *o, struct xsi_error *err);
struct xsi_source *xsi_source_pipe_new(const struct xsi_opened *o, struct xsi_error *err);
/* Tell the kernel that a file source will be read from front to back after all. */
void xsi_source_file_sequential(struct xsi_source *src);

/* ---- stream.c ---- */

/*
 * A forward-only source around one function. The bytes in `buffer` were pulled and not yet given
 * out. There are none when pull() is called the first time or is told to throw bytes away, so it
 * may use the buffer as scratch space then.
 */
struct xsi_stream {
    struct xsi_source src;
    /*
     * Next bytes, at least one; buf NULL = throw them away. Returns how many, 0 at the end, or
     * -errno with src.error filled. Not called again after 0 or an error.
     */
    ssize_t (*pull)(struct xsi_stream *st, void *buf, size_t len);
    void (*close)(struct xsi_stream *st); /* frees what the kind holds, not the structure */
    uint64_t position;                    /* offset of the next byte to be given out */
    uint8_t *buffer;
    size_t capacity, at, have;
    size_t read_ahead; /* shorter reads go through the buffer; 0 = none do */
    bool ended;
    struct xsi_error fault; /* sticky: behind it nothing comes any more */
};

/* size = whole structure. NULL when out of memory. */
struct xsi_stream *xsi_stream_new(size_t size, size_t capacity, const char *name,
                                  struct xsi_error *err);

/* ---- filter.c ---- */

/* How far decompression may go; see xsi_filter_limits in filter.c. */
struct xsi_filter_limits {
    uint64_t free_bytes; /* that much may come out of any input */
    uint64_t ratio;      /* behind it: so many more bytes per byte of the file read */
    uint64_t total;      /* never more than this */
};
extern const struct xsi_filter_limits xsi_filter_limits;

struct xsi_filter;

/* What decompresses: a library behind three calls. */
struct xsi_decoder {
    /* Load and prepare. Returns 0, or -errno with err filled; close() follows in any case. */
    int (*open)(struct xsi_filter *f, struct xsi_error *err);
    /*
     * Set f->block and f->left to the next decompressed bytes. Returns 1, 0 at the end, -1 with
     * f->why when the input makes no sense; what it could decode before that was given out.
     */
    int (*next)(struct xsi_filter *f);
    void (*close)(struct xsi_filter *f);
};
extern const struct xsi_decoder xsi_decoder_archive; /* archive.c: libarchive */
extern const struct xsi_decoder xsi_decoder_gzip;    /* gzip.c: zlib */

/* One compression format. */
struct xsi_filter_row {
    const char *name; /* contract name, and the program that decompresses it with -dc */
    bool (*bid)(const uint8_t *head, size_t n);
    const struct xsi_decoder *decoder;
    const char *support; /* libarchive's function that admits the filter */
    int code;            /* ARCHIVE_FILTER_* (libarchive 3.6.2: archive.h) */
};
#define XSI_FILTER_HEAD 16U /* bytes that bids look at */

/* A decompressed stream. */
struct xsi_filter {
    struct xsi_stream st;
    const struct xsi_filter_row *row;
    const struct xsi_filter_limits *limits;
    void *decoder;        /* the decoder's own; NULL until it made it */
    const uint8_t *block; /* decompressed bytes not yet given out; the decoder's */
    size_t left;
    uint64_t total;         /* decompressed bytes, block included */
    uint64_t in_at;         /* compressed bytes taken from below */
    struct xsi_error below; /* why the compressed bytes could not be read */
    char why[64];           /* the decoder's words about damage */
    uint8_t input[64U << 10];
};

/* Next compressed bytes into f->input. Returns how many, 0 at the end, -1 with f->below filled. */
ssize_t xsi_filter_input(struct xsi_filter *f);
/* Set a function pointer (by its address) to a symbol of a loaded library; handle may be NULL. */
bool xsi_filter_symbol(void *handle, const char *symbol, void *function);
/* The library that decompresses cannot be loaded: fill err, return -ELIBACC. */
int xsi_filter_no_library(const struct xsi_filter *f, const char *library, const char *package,
                          struct xsi_error *err);

/* The format whose magic the bytes carry; NULL = none of the five. */
const struct xsi_filter_row *xsi_filter_detect(const uint8_t *head, size_t n);
/* below becomes the new source's, also on a fault. limits must outlive the source. */
struct xsi_source *xsi_source_filter_new(struct xsi_source *below, const struct xsi_filter_row *row,
                                         const struct xsi_filter_limits *limits,
                                         struct xsi_error *err);

#endif
