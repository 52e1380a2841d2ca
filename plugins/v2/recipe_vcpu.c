/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPU records of PV guests: values that Xen refuses, where something else tells the right one. */
#include <inttypes.h>

#include "recipe.h"

enum { TOP_64 = 4, TOP_32 = 3, SCAN_FRAMES = 1 << 20 };

/* Offsets in vcpu_guest_context, by width; 4.22:public/arch-x86/xen.h. */
static const struct layout {
    uint16_t flags, dx, gdt, gdt_ents, ldt_base, ldt_ents, cr1, cr3, vm_assist;
} layouts[2] = {
    { 0x200, 0x20c, 0xa50, 0xa90, 0xa48, 0xa4c, 0xaa0, 0xaa8, 0xaec },
    { 0x200, 0x268, 0x12e0, 0x1360, 0x12d0, 0x12d8, 0x1380, 0x1390, 0x1410 },
};
/* 4.22:public/xen.h:VMASST_TYPE_*: 0 to 5, and m2p_strict */
#define VM_ASSIST_KNOWN (0x3fULL | 1ULL << 32)
enum { GDT_MAX = 7168, GDT_FRAMES = 14, GDT_PER_FRAME = 512, IN_KERNEL = 4, ONLINE = 0x20 };

struct registers {
    struct v2_site *s;
    const struct layout *l;
    const uint8_t *p; /* vcpu_guest_context */
    uint64_t at;      /* ... in the image */
    unsigned width;
    uint32_t vcpu;
    uint64_t max_pfn;
};

static uint64_t word(const struct registers *x, unsigned offset)
{
    return x->width == 8 ? xsi_le64(x->p + offset) : xsi_le32(x->p + offset);
}

static void put_word(const struct registers *x, unsigned offset, uint64_t value, const char *why)
{
    if (x->width == 8)
        v2_put64(x->s, x->at + offset, value, why);
    else
        v2_put32(x->s, x->at + offset, (uint32_t)value, why);
}

/* The only table of the top level that is no other root. */
static bool only_root(const struct registers *x, uint64_t *root)
{
    unsigned level = x->width == 8 ? TOP_64 : TOP_32, found = 0;
    uint64_t cr1 = x->width == 8 ? word(x, x->l->cr1) >> 12 : UINT64_MAX;
    struct v2_item item;
    struct v2_list list;

    v2_site_rewind(x->s);
    while (v2_site_next(x->s, &item) && found < 2) {
        if (item.gap || item.cut || item.foreign || item.type != V2_PAGE_DATA ||
            !v2_list_read(x->s, item.at, 0, &list))
            continue;
        for (uint32_t i = 0; i < list.count; i++) {
            uint64_t e = xsi_le64(list.entry + 8 * (size_t)i);

            if (e >> 60 != (level | 8) || (e & V2_PFN_MASK) == cr1 ||
                (found && (e & V2_PFN_MASK) == *root))
                continue;
            *root = e & V2_PFN_MASK;
            found++;
        }
    }
    return found == 1;
}

static void fix_roots(const struct registers *x)
{
    uint64_t cr3 = word(x, x->l->cr3), root = 0;
    uint64_t now = x->width == 8 ? cr3 >> 12 : (uint32_t)(cr3 >> 12 | cr3 << 20);

    uint64_t cr1 = x->width == 8 ? word(x, x->l->cr1) : 0;

    if (cr1 >> 12 > x->max_pfn) {
        put_word(x, x->l->cr1, 0, "no user page table: cr1 names no frame of the guest");
        xsi_mend_guess(x->s->m,
                       "that vCPU %" PRIu32 " was in the kernel, as suspended guests are, "
                       "and loads cr1 again",
                       x->vcpu);
    } else if (cr1 && !(cr1 & 1))
        put_word(x, x->l->cr1, word(x, x->l->cr1) | 1, "bit 0 of cr1, which every writer sets");
    if (now <= x->max_pfn)
        return;
    if (!only_root(x, &root)) {
        xsi_mend_refuse(x->s->m,
                        "cr3 of vCPU %" PRIu32 " is damaged, and more than one page "
                        "table, or none, could be its root",
                        x->vcpu);
        return;
    }
    put_word(x, x->l->cr3,
             x->width == 8 ? root << 12 : (uint32_t)(root << 12) | (uint32_t)(root >> 20),
             "cr3: the only pinned page table of the top level");
    xsi_mend_guess(x->s->m, "that frame 0x%" PRIx64 " is the root of vCPU %" PRIu32, root, x->vcpu);
}

