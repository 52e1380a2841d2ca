/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Legacy streams into legacy streams: what the toolstack's width, the release and Remus make of one
 * guest is put together twice, as it goes in and as it must come out.
 */
#include "images.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/xsi_convert.h"

enum { FRAMES = 24, P2M = 0x50, HVM_P2M = 0xff000, XSAVE = 832, ONLINE = 0x20 };

/* One guest as some toolstack writes it. */
struct shape {
    unsigned ul, gw;      /* bytes; gw 0: HVM */
    unsigned vcpus;       /* 0: two of them */
    unsigned xsave, area; /* bytes of the areas of vCPU 0 and of the others; 0: the same */
    bool even;            /* filled up to the longest */
    bool fillers;         /* entries without a frame, and a batch of nothing else */
    bool no_ext, no_map;  /* as up to 3.1, up to 3.0 */
    bool old;             /* no TSC_INFO, no LAST_CHECKPOINT: as up to 3.4 */
    bool online;          /* vCPUs are marked so */
    bool store, tmem;
    bool packed;   /* a second checkpoint follows, compressed */
    bool unpacked; /* what it changes stands behind the first */
    bool partly;   /* a third one has begun */
};

static struct image in, out;

static void ul(struct image *i, const struct shape *s, uint64_t v)
{
    le(i, v, s->ul);
}

static void chunk(struct image *i, int id)
{
    le(i, (uint32_t)id, 4);
}

/* ---- header ---- */

static void context(struct image *i, const struct shape *s)
{
    size_t at = i->n;

    fill(i, 0x10, 512);
    le(i, s->online ? ONLINE : 0, s->gw);
    fill(i, 0, at + (s->gw == 8 ? 616 : 524) - i->n);
    le(i, 1, s->gw); /* start_info is frame 1 */
    fill(i, 0, at + (s->gw == 8 ? 5008 : 2728) - i->n);
    le(i, 5 << 12, s->gw); /* the page table's root is frame 5 */
    fill(i, 0, at + (s->gw == 8 ? 5168 : 2800) - i->n);
}

static unsigned xcnt(const struct shape *s)
{
    unsigned most = s->area > s->xsave ? s->area : s->xsave;

    return most ? most + 16 : 0;
}

static void header(struct image *i, const struct shape *s)
{
    unsigned size = s->gw == 8 ? 5168 : 2800;
    bool extv = !s->no_map && !s->no_ext;

    ul(i, s, s->gw ? P2M : HVM_P2M);
    if (!s->gw)
        return;
    if (!s->no_ext) {
        ul(i, s, UINT64_MAX);
        le(i, 8 + size + (extv ? 8 : 0) + (xcnt(s) ? 12 : 0), 4);
        text(i, "vcpu"), le(i, size, 4), context(i, s);
        if (extv)
            text(i, "extv"), le(i, 0, 4);
        if (xcnt(s))
            text(i, "xcnt"), le(i, 4, 4), le(i, xcnt(s), 4);
    }
    ul(i, s, 7); /* p2m frame list */
}

/* ---- body ---- */

static void batch(struct image *i, const struct shape *s, uint64_t first, unsigned count,
                  int fillers)
{
    if (count + (unsigned)fillers)
        le(i, count + (unsigned)fillers, 4);
    for (int f = 0; f < fillers; f++)
        ul(i, s, f % 2 ? 0xf0000000 : 0xf2345600U + (unsigned)f);
    for (unsigned k = 0; k < count; k++)
        ul(i, s, first + k == 5 && s->gw ? (s->gw == 8 ? 0xc0000005 : 0xb0000005) : first + k);
    for (unsigned k = 0; k < count; k++)
        fill(i, first + k == 5 || first + k == 1 ? 0 : (uint8_t)(first + k + 0x41), XSI_PAGE_SIZE);
}

/* Frame 2 in full, frame 3 as it is, frame 4 with 8 other bytes at 0x100. */
static void packed_pages(struct image *i, const struct shape *s)
{
    le(i, 3, 4);
    ul(i, s, 2), ul(i, s, 3), ul(i, s, 4);
    chunk(i, -12);
    ul(i, s, 1 + 4096 + 1 + 1 + 9 + 8);
    le(i, 0x80, 1), fill(i, 0x99, XSI_PAGE_SIZE);
    le(i, 0, 1);
    le(i, 0x80 | 0x40, 1), le(i, 2, 1), fill(i, 0x77, 8);
    for (unsigned left = 1024 - 64 - 2; left; left -= left < 127 ? left : 127)
        le(i, 0x80 | (left < 127 ? left : 127), 1);
}

