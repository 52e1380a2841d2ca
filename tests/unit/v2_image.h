/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tiny streams of libxc (versions 2 and 3) and libxl, put together in memory record by record, and
 * what a walk over them says. Each test program includes this once.
 */
#ifndef TEST_V2_IMAGE_H
#define TEST_V2_IMAGE_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/v2/v2.h"

#define IMAGE_MAX  (256U << 10)
#define CHUNKS_MAX 96
#define CODES_MAX  96
#define PAGES      4 /* entries of a batch */

enum { PV = 1, HVM = 2 };
/* Things to put into a stream besides record types. */
enum { STOP = -1, XTABS = 100, AGAIN, OPTIONAL, MANDATORY, SECOND_VCPU, LIBXL_EMU, LIBXL_CHK_END };

struct image {
    unsigned kind, version;
    bool big;
    size_t n, at[V2_TYPES]; /* at: where the first record of a type is */
    uint8_t bytes[IMAGE_MAX];
};

static struct image image; /* of the running test */
/* ---- putting a stream together ---- */

static inline void fill(struct image *i, uint8_t byte, size_t n)
{
    assert_true(n <= IMAGE_MAX - i->n);
    memset(i->bytes + i->n, byte, n);
    i->n += n;
}

static inline void set(struct image *i, size_t at, uint64_t v, size_t n, bool big)
{
    assert_true(at + n <= i->n);
    for (size_t k = 0; k < n; k++)
        i->bytes[at + (big ? n - 1 - k : k)] = k < 8 ? (uint8_t)(v >> (8 * k)) : 0;
}

static inline void put(struct image *i, uint64_t v, size_t n)
{
    fill(i, 0, n);
    set(i, i->n - n, v, n, i->big);
}

static inline void put_be(struct image *i, uint64_t v, size_t n)
{
    fill(i, 0, n);
    set(i, i->n - n, v, n, true);
}

static inline size_t begin(struct image *i, uint32_t type)
{
    size_t at = i->n;

    if (type < V2_RECORDS && !i->at[type])
        i->at[type] = at;
    put(i, type, 4);
    put(i, 0, 4);
    return at;
}

static inline void finish(struct image *i, size_t at)
{
    set(i, at + 4, i->n - at - 8, 4, i->big);
    fill(i, 0, -(i->n - at) & 7);
}

static inline void batch(struct image *i, uint64_t first, uint64_t type)
{
    put(i, PAGES, 4);
    put(i, 0, 4);
    for (uint64_t k = 0; k < PAGES; k++)
        put(i, type << 60 | (first + k), 8);
    if (type < 0xd)
        fill(i, 0x5a, PAGES * XSI_PAGE_SIZE);
}

static inline void hvm_entry(struct image *i, uint16_t code, uint16_t instance, uint32_t length)
{
    put(i, code, 2), put(i, instance, 2), put(i, length, 4);
}

/* A context that a reader takes: one vCPU with what belongs to it, and the PC's devices. */
static inline void context(struct image *i)
{
    size_t cpu;

    hvm_entry(i, 1, 0, 24), put(i, 0x54381286, 4), put(i, 1, 4), put(i, UINT64_MAX, 8);
    put(i, 0x306a9, 4), put(i, 2000000, 4);
    hvm_entry(i, 2, 0, 1032);
    cpu = i->n;
    fill(i, 0, 1032);
    set(i, cpu + 0x200, 1, 8, false);          /* rax */
    set(i, cpu + 0x288, 2, 8, false);          /* rflags */
    set(i, cpu + 0x290, 0x11, 8, false);       /* cr0 */
    set(i, cpu + 0x2d0, 0xffff0ff0, 8, false); /* dr6 */
    set(i, cpu + 0x2d8, 0x400, 8, false);      /* dr7 */
    set(i, cpu + 0x400, 1, 4, false);          /* flags */
    hvm_entry(i, 4, 0, 400), fill(i, 0, 400);
    hvm_entry(i, 5, 0, 24), put(i, 0xfee00900, 8), fill(i, 0, 16);
    hvm_entry(i, 6, 0, 1024), fill(i, 0, 1024);
    hvm_entry(i, 14, 0, 240), put(i, 0x0007040600070406, 8), fill(i, 0, 216), put(i, 0x508, 8);
    put(i, 0xc06, 8);
    hvm_entry(i, 0, 0, 0);
}

