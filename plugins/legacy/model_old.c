/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 3.0 to 3.4: everything is read where it is used. Pages are read one by one, so an entry that is
 * refused stops the reading; page tables are pinned before the tail is read.
 * Facts: tools/libxc/xc_linux_restore.c@RELEASE-3.0.0, xc_domain_restore.c@3.1.0-branched to
 * @3.4.0-rc3.
 */
#include "model.h"

static void next_part(struct xsi_run *r, struct legacy_m *s);

static void old_short(struct xsi_run *r, struct legacy_m *s, unsigned message, const char *what,
                      uint64_t wanted)
{
    xsi_run_say(r, message, legacy_short(r, s, what, wanted));
    legacy_failed(r, s);
}

/* ---- pages ---- */

/* Of a part's pages `whole` could be read: on with the next part, or the image ends here. */
static void part_ends(struct xsi_run *r, struct legacy_m *s, const struct legacy_part_run *part,
                      uint64_t whole)
{
    if (whole < part->count) {
        xsi_run_say(r, LEGACY_MSG_READ_PAGE, 0, (unsigned long)part->type << 28);
        legacy_failed(r, s);
    } else {
        s->at_part++;
        next_part(r, s);
    }
}

/* The page tables among the pages that were just read. */
static void got_tables(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    const struct legacy_part_run *part = &s->group.part[s->at_part];
    uint64_t whole = (xsi_run_at(r) - part->page) / XSI_PAGE_SIZE;
    uint64_t done = got / XSI_PAGE_SIZE;

    for (uint64_t i = 0; i < done; i++)
        (void)legacy_page_table(r, s, part->type, p + i * XSI_PAGE_SIZE);
    if (s->over)
        return;
    s->at_entry += (uint32_t)done;
    if (!done && s->at_entry < whole) {
        xsi_run_condition(r, "page tables that name no frame outside the guest (not looked at)");
        s->at_entry = (uint32_t)whole;
    }
    if (s->at_entry < whole) {
        uint64_t left = (whole - s->at_entry) * XSI_PAGE_SIZE;

        xsi_run_look(r, part->page + (uint64_t)s->at_entry * XSI_PAGE_SIZE,
                     left < PIECE_MAX / 4 ? left : PIECE_MAX / 4, got_tables);
    } else {
        part_ends(r, s, part, whole);
    }
}

static void got_pages(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    struct legacy_part_run *part = &s->group.part[s->at_part];
    bool bogus = (part->type & 7) >= 5;
    uint64_t whole = got / XSI_PAGE_SIZE;

    (void)p;
    if (bogus && whole) {
        uint64_t at = s->entries_at + (uint64_t)part->entry * s->ul;

        legacy_mends(s, part->type >= LEGACY_BROKEN ? "drop-entries" : NULL);
        legacy_cause(s, part->type >= LEGACY_BROKEN ? LEGACY_NO_CODE : LEGACY_L05, at, s->ul,
                     "entry %" PRIu32 " of the batch at 0x%" PRIx64 " (frame 0x%" PRIx64
                     ") has type %x, which this reader does not know",
                     part->entry, s->entries_at - 4, part->pfn, part->type);
        xsi_run_say(r, LEGACY_MSG_BOGUS_TYPE, 0, (unsigned long)(part->type & 7) << 28,
                    (int)part->entry, (unsigned long)s->p2m_size);
        legacy_failed(r, s);
        return;
    }
    if (whole < part->count)
        legacy_short(r, s, "a page", XSI_PAGE_SIZE);
    s->at_entry = 0;
    if (legacy_translates(s, part->type) && whole) {
        uint64_t want = whole * XSI_PAGE_SIZE;

        part->page = xsi_run_at(r) - got;
        xsi_run_look(r, part->page, want < PIECE_MAX / 4 ? want : PIECE_MAX / 4, got_tables);
    } else {
        part_ends(r, s, part, whole);
    }
}

