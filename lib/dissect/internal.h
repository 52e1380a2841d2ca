/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of lib/dissect share: the walk's state and its parts. */
#ifndef XSI_DISSECT_INTERNAL_H
#define XSI_DISSECT_INTERNAL_H

#include "../xsi_plugin.h"

#define XSI_DEPTH_MAX         16
#define XSI_VIEW_SLOTS        4
#define XSI_PEEK_MAX          (8U << 20)  /* longest peek */
#define XSI_RETAIN_MAX        (12U << 20) /* how far a forward-only source can be looked ahead */
#define XSI_FINDINGS_PER_CODE 64
#define XSI_PFNSET_BYTES      (4U << 20)
#define XSI_PFNSET_LATE       4096
#define XSI_SCAN_BLOCK        (1U << 20)
#define XSI_SCAN_NEAR         (64U << 20) /* how far the search goes without --scan */
#define XSI_CANDIDATES_MAX    32
#define XSI_BAD_MAX           64

/* ---- view.c: a few windows over the source ---- */
struct xsi_window {
    uint64_t offset;
    size_t length, capacity;
    uint8_t *bytes;
    uint64_t used; /* stamp of last use */
};

struct xsi_view {
    struct xsi_source *src;
    struct xsi_window slot[XSI_VIEW_SLOTS];
    uint64_t stamp;
    size_t ahead;
    uint64_t floor;  /* nothing before this is asked for any more */
    uint64_t retain; /* how far behind it a forward-only source is kept */
    bool faulty;     /* a read failed: */
    int fault_code;  /* -errno */
    uint64_t fault_at;
    bool ended; /* forward-only source: its end is known */
    uint64_t end;
};

void xsi_view_init(struct xsi_view *v, struct xsi_source *src);
void xsi_view_free(struct xsi_view *v);
const uint8_t *xsi_view_peek(struct xsi_view *v, uint64_t offset, size_t want, size_t *have);
/* Keep a copy of [offset, offset+length) of a forward-only source while floor moves on. */
void xsi_view_hold(struct xsi_view *v, uint64_t offset, size_t length);
/* Give up what lies before offset (never moves back). */
void xsi_view_advance(struct xsi_view *v, uint64_t offset);
/* Number of bytes of [offset, offset+length) that exist; reads a forward-only source there. */
uint64_t xsi_view_extent(struct xsi_view *v, uint64_t offset, uint64_t length);

/* ---- pfnset.c: frames as merged intervals ---- */
struct xsi_pfnset {
    uint64_t (*range)[2]; /* first, last; ascending, apart */
    size_t count, capacity;
    bool overflow;
    uint64_t (*late)[2]; /* not yet merged in, in any order: XSI_PFNSET_LATE, NULL before it is
                            needed */
    size_t late_count;
};

void xsi_pfnset_add(struct xsi_pfnset *s, uint64_t first, uint64_t last);
/* Merge in what waits; before anything is read from the set. */
void xsi_pfnset_flush(struct xsi_pfnset *s);
uint64_t xsi_pfnset_total(const struct xsi_pfnset *s);
void xsi_pfnset_free(struct xsi_pfnset *s);

/* ---- frames.c: a byte per guest frame, in extents of equal bytes ---- */
struct xsi_frame_extent {
    uint64_t first, last; /* blocks of 4096 frames */
    uint8_t value;        /* of all frames, when bytes is NULL */
    uint8_t *bytes;       /* of one block (first == last) */
};

struct xsi_frames {
    struct xsi_frame_extent *extent;    /* ascending, apart; what is in none of them is 0 */
    size_t count, capacity, last; /* last: where the last access was */
    size_t *budget;               /* bytes that all with this budget may still take */
    uint8_t *spare;               /* a block's bytes that are not in use */
    bool lost;
    /* Frames behind all extents that were set last, alike and one after the other: a guest that is
     * sent in order never leaves it. */
    uint64_t open_first, open_count;
    uint8_t open_value;
};

void xsi_frames_free(struct xsi_frames *f);
/* byte = (byte & ~clear) | set for a range; returns how many of them did not have XSI_FRAME_HELD
 * before. Once lost is set nothing changes any more. */
uint64_t xsi_frames_put(struct xsi_frames *f, uint64_t first, uint64_t count, uint8_t clear,
                        uint8_t set);
/* The byte of a frame; at least *same frames from it on have it too. */
uint8_t xsi_frames_get(const struct xsi_frames *f, uint64_t pfn, uint64_t *same);
/* The bytes from a frame to the end of its block where they are kept one by one; NULL: they are
 * not, and xsi_frames_get() knows a long run. */
const uint8_t *xsi_frames_bytes(const struct xsi_frames *f, uint64_t pfn, size_t *count);
#define XSI_FRAMES_END (UINT64_MAX - 4096) /* frames beyond it are not told apart */

/* ---- walk ---- */
enum xsi_phase { XSI_PH_START, XSI_PH_STEP, XSI_PH_SEARCH, XSI_PH_REST, XSI_PH_END };

struct xsi_code_count {
    const struct xsi_finding_row *row;
    unsigned count;
    uint64_t last;
};

/* A range that the medium cannot read. */
struct xsi_bad {
    uint64_t from, to;
};

struct xsi_walk {
    struct xsi_source *src;
    struct xsi_view view;
    struct xsi_walk_options options;
    struct xsi_error error;
    struct xsi_info info;
    struct xsi_pfnset present;

