/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container's folder tells of the place of its configuration. */
#ifndef PLUGINS_CONFIG_HOLD_H
#define PLUGINS_CONFIG_HOLD_H

#include "change.h"
#include "config.h"

/* The chunks in front of the stream, as the walk gave them out. */
struct config_chunks {
    const uint8_t *header;
    size_t header_length;
    uint64_t header_at;
    const uint8_t *config;
    size_t config_length;
    uint64_t config_at;
};

struct config_holder {
    const char *layer, *chunk; /* the chunk type that holds the text */
    /* Bytes of the chunk in front of the text, and at most how many are text; words of the header
     * with what each counts in all (as `over`). False: the header is not all there. */
    bool (*find)(const struct config_chunks *c, struct xsi_config_held *held, size_t *from,
                 size_t *n);
};
extern const struct config_holder xl_config_holder, libvirt_config_holder, xend_config_holder;

#endif
