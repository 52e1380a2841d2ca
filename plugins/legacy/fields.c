/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields of the legacy stream's parts and chunks. */
#include "../x86/x86.h"
#include "legacy.h"

static const struct legacy *state_of(const struct xsi_decode *d)
{
    return d->state;
}

static uint64_t ul_at(const struct xsi_decode *d, size_t at)
{
    struct xsi_cursor c = xsi_decode_cursor(d, at);

    return xsi_ul(&c, state_of(d)->ul);
}

static uint32_t u32_at(const struct xsi_decode *d, size_t at)
{
    struct xsi_cursor c = xsi_decode_cursor(d, at);

    return xsi_u32(&c);
}

/* A list of toolstack words from byte `base` on, at most `limit` of them at detail 1. */
static void put_list(struct xsi_decode *d, const char *name, size_t base, uint64_t count,
                     enum xsi_kind kind)
{
    unsigned ul = state_of(d)->ul;
    uint64_t limit = d->detail > 1 ? count : 8;

    xsi_open(d, name, XSI_LIST, base, count * ul);
    for (uint64_t i = 0; i < count && i < limit; i++) {
        size_t at = base + (size_t)i * ul;

        if (at + ul > d->have)
            break;
        xsi_put(d, NULL, kind, at, ul, ul_at(d, at), NULL);
    }
    xsi_close(d);
}

void legacy_dec_p2m_size(struct xsi_decode *d)
{
    if (d->have >= state_of(d)->ul)
        xsi_put(d, "p2m_size", XSI_UINT, 0, state_of(d)->ul, ul_at(d, 0), "frames");
}

void legacy_dec_ext(struct xsi_decode *d)
{
    unsigned ul = state_of(d)->ul;

    if (d->have < ul + 4U)
        return;
    xsi_put(d, "signature", XSI_HEX, 0, ul, ul_at(d, 0), NULL);
    xsi_put(d, "total_bytes", XSI_UINT, ul, 4, u32_at(d, ul), "bytes");
}

void legacy_dec_ext_block(struct xsi_decode *d)
{
    if (d->have < 8)
        return;
    xsi_put_text(d, "block_id", XSI_TEXT, 0, d->bytes, 4);
    xsi_put(d, "size", XSI_UINT, 4, 4, u32_at(d, 4), "bytes");
}

void legacy_dec_ext_vcpu(struct xsi_decode *d)
{
    uint32_t size;

    legacy_dec_ext_block(d);
    if (d->have < 8)
        return;
    size = u32_at(d, 4);
    if (size == LEGACY_VCPU32 || size == LEGACY_VCPU64)
        x86_decode_vcpu_context(d, 8, size, size == LEGACY_VCPU32 ? 4 : 8);
}

void legacy_dec_ext_xcnt(struct xsi_decode *d)
{
    legacy_dec_ext_block(d);
    if (d->have >= 12)
        xsi_put(d, "xsave_bytes_per_vcpu", XSI_UINT, 8, 4, u32_at(d, 8), "bytes");
}

void legacy_dec_frames(struct xsi_decode *d)
{
    put_list(d, "frames", 0, d->length / state_of(d)->ul, XSI_PFN);
}

static void put_entry(struct xsi_decode *d, size_t at, uint32_t word)
{
    static const char *const names[16] = {
        "NOTAB",     "L1TAB",  "L2TAB",     "L3TAB",     "L4TAB",     "TYPE5",
        "TYPE6",     "TYPE7",  "NOTAB_PIN", "L1TAB_PIN", "L2TAB_PIN", "L3TAB_PIN",
        "L4TAB_PIN", "BROKEN", "XALLOC",    "XTAB",
    };

    xsi_open(d, NULL, XSI_GROUP, at, state_of(d)->ul);
    /* both are parts of one word */
    xsi_put(d, "pfn", XSI_PFN, at, state_of(d)->ul, word & LEGACY_PFN_MASK, NULL);
    x86_put_words(d, "type", at, state_of(d)->ul, names[word >> 28], strlen(names[word >> 28]));
    xsi_close(d);
}

/* The lowest or highest frame of the batch, at the entry that names it: most often an outer one. */
static void put_extreme(struct xsi_decode *d, const char *name, uint64_t pfn, bool last)
{
    unsigned ul = state_of(d)->ul;
    size_t count = (d->have - 4) / ul;

    if (count > d->chunk->entries)
        count = (size_t)d->chunk->entries;
    for (size_t i = 0; i < count; i++) {
        size_t at = 4 + (last ? count - 1 - i : i) * ul;
        uint32_t word = u32_at(d, at);

        if ((word & LEGACY_PFN_MASK) != pfn || word >> 28 == LEGACY_XTAB)
            continue;
        xsi_put(d, name, XSI_PFN, at, ul, pfn, NULL);
        return;
    }
    xsi_put(d, name, XSI_PFN, 4, d->chunk->entries * ul, pfn, NULL); /* it has none */
}

void legacy_dec_pages(struct xsi_decode *d)
{
    unsigned ul = state_of(d)->ul;

    if (d->have < 4)
        return;
    xsi_put(d, "count", XSI_SINT, 0, 4, (uint64_t)(int64_t)(int32_t)u32_at(d, 0), "entries");
    put_extreme(d, "first_pfn", d->chunk->first_pfn, false);
    put_extreme(d, "last_pfn", d->chunk->last_pfn, true);
    if (d->detail < 2)
        return;
    xsi_open(d, "entries", XSI_LIST, 4, d->chunk->entries * ul);
    for (size_t i = 0; i < d->chunk->entries && 4 + (i + 1) * ul <= d->have; i++)
        put_entry(d, 4 + i * ul, u32_at(d, 4 + i * ul));
    xsi_close(d);
}

