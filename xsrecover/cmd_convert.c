/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover convert: another stream, another container. */
#include <string.h>

#include "conversion.h"

static unsigned list_targets(const struct cli_term *t)
{
    const char *name, *help;

    for (size_t i = 0; (name = xsi_writer_name(i, &help)); i++) {
        int at = fprintf(t->out, "%-15s ", name);

        cli_wrap(t, (size_t)at, 16, help);
    }
    return 0;
}

/* What a release reads: its own stream, in a container if the image had none that it takes. */
static const char *for_reader(const struct settings *s)
{
    struct xsi_reader reader;

    if (!s->target_count || !xsi_reader_lookup(s->targets[0], &reader))
        return NULL;
    if (!strcmp(reader.stream, "libxc-legacy"))
        return reader.bits == 32 ? "libxc-legacy32" : "libxc-legacy64";
    return reader.release >= 41400 ? "libxc-v3" : "libxc-v2";
}

static unsigned convert_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    struct xsi_convert_options options = { .to = s->to ? s->to : for_reader(s) };

    if (s->list_targets)
        return list_targets(t);
    if (argc != 1)
        return fail(s->transcript, CLI_USAGE, NULL, "convert takes one IMAGE");
    if (!options.to)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "what shall it become? --to xl, --to libxc-v3, ...; --list-targets names all");
    options.no_emulator = s->skip_emulator;
    return conversion_run(t, s, argv[0], &options);
}

static const struct command row = {
    .name = "convert",
    .usage = "IMAGE --to LAYER",
    .min = 0,
    .max = 1,
    .options =
        CONVERT_OPTIONS | OPTION_BIT(TO) | OPTION_BIT(LIST_TARGETS) | OPTION_BIT(SKIP_EMULATOR),
    .help = "Write the saved domain as another stream or in another container.",
    .about = "IMAGE may be compressed, or - for a pipe. It is not changed, and no copy of it is "
             "made on the way.\n"
             "An image that can be read twice is surveyed first: what cannot be converted is said "
             "before anything is written, the output is judged by the target's reader, and of "
             "several checkpoints the last complete one is taken. A pipe is converted and judged "
             "as it comes; when something is wrong, the output is left without its end.\n"
             "What the target cannot hold is refused by name; --drop leaves it out.",
    .exec = convert_exec,
};
COMMAND(row);
