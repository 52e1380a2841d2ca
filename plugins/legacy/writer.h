/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The legacy stream out of the neutral model. */
#ifndef LEGACY_WRITER_H
#define LEGACY_WRITER_H

#include "../../lib/xsi_plugin_convert.h"
#include "legacy.h"

/* What is remembered from call to call. */
struct legacy_written {
    bool tsc;      /* TSC_INFO has been written */
    bool extv;     /* contexts of the tail have 128 bytes more */
    uint32_t xcnt; /* bytes of each xsave block with its 16 in front; 0: none */
    uint8_t entries[LEGACY_BATCH_MAX * 8]; /* of one batch, as they go out */
};

/* Online vCPUs, a bit each. */
struct legacy_map {
    uint64_t word[LEGACY_VCPUS_MAX / 64];
    int highest; /* -1: none */
};

/* A memory region of the device model, from its xenstore keys. */
struct legacy_region {
    uint64_t phys, start, size;
    const char *name; /* NULL: not come yet */
};
#define LEGACY_REGIONS 64U

extern const struct xsi_writer legacy_writers[];

/* ---- writer.c ---- */
/* The input is a legacy stream too. */
static inline bool legacy_given(const struct xsi_vm *vm)
{
    return vm->toolstack_bits && !vm->version;
}
/* Bytes of an unsigned long of the target's toolstack; one such number. */
unsigned legacy_give_width(const struct xsi_give *g);
int legacy_give_ul(struct xsi_give *g, uint64_t v);
/* The bytes of a list of u64, as numbers of the toolstack. */
int legacy_give_list(struct xsi_give *g, const struct xsi_item *item);

/* ---- writer_check.c ---- */
int legacy_give_check(struct xsi_give *g);
/* Does LAST_CHECKPOINT stand in the output? */
bool legacy_give_last(struct xsi_give *g);
/* The release that the output is for reads this chunk; true when it is for none in particular. */
bool legacy_reader_knows(const struct xsi_give *g, int64_t id);
/* Frames of the guest; 0 with *rc when that is not known. */
uint64_t legacy_give_size(struct xsi_give *g, int *rc);
/* Regions that the device model's keys describe, at most LEGACY_REGIONS; other keys are counted. */
size_t legacy_regions(const uint8_t *text, size_t n, struct legacy_region *out, size_t *others);

/* ---- writer_header.c ---- */
int legacy_give_header(struct xsi_give *g);

/* ---- writer_body.c ---- */
int legacy_give_tsc(struct xsi_give *g);
/* Everything behind the last batch, with the zero count. */
int legacy_give_chunks(struct xsi_give *g);

/* ---- writer_tail.c ---- */
int legacy_give_map(struct xsi_give *g, struct legacy_map *map);
int legacy_give_tail(struct xsi_give *g);

#endif