void legacy_dec_vcpus(struct xsi_decode *d)
{
    uint32_t max = u32_at(d, 4);

    if (d->have < 16)
        return;
    xsi_put(d, "max_vcpu_id", XSI_SINT, 4, 4, (uint64_t)(int64_t)(int32_t)max, NULL);
    xsi_open(d, "online_map", XSI_LIST, 8, d->length - 8);
    for (size_t at = 8; at + 8 <= d->have; at += 8) {
        struct xsi_cursor c = xsi_decode_cursor(d, at);

        xsi_put(d, NULL, XSI_HEX, at, 8, xsi_u64(&c), NULL);
    }
    xsi_close(d);
}

void legacy_dec_param(struct xsi_decode *d)
{
    if (d->have < 16)
        return;
    xsi_put(d, "pad", XSI_HEX, 4, 4, u32_at(d, 4), NULL);
    x86_put_hvm_param(d, "value", legacy_param_of(d->chunk->id), 8, 8);
}

void legacy_dec_tsc(struct xsi_decode *d)
{
    static const struct xsi_name modes[] = {
        { 0, "default" }, { 1, "always emulate" }, { 2, "never emulate" }, { 3, "pvrdtscp" }, { 0 },
    };
    static const struct xsi_field_row rows[] = {
        { .name = "mode", .offset = 4, .size = 4, .kind = XSI_ENUM, .names = modes },
        { .name = "elapsed", .offset = 8, .size = 8, .kind = XSI_UINT, .unit = "ns" },
        { .name = "frequency", .offset = 16, .size = 4, .kind = XSI_UINT, .unit = "kHz" },
        { .name = "incarnation", .offset = 20, .size = 4, .kind = XSI_UINT },
        { 0 },
    };

    xsi_decode_rows(d, 0, 24, rows);
}

void legacy_dec_tmem(struct xsi_decode *d)
{
    static const struct xsi_field_row rows[] = {
        { .name = "version", .offset = 4, .size = 4, .kind = XSI_UINT },
        { .name = "max_pools", .offset = 8, .size = 4, .kind = XSI_UINT },
        { .name = "flags", .offset = 16, .size = 4, .kind = XSI_HEX },
        { .name = "weight", .offset = 20, .size = 4, .kind = XSI_UINT },
        { .name = "cap", .offset = 24, .size = 4, .kind = XSI_UINT },
        { 0 },
    };

    xsi_decode_rows(d, 0, 32, rows);
}

void legacy_dec_blob(struct xsi_decode *d)
{
    unsigned width = d->chunk->id == -18 ? 4 : state_of(d)->ul;

    if (d->have < 4 + width)
        return;
    xsi_put(d, "length", XSI_UINT, 4, width, width == 4 ? u32_at(d, 4) : ul_at(d, 4), "bytes");
    if (d->chunk->id == -18 && d->have > 8)
        x86_decode_toolstack(d, 8, d->have - 8);
}

void legacy_dec_unmapped(struct xsi_decode *d)
{
    if (d->have < 4)
        return;
    xsi_put(d, "count", XSI_UINT, 0, 4, u32_at(d, 0), "frames");
    put_list(d, "frames", 4, (d->length - 4) / state_of(d)->ul, XSI_PFN);
}

void legacy_dec_vcpu(struct xsi_decode *d)
{
    xsi_put(d, "vcpu", XSI_UINT, 0, 0, state_of(d)->shown_vcpu, NULL);
    x86_decode_vcpu_context(d, 0, (size_t)d->length, state_of(d)->gw);
}

void legacy_dec_vcpu_ext(struct xsi_decode *d)
{
    x86_decode_ext_context(d, 0, LEGACY_EXTV);
}

void legacy_dec_vcpu_xsave(struct xsi_decode *d)
{
    struct xsi_cursor c = xsi_decode_cursor(d, 0);
    uint64_t mask = xsi_u64(&c), size = xsi_u64(&c);

    if (c.short_read)
        return;
    xsi_put(d, "vcpu", XSI_UINT, 0, 0, state_of(d)->shown_vcpu, NULL);
    xsi_put(d, "xfeature_mask", XSI_HEX, 0, 8, mask, NULL);
    xsi_put(d, "size", XSI_UINT, 8, 8, size, "bytes");
    if (d->length > 16)
        x86_decode_xsave(d, 16, (size_t)d->length - 16);
}

void legacy_dec_shared(struct xsi_decode *d)
{
    x86_decode_shared_info(d, 0, XSI_PAGE_SIZE, state_of(d)->gw);
}

void legacy_dec_magic(struct xsi_decode *d)
{
    static const struct xsi_field_row rows[] = {
        { .name = "ioreq_pfn", .offset = 0, .size = 8, .kind = XSI_PFN },
        { .name = "bufioreq_pfn", .offset = 8, .size = 8, .kind = XSI_PFN },
        { .name = "xenstore_pfn", .offset = 16, .size = 8, .kind = XSI_PFN },
        { 0 },
    };

    xsi_decode_rows(d, 0, 24, rows);
}

void legacy_dec_hvm(struct xsi_decode *d)
{
    if (d->have < 4)
        return;
    xsi_put(d, "length", XSI_UINT, 0, 4, u32_at(d, 0), "bytes");
    if (d->length > 4)
        x86_decode_hvm_context(d, 4, (size_t)d->length - 4);
}
