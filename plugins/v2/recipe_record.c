/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records whose header is put right, or that are moved. */
#include <inttypes.h>

#include "recipe.h"
#include "../x86/x86.h"

/* ---- type and length ---- */

int v2_clear_optional(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &item) || item.gap ||
        !(item.type & V2_OPTIONAL) || (item.type & ~V2_OPTIONAL) >= V2_RECORDS)
        return 0;
    v2_put32(&s, item.at, item.type & ~V2_OPTIONAL, "clear the optional bit of a record's type");
    return 0;
}

void v2_put_type(struct v2_site *s, const struct v2_item *item, uint32_t type)
{
    v2_put32(s, item->at, type, "put one bit of a record's type back");
    xsi_mend_guess(s->m,
                   "that the record at 0x%" PRIx64 " is %s, of whose type 0x%" PRIx32
                   " differs in one bit",
                   item->at, v2_name(type), item->type);
}

enum { SCAN_ROWS = 2048 }; /* each record is held against all others; 128 vCPUs make 512 */

/* The record that the finding is about; else any whose type is doubtful. */
int v2_fix_type(struct xsi_mend *m)
{
    struct v2_site s, look;
    struct v2_item item;
    uint32_t type;

    if (!v2_site_open(&s, m))
        return 0;
    look = s;
    if (v2_site_at(&s, xsi_mend_at(m), &item) && v2_retyped(&look, &item, &type)) {
        v2_put_type(&s, &item, type);
        return 0;
    }
    if (s.last - s.first > SCAN_ROWS)
        return 0;
    v2_site_rewind(&s);
    while (v2_site_next(&s, &item)) {
        if (v2_retyped(&look, &item, &type)) {
            v2_put_type(&s, &item, type);
            return 0;
        }
        if (item.type == V2_PAGE_DATA && s.rows[s.row].count > 1) /* a run of sound batches */
            s.next = s.rows[s.row].offset + s.rows[s.row].length;
    }
    return 0;
}

/* A gap, or a record with a body that cannot be: where does what stands there end? */
int v2_set_head(struct v2_site *s, const struct v2_item *item, uint32_t type, uint32_t body)
{
    uint8_t head[V2_RHDR_SIZE];
    unsigned bits = (unsigned)__builtin_popcount(type ^ item->type) +
                    (unsigned)__builtin_popcount(body ^ item->body);

    v2_store32(head, type);
    v2_store32(head + 4, body);
    xsi_mend_splice(s->m, item->at + (type == item->type ? 4 : 0), type == item->type ? 4 : 8,
                    head + (type == item->type ? 4 : 0), type == item->type ? 4 : 8,
                    "record header at 0x%" PRIx64 ": %s of 0x%" PRIx32 " bytes", item->at,
                    v2_name(type), body);
    if (bits > 1 && type != item->type)
        xsi_mend_guess(s->m, "that the bytes at 0x%" PRIx64 " are %s: body and length fit it",
                       item->at, v2_name(type));
    return 0;
}

enum { PARAMS_MOST = 256 }; /* more than any release knows, of bytes of a context too */

/* By the count and the entries, when they lead to a place inside the gap. */
static bool list_length(struct v2_site *s, const struct v2_item *item, uint32_t *n)
{
    struct v2_list list;

    if (!v2_list_read(s, item->at, 0, &list) || list.count > V2_BATCH_MAX)
        return false;
    *n = v2_list_length(&list);
    return *n && v2_span(*n) <= item->length && *n != item->body;
}

/* The length of a context by its own list; of a fixed type by its type. */
bool v2_own_length(struct v2_site *s, const struct v2_item *item, uint32_t *n)
{
    const struct v2_rule *rule;
    struct x86_hvm_summary sum;
    uint64_t have = item->length < V2_CHECK_MAX ? item->length : V2_CHECK_MAX;
    const uint8_t *p;
    uint8_t count[4];

    if (item->type >= V2_RECORDS || have < V2_RHDR_SIZE)
        return false;
    rule = &v2_rules[item->type];
    if (item->type == V2_PAGE_DATA)
        return list_length(s, item, n);
    if (item->type == V2_HVM_CONTEXT) {
        p = xsi_mend_bytes(s->m, item->at + V2_RHDR_SIZE, (size_t)have - V2_RHDR_SIZE);
        if (!p)
            return false;
        x86_hvm_check(p, (size_t)have - V2_RHDR_SIZE, (size_t)have - V2_RHDR_SIZE, &sum);
        *n = (uint32_t)sum.end_at;
        return sum.end_seen;
    }
    if (item->type == V2_VCPU_EXTENDED && /* the context states its size */
        xsi_mend_read(s->m, item->at + V2_RHDR_SIZE + V2_VHDR + 4, count, sizeof(count))) {
        *n = xsi_le32(count) <= PARAMS_MOST ? V2_VHDR + xsi_le32(count) : 0;
        return *n > V2_VHDR && v2_size_ok(item->type, *n) && v2_span(*n) <= have;
    }
    if (item->type == V2_HVM_PARAMS && have >= V2_RHDR_SIZE + 4 &&
        xsi_mend_read(s->m, item->at + V2_RHDR_SIZE, count, sizeof(count))) {
        *n = xsi_le32(count) <= PARAMS_MOST ? 8 + V2_PARAM * xsi_le32(count) : 0;
        return *n && v2_span(*n) <= have;
    }
    *n = rule->min;
    return rule->min && rule->min == rule->max && v2_span(rule->min) <= have;
}