    enum xsi_phase phase;
    struct xsi_layer layer[XSI_DEPTH_MAX];
    size_t depth;
    uint64_t pos; /* where the next chunk begins */
    bool moved;   /* pos is to move behind `chunk` at the next call */
    struct xsi_chunk chunk;
    uint64_t chunk_count;
    unsigned stalls; /* steps in a row that did not move */
    bool opened_any;
    unsigned records; /* device-model records so far */

    unsigned push_kinds;
    const char *push_expect;
    bool push_failed;
    char forced[XSI_STACK_MAX][24];
    size_t forced_count, forced_next;
    enum xsi_guest forced_guest;

    struct xsi_finding *queue;
    size_t queue_head, queue_count, queue_capacity;
    struct xsi_code_count *codes;
    size_t code_count, code_capacity;
    bool truncation_told; /* a finding of this step has the effect TRUNCATED */
    bool summed_up;

    /* search for the place where a lost layer goes on */
    uint64_t lost_at, scan_at, scan_limit, reached;
    uint8_t *scan_block;
    unsigned candidates;
    bool tail_pass; /* near the end of the image, after the near search found nothing */
    struct xsi_bad bad[XSI_BAD_MAX]; /* unreadable ranges in [lost_at, ...) */
    size_t bad_count;
    bool was_cut;       /* the image ended inside a chunk */
    size_t chunk_layer; /* index of the layer that `chunk` came from, + 1 */
    bool resumed_here;  /* mark the next chunk RESYNC */
    bool resumed_certain;
    char gap_note[XSI_NOTE_MAX];
    uint8_t gap_first[32]; /* first bytes of what was identified last */
    size_t gap_first_length;
    uint64_t gap_first_at;
    uint64_t gap_zeros; /* zero bytes that the gap begins with, as far as that was looked at */
    uint64_t gap_end;   /* PH_REST: nothing claims [pos, gap_end) */
    bool gap_only;      /* gap_end is not the end of the image: go back to PH_STEP */
    void *magic;        /* libmagic, when loaded */
    void *scratch;      /* lent to a bid */
};

/* findings of the engine itself */
enum xsi_general_finding {
#define FINDING(id, ...) XSI_##id,
#include "../finding/general.def"
#undef FINDING
    XSI_GENERAL_COUNT
};
extern const struct xsi_finding_row xsi_general_findings[XSI_GENERAL_COUNT];

/* registry.c */
const struct xsi_format *xsi_format_at(size_t index);

/* detect.c */
struct xsi_choice {
    const struct xsi_format *format;
    const struct xsi_layer_row *row;
    struct xsi_bid bid;
    const struct xsi_layer_row *rival; /* second best when it is close */
    int rival_score;
};
bool xsi_detect(struct xsi_walk *w, uint64_t at, unsigned kinds, struct xsi_choice *out);
int xsi_parse_as(struct xsi_walk *w, const char *as);
int xsi_open_layer(struct xsi_walk *w, const struct xsi_choice *choice);
/* Open the inner layer that xsi_push() announced, or at the start. */
int xsi_open_inner(struct xsi_walk *w, unsigned kinds, const char *expect);

/* gap.c */
/* Bytes from `from` on that are zero; *sampled when a long run was not read in full. */
uint64_t xsi_zero_run(struct xsi_walk *w, uint64_t from, bool *sampled);
/* The same for the first 4 MiB, which a pipe can look at without passing them by. */
uint64_t xsi_zero_prefix(struct xsi_walk *w, uint64_t from);
/* Say in a few words what the bytes at `at` look like. */
void xsi_identify(struct xsi_walk *w, uint64_t at, char *note, size_t size);
/* Make w->chunk the next piece of what nothing claims. Returns false when there is none left. */
bool xsi_gap_next(struct xsi_walk *w);

/* magic.c: libmagic's guess on at most 256 KiB; loaded on first use. Empty when it has none. */
void xsi_magic_guess(struct xsi_walk *w, const void *bytes, size_t n, char *out, size_t size);
void xsi_magic_free(struct xsi_walk *w);

/* walk.c */
/* The layers from the top down to (and without) index `keep` end here, unfinished. */
void xsi_end_layers(struct xsi_walk *w, size_t keep);
/* A read fault was met: end of the unreadable range; remembers it. */
uint64_t xsi_fault_range(struct xsi_walk *w);
bool xsi_fault_is_medium(int code);
/* Set the place and length of w->chunk, cut it at the end of the image, number it. */
void xsi_place_chunk(struct xsi_walk *w);

/* search.c */
/* One slice of the search. Returns 1 when it is over (phase has been set), 0 to go on, -errno. */
void xsi_search_begin(struct xsi_walk *w);
int xsi_search_slice(struct xsi_walk *w);

/* findings.c in lib/finding */
void xsi_findings_free(struct xsi_walk *w);
bool xsi_finding_pop(struct xsi_walk *w, struct xsi_event *ev);
void xsi_findings_sum_up(struct xsi_walk *w);

/* bookmark.c: a walk that has just given out a chunk, in a few KiB; free() */
struct xsi_bookmark;
struct xsi_bookmark *xsi_bookmark_new(const struct xsi_walk *w);
/* A walk that stands there. It collects no frames. NULL: no memory. */
struct xsi_walk *xsi_bookmark_open(const struct xsi_bookmark *b);
size_t xsi_bookmark_size(const struct xsi_bookmark *b);

/* text.c */
void xsi_clean(char *text);

#endif
