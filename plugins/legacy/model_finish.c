/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The finish of a PV restore: page tables, unmapped frames, vCPUs, shared info, p2m frame list.
 * Xen is taken to accept what it is given; what libxc itself checks is checked here.
 */
#include "model.h"

static void pinned(struct xsi_run *r, struct legacy_m *s);

/* ---- PAE: L1 tables wait until here ---- */

static void next_l1(struct xsi_run *r, struct legacy_m *s);

static void got_l1(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < XSI_PAGE_SIZE) {
        xsi_run_condition(r, "page tables that name no frame outside the guest (not looked at)");
    } else if (!legacy_page_table(r, s, 1, p)) {
        if (s->over)
            return;
        legacy_cause(s, LEGACY_NO_CODE, xsi_run_at(r), 0,
                     "the page table of frame 0x%" PRIx64 " names a frame outside the guest",
                     s->l1_next - 1);
        xsi_run_say(r, LEGACY_MSG_UNCANON, 0);
        legacy_failed(r, s);
        return;
    }
    next_l1(r, s);
}

/* All in groups of 1024; the last group must not be empty. */
static void last_l1(struct xsi_run *r, struct legacy_m *s)
{
    bool ends = s->l1_count && s->l1_next == s->p2m_size;

    if (s->l1_count % GROUP_MAX || ends || xsi_frames_lost(r)) {
        pinned(r, s);
        return;
    }
    legacy_cause(s, LEGACY_NO_CODE, xsi_run_at(r), 0,
                 "the guest has %" PRIu64 " L1 page tables: the reader then maps an empty group",
                 s->l1_count);
    xsi_run_say(r, LEGACY_MSG_MAP_BATCH, XSI_ERRNO_LEFT);
    legacy_failed(r, s);
}

static void next_l1(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t pfn, page;

    for (;;) {
        pfn = xsi_frames_next(r, s->l1_next, 7, 1);
        if (pfn >= s->p2m_size)
            break;
        s->l1_next = pfn + 1;
        s->l1_count++;
        page = legacy_page_of(r, s, pfn);
        if (page) {
            xsi_run_look(r, page, XSI_PAGE_SIZE, got_l1);
            return;
        }
        xsi_run_condition(r, "page tables that name no frame outside the guest (not looked at)");
    }
    last_l1(r, s);
}

void legacy_pae(struct xsi_run *r, struct legacy_m *s)
{
    if (s->levels == 3 && !s->pae3)
        next_l1(r, s);
    else
        pinned(r, s);
}

/* ---- unmapped frames ---- */

bool legacy_unmap(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, uint64_t count,
                  uint64_t at)
{
    uint64_t first = 0, n = 0;

    for (uint64_t i = 0; i <= count; i++) {
        uint64_t pfn = i < count ? legacy_ul(s, p + i * s->ul) : 0;

        if (s->k->machine != LEGACY_LINUX && legacy_index(s, pfn) < s->p2m_size)
            pfn = legacy_index(s, pfn);
        if (i < count && n && pfn == first + n) {
            n++;
            continue;
        }
        if (n && first + n > s->p2m_size && s->k->machine == LEGACY_LINUX)
            n = first < s->p2m_size ? s->p2m_size - first : 0; /* 3.0 leaves these out */
        if (n && legacy_outside(r, s, first + n - 1, at + (i - 1) * s->ul,
                                "the list of unmapped frames"))
            return false;
        if (n)
            xsi_frames_set(r, first, n, FRAME_KNOWN, 0);
        first = pfn;
        n = 1;
    }
    return true;
}

static void got_unmapped(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

static void next_unmapped(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t left = s->good.unmapped * s->ul;

    if (left)
        xsi_run_look(r, s->good.unmapped_at, left < PIECE_MAX ? (size_t)left : PIECE_MAX,
                     got_unmapped);
    else
        legacy_vcpu_next(r, s);
}

static void got_unmapped(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t count = got / s->ul;

    if (!count) {
        xsi_run_condition(r, "unmapped frames that lie inside the guest (not looked at)");
        legacy_vcpu_next(r, s);
        return;
    }
    if (!legacy_unmap(r, s, p, count, s->good.unmapped_at))
        return;
    s->good.unmapped -= count;
    s->good.unmapped_at += count * s->ul;
    next_unmapped(r, s);
}

/* Page tables are translated and pinned. */
static void pinned(struct xsi_run *r, struct legacy_m *s)
{
    s->walk_at = s->good.vcpus_at;
    s->vcpu = 0;
    if (s->k->machine == LEGACY_BUFFERED)
        next_unmapped(r, s);
    else
        legacy_old_unmapped(r, s);
}

/* ---- vCPU records: the buffer is walked by each record's own sizes ---- */

static uint64_t records_end(const struct legacy_m *s)
{
    return s->good.vcpus_at + s->good.vcpus;
}

/* True when the record's next n bytes are in the buffer. */
static bool in_buffer(struct xsi_run *r, struct legacy_m *s, uint64_t n)
{
    if (s->walk_at + n <= records_end(s))
        return true;
    xsi_run_finding(r, &legacy_findings[LEGACY_L32], s->walk_at, 0,
                    "the record of vCPU %u runs out of the %" PRIu64 " bytes that were read",
                    s->vcpu, s->good.vcpus);
    xsi_run_undefined(r, "vCPU %u's record runs out of the reader's buffer at 0x%" PRIx64, s->vcpu,
                      records_end(s));
    return false;
}

static void got_xsave(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t size = got < 16 ? s->xcnt - 16 : xsi_le64(p + 8), left;

    if (got < 16)
        xsi_run_condition(r, "xsave states of the announced size (not looked at)");
    s->walk_at += 16;
    left = records_end(s) - s->walk_at;
    if (legacy_no_memory(r, s, size)) {
        legacy_cause(s, LEGACY_L41, s->walk_at - 8, 8,
                     "an xsave state of %" PRIu64 " bytes for vCPU %u", size, s->vcpu);
        xsi_run_say(r, LEGACY_MSG_XSAVE_ALLOC, XSI_ERRNO_LEFT);
        legacy_failed(r, s);
        return;
    }
    if (size > left && size - left > 64U << 20) {
        legacy_results(r, s);
        xsi_run_die(r, "SIGSEGV",
                    "an xsave state of %" PRIu64 " bytes, where %" PRIu64 " were read", size, left);
        return;
    }
    if (size > left)
        xsi_run_outcome(r, XSI_UNDEFINED, s->walk_at - 8,
                        "vCPU %u's xsave state is copied from behind the reader's buffer", s->vcpu);
    s->walk_at += size;
    s->vcpu++;
    legacy_vcpu_next(r, s);
}

void legacy_vcpu_accepted(struct xsi_run *r, struct legacy_m *s)
{
    s->vcpus_set++;
    if (s->k->machine != LEGACY_BUFFERED) {
        legacy_old_vcpu_done(r, s);
        return;
    }
    s->walk_at += legacy_context_size(s);
    if (s->extv) {
        if (!in_buffer(r, s, LEGACY_EXTV))
            return;
        s->walk_at += LEGACY_EXTV;
    }
    if (s->has_xcnt) {
        if (in_buffer(r, s, 16))
            xsi_run_look(r, s->walk_at, 16, got_xsave);
        return;
    }
    s->vcpu++;
    legacy_vcpu_next(r, s);
}

static void got_vcpu(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < legacy_context_size(s)) {
        xsi_run_condition(r, "vCPU contexts that name frames of the guest (not looked at)");
        legacy_vcpu_accepted(r, s);
        return;
    }
    legacy_vcpu_check(r, s, p, s->walk_at);
}

