/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs between the releases that read the v2 stream: one row of columns per behaviour, in
 * readers.def. Columns are named after what they change; the code that uses them cites the source.
 */
#ifndef V2_READERS_H
#define V2_READERS_H

#include "../../lib/xsi_plugin.h"

/* What a vCPU record with nothing behind its 8-byte head does. */
enum v2_empty {
    V2_EMPTY_REFUSED, /* "record truncated: length 8, min 9" */
    V2_EMPTY_SILENT,  /* meant to be skipped, but returns -1 without a word */
    V2_EMPTY_SKIPPED
};

enum v2_trait {
    V2_PARAMS_EXACT = 1 << 0,  /* the length of HVM_PARAMS must fit its count exactly */
    V2_XSAVE_BY_16 = 1 << 1,   /* the wrong "multiple of 16" test of XSAVE, none of MSRS */
    V2_MSRS_INERT = 1 << 2,    /* X86_PV_VCPU_MSRS is read and never loaded */
    V2_INFO_PAIRED = 1 << 3,   /* width and levels of X86_PV_INFO are tested as a pair */
    V2_STATIC = 1 << 4,        /* static data: version 3, policies, STATIC_DATA_END */
    V2_SUBLEAF_TEST = 1 << 5,  /* the policy's highest subleaf of 7 must not exceed the host's */
    V2_VENDOR_TEST = 1 << 6,   /* ... and the vendor must be the host's */
    V2_ARCH_CAPS_32 = 1 << 7,  /* ARCH_CAPABILITIES is stored in 32 bits */
    V2_TSC_CHECKED = 1 << 8,   /* an unknown TSC mode is refused */
    V2_VMCE_EPERM = 1 << 9,    /* unknown MCA capabilities give EPERM, later EINVAL */
    V2_TWO_PASSES = 1 << 10,   /* the HVM context is checked as a whole before it is loaded */
    V2_LAPIC_CHECKED = 1 << 11, /* ... LAPIC records too */
    V2_CPU_FLAGS = 1 << 12,    /* CPU record: flags and padding are tested */
    V2_CPU_TSC_AUX = 1 << 13,  /* ... TSC_AUX */
    V2_CPU_CR3 = 1 << 14,      /* ... CR3 */
    V2_CPU_DR = 1 << 15,       /* ... DR6 and DR7 */
    V2_POLICY_CR4 = 1 << 16,   /* CR4 is held against the guest's policy, before the host's */
    V2_NO_PAE_PARAM = 1 << 17, /* HVM parameter 4 is dropped from the record */
    V2_XSAVE_LOOSE = 1 << 18,  /* PV XSAVE may be shorter than its components need */
    V2_FAILOVER_ANY = 1 << 19, /* Remus: a lost primary before the first checkpoint goes on */
    V2_VM_ASSIST = 1 << 20,   /* unknown bits of vm_assist are refused */
    V2_FEW_ADDRESSES = 1 << 21 /* only rip and callbacks of PV vCPUs must be canonical */
};

/* MSRs that CPU_MSR records (HVM) or X86_PV_VCPU_MSRS may hold; model_values.c has the numbers. */
enum v2_msr_bit {
    V2_MSR_MISC_FEATURES = 1 << 0,
    V2_MSR_SPEC_CTRL = 1 << 1,
    V2_MSR_DR_MASKS = 1 << 2,
    V2_MSR_BNDCFGS = 1 << 3,
    V2_MSR_XSS = 1 << 4,
    V2_MSR_VIRT_SPEC_CTRL = 1 << 5,
    V2_MSR_PKRS = 1 << 6,
    V2_MSR_TSC_AUX = 1 << 7
};

struct v2_reader {
    uint32_t version_max;  /* image versions 2 to this */
    uint32_t record_cap;   /* longest body */
    uint32_t record_types; /* types below this have a name in messages */
    enum v2_empty empty;
    uint32_t traits;
    /* the hypervisor's part */
    uint32_t params;       /* HVM_NR_PARAMS: first index refused */
    uint32_t viridian;     /* features that HVM parameter 9 may ask for */
    uint32_t hvm_msrs, pv_msrs;
    uint32_t subleaf_max;  /* highest subleaf of CPUID leaf 7 that is stored */
    uint32_t extended_max; /* highest extended leaf */
    uint32_t msr_max;      /* entries of an MSR policy */
    uint64_t cr4;          /* CR4 bits that some guest of this release may have */
    unsigned hvm;          /* release for x86_hvm_accepts(): 417 */
};

extern const struct xsi_reader_row v2_readers[];

#endif
