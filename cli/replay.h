/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A restore that is stepped through: a reader's model at work on an image, what it has read, logged
 * and knows so far, and at which read it will go wrong. The debugger and the browser drive it; it
 * prints nothing, and knows no chunks: what stands at an offset is the caller's to look up.
 *
 * Work comes in slices of so many events, so that somebody can be served in between.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <xsi_edit.h>

#define REPLAY_PARTS 8    /* as deep as the library calls parts */
#define REPLAY_FACTS 48   /* of a part */
#define REPLAY_LINES 1000 /* log lines that are kept */

/* What a part of the reader knows about something. */
struct replay_fact {
    const char *who; /* the part that knows it */
    const char *name, *unit, *help;
    enum xsi_kind kind;
    uint64_t number;
    bool minor;       /* of interest only when it is not 0 */
    uint64_t changed; /* number of the read that made it what it is; 0 not known */
    char text[160];   /* escaped */
};

/* A part of the reader: the innermost has the highest index. */
struct replay_part {
    const char *who;
    bool live; /* false: it has returned; these are its last facts */
    bool old;  /* ... in a run before this one: only the names count */
    size_t count;
    struct replay_fact fact[REPLAY_FACTS];
};

struct replay_line {
    enum xsi_run_level level;
    const char *who;
    char *text;    /* free of control characters; NULL: there was no memory for it */
    uint64_t read; /* number of the read behind which it was logged */
};

/* How the restore ends, known from a run of it that nobody watched. */
struct replay_future {
    bool known;
    struct xsi_verdict verdict;
    uint64_t reads;      /* of the whole run */
    uint64_t bad_read;   /* number of the one behind which the first error is logged; 0 none */
    uint64_t bad_offset; /* ... where it begins */
    char error[400];     /* that line, of `who`; "" none */
    const char *who;
    bool has_where; /* the bytes that the verdict is about are of another chunk: */
    uint64_t where;
};

struct replay {
    struct xsi_source *src;
    struct xsi_reader reader;
    struct xsi_run *run;
    struct xsi_run *ahead; /* while the future is not known */
    struct replay_future future;

    uint64_t reads;            /* so far; 0: it has not begun */
    uint64_t begin;            /* offset of the first */
    struct xsi_run_event read; /* the last READ or SKIP */
    bool over;
    bool errors; /* an error was logged since somebody cleared this */

    struct replay_part part[REPLAY_PARTS];
    size_t parts;
    struct replay_line line[REPLAY_LINES]; /* ring: number n at n % REPLAY_LINES */
    uint64_t lines;                        /* in all */
};

/* ---- replay.c ---- */

/* A restore that has not begun. The source stays the caller's. NULL with words in err. */
struct replay *replay_new(struct xsi_source *src, const struct xsi_reader *reader,
                          struct xsi_error *err);
void replay_free(struct replay *r);
/* The same, begun anew; what is known of its future stays. False with words in err. */
bool replay_again(struct replay *r, struct xsi_error *err);

/*
 * Run the whole restore unwatched, a slice of at most `events` events at a time, beside the one
 * that is stepped through. 1: go on; 0: it is over, and replay_decide() follows; -errno.
 */
int replay_ahead(struct replay *r, unsigned events);
/*
 * Now the future is known. A verdict can be about other bytes than those of the read behind which
 * the first error is logged: bytes that were read before and judged later. `elsewhere`: there is a
 * chunk at future.verdict.where, and future.bad_read is 0 or future.bad_offset lies in another one.
 */
void replay_decide(struct replay *r, bool elsewhere);
/* Why this read is one to stop at: "" it is not, or that is not known yet; else a sentence. */
const char *replay_wrong(const struct replay *r);

/* A read of no bytes is none to the kernel either. */
bool replay_is_read(const struct xsi_run_event *ev);
/*
 * The next event. False: the restore is over. `facts`: r->part will be looked at behind a read.
 */
bool replay_event(struct replay *r, bool facts, struct xsi_run_event *ev);
/* The same for what has followed already from the last read: its log lines. False: no more. */
bool replay_pending(struct replay *r, struct xsi_run_event *ev);
/*
 * To the read with a number, and what follows from it at once; a number behind the last: to the
 * end; one that lies behind: from the beginning again. At most `events` events. 1: go on; 0: there;
 * -errno with words in err.
 */
int replay_to(struct replay *r, uint64_t number, unsigned events, struct xsi_error *err);

/* To the next read that is one to stop at, or to the end. As replay_to(). */
int replay_on(struct replay *r, unsigned events);

/* Where to look at: the bytes that the verdict is about when the read has them, else its first. */
uint64_t replay_focus(const struct replay *r);
/* Bytes that the reader has got, from there on. */
size_t replay_bytes(const struct replay *r, uint64_t from, uint8_t *bytes, size_t max);
/*
 * The last read was of a number that the reader takes for a page count or the id of a chunk: the
 * number, and what it is, in words. row: the chunk that the read begins in, NULL none; words: NULL
 * when they are not wanted.
 */
bool replay_count(const struct replay *r, const struct xsi_map_row *row, int32_t *number,
                  char *words, size_t size);

/* "rc 0 after 110616 bytes of its stream; stopped at 0x1b03d; ...": how it ended. Returns out. */
char *replay_result(const struct xsi_verdict *v, char *out, size_t size);

/* ---- replay_facts.c ---- */

/* What the run knows behind its last event. */
void replay_facts(struct replay *r);
/* The same of the run that looks ahead, so that names are known; nothing has been stepped yet. */
void replay_names(struct replay *r);
/* A fact by "name" or "part.name", the innermost part's first; NULL. old: also of parts that have
 * not begun in this run. */
const struct replay_fact *replay_fact_find(const struct replay *r, const char *name, bool old);
/* "yes", "304 frames", "0x1"; escaped. Returns out. */
char *replay_fact_text(const struct replay_fact *f, char *out, size_t size);
/* Nothing is set there: not worth a line. */
bool replay_fact_empty(const struct replay_fact *f);

#endif
