/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stream of an image for the recipes: its records from the map, and how a record is changed. */
#include <inttypes.h>

#include "recipe.h"

const struct v2_reader *v2_own(const struct xsi_mend *m)
{
    const struct xsi_reader *reader = xsi_mend_reader(m);

    return reader && !strcmp(reader->stream, "libxc-v2") ? reader->row->own : NULL;
}

static bool is_stream(const struct xsi_map_row *row)
{
    return !strncmp(row->layer, "libxc-v", 7);
}

static void note_width(struct v2_site *s)
{
    struct v2_item item;
    uint8_t info[2];

    if (v2_site_find(s, V2_VCPU_BASIC, 0, &item) && item.body == V2_VHDR + 5168)
        s->width = 8;
    else if (item.type == V2_VCPU_BASIC && item.body == V2_VHDR + 2800)
        s->width = 4;
    else if (v2_site_find(s, V2_PV_INFO, 0, &item) && item.body >= 8 &&
             xsi_mend_read(s->m, item.at + V2_RHDR_SIZE, info, 2) && (info[0] == 4 || info[0] == 8))
        s->width = info[0];
}

/* Offset of the headers, and what they say. */
static void note_header(struct v2_site *s)
{
    for (size_t i = s->first; i < s->last; i++) {
        const struct xsi_map_row *row = &s->rows[i];

        if (strcmp(row->type, "IMAGE_HEADER") != 0 || row->flags & XSI_CHUNK_CUT)
            continue;
        s->base = row->offset;
        s->has_header = xsi_mend_read(s->m, s->base, s->head, sizeof(s->head));
        break;
    }
    if (!s->has_header)
        return;
    s->records = s->base + V2_HEADERS;
    s->version = (uint32_t)s->head[14] << 8 | s->head[15];
    s->kind = xsi_le32(s->head + 24);
    s->major = xsi_le32(s->head + 32);
    s->minor = xsi_le32(s->head + 36);
}

/* What follows the last record of a stream without END, and was not recognised, is its rest. */
static void take_gap(struct v2_site *s, size_t count)
{
    const struct xsi_map_row *row = &s->rows[s->last];

    if (s->end_at != UINT64_MAX || s->last >= count || row->offset != s->stop ||
        !(row->flags & XSI_CHUNK_GAP) || row->flags & XSI_CHUNK_UNREADABLE)
        return;
    s->last++;
    s->stop += row->length;
}

bool v2_site_open(struct v2_site *s, struct xsi_mend *m)
{
    const struct xsi_reader *reader = xsi_mend_reader(m);
    struct v2_item item;
    size_t count;

    *s = (struct v2_site){ .m = m, .pages = UINT64_MAX, .end_at = UINT64_MAX };
    s->rows = xsi_map_rows(xsi_mend_map(m), &count);
    s->first = count;
    for (size_t i = 0; i < count; i++) {
        if (!is_stream(&s->rows[i]))
            continue;
        s->first = s->first < i ? s->first : i;
        s->last = i + 1;
    }
    if (s->first == count)
        return false;
    s->base = s->records = s->rows[s->first].offset;
    s->stop = s->rows[s->last - 1].offset + s->rows[s->last - 1].length;
    s->release = reader ? reader->release : 0;
    note_header(s);
    s->big = s->has_header && s->head[17] & 1 && xsi_le32(s->head + 24) > 0xffff;
    if (s->big)
        return false;
    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        if (item.gap || item.foreign || item.cut)
            continue;
        if (item.type < V2_RECORDS)
            s->types |= V2_BIT(item.type);
        if (item.type == V2_PAGE_DATA && s->pages == UINT64_MAX) {
            s->pages = item.at;
            s->next = s->rows[s->row].offset + s->rows[s->row].length; /* the rest of the run */
        }
        if (item.type == V2_END)
            s->end_at = item.at;
    }
    take_gap(s, count);
    note_width(s);
    return true;
}

void v2_site_rewind(struct v2_site *s)
{
    s->row = s->first;
    s->next = 0;
}

static bool is_record(const struct xsi_map_row *row)
{
    return strcmp(row->type, "IMAGE_HEADER") != 0 && strcmp(row->type, "DOMAIN_HEADER") != 0;
}

