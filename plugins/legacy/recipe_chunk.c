/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chunks that a reader does not know, or nobody does; and the zero count. */
#include "recipe.h"

#define GAP_MAX (1U << 20) /* longest stretch that is taken for one unknown chunk */
#define ID_FAR  256        /* ids that a vendor may have made up lie above its negative */

/* What goes with a chunk, by id; those without a row hold nothing that an older host could use. */
static const struct {
    const char *loses;
    const char *refuse;
} drops[] = {
    [2] = { NULL, "without VCPU_INFO nobody knows how many vCPUs the tail has" },
    /* words are few: the losses of all chunks stand in one line (struct xsi_planned, loses) */
    [5] = { "tmem pages (what the guest swapped to them)", NULL },
    [6] = { "tmem's list of dropped pages", NULL },
    [7] = { "TSC mode and offset (the clock may jump)", NULL },
    [8] = { "PV console", NULL },
    [10] = { "ACPI ports (power button, sleep, timer may fail)", NULL },
    [11] = { "Viridian (Windows may stop)", NULL },
    [12] = { NULL, "the pages of a compressed checkpoint are in it" },
    [14] = { "VM generation id", NULL },
    [18] = { "QEMU's physmap", NULL },
    [21] = { "x87 pointer width", NULL },
};

static const char *loss(const struct legacy_view *v, const struct xsi_map_row *row)
{
    size_t n = (size_t)-row->id;

    if (row->id == -18 && row->length == 16)
        return NULL; /* xl's for a guest without a physmap */
    if (row->id == -14 && v->own && v->own->quirks & QUIRK_GENID)
        return NULL;
    return n < sizeof(drops) / sizeof(drops[0]) ? drops[n].loses : NULL;
}

/* A chunk without which the image is useless: says why. */
static bool must_stay(const struct legacy_view *v, const struct xsi_map_row *row)
{
    size_t n = (size_t)-row->id;

    if (n >= sizeof(drops) / sizeof(drops[0]) || !drops[n].refuse)
        return false;
    xsi_mend_refuse(v->m, "%s at 0x%" PRIx64 " cannot be dropped: %s", row->type, row->offset,
                    drops[n].refuse);
    return true;
}

static void drop(const struct legacy_view *v, const struct xsi_map_row *row)
{
    const char *words = loss(v, row);

    xsi_mend_splice(v->m, row->offset, row->length, NULL, 0, "delete %s (%" PRId64 ")", row->type,
                    row->id);
    if (words)
        xsi_mend_loses(v->m, "%s", words);
}

/* Is this compressed data that no batch belongs to? The dissector must say so: readers that do not
 * know the chunk object to any. */
static bool misplaced(const struct legacy_view *v, const struct xsi_map_row *row)
{
    size_t count;
    const struct xsi_finding *f = xsi_map_findings(xsi_mend_map(v->m), &count);

    for (size_t i = 0; i < count; i++)
        if (f[i].row == &legacy_findings[LEGACY_L26] && f[i].offset == row->offset)
            return row->id == LEGACY_ID_PACKED;
    return false;
}

/* The bytes of an unknown chunk, when the place where the stream goes on is known. */
static void drop_unknown(const struct legacy_view *v, size_t i)
{
    const struct xsi_map_row *gap = &v->row[i], *next = gap + 1;

    if (i + 1 >= v->behind || !legacy_mine(next) || gap->length > GAP_MAX) {
        xsi_mend_refuse(v->m,
                        "the chunk at 0x%" PRIx64 " is none that a release of Xen writes, and "
                        "where it ends cannot be told",
                        gap->offset);
        return;
    }
    xsi_mend_splice(v->m, gap->offset, gap->length, NULL, 0,
                    "delete the unknown chunk of %" PRIu64 " bytes at 0x%" PRIx64, gap->length,
                    gap->offset);
    xsi_mend_loses(v->m, "what chunk %" PRId32 " meant, which no release of Xen writes",
                   (int32_t)legacy_word(v, gap->offset));
    if (!(next->flags & XSI_CHUNK_CERTAIN))
        xsi_mend_guess(v->m, "that the stream goes on at 0x%" PRIx64 " (%s)", next->offset,
                       next->type);
    legacy_guess_place(v, i);
}

