/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Headers and the loop over records: xg_sr_restore.c and xg_sr_common.c of 4.22, and older ones. */
#include "model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOMAIN_PV = 1, DOMAIN_HVM = 2 };

/* 4.22:xg_sr_common.c:mandatory_rec_types; each release knows those below its record_types. */
static const char *const record_names[V2_RECORDS] = {
    [V2_END] = "End",
    [V2_PAGE_DATA] = "Page data",
    [V2_PV_INFO] = "x86 PV info",
    [V2_P2M_FRAMES] = "x86 PV P2M frames",
    [V2_VCPU_BASIC] = "x86 PV vcpu basic",
    [V2_VCPU_EXTENDED] = "x86 PV vcpu extended",
    [V2_VCPU_XSAVE] = "x86 PV vcpu xsave",
    [V2_SHARED_INFO] = "Shared info",
    [V2_TSC_INFO] = "x86 TSC info",
    [V2_HVM_CONTEXT] = "HVM context",
    [V2_HVM_PARAMS] = "HVM params",
    [V2_TOOLSTACK] = "Toolstack",
    [V2_VCPU_MSRS] = "x86 PV vcpu msrs",
    [V2_VERIFY] = "Verify",
    [V2_CHECKPOINT] = "Checkpoint",
    [V2_DIRTY_PFNS] = "Checkpoint dirty pfn list",
    [V2_STATIC_DATA_END] = "Static data end",
    [V2_CPUID_POLICY] = "x86 CPUID policy",
    [V2_MSR_POLICY] = "x86 MSR policy",
};

const char *v2_record_name(const struct v2_judge *s, uint32_t type)
{
    if (type >= s->own->record_types || type >= V2_RECORDS)
        return "Reserved";
    if (type == V2_TSC_INFO && !v2_is(s, V2_STATIC))
        return "TSC info";
    return record_names[type];
}

/* ---- how it ends ---- */

void v2_stop(struct xsi_run *r, struct v2_judge *s, const struct xsi_finding_row *row, uint64_t at,
             const char *fmt, ...)
{
    char text[320];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    xsi_run_outcome(r, XSI_FAILS, at, "%s", text);
    if (row)
        xsi_run_finding(r, row, at, 0, "%s", text);
    if (s->set_up)
        xsi_run_say(r, V2_MSG_RESTORE_FAILED, s->error);
    xsi_run_restore_ends(r, -1);
    xsi_run_back(r, -1);
}

void v2_refuse(struct v2_refusal *x, int error, const struct xsi_finding_row *finding, uint64_t at,
               const char *fmt, ...)
{
    va_list args;

    if (x->error)
        return; /* the first refusal counts */
    x->error = error;
    x->at = at;
    x->finding = finding;
    va_start(args, fmt);
    vsnprintf(x->why, sizeof(x->why), fmt, args);
    va_end(args);
}

void v2_stop_refused(struct xsi_run *r, struct v2_judge *s, const struct v2_refusal *x)
{
    s->error = x->error;
    xsi_run_result(r)->by_xen = true;
    v2_stop(r, s, x->finding, x->at, "Xen refuses it: %s", x->why);
}

void v2_lose(struct xsi_run *r, const struct xsi_finding_row *row, uint64_t at, const char *what)
{
    xsi_run_loses(r, at, "%s", what);
    if (row)
        xsi_run_finding(r, row, at, 0, "not restored: %s", what);
}

void v2_success(struct xsi_run *r, struct v2_judge *s)
{
    if (!s->pages_seen || (s->hvm && !s->populated))
        v2_lose(r, V(36), s->at, "memory");
    if (s->verify_first)
        v2_lose(r, V(52), s->at, "memory");
    if (s->populated)
        xsi_run_condition(r, "a host with %llu MiB of free memory for the domain",
                          (unsigned long long)(s->populated / 256 + 1));
    xsi_run_say(r, V2_MSG_SUCCESS, 0);
    xsi_run_restore_ends(r, 0);
    xsi_run_back(r, 0);
}