void v2_drop_few(struct v2_site *s, uint64_t at, uint64_t n)
{
    xsi_mend_splice(s->m, at, n, NULL, 0,
                    "drop %" PRIu64 " bytes at 0x%" PRIx64 " in front of a record", n, at);
    xsi_mend_guess(s->m,
                   "that the %" PRIu64 " bytes at 0x%" PRIx64 " were inserted, and are not "
                   "what is left of a record",
                   n, at);
    if (n >= V2_BATCH_HEAD && !(s->types & V2_BIT(V2_TSC_INFO)))
        xsi_mend_loses(s->m, "%s, if the bytes were X86_TSC_INFO", v2_worth[V2_TSC_INFO]);
    xsi_mend_keep(s->m, "inserted", at, n);
}

int v2_rebuild_record(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    uint32_t type, body;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &item) || !item.gap)
        return 0;
    if (item.type & V2_OPTIONAL && (item.type & ~V2_OPTIONAL) < 0x100 &&
        v2_span(item.body) == item.length) {
        xsi_mend_splice(m, item.at, item.length, NULL, 0,
                        "drop the optional record at 0x%" PRIx64 ", which readers only skip",
                        item.at);
        xsi_mend_keep(m, "record", item.at, item.length);
        return 0;
    }
    if (v2_reckon(&s, item.at, item.at + item.length, &type, &body))
        return v2_set_head(&s, &item, type, body);
    if (v2_own_length(&s, &item, &body))
        return v2_set_head(&s, &item, item.type, body);
    if (v2_find_inside(&s, &item, &type, &body))
        return v2_set_head(&s, &item, type, body);
    if (item.type && item.type < V2_RECORDS && !v2_rules[item.type].max &&
        item.length == V2_RHDR_SIZE) /* of a record without a body, the length */
        return v2_set_head(&s, &item, item.type, 0);
    /* bytes that were inserted between two records: 4 of them shift what follows */
    if (item.length < V2_BATCH_HEAD || v2_shift(&s, &item) == item.length) {
        v2_drop_few(&s, item.at, item.length);
        return 0;
    }
    if (v2_rebuild_list(&s, &item))
        return 0;
    xsi_mend_refuse(m,
                    "the %" PRIu64 " bytes at 0x%" PRIx64 " are no record by any single change "
                    "of type or length; v2-fill-lost gives them up and names the frames",
                    item.length, item.at);
    return 0;
}

/* ---- bodies of a wrong size ---- */

enum { SHARED_FIELDS = 3136 }; /* where the fields end: 4.22:xen.h:shared_info, 64 bits */

/* Bytes beyond what a record of the type can have are cut off. */
static void cut_body(struct v2_site *s, const struct v2_item *item, uint32_t n)
{
    const uint8_t *p = v2_site_body(s, item);

    if (!p)
        return;
    v2_replace(s, item, p, n, "cut the record to the length that its type has");
    xsi_mend_guess(s->m,
                   "that the last %" PRIu32 " bytes of %s at 0x%" PRIx64 " do not belong to "
                   "it",
                   item->body - n, v2_name(item->type), item->at);
    for (uint32_t i = n; i < item->body; i++)
        if (p[i]) {
            xsi_mend_keep(s->m, "record", item->at, item->length);
            break;
        }
}

/* The next shorter length that a type can have; 0 none. */
static uint32_t shorter(const struct v2_site *s, const struct v2_item *item)
{
    const struct v2_rule *r = &v2_rules[item->type];
    uint32_t n = item->body > r->max ? r->max : item->body;

    if (item->type == V2_VCPU_BASIC && s->width)
        n = V2_VHDR + (s->width == 8 ? 5168 : 2800);
    if (r->step && n >= r->base)
        n -= (n - r->base) % r->step;
    return n >= r->min && n < item->body && v2_size_ok(item->type, n) ? n : 0;
}

