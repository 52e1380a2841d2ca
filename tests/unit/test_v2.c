/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stream of libxc, versions 2 and 3: whole ones, and one for each thing that can be wrong with
 * a record or with the order of records.
 */
#include "v2_image.h"

/* ---- whole streams ---- */

static void test_hvm(void **state)
{
    struct seen *s = walk(stream(HVM, NULL));

    (void)state;
    expect_sound(s, "HVM");
    assert_string_equal(s->info.stack[0], "libxc-v3");
    assert_int_equal(s->info.guest, XSI_GUEST_HVM);
    assert_int_equal(s->info.vcpus, 1);
    assert_int_equal(s->info.p2m_size, 0xff000);
    assert_int_equal(s->info.checkpoints, 1);
    assert_int_equal(s->info.pages_present, 2 * PAGES);
    assert_true(s->info.cpu_state);
    assert_string_equal(s->info.writer_from, "xen-4.17");
    assert_int_equal(s->chunks, 12);
    assert_int_equal(s->entries, 3 * PAGES);
    assert_int_equal(s->data_pages, 2 * PAGES);
    assert_string_equal(s->chunk[5].type, "PAGE_DATA");
    assert_int_equal(s->chunk[5].pages, PAGES);
    assert_int_equal(s->chunk[5].last_pfn, PAGES - 1);
    assert_int_equal(s->chunk[5].flags, XSI_CHUNK_PAGES);
    assert_string_equal(s->chunk[11].type, "END");
}

static void test_pv(void **state)
{
    struct seen *s = walk(stream(PV, NULL));

    (void)state;
    expect_sound(s, "PV");
    assert_int_equal(s->info.guest, XSI_GUEST_PV);
    assert_int_equal(s->info.guest_bits, 64);
    assert_int_equal(s->info.p2m_size, 8);
    assert_int_equal(s->info.vcpus, 1);
    assert_int_equal(s->info.pages_present, 8);
    assert_int_equal(s->chunks, 16);
}

static void test_version_2(void **state)
{
    static const int order[] = { V2_PAGE_DATA,   XTABS,         AGAIN,  V2_TSC_INFO,
                                 V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END, STOP };
    struct seen *s;

    (void)state;
    start(&image, HVM, 2);
    headers(&image);
    records(&image, order);
    s = walk(&image);
    expect_sound(s, "version 2");
    assert_string_equal(s->info.stack[0], "libxc-v2");
    assert_string_equal(s->info.writer_from, "xen-4.12");
}

static void test_big_endian(void **state)
{
    static const int order[] = { V2_PV_INFO,  V2_P2M_FRAMES,  V2_PAGE_DATA, XTABS,
                                 V2_TSC_INFO, V2_SHARED_INFO, V2_END,       STOP };
    struct seen *s;

    (void)state;
    start(&image, PV, 2);
    image.big = true;
    headers(&image);
    records(&image, order);
    s = walk(&image);
    expect(s, "V05", "big-endian");
    assert_int_equal(s->info.p2m_size, 8);
    assert_int_equal(s->data_pages, 8);
    assert_int_equal(chunks_of(s, "GAP"), 0);
}

static void test_converted(void **state)
{
    static const int order[] = {
        V2_STATIC_DATA_END, V2_PAGE_DATA,  XTABS,          AGAIN,  V2_TSC_INFO,
        V2_HVM_PARAMS,      V2_HVM_PARAMS, V2_HVM_CONTEXT, V2_END, STOP
    };
    struct image *i = stream(HVM, order);
    struct seen *s;

    (void)state;
    set(i, i->at[V2_DOMAIN_HEADER] + 8, 0, 4, false);
    set(i, i->at[V2_DOMAIN_HEADER] + 12, 1, 4, false);
    s = walk(i);
    expect_sound(s, "converted");
    assert_null(s->info.writer_from);
}

/* ---- one number changed ---- */

