/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPUs: how many there are stands in VCPU_INFO and in the tail; and their xsave states. */
#include "recipe.h"

#define MAP_WORDS (LEGACY_VCPUS_MAX / 64)

struct vcpus {
    const struct xsi_map_row *row;
    uint32_t says;
    uint64_t map[MAP_WORDS];
    unsigned words, highest, count;
};

/* The VCPU_INFO that holds an offset, or is the last in front of it. */
static bool vcpu_info(const struct legacy_view *v, uint64_t at, struct vcpus *out)
{
    uint8_t raw[8 + 8 * MAP_WORDS];

    *out = (struct vcpus){ 0 };
    for (size_t i = v->first; i < v->behind && v->row[i].offset <= at; i++)
        if (legacy_mine(&v->row[i]) && v->row[i].has_id && v->row[i].id == LEGACY_ID_VCPUS)
            out->row = &v->row[i];
    if (!out->row || out->row->length < 16 || out->row->length > sizeof(raw) ||
        !xsi_mend_read(v->m, out->row->offset, raw, (size_t)out->row->length))
        return false;
    out->says = xsi_le32(raw + 4);
    out->words = (unsigned)(out->row->length - 8) / 8;
    for (unsigned i = 0; i < out->words; i++) {
        out->map[i] = xsi_le64(raw + 8 + 8 * (size_t)i);
        out->count += (unsigned)__builtin_popcountll(out->map[i]);
        if (out->map[i])
            out->highest = 64 * i + 63 - (unsigned)__builtin_clzll(out->map[i]);
    }
    return true;
}

/* vCPU records in the tail behind an offset. */
static unsigned records_behind(const struct legacy_view *v, uint64_t at)
{
    unsigned n = 0;

    for (size_t i = v->first; i < v->behind; i++) {
        if (v->row[i].offset < at)
            continue;
        if (n && !legacy_mine(&v->row[i]))
            break;
        n += legacy_is(&v->row[i], PART_VCPU_CONTEXT);
        if (legacy_is(&v->row[i], PART_SHARED_INFO))
            break;
    }
    return n;
}

static void put_highest(const struct legacy_view *v, const struct vcpus *c, unsigned records)
{
    uint32_t word = htole32(c->highest);

    xsi_mend_splice(v->m, c->row->offset + 4, 4, &word, 4,
                    "make the highest vCPU id %u (was %" PRId32 ")", c->highest, (int32_t)c->says);
    if (records != c->count && !legacy_one_bit(c->says, c->highest))
        xsi_mend_guess(v->m, "that the map is right: its highest vCPU is %u", c->highest);
}

int legacy_fix_vcpu_info(struct xsi_mend *m)
{
    struct legacy_view v;
    struct vcpus c;
    unsigned records;
    uint64_t word;

    if (!legacy_view(m, &v) || !vcpu_info(&v, xsi_mend_at(m), &c))
        return 0;
    records = records_behind(&v, c.row->offset);
    if (v.own && v.own->vcpus && c.highest >= v.own->vcpus) {
        xsi_mend_refuse(m,
                        "the guest has vCPU %u, and %s knows vCPUs 0 to %u only: take a reader "
                        "from 4.2 on",
                        c.highest, v.reader->name, v.own->vcpus - 1);
    } else if (!(c.map[0] & 1)) {
        uint64_t map = c.map[0] | 1, below = c.says < 64 ? map & (UINT64_MAX >> (63 - c.says)) : 0;
        bool moved =
            below && (unsigned)__builtin_popcountll(below) == records; /* 0 became another */

        word = htole64(moved ? below : map);
        xsi_mend_splice(m, c.row->offset + 8, 8, &word, 8,
                        "add vCPU 0 to the map of online vCPUs%s",
                        moved && below != map ? ", without those above the highest id" : "");
        if (!moved && records != c.count + 1)
            xsi_mend_guess(m, "that vCPU 0 is online, as in every guest");
    } else if (c.says / 64 >= c.words || !(c.map[c.says / 64] >> (c.says % 64) & 1)) {
        put_highest(&v, &c, records);
    } else if (c.says < c.highest) {
        word = htole64(c.map[c.says / 64] & (UINT64_MAX >> (63 - c.says % 64)));
        xsi_mend_splice(m, c.row->offset + 8 + 8 * (uint64_t)(c.says / 64), 8, &word, 8,
                        "take the vCPUs above %" PRIu32 " out of the map", c.says);
        if (!records)
            xsi_mend_guess(m, "that the highest id, %" PRIu32 ", is right", c.says);
    }
    return 0;
}

