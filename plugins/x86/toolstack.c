/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl's toolstack data, version 1: where the device model's memory regions are mapped. */
#include "x86_priv.h"

enum { HEAD = 8, FIXED = 28, ENTRY64 = 32 };

/* Do entries of this stride end at the end of the data? *count: how many fitted. */
static bool fits(const uint8_t *p, size_t size, unsigned stride, uint32_t *count)
{
    uint32_t claimed = xsi_le32(p + 4);
    size_t at = HEAD;

    for (*count = 0; *count < claimed && size - at >= FIXED; ++*count) {
        uint32_t name = xsi_le32(p + at + 24);

        if (size - at < stride || name > size - at - stride)
            break;
        at += (size_t)stride + name;
    }
    return *count == claimed && at == size;
}

unsigned x86_toolstack_stride(const uint8_t *p, size_t size)
{
    uint32_t count64, count32;

    if (size < HEAD || xsi_le32(p) != 1 || !xsi_le32(p + 4))
        return 0;
    if (fits(p, size, ENTRY64, &count64))
        return ENTRY64;
    if (fits(p, size, FIXED, &count32))
        return FIXED;
    /* Neither is exact: damaged or cut. Take what gets further. */
    if (!count64 && !count32)
        return 0;
    return count64 >= count32 ? ENTRY64 : FIXED;
}

void x86_decode_toolstack(struct xsi_decode *d, size_t base, size_t size)
{
    static const struct xsi_field_row head[] = {
        { .name = "version", .offset = 0, .size = 4, .kind = XSI_UINT },
        { .name = "count", .offset = 4, .size = 4, .kind = XSI_UINT },
        { .name = NULL },
    };
    static const struct xsi_field_row entry[] = {
        { .name = "phys_offset", .offset = 0, .size = 8, .kind = XSI_HEX },
        { .name = "start_addr", .offset = 8, .size = 8, .kind = XSI_HEX },
        { .name = "size", .offset = 16, .size = 8, .kind = XSI_HEX, .unit = "bytes" },
        { .name = NULL },
    };
    size_t end = x86_end(d, base, size), at = base + HEAD;
    unsigned stride;

    xsi_decode_rows(d, base, size, head);
    if (end < base + HEAD)
        return;
    /* PV guests have no entries, and nothing then shows the width. */
    stride = x86_toolstack_stride(d->bytes + base, end - base);
    if (!stride)
        return;
    xsi_put(d, "toolstack_bits", XSI_UINT, base, 0, stride == ENTRY64 ? 64 : 32, NULL);
    xsi_open(d, "physmap", XSI_LIST, at, end - at);
    for (uint64_t n = xsi_decode_number(d, base + 4, 4); n && x86_fits(at, stride, end); n--) {
        size_t length = (size_t)xsi_decode_number(d, at + 24, 4);

        if (length > end - at - stride)
            break;
        xsi_open(d, NULL, XSI_GROUP, at, stride + length);
        xsi_decode_rows(d, at, FIXED, entry);
        xsi_put_text(d, "name", XSI_TEXT, at + FIXED, d->bytes + at + FIXED,
                     strnlen((const char *)d->bytes + at + FIXED, length));
        xsi_close(d);
        at += stride + length;
    }
    xsi_close(d);
}
