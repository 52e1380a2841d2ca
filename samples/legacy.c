/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The legacy libxc stream, as the writers of Xen 3.0 to 4.5 differ from each other. */
#include <string.h>

#include "xsgen.h"

static bool asked(uint64_t choice, bool normal)
{
    return choice == 2 ? normal : choice == 1;
}

/* ------------------------------------------------------------------ header ---- */

static void ext_block(struct image *g, const char *type, const char *id, uint32_t size)
{
    row_begin(g, type, NO_ID);
    put_text(g, id);
    put32(g, size);
}

static void ext_info(struct image *g)
{
    const struct recipe *r = g->r;
    uint32_t context = guest_width(r) == 8 ? 5168 : 2800;
    bool extv = r->era >= ERA(3, 2, 0), xcnt = r->era >= ERA(4, 1, 0) && r->xsave.n;

    row_begin(g, "EXTENDED_INFO", NO_ID);
    put_ul(g, UINT64_MAX);
    put32(g, 8 + context + (extv ? 8 : 0) + (xcnt ? 12 : 0));
    row_end(g, 0);
    ext_block(g, "EXT_VCPU", "vcpu", context);
    put_vcpu_context(g, 0, true);
    row_end(g, 0);
    if (extv) {
        ext_block(g, "EXT_EXTV", "extv", 0);
        row_end(g, 0);
    }
    if (xcnt) {
        ext_block(g, "EXT_XCNT", "xcnt", 4);
        put32(g, (uint32_t)r->xsave.at[0] + 16);
        row_end(g, 0);
    }
}

static void pv_header(struct image *g)
{
    const struct recipe *r = g->r;
    unsigned width = r->era < ERA(3, 2, 0) ? (unsigned)r->width / 8 : guest_width(r), per, i;
    bool early = r->era >= ERA(3, 0, 3) && r->guest == GUEST_PV32 && r->pae_cr3;

    if (asked(r->ext, r->era >= ERA(3, 2, 0) || early))
        ext_info(g);
    per = PAGE / width;
    row_begin(g, "P2M_FRAME_LIST", NO_ID);
    for (i = 0; i < (p2m_size(r) + per - 1) / per; i++)
        put_ul(g, p2m_frame(r, i));
    row_end(g, 0);
}

static void tsc_info(struct image *g)
{
    if (!asked(g->r->tsc, g->r->era >= ERA(4, 0, 0)))
        return;
    row_begin(g, "TSC_INFO", -7);
    put32(g, (uint32_t)-7);
    put32(g, (uint32_t)param_of(g->r, -7, 0));
    put64(g, 123456789012ULL);
    put32(g, 2400000);
    put32(g, 1);
    row_end(g, 0);
}

/* ------------------------------------------------------------------ batches ---- */

struct batch {
    unsigned n, data, mapped;
    uint32_t version;
    bool squeezed;
    uint64_t pfn[BATCH_MAX];
    unsigned type[BATCH_MAX];
};

/* The low bits of an entry without page are an accident of each era. */
static uint64_t entry(const struct recipe *r, uint64_t pfn, unsigned type)
{
    if (type != TYPE_XTAB)
        return (uint64_t)type << 28 | pfn;
    if (is_pv(r))
        return 0xF0000000 | (r->era < ERA(4, 0, 0) ? (pfn * 7 + 0x12345) & 0xFFFFFFF : 0);
    return 0xF0000000 | (r->era < ERA(4, 1, 0) ? pfn : 0);
}

static bool is_plain_run(const struct recipe *r, const struct batch *b)
{
    unsigned i;

    for (i = 0; i < b->n; i++)
        if (b->type[i] || b->pfn[i] != b->pfn[0] + i)
            return false;
    return r->sparse && !b->squeezed;
}

static void batch_flush(struct image *g, struct batch *b)
{
    const struct recipe *r = g->r;
    bool drop = r->era >= (is_pv(r) ? ERA(4, 1, 0) : ERA(3, 4, 0));
    unsigned i, n = b->n, data = b->data, mapped = b->mapped;

    b->data = b->mapped = 0;
    if (n == 0 || (mapped == 0 && drop)) {
        b->n = 0;
        return;
    }
    row_begin(g, "PAGES", NO_ID);
    if (is_plain_run(r, b)) {
        put_batch(g, b->pfn[0], n, r->width == 32 ? BATCH_LEGACY32 : BATCH_LEGACY64);
        put_zeros(g, (uint64_t)n * PAGE);
    } else {
        put32(g, n);
        for (i = 0; i < n; i++)
            put_ul(g, entry(r, b->pfn[i], b->type[i]));
        for (i = 0; i < n && !b->squeezed; i++)
            if (b->type[i] < TYPE_BROKEN)
                put_page(g, b->pfn[i], b->version);
    }
    row_end(g, data);
    b->n = 0;
}

static void batch_add(struct image *g, struct batch *b, uint64_t pfn, unsigned type)
{
    b->pfn[b->n] = pfn;
    b->type[b->n++] = type;
    b->data += type < TYPE_BROKEN;
    b->mapped += type != TYPE_XTAB;
    if (b->n == g->r->batch)
        batch_flush(g, b);
}

