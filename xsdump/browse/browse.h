/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The browser: what its files share. One image (two when they are compared), one current place in
 * it, and panels that show what is there.
 *
 * A panel is one file (panel_*.c) with one row in panels.def; a key is one row in keys.def. Panels
 * draw on a canvas (screen.h) and know nothing of ncurses; widgets (widget_*.c) know nothing of
 * images; what an image holds comes from the library, through doc.c and look.c.
 *
 * Nothing blocks: what can take longer than a few milliseconds (the walk, a search, a restore that
 * is stepped through) is a job, whose slices run between keys.
 */
#ifndef BROWSE_H
#define BROWSE_H

#include <xsi_edit.h>

#include "screen.h"
#include "xsdump/xsdump.h"

struct browse;

/* ---------------------------------------------------------------- doc.c: an image ---- */

/* An image and what is known of it so far. Its walk is the first job. */
struct doc {
    struct image im;         /* source, walk, judge: as for the listing */
    struct xsi_index *index; /* chunks, and ways back to them */
    uint64_t size;
    struct xsi_finding *finding; /* in their last form, as --json has them; ascending by offset */
    size_t finding_count, finding_capacity;
    bool walked;            /* the walk is over: all of the above is final */
    struct xsi_error error; /* code 0, or why the walk could not go on */
    unsigned changes;       /* grows with each chunk and finding: for what is cached */
};

#define DOC_NO_PIPE "a browser goes back and forth, and a pipe cannot: save it to a file first"
/* Open an image that can seek. NULL with words in error. */
struct doc *doc_open(const struct settings *set, const char *file, struct xsi_error *error);
void doc_free(struct doc *doc);
/* One event of the walk. False when it is over. */
bool doc_step(struct doc *doc);
/* Up to n bytes at an offset; less at the end, and in front of what cannot be read (*bad). */
size_t doc_read(struct doc *doc, uint64_t offset, void *buf, size_t n, bool *bad);
/* The row that holds an offset, NULL: the walk has not come so far, or the index is full there. */
const struct xsi_map_row *doc_row(const struct doc *doc, uint64_t offset);
/* Number of the first finding at or behind `offset` (finding_count: none): those of a chunk follow
 * each other. */
size_t doc_finding_at(const struct doc *doc, uint64_t offset);
/* Where a finding is shown: what is said of the end of the image, on its last byte. */
uint64_t doc_finding_place(const struct doc *doc, const struct xsi_finding *finding);
/* Findings whose place lies in [offset, offset + length); the severest in *worst, NULL: none. */
size_t doc_findings_in(const struct doc *doc, uint64_t offset, uint64_t length,
                       const struct xsi_finding **worst);
/* The default verdict (or that of --target); NULL while the walk is not over, or there is none. */
const struct xsi_verdict *doc_verdict(const struct doc *doc);
/* The file's name without folders, escaped. */
void doc_name(const struct doc *doc, char *out, size_t size);
/* How it stands, in the head line's role: the verdict, or how far the walk is. */
enum role doc_standing(const struct doc *doc, char *out, size_t size);

/* ---------------------------------------------------------------- look.c: a chunk ---- */

/* A decoded field, or a group of them. */
struct look_field {
    unsigned level;
    enum xsi_kind kind; /* XSI_GROUP and XSI_LIST have fields of a higher level behind them */
    uint64_t offset, length;
    char *name;  /* escaped; "[3]" in a list */
    char *path;  /* "records[3].type", as the debugger takes it; escaped */
    char *value; /* as in the listing, escaped, one line; "" of a group */
    char *help;  /* one sentence, NULL none */
};

/* The chunk that holds an offset, decoded. */
struct look {
    bool valid;
    char why[160]; /* not valid: why not */
    uint64_t index, offset, length, wanted, meta, entries, pages, first_pfn, last_pfn;
    unsigned flags, depth;
    const char *layer, *type, *help;
    bool has_id;
    int64_t id;
    char note[XSI_NOTE_MAX];
    struct look_field *field;
    size_t count, capacity;
    bool cut; /* there are more fields than are kept */
    struct look_pool *pool;
};

