/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configurations: from each syntax into each, changed in place, with secrets hidden; and texts that
 * nobody wrote in good faith. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/config/change.h"

#define SYNTAXES 4
#define UUID     "614d8f2d-7e81-4958-82b5-5e7ba5c9a74e"

/* The same HVM guest in each syntax; tests want one member after the other to survive. */
static const char hvm_json[] =
    "{\n    \"c_info\": {\n        \"type\": \"hvm\",\n        \"name\": \"web & <co> 'x' "
    "\\\"y\\\"\","
    "\n        \"uuid\": \"" UUID "\"\n    },\n"
    "    \"b_info\": {\n        \"max_vcpus\": 4,\n        \"avail_vcpus\": [\n            0,\n"
    "            1\n        ],\n        \"max_memkb\": 1048576,\n        \"target_memkb\": "
    "524288,\n"
    "        \"claim_mode\": \"True\",\n        \"cpuid\": [ { \"leaf\": 1 } ],\n"
    "        \"type.hvm\": {\n            \"boot\": \"dc\",\n            \"vnc\": {\n"
    "                \"enable\": \"True\",\n                \"listen\": \"::1\",\n"
    "                \"passwd\": \"S3cret-vnc\",\n                \"display\": 7\n            },\n"
    "            \"spice\": {\n                \"passwd\": \"S3cret-spice\"\n            }\n"
    "        }\n    },\n"
    "    \"disks\": [\n        {\n            \"pdev_path\": \"/dev/vg/root\",\n"
    "            \"vdev\": \"xvda\",\n            \"backend\": \"phy\",\n"
    "            \"format\": \"raw\",\n            \"readwrite\": 1\n        },\n"
    "        {\n            \"pdev_path\": \"/srv/a.qcow2\",\n            \"vdev\": \"xvdb\",\n"
    "            \"backend\": \"qdisk\",\n            \"format\": \"qcow2\",\n"
    "            \"readwrite\": 0\n        }\n    ],\n"
    "    \"nics\": [\n        {\n            \"devid\": 0,\n"
    "            \"mac\": \"00:16:3e:12:34:56\",\n            \"bridge\": \"xenbr0\",\n"
    "            \"model\": \"e1000\",\n            \"script\": \"vif-bridge\"\n        }\n    ],\n"
    "    \"pcidevs\": [\n        {\n            \"bus\": 7\n        }\n    ],\n"
    "    \"on_reboot\": \"restart_rename\"\n}\n";

static const char pv_cfg[] =
    "# of 2011 [ not a list\n"
    "name = 'db'; memory = 256\n"
    "uuid=\"" UUID "\"\n"
    "kernel = \"/boot/vmlinuz\"\n"
    "root = \"/dev/xvda1 ro\"\n"
    "extra = \"console=hvc0 a=\\\"b\\\"\"\n"
    "vcpus=2\n"
    "disk = [ 'phy:/dev/vg/db,xvda,w', # the root\n"
    "         'file:/srv/x.iso,xvdc:cdrom,r',\n"
    "         'format=vhd, vdev=xvdd, access=ro, target=/srv/a,b.vhd' ]\n"
    "vif = [ 'mac=00:16:3e:00:00:01,bridge=br1', 'bridge=br2,rate=10Mb/s' ]\n"
    "vfb = [ 'vnc=1,vncpasswd=S3cret-vfb' ]\n"
    "pci = [ '00:1d.0' ]\n";

/* ---- helpers ---- */

static struct xsi_config_out out; /* too big for a stack */

static void translate(const char *text, enum xsi_config_syntax from, enum xsi_config_syntax to)
{
    int rc = xsi_config_translate(text, strlen(text), from, to, &out);

    if (rc)
        fail_msg("%s to %s: %d %s\n%s", xsi_config_syntax_name(from), xsi_config_syntax_name(to),
                 rc, out.problem, text);
    assert_non_null(out.text);
    assert_int_equal(strlen(out.text), out.length);
    assert_int_equal(xsi_config_guess(out.text, out.length), to);
}

static const char *value_of(const char *text, enum xsi_config_syntax syntax, const char *key)
{
    static struct xsi_config_member m;

    return xsi_config_member(text, strlen(text), syntax, key, &m) ? m.value : NULL;
}

