/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * After damage the listing finds the place where the stream goes on. 200 seeded damages of five
 * kinds to the body of each image; the boundaries of the undamaged image, moved by what was lost,
 * are the truth. In 95 of 100 cases the first place behind the damage must be the true one, and no
 * place that is called certain may be wrong.
 */
#include "common.h"

#include <stdio.h>
#include <string.h>

enum { DAMAGES = 200, PERCENT = 95 };
enum kind { COUNT_CHANGED, PFN_CHANGED, LOST_4, LOST_4K, ZEROED_1M, KINDS };
static const char *const kind_names[] = { "count changed", "PFN changed", "4 bytes lost",
                                          "4 KiB lost", "1 MiB zeroed" };

/* What was done: bytes from `at` on changed (or gone, when `lost`). */
struct damage {
    enum kind kind;
    size_t at, length, lost;
};

static const struct leaf *random_batch(const struct listing *l, uint64_t *seed)
{
    size_t n = 0, pick;

    for (size_t i = 0; i < l->count; i++)
        n += (l->leaves[i].flags & XSI_CHUNK_PAGES) && l->leaves[i].length >= 64 * 4096;
    if (!n)
        return NULL;
    pick = chance(seed) % n;
    for (size_t i = 0;; i++)
        if ((l->leaves[i].flags & XSI_CHUNK_PAGES) && l->leaves[i].length >= 64 * 4096 && !pick--)
            return &l->leaves[i];
}

/* Where the count stands in a batch of this layer, and the size of an entry. */
static size_t count_place(const struct leaf *batch, size_t *entry)
{
    *entry = strcmp(batch->layer, "libxc-legacy32") ? 8 : 4;
    return strncmp(batch->layer, "libxc-v", 7) ? 0 : 8;
}

static void change_word(uint8_t *bytes, size_t at, uint64_t *seed)
{
    uint32_t word, old;

    memcpy(&old, bytes + at, sizeof(old));
    switch (chance(seed) % 3) {
    case 0:
        word = old ^ 1U << chance(seed) % 32;
        break;
    case 1:
        word = (uint32_t)chance(seed);
        break;
    default:
        word = 1 + (uint32_t)chance(seed) % 1024;
        break;
    }
    if (word == old)
        word ^= 2;
    memcpy(bytes + at, &word, sizeof(word));
}

/* Damages a copy of the image; returns its new length. */
static size_t damage_copy(uint8_t *bytes, size_t length, const struct leaf *batch, struct damage *d,
                          uint64_t *seed)
{
    size_t entry, place = count_place(batch, &entry);
    size_t head = place + (place ? 8 : 4);

    d->lost = 0;
    switch (d->kind) {
    case COUNT_CHANGED:
        d->at = batch->offset + place;
        d->length = 4;
        change_word(bytes, d->at, seed);
        return length;
    case PFN_CHANGED:
        d->at = batch->offset + head + entry * (chance(seed) % ((batch->meta - head) / entry));
        d->length = 4;
        change_word(bytes, d->at, seed);
        return length;
    case ZEROED_1M:
        d->at = batch->offset + chance(seed) % batch->length;
        d->length = length - d->at < 1 << 20 ? length - d->at : 1 << 20;
        memset(bytes + d->at, 0, d->length);
        return length;
    default:
        d->lost = d->kind == LOST_4 ? 4 : 4096;
        d->length = 0;
        d->at = batch->offset + chance(seed) % (batch->length - d->lost);
        memmove(bytes + d->at, bytes + d->at + d->lost, length - d->at - d->lost);
        return length - d->lost;
    }
}

/* True boundary of the damaged image at or behind `from`, whose header is intact; 0 = none. */
static uint64_t next_true(const struct listing *l, const struct damage *d, uint64_t from)
{
    for (size_t i = 0; i < l->count; i++) {
        uint64_t at = l->leaves[i].offset;
        uint64_t end = at + l->leaves[i].meta;

        if (at < d->at + d->lost + (d->length ? 1 : 0) || (at < d->at + d->length && end > d->at))
            continue;
        if (at - d->lost >= from)
            return at - d->lost;
    }
    return 0;
}

static bool is_true(const struct listing *l, const struct damage *d, uint64_t offset)
{
    for (size_t i = 0; i < l->count; i++) {
        uint64_t at = l->leaves[i].offset;

        if (at >= d->at + d->lost && at - d->lost == offset)
            return true;
        if (at <= d->at && at == offset)
            return true;
    }
    return false;
}

/* The first boundary behind the damage that the listing shows is the true one. */
static bool goes_on(const struct listing *truth, const struct listing *now, const struct damage *d,
                    const struct image *image, unsigned seed)
{
    uint64_t want = next_true(truth, d, d->at), got = 0;
    bool good = false;

    for (size_t i = 0; i < now->count; i++) {
        const struct leaf *leaf = &now->leaves[i];

        if ((leaf->flags & XSI_CHUNK_CERTAIN) && !is_true(truth, d, leaf->offset))
            fail_msg("%s, seed %u (%s at 0x%zx): 0x%llx is called certain and is wrong",
                     image->path, seed, kind_names[d->kind], d->at,
                     (unsigned long long)leaf->offset);
        if (!(leaf->flags & XSI_CHUNK_GAP) && leaf->offset == want)
            good = true;
        if ((leaf->flags & XSI_CHUNK_RESYNC) && !got && leaf->offset > d->at)
            got = leaf->offset;
    }
    if (got && got != want && !is_true(truth, d, got))
        good = false;
    if (!good && getenv("RESYNC_VERBOSE"))
        printf("# %s seed %u: %s at 0x%zx: want 0x%llx got 0x%llx\n", image->path, seed,
               kind_names[d->kind], d->at, (unsigned long long)want, (unsigned long long)got);
    return good;
}

static void resync(void **state)
{
    const struct image *image = *state;
    unsigned good = 0, tried = 0, of_kind[KINDS] = { 0 };
    struct listing truth, now;

    listing_bytes(image->bytes, image->length, NULL, &truth);
    for (unsigned i = 0; i < DAMAGES; i++) {
        uint64_t seed = 77000 + i;
        const struct leaf *batch = random_batch(&truth, &seed);
        struct damage d = { .kind = (enum kind)(i % KINDS) };
        uint8_t *bytes = batch ? malloc(image->length) : NULL;
        size_t length;

        if (!bytes)
            skip();
        memcpy(bytes, image->bytes, image->length);
        length = damage_copy(bytes, image->length, batch, &d, &seed);
        listing_bytes(bytes, length, NULL, &now);
        assert_string_equal(now.broken, "");
        if (next_true(&truth, &d, d.at)) {
            bool ok = goes_on(&truth, &now, &d, image, i);

            tried++;
            good += ok;
            of_kind[d.kind] += ok;
        }
        listing_free(&now);
        free(bytes);
    }
    listing_free(&truth);
    printf("# %u of %u damages of %s found again (", good, tried, image->path);
    for (int k = 0; k < KINDS; k++)
        printf("%s%s %u", k ? ", " : "", kind_names[k], of_kind[k]);
    printf(")\n");
    assert_true(good * 100 >= tried * PERCENT);
}

int main(int argc, char **argv)
{
    return property_main("resync", argc, argv, resync);
}
