/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PAGE_DATA: which of its numbers are wrong, what it holds, and how it fits in with the others. */
#include <inttypes.h>

#include "v2.h"

#define SPECIAL_FIRST 0xfeff0ULL /* 4.22:xg_dom_x86.c: 16 frames below the end of special memory */
#define SPECIAL_COUNT 16U
#define INSERTED_MAX  (64U << 10) /* how far behind a batch its successor is looked for */
#define IDLE_AHEAD    16U         /* batches of holes lie back to back: read some at once */

/* Length, count and entries say the same thing three times. Which two agree? */
static void report_size(struct xsi_walk *w, const struct v2_head *h, const struct v2_batch *b)
{
    uint64_t data, by_length;

    if (h->length < 8) {
        v2_report(w, V16, h->at + 4, 4,
                  "PAGE_DATA of length %" PRIu32 " has no room for its "
                  "count",
                  h->length);
        return;
    }
    if (!b->count) {
        v2_report(w, V45, h->at + 8, 4,
                  "PAGE_DATA with count 0 (length %" PRIu32 "): a reader "
                  "stops here",
                  h->length);
        return;
    }
    if (!b->complete && b->count > h->length / 8) {
        v2_report(w, V21, h->at + 8, 4,
                  "count %" PRIu32 " does not fit in a PAGE_DATA of length %" PRIu32, b->count,
                  h->length);
        return;
    }
    data = h->length < 8 + 8 * (uint64_t)b->count ? 1 : h->length - 8 - 8 * (uint64_t)b->count;
    by_length = data / XSI_PAGE_SIZE;
    if (data % XSI_PAGE_SIZE == 0 && by_length <= b->count)
        v2_report(w, V20, h->at + 4, 4,
                  "length %" PRIu32 " and count %" PRIu32 " leave room for "
                  "%" PRIu64 " pages, but %" PRIu64 " entries carry one: the length or the type of "
                  "an entry is wrong (expected %" PRIu64 ")",
                  h->length, b->count, by_length, b->pages, b->expected);
    else
        v2_report(w, V21, h->at + 8, 4,
                  "length %" PRIu32 ", but count %" PRIu32 " and %" PRIu64 " pages make %" PRIu64
                  ": the count or the length is wrong",
                  h->length, b->count, b->pages, b->expected);
}

/* A wrong count is known from the other two, and its pages are found only with the right one. */
static void mend_count(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                       struct v2_batch *b)
{
    uint32_t count = v2_batch_count(w, s, h->at, h->length);

    if (!count || count == b->count) {
        report_size(w, h, b);
        return;
    }
    v2_report(w, V21, h->at + 8, 4,
              "count %" PRIu32 " is wrong: length %" PRIu32 " and the entries make %" PRIu32 "%s",
              b->count, h->length, count,
              __builtin_popcount(count ^ b->count) == 1 ? " (one bit differs)" : "");
    v2_batch_read(w, s, h->at, h->length, count, b);
}

/* Frames that the lost bytes should have held, known because first passes list all of them. */
static void report_lost_frames(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                               const struct v2_batch *b)
{
    s->lost_open = false;
    if (s->pass || b->lowest <= s->lost_from)
        return;
    v2_report(w, V85, h->at, 0,
              "frames 0x%" PRIx64 " to 0x%" PRIx64 " have no entry: they were in "
              "the lost bytes",
              s->lost_from, b->lowest - 1);
}

