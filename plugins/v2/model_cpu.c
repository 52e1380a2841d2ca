/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers of an HVM vCPU as Xen tests them: xen/arch/x86/hvm/hvm.c:hvm_load_cpu_ctxt,
 * hvm_cr4_guest_valid_bits, hvm_efer_valid. From 4.12 on the guest's own policy decides, which is
 * in the stream from 4.14 on; where it is not, the host does, and becomes a condition.
 */
#include "model.h"

#include <errno.h>

#include "../x86/x86.h"

#define H(code) (&x86_findings[X86_H##code])

enum {
    CR0 = 0x290,
    CR3 = 0x2a0,
    CR4 = 0x2a8,
    DR6 = 0x2d0,
    DR7 = 0x2d8,
    EFER = 0x3e0,
    TSC_AUX = 0x3e8,
    PENDING = 0x3f8,
    ERROR_CODE = 0x3fc,
    FLAGS = 0x400,
    PAD = 0x404
};

#define CR0_VALID 0xe005003fULL
#define CR0_PE    (1ULL << 0)
#define CR0_ET    (1ULL << 4)
#define CR0_PG    (1ULL << 31)

#define EFER_SCE   (1ULL << 0)
#define EFER_LME   (1ULL << 8)
#define EFER_LMA   (1ULL << 10)
#define EFER_NXE   (1ULL << 11)
#define EFER_SVME  (1ULL << 12)
#define EFER_LMSLE (1ULL << 13)
#define EFER_FFXSE (1ULL << 14)
#define EFER_AIBRS (1ULL << 21)
#define EFER_KNOWN (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_FFXSE)

#define PENDING_VALID    (1U << 31)
#define PENDING_ERROR    (1U << 11)
#define PENDING_RESERVED 0x7ffff000U

/* A bit of CR4 (or EFER) and the CPUID bits any of which allows it. */
enum word { LEAF1_C, LEAF1_D, LEAF7_B, LEAF7_C, LEAF7_D, EXT1_C, EXT1_D };
static const struct allowed {
    uint64_t bits;
    enum word word;
    uint32_t feature;
    enum word other; /* a second feature that will do */
    uint32_t other_feature;
} cr4_bits[] = {
    { 3, LEAF1_D, 1U << 1, 0, 0 },             /* VME, PVI: vme */
    { 1ULL << 2, LEAF1_D, 1U << 4, 0, 0 },     /* TSD: tsc */
    { 1ULL << 3, LEAF1_D, 1U << 2, 0, 0 },     /* DE: de */
    { 1ULL << 4, LEAF1_D, 1U << 3, 0, 0 },     /* PSE: pse */
    { 1ULL << 5, LEAF1_D, 1U << 6, 0, 0 },     /* PAE: pae */
    { 1ULL << 6, LEAF1_D, 1U << 7, LEAF1_D, 1U << 14 }, /* MCE: mce, mca */
    { 1ULL << 7, LEAF1_D, 1U << 13, 0, 0 },    /* PGE: pge */
    { 1ULL << 9, LEAF1_D, 1U << 24, 0, 0 },    /* OSFXSR: fxsr */
    { 1ULL << 10, LEAF1_D, 1U << 25, 0, 0 },   /* OSXMMEXCPT: sse */
    { 1ULL << 11, LEAF7_C, 1U << 2, 0, 0 },    /* UMIP: umip */
    { 1ULL << 13, LEAF1_C, 1U << 5, 0, 0 },    /* VMXE: vmx */
    { 1ULL << 16, LEAF7_B, 1U << 0, 0, 0 },    /* FSGSBASE: fsgsbase */
    { 1ULL << 17, LEAF1_C, 1U << 17, 0, 0 },   /* PCIDE: pcid */
    { 1ULL << 18, LEAF1_C, 1U << 26, 0, 0 },   /* OSXSAVE: xsave */
    { 1ULL << 20, LEAF7_B, 1U << 7, 0, 0 },    /* SMEP: smep */
    { 1ULL << 21, LEAF7_B, 1U << 20, 0, 0 },   /* SMAP: smap */
    { 1ULL << 22, LEAF7_C, 1U << 3, 0, 0 },    /* PKE: pku */
    { 1ULL << 23, LEAF7_C, 1U << 7, LEAF7_D, 1U << 20 }, /* CET: shadow stacks, IBT */
}, efer_bits[] = {
    { EFER_SCE, EXT1_D, 1U << 11, 0, 0 },
    { EFER_LME | EFER_LMA, EXT1_D, 1U << 29, 0, 0 },
    { EFER_NXE, EXT1_D, 1U << 20, 0, 0 },
    { EFER_SVME, EXT1_C, 1U << 2, 0, 0 },
    { EFER_FFXSE, EXT1_D, 1U << 25, 0, 0 },
};

/* A word of the policy; false: the stream has not got the leaf, and the domain's own counts. */
static bool word(const struct v2_policy *y, enum word w, uint32_t *value)
{
    switch (w) {
    case LEAF1_C:
        *value = y->leaf1_c;
        return y->has_leaf1;
    case LEAF1_D:
        *value = y->leaf1_d;
        return y->has_leaf1;
    case LEAF7_B:
        *value = y->leaf7_b;
        return y->has_leaf7;
    case LEAF7_C:
        *value = y->leaf7_c;
        return y->has_leaf7;
    case LEAF7_D:
        *value = y->leaf7_d;
        return y->has_leaf7;
    case EXT1_C:
        *value = y->ext1_c;
        return y->has_ext1;
    default:
        *value = y->ext1_d;
        return y->has_ext1;
    }
}

