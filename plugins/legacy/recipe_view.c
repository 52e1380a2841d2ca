/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the recipes share: the stream's rows, its checkpoints, its batches. */
#include "recipe.h"

bool legacy_mine(const struct xsi_map_row *row)
{
    return !strncmp(row->layer, "libxc-legacy", strlen("libxc-legacy")) &&
           !(row->flags & XSI_CHUNK_GAP);
}

bool legacy_is(const struct xsi_map_row *row, enum legacy_part part)
{
    return legacy_mine(row) && !strcmp(row->type, legacy_parts[part].name);
}

bool legacy_in_body(const struct xsi_map_row *row)
{
    return legacy_mine(row) && (row->has_id || row->flags & XSI_CHUNK_PAGES);
}

/* A device-model record belongs to the checkpoint in front of it. */
static bool is_record(const struct xsi_map_row *row)
{
    return !strncmp(row->layer, "qemu-", strlen("qemu-"));
}

bool legacy_view(struct xsi_mend *m, struct legacy_view *v)
{
    const struct xsi_map *map = xsi_mend_map(m);
    const struct xsi_info *info = xsi_map_info(map);
    const struct xsi_reader *reader = xsi_mend_reader(m);
    bool found = false;

    *v = (struct legacy_view){ .m = m, .reader = reader };
    v->row = xsi_map_rows(map, &v->count);
    for (size_t i = 0; i < v->count; i++) {
        if (!legacy_mine(&v->row[i]))
            continue;
        if (!found)
            v->first = i;
        found = true;
        v->behind = i + 1;
    }
    if (!found)
        return false;
    v->ul = strstr(v->row[v->first].layer, "64") ? 8 : 4;
    v->gw = info->guest_bits ? info->guest_bits / 8 : v->ul;
    v->pv = info->guest == XSI_GUEST_PV;
    v->p2m_size = info->p2m_size;
    if (!reader)
        return true;
    v->converts = strcmp(reader->stream, "libxc-legacy") != 0;
    if (!v->converts && reader->row)
        v->own = reader->row->own;
    v->other_width = !v->converts && reader->bits != v->ul * 8;
    return true;
}

size_t legacy_row_at(const struct legacy_view *v, uint64_t offset)
{
    for (size_t i = v->first; i < v->count; i++)
        if (offset >= v->row[i].offset && offset - v->row[i].offset < v->row[i].length)
            return i;
    return v->count;
}

size_t legacy_end_row(const struct legacy_view *v, unsigned n)
{
    for (size_t i = v->first; i < v->behind; i++)
        if (legacy_is(&v->row[i], PART_END) && !n--)
            return i;
    return v->count;
}

size_t legacy_tail_behind(const struct legacy_view *v, size_t end)
{
    size_t i = end + 1;

    while (i < v->count &&
           ((legacy_mine(&v->row[i]) && !legacy_in_body(&v->row[i])) || is_record(&v->row[i])))
        i++;
    return i;
}

unsigned legacy_checkpoints(const struct legacy_view *v)
{
    return xsi_map_info(xsi_mend_map(v->m))->checkpoints;
}

bool legacy_knows(const struct legacy_view *v, int64_t id)
{
    if (v->own)
        return id >= v->own->ids;
    /* convert-legacy-stream: 4.6 to current, tools/python/scripts/convert-legacy-stream */
    return id != LEGACY_ID_TMEM && id != LEGACY_ID_TMEM - 1 && id != LEGACY_ID_PACKED &&
           id != LEGACY_ID_COMPRESS && id > LEGACY_ID_FIP;
}

uint32_t legacy_word(const struct legacy_view *v, uint64_t offset)
{
    uint8_t word[4];

    return xsi_mend_read(v->m, offset, word, 4) ? xsi_le32(word) : 0;
}

size_t legacy_put_ul(const struct legacy_view *v, uint8_t *out, uint64_t number)
{
    uint64_t word = htole64(number);

    memcpy(out, &word, v->ul);
    return v->ul;
}

const char *legacy_still(const struct legacy_view *v, char *out, size_t size)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(v->m));

    if (!info->pages_present)
        snprintf(out, size, "no page of the guest is here, so there is nothing to save");
    else
        snprintf(out, size,
                 "%" PRIu64 " of %" PRIu64 " frames are here: xsdump --core saves them for crash "
                 "or Volatility",
                 info->pages_present, v->p2m_size);
    return out;
}

void legacy_guess_place(const struct legacy_view *v, size_t i)
{
    if (i > v->first && legacy_is(&v->row[i - 1], PART_PAGES))
        xsi_mend_guess(v->m, "that these bytes were put in behind the batch; if they were put "
                             "into its pages, those behind the place are shifted");
    else
        xsi_mend_guess(v->m, "that these bytes were put in here and belong to no chunk that is "
                             "needed");
}

