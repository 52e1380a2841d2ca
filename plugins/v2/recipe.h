/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the recipes of the v2 stream share: the stream as the map shows it, record by record, and
 * the ways to change a record. Facts about readers are those of model*.c.
 */
#ifndef V2_RECIPE_H
#define V2_RECIPE_H

#include "readers.h"
#include "v2.h"

enum {
    V2_HEADERS = V2_IHDR_SIZE + V2_DHDR_SIZE,
    V2_PV = 1, /* domain types; 4.22:xg_sr_stream_format.h:DHDR_TYPE_X86_* */
    V2_HVM = 2,
    V2_NEEDS_V3 = 41400, /* first release that reads image version 3 */
    V2_LEAF = 24,        /* 4.22:public/arch-x86/xen.h:xen_cpuid_leaf */
    V2_MSR = 16,         /* ... xen_msr_entry; also an entry of X86_PV_VCPU_MSRS */
    V2_PARAM = 16,
    V2_VHDR = 8 /* head of a vCPU record */
};

/* Skipped by all readers, 4.6.0 to 4.22:xg_sr_restore.c:process_record; no release defines it. */
#define V2_SKIPPED(type) (V2_OPTIONAL | 0x80U | ((type)&0x7fU))

/* A record, or bytes that no record was made of. */
struct v2_item {
    uint64_t at, length; /* header, body and padding as far as they are there */
    uint64_t wanted;     /* length that it should have */
    uint32_t type, body; /* as the header says; 0 of a gap */
    bool gap;            /* GAP: no sound record; type and body are what stands there */
    bool cut;            /* the image ends inside */
    bool foreign;        /* libxl's, between CHECKPOINT and CHECKPOINT_END */
};

/* The stream of an image. */
struct v2_site {
    struct xsi_mend *m;
    const struct xsi_map_row *rows;
    size_t first, last; /* rows of the stream: [first, last) */
    bool big;           /* big-endian throughout: no reader takes that */
    bool has_header;    /* image and domain header are there, perhaps damaged */
    uint64_t base;      /* of the image header; without one, of the first record */
    uint64_t records;   /* first record */
    uint64_t pages;     /* first PAGE_DATA; UINT64_MAX: none */
    uint64_t end_at;    /* of END; UINT64_MAX: there is none */
    uint64_t stop;      /* behind the last row of the stream */
    uint8_t head[V2_HEADERS];
    uint32_t version, kind, major, minor;
    uint32_t types;   /* mask of record types that are there */
    unsigned width;   /* PV: bytes of a guest word; 0 unknown */
    unsigned release; /* of the reader; 0 none */
    size_t row;       /* of the iteration */
    uint64_t next;
    uint8_t *list; /* entries of the batch that was read last */
    size_t list_room;
};

/* The columns of the reader that it is for; NULL: it reads another stream. */
const struct v2_reader *v2_own(const struct xsi_mend *m);
/* False: the image has no such stream, or it is in the other byte order. */
bool v2_site_open(struct v2_site *s, struct xsi_mend *m);
/* From the first record on, front to back. */
void v2_site_rewind(struct v2_site *s);
bool v2_site_next(struct v2_site *s, struct v2_item *item);
/* It stands in libxl's stream. */
bool v2_within_libxl(const struct v2_site *s);
/* The record that holds an offset. Moves the iteration, as the next two do. */
bool v2_site_at(struct v2_site *s, uint64_t offset, struct v2_item *item);
/* The first record of a type at or behind `from`; the last one before `to`. */
bool v2_site_find(struct v2_site *s, uint32_t type, uint64_t from, struct v2_item *item);
bool v2_site_find_last(struct v2_site *s, uint32_t type, uint64_t to, struct v2_item *item);
/* The whole body; NULL when it is not there or longer than V2_CHECK_MAX. */
const uint8_t *v2_site_body(struct v2_site *s, const struct v2_item *item);
/* The kind of guest that the records belong to; 0: they do not tell. */
uint32_t v2_kind_of(const struct v2_site *s);
/* "X86_TSC_INFO", or "record" for a type that no release knows. */
const char *v2_name(uint32_t type);
/* Zero bytes in front of the pages: what moves them is done in another way, if there is one. */
bool v2_site_fixed(const struct v2_site *s, uint64_t at);

/* Take a record out, or make it one that readers skip where its place cannot be given up. */
void v2_drop(struct v2_site *s, const struct v2_item *item, const char *why);
/* ... all records of version 3, for readers that know none of them. */
void v2_drop_static(struct v2_site *s);
/* Put a record in. */
bool v2_insert(struct v2_site *s, uint64_t at, uint32_t type, const void *body, uint32_t n,
               const char *why);
/* Replace the body of a record; only what differs is written when the length stays. */
bool v2_replace(struct v2_site *s, const struct v2_item *item, const void *body, uint32_t n,
                const char *why);
void v2_put32(struct v2_site *s, uint64_t at, uint32_t value, const char *why);
void v2_put64(struct v2_site *s, uint64_t at, uint64_t value, const char *why);
static inline void v2_store32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof(v));
}
static inline void v2_store64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof(v));
}

