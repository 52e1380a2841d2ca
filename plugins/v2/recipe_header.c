/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The headers, and what depends on their version: 4.22:xg_sr_restore.c:read_headers. */
#include <inttypes.h>

#include "model.h"
#include "recipe.h"
#include "../x86/x86.h"

enum { VERSION_AT = 12, OPTIONS_AT = 16, TYPE_AT = 24, SHIFT_AT = 28, MAJOR_AT = 32 };
enum { PLATFORM_INFO = 0xce, ARCH_CAPS = 0x10a };

static uint32_t version_of(const struct v2_site *s)
{
    return s->types & V2_BIT(V2_STATIC_DATA_END) ? 3 : 2;
}

uint32_t v2_kind_of(const struct v2_site *s)
{
    bool pv = s->types & V2_ONLY_PV, hvm = s->types & V2_ONLY_HVM;

    if (pv == hvm) /* both: the one whose processors' state is there */
        return s->types & V2_BIT(V2_HVM_CONTEXT)  ? V2_HVM
               : s->types & V2_BIT(V2_VCPU_BASIC) ? V2_PV
                                                  : 0;
    return pv ? V2_PV : V2_HVM;
}

/* One field of the headers, when it is not what it must be. */
static void field(const struct v2_site *s, unsigned at, const void *bytes, unsigned n,
                  const char *why)
{
    if (memcmp(s->head + at, bytes, n) != 0)
        xsi_mend_splice(s->m, s->base + at, n, bytes, n, "%s at 0x%" PRIx64, why, s->base + at);
}

static void fix_kind(const struct v2_site *s)
{
    uint32_t kind = v2_kind_of(s);
    uint8_t bytes[4];

    if (s->kind == kind)
        return;
    if (!kind && (s->kind == V2_PV || s->kind == V2_HVM))
        return;
    if (!kind) {
        xsi_mend_refuse(s->m, "the domain type in the header is damaged and no record tells "
                              "whether the guest is PV or HVM");
        return;
    }
    v2_store32(bytes, kind);
    field(s, TYPE_AT, bytes, 4, kind == V2_PV ? "domain type: PV" : "domain type: HVM");
}

int v2_fix_header(struct xsi_mend *m)
{
    static const uint8_t marker[] = { 255, 255, 255, 255, 255, 255, 255, 255 };
    static const uint8_t shift[] = { 12, 0 };
    struct v2_site s;
    uint8_t version[4] = { 0 }, options[2];

    if (!v2_site_open(&s, m) || !s.has_header)
        return 0;
    field(&s, 0, marker, sizeof(marker), "put the marker back");
    field(&s, 8, "XENF", 4, "put the id back");
    if (xsi_le32(s.head + VERSION_AT) != htobe32(2) &&
        xsi_le32(s.head + VERSION_AT) != htobe32(3)) {
        version[3] = (uint8_t)version_of(&s);
        field(&s, VERSION_AT, version, 4,
              version[3] == 3 ? "version 3, since STATIC_DATA_END is there"
                              : "version 2, since there is no STATIC_DATA_END");
    }
    options[0] = s.head[OPTIONS_AT];
    options[1] = (uint8_t)(s.head[OPTIONS_AT + 1] & ~1U);
    if (xsi_le32(s.head + TYPE_AT) <= 0xffff) /* what follows is little-endian */
        field(&s, OPTIONS_AT, options, 2, "clear the big-endian bit");
    fix_kind(&s);
    field(&s, SHIFT_AT, shift, sizeof(shift), "page shift 12");
    return 0;
}

/* The oldest release that can have written the stream; only logged by readers. */
static unsigned writer_of(struct v2_site *s, uint32_t version)
{
    unsigned low = version == 3 ? 414 : 406, high = version == 3 ? 422 : 413, from = low;
    struct x86_hvm_summary sum;
    struct v2_item item;
    const uint8_t *p;

    if (v2_site_find(s, V2_HVM_CONTEXT, 0, &item) && (p = v2_site_body(s, &item))) {
        x86_hvm_check(p, item.body, item.body, &sum);
        from = sum.from;
    }
    return from < low ? low : from > high ? high : from;
}

