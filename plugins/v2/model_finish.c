/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last steps of a PV restore: 4.22:xg_sr_restore_x86_pv.c:x86_pv_stream_complete. vCPU by vCPU:
 * start info, GDT, page tables, then what Xen says; then pinned tables, then the p2m.
 */
#include "model.h"

#include <errno.h>

enum { GDT_MAX = 7168, PER_FRAME = 512 };

/* The machine's last frame is the host's: 0 stands for it in the line. */
#define HOST_MAX 0UL

static void next_vcpu(struct xsi_run *r, struct v2_judge *s);

static unsigned type_of(const struct xsi_run *r, uint64_t pfn)
{
    return xsi_frame(r, pfn) & V2_FRAME_TYPE;
}

static bool held(const struct xsi_run *r, uint64_t pfn)
{
    return xsi_frames_lost(r) || (xsi_frame(r, pfn) & XSI_FRAME_HELD);
}

static struct v2_vcpu *vcpu(struct v2_judge *s)
{
    return &s->vcpu[s->vcpu_at];
}

void v2_bad_mfn(struct xsi_run *r, struct v2_judge *s, uint64_t at, const char *what, uint64_t pfn)
{
    xsi_run_say(r, V2_MSG_DUMP_MFN, 0, ~0UL, HOST_MAX);
    v2_stop(r, s, V(85), at, "%s is in frame 0x%llx, which no batch brought", what,
            (unsigned long long)pfn);
}

static bool msg_range(struct xsi_run *r, struct v2_judge *s, unsigned id, uint64_t pfn, uint64_t at,
                      const char *what)
{
    if (pfn <= s->max_pfn)
        return true;
    xsi_run_say(r, id, 0, pfn);
    v2_stop(r, s, V(78), at, "%s is frame 0x%llx; the guest's last one is 0x%llx", what,
            (unsigned long long)pfn, (unsigned long long)s->max_pfn);
    return false;
}

/* ---- pins ---- */

static void pin_next(struct xsi_run *r, struct v2_judge *s);

static void pinned(struct xsi_run *r, void *state, int error)
{
    struct v2_judge *s = state;

    if (!error) {
        pin_next(r, s);
        return;
    }
    s->error = error;
    xsi_run_say(r, V2_MSG_PV_PIN, error);
    xsi_run_result(r)->by_xen = true;
    v2_stop(r, s, V(84), s->base, "Xen refuses the pinned page table in frame 0x%llx",
            (unsigned long long)(s->pin_from - 1));
}

/* Tables that were sent as pinned, when there is a reason to look at page tables at all. */
static void pin_next(struct xsi_run *r, struct v2_judge *s)
{
    uint64_t best = UINT64_MAX;
    unsigned level = 0;

    if (s->walk.cleared) {
        for (unsigned i = 1; i <= 4; i++) {
            uint64_t pfn = xsi_frames_next(r, s->pin_from, V2_FRAME_TYPE, (uint8_t)(8 | i));

            if (pfn < best) {
                best = pfn;
                level = i;
            }
        }
    }
    if (best == UINT64_MAX || best > s->max_pfn) {
        v2_finish_p2m(r, s);
        return;
    }
    s->pin_from = best + 1;
    v2_walk(r, s, best, level, pinned);
}

/* ---- one vCPU: what Xen says ---- */

static void refused(struct xsi_run *r, struct v2_judge *s, unsigned id, const struct v2_refusal *x)
{
    xsi_run_say(r, id, x->error, vcpu(s)->id);
    v2_stop_refused(r, s, x);
}

