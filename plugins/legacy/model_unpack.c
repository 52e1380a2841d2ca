/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compressed pages of a later checkpoint (xc_compression_uncompress_page, the same from 4.2 to
 * 4.5). The pieces of data form one row of bytes, from which entry after entry takes its page.
 */
#include <stdlib.h>

#include "model.h"

#define WINDOW    (64U << 10)
#define RAW_MAX   65536U /* pages that are kept apart */
#define PAGE_LONG 6144U  /* no encoding of a page is longer, nor is a wrong one read further */

bool legacy_segment(struct legacy_m *s, uint64_t at, uint64_t length)
{
    size_t room = s->segment_room ? 2 * s->segment_room : 16;

    if (s->segment_count == s->segment_room) {
        struct legacy_segment *larger =
            room > BATCHES_MAX ? NULL : realloc(s->segment, room * sizeof(*larger));

        if (!larger)
            return false;
        s->segment = larger;
        s->segment_room = room;
    }
    s->segment[s->segment_count++] = (struct legacy_segment){ at, length };
    s->packed += length;
    return true;
}

/* ---- where whole pages lie ---- */

/* Offset in the image of the page behind the mark at the window's front; 0: not in one piece. */
static uint64_t raw_at(const struct legacy_m *s)
{
    uint64_t have = s->window_end - s->window_at - 1, in = s->segment_offset;
    size_t i = s->segment_next;

    while (have > in && i) { /* the window ends `in` bytes into piece i; go back to the page */
        have -= in;
        in = s->segment[--i].length;
    }
    return have <= in && have >= XSI_PAGE_SIZE ? s->segment[i].at + in - have : 0;
}

static void raw_note(struct legacy_m *s, uint64_t pfn, uint64_t at)
{
    size_t room = s->raw_room ? 2 * s->raw_room : 64;
    struct legacy_raw *larger;

    if (s->raw_count == s->raw_room) {
        larger = room > RAW_MAX ? NULL : realloc(s->raw, room * sizeof(*larger));
        if (!larger) {
            s->raw_lost = true;
            return;
        }
        s->raw = larger;
        s->raw_room = room;
    }
    s->raw[s->raw_count++] = (struct legacy_raw){ pfn, at };
}

uint64_t legacy_raw_page(const struct legacy_m *s, uint64_t pfn)
{
    for (size_t i = s->raw_lost ? 0 : s->raw_count; i-- > 0;)
        if (s->raw[i].pfn == pfn)
            return s->raw[i].at;
    return 0;
}

/* ---- unpacking ---- */

/* Runs of an encoded page; its length, 0 when it is wrong (and logged). */
static size_t runs(struct xsi_run *r, const struct legacy_m *s, const uint8_t *p)
{
    unsigned long from = (unsigned long)s->unpacked, size = (unsigned long)s->packed;
    unsigned long pos = 0;
    unsigned len, page = 0;

    do {
        bool skip = p[pos] & 0x80;

        len = (p[pos] & 0x7fU) * 4;
        if (!len) { /* the flag is a signed char, printed as unsigned */
            xsi_run_say(r, LEGACY_MSG_COMPRESS_D, 0, from + pos, skip ? 0xffffff80U : 0U, size,
                        page);
            return 0;
        }
        pos++;
        if (!skip && (from + pos + len > size || page + len > XSI_PAGE_SIZE)) {
            xsi_run_say(r, LEGACY_MSG_COMPRESS_C, 0, from + pos, len, size, page);
            return 0;
        }
        pos += skip ? 0 : len;
        page += len;
    } while (page < XSI_PAGE_SIZE && from + pos < size);
    if (page == XSI_PAGE_SIZE)
        return pos;
    xsi_run_say(r, LEGACY_MSG_COMPRESS_SUM, 0, from + pos, size, page);
    return 0;
}

/* Length of the page at the window's front; 0 when it is wrong. */
static size_t unpack(struct xsi_run *r, const struct legacy_m *s)
{
    const uint8_t *p = s->window + s->window_at;
    unsigned long from = (unsigned long)s->unpacked, size = (unsigned long)s->packed;

    if (from >= size) {
        xsi_run_say(r, LEGACY_MSG_COMPRESS_A, 0, from, size);
        return 0;
    }
    if (p[0] == 0x00)
        return 1;
    if (p[0] != 0x80)
        return runs(r, s, p);
    if (from + 1 + XSI_PAGE_SIZE > size) {
        xsi_run_say(r, LEGACY_MSG_COMPRESS_B, 0, from, size);
        return 0;
    }
    return 1 + XSI_PAGE_SIZE;
}

