/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl's records: where they end, and whether something follows. */
#include <inttypes.h>

#include "libxl.h"

/* Types that carry something for the device model. */
#define EMULATOR (1U << LIBXL_XENSTORE_DATA | 1U << LIBXL_EMULATOR_CONTEXT)

#define CUT_LOOK      (8U << 20)
#define EMULATOR_META 24U /* two headers, and the first words of the state; the rest is a blob */

/* clang-format off */
const struct xsi_type libxl_types[LIBXL_TYPES] = {
    [LIBXL_END] = { "END", true, 0, "end of libxl's stream", libxl_decode_empty },
    [LIBXL_LIBXC_CONTEXT] = { "LIBXC_CONTEXT", true, 1, "the libxc stream follows, without a "
                              "length", libxl_decode_empty },
    [LIBXL_XENSTORE_DATA] = { "EMULATOR_XENSTORE_DATA", true, 2, "what the device model keeps in "
                              "xenstore", libxl_decode_xenstore },
    [LIBXL_EMULATOR_CONTEXT] = { "EMULATOR_CONTEXT", true, 3, "the device model's state",
                                 libxl_decode_emulator },
    [LIBXL_CHECKPOINT_END] = { "CHECKPOINT_END", true, 4, "libxc's records go on behind this "
                               "(Remus, COLO)", libxl_decode_empty },
    [LIBXL_CHECKPOINT_STATE] = { "CHECKPOINT_STATE", true, 5, "what the COLO secondary is doing",
                                 libxl_decode_state },
    [LIBXL_RECORDS] = { "RECORD", false, 0, "a record of a type that libxl up to 4.22 does not "
                        "know", libxl_decode_opaque },
    [LIBXL_HEADER] = { "HEADER", false, 0, "ident, version and byte order of libxl's stream; "
                       "always big-endian", libxl_decode_header },
};

/* Body lengths. */
static const struct {
    uint32_t min, max;
} sizes[LIBXL_RECORDS] = {
    [LIBXL_XENSTORE_DATA] = { 8, 1 << 20 },
    [LIBXL_EMULATOR_CONTEXT] = { 8, LIBXL_BODY_MAX },
    [LIBXL_CHECKPOINT_STATE] = { 4, 8 },
};
/* clang-format on */

struct head {
    uint64_t at, end;
    uint32_t type, length;
    size_t have;
};

static struct head head_at(struct xsi_walk *w, const struct libxl_records *r, uint64_t at)
{
    struct head h = { .at = at };
    const uint8_t *p = xsi_peek(w, at, LIBXL_RHDR_SIZE, &h.have);
    struct xsi_cursor c = { .at = p, .left = h.have, .big = r->big };

    h.type = xsi_u32(&c);
    h.length = xsi_u32(&c);
    h.end = at + LIBXL_RHDR_SIZE + (((uint64_t)h.length + 7) & ~7ULL);
    return h;
}

static bool size_ok(const struct head *h)
{
    return h->type < LIBXL_RECORDS && h->length >= sizes[h->type].min &&
           h->length <= sizes[h->type].max;
}

bool libxl_plausible(struct xsi_walk *w, const struct libxl_records *r, uint64_t at)
{
    struct head h = head_at(w, r, at);
    struct xsi_cursor c;
    const uint8_t *p;
    uint32_t id, index;
    size_t have;

    if (h.have < LIBXL_RHDR_SIZE || h.type < LIBXL_XENSTORE_DATA || !size_ok(&h))
        return false;
    if (h.type == LIBXL_CHECKPOINT_END)
        return true;
    p = xsi_peek(w, at + LIBXL_RHDR_SIZE, 8, &have);
    c = (struct xsi_cursor){ .at = p, .left = have, .big = r->big };
    id = xsi_u32(&c);
    index = xsi_u32(&c);
    if (h.type == LIBXL_CHECKPOINT_STATE) /* libxc has nothing of that type and length */
        return id <= 3 || h.length == 4;
    return id <= 2 && !index;
}

/* Does a record end here? Then another begins, or the image ends. */
static bool ends_here(struct xsi_walk *w, const struct libxl_records *r, uint64_t at)
{
    struct head h;

    if (!xsi_exists(w, at, 1))
        return true;
    h = head_at(w, r, at);
    if (h.have < LIBXL_RHDR_SIZE)
        return true;
    /* behind a checkpoint's last record libxc goes on; its own layer looks at that */
    if ((r->checkpointed && h.type) || size_ok(&h))
        return true;
    return h.type < LIBXL_RECORDS && h.length < 16; /* too short or too long, but a header */
}

static void check_padding(struct xsi_walk *w, const struct head *h)
{
    uint64_t body = h->at + LIBXL_RHDR_SIZE + h->length;
    size_t have;
    const uint8_t *p;

    if (body == h->end || body - xsi_at(w) > (8U << 20))
        return;
    p = xsi_peek(w, body, (size_t)(h->end - body), &have);
    for (size_t i = 0; i < have; i++)
        if (p[i]) {
            libxl_report(w, X23, body, h->end - body, "padding is not zero");
            return;
        }
}

static void check_size(struct xsi_walk *w, const struct head *h)
{
    const char *name = libxl_types[h->type].name;

    if (size_ok(h))
        return;
    if (h->type == LIBXL_LIBXC_CONTEXT)
        libxl_report(w, X20, h->at, 8, "LIBXC_CONTEXT has a body of %" PRIu32 " bytes", h->length);
    else if (!sizes[h->type].max)
        libxl_report(w, X26, h->at, 8, "%s has a body of %" PRIu32 " bytes", name, h->length);
    else
        libxl_report(w, X07, h->at + 4, 4,
                     "%s of length %" PRIu32 "; it begins with %" PRIu32 " bytes", name, h->length,
                     sizes[h->type].min);
}