static inline void params(struct image *i)
{
    static const uint64_t rows[][2] = { { 1, 0xfeffc }, { 5, 0xfeffd }, { 17, 0xfefff } };

    put(i, 3, 4), put(i, 0, 4);
    for (size_t k = 0; k < 3; k++)
        put(i, rows[k][0], 8), put(i, rows[k][1], 8);
}

static inline void vcpu_basic(struct image *i, unsigned vcpu)
{
    size_t at;

    put(i, vcpu, 4), put(i, 0, 4);
    at = i->n;
    fill(i, 0, 5168);
    set(i, at + 0x200, 0x25, 4, false);    /* flags */
    set(i, at + 0x268, 2, 8, false);       /* rdx: start_info */
    set(i, at + 0x1390, 0x4000, 8, false); /* cr3: the L4 table, frame 4 */
}

static inline void leaf(struct image *i, uint32_t number, uint32_t subleaf, uint32_t a)
{
    put(i, number, 4), put(i, subleaf, 4), put(i, a, 4), fill(i, 1, 12);
}

static inline void cpuid(struct image *i)
{
    leaf(i, 0, UINT32_MAX, 7);
    leaf(i, 1, UINT32_MAX, 0x306a9);
    leaf(i, 7, 0, 0);
    leaf(i, 0x80000000, UINT32_MAX, 0x80000001);
    leaf(i, 0x80000001, UINT32_MAX, 0);
}

static inline void body(struct image *i, int type)
{
    /* clang-format off */
    switch (type) {
    case V2_PAGE_DATA: batch(i, 0, 0); break;
    case V2_PV_INFO: put(i, 8, 1), put(i, 4, 1), put(i, 0, 6); break;
    case V2_P2M_FRAMES: put(i, 0, 4), put(i, 7, 4), put(i, 1, 8); break;
    case V2_VCPU_BASIC: vcpu_basic(i, 0); break;
    case V2_VCPU_EXTENDED: put(i, 0, 8), put(i, 0, 4), put(i, 64, 4), fill(i, 0, 56); break;
    case V2_VCPU_XSAVE: put(i, 0, 8), put(i, 3, 8), put(i, 3, 8), fill(i, 0, 576); break;
    case V2_SHARED_INFO: fill(i, 1, 8), fill(i, 0, 4088); break;
    case V2_TSC_INFO: put(i, 0, 4), put(i, 2000000, 4), put(i, 5, 8), put(i, 1, 4), put(i, 0, 4);
        break;
    case V2_HVM_CONTEXT: context(i); break;
    case V2_HVM_PARAMS: params(i); break;
    case V2_TOOLSTACK: fill(i, 7, 21); break;
    case V2_VCPU_MSRS: put(i, 0, 8), put(i, 0xc0000103, 4), put(i, 0, 12); break;
    case V2_DIRTY_PFNS: put(i, 5, 8); break;
    case V2_CPUID_POLICY: cpuid(i); break;
    case V2_MSR_POLICY: put(i, 0xce, 4), put(i, 0, 12); break;
    default: break;
    }
    /* clang-format on */
}

