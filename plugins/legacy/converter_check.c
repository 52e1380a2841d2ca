/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the reader of the converted stream checks of a PV guest when it has met END:
 * 4.22:xg_sr_restore_x86_pv.c:process_vcpu_basic, update_guest_p2m. The first check that fails is
 * noted and said then.
 */
#include "converter_priv.h"
#include "../v2/model.h"

#define GDT_MAX 7168 /* entries: 14 frames of 512 */

static bool held(const struct xsi_run *r, uint64_t pfn)
{
    return xsi_frame(r, pfn) & XSI_FRAME_HELD;
}

static unsigned type_at(const struct xsi_run *r, uint64_t pfn)
{
    return xsi_frame(r, pfn) & FRAME_TYPE;
}

/* Note the first check that fails; it is said when END has been met. */
static void fails(struct converter *s, unsigned message, uint64_t at, uint64_t a, uint64_t b,
                  uint64_t c)
{
    if (s->bad)
        return;
    s->bad = true;
    s->bad_message = message;
    s->bad_at = at;
    s->bad_a = a;
    s->bad_b = b;
    s->bad_c = c;
}

static void check_start_info(struct xsi_run *r, struct converter *s)
{
    const struct converter_vcpu *v = &s->cpu;

    if (v->edx >= s->p2m_size)
        fails(s, V2_MSG_PV_START_INFO_RANGE, v->at, v->edx, 0, 0);
    else if (type_at(r, v->edx))
        fails(s, V2_MSG_PV_START_INFO_TYPE, v->at, v->edx, type_at(r, v->edx), 0);
    else if (!held(r, v->edx))
        fails(s, V2_MSG_PV_START_INFO_MFN, v->at, 0, 0, 0);
}

static void check_root(struct xsi_run *r, struct converter *s, uint64_t pfn, bool user)
{
    unsigned want = s->levels, type = type_at(r, pfn) & 7;

    if (pfn >= s->p2m_size)
        fails(s, user ? V2_MSG_PV_CR1_RANGE : V2_MSG_PV_CR3_RANGE, s->cpu.at, pfn, 0, 0);
    else if (type != want)
        fails(s, user ? V2_MSG_PV_CR1_TYPE : V2_MSG_PV_CR3_TYPE, s->cpu.at, pfn, type_at(r, pfn),
              want);
    else if (!held(r, pfn))
        fails(s, user ? V2_MSG_PV_CR1_MFN : V2_MSG_PV_CR3_MFN, s->cpu.at, 0, 0, 0);
}

void converter_check_vcpu(struct xsi_run *r, struct converter *s, const uint8_t *p)
{
    const struct converter_vcpu *v = &s->cpu;
    uint64_t frames = (v->gdt_ents + 511) / 512;
    struct v2_refusal refusal;

    if (!s->vcpu)
        check_start_info(r, s);
    if (v->gdt_ents > GDT_MAX)
        fails(s, V2_MSG_PV_GDT_COUNT, v->at, v->gdt_ents, GDT_MAX, 0);
    for (unsigned i = 0; i < frames && i < 14 && !s->bad; i++) {
        if (v->gdt[i] >= s->p2m_size)
            fails(s, V2_MSG_PV_GDT_RANGE, v->at, i, v->gdt[i], 0);
        else if (type_at(r, v->gdt[i]))
            fails(s, V2_MSG_PV_GDT_TYPE, v->at, i, v->gdt[i], type_at(r, v->gdt[i]));
        else if (!held(r, v->gdt[i]))
            fails(s, V2_MSG_PV_GDT_MFN, v->at, i, 0, 0);
    }
    check_root(r, s, v->cr3, false);
    if (v->cr1)
        check_root(r, s, v->cr1 - 1, true);
    converter_xen_vcpu(r, s, p, &refusal);
    if (refusal.error && !s->bad) {
        fails(s, V2_MSG_PV_SET_BASIC, refusal.at, s->vcpu, 0, 0);
        s->bad_error = refusal.error;
    }
}

static void check_frames(struct xsi_run *r, struct converter *s)
{
    for (uint64_t i = 0; s->frame && i < s->frames && !s->bad; i++) {
        uint64_t pfn = s->frame[i], at = s->frames_at + i * s->ul;

        if (pfn >= s->p2m_size)
            fails(s, V2_MSG_PV_P2M_RANGE, at, pfn, i, 0);
        else if (type_at(r, pfn))
            fails(s, V2_MSG_PV_P2M_TYPE, at, pfn, i, type_at(r, pfn));
        else if (!held(r, pfn))
            fails(s, V2_MSG_PV_P2M_MFN, at, i, 0, 0);
    }
}

/* The checks' messages take 32-bit and 64-bit numbers in the order of their text. */
static void say_failure(struct xsi_run *r, const struct converter *s)
{
    unsigned id = CONVERTER_V2 + s->bad_message;

    switch (s->bad_message) {
    case V2_MSG_PV_SET_BASIC:
        xsi_run_say(r, id, s->bad_error, (unsigned)s->bad_a);
        break;
    case V2_MSG_PV_GDT_COUNT:
        xsi_run_say(r, id, 0, (unsigned)s->bad_a, (unsigned)s->bad_b);
        break;
    case V2_MSG_PV_GDT_RANGE:
    case V2_MSG_PV_GDT_TYPE:
    case V2_MSG_PV_GDT_MFN:
    case V2_MSG_PV_P2M_MFN:
        xsi_run_say(r, id, 0, (unsigned)s->bad_a, s->bad_b, (unsigned)s->bad_c);
        break;
    default:
        xsi_run_say(r, id, 0, s->bad_a, (unsigned)s->bad_b, (unsigned)s->bad_c);
        break;
    }
    xsi_run_say(r, CONVERTER_V2 + V2_MSG_RESTORE_FAILED, s->bad_error);
}

bool converter_checks_fail(struct xsi_run *r, struct converter *s)
{
    check_frames(r, s);
    if (s->bad)
        say_failure(r, s);
    return s->bad;
}
