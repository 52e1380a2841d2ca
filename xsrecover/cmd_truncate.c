/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover truncate: end the image earlier. */
#include <inttypes.h>
#include <string.h>

#include "xsrecover.h"

/*
 * Where complete checkpoint number n ends: where the memory stream goes on. What stands between its
 * tail and that place, a device model's state, belongs to it.
 */
static unsigned checkpoint_end(const struct apply *a, const struct look *l, uint64_t n,
                               FILE *transcript, uint64_t *at)
{
    size_t count;
    const struct xsi_map_row *rows = xsi_map_rows(l->map, &count);

    if (n == 0 || n > l->info->checkpoints)
        return fail(transcript, CLI_USAGE, a->file,
                    "--checkpoint %" PRIu64 ": the image holds %u complete checkpoint%s%s", n,
                    l->info->checkpoints, l->info->checkpoints == 1 ? "" : "s",
                    l->info->checkpoints ? ", numbered from 1" : "");
    *at = l->info->stream_end;
    for (size_t i = 0; i < count; i++)
        if (rows[i].checkpoint >= n && strncmp(rows[i].layer, "libxc", 5) == 0) {
            *at = rows[i].offset;
            break;
        }
    return 0;
}

static unsigned place(const struct apply *a, const struct settings *s, uint64_t *at)
{
    struct xsi_error err = { 0, "" };
    unsigned status = 0;
    struct look l;

    *at = s->at;
    if (s->has_at)
        return 0;
    if (!look_at(&l, *a->src, a->as, a->scan, &a->reader, a->reader ? 1 : 0, &err))
        return fail(s->transcript, CLI_OPERATIONAL, a->file, "%s", err.text);
    if (s->has_checkpoint)
        status = checkpoint_end(a, &l, s->checkpoint, s->transcript, at);
    else if (!l.info->stack_length)
        status = fail(s->transcript, CLI_USAGE, a->file,
                      "nothing in it is recognised, so its stream has no end; give --at OFFSET");
    else
        *at = l.info->stream_end;
    look_away(&l);
    return status;
}

/* Only zeros are no loss. */
static bool only_zeros(struct xsi_source *src, uint64_t at)
{
    char block[65536];
    ssize_t got;

    while ((got = xsi_source_read(src, block, sizeof(block), at)) > 0) {
        if (block[0] || memcmp(block, block + 1, (size_t)got - 1))
            return false;
        at += (uint64_t)got;
    }
    return got == 0;
}

static unsigned truncate_stage(struct apply *a, const struct settings *s)
{
    struct xsi_planned step = { .recipe = "truncate" };
    struct xsi_splice cut = { 0 };
    struct xsi_error err = { 0, "" };
    uint64_t size = 0, at;
    unsigned status = 0;

    if (s->has_at + s->end_of_stream + s->has_checkpoint != 1)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "give one of --at OFFSET, --at-end-of-stream and --checkpoint N");
    (void)xsi_source_size(*a->src, &size);
    status = place(a, s, &at);
    if (status)
        return status;
    if (at > size)
        return fail(s->transcript, CLI_USAGE, a->file,
                    "the image ends at 0x%" PRIx64 ", in front of 0x%" PRIx64, size, at);
    if (at == size) {
        line_print(a->term, "plan", "nothing to do: the image ends at 0x%" PRIx64, at);
        return 0;
    }
    cut.offset = at;
    cut.removed = size - at;
    if (!only_zeros(*a->src, at))
        snprintf(step.loses, sizeof(step.loses), "%" PRIu64 " bytes from 0x%" PRIx64 " on",
                 cut.removed, at);
    a->decided = true;
    if (xsi_plan_stage(a->plan, &cut, 1, &step, &err) < 0)
        status = fail(s->transcript, CLI_OPERATIONAL, a->file, "%s", err.text);
    return status;
}

static unsigned truncate_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    (void)argc;
    return change_image(t, s, "truncate", argv[0], truncate_stage);
}

static const struct command row = {
    .name = "truncate",
    .usage = "IMAGE",
    .min = 1,
    .max = 1,
    .options = CHANGE_OPTIONS | OPTION_BIT(AT) | OPTION_BIT(END_OF_STREAM) | OPTION_BIT(CHECKPOINT),
    .help = "End the image at a place, behind its last chunk, or behind a checkpoint.",
    .about = "A device keeps its size: what would be cut off becomes zeros.\n"
             "It is shown, checked and written as `fix` does it, whatever it does to the verdict.",
    .exec = truncate_exec,
};
COMMAND(row);
