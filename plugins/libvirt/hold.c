/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where libvirt's header keeps the XML: one length, the text behind the header. */
#include "../config/hold.h"

enum { HEADER_SIZE = 64, LENGTH_AT = 20 };

static bool libvirt_find(const struct config_chunks *c, struct xsi_config_held *held, size_t *from,
                         size_t *n)
{
    /* a transfer in text mode may have put bytes into the magic text */
    size_t shift = c->header_length - HEADER_SIZE;

    if (c->header_length < HEADER_SIZE)
        return false;
    *from = 0;
    held->syntax = XSI_CONFIG_XML;
    *n = c->config_length;
    held->word[0] = (struct xsi_config_word){ c->header_at + LENGTH_AT + shift, false,
                                              (uint32_t)c->config_length };
    held->words = 1;
    return true;
}

const struct config_holder libvirt_config_holder = { "libvirt", "CONFIG", libvirt_find };
