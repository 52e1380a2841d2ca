/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recovery debugger: a session on one image, and the rows of its commands.
 *
 * A command is one file (dbg_*.c) with one row, and no other place:
 *
 *     static int goto_exec(struct debug *d, int argc, char **argv)
 *     {
 *         uint64_t offset;
 *
 *         if (!debug_place(d, argv[1], &offset))
 *             return CLI_USAGE;            // debug_place() has said why
 *         debug_move(d, offset);
 *         return 0;
 *     }
 *
 *     static const struct debug_command row = {
 *         .name = "goto", .aliases = "g", .group = DEBUG_LOOK,
 *         .usage = "PLACE", .min = 1, .max = 1,
 *         .complete = { DEBUG_ARG_OFFSET | DEBUG_ARG_CHUNK },
 *         .help = "make a place the current one",
 *         .about = "A PLACE is an offset, the name of a chunk, ...",
 *         .exec = goto_exec,
 *     };
 *     DEBUG_COMMAND(row);
 *
 * A name may have two words ("info chunks", "plan save"); the first alone then lists the family.
 * Commands print with fprintf(d->term.out, ...): what is longer than the screen goes through the
 * pager, and everything goes to the transcript. Text of the image is escaped (debug_text()).
 */
#ifndef DEBUG_H
#define DEBUG_H

#include "cli/cli.h"
#include <xsi_edit.h>

/* ---------------------------------------------------------------- the entry ---- */

struct debug_options {
    const char *const *commands; /* -c, in order; run first */
    size_t command_count;
    const char *const *scripts; /* -f, in order; "-" = standard input */
    size_t script_count;        /* with neither: a prompt (standard input when it is no terminal) */
    const char *reader;         /* -t; NULL = the default of the image's container */
    const char *as;             /* --as */
    bool has_at;                /* --at: */
    uint64_t at;                /* ... the current position at first */
    FILE *log;                  /* --log: a transcript; NULL = none */
    bool yes;                   /* -y: questions are answered with yes */
    bool allow_shell;           /* --allow-shell: `!command` for root too */
    const char *undo;           /* --undo, as in struct xsi_write_options */
    const char *state;          /* its registry; NULL = the usual one */
    bool assume_unused;         /* --assume-unused */
};

/*
 * A session on an image: commands, scripts, or a prompt. Returns the exit status: of the command
 * that failed and so ended a script (bits 8, 16, 32 fail), else what the last `check` found.
 */
unsigned debug_image(const struct cli_term *t, const char *file, const struct debug_options *o);

#define DEBUG_CANCELLED 32U /* bit of the exit status: the user, or staged edits, said no */

/* ---------------------------------------------------------------- the session ---- */

struct debug_output; /* debug_output.c: screen, pager, transcript */

/* State of a family of commands, made by it on first use; NULL = none. */
struct debug_slot {
    void *data;
    void (*free)(void *data);
};

struct debug {
    struct cli_term term; /* where commands print; term.width, .height, .colour of the terminal */
    const char *file;
    const struct debug_options *options;
    struct xsi_source *base; /* the image as it lies on the disk */
    struct xsi_plan *plan;   /* never NULL */
    struct xsi_map *map;     /* of the planned image, folded, judged for the reader; never NULL */
    struct xsi_reader reader;
    bool has_reader; /* false: no stream that a reader could read, or none was named or fits */
    bool scan;       /* the map was made with an unlimited search */
    uint64_t at;     /* the current position, in the planned image */

    struct debug_slot run;    /* a restore in progress: freed when plan or reader change */
    struct debug_slot points; /* break- and watchpoints: kept until the image is closed */

    const char *rest; /* of the line being run: the text behind the command's name, unparsed */
    char format[16];  /* of `x/16xb`: what stands behind the slash; "" = nothing */
    bool terminal;    /* somebody sits in front of it: questions can be asked */
    bool quit;
    unsigned checked; /* exit bits of the last `check` */
    bool dirty;       /* the plan was changed since it was last written somewhere */
    struct debug_output *output;
    unsigned depth; /* of scripts that read scripts */
};

/* ---------------------------------------------------------------- command rows ---- */

enum debug_group { DEBUG_LOOK, DEBUG_STEP, DEBUG_CHANGE, DEBUG_SESSION, DEBUG_GROUPS };

/* What can stand for an argument, for completion; they combine. */
enum {
    DEBUG_ARG_CHUNK = 1,     /* type of a chunk of the image: "HVM_CONTEXT" */
    DEBUG_ARG_FIELD = 2,     /* "HVM_CONTEXT.records" */
    DEBUG_ARG_OFFSET = 4,    /* offset of a chunk, hex */
    DEBUG_ARG_CODE = 8,      /* finding here, by code and slug */
    DEBUG_ARG_ANY_CODE = 16, /* any finding there is */
    DEBUG_ARG_RECIPE = 32,
    DEBUG_ARG_READER = 64,
    DEBUG_ARG_FILE = 128,
    DEBUG_ARG_COMMAND = 256,
    DEBUG_ARG_WORDS = 512 /* the row's `words` */
};
#define DEBUG_ARGS 3

enum {
    DEBUG_CHANGES = 1, /* stages edits */
    DEBUG_FORMAT = 2,  /* takes a format behind its name: x/16xb */
    DEBUG_RAW = 4,     /* quotes mean nothing to the parser: exec reads d->rest itself */
    DEBUG_REPEAT = 8   /* an empty line at the prompt runs it again */
};

