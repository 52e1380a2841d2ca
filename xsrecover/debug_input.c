/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where command lines come from: -c, -f, `source`, a pipe, a person. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug_internal.h"

#define DEPTH_MAX 8 /* scripts within scripts */

int debug_input_line(struct debug *d, const char *line)
{
    int status;

    debug_interrupted(true);
    debug_output_echo(d, DEBUG_PROMPT, line);
    debug_output_begin(d, true);
    status = debug_line(d, line);
    debug_output_end(d);
    return status;
}

static int lines(struct debug *d, FILE *in, const char *file)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    int status = 0;
    bool top = d->depth == 0;

    d->depth++;
    while (!d->quit && !(status & (int)DEBUG_FAILED) && getline(&line, &size, in) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        number++;
        if (top) {
            status = debug_input_line(d, line);
        } else {
            debug_output_echo(d, DEBUG_PROMPT, line);
            status = debug_line(d, line);
        }
        if (debug_interrupted(false))
            status |= (int)DEBUG_CANCELLED;
    }
    d->depth--;
    free(line);
    if (status & (int)DEBUG_FAILED)
        debug_fail(d, 0, "%s ended at line %zu", file, number);
    return status;
}

int debug_source(struct debug *d, const char *file)
{
    FILE *in;
    int status;

    if (d->depth >= DEPTH_MAX)
        return debug_fail(d, CLI_USAGE, "%s: scripts within scripts, more than %d deep", file,
                          DEPTH_MAX);
    if (!strcmp(file, "-"))
        return lines(d, stdin, "the script");
    in = fopen(file, "re");
    if (!in)
        return debug_fail(d, CLI_OPERATIONAL, "%s: %s", file, strerror(errno));
    status = lines(d, in, file);
    (void)fclose(in);
    return status;
}

bool debug_may_leave(struct debug *d)
{
    size_t steps = xsi_plan_steps(d->plan);
    char question[160];

    if (!d->dirty || !steps)
        return true;
    snprintf(question, sizeof(question),
             "%zu staged step%s not written (commit, plan save). Leave?", steps,
             steps == 1 ? " was" : "s were");
    /* Nobody there any more: what was at the other end of the terminal cannot answer later. */
    return d->terminal && debug_output_ask(d, question) != 0;
}

/* A script's end with staged edits: they are lost, and that is said. */
static unsigned end(struct debug *d, unsigned status)
{
    if (status || d->quit || !d->dirty || !xsi_plan_steps(d->plan))
        return status ? status : d->checked;
    return (unsigned)debug_fail(d, DEBUG_CANCELLED,
                                "staged edits were not written: end with `commit` or `plan save`, "
                                "or with `quit -f` to drop them");
}

unsigned debug_input_run(struct debug *d)
{
    const struct debug_options *o = d->options;
    unsigned status = 0;

    if (!o->command_count && !o->script_count && d->terminal) {
        debug_prompt(d);
        return d->checked;
    }
    for (size_t i = 0; i < o->command_count && !d->quit && !status; i++)
        status = (unsigned)debug_input_line(d, o->commands[i]) & DEBUG_FAILED;
    for (size_t i = 0; i < o->script_count && !d->quit && !status; i++)
        status = (unsigned)debug_source(d, o->scripts[i]) & DEBUG_FAILED;
    if (!o->command_count && !o->script_count)
        status = (unsigned)debug_source(d, "-") & DEBUG_FAILED;
    return end(d, status);
}
