/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What writers call, and the order in which they are called. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

const struct xsi_vm *xsi_give_vm(const struct xsi_give *g)
{
    return &g->c->vm;
}

const struct xsi_writer *xsi_give_writer(const struct xsi_give *g)
{
    return g->writer;
}

const struct xsi_writer *xsi_give_neighbour(const struct xsi_give *g, bool outer)
{
    const struct xsi_convert *c = g->c;
    size_t i = (size_t)(g - c->give);

    if (i == XSI_WRITERS_MAX)
        return outer ? c->give[c->stream].writer : NULL;
    if (outer)
        return i ? c->give[i - 1].writer : NULL;
    return i + 1 < c->give_count ? c->give[i + 1].writer : NULL;
}

const struct xsi_convert_options *xsi_give_options(const struct xsi_give *g)
{
    return &g->c->options;
}

unsigned xsi_give_release(const struct xsi_give *g)
{
    return g->c->release;
}

void *xsi_give_state(struct xsi_give *g)
{
    return g->state;
}

uint64_t xsi_give_at(const struct xsi_give *g)
{
    return g->c->queue.end;
}

uint64_t xsi_give_length(const struct xsi_give *g)
{
    return g->c->queue.end - g->began_at;
}

/* ---- bytes ---- */

static int memory(struct xsi_give *g, int rc)
{
    return rc ? xsi_convert_fail(g->c, -rc, "out of memory for the output") : 0;
}

int xsi_give_bytes(struct xsi_give *g, const void *bytes, size_t n)
{
    return memory(g, xsi_queue_bytes(&g->c->queue, bytes, n));
}

int xsi_give_le32(struct xsi_give *g, uint32_t v)
{
    v = htole32(v);
    return xsi_give_bytes(g, &v, sizeof(v));
}

int xsi_give_le64(struct xsi_give *g, uint64_t v)
{
    v = htole64(v);
    return xsi_give_bytes(g, &v, sizeof(v));
}

int xsi_give_be32(struct xsi_give *g, uint32_t v)
{
    v = htobe32(v);
    return xsi_give_bytes(g, &v, sizeof(v));
}

int xsi_give_zeros(struct xsi_give *g, size_t n)
{
    static const uint8_t zeros[XSI_PAGE_SIZE];
    int rc = 0;

    while (!rc && n) {
        size_t part = n < sizeof(zeros) ? n : sizeof(zeros);

        rc = xsi_give_bytes(g, zeros, part);
        n -= part;
    }
    return rc;
}

int xsi_give_item(struct xsi_give *g, const struct xsi_item *item)
{
    if (item->bytes)
        return xsi_give_bytes(g, item->bytes, (size_t)item->length);
    return memory(g, xsi_queue_input(&g->c->queue, item->offset, item->length, NULL));
}

const uint8_t *xsi_give_item_bytes(struct xsi_give *g, const struct xsi_item *item)
{
    struct xsi_convert *c = g->c;
    struct xsi_item *own;
    uint8_t *bytes;
    ssize_t got;

    if (item->bytes)
        return item->bytes;
    if (item->length > XSI_ITEM_MAX || item < c->item || item >= c->item + c->vm.item_count) {
        (void)xsi_convert_fail(c, EFBIG, "the %s of %llu bytes is more than is held",
                               xsi_item_name(item->kind), (unsigned long long)item->length);
        return NULL;
    }
    own = &c->item[item - c->item];
    bytes = malloc((size_t)own->length + 1);
    got = bytes ? xsi_convert_item(c, own, 0, bytes, (size_t)own->length) : -ENOMEM;
    if (got != (ssize_t)own->length) {
        free(bytes);
        (void)xsi_convert_fail(c, EIO, "the %s cannot be read whole at 0x%llx",
                               xsi_item_name(item->kind), (unsigned long long)item->offset);
        return NULL;
    }
    c->item_bytes += own->length;
    own->bytes = bytes;
    return bytes;
}

int xsi_give_pages(struct xsi_give *g, const struct xsi_pages *p)
{
    uint64_t length = (uint64_t)p->carrying * XSI_PAGE_SIZE;
    uint64_t *pfn = g->c->pages_pfn;

    if (p->made)
        return xsi_give_bytes(g, p->made, (size_t)length);
    g->c->pages_pfn = NULL;
    return memory(g, xsi_queue_input(&g->c->queue, p->offset, length, pfn));
}