static void fix_descriptors(const struct registers *x)
{
    uint32_t ents = xsi_le32(x->p + x->l->gdt_ents), frames = 0;
    uint64_t base = word(x, x->l->ldt_base), ldt = word(x, x->l->ldt_ents);

    while (frames < GDT_FRAMES && word(x, x->l->gdt + frames * x->width))
        frames++;
    if (ents > GDT_MAX) {
        v2_put32(x->s, x->at + x->l->gdt_ents, frames * GDT_PER_FRAME,
                 "as many GDT entries as its frames hold");
        xsi_mend_guess(x->s->m, "%" PRIu32 " GDT entries of vCPU %" PRIu32, frames * GDT_PER_FRAME,
                       x->vcpu);
    }
    if (ldt <= 8192 && !(base & (XSI_PAGE_SIZE - 1)))
        return;
    put_word(x, x->l->ldt_base, 0, "no LDT");
    put_word(x, x->l->ldt_ents, 0, "no LDT");
    xsi_mend_loses(x->s->m, "the LDT of vCPU %" PRIu32, x->vcpu);
    xsi_mend_guess(x->s->m, "that the guest has no LDT, as nearly all");
}

/* Start info begins with the name of the interface: 4.22:public/xen.h:start_info. */
static bool find_start_info(struct v2_site *s, uint64_t *pfn)
{
    struct v2_item item;
    struct v2_list list;
    uint64_t seen = 0;
    unsigned found = 0;

    v2_site_rewind(s);
    while (v2_site_next(s, &item) && seen < SCAN_FRAMES) {
        uint64_t page = 0;

        if (item.gap || item.cut || item.foreign || item.type != V2_PAGE_DATA ||
            !v2_list_read(s, item.at, 0, &list))
            continue;
        for (uint32_t i = 0; i < list.count; i++) {
            uint64_t e = xsi_le64(list.entry + 8 * (size_t)i);
            char magic[12];

            if (!v2_type_has_data((unsigned)(e >> 60)))
                continue;
            seen++;
            if (xsi_mend_read(s->m, list.data + XSI_PAGE_SIZE * page++, magic, 12) &&
                !memcmp(magic, "xen-3.0-x86_", 12) && (!found || (e & V2_PFN_MASK) != *pfn)) {
                *pfn = e & V2_PFN_MASK;
                found++;
            }
        }
    }
    return found == 1;
}

static void fix_start_info(const struct registers *x)
{
    uint64_t dx = word(x, x->l->dx), pfn;

    if (x->vcpu || (dx && dx <= x->max_pfn))
        return;
    if (!find_start_info(x->s, &pfn)) {
        xsi_mend_refuse(x->s->m,
                        "the frame of start info (%s of vCPU 0) is damaged, and no page, "
                        "or more than one, looks like start info",
                        x->width == 8 ? "rdx" : "edx");
        return;
    }
    put_word(x, x->l->dx, pfn, "the frame of start info: the only page that begins like one");
    xsi_mend_guess(x->s->m, "that start info is in frame 0x%" PRIx64, pfn);
}

static void fix_flags(const struct registers *x)
{
    uint32_t flags = xsi_le32(x->p + x->l->flags);

    if (flags & (IN_KERNEL | ONLINE) || (x->width == 8 && word(x, x->l->cr1)))
        return;
    v2_put32(x->s, x->at + x->l->flags, flags | IN_KERNEL | ONLINE,
             "the vCPU is online and in the kernel, where guests are suspended");
    xsi_mend_guess(x->s->m, "flags 0x%" PRIx32 " of vCPU %" PRIu32, flags | IN_KERNEL | ONLINE,
                   x->vcpu);
}

static void fix_assist(const struct registers *x)
{
    uint64_t assist = word(x, x->l->vm_assist);

    if (!(assist & ~VM_ASSIST_KNOWN))
        return;
    put_word(x, x->l->vm_assist, assist & VM_ASSIST_KNOWN, "bits of vm_assist that exist");
    xsi_mend_guess(x->s->m,
                   "that the guest never turned on what bits 0x%" PRIx64 " of vm_assist mean",
                   (uint64_t)(assist & ~VM_ASSIST_KNOWN));
}

/* An address that is none: bits 48 to 63 repeat bit 47. */
static void fix_address(const struct registers *x)
{
    uint64_t at = xsi_mend_at(x->s->m), value, better;

    if (x->width != 8 || at < x->at || at + 8 > x->at + 5168)
        return;
    value = xsi_le64(x->p + (at - x->at));
    better = (uint64_t)((int64_t)(value << 16) >> 16);
    if (better == value)
        return;
    v2_put64(x->s, at, better, "a canonical address");
    xsi_mend_guess(x->s->m, "address 0x%" PRIx64 " for 0x%" PRIx64, better, value);
}

static void fix_basic(struct v2_site *s, const struct v2_item *item)
{
    const uint8_t *p = v2_site_body(s, item);
    struct registers x = { .s = s, .at = item->at + V2_RHDR_SIZE + V2_VHDR };
    uint64_t from = xsi_mend_at(s->m) - x.at;

    x.width = item->body == V2_VHDR + 5168 ? 8 : item->body == V2_VHDR + 2800 ? 4 : 0;
    if (!x.width || !p)
        return;
    x.vcpu = xsi_le32(p);
    x.p = p + V2_VHDR;
    x.l = &layouts[x.width == 8];
    if (!v2_highest_pfn(s, &x.max_pfn))
        return;
    fix_roots(&x);
    fix_descriptors(&x);
    fix_start_info(&x);
    fix_flags(&x);
    fix_assist(&x);
    /* only there: other words need not be addresses */
    if (from == 0x288 || from == 0x2a0 || from >= 0x13f8 || from == 0x1370 ||
        (from >= 0x2d0 && from < 0x12d0))
        fix_address(&x);
}

