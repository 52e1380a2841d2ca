/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One input of a fuzz target: everything is walked, every field decoded at full depth, entries of
 * every batch are read; tiling and progress are asserted, the rest is the sanitizers' business.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "xsi_convert.h"
#include "xsi_edit.h"

enum { DETAIL_LIMIT = 2000, OUTPUT_MAX = 16 << 20 };

/* Touches what a printer would touch. */
struct reader {
    struct xsi_sink sink;
    volatile uint64_t sum;
    int64_t depth;
};

static void read_value(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct reader *r = (struct reader *)sink;

    r->sum += v->number + v->offset;
    if (v->name)
        r->sum += strlen(v->name);
    if (v->kind == XSI_TEXT || v->kind == XSI_BYTES)
        for (size_t i = 0; i < v->text_length; i++)
            r->sum += (uint8_t)v->text[i];
    if (v->kind == XSI_GROUP || v->kind == XSI_LIST)
        r->depth++;
    if (v->kind == XSI_CLOSE)
        r->depth--;
    if (r->depth < 0)
        abort();
}

static void read_entries(struct xsi_walk *w, const struct xsi_chunk *c, uint64_t size)
{
    struct xsi_page_entry rows[32];
    uint64_t first = 0;
    ssize_t n;

    while ((n = xsi_chunk_entries(w, c, first, 32, rows)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            if (rows[i].data > size)
                abort();
        first += (uint64_t)n;
        if (first > c->length)
            abort();
    }
}

static void walk(struct xsi_walk *w, size_t size)
{
    struct reader reader = { { read_value }, 0, 0 };
    uint64_t end = 0, events = 0;
    struct xsi_event ev;
    size_t have;
    int rc;

    while ((rc = xsi_walk_next(w, &ev)) > 0) {
        if (++events > 8 * (uint64_t)size + 1000)
            abort();
        if (ev.kind != XSI_EV_CHUNK)
            continue;
        if (ev.chunk->offset != end || ev.chunk->length == 0)
            abort();
        end += ev.chunk->length;
        /* tiny chunks by the thousand would only make the fuzzer slow */
        if (ev.chunk->index > DETAIL_LIMIT)
            continue;
        reader.depth = 0;
        xsi_chunk_fields(w, ev.chunk, 2, &reader.sink);
        if (reader.depth != 0)
            abort();
        read_entries(w, ev.chunk, size);
        xsi_chunk_bytes(w, ev.chunk, ev.chunk->length / 2, 64, &have);
    }
    if (rc != 0 || end != size)
        abort();
    xsi_walk_missing(w, 0, NULL);
}

/* One reader, which the length chooses, restores the input. */
static void restore(struct xsi_source *src, size_t size)
{
    struct xsi_run_event ev;
    struct xsi_reader reader;
    struct xsi_error err = { 0 };
    struct xsi_run *run;
    uint64_t at = UINT64_MAX, events = 0;
    size_t readers = 0;

    while (xsi_reader_get(readers, &reader))
        readers++;
    if (!readers || !xsi_reader_get(size % readers, &reader))
        return;
    run = xsi_run_new(src, &reader, NULL, &err);
    while (run && xsi_run_next(run, &ev) > 0) {
        if (++events > 64 * (uint64_t)size + 100000)
            abort();
        if (ev.kind != XSI_RUN_READ && ev.kind != XSI_RUN_SKIP)
            continue;
        if (ev.got > ev.length || ev.offset + ev.got > size ||
            (at != UINT64_MAX && ev.offset != at))
            abort();
        at = ev.offset + ev.got;
    }
    if (run && (ev.kind != XSI_RUN_DONE || !xsi_run_verdict(run)->reason[0]))
        abort();
    xsi_run_free(run);
}

/* Recipes at work for one reader: the plan lies within the image and never makes it worse. */
static void mend(struct xsi_source *src, size_t size)
{
    struct xsi_mend_options options = { .scan = size & 1 };
    struct xsi_error err = { 0 };
    struct xsi_plan *plan = xsi_plan_new(src, &err);
    struct xsi_reader reader;
    struct xsi_mended *mended;
    const struct xsi_edit *e;
    uint64_t reached = 0;
    size_t readers = 0;

    if (!plan)
        abort();
    while (xsi_reader_get(readers, &reader))
        readers++;
    if (size & 2 && xsi_reader_get(size % readers, &reader))
        options.reader = reader.name;
    mended = xsi_mend(plan, &options, &err);
    if (mended && mended->judged && mended->before.outcome == XSI_RESTORES &&
        mended->after.outcome != XSI_RESTORES)
        abort();
    for (size_t i = 0; (e = xsi_plan_edit(plan, i)); i++) {
        if ((i && e->offset <= reached) || e->offset + e->removed > size ||
            (!e->removed && !e->inserted_length))
            abort();
        reached = e->offset + e->removed;
    }
    if (mended && !mended->steps && reached)
        abort();
    free(mended);
    xsi_plan_free(plan);
}

/* The input becomes something else; what comes out is bounded and read to its end. */
static void convert(struct xsi_source *src, size_t size)
{
    static const char *const targets[] = {
        "libxc-v3", "libxc-legacy32", "libxc-legacy64", "xl", "xend", "xapi", "xapi-v2", "libvirt",
    };
    struct xsi_convert_options options = { .force = true, .drop = true, .spool = "/tmp" };
    struct xsi_error err = { 0 };
    struct xsi_convert *c;
    uint8_t bytes[4096];
    uint64_t at = 0;
    ssize_t got;

    options.to = targets[size / 4 % (sizeof(targets) / sizeof(targets[0]))];
    c = xsi_convert_new(src, &options, &err);
    if (!c && !err.code)
        abort();
    while (c && at < OUTPUT_MAX &&
           (got = xsi_source_read(xsi_convert_source(c), bytes, sizeof(bytes), at)) > 0)
        at += (uint64_t)got;
    xsi_convert_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xsi_walk_options options = { .as = fuzz_target.as[size % fuzz_target.count] };
    struct xsi_source *src = xsi_source_memory(data, size);
    struct xsi_candidate candidates[64];
    struct xsi_error err = { 0 };
    struct xsi_walk *w;

    if (!src)
        abort();
    options.scan = size & 1;
    w = xsi_walk_new(src, &options, &err);
    if (!w)
        abort();
    if (!options.as)
        xsi_walk_candidates(w, 64, candidates);
    walk(w, size);
    xsi_walk_free(w);
    restore(src, size);
    if (size % 4 == 1)
        convert(src, size);
    if (size % 8 == 0) /* it takes many walks */
        mend(src, size);
    xsi_source_free(src);
    return 0;
}
