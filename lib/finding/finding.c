/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The findings tables of the engine and the plug-ins, and the queue of findings of a walk. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "../dissect/internal.h"

const struct xsi_finding_row xsi_general_findings[XSI_GENERAL_COUNT] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, explain },
#include "general.def"
#undef FINDING
};

const struct xsi_finding_row *xsi_finding_row(size_t index)
{
    const struct xsi_format *format;

    if (index < XSI_GENERAL_COUNT)
        return &xsi_general_findings[index];
    index -= XSI_GENERAL_COUNT;
    for (size_t f = 0; (format = xsi_format_at(f)); f++) {
        if (index < format->finding_count)
            return &format->findings[index];
        index -= format->finding_count;
    }
    return NULL;
}

const struct xsi_finding_row *xsi_finding_lookup(const char *name)
{
    const struct xsi_finding_row *row;

    for (size_t i = 0; (row = xsi_finding_row(i)); i++)
        if (!strcasecmp(row->code, name) || !strcasecmp(row->code + 3, name) ||
            !strcasecmp(row->slug, name))
            return row;
    return NULL;
}

static struct xsi_code_count *code_count(struct xsi_walk *w, const struct xsi_finding_row *row)
{
    struct xsi_code_count *codes;

    for (size_t i = 0; i < w->code_count; i++)
        if (w->codes[i].row == row)
            return &w->codes[i];
    if (w->code_count == w->code_capacity) {
        size_t capacity = w->code_capacity ? w->code_capacity * 2 : 16;

        codes = realloc(w->codes, capacity * sizeof(*codes));
        if (!codes)
            return NULL;
        w->codes = codes;
        w->code_capacity = capacity;
    }
    w->codes[w->code_count] = (struct xsi_code_count){ .row = row };
    return &w->codes[w->code_count++];
}

static struct xsi_finding *queue_slot(struct xsi_walk *w)
{
    struct xsi_finding *queue;

    if (w->queue_count == w->queue_capacity) {
        size_t capacity = w->queue_capacity ? w->queue_capacity * 2 : 8;

        queue = realloc(w->queue, capacity * sizeof(*queue));
        if (!queue)
            return NULL;
        w->queue = queue;
        w->queue_capacity = capacity;
    }
    return &w->queue[w->queue_count++];
}

/* Which state of the image weighs more: unknown, truncated, damaged, sound. */
static void note_effect(struct xsi_info *info, const struct xsi_finding_row *row, unsigned exit)
{
    static const int weight[] = {
        [XSI_SOUND] = 0, [XSI_DAMAGED] = 1, [XSI_TRUNCATED] = 2, [XSI_UNKNOWN] = 3
    };

    if (weight[row->effect] > weight[info->state])
        info->state = row->effect;
    info->exit |= exit;
}

static void XSI_PRINTF(5, 0)
    enqueue(struct xsi_walk *w, const struct xsi_finding_row *row, uint64_t offset, uint64_t length,
            const char *fmt, va_list args)
{
    struct xsi_finding *f = queue_slot(w);

    if (!f)
        return;
    f->row = row;
    f->severity = row->severity;
    f->exit = row->exit;
    f->offset = offset;
    f->length = length;
    vsnprintf(f->text, sizeof(f->text), fmt, args);
    xsi_clean(f->text);
}

/* Counts the finding; false when its code has been reported often enough. */
static bool admit(struct xsi_walk *w, const struct xsi_finding_row *row, unsigned exit,
                  uint64_t offset)
{
    struct xsi_code_count *count = code_count(w, row);

    note_effect(&w->info, row, exit);
    if (row->effect == XSI_TRUNCATED)
        w->truncation_told = true;
    if (!count)
        return true;
    count->last = offset;
    return ++count->count <= XSI_FINDINGS_PER_CODE;
}

void xsi_report(struct xsi_walk *w, const struct xsi_finding_row *row, uint64_t offset,
                uint64_t length, const char *fmt, ...)
{
    va_list args;

    if (!admit(w, row, row->exit, offset))
        return;
    va_start(args, fmt);
    enqueue(w, row, offset, length, fmt, args);
    va_end(args);
}

void xsi_report_as(struct xsi_walk *w, const struct xsi_finding_row *row,
                   enum xsi_severity severity, unsigned exit, uint64_t offset, uint64_t length,
                   const char *fmt, ...)
{
    va_list args;

    if (!admit(w, row, exit, offset))
        return;
    va_start(args, fmt);
    enqueue(w, row, offset, length, fmt, args);
    va_end(args);
    if (w->queue_count) {
        w->queue[w->queue_count - 1].severity = severity;
        w->queue[w->queue_count - 1].exit = exit;
    }
}

static void XSI_PRINTF(4, 5) summary(struct xsi_walk *w, const struct xsi_finding_row *row,
                                     uint64_t offset, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    enqueue(w, row, offset, 0, fmt, args);
    va_end(args);
}

void xsi_findings_sum_up(struct xsi_walk *w)
{
    for (size_t i = 0; i < w->code_count; i++)
        if (w->codes[i].count > XSI_FINDINGS_PER_CODE)
            summary(w, w->codes[i].row, w->codes[i].last, "and %u more of these, the last one here",
                    w->codes[i].count - XSI_FINDINGS_PER_CODE);
}

bool xsi_finding_pop(struct xsi_walk *w, struct xsi_event *ev)
{
    if (w->queue_head == w->queue_count) {
        w->queue_head = w->queue_count = 0;
        return false;
    }
    ev->kind = XSI_EV_FINDING;
    ev->finding = &w->queue[w->queue_head++];
    ev->chunk = NULL;
    return true;
}

void xsi_findings_free(struct xsi_walk *w)
{
    free(w->queue);
    free(w->codes);
}
