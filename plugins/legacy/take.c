/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each chunk of a legacy stream means to a saved domain. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "take.h"

#define VGCF_ONLINE     0x20U /* in vcpu_guest_context.flags, xen/include/public/arch-x86/xen.h */
#define FLAGS_AT        512U
#define SEEN(s, nibble) ((s)->types & (1U << (nibble) | 1U << ((nibble) + 8)))

static const struct legacy *layer_state(const struct xsi_take *t)
{
    return xsi_take_layer(t)->state;
}

/* ---- the header ---- */

static int take_p2m_size(struct xsi_take *t)
{
    const struct legacy *l = layer_state(t);
    struct xsi_vm *vm = xsi_take_vm(t);

    vm->toolstack_bits = l->ul * 8;
    vm->version = 0;
    vm->guest = l->pv ? XSI_GUEST_PV : vm->guest == XSI_GUEST_PVH ? XSI_GUEST_PVH : XSI_GUEST_HVM;
    vm->p2m_size = l->p2m_size;
    vm->has_p2m_size = true;
    return 0;
}

/* A reader takes 4 or 3 levels from the block; a guest of 2 shows in its page tables only. */
static int take_header_vcpu(struct xsi_take *t)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    struct xsi_vm *vm = xsi_take_vm(t);
    uint64_t size = c->length - 8;

    if (c->length < 8 || (size != LEGACY_VCPU32 && size != LEGACY_VCPU64))
        return 0;
    vm->guest_bits = size == LEGACY_VCPU32 ? 32 : 64;
    if (!vm->pt_levels)
        vm->pt_levels = size == LEGACY_VCPU32 ? 3 : 4;
    return xsi_take_range(t, XSI_ITEM_PV_HEADER, 0, 8, size);
}

/* Words of the toolstack from byte `from` of the chunk on, as u64. */
static int take_words(struct xsi_take *t, enum xsi_item_kind kind, uint64_t from)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    uint64_t length = c->length > from ? c->length - from : 0;
    unsigned ul = layer_state(t)->ul;
    size_t n = (size_t)(length / 4), at = 0;
    uint64_t *word;
    int rc = 0;

    if (ul == 8)
        return xsi_take_range(t, kind, 0, from, length);
    if (length > LEGACY_BLOB_MAX / 2)
        return xsi_take_cannot(t, "%s of %" PRIu64 " bytes is longer than is held", c->type,
                               length);
    word = calloc(n + 1, sizeof(*word));
    if (!word)
        return -ENOMEM;
    while (!rc && at < n) {
        size_t part = n - at < 65536 ? n - at : 65536;
        const uint8_t *p = xsi_take_bytes(t, from + 4 * at, 4 * part);

        rc = p ? 0 : -EBADMSG;
        for (size_t i = 0; p && i < part; i++)
            word[at + i] = htole64(xsi_le32(p + 4 * i));
        at += part;
    }
    rc = rc ? rc : xsi_take_item(t, kind, 0, word, n * sizeof(*word));
    free(word);
    return rc;
}

static int take_frames(struct xsi_take *t)
{
    const struct legacy *l = layer_state(t);
    struct xsi_vm *vm = xsi_take_vm(t);

    /* without extended info the guest is as wide as the toolstack */
    vm->guest_bits = l->gw * 8;
    if (!vm->pt_levels && l->gw == 8)
        vm->pt_levels = 4;
    return take_words(t, XSI_ITEM_P2M_FRAMES, 0);
}

/* ---- the body ---- */

static int take_param(struct xsi_take *t)
{
    const uint8_t *p = xsi_take_bytes(t, 0, 16);
    unsigned index = legacy_param_of(xsi_take_chunk(t)->id);

    if (!p)
        return -EBADMSG;
    /* in a PV stream it sets nothing that a PV guest has; 0 is what a parameter is anyway */
    if (layer_state(t)->pv || !index || !xsi_le64(p + 8))
        return 0;
    return xsi_take_u64(t, XSI_ITEM_HVM_PARAM, index, xsi_le64(p + 8));
}

/* Here: mode, time, frequency, incarnation; in record X86_TSC_INFO the frequency comes second. */
static int take_tsc(struct xsi_take *t)
{
    const uint8_t *p = xsi_take_bytes(t, 0, 24);
    uint8_t record[24] = { 0 };

    if (!p)
        return -EBADMSG;
    memcpy(record, p + 4, 4);
    memcpy(record + 4, p + 16, 4);
    memcpy(record + 8, p + 8, 8);
    memcpy(record + 16, p + 20, 4);
    return xsi_take_item(t, XSI_ITEM_TSC, 0, record, sizeof(record));
}

static int take_vcpus(struct xsi_take *t)
{
    const struct legacy *l = layer_state(t);
    uint8_t map[LEGACY_VCPUS_MAX / 8];
    size_t words = l->max_vcpu / 64 + 1;

    if (words > LEGACY_VCPUS_MAX / 64)
        return -EBADMSG;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = htole64(l->map[i]);

        memcpy(map + 8 * i, &word, sizeof(word));
    }
    return xsi_take_item(t, XSI_ITEM_VCPU_ONLINE, l->max_vcpu, map, 8 * words);
}

