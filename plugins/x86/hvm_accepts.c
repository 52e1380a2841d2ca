/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types and lengths of HVM records as a given release takes them. A record may be as long as the
 * release's own structure; shorter only where its loader fills up with zeros; never longer. The
 * 1016-byte CPU record is taken by all: 4.0.4, 4.1.2 and later convert it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "x86_priv.h"

enum { NEWEST = 422 };

uint32_t x86_hvm_own_length(unsigned code, unsigned release)
{
    uint32_t length = 0;

    for (const struct x86_hvm_length *row = x86_hvm_lengths; row->code < X86_HVM_CODES; row++)
        if (row->code == code && row->from <= release)
            length = row->length;
    return length;
}

static bool takes(unsigned code, uint32_t length, unsigned release, uint32_t own)
{
    const struct x86_hvm_type *t = &x86_hvm_types[code];

    if (t->repeat)
        return length >= own;
    if (length == own || (code == X86_HVM_CPU && length == 1016))
        return true;
    return length < own && t->zero_extends_from && release >= t->zero_extends_from;
}

bool x86_hvm_accepts(const uint8_t *p, size_t have, unsigned release, size_t *at, char *why,
                     size_t why_size)
{
    bool first = true;

    if (!release)
        release = NEWEST;
    *at = 0;
    if (why_size)
        why[0] = '\0';
    for (; x86_fits(*at, X86_HVM_DESC, have); first = false) {
        unsigned code = x86_le16(p + *at), instance = x86_le16(p + *at + 2);
        uint32_t length = xsi_le32(p + *at + 4), own;

        if (first && (code != X86_HVM_HEADER || length != X86_HVM_HEADER_SIZE)) {
            snprintf(why, why_size, "HEADER expected, type %u length %" PRIu32 " found", code,
                     length);
            return false;
        }
        if (code == X86_HVM_END)
            return true;
        own = code < X86_HVM_CODES ? x86_hvm_own_length(code, release) : 0;
        if (!own) {
            snprintf(why, why_size, "type %u instance %u is unknown", code, instance);
            return false;
        }
        if (!takes(code, length, release, own)) {
            snprintf(why, why_size, "%s %u has %" PRIu32 " bytes, %" PRIu32 " expected",
                     x86_hvm_types[code].name, instance, length, own);
            return false;
        }
        if (!x86_fits(*at + X86_HVM_DESC, length, have))
            break;
        *at += X86_HVM_DESC + length;
    }
    snprintf(why, why_size, "the list does not end with END");
    return false;
}
