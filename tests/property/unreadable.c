/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 18, unreadable: an image on a disk with a bad sector is listed around the hole, with
 * its range, and the walk goes on behind it. The disk is tests/shim/eio.c.
 */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECTOR = 512, PLACES = 24 };

static void hole(const struct image *image, const struct listing *whole, uint64_t from)
{
    struct xsi_error err = { 0 };
    struct xsi_source *src;
    struct listing l;
    char range[64], why[400];
    size_t bad;

    snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, from, from + SECTOR);
    setenv("XSI_EIO", range, 1);
    src = xsi_source_open(image->path, NULL, &err);
    if (!src)
        fail_msg("%s: %s", image->path, err.text);
    listing_of(src, image->length, NULL, LISTING_NONE, NULL, &l);
    xsi_source_free(src);
    if (l.broken[0])
        fail_msg("hole at %s: %s", range, l.broken);
    /* what lies in front of the hole is as it was, if the head of the image could be read */
    if (from >= 4096 && !listing_same_until(whole, &l, from, why, sizeof(why)))
        fail_msg("hole at %s: %s", range, why);
    bad = listing_find(&l, from);
    /* page data is never read: a hole within it need not be met at all */
    if (l.leaves[bad].flags & XSI_CHUNK_UNREADABLE) {
        assert_true(l.leaves[bad].flags & XSI_CHUNK_GAP);
        assert_true(l.exit & 4);
        if (l.leaves[bad].offset > from ||
            l.leaves[bad].offset + l.leaves[bad].length < from + SECTOR)
            assert_int_equal(l.leaves[bad].offset, from);
    } else if (bad + 1 < l.count && l.leaves[bad + 1].offset < from + SECTOR) {
        /* it begins in page data and reaches into what follows: that is listed */
        assert_true(l.leaves[bad + 1].flags & XSI_CHUNK_UNREADABLE);
    } else {
        const struct leaf *before = &whole->leaves[listing_find(whole, from)];

        if (from < before->offset + before->meta || from + SECTOR > before->offset + before->length)
            fail_msg("hole at %s in the metadata of %s is not listed", range, before->type);
    }
    listing_free(&l);
}

static void unreadable(void **state)
{
    const struct image *image = *state;
    struct listing whole;
    uint64_t places = image->length / SECTOR, step = places / PLACES + 1;

    unsetenv("XSI_EIO");
    setenv("XSI_EIO_FILE", image->path, 1);
    listing_bytes(image->bytes, image->length, NULL, &whole);
    if (image->length < SECTOR || (whole.exit & ~3U)) {
        listing_free(&whole);
        skip();
    }
    for (uint64_t n = 0; n + 1 < places; n += step)
        hole(image, &whole, n * SECTOR);
    unsetenv("XSI_EIO");
    listing_free(&whole);
}

int main(int argc, char **argv)
{
    return property_main("unreadable", argc, argv, unreadable);
}
