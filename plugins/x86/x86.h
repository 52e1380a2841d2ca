/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Payloads of x86 guests that the legacy and the v2 stream have in common: vCPU state of PV and
 * HVM guests, the shared info page, HVM parameters, CPUID and MSR policies, libxl's toolstack
 * data. No format of its own: it bids on nothing and makes no chunks, it adds fields and findings.
 *
 * Decoders take the decode job, the byte of d->bytes where the structure starts, and the size
 * that the stream claims for it. Only d->have bytes are there: what lies behind them, or behind
 * `size`, is left out. Layouts were compiled from the public headers of the release named, in
 * xen/include/public.
 *
 * Releases are numbers here: 304 is Xen 3.4, 421 is 4.21; 0 = open end.
 */
#ifndef XSI_X86_H
#define XSI_X86_H

#include "../../lib/xsi_plugin.h"

/* ---------------------------------------------------------------- sizes ---- */

enum {
    X86_VCPU32_SIZE = 2800,   /* vcpu_guest_context of a 32-bit guest; 4.22:arch-x86/xen.h */
    X86_VCPU64_SIZE = 5168,   /* ... of a 64-bit guest */
    X86_SHARED32_SIZE = 2584, /* shared_info with the 256 bytes of padding that it had up */
    X86_SHARED64_SIZE = 3368, /* to 4.5:xen.h; the fields end at 2344 and 3136 */
    X86_XSAVE_MIN = 576,      /* legacy area and XSAVE header */
    X86_HVM_DESC = 8,         /* hvm_save_descriptor; 4.22:hvm/save.h */
    X86_HVM_HEADER_SIZE = 24, /* hvm_save_header; 4.22:arch-x86/hvm/save.h */
    X86_HVM_MAX_VCPUS = 128,  /* HVM_MAX_VCPUS, 4.0 to 4.22:hvm/hvm_info_table.h */
    X86_HVM_CODES = 21        /* typecodes 0 to 20 are in use up to 4.22 */
};
#define X86_HVM_MAGIC 0x54381286U

/* Typecodes of HVM context records; 4.22:arch-x86/hvm/save.h. */
enum x86_hvm_code {
    X86_HVM_END,
    X86_HVM_HEADER,
    X86_HVM_CPU,
    X86_HVM_PIC,
    X86_HVM_IOAPIC,
    X86_HVM_LAPIC,
    X86_HVM_LAPIC_REGS,
    X86_HVM_PCI_IRQ,
    X86_HVM_ISA_IRQ,
    X86_HVM_PCI_LINK,
    X86_HVM_PIT,
    X86_HVM_RTC,
    X86_HVM_HPET,
    X86_HVM_PMTIMER,
    X86_HVM_MTRR,
    X86_HVM_VIRIDIAN_DOMAIN,
    X86_HVM_CPU_XSAVE,
    X86_HVM_VIRIDIAN_VCPU,
    X86_HVM_VMCE_VCPU,
    X86_HVM_TSC_ADJUST,
    X86_HVM_CPU_MSR
};

/* ---------------------------------------------------------------- names ---- */

/* Modes of X86_TSC_INFO and of the legacy chunk -7; 4.11:xen/include/asm-x86/time.h. */
extern const struct xsi_name x86_tsc_modes[];
/* MSRs that appear in MSR policies, X86_PV_VCPU_MSRS and the CPU_MSR record. */
extern const struct xsi_name x86_msr_names[];
/* Indices of HVM parameters; 4.22:hvm/params.h. */
extern const struct xsi_name x86_hvm_param_names[];
/* Typecodes of HVM context records. */
extern const struct xsi_name x86_hvm_code_names[];
/* Bits of vm_assist; 4.22:xen.h:VMASST_TYPE_*. */
extern const struct xsi_name x86_vm_assist_bits[];

/* One HVM parameter: how its value reads. */
struct x86_param {
    unsigned index;
    const char *name;
    enum xsi_kind kind;
    const struct xsi_name *names; /* of an XSI_ENUM or XSI_FLAGS value */
    const char *help;
};
/* Row of a parameter; NULL when Xen up to 4.22 has none of this index. */
const struct x86_param *x86_hvm_param(uint64_t index);

