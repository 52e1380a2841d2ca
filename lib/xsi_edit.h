/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing an image: an index of its chunks, a plan of edits laid over it, recipes that make
 * edits for a reader, and the one way in which bytes are written.
 *
 *     struct xsi_plan *plan = xsi_plan_new(src, &err);
 *     struct xsi_mended *m = xsi_mend(plan, &options, &err);   // recipes stage edits
 *     ... show xsi_mended_*(), xsi_plan_edit() ...
 *     xsi_plan_free / xsi_source_free, then
 *     xsi_write_in_place(path, plan file or plan, ...);
 *
 * Nothing here touches the image but xsi_write_in_place() and xsi_undo(). Everything that is said
 * about a plan is said of an overlay, by the same dissectors and reader models that judge a file.
 * Conventions are those of xsi.h.
 */
#ifndef XSI_EDIT_H
#define XSI_EDIT_H

#include "xsi.h"

/* ---------------------------------------------------------------- the chunks of an image ---- */

/* One chunk; in a folded map a run of neighbouring page batches of one layer is one row. */
struct xsi_map_row {
    uint64_t index; /* of its first chunk */
    uint64_t count; /* chunks in the row */
    uint64_t offset, length;
    uint64_t wanted; /* length that it should have; == length unless cut */
    const char *layer, *type;
    bool has_id;
    int64_t id;
    uint64_t entries;             /* PFN entries, all chunks of the row */
    uint64_t pages;               /* ... of which carry a page */
    uint64_t tables;              /* ... of which are page tables */
    uint64_t first_pfn, last_pfn; /* lowest and highest of them */
    unsigned flags;               /* XSI_CHUNK_… of any of them */
    unsigned depth;
    unsigned checkpoint; /* complete checkpoints in front of it */
};

struct xsi_map_options {
    const char *as;           /* forced stack, as in struct xsi_walk_options */
    bool scan;                /* as there */
    bool unfolded;            /* a row per page batch; without it they are folded */
    const char *const *names; /* readers to judge in the same pass; NULL = none */
    size_t name_count;        /* 0 with names set: the default target */
};

/*
 * Rows as a walk gives chunks out, and ways back to any chunk: up to 1024 places of the walk are
 * remembered, evenly spread, so that going back costs the same wherever it leads. At most 256 Ki
 * rows are kept; what lies behind them has no row, but can be opened. src stays the caller's and
 * must be able to seek; options of the walk: as, scan and stop_at_end are copied.
 */
struct xsi_index;
XSI_API struct xsi_index *xsi_index_new(struct xsi_source *src,
                                        const struct xsi_walk_options *options, bool unfolded,
                                        struct xsi_error *err);
XSI_API void xsi_index_free(struct xsi_index *index);
/* The chunk that this walk over the same source gave out last: call it for each, in order. 0 or
 * -ENOMEM. */
XSI_API int xsi_index_add(struct xsi_index *index, const struct xsi_walk *walk,
                          const struct xsi_chunk *chunk);
XSI_API const struct xsi_map_row *xsi_index_rows(const struct xsi_index *index, size_t *count);
/* The row that holds an offset; NULL behind the last. */
XSI_API const struct xsi_map_row *xsi_index_at(const struct xsi_index *index, uint64_t offset);
/* There were more rows than are kept. */
XSI_API bool xsi_index_full(const struct xsi_index *index);
/* Chunks that were added; where the last one ends. */
XSI_API uint64_t xsi_index_chunks(const struct xsi_index *index);
XSI_API uint64_t xsi_index_end(const struct xsi_index *index);
/*
 * A walk that has just given out the chunk that holds `offset` (or has that number), and gives out
 * those behind it; for xsi_chunk_fields(), xsi_chunk_bytes() and xsi_chunk_entries(). What it says
 * of the image as a whole (findings, pages present) is not to be used. *chunk belongs to the walk;
 * the walk is the caller's to free. NULL and err when the walk has not come so far (ENOENT), the
 * image has changed since (ESTALE), or on a fault.
 */
