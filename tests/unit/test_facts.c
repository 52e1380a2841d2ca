/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reader tells of itself while it is at work: rows, parts, and what the models know. */
#include "images.h"
#include "lib/judge/internal.h"

static struct image image;

/* ---- what comes out of a sink ---- */

struct facts {
    struct xsi_sink sink;
    const char *wanted; /* part.name */
    char part[32], order[128];
    unsigned depth;
    const char *names[64]; /* of the part at hand */
    size_t count;
    bool found;
    struct xsi_value value;
    char text[64];
};

static void take(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct facts *f = (struct facts *)sink;
    size_t n = strlen(f->part);

    if (v->kind == XSI_GROUP) {
        assert_int_equal(f->depth++, 0);
        f->count = 0;
        snprintf(f->part, sizeof(f->part), "%s", v->name);
        snprintf(f->order + strlen(f->order), sizeof(f->order) - strlen(f->order), "%s%" PRIu64 " ",
                 v->name, v->number);
        return;
    }
    if (v->kind == XSI_CLOSE) {
        assert_int_equal(--f->depth, 0);
        return;
    }
    assert_int_equal(f->depth, 1);
    assert_non_null(v->name);
    assert_non_null(v->help);
    for (size_t i = 0; i < f->count; i++) /* a name stands for one thing */
        assert_string_not_equal(f->names[i], v->name);
    assert_true(f->count < 48); /* as many as the debugger keeps */
    f->names[f->count++] = v->name;
    if (strncmp(f->wanted, f->part, n) != 0 || f->wanted[n] != '.' ||
        strcmp(f->wanted + n + 1, v->name) != 0)
        return;
    f->found = true;
    f->value = *v;
    snprintf(f->text, sizeof(f->text), "%.*s", (int)v->text_length, v->text ? v->text : "");
}

static struct facts ask(const struct xsi_run *run, const char *wanted)
{
    struct facts f = { .sink = { take }, .wanted = wanted };

    xsi_run_facts(run, &f.sink);
    return f;
}

static int64_t number(const struct xsi_run *run, const char *wanted)
{
    struct facts f = ask(run, wanted);

    if (!f.found)
        fail_msg("no fact %s", wanted);
    return (int64_t)f.value.number;
}

/* ---- rows over a state ---- */

struct toy {
    int8_t small;
    uint16_t half;
    int32_t word;
    uint64_t wide;
    bool yes;
    char name[8];
};

static const struct xsi_name names[] = { { 7, "seven" }, { 0, NULL } };
static const struct xsi_field_row rows[] = {
    XSI_FACT(struct toy, small, "small", XSI_SINT, .help = "-"),
    XSI_FACT(struct toy, half, "half", XSI_ENUM, .names = names, .help = "-"),
    XSI_FACT(struct toy, word, "word", XSI_SINT, .detail = 2, .help = "-"),
    XSI_FACT(struct toy, wide, "wide", XSI_HEX, .unit = "bytes", .help = "-"),
    XSI_FACT(struct toy, yes, "yes", XSI_BOOL, .help = "-"),
    XSI_FACT(struct toy, name, "name", XSI_TEXT, .help = "-"),
    { .name = NULL },
};

static void more(const struct xsi_run *r, const void *state, struct xsi_sink *sink)
{
    (void)r;
    xsi_fact(sink, "computed", XSI_UINT, ((const struct toy *)state)->wide + 1, "pages", "-");
    xsi_fact_text(sink, "words", "two words", "-");
}

static const struct xsi_model toy = {
    .who = "toy", .state_size = sizeof(struct toy), .facts = rows, .more_facts = more
};
static const struct xsi_model other = { .who = "other", .state_size = 1 };

static void rows_and_parts(void **state)
{
    struct toy s = {
        -3, 7, -70000, UINT64_MAX - 1, true, { 'f', 'u', 'l', 'l', '-', '8', 'c', 'h' }
    };
    struct xsi_run run = { .depth = 2 };
    xsi_then *then = (xsi_then *)(uintptr_t)1;
    struct facts f;

    (void)state;
    run.call[0] = (struct xsi_call){ &other, &s, NULL };
    run.call[1] = (struct xsi_call){ &toy, &s, then };
    assert_int_equal(number(&run, "toy.small"), -3);
    assert_int_equal(number(&run, "toy.word"), -70000);
    assert_int_equal(number(&run, "toy.wide"), -2);
    assert_int_equal(number(&run, "toy.yes"), 1);
    assert_int_equal(number(&run, "toy.computed"), -1);
    f = ask(&run, "toy.half");
    assert_string_equal(f.text, "seven");
    assert_string_equal(f.order, "toy1 other0 "); /* the innermost first */
    assert_int_equal(f.value.level, 1);
    f = ask(&run, "toy.name");
    assert_string_equal(f.text, "full-8ch");
    assert_string_equal(ask(&run, "toy.words").text, "two words");
    assert_int_equal(ask(&run, "toy.word").value.level, 2);
    assert_string_equal(ask(&run, "toy.wide").value.unit, "bytes");
    run.call[1].then = NULL; /* the outer part has only handed over */
    assert_string_equal(ask(&run, "toy.half").order, "toy1 ");
    run.depth = 0;
    assert_string_equal(ask(&run, "toy.half").order, "");
}

/* ---- the models ---- */

static struct xsi_run *begin(struct xsi_source **src, const char *reader)
{
    struct xsi_reader row;
    struct xsi_error err;
    struct xsi_run *run;

