/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recipes of the legacy stream and of device-model records: what was damaged comes back byte for
 * byte; what a reader cannot read takes the steps that are named; what cannot be mended is refused.
 */
#include "images.h"

#include "lib/xsi_edit.h"

enum { FRAMES = 40, P2M = 0x50, HVM_P2M = 0xff000, XSAVE = 64 };

/* Places in the sound images. */
enum mark {
    START,
    EXT,
    TSC,
    BATCH,
    PAGES,
    VCPUS,
    CONSOLE,
    LAST,
    END,
    TAIL,
    CONTEXT,
    RECORD,
    MARKS
};

struct sound {
    struct image image;
    size_t at[MARKS];
};

/* Frame of an entry: HVM guests have their special pages below 4 GiB, PV guests page tables. */
static uint64_t entry(unsigned i, bool pv)
{
    if (pv)
        return i == 5 ? 0xc0000005 : i;
    return i < FRAMES - 4 ? i : 0xfeffbU + i - (FRAMES - 4);
}

static void batch(struct sound *s, bool pv)
{
    le(&s->image, FRAMES, 4);
    for (unsigned i = 0; i < FRAMES; i++)
        le(&s->image, entry(i, pv), 8);
    for (unsigned i = 0; i < FRAMES; i++)
        fill(&s->image, pv && (i == 5 || i == 1) ? 0 : (uint8_t)(i + 0x41), XSI_PAGE_SIZE);
}

static void tsc(struct sound *s)
{
    s->at[TSC] = s->image.n;
    le(&s->image, 0xfffffff9, 4);
    le(&s->image, 0, 4), le(&s->image, 1, 8), le(&s->image, 2000000, 4), le(&s->image, 1, 4);
}

static void vcpu_info(struct sound *s)
{
    s->at[VCPUS] = s->image.n;
    le(&s->image, 0xfffffffe, 4), le(&s->image, 1, 4), le(&s->image, 3, 8);
}

static void ends(struct sound *s)
{
    s->at[LAST] = s->image.n;
    le(&s->image, 0xfffffff7, 4);
    s->at[END] = s->image.n;
    le(&s->image, 0, 4);
    s->at[TAIL] = s->image.n;
}

/* HVM, Xen 4.1, with the record of xl. */
static void hvm(struct sound *s)
{
    struct image *i = &s->image;

    *s = (struct sound){ 0 };
    le(i, HVM_P2M, 8);
    tsc(s);
    s->at[BATCH] = i->n;
    batch(s, false);
    s->at[PAGES] = s->at[BATCH] + 4 + FRAMES * 8;
    vcpu_info(s);
    s->at[CONSOLE] = i->n;
    le(i, 0xfffffff8, 4), le(i, 0, 4), le(i, 0xfeffe, 8);
    ends(s);
    le(i, 0xfeffd, 8), le(i, 0xfeffb, 8), le(i, 0xfeffc, 8);
    s->at[CONTEXT] = i->n;
    le(i, 40, 4);
    le(i, 0x1800000001, 8), le(i, 0x54381286, 4), le(i, 1, 4), fill(i, 0, 16);
    le(i, 0, 8);
    s->at[RECORD] = i->n;
    text(i, "DeviceModelRecord0002");
    le(i, QEVM3_SIZE(50), 4);
    qevm3(i, 50);
}

static void vcpu(struct image *i, unsigned number)
{
    fill(i, 0, 616), le(i, 1, 8);              /* rdx: start_info is frame 1 */
    fill(i, 0, 5008 - 624), le(i, 5 << 12, 8); /* cr3: frame 5 */
    fill(i, 0, 5168 - 5016);
    le(i, number, 4), fill(i, 0, 124);
    le(i, 3, 8), le(i, XSAVE, 8), fill(i, 0x33, XSAVE);
}

/* PV, Xen 4.1 on a host with xsave. */
static void pv(struct sound *s)
{
    struct image *i = &s->image;

    *s = (struct sound){ 0 };
    le(i, P2M, 8);
    s->at[EXT] = i->n;
    le(i, UINT64_MAX, 8), le(i, 5196, 4);
    text(i, "vcpu"), le(i, 5168, 4), fill(i, 0, 5168);
    text(i, "extv"), le(i, 0, 4);
    text(i, "xcnt"), le(i, 4, 4), le(i, XSAVE + 16, 4);
    le(i, 7, 8);
    tsc(s);
    s->at[BATCH] = i->n;
    batch(s, true);
    s->at[PAGES] = s->at[BATCH] + 4 + FRAMES * 8;
    vcpu_info(s);
    ends(s);
    le(i, 0, 4);
    vcpu(i, 0);
    vcpu(i, 1);
    fill(i, 0, 3088), le(i, P2M, 8), fill(i, 0, 4096 - 3096);
    s->at[RECORD] = i->n;
}

