/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxc's migration stream, image versions 2 (Xen 4.6 to 4.13) and 3 (4.14 on): what the files of
 * this folder share. Facts: docs/specs/libxc-migration-stream.pandoc and
 * tools/libs/guest/xg_sr_stream_format.h of Xen 4.22, and xg_sr_*.c for what readers accept.
 */
#ifndef XSI_V2_H
#define XSI_V2_H

#include "../../lib/xsi_plugin.h"
#include "../libxl/libxl.h"

enum {
    V2_IHDR_SIZE = 24,      /* 4.22:xg_sr_stream_format.h:xc_sr_ihdr */
    V2_DHDR_SIZE = 16,      /* ... xc_sr_dhdr */
    V2_RHDR_SIZE = 8,       /* ... xc_sr_rhdr */
    V2_BATCH_HEAD = 16,     /* record header, count, reserved word */
    V2_BATCH_MAX = 1024,    /* entries that writers put in one record; MAX_BATCH_SIZE */
    V2_CHECK_MAX = 8 << 20, /* longest record whose end is looked at; a pipe can keep it */
    V2_OLD_CAP = 8 << 20,   /* REC_LENGTH_MAX of readers up to 4.9 */
    V2_CAP = 128 << 20,     /* ... from 4.10 on */
    V2_SMALL = 64 << 10,    /* bodies of unknown records that are believed on little proof */
    V2_VCPUS_MAX = 8192,    /* 4.22:public/xen.h has no more for PV */
    V2_TOPS_MAX = 2048      /* top-level page tables of a PV guest that are remembered */
};

#define V2_OPTIONAL      0x80000000U
#define V2_PFN_MASK      0x000fffffffffffffULL
#define V2_RESERVED_MASK 0x0ff0000000000000ULL

/* Record types; 4.22:xg_sr_stream_format.h:REC_TYPE_*. */
enum v2_record {
    V2_END,
    V2_PAGE_DATA,
    V2_PV_INFO,
    V2_P2M_FRAMES,
    V2_VCPU_BASIC,
    V2_VCPU_EXTENDED,
    V2_VCPU_XSAVE,
    V2_SHARED_INFO,
    V2_TSC_INFO,
    V2_HVM_CONTEXT,
    V2_HVM_PARAMS,
    V2_TOOLSTACK,
    V2_VCPU_MSRS,
    V2_VERIFY,
    V2_CHECKPOINT,
    V2_DIRTY_PFNS,
    V2_STATIC_DATA_END,
    V2_CPUID_POLICY,
    V2_MSR_POLICY,
    V2_RECORDS, /* number of types; also the row for unknown ones */
    V2_IMAGE_HEADER,
    V2_DOMAIN_HEADER,
    V2_TYPES
};

/* Bit of a record type in the masks below. */
#define V2_BIT(type) (1U << (type))
/* Records that come after the memory; one of them in sight means that END may follow. */
#define V2_TAIL                                                                \
    (V2_BIT(V2_TSC_INFO) | V2_BIT(V2_SHARED_INFO) | V2_BIT(V2_VCPU_BASIC) |    \
     V2_BIT(V2_VCPU_EXTENDED) | V2_BIT(V2_VCPU_XSAVE) | V2_BIT(V2_VCPU_MSRS) | \
     V2_BIT(V2_HVM_CONTEXT) | V2_BIT(V2_HVM_PARAMS))
#define V2_ONLY_PV                                                               \
    (V2_BIT(V2_PV_INFO) | V2_BIT(V2_P2M_FRAMES) | V2_BIT(V2_VCPU_BASIC) |        \
     V2_BIT(V2_VCPU_EXTENDED) | V2_BIT(V2_VCPU_XSAVE) | V2_BIT(V2_SHARED_INFO) | \
     V2_BIT(V2_VCPU_MSRS))
