/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Batches that are damaged or missing: made anew by those around them, or given up. */
#include <inttypes.h>

#include "recipe.h"

enum { LOST_MAX = 64 << 10 }; /* frames that are given up at once */

/* Frames between the batches around a gap. */
static bool lost_frames(struct v2_site *s, const struct v2_item *gap, uint64_t *first,
                        uint64_t *last)
{
    struct v2_item item;
    struct v2_list list;
    bool before = false;

    *first = 0;
    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        if (item.gap || item.cut || item.foreign || item.type != V2_PAGE_DATA ||
            !v2_list_read(s, item.at, 0, &list))
            continue;
        if (item.at < gap->at) {
            *first = (v2_entry(&list, list.count - 1) & V2_PFN_MASK) + 1;
            before = true;
            continue;
        }
        *last = (v2_entry(&list, 0) & V2_PFN_MASK) - 1;
        return *last + 1 > *first && *last - *first < LOST_MAX;
    }
    *last = *first + V2_BATCH_MAX - 1; /* the last batch: no more than one is known */
    return before && s->kind == V2_PV;
}

/* Zero bytes at the start of a gap. */
static uint64_t zero_run(struct v2_site *s, const struct v2_item *gap)
{
    const uint8_t *p =
        gap->length <= V2_CHECK_MAX ? xsi_mend_bytes(s->m, gap->at, (size_t)gap->length) : NULL;
    uint64_t n = 0;

    while (p && n < gap->length && !p[n])
        n++;
    return n;
}

/* A list with header for frames of which some entries are still there; others are taken for
 * ordinary pages. from: the first that is kept. */
static uint8_t *make_list(struct v2_site *s, uint64_t first, uint32_t n, uint64_t kept_at,
                          uint32_t from)
{
    size_t length = V2_BATCH_HEAD + 8 * (size_t)n;
    uint8_t *p = xsi_mend_scratch(s->m, length);

    if (!p ||
        !xsi_mend_read(s->m, kept_at, p + V2_BATCH_HEAD + 8 * (size_t)from, 8 * (size_t)(n - from)))
        return NULL;
    v2_store32(p, V2_PAGE_DATA);
    v2_store32(p + 8, n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *e = p + V2_BATCH_HEAD + 8 * (size_t)i;

        if (i < from || (xsi_le64(e) & ~(15ULL << V2_TYPE_SHIFT)) != first + i ||
            !v2_is_type(v2_entry_type(xsi_le64(e))))
            v2_store64(e, first + i);
    }
    return p;
}

/* Pages that a list made so announces; its length goes into the header. */
static uint64_t pages_of(uint8_t *p, uint32_t n)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < n; i++)
        pages += v2_type_has_data(v2_entry_type(xsi_le64(p + V2_BATCH_HEAD + 8 * (size_t)i)));
    v2_store32(p + 4, (uint32_t)(8 + 8 * (uint64_t)n + XSI_PAGE_SIZE * pages));
    return pages;
}

/*
 * The first pass lists all frames, so those of a batch are known when header and list are gone:
 * overwritten, or lost with the first entries. True: staged.
 */
bool v2_rebuild_list(struct v2_site *s, const struct v2_item *gap)
{
    uint64_t first, last, zeros, lists;
    uint32_t n, from = 0;
    uint8_t *p, e[8];
    size_t cut;

    if (!lost_frames(s, gap, &first, &last) || last - first >= V2_BATCH_MAX)
        return false;
    n = (uint32_t)(last - first) + 1;
    lists = V2_BATCH_HEAD + 8 * (uint64_t)n;
    if (xsi_mend_read(s->m, gap->at, e, 8) && (xsi_le64(e) & V2_PFN_MASK) - first < n &&
        (xsi_le64(e) & V2_PFN_MASK) >= first)
        from = (uint32_t)((xsi_le64(e) & V2_PFN_MASK) - first);
    if (gap->length < lists)
        return false;
    cut = from ? 8 * (size_t)(n - from) : (size_t)lists;
    p = make_list(s, first, n, from ? gap->at : gap->at + V2_BATCH_HEAD, from);
    if (!p || gap->length - cut != XSI_PAGE_SIZE * pages_of(p, n))
        return false;
    zeros = zero_run(s, gap);
    xsi_mend_splice(s->m, gap->at, cut, p, (size_t)lists,
                    "PAGE_DATA header and list of frames 0x%" PRIx64 " to 0x%" PRIx64
                    " at 0x%" PRIx64,
                    first, last, gap->at);
    xsi_mend_guess(s->m, "that these frames, which continue those of the batches around them, "
                         "stand here as ordinary pages where their entries are lost");
    if (zeros > lists)
        xsi_mend_loses(s->m,
                       "the contents of frames 0x%" PRIx64 " to 0x%" PRIx64
                       ", if their zeros are damage",
                       first, first + (zeros - lists - 1) / XSI_PAGE_SIZE);
    return true;
}

