/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The header: extended info, TSC; and what is no matter of an edit. */
#include "recipe.h"

/* The first batch of a PV image's body, if that begins where a p2m_size lets its frame list end. */
static bool first_batch(const struct legacy_view *v, const struct xsi_map_row *list,
                        uint64_t p2m_size, struct legacy_batch *b)
{
    uint64_t per_frame = XSI_PAGE_SIZE / v->gw;
    uint64_t at = list->offset + (p2m_size + per_frame - 1) / per_frame * v->ul;

    for (unsigned chunks = 0; chunks < 8; chunks++) {
        const struct legacy_chunk_row *row = legacy_chunk_row((int32_t)legacy_word(v, at));
        uint64_t length = row ? legacy_fixed_length(row) : 0;

        if (!length)
            return legacy_batch_raw(v, at, b);
        at += length;
    }
    return false;
}

/* Are the entries of a frame list that a p2m_size makes below it? A chunk that was taken for some
 * of them is not. */
static bool list_below(const struct legacy_view *v, const struct xsi_map_row *list,
                       uint64_t p2m_size)
{
    uint64_t per_frame = XSI_PAGE_SIZE / v->gw, n = (p2m_size + per_frame - 1) / per_frame;
    const uint8_t *p = xsi_mend_bytes(v->m, list->offset, (size_t)(n * v->ul));
    struct xsi_cursor c = { p, (size_t)(n * v->ul), false, false };

    while (p && n && xsi_ul(&c, v->ul) < p2m_size)
        n--;
    return p && !n;
}

/* Does the body begin there: a batch whose frames are all below p2m_size as those of the list are,
 * and a chunk behind it? */
static bool body_here(const struct legacy_view *v, const struct xsi_map_row *list,
                      uint64_t p2m_size)
{
    struct legacy_batch b;
    uint32_t next;

    if (!first_batch(v, list, p2m_size, &b))
        return false;
    for (unsigned i = 0; i < b.count; i++) {
        unsigned type = legacy_entry_type(b.entry[i]);

        if ((type >= 5 && type <= 7) || b.entry[i] > UINT32_MAX ||
            (type != LEGACY_XTAB && legacy_entry_pfn(b.entry[i]) >= p2m_size))
            return false;
    }
    next = legacy_word(v, b.at + b.length);
    return (next <= LEGACY_BATCH_MAX || legacy_chunk_row((int32_t)next)) &&
           list_below(v, list, p2m_size);
}

static const struct xsi_map_row *frame_list(const struct legacy_view *v)
{
    for (size_t i = v->first; v->pv && i < v->behind; i++)
        if (legacy_is(&v->row[i], PART_P2M_FRAME_LIST))
            return &v->row[i];
    return NULL;
}

/*
 * The length of a PV image's frame list follows from p2m_size. When no body begins behind the list,
 * but one does when one bit of p2m_size is another, that bit is wrong.
 */
static bool body_tells(const struct legacy_view *v, uint64_t says, uint64_t *right)
{
    const struct xsi_map_row *list = frame_list(v);
    unsigned found = 0;

    if (!list || body_here(v, list, says))
        return false;
    for (unsigned bit = 0; bit < 8 * v->ul; bit++) {
        uint64_t other = says ^ (1ULL << bit);

        if (!other || other >= LEGACY_P2M_MAX || !body_here(v, list, other))
            continue;
        *right = other;
        found++;
    }
    return found == 1;
}

static void put_p2m_size(const struct legacy_view *v, uint64_t right, uint64_t says)
{
    uint8_t raw[8];

    xsi_mend_splice(v->m, v->row[v->first].offset, v->ul, raw, legacy_put_ul(v, raw, right),
                    "make p2m_size 0x%" PRIx64 " (was 0x%" PRIx64 ")", right, says);
}

bool legacy_p2m_size_wrong(const struct legacy_view *v)
{
    const struct xsi_map_row *list = frame_list(v);
    struct legacy_batch b;
    uint64_t says, right;
    uint8_t raw[8] = { 0 };

    if (!list || !legacy_is(&v->row[v->first], PART_P2M_SIZE) ||
        !xsi_mend_read(v->m, v->row[v->first].offset, raw, v->ul))
        return false;
    says = xsi_le64(raw);
    if (body_tells(v, says, &right)) {
        put_p2m_size(v, right, says);
        xsi_mend_guess(v->m, "that one bit of the number is wrong: so the pages begin right "
                             "behind the frame list, and all their frames are below it");
        return true;
    }
    return first_batch(v, list, says, &b) && legacy_raise_p2m_size(v, &b);
}

