/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image and domain header, and the bid on them. 4.22:xg_sr_restore.c:read_headers. */
#include <inttypes.h>
#include <stdio.h>

#include "v2.h"

#define XENF       0x58454e46U
#define BITS_CLOSE 3 /* bits that a magic number may be off and still be known */

#define SHIFT_MAX 64U

/* Image header and domain header as they stand. */
struct headers {
    uint64_t marker;
    uint32_t id, version, reserved2;
    uint16_t options, reserved1;
    size_t have;
};

static struct headers read_ihdr(const uint8_t *p, size_t have)
{
    struct xsi_cursor c = { .at = p, .left = have, .big = true };
    struct headers h = { .have = have };

    h.marker = xsi_u64(&c);
    h.id = xsi_u32(&c);
    h.version = xsi_u32(&c);
    h.options = xsi_u16(&c);
    h.reserved1 = xsi_u16(&c);
    h.reserved2 = xsi_u32(&c);
    return h;
}

static int score_ihdr(const struct headers *h)
{
    unsigned marker_off = (unsigned)__builtin_popcountll(~h->marker);
    unsigned id_off = (unsigned)__builtin_popcount(h->id ^ XENF);
    int marker = !marker_off ? 40 : marker_off <= BITS_CLOSE ? 30 : 0;
    int id = !id_off ? 40 : id_off <= BITS_CLOSE ? 30 : 0;
    int rest;

    if (h->have < 8)
        return 0;
    if (h->have < 12)
        return marker_off ? 0 : 60; /* cut; a legacy p2m_size cannot be all ones */
    if (h->have < V2_IHDR_SIZE)
        return marker && id ? marker + id : 0;
    rest = h->version == 2 || h->version == 3 ? 10 : 0;
    rest += !(h->options & ~1U) && !h->reserved1 && !h->reserved2 ? 10 : 0;
    /* one of the magic numbers may be lost when all else is as it must be */
    return (marker && id) || ((marker || id) && rest == 20) ? marker + id + rest : 0;
}

/* The header a few bytes further on: somebody put bytes in front, or cut a container wrongly. */
static unsigned find_shifted(struct xsi_walk *w, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, SHIFT_MAX + V2_IHDR_SIZE, &have);

    for (unsigned i = 1; i < SHIFT_MAX && i + V2_IHDR_SIZE <= have; i++) {
        struct headers h = read_ihdr(p + i, V2_IHDR_SIZE);

        if (score_ihdr(&h) == 100)
            return i;
    }
    return 0;
}

/* No headers, but records: three in a row that begin like a stream. */
static int score_records(struct xsi_walk *w, uint64_t at, bool *v3)
{
    static const uint32_t firsts = V2_BIT(V2_PV_INFO) | V2_BIT(V2_CPUID_POLICY) |
                                   V2_BIT(V2_MSR_POLICY) | V2_BIT(V2_STATIC_DATA_END) |
                                   V2_BIT(V2_PAGE_DATA);
    static const struct v2_state blank;
    unsigned good = 0;

    *v3 = false;
    for (uint64_t next = at; good < 3 && next - at < 65536;) {
        struct v2_head h;
        size_t have;
        const uint8_t *p;

        v2_head_at(w, &blank, next, &h);
        if (h.have < V2_RHDR_SIZE || h.type >= V2_RECORDS || !v2_size_ok(h.type, h.length) ||
            (!good && !(V2_BIT(h.type) & firsts)))
            return 0;
        p = xsi_peek(w, next, 32, &have);
        if (v2_body_fits(&blank, h.type, h.length, p + 8, have < 8 ? 0 : have - 8) < 0)
            return 0;
        *v3 = *v3 || (V2_BIT(h.type) & V2_ONLY_V3) != 0;
        if (h.type == V2_PAGE_DATA) { /* too long to look behind; its numbers are proof enough */
            struct v2_batch b;

            v2_batch_read(w, &blank, next, h.length, 0, &b);
            return b.consistent && good ? 45 : 0;
        }
        good++;
        next = h.end;
    }
    return good == 3 ? 45 : 0;
}

