/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending libxl's header and records: what a record is follows from what stands in it. */
#include <inttypes.h>

#include "recipe.h"

#define MARKER       "\xff\xff\xff\xff\xff\xff\xff\xffXENF" /* an image header of libxc */
#define OPTIONAL     0x80000000U
#define END_SLACK    4096U /* zeros that may belong to a state: more are harmless to QEMU */
#define STATE_MAX    (64U << 20)
#define CONVERTED    2 /* option bit 1, in the last byte of the big-endian word */
#define STRINGS_MAX  (1U << 20)
#define EMULATOR_MAX 2U

/* ---- what stands where ---- */

const struct xsi_map_row *libxl_row(const struct xsi_mend *m, uint64_t at)
{
    const struct xsi_map_row *row = xsi_map_at(xsi_mend_map(m), at);

    return row && !strcmp(row->layer, LIBXL_LAYER) && row->length == row->wanted &&
                   !(row->flags & XSI_CHUNK_GAP)
               ? row
               : NULL;
}

bool libxl_head(const struct xsi_mend *m, uint64_t at, uint32_t *type, uint32_t *length)
{
    uint8_t head[LIBXL_RHDR_SIZE];

    if (!xsi_mend_read(m, at, head, sizeof(head)))
        return false;
    *type = xsi_le32(head);
    *length = xsi_le32(head + 4);
    return true;
}

static bool marker_at(const struct xsi_mend *m, uint64_t at)
{
    uint8_t bytes[sizeof(MARKER) - 1];

    return xsi_mend_read(m, at, bytes, sizeof(bytes)) && !memcmp(bytes, MARKER, sizeof(bytes));
}

bool libxl_holds_state(const struct xsi_mend *m, uint64_t at)
{
    uint8_t b[16];

    return xsi_mend_read(m, at + LIBXL_RHDR_SIZE, b, sizeof(b)) && xsi_le32(b) <= 2 &&
           !xsi_le32(b + 4) && !memcmp(b + 8, "QEVM\0\0\0\3", 8);
}

/* Offset behind the last byte of [from, end of the image) that is not zero; from: there is none. */
static uint64_t last_byte(struct xsi_mend *m, uint64_t from)
{
    uint64_t size = xsi_mend_size(m), n = size > from ? size - from : 0;
    const uint8_t *p = n <= STATE_MAX ? xsi_mend_bytes(m, from, (size_t)n) : NULL;

    while (p && n && !p[n - 1])
        n--;
    return p ? from + n : from;
}

uint32_t libxl_state_length(struct xsi_mend *m, uint64_t at)
{
    uint64_t body = at + LIBXL_RHDR_SIZE, size = xsi_mend_size(m), end, last;

    last = last_byte(m, body);
    /* a zero byte ends the state, and eight are END */
    if (last == body || size - last < 1 + LIBXL_RHDR_SIZE)
        return 0;
    end = size - LIBXL_RHDR_SIZE;
    if (end > last + END_SLACK)
        end = last + END_SLACK;
    end -= (end - body) % 8;
    return end > last && end - body < UINT32_MAX ? (uint32_t)(end - body) : 0;
}

void libxl_put_head(struct xsi_mend *m, uint64_t at, uint32_t type, uint32_t length)
{
    uint32_t words[2] = { htole32(type), htole32(length) };

    xsi_mend_splice(m, at, sizeof(words), words, sizeof(words),
                    "write the header of %s at 0x%" PRIx64 ": type %" PRIu32 ", length %" PRIu32,
                    libxl_types[type].name, at, type, length);
}

/* ---- the header ---- */

