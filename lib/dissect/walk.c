/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walk: drives the open layers, places their chunks, hands out events. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define PREFETCH 16   /* batches that are fetched ahead */
#define PREFETCH_LEAST (256U << 10)
#define HEAD_LEAST 8  /* bytes of a chunk that must be readable for its description to count */
#define STALLS_MAX 64 /* steps without progress before a layer is given up */

enum { GO_ON, GOT_CHUNK, GOT_PROGRESS };

struct xsi_walk *xsi_walk_new(struct xsi_source *src, const struct xsi_walk_options *options,
                              struct xsi_error *err)
{
    struct xsi_walk *w = calloc(1, sizeof(*w));
    size_t filters = 0;
    const char *const *names = xsi_source_filters(src, &filters);

    if (!w) {
        err->code = ENOMEM;
        snprintf(err->text, sizeof(err->text), "out of memory");
        return NULL;
    }
    w->src = src;
    if (options)
        w->options = *options;
    xsi_view_init(&w->view, src);
    for (size_t i = 0; i < filters && i < XSI_STACK_MAX; i++)
        w->info.stack[w->info.stack_length++] = names[i];
    if (w->options.as && xsi_parse_as(w, w->options.as) < 0) {
        err->code = EINVAL;
        snprintf(err->text, sizeof(err->text),
                 "no such stack of layers; `xsdump --as list IMAGE` lists the names");
        xsi_walk_free(w);
        return NULL;
    }
    return w;
}

void xsi_walk_free(struct xsi_walk *w)
{
    if (!w)
        return;
    while (w->depth)
        free(w->layer[--w->depth].state);
    xsi_view_free(&w->view);
    xsi_pfnset_free(&w->present);
    xsi_findings_free(w);
    xsi_magic_free(w);
    free(w->scan_block);
    free(w->scratch);
    free(w);
}

/* ---- what plug-ins call ---- */

uint64_t xsi_at(const struct xsi_walk *w)
{
    return w->pos;
}

const uint8_t *xsi_peek(struct xsi_walk *w, uint64_t offset, size_t want, size_t *have)
{
    return xsi_view_peek(&w->view, offset, want, have);
}

void xsi_read_ahead(struct xsi_walk *w, size_t bytes)
{
    w->view.ahead = bytes < XSI_SCAN_BLOCK ? bytes : XSI_SCAN_BLOCK;
}

bool xsi_exists(struct xsi_walk *w, uint64_t offset, uint64_t length)
{
    uint64_t reach = w->view.floor + XSI_RETAIN_MAX;
    size_t have;

    /* a pipe can be looked ahead so far, and no further without losing what it would pass by */
    if (!xsi_source_seekable(w->src) && (offset > reach || length > reach - offset)) {
        (void)xsi_view_peek(&w->view, reach - 1, 1, &have);
        if (!w->view.ended)
            return true;
    }
    return xsi_view_extent(&w->view, offset, length) == length;
}

uint64_t xsi_left(struct xsi_walk *w, uint64_t offset)
{
    uint64_t size;

    if (w->view.ended && !xsi_source_seekable(w->src))
        size = w->view.end;
    else if (!xsi_source_seekable(w->src) || !xsi_source_size(w->src, &size))
        return UINT64_MAX;
    return offset < size ? size - offset : 0;
}

void xsi_push(struct xsi_walk *w, unsigned kinds, const char *expect)
{
    w->push_kinds = kinds;
    w->push_expect = expect;
}

bool xsi_push_failed(const struct xsi_walk *w)
{
    return w->push_failed;
}

enum xsi_guest xsi_forced_guest(const struct xsi_walk *w)
{
    return w->forced_guest;
}

bool xsi_was_cut(const struct xsi_walk *w)
{
    return w->was_cut;
}

const struct xsi_layer *xsi_outer(const struct xsi_walk *w, const struct xsi_layer *l)
{
    return l->depth ? &w->layer[l->depth - 1] : NULL;
}

void *xsi_scratch(struct xsi_walk *w, size_t size)
{
    free(w->scratch);
    w->scratch = calloc(1, size);
    return w->scratch;
}

