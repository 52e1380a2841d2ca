/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Containers: a sound tiny image of each, and one for each thing that can be wrong with it. */
#include "images.h"

/* ---- xl ---- */

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

/* By letter: x Xenops, c Libxc, q Qemu_trad, v Varstored, d Demu, l Qemu_xen, e End, ? unknown. */
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
