/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of legacy_model share. Order of a restore and where it is written:
 *   model.c header -> model_body.c chunks -> model_apply.c pages -> model_tail.c (4.0 on) or
 *   model_old.c (3.x) -> model_finish.c (PV), model_hvm.c -> model_caller.c
 * Each part ends by calling the next one's entry; legacy_failed() ends the restore from anywhere.
 */
#ifndef LEGACY_MODEL_H
#define LEGACY_MODEL_H

#include <errno.h>
#include <inttypes.h>

#include "legacy.h"
#include "messages.h"
#include "readers.h"

enum {                      /* a frame's byte, beside XSI_FRAME_HELD */
       FRAME_TYPE = 0x0f,   /* type nibble that the reader recorded */
       FRAME_PACKED = 0x10, /* its page came compressed */
       FRAME_WRONG = 0x20,  /* the reader's table has another frame's number here */
       FRAME_WAITS = 0x40,  /* marked for an allocation that never came */
       FRAME_LOST = FRAME_WRONG | FRAME_WAITS, /* … a number that is none of the guest's */
       FRAME_KNOWN = XSI_FRAME_HELD | FRAME_WRONG | FRAME_WAITS
};

#define GROUP_MAX   LEGACY_BATCH_MAX
#define PIECE_MAX   (1U << 20) /* longest piece of a list that is looked at at once */
#define LIST_KEPT   8192U      /* frame list entries kept for the end, for the sake of pipes */
#define BATCHES_MAX 16384U     /* batches of one later checkpoint that are kept apart */
#define VCPUS_MAX   LEGACY_VCPUS_MAX

/* Consecutive entries with one type and consecutive frames, and where their pages lie. */
struct legacy_part_run {
    uint64_t pfn, page;
    uint32_t index; /* number of entries with a page in front of it, in the group */
    uint32_t entry, count;
    uint8_t type;
    bool carries;
};

/* A batch of a later checkpoint: kept until its tail has been read. */
struct legacy_kept {
    uint64_t entries, pages;
    uint32_t count, carry;
};

struct legacy_segment {
    uint64_t at, length;
};

/* A page that came compressed: where it lies, if whole and in one piece; else 0. */
struct legacy_raw {
    uint64_t pfn, at;
};

/* Part of a group: entries of one batch, and where their pages begin. */
struct legacy_slice {
    uint64_t entries, pages;
    uint32_t count;
};

/* What the reader buffers of a tail. */
struct legacy_tail_buf {
    uint64_t magic[3];
    uint64_t context_at;
    uint32_t context;
    int64_t record; /* bytes of device-model state, -1 = none */
    uint64_t unmapped_at, unmapped, unmapped_sum;
    uint64_t vcpus_at, vcpus; /* buffer of vCPU records */
    uint64_t shared_at;
    uint64_t begin, end; /* of the tail in the image, without a device-model record */
};

/* What a vCPU's context says that the reader checks. */
struct legacy_cpu {
    uint64_t at;
    uint64_t edx, cr3, cr1, ldt, ldt_ents, gdt_ents, gdt[16];
};

struct legacy_m {
    const struct legacy_reader *k;
    unsigned ul, gw, levels;
    bool hvm, pae3, extv, has_xcnt;
    uint32_t xcnt;
    uint64_t p2m_size, start;

    /* header */
    uint32_t ext_left, block;
    char block_id[4];
    uint64_t *list; /* copy of the frame list, NULL when it is too long */
    uint64_t list_at, list_count, list_done;
    uint64_t list_unmapped; /* first entry without memory, + 1 */

    /* body; what a checkpoint's chunks say takes effect at its zero count */
    int32_t id, max_vcpu_read, max_vcpu;
    bool vcpus_read, vcpus_known;
    uint64_t map_read[VCPUS_MAX / 64], map[VCPUS_MAX / 64];
    uint64_t param[32]; /* value of parameter chunk -i */
    uint64_t console;
    bool verify, last, completed, compressing, unpacking;
    bool tools_read, tools;
    uint32_t tools_length;
    uint64_t end_at;

    /* batch */
    uint32_t count, carry;
    uint64_t entries_at, pages_at;
    unsigned checkpoints;
    bool over; /* a handler has ended the run */

    /* group being applied */
    struct {
        size_t parts;
        uint32_t entries, carried;
        struct legacy_part_run part[GROUP_MAX];
    } group;
    size_t at_part;
    uint32_t at_entry;
    bool fresh;
    uint64_t waits, wrong;   /* frames with such a byte */
    uint8_t slot[GROUP_MAX]; /* does the reader's list of new frame numbers hold one there? */
    uint64_t pages, dropped, misplaced;
    uint64_t dropped_at;
    uint32_t stored; /* entries of the group whose pages are in the guest's memory */
    bool stale;      /* what there is in the guest's memory is not known */
    uint8_t first_pageless[GROUP_MAX / 8]; /* QUIRK_FIRST_GROUP */

