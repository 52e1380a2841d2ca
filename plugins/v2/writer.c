/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing the v2 stream. What comes from a legacy stream is laid out as Xen's own converter does
 * it (4.17:tools/python/scripts/convert-legacy-stream), byte for byte where that is no mistake;
 * what comes from a v2 stream keeps its order and the headers of its writer. docs/conversion.md
 * says where the two converters differ, and why.
 */
#include <inttypes.h>

#include "../config/carry.h"
#include "convert.h"

enum {
    CONVERTED_MINOR = 1, /* 4.17:convert-legacy-stream:__version__; major 0 says converted */
    KIND_PV = 1,
    KIND_HVM = 2,
    PARAM_STORE = 1, /* 4.22:public/hvm/params.h:HVM_PARAM_* */
    PARAM_IOREQ = 5,
    PARAM_BUFIOREQ = 6,
    PARAM_VIRIDIAN = 9,
    TYPE_PIN_ALONE = 8,
    TYPE_XTAB = 15
};

/* TSC information keeps its place among the pages: a live save of a legacy writer has it in front
 * of the last pass. */
struct give_state {
    bool tsc; /* written */
};

static const uint8_t zeros[8];

static bool is_pv(const struct xsi_vm *vm)
{
    return vm->guest == XSI_GUEST_PV;
}

/* Words of a word-size that is not known are those of the toolstack: 64 bits. */
static unsigned guest_width(const struct xsi_vm *vm)
{
    return vm->guest_bits == 32 ? 4 : 8;
}

static int give_head(struct xsi_give *g, uint32_t type, uint64_t length)
{
    int rc = xsi_give_le32(g, type);

    return rc ? rc : xsi_give_le32(g, (uint32_t)length);
}

static int give_padding(struct xsi_give *g, uint64_t length)
{
    return xsi_give_bytes(g, zeros, -length & 7);
}

/* A record whose body is the item. */
static int give_body(struct xsi_give *g, uint32_t type, const struct xsi_item *item)
{
    int rc = give_head(g, type, item->length);

    rc = rc ? rc : xsi_give_item(g, item);
    return rc ? rc : give_padding(g, item->length);
}

/* ---------------------------------------------------------------- before the pages ---- */

static int give_headers(struct xsi_give *g, const struct xsi_vm *vm, unsigned version)
{
    bool kept = vm->version == version; /* else the writer's release did not write this version */
    int rc = xsi_give_le64(g, UINT64_MAX);

    rc = rc ? rc : xsi_give_bytes(g, "XENF", 4);
    rc = rc ? rc : xsi_give_be32(g, version);
    rc = rc ? rc : xsi_give_zeros(g, 8); /* little-endian */
    rc = rc ? rc : xsi_give_le32(g, is_pv(vm) ? KIND_PV : KIND_HVM);
    rc = rc ? rc : xsi_give_le32(g, 12); /* page shift */
    rc = rc ? rc : xsi_give_le32(g, kept ? vm->xen_major : 0);
    return rc ? rc : xsi_give_le32(g, kept ? vm->xen_minor : CONVERTED_MINOR);
}

/* What a PV stream cannot do without, in front of its pages.
 * 4.17:xg_sr_restore_x86_pv.c:handle_x86_pv_info, handle_x86_pv_p2m_frames */
static int check_pv(struct xsi_give *g, const struct xsi_vm *vm)
{
    const struct xsi_item *list = xsi_vm_find(vm, XSI_ITEM_P2M_FRAMES, 0);
    uint64_t per_page = XSI_PAGE_SIZE / guest_width(vm), frames;

    if (vm->pt_levels == 2)
        return xsi_give_cannot(g, "a guest with page tables of two levels (without PAE): no reader "
                                  "of this stream restores one");
    if (!vm->has_p2m_size || !vm->p2m_size || !list)
        return xsi_give_needs(g, "the list of the frames that hold the p2m table");
    frames = (vm->p2m_size - 1) / per_page + 1;
    if (vm->p2m_size > (uint64_t)UINT32_MAX + 1 || list->length / 8 != frames || list->length % 8)
        return xsi_give_cannot(g,
                               "a p2m table of 0x%" PRIx64 " frames takes %" PRIu64
                               " pages, but %" PRIu64 " are listed",
                               vm->p2m_size, frames, list->length / 8);
    return 0;
}