int v2_rebuild_header(struct xsi_mend *m)
{
    struct v2_site s;
    uint8_t head[V2_HEADERS] = { 0 };
    uint32_t version, kind;
    unsigned writer;

    if (!v2_site_open(&s, m) || s.has_header)
        return 0;
    kind = v2_kind_of(&s);
    if (!kind) {
        xsi_mend_refuse(m, "the headers are missing and no record tells whether the guest is PV "
                           "or HVM: X86_PV_INFO or HVM_CONTEXT would");
        return 0;
    }
    version = version_of(&s);
    writer = writer_of(&s, version);
    memset(head, 0xff, 8);
    memcpy(head + 8, "XENF", 4);
    head[VERSION_AT + 3] = (uint8_t)version;
    v2_store32(head + TYPE_AT, kind);
    head[SHIFT_AT] = 12;
    v2_store32(head + MAJOR_AT, writer / 100);
    v2_store32(head + MAJOR_AT + 4, writer % 100);
    xsi_mend_splice(m, s.base, 0, head, sizeof(head),
                    "insert image and domain header at 0x%" PRIx64 ": version %" PRIu32 ", %s",
                    s.base, version, kind == V2_PV ? "PV" : "HVM");
    xsi_mend_guess(m, "that Xen %u.%u wrote it, which readers only log", writer / 100,
                   writer % 100);
    return 0;
}

int v2_cut_front(struct xsi_mend *m)
{
    struct v2_site s;

    if (!v2_site_open(&s, m) || !s.has_header || s.rows[s.first].offset == s.base)
        return 0;
    xsi_mend_keep(m, "front", s.rows[s.first].offset, s.base - s.rows[s.first].offset);
    xsi_mend_splice(m, s.rows[s.first].offset, s.base - s.rows[s.first].offset, NULL, 0,
                    "cut the bytes in front of the image header, 0x%" PRIx64 " to 0x%" PRIx64,
                    s.rows[s.first].offset, s.base);
    return 0;
}

/* ---- reserved bits and padding ---- */

static void zero(struct v2_site *s, uint64_t at, size_t n, const char *what)
{
    static const uint8_t zeros[16];
    uint8_t old[16];

    if (n > sizeof(old) || !xsi_mend_read(s->m, at, old, n) || !memcmp(old, zeros, n))
        return;
    xsi_mend_splice(s->m, at, n, zeros, n, "clear %s at 0x%" PRIx64, what, at);
}

static void clear_entries(struct v2_site *s, const struct v2_item *item)
{
    struct v2_list list;

    if (!v2_list_read(s, item->at, 0, &list))
        return;
    for (uint32_t i = 0; i < list.count; i++) {
        uint64_t entry = xsi_le64(list.entry + 8 * (size_t)i);

        if (entry & V2_RESERVED_MASK)
            v2_put64(s, item->at + V2_BATCH_HEAD + 8 * (uint64_t)i, entry & ~V2_RESERVED_MASK,
                     "clear reserved bits of a page entry");
    }
}

/* Reserved words of a body: 4.22:xg_sr_stream_format.h. */
static void clear_body(struct v2_site *s, const struct v2_item *item)
{
    uint64_t body = item->at + V2_RHDR_SIZE;

    switch (item->type) {
    case V2_PAGE_DATA:
        zero(s, body + 4, 4, "the reserved word of PAGE_DATA");
        clear_entries(s, item);
        break;
    case V2_PV_INFO:
        zero(s, body + 2, 6, "reserved bytes of X86_PV_INFO");
        break;
    case V2_VCPU_BASIC:
    case V2_VCPU_EXTENDED:
    case V2_VCPU_XSAVE:
    case V2_VCPU_MSRS:
    case V2_HVM_PARAMS:
        zero(s, body + 4, 4, "a reserved word");
        break;
    case V2_TSC_INFO:
        zero(s, body + 20, 4, "the reserved word of X86_TSC_INFO");
        break;
    default:
        break;
    }
}

int v2_clear_reserved(struct xsi_mend *m)
{
    struct v2_site s;
    struct v2_item item;
    uint8_t options[2] = { 0, 0 };

    if (!v2_site_open(&s, m))
        return 0;
    if (s.has_header) {
        options[1] = s.head[OPTIONS_AT + 1] & 1;
        field(&s, OPTIONS_AT, options, 2, "clear unused option bits");
        zero(&s, s.base + 18, 6, "reserved bytes of the image header");
        zero(&s, s.base + 30, 2, "the reserved word of the domain header");
    }
    v2_site_rewind(&s);
    while (v2_site_next(&s, &item)) {
        if (item.gap || item.cut || item.foreign || item.length < V2_RHDR_SIZE)
            continue;
        if (v2_span(item.body) == item.length && item.body % 8)
            zero(&s, item.at + V2_RHDR_SIZE + item.body, 8 - item.body % 8, "padding");
        if (item.body >= 8)
            clear_body(&s, &item);
    }
    return 0;
}

