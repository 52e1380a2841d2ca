/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Device-model records, the texts of configurations, and files that are no save image. */
#include "images.h"

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
