/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the records of a v2 stream mean to a conversion. */
#include <errno.h>
#include <inttypes.h>

#include "convert.h"

enum { SLICE = XSI_BATCH_MAX };

/* A record as it is taken. */
struct record {
    uint32_t type, length;
    const struct v2_state *s;
};

/* The type's own rule; NULL: passed over. */
typedef int take_fn(struct xsi_take *t, const struct record *r);

/* ---------------------------------------------------------------- pages ---- */

/* Turn entries at p into the neutral form; false: one has a type that does not exist. */
static bool neutral(const uint8_t *p, size_t n, struct xsi_frame_entry *out, uint64_t *odd)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = xsi_le64(p + 8 * i);

        out[i] = (struct xsi_frame_entry){ .pfn = v & V2_PFN_MASK, .type = (uint8_t)(v >> 60) };
        if (out[i].type >= 5 && out[i].type <= 8) {
            *odd = v;
            return false;
        }
    }
    return true;
}

/* A record may hold any number of entries; 1024 are taken at a time. */
static int take_pages(struct xsi_take *t, const struct record *r)
{
    const uint8_t *p = xsi_take_bytes(t, V2_RHDR_SIZE, 8);
    struct xsi_frame_entry entry[SLICE];
    uint64_t count, page, odd = 0;

    if (!p)
        return -EBADMSG;
    count = xsi_le32(p);
    if (r->length < 8 || count > (r->length - 8) / 8)
        return xsi_take_cannot(t, "PAGE_DATA announces %" PRIu64 " frames in %" PRIu32 " bytes",
                               count, r->length);
    page = V2_BATCH_HEAD + 8 * count;
    for (uint64_t done = 0; done < count;) {
        size_t n = count - done < SLICE ? (size_t)(count - done) : SLICE;
        int rc;

        p = xsi_take_bytes(t, V2_BATCH_HEAD + 8 * done, 8 * n);
        if (!p)
            return -EBADMSG;
        if (!neutral(p, n, entry, &odd))
            return xsi_take_cannot(t, "frame 0x%" PRIx64 " has page type %u, which does not exist",
                                   (uint64_t)(odd & V2_PFN_MASK), (unsigned)(odd >> 60));
        rc = xsi_take_pages(t, entry, n, page);
        if (rc)
            return rc;
        for (size_t i = 0; i < n; i++)
            page += xsi_frame_carries(entry[i].type) ? XSI_PAGE_SIZE : 0;
        done += n;
    }
    return 0;
}

/* ---------------------------------------------------------------- other records ---- */

static int take_pv_info(struct xsi_take *t, const struct record *r)
{
    const uint8_t *p = xsi_take_bytes(t, V2_RHDR_SIZE, 2);
    struct xsi_vm *vm = xsi_take_vm(t);

    (void)r;
    if (!p)
        return -EBADMSG;
    vm->guest_bits = 8U * p[0];
    vm->pt_levels = p[1];
    return 0;
}

/* Writers put the whole list into one record that begins at frame 0 (4.22:xg_sr_save_x86_pv.c:
 * write_x86_pv_p2m_frames); the neutral model holds that. */
static int take_p2m(struct xsi_take *t, const struct record *r)
{
    const uint8_t *p = xsi_take_bytes(t, V2_RHDR_SIZE, 8);
    struct xsi_vm *vm = xsi_take_vm(t);
    uint32_t first, last;

    if (!p)
        return -EBADMSG;
    first = xsi_le32(p);
    last = xsi_le32(p + 4);
    if (first || r->length < 8 || (r->length - 8) % 8)
        return xsi_take_cannot(t,
                               "X86_PV_P2M_FRAMES begins at frame 0x%" PRIx32
                               ": a list in several records, which no Xen writes",
                               first);
    vm->has_p2m_size = true;
    vm->p2m_size = (uint64_t)last + 1;
    return xsi_take_range(t, XSI_ITEM_P2M_FRAMES, 0, V2_RHDR_SIZE + 8, r->length - 8);
}

static int take_vcpu(struct xsi_take *t, const struct record *r)
{
    static const enum xsi_item_kind kinds[] = {
        [V2_VCPU_BASIC] = XSI_ITEM_VCPU_BASIC,
        [V2_VCPU_EXTENDED] = XSI_ITEM_VCPU_EXTENDED,
        [V2_VCPU_XSAVE] = XSI_ITEM_VCPU_XSAVE,
        [V2_VCPU_MSRS] = XSI_ITEM_VCPU_MSRS,
    };
    const uint8_t *p = xsi_take_bytes(t, V2_RHDR_SIZE, 4);

    if (!p)
        return -EBADMSG;
    if (r->length <= 8) /* "nothing to be set": 4.22:xg_sr_restore_x86_pv.c */
        return 0;
    return xsi_take_range(t, kinds[r->type], xsi_le32(p), V2_RHDR_SIZE + 8, r->length - 8);
}

static int take_params(struct xsi_take *t, const struct record *r)
{
    const uint8_t *p = xsi_take_bytes(t, V2_RHDR_SIZE, 8);
    uint32_t count;
    int rc = 0;

    if (!p)
        return -EBADMSG;
    count = xsi_le32(p);
    if (r->length < 8 || count > (r->length - 8) / 16)
        return xsi_take_cannot(t,
                               "HVM_PARAMS announces %" PRIu32 " parameters in %" PRIu32 " bytes",
                               count, r->length);
    for (uint32_t i = 0; !rc && i < count; i++) {
        p = xsi_take_bytes(t, V2_RHDR_SIZE + 8 + 16 * (uint64_t)i, 16);
        rc = p ? xsi_take_u64(t, XSI_ITEM_HVM_PARAM, xsi_le64(p), xsi_le64(p + 8)) : -EBADMSG;
    }
    return rc;
}