/* Bits of `value` that the policy in the stream does not allow. */
static uint64_t forbidden(const struct v2_judge *s, const struct allowed *rows, size_t n,
                          uint64_t value)
{
    const struct v2_policy *y = &s->policy;
    uint64_t out = 0;
    uint32_t is = 0;

    if (!v2_is(s, V2_POLICY_CR4) || !s->has_cpuid)
        return 0; /* the toolstack makes a policy */
    for (size_t i = 0; i < n; i++) {
        if (!word(y, rows[i].word, &is) || is & rows[i].feature)
            continue;
        if (rows[i].other_feature && (!word(y, rows[i].other, &is) || is & rows[i].other_feature))
            continue;
        out |= value & rows[i].bits;
    }
    return out;
}

/* CR4 bits that a host may well lack. */
#define CR4_MODERN 0xf30800ULL

static void check_control(struct xsi_run *r, const struct v2_judge *s, const uint8_t *cpu,
                          struct v2_refusal *x, uint64_t at)
{
    uint64_t cr0 = xsi_le64(cpu + CR0), cr4 = xsi_le64(cpu + CR4), bad;

    if ((cr0 & ~CR0_VALID) || !(cr0 & CR0_ET) || (cr0 & (CR0_PE | CR0_PG)) == CR0_PG)
        v2_refuse(x, EINVAL, H(17), at + CR0, "bad CR0 0x%llx", (unsigned long long)cr0);
    bad =
        (cr4 & ~s->own->cr4) | forbidden(s, cr4_bits, sizeof(cr4_bits) / sizeof(cr4_bits[0]), cr4);
    if (bad)
        v2_refuse(x, EINVAL, H(17), at + CR4, "bad CR4 0x%llx (0x%llx)", (unsigned long long)cr4,
                  (unsigned long long)bad);
    else if (!x->error && (cr4 & CR4_MODERN))
        xsi_run_condition(r, "a host whose CPU offers CR4 0x%llx", (unsigned long long)cr4);
}

static void check_efer(const struct v2_judge *s, const uint8_t *cpu, struct v2_refusal *x,
                       uint64_t at)
{
    uint64_t efer = xsi_le64(cpu + EFER), cr0 = xsi_le64(cpu + CR0);
    uint64_t known = EFER_KNOWN | (s->own->hvm < 412 ? EFER_LMSLE : 0) |
                     (s->own->hvm >= 418 ? EFER_AIBRS : 0);
    uint64_t bad =
        (efer & ~known) | forbidden(s, efer_bits, sizeof(efer_bits) / sizeof(efer_bits[0]), efer);

    if ((efer & EFER_LMA) && (!(efer & EFER_LME) || !(cr0 & CR0_PG)))
        bad |= EFER_LMA;
    if (bad)
        v2_refuse(x, EINVAL, H(17), at + EFER, "bad EFER 0x%llx", (unsigned long long)efer);
}

/* vmx_vmcs_restore, svm_vmcb_restore: an event that waits must be one. */
static void check_pending(struct xsi_run *r, const struct v2_judge *s, const uint8_t *cpu,
                          struct v2_refusal *x, uint64_t at)
{
    uint32_t event = xsi_le32(cpu + PENDING), type = event >> 8 & 7;

    if (!(event & PENDING_VALID))
        return;
    if (type == 1 || type > 6 || (event & PENDING_RESERVED))
        v2_refuse(x, EINVAL, H(17), at + PENDING, "pending event 0x%x", event);
    if (s->own->hvm >= 409 && (event & PENDING_ERROR) && xsi_le32(cpu + ERROR_CODE) >> 16)
        v2_refuse(x, EINVAL, H(17), at + ERROR_CODE, "error code 0x%x of a pending event",
                  xsi_le32(cpu + ERROR_CODE));
    if (s->own->hvm >= 409 && type > 4)
        xsi_run_condition(r, "a host with an Intel CPU (pending event 0x%x)", event);
}

bool v2_cpu_values(struct xsi_run *r, const struct v2_judge *s, const uint8_t *cpu,
                   struct v2_refusal *x, uint64_t at)
{
    uint32_t width = s->has_cpuid && s->policy.address_bits ? s->policy.address_bits : 52;
    uint64_t cr3 = xsi_le64(cpu + CR3);

    if (v2_is(s, V2_CPU_FLAGS) && xsi_le32(cpu + PAD))
        v2_refuse(x, EINVAL, H(17), at + PAD, "the padding of a CPU record is not 0");
    check_control(r, s, cpu, x, at);
    check_efer(s, cpu, x, at);
    if (v2_is(s, V2_CPU_DR) && (xsi_le64(cpu + DR6) >> 32 || xsi_le64(cpu + DR7) >> 32))
        v2_refuse(x, EINVAL, H(17), at + DR6, "bad DR6 or DR7");
    if (v2_is(s, V2_CPU_CR3) && width < 64 && cr3 >> width)
        v2_refuse(x, EINVAL, H(17), at + CR3, "bad CR3 0x%llx", (unsigned long long)cr3);
    if (v2_is(s, V2_CPU_FLAGS) && (xsi_le32(cpu + FLAGS) & ~1U))
        v2_refuse(x, EINVAL, H(17), at + FLAGS, "bad flags 0x%x", xsi_le32(cpu + FLAGS));
    if (v2_is(s, V2_CPU_TSC_AUX) && xsi_le64(cpu + TSC_AUX) >> 32)
        v2_refuse(x, EINVAL, H(17), at + TSC_AUX, "bad TSC_AUX");
    check_pending(r, s, cpu, x, at);
    return !x->error;
}
