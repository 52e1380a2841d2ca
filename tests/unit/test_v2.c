/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The streams of libxc (versions 2 and 3) and libxl: tiny images in memory, whole ones and one for
 * each thing that can be wrong with them.
 */
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

static void fill(struct image *i, uint8_t byte, size_t n)
{
    assert_true(n <= IMAGE_MAX - i->n);
    memset(i->bytes + i->n, byte, n);
    i->n += n;
}

static void set(struct image *i, size_t at, uint64_t v, size_t n, bool big)
{
    assert_true(at + n <= i->n);
    for (size_t k = 0; k < n; k++)
        i->bytes[at + (big ? n - 1 - k : k)] = k < 8 ? (uint8_t)(v >> (8 * k)) : 0;
}

static void put(struct image *i, uint64_t v, size_t n)
{
    fill(i, 0, n);
    set(i, i->n - n, v, n, i->big);
}

static void put_be(struct image *i, uint64_t v, size_t n)
{
    fill(i, 0, n);
    set(i, i->n - n, v, n, true);
}

static size_t begin(struct image *i, uint32_t type)
{
    size_t at = i->n;

    if (type < V2_RECORDS && !i->at[type])
        i->at[type] = at;
    put(i, type, 4);
    put(i, 0, 4);
    return at;
}

static void finish(struct image *i, size_t at)
{
    set(i, at + 4, i->n - at - 8, 4, i->big);
    fill(i, 0, -(i->n - at) & 7);
}

static void batch(struct image *i, uint64_t first, uint64_t type)
{
    put(i, PAGES, 4);
    put(i, 0, 4);
    for (uint64_t k = 0; k < PAGES; k++)
        put(i, type << 60 | (first + k), 8);
    if (type < 0xd)
        fill(i, 0x5a, PAGES * XSI_PAGE_SIZE);
}

static void hvm_entry(struct image *i, uint16_t code, uint16_t instance, uint32_t length)
{
    put(i, code, 2), put(i, instance, 2), put(i, length, 4);
}

/* A context that a reader takes: one vCPU with what belongs to it, and the PC's devices. */
static void context(struct image *i)
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

static void params(struct image *i)
{
    static const uint64_t rows[][2] = { { 1, 0xfeffc }, { 5, 0xfeffd }, { 17, 0xfefff } };

    put(i, 3, 4), put(i, 0, 4);
    for (size_t k = 0; k < 3; k++)
        put(i, rows[k][0], 8), put(i, rows[k][1], 8);
}

static void vcpu_basic(struct image *i, unsigned vcpu)
{
    size_t at;

    put(i, vcpu, 4), put(i, 0, 4);
    at = i->n;
    fill(i, 0, 5168);
    set(i, at + 0x200, 0x25, 4, false);   /* flags */
    set(i, at + 0x268, 2, 8, false);      /* rdx: start_info */
    set(i, at + 0x1390, 0x4000, 8, false);/* cr3: the L4 table, frame 4 */
}

static void leaf(struct image *i, uint32_t number, uint32_t subleaf, uint32_t a)
{
    put(i, number, 4), put(i, subleaf, 4), put(i, a, 4), fill(i, 1, 12);
}

static void cpuid(struct image *i)
{
    leaf(i, 0, UINT32_MAX, 7);
    leaf(i, 1, UINT32_MAX, 0x306a9);
    leaf(i, 7, 0, 0);
    leaf(i, 0x80000000, UINT32_MAX, 0x80000001);
    leaf(i, 0x80000001, UINT32_MAX, 0);
}

static void body(struct image *i, int type)
{
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
}

/* The second batch of a stream: holes for HVM, the page tables of a PV guest. */
static void special(struct image *i, int what)
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
    at = begin(i, what == OPTIONAL ? 0x80000013U : what == MANDATORY ? 0x33 :
               what == SECOND_VCPU ? V2_VCPU_BASIC : V2_PAGE_DATA);
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

static void records(struct image *i, const int *order)
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

static void headers(struct image *i)
{
    i->at[V2_IMAGE_HEADER] = i->n;
    put_be(i, UINT64_MAX, 8), put_be(i, 0x58454e46, 4), put_be(i, i->version, 4);
    put_be(i, i->big, 2), put_be(i, 0, 6);
    i->at[V2_DOMAIN_HEADER] = i->n;
    put(i, i->kind, 4), put(i, 12, 2), put(i, 0, 2), put(i, 4, 4);
    put(i, i->version == 3 ? 17 : 12, 4);
}

