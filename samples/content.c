/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in guest pages. A page is a function of the seed, its frame and its version. */
#include <string.h>

#include "xsgen.h"

/* splitmix64's finaliser over a mix of three numbers: the same on every machine. */
uint64_t noise(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t z =
        seed * 0x9E3779B97F4A7C15ULL + a * 0xD1B54A32D192ED03ULL + b + 0x632BE59BD9B4E019ULL;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

void poke(uint8_t *at, uint64_t value, unsigned bytes)
{
    while (bytes--) {
        *at++ = (uint8_t)value;
        value >>= 8;
    }
}

static void fill_text(uint64_t pfn, uint8_t page[PAGE])
{
    unsigned i;

    for (i = 0; i < PAGE / 64; i++) {
        char line[65];

        snprintf(line, sizeof(line), "%-63.63s\n", "guest memory of a generated save image");
        snprintf(line + 40, 24, "frame %08llx row %02u", (unsigned long long)pfn & 0xFFFFFFFF, i);
        line[strlen(line)] = ' ';
        line[63] = '\n';
        memcpy(page + 64 * i, line, 64);
    }
}

static void fill_plain(const struct recipe *r, uint64_t pfn, uint8_t page[PAGE])
{
    uint64_t how = r->fill;
    unsigned i;

    if (how == FILL_MIXED)
        how = noise(r->seed, pfn, 1) % 4;
    switch (how) {
    case FILL_ZERO:
        memset(page, 0, PAGE);
        break;
    case FILL_TEXT:
        fill_text(pfn, page);
        break;
    case FILL_PATTERN:
        for (i = 0; i < PAGE; i += 8)
            poke(page + i, pfn << 16 | i, 8);
        break;
    default:
        for (i = 0; i < PAGE; i += 8)
            poke(page + i, noise(r->seed, pfn, 2 + i), 8);
        break;
    }
}

/* Page tables hold frame numbers of the guest in place of machine frames; flags as Linux sets. */
static void fill_table(const struct recipe *r, uint64_t pfn, unsigned level, uint8_t page[PAGE])
{
    unsigned each = r->levels == 2 ? 4 : 8, n = PAGE / each, i;

    memset(page, 0, PAGE);
    if (level == 1) {
        for (i = 0; i < n; i++)
            if (is_present(r, i) && page_type(r, i) == 0) /* descriptors: read-only */
                poke(page + each * i, (uint64_t)i << 12 | (i == PFN_GDT ? 0x61 : 0x63), each);
    } else if (level == 2) {
        poke(page, (uint64_t)PFN_L1 << 12 | 0x67, each);
    } else if (level == 3 && guest_width(r) == 4) {
        for (i = 0; i < 4; i++) /* only four entries of a PAE root count */
            poke(page + 8 * i, (uint64_t)(PFN_L2 + i) << 12 | 0x01, 8);
    } else if (level == 3) {
        poke(page, (uint64_t)PFN_L2 << 12 | 0x67, 8);
    } else if (pfn != PFN_USER_ROOT) {
        poke(page, (uint64_t)PFN_L3 << 12 | 0x67, 8);
        poke(page + 8 * 272, (uint64_t)PFN_L3 << 12 | 0x67, 8);
    }
}

/* The GDT of a guest: no descriptor is present, since Xen looks at each of them. */
static void fill_gdt(uint8_t page[PAGE])
{
    memset(page, 0, PAGE);
}

static void fill_start_info(const struct recipe *r, uint8_t page[PAGE])
{
    bool wide = guest_width(r) == 8;
    unsigned word = guest_width(r);

    memset(page, 0, PAGE);
    strcpy((char *)page, wide ? "xen-3.0-x86_64" : "xen-3.0-x86_32p");
    poke(page + 0x20, r->pages, word);
    poke(page + (wide ? 0x28 : 0x24), 2ULL << 12, word);
    poke(page + (wide ? 0x38 : 0x2C), 3, word); /* xenstore page */
    poke(page + (wide ? 0x40 : 0x30), 1, 4);
    poke(page + (wide ? 0x48 : 0x34), 4, word); /* console page */
    poke(page + (wide ? 0x50 : 0x38), 2, 4);
}

/* Between two versions one word of a page changes, of every fourth page none. */
bool page_delta_word(uint64_t pfn, uint32_t version, unsigned *word)
{
    *word = (unsigned)(noise(7, pfn, version) % (PAGE / 4));
    return pfn % 4 != 3;
}

void page_fill(const struct recipe *r, uint64_t pfn, uint32_t version, uint8_t page[PAGE])
{
    unsigned type = page_type(r, pfn) & 7, word;
    uint32_t v;

    if (is_pv(r) && type >= 1 && type <= 4) {
        fill_table(r, pfn, type, page);
        return;
    }
    if (is_pv(r) && pfn == PFN_START_INFO)
        fill_start_info(r, page);
    else if (is_pv(r) && pfn == PFN_GDT)
        fill_gdt(page);
    else
        fill_plain(r, pfn, page);
    for (v = 1; v <= version; v++)
        if (page_delta_word(pfn, v, &word))
            poke(page + 4 * word, 0x5EED0000U + v, 4);
}
