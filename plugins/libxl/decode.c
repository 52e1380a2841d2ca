/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields of libxl's header and records. */
#include "libxl.h"
#include "../qemu/qevm.h"

#define PAIRS_MAX 4096 /* pairs of xenstore data that are shown */

/* clang-format off */
static const struct xsi_name option_bits[] = { { 1, "big_endian" }, { 2, "legacy" }, { 0, NULL } };
static const struct xsi_name states[] = {
    { 0, "new" }, { 1, "svm_suspended" }, { 2, "svm_ready" }, { 3, "svm_resumed" }, { 0, NULL }
};

static const struct xsi_field_row header_rows[] = {
    { "ident", 0, 8, XSI_TEXT, NULL, NULL, "LibxlFmt", 1 },
    { "version", 8, 4, XSI_UINT, NULL, NULL, "2, the only one", 1 },
    { "options", 12, 4, XSI_FLAGS, option_bits, NULL, "byte order of the records; converted from "
      "legacy", 1 },
    { 0 }
};

static const struct xsi_field_row emulator_rows[] = {
    { "emulator_id", 0, 4, XSI_ENUM, libxl_emulators, NULL, "readers do not look at it", 1 },
    { "emulator_index", 4, 4, XSI_UINT, NULL, NULL, "always 0", 1 },
    { 0 }
};

static const struct xsi_field_row state_rows[] = {
    { "state", 0, 4, XSI_ENUM, states, NULL, NULL, 1 },
    { 0 }
};
/* clang-format on */

/* Type and length; returns the bytes of the body that are there. */
static size_t decode_head(struct xsi_decode *d)
{
    const struct libxl_records *r = d->state;
    struct xsi_cursor c;
    uint32_t type, length;
    size_t have = d->have > LIBXL_RHDR_SIZE ? d->have - LIBXL_RHDR_SIZE : 0;

    d->big = r->big;
    c = xsi_decode_cursor(d, 0);
    type = xsi_u32(&c);
    length = xsi_u32(&c);
    if (c.short_read)
        return 0;
    xsi_put(d, "type", XSI_HEX, 0, 4, type, NULL);
    xsi_put(d, "length", XSI_UINT, 4, 4, length, "bytes");
    return have < length ? have : length;
}

void libxl_decode_header(struct xsi_decode *d)
{
    d->big = true;
    xsi_decode_rows(d, 0, LIBXL_HDR_SIZE, header_rows);
}

void libxl_decode_empty(struct xsi_decode *d)
{
    libxl_decode_opaque(d);
}

void libxl_decode_opaque(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    if (size)
        xsi_put_text(d, "body", XSI_BYTES, LIBXL_RHDR_SIZE, d->bytes + LIBXL_RHDR_SIZE,
                     size < 256 ? size : 256);
}

void libxl_decode_state(struct xsi_decode *d)
{
    size_t size = decode_head(d);

    xsi_decode_rows(d, LIBXL_RHDR_SIZE, size, state_rows);
}

void libxl_decode_xenstore(struct xsi_decode *d)
{
    size_t size = decode_head(d), at = LIBXL_RHDR_SIZE + 8, end = LIBXL_RHDR_SIZE + size;

    xsi_decode_rows(d, LIBXL_RHDR_SIZE, size, emulator_rows);
    if (size <= 8)
        return;
    xsi_open(d, "entries", XSI_LIST, at, size - 8);
    for (unsigned n = 0; at < end && n < PAIRS_MAX; n++) {
        size_t key = strnlen((const char *)d->bytes + at, end - at), value_at = at + key + 1;
        size_t value =
            value_at < end ? strnlen((const char *)d->bytes + value_at, end - value_at) : 0;

        xsi_open(d, NULL, XSI_GROUP, at, key + 1 + value + 1);
        xsi_put_text(d, "key", XSI_TEXT, at, d->bytes + at, key);
        if (value_at < end)
            xsi_put_text(d, "value", XSI_TEXT, value_at, d->bytes + value_at, value);
        xsi_close(d);
        at = value_at + value + 1;
    }
    xsi_close(d);
}

void libxl_decode_emulator(struct xsi_decode *d)
{
    size_t size = decode_head(d);
    struct xsi_cursor c = xsi_decode_cursor(d, 4);
    uint32_t length = xsi_u32(&c);

    xsi_decode_rows(d, LIBXL_RHDR_SIZE, size, emulator_rows);
    if (size > 8)
        qevm_decode(d, LIBXL_RHDR_SIZE + 8, length - 8);
}