/* ---- version 3 and 2 ---- */

void v2_drop_static(struct v2_site *s)
{
    struct v2_item item;
    unsigned policies = 0;

    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        bool policy = item.type == V2_CPUID_POLICY || item.type == V2_MSR_POLICY;

        if (item.gap || item.foreign || !(policy || item.type == V2_STATIC_DATA_END))
            continue;
        v2_drop(s, &item, "readers up to 4.13 refuse it");
        policies += policy;
    }
    if (policies)
        xsi_mend_loses(s->m, "the stored CPUID and MSR policy; xl and libvirt make one from the "
                             "configuration, as for every image of Xen 4.13 and older");
}

int v2_downgrade(struct xsi_mend *m)
{
    static const uint8_t two[] = { 0, 0, 0, 2 };
    struct v2_site s;

    if (!v2_site_open(&s, m) || !s.has_header || s.version == 2)
        return 0;
    if (!xsi_mend_asked(m) && (!s.release || s.release >= V2_NEEDS_V3))
        return 0;
    field(&s, VERSION_AT, two, sizeof(two), "image version 2");
    v2_drop_static(&s);
    return 0;
}

int v2_upgrade(struct xsi_mend *m)
{
    static const uint8_t three[] = { 0, 0, 0, 3 };
    struct v2_item item;
    struct v2_site s;
    uint64_t at;

    if (!v2_site_open(&s, m) || !s.has_header || s.version == 3)
        return 0;
    if (!(s.types & V2_BIT(V2_STATIC_DATA_END))) {
        at = s.pages;
        if (v2_site_find(&s, V2_P2M_FRAMES, 0, &item) && item.at < at)
            at = item.at;
        if (at == UINT64_MAX)
            at = s.end_at;
        if (at == UINT64_MAX) {
            xsi_mend_refuse(m, "the stream has neither pages nor END: there is no place for "
                               "STATIC_DATA_END");
            return 0;
        }
        v2_insert(&s, at, V2_STATIC_DATA_END, NULL, 0, "version 3 wants it");
    }
    field(&s, VERSION_AT, three, sizeof(three), "image version 3");
    return 0;
}

/* ---- static data ---- */

/* The mark stands behind the pages: move it. Its old place becomes one that readers skip. */
static void take_late(struct v2_site *s, uint64_t from)
{
    struct v2_item late;

    if (v2_site_find(s, V2_STATIC_DATA_END, from, &late))
        v2_drop(s, &late, "it came too late");
}

int v2_insert_static_end(struct xsi_mend *m)
{
    static const uint8_t two[] = { 0, 0, 0, 2 };
    struct v2_site s;
    struct v2_item item;
    uint64_t at;

    if (!v2_site_open(&s, m))
        return 0;
    at = s.pages;
    if (v2_site_find(&s, V2_P2M_FRAMES, 0, &item) && item.at < at)
        at = item.at;
    if (at == UINT64_MAX)
        at = s.end_at;
    if (at == UINT64_MAX || s.version != 3)
        return 0;
    if (v2_site_find(&s, V2_STATIC_DATA_END, 0, &item) && item.at < at)
        return 0;
    take_late(&s, at);
    if (v2_site_fixed(&s, s.base)) {
        /* 4.14 to 4.22:xg_sr_restore.c:handle_page_data infers the mark in version 2 */
        field(&s, VERSION_AT, two, sizeof(two),
              "image version 2, which does without STATIC_DATA_END, so that no page moves");
        return 0;
    }
    v2_insert(&s, at, V2_STATIC_DATA_END, NULL, 0, "version 3 wants it in front of the memory");
    return 0;
}

/* An odd policy is no reason to drop it when the reader fails over something else. */
static bool is_about_policies(const struct xsi_mend *m)
{
    const struct xsi_verdict *v = xsi_mend_verdict(m);

    for (size_t i = 0; v && i < v->finding_count; i++)
        if (v->findings[i].row == &v2_findings[V2_V79] ||
            v->findings[i].row == &v2_findings[V2_V80] ||
            v->findings[i].row == &v2_findings[V2_V16])
            return true;
    return !v || xsi_mend_asked(m);
}

