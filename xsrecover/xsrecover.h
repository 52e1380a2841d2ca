/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one-shot commands of xsrecover. A command is one file (cmd_*.c) with one row, and no other
 * place:
 *
 *     static const struct command row = {
 *         .name = "undo", .usage = "FILE [IMAGE]", .min = 1, .max = 2,
 *         .options = OPTION_BIT(SHOW) | OPTION_BIT(YES),
 *         .help = "Give an image back the bytes that a write replaced.",
 *         .exec = undo_exec,
 *     };
 *     COMMAND(row);
 *
 * Its options are rows of options.def, which commands share; --help and the table of the manual
 * page are made of both. Whatever changes an image stages a plan and gives it to apply_plan(),
 * which shows it, asks, and has it written.
 */
#ifndef XSRECOVER_H
#define XSRECOVER_H

#include "cli/cli.h"
#include <xsi_edit.h>

#define CANCELLED 32U /* bit of the exit status: a person, or nobody, said no */

/* ---------------------------------------------------------------- settings ---- */

enum option_id {
#define OPTION(id, letter, name, argument, group, help) OPT_##id,
#include "options.def"
#undef OPTION
    OPT_COUNT
};
#define OPTION_BIT(id) (1ULL << OPT_##id)
/* Of every command that goes through change_image(). */
#define CHANGE_OPTIONS                                                                             \
    (OPTION_BIT(TARGET) | OPTION_BIT(AS) | OPTION_BIT(SCAN) | OPTION_BIT(OUT) |                    \
     OPTION_BIT(IN_PLACE) | OPTION_BIT(UNDO) | OPTION_BIT(ASSUME_UNUSED) | OPTION_BIT(SAVE_PLAN) | \
     OPTION_BIT(YES) | OPTION_BIT(SAFE) | OPTION_BIT(SHOW) | OPTION_BIT(LOG))

#define TARGETS_MAX 16
#define SCRIPTS_MAX 64
#define PATCHES_MAX 256

/* --at, with one of --set, --insert, --delete. */
struct patch {
    uint64_t at, removed;
    uint8_t *bytes; /* owned */
    size_t length;
    bool overwrites; /* --set: removed == length */
};

struct settings {
    const char *targets[TARGETS_MAX]; /* -t; none: the default of the image's container */
    size_t target_count;
    const char *as;
    bool scan;

    const char *out; /* -o; "-" = standard output */
    bool in_place, yes, safe, show_only, assume_unused;
    const char *undo, *save_plan, *plan, *pieces, *log;

    const char *to, *spool, *config; /* of a conversion */
    bool list_targets, fix, drop, force, zero_unreadable, skip_emulator;

    const char *via; /* "libxc", "xl"; of a restore */
    bool has_into, paused;
    uint64_t into;
    enum xsi_guest guest;

    bool secrets, raw;         /* of config */
    const char *const *words;  /* arguments behind the image that are a part of the command */
    size_t word_count;

    const char *recipe, *code;
    bool has_at, end_of_stream, has_checkpoint;
    uint64_t at, checkpoint;
    struct patch patch[PATCHES_MAX];
    size_t patch_count;

    const char *commands[SCRIPTS_MAX], *scripts[SCRIPTS_MAX]; /* -c, -f: of the debugger */
    size_t command_count, script_count;
    bool allow_shell, version, help;

    FILE *transcript; /* --log, open; NULL = none */
};

/* ---------------------------------------------------------------- command rows ---- */

struct command {
    const char *name;  /* "fix" */
    const char *usage; /* its arguments: "IMAGE" */
    int min, max;      /* how many; max -1 = any number */
    uint64_t options;  /* OPTION_BIT() of those that it takes; --help is every command's */
    const char *help;  /* one sentence */
    const char *about; /* paragraphs behind --help, separated by newlines; NULL = none */
    /* argv[0] is the first argument. Exit status. */
    unsigned (*exec)(const struct cli_term *t, struct settings *s, int argc, char **argv);
};

/* Registers a row: the linker collects the pointers of all files. */
#define COMMAND(row)                                    \
    static const struct command *const row##_registered \
        __attribute__((used, section("xsrecover_rows"))) = &(row)

/* All rows by name; NULL behind the last. */
const struct command *command_at(size_t index);
const struct command *command_lookup(const char *name);
/* --help of one command. */
void command_help(const struct cli_term *t, const struct command *c);
/* Usage, and all commands. */
void commands_help(const struct cli_term *t);

/* ---------------------------------------------------------------- options.c ---- */

/* Options of a command; the arguments are argv[return value] and behind. -1 after a message. */
int settings_parse(struct settings *s, const struct command *c, int argc, char **argv);
void settings_free(struct settings *s);
/* The rows of a command's options. Returns their number; ids in `id` when it is not NULL. */
size_t settings_rows(const struct command *c, struct cli_option *rows, enum option_id *id);

/* ---------------------------------------------------------------- transcript.c ---- */

/*
 * --log: what is printed on t goes to a file too. The file is new, or a transcript that grows.
 * 0, or a status after a message.
 */