bool v2_body_whole(struct xsi_run *r, struct v2_judge *s, uint64_t got, uint64_t wanted)
{
    static const uint32_t tail = V2_TAIL;
    int error = xsi_run_errno(r);
    bool late = s->record < V2_RECORDS && (tail & V2_BIT(s->record));

    if (got == wanted)
        return true;
    s->error = error;
    xsi_run_say(r, V2_MSG_RECORD_DATA, error, (size_t)s->padded, s->record,
                v2_record_name(s, s->record));
    if (s->buffering) {
        s->hvm ? v2_finish_hvm(r, s) : v2_finish_pv(r, s);
        return false;
    }
    if (!error && late && (s->hvm ? s->has_context : s->vcpus > 0))
        xsi_run_fix(r, "v2-append-end"); /* what is cut off is none of what a guest needs */
    v2_stop(r, s,
            error                       ? NULL
            : late                      ? V(63)
            : s->record == V2_PAGE_DATA ? V(62)
            : s->pages_seen             ? V(63)
                                        : V(61),
            xsi_run_at(r), "%s inside a record (type 0x%x, 0x%llx bytes) that begins at 0x%llx",
            error ? "the medium cannot be read" : "the image ends", s->record,
            (unsigned long long)s->padded, (unsigned long long)s->at);
    return false;
}

/* ---- records ---- */

static void complete(struct xsi_run *r, struct v2_judge *s)
{
    if (s->hvm)
        v2_finish_hvm(r, s);
    else
        v2_finish_pv(r, s);
}

/* 4.22:xg_sr_common_x86.c:handle_x86_tsc_info */
static void take_tsc(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n)
{
    s->tsc_seen = true;
    if (s->length != 24 || n < 24) {
        xsi_run_say(r, V2_MSG_TSC_SIZE, 0, s->length, (size_t)24);
        v2_stop(r, s, V(16), s->at, "TSC info of %u bytes, not 24", s->length);
        return;
    }
    if (xsi_le32(p) > 2 && v2_is(s, V2_TSC_CHECKED)) {
        s->error = EINVAL;
        xsi_run_say(r, V2_MSG_TSC_SET, EINVAL);
        v2_stop(r, s, xsi_le32(p) == 3 ? V(72) : V(71), s->at + V2_RHDR_SIZE,
                "TSC mode %u is none that this release knows", xsi_le32(p));
        return;
    }
    v2_next(r, s);
}

static void take_verify(struct xsi_run *r, struct v2_judge *s)
{
    s->verify_first = s->verify_first || !s->pages_seen;
    s->verify = true;
    xsi_run_state(r, "pages are compared from here on, not stored");
    v2_next(r, s);
}

/* Remus: the toolstack could not read its records; from 4.7 on only a whole state will do. */
static void primary_gone(struct xsi_run *r, struct v2_judge *s)
{
    if (s->consistent || v2_is(s, V2_FAILOVER_ANY))
        complete(r, s);
    else
        v2_stop(r, s, V(93), xsi_run_at(r),
                "the stream ends within its first checkpoint: there is no whole state");
}

