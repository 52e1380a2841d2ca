/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The body: batches and chunks until the zero count. Before a batch is believed, the place behind
 * it is looked at: a damaged count or type moves that place, and no boundary may move unseen.
 */
#include <inttypes.h>
#include <stdio.h>

#include "legacy.h"

#define FOLLOWS 25 /* quality from which a look counts as the next chunk */
#define PROOF   60 /* … even when nothing else speaks for it */
#define SURE    40 /* … and as proof that another count is the right one */

/* Look at `at`, through the look that the step before took there. */
static void look_at(struct xsi_walk *w, struct legacy *s, uint64_t at, struct legacy_look *k)
{
    if (s->ahead_valid && s->ahead.at == at) {
        *k = s->ahead;
        return;
    }
    legacy_look(w, s, at, k);
}

/*
 * Is this a chunk beyond doubt? Weak signs (a zero, a batch of a few frames) are all over page
 * data; they count only when something good stands behind them too.
 */
static bool proven(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k)
{
    int quality = legacy_quality(w, s, k);
    struct legacy_look behind;

    if (k->kind == LOOK_BATCH && quality >= PROOF)
        return legacy_may_follow(w, s, k->at + k->length);
    if (quality >= PROOF || k->kind == LOOK_BAD)
        return quality >= PROOF;
    if (k->length > LEGACY_LOOK_MAX / 2)
        return quality >= FOLLOWS;
    if (!xsi_exists(w, k->at, k->length))
        return quality > 0; /* the image ends here */
    legacy_look(w, s, k->at + k->length, &behind);
    if (behind.kind == LOOK_SHORT)
        return quality >= FOLLOWS;
    if (k->kind == LOOK_END) /* a stray zero, and the body goes on? */
        return behind.kind == LOOK_CHUNK && legacy_quality(w, s, &behind) >= PROOF;
    return quality >= FOLLOWS && legacy_quality(w, s, &behind) >= FOLLOWS;
}

void legacy_saw_order(struct legacy *s, const struct legacy_look *k)
{
    unsigned named = k->entries - k->specials;

    if (named >= 32 && k->descents > named / 4 && !k->duplicates)
        legacy_saw(s, SEEN_PERMUTED);
    if (named >= 64 && !k->descents)
        s->ascending_batches++;
    if (s->ascending_batches >= 2)
        legacy_saw(s, SEEN_ASCENDING);
}

/* Does a chunk follow at `at`? The state is as it will be behind the batch `k`. */
static bool follows(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k, uint64_t at)
{
    struct legacy next = *s;
    bool good;

    s->ahead_valid = false;
    if (at - xsi_at(w) > (8U << 20))
        return true; /* too far to look on a pipe; do as if on a file too */
    next.next_pfn = k->pages ? k->last_pfn + 1 : s->next_pfn;
    legacy_saw_order(&next, k);
    legacy_look(w, &next, at, &s->ahead);
    if (s->ahead.kind == LOOK_SHORT)
        return true; /* the image ends here; what is missing is said there */
    good = proven(w, &next, &s->ahead);
    s->ahead_valid = good;
    return good;
}

static void saw_entries(struct legacy *s, const struct legacy_look *k)
{
    if (k->xalloc)
        legacy_saw(s, SEEN_XALLOC);
    if (k->broken)
        legacy_saw(s, SEEN_BROKEN);
    legacy_saw_order(s, k);
}

