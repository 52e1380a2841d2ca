/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl's stream around the libxc one. 4.22:libxl_stream_read.c. */
#include <inttypes.h>
#include <stdio.h>

#include "libxl.h"

#include "../plugins.h"
#include "messages.h"
#include "restore.h"

#define IDENT         0x4c6962786c466d74ULL /* "LibxlFmt" */
#define OPTION_BIG    1U
#define OPTION_LEGACY 2U
#define BITS_CLOSE    4 /* bits that the ident may be off and still be known */

enum phase { AT_HEADER, AT_RECORD, AT_STREAM, IN_STREAM, AT_END };

struct libxl_state {
    struct libxl_records records; /* first, see libxl.h */
    enum phase phase;
};

struct header {
    uint64_t ident;
    uint32_t version, options;
    size_t have;
};

static struct header read_header(struct xsi_walk *w, uint64_t at)
{
    struct header h;
    const uint8_t *p = xsi_peek(w, at, LIBXL_HDR_SIZE, &h.have);
    struct xsi_cursor c = { .at = p, .left = h.have, .big = true };

    h.ident = xsi_u64(&c);
    h.version = xsi_u32(&c);
    h.options = xsi_u32(&c);
    return h;
}

/* Does LIBXC_CONTEXT stand behind the header, and in which order of bytes? */
static bool context_follows(struct xsi_walk *w, uint64_t at, bool *big)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, at, LIBXL_RHDR_SIZE, &have);

    if (have < LIBXL_RHDR_SIZE)
        return false;
    *big = !memcmp(p, "\0\0\0\1", 4);
    return *big || !memcmp(p, "\1\0\0\0", 4);
}

static void libxl_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                      struct xsi_bid *bid)
{
    static const char ident[] = "LibxlFmt";
    struct header h = read_header(w, at);
    unsigned off = (unsigned)__builtin_popcountll(h.ident ^ IDENT);
    bool rest = h.version == 2 && h.options < 4, big;
    size_t have;
    const uint8_t *p;

    (void)row;
    if (h.have < 8) {
        p = xsi_peek(w, at, 8, &have);
        if (have && !memcmp(p, ident, have))
            bid->score = 20 + 8 * (int)have;
    } else if (!off)
        bid->score = h.have < LIBXL_HDR_SIZE || rest ? 100 : 90;
    else if (off <= BITS_CLOSE)
        bid->score = rest ? 85 : 0;
    else if (rest && context_follows(w, at + LIBXL_HDR_SIZE, &big))
        bid->score = 60;
    if (bid->score)
        snprintf(bid->reason, sizeof(bid->reason), "%s",
                 bid->score >= 90 ? "libxl's ident" : "what is left of libxl's header");
}

static int step_header(struct xsi_walk *w, struct libxl_state *s, struct xsi_chunk *out)
{
    uint64_t at = xsi_at(w);
    struct header h = read_header(w, at);
    bool flag = h.options & OPTION_BIG;

    xsi_chunk_is(out, &libxl_types[LIBXL_HEADER], LIBXL_HDR_SIZE);
    s->phase = AT_RECORD;
    if (h.have < LIBXL_HDR_SIZE) {
        libxl_report(w, X10, at, h.have,
                     "the image ends in libxl's header: %zu of %d bytes are "
                     "there",
                     h.have, LIBXL_HDR_SIZE);
        return XSI_CHUNK;
    }
    if (h.ident != IDENT)
        libxl_report(w, X01, at, 8, "ident is 0x%016" PRIx64 ", not 0x%016llx (\"LibxlFmt\")",
                     h.ident, (unsigned long long)IDENT);
    if (h.version != 2)
        libxl_report(w, X02, at + 8, 4, "version is %" PRIu32 ", not 2", h.version);
    s->records.big = flag;
    (void)context_follows(w, at + LIBXL_HDR_SIZE, &s->records.big);
    if (s->records.big)
        libxl_report(w, X03, at + 12, 4, "the records are big-endian, which no libxl takes");
    else if (flag)
        libxl_report(w, X04, at + 12, 4,
                     "options bit 0 says big-endian, but the records are "
                     "little-endian");
    if (h.options & ~(OPTION_BIG | OPTION_LEGACY))
        libxl_report(w, X05, at + 12, 4,
                     "options are 0x%" PRIx32 ": only bits 0 and 1 have a "
                     "meaning",
                     h.options);
    if (h.options & OPTION_LEGACY) {
        libxl_report(w, X29, at + 12, 4, "converted from a legacy stream");
        xsi_note(out, "converted from a legacy stream");
    }
    return XSI_CHUNK;
}

/* What should have been there by now. */
static void report_missing(struct xsi_walk *w, const struct libxl_state *s, uint64_t at)
{
    const struct xsi_info *info = xsi_info(w);

    if (!(s->records.seen & 1U << LIBXL_LIBXC_CONTEXT)) {
        libxl_report(w, X21, at, 0, "libxl's stream holds no LIBXC_CONTEXT");
        return;
    }
    if (info->guest == XSI_GUEST_HVM && !s->records.emulators)
        libxl_report(w, X11, at, 0,
                     "an HVM guest without EMULATOR_CONTEXT: the device model will "
                     "not start (a PVH guest has none)");
}

