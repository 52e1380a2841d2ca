/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header: p2m_size, and for PV guests the extended info and the p2m frame list. */
#include <inttypes.h>

#include "legacy.h"

static int step_p2m_size(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    struct xsi_info *info = xsi_info(w);
    struct xsi_cursor cur = { .big = false };

    cur.at = xsi_peek(w, xsi_at(w), s->ul, &cur.left);
    s->p2m_size = xsi_ul(&cur, s->ul);
    xsi_chunk_is(c, &legacy_parts[PART_P2M_SIZE], s->ul);
    if (cur.short_read) {
        xsi_report(w, &legacy_findings[LEGACY_L11], xsi_at(w), 0,
                   "the image ends inside its first word");
        return XSI_CHUNK;
    }
    xsi_note(c, "%" PRIu64, s->p2m_size);
    if (s->p2m_size == 0 || s->p2m_size > LEGACY_P2M_MAX) {
        xsi_report(w, &legacy_findings[LEGACY_L37], xsi_at(w), s->ul,
                   "p2m_size is %" PRIu64 " frames; writers refuse more than %u", s->p2m_size,
                   LEGACY_P2M_MAX);
        s->p2m_size = LEGACY_P2M_MAX;
    } else {
        info->p2m_size = s->p2m_size;
        info->has_p2m_size = true;
    }
    s->phase = s->pv ? PH_EXT : PH_BODY;
    return XSI_CHUNK;
}

/* Behind p2m_size of a PV image: all ones announces extended info, else the frame list begins. */
static int step_ext(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    uint64_t at = xsi_at(w), signature, total;
    struct xsi_cursor cur = { .big = false };

    cur.at = xsi_peek(w, at, s->ul + 4, &cur.left);
    signature = xsi_ul(&cur, s->ul);
    if (!cur.short_read && signature != (s->ul == 4 ? UINT32_MAX : UINT64_MAX)) {
        s->phase = PH_FRAMES;
        legacy_saw(s, SEEN_NO_EXT_INFO);
        return legacy_step_header(w, &(struct xsi_layer){ .state = s }, c);
    }
    total = xsi_u32(&cur);
    xsi_chunk_is(c, &legacy_parts[PART_EXTENDED_INFO], s->ul + 4);
    if (cur.short_read) {
        xsi_report(w, &legacy_findings[LEGACY_L11], at, 0,
                   "the image ends inside the mark of the extended info");
        return XSI_CHUNK;
    }
    xsi_note(c, "%" PRIu64 " bytes of blocks", total);
    if (total > 1U << 20) {
        xsi_report(w, &legacy_findings[LEGACY_L17], at + s->ul, 4,
                   "%" PRIu64 " bytes of extended info; the longest that a release writes has 5196",
                   total);
        total = 0;
    }
    s->ext_left = total;
    s->phase = total ? PH_EXT_BLOCK : PH_FRAMES;
    return XSI_CHUNK;
}

static void note_vcpu_block(struct xsi_walk *w, struct legacy *s, uint64_t at, uint32_t size)
{
    if (size == LEGACY_VCPU32 || size == LEGACY_VCPU64)
        s->gw = size == LEGACY_VCPU32 ? 4 : 8;
    else
        xsi_report(w, &legacy_findings[LEGACY_L17], at + 4, 4,
                   "the vcpu block has %u bytes, which is neither %u (32-bit guest) nor %u "
                   "(64-bit guest)",
                   size, LEGACY_VCPU32, LEGACY_VCPU64);
}

static enum legacy_part block_part(struct xsi_walk *w, struct legacy *s, const uint8_t *p,
                                   uint32_t size)
{
    size_t have;

    if (!memcmp(p, "vcpu", 4)) {
        note_vcpu_block(w, s, xsi_at(w), size);
        return PART_EXT_VCPU;
    }
    if (!memcmp(p, "extv", 4)) {
        s->extv = true;
        legacy_saw(s, SEEN_EXTV);
        return PART_EXT_EXTV;
    }
    if (!memcmp(p, "xcnt", 4)) {
        const uint8_t *value = xsi_peek(w, xsi_at(w) + 8, 4, &have);

        s->xcnt = have == 4 ? xsi_le32(value) : 0;
        if (size != 4)
            xsi_report(w, &legacy_findings[LEGACY_L17], xsi_at(w) + 4, 4,
                       "the xcnt block has %u bytes instead of 4; readers take 4 and get out of "
                       "step", size);
        legacy_saw(s, SEEN_XCNT);
        return PART_EXT_XCNT;
    }
    xsi_report(w, &legacy_findings[LEGACY_L18], xsi_at(w), (uint64_t)size + 8,
               "an extended-info block %02x %02x %02x %02x of %u bytes that no release knows",
               p[0], p[1], p[2], p[3], size);
    return PART_EXT_BLOCK;
}

