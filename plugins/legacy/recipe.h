/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the recipes of the legacy stream. A recipe sees the image through the rows of the
 * engine's map; what a row does not tell (the count of a batch, its entries) it reads from the
 * image, with the bounds that the dissector has.
 */
#ifndef LEGACY_RECIPE_H
#define LEGACY_RECIPE_H

#include <inttypes.h>
#include <stdio.h>

#include "legacy.h"
#include "readers.h"

#define LEGACY_ID_LAST     (-9)  /* LAST_CHECKPOINT */
#define LEGACY_ID_VCPUS    (-2)  /* VCPU_INFO */
#define LEGACY_ID_TMEM     (-5)  /* TMEM */
#define LEGACY_ID_PACKED   (-12) /* COMPRESSED_DATA */
#define LEGACY_ID_COMPRESS (-13) /* ENABLE_COMPRESSION */
#define LEGACY_ID_FIP      (-21) /* HVM_X87_FIP_WIDTH */

/* The stream that a recipe is to mend, and who is to read it. */
struct legacy_view {
    struct xsi_mend *m;
    const struct xsi_map_row *row; /* all rows of the image */
    size_t count;
    size_t first, behind; /* the stream's rows lie in [first, behind), records among them */
    unsigned ul, gw;
    bool pv;
    uint64_t p2m_size;
    const struct xsi_reader *reader; /* NULL: nobody */
    const struct legacy_reader *own; /* its columns; NULL: not a reader of the legacy stream */
    bool converts;                   /* a toolstack of 4.6 on, with convert-legacy-stream */
    bool other_width;                /* the reader is of the other width than the stream */
};

/* False when the image holds no legacy stream. */
bool legacy_view(struct xsi_mend *m, struct legacy_view *v);
/* Is this row a chunk or part of the stream; with this name; a chunk of the body? */
bool legacy_mine(const struct xsi_map_row *row);
bool legacy_is(const struct xsi_map_row *row, enum legacy_part part);
bool legacy_in_body(const struct xsi_map_row *row);
/* Index of the row that begins at an offset, or holds it; v->count: none. */
size_t legacy_row_at(const struct legacy_view *v, uint64_t offset);
/* Index of the zero count of checkpoint n (0 is the first); v->count: none. */
size_t legacy_end_row(const struct legacy_view *v, unsigned n);
/* Index behind the tail, and device-model record, of the zero count at index `end`. */
size_t legacy_tail_behind(const struct legacy_view *v, size_t end);
/* Complete checkpoints. */
unsigned legacy_checkpoints(const struct legacy_view *v);
/* Does the reader know a chunk id? */
bool legacy_knows(const struct legacy_view *v, int64_t id);
/* The word at an offset; 0 when it cannot be read. */
uint32_t legacy_word(const struct legacy_view *v, uint64_t offset);
/* A number of the toolstack's width, as it stands in the stream; returns the width. */
size_t legacy_put_ul(const struct legacy_view *v, uint8_t *out, uint64_t number);
/* "272 of 304 frames have a page here": what can still be saved. */
const char *legacy_still(const struct legacy_view *v, char *out, size_t size);

/* One batch, as it stands in the image. */
struct legacy_batch {
    uint64_t at, length; /* whole chunk */
    unsigned count;
    unsigned pages; /* that follow the entries */
    uint64_t entry[LEGACY_BATCH_MAX];
};
/* The batch that holds an offset, with the count that the dissector took; false: none. */
bool legacy_batch_at(const struct legacy_view *v, uint64_t offset, struct legacy_batch *b);
/* All batches of the stream in order: start with *at = 0; false behind the last. What the
 * dissector had to correct is taken as it says. */
bool legacy_batch_next(const struct legacy_view *v, uint64_t *at, struct legacy_batch *b);

/* Does the stream hold compressed pages? */
bool legacy_compressed(const struct legacy_view *v);
/* The frames that checkpoints 2 to n change, as plain batches; NULL: they cannot be had. */
const uint8_t *legacy_unpack_later(const struct legacy_view *v, unsigned n, size_t *length);
/* Delete all chunks that the reader does not know; false when one of them must stay. */
bool legacy_drop_unknown(const struct legacy_view *v);
/* The batch whose count stands at an offset, taken as it says; false: no such count, or cut. */
bool legacy_batch_raw(const struct legacy_view *v, uint64_t at, struct legacy_batch *b);
/* Several frames of the batch at or above p2m_size, and all in order: then it is p2m_size that is
 * wrong. True when that was put right. */