static void libxl_body(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

/* Remus: between CHECKPOINT and CHECKPOINT_END the toolstack reads its own records. */
static void libxl_head(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;

    if (got < V2_RHDR_SIZE) {
        primary_gone(r, s);
        return;
    }
    s->record = xsi_le32(p);
    s->padded = ((uint64_t)xsi_le32(p + 4) + 7) & ~7ULL;
    xsi_run_skip(r, s->padded, "record of libxl", libxl_body);
}

static void libxl_body(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;

    (void)p;
    if (got < s->padded)
        primary_gone(r, s);
    else if (s->record == LIBXL_CHECKPOINT_END)
        v2_next(r, s);
    else
        xsi_run_need(r, V2_RHDR_SIZE, "record header of libxl", libxl_head);
}

static bool within_libxl(const struct xsi_run *r)
{
    const struct xsi_info *info = xsi_run_info(r);

    for (size_t i = 0; i < info->stack_length; i++)
        if (!strcmp(info->stack[i], LIBXL_LAYER))
            return true;
    return false;
}

/* 4.22:xg_sr_restore.c:handle_checkpoint; records behind the first one are applied as they come,
 * since only what the last complete checkpoint left is told in a verdict. */
static void take_checkpoint(struct xsi_run *r, struct v2_judge *s)
{
    if (!s->remus) {
        xsi_run_say(r, V2_MSG_NO_CHECKPOINT, 0);
        v2_stop(r, s, V(48), s->at, "a CHECKPOINT record: the stream of a Remus restore");
        return;
    }
    xsi_run_result(r)->checkpoints++;
    if (s->buffering) {
        xsi_run_say(r, V2_MSG_ALL_BUFFERED, 0);
        xsi_run_say(r, V2_MSG_ALL_PROCESSED, 0);
    }
    s->consistent = s->buffering;
    s->buffering = true;
    if (within_libxl(r))
        xsi_run_need(r, V2_RHDR_SIZE, "record header of libxl", libxl_head);
    else
        v2_next(r, s);
}

static void take_unknown(struct xsi_run *r, struct v2_judge *s)
{
    bool known = s->record < V2_RECORDS;

    if (s->record & V2_OPTIONAL) {
        v2_next(r, s);
        return;
    }
    xsi_run_say(r, V2_MSG_NOT_HANDLED, 0, s->record, v2_record_name(s, s->record));
    if (!known && v2_one_bit_off(s->record, s->length) < V2_RECORDS)
        xsi_run_fix(r, "v2-fix-type");
    v2_stop(r, s,
            s->record == V2_TOOLSTACK                                  ? V(50)
            : s->record == V2_DIRTY_PFNS                               ? V(49)
            : known                                                    ? V(14)
            : s->length > s->own->record_cap / 2 || s->record > 0xffff ? V(19)
                                                                       : V(11),
            s->at, "a record of type 0x%x (%s), which %s", s->record, v2_record_name(s, s->record),
            known ? "this reader does not take here" : "no release knows");
}

typedef void taker(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);

/* Which guests a type belongs to, and who looks at its body. */
static const struct {
    bool pv, hvm;
    uint32_t trait; /* that the reader must have */
    taker *take;
} takers[V2_RECORDS] = {
    [V2_PV_INFO] = { true, false, 0, v2_take_pv_info },
    [V2_P2M_FRAMES] = { true, false, 0, v2_take_p2m },
    [V2_VCPU_BASIC] = { true, false, 0, v2_take_vcpu },
    [V2_VCPU_EXTENDED] = { true, false, 0, v2_take_vcpu },
    [V2_VCPU_XSAVE] = { true, false, 0, v2_take_vcpu },
    [V2_VCPU_MSRS] = { true, false, 0, v2_take_vcpu },
    [V2_SHARED_INFO] = { true, false, 0, v2_take_shared },
    [V2_TSC_INFO] = { true, true, 0, take_tsc },
    [V2_HVM_CONTEXT] = { false, true, 0, v2_take_context },
    [V2_HVM_PARAMS] = { false, true, 0, v2_take_params },
    [V2_CPUID_POLICY] = { true, true, V2_STATIC, v2_take_policy },
    [V2_MSR_POLICY] = { true, true, V2_STATIC, v2_take_policy },
};

static taker *taker_of(const struct v2_judge *s)
{
    if (s->record >= V2_RECORDS || !takers[s->record].take ||
        (takers[s->record].trait && !v2_is(s, takers[s->record].trait)))
        return NULL;
    return (s->hvm ? takers[s->record].hvm : takers[s->record].pv) ? takers[s->record].take : NULL;
}

static void got_body(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    size_t have = got < XSI_NEED_MAX ? (size_t)got : XSI_NEED_MAX;

    if (v2_body_whole(r, s, got, s->padded))
        taker_of(s)(r, s, p, have < s->length ? have : s->length);
}

/* A record whose body nobody looks at. */
static void got_rest(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;

    (void)p;
    if (!v2_body_whole(r, s, got, s->padded))
        return;
    switch (s->record) {
    case V2_END:
        complete(r, s);
        return;
    case V2_VERIFY:
        take_verify(r, s);
        return;
    case V2_CHECKPOINT:
        take_checkpoint(r, s);
        return;
    case V2_STATIC_DATA_END:
        if (!v2_is(s, V2_STATIC))
            break;
        if (v2_static_end(r, s))
            v2_next(r, s);
        return;
    default:
        break;
    }
    take_unknown(r, s);
}

static void short_head(struct xsi_run *r, struct v2_judge *s)
{
    int error = xsi_run_errno(r);
    bool state = s->hvm ? s->has_context : s->vcpus > 0;

    s->error = error;
    xsi_run_say(r, V2_MSG_RECORD_READ, error);
    if (s->buffering) { /* Remus: the last complete checkpoint counts */
        complete(r, s);
        return;
    }
    v2_stop(r, s,
            error           ? NULL
            : state         ? V(64)
            : s->pages_seen ? V(63)
                            : V(61),
            xsi_run_at(r), "%s where a record should begin",
            error ? "the medium cannot be read" : "the image ends");
}

static void got_record(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;

    if (got < V2_RHDR_SIZE) {
        short_head(r, s);
        return;
    }
    s->record = xsi_le32(p);
    s->length = xsi_le32(p + 4);
    s->padded = ((uint64_t)s->length + 7) & ~7ULL;
    if (s->length > s->own->record_cap) {
        xsi_run_say(r, V2_MSG_RECORD_LENGTH, 0, s->record, v2_record_name(s, s->record), s->length,
                    s->own->record_cap);
        v2_stop(r, s, s->length > V2_CAP ? V(17) : V(18), s->at,
                "a record of 0x%x bytes (type 0x%x); this reader takes 0x%x", s->length, s->record,
                s->own->record_cap);
    } else if (s->record == V2_PAGE_DATA) {
        v2_pages(r, s);
    } else if (taker_of(s)) {
        xsi_run_need(r, s->padded, record_names[s->record], got_body);
    } else {
        xsi_run_skip(r, s->padded, "record", got_rest);
    }
}

void v2_next(struct xsi_run *r, struct v2_judge *s)
{
    s->at = xsi_run_at(r);
    xsi_run_need(r, V2_RHDR_SIZE, "record header", got_record);
}

/* ---- headers ---- */

/* x86_pv_setup and x86_hvm_setup of 4.22:xg_sr_restore_x86_*.c */
static void set_up(struct xsi_run *r, struct v2_judge *s, uint32_t shift)
{
    static const char *const kinds[] = { NULL, "x86 PV", "x86 HVM", "x86 PVH", "ARM" };
    uint32_t page = 1U << (shift & 31), names = v2_is(s, V2_STATIC) ? 3 : 5;
    const char *kind = s->type && s->type < names ? kinds[s->type] : "Reserved";

    s->set_up = true;
    xsi_run_say(r, V2_MSG_RESTORING, 0);
    if (s->type != (s->hvm ? DOMAIN_HVM : DOMAIN_PV)) {
        xsi_run_say(r, s->hvm ? V2_MSG_GUEST_HVM : V2_MSG_GUEST_PV, 0, kind);
        v2_stop(r, s, s->type == DOMAIN_PV || s->type == DOMAIN_HVM ? V(87) : V(08), s->base + 24,
                "the stream is of a %s domain, the domain is %s", kind, s->hvm ? "HVM" : "PV");
    } else if (page != XSI_PAGE_SIZE) {
        xsi_run_say(r, s->hvm ? V2_MSG_PAGE_SIZE_HVM : V2_MSG_PAGE_SIZE_PV, 0, page);
        v2_stop(r, s, V(09), s->base + 28, "pages of %u bytes", page);
    } else {
        v2_next(r, s);
    }
}

static void got_domain(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    const struct xsi_info *info = xsi_run_info(r);
    uint32_t major;

    if (got < V2_DHDR_SIZE) {
        xsi_run_say(r, V2_MSG_DHDR_READ, xsi_run_errno(r));
        v2_stop(r, s, V(60), xsi_run_at(r), "the image ends in the domain header");
        return;
    }
    s->type = xsi_le32(p);
    major = xsi_le32(p + 8);
    xsi_run_say(r, major ? V2_MSG_FOUND : V2_MSG_FOUND_CONVERTED, 0,
                s->type == DOMAIN_PV    ? "x86 PV"
                : s->type == DOMAIN_HVM ? "x86 HVM"
                                        : "Reserved",
                major, xsi_le32(p + 12));
    s->hvm = info->guest == XSI_GUEST_UNKNOWN ? s->type == DOMAIN_HVM : info->guest != XSI_GUEST_PV;
    s->pvh = info->guest == XSI_GUEST_PVH;
    set_up(r, s, (uint32_t)p[4] | (uint32_t)p[5] << 8);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* 4.22:xg_sr_restore.c:read_headers */
static void got_image(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct v2_judge *s = state;
    bool old = !v2_is(s, V2_STATIC);
    uint64_t marker;
    uint32_t version;

    if (got < V2_IHDR_SIZE) {
        xsi_run_say(r, V2_MSG_IHDR_READ, xsi_run_errno(r));
        v2_stop(r, s, V(60), xsi_run_at(r), "the image ends in the image header");
        return;
    }
    marker = xsi_le64(p);
    version = s->version = be32(p + 12);
    if (marker != UINT64_MAX) {
        xsi_run_say(r, V2_MSG_IHDR_MARKER, 0, marker);
        v2_stop(r, s, V(01), s->base, "no image header: the first 8 bytes are not all ones");
    } else if (be32(p + 8) != 0x58454e46) {
        xsi_run_say(r, V2_MSG_IHDR_ID, 0, 0x58454e46, be32(p + 8));
        v2_stop(r, s, V(02), s->base + 8, "the image header does not say XENF");
    } else if (version < 2 || version > s->own->version_max) {
        /* 4.12.3, 4.13.1 put the two numbers in the order that the text means */
        if (old && v2_is(s, V2_INFO_PAIRED))
            xsi_run_say(r, V2_MSG_IHDR_VERSION, 0, 2, version);
        else
            xsi_run_say(r, V2_MSG_IHDR_VERSION, 0, version, 2);
        if (version == 3)
            xsi_run_fix(r, "v2-downgrade");
        v2_stop(r, s, V(03), s->base + 12, "image version %u; this reader takes 2%s", version,
                old ? "" : " and 3");
    } else if (p[17] & 1) {
        xsi_run_say(r, V2_MSG_IHDR_ENDIAN, 0);
        v2_stop(r, s, V(05), s->base + 16, "the big-endian bit is set");
    } else {
        xsi_run_need(r, V2_DHDR_SIZE, "domain header", got_domain);
    }
}

static void start(struct xsi_run *r, void *state)
{
    struct v2_judge *s = state;
    const struct xsi_reader *reader = xsi_run_reader(r);

    if (strcmp(reader->stream, "libxc-v2") != 0) { /* a release that knows no v2 stream */
        xsi_run_call(r, xsi_model_of(reader->bits == 32 ? "libxc-legacy32" : "libxc-legacy64"),
                     NULL);
        return;
    }
    s->own = reader->row->own;
    s->remus = reader->variant & XSI_READER_REMUS;
    s->width = 8;
    s->base = xsi_run_at(r);
    xsi_run_restore_begins(r);
    xsi_run_need(r, V2_IHDR_SIZE, "image header", got_image);
}

static void forget(void *state)
{
    struct v2_judge *s = state;

    free(s->vcpu);
    free(s->p2m_kept);
    free(s->copy);
    free(s->walk.page);
}

const struct xsi_model v2_model = {
    .who = "libxc",
    .messages = v2_messages,
    .state_size = sizeof(struct v2_judge),
    .start = start,
    .batch = v2_model_batch,
    .free = forget,
    .facts = v2_facts,
    .more_facts = v2_more_facts,
};
