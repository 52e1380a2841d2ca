/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversions between containers: what each writer puts around a stream, byte by byte, what is
 * carried over, and what is refused. Most run verbatim, so that the streams may be tiny.
 */
#include "images.h"

#include "../../lib/xsi_convert.h"

#define EMULATOR 2 /* qemu-upstream */
#define STATE    40

/* ---- a conversion of an image in memory ---- */

struct made {
    int code; /* errno of a refusal; 0: there is an output */
    char words[300], notes[4096], layers[200];
    size_t n;
    uint8_t bytes[IMAGE_MAX];
};

static void tell(struct made *m, const struct xsi_convert *c)
{
    const char *text;

    for (size_t i = 0; (text = xsi_convert_note(c, i)); i++) {
        strncat(m->notes, text, sizeof(m->notes) - strlen(m->notes) - 2);
        strcat(m->notes, "\n");
    }
    for (size_t i = 0; (text = xsi_convert_layer(c, i)); i++) {
        strcat(m->layers, i ? ">" : "");
        strcat(m->layers, text);
    }
}

static const struct made *convert(const struct image *i, const struct xsi_convert_options *options)
{
    static struct made m;
    struct xsi_source *src = xsi_source_memory(i->bytes, i->n);
    struct xsi_error err = { 0 };
    struct xsi_convert *c = xsi_convert_new(src, options, &err);
    ssize_t got = 0;

    memset(&m, 0, sizeof(m));
    if (c) {
        while ((got = xsi_source_read(xsi_convert_source(c), m.bytes + m.n, IMAGE_MAX - m.n, m.n)) >
               0)
            m.n += (size_t)got;
        if (got < 0)
            err = *xsi_source_error(xsi_convert_source(c));
        tell(&m, c);
    }
    m.code = err.code;
    snprintf(m.words, sizeof(m.words), "%s", err.text);
    xsi_convert_free(c);
    xsi_source_free(src);
    return &m;
}

static const struct made *into(const struct image *i, const char *to)
{
    return convert(i, &(struct xsi_convert_options){ .to = to, .verbatim = true, .force = true });
}

static void same(const struct made *m, const struct image *wanted)
{
    if (m->code)
        fail_msg("refused: %s", m->words);
    assert_int_equal(m->n, wanted->n);
    for (size_t i = 0; i < m->n; i++)
        if (m->bytes[i] != wanted->bytes[i])
            fail_msg("byte %zu is 0x%02x, not 0x%02x", i, m->bytes[i], wanted->bytes[i]);
}

static void refused(const struct made *m, const char *words)
{
    if (!m->code || !strstr(m->words, words))
        fail_msg("not refused for '%s': %d '%s'", words, m->code, m->words);
}

static void noted(const struct made *m, const char *words)
{
    if (!strstr(m->notes, words))
        fail_msg("no note '%s' in:\n%s", words, m->notes);
}

/* ---- pieces ---- */

static struct image wanted; /* what a test expects */

static struct image *expect(void)
{
    wanted.n = 0;
    return &wanted;
}

static void pad(struct image *i, size_t length)
{
    fill(i, 0, (8 - length % 8) % 8);
}

/* libxl's stream of an HVM guest, with both of the device model's records. */
static void libxl_hvm(struct image *i, uint32_t options, uint32_t id)
{
    static const char keys[] = "physmap/1/name\0vga";

    text(i, "LibxlFmt"), be(i, 2, 4), be(i, options, 4);
    le(i, 1, 4), le(i, 0, 4);
    libxc_v3(i, 2);
    le(i, 2, 4), le(i, 8 + sizeof(keys), 4), le(i, id, 4), le(i, 0, 4);
    put(i, keys, sizeof(keys)), pad(i, sizeof(keys));
    le(i, 3, 4), le(i, 8 + QEVM3_SIZE(STATE), 4), le(i, id, 4), le(i, 0, 4);
    qevm3(i, STATE), pad(i, QEVM3_SIZE(STATE));
    le(i, 0, 8);
}

static struct image *xl_hvm(void)
{
    struct image *i = xl_head(3, JSON("hvm"), sizeof(JSON("hvm")), 0);

    libxl_hvm(i, 0, EMULATOR);
    return i;
}

static void part_head(struct image *i, uint64_t type, uint64_t length)
{
    le(i, type, 8), le(i, length, 8);
}