/* ---------------------------------------------------------------- damages ---- */

static const struct damage {
    const char *name;
    bool pv;
    enum mark mark;
    long at;
    size_t removed;
    const char *bytes;
    size_t n;
    const char *recipe;
} damages[] = {
    { "count, one bit", false, BATCH, 0, 4, "\x38\0\0\0", 4, "rebuild-count" },
    { "count, garbage", true, BATCH, 0, 4, "Qemu", 4, "rebuild-count" },
    { "count too small", false, BATCH, 0, 4, "\x24\0\0\0", 4, "rebuild-count" },
    { "end, one bit", false, END, 0, 4, "\0\0\0\x40", 4, "rebuild-count" },
    { "frame out of range", false, BATCH, 4 + 8 * 9, 8, "\x09\x40\0\0\0\0\0\0", 8, "fix-entry" },
    { "frame out of order", true, BATCH, 4 + 8 * 9, 8, "\x19\0\0\0\0\0\0\0", 8, "fix-entry" },
    { "frame twice", false, BATCH, 4 + 8 * 9, 8, "\x0b\0\0\0\0\0\0\0", 8, "fix-entry" },
    { "bad type", false, BATCH, 4 + 8 * 9 + 3, 1, "\x50", 1, "fix-entry" },
    { "table in HVM", false, BATCH, 4 + 8 * 9 + 3, 1, "\x20", 1, "fix-entry" },
    { "no page, though one is there", false, BATCH, 4 + 8 * 39 + 3, 1, "\xe0", 1, "fix-entry" },
    { "high bits", true, BATCH, 4 + 8 * 9 + 6, 1, "\x01", 1, "fix-entry" },
    { "chunk id, one bit", false, CONSOLE, 0, 4, "\xf8\xfb\xff\xff", 4, "fix-chunk-id" },
    { "TSC id, one bit", true, TSC, 0, 4, "\xf9\xbf\xff\xff", 4, "fix-chunk-id" },
    { "end lost", false, END, 0, 4, "", 0, "insert-end" },
    { "end lost, PV", true, END, 0, 4, "", 0, "insert-end" },
    { "zero put in", false, VCPUS, 0, 0, "\0\0\0\0", 4, "drop-zero" },
    { "bytes put in", false, VCPUS, 0, 0, "\x01\x04\0\0abcdefgh", 12, "cut-gap" },
    { "unknown chunk", false, VCPUS, 0, 0, "\x9c\xff\xff\xff\0\0\0\0abcdefgh", 16, "drop-chunk" },
    { "compressed data", false, VCPUS, 0, 0, "\xf4\xff\xff\xff\x01\0\0\0\0\0\0\0\0", 13,
      "drop-chunk" },
    { "p2m_size", true, START, 5, 1, "\x20", 1, "fix-p2m-size" },
    { "mark of the extended info", true, EXT, 3, 1, "\xfb", 1, "fix-extended-info" },
    { "block total, one bit", true, EXT, 11, 1, "\x40", 1, "fix-extended-info" },
    { "console frame", false, CONSOLE, 9, 1, "\xe7", 1, "fix-console-pfn" },
    { "block total", true, EXT, 8, 4, "\x4c\x04\0\0", 4, "fix-extended-info" },
    { "block id", true, EXT, 12 + 5176, 4, "ext~", 4, NULL },
    { "frame list", true, TSC, -8, 8, "\x07\0\0\x02\0\0\0\0", 8, "fix-frame-list" },
    { "highest vCPU", true, VCPUS, 4, 4, "\xff\xff\xff\xff", 4, "fix-vcpu-info" },
    { "vCPU 0 offline", true, VCPUS, 8, 1, "\x02", 1, "fix-vcpu-info" },
    { "no VCPU_INFO", true, VCPUS, 0, 16, "", 0, "insert-vcpu-info" },
    { "unmapped count", true, TAIL, 0, 4, "\0\0\0\x20", 4, "fix-unmapped-count" },
    { "cr3, one bit", true, TAIL, 4 + 5008, 8, "\0\x50\0\x80\0\0\0\0", 8, "fix-root" },
    { "start_info, one bit", true, TAIL, 4 + 616, 8, "\x01\0\0\x80\0\0\0\0", 8, "fix-start-info" },
    { "vCPU number", true, TAIL, 4 + 5168, 4, "\x05\0\0\0", 4, "fix-vcpu-number" },
    { "xsave size", true, TAIL, 4 + 5168 + 128 + 8, 8, "\x41\0\0\0\0\0\0\0", 8, "fix-xsave-size" },
    { "xcnt", true, TSC, -12, 4, "\x60\0\0\0", 4, "fix-xsave-size" },
    { "max_pfn", true, RECORD, 3088 - 4096, 8, "\x50\0\0\x10\0\0\0\0", 8, "fix-max-pfn" },
    { "shared info cut", true, RECORD, -100, 100, "", 0, "complete-tail" },
    { "context length", false, CONTEXT, 0, 4, "\x20\x01\0\0", 4, "fix-context-length" },
    { "magic frame", false, TAIL, 0, 8, "\xfd\xef\x1f\0\0\0\0\0", 8, "fix-magic-pfns" },
    { "no magic frames", false, TAIL, 0, 24, "", 0, "insert-magic-pfns" },
    { "TSC mode", false, TSC, 4, 4, "\x08\0\0\0", 4, "fix-tsc-mode" },
    { "record's signature", false, RECORD, 0, 4, "DeVi", 4, "fix-qemu-signature" },
    { "record's length", false, RECORD, 21, 4, "\0\0\0\x69", 4, "fix-qemu-length" },
};