/* The number of a vCPU by the records next to it: each comes as BASIC, EXTENDED, XSAVE, MSRS. */
static bool fix_number(struct v2_site *s, const struct v2_item *item)
{
    struct v2_item other;
    uint8_t id[4], own[4];
    uint32_t want = 0;

    if (!xsi_mend_read(s->m, item->at + V2_RHDR_SIZE, own, 4))
        return false;
    if (item->type == V2_VCPU_BASIC) {
        if (v2_site_find_last(s, V2_VCPU_BASIC, item->at, &other) &&
            xsi_mend_read(s->m, other.at + V2_RHDR_SIZE, id, 4))
            want = xsi_le32(id) + 1;
        else if (v2_site_find(s, V2_VCPU_EXTENDED, item->at, &other) &&
                 xsi_mend_read(s->m, other.at + V2_RHDR_SIZE, id, 4))
            want = xsi_le32(id);
    } else if (v2_site_find_last(s, V2_VCPU_BASIC, item->at, &other) &&
               xsi_mend_read(s->m, other.at + V2_RHDR_SIZE, id, 4)) {
        want = xsi_le32(id);
    }
    if (want == xsi_le32(own) || want >= V2_VCPUS_MAX)
        return false;
    v2_put32(s, item->at + V2_RHDR_SIZE, want, "number of a vCPU by the records next to it");
    xsi_mend_guess(s->m, "that %s at 0x%" PRIx64 " is of vCPU %" PRIu32, v2_name(item->type),
                   item->at, want);
    return true;
}

static void fix_extended(struct v2_site *s, const struct v2_item *item)
{
    const uint8_t *p = v2_site_body(s, item);

    if (!p || item->body < V2_VHDR + 8)
        return;
    if (xsi_le32(p + V2_VHDR) != xsi_le32(p))
        v2_put32(s, item->at + V2_RHDR_SIZE + V2_VHDR, xsi_le32(p),
                 "the vCPU that the record's head names");
    if (xsi_le32(p + V2_VHDR + 4) != item->body - V2_VHDR)
        v2_put32(s, item->at + V2_RHDR_SIZE + V2_VHDR + 4, item->body - V2_VHDR,
                 "the size of the extended context by the record's length");
}

static void drop_msr(struct v2_site *s, const struct v2_item *item)
{
    const uint8_t *p = v2_site_body(s, item);
    uint64_t first = item->at + V2_RHDR_SIZE + V2_VHDR, at = xsi_mend_at(s->m);
    uint32_t i;
    uint8_t *out;

    if (!p || at < first || at >= item->at + V2_RHDR_SIZE + item->body ||
        !(out = xsi_mend_scratch(s->m, item->body)))
        return;
    i = V2_VHDR + (uint32_t)((at - first) / V2_MSR) * V2_MSR;
    if (i + V2_MSR > item->body)
        return;
    xsi_mend_loses(s->m, "MSR 0x%" PRIx32 " of vCPU %" PRIu32 " (0x%" PRIx64 ")", xsi_le32(p + i),
                   xsi_le32(p), xsi_le64(p + i + 8));
    if (item->body <= V2_VHDR + V2_MSR) {
        v2_drop(s, item, "nothing is left in it");
        return;
    }
    memcpy(out, p, i);
    memcpy(out + i, p + i + V2_MSR, item->body - i - V2_MSR);
    v2_replace(s, item, out, item->body - V2_MSR, "drop an MSR that the reader does not load");
}

int v2_fix_vcpu(struct xsi_mend *m)
{
    const struct xsi_finding_row *row = xsi_mend_finding(m);
    struct v2_site s, look;
    struct v2_item item;
    uint32_t type;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &item) || item.gap)
        return 0;
    look = s;
    if (v2_retyped(&look, &item, &type))
        return v2_fix_type(m); /* it is no record of a vCPU at all */
    if (row && !strcmp(row->code, "XS-V74") && fix_number(&s, &item))
        return 0;
    switch (item.type) {
    case V2_VCPU_BASIC:
        fix_basic(&s, &item);
        break;
    case V2_VCPU_EXTENDED:
        fix_extended(&s, &item);
        break;
    case V2_VCPU_MSRS:
        drop_msr(&s, &item);
        break;
    case V2_VCPU_XSAVE:
        if (!xsi_mend_asked(m)) {
            xsi_mend_refuse(m,
                            "the extended processor state of a vCPU cannot be what the reader "
                            "loads. v2-drop-record --at 0x%" PRIx64 " leaves it out: the guest "
                            "then resumes with fresh FPU registers, if the reader lets it",
                            item.at);
        }
        break;
    default:
        break;
    }
    return 0;
}
