/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values in HVM records that no reader of today takes, whatever its host. */
#include <inttypes.h>
#include <stdio.h>

#include "x86_priv.h"

/*
 * Bits that must be clear. From the load functions of 4.17 and 4.22 (hvm.c, irq.c, mtrr.c), which
 * refuse more, by the guest's CPUID policy: here is only what cannot be right anywhere.
 */
static const struct forbidden {
    uint16_t code;
    uint16_t offset, size;
    uint64_t mask;
    const char *name;
} forbidden[] = {
    { X86_HVM_CPU, 0x290, 8, ~UINT64_C(0xe005003f), "cr0" },
    { X86_HVM_CPU, 0x2a8, 8, ~UINT64_C(0x113f77fff), "cr4" },
    { X86_HVM_CPU, 0x2a0, 8, ~UINT64_C(0x000fffffffffffff), "cr3" },
    { X86_HVM_CPU, 0x3e0, 8, ~UINT64_C(0x20fd01), "efer" },
    { X86_HVM_CPU, 0x400, 4, ~UINT64_C(1), "flags" },
    { X86_HVM_CPU, 0x404, 4, ~UINT64_C(0), "pad0" },
    { X86_HVM_PCI_LINK, 0, 4, UINT64_C(0xf0f0f0f0), "routes (each below 16)" },
};

static uint64_t number(const uint8_t *p, size_t size)
{
    return size == 4 ? xsi_le32(p) : xsi_le64(p);
}

static bool check_cpu(const uint8_t *p, size_t size, char *why, size_t why_size)
{
    uint64_t cr0;

    if (size < 0x298)
        return true;
    cr0 = xsi_le64(p + 0x290);
    if (cr0 & X86_BIT(4) && (!(cr0 & X86_BIT(31)) || cr0 & X86_BIT(0)))
        return true;
    snprintf(why, why_size, "cr0 is 0x%" PRIx64 ", %s", cr0,
             cr0 & X86_BIT(4) ? "paging without protected mode" : "without ET");
    return false;
}

/* 4.22:hvm.c:hvm_load_cpu_msrs */
static bool check_msrs(const uint8_t *p, size_t size, char *why, size_t why_size)
{
    uint32_t count;

    if (size < 8)
        return true;
    count = xsi_le32(p);
    if (8 + (uint64_t)count * 16 != size) {
        snprintf(why, why_size, "its count is %" PRIu32 ", its length has room for %zu", count,
                 (size - 8) / 16);
        return false;
    }
    for (size_t at = 8; at < size; at += 16) {
        if (!xsi_le32(p + at + 4))
            continue;
        snprintf(why, why_size, "reserved word of MSR 0x%" PRIx32 " is not 0", xsi_le32(p + at));
        return false;
    }
    return true;
}

/* 4.22:hvm.c:hvm_load_cpu_xsave_states: a compacted area is not taken. */
static bool check_xsave(const uint8_t *p, size_t size, char *why, size_t why_size)
{
    if (size < 24 + X86_XSAVE_MIN || !(xsi_le64(p + 24 + 520) >> 63))
        return true;
    snprintf(why, why_size, "its area is compacted");
    return false;
}

/* 4.22:mtrr.c:hvm_load_mtrr_msr: more variable ranges than the record has room for. */
static bool check_mtrr(const uint8_t *p, size_t size, char *why, size_t why_size)
{
    if (size < 0xe8 || p[0xe0] <= 8)
        return true;
    snprintf(why, why_size, "it claims %u variable ranges, there are 8", p[0xe0]);
    return false;
}

bool x86_hvm_unbit(unsigned code, uint8_t *p, size_t size, char *what, size_t what_size)
{
    uint64_t v, wrong;

    for (size_t i = 0; code == X86_HVM_CPU && i < X86_COUNT(forbidden); i++) {
        const struct forbidden *f = &forbidden[i];

        if (f->code != code || size < (size_t)f->offset + f->size)
            continue;
        v = number(p + f->offset, f->size);
        wrong = v & f->mask;
        if (!wrong || wrong & (wrong - 1))
            continue;
        for (size_t k = 0; k < f->size; k++)
            p[f->offset + k] = (uint8_t)((v ^ wrong) >> 8 * k);
        snprintf(what, what_size, "bit %d of %s cleared", __builtin_ctzll(wrong), f->name);
        return true;
    }
    /* paging with a page table, but without protected mode */
    if (code == X86_HVM_CPU && size >= 0x2a8 && (p[0x290] & 0x11) == 0x10 && p[0x293] & 0x80 &&
        xsi_le64(p + 0x2a0)) {
        p[0x290] |= 1;
        snprintf(what, what_size, "bit 0 (PE) of cr0 set");
        return true;
    }
    return false;
}

bool x86_hvm_values(unsigned code, const uint8_t *p, size_t size, char *why, size_t why_size)
{
    for (size_t i = 0; i < X86_COUNT(forbidden); i++) {
        const struct forbidden *f = &forbidden[i];
        uint64_t v;

        if (f->code != code || size < (size_t)f->offset + f->size)
            continue;
        v = number(p + f->offset, f->size);
        if (!(v & f->mask))
            continue;
        snprintf(why, why_size, "%s is 0x%" PRIx64, f->name, v);
        return false;
    }
    switch (code) {
    case X86_HVM_CPU:
        return check_cpu(p, size, why, why_size);
    case X86_HVM_CPU_MSR:
        return check_msrs(p, size, why, why_size);
    case X86_HVM_CPU_XSAVE:
        return check_xsave(p, size, why, why_size);
    case X86_HVM_MTRR:
        return check_mtrr(p, size, why, why_size);
    default:
        return true;
    }
}

bool x86_is_filled(const uint8_t *p, size_t n)
{
    return n > 1 && p[0] && !memcmp(p, p + 1, n - 1);
}
