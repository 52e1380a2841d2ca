/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x86 payloads: the HVM context checker, and decoders that stay within what is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/x86/x86.h"

enum { ROOM = 16384 };

/* A context under construction. */
struct list {
    uint8_t bytes[ROOM];
    size_t length;
};

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}

/* Appends a record of zeros; returns its body. */
static uint8_t *add(struct list *l, unsigned code, unsigned instance, uint32_t length)
{
    uint8_t *p = l->bytes + l->length;

    assert_true(l->length + 8 + length <= ROOM);
    memset(p, 0, 8 + length);
    put16(p, code);
    put16(p + 2, instance);
    put32(p + 4, length);
    l->length += 8 + length;
    return p + 8;
}

/* What Xen 4.17 writes for a guest with two vCPUs. */
static void build(struct list *l)
{
    uint8_t *p;

    memset(l, 0, sizeof(*l));
    p = add(l, X86_HVM_HEADER, 0, 24);
    put32(p, X86_HVM_MAGIC);
    put32(p + 4, 1);
    memset(p + 8, 0xff, 8);
    put32(p + 16, 0x306a9);
    put32(p + 20, 2400000);
    for (unsigned i = 0; i < 2; i++) {
        p = add(l, X86_HVM_CPU, i, 1032);
        put32(p + 0x280, 0x7c00 + i);
        put32(p + 0x290, 0x80000011);
        put32(p + 0x400, 1);
    }
    for (unsigned i = 0; i < 2; i++)
        add(l, X86_HVM_PIC, i, 8);
    add(l, X86_HVM_IOAPIC, 0, 400);
    for (unsigned i = 0; i < 2; i++)
        add(l, X86_HVM_LAPIC, i, 24);
    for (unsigned i = 0; i < 2; i++)
        add(l, X86_HVM_LAPIC_REGS, i, 1024);
    add(l, X86_HVM_PCI_IRQ, 0, 16);
    add(l, X86_HVM_ISA_IRQ, 0, 8);
    add(l, X86_HVM_PCI_LINK, 0, 8);
    add(l, X86_HVM_PIT, 0, 56);
    add(l, X86_HVM_RTC, 0, 24);
    add(l, X86_HVM_HPET, 0, 1048);
    for (unsigned i = 0; i < 2; i++)
        add(l, X86_HVM_MTRR, i, 240);
    for (unsigned i = 0; i < 2; i++)
        add(l, X86_HVM_CPU_XSAVE, i, 24 + 832);
    for (unsigned i = 0; i < 2; i++)
        add(l, X86_HVM_VIRIDIAN_VCPU, i, 216);
    for (unsigned i = 0; i < 2; i++)
        add(l, X86_HVM_VMCE_VCPU, i, 32);
    for (unsigned i = 0; i < 2; i++)
        put32(add(l, X86_HVM_CPU_MSR, i, 8 + 2 * 16), 2);
    add(l, X86_HVM_END, 0, 0);
}

/* Offset of the descriptor of a record. */
static size_t find(const struct list *l, unsigned code, unsigned instance)
{
    size_t at = 0;

    while (at + 8 <= l->length) {
        const uint8_t *p = l->bytes + at;

        if ((p[0] | p[1] << 8) == (int)code && (p[2] | p[3] << 8) == (int)instance)
            return at;
        at += 8 + xsi_le32(p + 4);
    }
    fail();
    return 0;
}

static bool says(const struct x86_hvm_summary *s, enum x86_finding_id id)
{
    for (unsigned i = 0; i < s->issues; i++)
        if (s->issue[i].id == id)
            return true;
    return false;
}

