/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libxl's records mean to a conversion: the device model's, the libxc stream is another's. */
#include <errno.h>

#include "libxl.h"

enum { EMULATOR_HEAD = LIBXL_RHDR_SIZE + 8 }; /* the record's header, emulator id, index */

int libxl_take(struct xsi_take *t)
{
    const struct xsi_chunk *chunk = xsi_take_chunk(t);
    const struct libxl_records *r = xsi_take_layer(t)->state;
    struct xsi_cursor c = { .left = EMULATOR_HEAD, .big = r->big };
    uint64_t length, there;
    uint32_t id;

    if (!chunk->has_id || chunk->length <= EMULATOR_HEAD ||
        (chunk->id != LIBXL_XENSTORE_DATA && chunk->id != LIBXL_EMULATOR_CONTEXT))
        return 0;
    c.at = xsi_take_bytes(t, 0, EMULATOR_HEAD);
    if (!c.at)
        return -EBADMSG;
    xsi_skip(&c, 4);
    length = xsi_u32(&c);
    id = xsi_u32(&c);
    there = chunk->length - EMULATOR_HEAD; /* with the padding, or cut off */
    if (length <= 8)
        return 0;
    length = length - 8 < there ? length - 8 : there;
    if (chunk->id == LIBXL_XENSTORE_DATA)
        return xsi_take_range(t, XSI_ITEM_EMULATOR_STORE, 0, EMULATOR_HEAD, length);
    return xsi_take_range(t, XSI_ITEM_EMULATOR, id, EMULATOR_HEAD, length);
}
