/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shared info page of a PV guest; 4.22:xen.h:shared_info, arch-x86/xen.h:arch_shared_info. */
#include "x86_priv.h"

enum { VCPU_SLOTS = 32, VCPU_INFO = 64 };

#define U(n, o, s)                                              \
    {                                                           \
        .name = n, .offset = (o), .size = (s), .kind = XSI_UINT \
    }
#define H(n, o, s)                                             \
    {                                                          \
        .name = n, .offset = (o), .size = (s), .kind = XSI_HEX \
    }
#define LAST         \
    {                \
        .name = NULL \
    }

/* vcpu_info: the vcpu_time_info part stands at 32 in both layouts. */
static const struct xsi_field_row time_rows[] = {
    U("version", 32, 4),
    U("tsc_timestamp", 40, 8),
    { .name = "system_time", .offset = 48, .size = 8, .kind = XSI_UINT, .unit = "ns" },
    U("tsc_to_system_mul", 56, 4),
    { .name = "tsc_shift", .offset = 60, .size = 1, .kind = XSI_SINT },
    H("time_flags", 61, 1),
    LAST,
};
static const struct xsi_field_row vcpu64[] = {
    U("upcall_pending", 0, 1),
    U("upcall_mask", 1, 1),
    H("pending_sel", 8, 8),
    H("cr2", 16, 8),
    LAST,
};
static const struct xsi_field_row vcpu32[] = {
    U("upcall_pending", 0, 1), U("upcall_mask", 1, 1), H("pending_sel", 4, 4), H("cr2", 8, 4), LAST,
};

/* A 32-bit guest has the clock's upper half behind its arch part. */
static const struct xsi_field_row clock64[] = {
    U("version", 0xc00, 4),
    { .name = "sec",
      .offset = 0xc04,
      .size = 4,
      .kind = XSI_UINT,
      .unit = "s",
      .help = "guest's boot since 1970; not restored" },
    { .name = "nsec", .offset = 0xc08, .size = 4, .kind = XSI_UINT, .unit = "ns" },
    U("sec_hi", 0xc0c, 4),
    LAST,
};
static const struct xsi_field_row clock32[] = {
    U("version", 0x900, 4),
    { .name = "sec",
      .offset = 0x904,
      .size = 4,
      .kind = XSI_UINT,
      .unit = "s",
      .help = "guest's boot since 1970; not restored" },
    { .name = "nsec", .offset = 0x908, .size = 4, .kind = XSI_UINT, .unit = "ns" },
    U("sec_hi", 0x924, 4),
    LAST,
};

static const struct xsi_field_row arch64[] = {
    { .name = "max_pfn",
      .offset = 0xc10,
      .size = 8,
      .kind = XSI_UINT,
      .unit = "pages",
      .help = "entries of the guest's p2m table" },
    { .name = "pfn_to_mfn_frame_list_list",
      .offset = 0xc18,
      .size = 8,
      .kind = XSI_HEX,
      .help = "a machine frame, or 0: readers put in their own" },
    H("nmi_reason", 0xc20, 8),
    H("p2m_cr3", 0xc28, 8),
    H("p2m_vaddr", 0xc30, 8),
    U("p2m_generation", 0xc38, 8),
    LAST,
};
static const struct xsi_field_row arch32[] = {
    { .name = "max_pfn",
      .offset = 0x90c,
      .size = 4,
      .kind = XSI_UINT,
      .unit = "pages",
      .help = "entries of the guest's p2m table" },
    { .name = "pfn_to_mfn_frame_list_list",
      .offset = 0x910,
      .size = 4,
      .kind = XSI_HEX,
      .help = "a machine frame, or 0: readers put in their own" },
    H("nmi_reason", 0x914, 4),
    H("p2m_cr3", 0x918, 4),
    H("p2m_vaddr", 0x91c, 4),
    U("p2m_generation", 0x920, 4),
    LAST,
};

struct layout {
    const struct xsi_field_row *vcpu, *clock, *arch;
    size_t pending, mask, ports_bytes, clock_at, arch_at, arch_size;
};
static const struct layout layout64 = {
    vcpu64, clock64, arch64, 0x800, 0xa00, 512, 0xc00, 0xc10, 48,
};
static const struct layout layout32 = {
    vcpu32, clock32, arch32, 0x800, 0x880, 128, 0x900, 0x90c, 28,
};

