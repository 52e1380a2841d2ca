/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What record are these bytes? Type, length, what the body says of itself and the place where the
 * next record begins state the same thing several times; the reading under which they agree with
 * the least change counts.
 */
#include "recipe.h"
#include "../x86/x86.h"

/* Types of which a stream has one. */
#define ONCE                                                                                      \
    (V2_BIT(V2_PV_INFO) | V2_BIT(V2_SHARED_INFO) | V2_BIT(V2_TSC_INFO) | V2_BIT(V2_HVM_CONTEXT) | \
     V2_BIT(V2_HVM_PARAMS) | V2_BIT(V2_P2M_FRAMES))

int v2_speaks(struct v2_site *s, uint64_t at, uint32_t type, uint32_t n)
{
    struct x86_hvm_summary sum;
    struct v2_state *state;
    struct v2_list list;
    const uint8_t *p;
    uint8_t reserved[4];
    int fits;

    if (!v2_size_ok(type, n) || n > V2_CHECK_MAX)
        return 0;
    if (type == V2_PAGE_DATA)
        return xsi_mend_read(s->m, at + V2_RHDR_SIZE + 4, reserved, sizeof(reserved)) &&
                       !xsi_le32(reserved) && v2_list_read(s, at, 0, &list) &&
                       list.count <= V2_BATCH_MAX && v2_list_length(&list) == n
                   ? 2
                   : 0;
    state = xsi_mend_scratch(s->m, sizeof(*state));
    p = xsi_mend_bytes(s->m, at + V2_RHDR_SIZE, n);
    if (!state || !p)
        return 0;
    state->width = s->width;
    if (type == V2_HVM_CONTEXT) {
        x86_hvm_check(p, n, n, &sum);
        return sum.end_seen && sum.end_at == n ? 2 : 0;
    }
    if (type == V2_VCPU_BASIC && s->width)
        return n == V2_VHDR + (s->width == 8 ? 5168U : 2800U) && xsi_le32(p) < V2_VCPUS_MAX &&
                       !xsi_le32(p + 4)
                   ? 2
                   : 0;
    if (type == V2_MSR_POLICY && (n > 4 * V2_MSR || xsi_le32(p) != 0xce))
        return 0; /* writers list PLATFORM_INFO first */
    fits = v2_body_fits(state, type, n, p, n);
    return fits < 0 ? 0 : fits > 0 && type != V2_VCPU_XSAVE && type != V2_VCPU_MSRS ? 2 : 1;
}

static bool belongs(const struct v2_site *s, uint32_t type)
{
    uint32_t kind = s->kind;

    if (kind != V2_PV && kind != V2_HVM)
        return true;
    return !(V2_BIT(type) & (kind == V2_PV ? V2_ONLY_HVM : V2_ONLY_PV));
}

/* Checkpoints repeat records of which there is one else. */
static bool is_repeated(const struct v2_site *s)
{
    return s->types & V2_BIT(V2_CHECKPOINT);
}

/* What the guest's memory comes before, or behind: not of a record that may have come too late. */
static bool is_placed(const struct v2_site *s, uint32_t type, uint64_t at)
{
    static const uint32_t behind = V2_BIT(V2_VCPU_BASIC) | V2_BIT(V2_VCPU_EXTENDED) |
                                   V2_BIT(V2_VCPU_XSAVE) | V2_BIT(V2_VCPU_MSRS);
    static const uint32_t before = V2_BIT(V2_CPUID_POLICY) | V2_BIT(V2_MSR_POLICY);

    if (s->pages == UINT64_MAX)
        return true;
    return at < s->pages ? !(V2_BIT(type) & behind) : !(V2_BIT(type) & before);
}

/* Bits that a header must change by to be this one. */
static unsigned changes(uint32_t type, uint32_t n, uint32_t new_type, uint32_t new_n)
{
    return (unsigned)__builtin_popcount(type ^ new_type) + (unsigned)__builtin_popcount(n ^ new_n);
}

/* A header of zeros, where a record of fixed length would stand that is nowhere else. */
static bool is_zeroed(const struct v2_site *s, uint32_t type, const uint32_t old[2])
{
    return !old[0] && !old[1] && v2_rules[type].min == v2_rules[type].max &&
           !(s->types & V2_BIT(type));
}

/* Lengths of a type that end at `end`, padding included: the best of them. */
static unsigned best_length(struct v2_site *s, uint64_t at, uint64_t end, uint32_t type,
                            const uint32_t old[2], uint32_t *n)
{
    uint64_t room = end - at - V2_RHDR_SIZE;
    unsigned best = 0;

    for (uint32_t pad = 0; pad < 8 && pad <= room; pad++) {
        uint32_t length = (uint32_t)(room - pad), bits, grade;
        int voice;

        if (v2_span(length) != end - at)
            break;
        voice = v2_speaks(s, at, type, length);
        bits = changes(old[0], old[1], type, length);
        if (!voice || (voice < 2 && bits > 1 && old[0] != type && !is_zeroed(s, type, old)))
            continue;
        /* the type that stands there weighs most, then the body's word, then how little changes */
        grade = 1000U * (unsigned)voice + (old[0] == type ? 1500U : 0) - bits;
        if (grade > best) {
            best = grade;
            *n = length;
        }
    }
    return best;
}