static void report_entries(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                           const struct v2_batch *b)
{
    uint64_t list = h->at + V2_BATCH_HEAD;

    if (b->reserved)
        v2_report(w, V47, h->at + 12, 4, "reserved word of PAGE_DATA is 0x%" PRIx32, b->reserved);
    if (b->count > V2_BATCH_MAX)
        v2_report(w, V53, h->at + 8, 4, "PAGE_DATA with %" PRIu32 " entries; writers stop at %d",
                  b->count, V2_BATCH_MAX);
    if (b->bad_types)
        v2_report(w, V44, list + 8 * b->bad_type_at, 8,
                  "entry %" PRIu64 " has a page type between "
                  "5 and 8 (%" PRIu64 " such entries): a reader stops here",
                  b->bad_type_at, b->bad_types);
    if (b->reserveds)
        v2_report(w, V43, list + 8 * b->reserved_at, 8,
                  "entry %" PRIu64 " has reserved bits 52 to "
                  "59 set (%" PRIu64 " such entries)",
                  b->reserved_at, b->reserveds);
    if (b->ranges)
        v2_report(w, V39, list + 8 * b->range_at, 8,
                  "entry %" PRIu64 ": frame beyond the guest's "
                  "last one, 0x%" PRIx64 " (%" PRIu64 " such entries)",
                  b->range_at, s->max_pfn, b->ranges);
    else if (b->wilds)
        v2_report(w, V40, list + 8 * b->wild_at, 8,
                  "entry %" PRIu64 ": frame 0x%" PRIx64 " lies "
                  "beyond 16 TiB",
                  b->wild_at, b->highest);
    if (b->stray)
        v2_report(
            w, V41, list + 8 * b->stray_at, 8,
            "entry %" PRIu64 " is frame 0x%" PRIx64 " where its neighbours ask for 0x%" PRIx64 "%s",
            b->stray_at, b->stray_pfn, b->stray_want,
            __builtin_popcountll(b->stray_pfn ^ b->stray_want) == 1 ? " (one bit differs)" : "");
    else if (b->unsorted && !b->twice)
        v2_report(w, V54, list + 8 * b->unsorted_at, 8, "frames do not ascend at entry %" PRIu64,
                  b->unsorted_at);
    if (b->twice)
        v2_report(w, V42, h->at, 0, "frame 0x%" PRIx64 " is in this record twice", b->twice_pfn);
    if (b->kinds[0xd])
        v2_report(w, V59, h->at, 0,
                  "%" PRIu64 " frames are marked BROKEN: the machine had lost "
                  "their contents",
                  b->kinds[0xd]);
}

/* First pass or a later one; what it leaves out. */
static void note_pass(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                      const struct v2_batch *b, struct xsi_chunk *out)
{
    if (s->lost_open)
        report_lost_frames(w, s, h, b);
    else if (s->any_pfn && b->lowest < s->next_pfn && !b->stray) {
        s->pass++;
        if (!s->live_told)
            v2_report(w, V58, h->at, 0,
                      "another pass over the memory begins: a live save, a "
                      "checkpoint, or records that a program put in; the last copy of a frame "
                      "counts");
        s->live_told = true;
    } else if (!s->pass && b->lowest > s->next_pfn && !b->stray) {
        if (!s->skip_told)
            v2_report(w, V55, h->at, 0,
                      "frames 0x%" PRIx64 " to 0x%" PRIx64 " have no entry in the "
                      "first pass, not even as holes",
                      s->next_pfn, b->lowest - 1);
        s->skip_told = true;
    }
    if (s->pass)
        xsi_note(out, "pass %u", s->pass + 1);
    if (!b->stray || b->highest != b->stray_pfn)
        s->next_pfn = b->highest + 1;
    else
        s->next_pfn = b->stray_want + 1;
    if (b->highest > s->top_pfn && !b->wilds && !(b->stray && b->highest == b->stray_pfn))
        s->top_pfn = b->highest;
    s->zero_seen = s->zero_seen || !b->lowest;
    s->any_pfn = true;
}

static void note_top(struct v2_state *s, unsigned type, uint64_t pfn, uint64_t n)
{
    unsigned level = type & 7;

    if (s->kind != 1 || level != (s->width == 4 ? 3U : 4U) || (type > 4 && type < 9) || type > 0xc)
        return;
    for (; n; n--, pfn++) {
        if (s->tops == V2_TOPS_MAX) {
            s->tops_full = true;
            return;
        }
        s->top[s->tops++] = pfn;
    }
}

