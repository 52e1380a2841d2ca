/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reader: whose restore it is. */
#include "debug.h"

static int reader_exec(struct debug *d, int argc, char **argv)
{
    if (argc > 1 && !debug_reader(d, argv[1]))
        return CLI_USAGE;
    if (!d->has_reader) {
        if (argc > 1)
            return debug_fail(d, CLI_USAGE, "%s cannot read this image; `info readers` lists all",
                              d->reader.name);
        fputs("No reader: nothing here is a stream that one could read.\n", d->term.out);
        return 0;
    }
    fprintf(d->term.out, "reader   %s: Xen %s, %s\n", d->reader.name, d->reader.covers,
            d->reader.stream);
    debug_verdict_print(d, debug_verdict(d));
    return 0;
}

static const struct debug_command reader_row = {
    .name = "reader",
    .group = DEBUG_STEP,
    .usage = "[NAME]",
    .max = 1,
    .complete = { DEBUG_ARG_READER },
    .help = "choose the reader (a release's restore code), or show it with its verdict",
    .about = "A reader is the restore code of a release: xen-4.1, xen-4.5/32, xen-4.1/32/xapi, "
             "xen-4.17/libxc. `/32` is a 32-bit toolstack, `/xapi` XenServer's libxc, `/remus` a "
             "checkpointed restore.\n"
             "Verdict, fix, check and the commands that step through a restore go by it. A restore "
             "that was under way is dropped. `info readers` lists them.",
    .exec = reader_exec,
};
DEBUG_COMMAND(reader_row);