struct xsi_info *xsi_info(struct xsi_walk *w)
{
    return &w->info;
}

void xsi_present(struct xsi_walk *w, uint64_t first_pfn, uint64_t count)
{
    if (count)
        xsi_pfnset_add(&w->present, first_pfn, first_pfn + count - 1);
}

void xsi_note(struct xsi_chunk *c, const char *fmt, ...)
{
    size_t used = strlen(c->note);
    va_list args;

    if (used && used + 3 < sizeof(c->note)) {
        memcpy(c->note + used, "; ", 3);
        used += 2;
    }
    va_start(args, fmt);
    vsnprintf(c->note + used, sizeof(c->note) - used, fmt, args);
    va_end(args);
    xsi_clean(c->note);
}

/* ---- chunks ---- */

void xsi_place_chunk(struct xsi_walk *w)
{
    struct xsi_chunk *c = &w->chunk;
    bool open_end;

    if (!c->wanted)
        c->wanted = c->length;
    open_end = c->wanted == UINT64_MAX || c->length == UINT64_MAX;
    c->offset = w->pos;
    c->index = w->chunk_count++;
    c->depth = (unsigned)w->depth;
    if (c->wanted > XSI_PEEK_MAX) { /* its fields will be asked for when it has gone by */
        uint64_t head = c->flags & XSI_CHUNK_PAGES ? c->meta : c->wanted;

        xsi_view_hold(&w->view, w->pos, head < (4U << 20) ? (size_t)head : 4U << 20);
    }
    c->length = xsi_view_extent(&w->view, w->pos, c->length);
    if (open_end)
        c->wanted = c->length;
    if (c->meta > c->length)
        c->meta = c->length;
    if (c->length < c->wanted)
        c->flags |= XSI_CHUNK_CUT;
    w->moved = true;
}

/*
 * Batches are mostly of one size, so the headers of the next ones are probably one length apart: a
 * cold disk can fetch some of them at once. Each batch asks for the one that is PREFETCH away.
 */
static void prefetch(struct xsi_walk *w)
{
    const struct xsi_chunk *c = &w->chunk;

    if (c->length < PREFETCH_LEAST || c->offset > UINT64_MAX / 2 || c->length > XSI_PEEK_MAX)
        return;
    xsi_source_will_need(w->src, c->offset + PREFETCH * c->length, (size_t)c->meta + 4096);
}

static int finish_chunk(struct xsi_walk *w)
{
    struct xsi_chunk *c = &w->chunk;

    if (!c->layer)
        c->layer = w->layer[w->depth - 1].row->name;
    w->chunk_layer = w->depth;
    if (w->resumed_here)
        c->flags |= XSI_CHUNK_RESYNC | (w->resumed_certain ? XSI_CHUNK_CERTAIN : 0);
    w->resumed_here = false;
    xsi_place_chunk(w);
    if (!c->length) { /* a layer's fault: it would not move */
        w->moved = false;
        w->chunk_count--;
        w->stalls++;
        return GO_ON;
    }
    w->stalls = 0;
    w->info.stream_end = c->offset + c->length;
    if (c->flags & XSI_CHUNK_PAGES && c->pages)
        prefetch(w);
    if (c->flags & XSI_CHUNK_CUT) {
        w->was_cut = true;
        if (!w->truncation_told)
            xsi_report(w, &xsi_general_findings[XSI_C03], c->offset + c->length, 0,
                       "the image ends inside %s: it needs %llu bytes from 0x%llx on, %llu are "
                       "there, %llu are missing",
                       c->type, (unsigned long long)c->wanted, (unsigned long long)c->offset,
                       (unsigned long long)c->length, (unsigned long long)(c->wanted - c->length));
    }
    return GOT_CHUNK;
}

/* ---- layers ---- */

static void pop_layer(struct xsi_walk *w)
{
    free(w->layer[--w->depth].state);
    w->layer[w->depth].state = NULL;
}