/* The body is the item. */
static int take_body(struct xsi_take *t, const struct record *r)
{
    static const enum xsi_item_kind kinds[] = {
        [V2_SHARED_INFO] = XSI_ITEM_SHARED_INFO,   [V2_TSC_INFO] = XSI_ITEM_TSC,
        [V2_HVM_CONTEXT] = XSI_ITEM_HVM_CONTEXT,   [V2_VERIFY] = XSI_ITEM_VERIFY,
        [V2_CPUID_POLICY] = XSI_ITEM_CPUID_POLICY, [V2_MSR_POLICY] = XSI_ITEM_MSR_POLICY,
    };

    return xsi_take_range(t, kinds[r->type], 0, V2_RHDR_SIZE, r->length);
}

static int take_end(struct xsi_take *t, const struct record *r)
{
    (void)r;
    xsi_take_checkpoint(t);
    /* A container has more behind the stream, and so has a bare one that convert-legacy-stream
     * made of an HVM guest: its device-model record. */
    if (!xsi_take_layer(t)->depth && xsi_take_vm(t)->guest == XSI_GUEST_PV)
        xsi_take_end(t);
    return 0;
}

/* Within libxl's stream the device model's records still belong to the checkpoint. */
static int take_checkpoint(struct xsi_take *t, const struct record *r)
{
    (void)r;
    if (!xsi_take_layer(t)->depth)
        xsi_take_checkpoint(t);
    return 0;
}

static int take_refused(struct xsi_take *t, const struct record *r)
{
    return xsi_take_cannot(
        t, "%s (record type 0x%" PRIx32 ") is in no saved stream, and every reader refuses it",
        v2_type(r->type)->name, r->type);
}

static take_fn *const takes[V2_RECORDS] = {
    [V2_END] = take_end,         [V2_PAGE_DATA] = take_pages,       [V2_PV_INFO] = take_pv_info,
    [V2_P2M_FRAMES] = take_p2m,  [V2_VCPU_BASIC] = take_vcpu,       [V2_VCPU_EXTENDED] = take_vcpu,
    [V2_VCPU_XSAVE] = take_vcpu, [V2_VCPU_MSRS] = take_vcpu,        [V2_SHARED_INFO] = take_body,
    [V2_TSC_INFO] = take_body,   [V2_HVM_CONTEXT] = take_body,      [V2_HVM_PARAMS] = take_params,
    [V2_VERIFY] = take_body,     [V2_CHECKPOINT] = take_checkpoint, [V2_CPUID_POLICY] = take_body,
    [V2_MSR_POLICY] = take_body, [V2_TOOLSTACK] = take_refused,     [V2_DIRTY_PFNS] = take_refused,
};

static int unknown(struct xsi_take *t, const struct record *r)
{
    if (r->type & V2_OPTIONAL) {
        xsi_take_note(t, "left out: record 0x%" PRIx32 " at 0x%" PRIx64 ", optional and unknown",
                      r->type, xsi_take_chunk(t)->offset);
        return 0;
    }
    return xsi_take_cannot(t, "record type 0x%" PRIx32 " is unknown, and not marked as optional",
                           r->type);
}

/* ---------------------------------------------------------------- chunks ---- */

static int take_header(struct xsi_take *t, const struct v2_state *s)
{
    struct xsi_vm *vm = xsi_take_vm(t);

    if (s->libxl.big)
        return xsi_take_cannot(t, "a big-endian stream, which no Xen writes or reads");
    vm->version = s->version;
    vm->xen_major = s->major;
    vm->xen_minor = s->minor;
    if (s->kind == 1)
        vm->guest = XSI_GUEST_PV;
    else if (vm->guest != XSI_GUEST_PVH)
        vm->guest = XSI_GUEST_HVM;
    return 0;
}

/* libxl's records between CHECKPOINT and CHECKPOINT_END (Remus). */
static int take_libxl(struct xsi_take *t, const struct record *r)
{
    const uint8_t *p;

    if (r->type == LIBXL_CHECKPOINT_END)
        xsi_take_checkpoint(t);
    if ((r->type != LIBXL_XENSTORE_DATA && r->type != LIBXL_EMULATOR_CONTEXT) || r->length < 8)
        return 0;
    p = xsi_take_bytes(t, LIBXL_RHDR_SIZE, 4);
    if (!p)
        return -EBADMSG;
    if (r->type == LIBXL_XENSTORE_DATA)
        return xsi_take_range(t, XSI_ITEM_EMULATOR_STORE, 0, LIBXL_RHDR_SIZE + 8, r->length - 8);
    return xsi_take_range(t, XSI_ITEM_EMULATOR, xsi_le32(p), LIBXL_RHDR_SIZE + 8, r->length - 8);
}

int v2_take(struct xsi_take *t)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    struct record r = { .s = xsi_take_layer(t)->state };
    const uint8_t *p;
    take_fn *fn;

    if (c->row == &v2_types[V2_IMAGE_HEADER])
        return 0;
    if (c->row == &v2_types[V2_DOMAIN_HEADER])
        return take_header(t, r.s);
    p = xsi_take_bytes(t, 0, V2_RHDR_SIZE);
    if (!p)
        return -EBADMSG;
    r.type = xsi_le32(p);
    r.length = xsi_le32(p + 4);
    if (!strcmp(c->layer, LIBXL_LAYER))
        return take_libxl(t, &r);
    if (r.type >= V2_RECORDS)
        return unknown(t, &r);
    fn = takes[r.type];
    return fn ? fn(t, &r) : 0;
}
