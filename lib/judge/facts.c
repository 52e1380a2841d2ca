/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a reader knows while it is at work, for people who step through it: the rows of each model
 * over its own state. Nothing of the judgement depends on them.
 */
#include "internal.h"

void xsi_fact(struct xsi_sink *sink, const char *name, enum xsi_kind kind, uint64_t number,
              const char *unit, const char *help)
{
    struct xsi_value v = {
        .kind = kind, .name = name, .number = number, .unit = unit, .level = 1, .help = help
    };

    sink->value(sink, &v);
}

void xsi_fact_text(struct xsi_sink *sink, const char *name, const char *text, const char *help)
{
    struct xsi_value v = { .kind = XSI_TEXT, .name = name, .text = text, .level = 1, .help = help };

    v.text_length = strlen(text);
    sink->value(sink, &v);
}

/* A member of a state: host byte order, whatever its size. */
static uint64_t member(const void *state, const struct xsi_field_row *row)
{
    const uint8_t *p = (const uint8_t *)state + row->offset;
    bool negative = row->kind == XSI_SINT;
    uint8_t b;
    uint16_t h;
    uint32_t w;
    uint64_t d;

    switch (row->size) {
    case 1:
        memcpy(&b, p, 1);
        return negative ? (uint64_t)(int8_t)b : b;
    case 2:
        memcpy(&h, p, 2);
        return negative ? (uint64_t)(int16_t)h : h;
    case 4:
        memcpy(&w, p, 4);
        return negative ? (uint64_t)(int32_t)w : w;
    default:
        memcpy(&d, p, 8);
        return d;
    }
}

static void put_row(struct xsi_sink *sink, const void *state, const struct xsi_field_row *row)
{
    struct xsi_value v = {
        .kind = row->kind, .name = row->name, .unit = row->unit, .help = row->help
    };

    v.level = row->detail > 1 ? 2 : 1;
    if (row->kind == XSI_TEXT) { /* a string in an array of the state */
        v.text = (const char *)state + row->offset;
        v.text_length = strnlen(v.text, row->size);
    } else {
        v.number = member(state, row);
        if (row->names)
            v.text = xsi_name_of(row->names, v.number);
        v.text_length = v.text ? strlen(v.text) : 0;
    }
    sink->value(sink, &v);
}

void xsi_facts_rows(struct xsi_sink *sink, const void *state, const struct xsi_field_row *rows)
{
    for (; rows && rows->name; rows++)
        put_row(sink, state, rows);
}

/* A part whose callee returns for it (xsi_run_call() without `then`) does nothing any more. */
static bool handed_over(const struct xsi_run *r, size_t part)
{
    return part + 1 < r->depth && !r->call[part + 1].then;
}

void xsi_run_facts(const struct xsi_run *r, struct xsi_sink *sink)
{
    for (size_t i = r->depth; i--;) {
        const struct xsi_call *call = &r->call[i];
        struct xsi_value group = { .kind = XSI_GROUP, .name = call->model->who, .number = i };
        struct xsi_value end = { .kind = XSI_CLOSE };

        if (!call->state || handed_over(r, i))
            continue;
        sink->value(sink, &group);
        xsi_facts_rows(sink, call->state, call->model->facts);
        if (call->model->more_facts)
            call->model->more_facts(r, call->state, sink);
        sink->value(sink, &end);
    }
}

bool xsi_run_pending(const struct xsi_run *r)
{
    return r->queue_head < r->queue_count;
}