/* One finding per kind of wrong entry in a batch. */
static void report_entries(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k)
{
    uint64_t at = k->at + 4 + (uint64_t)s->ul * (k->bad_index < k->count ? k->bad_index : 0);

    if (k->bad_type)
        xsi_report(w, &legacy_findings[LEGACY_L05], at, s->ul,
                   "%u entries of this batch have a type that does not exist (5 to 7), the first "
                   "wrong entry is number %u",
                   k->bad_type, k->bad_index);
    if (k->out_of_range)
        xsi_report(w, &legacy_findings[LEGACY_L04], at, s->ul,
                   "%u entries name a frame that is not below p2m_size (0x%" PRIx64 "), the first "
                   "wrong entry is number %u",
                   k->out_of_range, s->p2m_size, k->bad_index);
    if (k->high_bits)
        xsi_report(w, &legacy_findings[LEGACY_L07], at, s->ul,
                   "%u entries have bits above the 32nd, the first wrong entry is number %u",
                   k->high_bits, k->bad_index);
    if (k->duplicates && !s->verify)
        xsi_report(w, &legacy_findings[LEGACY_L03], k->at + 4, (uint64_t)s->ul * k->count,
                   "%u frames are named twice in this batch of %u", k->duplicates, k->count);
    else if (k->descents && !k->out_of_range && k->descents <= 2 &&
             !(s->seen & 1ULL << SEEN_PERMUTED) && k->entries - k->specials > 8)
        xsi_report(w, &legacy_findings[LEGACY_L06], k->at + 4, (uint64_t)s->ul * k->count,
                   "this batch of %u ascends but for %u place%s", k->count, k->descents,
                   k->descents > 1 ? "s" : "");
    if (k->tables && !s->pv)
        xsi_report(w, &legacy_findings[LEGACY_L38], k->at + 4, (uint64_t)s->ul * k->count,
                   "%u entries are typed as page tables in an HVM image", k->tables);
}

/* Frames of the batch that have a page now. */
static void mark_present(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k,
                         uint64_t pages)
{
    size_t have;
    const uint8_t *p;

    if (k->entries && k->consecutive == k->entries - 1 && k->pages == k->entries) {
        xsi_present(w, k->first_pfn, pages);
        return;
    }
    p = xsi_peek(w, k->at, 4 + (size_t)k->entries * s->ul, &have);
    for (unsigned i = 0; i < k->entries && pages && 4 + (size_t)(i + 1) * s->ul <= have; i++) {
        uint32_t word = xsi_le32(p + 4 + (size_t)i * s->ul);

        if (word >> 28 >= LEGACY_BROKEN)
            continue;
        pages--;
        if ((word & LEGACY_PFN_MASK) < s->p2m_size)
            xsi_present(w, word & LEGACY_PFN_MASK, 1);
    }
}

static int emit_batch(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k,
                      struct xsi_chunk *c)
{
    xsi_chunk_is(c, &legacy_parts[PART_PAGES], k->length);
    c->meta = k->meta;
    c->entries = k->count;
    c->pages = s->compress ? 0 : k->pages;
    c->tables = k->tables;
    if (s->compress)
        xsi_note(c, "compressed: the pages come in COMPRESSED_DATA");
    c->first_pfn = k->pages ? k->low_pfn : 0;
    c->last_pfn = k->pages ? k->high_pfn : 0;
    c->flags |= XSI_CHUNK_PAGES;
    if (c->pages > (k->length - k->meta) / XSI_PAGE_SIZE)
        c->pages = (k->length - k->meta) / XSI_PAGE_SIZE;
    if (!xsi_exists(w, k->at, k->length)) {
        uint64_t left = xsi_left(w, k->at);

        c->pages = left > k->meta ? (left - k->meta) / XSI_PAGE_SIZE : 0;
        if (k->entries < k->count)
            xsi_report(w, &legacy_findings[s->checkpoint ? LEGACY_L30 : LEGACY_L12], k->at + left,
                       0,
                       "the image ends inside the list of a batch of %u frames; %u are named, "
                       "no page is there",
                       k->count, k->entries);
        else
            xsi_report(w, &legacy_findings[s->checkpoint ? LEGACY_L30 : LEGACY_L12], k->at + left,
                       0,
                       "the image ends inside a batch of %u pages: %" PRIu64 " of its %" PRIu64
                       " bytes are there, with %" PRIu64 " whole pages",
                       k->pages, left, k->length, c->pages);
    }
    if (!s->compress)
        mark_present(w, s, k, c->pages);
    report_entries(w, s, k);
    saw_entries(s, k);
    if (k->pages)
        s->next_pfn = k->last_pfn + 1;
    s->pages += k->pages;
    s->packed += k->pages;
    if (s->has_map || s->last_checkpoint)
        xsi_report(w, &legacy_findings[LEGACY_L48], k->at, 4, "a batch behind %s",
                   s->last_checkpoint ? "LAST_CHECKPOINT" : "VCPU_INFO");
    s->has_map = false;
    s->batches++;
    xsi_read_ahead(w, 4 + (size_t)s->ul * k->count);
    return XSI_CHUNK;
}

