/* SPDX-License-Identifier: GPL-3.0-or-later */
/* info image, stack, chunks, readers: what the image is. */
#include <inttypes.h>
#include <string.h>

#include "debug.h"

static void put_writer(struct debug *d, const struct xsi_info *info)
{
    char text[400];

    if (!info->writer_from)
        return;
    if (info->writer_to && strcmp(info->writer_to, info->writer_from) != 0)
        snprintf(text, sizeof(text), "%s to %s (%s)", info->writer_from, info->writer_to,
                 info->writer_why);
    else
        snprintf(text, sizeof(text), "%s%s (%s)", info->writer_from,
                 info->writer_to ? "" : " or later", info->writer_why);
    fputs("writer   ", d->term.out);
    cli_wrap(&d->term, 9, 9, text);
}

static void put_guest(struct debug *d, const struct xsi_info *info)
{
    static const char *const names[] = {
        [XSI_GUEST_UNKNOWN] = "kind unknown",
        [XSI_GUEST_PV] = "PV",
        [XSI_GUEST_HVM] = "HVM",
        [XSI_GUEST_PVH] = "PVH",
    };

    fprintf(d->term.out, "guest    %s", names[info->guest]);
    if (info->guest_bits)
        fprintf(d->term.out, ", %u-bit", info->guest_bits);
    if (info->has_p2m_size)
        fprintf(d->term.out, ", %" PRIu64 " frames", info->p2m_size);
    if (info->has_vcpus)
        fprintf(d->term.out, ", %u vCPU%s", info->vcpus, info->vcpus == 1 ? "" : "s");
    if (info->toolstack_bits)
        fprintf(d->term.out, ", %u-bit toolstack", info->toolstack_bits);
    fputc('\n', d->term.out);
    if (*info->name) {
        fputs("name     ", d->term.out);
        debug_text(d, info->name, strlen(info->name));
        fputc('\n', d->term.out);
    }
    if (*info->uuid) {
        fputs("uuid     ", d->term.out);
        debug_text(d, info->uuid, strlen(info->uuid));
        fputc('\n', d->term.out);
    }
}

static int image_exec(struct debug *d, int argc, char **argv)
{
    static const char *const kinds[] = {
        [XSI_SOURCE_FILE] = "file",     [XSI_SOURCE_BLOCK] = "block device",
        [XSI_SOURCE_PIPE] = "pipe",     [XSI_SOURCE_MEMORY] = "memory",
        [XSI_SOURCE_OVERLAY] = "edits",
    };
    const struct xsi_info *info = xsi_map_info(d->map);
    uint64_t base = 0, size = 0;
    char name[1024];

    (void)argc;
    (void)argv;
    xsi_source_size(d->base, &base);
    xsi_source_size(xsi_plan_source(d->plan), &size);
    fprintf(d->term.out, "image    %s  %s, %" PRIu64 " bytes",
            cli_name(name, sizeof(name), d->file), kinds[xsi_source_kind(d->base)], base);
    if (size != base)
        fprintf(d->term.out, "; %" PRIu64 " with the staged edits", size);
    fprintf(d->term.out, "\nstate    %s; the stream ends at 0x%" PRIx64 ", %u checkpoint%s\n",
            cli_state(info), info->stream_end, info->checkpoints,
            info->checkpoints == 1 ? "" : "s");
    put_guest(d, info);
    put_writer(d, info);
    if (info->pages_tracked && info->stack_length)
        fprintf(d->term.out, "pages    %" PRIu64 " frames have a page; CPU state %s\n",
                info->pages_present, info->cpu_state ? "is there" : "is missing");
    if (debug_verdict(d))
        debug_verdict_print(d, debug_verdict(d));
    return 0;
}

static const struct debug_command image = {
    .name = "info image",
    .group = DEBUG_LOOK,
    .help = "what the image is: size, guest, writer, verdict",
    .exec = image_exec,
};
DEBUG_COMMAND(image);

/* A layer's part of the image: where its first chunk is, how many it has. */
static int stack_exec(struct debug *d, int argc, char **argv)
{
    const struct xsi_info *info = xsi_map_info(d->map);
    size_t count;
    const struct xsi_map_row *rows = xsi_map_rows(d->map, &count);

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < info->stack_length; i++) {
        uint64_t chunks = 0, bytes = 0, first = 0;

        for (size_t k = 0; k < count; k++) {
            if (strcmp(rows[k].layer, info->stack[i]) != 0)
                continue;
            first = chunks ? first : rows[k].offset;
            chunks += rows[k].count;
            bytes += rows[k].length;
        }
        fprintf(d->term.out,
                "%*s%-*s from 0x%08" PRIx64 ", %" PRIu64 " chunk%s, %" PRIu64 " bytes\n",
                (int)(2 * i), "", (int)(18 - (i < 8 ? 2 * i : 16)), info->stack[i], first, chunks,
                chunks == 1 ? "" : "s", bytes);
    }
    if (!info->stack_length)
        fputs("no layer of a save image was recognised; --as STACK forces one\n", d->term.out);
    return 0;
}

static const struct debug_command stack = {
    .name = "info stack",
    .group = DEBUG_LOOK,
    .help = "the layers of the image, outermost first",
    .exec = stack_exec,
};
DEBUG_COMMAND(stack);

/* Readers that can read the stream at all. */
static int readers_exec(struct debug *d, int argc, char **argv)
{
    static const char *const every = "all";
    const struct xsi_map_options how = {
        .as = d->options->as, .scan = d->scan, .names = &every, .name_count = 1
    };
    struct xsi_error err = { 0, "" };
    const struct xsi_verdict *v;
    struct xsi_map *map;

    (void)argc;
    (void)argv;
    map = xsi_map_new(xsi_plan_source(d->plan), &how, &err);
    if (!map)
        return debug_fail(d, CLI_OPERATIONAL, "%s", err.text);
    for (size_t i = 0; (v = xsi_map_verdict(map, i)) && !debug_stopped(d); i++) {
        bool ours = d->has_reader && !strcmp(v->reader.name, d->reader.name);

        fprintf(d->term.out, "%s %-22s %-10s %s\n", ours ? "=>" : "  ", v->reader.name,
                cli_outcome(v->outcome), v->outcome == XSI_RESTORES ? "" : v->loses);
    }
    if (!xsi_map_verdict(map, 0))
        fputs("the image has no stream that a reader could read\n", d->term.out);
    xsi_map_free(map);
    return 0;
}

static const struct debug_command readers = {
    .name = "info readers",
    .group = DEBUG_LOOK,
    .help = "every reader of this kind of stream, and its verdict",
    .about = "=> marks the session's; `reader NAME` takes another. In full for one: check NAME.",
    .exec = readers_exec,
};
DEBUG_COMMAND(readers);