static void test_pokes(void **state)
{
    /* clang-format off */
    static const struct {
        unsigned kind, type;
        size_t at, size;
        uint64_t value;
        const char *code;
    } rows[] = {
        { HVM, V2_IMAGE_HEADER, 3, 1, 0xfe, "V01" },
        { HVM, V2_IMAGE_HEADER, 8, 1, 'Y', "V02" },
        { HVM, V2_IMAGE_HEADER, 15, 1, 7, "V03" },
        { HVM, V2_IMAGE_HEADER, 16, 1, 0x80, "V04" },
        { HVM, V2_IMAGE_HEADER, 17, 1, 1, "V06" },
        { HVM, V2_IMAGE_HEADER, 20, 1, 1, "V07" },
        { HVM, V2_IMAGE_HEADER, 15, 1, 2, "V15" },
        { HVM, V2_DOMAIN_HEADER, 0, 4, 3, "V08" },
        { HVM, V2_DOMAIN_HEADER, 0, 4, 1, "V14" },
        { HVM, V2_DOMAIN_HEADER, 4, 2, 13, "V09" },
        { HVM, V2_DOMAIN_HEADER, 6, 2, 1, "V07" },
        { HVM, V2_DOMAIN_HEADER, 12, 4, 12, "V89" },
        { HVM, V2_DOMAIN_HEADER, 12, 4, 99, "V90" },
        { HVM, V2_STATIC_DATA_END, 0, 4, 0, "V65" },
        { HVM, V2_PAGE_DATA, 0, 4, 0x80000001, "V13" },
        { HVM, V2_PAGE_DATA, 0, 4, 0x21, "V11" },
        { HVM, V2_PAGE_DATA, 0, 4, 0, "V65" },
        { HVM, V2_PAGE_DATA, 4, 4, 8 + 8 * PAGES + 4096 * PAGES + 8, "V20" },
        { HVM, V2_PAGE_DATA, 4, 4, 0x7fffffff, "V20" },
        { HVM, V2_PAGE_DATA, 8, 4, 3, "V21" },
        { HVM, V2_PAGE_DATA, 8, 4, 0, "V21" },
        { HVM, V2_PAGE_DATA, 12, 4, 1, "V47" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 1ULL << 52 | 1, "V43" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 5ULL << 60 | 1, "V44" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 0xfULL << 60 | 1, "V20" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 0x1001, "V41" },
        { HVM, V2_PAGE_DATA, 16, 8, 0x10, "V41" },
        { HVM, V2_PAGE_DATA, 16 + 24, 8, 0x10, "V41" },
        { HVM, V2_PAGE_DATA, 16 + 8, 8, 0, "V42" },
        { HVM, V2_PAGE_DATA, 16 + 24, 8, 1ULL << 44, "V40" },
        { HVM, V2_TSC_INFO, 8, 4, 9, "V71" },
        { HVM, V2_TSC_INFO, 8, 4, 3, "V72" },
        { HVM, V2_TSC_INFO, 12, 4, 1, "V73" },
        { HVM, V2_TSC_INFO, 28, 4, 1, "V47" },
        { HVM, V2_TSC_INFO, 4, 4, 16, "V20" },
        { HVM, V2_HVM_PARAMS, 8, 4, 2, "V16" },
        { HVM, V2_HVM_PARAMS, 12, 4, 2, "V47" },
        { HVM, V2_HVM_PARAMS, 16, 8, 13, "V81" },
        { HVM, V2_HVM_PARAMS, 16, 8, 200, "V81" },
        { HVM, V2_HVM_PARAMS, 16, 8, 2, "V82" },
        { HVM, V2_HVM_PARAMS, 16, 8, 5, "V94" },
        { HVM, V2_HVM_PARAMS, 16, 8, 36, "V95" },
        { HVM, V2_HVM_CONTEXT, 4, 4, 40, "V20" },
        { HVM, V2_CPUID_POLICY, 16, 4, 9, "V80" },
        { HVM, V2_CPUID_POLICY, 8 + 24, 4, 0x77, "V79" },
        { HVM, V2_MSR_POLICY, 8, 4, 0x123, "V79" },
        { HVM, V2_MSR_POLICY, 12, 4, 1, "V79" },
        { HVM, V2_END, 4, 4, 1U << 30, "V66" },
        { PV, V2_PV_INFO, 8, 1, 4, "V70" },
        { PV, V2_PV_INFO, 12, 1, 4, "V47" },
        { PV, V2_P2M_FRAMES, 8, 4, 9, "V67" },
        { PV, V2_P2M_FRAMES, 8, 4, 1, "V69" },
        { PV, V2_P2M_FRAMES, 12, 4, 600, "V67" },
        { PV, V2_P2M_FRAMES, 12, 4, 5, "V39" },
        { PV, V2_P2M_FRAMES, 16, 8, 8, "V68" },
        { PV, V2_VCPU_BASIC, 8, 4, 1, "V31" },
        { PV, V2_VCPU_BASIC, 8, 4, 9000, "V74" },
        { PV, V2_VCPU_BASIC, 12, 4, 1, "V47" },
        { PV, V2_VCPU_BASIC, 16 + 0x1390, 8, 0x9000, "V78" },
        { PV, V2_VCPU_BASIC, 16 + 0x1390, 8, 0x3000, "V84" },
        { PV, V2_VCPU_BASIC, 16 + 0x1360, 8, 7169, "V78" },
        { PV, V2_VCPU_BASIC, 16 + 0x288, 8, 1ULL << 63, "V78" },
        { PV, V2_VCPU_EXTENDED, 20, 4, 0, "V78" },
        { PV, V2_VCPU_MSRS, 16, 4, 0x123, "V88" },
        { PV, V2_VCPU_XSAVE, 4, 4, 8 + 16 + 570, "V86" },
        { PV, V2_VCPU_XSAVE, 0, 4, 0x80000006, "V13" },
        { PV, V2_SHARED_INFO, 8, 8, 0, "V83" },
        { PV, V2_SHARED_INFO, 4, 4, 4104, "V20" },
    };
    /* clang-format on */

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct image *i = stream(rows[r].kind, NULL);
        char what[80];

        set(i, i->at[rows[r].type] + rows[r].at, rows[r].value, rows[r].size, false);
        snprintf(what, sizeof(what), "%s +%zu := 0x%" PRIx64, v2_types[rows[r].type].name,
                 rows[r].at, rows[r].value);
        expect(walk(i), rows[r].code, what);
    }
}