int legacy_insert_vcpu_info(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), map = 0, where = 0;
    uint8_t chunk[16] = { 0xfe, 0xff, 0xff, 0xff };
    struct legacy_view v;
    unsigned n = 0;
    uint32_t highest;

    if (!legacy_view(m, &v) || v.other_width || (v.own && v.own->ids > LEGACY_ID_VCPUS))
        return 0;
    for (size_t i = v.first; i < v.behind; i++) {
        if (legacy_in_body(&v.row[i]) && v.row[i].offset < at &&
            (v.row[i].id == LEGACY_ID_LAST || (legacy_is(&v.row[i], PART_END) && !where)))
            where = v.row[i].offset;
        if (legacy_is(&v.row[i], PART_VCPU_CONTEXT) && v.row[i].offset > at)
            n++;
        if (legacy_is(&v.row[i], PART_VCPU_EXTENDED) && v.row[i].offset > at &&
            legacy_word(&v, v.row[i].offset) < 64)
            map |= 1ULL << legacy_word(&v, v.row[i].offset);
    }
    if (!n || n > 64 || !where)
        return 0;
    if ((unsigned)__builtin_popcountll(map) != n || !(map & 1)) {
        xsi_mend_guess(m, "that the vCPUs are those from 0 to %u", n - 1);
        map = UINT64_MAX >> (64 - n);
    }
    highest = htole32(63 - (uint32_t)__builtin_clzll(map));
    map = htole64(map);
    memcpy(chunk + 4, &highest, 4);
    memcpy(chunk + 8, &map, 8);
    xsi_mend_splice(m, where, 0, chunk, sizeof(chunk),
                    "insert VCPU_INFO with the %u vCPUs that the tail has", n);
    return 0;
}

int legacy_fix_vcpu_number(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m);
    unsigned index = 0, vcpu = 0;
    struct legacy_view v;
    uint32_t word;
    struct vcpus c;
    size_t i;

    if (!legacy_view(m, &v))
        return 0;
    i = legacy_row_at(&v, at);
    if (i >= v.behind || !legacy_is(&v.row[i], PART_VCPU_EXTENDED))
        return 0;
    while (i-- > v.first && !legacy_is(&v.row[i], PART_UNMAPPED_PFNS))
        index += legacy_is(&v.row[i], PART_VCPU_EXTENDED);
    if (!vcpu_info(&v, at, &c))
        c = (struct vcpus){ .map = { 1 }, .words = 1 };
    if (!(c.map[0] & 1))
        return 0; /* no guest is without vCPU 0: it is the map that is wrong */
    for (; vcpu < 64 * c.words; vcpu++)
        if (c.map[vcpu / 64] >> (vcpu % 64) & 1 && !index--)
            break;
    if (vcpu == 64 * c.words)
        return 0;
    word = htole32(vcpu);
    xsi_mend_splice(m, at, 4, &word, 4, "make it vCPU %u's (was %" PRIu32 ")", vcpu,
                    legacy_word(&v, at));
    return 0;
}

/* ---------------------------------------------------------------- xsave ---- */

/* The xcnt block; NULL: none. */
static const struct xsi_map_row *xcnt_row(const struct legacy_view *v)
{
    for (size_t i = v->first; i < v->behind; i++)
        if (legacy_is(&v->row[i], PART_EXT_XCNT) && v->row[i].length == 12)
            return &v->row[i];
    return NULL;
}

