/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PAGE_DATA: 4.22:xg_sr_restore.c:handle_page_data, process_page_data, populate_pfns. The reader
 * has the whole record in memory before it looks at it; here the entries are judged as they come,
 * and what is wrong with them is said once the rest is known to be there.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

/* No domain has frames from here on: Xen's tables have 36 bits for them (4.17:p2m-ept.c:
 * ept_set_entry). Before Xen is asked, the reader needs 16 GiB for a bitmap. */
#define WILD_PFN (1ULL << 36)
/* Up to 4.14 (xc_bitops.h) the size of the bitmap is an int: from the first of these on it is
 * negative, from the second on 0, for which realloc() frees the old one, too. */
#define INT_PFN  (1ULL << 30)
#define ZERO_PFN (1ULL << 31)
/* ... that a host must have room for. */
#define FAR_PFN (1ULL << 28)

enum { ENTRY = 8, HEAD = 8, PFN_BITS = 52, TYPE_SHIFT = 28, NO_KIND = 8 };

void v2_model_batch(const uint8_t *entries, size_t count, unsigned kind, struct xsi_batch *out)
{
    struct xsi_batch_part *part = NULL;

    (void)kind;
    out->entries = count;
    out->parts = 0;
    out->max_pfn = 0;
    out->types = 0;
    for (size_t i = 0, n; i < count; i += n) {
        uint64_t entry = xsi_le64(entries + ENTRY * i), pfn = entry & V2_PFN_MASK;
        uint8_t type = (uint8_t)(entry >> 60);

        /* mostly a batch is one type and consecutive frames */
        for (n = 1; i + n < count && pfn + n <= V2_PFN_MASK &&
                    xsi_le64(entries + ENTRY * (i + n)) == entry + n;)
            n++;
        if (pfn + n - 1 > out->max_pfn)
            out->max_pfn = pfn + n - 1;
        out->types |= 1U << type;
        if (part && part->type == type && pfn == part->pfn + part->count) {
            part->count += (uint32_t)n;
            continue;
        }
        part = &out->part[out->parts++];
        *part = (struct xsi_batch_part){
            .pfn = pfn, .entry = (uint32_t)i, .count = (uint32_t)n, .type = type
        };
    }
}

static inline bool is_in(uint32_t mask, unsigned type)
{
    return mask >> type & 1;
}

/* ---- the end of a record ---- */

/* A frame number for which the map of frames cannot be made. */
static void wild(struct xsi_run *r, struct v2_judge *s)
{
    const struct v2_batch_state *b = &s->batch;
    uint64_t at = b->at + 16 + ENTRY * (uint64_t)b->fault_index;
    unsigned long long pfn = b->fault_pfn;

    s->error = ENOMEM;
    xsi_run_say(r, V2_MSG_POPULATED, 0);
    xsi_run_say(r, V2_MSG_POPULATE_BATCH, 0, b->count);
    if (s->own->hvm >= 415 || b->fault_pfn < ZERO_PFN) {
        v2_stop(r, s, V(40), at, "frame 0x%llx: no map of frames reaches that far", pfn);
        return;
    }
    xsi_run_finding(r, V(40), at, ENTRY, "frame 0x%llx cannot be noted", pfn);
    xsi_run_say(r, V2_MSG_RESTORE_FAILED, s->error);
    xsi_run_die(r, "SIGABRT",
                "frame 0x%llx, at 0x%llx: the map of frames is freed for it, and once more when "
                "the restore gives up: double free",
                pfn, (unsigned long long)at);
}

static void say_fault(struct xsi_run *r, struct v2_judge *s)
{
    const struct v2_batch_state *b = &s->batch;
    unsigned long long pfn = b->fault_pfn;

    switch (b->fault) {
    case V2_PAGES_RANGE:
        xsi_run_say(r, V2_MSG_PAGE_RANGE, 0, b->fault_pfn, b->fault_index);
        v2_stop(r, s, s->expanded ? V(39) : V(30), b->at + 16 + ENTRY * (uint64_t)b->fault_index,
                "frame 0x%llx in a batch; the guest's last one is 0x%llx", pfn,
                (unsigned long long)s->max_pfn);
        break;
    case V2_PAGES_TYPE:
        xsi_run_say(r, V2_MSG_PAGE_TYPE, 0, b->fault_type << TYPE_SHIFT, b->fault_pfn,
                    b->fault_index);
        v2_stop(r, s, V(44), b->at + 16 + ENTRY * (uint64_t)b->fault_index,
                "page type %u does not exist", b->fault_type);
        break;
    case V2_PAGES_WRONG_SIZE:
        xsi_run_say(r, V2_MSG_PAGE_SIZE, 0, s->length, (size_t)HEAD, (size_t)ENTRY * b->count,
                    (unsigned long)(b->pages * XSI_PAGE_SIZE));
        v2_stop(r, s, V(20), b->at, "length, count and page types of a batch do not agree");
        break;
    default:
        wild(r, s);
        break;
    }
}

