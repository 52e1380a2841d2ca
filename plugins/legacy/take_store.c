/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl's toolstack data (where the device model's memory regions are mapped) as the xenstore keys
 * that libxl since 4.6 sends instead: physmap/ADDRESS/start_addr, size, name.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../x86/x86.h"
#include "take.h"

#define STORE_MAX (1U << 20) /* longest toolstack data: 4 GiB of regions need some hundred bytes */

enum { HEAD = 8, FIXED = 28 }; /* bytes in front of the entries; of an entry up to its name */

/* One entry at p, `left` bytes of which are there; its length, 0 when it is none. */
static size_t put_entry(FILE *out, const uint8_t *p, size_t left, unsigned stride)
{
    uint64_t phys, start, size;
    uint32_t name;

    if (left < stride)
        return 0;
    phys = xsi_le64(p);
    start = xsi_le64(p + 8);
    size = xsi_le64(p + 16);
    name = xsi_le32(p + 24);
    if (!name || name > left - stride || memchr(p + FIXED, 0, name) != p + FIXED + name - 1)
        return 0;
    (void)fprintf(out, "physmap/%" PRIx64 "/start_addr%c%" PRIx64 "%c", phys, 0, start, 0);
    (void)fprintf(out, "physmap/%" PRIx64 "/size%c%" PRIx64 "%c", phys, 0, size, 0);
    (void)fprintf(out, "physmap/%" PRIx64 "/name%c", phys, 0);
    (void)fwrite(p + FIXED, 1, name, out);
    return (size_t)stride + name;
}

static bool put_entries(FILE *out, const uint8_t *p, size_t n)
{
    unsigned stride = x86_toolstack_stride(p, n);
    size_t at = HEAD, length;

    for (uint32_t count = xsi_le32(p + 4); count; count--) {
        length = stride ? put_entry(out, p + at, n - at, stride) : 0;
        if (!length)
            return false;
        at += length;
    }
    return true;
}

int legacy_take_toolstack(struct xsi_take *t)
{
    const struct xsi_chunk *c = xsi_take_chunk(t);
    size_t n = c->length > 8 ? (size_t)(c->length - 8) : 0, length = 0;
    const uint8_t *p = n >= HEAD && n <= STORE_MAX ? xsi_take_bytes(t, 8, n) : NULL;
    char *text = NULL;
    FILE *out;
    bool good;
    int rc = 0;

    if (!n)
        return 0;
    if (!p && n >= HEAD && n <= STORE_MAX)
        return -EBADMSG;
    if (!p || xsi_le32(p) != 1)
        return xsi_take_cannot(t, "toolstack data of another version than 1, or of %zu bytes", n);
    out = open_memstream(&text, &length);
    if (!out)
        return -ENOMEM;
    good = put_entries(out, p, n);
    if (fclose(out))
        rc = -ENOMEM;
    else if (!good)
        rc = xsi_take_cannot(t,
                             "the toolstack data ends before its %u regions do, or a region has "
                             "no name",
                             xsi_le32(p + 4));
    else if (length) /* PV guests have none */
        rc = xsi_take_item(t, XSI_ITEM_EMULATOR_STORE, 0, text, length);
    free(text);
    return rc;
}