static void test_good(void **state)
{
    struct x86_hvm_summary s;
    struct list l;
    size_t at;
    char why[128];

    (void)state;
    build(&l);
    assert_true(x86_hvm_check(l.bytes, l.length, l.length, &s));
    assert_int_equal(s.issues, 0);
    assert_int_equal(s.cpus, 2);
    assert_int_equal(s.vcpus, 2);
    assert_true(s.has_cpu0 && s.header_ok && s.end_seen && !s.cut && !s.filled);
    assert_int_equal(s.end_at, l.length);
    assert_int_equal(s.bad_at, l.length);
    assert_int_equal(s.from, 414); /* RTC of 24 bytes */
    assert_int_equal(s.to, 420);   /* LAPIC of 24 bytes */
    assert_true(x86_hvm_starts(l.bytes, l.length));
    assert_true(x86_hvm_accepts(l.bytes, l.length, 417, &at, why, sizeof(why)));
    assert_true(x86_hvm_accepts(l.bytes, l.length, 0, &at, why, sizeof(why)));
    assert_false(x86_hvm_accepts(l.bytes, l.length, 412, &at, why, sizeof(why)));
    assert_int_equal(at, find(&l, X86_HVM_RTC, 0));
    assert_false(x86_hvm_accepts(l.bytes, l.length, 406, &at, why, sizeof(why)));
    assert_int_equal(at, find(&l, X86_HVM_CPU, 0));
}

/* One thing that is wrong, and the finding for it. */
struct damage {
    const char *name;
    void (*apply)(struct list *l);
    enum x86_finding_id id;
    bool passes; /* a reader may still take it */
};

static void no_magic(struct list *l)
{
    l->bytes[8] ^= 1;
}
static void bad_version(struct list *l)
{
    l->bytes[12] = 2;
}
static void no_end(struct list *l)
{
    l->length -= 8;
}
static void unknown(struct list *l)
{
    put16(l->bytes + find(l, X86_HVM_HPET, 0), 99);
}
static void trailing(struct list *l)
{
    l->length += 5;
}
static void instance(struct list *l)
{
    put16(l->bytes + find(l, X86_HVM_CPU, 1) + 2, 500);
}
static void odd(struct list *l)
{
    put16(l->bytes + find(l, X86_HVM_HPET, 0) + 2, 7);
}
static void twice(struct list *l)
{
    put16(l->bytes + find(l, X86_HVM_CPU, 1) + 2, 0);
}
static void bad_cr0(struct list *l)
{
    l->bytes[find(l, X86_HVM_CPU, 0) + 8 + 0x290] = 0;
}
static void bad_link(struct list *l)
{
    l->bytes[find(l, X86_HVM_PCI_LINK, 0) + 8] = 16;
}
static void bad_count(struct list *l)
{
    l->bytes[find(l, X86_HVM_CPU_MSR, 0) + 8] = 3;
}

static void no_header(struct list *l)
{
    l->length -= 32;
    memmove(l->bytes, l->bytes + 32, l->length);
}

static void overrun(struct list *l)
{
    l->length -= 8;
    put32(l->bytes + find(l, X86_HVM_CPU_MSR, 0) + 4, 0xfffffff0);
}

static void overrun_fixable(struct list *l)
{
    put32(l->bytes + find(l, X86_HVM_HPET, 0) + 4, 0x01000418);
}

static void short_record(struct list *l)
{
    size_t at = find(l, X86_HVM_IOAPIC, 0);

    put32(l->bytes + at + 4, 392);
    l->length -= 8;
    memmove(l->bytes + at + 400, l->bytes + at + 408, l->length - at - 400);
}

static void longer(struct list *l)
{
    l->length -= 8;
    put32(add(l, X86_HVM_TSC_ADJUST, 0, 16), 1);
    add(l, X86_HVM_END, 0, 0);
}

static void no_cpus(struct list *l)
{
    l->length -= 2 * 1040;
    memmove(l->bytes + 32, l->bytes + 32 + 2 * 1040, l->length - 32);
}

static void no_cpu0(struct list *l)
{
    l->length -= 1040;
    memmove(l->bytes + 32, l->bytes + 32 + 1040, l->length - 32);
}

static void filled(struct list *l)
{
    memset(l->bytes + 40, 2, 1032);
}

static void old_cpu(struct list *l)
{
    size_t at = find(l, X86_HVM_CPU, 1);

    put32(l->bytes + at + 4, 1016);
    l->length -= 16;
    memmove(l->bytes + at + 1024, l->bytes + at + 1040, l->length - at - 1024);
}