/*
 * The batch at k->at does not lead to a chunk. Perhaps its count is wrong: the entries themselves
 * say how many they are. Returns true and corrects *k when that leads to a chunk.
 */
static bool count_from_entries(struct xsi_walk *w, struct legacy *s, struct legacy_look *k)
{
    unsigned run = legacy_run(w, s, k->at, LEGACY_BATCH_MAX);

    for (unsigned count = run; count && count + 4 > run; count--) {
        struct legacy_look look = *k;

        if (count == k->count || count < 2)
            continue;
        if (!legacy_look_as_batch(w, s, k->at, count, &look))
            continue;
        if (legacy_quality(w, s, &look) < FOLLOWS || !xsi_exists(w, k->at, look.length + 4))
            continue;
        if (!follows(w, s, &look, k->at + look.length) || legacy_quality(w, s, &s->ahead) < SURE)
            continue;
        *k = look;
        return true;
    }
    return false;
}

/* Perhaps the type of one entry is wrong, so that a page more or less follows. */
static int pages_off(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k)
{
    static const int tries[] = { -1, 1, -2, 2 };

    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        uint64_t length = k->length + (uint64_t)((int64_t)tries[i] * XSI_PAGE_SIZE);

        if ((tries[i] < 0 && k->pages < (unsigned)-tries[i]) || !xsi_exists(w, k->at, length + 4))
            continue;
        if (follows(w, s, k, k->at + length) && legacy_quality(w, s, &s->ahead) >= 60)
            return tries[i];
    }
    return 0;
}

static void report_count(struct xsi_walk *w, uint64_t at, uint32_t word, const char *more)
{
    char text[200];

    xsi_explain_count(word, text, sizeof(text));
    xsi_report(w, &legacy_findings[LEGACY_L01], at, 4, "bad page count %s%s", text, more);
}

/* The same where the entries behind it tell what it should be: the place is right. */
static void report_damaged(struct xsi_walk *w, uint64_t at, uint32_t word, uint32_t should)
{
    uint32_t differ = word ^ should;
    char bits[40];

    if (differ & (differ - 1))
        snprintf(bits, sizeof(bits), "%d bits differ", __builtin_popcount(differ));
    else
        snprintf(bits, sizeof(bits), "bit %d is flipped", __builtin_ctz(differ));
    xsi_report(w, &legacy_findings[LEGACY_L01], at, 4,
               "bad page count %" PRId32 " = 0x%08" PRIx32 ": %" PRIu32
               " entries stand here and the rest fits, so it should be %" PRIu32 " (%s)",
               (int32_t)word, word, should, should, bits);
}

/* The tail begins here, without the zero count in front of it. */
static int tail_without_end(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;

    xsi_report(w, &legacy_findings[LEGACY_L10], xsi_at(w), 0,
               "the zero count that ends the body is missing; the tail begins here");
    s->end_at = xsi_at(w);
    legacy_begin_tail(w, s);
    return legacy_step_tail(w, l, c);
}

/* The zero count at `at`, or what is taken for it. */
static int emit_end(struct xsi_walk *w, struct legacy *s, uint64_t at, struct xsi_chunk *c)
{
    xsi_chunk_is(c, &legacy_parts[PART_END], 4);
    c->has_id = true;
    c->id = 0;
    legacy_check_unpacked(w, s, at);
    if (!s->checkpoint && !s->pages && s->has_map)
        xsi_report(w, &legacy_findings[LEGACY_L46], at, 4, "the body ends without a page");
    if (!s->last_checkpoint)
        xsi_note(c, "no LAST_CHECKPOINT before it");
    s->end_at = at;
    legacy_begin_tail(w, s);
    return XSI_CHUNK;
}

static int damaged_end(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k,
                       struct xsi_chunk *c)
{
    report_count(w, k->at, k->word, "; the tail follows: it was the zero count");
    xsi_note(c, "%" PRId32 " taken as 0", (int32_t)k->word);
    return emit_end(w, s, k->at, c);
}

/*
 * The entries of a batch are good, but no chunk begins behind its pages. If one begins before that
 * place, bytes were lost from the pages, and the batch ends there. Else the batch is taken as it
 * says, and what is wrong is what follows.
 */
static int step_out_of_step(struct xsi_walk *w, struct xsi_layer *l, struct legacy_look *k,
                            struct xsi_chunk *c)
{
    uint64_t end = k->at + k->length;
    struct legacy_look next;
    bool lost = true;
    struct xsi_sync sync;