void xsi_end_layers(struct xsi_walk *w, size_t keep)
{
    while (w->depth > keep) {
        struct xsi_layer *l = &w->layer[w->depth - 1];

        if (l->format->end)
            l->format->end(w, l);
        pop_layer(w);
    }
}

bool xsi_fault_is_medium(int code)
{
    return code == -EIO || code == -EREMOTEIO || code == -ENODATA || code == -EILSEQ ||
           code == -ETIMEDOUT || code == -EUCLEAN;
}

uint64_t xsi_fault_range(struct xsi_walk *w)
{
    uint64_t at = w->view.fault_at, size = UINT64_MAX, to = at;
    uint8_t byte;

    xsi_source_size(w->src, &size);
    for (unsigned i = 0; i < 65536 && to < size; i++) {
        to = (to | 511) + 1; /* the next sector */
        if (i > 64)
            to = (to + 4095) & ~4095ULL;
        if (to >= size || xsi_source_read(w->src, &byte, 1, to) >= 0)
            break;
    }
    if (to > size)
        to = size;
    if (w->bad_count < XSI_BAD_MAX)
        w->bad[w->bad_count++] = (struct xsi_bad){ at, to };
    w->view.faulty = false;
    xsi_report(w, &xsi_general_findings[XSI_C02], at, to - at,
               "%llu bytes cannot be read (0x%llx to 0x%llx)", (unsigned long long)(to - at),
               (unsigned long long)at, (unsigned long long)to - 1);
    return to;
}

/* A read fault inside a step: undo what the step said, and go around the hole. */
static int step_fault(struct xsi_walk *w, size_t queued, const struct xsi_info *before)
{
    uint64_t to;

    if (w->view.fault_code == -ESPIPE || !xsi_fault_is_medium(w->view.fault_code) ||
        !xsi_source_seekable(w->src)) {
        w->error.code = -w->view.fault_code;
        snprintf(w->error.text, sizeof(w->error.text), "cannot read at 0x%llx: %s",
                 (unsigned long long)w->view.fault_at, strerror(w->error.code));
        return w->view.fault_code;
    }
    w->queue_count = queued;
    w->info.state = before->state;
    w->info.exit = before->exit;
    xsi_search_begin(w);
    to = xsi_fault_range(w);
    w->scan_at = to;
    return GO_ON;
}

/* Nothing is left to read: what the open layers still want is missing. */
static int at_end(struct xsi_walk *w)
{
    xsi_end_layers(w, 0);
    w->phase = XSI_PH_END;
    return GO_ON;
}

/* All metadata of a chunk is read, so that a hole in it is met here and not by whoever looks. */
static void touch_metadata(struct xsi_walk *w)
{
    uint64_t meta = w->chunk.meta < w->chunk.length ? w->chunk.meta : w->chunk.length;
    size_t have;

    if (xsi_source_seekable(w->src))
        (void)xsi_view_peek(&w->view, w->pos, meta < (4U << 20) ? (size_t)meta : 4U << 20, &have);
}

/*
 * The step described a chunk, and a hole was met. When it lies behind the chunk, it is the next
 * step's matter. Else the chunk ends in front of it, the rest of its bytes is a gap, and the layer
 * goes on where the chunk would have ended.
 */
static int chunk_with_hole(struct xsi_walk *w)
{
    struct xsi_chunk *c = &w->chunk;
    uint64_t hole = w->view.fault_at - w->pos, length = c->length;

    if (hole >= length) {
        w->view.faulty = false;
        return finish_chunk(w);
    }
    w->bad_count = 0;
    (void)xsi_fault_range(w);
    w->lost_at = w->pos;
    w->gap_zeros = 0;
    w->gap_only = true;
    w->gap_end = w->pos + xsi_view_extent(&w->view, w->pos, length);
    snprintf(w->gap_note, sizeof(w->gap_note), "the rest of %s, behind unreadable bytes", c->type);
    c->length = hole;
    c->wanted = 0;
    xsi_note(c, "its last %llu bytes are not readable or stand behind such bytes",
             (unsigned long long)(length - hole));
    w->phase = XSI_PH_REST;
    return finish_chunk(w);
}