static void start(struct image *i, unsigned kind, unsigned version)
{
    i->n = 0;
    i->kind = kind;
    i->version = version;
    i->big = false;
    memset(i->at, 0, sizeof(i->at));
}

static const int hvm_order[] = { V2_CPUID_POLICY, V2_MSR_POLICY,  V2_STATIC_DATA_END, V2_PAGE_DATA,
                                 XTABS,           AGAIN,          V2_TSC_INFO,        V2_HVM_CONTEXT,
                                 V2_HVM_PARAMS,   V2_END,         STOP };
static const int pv_order[] = { V2_PV_INFO,    V2_CPUID_POLICY, V2_MSR_POLICY,    V2_STATIC_DATA_END,
                                V2_P2M_FRAMES, V2_PAGE_DATA,    XTABS,            V2_TSC_INFO,
                                V2_SHARED_INFO, V2_VCPU_BASIC,  V2_VCPU_EXTENDED, V2_VCPU_XSAVE,
                                V2_VCPU_MSRS,  V2_END,          STOP };

static struct image *stream(unsigned kind, const int *order)
{
    start(&image, kind, 3);
    headers(&image);
    records(&image, order ? order : kind == PV ? pv_order : hvm_order);
    return &image;
}

static struct image *libxl_stream(unsigned kind, const int *order, bool emulator)
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

static void count_value(struct xsi_sink *sink, const struct xsi_value *v)
{
    (void)v;
    ((struct counter *)sink)->values++;
}

static void keep(struct seen *s, struct xsi_walk *w, const struct xsi_chunk *c)
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

static void keep_code(struct seen *s, const struct xsi_finding *f)
{
    s->serious += f->severity != XSI_INFO;
    if (s->codes == CODES_MAX)
        return;
    snprintf(s->code[s->codes].code, sizeof(s->code[0].code), "%s", f->row->code + 3);
    snprintf(s->code[s->codes].text, sizeof(s->code[0].text), "%s", f->text);
    s->code[s->codes].severity = f->severity;
    s->code[s->codes++].offset = f->offset;
}

static struct seen *walk(const struct image *i)
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

static bool told(const struct seen *s, const char *code)
{
    for (size_t i = 0; i < s->codes; i++)
        if (!strcmp(s->code[i].code, code))
            return true;
    return false;
}

static void print_codes(const struct seen *s)
{
    for (size_t i = 0; i < s->codes; i++)
        print_message("  %s at 0x%" PRIx64 ": %s\n", s->code[i].code, s->code[i].offset,
                      s->code[i].text);
}

static void expect(const struct seen *s, const char *code, const char *what)
{
    if (told(s, code))
        return;
    print_codes(s);
    fail_msg("%s: %s is missing", what, code);
}

static void expect_sound(const struct seen *s, const char *what)
{
    if (!s->serious)
        return;
    print_codes(s);
    fail_msg("%s: more than information was said", what);
}

static size_t chunks_of(const struct seen *s, const char *type)
{
    size_t n = 0;

    for (size_t i = 0; i < s->chunks; i++)
        n += !strcmp(s->chunk[i].type, type);
    return n;
}

static bool chunk_at(const struct seen *s, uint64_t offset)
{
    for (size_t i = 0; i < s->chunks; i++)
        if (s->chunk[i].offset == offset)
            return true;
    return offset == s->chunk[s->chunks - 1].offset + s->chunk[s->chunks - 1].length;
}

/* ---- whole streams ---- */

static void test_hvm(void **state)
{
    struct seen *s = walk(stream(HVM, NULL));

    (void)state;
    expect_sound(s, "HVM");
    assert_string_equal(s->info.stack[0], "libxc-v3");
    assert_int_equal(s->info.guest, XSI_GUEST_HVM);
    assert_int_equal(s->info.vcpus, 1);
    assert_int_equal(s->info.p2m_size, 0xff000);
    assert_int_equal(s->info.checkpoints, 1);
    assert_int_equal(s->info.pages_present, 2 * PAGES);
    assert_true(s->info.cpu_state);
    assert_string_equal(s->info.writer_from, "xen-4.17");
    assert_int_equal(s->chunks, 12);
    assert_int_equal(s->entries, 3 * PAGES);
    assert_int_equal(s->data_pages, 2 * PAGES);
    assert_string_equal(s->chunk[5].type, "PAGE_DATA");
    assert_int_equal(s->chunk[5].pages, PAGES);
    assert_int_equal(s->chunk[5].last_pfn, PAGES - 1);
    assert_int_equal(s->chunk[5].flags, XSI_CHUNK_PAGES);
    assert_string_equal(s->chunk[11].type, "END");
}

