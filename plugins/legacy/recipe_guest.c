/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frame numbers in a PV guest's tail that are outside the guest: what the frames themselves are
 * tells the right one. Offsets: xen/include/public/arch-x86/xen-x86_32.h, xen-x86_64.h, xen.h.
 */
#include "recipe.h"

#define CANDIDATES 64

/* Frames that one wrong bit away from `pfn` lie in the guest, and what is known of them. */
struct candidates {
    uint64_t pfn[CANDIDATES], page[CANDIDATES];
    unsigned type[CANDIDATES];
    size_t count;
    uint64_t only; /* the frame of the type looked for, when there is one alone */
    size_t of_type;
};

static void look_up(const struct legacy_view *v, uint64_t pfn, unsigned type, struct candidates *c)
{
    struct legacy_batch b;
    uint64_t at = 0;

    *c = (struct candidates){ 0 };
    for (unsigned bit = 0; bit < CANDIDATES; bit++)
        if ((pfn ^ (1ULL << bit)) < v->p2m_size)
            c->pfn[c->count++] = pfn ^ (1ULL << bit);
    while (legacy_batch_next(v, &at, &b)) {
        uint64_t page = b.at + 4 + (uint64_t)b.count * v->ul;

        for (unsigned i = 0; i < b.count; i++) {
            uint64_t named = legacy_entry_pfn(b.entry[i]);

            if (!legacy_entry_carries(b.entry[i]))
                continue;
            for (size_t k = 0; k < c->count; k++)
                if (c->pfn[k] == named) {
                    c->type[k] = legacy_entry_type(b.entry[i]) & 7;
                    c->page[k] = page;
                }
            if ((legacy_entry_type(b.entry[i]) & 7) == type && named != c->only) {
                c->only = named;
                c->of_type++;
            }
            page += XSI_PAGE_SIZE;
        }
    }
}

/* A PV guest's start_info page begins with "xen-3.0-x86_64" or the like. */
static bool is_start_info(const struct legacy_view *v, uint64_t page)
{
    char magic[4];

    return xsi_mend_read(v->m, page, magic, sizeof(magic)) && !memcmp(magic, "xen-", 4);
}

/* Is this the field of a vCPU's context? A reader that is out of step sees one elsewhere. */
static bool context_field(const struct legacy_view *v, uint64_t at, unsigned field)
{
    size_t i = legacy_row_at(v, at);

    return i < v->behind && legacy_is(&v->row[i], PART_VCPU_CONTEXT) &&
           at - v->row[i].offset == field;
}

static void put_number(const struct legacy_view *v, uint64_t at, uint64_t number, const char *what,
                       uint64_t pfn)
{
    uint64_t word = htole64(number);

    xsi_mend_splice(v->m, at, v->gw, &word, v->gw, "make %s frame 0x%" PRIx64, what, pfn);
}

/* The frame in a cr3, and the word as it stands there. */
static uint64_t root_of(const struct legacy_view *v, uint64_t at, uint64_t *word)
{
    uint8_t raw[8] = { 0 };

    *word = xsi_mend_read(v->m, at, raw, v->gw) ? xsi_le64(raw) : 0;
    return v->gw == 8 ? *word >> 12 : (*word >> 12 | (*word & 0xfff) << 20);
}

/* cr3: the frame of a table of the highest level. Where no reader pointed at it (`pointed`), only
 * one wrong bit is believed: the whole record may be out of step. */
static void fix_root_at(const struct legacy_view *v, uint64_t at, bool pointed)
{
    unsigned fits = 0, level = v->gw == 8 ? 4 : 3;
    uint64_t word, pfn = root_of(v, at, &word), right = 0;
    struct candidates c;

    look_up(v, pfn, level, &c);
    if (!c.of_type)
        return;
    for (size_t k = 0; k < c.count; k++)
        if (c.page[k] && c.type[k] == level) {
            right = c.pfn[k];
            fits++;
        }
    if (fits != 1 && c.of_type == 1 && pointed)
        right = c.only;
    else if (fits != 1) {
        xsi_mend_refuse(v->m,
                        "cr3 names frame 0x%" PRIx64 ", and which of the guest's %zu page-table "
                        "roots it was cannot be told",
                        pfn, c.of_type);
        return;
    }
    xsi_mend_guess(
        v->m,
        fits == 1 ? "that one bit of cr3 is wrong: frame 0x%" PRIx64 " is a root of page tables"
                  : "that cr3 is frame 0x%" PRIx64 ", the guest's only root of page tables",
        right);
    put_number(v, at,
               v->gw == 8 ? right << 12 | (word & 0xfff) : (uint32_t)(right << 12 | right >> 20),
               "cr3", right);
}

