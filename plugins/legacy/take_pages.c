/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches into the neutral model. From the second checkpoint of a compressed Remus stream on a
 * batch only names frames; the pages come behind, as differences to what the receiver has.
 */
#include <errno.h>
#include <inttypes.h>

#include "take.h"

/*
 * The entry as others understand it. Types 5 to 7 do not exist, and a pin on a plain page means
 * nothing (xc_domain_restore.c@3.0 to 4.5 pins page tables only): plain pages.
 */
static struct xsi_frame_entry entry_of(uint32_t word)
{
    uint8_t type = (uint8_t)(word >> 28);

    return (struct xsi_frame_entry){ word & LEGACY_PFN_MASK, type >= 5 && type <= 8 ? 0 : type };
}

/* ---- plain batches ---- */

/*
 * A frame without memory is skipped by readers whatever the low bits say: for PV those are machine
 * frames (up to 3.4), since 4.0 or 4.1 nothing; for HVM they name the frame up to 4.0.
 */
static bool names_frame(const struct legacy *l, uint64_t pfn)
{
    return !l->pv && pfn && pfn < l->p2m_size;
}

/* Entries with their pages; of a batch that is cut, those whose page is there. */
static int plain(struct xsi_take *t, const uint8_t *p, size_t count, unsigned ul)
{
    const struct legacy *l = xsi_take_layer(t)->state;
    const struct xsi_chunk *c = xsi_take_chunk(t);
    struct legacy_taken *s = xsi_take_state(t);
    uint64_t room = c->length > c->meta ? (c->length - c->meta) / XSI_PAGE_SIZE : 0;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        struct xsi_frame_entry e = entry_of(xsi_le32(p + i * ul));

        s->types |= 1U << (xsi_le32(p + i * ul) >> 28);
        if (e.type == LEGACY_XTAB && !names_frame(l, e.pfn))
            continue;
        if (xsi_frame_carries(e.type) && !room--)
            break;
        s->batch[n++] = e;
    }
    return n ? xsi_take_pages(t, s->batch, n, c->meta) : 0;
}

/* Named now, sent later. */
static int queue(struct xsi_take *t, const uint8_t *p, size_t count, unsigned ul)
{
    struct legacy_taken *s = xsi_take_state(t);

    for (size_t i = 0; i < count; i++) {
        uint32_t word = xsi_le32(p + i * ul);

        s->types |= 1U << (word >> 28);
        if (word >> 28 == LEGACY_XTAB)
            continue;
        if (s->queue_count == TAKE_QUEUE)
            return xsi_take_cannot(t,
                                   "%u frames are named, and none of their compressed pages has "
                                   "come",
                                   TAKE_QUEUE);
        s->queue[(s->queue_at + s->queue_count++) % TAKE_QUEUE] = word;
    }
    return 0;
}

int legacy_take_batch(struct xsi_take *t)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    const struct legacy *l = xsi_take_layer(t)->state;
    size_t count = c->entries <= LEGACY_BATCH_MAX ? (size_t)c->entries : LEGACY_BATCH_MAX;
    const uint8_t *p;
    int rc = l->compress ? xsi_take_keep_pages(t) : 0;

    if (rc || c->length < 4 + count * l->ul) /* the image ends among its entries */
        return rc;
    p = xsi_take_bytes(t, 4, count * l->ul);
    if (!p)
        return -EBADMSG;
    return l->compress ? queue(t, p, count, l->ul) : plain(t, p, count, l->ul);
}

/* ---- compressed pages ---- */

static int flush(struct xsi_take *t)
{
    struct legacy_taken *s = xsi_take_state(t);
    int rc = s->entries ? xsi_take_pages_made(t, s->entry, s->entries, s->page[0]) : 0;

    s->entries = s->pages = 0;
    return rc;
}

/* Pass on entries without a page in front of the next page's; false: no page is expected. */
static bool next_entry(struct legacy_taken *s, struct xsi_frame_entry *e)
{
    while (s->queue_count) {
        *e = entry_of(s->queue[s->queue_at]);
        if (!xsi_frame_carries(e->type) && s->entries == 2 * TAKE_GROUP - 1)
            return true; /* the group is full: flush first */
        s->queue_at = (s->queue_at + 1) % TAKE_QUEUE;
        s->queue_count--;
        if (xsi_frame_carries(e->type))
            return true;
        s->entry[s->entries++] = *e;
    }
    return false;
}