static void unpacked_pages(struct image *i, const struct shape *s)
{
    le(i, 3, 4);
    ul(i, s, 2), ul(i, s, 3), ul(i, s, 4);
    fill(i, 0x99, XSI_PAGE_SIZE);
    fill(i, 0x44, XSI_PAGE_SIZE);
    fill(i, 0x45, 0x100), fill(i, 0x77, 8), fill(i, 0x45, XSI_PAGE_SIZE - 0x108);
}

static void toolstack(struct image *i, const struct shape *s)
{
    unsigned pad = s->ul == 8 ? 4 : 0;

    chunk(i, -18);
    le(i, 8 + 28 + 9 + pad, 4), le(i, 1, 4), le(i, 1, 4);
    le(i, 0xabc000, 8), le(i, 0xf0000000, 8), le(i, 0x800000, 8), le(i, 9, 4);
    put(i, "vga.vram", 9), fill(i, 0, pad);
}

static void params(struct image *i)
{
    static const struct {
        int id;
        uint64_t value;
    } rows[] = { { -14, 0xfc00 },  { -3, 0xfeffe000 }, { -15, 0xfeff8 }, { -16, 0xfeff9 },
                 { -17, 0xfeffa }, { -4, 0xfc012000 }, { -8, 0xfefff },  { -10, 1 },
                 { -11, 3 },       { -19, 0xfeff0 },   { -20, 8 },       { -21, 8 } };

    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
        chunk(i, rows[k].id), le(i, 0, 4), le(i, rows[k].value, 8);
}

static void body(struct image *i, const struct shape *s)
{
    if (s->tmem) {
        chunk(i, -5);
        le(i, 0, 4), le(i, 16, 4), fill(i, 0xff, 4), fill(i, 0, 12), fill(i, 0xff, 8);
    }
    if (!s->old)
        chunk(i, -7), le(i, 1, 4), le(i, 77, 8), le(i, 2000000, 4), le(i, 3, 4);
    batch(i, s, 0, s->vcpus ? 8 : FRAMES, s->fillers ? 3 : 0);
    batch(i, s, 0, 0, s->fillers ? 4 : 0);
    if (!s->gw)
        batch(i, s, 0xfeff0, 16, 0); /* the special pages */
    if (s->unpacked)
        unpacked_pages(i, s);
}

static void chunks(struct image *i, const struct shape *s)
{
    unsigned vcpus = s->vcpus ? s->vcpus : 2;

    if (!s->no_map) {
        chunk(i, -2), le(i, vcpus - 1, 4);
        for (unsigned v = 0; v < vcpus; v += 64)
            le(i, vcpus - v >= 64 ? UINT64_MAX : (1ULL << (vcpus - v)) - 1, 8);
    }
    if (!s->gw && !s->old)
        params(i);
    if (s->store)
        toolstack(i, s);
    if (!s->old && !s->packed)
        chunk(i, -9);
    chunk(i, 0);
}

/* ---- tail ---- */

static void vcpu(struct image *i, const struct shape *s, unsigned number)
{
    unsigned area = number && s->area ? s->area : s->xsave, most = xcnt(s);

    context(i, s);
    if (s->no_map || s->no_ext)
        return;
    le(i, number, 4), fill(i, 0x21, 124);
    if (!most)
        return;
    le(i, 7, 8), le(i, s->even ? most - 16 : area, 8);
    le(i, 7, 8), le(i, 7, 8), fill(i, 0x33, area - 16);
    if (s->even)
        fill(i, 0, most - 16 - area);
}

static void tail(struct image *i, const struct shape *s)
{
    unsigned vcpus = s->no_map ? 1 : s->vcpus ? s->vcpus : 2;
    unsigned cpu = s->old ? 1016 : 1024; /* bytes of a CPU record: up to 3.4, from 4.0 on */

    if (s->gw) {
        le(i, 2, 4), ul(i, s, 0x48), ul(i, s, 0x49); /* unmapped frames */
        for (unsigned v = 0; v < vcpus; v++)
            vcpu(i, s, v);
        fill(i, 0, s->gw == 8 ? 3088 : 2316), le(i, P2M, s->gw);
        fill(i, 0, XSI_PAGE_SIZE - (s->gw == 8 ? 3096 : 2320));
        return;
    }
    le(i, 0xfeffd, 8), le(i, 0xfeffb, 8), le(i, 0xfeffc, 8);
    le(i, 32 + 2 * (8 + cpu) + 8, 4);
    le(i, 0x1800000001, 8), le(i, 0x54381286, 4), le(i, 1, 4), fill(i, 0, 16);
    for (unsigned v = 0; v < 2; v++)
        le(i, 2 | v << 16, 4), le(i, cpu, 4), fill(i, 0, 0x290), le(i, 0x11, 8),
            fill(i, 0, cpu - 0x298);
    le(i, 0, 8);
    text(i, "DeviceModelRecord0002"), le(i, QEVM3_SIZE(50), 4), qevm3(i, 50);
}