/* Is this frame a table of the highest level? */
static bool is_root(const struct legacy_view *v, uint64_t pfn)
{
    struct legacy_batch b;
    uint64_t at = 0;

    while (legacy_batch_next(v, &at, &b))
        for (unsigned i = 0; i < b.count; i++)
            if (legacy_entry_carries(b.entry[i]) && legacy_entry_pfn(b.entry[i]) == pfn &&
                (legacy_entry_type(b.entry[i]) & 7) == (v->gw == 8 ? 4U : 3U))
                return true;
    return false;
}

/* Where a finding points; else, for readers behind the converter, which name no place, the first
 * vCPU whose cr3 is none. */
int legacy_fix_root(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), word;
    struct legacy_view v;
    unsigned field;

    if (!legacy_view(m, &v) || !v.pv)
        return 0;
    field = v.gw == 4 ? 2728 : 5008;
    if (context_field(&v, at, field)) {
        fix_root_at(&v, at, true);
        return 0;
    }
    if (xsi_mend_finding(m) || (!v.converts && !xsi_mend_asked(m)))
        return 0;
    for (size_t i = v.first; i < v.behind; i++) {
        at = v.row[i].offset + field;
        if (legacy_is(&v.row[i], PART_VCPU_CONTEXT) && context_field(&v, at, field) &&
            !is_root(&v, root_of(&v, at, &word))) {
            fix_root_at(&v, at, xsi_mend_asked(m));
            return 0;
        }
    }
    return 0;
}

/* edx or rdx of vCPU 0: the frame of start_info. */
int legacy_fix_start_info(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), pfn, right = 0;
    unsigned fits = 0, marked = 0;
    struct candidates c;
    struct legacy_view v;
    uint8_t raw[8] = { 0 };

    if (!legacy_view(m, &v) || !context_field(&v, at, v.gw == 4 ? 524 : 616) ||
        !xsi_mend_read(m, at, raw, v.gw))
        return 0;
    pfn = xsi_le64(raw);
    if (pfn < v.p2m_size)
        return 0;
    look_up(&v, pfn, 8, &c);
    for (size_t k = 0; k < c.count; k++) {
        bool mark = c.page[k] && !c.type[k] && is_start_info(&v, c.page[k]);

        if (!c.page[k] || c.type[k] || (marked && !mark))
            continue;
        fits = mark && !marked ? 1 : fits + 1;
        marked += mark;
        right = c.pfn[k];
    }
    if (fits != 1) {
        xsi_mend_refuse(m,
                        "vCPU 0 names frame 0x%" PRIx64 " as its start_info page, and the right "
                        "one cannot be told: a page that begins with 'xen-3' (the debugger finds "
                        "it: find xen-3)",
                        pfn);
        return 0;
    }
    if (!marked)
        xsi_mend_guess(m, "that one bit is wrong, and that frame 0x%" PRIx64 " is start_info",
                       right);
    put_number(&v, at, right, "start_info", right);
    return 0;
}

/* The guest's own number of frames in the shared info page. */
int legacy_fix_max_pfn(struct xsi_mend *m)
{
    struct legacy_view v;
    uint8_t raw[8] = { 0 };
    uint64_t at, max;
    size_t i;

    if (!legacy_view(m, &v))
        return 0;
    i = legacy_row_at(&v, xsi_mend_at(m));
    if (i >= v.behind || !legacy_is(&v.row[i], PART_SHARED_INFO) ||
        v.row[i].length != XSI_PAGE_SIZE)
        return 0;
    at = v.row[i].offset + (v.gw == 4 ? 2316 : 3088);
    if (!xsi_mend_read(m, at, raw, v.gw))
        return 0;
    max = xsi_le64(raw);
    if (max && max <= v.p2m_size)
        return 0;
    if (!legacy_one_bit(max, v.p2m_size)) {
        xsi_mend_refuse(m,
                        "the shared info page says that the guest has 0x%" PRIx64 " frames, the "
                        "header 0x%" PRIx64 ": the page is damaged, not one bit of it",
                        max, v.p2m_size);
        return 0;
    }
    put_number(&v, at, v.p2m_size, "max_pfn", v.p2m_size);
    return 0;
}