static void check_order(struct xsi_walk *w, struct libxl_records *r, const struct head *h)
{
    const char *name = libxl_types[h->type].name;
    const struct xsi_info *info = xsi_info(w);
    uint32_t bit = 1U << h->type;

    if (h->type == LIBXL_LIBXC_CONTEXT && r->seen & bit)
        libxl_report(w, X22, h->at, 8, "LIBXC_CONTEXT a second time");
    if (bit & EMULATOR && r->seen & bit && !r->checkpointed)
        libxl_report(w, X17, h->at, 8, "%s a second time: the last one counts", name);
    if (bit & EMULATOR && (info->guest == XSI_GUEST_PV || info->guest == XSI_GUEST_PVH))
        libxl_report(w, X18, h->at, 8, "%s for a %s guest, which has no device model", name,
                     info->guest == XSI_GUEST_PV ? "PV" : "PVH");
    if ((h->type == LIBXL_CHECKPOINT_END || h->type == LIBXL_CHECKPOINT_STATE) && !r->checkpointed)
        libxl_report(w, X24, h->at, 8, "%s without a checkpoint: a plain restore stops here", name);
    r->seen |= bit;
}

/* A length beyond the image's end: cut, or is the length wrong and END still there? */
static bool cut_state(struct xsi_walk *w, const struct head *h)
{
    uint64_t left = xsi_left(w, h->at);
    size_t have;
    const uint8_t *p;

    if (left == UINT64_MAX || left < 32 || left > (8U << 20))
        return true;
    p = xsi_peek(w, h->at + left - 8, 8, &have);
    if (have < 8 || memcmp(p, "\0\0\0\0\0\0\0\0", 8) != 0)
        return true;
    libxl_report(w, X08, h->at + 4, 4,
                 "length 0x%" PRIx32 " of EMULATOR_CONTEXT leads behind the "
                 "image, whose last bytes are an END: about 0x%" PRIx64 " would be right",
                 h->length, left - 16);
    return false;
}

static void describe(struct xsi_walk *w, struct libxl_records *r, const struct head *h,
                     struct xsi_chunk *out)
{
    /* a pipe is asked no further than it can be kept */
    bool cut = h->end - h->at <= CUT_LOOK ? !xsi_exists(w, h->at, h->end - h->at)
                                          : xsi_left(w, h->at) < h->end - h->at;

    check_size(w, h);
    check_order(w, r, h);
    if (!cut)
        check_padding(w, h);
    switch (h->type) {
    case LIBXL_XENSTORE_DATA:
        libxl_check_xenstore(w, r, h->at, h->length, out);
        break;
    case LIBXL_EMULATOR_CONTEXT:
        if (cut && cut_state(w, h))
            libxl_report(w, X12, h->at + xsi_left(w, h->at), 0,
                         "the image ends inside the device "
                         "model's state: %" PRIu64 " of %" PRIu32 " bytes are there; libxl does "
                         "not notice",
                         xsi_left(w, h->at) - LIBXL_RHDR_SIZE, h->length);
        libxl_check_emulator(w, r, h->at, h->length, out);
        if (out->meta > EMULATOR_META)
            out->meta = EMULATOR_META;
        break;
    case LIBXL_CHECKPOINT_STATE:
        libxl_check_state(w, r, h->at, h->length, out);
        break;
    case LIBXL_CHECKPOINT_END:
        r->checkpointed = false;
        break;
    case LIBXL_END:
        r->ended = true;
        break;
    default:
        break;
    }
}

int libxl_step(struct xsi_walk *w, struct libxl_records *r, struct xsi_chunk *out)
{
    struct head h = head_at(w, r, xsi_at(w));
    bool known = h.type < LIBXL_RECORDS;
    bool fits = h.type == LIBXL_LIBXC_CONTEXT || h.type == LIBXL_END ||
                (h.length <= LIBXL_BODY_MAX && ends_here(w, r, h.end));

    if (h.have < LIBXL_RHDR_SIZE) {
        xsi_chunk_is(out, &libxl_types[LIBXL_RECORDS], LIBXL_RHDR_SIZE);
        libxl_report(w, X10, h.at, h.have,
                     "the image ends in the header of a libxl record; libxl "
                     "takes it for END");
        return XSI_CHUNK;
    }
    if (h.length > (1U << 20) && known && h.type != LIBXL_EMULATOR_CONTEXT)
        fits = false;
    if (!fits || (!known && !xsi_exists(w, h.at, h.end - h.at))) {
        libxl_report(w, X08, h.at, 8,
                     "no libxl record can begin here: type 0x%" PRIx32 " (%s), length 0x%" PRIx32,
                     h.type, libxl_types[known ? h.type : LIBXL_RECORDS].name, h.length);
        return XSI_LOST;
    }
    xsi_chunk_is(out, &libxl_types[known ? h.type : LIBXL_RECORDS], h.end - h.at);
    out->has_id = true;
    out->id = (int64_t)h.type;
    if (known)
        describe(w, r, &h, out);
    else
        libxl_report(w, X06, h.at, 8, "record of unknown type 0x%" PRIx32 ": libxl stops here",
                     h.type);
    return XSI_CHUNK;
}
