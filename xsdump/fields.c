/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a chunk as text: one line each, indented by nesting, hex beside them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "xsdump.h"

#define DEPTH_MAX   32U
#define NAME_WIDTH  24
#define LINE_WIDTH  76         /* of packed lists, where there is no terminal */
#define HEX_COPY    (4U << 20) /* bytes of a chunk that -x can show beside fields */
#define HEX_FIELD   256U       /* ... and of one field, without -vv */
#define TEXT_FIELD  4096U      /* bytes of one text, without -vv */
#define BYTES_SHOWN 32U        /* of an opaque field, without -x */

struct printer {
    struct xsi_sink sink;
    const struct cli_term *term;
    const struct xsi_chunk *chunk;
    uint8_t *bytes; /* copy of the chunk's head, with -x */
    size_t have;
    bool hex, unlimited;
    bool any;
    size_t packed;             /* columns of the unfinished line of a packed list, 0 = none */
    uint64_t items[DEPTH_MAX]; /* of the lists that are open, by level */
};

static void end_packed(struct printer *p)
{
    if (p->packed)
        fputc('\n', p->term->out);
    p->packed = 0;
}

/* Copy: the decoder's own bytes must stay where they are while it hands out values. */
static int copy_bytes(struct printer *p, struct image *im)
{
    uint64_t want = p->chunk->meta < HEX_COPY ? p->chunk->meta : HEX_COPY;

    if (!want)
        return 0;
    p->bytes = malloc((size_t)want);
    if (!p->bytes)
        return -ENOMEM;
    while (p->have < want) {
        size_t have = 0, part = (size_t)want - p->have;
        const uint8_t *bytes = xsi_chunk_bytes(im->walk, p->chunk, p->have,
                                               part < (1U << 20) ? part : 1U << 20, &have);

        if (!have)
            break;
        memcpy(p->bytes + p->have, bytes, have);
        p->have += have;
    }
    return 0;
}

/* The bytes of a value, at most `limit`; NULL when -x is off or they are not there. */
static const uint8_t *bytes_of(const struct printer *p, const struct xsi_value *v, size_t *n)
{
    uint64_t from = v->offset - p->chunk->offset;

    *n = 0;
    if (!p->hex || from >= p->have)
        return NULL;
    *n = v->length < p->have - from ? (size_t)v->length : p->have - (size_t)from;
    if (!p->unlimited && *n > HEX_FIELD)
        *n = HEX_FIELD;
    return p->bytes + from;
}

/* The rest of a value's bytes, behind the 16 that stand beside it. */
static void more_hex(const struct printer *p, const struct xsi_value *v)
{
    size_t n;
    const uint8_t *bytes = bytes_of(p, v, &n);

    for (size_t i = 16; i < n; i += 16) {
        cli_hex_line(p->term, v->offset + i, bytes + i, n - i);
        fputc('\n', p->term->out);
    }
    if (bytes && n < v->length && n > 16)
        fprintf(p->term->out, "  ... %" PRIu64 " more bytes\n", v->length - n);
}

static void begin_line(struct printer *p, const struct xsi_value *v)
{
    int indent = 2 * (int)(v->level < DEPTH_MAX ? v->level : DEPTH_MAX);
    char name[256];
    size_t n;
    const uint8_t *bytes = bytes_of(p, v, &n);

    if (p->hex)
        cli_hex_line(p->term, v->offset, bytes, n);
    fprintf(p->term->out, "%*s", (p->hex ? 2 : 4) + indent, "");
    /* A name can come from a configuration inside the image. */
    if (v->name)
        fprintf(p->term->out, "%-*s",
                v->kind >= XSI_GROUP || indent >= NAME_WIDTH ? 0 : NAME_WIDTH - indent,
                cli_name(name, sizeof(name), v->name));
    if (v->name && v->kind < XSI_GROUP)
        fputc(' ', p->term->out);
}

