/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The legacy libxc stream: written by xc_domain_save (3.0: xc_linux_save) from Xen 3.0 to 4.5.
 * It has no magic, no lengths and no checksums: a reader knows the size of each chunk or is lost.
 */
#ifndef LEGACY_H
#define LEGACY_H

#include "../../lib/xsi_plugin.h"

#define LEGACY_BATCH_MAX   1024U       /* MAX_BATCH_SIZE, xg_save_restore.h, every release */
#define LEGACY_PFN_MASK    0x0fffffffU /* low 28 bits of an entry */
#define LEGACY_P2M_MAX     0x10000000U /* 28 bits of frame number; writers since 4.0 stop 1 below */
#define LEGACY_VCPUS_MAX   4096U       /* XC_SR_MAX_VCPUS, xg_save_restore.h@4.2 */
#define LEGACY_BLOB_MAX    (64U << 20) /* longest toolstack or compressed blob that is believed */
#define LEGACY_CONTEXT_MAX (8U << 20)  /* longest HVM context: 128 vCPUs take some 1.5 MiB */
#define LEGACY_LOOK_MAX    (8U << 20)  /* what is longer is not looked over or behind */
#define LEGACY_VCPU32      2800U       /* sizeof(vcpu_guest_context_x86_32_t) */
#define LEGACY_VCPU64      5168U       /* sizeof(vcpu_guest_context_x86_64_t) */
#define LEGACY_EXTV        128U        /* extended context, XEN_DOMCTL_get_ext_vcpucontext */

enum legacy_type_nibble { LEGACY_BROKEN = 0xd, LEGACY_XALLOC = 0xe, LEGACY_XTAB = 0xf };

enum legacy_finding {
#define FINDING(id, ...) LEGACY_##id,
#include "findings.def"
#undef FINDING
    LEGACY_FINDING_COUNT
};
extern const struct xsi_finding_row legacy_findings[LEGACY_FINDING_COUNT];

enum legacy_body {
    BODY_FLAG,
    BODY_PARAM,
    BODY_TSC,
    BODY_VCPUS,
    BODY_TOOLSTACK,
    BODY_COMPRESSED,
    BODY_TMEM,
    BODY_TMEM_EXTRA
};

struct legacy_chunk_row {
    struct xsi_type type;
    enum legacy_body body;
    int first, last; /* writers, release * 100 */
    bool once, hvm;
};
/* Row of a chunk id, NULL when no release has it. */
const struct legacy_chunk_row *legacy_chunk_row(int64_t id);

enum legacy_part {
#define PART(name, decode, help) PART_##name,
#include "parts.def"
#undef PART
    PART_COUNT
};
extern const struct xsi_type legacy_parts[PART_COUNT];

/* Facts that tell the writer's age; bits of legacy.seen, rows of era.def. */
enum legacy_evidence {
#define EVIDENCE(name, first, last, text) SEEN_##name,
#include "era.def"
#undef EVIDENCE
    SEEN_COUNT
};

/* What the bytes at a place in the body are, found without changing any state. */
enum legacy_kind { LOOK_BAD, LOOK_SHORT, LOOK_BATCH, LOOK_CHUNK, LOOK_END };

struct legacy_look {
    enum legacy_kind kind;
    uint64_t at;
    uint32_t word; /* count or id as it stands there */
    const struct legacy_chunk_row *row;
    uint64_t length, meta; /* of the whole chunk */
    unsigned count;        /* entries */
    unsigned entries;      /* of them present in the image */
    unsigned pages;        /* entries with a page */
    unsigned bad_type, out_of_range, high_bits, descents, duplicates;
    unsigned consecutive; /* entries that are their predecessor + 1 */
    unsigned specials;    /* XTAB entries */
    unsigned xalloc, broken, tables;
    uint64_t first_pfn, last_pfn; /* first and last entry with a page or XALLOC/BROKEN */
    uint64_t low_pfn, high_pfn;
    unsigned bad_index; /* first entry that is wrong in any way */
    char problem[160];  /* why it is BAD */
};

enum legacy_phase {
    PH_P2M_SIZE,
    PH_EXT,
    PH_EXT_BLOCK,
    PH_FRAMES,
    PH_BODY,
    PH_UNMAPPED,
    PH_VCPU,
    PH_VCPU_EXT,
    PH_VCPU_XSAVE,
    PH_SHARED,
    PH_MAGIC,
    PH_CONTEXT,
    PH_RECORD,
    PH_NEXT,
    PH_DONE
};

