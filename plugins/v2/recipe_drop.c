/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records that are dropped: which one, and what goes with it. */
#include <inttypes.h>

#include "recipe.h"

enum { AHEAD = 4 }; /* items behind an early END that can be its body */

/* What goes with a record of a type; NULL: nothing that a guest has. */
const char *const v2_worth[V2_RECORDS] = {
    [V2_PAGE_DATA] = "the pages of a batch",
    [V2_P2M_FRAMES] = "the list of p2m frames",
    [V2_VCPU_BASIC] = "the registers of a vCPU",
    [V2_VCPU_EXTENDED] = "system-call entry points of a vCPU",
    [V2_VCPU_XSAVE] = "the extended processor state of a vCPU",
    [V2_VCPU_MSRS] = "model-specific registers of a vCPU",
    [V2_SHARED_INFO] = "shared info: pending events and the time of vCPUs",
    [V2_TSC_INFO] = "mode and frequency of the time stamp counter",
    [V2_HVM_CONTEXT] = "the state of processors and devices",
    [V2_HVM_PARAMS] = "HVM parameters",
    [V2_TOOLSTACK] = "the device model's list of memory regions, which libxl has carried itself "
                     "since 4.6",
    [V2_CPUID_POLICY] = "the stored CPUID policy; xl and libvirt make one from the configuration",
    [V2_MSR_POLICY] = "the stored MSR policy; xl and libvirt make one from the configuration",
};

/* Two records of one type with the same body. */
static bool same(struct v2_site *s, const struct v2_item *a, const struct v2_item *b)
{
    const uint8_t *p, *q;

    if (a->body != b->body)
        return false;
    p = v2_site_body(s, a);
    q = v2_site_body(s, b);
    return p && q && !memcmp(p, q, a->body);
}

static bool is_vcpu(uint32_t type)
{
    return type == V2_VCPU_BASIC || type == V2_VCPU_EXTENDED || type == V2_VCPU_XSAVE ||
           type == V2_VCPU_MSRS;
}

/* Of two records readers use the last one: the one in front is not needed. */
static bool drop_superseded(struct v2_site *s, const struct v2_item *item)
{
    struct v2_item first;
    uint8_t a[4], b[4];

    if (!v2_site_find_last(s, item->type, item->at, &first))
        return false;
    if (is_vcpu(item->type) &&
        (!xsi_mend_read(s->m, item->at + V2_RHDR_SIZE, a, 4) ||
         !xsi_mend_read(s->m, first.at + V2_RHDR_SIZE, b, 4) || memcmp(a, b, 4) != 0))
        return false;
    v2_drop(s, &first, "a later one counts");
    return true;
}

/* All vCPU records without contents at once: 4.6 to 4.8 wrote one per vCPU. */
static void drop_empty(struct v2_site *s)
{
    struct v2_item item;

    v2_site_rewind(s);
    while (v2_site_next(s, &item))
        if (!item.gap && !item.foreign && is_vcpu(item.type) && item.body == V2_VHDR)
            v2_drop(s, &item, "it has no contents");
}

/* Not of a batch without pages, nor of what this kind of guest does not have. */
static void say_loss(struct v2_site *s, const struct v2_item *item)
{
    if (item->type & V2_OPTIONAL) {
        xsi_mend_keep(s->m, "record", item->at, item->length); /* nobody reads it */
    } else if (item->type >= V2_RECORDS) {
        xsi_mend_loses(s->m, "a record of the unknown type 0x%" PRIx32 ", %" PRIu32 " bytes",
                       item->type, item->body);
        xsi_mend_keep(s->m, "record", item->at, item->length);
    } else if (v2_worth[item->type] && item->body && item->type != V2_PAGE_DATA &&
               !(V2_BIT(item->type) & (s->kind == V2_PV ? V2_ONLY_HVM : V2_ONLY_PV))) {
        xsi_mend_loses(s->m, "%s", v2_worth[item->type]);
        xsi_mend_keep(s->m, "record", item->at, item->length);
    } else if (item->body > V2_VHDR && item->type != V2_PAGE_DATA) {
        xsi_mend_guess(s->m,
                       "that %s at 0x%" PRIx64 ", which this kind of guest does not have, is "
                       "no other record with a damaged type",
                       v2_name(item->type), item->at);
        xsi_mend_keep(s->m, "record", item->at, item->length);
    }
}

