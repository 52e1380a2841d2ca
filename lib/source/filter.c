/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompression: formats by their magics, one layer per source, and the limits against bombs. Who
 * decompresses is the row's decoder: libarchive, and for gzip zlib itself (gzip.c says why).
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "internal.h"

/*
 * Against bombs. Memory is bounded by the decoders' own buffers whatever the input says, each step
 * gives out a block, and a plain ratio cap would refuse honest images: 40 GB of zero pages shrink
 * to a megabyte in zstd, and to a kilobyte when that is compressed once more. So the first 64 GiB
 * come out of any input. Behind them every byte of the file pays for 64 KiB: gzip (1032:1), lz4
 * (255:1), xz (7000:1) and zstd (32768:1, a 4-byte block for 128 KiB of one value) cannot reach
 * that on their own; nested formats and bzip2 can, but only with an image that is nothing but
 * zeros for most of its length. 16 TiB is the most memory that any Xen release gives a guest.
 */
const struct xsi_filter_limits xsi_filter_limits = {
    .free_bytes = 64ULL << 30,
    .ratio = 64ULL << 10,
    .total = 16ULL << 40,
};

/* ---- magics ---- */

static bool starts(const uint8_t *head, size_t n, const char *magic, size_t length)
{
    return n >= length && !memcmp(head, magic, length);
}

/*
 * RFC 1952. Three bytes are little: a legacy image of 559903 pages begins with them too. So the
 * first block of RFC 1951 must make sense: a stored one repeats its length inverted, and type 3
 * does not exist.
 */
static bool bid_gzip(const uint8_t *head, size_t n)
{
    unsigned type;

    if (!starts(head, n, "\x1f\x8b\x08", 3) || n < 11 || (head[3] & 0xe0))
        return false;
    if (head[3]) /* a name or more stands in front of the first block */
        return true;
    type = head[10] >> 1 & 3U;
    if (type == 0 && n >= 15)
        return (head[11] ^ head[13]) == 0xff && (head[12] ^ head[14]) == 0xff;
    return type != 3;
}

static bool bid_xz(const uint8_t *head, size_t n)
{
    return starts(head, n, "\xfd\x37zXZ\0", 6);
}

static bool bid_zstd(const uint8_t *head, size_t n)
{
    return starts(head, n, "\x28\xb5\x2f\xfd", 4);
}

static bool bid_lz4(const uint8_t *head, size_t n)
{
    return starts(head, n, "\x04\x22\x4d\x18", 4) && n > 4 && head[4] >> 6 == 1;
}

static bool bid_bzip2(const uint8_t *head, size_t n)
{
    if (!starts(head, n, "BZh", 3) || n < 10 || head[3] < '1' || head[3] > '9')
        return false;
    return !memcmp(head + 4, "1AY&SY", 6) || !memcmp(head + 4, "\x17\x72\x45\x38\x50\x90", 6);
}

#define ARCHIVED(name) &xsi_decoder_archive, "archive_read_support_filter_" name
static const struct xsi_filter_row filters[] = {
    { "gzip", bid_gzip, &xsi_decoder_gzip, NULL, 0 },
    { "bzip2", bid_bzip2, ARCHIVED("bzip2"), 2 },
    { "xz", bid_xz, ARCHIVED("xz"), 6 },
    { "lz4", bid_lz4, ARCHIVED("lz4"), 13 },
    { "zstd", bid_zstd, ARCHIVED("zstd"), 14 },
};

const struct xsi_filter_row *xsi_filter_detect(const uint8_t *head, size_t n)
{
    size_t i;

    for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        if (filters[i].bid(head, n))
            return &filters[i];
    return NULL;
}

/* ---- the source ---- */

ssize_t xsi_filter_input(struct xsi_filter *f)
{
    struct xsi_source *below = f->st.src.below;
    ssize_t n = xsi_source_read(below, f->input, sizeof(f->input), f->in_at);

    if (n < 0) {
        f->below = below->error;
        return -1;
    }
    f->in_at += (uint64_t)n;
    return n;
}

