/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Xen thinks of the state of a PV vCPU: arch_set_info_guest (xen/arch/x86/domain.c) and the
 * domctls set_ext_vcpucontext, setvcpuextstate, set_vcpu_msrs (xen/arch/x86/domctl.c), of 4.17
 * unless said otherwise. Here is what the record alone shows; frames are model_finish.c's.
 */
#include "model.h"

#include <errno.h>

/* Fields of vcpu_guest_context, by width of the guest; 4.22:public/arch-x86. */
static const struct layout {
    uint32_t flags, rdx, ldt_base, ldt_ents, gdt, gdt_ents, cr1, cr3, vm_assist;
} layouts[2] = {
    { 0x200, 0x20c, 0xa48, 0xa4c, 0xa50, 0xa90, 0xaa0, 0xaa8, 0xaec },
    { 0x200, 0x268, 0x12d0, 0x12d8, 0x12e0, 0x1360, 0x1380, 0x1390, 0x1410 },
};

/* 64-bit guests: what must be a canonical address. */
static const struct {
    uint32_t at;
    const char *name;
} addresses[] = {
    { 0x288, "rip" },
    { 0x13f8, "event_callback_eip" },
    { 0x1408, "syscall_callback_eip" },
    { 0x1400, "failsafe_callback_eip" },
    /* V2_FEW_ADDRESSES ends here */
    { 0x2a0, "rsp" },
    { 0x1370, "kernel_sp" },
    { 0x1418, "fs_base" },
    { 0x1420, "gs_base_kernel" },
    { 0x1428, "gs_base_user" },
};
enum { FEW_ADDRESSES = 4 };

enum {
    TRAPS_AT = 0x2d0,
    TRAPS = 256,
    TRAP_SIZE = 16,
    TRAP_ADDRESS = 8,
    IN_KERNEL = 4,
    LDT_MAX = 8192
};
#define XEN_START 0x0000800000000000ULL
#define XEN_END   0xffff880000000000ULL
/* 4.22:public/xen.h:VMASST_TYPE_*: 0 to 5, and m2p_strict */
#define VM_ASSIST_VALID (0x3fULL | 1ULL << 32)

static bool canonical(uint64_t address)
{
    uint64_t top = address >> 47;

    return top == 0 || top == 0x1ffff;
}

static uint64_t word(const struct v2_judge *s, const uint8_t *p)
{
    return s->width == 8 ? xsi_le64(p) : xsi_le32(p);
}

static void check_addresses(const struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                            uint64_t at)
{
    size_t n = sizeof(addresses) / sizeof(addresses[0]);

    if (v2_is(s, V2_FEW_ADDRESSES))
        n = FEW_ADDRESSES;
    for (size_t i = 0; i < n; i++)
        if (!canonical(xsi_le64(p + addresses[i].at)))
            v2_refuse(&v->basic, EINVAL, V(78), at + addresses[i].at,
                      "%s of vCPU %u is no canonical address", addresses[i].name, v->id);
    for (unsigned i = 0; i < TRAPS; i++) {
        uint32_t where = TRAPS_AT + i * TRAP_SIZE + TRAP_ADDRESS;

        if (!canonical(xsi_le64(p + where)))
            v2_refuse(&v->basic, EINVAL, V(78), at + where,
                      "trap %u of vCPU %u is no canonical address", i, v->id);
    }
}

static void check_ldt(const struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                      const struct layout *l, uint64_t at)
{
    uint64_t base = word(s, p + l->ldt_base), ents = word(s, p + l->ldt_ents);

    if (s->width == 8 && base >= XEN_START && base < XEN_END)
        v2_refuse(&v->basic, EINVAL, V(78), at + l->ldt_base,
                  "the LDT of vCPU %u lies in Xen's own space", v->id);
    if ((base & (XSI_PAGE_SIZE - 1)) || ents > LDT_MAX)
        v2_refuse(&v->basic, EINVAL, V(78), at + l->ldt_base,
                  "the LDT of vCPU %u is not aligned, or too long", v->id);
}

void v2_basic_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                     uint64_t at)
{
    const struct layout *l = &layouts[s->width == 8];
    uint32_t flags = xsi_le32(p + l->flags);

    (void)r;
    v->at = at;
    v->basic.error = 0;
    v->in_kernel = flags & IN_KERNEL;
    v->rdx = word(s, p + l->rdx);
    v->cr1 = s->width == 8 ? xsi_le64(p + l->cr1) : 0;
    v->cr3 = word(s, p + l->cr3);
    v->gdt_ents = xsi_le32(p + l->gdt_ents);
    for (unsigned i = 0; i < V2_GDT_FRAMES; i++)
        v->gdt[i] = word(s, p + l->gdt + i * s->width);
    if (s->width == 8)
        check_addresses(s, v, p, at);
    check_ldt(s, v, p, l, at);
    if (v2_is(s, V2_VM_ASSIST) && v->id == 0 && (word(s, p + l->vm_assist) & ~VM_ASSIST_VALID))
        v2_refuse(&v->basic, EINVAL, V(78), at + l->vm_assist, "vm_assist has unknown bits");
    if (s->width == 8 && !v->in_kernel && !v->cr1)
        v2_refuse(&v->basic, EINVAL, V(78), at + l->flags,
                  "vCPU %u is in user mode and has no user page table", v->id);
}