static bool left_out(const char *name)
{
    for (size_t i = 0; i < out.left_out_count; i++)
        if (!strcmp(out.left_out[i], name))
            return true;
    return false;
}

static void no_secret(const char *text)
{
    assert_null(strstr(text, "S3cret"));
}

/* Members by their keys; value NULL: not in that syntax. */
struct row {
    const char *key, *value;
};

static void expect(const char *text, enum xsi_config_syntax syntax, const struct row *rows)
{
    for (; rows->key; rows++) {
        const char *value = value_of(text, syntax, rows->key);

        if (!value || strcmp(value, rows->value) != 0)
            fail_msg("%s: %s is %s, not %s\n%s", xsi_config_syntax_name(syntax), rows->key,
                     value ? value : "missing", rows->value, text);
    }
}

/* ---- translation ---- */

static const struct row hvm_rows[] = {
    { "name", "web & <co> 'x' \"y\"" },
    { "uuid", UUID },
    { "vcpus", "4" },
    { "maxmem", "1048576k" },
    { "memory", "524288k" },
    { "disk0.target", "/dev/vg/root" },
    { "disk0.vdev", "xvda" },
    { "disk1.target", "/srv/a.qcow2" },
    { "nic0.mac", "00:16:3e:12:34:56" },
    { "nic0.bridge", "xenbr0" },
    { "nic0.model", "e1000" },
    { "on_reboot", "rename-restart" },
    { "on_crash", "destroy" },
    { "vnc.listen", "::1" },
    { "vnc.display", "7" },
    { NULL, NULL },
};

/* What libxl, xl, libvirt and xend write differently is the same guest. */
static void all_pairs(void **state)
{
    (void)state;
    for (unsigned a = 1; a <= SYNTAXES; a++)
        for (unsigned b = 1; b <= SYNTAXES; b++) {
            char *first, *second;

            translate(hvm_json, XSI_CONFIG_JSON, (enum xsi_config_syntax)a);
            first = out.text;
            expect(first, (enum xsi_config_syntax)a, hvm_rows);
            translate(first, (enum xsi_config_syntax)a, (enum xsi_config_syntax)b);
            second = out.text;
            expect(second, (enum xsi_config_syntax)b, hvm_rows);
            translate(second, (enum xsi_config_syntax)b, XSI_CONFIG_JSON);
            expect(out.text, XSI_CONFIG_JSON, hvm_rows);
            assert_non_null(strstr(out.text, "\"type\": \"hvm\""));
            assert_non_null(strstr(out.text, "\"type.hvm\": {"));
            assert_non_null(strstr(out.text, "\"boot\": \"dc\""));
            assert_non_null(strstr(out.text, "\"passwd\": \"S3cret-vnc\""));
            assert_non_null(
                strstr(out.text, "\"format\": \"qcow2\",\n            \"readwrite\": 0"));
            free(first);
            free(second);
            xsi_config_out_free(&out);
        }
}

static void pv_of_old(void **state)
{
    static const struct row rows[] = {
        { "name", "db" },
        { "vcpus", "2" },
        { "memory", "262144k" },
        { "kernel", "/boot/vmlinuz" },
        { "cmdline", "root=/dev/xvda1 ro console=hvc0 a=\"b\"" },
        { "disk0.target", "/dev/vg/db" },
        { "disk1.vdev", "xvdc" },
        { "nic1.bridge", "br2" },
        { NULL, NULL },
    };

    (void)state;
    for (unsigned to = 1; to <= SYNTAXES; to++) {
        translate(pv_cfg, XSI_CONFIG_CFG, (enum xsi_config_syntax)to);
        expect(out.text, (enum xsi_config_syntax)to, rows);
        assert_true(left_out("pci"));
        assert_true(left_out("vif/*/rate"));
        /* xl 4.1 has no way to write a comma in a path */
        assert_int_equal(left_out("disk/*/target"), to == XSI_CONFIG_CFG);
        assert_int_equal(strstr(out.text, "a,b.vhd") != NULL, to != XSI_CONFIG_CFG);
        xsi_config_out_free(&out);
    }
}