static void do_damage(const struct sound *s, const struct damage *d, struct image *out)
{
    size_t at = (size_t)((long)s->at[d->mark] + d->at);

    out->n = 0;
    put(out, s->image.bytes, at);
    put(out, d->bytes, d->n);
    put(out, s->image.bytes + at + d->removed, s->image.n - at - d->removed);
}

static struct xsi_mended *mend(const struct image *i, const struct xsi_mend_options *how,
                               struct xsi_source **src, struct xsi_plan **plan)
{
    struct xsi_error err;
    struct xsi_mended *m;

    *src = xsi_source_memory(i->bytes, i->n);
    *plan = xsi_plan_new(*src, &err);
    assert_non_null(*plan);
    m = xsi_mend(*plan, how, &err);
    assert_non_null(m);
    return m;
}

static void done(struct xsi_mended *m, struct xsi_source *src, struct xsi_plan *plan)
{
    free(m);
    xsi_plan_free(plan);
    xsi_source_free(src);
}

static bool took(const struct xsi_plan *plan, const char *recipe)
{
    for (size_t i = 0; i < xsi_plan_steps(plan); i++)
        if (!strcmp(xsi_plan_step(plan, i)->recipe, recipe))
            return true;
    return false;
}

static void heals(const struct sound *s, const struct damage *d)
{
    static struct image got;
    const struct xsi_mend_options how = { .reader = "xen-4.1" };
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_mended *m;
    ssize_t n;

    do_damage(s, d, &image);
    m = mend(&image, &how, &src, &plan);
    n = xsi_source_read(xsi_plan_source(plan), got.bytes, IMAGE_MAX, 0);
    if (n != (ssize_t)s->image.n || memcmp(got.bytes, s->image.bytes, s->image.n) != 0 ||
        m->after.outcome != XSI_RESTORES || (d->recipe && !took(plan, d->recipe)))
        fail_msg("%s: %s, %zu steps, the first %s; %s", d->name, m->after.reason, m->steps,
                 m->steps ? xsi_plan_step(plan, 0)->recipe : "none",
                 m->refusal_count ? m->refusals[0].why : "");
    done(m, src, plan);
}

static void damages_heal(void **state)
{
    static struct sound sound[2];

    (void)state;
    hvm(&sound[0]);
    pv(&sound[1]);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
        heals(&sound[damages[i].pv], &damages[i]);
}

/* ---------------------------------------------------------------- readers ---- */

