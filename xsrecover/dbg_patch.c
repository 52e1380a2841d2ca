/* SPDX-License-Identifier: GPL-3.0-or-later */
/* patch, insert, delete: bytes by offset. */
#include <string.h>

#include "debug.h"

#define BYTES_MAX 2048

static int stage(struct debug *d, const char *name, uint64_t offset, uint64_t removed,
                 const uint8_t *bytes, size_t n)
{
    const struct xsi_splice splice = { offset, removed, bytes, n };
    struct xsi_planned step = { .why = "by hand" };

    snprintf(step.recipe, sizeof(step.recipe), "%s", name);
    debug_move(d, offset);
    return debug_stage(d, &splice, 1, &step);
}

/* False after a message: the edit would reach beyond the image. */
static bool fits(struct debug *d, uint64_t offset, uint64_t n)
{
    uint64_t size = 0;

    xsi_source_size(xsi_plan_source(d->plan), &size);
    if (offset <= size && n <= size - offset)
        return true;
    debug_fail(d, CLI_USAGE, "the image ends at 0x%llx, %llu bytes behind that place",
               (unsigned long long)size, (unsigned long long)(size - offset));
    return false;
}

static int patch_exec(struct debug *d, int argc, char **argv)
{
    uint8_t bytes[BYTES_MAX];
    uint64_t offset;
    size_t n;

    if (!debug_place(d, argv[1], &offset))
        return CLI_USAGE;
    n = debug_words_bytes(d, argc, argv, 2, bytes, sizeof(bytes));
    if (!n || !fits(d, offset, n))
        return CLI_USAGE;
    return stage(d, argv[0], offset, n, bytes, n);
}

static int insert_exec(struct debug *d, int argc, char **argv)
{
    uint8_t bytes[BYTES_MAX];
    uint64_t offset;
    size_t n;

    if (!debug_place(d, argv[1], &offset))
        return CLI_USAGE;
    n = debug_words_bytes(d, argc, argv, 2, bytes, sizeof(bytes));
    return n ? stage(d, argv[0], offset, 0, bytes, n) : CLI_USAGE;
}

static int delete_exec(struct debug *d, int argc, char **argv)
{
    uint64_t offset, n;

    (void)argc;
    if (!debug_place(d, argv[1], &offset))
        return CLI_USAGE;
    if (!cli_number(argv[2], &n) || !n)
        return debug_fail(d, CLI_USAGE, "'%s' is no number of bytes", argv[2]);
    return fits(d, offset, n) ? stage(d, argv[0], offset, n, NULL, 0) : CLI_USAGE;
}

#define PLACES (DEBUG_ARG_CHUNK | DEBUG_ARG_OFFSET | DEBUG_ARG_CODE)

static const struct debug_command patch = {
    .name = "patch",
    .group = DEBUG_CHANGE,
    .usage = "PLACE HEX",
    .min = 2,
    .max = -1,
    .complete = { PLACES, 0 },
    .flags = DEBUG_CHANGES,
    .help = "replace bytes by as many others: patch 0x1000 f7 ff ff ff",
    .exec = patch_exec,
};
DEBUG_COMMAND(patch);

static const struct debug_command insert = {
    .name = "insert",
    .group = DEBUG_CHANGE,
    .usage = "PLACE HEX",
    .min = 2,
    .max = -1,
    .complete = { PLACES, 0 },
    .flags = DEBUG_CHANGES,
    .help = "insert bytes; what stands behind them moves",
    .exec = insert_exec,
};
DEBUG_COMMAND(insert);

static const struct debug_command delete = {
    .name = "delete",
    .group = DEBUG_CHANGE,
    .usage = "PLACE N",
    .min = 2,
    .max = 2,
    .complete = { PLACES, 0 },
    .flags = DEBUG_CHANGES,
    .help = "remove N bytes; what stands behind them moves",
    .about = "`delete HVM_CONTEXT 8236`: the length of a chunk stands in list.",
    .exec = delete_exec,
};
DEBUG_COMMAND(delete);