struct legacy {
    unsigned ul; /* bytes of an unsigned long of the writing toolstack: 4, 8 */
    bool pv;
    unsigned gw; /* guest width in bytes, PV only */
    enum legacy_phase phase;
    uint64_t p2m_size;
    uint64_t ext_left; /* bytes of the extended info still to come */
    bool extv;
    uint32_t xcnt; /* 0 = no xsave blocks */
    bool has_map;  /* VCPU_INFO was seen since the last batch */
    bool ever_map;
    unsigned max_vcpu;
    uint64_t map[LEGACY_VCPUS_MAX / 64];
    unsigned vcpu;       /* number whose record comes next */
    unsigned shown_vcpu; /* number of the record described last */
    unsigned vcpus_left;
    bool last_checkpoint;         /* LAST_CHECKPOINT was seen in this body */
    bool will_compress, compress; /* ENABLE_COMPRESSION seen; in force (from the 2nd checkpoint) */
    uint64_t packed, unpacked;    /* pages named and pages found compressed in this checkpoint */
    bool unpacked_bad;
    bool verify;
    unsigned checkpoint;               /* complete tails so far */
    unsigned context_from, context_to; /* releases that the HVM context allows; 0 = any */
    uint64_t seen;                     /* evidence bits */
    uint32_t once, ids; /* chunk ids seen in this checkpoint, in the image (bit -id) */
    uint64_t next_pfn;  /* where the last batch ended, + 1 */
    unsigned batches, ascending_batches;
    uint64_t end_at;      /* offset of the last END */
    uint64_t tail_end;    /* offset behind the first tail */
    uint32_t behind_tail; /* the word that stands there */
    bool has_behind_tail, last_told;
    bool record_pushed;
    uint64_t pages;           /* pages seen so far */
    struct legacy_look ahead; /* look at the next header, reused by the next step */
    bool ahead_valid;
};

/* ---- look.c ---- */
/* Look at the body chunk at `at`; *look is filled in. Does not follow the chain. */
void legacy_look(struct xsi_walk *w, const struct legacy *s, uint64_t at, struct legacy_look *look);
/* The same, taking it for a batch of `count` entries whatever its first word says; false when the
 * entries are not all there. */
bool legacy_look_as_batch(struct xsi_walk *w, const struct legacy *s, uint64_t at, unsigned count,
                          struct legacy_look *look);
/* Cheap test: do the first entries at `at` look like those of a batch? */
bool legacy_starts_batch(struct xsi_walk *w, const struct legacy *s, uint64_t at);
/* The same from bytes in memory, for the engine's search. */
bool legacy_may_start(const struct xsi_layer *l, const uint8_t *p, size_t n);
/* Cheap test: can a chunk begin at `at`, or does the image end there? */
bool legacy_may_follow(struct xsi_walk *w, const struct legacy *s, uint64_t at);
/* Number of leading entries at `at` that form a plausible PFN list (ascending, in range). */
unsigned legacy_run(struct xsi_walk *w, const struct legacy *s, uint64_t at, unsigned max);
/* How good a look is as the stream's next chunk: 0 no … 100 sure. */
int legacy_quality(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *look);
/* The same, taking it for the chunk of k->row whatever its first word says. */
void legacy_look_as_chunk(struct xsi_walk *w, const struct legacy *s, struct legacy_look *k);
/* Length of a tmem chunk at `at`; 0 when it cannot be delimited. A look gives it as 4. */
uint64_t legacy_tmem_length(struct xsi_walk *w, uint64_t at, bool extra);
/* Can these bytes (24 are enough) be the head of a tmem chunk? */
bool legacy_tmem_starts(const uint8_t *p, size_t have, bool extra);