static void note_special(struct v2_state *s, uint64_t pfn, uint64_t n)
{
    for (unsigned i = 0; i < SPECIAL_COUNT; i++)
        if (SPECIAL_FIRST + i >= pfn && SPECIAL_FIRST + i < pfn + n)
            s->special |= 1U << i;
}

/* Tell the walk which frames have come; `whole` pages are really there. */
static void note_present(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                         const struct v2_batch *b, uint64_t whole)
{
    size_t have, n;
    const uint8_t *p;

    if (!b->pages)
        return;
    if (b->runs == 1 && s->kind != 1) {
        xsi_present(w, b->first_page, whole);
        note_special(s, b->first_page, whole);
        return;
    }
    p = xsi_peek(w, h->at, V2_BATCH_HEAD + 8 * (size_t)b->count, &have);
    n = have < V2_BATCH_HEAD ? 0 : (have - V2_BATCH_HEAD) / 8;
    p += V2_BATCH_HEAD;
    for (size_t i = 0, run; i < n && whole; i += run) {
        struct xsi_cursor c = v2_cursor(s, p + 8 * i, 8);
        uint64_t entry = xsi_u64(&c), pfn = entry & V2_PFN_MASK, count;

        run = v2_run(p + 8 * i, n - i, s->libxl.big);
        if (!v2_type_has_data((unsigned)(entry >> 60)))
            continue;
        count = run < whole ? run : whole;
        whole -= count;
        xsi_present(w, pfn, count);
        note_top(s, (unsigned)(entry >> 60), pfn, count);
        note_special(s, pfn, count);
    }
}

static void describe(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                     const struct v2_batch *b, struct xsi_chunk *out)
{
    uint64_t left = xsi_left(w, h->at), meta = V2_BATCH_HEAD + 8 * (uint64_t)b->count;
    uint64_t whole = left < meta ? 0 : (left - meta) / XSI_PAGE_SIZE;

    xsi_chunk_is(out, &v2_types[V2_PAGE_DATA], h->end - h->at);
    out->meta = meta < out->length ? meta : out->length;
    out->flags |= XSI_CHUNK_PAGES;
    out->entries = b->complete ? b->count : 0;
    out->pages = b->complete ? b->pages : 0;
    for (unsigned type = 1; type <= 4 && b->complete; type++) /* L1TAB to L4TAB, and pinned */
        out->tables += b->kinds[type] + b->kinds[type | 8];
    if (b->complete && b->count) {
        out->first_pfn = b->pages ? b->first_page : b->lowest;
        out->last_pfn = b->pages ? b->last_page : b->highest;
        note_pass(w, s, h, b, out);
        note_present(w, s, h, b, b->pages < whole ? b->pages : whole);
    }
    s->batches++;
    s->pages += b->pages;
    s->idle = b->complete && !b->pages ? s->idle + 1 : 0;
}

/* The record's own numbers contradict each other and no header stands where they lead. */
static void report_lost(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                        const struct v2_batch *b, enum v2_look look)
{
    uint64_t end = h->at + v2_span((uint32_t)b->expected);

    if (b->complete && b->count && b->expected <= V2_CHECK_MAX &&
        v2_stands(v2_look(w, l, end, V2_PAGE_DATA))) {
        v2_report(w, V20, h->at + 4, 4,
                  "length 0x%" PRIx32 " is wrong: %" PRIu32 " entries with %" PRIu64
                  " pages make 0x%" PRIx64 ", and a record follows there%s",
                  h->length, b->count, b->pages, b->expected,
                  __builtin_popcountll(h->length ^ b->expected) == 1 ? " (one bit differs)" : "");
        return;
    }
    v2_report(w, V22, h->at, 16,
              "PAGE_DATA with length 0x%" PRIx32 " and count %" PRIu32
              ": they contradict each other, and %s",
              h->length, b->count,
              look == V2_BEYOND ? "the image ends before" : "no record follows");
}

/*
 * A sound batch with nothing behind it. When the next record stands before its end, or a little
 * behind it, bytes were lost or inserted and its pages are shifted. Otherwise the next header is
 * what is damaged, and this batch is whole.
 */
