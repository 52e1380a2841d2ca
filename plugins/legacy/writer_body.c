/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chunks of a legacy stream that are no batches, in the order of xc_domain_save@4.2 to 4.5. */
#include <errno.h>
#include <inttypes.h>

#include "writer.h"

#define VM86_TSS_ID (-4)
#define TSS_SIZED   37U /* HVM parameter: address, and size in the upper half; Xen 4.9 and later */

int legacy_give_tsc(struct xsi_give *g)
{
    const struct xsi_item *item = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_TSC, 0);
    struct legacy_written *s = xsi_give_state(g);
    const uint8_t *p;
    uint32_t id = htole32((uint32_t)-7);
    uint8_t chunk[24];

    if (!item || s->tsc || !legacy_reader_knows(g, -7))
        return 0;
    p = item->length >= 20 ? xsi_give_item_bytes(g, item) : NULL;
    if (!p)
        return -EBADMSG;
    memcpy(chunk, &id, 4);
    memcpy(chunk + 4, p, 4);
    memcpy(chunk + 8, p + 8, 8);
    memcpy(chunk + 16, p + 4, 4);
    memcpy(chunk + 20, p + 16, 4);
    s->tsc = true;
    return xsi_give_bytes(g, chunk, sizeof(chunk));
}

static int give_id(struct xsi_give *g, int id)
{
    return xsi_give_le32(g, (uint32_t)id);
}

/* Up to 3.0 there is none: the reader takes vCPU 0. */
static int give_vcpu_info(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    struct legacy_map map;
    int rc = legacy_give_map(g, &map);

    if (rc || (legacy_given(vm) && !map.highest && !xsi_vm_find(vm, XSI_ITEM_VCPU_ONLINE, 0)))
        return rc;
    rc = give_id(g, -2);
    rc = rc ? rc : xsi_give_le32(g, (uint32_t)map.highest);
    for (int i = 0; !rc && i <= map.highest / 64; i++)
        rc = xsi_give_le64(g, map.word[i]);
    return rc;
}

static int give_param(struct xsi_give *g, int id, uint64_t value)
{
    int rc = give_id(g, id);

    rc = rc ? rc : xsi_give_le32(g, 0);
    return rc ? rc : xsi_give_le64(g, value);
}

static const struct xsi_item *param(const struct xsi_vm *vm, unsigned index)
{
    const struct xsi_item *item = xsi_vm_find(vm, XSI_ITEM_HVM_PARAM, index);

    return item && item->length == 8 && item->bytes ? item : NULL;
}

static int give_params(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    int rc = 0;

    for (const struct legacy_param_row *row = legacy_params; !rc && row->id; row++) {
        const struct xsi_item *item = param(vm, row->index);
        const struct xsi_item *sized = row->id == VM86_TSS_ID ? param(vm, TSS_SIZED) : NULL;

        if (!legacy_reader_knows(g, row->id))
            continue;
        if (item && xsi_le64(item->bytes))
            rc = give_param(g, row->id, xsi_le64(item->bytes));
        else if (sized)
            rc = give_param(g, row->id, xsi_le32(sized->bytes));
    }
    return rc;
}

/* Writers of 64 bits leave 4 bytes of a structure's padding behind each name. */
static int give_region(struct xsi_give *g, const struct legacy_region *r)
{
    uint32_t name = (uint32_t)strlen(r->name) + 1;
    int rc = xsi_give_le64(g, r->phys);

    rc = rc ? rc : xsi_give_le64(g, r->start);
    rc = rc ? rc : xsi_give_le64(g, r->size);
    rc = rc ? rc : xsi_give_le32(g, name);
    rc = rc ? rc : xsi_give_bytes(g, r->name, name);
    return rc ? rc : xsi_give_zeros(g, legacy_give_width(g) == 8 ? 4 : 0);
}

static int give_toolstack(struct xsi_give *g)
{
    const struct xsi_item *item = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_EMULATOR_STORE, 0);
    const uint8_t *p = item && item->length ? xsi_give_item_bytes(g, item) : NULL;
    struct legacy_region region[LEGACY_REGIONS];
    size_t count, others;
    uint32_t length = 8;
    int rc;

    if (!p)
        return item && item->length ? -EBADMSG : 0;
    count = legacy_regions(p, (size_t)item->length, region, &others);
    if (!count || !legacy_reader_knows(g, -18))
        return 0;
    for (size_t i = 0; i < count; i++)
        length += (legacy_give_width(g) == 8 ? 32 : 28) + (uint32_t)strlen(region[i].name) + 1;
    rc = give_id(g, -18);
    rc = rc ? rc : xsi_give_le32(g, length);
    rc = rc ? rc : xsi_give_le32(g, 1); /* version */
    rc = rc ? rc : xsi_give_le32(g, (uint32_t)count);
    for (size_t i = 0; !rc && i < count; i++)
        rc = give_region(g, &region[i]);
    return rc;
}

int legacy_give_chunks(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    int rc = legacy_give_tsc(g);

    rc = rc ? rc : give_vcpu_info(g);
    if (!rc && vm->guest != XSI_GUEST_PV)
        rc = give_params(g);
    rc = rc ? rc : give_toolstack(g);
    if (!rc && legacy_give_last(g))
        rc = give_id(g, -9);
    return rc ? rc : give_id(g, 0);
}
