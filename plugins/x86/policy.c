/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest was shown of its processor: CPUID and MSR policies of image version 3. Which
 * leaves Xen sends: 4.22:xen/arch/x86/lib/cpu-policy/copy-to-buffer.c.
 */
#include "x86_priv.h"

enum { LEAF_SIZE = 24, MSR_SIZE = 16 };
/* Stands in the subleaf field of leaves that have none; 4.22:arch-x86/xen.h. */
#define NO_SUBLEAF UINT32_MAX

/* Leaves without a name are sent too, up to the highest: they hold zeros. */
static const struct xsi_name leaf_names[] = {
    { 0x0, "vendor, highest basic leaf" },
    { 0x1, "family, features" },
    { 0x2, "caches (descriptors)" },
    { 0x4, "caches" },
    { 0x5, "monitor/mwait" },
    { 0x6, "power management" },
    { 0x7, "extended features" },
    { 0xa, "performance counters" },
    { 0xb, "topology" },
    { 0xd, "xstate" },
    { 0x12, "sgx" },
    { 0x14, "processor trace" },
    { 0x15, "tsc frequency" },
    { 0x16, "frequencies" },
    { 0x1f, "topology (v2)" },
    { 0x40000000, "hypervisor" },
    { 0x40000100, "hypervisor (second)" },
    { 0x80000000, "vendor, highest extended leaf" },
    { 0x80000001, "extended features" },
    { 0x80000002, "brand, part 1" },
    { 0x80000003, "brand, part 2" },
    { 0x80000004, "brand, part 3" },
    { 0x80000005, "l1 caches, tlb" },
    { 0x80000006, "l2 and l3 caches" },
    { 0x80000007, "power management, ras" },
    { 0x80000008, "address sizes" },
    { 0x8000000a, "svm" },
    { 0x80000019, "1 GiB page tlb" },
    { 0x8000001b, "ibs" },
    { 0x8000001c, "lwp" },
    { 0x8000001d, "caches" },
    { 0x8000001e, "topology" },
    { 0x8000001f, "memory encryption" },
    { 0x80000021, "extended features 2" },
    { 0, NULL },
};

/* Leaf 0xd means something else in each subleaf: from 2 on, size and place of a component. */
static const struct xsi_name xstate_leaves[] = {
    { 0, "xstate, user components and sizes" },
    { 1, "xstate, instructions, supervisor components" },
    { 2, "xstate, avx" },
    { 3, "xstate, mpx bound registers" },
    { 4, "xstate, mpx configuration" },
    { 5, "xstate, avx512 opmask" },
    { 6, "xstate, avx512 zmm high" },
    { 7, "xstate, avx512 zmm 16-31" },
    { 9, "xstate, pkru" },
    { 11, "xstate, cet user" },
    { 12, "xstate, cet supervisor" },
    { 62, "xstate, lwp" },
    { 0, NULL },
};

/* Registers whose bytes spell something, in the order in which they are read. */
static size_t spelled(uint32_t leaf, size_t order[4])
{
    static const size_t vendor[] = { 1, 3, 2 }, hypervisor[] = { 1, 2, 3 },
                        brand[] = { 0, 1, 2, 3 };
    const size_t *from;
    size_t n = 3;

    if (leaf == 0 || leaf == 0x80000000)
        from = vendor;
    else if (leaf == 0x40000000 || leaf == 0x40000100)
        from = hypervisor;
    else if (leaf >= 0x80000002 && leaf <= 0x80000004)
        from = brand;
    else
        return 0;
    if (from == brand)
        n = 4;
    memcpy(order, from, n * sizeof(*order));
    return n;
}

/* Hypervisors pad their name with zeros, and brands end with them. */
static void put_spelling(struct xsi_decode *d, size_t at, uint32_t leaf)
{
    size_t order[4], n = spelled(leaf, order);
    char text[16];

    for (size_t i = 0; i < n; i++)
        memcpy(text + 4 * i, d->bytes + at + 8 + 4 * order[i], 4);
    n *= 4;
    while (n && !text[n - 1])
        n--;
    if (n)
        x86_put_words(d, leaf > 0x80000000 ? "brand" : "vendor", at + 8, 16, text, n);
}