static void test_pv(void **state)
{
    struct seen *s = walk(stream(PV, NULL));

    (void)state;
    expect_sound(s, "PV");
    assert_int_equal(s->info.guest, XSI_GUEST_PV);
    assert_int_equal(s->info.guest_bits, 64);
    assert_int_equal(s->info.p2m_size, 8);
    assert_int_equal(s->info.vcpus, 1);
    assert_int_equal(s->info.pages_present, 8);
    assert_int_equal(s->chunks, 16);
}

static void test_version_2(void **state)
{
    static const int order[] = { V2_PAGE_DATA,   XTABS,         AGAIN,  V2_TSC_INFO,
                                 V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END, STOP };
    struct seen *s;

    (void)state;
    start(&image, HVM, 2);
    headers(&image);
    records(&image, order);
    s = walk(&image);
    expect_sound(s, "version 2");
    assert_string_equal(s->info.stack[0], "libxc-v2");
    assert_string_equal(s->info.writer_from, "xen-4.12");
}

static void test_big_endian(void **state)
{
    static const int order[] = { V2_PV_INFO,   V2_P2M_FRAMES, V2_PAGE_DATA,  XTABS, V2_TSC_INFO,
                                 V2_SHARED_INFO, V2_END,      STOP };
    struct seen *s;

    (void)state;
    start(&image, PV, 2);
    image.big = true;
    headers(&image);
    records(&image, order);
    s = walk(&image);
    expect(s, "V05", "big-endian");
    assert_int_equal(s->info.p2m_size, 8);
    assert_int_equal(s->data_pages, 8);
    assert_int_equal(chunks_of(s, "GAP"), 0);
}

static void test_converted(void **state)
{
    static const int order[] = { V2_STATIC_DATA_END, V2_PAGE_DATA,  XTABS,          AGAIN,
                                 V2_TSC_INFO,        V2_HVM_PARAMS, V2_HVM_PARAMS,  V2_HVM_CONTEXT,
                                 V2_END,             STOP };
    struct image *i = stream(HVM, order);
    struct seen *s;

    (void)state;
    set(i, i->at[V2_DOMAIN_HEADER] + 8, 0, 4, false);
    set(i, i->at[V2_DOMAIN_HEADER] + 12, 1, 4, false);
    s = walk(i);
    expect_sound(s, "converted");
    assert_null(s->info.writer_from);
}

/* ---- one number changed ---- */