static void set_rest(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_vcpu *v = vcpu(s);

    if (v->has_extended && v->extended_open) {
        xsi_run_undefined(r,
                          "the extended state of vCPU %u is shorter than what Xen looks at: the "
                          "rest is what the reader's stack holds",
                          v->id);
    } else if (v->has_extended && v->extended.error) {
        refused(r, s, V2_MSG_PV_SET_EXTENDED, &v->extended);
    } else if (v->has_xsave && v->xsave.error) {
        refused(r, s, V2_MSG_PV_SET_XSAVE, &v->xsave);
    } else if (v->has_msrs && v->msrs.error) {
        refused(r, s, V2_MSG_PV_SET_MSRS, &v->msrs);
    } else {
        s->vcpu_at++;
        next_vcpu(r, s);
    }
}

static void basic_refused(struct xsi_run *r, struct v2_judge *s, int error, uint64_t at,
                          const char *why)
{
    struct v2_refusal x = { .error = 0 };

    v2_refuse(&x, error, V(84), at, "%s", why);
    refused(r, s, V2_MSG_PV_SET_BASIC, &x);
}

static void basic_set(struct xsi_run *r, struct v2_judge *s)
{
    xsi_run_result(r)->vcpus_set++;
    xsi_run_state(r, "vCPU %u is set", vcpu(s)->id);
    set_rest(r, s);
}

static void user_tree(struct xsi_run *r, void *state, int error)
{
    struct v2_judge *s = state;

    if (error)
        basic_refused(r, s, error, vcpu(s)->at, "the tree of page tables below cr1");
    else
        basic_set(r, s);
}

static void kernel_tree(struct xsi_run *r, void *state, int error)
{
    struct v2_judge *s = state;
    struct v2_vcpu *v = vcpu(s);

    if (error)
        basic_refused(r, s, error, v->at, "the tree of page tables below cr3");
    else if (s->width == 8 && v->cr1 && !(v->cr1 & 1)) /* not translated: not the guest's frame */
        basic_refused(r, s, EINVAL, v->at, "cr1 lacks bit 0");
    else if (s->width == 8 && v->cr1 && s->walk.cleared)
        v2_walk(r, s, v->cr1 >> 12, 4, user_tree);
    else
        basic_set(r, s);
}

static uint64_t cr3_frame(const struct v2_judge *s, uint64_t cr3)
{
    return s->width == 8 ? cr3 >> 12 : (uint32_t)(cr3 >> 12 | cr3 << 20);
}

static void take_tree(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_vcpu *v = vcpu(s);
    int error = 0;

    if (!s->walk.cleared && v2_tables_doubtful(r, s))
        s->suspicious = true;
    if (!s->suspicious) {
        kernel_tree(r, s, 0);
        return;
    }
    for (unsigned i = 0; i < (v->gdt_ents + PER_FRAME - 1) / PER_FRAME && !error; i++)
        error = v2_walk_descriptors(r, s, v->gdt[i]);
    if (error)
        basic_refused(r, s, error, v->at, "a page of the GDT is in use as something else");
    else
        v2_walk(r, s, cr3_frame(s, v->cr3), s->width == 8 ? 4 : 3, kernel_tree);
}

/* ---- the GDT: 4.17:pv/descriptor-tables.c:check_descriptor ---- */

static bool descriptor_good(const struct v2_judge *s, uint32_t low, uint32_t high)
{
    uint32_t type = high & 0xf00;

    if (!(high & 0x8000)) /* not present */
        return true;
    if (high & 0x1000) /* code or data */
        return s->width == 8 || !(high & 0x200000);
    if (!type)
        return true;
    return type == 0xc00 && low >> 16 && !(high & (s->width == 8 ? 0xff : 0xe0));
}

static void gdt_frame(struct xsi_run *r, struct v2_judge *s);

static void got_gdt(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;

    for (uint64_t i = 0; i + 8 <= got; i += 8)
        if (!descriptor_good(s, xsi_le32(p + i), xsi_le32(p + i + 4))) {
            basic_refused(r, s, EINVAL, vcpu(s)->at, "a page of the GDT holds other things");
            return;
        }
    gdt_frame(r, s);
}

