/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any chunk can be gone back to: an index of a walk opens each with the fields and entries that the
 * straight walk found in it, on sound, damaged and cut images.
 */
#include "common.h"

#include "../unit/index.h"

static void check(const uint8_t *bytes, size_t length, bool scan)
{
    const struct xsi_walk_options options = { .scan = scan };
    struct xsi_source *src = xsi_source_memory(bytes, length);

    assert_non_null(src);
    check_index(src, &options, scan, 12);
    xsi_source_free(src);
}

static void goes_back(void **state)
{
    const struct image *image = *state;
    size_t rounds = image->length < 1 << 18 ? 2 : 0, length;

    check(image->bytes, image->length, false);
    for (size_t seed = 0; image->length && seed < rounds; seed++) {
        uint8_t *bytes = damaged(image, 2000 + seed, &length);

        check(bytes, length, seed % 2);
        free(bytes);
    }
}

int main(int argc, char **argv)
{
    return property_main("index", argc, argv, goes_back);
}
