/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The container of libvirt's libxl driver: 64 bytes of header, the domain XML with its NUL, then
 * what libxl wrote. libvirt's Cloud-Hypervisor driver has the same magic and other fields behind
 * it; the version word and the XML tell them apart.
 */
#include <inttypes.h>
#include <stdio.h>

#include "../config/config.h"
#include "../plugins.h"
#include "messages.h"
#include "libvirt.h"

#define MAGIC_SIZE  LIBVIRT_MAGIC_SIZE
#define TEXT_SIZE   11 /* of the magic that is plain text */
#define HEADER_SIZE 64
#define XML_LOOK    256 /* in which <domain stands */
#define FLIPS_MAX   3

enum libvirt_finding {
#define FINDING(id, ...) LIBVIRT_##id,
#include "findings.def"
#undef FINDING
    LIBVIRT_FINDINGS
};

static const struct xsi_finding_row libvirt_findings[LIBVIRT_FINDINGS] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, text) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, text },
#include "findings.def"
#undef FINDING
};

enum libvirt_stage { STAGE_HEADER, STAGE_CONFIG, STAGE_BODY, STAGE_INSIDE, STAGE_END };

struct libvirt_state {
    unsigned stage;
    size_t shift; /* bytes that a text-mode transfer put into the magic */
    uint32_t version, xml_length;
    uint64_t xml_at;
    struct config_facts facts;
};

static void decode_header(struct xsi_decode *d);
static void decode_config(struct xsi_decode *d);

static const struct xsi_type types[] = {
    { "HEADER", false, 0, "magic, version and length of the XML", decode_header },
    { "CONFIG", false, 0, "domain XML and its NUL", decode_config },
};

static const struct xsi_name versions[] = { { 1, "legacy body" },
                                            { 2, "libxl v2 body" },
                                            { 0, NULL } };

static const struct xsi_field_row header_rows[] = {
    { "version", 16, 4, XSI_ENUM, versions, NULL, NULL, 0 },
    { "xml_len", 20, 4, XSI_UINT, NULL, "bytes", "counts the NUL", 0 },
    { "reserved", 24, 40, XSI_BYTES, NULL, NULL, NULL, 2 },
    { NULL, 0, 0, XSI_UINT, NULL, NULL, NULL, 0 }
};

static void decode_header(struct xsi_decode *d)
{
    const struct libvirt_state *s = d->state;
    size_t magic = MAGIC_SIZE + s->shift;

    xsi_put_text(d, "magic", XSI_BYTES, 0, d->bytes, d->have < magic ? d->have : magic);
    xsi_decode_rows(d, s->shift, HEADER_SIZE, header_rows);
}

static void decode_config(struct xsi_decode *d)
{
    size_t n = strnlen((const char *)d->bytes, d->have);

    xsi_put_text(d, "config", XSI_TEXT, 0, d->bytes, n);
}

static size_t flips(const uint8_t *p, size_t n)
{
    static const char magic[] = LIBVIRT_MAGIC;
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += p[i] != (uint8_t)magic[i];
    return count;
}

/* "libvirt-xml" CR LF: the transfer that did it stretched the header by one byte. */
static size_t stretched(const uint8_t *p, size_t have)
{
    return have > MAGIC_SIZE && !flips(p, TEXT_SIZE) && p[TEXT_SIZE] == '\r' &&
           p[TEXT_SIZE + 1] == '\n';
}

/* The XML says which driver wrote it; false when there is no <domain in the first bytes. */
static bool xml_is_xen(const uint8_t *p, size_t have, bool *domain)
{
    struct config_facts f;
    const uint8_t *tag = memmem(p, have, "<domain", 7);

    *domain = tag != NULL;
    if (!tag)
        return false;
    config_xml(tag, have - (size_t)(tag - p), false, &f);
    return !strcmp(f.driver, "xen");
}

