/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A conversion: the survey of an input that can seek, and the pass that makes the output. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

int xsi_convert_fail(struct xsi_convert *c, int code, const char *fmt, ...)
{
    char text[sizeof(c->error.text)];
    va_list args;

    if (!c->error.code) {
        va_start(args, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        (void)xsi_escape(c->error.text, sizeof(c->error.text), text, strlen(text));
        c->error.code = code;
    }
    return -c->error.code;
}

void xsi_convert_add_note(struct xsi_convert *c, const char *text)
{
    for (size_t i = 0; i < c->note_count; i++)
        if (!strcmp(c->note[i], text))
            return;
    if (c->note_count < XSI_NOTES_MAX && (c->note[c->note_count] = strdup(text)))
        c->note_count++;
}

const char *xsi_convert_note(const struct xsi_convert *c, size_t index)
{
    return index < c->note_count ? c->note[index] : NULL;
}

const struct xsi_vm *xsi_convert_vm(const struct xsi_convert *c)
{
    return &c->vm;
}

struct xsi_run_options xsi_convert_domain(const struct xsi_convert *c)
{
    enum xsi_guest guest = c->vm.guest;

    return (struct xsi_run_options){ guest == XSI_GUEST_PVH ? guest : XSI_GUEST_UNKNOWN };
}

const char *xsi_convert_layer(const struct xsi_convert *c, size_t index)
{
    if (index < c->give_count)
        return c->give[index].writer->layer;
    return index == c->give_count && c->record ? c->record->layer : NULL;
}

ssize_t xsi_convert_item(struct xsi_convert *c, const struct xsi_item *item, uint64_t from,
                         void *buf, size_t len)
{
    ssize_t got;

    if (from >= item->length)
        return 0;
    if (len > item->length - from)
        len = (size_t)(item->length - from);
    if (item->bytes) {
        memcpy(buf, item->bytes + from, len);
        return (ssize_t)len;
    }
    got = xsi_source_read(c->src, buf, len, item->offset + from);
    return got;
}

/* ---- a pass ---- */

static void end_pass(struct xsi_convert *c)
{
    xsi_walk_free(c->walk);
    c->walk = NULL;
    for (size_t i = 0; i < XSI_TAKE_FORMATS; i++) {
        free(c->take_state[i]);
        c->take_state[i] = NULL;
    }
}

static int begin_pass(struct xsi_convert *c)
{
    struct xsi_walk_options options = { .as = c->as, .stop_at_end = !c->seekable };
    struct xsi_error err = { 0 };

    end_pass(c);
    c->seen = 0;
    c->took_end = c->pending = false;
    c->walk = xsi_walk_new(c->src, &options, &err);
    if (!c->walk)
        return xsi_convert_fail(c, err.code ? err.code : ENOMEM, "%s", err.text);
    c->walk->view.retain = XSI_RETAIN; /* a record that must be held comes whole */
    if (!c->vm.complete)
        c->vm.info = xsi_walk_info(c->walk);
    return 0;
}

static bool of_stream(const struct xsi_convert *c, const struct xsi_chunk *chunk)
{
    const struct xsi_walk *w = c->walk;

    return !(chunk->flags & XSI_CHUNK_GAP) && w->chunk_layer && w->chunk_layer <= w->depth &&
           w->layer[w->chunk_layer - 1].row->kind == XSI_LAYER_STREAM;
}

static void note_stream(struct xsi_convert *c, const struct xsi_chunk *chunk)
{
    (void)snprintf(c->stream_name, sizeof(c->stream_name), "%s", chunk->layer);
    if (!strncmp(chunk->layer, "libxc-legacy", 12))
        c->vm.toolstack_bits = !strcmp(chunk->layer + 12, "32") ? 32 : 64;
}

/* The first finding that says that the image is broken. */
static void note_damage(struct xsi_convert *c, const struct xsi_finding *f)
{
    enum xsi_effect effect = f->row->effect;

    if (c->damage || (effect != XSI_DAMAGED && effect != XSI_TRUNCATED))
        return;
    c->damage = f->row;
    c->damage_at = f->offset;
    (void)snprintf(c->damage_text, sizeof(c->damage_text), "%s", f->text);
}

static int no_stream(struct xsi_convert *c)
{
    return xsi_convert_fail(c, EBADMSG,
                            "no memory stream was found in it; xsdump --as list shows "
                            "what it could be");
}

static int survey_chunk(struct xsi_convert *c, const struct xsi_chunk *chunk)
{
    if (of_stream(c, chunk)) {
        if (!c->stream_name[0])
            note_stream(c, chunk);
        c->last_chunk = chunk->offset + chunk->length;
    }
    return xsi_take_one(c, chunk);
}

static int walk_fault(struct xsi_convert *c, int rc)
{
    const struct xsi_error *err = xsi_walk_error(c->walk);

    return xsi_convert_fail(c, -rc, "%s", err && err->text[0] ? err->text : strerror(-rc));
}

/* A finding that the memory stream's own format makes. */
static bool of_format(const struct xsi_convert *c, const struct xsi_finding_row *row)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_layer_row *l = format->layers; l && l->name; l++)
            if (!strcmp(l->name, c->stream_name))
                return row >= format->findings && row < format->findings + format->finding_count;
    return false;
}

