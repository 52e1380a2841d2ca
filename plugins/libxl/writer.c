/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl's stream around a libxc stream. 4.17:libxl_stream_write.c; what comes of a legacy stream:
 * 4.17:convert-legacy-stream. */
#include "../config/carry.h"
#include "../qemu/give.h"
#include "libxl.h"

#define OPTION_LEGACY 2U
/* A record's length has 32 bits. What is longer than any device model's state is damage. */
#define STATE_MAX (256U << 20)

static int check(struct xsi_give *g)
{
    static const char *const inside[] = { "libxc-v*" };
    const struct xsi_item *item;
    int rc = config_check_inside(g, inside, 1);

    if (!rc)
        rc = config_check_rest(g, false);
    return rc ? rc : qemu_give(g, STATE_MAX, &item);
}

static int record(struct xsi_give *g, uint32_t type, uint32_t length)
{
    int rc = xsi_give_le32(g, type);

    return rc ? rc : xsi_give_le32(g, length);
}

/* Made from a legacy stream, now or by another converter: the domain header says release 0. */
static bool converted(const struct xsi_vm *vm)
{
    return !vm->version || !vm->xen_major;
}

static int begin(struct xsi_give *g)
{
    int rc = xsi_give_bytes(g, "LibxlFmt\0\0\0\2", 12);

    if (!rc)
        rc = xsi_give_be32(g, converted(xsi_give_vm(g)) ? OPTION_LEGACY : 0);
    return rc ? rc : record(g, LIBXL_LIBXC_CONTEXT, 0);
}

/* One of the device model's two records: its id, index 0, the bytes, padding. */
static int emulator(struct xsi_give *g, enum libxl_record type, uint32_t id,
                    const struct xsi_item *item)
{
    uint32_t length = 8 + (uint32_t)item->length;
    int rc = record(g, type, length);

    if (!rc)
        rc = xsi_give_le32(g, id);
    if (!rc)
        rc = xsi_give_le32(g, 0);
    if (!rc)
        rc = xsi_give_item(g, item);
    return rc ? rc : xsi_give_zeros(g, -length % 8);
}

/*
 * Only HVM guests have these records; libxl stops at them in another's stream (4.7 and later:
 * libxl_stream_read.c:process_record).
 */
static int end(struct xsi_give *g)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *store = xsi_vm_find(vm, XSI_ITEM_EMULATOR_STORE, 0), *state;
    bool wanted = vm->guest != XSI_GUEST_PV && vm->guest != XSI_GUEST_PVH &&
                  !xsi_give_options(g)->no_emulator;
    int rc = qemu_give(g, STATE_MAX, &state);

    if (!rc && store && wanted)
        rc = emulator(g, LIBXL_XENSTORE_DATA, state ? (uint32_t)state->id : 0, store);
    if (!rc && state)
        rc = emulator(g, LIBXL_EMULATOR_CONTEXT, (uint32_t)state->id, state);
    return rc ? rc : record(g, LIBXL_END, 0);
}

const struct xsi_writer libxl_writers[] = {
    { .layer = LIBXL_LAYER,
      .help = "libxl's stream (Xen 4.6 and later)",
      .kind = XSI_LAYER_MIDDLE,
      .inside = "libxc-v3",
      .emulator = true,
      .check = check,
      .begin = begin,
      .end = end },
    { .layer = NULL },
};
