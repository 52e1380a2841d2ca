/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records other than PAGE_DATA: is the length to be believed, and what does the record change? */
#include <inttypes.h>

#include "v2.h"
#include "../x86/x86.h"

#define ZEROS_LOOK V2_CHECK_MAX /* how far behind an early END something else is looked for */

#define NO_LENGTH UINT64_MAX

/* Types whose body tells its length. */
#define OWN_ACCOUNT                                                           \
    (V2_BIT(V2_HVM_CONTEXT) | V2_BIT(V2_HVM_PARAMS) | V2_BIT(V2_P2M_FRAMES) | \
     V2_BIT(V2_VCPU_BASIC) | V2_BIT(V2_CPUID_POLICY) | V2_BIT(V2_MSR_POLICY))
/* Types whose body tells its usual length, which others may have. */
#define VCPUS                                                                   \
    (V2_BIT(V2_VCPU_BASIC) | V2_BIT(V2_VCPU_EXTENDED) | V2_BIT(V2_VCPU_XSAVE) | \
     V2_BIT(V2_VCPU_MSRS))

/*
 * Where the list of HVM records ends. One that goes on behind an early END and comes out even at
 * the stated length proves that length; its records look much like those of the stream.
 */
static uint64_t context_length(struct xsi_walk *w, const struct v2_head *h)
{
    struct x86_hvm_summary sum;
    uint32_t length = h->length < V2_CHECK_MAX ? h->length : V2_CHECK_MAX;
    size_t have, want = length < 65536 ? 65536 : length; /* one too short must not hide the end */
    const uint8_t *p = xsi_peek(w, h->at + V2_RHDR_SIZE, want, &have);

    x86_hvm_check(p, have < length ? have : length, h->length, &sum);
    for (unsigned i = 0; i < sum.issues; i++)
        if (sum.issue[i].id == X86_H20)
            return h->length;
    x86_hvm_check(p, have, have, &sum);
    return sum.end_seen ? sum.end_at : NO_LENGTH;
}

/* The length that the body itself states or shows; NO_LENGTH when it does not. */
static uint64_t own_length(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h)
{
    const uint8_t *p;
    size_t have;
    struct xsi_cursor c;
    uint32_t a, b;

    if (h->type >= V2_RECORDS)
        return NO_LENGTH;
    if (v2_rules[h->type].min == v2_rules[h->type].max)
        return v2_rules[h->type].min;
    if (h->type == V2_HVM_CONTEXT)
        return context_length(w, h);
    if (V2_BIT(h->type) & VCPUS)
        return v2_vcpu_extent(w, s, h);
    p = xsi_peek(w, h->at + V2_RHDR_SIZE, 16, &have);
    c = v2_cursor(s, p, have);
    a = xsi_u32(&c);
    b = xsi_u32(&c);
    if (h->type == V2_CPUID_POLICY || h->type == V2_MSR_POLICY)
        return v2_policy_extent(w, s, h);
    if (c.short_read)
        return NO_LENGTH;
    if (h->type == V2_HVM_PARAMS)
        return a && a <= 256 && !b ? 8 + 16 * (uint64_t)a : NO_LENGTH;
    if (h->type == V2_P2M_FRAMES && s->width && a <= b)
        return 8 +
               8 * (b / (XSI_PAGE_SIZE / s->width) + 1 - a / (XSI_PAGE_SIZE / (uint64_t)s->width));
    return NO_LENGTH;
}

static void report_twin(struct xsi_walk *w, const struct v2_head *h)
{
    uint32_t plain = h->type & ~V2_OPTIONAL;
    enum v2_record twin = v2_one_bit_off(h->type, h->length);

    if (plain < V2_RECORDS && plain != h->type) {
        v2_report(w, V13, h->at, 4,
                  "%s with the optional bit set (type 0x%08" PRIx32 "): readers "
                  "skip it without a word",
                  v2_rules[plain].name, h->type);
        return;
    }
    if (h->type & V2_OPTIONAL) {
        v2_report(w, V12, h->at, 4,
                  "optional record of unknown type 0x%08" PRIx32 ": libxc skips "
                  "it",
                  h->type);
        return;
    }
    v2_report(w, V11, h->at, 4,
              "mandatory record of unknown type 0x%" PRIx32 ": every reader "
              "refuses it%s%s",
              h->type, twin < V2_RECORDS ? "; one bit differs from " : "",
              twin < V2_RECORDS ? v2_rules[twin].name : "");
}

/* Does the body speak for the type that is one bit off? */
static bool is_twin(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                    enum v2_record twin)
{
    struct v2_batch b;
    size_t have;
    const uint8_t *p;
    int fits;

    if (twin == V2_PAGE_DATA) {
        v2_batch_read(w, s, h->at, h->length, 0, &b);
        return b.consistent;
    }
    p = xsi_peek(w, h->at + V2_RHDR_SIZE, 24, &have);
    fits = v2_body_fits(s, twin, h->length, p, have);
    return fits > 0 || (!fits && v2_rules[twin].min == v2_rules[twin].max);
}