/* Is this a chunk that the target does not know? Those of a compressed stream are for another
 * recipe, which unpacks it; without the others the reader comes so far. */
static bool unknown(const struct legacy_view *v, const struct xsi_map_row *row, bool packed)
{
    if (packed && (row->id == LEGACY_ID_PACKED || row->id == LEGACY_ID_COMPRESS))
        return false;
    return v->reader && legacy_mine(row) && row->has_id && row->id && !legacy_knows(v, row->id);
}

bool legacy_drop_unknown(const struct legacy_view *v)
{
    bool packed = legacy_compressed(v);

    for (size_t i = v->first; i < v->behind; i++)
        if (unknown(v, &v->row[i], packed) && must_stay(v, &v->row[i]))
            return false;
    for (size_t i = v->first; i < v->behind; i++)
        if (unknown(v, &v->row[i], packed))
            drop(v, &v->row[i]);
    return true;
}

/* Does the reader not know a chunk besides LAST_CHECKPOINT, for which there is drop-checkpoint? */
static bool more_than_last(const struct legacy_view *v)
{
    for (size_t i = v->first; i < v->behind; i++)
        if (v->row[i].id != LEGACY_ID_LAST && unknown(v, &v->row[i], false))
            return true;
    return false;
}

int legacy_drop_chunk(struct xsi_mend *m)
{
    const struct xsi_finding_row *finding = xsi_mend_finding(m);
    struct legacy_view v;
    size_t at;

    if (!legacy_view(m, &v) || v.other_width)
        return 0;
    at = legacy_row_at(&v, xsi_mend_at(m));
    if (finding == &legacy_findings[LEGACY_L02] && at < v.count &&
        v.row[at].flags & XSI_CHUNK_GAP) {
        drop_unknown(&v, at);
        return 0;
    }
    if (finding == &legacy_findings[LEGACY_L26] && at < v.count && misplaced(&v, &v.row[at])) {
        xsi_mend_splice(m, v.row[at].offset, v.row[at].length, NULL, 0,
                        "delete COMPRESSED_DATA at 0x%" PRIx64 ", to which no batch belongs",
                        v.row[at].offset);
        return 0;
    }
    if (xsi_mend_asked(m) && at < v.count && legacy_mine(&v.row[at]) && v.row[at].has_id &&
        v.row[at].id) {
        if (!must_stay(&v, &v.row[at]))
            drop(&v, &v.row[at]);
        return 0;
    }
    if (more_than_last(&v))
        legacy_drop_unknown(&v);
    return 0;
}

uint64_t legacy_fixed_length(const struct legacy_chunk_row *row)
{
    static const uint8_t lengths[] = {
        [BODY_FLAG] = 4, [BODY_PARAM] = 16, [BODY_TSC] = 24, [BODY_VCPUS] = 16
    };

    return row->body < sizeof(lengths) ? lengths[row->body] : 0;
}

/* The one id that is a bit away from a word and as long as what stands there; 0: none, several. */
static int64_t near_id(uint32_t word, uint64_t length)
{
    const struct legacy_chunk_row *row;
    int64_t found = 0;

    for (int id = -1; (row = legacy_chunk_row(id)); id--) {
        if (!legacy_one_bit(word, (uint32_t)id) || legacy_fixed_length(row) != length)
            continue;
        if (found)
            return 0;
        found = id;
    }
    return found;
}

/*
 * What a chunk's id was. The dissector knew it; or the bytes belong to no chunk; or they were taken
 * for a shorter one, and the rest belongs to none.
 */