static void what_is_left_out(void **state)
{
    (void)state;
    translate(hvm_json, XSI_CONFIG_JSON, XSI_CONFIG_CFG);
    assert_true(left_out("pcidevs"));
    assert_true(left_out("b_info/cpuid"));
    assert_true(left_out("b_info/type.hvm/spice"));
    assert_false(left_out("b_info/claim_mode")); /* of the host */
    for (size_t i = 0; i < out.left_out_count; i++)
        no_secret(out.left_out[i]);
    for (size_t i = 0; i < out.guessed_count; i++)
        no_secret(out.guessed[i]);
    xsi_config_out_free(&out);
}

static void kinds(void **state)
{
    static const struct {
        const char *json, *said[SYNTAXES + 1];
    } rows[] = {
        { "pv", { "", "builder = \"generic\"", "\"type.pv\"", "'xenpv'>linux<", "(image (linux" } },
        { "hvm", { "", "builder = \"hvm\"", "\"type.hvm\"", "'xenfv'>hvm<", "(image (hvm" } },
        { "pvh", { "", "type = \"pvh\"", "\"type.pvh\"", "'xenpvh'>xenpvh<", NULL } },
    };
    char text[300];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned to = 1; to <= SYNTAXES; to++) {
            snprintf(text, sizeof(text),
                     "{\"c_info\": {\"name\": \"a\", \"type\": \"%s\"}, \"b_info\": "
                     "{\"max_memkb\": 4096, \"max_vcpus\": 1}}",
                     rows[i].json);
            if (!rows[i].said[to]) {
                assert_int_equal(xsi_config_translate(text, strlen(text), XSI_CONFIG_JSON,
                                                      (enum xsi_config_syntax)to, &out),
                                 -EOPNOTSUPP);
                assert_null(out.text);
                continue;
            }
            translate(text, XSI_CONFIG_JSON, (enum xsi_config_syntax)to);
            assert_non_null(strstr(out.text, rows[i].said[to]));
            xsi_config_out_free(&out);
        }
}

/* What a syntax means where it says nothing is said in the other one. */
static void silence(void **state)
{
    static const char sxp[] = "(domain (name a) (memory 8) (vcpus 1) (image (hvm (kernel ''))))";
    static const char json[] = "{\"c_info\": {\"name\": \"a\", \"type\": \"hvm\"}, \"b_info\": "
                               "{\"max_memkb\": 4097, \"max_vcpus\": 1}}";

    (void)state;
    translate(sxp, XSI_CONFIG_SXP, XSI_CONFIG_JSON);
    assert_non_null(strstr(out.text, "\"on_crash\": \"restart\""));
    assert_non_null(strstr(out.text, "\"acpi\": \"False\""));
    assert_null(strstr(out.text, "device_model")); /* the saved state tells which, not xend */
    assert_int_equal(out.guessed_count, 1);
    assert_int_equal(out.left_out_count, 0);
    xsi_config_out_free(&out);
    translate(json, XSI_CONFIG_JSON, XSI_CONFIG_SXP);
    assert_non_null(strstr(out.text, "(on_crash destroy)"));
    assert_non_null(strstr(out.text, "(acpi 1)"));
    assert_non_null(strstr(out.text, "(memory 5)")); /* whole MiB */
    assert_int_equal(out.guessed_count, 1);
    xsi_config_out_free(&out);
}

static void smallest(void **state)
{
    struct xsi_config_bare bare = { .name = "x\x1b[2J", .kind = XSI_GUEST_PV, .memory_kib = 8192 };

    (void)state;
    for (unsigned to = 1; to <= SYNTAXES; to++) {
        assert_int_equal(xsi_config_minimal(&bare, (enum xsi_config_syntax)to, &out), 0);
        assert_int_equal(out.guessed_count, 2); /* the name, one vCPU */
        assert_string_equal(value_of(out.text, (enum xsi_config_syntax)to, "name"), "restored");
        assert_string_equal(value_of(out.text, (enum xsi_config_syntax)to, "memory"), "8192k");
        xsi_config_out_free(&out);
    }
    bare.memory_kib = 0;
    assert_int_equal(xsi_config_minimal(&bare, XSI_CONFIG_JSON, &out), -EINVAL);
    bare = (struct xsi_config_bare){ .memory_kib = 1024 };
    assert_int_equal(xsi_config_minimal(&bare, XSI_CONFIG_JSON, &out), -EINVAL);
    bare.kind = XSI_GUEST_PVH;
    assert_int_equal(xsi_config_minimal(&bare, XSI_CONFIG_SXP, &out), -EOPNOTSUPP);
}

