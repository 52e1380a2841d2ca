/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending xapi's suspend images: the signature and the parts. */
#include <inttypes.h>

#include "../config/recipe.h"
#include "../qemu/qevm.h"
#include "xapi.h"

#define PARTS       "xapi-v2"
#define CLASSIC     "xapi"
#define RECORD_TEXT "QemuDeviceModelRecord\n"
#define MARKER      "\xff\xff\xff\xff\xff\xff\xff\xffXENF"
#define STATE_HEAD  "QEVM\0\0\0\3"
#define WHERE_STATE                                                                        \
    "look for it in /var/lib/xen/qemu-save.N or qemu-resume.N on the host that saved the " \
    "guest. Memory and vCPUs are there: xsdump --core saves them"

enum {
    RECORD_SIZE = 22,
    TYPE_XENOPS = 0x000f,
    TYPE_LIBXC = 0x00f0,
    TYPE_QEMU = 0x0f00,
    TYPE_END = 0xffff,
    MOVE_MAX = 64 << 20
};

static void part_header(uint64_t type, uint64_t length, uint8_t out[XAPI_PART_HEADER])
{
    uint64_t words[2] = { htole64(type), htole64(length) };

    memcpy(out, words, sizeof(words));
}

/* A part that is whole, by an offset in it. */
static const struct xsi_map_row *part_at(const struct xsi_mend *m, uint64_t at)
{
    const struct xsi_map_row *row = xsi_map_at(xsi_mend_map(m), at);

    return row && !strcmp(row->layer, PARTS) && !(row->flags & XSI_CHUNK_GAP) && row->has_id &&
                   row->length == row->wanted && row->length >= XAPI_PART_HEADER
               ? row
               : NULL;
}

static bool header_at(const struct xsi_mend *m, uint64_t at, uint64_t *type, uint64_t *length)
{
    uint8_t head[XAPI_PART_HEADER];

    if (!xsi_mend_read(m, at, head, sizeof(head)))
        return false;
    *type = xsi_le64(head);
    *length = xsi_le64(head + 8);
    return true;
}

/* ---- signature ---- */

static int fix_signature(struct xsi_mend *m)
{
    const struct xsi_map_row *parts = config_row(m, PARTS, "SIGNATURE", 0);
    const struct xsi_map_row *row = parts ? parts : config_row(m, CLASSIC, "SIGNATURE", 0);
    const char *text = parts ? "XenSavedDomv2-\n" : "XenSavedDomain\n";
    uint8_t old[XAPI_SIGNATURE_SIZE];

    if (!row) {
        xsi_mend_refuse(m, "the image is not in xapi's container, and xapi knows no other: take "
                           "another reader; xsdump -t all IMAGE lists those that restore it");
        return 0;
    }
    if (!xsi_mend_read(m, row->offset, old, sizeof(old)) || !memcmp(old, text, sizeof(old)))
        return 0;
    xsi_mend_splice(m, row->offset, XAPI_SIGNATURE_SIZE, text, XAPI_SIGNATURE_SIZE,
                    "put the signature %.14s back", text);
    return 0;
}

/* ---- lengths and types ---- */

static int fix_length(struct xsi_mend *m)
{
    const struct xsi_map_row *row = part_at(m, xsi_mend_at(m));
    const struct xapi_part *part = row ? xapi_part_row((uint64_t)row->id) : NULL;
    uint64_t type, said, length = row ? row->length - XAPI_PART_HEADER : 0, word;

    if (!part || !header_at(m, row->offset, &type, &said))
        return 0;
    if (part->body != BODY_BYTES)
        length = 0;
    if (part->rank == 7 && length > XAPI_QEMU_MAX) {
        xsi_mend_refuse(m,
                        "the device model's state has %" PRIu64 " bytes, and xapi takes 1048576: "
                        "take another reader; xsdump -t all IMAGE lists those that restore it",
                        length);
        return 0;
    }
    if (said == length)
        return 0;
    if (part->body == BODY_BYTES && !part_at(m, row->offset + row->length))
        xsi_mend_guess(m, "the part ends at 0x%" PRIx64 ", though no other begins there",
                       row->offset + row->length);
    word = htole64(length);
    xsi_mend_splice(m, row->offset + 8, 8, &word, 8, "%s part: length %" PRIu64 " to %" PRIu64,
                    row->type, said, length);
    return 0;
}