#define LOOK_FIELDS_MAX 24576 /* an HVM context of 128 vCPUs has some 14000 */

/* Decode the chunk at an offset; look keeps it when it is the same one. */
void look_at(struct look *look, struct doc *doc, uint64_t offset);
void look_free(struct look *look);
/* The innermost field that holds an offset; SIZE_MAX: none. */
size_t look_field_at(const struct look *look, uint64_t offset);

/* ---------------------------------------------------------------- commands ---- */

/* What a person wants of the panel that has the focus. */
enum act {
    ACT_UP,
    ACT_DOWN,
    ACT_LEFT,
    ACT_RIGHT,
    ACT_PAGE_UP,
    ACT_PAGE_DOWN,
    ACT_FIRST,
    ACT_LAST,
    ACT_ENTER, /* open what is selected */
    ACT_TOGGLE /* fold, unfold, mark: Space */
};

enum view_id { VIEW_CHUNKS, VIEW_READER, VIEW_PAGES, VIEW_COMPARE, VIEW_COUNT };
#define IN(view) (1U << (view))
#define ANYWHERE 0xffU

/* A row of keys.def. */
struct key_row {
    int keys[4];       /* characters, or SK_… of screen.h; 0 ends them */
    const char *shown; /* "j Down": for help and manual */
    const char *group; /* heading there */
    unsigned views;    /* where it works: IN(VIEW_…), ANYWHERE */
    const char *label; /* for the bar of F-keys at the bottom: "Help"; NULL = not there */
    const char *help;  /* what it does */
    enum act act;      /* for the focused panel, when exec is NULL */
    void (*exec)(struct browse *b);
};
/* Rows by index; NULL behind the last. */
const struct key_row *key_at(size_t index);
/* The row that a key has in a view; NULL: none. */
const struct key_row *key_find(int key, enum view_id view);
/* The key that leads to the view in which another one means something; NULL: it never does. */
const char *key_elsewhere(int key);

/* ---------------------------------------------------------------- panels ---- */

enum panel_id {
#define PANEL(id, ...) PANEL_##id,
#include "panels.def"
#undef PANEL
    PANEL_COUNT
};

struct panel {
    const char *title;
    /* A title that changes; NULL: `title` is used. */
    void (*heading)(struct browse *b, char *out, size_t size);
    void (*draw)(struct browse *b, struct canvas *c);
    /* NULL or false: nothing happens. */
    bool (*act)(struct browse *b, enum act act);
    /* A click (twice: double) at a cell of its canvas; may be NULL. */
    void (*click)(struct browse *b, int y, int x, bool twice);
    /* The current place has changed; may be NULL. */
    void (*moved)(struct browse *b);
    /* What stands in its slot is to be freed; may be NULL. */
    void (*free)(void *slot);
};
const struct panel *panel_row(enum panel_id id);

/* ---------------------------------------------------------------- jobs ---- */

/* Work in slices. One of a kind runs at a time: a new one replaces the old one of its row. */
struct job {
    const char *what; /* "searching": shown with the progress; NULL: nobody need know */
    /* Some 0.1 to 1 ms of work; false: it is over. */
    bool (*slice)(struct browse *b, void *data);
    /* How far it is, 0 to 1; NULL unknown. */
    double (*progress)(struct browse *b, void *data);
    void (*free)(void *data); /* also when it is stopped; may be NULL */
};
void job_start(struct browse *b, const struct job *job, void *data);
/* The data of a job that runs; NULL. */
void *job_data(const struct browse *b, const struct job *job);
void job_stop(struct browse *b, const struct job *job);

#define JOBS_MAX 16 /* more than there are kinds */

/* ---------------------------------------------------------------- the browser ---- */

struct popup; /* popup.c */

struct browse {
    const struct settings *set;
    const char *file[2];
    struct doc *doc;   /* the one that is looked at */
    struct doc *other; /* the second image, NULL; Tab between them swaps the two in VIEW_COMPARE */
    bool swapped;      /* doc is the second one of the command line */

    enum view_id view;
    enum panel_id focus;

    uint64_t at;      /* the current place: an offset of the image */
    uint64_t before;  /* where the last jump began */
    struct look look; /* the chunk there: browse_look() */
    size_t field;     /* of look, selected; SIZE_MAX none */

