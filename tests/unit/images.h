/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of containers and records share: tiny images, put together piece by piece, and a
 * walk that keeps what it saw. Each test program includes it once.
 */
#ifndef TEST_IMAGES_H
#define TEST_IMAGES_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/config/config.h"
#include "../../plugins/qemu/qemu.h"

#define IMAGE_MAX  (256U << 10)
#define CHUNKS_MAX 64
#define CODES_MAX  64

/* ---- an image that is put together piece by piece ---- */

struct image {
    size_t n;
    uint8_t bytes[IMAGE_MAX];
};

static inline void put(struct image *i, const void *bytes, size_t n)
{
    assert_true(n <= IMAGE_MAX - i->n);
    memcpy(i->bytes + i->n, bytes, n);
    i->n += n;
}

static inline void text(struct image *i, const char *s)
{
    put(i, s, strlen(s));
}

static inline void fill(struct image *i, uint8_t byte, size_t n)
{
    assert_true(n <= IMAGE_MAX - i->n);
    memset(i->bytes + i->n, byte, n);
    i->n += n;
}

static inline void le(struct image *i, uint64_t v, size_t n)
{
    for (size_t k = 0; k < n; k++, v >>= 8)
        fill(i, (uint8_t)v, 1);
}

static inline void be(struct image *i, uint64_t v, size_t n)
{
    while (n--)
        fill(i, (uint8_t)(v >> (8 * n)), 1);
}

/* ---- streams ---- */

/* Two pages of a legacy HVM guest, 64-bit toolstack, Xen 4.1. */
static inline void legacy_hvm(struct image *i)
{
    le(i, 0x10, 8);
    le(i, 0xfffffff9, 4); /* TSC_INFO */
    le(i, 0, 4), le(i, 1, 8), le(i, 2000000, 4), le(i, 0, 4);
    le(i, 2, 4);
    le(i, 0, 8), le(i, 1, 8);
    fill(i, 0x5a, 8192);
    le(i, 0xfffffffe, 4); /* VCPU_INFO */
    le(i, 0, 4), le(i, 1, 8);
    le(i, 0xfffffff7, 4); /* LAST_CHECKPOINT */
    le(i, 0, 4);
    le(i, 0xf, 8), le(i, 0xe, 8), le(i, 0xd, 8);
    le(i, 40, 4);
    le(i, 0x1800000001, 8), le(i, 0x54381286, 4), le(i, 1, 4), fill(i, 0, 16);
    le(i, 0, 8);
}

/* A PV guest's image with one page and nothing of its vCPU but zeros. */
static inline void legacy_pv(struct image *i)
{
    le(i, 0x10, 8);
    le(i, UINT64_MAX, 8);
    le(i, 5184, 4);
    text(i, "vcpu"), le(i, 5168, 4), fill(i, 0, 5168);
    text(i, "extv"), le(i, 0, 4);
    le(i, 1, 8); /* p2m frame list */
    le(i, 0xfffffff9, 4);
    le(i, 0, 4), le(i, 1, 8), le(i, 2000000, 4), le(i, 0, 4);
    le(i, 2, 4);
    le(i, 0, 8), le(i, 1, 8);
    fill(i, 0x5a, 8192);
    le(i, 0xfffffffe, 4);
    le(i, 0, 4), le(i, 1, 8);
    le(i, 0xfffffff7, 4);
    le(i, 0, 4);
    le(i, 0, 4); /* no unmapped frames */
    fill(i, 0, 5168 + 128 + 4096);
}

static inline void libxc_v3(struct image *i, unsigned type)
{
    le(i, UINT64_MAX, 8);
    text(i, "XENF"), be(i, 3, 4), be(i, 0, 8);
    le(i, type, 4), le(i, 12, 2), le(i, 0, 2), le(i, 4, 4), le(i, 17, 4);
    le(i, 0x10, 4), le(i, 0, 4); /* STATIC_DATA_END */
    le(i, 0, 8);                 /* END */
}

static inline void libxl_v2(struct image *i, unsigned type)
{
    text(i, "LibxlFmt"), be(i, 2, 4), be(i, 0, 4);
    le(i, 1, 4), le(i, 0, 4); /* LIBXC_CONTEXT */
    libxc_v3(i, type);
    le(i, 0, 8);
}

static inline void qevm3(struct image *i, size_t data)
{
    text(i, "QEVM"), be(i, 3, 4);
    be(i, 4, 1), be(i, 0, 4), be(i, 5, 1), text(i, "timer"), be(i, 0, 4), be(i, 2, 4);
    fill(i, 0x11, data);
    be(i, 4, 1), be(i, 7, 4), be(i, 3, 1), text(i, "fdc"), be(i, 1, 4), be(i, 2, 4);
    fill(i, 0x22, 10);
    be(i, 0, 1);
}

#define QEVM3_SIZE(data) (8 + 19 + (data) + 17 + 10 + 1)

/* ---- walking ---- */

struct seen {
    size_t chunks, codes;
    struct {
        char layer[24], type[32], note[XSI_NOTE_MAX];
        uint64_t offset, length;
        unsigned flags;
    } chunk[CHUNKS_MAX];
    struct {
        char code[8], text[320];
    } code[CODES_MAX];
    struct xsi_info info;
};