static void libvirt_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                        struct xsi_bid *bid)
{
    size_t have, n, differing, shift;
    const uint8_t *p = xsi_peek(w, at, HEADER_SIZE + XML_LOOK, &have);
    uint32_t version = 0;
    bool domain, xen;

    (void)row;
    n = have < MAGIC_SIZE ? have : MAGIC_SIZE;
    if (n < 8)
        return;
    differing = flips(p, n);
    shift = stretched(p, have);
    if (!shift && (differing > FLIPS_MAX || (differing && n < MAGIC_SIZE)))
        return;
    if (have >= MAGIC_SIZE + shift + 4)
        version = xsi_le32(p + MAGIC_SIZE + shift);
    n = HEADER_SIZE + shift < have ? HEADER_SIZE + shift : have;
    xen = xml_is_xen(p + n, have - n, &domain);
    if (domain && !xen && version > 2)
        return; /* another driver's: the plug-in for foreign files names it */
    bid->score = have < MAGIC_SIZE     ? 60 + (int)have
                 : differing           ? 75
                 : xen || version <= 2 ? 100
                                       : 60;
    snprintf(bid->reason, sizeof(bid->reason), "libvirt's magic%s%s", differing ? ", damaged" : "",
             xen ? ", and the XML of a Xen domain" : "");
}

static int header_chunk(struct xsi_walk *w, struct libvirt_state *s, struct xsi_chunk *out)
{
    size_t have;
    const uint8_t *p = xsi_peek(w, xsi_at(w), HEADER_SIZE + 1, &have);
    struct xsi_cursor c = { p, have, false, false };

    s->shift = stretched(p, have);
    xsi_chunk_is(out, &types[0], HEADER_SIZE + s->shift);
    s->stage = STAGE_CONFIG;
    if (have >= MAGIC_SIZE && flips(p, MAGIC_SIZE))
        xsi_report(w, &libvirt_findings[LIBVIRT_C70], xsi_at(w), MAGIC_SIZE,
                   "libvirt's magic is damaged%s",
                   s->shift ? ": a carriage return was put in front of the line feed" : "");
    xsi_skip(&c, MAGIC_SIZE + s->shift);
    s->version = xsi_u32(&c);
    s->xml_length = xsi_u32(&c);
    if (c.short_read)
        return XSI_CHUNK;
    if (s->version < 1 || s->version > 2)
        xsi_report(w, &libvirt_findings[LIBVIRT_C73], xsi_at(w) + MAGIC_SIZE + s->shift, 4,
                   "version %" PRIu32 "; libvirt knows 1 and 2", s->version);
    xsi_note(out, "version %" PRIu32 ", %" PRIu32 " bytes of XML", s->version, s->xml_length);
    return XSI_CHUNK;
}

static uint64_t find_length(struct xsi_walk *w, const struct libvirt_state *s)
{
    uint64_t said = s->xml_length, places[3];
    struct config_body body;
    struct config_facts f;
    size_t have, count = 0;
    const uint8_t *p;

    config_body_at(w, s->xml_at + said, &body);
    if (body.score >= CONFIG_BODY_SURE)
        return said;
    p = xsi_peek(w, s->xml_at, CONFIG_LOOK, &have);
    config_xml(p, have, false, &f);
    if (f.complete) {
        places[count++] = s->xml_at + f.end + 1;
        places[count++] = s->xml_at + f.end + 2; /* libvirt ends the text with a newline */
        places[count++] = s->xml_at + f.end;
    }
    if (!config_find_body(w, s->xml_at, places, count, &body))
        return said;
    xsi_report(w, &libvirt_findings[LIBVIRT_C74], s->xml_at - HEADER_SIZE + 20, 4,
               "XML of %" PRIu64 " bytes leads to no stream; a %s stream begins %" PRIu64
               " bytes behind the header",
               said, body.layer, body.offset - s->xml_at);
    return body.offset - s->xml_at;
}