/* ---- texts that nobody wrote in good faith ---- */

static void refused(const char *text, enum xsi_config_syntax from)
{
    assert_true(xsi_config_translate(text, strlen(text), from, XSI_CONFIG_JSON, &out) < 0);
    assert_null(out.text);
    assert_true(*out.problem);
    for (const char *p = out.problem; *p; p++)
        assert_true(*p >= 0x20);
}

static void deep_and_endless(void **state)
{
    static const char *const open[] = { NULL, "a = [", "{\"a\":", "<a>", "(a " };
    size_t size = 200000;
    char *text = malloc(size + 1);

    (void)state;
    assert_non_null(text);
    for (unsigned from = 1; from <= SYNTAXES; from++) {
        size_t n = strlen(open[from]);

        for (size_t i = 0; i < size; i++)
            text[i] = open[from][i % n];
        text[size] = '\0';
        refused(text, (enum xsi_config_syntax)from);
        memset(text, '(', size);
        refused(text, (enum xsi_config_syntax)from);
    }
    /* more members than there is room for */
    strcpy(text, "(domain (name a) (memory 8)");
    for (char *p = text + strlen(text); p + 10 < text + size; p += 6)
        strcpy(p, " (a b)");
    strcat(text, ")");
    assert_int_equal(
        xsi_config_translate(text, strlen(text), XSI_CONFIG_SXP, XSI_CONFIG_JSON, &out), -E2BIG);
    free(text);
    refused("", XSI_CONFIG_JSON);
    refused("{}", XSI_CONFIG_JSON);
    refused("<domain/>", XSI_CONFIG_XML);
    refused("(domain)", XSI_CONFIG_SXP);
    refused("name = \"x\"", XSI_CONFIG_CFG);
    refused("name = \"x", XSI_CONFIG_CFG);
    assert_int_equal(xsi_config_translate("{}", 2, XSI_CONFIG_UNKNOWN, XSI_CONFIG_JSON, &out),
                     -EINVAL);
}

/* Values that no other syntax can hold are not carried, and not cut. */
static void odd_values(void **state)
{
    char text[6000], kernel[5000];

    (void)state;
    memset(kernel, 'k', sizeof(kernel) - 1);
    kernel[sizeof(kernel) - 1] = '\0';
    snprintf(text, sizeof(text),
             "{\"c_info\": {\"name\": \"a\\u0000b\", \"type\": \"pv\", \"uuid\": \"'; rm\"}, "
             "\"b_info\": {\"max_memkb\": 4096, \"max_vcpus\": 99999999999999999999999, "
             "\"avail_vcpus\": [3, 5], \"cmdline\": \"a\\u001bb\", \"kernel\": \"%s\"}}",
             kernel);
    for (unsigned to = 1; to <= SYNTAXES; to++) {
        translate(text, XSI_CONFIG_JSON, (enum xsi_config_syntax)to);
        assert_string_equal(value_of(out.text, (enum xsi_config_syntax)to, "name"), "restored");
        assert_string_equal(value_of(out.text, (enum xsi_config_syntax)to, "vcpus"), "1");
        assert_true(left_out("c_info/name") && left_out("c_info/uuid"));
        assert_true(left_out("b_info/max_vcpus") && left_out("b_info/avail_vcpus"));
        assert_true(left_out("b_info/cmdline"));
        assert_null(strstr(out.text, "kkk"));
        for (const char *p = out.text; *p; p++)
            assert_true(*p >= 0x20 || *p == '\n');
        xsi_config_out_free(&out);
    }
}

