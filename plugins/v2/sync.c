/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where does the stream go on behind damage? */
#include <stdio.h>

#include "v2.h"
#include "../x86/x86.h"

#define FIND_BLOCK 16384U
#define FIND_SURE  95
/* Records that stand before the memory only. */
#define STATIC                                                              \
    (V2_BIT(V2_PV_INFO) | V2_BIT(V2_CPUID_POLICY) | V2_BIT(V2_MSR_POLICY) | \
     V2_BIT(V2_STATIC_DATA_END) | V2_BIT(V2_P2M_FRAMES))

/*
 * Records are found by the word of their type (word_min, word_max) and a glance at what follows it.
 * Byte order little: no release writes the other one.
 */
const struct xsi_anchor v2_anchors[] = { { "\xff\xff\xff\xff\xff\xff\xff\xff"
                                           "XENF",
                                           12, 0 },
                                         { NULL, 0, 0 } };

static void say(struct xsi_sync *sync, int confidence, const char *why)
{
    sync->confidence = confidence > 100 ? 100 : confidence;
    snprintf(sync->why, sizeof(sync->why), "%s", why);
}

/* Does the batch go on where the last one ended? First passes list frames in steps of 1024. */
static bool batch_continues(const struct v2_state *s, const struct v2_batch *b)
{
    if (s->has_max && b->highest > s->max_pfn)
        return false;
    if (s->pass)
        return true;
    return b->lowest >= s->next_pfn &&
           (b->lowest % V2_BATCH_MAX == 0 || b->lowest == s->next_pfn || !s->any_pfn);
}

static void judge_batch(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, uint32_t length,
                        struct xsi_sync *sync)
{
    const struct v2_state *s = l->state;
    struct v2_batch b;
    enum v2_look look;
    bool sane, chained, follows;

    v2_batch_read(w, s, at, length, 0, &b);
    if (!b.consistent || b.reserved)
        return;
    sane = !b.bad_types && !b.reserveds && !b.wilds && !b.unsorted && b.count <= V2_BATCH_MAX;
    look = v2_look(w, l, at + v2_span(length), V2_PAGE_DATA);
    chained = look == V2_GOOD || look == V2_DUE_END;
    follows = batch_continues(s, &b);
    say(sync,
        50 + (sane ? 15 : -30) +
            (chained           ? 25
             : look == V2_EDGE ? 10
                               : 0) +
            (follows ? 10 : 0),
        chained && sane && follows
            ? "PAGE_DATA: length, count and entries agree, its frames continue, a record follows"
        : chained ? "PAGE_DATA: length, count and entries agree, and a record follows"
                  : "PAGE_DATA: length, count and entries agree");
}

/* What else makes a header of this type a header. */
static bool strong_body(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                        const uint8_t *p, size_t have)
{
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint32_t a = xsi_u32(&c), khz = xsi_u32(&c);

    switch (h->type) {
    case V2_TSC_INFO:
        return a <= 3 && khz >= 100000 && khz <= 10000000;
    case V2_VCPU_BASIC:
        return true;
    case V2_VCPU_EXTENDED:
    case V2_VCPU_XSAVE:
    case V2_VCPU_MSRS:
        return v2_vcpu_extent(w, s, h) == h->length;
    case V2_HVM_CONTEXT:
        return x86_hvm_starts(p, have);
    case V2_HVM_PARAMS:
        return a && x86_hvm_param(xsi_u64(&c)) != NULL;
    case V2_MSR_POLICY:
        return a == 0xce;
    case V2_PV_INFO:
    case V2_CPUID_POLICY:
        return true;
    default:
        return false;
    }
}

/* Types that can stand here at all, and whose header says enough to be told from memory. */
static bool worth_judging(const struct v2_state *s, uint32_t type, uint32_t length)
{
    uint32_t bit;

    if (!type || type >= V2_RECORDS || !v2_size_ok(type, length))
        return false;
    bit = V2_BIT(type);
    if ((s->kind == 1 && bit & V2_ONLY_HVM) || (s->kind == 2 && bit & V2_ONLY_PV))
        return false;
    if (bit & (V2_TAIL & ~V2_BIT(V2_HVM_CONTEXT)))
        return length > 8;
    return type == V2_HVM_CONTEXT || (bit & STATIC && !s->batches);
}

/* Eight zero bytes behind a record: are they the END? */
static bool surely_ends(struct xsi_walk *w, const struct xsi_layer *l, uint64_t end)
{
    uint64_t behind = end + V2_RHDR_SIZE;
    size_t have;
    const uint8_t *p;

    if (!xsi_exists(w, behind, 1) || v2_libxl_follows(w, l, behind))
        return true;
    p = xsi_peek(w, behind, 9, &have); /* libxl's END */
    return have == 8 && !memcmp(p, "\0\0\0\0\0\0\0", 8);
}

