/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 12, bit-flips: a flipped bit in metadata either yields a finding, or leaves every
 * boundary where it was and shows in a field; none moves a boundary silently. One bit of every
 * byte of metadata is flipped, each byte another one.
 */
#include "common.h"

#include <inttypes.h>
#include <string.h>

enum { METADATA_LIMIT = 65536, EACH_BYTE = 1024 };

/* A finding that the sound image does not have. */
static bool speaks(const struct listing *sound, const struct listing *l)
{
    for (size_t i = 0; i < l->finding_count; i++)
        if (!listing_has(sound, &l->findings[i]))
            return true;
    return false;
}

static uint64_t fields_at(const uint8_t *bytes, size_t length, uint64_t at, struct listing *l)
{
    struct xsi_source *src = xsi_source_memory(bytes, length);
    uint64_t hash = 0;

    listing_of(src, length, NULL, at, &hash, l);
    xsi_source_free(src);
    return hash;
}

/* The same boundaries; the names may differ, for a name is where a flipped id shows. */
static bool same_boundaries(const struct listing *a, const struct listing *b, uint64_t *where)
{
    size_t n = a->count < b->count ? a->count : b->count;

    for (size_t i = 0; i < n; i++) {
        *where = a->leaves[i].offset;
        if (a->leaves[i].offset != b->leaves[i].offset ||
            a->leaves[i].length != b->leaves[i].length)
            return false;
    }
    return a->count == b->count;
}

/* Flip one bit. False when that shows nowhere; a boundary that moves silently fails the test. */
static bool flip(const struct image *image, const struct listing *sound, size_t at, uint64_t before)
{
    uint8_t bit = (uint8_t)(1U << (at * 5 % 8));
    const struct leaf *leaf = &sound->leaves[listing_find(sound, at)];
    struct listing l;
    uint64_t after, where = 0;
    bool shows = true;

    image->bytes[at] ^= bit;
    after = fields_at(image->bytes, image->length, at, &l);
    image->bytes[at] ^= bit;
    if (l.broken[0])
        fail_msg("bit 0x%02x at 0x%zx: %s", bit, at, l.broken);
    if (!speaks(sound, &l)) {
        if (strcmp(sound->stack, l.stack))
            fail_msg("bit 0x%02x at 0x%zx in %s: %s became %s", bit, at, leaf->type, sound->stack,
                     l.stack);
        if (!same_boundaries(sound, &l, &where))
            fail_msg("bit 0x%02x at 0x%zx in %s: silently moves a boundary at 0x%" PRIx64, bit, at,
                     leaf->type, where);
        shows = before != after;
    }
    listing_free(&l);
    return shows;
}

/* Every byte of what is short; further on, in contexts and lists, one of three. */
static uint64_t next_place(uint64_t n, uint64_t meta)
{
    uint64_t next = n + (n < EACH_BYTE ? 1 : 3);

    return n < meta && next > meta ? meta : next;
}

/* All places of a chunk at which a flip shows nowhere, as ranges of bytes. */
static bool hidden(const struct image *image, const struct listing *sound, const struct leaf *leaf)
{
    struct listing again;
    uint64_t before = fields_at(image->bytes, image->length, leaf->offset, &again);
    uint64_t from = 0, ranges = 0;
    bool shown = true;

    listing_free(&again);
    for (uint64_t n = 0; n <= leaf->meta; n = next_place(n, leaf->meta)) {
        bool shows = n == leaf->meta || flip(image, sound, (size_t)(leaf->offset + n), before);

        if (shown && !shows)
            from = n;
        if (!shown && shows && ranges++ < 8)
            print_error("%s %s: a flip in bytes %" PRIu64 " to %" PRIu64 " shows nowhere\n",
                        leaf->layer, leaf->type, from, n - 1);
        shown = shows;
    }
    return ranges > 0;
}

/* The first chunks of a type and the last; what lies between is alike. */
static bool chosen(const struct listing *l, size_t i)
{
    size_t before = 0, behind = 0;

    for (size_t k = 0; k < l->count; k++)
        if (!strcmp(l->leaves[k].type, l->leaves[i].type) &&
            !strcmp(l->leaves[k].layer, l->leaves[i].layer)) {
            before += k < i;
            behind += k > i;
        }
    return before < 2 || !behind;
}

static void bit_flips(void **state)
{
    const struct image *image = *state;
    struct listing sound;
    size_t bad = 0;

    listing_bytes(image->bytes, image->length, NULL, &sound);
    if ((sound.exit & ~3U) || listing_meta(&sound) > METADATA_LIMIT) {
        listing_free(&sound);
        skip();
    }
    for (size_t i = 0; i < sound.count; i++)
        if (!(sound.leaves[i].flags & XSI_CHUNK_GAP) && chosen(&sound, i))
            bad += hidden(image, &sound, &sound.leaves[i]);
    listing_free(&sound);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    return property_main("bit-flips", argc, argv, bit_flips);
}
