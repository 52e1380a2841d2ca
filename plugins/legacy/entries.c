/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PFN entries of a batch, one by one, with the place of each page. */
#include "legacy.h"

static const char *const type_names[16] = {
    "NOTAB",     "L1TAB",     "L2TAB",     "L3TAB",     "L4TAB",     "TYPE5",  "TYPE6",  "TYPE7",
    "NOTAB_PIN", "L1TAB_PIN", "L2TAB_PIN", "L3TAB_PIN", "L4TAB_PIN", "BROKEN", "XALLOC", "XTAB",
};

ssize_t legacy_entries(struct xsi_walk *w, const struct xsi_layer *l, const struct xsi_chunk *c,
                       uint64_t first, size_t max, struct xsi_page_entry *out)
{
    const struct legacy *s = l->state;
    size_t have, n = 0;
    const uint8_t *p = xsi_peek(w, c->offset, (size_t)c->meta, &have);
    uint64_t data = c->offset + c->meta;

    if (first >= c->entries)
        return 0;
    for (uint64_t i = 0; i < c->entries && n < max; i++) {
        size_t at = 4 + (size_t)i * s->ul;
        uint32_t word;
        bool carries;

        if (at + s->ul > have)
            break;
        word = xsi_le32(p + at);
        carries = word >> 28 < LEGACY_BROKEN && !s->compress && c->pages;
        if (carries && data + XSI_PAGE_SIZE > c->offset + c->length)
            break;
        if (i >= first) {
            out[n].pfn = word & LEGACY_PFN_MASK;
            out[n].type = word >> 28;
            out[n].type_name = type_names[word >> 28];
            out[n].data = carries ? data : 0;
            n++;
        }
        data += carries ? XSI_PAGE_SIZE : 0;
    }
    return (ssize_t)n;
}
