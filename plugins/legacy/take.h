/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The legacy stream on its way into the neutral model. */
#ifndef LEGACY_TAKE_H
#define LEGACY_TAKE_H

#include "../../lib/xsi_plugin_convert.h"
#include "legacy.h"

#define TAKE_QUEUE  65536U /* named pages whose data has not come: a sender holds 8192 back */
#define TAKE_GROUP  64U    /* expanded pages that are handed on together */
#define TAKE_WINDOW 65536U
#define TAKE_PAGE   6144U /* no encoding of a page is longer */

/* What is remembered from chunk to chunk. */
struct legacy_taken {
    uint32_t types; /* bit per type nibble that occurred */
    struct xsi_frame_entry batch[LEGACY_BATCH_MAX];

    /* Remus compression: entries as in the stream, in order, until their pages come */
    uint32_t queue[TAKE_QUEUE];
    uint32_t queue_at, queue_count;
    uint64_t unpacked; /* pages expanded in this checkpoint */
    struct xsi_frame_entry entry[2 * TAKE_GROUP];
    uint8_t page[TAKE_GROUP][XSI_PAGE_SIZE];
    size_t entries, pages; /* in the group */
    uint8_t window[TAKE_WINDOW];
};

/* ---- take.c ---- */
int legacy_take(struct xsi_take *t);

/* ---- take_pages.c ---- */
int legacy_take_batch(struct xsi_take *t);
int legacy_take_compressed(struct xsi_take *t);
/* The zero count: every page that was named must have come. */
int legacy_take_body_end(struct xsi_take *t);

/* ---- take_store.c ---- */
int legacy_take_toolstack(struct xsi_take *t);

#endif