/* A gap in which nothing can be read: frames that are given memory, without contents. */
static void give_up(struct v2_site *s, const struct v2_item *gap)
{
    uint64_t first, last, n;
    size_t records, length, at = 0;
    uint8_t *p;

    if (!lost_frames(s, gap, &first, &last)) {
        xsi_mend_splice(s->m, gap->at, gap->length, NULL, 0,
                        "cut the unreadable bytes at 0x%" PRIx64, gap->at);
        xsi_mend_loses(s->m, "what stood in 0x%" PRIx64 " bytes at 0x%" PRIx64, gap->length,
                       gap->at);
        xsi_mend_keep(s->m, "gap", gap->at, gap->length);
        return;
    }
    n = last - first + 1;
    records = (size_t)((n + V2_BATCH_MAX - 1) / V2_BATCH_MAX);
    length = records * V2_BATCH_HEAD + 8 * (size_t)n;
    p = xsi_mend_scratch(s->m, length);
    for (uint64_t done = 0; p && done < n;) {
        uint32_t count = n - done < V2_BATCH_MAX ? (uint32_t)(n - done) : V2_BATCH_MAX;

        v2_store32(p + at, V2_PAGE_DATA);
        v2_store32(p + at + 4, 8 + 8 * count);
        v2_store32(p + at + 8, count);
        for (uint32_t i = 0; i < count; i++, done++)
            v2_store64(p + at + V2_BATCH_HEAD + 8 * (size_t)i,
                       0xeULL << V2_TYPE_SHIFT | (first + done));
        at += V2_BATCH_HEAD + 8 * (size_t)count;
    }
    if (!p)
        return;
    xsi_mend_splice(s->m, gap->at, gap->length, p, length,
                    "frames 0x%" PRIx64 " to 0x%" PRIx64 " without contents in place of the "
                    "unreadable bytes at 0x%" PRIx64,
                    first, last, gap->at);
    xsi_mend_loses(s->m, "the contents of frames 0x%" PRIx64 " to 0x%" PRIx64, first, last);
    xsi_mend_guess(s->m, "that all of them were memory of the guest");
    xsi_mend_keep(s->m, "gap", gap->at, gap->length);
}

/* A batch whose list is whole, but whose pages are not: bring the stream back in step. */
static void fill(struct v2_site *s, const struct v2_item *gap, uint64_t span)
{
    uint64_t at = xsi_mend_at(s->m), missing = span - gap->length;
    uint8_t *zeros;

    if (at <= gap->at + V2_BATCH_HEAD || at > gap->at + gap->length)
        at = gap->at + gap->length; /* the user did not say where */
    if (missing > V2_CHECK_MAX || !(zeros = xsi_mend_scratch(s->m, (size_t)missing)))
        return;
    xsi_mend_splice(s->m, at, 0, zeros, (size_t)missing,
                    "insert %" PRIu64 " zero bytes at 0x%" PRIx64 " for those that were lost",
                    missing, at);
    xsi_mend_loses(s->m,
                   "pages of the batch at 0x%" PRIx64 ": those behind the place of the loss "
                   "are shifted by %" PRIu64 " bytes",
                   gap->at, missing);
    xsi_mend_guess(s->m, "that the bytes were lost at 0x%" PRIx64 " (--at says where)", at);
}