static void odd_end(struct list *l)
{
    l->bytes[l->length - 1] = 1;
}
static void no_links(struct list *l)
{
    put16(l->bytes + find(l, X86_HVM_PCI_LINK, 0), 13);
}

static const struct damage damages[] = {
    { "no header", no_header, X86_H01, false },
    { "magic", no_magic, X86_H02, false },
    { "version", bad_version, X86_H03, false },
    { "no end", no_end, X86_H04, false },
    { "overrun", overrun, X86_H06, false },
    { "overrun, fixable", overrun_fixable, X86_H06, false },
    { "short", short_record, X86_H07, false },
    { "longer", longer, X86_H08, false },
    { "unknown", unknown, X86_H09, false },
    { "twice", twice, X86_H10, true },
    { "trailing", trailing, X86_H11, true },
    { "no CPUs", no_cpus, X86_H12, false },
    { "no CPU 0", no_cpu0, X86_H13, true },
    { "instance", instance, X86_H14, false },
    { "odd instance", odd, X86_H15, true },
    { "order", longer, X86_H16, false },
    { "cr0", bad_cr0, X86_H17, false },
    { "route", bad_link, X86_H17, false },
    { "count of MSRs", bad_count, X86_H17, false },
    { "mixed", old_cpu, X86_H18, true },
    { "filled", filled, X86_H19, true },
    { "END", odd_end, X86_H21, true },
    { "no links", no_links, X86_H22, true },
};

static void test_damaged(void **state)
{
    struct x86_hvm_summary s;
    struct list l;

    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        bool ok;

        build(&l);
        damages[i].apply(&l);
        ok = x86_hvm_check(l.bytes, l.length, l.length, &s);
        if (ok != damages[i].passes || !says(&s, damages[i].id))
            print_error("%s: %s, %u issues, first: %s\n", damages[i].name, ok ? "good" : "bad",
                        s.issues, s.issues ? s.issue[0].text : "-");
        assert_int_equal(ok, damages[i].passes);
        assert_true(says(&s, damages[i].id));
        assert_int_equal(ok, s.problem[0] == '\0');
    }
    assert_false(x86_hvm_check(l.bytes, 0, 0, &s));
    assert_true(says(&s, X86_H01));
}

/* With a better length known, the rest of the list is looked at too. */
static void test_length_is_proposed(void **state)
{
    struct x86_hvm_summary s;
    struct list l;

    (void)state;
    build(&l);
    overrun_fixable(&l);
    assert_false(x86_hvm_check(l.bytes, l.length, l.length, &s));
    assert_non_null(strstr(s.problem, "1048"));
    assert_true(s.end_seen);
    assert_int_equal(s.bad_at, find(&l, X86_HVM_PIT, 0) + 64 + 32);
    assert_int_equal(s.bad_type, X86_HVM_HPET);
}

static void test_early_end(void **state)
{
    struct x86_hvm_summary s;
    struct list l;

    (void)state;
    build(&l);
    put32(l.bytes + find(&l, X86_HVM_CPU_XSAVE, 0) + 4, 24 + 832 - 64);
    assert_false(x86_hvm_check(l.bytes, l.length, l.length, &s));
    assert_true(says(&s, X86_H20));
    assert_non_null(strstr(s.problem, "856"));
}