/* The second batch of a stream: holes for HVM, the page tables of a PV guest. */
static inline void special(struct image *i, int what)
{
    size_t at;

    if (what == LIBXL_EMU) {
        put(i, 3, 4), put(i, 8 + 13, 4), put(i, 2, 4), put(i, 0, 4);
        put_be(i, 0x5145564d, 4), put_be(i, 3, 4), fill(i, 9, 4), fill(i, 0, 1 + 3);
        return;
    }
    if (what == LIBXL_CHK_END) {
        put(i, 4, 4), put(i, 0, 4);
        return;
    }
    at = begin(i, what == OPTIONAL      ? 0x80000013U
                  : what == MANDATORY   ? 0x33
                  : what == SECOND_VCPU ? V2_VCPU_BASIC
                                        : V2_PAGE_DATA);
    if (what == XTABS)
        batch(i, PAGES, i->kind == PV ? 4 : 0xf);
    else if (what == AGAIN)
        batch(i, i->kind == PV ? 0 : 0xfeffc, 0);
    else if (what == SECOND_VCPU)
        vcpu_basic(i, 2);
    else
        fill(i, 0xee, 5);
    finish(i, at);
}

static inline void records(struct image *i, const int *order)
{
    for (; *order != STOP; order++) {
        size_t at;

        if (*order >= 100) {
            special(i, *order);
            continue;
        }
        at = begin(i, (uint32_t)*order);
        body(i, *order);
        finish(i, at);
    }
}

static inline void headers(struct image *i)
{
    i->at[V2_IMAGE_HEADER] = i->n;
    put_be(i, UINT64_MAX, 8), put_be(i, 0x58454e46, 4), put_be(i, i->version, 4);
    put_be(i, i->big, 2), put_be(i, 0, 6);
    i->at[V2_DOMAIN_HEADER] = i->n;
    put(i, i->kind, 4), put(i, 12, 2), put(i, 0, 2), put(i, 4, 4);
    put(i, i->version == 3 ? 17 : 12, 4);
}

static inline void start(struct image *i, unsigned kind, unsigned version)
{
    i->n = 0;
    i->kind = kind;
    i->version = version;
    i->big = false;
    memset(i->at, 0, sizeof(i->at));
}

static const int hvm_order[] = {
    V2_CPUID_POLICY, V2_MSR_POLICY,  V2_STATIC_DATA_END, V2_PAGE_DATA, XTABS, AGAIN,
    V2_TSC_INFO,     V2_HVM_CONTEXT, V2_HVM_PARAMS,      V2_END,       STOP
};
static const int pv_order[] = { V2_PV_INFO,
                                V2_CPUID_POLICY,
                                V2_MSR_POLICY,
                                V2_STATIC_DATA_END,
                                V2_P2M_FRAMES,
                                V2_PAGE_DATA,
                                XTABS,
                                V2_TSC_INFO,
                                V2_SHARED_INFO,
                                V2_VCPU_BASIC,
                                V2_VCPU_EXTENDED,
                                V2_VCPU_XSAVE,
                                V2_VCPU_MSRS,
                                V2_END,
                                STOP };

static inline struct image *stream(unsigned kind, const int *order)
{
    start(&image, kind, 3);
    headers(&image);
    records(&image, order ? order : kind == PV ? pv_order : hvm_order);
    return &image;
}

static inline struct image *libxl_stream(unsigned kind, const int *order, bool emulator)
{
    struct image *i = &image;

    start(i, kind, 3);
    put_be(i, 0x4c6962786c466d74, 8), put_be(i, 2, 4), put_be(i, 0, 4);
    put(i, 1, 4), put(i, 0, 4);
    headers(i);
    records(i, order ? order : kind == PV ? pv_order : hvm_order);
    if (emulator)
        special(i, LIBXL_EMU);
    put(i, 0, 8);
    return i;
}

/* ---- walking ---- */

struct seen {
    size_t chunks, codes, serious; /* serious: more than information */
    struct {
        char type[32], note[XSI_NOTE_MAX], layer[16];
        uint64_t offset, length, pages, first_pfn, last_pfn;
        unsigned flags;
    } chunk[CHUNKS_MAX];
    struct {
        char code[8], text[320];
        enum xsi_severity severity;
        uint64_t offset;
    } code[CODES_MAX];
    uint64_t values, entries, data_pages;
    struct xsi_info info;
};

struct counter {
    struct xsi_sink sink;
    uint64_t values;
};

