/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FPU state: the FXSAVE image and the XSAVE area around it. Layouts are the processor's. */
#include "x86_priv.h"

static const struct xsi_field_row fxsave_rows[] = {
    { .name = "fcw", .offset = 0, .size = 2, .kind = XSI_HEX },
    { .name = "fsw", .offset = 2, .size = 2, .kind = XSI_HEX },
    { .name = "ftw", .offset = 4, .size = 1, .kind = XSI_HEX },
    { .name = "fop", .offset = 6, .size = 2, .kind = XSI_HEX },
    { .name = "fip", .offset = 8, .size = 8, .kind = XSI_HEX },
    { .name = "fdp", .offset = 16, .size = 8, .kind = XSI_HEX },
    { .name = "mxcsr", .offset = 24, .size = 4, .kind = XSI_HEX },
    { .name = "mxcsr_mask", .offset = 28, .size = 4, .kind = XSI_HEX },
    { .name = NULL },
};

/* Registers of `size` bytes every 16 bytes. */
static void registers(struct xsi_decode *d, const char *name, size_t at, size_t size,
                      unsigned count, size_t end)
{
    if (!x86_fits(at, size, end))
        return;
    xsi_open(d, name, XSI_LIST, at, 16 * (size_t)count);
    for (unsigned i = 0; i < count && x86_fits(at, size, end); i++, at += 16)
        xsi_put_text(d, NULL, XSI_BYTES, at, d->bytes + at, size);
    xsi_close(d);
}

void x86_decode_fxsave(struct xsi_decode *d, const char *name, size_t base, size_t size)
{
    size_t end = x86_end(d, base, size < 512 ? size : 512);

    if (!x86_fits(base, 2, end))
        return;
    xsi_open(d, name, XSI_GROUP, base, end - base);
    xsi_decode_rows(d, base, end - base, fxsave_rows);
    if (d->detail > 1) {
        registers(d, "st", base + 32, 10, 8, end);
        registers(d, "xmm", base + 160, 16, 16, end);
    }
    xsi_close(d);
}

/* Only the x87, SSE and AVX parts have the same place on every processor. */
static const struct {
    uint64_t bit;
    size_t offset, size;
} places[] = { { 1, 0, 160 }, { 2, 160, 256 }, { 4, 576, 256 } };

static void components(struct xsi_decode *d, size_t area, size_t end, uint64_t accum, uint64_t used)
{
    if (!x86_fits(area, X86_XSAVE_MIN, end))
        return;
    xsi_open(d, "components", XSI_LIST, area, end - area);
    for (const struct xsi_name *n = x86_xstate_bits; n->name; n++) {
        size_t at = area, size = 0;

        if (!((accum | used) & n->value))
            continue;
        for (size_t i = 0; i < X86_COUNT(places); i++)
            if (places[i].bit == n->value &&
                x86_fits(area + places[i].offset, places[i].size, end)) {
                at = area + places[i].offset;
                size = places[i].size;
            }
        xsi_open(d, NULL, XSI_GROUP, at, size);
        x86_put_words(d, "component", at, size, n->name, strlen(n->name));
        xsi_put(d, "in_use", XSI_BOOL, area + 512, 8, (used & n->value) != 0, NULL);
        if (size && d->detail > 1 && n->value == 4)
            registers(d, "ymm_high", at, 16, 16, end);
        xsi_close(d);
    }
    xsi_close(d);
}

void x86_decode_xsave_area(struct xsi_decode *d, size_t base, size_t size, uint64_t accum)
{
    static const struct xsi_field_row header[] = {
        { .name = "xstate_bv",
          .offset = 512,
          .size = 8,
          .kind = XSI_FLAGS,
          .names = x86_xstate_bits,
          .help = "components that are not in their initial state" },
        { .name = "xcomp_bv",
          .offset = 520,
          .size = 8,
          .kind = XSI_HEX,
          .help = "bit 63: compacted, which Xen neither writes nor reads" },
        { .name = NULL },
    };
    size_t end = x86_end(d, base, size);

    if (end <= base)
        return;
    x86_decode_fxsave(d, "legacy", base, size);
    xsi_decode_rows(d, base, size, header);
    components(d, base, end, accum, xsi_decode_number(d, base + 512, 8));
}

/* 4.22:domctl.h:xen_domctl_vcpuextstate describes the two words in front of the area. */
void x86_decode_xsave(struct xsi_decode *d, size_t base, size_t size)
{
    static const struct xsi_field_row rows[] = {
        { .name = "xcr0",
          .offset = 0,
          .size = 8,
          .kind = XSI_FLAGS,
          .names = x86_xstate_bits,
          .help = "components that the guest has enabled" },
        { .name = "xcr0_accum",
          .offset = 8,
          .size = 8,
          .kind = XSI_FLAGS,
          .names = x86_xstate_bits,
          .help = "components that it ever enabled" },
        { .name = NULL },
    };

    xsi_decode_rows(d, base, size, rows);
    if (size > 16 && base < d->have && d->have - base > 16)
        x86_decode_xsave_area(d, base + 16, size - 16, xsi_decode_number(d, base + 8, 8));
}
