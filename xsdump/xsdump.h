/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of xsdump share. A run is: options -> one `struct image` per IMAGE, pulled
 * through the walk by image.c -> a view (text or JSON) that prints what comes.
 */
#ifndef XSDUMP_H
#define XSDUMP_H

#include "cli/cli.h"

/* ---------------------------------------------------------------- settings ---- */

#define TARGETS_MAX 64

struct settings {
    bool all, browse, hex, json, jsonl, scan, pages, quiet, no_pager;
    bool list_findings, list_readers, list_bids, version, help, has_range;
    bool all_targets; /* --target all: a table instead of a verdict for each */
    unsigned verbose;
    uint64_t first, last; /* --range */
    const char *as, *explain, *color;
    const char *core, *core_raw; /* files for the guest's memory; NULL = not wanted */
    struct xsi_source_options window;
    int progress_fd;                  /* -1 = none */
    const char *targets[TARGETS_MAX]; /* --target; none: the container's default */
    size_t target_count;
    char **images;
    size_t image_count;
};

/* False after a usage message. */
bool settings_parse(struct settings *s, int argc, char **argv);
/* --as: layers that exist, separated by ',' or '>'. False after a message. */
bool settings_check_stack(const char *stack);
/* True when chunk rows are printed as they come, and the head behind them. */
bool settings_stream(const struct settings *s);
/* 0 when fields are not wanted, else the detail for xsi_chunk_fields(). */
unsigned settings_detail(const struct settings *s);
/* False for a chunk that --range or --quiet leaves out. */
bool settings_wants(const struct settings *s, const struct xsi_chunk *chunk);
void usage_print(const struct cli_term *t);

/* ---------------------------------------------------------------- an image ---- */

struct view;
struct page_data;
struct judged;

struct image {
    const struct settings *set;
    const char *file;
    struct xsi_source *src;
    struct xsi_walk *walk;
    struct page_data *pages; /* --pages */
    struct core *core;       /* --core */
    struct judged *judged;   /* the judge beside the walk */
    unsigned status;         /* bits of the exit status so far */
};

/* Open source and walk; false with the reason in error. Close it in either case. */
bool image_open(struct image *im, struct xsi_error *error);
void image_close(struct image *im);
/* List one image through a view. Returns its bits of the exit status. */
unsigned image_list(const struct settings *set, const char *file, struct view *view);
/* --as list. */
unsigned image_bids(const struct settings *set, const char *file, const struct cli_term *t,
                    bool first);
const char *image_kind(const struct image *im);
/* What names the image, or the part of it that is looked at, on a command line of xsdump. Returns
 * out; 4400 bytes are enough. */
const char *image_words(const struct image *im, char *out, size_t size);

/* ---------------------------------------------------------------- views ---- */

/* What becomes of the events of a walk. One view serves all images of a run. */
struct view {
    void (*begin)(struct view *v, struct image *im);
    void (*chunk)(struct view *v, struct image *im, const struct xsi_chunk *chunk);
    /* The walk has met it just now; may be NULL. */
    void (*met)(struct view *v, struct image *im, const struct xsi_finding *finding);
    /* A finding in its last form, perhaps later: what the judge thinks of it has been added. */
    void (*finding)(struct view *v, struct image *im, const struct xsi_finding *finding);
    /* The walk is at its end, or could not go on: error has a code then. */
    void (*end)(struct view *v, struct image *im, const struct xsi_error *error);
    /* After the last image. */
    void (*done)(struct view *v);
    void (*free)(struct view *v);
};

struct view *text_view_new(const struct settings *set, const struct cli_term *t);
struct view *json_view_new(const struct settings *set);

/* ---------------------------------------------------------------- memory ---- */

/* A new file for the guest's memory: an ELF core, or flat. NULL with the reason in error. */
struct core *core_open(const char *name, bool raw, struct xsi_error *error);
/* The pages of a batch. */
void core_chunk(struct core *c, struct image *im, const struct xsi_chunk *chunk);
/* Finish the file and say what it holds (t NULL: say nothing). Bits of the exit status. */
unsigned core_close(struct core *c, const struct cli_term *t);

