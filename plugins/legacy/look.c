/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at a place of the body without believing it: what chunk would this be, how long, and how
 * well do its parts agree with each other and with what is known of the guest.
 */
#include <inttypes.h>
#include <stdio.h>

#include "legacy.h"

#define PROOF_OF_TMEM 70
#define TSC_KHZ_MIN   100000U /* clocks that a machine of these years can have */
#define TSC_KHZ_MAX   10000000U

struct entry_block {
    uint64_t word[LEGACY_BATCH_MAX];
    unsigned count;
};

/* Entries of a batch as 64-bit words in host order, from unaligned little-endian memory. */
static void load_entries(struct entry_block *b, const uint8_t *p, unsigned count, unsigned ul)
{
    b->count = count;
    if (ul == 8) {
        memcpy(b->word, p, (size_t)count * 8);
        for (unsigned i = 0; i < count; i++)
            b->word[i] = le64toh(b->word[i]);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        b->word[i] = xsi_le32(p + 4 * (size_t)i);
}

/* The usual batch: plain pages, each the next frame. True when all entries are of that kind. */
static bool all_consecutive(const struct entry_block *b)
{
    uint64_t first = b->word[0], wrong = 0;

    if (first > LEGACY_PFN_MASK || first + b->count > LEGACY_PFN_MASK)
        return false;
    for (unsigned i = 0; i < b->count; i++)
        wrong |= b->word[i] ^ (first + i);
    return !wrong;
}

static void mark_bad(struct legacy_look *k, unsigned index)
{
    if (index < k->bad_index)
        k->bad_index = index;
}

/* Entries whose frame number occurs twice in the batch; looked for only when it does not ascend. */
static unsigned duplicates(const struct entry_block *b)
{
    uint32_t table[4 * LEGACY_BATCH_MAX];
    unsigned found = 0;

    memset(table, 0xff, sizeof(table));
    for (unsigned i = 0; i < b->count; i++) {
        uint32_t pfn = (uint32_t)b->word[i] & LEGACY_PFN_MASK;
        unsigned slot = (pfn * 2654435761U) >> 20; /* the best mixed bits, below 4096 */

        if (((b->word[i] >> 28) & 0xf) == LEGACY_XTAB)
            continue;
        while (table[slot] != UINT32_MAX && table[slot] != pfn)
            slot = (slot + 1) % (4 * LEGACY_BATCH_MAX);
        found += table[slot] == pfn;
        table[slot] = pfn;
    }
    return found;
}

static void judge_entry(const struct legacy *s, struct legacy_look *k, uint64_t word, unsigned i,
                        uint64_t *before)
{
    unsigned type = (word >> 28) & 0xf;
    uint64_t pfn = word & LEGACY_PFN_MASK;

    if (word >> 32) {
        k->high_bits++;
        mark_bad(k, i);
    }
    if (type == LEGACY_XTAB) {
        k->specials++;
        return;
    }
    k->xalloc += type == LEGACY_XALLOC;
    k->broken += type == LEGACY_BROKEN;
    k->tables += (type & 7) >= 1 && (type & 7) <= 4 && type < LEGACY_BROKEN;
    if (type >= 5 && type <= 7) {
        k->bad_type++;
        mark_bad(k, i);
    }
    if (type < LEGACY_BROKEN)
        k->pages++;
    if (pfn >= s->p2m_size) {
        k->out_of_range++;
        mark_bad(k, i);
    }
    if (k->first_pfn == UINT64_MAX)
        k->first_pfn = pfn;
    else if (pfn <= *before)
        k->descents++;
    k->consecutive += pfn == *before + 1;
    *before = k->last_pfn = pfn;
    if (pfn < k->low_pfn)
        k->low_pfn = pfn;
    if (pfn > k->high_pfn)
        k->high_pfn = pfn;
}

static void judge_entries(const struct legacy *s, struct legacy_look *k,
                          const struct entry_block *b)
{
    uint64_t before = UINT64_MAX - 1;

    k->bad_index = UINT32_MAX;
    k->first_pfn = k->low_pfn = UINT64_MAX;
    if (b->count && all_consecutive(b) && b->word[0] + b->count <= s->p2m_size) {
        k->pages = b->count;
        k->consecutive = b->count - 1;
        k->first_pfn = k->low_pfn = b->word[0];
        k->last_pfn = k->high_pfn = b->word[0] + b->count - 1;
        return;
    }
    for (unsigned i = 0; i < b->count; i++)
        judge_entry(s, k, b->word[i], i, &before);
    if (k->descents)
        k->duplicates = duplicates(b);
    if (k->first_pfn == UINT64_MAX)
        k->first_pfn = k->low_pfn = 0;
}

static void look_batch(struct xsi_walk *w, const struct legacy *s, struct legacy_look *k)
{
    size_t have, want = 4 + (size_t)s->ul * k->count;
    const uint8_t *p = xsi_peek(w, k->at, want, &have);
    struct entry_block block;

    k->entries = have < want ? (unsigned)((have > 4 ? have - 4 : 0) / s->ul) : k->count;
    load_entries(&block, p + 4, k->entries, s->ul);
    judge_entries(s, k, &block);
    k->kind = LOOK_BATCH;
    k->meta = want;
    k->length = want + (s->compress ? 0 : (uint64_t)XSI_PAGE_SIZE * k->pages);
    if (k->entries < k->count) /* cut: what the missing entries would add is unknown */
        k->length =
            want + (s->compress ? 0 : (uint64_t)XSI_PAGE_SIZE * (k->pages + k->count - k->entries));
}

/* Does an id or the zero count stand at `at`, as it must behind VCPU_INFO? */
static bool id_at(struct xsi_walk *w, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 4, &have);

    return have == 4 && (!xsi_le32(p) || legacy_chunk_row((int32_t)xsi_le32(p)));
}

