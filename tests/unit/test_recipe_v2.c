/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recipes of the v2 stream: a damaged record comes back as it was, instead of being made up or cut
 * off; checkpoints that are not complete are given up, and never mixed with an older CPU state.
 */
#include "v2_image.h"

#include "lib/xsi_edit.h"

/* A checkpointed stream: twice memory and state. */
static const int remus[] = {
    V2_STATIC_DATA_END, V2_PAGE_DATA,  XTABS, AGAIN,       V2_TSC_INFO, V2_HVM_CONTEXT,
    V2_HVM_PARAMS,      V2_CHECKPOINT, AGAIN, V2_TSC_INFO, STOP
};

static const struct damage {
    const char *name;
    int record;     /* whose first one the offsets count from */
    size_t at;      /* in it */
    size_t removed; /* SIZE_MAX: all to the end */
    size_t added;
    const char *bytes;
    const char *recipe; /* of the first step; NULL: nothing is staged */
    const char *price;  /* in what it loses or guesses; "" neither, NULL whatever */
} damages[] = {
    { "length of HVM_PARAMS", V2_HVM_PARAMS, 4, 4, 4, "\x77\x77\0\0", NULL, "" },
    { "header of HVM_PARAMS", V2_HVM_PARAMS, 0, 8, 8, "\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5", NULL,
      "HVM_PARAMS" },
    { "4 zero bytes", V2_HVM_PARAMS, 0, 0, 4, "\0\0\0", NULL, "inserted" },
    { "16 bytes", V2_HVM_PARAMS, 0, 0, 16,
      "\x99\xc0\xe5\xbd\xbc\xfb\xc8\x5b\x11\x22\x33\x44"
      "5678",
      NULL, "inserted" },
    { "8 zero bytes", V2_HVM_PARAMS, 0, 0, 8, "\0\0\0\0\0\0\0", NULL, "inserted" },
    { "a header of zeros", V2_HVM_PARAMS, 0, 8, 8, "\0\0\0\0\0\0\0", NULL, NULL },
    { "no END", V2_END, 0, SIZE_MAX, 0, "", "v2-append-end", "" },
    { "a part of END", V2_END, 5, SIZE_MAX, 0, "", "v2-append-end", "" },
    { "END, one bit", V2_END, 0, 1, 1, "\4", NULL, NULL },
    { "a bit of CR4", V2_HVM_CONTEXT, 8 + 32 + 8 + 0x2a8 + 7, 1, 1, "\x10", "fix-hvm-context",
      "one bit" },
};

static void do_damage(struct image *i, const struct damage *d)
{
    size_t at = i->at[d->record] + d->at;
    size_t removed = d->removed < i->n - at ? d->removed : i->n - at;

    assert_true(at + removed <= i->n && i->n + d->added <= IMAGE_MAX);
    memmove(i->bytes + at + d->added, i->bytes + at + removed, i->n - at - removed);
    memcpy(i->bytes + at, d->bytes, d->added);
    i->n = i->n - removed + d->added;
}

struct run {
    struct xsi_source *src;
    struct xsi_plan *plan;
    struct xsi_mended *m;
};

static void mend(struct run *r, const struct image *i)
{
    const struct xsi_mend_options how = { .reader = "xen-4.17/libxc" };
    struct xsi_error err;

    r->src = xsi_source_memory(i->bytes, i->n);
    r->plan = xsi_plan_new(r->src, &err);
    assert_non_null(r->plan);
    r->m = xsi_mend(r->plan, &how, &err);
    assert_non_null(r->m);
}

static void done(struct run *r)
{
    free(r->m);
    xsi_plan_free(r->plan);
    xsi_source_free(r->src);
}

static const char *price_of(const struct xsi_planned *step)
{
    return *step->loses ? step->loses : step->guess;
}

static void sound_bytes_come_back(void **state)
{
    static uint8_t bytes[IMAGE_MAX], sound[IMAGE_MAX];

    (void)state;
    for (size_t k = 0; k < sizeof(damages) / sizeof(damages[0]); k++) {
        const struct damage *d = &damages[k];
        struct image *i = stream(HVM, NULL);
        const struct xsi_planned *step;
        size_t size = i->n;
        struct run r;
        ssize_t n;

        memcpy(sound, i->bytes, size);
        do_damage(i, d);
        mend(&r, i);
        n = xsi_source_read(xsi_plan_source(r.plan), bytes, sizeof(bytes), 0);
        if (n != (ssize_t)size || memcmp(bytes, sound, size) != 0 || !xsi_plan_steps(r.plan))
            fail_msg("%s: 0x%zx bytes of 0x%zx, %zu steps: %s", d->name, (size_t)n, size,
                     xsi_plan_steps(r.plan), r.m->after.reason);
        step = xsi_plan_step(r.plan, 0);
        if (d->recipe)
            assert_string_equal(step->recipe, d->recipe);
        if (d->price && (*d->price ? !strstr(price_of(step), d->price) : *price_of(step)))
            fail_msg("%s: '%s'", d->name, price_of(step));
        done(&r);
    }
}

/* An incomplete checkpoint goes, and the step says so. */
static void incomplete_checkpoint_goes(void **state)
{
    struct image *i = stream(HVM, remus);
    size_t mark = i->at[V2_CHECKPOINT];
    bool said = false;
    uint64_t size;
    struct run r;

    (void)state;
    mend(&r, i);
    if (r.m->after.outcome == XSI_FAILS)
        fail_msg("%s", r.m->after.reason);
    assert_true(xsi_source_size(xsi_plan_source(r.plan), &size));
    assert_int_equal(size, mark + 8);
    for (size_t k = 0; k < xsi_plan_steps(r.plan); k++)
        said |= strstr(xsi_plan_step(r.plan, k)->loses, "behind checkpoint 1") != NULL;
    assert_true(said);
    done(&r);
}

/* Neither when END alone is asked for by name. */
static void end_is_not_put_behind_it(void **state)
{
    const struct xsi_mend_options how = { .reader = "xen-4.17/libxc", .recipe = "v2-append-end" };
    struct image *i = stream(HVM, remus);
    struct run r = { .src = xsi_source_memory(i->bytes, i->n) };
    struct xsi_error err;
    uint64_t size;

    (void)state;
    r.plan = xsi_plan_new(r.src, &err);
    assert_non_null(r.plan);
    r.m = xsi_mend(r.plan, &how, &err);
    assert_non_null(r.m);
    assert_true(xsi_source_size(xsi_plan_source(r.plan), &size));
    assert_int_equal(size, i->at[V2_CHECKPOINT] + 8);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_bytes_come_back),
        cmocka_unit_test(incomplete_checkpoint_goes),
        cmocka_unit_test(end_is_not_put_behind_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