static int give_pv_info(struct xsi_give *g, const struct xsi_vm *vm)
{
    uint8_t info[8] = { (uint8_t)guest_width(vm), (uint8_t)(guest_width(vm) == 8 ? 4 : 3) };
    int rc = give_head(g, V2_PV_INFO, sizeof(info));

    return rc ? rc : xsi_give_bytes(g, info, sizeof(info));
}

static int give_p2m(struct xsi_give *g, const struct xsi_vm *vm)
{
    const struct xsi_item *list = xsi_vm_find(vm, XSI_ITEM_P2M_FRAMES, 0);
    int rc = give_head(g, V2_P2M_FRAMES, 8 + list->length);

    rc = rc ? rc : xsi_give_le32(g, 0);
    rc = rc ? rc : xsi_give_le32(g, (uint32_t)(vm->p2m_size - 1));
    return rc ? rc : xsi_give_item(g, list);
}

/* What stands in front of the pages because it must be known by then (libxc calls it static). */
static int give_static(struct xsi_give *g, const struct xsi_vm *vm)
{
    const struct xsi_item *cpuid = xsi_vm_find(vm, XSI_ITEM_CPUID_POLICY, 0);
    const struct xsi_item *msr = xsi_vm_find(vm, XSI_ITEM_MSR_POLICY, 0);
    int rc = 0;

    if (cpuid && cpuid->length)
        rc = give_body(g, V2_CPUID_POLICY, cpuid);
    if (!rc && msr && msr->length)
        rc = give_body(g, V2_MSR_POLICY, msr);
    return rc ? rc : give_head(g, V2_STATIC_DATA_END, 0);
}

static int v2_begin(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    unsigned version = xsi_give_writer(g)->variant;
    int rc = is_pv(vm) ? check_pv(g, vm) : 0;

    rc = rc ? rc : give_headers(g, vm, version);
    if (!rc && is_pv(vm))
        rc = give_pv_info(g, vm);
    if (!rc && version >= 3)
        rc = give_static(g, vm);
    if (!rc && is_pv(vm))
        rc = give_p2m(g, vm);
    return rc;
}

/* Once, behind what stood in front of it: `at` is a place in the input. */
static int give_tsc(struct xsi_give *g, uint64_t at)
{
    const struct xsi_item *tsc = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_TSC, 0);
    struct give_state *s = xsi_give_state(g);

    if (s->tsc || !tsc || tsc->offset >= at)
        return 0;
    s->tsc = true;
    return give_body(g, V2_TSC_INFO, tsc);
}

/* ---------------------------------------------------------------- pages ---- */

enum fate { KEPT, PASSED_OVER };

/* Does the reader take this entry? It may be changed. Or -errno. */
static int judge_entry(struct xsi_give *g, const struct xsi_vm *vm, struct xsi_frame_entry *e)
{
    bool outside = vm->has_p2m_size && e->pfn >= vm->p2m_size;
    int rc = KEPT;

    /* Legacy writers leave F0000000 for frames that they could not map, those before 4.0 with the
     * number of a machine frame in it (3.4:xc_domain_save.c). Neither names a guest's frame. */
    if (e->type == TYPE_XTAB)
        return outside || (!vm->version && !e->pfn) ? PASSED_OVER : KEPT;
    if (e->type == TYPE_PIN_ALONE) { /* a plain page to every legacy reader */
        e->type = 0;
    } else if (e->type > 4 && e->type < TYPE_PIN_ALONE) {
        rc = xsi_give_drops(g, "frame 0x%" PRIx64 ": page type %u does not exist", e->pfn,
                            (unsigned)e->type);
        return rc ? rc : PASSED_OVER;
    }
    if (outside) {
        rc =
            xsi_give_drops(g, "frame 0x%" PRIx64 ": the guest's memory ends in front of 0x%" PRIx64,
                           e->pfn, vm->p2m_size);
        return rc ? rc : PASSED_OVER;
    }
    return KEPT;
}

/* What has been gathered becomes a record; readers refuse one without entries. */
static int give_batch(struct xsi_give *g, const uint64_t *entries, struct xsi_pages *part)
{
    uint64_t data = (uint64_t)part->carrying * XSI_PAGE_SIZE;
    int rc = 0;

    if (part->count) {
        rc = give_head(g, V2_PAGE_DATA, 8 + 8 * part->count + data);
        rc = rc ? rc : xsi_give_le32(g, (uint32_t)part->count);
        rc = rc ? rc : xsi_give_le32(g, 0);
        rc = rc ? rc : xsi_give_bytes(g, entries, 8 * part->count);
        if (!rc && part->carrying)
            rc = xsi_give_pages(g, part);
    }
    part->offset += data;
    part->made = part->made ? part->made + data : NULL;
    part->count = part->carrying = 0;
    return rc;
}

