/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of the debugger's framework; commands need debug.h alone. */
#ifndef DEBUG_INTERNAL_H
#define DEBUG_INTERNAL_H

#include "debug.h"

/* ---- debug.c ---- */

/* Open the image anew, with an empty plan: at first, and after it was written. 0 or a status. */
int debug_open(struct debug *d);
void debug_close(struct debug *d);

/* ---- debug_output.c ---- */

/* d->term.out becomes the way to screen, pager and transcript. False without memory. */
bool debug_output_new(struct debug *d, const struct cli_term *t);
void debug_output_free(struct debug *d);
/* Around a command: what it printed is shown, the pager is waited for. `paged`: may be paged. */
void debug_output_begin(struct debug *d, bool paged);
void debug_output_end(struct debug *d);
/* What was typed, for the transcript only. */
void debug_output_echo(struct debug *d, const char *prompt, const char *line);
/* As debug_ask(): 1 yes, 0 no, -1 nobody there any more. */
int debug_output_ask(struct debug *d, const char *question);
/* Ctrl-C sets a flag, or ends the program as usual. */
void debug_signals(bool on);
/* True when Ctrl-C was pressed since the last call with clear. */
bool debug_interrupted(bool clear);

/* ---- debug_input.c ---- */

#define DEBUG_FAILED (CLI_OPERATIONAL | CLI_USAGE | DEBUG_CANCELLED)

/* -c and -f, or what comes from a prompt or standard input. Status. */
unsigned debug_input_run(struct debug *d);
/* One command of a person or a script: its line, its screen. Status as of a command. */
int debug_input_line(struct debug *d, const char *line);

/* ---- debug_prompt.c ---- */

#define DEBUG_PROMPT "(xsrecover) "

/* Lines from a person until `quit` or the end of input. */
void debug_prompt(struct debug *d);

/* ---- debug_complete.c ---- */

/* The completions of the word that begins at `start` of a line; the list is readline's form:
 * NULL when there is none, else freed by it. *kinds: DEBUG_ARG_… of the word. */
char **debug_complete(struct debug *d, const char *line, const char *word, int start,
                      unsigned *kinds);

/* ---- debug_place.c ---- */

/* Where a chunk's type or a finding's code is; false, without a message, when nowhere. */
bool debug_named(struct debug *d, const char *text, uint64_t *offset);

/* ---- debug_command.c ---- */

#define DEBUG_WORDS_MAX 64

/* A line cut into words, each ended by NUL. */
struct debug_words {
    char text[4096];
    char *word[DEBUG_WORDS_MAX + 1];
    int count;
};
/* The row of a line's first word, or first two; *takes is how many the name has. NULL: none, or
 * more than one. */
const struct debug_command *debug_lookup(const char *first, const char *second, int *takes);

#endif
