/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover wrap: a container, or another one, around the same stream. */
#include <string.h>

#include "conversion.h"

/* Layers that are put around a stream. */
#define WRAPS "xl, libvirt, xend, xapi, xapi-v2 or libxl-v2"

static unsigned wrap_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    struct xsi_convert_options options = { .to = s->to, .verbatim = true };

    (void)argc;
    if (!s->to)
        return fail(s->transcript, CLI_USAGE, NULL, "into what? --to " WRAPS);
    if (!strncmp(s->to, "libxc", 5) || !strncmp(s->to, "qemu", 4))
        return fail(s->transcript, CLI_USAGE, NULL,
                    "--to %s is no container; wrap takes " WRAPS ", convert changes the stream",
                    s->to);
    return conversion_run(t, s, argv[0], &options);
}

static const struct command row = {
    .name = "wrap",
    .usage = "IMAGE --to CONTAINER",
    .min = 1,
    .max = 1,
    .options = CONVERT_OPTIONS | OPTION_BIT(TO),
    .help = "Put a container around a stream, or another one; the stream is not changed.",
    .about = "CONTAINER is " WRAPS ". Those of xl and libvirt get libxl's stream too when the "
             "memory stream is of Xen 4.6 or later. The configuration is the image's, translated "
             "where the container has another syntax, or the one of --config; without any a short "
             "one is made from what the stream tells.\n"
             "The bytes of the memory stream are copied as they are: a container whose toolstack "
             "cannot read that stream is refused. xsrecover convert changes the stream as well.",
    .exec = wrap_exec,
};
COMMAND(row);