static void xapi_v2(struct image *i, const char *xenops, bool demu, bool uefi)
{
    text(i, "XenSavedDomv2-\n");
    part_head(i, 0x0f, strlen(xenops)), text(i, xenops);
    part_head(i, 0xf0, 0), libxc_v3(i, 2);
    if (demu)
        part_head(i, 0xf10, 0), fill(i, 'd', 300);
    if (uefi)
        part_head(i, 0xf11, 200), fill(i, 'u', 200);
    part_head(i, 0xf00, QEVM3_SIZE(STATE)), qevm3(i, STATE);
    part_head(i, 0xffff, 0);
}

/* ---- v2 streams ---- */

static void test_xl_to_itself(void **state)
{
    struct image *i = xl_hvm();
    const struct made *m = into(i, "xl");

    (void)state;
    same(m, i);
    assert_string_equal(m->layers, "xl>libxl-v2>libxc-v3");
    assert_string_equal(m->notes, "");
}

/* xl.cfg text stays text, whatever the stream; the length of JSON counts its NUL. */
static void test_xl_text(void **state)
{
    static const char config[] = "name = \"old\"\nbuilder = 'hvm'\n";
    struct image *i = xl_head(2, config, sizeof(config) - 1, 0);

    (void)state;
    libxl_hvm(i, 0, EMULATOR);
    same(into(i, "xl"), i);
}

static void test_xl_to_libxl(void **state)
{
    struct image *i = xl_hvm();
    const struct made *m = into(i, "libxl-v2");

    (void)state;
    libxl_hvm(expect(), 0, EMULATOR);
    same(m, &wanted);
    noted(m, "configuration is left out");
}

static void test_libxl_to_xapi(void **state)
{
    struct image *i = xl_hvm();

    (void)state;
    refused(into(i, "xapi-v2"), "physmap");
    xapi_v2(expect(), "((time 19700101T00:00:00Z)(word_size 64))", false, false);
    same(convert(i,
                 &(struct xsi_convert_options){
                     .to = "xapi-v2", .verbatim = true, .force = true, .drop = true }),
         &wanted);
}

static void test_xapi_parts(void **state)
{
    struct image *i = &image;

    (void)state;
    i->n = 0;
    xapi_v2(i, XENOPS, false, true);
    same(into(i, "xapi-v2"), i);
    refused(into(i, "libxl-v2"), "VARSTORED");
    i->n = 0;
    xapi_v2(i, XENOPS, true, false);
    same(into(i, "xapi-v2"), i);
    refused(into(i, "xl"), "DEMU");
}

/* The emulator's id is not in a xapi image; nothing stands in xenstore there. */
static void test_xapi_to_libxl(void **state)
{
    struct image *i = &image, *w = expect();

    (void)state;
    i->n = 0;
    xapi_v2(i, XENOPS, false, false);
    text(w, "LibxlFmt"), be(w, 2, 4), be(w, 0, 4);
    le(w, 1, 4), le(w, 0, 4);
    libxc_v3(w, 2);
    le(w, 3, 4), le(w, 8 + QEVM3_SIZE(STATE), 4), le(w, 0, 8);
    qevm3(w, STATE), pad(w, QEVM3_SIZE(STATE));
    le(w, 0, 8);
    same(into(i, "libxl-v2"), w);
}

static void test_libvirt(void **state)
{
    struct image *i = &image;

    (void)state;
    i->n = 0;
    put(i, "libvirt-xml\n \0 \r", 16), le(i, 2, 4), le(i, sizeof(XML("hvm")), 4), fill(i, 0, 40);
    put(i, XML("hvm"), sizeof(XML("hvm")));
    libxl_hvm(i, 0, EMULATOR);
    same(into(i, "libvirt"), i);
}

/* The user's configuration is taken as it is. */
static void test_given_config(void **state)
{
    static const char given[] = "{ \"c_info\": { \"type\": \"hvm\", \"name\": \"new\" } }";
    struct image *i = xl_hvm(), *w;
    struct xsi_convert_options options = { .to = "xl", .verbatim = true, .force = true };

    (void)state;
    options.config = given;
    options.config_syntax = XSI_SYNTAX_JSON;
    w = expect();
    put(w, XL_TEXT, 32);
    le(w, 0x01020304, 4), le(w, 3, 4), le(w, 0, 4), le(w, sizeof(given) + 4, 4);
    le(w, sizeof(given), 4), put(w, given, sizeof(given));
    libxl_hvm(w, 0, EMULATOR);
    same(convert(i, &options), w);
}

/* ---- legacy streams and their records ---- */