int legacy_drop_xsave(struct xsi_mend *m)
{
    const struct xsi_map_row *xcnt, *head;
    struct legacy_view v;
    uint32_t total;

    if (!legacy_view(m, &v) || v.other_width || (v.own && v.own->quirks & QUIRK_XCNT) ||
        (!v.own && !xsi_mend_asked(m)) || !(xcnt = xcnt_row(&v)))
        return 0;
    head = &v.row[v.first + 1];
    if (!legacy_is(head, PART_EXTENDED_INFO) || head->length != v.ul + 4U)
        return 0;
    total = htole32(legacy_word(&v, head->offset + v.ul) - 12);
    xsi_mend_splice(m, head->offset + v.ul, 4, &total, 4, "extended info of %" PRIu32 " bytes",
                    le32toh(total));
    xsi_mend_splice(m, xcnt->offset, xcnt->length, NULL, 0, "delete the xcnt block at 0x%" PRIx64,
                    xcnt->offset);
    for (size_t i = v.first; i < v.behind; i++)
        if (legacy_is(&v.row[i], PART_VCPU_XSAVE))
            xsi_mend_splice(m, v.row[i].offset, v.row[i].length, NULL, 0,
                            "and the xsave state at 0x%" PRIx64, v.row[i].offset);
    xsi_mend_loses(m, "extended CPU state (AVX and later registers): programs that were using it "
                      "when the guest was saved may fail");
    return 0;
}

/* Make all blocks as long as the longest, and xcnt say so. */
static void even_out(const struct legacy_view *v, const struct xsi_map_row *xcnt)
{
    uint64_t longest = 0, n = 0;
    uint32_t word;

    for (size_t i = v->first; i < v->behind; i++)
        if (legacy_is(&v->row[i], PART_VCPU_XSAVE)) {
            longest = v->row[i].length > longest ? v->row[i].length : longest;
            n++;
        }
    if (!n || longest < 16 || longest > (64U << 10))
        return;
    word = htole32((uint32_t)longest);
    if (legacy_word(v, xcnt->offset + 8) != longest)
        xsi_mend_splice(v->m, xcnt->offset + 8, 4, &word, 4,
                        "make xcnt %" PRIu64 " (was %" PRIu32 ")", longest,
                        legacy_word(v, xcnt->offset + 8));
    for (size_t i = v->first; i < v->behind; i++) {
        const struct xsi_map_row *row = &v->row[i];
        uint64_t size = htole64(longest - 16);
        void *zeros;

        if (!legacy_is(row, PART_VCPU_XSAVE) || row->length == longest || row->length < 16)
            continue;
        zeros = xsi_mend_scratch(v->m, (size_t)(longest - row->length));
        if (!zeros)
            return;
        xsi_mend_splice(v->m, row->offset + 8, 8, &size, 8, "an xsave state of %" PRIu64 " bytes",
                        longest - 16);
        xsi_mend_splice(v->m, row->offset + row->length, 0, zeros, (size_t)(longest - row->length),
                        "with zeros at 0x%" PRIx64, row->offset + row->length);
        xsi_mend_guess(v->m, "that Xen takes an xsave state that is longer than the CPU needs");
    }
}

int legacy_fix_xsave(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m), size;
    const struct xsi_map_row *xcnt;
    struct legacy_view v;
    uint8_t raw[8];
    size_t i;

    if (!legacy_view(m, &v) || !(xcnt = xcnt_row(&v)))
        return 0;
    i = legacy_row_at(&v, at);
    if (i < v.behind && legacy_is(&v.row[i], PART_VCPU_XSAVE) && v.row[i].length >= 16 &&
        xsi_mend_read(m, v.row[i].offset + 8, raw, 8) && xsi_le64(raw) != v.row[i].length - 16) {
        size = htole64(v.row[i].length - 16);
        xsi_mend_splice(m, v.row[i].offset + 8, 8, &size, 8,
                        "make the size of the xsave state %" PRIu64 " (was %" PRIu64 ")",
                        v.row[i].length - 16, xsi_le64(raw));
        return 0;
    }
    even_out(&v, xcnt);
    return 0;
}