void v2_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row, struct xsi_bid *bid)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, V2_IHDR_SIZE + V2_DHDR_SIZE, &have);
    struct headers h = read_ihdr(p, have < V2_IHDR_SIZE ? have : V2_IHDR_SIZE);
    struct xsi_cursor c = { .at = p, .left = have };
    bool v3 = true;

    bid->score = score_ihdr(&h);
    if (bid->score) {
        if (h.have == V2_IHDR_SIZE && h.version < 3)
            v3 = false;
        if (h.have == V2_IHDR_SIZE && h.version > 3) { /* what does the writer's release say? */
            xsi_skip(&c, V2_IHDR_SIZE + 12);
            v3 = have < V2_IHDR_SIZE + V2_DHDR_SIZE || xsi_u32(&c) >= 14;
        }
        snprintf(bid->reason, sizeof(bid->reason), "%s, version %" PRIu32,
                 bid->score == 100 ? "libxc image header" : "what is left of a libxc image header",
                 h.version);
    } else if (find_shifted(w, at)) {
        unsigned shift = find_shifted(w, at);

        bid->score = 55;
        p = xsi_peek(w, at + shift, V2_IHDR_SIZE, &have);
        v3 = read_ihdr(p, have).version != 2;
        snprintf(bid->reason, sizeof(bid->reason), "libxc image header %u bytes further on", shift);
    } else {
        bid->score = score_records(w, at, &v3);
        bid->param = V2_NO_HEADERS;
        snprintf(bid->reason, sizeof(bid->reason), "libxc records without their headers");
    }
    if (row->variant != (v3 ? 3U : 2U))
        bid->score = 0;
}

static void report_magic(struct xsi_walk *w, const struct headers *h, uint64_t at)
{
    if (h->marker != UINT64_MAX)
        v2_report(w, V01, at, 8,
                  "marker is 0x%016" PRIx64 ", not all ones: every reader stops "
                  "here",
                  h->marker);
    if (h->have >= 12 && h->id != XENF)
        v2_report(w, V02, at + 8, 4,
                  "id is 0x%08" PRIx32 ", not 0x%08x (\"XENF\"): every reader "
                  "stops here",
                  h->id, XENF);
    if (h->have < V2_IHDR_SIZE)
        return;
    if (h->version != 2 && h->version != 3)
        v2_report(w, V03, at + 12, 4, "version is %" PRIu32 "; 2 and 3 exist", h->version);
    if (h->options & ~1U)
        v2_report(w, V04, at + 16, 2, "options word is 0x%x: only bit 0 has a meaning", h->options);
    if (h->reserved1 || h->reserved2)
        v2_report(w, V07, at + 18, 6, "reserved bytes of the image header are not zero");
}

/* The byte order that the domain header shows, whatever the options say: its page shift is 12. */
static bool really_big(struct xsi_walk *w, uint64_t dhdr, bool big)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, dhdr, V2_DHDR_SIZE, &have);

    if (have < V2_DHDR_SIZE)
        return big;
    if (p[4] == 12 && !p[5] && p[0] && !p[3])
        return false;
    if (p[5] == 12 && !p[4] && p[3] && !p[0])
        return true;
    return big;
}

int v2_step_ihdr(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    uint64_t at = xsi_at(w);
    size_t have;
    const uint8_t *p = xsi_peek(w, at, V2_IHDR_SIZE, &have);
    struct headers h = read_ihdr(p, have);
    bool flag = h.options & 1;

    if (!score_ihdr(&h) && find_shifted(w, at)) {
        v2_report(w, V91, at, 0,
                  "bytes stand in front of the image header: every reader stops "
                  "here");
        return XSI_LOST;
    }
    xsi_chunk_is(out, &v2_types[V2_IMAGE_HEADER], V2_IHDR_SIZE);
    report_magic(w, &h, at);
    s->phase = V2_AT_DHDR;
    s->last = V2_IMAGE_HEADER;
    s->cut = have < V2_IHDR_SIZE;
    if (s->cut)
        return XSI_CHUNK;
    s->version = h.version;
    s->libxl.big = really_big(w, at + V2_IHDR_SIZE, flag);
    if (s->libxl.big)
        v2_report(w, V05, at + 16, 2,
                  "the stream is big-endian: no reader takes that, and no "
                  "writer makes it");
    else if (flag)
        v2_report(w, V06, at + 16, 2,
                  "options bit 0 says big-endian, but what follows is "
                  "little-endian");
    xsi_note(out, "version %" PRIu32, h.version);
    return XSI_CHUNK;
}