bool v2_site_next(struct v2_site *s, struct v2_item *item)
{
    const struct xsi_map_row *row = &s->rows[s->row];
    uint8_t head[V2_RHDR_SIZE];
    uint64_t end;

    while (s->row < s->last &&
           (!is_record(row) || s->next >= row->offset + row->length || !row->length))
        row = &s->rows[++s->row];
    if (s->row >= s->last)
        return false;
    end = row->offset + row->length;
    *item = (struct v2_item){ .at = s->next > row->offset ? s->next : row->offset };
    item->length = end - item->at;
    item->wanted = row->count == 1 ? row->wanted : item->length;
    item->gap = row->flags & XSI_CHUNK_GAP;
    item->cut = row->flags & XSI_CHUNK_CUT;
    item->foreign = !item->gap && !is_stream(row);
    if (item->length >= V2_RHDR_SIZE && xsi_mend_read(s->m, item->at, head, sizeof(head))) {
        item->type = xsi_le32(head);
        item->body = xsi_le32(head + 4);
    }
    if (row->count > 1 && v2_span(item->body) <= item->length)
        item->length = item->wanted = v2_span(item->body); /* a run of batches */
    s->next = item->at + item->length;
    return true;
}

bool v2_site_at(struct v2_site *s, uint64_t offset, struct v2_item *item)
{
    v2_site_rewind(s);
    while (s->row + 1 < s->last && s->rows[s->row + 1].offset <= offset)
        s->row++;
    while (v2_site_next(s, item) && item->at <= offset)
        if (offset - item->at < item->length)
            return true;
    return false;
}

static bool is_sound(const struct v2_item *item)
{
    return !item->gap && !item->foreign && !item->cut;
}

/* Go to the row that holds an offset, or the first one behind it. */
static void seek(struct v2_site *s, uint64_t from)
{
    size_t low = s->first, high = s->last;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->rows[middle].offset + s->rows[middle].length <= from)
            low = middle + 1;
        else
            high = middle;
    }
    s->row = low;
    s->next = 0;
}

bool v2_site_find(struct v2_site *s, uint32_t type, uint64_t from, struct v2_item *item)
{
    seek(s, from);
    while (v2_site_next(s, item)) {
        if (item->at >= from && is_sound(item) && item->type == type)
            return true;
        if (type != V2_PAGE_DATA && item->type == V2_PAGE_DATA && is_sound(item))
            s->next = s->rows[s->row].offset + s->rows[s->row].length;
    }
    *item = (struct v2_item){ .type = V2_RECORDS };
    return false;
}

bool v2_site_find_last(struct v2_site *s, uint32_t type, uint64_t to, struct v2_item *item)
{
    struct v2_item one;
    bool found = false;

    v2_site_rewind(s);
    while (v2_site_next(s, &one) && one.at < to) {
        if (is_sound(&one) && one.type == type) {
            *item = one;
            found = true;
        }
        if (type != V2_PAGE_DATA && one.type == V2_PAGE_DATA && is_sound(&one))
            s->next = s->rows[s->row].offset + s->rows[s->row].length;
    }
    return found;
}

const uint8_t *v2_site_body(struct v2_site *s, const struct v2_item *item)
{
    if (item->body > V2_CHECK_MAX || item->length < V2_RHDR_SIZE + (uint64_t)item->body)
        return NULL;
    return xsi_mend_bytes(s->m, item->at + V2_RHDR_SIZE, item->body);
}

const char *v2_name(uint32_t type)
{
    return type < V2_RECORDS ? v2_rules[type].name : "record";
}

bool v2_site_fixed(const struct v2_site *s, uint64_t at)
{
    return xsi_mend_same_size(s->m) && s->pages != UINT64_MAX && at < s->pages;
}

/* ---- changing a record ---- */

void v2_drop(struct v2_site *s, const struct v2_item *item, const char *why)
{
    uint8_t type[4];

    if (v2_site_fixed(s, item->at) && !item->gap && item->type && item->body <= V2_OLD_CAP) {
        v2_store32(type, V2_SKIPPED(item->type));
        xsi_mend_splice(s->m, item->at, sizeof(type), type, sizeof(type),
                        "make %s at 0x%" PRIx64 " a record that readers skip (%s), so that the "
                        "pages behind it stay where they are",
                        v2_name(item->type), item->at, why);
        return;
    }
    xsi_mend_splice(s->m, item->at, item->length, NULL, 0, "drop %s at 0x%" PRIx64 " (%s)",
                    item->gap ? "bytes" : v2_name(item->type), item->at, why);
}

