/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is this a legacy stream of the given toolstack width, and of which kind of guest? Nothing in the
 * stream says so; each hypothesis is tried on the first bytes, and its parts are counted as
 * evidence. Facts: sections "p2m_size", "extended info" and "first chunk" of xc_domain_save, 3.0
 * to 4.5.
 */
#include <inttypes.h>
#include <stdio.h>

#include "legacy.h"

struct hypothesis {
    int score;
    enum xsi_guest guest;
    char why[160];
};

static void propose(struct hypothesis *best, int score, enum xsi_guest guest, const char *why)
{
    if (score <= best->score)
        return;
    best->score = score;
    best->guest = guest;
    snprintf(best->why, sizeof(best->why), "%s", why);
}

/* PV with extended info: all ones behind p2m_size, then a total and blocks. */
static void try_extended(struct xsi_walk *w, uint64_t at, unsigned ul, struct hypothesis *best)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at + ul, ul + 12, &have);
    char why[160];
    uint32_t total;
    unsigned zeros = 0;

    for (unsigned i = 0; i < ul && i < have; i++)
        zeros += 8 - (unsigned)__builtin_popcount(p[i]);
    if (!have)
        return;
    if (zeros == 1 && have == ul + 12U && !memcmp(p + ul + 4, "vcpu", 4))
        propose(best, 85, XSI_GUEST_PV,
                "p2m_size, the all-ones mark of a PV image with one bit "
                "wrong, and a vcpu block");
    if (zeros)
        return;
    if (have < ul + 12U) {
        propose(best, 55, XSI_GUEST_PV,
                "p2m_size, then the all-ones mark of a PV image's "
                "extended info, then the image ends");
        return;
    }
    total = xsi_le32(p + ul);
    if (!memcmp(p + ul + 4, "vcpu", 4) || !memcmp(p + ul + 4, "extv", 4) ||
        !memcmp(p + ul + 4, "xcnt", 4)) {
        snprintf(why, sizeof(why),
                 "p2m_size, all-ones mark, %u bytes of extended info beginning "
                 "with \"%.4s\": a PV image",
                 total, (const char *)p + ul + 4);
        propose(best, 95, XSI_GUEST_PV, why);
    } else if (total <= 1U << 16) {
        propose(best, 60, XSI_GUEST_PV,
                "p2m_size, then the all-ones mark of a PV image's extended "
                "info, with a block that is not known");
    }
}

/* The word at `at` goes on as a list of ascending words does: it is no count in front of one. */
static bool within_list(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 8, &have);

    return s->ul == 4 && have == 8 && xsi_le32(p) < xsi_le32(p + 4) &&
           xsi_le32(p + 4) - xsi_le32(p) <= 64;
}

/* How well a body begins at `at`: the first chunk, and what it leads to. */
static int body_score(struct xsi_walk *w, const struct legacy *state, uint64_t at, char *why,
                      size_t size)
{
    struct legacy behind = *state, *s = &behind;
    struct legacy_look first, next;
    int quality, chain = 0;

    legacy_look(w, s, at, &first);
    if (first.kind == LOOK_BATCH)
        legacy_saw_order(s, &first);
    quality = first.kind == LOOK_END ? 0 : legacy_quality(w, s, &first);
    if (first.kind == LOOK_SHORT)
        return 0;
    if (quality <= 0 || first.bad_type || first.out_of_range || first.high_bits) {
        unsigned run = legacy_run(w, s, at, LEGACY_BATCH_MAX); /* is only its count damaged? */

        if (run >= 16 && !within_list(w, s, at)) {
            snprintf(why, size, "a list of %u ascending frames behind a damaged count", run);
            return 50;
        }
    }
    if (quality <= 0)
        return 0;
    legacy_look(w, s, at + first.length, &next);
    if (next.kind == LOOK_SHORT)
        chain = 5;
    else if (legacy_quality(w, s, &next) >= 25)
        chain = 25;
    if (first.kind == LOOK_BATCH)
        snprintf(why, size, "a batch of %u pages%s", first.count,
                 chain > 5 ? " that leads to the next chunk" : "");
    else
        snprintf(why, size, "chunk %s%s", first.row->type.name,
                 chain > 5 ? " and another chunk behind it" : "");
    return quality + chain;
}

