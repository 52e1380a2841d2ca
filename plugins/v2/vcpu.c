/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * X86_PV_VCPU_* records. What readers and Xen refuse: 4.22:xg_sr_restore_x86_pv.c and
 * domain.c:arch_set_info_guest.
 */
#include <inttypes.h>

#include "v2.h"
#include "../x86/x86.h"

#define BLOB            8U /* vcpu_id and a reserved word come first */
#define GDT_ENTRIES_MAX 7168U
#define LDT_ENTRIES_MAX 8192U
#define FLAG_IN_KERNEL  0x04U
#define FLAG_ONLINE     0x20U
#define EXT_SIZE_MIN    32U

/* Offsets in vcpu_guest_context; 4.22:public/arch-x86/xen.h, compiled for either width. */
struct layout {
    uint16_t flags, dx, ip, ldt_ents, gdt_ents, cr1, cr3;
};
static const struct layout layouts[2] = {
    { 0x200, 0x20c, 0x224, 0xa4c, 0xa90, 0xaa0, 0xaa8 },
    { 0x200, 0x268, 0x288, 0x12d8, 0x1360, 0x1380, 0x1390 },
};

/* MSRs that a writer of 4.6 to 4.22 may send; 4.22:domctl.c:XEN_DOMCTL_get_vcpu_msrs. */
static const uint32_t known_msrs[] = { 0x48,       0x140,      0xc0000103, 0xc0011019,
                                       0xc001101a, 0xc001101b, 0xc001101f, 0xc0011027 };

/* Ends of the components of an XSAVE area in standard form, by bit of xcr0; Intel SDM 1, 13.4. */
static const uint16_t xsave_ends[] = { 576, 576, 832, 1024, 1088, 1152, 1664, 2688, 0, 2696 };

static bool msr_known(uint32_t index)
{
    for (size_t i = 0; i < sizeof(known_msrs) / sizeof(known_msrs[0]); i++)
        if (known_msrs[i] == index)
            return true;
    return false;
}

uint64_t v2_vcpu_extent(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, h->at + V2_RHDR_SIZE + BLOB, 1024, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint64_t size = 0, accum;

    c.big = c.big && h->type == V2_VCPU_MSRS; /* registers are an x86's, whatever the stream */
    switch (h->type) {
    case V2_VCPU_BASIC:
        return !s->width ? UINT64_MAX : BLOB + (s->width == 8 ? X86_VCPU64_SIZE : X86_VCPU32_SIZE);
    case V2_VCPU_EXTENDED: /* u32 vcpu, u32 size of all */
        (void)xsi_u32(&c);
        size = xsi_u32(&c);
        return size >= EXT_SIZE_MIN && size <= 128 ? BLOB + size : UINT64_MAX;
    case V2_VCPU_XSAVE: /* u64 xcr0, u64 of all bits it ever had */
        (void)xsi_u64(&c);
        accum = xsi_u64(&c);
        for (unsigned i = 0; i < sizeof(xsave_ends) / sizeof(xsave_ends[0]); i++)
            if (accum >> i & 1 && xsave_ends[i] > size)
                size = xsave_ends[i];
        return size && !(accum >> 10) ? BLOB + 16 + size : UINT64_MAX;
    default:
        for (; c.left >= 16 && msr_known(xsi_u32(&c)) && !xsi_u32(&c); size += 16)
            (void)xsi_u64(&c);
        return size ? BLOB + size : UINT64_MAX;
    }
}

struct context {
    const uint8_t *p;
    bool wide;
};

static uint64_t word(const struct context *x, unsigned offset)
{
    struct xsi_cursor c = { .at = x->p + offset, .left = 8 };

    return xsi_ul(&c, x->wide ? 8 : 4);
}

static uint32_t half(const struct context *x, unsigned offset)
{
    struct xsi_cursor c = { .at = x->p + offset, .left = 4 };

    return xsi_u32(&c);
}