/* "xen-3.4" for 304; NULL when there is no such release. The string is static. */
const char *x86_release_name(unsigned release);

/* ---------------------------------------------------------------- PV guests ---- */

/* vcpu_guest_context; guest_width 4 or 8 (another value: by size). Frames in it are PFNs. */
void x86_decode_vcpu_context(struct xsi_decode *d, size_t base, size_t size, unsigned guest_width);
/*
 * xen_domctl_ext_vcpucontext: 128 bytes in legacy tails, 56 (4.6 to 4.9) or 64 (4.10 on) in v2.
 * Bytes that the release did not know are stack garbage in legacy images before 4.2.
 */
void x86_decode_ext_context(struct xsi_decode *d, size_t base, size_t size);
/* u64 xcr0, u64 xcr0_accum, then an uncompressed XSAVE area; without the legacy 16-byte head. */
void x86_decode_xsave(struct xsi_decode *d, size_t base, size_t size);
/* struct shared_info of a guest of the given width (4 or 8; 0 takes the likelier one). */
void x86_decode_shared_info(struct xsi_decode *d, size_t base, size_t size, unsigned guest_width);
/* Width of the guest that a shared info page belongs to, 4 or 8; 0 when it does not show. */
unsigned x86_shared_info_width(const uint8_t *p, size_t have, uint64_t p2m_size);
/* Body of X86_PV_VCPU_MSRS behind vcpu_id: n entries of {u32 index, u32 zero, u64 value}. */
void x86_decode_pv_msrs(struct xsi_decode *d, size_t base, size_t size);

/* ---------------------------------------------------------------- both kinds ---- */

/* X86_CPUID_POLICY: {u32 leaf, subleaf, a, b, c, d}; 4.22:arch-x86/xen.h:xen_cpuid_leaf. */
void x86_decode_cpuid_policy(struct xsi_decode *d, size_t base, size_t size);
/* X86_MSR_POLICY: {u32 index, u32 flags, u64 value}; 4.22:arch-x86/xen.h:xen_msr_entry. */
void x86_decode_msr_policy(struct xsi_decode *d, size_t base, size_t size);
/* HVM_PARAMS behind its count: {u64 index, u64 value}. */
void x86_decode_hvm_params(struct xsi_decode *d, size_t base, uint64_t count);
/* Words about a field that covers n bytes at `at`; nothing when words is NULL. */
void x86_put_words(struct xsi_decode *d, const char *name, size_t at, size_t n, const char *words,
                   size_t length);
/* One parameter value of `length` bytes at `at`, as a legacy chunk holds it. */
void x86_put_hvm_param(struct xsi_decode *d, const char *name, uint64_t index, size_t at,
                       size_t length);
/*
 * libxl's toolstack data, version 1 (4.2 to 4.5:libxl_dom.c:libxl__toolstack_save). An entry's
 * fixed part took 32 bytes in 64-bit builds, of which 4 come after the name, and 28 in 32-bit
 * ones; nothing says which, so the stride under which the entries end at `size` is taken.
 */
void x86_decode_toolstack(struct xsi_decode *d, size_t base, size_t size);
/* Bytes of an entry besides its name: 32 or 28, 0 when neither fits (or there is no entry). */
unsigned x86_toolstack_stride(const uint8_t *p, size_t size);

/* ---------------------------------------------------------------- HVM context ---- */

/* The record list: type, instance and length of each; at detail 2 its fields too. */
void x86_decode_hvm_context(struct xsi_decode *d, size_t base, size_t size);
/* Fields of the body of one record at base (a typecode that is not known: its bytes). */
void x86_decode_hvm_record(struct xsi_decode *d, unsigned code, size_t base, size_t size);

/* A length that some release gave a type of record. */
struct x86_hvm_length {
    uint16_t code;
    uint32_t length;   /* CPU_XSAVE and CPU_MSR: the least */
    uint16_t from, to; /* first and last release that wrote it; to 0 = still does */
};
/* All of them, by code and then by age; the last row has length 0 and code X86_HVM_CODES. */
extern const struct x86_hvm_length x86_hvm_lengths[];