static inline void count_value(struct xsi_sink *sink, const struct xsi_value *v)
{
    (void)v;
    ((struct counter *)sink)->values++;
}

static inline void keep(struct seen *s, struct xsi_walk *w, const struct xsi_chunk *c)
{
    struct xsi_page_entry entries[PAGES + 1];
    ssize_t n;

    assert_true(s->chunks < CHUNKS_MAX);
    snprintf(s->chunk[s->chunks].type, sizeof(s->chunk[0].type), "%s", c->type);
    snprintf(s->chunk[s->chunks].layer, sizeof(s->chunk[0].layer), "%s", c->layer);
    snprintf(s->chunk[s->chunks].note, sizeof(s->chunk[0].note), "%s", c->note);
    s->chunk[s->chunks].offset = c->offset;
    s->chunk[s->chunks].length = c->length;
    s->chunk[s->chunks].pages = c->pages;
    s->chunk[s->chunks].first_pfn = c->first_pfn;
    s->chunk[s->chunks].last_pfn = c->last_pfn;
    s->chunk[s->chunks++].flags = c->flags;
    n = xsi_chunk_entries(w, c, 0, PAGES + 1, entries);
    assert_true(n >= 0);
    for (ssize_t k = 0; k < n; k++)
        s->data_pages += entries[k].data != 0;
    s->entries += (uint64_t)n;
}

static inline void keep_code(struct seen *s, const struct xsi_finding *f)
{
    s->serious += f->severity != XSI_INFO;
    if (s->codes == CODES_MAX)
        return;
    snprintf(s->code[s->codes].code, sizeof(s->code[0].code), "%s", f->row->code + 3);
    snprintf(s->code[s->codes].text, sizeof(s->code[0].text), "%s", f->text);
    s->code[s->codes].severity = f->severity;
    s->code[s->codes++].offset = f->offset;
}

static inline struct seen *walk(const struct image *i)
{
    static struct seen s;
    struct xsi_walk_options options = { .as = NULL };
    struct xsi_source *src = xsi_source_memory(i->bytes, i->n);
    struct counter counter = { .sink = { count_value } };
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
            keep(&s, w, ev.chunk);
            assert_int_equal(xsi_chunk_fields(w, ev.chunk, 2, &counter.sink), 0);
        } else if (ev.kind == XSI_EV_FINDING) {
            keep_code(&s, ev.finding);
        }
    }
    assert_int_equal(rc, 0);
    assert_int_equal(at, i->n);
    s.values = counter.values;
    s.info = *xsi_walk_info(w);
    xsi_walk_free(w);
    xsi_source_free(src);
    return &s;
}

static inline bool told(const struct seen *s, const char *code)
{
    for (size_t i = 0; i < s->codes; i++)
        if (!strcmp(s->code[i].code, code))
            return true;
    return false;
}

static inline void print_codes(const struct seen *s)
{
    for (size_t i = 0; i < s->codes; i++)
        print_message("  %s at 0x%" PRIx64 ": %s\n", s->code[i].code, s->code[i].offset,
                      s->code[i].text);
}

static inline void expect(const struct seen *s, const char *code, const char *what)
{
    if (told(s, code))
        return;
    print_codes(s);
    fail_msg("%s: %s is missing", what, code);
}

static inline void expect_sound(const struct seen *s, const char *what)
{
    if (!s->serious)
        return;
    print_codes(s);
    fail_msg("%s: more than information was said", what);
}

static inline size_t chunks_of(const struct seen *s, const char *type)
{
    size_t n = 0;

    for (size_t i = 0; i < s->chunks; i++)
        n += !strcmp(s->chunk[i].type, type);
    return n;
}

static inline bool chunk_at(const struct seen *s, uint64_t offset)
{
    for (size_t i = 0; i < s->chunks; i++)
        if (s->chunk[i].offset == offset)
            return true;
    return offset == s->chunk[s->chunks - 1].offset + s->chunk[s->chunks - 1].length;
}

#endif