static void test_pokes(void **state)
{
    static const struct {
        unsigned kind, type;
        size_t at, size;
        uint64_t value;
        const char *code;
    } rows[] = {
        { HVM, V2_IMAGE_HEADER, 3, 1, 0xfe, "V01" },
        { HVM, V2_IMAGE_HEADER, 8, 1, 'Y', "V02" },
        { HVM, V2_IMAGE_HEADER, 15, 1, 7, "V03" },
        { HVM, V2_IMAGE_HEADER, 16, 1, 0x80, "V04" },
        { HVM, V2_IMAGE_HEADER, 17, 1, 1, "V06" },
        { HVM, V2_IMAGE_HEADER, 20, 1, 1, "V07" },
        { HVM, V2_IMAGE_HEADER, 15, 1, 2, "V15" },
        { HVM, V2_DOMAIN_HEADER, 0, 4, 3, "V08" },
        { HVM, V2_DOMAIN_HEADER, 0, 4, 1, "V14" },
        { HVM, V2_DOMAIN_HEADER, 4, 2, 13, "V09" },
        { HVM, V2_DOMAIN_HEADER, 6, 2, 1, "V07" },
        { HVM, V2_DOMAIN_HEADER, 12, 4, 12, "V89" },
        { HVM, V2_DOMAIN_HEADER, 12, 4, 99, "V90" },
        { HVM, V2_STATIC_DATA_END, 0, 4, 0, "V65" },
        { HVM, V2_PAGE_DATA, 0, 4, 0x80000001, "V13" },
        { HVM, V2_PAGE_DATA, 0, 4, 0x21, "V11" },
        { HVM, V2_PAGE_DATA, 0, 4, 0, "V65" },
        { HVM, V2_PAGE_DATA, 4, 4, 8 + 8 * PAGES + 4096 * PAGES + 8, "V20" },
        { HVM, V2_PAGE_DATA, 4, 4, 0x7fffffff, "V20" },
        { HVM, V2_PAGE_DATA, 8, 4, 3, "V21" },
        { HVM, V2_PAGE_DATA, 8, 4, 0, "V21" },
        { HVM, V2_PAGE_DATA, 12, 4, 1, "V47" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 1ULL << 52 | 1, "V43" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 5ULL << 60 | 1, "V44" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 0xfULL << 60 | 1, "V20" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 0x1001, "V41" },
        { HVM, V2_PAGE_DATA, 16, 8, 0x10, "V41" },
        { HVM, V2_PAGE_DATA, 16 + 24, 8, 0x10, "V41" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 0, "V42" },
        { HVM, V2_PAGE_DATA, 16 + 24, 8, 1ULL << 44, "V40" },
        { HVM, V2_TSC_INFO, 8, 4, 9, "V71" },
        { HVM, V2_TSC_INFO, 8, 4, 3, "V72" },
        { HVM, V2_TSC_INFO, 12, 4, 1, "V73" },
        { HVM, V2_TSC_INFO, 28, 4, 1, "V47" },
        { HVM, V2_TSC_INFO, 4, 4, 16, "V20" },
        { HVM, V2_HVM_PARAMS, 8, 4, 2, "V16" },
        { HVM, V2_HVM_PARAMS, 12, 4, 2, "V47" },
        { HVM, V2_HVM_PARAMS, 16, 8, 13, "V81" },
        { HVM, V2_HVM_PARAMS, 16, 8, 200, "V81" },
        { HVM, V2_HVM_PARAMS, 16, 8, 2, "V82" },
        { HVM, V2_HVM_PARAMS, 16, 8, 5, "V94" },
        { HVM, V2_HVM_PARAMS, 16, 8, 36, "V95" },
        { HVM, V2_HVM_CONTEXT, 4, 4, 40, "V20" },
        { HVM, V2_CPUID_POLICY, 16, 4, 9, "V80" },
        { HVM, V2_CPUID_POLICY, 8 + 24, 4, 0x77, "V79" },
        { HVM, V2_MSR_POLICY, 8, 4, 0x123, "V79" },
        { HVM, V2_MSR_POLICY, 12, 4, 1, "V79" },
        { HVM, V2_END, 4, 4, 1U << 30, "V66" },
        { PV, V2_PV_INFO, 8, 1, 4, "V70" },
        { PV, V2_PV_INFO, 12, 1, 4, "V47" },
        { PV, V2_P2M_FRAMES, 8, 4, 9, "V67" },
        { PV, V2_P2M_FRAMES, 8, 4, 1, "V69" },
        { PV, V2_P2M_FRAMES, 12, 4, 600, "V67" },
        { PV, V2_P2M_FRAMES, 12, 4, 5, "V39" },
        { PV, V2_P2M_FRAMES, 16, 8, 8, "V68" },
        { PV, V2_VCPU_BASIC, 8, 4, 1, "V31" },
        { PV, V2_VCPU_BASIC, 8, 4, 9000, "V74" },
        { PV, V2_VCPU_BASIC, 12, 4, 1, "V47" },
        { PV, V2_VCPU_BASIC, 16 + 0x1390, 8, 0x9000, "V78" },
        { PV, V2_VCPU_BASIC, 16 + 0x1390, 8, 0x3000, "V84" },
        { PV, V2_VCPU_BASIC, 16 + 0x1360, 8, 7169, "V78" },
        { PV, V2_VCPU_BASIC, 16 + 0x288, 8, 1ULL << 63, "V78" },
        { PV, V2_VCPU_EXTENDED, 20, 4, 0, "V78" },
        { PV, V2_VCPU_MSRS, 16, 4, 0x123, "V88" },
        { PV, V2_VCPU_XSAVE, 4, 4, 8 + 16 + 570, "V86" },
        { PV, V2_VCPU_XSAVE, 0, 4, 0x80000006, "V13" },
        { PV, V2_SHARED_INFO, 8, 8, 0, "V83" },
        { PV, V2_SHARED_INFO, 4, 4, 4104, "V20" },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct image *i = stream(rows[r].kind, NULL);
        char what[80];

        set(i, i->at[rows[r].type] + rows[r].at, rows[r].value, rows[r].size, false);
        snprintf(what, sizeof(what), "%s +%zu := 0x%" PRIx64, v2_types[rows[r].type].name,
                 rows[r].at, rows[r].value);
        expect(walk(i), rows[r].code, what);
    }
}

