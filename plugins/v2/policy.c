/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* X86_CPUID_POLICY and X86_MSR_POLICY: 4.22:xen/arch/x86/lib/cpu-policy. */
#include <inttypes.h>

#include "v2.h"

#define LEAF_SIZE         24U
#define MSR_SIZE          16U
#define NO_SUBLEAF        UINT32_MAX
#define EXTENT_MAX        8192U
#define MSR_PLATFORM_INFO 0xceU
#define MSR_ARCH_CAPS     0x10aU

/* Highest leaves and subleaves that Xen up to 4.22 can store. */
enum { BASIC_MAX = 0xd, LEAF4_MAX = 5, LEAF7_MAX = 2, LEAFB_MAX = 1, LEAFD_MAX = 62 };
#define EXTENDED_BASE 0x80000000U
#define EXTENDED_MAX  0x80000021U

struct leaf {
    uint32_t leaf, subleaf, a;
};

/* What a policy says of its own extent, and what it lists. */
struct extent {
    uint32_t stated[3], listed[3]; /* basic leaves, subleaves of 7, extended leaves */
    bool has[3];
    uint64_t previous;
    bool any, unsorted;
};

static bool leaf_known(const struct leaf *x)
{
    if (x->leaf == 0x40000000U || x->leaf == 0x40000100U)
        return true;
    if (x->leaf >= EXTENDED_BASE)
        return x->leaf <= EXTENDED_MAX;
    switch (x->leaf) {
    case 4:
        return x->subleaf <= LEAF4_MAX;
    case 7:
        return x->subleaf <= LEAF7_MAX;
    case 0xb:
        return x->subleaf <= LEAFB_MAX;
    case 0xd:
        return x->subleaf <= LEAFD_MAX;
    default:
        return x->leaf <= BASIC_MAX;
    }
}

static void note_extent(struct extent *e, unsigned which, bool states, uint32_t stated,
                        uint32_t listed)
{
    if (states) {
        e->stated[which] = stated;
        e->has[which] = true;
    }
    if (listed > e->listed[which])
        e->listed[which] = listed;
}

static void note_leaf(struct extent *e, const struct leaf *x)
{
    uint64_t key = (uint64_t)x->leaf << 32 | (x->subleaf == NO_SUBLEAF ? 0 : x->subleaf);

    if (e->any && key <= e->previous)
        e->unsorted = true;
    e->previous = key;
    e->any = true;
    if (x->leaf <= 0xffff)
        note_extent(e, 0, x->leaf == 0, x->a, x->leaf);
    if (x->leaf == 7)
        note_extent(e, 1, x->subleaf == 0, x->a, x->subleaf);
    if (x->leaf >= EXTENDED_BASE)
        note_extent(e, 2, x->leaf == EXTENDED_BASE, x->a, x->leaf);
}

uint64_t v2_policy_extent(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h)
{
    bool cpuid = h->type == V2_CPUID_POLICY;
    uint32_t size = cpuid ? LEAF_SIZE : MSR_SIZE, bytes = 0;
    struct extent e = { .any = false };
    size_t have;
    const uint8_t *p = xsi_peek(w, h->at + V2_RHDR_SIZE, EXTENT_MAX, &have);

    for (; bytes + size <= have; bytes += size) {
        struct xsi_cursor c = v2_cursor(s, p + bytes, size);
        struct leaf x;

        x.leaf = xsi_u32(&c);
        x.subleaf = xsi_u32(&c);
        x.a = xsi_u32(&c);
        if (cpuid)
            note_leaf(&e, &x);
        if (cpuid ? !leaf_known(&x) || e.unsorted
                  : x.subleaf || (x.leaf != MSR_PLATFORM_INFO && x.leaf != MSR_ARCH_CAPS))
            return bytes ? bytes : UINT64_MAX;
    }
    return UINT64_MAX; /* ran out of bytes to look at */
}

void v2_check_cpuid(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                    struct xsi_chunk *out)
{
    static const char *const names[3] = { "basic leaf", "subleaf of leaf 7", "extended leaf" };
    uint64_t at = h->at + V2_RHDR_SIZE;
    uint32_t size = h->length < V2_CHECK_MAX ? h->length : V2_CHECK_MAX;
    struct extent e = { .any = false };
    size_t have;
    const uint8_t *p = xsi_peek(w, at, size, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    bool whole = have == size;

    xsi_note(out, "%" PRIu32 " leaves", h->length / LEAF_SIZE);
    for (uint64_t n = 0; c.left >= LEAF_SIZE; n++) {
        struct leaf x;

        x.leaf = xsi_u32(&c);
        x.subleaf = xsi_u32(&c);
        x.a = xsi_u32(&c);
        xsi_skip(&c, 12);
        if (!leaf_known(&x))
            v2_report(w, V79, at + LEAF_SIZE * n, LEAF_SIZE,
                      "leaf 0x%08" PRIx32 ", subleaf 0x%08" PRIx32
                      ": Xen up to 4.22 has no room for it (34 = ERANGE)",
                      x.leaf, x.subleaf);
        note_leaf(&e, &x);
    }
    if (e.unsorted)
        v2_report(w, V80, at, size, "leaves do not ascend, or stand there twice");
    for (unsigned i = 0; i < 3 && whole; i++)
        if (e.has[i] && e.stated[i] > e.listed[i])
            v2_report(w, V80, at, size,
                      "states 0x%" PRIx32 " as the highest %s, but lists up to "
                      "0x%" PRIx32,
                      e.stated[i], names[i], e.listed[i]);
}

/* PLATFORM_INFO and ARCH_CAPABILITIES are all there is. */
void v2_check_msr(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                  struct xsi_chunk *out)
{
    uint64_t at = h->at + V2_RHDR_SIZE;
    uint32_t size = h->length < 65536 ? h->length : 65536, seen = 0;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, size, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);

    xsi_note(out, "%" PRIu32 " MSRs", h->length / MSR_SIZE);
    for (uint64_t n = 0; c.left >= MSR_SIZE; n++) {
        uint64_t place = at + MSR_SIZE * n;
        uint32_t index = xsi_u32(&c), flags = xsi_u32(&c), bit;
        uint64_t value = xsi_u64(&c);

        bit = index == MSR_PLATFORM_INFO ? 1 : index == MSR_ARCH_CAPS ? 2 : 0;
        if (!bit)
            v2_report(w, V79, place, MSR_SIZE,
                      "MSR 0x%" PRIx32 ": Xen up to 4.22 has none of this "
                      "index in its policy (34 = ERANGE)",
                      index);
        if (flags)
            v2_report(w, V79, place + 4, 4,
                      "flags of MSR 0x%" PRIx32 " are 0x%" PRIx32 ", not 0 "
                      "(22 = EINVAL)",
                      index, flags);
        if (index == MSR_PLATFORM_INFO && value >> 32)
            v2_report(w, V79, place + 8, 8,
                      "PLATFORM_INFO is 0x%" PRIx64 ", wider than 32 bits "
                      "(75 = EOVERFLOW)",
                      value);
        if (seen & bit)
            v2_report(w, V80, place, MSR_SIZE, "MSR 0x%" PRIx32 " stands there twice", index);
        seen |= bit;
    }
    if (h->length / MSR_SIZE > 2)
        v2_report(w, V79, h->at + 4, 4, "%" PRIu32 " MSRs; readers store at most 2 (7 = E2BIG)",
                  h->length / MSR_SIZE);
}
