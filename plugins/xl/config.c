/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The optional data: length of the configuration, then its text. */
#include <inttypes.h>

#include "xl.h"

static uint32_t config_length(const struct xl_state *s, const uint8_t *p, size_t have)
{
    struct xsi_cursor c = { p, have, s->header.order == XL_BIG, false };

    return xsi_u32(&c);
}

/*
 * Length of the optional data by where the stream begins. The header is right when a stream is
 * there, or when no better place is known.
 */
static uint64_t find_length(struct xsi_walk *w, struct xl_state *s, const uint8_t *p, size_t have)
{
    uint64_t said = s->header.optional_length, places[3];
    uint32_t length = config_length(s, p, have);
    struct config_body body;
    struct config_facts f;
    size_t count = 0;

    config_body_at(w, s->config_at + said, &body);
    if (body.score >= CONFIG_BODY_SURE || have < 4)
        return said;
    p = xsi_peek(w, s->config_at, have, &have); /* the look at the body has moved the windows */
    if (length && length < CONFIG_LOOK)
        places[count++] = s->config_at + 4 + length;
    if (have > 4 && p[4] == '{') {
        config_json(p + 4, have - 4, false, &f);
        if (f.complete) {
            places[count++] = s->config_at + 4 + f.end + 1; /* a NUL ends it */
            places[count++] = s->config_at + 4 + f.end;
        }
    }
    if (!config_find_body(w, s->config_at, places, count, &body))
        return said;
    xsi_report(w, &xl_findings[XL_C41], s->config_at - 4, 8,
               "optional data of %" PRIu64 " bytes leads to no stream; a %s stream begins %" PRIu64
               " bytes from here",
               said, body.layer, body.offset - s->config_at);
    return body.offset - s->config_at;
}

static void check_json(struct xsi_walk *w, const struct xl_state *s, uint64_t at, uint64_t length)
{
    const struct config_facts *f = &s->facts;

    if (f->problem)
        xsi_report(w, &xl_findings[XL_C38], at + f->problem_at, 0,
                   "JSON configuration: %s, at its byte %zu", f->problem, f->problem_at);
    else if (f->complete && (!f->name[0] || f->guest == XSI_GUEST_UNKNOWN))
        xsi_report(w, &xl_findings[XL_C39], at, length, "the JSON configuration has no %s",
                   f->name[0] ? "guest type (c_info.type)" : "domain name (c_info.name)");
}

static void check_text(struct xsi_walk *w, struct xl_state *s, uint64_t at, const uint8_t *text,
                       size_t have, uint64_t length)
{
    bool json = s->header.mandatory & XL_FLAG_JSON, brace = have && text[0] == '{';

    if (have && json != brace)
        xsi_report(w, &xl_findings[XL_C37], at, length, "flag JSON is %s, but the configuration %s",
                   json ? "set" : "clear",
                   brace ? "begins with a brace, as JSON does" : "does not begin with a brace");
    if (brace) {
        config_json(text, have, have >= length, &s->facts);
        check_json(w, s, at, length);
    } else {
        config_lines(text, have, have >= length, &s->facts);
        if (s->facts.problem)
            xsi_report(w, &xl_findings[XL_C38], at + s->facts.problem_at, 0,
                       "configuration: %s, at its byte %zu", s->facts.problem, s->facts.problem_at);
    }
    config_tell(&s->facts, xsi_info(w));
}

/* Lengths that disagree; returns how much text there really is. */
static uint64_t check_lengths(struct xsi_walk *w, const struct xl_state *s, uint64_t length,
                              uint32_t text)
{
    uint64_t room = length > 4 ? length - 4 : 0;

    if (text > room)
        xsi_report(w, &xl_findings[XL_C41], s->config_at, 4,
                   "a configuration of %" PRIu32
                   " bytes does not fit into optional data of %" PRIu64,
                   text, length);
    else if (text < room && length == s->header.optional_length)
        xsi_report(w, &xl_findings[XL_C45], s->config_at + 4 + text, room - text,
                   "%" PRIu64 " bytes of optional data behind the configuration", room - text);
    return text < room ? text : room;
}

void xl_config_chunk(struct xsi_walk *w, struct xl_state *s, struct xsi_chunk *out)
{
    size_t have, want = CONFIG_LOOK;
    const uint8_t *p;
    uint64_t length, text, left;

    s->config_at = xsi_at(w);
    if (s->header.optional_length && s->header.optional_length < want)
        want = s->header.optional_length;
    p = xsi_peek(w, s->config_at, want, &have);
    length = find_length(w, s, p, have);
    xsi_chunk_is(out, &xl_types[1], length);
    if (!length)
        return;
    if (out->meta > CONFIG_LOOK)
        out->meta = CONFIG_LOOK;
    left = xsi_left(w, s->config_at);
    if (left < 4 || length < 4) {
        if (length < 4)
            xsi_report(w, &xl_findings[XL_C41], s->config_at - 4, 4,
                       "optional data of %" PRIu64 " bytes cannot hold a length", length);
        return;
    }
    p = xsi_peek(w, s->config_at, length < CONFIG_LOOK ? length : CONFIG_LOOK, &have);
    if (have < 4)
        return;
    text = check_lengths(w, s, length, config_length(s, p, have));
    if (!text)
        xsi_report(w, &xl_findings[XL_C40], s->config_at, 4, "the configuration is empty");
    else
        check_text(w, s, s->config_at + 4, p + 4, have - 4 < text ? have - 4 : text, text);
    xsi_note(out, "%" PRIu64 " bytes of %s", text,
             have > 4 && p[4] == '{' ? "JSON" : "xl.cfg text");
    if (s->facts.name[0])
        xsi_note(out, "domain %s", s->facts.name);
}

void xl_decode_config(struct xsi_decode *d)
{
    const struct xl_state *s = d->state;
    struct xsi_cursor c;
    uint64_t text, room = d->length > 4 ? d->length - 4 : 0;

    d->big = s && s->header.order == XL_BIG;
    c = xsi_decode_cursor(d, 0);
    text = xsi_u32(&c);
    if (c.short_read)
        return;
    xsi_put(d, "config_len", XSI_UINT, 0, 4, text, "bytes");
    if (text > room)
        text = room;
    xsi_put_text(d, "config", XSI_TEXT, 4, c.at, c.left < text ? c.left : text);
    if (room > text && c.left > text)
        xsi_put_text(d, "ignored", XSI_BYTES, 4 + text, c.at + text, c.left - text);
}
