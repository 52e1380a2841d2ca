/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files that plan: the piece table, and what a recipe collects. */
#ifndef XSI_EDIT_INTERNAL_H
#define XSI_EDIT_INTERNAL_H

#include "../xsi_plugin.h"

/* A stretch of the planned image: of the base, or of inserted bytes. */
struct xsi_stretch {
    const uint8_t *inserted; /* NULL = the base from `base` on */
    uint64_t base;
    uint64_t length;
    size_t step; /* inserted: the step that put it there */
};

/* The planned image as stretches, front to back; no stretch is empty. */
struct xsi_stretches {
    struct xsi_stretch *row;
    size_t count, capacity;
    uint64_t size;
};

/* The whole base as one stretch. False: no memory. */
bool xsi_stretches_start(struct xsi_stretches *p, uint64_t base_size);
void xsi_stretches_free(struct xsi_stretches *p);
/* Replace `removed` bytes at offset by n bytes that outlive the table. False: no memory. */
bool xsi_stretches_splice(struct xsi_stretches *p, uint64_t offset, uint64_t removed,
                          const uint8_t *bytes, uint64_t n, size_t step);
/* Index of the stretch that holds offset; count at the end. *within: offset inside it. */
size_t xsi_stretches_find(const struct xsi_stretches *p, uint64_t offset, uint64_t *within);

/* What a recipe's call leaves: splices with their bytes, words, ranges to keep. */
struct xsi_mend {
    struct xsi_plan *plan;
    const struct xsi_map *map;
    const struct xsi_mend_options *options;
    const struct xsi_reader *reader;
    const struct xsi_verdict *verdict;
    const struct xsi_finding_row *finding;
    uint64_t at, length;
    struct xsi_splice *splice;
    size_t count;
    struct xsi_kept keep[8];
    size_t keep_count;
    struct xsi_planned step;
    char refusal[320];
    void **memory; /* freed when run() returned */
    size_t memory_count;
    int error; /* -ENOMEM, -EINVAL: a splice could not be taken */
};
void xsi_mend_start(struct xsi_mend *m);
void xsi_mend_clear(struct xsi_mend *m);

/* plan.c: drop everything behind the first n steps, also what could be redone. */
void xsi_plan_cut(struct xsi_plan *plan, size_t steps);

/* plan_file.c: what an image must hold for a plan's edits to be about it. */
struct xsi_identity {
    uint64_t size;
    uint64_t head, tail; /* hashes of the first and last 64 KiB */
    struct xsi_edit_hash {
        uint64_t offset, removed;
        uint64_t old, around; /* hashes of what is removed; of 64 bytes on both sides */
    } * edit;
    size_t count;
};
int xsi_identity_take(struct xsi_identity *id, struct xsi_plan *plan, struct xsi_error *err);
/* -ESTALE with what differs in err. */
int xsi_identity_check(const struct xsi_identity *id, struct xsi_source *src,
                       struct xsi_error *err);
void xsi_identity_free(struct xsi_identity *id);

#endif