static int step_record(struct xsi_walk *w, struct libxl_state *s, struct xsi_chunk *out)
{
    uint64_t at = xsi_at(w);
    int rc = libxl_step(w, &s->records, out);

    if (rc != XSI_CHUNK)
        return rc;
    if (out->row == &libxl_types[LIBXL_LIBXC_CONTEXT])
        s->phase = AT_STREAM;
    if (s->records.ended) {
        s->phase = AT_END;
        report_missing(w, s, at);
    }
    return XSI_CHUNK;
}

static int libxl_layer_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct libxl_state *s = l->state;

    switch (s->phase) {
    case AT_HEADER:
        return step_header(w, s, out);
    case AT_STREAM:
        s->phase = IN_STREAM;
        xsi_push(w, XSI_LAYER_STREAM, "libxc-v");
        return XSI_PUSH;
    case IN_STREAM:
        s->phase = AT_RECORD;
        if (xsi_push_failed(w)) {
            libxl_report(w, X25, xsi_at(w), 0, "no libxc stream begins behind LIBXC_CONTEXT");
            return XSI_LOST;
        }
        return step_record(w, s, out);
    case AT_RECORD:
        return step_record(w, s, out);
    case AT_END:
        break;
    }
    return XSI_DONE;
}

/*
 * The image ended. When the libxc stream was not complete, that has been said, and libxl's END
 * would only be said again.
 */
static void libxl_layer_end(struct xsi_walk *w, struct xsi_layer *l)
{
    struct libxl_state *s = l->state;

    if (s->phase == AT_END || s->phase == AT_HEADER || xsi_was_cut(w) ||
        xsi_info(w)->state == XSI_TRUNCATED)
        return;
    if (s->phase == AT_STREAM) {
        libxl_report(w, X25, xsi_at(w), 0,
                     "the image ends behind LIBXC_CONTEXT: the libxc stream "
                     "is missing");
        return;
    }
    if (!s->records.seen) {
        libxl_report(w, X10, xsi_at(w), 0, "the image ends behind libxl's header");
        return;
    }
    report_missing(w, s, xsi_at(w));
    if (s->records.seen & 1U << LIBXL_LIBXC_CONTEXT)
        libxl_report(w, X09, xsi_at(w), 0,
                     "libxl's END is missing; libxl takes the end of the "
                     "file for it");
}

static const struct xsi_anchor anchors[] = {
    { "QEVM\0\0\0\3", 8, 16 }, /* EMULATOR_CONTEXT: the state behind two words */
    { NULL, 0, 0 }
};

static void libxl_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at,
                         struct xsi_sync *sync)
{
    const struct libxl_state *s = l->state;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, 24, &have);
    struct xsi_cursor c = { .at = p, .left = have, .big = s->records.big };
    uint32_t type = xsi_u32(&c), length = xsi_u32(&c);
    uint64_t end = at + LIBXL_RHDR_SIZE + (((uint64_t)length + 7) & ~7ULL);

    if (have < 24 || type != LIBXL_EMULATOR_CONTEXT || memcmp(p + 16, "QEVM", 4) != 0 ||
        !libxl_plausible(w, &s->records, at))
        return;
    sync->confidence = 60;
    if (xsi_left(w, end) == 0)
        sync->confidence = 85;
    p = xsi_peek(w, end, 8, &have);
    if (have == 8 && !memcmp(p, "\0\0\0\0\0\0\0\0", 8))
        sync->confidence = xsi_left(w, end) == 8 ? 100 : 90;
    snprintf(sync->why, sizeof(sync->why), "EMULATOR_CONTEXT with a QEVM state%s",
             sync->confidence >= 90 ? ", and END where it ends" : "");
}

static void libxl_resumed(struct xsi_walk *w, struct xsi_layer *l, const struct xsi_sync *sync)
{
    struct libxl_state *s = l->state;

    (void)w;
    (void)sync;
    s->phase = AT_RECORD;
}

static const struct xsi_layer_row layers[] = { { LIBXL_LAYER, XSI_LAYER_MIDDLE, libxl_bid, 0 },
                                               { NULL, 0, NULL, 0 } };

const struct xsi_finding_row libxl_findings[LIBXL_FINDING_COUNT] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, explain },
#include "findings.def"
#undef FINDING
};

const struct xsi_format xsi_format_libxl = {
    .name = "libxl",
    .layers = layers,
    .state_size = sizeof(struct libxl_state),
    .step = libxl_layer_step,
    .end = libxl_layer_end,
    .resync = libxl_resync,
    .resumed = libxl_resumed,
    .anchors = anchors,
    .findings = libxl_findings,
    .finding_count = LIBXL_FINDING_COUNT,
    .model = &libxl_restore_v2,
    .messages = libxl_messages,
    .recipes = libxl_recipes,
    .take = libxl_take,
    .writers = libxl_writers,
};
