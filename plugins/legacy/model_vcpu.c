/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libxc checks of a PV vCPU's context: start_info, GDT, page-table roots. */
#include "model.h"

#define FLAT_LDT_MAX  8192U
#define BEHIND_MAPPED (64U << 10) /* so far behind a table the process has memory, whatever it is */

static const struct {
    unsigned edx, ldt, ldt_ents, gdt, gdt_ents, cr1, cr3, word;
    unsigned store, console; /* in the start_info page */
} layout[2] = {
    { 524, 2632, 2636, 2640, 2704, 2720, 2728, 4, 44, 52 },
    { 616, 4816, 4824, 4832, 4960, 4992, 5008, 8, 56, 72 },
};

static uint64_t word(const uint8_t *p, unsigned width)
{
    return width == 4 ? xsi_le32(p) : xsi_le64(p);
}

static void after_start_info(struct xsi_run *r, struct legacy_m *s);

/* Type nibble of a frame of the guest. */
static unsigned type_of(struct xsi_run *r, uint64_t pfn)
{
    return xsi_frame(r, pfn) & FRAME_TYPE;
}

/* Is this an ordinary page? Unknown frames are taken for one. */
static bool ordinary(struct xsi_run *r, const struct legacy_m *s, uint64_t pfn)
{
    if (pfn >= s->p2m_size)
        return false;
    if (!xsi_frames_lost(r))
        return !type_of(r, pfn);
    xsi_run_condition(r, "vCPU contexts that name frames of the guest (not looked at)");
    return true;
}

/* ---- start_info ---- */

static void check_ring(struct xsi_run *r, struct legacy_m *s, uint64_t pfn, const char *which)
{
    /* only an index into the reader's table, before 4.2 unchecked, then too large by 1 at most */
    uint64_t index = legacy_index(s, pfn);

    if (pfn < s->p2m_size || s->over)
        return;
    if (index >= s->p2m_size && (index - s->p2m_size) * s->ul > BEHIND_MAPPED)
        (void)legacy_outside(r, s, pfn, s->cpu.at, which);
    else
        xsi_run_loses(r, s->cpu.at, "%s (frame 0x%" PRIx64 ", outside the guest)", which, pfn);
}

static void got_start_info(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    unsigned wide = s->gw == 8;
    uint64_t store, console;

    if (got < 80) {
        xsi_run_condition(r, "ring frames in start_info that the guest has (not looked at)");
        after_start_info(r, s);
        return;
    }
    store = word(p + layout[wide].store, s->gw);
    console = word(p + layout[wide].console, s->gw);
    if (legacy_has(s, QUIRK_START_INFO) && (store > s->p2m_size || console > s->p2m_size)) {
        bool bad = store > s->p2m_size;

        legacy_cause(s, LEGACY_L49, s->cpu.at + layout[wide].edx, s->gw,
                     "start_info (frame 0x%" PRIx64 ") names 0x%" PRIx64 " as %s ring", s->cpu.edx,
                     bad ? store : console, bad ? "xenstore" : "console");
        xsi_run_say(r, bad ? LEGACY_MSG_SUSPEND_STORE : LEGACY_MSG_SUSPEND_CONSOLE, 0);
        legacy_failed(r, s);
        return;
    }
    check_ring(r, s, store, "start_info's xenstore ring");
    check_ring(r, s, console, "start_info's console ring");
    if (!s->over)
        after_start_info(r, s);
}

/* The frame of start_info is not in the reader's table. */
static void no_start_info(struct xsi_run *r, struct legacy_m *s)
{
    legacy_cause(s, LEGACY_L49, s->cpu.at + layout[s->gw == 8].edx, s->gw,
                 "start_info's frame 0x%" PRIx64 " has no memory", s->cpu.edx);
    if (legacy_has(s, QUIRK_NULL)) {
        legacy_results(r, s);
        xsi_run_die(r, "SIGSEGV", "%s; the reader does not check whether it could map it",
                    s->cause);
        return;
    }
    xsi_run_say(r, LEGACY_MSG_MAP_START_INFO, XSI_ERRNO_LEFT);
    legacy_failed(r, s);
}