void legacy_guess_whole(const struct legacy_view *v, size_t i, const uint8_t *bytes, size_t n)
{
    const struct xsi_map_row *row = i > v->first ? &v->row[i - 1] : NULL;
    uint8_t end[16];

    if (!row || !legacy_is(row, PART_PAGES) || n > sizeof(end) || row->length < n ||
        !xsi_mend_read(v->m, row->offset + row->length - n, end, n) || memcmp(end, bytes, n) != 0)
        return;
    xsi_mend_guess(v->m,
                   "that no %zu bytes were lost in the batch in front: it ends in the very bytes "
                   "that are missing behind it, and then its pages are shifted",
                   n);
}

/* ---------------------------------------------------------------- batches ---- */

/* Entries of the batch at b->at; `count` of them. */
static bool load(const struct legacy_view *v, struct legacy_batch *b, unsigned count)
{
    uint8_t raw[8 * LEGACY_BATCH_MAX];

    if (!count || count > LEGACY_BATCH_MAX ||
        !xsi_mend_read(v->m, b->at + 4, raw, (size_t)count * v->ul))
        return false;
    b->count = count;
    b->pages = 0;
    for (unsigned i = 0; i < count; i++) {
        b->entry[i] = v->ul == 4 ? xsi_le32(raw + 4 * (size_t)i) : xsi_le64(raw + 8 * (size_t)i);
        b->pages += legacy_entry_carries(b->entry[i]);
    }
    return true;
}

bool legacy_batch_raw(const struct legacy_view *v, uint64_t at, struct legacy_batch *b)
{
    b->at = at;
    if (!load(v, b, legacy_word(v, at)))
        return false;
    b->length = 4 + (uint64_t)b->count * v->ul + (uint64_t)b->pages * XSI_PAGE_SIZE;
    return b->length <= xsi_mend_size(v->m) - at;
}

/* Does a finding say that the batch at an offset is not as it stands there? */
static bool disputed(const struct legacy_view *v, uint64_t at)
{
    size_t count;
    const struct xsi_finding *f = xsi_map_findings(xsi_mend_map(v->m), &count);

    for (size_t i = 0; i < count; i++)
        if (f[i].offset == at || f[i].offset == at + 4)
            return true;
    return false;
}

/* The batch at b->at as the dissector takes it, which goes through the image once more. */
static bool as_taken(const struct legacy_view *v, struct legacy_batch *b)
{
    struct xsi_error err;
    struct xsi_walk *w = xsi_walk_new(xsi_mend_source(v->m), NULL, &err);
    struct xsi_event ev;
    bool good = false;

    while (w && xsi_walk_next(w, &ev) > 0) {
        const struct xsi_chunk *c = ev.kind == XSI_EV_CHUNK ? ev.chunk : NULL;

        if (!c || c->offset < b->at)
            continue;
        good = c->offset == b->at && c->flags & XSI_CHUNK_PAGES && load(v, b, (unsigned)c->entries);
        b->length = c->length;
        b->pages = (unsigned)c->pages;
        break;
    }
    xsi_walk_free(w);
    return good;
}

/* The batch at b->at, which lies in a row. */
static bool batch(const struct legacy_view *v, const struct xsi_map_row *row,
                  struct legacy_batch *b)
{
    if (disputed(v, b->at) || row->flags != XSI_CHUNK_PAGES)
        return as_taken(v, b);
    if (!load(v, b, legacy_word(v, b->at)))
        return false;
    if (!row->pages && row->checkpoint)
        b->pages = 0; /* compressed: entries alone */
    b->length = 4 + (uint64_t)b->count * v->ul + (uint64_t)b->pages * XSI_PAGE_SIZE;
    return b->at + b->length <= row->offset + row->length;
}

bool legacy_batch_at(const struct legacy_view *v, uint64_t offset, struct legacy_batch *b)
{
    size_t i = legacy_row_at(v, offset);
    const struct xsi_map_row *row = i < v->count ? &v->row[i] : NULL;

    if (!row || !legacy_is(row, PART_PAGES))
        return false;
    for (b->at = row->offset; batch(v, row, b); b->at += b->length)
        if (offset - b->at < b->length)
            return true;
    return false;
}

bool legacy_batch_next(const struct legacy_view *v, uint64_t *at, struct legacy_batch *b)
{
    for (size_t i = v->first; i < v->behind; i++) {
        const struct xsi_map_row *row = &v->row[i];

        if (!legacy_is(row, PART_PAGES) || row->offset + row->length <= *at)
            continue;
        b->at = *at > row->offset ? *at : row->offset;
        if (!batch(v, row, b))
            return false;
        *at = b->at + b->length;
        return true;
    }
    return false;
}
