/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is there a record at a place? The stream has no marks between records, so a changed length is
 * only noticed where the next header should be. A place is good when a header there says what
 * only a header would; near when it would, but for one damaged number.
 */
#include "v2.h"
#include "../x86/x86.h"

#define PEEK       32U   /* record header, and the first 24 bytes of its body */
#define BODY_STRAY 4096U /* longest body of a record that has none */
#define HOPS       4     /* records without a body prove little: look at the ones behind */

struct xsi_cursor v2_cursor(const struct v2_state *s, const uint8_t *p, size_t have)
{
    return (struct xsi_cursor){ .at = p, .left = have, .big = s->libxl.big };
}

void v2_head_at(struct xsi_walk *w, const struct v2_state *s, uint64_t at, struct v2_head *h)
{
    const uint8_t *p = xsi_peek(w, at, V2_RHDR_SIZE, &h->have);
    struct xsi_cursor c = v2_cursor(s, p, h->have);

    h->at = at;
    h->type = xsi_u32(&c);
    h->length = xsi_u32(&c);
    h->end = at + v2_span(h->length);
}

/* Body of a batch: count, reserved word, first entry. Says which of the statements hold. */
struct shape {
    bool count_ok, reserved_ok, entry_ok, length_ok;
};

static struct shape batch_shape(const struct v2_state *s, uint32_t length, const uint8_t *body,
                                size_t have)
{
    struct xsi_cursor c = v2_cursor(s, body, have);
    uint64_t count = xsi_u32(&c), reserved = xsi_u32(&c), entry = xsi_u64(&c), data;
    struct shape shape = { 0 };

    if (c.short_read)
        return shape;
    shape.count_ok = count >= 1 && count <= V2_CAP / 8;
    shape.reserved_ok = !reserved;
    shape.entry_ok = !(entry & V2_RESERVED_MASK) && (entry >> 60 < 5 || entry >> 60 > 8) &&
                     (entry & V2_PFN_MASK) >> 36 == 0;
    if (length >= 8 + 8 * count && shape.count_ok) {
        data = length - 8 - 8 * count;
        shape.length_ok = data % XSI_PAGE_SIZE == 0 && data / XSI_PAGE_SIZE <= count;
    }
    return shape;
}

/* P2M_FRAMES: the frames that start and end ask for, for either width. */
static int p2m_fits(const struct v2_state *s, uint32_t length, uint32_t start, uint32_t end)
{
    uint64_t have = (length - 8) / 8;

    if (start > end)
        return -1;
    for (unsigned width = 4; width <= 8; width += 4) {
        uint64_t per = XSI_PAGE_SIZE / width;

        if ((!s->width || s->width == width) && have == end / per + 1 - start / per)
            return 1;
    }
    return -1;
}

static int cpuid_fits(struct xsi_cursor *c)
{
    uint32_t leaf = xsi_u32(c), subleaf = xsi_u32(c);

    return !leaf && subleaf == UINT32_MAX ? 1 : -1;
}

int v2_body_fits(const struct v2_state *s, uint32_t type, uint32_t length, const uint8_t *p,
                 size_t have)
{
    struct xsi_cursor c = v2_cursor(s, p, have);
    uint32_t a = xsi_u32(&c), b = xsi_u32(&c);

    if (c.short_read)
        return 0;
    switch (type) {
    case V2_PV_INFO:
        return (p[0] == 4 && p[1] == 3) || (p[0] == 8 && p[1] == 4) ? 1 : -1;
    case V2_P2M_FRAMES:
        return p2m_fits(s, length, a, b);
    case V2_VCPU_BASIC:
    case V2_VCPU_EXTENDED:
    case V2_VCPU_XSAVE:
    case V2_VCPU_MSRS:
        return a < V2_VCPUS_MAX && !b ? 1 : -1;
    case V2_TSC_INFO:
        return a <= 3 ? 1 : -1;
    case V2_HVM_CONTEXT:
        return x86_hvm_starts(p, have) ? 1 : -1;
    case V2_HVM_PARAMS:
        return length == 8 + 16 * (uint64_t)a && !b ? 1 : -1;
    case V2_CPUID_POLICY:
        c = v2_cursor(s, p, have);
        return cpuid_fits(&c);
    case V2_MSR_POLICY:
        return !b ? 1 : -1;
    default:
        return 0;
    }
}

enum v2_record v2_one_bit_off(uint32_t type, uint32_t length)
{
    for (unsigned t = V2_PAGE_DATA; t < V2_RECORDS; t++)
        if (__builtin_popcount(type ^ t) == 1 && v2_size_ok(t, length) && v2_rules[t].min)
            return (enum v2_record)t;
    return V2_RECORDS;
}

/* A batch header with one number wrong? */
static enum v2_look look_batch(const struct v2_state *s, uint32_t type, uint32_t length,
                               const uint8_t *body, size_t have)
{
    struct shape b = batch_shape(s, length, body, have);
    bool type_ok = type == V2_PAGE_DATA;
    unsigned agree = b.count_ok + b.reserved_ok + b.entry_ok + b.length_ok;

    if (type_ok && agree == 4)
        return V2_GOOD;
    if (type_ok && agree == 3)
        return V2_NEAR;
    /* the count can be wrong without the length telling, so these are two */
    if (type_ok && b.reserved_ok && b.entry_ok && length >= 16 && length % 8 == 0 &&
        length <= V2_CHECK_MAX)
        return V2_NEAR;
    if (!type_ok && agree == 4 && __builtin_popcount(type ^ V2_PAGE_DATA) == 1)
        return V2_NEAR;
    return V2_NOTHING;
}

