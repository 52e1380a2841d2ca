/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Containers, device-model records and foreign files: tiny images in memory, a sound one and one
 * for each thing that can be wrong with it.
 */
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

static void put(struct image *i, const void *bytes, size_t n)
{
    assert_true(n <= IMAGE_MAX - i->n);
    memcpy(i->bytes + i->n, bytes, n);
    i->n += n;
}

static void text(struct image *i, const char *s)
{
    put(i, s, strlen(s));
}

static void fill(struct image *i, uint8_t byte, size_t n)
{
    assert_true(n <= IMAGE_MAX - i->n);
    memset(i->bytes + i->n, byte, n);
    i->n += n;
}

static void le(struct image *i, uint64_t v, size_t n)
{
    for (size_t k = 0; k < n; k++, v >>= 8)
        fill(i, (uint8_t)v, 1);
}

static void be(struct image *i, uint64_t v, size_t n)
{
    while (n--)
        fill(i, (uint8_t)(v >> (8 * n)), 1);
}

/* ---- streams ---- */

/* Two pages of a legacy HVM guest, 64-bit toolstack, Xen 4.1. */
static void legacy_hvm(struct image *i)
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
static void legacy_pv(struct image *i)
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

static void libxc_v3(struct image *i, unsigned type)
{
    le(i, UINT64_MAX, 8);
    text(i, "XENF"), be(i, 3, 4), be(i, 0, 8);
    le(i, type, 4), le(i, 12, 2), le(i, 0, 2), le(i, 4, 4), le(i, 17, 4);
    le(i, 0x10, 4), le(i, 0, 4); /* STATIC_DATA_END */
    le(i, 0, 8);                 /* END */
}

static void libxl_v2(struct image *i, unsigned type)
{
    text(i, "LibxlFmt"), be(i, 2, 4), be(i, 0, 4);
    le(i, 1, 4), le(i, 0, 4); /* LIBXC_CONTEXT */
    libxc_v3(i, type);
    le(i, 0, 8);
}

static void qevm3(struct image *i, size_t data)
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

static void keep_chunk(struct seen *s, const struct xsi_chunk *c)
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

static void decode_nothing(struct xsi_sink *sink, const struct xsi_value *v)
{
    (void)sink;
    assert_true(v->kind == XSI_CLOSE || v->name || v->level);
}

static struct seen *walk(const struct image *i, const char *as)
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

static const char *told(const struct seen *s, const char *code)
{
    for (size_t i = 0; i < s->codes; i++)
        if (!strcmp(s->code[i].code, code))
            return s->code[i].text;
    return NULL;
}

/* Nothing but this of the containers' and records' own codes ("" = nothing at all). */
static void only(const struct seen *s, const char *code)
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

static const char *stack(const struct seen *s)
{
    static char out[200];

    out[0] = '\0';
    for (size_t i = 0; i < s->info.stack_length; i++) {
        strcat(out, i ? " " : "");
        strcat(out, s->info.stack[i]);
    }
    return out;
}

static const char *note_of(const struct seen *s, const char *type)
{
    for (size_t i = 0; i < s->chunks; i++)
        if (!strcmp(s->chunk[i].type, type))
            return s->chunk[i].note;
    fail_msg("no chunk %s", type);
    return "";
}

/* ---- xl ---- */

#define XL_TEXT "Xen saved domain, xl format\n \0 \r"
#define JSON(type)                                                                            \
    "{ \"c_info\": { \"type\": \"" type "\", \"name\": \"v\\u00e4m\", \"uuid\": \"u-1\" },\n" \
    "  \"b_info\": { \"max_vcpus\": 3, \"l\": [ 1, -2.5e3, true, null, {} ] } }\n"

static struct image image; /* of the running test */

static struct image *xl_head(uint32_t flags, const char *config, size_t length, uint32_t slack)
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

static struct image *xl_sound(const char *json)
{
    struct image *i = xl_head(3, json, strlen(json) + 1, 0);

    libxl_v2(i, 1);
    return i;
}