XSI_API struct xsi_walk *xsi_index_open(const struct xsi_index *index, uint64_t offset,
                                        const struct xsi_chunk **chunk, struct xsi_error *err);
XSI_API struct xsi_walk *xsi_index_open_number(const struct xsi_index *index, uint64_t number,
                                               const struct xsi_chunk **chunk,
                                               struct xsi_error *err);
/* Single chunks, folded or not: fills rows for at most max from number `first` on. Returns how
 * many; 0 behind the last or on a fault. */
XSI_API size_t xsi_index_list(const struct xsi_index *index, uint64_t first, size_t max,
                              struct xsi_map_row *out);
/* What the chunks near a range are, added up over the places that are remembered: so the range is
 * widened to them. */
struct xsi_index_sum {
    uint64_t chunks, entries, pages, tables; /* of batches of pages */
    uint64_t first_pfn, last_pfn;            /* of the entries with a page; first > last: none */
};
XSI_API void xsi_index_sum(const struct xsi_index *index, uint64_t from, uint64_t to,
                           struct xsi_index_sum *out);

/* What a row is for the restore, as a drawing tells parts apart. */
enum xsi_part {
    XSI_PART_CONTAINER, /* of a toolstack, or of libxl */
    XSI_PART_HEAD,      /* of the memory stream, in front of its first pages */
    XSI_PART_PAGES,
    XSI_PART_TAIL, /* ... behind them: vCPUs, contexts, ends */
    XSI_PART_EMULATOR,
    XSI_PART_FOREIGN, /* not of a save image */
    XSI_PART_GAP
};
/* The part of row number `row` of the index. */
XSI_API enum xsi_part xsi_index_part(const struct xsi_index *index, size_t row);

/* ---------------------------------------------------------------- the frames of the guest ---- */

/* What an image says of a frame: one of the kinds, and marks. */
enum {
    XSI_FRAME_MISSING,   /* no batch names it */
    XSI_FRAME_PRESENT,   /* its page is there */
    XSI_FRAME_L1,        /* its page is a page table of a PV guest, of this level */
    XSI_FRAME_L2,
    XSI_FRAME_L3,
    XSI_FRAME_L4,
    XSI_FRAME_HOLE,      /* named without a page: XTAB, XALLOC */
    XSI_FRAME_BROKEN,    /* named as broken, or with a type that there is not */
    XSI_FRAME_KIND = 7,  /* mask of the above */
    XSI_FRAME_PINNED = 8,
    XSI_FRAME_TWICE = 16, /* named more than once; the kind is that of the last time */
    XSI_FRAME_ZERO = 32,  /* marks of the caller's: its page is all zeros, */
    XSI_FRAME_ALIKE = 64  /* or equal to one before it */
};

/*
 * The state of each frame, as batches name them in any order. A guest of any size that is sent in
 * order takes a few hundred bytes, one whose frames differ all over a byte per frame; all in all
 * 8 MiB. When they are used up the map says that it has lost count, and changes no more.
 */
struct xsi_frame_map;
XSI_API struct xsi_frame_map *xsi_frame_map_new(void);
XSI_API void xsi_frame_map_free(struct xsi_frame_map *map);
/*
 * The entries of the chunk that a walk gave out last, from number `first` on: some thousand of
 * them. How many were taken; 0 behind the last, or of a chunk that has none; -errno.
 */
XSI_API ssize_t xsi_frame_map_add(struct xsi_frame_map *map, struct xsi_walk *walk,
                                  const struct xsi_chunk *chunk, uint64_t first);
/* The same for entries that were read already. */
XSI_API void xsi_frame_map_take(struct xsi_frame_map *map, const struct xsi_chunk *chunk,
                                const struct xsi_page_entry *entry, size_t n);
/* Change marks (ZERO, ALIKE) of n frames, where they are named at all. */
XSI_API void xsi_frame_map_mark(struct xsi_frame_map *map, uint64_t first, uint64_t n,
                                unsigned clear, unsigned set);
