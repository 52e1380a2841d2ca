/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tails, the device-model record, and what the reader checks when it has met END
 * (4.22:xg_sr_restore_x86_pv.c:x86_pv_stream_complete, xg_sr_restore_x86_hvm.c). Pages are not
 * looked at here, so what start_info holds, and what Xen says to page tables and register values,
 * is left to it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "../qemu/qemu.h"
#include "../v2/model.h"
#include "converter_priv.h"

#define SHARED_INFO 4096
#define EXTENDED    128
#define SIGNATURE   21

enum { ALLOC_SURE = 1 << 30, V3_FROM = 41400, BYTES_REPR_FROM = 41400 };

static void say(struct xsi_run *r, unsigned id, int error)
{
    xsi_run_say(r, CONVERTER_V2 + id, error);
    xsi_run_say(r, CONVERTER_V2 + V2_MSG_RESTORE_FAILED, error);
}

/* END is written; the reader completes, and the script goes on to the device-model record. */
static void completed(struct xsi_run *r, struct converter *s);

/* ---- PV: the end ---- */

static void pv_completes(struct xsi_run *r, struct converter *s)
{
    if (!s->has_vcpu0) {
        say(r, V2_MSG_PV_NO_VCPU0, 0);
        converter_refused(r, s, "XS-L19", s->at,
                          "no vCPU 0 was read: the vCPU map is missing or "
                          "empty");
        return;
    }
    if (converter_checks_fail(r, s)) {
        converter_refused(r, s, NULL, s->bad_at, "a frame number that cannot be");
        return;
    }
    completed(r, s);
}

/* ---- PV: the tail ---- */

static void next_vcpu(struct xsi_run *r, struct converter *s);

static void got_shared(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < SHARED_INFO)
        converter_short(r, s, "shared_info");
    else
        pv_completes(r, s);
}

static void vcpu_done(struct xsi_run *r, struct converter *s)
{
    s->vcpu++;
    s->vcpus_set++;
    next_vcpu(r, s);
}

static void got_xsave(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < s->xsave - 16)
        converter_short(r, s, "an xsave area");
    else
        vcpu_done(r, s);
}

static void got_xsave_head(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    const struct v2_reader *k = xsi_run_reader(r)->row->own;

    s->at = xsi_run_at(r) - got;
    if (got < 16) {
        converter_short(r, s, "an xsave area");
        return;
    }
    if (s->xsave < 16 || xsi_le64(p + 8) != s->xsave - 16) {
        xsi_run_say(r, LEGACY_MSG_CV_XSAVE, 0);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L41",
                        "an xsave area of %" PRIu64 " bytes, where xcnt says %" PRIu32,
                        xsi_le64(p + 8), s->xsave);
        return;
    }
    if ((k->traits & V2_XSAVE_BY_16) && (s->xsave - 16) % 16) {
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_PV_BLOB_MULTIPLE, 0, "X86_PV_VCPU_XSAVE",
                    (size_t)s->xsave - 16, (size_t)16);
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_RESTORE_FAILED, 0);
        converter_refused(r, s, NULL, s->at, "an xsave area whose size is no multiple of 16");
        return;
    }
    xsi_run_condition(r, "a host with XSAVE and the components that the guest used");
    xsi_run_need(r, s->xsave - 16, "xsave area", got_xsave);
}

static void got_extended(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < EXTENDED)
        converter_short(r, s, "an extended vCPU context");
    else if (s->xsave)
        xsi_run_need(r, 16, "xsave header", got_xsave_head);
    else
        vcpu_done(r, s);
}

static uint64_t frame_of_cr3(const struct converter *s, uint64_t cr3)
{
    if (s->width == 8)
        return cr3 >> 12;
    return (uint32_t)(cr3 >> 12 | cr3 << 20); /* folded */
}