/* A record of another type; have bytes of the body are at hand. */
static enum v2_look look_other(const struct v2_state *s, uint32_t type, uint32_t length,
                               const uint8_t *body, size_t have)
{
    enum v2_record twin;
    int fits;

    if (type < V2_RECORDS && v2_rules[type].min) {
        fits = v2_body_fits(s, type, length, body, have);
        if (v2_size_ok(type, length)) /* an empty vCPU record is little proof */
            return fits < 0 || (length == 8 && v2_rules[type].max > 8) ? V2_NEAR : V2_GOOD;
        /* fixed lengths: one bit off; others: what the body says of itself */
        if (v2_rules[type].min == v2_rules[type].max &&
            __builtin_popcount(length ^ v2_rules[type].min) == 1)
            return V2_NEAR;
        if (fits > 0 && length >= 4)
            return V2_NEAR;
    }
    twin = v2_one_bit_off(type, length);
    if (twin < V2_RECORDS && twin != V2_TOOLSTACK && twin != V2_DIRTY_PFNS &&
        (v2_rules[twin].min == v2_rules[twin].max || v2_body_fits(s, twin, length, body, have) > 0))
        return V2_NEAR;
    return V2_NOTHING;
}

bool v2_libxl_follows(struct xsi_walk *w, const struct xsi_layer *l, uint64_t at)
{
    const struct v2_state *s = l->state;
    const struct xsi_layer *outer = xsi_outer(w, l);

    return outer && !strcmp(outer->row->name, LIBXL_LAYER) && libxl_plausible(w, &s->libxl, at);
}

/* END is eight zero bytes, as common as dirt. It counts where an end is due. */
static enum v2_look look_end(struct xsi_walk *w, const struct xsi_layer *l, uint64_t at,
                             enum v2_record current)
{
    const struct v2_state *s = l->state;
    size_t have;

    if ((s->seen | V2_BIT(current)) & V2_TAIL)
        return V2_DUE_END;
    (void)xsi_peek(w, at + V2_RHDR_SIZE, 1, &have);
    if (!have && xsi_left(w, at + V2_RHDR_SIZE) == 0)
        return V2_DUE_END;
    return v2_libxl_follows(w, l, at + V2_RHDR_SIZE) ? V2_DUE_END : V2_NOTHING;
}

/* Types without a body that may stand here, and types that no release knows: ask the next one. */
static bool needs_next(uint32_t type, uint32_t length)
{
    uint32_t plain = type & ~V2_OPTIONAL;

    if (type < V2_RECORDS)
        return type == V2_DIRTY_PFNS || type == V2_TOOLSTACK
                   ? length <= V2_CHECK_MAX
                   : type && !v2_rules[type].min && length <= BODY_STRAY;
    return plain < 0x100 && length <= V2_CHECK_MAX;
}

/* Fewer than eight bytes are there: why? */
static enum v2_look look_short(struct xsi_walk *w, uint64_t at, size_t have, bool hopped)
{
    uint64_t left = xsi_left(w, at);

    if (left > have) /* on a pipe, UINT64_MAX: too far ahead to look */
        return V2_UNREADABLE;
    if (have || xsi_exists(w, at - 1, 1))
        return V2_EDGE;
    return hopped ? V2_NOTHING : V2_BEYOND;
}

enum v2_look v2_look(struct xsi_walk *w, const struct xsi_layer *l, uint64_t at,
                     enum v2_record current)
{
    const struct v2_state *s = l->state;
    uint64_t limit = at + V2_CHECK_MAX;
    unsigned zeros = 0;
    bool hopped = false;

    for (unsigned hop = 0; hop < HOPS && at <= limit; hop++) {
        size_t have;
        const uint8_t *p = xsi_peek(w, at, PEEK, &have);
        struct xsi_cursor c = v2_cursor(s, p, have);
        uint32_t type = xsi_u32(&c), length = xsi_u32(&c);
        enum v2_look look;

        if (c.short_read)
            return zeros ? V2_NOTHING : look_short(w, at, have, hopped);
        if (!type && !length) {
            look = look_end(w, l, at, current);
            if (look == V2_DUE_END || zeros++)
                return look;
            at += V2_RHDR_SIZE; /* one END too many? */
            continue;
        }
        if (!needs_next(type, length)) {
            look = look_batch(s, type, length, c.at, c.left);
            if (look == V2_NOTHING)
                look = look_other(s, type, length, c.at, c.left);
            return !zeros ? look : look == V2_GOOD ? V2_NEAR : V2_NOTHING;
        }
        /* the image may end within a record that readers would skip */
        hopped = !(type & V2_OPTIONAL && length <= V2_SMALL && !xsi_exists(w, at, v2_span(length)));
        at += v2_span(length);
        if (!hopped)
            return V2_NEAR;
        if (type == V2_CHECKPOINT && v2_libxl_follows(w, l, at))
            return V2_GOOD;
        current = type < V2_RECORDS ? (enum v2_record)type : V2_RECORDS;
    }
    return V2_NOTHING;
}