static bool is_top(const struct v2_state *s, uint64_t pfn)
{
    for (unsigned i = 0; i < s->tops; i++)
        if (s->top[i] == pfn)
            return true;
    return false;
}

/* Page-table roots: in range, and sent as a table of the top level. */
static void check_root(struct xsi_walk *w, const struct v2_state *s, uint64_t at, const char *name,
                       uint64_t pfn)
{
    if (s->has_max && pfn > s->max_pfn)
        v2_report(w, V78, at, 8, "%s is frame 0x%" PRIx64 ", beyond the last one, 0x%" PRIx64, name,
                  pfn, s->max_pfn);
    else if (s->batches && s->width && !s->tops_full && !s->lost && !is_top(s, pfn))
        v2_report(w, V84, at, 8,
                  "%s is frame 0x%" PRIx64 ", which did not come as a level %d page "
                  "table",
                  name, pfn, s->width == 4 ? 3 : 4);
}

static void check_context(struct xsi_walk *w, const struct v2_state *s, uint64_t at, uint32_t vcpu,
                          const struct context *x)
{
    const struct layout *o = &layouts[x->wide];
    uint64_t cr3 = word(x, o->cr3), cr1 = word(x, o->cr1), ip = word(x, o->ip);
    uint64_t dx = word(x, o->dx), ldt = word(x, o->ldt_ents), gdt = word(x, o->gdt_ents);
    uint64_t root = x->wide ? cr3 >> 12 : (uint32_t)(cr3 >> 12 | cr3 << 20);
    uint32_t flags = half(x, o->flags);

    check_root(w, s, at + o->cr3, "cr3", root);
    if (x->wide && cr1 & 1)
        check_root(w, s, at + o->cr1, "cr1", cr1 >> 12);
    else if (x->wide && cr1)
        v2_report(w, V78, at + o->cr1, 8,
                  "cr1 is 0x%" PRIx64 ": neither 0 nor a frame with bit 0 "
                  "set",
                  cr1);
    if (gdt > GDT_ENTRIES_MAX)
        v2_report(w, V78, at + o->gdt_ents, 8, "%" PRIu64 " GDT entries; at most %u are possible",
                  gdt, GDT_ENTRIES_MAX);
    if (ldt > LDT_ENTRIES_MAX)
        v2_report(w, V78, at + o->ldt_ents, 8, "%" PRIu64 " LDT entries; at most %u are possible",
                  ldt, LDT_ENTRIES_MAX);
    if (x->wide && (uint64_t)((int64_t)(ip << 16) >> 16) != ip)
        v2_report(w, V78, at + o->ip, 8, "rip 0x%" PRIx64 " is not canonical", ip);
    if (!(flags & (FLAG_IN_KERNEL | FLAG_ONLINE)))
        v2_report(w, V78, at + o->flags, 4,
                  "flags 0x%" PRIx32 ": the vCPU is neither online nor "
                  "in the kernel",
                  flags);
    if (!vcpu && (!dx || (s->has_max && dx > s->max_pfn)))
        v2_report(w, V78, at + o->dx, 8, "%s of vCPU 0, the frame of start_info, is 0x%" PRIx64,
                  x->wide ? "rdx" : "edx", dx);
}