/* Offsets of vcpu_guest_context: xen/include/public/arch-x86/xen.h. */
static void read_context(const struct converter *s, const uint8_t *p, struct converter_vcpu *v)
{
    bool wide = s->width == 8;

    v->edx = wide ? xsi_le64(p + 0x268) : xsi_le32(p + 0x20c);
    v->gdt_ents = wide ? xsi_le64(p + 0x1360) : xsi_le32(p + 0xa90);
    for (unsigned i = 0; i < 14; i++)
        v->gdt[i] = wide ? xsi_le64(p + 0x12e0 + 8 * i) : xsi_le32(p + 0xa50 + 4 * i);
    v->cr3 = frame_of_cr3(s, wide ? xsi_le64(p + 0x1390) : xsi_le32(p + 0xaa8));
    /* the user's table, 0 = none; one is added so that frame 0 can be told */
    v->cr1 = wide && (xsi_le64(p + 0x1380) & 1) ? (xsi_le64(p + 0x1380) >> 12) + 1 : 0;
}

static void got_basic(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < s->basic) {
        converter_short(r, s, "a vCPU context");
        return;
    }
    s->cpu.at = xsi_run_at(r) - got;
    read_context(s, p, &s->cpu);
    s->has_vcpu0 |= !s->vcpu;
    converter_check_vcpu(r, s, p);
    if (s->extd)
        xsi_run_need(r, EXTENDED, "extended vCPU context", got_extended);
    else if (s->xsave)
        xsi_run_need(r, 16, "xsave header", got_xsave_head);
    else
        vcpu_done(r, s);
}

static void next_vcpu(struct xsi_run *r, struct converter *s)
{
    while (s->vcpu < CONVERTER_VCPUS && !(s->map[s->vcpu / 64] >> s->vcpu % 64 & 1))
        s->vcpu++;
    s->at = xsi_run_at(r);
    if (s->vcpu < CONVERTER_VCPUS)
        xsi_run_need(r, s->basic, "vCPU context", got_basic);
    else
        xsi_run_need(r, SHARED_INFO, "shared_info", got_shared);
}

static void got_unmapped(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < (uint64_t)s->count * s->ul)
        converter_short(r, s, "the list of unmapped frames");
    else
        next_vcpu(r, s);
}

static void got_unmapped_count(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    s->at = xsi_run_at(r) - got;
    if (got < 4) {
        converter_short(r, s, "the number of unmapped frames");
        return;
    }
    s->count = xsi_le32(p);
    if ((uint64_t)s->count * s->ul > ALLOC_SURE) {
        xsi_run_say(r, LEGACY_MSG_CV_MEMORY, 0);
        converter_stops(r, s, LEGACY_CONVERTED_EXIT, "XS-L15",
                        "%" PRIu32 " unmapped frames are more than there is memory for", s->count);
        return;
    }
    if (s->count)
        xsi_run_skip(r, (uint64_t)s->count * s->ul, "unmapped frames", got_unmapped);
    else
        next_vcpu(r, s);
}

/* ---- HVM: the tail ---- */

static void got_context(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    const struct v2_reader *k = xsi_run_reader(r)->row->own;
    size_t have = got < XSI_NEED_MAX ? (size_t)got : XSI_NEED_MAX;
    struct v2_refusal refusal;

    if (got < s->context) {
        converter_short(r, s, "the HVM context");
        return;
    }
    s->context_at = xsi_run_at(r) - got;
    if (!s->context && k->version_max >= 3) {
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_CONTEXT_ALLOC, 0, 0U);
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_RESTORE_FAILED, 0);
        converter_refused(r, s, NULL, s->context_at, "the HVM context is empty");
        return;
    }
    if (s->context > k->record_cap) {
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_RECORD_LENGTH, 0, 9U, "HVM context", s->context,
                    k->record_cap);
        xsi_run_say(r, CONVERTER_V2 + V2_MSG_RESTORE_FAILED, 0);
        converter_refused(r, s, NULL, s->context_at, "the HVM context is too long for a record");
        return;
    }
    xsi_run_result(r)->hvmctx_len = s->context;
    converter_xen_context(r, s, p, have, &refusal);
    if (refusal.error) {
        say(r, V2_MSG_SET_CONTEXT, refusal.error);
        converter_refused(r, s, refusal.finding ? refusal.finding->code : NULL, refusal.at,
                          "Xen does not take the HVM context: %s", refusal.why);
        return;
    }
    if (s->no_cpu)
        xsi_run_loses(r, s->context_at, "vCPU 0");
    if (s->no_pic)
        xsi_run_loses(r, s->context_at, "the interrupt controllers (PIC)");
    completed(r, s);
}