XSI_API bool xsi_frame_map_lost(const struct xsi_frame_map *map);
/* One behind the highest frame that was named. */
XSI_API uint64_t xsi_frame_map_end(const struct xsi_frame_map *map);
/* State of a frame: kind | marks. */
XSI_API unsigned xsi_frame_map_at(const struct xsi_frame_map *map, uint64_t pfn);
/* The next frame behind this one whose state is another; UINT64_MAX: all of them are like it. */
XSI_API uint64_t xsi_frame_map_unlike(const struct xsi_frame_map *map, uint64_t pfn);
/* Frames of [from, to) by kind and mark. */
struct xsi_frame_counts {
    uint64_t kind[XSI_FRAME_KIND + 1];
    uint64_t pinned, twice, zero, alike;
};
XSI_API void xsi_frame_map_count(const struct xsi_frame_map *map, uint64_t from, uint64_t to,
                                 struct xsi_frame_counts *out);

/* ---------------------------------------------------------------- a whole walk, kept ---- */

/*
 * The result of one walk, kept: rows (at most 256 Ki, *full says when there were more), findings
 * (at most 4096), what is known of the image, verdicts. src stays the caller's; it is used again
 * only by xsi_map_open().
 */
struct xsi_map;
XSI_API struct xsi_map *xsi_map_new(struct xsi_source *src, const struct xsi_map_options *options,
                                    struct xsi_error *err);
XSI_API void xsi_map_free(struct xsi_map *map);
/* The row of one chunk that a walk gave out; checkpoint: complete ones in front of it. */
XSI_API struct xsi_map_row xsi_map_row_of(const struct xsi_chunk *chunk, unsigned checkpoint);
XSI_API const struct xsi_map_row *xsi_map_rows(const struct xsi_map *map, size_t *count);
XSI_API bool xsi_map_full(const struct xsi_map *map);
/* The row that holds an offset; NULL behind the last. */
XSI_API const struct xsi_map_row *xsi_map_at(const struct xsi_map *map, uint64_t offset);
/* The first row with this type at or behind `offset`; NULL: none. */
XSI_API const struct xsi_map_row *xsi_map_type(const struct xsi_map *map, const char *type,
                                               uint64_t offset);
XSI_API const struct xsi_finding *xsi_map_findings(const struct xsi_map *map, size_t *count);
XSI_API const struct xsi_info *xsi_map_info(const struct xsi_map *map);
/* Verdict by index; NULL behind the last, or when no reader was asked for or none fits. */
XSI_API const struct xsi_verdict *xsi_map_verdict(const struct xsi_map *map, size_t index);
/*
 * A walk that has just given out the chunk at `offset` (the one that holds it), for
 * xsi_chunk_fields(), xsi_chunk_bytes() and xsi_chunk_entries(), as xsi_index_open() makes it; over
 * a source that cannot seek it walks from the image's beginning. *chunk belongs to the walk; the
 * walk is the caller's to free. NULL on a fault.
 */
XSI_API struct xsi_walk *xsi_map_open(const struct xsi_map *map, uint64_t offset,
                                      const struct xsi_chunk **chunk, struct xsi_error *err);

/* ---------------------------------------------------------------- plans ---- */

/* An edit of the image as it lies on the disk. */
struct xsi_edit {
    uint64_t offset;  /* in the unchanged image */
    uint64_t removed; /* bytes that go there */
    const uint8_t *inserted;
    uint64_t inserted_length;
    char why[240]; /* of the steps that made it, joined by "; " */
};

/* One step of a plan, as it was staged: what undo and redo move over. */
struct xsi_planned {
    char recipe[40]; /* "insert-checkpoint", "patch", "set", … */
    char what[240];  /* "at 0x100401043 insert f7 ff ff ff" */
    char why[240];   /* the reason, for a person; "" none */
    char loses[240]; /* what is given up; "" nothing */
    char guess[240]; /* what was inferred and might be wrong; "" nothing: it is certain */
    int64_t grows;   /* bytes that the image grows by */
    uint64_t offset; /* of its first edit, in the image as it was before the step */
};

