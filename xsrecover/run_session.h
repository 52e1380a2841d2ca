/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A restore that is stepped through: the reader's model at work on the planned image, what it has
 * logged and knows so far, and where somebody wants it to stop. The commands are dbg_run.c,
 * dbg_step.c, dbg_break.c, dbg_where.c, dbg_state.c, dbg_log.c, dbg_reader.c.
 */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "debug.h"

#define RUN_PARTS 8    /* as deep as the library calls parts */
#define RUN_FACTS 48   /* of a part */
#define RUN_LINES 1000 /* log lines that are kept */
#define RUN_SHOWN 40   /* ... and shown by one command */

/* What a part of the reader knows about something. */
struct run_fact {
    const char *who; /* the part that knows it */
    const char *name, *unit, *help;
    enum xsi_kind kind;
    uint64_t number;
    bool minor;     /* of interest only when it is not 0 */
    char text[160]; /* escaped */
};

/* A part of the reader: the innermost has the highest index. */
struct run_part {
    const char *who;
    bool live; /* false: it has returned; these are its last facts */
    bool old;  /* ... in a run before this one: only the names count */
    size_t count;
    struct run_fact fact[RUN_FACTS];
};

struct run_line {
    enum xsi_run_level level;
    const char *who;
    char *text; /* free of control characters */
};

/* How a restore ends, known from a run of it that nobody watched. */
struct run_future {
    struct xsi_verdict verdict;
    uint64_t reads;    /* of the whole run */
    uint64_t bad_read; /* number of the one behind which the first error is logged; 0 none */
    char error[400];   /* that line, of `who`; "" none */
    const char *who;
    bool has_where; /* the bytes that the verdict is about are of another chunk: */
    uint64_t where;
};

struct run_session {
    struct xsi_run *run;
    struct xsi_map *map; /* one row per chunk */
    struct run_future future;

    uint64_t reads;                         /* so far; 0: it has not begun */
    struct xsi_run_event read;              /* the last READ or SKIP */
    const struct xsi_map_row *row, *before; /* the chunk that it begins in; of the read before */
    bool over;
    bool errors; /* the last read made it log an error */

    struct run_part part[RUN_PARTS];
    size_t parts;
    struct run_line line[RUN_LINES]; /* ring: number n at n % RUN_LINES */
    uint64_t lines, shown;           /* lines in all; of this command */
};

/* ---- run_session.c ---- */

/* The session's restore; made, and looked ahead, when there is none. NULL after a message. */
struct run_session *run_open(struct debug *d);
/* The same, begun anew. */
struct run_session *run_restart(struct debug *d);
/*
 * Up to the next read, which the reader has then looked at. True until the restore is over; `tell`
 * prints what the reader does beside reading. `facts`: s->part will be looked at.
 */
bool run_step(struct debug *d, struct run_session *s, bool tell, bool facts);
/* What followed from that read at once: its log lines. */
void run_settle(struct debug *d, struct run_session *s, bool tell);
/* Why this read is one to stop at: "" it is not; else a sentence. */
const char *run_goes_wrong(const struct run_session *s);

/* ---- run_facts.c ---- */

void run_facts(struct run_session *s);
/* A fact by "name" or "part.name", the innermost part's first; NULL. old: also of parts that have
 * not begun in this run. */
const struct run_fact *run_fact_find(const struct run_session *s, const char *name, bool old);
/* "yes", "304 frames", "0x1"; escaped. Returns out. */
char *run_fact_text(const struct run_fact *f, char *out, size_t size);

/* ---- run_show.c ---- */

/* The last read in one line; and in full, with its bytes and what they are. */
void run_show_line(struct debug *d, const struct run_session *s);
void run_show_read(struct debug *d, const struct run_session *s);
/* The restore is over: how it ended. */
void run_show_end(struct debug *d, const struct run_session *s);
void run_show_log(struct debug *d, enum xsi_run_level level, const char *who, const char *text);
/* An event that is neither read nor log line. */
void run_show_event(struct debug *d, const struct xsi_run_event *ev);

/* ---- run_points.c ---- */

/* A new restore begins: watched values are not known yet. */
void run_points_reset(struct debug *d);
bool run_points_any(const struct debug *d);
/* Does a break- or watchpoint want to stop here? Prints which. */
bool run_points_hit(struct debug *d, const struct run_session *s);
/* The same for those that stop at error lines, behind run_settle(). */
bool run_points_error(struct debug *d, const struct run_session *s);
/* `break WHERE`, `watch NAME`, the list, `break delete N`. Status as of a command. */
int run_points_break(struct debug *d, const char *where, const char *number);
int run_points_watch(struct debug *d, const char *name);
int run_points_list(struct debug *d);
int run_points_delete(struct debug *d, const char *which);

#endif