/* The first word of the stream. */
int legacy_fix_p2m_size(struct xsi_mend *m)
{
    uint64_t says = 0, right, highest = 0;
    uint8_t raw[8] = { 0 };
    struct legacy_view v;
    char still[200];

    if (!legacy_view(m, &v) || !legacy_is(&v.row[v.first], PART_P2M_SIZE) ||
        !xsi_mend_read(m, v.row[v.first].offset, raw, v.ul))
        return 0;
    says = xsi_le64(raw);
    for (size_t i = v.first; i < v.behind; i++)
        if (legacy_is(&v.row[i], PART_PAGES) && v.row[i].pages && v.row[i].last_pfn > highest)
            highest = v.row[i].last_pfn;
    right = says & (LEGACY_P2M_MAX - 1);
    if (legacy_p2m_size_wrong(&v) || (!xsi_mend_finding(m) && !xsi_mend_asked(m)))
        return 0;
    if (!says && highest) {
        right = highest + 1;
        xsi_mend_guess(m, "that the guest ends behind the highest frame that has a page");
    } else if (right > highest && legacy_one_bit(says, right)) {
        xsi_mend_guess(m, "that one bit of the number is wrong");
    } else {
        xsi_mend_refuse(m,
                        "p2m_size is 0x%" PRIx64 ", and the right number of frames cannot be told; "
                        "%s",
                        says, legacy_still(&v, still, sizeof(still)));
        return 0;
    }
    put_p2m_size(&v, right, says);
    return 0;
}

static bool is_block(const struct xsi_map_row *row)
{
    return legacy_is(row, PART_EXT_VCPU) || legacy_is(row, PART_EXT_EXTV) ||
           legacy_is(row, PART_EXT_XCNT) || legacy_is(row, PART_EXT_BLOCK);
}

/* Id of a block that the dissector knew; NULL: another's. */
static const char *block_id(const struct xsi_map_row *row)
{
    return legacy_is(row, PART_EXT_VCPU)   ? "vcpu"
           : legacy_is(row, PART_EXT_EXTV) ? "extv"
           : legacy_is(row, PART_EXT_XCNT) ? "xcnt"
                                           : NULL;
}

/* Id and size of a block, as it was taken. */
static void fix_block(const struct legacy_view *v, const struct xsi_map_row *row)
{
    uint32_t size = htole32((uint32_t)row->length - 8);
    const char *id = block_id(row);

    if (!id || row->length < 8)
        return;
    if (legacy_word(v, row->offset) != xsi_le32(id))
        xsi_mend_splice(v->m, row->offset, 4, id, 4, "put the block id %s", id);
    if (legacy_word(v, row->offset + 4) != le32toh(size))
        xsi_mend_splice(v->m, row->offset + 4, 4, &size, 4,
                        "make the size of %s %" PRIu32 " (was %" PRIu32 ")", id, le32toh(size),
                        legacy_word(v, row->offset + 4));
}

/* Bytes of the blocks that stand at an offset, as far as they are known and have their lengths. */
static uint32_t blocks_at(const struct legacy_view *v, uint64_t at)
{
    static const struct {
        const char *id;
        uint32_t size;
    } blocks[] = {
        { "vcpu", LEGACY_VCPU32 }, { "vcpu", LEGACY_VCPU64 }, { "extv", 0 }, { "xcnt", 4 }
    };
    uint32_t total = 0;
    size_t i;

    do {
        for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
            if (legacy_word(v, at + total) == xsi_le32(blocks[i].id) &&
                legacy_word(v, at + total + 4) == blocks[i].size)
                break;
        total += i < sizeof(blocks) / sizeof(blocks[0]) ? 8 + blocks[i].size : 0;
    } while (i < sizeof(blocks) / sizeof(blocks[0]) && total < (64U << 10));
    return total;
}

