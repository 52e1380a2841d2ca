/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the scanners and the containers share. */
#include <stdio.h>
#include <string.h>

#include "config.h"

#define FIRM 50 /* a bid that another place than the promised one must reach */

const struct xsi_anchor config_anchors[] = { { "LibxlFmt", 8, 0 },
                                             { "\xff\xff\xff\xff\xff\xff\xff\xffXENF", 12, 0 },
                                             { NULL, 0, 0 } };

void config_copy(char *out, size_t size, const uint8_t *text, size_t n)
{
    if (n > size - 1)
        n = size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}

bool config_is(const uint8_t *text, size_t n, const char *word)
{
    return n == strlen(word) && !memcmp(text, word, n);
}

unsigned config_number(const uint8_t *text, size_t n)
{
    unsigned value = 0;

    if (!n || n > 6)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    return value;
}

void config_problem(struct config_facts *f, size_t at, const char *what)
{
    if (f->problem)
        return;
    f->problem = what;
    f->problem_at = at;
}

const char *config_guest_name(enum xsi_guest guest)
{
    switch (guest) {
    case XSI_GUEST_PV:
        return "PV";
    case XSI_GUEST_HVM:
        return "HVM";
    case XSI_GUEST_PVH:
        return "PVH";
    default:
        return "unknown";
    }
}

void config_tell(const struct config_facts *f, struct xsi_info *info)
{
    if (!info->name[0])
        memcpy(info->name, f->name, sizeof(info->name));
    if (!info->uuid[0])
        memcpy(info->uuid, f->uuid, sizeof(info->uuid));
    if (info->guest == XSI_GUEST_UNKNOWN)
        info->guest = f->guest;
}

bool config_settle(const struct config_facts *f, struct xsi_info *info)
{
    if (!info->has_vcpus && f->vcpus) {
        info->vcpus = f->vcpus;
        info->has_vcpus = true;
    }
    if (f->guest == XSI_GUEST_UNKNOWN || info->guest == XSI_GUEST_UNKNOWN)
        return true;
    /* streams know PV and HVM only; a PVH guest is written as HVM */
    if (f->guest == XSI_GUEST_PVH && info->guest == XSI_GUEST_HVM)
        info->guest = XSI_GUEST_PVH;
    return (f->guest == XSI_GUEST_PV) == (info->guest == XSI_GUEST_PV);
}

void config_body_at(struct xsi_walk *w, uint64_t at, struct config_body *out)
{
    const struct xsi_layer_row *row;
    struct xsi_bid bid;

    memset(out, 0, sizeof(*out));
    out->offset = at;
    row = xsi_best_bid(w, at, XSI_LAYER_MIDDLE | XSI_LAYER_STREAM, &bid);
    if (!row)
        return;
    out->score = bid.score;
    snprintf(out->layer, sizeof(out->layer), "%s", row->name);
}

/* Offset of the first magic number of a stream in n bytes; SIZE_MAX when there is none. */
static size_t find_magic(const uint8_t *p, size_t n)
{
    for (size_t at = 0; at + 12 <= n; at++) {
        if (p[at] != 'L' && p[at] != 0xff)
            continue;
        for (const struct xsi_anchor *a = config_anchors; a->length; a++)
            if (!memcmp(p + at, a->bytes, a->length))
                return at;
    }
    return SIZE_MAX;
}

bool config_find_body(struct xsi_walk *w, uint64_t from, const uint64_t *places, size_t count,
                      struct config_body *best)
{
    struct config_body body;
    bool better = false;
    const uint8_t *p;
    size_t have, at;

    for (size_t i = 0; i <= count; i++) {
        if (i < count) {
            config_body_at(w, places[i], &body);
        } else {
            p = xsi_peek(w, from, CONFIG_LOOK, &have);
            at = find_magic(p, have);
            if (at == SIZE_MAX)
                break;
            config_body_at(w, from + at, &body);
        }
        if (body.score < FIRM || body.score <= best->score || body.offset == best->offset)
            continue;
        *best = body;
        better = true;
    }
    return better;
}

void config_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync)
{
    struct config_body body;

    (void)l;
    config_body_at(w, at, &body);
    if (body.score < FIRM)
        return;
    sync->confidence = body.score;
    snprintf(sync->why, sizeof(sync->why), "a %s stream begins here", body.layer);
}