static void next_part(struct xsi_run *r, struct legacy_m *s)
{
    const struct legacy_part_run *part;
    uint32_t n;

    while (s->at_part < s->group.parts && !s->group.part[s->at_part].carries)
        s->at_part++;
    if (s->at_part == s->group.parts) {
        if (!s->hvm && !s->verify)
            xsi_run_stored(r, s->entries_at, s->count, s->ul, s->pages_at, legacy_carry(s));
        legacy_next(r, s);
        return;
    }
    part = &s->group.part[s->at_part];
    n = (part->type & 7) >= 5 ? 1 : part->count;
    xsi_frames_set(r, part->pfn, n, FRAME_TYPE, part->type);
    /* read() into a page that could not be mapped fails and reads nothing */
    for (uint32_t i = 0; s->wrong && i < n; i++)
        if (!legacy_maps(s, xsi_frame(r, part->pfn + i))) {
            legacy_cause(s, LEGACY_NO_CODE, s->entries_at, 0,
                         "frame 0x%" PRIx64 " has no memory: a page table that was broken off had "
                         "marked it",
                         part->pfn + i);
            n = i;
        }
    if (!n) {
        xsi_run_say(r, LEGACY_MSG_READ_PAGE, 0, (unsigned long)part->type << 28);
        legacy_failed(r, s);
        return;
    }
    xsi_run_skip(r, (uint64_t)n * XSI_PAGE_SIZE, "pages", got_pages);
}

void legacy_old_batch(struct xsi_run *r, struct legacy_m *s)
{
    s->at_part = 0;
    s->at_entry = 0;
    if (!legacy_group_inside(r, s))
        return;
    if (!legacy_has(s, QUIRK_POPULATES))
        legacy_allocate(r, s);
    next_part(r, s);
}

/* ---- tail, HVM ---- */

static void got_context(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < s->good.context) {
        old_short(r, s, LEGACY_MSG_CONTEXT, "the HVM context", s->good.context);
        return;
    }
    xsi_run_result(r)->hvmctx_len = s->good.context;
    s->good.end = xsi_run_at(r);
    s->checkpoints = 1;
    legacy_returns(r, s, 0);
}

static void got_context_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 4) {
        old_short(r, s, LEGACY_MSG_CONTEXT_SIZE, "the length of the HVM context", 4);
        return;
    }
    s->good.context = xsi_le32(p);
    s->good.context_at = xsi_run_at(r);
    if (legacy_no_memory(r, s, s->good.context)) {
        legacy_cause(s, LEGACY_L22, xsi_run_at(r) - 4, 4, "an HVM context of %" PRIu32 " bytes",
                     s->good.context);
        xsi_run_say(r, LEGACY_MSG_CONTEXT_ALLOC, 0);
        legacy_failed(r, s);
        return;
    }
    legacy_skip(r, s, s->good.context, "HVM context", got_context);
}

static void got_magic(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < 24) {
        old_short(r, s, LEGACY_MSG_MAGIC_PFNS, "the magic frames", 24);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        s->good.magic[i] = xsi_le64(p + 8 * i);
    if (legacy_magic(r, s))
        xsi_run_need(r, 4, "length of the HVM context", got_context_size);
    else
        legacy_failed(r, s);
}

/* ---- tail, PV ---- */

static void got_shared(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    (void)p;
    if (got < XSI_PAGE_SIZE) {
        old_short(r, s, LEGACY_MSG_SHARED_INFO, "the shared info page", XSI_PAGE_SIZE);
        return;
    }
    s->good.shared_at = xsi_run_at(r) - XSI_PAGE_SIZE;
    s->good.end = xsi_run_at(r);
    s->checkpoints = 1;
    legacy_frame_list(r, s);
}

static void next_vcpu(struct xsi_run *r, struct legacy_m *s);

static void got_extended(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;

    if (got < LEGACY_EXTV)
        legacy_short(r, s, "a vCPU's extended context", LEGACY_EXTV);
    else if (xsi_le32(p) != s->vcpu)
        legacy_cause(s, LEGACY_L47, xsi_run_at(r) - LEGACY_EXTV, 4,
                     "the extended context of vCPU %u carries the number %" PRIu32, s->vcpu,
                     xsi_le32(p));
    if (got < LEGACY_EXTV || xsi_le32(p) != s->vcpu) {
        xsi_run_say(r, LEGACY_MSG_EXT_CTXT, 0, (int)s->vcpu);
        legacy_failed(r, s);
        return;
    }
    s->vcpu++;
    next_vcpu(r, s);
}

/* The context was accepted and set. */
void legacy_old_vcpu_done(struct xsi_run *r, struct legacy_m *s)
{
    if (s->k->machine == LEGACY_LINUX) {
        s->checkpoints = 1;
        legacy_frame_list(r, s);
    } else if (s->extv) {
        xsi_run_need(r, LEGACY_EXTV, "extended vCPU context", got_extended);
    } else {
        s->vcpu++;
        next_vcpu(r, s);
    }
}

