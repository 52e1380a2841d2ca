/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The head of a PV stream: extended info and the p2m frame list (load_p2m_frame_list). */
#include <stdlib.h>

#include "model.h"

#define VM_ASSIST_PAE3 (1U << 3) /* VMASST_TYPE_pae_extended_cr3 */

static void next_block(struct xsi_run *r, struct legacy_m *s);

static void head_error(struct xsi_run *r, struct legacy_m *s, unsigned message, const char *what,
                       uint64_t wanted)
{
    int error = legacy_short(r, s, what, wanted);

    xsi_run_say(r, message, error);
    legacy_failed(r, s);
}

/* ---- the frame list ---- */

static uint64_t list_length(const struct legacy_m *s)
{
    uint64_t fpp = XSI_PAGE_SIZE / s->gw; /* P2M_FL_ENTRIES; the sum may wrap */

    return legacy_clip(s, s->p2m_size + fpp - 1) / fpp;
}

/*
 * 3.2 allocates 4 bytes for each entry of a 32-bit guest and reads 8 into it. What is too much goes
 * over the allocator's own data, but for the few bytes by which it rounds up.
 */
static bool list_overruns(const struct legacy_m *s)
{
    uint64_t room = ((s->list_count * s->gw + 8 + 15) & ~15ULL) - 8;

    return legacy_has(s, QUIRK_NARROW) && s->gw < s->ul &&
           s->list_count * s->ul > (room < 24 ? 24 : room);
}

static bool list_allocated(struct xsi_run *r, struct legacy_m *s)
{
    unsigned width = s->gw > s->ul || legacy_has(s, QUIRK_NARROW) ? s->gw : s->ul;

    s->list_count = list_length(s);
    if (!legacy_no_memory(r, s, legacy_clip(s, s->list_count * width)))
        return true;
    xsi_run_say(r, LEGACY_MSG_FRAME_LIST_ALLOC, 0);
    legacy_cause(s, LEGACY_L37, s->start, s->ul,
                 "p2m_size is 0x%" PRIx64 ": its frame list would have %" PRIu64
                 " entries; an image of a toolstack of the other width looks like this",
                 s->p2m_size, s->list_count);
    legacy_failed(r, s);
    return false;
}

static void keep_entries(struct legacy_m *s, const uint8_t *p, uint64_t count)
{
    for (uint64_t i = 0; s->list && i < count; i++, p += s->ul)
        s->list[s->list_done + i] = legacy_ul(s, p);
    s->list_done += count;
}

static void got_list(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

static void read_list(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t left = (s->list_count - s->list_done) * s->ul;

    if (left)
        xsi_run_need(r, left < PIECE_MAX ? left : PIECE_MAX, "p2m frame list", got_list);
    else
        legacy_tables(r, s);
}

static void got_list(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t left = (s->list_count - s->list_done) * s->ul;

    if (got < (left < PIECE_MAX ? left : PIECE_MAX)) {
        head_error(r, s, LEGACY_MSG_FRAME_LIST, "the p2m frame list", s->list_count * s->ul);
        return;
    }
    keep_entries(s, p, got / s->ul);
    if (s->list_done == s->list_count && list_overruns(s))
        xsi_run_undefined(r, "the p2m frame list of a 32-bit guest overruns the memory that the "
                             "reader took for it");
    else
        read_list(r, s);
}

/* The rest of the list, behind its first entry at p. */
static void list_begins(struct xsi_run *r, struct legacy_m *s, const uint8_t *p)
{
    s->list_at = xsi_run_at(r) - s->ul;
    if (!s->list_count) {
        /* asks for -1 entries: read() refuses such a length */
        if (s->ul == 4) {
            xsi_run_undefined(r, "p2m_size is 0: the reader reads the image over its memory");
            return;
        }
        xsi_run_say(r, LEGACY_MSG_READ_TIMED, 0, -1, EFAULT);
        xsi_run_say(r, LEGACY_MSG_FRAME_LIST, EFAULT);
        legacy_cause(s, LEGACY_L37, s->start, s->ul, "p2m_size is 0x%" PRIx64 ": no frame list",
                     s->p2m_size);
        legacy_failed(r, s);
        return;
    }
    if (s->list_count <= LIST_KEPT)
        s->list = calloc(s->list_count, sizeof(s->list[0]));
    keep_entries(s, p, 1);
    read_list(r, s);
}

/* ---- extended info ---- */

static void got_first(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < s->ul)
        head_error(r, s, LEGACY_MSG_FRAME_LIST_FIRST, "the first entry of the frame list", s->ul);
    else if (legacy_has(s, QUIRK_OWN_WIDTH) || list_allocated(r, s))
        list_begins(r, s, p);
}

static void got_rest(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < s->block) {
        head_error(r, s, LEGACY_MSG_EXT_DISCARD, "an extended-info block", s->block);
        return;
    }
    s->ext_left -= s->block;
    next_block(r, s);
}

/* Bytes of a block that the reader does not use. */
static void discard(struct xsi_run *r, struct legacy_m *s)
{
    legacy_skip(r, s, s->block, "extended-info block, dropped", got_rest);
}

