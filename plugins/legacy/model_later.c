/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints behind the first: the whole body is buffered, then the tail, and only then are the
 * pages applied, all batches joined and cut into groups of 1024 entries (pagebuf_get, apply_batch).
 */
#include <stdlib.h>

#include "model.h"

void legacy_later_forget(struct legacy_m *s)
{
    s->kept_count = s->kept_next = 0;
    s->kept_offset = s->kept_pages = 0;
    s->slices = 0;
    s->later_pages = s->group_first = s->group_pages = 0;
    s->shift = s->uncounted = 0;
    s->mixed = false;
    s->segment_count = s->segment_next = 0;
    s->segment_offset = s->packed = s->unpacked = 0;
    s->window_at = s->window_end = 0;
    legacy_group_clear(s);
}

void legacy_later(struct xsi_run *r, struct legacy_m *s)
{
    legacy_later_forget(s);
    xsi_run_state(r, "looks for checkpoint %u", s->checkpoints + 1);
    legacy_next(r, s);
}

void legacy_go_back(struct xsi_run *r, struct legacy_m *s)
{
    legacy_later_forget(s);
    s->gives_up = legacy_has(s, QUIRK_LATER_FATAL);
    if (s->gives_up) {
        legacy_failed(r, s);
        return;
    }
    legacy_forget(s);
    legacy_finish(r, s);
}

static bool grow(struct legacy_m *s)
{
    size_t room = s->kept_room ? 2 * s->kept_room : 64;
    struct legacy_kept *larger;

    if (s->kept_count < s->kept_room)
        return true;
    if (room > BATCHES_MAX)
        return false;
    larger = realloc(s->kept, room * sizeof(*larger));
    if (!larger)
        return false;
    s->kept = larger;
    s->kept_room = room;
    return true;
}

void legacy_keep(struct xsi_run *r, struct legacy_m *s)
{
    if (!grow(s)) {
        xsi_run_undefined(r, "more than %u batches in one checkpoint: not followed", BATCHES_MAX);
        return;
    }
    s->kept[s->kept_count++] =
        (struct legacy_kept){ s->entries_at, s->pages_at, s->count, s->carry };
    s->later_pages += s->carry;
    legacy_next(r, s);
}

uint64_t legacy_later_page(const struct legacy_m *s, uint64_t index)
{
    index += s->group_pages + s->shift;
    for (size_t i = 0; i < s->kept_count; i++) {
        if (index < s->kept[i].carry)
            return s->kept[i].pages + index * XSI_PAGE_SIZE;
        index -= s->kept[i].carry;
    }
    return 0;
}

/*
 * Up to 4.4 the number of entries in front of a group is taken for the number of pages there. The
 * group's pages are then taken from too far behind; at the end of the buffer, from behind it.
 */
static bool pages_there(struct xsi_run *r, struct legacy_m *s)
{
    s->shift = legacy_has(s, QUIRK_INDEX) ? s->group_first - s->group_pages : s->uncounted;
    if (!s->shift || s->unpacking || !s->group.carried)
        return true;
    s->misplaced += s->group.carried;
    s->stale = true;
    if (s->group_pages + s->shift + s->group.carried <= s->later_pages)
        return true;
    xsi_run_undefined(r,
                      "checkpoint %u: entries without a page are counted as pages, so the reader "
                      "copies what lies behind its buffer",
                      s->checkpoints + 1);
    return false;
}

static void got_entries(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got);

/* Fill the group; then apply it. */
static void fill(struct xsi_run *r, struct legacy_m *s)
{
    const struct legacy_kept *kept = &s->kept[s->kept_next];

    if (s->kept_next < s->kept_count && s->group.entries < GROUP_MAX) {
        xsi_run_look(r, kept->entries, (size_t)kept->count * s->ul, got_entries);
    } else if (!s->group.entries) {
        s->checkpoints++;
        legacy_tail_applied(r, s);
    } else if (pages_there(r, s)) {
        s->entries_at = s->group_at;
        legacy_apply(r, s);
    }
}

static void got_entries(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct legacy_m *s = state;
    const struct legacy_kept *kept = &s->kept[s->kept_next];
    uint32_t taken, carried = s->group.carried;

    if (got < (uint64_t)kept->count * s->ul) {
        xsi_run_undefined(r, "a pipe cannot go back to the entries at 0x%" PRIx64 ": give the file",
                          kept->entries);
        return;
    }
    if (!s->group.entries)
        s->group_at = kept->entries + (uint64_t)s->kept_offset * s->ul;
    taken = legacy_group(r, s, kept->entries, p, kept->count, s->kept_offset, kept->pages);
    s->slice[s->slices++] =
        (struct legacy_slice){ kept->entries + (uint64_t)s->kept_offset * s->ul,
                               kept->pages + (uint64_t)s->kept_pages * XSI_PAGE_SIZE, taken };
    s->kept_offset += taken;
    s->kept_pages += s->group.carried - carried;
    if (s->kept_offset == kept->count) {
        s->kept_next++;
        s->kept_offset = s->kept_pages = 0;
    }
    fill(r, s);
}

/* Note where the pages lie that the group has put into the guest. */
static void group_stored(struct xsi_run *r, struct legacy_m *s)
{
    uint32_t left = s->hvm || s->verify || s->unpacking || s->shift ? 0 : s->stored;

    for (size_t i = 0; left && i < s->slices; i++) {
        uint32_t n = s->slice[i].count < left ? s->slice[i].count : left;

        xsi_run_stored(r, s->slice[i].entries, n, s->ul, s->slice[i].pages, legacy_carry(s));
        left -= n;
    }
    s->slices = 0;
}

/* The group has been applied: the next one. */
void legacy_later_group(struct xsi_run *r, struct legacy_m *s)
{
    group_stored(r, s);
    s->group_first += s->group.entries;
    s->group_pages += s->group.carried;
    legacy_group_clear(s);
    fill(r, s);
}

void legacy_later_apply(struct xsi_run *r, struct legacy_m *s)
{
    if (s->mixed) {
        xsi_run_undefined(r, "checkpoint %u has compressed data behind pages: they share a buffer",
                          s->checkpoints + 1);
        return;
    }
    legacy_group_clear(s);
    fill(r, s);
}