static bool is_code(const struct xsi_mend *m, const char *code)
{
    const struct xsi_finding_row *row = xsi_mend_finding(m);

    return row && !strcmp(row->code, code);
}

/* A list that cannot be read, behind a damaged count, may have them. */
static bool has_pages(struct v2_site *s, const struct v2_item *item)
{
    struct v2_list list;

    return item->body >= 16 && (!v2_list_read(s, item->at, 0, &list) || list.pages ||
                                v2_list_length(&list) != item->body);
}

/* Dropping this would take what a guest cannot do without. */
bool v2_is_vital(struct v2_site *s, const struct v2_item *item)
{
    static const uint32_t vital = V2_BIT(V2_PAGE_DATA) | V2_BIT(V2_P2M_FRAMES) |
                                  V2_BIT(V2_VCPU_BASIC) | V2_BIT(V2_HVM_CONTEXT);

    if (item->type >= V2_RECORDS || !(vital & V2_BIT(item->type)) || xsi_mend_asked(s->m))
        return false;
    if (item->type == V2_PAGE_DATA)
        return has_pages(s, item);
    return item->body > V2_VHDR;
}

/* Zeros that are taken for END may be a record's header: then what follows is its body. */
static bool take_for_record(struct v2_site *s, const struct v2_item *end)
{
    struct v2_item item = *end;
    struct v2_site look = *s;
    uint32_t type, body;

    for (unsigned i = 0; i < AHEAD && v2_site_next(s, &item); i++)
        if (item.at + item.length - end->at > V2_BATCH_HEAD &&
            v2_reckon(&look, end->at, item.at + item.length, &type, &body) &&
            !(s->types & V2_BIT(type))) {
            item = *end;
            v2_set_head(s, &item, type, body);
            return true;
        }
    return false;
}

int v2_drop_record(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item, other;
    uint32_t type;

    if (!v2_site_open(&s, m) || !v2_site_at(&s, xsi_mend_at(m), &item) || item.gap ||
        item.foreign || item.cut)
        return 0;
    if (!xsi_mend_asked(m) && v2_retyped(&s, &item, &type)) {
        v2_put_type(&s, &item, type);
        return 0;
    }
    if (item.type == V2_END && is_code(m, "XS-V65") && take_for_record(&s, &item))
        return 0;
    if (item.type == V2_END && !is_code(m, "XS-V65")) {
        xsi_mend_refuse(m, "END stays: readers need it");
        return 0;
    }
    if (is_code(m, "XS-V28") && drop_superseded(&s, &item))
        return 0;
    if (is_vcpu(item.type) && item.body == V2_VHDR) {
        drop_empty(&s);
        return 0;
    }
    if (item.type < V2_RECORDS && V2_ONLY_V3 & V2_BIT(item.type) && s.release &&
        s.release < V2_NEEDS_V3) {
        v2_drop_static(&s);
        return 0;
    }
    if (is_code(m, "XS-V14") && v2_kind_of(&s) && v2_kind_of(&s) != s.kind)
        return v2_fix_header(m); /* it is the header that is wrong */
    if (v2_is_vital(&s, &item)) {
        xsi_mend_refuse(m,
                        "dropping %s at 0x%" PRIx64 " would take %s; to do it all the same, ask "
                        "for v2-drop-record there",
                        v2_name(item.type), item.at, v2_worth[item.type]);
        return 0;
    }
    if (item.type == V2_PAGE_DATA && has_pages(&s, &item))
        xsi_mend_loses(m, "%s", v2_worth[item.type]);
    if (!(v2_site_find_last(&s, item.type, item.at, &other) && same(&s, &item, &other)))
        say_loss(&s, &item);
    v2_drop(&s, &item, item.type == V2_END ? "more records follow" : "readers refuse it");
    return 0;
}
