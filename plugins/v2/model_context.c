/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HVM_CONTEXT as Xen loads it at the end of a restore: xen/arch/x86/hvm/save.c:hvm_load and the
 * load functions that it calls. Up to 4.18 record by record; from 4.19 on the list is first walked
 * as a whole with a few checks. It is judged when it comes, and told when the restore gets there.
 */
#include "model.h"

#include <errno.h>

#include "../x86/x86.h"

enum { DESC = X86_HVM_DESC, CPU_SIZE = 1032, XSAVE_HEAD = 24, TYPES = X86_HVM_CODES };

/* A record at hand. */
struct entry {
    unsigned code, instance;
    uint32_t length;
    size_t at;        /* of its descriptor in the context */
    const uint8_t *p; /* its body ... */
    size_t have;      /* ... of which so much is there */
    bool fits;        /* its length is one that the release takes, and all of it is there */
    uint64_t offset;  /* of the body in the image */
};

struct load {
    struct xsi_run *r;
    struct v2_judge *s;
    const uint8_t *p;
    size_t have;
    uint64_t offset;   /* of the context in the image */
    size_t refused_at; /* first record whose type or length the release does not take */
    bool lengths_good;
    uint32_t seen; /* bit per typecode */
    struct v2_refusal *x;
};

/* How a type is loaded: devices that a PVH domain lacks, vCPU or not, errno of a wrong length. */
static const struct kind {
    bool per_vcpu, not_pvh;
    int length_error;
} kinds[TYPES] = {
    [X86_HVM_HEADER] = { false, false, EINVAL },
    [X86_HVM_CPU] = { true, false, EINVAL },
    [X86_HVM_PIC] = { false, true, EINVAL },
    [X86_HVM_IOAPIC] = { false, true, ENODATA },
    [X86_HVM_LAPIC] = { true, false, EINVAL },
    [X86_HVM_LAPIC_REGS] = { true, false, EINVAL },
    [X86_HVM_PCI_IRQ] = { false, false, EINVAL },
    [X86_HVM_ISA_IRQ] = { false, false, EINVAL },
    [X86_HVM_PCI_LINK] = { false, false, EINVAL },
    [X86_HVM_PIT] = { false, true, ENODATA },
    [X86_HVM_RTC] = { false, true, EINVAL },
    [X86_HVM_HPET] = { false, true, EINVAL },
    [X86_HVM_PMTIMER] = { false, true, EINVAL },
    [X86_HVM_MTRR] = { true, false, EINVAL },
    [X86_HVM_VIRIDIAN_DOMAIN] = { false, false, EINVAL },
    [X86_HVM_CPU_XSAVE] = { true, false, EINVAL },
    [X86_HVM_VIRIDIAN_VCPU] = { true, false, EINVAL },
    [X86_HVM_VMCE_VCPU] = { true, false, EPERM }, /* -1 comes through as it is */
    [X86_HVM_TSC_ADJUST] = { true, false, EINVAL },
    [X86_HVM_CPU_MSR] = { true, false, EINVAL },
};

static unsigned le16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

#define H(code) (&x86_findings[X86_H##code])

static void refuse_as(struct load *l, const struct entry *e, int error,
                      const struct xsi_finding_row *row, const char *why)
{
    v2_refuse(l->x, error, row, l->offset + e->at, "context record type %u instance %u: %s",
              e->code, e->instance, why);
}

/* A value that Xen does not take. */
static void refuse(struct load *l, const struct entry *e, int error, const char *why)
{
    refuse_as(l, e, error, H(17), why);
}

/* A length: too long for the context, or none that this release takes. */
static void refuse_length(struct load *l, const struct entry *e, int error)
{
    if (e->length > e->have)
        refuse_as(l, e, error, H(06), "it is longer than the context");
    else
        refuse_as(l, e, error, H(08), "a length that this release does not take");
}

/* ---- values ---- */

