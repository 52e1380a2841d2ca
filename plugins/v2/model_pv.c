/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of PV guests: 4.22:xg_sr_restore_x86_pv.c, and its forerunners since 4.6. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

enum { VHDR = 8, EXTENDED_MAX = 128, XSAVE_MIN = 16, MSR_ENTRY = 16 };

static const char *const blob_names[V2_RECORDS] = {
    [V2_VCPU_BASIC] = "X86_PV_VCPU_BASIC",
    [V2_VCPU_EXTENDED] = "X86_PV_VCPU_EXTENDED",
    [V2_VCPU_XSAVE] = "X86_PV_VCPU_XSAVE",
    [V2_VCPU_MSRS] = "X86_PV_VCPU_MSRS",
};

/* ---- X86_PV_INFO ---- */

static void needs_pv32(struct xsi_run *r, const struct v2_judge *s)
{
    if (s->own->hvm >= 415)
        xsi_run_condition(r, "a host whose Xen has 32-bit PV guests compiled in and enabled");
}

/* Up to 4.12.2 and 4.13.0: one test after the other, of which the first that is met counts. */
static bool info_unpaired(struct xsi_run *r, struct v2_judge *s, unsigned width, unsigned levels)
{
    unsigned own_levels = s->width == 8 ? 4 : 3;

    if (width != 4 && width != 8) {
        xsi_run_say(r, V2_MSG_PV_WIDTH, 0, width);
    } else if (width != s->width) {
        s->width = width; /* the levels are not looked at then */
        return true;
    } else if (levels != 3 && levels != 4) {
        xsi_run_say(r, V2_MSG_PV_LEVELS, 0, levels);
    } else if (levels != own_levels) {
        xsi_run_say(r, V2_MSG_PV_LEVELS_DIFFER, 0, levels, own_levels);
    } else {
        return true;
    }
    return false;
}

static bool info_paired(struct xsi_run *r, struct v2_judge *s, unsigned width, unsigned levels)
{
    if ((width == 4 && levels == 3) || (width == 8 && levels == 4)) {
        s->width = width;
        return true;
    }
    xsi_run_say(r, V2_MSG_PV_PAIR, 0, width, levels);
    return false;
}

void v2_take_pv_info(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    bool good;

    if (s->pv_info) {
        xsi_run_say(r, V2_MSG_PV_INFO_TWICE, 0);
        v2_stop(r, s, V(27), s->at, "a second X86_PV_INFO");
        return;
    }
    if (n < 8) {
        xsi_run_say(r, V2_MSG_PV_INFO_SHORT, 0, s->length, (size_t)8);
        v2_stop(r, s, V(16), s->at, "X86_PV_INFO of %u bytes", s->length);
        return;
    }
    good =
        v2_is(s, V2_INFO_PAIRED) ? info_paired(r, s, p[0], p[1]) : info_unpaired(r, s, p[0], p[1]);
    if (!good) {
        v2_stop(r, s, V(70), s->at + V2_RHDR_SIZE, "guest width %u with %u page-table levels", p[0],
                p[1]);
        return;
    }
    if (s->width == 4)
        needs_pv32(r, s);
    s->pv_info = true;
    v2_next(r, s);
}

/* ---- X86_PV_VCPU_* ---- */

static struct v2_vcpu *vcpu_of(struct v2_judge *s, uint32_t id)
{
    size_t at = s->vcpus;
    struct v2_vcpu *larger;

    while (at > 0 && s->vcpu[at - 1].id >= id)
        at--;
    if (at < s->vcpus && s->vcpu[at].id == id)
        return &s->vcpu[at];
    if (s->vcpus == s->vcpus_capacity) {
        size_t capacity = s->vcpus_capacity ? 2 * s->vcpus_capacity : 4;

        larger = realloc(s->vcpu, capacity * sizeof(*larger));
        if (!larger)
            return NULL;
        s->vcpu = larger;
        s->vcpus_capacity = capacity;
    }
    memmove(&s->vcpu[at + 1], &s->vcpu[at], (s->vcpus - at) * sizeof(*s->vcpu));
    memset(&s->vcpu[at], 0, sizeof(*s->vcpu));
    s->vcpu[at].id = id;
    s->vcpus++;
    return &s->vcpu[at];
}

/*
 * vCPUs of the domain: as configured; without a configuration as the stream shows. Writers begin
 * with vCPU 0, and send nothing of a vCPU before its BASIC record.
 */
static bool vcpu_exists(struct xsi_run *r, const struct v2_judge *s, uint32_t id, uint32_t *max)
{
    const struct xsi_info *info = xsi_run_info(r);
    bool basic = s->record == V2_VCPU_BASIC;

    if (info->has_vcpus && info->vcpus) {
        *max = info->vcpus - 1;
        return id <= *max;
    }
    *max = s->vcpu_top;
    return id <= s->vcpu_top || (basic && s->vcpus && id < V2_VCPUS_MAX);
}