/* Whatever bit of a descriptor flips, something is said. */
static void test_flipped_bits(void **state)
{
    struct x86_hvm_summary s;
    struct list l;

    (void)state;
    build(&l);
    for (size_t at = 0; at < l.length; at += 8 + xsi_le32(l.bytes + at + 4)) {
        for (unsigned bit = 0; bit < 64; bit++) {
            l.bytes[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
            x86_hvm_check(l.bytes, l.length, l.length, &s);
            if (!s.issues)
                print_error("bit %u of the descriptor at %zu\n", bit, at);
            assert_true(s.issues > 0);
            l.bytes[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* n bytes that end at a page nobody may touch. */
static uint8_t *guarded(size_t n, void **map, size_t *map_length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (n + page - 1) / page + 1;
    uint8_t *p =
        mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    assert_int_equal(mprotect(p + (pages - 1) * page, page, PROT_NONE), 0);
    *map = p;
    *map_length = pages * page;
    return p + (pages - 1) * page - n;
}

/* Counts values and watches that groups are closed and that values lie in what is there. */
struct counter {
    struct xsi_sink sink;
    size_t have, values;
    int open;
    uint64_t wanted;
    const char *wanted_name;
};

static void count_value(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct counter *c = (struct counter *)sink;

    c->values++;
    if (v->kind == XSI_CLOSE) {
        c->open--;
        return;
    }
    if (v->kind == XSI_GROUP || v->kind == XSI_LIST)
        c->open++;
    else
        assert_true(v->offset <= c->have);
    if (c->wanted_name && v->name && !strcmp(v->name, c->wanted_name))
        c->wanted = v->number;
}

static void all_decoders(struct xsi_decode *d, size_t size)
{
    x86_decode_vcpu_context(d, 0, size, 8);
    x86_decode_vcpu_context(d, 0, size, 4);
    x86_decode_ext_context(d, 0, size);
    x86_decode_xsave(d, 0, size);
    x86_decode_shared_info(d, 0, size, 8);
    x86_decode_shared_info(d, 0, size, 4);
    x86_decode_shared_info(d, 0, size, 0);
    x86_decode_pv_msrs(d, 0, size);
    x86_decode_cpuid_policy(d, 0, size);
    x86_decode_msr_policy(d, 0, size);
    x86_decode_hvm_params(d, 0, UINT64_MAX);
    x86_decode_toolstack(d, 0, size);
    x86_decode_hvm_context(d, 0, size);
    for (unsigned code = 0; code <= X86_HVM_CODES; code++)
        x86_decode_hvm_record(d, code, 0, size);
    x86_decode_hvm_context(d, d->have + 1, size);
    x86_decode_vcpu_context(d, d->have + 1, size, 8);
}

static void test_never_reads_beyond(void **state)
{
    struct x86_hvm_summary s;
    struct list l;
    char why[128];
    size_t at;

    (void)state;
    build(&l);
    for (size_t n = 0; n < l.length; n += n < 64 || n > l.length - 64 ? 1 : 61) {
        void *map;
        size_t map_length;
        uint8_t *p = guarded(n, &map, &map_length);
        struct counter c = { .sink = { count_value }, .have = n };
        struct xsi_decode d = {
            .bytes = p, .have = n, .length = l.length, .detail = 2, .sink = &c.sink
        };

        memcpy(p, l.bytes, n);
        assert_false(x86_hvm_check(p, n, l.length, &s));
        assert_true(s.cut && says(&s, X86_H05));
        assert_true(s.end_at <= n);
        assert_false(x86_hvm_accepts(p, n, 417, &at, why, sizeof(why)));
        assert_false(x86_hvm_check(p, n, n, &s));
        x86_hvm_starts(p, n);
        x86_shared_info_width(p, n, 0);
        x86_toolstack_stride(p, n);
        all_decoders(&d, l.length);
        all_decoders(&d, n);
        all_decoders(&d, SIZE_MAX);
        /* All bits set: lengths and counts at their worst. */
        memset(p, 0xff, n);
        all_decoders(&d, SIZE_MAX / 2);
        x86_hvm_check(p, n, SIZE_MAX / 2, &s);
        assert_int_equal(c.open, 0);
        munmap(map, map_length);
    }
}

/* Number of the field of that name that a decoder emits for bytes. */
static uint64_t field(const uint8_t *bytes, size_t have, const char *name,
                      void (*decode)(struct xsi_decode *d))
{
    struct counter c = {
        .sink = { count_value }, .have = have, .wanted = UINT64_MAX, .wanted_name = name
    };
    struct xsi_decode d = {
        .bytes = bytes, .have = have, .length = have, .detail = 2, .sink = &c.sink
    };

    decode(&d);
    return c.wanted;
}

static void decode_vcpu32(struct xsi_decode *d)
{
    x86_decode_vcpu_context(d, 0, 2800, 4);
}
static void decode_vcpu64(struct xsi_decode *d)
{
    x86_decode_vcpu_context(d, 0, 5168, 0);
}
static void decode_shared32(struct xsi_decode *d)
{
    x86_decode_shared_info(d, 0, 4096, 0);
}
static void decode_toolstack(struct xsi_decode *d)
{
    x86_decode_toolstack(d, 0, d->have);
}
static void decode_cpu(struct xsi_decode *d)
{
    x86_decode_hvm_record(d, 2, 0, d->have);
}

static void test_values(void **state)
{
    uint8_t p[X86_VCPU64_SIZE] = { 0 };

    (void)state;
    put32(p + 2728, 0x12345abc); /* frame 0xabc12345, rotated */
    assert_int_equal(field(p, X86_VCPU32_SIZE, "cr3_pfn", decode_vcpu32), 0xabc12345);
    memset(p, 0, sizeof(p));
    put32(p + 5008, 0x2a10000);
    put32(p + 4992, 0x14001);
    put32(p + 616, 0x4a00);
    assert_int_equal(field(p, sizeof(p), "cr3_pfn", decode_vcpu64), 0x2a10);
    assert_int_equal(field(p, sizeof(p), "cr1_pfn", decode_vcpu64), 0x14);
    assert_int_equal(field(p, sizeof(p), "rdx", decode_vcpu64), 0x4a00);
    memset(p, 0, sizeof(p));
    put32(p + 2316, 304);
    assert_int_equal(field(p, 4096, "max_pfn", decode_shared32), 304);
    assert_int_equal(x86_shared_info_width(p, 4096, 304), 4);
    memset(p, 0, sizeof(p));
    put32(p + 0x3e8, 11); /* tsc in 3.x, TSC_AUX later */
    put32(p + 0x3f0, 22);
    assert_int_equal(field(p, 1016, "tsc", decode_cpu), 11);
    assert_int_equal(field(p, 1024, "tsc", decode_cpu), 22);
}

static void test_toolstack(void **state)
{
    uint8_t p[256] = { 0 };

    (void)state;
    put32(p, 1);
    put32(p + 4, 2);
    put32(p + 8 + 24, 5);
    memcpy(p + 8 + 28, "vram", 5);
    put32(p + 8 + 33 + 24, 3); /* second entry of the 32-bit form */
    assert_int_equal(x86_toolstack_stride(p, 8 + 33 + 31), 28);
    put32(p + 8 + 33 + 24, 0);
    put32(p + 8 + 37 + 24, 3);
    assert_int_equal(x86_toolstack_stride(p, 8 + 37 + 35), 32);
    assert_int_equal(field(p, 8 + 37 + 35, "toolstack_bits", decode_toolstack), 64);
    put32(p + 4, 0);
    assert_int_equal(x86_toolstack_stride(p, 8), 0);
}

static void test_tables(void **state)
{
    uint32_t last = 0;
    unsigned last_code = 0;

    (void)state;
    for (unsigned i = 0; i < X86_FINDING_COUNT; i++) {
        assert_non_null(strstr(x86_findings[i].code, "XS-H"));
        assert_true(strlen(x86_findings[i].explain) > 80);
        assert_true((x86_findings[i].severity == XSI_INFO) == (x86_findings[i].exit == 0));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(x86_findings[i].slug, x86_findings[j].slug);
    }
    for (const struct x86_hvm_length *r = x86_hvm_lengths; r->code < X86_HVM_CODES; r++) {
        assert_true(r->code > last_code || r->length > last || !last_code);
        assert_non_null(x86_release_name(r->from));
        last_code = r->code;
        last = r->length;
    }
    assert_string_equal(x86_hvm_param(37)->name, "VM86_TSS_SIZED");
    assert_null(x86_hvm_param(39));
    assert_string_equal(xsi_name_of(x86_tsc_modes, 2), "never_emulate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_length_is_proposed),
        cmocka_unit_test(test_early_end),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_never_reads_beyond),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_toolstack),
        cmocka_unit_test(test_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