static int fix_header(struct xsi_mend *m)
{
    const struct xsi_map_row *row = config_row(m, LIBXL_LAYER, "HEADER", 0);
    uint8_t old[LIBXL_HDR_SIZE], new[LIBXL_HDR_SIZE] = "LibxlFmt\0\0\0\2\0\0\0";

    if (!row || !xsi_mend_read(m, row->offset, old, sizeof(old)))
        return 0;
    if (config_found(m, "XS-X03")) {
        xsi_mend_refuse(m, "the records are big-endian: no libxl on x86 reads them, and nothing "
                           "converts them; only a host of the kind that wrote them can");
        return 0;
    }
    new[LIBXL_HDR_SIZE - 1] = old[LIBXL_HDR_SIZE - 1] & CONVERTED;
    if (memcmp(old, new, sizeof(old)) != 0)
        xsi_mend_splice(m, row->offset, sizeof(new), new, sizeof(new),
                        "write libxl's header at 0x%" PRIx64 ": LibxlFmt, version 2, "
                        "little-endian",
                        row->offset);
    return 0;
}

/* ---- records ---- */

/* Length of strings up to the EMULATOR_CONTEXT behind them; 0: none follows. */
static uint32_t strings_length(struct xsi_mend *m, uint64_t at)
{
    uint64_t body = at + LIBXL_RHDR_SIZE, size = xsi_mend_size(m);
    size_t n = size - body < STRINGS_MAX ? (size_t)(size - body) : STRINGS_MAX, end = 8;
    const uint8_t *p = size > body ? xsi_mend_bytes(m, body, n) : NULL;

    for (; p && end + 24 <= n; end += 8)
        if (xsi_le32(p + end) == LIBXL_EMULATOR_CONTEXT && !memcmp(p + end + 16, "QEVM", 4))
            break;
    if (!p || end + 24 > n)
        return 0;
    while (end > 8 && !p[end - 1])
        end--;
    return (uint32_t)end + (end > 8); /* the NUL of the last value */
}

/* What record stands at `at`, by its body. False: nothing known, or it is in order. */
static bool recognise(struct xsi_mend *m, uint64_t at, uint32_t *type, uint32_t *length)
{
    const struct xsi_map_row *row = libxl_row(m, at);
    bool whole = row && row->offset == at; /* the walk went by its length */
    uint32_t said_type, said_length;
    uint8_t text[8];

    if (!libxl_head(m, at, &said_type, &said_length))
        return false;
    if (marker_at(m, at + LIBXL_RHDR_SIZE)) {
        *type = LIBXL_LIBXC_CONTEXT;
        *length = 0;
    } else if (libxl_holds_state(m, at)) {
        *type = LIBXL_EMULATOR_CONTEXT;
        *length = whole ? said_length : libxl_state_length(m, at);
    } else if (xsi_mend_read(m, at + 16, text, 8) && !memcmp(text, "physmap/", 8)) {
        *type = LIBXL_XENSTORE_DATA;
        *length = whole ? said_length : strings_length(m, at);
    } else {
        return false;
    }
    return (*length || *type == LIBXL_LIBXC_CONTEXT) &&
           (*type != said_type || *length != said_length);
}

static int fix_record(struct xsi_mend *m);

/* Bodies that must be empty, and padding. */
static int normalise(struct xsi_mend *m)
{
    const struct xsi_map_row *row = libxl_row(m, xsi_mend_at(m));
    uint32_t type, length, real, real_length;
    uint8_t words[8];
    size_t n;

    if (!row || !libxl_head(m, row->offset, &type, &length))
        return 0;
    if ((type == LIBXL_END || type == LIBXL_LIBXC_CONTEXT || type == LIBXL_CHECKPOINT_END) &&
        length) {
        if (recognise(m, row->offset, &real, &real_length))
            return fix_record(m); /* it is the type that is damaged */
        if (config_zeros(m, row->offset + 8, row->length - 8) < row->length - 8)
            xsi_mend_loses(m, "the %" PRIu32 " bytes that stand in the body of %s", length,
                           libxl_types[type].name);
        xsi_mend_keep(m, "libxl-body", row->offset + 8, row->length - 8);
        xsi_mend_splice(m, row->offset + 4, row->length - 4, "\0\0\0", 4, "take out the body of %s",
                        libxl_types[type].name);
        return 0;
    }
    if ((type == LIBXL_EMULATOR_CONTEXT || type == LIBXL_XENSTORE_DATA) && length >= 8 &&
        xsi_mend_read(m, row->offset + 8, words, sizeof(words)) &&
        (xsi_le32(words) > EMULATOR_MAX || xsi_le32(words + 4)))
        xsi_mend_splice(m, row->offset + 8, sizeof(words), "\0\0\0\0\0\0\0", sizeof(words),
                        "device model unknown, index 0, as the converter writes it");
    n = (size_t)(-length & 7);
    if (type < LIBXL_RECORDS && n && row->length == 8 + (uint64_t)length + n &&
        config_zeros(m, row->offset + 8 + length, n) < n)
        xsi_mend_splice(m, row->offset + 8 + length, n, "\0\0\0\0\0\0\0", n,
                        "zero the padding of %s", libxl_types[type].name);
    return 0;
}