/* Does a parameter chunk stand at `at`, and another id behind it? No vCPU map looks like that. */
static bool param_stands(struct xsi_walk *w, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 8, &have);
    const struct legacy_chunk_row *row = have == 8 ? legacy_chunk_row((int32_t)xsi_le32(p)) : NULL;

    return row && row->body == BODY_PARAM && !xsi_le32(p + 4) && id_at(w, at + 16);
}

/*
 * The map has a word for every 64 vCPUs, and the bit of the highest id is set in the last. An id
 * for which it is not is damaged; then the map has one word, if the next chunk stands behind that.
 */
static uint64_t vcpus_length(struct xsi_walk *w, const struct legacy_look *k)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at, 8, &have);
    uint32_t max = have == 8 ? xsi_le32(p + 4) : 0;
    uint64_t length = 8 + 8 * ((uint64_t)max / 64 + 1);

    if (max >= LEGACY_VCPUS_MAX)
        return 16;
    if (length > 16 && param_stands(w, k->at + 16))
        return 16;
    p = xsi_peek(w, k->at + length - 8, 8, &have);
    return have == 8 && xsi_le64(p) >> (max % 64) != 1 && id_at(w, k->at + 16) ? 16 : length;
}

/* A chunk with a length word of `width` bytes behind its id. */
static uint64_t counted_length(struct xsi_walk *w, struct legacy_look *k, unsigned width)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at, 4 + width, &have);
    struct xsi_cursor c = { p, have, false, false };
    uint64_t n;

    xsi_skip(&c, 4);
    n = xsi_ul(&c, width);
    if (c.short_read)
        return 4 + width;
    if (n > LEGACY_BLOB_MAX) {
        snprintf(k->problem, sizeof(k->problem), "its length word says %" PRIu64 " bytes", n);
        k->kind = LOOK_BAD;
    }
    return 4 + width + n;
}