    /* later checkpoints */
    struct legacy_kept *kept;
    size_t kept_count, kept_room, kept_next;
    uint32_t kept_offset, kept_pages; /* entries and pages of the next batch that are taken */
    struct legacy_slice slice[GROUP_MAX];
    size_t slices;
    uint64_t group_at, later_pages;
    uint64_t group_first, group_pages; /* entries and pages in front of the group */
    uint64_t shift;                    /* pages by which the group reads too far behind its own */
    uint64_t uncounted;                /* pageless entries of groups whose error was forgotten */
    bool mixed;                        /* compressed data came behind pages, into the same buffer */
    struct legacy_segment *segment;
    size_t segment_count, segment_room, segment_next;
    uint64_t segment_offset, packed, unpacked;
    uint8_t *window; /* compressed bytes at hand */
    size_t window_at, window_end;
    struct legacy_raw *raw;
    size_t raw_count, raw_room;
    bool raw_lost;

    /* tmem */
    uint32_t tmem_left, tmem_page;

    /* tail and finish */
    struct legacy_tail_buf good, next;
    struct legacy_tail_buf *tail;
    unsigned vcpu, vcpus_set;
    uint32_t qemu_magic;
    uint64_t walk_at;
    uint64_t l1_next, l1_count;
    struct legacy_cpu cpu;
    int64_t rc;

    /* why it fails, when it does */
    bool gives_up; /* though there is a complete checkpoint */
    bool has_cause;
    int cause_code;
    uint64_t cause_at, cause_length;
    char cause[320];
    const char *mends; /* recipe for the cause; NULL: its finding's */

    /* caller */
    uint64_t returned_at;
    uint64_t record_end; /* behind the device-model record that was taken, 0 = none */
};

static inline bool legacy_has(const struct legacy_m *s, uint32_t quirk)
{
    return s->k->quirks & quirk;
}

/* One bit per type: entries that bring a page to this reader. */
static inline uint32_t legacy_carry(const struct legacy_m *s)
{
    return 0xffffU & ~s->k->pageless;
}

#define LEGACY_NO_CODE (-1)
/* Note why the restore will fail if it does; the first note stands until legacy_forget(). */
void legacy_cause(struct legacy_m *s, int code, uint64_t at, uint64_t length, const char *fmt, ...)
    XSI_PRINTF(5, 6);
void legacy_forget(struct legacy_m *s);
/* In front of legacy_cause(): the recipe that mends it; "": none does. */
static inline void legacy_mends(struct legacy_m *s, const char *recipe)
{
    if (!s->has_cause)
        s->mends = recipe;
}
/* Log a short read's own lines; the errno that the lines behind them show. */
int legacy_short(struct xsi_run *r, struct legacy_m *s, const char *what, uint64_t wanted);
/* Hand over the counts so far: in front of every end of the run. */
void legacy_results(struct xsi_run *r, const struct legacy_m *s);
/* xc_domain_restore returns; 0 goes through legacy_caller(). */
void legacy_returns(struct xsi_run *r, struct legacy_m *s, int64_t rc);
void legacy_failed(struct xsi_run *r, struct legacy_m *s);
/* Would an allocation of so many bytes fail? */
bool legacy_no_memory(struct xsi_run *r, const struct legacy_m *s, uint64_t bytes);
/* Read, also nothing at all. */
void legacy_need(struct xsi_run *r, void *state, uint64_t length, const char *purpose,
                 xsi_then *then);
void legacy_skip(struct xsi_run *r, void *state, uint64_t length, const char *purpose,
                 xsi_then *then);
/* A table is indexed with a frame outside it: the run ends. True when it did. */
bool legacy_outside(struct xsi_run *r, struct legacy_m *s, uint64_t pfn, uint64_t at,
                    const char *what);
/* Number of the toolstack's width. */
static inline uint64_t legacy_ul(const struct legacy_m *s, const uint8_t *p)
{
    return s->ul == 4 ? xsi_le32(p) : xsi_le64(p);
}
static inline uint64_t legacy_clip(const struct legacy_m *s, uint64_t v)
{
    return s->ul == 4 ? (uint32_t)v : v;
}
/* Where a table that is indexed with any frame number is read: the address wraps round. */
static inline uint64_t legacy_index(const struct legacy_m *s, uint64_t pfn)
{
    return legacy_clip(s, pfn * s->ul) / s->ul;
}

/* ---- model.c ---- */
void legacy_tables(struct xsi_run *r, struct legacy_m *s);
/* ---- model_header.c ---- */
void legacy_head(struct xsi_run *r, struct legacy_m *s);
/* ---- model_body.c ---- */
void legacy_next(struct xsi_run *r, struct legacy_m *s);
/* An error in the body; `error` is the errno that the wrapper line shows. */
void legacy_body_error(struct xsi_run *r, struct legacy_m *s, int error);
/* ---- model_tmem.c ---- */
void legacy_tmem(struct xsi_run *r, struct legacy_m *s, bool extra);
/* ---- model_apply.c ---- */
/* Put a batch's entries (p) into the group, from entry `from` on, as many as it takes; returns the
 * number of entries. */