/* 4.22:xg_sr_restore_x86_pv.c:x86_pv_set_gfn, pfn_to_mfn: assert(pfn <= max_pfn) */
static void die(struct xsi_run *r, struct v2_judge *s)
{
    const struct v2_batch_state *b = &s->batch;

    if (b->fault == V2_PAGES_NO_TABLE) {
        xsi_run_die(r, "SIGSEGV", "pages before X86_PV_P2M_FRAMES: there is no table for frame 0");
        return;
    }
    xsi_run_finding(r, V(39), b->fault_at, 8,
                    "entry %u of the L%u table in frame 0x%llx names a frame beyond the last",
                    b->fault_index, b->fault_type, (unsigned long long)b->fault_pfn);
    xsi_run_die(r, "SIGABRT",
                "entry %u of the L%u page table in frame 0x%llx, at 0x%llx, names a frame beyond "
                "the guest's last one (0x%llx): assert(pfn <= max_pfn)",
                b->fault_index, b->fault_type, (unsigned long long)b->fault_pfn,
                (unsigned long long)b->fault_at, (unsigned long long)s->max_pfn);
}

/* Xen gives a domain no more pages than its configuration allows. */
static bool is_over(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_batch_state *b = &s->batch;
    uint64_t max = xsi_run_max_pages(r);

    if (!max || s->populated + b->populated <= max)
        return false;
    s->error = EBUSY;
    xsi_run_say(r, V2_MSG_POPULATE, EBUSY);
    xsi_run_say(r, V2_MSG_POPULATE_BATCH, 0, b->count);
    v2_stop(r, s, NULL, b->at,
            "the image holds more than the %llu pages that the configuration allows",
            (unsigned long long)max);
    return true;
}

static void finish(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_batch_state *b = &s->batch;

    s->pages_seen = true;
    for (unsigned i = 0; i < b->differ; i++)
        xsi_run_say(r, V2_MSG_VERIFY_DIFFERS, 0, b->differs[i].pfn, b->differs[i].type);
    if (b->fault >= V2_PAGES_NO_TABLE) {
        die(r, s);
        return;
    }
    if (b->fault != V2_PAGES_GOOD) {
        say_fault(r, s);
        return;
    }
    if (is_over(r, s))
        return;
    s->populated += b->populated;
    xsi_run_result(r)->pages = (int64_t)s->populated;
    v2_next(r, s);
}

/* Nothing more to look at: the rest of the record. */
static void got_rest(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    uint64_t end = s->at + V2_RHDR_SIZE + s->padded, at = xsi_run_at(r);

    (void)p;
    (void)got;
    if (v2_body_whole(r, s, s->padded - (end - at), s->padded) && v2_static_inferred(r, s))
        finish(r, s);
}

static void skip_rest(struct xsi_run *r, struct v2_judge *s)
{
    xsi_run_skip(r, s->at + V2_RHDR_SIZE + s->padded - xsi_run_at(r), "page data", got_rest);
}

/* ---- VERIFY: pages are compared ---- */

static void note_differs(struct v2_judge *s, unsigned table)
{
    struct v2_batch_state *b = &s->batch;

    if (b->differ < V2_VERIFY_LINES) {
        b->differs[b->differ].pfn = b->table[table].pfn;
        b->differs[b->differ++].type = b->table[table].type;
    }
    s->verified++;
}

static void next_table(struct xsi_run *r, struct v2_judge *s);

static void got_earlier(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;

    if (got == XSI_PAGE_SIZE && memcmp(p, s->copy, XSI_PAGE_SIZE) != 0)
        note_differs(s, s->batch.table_done - 1);
    next_table(r, s);
}