#define V2_ONLY_HVM (V2_BIT(V2_HVM_CONTEXT) | V2_BIT(V2_HVM_PARAMS))
#define V2_ONLY_V3  (V2_BIT(V2_STATIC_DATA_END) | V2_BIT(V2_CPUID_POLICY) | V2_BIT(V2_MSR_POLICY))

/* What a type's body must look like. */
struct v2_rule {
    const char *name;
    uint32_t min, max; /* body length; equal: fixed */
    uint32_t step;     /* (length - base) is a multiple of it; 0 = any */
    uint32_t base;
};

enum v2_phase { V2_AT_IHDR, V2_AT_DHDR, V2_AT_RECORD, V2_AT_LIBXL, V2_AT_END };

/* State of the layer. */
struct v2_state {
    struct libxl_records libxl; /* byte order, and the grammar between CHECKPOINT and
                                   CHECKPOINT_END; first, see libxl.h */
    enum v2_phase phase;
    enum v2_record last;    /* type of the record before this one */
    uint64_t base;          /* where the image header is, or would be */
    uint32_t version;       /* 0 = no image header */
    uint32_t major, minor;  /* of the writer; major 0 = converted from a legacy image */
    uint32_t kind;          /* domain type: 1 PV, 2 HVM, 0 unknown */
    enum xsi_guest claimed; /* by the container's configuration */
    unsigned rank;          /* highest place in the usual order, see order.c */
    uint32_t seen;          /* mask of record types since the start or the last checkpoint */
    uint32_t ever;          /* ... since the start */

    uint64_t batches, pages;
    uint64_t next_pfn;      /* behind the highest PFN of this pass */
    uint64_t top_pfn;       /* highest PFN of any entry */
    uint64_t lost_from;     /* first PFN that may be in lost bytes */
    uint64_t max_pfn;       /* PV: highest PFN, from X86_PV_P2M_FRAMES */
    unsigned pass;          /* 0 = first */
    unsigned idle;          /* batches in a row without page data */
    uint32_t special;       /* HVM: which of the 16 special frames came with a page */
    unsigned context_vcpus; /* HVM: vCPUs of the context */

    unsigned width;       /* PV: bytes of a guest word; 0 unknown */
    unsigned basic_width; /* ... by the size of the first BASIC record */
    unsigned vcpus;       /* PV: BASIC records of different vCPUs */
    uint32_t top_vcpu;
    uint32_t basic_seen[V2_VCPUS_MAX / 32];
    uint32_t extended_seen[V2_VCPUS_MAX / 32];
    uint64_t top[V2_TOPS_MAX]; /* PV: PFNs of top-level page tables */
    unsigned tops;
    bool tops_full;

    bool has_dhdr, has_max;
    bool any_pfn;
    bool zero_seen; /* an entry for frame 0 */
    bool lost;      /* bytes were lost somewhere: what is missing may be there */
    bool lost_open; /* ... and the next batch tells which frames */
    bool cut;       /* the last record is longer than the image */
    bool cut_head;  /* the image ends in a record header */
    bool reported;  /* the end has been judged */
    bool sde_told, order_told, live_told, skip_told, p2m_told;
};

enum v2_finding_id {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) V2_##id,
#include "findings.def"
#undef FINDING
    V2_FINDING_COUNT
};
extern const struct xsi_finding_row v2_findings[V2_FINDING_COUNT];

/* ---- types.c ---- */
extern const struct xsi_type v2_types[V2_TYPES];
extern const struct v2_rule v2_rules[V2_RECORDS];
extern const struct xsi_name v2_page_types[];
extern const struct xsi_name v2_domain_types[];
/* Row of a record type; the one of V2_RECORDS for an unknown type. */
const struct xsi_type *v2_type(uint32_t type);
/* May a record of this type have this body length? False for unknown types. */
bool v2_size_ok(uint32_t type, uint32_t length);
/* "xen-4.17" for 4 and 17; NULL when there is no such release. */
const char *v2_release(uint32_t major, uint32_t minor);