/* The type that a part's body shows; 0: none. */
static uint64_t type_of(const struct xsi_mend *m, uint64_t body)
{
    uint8_t p[12];

    if (!xsi_mend_read(m, body, p, sizeof(p)))
        return 0;
    if (!memcmp(p, MARKER, sizeof(p)))
        return TYPE_LIBXC;
    if (!memcmp(p, QEVM_MAGIC, 4))
        return TYPE_QEMU;
    return p[0] == '(' && p[1] == '(' ? TYPE_XENOPS : 0;
}

/* Does a part of a known type begin at `at`, or the image end? */
static bool part_begins(const struct xsi_mend *m, uint64_t at)
{
    uint64_t type, length;

    return at == xsi_mend_size(m) || (header_at(m, at, &type, &length) && xapi_part_row(type));
}

/* End of an unknown part: by its length, or by where the walk found the next one. 0: not known. */
static uint64_t unknown_end(const struct xsi_mend *m, uint64_t at, uint64_t length)
{
    const struct xsi_map_row *next = config_row(m, PARTS, NULL, at + 1);
    uint64_t size = xsi_mend_size(m), body = at + XAPI_PART_HEADER;

    if (body <= size && length <= size - body && part_begins(m, body + length))
        return body + length;
    return next ? next->offset : 0;
}

/* ---- the end, and the order ---- */

static const struct xsi_map_row *last_row(const struct xsi_mend *m)
{
    const struct xsi_map_row *row, *last = NULL;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(m), &count);
    for (size_t i = 0; i < count; i++)
        if (!(row[i].flags & XSI_CHUNK_GAP))
            last = &row[i];
    return last;
}

static int append_end(struct xsi_mend *m)
{
    const struct xsi_map_row *last = last_row(m);
    uint64_t end = config_stream_end(m), from = end;
    uint8_t header[XAPI_PART_HEADER];

    if (!last || !config_row(m, PARTS, "SIGNATURE", 0) || config_row(m, PARTS, "END_OF_IMAGE", 0))
        return 0;
    if (last->length < last->wanted && strcmp(last->type, "PART") != 0) {
        xsi_mend_refuse(m,
                        "the image ends inside %s at 0x%" PRIx64 ": %" PRIu64 " of %" PRIu64
                        " bytes are there. What is missing is nowhere in this file; %s",
                        last->type, last->offset, last->length, last->wanted,
                        !strncmp(last->type, "QEMU", 4) ? WHERE_STATE : "look for another copy");
        return 0;
    }
    if (last->length < last->wanted) { /* a cut header */
        from = last->offset;
        if (config_zeros(m, from, (size_t)last->length) < last->length)
            xsi_mend_loses(m, "the part whose header begins at 0x%" PRIx64 " and is cut", from);
    }
    part_header(TYPE_END, 0, header);
    xsi_mend_splice(m, from, end - from, header, sizeof(header),
                    "append End_of_image at 0x%" PRIx64, from);
    return 0;
}

/* First part with a higher rank than `rank`, from an offset on; movable: of a known length. */
static const struct xsi_map_row *first_above(const struct xsi_mend *m, unsigned rank, uint64_t from,
                                             bool movable)
{
    const struct xsi_map_row *row = config_row(m, PARTS, NULL, from);

    for (; row; row = config_row(m, PARTS, NULL, row->offset + 1)) {
        const struct xapi_part *part = row->has_id ? xapi_part_row((uint64_t)row->id) : NULL;

        if (part && part->rank > rank && (!movable || part->body == BODY_BYTES))
            return row;
    }
    return NULL;
}