static void got_context(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    unsigned size = legacy_context_size(s);

    if (got < size) {
        head_error(r, s, LEGACY_MSG_EXT_CONTEXT, "the vCPU context of the extended info", size);
        return;
    }
    if (xsi_le32(p + (s->gw == 4 ? 2796 : 5136)) & VM_ASSIST_PAE3)
        s->pae3 = true;
    s->ext_left -= size;
    s->block -= size; /* wraps where the size was not looked at, as the reader's does */
    discard(r, s);
}

static void vcpu_block(struct xsi_run *r, struct legacy_m *s)
{
    if (!legacy_has(s, QUIRK_OWN_WIDTH)) {
        if (s->block != LEGACY_VCPU32 && s->block != LEGACY_VCPU64) {
            xsi_run_say(r, LEGACY_MSG_EXT_CONTEXT_SIZE, 0, (int)s->block);
            legacy_cause(s, LEGACY_L17, xsi_run_at(r) - 4, 4,
                         "the vCPU context of the extended info has %" PRIu32 " bytes", s->block);
            legacy_failed(r, s);
            return;
        }
        s->gw = s->block == LEGACY_VCPU32 ? 4 : 8;
        s->levels = s->gw == 4 ? 3 : 4;
    }
    xsi_run_need(r, legacy_context_size(s), "vCPU context of the extended info", got_context);
}

static void got_xcnt(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint8_t word[4] = { 0 };

    if (got < 4 && !legacy_has(s, QUIRK_XCNT_UNREAD)) {
        head_error(r, s, LEGACY_MSG_EXT_XCNT, "the size of the xsave states", 4);
        return;
    }
    if (got < 4) {
        legacy_short(r, s, "the size of the xsave states", 4);
        legacy_forget(s);
    }
    memcpy(word, p ? p : word, got < 4 ? got : 4);
    s->xcnt = xsi_le32(word);
    s->has_xcnt = s->xcnt || legacy_has(s, QUIRK_XCNT_ZERO);
    s->ext_left -= s->block; /* whatever its size, 4 bytes were read */
    next_block(r, s);
}

static void got_block(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    bool xcnt = legacy_has(s, QUIRK_XCNT);

    if (got < 8) {
        head_error(r, s, LEGACY_MSG_EXT_CHUNK, "the head of an extended-info block", 8);
        return;
    }
    memcpy(s->block_id, p, 4);
    s->block = xsi_le32(p + 4);
    if (!legacy_has(s, QUIRK_OWN_WIDTH) && s->ext_left < s->block + 8U) {
        xsi_run_say(r, LEGACY_MSG_EXT_CHUNK, XSI_ERRNO_LEFT);
        legacy_cause(s, LEGACY_L17, xsi_run_at(r) - 8, 8,
                     "an extended-info block of %" PRIu32 " bytes, where %" PRIu32 " are left",
                     s->block, s->ext_left);
        legacy_failed(r, s);
        return;
    }
    s->ext_left -= 8;
    if (!memcmp(s->block_id, "vcpu", 4)) {
        vcpu_block(r, s);
    } else if (xcnt && !memcmp(s->block_id, "xcnt", 4)) {
        xsi_run_need(r, 4, "size of the xsave states", got_xcnt);
    } else {
        if (!memcmp(s->block_id, "extv", 4) && !legacy_has(s, QUIRK_OWN_WIDTH))
            s->extv = true;
        discard(r, s);
    }
}

static void next_block(struct xsi_run *r, struct legacy_m *s)
{
    if (s->ext_left)
        xsi_run_need(r, 8, "head of an extended-info block", got_block);
    else
        xsi_run_need(r, s->ul, "first entry of the p2m frame list", got_first);
}

static void got_total(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 4) {
        head_error(r, s, LEGACY_MSG_EXT_SIZE, "the size of the extended info", 4);
        return;
    }
    s->ext_left = xsi_le32(p);
    next_block(r, s);
}

static void got_mark(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < s->ul)
        head_error(r, s, LEGACY_MSG_EXT_SIGNATURE, "the mark of the extended info", s->ul);
    else if (legacy_ul(s, p) == (s->ul == 4 ? UINT32_MAX : UINT64_MAX))
        xsi_run_need(r, 4, "size of the extended info", got_total);
    else if (legacy_has(s, QUIRK_OWN_WIDTH) || list_allocated(r, s))
        list_begins(r, s, p);
}

void legacy_head(struct xsi_run *r, struct legacy_m *s)
{
    /* 3.0 and 3.1 know the list's size before they read anything */
    if (legacy_has(s, QUIRK_OWN_WIDTH) && !list_allocated(r, s))
        return;
    if (legacy_has(s, QUIRK_NO_EXT)) {
        s->list_at = xsi_run_at(r);
        if (s->list_count <= LIST_KEPT)
            s->list = calloc(s->list_count ? s->list_count : 1, sizeof(s->list[0]));
        read_list(r, s);
        return;
    }
    xsi_run_need(r, s->ul, "mark of the extended info, or first entry of the frame list", got_mark);
}
