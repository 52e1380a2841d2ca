/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device-model records behind a legacy stream, in the forms that toolstacks wrote. */
#include <inttypes.h>

#include "give.h"
#include "qemu.h"

#define XAPI_MAX (1U << 20) /* xenopsd reads no more: suspend_image.ml, domain.ml */

enum length { LENGTH_NONE, LENGTH_LITTLE, LENGTH_BIG };

static const struct {
    const char *signature; /* in front of the length */
    enum length length;
    uint64_t max;
} forms[] = {
    /* 4.4:XendCheckpoint.py:save */
    [QEMU_TRAD] = { "QemuDeviceModelRecord", LENGTH_NONE, QEMU_SIZE_SANE },
    /* 4.1:libxl_dom.c:libxl__domain_save_device_model */
    [QEMU_XEN] = { "DeviceModelRecord0002", LENGTH_LITTLE, QEMU_SIZE_SANE },
    /* 4.5:xc_domain_restore.c:buffer_tail_hvm */
    [QEMU_REMUS] = { "RemusDeviceModelState", LENGTH_LITTLE, QEMU_SIZE_SANE },
    /* xen-api: suspend_image.ml:read_legacy_qemu_header */
    [QEMU_XAPI] = { "QemuDeviceModelRecord\n", LENGTH_BIG, XAPI_MAX },
    [QEMU_LE] = { "QemuDeviceModelRecord", LENGTH_LITTLE, QEMU_SIZE_SANE },
};

int qemu_give(struct xsi_give *g, uint64_t max, const struct xsi_item **out)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *item, *last = NULL;
    size_t i = 0;

    *out = NULL;
    while ((item = xsi_vm_next(vm, XSI_ITEM_EMULATOR, &i)))
        last = item;
    if (!last || xsi_give_options(g)->no_emulator)
        return 0;
    if (vm->guest == XSI_GUEST_PV || vm->guest == XSI_GUEST_PVH) {
        xsi_give_note(g,
                      "the device model's state at 0x%" PRIx64 " is left out: a %s guest has no "
                      "device model, and its restore stops at one",
                      last->offset, vm->guest == XSI_GUEST_PV ? "PV" : "PVH");
        return 0;
    }
    if (last->length > max)
        return xsi_give_drops(g,
                              "the device model's state at 0x%" PRIx64 ": it has %" PRIu64
                              " bytes, and its readers take %" PRIu64 " at most",
                              last->offset, last->length, max);
    *out = last;
    return 0;
}

static int check_record(struct xsi_give *g)
{
    const struct xsi_item *item;

    return qemu_give(g, forms[xsi_give_writer(g)->variant].max, &item);
}

static int begin_record(struct xsi_give *g)
{
    unsigned form = xsi_give_writer(g)->variant;
    const struct xsi_item *item;
    int rc = qemu_give(g, forms[form].max, &item);

    if (rc || !item)
        return rc;
    rc = xsi_give_bytes(g, forms[form].signature, strlen(forms[form].signature));
    if (!rc && forms[form].length == LENGTH_LITTLE)
        rc = xsi_give_le32(g, (uint32_t)item->length);
    else if (!rc && forms[form].length == LENGTH_BIG)
        rc = xsi_give_be32(g, (uint32_t)item->length);
    return rc ? rc : xsi_give_item(g, item);
}

#define RECORD(name, form, text)                                                        \
    {                                                                                   \
        .layer = (name), .help = (text), .kind = XSI_LAYER_EMULATOR, .variant = (form), \
        .check = check_record, .begin = begin_record                                    \
    }

/* clang-format off */
const struct xsi_writer qemu_writers[] = {
    RECORD("qemu-trad", QEMU_TRAD, "device-model record without a length, as xend wrote it"),
    RECORD("qemu-xen", QEMU_XEN, "device-model record of libxl 4.1 to 4.5"),
    RECORD("qemu-remus", QEMU_REMUS, "device-model record of a Remus checkpoint"),
    RECORD("qemu-xapi", QEMU_XAPI, "device-model record of XenServer"),
    RECORD("qemu-le", QEMU_LE, "device-model record with a little-endian length"),
    { .layer = NULL },
};
/* clang-format on */