void legacy_look_as_chunk(struct xsi_walk *w, const struct legacy *s, struct legacy_look *k)
{
    k->kind = LOOK_CHUNK;
    switch (k->row->body) {
    case BODY_FLAG:
        k->length = 4;
        break;
    case BODY_PARAM:
        k->length = 16;
        break;
    case BODY_TSC:
        k->length = 24;
        break;
    case BODY_VCPUS:
        k->length = vcpus_length(w, k);
        break;
    case BODY_TOOLSTACK:
        k->length = counted_length(w, k, 4);
        break;
    case BODY_COMPRESSED:
        k->length = counted_length(w, k, s->ul);
        break;
    default:
        k->length = 4;
        break; /* tmem: long to measure, see legacy_tmem_length() */
    }
    k->meta = k->row->body == BODY_COMPRESSED ? 4 + s->ul : k->length;
}

void legacy_look(struct xsi_walk *w, const struct legacy *s, uint64_t at, struct legacy_look *k)
{
    const uint8_t *p;
    size_t have;

    memset(k, 0, sizeof(*k));
    k->at = at;
    k->bad_index = UINT32_MAX;
    p = xsi_peek(w, at, 4, &have);
    if (have < 4) {
        k->kind = LOOK_SHORT;
        k->length = k->meta = 4;
        return;
    }
    k->word = xsi_le32(p);
    k->count = k->word;
    if (k->word == 0) {
        k->kind = LOOK_END;
        k->length = k->meta = 4;
        return;
    }
    k->row = legacy_chunk_row((int32_t)k->word);
    if (k->row)
        legacy_look_as_chunk(w, s, k);
    else if (k->word <= LEGACY_BATCH_MAX)
        look_batch(w, s, k);
    else
        snprintf(k->problem, sizeof(k->problem), "no count and no chunk id");
}

bool legacy_look_as_batch(struct xsi_walk *w, const struct legacy *s, uint64_t at, unsigned count,
                          struct legacy_look *k)
{
    uint32_t word = k->word;

    memset(k, 0, sizeof(*k));
    k->at = at;
    k->word = word;
    k->count = count;
    look_batch(w, s, k);
    return k->entries == count;
}

bool legacy_may_start(const struct xsi_layer *l, const uint8_t *p, size_t n)
{
    const struct legacy *s = l->state;
    struct xsi_cursor c = { p, n, false, false };
    uint64_t before = 0;
    uint32_t count = xsi_u32(&c);

    for (unsigned i = 0; i < 4 && i < count; i++) {
        uint64_t word = xsi_ul(&c, s->ul);
        unsigned type = word >> 28 & 0xf;

        if (c.short_read)
            return true; /* what is there fits */
        if (word >> 32 || (type >= 5 && type <= 8))
            return false;
        if (type == LEGACY_XTAB)
            continue;
        if ((word & LEGACY_PFN_MASK) >= s->p2m_size)
            return false;
        if (i && (word & LEGACY_PFN_MASK) <= before && !(s->seen & 1ULL << SEEN_PERMUTED))
            return false;
        before = word & LEGACY_PFN_MASK;
    }
    return true;
}

bool legacy_starts_batch(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    struct xsi_layer l = { .state = (void *)(uintptr_t)s };
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 4 + 4 * (size_t)s->ul, &have);

    return legacy_may_start(&l, p, have);
}

bool legacy_may_follow(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    const struct legacy_chunk_row *row;
    const uint8_t *p;
    uint32_t word;
    size_t have;

    if (at - xsi_at(w) > (11U << 20))
        return true; /* a pipe cannot look there; a file gives the same answer */
    p = xsi_peek(w, at, 4, &have);
    if (have < 4)
        return true;
    word = xsi_le32(p);
    row = legacy_chunk_row((int32_t)word);
    if (row)
        return row->type.id != -1 || legacy_starts_batch(w, s, at + 4);
    if (!word)
        return legacy_tail_quality(w, s, at + 4) >= 25;
    return word <= LEGACY_BATCH_MAX && legacy_starts_batch(w, s, at);
}

