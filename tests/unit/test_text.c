/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Escaping, counts that are words, and the tables of findings and layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "xsi.h"

static void escape(void **state)
{
    static const struct {
        const char *raw, *shown;
    } rows[] = {
        { "plain text, 100 %", "plain text, 100 %" },
        { "\x1b[2J", "\\x1b[2J" },
        { "a\nb\tc\r", "a\\x0ab\\x09c\\x0d" },
        { "\x7f", "\\x7f" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xc2\x9b", "\\xc2\\x9b" },                   /* C1 */
        { "\x9b", "\\x9b" },                            /* C1, raw */
        { "\xe2\x80\xae", "\\xe2\\x80\\xae" },          /* right-to-left override */
        { "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },          /* isolate */
        { "\xc0\xaf", "\\xc0\\xaf" },                   /* overlong */
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
        { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond Unicode */
        { "\xe2\x80", "\\xe2\\x80" },                   /* cut short */
    };
    char out[100];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(xsi_escape(out, sizeof(out), rows[i].raw, strlen(rows[i].raw)),
                            rows[i].shown);
    assert_string_equal(xsi_escape(out, sizeof(out), "\0", 1), "\\x00");
}

static void escape_stays_in_its_room(void **state)
{
    char out[16];

    (void)state;
    for (size_t room = 1; room < sizeof(out); room++) {
        memset(out, '#', sizeof(out));
        xsi_escape(out, room, "\x1b\x1b\xc3\xbc\xc3\xbc", 6);
        assert_true(memchr(out, 0, room) != NULL);
        for (size_t i = room; i < sizeof(out); i++)
            assert_int_equal(out[i], '#');
    }
}

static void counts(void **state)
{
    char out[300];

    (void)state;
    xsi_explain_count(1970103633, out, sizeof(out));
    assert_non_null(strstr(out, "Qemu"));
    assert_non_null(strstr(out, "0x756d6551"));
    xsi_explain_count(0, out, sizeof(out));
    assert_true(out[0]);
    for (uint32_t i = 0; i < 1000; i++) {
        xsi_explain_count(i * 0x01234567u, out, sizeof(out));
        for (const char *p = out; *p; p++)
            assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
}

static void findings(void **state)
{
    const struct xsi_finding_row *row;
    size_t n = 0;

    (void)state;
    for (; (row = xsi_finding_row(n)) != NULL; n++) {
        assert_int_equal(strlen(row->code), 6);
        for (const char *p = row->slug; *p; p++)
            assert_true(islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '-');
        for (size_t i = 0; i < n; i++) {
            assert_string_not_equal(row->code, xsi_finding_row(i)->code);
            if (!strcmp(row->slug, xsi_finding_row(i)->slug))
                fail_msg("%s and %s share a slug", row->code, xsi_finding_row(i)->code);
        }
    }
    assert_true(n > 20);
    assert_non_null(xsi_finding_lookup("XS-L09"));
    assert_ptr_equal(xsi_finding_lookup("xs-l09"), xsi_finding_lookup("no-last-checkpoint"));
    assert_null(xsi_finding_lookup("XS-L"));
    assert_null(xsi_finding_lookup(""));
}

static void layers(void **state)
{
    static const char *const contract[] = {
        "xl",         "xend",      "xapi",           "xapi-v2",
        "libvirt",    "libxl-v2",  "libxc-legacy32", "libxc-legacy64",
        "libxc-v2",   "libxc-v3",  "qemu-trad",      "qemu-xen",
        "qemu-remus", "qemu-xapi", "qemu-le",        "qemu-unknown"
    };
    const char *name;

    (void)state;
    for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
        bool found = false;

        for (size_t k = 0; (name = xsi_layer_name(k)) != NULL; k++)
            found = found || !strcmp(name, contract[i]);
        if (!found)
            fail_msg("no layer is called %s", contract[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape), cmocka_unit_test(escape_stays_in_its_room),
        cmocka_unit_test(counts), cmocka_unit_test(findings),
        cmocka_unit_test(layers),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
