/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The xend container (Xen 3.0 to 4.4): "LinuxGuestRecord", a big-endian length, the domain as an
 * S-expression, the stream. The device-model record of an HVM guest is the stream's.
 */
#include <inttypes.h>
#include <stdio.h>

#include "../config/config.h"
#include "../plugins.h"
#include "messages.h"
#include "model.h"
#include "xend.h"

#define SIGNATURE_SIZE XEND_SIGNATURE_SIZE
#define HEADER_SIZE    20
#define FLIPS_MAX      3 /* bytes of the signature that may differ */

enum xend_finding {
#define FINDING(id, ...) XEND_##id,
#include "findings.def"
#undef FINDING
    XEND_FINDINGS
};

static const struct xsi_finding_row xend_findings[XEND_FINDINGS] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, text) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, text },
#include "findings.def"
#undef FINDING
};

enum xend_stage { STAGE_HEADER, STAGE_CONFIG, STAGE_BODY, STAGE_INSIDE, STAGE_END };

struct xend_state {
    unsigned stage;
    uint32_t said; /* config length as the header has it */
    uint64_t config_at;
    struct config_facts facts;
};

static void decode_header(struct xsi_decode *d);
static void decode_config(struct xsi_decode *d);

static const struct xsi_type types[] = {
    { "HEADER", false, 0, "signature and length of the configuration", decode_header },
    { "CONFIG", false, 0, "the domain as an S-expression", decode_config },
};

static const struct xsi_field_row header_rows[] = {
    { "signature", 0, SIGNATURE_SIZE, XSI_TEXT, NULL, NULL, NULL, 0 },
    { "config_len", 16, 4, XSI_SINT, NULL, "bytes", "big-endian on every host", 0 },
    { NULL, 0, 0, XSI_UINT, NULL, NULL, NULL, 0 }
};

static void decode_header(struct xsi_decode *d)
{
    d->big = true;
    xsi_decode_rows(d, 0, HEADER_SIZE, header_rows);
}

static void decode_config(struct xsi_decode *d)
{
    xsi_put_text(d, "config", XSI_TEXT, 0, d->bytes, d->have);
}

/* Differing bytes of the signature in what is there of it. */
static size_t flips(const uint8_t *p, size_t have)
{
    size_t count = 0;

    for (size_t i = 0; i < have && i < SIGNATURE_SIZE; i++)
        count += p[i] != (uint8_t)XEND_SIGNATURE[i];
    return count;
}

static void xend_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                     struct xsi_bid *bid)
{
    size_t have, differing;
    const uint8_t *p = xsi_peek(w, at, SIGNATURE_SIZE, &have);

    (void)row;
    if (have < 8)
        return;
    differing = flips(p, have);
    if (have < SIGNATURE_SIZE)
        bid->score = differing ? 0 : 60 + (int)have;
    else
        bid->score = !differing ? 100 : differing <= FLIPS_MAX ? 75 : 0;
    if (bid->score)
        snprintf(bid->reason, sizeof(bid->reason), "xend's signature%s",
                 differing               ? ", damaged"
                 : have < SIGNATURE_SIZE ? ", cut off"
                                         : "");
}

static int header_chunk(struct xsi_walk *w, struct xend_state *s, struct xsi_chunk *out)
{
    struct xsi_cursor c = { .big = true };
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w), HEADER_SIZE, &have);

    xsi_chunk_is(out, &types[0], HEADER_SIZE);
    s->stage = STAGE_CONFIG;
    if (have >= SIGNATURE_SIZE && flips(p, have))
        xsi_report(w, &xend_findings[XEND_C50], xsi_at(w), SIGNATURE_SIZE,
                   "xend's signature is damaged in %zu of its 16 bytes", flips(p, have));
    c.at = p;
    c.left = have;
    xsi_skip(&c, SIGNATURE_SIZE);
    s->said = xsi_u32(&c);
    if (!c.short_read)
        xsi_note(out, "%" PRId32 " bytes of configuration", (int32_t)s->said);
    return XSI_CHUNK;
}

/*
 * Length of the configuration by where the stream begins: what the header says, the same number in
 * the other byte order, or where the S-expression closes.
 */
