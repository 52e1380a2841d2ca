/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUID feature bits by name, for whoever compares two policies. */
#include "../../lib/xsi_restore.h"
#include "x86_priv.h"

bool xsi_cpuid_features(uint32_t leaf, uint32_t subleaf, unsigned reg)
{
    return x86_cpuid_bits(leaf, subleaf, reg) != NULL;
}

const char *xsi_cpuid_feature(uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
    const struct xsi_name *names = x86_cpuid_bits(leaf, subleaf, reg);

    return names && bit < 32 ? xsi_name_of(names, UINT64_C(1) << bit) : NULL;
}