static void test_xl_sound(void **state)
{
    struct seen *s = walk(xl_sound(JSON("pv")), NULL);

    (void)state;
    only(s, "");
    assert_string_equal(stack(s), "xl libxl-v2 libxc-v3");
    assert_string_equal(s->info.name, "v\xc3\xa4m");
    assert_string_equal(s->info.uuid, "u-1");
    assert_int_equal(s->info.guest, XSI_GUEST_PV);
    assert_string_equal(s->chunk[0].type, "HEADER");
    assert_int_equal(s->chunk[0].length, 48);
    assert_string_equal(s->chunk[1].type, "CONFIG");
}

static void test_xl_legacy(void **state)
{
    const char *config = "# x\nname = \"old\"\nbuilder='hvm'\nvcpus = 2\ndisk = [ 'a,\nname=x' ]\n";
    struct image *i = xl_head(0, config, strlen(config), 0);
    struct seen *s;

    (void)state;
    legacy_hvm(i);
    text(i, "DeviceModelRecord0002"), le(i, QEVM3_SIZE(40), 4), qevm3(i, 40);
    s = walk(i, NULL);
    only(s, "");
    assert_string_equal(stack(s), "xl libxc-legacy64 qemu-xen");
    assert_string_equal(s->info.name, "old");
    assert_int_equal(s->info.guest, XSI_GUEST_HVM);
    assert_non_null(strstr(note_of(s, "QEMU_RECORD"), "95 bytes of QEVM version 3"));
}

static void test_xl_pvh(void **state)
{
    struct image *i = xl_head(3, JSON("pvh"), sizeof(JSON("pvh")), 0);
    struct seen *s;

    (void)state;
    libxl_v2(i, 2);
    s = walk(i, NULL);
    only(s, "");
    assert_int_equal(s->info.guest, XSI_GUEST_PVH);
}

/* One byte of a sound image changed, and what is said of it. */
static void test_xl_flips(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *code;
    } rows[] = {
        { 3, 'x', "C30" }, { 27, '\r', "C30" }, { 35, 0, "C31" },  { 36, 1, "C35" },
        { 36, 2, "C37" },  { 36, 7, "C33" },    { 40, 1, "C34" },  { 45, 9, "C41" },
        { 49, 9, "C41" },  { 53, '#', "C38" },  { 47, 80, "C41" },
    };

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct image *i = xl_sound(JSON("pv"));
        struct seen *s;

        i->bytes[rows[r].at] = rows[r].value;
        s = walk(i, NULL);
        only(s, rows[r].code);
        assert_non_null(strstr(stack(s), "xl libxl-v2"));
        assert_int_not_equal(s->info.exit | !strcmp(rows[r].code, "C34"), 0);
    }
}

static void test_xl_text_mode(void **state)
{
    struct image *i = &image;
    struct seen *s;

    (void)state;
    i->n = 0;
    text(i, "Xen saved domain, xl format\r\n "), fill(i, 0, 1), text(i, " \r");
    le(i, 0x01020304, 4), le(i, 2, 4), le(i, 0, 8);
    libxl_v2(i, 1);
    s = walk(i, NULL);
    assert_non_null(strstr(told(s, "C30"), "text-mode"));
    assert_non_null(told(s, "C40"));
    assert_int_equal(s->chunk[0].length, 49);
    assert_string_equal(stack(s), "xl libxl-v2 libxc-v3");
}

static void test_xl_big_endian(void **state)
{
    struct image *i = &image;

    (void)state;
    i->n = 0;
    put(i, XL_TEXT, 32);
    be(i, 0x01020304, 4), be(i, 3, 4), be(i, 0, 4), be(i, 8, 4);
    be(i, 4, 4), put(i, "{ }", 4);
    libxl_v2(i, 1);
    assert_non_null(told(walk(i, NULL), "C32"));
}

