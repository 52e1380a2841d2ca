/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where xend keeps the S-expression: a big-endian length, the text behind it. */
#include "../config/hold.h"

enum { HEADER_SIZE = 20, LENGTH_AT = 16 };

static bool xend_find(const struct config_chunks *c, struct xsi_config_held *held, size_t *from,
                      size_t *n)
{
    if (c->header_length < HEADER_SIZE)
        return false;
    *from = 0;
    held->syntax = XSI_CONFIG_SXP;
    *n = c->config_length;
    held->word[0] =
        (struct xsi_config_word){ c->header_at + LENGTH_AT, true, (uint32_t)c->config_length };
    held->words = 1;
    return true;
}

const struct config_holder xend_config_holder = { "xend", "CONFIG", xend_find };
