/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the command-line programs share: option tables, numbers, exit status, messages, and text
 * for a person on a terminal. Uses lib/xsi.h only.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <xsi.h>

/* Bits of the exit status; they are OR-ed over all images. */
enum {
    CLI_WARNINGS = 1,    /* there are warnings */
    CLI_REFUSED = 2,     /* a reader refuses it though nothing is broken */
    CLI_DAMAGED = 4,     /* damaged or truncated */
    CLI_OPERATIONAL = 8, /* input, output, memory, permission */
    CLI_USAGE = 16       /* usage, or nothing recognisable */
};

/* ---------------------------------------------------------------- options ---- */

/* One option: the row is the source of getopt's table, of --help and of the manual page. */
struct cli_option {
    char letter;          /* short form, 0 = none */
    const char *name;     /* long form */
    const char *argument; /* name of its argument, NULL = takes none */
    const char *group;    /* heading in --help */
    const char *help;
};

/*
 * Scan argv for options, in any place; what is left stands at argv[return value] and behind.
 * set() gets each option's index in rows and its argument (or NULL); it returns false when it
 * has said what is wrong with the argument. -1 after a usage message.
 */
int cli_options(int argc, char **argv, const struct cli_option *rows, size_t count,
                bool (*set)(void *context, size_t option, const char *argument), void *context);

/* ---------------------------------------------------------------- numbers ---- */

/* "12", "0x1f", "4k" (k, M, G, T: powers of 1024). False when text is anything else. */
bool cli_number(const char *text, uint64_t *value);
/* "7", "7-9", "7-" (to the end), "-9" (from the start). */
bool cli_range(const char *text, uint64_t *first, uint64_t *last);
/* A number of 32 bits that may be negative: "-3", "0x756d6551", "1970103633". */
bool cli_count(const char *text, uint32_t *value);
/* Bytes in hex, in pairs of digits that blanks may separate: "f7ffffff", "f7 ff". Returns how many;
 * 0 when text is anything else or they do not fit. */
size_t cli_bytes(const char *text, uint8_t *out, size_t size);
/* Edits (a character more, less or other) that make one name of another, without regard to case. */
size_t cli_edits(const char *a, const char *b);
/* "1.5 GiB" for people; out holds at least 16 bytes. */
char *cli_size(char *out, size_t size, uint64_t bytes);

/* ---------------------------------------------------------------- the terminal ---- */

enum cli_colour { CLI_PLAIN, CLI_RED, CLI_YELLOW, CLI_CYAN, CLI_BOLD };

/* Where text for people goes. */
struct cli_term {
    FILE *out;
    unsigned width;  /* columns; 0 = no terminal, lines are as long as they are */
    unsigned height; /* lines of its screen; 0 = no terminal */
    bool colour;
};

/* Look at stdout: width when it is a terminal, colour when `when` is "auto" and it may be used. */
void cli_term_init(struct cli_term *t, const char *when);
/* The same for text that is to be read: 80 columns where there is no terminal, at most 100. */
struct cli_term cli_prose(const struct cli_term *t);
/* Escape sequence that switches a colour on, or CLI_PLAIN off; "" when colour is off. */
const char *cli_colour(const struct cli_term *t, enum cli_colour colour);
/* Columns that a text without control characters takes. */
size_t cli_columns(const char *text);
/* Bytes of text that fit in that many columns. */
size_t cli_fit(const char *text, size_t columns);
/*
 * Print text at words' ends within the terminal's width; `at` columns of the first line are taken
 * already, further lines begin with `indent` blanks. Ends the line.
 */
void cli_wrap(const struct cli_term *t, size_t at, size_t indent, const char *text);

/* --help: usage lines, then all rows by group. */
void cli_help(const struct cli_term *t, const struct cli_option *rows, size_t count);

/* n bytes of foreign text, escaped. */
void cli_put_escaped(const struct cli_term *t, const char *text, size_t n);
/* Bytes of a line of hex. */
#define CLI_HEX_LINE 16U
/* A line of at most 16 bytes: "  0x00000010  00 11 … " padded for what stands beside it. */
void cli_hex_line(const struct cli_term *t, uint64_t offset, const uint8_t *bytes, size_t n);
/* The characters of at most 16 bytes, '.' for what cannot be shown; ends the line. */
void cli_hex_text(const struct cli_term *t, const uint8_t *bytes, size_t n);
/* A value that is a number, with its name and unit: "LAST (3)", "0x1f", "12 pages". */
char *cli_value(char *out, size_t size, const struct xsi_value *v);