/* The length leads to a sound header although it cannot be this type's. */
static void report_size(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h)
{
    const struct v2_rule *r = &v2_rules[h->type];
    enum v2_record twin = v2_one_bit_off(h->type, h->length);

    if (twin < V2_RECORDS && !is_twin(w, s, h, twin))
        twin = V2_RECORDS;
    if (!r->max) {
        if (twin < V2_RECORDS)
            v2_report(w, V92, h->at, 8,
                      "%s has a body of %" PRIu32 " bytes: the type is wrong, one "
                      "bit differs from %s",
                      r->name, h->length, v2_rules[twin].name);
        else
            v2_report(w, V66, h->at, 8, "%s has a body of %" PRIu32 " bytes; it must be empty",
                      r->name, h->length);
        return;
    }
    v2_report(w, V16, h->at + 4, 4, "%s of length %" PRIu32 ": %s%" PRIu32 "%s%s", r->name,
              h->length,
              r->min == r->max     ? "must be "
              : h->length < r->min ? "must be at least "
              : h->length > r->max ? "can be no more than "
                                   : "does not fit; at least ",
              h->length > r->max ? r->max : r->min,
              twin < V2_RECORDS ? "; the type may be wrong, one bit differs from " : "",
              twin < V2_RECORDS ? v2_rules[twin].name : "");
}

static void report_lost(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h)
{
    const struct v2_state *s = l->state;
    uint64_t own = own_length(w, s, h);
    enum v2_look look = V2_NOTHING;

    if (own != h->length && own <= V2_CHECK_MAX)
        look = v2_look(w, l, h->at + v2_span((uint32_t)own),
                       h->type < V2_RECORDS ? (enum v2_record)h->type : V2_RECORDS);
    if (v2_stands(look)) {
        v2_report(w, V20, h->at + 4, 4,
                  "length 0x%" PRIx32 " of %s is wrong: its body makes 0x%" PRIx64
                  ", and a record follows there%s",
                  h->length, v2_rules[h->type].name, own,
                  __builtin_popcountll(h->length ^ own) == 1 ? " (one bit differs)" : "");
        return;
    }
    if (h->length > V2_CAP)
        v2_report(w, V17, h->at, 8,
                  "record of type 0x%" PRIx32 " with length 0x%" PRIx32
                  ": readers take at most 0x%x",
                  h->type, h->length, V2_CAP);
    else
        v2_report(w, V22, h->at, 8,
                  "no record can begin here: type 0x%" PRIx32 " (%s), length 0x%" PRIx32, h->type,
                  v2_type(h->type)->name, h->length);
}

/*
 * Another length by the body's own account, and a record there? Then the stated length skips
 * records, or ends among zero bytes that look like END. Where both lengths lead to a record, the
 * shorter one counts when the body tells it: the other one swallows what is in between.
 */
static bool contradicted(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                         enum v2_look look)
{
    bool account;
    enum v2_look other;
    uint64_t own;

    if (h->type >= V2_RECORDS)
        return false;
    own = own_length(w, l->state, h);
    if (own == h->length || own > V2_CHECK_MAX)
        return false;
    account = V2_BIT(h->type) & OWN_ACCOUNT;
    other = v2_look(w, l, h->at + v2_span((uint32_t)own), (enum v2_record)h->type);
    return (other == V2_GOOD && ((account && own < h->length) || look != V2_GOOD)) ||
           (other == V2_DUE_END && account && look != V2_GOOD);
}

/* Does the record end where its length says? */
static bool believe(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                    enum v2_look look)
{
    const struct v2_state *s = l->state;
    bool known = h->type < V2_RECORDS, size_ok = v2_size_ok(h->type, h->length);
    uint64_t own;

    if (contradicted(w, l, h, look))
        return false;
    if (v2_stands(look))
        return known || look != V2_NEAR || (h->type & ~V2_OPTIONAL) < 0x100;
    if (!known) /* the image may end within one that readers would skip */
        return look == V2_BEYOND && h->type & V2_OPTIONAL && h->length <= V2_SMALL &&
               (h->type & ~V2_OPTIONAL) < 0x100;
    if (!size_ok || (h->type == V2_TOOLSTACK && look != V2_BEYOND))
        return false;
    if (v2_rules[h->type].min == v2_rules[h->type].max)
        return true;
    own = own_length(w, s, h);
    if (own != NO_LENGTH && (V2_BIT(h->type) & OWN_ACCOUNT || look == V2_NOTHING))
        return own == h->length;
    /* cut, or unreadable behind: nothing speaks against it */
    return look == V2_BEYOND || look == V2_UNREADABLE;
}