static void test_xl_config(void **state)
{
    static const char no_name[] = "{ \"c_info\": { \"type\": \"pv\" } }";
    struct image *i = xl_head(3, no_name, sizeof(no_name), 0);

    (void)state;
    libxl_v2(i, 1);
    only(walk(i, NULL), "C39");
    i = xl_head(3, JSON("hvm"), sizeof(JSON("hvm")), 0);
    libxl_v2(i, 1);
    only(walk(i, NULL), "C42");
    i = xl_head(3, JSON("pv"), sizeof(JSON("pv")), 8);
    libxl_v2(i, 1);
    only(walk(i, NULL), "C45");
    i = xl_head(3, JSON("pv"), sizeof(JSON("pv")), 0);
    legacy_pv(i);
    only(walk(i, NULL), "C36");
    i = xl_head(3, JSON("pv"), sizeof(JSON("pv")), 0);
    libxc_v3(i, 1);
    only(walk(i, NULL), "C46");
    i = xl_head(3, JSON("pv"), sizeof(JSON("pv")), 0);
    fill(i, 0xb7, 5000);
    only(walk(i, NULL), "C44");
}

/* Every prefix of the head is listed up to its end, and told to be cut. */
static void test_xl_prefixes(void **state)
{
    struct image *i = xl_sound(JSON("pv"));
    size_t n = i->n, head = 48 + 4 + sizeof(JSON("pv"));

    (void)state;
    for (i->n = 8; i->n <= head; i->n++) {
        struct seen *s = walk(i, NULL);

        assert_string_equal(stack(s), "xl");
        assert_int_equal(s->info.exit & 4, 4);
        only(s, i->n == 48 || i->n == head ? "C43" : "");
    }
    i->n = n;
}

/* ---- xend ---- */

#define SXP(image) \
    "(domain (domid 4) (name 'x y') (uuid u-2) (vcpus 2) (image (" image " (a \"(\"))))"

static struct image *xend(const char *config, uint32_t length, bool hvm)
{
    struct image *i = &image;

    i->n = 0;
    text(i, "LinuxGuestRecord"), be(i, length, 4), text(i, config);
    if (!hvm) {
        legacy_pv(i);
        return i;
    }
    legacy_hvm(i);
    text(i, "QemuDeviceModelRecord"), qevm3(i, 40);
    return i;
}

static void test_xend(void **state)
{
    uint32_t n = sizeof(SXP("hvm")) - 1;
    struct seen *s = walk(xend(SXP("hvm"), n, true), NULL);
    struct image *i;

    (void)state;
    only(s, "");
    assert_string_equal(stack(s), "xend libxc-legacy64 qemu-trad");
    assert_string_equal(s->info.name, "x y");
    assert_string_equal(s->info.uuid, "u-2");
    only(walk(xend(SXP("linux"), n + 2, true), NULL), "C53");
    only(walk(xend(SXP("hvm"), n << 24, true), NULL), "C51");
    only(walk(xend(SXP("hvm"), 0xffffff00, true), NULL), "C51");
    only(walk(xend(SXP("linux"), n + 2, false), NULL), "");
    i = xend(SXP("hvm"), n, true);
    i->bytes[20 + n - 1] = ' ';
    only(walk(i, NULL), "C52");
    i = xend(SXP("hvm"), n, true);
    i->bytes[0] = 'l';
    only(walk(i, NULL), "C50");
    i = xend(SXP("hvm"), n, true);
    i->n = 20 + n;
    only(walk(i, NULL), "C54");
    fill(i, 0xb7, 5000);
    only(walk(i, NULL), "C55");
    i->n = 20 + n;
    libxl_v2(i, 2);
    only(walk(i, NULL), "C56");
}

/* ---- libvirt ---- */

#define XML(type)                                                                          \
    "<?xml version='1.0'?>\n<domain type='xen' id='1'>\n <name>a&amp;b</name><!-- > -->\n" \
    " <uuid>u-3</uuid>\n <vcpu>2</vcpu>\n <os><type arch='x'>" type                        \
    "</type></os>\n <on/></domain>\n"

static struct image *libvirt(uint32_t version, const char *xml, uint32_t length)
{
    struct image *i = &image;

    i->n = 0;
    put(i, "libvirt-xml\n \0 \r", 16);
    le(i, version, 4), le(i, length, 4), fill(i, 0, 40);
    put(i, xml, strlen(xml) + 1);
    return i;
}

