/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table of readers: the rows of all formats, with their variants; names; defaults. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "internal.h"

static const struct {
    const char *suffix;
    unsigned variant;
} suffixes[] = {
    { "/32", XSI_READER_32 },      { "/xapi", XSI_READER_XAPI },   { "/remus", XSI_READER_REMUS },
    { "/xend", XSI_READER_REMUS }, { "/libxc", XSI_READER_LIBXC },
};
#define SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))

struct release {
    const struct xsi_reader_row *row;
    const struct xsi_format *format;
};

static int by_release(const void *a, const void *b)
{
    const struct release *x = a, *y = b;

    return (x->row->release > y->row->release) - (x->row->release < y->row->release);
}

/* All rows, oldest first. */
static size_t releases(struct release *out)
{
    const struct xsi_format *format;
    size_t n = 0;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_reader_row *row = format->readers; row && row->name; row++)
            if (n < XSI_RELEASES_MAX)
                out[n++] = (struct release){ row, format };
    qsort(out, n, sizeof(*out), by_release);
    return n;
}

static void fill(const struct release *from, unsigned variant, struct xsi_reader *out)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "%s", from->row->name);
    for (size_t i = 0; i < SUFFIXES; i++)
        if ((variant & suffixes[i].variant) && strcmp(suffixes[i].suffix, "/xend"))
            strncat(out->name, suffixes[i].suffix, sizeof(out->name) - strlen(out->name) - 1);
    out->variant = variant;
    out->bits = variant & XSI_READER_32 ? 32 : 64;
    out->release = from->row->release;
    out->alias = from->row->alias ? from->row->alias : "";
    out->covers = from->row->covers;
    out->about = from->row->about;
    out->stream = from->format->stream;
    out->row = from->row;
}

/* XenServer's library under another toolstack's restore does not exist. */
static bool exists(const struct xsi_reader_row *row, unsigned variant)
{
    return !(variant & ~row->variants) &&
           (variant & (XSI_READER_XAPI | XSI_READER_REMUS)) != (XSI_READER_XAPI | XSI_READER_REMUS);
}

bool xsi_reader_get(size_t index, struct xsi_reader *out)
{
    struct release rows[XSI_RELEASES_MAX];
    size_t n = releases(rows);

    for (size_t i = 0; i < n; i++)
        for (unsigned v = 0; v <= rows[i].row->variants; v++)
            if (exists(rows[i].row, v) && index-- == 0) {
                fill(&rows[i], v, out);
                return true;
            }
    return false;
}

static bool is_word(const char *list, const char *word, size_t n)
{
    for (const char *p = list; p && *p; p += strspn(p, " ")) {
        size_t length = strcspn(p, " ");

        if (length == n && !strncasecmp(p, word, n))
            return true;
        p += length;
    }
    return false;
}

/* 40302 for "xen-4.3.2"; 0 when it is not of this form. */
static unsigned point_release(const char *name, size_t n)
{
    unsigned a, b, c;
    char copy[24];
    int used = 0;

    if (n >= sizeof(copy))
        return 0;
    memcpy(copy, name, n);
    copy[n] = '\0';
    if (sscanf(copy, "%*1[Xx]%*1[Ee]%*1[Nn]-%1u.%2u.%2u%n", &a, &b, &c, &used) != 3 ||
        (size_t)used != n)
        return 0;
    return a * 10000 + b * 100 + c;
}

/* The row that a name stands for: its own, an alias, or the point release's. */
static const struct release *named(const struct release *rows, size_t n, const char *name,
                                   size_t length)
{
    const struct release *best = NULL;
    unsigned release = point_release(name, length);

    for (size_t i = 0; i < n; i++)
        if (is_word(rows[i].row->name, name, length) || is_word(rows[i].row->alias, name, length))
            return &rows[i];
    for (size_t i = 0; release && i < n; i++)
        if (rows[i].row->release <= release && rows[i].row->release / 100 == release / 100)
            best = &rows[i];
    return best;
}

