/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A restore that is stepped through: the reader at work on the planned image (cli/replay.h), what
 * really stands where it reads, and where somebody wants it to stop. The commands are dbg_step.c,
 * dbg_break.c, dbg_where.c, dbg_reader.c.
 */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "cli/replay.h"
#include "debug.h"

#define RUN_SHOWN 40 /* log lines that are shown by one command */

struct run_session {
    struct replay *play;
    struct xsi_map *map;                    /* one row per chunk */
    const struct xsi_map_row *row, *before; /* the chunk that the last read begins in; the one
                                               before */
    uint64_t shown;                         /* log lines of this command */
};

/* ---- run_session.c ---- */

/* The session's restore; made, and looked ahead, when there is none. NULL after a message. */
struct run_session *run_open(struct debug *d);
/* The same, begun anew. */
struct run_session *run_restart(struct debug *d);
/*
 * Up to the next read, which the reader has then looked at. True until the restore is over; `tell`
 * prints what the reader does beside reading. `facts`: those of s->play will be looked at.
 */
bool run_step(struct debug *d, struct run_session *s, bool tell, bool facts);
/* What followed from that read at once: its log lines. */
void run_settle(struct debug *d, struct run_session *s, bool tell);
/* To the read with a number, without a word, from the beginning again where it lies behind. False
 * after a message. */
bool run_to(struct debug *d, struct run_session *s, uint64_t number);

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
/* It stands at another read than the one it came from: watched values are those there. */
void run_points_look(struct debug *d, const struct run_session *s);
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