static void test_libvirt(void **state)
{
    static const struct {
        uint32_t version, more;
        const char *xml;
        bool legacy;
        const char *code;
    } rows[] = {
        { 2, 0, XML("linux"), false, "" },    { 1, 0, XML("linux"), true, "" },
        { 1, 0, XML("linux"), false, "C71" }, { 2, 0, XML("linux"), true, "C72" },
        { 9, 0, XML("linux"), false, "C73" }, { 2, 70000, XML("linux"), false, "C74" },
        { 2, 0, XML("hvm"), false, "C76" },   { 2, 0, "<domain type='xen'><a></b>", false, "C75" },
    };
    struct image *i;
    struct seen *s;

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        i = libvirt(rows[r].version, rows[r].xml, (uint32_t)strlen(rows[r].xml) + 1 + rows[r].more);
        if (rows[r].legacy)
            legacy_pv(i);
        else
            libxl_v2(i, 1);
        s = walk(i, NULL);
        only(s, rows[r].code);
        assert_non_null(strstr(stack(s), rows[r].legacy ? "libvirt libxc" : "libvirt libxl-v2"));
    }
    i = libvirt(2, XML("linux"), sizeof(XML("linux")));
    only(walk(i, NULL), "C77");
    assert_string_equal(walk(i, NULL)->info.name, "a&b");
    fill(i, 0xb7, 5000);
    only(walk(i, NULL), "C78");
    i = libvirt(2, XML("linux"), sizeof(XML("linux")));
    libxl_v2(i, 1);
    i->bytes[0] = 'L';
    only(walk(i, NULL), "C70");
}

static void test_libvirt_lookalikes(void **state)
{
    struct image *i = libvirt(300, "<domain type='ch'><name>a</name></domain>", 0);

    (void)state;
    fill(i, 0xb7, 300);
    only(walk(i, NULL), "C85");
    i = libvirt(2, "<domain type='ch'></domain>", 28);
    libxl_v2(i, 1);
    only(walk(i, NULL), "C79");
    i->n = 0;
    text(i, "LibvirtQemudSave"), fill(i, 2, 300);
    only(walk(i, NULL), "C85");
}

/* ---- xapi ---- */

static struct image *xapi(bool hvm)
{
    struct image *i = &image;

    i->n = 0;
    text(i, "XenSavedDomain\n");
    if (hvm)
        legacy_hvm(i);
    else
        legacy_pv(i);
    return i;
}

static void xapi_record(struct image *i)
{
    text(i, "QemuDeviceModelRecord\n"), be(i, QEVM3_SIZE(40), 4), qevm3(i, 40);
}

static void test_xapi(void **state)
{
    struct image *i = xapi(true);
    struct seen *s;

    (void)state;
    xapi_record(i), fill(i, 0, 4096);
    s = walk(i, NULL);
    only(s, "C58"); /* a 64-bit toolstack's stream */
    assert_non_null(told(s, "C11"));
    assert_string_equal(stack(s), "xapi libxc-legacy64 qemu-xapi");
    only(walk(xapi(false), NULL), "C58");
    assert_non_null(told(walk(xapi(true), NULL), "C57"));
    i = xapi(true), fill(i, 0, 12), xapi_record(i);
    s = walk(i, NULL);
    assert_null(told(s, "C57"));
    assert_non_null(strstr(stack(s), "qemu-xapi"));
    i = xapi(true), xapi_record(i);
    i->bytes[2] = 'X';
    assert_non_null(told(walk(i, NULL), "C60"));
    i->n = 15;
    i->bytes[2] = 'n';
    only(walk(i, NULL), "C69");
    fill(i, 0xb7, 5000);
    only(walk(i, NULL), "C61");
    i->n = 15;
    libxc_v3(i, 2);
    only(walk(i, NULL), "C59");
}

static void part(struct image *i, uint64_t type, uint64_t length)
{
    le(i, type, 8), le(i, length, 8);
}

#define XENOPS "((time 1)(word_size 64)(vm_str \"{\\\"ty\\\": [\\\"HVM\\\", {}]}\"))"