static int drop_record(struct xsi_mend *m)
{
    const struct xsi_map_row *row = libxl_row(m, xsi_mend_at(m));
    uint32_t type, length, real, real_length;

    if (!row || !libxl_head(m, row->offset, &type, &length) || !strcmp(row->type, "HEADER"))
        return 0;
    if (type == LIBXL_LIBXC_CONTEXT || type == LIBXL_END) {
        xsi_mend_refuse(m,
                        "two guests' memory in one stream: which one counts is for a person to "
                        "say. libxl loads the second over the first; to keep the first only, "
                        "xsrecover truncate IMAGE --at 0x%" PRIx64,
                        row->offset);
        return 0;
    }
    if (!xsi_mend_asked(m)) {
        if (recognise(m, row->offset, &real, &real_length))
            return 0; /* its header is damaged: libxl-fix-record */
        if (type >= LIBXL_RECORDS && !(type & OPTIONAL)) {
            xsi_mend_refuse(m,
                            "the record of type 0x%" PRIx32 " at 0x%" PRIx64 " is mandatory: "
                            "what it holds is part of the guest's state, to a libxl that knows "
                            "it. To go without it: --recipe libxl-drop-record",
                            type, row->offset);
            return 0;
        }
    }
    if (type >= LIBXL_RECORDS)
        xsi_mend_loses(m, "what the record of unknown type 0x%" PRIx32 " holds", type);
    else if (type == LIBXL_EMULATOR_CONTEXT)
        xsi_mend_loses(m, "the device model's state");
    else if (type == LIBXL_XENSTORE_DATA)
        xsi_mend_loses(m, "what the device model kept in xenstore; one built for Xen 4.10 or later "
                          "does not use it");
    xsi_mend_keep(m, "libxl-record", row->offset, row->length);
    xsi_mend_splice(m, row->offset, row->length, NULL, 0,
                    "take out %s of type 0x%" PRIx32 " at 0x%" PRIx64, row->type, type,
                    row->offset);
    return 0;
}

/*
 * LIBXC_CONTEXT with a length, of which no bytes are there; or none at all. True: that was it.
 */
static bool fix_context(struct xsi_mend *m)
{
    const struct xsi_map_row *row = config_row(m, LIBXL_LAYER, "LIBXC_CONTEXT", 0);
    const struct xsi_finding_row *finding = xsi_mend_finding(m);
    bool no_stream = finding == &libxl_findings[LIBXL_X25];

    if (row && row->length > LIBXL_RHDR_SIZE && marker_at(m, row->offset + LIBXL_RHDR_SIZE)) {
        libxl_put_head(m, row->offset, LIBXL_LIBXC_CONTEXT, 0);
        return true;
    }
    if (no_stream || (finding == &libxl_findings[LIBXL_X21] && !marker_at(m, xsi_mend_at(m))))
        xsi_mend_refuse(m, "the image holds no memory of the guest: no libxc stream begins where "
                           "one has to. If only its first bytes are damaged: --as 'xl > libxl-v2 > "
                           "libxc-v3'; xsdump --scan looks further");
    return no_stream;
}