/* ---- header.c ---- */
enum { V2_NO_HEADERS = 1 }; /* a bid's param: the stream begins with records */
void v2_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row, struct xsi_bid *bid);
int v2_step_ihdr(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out);
int v2_step_dhdr(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *out);

/* ---- look.c: is there a record at a place? ---- */
enum v2_look {
    V2_NOTHING, /* no record begins there */
    V2_NEAR,    /* one that is damaged, but can be told */
    V2_GOOD,
    V2_DUE_END,   /* END, where an end is due: eight zero bytes are weaker proof */
    V2_EDGE,      /* the image ends exactly there, or in a record header */
    V2_BEYOND,    /* the image ends before */
    V2_UNREADABLE /* the medium gives nothing, or it is too far to look */
};

/* Something stands there: a record, a damaged one, or the end. */
static inline bool v2_stands(enum v2_look look)
{
    return look == V2_GOOD || look == V2_NEAR || look == V2_DUE_END || look == V2_EDGE;
}

/* A record header and what there is of it. */
struct v2_head {
    uint32_t type, length;
    uint64_t at, end; /* end: of body and padding */
    size_t have;      /* bytes of the header that exist, 0 to 8 */
};

/* Length of a record on the stream: header, body and padding. */
static inline uint64_t v2_span(uint32_t length)
{
    return V2_RHDR_SIZE + (((uint64_t)length + 7) & ~7ULL);
}

struct xsi_cursor v2_cursor(const struct v2_state *s, const uint8_t *p, size_t have);
void v2_head_at(struct xsi_walk *w, const struct v2_state *s, uint64_t at, struct v2_head *h);
enum v2_look v2_look(struct xsi_walk *w, const struct xsi_layer *l, uint64_t at,
                     enum v2_record current);
/* Within libxl's stream: does one of its records (not END) begin there? */
bool v2_libxl_follows(struct xsi_walk *w, const struct xsi_layer *l, uint64_t at);
/* The type that this one would be with one bit changed, given the length; V2_RECORDS = none. */
enum v2_record v2_one_bit_off(uint32_t type, uint32_t length);
/* Does the body of a checked type (at most `have` bytes at p, behind the header) fit `length`?
 * -1 no, 0 cannot be told, 1 yes. */
int v2_body_fits(const struct v2_state *s, uint32_t type, uint32_t length, const uint8_t *p,
                 size_t have);

/* ---- sync.c ---- */
extern const struct xsi_anchor v2_anchors[];
void v2_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync);
/* Cheap test of a place that begins with the type of a batch. */
bool v2_may_start(const struct xsi_layer *l, const uint8_t *p, size_t n);
void v2_resumed(struct xsi_walk *w, struct xsi_layer *l, const struct xsi_sync *sync);

/* First place in [from, to) where the stream certainly goes on; UINT64_MAX: none. */
uint64_t v2_find(struct xsi_walk *w, struct xsi_layer *l, uint64_t from, uint64_t to);

/* ---- batch.c: PAGE_DATA entries ---- */
struct v2_batch {
    uint32_t length, count, reserved;
    bool headless;                   /* the image ends before the count does */
    bool complete;                   /* all entries could be read */
    bool consistent;                 /* length, count and entries agree */
    uint64_t pages;                  /* entries that carry a page */
    uint64_t expected;               /* body length by count and entries */
    uint64_t lowest, highest;        /* of all entries */
    uint64_t first_page, last_page;  /* of entries with a page */
    uint64_t kinds[16];              /* entries by type */
    uint64_t bad_type_at, bad_types; /* index of the first, number */
    uint64_t reserved_at, reserveds;
    uint64_t range_at, ranges;                /* PV: beyond max_pfn */
    uint64_t wild_at, wilds;                  /* HVM: beyond any machine */
    uint64_t stray_at, stray_pfn, stray_want; /* one entry out of sequence */
    bool stray, unsorted, twice;
    uint64_t unsorted_at, twice_pfn;
    unsigned runs;
};