static void try_body(struct xsi_walk *w, uint64_t at, const struct legacy *s, bool pv,
                     uint64_t header, struct hypothesis *best)
{
    char what[80] = "", why[160];
    int score = body_score(w, s, at + header, what, sizeof(what));

    if (!score)
        return;
    snprintf(why, sizeof(why),
             pv ? "p2m_size %" PRIu64 ", a list of frames below it, then %s: a PV "
                  "image without extended info"
                : "p2m_size %" PRIu64 ", then %s: an HVM image",
             s->p2m_size, what);
    score = pv ? score * 7 / 10 : score * 8 / 10;
    propose(best, 15 + (score > 75 ? 75 : score), pv ? XSI_GUEST_PV : XSI_GUEST_HVM, why);
}

/* PV without extended info: the frame list follows p2m_size at once. */
static void try_plain_pv(struct xsi_walk *w, uint64_t at, struct legacy *s, struct hypothesis *best)
{
    uint64_t per_frame = XSI_PAGE_SIZE / s->ul, entries;
    struct xsi_cursor c = { .big = false };
    size_t want, n, bad = 0;

    entries = (s->p2m_size + per_frame - 1) / per_frame;
    want = entries * s->ul < 65536 ? (size_t)(entries * s->ul) : 65536;
    c.at = xsi_peek(w, at + s->ul, want, &c.left);
    n = c.left / s->ul;
    if (!n)
        return;
    for (size_t i = 0; i < n; i++) {
        uint64_t frame = xsi_ul(&c, s->ul);

        bad += !frame || frame >= s->p2m_size;
    }
    if (bad > 1 + n / 64 || bad * 4 > n)
        return;
    if (n < entries && c.left < s->ul && !xsi_exists(w, at + s->ul, entries * s->ul)) {
        propose(best, n >= 4 ? 40 : 20, XSI_GUEST_PV,
                "p2m_size and frames below it, then the image ends: a PV image without extended "
                "info");
        return;
    }
    s->pv = true;
    s->gw = s->ul;
    try_body(w, at, s, true, s->ul + entries * s->ul, best);
    s->pv = false;
}

/* Only p2m_size, or a bit more, is there: it could be a legacy stream, no more can be said. */
static void try_short(struct xsi_walk *w, uint64_t at, const struct legacy *s,
                      struct hypothesis *best)
{
    size_t have;
    struct legacy_look look;

    (void)xsi_peek(w, at, s->ul + 4, &have);
    if (have < s->ul || have == s->ul + 4U) {
        if (have < s->ul)
            return;
        legacy_look(w, s, at + s->ul, &look);
        if ((look.kind == LOOK_BATCH || look.kind == LOOK_CHUNK) &&
            !xsi_exists(w, at + s->ul, look.length) && legacy_quality(w, s, &look) > 0)
            propose(best, 30, XSI_GUEST_HVM,
                    "p2m_size and the begin of a chunk, then the image "
                    "ends: probably an HVM image");
        return;
    }
    if (s->ul == 8)
        propose(best, 25, XSI_GUEST_HVM,
                "8 bytes that could be the p2m_size of a 64-bit toolstack, then the image ends");
}

void legacy_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                struct xsi_bid *bid)
{
    struct hypothesis best = { 0 };
    unsigned ul = row->variant / 8;
    struct xsi_cursor c = { .big = false };
    struct legacy *s;
    uint64_t p2m_size;
    bool senseless;

    c.at = xsi_peek(w, at, ul, &c.left);
    p2m_size = xsi_ul(&c, ul);
    if (c.short_read)
        return;
    senseless = p2m_size == 0 || p2m_size > LEGACY_P2M_MAX;
    if (senseless) /* then the rest must speak for itself */
        p2m_size = LEGACY_P2M_MAX;
    s = xsi_scratch(w, sizeof(*s));
    if (!s)
        return;
    s->ul = s->gw = ul;
    s->p2m_size = p2m_size;
    s->phase = PH_BODY;
    try_extended(w, at, ul, &best);
    try_body(w, at, s, false, ul, &best);
    if (!senseless) {
        try_plain_pv(w, at, s, &best);
        try_short(w, at, s, &best);
    }
    bid->score = senseless ? best.score * 3 / 5 : best.score;
    if (senseless && best.score < 80)
        bid->score = 0;
    bid->param = best.guest;
    snprintf(bid->reason, sizeof(bid->reason), "%s", best.why);
}