static int take_chunk(struct xsi_take *t, const struct legacy_chunk_row *row)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);

    switch (row->body) {
    case BODY_PARAM:
        return take_param(t);
    case BODY_TSC:
        return take_tsc(t);
    case BODY_VCPUS:
        return take_vcpus(t);
    case BODY_TOOLSTACK:
        return legacy_take_toolstack(t);
    case BODY_COMPRESSED:
        return legacy_take_compressed(t);
    case BODY_TMEM:
    case BODY_TMEM_EXTRA:
        return xsi_take_range(t, XSI_ITEM_TMEM, row->body == BODY_TMEM_EXTRA, 0, c->length);
    case BODY_FLAG: /* verify mode: the pages that come again are what is there already */
        return row->type.id == -9 ? xsi_take_item(t, XSI_ITEM_LAST_CHECKPOINT, 0, NULL, 0) : 0;
    }
    return 0;
}

/* ---- the tail ---- */

/* A 32-bit guest without an L3 table has two levels, with 4-byte entries (up to Xen 4.2). */
static void settle_levels(struct xsi_take *t)
{
    const struct legacy_taken *s = xsi_take_state(t);
    struct xsi_vm *vm = xsi_take_vm(t);

    if (layer_state(t)->gw == 4)
        vm->pt_levels = !SEEN(s, 3) && SEEN(s, 2) ? 2 : 3;
}

static int take_vcpu(struct xsi_take *t)
{
    const struct legacy *l = layer_state(t);
    uint8_t context[LEGACY_VCPU64];
    const uint8_t *p;
    size_t n = legacy_vcpu_size(l);

    settle_levels(t);
    if (l->ever_map)
        return xsi_take_range(t, XSI_ITEM_VCPU_BASIC, l->shown_vcpu, 0, n);
    p = xsi_take_bytes(t, 0, n);
    if (!p)
        return -EBADMSG;
    memcpy(context, p, n); /* xc_domain_restore.c: without a map the reader sets it online itself */
    context[FLAGS_AT] |= VGCF_ONLINE;
    return xsi_take_item(t, XSI_ITEM_VCPU_BASIC, l->shown_vcpu, context, n);
}

static int take_xsave(struct xsi_take *t)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);

    return c->length <= 16 ? 0
                           : xsi_take_range(t, XSI_ITEM_VCPU_XSAVE, layer_state(t)->shown_vcpu, 16,
                                            c->length - 16);
}

static int take_magic(struct xsi_take *t)
{
    const uint8_t *p = xsi_take_bytes(t, 0, 8 * LEGACY_MAGIC);
    uint64_t value[LEGACY_MAGIC];
    int rc = 0;

    if (!p)
        return -EBADMSG;
    for (unsigned i = 0; i < LEGACY_MAGIC; i++)
        value[i] = xsi_le64(p + 8 * (size_t)i);
    for (unsigned i = 0; !rc && i < LEGACY_MAGIC; i++)
        if (value[i])
            rc = xsi_take_u64(t, XSI_ITEM_HVM_PARAM, legacy_magic_params[i], value[i]);
    return rc;
}

/* The last part of a tail. Behind LAST_CHECKPOINT nothing follows; an HVM guest's record does. */
static int complete(struct xsi_take *t, int rc)
{
    if (rc)
        return rc;
    xsi_take_checkpoint(t);
    if (layer_state(t)->last_checkpoint && layer_state(t)->pv)
        xsi_take_end(t);
    return 0;
}

/* ---- all of them ---- */

static int take_part(struct xsi_take *t, enum legacy_part part)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    const struct legacy *l = layer_state(t);

    switch (part) {
    case PART_P2M_SIZE:
        return take_p2m_size(t);
    case PART_EXT_VCPU:
        return take_header_vcpu(t);
    case PART_EXT_EXTV:
        return xsi_take_item(t, XSI_ITEM_EXTRA_CR3, 0, NULL, 0);
    case PART_EXT_XCNT:
        return c->length < 12 ? 0 : xsi_take_range(t, XSI_ITEM_XSAVE_SIZE, 0, 8, 4);
    case PART_P2M_FRAME_LIST:
        return take_frames(t);
    case PART_PAGES:
        return legacy_take_batch(t);
    case PART_END:
        return legacy_take_body_end(t);
    case PART_UNMAPPED_PFNS:
        return take_words(t, XSI_ITEM_UNMAPPED, 4);
    case PART_VCPU_CONTEXT:
        return take_vcpu(t);
    case PART_VCPU_EXTENDED:
        return xsi_take_range(t, XSI_ITEM_VCPU_EXTENDED, l->shown_vcpu, 0, LEGACY_EXTV);
    case PART_VCPU_XSAVE:
        return take_xsave(t);
    case PART_SHARED_INFO:
        return complete(t, xsi_take_range(t, XSI_ITEM_SHARED_INFO, 0, 0, XSI_PAGE_SIZE));
    case PART_MAGIC_PFNS:
        return take_magic(t);
    case PART_HVM_CONTEXT:
        return complete(t, xsi_take_range(t, XSI_ITEM_HVM_CONTEXT, 0, 4, c->length - 4));
    case PART_EXTENDED_INFO:
    case PART_EXT_BLOCK:
    case PART_COUNT:
        break;
    }
    return 0;
}

int legacy_take(struct xsi_take *t)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    const struct legacy_chunk_row *row = c->has_id && c->id ? legacy_chunk_row(c->id) : NULL;

    if ((c->flags & XSI_CHUNK_CUT) && c->row != &legacy_parts[PART_PAGES])
        return 0; /* the engine knows that this checkpoint did not come whole */
    if (row)
        return take_chunk(t, row);
    for (unsigned i = 0; i < PART_COUNT; i++)
        if (c->row == &legacy_parts[i])
            return take_part(t, (enum legacy_part)i);
    return 0;
}