/* Entries at p that follow on from the first one: same type, PFN one higher each. At least 1. */
size_t v2_run(const uint8_t *p, size_t n, bool big);
bool v2_type_has_data(unsigned type);
/* count 0: the one that the record states. */
void v2_batch_read(struct xsi_walk *w, const struct v2_state *s, uint64_t at, uint32_t length,
                   uint32_t count, struct v2_batch *b);
uint32_t v2_batch_count(struct xsi_walk *w, const struct v2_state *s, uint64_t at, uint32_t length);
ssize_t v2_entries(struct xsi_walk *w, const struct xsi_layer *l, const struct xsi_chunk *c,
                   uint64_t first, size_t max, struct xsi_page_entry *out);

/* ---- pages.c ---- */
int v2_step_pages(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                  struct xsi_chunk *out);

/* ---- record.c: all other records ---- */
int v2_step_record(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                   struct xsi_chunk *out);
int v2_step_end(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                struct xsi_chunk *out);
/* Say that `what` at the record's place is wrong. */
#define v2_report(w, id, at, length, ...) \
    xsi_report(w, &v2_findings[V2_##id], at, length, __VA_ARGS__)

/* ---- body.c: what the bodies say ---- */
void v2_check_body(struct xsi_walk *w, struct xsi_layer *l, const struct v2_head *h,
                   struct xsi_chunk *out);
void v2_check_context(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                      struct xsi_chunk *out);
void v2_check_params(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                     struct xsi_chunk *out);
void v2_check_cpuid(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                    struct xsi_chunk *out);
/* Bytes of leaves or registers that follow on from the first one as a writer lists them;
 * UINT64_MAX when the first is none, or the image ends among them. */
uint64_t v2_policy_extent(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h);
void v2_check_msr(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h,
                  struct xsi_chunk *out);
/* ---- vcpu.c ---- */
/* Body length of a vCPU record by its contents; UINT64_MAX when they do not tell. */
uint64_t v2_vcpu_extent(struct xsi_walk *w, const struct v2_state *s, const struct v2_head *h);
void v2_check_vcpu(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h,
                   struct xsi_chunk *out);
/* ---- order.c: what must come before what, and what is missing at the end ---- */
void v2_check_order(struct xsi_walk *w, struct v2_state *s, const struct v2_head *h);
/* A checkpoint is complete: what has been seen counts for it alone. */
void v2_next_checkpoint(struct xsi_walk *w, struct v2_state *s);
/* True when everything that a reader needs at END has been seen. */
bool v2_is_complete(const struct v2_state *s);
void v2_report_missing(struct xsi_walk *w, struct v2_state *s, uint64_t at);
/* The image ends inside (s->cut) or behind this record. */
void v2_report_cut(struct xsi_walk *w, struct v2_state *s, enum v2_record record, uint64_t at);
/* Tell the walk what the stream as a whole said. */
void v2_sum_up(struct xsi_walk *w, const struct v2_state *s);
void v2_end(struct xsi_walk *w, struct xsi_layer *l);

/* ---- decode.c ---- */
void v2_decode_ihdr(struct xsi_decode *d);
void v2_decode_dhdr(struct xsi_decode *d);
void v2_decode_empty(struct xsi_decode *d);
void v2_decode_pages(struct xsi_decode *d);
void v2_decode_pv_info(struct xsi_decode *d);
void v2_decode_p2m(struct xsi_decode *d);
void v2_decode_vcpu(struct xsi_decode *d);
void v2_decode_shared(struct xsi_decode *d);
void v2_decode_tsc(struct xsi_decode *d);
void v2_decode_context(struct xsi_decode *d);
void v2_decode_params(struct xsi_decode *d);
void v2_decode_dirty(struct xsi_decode *d);
void v2_decode_cpuid(struct xsi_decode *d);
void v2_decode_msr(struct xsi_decode *d);
void v2_decode_opaque(struct xsi_decode *d);

#endif