/* Family, model and stepping as CPUID(1).eax composes them. */
static void put_family(struct xsi_decode *d, size_t at)
{
    uint64_t eax = xsi_decode_number(d, at, 4), family = eax >> 8 & 15, model = eax >> 4 & 15;

    if (family == 6 || family == 15)
        model |= eax >> 12 & 0xf0;
    if (family == 15)
        family += eax >> 20 & 255;
    xsi_put(d, "family", XSI_UINT, at, 4, family, NULL);
    xsi_put(d, "model", XSI_UINT, at, 4, model, NULL);
    xsi_put(d, "stepping", XSI_UINT, at, 4, eax & 15, NULL);
}

/* Names of all feature bits of the leaf, from the four registers. */
static void put_features(struct xsi_decode *d, size_t at, uint32_t leaf, uint32_t subleaf)
{
    bool open = false;

    for (unsigned reg = 0; reg < 4; reg++) {
        uint64_t value = xsi_decode_number(d, at + 8 + 4 * reg, 4);

        for (const struct xsi_name *n = x86_cpuid_bits(leaf, subleaf, reg); n && n->name; n++) {
            if (!(value & n->value))
                continue;
            if (!open)
                xsi_open(d, "features", XSI_LIST, at + 8, 16);
            open = true;
            x86_put_words(d, NULL, at + 8 + 4 * reg, 4, n->name, strlen(n->name));
        }
    }
    if (open)
        xsi_close(d);
}

static void put_leaf(struct xsi_decode *d, size_t at)
{
    static const struct xsi_field_row registers[] = {
        { .name = "a", .offset = 8, .size = 4, .kind = XSI_HEX },
        { .name = "b", .offset = 12, .size = 4, .kind = XSI_HEX },
        { .name = "c", .offset = 16, .size = 4, .kind = XSI_HEX },
        { .name = "d", .offset = 20, .size = 4, .kind = XSI_HEX },
        { .name = NULL },
    };
    uint32_t leaf = (uint32_t)xsi_decode_number(d, at, 4),
             subleaf = (uint32_t)xsi_decode_number(d, at + 4, 4);

    xsi_put(d, "leaf", XSI_HEX, at, 4, leaf, NULL);
    if (subleaf != NO_SUBLEAF)
        xsi_put(d, "subleaf", XSI_HEX, at + 4, 4, subleaf, NULL);
    if (leaf == 0xd && xsi_name_of(xstate_leaves, subleaf))
        x86_put_meaning(d, "meaning", at + 4, 4, xstate_leaves);
    else
        x86_put_meaning(d, "meaning", at, 4, leaf_names);
    xsi_decode_rows(d, at, LEAF_SIZE, registers);
    put_spelling(d, at, leaf);
    if (leaf == 1)
        put_family(d, at + 8);
    if (d->detail > 1)
        put_features(d, at, leaf, subleaf);
}

void x86_decode_cpuid_policy(struct xsi_decode *d, size_t base, size_t size)
{
    size_t end = x86_end(d, base, size);

    xsi_open(d, "leaves", XSI_LIST, base, end - base);
    for (size_t at = base; x86_fits(at, LEAF_SIZE, end); at += LEAF_SIZE) {
        xsi_open(d, NULL, XSI_GROUP, at, LEAF_SIZE);
        put_leaf(d, at);
        xsi_close(d);
    }
    xsi_close(d);
}

void x86_decode_msr_policy(struct xsi_decode *d, size_t base, size_t size)
{
    static const struct xsi_field_row rows[] = {
        { .name = "index", .offset = 0, .size = 4, .kind = XSI_HEX },
        { .name = "flags", .offset = 4, .size = 4, .kind = XSI_HEX, .help = "must be 0" },
        { .name = "value", .offset = 8, .size = 8, .kind = XSI_HEX },
        { .name = NULL },
    };
    size_t end = x86_end(d, base, size);

    xsi_open(d, "msrs", XSI_LIST, base, end - base);
    for (size_t at = base; x86_fits(at, MSR_SIZE, end); at += MSR_SIZE) {
        xsi_open(d, NULL, XSI_GROUP, at, MSR_SIZE);
        x86_put_meaning(d, "name", at, 4, x86_msr_names);
        xsi_decode_rows(d, at, MSR_SIZE, rows);
        xsi_close(d);
    }
    xsi_close(d);
}
