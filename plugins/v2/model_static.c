/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static data: the CPUID and MSR policies, and STATIC_DATA_END, at which they are set.
 * 4.22:xg_sr_common_x86.c, xen/arch/x86/lib/cpu-policy (up to 4.21 xen/lib/x86), domctl.c:
 * update_domain_cpu_policy. A policy is first copied leaf by leaf, which depends on the release
 * alone; then its highest leaves are held against the host's, which are at most what the release
 * can store.
 */
#include "model.h"

#include <errno.h>

enum { LEAF_SIZE = 24, MSR_ENTRY = 16 };
enum { BASIC_MAX = 0xd, CACHE_MAX = 5, TOPOLOGY_MAX = 1, XSTATE_MAX = 62 };
#define NONE         UINT32_MAX
#define EXTENDED     0x80000000U
#define PLATFORM     0xceU
#define ARCH_CAPS    0x10aU
#define FAULTING     (1ULL << 31) /* PLATFORM_INFO: CPUID faulting */
#define BASIC_LEAVES (BASIC_MAX + 1)

struct leaf {
    uint32_t leaf, subleaf, a, b, c, d;
};

/* CPUID_MAX_SERIALISED_LEAVES: one per basic leaf, more for those with subleaves. */
static uint32_t leaves_max(const struct v2_reader *own)
{
    return BASIC_LEAVES + own->subleaf_max + CACHE_MAX + TOPOLOGY_MAX + XSTATE_MAX +
           (own->extended_max - EXTENDED + 1) + 2;
}

bool v2_leaf_storable(const struct v2_reader *own, uint32_t leaf, uint32_t subleaf)
{
    switch (leaf) {
    case 4:
        return subleaf <= CACHE_MAX;
    case 7:
        return subleaf <= own->subleaf_max;
    case 0xb:
        return subleaf <= TOPOLOGY_MAX;
    case 0xd:
        return subleaf <= XSTATE_MAX;
    case 0x40000000:
    case 0x40000100:
        return subleaf == NONE;
    default:
        return subleaf == NONE &&
               (leaf <= BASIC_MAX || (leaf >= EXTENDED && leaf <= own->extended_max));
    }
}

/* What is remembered of a leaf. */
static void store(struct v2_policy *y, const struct leaf *x)
{
    if (x->leaf == 0) {
        y->has_vendor = y->has_basic = true;
        y->basic = x->a;
        y->vendor[0] = x->b;
        y->vendor[1] = x->d;
        y->vendor[2] = x->c;
    } else if (x->leaf == 1) {
        y->has_leaf1 = true;
        y->leaf1_c = x->c;
        y->leaf1_d = x->d;
    } else if (x->leaf == 7 && x->subleaf == 0) {
        y->has_features = true;
        y->features = x->a;
        y->has_leaf7 = true;
        y->leaf7_b = x->b;
        y->leaf7_c = x->c;
        y->leaf7_d = x->d;
    } else if (x->leaf == EXTENDED) {
        y->has_extended = true;
        y->extended = x->a;
    } else if (x->leaf == (EXTENDED | 1)) {
        y->has_ext1 = true;
        y->ext1_c = x->c;
        y->ext1_d = x->d;
    } else if (x->leaf == (EXTENDED | 8)) {
        y->address_bits = x->a & 0xff;
    }
}

static void take_cpuid(struct v2_judge *s, const uint8_t *p, size_t n)
{
    uint64_t at = s->at + V2_RHDR_SIZE;
    uint32_t count = s->length / LEAF_SIZE, max = leaves_max(s->own);

    s->has_cpuid = true;
    s->cpuid.error = 0;
    s->leaf = s->subleaf = NONE;
    memset(&s->policy, 0, sizeof(s->policy));
    if (count > max) {
        v2_refuse(&s->cpuid, E2BIG, V(80), at, "%u CPUID leaves; this release has room for %u",
                  count, max);
        return;
    }
    for (; n >= LEAF_SIZE; p += LEAF_SIZE, n -= LEAF_SIZE, at += LEAF_SIZE) {
        struct leaf x = { xsi_le32(p),      xsi_le32(p + 4),  xsi_le32(p + 8),
                          xsi_le32(p + 12), xsi_le32(p + 16), xsi_le32(p + 20) };

        if (!v2_leaf_storable(s->own, x.leaf, x.subleaf)) {
            v2_refuse(&s->cpuid, ERANGE, V(79), at,
                      "CPUID leaf 0x%08x, subleaf 0x%08x: this release has no room for it", x.leaf,
                      x.subleaf);
            s->leaf = x.leaf;
            s->subleaf = x.subleaf;
            return;
        }
        store(&s->policy, &x);
    }
}

static void take_msr(struct v2_judge *s, const uint8_t *p, size_t n)
{
    uint64_t at = s->at + V2_RHDR_SIZE;
    uint32_t count = s->length / MSR_ENTRY;

    s->has_msr = true;
    s->msr.error = 0;
    s->index = NONE;
    s->platform_info = 0;
    if (count > s->own->msr_max) {
        v2_refuse(&s->msr, E2BIG, V(79), at, "%u MSRs; this release stores %u", count,
                  s->own->msr_max);
        return;
    }
    for (; n >= MSR_ENTRY && !s->msr.error; p += MSR_ENTRY, n -= MSR_ENTRY, at += MSR_ENTRY) {
        uint32_t index = xsi_le32(p);
        uint64_t value = xsi_le64(p + 8);
        bool narrow = index == PLATFORM || v2_is(s, V2_ARCH_CAPS_32);

        s->index = index;
        if (xsi_le32(p + 4))
            v2_refuse(&s->msr, EINVAL, V(79), at, "flags of MSR 0x%x are not 0", index);
        else if (index != PLATFORM && (index != ARCH_CAPS || s->own->msr_max < 2))
            v2_refuse(&s->msr, ERANGE, V(79), at, "MSR 0x%x is none of a policy", index);
        else if (narrow && value >> 32)
            v2_refuse(&s->msr, EOVERFLOW, V(79), at, "MSR 0x%x is wider than 32 bits", index);
        if (index == PLATFORM)
            s->platform_info = value;
    }
}

