/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XXH3, 64 bits: for plans and undo files. It finds damage and mix-ups, not forgery. */
#ifndef XSI_EDIT_HASH_H
#define XSI_EDIT_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t xsi_hash64(const void *bytes, size_t n);

/* The same hash of bytes that come in pieces. */
struct xsi_hash;
/* NULL when there is no memory; free with xsi_hash_free(). */
struct xsi_hash *xsi_hash_new(void);
void xsi_hash_free(struct xsi_hash *hash);
/* Begin anew. */
void xsi_hash_reset(struct xsi_hash *hash);
void xsi_hash_add(struct xsi_hash *hash, const void *bytes, size_t n);
/* Of what was added so far; more may be added. */
uint64_t xsi_hash_value(const struct xsi_hash *hash);

#endif