/* Codes of findings: X86_H01 … indexes x86_findings[]. */
enum x86_finding_id {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) X86_##id,
#include "findings.def"
#undef FINDING
    X86_FINDING_COUNT
};
extern const struct xsi_finding_row x86_findings[];
/* Brings the findings to the library's list; has no layers and never bids. */
extern const struct xsi_format xsi_format_x86;

#define X86_HVM_ISSUES 16

/* Something to say about a context. Offsets count from its first byte. */
struct x86_hvm_issue {
    enum x86_finding_id id;
    size_t at, length;
    char text[160];
};

/* What a look at the whole list gave. */
struct x86_hvm_summary {
    unsigned records; /* descriptors read, END included */
    unsigned cpus;    /* vCPUs whose CPU record is there in full */
    unsigned vcpus;   /* highest vCPU number of any per-vCPU record, plus one */
    bool has_cpu0;
    bool header_ok; /* HEADER first, with magic and version */
    bool end_seen;
    bool cut;    /* the bytes present end before the list does */
    bool filled; /* CPU records hold one repeated byte: no machine wrote that */
    uint32_t header_version, header_magic;
    uint64_t changeset; /* all ones: unknown */
    uint32_t cpuid;     /* CPUID(1).eax of the saving machine */
    uint32_t tsc_khz;   /* guest's TSC; 0 before 4.0 */
    size_t bad_at;      /* first byte that is wrong; `length` when none is */
    unsigned bad_type;  /* typecode there */
    size_t end_at;      /* behind END, or where reading stopped */
    unsigned from, to;  /* releases that lengths and typecodes allow; 0 = open */
    unsigned highest;   /* highest typecode */
    uint32_t types;     /* bit per typecode seen */
    char problem[160];  /* what is wrong at bad_at; "" when nothing is */
    unsigned issues;    /* how many of the rows below are in use ... */
    unsigned dropped;   /* ... and how many more there would have been */
    struct x86_hvm_issue issue[X86_HVM_ISSUES];
};

/*
 * Look through a context of `length` bytes of which `have` are at p. True when a reader could take
 * it: everything is there and nothing is damaged. Bounded by have; allocates nothing.
 */
bool x86_hvm_check(const uint8_t *p, size_t have, size_t length, struct x86_hvm_summary *out);
/* Report the issues of a context that starts at `offset` of the image. */
void x86_hvm_report(struct xsi_walk *w, uint64_t offset, const struct x86_hvm_summary *s);
/* Does a context start here? Needs 16 bytes: HEADER's descriptor, magic and version. */
bool x86_hvm_starts(const uint8_t *p, size_t have);
/*
 * Would a release of Xen take the records' types and lengths (values are not looked at)? release 0
 * = the newest. False: `why` says which record it refuses; *at is that record's place. Rules:
 * hvm_load_entry and hvm_load_entry_zeroextend calls, 3.4 to 4.22:xen/arch/x86.
 */
bool x86_hvm_accepts(const uint8_t *p, size_t have, unsigned release, size_t *at, char *why,
                     size_t why_size);
/* The longest length of a type that a release knows; 0 when it does not know the type. */
uint32_t x86_hvm_own_length(unsigned code, unsigned release);

enum { X86_HVM_ROOM = 64 }; /* bytes by which mending can make a context longer */

/* How a context is put right, and what came of it. */
struct x86_hvm_mending {
    unsigned release; /* 0: damage is mended; else: made fit for this release */
    /* Only MSRs that this takes are kept; NULL: all. */
    bool (*msr_good)(const void *arg, uint32_t index, uint64_t value);
    const void *arg;
    uint64_t cr4;   /* bits of CR4 that stay; 0: all */
    size_t drop_at; /* of a record to leave out; 0: none */
    char did[200], loses[200], guess[200];
};
/*
 * Rewrite a context of n bytes into out, which has room for n + X86_HVM_ROOM. Returns its length;
 * 0: the list cannot be followed.
 */
size_t x86_hvm_mend(const uint8_t *p, size_t n, struct x86_hvm_mending *say, uint8_t *out);

#endif