/* The record that the image ends in; NULL: none. */
static const struct xsi_map_row *cut_row(const struct xsi_mend *m)
{
    const struct xsi_map_row *row;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(m), &count);
    row = count ? &row[count - 1] : NULL;
    return row && !strcmp(row->layer, LIBXL_LAYER) && row->length < row->wanted ? row : NULL;
}

/* A record that is made shorter was perhaps cut, where its bytes were zeros. */
static void guess_state(struct xsi_mend *m, uint64_t at, uint32_t length)
{
    uint32_t type, said;

    xsi_mend_guess(m, "the device model's state reaches up to libxl's END");
    if (libxl_head(m, at, &type, &said) && said > length && said - length < STATE_MAX)
        xsi_mend_loses(m,
                       "perhaps the last %" PRIu32 " bytes of the device model's state, if the "
                       "image was cut and its length is right",
                       said - length);
}

/* Where the record begins that the recipe is for. */
static uint64_t record_start(struct xsi_mend *m, const struct xsi_map_row *row)
{
    const struct xsi_map_row *cut = cut_row(m);
    uint64_t at = xsi_mend_at(m);
    uint32_t type, length;

    if (row || recognise(m, at, &type, &length))
        return row ? row->offset : at;
    if (cut && recognise(m, cut->offset, &type, &length))
        return cut->offset;
    /* a finding about a length points to it */
    return at >= 4 && recognise(m, at - 4, &type, &length) ? at - 4 : at;
}

/* The record at `at` holds none of libxl's bodies. */
static int unknown_body(struct xsi_mend *m, const struct xsi_map_row *row, uint64_t at)
{
    bool hvm = xsi_map_info(xsi_mend_map(m))->guest == XSI_GUEST_HVM;
    uint32_t type, length;

    if (!xsi_mend_finding(m) || !libxl_head(m, at, &type, &length))
        return 0;
    if (row ? type == LIBXL_EMULATOR_CONTEXT
            : hvm && !config_row(m, LIBXL_LAYER, "EMULATOR_CONTEXT", 0))
        return libxl_insert_emulator(m);
    if (row && type == LIBXL_XENSTORE_DATA)
        return drop_record(m);
    xsi_mend_refuse(m,
                    "what stands at 0x%" PRIx64 " is none of libxl's bodies; its bytes are lost "
                    "or damaged.%s",
                    at, row ? " Without it: --recipe libxl-drop-record" : "");
    return 0;
}

static int fix_record(struct xsi_mend *m)
{
    const struct xsi_map_row *row = libxl_row(m, xsi_mend_at(m));
    uint64_t at = record_start(m, row);
    uint32_t type, length;

    if (!config_row(m, LIBXL_LAYER, "HEADER", 0) || fix_context(m))
        return 0;
    if (!row && !config_row(m, LIBXL_LAYER, "LIBXC_CONTEXT", 0) && marker_at(m, at)) {
        xsi_mend_splice(m, at, 0, "\1\0\0\0\0\0\0", 8,
                        "insert LIBXC_CONTEXT in front of the image header of libxc");
        return 0;
    }
    if (!recognise(m, at, &type, &length))
        return unknown_body(m, row, at);
    if (type == LIBXL_EMULATOR_CONTEXT)
        guess_state(m, at, length);
    libxl_put_head(m, at, type, length);
    return 0;
}