unsigned legacy_run(struct xsi_walk *w, const struct legacy *s, uint64_t at, unsigned max)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 4 + (size_t)max * s->ul, &have);
    struct entry_block b;
    uint64_t before = UINT64_MAX;
    unsigned i;

    load_entries(&b, p + 4, (unsigned)((have > 4 ? have - 4 : 0) / s->ul), s->ul);
    for (i = 0; i < b.count; i++) {
        unsigned type = (b.word[i] >> 28) & 0xf;
        uint64_t pfn = b.word[i] & LEGACY_PFN_MASK;

        if (b.word[i] >> 32 || (type >= 5 && type <= 7))
            break;
        if (type == LEGACY_XTAB)
            continue;
        if (pfn >= s->p2m_size || (before != UINT64_MAX && pfn <= before))
            break;
        before = pfn;
    }
    return i;
}

/* A chunk that is its id alone: what stands behind it must speak for it. */
static int flag_quality(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at + 4, 4, &have);
    uint32_t word = have == 4 ? xsi_le32(p) : 0;

    if (k->row->type.id != -1) /* the last before the zero count, in every writer */
        return word ? 20 : 40;
    return word && word <= LEGACY_BATCH_MAX && legacy_starts_batch(w, s, k->at + 4) ? 40 : 10;
}

/* Is this the map of a writer: bit 0 set, and the bit of the highest id, and none above? */
static bool map_fits(const uint8_t *p, uint32_t max)
{
    return (p[8] & 1) && (max >= 64 || xsi_le64(p + 8) >> max == 1);
}

/* How much the parts of a chunk with an id prove that it is one. */
static int chunk_quality(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, k->at, 24, &have);

    switch (k->row->body) {
    case BODY_FLAG:
        return flag_quality(w, s, k);
    case BODY_PARAM:
        if (have < 16)
            return 30;
        return xsi_le32(p + 4) == 0 && xsi_le64(p + 8) && xsi_le64(p + 8) < 1ULL << 52 ? 70 : 20;
    case BODY_TSC:
        if (have < 24)
            return 30;
        if (xsi_le32(p + 4) > 3)
            return 5;
        return xsi_le32(p + 16) >= TSC_KHZ_MIN && xsi_le32(p + 16) <= TSC_KHZ_MAX ? 60 : 25;
    case BODY_VCPUS:
        if (have < 16)
            return 30;
        if (xsi_le32(p + 4) < LEGACY_VCPUS_MAX && map_fits(p, xsi_le32(p + 4)))
            return 80;
        return id_at(w, k->at + 16) ? 40 : 0; /* damaged, but where it should be? */
    case BODY_TMEM:
    case BODY_TMEM_EXTRA:
        return legacy_tmem_starts(p, have, k->row->body == BODY_TMEM_EXTRA) ? PROOF_OF_TMEM : 5;
    default:
        return 30;
    }
}

static int batch_quality(const struct legacy *s, const struct legacy_look *k)
{
    unsigned bad = k->bad_type + k->out_of_range + k->high_bits;
    unsigned named = k->entries - k->specials;
    int score;

    if (!k->entries)
        return k->count ? 20 : 0;
    if (bad > k->entries / 16 + (k->entries >= 4))
        return 0;
    if (s->seen & 1ULL << SEEN_PERMUTED)
        return k->duplicates ? 10 : 40 + (k->entries > 32 ? 30 : 0);
    if (k->descents > 1 + named / 64)
        return k->duplicates || named < 8 ? 5 : 30;
    score = 30;
    score += named >= 8 ? 15 : 0;
    score += named >= 64 ? 15 : 0;
    score += k->consecutive * 2 >= named ? 15 : 0;
    score += named && k->first_pfn >= s->next_pfn && k->first_pfn - s->next_pfn < 64 ? 15 : 0;
    score -= bad ? 15 : 0;
    return score;
}

int legacy_quality(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k)
{
    switch (k->kind) {
    case LOOK_BATCH:
        return batch_quality(s, k);
    case LOOK_CHUNK:
        return chunk_quality(w, s, k);
    case LOOK_END:
        return legacy_tail_quality(w, s, k->at + 4);
    default:
        return 0;
    }
}
