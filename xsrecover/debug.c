/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session: the image, the plan over it, and what a walk over the planned image has found. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug_internal.h"
#include "xsrecover.h"

static void slot_free(struct debug_slot *slot)
{
    if (slot->data && slot->free)
        slot->free(slot->data);
    *slot = (struct debug_slot){ NULL, NULL };
}

/* ---------------------------------------------------------------- looking ---- */

int debug_look(struct debug *d)
{
    const char *name = d->reader.name;
    const struct xsi_map_options how = {
        .as = d->options->as, .scan = d->scan, .names = &name, .name_count = *name ? 1 : 0
    };
    struct xsi_source *src = xsi_plan_source(d->plan);
    struct xsi_error err = { 0, "out of memory for the planned image" };
    struct xsi_map *map = src ? xsi_map_new(src, &how, &err) : NULL;
    const struct xsi_verdict *v;
    uint64_t size = 0;

    /* A restore reads the image that is no more. */
    slot_free(&d->run);
    if (!map)
        return debug_fail(d, CLI_OPERATIONAL, "%s: %s", d->file, err.text);
    xsi_map_free(d->map);
    d->map = map;
    v = xsi_map_verdict(map, 0);
    d->has_reader = v != NULL;
    if (v) /* the default, once it is known, stays the reader */
        d->reader = v->reader;
    if (xsi_source_size(src, &size) && d->at > size)
        d->at = size;
    return 0;
}

const struct xsi_verdict *debug_verdict(const struct debug *d)
{
    return xsi_map_verdict(d->map, 0);
}

static bool lookup(struct debug *d, const char *name, struct xsi_reader *found)
{
    if (xsi_reader_lookup(name, found))
        return true;
    debug_fail(d, CLI_USAGE, "no reader is called '%s'; xsdump --list-readers lists them", name);
    return false;
}

bool debug_reader(struct debug *d, const char *name)
{
    struct xsi_reader found, before = d->reader;

    if (!lookup(d, name, &found))
        return false;
    d->reader = found;
    if (debug_look(d) == 0)
        return true;
    d->reader = before;
    return false;
}

/* ---------------------------------------------------------------- staging ---- */

/* "restores -> fails", as far as it is known. */
static void print_change(struct debug *d, const char *before)
{
    const struct xsi_verdict *v = debug_verdict(d);

    if (!v)
        return;
    if (*before && strcmp(before, cli_outcome(v->outcome)) != 0)
        fprintf(d->term.out, "was      %s\n", before);
    debug_verdict_print(d, v);
}

void debug_planned_print(struct debug *d, const struct xsi_planned *step)
{
    bool told = !strncmp(step->why, step->what, strlen(step->what));

    /* Many a reason begins with what is done. */
    line_print(&d->term, "staged", "%s: %s", step->recipe, told ? step->why : step->what);
    if (!told && *step->why)
        line_print(&d->term, "", "why: %s", step->why);
    if (*step->guess)
        line_print(&d->term, "", "guessed: %s", step->guess);
    if (*step->loses)
        line_print(&d->term, "", "loses: %s", step->loses);
}

int debug_stage(struct debug *d, const struct xsi_splice *splices, size_t count,
                const struct xsi_planned *step)
{
    const struct xsi_verdict *v = debug_verdict(d);
    const char *before = v ? cli_outcome(v->outcome) : "";
    struct xsi_error err = { 0, "" };
    int rc = xsi_plan_stage(d->plan, splices, count, step, &err);

    if (rc)
        return debug_fail(d, rc == -EINVAL ? CLI_USAGE : CLI_OPERATIONAL, "%s", err.text);
    rc = debug_look(d);
    if (rc) { /* an image that cannot be walked is not staged */
        xsi_plan_undo(d->plan);
        debug_look(d);
        return rc;
    }
    d->dirty = true;
    debug_planned_print(d, xsi_plan_step(d->plan, xsi_plan_steps(d->plan) - 1));
    print_change(d, before);
    return 0;
}

/* ---------------------------------------------------------------- opening ---- */

void debug_close(struct debug *d)
{
    slot_free(&d->run);
    xsi_map_free(d->map);
    xsi_plan_free(d->plan);
    if (d->base)
        xsi_source_free(d->base);
    d->map = NULL;
    d->plan = NULL;
    d->base = NULL;
}

int debug_open(struct debug *d)
{
    struct xsi_error err = { 0, "" };
    const char *why;

    d->dirty = false;
    d->base = xsi_source_open(d->file, NULL, &err);
    why = d->base ? image_unfit(d->base) : NULL;
    if (why)
        return debug_fail(d, CLI_USAGE, "%s: %s", d->file, why);
    d->plan = d->base ? xsi_plan_new(d->base, &err) : NULL;
    if (!d->plan)
        return debug_fail(d, CLI_OPERATIONAL, "%s: %s", d->file, err.text);
    return debug_look(d);
}

static void banner(struct debug *d)
{
    const struct xsi_info *info = xsi_map_info(d->map);
    char name[1024], what[512];
    size_t n;

    fprintf(d->term.out, "image    %s\nstack    ", cli_name(name, sizeof(name), d->file));
    for (size_t i = 0; i < info->stack_length; i++)
        fprintf(d->term.out, "%s%s", i ? " > " : "", info->stack[i]);
    fputs(info->stack_length ? "\n" : "nothing that is known\n", d->term.out);
    xsi_map_findings(d->map, &n);
    fprintf(d->term.out, "found    %zu finding%s; `findings` lists them\n", n, n == 1 ? "" : "s");
    if (debug_verdict(d))
        debug_verdict_print(d, debug_verdict(d));
    if (d->options->has_at)
        line_print(&d->term, "at", "0x%08" PRIx64 "  %s", d->at,
                   debug_what(d, d->at, what, sizeof(what)));
    fputs("Nothing is written before `commit`. `help` lists the commands.\n", d->term.out);
}

/* --at: 0, or a status after a message. */
static int named_place(struct debug *d)
{
    uint64_t size;

    if (!d->options->has_at)
        return 0;
    if (xsi_source_size(d->base, &size) && d->options->at > size)
        return debug_fail(d, CLI_USAGE,
                          "--at 0x%" PRIx64 " lies behind the end of the image, 0x%" PRIx64,
                          d->options->at, size);
    debug_move(d, d->options->at);
    return 0;
}

static bool named_reader(struct debug *d)
{
    return !d->options->reader || lookup(d, d->options->reader, &d->reader);
}

static unsigned session(struct debug *d)
{
    struct xsi_journal_info earlier;
    unsigned status;
    int rc;

    debug_output_begin(d, false);
    rc = named_reader(d) ? debug_open(d) : CLI_USAGE;
    rc = rc ? rc : named_place(d);
    if (rc == 0) {
        (void)cli_interrupted(d->file, &earlier); /* it has said so */
        if (d->terminal && !d->options->command_count && !d->options->script_count)
            banner(d);
    }
    debug_output_end(d);
    if (rc)
        return (unsigned)rc;
    debug_signals(true);
    status = debug_input_run(d);
    debug_signals(false);
    return status;
}

unsigned debug_image(const struct cli_term *t, const char *file, const struct debug_options *o)
{
    struct debug d = { .file = file, .options = o };
    unsigned status = CLI_OPERATIONAL;

    if (debug_output_new(&d, t))
        status = session(&d);
    else
        cli_error(file, "out of memory");
    debug_close(&d);
    slot_free(&d.points);
    debug_output_free(&d);
    return status;
}