/* Text, line by line when it has several. */
static void put_text(struct printer *p, const struct xsi_value *v)
{
    size_t left = v->text_length;
    const char *text = v->text, *end = NULL;
    bool several;

    if (!p->unlimited && left > TEXT_FIELD)
        left = TEXT_FIELD;
    several = left && memchr(text, '\n', left - 1);
    if (several)
        fputc('\n', p->term->out);
    while (left && (end = memchr(text, '\n', left)) && several) {
        fprintf(p->term->out, "%*s| ", p->hex ? 8 : 6, "");
        cli_put_escaped(p->term, text, (size_t)(end - text));
        fputc('\n', p->term->out);
        left -= (size_t)(end - text) + 1;
        text = end + 1;
    }
    if (several && left)
        fprintf(p->term->out, "%*s| ", p->hex ? 8 : 6, "");
    cli_put_escaped(p->term, text, left);
    if (left || !several)
        fputc('\n', p->term->out);
    if (!p->unlimited && v->text_length > TEXT_FIELD)
        fprintf(p->term->out, "%*s... %zu more bytes; all of them with -vv\n", p->hex ? 8 : 6, "",
                v->text_length - TEXT_FIELD);
}

static void put_bytes(struct printer *p, const struct xsi_value *v)
{
    size_t n = v->text_length < BYTES_SHOWN ? v->text_length : BYTES_SHOWN;

    if (!p->hex)
        for (size_t i = 0; i < n; i++)
            fprintf(p->term->out, "%02x%s", (unsigned char)v->text[i], i + 1 < n ? " " : "");
    if (p->hex || v->length > n)
        fprintf(p->term->out, "%s%" PRIu64 " bytes", p->hex ? "" : " ... ", v->length);
    fputc('\n', p->term->out);
}

/* Numbers of a list stand side by side. */
static void put_packed(struct printer *p, const struct xsi_value *v, const char *text)
{
    size_t width = p->term->width ? p->term->width : LINE_WIDTH;
    size_t columns = cli_columns(text);

    if (p->packed && p->packed + 1 + columns > width)
        end_packed(p);
    if (!p->packed) {
        begin_line(p, v);
        p->packed = 4 + 2 * (size_t)v->level;
    } else {
        fputc(' ', p->term->out);
        p->packed++;
    }
    fputs(text, p->term->out);
    p->packed += columns;
}

static void put_open(struct printer *p, const struct xsi_value *v)
{
    unsigned level = v->level < DEPTH_MAX ? v->level : DEPTH_MAX - 1;

    begin_line(p, &(struct xsi_value){
                      .kind = v->kind, .name = v->name, .level = v->level, .offset = UINT64_MAX });
    if (!v->name)
        fprintf(p->term->out, "[%" PRIu64 "]", p->items[level]++);
    fputc('\n', p->term->out);
    /* What is inside counts from 0. */
    if (level + 1 < DEPTH_MAX)
        p->items[level + 1] = 0;
}

static void value(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct printer *p = (struct printer *)sink;
    char text[512];

    p->any = true;
    if (v->kind < XSI_TEXT) {
        cli_value(text, sizeof(text), v);
        if (!v->name && !p->hex) {
            put_packed(p, v, text);
            return;
        }
    }
    end_packed(p);
    if (v->kind == XSI_CLOSE)
        return;
    if (v->kind == XSI_GROUP || v->kind == XSI_LIST) {
        put_open(p, v);
        return;
    }
    begin_line(p, v);
    if (v->kind == XSI_TEXT)
        put_text(p, v);
    else if (v->kind == XSI_BYTES)
        put_bytes(p, v);
    else
        fprintf(p->term->out, "%s\n", text);
    more_hex(p, v);
}

int fields_print(const struct cli_term *t, struct image *im, const struct xsi_chunk *chunk)
{
    const struct settings *set = im->set;
    struct printer p = {
        .sink = { value }, .term = t, .chunk = chunk, .hex = set->hex, .unlimited = set->verbose > 1
    };
    uint64_t body = chunk->flags & XSI_CHUNK_GAP ? chunk->length : chunk->meta;
    int rc;

    if (p.hex && (chunk->flags & XSI_CHUNK_GAP)) {
        hex_chunk(t, im, chunk, p.unlimited ? body : HEX_FIELD);
        return 0;
    }
    rc = p.hex ? copy_bytes(&p, im) : 0;
    if (rc == 0)
        rc = xsi_chunk_fields(im->walk, chunk, settings_detail(set), &p.sink);
    end_packed(&p);
    free(p.bytes);
    if (rc == 0 && p.hex && !p.any)
        hex_chunk(t, im, chunk, p.unlimited || body < HEX_FIELD ? body : HEX_FIELD);
    return rc;
}