static void got_vcpu(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    unsigned size = legacy_context_size(s);

    if (got < size) {
        int error = legacy_short(r, s, "a vCPU's context", size);

        xsi_run_say(r, LEGACY_MSG_CTXT, error, (int)s->vcpu);
        legacy_failed(r, s);
        return;
    }
    legacy_vcpu_check(r, s, p, xsi_run_at(r) - size);
}

static void next_vcpu(struct xsi_run *r, struct legacy_m *s)
{
    while (s->vcpu <= (unsigned)s->max_vcpu && !(s->map[s->vcpu / 64] >> (s->vcpu % 64) & 1))
        s->vcpu++;
    if (s->vcpu > (unsigned)s->max_vcpu)
        xsi_run_need(r, XSI_PAGE_SIZE, "shared info page", got_shared);
    else
        xsi_run_need(r, legacy_context_size(s), "vCPU context", got_vcpu);
}

/* 3.0 reads the one context and the shared info together, before it looks at either. */
static void got_both(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    unsigned size = legacy_context_size(s);

    if (got < size + XSI_PAGE_SIZE) {
        old_short(r, s, LEGACY_MSG_CTXT_OR_SHINFO, "the vCPU context and shared info page",
                  size + XSI_PAGE_SIZE);
        return;
    }
    s->good.end = xsi_run_at(r);
    s->good.shared_at = xsi_run_at(r) - XSI_PAGE_SIZE;
    legacy_vcpu_check(r, s, p, xsi_run_at(r) - size - XSI_PAGE_SIZE);
}

static void got_unmapped(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

static void read_unmapped(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t left = s->good.unmapped * s->ul;

    if (left)
        xsi_run_need(r, left < PIECE_MAX ? left : PIECE_MAX, "unmapped frames", got_unmapped);
    else if (s->k->machine == LEGACY_LINUX)
        xsi_run_need(r, legacy_context_size(s) + XSI_PAGE_SIZE, "vCPU context and shared info page",
                     got_both);
    else
        next_vcpu(r, s);
}

static void got_unmapped(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    uint64_t left = s->good.unmapped * s->ul;

    if (got < (left < PIECE_MAX ? left : PIECE_MAX)) {
        old_short(r, s, LEGACY_MSG_PFNTAB, "the list of unmapped frames", left);
        return;
    }
    s->good.unmapped -= got / s->ul;
    if (legacy_unmap(r, s, p, got / s->ul, xsi_run_at(r) - got))
        read_unmapped(r, s);
}

static void got_pfn_count(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    bool limit = xsi_run_reader(r)->release >= 30200;
    uint8_t word[4] = { 0 };
    uint32_t count;

    memcpy(word, p, got < 4 ? got : 4); /* what was not read is 0 */
    count = xsi_le32(word);
    if (got < 4)
        legacy_short(r, s, "the number of unmapped frames", 4);
    else if (limit && count > 1U << 28)
        legacy_cause(s, LEGACY_L15, xsi_run_at(r) - 4, 4, "%" PRIu32 " unmapped frames", count);
    if (got < 4 || (limit && count > 1U << 28)) {
        xsi_run_say(r, LEGACY_MSG_PFN_COUNT, 0, count);
        legacy_failed(r, s);
        return;
    }
    s->good.unmapped = legacy_clip(s, (uint64_t)count * s->ul) / s->ul;
    if (legacy_no_memory(r, s, s->good.unmapped * s->ul)) {
        legacy_cause(s, LEGACY_L15, xsi_run_at(r) - 4, 4, "%" PRIu32 " unmapped frames", count);
        xsi_run_say(r, LEGACY_MSG_PFNTAB_ALLOC, 0);
        legacy_failed(r, s);
        return;
    }
    read_unmapped(r, s);
}

/* Behind the PAE fix and the pinning. */
void legacy_old_unmapped(struct xsi_run *r, struct legacy_m *s)
{
    s->good.begin = xsi_run_at(r);
    xsi_run_need(r, 4, "number of unmapped frames", got_pfn_count);
}

void legacy_old_tail(struct xsi_run *r, struct legacy_m *s)
{
    s->good.begin = xsi_run_at(r);
    if (s->hvm)
        xsi_run_need(r, 24, "magic frames", got_magic);
    else
        legacy_pae(r, s);
}
