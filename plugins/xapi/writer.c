/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xapi's two containers in a conversion. What is written in which order: xen-api,
 * ocaml/xenopsd/xc/domain.ml:suspend; headers: ocaml/xenopsd/lib/suspend_image.ml.
 */
#include "../config/carry.h"
#include "../qemu/give.h"
#include "xapi.h"

/* xenopsd parses it and uses nothing of it; further members are optional
 * (suspend_image.ml:Xenops_record). */
#define XENOPS_RECORD "((time 19700101T00:00:00Z)(word_size 64))"

static bool classic(const struct xsi_give *g)
{
    return xsi_give_writer(g)->variant == XAPI_CLASSIC;
}

static int check(struct xsi_give *g)
{
    static const char *const old[] = { "libxc-legacy32", "libxc-legacy64" };
    static const char *const parts[] = { "libxc-v*", "libxc-legacy*" };
    const struct xsi_item *item;
    int rc = config_check_inside(g, classic(g) ? old : parts, 2);
    size_t i = 0;

    if (!rc && classic(g))
        rc = config_check_rest(g, false);
    if (!rc && !classic(g)) {
        if (xsi_vm_next(xsi_give_vm(g), XSI_ITEM_CONFIG, &i))
            xsi_give_note(g, "the configuration is left out: xapi keeps its own");
        if (xsi_vm_find(xsi_give_vm(g), XSI_ITEM_EMULATOR_STORE, 0) &&
            !xsi_give_options(g)->no_emulator)
            rc = xsi_give_drops(g, "what the device model keeps in xenstore (its physmap keys)");
    }
    return rc ? rc : qemu_give(g, XAPI_QEMU_MAX, &item);
}

static int header(struct xsi_give *g, uint64_t type, uint64_t length)
{
    int rc = xsi_give_le64(g, type);

    return rc ? rc : xsi_give_le64(g, length);
}

static int part(struct xsi_give *g, const struct xapi_part *row, const struct xsi_item *item)
{
    int rc = header(g, (uint64_t)row->type.id, row->body == BODY_OPAQUE ? 0 : item->length);

    return rc ? rc : xsi_give_item(g, item);
}

static int xenops(struct xsi_give *g)
{
    const struct xapi_part *row = xapi_part_row(XAPI_PART_XENOPS);
    const struct xsi_item *item = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_PART, XAPI_PART_XENOPS);
    const struct xsi_item own = { .bytes = (const uint8_t *)XENOPS_RECORD,
                                  .length = sizeof(XENOPS_RECORD) - 1 };

    return part(g, row, item ? item : &own);
}

static int begin(struct xsi_give *g)
{
    const struct xsi_writer *inner = xsi_give_neighbour(g, false);
    bool legacy = inner && !strncmp(inner->layer, "libxc-legacy", 12);
    int rc = xsi_give_bytes(g, xapi_signatures[xsi_give_writer(g)->variant], XAPI_SIGNATURE_SIZE);

    if (rc || classic(g))
        return rc;
    rc = xenops(g);
    return rc ? rc : header(g, legacy ? XAPI_PART_LEGACY : XAPI_PART_LIBXC, 0);
}

/* The rows are in the order of writing, the device model last. */
static int end(struct xsi_give *g)
{
    const struct xsi_item *item;
    int rc = 0;

    if (classic(g))
        return 0;
    for (const struct xapi_part *row = xapi_parts; !rc && row->body != BODY_NONE; row++) {
        item = row->rank > XAPI_RANK_STREAM
                   ? xsi_vm_find(xsi_give_vm(g), XSI_ITEM_PART, (uint64_t)row->type.id)
                   : NULL;
        rc = item ? part(g, row, item) : 0;
    }
    if (!rc)
        rc = qemu_give(g, XAPI_QEMU_MAX, &item);
    if (!rc && item)
        rc = part(g, xapi_part_row(XAPI_PART_QEMU), item);
    return rc ? rc : header(g, XAPI_PART_END, 0);
}

const struct xsi_writer xapi_writers[] = {
    { .layer = "xapi",
      .help = "suspend image of XenServer up to 6.5",
      .kind = XSI_LAYER_CONTAINER,
      .variant = XAPI_CLASSIC,
      .inside = "libxc-legacy32>qemu-xapi",
      .check = check,
      .begin = begin },
    { .layer = "xapi-v2",
      .help = "suspend image of xapi since 2014",
      .kind = XSI_LAYER_CONTAINER,
      .variant = XAPI_PARTS,
      .inside = "libxc-v3",
      .emulator = true,
      .check = check,
      .begin = begin,
      .end = end },
    { .layer = NULL },
};