/* Parts by letter: x Xenops, c Libxc, q Qemu_trad, v Varstored, d Demu, e End, ? unknown, l Libxl. */
static struct image *xapi_v2(const char *parts, uint64_t more)
{
    struct image *i = &image;

    i->n = 0;
    text(i, "XenSavedDomv2-\n");
    for (; *parts; parts++) {
        switch (*parts) {
        case 'x':
            part(i, 0x0f, sizeof(XENOPS) - 1), text(i, XENOPS);
            break;
        case 'c':
            part(i, 0xf0, 0), libxc_v3(i, 2);
            break;
        case 'q':
            part(i, 0xf00, QEVM3_SIZE(40) + more), qevm3(i, 40);
            break;
        case 'v':
            part(i, 0xf11, 300), fill(i, 0x33, 300);
            break;
        case 'd':
            part(i, 0xf10, 0), fill(i, 0x44, 500);
            break;
        case 'l':
            part(i, 0xf01, 20), fill(i, 0x44, 20);
            break;
        case '?':
            part(i, 0x1234, 20), fill(i, 0x44, 20);
            break;
        default:
            part(i, 0xffff, 0);
            break;
        }
    }
    return i;
}

static void test_xapi_v2(void **state)
{
    static const struct {
        const char *parts;
        uint64_t more;
        const char *code;
    } rows[] = {
        { "xcqe", 0, "" },
        { "xcvqe", 0, "" },
        { "xcdvqe", 0, "" },
        { "xcqe", 7, "C63" },
        { "xcqe", 1ULL << 40, "C63" },
        { "xc?qe", 0, "C62" },
        { "xqe", 0, "C64" },
        { "xcq", 0, "C65" },
        { "xqce", 0, "C66" },
        { "xcqqe", 0, "C66" },
        { "xclqe", 0, "C67" },
        { "x", 0, "C69" },
        { "xce", 0, "C57" },
    };
    struct seen *s;

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        s = walk(xapi_v2(rows[r].parts, rows[r].more), NULL);
        if (!strcmp(rows[r].code, "C67"))
            assert_non_null(told(s, "C67"));
        else
            only(s, rows[r].code);
        if (strchr(rows[r].parts, 'e'))
            assert_string_equal(s->chunk[s->chunks - 1].type, "END_OF_IMAGE");
    }
    s = walk(xapi_v2("xcqe", 0), NULL);
    assert_string_equal(stack(s), "xapi-v2 libxc-v3");
    assert_string_equal(note_of(s, "QEMU_TRAD"), "95 bytes of QEVM version 3");
    assert_int_equal(s->info.guest, XSI_GUEST_HVM);
}

static void test_xapi_v2_guest(void **state)
{
    struct image *i = &image;

    (void)state;
    i->n = 0;
    text(i, "XenSavedDomv2-\n");
    part(i, 0x0f, sizeof(XENOPS) - 1), text(i, XENOPS);
    part(i, 0xf0, 0), libxc_v3(i, 1);
    part(i, 0xf00, QEVM3_SIZE(40)), qevm3(i, 40);
    part(i, 0xffff, 0);
    only(walk(i, NULL), "C68");
}

/* ---- records ---- */

static struct image *record(const char *signature, unsigned form, uint64_t length, size_t data)
{
    struct image *i = &image;

    i->n = 0;
    text(i, signature);
    if (form == QEMU_XAPI)
        text(i, "\n"), be(i, length, 4);
    else if (form != QEMU_TRAD)
        le(i, length, 4);
    qevm3(i, data);
    return i;
}