static void test_padding(void **state)
{
    static const int order[] = { V2_STATIC_DATA_END, OPTIONAL,       V2_PAGE_DATA,  XTABS,  AGAIN,
                                 V2_TSC_INFO,        V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END, STOP };
    struct image *i = stream(HVM, order);
    struct seen *s = walk(i);

    (void)state;
    expect_sound(s, "optional record");
    expect(s, "V12", "optional record");
    set(i, i->at[V2_PAGE_DATA] - 1, 1, 1, false);
    expect(walk(i), "V46", "padding");
}

/* ---- records missing, doubled, in another order ---- */

static void test_orders(void **state)
{
/* clang-format off */
#define ROW(code, kind, ...) { code, kind, { __VA_ARGS__, STOP } }
#define HVM_TAIL V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END
#define HVM_PAGES V2_PAGE_DATA, XTABS, AGAIN
#define PV_TAIL V2_TSC_INFO, V2_SHARED_INFO, V2_VCPU_BASIC, V2_VCPU_EXTENDED, V2_END
#define PV_PAGES V2_PAGE_DATA, XTABS
    static const struct {
        const char *code;
        unsigned kind;
        int order[20];
    } rows[] = {
        ROW("V23", HVM, HVM_PAGES, HVM_TAIL),
        ROW("V24", HVM, V2_STATIC_DATA_END, V2_STATIC_DATA_END, HVM_PAGES, HVM_TAIL),
        ROW("V11", HVM, V2_STATIC_DATA_END, HVM_PAGES, MANDATORY, HVM_TAIL),
        ROW("V14", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_SHARED_INFO, HVM_TAIL),
        ROW("V25", PV, V2_STATIC_DATA_END, V2_P2M_FRAMES, V2_PV_INFO, PV_PAGES, PV_TAIL),
        ROW("V25", PV, V2_PV_INFO, V2_STATIC_DATA_END, PV_PAGES, V2_P2M_FRAMES, PV_TAIL),
        ROW("V26", HVM, V2_TSC_INFO, V2_STATIC_DATA_END, HVM_PAGES, V2_HVM_CONTEXT, V2_HVM_PARAMS,
            V2_END),
        ROW("V27", PV, V2_PV_INFO, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES,
            PV_TAIL),
        ROW("V28", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, HVM_TAIL),
        ROW("V28", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_VCPU_BASIC,
            PV_TAIL),
        ROW("V29", PV, V2_STATIC_DATA_END, PV_PAGES, PV_TAIL),
        ROW("V30", PV, V2_PV_INFO, V2_STATIC_DATA_END, PV_PAGES, PV_TAIL),
        ROW("V31", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_SHARED_INFO, V2_END),
        ROW("V32", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_PARAMS, V2_END),
        ROW("V33", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_CONTEXT, V2_END),
        ROW("V34", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_VCPU_BASIC, V2_VCPU_EXTENDED, V2_END),
        ROW("V35", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_HVM_CONTEXT, V2_HVM_PARAMS, V2_END),
        ROW("V36", HVM, V2_STATIC_DATA_END, HVM_TAIL),
        ROW("V37", HVM, V2_STATIC_DATA_END, HVM_PAGES, HVM_TAIL),
        ROW("V38", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_SHARED_INFO, V2_VCPU_BASIC, V2_END),
        ROW("V48", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS,
            V2_CHECKPOINT, V2_END),
        ROW("V49", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_DIRTY_PFNS, HVM_TAIL),
        ROW("V50", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_TSC_INFO, V2_HVM_CONTEXT, V2_HVM_PARAMS,
            V2_TOOLSTACK, V2_END),
        ROW("V51", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_VERIFY, V2_PAGE_DATA, HVM_TAIL),
        ROW("V52", HVM, V2_STATIC_DATA_END, V2_VERIFY, HVM_PAGES, HVM_TAIL),
        ROW("V55", HVM, V2_STATIC_DATA_END, V2_PAGE_DATA, AGAIN, HVM_TAIL),
        ROW("V56", HVM, V2_STATIC_DATA_END, XTABS, AGAIN, HVM_TAIL),
        ROW("V57", HVM, V2_STATIC_DATA_END, V2_PAGE_DATA, XTABS, HVM_TAIL),
        ROW("V58", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, AGAIN, PV_TAIL),
        ROW("V65", HVM, V2_STATIC_DATA_END, HVM_PAGES, V2_END, HVM_TAIL),
        ROW("V77", PV, V2_PV_INFO, V2_STATIC_DATA_END, V2_P2M_FRAMES, PV_PAGES, V2_TSC_INFO,
            V2_SHARED_INFO, V2_VCPU_BASIC, SECOND_VCPU, V2_VCPU_EXTENDED, V2_END),
    };
    /* clang-format on */

    (void)state;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        struct seen *s = walk(stream(rows[r].kind, rows[r].order));
        char what[40];

        snprintf(what, sizeof(what), "order %zu", r);
        expect(s, rows[r].code, what);
        assert_int_equal(chunks_of(s, "GAP"), 0);
    }
}