    legacy_look(w, l->state, end, &next);
    if (legacy_quality(w, l->state, &next) >= FOLLOWS && !xsi_exists(w, next.at, next.length + 4))
        lost = false; /* the image ends in what follows */
    if (lost && xsi_find_sync(w, l, k->at + k->meta, end, &sync) && sync.offset < end) {
        xsi_report(w, &legacy_findings[LEGACY_L33], k->at, sync.offset - k->at,
                   "this batch announces %u pages, but the next chunk begins %" PRIu64
                   " bytes before their end (%d of 100: %s)",
                   k->pages, end - sync.offset, sync.confidence, sync.why);
        xsi_note(c, "%" PRIu64 " bytes of its pages are missing", end - sync.offset);
        k->length = sync.offset - k->at;
    }
    return emit_batch(w, l->state, k, c);
}

/* A batch whose count is possible. */
static int step_batch(struct xsi_walk *w, struct xsi_layer *l, struct legacy_look *k,
                      struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    struct legacy_look fixed = *k;
    int quality = legacy_quality(w, s, k), off;

    if (!xsi_exists(w, k->at, k->length) && quality >= FOLLOWS - 10 &&
        (k->bad_index >= k->count || !count_from_entries(w, s, &fixed)))
        return emit_batch(w, s, k, c);
    if (quality > 0 && xsi_exists(w, k->at, k->length) && follows(w, s, k, k->at + k->length))
        return emit_batch(w, s, k, c);
    if (legacy_guess_end(w, s, k))
        return damaged_end(w, s, k, c);
    if (count_from_entries(w, s, &fixed)) {
        xsi_report(w, &legacy_findings[LEGACY_L01], k->at, 4,
                   "the count says %u, but %u entries stand here and the next chunk follows the "
                   "batch of %u",
                   k->count, fixed.count, fixed.count);
        xsi_note(c, "count %u taken as %u", k->count, fixed.count);
        return emit_batch(w, s, &fixed, c);
    }
    if (quality > 0 && (off = pages_off(w, s, k))) {
        xsi_report(w, &legacy_findings[LEGACY_L05], k->at + 4, (uint64_t)s->ul * k->count,
                   "the entries announce %u pages, %d follow: the type of an entry is damaged",
                   k->pages, (int)k->pages + off);
        k->length += (uint64_t)((int64_t)off * XSI_PAGE_SIZE);
        k->pages = (unsigned)((int)k->pages + off);
        return emit_batch(w, s, k, c);
    }
    if (quality < FOLLOWS && !s->pv && legacy_tail_quality(w, s, k->at) >= 90)
        return tail_without_end(w, l, c);
    if (quality < FOLLOWS) {
        report_count(w, k->at, k->word, "; what follows is no list of frames");
        return XSI_LOST;
    }
    return step_out_of_step(w, l, k, c);
}

static void saw_chunk(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k)
{
    int64_t id = k->row->type.id;

    s->ids |= 1U << -id;
    if (id == -5 || id == -6) {
        xsi_report(w, &legacy_findings[LEGACY_L28], k->at, k->length,
                   "the guest used tmem; %" PRIu64 " bytes of it are here", k->length);
    }
    if (id == -1) {
        s->verify = true;
        xsi_report(w, &legacy_findings[LEGACY_L31], k->at, 4, "all pages come again from here on");
    }
    s->last_checkpoint |= id == -9;
    s->will_compress |= id == -13;
    if (k->row->hvm && s->pv)
        xsi_report(w, &legacy_findings[LEGACY_L25], k->at, k->length, "%s stands in a PV image",
                   k->row->type.name);
    if (k->row->once && (s->once & 1U << -id))
        xsi_report(w, &legacy_findings[LEGACY_L24], k->at, k->length, "a second %s",
                   k->row->type.name);
    s->once |= 1U << -id;
}

void legacy_take_map(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at, (size_t)k->length, &have);

    if (have < k->length || k->length < 16)
        return;
    s->max_vcpu = xsi_le32(p + 4);
    if (s->max_vcpu / 64 > (k->length - 16) / 8) /* damaged: what the map says */
        s->max_vcpu = 63 - (unsigned)__builtin_clzll(xsi_le64(p + 8) | 1);
    memset(s->map, 0, sizeof(s->map));
    for (unsigned i = 0; i <= s->max_vcpu / 64; i++)
        s->map[i] = xsi_le64(p + 8 + 8 * (size_t)i);
    s->has_map = s->ever_map = true;
}

