/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of an HVM guest: Xen's context records, and QEMU's blob. */
#include <string.h>

#include "xsgen.h"

enum { ALWAYS = 1, PER_VCPU = 2, TWO = 4, NOT_PVH = 8, VIRIDIAN = 16, XSAVE = 32, MSRS = 64 };

/* One record kind: length by era (a row per change, newest last; 0 = does not exist yet). */
struct hvm_row {
    uint16_t code;
    uint16_t how;
    struct {
        uint32_t since;
        uint16_t length;
    } by_era[4];
};

static const struct hvm_row hvm_rows[] = {
    { 1, ALWAYS, { { 0, 24 } } },
    { 2, PER_VCPU, { { 0, 1016 }, { ERA(4, 0, 0), 1024 }, { ERA(4, 7, 0), 1032 } } },
    { 3, TWO | NOT_PVH, { { 0, 8 } } },
    { 4, NOT_PVH, { { 0, 400 } } },
    { 5, PER_VCPU, { { 0, 16 }, { ERA(4, 1, 0), 24 }, { ERA(4, 21, 0), 32 } } },
    { 6, PER_VCPU, { { 0, 1024 } } },
    { 7, ALWAYS, { { 0, 16 } } },
    { 8, ALWAYS, { { 0, 8 } } },
    { 9, ALWAYS, { { 0, 8 } } },
    { 10, NOT_PVH, { { 0, 56 } } },
    { 11, NOT_PVH, { { 0, 16 }, { ERA(4, 14, 0), 24 } } },
    { 12, NOT_PVH, { { 0, 1048 } } },
    { 13, NOT_PVH, { { 0, 8 } } },
    { 14, PER_VCPU, { { ERA(3, 2, 0), 240 } } },
    { 15, VIRIDIAN, { { ERA(3, 4, 0), 16 }, { ERA(4, 5, 0), 24 }, { ERA(4, 6, 0), 32 } } },
    { 16, PER_VCPU | XSAVE, { { ERA(4, 1, 0), 8 } } },
    { 17,
      PER_VCPU | VIRIDIAN,
      { { ERA(4, 2, 0), 8 }, { ERA(4, 7, 0), 16 }, { ERA(4, 13, 0), 216 } } },
    { 18, PER_VCPU, { { ERA(4, 2, 0), 8 }, { ERA(4, 3, 0), 24 }, { ERA(4, 10, 0), 32 } } },
    { 19, PER_VCPU, { { ERA(4, 3, 0), 8 } } },
    { 20, PER_VCPU | MSRS, { { ERA(4, 5, 0), 8 } } },
};

static unsigned row_length(const struct recipe *r, const struct hvm_row *row)
{
    unsigned length = 0, i;

    for (i = 0; i < COUNT(row->by_era) && row->by_era[i].length; i++)
        if (r->era >= row->by_era[i].since)
            length = row->by_era[i].length;
    return length;
}

static bool row_wanted(const struct recipe *r, const struct hvm_row *row)
{
    bool viridian = param_of(r, r->format == FORMAT_LEGACY ? -11 : 9, 0) != 0;

    if (row_length(r, row) == 0 || (row->how & NOT_PVH && r->guest == GUEST_PVH))
        return false;
    return !(row->how & VIRIDIAN && !viridian) && !(row->how & XSAVE && r->xsave.n == 0) &&
           !(row->how & MSRS && r->vcpu_msrs == 0);
}

static unsigned instance_length(const struct recipe *r, const struct hvm_row *row, unsigned vcpu)
{
    unsigned length = row_length(r, row);

    if (row->how & XSAVE)
        length += (unsigned)r->xsave.at[vcpu % r->xsave.n];
    if (row->how & MSRS)
        length += 16 * (unsigned)r->vcpu_msrs;
    return length;
}

static unsigned instances(const struct recipe *r, const struct hvm_row *row)
{
    return row->how & PER_VCPU ? (unsigned)r->vcpus : row->how & TWO ? 2 : 1;
}