/* The page as the receiver has it: perhaps it was expanded a moment ago. */
static bool base_page(struct xsi_take *t, uint64_t pfn, uint8_t *out)
{
    const struct legacy_taken *s = xsi_take_state(t);
    size_t page = s->pages;

    for (size_t i = s->entries; i-- > 0;) {
        if (!xsi_frame_carries(s->entry[i].type))
            continue;
        page--;
        if (s->entry[i].pfn != pfn)
            continue;
        memcpy(out, s->page[page], XSI_PAGE_SIZE);
        return true;
    }
    return xsi_take_page(t, pfn, out);
}

/* Runs of an encoded page that legacy_packed_page() found whole, over the page that is there. */
static void apply(uint8_t *page, const uint8_t *p)
{
    for (size_t at = 0; at < XSI_PAGE_SIZE;) {
        size_t run = (size_t)(*p & 0x7f) * 4;
        bool skip = *p++ & 0x80;

        if (!skip) {
            memcpy(page + at, p, run);
            p += run;
        }
        at += run;
    }
}

/* One page from its encoding at p, into the group. */
static int expand(struct xsi_take *t, const uint8_t *p)
{
    struct legacy_taken *s = xsi_take_state(t);
    struct xsi_frame_entry e = { 0 };
    int rc = 0;

    do {
        if (s->pages == TAKE_GROUP || s->entries >= 2 * TAKE_GROUP - 1)
            rc = flush(t);
        if (rc)
            return rc;
        if (!next_entry(s, &e))
            return xsi_take_cannot(t, "there are more compressed pages than frames were named");
    } while (!xsi_frame_carries(e.type));
    if (xsi_take_survey(t))
        ; /* counted only */
    else if (p[0] == 0x80)
        memcpy(s->page[s->pages], p + 1, XSI_PAGE_SIZE);
    else if (!base_page(t, e.pfn, s->page[s->pages]))
        return xsi_take_cannot(t,
                               "frame 0x%" PRIx64 " comes as a difference to a page that was "
                               "never sent",
                               e.pfn);
    else if (p[0])
        apply(s->page[s->pages], p);
    s->entry[s->entries++] = e;
    s->pages++;
    s->unpacked++;
    return 0;
}

/* Encoded pages in the window; *used: bytes of them, whole pages only. */
static int expand_window(struct xsi_take *t, size_t n, bool last, size_t *used)
{
    const struct legacy_taken *s = xsi_take_state(t);
    const char *why = "";
    size_t at = 0, length;
    int rc = 0;

    while (!rc && at < n && (last || n - at >= TAKE_PAGE)) {
        length = legacy_packed_page(s->window + at, n - at, &why);
        if (!length)
            return xsi_take_cannot(t,
                                   "compressed page %" PRIu64 " of this checkpoint is not "
                                   "decodable: %s",
                                   s->unpacked, why);
        rc = expand(t, s->window + at);
        at += length;
    }
    *used = at;
    return rc;
}

int legacy_take_compressed(struct xsi_take *t)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    struct legacy_taken *s = xsi_take_state(t);
    uint64_t from = c->meta;
    int rc = 0;

    while (!rc && from < c->length) {
        uint64_t left = c->length - from;
        size_t n = left < TAKE_WINDOW ? (size_t)left : TAKE_WINDOW, used = 0;
        const uint8_t *p = xsi_take_bytes(t, from, n);

        if (!p)
            return -EBADMSG;
        memcpy(s->window, p, n); /* further calls may take p away */
        rc = expand_window(t, n, n == left, &used);
        from += used;
    }
    return rc ? rc : flush(t);
}

int legacy_take_body_end(struct xsi_take *t)
{
    struct legacy_taken *s = xsi_take_state(t);
    struct xsi_frame_entry e;
    int rc = 0;

    s->unpacked = 0;
    while (!rc && s->queue_count) {
        if (next_entry(s, &e) && xsi_frame_carries(e.type))
            return xsi_take_cannot(t, "the compressed page of frame 0x%" PRIx64 " did not come",
                                   e.pfn);
        rc = flush(t);
    }
    return rc ? rc : flush(t);
}
