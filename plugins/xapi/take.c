/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of a xapi-v2 image mean to a conversion. The classic container says nothing. */
#include "xapi.h"

int xapi_take(struct xsi_take *t)
{
    const struct xsi_chunk *chunk = xsi_take_chunk(t);
    const struct xapi_part *part = chunk->has_id ? xapi_part_row((uint64_t)chunk->id) : NULL;
    uint64_t n = chunk->length - XAPI_PART_HEADER;

    if (!part || chunk->length <= XAPI_PART_HEADER || part->body == BODY_STREAM)
        return 0;
    if (part->rank == XAPI_RANK_QEMU)
        return xsi_take_range(t, XSI_ITEM_EMULATOR, 0, XAPI_PART_HEADER, n);
    return xsi_take_range(t, XSI_ITEM_PART, (uint64_t)chunk->id, XAPI_PART_HEADER, n);
}