void legacy_vcpu_next(struct xsi_run *r, struct legacy_m *s)
{
    if (s->max_vcpu < 0) {
        xsi_run_undefined(r,
                          "the highest vCPU id is %" PRId32
                          ": the reader takes it for 4 billion vCPUs, and their records from "
                          "behind its buffer",
                          s->max_vcpu);
        return;
    }
    while ((int32_t)s->vcpu <= s->max_vcpu && !(s->map[s->vcpu / 64] >> (s->vcpu % 64) & 1))
        s->vcpu++;
    if ((int32_t)s->vcpu > s->max_vcpu)
        legacy_frame_list(r, s);
    else if (in_buffer(r, s, legacy_context_size(s)))
        xsi_run_look(r, s->walk_at, legacy_context_size(s), got_vcpu);
}

void legacy_finish(struct xsi_run *r, struct legacy_m *s)
{
    if (s->hvm)
        legacy_finish_hvm(r, s);
    else
        legacy_pae(r, s);
}

/* ---- p2m frame list ---- */

static void list_done(struct xsi_run *r, struct legacy_m *s)
{
    if (!s->list_unmapped) {
        legacy_returns(r, s, 0);
        return;
    }
    legacy_cause(s, LEGACY_L21, s->list_at + (s->list_unmapped - 1) * s->ul, s->ul,
                 "entry %" PRIu64 " of the p2m frame list names a frame without memory",
                 s->list_unmapped - 1);
    if (s->k->machine != LEGACY_BUFFERED) {
        legacy_results(r, s);
        xsi_run_die(r, "SIGSEGV", "%s; the reader writes to where it could not map it", s->cause);
        return;
    }
    xsi_run_say(r, LEGACY_MSG_MAP_P2M, XSI_ERRNO_LEFT);
    legacy_failed(r, s);
}

/* One entry; false when the restore has ended. */
static bool list_entry(struct xsi_run *r, struct legacy_m *s, uint64_t pfn)
{
    uint8_t byte = pfn < s->p2m_size ? xsi_frame(r, pfn) : FRAME_TYPE;
    uint64_t i = s->list_done++;

    if (byte & FRAME_TYPE) {
        legacy_cause(s, LEGACY_L21, s->list_at + i * s->ul, s->ul,
                     "entry %" PRIu64 " of the p2m frame list is 0x%" PRIx64
                     ", no ordinary page of the guest",
                     i, pfn);
        xsi_run_say(r, LEGACY_MSG_FRAME_LIST_ENTRY, 0, (int)i, (unsigned long)pfn);
        legacy_failed(r, s);
        return false;
    }
    if (!legacy_maps(s, byte) && !s->list_unmapped)
        s->list_unmapped = i + 1;
    return true;
}

static void got_list(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

static void next_list(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t left = (s->list_count - s->list_done) * s->ul;

    if (left)
        xsi_run_look(r, s->list_at + s->list_done * s->ul,
                     left < PIECE_MAX ? (size_t)left : PIECE_MAX, got_list);
    else
        list_done(r, s);
}

static void got_list(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t n = got / s->ul;

    if (!n) {
        xsi_run_condition(r, "a p2m frame list of ordinary pages (not looked at)");
        list_done(r, s);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        if (!list_entry(r, s, legacy_ul(s, p + i * s->ul)))
            return;
    next_list(r, s);
}

/* The last check of a PV restore. */
void legacy_frame_list(struct xsi_run *r, struct legacy_m *s)
{
    s->list_done = 0;
    if (xsi_frames_lost(r)) {
        xsi_run_condition(r, "a p2m frame list of ordinary pages (not looked at)");
        list_done(r, s);
        return;
    }
    if (!s->list) {
        next_list(r, s);
        return;
    }
    while (s->list_done < s->list_count)
        if (!list_entry(r, s, s->list[s->list_done]))
            return;
    list_done(r, s);
}