/* ISO C has no conversion from a data to a function pointer; POSIX makes them the same size. */
bool xsi_filter_symbol(void *handle, const char *symbol, void *function)
{
    void *address = handle ? dlsym(handle, symbol) : NULL;

    memcpy(function, &address, sizeof(address));
    return address != NULL;
}

int xsi_filter_no_library(const struct xsi_filter *f, const char *library, const char *package,
                          struct xsi_error *err)
{
    return xsi_source_fault(err, ELIBACC,
                            "'%s' is compressed with %s; %s, which would decompress it, cannot be "
                            "loaded: install it (Debian: %s) or decompress first with %s -dc",
                            f->st.src.name, f->row->name, library, package, f->row->name);
}

/* The decoder gave up: say where in both worlds, and why. */
static ssize_t damaged(struct xsi_filter *f)
{
    struct xsi_source *src = &f->st.src;

    if (f->below.code)
        return xsi_source_fault(&src->error, EIO, "%s data ends at byte %#llx of the image: %.180s",
                                f->row->name, (unsigned long long)f->total, f->below.text);
    return xsi_source_fault(&src->error, EIO,
                            "%s data of '%s' is damaged or cut before its byte %#llx; the image "
                            "ends at %#llx (%s); compare with the original file",
                            f->row->name, src->name, (unsigned long long)f->in_at,
                            (unsigned long long)f->total, f->why);
}

/* How much may come out for what was read of the file. */
static uint64_t allowance(const struct xsi_filter *f)
{
    const struct xsi_filter_limits *l = f->limits;
    uint64_t in = xsi_source_lowest(&f->st.src)->bytes_read, earned;

    if (__builtin_mul_overflow(in, l->ratio, &earned) ||
        __builtin_add_overflow(earned, l->free_bytes, &earned) || earned > l->total)
        return l->total;
    return earned;
}

/* Decompress the next block. 1, 0 at the end, -errno. */
static ssize_t next_block(struct xsi_filter *f)
{
    struct xsi_source *src = &f->st.src;
    int rc = 1;

    if (f->total > allowance(f))
        return xsi_source_fault(&src->error, EFBIG,
                                "'%s' stopped at %#llx: %s data that grows like this is a "
                                "decompression bomb; if you trust it, decompress it to a file "
                                "with %s -dc",
                                src->name, (unsigned long long)f->total, f->row->name,
                                f->row->name);
    while (rc > 0 && !f->left)
        rc = f->row->decoder->next(f);
    if (rc < 0)
        return damaged(f);
    f->total += f->left;
    return rc;
}

static ssize_t filter_pull(struct xsi_stream *st, void *buf, size_t len)
{
    struct xsi_filter *f = (struct xsi_filter *)st;

    if (!f->left) {
        ssize_t rc = next_block(f);

        if (rc <= 0)
            return rc;
    }
    if (len > f->left)
        len = f->left;
    if (buf)
        memcpy(buf, f->block, len);
    f->block += len;
    f->left -= len;
    return (ssize_t)len;
}

static void filter_close(struct xsi_stream *st)
{
    struct xsi_filter *f = (struct xsi_filter *)st;

    f->row->decoder->close(f);
}

struct xsi_source *xsi_source_filter_new(struct xsi_source *below, const struct xsi_filter_row *row,
                                         const struct xsi_filter_limits *limits,
                                         struct xsi_error *err)
{
    struct xsi_filter *f;

    f = (struct xsi_filter *)xsi_stream_new(sizeof(*f), XSI_FILTER_HEAD, below->name, err);
    if (!f) {
        xsi_source_free(below);
        return NULL;
    }
    f->st.src.below = below;
    f->st.src.owns_below = true;
    f->st.pull = filter_pull;
    f->st.close = filter_close;
    f->row = row;
    f->limits = limits;
    memcpy(f->st.src.filters, below->filters, sizeof(below->filters));
    f->st.src.filter_count = below->filter_count;
    f->st.src.filters[f->st.src.filter_count++] = row->name;
    if (row->decoder->open(f, err)) {
        xsi_source_free(&f->st.src);
        return NULL;
    }
    return &f->st.src;
}
