/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The model of libxc's restore code for the v2 stream: what its files share. It follows
 * tools/libs/guest/xg_sr_restore*.c (up to 4.14 tools/libxc/xc_sr_restore*.c) read by read, and
 * then what the hypervisor says to the data, as far as the image shows it. What differs between
 * releases stands in readers.def.
 */
#ifndef V2_MODEL_H
#define V2_MODEL_H

#include "messages.h"
#include "readers.h"
#include "v2.h"

enum {
    V2_P2M_PIECES = 64,   /* X86_PV_P2M_FRAMES records that are remembered */
    V2_P2M_KEPT = 4096,   /* ... and entries that are kept: 8 GiB of a 64-bit guest */
    V2_START_INFO = 0x50, /* bytes of start info that matter */
    V2_GDT_FRAMES = 14,   /* 7168 descriptors, FIRST_RESERVED_GDT_ENTRY */
    V2_PARAM_SLOTS = 40,  /* HVM parameters 0 to 39 */
    V2_WALK_LEVELS = 4,   /* of a page-table tree */
    V2_VERIFY_LINES = XSI_VERDICT_ERRORS
};

/* Byte of a guest frame: its type nibble, that it has memory, and what page tables made of it. */
#define V2_FRAME_TYPE  0x0fU
#define V2_FRAME_WRITE 0x40U /* an L1 entry maps it writable */
#define V2_FRAME_USE   0x30U /* an entry takes it for a table: 0x10 L1, 0x20 L2, 0x30 L3 */
#define V2_FRAME_MARKS 0x70U

/* Types whose entry has a page in the record; types that get memory. */
#define V2_CARRY    0x1e1fU /* 0 to 4, 9 to 12 */
#define V2_POPULATE 0x5e1fU /* and XALLOC */
#define V2_TABLES   0x1e1eU /* L1 to L4, pinned or not */
#define V2_INVALID  0x01e0U /* 5 to 8 */

/* Rows of findings.def: V(39). */
#define V(code) (&v2_findings[V2_V##code])

/* Why Xen refuses something. error 0: it takes it. */
struct v2_refusal {
    int error;
    uint64_t at; /* of the bytes that it is about */
    const struct xsi_finding_row *finding;
    char why[160];
};

/* A vCPU of a PV guest. */
struct v2_vcpu {
    uint32_t id;
    bool has_basic, has_extended, has_xsave, has_msrs;
    bool extended_open; /* its extended state is too short for what Xen looks at */
    bool in_kernel;
    uint32_t gdt_ents;
    uint64_t at, rdx, cr1, cr3;
    uint64_t gdt[V2_GDT_FRAMES];
    struct v2_refusal basic, extended, xsave, msrs;
};

/* CPUID policy: what later checks go by. */
struct v2_policy {
    uint32_t vendor[3];
    bool has_vendor, has_basic, has_features, has_extended;
    uint32_t basic, features, extended; /* highest leaf, subleaf of 7, extended leaf */
    bool has_leaf1, has_leaf7, has_ext1;
    uint32_t leaf1_c, leaf1_d, leaf7_b, leaf7_c, leaf7_d, ext1_c, ext1_d;
    uint32_t address_bits;
};

/* A walk over the tree of page tables, as Xen takes it. */
struct v2_walk {
    unsigned level, depth; /* of the table at hand; number of tables above it, plus one */
    uint64_t frame[V2_WALK_LEVELS], at[V2_WALK_LEVELS];
    unsigned slot[V2_WALK_LEVELS];
    unsigned kind[V2_WALK_LEVELS];
    bool raw[V2_WALK_LEVELS]; /* its entries were not translated: not sent as a page table */
    uint64_t steps;
    bool cleared;
    uint8_t (*page)[XSI_PAGE_SIZE]; /* a copy of the table of each level */
    void (*then)(struct xsi_run *r, void *state, int error);
};

