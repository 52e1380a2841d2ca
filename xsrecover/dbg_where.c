/* SPDX-License-Identifier: GPL-3.0-or-later */
/* where, info state, log: what a restore has come to. */
#include <inttypes.h>
#include <string.h>

#include "run_session.h"

/* A restore of which there is something to tell; else a message. */
static struct run_session *begun(struct debug *d)
{
    struct run_session *s = d->run.data;

    if (s && s->play->reads) {
        if (!s->play->over)
            replay_facts(s->play);
        return s;
    }
    debug_fail(d, CLI_USAGE, "no restore is under way; `run` or `step` begins one");
    return NULL;
}

/* ---------------------------------------------------------------- where ---- */

static int where_exec(struct debug *d, int argc, char **argv)
{
    struct run_session *s = begun(d);
    unsigned frame = 0;

    (void)argc;
    (void)argv;
    if (!s)
        return CLI_USAGE;
    if (s->play->over) {
        run_show_end(d, s);
        return 0;
    }
    for (size_t i = s->play->parts; i--;) {
        if (!s->play->part[i].live)
            continue;
        fprintf(d->term.out, "#%u  %s%s%s\n", frame, s->play->part[i].who,
                frame ? ", which called it" : " of ", frame ? "" : d->reader.name);
        frame++;
    }
    fprintf(d->term.out, "read %" PRIu64 " of %" PRIu64 "; it stands at 0x%" PRIx64 "; last:\n",
            s->play->reads, s->play->future.reads, xsi_run_position(s->play->run));
    run_show_read(d, s);
    return 0;
}

static const struct debug_command where_row = {
    .name = "where",
    .aliases = "bt",
    .group = DEBUG_STEP,
    .help = "where the restore is: parts that are at work, the last read, the chunk",
    .exec = where_exec,
};
DEBUG_COMMAND(where_row);

/* ---------------------------------------------------------------- info state ---- */

static void show_fact(struct debug *d, const struct replay_fact *f)
{
    const char *help = f->help ? f->help : "";
    char text[200];
    int n;

    replay_fact_text(f, text, sizeof(text));
    n = fprintf(d->term.out, "  %-16s %-17s ", f->name, text);
    if (f->kind == XSI_TEXT && strlen(text) > 17) { /* words of its own */
        fputc('\n', d->term.out);
        return;
    }
    if (d->term.width > (unsigned)n)
        fprintf(d->term.out, "%.*s\n", (int)cli_fit(help, d->term.width - (unsigned)n), help);
    else
        fprintf(d->term.out, "%s\n", help);
}

static int state_exec(struct debug *d, int argc, char **argv)
{
    bool all = argc > 1 && !strcmp(argv[1], "all");
    struct run_session *s = begun(d);
    const struct replay_fact *f;

    if (!s)
        return CLI_USAGE;
    if (argc > 1 && !all) {
        f = replay_fact_find(s->play, argv[1], false);
        if (!f)
            return debug_fail(d, CLI_USAGE, "nothing is called '%s'; info state all", argv[1]);
        show_fact(d, f);
        return 0;
    }
    for (size_t i = s->play->parts; i--;) {
        const struct replay_part *part = &s->play->part[i];

        if (!part->who || part->old || (!part->live && !s->play->over))
            continue;
        fprintf(d->term.out, "%s%s%s%s\n", cli_colour(&d->term, CLI_BOLD), part->who,
                cli_colour(&d->term, CLI_PLAIN), part->live ? "" : " (has returned)");
        for (size_t k = 0; k < part->count; k++)
            if (all || !replay_fact_empty(&part->fact[k]))
                show_fact(d, &part->fact[k]);
    }
    return 0;
}

static const struct debug_command state_row = {
    .name = "info state",
    .group = DEBUG_STEP,
    .usage = "[all | NAME]",
    .max = 1,
    .complete = { DEBUG_ARG_WORDS },
    .words = "all",
    .help = "what the restore knows: checkpoints, last_checkpoint, vCPU map, pages, ...",
    .about = "Part by part, the innermost first. `all` shows also what is not set. `watch NAME` "
             "stops where one of them changes.",
    .exec = state_exec,
};
DEBUG_COMMAND(state_row);

/* ---------------------------------------------------------------- log ---- */

static int log_exec(struct debug *d, int argc, char **argv)
{
    struct run_session *s = begun(d);
    const struct replay *play;
    uint64_t n = REPLAY_LINES, first;

    if (!s)
        return CLI_USAGE;
    play = s->play;
    if (argc > 1 && !cli_number(argv[1], &n))
        return debug_fail(d, CLI_USAGE, "how many lines? log 20");
    n = n < REPLAY_LINES ? n : REPLAY_LINES;
    first = play->lines > n ? play->lines - n : 0;
    if (!play->lines)
        fputs("It has logged nothing so far.\n", d->term.out);
    else if (first)
        fprintf(d->term.out, "(%" PRIu64 " lines before these)\n", first);
    for (uint64_t i = first; i < play->lines && !debug_stopped(d); i++) {
        const struct replay_line *line = &play->line[i % REPLAY_LINES];

        run_show_log(d, line->level, line->who, line->text ? line->text : "");
    }
    return 0;
}

static const struct debug_command log_row = {
    .name = "log",
    .group = DEBUG_STEP,
    .usage = "[N]",
    .max = 1,
    .help = "what the reader has logged so far, or its last N lines",
    .about = "In the words of its release. `xsdump --explain LINE` tells what a line means.",
    .exec = log_exec,
};
DEBUG_COMMAND(log_row);
