/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl's header around libxl's stream (4.6 and later) or a legacy one. The flags say what stands in
 * the optional data and behind it, so that either syntax goes with either stream: 4.5 and later
 * read both (4.17:xl_vmcontrol.c:create_domain).
 */
#include "../config/carry.h"
#include "xl.h"

#define BYTE_ORDER_WORD 0x01020304U

static bool v2_inside(const struct xsi_give *g)
{
    const struct xsi_writer *inner = xsi_give_neighbour(g, false);

    return inner && inner->kind == XSI_LAYER_MIDDLE;
}

/* Both syntaxes. What another toolstack's configuration becomes comes first. */
static const enum xsi_syntax *takes(const struct xsi_give *g)
{
    static const enum xsi_syntax now[] = { XSI_SYNTAX_JSON, XSI_SYNTAX_XL };
    static const enum xsi_syntax then[] = { XSI_SYNTAX_XL, XSI_SYNTAX_JSON };

    return v2_inside(g) ? now : then;
}

static int check(struct xsi_give *g)
{
    static const char *const inside[] = { "libxl-v2", "libxc-legacy64", "libxc-legacy32" };
    int rc = config_check_inside(g, inside, 3);

    if (!rc)
        rc = config_check_rest(g, true);
    return rc ? rc : config_text_check(g, takes(g), 2);
}

static int put(struct xsi_give *g, uint32_t flags, const struct config_text *text)
{
    bool json = text->syntax == XSI_SYNTAX_JSON; /* its NUL is counted */
    uint32_t length = (uint32_t)text->length + json;
    const uint32_t words[] = { BYTE_ORDER_WORD, flags | (json ? XL_FLAG_JSON : 0), 0, 4 + length,
                               length };
    int rc = xsi_give_bytes(g, XL_MAGIC, XL_MAGIC_SIZE);

    for (size_t i = 0; !rc && i < sizeof(words) / sizeof(words[0]); i++)
        rc = xsi_give_le32(g, words[i]);
    if (!rc)
        rc = xsi_give_bytes(g, text->bytes, text->length);
    return rc ? rc : xsi_give_zeros(g, json);
}

static int begin(struct xsi_give *g)
{
    struct config_text text;
    int rc = config_text_get(g, takes(g), 2, &text);

    if (!rc)
        rc = put(g, v2_inside(g) ? XL_FLAG_STREAM_V2 : 0, &text);
    config_text_free(&text);
    return rc;
}

const struct xsi_writer xl_writers[] = {
    { .layer = "xl",
      .help = "xl save file; with a libxc-legacy64 stream inside as Xen 4.1 to 4.5 have it",
      .kind = XSI_LAYER_CONTAINER,
      .inside = "libxl-v2>libxc-v3",
      .check = check,
      .begin = begin },
    { .layer = NULL },
};