static int step_ext_block(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    uint64_t at = xsi_at(w);
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 8, &have);
    uint8_t head[8] = { 0 };
    uint32_t size;
    bool known;

    memcpy(head, p, have);
    size = xsi_le32(head + 4);
    known = !memcmp(head, "vcpu", 4) &&
            (size == LEGACY_VCPU32 || size == LEGACY_VCPU64); /* its own length is believable */
    if (have == 8 && (uint64_t)size + 8 > s->ext_left) {
        xsi_report(w, &legacy_findings[LEGACY_L17], at, 8,
                   "a block of %u bytes, but the total leaves %" PRIu64, size,
                   s->ext_left < 8 ? 0 : s->ext_left - 8);
        if (!known && memcmp(head, "extv", 4) && memcmp(head, "xcnt", 4)) {
            s->ext_left = 0;
            s->phase = PH_FRAMES;
            return legacy_step_header(w, &(struct xsi_layer){ .state = s }, c);
        }
        /* the blocks are taken by their own lengths: how many follow is seen as they come */
        s->ext_left = (uint64_t)size + 8;
    }
    xsi_chunk_is(c, &legacy_parts[have < 8 ? PART_EXT_BLOCK : block_part(w, s, head, size)],
                 8 + (uint64_t)size);
    s->ext_left -= have < 8 ? s->ext_left : 8 + (uint64_t)size;
    if (!xsi_exists(w, at, c->length))
        xsi_report(w, &legacy_findings[LEGACY_L11], at, 0,
                   "the image ends inside the extended info");
    if (!s->ext_left) {
        p = xsi_peek(w, at + c->length, 4, &have);
        if (have == 4 && (!memcmp(p, "extv", 4) || !memcmp(p, "xcnt", 4)))
            s->ext_left = !memcmp(p, "extv", 4) ? 8 : 12;
        else
            s->phase = PH_FRAMES;
    }
    return XSI_CHUNK;
}

static int step_frames(struct xsi_walk *w, struct legacy *s, struct xsi_chunk *c)
{
    uint64_t per_frame = XSI_PAGE_SIZE / s->gw, at = xsi_at(w), bad = 0, first_bad = 0;
    uint64_t entries = (s->p2m_size + per_frame - 1) / per_frame;
    size_t have, want = entries * s->ul < (1U << 20) ? (size_t)(entries * s->ul) : 1U << 20;
    struct xsi_cursor cur = { .big = false };

    cur.at = xsi_peek(w, at, want, &have);
    cur.left = have;
    for (uint64_t i = 0; i < have / s->ul; i++) {
        if (xsi_ul(&cur, s->ul) < s->p2m_size)
            continue;
        if (!bad++)
            first_bad = i;
    }
    xsi_chunk_is(c, &legacy_parts[PART_P2M_FRAME_LIST], entries * s->ul);
    xsi_note(c, "%" PRIu64 " frames", entries);
    if (!s->extv && !(s->seen & 1ULL << SEEN_NO_EXT_INFO))
        legacy_saw(s, SEEN_EXT_NO_EXTV);
    if (bad)
        xsi_report(w, &legacy_findings[LEGACY_L21], at + first_bad * s->ul, s->ul,
                   "%" PRIu64 " entries of the frame list are not below p2m_size, the first is "
                   "number %" PRIu64, bad, first_bad);
    if (!xsi_exists(w, at, c->length))
        xsi_report(w, &legacy_findings[LEGACY_L11], at, 0,
                   "the image ends inside the p2m frame list");
    xsi_info(w)->guest_bits = s->gw * 8;
    s->phase = PH_BODY;
    return XSI_CHUNK;
}

int legacy_step_header(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;

    switch (s->phase) {
    case PH_P2M_SIZE: return step_p2m_size(w, s, c);
    case PH_EXT: return step_ext(w, s, c);
    case PH_EXT_BLOCK: return step_ext_block(w, s, c);
    default: return step_frames(w, s, c);
    }
}
