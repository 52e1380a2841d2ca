/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking for bytes, in windows that overlap by what is looked for. Holes are skipped. */
#include <stdlib.h>
#include <string.h>

#include "search_internal.h"

#define SECTOR   512U /* what is left out where the medium cannot be read */
#define STEPS    16
#define SPAN_MAX (1ULL << 40) /* of a hole that is skipped at once, backwards */

void search_bytes_start(struct browse *b, struct search *s)
{
    s->start = s->at = b->at;
    if (!s->back)
        s->at++;
    s->span = SEARCH_WINDOW;
}

/* Read what hits that begin in [from, to) need. A read ends in front of a bad sector; 0: `from` is
 * in one. */
static size_t fill(struct browse *b, struct search *s, uint64_t from, uint64_t to)
{
    bool bad;
    size_t n = doc_read(b->doc, from, s->window, (size_t)(to - from) + s->needle.length - 1, &bad);

    s->unread = s->unread || (bad && !n);
    return n;
}

/* What the walk has found unreadable is not tried again. */
static const struct xsi_map_row *unreadable(struct browse *b, struct search *s, uint64_t at)
{
    const struct xsi_map_row *row = doc_row(b->doc, at);

    if (!row || !(row->flags & XSI_CHUNK_UNREADABLE))
        return NULL;
    s->unread = true;
    return row;
}

static enum searched hit(struct search *s, uint64_t offset)
{
    s->hit = offset;
    s->length = s->needle.length;
    return SEARCH_FOUND;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---------------------------------------------------------------- forwards ---- */

static enum searched forwards(struct browse *b, struct search *s)
{
    uint64_t end = b->doc->size, length = s->needle.length, data, to;
    const struct xsi_map_row *row;
    const uint8_t *found;
    size_t n;

    if (s->wrapped)
        end = least(end, s->start + length);
    if (s->at >= end || end - s->at < length) {
        s->at = 0;
        return s->wrapped ? SEARCH_NOTHING : (s->wrapped = true, SEARCH_ON);
    }
    row = unreadable(b, s, s->at);
    if (row) {
        s->at = row->offset + row->length;
        return SEARCH_ON;
    }
    data = s->needle.zeros ? s->at : xsi_source_next_data(b->doc->im.src, s->at);
    if (data > s->at + length) { /* a hole holds nothing but zeros */
        s->at = data - length;
        s->span = SEARCH_LITTLE;
        return SEARCH_ON;
    }
    to = least(s->at + s->span, end - length + 1);
    n = fill(b, s, s->at, to);
    found = n >= length ? memmem(s->window, n, s->needle.bytes, length) : NULL;
    if (found)
        return hit(s, s->at + (size_t)(found - s->window));
    if (!n)
        s->at = (s->at / SECTOR + 1) * SECTOR;
    else
        s->at += n >= length ? n - length + 1 : n;
    s->span = least(2 * s->span, SEARCH_WINDOW);
    return SEARCH_ON;
}

/* ---------------------------------------------------------------- backwards ---- */

/* The last place in the window that begins in front of `before`. */
static const uint8_t *last_in(const struct search *s, size_t n, size_t before)
{
    size_t length = s->needle.length;

    if (n < length)
        return NULL;
    if (before > n - length + 1)
        before = n - length + 1;
    while (before) {
        const uint8_t *found = memrchr(s->window, s->needle.bytes[0], before);

        if (!found || !memcmp(found, s->needle.bytes, length))
            return found;
        before = (size_t)(found - s->window);
    }
    return NULL;
}

/* s->at: what begins at or behind it was looked at. */
static enum searched backwards(struct browse *b, struct search *s)
{
    uint64_t low = s->wrapped ? s->start : 0, length = s->needle.length, from, data;
    const struct xsi_map_row *row;
    const uint8_t *found;
    size_t n;

    if (s->at <= low) {
        s->at = b->doc->size >= length ? b->doc->size - length + 1 : 0;
        return s->wrapped ? SEARCH_NOTHING : (s->wrapped = true, SEARCH_ON);
    }
    row = unreadable(b, s, s->at - 1);
    if (row) {
        s->at = row->offset;
        return SEARCH_ON;
    }
    from = s->at - low > s->span ? s->at - s->span : low;
    if (s->span <= SECTOR && (s->at - 1) / SECTOR * SECTOR > low)
        from = (s->at - 1) / SECTOR * SECTOR;
    data = s->needle.zeros ? from : xsi_source_next_data(b->doc->im.src, from);
    if (data >= s->at + length - 1) { /* a hole: the next step is a longer one */
        s->at = from;
        s->span = least(2 * s->span, SPAN_MAX);
        return SEARCH_ON;
    }
    /* where it is partly a hole, halves are tried: perhaps the upper one is */
    if (s->span > SEARCH_WINDOW || (data > from && s->span > SEARCH_LITTLE)) {
        s->span /= 2;
        return SEARCH_ON;
    }
    n = fill(b, s, from, s->at);
    if (n < s->at - from && s->span > SECTOR) { /* what is behind a bad sector goes first */
        s->span /= 2;
        return SEARCH_ON;
    }
    s->unread = s->unread || n < s->at - from;
    found = last_in(s, n, (size_t)(s->at - from));
    if (found)
        return hit(s, from + (size_t)(found - s->window));
    s->at = from;
    s->span = least(2 * s->span, SEARCH_WINDOW);
    return SEARCH_ON;
}

/* Little steps are taken together. */
enum searched search_bytes_slice(struct browse *b, struct search *s)
{
    enum searched what;
    unsigned n = 0;

    do
        what = s->back ? backwards(b, s) : forwards(b, s);
    while (what == SEARCH_ON && s->span < SEARCH_WINDOW && ++n < STEPS);
    return what;
}