static void test_padding(void **state)
{
    static const int order[] = { V2_STATIC_DATA_END, OPTIONAL, V2_PAGE_DATA,  XTABS, AGAIN,
                                 V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END, STOP };
    struct image *i = stream(HVM, order);
    struct seen *s = walk(i);

    (void)state;
    expect_sound(s, "optional record");
    expect(s, "V12", "optional record");
    set(i, i->at[V2_PAGE_DATA] - 1, 1, 1, false);
    expect(walk(i), "V46", "padding");
}

/* ---- records missing, doubled, in another order ---- */

static void test_orders(void **state)
{
#define ROW(code, kind, ...) { code, kind, { __VA_ARGS__, STOP } }
#define HVM_TAIL V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END
#define HVM_PAGES V2_PAGE_DATA, XTABS, AGAIN
#define PV_TAIL V2_TSC_INFO, V2_SHARED_INFO, V2_VCPU_BASIC, V2_VCPU_EXTENDED, V2_END
#define PV_PAGES V2_PAGE_DATA, XTABS
    static const struct {
        const char *code;
        unsigned kind;
        int order[20];
    } rows[] = {
        ROW("V23", HVM, HVM_PAGES, HVM_TAIL),
        ROW("V24", HVM, V2_STATIC_DATA_END, V2_STATIC_DATA_END, HVM_PAGES, HVM_TAIL),
        ROW("V11", HVM, V2_STATIC_DATA_END, HVM_PAGES, MANDATORY, HVM_TAIL),
        ROW("V14", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_SHARED_INFO, HVM_TAIL),
        ROW("V25", PV, V2_STATIC_DATA_END, V2_P2M_FRAMES, V2_PV_INFO, PV_PAGES, PV_TAIL),
        ROW("V25", PV, V2_PV_INFO, V2_STATIC_DATA_END, PV_PAGES, V2_P2M_FRAMES, PV_TAIL),
        ROW("V26", HVM, V2_TSC_INFO, V2_STATIC_DATA_END, HVM_PAGES, V2_HVM_CONTEXT, V2_HVM_PARAMS,
            V2_END),
        ROW("V27", PV, V2_PV_INFO, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, PV_TAIL),
        ROW("V28", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, HVM_TAIL),
        ROW("V28", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_VCPU_BASIC,
            PV_TAIL),
        ROW("V29", PV, V2_STATIC_DATA_END, PV_PAGES, PV_TAIL),
        ROW("V30", PV, V2_PV_INFO, V2_STATIC_DATA_END, PV_PAGES, PV_TAIL),
        ROW("V31", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_SHARED_INFO, V2_END),
        ROW("V32", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_PARAMS, V2_END),
        ROW("V33", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_CONTEXT, V2_END),
        ROW("V34", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_VCPU_BASIC, V2_VCPU_EXTENDED, V2_END),
        ROW("V35", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END),
        ROW("V36", HVM, V2_STATIC_DATA_END, HVM_TAIL),
        ROW("V37", HVM, V2_STATIC_DATA_END, HVM_PAGES, HVM_TAIL),
        ROW("V38", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_SHARED_INFO, V2_VCPU_BASIC, V2_END),
        ROW("V48", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS,
            V2_CHECKPOINT, V2_END),
        ROW("V49", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_DIRTY_PFNS, HVM_TAIL),
        ROW("V50", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS,
            V2_TOOLSTACK, V2_END),
        ROW("V51", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_VERIFY, V2_PAGE_DATA, HVM_TAIL),
        ROW("V52", HVM, V2_STATIC_DATA_END, V2_VERIFY, HVM_PAGES, HVM_TAIL),
        ROW("V55", HVM, V2_STATIC_DATA_END, V2_PAGE_DATA, AGAIN, HVM_TAIL),
        ROW("V56", HVM, V2_STATIC_DATA_END, XTABS, AGAIN, HVM_TAIL),
        ROW("V57", HVM, V2_STATIC_DATA_END, V2_PAGE_DATA, XTABS, HVM_TAIL),
        ROW("V58", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, AGAIN, PV_TAIL),
        ROW("V65", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_END, HVM_TAIL),
        ROW("V77", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_SHARED_INFO, V2_VCPU_BASIC, SECOND_VCPU, V2_VCPU_EXTENDED, V2_END),
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct seen *s = walk(stream(rows[r].kind, rows[r].order));
        char what[40];

        snprintf(what, sizeof(what), "order %zu", r);
        expect(s, rows[r].code, what);
        assert_int_equal(chunks_of(s, "GAP"), 0);
    }
}