/* Bytes that a step cut out and that are worth keeping: the unchanged image's. */
struct xsi_kept {
    char name[40]; /* "qemu-record": a literal of the recipe, never text of the image */
    uint64_t offset, length;
};

/*
 * Edits over an image, in steps. The base stays the caller's, must be seekable and outlive the
 * plan. NULL and err when it is not.
 */
struct xsi_plan;
XSI_API struct xsi_plan *xsi_plan_new(struct xsi_source *base, struct xsi_error *err);
XSI_API void xsi_plan_free(struct xsi_plan *plan);
/*
 * Stage one step of `count` splices; their offsets are of the image as the plan has it now, they
 * ascend and do not overlap. The inserted bytes are copied. step: recipe, why, loses and guess are
 * taken; what may be "" and is then made from the splices. Drops what could be redone.
 * 0, -EINVAL with err (splices wrong), -ENOMEM.
 */
XSI_API int xsi_plan_stage(struct xsi_plan *plan, const struct xsi_splice *splices, size_t count,
                           const struct xsi_planned *step, struct xsi_error *err);
/* Note a range of the image as the plan has it now as worth keeping. Inserted bytes of the range
 * are left out. */
XSI_API int xsi_plan_keep(struct xsi_plan *plan, const char *name, uint64_t offset,
                          uint64_t length);
/* The image as the plan has it at any moment: one source for the plan's life, the plan's own. NULL:
 * no memory, or the plan is detached. */
XSI_API struct xsi_source *xsi_plan_source(struct xsi_plan *plan);
XSI_API struct xsi_source *xsi_plan_base(const struct xsi_plan *plan);
XSI_API size_t xsi_plan_steps(const struct xsi_plan *plan);
XSI_API const struct xsi_planned *xsi_plan_step(const struct xsi_plan *plan, size_t index);
/* Take the last step back, or put it again; false when there is none. */
XSI_API bool xsi_plan_undo(struct xsi_plan *plan);
XSI_API bool xsi_plan_redo(struct xsi_plan *plan);
/* All steps in one: edits of the unchanged image, ascending, not touching. NULL behind the last. */
XSI_API const struct xsi_edit *xsi_plan_edit(struct xsi_plan *plan, size_t index);
XSI_API const struct xsi_kept *xsi_plan_piece(const struct xsi_plan *plan, size_t index);
/* Offset of the unchanged image that stands at `offset` of the planned one; false: inserted. */
XSI_API bool xsi_plan_origin(struct xsi_plan *plan, uint64_t offset, uint64_t *base);
/*
 * Let go of the base, remembering size and hashes (of the image's first and last 64 KiB, of what
 * each edit removes and of 64 bytes on both sides of it); then the base may be freed, also when
 * this failed: the plan cannot be attached again then. And lay the
 * plan over another opening of the same image: -ESTALE, with what differs in err, when it is
 * not the same any more. A lease cannot be had on a file that is open elsewhere, so this stands
 * between planning and writing in place. 0 or -errno.
 */
XSI_API int xsi_plan_detach(struct xsi_plan *plan, struct xsi_error *err);
XSI_API int xsi_plan_attach(struct xsi_plan *plan, struct xsi_source *base, struct xsi_error *err);
/* Name of the reader the plan is for ("" none); goes into the plan's file. */
XSI_API void xsi_plan_set_reader(struct xsi_plan *plan, const char *reader);
XSI_API const char *xsi_plan_reader(const struct xsi_plan *plan);
/*
 * Make the plan fit an image whose bytes behind `stream_end` (of the planned image) are spare
 * zeros: growth is taken out of them, shrinkage is put there, so that nothing behind them moves.
 * fixed: the image cannot change its size (a device): -ENOSPC with the number of bytes missing in
 * err when the zeros do not suffice. Without fixed, a plan that does not fit is left as it is.
 * Stages a step "slack" when something changes.
 */
