/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parts of the structured suspend image: type and length, 64 bits little-endian each, then the
 * body, without padding (xen-api, suspend_image.ml:header_type_of_int64, read_header).
 */
#include <inttypes.h>
#include <stdio.h>

#include "../qemu/qevm.h"
#include "xapi.h"

#define SEARCH (8U << 20) /* how far a part's end is looked for */

static void decode_part(struct xsi_decode *d);
static void decode_xenops(struct xsi_decode *d);
static void decode_qemu(struct xsi_decode *d);
static void decode_blob(struct xsi_decode *d);

/* clang-format off */
#define PART(name, id, body, rank, refused, decode, help) \
    { { name, true, id, help, decode }, body, rank, refused }
const struct xapi_part xapi_parts[] = {
    PART("XENOPS",       0x000f, BODY_BYTES,  1, false, decode_xenops, "state of the VM"),
    PART("LIBXC",        0x00f0, BODY_STREAM, 2, false, decode_part,   "a libxc image follows"),
    PART("LIBXL",        0x00f1, BODY_STREAM, 2, true,  decode_part,   "never written"),
    PART("LIBXC_LEGACY", 0x00f2, BODY_STREAM, 2, false, decode_part,   "a legacy stream follows"),
    PART("QEMU_TRAD",    0x0f00, BODY_BYTES,  7, false, decode_qemu,   "state of any device model"),
    PART("QEMU_XEN",     0x0f01, BODY_BYTES,  7, true,  decode_qemu,   "never written"),
    PART("DEMU",         0x0f10, BODY_OPAQUE, 3, false, decode_part,   "state of the vGPU"),
    PART("VARSTORED",    0x0f11, BODY_BYTES,  4, false, decode_blob,   "UEFI variables"),
    PART("SWTPM0",       0x0f12, BODY_BYTES,  5, false, decode_blob,   "virtual TPM, raw"),
    PART("SWTPM",        0x0f13, BODY_BYTES,  6, false, decode_blob,   "virtual TPM, base64"),
    PART("END_OF_IMAGE", 0xffff, BODY_NONE,   8, false, decode_part,   "nothing follows"),
};
/* clang-format on */
static const struct xsi_type cut_type = { "PART", false, 0, "header of a part, cut off", NULL };
#define PARTS (sizeof(xapi_parts) / sizeof(xapi_parts[0]))

static const struct xsi_field_row header_rows[] = { { "type", 0, 8, XSI_HEX, NULL, NULL, NULL, 0 },
                                                    { "length", 8, 8, XSI_UINT, NULL, "bytes", NULL,
                                                      0 },
                                                    { NULL, 0, 0, XSI_UINT, NULL, NULL, NULL, 0 } };

static void decode_part(struct xsi_decode *d)
{
    xsi_decode_rows(d, 0, XAPI_PART_HEADER, header_rows);
}

static void decode_xenops(struct xsi_decode *d)
{
    decode_part(d);
    if (d->have > XAPI_PART_HEADER)
        xsi_put_text(d, "state", XSI_TEXT, XAPI_PART_HEADER, d->bytes + XAPI_PART_HEADER,
                     d->have - XAPI_PART_HEADER);
}

static void decode_qemu(struct xsi_decode *d)
{
    decode_part(d);
    if (d->length > XAPI_PART_HEADER)
        qevm_decode(d, XAPI_PART_HEADER, d->length - XAPI_PART_HEADER);
}

static void decode_blob(struct xsi_decode *d)
{
    decode_part(d);
    if (d->have > XAPI_PART_HEADER)
        xsi_put_text(d, "data", XSI_BYTES, XAPI_PART_HEADER, d->bytes + XAPI_PART_HEADER,
                     d->have - XAPI_PART_HEADER);
}

const struct xapi_part *xapi_part_row(uint64_t type)
{
    for (size_t i = 0; i < PARTS; i++)
        if (type == (uint64_t)xapi_parts[i].type.id)
            return &xapi_parts[i];
    return NULL;
}

/* A header in memory: known type, a length that somebody could have written. */
static const struct xapi_part *header(const uint8_t *p, size_t n, uint64_t *length)
{
    const struct xapi_part *part;

    if (n < XAPI_PART_HEADER)
        return NULL;
    part = xapi_part_row(xsi_le64(p));
    *length = xsi_le64(p + 8);
    if (!part || (part->body == BODY_BYTES ? *length > XAPI_PART_SANE : *length != 0))
        return NULL;
    return part;
}

/* The header of a Libxc part whose length is not the 0 that everybody writes. */
static bool odd_libxc(const uint8_t *p, size_t n)
{
    return n >= XAPI_PART_HEADER + 12 && xsi_le64(p) == 0x00f0 &&
           !memcmp(p + XAPI_PART_HEADER, "\xff\xff\xff\xff\xff\xff\xff\xffXENF", 12);
}