static void test_empty_vcpu(void **state)
{
    static const int before[] = { V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, V2_PAGE_DATA,
                                  XTABS, V2_TSC_INFO, V2_SHARED_INFO, V2_VCPU_BASIC,
                                  V2_VCPU_EXTENDED, STOP };
    struct image *i = stream(PV, before);
    struct seen *s;

    (void)state;
    put(i, V2_VCPU_MSRS, 4), put(i, 8, 4), put(i, 0, 8);
    put(i, 0, 8);
    s = walk(i);
    expect(s, "V75", "empty record");
    assert_int_equal(chunks_of(s, "END"), 1);
}

/* ---- damage to boundaries ---- */

static void remove_bytes(struct image *i, size_t at, size_t n)
{
    memmove(i->bytes + at, i->bytes + at + n, i->n - at - n);
    i->n -= n;
}

static void insert_zeros(struct image *i, size_t at, size_t n)
{
    fill(i, 0, n);
    memmove(i->bytes + at + n, i->bytes + at, i->n - at - n);
    memset(i->bytes + at, 0, n);
}

static void test_bytes_lost(void **state)
{
    struct image *i = stream(HVM, NULL);
    struct seen *s;

    (void)state;
    remove_bytes(i, i->at[V2_PAGE_DATA] + 5000, 3);
    s = walk(i);
    expect(s, "V19", "bytes lost");
    assert_true(chunk_at(s, i->at[V2_HVM_CONTEXT] - 3));

    i = stream(HVM, NULL);
    insert_zeros(i, i->at[V2_PAGE_DATA] + 5000, 5);
    s = walk(i);
    expect(s, "V19", "bytes inserted");
    assert_true(chunk_at(s, i->at[V2_HVM_CONTEXT] + 5));

    i = stream(HVM, NULL);
    insert_zeros(i, i->at[V2_HVM_CONTEXT], 8);
    s = walk(i);
    expect(s, "V65", "zeros inserted");
    assert_true(chunk_at(s, i->at[V2_HVM_CONTEXT] + 8));

    i = stream(HVM, NULL); /* the header of the third batch and what is around it */
    memset(i->bytes + i->at[V2_TSC_INFO] - 16400 - 100, 0, 300);
    s = walk(i);
    assert_true(told(s, "V19") || told(s, "V22"));
    assert_true(chunk_at(s, i->at[V2_PAGE_DATA]));
    assert_true(chunk_at(s, i->at[V2_TSC_INFO]));
}

/* The places of all records of a whole stream. */
static size_t places(const struct image *i, uint64_t *out)
{
    struct seen *s = walk(i);

    for (size_t k = 0; k < s->chunks; k++)
        out[k] = s->chunk[k].offset;
    return s->chunks;
}

/*
 * One bit of each number in front of a body changed: something must be said of it, or all
 * boundaries stay; and behind the record that it hits and the next one the walk is back in place.
 */
static void test_flips(void **state)
{
    static uint64_t at[CHUNKS_MAX];

    (void)state;
    for (unsigned kind = PV; kind <= HVM; kind++) {
        size_t n = places(stream(kind, NULL), at);

        for (size_t k = 0; k < n; k++) {
            unsigned bits = k < 2 ? 128 : 64;

            for (unsigned bit = 0; bit < bits; bit++) {
                struct image *i = stream(kind, NULL);
                struct seen *s;
                bool kept = true;

                i->bytes[at[k] + bit / 8] ^= (uint8_t)(1U << bit % 8);
                s = walk(i);
                for (size_t m = 0; m < n; m++)
                    kept = kept && chunk_at(s, at[m]);
                if (!kept && !s->serious) {
                    print_codes(s);
                    fail_msg("kind %u record %zu bit %u moves a boundary silently", kind, k, bit);
                }
                if (k + 3 < n && !chunk_at(s, at[k + 2])) {
                    print_codes(s);
                    fail_msg("kind %u record %zu bit %u: not back in place", kind, k, bit);
                }
            }
        }
    }
}

/* Every prefix is said to be cut. */
static void test_cuts(void **state)
{
    (void)state;
    for (unsigned kind = PV; kind <= HVM; kind++) {
        struct image *i = stream(kind, NULL);
        size_t whole = i->n;

        for (size_t n = 8; n < whole; n += n % 4096 > 200 ? 97 : 1) {
            struct seen *s;

            i->n = n;
            s = walk(i);
            if (!(s->info.exit & 4) || s->info.state != XSI_TRUNCATED) {
                print_codes(s);
                fail_msg("kind %u cut at %zu is not seen", kind, n);
            }
        }
    }
}