static void load_cpu(struct load *l, const struct entry *e)
{
    uint8_t cpu[CPU_SIZE] = { 0 };

    memcpy(cpu, e->p, e->length < CPU_SIZE ? e->length : CPU_SIZE);
    if (e->length < CPU_SIZE) { /* filled up: the FPU is initialised, no TSC_AUX in 1016 bytes */
        memset(cpu + 0x400, 0, 8);
        if (e->length == 1016) {
            memmove(cpu + 0x3f0, e->p + 0x3e8, 16);
            memset(cpu + 0x3e8, 0, 8);
        }
    }
    if (v2_cpu_values(l->r, l->s, cpu, l->x, e->offset))
        l->s->context_cpus++;
}

static void load_xsave(struct load *l, const struct entry *e)
{
    if (e->length > e->have) {
        refuse_length(l, e, ENODATA);
        return;
    }
    if (e->length < XSAVE_HEAD + X86_XSAVE_MIN) {
        refuse_as(l, e, EINVAL, H(07), "too short");
        return;
    }
    v2_xsave_check(l->r, l->s, l->x, e->p + XSAVE_HEAD, e->length - XSAVE_HEAD, xsi_le64(e->p + 8),
                   xsi_le64(e->p + 16), e->offset);
}

static void load_msrs(struct load *l, const struct entry *e)
{
    uint32_t count, index;

    if (e->length > e->have) {
        refuse_length(l, e, ENODATA);
        return;
    }
    if (e->length < 24) {
        refuse(l, e, EINVAL, "no MSR in it");
        return;
    }
    count = xsi_le32(e->p);
    if (8 + 16 * (uint64_t)count != e->length) {
        refuse(l, e, EOPNOTSUPP, "its count does not fit its length");
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (xsi_le32(e->p + 12 + 16 * (size_t)i))
            refuse(l, e, EOPNOTSUPP, "a reserved word is not 0");
    for (uint32_t i = 0; i < count && !l->x->error; i++) {
        index = xsi_le32(e->p + 8 + 16 * (size_t)i);
        if (!v2_msr_good(l->s->own->hvm_msrs, index, xsi_le64(e->p + 16 + 16 * (size_t)i)))
            refuse(l, e, ENXIO, "an MSR, or a value, that this release does not load");
        else
            xsi_run_condition(l->r, "a host with MSR 0x%x", index);
    }
}

static void load_lapic(struct load *l, const struct entry *e)
{
    uint64_t base = e->length >= 8 ? xsi_le64(e->p) : 0;

    if ((base & 0xc00) == 0x400)
        refuse(l, e, EINVAL, "x2APIC mode without enabling it");
}

static void load_vmce(struct load *l, const struct entry *e)
{
    uint64_t caps = e->length >= 8 ? xsi_le64(e->p) : 0;
    uint64_t intel = 0x1000800 | (l->s->own->hvm >= 410 ? 1ULL << 27 : 0);

    if (caps & ~(0x1ffULL | intel))
        refuse(l, e, v2_is(l->s, V2_VMCE_EPERM) ? EPERM : EINVAL, "unknown MCA capabilities");
    else if (caps & intel)
        xsi_run_condition(l->r, "a host with an Intel CPU (MCA capabilities)");
}

static void load_values(struct load *l, const struct entry *e)
{
    switch (e->code) {
    case X86_HVM_CPU:
        load_cpu(l, e);
        break;
    case X86_HVM_LAPIC:
        load_lapic(l, e);
        break;
    case X86_HVM_PCI_LINK:
        for (unsigned i = 0; i < 4; i++)
            if (e->p[i] > 15)
                refuse(l, e, EINVAL, "a PCI-ISA link above 15");
        break;
    case X86_HVM_MTRR:
        if (e->p[0xe0] > 8 && l->s->own->hvm >= 413)
            refuse(l, e, EINVAL, "more variable ranges than there are");
        break;
    case X86_HVM_VIRIDIAN_VCPU:
        for (unsigned i = 9; i < 16 && i < e->length && l->s->own->hvm >= 407; i++)
            if (e->p[i])
                refuse(l, e, EINVAL, "its padding is not 0");
        break;
    case X86_HVM_VMCE_VCPU:
        load_vmce(l, e);
        break;
    default:
        break;
    }
}

/* ---- one record ---- */

static bool exists(struct load *l, const struct entry *e)
{
    const struct kind *k = &kinds[e->code];

    if (k->not_pvh && l->s->pvh) {
        refuse_as(l, e, ENODEV, V(87), "a PVH domain has no such device");
        return false;
    }
    if (k->per_vcpu && e->instance >= l->s->context_vcpus) {
        refuse_as(l, e, EINVAL, H(14), "the domain has no such vCPU");
        return false;
    }
    if (e->code == X86_HVM_PIC && e->instance > 1) {
        refuse_as(l, e, ENOENT, H(14), "there are two PICs");
        return false;
    }
    return true;
}

static void load(struct load *l, const struct entry *e)
{
    if (!exists(l, e))
        return;
    l->seen |= 1U << e->code;
    if (e->code == X86_HVM_CPU_XSAVE)
        load_xsave(l, e);
    else if (e->code == X86_HVM_CPU_MSR)
        load_msrs(l, e);
    else if (!e->fits)
        refuse_length(l, e, kinds[e->code].length_error);
    else
        load_values(l, e);
}

/* ---- checks before anything is loaded, from 4.19 on ---- */

static void check_pic(struct load *l, const struct entry *e)
{
    bool master = e->p[5] >> 6 & 1;

    if (e->p[7] > 1)
        refuse(l, e, EDOM, "int_output is above 1");
    else if (master != !e->instance || (e->p[7] && (e->p[4] & 0xf)) ||
             (e->p[6] & ~(master ? 0xfc : 0xde)))
        refuse(l, e, EINVAL, "a state that the chip cannot have");
}

enum { CHANNEL = 16, CHANNELS = 3, STATES = 5 };

static void check_pit(struct load *l, const struct entry *e)
{
    if (xsi_le32(e->p + 48) > 1 || xsi_le32(e->p + 52))
        refuse(l, e, EDOM, "speaker_data_on is above 1");
    for (unsigned i = 0; i < CHANNELS; i++) {
        const uint8_t *c = e->p + i * CHANNEL;

        /* count, count_latched, read_state, write_state, rw_mode, bcd, gate */
        if (xsi_le32(c) > 0x10000 || c[6] >= STATES || c[9] >= STATES || c[10] >= STATES ||
            c[12] > 3 || c[14] > 1 || c[15] > 1)
            refuse(l, e, EDOM, "a channel's state that the chip cannot have");
        if (i != 2 && !c[15])
            refuse(l, e, EINVAL, "the gate of a channel is closed");
    }
}

static void check_link(struct load *l, const struct entry *e)
{
    for (unsigned i = 0; i < 4; i++)
        if (e->p[4 + i] || e->p[i] > 15)
            refuse(l, e, EINVAL, "a PCI-ISA link above 15");
}

static void check(struct load *l, const struct entry *e)
{
    static const struct checker {
        void (*check)(struct load *l, const struct entry *e);
        uint32_t trait, length;
    } checkers[TYPES] = {
        [X86_HVM_PIC] = { check_pic, V2_TWO_PASSES, 8 },
        [X86_HVM_PIT] = { check_pit, V2_TWO_PASSES, 56 },
        [X86_HVM_PCI_LINK] = { check_link, V2_TWO_PASSES, 8 },
        [X86_HVM_LAPIC] = { load_lapic, V2_LAPIC_CHECKED, 0 },
        [X86_HVM_LAPIC_REGS] = { NULL, V2_LAPIC_CHECKED, 1024 },
    };
    const struct checker *c = &checkers[e->code];

    if (!c->trait || !v2_is(l->s, c->trait)) {
        if (e->length > e->have)
            refuse_length(l, e, ENODATA);
        return;
    }
    if (!exists(l, e))
        return;
    if (e->length > e->have || (c->length ? e->length != c->length : !e->fits))
        refuse_length(l, e, ENODATA);
    else if (c->check)
        c->check(l, e);
}

/* ---- the list ---- */

static void walk(struct load *l, void (*each)(struct load *l, const struct entry *e))
{
    size_t at = DESC + X86_HVM_HEADER_SIZE;

    while (!l->x->error) {
        struct entry e = { .at = at };

        if (l->have - at < DESC) {

            v2_refuse(l->x, ENODATA, H(04), l->offset + at, "the context does not end with END");
            return;
        }
        e.code = le16(l->p + at);
        e.instance = le16(l->p + at + 2);
        e.length = xsi_le32(l->p + at + 4);
        e.p = l->p + at + DESC;
        e.have = l->have - at - DESC;
        e.offset = l->offset + at + DESC;
        e.fits = e.length <= e.have && (l->lengths_good || at < l->refused_at);
        if (e.code == X86_HVM_END)
            return;
        if (e.code >= TYPES || e.code == X86_HVM_HEADER)
            refuse_as(l, &e, EINVAL, H(09), "an unknown type");
        else
            each(l, &e);
        if (e.length > e.have)
            return;
        at += DESC + e.length;
    }
}

static void load_header(struct load *l)
{
    const uint8_t *p = l->p;

    if (l->have < DESC + X86_HVM_HEADER_SIZE || le16(p) != X86_HVM_HEADER ||
        xsi_le32(p + 4) != X86_HVM_HEADER_SIZE)
        v2_refuse(l->x, ENODATA, H(01), l->offset, "the context does not begin with its header");
    else if (xsi_le32(p + DESC) != X86_HVM_MAGIC)
        v2_refuse(l->x, EINVAL, H(02), l->offset + DESC, "bad magic number in the context");
    else if (xsi_le32(p + DESC + 4) != 1)
        v2_refuse(l->x, EINVAL, H(03), l->offset + DESC + 4, "unsupported version of the context");
}

/* ---- how many vCPUs the domain has ---- */

static void count_vcpu(struct load *l, const struct entry *e)
{
    static const uint32_t always = 1U << X86_HVM_LAPIC | 1U << X86_HVM_LAPIC_REGS |
                                   1U << X86_HVM_MTRR | 1U << X86_HVM_VMCE_VCPU |
                                   1U << X86_HVM_TSC_ADJUST;

    if (e->code < TYPES && always >> e->code & 1 && e->instance < X86_HVM_MAX_VCPUS)
        l->s->context_count[e->code] = (uint16_t)(l->s->context_count[e->code] + 1);
}

/*
 * As configured; without a configuration as most of the records say that writers send for every
 * vCPU of a domain.
 */
static unsigned vcpus(struct load *l)
{
    const struct xsi_info *info = xsi_run_info(l->r);
    unsigned best = 1, votes = 0;

    if (info->has_vcpus && info->vcpus)
        return info->vcpus;
    memset(l->s->context_count, 0, sizeof(l->s->context_count));
    walk(l, count_vcpu);
    l->x->error = 0;
    for (unsigned code = 0; code < TYPES; code++) {
        unsigned n = l->s->context_count[code], same = 0;

        for (unsigned other = 0; other < TYPES; other++)
            same += l->s->context_count[other] == n;
        if (n && (same > votes || (same == votes && n > best))) {
            votes = same;
            best = n;
        }
    }
    return best;
}

static void judge(struct load *l)
{
    struct v2_judge *s = l->s;
    const uint32_t hvm_only = 1U << X86_HVM_PIT | 1U << X86_HVM_RTC | 1U << X86_HVM_HPET |
                              1U << X86_HVM_PMTIMER | 1U << X86_HVM_IOAPIC;
    char why[160];

    load_header(l);
    if (l->x->error)
        return;
    l->lengths_good = x86_hvm_accepts(l->p, l->have, s->own->hvm, &l->refused_at, why, sizeof(why));
    s->context_vcpus = vcpus(l);
    if (v2_is(s, V2_TWO_PASSES))
        walk(l, check);
    if (!l->x->error)
        walk(l, load);
    s->no_cpu = !s->context_cpus;
    s->no_pic = !s->pvh && !(l->seen & 1U << X86_HVM_PIC) && (l->seen & hvm_only);
}

void v2_take_context(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    struct load l = {
        .r = r, .s = s, .p = p, .have = n, .offset = s->at + V2_RHDR_SIZE, .x = &s->context
    };

    if (!s->length && v2_is(s, V2_STATIC)) { /* update_blob takes nothing for a failure */
        s->error = EINVAL;
        xsi_run_say(r, V2_MSG_CONTEXT_ALLOC, 0, 0U);
        v2_stop(r, s, V(16), s->at, "an HVM context without contents");
        return;
    }
    s->has_context = true;
    s->context_at = l.offset;
    s->context_length = s->length;
    s->context_cpus = 0;
    s->context.error = 0;
    judge(&l);
    v2_next(r, s);
}