static void test_record_forms(void **state)
{
    static const struct {
        const char *signature;
        unsigned form;
        const char *layer, *code;
    } rows[] = {
        { "QemuDeviceModelRecord", QEMU_TRAD, "qemu-trad", "" },
        { "QemuDeviceModelRecord", QEMU_XAPI, "qemu-xapi", "" },
        { "QemuDeviceModelRecord", QEMU_LE, "qemu-le", "Q09" },
        { "DeviceModelRecord0002", QEMU_XEN, "qemu-xen", "" },
        { "RemusDeviceModelState", QEMU_REMUS, "qemu-remus", "" },
        { "BogusDeviceModelState", QEMU_REMUS, "qemu-remus", "Q06" },
        { "QemuDeviceModelRecxrd", QEMU_XAPI, "qemu-xapi", "Q06" },
    };
    struct image *i = &image;
    struct seen *s;

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        s = walk(record(rows[r].signature, rows[r].form, QEVM3_SIZE(40), 40), NULL);
        only(s, rows[r].code);
        assert_string_equal(stack(s), rows[r].layer);
        assert_int_equal(s->chunks, 1);
        assert_string_equal(s->chunk[0].note, "95 bytes of QEVM version 3");
    }
    i->n = 0;
    qevm3(i, 40);
    s = walk(i, NULL);
    only(s, "Q12");
    assert_string_equal(stack(s), "qemu-unknown");
    assert_string_equal(s->chunk[0].type, "QEMU_STATE");
}

static void test_record_damage(void **state)
{
    const uint64_t n = QEVM3_SIZE(40);
    struct image *i;

    (void)state;
    only(walk(record("DeviceModelRecord0002", QEMU_XEN, n << 24, 40), NULL), "Q05");
    only(walk(record("DeviceModelRecord0002", QEMU_XEN, n + 5, 40), NULL), "Q03");
    only(walk(record("DeviceModelRecord0002", QEMU_XEN, n - 2, 40), NULL), "Q10");
    assert_non_null(told(walk(record("DeviceModelRecord0002", QEMU_XEN, 0, 40), NULL), "Q04"));
    only(walk(record("QemuDeviceModelRecord", QEMU_XAPI, n << 24, 40), NULL), "Q05");
    i = record("DeviceModelRecord0002", QEMU_XEN, n, 40);
    i->bytes[26] = 'e';
    only(walk(i, NULL), "Q02");
    i = record("QemuDeviceModelRecord", QEMU_TRAD, 0, 40);
    i->bytes[22] = 'e';
    only(walk(i, NULL), "Q02");
    i = record("QemuDeviceModelRecord", QEMU_TRAD, 0, 40);
    i->bytes[28] = 9;
    only(walk(i, NULL), "Q08");
    i = record("QemuDeviceModelRecord", QEMU_TRAD, 0, 40);
    fill(i, 0, 9000);
    only(walk(i, NULL), "Q07");
    i = record("QemuDeviceModelRecord", QEMU_XAPI, 2 << 20, 40);
    assert_non_null(told(walk(i, NULL), "Q13"));
    i = record("QemuDeviceModelRecord", QEMU_TRAD, 0, 40);
    i->bytes[28] = 2;
    memset(i->bytes + 29, 0, 8);
    i->bytes[36] = 77;
    only(walk(i, NULL), "Q11");
    i->bytes[36] = (uint8_t)n;
    only(walk(i, NULL), "");
}

static void test_record_prefixes(void **state)
{
    struct image *i = record("DeviceModelRecord0002", QEMU_XEN, QEVM3_SIZE(40), 40);

    (void)state;
    for (i->n = 4; i->n < 25 + QEVM3_SIZE(40); i->n++) {
        only(walk(i, NULL), "Q03");
        assert_int_equal(walk(i, NULL)->info.exit & 4, 4);
    }
}

static void test_stray_record(void **state)
{
    struct image *i = &image;
    struct seen *s;

    (void)state;
    i->n = 0;
    legacy_pv(i);
    text(i, "QemuDeviceModelRecord"), qevm3(i, 40);
    s = walk(i, NULL);
    only(s, "Q01");
    assert_non_null(strstr(told(s, "Q01"), "1970103633"));
    i->n = 0;
    legacy_hvm(i);
    text(i, "QemuDeviceModelRecord"), qevm3(i, 40);
    only(walk(i, NULL), "");
}

static void test_other_form(void **state)
{
    const char *config = "name='a'\nbuilder='hvm'\n";
    struct image *i = xl_head(0, config, strlen(config), 0);

    (void)state;
    legacy_hvm(i);
    text(i, "QemuDeviceModelRecord"), qevm3(i, 40);
    only(walk(i, NULL), "Q09");
}

