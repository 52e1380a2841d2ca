/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tail: what it says twice can be mended, what is not there cannot. */
#include "recipe.h"

/* struct shared_info, 32-bit and 64-bit guest: xen/include/public/arch-x86; the rest of the page
 * is not used. */
#define SHARED32 2584U
#define SHARED64 3368U

/* Where the pages of a guest of the usual layout lie: tools/libxc/xc_hvm_build.c, 3.4 to 4.5. */
static const uint64_t usual_magic[3] = { 0xfeffd, 0xfeffb, 0xfeffc };

static void put_word(const struct legacy_view *v, uint64_t at, uint32_t number, const char *what)
{
    uint32_t word = htole32(number);

    xsi_mend_splice(v->m, at, 4, &word, 4, "make %s %" PRIu32 " (was %" PRIu32 ")", what, number,
                    legacy_word(v, at));
}

/* The row of a kind that holds an offset; NULL: none. */
static const struct xsi_map_row *row_of(const struct legacy_view *v, enum legacy_part part,
                                        uint64_t at)
{
    size_t i = legacy_row_at(v, at);

    return i < v->count && legacy_is(&v->row[i], part) ? &v->row[i] : NULL;
}

/* ---------------------------------------------------------------- unmapped frames ---- */

/* A wrong entry: the list is looked at around the first place that does not ascend. */
static void fix_unmapped_list(const struct legacy_view *v, const struct xsi_map_row *row)
{
    uint64_t n = (row->length - 4) / v->ul, before = 0, first;
    const uint8_t *p;
    struct legacy_batch b = { 0 };

    if (n * v->ul > (64U << 20))
        return;
    p = xsi_mend_bytes(v->m, row->offset + 4, (size_t)(n * v->ul));
    for (first = 0; p && first < n; first++) {
        const uint8_t *e = p + first * v->ul;
        uint64_t pfn = v->ul == 4 ? xsi_le32(e) : xsi_le64(e);

        if (pfn >= v->p2m_size || (first && pfn <= before))
            break;
        before = pfn;
    }
    if (!p || first == n)
        return;
    first = first > LEGACY_BATCH_MAX / 2 ? first - LEGACY_BATCH_MAX / 2 : 0;
    b.count = (unsigned)(n - first < LEGACY_BATCH_MAX ? n - first : LEGACY_BATCH_MAX);
    b.at = row->offset + first * v->ul;
    for (unsigned i = 0; i < b.count; i++) {
        const uint8_t *e = p + (first + i) * v->ul;

        b.entry[i] = v->ul == 4 ? xsi_le32(e) : xsi_le64(e);
    }
    legacy_fix_list(v, &b);
}

int legacy_fix_unmapped(struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    struct legacy_view v;
    uint64_t n;

    if (!legacy_view(m, &v) || !(row = row_of(&v, PART_UNMAPPED_PFNS, xsi_mend_at(m))) ||
        row->length < 4)
        return 0;
    n = (row->length - 4) / v.ul;
    if (legacy_word(&v, row->offset) == n) {
        fix_unmapped_list(&v, row);
        return 0;
    }
    put_word(&v, row->offset, (uint32_t)n, "the number of unmapped frames");
    if (!legacy_one_bit(legacy_word(&v, row->offset), n))
        xsi_mend_guess(m,
                       "that %" PRIu64 " frames are listed: the vCPU records and the shared info "
                       "leave room for so many",
                       n);
    return 0;
}

/* An entry of the frame list; false: it is not there. */
static bool listed(const struct legacy_view *v, const struct xsi_map_row *row, uint64_t at,
                   uint64_t *pfn)
{
    uint8_t raw[8] = { 0 };

    if (at < row->offset || at + v->ul > row->offset + row->length ||
        !xsi_mend_read(v->m, at, raw, v->ul))
        return false;
    *pfn = v->ul == 4 ? xsi_le32(raw) : xsi_le64(raw);
    return true;
}

