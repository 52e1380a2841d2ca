/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The head of the listing: image, stack, guest, writer. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "xsdump.h"

#define HEAD_COLUMN 9

static void head_line(const struct cli_term *t, const char *name, const char *text)
{
    fprintf(t->out, "%s%-8s%s ", cli_colour(t, CLI_BOLD), name, cli_colour(t, CLI_PLAIN));
    cli_wrap(t, HEAD_COLUMN, HEAD_COLUMN, text);
}

void text_add(char *out, size_t size, const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list args;

    va_start(args, fmt);
    vsnprintf(out + used, size - used, fmt, args);
    va_end(args);
}

#define HOLES_WORTH (64U << 10) /* fewer bytes in holes are not worth a word */

static void image_line(const struct cli_term *t, const struct image *im,
                       const struct cli_findings *f)
{
    const struct xsi_info *info = xsi_walk_info(im->walk);
    uint64_t size = 0, file_size = 0, stored = 0;
    size_t filters = 0;
    bool sized = xsi_source_size(im->src, &size);
    char name[1024], text[1600];

    (void)xsi_source_filters(im->src, &filters);
    snprintf(text, sizeof(text), "%s  %s, ", cli_name(name, sizeof(name), im->file),
             image_kind(im));
    if (xsi_source_file_size(im->src, &file_size) && (!sized || file_size != size))
        text_add(text, sizeof(text), "%" PRIu64 " bytes, %s", file_size,
                 filters ? "decompressed " : "of which the image is ");
    if (sized)
        text_add(text, sizeof(text), "%" PRIu64 " bytes", size);
    else
        text_add(text, sizeof(text), "size unknown");
    if (xsi_source_stored(im->src, &stored) && stored + HOLES_WORTH < file_size)
        text_add(text, sizeof(text), ", %" PRIu64 " of them stored (the rest are holes)", stored);
    if (sized && info->stream_end && info->stream_end < size)
        text_add(text, sizeof(text), " (stream ends at 0x%" PRIx64 ", %s)", info->stream_end,
                 f->zero_from == info->stream_end && f->zero_to == size ? "the rest is zero"
                                                                        : "other bytes follow");
    head_line(t, "image", text);
}

static void stack_line(const struct cli_term *t, const struct xsi_info *info)
{
    char text[512] = "";

    for (size_t i = 0; i < info->stack_length; i++)
        text_add(text, sizeof(text), "%s%s", i ? " > " : "", info->stack[i]);
    head_line(t, "stack", *text ? text : "none");
}

const char *guest_name(enum xsi_guest guest)
{
    static const char *const names[] = {
        [XSI_GUEST_UNKNOWN] = NULL,
        [XSI_GUEST_PV] = "PV",
        [XSI_GUEST_HVM] = "HVM",
        [XSI_GUEST_PVH] = "PVH",
    };

    return names[guest];
}

static void guest_line(const struct cli_term *t, const struct xsi_info *info)
{
    const char *type = guest_name(info->guest);
    char text[1024], raw[4 * sizeof(info->name)];

    snprintf(text, sizeof(text), "%s", type ? type : "type unknown");
    if (info->guest_bits)
        text_add(text, sizeof(text), ", %u-bit", info->guest_bits);
    if (info->has_p2m_size)
        text_add(text, sizeof(text), ", %" PRIu64 " pages", info->p2m_size);
    if (info->has_vcpus)
        text_add(text, sizeof(text), ", %u vCPU%s", info->vcpus, info->vcpus == 1 ? "" : "s");
    if (info->toolstack_bits)
        text_add(text, sizeof(text), ", %u-bit toolstack", info->toolstack_bits);
    if (info->name[0])
        text_add(text, sizeof(text), ", name %s", cli_name(raw, sizeof(raw), info->name));
    if (info->uuid[0])
        text_add(text, sizeof(text), ", uuid %s", cli_name(raw, sizeof(raw), info->uuid));
    head_line(t, "guest", text);
}

/* "xen-3.4" is "3.4". */
static const char *release(const char *reader)
{
    return strncmp(reader, "xen-", 4) == 0 ? reader + 4 : reader;
}

static void writer_line(const struct cli_term *t, const struct xsi_info *info)
{
    const char *from = info->writer_from, *to = info->writer_to;
    char text[400];

    if (!from && !to)
        return;
    if (!from)
        snprintf(text, sizeof(text), "Xen up to %s", release(to));
    else if (!to)
        snprintf(text, sizeof(text), "Xen %s or later", release(from));
    else if (strcmp(from, to) == 0)
        snprintf(text, sizeof(text), "Xen %s", release(from));
    else
        snprintf(text, sizeof(text), "Xen %s to %s", release(from), release(to));
    if (info->writer_why[0])
        text_add(text, sizeof(text), " (%s)", info->writer_why);
    head_line(t, "writer", text);
}

void head_print(const struct cli_term *t, const struct image *im, const struct cli_findings *f,
                bool far)
{
    const struct xsi_info *info = xsi_walk_info(im->walk);

    image_line(t, im, f);
    stack_line(t, info);
    if (info->stack_length) {
        guest_line(t, info);
        writer_line(t, info);
    }
    if (judged_verdict(im, 0)) {
        char text[1200];

        verdicts_head(im, far, text, sizeof(text));
        head_line(t, far ? "verdict" : "target", text);
    }
}