static int64_t right_id(const struct legacy_view *v, size_t i)
{
    const struct xsi_map_row *row = &v->row[i], *next = i + 1 < v->behind ? row + 1 : NULL;
    bool gap = row->flags & XSI_CHUNK_GAP, id = legacy_mine(row) && row->has_id && row->id;

    if (row->length < 4)
        return 0;
    if (gap && next && legacy_mine(next))
        return near_id(legacy_word(v, row->offset), row->length);
    if (id && next && next->flags & XSI_CHUNK_GAP && row->length == 4)
        return near_id(legacy_word(v, row->offset), row->length + next->length);
    return id && legacy_word(v, row->offset) != (uint32_t)row->id ? row->id : 0;
}

int legacy_fix_chunk_id(struct xsi_mend *m)
{
    struct legacy_view v;
    int64_t id = 0;

    if (!legacy_view(m, &v))
        return 0;
    for (size_t i = v.first; i < v.behind && !id; i++) {
        uint32_t word, right;

        id = right_id(&v, i);
        if (!id)
            continue;
        word = legacy_word(&v, v.row[i].offset);
        right = htole32((uint32_t)id);
        xsi_mend_splice(m, v.row[i].offset, 4, &right, 4, "put %s (%" PRId64 ")",
                        legacy_chunk_row(id)->type.name, id);
        xsi_mend_guess(m,
                       "that 0x%08" PRIx32 " was %s: one bit differs, and what follows is as long "
                       "as that chunk",
                       word, legacy_chunk_row(id)->type.name);
    }
    return 0;
}

/* ---------------------------------------------------------------- gaps ---- */

/* Frames that a gap can have held: from the last of the batch in front of it, to the first of the
 * batch behind it; none when these follow each other. */
static void frames_missing(const struct legacy_view *v, size_t gap, uint64_t *from, uint64_t *to)
{
    size_t a = gap, b = gap + 1;

    while (a > v->first && !legacy_is(&v->row[a], PART_PAGES))
        a--;
    while (b < v->behind && !legacy_is(&v->row[b], PART_PAGES) && !legacy_is(&v->row[b], PART_END))
        b++;
    *from = legacy_is(&v->row[a], PART_PAGES) ? v->row[a].last_pfn + 1 : 0;
    *to = b < v->behind && legacy_is(&v->row[b], PART_PAGES) ? v->row[b].first_pfn : v->p2m_size;
}

/* What is known of the bytes in a gap that goes; false: it must not, unless a person says so. */
static bool may_go(const struct legacy_view *v, size_t gap)
{
    const struct xsi_map_row *row = &v->row[gap];
    uint32_t word = legacy_word(v, row->offset);
    const struct legacy_chunk_row *known = legacy_chunk_row((int32_t)word);
    uint64_t from, to;
    char still[200];

    if (known) {
        const struct xsi_map_row chunk = { .id = known->type.id };
        const char *words = loss(v, &chunk);

        xsi_mend_loses(v->m, "%s%s%s", known->type.name, words ? ": " : "", words ? words : "");
        return true;
    }
    if ((int32_t)word < 0 && (int32_t)word > -ID_FAR)
        xsi_mend_loses(v->m, "what chunk %" PRId32 " meant, which no release of Xen writes",
                       (int32_t)word);
    if (row->length < XSI_PAGE_SIZE)
        return true;
    frames_missing(v, gap, &from, &to);
    if (xsi_mend_asked(v->m)) {
        xsi_mend_loses(v->m, "pages of the guest, perhaps frames 0x%" PRIx64 " to 0x%" PRIx64, from,
                       to);
        return true;
    }
    xsi_mend_refuse(v->m,
                    "the %" PRIu64 " bytes at 0x%" PRIx64 " may have held pages of the guest "
                    "(frames from 0x%" PRIx64 " on), without which it should not run. To let a "
                    "reader pass all the same: --recipe cut-gap; %s",
                    row->length, row->offset, from, legacy_still(v, still, sizeof(still)));
    return false;
}

