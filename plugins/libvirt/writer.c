/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's container in a conversion. libvirt: src/libxl/libxl_driver.c:libxlDoDomainSave. */
#include "../config/carry.h"
#include "libvirt.h"

enum { VERSION_LEGACY = 1, VERSION_LIBXL = 2, RESERVED = 40 };

int libvirt_take(struct xsi_take *t)
{
    const struct xsi_chunk *chunk = xsi_take_chunk(t);

    return strcmp(chunk->type, "CONFIG") ? 0 : config_take(t, XSI_SYNTAX_LIBVIRT, 0, chunk->length);
}

static const enum xsi_syntax takes[] = { XSI_SYNTAX_LIBVIRT };

static int check(struct xsi_give *g)
{
    static const char *const inside[] = { "libxl-v2", "libxc-legacy64", "libxc-legacy32" };
    int rc = config_check_inside(g, inside, 3);

    if (!rc)
        rc = config_check_rest(g, true);
    return rc ? rc : config_text_check(g, takes, 1);
}

static int begin(struct xsi_give *g)
{
    const struct xsi_writer *inner = xsi_give_neighbour(g, false);
    bool v2 = inner && inner->kind == XSI_LAYER_MIDDLE;
    struct config_text text;
    int rc = config_text_get(g, takes, 1, &text);

    if (!rc)
        rc = xsi_give_bytes(g, LIBVIRT_MAGIC, LIBVIRT_MAGIC_SIZE);
    if (!rc)
        rc = xsi_give_le32(g, v2 ? VERSION_LIBXL : VERSION_LEGACY);
    if (!rc)
        rc = xsi_give_le32(g, (uint32_t)text.length + 1); /* the NUL is counted */
    if (!rc)
        rc = xsi_give_zeros(g, RESERVED);
    if (!rc)
        rc = xsi_give_bytes(g, text.bytes, text.length);
    if (!rc)
        rc = xsi_give_zeros(g, 1);
    config_text_free(&text);
    return rc;
}

const struct xsi_writer libvirt_writers[] = {
    { .layer = "libvirt",
      .help = "save file of libvirt's libxl driver",
      .kind = XSI_LAYER_CONTAINER,
      .inside = "libxl-v2>libxc-v3",
      .check = check,
      .begin = begin },
    { .layer = NULL },
};