static int v2_pages(struct xsi_give *g, const struct xsi_pages *p)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    struct xsi_pages part = { .entry = p->entry, .made = p->made, .offset = p->offset };
    uint64_t entries[XSI_BATCH_MAX];
    int rc = give_tsc(g, p->offset);

    for (size_t i = 0; rc >= 0 && i < p->count && i < XSI_BATCH_MAX; i++) {
        struct xsi_frame_entry e = p->entry[i];
        bool carries = xsi_frame_carries(e.type);

        rc = judge_entry(g, vm, &e);
        if (rc < 0)
            return rc;
        if (rc == KEPT) {
            entries[part.count++] = htole64(e.pfn | (uint64_t)e.type << 60);
            part.carrying += carries;
        } else if (carries) { /* its page lies between those of its neighbours */
            rc = give_batch(g, entries, &part);
            if (rc)
                return rc;
            part.offset += XSI_PAGE_SIZE;
            part.made = part.made ? part.made + XSI_PAGE_SIZE : NULL;
        }
    }
    return rc < 0 ? rc : give_batch(g, entries, &part);
}

/* ---------------------------------------------------------------- behind the pages ---- */

static bool is_magic(uint64_t param)
{
    return param == PARAM_IOREQ || param == PARAM_BUFIOREQ || param == PARAM_STORE;
}

/* Parameters of one record stay together; those of a legacy stream's body and those of its tail
 * make a record each. */
static bool together(const struct xsi_vm *vm, const struct xsi_item *a, const struct xsi_item *b)
{
    if (a->kind != b->kind)
        return false;
    return vm->version ? a->offset == b->offset : is_magic(a->id) == is_magic(b->id);
}

/* Readers of the legacy stream do not set a zero; those of this one do, and Xen refuses it:
 * 4.5:xc_domain_restore.c, 4.17:xen/arch/x86/hvm/hvm.c:hvm_set_param */
static bool is_set(const struct xsi_vm *vm, const struct xsi_item *param)
{
    return vm->version || param->id != PARAM_VIRIDIAN || xsi_le64(param->bytes);
}

/* The record that the parameter with this index begins; nothing when it stands in one already. */
static int give_params(struct xsi_give *g, const struct xsi_vm *vm, size_t first)
{
    const struct xsi_item *item = vm->item;
    uint32_t count = 0;
    int rc;

    for (size_t i = 0; i < first; i++)
        if (together(vm, &item[i], &item[first]))
            return 0;
    for (size_t i = first; i < vm->item_count; i++)
        count += together(vm, &item[i], &item[first]) && is_set(vm, &item[i]);
    if (!count)
        return 0;
    rc = give_head(g, V2_HVM_PARAMS, 8 + 16 * (uint64_t)count);
    rc = rc ? rc : xsi_give_le32(g, count);
    rc = rc ? rc : xsi_give_le32(g, 0);
    for (size_t i = first; !rc && i < vm->item_count; i++) {
        if (!together(vm, &item[i], &item[first]) || !is_set(vm, &item[i]))
            continue;
        rc = xsi_give_le64(g, item[i].id);
        rc = rc ? rc : xsi_give_item(g, &item[i]);
    }
    return rc;
}

static int give_vcpu(struct xsi_give *g, uint32_t type, const struct xsi_item *item)
{
    int rc;

    /* "nothing to be set"; and 4.17:handle_x86_pv_vcpu_blob wants both masks of an XSAVE area */
    if (!item->length || (type == V2_VCPU_XSAVE && item->length < 16))
        return 0;
    rc = give_head(g, type, 8 + item->length);
    rc = rc ? rc : xsi_give_le32(g, (uint32_t)item->id);
    rc = rc ? rc : xsi_give_le32(g, 0);
    rc = rc ? rc : xsi_give_item(g, item);
    return rc ? rc : give_padding(g, item->length);
}