static void make(struct image *i, const struct shape *s)
{
    i->n = 0;
    header(i, s);
    body(i, s);
    if (s->packed)
        chunk(i, -13);
    chunks(i, s);
    tail(i, s);
    if (s->packed) {
        packed_pages(i, s);
        chunks(i, s);
        tail(i, s);
    }
    if (s->partly)
        le(i, 2, 4), ul(i, s, 2);
}

/* ---- converting ---- */

/* Bytes of the output, or -errno with the words. */
static ssize_t convert(struct xsi_source *src, const char *to, bool drop, uint8_t *bytes, char *why)
{
    struct xsi_convert_options options = { .to = to, .drop = drop };
    struct xsi_error err = { 0 };
    struct xsi_convert *c = xsi_convert_new(src, &options, &err);
    struct xsi_source *o = c ? xsi_convert_source(c) : NULL;
    ssize_t n = 0, got;

    while (o && (got = xsi_source_read(o, bytes + n, (size_t)(IMAGE_MAX - n), (uint64_t)n)) != 0) {
        if (got < 0) {
            err = *xsi_source_error(o);
            n = got;
            break;
        }
        n += got;
    }
    snprintf(why, 256, "%s", err.text);
    xsi_convert_free(c);
    return c ? n : -err.code;
}

static const struct row {
    const char *name;
    struct shape from;
    const char *to; /* NULL: its own form */
    struct shape into;
    bool drop;
} rows[] = {
    { "HVM", { 8, 0, .store = true }, "libxc-legacy64", { 8, 0, .store = true }, 0 },
    { "HVM, narrower", { 8, 0, .store = true }, "libxc-legacy32", { 4, 0, .store = true }, 0 },
    { "HVM, wider", { 4, 0, .store = true }, "libxc-legacy64", { 8, 0, .store = true }, 0 },
    { "HVM of 3.4", { 8, 0, .old = true }, "libxc-legacy32", { 4, 0, .old = true }, 0 },
    { "PV", { 8, 8, .xsave = XSAVE }, "libxc-legacy64", { 8, 8, .xsave = XSAVE }, 0 },
    { "PV, narrower", { 8, 8, .xsave = XSAVE }, "libxc-legacy32", { 4, 8, .xsave = XSAVE }, 0 },
    { "PV, wider", { .ul = 4, .gw = 4 }, "libxc-legacy64", { .ul = 8, .gw = 4 }, 0 },
    { "70 vCPUs",
      { .ul = 8, .gw = 4, .vcpus = 70 },
      "libxc-legacy32",
      { .ul = 4, .gw = 4, .vcpus = 70 },
      0 },
    { "fillers",
      { 8, 8, .fillers = true, .old = true },
      "libxc-legacy64",
      { 8, 8, .old = true },
      0 },
    { "3.0",
      { 8, 8, .no_ext = true, .no_map = true, .old = true },
      "libxc-legacy64",
      { 8, 8, .no_ext = true, .no_map = true, .old = true, .online = true },
      0 },
    { "3.0, other width",
      { 8, 8, .no_ext = true, .no_map = true, .old = true },
      "libxc-legacy32",
      { 4, 8, .no_map = true, .old = true, .online = true },
      0 },
    { "areas of two sizes",
      { 8, 8, .xsave = XSAVE, .area = XSAVE + 256 },
      "libxc-legacy64",
      { 8, 8, .xsave = XSAVE, .area = XSAVE + 256, .even = true },
      0 },
    { "Remus, HVM", { 8, 0, .packed = true }, "libxc-legacy64", { 8, 0, .unpacked = true }, 0 },
    { "Remus, PV", { 4, 8, .packed = true }, "libxc-legacy64", { 8, 8, .unpacked = true }, 0 },
    { "Remus, cut",
      { 8, 0, .packed = true, .partly = true },
      "libxc-legacy64",
      { 8, 0, .unpacked = true },
      0 },
    { "tmem", { 8, 8, .tmem = true }, "libxc-legacy64", { .ul = 8, .gw = 8 }, true },
};

static void differ(const struct row *r, const uint8_t *bytes, ssize_t n)
{
    size_t at = 0;

    while (at < (size_t)n && at < out.n && bytes[at] == out.bytes[at])
        at++;
    fail_msg("%s: %zd bytes instead of %zu, differing at 0x%zx", r->name, n, out.n, at);
}