static void note_writer(struct xsi_walk *w, struct v2_state *s, uint64_t at)
{
    struct xsi_info *info = xsi_info(w);
    const char *release = v2_release(s->major, s->minor);

    if (!s->major) {
        snprintf(info->writer_why, sizeof(info->writer_why),
                 "converted from a legacy image (the "
                 "domain header names no release); converter version %" PRIu32,
                 s->minor);
        return;
    }
    info->writer_from = info->writer_to = release;
    snprintf(info->writer_why, sizeof(info->writer_why),
             "the domain header says Xen %" PRIu32 ".%" PRIu32, s->major, s->minor);
    if (!release) {
        v2_report(w, V90, at + 8, 8,
                  "written by Xen %" PRIu32 ".%" PRIu32 ", which is none of the "
                  "releases 4.6 to 4.22",
                  s->major, s->minor);
        return;
    }
    if ((s->version == 3 && s->minor < 14) || (s->version == 2 && s->minor >= 14))
        v2_report(w, V89, at + 8, 8,
                  "Xen %" PRIu32 ".%" PRIu32 " writes version %d, this is "
                  "version %" PRIu32 ": converted, or one of the numbers is wrong",
                  s->major, s->minor, s->minor >= 14 ? 3 : 2, s->version);
}

/* The guest is what the stream says; when the configuration says otherwise, its container tells. */
static void note_guest(struct xsi_walk *w, struct v2_state *s)
{
    struct xsi_info *info = xsi_info(w);

    s->claimed = info->guest;
    if (s->kind != 1 && s->kind != 2)
        return;
    if (s->kind == 1)
        info->guest = XSI_GUEST_PV;
    else if (info->guest != XSI_GUEST_PVH)
        info->guest = XSI_GUEST_HVM;
}

int v2_step_dhdr(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    uint64_t at = xsi_at(w);
    size_t have;
    const uint8_t *p = xsi_peek(w, at, V2_DHDR_SIZE, &have);
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint16_t shift, reserved;

    xsi_chunk_is(out, &v2_types[V2_DOMAIN_HEADER], V2_DHDR_SIZE);
    s->phase = V2_AT_RECORD;
    s->last = V2_DOMAIN_HEADER;
    s->cut = have < V2_DHDR_SIZE;
    if (s->cut)
        return XSI_CHUNK;
    s->kind = xsi_u32(&c);
    shift = xsi_u16(&c);
    reserved = xsi_u16(&c);
    s->major = xsi_u32(&c);
    s->minor = xsi_u32(&c);
    s->has_dhdr = true;
    if (s->kind != 1 && s->kind != 2) {
        v2_report(w, V08, at, 4,
                  "domain type %" PRIu32 " (%s): readers take 1 (PV) and 2 (HVM and "
                  "PVH)",
                  s->kind,
                  s->kind == 3 || s->kind == 4 ? "never written by any release" : "unknown");
        s->kind = 0;
    }
    if (shift != 12)
        v2_report(w, V09, at + 4, 2, "page shift is %u, not 12", shift);
    if (reserved)
        v2_report(w, V07, at + 6, 2, "reserved word of the domain header is 0x%x", reserved);
    note_writer(w, s, at);
    note_guest(w, s);
    if (s->kind)
        xsi_note(out, "%s", s->kind == 1 ? "PV" : "HVM or PVH");
    if (s->major)
        xsi_note(out, "written by Xen %" PRIu32 ".%" PRIu32, s->major, s->minor);
    else
        xsi_note(out, "converted from a legacy stream");
    return XSI_CHUNK;
}
