/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header of a legacy stream: p2m_size; for PV the extended info and the list of p2m frames. */
#include <errno.h>
#include <inttypes.h>

#include "writer.h"

static int give_block(struct xsi_give *g, const char id[4], uint32_t size)
{
    int rc = xsi_give_bytes(g, id, 4);

    return rc ? rc : xsi_give_le32(g, size);
}

/* xcnt: the longest xsave block, since a reader takes one size for all vCPUs. */
static uint32_t xsave_block(const struct xsi_vm *vm)
{
    const struct xsi_item *item, *says = xsi_vm_find(vm, XSI_ITEM_XSAVE_SIZE, 0);
    uint32_t size = 0;
    size_t i = 0;

    if (!vm->complete)
        return says && says->bytes && says->length == 4 ? xsi_le32(says->bytes) : 0;
    while ((item = xsi_vm_next(vm, XSI_ITEM_VCPU_XSAVE, &i)))
        if (item->length + 16 > size)
            size = (uint32_t)item->length + 16;
    return size;
}

static int give_extended_info(struct xsi_give *g, const struct xsi_item *vcpu)
{
    const struct legacy_written *s = xsi_give_state(g);
    uint32_t total = 8 + (uint32_t)vcpu->length + (s->extv ? 8 : 0) + (s->xcnt ? 12 : 0);
    int rc = legacy_give_ul(g, UINT64_MAX);

    rc = rc ? rc : xsi_give_le32(g, total);
    rc = rc ? rc : give_block(g, "vcpu", (uint32_t)vcpu->length);
    rc = rc ? rc : xsi_give_item(g, vcpu);
    if (!rc && s->extv)
        rc = give_block(g, "extv", 0);
    if (!rc && s->xcnt)
        rc = give_block(g, "xcnt", 4);
    if (!rc && s->xcnt)
        rc = xsi_give_le32(g, s->xcnt);
    return rc;
}

/*
 * Without extended info, as up to 3.1, a reader takes a guest of its own width; that form is kept
 * where it is the input's and still true.
 */
static int give_pv_info(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    struct legacy_written *s = xsi_give_state(g);
    const struct xsi_item *vcpu = xsi_vm_find(vm, XSI_ITEM_PV_HEADER, 0);
    size_t i = 0;

    s->extv = vm->complete ? xsi_vm_next(vm, XSI_ITEM_VCPU_EXTENDED, &i) != NULL
                           : xsi_vm_find(vm, XSI_ITEM_EXTRA_CR3, 0) != NULL;
    s->xcnt = xsave_block(vm);
    if (!vcpu && legacy_given(vm) && vm->guest_bits == 8 * legacy_give_width(g) && !s->extv &&
        !s->xcnt)
        return 0;
    if (!vcpu)
        vcpu = xsi_vm_find(vm, XSI_ITEM_VCPU_BASIC, 0);
    if (!vcpu)
        return xsi_give_needs(g, "the context of vCPU 0");
    if (vcpu->length != (vm->guest_bits == 32 ? LEGACY_VCPU32 : LEGACY_VCPU64))
        return xsi_give_cannot(g, "the context of vCPU 0 has %" PRIu64 " bytes, the guest %u bits",
                               vcpu->length, vm->guest_bits);
    return give_extended_info(g, vcpu);
}

static int give_frames(struct xsi_give *g, uint64_t size)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *frames = xsi_vm_find(vm, XSI_ITEM_P2M_FRAMES, 0);
    uint64_t per_frame = XSI_PAGE_SIZE / (vm->guest_bits == 32 ? 4 : 8);
    uint64_t want = (size + per_frame - 1) / per_frame;

    if (!frames)
        return xsi_give_needs(g, "the list of p2m frames");
    if (frames->length != 8 * want)
        return xsi_give_cannot(g,
                               "the list of p2m frames has %" PRIu64 " entries; %" PRIu64
                               " frames of memory need %" PRIu64,
                               frames->length / 8, size, want);
    return legacy_give_list(g, frames);
}

int legacy_give_header(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    int rc = 0;
    uint64_t size = legacy_give_size(g, &rc);

    rc = rc ? rc : legacy_give_ul(g, size);
    if (rc || vm->guest != XSI_GUEST_PV)
        return rc;
    if (!vm->guest_bits)
        return xsi_give_needs(g, "the guest's width");
    rc = give_pv_info(g);
    return rc ? rc : give_frames(g, size);
}