size_t hvm_context_size(const struct recipe *r)
{
    size_t size = 8, i;
    unsigned k;

    for (i = 0; i < COUNT(hvm_rows); i++)
        for (k = 0; row_wanted(r, &hvm_rows[i]) && k < instances(r, &hvm_rows[i]); k++)
            if (!(hvm_rows[i].how & PER_VCPU) || vcpu_online(r, k))
                size += 8 + instance_length(r, &hvm_rows[i], k);
    return size;
}

static void fill_cpu(uint8_t *c, unsigned length)
{
    unsigned k;

    poke(c, 0x37F, 2);
    poke(c + 24, 0x1F80, 4);
    poke(c + 0x238, 0x7C00, 8);     /* rsp */
    poke(c + 0x280, 0xFFFFFFF0, 8); /* rip */
    poke(c + 0x288, 0x2, 8);        /* rflags */
    poke(c + 0x290, 0x80050033, 8); /* cr0 */
    poke(c + 0x2A0, 0x1000, 8);     /* cr3 */
    poke(c + 0x2A8, 0x6F0, 8);      /* cr4 */
    poke(c + 0x2D0, 0xFFFF0FF0, 8); /* dr6 */
    poke(c + 0x2D8, 0x400, 8);      /* dr7 */
    for (k = 0; k < 8; k++) {
        poke(c + 0x2E0 + 4 * k, k == 0 ? 0x10 : k == 6 ? 0x40 : k == 7 ? 0 : 0x18, 4);
        poke(c + 0x300 + 4 * k, k < 6 ? 0xFFFFFFFF : 0x67, 4);
        poke(c + 0x378 + 4 * k, k == 0 ? 0xA9B : k == 6 ? 0x8B : k == 7 ? 0x82 : 0xC93, 4);
    }
    poke(c + 0x320, 0x7FF, 4); /* idtr, gdtr limits */
    poke(c + 0x324, 0x7F, 4);
    poke(c + 0x3E0, 0xD01, 8);                                      /* EFER */
    poke(c + (length == 1016 ? 0x3E8 : 0x3F0), 0x123456789AULL, 8); /* TSC */
    if (length == 1032)
        poke(c + 0x400, 1, 4); /* FPU initialised */
}

static void fill_record(const struct recipe *r, unsigned code, unsigned instance, uint8_t *c,
                        unsigned length)
{
    switch (code) {
    case 1:
        poke(c, 0x54381286, 4);
        poke(c + 4, 1, 4);
        poke(c + 8, UINT64_MAX, 8);  /* changeset unknown */
        poke(c + 16, 0x000106A5, 4); /* CPUID(1).eax */
        poke(c + 20, r->era >= ERA(4, 0, 0) ? 2400000 : 0, 4);
        break;
    case 2:
        fill_cpu(c, length);
        break;
    case 3:
        c[5] = instance == 0 ? 0x40 : 0; /* is_master */
        break;
    case 4:
        poke(c, 0xFEC00000, 8);
        break;
    case 5:
        poke(c, 0xFEE00800 | (instance == 0 ? 0x100 : 0), 8);
        break;
    case 6:
        poke(c + 0x20, (uint64_t)instance * 2 << 24, 4);
        poke(c + 0x30, 0x50014, 4);
        break;
    case 10:
        c[15] = c[31] = 1; /* gates of channels 0 and 1 */
        break;
    case 14:
        poke(c, 0x0007040600070406ULL, 8); /* PAT */
        poke(c + 0xE0, 0x508, 8);
        poke(c + 0xE8, 0xC06, 8);
        break;
    case 15:
        poke(c + 8, 0x0001000600001db0ULL, 8); /* guest OS id */
        break;
    default:
        break;
    }
}