static uint64_t find_length(struct xsi_walk *w, const struct xend_state *s)
{
    uint64_t said = s->said, places[2];
    uint32_t other = (s->said & 0xff) << 24 | (s->said >> 8 & 0xff) << 16 |
                     (s->said >> 16 & 0xff) << 8 | s->said >> 24;
    struct config_body body;
    struct config_facts f;
    size_t have, count = 0;
    const uint8_t *p;

    config_body_at(w, s->config_at + said, &body);
    if (said <= INT32_MAX && body.score >= CONFIG_BODY_SURE)
        return said;
    p = xsi_peek(w, s->config_at, CONFIG_LOOK, &have);
    config_sxp(p, have, false, &f);
    if (other < CONFIG_LOOK)
        places[count++] = s->config_at + other;
    if (f.complete)
        places[count++] = s->config_at + f.end;
    if (!config_find_body(w, s->config_at, places, count, &body))
        return said;
    xsi_report(w, &xend_findings[XEND_C51], s->config_at - 4, 4,
               "a configuration of %" PRId32
               " bytes leads to no stream; a %s stream begins %" PRIu64
               " bytes behind the header%s",
               (int32_t)s->said, body.layer, body.offset - s->config_at,
               body.offset - s->config_at == other ? " (the length is little-endian)" : "");
    return body.offset - s->config_at;
}

static int config_chunk(struct xsi_walk *w, struct xend_state *s, struct xsi_chunk *out)
{
    uint64_t length;
    size_t have;
    const uint8_t *p;

    s->config_at = xsi_at(w);
    s->stage = STAGE_BODY;
    length = find_length(w, s);
    if (!length)
        return -1;
    xsi_chunk_is(out, &types[1], length);
    if (out->meta > CONFIG_LOOK)
        out->meta = CONFIG_LOOK;
    p = xsi_peek(w, s->config_at, length < CONFIG_LOOK ? (size_t)length : CONFIG_LOOK, &have);
    config_sxp(p, have, have == length, &s->facts);
    if (s->facts.problem)
        xsi_report(w, &xend_findings[XEND_C52], s->config_at + s->facts.problem_at, 0,
                   "configuration: %s, at its byte %zu", s->facts.problem, s->facts.problem_at);
    config_tell(&s->facts, xsi_info(w));
    if (s->facts.name[0])
        xsi_note(out, "domain %s", s->facts.name);
    return XSI_CHUNK;
}

static int push_body(struct xsi_walk *w, struct xend_state *s)
{
    struct config_body body;

    config_body_at(w, xsi_at(w), &body);
    if (!strncmp(body.layer, "libxc-v", 7) || !strncmp(body.layer, "libxl", 5))
        xsi_report(w, &xend_findings[XEND_C56], xsi_at(w), 0, "the body is a %s stream",
                   body.layer);
    xsi_push(w, XSI_LAYER_MIDDLE | XSI_LAYER_STREAM, NULL);
    s->stage = STAGE_INSIDE;
    return XSI_PUSH;
}

static void settle(struct xsi_walk *w, struct xend_state *s)
{
    struct xsi_info *info = xsi_info(w);
    bool told = s->stage == STAGE_END;

    s->stage = STAGE_END;
    if (!told && !config_settle(&s->facts, info))
        xsi_report(w, &xend_findings[XEND_C53], s->config_at, 0,
                   "the configuration says %s, the stream says %s",
                   config_guest_name(s->facts.guest), config_guest_name(info->guest));
}

static int xend_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct xend_state *s = l->state;

    switch (s->stage) {
    case STAGE_HEADER:
        return header_chunk(w, s, out);
    case STAGE_CONFIG:
        return config_chunk(w, s, out) < 0 ? push_body(w, s) : XSI_CHUNK;
    case STAGE_BODY:
        return push_body(w, s);
    case STAGE_INSIDE:
        if (xsi_push_failed(w)) {
            xsi_report(w, &xend_findings[XEND_C55], xsi_at(w), 0,
                       "no memory stream is recognised behind the configuration");
            s->stage = STAGE_BODY;
            return XSI_LOST;
        }
        settle(w, s);
        return XSI_DONE;
    default:
        return XSI_DONE;
    }
}

static void xend_end(struct xsi_walk *w, struct xsi_layer *l)
{
    struct xend_state *s = l->state;

    if (s->stage != STAGE_INSIDE && s->stage != STAGE_END && !xsi_was_cut(w))
        xsi_report(w, &xend_findings[XEND_C54], xsi_at(w), 0,
                   "the image ends where its %s should begin",
                   s->stage == STAGE_BODY ? "memory stream" : "configuration");
    settle(w, s);
}

static const struct xsi_layer_row layers[] = { { "xend", XSI_LAYER_CONTAINER, xend_bid, 0 },
                                               { NULL, 0, NULL, 0 } };

const struct xsi_format xsi_format_xend = {
    .name = "xend",
    .layers = layers,
    .state_size = sizeof(struct xend_state),
    .step = xend_step,
    .end = xend_end,
    .resync = config_resync,
    .anchors = config_anchors,
    .native_reader = "xen-4.4/xend",
    .findings = xend_findings,
    .finding_count = XEND_FINDINGS,
    .model = &xend_model,
    .messages = xend_messages,
    .recipes = xend_recipes,
    .take = xend_take,
    .writers = xend_writers,
};
