/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields as JSON: groups are objects, lists are arrays, bytes are hex strings. A number that has a
 * name (an enumeration, a mask) stands under its field's name, the name under "<field>_text".
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define DEPTH_MAX  32U
#define VALUES_MAX 16384U      /* per chunk: a record must not grow with the image */
#define BYTES_MAX  (1U << 20)  /* of text and opaque bytes per chunk */

struct builder {
    struct xsi_sink sink;
    struct json_object *open[DEPTH_MAX];
    unsigned depth;   /* of the innermost that is open; open[0] is the result */
    unsigned skipped; /* levels that are open but too deep to be shown */
    size_t values, bytes;
    bool cut;
};

static void put_in(struct builder *b, const char *name, struct json_object *o)
{
    struct json_object *in = b->open[b->depth];
    char key[256]; /* a name can come from a configuration inside the image */

    if (json_object_is_type(in, json_type_array))
        json_object_array_add(in, o);
    else
        json_object_object_add(in, name ? cli_name(key, sizeof(key), name) : "value", o);
}

static struct json_object *hex(const char *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    struct json_object *o;
    char *text = malloc(2 * n + 1);

    if (!text)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digit[(unsigned char)bytes[i] >> 4];
        text[2 * i + 1] = digit[(unsigned char)bytes[i] & 15];
    }
    o = json_object_new_string_len(text, (int)(2 * n));
    free(text);
    return o;
}

static struct json_object *scalar(struct builder *b, const struct xsi_value *v)
{
    size_t n = v->text_length;

    if (v->kind == XSI_TEXT || v->kind == XSI_BYTES) {
        if (n > BYTES_MAX - b->bytes) {
            n = BYTES_MAX - b->bytes;
            b->cut = true;
        }
        b->bytes += n;
        return v->kind == XSI_TEXT ? json_text(v->text, n) : hex(v->text, n);
    }
    if (v->kind == XSI_SINT)
        return json_signed((int64_t)v->number);
    if (v->kind == XSI_BOOL)
        return json_object_new_boolean(v->number != 0);
    return json_number(v->number);
}

static void open_level(struct builder *b, const struct xsi_value *v)
{
    struct json_object *o;

    if (b->skipped || b->depth + 1 == DEPTH_MAX) {
        b->skipped++;
        b->cut = true;
        return;
    }
    o = v->kind == XSI_LIST ? json_object_new_array() : json_object_new_object();
    put_in(b, v->name, o);
    b->open[++b->depth] = o;
}

static void close_level(struct builder *b)
{
    if (b->skipped)
        b->skipped--;
    else if (b->depth)
        b->depth--;
}

/* The name of a number, beside it. */
static void put_meaning(struct builder *b, const struct xsi_value *v)
{
    char key[96];

    if (!v->name || !v->text || strlen(v->name) > sizeof(key) - 6)
        return;
    snprintf(key, sizeof(key), "%s_text", v->name);
    put_in(b, key, json_text(v->text, v->text_length ? v->text_length : strlen(v->text)));
}

static void value(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct builder *b = (struct builder *)sink;

    if (v->kind == XSI_CLOSE) {
        close_level(b);
        return;
    }
    if (++b->values > VALUES_MAX) {
        b->cut = true;
        /* What opens must be counted all the same: its end comes. */
        b->skipped += v->kind == XSI_GROUP || v->kind == XSI_LIST;
        return;
    }
    if (v->kind == XSI_GROUP || v->kind == XSI_LIST) {
        open_level(b, v);
        return;
    }
    if (b->skipped)
        return;
    put_in(b, v->name, scalar(b, v));
    if (v->kind == XSI_ENUM || v->kind == XSI_FLAGS)
        put_meaning(b, v);
}

struct json_object *json_fields(struct image *im, const struct xsi_chunk *chunk, bool *cut)
{
    struct builder b = { .sink = { value } };

    b.open[0] = json_object_new_object();
    if (xsi_chunk_fields(im->walk, chunk, settings_detail(im->set), &b.sink) < 0)
        im->status |= CLI_OPERATIONAL;
    *cut = b.cut;
    return b.open[0];
}