static int broken(struct xsi_convert *c)
{
    if (!c->stream_name[0])
        return no_stream(c);
    if (!c->vm.checkpoints)
        return xsi_convert_fail(c, EBADMSG,
                                "the stream stops at 0x%llx, before the state of the CPUs: nothing "
                                "can be restored from it; xsdump --core FILE saves the memory",
                                (unsigned long long)c->last_chunk);
    if (!c->damage || c->options.force)
        return 0;
    /* Behind a complete checkpoint the stream may break off: what did not come whole is left out.
     * Damage of what follows the stream (a device-model record, a container) is another matter. */
    if (c->damage_at >= c->last_tail && (c->last_chunk > c->last_tail || of_format(c, c->damage)))
        return 0;
    return xsi_convert_fail(c, EBADMSG,
                            "%s %s at 0x%llx: %s. Mend it first (xsrecover fix), or --force takes "
                            "what can be read",
                            c->damage->code, c->damage->slug, (unsigned long long)c->damage_at,
                            c->damage_text);
}

/* What no chunk says alone. */
static int complete(struct xsi_convert *c)
{
    struct xsi_vm *vm = &c->vm;

    vm->complete = true;
    if (vm->guest == XSI_GUEST_UNKNOWN || vm->guest == XSI_GUEST_HVM)
        vm->guest = vm->info->guest == XSI_GUEST_UNKNOWN ? vm->guest : vm->info->guest;
    if (!vm->has_p2m_size && vm->pages) {
        vm->p2m_size = vm->highest_pfn + 1;
        vm->has_p2m_size = true;
    }
    c->known = *vm->info; /* the next pass begins with an empty one */
    vm->info = &c->known;
    return xsi_items_settle(c);
}

static void note_left_behind(struct xsi_convert *c)
{
    char text[160];

    if (c->last_chunk <= c->last_tail)
        return;
    (void)snprintf(text, sizeof(text),
                   "left out: an incomplete checkpoint at 0x%llx; the output holds checkpoint %u",
                   (unsigned long long)c->last_tail, c->vm.checkpoints);
    xsi_convert_add_note(c, text);
}

static int survey(struct xsi_convert *c)
{
    struct xsi_event ev;
    int rc = begin_pass(c);

    c->survey = true;
    while (!rc && (rc = xsi_walk_next(c->walk, &ev)) > 0) {
        rc = 0;
        if (ev.kind == XSI_EV_FINDING)
            note_damage(c, ev.finding);
        if (ev.kind == XSI_EV_CHUNK)
            rc = survey_chunk(c, ev.chunk);
    }
    c->survey = false;
    if (rc < 0)
        return walk_fault(c, rc);
    rc = broken(c);
    if (rc)
        return rc;
    note_left_behind(c);
    c->total = c->vm.checkpoints;
    rc = complete(c);
    if (!rc && c->options.verbatim && c->total > 1)
        return xsi_convert_fail(c, ENOTSUP,
                                "it holds %u checkpoints, which a stream copied as it is would "
                                "keep; convert it instead",
                                c->total);
    return rc;
}