XSI_API int xsi_plan_fit(struct xsi_plan *plan, uint64_t stream_end, bool fixed,
                         struct xsi_error *err);

/*
 * A plan as text: what it is for, size of the image, hashes of what each edit replaces and of the
 * bytes around it, of the image's head, and the bytes to insert. Reading it back stages its edits
 * as one step per edit on another opening of the same image, and refuses any other image (-ESTALE,
 * err says what differs) or a text that is wrong (-EINVAL with the line).
 */
XSI_API int xsi_plan_save(struct xsi_plan *plan, int fd, struct xsi_error *err);
XSI_API int xsi_plan_load(struct xsi_plan *plan, int fd, struct xsi_error *err);

/* ---------------------------------------------------------------- recipes ---- */

struct xsi_mend;
/* A way to mend something; the rows stand in the format's folder. */
struct xsi_recipe {
    const char *name;  /* "insert-checkpoint"; NULL ends a table */
    const char *does;  /* one line: what it changes */
    const char *about; /* a paragraph: when it applies, for which readers, what it cannot know */
    /* Stages through xsi_mend_splice(); see xsi_plugin.h. */
    int (*run)(struct xsi_mend *m);
    /* Tried for a reader that refuses the image even when no finding names it. */
    bool unasked;
};
/* All recipes by index; NULL behind the last. By name: NULL when unknown. */
XSI_API const struct xsi_recipe *xsi_recipe_at(size_t index);
XSI_API const struct xsi_recipe *xsi_recipe_lookup(const char *name);

struct xsi_mend_options {
    const char *reader; /* the target; NULL = the default of the image's container */
    const char *as;     /* forced stack */
    const char *recipe; /* only this one, also where nothing asks for it; NULL = what is needed */
    const char *code;   /* only findings with this code ("XS-L09" or slug); NULL = any */
    bool has_at;
    uint64_t at;    /* with recipe: the place it is for */
    bool safe;      /* nothing that loses or guesses */
    bool same_size; /* recipes prefer edits that move nothing (in place) */
    bool scan;      /* search for chunks without limit */
};

/* Something that was tried and not done, or cannot be done. */
struct xsi_refusal {
    char recipe[40]; /* "" = nothing is known that would help */
    uint64_t offset;
    char why[320];
};

/* What came of it. */
struct xsi_mended {
    struct xsi_reader reader;
    bool judged;                      /* a reader was there to judge */
    struct xsi_verdict before, after; /* of the image, of the plan */
    struct xsi_info info;             /* of the planned image; its pointers are static or "" */
    size_t errors_before, errors;     /* findings of severity error or effect damaged/truncated */
    size_t steps;                     /* steps that were staged */
    size_t refusal_count;
    struct xsi_refusal refusals[16];
};
/*
 * Let recipes stage what makes the reader restore the image: one at a time, each checked by a walk
 * and the reader's model over the overlay and kept only when it brings the image forward. The plan
 * is left with the steps that were kept. NULL on a fault of the system or wrong options; free with
 * free().
 */
XSI_API struct xsi_mended *xsi_mend(struct xsi_plan *plan, const struct xsi_mend_options *options,
                                    struct xsi_error *err);

/* ---------------------------------------------------------------- writing ---- */

struct xsi_write_options {
    const char *undo;   /* in place: the journal; NULL = a new file in the registry's folder */
    const char *state;  /* registry; NULL = XSI_STATE_DIR, or $XSRECOVER_STATE */
    bool assume_unused; /* the file system has no leases or locks: the caller vouches for it */
};
#define XSI_STATE_DIR "/var/lib/xsrecover"

/* What a write would need, before it is done. */
struct xsi_write_needs {
    uint64_t rewritten; /* bytes of the image that are written in place */
    uint64_t journal;   /* bytes of the undo file */
    uint64_t free;      /* free bytes where the undo file goes */
    int64_t grows;      /* of the file */
    char undo[512];     /* the undo file it would be; raw, escape before printing */
};
struct xsi_written {
    uint64_t bytes;   /* written to the image or the new file */
    uint64_t journal; /* of the undo file; 0 none */
    double seconds;   /* from the first write to the last sync */
    char undo[512];   /* the undo file; "" none; raw */
    bool reflinked;   /* the new file shares its blocks with the image */
};