/*
 * A header together with the bytes behind it. Types and zero lengths are so common in memory pages
 * that a header alone proves nothing.
 */
static int judge(const uint8_t *p, size_t n, const char **why)
{
    uint64_t length;
    const struct xapi_part *part = header(p, n, &length);
    const uint8_t *q = p + XAPI_PART_HEADER;

    if (!part)
        return 0;
    n -= XAPI_PART_HEADER;
    switch (part->type.id) {
    case 0x000f:
        *why = "a Xenops part with an S-expression";
        return n && q[0] == '(' ? 90 : 0;
    case 0x00f0:
        *why = "a Libxc part with the marker of an image";
        return n >= 12 && !memcmp(q, "\xff\xff\xff\xff\xff\xff\xff\xffXENF", 12) ? 98 : 0;
    case 0x0f00:
        *why = "a Qemu_trad part with QEVM";
        return n >= 4 && !memcmp(q, QEVM_MAGIC, 4) ? 97 : 0;
    case 0xffff:
        *why = "an End_of_image part, and zeros or nothing behind it";
        for (size_t i = 0; i < n; i++)
            if (q[i])
                return 0;
        return 82;
    default:
        *why = "the header of a part";
        return length > 15 ? 40 : 20;
    }
}

int xapi_part_judge(struct xsi_walk *w, uint64_t at, const char **why)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, XAPI_PART_HEADER + 64, &have);
    int score = judge(p, have, why);
    uint64_t length, next;

    if (score != 40)
        return score;
    /* nothing inside to go by: another header has to stand at its end */
    length = xsi_le64(p + 8);
    next = at + XAPI_PART_HEADER + length;
    p = xsi_peek(w, next, XAPI_PART_HEADER, &have);
    return header(p, have, &length) ? 90 : score;
}

/* Bytes from `at` to the next part that stands on more than its type; 0 when none is near. */
static uint64_t find_next(struct xsi_walk *w, uint64_t at)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, SEARCH, &have);
    const char *why;

    for (size_t i = 0; i + XAPI_PART_HEADER <= have; i++) {
        /* upper bytes of the type first: they are zero in every header */
        if (p[i + 2] || p[i + 3] || !xapi_part_row(xsi_le64(p + i)))
            continue;
        if (judge(p + i, have - i < 80 ? have - i : 80, &why) >= 80)
            return i;
    }
    return 0;
}

/* Length of a part's body, by its header or by where the next one stands. */
static uint64_t body_length(struct xsi_walk *w, const struct xapi_part *part, uint64_t said)
{
    uint64_t body = xsi_at(w) + XAPI_PART_HEADER, found, length;
    bool sane = said <= XAPI_PART_SANE;
    size_t have = 0;
    const uint8_t *p;

    if (sane) {
        p = xsi_peek(w, body + said, XAPI_PART_HEADER + 12, &have);
        if (header(p, have, &length) || odd_libxc(p, have) || (!have && xsi_exists(w, body, said)))
            return said;
    }
    found = find_next(w, body);
    if (!found || found == said) {
        if (sane) /* cut off, or no part at all behind it: told there */
            return said;
        found = 0;
    }
    xsi_report(w, &xapi_findings[XAPI_C63], xsi_at(w) + 8, 8,
               "the %s part says it has %" PRIu64 " bytes; %s%" PRIu64 " bytes on", part->type.name,
               said, found ? "the next part stands " : "looking further from ", found);
    return found;
}

/* A body without a length: up to the next part, or, when there is none, up to the end. */
static uint64_t opaque_length(struct xsi_walk *w, const struct xapi_part *part, uint64_t said)
{
    uint64_t body = xsi_at(w) + XAPI_PART_HEADER, found = find_next(w, body), left, length;
    size_t have;
    const uint8_t *p = xsi_peek(w, body, SEARCH, &have);

    if (said)
        xsi_report(w, &xapi_findings[XAPI_C63], xsi_at(w) + 8, 8,
                   "the %s part says it has %" PRIu64 " bytes; writers put 0 there, because its "
                   "length is not known",
                   part->type.name, said);
    left = have < SEARCH ? have : 0; /* the image ends near enough to be its end */
    return found || header(p, have, &length) ? found : left;
}

static void check_order(struct xsi_walk *w, struct xapi_state *s, const struct xapi_part *part)
{
    unsigned bit = 1U << (part - xapi_parts);

    if (part->refused)
        xsi_report(w, &xapi_findings[XAPI_C67], xsi_at(w), 8, "a %s part; xapi refuses it",
                   part->type.name);
    if (s->seen & bit)
        xsi_report(w, &xapi_findings[XAPI_C66], xsi_at(w), XAPI_PART_HEADER, "another %s part",
                   part->type.name);
    else if (part->rank < s->rank)
        xsi_report(w, &xapi_findings[XAPI_C66], xsi_at(w), XAPI_PART_HEADER,
                   "a %s part behind parts that it should precede", part->type.name);
    s->seen |= bit;
    if (part->rank > s->rank)
        s->rank = part->rank;
}