/* A batch of pages at hand. */
struct v2_batch_state {
    uint64_t at;          /* of the record header */
    uint32_t count, done; /* entries; entries that were looked at or applied */
    uint64_t data;        /* offset of the first page */
    uint64_t pages, page; /* pages that it carries; pages passed */
    uint64_t populated;
    enum {
        V2_PAGES_GOOD,
        V2_PAGES_RANGE,
        V2_PAGES_TYPE,
        V2_PAGES_WRONG_SIZE,
        V2_PAGES_WILD,
        V2_PAGES_NO_TABLE, /* nothing to note types in: it dies */
        V2_PAGES_ASSERT    /* a page table names a frame beyond the last: it dies */
    } fault;
    uint64_t fault_pfn, fault_at;
    uint32_t fault_index, fault_type;
    uint64_t wild; /* first frame that cannot be noted */
    uint32_t wild_index;
    struct {
        uint64_t pfn;
        uint8_t type;
    } differs[V2_VERIFY_LINES];
    unsigned differ;      /* lines to say once the record is known to be whole */
    uint32_t types;       /* bit per type nibble */
    struct {
        uint64_t page, pfn;
        uint32_t count;
        uint8_t type;
    } table[XSI_BATCH_MAX]; /* page tables of a PV guest, in order of their pages */
    uint32_t tables, table_done;
};

/* A part of the list of p2m frames, as a record sent it. */
struct v2_piece {
    uint64_t at;           /* of its entries */
    uint64_t first, count; /* in the list */
    bool kept;             /* they are at p2m_kept + at_kept, too */
    unsigned at_kept;
};

struct v2_judge {
    const struct v2_reader *own;
    bool hvm, pvh;  /* the domain that is restored into */
    bool set_up;    /* behind the headers: errors end with "Restore failed" */
    int error;      /* errno as the process has it */
    uint32_t version, type;
    uint64_t base, at; /* of the image header, of the record at hand */
    uint32_t record, length;
    uint64_t padded;
    bool static_done, pv_info, verify, remus, buffering, consistent;
    bool tsc_seen, shared_seen, params_seen, pages_seen, verify_first;
    uint64_t populated, pages_lost;
    unsigned verified; /* lines about differences */
    uint8_t *copy;     /* a page, while its earlier copy is looked at */

    bool has_cpuid, has_msr;
    struct v2_refusal cpuid, msr;
    uint32_t leaf, subleaf, index; /* what the refusal of `cpuid` or `msr` names */
    struct v2_policy policy;
    uint64_t platform_info;

    /* PV */
    unsigned width;
    uint64_t max_pfn;
    bool expanded;       /* tables for frames exist */
    bool suspicious;     /* page tables came by that Xen might refuse */
    struct v2_piece p2m[V2_P2M_PIECES];
    unsigned pieces;
    bool p2m_lost;      /* more pieces than that */
    uint64_t p2m_entry; /* of the list: being checked */
    uint64_t *p2m_kept; /* entries of pieces, when there are not too many */
    unsigned p2m_used;
    uint8_t start_info[V2_START_INFO]; /* on a pipe: the last page that looks like one ... */
    uint64_t start_info_pfn;           /* ... and its frame */
    bool has_start_info;
    struct v2_vcpu *vcpu;
    size_t vcpus, vcpus_capacity, vcpu_at; /* vcpu_at: being set */
    uint32_t vcpu_top;
    unsigned gdt_at;
    uint64_t pin_from;

    /* HVM */
    bool has_context;
    uint64_t context_at;
    struct v2_refusal context;
    int64_t context_length;
    unsigned context_cpus, context_vcpus;
    uint16_t context_count[32]; /* records by typecode, to count vCPUs */
    bool no_pic, no_cpu;
    uint64_t param[V2_PARAM_SLOTS];
    uint64_t param_set; /* bit per index */

    struct v2_batch_state batch;
    struct v2_walk walk;
};

/* ---- model.c ---- */
extern const struct xsi_model v2_model;
/* Name of a record type as the release prints it. */
const char *v2_record_name(const struct v2_judge *s, uint32_t type);
/* The record's body is there; else says so and ends the restore. */
bool v2_body_whole(struct xsi_run *r, struct v2_judge *s, uint64_t got, uint64_t wanted);
/* The next record; `then` handlers of records end with it. */
void v2_next(struct xsi_run *r, struct v2_judge *s);
/* It fails: the reason for a person, at `at`; a finding when there is a row. */
void v2_stop(struct xsi_run *r, struct v2_judge *s, const struct xsi_finding_row *row, uint64_t at,
             const char *fmt, ...) XSI_PRINTF(5, 6);
void v2_refuse(struct v2_refusal *x, int error, const struct xsi_finding_row *finding, uint64_t at,
               const char *fmt, ...) XSI_PRINTF(5, 6);