/* ---- sections of device-model state ---- */

struct sections {
    struct xsi_sink sink;
    unsigned groups;
    char names[64];
    uint64_t data;
};

static void count_sections(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct sections *s = (struct sections *)(void *)sink;

    if (v->kind == XSI_GROUP)
        s->groups++;
    if (v->kind == XSI_TEXT && !strcmp(v->name, "name") && strlen(s->names) + 20 < sizeof(s->names))
        snprintf(s->names + strlen(s->names), 20, "%.*s ", (int)v->text_length, v->text);
    if (v->kind == XSI_UINT && !strcmp(v->name, "data"))
        s->data += v->number;
}

static void sections(const struct image *i, unsigned detail, struct sections *out)
{
    struct xsi_decode d = {
        .bytes = i->bytes, .have = i->n, .length = i->n, .detail = detail, .sink = &out->sink
    };

    memset(out, 0, sizeof(*out));
    out->sink.value = count_sections;
    qevm_decode(&d, 0, i->n);
}

static void test_sections(void **state)
{
    struct image *i = &image;
    struct sections s;

    (void)state;
    i->n = 0;
    qevm3(i, 40);
    sections(i, 2, &s);
    assert_int_equal(s.groups, 2);
    assert_string_equal(s.names, "timer fdc ");
    assert_int_equal(s.data, 50);
    sections(i, 1, &s);
    assert_int_equal(s.groups, 0);
    for (size_t n = i->n; n--; sections(i, 2, &s))
        i->n = n;
    i->n = 0;
    text(i, "QEVM"), be(i, 2, 4), be(i, 16 + 2 * 20, 8);
    for (int k = 0; k < 2; k++)
        be(i, 3, 1), text(i, "ide"), be(i, k, 4), be(i, 1, 4), be(i, 4, 4), fill(i, 7, 4);
    sections(i, 2, &s);
    assert_string_equal(s.names, "ide ide ");
    assert_int_equal(s.data, 8);
}

/* ---- configuration texts ---- */

static void test_json(void **state)
{
    static const char *const good[] = { "{}", "{\"a\":[]}",
                                        "{\"a\":[{\"b\":-0.5E+3}],\"c\":\"\\\"\"}",
                                        " {\t\"a\" : null }\n" };
    static const char *const bad[] = {
        "",
        "x",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":1}}",
        "{\"a\":[1}",
        "{a:1}",
        "{\"a\":tru}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "[1]",
    };
    struct config_facts f;
    char deep[600];

    (void)state;
    for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++) {
        config_json((const uint8_t *)good[k], strlen(good[k]) + 1, true, &f);
        assert_null(f.problem);
        assert_true(f.complete);
    }
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        config_json((const uint8_t *)bad[k], strlen(bad[k]), true, &f);
        if (!f.problem)
            fail_msg("no problem seen in %s", bad[k]);
    }
    memset(deep, '[', sizeof(deep));
    memcpy(deep, "{\"a\":", 5);
    config_json((const uint8_t *)deep, sizeof(deep), true, &f);
    assert_non_null(f.problem);
    /* cut off is not damaged */
    config_json((const uint8_t *)good[2], 10, false, &f);
    assert_null(f.problem);
    assert_false(f.complete);
}

/* Every prefix and every single changed byte of each text: no read beyond it (ASan), no hang. */
static void test_texts_hostile(void **state)
{
    static const struct {
        void (*scan)(const uint8_t *text, size_t n, bool whole, struct config_facts *f);
        const char *text;
    } rows[] = {
        { config_json, JSON("hvm") },
        { config_sxp, SXP("hvm") },
        { config_xenops, XENOPS },
        { config_xml, XML("hvm") },
        { config_lines, "a=[ 'x' ]\nname=\"y\"\nvcpus=2\n" },
    };
    struct config_facts f;

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        size_t n = strlen(rows[r].text);

        for (size_t cut = 0; cut <= n; cut++) {
            uint8_t *copy = malloc(cut + 1);

            memcpy(copy, rows[r].text, cut);
            rows[r].scan(copy, cut, cut & 1, &f);
            for (size_t k = 0; cut == n && k < n; k++) {
                copy[k] ^= 1 << (k % 8);
                rows[r].scan(copy, n, true, &f);
                copy[k] = (uint8_t)rows[r].text[k];
            }
            free(copy);
        }
    }
}

