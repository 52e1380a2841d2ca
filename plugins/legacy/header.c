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

/* A block of the extended info stands where one would if the word at `at` were the mark. */
static bool damaged_mark(struct xsi_walk *w, const struct legacy *s, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at + s->ul + 4, 4, &have);

    if (have < 4 || memcmp(p, "vcpu", 4))
        return false;
    xsi_report(w, &legacy_findings[LEGACY_L17], at, s->ul,
               "the mark of the extended info is not all ones, but a vcpu block follows it");
    return true;
}

/* Behind p2m_size of a PV image: all ones announces extended info, else the frame list begins. */
static int step_ext(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    uint64_t at = xsi_at(w), signature, total;
    struct xsi_cursor cur = { .big = false };

    cur.at = xsi_peek(w, at, s->ul + 4, &cur.left);
    signature = xsi_ul(&cur, s->ul);
    if (!cur.short_read && signature != (s->ul == 4 ? UINT32_MAX : UINT64_MAX) &&
        !damaged_mark(w, s, at)) {
        s->phase = PH_FRAMES;
        legacy_saw(s, SEEN_NO_EXT_INFO);
        return legacy_step_header(w, l, c);
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

    const char *id = legacy_guess_block(p);

    if (id && memcmp(p, id, 4))
        xsi_report(w, &legacy_findings[LEGACY_L17], xsi_at(w), 4,
                   "the block's id is one bit away from %s, and is taken as that", id);
    if (id && !strcmp(id, "vcpu")) {
        note_vcpu_block(w, s, xsi_at(w), size);
        return PART_EXT_VCPU;
    }
    if (id && !strcmp(id, "extv")) {
        s->extv = true;
        legacy_saw(s, SEEN_EXTV);
        return PART_EXT_EXTV;
    }
    if (id && !strcmp(id, "xcnt")) {
        const uint8_t *value = xsi_peek(w, xsi_at(w) + 8, 4, &have);

        s->xcnt = have == 4 ? xsi_le32(value) : 0;
        if (size != 4)
            xsi_report(w, &legacy_findings[LEGACY_L17], xsi_at(w) + 4, 4,
                       "the xcnt block has %u bytes instead of 4; readers take 4 and get out of "
                       "step",
                       size);
        legacy_saw(s, SEEN_XCNT);
        return PART_EXT_XCNT;
    }
    xsi_report(w, &legacy_findings[LEGACY_L18], xsi_at(w), (uint64_t)size + 8,
               "an extended-info block %02x %02x %02x %02x of %u bytes that no release knows", p[0],
               p[1], p[2], p[3], size);
    return PART_EXT_BLOCK;
}

static bool known_block(const uint8_t *p)
{
    return legacy_guess_block(p) != NULL;
}

/* Does the next block, or the end of the extended info, stand behind `size` bytes of data? */
static bool block_fits(struct xsi_walk *w, const struct legacy *s, uint64_t at, uint32_t size)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at + 8 + size, 4, &have);

    return (have == 4 && known_block(p)) || s->ext_left == 8 + (uint64_t)size;
}

/* Data bytes of the block at `at`: what it says, or what its id stands for if that is no good. */
static uint32_t block_size(struct xsi_walk *w, const struct legacy *s, uint64_t at,
                           const uint8_t *head)
{
    uint32_t says = xsi_le32(head + 4), means;
    const char *id = legacy_guess_block(head);

    if (!id || block_fits(w, s, at, says))
        return says;
    means = !strcmp(id, "extv")                   ? 0
            : !strcmp(id, "xcnt")                 ? 4
            : block_fits(w, s, at, LEGACY_VCPU32) ? LEGACY_VCPU32
                                                  : LEGACY_VCPU64;
    if (says == means || (!block_fits(w, s, at, means) && (uint64_t)says + 8 <= s->ext_left))
        return says;
    return means;
}

/* The blocks end here although the total says that more bytes belong to them. */
static bool blocks_end(struct xsi_walk *w, struct legacy *s, const uint8_t *head)
{
    unsigned letters = 0;

    while (letters < 4 && head[letters] >= 0x20 && head[letters] < 0x7f)
        letters++;
    if (letters == 4 || known_block(head))
        return false;
    xsi_report(w, &legacy_findings[LEGACY_L17], xsi_at(w), s->ext_left,
               "the total leaves %" PRIu64 " more bytes, but no block begins here", s->ext_left);
    s->ext_left = 0;
    s->phase = PH_FRAMES;
    return true;
}

/* Where the blocks end when the total was used up: a known block may still follow. */
static void after_block(struct xsi_walk *w, struct legacy *s, uint64_t next)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, next, 4, &have);

    if (s->ext_left)
        return;
    if (have == 4 && known_block(p) && memcmp(p, "vcpu", 4))
        s->ext_left = !memcmp(p, "extv", 4) ? 8 : 12;
    else
        s->phase = PH_FRAMES;
}

static int step_ext_block(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c)
{
    struct legacy *s = l->state;
    uint64_t at = xsi_at(w), length;
    uint8_t head[8] = { 0 };
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 8, &have);

    memcpy(head, p, have);
    if (have < 8) {
        xsi_chunk_is(c, &legacy_parts[PART_EXT_BLOCK], 8);
        xsi_report(w, &legacy_findings[LEGACY_L11], at, 0,
                   "the image ends inside the extended info");
        return XSI_CHUNK;
    }
    if (blocks_end(w, s, head))
        return legacy_step_header(w, l, c);
    length = 8 + (uint64_t)block_size(w, s, at, head);
    if (length - 8 != xsi_le32(head + 4) || length > s->ext_left)
        xsi_report(w, &legacy_findings[LEGACY_L17], at, 8,
                   "the block says %u bytes, %" PRIu64 " are taken; the total leaves %" PRIu64,
                   xsi_le32(head + 4), length - 8, s->ext_left < 8 ? 0 : s->ext_left - 8);
    if (length > s->ext_left && !known_block(head)) {
        s->ext_left = 0;
        s->phase = PH_FRAMES;
        return legacy_step_header(w, l, c);
    }
    xsi_chunk_is(c, &legacy_parts[block_part(w, s, head, (uint32_t)length - 8)], length);
    s->ext_left -= length < s->ext_left ? length : s->ext_left;
    if (!xsi_exists(w, at, length))
        xsi_report(w, &legacy_findings[LEGACY_L11], at, 0,
                   "the image ends inside the extended info");
    after_block(w, s, at + length);
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
                   "number %" PRIu64,
                   bad, first_bad);
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
    case PH_P2M_SIZE:
        return step_p2m_size(w, s, c);
    case PH_EXT:
        return step_ext(w, l, c);
    case PH_EXT_BLOCK:
        return step_ext_block(w, l, c);
    default:
        return step_frames(w, s, c);
    }
}