bool v2_insert(struct v2_site *s, uint64_t at, uint32_t type, const void *body, uint32_t n,
               const char *why)
{
    uint8_t *record = xsi_mend_scratch(s->m, (size_t)v2_span(n));

    if (!record)
        return false;
    v2_store32(record, type);
    v2_store32(record + 4, n);
    if (n)
        memcpy(record + V2_RHDR_SIZE, body, n);
    xsi_mend_splice(s->m, at, 0, record, (size_t)v2_span(n), "insert %s at 0x%" PRIx64 " (%s)",
                    v2_name(type), at, why);
    return true;
}

/* The stretch of two bodies of one length in which they differ. */
static void replace_part(struct v2_site *s, uint64_t at, const uint8_t *old, const uint8_t *new,
                         size_t n, const char *why)
{
    size_t from = 0;

    while (from < n && old[from] == new[from])
        from++;
    while (n > from && old[n - 1] == new[n - 1])
        n--;
    if (n > from)
        xsi_mend_splice(s->m, at + from, n - from, new + from, n - from, "%s", why);
}

bool v2_replace(struct v2_site *s, const struct v2_item *item, const void *body, uint32_t n,
                const char *why)
{
    const uint8_t *old = n == item->body ? v2_site_body(s, item) : NULL;
    uint8_t *record;

    if (old) {
        replace_part(s, item->at + V2_RHDR_SIZE, old, body, n, why);
        return true;
    }
    record = xsi_mend_scratch(s->m, (size_t)v2_span(n));
    if (!record)
        return false;
    v2_store32(record, item->type);
    v2_store32(record + 4, n);
    if (n)
        memcpy(record + V2_RHDR_SIZE, body, n);
    xsi_mend_splice(s->m, item->at, item->length, record, (size_t)v2_span(n), "%s", why);
    return true;
}

void v2_put32(struct v2_site *s, uint64_t at, uint32_t value, const char *why)
{
    uint8_t b[4];

    v2_store32(b, value);
    xsi_mend_splice(s->m, at, sizeof(b), b, sizeof(b), "%s", why);
}

void v2_put64(struct v2_site *s, uint64_t at, uint64_t value, const char *why)
{
    uint8_t b[8];

    v2_store64(b, value);
    xsi_mend_splice(s->m, at, sizeof(b), b, sizeof(b), "%s", why);
}

/* ---- pages ---- */

bool v2_list_read(struct v2_site *s, uint64_t at, uint32_t count, struct v2_list *list)
{
    uint8_t head[V2_BATCH_HEAD];
    size_t n;

    *list = (struct v2_list){ .count = count };
    if (!xsi_mend_read(s->m, at, head, sizeof(head)))
        return false;
    if (!count)
        list->count = xsi_le32(head + 8);
    if (!list->count || list->count > V2_CHECK_MAX / 8)
        return false;
    n = 8 * (size_t)list->count;
    if (s->list_room < n) { /* one buffer: an image has many lists */
        s->list_room = 2 * n;
        s->list = xsi_mend_scratch(s->m, s->list_room);
    }
    if (s->list && xsi_mend_read(s->m, at + V2_BATCH_HEAD, s->list, n))
        list->entry = s->list;
    list->data = at + V2_BATCH_HEAD + 8 * (uint64_t)list->count;
    for (uint32_t i = 0; list->entry && i < list->count; i++)
        list->pages += v2_type_has_data((unsigned)(xsi_le64(list->entry + 8 * (size_t)i) >> 60));
    return list->entry;
}

uint32_t v2_list_length(const struct v2_list *list)
{
    uint64_t n = 8 + 8 * (uint64_t)list->count + XSI_PAGE_SIZE * list->pages;

    return n <= V2_CAP ? (uint32_t)n : 0;
}

bool v2_frame_find(struct v2_site *s, uint64_t pfn, uint64_t *entry, uint64_t *page, unsigned *type)
{
    struct v2_item item;
    struct v2_list list;
    bool found = false;

    v2_site_rewind(s);
    while (v2_site_next(s, &item)) {
        uint64_t carried = 0;

        if (!is_sound(&item) || item.type != V2_PAGE_DATA || !v2_list_read(s, item.at, 0, &list))
            continue;
        for (uint32_t i = 0; i < list.count; i++) {
            uint64_t e = xsi_le64(list.entry + 8 * (size_t)i);
            bool carries = v2_type_has_data((unsigned)(e >> 60));

            if ((e & V2_PFN_MASK) == pfn) {
                *entry = item.at + V2_BATCH_HEAD + 8 * (uint64_t)i;
                *page = carries ? list.data + XSI_PAGE_SIZE * carried : 0;
                *type = (unsigned)(e >> 60);
                found = true;
            }
            carried += carries;
        }
    }
    return found;
}
