/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * X86_PV_P2M_FRAMES, and what becomes of it at the end: 4.22:xg_sr_restore_x86_pv.c:expand_p2m,
 * handle_x86_pv_p2m_frames, update_guest_p2m. The reader has one list of frames, which records
 * fill in parts and over each other. When the list grows its new entries are set to "none", but
 * the first two never are: not sent, they are what malloc() gave.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

enum { HEAD = 8, ENTRY = 8, NEVER_SET = 2, LOOK = 1024 };

/* Frames whose tables take more than a GiB of the toolstack's memory. */
#define FAR_FRAMES (1U << 26)

static unsigned per_frame(const struct v2_judge *s)
{
    return XSI_PAGE_SIZE / s->width;
}

/* ---- the record ---- */

static bool fits(struct xsi_run *r, struct v2_judge *s, uint32_t start, uint32_t last)
{
    uint32_t from = start / per_frame(s), to = last / per_frame(s) + 1;

    if (start > last) {
        xsi_run_say(r, V2_MSG_PV_FRAMES_ORDER, 0, last, start);
        v2_stop(r, s, V(67), s->at + V2_RHDR_SIZE, "p2m frames from 0x%x to 0x%x", start, last);
        return false;
    }
    if (s->length == HEAD + ENTRY * ((uint64_t)to - from))
        return true;
    xsi_run_say(r, V2_MSG_PV_FRAMES_SIZE, 0, start, last, s->length, (size_t)HEAD, to, from,
                (size_t)ENTRY);
    v2_stop(r, s, V(67), s->at, "%u bytes for the p2m frames of 0x%x to 0x%x", s->length, start,
            last);
    return false;
}

/* The entries themselves, so that they need not be read again. */
static void keep(struct v2_judge *s, struct v2_piece *x, const uint8_t *p)
{
    if (!s->p2m_kept)
        s->p2m_kept = malloc(V2_P2M_KEPT * sizeof(*s->p2m_kept));
    x->kept = s->p2m_kept && x->count <= V2_P2M_KEPT - s->p2m_used;
    if (!x->kept)
        return;
    x->at_kept = s->p2m_used;
    for (uint64_t i = 0; i < x->count; i++)
        s->p2m_kept[s->p2m_used++] = xsi_le64(p + ENTRY * i);
}

/* Parts that the new one covers no longer matter. */
static void drop_covered(struct v2_judge *s, const struct v2_piece *x)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->pieces; i++)
        if (s->p2m[i].first < x->first || s->p2m[i].first + s->p2m[i].count > x->first + x->count)
            s->p2m[n++] = s->p2m[i];
    s->pieces = n;
    if (!n)
        s->p2m_used = 0;
}

static void note(struct v2_judge *s, const uint8_t *p, uint32_t start, uint32_t last)
{
    struct v2_piece x = { .at = s->at + V2_RHDR_SIZE + HEAD,
                          .first = start / per_frame(s),
                          .count = last / per_frame(s) + 1 - start / per_frame(s) };

    drop_covered(s, &x);
    if (s->pieces == V2_P2M_PIECES) {
        s->p2m_lost = true;
        return;
    }
    keep(s, &x, p);
    s->p2m[s->pieces++] = x;
}

void v2_take_p2m(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    uint32_t last;

    if (!v2_static_inferred(r, s))
        return;
    if (!s->pv_info) {
        xsi_run_say(r, V2_MSG_PV_NO_INFO, 0);
        v2_stop(r, s, V(29), s->at, "p2m frames before X86_PV_INFO");
        return;
    }
    if (n < HEAD) {
        xsi_run_say(r, V2_MSG_PV_FRAMES_SHORT, 0, s->length, (size_t)HEAD + ENTRY);
        v2_stop(r, s, V(16), s->at, "X86_PV_P2M_FRAMES of %u bytes", s->length);
        return;
    }
    last = xsi_le32(p + 4);
    if (!fits(r, s, xsi_le32(p), last))
        return;
    note(s, p + HEAD, xsi_le32(p), last);
    if (last > s->max_pfn) {
        s->max_pfn = last;
        s->expanded = true;
        if (last >= FAR_FRAMES)
            xsi_run_condition(r, "a host with memory for tables of 0x%x frames", last);
    }
    if (s->expanded)
        v2_next(r, s);
    else
        xsi_run_die(r, "SIGSEGV",
                    "the p2m frames end with frame 0: there is no table to note them");
}

