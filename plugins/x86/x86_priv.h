/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the .c files of this folder. */
#ifndef XSI_X86_PRIV_H
#define XSI_X86_PRIV_H

#include "x86.h"

#define X86_BIT(n)       (UINT64_C(1) << (n))
#define X86_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* First byte behind a structure, as far as it is there. */
static inline size_t x86_end(const struct xsi_decode *d, size_t base, size_t size)
{
    if (base >= d->have)
        return base;
    return size < d->have - base ? base + size : d->have;
}

/* Are n bytes at `at` within [.., end)? */
static inline bool x86_fits(size_t at, size_t n, size_t end)
{
    return at <= end && n <= end - at;
}

static inline uint16_t x86_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

/* Emit n bytes at `at` as a number when they are there. */
void x86_put(struct xsi_decode *d, const char *name, enum xsi_kind kind, size_t at, size_t n,
             size_t end);
/* A list of `count` equal numbers of `size` bytes, `step` bytes apart. */
void x86_put_array(struct xsi_decode *d, const char *name, enum xsi_kind kind, size_t at,
                   size_t size, size_t step, size_t count, size_t end);
/* A list with the numbers of the bits that are set in n bytes at `at`, counted from `first`. */
void x86_put_bits(struct xsi_decode *d, const char *name, size_t at, size_t n, unsigned first,
                  size_t end);
/* The name that a table has for a number of n bytes at `at`, if it has one. */
static inline void x86_put_meaning(struct xsi_decode *d, const char *name, size_t at, size_t n,
                                   const struct xsi_name *names)
{
    const char *words = xsi_name_of(names, xsi_decode_number(d, at, n));

    x86_put_words(d, name, at, n, words, words ? strlen(words) : 0);
}

/* FXSAVE image, 512 bytes: always the head of FPU state; registers at detail 2. */
void x86_decode_fxsave(struct xsi_decode *d, const char *name, size_t base, size_t size);
/* XSAVE area behind its two u64: legacy area, header, components. */
void x86_decode_xsave_area(struct xsi_decode *d, size_t base, size_t size, uint64_t accum);
extern const struct xsi_name x86_xstate_bits[];

/* How a type of HVM record is put together. */
struct x86_hvm_type {
    const char *name;
    bool per_vcpu;
    unsigned instances;         /* when not per vCPU: how many there may be */
    unsigned zero_extends_from; /* release from which a shorter record is taken; 0 = never */
    unsigned repeat;            /* variable length: multiple behind the least; 0 = fixed */
    const struct xsi_field_row *rows;
    void (*decode)(struct xsi_decode *d, size_t base, size_t size); /* what rows cannot say */
};
/* By typecode, X86_HVM_CODES of them. */
extern const struct x86_hvm_type x86_hvm_types[];

extern const struct xsi_field_row x86_rows_header[], x86_rows_cpu[], x86_rows_pic[],
    x86_rows_ioapic[], x86_rows_lapic[], x86_rows_lapic_regs[], x86_rows_pci_link[], x86_rows_pit[],
    x86_rows_rtc[], x86_rows_hpet[], x86_rows_pmtimer[], x86_rows_mtrr[],
    x86_rows_viridian_domain[], x86_rows_xsave[], x86_rows_viridian_vcpu[], x86_rows_vmce[],
    x86_rows_tsc_adjust[], x86_rows_msr[];

extern const struct xsi_name x86_rflags_bits[], x86_cr0_bits[], x86_cr4_bits[], x86_efer_bits[],
    x86_mcg_cap_bits[];

/* Are all n bytes the same, and not zero? */
bool x86_is_filled(const uint8_t *p, size_t n);
/* Values in a record that every reader refuses; writes why and returns false. */
bool x86_hvm_values(unsigned code, const uint8_t *p, size_t size, char *why, size_t why_size);

/* Names of the set bits that a CPUID register has under a leaf; NULL = none known. */
const struct xsi_name *x86_cpuid_bits(uint32_t leaf, uint32_t subleaf, unsigned reg);

/*
 * A register of a CPU record that cannot be right on any host, but for a single bit: that bit is
 * put right in p, and `what` says it. False: there is none.
 */
bool x86_hvm_unbit(unsigned code, uint8_t *p, size_t size, char *what, size_t what_size);

#endif
