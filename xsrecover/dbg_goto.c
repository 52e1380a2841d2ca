/* SPDX-License-Identifier: GPL-3.0-or-later */
/* goto: the current position. */
#include <inttypes.h>

#include "debug.h"

static int goto_exec(struct debug *d, int argc, char **argv)
{
    uint64_t offset = d->at;
    char text[512];

    if (argc > 1 && !debug_place(d, argv[1], &offset))
        return CLI_USAGE;
    debug_move(d, offset);
    fprintf(d->term.out, "0x%08" PRIx64 "  %s\n", offset,
            debug_what(d, offset, text, sizeof(text)));
    return 0;
}

static const struct debug_command row = {
    .name = "goto",
    .aliases = "g",
    .group = DEBUG_LOOK,
    .usage = "[PLACE]",
    .max = 1,
    .complete = { DEBUG_ARG_CHUNK | DEBUG_ARG_OFFSET | DEBUG_ARG_CODE },
    .help = "make a place the current position, or say where that is",
    .about = "A PLACE is\n"
             "  4096, 0x1000, 4k  an offset in the image with its staged edits\n"
             "  #12               chunk number 12\n"
             "  HVM_CONTEXT       the next chunk of this type from the current position on, else "
             "the first\n"
             "  XS-L09            where the first finding with this code is\n"
             "  .  and  $         the current position; the end of the image\n"
             "  PLACE+8, PLACE-4  bytes behind or in front of it\n"
             "Where a command takes a CHUNK, a bare number is a chunk's number, and @0x1000 the "
             "chunk that holds an offset.",
    .exec = goto_exec,
};
DEBUG_COMMAND(row);