static const struct form {
    const char *layer, *signature;
    unsigned length; /* 0 none, 1 little, 2 big-endian */
} forms[] = {
    { "qemu-trad", "QemuDeviceModelRecord", 0 },  { "qemu-xen", "DeviceModelRecord0002", 1 },
    { "qemu-remus", "RemusDeviceModelState", 1 }, { "qemu-xapi", "QemuDeviceModelRecord\n", 2 },
    { "qemu-le", "QemuDeviceModelRecord", 1 },
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static void record(struct image *i, const struct form *f)
{
    text(i, f->signature);
    if (f->length == 1)
        le(i, QEVM3_SIZE(STATE), 4);
    else if (f->length)
        be(i, QEVM3_SIZE(STATE), 4);
    qevm3(i, STATE);
}

static void test_records(void **state)
{
    char to[64];

    (void)state;
    for (size_t from = 0; from < FORMS; from++)
        for (size_t k = 0; k < FORMS; k++) {
            image.n = 0;
            legacy_hvm(&image), record(&image, &forms[from]);
            legacy_hvm(expect()), record(&wanted, &forms[k]);
            snprintf(to, sizeof(to), "libxc-legacy64>%s", forms[k].layer);
            same(into(&image, to), &wanted);
        }
}

/* What a container's own toolstack wants behind the stream. */
static void test_legacy_containers(void **state)
{
    static const char cfg[] = "name = \"old\"\nbuilder = 'hvm'\n";
    struct image *i = xl_head(0, cfg, sizeof(cfg) - 1, 0), *w;
    const struct made *m;

    (void)state;
    legacy_hvm(i), record(i, &forms[0]); /* xend's record */
    w = expect();
    put(w, i->bytes, 52 + sizeof(cfg) - 1);
    legacy_hvm(w), record(w, &forms[1]);
    same(into(i, "xl"), w);
    w = expect();
    text(w, "XenSavedDomain\n"), legacy_hvm(w), record(w, &forms[3]);
    m = into(i, "xapi");
    same(m, w);
    noted(m, "configuration is left out");
    i->n = 0;
    text(i, "LinuxGuestRecord"), be(i, sizeof(SXP("hvm")) - 1, 4), text(i, SXP("hvm"));
    legacy_hvm(i), record(i, &forms[0]);
    same(into(i, "xend"), i);
}

static void test_stray_record(void **state)
{
    const struct made *m;

    (void)state;
    image.n = 0;
    legacy_pv(&image), record(&image, &forms[1]);
    legacy_pv(expect());
    m = into(&image, "libxc-legacy64>qemu-xen");
    same(m, &wanted);
    noted(m, "a PV guest has no");
}

/* ---- a configuration where there is none ---- */

/* The devices of a short configuration are those that the device model's state names. */
static void test_sections(void **state)
{
    struct image *i = &image;

    (void)state;
    i->n = 0;
    qevm3(i, STATE);
    assert_true(qevm_has(i->bytes, i->n, "timer"));
    assert_true(qevm_has(i->bytes, i->n, "fdc"));
    assert_false(qevm_has(i->bytes, i->n, "dc"));
    for (size_t n = 0; n <= i->n; n++)
        assert_false(qevm_has(i->bytes, n, "serial"));
}

static void test_no_config(void **state)
{
    const struct made *m;

    (void)state;
    image.n = 0;
    legacy_pv(&image);
    m = into(&image, "xl");
    assert_string_equal(m->layers, "xl>libxc-legacy64");
    noted(m, "holds no configuration");
    assert_int_equal(m->code, 0);
    assert_memory_equal(m->bytes, XL_TEXT, 32);
    assert_non_null(memmem(m->bytes, m->n, "\"restored\"", 10));
    assert_memory_equal(m->bytes + m->n - image.n, image.bytes, image.n);
}

/* ---- refusals ---- */

static void test_refusals(void **state)
{
    struct image *i = xl_hvm();

    (void)state;
    refused(into(i, "xend"), "libxc-v3 inside");
    refused(into(i, "xapi"), "libxc-v3 inside");
    i->n = 0;
    legacy_hvm(i), record(i, &forms[0]);
    refused(into(i, "libxl-v2"), "libxc-legacy64 inside");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xl_to_itself), cmocka_unit_test(test_xl_text),
        cmocka_unit_test(test_xl_to_libxl),  cmocka_unit_test(test_libxl_to_xapi),
        cmocka_unit_test(test_xapi_parts),   cmocka_unit_test(test_xapi_to_libxl),
        cmocka_unit_test(test_libvirt),      cmocka_unit_test(test_given_config),
        cmocka_unit_test(test_records),      cmocka_unit_test(test_legacy_containers),
        cmocka_unit_test(test_stray_record), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_sections),     cmocka_unit_test(test_no_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