/* Each cut, and bytes that differ: no crash, and what comes out can be read again. */
static void mutations(void **state)
{
    uint32_t seed = 12345;

    (void)state;
    for (unsigned from = 1; from <= SYNTAXES; from++) {
        char *text, *copy;
        size_t n;

        translate(hvm_json, XSI_CONFIG_JSON, (enum xsi_config_syntax)from);
        text = out.text;
        n = out.length;
        copy = malloc(n + 1);
        assert_non_null(copy);
        for (size_t round = 0; round < 700; round++) {
            enum xsi_config_syntax to = (enum xsi_config_syntax)(1 + round % SYNTAXES);
            size_t length = round < 200 ? n * round / 200 : n;
            char *masked;

            memcpy(copy, text, n + 1);
            for (int i = 0; i < 3 && round >= 200; i++) {
                seed = seed * 1664525 + 1013904223;
                copy[(seed >> 8) % n] = "\"'(){}[]<>,:=\\\n\0z&;#"[seed % 20];
            }
            if (xsi_config_translate(copy, length, (enum xsi_config_syntax)from, to, &out) == 0)
                assert_int_equal(
                    xsi_config_check(out.text, out.length, to, out.problem, sizeof(out.problem)),
                    0);
            xsi_config_out_free(&out);
            masked = xsi_config_masked(copy, length, (enum xsi_config_syntax)from);
            assert_non_null(masked);
            free(masked);
        }
        free(copy);
        free(text);
    }
}

/* ---- one value ---- */

static void set(const char *text, enum xsi_config_syntax syntax, const char *key, const char *value)
{
    if (xsi_config_set(text, strlen(text), syntax, key, value, &out) < 0)
        fail_msg("%s %s=%s: %s\n%s", xsi_config_syntax_name(syntax), key, value, out.problem, text);
}

/* The bytes in front of the value and behind it are the old ones. */
static void only_there(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t head = (size_t)(at - text), tail = strlen(at) - strlen(from);

    assert_non_null(at);
    assert_int_equal(out.length, head + strlen(to) + tail);
    assert_memory_equal(out.text, text, head);
    assert_memory_equal(out.text + head, to, strlen(to));
    assert_memory_equal(out.text + head + strlen(to), at + strlen(from), tail);
    xsi_config_out_free(&out);
}

static void one_value(void **state)
{
    static const char xml[] =
        "<domain type='xen'>\n <!-- <name>no</name> -->\n <name>a&amp;b</name>"
        "<memory unit='GiB'>1</memory><vcpu>1</vcpu>\n</domain>";
    static const char sxp[] = "(domain (name a) (memory 8)(image (linux (kernel '')))\n (device "
                              "(tap (uname tap:aio:/x) (dev xvda:disk) (mode w))))";

    (void)state;
    set(hvm_json, XSI_CONFIG_JSON, "name", "a\"b\\");
    only_there(hvm_json, "\"web & <co> 'x' \\\"y\\\"\"", "\"a\\\"b\\\\\"");
    set(hvm_json, XSI_CONFIG_JSON, "memory", "1G");
    only_there(hvm_json, "524288", "1048576");
    set(hvm_json, XSI_CONFIG_JSON, "disk1.target", "/new path");
    only_there(hvm_json, "/srv/a.qcow2", "/new path");
    set(hvm_json, XSI_CONFIG_JSON, "on_reboot", "coredump-restart");
    only_there(hvm_json, "restart_rename", "coredump_restart");
    set(pv_cfg, XSI_CONFIG_CFG, "disk0.target", "/dev/vg/new");
    only_there(pv_cfg, "/dev/vg/db", "/dev/vg/new");
    set(pv_cfg, XSI_CONFIG_CFG, "memory", "1G");
    only_there(pv_cfg, "memory = 256", "memory = 1024");
    set(pv_cfg, XSI_CONFIG_CFG, "nic1.bridge", "br3");
    only_there(pv_cfg, "bridge=br2", "bridge=br3");
    set(xml, XSI_CONFIG_XML, "name", "<x>");
    only_there(xml, "a&amp;b", "&lt;x&gt;");
    set(xml, XSI_CONFIG_XML, "memory", "2G");
    only_there(xml, ">1</memory>", ">2</memory>");
    set(sxp, XSI_CONFIG_SXP, "name", "a b");
    only_there(sxp, "(name a)", "(name 'a b')");
    set(sxp, XSI_CONFIG_SXP, "disk0.vdev", "xvdz");
    only_there(sxp, "xvda", "xvdz");
}