/* ---- foreign files ---- */

static void test_foreign(void **state)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t length;
        const char *code;
    } rows[] = {
        { 0, "conectix", 8, "C80" },          { 0, "vhdxfile", 8, "C81" },
        { 0, "QFI\xfb", 4, "C82" },           { 0, "KDMV", 4, "C83" },
        { 64, "\x7f\x10\xda\xbe", 4, "C84" }, { 0, "LibvirtQemudSave", 16, "C85" },
        { 0, "QEVM\0\0\0\3\7", 9, "C86" },    { 0, "\xee\xfe\x0b\xf0", 4, "C87" },
        { 0, "\xd2\xbe\xd2\xbe", 4, "C88" },  { 0, "PAGEDU64", 8, "C89" },
        { 257, "ustar", 5, "C90" },           { 1080, "\x53\xef", 2, "C91" },
        { 512, "EFI PART", 8, "C92" },        { 0, "\x89LZO\0\r\n\x1a\n", 9, "C97" },
        { 0, "LUKS\xba\xbe", 6, "C98" },      { 0, "%PDF-", 5, "C99" },
    };
    struct image *i = &image;

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct seen *s;

        i->n = 0;
        fill(i, 0x01, 16384);
        if (!strcmp(rows[r].code, "C91")) /* a superblock's other numbers */
            memset(i->bytes + 1024, 0, 264), memset(i->bytes + 1024, 8, 8);
        memcpy(i->bytes + rows[r].at, rows[r].bytes, rows[r].length);
        s = walk(i, NULL);
        only(s, rows[r].code);
        assert_string_equal(stack(s), "foreign");
        assert_int_equal(s->chunks, 1);
        assert_int_equal(s->info.exit & 16, 16);
        assert_non_null(strstr(told(s, rows[r].code), "next: "));
    }
}

static void test_foreign_other(void **state)
{
    struct image *i = &image;
    struct seen *s;

    (void)state;
    i->n = 0, fill(i, 0, 200000);
    only(walk(i, NULL), "C94");
    i->n = 0, fill(i, 0xff, 200000);
    only(walk(i, NULL), "C95");
    i->n = 0;
    text(i, "2026-01-01 xc: error: Max batch size exceeded (1970103633). Giving up.\n");
    s = walk(i, NULL);
    only(s, "C93");
    assert_non_null(strstr(told(s, "C93"), "log of Xen's tools"));
    i->n = 0;
    text(i, "receive\n"), text(i, "LinuxGuestRecord");
    be(i, sizeof(SXP("linux")) - 1, 4), text(i, SXP("linux")), legacy_pv(i);
    s = walk(i, NULL);
    only(s, "C96");
    assert_string_equal(stack(s), "foreign xend libxc-legacy64");
    assert_string_equal(s->chunk[0].type, "BANNER");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xl_sound),
        cmocka_unit_test(test_xl_legacy),
        cmocka_unit_test(test_xl_pvh),
        cmocka_unit_test(test_xl_flips),
        cmocka_unit_test(test_xl_text_mode),
        cmocka_unit_test(test_xl_big_endian),
        cmocka_unit_test(test_xl_config),
        cmocka_unit_test(test_xl_prefixes),
        cmocka_unit_test(test_xend),
        cmocka_unit_test(test_libvirt),
        cmocka_unit_test(test_libvirt_lookalikes),
        cmocka_unit_test(test_xapi),
        cmocka_unit_test(test_xapi_v2),
        cmocka_unit_test(test_xapi_v2_guest),
        cmocka_unit_test(test_record_forms),
        cmocka_unit_test(test_record_damage),
        cmocka_unit_test(test_record_prefixes),
        cmocka_unit_test(test_stray_record),
        cmocka_unit_test(test_other_form),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_texts_hostile),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_foreign_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
