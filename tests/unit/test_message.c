/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of messages, and finding the message behind a log line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xsi.h"

#define HITS 32

static int setup(void **state)
{
    *state = xsi_messages_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    xsi_messages_free(*state);
    return 0;
}

/* A format with its numbers filled in; what no conversion stands for is as it is. */
static void filled(const char *format, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = format; *p && n + 12 < size; p++) {
        if (*p == '\n') {
            out[n++] = ' ';
        } else if (*p != '%') {
            out[n++] = *p;
        } else if (p[1] == '%') {
            out[n++] = *++p;
        } else {
            bool prefix = memchr(p, '#', strcspn(p, "diuxXsp")) != NULL;

            p += strcspn(p, "diuxXsp");
            n += (size_t)snprintf(out + n, size - n, "%s",
                                  *p == 's'   ? "thing"
                                  : *p != 'x' ? "42"
                                  : prefix    ? "0x2a"
                                              : "2a");
        }
    }
    out[n] = '\0';
}

static bool same_text(const char *a, const char *b)
{
    size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

    return n == m && !memcmp(a, b, n);
}

static void rows_are_complete(void **state)
{
    const struct xsi_message *m;
    size_t n = 0;

    (void)state;
    for (; (m = xsi_message_at(n)); n++) {
        const struct xsi_message *about = xsi_message_about(m);
        char code[8];

        assert_true(*m->text && *m->who);
        assert_true(!m->to || m->from <= m->to);
        assert_int_equal(about->id, m->id);
        if (!*about->condition || !*about->causes || !*about->next)
            fail_msg("no condition, causes or next: %s", m->text);
        for (const char *p = about->codes; *p; p += strspn(p, " ")) {
            size_t length = strcspn(p, " ");

            assert_true(length < sizeof(code));
            memcpy(code, p, length);
            code[length] = '\0';
            if (!xsi_finding_lookup(code))
                fail_msg("%s: no finding is called %s", m->text, code);
            p += length;
        }
    }
    assert_true(n > 500);
}

/* Wordings of one message must not be printed by the same release, else a model cannot choose. */
static void wordings_exclude_each_other(void **state)
{
    const struct xsi_message *m, *o;

    (void)state;
    for (size_t i = 0; (m = xsi_message_at(i)); i++) {
        const struct xsi_message *about = xsi_message_about(m);

        for (size_t k = 0; k < i && (o = xsi_message_at(k)); k++)
            if (xsi_message_about(o) == about && m->from && o->from &&
                (!m->to || o->from <= m->to) && (!o->to || m->from <= o->to))
                fail_msg("%s and %s: some release has both", m->text, o->text);
    }
}

static void every_wording_is_found(void **state)
{
    struct xsi_message_hit hits[HITS];
    const struct xsi_message *m;
    char line[600];

    for (size_t i = 0; (m = xsi_message_at(i)); i++) {
        bool found = false;
        size_t n;

        filled(m->text, line, sizeof(line));
        n = xsi_messages_find(*state, line, strlen(line), HITS, hits);
        for (size_t k = 0; k < n; k++)
            found = found || same_text(hits[k].message->text, m->text);
        if (!found)
            fail_msg("not found: %s (best: %s)", line, n ? hits[0].message->text : "none");
    }
}

static void numbers_and_errno(void **state)
{
    static const char line[] = "Nov 22 10:00:01 host xenguest-4[77]: xc: error: Error when reading "
                               "batch size (0 = Success): Internal error\r\n";
    struct xsi_message_hit hits[HITS];

    assert_true(xsi_messages_find(*state, line, strlen(line), HITS, hits) > 0);
    assert_string_equal(hits[0].message->text, "Error when reading batch size");
    assert_true(hits[0].has_errno);
    assert_int_equal(hits[0].error, 0);
    assert_int_equal(hits[0].from, 40100); /* this form */
    assert_memory_equal(line + hits[0].at, "Error when", 10);

    static const char *const count = "xc: error: Max batch size exceeded (-21). Giving up.";
    assert_int_equal(xsi_messages_find(*state, count, strlen(count), HITS, hits), 1);
    assert_int_equal(hits[0].arg_count, 1);
    assert_int_equal((int64_t)hits[0].args[0].number, -21);

    static const char *const old = "ERROR Internal error: Error when reading batch size";
    assert_true(xsi_messages_find(*state, old, strlen(old), HITS, hits) > 0);
    assert_int_equal(hits[0].to, 40099);

    static const char *const record =
        "Failed to read 4202504 bytes of data for record (0x00000001, Page data) (0 = Success)";
    assert_int_equal(xsi_messages_find(*state, record, strlen(record), HITS, hits), 1);
    assert_int_equal(hits[0].arg_count, 3);
    assert_int_equal(hits[0].args[0].number, 4202504);
    assert_int_equal(hits[0].args[1].number, 1);
    assert_string_equal(hits[0].args[2].text, "Page data");
}