int v2_drop_policies(struct xsi_mend *m)
{
    struct v2_item item;
    struct v2_site s;
    bool any = false;

    if (!v2_site_open(&s, m) || !is_about_policies(m))
        return 0;
    v2_site_rewind(&s);
    while (v2_site_next(&s, &item))
        if (!item.gap && !item.foreign &&
            (item.type == V2_CPUID_POLICY || item.type == V2_MSR_POLICY)) {
            v2_drop(&s, &item, "the toolstack makes it anew");
            any = true;
        }
    if (any)
        xsi_mend_loses(m, "the stored CPUID and MSR policy; xl and libvirt make one from the "
                          "configuration (v2-trim-policies keeps what the reader can store)");
    return 0;
}

/* Leaves that fit; those that state a highest one no longer state more than there are. */
static uint32_t trim_leaves(const struct v2_reader *own, const uint8_t *p, uint32_t n, uint8_t *out)
{
    uint32_t basic = 0, sub = 0, extended = 0x80000000U, length = 0;

    for (uint32_t i = 0; i + V2_LEAF <= n; i += V2_LEAF) {
        uint32_t leaf = xsi_le32(p + i), subleaf = xsi_le32(p + i + 4);

        if (!v2_leaf_storable(own, leaf, subleaf))
            continue;
        if (leaf < 0x40000000 && leaf > basic)
            basic = leaf;
        if (leaf == 7 && subleaf > sub)
            sub = subleaf;
        if (leaf > extended)
            extended = leaf;
        memcpy(out + length, p + i, V2_LEAF);
        length += V2_LEAF;
    }
    for (uint32_t i = 0; i < length; i += V2_LEAF) {
        uint32_t leaf = xsi_le32(out + i);
        uint32_t most = !leaf ? basic : leaf == 7 ? sub : extended;

        if ((!leaf || leaf == 0x80000000U || (leaf == 7 && !xsi_le32(out + i + 4))) &&
            xsi_le32(out + i + 8) > most)
            v2_store32(out + i + 8, most);
    }
    return length;
}

/* PLATFORM_INFO, and from 4.14.1 on ARCH_CAPABILITIES, each once. */
static uint32_t trim_msrs(const struct v2_reader *own, const uint8_t *p, uint32_t n, uint8_t *out)
{
    bool seen[2] = { false, false };
    uint32_t length = 0;

    for (uint32_t i = 0; i + V2_MSR <= n; i += V2_MSR) {
        uint32_t index = xsi_le32(p + i);
        unsigned which = index == PLATFORM_INFO ? 0 : 1;

        if (xsi_le32(p + i + 4) || (which && (index != ARCH_CAPS || own->msr_max < 2)) ||
            seen[which] || (!which && xsi_le64(p + i + 8) >> 32))
            continue;
        seen[which] = true;
        memcpy(out + length, p + i, V2_MSR);
        length += V2_MSR;
    }
    return length;
}

int v2_trim_policies(struct xsi_mend *m)
{
    static const uint32_t kinds[] = { V2_CPUID_POLICY, V2_MSR_POLICY };
    const struct v2_reader *own = v2_own(m);
    struct v2_site s;
    struct v2_item item;
    uint32_t n;

    if (!own || own->version_max < 3 || !v2_site_open(&s, m))
        return 0;
    for (unsigned k = 0; k < 2; k++) {
        const uint8_t *p;
        uint8_t *out;

        if (!v2_site_find(&s, kinds[k], 0, &item) || !(p = v2_site_body(&s, &item)) ||
            !(out = xsi_mend_scratch(m, item.body ? item.body : 1)))
            continue;
        n = k ? trim_msrs(own, p, item.body, out) : trim_leaves(own, p, item.body, out);
        if (!n) {
            v2_drop(&s, &item, "nothing in it that the reader stores");
            xsi_mend_loses(m, "%s", v2_name(item.type));
        } else if (n != item.body || memcmp(p, out, n) != 0) {
            v2_replace(&s, &item, out, n,
                       k ? "keep the MSRs that the reader stores"
                         : "keep the CPUID leaves that the reader stores");
            xsi_mend_guess(m, "that the guest does without the %s that the reader cannot store",
                           k ? "MSRs" : "CPUID leaves");
        }
    }
    return 0;
}
