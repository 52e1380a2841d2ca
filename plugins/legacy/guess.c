/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a damaged word was. A word that is one bit away from a chunk id, or that stands in front of
 * a good tail, is taken for what it was when everything behind it fits; the finding says so.
 */
#include "../x86/x86.h"
#include "legacy.h"

#define SURE_TAIL 85 /* quality of a tail that several parts speak for */

static bool one_bit(uint32_t a, uint32_t b)
{
    uint32_t differ = a ^ b;

    return differ && !(differ & (differ - 1));
}

/* Does the body go on behind `k`, or the image end there? */
static bool goes_on(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k)
{
    struct legacy behind = *s;
    struct legacy_look next;

    if (!xsi_exists(w, k->at, k->length))
        return false;
    if (k->row->body == BODY_VCPUS)
        legacy_take_map(w, &behind, k);
    legacy_look(w, &behind, k->at + k->length, &next);
    if (next.kind == LOOK_END)
        return legacy_quality(w, &behind, &next) >= 60;
    return next.kind == LOOK_CHUNK && legacy_quality(w, &behind, &next) >= 40;
}

bool legacy_guess_chunk(struct xsi_walk *w, const struct legacy *s, struct legacy_look *k)
{
    const struct legacy_chunk_row *row;
    struct legacy_look look;

    for (int id = -2; (row = legacy_chunk_row(id)); id--) {
        if (!one_bit(k->word, (uint32_t)id) || row->body > BODY_VCPUS)
            continue;
        look = *k;
        look.row = row;
        legacy_look_as_chunk(w, s, &look);
        if (look.kind != LOOK_CHUNK || !goes_on(w, s, &look))
            continue;
        *k = look;
        return true;
    }
    return false;
}

bool legacy_guess_end(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k)
{
    return s->batches && (s->has_map || !s->extv) &&
           legacy_tail_quality(w, s, k->at + 4) >= SURE_TAIL;
}

uint32_t legacy_guess_context(struct xsi_walk *w, uint64_t at, uint32_t says)
{
    struct x86_hvm_summary sum;
    uint64_t end;
    size_t have;
    const uint8_t *p = xsi_peek(w, at + 4, 1U << 20, &have);

    if (!x86_hvm_starts(p, have))
        return says;
    x86_hvm_check(p, have, have, &sum);
    if (!sum.end_seen || sum.end_at == says || sum.end_at > have)
        return says;
    end = at + 4 + sum.end_at;
    p = xsi_peek(w, end, 21, &have);
    return !have || (have == 21 && legacy_signature(p)) ? (uint32_t)sum.end_at : says;
}

const char *legacy_guess_block(const uint8_t *p)
{
    static const char *const names[] = { "vcpu", "extv", "xcnt" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!memcmp(p, names[i], 4) || one_bit(xsi_le32(p), xsi_le32(names[i])))
            return names[i];
    return NULL;
}