/* The order of 3.0 to 3.2: the frame number's bits rotated by ten, until it is in range. */
static uint64_t permuted(uint64_t i, uint64_t size)
{
    unsigned bits = 0;
    uint64_t v;

    for (v = size - 1; v; v >>= 1)
        bits++;
    if (bits <= 10)
        return i; /* the rotation has no effect on so few */
    do
        i = (i >> (bits - 10) | i << 10) & ((1ULL << bits) - 1);
    while (i >= size);
    return i;
}

static bool sent(const struct recipe *r, uint64_t pfn)
{
    /* 3.1 to 3.3 leave the VGA hole out; the others name it as having no page. */
    return is_pv(r) || r->era >= ERA(3, 4, 0) || pfn < 0xA0 || pfn >= 0xC0;
}

static void pass(struct image *g, unsigned number_of_pass)
{
    const struct recipe *r = g->r;
    bool allocate = r->era >= ERA(4, 2, 0) && !is_pv(r) && number_of_pass == 0;
    struct batch b = { .version = number_of_pass };
    uint64_t i, taken = 0, size = p2m_size(r);

    for (i = 0; i < size; i++) {
        uint64_t pfn = r->era < ERA(3, 3, 0) ? permuted(i, size) : i;

        if (!sent(r, pfn) || !in_pass(r, pfn, number_of_pass, &taken))
            continue;
        if (number_of_pass == 0 && is_hot(r, pfn)) {
            if (allocate) /* no use in sending it yet: just a place */
                batch_add(g, &b, pfn, TYPE_XALLOC);
            continue;
        }
        batch_add(g, &b, pfn, page_type(r, pfn));
    }
    batch_flush(g, &b);
}

/* ------------------------------------------------------------------ checkpoints ---- */

/* One page against the version that the receiver has: runs of words to skip and to copy. */
static void squeeze(struct image *g, uint64_t pfn, uint32_t version, bool full)
{
    unsigned word, at = 0;
    uint8_t page[PAGE];

    if (full || (page_type(g->r, pfn) & 7)) {
        put8(g, 0x80);
        put_page(g, pfn, version);
        return;
    }
    if (!page_delta_word(pfn, version, &word)) {
        put8(g, 0);
        return;
    }
    page_fill(g->r, pfn, version, page);
    while (at < PAGE / 4) {
        unsigned until = at <= word ? word : PAGE / 4;
        unsigned run = until - at > 127 ? 127 : until - at;

        if (run == 0) {
            put8(g, 1);
            put(g, page + 4 * word, 4);
            at++;
        } else {
            put8(g, (uint8_t)(0x80 | run));
            at += run;
        }
    }
}

static uint64_t squeezed_size(const struct image *g, const struct batch *b, bool full)
{
    struct image scratch = { .r = g->r };
    unsigned i;

    for (i = 0; i < b->n; i++)
        squeeze(&scratch, b->pfn[i], b->version, full);
    image_free(&scratch);
    return scratch.size;
}

/* A later checkpoint: the pages that are dirtied again and again, as in the last live pass. */
static void dirty_pages(struct image *g, unsigned checkpoint)
{
    const struct recipe *r = g->r;
    struct batch b = { .version = r->live.n + checkpoint, .squeezed = r->compress };
    struct batch again;
    uint64_t pfn, taken = 0;
    bool full = checkpoint == 1;
    unsigned i;

    for (pfn = 0; pfn < p2m_size(r) && b.n < 1023; pfn++)
        if (in_pass(r, pfn, r->live.n, &taken))
            batch_add(g, &b, pfn, page_type(r, pfn));
    again = b;
    batch_flush(g, &b);
    if (!r->compress)
        return;
    row_begin(g, "COMPRESSED_DATA", -12);
    put32(g, (uint32_t)-12);
    put_ul(g, squeezed_size(g, &again, full));
    for (i = 0; i < again.n; i++)
        squeeze(g, again.pfn[i], again.version, full);
    row_end(g, again.data);
}

static void first_body(struct image *g)
{
    const struct recipe *r = g->r;
    unsigned i;

    if (r->tmem.n)
        legacy_tmem(g);
    if (r->live.n == 0)
        tsc_info(g);
    for (i = 0; i <= r->live.n; i++) {
        if (i && i == r->live.n) {
            if (r->tmem_extra.n)
                legacy_tmem_extra(g);
            tsc_info(g);
        }
        pass(g, i);
    }
    if (r->verify) {
        row_begin(g, "ENABLE_VERIFY_MODE", -1);
        put32(g, (uint32_t)-1);
        row_end(g, 0);
        pass(g, 0);
    }
}

void legacy_stream(struct image *g)
{
    const struct recipe *r = g->r;
    unsigned i;

    g->layer = r->width == 32 ? "libxc-legacy32" : "libxc-legacy64";
    row_begin(g, "P2M_SIZE", NO_ID);
    put_ul(g, p2m_size(r));
    row_end(g, 0);
    if (is_pv(r))
        pv_header(g);
    first_body(g);
    legacy_chunks(g, 0);
    legacy_tail(g, 0);
    for (i = 1; i < r->checkpoints; i++) {
        dirty_pages(g, i);
        legacy_chunks(g, i);
        legacy_tail(g, i);
    }
}