/* Frames that hold descriptors cannot be mapped writable. */
static void gdt_frame(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_vcpu *v = vcpu(s);
    uint64_t at, pfn;

    if (s->gdt_at >= (v->gdt_ents + PER_FRAME - 1) / PER_FRAME) {
        take_tree(r, s);
        return;
    }
    pfn = v->gdt[s->gdt_at++];
    if (!s->walk.cleared && (xsi_frame(r, pfn) & V2_FRAME_WRITE))
        s->suspicious = true;
    at = xsi_run_page(r, pfn);
    xsi_run_look(r, at, at ? XSI_PAGE_SIZE : 0, got_gdt);
}

/* ---- what libxc checks of a vCPU before it asks Xen ---- */

static bool gdt_frames(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_vcpu *v = vcpu(s);

    if (v->gdt_ents > GDT_MAX) {
        xsi_run_say(r, V2_MSG_PV_GDT_COUNT, 0, v->gdt_ents, GDT_MAX);
        s->error = ERANGE;
        v2_stop(r, s, V(78), v->at, "the GDT of vCPU %u has %u entries", v->id, v->gdt_ents);
        return false;
    }
    for (unsigned i = 0; i < (v->gdt_ents + PER_FRAME - 1) / PER_FRAME; i++) {
        uint64_t pfn = v->gdt[i];
        unsigned type;

        if (pfn > s->max_pfn) {
            xsi_run_say(r, V2_MSG_PV_GDT_RANGE, 0, i, pfn);
        } else if ((type = type_of(r, pfn)) != 0) {
            xsi_run_say(r, V2_MSG_PV_GDT_TYPE, 0, i, pfn, type);
        } else if (!held(r, pfn)) {
            xsi_run_say(r, V2_MSG_PV_GDT_MFN, 0, i);
            v2_bad_mfn(r, s, v->at, "a page of the GDT", pfn);
            return false;
        } else {
            continue;
        }
        v2_stop(r, s, V(78), v->at, "frame %u of the GDT of vCPU %u is 0x%llx", i, v->id,
                (unsigned long long)pfn);
        return false;
    }
    return true;
}

/* cr3 or cr1; ids: out of range, bad type, bad mfn. */
static bool root(struct xsi_run *r, struct v2_judge *s, uint64_t pfn, const unsigned ids[3],
                 const char *name)
{
    struct v2_vcpu *v = vcpu(s);
    unsigned levels = s->width == 8 ? 4 : 3, type;

    if (!msg_range(r, s, ids[0], pfn, v->at, name))
        return false;
    type = type_of(r, pfn);
    if ((type & 7) != levels) {
        xsi_run_say(r, ids[1], 0, pfn, type, levels);
        v2_stop(r, s, V(84), v->at, "%s of vCPU %u is frame 0x%llx, which came with page type %u",
                name, v->id, (unsigned long long)pfn, type);
        return false;
    }
    if (held(r, pfn))
        return true;
    xsi_run_say(r, ids[2], 0);
    v2_bad_mfn(r, s, v->at, name, pfn);
    return false;
}

static void set_basic(struct xsi_run *r, struct v2_judge *s)
{
    static const unsigned cr3[] = { V2_MSG_PV_CR3_RANGE, V2_MSG_PV_CR3_TYPE, V2_MSG_PV_CR3_MFN };
    static const unsigned cr1[] = { V2_MSG_PV_CR1_RANGE, V2_MSG_PV_CR1_TYPE, V2_MSG_PV_CR1_MFN };
    struct v2_vcpu *v = vcpu(s);

    if (!gdt_frames(r, s) || !root(r, s, cr3_frame(s, v->cr3), cr3, "cr3"))
        return;
    if (s->width == 8 && (v->cr1 & 1) && !root(r, s, v->cr1 >> 12, cr1, "cr1"))
        return;
    if (v->basic.error) {
        refused(r, s, V2_MSG_PV_SET_BASIC, &v->basic);
        return;
    }
    s->gdt_at = 0;
    gdt_frame(r, s);
}

