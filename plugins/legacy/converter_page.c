/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches of pages: what the script makes of the entries, and what the reader of PAGE_DATA says to
 * that (4.22:xg_sr_restore.c:handle_page_data, xg_sr_restore_x86_pv.c:x86_pv_localise_page).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "converter_priv.h"

#define FILLER     0xf0000000U /* an entry that the script drops */
#define PFN_MASK   0x0fffffffU
#define PTE_FRAMES 0xffffffffffULL /* frame number in a page table entry, above bit 12 */

static uint64_t entry(const struct converter *s, const uint8_t *p, uint32_t i)
{
    return s->ul == 4 ? xsi_le32(p + 4ULL * i) : xsi_le64(p + 8ULL * i);
}

static unsigned type_of(uint64_t entry)
{
    return (unsigned)(entry >> 28) & 0xf;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* The script drops filler and refuses entries that occur twice as a whole. */
static bool has_duplicates(const struct converter *s, const uint8_t *p)
{
    uint64_t values[CONVERTER_BATCH];
    size_t n = 0;

    for (uint32_t i = 0; i < s->count; i++)
        if (entry(s, p, i) != FILLER)
            values[n++] = entry(s, p, i);
    qsort(values, n, sizeof(values[0]), ascending);
    for (size_t i = 1; i < n; i++)
        if (values[i] == values[i - 1])
            return true;
    return false;
}

/* ---- the pages ---- */

/* libxc looks up every present entry of a page table; a frame beyond the last one is an assert. */
static bool tables_hold(struct xsi_run *r, struct converter *s, const uint8_t *p, uint32_t page,
                        uint64_t pfn)
{
    for (unsigned i = 0; i < 512; i++) {
        uint64_t pte = xsi_le64(p + 4096ULL * page + 8 * i), frame = pte >> 12 & PTE_FRAMES;

        if (!(pte & 1) || frame < s->p2m_size)
            continue;
        xsi_run_die(r, "SIGABRT",
                    "the page table in frame 0x%" PRIx64 " points to frame 0x%" PRIx64
                    ", beyond the last one: libxc's assert ends the process",
                    pfn, frame);
        return false;
    }
    return true;
}

/* Entries that carry pages: page-table types of PV need a look at them. */
static bool is_table(unsigned type)
{
    return (type >= 1 && type <= 4) || (type >= 9 && type <= 0xc);
}

static void got_pages(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < 4096ULL * s->kept) {
        converter_short(r, s, "page data");
        return;
    }
    s->pages += s->fresh;
    converter_next(r, s);
}

static void got_entries_again(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    uint64_t pages = s->entries_at + (uint64_t)s->count * s->ul;
    uint32_t page = 0;

    /* entries and pages are one piece here */
    if (got < (uint64_t)s->count * s->ul + 4096ULL * s->kept) {
        xsi_run_skip(r, 4096ULL * s->kept, "pages", got_pages);
        return;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t e = entry(s, p, i);

        if (e == FILLER || type_of(e) >= LEGACY_BROKEN)
            continue;
        if (is_table(type_of(e)) &&
            !tables_hold(r, s, p + (pages - s->entries_at), page, e & PFN_MASK))
            return;
        page++;
    }
    xsi_run_skip(r, 4096ULL * s->kept, "pages", got_pages);
}

/* ---- the entries ---- */

static void refused(struct xsi_run *r, struct converter *s, const char *code, uint64_t at,
                    const char *what)
{
    xsi_run_say(r, CONVERTER_V2 + V2_MSG_RESTORE_FAILED, 0);
    converter_refused(r, s, code, at, "%s", what);
}

/* Checks and takes in the entries, as the reader gets them; false when it refuses. */
static bool take_entries(struct xsi_run *r, struct converter *s, const uint8_t *p)
{
    uint32_t index = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t e = entry(s, p, i), pfn = e & PFN_MASK;
        uint64_t at = s->entries_at + (uint64_t)i * s->ul;
        unsigned type = type_of(e);

        if (e == FILLER)
            continue;
        if (s->pv && pfn >= s->p2m_size) {
            xsi_run_say(r, CONVERTER_V2 + V2_MSG_PAGE_RANGE, 0, pfn, index);
            refused(r, s, "XS-L04", at,
                    "a frame beyond the last one (an entry without a page "
                    "keeps machine frame bits in images of 3.x)");
            return false;
        }
        if (type >= 5 && type <= 8) {
            xsi_run_say(r, CONVERTER_V2 + V2_MSG_PAGE_TYPE, 0, type << 28, pfn, index);
            refused(r, s, "XS-L05", at, "an entry of an unknown type");
            return false;
        }
        index++;
        s->kept += type < LEGACY_BROKEN;
        s->type_bits |= 1U << type;
        if (type == LEGACY_BROKEN || type == LEGACY_XTAB)
            continue;
        s->fresh += xsi_frames_set(r, pfn, 1, FRAME_TYPE, XSI_FRAME_HELD | (uint8_t)type);
    }
    if (index)
        return true;
    xsi_run_say(r, CONVERTER_V2 + V2_MSG_PAGE_NONE, 0);
    refused(r, s, NULL, s->entries_at, "a batch of nothing but filler becomes an empty record");
    return false;
}

static void got_entries(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    uint32_t tables = 0x1e1e; /* types 1 to 4, and 9 to 12 */

    if (got < (uint64_t)s->count * s->ul) {
        converter_short(r, s, "a batch's entries");
        return;
    }
    s->entries_at = xsi_run_at(r) - got;
    s->kept = s->type_bits = 0;
    s->fresh = 0;
    if (has_duplicates(s, p)) {
        xsi_run_say(r, LEGACY_MSG_CV_DUPLICATE, 0);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L03",
                        "an entry stands twice in the batch");
        return;
    }
    if (!take_entries(r, s, p))
        return;
    if (s->pv && (s->type_bits & tables) && xsi_run_can_look(r))
        xsi_run_look(r, s->entries_at, (size_t)s->count * s->ul + 4096U * (size_t)s->kept,
                     got_entries_again);
    else
        xsi_run_skip(r, 4096ULL * s->kept, "pages", got_pages);
}

void converter_batch(struct xsi_run *r, struct converter *s)
{
    xsi_run_need(r, (uint64_t)s->count * s->ul, "page entries", got_entries);
}