/* Length of what is behind the head; by record. */
static bool blob_fits(struct xsi_run *r, struct v2_judge *s, size_t size)
{
    const char *name = blob_names[s->record];
    size_t basic = s->width == 8 ? 5168 : 2800;

    switch (s->record) {
    case V2_VCPU_BASIC:
        if (size == basic)
            return true;
        xsi_run_say(r, V2_MSG_PV_BLOB_SIZE, 0, name, VHDR + basic, s->length);
        return false;
    case V2_VCPU_EXTENDED:
        if (size <= EXTENDED_MAX)
            return true;
        xsi_run_say(r, V2_MSG_PV_BLOB_LONG, 0, name, (size_t)VHDR + EXTENDED_MAX, s->length);
        return false;
    case V2_VCPU_XSAVE:
        if (v2_is(s, V2_XSAVE_BY_16))
            break;
        if (size >= XSAVE_MIN)
            return true;
        xsi_run_say(r, V2_MSG_PV_XSAVE_SHORT, 0, name, (size_t)VHDR + XSAVE_MIN, s->length);
        return false;
    default:
        if (v2_is(s, V2_XSAVE_BY_16))
            return true; /* MSRS was not looked at */
        break;
    }
    if (size % MSR_ENTRY == 0)
        return true;
    xsi_run_say(r, V2_MSG_PV_BLOB_MULTIPLE, 0, name, size, (size_t)MSR_ENTRY);
    return false;
}

/* An empty record; true: it has been dealt with. */
static bool take_empty(struct xsi_run *r, struct v2_judge *s)
{
    const char *name = blob_names[s->record];

    if (s->length < VHDR || s->own->empty == V2_EMPTY_REFUSED) {
        xsi_run_say(r, V2_MSG_PV_BLOB_SHORT, 0, name, s->length,
                    s->own->empty == V2_EMPTY_REFUSED ? (size_t)VHDR + 1 : (size_t)VHDR);
        v2_stop(r, s, s->length < VHDR ? V(16) : V(75), s->at, "%s of %u bytes", name, s->length);
    } else if (s->own->empty == V2_EMPTY_SILENT) {
        v2_stop(r, s, V(75), s->at,
                "%s without contents: meant to be skipped, but this release "
                "fails without a word",
                name);
    } else {
        v2_next(r, s);
    }
    return true;
}

static const struct xsi_finding_row *size_finding(const struct v2_judge *s)
{
    if (s->record == V2_VCPU_XSAVE && v2_is(s, V2_XSAVE_BY_16) && s->length % 8 == 0)
        return V(86);
    return s->record == V2_VCPU_BASIC && (s->length == VHDR + 5168 || s->length == VHDR + 2800)
               ? V(76)
               : V(16);
}

static void store_blob(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                       size_t n)
{
    uint64_t at = s->at + V2_RHDR_SIZE + VHDR;

    switch (s->record) {
    case V2_VCPU_BASIC:
        v->has_basic = true;
        v2_basic_values(r, s, v, p, at);
        break;
    case V2_VCPU_EXTENDED:
        v->has_extended = true;
        v2_extended_values(r, s, v, p, n, at);
        break;
    case V2_VCPU_XSAVE:
        v->has_xsave = true;
        v2_xsave_values(r, s, v, p, n, at);
        break;
    default:
        v->has_msrs = true;
        v2_msr_values(r, s, v, p, n, at);
        break;
    }
}

void v2_take_vcpu(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    struct v2_vcpu *v;
    uint32_t id, max;

    if (n <= VHDR && take_empty(r, s))
        return;
    id = xsi_le32(p);
    if (!vcpu_exists(r, s, id, &max)) {
        xsi_run_say(r, V2_MSG_PV_VCPU_ID, 0, blob_names[s->record], id, max);
        v2_stop(r, s, V(74), s->at + V2_RHDR_SIZE, "%s is for vCPU %u; the domain's last one is %u",
                blob_names[s->record], id, max);
        return;
    }
    if (!blob_fits(r, s, s->length - VHDR)) {
        v2_stop(r, s, size_finding(s), s->at, "%s of %u bytes", blob_names[s->record], s->length);
        return;
    }
    v = vcpu_of(s, id);
    if (!v) {
        xsi_run_undefined(r, "out of memory");
        return;
    }
    if (s->record == V2_VCPU_BASIC && id > s->vcpu_top) {
        s->vcpu_top = id;
        if (!xsi_run_info(r)->has_vcpus)
            xsi_run_condition(r, "a domain with %u vCPUs", id + 1);
    }
    store_blob(r, s, v, p + VHDR, n - VHDR);
    v2_next(r, s);
}

/* ---- SHARED_INFO ---- */

void v2_take_shared(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    (void)p;
    (void)n;
    if (!s->pv_info) {
        xsi_run_say(r, V2_MSG_PV_NO_INFO, 0);
        v2_stop(r, s, V(29), s->at, "SHARED_INFO before X86_PV_INFO");
        return;
    }
    if (s->length != XSI_PAGE_SIZE) {
        xsi_run_say(r, V2_MSG_PV_SHINFO_SIZE, 0, s->length);
        v2_stop(r, s, V(16), s->at, "SHARED_INFO of %u bytes", s->length);
        return;
    }
    s->shared_seen = true;
    v2_next(r, s);
}