static void move_part(struct xsi_mend *m, const struct xsi_map_row *row,
                      const struct xsi_map_row *to)
{
    const uint8_t *bytes = row->length <= MOVE_MAX && row->length == row->wanted
                               ? xsi_mend_bytes(m, row->offset, (size_t)row->length)
                               : NULL;

    if (!bytes)
        return;
    xsi_mend_splice(m, to->offset, 0, bytes, (size_t)row->length,
                    "move the %s part from 0x%" PRIx64 " to where %s is", row->type, row->offset,
                    to->type);
    xsi_mend_splice(m, row->offset, row->length, NULL, 0, "%" PRIu64 " bytes", row->length);
}

static int order_parts(struct xsi_mend *m)
{
    const struct xsi_map_row *row = part_at(m, xsi_mend_at(m)), *other;
    const struct xapi_part *part = row ? xapi_part_row((uint64_t)row->id) : NULL;

    if (!part)
        return 0;
    other = config_row(m, PARTS, row->type, 0);
    if (part->body == BODY_BYTES && other->offset < row->offset) {
        xsi_mend_keep(m, "xapi-part", other->offset, other->length);
        xsi_mend_splice(m, other->offset, other->length, NULL, 0,
                        "take out the first of two %s parts: the second is what xapi uses",
                        row->type);
        return 0;
    }
    if (part->body == BODY_BYTES) {
        other = first_above(m, part->rank, 0, false);
        if (other && other->offset < row->offset)
            move_part(m, row, other);
        return 0;
    }
    /* a stream stays where it is: the part that stands too early moves behind it */
    row = first_above(m, part->rank, 0, true);
    part = row && row->offset < xsi_mend_at(m) ? xapi_part_row((uint64_t)row->id) : NULL;
    other = part ? first_above(m, part->rank, xsi_mend_at(m), false) : NULL;
    if (other)
        move_part(m, row, other);
    return 0;
}

/* ---- the device model's state ---- */

/* Bytes [*state, *end) behind the stream that are a state of QEMU's. */
static bool find_state(struct xsi_mend *m, uint64_t from, uint64_t *state, uint64_t *end)
{
    uint64_t size = xsi_mend_size(m);
    size_t n = size > from && size - from <= MOVE_MAX ? (size_t)(size - from) : 0;
    const uint8_t *p = n ? xsi_mend_bytes(m, from, n) : NULL;
    const uint8_t *q = p ? memmem(p, n, STATE_HEAD, 8) : NULL;
    static const uint8_t end_header[XAPI_PART_HEADER] = { 0xff, 0xff };

    if (!q)
        return false;
    *state = from + (uint64_t)(q - p);
    n -= (size_t)(q - p);
    p = memmem(q, n, end_header, sizeof(end_header));
    if (p)
        n = (size_t)(p - q);
    while (!p && n && !q[n - 1])
        n--;
    *end = *state + n + (!p && *state + n < size); /* its last byte is zero */
    return n > 16;
}

/* End of the memory stream. */
static uint64_t memory_end(const struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    uint64_t end = 0;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(m), &count);
    for (size_t i = 0; i < count; i++)
        if (!(row[i].flags & XSI_CHUNK_GAP) && !strncmp(row[i].layer, "libxc", 5))
            end = row[i].offset + row[i].length;
    return end;
}