static int step(struct xsi_walk *w)
{
    struct xsi_layer *l = &w->layer[w->depth - 1];
    struct xsi_info before = { .state = w->info.state, .exit = w->info.exit };
    size_t queued = w->queue_count;
    int rc;

    memset(&w->chunk, 0, sizeof(w->chunk));
    w->truncation_told = false;
    rc = l->format->step(w, l, &w->chunk);
    w->push_failed = false;
    if (rc == XSI_CHUNK)
        touch_metadata(w);
    if (w->view.faulty && xsi_source_seekable(w->src)) {
        bool medium = xsi_fault_is_medium(w->view.fault_code);

        if (medium && rc == XSI_CHUNK && w->view.fault_at - w->pos >= HEAD_LEAST)
            return chunk_with_hole(w);
        if (!medium || rc == XSI_CHUNK || rc == XSI_LOST)
            return step_fault(w, queued, &before);
        w->view.faulty = false; /* whoever comes next will meet the hole */
    }
    switch (rc) {
    case XSI_CHUNK:
        return finish_chunk(w);
    case XSI_PUSH:
        w->stalls++;
        rc = xsi_open_inner(w, w->push_kinds, w->push_expect);
        if (xsi_source_seekable(w->src) && xsi_fault_is_medium(w->view.fault_code))
            w->view.faulty = false; /* a hole that the bids met: the layer's steps will meet it */
        return rc < 0 ? rc : GO_ON;
    case XSI_DONE:
        w->stalls++;
        pop_layer(w);
        return GO_ON;
    case XSI_LOST:
        xsi_search_begin(w);
        return GO_ON;
    default:
        return rc < 0 ? rc : -EINVAL;
    }
}

/* All layers are done; what follows belongs to nobody, or is a record that somebody appended. */
static int behind_all(struct xsi_walk *w)
{
    struct xsi_choice choice;

    if (w->options.stop_at_end) {
        w->phase = XSI_PH_END;
        return GO_ON;
    }
    if (w->stalls < STALLS_MAX && xsi_detect(w, w->pos, XSI_LAYER_EMULATOR, &choice) &&
        choice.bid.score >= 60) {
        if (w->records++)
            xsi_report(w, &xsi_general_findings[XSI_C12], w->pos, 0,
                       "another device-model record stands behind the image: %s",
                       choice.bid.reason);
        w->stalls++;
        return xsi_open_layer(w, &choice);
    }
    w->phase = XSI_PH_REST;
    w->gap_only = false;
    return GO_ON;
}

static int start(struct xsi_walk *w)
{
    int rc;

    w->phase = XSI_PH_STEP;
    if (xsi_view_extent(&w->view, 0, 1) == 0 && !w->view.faulty) {
        xsi_report(w, &xsi_general_findings[XSI_C18], 0, 0, "there is nothing in it");
        w->phase = XSI_PH_END;
        return GO_ON;
    }
    rc = xsi_open_inner(w,
                        XSI_LAYER_CONTAINER | XSI_LAYER_MIDDLE | XSI_LAYER_STREAM |
                            XSI_LAYER_EMULATOR | XSI_LAYER_FOREIGN,
                        NULL);
    if (rc < 0)
        return rc;
    if (w->push_failed) {
        bool hole = w->view.faulty && xsi_source_seekable(w->src) &&
                    xsi_fault_is_medium(w->view.fault_code);

        w->push_failed = false;
        if (hole)
            (void)xsi_fault_range(w);
        xsi_report(w, &xsi_general_findings[XSI_C01], 0, 0,
                   hole ? "the first bytes cannot be read, so the format cannot be told; copy what "
                          "can be read, or name the stack: xsdump --as STACK IMAGE"
                        : "no known format begins here; next: xsdump --as list IMAGE");
        w->phase = XSI_PH_REST;
    }
    return GO_ON;
}

