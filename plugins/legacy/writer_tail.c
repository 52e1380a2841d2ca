/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tail of a legacy stream. */
#include <errno.h>
#include <inttypes.h>

#include "../x86/x86.h"
#include "writer.h"

enum { FPU_BYTES = 512, XSAVE_HEADER = 64, XSAVE_WORDS = 16, STATE_SSE = 3 };

/* ---- which vCPUs ---- */

static int set(struct xsi_give *g, struct legacy_map *map, uint64_t vcpu)
{
    if (vcpu >= LEGACY_VCPUS_MAX)
        return xsi_give_cannot(g, "vCPU %" PRIu64 ": readers take up to %u", vcpu,
                               LEGACY_VCPUS_MAX);
    map->word[vcpu / 64] |= 1ULL << (vcpu % 64);
    if ((int)vcpu > map->highest)
        map->highest = (int)vcpu;
    return 0;
}

static int map_of_bits(struct xsi_give *g, const struct xsi_item *online, struct legacy_map *map)
{
    const uint8_t *p = xsi_give_item_bytes(g, online);
    int rc = p ? 0 : -EBADMSG;

    for (uint64_t v = 0; !rc && v <= online->id && v / 8 < online->length; v++)
        if (p[v / 8] >> (v % 8) & 1)
            rc = set(g, map, v);
    return rc;
}

/* An HVM context has a CPU entry per vCPU that is online. */
static int map_of_context(struct xsi_give *g, const struct xsi_item *context,
                          struct legacy_map *map)
{
    const uint8_t *p = xsi_give_item_bytes(g, context);
    uint64_t at = 0, length;
    int rc = p ? 0 : -EBADMSG;

    for (; !rc && at + 8 <= context->length; at += 8 + length) {
        uint32_t head = xsi_le32(p + at);

        length = xsi_le32(p + at + 4);
        if ((head & 0xffff) == X86_HVM_CPU)
            rc = set(g, map, head >> 16);
    }
    return rc;
}

int legacy_give_map(struct xsi_give *g, struct legacy_map *map)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *item;
    size_t i = 0;
    int rc = 0;

    *map = (struct legacy_map){ .highest = -1 };
    if (vm->guest == XSI_GUEST_PV) { /* the tail has a record per bit */
        while (!rc && (item = xsi_vm_next(vm, XSI_ITEM_VCPU_BASIC, &i)))
            rc = set(g, map, item->id);
    } else if ((item = xsi_vm_next(vm, XSI_ITEM_VCPU_ONLINE, &i))) {
        rc = map_of_bits(g, item, map);
    } else if ((item = xsi_vm_find(vm, XSI_ITEM_HVM_CONTEXT, 0))) {
        rc = map_of_context(g, item, map);
    }
    if (!rc && map->highest < 0)
        return xsi_give_needs(g, "the vCPUs");
    return rc;
}

/* ---- PV ---- */

/* 128 bytes, of which newer writers send fewer; 3.2 to 3.4 compare the number in front. */
static int give_extended(struct xsi_give *g, unsigned vcpu)
{
    const struct xsi_item *item = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_VCPU_EXTENDED, vcpu);
    int rc;

    if (item && item->length > LEGACY_EXTV)
        return xsi_give_cannot(g, "the extended context of vCPU %u has %" PRIu64 " bytes", vcpu,
                               item->length);
    rc = item && item->length >= 4 ? xsi_give_item(g, item) : xsi_give_le32(g, vcpu);
    return rc ? rc
              : xsi_give_zeros(g, LEGACY_EXTV -
                                      (item && item->length >= 4 ? (size_t)item->length : 4));
}

/* A vCPU without an area, where others have one: what its context holds of the FPU. */
static int make_xsave(struct xsi_give *g, unsigned vcpu, uint32_t room)
{
    const struct xsi_item *item = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_VCPU_BASIC, vcpu);
    const uint8_t *p = item && item->length >= FPU_BYTES ? xsi_give_item_bytes(g, item) : NULL;
    int rc = xsi_give_le64(g, STATE_SSE);

    if (!p || room < XSAVE_WORDS + FPU_BYTES + XSAVE_HEADER)
        return xsi_give_cannot(g, "vCPU %u has no XSAVE area, but others have", vcpu);
    rc = rc ? rc : xsi_give_le64(g, room);
    rc = rc ? rc : xsi_give_le64(g, STATE_SSE); /* xcr0, and all that was ever in it */
    rc = rc ? rc : xsi_give_le64(g, STATE_SSE);
    rc = rc ? rc : xsi_give_bytes(g, p, FPU_BYTES);
    rc = rc ? rc : xsi_give_le64(g, STATE_SSE); /* xstate_bv */
    return rc ? rc : xsi_give_zeros(g, room - XSAVE_WORDS - FPU_BYTES - 8);
}