static void compare(struct xsi_run *r, struct v2_judge *s, const uint8_t *p)
{
    static const uint8_t zero[XSI_PAGE_SIZE];
    struct v2_batch_state *b = &s->batch;
    unsigned i = b->table_done - 1;
    uint64_t earlier = xsi_run_page(r, b->table[i].pfn);

    if (earlier && (s->copy || (s->copy = malloc(XSI_PAGE_SIZE)))) {
        memcpy(s->copy, p, XSI_PAGE_SIZE);
        xsi_run_look(r, earlier, XSI_PAGE_SIZE, got_earlier);
        return;
    }
    /* a frame without contents is all zero; of HVM guests it is only known when it is new */
    if ((b->table[i].count || (!s->hvm && xsi_run_can_look(r))) &&
        memcmp(p, zero, XSI_PAGE_SIZE) != 0)
        note_differs(s, i);
    next_table(r, s);
}

/* ---- pages that are looked at: page tables, and all pages behind VERIFY ---- */

/* A pipe cannot be read again: keep what looks like start info, by its magic. */
static void keep_start_info(struct v2_judge *s, const uint8_t *p, uint64_t pages, uint64_t pfn)
{
    for (uint64_t i = 0; i < pages; i++, p += XSI_PAGE_SIZE) {
        if (memcmp(p, "xen-3.0-x86_", 12) != 0)
            continue;
        memcpy(s->start_info, p, V2_START_INFO);
        s->start_info_pfn = pfn + i;
        s->has_start_info = true;
    }
}

static void got_table(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    struct v2_batch_state *b = &s->batch;
    unsigned i = b->table_done - 1;
    uint64_t count = s->verify ? 1 : b->table[i].count, end = s->at + V2_RHDR_SIZE + s->padded;

    if (got < count * XSI_PAGE_SIZE) {
        (void)v2_body_whole(r, s, s->padded - (end - xsi_run_at(r)), s->padded);
        return;
    }
    b->page += count;
    if (!s->hvm && !b->table[i].type && !s->verify)
        keep_start_info(s, p, count, b->table[i].pfn);
    if (!s->hvm && is_in(V2_TABLES, b->table[i].type) &&
        !v2_tables_pass(r, s, p, count, b->table[i].pfn, b->table[i].type & 7,
                        xsi_run_at(r) - count * XSI_PAGE_SIZE))
        skip_rest(r, s);
    else if (s->verify)
        compare(r, s, p);
    else
        next_table(r, s);
}

static void passed(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    uint64_t end = s->at + V2_RHDR_SIZE + s->padded;
    unsigned i = s->batch.table_done;

    (void)p;
    (void)got;
    if (xsi_run_at(r) != s->batch.data + s->batch.table[i].page * XSI_PAGE_SIZE) {
        (void)v2_body_whole(r, s, s->padded - (end - xsi_run_at(r)), s->padded);
        return;
    }
    s->batch.page = s->batch.table[i].page;
    next_table(r, s);
}

static void apply_more(struct xsi_run *r, struct v2_judge *s);

static void next_table(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_batch_state *b = &s->batch;
    unsigned i = b->table_done;

    if (i == b->tables || (s->verify && s->verified >= V2_VERIFY_LINES)) {
        apply_more(r, s);
        return;
    }
    if (b->table[i].page > b->page) {
        xsi_run_skip(r, (b->table[i].page - b->page) * XSI_PAGE_SIZE, "page data", passed);
        return;
    }
    b->table_done++;
    xsi_run_need(r, (s->verify ? 1 : b->table[i].count) * (uint64_t)XSI_PAGE_SIZE,
                 s->verify ? "page to compare" : "page table", got_table);
}

/* ---- entries that are right: frames get memory and types ---- */

/* Where the pages of a part are looked at. first: index of its first page in the record. */
static void note_table(const struct xsi_run *r, struct v2_judge *s,
                       const struct xsi_batch_part *part, uint64_t first)
{
    struct v2_batch_state *b = &s->batch;
    bool table = !s->hvm && is_in(V2_TABLES, part->type);
    bool plain = !s->hvm && !part->type && !xsi_run_can_look(r); /* it may be start info */

    if (!is_in(V2_CARRY, part->type) || (!table && !plain && !s->verify))
        return;
    for (uint32_t i = 0; i < part->count && b->tables < XSI_BATCH_MAX; i++) {
        b->table[b->tables].page = first + i;
        b->table[b->tables].pfn = part->pfn + i;
        b->table[b->tables].type = part->type;
        /* behind VERIFY count says whether the frame is new */
        b->table[b->tables].count =
            s->verify ? !(xsi_frame(r, part->pfn + i) & XSI_FRAME_HELD) : part->count;
        b->tables++;
        if (!s->verify)
            break;
    }
}