/* The frame that belongs there: between two that leave room for one, or one bit away. */
static bool right_frame(const struct legacy_view *v, const struct xsi_map_row *row, uint64_t at,
                        uint64_t wrong, uint64_t *right)
{
    uint64_t before, behind;
    unsigned fits = 0;

    if (listed(v, row, at - v->ul, &before) && listed(v, row, at + v->ul, &behind) &&
        behind == before + 2) {
        *right = before + 1;
        return true;
    }
    for (unsigned bit = 0; bit < 64; bit++)
        if ((wrong ^ (1ULL << bit)) < v->p2m_size) {
            *right = wrong ^ (1ULL << bit);
            fits++;
        }
    return fits == 1;
}

int legacy_fix_frame_list(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), wrong, right = 0;
    const struct xsi_map_row *row;
    struct legacy_view v;
    uint8_t raw[8];

    if (!legacy_view(m, &v) || !(row = row_of(&v, PART_P2M_FRAME_LIST, at)) ||
        (at - row->offset) % v.ul || !listed(&v, row, at, &wrong) || legacy_p2m_size_wrong(&v))
        return 0;
    if (!right_frame(&v, row, at, wrong, &right) || right >= v.p2m_size) {
        xsi_mend_refuse(m,
                        "entry 0x%" PRIx64 " of the frame list at 0x%" PRIx64 " is no frame of the "
                        "guest, and its neighbours do not tell the right one",
                        wrong, at);
        return 0;
    }
    xsi_mend_splice(m, at, v.ul, raw, legacy_put_ul(&v, raw, right),
                    "make the frame 0x%" PRIx64 " (was 0x%" PRIx64 ")", right, wrong);
    xsi_mend_guess(m, legacy_one_bit(wrong, right) ? "that one bit of the entry is wrong"
                                                   : "that the frame list goes on in order here");
    return 0;
}

/* ---------------------------------------------------------------- HVM ---- */

int legacy_fix_context(struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    struct legacy_view v;
    char still[200];

    if (!legacy_view(m, &v))
        return 0;
    row = row_of(&v, PART_HVM_CONTEXT, xsi_mend_at(m));
    if (!row || row->length <= 4) {
        xsi_mend_refuse(m,
                        "the HVM context, the state of the CPUs and platform devices, is not in "
                        "the image: the guest cannot go on; %s",
                        legacy_still(&v, still, sizeof(still)));
        return 0;
    }
    if (legacy_word(&v, row->offset) != row->length - 4)
        put_word(&v, row->offset, (uint32_t)(row->length - 4), "the length of the HVM context");
    return 0;
}

int legacy_insert_magic(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), magic[3];
    struct legacy_view v;
    char still[200];

    if (!legacy_view(m, &v) || !row_of(&v, PART_HVM_CONTEXT, at))
        return 0;
    if (v.p2m_size <= usual_magic[0]) {
        xsi_mend_refuse(m,
                        "the frames in front of the HVM context are missing, and in a guest of "
                        "0x%" PRIx64 " frames they are not the usual ones; %s",
                        v.p2m_size, legacy_still(&v, still, sizeof(still)));
        return 0;
    }
    for (unsigned i = 0; i < 3; i++)
        magic[i] = htole64(usual_magic[i]);
    xsi_mend_splice(m, at, 0, magic, sizeof(magic),
                    "insert the magic frames 0xfeffd, 0xfeffb, 0xfeffc");
    xsi_mend_guess(m, "that the guest has its ioreq, buffered ioreq and xenstore pages where the "
                      "domain builders of 3.4 to 4.5 put them");
    return 0;
}

/* Frames that the builder put side by side: the one that is a bit away from `wrong` and lies beside
 * the others, of which there are n. False: none, several. */
static bool beside(const struct legacy_view *v, uint64_t wrong, const uint64_t *other, unsigned n,
                   uint64_t *right)
{
    unsigned fits = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t pfn = wrong ^ (1ULL << bit);
        bool taken = false;

        for (unsigned k = 0; k < n; k++)
            taken |= pfn == other[k];
        if (taken || pfn >= v->p2m_size || pfn + 8 < other[0] || pfn > other[0] + 8)
            continue;
        *right = pfn;
        fits++;
    }
    return fits == 1;
}