/* ---- extended state ---- */

/* MCA capabilities that the hypervisor offers; bank count and CTL_P always pass. */
#define MCG_ANY   0x1ffULL
#define MCG_INTEL (1ULL << 11 | 1ULL << 24)
#define MCG_LMCE  (1ULL << 27)

void v2_extended_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                        size_t n, uint64_t at)
{
    uint8_t e[64] = { 0 };
    uint64_t caps, intel = MCG_INTEL | (s->own->hvm >= 410 ? MCG_LMCE : 0);
    uint32_t id, size;

    memcpy(e, p, n < sizeof(e) ? n : sizeof(e));
    v->extended.error = 0;
    id = xsi_le32(e);
    size = xsi_le32(e + 4);
    caps = xsi_le64(e + 32);
    /* up to 4.18 what is not sent is what the reader's stack holds, then 0 */
    v->extended_open = s->own->hvm < 419 && (n < 24 || (size >= 40 && n < 40));
    if (id > s->vcpu_top && id != v->id)
        v2_refuse(&v->extended, ESRCH, V(78), at, "its body is for vCPU %u", id);
    if (size < 32)
        v2_refuse(&v->extended, EINVAL, V(78), at + 4, "it says that it has %u bytes", size);
    if (!canonical(xsi_le64(e + 8)) || !canonical(xsi_le64(e + 16)))
        v2_refuse(&v->extended, EINVAL, V(78), at + 8, "a callback is no canonical address");
    if (size < 40)
        return;
    if (caps & ~(MCG_ANY | intel))
        v2_refuse(&v->extended, v2_is(s, V2_VMCE_EPERM) ? EPERM : EINVAL, V(78), at + 32,
                  "MCA capabilities 0x%llx", (unsigned long long)caps);
    else if (caps & intel)
        xsi_run_condition(r, "a host with an Intel CPU (MCA capabilities)");
}

/* ---- XSAVE ---- */

#define XSTATE_FP     1ULL
#define XSTATE_SSE    2ULL
#define XSTATE_YMM    4ULL
#define XSTATE_BND    0x18ULL
#define XSTATE_AVX512 0xe0ULL
#define XSTATE_SIZED  (XSTATE_FP | XSTATE_SSE | XSTATE_YMM) /* where no host decides the size */
/* What some host may have: the above, PKRU, AMX, LWP. */
#define XSTATE_KNOWN (XSTATE_SIZED | XSTATE_BND | XSTATE_AVX512 | 0x60200ULL | 1ULL << 62)

enum { XSAVE_HEAD = 16, AREA_MIN = 576, AREA_YMM = 832, HEADER_AT = 512, RESERVED = 6 };

/* 4.17:xstate.c:valid_xcr0 */
static bool mask_good(uint64_t mask)
{
    uint64_t bnd = mask & XSTATE_BND, avx512 = mask & XSTATE_AVX512;

    return (mask & XSTATE_FP) && (!(mask & XSTATE_YMM) || (mask & XSTATE_SSE)) &&
           (!avx512 || (avx512 == XSTATE_AVX512 && (mask & XSTATE_YMM))) &&
           (!bnd || bnd == XSTATE_BND);
}

/* validate_xstate of 4.17:xstate.c, as far as no host matters; 4.6 looks at the masks alone */
static void validate(const struct v2_judge *s, struct v2_refusal *x, const uint8_t *area,
                     uint64_t xcr0, uint64_t accum, uint64_t at)
{
    uint64_t bv = xsi_le64(area + HEADER_AT);

    if ((bv & ~accum) || (xcr0 & ~accum) || !mask_good(xcr0) || !mask_good(accum))
        v2_refuse(x, EINVAL, V(78), at, "components of the XSAVE area contradict each other");
    if (accum & ~XSTATE_KNOWN)
        v2_refuse(x, s->own->hvm < 408 ? EOPNOTSUPP : EINVAL, V(78), at,
                  "XSAVE components 0x%llx, which no host has", (unsigned long long)accum);
    if (s->own->hvm < 407)
        return;
    if (xsi_le64(area + HEADER_AT + 8))
        v2_refuse(x, EOPNOTSUPP, V(78), at, "the XSAVE area is compacted");
    for (unsigned i = 0; i < RESERVED; i++)
        if (xsi_le64(area + HEADER_AT + 16 + 8 * i))
            v2_refuse(x, EIO, V(78), at, "reserved words of the XSAVE header are not 0");
}