    struct xsi_reader reader; /* whose restore the reader view shows: the target at first */
    bool has_reader;

    void *slot[PANEL_COUNT]; /* of the panels: each its own structure */
    struct {
        const struct job *job;
        void *data;
    } job[JOBS_MAX];
    struct canvas *canvas[PANEL_COUNT]; /* where it is drawn; NULL: it is not shown */
    int origin[PANEL_COUNT][2];         /* row and column of its first cell on the screen */

    struct popup *popup;                      /* on top of all, NULL none */
    void (*await)(struct browse *b, int key); /* gets the next key; NULL none */
    char message[400];                        /* in the bottom line */
    enum role message_role;
    uint64_t piece[2]; /* offset and length of the bytes that a question is about */
    bool dirty;        /* the screen is to be drawn */
    bool quit;
    bool recover; /* quit, and xsrecover opens at `at` */
};

/* ---- browse.c, place.c ---- */

/* Look around in images: one, or two to compare. Exit status. */
unsigned browse_images(const struct settings *set);
/* Make an offset the current place; the field there is selected. A `jump` can be taken back ('). */
void browse_goto(struct browse *b, uint64_t offset, bool jump);
/* The same for a field of the current chunk, SIZE_MAX: the chunk itself. */
void browse_field(struct browse *b, size_t field);
/* The chunk at the current place, decoded. */
const struct look *browse_look(struct browse *b);
/* The bytes that are highlighted: in a restore those of the read at hand, else the selected
 * field's, else the chunk's metadata. */
void browse_selected(struct browse *b, uint64_t *offset, uint64_t *length);
/* Other panels in the same places. */
void browse_view(struct browse *b, enum view_id view);
void browse_focus(struct browse *b, enum panel_id panel);
/* A sentence in the bottom line, until the next key. */
void browse_say(struct browse *b, enum role role, const char *fmt, ...) XSI_PRINTF(3, 4);
/* The next key is not a command but goes to got(); label says what for. */
void browse_await(struct browse *b, const char *label, void (*got)(struct browse *b, int key));
/* Rows that a panel has on the screen now; 0: it is not shown. */
int browse_rows(const struct browse *b, enum panel_id panel);
int browse_columns(const struct browse *b, enum panel_id panel);

/* ---- popup.c: what stands on top ---- */

/* A text to read: it is wrapped, can be scrolled, and ends at Enter, Esc or q. Copied. */
void popup_text(struct browse *b, const char *title, const char *text);
/* A list to choose from; `chosen` is called with the index. text() gives a line, NULL behind the
 * last. */
void popup_choose(struct browse *b, const char *title, size_t current,
                  const char *(*text)(struct browse *b, size_t index, char *out, size_t size),
                  void (*chosen)(struct browse *b, size_t index));
/* A line of input in the bottom line; done() gets it at Enter. `old`: to begin with, NULL none. */
void popup_ask(struct browse *b, const char *label, const char *old,
               void (*done)(struct browse *b, const char *text));
bool popup_key(struct browse *b, int key);
bool popup_click(struct browse *b, int y, int x, bool twice);
void popup_draw(struct browse *b);
void popup_close(struct browse *b);

/* ---- what the panels tell each other ---- */

/* panel_reader.c: bytes that the reader has consumed so far: [from, to); false: no restore runs. */
bool reader_consumed(const struct browse *b, uint64_t *from, uint64_t *to);
/* The offset of the read that is shown, and its length. */
bool reader_read(const struct browse *b, uint64_t *offset, uint64_t *length);

/* compare.c: what the other image has in the place of a row. */
enum compared {
    COMPARED_NOT,
    COMPARED_SAME,
    COMPARED_BEHIND, /* the same, but only the other image has what is in front of it */
    COMPARED_DIFFERS,
    COMPARED_ONLY
};
enum compared compare_row(const struct browse *b, const struct xsi_map_row *row);

/* layout.c: which panel stands where. */
void layout_apply(struct browse *b);
/* The next (+1) or last (-1) panel that can have the focus. */
void layout_next(struct browse *b, int by);

#endif