static void judge_record(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                         const uint8_t *body, size_t have, struct xsi_sync *sync)
{
    const struct v2_state *s = l->state;
    bool strong, chained;
    enum v2_look look;
    int fits, sure = 55;

    if (!worth_judging(s, h->type, h->length))
        return;
    fits = v2_rules[h->type].min ? v2_body_fits(s, h->type, h->length, body, have) : 0;
    if (fits < 0 || (!fits && v2_rules[h->type].min != v2_rules[h->type].max))
        return;
    strong = strong_body(w, s, h, body, have);
    if (!strong && V2_BIT(h->type) & V2_TAIL && h->type != V2_SHARED_INFO)
        return;
    look = v2_look(w, l, h->end, (enum v2_record)h->type);
    if (look == V2_DUE_END && !surely_ends(w, l, h->end))
        look = V2_NOTHING;
    chained = look == V2_GOOD || look == V2_DUE_END;
    if (!strong && !chained)
        return;
    sure += (strong ? 20 : 0) + (chained ? 30 : look == V2_EDGE ? 10 : 0);
    sync->confidence = sure > 100 ? 100 : sure;
    snprintf(sync->why, sizeof(sync->why), "%s: its length and body agree%s",
             v2_rules[h->type].name, chained ? ", and a record follows" : "");
}

/* Length and count of a batch, and room for as many pages as the length asks for. */
static bool batch_head(const struct v2_state *s, const uint8_t *p)
{
    struct xsi_cursor c = v2_cursor(s, p, V2_BATCH_HEAD);
    uint32_t type = xsi_u32(&c), length = xsi_u32(&c), count = xsi_u32(&c), reserved = xsi_u32(&c);
    uint64_t list = 8 + 8 * (uint64_t)count;

    return type == V2_PAGE_DATA && !reserved && count && length >= list && length <= V2_CHECK_MAX &&
           (length - list) % XSI_PAGE_SIZE == 0 && (length - list) / XSI_PAGE_SIZE <= count;
}

void v2_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync)
{
    const struct v2_state *s = l->state;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 32, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    struct v2_head h = { .at = at, .have = have };
    uint32_t type, length;

    sync->confidence = 0;
    if (have < V2_BATCH_HEAD)
        return;
    h.type = type = xsi_u32(&c);
    h.length = length = xsi_u32(&c);
    h.end = at + v2_span(length);
    if (type == UINT32_MAX && length == UINT32_MAX) {
        if (!s->ever && !memcmp(p + 8, "XENF\0\0\0", 7) && have >= V2_IHDR_SIZE)
            say(sync, 100, "image header");
        return;
    }
    if (type != V2_PAGE_DATA) {
        judge_record(w, l, &h, c.at, c.left, sync);
        return;
    }
    if (batch_head(s, p))
        judge_batch(w, l, at, length, sync);
}

bool v2_may_start(const struct xsi_layer *l, const uint8_t *p, size_t n)
{
    const struct v2_state *s = l->state;
    struct xsi_cursor c = v2_cursor(s, p, n);
    uint32_t type = xsi_u32(&c), length = xsi_u32(&c);

    if (n < V2_BATCH_HEAD)
        return true;
    if (type == V2_PAGE_DATA)
        return batch_head(s, p);
    if (!v2_size_ok(type, length))
        return false;
    if (v2_rules[type].min)
        return v2_body_fits(s, type, length, c.at, c.left) >= 0;
    type = xsi_u32(&c); /* no body: what comes behind? */
    return type && v2_size_ok(type, xsi_u32(&c));
}

uint64_t v2_find(struct xsi_walk *w, struct xsi_layer *l, uint64_t from, uint64_t to)
{
    uint8_t block[FIND_BLOCK];

    while (from + V2_BATCH_HEAD <= to) {
        size_t want = to - from < sizeof(block) ? (size_t)(to - from) : sizeof(block), have;
        const uint8_t *p = xsi_peek(w, from, want, &have);

        if (have < V2_BATCH_HEAD)
            break;
        memcpy(block, p, have); /* judging a place looks elsewhere */
        for (size_t i = 0; i + V2_RHDR_SIZE <= have; i++) {
            uint32_t type = xsi_le32(block + i);
            struct xsi_sync sync = { .offset = from + i };

            if (!type || type >= V2_RECORDS || !v2_size_ok(type, xsi_le32(block + i + 4)))
                continue;
            v2_resync(w, l, from + i, &sync);
            if (sync.confidence >= FIND_SURE)
                return from + i;
        }
        from += have - V2_RHDR_SIZE + 1;
    }
    return UINT64_MAX;
}

void v2_resumed(struct xsi_walk *w, struct xsi_layer *l, const struct xsi_sync *sync)
{
    struct v2_state *s = l->state;
    size_t have;
    const uint8_t *p = xsi_peek(w, sync->offset, 8, &have);

    s->lost = true;
    s->cut = false;
    if (have == 8 && !memcmp(p, "\xff\xff\xff\xff\xff\xff\xff\xff", 8)) {
        s->phase = V2_AT_IHDR;
        s->base = sync->offset;
        return;
    }
    s->phase = V2_AT_RECORD;
    s->last = V2_RECORDS;
    s->lost_from = s->any_pfn ? s->next_pfn : 0;
    s->lost_open = true;
}
