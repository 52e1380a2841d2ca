/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompression of gzip by zlib. Not by libarchive, because that does not compare the checksum and
 * the length behind the data (seen with libarchive 3.6.2): bytes changed in the middle of a file
 * go unnoticed when they still decode, and every offset behind them is shifted. Besides, this gives
 * out every byte before the damage.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define LIBRARY "libz.so.1"
#define WINDOW  31 /* window bits 15, + 16: gzip headers and trailers (zlib.h: inflateInit2) */
#define OUTPUT  (64U << 10)

enum { OK = 0, END = 1, STALLED = -5 }; /* Z_OK, Z_STREAM_END, Z_BUF_ERROR */

/* z_stream of zlib 1 (zlib.h); inflateInit2_() compares version and size. */
struct zlib_stream {
    const uint8_t *next_in;
    unsigned avail_in;
    unsigned long total_in;
    uint8_t *next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char *message;
    void *state;
    void *(*alloc)(void *opaque, unsigned items, unsigned size);
    void (*free)(void *opaque, void *address);
    void *opaque;
    int data_type;
    unsigned long adler, reserved;
};

struct gzip_decoder {
    void *handle;
    int (*init)(struct zlib_stream *z, int window, const char *version, int size);
    int (*inflate)(struct zlib_stream *z, int flush);
    int (*reset)(struct zlib_stream *z);
    int (*end)(struct zlib_stream *z);

    struct zlib_stream z;
    bool ready;
    bool between; /* a member is complete; another may follow */
    bool later;   /* not in the first member any more */
    int result;   /* sticky: 1 = going on, 0 = end, -1 = damage */
    uint8_t out[OUTPUT];
};

static bool find_all(struct gzip_decoder *d)
{
    return xsi_filter_symbol(d->handle, "inflateInit2_", &d->init) &&
           xsi_filter_symbol(d->handle, "inflate", &d->inflate) &&
           xsi_filter_symbol(d->handle, "inflateReset", &d->reset) &&
           xsi_filter_symbol(d->handle, "inflateEnd", &d->end);
}

static int gzip_open(struct xsi_filter *f, struct xsi_error *err)
{
    struct gzip_decoder *d = calloc(1, sizeof(*d));

    if (!d)
        return xsi_source_fault(err, ENOMEM, "out of memory while opening '%s'", f->st.src.name);
    f->decoder = d;
    d->result = 1;
    d->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!find_all(d) || d->init(&d->z, WINDOW, "1", (int)sizeof(d->z)) != OK)
        return xsi_filter_no_library(f, LIBRARY, "zlib1g", err);
    d->ready = true;
    return 0;
}

static int give_up(struct xsi_filter *f, const char *why)
{
    (void)snprintf(f->why, sizeof(f->why), "%s", why ? why : "zlib gives no reason");
    return -1;
}

/* See to it that there is input. 1, or the end of the data as `result` has it. */
static int fill(struct xsi_filter *f)
{
    struct gzip_decoder *d = f->decoder;

    if (!d->z.avail_in) {
        ssize_t n = xsi_filter_input(f);

        if (n < 0)
            return -1;
        if (n == 0)
            return d->between ? 0 : give_up(f, "unexpected end of file");
        d->z.next_in = f->input;
        d->z.avail_in = (unsigned)n;
    }
    if (d->between) { /* the next member, or padding: a block device ends in zeros */
        if (d->z.next_in[0] != 0x1f)
            return 0;
        d->between = false;
        d->later = true;
        (void)d->reset(&d->z);
    }
    return 1;
}

/* Decode until the output is full or nothing follows; then say what came before the reason. */
static int gzip_next(struct xsi_filter *f)
{
    struct gzip_decoder *d = f->decoder;

    d->z.next_out = d->out;
    d->z.avail_out = OUTPUT;
    while (d->result > 0 && d->z.avail_out) {
        int rc;

        d->result = fill(f);
        if (d->result <= 0)
            break;
        rc = d->inflate(&d->z, 0);
        if (rc == END)
            d->between = true;
        else if (rc != OK && rc != STALLED)
            /* As gzip(1) has it: what follows a member without being one is no part of the data. */
            d->result = d->later && d->z.total_in <= 2 ? 0 : give_up(f, d->z.message);
    }
    f->block = d->out;
    f->left = OUTPUT - d->z.avail_out;
    return f->left ? 1 : d->result;
}

static void gzip_close(struct xsi_filter *f)
{
    struct gzip_decoder *d = f->decoder;

    if (d && d->ready)
        (void)d->end(&d->z);
    if (d && d->handle)
        dlclose(d->handle);
    free(d);
}

const struct xsi_decoder xsi_decoder_gzip = {
    .open = gzip_open,
    .next = gzip_next,
    .close = gzip_close,
};
