/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompression by libarchive. It is loaded when an image turns out to be compressed: linking it
 * would cost every start some milliseconds and its family (libxml2, ICU, ...) a place in memory.
 * One filter is appended by its code: letting libarchive bid would unwrap as many layers as there
 * are, support_filter_all might start programs.
 *
 * libarchive gives out whole blocks, of 64 KiB (xz, bzip2), 128 KiB (zstd) or as the file has them
 * (lz4, up to 4 MiB). What it had of a block when it met damage is lost.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define LIBRARY "libarchive.so.13"

struct archive;
struct archive_entry;
enum { OK = 0, END = 1, FATAL = -30 }; /* ARCHIVE_OK, _EOF, _FATAL */

typedef ssize_t reader_fn(struct archive *a, void *client, const void **bytes);
typedef int client_fn(struct archive *a, void *client);

/* Functions of libarchive 3 (libarchive 3.6.2: archive.h), so that no header of it is needed. */
struct archive_decoder {
    void *handle;
    struct archive *(*read_new)(void);
    int (*read_free)(struct archive *a);
    int (*support_format_raw)(struct archive *a);
    int (*support_format_empty)(struct archive *a);
    int (*support_filter)(struct archive *a);
    int (*append_filter)(struct archive *a, int code);
    int (*read_open)(struct archive *a, void *client, client_fn *open, reader_fn *read,
                     client_fn *close);
    int (*next_header)(struct archive *a, struct archive_entry **entry);
    int (*data_block)(struct archive *a, const void **bytes, size_t *n, int64_t *offset);
    const char *(*error_string)(struct archive *a);
    int (*error_number)(struct archive *a);

    struct archive *archive;
    bool started;
};

static bool find_all(struct archive_decoder *d, const char *support)
{
    const struct {
        const char *symbol;
        void *function;
    } rows[] = {
        { "archive_read_new", &d->read_new },
        { "archive_read_free", &d->read_free },
        { "archive_read_support_format_raw", &d->support_format_raw },
        { "archive_read_support_format_empty", &d->support_format_empty },
        { support, &d->support_filter },
        { "archive_read_append_filter", &d->append_filter },
        { "archive_read_open", &d->read_open },
        { "archive_read_next_header", &d->next_header },
        { "archive_read_data_block", &d->data_block },
        { "archive_error_string", &d->error_string },
        { "archive_errno", &d->error_number },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!xsi_filter_symbol(d->handle, rows[i].symbol, rows[i].function))
            return false;
    return true;
}

/* A filter that libarchive was built without would be an external program: refused. */
static bool prepare(struct archive_decoder *d, int code)
{
    struct archive *a = d->read_new();

    d->archive = a;
    return a && d->support_format_raw(a) == OK && d->support_format_empty(a) == OK &&
           d->support_filter(a) == OK && d->append_filter(a, code) == OK;
}

static int archive_open(struct xsi_filter *f, struct xsi_error *err)
{
    struct archive_decoder *d = calloc(1, sizeof(*d));

    if (!d)
        return xsi_source_fault(err, ENOMEM, "out of memory while opening '%s'", f->st.src.name);
    f->decoder = d;
    d->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!find_all(d, f->row->support))
        return xsi_filter_no_library(f, LIBRARY, "libarchive13", err);
    if (!prepare(d, f->row->code))
        return xsi_source_fault(err, ENOSYS,
                                "'%s' is compressed with %s, which this libarchive cannot "
                                "decompress by itself; decompress first with %s -dc",
                                f->st.src.name, f->row->name, f->row->name);
    return 0;
}

/* libarchive wants compressed bytes. */
static ssize_t give_input(struct archive *a, void *client, const void **bytes)
{
    struct xsi_filter *f = client;
    ssize_t n = xsi_filter_input(f);

    (void)a;
    *bytes = f->input;
    return n < 0 ? FATAL : n;
}

static int give_up(struct xsi_filter *f)
{
    const struct archive_decoder *d = f->decoder;
    const char *why = d->error_string(d->archive);

    (void)snprintf(f->why, sizeof(f->why), "%s", why ? why : "libarchive gives no reason");
    return -1;
}

/*
 * The first call into the decoder. A stream of no bytes is no "raw" archive but an "empty" one, and
 * so is one that is damaged before its first block; an error number tells them apart.
 */
static int start(struct xsi_filter *f)
{
    struct archive_decoder *d = f->decoder;
    struct archive_entry *entry;
    int rc = d->read_open(d->archive, f, NULL, give_input, NULL);

    d->started = true;
    if (rc != OK || d->error_number(d->archive))
        return give_up(f);
    rc = d->next_header(d->archive, &entry);
    if ((rc != OK && rc != END) || d->error_number(d->archive))
        return give_up(f);
    return rc == OK;
}

static int archive_next(struct xsi_filter *f)
{
    struct archive_decoder *d = f->decoder;
    const void *bytes = NULL;
    int64_t offset;
    size_t n = 0;
    int rc = d->started ? 1 : start(f);

    if (rc <= 0)
        return rc;
    rc = d->data_block(d->archive, &bytes, &n, &offset);
    if (rc != OK)
        return rc == END ? 0 : give_up(f);
    f->block = bytes;
    f->left = n;
    return 1;
}

static void archive_close(struct xsi_filter *f)
{
    struct archive_decoder *d = f->decoder;

    if (d && d->archive)
        (void)d->read_free(d->archive);
    if (d && d->handle)
        dlclose(d->handle);
    free(d);
}

const struct xsi_decoder xsi_decoder_archive = {
    .open = archive_open,
    .next = archive_next,
    .close = archive_close,
};