/* The same once the record is known whole, by a refusal. */
void v2_stop_refused(struct xsi_run *r, struct v2_judge *s, const struct v2_refusal *x);
/* It returns 0. */
void v2_success(struct xsi_run *r, struct v2_judge *s);
/* A finding beside a verdict that something is lost. */
void v2_lose(struct xsi_run *r, const struct xsi_finding_row *row, uint64_t at, const char *what);
static inline bool v2_is(const struct v2_judge *s, uint32_t trait)
{
    return s->own->traits & trait;
}

/* ---- model_facts.c ---- */
extern const struct xsi_field_row v2_facts[];
void v2_more_facts(const struct xsi_run *r, const void *state, struct xsi_sink *sink);
/* ---- model_pages.c ---- */
void v2_model_batch(const uint8_t *entries, size_t count, unsigned kind, struct xsi_batch *out);
void v2_pages(struct xsi_run *r, struct v2_judge *s);
/* ---- model_tables.c ---- */
/* Page-table pages at p as they come by; false: one of them is the batch's fault. */
bool v2_tables_pass(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, uint64_t pages,
                    uint64_t pfn, unsigned level, uint64_t at);
/* ---- model_walk.c ---- */
/* Would Xen take the tree below a frame as one of this level? Calls then with an errno. */
void v2_walk(struct xsi_run *r, struct v2_judge *s, uint64_t frame, unsigned level,
             void (*then)(struct xsi_run *r, void *state, int error));
/* Would Xen take a frame as a part of a GDT? An errno. */
int v2_walk_descriptors(struct xsi_run *r, struct v2_judge *s, uint64_t frame);
bool v2_tables_doubtful(struct xsi_run *r, const struct v2_judge *s);
/* ---- model_static.c ---- */
void v2_take_policy(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);
/* STATIC_DATA_END, sent or inferred. False: the restore has ended. */
bool v2_static_end(struct xsi_run *r, struct v2_judge *s);
bool v2_static_inferred(struct xsi_run *r, struct v2_judge *s);
/* Does a release have room for a CPUID leaf? */
bool v2_leaf_storable(const struct v2_reader *own, uint32_t leaf, uint32_t subleaf);
/* ---- model_pv.c ---- */
void v2_take_pv_info(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);
void v2_take_vcpu(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);
void v2_take_shared(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);
/* ---- model_values.c: what Xen thinks of the state of a PV vCPU ---- */
void v2_basic_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                     uint64_t at);
void v2_extended_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                        size_t n, uint64_t at);
void v2_xsave_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                     size_t n, uint64_t at);
void v2_msr_values(struct xsi_run *r, struct v2_judge *s, struct v2_vcpu *v, const uint8_t *p,
                   size_t n, uint64_t at);
/* Is an MSR one of the reader's column `known`, and the value one that some host takes? */
bool v2_msr_good(uint32_t known, uint32_t index, uint64_t value);
/* Is a CPU needed that has these components? error of an area of n bytes that holds them. */
void v2_xsave_check(struct xsi_run *r, const struct v2_judge *s, struct v2_refusal *x,
                    const uint8_t *area, size_t n, uint64_t xcr0, uint64_t accum, uint64_t at);
/* ---- model_p2m.c ---- */
void v2_take_p2m(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);
/* The last step of a PV restore. */
void v2_finish_p2m(struct xsi_run *r, struct v2_judge *s);
/* ---- model_finish.c: a PV guest's last steps ---- */
void v2_finish_pv(struct xsi_run *r, struct v2_judge *s);
/* `what` is in a frame that has no memory. */
void v2_bad_mfn(struct xsi_run *r, struct v2_judge *s, uint64_t at, const char *what, uint64_t pfn);
/* ---- model_hvm.c ---- */
void v2_take_params(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);
void v2_finish_hvm(struct xsi_run *r, struct v2_judge *s);
/* The errno that Xen gives for a parameter; 0 = it takes it. Looks at own, pvh and param of s. */
int v2_param_error(const struct v2_judge *s, uint32_t index, uint64_t value);
/* ---- model_context.c ---- */
void v2_take_context(struct xsi_run *r, struct v2_judge *s, const uint8_t *p, size_t n);
/* model_cpu.c: values of a CPU record, filled up to its full length */
bool v2_cpu_values(struct xsi_run *r, const struct v2_judge *s, const uint8_t *cpu,
                   struct v2_refusal *x, uint64_t at);

#endif