static void apply(struct xsi_run *r, struct v2_judge *s, const struct xsi_batch *batch)
{
    struct v2_batch_state *b = &s->batch;
    uint64_t page = b->pages, at = b->at + 16 + ENTRY * (uint64_t)b->done;

    b->tables = b->table_done = 0;
    if (!s->verify)
        xsi_run_stored(r, at, batch->entries, NO_KIND, b->data + page * XSI_PAGE_SIZE, V2_CARRY);
    for (size_t i = 0; i < batch->parts; i++) {
        const struct xsi_batch_part *part = &batch->part[i];
        bool held = is_in(V2_POPULATE, part->type);
        uint64_t fresh;

        note_table(r, s, part, page);
        if (is_in(V2_CARRY, part->type))
            page += part->count;
        if (!held && s->hvm)
            continue; /* HVM keeps no types */
        fresh = xsi_frames_set(r, part->pfn, part->count, V2_FRAME_TYPE,
                               (uint8_t)(part->type | (held ? XSI_FRAME_HELD : 0)));
        if (held)
            b->populated += fresh;
    }
    b->pages = page;
    b->done += (uint32_t)batch->entries;
}

static void got_again(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    struct v2_batch_state *b = &s->batch;
    uint64_t at = b->at + 16 + ENTRY * (uint64_t)b->done;
    size_t n = b->count - b->done < XSI_BATCH_MAX ? b->count - b->done : XSI_BATCH_MAX;

    if (got < ENTRY * n) { /* a pipe that no longer has them */
        xsi_run_undefined(r, "the entries of a batch of %u are gone: give the file", b->count);
        return;
    }
    apply(r, s, xsi_run_batch(r, at, p, n, NO_KIND));
    next_table(r, s);
}

/* The next thousand entries of the record, or its end. */
static void apply_more(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_batch_state *b = &s->batch;
    uint64_t at = b->at + 16 + ENTRY * (uint64_t)b->done;
    size_t n = b->count - b->done < XSI_BATCH_MAX ? b->count - b->done : XSI_BATCH_MAX;

    if (n)
        xsi_run_look(r, at, ENTRY * n, got_again);
    else
        skip_rest(r, s);
}

/* ---- entries as they come ---- */

static void fault(struct v2_batch_state *b, const struct xsi_batch_part *part, uint32_t skip,
                  int what)
{
    b->fault = what;
    b->fault_pfn = part->pfn + skip;
    b->fault_index = b->done + part->entry + skip;
    b->fault_type = part->type;
}

/* The first entry that the reader does not take; counts pages. */
static void check(const struct v2_judge *s, struct v2_batch_state *b, const struct xsi_batch *batch)
{
    for (size_t i = 0; i < batch->parts && b->fault == V2_PAGES_GOOD; i++) {
        const struct xsi_batch_part *part = &batch->part[i];

        if (!s->hvm && part->pfn > s->max_pfn)
            fault(b, part, 0, V2_PAGES_RANGE);
        else if (is_in(V2_INVALID, part->type))
            fault(b, part, 0, V2_PAGES_TYPE);
        else if (!s->hvm && part->pfn + part->count - 1 > s->max_pfn)
            fault(b, part, (uint32_t)(s->max_pfn - part->pfn + 1), V2_PAGES_RANGE);
        if (is_in(V2_CARRY, part->type))
            b->pages += part->count;
    }
    b->types |= batch->types;
}

static void far_frames(struct xsi_run *r, const struct v2_judge *s, struct v2_batch_state *b,
                       const struct xsi_batch *batch)
{
    uint64_t limit = s->own->hvm < 415 ? INT_PFN : WILD_PFN;

    for (size_t i = 0; batch->max_pfn >= FAR_PFN && i < batch->parts; i++) {
        const struct xsi_batch_part *part = &batch->part[i];

        if (!is_in(V2_POPULATE, part->type) || part->pfn < FAR_PFN || b->wild)
            continue;
        if (part->pfn >= limit) {
            b->wild = part->pfn;
            b->wild_index = b->done + part->entry;
        } else {
            xsi_run_condition(r, "a host with memory for a map of frames up to 0x%llx",
                              (unsigned long long)part->pfn);
        }
    }
}

