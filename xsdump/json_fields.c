/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields as JSON: groups are objects, lists are arrays, bytes are hex strings. A number that has a
 * name (an enumeration, a mask) stands under its field's name, the name under "<field>_text".
 *
 * They are written as they are decoded: a batch has a thousand entries, and an object of json-c
 * for each would cost more time than all the rest, and memory that grows with the record.
 */
#include <string.h>

#include "json.h"

#define DEPTH_MAX 32U
#define TEXT_MAX  (1U << 20) /* of one text or opaque field */

struct writer {
    struct xsi_sink sink;
    uint32_t lists;   /* bit n: level n is a list */
    unsigned depth;   /* levels that are open within "fields" */
    unsigned skipped; /* levels that are open but too deep to be shown */
    bool comma;       /* something stands in front at this level */
    bool cut;
};

static void put_key(struct writer *w, const char *name, const char *suffix)
{
    char key[320];
    int n;

    if (w->comma)
        putc_unlocked(',', stdout);
    w->comma = true;
    if (w->lists >> w->depth & 1)
        return;
    /* A name can come from a configuration inside the image: it is text like any other. */
    if (*suffix) {
        n = snprintf(key, sizeof(key), "%.300s%s", name, suffix);
        json_put_text(key, (size_t)n);
    } else {
        json_put_text(name ? name : "value", strlen(name ? name : "value"));
    }
    putc_unlocked(':', stdout);
}

static void put_hex(const char *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";

    putc_unlocked('"', stdout);
    for (size_t i = 0; i < n; i++) {
        putc_unlocked(digit[(unsigned char)bytes[i] >> 4], stdout);
        putc_unlocked(digit[(unsigned char)bytes[i] & 15], stdout);
    }
    putc_unlocked('"', stdout);
}

static void put_scalar(struct writer *w, const struct xsi_value *v)
{
    size_t n = v->text_length;

    switch (v->kind) {
    case XSI_TEXT:
    case XSI_BYTES:
        if (n > TEXT_MAX) {
            n = TEXT_MAX;
            w->cut = true;
        }
        if (v->kind == XSI_TEXT)
            json_put_text(v->text, n);
        else
            put_hex(v->text, n);
        break;
    case XSI_SINT:
        json_put_signed((int64_t)v->number);
        break;
    case XSI_BOOL:
        fputs(v->number ? "true" : "false", stdout);
        break;
    default:
        json_put_number(v->number);
        break;
    }
}

static void open_level(struct writer *w, const struct xsi_value *v)
{
    if (w->skipped || w->depth + 1 == DEPTH_MAX) {
        w->skipped++;
        w->cut = true;
        return;
    }
    put_key(w, v->name, "");
    w->depth++;
    w->lists &= ~(1U << w->depth);
    w->lists |= (uint32_t)(v->kind == XSI_LIST) << w->depth;
    putc_unlocked(v->kind == XSI_LIST ? '[' : '{', stdout);
    w->comma = false;
}

static void close_level(struct writer *w)
{
    if (w->skipped) {
        w->skipped--;
        return;
    }
    if (!w->depth)
        return;
    putc_unlocked(w->lists >> w->depth & 1 ? ']' : '}', stdout);
    w->depth--;
    w->comma = true;
}

static void value(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct writer *w = (struct writer *)sink;

    if (v->kind == XSI_CLOSE) {
        close_level(w);
        return;
    }
    if (v->kind == XSI_GROUP || v->kind == XSI_LIST) {
        open_level(w, v);
        return;
    }
    if (w->skipped)
        return;
    put_key(w, v->name, "");
    put_scalar(w, v);
    if ((v->kind == XSI_ENUM || v->kind == XSI_FLAGS) && v->name && v->text) {
        put_key(w, v->name, "_text");
        json_put_text(v->text, v->text_length ? v->text_length : strlen(v->text));
    }
}

bool json_put_fields(struct image *im, const struct xsi_chunk *chunk)
{
    struct writer w = { .sink = { value } };

    putc_unlocked('{', stdout);
    if (xsi_chunk_fields(im->walk, chunk, settings_detail(im->set), &w.sink) < 0)
        im->status |= CLI_OPERATIONAL;
    while (w.depth) /* a decoder that forgot to close */
        close_level(&w);
    putc_unlocked('}', stdout);
    return !w.cut;
}