static void check_basic(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                        uint32_t vcpu)
{
    uint32_t size = h->length - BLOB;
    unsigned width = size == X86_VCPU64_SIZE ? 8 : size == X86_VCPU32_SIZE ? 4 : 0;
    uint32_t *word_seen = &s->basic_seen[vcpu / 32], bit = 1U << vcpu % 32;
    uint64_t at = h->at + V2_RHDR_SIZE + BLOB;
    struct context x = { .wide = width == 8 };
    size_t have;

    if (!width)
        return;
    if ((s->width && width != s->width) || (s->basic_width && width != s->basic_width))
        v2_report(w, V76, h->at + 4, 4,
                  "vCPU %" PRIu32 " has the registers of a %u-bit guest, but "
                  "%s says %u bits",
                  vcpu, width * 8, s->width ? "X86_PV_INFO" : "another vCPU",
                  (s->width ? s->width : s->basic_width) * 8);
    s->basic_width = width;
    if (*word_seen & bit)
        v2_report(w, V28, h->at, 8,
                  "X86_PV_VCPU_BASIC of vCPU %" PRIu32 " a second time: the last "
                  "one counts",
                  vcpu);
    else
        s->vcpus++;
    if (vcpu > s->top_vcpu)
        s->top_vcpu = vcpu;
    x.p = xsi_peek(w, at, size, &have);
    if (have < size)
        return;
    *word_seen |= bit;
    xsi_info(w)->cpu_state = true;
    check_context(w, s, at, vcpu, &x);
}

static void check_extended(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                           uint32_t vcpu)
{
    uint64_t at = h->at + V2_RHDR_SIZE + BLOB;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 8, &have);
    struct xsi_cursor c = { .at = p, .left = have };
    uint32_t size;

    s->extended_seen[vcpu / 32] |= 1U << vcpu % 32;
    (void)xsi_u32(&c);
    size = xsi_u32(&c);
    if (!c.short_read && (size < EXT_SIZE_MIN || size > 128))
        v2_report(w, V78, at + 4, 4,
                  "the extended context of vCPU %" PRIu32 " gives its size as %" PRIu32, vcpu,
                  size);
}

static void check_msrs(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h)
{
    uint64_t at = h->at + V2_RHDR_SIZE + BLOB;
    size_t have;
    uint32_t size = h->length - BLOB < 16384 ? h->length - BLOB : 16384;
    const uint8_t *p = xsi_peek(w, at, size, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);

    for (unsigned n = 0; c.left >= 16; n++) {
        uint32_t index = xsi_u32(&c);

        if (!msr_known(index))
            v2_report(w, V88, at + 16 * n, 16,
                      "MSR 0x%" PRIx32 ", which no release up to 4.22 "
                      "sends",
                      index);
        xsi_skip(&c, 12);
    }
}

void v2_check_vcpu(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                   struct xsi_chunk *out)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, h->at + V2_RHDR_SIZE, BLOB, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint32_t vcpu = xsi_u32(&c), reserved = xsi_u32(&c);
    const char *name = v2_rules[h->type].name;

    if (h->length < BLOB || c.short_read)
        return;
    xsi_note(out, "vCPU %" PRIu32, vcpu);
    if (reserved)
        v2_report(w, V47, h->at + 12, 4, "reserved word of %s is 0x%" PRIx32, name, reserved);
    if (vcpu >= V2_VCPUS_MAX) {
        v2_report(w, V74, h->at + V2_RHDR_SIZE, 4,
                  "%s is for vCPU %" PRIu32 ": no domain has that "
                  "many",
                  name, vcpu);
        return;
    }
    if (h->length == BLOB) {
        v2_report(w, V75, h->at, 8, "%s of vCPU %" PRIu32 " is empty", name, vcpu);
        return;
    }
    if (h->type == V2_VCPU_BASIC)
        check_basic(w, s, h, vcpu);
    else if (h->type == V2_VCPU_EXTENDED)
        check_extended(w, s, h, vcpu);
    else if (h->type == V2_VCPU_MSRS)
        check_msrs(w, s, h);
    else if (h->length - BLOB < 16)
        v2_report(w, V16, h->at + 4, 4,
                  "%s holds %" PRIu32 " bytes; it begins with 16 bytes of "
                  "xcr0 and its history",
                  name, h->length - BLOB);
    else if ((h->length - BLOB) % 16)
        v2_report(w, V86, h->at + 4, 4, "%s holds %" PRIu32 " bytes, no multiple of 16", name,
                  h->length - BLOB);
}
