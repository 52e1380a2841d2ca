/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xend's container in a conversion. 4.4:XendCheckpoint.py:save. */
#include "../config/carry.h"
#include "xend.h"

int xend_take(struct xsi_take *t)
{
    const struct xsi_chunk *chunk = xsi_take_chunk(t);

    return strcmp(chunk->type, "CONFIG") ? 0 : config_take(t, XSI_SYNTAX_SXP, 0, chunk->length);
}

static const enum xsi_syntax takes[] = { XSI_SYNTAX_SXP };

static int check(struct xsi_give *g)
{
    static const char *const inside[] = { "libxc-legacy64", "libxc-legacy32" };
    int rc = config_check_inside(g, inside, 2);

    if (!rc)
        rc = config_check_rest(g, true);
    return rc ? rc : config_text_check(g, takes, 1);
}

static int begin(struct xsi_give *g)
{
    struct config_text text;
    int rc = config_text_get(g, takes, 1, &text);

    if (!rc)
        rc = xsi_give_bytes(g, XEND_SIGNATURE, XEND_SIGNATURE_SIZE);
    if (!rc)
        rc = xsi_give_be32(g, (uint32_t)text.length);
    if (!rc)
        rc = xsi_give_bytes(g, text.bytes, text.length);
    config_text_free(&text);
    return rc;
}

const struct xsi_writer xend_writers[] = {
    { .layer = "xend",
      .help = "xend's save file (Xen 3.0 to 4.4)",
      .kind = XSI_LAYER_CONTAINER,
      .inside = "libxc-legacy64>qemu-trad",
      .check = check,
      .begin = begin },
    { .layer = NULL },
};