/* ---- body.c, tail.c, header.c: steps; each returns an enum xsi_step ---- */
int legacy_step_header(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c);
int legacy_step_body(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c);
int legacy_step_tail(struct xsi_walk *w, struct xsi_layer *l, struct xsi_chunk *c);
/* What a long list of frames tells of the order in which the writer sends them. */
void legacy_saw_order(struct legacy *s, const struct legacy_look *k);
/* Enter the tail behind the zero count. */
void legacy_begin_tail(struct xsi_walk *w, struct legacy *s);
/* Does a tail begin at `at`? 0 no … 100 sure. */
int legacy_tail_quality(struct xsi_walk *w, const struct legacy *s, uint64_t at);
/* Bytes from `at` to the end of the image when it is nearer than 8 MiB, else UINT64_MAX. */
uint64_t legacy_near_end(struct xsi_walk *w, uint64_t at);
unsigned legacy_map_count(const struct legacy *s);
/* The map of a VCPU_INFO chunk that is there in full, into the state. */
void legacy_take_map(struct xsi_walk *w, struct legacy *s, const struct legacy_look *k);
/* Is it certain that the chunk at `at` is cut? (Of a very long one the engine says it.) */
bool legacy_cut(struct xsi_walk *w, uint64_t at, uint64_t length);
/* Say, once, that a plain image ends without LAST_CHECKPOINT, and what a reader would find. */
void legacy_report_last(struct xsi_walk *w, struct legacy *s, bool in_xapi);
/* Size of one vCPU's context. */
static inline unsigned legacy_vcpu_size(const struct legacy *s)
{
    return s->gw == 4 ? LEGACY_VCPU32 : LEGACY_VCPU64;
}

/* ---- compress.c ---- */
/* Length of the encoded page at p; 0 when it is none, with the reason in *why. */
size_t legacy_packed_page(const uint8_t *p, size_t n, const char **why);
/* Check the compressed pages at `at`; at the end of a body, whether they are as many as named. */
void legacy_check_compressed(struct xsi_walk *w, struct legacy *s, uint64_t at, uint64_t length);
void legacy_check_unpacked(struct xsi_walk *w, struct legacy *s, uint64_t at);

/* ---- guess.c ---- */
/* The word of k is no chunk id, but one bit away from one, and the rest fits: corrects *k. */
bool legacy_guess_chunk(struct xsi_walk *w, const struct legacy *s, struct legacy_look *k);
/* Is the word of k the zero count, damaged? The tail behind it says so. */
bool legacy_guess_end(struct xsi_walk *w, const struct legacy *s, const struct legacy_look *k);
/* Length of the HVM context behind the word at `at`: what it says, or where its records end when
 * that is followed by a device-model record or the end of the image. */
uint32_t legacy_guess_context(struct xsi_walk *w, uint64_t at, uint32_t says);
/* Id of an extended-info block, also when one bit of it is wrong; NULL when it is none. */
const char *legacy_guess_block(const uint8_t *p);

/* ---- detect.c, resync.c, era.c, entries.c ---- */
void legacy_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                struct xsi_bid *bid);
void legacy_resync(struct xsi_walk *w, struct xsi_layer *l, uint64_t at, struct xsi_sync *sync);
void legacy_resumed(struct xsi_walk *w, struct xsi_layer *l, const struct xsi_sync *sync);
/* Are these 21 bytes the signature of a device-model record? */
bool legacy_signature(const uint8_t *p);
void legacy_saw(struct legacy *s, enum legacy_evidence what);
/* Write what the evidence so far says of the writer into the walk's info; final: the image has
 * ended, so that what is missing is known. */
void legacy_era(struct xsi_walk *w, const struct legacy *s, bool final);
ssize_t legacy_entries(struct xsi_walk *w, const struct xsi_layer *l, const struct xsi_chunk *c,
                       uint64_t first, size_t max, struct xsi_page_entry *out);

/* ---- params.c ---- */
struct legacy_param_row {
    int id; /* of the chunk */
    unsigned index;
};
extern const struct legacy_param_row legacy_params[]; /* id 0 ends them */
#define LEGACY_MAGIC 3U
extern const unsigned legacy_magic_params[LEGACY_MAGIC]; /* in the order of the HVM tail */
/* HVM parameter that the chunk carries; 0: none. */
unsigned legacy_param_of(int64_t id);

/* ---- fields.c ---- */
#define LEGACY_DECODERS(X)                                                                  \
    X(p2m_size)                                                                             \
    X(ext)                                                                                  \
    X(ext_vcpu) X(ext_block) X(ext_xcnt) X(frames) X(pages) X(unmapped) X(vcpu) X(vcpu_ext) \
        X(vcpu_xsave) X(shared) X(magic) X(hvm) X(vcpus) X(param) X(tmem) X(tsc) X(blob)
#define LEGACY_DECLARE(name) void legacy_dec_##name(struct xsi_decode *d);
LEGACY_DECODERS(LEGACY_DECLARE)
#undef LEGACY_DECLARE

#endif