/* ---------------------------------------------------------------- the judge ---- */

/* A judge with the targets that were asked for. False on a fault of the system. */
bool judged_open(struct image *im, struct xsi_error *error);
void judged_free(struct judged *j);
/* Bring the readers up to the walk, or to their ends. */
void judged_advance(struct image *im, bool finish);
/* A finding of the walk on its way to the view, now or when the judge has passed it. */
void judged_finding(struct image *im, struct view *view, const struct xsi_finding *finding);
/* Hand over what waits; at the end of the walk all of it, then what only the judge has found. */
void judged_release(struct image *im, struct view *view, bool end);
/* Bits 1 and 2 of the exit status, from findings and verdicts. */
unsigned judged_exit(const struct image *im);
/* Verdict by index; NULL behind the last, and as long as the image is not judged to its end. */
const struct xsi_verdict *judged_verdict(const struct image *im, size_t index);
/* Name of the container's own reader; NULL when there is none. */
const char *judged_default(const struct image *im);
/* True when this target was taken because none was named. */
bool judged_by_default(const struct image *im);
/* Readers that do not restore the image because of a finding, by index; NULL behind the last. */
const char *judged_target(const struct image *im, const struct xsi_finding *f, size_t index);

/* "rc 0", "ends by SIGSEGV"; in short "0", "SIGSEGV", "-". */
void verdict_fate(const struct xsi_verdict *v, bool brief, char *out, size_t size);
/* "fails on xen-4.1/32/xapi (the default for xapi images): returns 0, but …". */
void verdict_sentence(const struct image *im, const struct xsi_verdict *v, char *out, size_t size);
/* The command that mends the image for a reader; false when nothing is known to. */
bool verdict_fix(const struct cli_term *t, const struct image *im, const struct xsi_verdict *v);
/* The last lines of the listing. */
void verdicts_print(const struct cli_term *t, const struct image *im);
/* The line of the head: which targets were judged; with `outcome` also how it ended. */
void verdicts_head(const struct image *im, bool outcome, char *out, size_t size);
/* --target all: readers with equal outcomes in one line each. */
void verdict_table_print(const struct cli_term *t, const struct image *im);
/* "(the default for xapi images)" without the brackets. */
void verdict_default_words(const struct image *im, char *out, size_t size);

/* ---------------------------------------------------------------- text ---- */

/* Columns of the table. */
struct columns {
    int offset, length, layer, type, pages;
    bool no_layer, no_pages; /* narrow terminal */
};

/* A row: one chunk, or a run of page batches. */
struct row {
    uint64_t offset, length, wanted, pages, batches;
    uint64_t first_pfn, last_pfn;
    const char *layer, *type;
    bool has_id;
    int64_t id;
    unsigned flags;
    char *note; /* owned; NULL = none, or a run's */
};

#define ROWS_HEAD  3968 /* rows kept from the start of an image, */
#define ROWS_TAIL  128  /* and from its end, when there are more */
#define ROWS_NAMES 128  /* different names of layers and types */

/* Folded rows of an image, until its head is known. */
struct rows {
    struct row *head;
    struct row *tail; /* a ring, allocated when head is full */
    size_t count, capacity;
    uint64_t tail_count; /* rows that went to the ring, also those it lost */
    bool split;          /* a finding came: the next chunk opens a row */
    char *names[ROWS_NAMES];
    size_t name_count;
};