/* A pipe: its headers, up to the first chunk of the memory stream. */
static int head(struct xsi_convert *c)
{
    struct xsi_event ev;
    int rc = begin_pass(c);

    while (!rc && (rc = xsi_walk_next(c->walk, &ev)) > 0) {
        rc = 0;
        if (ev.kind == XSI_EV_FINDING)
            note_damage(c, ev.finding);
        if (ev.kind != XSI_EV_CHUNK)
            continue;
        if (of_stream(c, ev.chunk)) {
            note_stream(c, ev.chunk);
            c->pending = true;
            return 0;
        }
        rc = xsi_take_one(c, ev.chunk);
    }
    return rc < 0 ? walk_fault(c, rc) : no_stream(c);
}

/* ---- making and freeing ---- */

static bool copy_options(struct xsi_convert *c, const struct xsi_convert_options *options)
{
    static const struct xsi_convert_options none;

    c->options = options ? *options : none;
    c->to = strdup(c->options.to ? c->options.to : "");
    c->as = c->options.as ? strdup(c->options.as) : NULL;
    c->config = c->options.config ? strdup(c->options.config) : NULL;
    c->spool = c->options.spool ? strdup(c->options.spool) : NULL;
    c->options.to = c->to;
    c->options.as = c->as;
    c->options.config = c->config;
    c->options.spool = c->spool;
    return c->to;
}

static int for_reader(struct xsi_convert *c)
{
    struct xsi_reader reader;

    if (!c->options.reader)
        return 0;
    if (!xsi_reader_lookup(c->options.reader, &reader))
        return xsi_convert_fail(c, EINVAL, "'%.40s' is no reader; xsdump --list-readers names them",
                                c->options.reader);
    c->release = reader.release;
    c->options.reader = NULL; /* the text stays the caller's */
    return 0;
}

static int prepare(struct xsi_convert *c)
{
    int rc = for_reader(c);

    if (!rc)
        rc = xsi_stack_names(c);
    if (!rc)
        rc = c->seekable ? survey(c) : head(c);

    if (!rc)
        rc = xsi_stack_choose(c);
    if (!rc && c->seekable)
        rc = xsi_stack_record(c);
    if (!rc && c->seekable)
        rc = xsi_give_check(c);
    if (!rc && c->seekable)
        rc = xsi_convert_rewind(c);
    return rc;
}

struct xsi_convert *xsi_convert_new(struct xsi_source *src,
                                    const struct xsi_convert_options *options,
                                    struct xsi_error *err)
{
    struct xsi_convert *c = calloc(1, sizeof(*c));

    *err = (struct xsi_error){ 0 };
    if (!c || !copy_options(c, options)) {
        (void)xsi_source_fault(err, ENOMEM, "out of memory");
        xsi_convert_free(c);
        return NULL;
    }
    c->src = src;
    c->take.c = c;
    c->seekable = xsi_source_seekable(src);
    xsi_output_init(c);
    if (prepare(c)) {
        *err = c->error;
        xsi_convert_free(c);
        return NULL;
    }
    return c;
}

static void free_writers(struct xsi_convert *c)
{
    for (size_t i = 0; i < c->give_count; i++)
        free(c->give[i].state);
}

void xsi_convert_free(struct xsi_convert *c)
{
    if (!c)
        return;
    end_pass(c);
    free_writers(c);
    xsi_items_clear(c);
    xsi_queue_free(&c->queue);
    xsi_keep_free(c->keep);
    for (size_t i = 0; i < c->note_count; i++)
        free(c->note[i]);
    free(c->pages_pfn);
    free(c->to);
    free(c->as);
    free(c->config);
    free(c->spool);
    free(c);
}

int xsi_convert_rewind(struct xsi_convert *c)
{
    int rc;

    if (!c->seekable)
        return xsi_convert_fail(c, ESPIPE, "a pipe cannot be read twice");
    if (c->error.code)
        return -c->error.code;
    xsi_queue_free(&c->queue);
    for (size_t i = 0; i < c->give_count; i++) {
        c->give[i].begun = c->give[i].ended = false;
        memset(c->give[i].state, 0, c->give[i].writer->state_size);
    }
    if (c->keep) { /* the survey saw that they are wanted */
        xsi_keep_free(c->keep);
        c->keep = xsi_keep_new(c->spool);
        if (!c->keep)
            return xsi_convert_fail(c, ENOMEM, "out of memory");
    }
    rc = begin_pass(c);
    c->phase = XSI_CONVERT_FRESH;
    c->output.furthest = 0;
    return rc;
}