/* mask, size, area. The mask is the host's; what the area can hold is all that a reader needs. */
static int give_xsave(struct xsi_give *g, unsigned vcpu)
{
    const struct legacy_written *s = xsi_give_state(g);
    const struct xsi_item *item = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_VCPU_XSAVE, vcpu);
    uint32_t room = s->xcnt - 16;
    const uint8_t *p;
    int rc;

    if (!item || item->length < XSAVE_WORDS)
        return make_xsave(g, vcpu, room);
    if (item->length > room)
        return xsi_give_cannot(g,
                               "the XSAVE area of vCPU %u has %" PRIu64 " bytes, and the "
                               "header, long written, announces %u; give a file, not a pipe",
                               vcpu, item->length, room);
    p = xsi_give_item_bytes(g, item);
    if (!p)
        return -EBADMSG;
    rc = xsi_give_bytes(g, p + 8, 8);
    rc = rc ? rc : xsi_give_le64(g, room);
    rc = rc ? rc : xsi_give_item(g, item);
    return rc ? rc : xsi_give_zeros(g, room - (size_t)item->length);
}

static int give_vcpu(struct xsi_give *g, unsigned vcpu)
{
    const struct legacy_written *s = xsi_give_state(g);
    int rc = xsi_give_item(g, xsi_vm_find(xsi_give_vm(g), XSI_ITEM_VCPU_BASIC, vcpu));

    if (!rc && s->extv)
        rc = give_extended(g, vcpu);
    if (!rc && s->xcnt)
        rc = give_xsave(g, vcpu);
    return rc;
}

/* Its link to the p2m table is of no use elsewhere; writers since 3.1 clear it. */
static int give_shared_info(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *item = xsi_vm_find(vm, XSI_ITEM_SHARED_INFO, 0);
    uint8_t page[XSI_PAGE_SIZE];
    const uint8_t *p = item && item->length == sizeof(page) ? xsi_give_item_bytes(g, item) : NULL;

    if (!p)
        return xsi_give_needs(g, "the shared info page");
    memcpy(page, p, sizeof(page));
    memset(page + (vm->guest_bits == 32 ? 2320 : 3096), 0, vm->guest_bits / 8);
    return xsi_give_bytes(g, page, sizeof(page));
}

static int give_pv_tail(struct xsi_give *g)
{
    const struct xsi_item *unmapped = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_UNMAPPED, 0);
    struct legacy_map map;
    int rc = xsi_give_le32(g, unmapped ? (uint32_t)(unmapped->length / 8) : 0);

    if (!rc && unmapped)
        rc = legacy_give_list(g, unmapped);
    rc = rc ? rc : legacy_give_map(g, &map);
    for (int v = 0; !rc && v <= map.highest; v++)
        if (map.word[v / 64] >> (v % 64) & 1)
            rc = give_vcpu(g, (unsigned)v);
    return rc ? rc : give_shared_info(g);
}

/* ---- HVM ---- */

static int give_hvm_tail(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *context = xsi_vm_find(vm, XSI_ITEM_HVM_CONTEXT, 0);
    int rc = 0;

    for (unsigned i = 0; !rc && i < LEGACY_MAGIC; i++) {
        const struct xsi_item *item = xsi_vm_find(vm, XSI_ITEM_HVM_PARAM, legacy_magic_params[i]);

        rc = xsi_give_le64(g, item && item->bytes && item->length == 8 ? xsi_le64(item->bytes) : 0);
    }
    if (!context || context->length > UINT32_MAX)
        return xsi_give_needs(g, "the HVM context");
    rc = rc ? rc : xsi_give_le32(g, (uint32_t)context->length);
    return rc ? rc : xsi_give_item(g, context);
}

int legacy_give_tail(struct xsi_give *g)
{
    return xsi_give_vm(g)->guest == XSI_GUEST_PV ? give_pv_tail(g) : give_hvm_tail(g);
}