int legacy_cut_gap(struct xsi_mend *m)
{
    struct legacy_view v;

    if (!legacy_view(m, &v))
        return 0;
    for (size_t i = v.first + 1; i + 1 < v.behind; i++) {
        const struct xsi_map_row *gap = &v.row[i], *next = gap + 1;

        if (!(gap->flags & XSI_CHUNK_GAP) || gap->flags & XSI_CHUNK_UNREADABLE ||
            !legacy_mine(next))
            continue;
        if (legacy_p2m_size_wrong(&v) || !may_go(&v, i))
            return 0;
        xsi_mend_splice(m, gap->offset, gap->length, NULL, 0,
                        "delete the %" PRIu64 " bytes at 0x%" PRIx64 " that belong to no chunk",
                        gap->length, gap->offset);
        xsi_mend_keep(m, "bytes-between-chunks", gap->offset, gap->length);
        legacy_guess_place(&v, i);
        return 0;
    }
    return 0;
}

int legacy_fix_chunk_length(struct xsi_mend *m)
{
    const struct legacy_chunk_row *known;
    const struct xsi_map_row *gap;
    struct legacy_view v;
    uint8_t raw[8];
    size_t i, width;

    if (!legacy_view(m, &v))
        return 0;
    i = legacy_row_at(&v, xsi_mend_at(m));
    if (i + 1 >= v.behind || !(v.row[i].flags & XSI_CHUNK_GAP) || !legacy_mine(&v.row[i + 1]))
        return 0;
    gap = &v.row[i];
    known = legacy_chunk_row((int32_t)legacy_word(&v, gap->offset));
    if (!known || (known->body != BODY_TOOLSTACK && known->body != BODY_COMPRESSED))
        return 0;
    width = known->body == BODY_TOOLSTACK ? 4 : v.ul;
    if (gap->length < 4 + width)
        return 0;
    legacy_put_ul(&v, raw, gap->length - 4 - width);
    xsi_mend_splice(m, gap->offset + 4, width, raw, width, "make the length of %s %" PRIu64,
                    known->type.name, gap->length - 4 - width);
    if (!(v.row[i + 1].flags & XSI_CHUNK_CERTAIN))
        xsi_mend_guess(m, "that the stream goes on at 0x%" PRIx64, v.row[i + 1].offset);
    return 0;
}

/* ---------------------------------------------------------------- the zero count ---- */

int legacy_drop_zero(struct xsi_mend *m)
{
    uint64_t at = xsi_mend_at(m);
    struct legacy_view v;
    size_t i;

    if (!legacy_view(m, &v))
        return 0;
    i = legacy_row_at(&v, at);
    if (i + 1 >= v.behind || !(v.row[i].flags & XSI_CHUNK_GAP) || legacy_word(&v, at))
        return 0;
    if (v.row[i].length != 4) {
        xsi_mend_refuse(m,
                        "a count or chunk id became 0 at 0x%" PRIx64 ", and the stream goes on "
                        "%" PRIu64 " bytes behind it: there is more to mend than this word",
                        at, v.row[i].length);
        return 0;
    }
    xsi_mend_splice(m, at, 4, NULL, 0, "delete the zero count at 0x%" PRIx64, at);
    if (!(v.row[i + 1].flags & XSI_CHUNK_CERTAIN))
        xsi_mend_guess(m, "that the body goes on at 0x%" PRIx64, at + 4);
    legacy_guess_place(&v, i); /* a batch that ends in zeros looks the same with four bytes in it */
    return 0;
}

int legacy_insert_end(struct xsi_mend *m)
{
    static const uint8_t zero[4];
    uint64_t at = xsi_mend_at(m);
    struct legacy_view v;
    size_t i;

    if (!legacy_view(m, &v))
        return 0;
    i = legacy_row_at(&v, at);
    if (i >= v.behind || v.row[i].offset != at || legacy_in_body(&v.row[i]))
        return 0;
    xsi_mend_splice(m, at, 0, zero, sizeof(zero), "insert 00 00 00 00: END in front of %s",
                    v.row[i].type);
    legacy_guess_whole(&v, i, zero, sizeof(zero));
    return 0;
}