static void test_cut_parts(void **state)
{
    struct image *i = stream(HVM, NULL);
    struct {
        size_t n;
        const char *code;
    } rows[] = {
        { 20, "V60" },
        { i->at[V2_STATIC_DATA_END], "V61" },
        { i->at[V2_PAGE_DATA] + 5000, "V62" },
        { i->at[V2_TSC_INFO], "V62" },
        { i->at[V2_HVM_CONTEXT], "V63" },
        { i->at[V2_HVM_CONTEXT] + 500, "V63" },
        { i->at[V2_END], "V64" },
        { i->at[V2_END] + 3, "V64" },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        i->n = rows[r].n;
        expect(walk(i), rows[r].code, "cut");
    }
}

static void test_no_headers(void **state)
{
    struct image *i = stream(HVM, NULL);
    struct seen *s;

    (void)state;
    remove_bytes(i, 0, 40);
    s = walk(i);
    expect(s, "V10", "no headers");
    assert_int_equal(chunks_of(s, "PAGE_DATA"), 3);

    i = stream(HVM, NULL);
    insert_zeros(i, 0, 1);
    s = walk(i);
    expect(s, "V91", "shifted");
    assert_int_equal(chunks_of(s, "PAGE_DATA"), 3);
}

/* ---- checkpoints ---- */

static void test_remus(void **state)
{
    static const int order[] = {
        V2_STATIC_DATA_END, V2_PAGE_DATA, XTABS, AGAIN,
        V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_CHECKPOINT, LIBXL_EMU, LIBXL_CHK_END,
        V2_PAGE_DATA, V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_CHECKPOINT, LIBXL_EMU,
        LIBXL_CHK_END, V2_PAGE_DATA, STOP
    };
    struct image *i = libxl_stream(HVM, order, false);
    struct seen *s;
    size_t inner = 0;

    (void)state;
    i->n -= 8; /* no END: the recording was stopped */
    s = walk(i);
    expect(s, "V48", "remus");
    expect(s, "V93", "remus");
    assert_int_equal(s->info.checkpoints, 2);
    assert_int_equal(chunks_of(s, "EMULATOR_CONTEXT"), 2);
    assert_int_equal(chunks_of(s, "CHECKPOINT_END"), 2);
    assert_int_equal(chunks_of(s, "GAP"), 0);
    for (size_t k = 0; k < s->chunks; k++)
        if (!strcmp(s->chunk[k].type, "EMULATOR_CONTEXT"))
            inner += !strcmp(s->chunk[k].layer, "libxl-v2");
    assert_int_equal(inner, 2);
    assert_false(told(s, "V28"));
    assert_false(told(s, "X17"));
}

/* ---- libxl ---- */

static void test_libxl(void **state)
{
    struct seen *s = walk(libxl_stream(HVM, NULL, true));

    (void)state;
    expect_sound(s, "libxl HVM");
    assert_int_equal(s->info.stack_length, 2);
    assert_string_equal(s->info.stack[0], "libxl-v2");
    assert_string_equal(s->chunk[s->chunks - 1].type, "END");
    expect_sound(walk(libxl_stream(PV, NULL, false)), "libxl PV");
    expect(walk(libxl_stream(HVM, NULL, false)), "X11", "no emulator");
    expect(walk(libxl_stream(PV, NULL, true)), "X18", "emulator for PV");
}

static void test_libxl_pokes(void **state)
{
    struct image *i = libxl_stream(HVM, NULL, true);
    size_t emu = i->n - 8 - 32;
    struct {
        size_t at, size;
        uint64_t value;
        const char *code;
    } rows[] = {
        { 0, 1, 'l', "X01" },      { 11, 1, 3, "X02" },       { 15, 1, 1, "X04" },
        { 12, 1, 1, "X05" },       { emu + 8, 4, 7, "X16" },  { emu + 12, 4, 1, "X16" },
        { emu + 16, 1, 'q', "X13" }, { emu + 23, 1, 9, "X14" }, { emu, 4, 9, "X06" },
        { emu + 4, 4, 4, "X08" },  { emu + 28, 1, 9, "X27" }, { emu + 30, 1, 9, "X23" },
        { 15, 1, 2, "X29" },       { emu + 4, 4, 1U << 20, "X08" },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        char what[40];

        i = libxl_stream(HVM, NULL, true);
        set(i, rows[r].at, rows[r].value, rows[r].size, false);
        snprintf(what, sizeof(what), "libxl row %zu", r);
        expect(walk(i), rows[r].code, what);
    }
}