/* All entries are known. */
static void judge(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_batch_state *b = &s->batch;
    uint64_t size = HEAD + ENTRY * (uint64_t)b->count + b->pages * XSI_PAGE_SIZE;

    if (b->fault == V2_PAGES_GOOD && size != s->length)
        b->fault = V2_PAGES_WRONG_SIZE;
    if (b->fault == V2_PAGES_GOOD && b->wild) {
        b->fault = V2_PAGES_WILD;
        b->fault_pfn = b->wild;
        b->fault_index = b->wild_index;
    } else if (b->fault == V2_PAGES_GOOD && !s->hvm && !s->expanded) {
        b->fault = V2_PAGES_NO_TABLE; /* only frame 0 passed: the tables are not there */
    }
    if (b->fault != V2_PAGES_GOOD) {
        skip_rest(r, s);
        return;
    }
    b->done = 0;
    b->pages = 0;
    apply_more(r, s);
}

static void need_entries(struct xsi_run *r, struct v2_judge *s);

static void got_entries(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    struct v2_batch_state *b = &s->batch;
    size_t n = b->count - b->done < XSI_BATCH_MAX ? b->count - b->done : XSI_BATCH_MAX;
    uint64_t end = s->at + V2_RHDR_SIZE + s->padded;
    const struct xsi_batch *batch;

    if (got < ENTRY * n) {
        (void)v2_body_whole(r, s, s->padded - (end - xsi_run_at(r)), s->padded);
        return;
    }
    batch = xsi_run_batch(r, b->at + 16 + ENTRY * (uint64_t)b->done, p, n, NO_KIND);
    check(s, b, batch);
    far_frames(r, s, b, batch);
    b->done += (uint32_t)n;
    if (b->done < b->count)
        need_entries(r, s);
    else
        judge(r, s);
}

static void need_entries(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_batch_state *b = &s->batch;
    size_t n = b->count - b->done < XSI_BATCH_MAX ? b->count - b->done : XSI_BATCH_MAX;

    xsi_run_need(r, ENTRY * n, "page entries", got_entries);
}

/* ---- records that fail before their entries are looked at ---- */

static void got_short(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    uint64_t end = s->at + V2_RHDR_SIZE + s->padded;

    (void)p;
    (void)got;
    s->pages_seen = true;
    if (!v2_body_whole(r, s, s->padded - (end - xsi_run_at(r)), s->padded) ||
        !v2_static_inferred(r, s))
        return;
    if (s->length < HEAD) {
        xsi_run_say(r, V2_MSG_PAGE_SHORT, 0, s->length, (size_t)HEAD);
        v2_stop(r, s, V(16), s->at, "a batch of %u bytes has no room for its count", s->length);
    } else if (!s->batch.count) {
        xsi_run_say(r, V2_MSG_PAGE_NONE, 0);
        v2_stop(r, s, V(45), s->at + V2_RHDR_SIZE, "a batch without entries");
    } else {
        xsi_run_say(r, V2_MSG_PAGE_COUNT, 0, s->length, s->batch.count);
        v2_stop(r, s, V(21), s->at + V2_RHDR_SIZE, "a batch of %u bytes cannot have %u entries",
                s->length, s->batch.count);
    }
}

static void skip_short(struct xsi_run *r, struct v2_judge *s)
{
    xsi_run_skip(r, s->at + V2_RHDR_SIZE + s->padded - xsi_run_at(r), "page data", got_short);
}

static void got_head(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    struct v2_batch_state *b = &s->batch;

    if (got < HEAD) {
        (void)v2_body_whole(r, s, got, s->padded);
        return;
    }
    b->count = xsi_le32(p);
    b->data = b->at + 16 + ENTRY * (uint64_t)b->count;
    if (!b->count || s->length < HEAD + ENTRY * (uint64_t)b->count) {
        skip_short(r, s);
        return;
    }
    if (v2_is(s, V2_STATIC) && !s->static_done && s->version >= 3)
        skip_short(r, s); /* refused before the entries matter */
    else
        need_entries(r, s);
}

void v2_pages(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_batch_state *b = &s->batch;

    b->at = s->at;
    b->count = b->done = b->tables = b->table_done = 0;
    b->pages = b->page = b->populated = 0;
    b->types = 0;
    b->fault = V2_PAGES_GOOD;
    b->wild = 0;
    b->differ = 0;
    if (s->length < HEAD)
        skip_short(r, s);
    else
        xsi_run_need(r, HEAD, "page count", got_head);
}