    *src = xsi_source_memory(image.bytes, image.n);
    assert_true(xsi_reader_lookup(reader, &row));
    run = xsi_run_new(*src, &row, NULL, &err);
    assert_non_null(run);
    return run;
}

/* Up to and with the read that begins at an offset, and all that follows from it at once. */
static void run_to(struct xsi_run *run, uint64_t offset)
{
    struct xsi_run_event ev;

    while (xsi_run_next(run, &ev) > 0) {
        if (ev.kind == XSI_RUN_READ && ev.offset == offset) {
            while (xsi_run_pending(run))
                assert_true(xsi_run_next(run, &ev) > 0);
            assert_int_equal(xsi_run_position(run), offset + 4);
            return;
        }
    }
    fail_msg("nothing is read at 0x%" PRIx64, offset);
}

static void legacy(void **state)
{
    enum { VCPUS = 8 + 24 + 4 + 16 + 8192, LAST = VCPUS + 16, END = LAST + 4 };
    struct xsi_source *src;
    struct xsi_run *run;
    struct xsi_run_event ev;

    (void)state;
    image.n = 0;
    legacy_hvm(&image);
    run = begin(&src, "xen-4.1/xapi");
    run_to(run, VCPUS);
    assert_string_equal(ask(run, "libxc.hvm").order, "libxc0 ");
    assert_int_equal(number(run, "libxc.p2m_size"), 16);
    assert_int_equal(number(run, "libxc.hvm"), 1);
    assert_int_equal(number(run, "libxc.long_size"), 8);
    assert_int_equal(number(run, "libxc.pages"), 2);
    assert_int_equal(number(run, "libxc.last_count"), -2);
    assert_int_equal(number(run, "libxc.last_checkpoint"), 0);
    assert_int_equal(number(run, "libxc.non_blocking"), 0);
    assert_int_equal(number(run, "libxc.vcpu_map_read"), 0);
    assert_false(ask(run, "libxc.guest_width").found); /* a matter of PV guests */
    run_to(run, LAST);
    assert_int_equal(number(run, "libxc.last_checkpoint"), 1);
    assert_int_equal(number(run, "libxc.vcpu_map_read"), 1);
    run_to(run, END);
    assert_int_equal(number(run, "libxc.checkpoints"), 0);
    while (xsi_run_next(run, &ev) > 0 && ev.kind != XSI_RUN_STATE)
        ;
    assert_int_equal(number(run, "libxc.checkpoints"), 1);
    assert_int_equal(number(run, "libxc.hvm_context"), 40);
    assert_int_equal(number(run, "libxc.store_pfn"), 0xd);
    assert_int_equal(number(run, "libxc.device_model"), -1);
    while (xsi_run_next(run, &ev) > 0)
        ;
    assert_string_equal(ask(run, "libxc.hvm").order, "");
    assert_false(xsi_run_pending(run));
    xsi_run_free(run);
    xsi_source_free(src);
}

/* Without LAST_CHECKPOINT it looks for the next checkpoint, and does not block. */
static void non_blocking(void **state)
{
    enum { LAST = 8 + 24 + 4 + 16 + 8192 + 16, TAIL = 4 + 24 + 4 + 40 };
    struct xsi_source *src;
    struct xsi_run *run;

    (void)state;
    image.n = 0;
    legacy_hvm(&image);
    memmove(image.bytes + LAST, image.bytes + LAST + 4, image.n - LAST - 4);
    image.n -= 4;
    text(&image, "Qemu");
    run = begin(&src, "xen-4.1/xapi");
    run_to(run, LAST + TAIL);
    assert_int_equal(number(run, "libxc.checkpoints"), 1);
    assert_int_equal(number(run, "libxc.last_checkpoint"), 0);
    assert_int_equal(number(run, "libxc.last_count"), 0x756d6551);
    xsi_run_free(run);
    xsi_source_free(src);
}

static void pv(void **state)
{
    struct xsi_source *src;
    struct xsi_run *run;
    struct xsi_run_event ev;
    int64_t entries = 0;

    (void)state;
    image.n = 0;
    legacy_pv(&image);
    run = begin(&src, "xen-4.5");
    while (xsi_run_next(run, &ev) > 0 && xsi_run_position(run) < 5300)
        ;
    entries = number(run, "libxc.frame_list");
    assert_int_equal(number(run, "libxc.hvm"), 0);
    assert_int_equal(number(run, "libxc.guest_width"), 8);
    assert_int_equal(number(run, "libxc.levels"), 4);
    assert_int_equal(entries, 1);
    xsi_run_free(run);
    xsi_source_free(src);
}

static void v3(void **state)
{
    struct xsi_source *src;
    struct xsi_run *run;
    struct xsi_run_event ev;
    bool before = false, behind = false;

    (void)state;
    image.n = 0;
    libxc_v3(&image, 2);
    run = begin(&src, "xen-4.17/libxc");
    while (xsi_run_next(run, &ev) > 0) {
        if (ev.kind != XSI_RUN_READ)
            continue;
        if (ev.offset == 0) {
            assert_int_equal(number(run, "libxc.version"), 3);
            before = number(run, "libxc.static_data_end") == 0;
        }
        if (ev.offset >= 48) {
            behind = behind || number(run, "libxc.static_data_end") == 1;
            assert_int_equal(number(run, "libxc.hvm"), 1);
        }
    }
    assert_true(before && behind);
    xsi_run_free(run);
    xsi_source_free(src);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_parts),
        cmocka_unit_test(legacy),
        cmocka_unit_test(non_blocking),
        cmocka_unit_test(pv),
        cmocka_unit_test(v3),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
