/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place that knows the hash: xxhash is taken in as a header, so nothing links to it. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hash.h"

uint64_t xsi_hash64(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

struct xsi_hash *xsi_hash_new(void)
{
    XXH3_state_t *state = XXH3_createState();

    if (state)
        (void)XXH3_64bits_reset(state);
    return (struct xsi_hash *)state;
}

void xsi_hash_free(struct xsi_hash *hash)
{
    (void)XXH3_freeState((XXH3_state_t *)hash);
}

void xsi_hash_reset(struct xsi_hash *hash)
{
    (void)XXH3_64bits_reset((XXH3_state_t *)hash);
}

void xsi_hash_add(struct xsi_hash *hash, const void *bytes, size_t n)
{
    if (n)
        (void)XXH3_64bits_update((XXH3_state_t *)hash, bytes, n);
}

uint64_t xsi_hash_value(const struct xsi_hash *hash)
{
    return XXH3_64bits_digest((const XXH3_state_t *)hash);
}