/* In the input's order. Records of the other kind of guest would be refused. */
static int give_tail(struct xsi_give *g, const struct xsi_vm *vm, size_t i)
{
    const struct xsi_item *item = &vm->item[i];
    bool pv = is_pv(vm);

    switch (item->kind) {
    case XSI_ITEM_TSC:
        return give_tsc(g, UINT64_MAX);
    case XSI_ITEM_HVM_PARAM:
        return pv ? 0 : give_params(g, vm, i);
    case XSI_ITEM_HVM_CONTEXT:
        return pv || !item->length ? 0 : give_body(g, V2_HVM_CONTEXT, item);
    case XSI_ITEM_VCPU_BASIC:
        return pv ? give_vcpu(g, V2_VCPU_BASIC, item) : 0;
    case XSI_ITEM_VCPU_EXTENDED:
        return pv ? give_vcpu(g, V2_VCPU_EXTENDED, item) : 0;
    case XSI_ITEM_VCPU_XSAVE:
        return pv ? give_vcpu(g, V2_VCPU_XSAVE, item) : 0;
    case XSI_ITEM_VCPU_MSRS:
        return pv ? give_vcpu(g, V2_VCPU_MSRS, item) : 0;
    case XSI_ITEM_SHARED_INFO:
        return pv ? give_body(g, V2_SHARED_INFO, item) : 0;
    default: /* the container's, or without a meaning here: docs/conversion.md */
        return 0;
    }
}

static int v2_give_end(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    int rc = 0;

    for (size_t i = 0; !rc && i < vm->item_count; i++)
        rc = give_tail(g, vm, i);
    return rc ? rc : give_head(g, V2_END, 0);
}

/* ---------------------------------------------------------------- what it cannot hold ---- */

/* Without these nothing can be restored. */
static int check_state(struct xsi_give *g, const struct xsi_vm *vm)
{
    const struct xsi_item *context = xsi_vm_find(vm, XSI_ITEM_HVM_CONTEXT, 0);

    if (xsi_give_options(g)->force)
        return 0;
    if (is_pv(vm) && !xsi_vm_find(vm, XSI_ITEM_VCPU_BASIC, 0))
        return xsi_give_needs(g, "the context of vCPU 0");
    if (!is_pv(vm) && (!context || !context->length))
        return xsi_give_needs(g, "an HVM context");
    return 0;
}

/* Does a writer around this one take the device model's keys? */
static bool keys_have_a_place(const struct xsi_give *g)
{
    const struct xsi_writer *outer = xsi_give_neighbour(g, true);

    return outer && outer->kind != XSI_LAYER_STREAM;
}

static int v2_check(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    size_t params = 0;
    int rc = is_pv(vm) ? check_pv(g, vm) : 0;

    rc = rc ? rc : check_state(g, vm);
    if (!rc)
        rc = config_check_rest(g, false);
    if (!rc && xsi_vm_find(vm, XSI_ITEM_TMEM, 0))
        rc = xsi_give_drops(g, "the guest's tmem pools: Xen has none since 4.13");
    if (!rc && xsi_give_writer(g)->variant < 3 &&
        (xsi_vm_find(vm, XSI_ITEM_CPUID_POLICY, 0) || xsi_vm_find(vm, XSI_ITEM_MSR_POLICY, 0)))
        rc = xsi_give_drops(g, "the CPUID and MSR policies that the guest was started with: "
                               "the toolstack makes new ones from the configuration");
    if (rc)
        return rc;
    if (is_pv(vm) && xsi_vm_next(vm, XSI_ITEM_HVM_PARAM, &params))
        xsi_give_note(g, "left out: parameters of an HVM domain; this is a PV guest");
    if (xsi_vm_find(vm, XSI_ITEM_VERIFY, 0))
        xsi_give_note(g, "left out: verify mode; pages that were sent again to be compared are "
                         "plain pages, the last of each counts");
    if (xsi_vm_find(vm, XSI_ITEM_EMULATOR_STORE, 0) && !keys_have_a_place(g))
        xsi_give_note(g,
                      "left out: the device model's xenstore keys; a libxl-v2 stream holds them");
    return 0;
}

const struct xsi_writer v2_writers[] = {
    { .layer = "libxc-v2",
      .help = "libxc stream as Xen 4.6 to 4.13 write it",
      .kind = XSI_LAYER_STREAM,
      .variant = 2,
      .state_size = sizeof(struct give_state),
      .check = v2_check,
      .begin = v2_begin,
      .pages = v2_pages,
      .end = v2_give_end },
    { .layer = "libxc-v3",
      .help = "libxc stream as Xen 4.14 and later write it",
      .kind = XSI_LAYER_STREAM,
      .variant = 3,
      .state_size = sizeof(struct give_state),
      .check = v2_check,
      .begin = v2_begin,
      .pages = v2_pages,
      .end = v2_give_end },
    { .layer = NULL },
};
