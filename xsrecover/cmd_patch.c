/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover patch: bytes that somebody names. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "xsrecover.h"

static int by_place(const void *a, const void *b)
{
    const struct patch *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (int)(x->removed > y->removed) - (int)(x->removed < y->removed);
}

/* The first edit that wants bytes which the image does not have. NULL: none. */
static const struct patch *beyond(const struct patch *p, size_t count, uint64_t size)
{
    for (size_t i = 0; i < count; i++)
        if (p[i].at <= size && p[i].removed > size - p[i].at)
            return &p[i];
    return NULL;
}

/* What the image loses. */
static uint64_t lost(const struct patch *p, size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += p[i].overwrites ? 0 : p[i].removed;
    return bytes;
}

static unsigned patch_stage(struct apply *a, const struct settings *s)
{
    struct patch sorted[PATCHES_MAX];
    struct xsi_splice splice[PATCHES_MAX];
    struct xsi_planned step = { .recipe = "patch" };
    struct xsi_error err = { 0, "" };
    uint64_t bytes = lost(s->patch, s->patch_count), size = 0;
    const struct patch *p;

    if (!s->patch_count)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "nothing to change: give --at OFFSET with --set, --insert or --delete");
    (void)xsi_source_size(*a->src, &size);
    p = beyond(s->patch, s->patch_count, size);
    if (p)
        return fail(s->transcript, CLI_USAGE, a->file,
                    "%" PRIu64 " bytes from 0x%" PRIx64 " on reach beyond the image's end at "
                    "0x%" PRIx64,
                    p->removed, p->at, size);
    memcpy(sorted, s->patch, s->patch_count * sizeof(sorted[0]));
    qsort(sorted, s->patch_count, sizeof(sorted[0]), by_place);
    for (size_t i = 0; i < s->patch_count; i++)
        splice[i] = (struct xsi_splice){ .offset = sorted[i].at,
                                         .removed = sorted[i].removed,
                                         .inserted = sorted[i].bytes,
                                         .inserted_length = sorted[i].length };
    if (bytes)
        snprintf(step.loses, sizeof(step.loses), "%llu bytes", (unsigned long long)bytes);
    a->decided = true;
    if (xsi_plan_stage(a->plan, splice, s->patch_count, &step, &err) < 0)
        return fail(s->transcript, err.code == EINVAL ? CLI_USAGE : CLI_OPERATIONAL, a->file, "%s",
                    err.text);
    return 0;
}

static unsigned patch_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    (void)argc;
    return change_image(t, s, "patch", argv[0], patch_stage);
}

static const struct command row = {
    .name = "patch",
    .usage = "IMAGE",
    .min = 1,
    .max = 1,
    .options =
        CHANGE_OPTIONS | OPTION_BIT(AT) | OPTION_BIT(SET) | OPTION_BIT(INSERT) | OPTION_BIT(DELETE),
    .help = "Change bytes that you name.",
    .about = "Each --at says the place of the --set, --insert or --delete behind it; all places "
             "are those of the image as it lies there. A second --set without --at goes on behind "
             "the first.\n"
             "It is shown, checked and written as `fix` does it, whatever it does to the verdict.",
    .exec = patch_exec,
};
COMMAND(row);