static int fix_params(struct v2_site *s, const struct v2_item *item)
{
    uint32_t n = (item->body - 8) / V2_PARAM;
    uint8_t count[4];

    if (item->body < 8 || (item->body - 8) % V2_PARAM ||
        !xsi_mend_read(s->m, item->at + V2_RHDR_SIZE, count, 4))
        return 1;
    if (xsi_le32(count) != n)
        v2_put32(s, item->at + V2_RHDR_SIZE, n, "count of HVM_PARAMS by the record's length");
    return 0;
}

/* Nothing stands in the last part of SHARED_INFO. */
static int pad_shared(struct v2_site *s, const struct v2_item *item)
{
    uint8_t page[XSI_PAGE_SIZE] = { 0 };

    if (!xsi_mend_read(s->m, item->at + V2_RHDR_SIZE, page, item->body))
        return 0;
    v2_replace(s, item, page, sizeof(page), "fill SHARED_INFO up to a page");
    xsi_mend_guess(s->m,
                   "that the %" PRIu32 " missing bytes stood at the end of SHARED_INFO, "
                   "which holds nothing",
                   XSI_PAGE_SIZE - item->body);
    return 0;
}

static int fix_size(struct v2_site *s, const struct v2_item *item)
{
    const struct v2_rule *r = item->type < V2_RECORDS ? &v2_rules[item->type] : NULL;
    uint32_t twin = v2_twin(s, item), n, shift;
    uint8_t params[V2_PARAMS_ROOM];

    if (!r)
        return 0;
    if (!r->max && item->body && v2_stands_at(s, item->at + V2_RHDR_SIZE))
        return v2_set_head(s, item, item->type, 0);
    if (!r->max && item->body && (shift = v2_shift(s, item))) {
        v2_drop_few(s, item->at, shift);
        return 0;
    }
    if (twin < V2_RECORDS && !v2_size_ok(item->type, item->body))
        return v2_set_head(s, item, twin, item->body);
    if (item->type == V2_HVM_PARAMS && !fix_params(s, item))
        return 0;
    if (r->min == r->max && v2_span(r->min) == item->length)
        return v2_set_head(s, item, item->type, r->min);
    if (item->type == V2_SHARED_INFO && item->body >= SHARED_FIELDS && item->body < XSI_PAGE_SIZE)
        return pad_shared(s, item);
    n = shorter(s, item);
    if (item->type == V2_CPUID_POLICY || item->type == V2_MSR_POLICY)
        return v2_drop_policies(s->m);
    if (n && v2_stands_at(s, item->at + v2_span(n)))
        return v2_set_head(s, item, item->type, n);
    if (n) {
        cut_body(s, item, n);
        return 0;
    }
    if (item->type == V2_HVM_PARAMS) {
        v2_replace(s, item, params, v2_usual_params(s, params), "usual HVM_PARAMS");
        xsi_mend_loses(s->m, "%s", v2_worth[V2_HVM_PARAMS]);
        return 0;
    }
    if (item->type == V2_END) {
        v2_replace(s, item, NULL, 0, "END without a body");
        xsi_mend_loses(s->m, "%" PRIu32 " bytes behind END", item->body);
        xsi_mend_keep(s->m, "record", item->at, item->length);
        return 0;
    }
    if (v2_is_vital(s, item) || item->type == V2_VCPU_BASIC || item->type == V2_P2M_FRAMES ||
        (item->type == V2_PAGE_DATA && item->body >= 16)) {
        xsi_mend_refuse(s->m,
                        "%s at 0x%" PRIx64 " has %" PRIu32 " bytes, too few for its "
                        "contents: they are lost, and nothing here can replace them",
                        v2_name(item->type), item->at, item->body);
        return 0;
    }
    v2_drop(s, item, "too short for its contents");
    if (v2_worth[item->type] && item->type != V2_PAGE_DATA)
        xsi_mend_loses(s->m, "%s", v2_worth[item->type]);
    return 0;
}

int v2_fix_length(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    uint32_t type, body;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &item) || item.foreign)
        return 0;
    if (item.gap) {
        if (v2_own_length(&s, &item, &body) && body != item.body)
            return v2_set_head(&s, &item, item.type, body);
        if (v2_reckon(&s, item.at, item.at + item.length, &type, &body))
            return v2_set_head(&s, &item, type, body);
        return v2_rebuild_record(m);
    }
    if (item.cut)
        return v2_append_end(m); /* where the last record is looked at */
    if (item.type == V2_PAGE_DATA && item.body >= 16)
        return v2_fix_count(m);
    return fix_size(&s, &item);
}