/* ---- the list at the end ---- */

static bool entry_good(struct xsi_run *r, struct v2_judge *s, uint64_t pfn, uint32_t index,
                       uint64_t at)
{
    unsigned type;

    if (pfn > s->max_pfn) {
        xsi_run_say(r, V2_MSG_PV_P2M_RANGE, 0, pfn, index);
        v2_stop(r, s, V(68), at, "p2m frame %u is 0x%llx; the guest's last one is 0x%llx", index,
                (unsigned long long)pfn, (unsigned long long)s->max_pfn);
        return false;
    }
    type = xsi_frame(r, pfn) & V2_FRAME_TYPE;
    if (type) {
        xsi_run_say(r, V2_MSG_PV_P2M_TYPE, 0, pfn, index, type);
        v2_stop(r, s, V(68), at, "p2m frame %u (0x%llx) came with page type %u", index,
                (unsigned long long)pfn, type);
        return false;
    }
    if (xsi_frames_lost(r) || (xsi_frame(r, pfn) & XSI_FRAME_HELD))
        return true;
    xsi_run_say(r, V2_MSG_PV_P2M_MFN, 0, index);
    v2_bad_mfn(r, s, at, "a part of the guest's p2m", pfn);
    return false;
}

/* The part that holds an entry: the last one that was sent. end: first entry behind it, or where
 * another part takes over. NULL: the entry was not sent. */
static const struct v2_piece *piece_of(const struct v2_judge *s, uint64_t index, uint64_t *end)
{
    const struct v2_piece *found = NULL;

    *end = s->max_pfn / per_frame(s) + 1;
    for (unsigned i = s->pieces; i-- > 0 && !found;) {
        const struct v2_piece *x = &s->p2m[i];

        if (index >= x->first && index < x->first + x->count)
            found = x;
        else if (x->first > index && x->first < *end)
            *end = x->first;
    }
    if (found && found->first + found->count < *end)
        *end = found->first + found->count;
    return found;
}

static void not_sent(struct xsi_run *r, struct v2_judge *s)
{
    if (s->p2m_entry >= NEVER_SET) {
        (void)entry_good(r, s, UINT64_MAX, (uint32_t)s->p2m_entry, s->base);
        return;
    }
    xsi_run_finding(r, V(69), s->pieces ? s->p2m[0].at : s->base, 0, "p2m frame %u was never sent",
                    (unsigned)s->p2m_entry);
    xsi_run_undefined(r,
                      "p2m frame %u was never sent: the reader looks at what its memory holds "
                      "there",
                      (unsigned)s->p2m_entry);
}

static void got_entries(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    uint64_t end;
    const struct v2_piece *x = piece_of(s, s->p2m_entry, &end);
    uint64_t at = x->at + ENTRY * (s->p2m_entry - x->first);

    if (got < ENTRY) { /* a pipe that no longer has it */
        xsi_run_condition(r, "p2m frames that the image holds: they cannot be looked at on a pipe");
        v2_success(r, s);
        return;
    }
    for (; got >= ENTRY; p += ENTRY, got -= ENTRY, at += ENTRY, s->p2m_entry++)
        if (!entry_good(r, s, xsi_le64(p), (uint32_t)s->p2m_entry, at))
            return;
    v2_finish_p2m(r, s);
}

void v2_finish_p2m(struct xsi_run *r, struct v2_judge *s)
{
    if (s->p2m_lost) {
        xsi_run_condition(r, "p2m frames that the image holds: too many records to follow");
        v2_success(r, s);
        return;
    }
    while (s->p2m_entry <= s->max_pfn / per_frame(s)) {
        uint64_t end;
        const struct v2_piece *x = piece_of(s, s->p2m_entry, &end);

        if (!x) {
            not_sent(r, s);
            return;
        }
        if (!x->kept) {
            end -= s->p2m_entry;
            xsi_run_look(r, x->at + ENTRY * (s->p2m_entry - x->first),
                         ENTRY * (size_t)(end < LOOK ? end : LOOK), got_entries);
            return;
        }
        for (; s->p2m_entry < end; s->p2m_entry++) {
            uint64_t i = s->p2m_entry - x->first;

            if (!entry_good(r, s, s->p2m_kept[x->at_kept + i], (uint32_t)s->p2m_entry,
                            x->at + ENTRY * i))
                return;
        }
    }
    v2_success(r, s);
}