static int config_chunk(struct xsi_walk *w, struct libvirt_state *s, struct xsi_chunk *out)
{
    const struct config_facts *f = &s->facts;
    uint64_t length;
    size_t have;
    const uint8_t *p;

    s->xml_at = xsi_at(w);
    s->stage = STAGE_BODY;
    length = find_length(w, s);
    if (!length)
        return -1;
    xsi_chunk_is(out, &types[1], length);
    if (out->meta > CONFIG_LOOK)
        out->meta = CONFIG_LOOK;
    p = xsi_peek(w, s->xml_at, length < CONFIG_LOOK ? (size_t)length : CONFIG_LOOK, &have);
    config_xml(p, have, have == length, &s->facts);
    if (f->problem)
        xsi_report(w, &libvirt_findings[LIBVIRT_C75], s->xml_at + f->problem_at, 0,
                   "XML: %s, at its byte %zu", f->problem, f->problem_at);
    else if (f->driver[0] && strcmp(f->driver, "xen") != 0)
        xsi_report(w, &libvirt_findings[LIBVIRT_C79], s->xml_at, 0,
                   "the XML is that of a domain of type %s", f->driver);
    config_tell(f, xsi_info(w));
    if (f->name[0])
        xsi_note(out, "domain %s", f->name);
    return XSI_CHUNK;
}

static int push_body(struct xsi_walk *w, struct libvirt_state *s)
{
    uint64_t version = s->xml_at - HEADER_SIZE + MAGIC_SIZE;
    struct config_body body;
    bool legacy;

    config_body_at(w, xsi_at(w), &body);
    legacy = !strncmp(body.layer, "libxc-legacy", 12);
    if (s->version == 1 && body.score && !legacy)
        xsi_report(w, &libvirt_findings[LIBVIRT_C71], version, 4,
                   "version 1 promises a legacy body, but this is a %s stream", body.layer);
    else if (s->version == 2 && legacy)
        xsi_report(w, &libvirt_findings[LIBVIRT_C72], version, 4,
                   "version 2 promises a libxl v2 body, but this is a %s stream", body.layer);
    xsi_push(w, XSI_LAYER_MIDDLE | XSI_LAYER_STREAM, NULL);
    s->stage = STAGE_INSIDE;
    return XSI_PUSH;
}

static void settle(struct xsi_walk *w, struct libvirt_state *s)
{
    struct xsi_info *info = xsi_info(w);
    bool told = s->stage == STAGE_END;

    s->stage = STAGE_END;
    if (!told && !config_settle(&s->facts, info))
        xsi_report(w, &libvirt_findings[LIBVIRT_C76], s->xml_at, 0,
                   "the XML says %s, the stream says %s", config_guest_name(s->facts.guest),
                   config_guest_name(info->guest));
}

static int libvirt_step(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out)
{
    struct libvirt_state *s = l->state;

    switch (s->stage) {
    case STAGE_HEADER:
        return header_chunk(w, s, out);
    case STAGE_CONFIG:
        return config_chunk(w, s, out) < 0 ? push_body(w, s) : XSI_CHUNK;
    case STAGE_BODY:
        return push_body(w, s);
    case STAGE_INSIDE:
        if (xsi_push_failed(w)) {
            xsi_report(w, &libvirt_findings[LIBVIRT_C78], xsi_at(w), 0,
                       "no memory stream is recognised behind the XML");
            s->stage = STAGE_BODY;
            return XSI_LOST;
        }
        settle(w, s);
        return XSI_DONE;
    default:
        return XSI_DONE;
    }
}

static void libvirt_end(struct xsi_walk *w, struct xsi_layer *l)
{
    struct libvirt_state *s = l->state;

    if (s->stage != STAGE_INSIDE && s->stage != STAGE_END && !xsi_was_cut(w))
        xsi_report(w, &libvirt_findings[LIBVIRT_C77], xsi_at(w), 0,
                   "the image ends where its %s should begin",
                   s->stage == STAGE_BODY ? "memory stream" : "XML");
    settle(w, s);
}

static const struct xsi_layer_row layers[] = { { "libvirt", XSI_LAYER_CONTAINER, libvirt_bid, 0 },
                                               { NULL, 0, NULL, 0 } };

const struct xsi_format xsi_format_libvirt = {
    .name = "libvirt",
    .layers = layers,
    .state_size = sizeof(struct libvirt_state),
    .step = libvirt_step,
    .end = libvirt_end,
    .resync = config_resync,
    .anchors = config_anchors,
    .findings = libvirt_findings,
    .finding_count = LIBVIRT_FINDINGS,
    .model = &libvirt_model,
    .messages = libvirt_messages,
    .recipes = libvirt_recipes,
    .take = libvirt_take,
    .writers = libvirt_writers,
};