static void libxl_tail(struct image *i, uint32_t type, const char *bytes, size_t n)
{
    i->n -= 8;
    put(i, type, 4), put(i, n, 4);
    for (size_t k = 0; k < n; k++)
        put(i, (uint8_t)bytes[k], 1);
    fill(i, 0, -n & 7);
    put(i, 0, 8);
}

static void test_libxl_tail(void **state)
{
#define BYTES(s) s, sizeof(s) - 1
    static const struct {
        const char *code;
        uint32_t type;
        const char *bytes;
        size_t n;
    } rows[] = {
        { "X07", 3, BYTES("abcd") },
        { "X15", 3, BYTES("\2\0\0\0\0\0\0\0") },
        { "X17", 3, BYTES("\2\0\0\0\0\0\0\0QEVM\0\0\0\3\0") },
        { "X19", 2, BYTES("\2\0\0\0\0\0\0\0key\0value") },
        { "X19", 2, BYTES("\2\0\0\0\0\0\0\0/key\0value\0") },
        { "X19", 2, BYTES("\2\0\0\0\0\0\0\0\0value\0") },
        { "X24", 4, BYTES("") },
        { "X24", 5, BYTES("\1\0\0\0") },
        { "X22", 1, BYTES("") },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct image *i = libxl_stream(HVM, NULL, true);
        char what[40];

        libxl_tail(i, rows[r].type, rows[r].bytes, rows[r].n);
        snprintf(what, sizeof(what), "libxl tail %zu", r);
        expect(walk(i), rows[r].code, what);
    }
    {
        struct image *i = libxl_stream(HVM, NULL, true);

        libxl_tail(i, 2, BYTES("\2\0\0\0\0\0\0\0physmap/1/size\0" "4\0"));
        expect_sound(walk(i), "xenstore data");
    }
}

static void test_libxl_cut(void **state)
{
    struct image *i = libxl_stream(HVM, NULL, true);
    size_t whole = i->n;

    (void)state;
    i->n = whole - 8;
    expect(walk(i), "X09", "libxl END missing");
    i->n = whole - 8 - 16;
    expect(walk(i), "X12", "emulator state cut");
    i->n = whole - 3;
    expect(walk(i), "X10", "cut in END");
    i->n = 7;
    expect(walk(i), "X10", "cut in the header");
    i->n = 24;
    expect(walk(i), "X25", "no libxc stream");
    i->n = 24 + 40 + 100;
    expect(walk(i), "V61", "cut in libxc");
}

/* ---- runs of entries ---- */

static void test_runs(void **state)
{
    uint8_t list[8 * 300];

    (void)state;
    for (size_t k = 0; k < 300; k++)
        for (unsigned b = 0; b < 8; b++)
            list[8 * k + b] = (uint8_t)((0xf000000000001000ULL + k) >> (8 * b));
    assert_int_equal(v2_run(list, 300, false), 300);
    assert_int_equal(v2_run(list, 1, false), 1);
    list[8 * 299] ^= 1;
    assert_int_equal(v2_run(list, 300, false), 299);
    list[8 * 65 + 7] ^= 0x10;
    assert_int_equal(v2_run(list, 300, false), 65);
    list[8 * 2] ^= 4;
    assert_int_equal(v2_run(list, 300, false), 2);
    memset(list, 0xff, 16); /* a sum must not run into the type bits */
    list[15] = 0, memset(list + 8, 0, 8);
    assert_int_equal(v2_run(list, 2, false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hvm),         cmocka_unit_test(test_pv),
        cmocka_unit_test(test_version_2),   cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_converted),   cmocka_unit_test(test_pokes),
        cmocka_unit_test(test_padding),     cmocka_unit_test(test_orders),
        cmocka_unit_test(test_empty_vcpu),  cmocka_unit_test(test_bytes_lost),
        cmocka_unit_test(test_flips),       cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_cut_parts),   cmocka_unit_test(test_no_headers),
        cmocka_unit_test(test_remus),       cmocka_unit_test(test_libxl),
        cmocka_unit_test(test_libxl_pokes), cmocka_unit_test(test_libxl_tail),
        cmocka_unit_test(test_libxl_cut),   cmocka_unit_test(test_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
