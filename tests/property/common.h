/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the property tests share: a listing of bytes in memory with the rules that hold for every
 * listing checked on the way, and one cmocka test per image named on the command line.
 */
#ifndef PROPERTY_COMMON_H
#define PROPERTY_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "xsi.h"

struct image {
    const char *path;
    uint8_t *bytes;
    size_t length;
};

struct leaf {
    uint64_t offset, length, wanted, meta, index;
    const char *layer, *type;
    unsigned flags;
    uint64_t note;   /* hash of the note */
    uint64_t fields; /* hash of fields and entries, where asked for */
};

struct seen {
    const struct xsi_finding_row *row;
    uint64_t offset, length;
};

/* A whole listing. Free with listing_free(). */
struct listing {
    struct leaf *leaves;
    size_t count;
    struct seen *findings;
    size_t finding_count;
    unsigned exit;
    uint64_t stream_end;
    enum xsi_effect state;
    char stack[256]; /* layer names joined by '>' */
    uint64_t events;
    char broken[256]; /* the first rule that did not hold; "" = all did */
};

/* Which fields a listing hashes; UINT64_MAX: none, LISTING_ALL: of every chunk. */
#define LISTING_NONE UINT64_MAX
#define LISTING_ALL  (UINT64_MAX - 1)

/*
 * Walk a source to its end. length: size of the image, UINT64_MAX unknown. Breaks the rules of
 * tiling and of progress are noted in out->broken. *hash: of the fields, entries and note of the
 * chunk that holds byte `at` (or of all chunks).
 */
void listing_of(struct xsi_source *src, uint64_t length, const char *as, uint64_t at,
                uint64_t *hash, struct listing *out);
/* The same for bytes in memory. */
void listing_bytes(const uint8_t *bytes, size_t length, const char *as, struct listing *out);
void listing_free(struct listing *l);
/* Leaf that holds the byte; count when none. */
size_t listing_find(const struct listing *l, uint64_t offset);
/* Boundaries of both agree up to `end`. On a difference says where in why. */
bool listing_same_until(const struct listing *a, const struct listing *b, uint64_t end, char *why,
                        size_t size);
/* Does l hold a finding of this row's code at this place? */
bool listing_has(const struct listing *l, const struct seen *f);
/* Bytes of metadata: the chunks' own count, gaps left out. */
uint64_t listing_meta(const struct listing *l);

/* Next number of a seeded sequence (the tests must not differ from run to run). */
uint64_t chance(uint64_t *state);

/*
 * A damaged copy of an image: numbers set to extremes, bytes lost, doubled, zeroed or changed,
 * or the end cut off, as the seed will have it. Returns memory to free, exactly *length long.
 */
uint8_t *damaged(const struct image *image, uint64_t seed, size_t *length);

/* Run fn once per image of argv as a test named after it; *state is the image. */
int property_main(const char *name, int argc, char **argv, CMUnitTestFunction fn);

#endif