void v2_take_policy(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    bool cpuid = s->record == V2_CPUID_POLICY;
    uint32_t size = cpuid ? LEAF_SIZE : MSR_ENTRY;

    if (!s->length || s->length % size) {
        /* the text shows the size of a leaf for both */
        xsi_run_say(r, cpuid ? V2_MSG_CPUID_SIZE : V2_MSG_MSR_SIZE, 0, s->length,
                    (size_t)LEAF_SIZE);
        v2_stop(r, s, V(16), s->at, "a policy of %u bytes", s->length);
        return;
    }
    if (cpuid)
        take_cpuid(s, p, n);
    else
        take_msr(s, p, n);
    v2_next(r, s);
}

/* ---- the policy against the host's ---- */

/* x86_cpu_policies_are_compatible; on no host are the maxima above what the release stores. */
static void against_host(struct xsi_run *r, struct v2_judge *s, struct v2_refusal *x,
                         uint32_t *leaf, uint32_t *subleaf, uint32_t *msr)
{
    const struct v2_policy *y = &s->policy;
    uint64_t info = s->platform_info & ~(s->hvm ? FAULTING : 0);

    if (s->has_cpuid && y->has_basic && y->basic > BASIC_MAX) {
        v2_refuse(x, EINVAL, V(80), s->at,
                  "highest basic CPUID leaf 0x%x; no host has more than "
                  "0x%x here",
                  y->basic, BASIC_MAX);
        *leaf = 0;
    } else if (s->has_cpuid && y->has_features && y->features > s->own->subleaf_max &&
               v2_is(s, V2_SUBLEAF_TEST)) {
        v2_refuse(x, EINVAL, V(80), s->at,
                  "highest subleaf of CPUID leaf 7 is %u; no host has "
                  "more than %u here",
                  y->features, s->own->subleaf_max);
        *leaf = 7;
        *subleaf = 0;
    } else if (s->has_cpuid && y->has_extended && y->extended > s->own->extended_max) {
        v2_refuse(x, EINVAL, V(80), s->at,
                  "highest extended CPUID leaf 0x%x; no host has more "
                  "than 0x%x here",
                  y->extended, s->own->extended_max);
        *leaf = EXTENDED;
    } else if (s->has_msr && (info & ~FAULTING)) {
        v2_refuse(x, EINVAL, V(79), s->at, "PLATFORM_INFO 0x%llx: no host offers these bits",
                  (unsigned long long)info);
        *msr = PLATFORM;
    } else if (s->has_msr && info) {
        xsi_run_condition(r, "a host with CPUID faulting");
    }
}

/* What the host must have for this policy. */
static void conditions(struct xsi_run *r, const struct v2_judge *s)
{
    const struct v2_policy *y = &s->policy;
    char vendor[13];

    if (!s->has_cpuid)
        return;
    if (y->has_basic)
        xsi_run_condition(r, "a host with CPUID leaves up to 0x%x", y->basic);
    if (y->has_features && y->features && v2_is(s, V2_SUBLEAF_TEST))
        xsi_run_condition(r, "a host with CPUID leaf 7 subleaves up to %u", y->features);
    if (y->has_extended && y->extended > EXTENDED)
        xsi_run_condition(r, "a host with extended CPUID leaves up to 0x%x", y->extended);
    if (y->has_vendor && v2_is(s, V2_VENDOR_TEST)) {
        for (unsigned i = 0; i < 12; i++)
            vendor[i] = (char)(y->vendor[i / 4] >> 8 * (i % 4));
        vendor[12] = '\0';
        xsi_run_condition(r, "a host with a CPU of the vendor %s", vendor);
    }
}

static bool set_policy(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_refusal x = { .error = 0 };
    uint32_t leaf = NONE, subleaf = NONE, msr = NONE;

    if (s->has_cpuid && s->cpuid.error) {
        x = s->cpuid;
        leaf = s->leaf;
        subleaf = s->subleaf;
    } else if (s->has_msr && s->msr.error) {
        x = s->msr;
        msr = x.error == E2BIG ? NONE : s->index;
    } else {
        against_host(r, s, &x, &leaf, &subleaf, &msr);
    }
    if (!x.error) {
        conditions(r, s);
        return true;
    }
    s->error = x.error;
    xsi_run_say(r, V2_MSG_SET_POLICY, x.error, leaf, subleaf, msr);
    if (s->record != V2_STATIC_DATA_END)
        xsi_run_say(r, V2_MSG_STATIC_INFERRED, 0);
    v2_stop_refused(r, s, &x);
    return false;
}

bool v2_static_end(struct xsi_run *r, struct v2_judge *s)
{
    if (s->static_done) {
        xsi_run_say(r, V2_MSG_STATIC_TWICE, 0);
        v2_stop(r, s, V(24), s->at, "a second STATIC_DATA_END");
        return false;
    }
    s->static_done = true;
    xsi_run_state(r, "static data is complete");
    return set_policy(r, s);
}

bool v2_static_inferred(struct xsi_run *r, struct v2_judge *s)
{
    if (!v2_is(s, V2_STATIC) || s->static_done)
        return true;
    if (s->version < 3)
        return v2_static_end(r, s);
    xsi_run_say(r, V2_MSG_STATIC_MISSING, 0);
    v2_stop(r, s, V(23), s->at, "no STATIC_DATA_END came before this");
    return false;
}