static void take_vcpus(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at, (size_t)k->length, &have);
    struct xsi_info *info = xsi_info(w);
    uint32_t says;

    if (have < k->length || k->length < 16)
        return;
    says = xsi_le32(p + 4);
    legacy_take_map(w, s, k);
    if (says != s->max_vcpu) {
        xsi_report(w, &legacy_findings[LEGACY_L19], k->at + 4, 4,
                   "the highest vCPU id is %" PRId32 "; the map that stands here ends with %u",
                   (int32_t)says, s->max_vcpu);
    } else {
        if (s->max_vcpu % 64 != 63 && s->map[s->max_vcpu / 64] >> (s->max_vcpu % 64 + 1))
            xsi_report(w, &legacy_findings[LEGACY_L19], k->at + 8, k->length - 8,
                       "the map names vCPUs above the highest id, %u; readers ignore them",
                       s->max_vcpu);
        if (!(s->map[0] & 1))
            xsi_report(w, &legacy_findings[LEGACY_L19], k->at + 8, 8,
                       "the map of online vCPUs does not name vCPU 0");
    }
    info->vcpus = legacy_map_count(s);
    info->has_vcpus = true;
}

/* The note of a chunk: the facts that one looks for in a listing. */
static void chunk_note(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k,
                       struct xsi_chunk *c)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at, 24, &have);

    if (k->row->body == BODY_VCPUS)
        xsi_note(c, "max %u, map 0x%" PRIx64, s->max_vcpu, s->map[0]);
    else if (k->row->body == BODY_PARAM && have >= 16)
        xsi_note(c, "0x%" PRIx64, xsi_le64(p + 8));
    else if (k->row->body == BODY_TSC && have >= 24)
        xsi_note(c, "mode %u, %u kHz, incarnation %u", xsi_le32(p + 4), xsi_le32(p + 16),
                 xsi_le32(p + 20));
    else if (k->row->body == BODY_COMPRESSED || k->row->body == BODY_TOOLSTACK)
        xsi_note(c, "%" PRIu64 " bytes",
                 k->length - 4 - (k->row->body == BODY_TOOLSTACK ? 4 : s->ul));
}

static void check_chunk(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at, 24, &have);

    if (k->row->body == BODY_PARAM && have >= 16 && xsi_le32(p + 4))
        xsi_report(w, &legacy_findings[LEGACY_L36], k->at + 4, 4, "the unused word is 0x%x",
                   xsi_le32(p + 4));
    if (k->row->body == BODY_TSC && have >= 24 && xsi_le32(p + 4) > 3)
        xsi_report(w, &legacy_findings[LEGACY_L42], k->at + 4, 4, "TSC mode %u", xsi_le32(p + 4));
    if (k->row->body == BODY_COMPRESSED && !s->compress)
        xsi_report(w, &legacy_findings[LEGACY_L26], k->at, k->length,
                   s->checkpoint ? "compressed data without ENABLE_COMPRESSION before it"
                                 : "compressed data in the first checkpoint");
    else if (k->row->body == BODY_COMPRESSED)
        legacy_check_compressed(w, s, k->at + k->meta, k->length - k->meta);
    if (s->has_map && (k->row->type.id == -2 || k->row->type.id == -7))
        xsi_report(w, &legacy_findings[LEGACY_L48], k->at, k->length,
                   "%s stands behind VCPU_INFO, which ends the pages", k->row->type.name);
}

static int step_chunk(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k,
                      struct xsi_chunk *c)
{
    xsi_chunk_is(c, &k->row->type, k->length);
    c->meta = k->meta;
    if (legacy_cut(w, k->at, k->length))
        xsi_report(w, &legacy_findings[s->checkpoint ? LEGACY_L30 : LEGACY_L13], k->at, 0,
                   "the image ends inside %s: %" PRIu64 " of its %" PRIu64 " bytes are there",
                   k->row->type.name, xsi_left(w, k->at), k->length);
    saw_chunk(w, s, k);
    check_chunk(w, s, k);
    if (k->row->body == BODY_VCPUS)
        take_vcpus(w, s, k);
    chunk_note(w, s, k, c);
    xsi_read_ahead(w, 4096);
    return XSI_CHUNK;
}