static void start_info(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t page;

    if (!ordinary(r, s, s->cpu.edx)) {
        legacy_cause(s, LEGACY_L49, s->cpu.at + layout[s->gw == 8].edx, s->gw,
                     "vCPU 0 names frame 0x%" PRIx64
                     " as start_info: no ordinary page of the guest",
                     s->cpu.edx);
        xsi_run_say(r, LEGACY_MSG_SUSPEND_RECORD, 0);
        legacy_failed(r, s);
        return;
    }
    if (!xsi_frames_lost(r) && !legacy_maps(s, xsi_frame(r, s->cpu.edx))) {
        no_start_info(r, s);
        return;
    }
    page = legacy_page_of(r, s, s->cpu.edx);
    if (page) {
        xsi_run_look(r, page, 80, got_start_info);
        return;
    }
    if (legacy_has(s, QUIRK_START_INFO))
        xsi_run_condition(r, "ring frames in start_info that the guest has (not looked at)");
    after_start_info(r, s);
}

/* ---- GDT, roots ---- */

static bool gdt(struct xsi_run *r, struct legacy_m *s)
{
    unsigned step = s->k->machine == LEGACY_LINUX ? 512 : 1; /* 3.0 counts frames by 512 */

    if (s->cpu.gdt_ents > 8192) {
        legacy_cause(s, LEGACY_L35, s->cpu.at + layout[s->gw == 8].gdt_ents, s->gw,
                     "vCPU %u has %" PRIu64 " GDT entries", s->vcpu, s->cpu.gdt_ents);
        xsi_run_say(r, LEGACY_MSG_GDT_COUNT, 0);
        return false;
    }
    for (unsigned j = 0; 512ULL * j < s->cpu.gdt_ents; j++) {
        uint64_t pfn = s->cpu.gdt[j];

        if (j * step > 15) {
            xsi_run_outcome(r, XSI_UNDEFINED, s->cpu.at,
                            "a GDT of %" PRIu64 " entries: the reader takes its frames from "
                            "behind the context",
                            s->cpu.gdt_ents);
            break;
        }
        if (ordinary(r, s, pfn))
            continue;
        legacy_cause(s, LEGACY_L35, s->cpu.at + layout[s->gw == 8].gdt + j * s->gw, s->gw,
                     "GDT frame %u of vCPU %u is 0x%" PRIx64 ": no ordinary page of the guest", j,
                     s->vcpu, pfn);
        xsi_run_say(r, LEGACY_MSG_GDT_FRAME, 0, (int)j, (unsigned long)pfn);
        return false;
    }
    return true;
}

/* A page-table root; false when it is refused or the run has ended. */
static bool root(struct xsi_run *r, struct legacy_m *s, uint64_t pfn, bool user)
{
    uint64_t at = s->cpu.at + (user ? layout[1].cr1 : layout[s->gw == 8].cr3);
    unsigned long want = (unsigned long)s->levels << 28, type;
    const char *which = user ? "user page-table root" : "page-table root";

    if (pfn < s->p2m_size && xsi_frames_lost(r)) {
        xsi_run_condition(r, "vCPU contexts that name frames of the guest (not looked at)");
        return true;
    }
    if (pfn >= s->p2m_size) {
        /* the line shows a type from behind the reader's table */
        if ((!user || legacy_has(s, QUIRK_USER_ANY)) && legacy_outside(r, s, pfn, at, which))
            return false;
        legacy_cause(s, LEGACY_L35, at, s->gw,
                     "the %s of vCPU %u is frame 0x%" PRIx64 ", outside the guest", which, s->vcpu,
                     pfn);
        type = (unsigned long)type_of(r, legacy_index(s, pfn)) << 28;
        xsi_run_say(r, user ? LEGACY_MSG_USER_PT_RANGE : LEGACY_MSG_PT_RANGE, 0, (unsigned long)pfn,
                    (unsigned long)s->p2m_size, type);
        return false;
    }
    type = (unsigned long)type_of(r, pfn) << 28;
    if ((type & 0x70000000UL) == want)
        return true;
    legacy_cause(s, LEGACY_L35, at, s->gw,
                 "the %s of vCPU %u is frame 0x%" PRIx64
                 ", which is no such table: the tail is out of step, or the record damaged",
                 which, s->vcpu, pfn);
    xsi_run_say(r, user ? LEGACY_MSG_USER_PT_TYPE : LEGACY_MSG_PT_TYPE, 0, (unsigned long)pfn,
                (unsigned long)s->p2m_size, type, want);
    return false;
}

