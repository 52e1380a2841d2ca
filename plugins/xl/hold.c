/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where xl's header keeps the configuration: two lengths, the text behind the second one. */
#include "../config/hold.h"
#include "xl.h"

static bool xl_find(const struct config_chunks *c, struct xsi_config_held *held, size_t *from,
                    size_t *n)
{
    struct xl_header h;
    struct xsi_cursor length = { c->config, c->config_length, false, false };

    if (!xl_header_parse(c->header, c->header_length, &h) || c->header_length < h.size)
        return false;
    length.big = h.order == XL_BIG;
    *n = xsi_u32(&length);
    if (length.short_read)
        return false;
    if (*n > length.left) /* a damaged length */
        *n = length.left;
    *from = 4;
    held->syntax = length.left && *length.at == '{' ? XSI_CONFIG_JSON : XSI_CONFIG_CFG;
    held->word[0] = (struct xsi_config_word){ c->header_at + h.size - 4, length.big,
                                              (uint32_t)c->config_length };
    held->word[1] = (struct xsi_config_word){ c->config_at, length.big, (uint32_t)*n };
    held->words = 2;
    return true;
}

const struct config_holder xl_config_holder = { "xl", "CONFIG", xl_find };