/* The borders of point releases. */
static void releases(void **state)
{
    static const struct {
        const char *line;
        unsigned from[2];
        size_t count;
    } rows[] = {
        { "read_exact_timed failed (read rc: 0, errno: 0)", { 40100, 40300 }, 2 },
        { "rdexact failed (read rc: 0, errno: 0)", { 40205, 40303 }, 2 },
        { "Invalid Version: Expected 3, Got 2", { 40600 }, 1 },
        { "Invalid Version: Expected 2 <= ver <= 3, Got 4", { 41400 }, 1 },
        { "Error when reading ctxt 3", { 30100 }, 1 },
    };
    struct xsi_message_hit hits[HITS];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(xsi_messages_find(*state, rows[i].line, strlen(rows[i].line), HITS, hits),
                         rows[i].count);
        for (size_t k = 0; k < rows[i].count; k++)
            assert_int_equal(hits[k].from, rows[i].from[k]);
    }
}

/* Prefix and suffix of a toolstack decide between equal texts. */
static void speaker(void **state)
{
    static const char *const libxl = "libxl: error: libxl_stream_read.c:353:stream_header_done: "
                                     "Domain 3:Unable to handle big endian streams";
    static const char *const libxc = "xc: error: Unable to handle big endian streams: Internal "
                                     "error";
    struct xsi_message_hit hits[HITS];

    assert_int_equal(xsi_messages_find(*state, libxl, strlen(libxl), HITS, hits), 1);
    assert_string_equal(hits[0].message->who, "libxl");
    assert_int_equal(xsi_messages_find(*state, libxc, strlen(libxc), HITS, hits), 1);
    assert_string_equal(hits[0].message->who, "libxc");
}

static void unknown_lines(void **state)
{
    static const char *const lines[] = {
        "",
        "x",
        "failed",
        "the quick brown fox jumps over the lazy dog",
        "[2011-03-02 10:11:12 3456] DEBUG (XendDomainInfo:103) XendDomainInfo.restore(['domain'])",
        "kernel: EXT4-fs (dm-0): mounted filesystem with ordered data mode",
    };
    struct xsi_message_hit hits[HITS];
    const struct xsi_message *near[3];
    static const char *const typo = "xc: error: Error when reeding batch sise";

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(xsi_messages_find(*state, lines[i], strlen(lines[i]), HITS, hits), 0);
        assert_int_equal(xsi_messages_parts(lines[i], strlen(lines[i]), HITS, hits), 0);
    }
    assert_int_equal(xsi_messages_nearest(typo, strlen(typo), 3, near), 3);
    assert_non_null(strstr(near[0]->text, "batch"));
}

static void cut_lines(void **state)
{
    static const struct {
        const char *line, *text;
    } rows[] = {
        { "xc: error: Failed to read 42025", "Failed to read %zu bytes" },
        { "Mandatory record \xe2\x80\xa6 not handled", "Mandatory record %#x" },
        { "... bad CR4 0x2a (valid", "HVM%d restore: bad CR4" },
    };
    struct xsi_message_hit hits[HITS];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(xsi_messages_parts(rows[i].line, strlen(rows[i].line), HITS, hits) > 0);
        assert_true(hits[0].part);
        assert_memory_equal(hits[0].message->text, rows[i].text, strlen(rows[i].text));
    }
}

/* A long line of anything: bounded work, nothing read behind its end. */
static void hostile_lines(void **state)
{
    static const char *const pieces[] = {
        "Failed to read ",
        "Error when reading ",
        "%s%s%s",
        "X86_PV_",
        ": ",
        "(0x",
        "9999999999999",
        "\x1b[2J",
        "record ",
        "\xe2\x80\xa6",
        "HVM",
        "\0\0\0",
    };
    enum { SIZE = 1 << 20 };
    char *line = malloc(SIZE);
    struct xsi_message_hit hits[HITS];
    const struct xsi_message *near[3];
    uint32_t seed = 1;

    assert_non_null(line);
    for (int round = 0; round < 20; round++) {
        size_t n = 0;

        while (n + 32 < SIZE) {
            const char *piece = pieces[(seed >> 16) % 12];
            size_t k = (seed >> 16) % 12 == 11 ? 3 : strlen(piece);

            memcpy(line + n, piece, k);
            n += k;
            seed = seed * 1664525U + 1013904223U;
            if (round < 4)
                seed = (uint32_t)round * 0x10000U * 3; /* one piece again and again */
        }
        xsi_messages_find(*state, line, n, HITS, hits);
        xsi_messages_parts(line, n, HITS, hits);
        xsi_messages_nearest(line, n, 3, near);
    }
    free(line);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete),
        cmocka_unit_test(wordings_exclude_each_other),
        cmocka_unit_test(every_wording_is_found),
        cmocka_unit_test(numbers_and_errno),
        cmocka_unit_test(releases),
        cmocka_unit_test(speaker),
        cmocka_unit_test(unknown_lines),
        cmocka_unit_test(cut_lines),
        cmocka_unit_test(hostile_lines),
    };

    return cmocka_run_group_tests_name("message", tests, setup, teardown);
}