/*
 * In place, by the write protocol: lock the image, check the plan against what it holds now, save
 * what will be overwritten to a journal (synced, ready mark), write, sync, applied mark, sync. At
 * each moment either the image is the old one, or the journal brings it back. Refuses (-EBUSY)
 * while somebody else uses the image, or the registry knows of a write to it that was interrupted
 * and not rolled back; -ENOSPC, -EIO, … come before anything is written, and err
 * says what to do. The plan was made on `path` and is detached (xsi_plan_detach()): the image is
 * opened and locked first, then the plan is attached to what was locked. It is left detached.
 */
XSI_API int xsi_write_needs(struct xsi_plan *plan, const char *path,
                            const struct xsi_write_options *options, struct xsi_write_needs *needs,
                            struct xsi_error *err);
XSI_API int xsi_write_in_place(struct xsi_plan *plan, const char *path,
                               const struct xsi_write_options *options, struct xsi_written *written,
                               struct xsi_error *err);
/* To a new file, mode 0600, published whole or not at all; -EEXIST when it is there. */
XSI_API int xsi_write_file(struct xsi_plan *plan, const char *path, const char *out,
                           struct xsi_written *written, struct xsi_error *err);
/* Into a pipe or anything that is written front to back. path: the image, for the kernel to copy
 * from. */
XSI_API int xsi_write_stream(struct xsi_plan *plan, const char *path, int fd,
                             struct xsi_written *written, struct xsi_error *err);
/* A range of a source into a new file (a piece), mode 0600, -EEXIST when it is there. */
XSI_API int xsi_write_range(struct xsi_source *src, uint64_t offset, uint64_t length,
                            const char *out, struct xsi_error *err);

/* ---------------------------------------------------------------- undo files ---- */

enum xsi_journal_state {
    XSI_JOURNAL_BEGUN,   /* not ready: the image was not touched */
    XSI_JOURNAL_READY,   /* the image may be half written: roll it back */
    XSI_JOURNAL_APPLIED, /* the write ended; can be undone */
    XSI_JOURNAL_UNDOING, /* an undo was interrupted: do it again */
    XSI_JOURNAL_UNDONE   /* the image is the old one again */
};

/* The head of an undo file. */
struct xsi_journal_info {
    enum xsi_journal_state state;
    char image[512]; /* path of the image when it was written; raw */
    char reader[40]; /* the plan was for it; "" none */
    uint64_t old_size, new_size;
    uint64_t saved; /* bytes of the image that it holds */
    size_t extents;
    int64_t when;   /* seconds since 1970 */
    char file[512]; /* the undo file; raw */
};
/* -EINVAL: not an undo file, or damaged; err says how. */
XSI_API int xsi_journal_read(const char *file, struct xsi_journal_info *info,
                             struct xsi_error *err);
/*
 * Give the image back its old bytes. image NULL = the path in the file. Refused (-ESTALE) when the
 * image's bytes are not those that were written, (-EALREADY) when it was undone before. dry: check
 * only. After an interrupted write each sector must hold its old bytes or its new ones. So must
 * those of a copy that `image` names; the undo file stays the image's, and is not marked.
 */
XSI_API int xsi_undo(const char *file, const char *image, const struct xsi_write_options *options,
                     bool dry, struct xsi_written *written, struct xsi_error *err);
/*
 * What the registry knows of an image: of the undo files that name it (by device, inode and birth,
 * or device number) the newest that is READY or UNDOING, else the newest that is APPLIED. 1 found,
 * 0 none, -errno; -E2BIG: there are more undo files than are looked at. Only opens the registry's
 * own files.
 */
XSI_API int xsi_registry_find(const char *path, const char *state, struct xsi_journal_info *info);

#endif