static bool zero(const uint8_t *p, size_t n)
{
    while (n && !p[n - 1])
        n--;
    return !n;
}

void v2_xsave_check(struct xsi_run *r, const struct v2_judge *s, struct v2_refusal *x,
                    const uint8_t *area, size_t n, uint64_t xcr0, uint64_t accum, uint64_t at)
{
    size_t size = accum & XSTATE_YMM ? AREA_YMM : AREA_MIN;
    bool sized = !(accum & ~XSTATE_SIZED);

    if (n < AREA_MIN) {
        v2_refuse(x, EINVAL, V(78), at, "an XSAVE area of %zu bytes", n);
        return;
    }
    validate(s, x, area, xcr0, accum, at);
    if (sized && s->hvm && n > size) { /* 4.3.0 and older sent zeros behind it */
        if (!zero(area + size, n - size))
            v2_refuse(x, EOPNOTSUPP, V(78), at,
                      "an XSAVE area that is too long, and not zero there");
        n = size;
    }
    if (sized && (n > size || (n < size && !v2_is(s, V2_XSAVE_LOOSE))))
        v2_refuse(x, EINVAL, V(78), at, "an XSAVE area of %zu bytes for components 0x%llx", n,
                  (unsigned long long)accum);
    if (!x->error)
        xsi_run_condition(r, "a host with XSAVE and components 0x%llx", (unsigned long long)accum);
}

void v2_xsave_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                     size_t n, uint64_t at)
{
    struct v2_refusal *x = &v->xsave;
    uint64_t xcr0, accum;

    x->error = 0;
    if (n < XSAVE_HEAD) {
        v2_refuse(x, EINVAL, V(16), at, "%zu bytes are too few", n);
        return;
    }
    xcr0 = xsi_le64(p);
    accum = xsi_le64(p + 8);
    if (!accum) {
        if (xcr0 || n > XSAVE_HEAD)
            v2_refuse(x, EINVAL, V(78), at, "an XSAVE area for no components");
        return;
    }
    if (n == XSAVE_HEAD) { /* validate_xstate is not asked, which leaves EINVAL */
        v2_refuse(x, EINVAL, V(78), at, "components without an area");
        return;
    }
    v2_xsave_check(r, s, x, p + XSAVE_HEAD, n - XSAVE_HEAD, xcr0, accum, at);
}

/* ---- MSRs ---- */

/* mask: bits of the value that some host or release takes. */
static const struct {
    uint32_t first, last, bit;
    uint64_t mask;
} msrs[] = {
    { 0x48, 0x48, V2_MSR_SPEC_CTRL, 0x5ff },
    { 0x140, 0x140, V2_MSR_MISC_FEATURES, 1 },
    { 0x6e1, 0x6e1, V2_MSR_PKRS, UINT32_MAX },
    { 0xd90, 0xd90, V2_MSR_BNDCFGS, ~0xffcULL },
    { 0xda0, 0xda0, V2_MSR_XSS, 0 },
    { 0xc0000103, 0xc0000103, V2_MSR_TSC_AUX, UINT32_MAX },
    { 0xc0011019, 0xc001101b, V2_MSR_DR_MASKS, UINT32_MAX },
    { 0xc0011027, 0xc0011027, V2_MSR_DR_MASKS, UINT32_MAX },
    { 0xc001011f, 0xc001011f, V2_MSR_VIRT_SPEC_CTRL, UINT64_MAX },
};

bool v2_msr_good(uint32_t known, uint32_t index, uint64_t value)
{
    for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
        if (index >= msrs[i].first && index <= msrs[i].last)
            return (known & msrs[i].bit) && !(value & ~msrs[i].mask);
    return false;
}

/* How many MSRs the release has in its list. */
static size_t msrs_max(uint32_t mask)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
        if (mask & msrs[i].bit)
            n += msrs[i].last - msrs[i].first + 1;
    return n;
}

void v2_msr_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                   size_t n, uint64_t at)
{
    struct v2_refusal *x = &v->msrs;

    x->error = 0;
    if (v2_is(s, V2_MSRS_INERT))
        return;
    if (n / 16 > msrs_max(s->own->pv_msrs))
        v2_refuse(x, EINVAL, V(88), at, "%zu MSRs; this release has %zu", n / 16,
                  msrs_max(s->own->pv_msrs));
    for (size_t i = 0; i + 16 <= n && !x->error; i += 16) {
        uint32_t index = xsi_le32(p + i);

        if (xsi_le32(p + i + 4))
            v2_refuse(x, EINVAL, V(88), at + i, "the reserved word of MSR 0x%x is not 0", index);
        else if (!v2_msr_good(s->own->pv_msrs, index, xsi_le64(p + i + 8)))
            v2_refuse(x, EINVAL, V(88), at + i,
                      "MSR 0x%x, or this value of it, is none that this release loads", index);
        else
            xsi_run_condition(r, "a host with MSR 0x%x", index);
    }
}