/* A batch of pages. */
struct v2_list {
    uint32_t count;
    const uint8_t *entry; /* count entries, until the next list is read */
    uint64_t pages;       /* that they carry */
    uint64_t data;        /* offset of the first page */
};
/* count 0: the one that stands there. False: it cannot be so, or cannot be read. */
bool v2_list_read(struct v2_site *s, uint64_t at, uint32_t count, struct v2_list *list);
/* The highest frame of any entry; false: there is none, or it is beyond what PV guests have. */
bool v2_highest_pfn(struct v2_site *s, uint64_t *highest);
/* Could a page of a PV guest be a page table? */
bool v2_is_table(struct v2_site *s, uint64_t page);
/* Make the header and the list of a damaged batch by the batches around it. */
bool v2_rebuild_list(struct v2_site *s, const struct v2_item *gap);
enum { V2_TYPE_SHIFT = 60 };
static inline uint64_t v2_entry(const struct v2_list *list, uint32_t i)
{
    return xsi_le64(list->entry + 8 * (size_t)i);
}
static inline unsigned v2_entry_type(uint64_t entry)
{
    return (unsigned)(entry >> V2_TYPE_SHIFT);
}
/* 5 to 8 do not exist. */
static inline bool v2_is_type(unsigned type)
{
    return type < 5 || type > 8;
}
/* Body length by count and entries; 0: more than any record has. */
uint32_t v2_list_length(const struct v2_list *list);
/* Offset of the last copy of a frame's page and of its entry; false: there is none. */
bool v2_frame_find(struct v2_site *s, uint64_t pfn, uint64_t *entry, uint64_t *page,
                   unsigned *type);

/* Does the body speak for type and length? 2 surely, 1 nothing speaks against it, 0 no. */
int v2_speaks(struct v2_site *s, uint64_t at, uint32_t type, uint32_t n);
/* The type from which this one differs in one bit and that fits body and length; else
 * V2_RECORDS. */
uint32_t v2_twin(struct v2_site *s, const struct v2_item *item);
/* The type that a record with a doubtful one has with one bit changed; false: there is none. */
bool v2_retyped(struct v2_site *s, const struct v2_item *item, uint32_t *type);
/* A record begins there, or the stream ends. */
bool v2_stands_at(struct v2_site *s, uint64_t at);
/* A body of HVM_PARAMS as an ordinary domain has it; returns its length. */
enum { V2_PARAMS_ROOM = 8 + 16 * 16 };
uint32_t v2_usual_params(const struct v2_site *s, uint8_t *body);
/* The type and the length that bytes at `at` up to `end` have as one record; the one that stands
 * there is preferred, then one with a single bit changed. */
bool v2_reckon(struct v2_site *s, uint64_t at, uint64_t end, uint32_t *type, uint32_t *body);
/* The length of a record by what its body states or its type; false: nothing tells it. */
bool v2_own_length(struct v2_site *s, const struct v2_item *item, uint32_t *n);
/* A record whose length leads too far, or a gap: type and length with which records follow, up to
 * the end of the stream. */
bool v2_find_inside(struct v2_site *s, const struct v2_item *item, uint32_t *type, uint32_t *body);
/* Whole records stand in a gap, and lead to the end of the stream. */
bool v2_holds_records(struct v2_site *s, const struct v2_item *gap);
/* Bytes in front of a record that stands at an odd place, up to 64; 0: none does. */
unsigned v2_shift(struct v2_site *s, const struct v2_item *item);
/* Take such bytes out, as a guess. */
void v2_drop_few(struct v2_site *s, uint64_t at, uint64_t n);

/* What goes with a record of a type; NULL: nothing that a guest has. */
extern const char *const v2_worth[V2_RECORDS];
/* Dropping it would take what a guest cannot do without. */
bool v2_is_vital(struct v2_site *s, const struct v2_item *item);
/* Write a record's type; type and length. The latter returns 0. */
void v2_put_type(struct v2_site *s, const struct v2_item *item, uint32_t type);
int v2_set_head(struct v2_site *s, const struct v2_item *item, uint32_t type, uint32_t body);

/* One per row of the table in recipe.c. */
int v2_fix_header(struct xsi_mend *m);
int v2_rebuild_header(struct xsi_mend *m);
int v2_cut_front(struct xsi_mend *m);
int v2_clear_reserved(struct xsi_mend *m);
int v2_downgrade(struct xsi_mend *m);
int v2_upgrade(struct xsi_mend *m);
int v2_drop_record(struct xsi_mend *m);
int v2_clear_optional(struct xsi_mend *m);
int v2_fix_type(struct xsi_mend *m);
int v2_fix_length(struct xsi_mend *m);
int v2_fix_count(struct xsi_mend *m);
int v2_rebuild_record(struct xsi_mend *m);
int v2_reorder(struct xsi_mend *m);
int v2_insert_static_end(struct xsi_mend *m);
int v2_drop_policies(struct xsi_mend *m);
int v2_trim_policies(struct xsi_mend *m);
int v2_append_end(struct xsi_mend *m);
int v2_cut_after_end(struct xsi_mend *m);
int v2_cut_checkpoint(struct xsi_mend *m);
int v2_fix_tsc_mode(struct xsi_mend *m);
int v2_make_params(struct xsi_mend *m);
int v2_drop_param(struct xsi_mend *m);
int v2_add_special(struct xsi_mend *m);
int v2_fix_context(struct xsi_mend *m);
int v2_drop_device(struct xsi_mend *m);
int v2_fix_pfn(struct xsi_mend *m);
int v2_fix_page_type(struct xsi_mend *m);
int v2_retype(struct xsi_mend *m);
int v2_fill_lost(struct xsi_mend *m);
int v2_fix_pv_info(struct xsi_mend *m);
int v2_fix_p2m(struct xsi_mend *m);
int v2_add_p2m_page(struct xsi_mend *m);
int v2_fix_vcpu(struct xsi_mend *m);

extern const struct xsi_recipe v2_recipes[];

#endif
