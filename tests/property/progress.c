/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Property 10, progress: every step moves forward; no input makes the walk hang. Damaged images
 * are walked as every format there is, and so is matter that is no image at all.
 */
#include "common.h"

#include <string.h>
#include <unistd.h>

enum { NOISE = 32768, LIMIT_SECONDS = 120 };

static void check(const uint8_t *bytes, size_t length, const char *as)
{
    struct listing l;

    listing_bytes(bytes, length, as, &l);
    if (l.broken[0])
        fail_msg("as %s, %zu bytes: %s", as ? as : "detected", length, l.broken);
    /* a chunk has a byte at least, and findings are bounded by what there is to find */
    assert_true(l.events <= 4 * (uint64_t)length + 1000);
    listing_free(&l);
}

static void every_layer(const uint8_t *bytes, size_t length)
{
    const char *as;

    check(bytes, length, NULL);
    for (size_t i = 0; (as = xsi_layer_name(i)) != NULL; i++)
        check(bytes, length, as);
}

static void progress(void **state)
{
    const struct image *image = *state;
    size_t rounds = image->length < 1 << 18 ? 12 : 3, length;

    alarm(LIMIT_SECONDS);
    for (size_t seed = 1000; image->length && seed < 1000 + rounds; seed++) {
        uint8_t *bytes = damaged(image, seed, &length);

        every_layer(bytes, length);
        free(bytes);
    }
    alarm(0);
}

/* Zeroes, ones, counting words and noise: what a disk holds where no image is. */
static int noise(void)
{
    uint8_t *bytes = malloc(NOISE);
    uint64_t state = 7;

    if (!bytes)
        return 1;
    alarm(LIMIT_SECONDS);
    for (int kind = 0; kind < 4; kind++) {
        memset(bytes, kind == 1 ? 0xff : 0, NOISE);
        for (size_t i = 0; kind >= 2 && i < NOISE; i += 8) {
            uint64_t word = kind == 2 ? i / 8 : chance(&state);

            memcpy(bytes + i, &word, sizeof(word));
        }
        every_layer(bytes, NOISE);
        every_layer(bytes, 0);
        every_layer(bytes, 1);
    }
    alarm(0);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    return noise() || property_main("progress", argc, argv, progress);
}