static bool report_shift(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                         const struct v2_batch *b)
{
    uint64_t data = h->at + V2_BATCH_HEAD + 8 * (uint64_t)b->count, next;
    struct v2_state *s = l->state;
    uint64_t before = s->next_pfn;

    s->next_pfn = b->highest + 1; /* what is looked for goes on behind this batch */
    next = v2_find(w, l, data, h->end + INSERTED_MAX);
    s->next_pfn = before;
    if (next == UINT64_MAX || next == h->end ||
        (next > h->end && next - h->end >= V2_BATCH_HEAD && (next - h->end) % 8 == 0))
        return false;
    if (next < h->end)
        v2_report(w, V19, h->at, h->end - h->at,
                  "PAGE_DATA is sound in itself, but the next "
                  "record begins %" PRIu64 " bytes too early: bytes were lost among its pages",
                  h->end - next);
    else
        v2_report(w, V19, h->at, h->end - h->at,
                  "PAGE_DATA is sound in itself, but the next "
                  "record begins %" PRIu64 " bytes too late: bytes were inserted among its pages",
                  next - h->end);
    return true;
}

/* Keep to the record's length, or is it not to be believed? */
static bool believe(const struct v2_batch *b, const struct v2_head *h, enum v2_look look,
                    struct xsi_walk *w, struct xsi_layer *l)
{
    if (v2_stands(look) && look != V2_GOOD && !b->consistent && b->complete && b->count &&
        b->expected <= V2_CHECK_MAX &&
        v2_look(w, l, h->at + v2_span((uint32_t)b->expected), V2_PAGE_DATA) == V2_GOOD)
        return false; /* a surer record stands where count and entries lead */
    if (v2_stands(look))
        return true;
    if (look == V2_UNREADABLE)
        return b->consistent;
    if (look != V2_BEYOND)
        return false;
    if (b->consistent)
        return true;
    if (b->headless)
        return h->length >= V2_BATCH_HEAD && h->length % 8 == 0 && h->length <= V2_CHECK_MAX;
    /* cut in the list: the header alone must make sense; cut behind it: nothing fits elsewhere */
    if (!b->complete)
        return b->count && b->count <= V2_BATCH_MAX && h->length >= 8 + 8 * b->count &&
               (h->length - 8 - 8 * b->count) % XSI_PAGE_SIZE == 0 &&
               (h->length - 8 - 8 * b->count) / XSI_PAGE_SIZE <= b->count;
    return b->count && b->expected <= V2_CHECK_MAX && h->length <= V2_CHECK_MAX &&
           v2_look(w, l, h->at + v2_span((uint32_t)b->expected), V2_PAGE_DATA) == V2_BEYOND;
}

int v2_step_pages(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                  struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    struct v2_batch b;
    enum v2_look look;
    size_t ahead;

    v2_batch_read(w, s, h->at, h->length, 0, &b);
    /* what the next record's header and list take, so that looking behind this one reads them */
    ahead = V2_BATCH_HEAD + 8 * (size_t)(b.complete && b.count <= V2_BATCH_MAX ? b.count : 1);
    if (b.complete && !b.pages)
        ahead *= s->idle < IDLE_AHEAD ? s->idle + 1 : IDLE_AHEAD;
    xsi_read_ahead(w, ahead);
    look = v2_span(h->length) <= V2_CHECK_MAX ? v2_look(w, l, h->end, V2_PAGE_DATA) : V2_UNREADABLE;
    if (b.consistent && look == V2_NOTHING) {
        if (report_shift(w, l, h, &b))
            return XSI_LOST;
        look = V2_UNREADABLE;
    }
    if (!believe(&b, h, look, w, l)) {
        report_lost(w, l, h, &b, look);
        return XSI_LOST;
    }
    v2_check_order(w, s, h);
    if (!b.consistent && (b.complete || look != V2_BEYOND))
        mend_count(w, s, h, &b);
    if (b.complete)
        report_entries(w, s, h, &b);
    s->cut = look == V2_BEYOND;
    describe(w, s, h, &b, out);
    return XSI_CHUNK;
}
