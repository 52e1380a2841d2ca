/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches whose header is damaged: the entries that stand there, the place where the stream goes
 * on, and the rule that a pass sends frames in order say what it was.
 */
#include "recipe.h"

/* Write a count, and how sure it is. */
static void put_count(const struct legacy_view *v, uint64_t at, uint32_t count)
{
    uint32_t word = legacy_word(v, at), right = htole32(count);

    xsi_mend_splice(v->m, at, 4, &right, 4, "put the count %" PRIu32, count);
    if (legacy_one_bit(word, count))
        return; /* one bit differs, the entries are so many, and the next chunk follows them */
    xsi_mend_guess(v->m,
                   "that the count was %" PRIu32 ": so many entries stand here, and the next chunk "
                   "follows their pages",
                   count);
}

/* ---------------------------------------------------------------- a lost header ---- */

/* The batch in front of row i, in the same body; false: none. */
static bool batch_before(const struct legacy_view *v, size_t i, struct legacy_batch *b)
{
    while (i-- > v->first && legacy_in_body(&v->row[i]) && !legacy_is(&v->row[i], PART_END))
        if (legacy_is(&v->row[i], PART_PAGES))
            return legacy_batch_at(v, v->row[i].offset + v->row[i].length - 1, b);
    return false;
}

/* Last frame that a batch names; UINT64_MAX: none. */
static uint64_t last_frame(const struct legacy_batch *b)
{
    for (unsigned i = b->count; i--;)
        if (legacy_entry_type(b->entry[i]) != LEGACY_XTAB)
            return legacy_entry_pfn(b->entry[i]);
    return UINT64_MAX;
}

/*
 * Frames of the batch in a gap: those between its neighbours, or, behind the last batch, as many as
 * there are pages. False: the neighbours do not say.
 */
static bool frames_of(const struct legacy_view *v, size_t gap, uint64_t *first, uint64_t *n)
{
    uint64_t length = v->row[gap].length, each = v->ul + XSI_PAGE_SIZE, a = UINT64_MAX;
    struct legacy_batch b;

    if (batch_before(v, gap, &b))
        a = last_frame(&b);
    *first = a + 1;
    if (gap + 1 < v->behind && legacy_is(&v->row[gap + 1], PART_PAGES) &&
        legacy_batch_at(v, v->row[gap + 1].offset, &b)) {
        uint64_t behind = legacy_entry_pfn(b.entry[0]);

        *n = behind > *first ? behind - *first : 0;
        return *n && *n <= LEGACY_BATCH_MAX;
    }
    *n = length > 4 && (length - 4) % each == 0 ? (length - 4) / each : length / XSI_PAGE_SIZE;
    return a != UINT64_MAX && *n && *n <= LEGACY_BATCH_MAX && *first + *n <= v->p2m_size;
}

/* Bytes of the header's end that stand in front of the pages. */
static size_t agreeing(const struct legacy_view *v, uint64_t at, size_t rest, const uint8_t *header,
                       size_t size)
{
    const uint8_t *p = xsi_mend_bytes(v->m, at, rest);
    size_t n = 0;

    while (p && n < rest && p[rest - 1 - n] == header[size - 1 - n])
        n++;
    return n;
}

/* Pages behind `at` that the zeros reach which stand in the header's place. */
static uint64_t zeroed_pages(const struct legacy_view *v, uint64_t header, uint64_t at, uint64_t n)
{
    uint64_t size = at - header + n * XSI_PAGE_SIZE, i;
    const uint8_t *p = size <= (8U << 20) ? xsi_mend_bytes(v->m, header, (size_t)size) : NULL;

    for (i = 0; p && i < size && !p[i]; i++)
        ;
    return !p || header + i < at + 16 ? 0 : (header + i - at + XSI_PAGE_SIZE - 1) / XSI_PAGE_SIZE;
}

/* Zeros were written over header and pages: only a person may want to go on with that. */
static bool pages_gone(const struct legacy_view *v, uint64_t first, uint64_t zeroed)
{
    char still[200];

    if (!zeroed)
        return false;
    if (xsi_mend_asked(v->m)) {
        xsi_mend_loses(v->m, "the contents of frames 0x%" PRIx64 " to 0x%" PRIx64 ": zeros", first,
                       first + zeroed - 1);
        return false;
    }
    xsi_mend_refuse(v->m,
                    "frames 0x%" PRIx64 " to 0x%" PRIx64 " were overwritten with zeros, and no "
                    "guest should run without them. To let a reader pass all the same: --recipe "
                    "rebuild-count; %s",
                    first, first + zeroed - 1, legacy_still(v, still, sizeof(still)));
    return true;
}