static const struct {
    const char *name;
    bool pv;
    enum mark mark; /* where the sound image is changed first */
    long at;
    size_t removed;
    const char *bytes;
    size_t n;
    const char *reader;
    const char *recipes; /* that are taken */
    bool loses;
} cases[] = {
    { "4.1 for 4.0", true, LAST, 0, 0, "", 0, "xen-4.0", "drop-checkpoint drop-xsave", true },
    { "4.1 for 3.4", false, LAST, 0, 0, "", 0, "xen-3.4", "drop-chunk", true },
    { "xl's record for 4.0", false, LAST, 0, 0, "", 0, "xen-4.0", "drop-chunk rewrite-record",
      true },
    { "not told of the end", false, LAST, 0, 4, "", 0, "xen-4.1/xapi", "insert-checkpoint", false },
    { "no record", false, RECORD, 0, 25 + QEVM3_SIZE(50), "", 0, "xen-4.1", "append-record", true },
    { "record cut", false, RECORD, 60, QEVM3_SIZE(50) - 35, "", 0, "xen-4.1", "end-record", true },
    { "xapi's record", false, RECORD, 0, 25, "QemuDeviceModelRecord\n\0\0\0\x69", 26, "xen-4.2",
      "rewrite-record", false },
};

static void readers_get_what_they_read(void **state)
{
    static struct sound sound[2];

    (void)state;
    hvm(&sound[0]);
    pv(&sound[1]);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct damage change = { .mark = cases[i].mark,
                                       .at = cases[i].at,
                                       .removed = cases[i].removed,
                                       .bytes = cases[i].bytes,
                                       .n = cases[i].n };
        const struct xsi_mend_options how = { .reader = cases[i].reader };
        char recipes[200] = "";
        bool loses = false;
        struct xsi_source *src;
        struct xsi_plan *plan;
        struct xsi_mended *m;

        do_damage(&sound[cases[i].pv], &change, &image);
        m = mend(&image, &how, &src, &plan);
        for (size_t k = 0; k < m->steps; k++) {
            const struct xsi_planned *step = xsi_plan_step(plan, k);
            size_t n = strlen(recipes);

            snprintf(recipes + n, sizeof(recipes) - n, "%s%s", n ? " " : "", step->recipe);
            loses |= *step->loses != 0;
        }
        if (m->after.outcome != XSI_RESTORES || strcmp(recipes, cases[i].recipes) != 0 ||
            loses != cases[i].loses)
            fail_msg("%s: %s%s, %s", cases[i].name, recipes, loses ? ", which lose" : "",
                     m->after.reason);
        done(m, src, plan);
    }
}

/* ---------------------------------------------------------------- refusals ---- */

static const struct {
    const char *name;
    bool pv;
    enum mark mark;
    long at;
    size_t removed; /* 0: to the end */
    const char *reader, *recipe, *says;
} refused[] = {
    { "cut in the pages", true, PAGES, 5000, 0, "xen-4.1", "complete-tail", "CPUs" },
    { "cut in the context", false, CONTEXT, 20, 0, "xen-4.1", "complete-tail", "HVM_CONTEXT" },
    { "other width", false, RECORD, 0, 0, "xen-4.1/32", "other-width", "convert" },
};

static void hopeless_is_refused(void **state)
{
    static struct sound sound[2];

    (void)state;
    hvm(&sound[0]);
    pv(&sound[1]);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const struct sound *s = &sound[refused[i].pv];
        size_t at = (size_t)((long)s->at[refused[i].mark] + refused[i].at);
        const struct damage cut = { .mark = refused[i].mark,
                                    .at = refused[i].at,
                                    .removed =
                                        refused[i].removed ? refused[i].removed : s->image.n - at,
                                    .bytes = "" };
        const struct xsi_mend_options how = { .reader = refused[i].reader };
        struct xsi_source *src;
        struct xsi_plan *plan;
        struct xsi_mended *m;
        bool said = false;

        do_damage(s, &cut, &image);
        m = mend(&image, &how, &src, &plan);
        for (size_t k = 0; k < m->refusal_count; k++)
            said |= !strcmp(m->refusals[k].recipe, refused[i].recipe) &&
                    strstr(m->refusals[k].why, refused[i].says);
        if (m->after.outcome == XSI_RESTORES || !said)
            fail_msg("%s: %s, %zu refusals, the first: %s", refused[i].name, m->after.reason,
                     m->refusal_count, m->refusal_count ? m->refusals[0].why : "");
        done(m, src, plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damages_heal),
        cmocka_unit_test(readers_get_what_they_read),
        cmocka_unit_test(hopeless_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