bool v2_reckon(struct v2_site *s, uint64_t at, uint64_t end, uint32_t *type, uint32_t *body)
{
    uint32_t old[2], n = 0;
    unsigned best = 0;
    uint8_t head[V2_RHDR_SIZE];

    if (end < at + V2_RHDR_SIZE || end - at > V2_CHECK_MAX ||
        !xsi_mend_read(s->m, at, head, sizeof(head)))
        return false;
    old[0] = xsi_le32(head);
    old[1] = xsi_le32(head + 4);
    for (uint32_t t = V2_PAGE_DATA; t < V2_RECORDS; t++) {
        unsigned grade;

        if (!v2_rules[t].min || t == V2_TOOLSTACK || t == V2_DIRTY_PFNS || !belongs(s, t) ||
            (t != old[0] && !is_placed(s, t, at)))
            continue;
        grade = best_length(s, at, end, t, old, &n);
        if (grade && t != old[0] && ONCE & V2_BIT(t) && s->types & V2_BIT(t) && !is_repeated(s))
            grade -= 500; /* it is there already */
        if (grade > best) {
            best = grade;
            *type = t;
            *body = n;
        }
    }
    return best;
}

uint32_t v2_twin(struct v2_site *s, const struct v2_item *item)
{
    for (uint32_t t = V2_PAGE_DATA; t < V2_RECORDS; t++) {
        int voice;

        if (__builtin_popcount(t ^ item->type) != 1 || !v2_rules[t].min || !belongs(s, t) ||
            t == V2_TOOLSTACK || t == V2_DIRTY_PFNS)
            continue;
        if (item->body <= V2_VHDR && v2_rules[t].min == V2_VHDR && v2_rules[t].max > V2_VHDR)
            continue; /* a vCPU record without contents is nothing to bring back */
        voice = v2_speaks(s, item->at, t, item->body);
        if (voice > 1 || (voice && v2_rules[t].min == v2_rules[t].max))
            return t;
    }
    return V2_RECORDS;
}

bool v2_stands_at(struct v2_site *s, uint64_t at)
{
    uint8_t head[V2_RHDR_SIZE];
    uint32_t type, body;

    if (!xsi_mend_read(s->m, at, head, sizeof(head)))
        return at == s->stop;
    type = xsi_le32(head);
    body = xsi_le32(head + 4);
    if (type >= V2_RECORDS)
        return false;
    if (!type) /* eight zero bytes are little proof */
        return !body && at + V2_RHDR_SIZE >= s->stop;
    return v2_rules[type].min ? v2_speaks(s, at, type, body) > 0 : !body;
}

/* ---- what stands behind ---- */

enum { HOPS = 64, LOOK = 64 << 10, NEAR = 64, BUDGET = 16 << 20, ONE_LOOK = 4096 };

/* libxc's END is there: behind it the image ends, or a record of libxl begins. */
static bool is_end(struct v2_site *s, uint64_t at)
{
    uint64_t size = xsi_mend_size(s->m);
    uint8_t head[V2_RHDR_SIZE];
    uint32_t type, length;

    at += V2_RHDR_SIZE;
    if (at >= s->stop) /* an early END is behind an image's */
        return at == s->stop || s->end_at != UINT64_MAX;
    if (!v2_within_libxl(s) || !xsi_mend_read(s->m, at, head, sizeof(head)))
        return false;
    type = xsi_le32(head);
    length = xsi_le32(head + 4);
    if (!type)
        return !length && at + V2_RHDR_SIZE == size;
    return (type == LIBXL_XENSTORE_DATA || type == LIBXL_EMULATOR_CONTEXT) &&
           length <= size - at - V2_RHDR_SIZE;
}

/* Records follow one another from `at` to END. Looking at them costs what budget there is. */
static bool leads_out(struct v2_site *s, uint64_t at, uint32_t *budget)
{
    uint8_t head[V2_RHDR_SIZE];

    for (unsigned i = 0; i < HOPS; i++) {
        uint32_t type, body, cost;

        if (!xsi_mend_read(s->m, at, head, sizeof(head)))
            return false;
        type = xsi_le32(head);
        body = xsi_le32(head + 4);
        if (!type && !body)
            return is_end(s, at);
        if (!type || type >= V2_RECORDS || !v2_size_ok(type, body))
            return false;
        cost = ONE_LOOK + (type == V2_PAGE_DATA ? 0 : body);
        if (cost > *budget || !v2_stands_at(s, at))
            return false;
        *budget -= cost;
        at += v2_span(body);
    }
    return true;
}

