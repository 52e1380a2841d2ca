/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 13, codes: every finding has a sample that shows it and one that does not; and each row
 * is one that a person can use.
 */
#include "common.h"

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

/* Some codes need another way of looking than the usual one, and are not looked for in others. */
static const struct way {
    const char *code;
    bool scan;
    const char *hole; /* bytes that the disk does not give, as "from-to" */
} ways[] = {
    { NULL, false, NULL },
    { "XS-C02", false, "8192-8704" }, /* no file can show that by itself */
    { "XS-C10", true, NULL },
};

/* Which rows does a walk over the image report? One byte per row. */
static bool walk(const char *path, bool scan, const struct code *codes, size_t n, uint8_t *shown)
{
    struct xsi_walk_options options = { .scan = scan };
    struct xsi_error err = { 0 };
    struct xsi_source *src = xsi_source_open(path, NULL, &err);
    struct xsi_walk *w = src ? xsi_walk_new(src, &options, &err) : NULL;
    struct xsi_event ev;

    memset(shown, 0, n);
    while (w && xsi_walk_next(w, &ev) > 0)
        for (size_t i = 0; ev.kind == XSI_EV_FINDING && i < n; i++)
            shown[i] |= ev.finding->row == codes[i].row;
    xsi_walk_free(w);
    xsi_source_free(src);
    return w != NULL;
}

static bool is_for(const struct way *way, const struct xsi_finding_row *row)
{
    for (size_t i = 1; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (!strcmp(row->code, ways[i].code))
            return way == &ways[i];
    return way == &ways[0];
}

static void note_file(const char *path, struct code *codes, size_t n)
{
    uint8_t *shown = calloc(n + 1, 1);

    if (!shown)
        abort();
    for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
        setenv("XSI_EIO_FILE", path, 1);
        if (ways[k].hole)
            setenv("XSI_EIO", ways[k].hole, 1);
        if (walk(path, ways[k].scan, codes, n, shown)) {
            for (size_t i = 0; i < n; i++) {
                codes[i].shown += is_for(&ways[k], codes[i].row) && shown[i];
                codes[i].absent += is_for(&ways[k], codes[i].row) && !shown[i];
            }
        }
        unsetenv("XSI_EIO");
    }
    free(shown);
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