/* A batch that is shorter than its list says, in a stream that is in step: whole pages are
 * missing. */
static void fill_short(struct v2_site *s, const struct v2_item *item, const struct v2_list *list)
{
    uint64_t missing = v2_list_length(list) - (uint64_t)item->body, at = xsi_mend_at(s->m);
    uint8_t *zeros;

    if (at < list->data || at > item->at + item->length)
        at = item->at + V2_RHDR_SIZE + item->body;
    if (missing > V2_CHECK_MAX || !(zeros = xsi_mend_scratch(s->m, (size_t)missing)))
        return;
    v2_put32(s, item->at + 4, v2_list_length(list), "length of PAGE_DATA by count and entries");
    xsi_mend_splice(s->m, at, 0, zeros, (size_t)missing,
                    "insert %" PRIu64 " empty pages at 0x%" PRIx64, missing / XSI_PAGE_SIZE, at);
    xsi_mend_loses(s->m, "%" PRIu64 " pages of the batch at 0x%" PRIx64, missing / XSI_PAGE_SIZE,
                   item->at);
    xsi_mend_guess(s->m,
                   "that they are missing at 0x%" PRIx64 " (--at says where); pages behind "
                   "the true place get the wrong frame",
                   at);
}

/* Zeros between the last page of a batch, which does not end with zeros itself, and the next
 * record. */
static bool cut_zeros(struct v2_site *s, const struct v2_item *gap)
{
    static const uint8_t zeros[64];
    uint8_t end[8], more[64];
    struct v2_list list;
    uint64_t span;

    if (!v2_list_read(s, gap->at, 0, &list) || list.count > V2_BATCH_MAX || !v2_list_length(&list))
        return false;
    span = v2_span(v2_list_length(&list));
    if (gap->length <= span || gap->length - span > sizeof(more) ||
        !xsi_mend_read(s->m, gap->at + span - sizeof(end), end, sizeof(end)) ||
        !xsi_mend_read(s->m, gap->at + span, more, (size_t)(gap->length - span)) ||
        memcmp(more, zeros, (size_t)(gap->length - span)) != 0 || !memcmp(end, zeros, sizeof(end)))
        return false;
    xsi_mend_splice(s->m, gap->at + span, gap->length - span, NULL, 0,
                    "cut %" PRIu64 " zero bytes behind the batch at 0x%" PRIx64, gap->length - span,
                    gap->at);
    xsi_mend_guess(s->m, "that they were inserted there");
    return true;
}

int v2_fill_lost(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item gap;
    struct v2_list list;
    uint64_t span;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &gap))
        return 0;
    if (!gap.gap) {
        if (xsi_mend_asked(m) && gap.type == V2_PAGE_DATA && v2_list_read(&s, gap.at, 0, &list) &&
            v2_list_length(&list) > gap.body)
            fill_short(&s, &gap, &list);
        return 0;
    }
    if (!xsi_mend_asked(m) && cut_zeros(&s, &gap))
        return 0;
    if (!xsi_mend_asked(m)) {
        xsi_mend_refuse(m,
                        "bytes are missing, or too many, in the batch at 0x%" PRIx64 ", and "
                        "nothing tells where: the pages behind that place are shifted. Get "
                        "another copy of the image. v2-fill-lost --at PLACE brings the rest of "
                        "the stream back in step and gives these pages up",
                        gap.at);
        return 0;
    }
    if (!v2_list_read(&s, gap.at, 0, &list) || list.count > V2_BATCH_MAX ||
        !v2_list_length(&list)) {
        give_up(&s, &gap);
        return 0;
    }
    span = v2_span(v2_list_length(&list));
    if (span > gap.length)
        fill(&s, &gap, span);
    else if (span < gap.length) {
        xsi_mend_splice(m, gap.at + span, gap.length - span, NULL, 0,
                        "cut %" PRIu64 " bytes behind the batch at 0x%" PRIx64, gap.length - span,
                        gap.at);
        xsi_mend_guess(m, "that the bytes too many stand at the end of the batch");
        xsi_mend_loses(m, "pages of the batch at 0x%" PRIx64 ", if they stand elsewhere", gap.at);
    }
    return 0;
}