static bool magic_frames(const struct legacy_view *v, const struct xsi_map_row *row, uint64_t *pfn)
{
    uint8_t raw[24];

    if (!xsi_mend_read(v->m, row->offset, raw, sizeof(raw)))
        return false;
    for (unsigned k = 0; k < 3; k++)
        pfn[k] = xsi_le64(raw + 8 * (size_t)k);
    return true;
}

static void put_frame(const struct legacy_view *v, uint64_t at, uint64_t pfn, const char *what)
{
    uint64_t word = htole64(pfn);

    xsi_mend_splice(v->m, at, 8, &word, 8, "make %s 0x%" PRIx64, what, pfn);
    xsi_mend_guess(v->m, "that one bit is wrong, and that the frame lies beside the other ones");
}

/* One of the three frames is outside the guest. */
int legacy_fix_magic(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), pfn[3], other[2], right;
    const struct xsi_map_row *row;
    struct legacy_view v;
    unsigned i;

    if (!legacy_view(m, &v) || !(row = row_of(&v, PART_MAGIC_PFNS, at)) ||
        !magic_frames(&v, row, pfn))
        return 0;
    i = (unsigned)((at - row->offset) / 8);
    other[0] = pfn[(i + 1) % 3];
    other[1] = pfn[(i + 2) % 3];
    if (beside(&v, pfn[i], other, 2, &right))
        put_frame(&v, row->offset + 8 * (uint64_t)i, right, "the frame");
    else
        xsi_mend_refuse(m,
                        "frame 0x%" PRIx64 " at 0x%" PRIx64 " is outside the guest, and the right "
                        "one cannot be told; usual are 0xfeffd, 0xfeffb and 0xfeffc",
                        pfn[i], at);
    return 0;
}

/* The console's frame has no page, and no finding says so. */
int legacy_fix_console(struct xsi_mend *m)
{
    const struct xsi_map_row *console = NULL, *magic = NULL;
    uint64_t pfn[3], says, right;
    struct legacy_view v;
    uint8_t raw[8];

    if (!legacy_view(m, &v))
        return 0;
    for (size_t i = v.first; i < v.behind; i++) {
        if (legacy_mine(&v.row[i]) && v.row[i].has_id && v.row[i].id == -8)
            console = &v.row[i];
        if (legacy_is(&v.row[i], PART_MAGIC_PFNS))
            magic = &v.row[i];
    }
    if (!console || console->length != 16 || !magic || !magic_frames(&v, magic, pfn) ||
        !xsi_mend_read(m, console->offset + 8, raw, sizeof(raw)))
        return 0;
    says = xsi_le64(raw);
    if ((says + 8 < pfn[0] || says > pfn[0] + 8) && beside(&v, says, pfn, 3, &right))
        put_frame(&v, console->offset + 8, right, "HVM_CONSOLE_PFN");
    return 0;
}

/* ---------------------------------------------------------------- what is missing ---- */

/* Zeros behind a shared info page of which only the unused end is missing. */
static bool complete_shared(const struct legacy_view *v, const struct xsi_map_row *row)
{
    static const uint8_t zeros[XSI_PAGE_SIZE];
    size_t missing = (size_t)(XSI_PAGE_SIZE - row->length);

    if (row->length < (v->gw == 4 ? SHARED32 : SHARED64) || row->length >= XSI_PAGE_SIZE)
        return false;
    xsi_mend_splice(v->m, row->offset + row->length, 0, zeros, missing,
                    "append %zu zero bytes to the shared info page", missing);
    return true;
}

int legacy_complete_tail(struct xsi_mend *m)
{
    const struct xsi_map_row *last;
    struct legacy_view v;
    char still[200];

    if (!legacy_view(m, &v))
        return 0;
    last = &v.row[v.behind - 1];
    if (legacy_is(last, PART_SHARED_INFO) && complete_shared(&v, last))
        return 0;
    xsi_mend_refuse(m,
                    "the image ends at 0x%" PRIx64 ", %s %s: %s not in it, and nothing can make up "
                    "for that; %s",
                    last->offset + last->length, last->flags & XSI_CHUNK_CUT ? "inside" : "behind",
                    last->type,
                    legacy_is(last, PART_SHARED_INFO) ? "the shared info page is"
                                                      : "the whole state of the CPUs is",
                    legacy_still(&v, still, sizeof(still)));
    return 0;
}