static int insert_qemu(struct xsi_mend *m)
{
    bool parts = config_row(m, PARTS, "SIGNATURE", 0) != NULL;
    uint64_t from = memory_end(m), state, end;
    uint8_t head[RECORD_SIZE + 4] = RECORD_TEXT;
    uint32_t word;

    if (!from || (!parts && !config_row(m, CLASSIC, "SIGNATURE", 0)) ||
        config_row(m, PARTS, "QEMU_TRAD", 0))
        return 0;
    if (!find_state(m, from, &state, &end) || end - state > XAPI_QEMU_MAX) {
        xsi_mend_refuse(m, "the image holds no device model's state, and without one the device "
                           "model of an HVM guest does not start; " WHERE_STATE);
        return 0;
    }
    word = htobe32((uint32_t)(end - state));
    memcpy(head + RECORD_SIZE, &word, sizeof(word));
    if (parts)
        part_header(TYPE_QEMU, end - state, head);
    xsi_mend_guess(m, "the state at 0x%" PRIx64 " is this guest's, and ends at 0x%" PRIx64, state,
                   end);
    if (state > from)
        xsi_mend_keep(m, "xapi-tail", from, state - from);
    xsi_mend_splice(m, from, state - from, head, parts ? XAPI_PART_HEADER : sizeof(head),
                    "write the header of the device model's %s in front of the state at 0x%" PRIx64,
                    parts ? "part" : "record", state);
    return 0;
}

static int fix_part(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), type, length, real, end, state;

    if (!config_row(m, PARTS, "SIGNATURE", 0) || !header_at(m, at, &type, &length))
        return 0;
    real = type_of(m, at + XAPI_PART_HEADER);
    if (real && real != type) {
        uint64_t word = htole64(real);

        xsi_mend_guess(m, "the part's type follows from what its body begins with");
        xsi_mend_splice(m, at, 8, &word, 8, "part of type 0x%" PRIx64 " to 0x%" PRIx64, type, real);
        return 0;
    }
    if (!xapi_part_row(type) && !config_row(m, PARTS, "QEMU_TRAD", 0) &&
        find_state(m, at, &state, &end))
        return insert_qemu(m); /* what stands here are the bytes of its lost header */
    end = unknown_end(m, at, length);
    if (!xsi_mend_asked(m) || !end || xapi_part_row(type)) {
        xsi_mend_refuse(
            m,
            "no release defines or takes a part of type 0x%" PRIx64 "; what it holds "
            "belongs to the guest's state. %s",
            type, end ? "To go without it: --recipe fix-xapi-part" : "Where it ends is not known");
        return 0;
    }
    xsi_mend_loses(m, "what the part of unknown type 0x%" PRIx64 " holds", type);
    xsi_mend_keep(m, "xapi-part", at, end - at);
    xsi_mend_splice(m, at, end - at, NULL, 0, "take out the part of type 0x%" PRIx64, type);
    return 0;
}

/* ---- a v2 stream under the signature of a legacy one ---- */

static int make_parts(struct xsi_mend *m)
{
    static const char signature[] = "XenSavedDomv2-\n";
    const struct xsi_map_row *row = config_row(m, CLASSIC, "SIGNATURE", 0);
    const struct xsi_map_row *stream = config_stream(m, 0);
    uint64_t end = memory_end(m), last = config_stream_end(m);
    uint8_t head[XAPI_SIGNATURE_SIZE + XAPI_PART_HEADER], tail[XAPI_PART_HEADER];
    uint8_t record[RECORD_SIZE + 4];

    if (!row || !stream || strncmp(stream->layer, "libxc-v", 7) != 0)
        return 0;
    memcpy(head, signature, XAPI_SIGNATURE_SIZE);
    part_header(TYPE_LIBXC, 0, head + XAPI_SIGNATURE_SIZE);
    xsi_mend_splice(m, row->offset, stream->offset - row->offset, head, sizeof(head),
                    "the signature of a suspend image of parts, and a Libxc part");
    if (xsi_mend_read(m, end, record, sizeof(record)) &&
        !memcmp(record, RECORD_TEXT, RECORD_SIZE)) {
        uint32_t length;

        memcpy(&length, record + RECORD_SIZE, sizeof(length));
        length = be32toh(length);
        part_header(TYPE_QEMU, length, tail);
        xsi_mend_splice(m, end, sizeof(record), tail, sizeof(tail),
                        "a Qemu_trad part in the place of the device model's record");
        last = end + sizeof(record) + length;
        if (last > xsi_mend_size(m))
            last = xsi_mend_size(m);
    }
    part_header(TYPE_END, 0, tail);
    xsi_mend_splice(m, last, 0, tail, sizeof(tail), "append End_of_image");
    return 0;
}