static void got_context_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    s->at = xsi_run_at(r) - got;
    if (got < 4) {
        converter_short(r, s, "the length of the HVM context");
        return;
    }
    s->context = xsi_le32(p);
    xsi_run_need(r, s->context, "HVM context", got_context);
}

static void got_magic(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < 24)
        converter_short(r, s, "the magic frames");
    else
        xsi_run_need(r, 4, "length of the HVM context", got_context_size);
}

/* ---- behind END ---- */

static void got_state(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    (void)p;
    if (got < s->qemu) {
        converter_short(r, s, "the device-model state");
        return;
    }
    xsi_run_result(r)->qemu_bytes = s->qemu;
    converter_ends(r, s);
}

static void got_state_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;

    if (got < 4) {
        converter_short(r, s, "the length of the device-model state");
        return;
    }
    s->qemu = xsi_le32(p);
    xsi_run_need(r, s->qemu, "device-model state", got_state);
}

static void got_signature(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    char shown[4 * SIGNATURE + 1], quoted[4 * SIGNATURE + 8];

    s->at = xsi_run_at(r) - got;
    if (got < SIGNATURE) {
        converter_short(r, s, "the device-model record");
        return;
    }
    if (!memcmp(p, "DeviceModelRecord0002", SIGNATURE)) {
        xsi_run_need(r, 4, "device-model state size", got_state_size);
        return;
    }
    xsi_escape(shown, sizeof(shown), p, SIGNATURE);
    snprintf(quoted, sizeof(quoted), xsi_run_reader(r)->release >= BYTES_REPR_FROM ? "b'%s'" : "%s",
             shown);
    xsi_run_say(r, LEGACY_MSG_CV_QEMU, 0, quoted);
    converter_stops(r, s, LEGACY_CONVERTED_EXIT_2, "XS-Q09",
                    "the device-model record begins with \"%s\"; the script knows "
                    "DeviceModelRecord0002 only",
                    shown);
}

/* ---- a bare stream: the record is its caller's ---- */

static void got_bare_record(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    const struct xsi_finding_row *row = xsi_finding_lookup("XS-Q03");

    (void)p;
    if (got < s->record) {
        xsi_run_outcome(r, XSI_FAILS, s->qemu_at,
                        "libxc returns success, but the device-model record behind it is cut: "
                        "%" PRIu64 " of %" PRIu64 " bytes",
                        got, s->record);
        if (row)
            xsi_run_finding(r, row, s->qemu_at, got, "the device-model record is cut");
    }
    converter_ends(r, s);
}

static void got_bare(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct converter *s = state;
    struct qemu_shape shape = { 0 };

    if (got)
        qemu_shape(p, (size_t)got, UINT64_MAX, &shape);
    if (!shape.score || shape.form == QEMU_UNKNOWN || shape.to_end) {
        converter_ends(r, s);
        return;
    }
    s->record = shape.head + shape.length;
    if (got < shape.head) /* the length itself is cut */
        s->record = shape.head;
    xsi_run_skip(r, s->record, "device-model record", got_bare_record);
}

static void completed(struct xsi_run *r, struct converter *s)
{
    if (s->pv)
        xsi_run_condition(r,
                          "a Xen that takes the page tables: behind the converter their trees are "
                          "not looked at");
    xsi_run_restore_ends(r, 0);
    s->qemu_at = xsi_run_at(r);
    if (s->bare && !s->pv)
        xsi_run_look(r, s->qemu_at, QEMU_LOOK, got_bare);
    else if (s->pv || s->skip_qemu)
        converter_ends(r, s);
    else
        xsi_run_need(r, SIGNATURE, "device-model record", got_signature);
}

void converter_tail(struct xsi_run *r, struct converter *s)
{
    if (s->pv)
        xsi_run_need(r, 4, "number of unmapped frames", got_unmapped_count);
    else
        xsi_run_need(r, 24, "magic frames", got_magic);
}
