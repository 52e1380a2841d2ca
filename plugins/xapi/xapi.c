/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layers xapi (XenServer up to 6.5: signature, legacy stream of a 32-bit toolstack, for HVM a
 * device-model record) and xapi-v2 (signature, then parts, see parts.c).
 */
#include <stdio.h>

#include "../plugins.h"
#include "xapi.h"
#include "messages.h"
#include "model.h"

#define FLIPS_MAX    2           /* bytes of a signature that may differ */
#define RECORD_NEAR  (64U << 10) /* how far behind the stream a displaced record is looked for */
#define RECORD_SCORE 40          /* bid from which something is taken for the record */
#define RECORD_TEXT  "QemuDeviceModelRecord"

const char *const xapi_signatures[] = {
    [XAPI_CLASSIC] = "XenSavedDomain\n",
    [XAPI_PARTS] = "XenSavedDomv2-\n",
};

const struct xsi_finding_row xapi_findings[XAPI_FINDINGS] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, text) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, text },
#include "findings.def"
#undef FINDING
};

static void decode_signature(struct xsi_decode *d)
{
    xsi_put_text(d, "signature", XSI_BYTES, 0, d->bytes,
                 d->have < XAPI_SIGNATURE_SIZE ? d->have : XAPI_SIGNATURE_SIZE);
}

static const struct xsi_type signature_type = { "SIGNATURE", false, 0,
                                                "says which of xapi's two formats this is",
                                                decode_signature };

static size_t flips(const uint8_t *p, size_t n, unsigned variant)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += p[i] != (uint8_t)xapi_signatures[variant][i];
    return count;
}

static void xapi_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                     struct xsi_bid *bid)
{
    size_t have, n, differing, other;
    const uint8_t *p = xsi_peek(w, at, XAPI_SIGNATURE_SIZE, &have);

    n = have < XAPI_SIGNATURE_SIZE ? have : XAPI_SIGNATURE_SIZE;
    if (n < 8)
        return;
    differing = flips(p, n, row->variant);
    other = flips(p, n, !row->variant);
    if (n < XAPI_SIGNATURE_SIZE)
        bid->score = differing ? 0 : 50 + (int)n + (other ? 10 : 0);
    else
        bid->score = !differing ? 100 : differing <= FLIPS_MAX && differing < other ? 75 : 0;
    if (bid->score)
        snprintf(bid->reason, sizeof(bid->reason), "xapi's signature %.14s%s",
                 xapi_signatures[row->variant],
                 differing ? ", damaged"
                 : n < 15  ? ", cut off"
                           : "");
}

static int signature_chunk(struct xsi_walk *w, const struct xsi_layer *l, struct xapi_state *s,
                           struct xsi_chunk *out)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w), XAPI_SIGNATURE_SIZE, &have);

    xsi_chunk_is(out, &signature_type, XAPI_SIGNATURE_SIZE);
    xsi_note(out, "%.14s", xapi_signatures[l->row->variant]);
    if (have == XAPI_SIGNATURE_SIZE && flips(p, have, l->row->variant))
        xsi_report(w, &xapi_findings[XAPI_C60], xsi_at(w), XAPI_SIGNATURE_SIZE,
                   "xapi's signature is damaged");
    s->stage = l->row->variant == XAPI_PARTS ? STAGE_PARTS : STAGE_BODY;
    return XSI_CHUNK;
}

static int push_body(struct xsi_walk *w, const struct xsi_layer *l, struct xapi_state *s)
{
    bool classic = l->row->variant == XAPI_CLASSIC;
    struct config_body body;

    config_body_at(w, xsi_at(w), &body);
    if (classic && (!strncmp(body.layer, "libxc-v", 7) || !strncmp(body.layer, "libxl", 5)))
        xsi_report(w, &xapi_findings[XAPI_C59], xsi_at(w), 0, "the body is a %s stream",
                   body.layer);
    if (classic && !strcmp(body.layer, "libxc-legacy64"))
        xsi_report(w, &xapi_findings[XAPI_C58], xsi_at(w), 0,
                   "a stream of a 64-bit toolstack; xapi's converter assumes 32 bits");
    xsi_push(w, XSI_LAYER_MIDDLE | XSI_LAYER_STREAM, NULL);
    s->stage = STAGE_INSIDE;
    return XSI_PUSH;
}

/* Has a device-model record been listed already? The stream's layer may have taken it. */
static bool has_record(const struct xsi_info *info)
{
    for (size_t i = 0; i < info->stack_length; i++)
        if (!strncmp(info->stack[i], "qemu-", 5))
            return true;
    return false;
}

/* The stream of an HVM guest is whole, and nothing was taken for its record. */
static bool record_wanted(struct xsi_walk *w)
{
    const struct xsi_info *info = xsi_info(w);

    return info->guest == XSI_GUEST_HVM && info->checkpoints && !has_record(info);
}