bool v2_find_inside(struct v2_site *s, const struct v2_item *item, uint32_t *type, uint32_t *body)
{
    uint64_t stop = item->at + item->length;
    uint32_t budget = BUDGET, own;

    if (item->type < V2_RECORDS && v2_own_length(s, item, &own) && own != item->body &&
        leads_out(s, item->at + v2_span(own), &budget) && v2_speaks(s, item->at, item->type, own)) {
        *type = item->type;
        *body = own;
        return true;
    }
    if (item->cut && v2_size_ok(item->type, item->body))
        return false; /* the image is cut, and zeros at its end are no END */
    if (stop > item->at + LOOK)
        stop = item->at + LOOK;
    for (uint64_t at = item->at + V2_RHDR_SIZE; at < stop && budget > LOOK; at += 8) {
        if (!leads_out(s, at, &budget))
            continue;
        budget -= LOOK; /* all types and lengths are tried */
        if (v2_reckon(s, item->at, at, type, body))
            return true;
    }
    return false;
}

bool v2_holds_records(struct v2_site *s, const struct v2_item *gap)
{
    uint64_t stop = gap->length < LOOK ? gap->at + gap->length : gap->at + LOOK;
    uint32_t budget = BUDGET;
    uint8_t head[4];

    for (uint64_t at = gap->at + V2_RHDR_SIZE; at < stop; at += 8)
        if (xsi_mend_read(s->m, at, head, sizeof(head)) && xsi_le32(head) < V2_RECORDS &&
            v2_rules[xsi_le32(head)].min && leads_out(s, at, &budget))
            return true;
    return false;
}

unsigned v2_shift(struct v2_site *s, const struct v2_item *item)
{
    uint32_t budget = BUDGET;
    uint8_t head[V2_RHDR_SIZE];

    for (unsigned n = 1; n <= NEAR; n++) {
        uint32_t type;

        if (!xsi_mend_read(s->m, item->at + n, head, sizeof(head)))
            return 0;
        type = xsi_le32(head);
        if (type < V2_RECORDS && v2_rules[type].min &&
            v2_speaks(s, item->at + n, type, xsi_le32(head + 4)) > 1 &&
            leads_out(s, item->at + n, &budget))
            return n;
    }
    return 0;
}

/* Its vCPU has no registers: it may be another record. */
static bool is_orphan(struct v2_site *s, const struct v2_item *item)
{
    struct v2_item basic;
    uint8_t own[4], id[4];
    uint64_t from = 0;

    if (item->type != V2_VCPU_EXTENDED && item->type != V2_VCPU_XSAVE && item->type != V2_VCPU_MSRS)
        return false;
    if (!xsi_mend_read(s->m, item->at + V2_RHDR_SIZE, own, 4))
        return true;
    for (; v2_site_find(s, V2_VCPU_BASIC, from, &basic); from = basic.at + 1)
        if (xsi_mend_read(s->m, basic.at + V2_RHDR_SIZE, id, 4) && !memcmp(id, own, 4))
            return false;
    return true;
}

/* Is the known type of a record to be doubted? */
static bool is_doubtful(struct v2_site *s, const struct v2_item *item)
{
    struct v2_item other;

    if (item->type >= V2_RECORDS || !belongs(s, item->type) || item->type == V2_TOOLSTACK ||
        item->type == V2_DIRTY_PFNS)
        return true;
    if (!v2_rules[item->type].min)
        return item->body != 0;
    return !v2_speaks(s, item->at, item->type, item->body) || is_orphan(s, item) ||
           (ONCE & V2_BIT(item->type) && !is_repeated(s) &&
            v2_site_find_last(s, item->type, item->at, &other));
}

bool v2_retyped(struct v2_site *s, const struct v2_item *item, uint32_t *type)
{
    static const uint32_t many = V2_BIT(V2_PAGE_DATA) | V2_BIT(V2_VCPU_BASIC) |
                                 V2_BIT(V2_VCPU_EXTENDED) | V2_BIT(V2_VCPU_XSAVE) |
                                 V2_BIT(V2_VCPU_MSRS);

    if (item->gap || item->cut || item->foreign || !is_doubtful(s, item))
        return false;
    *type = v2_twin(s, item);
    if (*type == V2_RECORDS && !item->body && s->end_at == UINT64_MAX &&
        item->at + item->length == s->stop && __builtin_popcount(item->type) == 1)
        *type = V2_END;
    return *type < V2_RECORDS &&
           (V2_BIT(*type) & many || is_repeated(s) || !(s->types & V2_BIT(*type)));
}