static void check_padding(struct xsi_walk *w, const struct v2_head *h)
{
    uint64_t body = h->at + V2_RHDR_SIZE + h->length;
    size_t have;
    const uint8_t *p;

    if (body == h->end)
        return;
    p = xsi_peek(w, body, (size_t)(h->end - body), &have);
    for (size_t i = 0; i < have; i++)
        if (p[i]) {
            v2_report(w, V46, body, h->end - body, "padding is not zero");
            return;
        }
}

static void report_caps(struct xsi_walk *w, const struct v2_head *h)
{
    if (h->length > V2_CAP)
        v2_report(w, V17, h->at, 8, "record length 0x%" PRIx32 ": readers take at most 0x%x",
                  h->length, V2_CAP);
    else if (h->length > V2_OLD_CAP)
        v2_report(w, V18, h->at, 8,
                  "record length 0x%" PRIx32 ": readers up to 4.9 take at most "
                  "0x%x",
                  h->length, V2_OLD_CAP);
}

int v2_step_record(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                   struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    bool known = h->type < V2_RECORDS;
    enum v2_record kind = known ? (enum v2_record)h->type : V2_RECORDS;
    enum v2_look look = V2_UNREADABLE;

    if (v2_span(h->length) <= V2_CHECK_MAX)
        look = v2_look(w, l, h->end, kind);
    else if (!xsi_exists(w, h->at, V2_CHECK_MAX))
        look = V2_BEYOND;
    if (!believe(w, l, h, look)) {
        report_lost(w, l, h);
        return XSI_LOST;
    }
    xsi_chunk_is(out, v2_type(h->type), h->end - h->at);
    out->has_id = true;
    out->id = (int64_t)h->type;
    s->cut = look == V2_BEYOND;
    report_caps(w, h);
    check_padding(w, h);
    if (!known) {
        report_twin(w, h);
        return XSI_CHUNK;
    }
    if (!v2_size_ok(h->type, h->length))
        report_size(w, s, h);
    v2_check_body(w, l, h, out);
    return XSI_CHUNK;
}

/* Behind an END that came too early: is that the rest of the stream? */
static bool goes_on(struct xsi_walk *w, struct xsi_layer *l, uint64_t at)
{
    struct xsi_sync sync = { .offset = at };
    struct v2_head h;

    v2_head_at(w, l->state, at, &h);
    if (h.have < V2_RHDR_SIZE)
        return false;
    if (h.type == V2_STATIC_DATA_END && !h.length)
        return v2_look(w, l, at, V2_END) == V2_GOOD;
    v2_resync(w, l, at, &sync);
    return sync.confidence >= 75;
}

/* Zero bytes where more is due, and then neither the end nor the next layer: just zero bytes. */
static bool stray_zeros(struct xsi_walk *w, struct xsi_layer *l, uint64_t end)
{
    const struct xsi_layer *outer = xsi_outer(w, l);
    size_t have;
    const uint8_t *p;

    if ((outer && strcmp(outer->row->name, LIBXL_LAYER) != 0) || v2_libxl_follows(w, l, end))
        return false;
    p = xsi_peek(w, end, ZEROS_LOOK, &have);
    for (size_t i = 0; i < have; i++)
        if (p[i])
            return true;
    return false;
}

int v2_step_end(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                struct xsi_chunk *out)
{
    struct v2_state *s = l->state;
    bool complete = v2_is_complete(s);

    if (h->length && !complete && v2_look(w, l, h->end, V2_RECORDS) != V2_GOOD) {
        v2_report(w, V22, h->at, 8,
                  "type 0 (END) with length 0x%" PRIx32 " where more records "
                  "are due: no record can begin here",
                  h->length);
        return XSI_LOST;
    }
    if (!h->length && !complete && !goes_on(w, l, h->end) && stray_zeros(w, l, h->end)) {
        v2_report(w, V22, h->at, 8,
                  "zero bytes where more records are due: readers take them for "
                  "END and stop");
        return XSI_LOST;
    }
    xsi_chunk_is(out, &v2_types[V2_END], h->end - h->at);
    if (!complete && goes_on(w, l, h->end)) {
        v2_report(w, V65, h->at, 8,
                  "END stands here, but the stream goes on behind it: readers "
                  "stop here, with what came before");
        return XSI_CHUNK;
    }
    s->phase = V2_AT_END;
    if (h->length) {
        v2_report(w, V66, h->at + 4, 4, "END has a body of %" PRIu32 " bytes; it must be empty",
                  h->length);
        if (h->length > V2_CHECK_MAX) { /* no reader gets behind it; do not follow */
            out->length = out->meta = V2_RHDR_SIZE;
        }
        check_padding(w, h);
    }
    v2_report_missing(w, s, h->at);
    v2_sum_up(w, s);
    return XSI_CHUNK;
}