static void one_value_refused(void **state)
{
    static const struct row rows[] = {
        { "nothing", "x" },        { "name", "" },          { "name", "a\nb" },
        { "uuid", "12" },          { "vcpus", "-1" },       { "memory", "12x" },
        { "memory", "99999999T" }, { "disk9.target", "x" }, { "disk0.nothing", "x" },
        { "type", "pv" },          { "on_crash", "maybe" }, { "online_vcpus", "3" },
        { "boot", "x" },           { "vnc.display", "x" },  { "kernel", "/x" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(xsi_config_set(hvm_json, sizeof(hvm_json) - 1, XSI_CONFIG_JSON,
                                        rows[i].key, rows[i].value, &out),
                         -EINVAL);
        assert_null(out.text);
        assert_true(*out.problem);
    }
    /* what would end the value that it stands in */
    assert_int_equal(xsi_config_set(pv_cfg, sizeof(pv_cfg) - 1, XSI_CONFIG_CFG, "disk0.target",
                                    "/a,xvdb,w','file:/etc/passwd", &out),
                     -EINVAL);
}

/* ---- where it stands ---- */

static void lengths_follow(void **state)
{
    char room[] = "{\n    \"a\": \"b\",\n    \"c\": 1\n}\n";
    struct xsi_config_held held = { .layer = "xl",
                                    .syntax = XSI_CONFIG_JSON,
                                    .offset = 52,
                                    .length = sizeof(room) - 1,
                                    .text = room,
                                    .words = 2 };
    struct xsi_config_patch p;

    (void)state;
    held.word[0] = (struct xsi_config_word){ 44, false, 5 };
    held.word[1] = (struct xsi_config_word){ 48, true, 1 };
    assert_int_equal(xsi_config_patch(&held, room, held.length, false, &p), 0);
    assert_int_equal(p.count, 0);
    xsi_config_patch_free(&p);
    assert_int_equal(xsi_config_patch(&held, "{}", 2, false, &p), 0);
    assert_int_equal(p.count, 3);
    assert_memory_equal(p.splice[0].inserted, "\7\0\0\0", 4);
    assert_memory_equal(p.splice[1].inserted, "\0\0\0\3", 4);
    xsi_config_patch_free(&p);
    /* in the same room: blanks at the end, or those in front of lines */
    assert_int_equal(xsi_config_patch(&held, "{}", 2, true, &p), 0);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.splice[0].removed, p.splice[0].inserted_length);
    xsi_config_patch_free(&p);
    assert_int_equal(
        xsi_config_patch(&held, "{\n    \"a\": \"bcdef\",\n    \"c\": 1\n}\n", 33, true, &p), 0);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.splice[0].removed, p.splice[0].inserted_length);
    assert_non_null(memmem(p.splice[0].inserted, p.splice[0].inserted_length, "bcdef\"", 6));
    xsi_config_patch_free(&p);
}

static void secrets(void **state)
{
    static const char *const texts[] = {
        "{\"disks\": [{\"pdev_path\": \"rbd:p/i:id=a:key=S3cret==:conf=x\"}], \"passwd\": "
        "\"S3cret\\\"S3cret\"}",
        "{\"a\": {\"passwd\": \"S3cret\"", /* damaged */
        "vncpasswd='S3cret'\nvfb=['vncpasswd=S3cret,vnc=1']\n",
        "vncpasswd='S3cret\n",
        "<domain><devices><graphics passwd='S3cret' passwdValidTo='x'/><secret>S3cret</secret>"
        "</devices></domain>",
        "<domain><graphics passwd='S3cret",
        "(domain (image (hvm (vncpasswd S3cret))) (device (vfb (vncpasswd 'S3cret'))))",
        "((time 1)(vm_str \"{\\\"vncpasswd\\\": \\\"S3cret\\\"}\"))",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t n = strlen(texts[i]);
        char *masked = xsi_config_masked(texts[i], n, xsi_config_guess(texts[i], n));

        assert_non_null(masked);
        if (strstr(masked, "S3cret"))
            fail_msg("%s", masked);
        assert_int_equal(strlen(masked), n);
        assert_non_null(strchr(masked, '*'));
        free(masked);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pairs),         cmocka_unit_test(pv_of_old),
        cmocka_unit_test(what_is_left_out),  cmocka_unit_test(kinds),
        cmocka_unit_test(silence),           cmocka_unit_test(smallest),
        cmocka_unit_test(deep_and_endless),  cmocka_unit_test(odd_values),
        cmocka_unit_test(mutations),         cmocka_unit_test(one_value),
        cmocka_unit_test(one_value_refused), cmocka_unit_test(lengths_follow),
        cmocka_unit_test(secrets),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