static int advance(struct xsi_walk *w)
{
    switch (w->phase) {
    case XSI_PH_START:
        return start(w);
    case XSI_PH_STEP:
        if (w->depth && w->stalls > STALLS_MAX) {
            xsi_end_layers(w, 0);
            return GO_ON;
        }
        if (xsi_view_extent(&w->view, w->pos, 1) == 0 &&
            (!w->view.faulty || !xsi_source_seekable(w->src)))
            return at_end(w);
        return w->depth ? step(w) : behind_all(w);
    case XSI_PH_SEARCH: {
        int rc = xsi_search_slice(w);

        return rc < 0 ? rc : rc ? GO_ON : GOT_PROGRESS;
    }
    case XSI_PH_REST:
        if (xsi_gap_next(w))
            return GOT_CHUNK;
        w->phase = w->gap_only ? XSI_PH_STEP : XSI_PH_END;
        return GO_ON;
    default:
        return GO_ON;
    }
}

/* A truncated image: how much of the guest's memory is there. */
static void report_coverage(struct xsi_walk *w)
{
    uint64_t missing[3][2], total = w->info.p2m_size, present = w->info.pages_present;
    char list[160] = "";
    size_t n, used = 0;

    if (w->info.state != XSI_TRUNCATED || !w->info.has_p2m_size || !w->info.pages_tracked ||
        !total || w->info.cpu_state)
        return;
    n = xsi_walk_missing(w, 3, missing);
    if (!n)
        return;
    for (size_t i = 0; i < n && i < 3; i++)
        used +=
            (size_t)snprintf(list + used, sizeof(list) - used, "%s0x%llx-0x%llx", i ? ", " : "",
                             (unsigned long long)missing[i][0], (unsigned long long)missing[i][1]);
    xsi_report(w, &xsi_general_findings[XSI_C17], w->info.stream_end, 0,
               "%llu of the guest's %llu frames have a page here (%llu%%); without one: %s%s",
               (unsigned long long)present, (unsigned long long)total,
               (unsigned long long)(present * 100 / total), list, n > 3 ? " and more" : "");
}

static void finish(struct xsi_walk *w)
{
    if (w->summed_up)
        return;
    w->summed_up = true;
    if (w->view.faulty) {
        const struct xsi_error *error = xsi_source_error(w->src);

        xsi_report(w, &xsi_general_findings[XSI_C16], w->view.fault_at, 0, "%s",
                   error && error->text[0] ? error->text : strerror(-w->view.fault_code));
    }
    xsi_pfnset_flush(&w->present);
    w->info.pages_tracked = !w->present.overflow;
    w->info.pages_present = xsi_pfnset_total(&w->present);
    report_coverage(w);
    xsi_findings_sum_up(w);
}

int xsi_walk_next(struct xsi_walk *w, struct xsi_event *ev)
{
    memset(ev, 0, sizeof(*ev));
    if (w->moved) {
        if (xsi_finding_pop(w, ev))
            return 1;
        w->pos = w->chunk.offset + w->chunk.length;
        xsi_view_advance(&w->view, w->pos);
        w->moved = false;
    }
    while (w->phase != XSI_PH_END) {
        int rc = advance(w);

        if (rc < 0) {
            if (!w->error.code) {
                w->error.code = -rc;
                snprintf(w->error.text, sizeof(w->error.text), "%s", strerror(-rc));
            }
            return rc;
        }
        if (rc == GO_ON)
            continue;
        ev->kind = rc == GOT_CHUNK ? XSI_EV_CHUNK : XSI_EV_PROGRESS;
        ev->chunk = rc == GOT_CHUNK ? &w->chunk : NULL;
        return 1;
    }
    finish(w);
    return xsi_finding_pop(w, ev) ? 1 : 0;
}

const struct xsi_info *xsi_walk_info(const struct xsi_walk *w)
{
    return &w->info;
}

uint64_t xsi_walk_position(const struct xsi_walk *w)
{
    uint64_t at = w->moved ? w->chunk.offset + w->chunk.length : w->pos;

    return w->reached > at ? w->reached : at;
}

const struct xsi_error *xsi_walk_error(const struct xsi_walk *w)
{
    return &w->error;
}