uint32_t legacy_group(struct xsi_run *r, struct legacy_m *s, uint64_t entries, const uint8_t *p,
                      uint32_t count, uint32_t from, uint64_t pages);
/* Apply the group; then the next batch or group. */
void legacy_apply(struct xsi_run *r, struct legacy_m *s);
void legacy_allocate(struct xsi_run *r, struct legacy_m *s);
/* False when a frame of the group lies outside the tables: the run has ended. */
bool legacy_group_inside(struct xsi_run *r, struct legacy_m *s);
/* Translate the page table at p; false when an entry is out of range (it has been logged). */
bool legacy_page_table(struct xsi_run *r, struct legacy_m *s, unsigned type, const uint8_t *p);
/* Offset of the page that the reader has put into a frame; 0: not known. */
uint64_t legacy_page_of(struct xsi_run *r, const struct legacy_m *s, uint64_t pfn);
/* Is this type translated when its page arrives? */
bool legacy_translates(const struct legacy_m *s, unsigned type);
void legacy_apply_error(struct xsi_run *r, struct legacy_m *s, uint64_t at);
void legacy_apply_part(struct xsi_run *r, struct legacy_m *s);
void legacy_bogus(struct xsi_run *r, struct legacy_m *s, const struct legacy_part_run *part);
/* Can the reader map a frame? HVM maps by frame, PV by its table. */
static inline bool legacy_maps(const struct legacy_m *s, uint8_t byte)
{
    return s->hvm ? byte & XSI_FRAME_HELD
                  : (byte & (XSI_FRAME_HELD | FRAME_WRONG)) && (byte & FRAME_LOST) != FRAME_LOST;
}
static inline void legacy_group_clear(struct legacy_m *s)
{
    s->group.parts = 0;
    s->group.entries = s->group.carried = 0;
}
/* ---- model_old.c ---- */
void legacy_old_batch(struct xsi_run *r, struct legacy_m *s);
void legacy_old_tail(struct xsi_run *r, struct legacy_m *s);
void legacy_old_unmapped(struct xsi_run *r, struct legacy_m *s);
void legacy_old_vcpu_done(struct xsi_run *r, struct legacy_m *s);
/* ---- model_later.c ---- */
void legacy_keep(struct xsi_run *r, struct legacy_m *s);
void legacy_later(struct xsi_run *r, struct legacy_m *s);
void legacy_later_apply(struct xsi_run *r, struct legacy_m *s);
void legacy_later_group(struct xsi_run *r, struct legacy_m *s);
void legacy_later_forget(struct legacy_m *s);
/* An error behind a complete checkpoint, which is then taken; not so by all releases. */
void legacy_go_back(struct xsi_run *r, struct legacy_m *s);
/* Where the page lies that the reader takes for page `index` of the group. */
uint64_t legacy_later_page(const struct legacy_m *s, uint64_t index);
/* ---- model_unpack.c ---- */
bool legacy_segment(struct legacy_m *s, uint64_t at, uint64_t length);
/* Offset of the last page that came compressed for a frame; 0: not known. */
uint64_t legacy_raw_page(const struct legacy_m *s, uint64_t pfn);
void legacy_unpack_part(struct xsi_run *r, struct legacy_m *s);
/* ---- model_tail.c ---- */
void legacy_body_ends(struct xsi_run *r, struct legacy_m *s);
void legacy_read_tail(struct xsi_run *r, struct legacy_m *s);
void legacy_tail_applied(struct xsi_run *r, struct legacy_m *s);
/* ---- model_finish.c, model_hvm.c ---- */
void legacy_finish(struct xsi_run *r, struct legacy_m *s);
void legacy_pae(struct xsi_run *r, struct legacy_m *s);
void legacy_finish_hvm(struct xsi_run *r, struct legacy_m *s);
/* Clear the magic pages; false when the restore has ended. */
bool legacy_magic(struct xsi_run *r, struct legacy_m *s);
bool legacy_generation_id(struct xsi_run *r, struct legacy_m *s);
/* Check a vCPU's context at p (its record lies at `at`). */
void legacy_vcpu_check(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, uint64_t at);
/* … and it was accepted. */
void legacy_vcpu_accepted(struct xsi_run *r, struct legacy_m *s);
void legacy_vcpu_next(struct xsi_run *r, struct legacy_m *s);
void legacy_frame_list(struct xsi_run *r, struct legacy_m *s);
/* Take frames at p off the reader's table; false when the run has ended. */
bool legacy_unmap(struct xsi_run *r, struct legacy_m *s, const uint8_t *p, uint64_t count,
                  uint64_t at);
static inline unsigned legacy_context_size(const struct legacy_m *s)
{
    return s->gw == 4 ? LEGACY_VCPU32 : LEGACY_VCPU64;
}
/* ---- model_facts.c ---- */
void legacy_facts(const struct xsi_run *r, const void *state, struct xsi_sink *sink);
/* ---- model_caller.c ---- */
void legacy_caller(struct xsi_run *r, struct legacy_m *s);

#endif