unsigned transcript_open(struct settings *s, struct cli_term *t, int argc, char **argv);
/* Ends it; t is what it was. False when it could not be written. */
bool transcript_close(struct settings *s, struct cli_term *t, unsigned status);
/* An error message (cli_error) that stands in the transcript too. Returns status. */
unsigned fail(FILE *transcript, unsigned status, const char *file, const char *fmt, ...)
    XSI_PRINTF(4, 5);

/* ---------------------------------------------------------------- image.c ---- */

/* An image as it was opened, or the plan over it: what a walk and its judge found. */
struct look {
    struct xsi_map *map;
    const struct xsi_info *info;
    const struct xsi_verdict *verdict; /* of the first reader; NULL: nobody can read it */
    size_t errors;                     /* findings that say it is broken */
    unsigned exit;                     /* as xsdump would say for these readers */
};

/* reader NULL: the default one. False with err. */
bool look_at(struct look *l, struct xsi_source *src, const char *as, bool scan,
             const char *const *readers, size_t count, struct xsi_error *err);
void look_away(struct look *l);
/* A is better for its reader than B is. */
bool look_better(const struct look *a, const struct look *b);

/* Why no plan can be laid over it (compressed, a pipe), with what helps; NULL when one can. */
const char *image_unfit(const struct xsi_source *src);
/* An image that an interrupted write has left half written is not worked on before it is rolled
 * back: what is judged and copied would be neither the old nor the new one. 0, or a status after
 * the message that names the command. */
unsigned image_half_written(FILE *transcript, const char *file);
/*
 * Open an image that a plan can be laid over: a file or a block device, not compressed, not half
 * written (for --in-place it offers on a terminal to roll that back). NULL after a message; *status
 * then says why.
 */
struct xsi_source *image_open(const struct cli_term *t, const struct settings *s, const char *file,
                              unsigned *status);
/* "image    web.img  file, 178032 bytes (stream ends at …)". */
void image_print(const struct cli_term *t, const char *file, struct xsi_source *src,
                 const struct look *l);

/* ---------------------------------------------------------------- lines.c ---- */

#define LINE_INDENT 9 /* columns of "VERDICT  " */

/* "recheck  text", wrapped; name "" continues the one before. */
void line_print(const struct cli_term *t, const char *name, const char *fmt, ...) XSI_PRINTF(3, 4);
/* "before   fails on xen-4.1: …"; with the reader's own error lines when `log` is set. */
void verdict_print(const struct cli_term *t, const char *name, const struct xsi_verdict *v,
                   bool log);
/*
 * One question to a person: true for yes. Without a terminal on standard input there is nobody.
 * `yes` answers it without asking.
 */
bool somebody_there(void);
bool ask(const struct cli_term *t, FILE *transcript, const char *fmt, ...) XSI_PRINTF(3, 4);
/* In front of a write: what was said about it, and what will be, gets to somebody. 0, or a status
 * after a message. */
unsigned output_check(const struct cli_term *t, FILE *transcript, const char *file);

/* ---------------------------------------------------------------- apply.c ---- */

/*
 * A plan on its way to the disk, whoever made it: `fix`, `patch`, `truncate`, the debugger's
 * `commit`. The image's source and the plan stay the caller's, but after a write in place *src is
 * NULL (freed) and the plan detached.
 */
struct apply {
    const struct cli_term *term;
    FILE *transcript; /* for errors; NULL = none */
    const char *file;
    struct xsi_source **src; /* the base of the plan */
    struct xsi_plan *plan;

    const char *reader; /* NULL = the default one */
    const char *as;
    bool scan;

    const char *out; /* NULL and not in_place: it is only shown */
    bool in_place;
    bool yes;       /* no question */
    bool safe;      /* -p: no question, but nothing that loses or guesses */
    bool show_only; /* -n */
    bool brief;     /* in front of a write that nobody is asked about: only plan and recheck */
    bool decided;   /* a person named each edit: it is written even when no verdict gets better */
    bool fit;       /* spare zeros behind the stream take up what it grows or shrinks by */
    const char *pieces, *save_plan;
    const char *again; /* the command as it was given, to be shown with -o or --in-place; or NULL */
    struct xsi_mended *mended; /* what could not be mended is shown; or NULL */
    struct xsi_write_options how;

    /* ---- what came of it ---- */
    bool written;
    struct xsi_written result;
};

/* Fits, checks and shows the plan, asks, and writes. Returns the exit status. */
unsigned apply_plan(struct apply *a);
/* The options of a command as members of an apply. */
void apply_settings(struct apply *a, const struct settings *s);
/* What was tried and could not be done. */
void refusals_print(const struct cli_term *t, const struct xsi_mended *m);

/* ---------------------------------------------------------------- change.c ---- */

/*
 * What the changing commands have in common: open the image, lay a plan over it, let `stage` put
 * steps into it, then apply_plan(). stage returns a status; with a->plan still empty and 0 it has
 * printed all there is to say.
 */
unsigned change_image(const struct cli_term *t, struct settings *s, const char *command,
                      const char *file,
                      unsigned (*stage)(struct apply *a, const struct settings *s));

#endif
