/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The head of a PV stream: extended info and frame list (convert-legacy-stream:
 * read_pv_extended_info, read_pv_p2m_frames).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "converter_priv.h"

enum { STRING_MAX = 1 << 30 }; /* what Python surely gets memory for */

static void got_frames(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < s->frames * s->ul) {
        converter_short(r, s, "the frame list");
        return;
    }
    s->frames_at = xsi_run_at(r) - got;
    if (s->frames <= CONVERTER_FRAMES && got <= XSI_NEED_MAX)
        s->frame = calloc(s->frames, sizeof(*s->frame));
    for (uint64_t i = 0; s->frame && i < s->frames; i++)
        s->frame[i] = s->ul == 4 ? xsi_le32(p + 4 * i) : xsi_le64(p + 8 * i);
    converter_next(r, s);
}

static void frame_list(struct xsi_run *r, struct converter *s)
{
    uint64_t fpp = s->width ? 4096 / s->width : 0;

    s->at = xsi_run_at(r);
    s->frames = fpp && s->p2m_size ? (s->p2m_size - 1) / fpp + 1 : 0;
    if (!fpp || !s->p2m_size || s->p2m_size > UINT32_MAX) {
        /* division by zero, or a number that struct.pack() cannot take: not caught */
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L37",
                        fpp ? "p2m_size is 0x%" PRIx64 : "the extended info has no vcpu block",
                        s->p2m_size);
    } else if (s->frames * s->ul > STRING_MAX) {
        xsi_run_say(r, LEGACY_MSG_CV_MEMORY, 0);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L37", "p2m_size is 0x%" PRIx64,
                        s->p2m_size);
    } else {
        xsi_run_need(r, s->frames * s->ul, "frame list", got_frames);
    }
}

static void got_block_head(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

static void next_block(struct xsi_run *r, struct converter *s)
{
    if (s->ext_done < s->ext_total) {
        xsi_run_need(r, 8, "extended info block", got_block_head);
    } else if (s->ext_done > s->ext_total) {
        xsi_run_say(r, LEGACY_MSG_CV_EXT_OVERSHOT, 0, (int)(s->ext_done - s->ext_total));
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L17",
                        "the extended info is longer than it says");
    } else {
        frame_list(r, s);
    }
}

static void got_block(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < s->block) {
        converter_short(r, s, "the extended info");
        return;
    }
    s->ext_done += s->block;
    if (!memcmp(s->block_id, "vcpu", 4)) {
        s->basic = s->block;
        s->width = s->basic == LEGACY_VCPU64 ? 8 : s->basic == LEGACY_VCPU32 ? 4 : 0;
        s->levels = s->width == 8 ? 4 : 3;
        if (!s->width) {
            xsi_run_say(r, LEGACY_MSG_CV_EXT_WIDTH, 0);
            converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L17",
                            "a vCPU context of %" PRIu32 " bytes", s->basic);
            return;
        }
    } else if (!memcmp(s->block_id, "extv", 4)) {
        s->extd = true;
    } else if (!memcmp(s->block_id, "xcnt", 4)) {
        s->xsave = got >= 4 ? xsi_le32(p) : 0;
    } else {
        xsi_run_say(r, LEGACY_MSG_CV_EXT_BLOCK, 0);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L18", "an unknown block");
        return;
    }
    next_block(r, s);
}

static void got_block_head(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    s->at = xsi_run_at(r) - got;
    if (got < 8) {
        converter_short(r, s, "the extended info");
        return;
    }
    memcpy(s->block_id, p, 4);
    s->block = xsi_le32(p + 4);
    s->ext_done += 8;
    xsi_run_need(r, s->block, "extended info block", got_block);
}

static void got_ext_total(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < 4) {
        converter_short(r, s, "the length of the extended info");
        return;
    }
    s->ext_total = xsi_le32(p);
    next_block(r, s);
}

static void got_ext_mark(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    uint64_t mark;

    s->at = xsi_run_at(r) - got;
    if (got < s->ul) {
        converter_short(r, s, "the signature of the extended info");
        return;
    }
    mark = s->ul == 4 ? xsi_le32(p) : xsi_le64(p);
    if (mark != (s->ul == 4 ? UINT32_MAX : UINT64_MAX)) {
        xsi_run_say(r, LEGACY_MSG_CV_MARKER, 0, mark);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L37",
                        "0x%" PRIx64 " stands where the extended info of a PV image has to begin",
                        mark);
        return;
    }
    xsi_run_need(r, 4, "length of the extended info", got_ext_total);
}

void converter_head(struct xsi_run *r, struct converter *s)
{
    xsi_run_need(r, s->ul, "signature of the extended info", got_ext_mark);
}