static void test_empty_vcpu(void **state)
{
    static const int before[] = {
        V2_PV_INFO,  V2_STATIC_DATA_END, V2_P2M_FRAMES, V2_PAGE_DATA,     XTABS,
        V2_TSC_INFO, V2_SHARED_INFO,     V2_VCPU_BASIC, V2_VCPU_EXTENDED, STOP
    };
    struct image *i = stream(PV, before);
    struct seen *s;

    (void)state;
    put(i, V2_VCPU_MSRS, 4), put(i, 8, 4), put(i, 0, 8);
    put(i, 0, 8);
    s = walk(i);
    expect(s, "V75", "empty record");
    assert_int_equal(chunks_of(s, "END"), 1);
}

/* ---- runs of entries ---- */

static void test_runs(void **state)
{
    uint8_t list[8 * 300];

    (void)state;
    for (size_t k = 0; k < 300; k++)
        for (unsigned b = 0; b < 8; b++)
            list[8 * k + b] = (uint8_t)((0xf000000000001000ULL + k) >> (8 * b));
    assert_int_equal(v2_run(list, 300, false), 300);
    assert_int_equal(v2_run(list, 1, false), 1);
    list[8 * 299] ^= 1;
    assert_int_equal(v2_run(list, 300, false), 299);
    list[8 * 65 + 7] ^= 0x10;
    assert_int_equal(v2_run(list, 300, false), 65);
    list[8 * 2] ^= 4;
    assert_int_equal(v2_run(list, 300, false), 2);
    memset(list, 0xff, 16); /* a sum must not run into the type bits */
    list[15] = 0, memset(list + 8, 0, 8);
    assert_int_equal(v2_run(list, 2, false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hvm),        cmocka_unit_test(test_pv),
        cmocka_unit_test(test_version_2),  cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_converted),  cmocka_unit_test(test_pokes),
        cmocka_unit_test(test_padding),    cmocka_unit_test(test_orders),
        cmocka_unit_test(test_empty_vcpu), cmocka_unit_test(test_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