/* ---- a legacy stream among parts ---- */

/* Parts behind the stream become the record of a classic image, or go. */
static void classic_tail(struct xsi_mend *m, uint64_t end)
{
    const struct xsi_map_row *row = config_row(m, PARTS, NULL, end);

    for (; row; row = config_row(m, PARTS, NULL, row->offset + 1)) {
        if (row->has_id && row->id == TYPE_QEMU && row->length > XAPI_PART_HEADER) {
            uint8_t head[RECORD_SIZE + 4] = RECORD_TEXT;
            uint32_t length = htobe32((uint32_t)(row->length - XAPI_PART_HEADER));

            memcpy(head + RECORD_SIZE, &length, sizeof(length));
            xsi_mend_splice(m, row->offset, XAPI_PART_HEADER, head, sizeof(head),
                            "the device model's record in the place of its part");
            continue;
        }
        if (!row->has_id || row->id != TYPE_END)
            xsi_mend_loses(m, "the %s part", row->type);
        xsi_mend_keep(m, "xapi-part", row->offset, row->length);
        xsi_mend_splice(m, row->offset, row->length, NULL, 0, "take out %s", row->type);
    }
}

static int make_classic(struct xsi_mend *m)
{
    const struct xsi_map_row *row = config_row(m, PARTS, "SIGNATURE", 0);
    const struct xsi_map_row *stream = config_stream(m, 0);

    if (!row || !stream)
        return 0;
    if (strncmp(stream->layer, "libxc-legacy", 12) != 0) {
        xsi_mend_refuse(m, "a suspend image of parts with a stream of Xen 4.6 or later: no xapi "
                           "before xenopsd's (2014) reads it; restore it on a newer host");
        return 0;
    }
    xsi_mend_keep(m, "xapi-parts", row->offset, stream->offset - row->offset);
    xsi_mend_splice(m, row->offset, stream->offset - row->offset, "XenSavedDomain\n",
                    XAPI_SIGNATURE_SIZE, "the signature of a classic image in front of the stream");
    classic_tail(m, memory_end(m));
    return 0;
}

const struct xsi_recipe xapi_recipes[] = {
    { "fix-xapi-signature", "put xapi's signature of 15 bytes back",
      "Which of the two it is, is told by the bytes that are left of it.", fix_signature, false },
    { "fix-xapi-part-length", "make a part's length lead to the next part",
      "It follows from where the next part's header stands.", fix_length, false },
    { "fix-xapi-part", "write the type that a part's body shows, or take an unknown part out",
      "The marker of a libxc image, QEVM and an S-expression tell their parts. A part of unknown "
      "type is only taken out when asked by name; it is kept as a piece.",
      fix_part, false },
    { "append-xapi-end", "append End_of_image",
      "Sixteen bytes behind the last whole part. Nothing tells whether other parts followed it.",
      append_end, false },
    { "order-xapi-parts", "put a part where xapi writes it, or take out the first of two",
      "xapi takes parts as they come; other tools may not.", order_parts, false },
    { "insert-xapi-qemu", "put a header in front of a device model's state that has none",
      "Looks behind the memory for a state whose header is lost. Without one it refuses: with no "
      "state, or an empty one, no device model starts.",
      insert_qemu, false },
    { "xapi-make-parts", "make parts of a classic image that holds a stream of Xen 4.6 or later",
      "The classic signature makes xapi run convert-legacy-stream, which refuses such a stream.",
      make_parts, false },
    { "xapi-make-classic", "make a classic image of parts that hold a legacy stream",
      "Readers before xenopsd know no parts; xenopsd takes a Libxc_legacy part for a stream of Xen "
      "4.6. The Qemu_trad part becomes the device model's record; the others go and are kept.",
      make_classic, false },
    { NULL, NULL, NULL, NULL, false }
};