/* ---- words ---- */

static void XSI_PRINTF(2, 0) words(char text[320], const char *fmt, va_list args)
{
    char raw[320];

    (void)vsnprintf(raw, sizeof(raw), fmt, args);
    (void)xsi_escape(text, 320, raw, strlen(raw));
}

/* The arguments behind fmt, in words. */
#define WORDS(text, fmt)        \
    do {                        \
        va_list args;           \
                                \
        va_start(args, fmt);    \
        words(text, fmt, args); \
        va_end(args);           \
    } while (0)

int xsi_give_drops(struct xsi_give *g, const char *fmt, ...)
{
    char text[320], note[360];

    WORDS(text, fmt);
    if (g->c->options.drop) {
        (void)snprintf(note, sizeof(note), "left out: %s", text);
        xsi_convert_add_note(g->c, note);
        return 0;
    }
    return xsi_convert_fail(g->c, ENOTSUP, "%s cannot hold %s (--drop leaves it out)",
                            g->writer->layer, text);
}

int xsi_give_needs(struct xsi_give *g, const char *fmt, ...)
{
    char text[320];

    WORDS(text, fmt);
    if (g->c->vm.complete)
        return xsi_convert_fail(g->c, EBADMSG, "%s needs %s, which the image does not have",
                                g->writer->layer, text);
    return xsi_convert_fail(g->c, ESPIPE,
                            "%s needs %s before the first page, and a pipe has it only later; give "
                            "a file, or --spool DIR",
                            g->writer->layer, text);
}

void xsi_give_note(struct xsi_give *g, const char *fmt, ...)
{
    char text[320];

    WORDS(text, fmt);
    xsi_convert_add_note(g->c, text);
}

int xsi_give_cannot(struct xsi_give *g, const char *fmt, ...)
{
    char text[320];

    WORDS(text, fmt);
    return xsi_convert_fail(g->c, ENOTSUP, "%s: %s", g->writer->layer, text);
}

/* ---- the order ---- */

static bool copied(const struct xsi_give *g)
{
    return g->c->options.verbatim && g->writer->kind == XSI_LAYER_STREAM;
}

int xsi_give_check(struct xsi_convert *c)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < c->give_count; i++) {
        struct xsi_give *g = &c->give[i];

        if (!g->checked && !copied(g) && g->writer->check)
            rc = g->writer->check(g);
        g->checked = true;
    }
    return rc;
}

int xsi_give_begin(struct xsi_convert *c)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < c->give_count; i++) {
        struct xsi_give *g = &c->give[i];

        if (g->begun)
            continue;
        g->begun = true;
        g->began_at = c->queue.end;
        if (!copied(g) && g->writer->begin)
            rc = g->writer->begin(g);
    }
    return rc;
}

int xsi_give_batch(struct xsi_convert *c, const struct xsi_pages *p, uint64_t *pfn)
{
    struct xsi_give *g = &c->give[c->stream];
    int rc = xsi_give_begin(c);

    free(c->pages_pfn);
    c->pages_pfn = pfn;
    return rc || copied(g) || !g->writer->pages ? rc : g->writer->pages(g, p);
}

/* The record behind the stream: a writer for a moment. */
static int record(struct xsi_convert *c)
{
    struct xsi_give *g = &c->give[XSI_WRITERS_MAX];
    int rc;

    if (!c->record)
        return 0;
    *g = (struct xsi_give){ .c = c, .writer = c->record, .began_at = c->queue.end };
    g->state = calloc(1, c->record->state_size + 1);
    rc = g->state ? 0 : xsi_convert_fail(c, ENOMEM, "out of memory");
    if (!rc && g->writer->begin)
        rc = g->writer->begin(g);
    if (!rc && g->writer->end)
        rc = g->writer->end(g);
    free(g->state);
    g->state = NULL;
    return rc;
}

int xsi_give_end(struct xsi_convert *c)
{
    int rc = xsi_give_begin(c);

    for (size_t i = c->give_count; !rc && i-- > 0;) {
        struct xsi_give *g = &c->give[i];

        if (!g->ended && !copied(g) && g->writer->end)
            rc = g->writer->end(g);
        g->ended = true;
        if (!rc && i == c->stream)
            rc = record(c);
    }
    return rc;
}