/* UNFOLD_CR3: a 32-bit guest's cr3 holds the high bits of the frame in its low ones. */
static uint64_t unfold(const struct legacy_m *s, uint64_t cr)
{
    uint32_t low = (uint32_t)cr;

    return s->gw == 8 ? legacy_clip(s, cr >> 12) : (low >> 12 | low << 20);
}

/* 3.0 up to 3.0.3 checks the LDT; hvirt_start of a 32-bit PAE or 64-bit hypervisor. */
static bool ldt(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t start = s->gw == 8 ? 0xffff800000000000ULL : 0xf5800000ULL;

    if (!legacy_has(s, QUIRK_LDT) ||
        (!(s->cpu.ldt & (XSI_PAGE_SIZE - 1)) && s->cpu.ldt_ents <= FLAT_LDT_MAX &&
         s->cpu.ldt <= start && s->cpu.ldt + s->cpu.ldt_ents * 8 <= start))
        return true;
    legacy_cause(s, LEGACY_L35, s->cpu.at + layout[s->gw == 8].ldt, s->gw,
                 "an LDT of %" PRIu64 " entries at 0x%" PRIx64, s->cpu.ldt_ents, s->cpu.ldt);
    xsi_run_say(r, LEGACY_MSG_LDT, 0);
    return false;
}

static bool user_root(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t cr1 = s->cpu.cr1;

    if (s->levels != 4 || s->k->machine == LEGACY_LINUX)
        return true;
    if (legacy_has(s, QUIRK_USER_ANY))
        return !cr1 || root(r, s, unfold(s, cr1), true);
    return !(cr1 & 1) || root(r, s, unfold(s, cr1 & ~1ULL), true);
}

static void after_start_info(struct xsi_run *r, struct legacy_m *s)
{
    bool good = gdt(r, s) && root(r, s, unfold(s, s->cpu.cr3), false) && user_root(r, s);

    if (s->over)
        return;
    if (good && ldt(r, s))
        legacy_vcpu_accepted(r, s);
    else
        legacy_failed(r, s);
}

void legacy_vcpu_check(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, uint64_t at)
{
    unsigned wide = s->gw == 8, width = layout[wide].word;

    s->cpu.at = at;
    s->cpu.edx = legacy_clip(s, word(p + layout[wide].edx, width));
    s->cpu.cr3 = word(p + layout[wide].cr3, width);
    s->cpu.cr1 = word(p + layout[wide].cr1, width);
    s->cpu.ldt = word(p + layout[wide].ldt, width);
    s->cpu.ldt_ents = word(p + layout[wide].ldt_ents, width);
    s->cpu.gdt_ents = word(p + layout[wide].gdt_ents, width);
    for (unsigned j = 0; j < 16; j++)
        s->cpu.gdt[j] = legacy_clip(s, word(p + layout[wide].gdt + j * width, width));
    if (s->vcpu == 0)
        start_info(r, s);
    else
        after_start_info(r, s);
}
