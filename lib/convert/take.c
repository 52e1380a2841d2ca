/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What formats say of their chunks, on its way into the neutral model. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

bool xsi_frame_carries(uint8_t type)
{
    return type < 13; /* BROKEN, XALLOC and XTAB have no page */
}

void *xsi_take_state(struct xsi_take *t)
{
    void **state = &t->c->take_state[t->index];

    if (!*state)
        *state = calloc(1, t->format->take_size + 1);
    return *state;
}

struct xsi_vm *xsi_take_vm(struct xsi_take *t)
{
    return &t->c->vm;
}

const struct xsi_chunk *xsi_take_chunk(const struct xsi_take *t)
{
    return &t->chunk;
}

const struct xsi_layer *xsi_take_layer(const struct xsi_take *t)
{
    return t->layer;
}

bool xsi_take_survey(const struct xsi_take *t)
{
    return t->c->survey;
}

static int not_there(struct xsi_take *t, uint64_t from, size_t n)
{
    return xsi_convert_fail(t->c, EBADMSG,
                            "at 0x%llx: the image ends inside %s, %zu bytes from 0x%llx on cannot "
                            "be read; xsdump shows where, xsrecover fix what can be done",
                            (unsigned long long)t->chunk.offset, t->chunk.type, n,
                            (unsigned long long)(t->chunk.offset + from));
}

const uint8_t *xsi_take_bytes(struct xsi_take *t, uint64_t from, size_t n)
{
    size_t have = 0;
    const uint8_t *p = NULL;

    if (from <= t->chunk.length && n <= t->chunk.length - from && n <= XSI_PEEK_MAX)
        p = n ? xsi_chunk_bytes(t->c->walk, &t->chunk, from, n, &have) : (const uint8_t *)"";
    if (p && have == n)
        return p;
    (void)not_there(t, from, n);
    return NULL;
}

/* ---- items ---- */

/* Items are those of the survey, where one was made. */
static bool second_pass(const struct xsi_convert *c)
{
    return c->seekable && !c->survey;
}

static int put(struct xsi_take *t, struct xsi_item *item)
{
    struct xsi_convert *c = t->c;

    item->early = !c->vm.pages;
    item->checkpoint = c->vm.checkpoints;
    return xsi_items_add(c, item, t->layer->row->kind == XSI_LAYER_STREAM);
}

int xsi_take_item(struct xsi_take *t, enum xsi_item_kind kind, uint64_t id, const void *bytes,
                  size_t n)
{
    struct xsi_item item = { .kind = kind, .id = id, .bytes = bytes ? bytes : "", .length = n };

    item.offset = t->chunk.offset;
    return second_pass(t->c) ? 0 : put(t, &item);
}

int xsi_take_u64(struct xsi_take *t, enum xsi_item_kind kind, uint64_t id, uint64_t value)
{
    value = htole64(value);
    return xsi_take_item(t, kind, id, &value, sizeof(value));
}

/* What a pipe gives now is gone later. */
static int hold(struct xsi_take *t, struct xsi_item *item, uint64_t from)
{
    uint8_t *held;
    int rc = 0;

    if (item->length > XSI_ITEM_MAX)
        return xsi_convert_fail(t->c, ESPIPE,
                                "at 0x%llx: %llu bytes of %s cannot be held; give a file, or "
                                "--spool DIR",
                                (unsigned long long)t->chunk.offset,
                                (unsigned long long)item->length, xsi_item_name(item->kind));
    held = malloc((size_t)item->length + 1);
    if (!held)
        return xsi_convert_fail(t->c, ENOMEM, "out of memory for what the image holds");
    for (uint64_t done = 0; !rc && done < item->length;) {
        size_t n =
            item->length - done < XSI_SCAN_BLOCK ? (size_t)(item->length - done) : XSI_SCAN_BLOCK;
        const uint8_t *p = xsi_take_bytes(t, from + done, n);

        if (p)
            memcpy(held + done, p, n);
        else
            rc = -EBADMSG;
        done += n;
    }
    item->bytes = held;
    item->offset = t->chunk.offset;
    rc = rc ? rc : put(t, item);
    free(held);
    return rc;
}

int xsi_take_range(struct xsi_take *t, enum xsi_item_kind kind, uint64_t id, uint64_t from,
                   uint64_t length)
{
    struct xsi_item item = { .kind = kind, .id = id, .length = length };

    if (second_pass(t->c))
        return 0;
    if (from > t->chunk.length || length > t->chunk.length - from)
        return not_there(t, from, (size_t)length);
    item.offset = t->chunk.offset + from;
    return t->c->seekable ? put(t, &item) : hold(t, &item, from);
}

/* ---- pages ---- */

static void count_pages(struct xsi_vm *vm, const struct xsi_frame_entry *entry, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (vm->highest_pfn < entry[i].pfn)
            vm->highest_pfn = entry[i].pfn;
        vm->pages += xsi_frame_carries(entry[i].type);
    }
}

/* Remember where pages are, for what refers to them later. */
static int keep(struct xsi_convert *c, const struct xsi_pages *p)
{
    uint64_t at = p->offset;
    const uint8_t *made = p->made;
    int rc = 0;

    if (!c->keep)
        return 0;
    for (size_t i = 0; !rc && i < p->count; i++) {
        if (!xsi_frame_carries(p->entry[i].type))
            continue;
        rc = made ? xsi_keep_page(c->keep, p->entry[i].pfn, made)
                  : xsi_keep_input(c->keep, p->entry[i].pfn, 1, at);
        at += XSI_PAGE_SIZE;
        made = made ? made + XSI_PAGE_SIZE : NULL;
    }
    return rc ? xsi_convert_fail(c, -rc,
                                 "cannot keep pages for compressed ones: %s; --spool DIR "
                                 "names a folder with room",
                                 strerror(-rc))
              : 0;
}