/* Behind the stream: the record, if this is where it stands. */
static int record(struct xsi_walk *w, struct xapi_state *s)
{
    const struct xsi_layer_row *row;
    struct xsi_bid bid;
    size_t have;
    const uint8_t *p;

    s->stage = STAGE_END;
    row = has_record(xsi_info(w)) ? NULL : xsi_best_bid(w, xsi_at(w), XSI_LAYER_EMULATOR, &bid);
    if (row && bid.score >= RECORD_SCORE) {
        xsi_push(w, XSI_LAYER_EMULATOR, NULL);
        return XSI_PUSH;
    }
    if (!record_wanted(w))
        return XSI_DONE;
    p = xsi_peek(w, xsi_at(w), RECORD_NEAR, &have);
    if (memmem(p, have, RECORD_TEXT, strlen(RECORD_TEXT))) {
        s->stage = STAGE_RECORD;
        return XSI_LOST;
    }
    xsi_report(w, &xapi_findings[XAPI_C57], xsi_at(w), 0,
               "no device-model record stands behind the stream of this HVM guest");
    return XSI_DONE;
}

/* Behind the inner stream, or where it should have been. */
static int inside(struct xsi_walk *w, const struct xsi_layer *l, struct xapi_state *s,
                  struct xsi_chunk *out)
{
    bool parts = l->row->variant == XAPI_PARTS;

    if (xsi_push_failed(w)) {
        xsi_report(w, &xapi_findings[XAPI_C61], xsi_at(w), 0,
                   "no memory stream is recognised here");
        s->stage = parts ? STAGE_PARTS : STAGE_BODY;
        return XSI_LOST;
    }
    return parts ? xapi_part_step(w, s, out) : record(w, s);
}

static int xapi_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct xapi_state *s = l->state;

    switch (s->stage) {
    case STAGE_SIGNATURE:
        return signature_chunk(w, l, s, out);
    case STAGE_BODY:
        return push_body(w, l, s);
    case STAGE_INSIDE:
        return inside(w, l, s, out);
    case STAGE_RECORD:
        return record(w, s);
    case STAGE_PARTS:
        return xapi_part_step(w, s, out);
    default:
        if (l->row->variant == XAPI_PARTS)
            xapi_parts_settle(w, s);
        return XSI_DONE;
    }
}

static void xapi_end(struct xsi_walk *w, struct xsi_layer *l)
{
    struct xapi_state *s = l->state;

    if (xsi_was_cut(w))
        return;
    if (l->row->variant == XAPI_PARTS) {
        xapi_parts_settle(w, s);
    } else if (s->stage == STAGE_BODY || s->stage == STAGE_SIGNATURE) {
        xsi_report(w, &xapi_findings[XAPI_C69], xsi_at(w), 0,
                   "the image ends where its memory stream should begin");
    } else if (s->stage != STAGE_END && record_wanted(w) && xsi_info(w)->state != XSI_TRUNCATED) {
        xsi_report(w, &xapi_findings[XAPI_C57], xsi_at(w), 0,
                   "the image ends where the device-model record should begin");
    }
}

static void xapi_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync)
{
    const struct xsi_layer_row *row;
    struct xsi_bid bid;
    const char *why = "";

    if (l->row->variant == XAPI_PARTS) {
        sync->confidence = xapi_part_judge(w, at, &why);
        snprintf(sync->why, sizeof(sync->why), "%s", why);
        return;
    }
    row = xsi_best_bid(w, at, XSI_LAYER_EMULATOR, &bid);
    if (!row || strncmp(row->name, "qemu-", 5) != 0 || bid.score < 80)
        return;
    sync->confidence = bid.score;
    snprintf(sync->why, sizeof(sync->why), "a device-model record: %.100s", bid.reason);
}

static void xapi_resumed(struct xsi_walk *w, struct xsi_layer *l, const struct xsi_sync *sync)
{
    struct xapi_state *s = l->state;

    (void)w;
    (void)sync;
    s->stage = l->row->variant == XAPI_PARTS ? STAGE_PARTS : STAGE_RECORD;
}

/* Types of parts as they stand in a header, and the text of the classic record. */
static const struct xsi_anchor anchors[] = {
    { RECORD_TEXT, 21, 0 },         { "\x0f\0\0\0\0\0\0", 8, 0 },   { "\xf0\0\0\0\0\0\0", 8, 0 },
    { "\0\x0f\0\0\0\0\0", 8, 0 },   { "\x11\x0f\0\0\0\0\0", 8, 0 }, { "\x12\x0f\0\0\0\0\0", 8, 0 },
    { "\x13\x0f\0\0\0\0\0", 8, 0 }, { "\xff\xff\0\0\0\0\0", 8, 0 }, { NULL, 0, 0 }
};

static const struct xsi_layer_row layers[] = {
    { "xapi", XSI_LAYER_CONTAINER, xapi_bid, XAPI_CLASSIC },
    { "xapi-v2", XSI_LAYER_CONTAINER, xapi_bid, XAPI_PARTS },
    { NULL, 0, NULL, 0 }
};

const struct xsi_format xsi_format_xapi = {
    .name = "xapi",
    .layers = layers,
    .state_size = sizeof(struct xapi_state),
    .step = xapi_step,
    .end = xapi_end,
    .resync = xapi_resync,
    .resumed = xapi_resumed,
    .anchors = anchors,
    .native_reader = "xen-4.1/xapi",
    .findings = xapi_findings,
    .finding_count = XAPI_FINDINGS,
    .model = &xapi_model,
    .messages = xapi_messages,
    .recipes = xapi_recipes,
    .take = xapi_take,
    .writers = xapi_writers,
};
