/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl's stream, version 2, the only one: what the files of this folder share, and what the libxc
 * stream needs of it, since libxl's records stand among libxc's after each checkpoint.
 * Facts: docs/specs/libxl-migration-stream.pandoc, 4.22:libxl_sr_stream_format.h.
 */
#ifndef XSI_LIBXL_H
#define XSI_LIBXL_H

#include "../../lib/xsi_plugin_convert.h"

#define LIBXL_LAYER "libxl-v2"

enum {
    LIBXL_HDR_SIZE = 16,       /* 4.22:libxl_sr_stream_format.h:libxl__sr_hdr */
    LIBXL_RHDR_SIZE = 8,       /* ... libxl__sr_rec_hdr */
    LIBXL_BODY_MAX = 256 << 20 /* longest body that is believed; libxl itself has no limit */
};

/* Record types; 4.22:libxl_sr_stream_format.h:REC_TYPE_*. */
enum libxl_record {
    LIBXL_END,
    LIBXL_LIBXC_CONTEXT,
    LIBXL_XENSTORE_DATA,
    LIBXL_EMULATOR_CONTEXT,
    LIBXL_CHECKPOINT_END,
    LIBXL_CHECKPOINT_STATE,
    LIBXL_RECORDS, /* number of types; also the row for unknown ones */
    LIBXL_HEADER,
    LIBXL_TYPES
};

/* What is known while records are read. The first member of the state of every layer that holds
 * libxl's records: their decoders find the byte order here. */
struct libxl_records {
    bool big;
    bool checkpointed; /* between CHECKPOINT and CHECKPOINT_END of libxc */
    bool ended;
    uint32_t seen; /* mask of types */
    unsigned emulators;
};

enum libxl_finding_id {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, explain) LIBXL_##id,
#include "findings.def"
#undef FINDING
    LIBXL_FINDING_COUNT
};
extern const struct xsi_finding_row libxl_findings[LIBXL_FINDING_COUNT];
#define libxl_report(w, id, at, length, ...) \
    xsi_report(w, &libxl_findings[LIBXL_##id], at, length, __VA_ARGS__)

extern const struct xsi_type libxl_types[LIBXL_TYPES];
extern const struct xsi_recipe libxl_recipes[];
extern const struct xsi_name libxl_emulators[];

/*
 * Does a record of libxl begin at `at`, other than LIBXC_CONTEXT and END? Looks at its type, its
 * length and what its body begins with.
 */
bool libxl_plausible(struct xsi_walk *w, const struct libxl_records *r, uint64_t at);
/* Describe the record at the walk's position: XSI_CHUNK or XSI_LOST. */
int libxl_step(struct xsi_walk *w, struct libxl_records *r, struct xsi_chunk *out);

/* ---- body.c ---- */
/* Findings on a record's body; `at` is that of its header. */
void libxl_check_xenstore(struct xsi_walk *w, const struct libxl_records *r, uint64_t at,
                          uint32_t length, struct xsi_chunk *out);
void libxl_check_emulator(struct xsi_walk *w, struct libxl_records *r, uint64_t at, uint32_t length,
                          struct xsi_chunk *out);
void libxl_check_state(struct xsi_walk *w, const struct libxl_records *r, uint64_t at,
                       uint32_t length, struct xsi_chunk *out);

/* ---- take.c, writer.c: in a conversion ---- */
int libxl_take(struct xsi_take *t);
extern const struct xsi_writer libxl_writers[];

/* ---- decode.c ---- */
void libxl_decode_header(struct xsi_decode *d);
void libxl_decode_empty(struct xsi_decode *d);
void libxl_decode_xenstore(struct xsi_decode *d);
void libxl_decode_emulator(struct xsi_decode *d);
void libxl_decode_state(struct xsi_decode *d);
void libxl_decode_opaque(struct xsi_decode *d);

#endif