static bool all_zero(const uint8_t *p, size_t n)
{
    while (n && !*p)
        p++, n--;
    return n == 0;
}

unsigned x86_shared_info_width(const uint8_t *p, size_t have, uint64_t p2m_size)
{
    uint64_t wide, narrow;

    if (have < X86_SHARED64_SIZE)
        return 0;
    wide = xsi_le64(p + 0xc10);
    narrow = xsi_le32(p + 0x90c);
    if (p2m_size && (wide == p2m_size) != (narrow == p2m_size))
        return wide == p2m_size ? 8 : 4;
    /* A 32-bit guest leaves everything behind its structure empty; a 64-bit one has masks there. */
    if (wide && wide < X86_BIT(40) && !all_zero(p + X86_SHARED32_SIZE, 0xc10 - X86_SHARED32_SIZE))
        return 8;
    if (narrow && all_zero(p + X86_SHARED32_SIZE, X86_SHARED64_SIZE - X86_SHARED32_SIZE))
        return 4;
    return 0;
}

/* A slot that was never used holds nothing but the mask that Xen sets in all of them. */
static bool unused(const uint8_t *slot)
{
    return slot[0] == 0 && slot[1] <= 1 && all_zero(slot + 2, VCPU_INFO - 2);
}

static void vcpus(struct xsi_decode *d, const struct layout *l, size_t base, size_t end)
{
    xsi_open(d, "vcpu_info", XSI_LIST, base, VCPU_SLOTS * VCPU_INFO);
    for (unsigned i = 0; i < VCPU_SLOTS; i++) {
        size_t at = base + (size_t)i * VCPU_INFO;

        if (!x86_fits(at, VCPU_INFO, end) || unused(d->bytes + at))
            continue;
        xsi_open(d, NULL, XSI_GROUP, at, VCPU_INFO);
        xsi_put(d, "vcpu", XSI_UINT, at, 0, i, NULL);
        xsi_decode_rows(d, at, VCPU_INFO, l->vcpu);
        xsi_decode_rows(d, at, VCPU_INFO, time_rows);
        xsi_close(d);
    }
    xsi_close(d);
}

static unsigned bits_set(const uint8_t *p, size_t n)
{
    unsigned count = 0;

    for (size_t i = 0; i < n; i++)
        count += (unsigned)__builtin_popcount(p[i]);
    return count;
}

/* Readers clear what is pending and mask everything: counts are for the curious. */
static void ports(struct xsi_decode *d, const struct layout *l, size_t base, size_t end)
{
    size_t n = l->ports_bytes;

    if (!x86_fits(base + l->pending, n, end) || !x86_fits(base + l->mask, n, end))
        return;
    xsi_put(d, "events_pending", XSI_UINT, base + l->pending, n,
            bits_set(d->bytes + base + l->pending, n), NULL);
    xsi_put(d, "events_unmasked", XSI_UINT, base + l->mask, n,
            8 * n - bits_set(d->bytes + base + l->mask, n), NULL);
    if (d->detail > 1)
        x86_put_bits(d, "pending_ports", base + l->pending, n, 0, end);
}

/* Rows count from the start of the page, whatever group they stand in. */
static void group(struct xsi_decode *d, const char *name, size_t base, size_t from, size_t size,
                  size_t end, const struct xsi_field_row *rows)
{
    if (!x86_fits(base + from, 4, end))
        return;
    xsi_open(d, name, XSI_GROUP, base + from, size);
    xsi_decode_rows(d, base, end - base, rows);
    xsi_close(d);
}

void x86_decode_shared_info(struct xsi_decode *d, size_t base, size_t size, unsigned guest_width)
{
    size_t end = x86_end(d, base, size);
    const struct layout *l;

    if (end <= base)
        return;
    if (guest_width != 4 && guest_width != 8)
        guest_width = x86_shared_info_width(d->bytes + base, end - base, 0);
    l = guest_width == 4 ? &layout32 : &layout64;
    group(d, "arch", base, l->arch_at, l->arch_size, end, l->arch);
    group(d, "wallclock", base, l->clock_at, guest_width == 4 ? 12 : 16, end, l->clock);
    ports(d, l, base, end);
    vcpus(d, l, base, end);
}
