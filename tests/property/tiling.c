/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 7, tiling: leaf chunks and gaps cover every byte once, for any input. The rule itself
 * is checked by every listing (common.c); here it meets sound, damaged, cut and misread images.
 */
#include "common.h"

static void check(const uint8_t *bytes, size_t length, const char *as)
{
    struct listing l;

    listing_bytes(bytes, length, as, &l);
    if (l.broken[0])
        fail_msg("as %s, %zu bytes: %s", as ? as : "detected", length, l.broken);
    listing_free(&l);
}

static void tiling(void **state)
{
    const struct image *image = *state;
    bool small = image->length < 1 << 18;
    size_t rounds = small ? 40 : 6, length;
    const char *as;

    check(image->bytes, image->length, NULL);
    for (size_t i = 0; small && (as = xsi_layer_name(i)) != NULL; i++)
        check(image->bytes, image->length, as);
    for (size_t seed = 0; image->length && seed < rounds; seed++) {
        uint8_t *bytes = damaged(image, seed, &length);

        check(bytes, length, NULL);
        free(bytes);
    }
}

int main(int argc, char **argv)
{
    return property_main("tiling", argc, argv, tiling);
}