bool legacy_raise_p2m_size(const struct legacy_view *v, const struct legacy_batch *b);
/* The bytes of row i go: it cannot be proved that they were put in behind row i-1, not into it. */
void legacy_guess_place(const struct legacy_view *v, size_t i);
/* Bytes are put back in front of row i. When the batch in front of it ends in the same bytes, they
 * may be those, and as many bytes are missing in its pages: says so. */
void legacy_guess_whole(const struct legacy_view *v, size_t i, const uint8_t *bytes, size_t n);
/* Length of a chunk that is always as long, its id included; 0: it varies. */
uint64_t legacy_fixed_length(const struct legacy_chunk_row *row);
/* Is it p2m_size that is wrong, where the frame list of a PV image or what follows it looks so?
 * True when that was put right. */
bool legacy_p2m_size_wrong(const struct legacy_view *v);
/* Mend a list of frames that ascends, handed over as if it were a batch at list - 4. */
void legacy_fix_list(const struct legacy_view *v, struct legacy_batch *b);

static inline unsigned legacy_entry_type(uint64_t entry)
{
    return entry >> 28 & 0xf;
}
static inline uint64_t legacy_entry_pfn(uint64_t entry)
{
    return entry & LEGACY_PFN_MASK;
}
static inline bool legacy_entry_carries(uint64_t entry)
{
    return legacy_entry_type(entry) < LEGACY_BROKEN;
}
static inline bool legacy_one_bit(uint64_t a, uint64_t b)
{
    return a != b && !((a ^ b) & ((a ^ b) - 1));
}

/* The recipes; table in recipe.c. Each returns 0. */
int legacy_insert_checkpoint(struct xsi_mend *m);
int legacy_drop_checkpoint(struct xsi_mend *m);
int legacy_cut_checkpoint(struct xsi_mend *m);
int legacy_merge_checkpoints(struct xsi_mend *m);
int legacy_cut_tail(struct xsi_mend *m);
int legacy_drop_chunk(struct xsi_mend *m);
int legacy_fix_chunk_id(struct xsi_mend *m);
int legacy_fix_chunk_length(struct xsi_mend *m);
int legacy_cut_gap(struct xsi_mend *m);
int legacy_drop_zero(struct xsi_mend *m);
int legacy_insert_end(struct xsi_mend *m);
int legacy_rebuild_count(struct xsi_mend *m);
int legacy_fill_batch(struct xsi_mend *m);
int legacy_fix_entry(struct xsi_mend *m);
int legacy_drop_entries(struct xsi_mend *m);
int legacy_empty_entries(struct xsi_mend *m);
int legacy_fix_vcpu_info(struct xsi_mend *m);
int legacy_insert_vcpu_info(struct xsi_mend *m);
int legacy_fix_unmapped(struct xsi_mend *m);
int legacy_fix_frame_list(struct xsi_mend *m);
int legacy_fix_console(struct xsi_mend *m);
int legacy_fix_magic(struct xsi_mend *m);
int legacy_fix_context(struct xsi_mend *m);
int legacy_insert_magic(struct xsi_mend *m);
int legacy_complete_tail(struct xsi_mend *m);
int legacy_fix_vcpu_number(struct xsi_mend *m);
int legacy_fix_tsc(struct xsi_mend *m);
int legacy_fix_p2m_size(struct xsi_mend *m);
int legacy_fix_extended_info(struct xsi_mend *m);
int legacy_insert_extended_info(struct xsi_mend *m);
int legacy_drop_block(struct xsi_mend *m);
int legacy_drop_xsave(struct xsi_mend *m);
int legacy_fix_xsave(struct xsi_mend *m);
int legacy_fix_root(struct xsi_mend *m);
int legacy_fix_start_info(struct xsi_mend *m);
int legacy_fix_max_pfn(struct xsi_mend *m);
int legacy_other_width(struct xsi_mend *m);

extern const struct xsi_recipe legacy_recipes[];

#endif
