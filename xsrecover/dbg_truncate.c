/* SPDX-License-Identifier: GPL-3.0-or-later */
/* truncate: the image ends earlier. */
#include <inttypes.h>
#include <string.h>

#include "debug.h"

/* Where checkpoint N is complete: the first chunk behind it. */
static bool end_of_checkpoint(const struct debug *d, uint64_t n, uint64_t *offset)
{
    const struct xsi_info *info = xsi_map_info(d->map);
    size_t count;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);

    for (size_t i = 0; i < count; i++) {
        if (row[i].checkpoint >= n) {
            *offset = row[i].offset;
            return true;
        }
    }
    *offset = info->stream_end;
    return info->checkpoints == n;
}

static int place(struct debug *d, int argc, char **argv, uint64_t *offset)
{
    const struct xsi_info *info = xsi_map_info(d->map);
    uint64_t n;

    if (!strcmp(argv[1], "--at-end-of-stream")) {
        *offset = info->stream_end;
        return info->stack_length
                   ? 0
                   : debug_fail(d, CLI_USAGE, "nothing of the image is known as a stream");
    }
    if (!strcmp(argv[1], "--checkpoint")) {
        if (argc < 3 || !cli_number(argv[2], &n) || !n)
            return debug_fail(d, CLI_USAGE, "--checkpoint takes a number, 1 for the first");
        if (!end_of_checkpoint(d, n, offset))
            return debug_fail(d, CLI_USAGE, "the image has %u complete checkpoint%s",
                              info->checkpoints, info->checkpoints == 1 ? "" : "s");
        return 0;
    }
    if (argc > 2)
        return debug_fail(d, CLI_USAGE, "usage: truncate PLACE; help truncate");
    return debug_place(d, argv[1], offset) ? 0 : CLI_USAGE;
}

static int truncate_exec(struct debug *d, int argc, char **argv)
{
    struct xsi_planned step = { .recipe = "truncate", .why = "by hand" };
    struct xsi_splice splice = { 0, 0, NULL, 0 };
    uint64_t size = 0;
    int status = place(d, argc, argv, &splice.offset);

    if (status)
        return status;
    xsi_source_size(xsi_plan_source(d->plan), &size);
    if (splice.offset >= size) {
        fprintf(d->term.out, "nothing to do: the image ends at 0x%" PRIx64 "\n", size);
        return 0;
    }
    splice.removed = size - splice.offset;
    snprintf(step.what, sizeof(step.what),
             "end the image at 0x%" PRIx64 ", %" PRIu64 " bytes earlier", splice.offset,
             splice.removed);
    return debug_stage(d, &splice, 1, &step);
}

static const struct debug_command row = {
    .name = "truncate",
    .group = DEBUG_CHANGE,
    .usage = "PLACE | --at-end-of-stream | --checkpoint N",
    .min = 1,
    .max = 2,
    .complete = { DEBUG_ARG_CHUNK | DEBUG_ARG_OFFSET | DEBUG_ARG_WORDS, 0 },
    .words = "--at-end-of-stream --checkpoint",
    .flags = DEBUG_CHANGES,
    .help = "end the image at a place, its stream's end, or a checkpoint",
    .about = "--at-end-of-stream: drops what stands behind the last known chunk.\n"
             "--checkpoint N: keeps N complete checkpoints of a Remus stream and drops the rest.",
    .exec = truncate_exec,
};
DEBUG_COMMAND(row);
