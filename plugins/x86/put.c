/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small emitters that the decoders of this folder share. */
#include "x86_priv.h"

void x86_put(struct xsi_decode *d, const char *name, enum xsi_kind kind, size_t at, size_t n,
             size_t end)
{
    if (x86_fits(at, n, end))
        xsi_put(d, name, kind, at, n, xsi_decode_number(d, at, n), NULL);
}

void x86_put_array(struct xsi_decode *d, const char *name, enum xsi_kind kind, size_t at,
                   size_t size, size_t step, size_t count, size_t end)
{
    if (!x86_fits(at, size, end))
        return;
    xsi_open(d, name, XSI_LIST, at, step * count);
    for (size_t i = 0; i < count && x86_fits(at + i * step, size, end); i++)
        x86_put(d, NULL, kind, at + i * step, size, end);
    xsi_close(d);
}

void x86_put_bits(struct xsi_decode *d, const char *name, size_t at, size_t n, unsigned first,
                  size_t end)
{
    if (!x86_fits(at, n, end))
        return;
    xsi_open(d, name, XSI_LIST, at, n);
    for (size_t i = 0; i < n; i++)
        for (unsigned bit = 0; bit < 8; bit++)
            if (d->bytes[at + i] >> bit & 1)
                xsi_put(d, NULL, XSI_UINT, at + i, 1, first + i * 8 + bit, NULL);
    xsi_close(d);
}

/* Straight to the sink: xsi_put_text() takes the length of the text for that of the field. */
void x86_put_words(struct xsi_decode *d, const char *name, size_t at, size_t n, const char *words,
                   size_t length)
{
    struct xsi_value v = { .kind = XSI_TEXT,
                           .name = name,
                           .offset = d->offset + at,
                           .length = n,
                           .text = words,
                           .text_length = length,
                           .level = d->level };

    if (words)
        d->sink->value(d->sink, &v);
}