/* ---- start info, of vCPU 0 ---- */

static bool ring(struct xsi_run *r, struct v2_judge *s, uint64_t pfn, unsigned range, unsigned mfn,
                 const char *what)
{
    if (!msg_range(r, s, range, pfn, s->base, what))
        return false;
    if (!held(r, pfn)) {
        xsi_run_say(r, mfn, 0);
        v2_bad_mfn(r, s, s->base, what, pfn);
        return false;
    }
    if (pfn == vcpu(s)->rdx || !pfn)
        v2_lose(r, NULL, s->base, what);
    return true;
}

static void got_start_info(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    uint64_t store = 0, console = 0; /* of a page that never had contents */

    if (!xsi_run_can_look(r) && !s->verify_first) { /* as it came by, if that was it */
        if (!s->has_start_info || s->start_info_pfn != vcpu(s)->rdx) {
            set_basic(r, s);
            return;
        }
        p = s->start_info;
        got = V2_START_INFO;
    }
    if (got >= V2_START_INFO) {
        store = s->width == 8 ? xsi_le64(p + 0x38) : xsi_le32(p + 0x2c);
        console = s->width == 8 ? xsi_le64(p + 0x48) : xsi_le32(p + 0x34);
    }
    if (ring(r, s, store, V2_MSG_PV_STORE_RANGE, V2_MSG_PV_STORE_MFN, "the XenStore page") &&
        ring(r, s, console, V2_MSG_PV_CONSOLE_RANGE, V2_MSG_PV_CONSOLE_MFN, "the console page"))
        set_basic(r, s);
}

static void start_info(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_vcpu *v = vcpu(s);
    uint64_t at;
    unsigned type;

    if (!msg_range(r, s, V2_MSG_PV_START_INFO_RANGE, v->rdx, v->at, "start info"))
        return;
    if (!s->expanded) {
        xsi_run_die(r, "SIGSEGV", "no X86_PV_P2M_FRAMES came: there is no table of page types");
        return;
    }
    type = type_of(r, v->rdx);
    if (type) {
        xsi_run_say(r, V2_MSG_PV_START_INFO_TYPE, 0, v->rdx, type);
        v2_stop(r, s, V(78), v->at, "start info is in frame 0x%llx, which came with page type %u",
                (unsigned long long)v->rdx, type);
        return;
    }
    if (!held(r, v->rdx)) {
        xsi_run_say(r, V2_MSG_PV_START_INFO_MFN, 0);
        v2_bad_mfn(r, s, v->at, "start info", v->rdx);
        return;
    }
    at = xsi_run_page(r, v->rdx);
    xsi_run_look(r, at, at ? XSI_PAGE_SIZE : 0, got_start_info);
}

static void no_vcpu0(struct xsi_run *r, struct v2_judge *s)
{
    xsi_run_say(r, V2_MSG_PV_NO_VCPU0, 0);
    v2_stop(r, s, V(31), s->at, "no state of vCPU 0 came before the end");
}

static void next_vcpu(struct xsi_run *r, struct v2_judge *s)
{
    struct v2_vcpu *v;

    if (s->vcpu_at == s->vcpus) {
        pin_next(r, s);
        return;
    }
    v = vcpu(s);
    if (v->id == 0 && v->has_basic)
        start_info(r, s);
    else if (v->has_basic)
        set_basic(r, s);
    else
        set_rest(r, s); /* extended state of a vCPU that is down */
}

void v2_finish_pv(struct xsi_run *r, struct v2_judge *s)
{
    xsi_run_state(r, "the stream is complete");
    if (!s->vcpus || s->vcpu[0].id || !s->vcpu[0].has_basic) {
        no_vcpu0(r, s);
        return;
    }
    if (!s->shared_seen)
        v2_lose(r, V(34), s->at, "shared info");
    next_vcpu(r, s);
}
