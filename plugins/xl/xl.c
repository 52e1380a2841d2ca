/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The xl container: header, optional data, then the stream, without any padding. */
#include <stdio.h>

#include "../plugins.h"
#include "xl.h"
#include "messages.h"
#include "model.h"

enum xl_stage { STAGE_HEADER, STAGE_CONFIG, STAGE_BODY, STAGE_INSIDE, STAGE_END };

const struct xsi_type xl_types[] = {
    { "HEADER", false, 0, "magic, byte order, flags and length of the optional data",
      xl_decode_header },
    { "CONFIG", false, 0, "optional data: the domain's configuration", xl_decode_config },
};

static void xl_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                   struct xsi_bid *bid)
{
    struct xl_header h;
    size_t have;
    const uint8_t *p = xsi_peek(w, at, XL_LOOK, &have);

    (void)row;
    bid->score = xl_header_parse(p, have, &h);
    if (bid->score)
        snprintf(bid->reason, sizeof(bid->reason), "xl's magic text%s%s",
                 h.damage               ? ", damaged: "
                 : have < XL_MAGIC_SIZE ? ", as far as there is any"
                                        : "",
                 h.damage ? h.damage : "");
}

static void check_header(struct xsi_walk *w, const struct xl_header *h)
{
    uint64_t order = xsi_at(w) + h->order_at;
    uint32_t unknown = h->mandatory & ~(XL_FLAG_JSON | XL_FLAG_STREAM_V2);

    if (h->damage)
        xsi_report(w, &xl_findings[XL_C30], xsi_at(w), h->order_at, "xl's magic is damaged: %s",
                   h->damage);
    if (h->order_word_wrong)
        xsi_report(w, &xl_findings[XL_C31], order, 4,
                   "the byte order word is wrong, but the numbers behind it are little-endian");
    else if (h->order == XL_BIG)
        xsi_report(w, &xl_findings[XL_C32], order, 4, "written by a big-endian toolstack");
    if (unknown)
        xsi_report(w, &xl_findings[XL_C33], order + 4, 4,
                   "unknown mandatory flags 0x%x; xl knows bits 0 (JSON) and 1 (STREAMv2)",
                   unknown);
    if (h->optional)
        xsi_report(w, &xl_findings[XL_C34], order + 8, 4, "optional flags 0x%x", h->optional);
}

/* Which releases write this flag word (xen, tools/libxl/xl_cmdimpl.c and tools/xl). */
static const char *era(uint32_t mandatory)
{
    switch (mandatory) {
    case 0:
        return "as xl 4.0.1 to 4.4 writes it";
    case XL_FLAG_JSON:
        return "as xl 4.5 writes it";
    case XL_FLAG_JSON | XL_FLAG_STREAM_V2:
        return "as xl 4.6 and later write it";
    default:
        return "no release is known to write this";
    }
}

static int header_chunk(struct xsi_walk *w, struct xl_state *s, struct xsi_chunk *out)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w), XL_LOOK, &have);

    if (!have)
        return XSI_DONE;
    xl_header_parse(p, have, &s->header);
    xsi_chunk_is(out, &xl_types[0], s->header.size);
    s->stage = STAGE_CONFIG;
    if (have < s->header.size)
        return XSI_CHUNK;
    check_header(w, &s->header);
    xsi_note(out, "flags 0x%x%s%s (%s)", s->header.mandatory,
             s->header.mandatory & XL_FLAG_JSON ? " JSON" : "",
             s->header.mandatory & XL_FLAG_STREAM_V2 ? " STREAMv2" : "", era(s->header.mandatory));
    return XSI_CHUNK;
}

static int config_chunk(struct xsi_walk *w, struct xl_state *s, struct xsi_chunk *out)
{
    s->stage = STAGE_BODY;
    xl_config_chunk(w, s, out);
    if (out->length)
        return XSI_CHUNK;
    xsi_report(w, &xl_findings[XL_C40], xsi_at(w) - 4, 4,
               "no configuration: optional data of 0 bytes");
    return -1;
}

/* The flags promise one kind of stream; the bytes have the last say. */
static void check_promise(struct xsi_walk *w, const struct xl_state *s)
{
    bool v2 = s->header.mandatory & XL_FLAG_STREAM_V2;
    uint64_t flags = s->config_at - 12;
    struct config_body body;

    config_body_at(w, xsi_at(w), &body);
    if (!strcmp(body.layer, "libxl-v2") && !v2)
        xsi_report(w, &xl_findings[XL_C35], flags, 4,
                   "flag STREAMv2 is clear, but the body is a libxl v2 stream");
    else if (!strncmp(body.layer, "libxc-legacy", 12) && v2)
        xsi_report(w, &xl_findings[XL_C36], flags, 4,
                   "flag STREAMv2 is set, but the body is a %s stream", body.layer);
    else if (!strncmp(body.layer, "libxc-v", 7))
        xsi_report(w, &xl_findings[XL_C46], xsi_at(w), 0,
                   "the body is a bare %s image; the libxl stream around it is missing",
                   body.layer);
}

static int push_body(struct xsi_walk *w, struct xl_state *s)
{
    if (!s->config_at)
        s->config_at = xsi_at(w);
    check_promise(w, s);
    xsi_push(w, XSI_LAYER_MIDDLE | XSI_LAYER_STREAM, NULL);
    s->stage = STAGE_INSIDE;
    return XSI_PUSH;
}

static void settle(struct xsi_walk *w, struct xl_state *s)
{
    struct xsi_info *info = xsi_info(w);
    bool told = s->stage == STAGE_END;

    s->stage = STAGE_END;
    if (!told && !config_settle(&s->facts, info))
        xsi_report(w, &xl_findings[XL_C42], s->config_at, 0,
                   "the configuration says %s, the stream says %s",
                   config_guest_name(s->facts.guest), config_guest_name(info->guest));
}

static int xl_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct xl_state *s = l->state;
    int rc;

    switch (s->stage) {
    case STAGE_HEADER:
        return header_chunk(w, s, out);
    case STAGE_CONFIG:
        rc = config_chunk(w, s, out);
        return rc < 0 ? push_body(w, s) : rc;
    case STAGE_BODY:
        return push_body(w, s);
    case STAGE_INSIDE:
        if (xsi_push_failed(w)) {
            xsi_report(w, &xl_findings[XL_C44], xsi_at(w), 0,
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

/* The image ends here, or the layer was given up. */
static void xl_end(struct xsi_walk *w, struct xsi_layer *l)
{
    struct xl_state *s = l->state;

    if (s->stage != STAGE_INSIDE && s->stage != STAGE_END && !xsi_was_cut(w))
        xsi_report(w, &xl_findings[XL_C43], xsi_at(w), 0,
                   "the image ends where its %s should begin",
                   s->stage == STAGE_BODY ? "memory stream" : "configuration");
    settle(w, s);
}

static const struct xsi_layer_row layers[] = { { "xl", XSI_LAYER_CONTAINER, xl_bid, 0 },
                                               { NULL, 0, NULL, 0 } };

const struct xsi_format xsi_format_xl = {
    .name = "xl",
    .layers = layers,
    .state_size = sizeof(struct xl_state),
    .step = xl_step,
    .end = xl_end,
    .resync = config_resync,
    .anchors = config_anchors,
    .findings = xl_findings,
    .finding_count = XL_FINDINGS,
    .model = &xl_model,
    .messages = xl_messages,
    .recipes = xl_recipes,
    .take = xl_take,
    .writers = xl_writers,
};