static void xenops_chunk(struct xsi_walk *w, struct xapi_state *s, struct xsi_chunk *out)
{
    uint64_t length = out->length - XAPI_PART_HEADER;
    size_t have;
    const uint8_t *p;

    s->config_at = xsi_at(w) + XAPI_PART_HEADER;
    out->meta = length < CONFIG_LOOK ? out->length : CONFIG_LOOK;
    p = xsi_peek(w, s->config_at, length < CONFIG_LOOK ? (size_t)length : CONFIG_LOOK, &have);
    config_xenops(p, have, have == length, &s->facts);
    config_tell(&s->facts, xsi_info(w));
    if (s->facts.word_size)
        xsi_note(out, "saved by a %u-bit toolstack", s->facts.word_size);
}

static void qemu_chunk(struct xsi_walk *w, struct xsi_chunk *out)
{
    uint64_t length = out->length - XAPI_PART_HEADER;
    uint32_t version = 0;
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w) + XAPI_PART_HEADER, QEVM_HEADER, &have);

    if (length >= QEVM_HEADER && qevm_look(p, have, &version))
        xsi_note(out, "%" PRIu64 " bytes of QEVM version %" PRIu32, length, version);
    else
        xsi_note(out, "%" PRIu64 " bytes, no QEVM", length);
    if (length > XAPI_QEMU_MAX)
        xsi_report(w, &xapi_findings[XAPI_C63], xsi_at(w) + 8, 8,
                   "%" PRIu64 " bytes of device-model state; xapi takes 1048576 at most", length);
}

int xapi_part_step(struct xsi_walk *w, struct xapi_state *s, struct xsi_chunk *out)
{
    const struct xapi_part *part;
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w), XAPI_PART_HEADER, &have);
    uint64_t said, body = 0;

    if (have < XAPI_PART_HEADER) { /* the engine cuts it */
        xsi_chunk_is(out, &cut_type, XAPI_PART_HEADER);
        return XSI_CHUNK;
    }
    part = xapi_part_row(xsi_le64(p));
    said = xsi_le64(p + 8);
    if (!part) {
        xsi_report(w, &xapi_findings[XAPI_C62], xsi_at(w), XAPI_PART_HEADER,
                   "a part of unknown type 0x%" PRIx64 ", length %" PRIu64, xsi_le64(p), said);
        return XSI_LOST;
    }
    check_order(w, s, part);
    if (part->body == BODY_BYTES)
        body = body_length(w, part, said);
    else if (part->body == BODY_OPAQUE)
        body = opaque_length(w, part, said);
    else if (said)
        xsi_report_as(w, &xapi_findings[XAPI_C63], XSI_WARNING, 1, xsi_at(w) + 8, 8,
                      "the %s part says it has %" PRIu64 " bytes; writers put 0 there",
                      part->type.name, said);
    xsi_chunk_is(out, &part->type, XAPI_PART_HEADER + body);
    out->meta = XAPI_PART_HEADER;
    if (part->type.id == 0x000f && body)
        xenops_chunk(w, s, out);
    else if (part->body == BODY_BYTES && part->rank == XAPI_RANK_QEMU)
        qemu_chunk(w, out);
    s->part = part;
    s->stage = part->body == BODY_STREAM ? STAGE_BODY
               : part->body == BODY_NONE ? STAGE_END
                                         : STAGE_PARTS;
    return XSI_CHUNK;
}

void xapi_parts_settle(struct xsi_walk *w, struct xapi_state *s)
{
    struct xsi_info *info = xsi_info(w);
    bool stream = false, qemu = false, end = false;

    for (size_t i = 0; i < PARTS; i++) {
        if (!(s->seen >> i & 1))
            continue;
        stream |= xapi_parts[i].body == BODY_STREAM;
        qemu |= xapi_parts[i].rank == XAPI_RANK_QEMU;
        end |= xapi_parts[i].body == BODY_NONE;
    }
    if (!stream)
        xsi_report(w, &xapi_findings[end ? XAPI_C64 : XAPI_C69], xsi_at(w), 0,
                   "the suspend image holds no Libxc part, so no guest memory");
    else if (!end)
        xsi_report(w, &xapi_findings[XAPI_C65], xsi_at(w), 0,
                   "the suspend image ends without an End_of_image part");
    if (stream && !config_settle(&s->facts, info))
        xsi_report(w, &xapi_findings[XAPI_C68], s->config_at, 0,
                   "the Xenops part says %s, the stream says %s", config_guest_name(s->facts.guest),
                   config_guest_name(info->guest));
    if (end && stream && !qemu && s->facts.guest == XSI_GUEST_HVM && info->guest != XSI_GUEST_PV)
        xsi_report(w, &xapi_findings[XAPI_C57], xsi_at(w), 0,
                   "an HVM guest without a Qemu_trad part");
}
