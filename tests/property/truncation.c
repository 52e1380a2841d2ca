/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 11, truncation: every prefix lists its longest good part and exits with bit 4 set, with
 * 16 where nothing is recognisable, or with 0 or 1 where the format cannot show the cut; the
 * places where it cannot are the table below.
 */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    EXIT_DAMAGED = 4,
    EXIT_UNKNOWN = 16,
    SMALL = 24576,
    STRIDE = 257,
    DEEP = 512, /* bytes of a long body that are cut one by one */
    EVIDENCE = 64,
    PART_HEADER = 16
};

/* A cut in (or in front of) such a chunk leaves an image that could have been written so. */
static const struct silent {
    const char *layer, *type; /* NULL: any */
    const char *why;
} silent[] = {
    { "qemu-trad", NULL, "the record has no length: it ends where the file ends" },
    { "qemu-unknown", "QEMU_STATE", "a bare state has no length either" },
    { "none", NULL, "bytes behind the image are no part of it" },
};

static bool may_be_silent(const struct leaf *leaf)
{
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
        if ((!silent[i].layer || !strcmp(silent[i].layer, leaf->layer)) &&
            (!silent[i].type || !strcmp(silent[i].type, leaf->type)))
            return true;
    return false;
}

/*
 * A cut just in front of a device-model record, or between two checkpoints: some writers end there.
 */
static bool is_possible_end(const struct listing *whole, size_t leaf, size_t cut)
{
    static const char *const ends[] = { "HVM_CONTEXT", "SHARED_INFO", "QEMU_RECORD" };
    const struct leaf *at = &whole->leaves[leaf];

    if (leaf == 0 || strstr(whole->stack, "libxc-legacy") == NULL)
        return false;
    /* a second record is bytes behind the image; what is left of it is that too */
    if (!strcmp(at->type, "QEMU_RECORD") && !strcmp(at[-1].type, "QEMU_RECORD"))
        return true;
    if (at->offset != cut)
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (!strcmp(at[-1].type, ends[i]))
            return true;
    return false;
}

/*
 * How far the prefix must list what the whole lists: up to the cut; but of a stream of which only
 * the first bytes are left not even the width can be told.
 */
static uint64_t good_end(const struct listing *whole, size_t cut)
{
    const struct leaf *leaf = &whole->leaves[listing_find(whole, cut)];

    /* a part without a length ends where the next one begins: not where that one is cut */
    if (leaf > whole->leaves && !strcmp(leaf[-1].type, "DEMU") && cut < leaf->offset + PART_HEADER)
        return cut > leaf->offset ? leaf[-1].offset : cut;
    for (leaf = whole->leaves; leaf < whole->leaves + whole->count; leaf++)
        if (strncmp(leaf->layer, "libx", 4) == 0)
            return cut >= leaf->offset && cut < leaf->offset + EVIDENCE ? leaf->offset : cut;
    return cut;
}

static void prefix(const struct image *image, const struct listing *whole, size_t cut)
{
    size_t leaf = listing_find(whole, cut);
    /* as long as the prefix, so that the sanitizer sees a read behind the cut */
    uint8_t *bytes = malloc(cut ? cut : 1);
    struct listing l;
    char why[400];

    assert_non_null(bytes);
    memcpy(bytes, image->bytes, cut);
    listing_bytes(bytes, cut, NULL, &l);
    if (l.broken[0])
        fail_msg("cut at %zu: %s", cut, l.broken);
    if (!(l.exit & EXIT_UNKNOWN)) {
        if (!listing_same_until(whole, &l, good_end(whole, cut), why, sizeof(why)))
            fail_msg("cut at %zu: %s", cut, why);
        if (!(l.exit & EXIT_DAMAGED) &&
            (l.exit > 1 + (whole->exit & ~1U) ||
             (!may_be_silent(&whole->leaves[leaf]) && !is_possible_end(whole, leaf, cut))))
            fail_msg("cut at %zu, in %s %s: exit %u", cut, whole->leaves[leaf].layer,
                     whole->leaves[leaf].type, l.exit);
    }
    listing_free(&l);
    free(bytes);
}

static void truncation(void **state)
{
    const struct image *image = *state;
    struct listing whole;

    listing_bytes(image->bytes, image->length, NULL, &whole);
    /* a damaged image has no good end that a cut could lose */
    if (whole.exit & (EXIT_DAMAGED | EXIT_UNKNOWN)) {
        listing_free(&whole);
        skip();
    }
    for (size_t cut = 0; cut < image->length; cut++) {
        const struct leaf *leaf = &whole.leaves[listing_find(&whole, cut)];
        uint64_t in = cut - leaf->offset;

        /* inside page data one place is as good as another, and deep inside a long body nearly */
        if (image->length <= SMALL || (in <= leaf->meta && (in < DEEP || cut % 5 == 0)) ||
            cut % STRIDE == 0)
            prefix(image, &whole, cut);
    }
    listing_free(&whole);
}

int main(int argc, char **argv)
{
    return property_main("truncation", argc, argv, truncation);
}