static inline void keep_chunk(struct seen *s, const struct xsi_chunk *c)
{
    assert_true(s->chunks < CHUNKS_MAX);
    snprintf(s->chunk[s->chunks].layer, sizeof(s->chunk[0].layer), "%s", c->layer);
    snprintf(s->chunk[s->chunks].type, sizeof(s->chunk[0].type), "%s", c->type);
    snprintf(s->chunk[s->chunks].note, sizeof(s->chunk[0].note), "%s", c->note);
    s->chunk[s->chunks].offset = c->offset;
    s->chunk[s->chunks].length = c->length;
    s->chunk[s->chunks].flags = c->flags;
    s->chunks++;
}

static inline void decode_nothing(struct xsi_sink *sink, const struct xsi_value *v)
{
    (void)sink;
    assert_true(v->kind == XSI_CLOSE || v->name || v->level);
}

static inline struct seen *walk(const struct image *i, const char *as)
{
    static struct seen s;
    struct xsi_walk_options options = { .as = as };
    struct xsi_source *src = xsi_source_memory(i->bytes, i->n);
    struct xsi_sink sink = { decode_nothing };
    struct xsi_error err = { 0 };
    struct xsi_walk *w = xsi_walk_new(src, &options, &err);
    struct xsi_event ev;
    uint64_t at = 0;
    int rc;

    assert_non_null(w);
    memset(&s, 0, sizeof(s));
    while ((rc = xsi_walk_next(w, &ev)) > 0) {
        if (ev.kind == XSI_EV_CHUNK) {
            assert_int_equal(ev.chunk->offset, at);
            at += ev.chunk->length;
            keep_chunk(&s, ev.chunk);
            assert_int_equal(xsi_chunk_fields(w, ev.chunk, 2, &sink), 0);
        } else if (ev.kind == XSI_EV_FINDING && s.codes < CODES_MAX) {
            snprintf(s.code[s.codes].code, sizeof(s.code[0].code), "%s", ev.finding->row->code + 3);
            snprintf(s.code[s.codes++].text, sizeof(s.code[0].text), "%s", ev.finding->text);
        }
    }
    assert_int_equal(rc, 0);
    assert_int_equal(at, i->n);
    s.info = *xsi_walk_info(w);
    xsi_walk_free(w);
    xsi_source_free(src);
    return &s;
}

static inline const char *told(const struct seen *s, const char *code)
{
    for (size_t i = 0; i < s->codes; i++)
        if (!strcmp(s->code[i].code, code))
            return s->code[i].text;
    return NULL;
}

/* Nothing but this of the containers' and records' own codes ("" = nothing at all). */
static inline void only(const struct seen *s, const char *code)
{
    for (size_t i = 0; i < s->codes; i++) {
        const char *c = s->code[i].code;

        if ((c[0] == 'C' && atoi(c + 1) >= 30) || c[0] == 'Q')
            if (strcmp(c, code))
                fail_msg("unexpected %s: %s", c, s->code[i].text);
    }
    if (code[0] && !told(s, code))
        fail_msg("%s is missing", code);
}

static inline const char *stack(const struct seen *s)
{
    static char out[200];

    out[0] = '\0';
    for (size_t i = 0; i < s->info.stack_length; i++) {
        strcat(out, i ? " " : "");
        strcat(out, s->info.stack[i]);
    }
    return out;
}

static inline const char *note_of(const struct seen *s, const char *type)
{
    for (size_t i = 0; i < s->chunks; i++)
        if (!strcmp(s->chunk[i].type, type))
            return s->chunk[i].note;
    fail_msg("no chunk %s", type);
    return "";
}

/* ---- configurations, and an xl header ---- */

#define XL_TEXT "Xen saved domain, xl format\n \0 \r"
#define JSON(type)                                                                            \
    "{ \"c_info\": { \"type\": \"" type "\", \"name\": \"v\\u00e4m\", \"uuid\": \"u-1\" },\n" \
    "  \"b_info\": { \"max_vcpus\": 3, \"l\": [ 1, -2.5e3, true, null, {} ] } }\n"

static struct image image; /* of the running test */

static inline struct image *xl_head(uint32_t flags, const char *config, size_t length,
                                    uint32_t slack)
{
    struct image *i = &image;

    i->n = 0;
    put(i, XL_TEXT, 32);
    le(i, 0x01020304, 4), le(i, flags, 4), le(i, 0, 4);
    le(i, length ? length + 4 + slack : 0, 4);
    if (length) {
        le(i, length, 4);
        put(i, config, length);
        fill(i, 0, slack);
    }
    return i;
}

#define SXP(image) \
    "(domain (domid 4) (name 'x y') (uuid u-2) (vcpus 2) (image (" image " (a \"(\"))))"

#define XML(type)                                                                          \
    "<?xml version='1.0'?>\n<domain type='xen' id='1'>\n <name>a&amp;b</name><!-- > -->\n" \
    " <uuid>u-3</uuid>\n <vcpu>2</vcpu>\n <os><type arch='x'>" type                        \
    "</type></os>\n <on/></domain>\n"

#define XENOPS "((time 1)(word_size 64)(vm_str \"{\\\"ty\\\": [\\\"HVM\\\", {}]}\"))"

#endif
