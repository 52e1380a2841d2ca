/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run, continue, step, next, back: the reader goes on, or again. */
#include <inttypes.h>

#include "run_session.h"

#define STEPS_SHOWN 1000 /* reads of one `step N` that are printed */

/* The restore that goes on; NULL when it is over, after a message. */
static struct run_session *going(struct debug *d)
{
    struct run_session *s = run_open(d);

    if (!s)
        return NULL;
    s->shown = 0;
    if (!s->play->over)
        return s;
    debug_fail(d, CLI_USAGE, "the restore is over; `run` begins it anew");
    return NULL;
}

static int ended(struct debug *d, const struct run_session *s)
{
    run_show_end(d, s);
    return 0;
}

/* The read at which it goes wrong: what that leads to. */
static void show_trouble(struct debug *d, const struct run_session *s)
{
    const struct replay_future *f = &s->play->future;

    /* the line can come later than the read, behind what needs no other read */
    if (!s->play->errors && *f->error && s->play->reads == f->bad_read)
        fprintf(d->term.out, "  later   %s error: %s\n", f->who, f->error);
    debug_verdict_print(d, &f->verdict);
    if (*f->verdict.fix)
        fprintf(d->term.out, "next     `fix` stages %s; `info state`, `where`, `continue`\n",
                f->verdict.fix);
    else
        fprintf(d->term.out, "next     `info state`, `where`, `log`, `continue`\n");
}

/* Stop at the read at hand: say why, show it. */
static int stop(struct debug *d, struct run_session *s)
{
    const char *wrong = replay_wrong(s->play);

    if (*wrong)
        fprintf(d->term.out, "%sstopped: %s%s\n", cli_colour(&d->term, CLI_RED), wrong,
                cli_colour(&d->term, CLI_PLAIN));
    run_show_read(d, s);
    run_settle(d, s, true);
    if (*wrong)
        show_trouble(d, s);
    return 0;
}

/* ---------------------------------------------------------------- run, continue ---- */

static int go_on(struct debug *d, struct run_session *s)
{
    bool points = run_points_any(d);

    while (run_step(d, s, false, points)) {
        bool hit = points && run_points_hit(d, s);

        if (hit || *replay_wrong(s->play))
            return stop(d, s);
        run_settle(d, s, false);
        if ((points && run_points_error(d, s)) || debug_stopped(d))
            return stop(d, s);
    }
    return ended(d, s);
}

static int run_exec(struct debug *d, int argc, char **argv)
{
    struct run_session *s = run_restart(d);

    (void)argc;
    (void)argv;
    if (!s)
        return CLI_USAGE;
    fprintf(d->term.out, "reader   %s\n", d->reader.name);
    return go_on(d, s);
}

static int continue_exec(struct debug *d, int argc, char **argv)
{
    struct run_session *s = going(d);

    (void)argc;
    (void)argv;
    return s ? go_on(d, s) : CLI_USAGE;
}

/* ---------------------------------------------------------------- step, next ---- */

static bool times(struct debug *d, int argc, char **argv, uint64_t *n)
{
    *n = 1;
    if (argc < 2 || (cli_number(argv[1], n) && *n))
        return true;
    debug_fail(d, CLI_USAGE, "how many times? %s 10", argv[0]);
    return false;
}

static int step_exec(struct debug *d, int argc, char **argv)
{
    struct run_session *s;
    uint64_t n;

    if (!times(d, argc, argv, &n) || !(s = going(d)))
        return CLI_USAGE;
    for (uint64_t i = 1; run_step(d, s, true, run_points_any(d)); i++) {
        if (i == n || debug_stopped(d))
            return stop(d, s);
        if (i <= STEPS_SHOWN)
            run_show_line(d, s);
        else if (i == STEPS_SHOWN + 1)
            fputs("...\n", d->term.out);
        run_settle(d, s, i <= STEPS_SHOWN);
    }
    return ended(d, s);
}

