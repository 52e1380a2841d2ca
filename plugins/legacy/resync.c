/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a lost stream goes on. A place is certain when independent facts agree: a list of frames
 * that ascends, the pages that it announces, and a chunk behind them; or the head of an HVM context
 * behind three frame numbers; or a device-model signature.
 */
#include <inttypes.h>
#include <stdio.h>

#include "legacy.h"

static void answer(struct xsi_sync *sync, int confidence, const char *why)
{
    if (confidence <= sync->confidence)
        return;
    sync->confidence = confidence;
    snprintf(sync->why, sizeof(sync->why), "%s", why);
}

#define CHAIN_MAX 16 /* a body has some ten chunks behind its last batch */

/* No writer sends a chunk twice, or a batch or the TSC behind VCPU_INFO; page contents do. */
static bool in_order(const struct legacy_look *look, uint32_t *ids)
{
    uint32_t bit = look->kind == LOOK_CHUNK ? 1U << -look->row->type.id : 0;
    bool late = look->kind == LOOK_BATCH || bit == 1U << 7;
    bool fits = !(*ids & bit && look->row->once) && !(late && *ids & 1U << 2);

    *ids |= bit;
    return fits;
}

/* Number of good chunks in a row from the one that `look` describes; *tail: a good tail ends it. */
static unsigned chain(struct xsi_walk *w, const struct legacy *state, struct legacy_look look,
                      bool *tail)
{
    struct legacy behind = *state, *s = &behind;
    uint32_t ids = 0;
    unsigned n = 0;

    *tail = false;
    while (n < CHAIN_MAX) {
        int quality = legacy_quality(w, s, &look);

        if (!in_order(&look, &ids))
            return 0;

        if (look.kind == LOOK_END) {
            *tail = quality >= 60;
            return n + (quality >= 30);
        }
        if (quality < 25)
            return n;
        n++;
        if (look.kind == LOOK_CHUNK && look.row->body == BODY_VCPUS)
            legacy_take_map(w, s, &look);
        if ((look.kind == LOOK_CHUNK && look.row->body >= BODY_TMEM) ||
            look.at + look.length - xsi_at(w) > LEGACY_LOOK_MAX)
            return n;
        legacy_look(w, s, look.at + look.length, &look);
    }
    return n;
}

static void judge_batch(struct xsi_walk *w, const struct legacy *s, uint64_t at,
                        struct xsi_sync *sync)
{
    struct legacy_look look, next;
    unsigned bad, named, links;
    char why[160];
    bool expected, tail, permuted = s->seen >> SEEN_PERMUTED & 1;
    int quality;

    if (!legacy_starts_batch(w, s, at))
        return;
    legacy_look(w, s, at, &look);
    bad = look.bad_type + look.out_of_range + look.high_bits + look.duplicates;
    named = look.entries - look.specials;
    if (bad || named < 2)
        return;
    if (legacy_quality(w, s, &look) < 30)
        return;
    expected = look.first_pfn >= s->next_pfn && look.first_pfn - s->next_pfn <= 2048;
    legacy_look(w, s, at + look.length, &next);
    quality = next.kind == LOOK_SHORT ? 10 : legacy_quality(w, s, &next);
    snprintf(why, sizeof(why), "%u of %u frames follow each other from 0x%" PRIx64 " on, and %s",
             look.consecutive, look.entries, look.first_pfn,
             quality >= 25 ? "the next chunk stands behind their pages"
                           : "behind their pages is nothing that is known");
    if (quality >= 40 && named >= 16 && look.consecutive * 2 >= named)
        answer(sync, 100, why);
    else if (quality >= 25 && named >= (permuted ? 32 : 16))
        answer(sync, expected ? 95 : 90, why);
    else if (quality >= 25) { /* a few frames prove little: the chunks behind must */
        links = chain(w, s, look, &tail);
        answer(sync, named >= 4 && ((links >= 2 && tail) || links >= 5) ? 90 : 60, why);
    } else if (named >= 64 && look.consecutive * 4 >= named * 3)
        answer(sync, expected ? 90 : 85, why);
    else if (named >= 16)
        answer(sync, 50, why);
}

static void judge_chunk(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *look,
                        struct xsi_sync *sync)
{
    unsigned links;
    char why[160];
    bool tail;

    if (look->row->type.id == -1 || look->row->body >= BODY_TMEM || legacy_quality(w, s, look) < 25)
        return;
    links = chain(w, s, *look, &tail);
    snprintf(why, sizeof(why), "chunk %s and %u good chunks in a row%s", look->row->type.name,
             links, tail ? " up to the tail" : "");
    if (links >= 2 && tail)
        answer(sync, 100, why);
    else if (links >= 5)
        answer(sync, 90, why);
    else
        answer(sync, (int)links * 15, why);
}

bool legacy_signature(const uint8_t *p)
{
    static const char *const names[] = { "QemuDeviceModelRecord", "DeviceModelRecord0002",
                                         "RemusDeviceModelState" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!memcmp(p, names[i], 21))
            return true;
    return false;
}

void legacy_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync)
{
    const struct legacy *s = l->state;
    struct legacy_look look;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 44, &have);
    uint32_t word;

    if (have < 8 || s->phase <= PH_FRAMES)
        return;
    word = xsi_le32(p);
    if (word && word <= LEGACY_BATCH_MAX) {
        judge_batch(w, s, at, sync);
        return;
    }
    if (word >= 0xffffffebU) {
        legacy_look(w, s, at, &look);
        if (look.kind == LOOK_CHUNK)
            judge_chunk(w, s, &look, sync);
        return;
    }
    if (have >= 21 && legacy_signature(p)) {
        answer(sync, 100, "the signature of a device-model record");
        return;
    }
    if (s->pv || have < 44)
        return;
    if (!word && legacy_tail_quality(w, s, at + 4) >= 95)
        answer(sync, 100, "a zero count, three frame numbers and the head of the HVM context");
    else if (legacy_tail_quality(w, s, at) >= 95)
        answer(sync, 100, "three frame numbers and the head of the HVM context");
}

void legacy_resumed(struct xsi_walk *w, struct xsi_layer *l, const struct xsi_sync *sync)
{
    struct legacy *s = l->state;
    size_t have;
    const uint8_t *p = xsi_peek(w, sync->offset, 44, &have);

    s->ahead_valid = false;
    s->phase = PH_BODY;
    if (have >= 21 && legacy_signature(p))
        s->phase = PH_RECORD;
    else if (!s->pv && have >= 44 && legacy_tail_quality(w, s, sync->offset) >= 95)
        legacy_begin_tail(w, s);
}
