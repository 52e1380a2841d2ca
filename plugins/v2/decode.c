/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields of the records. Byte order and guest width come from the layer's state. */
#include "v2.h"
#include "../x86/x86.h"

#define BODY     V2_RHDR_SIZE
#define LIST_MAX 16384 /* entries of a list that are shown */

/* clang-format off */
static const struct xsi_name options_bits[] = { { 1, "big_endian" }, { 0, NULL } };

static const struct xsi_field_row ihdr_rows[] = {
    { "marker", 0, 8, XSI_HEX, NULL, NULL, "all ones, which a legacy stream cannot begin with", 1 },
    { "id", 8, 4, XSI_HEX, NULL, NULL, "\"XENF\"", 1 },
    { "version", 12, 4, XSI_UINT, NULL, NULL, "2: Xen 4.6 to 4.13, 3: from 4.14 on", 1 },
    { "options", 16, 2, XSI_FLAGS, options_bits, NULL, "bit 0: byte order of all that follows", 1 },
    { "reserved1", 18, 2, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { "reserved2", 20, 4, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { 0 }
};

static const struct xsi_field_row dhdr_rows[] = {
    { "type", 0, 4, XSI_ENUM, v2_domain_types, NULL, "PVH guests are written as HVM", 1 },
    { "page_shift", 4, 2, XSI_UINT, NULL, NULL, "12: pages of 4096 bytes", 1 },
    { "reserved", 6, 2, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { "xen_major", 8, 4, XSI_UINT, NULL, NULL, "writer's release; 0: converted from legacy", 1 },
    { "xen_minor", 12, 4, XSI_UINT, NULL, NULL, NULL, 1 },
    { 0 }
};

static const struct xsi_field_row pv_info_rows[] = {
    { "guest_width", 0, 1, XSI_UINT, NULL, "bytes", "size of a guest word", 1 },
    { "pt_levels", 1, 1, XSI_UINT, NULL, "levels", "of page tables: 3 with 4 bytes, 4 with 8", 1 },
    { "reserved1", 2, 2, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { "reserved2", 4, 4, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { 0 }
};

static const struct xsi_field_row tsc_rows[] = {
    { "mode", 0, 4, XSI_ENUM, x86_tsc_modes, NULL, "when the guest's TSC is emulated", 1 },
    { "khz", 4, 4, XSI_UINT, NULL, "kHz", "frequency that the guest sees", 1 },
    { "nsec", 8, 8, XSI_UINT, NULL, "ns", "guest time that has passed", 1 },
    { "incarnation", 16, 4, XSI_UINT, NULL, NULL, "counts migrations", 1 },
    { "reserved", 20, 4, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { 0 }
};

static const struct xsi_field_row batch_rows[] = {
    { "count", 0, 4, XSI_UINT, NULL, "frames", "entries in this record, at most 1024", 1 },
    { "reserved", 4, 4, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { 0 }
};

static const struct xsi_field_row p2m_rows[] = {
    { "start_pfn", 0, 4, XSI_PFN, NULL, NULL, "first frame that the table covers", 1 },
    { "end_pfn", 4, 4, XSI_PFN, NULL, NULL, "last frame: the guest's highest", 1 },
    { 0 }
};

static const struct xsi_field_row vcpu_rows[] = {
    { "vcpu_id", 0, 4, XSI_UINT, NULL, NULL, NULL, 1 },
    { "reserved", 4, 4, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { 0 }
};

static const struct xsi_field_row params_rows[] = {
    { "count", 0, 4, XSI_UINT, NULL, "parameters", NULL, 1 },
    { "reserved", 4, 4, XSI_HEX, NULL, NULL, "must be 0", 2 },
    { 0 }
};
/* clang-format on */

static const struct v2_state *state_of(struct xsi_decode *d)
{
    const struct v2_state *s = d->state;

    d->big = s->libxl.big;
    return s;
}

/* Type and length of the record. Returns the bytes of the body, as the record states them. */
static size_t decode_head(struct xsi_decode *d)
{
    struct xsi_cursor c;
    uint32_t type, length;

    (void)state_of(d);
    c = xsi_decode_cursor(d, 0);
    type = xsi_u32(&c);
    length = xsi_u32(&c);
    if (c.short_read)
        return 0;
    xsi_put(d, "type", XSI_HEX, 0, 4, type, NULL);
    xsi_put(d, "length", XSI_UINT, 4, 4, length, "bytes");
    return length;
}

/* Padding is worth a field only when it is wrong. */
static void decode_padding(struct xsi_decode *d, size_t size)
{
    size_t at = BODY + size, pad = -size & 7;

    if (!pad || at > d->have || pad > d->have - at)
        return;
    for (size_t i = 0; i < pad; i++)
        if (d->bytes[at + i]) {
            xsi_put_text(d, "padding", XSI_BYTES, at, d->bytes + at, pad);
            return;
        }
}

void v2_decode_ihdr(struct xsi_decode *d)
{
    d->big = true;
    xsi_decode_rows(d, 0, V2_IHDR_SIZE, ihdr_rows);
}

void v2_decode_dhdr(struct xsi_decode *d)
{
    (void)state_of(d);
    xsi_decode_rows(d, 0, V2_DHDR_SIZE, dhdr_rows);
}

void v2_decode_empty(struct xsi_decode *d)
{
    size_t size = decode_head(d), have = d->have > BODY ? d->have - BODY : 0;

    if (size && have)
        xsi_put_text(d, "body", XSI_BYTES, BODY, d->bytes + BODY, have < 256 ? have : 256);
}

void v2_decode_opaque(struct xsi_decode *d)
{
    size_t size = decode_head(d), have = d->have > BODY ? d->have - BODY : 0;

    if (have > size)
        have = size;
    if (have)
        xsi_put_text(d, "body", XSI_BYTES, BODY, d->bytes + BODY, have < 4096 ? have : 4096);
    decode_padding(d, size);
}

/* Entries by type, and at detail 2 each run of frames of one type. */
static void decode_entries(struct xsi_decode *d, size_t n)
{
    uint64_t kinds[16] = { 0 };
    size_t at = V2_BATCH_HEAD, shown = 0;

    if (d->detail >= 2)
        xsi_open(d, "runs", XSI_LIST, at, 8 * n);
    for (size_t i = 0, run; i < n; i += run) {
        struct xsi_cursor c = xsi_decode_cursor(d, at + 8 * i);
        uint64_t entry = xsi_u64(&c);

        run = v2_run(d->bytes + at + 8 * i, n - i, d->big);
        kinds[entry >> 60] += run;
        if (d->detail < 2 || shown++ >= LIST_MAX)
            continue;
        xsi_open(d, NULL, XSI_GROUP, at + 8 * i, 8 * run);
        xsi_put(d, "pfn", XSI_PFN, at + 8 * i, 8, entry & V2_PFN_MASK, NULL);
        xsi_put(d, "frames", XSI_UINT, at + 8 * i, 8 * run, run, NULL);
        xsi_put_name(d, "type", at + 8 * i, 8, entry >> 60, v2_page_types);
        if (entry & V2_RESERVED_MASK)
            xsi_put(d, "reserved", XSI_HEX, at + 8 * i, 8, (entry & V2_RESERVED_MASK) >> 52, NULL);
        xsi_close(d);
    }
    if (d->detail >= 2)
        xsi_close(d);
    xsi_open(d, "types", XSI_GROUP, at, 8 * n);
    for (unsigned t = 0; t < 16; t++)
        if (kinds[t])
            xsi_put(d, xsi_name_of(v2_page_types, t), XSI_UINT, at, 8 * n, kinds[t], "frames");
    xsi_close(d);
}

void v2_decode_pages(struct xsi_decode *d)
{
    size_t size = decode_head(d), n;

    if (size < 8)
        return;
    xsi_decode_rows(d, BODY, 8, batch_rows);
    n = d->have < V2_BATCH_HEAD ? 0 : (d->have - V2_BATCH_HEAD) / 8;
    if (d->chunk && n > d->chunk->entries)
        n = (size_t)d->chunk->entries;
    if (n)
        decode_entries(d, n);
}

void v2_decode_pv_info(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    xsi_decode_rows(d, BODY, size, pv_info_rows);
}

/* A list of 64-bit frame numbers, at detail 2. */
static void decode_frames(struct xsi_decode *d, size_t at, size_t size, const char *name)
{
    size_t n = size / 8;

    if (at > d->have)
        return;
    if (n > (d->have - at) / 8)
        n = (d->have - at) / 8;
    xsi_put(d, "frames", XSI_UINT, at, size, size / 8, NULL);
    if (d->detail < 2)
        return;
    xsi_open(d, name, XSI_LIST, at, 8 * n);
    for (size_t i = 0; i < n && i < LIST_MAX; i++) {
        struct xsi_cursor c = xsi_decode_cursor(d, at + 8 * i);

        xsi_put(d, NULL, XSI_PFN, at + 8 * i, 8, xsi_u64(&c), NULL);
    }
    xsi_close(d);
}

void v2_decode_p2m(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    xsi_decode_rows(d, BODY, size, p2m_rows);
    if (size > 8)
        decode_frames(d, BODY + 8, size - 8, "p2m_frames");
}

void v2_decode_dirty(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    decode_frames(d, BODY, size, "dirty_pfns");
}

void v2_decode_vcpu(struct xsi_decode *d)
{
    const struct v2_state *s = state_of(d);
    size_t size = decode_head(d);
    int64_t type = d->chunk ? d->chunk->id : V2_VCPU_BASIC;

    xsi_decode_rows(d, BODY, size, vcpu_rows);
    if (size <= 8)
        return;
    d->big = d->big && type == V2_VCPU_MSRS; /* registers are an x86's, whatever the stream */
    if (type == V2_VCPU_BASIC)
        x86_decode_vcpu_context(d, BODY + 8, size - 8,
                                size - 8 == X86_VCPU64_SIZE   ? 8
                                : size - 8 == X86_VCPU32_SIZE ? 4
                                                              : s->width);
    else if (type == V2_VCPU_EXTENDED)
        x86_decode_ext_context(d, BODY + 8, size - 8);
    else if (type == V2_VCPU_XSAVE)
        x86_decode_xsave(d, BODY + 8, size - 8);
    else
        x86_decode_pv_msrs(d, BODY + 8, size - 8);
    decode_padding(d, size);
}

void v2_decode_shared(struct xsi_decode *d)
{
    const struct v2_state *s = state_of(d);
    size_t size = decode_head(d);

    d->big = false;
    x86_decode_shared_info(d, BODY, size, s->width);
}

void v2_decode_tsc(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    xsi_decode_rows(d, BODY, size, tsc_rows);
}

void v2_decode_context(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    x86_decode_hvm_context(d, BODY, size);
    decode_padding(d, size);
}

void v2_decode_params(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    xsi_decode_rows(d, BODY, size, params_rows);
    if (size > 8)
        x86_decode_hvm_params(d, BODY + 8, (size - 8) / 16);
}

void v2_decode_cpuid(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    x86_decode_cpuid_policy(d, BODY, size);
    decode_padding(d, size);
}

void v2_decode_msr(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    x86_decode_msr_policy(d, BODY, size);
}