/* Until the reader reads in another chunk than where it stands. */
static bool leave_chunk(struct debug *d, struct run_session *s)
{
    const struct xsi_map_row *from = s->row;

    while (run_step(d, s, true, run_points_any(d))) {
        if (s->row != from || s->play->reads == 1 || *replay_wrong(s->play) || debug_stopped(d))
            return true;
        run_settle(d, s, true);
    }
    return false;
}

static int next_exec(struct debug *d, int argc, char **argv)
{
    struct run_session *s;
    uint64_t n;

    if (!times(d, argc, argv, &n) || !(s = going(d)))
        return CLI_USAGE;
    for (uint64_t i = 1; leave_chunk(d, s); i++) {
        if (i == n || *replay_wrong(s->play) || debug_stopped(d))
            return stop(d, s);
        if (i <= STEPS_SHOWN)
            run_show_line(d, s);
        run_settle(d, s, i <= STEPS_SHOWN);
    }
    return ended(d, s);
}

/* ---------------------------------------------------------------- back ---- */

static int back_exec(struct debug *d, int argc, char **argv)
{
    struct run_session *s = d->run.data;
    uint64_t n, at;

    if (!times(d, argc, argv, &n))
        return CLI_USAGE;
    if (!s || !s->play->reads)
        return debug_fail(d, CLI_USAGE, "no restore is under way; `run` or `step` begins one");
    at = s->play->reads + s->play->over; /* the end counts as one */
    if (at == 1)
        return debug_fail(d, CLI_USAGE, "this is the first read");
    s->shown = 0;
    return run_to(d, s, at > n ? at - n : 1) ? stop(d, s) : (int)DEBUG_CANCELLED;
}

/* ---------------------------------------------------------------- rows ---- */

static const struct debug_command run_row = {
    .name = "run",
    .aliases = "r",
    .group = DEBUG_STEP,
    .help = "restore from the beginning, up to the first stop",
    .about = "The reader (see `reader`) restores the image as it is planned now; nothing is "
             "written and no domain is made. It stops at breakpoints, where a watched state "
             "changes, at the read that goes wrong, and at the end, with the verdict.\n"
             "The read that goes wrong is the one behind which the first error is logged. If the "
             "verdict is about bytes of another chunk, it stops there too.\n"
             "At each stop the offset of the read becomes the current position: x/16xb . shows "
             "the bytes there.",
    .exec = run_exec,
};
DEBUG_COMMAND(run_row);

static const struct debug_command continue_row = {
    .name = "continue",
    .aliases = "c",
    .group = DEBUG_STEP,
    .flags = DEBUG_REPEAT,
    .help = "go on to the next stop: see `run`",
    .exec = continue_exec,
};
DEBUG_COMMAND(continue_row);

static const struct debug_command step_row = {
    .name = "step",
    .aliases = "s",
    .group = DEBUG_STEP,
    .usage = "[N]",
    .max = 1,
    .flags = DEBUG_REPEAT,
    .help = "go on by one read, or N of them",
    .about = "Shows who reads how much and what for, the bytes, and what really stands there. "
             "Without a restore under way it begins one. It does not stop at breakpoints.",
    .exec = step_exec,
};
DEBUG_COMMAND(step_row);

static const struct debug_command next_row = {
    .name = "next",
    .aliases = "n",
    .group = DEBUG_STEP,
    .usage = "[N]",
    .max = 1,
    .flags = DEBUG_REPEAT,
    .help = "go on until the reader stands in another chunk, N times",
    .about = "Chunks are those of the listing; what the reader takes them for may be another "
             "thing. It stops early at the read that goes wrong.",
    .exec = next_exec,
};
DEBUG_COMMAND(next_row);

static const struct debug_command back_row = {
    .name = "back",
    .group = DEBUG_STEP,
    .usage = "[N]",
    .max = 1,
    .flags = DEBUG_REPEAT,
    .help = "go back by one read, or N of them",
    .about = "Shows that read as `step` does; what the reader knows and has logged is what it was "
             "then. It runs the restore again up to there, so on a large image it takes as long as "
             "that. It does not stop at breakpoints. From the end it goes to the last read.",
    .exec = back_exec,
};
DEBUG_COMMAND(back_row);
