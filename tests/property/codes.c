/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 13, codes: every finding has a sample that shows it and one that does not; and each row
 * is one that a person can use.
 */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct code {
    const struct xsi_finding_row *row;
    unsigned shown, absent;
};

static void code_is_sampled(void **state)
{
    const struct code *code = *state;
    const struct xsi_finding_row *row = code->row;

    assert_true(strlen(row->code) == 6 && !strncmp(row->code, "XS-", 3));
    assert_true(strchr("CLVXQHG", row->code[3]) && row->slug[0]);
    assert_true(strlen(row->explain) >= 60);
    assert_ptr_equal(xsi_finding_lookup(row->code), row);
    assert_ptr_equal(xsi_finding_lookup(row->slug), row);
    /* an exit bit for what is no information, and none for what is */
    assert_true((row->severity == XSI_INFO) == (row->exit == 0));
    if (!code->shown)
        fail_msg("%s %s: no sample shows it", row->code, row->slug);
    if (!code->absent)
        fail_msg("%s %s: every sample shows it", row->code, row->slug);
}

static void note(struct xsi_source *src, struct code *codes, size_t n)
{
    struct listing l;

    listing_of(src, UINT64_MAX, NULL, LISTING_NONE, NULL, &l);
    for (size_t i = 0; i < n; i++) {
        bool shown = false;

        for (size_t k = 0; k < l.finding_count; k++)
            shown = shown || l.findings[k].row == codes[i].row;
        codes[i].shown += shown;
        codes[i].absent += !shown;
    }
    listing_free(&l);
    xsi_source_free(src);
}

/* Each image as it is, and on a disk with a bad sector: no file can show that by itself. */
static void note_file(const char *path, struct code *codes, size_t n)
{
    struct xsi_error err = { 0 };
    struct xsi_source *src = xsi_source_open(path, NULL, &err);

    if (!src)
        return;
    note(src, codes, n);
    setenv("XSI_EIO_FILE", path, 1);
    setenv("XSI_EIO", "8192-8704", 1);
    src = xsi_source_open(path, NULL, &err);
    if (src)
        note(src, codes, n);
    unsetenv("XSI_EIO");
}

int main(int argc, char **argv)
{
    struct CMUnitTest *tests;
    struct code *codes;
    size_t n = 0;
    int failed;

    while (xsi_finding_row(n))
        n++;
    codes = calloc(n + 1, sizeof(*codes));
    tests = calloc(n + 1, sizeof(*tests));
    if (!codes || !tests)
        return 1;
    for (size_t i = 0; i < n; i++) {
        codes[i].row = xsi_finding_row(i);
        tests[i] =
            (struct CMUnitTest){ codes[i].row->code, code_is_sampled, NULL, NULL, &codes[i] };
    }
    for (int i = 1; i < argc; i++)
        note_file(argv[i], codes, n);
    failed = _cmocka_run_group_tests("codes", tests, n, NULL, NULL);
    free(codes);
    free(tests);
    return failed != 0;
}