/* ---------------------------------------------------------------- process ---- */

/*
 * Before anything is opened: descriptors 0 to 2 exist (a closed one would make an image standard
 * output), SIGPIPE is an error of write, interrupts wipe the progress line and wait for the
 * pager. False when standard output is closed.
 */
bool cli_start(void);
/* Flush standard output. Returns the exit status: `status`, with CLI_OPERATIONAL when writing
 * failed. Ends the process by SIGPIPE when nobody reads any more and nothing else went wrong. */
int cli_finish(int status);
/* True when standard output cannot take more: it is no use to go on. */
bool cli_output_failed(void);
/* Flush it. False when not all of it could be written, or nobody reads it any more: what is said
 * there, an undo file's name, would be said to nobody. */
bool cli_output_stands(void);
/* The pager, if one runs, must be waited for; a progress line, if one stands, must be wiped. */
void cli_on_exit_pager(pid_t pid);
void cli_on_exit_wipe(bool wipe);
/* Start $PAGER on the terminal; what it is to show goes to *input. 0: none is wanted or needed.
 * Flushes standard output. */
pid_t cli_pager(int *input);

/* "program: file: message" to standard error; file may be NULL; everything is escaped. */
void cli_error(const char *file, const char *fmt, ...) XSI_PRINTF(2, 3);
/* File name as text for a terminal, escaped. */
char *cli_name(char *out, size_t size, const char *file);
/* A message that holds cli_name()s and cli_word()s: as xsi_escape(), but backslashes stay. */
char *cli_clean(char *out, size_t size, const char *text);
/*
 * File name as a word for a shell: as it is, '...', or $'...' (bash, ksh, zsh) with digits for what
 * a terminal must not be shown. It names the same file when it is pasted. "FILE" when out is too
 * small.
 */
char *cli_word(char *out, size_t size, const char *file);

/* True when a write in place to this image did not end (the registry of undo files knows): it has
 * then said so, and how to roll it back. */
struct xsi_journal_info;
bool cli_interrupted(const char *file, struct xsi_journal_info *info);

/* ---------------------------------------------------------------- verdicts ---- */

/* "restores", "loses", "fails", "undefined". */
const char *cli_outcome(enum xsi_outcome outcome);
enum cli_colour cli_outcome_colour(enum xsi_outcome outcome);
/* The verdict's recipe is known to bring such an image. Of others only a plan can tell, or whether
 * there is one. */
bool cli_fix_certain(const struct xsi_verdict *v, const struct xsi_info *info);
/*
 * The command that mends the image for the verdict's reader, and its recipe. `first`: what must be
 * done before that ("decompressed"), "" nothing. False when nothing is known to: then nothing was
 * printed.
 */
bool cli_fixable(const struct cli_term *t, size_t indent, const struct xsi_verdict *v,
                 const struct xsi_info *info, const char *file, const char *first);

/* ---------------------------------------------------------------- findings ---- */

#define CLI_FINDINGS_HELD 512

/* A bounded store; the severest stay, in the order of arrival. */
struct cli_findings {
    struct xsi_finding *held;
    size_t count, capacity;
    uint64_t dropped;
    uint64_t by_severity[3];     /* all of them, also the dropped */
    uint64_t zero_from, zero_to; /* zeros behind the image; equal = none */
    bool judged;                 /* verdicts follow: they say what findings of a reader mean */
};

void cli_findings_add(struct cli_findings *s, const struct xsi_finding *f);
void cli_findings_free(struct cli_findings *s);
/* One line: "error XS-L09 no-last-checkpoint at 0x…: text". */
void cli_finding_print(const struct cli_term *t, const struct xsi_finding *f);
void cli_findings_print(const struct cli_term *t, const struct cli_findings *s);
/* The last line: what the image is, and the next command. image: the words that name the image
 * on a command line of xsdump, quoted. */
void cli_state_print(const struct cli_term *t, const struct xsi_info *info,
                     const struct cli_findings *s, const char *image);
const char *cli_severity(enum xsi_severity severity);
enum cli_colour cli_severity_colour(enum xsi_severity severity);
/* "whole", "damaged", "truncated", "unrecognised". */
const char *cli_state(const struct xsi_info *info);
/* Exit bits of an image. */
unsigned cli_exit(const struct xsi_info *info);

#endif
