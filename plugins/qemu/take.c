/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a device-model record means to a conversion. */
#include "give.h"
#include "qemu.h"

int qemu_take(struct xsi_take *t)
{
    const struct xsi_chunk *chunk = xsi_take_chunk(t);
    const struct qemu_state *s = xsi_take_layer(t)->state;
    size_t head = s->shape.head;

    if (chunk->flags & XSI_CHUNK_GAP || chunk->length <= head)
        return 0;
    xsi_take_vm(t)->emulator_layer = chunk->layer;
    return xsi_take_range(t, XSI_ITEM_EMULATOR, 0, head, chunk->length - head);
}
