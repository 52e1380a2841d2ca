/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a legacy stream, as xc_domain_save() of Xen 4.1 to 4.5 does for a domain that is saved to
 * a file: header, batches, chunks, one tail. What the input's age did not have yet is left out.
 */
#include <errno.h>
#include <inttypes.h>

#include "writer.h"

unsigned legacy_give_width(const struct xsi_give *g)
{
    return xsi_give_writer(g)->variant / 8;
}

int legacy_give_ul(struct xsi_give *g, uint64_t v)
{
    return legacy_give_width(g) == 4 ? xsi_give_le32(g, (uint32_t)v) : xsi_give_le64(g, v);
}

int legacy_give_list(struct xsi_give *g, const struct xsi_item *item)
{
    const uint8_t *p;
    int rc = 0;

    if (legacy_give_width(g) == 8)
        return xsi_give_item(g, item);
    p = xsi_give_item_bytes(g, item);
    if (!p)
        return -EBADMSG;
    for (uint64_t at = 0; !rc && at + 8 <= item->length; at += 8) {
        uint64_t v = xsi_le64(p + at);

        rc = v > UINT32_MAX ? xsi_give_cannot(g, "frame 0x%" PRIx64 " of the %s does not fit", v,
                                              xsi_item_name(item->kind))
                            : xsi_give_le32(g, (uint32_t)v);
    }
    return rc;
}

static int begin(struct xsi_give *g)
{
    const struct xsi_item *tsc = xsi_vm_find(xsi_give_vm(g), XSI_ITEM_TSC, 0);
    int rc = legacy_give_header(g);

    /* in front of the pages, or of a live save behind them: where the input has it */
    return rc || !tsc || !tsc->early ? rc : legacy_give_tsc(g);
}

/* Entries without memory are left out: readers skip them, and a batch of nothing else is none. */
static int pages(struct xsi_give *g, const struct xsi_pages *p)
{
    struct legacy_written *s = xsi_give_state(g);
    unsigned ul = legacy_give_width(g);
    uint32_t n = 0;
    int rc;

    for (size_t i = 0; i < p->count && n < LEGACY_BATCH_MAX; i++) {
        const struct xsi_frame_entry *e = &p->entry[i];
        uint32_t word;

        if (e->type == LEGACY_XTAB)
            continue;
        if (e->pfn > LEGACY_PFN_MASK)
            return xsi_give_cannot(g, "frame 0x%" PRIx64 ": an entry has room for 28 bits", e->pfn);
        word = htole32((uint32_t)e->pfn | (uint32_t)e->type << 28);
        memset(s->entries + (size_t)n * ul, 0, ul);
        memcpy(s->entries + (size_t)n++ * ul, &word, sizeof(word));
    }
    if (!n)
        return 0;
    rc = xsi_give_le32(g, n);
    rc = rc ? rc : xsi_give_bytes(g, s->entries, (size_t)n * ul);
    return rc ? rc : xsi_give_pages(g, p);
}

static int end(struct xsi_give *g)
{
    int rc = legacy_give_chunks(g);

    return rc ? rc : legacy_give_tail(g);
}

const struct xsi_writer legacy_writers[] = {
    { .layer = "libxc-legacy64",
      .help = "memory stream of Xen 3.0 to 4.5, 64-bit toolstack",
      .kind = XSI_LAYER_STREAM,
      .variant = 64,
      .state_size = sizeof(struct legacy_written),
      .check = legacy_give_check,
      .begin = begin,
      .pages = pages,
      .end = end },
    { .layer = "libxc-legacy32",
      .help = "the same, 32-bit toolstack",
      .kind = XSI_LAYER_STREAM,
      .variant = 32,
      .state_size = sizeof(struct legacy_written),
      .check = legacy_give_check,
      .begin = begin,
      .pages = pages,
      .end = end },
    { 0 },
};