void rows_add(struct rows *r, const struct xsi_chunk *c);
void rows_split(struct rows *r);
void rows_free(struct rows *r);
void rows_print(const struct cli_term *t, const struct rows *r, const struct cli_findings *f);
/* Rows that are held. */
size_t rows_count(const struct rows *r);
/* Rows that are printed at once. */
void row_of_chunk(struct row *row, const struct xsi_chunk *c);
void columns_default(struct columns *w, const struct cli_term *t, uint64_t size);
/* For rows that are not known yet. */
void columns_stream(struct columns *w, const struct cli_term *t, uint64_t size);
void columns_fit(struct columns *w, const struct cli_term *t, const struct row *row);
void columns_print(const struct cli_term *t, const struct columns *w);
void row_print(const struct cli_term *t, const struct columns *w, const struct row *row,
               const char *note);
/* "PAGES", "VCPU_INFO (-2)", "PAGES x1024". */
int row_type(const struct row *row, char *out, size_t size);

/* "PV", "HVM", "PVH"; NULL = unknown. */
const char *guest_name(enum xsi_guest guest);
/* `far`: the end of the listing is beyond the screen, so the verdict is told here too. */
void head_print(const struct cli_term *t, const struct image *im, const struct cli_findings *f,
                bool far);
/* Fields of the current chunk, below its row. Returns 0 or -errno. */
int fields_print(const struct cli_term *t, struct image *im, const struct xsi_chunk *chunk);
/* Hex of a chunk that has no fields. */
void hex_chunk(const struct cli_term *t, struct image *im, const struct xsi_chunk *chunk,
               uint64_t limit);
/* printf behind the text that stands in out already. */
void XSI_PRINTF(3, 4) text_add(char *out, size_t size, const char *fmt, ...);
/* ---------------------------------------------------------------- the rest ---- */

enum page_content { PAGE_UNLIKE, PAGE_ZERO, PAGE_ALIKE }; /* ALIKE: equal to one before it */
/* Who is told of each page. Embed it in your own structure. */
struct page_watch {
    void (*page)(struct page_watch *watch, uint64_t pfn, enum page_content what);
};
/* With a watch (NULL none) there is no hash of all page data, and holes of the file are not
 * read. */
struct page_data *page_data_new(struct page_watch *watch);
void page_data_free(struct page_data *p);
/* Read the pages of the current chunk, or only those of some of its entries. */
void page_data_chunk(struct page_data *p, struct image *im, const struct xsi_chunk *chunk);
void page_data_entries(struct page_data *p, struct image *im, const struct xsi_chunk *chunk,
                       const struct xsi_page_entry *e, size_t count);
void page_data_print(const struct cli_term *t, const struct page_data *p);

/* Counts for the JSON object. */
struct page_sums {
    uint64_t pages, bytes, zero, duplicate, distinct, short_pages;
    bool tracked;      /* duplicates: false once the table was full */
    char hash[33];     /* XXH3-128 of all page data in stream order, hex */
    struct page_type { /* entries by type name */
        const char *name;
        uint64_t entries, pages;
    } type[16];
    size_t type_count;
};

void page_data_sums(const struct page_data *p, struct page_sums *sums);

/* --explain WHAT. Exit status. */
unsigned explain_print(const struct cli_term *t, const struct settings *set);
/* The same behind the listing of images: and which readers print such a line about them, where. */
unsigned explain_places(const struct cli_term *t, const struct settings *set);
unsigned findings_list(const struct cli_term *t, bool json);
/* --list-readers. */
unsigned readers_list(const struct cli_term *t, bool json);
/* A message that names the readers whose names are near; returns false. */
bool readers_unknown(const char *name);

struct progress {
    int fd;    /* --progress-fd, -1 = none */
    bool line; /* a line on the terminal may be drawn */
    bool drawn;
    unsigned skip; /* calls until the clock is looked at */
    double start, last;
};

void progress_start(struct progress *p, const struct settings *set);
/* Called at every event. */
void progress_step(struct progress *p, const struct image *im);
void progress_wipe(struct progress *p);
void progress_end(struct progress *p, const struct image *im);
double progress_now(void);

/* Put a pager behind standard output, if it is a terminal and one is wanted. */
void pager_start(const struct settings *set);

#endif