static void one(const struct row *r)
{
    static uint8_t bytes[IMAGE_MAX];
    struct xsi_source *src;
    char why[256];
    ssize_t n;

    make(&in, &r->from);
    make(&out, &r->into);
    src = xsi_source_memory(in.bytes, in.n);
    if (r->drop) {
        n = convert(src, r->to, false, bytes, why);
        assert_int_equal(n, -ENOTSUP);
        assert_non_null(strstr(why, "tmem"));
    }
    n = convert(src, r->to, r->drop, bytes, why);
    if (n < 0)
        fail_msg("%s: %s", r->name, why);
    if ((size_t)n != out.n || memcmp(bytes, out.bytes, out.n) != 0)
        differ(r, bytes, n);
    xsi_source_free(src);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        one(&rows[i]);
}

/* A pipe gives the same, but for what it gives too late. */
static void test_pipe(void **state)
{
    static const struct {
        struct shape shape;
        const char *to, *lacks; /* NULL: nothing */
    } pipes[] = {
        { { 8, 0, .store = true }, "libxc-legacy32", NULL },
        { { 8, 8, .xsave = XSAVE }, "libxc-legacy32", NULL },
        { { 8, 8, .no_ext = true, .old = true }, "libxc-legacy64", NULL },
        { { 8, 8, .no_ext = true, .old = true }, "libxc-legacy32", "context of vCPU 0" },
        { { 8, 8, .xsave = XSAVE, .area = XSAVE + 64 }, "libxc-legacy64", NULL },
        { { 8, 0, .packed = true }, "libxc-legacy64", "give a file" },
    };
    static uint8_t bytes[IMAGE_MAX], piped[IMAGE_MAX];

    (void)state;
    for (size_t k = 0; k < sizeof(pipes) / sizeof(pipes[0]); k++) {
        struct xsi_source *src;
        struct xsi_error err;
        char why[256];
        ssize_t n, m;
        int fd[2];

        make(&in, &pipes[k].shape);
        src = xsi_source_memory(in.bytes, in.n);
        n = convert(src, pipes[k].to, false, bytes, why);
        assert_true(n > 0);
        xsi_source_free(src);
        assert_int_equal(pipe(fd), 0);
        assert_true(fcntl(fd[1], F_SETPIPE_SZ, 1 << 20) >= (int)in.n);
        assert_int_equal(write(fd[1], in.bytes, in.n), in.n);
        close(fd[1]);
        src = xsi_source_fd(fd[0], NULL, &err);
        assert_non_null(src);
        m = convert(src, pipes[k].to, false, piped, why);
        if (pipes[k].lacks && (m >= 0 || !strstr(why, pipes[k].lacks)))
            fail_msg("pipe %zu: %zd, %s", k, m, why);
        if (!pipes[k].lacks && (m != n || memcmp(bytes, piped, (size_t)n) != 0))
            fail_msg("pipe %zu: %zd instead of %zd bytes, %s", k, m, n, why);
        xsi_source_free(src);
        close(fd[0]);
    }
}

/* Changed bytes in the compressed checkpoint are refused in words. */
static void test_packed_damage(void **state)
{
    static const struct {
        size_t at; /* behind the second batch's count */
        uint8_t byte;
        const char *why;
    } damages[] = {
        { 16, 0x30, "never sent" },       /* frame 4 becomes 0x30 */
        { 3, 0xf0, "frames were named" }, /* frame 2 loses its page */
        { 24 + 4 + 8 + 4097, 0x7f,
          "not decodable" }, /* "as it is" becomes a run that does not end */
    };
    static uint8_t bytes[IMAGE_MAX];
    struct shape s = { 8, 0, .packed = true };
    size_t second;

    (void)state;
    make(&in, &s);
    for (second = 0; second < in.n - 13; second++)
        if (!memcmp(in.bytes + second, "\3\0\0\0\2\0\0\0\0\0\0\0\3", 13))
            break;
    assert_true(second < in.n - 13);
    for (size_t k = 0; k < sizeof(damages) / sizeof(damages[0]); k++) {
        struct xsi_source *src;
        char why[256];
        ssize_t n;

        make(&in, &s);
        in.bytes[second + 4 + damages[k].at] = damages[k].byte;
        src = xsi_source_memory(in.bytes, in.n);
        n = convert(src, "libxc-legacy64", false, bytes, why);
        if (n >= 0 || !strstr(why, damages[k].why))
            fail_msg("damage %zu: %zd, %s", k, n, why);
        xsi_source_free(src);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_packed_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