/* The count under which entries and length agree: both sides grow with it, so there is one. */
static uint32_t count_by_length(struct v2_site *s, const struct v2_item *item)
{
    uint64_t need = 8;
    uint32_t most = (item->body - 8) / 8 < V2_BATCH_MAX ? (item->body - 8) / 8 : V2_BATCH_MAX;
    const uint8_t *p = xsi_mend_bytes(s->m, item->at + V2_BATCH_HEAD, 8 * (size_t)most);

    for (uint32_t i = 0; p && i < most; i++) {
        need += 8 + (v2_type_has_data((unsigned)(xsi_le64(p + 8 * (size_t)i) >> 60)) ? XSI_PAGE_SIZE
                                                                                     : 0);
        if (need == item->body)
            return i + 1;
    }
    return 0;
}

int v2_fix_count(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    struct v2_list list;
    uint32_t count, n;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &item))
        return 0;
    if (item.type == V2_HVM_PARAMS) {
        (void)fix_params(&s, &item);
        return 0;
    }
    if (item.type != V2_PAGE_DATA || item.body < 16 || v2_span(item.body) != item.length)
        return item.gap ? v2_rebuild_record(m) : 0;
    count = count_by_length(&s, &item);
    if (count && v2_list_read(&s, item.at, 0, &list) && count == list.count)
        return 0;
    if (count) {
        v2_put32(&s, item.at + V2_RHDR_SIZE, count, "count of PAGE_DATA by length and entries");
        return 0;
    }
    if (!v2_list_read(&s, item.at, 0, &list))
        return 0;
    n = v2_list_length(&list);
    if (n < item.body && item.body - n < XSI_PAGE_SIZE) { /* bytes behind the last page */
        xsi_mend_splice(m, item.at + V2_RHDR_SIZE + n, item.body - n, NULL, 0,
                        "cut %" PRIu32 " bytes behind the pages of a batch", item.body - n);
        v2_put32(&s, item.at + 4, n, "length of PAGE_DATA by count and entries");
        xsi_mend_guess(m, "that the bytes do not belong in front of the pages");
        return 0;
    }
    return v2_fix_page_type(m);
}

/* ---- order ---- */

/* A record that is needed at `at` and stands behind it. */
static bool bring(struct v2_site *s, uint32_t type, uint64_t at)
{
    struct v2_item item;
    const uint8_t *p;

    if (!v2_site_find(s, type, at, &item) || item.at <= at || !(p = v2_site_body(s, &item)))
        return false;
    v2_insert(s, at, type, p, item.body, "readers need it there");
    xsi_mend_splice(s->m, item.at, item.length, NULL, 0, "take %s out at 0x%" PRIx64, v2_name(type),
                    item.at);
    return true;
}

/* X86_PV_INFO follows from the width that registers have. */
static void make_info(struct v2_site *s, uint64_t at)
{
    uint8_t info[8] = { 0 };

    if (!s->width) {
        xsi_mend_refuse(s->m, "X86_PV_INFO is missing and no register record tells the width of "
                              "the guest");
        return;
    }
    info[0] = (uint8_t)s->width;
    info[1] = s->width == 8 ? 4 : 3;
    v2_insert(s, at, V2_PV_INFO, info, sizeof(info), "by the width of the registers");
}

int v2_reorder(struct xsi_mend *m)
{
    struct v2_site s, look;
    struct v2_item item;
    uint64_t first = UINT64_MAX;
    uint32_t type;

    if (!v2_site_open(&s, m) || s.kind == V2_HVM)
        return 0;
    if (v2_site_find(&s, V2_P2M_FRAMES, 0, &item))
        first = item.at;
    if (v2_site_find(&s, V2_SHARED_INFO, 0, &item) && item.at < first)
        first = item.at;
    look = s;
    v2_site_rewind(&s);
    while (!(s.types & V2_BIT(V2_PV_INFO)) && v2_site_next(&s, &item) && item.at < s.pages)
        if (v2_retyped(&look, &item, &type) && type == V2_PV_INFO) {
            v2_put_type(&s, &item, type); /* it is there */
            return 0;
        }
    if (first < UINT64_MAX && !(s.types & V2_BIT(V2_PV_INFO))) {
        make_info(&s, first < s.pages ? first : s.pages);
        return 0;
    }
    if (first < UINT64_MAX && v2_site_find(&s, V2_PV_INFO, 0, &item) && item.at > first) {
        (void)bring(&s, V2_PV_INFO, first);
        return 0;
    }
    if (s.pages < UINT64_MAX && !(s.types & V2_BIT(V2_P2M_FRAMES)))
        xsi_mend_refuse(m, "X86_PV_P2M_FRAMES is missing: the list of the guest's p2m frames "
                           "cannot be made up. xsdump --core saves the memory");
    else if (s.pages < UINT64_MAX && v2_site_find(&s, V2_P2M_FRAMES, 0, &item) && item.at > s.pages)
        (void)bring(&s, V2_P2M_FRAMES, s.pages);
    return 0;
}
