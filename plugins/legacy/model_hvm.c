/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The finish of an HVM restore, and the frames that it needs (finish_hvm). */
#include "model.h"

/* Can the page be mapped to be cleared? 32-bit toolstacks drop the upper half of the number. */
static bool clear(struct xsi_run *r, const struct legacy_m *s, uint64_t pfn)
{
    if (xsi_frames_lost(r)) {
        xsi_run_condition(r, "magic frames that have memory (not looked at)");
        return true;
    }
    return xsi_frame(r, legacy_clip(s, pfn)) & XSI_FRAME_HELD;
}

bool legacy_magic(struct xsi_run *r, struct legacy_m *s)
{
    for (unsigned i = 0; i < 3; i++)
        if (!clear(r, s, s->good.magic[i])) {
            legacy_cause(s, LEGACY_L45, s->good.begin + 8 * i, 8,
                         "magic frame %u is 0x%" PRIx64 ", which has no memory", i + 1,
                         s->good.magic[i]);
            xsi_run_say(r, LEGACY_MSG_ZERO_MAGIC, XSI_ERRNO_LEFT);
            return false;
        }
    return true;
}

/* 4.2 to 4.4 count the generation id up in the guest's memory. */
bool legacy_generation_id(struct xsi_run *r, struct legacy_m *s)
{
    uint64_t address = s->param[14], pfn = legacy_clip(s, address >> 12);

    if (!address || !legacy_has(s, QUIRK_GENID) || xsi_frames_lost(r))
        return true;
    if (pfn >= s->p2m_size || (xsi_frame(r, pfn) & FRAME_TYPE)) {
        legacy_cause(s, LEGACY_NO_CODE, s->end_at, 4,
                     "HVM_GENERATION_ID_ADDR says 0x%" PRIx64 ", which is no ordinary page of the "
                     "guest",
                     address);
        xsi_run_say(r, LEGACY_MSG_GENID_FRAME, 0);
        legacy_failed(r, s);
        return false;
    }
    if (xsi_frame(r, pfn) & (XSI_FRAME_HELD | FRAME_WRONG))
        return true;
    legacy_cause(s, LEGACY_NO_CODE, s->end_at, 4,
                 "HVM_GENERATION_ID_ADDR says 0x%" PRIx64 ", where the guest has no memory",
                 address);
    if (legacy_has(s, QUIRK_NULL)) {
        s->over = true;
        legacy_results(r, s);
        xsi_run_die(r, "SIGSEGV", "%s; the reader does not check whether it could map it",
                    s->cause);
        return false;
    }
    xsi_run_say(r, LEGACY_MSG_GENID_MAP, 0);
    legacy_failed(r, s);
    return false;
}

/* xend's xc_restore passes no callback for toolstack data. */
static bool has_callback(struct xsi_run *r)
{
    const struct xsi_info *info = xsi_run_info(r);

    return xsi_run_outermost(r) || !info->stack_length || strcmp(info->stack[0], "xend") != 0;
}

static void context_set(struct xsi_run *r, struct legacy_m *s)
{
    xsi_run_result(r)->hvmctx_len = s->good.context;
    legacy_returns(r, s, 0);
}

void legacy_finish_hvm(struct xsi_run *r, struct legacy_m *s)
{
    bool zero = false; /* the callback's 0 stands in rc */

    if (s->tools && !has_callback(r)) {
        xsi_run_say(r, LEGACY_MSG_TOOLSTACK_NO_CALL, 0);
        legacy_cause(s, LEGACY_NO_CODE, s->end_at, 4,
                     "the image holds toolstack data of xl, which xend does not take");
        legacy_returns(r, s, -1);
        return;
    }
    zero = s->tools && legacy_has(s, QUIRK_TOOLS_RC);
    if (!(xsi_run_reader(r)->variant & XSI_READER_XAPI))
        xsi_run_result(r)->qemu_bytes = s->good.record;
    if (!legacy_magic(r, s)) {
        if (zero)
            xsi_run_outcome(r, XSI_FAILS, s->cause_at,
                            "returns 0 although the restore broke off: %s", s->cause);
        legacy_returns(r, s, zero ? 0 : 1);
        return;
    }
    if (s->console && !clear(r, s, s->console)) {
        legacy_cause(s, LEGACY_L45, s->end_at, 4,
                     "HVM_CONSOLE_PFN says 0x%" PRIx64 ", which has no memory", s->console);
        xsi_run_say(r, LEGACY_MSG_ZERO_CONSOLE, XSI_ERRNO_LEFT);
        if (zero)
            xsi_run_outcome(r, XSI_FAILS, s->cause_at,
                            "returns 0 although the restore broke off: %s", s->cause);
        legacy_returns(r, s, zero ? 0 : 1);
        return;
    }
    context_set(r, s);
}