static void put_record(struct image *g, const struct hvm_row *row, unsigned instance)
{
    unsigned length = instance_length(g->r, row, instance), i;
    uint8_t c[1048];

    put16(g, row->code);
    put16(g, (uint16_t)instance);
    put32(g, length);
    if (row->how & XSAVE) {
        put64(g, 7);
        put_xsave(g, length - 8);
    } else if (row->how & MSRS) {
        put64(g, g->r->vcpu_msrs);
        for (i = 0; i < g->r->vcpu_msrs; i++) {
            put64(g, 0x140 + i);
            put64(g, i);
        }
    } else {
        memset(c, 0, sizeof(c));
        fill_record(g->r, row->code, instance, c, length);
        put(g, c, length);
    }
}

/* The blob is what an x86 Xen wrote, whatever the byte order of the stream around it. */
void put_hvm_context(struct image *g)
{
    bool big = g->big;
    size_t i;
    unsigned k;

    g->big = false;
    for (i = 0; i < COUNT(hvm_rows); i++)
        for (k = 0; row_wanted(g->r, &hvm_rows[i]) && k < instances(g->r, &hvm_rows[i]); k++)
            if (!(hvm_rows[i].how & PER_VCPU) || vcpu_online(g->r, k))
                put_record(g, &hvm_rows[i], k);
    put64(g, 0);
    g->big = big;
}

/* ------------------------------------------------------------------ QEMU ---- */

struct section {
    const char *id;
    unsigned version, length;
};

static const struct section trad[] = {
    { "timer", 2, 24 },     { "pci_devfn", 1, 4 }, { "PCIBUS", 1, 20 }, { "I440FX", 2, 260 },
    { "PIIX3", 2, 260 },    { "fdc", 1, 48 },      { "serial", 2, 12 }, { "ps2kbd", 2, 290 },
    { "ps2mouse", 2, 296 }, { "rtl8139", 3, 620 },
};

static const struct section upstream[] = {
    { "timer", 2, 24 },
    { "0000:00:00.0/I440FX", 3, 266 },
    { "0000:00:01.0/PIIX3", 3, 270 },
    { "0000:00:01.3/piix4_pm", 3, 40 },
    { "fdc", 2, 52 },
    { "ps2kbd", 3, 100 },
    { "ps2mouse", 2, 104 },
    { "0000:00:02.0/vga", 2, 800 },
};

static void put_section(struct image *g, unsigned version, unsigned id, const struct section *s,
                        uint64_t length)
{
    uint64_t i;

    if (version == 3) {
        put8(g, 4); /* FULL */
        put_be32(g, id);
    }
    put8(g, (uint8_t)strlen(s->id));
    put_text(g, s->id);
    put_be32(g, 0);
    put_be32(g, s->version);
    if (version < 3)
        put_be32(g, (uint32_t)length);
    for (i = 0; i < length; i++)
        put8(g, (uint8_t)(noise(g->r->seed, id, 9000 + i) & 0x0F));
}

/* Exactly `length` bytes: magic, version, sections; the last section takes up what is left. */
void put_qevm(struct image *g, uint64_t length)
{
    const struct recipe *r = g->r;
    unsigned version = r->qemu_version         ? (unsigned)r->qemu_version
                       : r->era < ERA(3, 2, 0) ? 1
                       : r->era < ERA(3, 4, 0) ? 2
                                               : 3;
    const struct section *list = r->qemu == QEMU_XEN ? upstream : trad;
    size_t n = r->qemu == QEMU_XEN ? COUNT(upstream) : COUNT(trad), i;
    uint64_t end = g->size + length, over = version == 3 ? 14 : 13;

    if (length < 64) {
        put(g, "QEVM\0\0\0\003", length < 8 ? length : 8);
        put_zeros(g, end - g->size);
        return;
    }
    put_text(g, "QEVM");
    put_be32(g, version);
    if (version == 2)
        put_be64(g, length);
    for (i = 0; i < n; i++) {
        uint64_t left = end - g->size - (version == 3);
        uint64_t need = over + strlen(list[i].id) + list[i].length;
        bool last = i + 1 == n || left < need + over + 32;

        put_section(g, version, (unsigned)i + 2, &list[i],
                    last ? left - over - strlen(list[i].id) : list[i].length);
        if (last)
            break;
    }
    if (version == 3)
        put8(g, 0); /* end of file */
}