/* ---- the pass that makes the output ---- */

static int finish(struct xsi_convert *c)
{
    int rc = 0;

    c->phase = XSI_CONVERT_DONE;
    if (!c->seekable) {
        rc = broken(c);
        if (!rc) {
            note_left_behind(c);
            rc = complete(c);
        }
        if (!rc)
            rc = xsi_stack_record(c);
        if (!rc)
            rc = xsi_give_check(c);
    }
    return rc ? rc : xsi_give_end(c);
}

/* A chunk of the stream as it stands. */
static int copy_chunk(struct xsi_convert *c, const struct xsi_chunk *chunk)
{
    int rc = xsi_give_begin(c);

    if (rc || c->seekable)
        return rc ? rc
               : xsi_queue_input(&c->queue, chunk->offset, chunk->length, NULL)
                   ? xsi_convert_fail(c, ENOMEM, "out of memory for the output")
                   : 0;
    for (uint64_t done = 0; !rc && done < chunk->length;) {
        size_t n =
            chunk->length - done < XSI_SCAN_BLOCK ? (size_t)(chunk->length - done) : XSI_SCAN_BLOCK;
        const uint8_t *p = xsi_take_bytes(&c->take, done, n);

        rc = !p ? -EBADMSG : xsi_queue_bytes(&c->queue, p, n) ? -ENOMEM : 0;
        done += n;
    }
    return rc == -ENOMEM ? xsi_convert_fail(c, ENOMEM, "out of memory for the output") : rc;
}

static int second_checkpoint(struct xsi_convert *c, const struct xsi_chunk *chunk)
{
    return xsi_convert_fail(c, ESPIPE,
                            "at 0x%llx: the image holds another checkpoint, and whether it is "
                            "complete is known only at its end; give a file, or --spool DIR",
                            (unsigned long long)chunk->offset);
}

static int one_chunk(struct xsi_convert *c, const struct xsi_chunk *chunk)
{
    bool stream = of_stream(c, chunk);
    int rc;

    if (stream && c->seekable && c->seen == c->total)
        return finish(c); /* the rest is not wanted */
    if (stream && !c->seekable && c->seen && (chunk->flags & XSI_CHUNK_PAGES))
        return second_checkpoint(c, chunk);
    if (stream)
        c->last_chunk = chunk->offset + chunk->length;
    xsi_queue_origin(&c->queue, chunk);
    rc = xsi_take_one(c, chunk);
    if (!rc && stream && c->options.verbatim)
        rc = copy_chunk(c, chunk);
    if (!rc && c->seekable && c->seen == c->total)
        rc = finish(c);
    return rc;
}

static int step(struct xsi_convert *c)
{
    struct xsi_event ev;
    int rc;

    if (c->pending) {
        c->pending = false;
        return one_chunk(c, &c->walk->chunk);
    }
    rc = xsi_walk_next(c->walk, &ev);
    if (rc < 0)
        return walk_fault(c, rc);
    if (!rc)
        return finish(c);
    if (ev.kind == XSI_EV_CHUNK)
        return one_chunk(c, ev.chunk);
    if (ev.kind == XSI_EV_FINDING && !c->seekable) {
        note_damage(c, ev.finding);
        /* pages behind damage must not get out as if nothing had happened */
        if (c->damage && !c->seen)
            return broken(c);
    }
    return 0;
}

int xsi_convert_produce(struct xsi_convert *c)
{
    int rc = 0;

    if (c->error.code)
        return -c->error.code;
    if (c->phase == XSI_CONVERT_DONE)
        return 0;
    if (c->phase == XSI_CONVERT_FRESH) {
        c->phase = XSI_CONVERT_BODY;
        if (c->seekable)
            rc = xsi_give_begin(c);
    }
    if (!rc)
        rc = step(c);
    return rc < 0 ? rc : 1;
}