struct debug_command {
    const char *name;    /* "step", "info chunks" */
    const char *aliases; /* separated by blanks; NULL = none */
    enum debug_group group;
    const char *usage;             /* its arguments: "CHUNK.field VALUE"; NULL = none */
    int min, max;                  /* arguments; max -1 = any number. Checked before exec */
    unsigned complete[DEBUG_ARGS]; /* DEBUG_ARG_… by argument; the last one counts for the rest */
    const char *words;             /* of DEBUG_ARG_WORDS, separated by blanks; NULL = none */
    unsigned flags;                /* DEBUG_CHANGES … */
    const char *help;              /* one line, lower case, no full stop */
    const char *about; /* paragraphs behind `help NAME`, separated by newlines; NULL = none */
    /* argv[0] is the name, argv[argc] NULL. 0, or bits of the exit status: with 8, 16 or 32 the
     * command has failed (and said why), which ends a script. */
    int (*exec)(struct debug *d, int argc, char **argv);
};

/* Registers a row: the linker collects the pointers of all files. */
#define DEBUG_COMMAND(row)                                    \
    static const struct debug_command *const row##_registered \
        __attribute__((used, section("xsi_commands"))) = &(row)

/* All rows, by group and name; NULL behind the last. */
const struct debug_command *debug_command_at(size_t index);

/* ---------------------------------------------------------------- for commands ---- */

/* Says why a command fails (escaped, "xsrecover: …", to the terminal and the transcript), and
 * returns the status, for `return debug_fail(d, CLI_USAGE, …)`. */
int debug_fail(struct debug *d, unsigned status, const char *fmt, ...) XSI_PRINTF(3, 4);
/* n bytes of the image's text, escaped. */
void debug_text(struct debug *d, const void *text, size_t n);
/* A question, answered by a person: yes. Without a terminal: false unless -y. */
bool debug_ask(struct debug *d, const char *fmt, ...) XSI_PRINTF(2, 3);
/* What was printed so far is shown, and what follows at once: in front of questions and of work
 * that prints by itself. No pager for the rest of the command. */
void debug_flush(struct debug *d);
/* True after Ctrl-C, or when the pager was left: a long loop should end. */
bool debug_stopped(struct debug *d);
/* Run one line. Status as exec's. */
int debug_line(struct debug *d, const char *line);
/* Run the lines of a file until one fails; "-" is standard input. Status as exec's. */
int debug_source(struct debug *d, const char *file);
/* What was typed so far, by index; NULL behind the last. */
const char *debug_history(size_t index);
/* False when there are staged edits that are nowhere in safety, and a person does not agree to
 * lose them (or cannot be asked). */
bool debug_may_leave(struct debug *d);

/*
 * Places in the planned image:
 *     4096, 0x1000, 4k   an offset            .        the current position
 *     #12                chunk number 12      $        the end of the image
 *     HVM_CONTEXT        first chunk of this type at or behind the current position, else the
 *                        first of all         CODE     where the first finding with it is
 *     PLACE+N, PLACE-N
 * A leading '@' ("@0x1000") is allowed. False after a message.
 */
bool debug_place(struct debug *d, const char *text, uint64_t *offset);
/* The chunk that a place, or (only here) a bare number as chunk number, names. A walk that stands
 * on it, for xsi_chunk_fields(); free it with xsi_walk_free(). NULL after a message. */
struct xsi_walk *debug_chunk(struct debug *d, const char *text, const struct xsi_chunk **chunk);
/* What stands at an offset: "byte 3 of LAST_CHECKPOINT, chunk 12 at 0x…"; escaped. Returns out. */
char *debug_what(struct debug *d, uint64_t offset, char *out, size_t size);
/* Make an offset the current position. */
void debug_move(struct debug *d, uint64_t offset);
/* Lines of hex with characters, at most `length` bytes from an offset of the planned image. The
 * bytes from..from+marked-1 are marked (marked 0: none). */
void debug_hex(struct debug *d, uint64_t offset, uint64_t length, uint64_t from, uint64_t marked);

/* The words from argv[first] on, joined by blanks. */
char *debug_words_joined(char *out, size_t size, int argc, char **argv, int first);
/* The same as bytes in hex. Returns their number, 0 after a message. */
size_t debug_words_bytes(struct debug *d, int argc, char **argv, int first, uint8_t *out,
                         size_t size);

/*
 * Stage splices of the planned image as one step, look at the result, and print what it does:
 * the step, what it does to the verdict. Status as exec's.
 */
int debug_stage(struct debug *d, const struct xsi_splice *splices, size_t count,
                const struct xsi_planned *step);
/* After the plan, the reader or d->scan were changed otherwise: a new map; the run is dropped.
 * 0, or a status after a message. */
int debug_look(struct debug *d);
/* Name the reader; a message and false when there is none of this name. Calls debug_look(). */
bool debug_reader(struct debug *d, const char *name);
/* The map's verdict; NULL when there is no reader. */
const struct xsi_verdict *debug_verdict(const struct debug *d);
/* Findings of a map: the walk's, then those that only the reader's verdict makes. False behind the
 * last. */
bool debug_finding(const struct xsi_map *map, size_t index, struct xsi_finding *out);
/* The first with a code or slug, at or behind an offset; false: none. */
bool debug_finding_by(const struct xsi_map *map, const char *code, uint64_t from,
                      struct xsi_finding *out);
/* A step that was staged: what it does, why, what it guessed, what it gives up. */
void debug_planned_print(struct debug *d, const struct xsi_planned *step);
/* "restores on xen-4.1/xapi", "fails on …: reason" in one paragraph, coloured. */
void debug_verdict_print(struct debug *d, const struct xsi_verdict *v);

#endif