static uint64_t *frames_of(const struct xsi_convert *c, const struct xsi_pages *p)
{
    uint64_t *pfn = c->options.zero_unreadable && p->carrying && !p->made
                        ? calloc(p->carrying, sizeof(*pfn))
                        : NULL;
    size_t n = 0;

    for (size_t i = 0; pfn && i < p->count; i++)
        if (xsi_frame_carries(p->entry[i].type))
            pfn[n++] = p->entry[i].pfn;
    return pfn;
}

/* One batch of at most XSI_BATCH_MAX entries. */
static int batch(struct xsi_take *t, struct xsi_pages *p, uint64_t from)
{
    struct xsi_convert *c = t->c;
    uint8_t *copy = NULL;
    int rc;

    for (size_t i = 0; i < p->count; i++)
        p->carrying += xsi_frame_carries(p->entry[i].type);
    p->offset = t->chunk.offset + from;
    if (!c->seekable && !p->made && p->carrying) {
        const uint8_t *bytes = xsi_take_bytes(t, from, p->carrying * XSI_PAGE_SIZE);

        copy = bytes ? malloc(p->carrying * XSI_PAGE_SIZE) : NULL;
        if (!copy)
            return bytes ? xsi_convert_fail(c, ENOMEM, "out of memory for a batch of pages")
                         : -EBADMSG;
        memcpy(copy, bytes, p->carrying * XSI_PAGE_SIZE);
        p->made = copy;
    }
    rc = keep(c, p);
    if (!rc)
        rc = xsi_give_batch(c, p, frames_of(c, p));
    free(copy);
    return rc;
}

static int pages(struct xsi_take *t, const struct xsi_frame_entry *entry, size_t count,
                 uint64_t from, const uint8_t *made)
{
    struct xsi_convert *c = t->c;
    int rc = 0;

    if (!second_pass(c))
        count_pages(&c->vm, entry, count);
    if (c->survey)
        return 0;
    for (size_t done = 0; !rc && done < count;) {
        struct xsi_pages p = { .entry = entry + done, .made = made };

        p.count = count - done < XSI_BATCH_MAX ? count - done : XSI_BATCH_MAX;
        rc = batch(t, &p, from);
        done += p.count;
        from += (uint64_t)p.carrying * XSI_PAGE_SIZE;
        made = made ? made + p.carrying * XSI_PAGE_SIZE : NULL;
    }
    return rc;
}

int xsi_take_pages(struct xsi_take *t, const struct xsi_frame_entry *entry, size_t count,
                   uint64_t from)
{
    return pages(t, entry, count, from, NULL);
}

int xsi_take_pages_made(struct xsi_take *t, const struct xsi_frame_entry *entry, size_t count,
                        const uint8_t *made)
{
    return pages(t, entry, count, 0, made);
}

int xsi_take_keep_pages(struct xsi_take *t)
{
    struct xsi_convert *c = t->c;

    if (!c->seekable)
        return xsi_convert_fail(c, ESPIPE,
                                "at 0x%llx: the pages that follow are compressed against earlier "
                                "ones, which a pipe does not give again; give a file, or --spool "
                                "DIR",
                                (unsigned long long)t->chunk.offset);
    if (!c->keep)
        c->keep = xsi_keep_new(c->options.spool);
    return c->keep ? 0 : xsi_convert_fail(c, ENOMEM, "out of memory for kept pages");
}

bool xsi_take_page(struct xsi_take *t, uint64_t pfn, uint8_t page[4096])
{
    return t->c->keep && xsi_keep_get(t->c->keep, t->c->src, pfn, page);
}

/* ---- ends ---- */

void xsi_take_checkpoint(struct xsi_take *t)
{
    struct xsi_convert *c = t->c;

    c->seen++;
    if (second_pass(c))
        return;
    c->vm.checkpoints = c->seen;
    c->last_tail = t->chunk.offset + t->chunk.length;
}

void xsi_take_end(struct xsi_take *t)
{
    t->c->took_end = true;
}

int xsi_take_cannot(struct xsi_take *t, const char *fmt, ...)
{
    char text[200];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return xsi_convert_fail(t->c, ENOTSUP, "at 0x%llx: %s", (unsigned long long)t->chunk.offset,
                            text);
}

void xsi_take_note(struct xsi_take *t, const char *fmt, ...)
{
    char raw[200], text[320];
    va_list args;

    if (second_pass(t->c))
        return;
    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    (void)xsi_escape(text, sizeof(text), raw, strlen(raw));
    xsi_convert_add_note(t->c, text);
}

/* ---- one chunk ---- */

int xsi_take_one(struct xsi_convert *c, const struct xsi_chunk *chunk)
{
    struct xsi_take *t = &c->take;
    const struct xsi_walk *w = c->walk;
    const struct xsi_format *format;

    if ((chunk->flags & XSI_CHUNK_GAP) || !w->chunk_layer || w->chunk_layer > w->depth)
        return 0;
    t->layer = &w->layer[w->chunk_layer - 1];
    t->format = t->layer->format;
    t->chunk = *chunk;
    if (!t->format->take)
        return 0;
    for (size_t f = 0; (format = xsi_format_at(f)) && f < XSI_TAKE_FORMATS; f++)
        if (format == t->format)
            t->index = f;
    if (!xsi_take_state(t))
        return xsi_convert_fail(c, ENOMEM, "out of memory");
    return t->format->take(t);
}