static void got_bytes(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    struct legacy_segment *segment = &s->segment[s->segment_next];

    if (!got) {
        xsi_run_undefined(r, "a pipe cannot go back to compressed pages: give the file");
        return;
    }
    memcpy(s->window + s->window_end, p, got);
    s->window_end += got;
    s->segment_offset += got;
    if (s->segment_offset == segment->length) {
        s->segment_next++;
        s->segment_offset = 0;
    }
    legacy_unpack_part(r, s);
}

/* True when the window holds enough for one more page, or all there is. */
static bool filled(struct xsi_run *r, struct legacy_m *s)
{
    size_t have = s->window_end - s->window_at, room;
    const struct legacy_segment *segment;
    uint64_t left;

    if (have >= PAGE_LONG || s->segment_next == s->segment_count)
        return true;
    if (!s->window)
        s->window = malloc(WINDOW);
    if (!s->window) {
        xsi_run_undefined(r, "out of memory");
        return false;
    }
    memmove(s->window, s->window + s->window_at, have);
    s->window_at = 0;
    s->window_end = have;
    room = WINDOW - have;
    segment = &s->segment[s->segment_next];
    left = segment->length - s->segment_offset;
    xsi_run_look(r, segment->at + s->segment_offset, left < room ? (size_t)left : room, got_bytes);
    return false;
}

static void broken(struct xsi_run *r, struct legacy_m *s, const struct legacy_part_run *part)
{
    unsigned long pfn = (unsigned long)part->pfn + s->at_entry;
    const struct legacy_segment *first = s->segment_count ? &s->segment[0] : NULL;

    legacy_cause(s, LEGACY_L44, first ? first->at : s->entries_at, 0,
                 "the compressed page of frame 0x%lx (byte %" PRIu64 " of %" PRIu64
                 " of checkpoint %u's data) cannot be unpacked",
                 pfn, s->unpacked, s->packed, s->checkpoints + 1);
    xsi_run_say(r, LEGACY_MSG_UNCOMPRESS, 0, pfn);
    legacy_apply_error(r, s, s->cause_at);
}

/* One entry; false when something else goes on. */
static bool entry(struct xsi_run *r, struct legacy_m *s, const struct legacy_part_run *part)
{
    const uint8_t *p = s->window ? s->window + s->window_at : NULL;
    size_t n;

    xsi_frames_set(r, part->pfn + s->at_entry, 1, FRAME_TYPE, part->type);
    n = unpack(r, s);
    /* a wrong page is written up to where it is wrong, unless that shows at once */
    if ((n > 1 || (!n && s->unpacked < s->packed && p[0] != 0x80)) && !s->verify && !s->hvm) {
        xsi_frames_set(r, part->pfn + s->at_entry, 1, 0, FRAME_PACKED);
        raw_note(s, part->pfn + s->at_entry,
                 n == 1 + XSI_PAGE_SIZE && p[0] == 0x80 ? raw_at(s) : 0);
    }
    if (!n) {
        broken(r, s, part);
        return false;
    }
    if ((part->type & 7) >= 5) {
        s->window_at += n;
        s->unpacked += n;
        legacy_bogus(r, s, part);
        return false;
    }
    if (legacy_translates(s, part->type)) {
        if (n != 1 + XSI_PAGE_SIZE) {
            xsi_run_undefined(r,
                              "the page table of frame 0x%" PRIx64
                              " comes as a difference: it depends on frame numbers that Xen chose",
                              part->pfn + s->at_entry);
            return false;
        }
        (void)legacy_page_table(r, s, part->type, p + 1);
        if (s->over)
            return false;
    }
    s->window_at += n;
    s->unpacked += n;
    s->at_entry++;
    return true;
}

void legacy_unpack_part(struct xsi_run *r, struct legacy_m *s)
{
    const struct legacy_part_run *part = &s->group.part[s->at_part];

    while (s->at_entry < part->count) {
        if (!filled(r, s) || !entry(r, s, part))
            return;
    }
    s->at_part++;
    s->at_entry = 0;
    legacy_apply_part(r, s);
}
