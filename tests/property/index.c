/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any chunk can be gone back to: an index of a walk opens each with the fields and entries that the
 * straight walk found in it, on sound, damaged, cut and unreadable images.
 */
#include "common.h"

#include <inttypes.h>
#include <stdio.h>

#include "../unit/index.h"

enum { SECTOR = 512 };

static void check(const uint8_t *bytes, size_t length, bool scan)
{
    const struct xsi_walk_options options = { .scan = scan };
    struct xsi_source *src = xsi_source_memory(bytes, length);

    assert_non_null(src);
    check_index(src, &options, scan, 12);
    xsi_source_free(src);
}

/* The same on a disk with a bad sector (tests/shim/eio.c). */
static void check_hole(const struct image *image, uint64_t from)
{
    struct xsi_error err = { 0 };
    struct xsi_source *src;
    char range[64];

    snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, from, from + SECTOR);
    setenv("XSI_EIO_FILE", image->path, 1);
    setenv("XSI_EIO", range, 1);
    src = xsi_source_open(image->path, NULL, &err);
    if (!src)
        fail_msg("%s: %s", image->path, err.text);
    check_index(src, NULL, false, 12);
    xsi_source_free(src);
    unsetenv("XSI_EIO");
    unsetenv("XSI_EIO_FILE");
}

static void goes_back(void **state)
{
    const struct image *image = *state;
    size_t rounds = image->length < 1 << 18 ? 2 : 0, length;
    uint64_t sectors = image->length / SECTOR;

    check(image->bytes, image->length, false);
    for (size_t seed = 0; image->length && seed < rounds; seed++) {
        uint8_t *bytes = damaged(image, 2000 + seed, &length);

        check(bytes, length, seed % 2);
        free(bytes);
    }
    for (uint64_t n = 0; n < sectors; n += 1 + sectors / 5)
        check_hole(image, n * SECTOR);
}

int main(int argc, char **argv)
{
    return property_main("index", argc, argv, goes_back);
}