static int append_end(struct xsi_mend *m)
{
    const struct xsi_map_row *row = xsi_map_at(xsi_mend_map(m), xsi_mend_at(m));
    uint64_t size = xsi_mend_size(m), at = config_stream_end(m), tail;

    if (!config_row(m, LIBXL_LAYER, "LIBXC_CONTEXT", 0)) {
        xsi_mend_refuse(m,
                        "the image ends in front of the guest's memory: nothing of it can be had "
                        "from this file, look for another copy");
        return 0;
    }
    if (row && (strcmp(row->layer, LIBXL_LAYER) || row->length == row->wanted))
        row = NULL;
    if (row) /* the header of a record, cut */
        at = row->offset;
    tail = row ? size - at : 0;
    if (tail > LIBXL_RHDR_SIZE || (!row && config_zeros(m, at, 8) == 8))
        return 0;
    if (config_zeros(m, at, (size_t)tail) < tail)
        xsi_mend_loses(
            m, "the record that began at 0x%" PRIx64 ", of which the image holds %" PRIu64 " bytes",
            at, tail);
    xsi_mend_splice(m, at, tail, "\0\0\0\0\0\0\0", 8, "append libxl's END at 0x%" PRIx64, at);
    return 0;
}

/* Header and LIBXC_CONTEXT around a bare libxc stream inside a container. */
static int add_layer(struct xsi_mend *m)
{
    static const uint8_t layer[24] = "LibxlFmt\0\0\0\2\0\0\0\0\1\0\0\0\0\0\0";
    const struct xsi_map_row *stream = config_stream(m, 0);
    uint64_t end = config_stream_end(m);

    if (!stream || strncmp(stream->layer, "libxc-v", 7) != 0 || !stream->offset)
        return 0;
    xsi_mend_splice(m, stream->offset, 0, layer, sizeof(layer),
                    "put libxl's header and LIBXC_CONTEXT in front of the libxc stream");
    if (config_zeros(m, end, 8) < 8)
        xsi_mend_splice(m, end, 0, "\0\0\0\0\0\0\0", 8, "append libxl's END");
    return 0;
}

const struct xsi_recipe libxl_recipes[] = {
    { "libxl-fix-header", "write libxl's header of 16 bytes",
      "LibxlFmt, version 2, little-endian; the bit that says \"converted\" is kept. There is no "
      "other header, so nothing is guessed.",
      fix_header, false },
    { "libxl-fix-record", "write the type and length that a record's body shows",
      "The image header of libxc behind it makes a record LIBXC_CONTEXT; QEVM makes it "
      "EMULATOR_CONTEXT, which reaches up to END; physmap makes it EMULATOR_XENSTORE_DATA, up to "
      "EMULATOR_CONTEXT. A missing LIBXC_CONTEXT is inserted.",
      fix_record, true },
    { "libxl-normalise", "empty bodies that must be empty, zero padding, put known ids in",
      "libxl reads over both; verify-stream-v2 refuses them.", normalise, false },
    { "libxl-drop-record", "take a record out of libxl's stream",
      "Records of types that libxl does not know stop it, those marked optional too. Mandatory "
      "ones are only taken out when asked for by name. Checkpoint records without a checkpoint are "
      "left over and hold nothing. The record is kept as a piece.",
      drop_record, false },
    { "libxl-append-end", "append libxl's END",
      "Eight zero bytes behind the last whole record. libxl itself takes the end of the file for "
      "END, so nothing changes for it; but a whole stream can be told from a cut one.",
      append_end, false },
    { "libxl-add-layer", "put libxl's stream around a bare libxc one",
      "For a container of xl or libvirt whose body is a bare libxc stream of Xen 4.6 or later. The "
      "state of an HVM guest's device model is not in such a stream.",
      add_layer, false },
    { "libxl-fix-emulator", "restore the first bytes of a device model's state",
      "QEVM and version 3, where the section behind them is in order.", libxl_fix_emulator, false },
    { "libxl-insert-emulator", "put a record around a device model's state that has none",
      "Looks behind the libxc stream for a state whose record header is lost. Without one it "
      "refuses: with an empty state no device model starts (tried on 4.17).",
      libxl_insert_emulator, false },
    { "libxl-drop-emulator", "take a record for a device model out",
      "From the stream of a PV or PVH guest, which has none; of two records the first, since libxl "
      "uses the last. A cut one is taken out only when asked: without any the device model does "
      "not start at all, with a cut one it does, in a random state. It is kept as a piece.",
      libxl_drop_emulator, false },
    { NULL, NULL, NULL, NULL, false }
};
