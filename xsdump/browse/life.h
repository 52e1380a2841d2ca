/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life around the browser. It runs in a child; its parent does nothing but wait, and puts the
 * terminal right when the child cannot: killed, crashed, or hung. Job control goes through both.
 */
#ifndef LIFE_H
#define LIFE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* What is to be done when the browser has ended. */
struct life_next {
    bool wanted;     /* open xsrecover … */
    unsigned file;   /* … of this image of the command line … */
    uint64_t offset; /* … at this place … */
    char reader[64]; /* … for this reader, "": the default */
};

/*
 * Run browse(context) in a child and wait for its end. Returns its status, or CLI_OPERATIONAL and a
 * message when it did not end by itself; what it left stands in *next. A signal that ended the
 * child ends this process too. Standard input and output are a terminal.
 */
unsigned life_run(unsigned (*browse)(void *context, struct life_next *next), void *context,
                  struct life_next *next);

/* ---------------------------------------------------------------- in the child ---- */

/* SIGTERM, SIGHUP or SIGINT that came: the browser is to end. 0: none. */
int life_signal(void);

/* ---------------------------------------------------------------- for screen*.c ---- */

#define LIFE_BACK_MAX 512

/* The terminal is the browser's; `back` is what is to be written to leave it. Or it is no more. */
void life_taken(bool taken, const char *back);
/* False: it is not, or no more: the parent has put it right. */
bool life_is_taken(void);
/* Wait for input or a signal. -1: a signal. */
int life_poll(struct pollfd *fd, int wait);
/* Has SIGTSTP, SIGCONT or SIGWINCH come since this was asked last? */
bool life_came(int signal_number);
/* Stop until somebody says SIGCONT. */
void life_stop(void);
/* The terminal has gone: as if SIGHUP had come. */
void life_hang_up(void);

#endif