/* The all-ones word that tells extended info from a frame list. */
static void fix_mark(const struct legacy_view *v, uint64_t at)
{
    static const uint8_t ones[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint8_t raw[8];

    if (xsi_mend_read(v->m, at, raw, v->ul) && memcmp(raw, ones, v->ul) != 0)
        xsi_mend_splice(v->m, at, v->ul, ones, v->ul, "put the mark of extended info, all ones");
}

int legacy_fix_extended_info(struct xsi_mend *m)
{
    const struct xsi_map_row *head;
    struct legacy_view v;
    uint32_t total = 0;

    if (!legacy_view(m, &v) || v.first + 1 >= v.behind)
        return 0;
    head = &v.row[v.first + 1];
    if (!legacy_is(head, PART_EXTENDED_INFO) || head->length != v.ul + 4U)
        return 0;
    fix_mark(&v, head->offset);
    for (size_t i = v.first + 2; i < v.behind && is_block(&v.row[i]); i++) {
        fix_block(&v, &v.row[i]);
        total += (uint32_t)v.row[i].length;
    }
    if (!total)
        total = blocks_at(&v, head->offset + head->length);
    if (!total || legacy_word(&v, head->offset + v.ul) == total)
        return 0;
    total = htole32(total);
    xsi_mend_splice(m, head->offset + v.ul, 4, &total, 4,
                    "make the total of the blocks %" PRIu32 " (was %" PRIu32 ")", le32toh(total),
                    legacy_word(&v, head->offset + v.ul));
    return 0;
}

/* The oldest PV images have none, and their readers take the guest's width for their own. */
int legacy_insert_extended_info(struct xsi_mend *m)
{
    const struct xsi_map_row *context = NULL;
    uint8_t info[8 + 12 + LEGACY_VCPU64], *p = info;
    struct legacy_view v;
    uint32_t size, total;

    if (!legacy_view(m, &v) || !v.pv || (!v.converts && !xsi_mend_asked(m)) ||
        v.first + 1 >= v.behind || legacy_is(&v.row[v.first + 1], PART_EXTENDED_INFO))
        return 0;
    for (size_t i = v.first; i < v.behind && !context; i++)
        if (legacy_is(&v.row[i], PART_VCPU_CONTEXT))
            context = &v.row[i];
    if (!context || (context->length != LEGACY_VCPU32 && context->length != LEGACY_VCPU64))
        return 0;
    size = htole32((uint32_t)context->length);
    total = htole32((uint32_t)context->length + 8);
    p += legacy_put_ul(&v, p, UINT64_MAX);
    memcpy(p, &total, 4);
    memcpy(p + 4, "vcpu", 4);
    memcpy(p + 8, &size, 4);
    p += 12;
    if (!xsi_mend_read(m, context->offset, p, (size_t)context->length))
        return 0;
    p += context->length;
    xsi_mend_splice(m, v.row[v.first + 1].offset, 0, info, (size_t)(p - info),
                    "insert extended info with the context of vCPU 0, as the tail has it");
    xsi_mend_guess(m, "that the guest is a %s-bit one with %s levels of page tables",
                   v.gw == 4 ? "32" : "64", v.gw == 4 ? "3" : "4");
    return 0;
}

int legacy_drop_block(struct xsi_mend *m)
{
    const struct xsi_map_row *head;
    struct legacy_view v;
    uint32_t total;
    size_t i;

    /* the legacy readers step over it */
    if (!legacy_view(m, &v) || (!v.converts && !xsi_mend_asked(m)))
        return 0;
    i = legacy_row_at(&v, xsi_mend_at(m));
    head = &v.row[v.first + 1];
    if (i >= v.behind || !legacy_is(&v.row[i], PART_EXT_BLOCK) ||
        !legacy_is(head, PART_EXTENDED_INFO))
        return 0;
    total = htole32(legacy_word(&v, head->offset + v.ul) - (uint32_t)v.row[i].length);
    xsi_mend_splice(m, head->offset + v.ul, 4, &total, 4, "extended info of %" PRIu32 " bytes",
                    le32toh(total));
    xsi_mend_splice(m, v.row[i].offset, v.row[i].length, NULL, 0,
                    "delete the unknown block at 0x%" PRIx64, v.row[i].offset);
    return 0;
}

int legacy_fix_tsc(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m);
    struct legacy_view v;
    uint32_t mode, right;

    if (!legacy_view(m, &v) || (mode = legacy_word(&v, at)) <= 3)
        return 0;
    right = legacy_one_bit(mode, mode & 3) ? mode & 3 : 0;
    xsi_mend_guess(m, right == (mode & 3) ? "that one bit of the mode is wrong"
                                          : "that the guest has the default mode");
    right = htole32(right);
    xsi_mend_splice(m, at, 4, &right, 4, "make the TSC mode %" PRIu32 " (was %" PRIu32 ")",
                    le32toh(right), mode);
    return 0;
}

int legacy_other_width(struct xsi_mend *m)
{
    struct legacy_view v;

    if (legacy_view(m, &v) && v.other_width)
        xsi_mend_refuse(
            m,
            "a %u-bit toolstack wrote this stream, and %s is a %u-bit one: every frame "
            "number has another width, which no edit changes; take %s%s, or restore it on "
            "a host with Xen 4.6 or later, which converts it (convert-legacy-stream)",
            v.ul * 8, v.reader->name, v.reader->bits, "a reader of the same width",
            v.ul == 4 ? " (/32)" : " (without /32)");
    return 0;
}
