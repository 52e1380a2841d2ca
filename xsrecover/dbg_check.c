/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check: what a reader thinks of the image as it is planned. findings: what is wrong with it. */
#include <errno.h>

#include "debug.h"
#include "xsrecover.h"

static void put_findings(struct debug *d, const struct xsi_map *map)
{
    struct xsi_finding f;
    size_t i;

    for (i = 0; debug_finding(map, i, &f) && !debug_stopped(d); i++)
        cli_finding_print(&d->term, &f);
    if (!i)
        fputs("no findings\n", d->term.out);
}

static int check_exec(struct debug *d, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : d->reader.name;
    struct xsi_error err = { 0, "" };
    struct look l;

    if (!look_at(&l, xsi_plan_source(d->plan), d->options->as, d->scan, &name, *name ? 1 : 0, &err))
        return debug_fail(d, err.code == EINVAL ? CLI_USAGE : CLI_OPERATIONAL, "%s", err.text);
    put_findings(d, l.map);
    verdict_print(&d->term, "verdict", l.verdict, true);
    if (l.verdict && l.verdict->outcome != XSI_RESTORES && *l.verdict->fix)
        line_print(&d->term, "next",
                   cli_fix_certain(l.verdict, l.info) ? "fix   (recipe %s)"
                                                      : "fix   (it tries what is known)",
                   l.verdict->fix);
    d->checked = l.exit;
    look_away(&l);
    /* What is wrong with the image is no failure of the command. */
    return (int)(d->checked & ~(unsigned)(CLI_USAGE | CLI_OPERATIONAL));
}

static const struct debug_command row = {
    .name = "check",
    .group = DEBUG_CHANGE,
    .usage = "[READER]",
    .max = 1,
    .complete = { DEBUG_ARG_READER },
    .help = "findings and verdict of the image with its staged edits",
    .about = "READER: for another reader than the session's; nothing else changes.\n"
             "The exit status of a script that did not fail is that of its last check.",
    .exec = check_exec,
};
DEBUG_COMMAND(row);

static int findings_exec(struct debug *d, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    put_findings(d, d->map);
    return 0;
}

static const struct debug_command findings = {
    .name = "info findings",
    .aliases = "findings",
    .group = DEBUG_LOOK,
    .help = "what is wrong or remarkable, with code and offset",
    .about = "The image with its staged edits. What a code means here: why CODE.",
    .exec = findings_exec,
};
DEBUG_COMMAND(findings);