bool xsi_reader_lookup(const char *name, struct xsi_reader *out)
{
    struct release rows[XSI_RELEASES_MAX];
    const struct release *row;
    char full[sizeof(out->name) + 8];
    unsigned variant = 0;
    size_t n, length;

    /* "4.1" will do */
    snprintf(full, sizeof(full), "%s%s", isdigit((unsigned char)*name) ? "xen-" : "", name);
    name = full;
    n = releases(rows);
    length = strcspn(name, "/");
    row = named(rows, n, name, length);

    for (const char *p = name + length; *p;) {
        size_t i = 0, end = 1 + strcspn(p + 1, "/");

        while (i < SUFFIXES &&
               (strlen(suffixes[i].suffix) != end || strncasecmp(suffixes[i].suffix, p, end)))
            i++;
        if (i == SUFFIXES)
            return false;
        variant |= suffixes[i].variant;
        p += end;
    }
    if (!row || !exists(row->row, variant))
        return false;
    fill(row, variant, out);
    return true;
}

const struct xsi_format *xsi_format_of(const char *layer, const struct xsi_layer_row **row)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (*row = format->layers; *row && (*row)->name; (*row)++)
            if (!strcmp((*row)->name, layer))
                return format;
    *row = NULL;
    return NULL;
}

const struct xsi_model *xsi_model_of(const char *layer)
{
    const struct xsi_layer_row *row;
    const struct xsi_format *format = xsi_format_of(layer, &row);

    return format ? format->model : NULL;
}

const struct xsi_model *xsi_reader_model(const struct xsi_reader *reader)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        if (format->stream && !strcmp(format->stream, reader->stream))
            return format->model;
    return NULL;
}

/* The memory stream's format, and the name of the container or middle layer around it. */
static const struct xsi_format *stream_of(const struct xsi_info *info,
                                          const struct xsi_format **container)
{
    const struct xsi_layer_row *row;

    *container = NULL;
    for (size_t i = 0; i < info->stack_length; i++) {
        const struct xsi_format *format = xsi_format_of(info->stack[i], &row);

        if (format && row->kind == XSI_LAYER_STREAM)
            return format;
        if (format && !*container && (row->kind & (XSI_LAYER_CONTAINER | XSI_LAYER_MIDDLE)))
            *container = format;
    }
    return NULL;
}

static unsigned width_variant(const struct xsi_info *info)
{
    return info->toolstack_bits == 32 ? XSI_READER_32 : 0;
}

bool xsi_reader_default(const struct xsi_info *info, struct xsi_reader *out)
{
    const struct xsi_format *container, *stream = stream_of(info, &container);
    const struct xsi_reader_row *row = stream ? stream->readers : NULL;
    unsigned variant = width_variant(info);
    struct release newest;

    if (!row)
        return false;
    if (container && container->native_reader && xsi_reader_lookup(container->native_reader, out) &&
        !strcmp(out->stream, stream->stream)) {
        for (; row->name; row++)
            if (row == out->row && exists(row, out->variant | variant))
                fill(&(struct release){ row, stream }, out->variant | variant, out);
        return true;
    }
    while (row[1].name)
        row++;
    newest = (struct release){ row, stream };
    if (!container && (row->variants & XSI_READER_LIBXC))
        variant |= XSI_READER_LIBXC;
    fill(&newest, exists(row, variant) ? variant : 0, out);
    return true;
}

bool xsi_reader_fits(const struct xsi_info *info, const struct xsi_reader *reader)
{
    const struct xsi_format *container, *stream = stream_of(info, &container);
    unsigned other = reader->variant & (XSI_READER_XAPI | XSI_READER_REMUS | XSI_READER_LIBXC);
    struct xsi_reader native;
    unsigned own;

    if (!stream || !stream->stream || strcmp(reader->stream, stream->stream))
        return false;
    if (info->toolstack_bits && reader->bits != info->toolstack_bits)
        return false;
    /* a container is read by its own toolstack; of a bare stream the bare library is the reader */
    if (!container)
        return !(reader->row->variants & XSI_READER_LIBXC) || (other & XSI_READER_LIBXC);
    if (other & XSI_READER_LIBXC)
        return false;
    own = container->native_reader && xsi_reader_lookup(container->native_reader, &native)
              ? native.variant
              : 0;
    return !(other & XSI_READER_XAPI) || (own & XSI_READER_XAPI);
}