/*
 * The header of the batch in a gap: the frames are those that the batches around leave out, the
 * pages are the end of the gap. True when it was found out what to do.
 */
static bool rebuild_header(const struct legacy_view *v, size_t gap)
{
    const struct xsi_map_row *row = &v->row[gap];
    uint8_t header[4 + 8 * LEGACY_BATCH_MAX];
    uint64_t first, n;
    size_t size = 4, rest, same;
    uint32_t count;

    if (!frames_of(v, gap, &first, &n) || row->length < n * XSI_PAGE_SIZE ||
        row->length - n * XSI_PAGE_SIZE > 4 + n * v->ul)
        return false;
    count = htole32((uint32_t)n);
    memcpy(header, &count, 4);
    for (uint64_t i = 0; i < n; i++)
        size += legacy_put_ul(v, header + size, first + i);
    rest = (size_t)(row->length - n * XSI_PAGE_SIZE);
    if (pages_gone(v, first, zeroed_pages(v, row->offset, row->offset + rest, n)))
        return true;
    same = agreeing(v, row->offset, rest, header, size);
    xsi_mend_splice(v->m, row->offset, rest, header, size,
                    "put the header of a batch of %" PRIu64 " frames from 0x%" PRIx64 " on", n,
                    first);
    xsi_mend_guess(v->m,
                   "that these are frames 0x%" PRIx64 " to 0x%" PRIx64 ", which the batches around "
                   "leave out, and ordinary pages; %zu entries that are left of the header agree",
                   first, first + n - 1, same / v->ul);
    return true;
}

int legacy_rebuild_count(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m);
    struct legacy_batch b;
    struct legacy_view v;
    char still[200];
    size_t i;

    if (!legacy_view(m, &v))
        return 0;
    i = legacy_row_at(&v, at);
    if (i >= v.count)
        return 0;
    if (legacy_is(&v.row[i], PART_END) && legacy_word(&v, at)) {
        put_count(&v, at, 0);
    } else if (legacy_is(&v.row[i], PART_PAGES)) {
        if (legacy_batch_at(&v, at, &b) && b.at == at && b.count != legacy_word(&v, at))
            put_count(&v, at, b.count);
    } else if (v.row[i].flags & XSI_CHUNK_GAP && i > v.first && i + 1 < v.behind) {
        if (legacy_p2m_size_wrong(&v) ||
            (legacy_batch_raw(&v, at, &b) && b.length <= v.row[i].length &&
             legacy_raise_p2m_size(&v, &b)))
            return 0;
        if (!rebuild_header(&v, i) && v.row[i].length >= XSI_PAGE_SIZE)
            xsi_mend_refuse(m,
                            "the %" PRIu64 " bytes at 0x%" PRIx64 " are no whole batch whose "
                            "frames its neighbours tell; %s",
                            v.row[i].length, v.row[i].offset,
                            legacy_still(&v, still, sizeof(still)));
    }
    return 0;
}

/* ---------------------------------------------------------------- lost page data ---- */

int legacy_fill_batch(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), missing, want;
    struct legacy_batch b;
    struct legacy_view v;
    unsigned pages = 0;
    uint8_t *zeros;
    char still[200];

    if (!legacy_view(m, &v) || !legacy_batch_at(&v, at, &b) || b.at != at)
        return 0;
    for (unsigned i = 0; i < b.count; i++)
        pages += legacy_entry_carries(b.entry[i]);
    want = 4 + (uint64_t)b.count * v.ul + (uint64_t)pages * XSI_PAGE_SIZE;
    if (b.length >= want)
        return 0;
    missing = want - b.length;
    if (!xsi_mend_asked(m)) {
        xsi_mend_refuse(m,
                        "%" PRIu64 " bytes of the pages of this batch are missing, and where they "
                        "were cannot be told: up to %u frames have wrong contents, with which no "
                        "guest should run. To let a reader pass all the same: --recipe fill-batch; "
                        "%s",
                        missing, pages, legacy_still(&v, still, sizeof(still)));
        return 0;
    }
    zeros = missing > (4U << 20) ? NULL : xsi_mend_scratch(m, (size_t)missing);
    if (!zeros)
        return 0;
    xsi_mend_splice(m, b.at + b.length, 0, zeros, (size_t)missing, "insert %" PRIu64 " zero bytes",
                    missing);
    xsi_mend_loses(m, "the contents of up to %u frames, from the place on where bytes are missing",
                   pages);
    return 0;
}