/* No count, no id: perhaps the tail without its zero count, or a batch with a damaged count. */
static int step_bad(struct xsi_walk *w, struct xsi_layer *l, struct legacy_look *k,
                    struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    struct legacy_look fixed = *k;

    if (k->row && k->row->body >= BODY_TMEM) {
        xsi_report(w, &legacy_findings[LEGACY_L27], k->at, 4, "%s: where it ends cannot be told",
                   k->row->type.name);
        return XSI_LOST;
    }
    if (k->row) {
        xsi_report(w, &legacy_findings[LEGACY_L29], k->at, 8, "%s: %s", k->row->type.name,
                   k->problem);
        return XSI_LOST;
    }
    if (!s->pv && legacy_tail_quality(w, s, k->at) >= 90)
        return tail_without_end(w, l, c);
    if (legacy_guess_chunk(w, s, &fixed)) {
        xsi_report(w, &legacy_findings[LEGACY_L02], k->at, 4,
                   "0x%08" PRIx32 " is no chunk id, but one bit away from %s, and the rest fits",
                   k->word, fixed.row->type.name);
        return step_chunk(w, s, &fixed, c);
    }
    if (legacy_guess_end(w, s, k))
        return damaged_end(w, s, k, c);
    if (count_from_entries(w, s, &fixed)) {
        report_damaged(w, k->at, k->word, fixed.count);
        xsi_note(c, "count %d taken as %u", (int32_t)k->word, fixed.count);
        return emit_batch(w, s, &fixed, c);
    }
    if ((int32_t)k->word < 0 && (int32_t)k->word > -1024)
        xsi_report(w, &legacy_findings[LEGACY_L02], k->at, 4, "chunk id %d, which no release has",
                   (int32_t)k->word);
    else
        report_count(w, k->at, k->word, "");
    return XSI_LOST;
}

static int step_end(struct xsi_walk *w, struct xsi_layer *l, struct legacy_look *k,
                    struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    int tail = legacy_tail_quality(w, s, k->at + 4);
    struct legacy_look next;

    if (!s->has_map && tail < FOLLOWS) {
        legacy_look(w, s, k->at + 4, &next);
        if (legacy_quality(w, s, &next) >= 40 && next.kind != LOOK_END) {
            xsi_report(w, &legacy_findings[LEGACY_L08], k->at, 4,
                       "a zero count, but behind it the body goes on");
            return XSI_LOST;
        }
        if (s->batches && legacy_run(w, s, k->at, LEGACY_BATCH_MAX) >= 16)
            return step_bad(w, l, k, c); /* a count that became 0 */
    }
    if (s->pv && tail < FOLLOWS && legacy_tail_quality(w, s, k->at) >= 60)
        return tail_without_end(w, l, c); /* the zero is the tail's own first word */
    if (tail < (s->pv ? FOLLOWS : PROOF) && !s->has_map && legacy_near_end(w, k->at + 4) > 44) {
        report_count(w, k->at, k->word, "; no tail follows it");
        return XSI_LOST;
    }
    return emit_end(w, s, k->at, c);
}

int legacy_step_body(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    struct legacy_look k;

    look_at(w, s, xsi_at(w), &k);
    s->ahead_valid = false;
    switch (k.kind) {
    case LOOK_BATCH:
        return step_batch(w, l, &k, c);
    case LOOK_CHUNK:
        if (k.row->body >= BODY_TMEM)
            k.length = k.meta = legacy_tmem_length(w, k.at, k.row->body == BODY_TMEM_EXTRA);
        return k.length ? step_chunk(w, s, &k, c) : step_bad(w, l, &k, c);
    case LOOK_END:
        return step_end(w, l, &k, c);
    case LOOK_SHORT:
        xsi_chunk_is(c, &legacy_parts[PART_END], 4);
        c->type = "CUT_WORD";
        xsi_report(w, &legacy_findings[s->checkpoint ? LEGACY_L30 : LEGACY_L13], xsi_at(w), 0,
                   "the image ends inside a count or chunk id");
        return XSI_CHUNK;
    default:
        return step_bad(w, l, &k, c);
    }
}
