/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which writers make the output: from the names that the user gave, and what goes into what. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define NAME_MAX_LAYER 32

static const struct xsi_writer *writer_at(size_t index)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_writer *w = format->writers; w && w->layer; w++)
            if (index-- == 0)
                return w;
    return NULL;
}

const struct xsi_writer *xsi_writer_of(const char *layer)
{
    const struct xsi_writer *w;

    for (size_t i = 0; (w = writer_at(i)); i++)
        if (!strcmp(w->layer, layer))
            return w;
    return NULL;
}

const char *xsi_writer_name(size_t index, const char **help)
{
    const struct xsi_writer *w = writer_at(index);

    if (w && help)
        *help = w->help;
    return w ? w->layer : NULL;
}

/* The next name of a list; false at its end. */
static bool next_name(const char **list, char name[NAME_MAX_LAYER])
{
    size_t n;

    *list += strspn(*list, ">, ");
    n = strcspn(*list, ">, ");
    if (!n)
        return false;
    (void)snprintf(name, NAME_MAX_LAYER, "%.*s", (int)(n < 64 ? n : 64), *list);
    *list += n;
    return true;
}

/* "libxc-legacy" takes the width of the input. */
static void with_width(const struct xsi_convert *c, char name[NAME_MAX_LAYER])
{
    if (!strcmp(name, "libxc-legacy"))
        (void)strcat(name, c->vm.toolstack_bits == 32 ? "32" : "64");
}

static int cannot_be(struct xsi_convert *c, const char *name)
{
    return xsi_convert_fail(c, EINVAL,
                            "'%s' cannot stand there in '%s': layers go from the outside in, "
                            "container>libxl-v2>stream>record",
                            name, c->to);
}

static int no_layer(struct xsi_convert *c, const char *name)
{
    return xsi_convert_fail(c, EINVAL,
                            "'%.31s' is no layer that can be written; xsrecover convert "
                            "--list-targets names them",
                            name);
}

int xsi_stack_names(struct xsi_convert *c)
{
    const char *list = c->to;
    char name[NAME_MAX_LAYER];
    size_t n = 0;

    for (; next_name(&list, name); n++)
        if (!xsi_writer_of(name) && strcmp(name, "libxc-legacy") != 0)
            return no_layer(c, name);
    return n ? 0 : xsi_convert_fail(c, EINVAL, "no target: --to names a layer, for example xl");
}

static int put(struct xsi_convert *c, const char *name)
{
    const struct xsi_writer *w = xsi_writer_of(name);
    const struct xsi_writer *before = c->give_count ? c->give[c->give_count - 1].writer : NULL;

    if (!w)
        return no_layer(c, name);
    if (w->kind == XSI_LAYER_EMULATOR) {
        if (!before || before->kind != XSI_LAYER_STREAM)
            return cannot_be(c, name);
        c->record = w;
        return 0;
    }
    if (c->give_count == XSI_WRITERS_MAX || c->record || (before && before->kind >= w->kind))
        return cannot_be(c, name);
    c->give[c->give_count++] = (struct xsi_give){ .c = c, .writer = w };
    return 0;
}

/* What goes into the last writer that was named. Verbatim, the stream is the input's own. */
static int fill_up(struct xsi_convert *c, const char *inside)
{
    bool legacy = !strncmp(c->stream_name, "libxc-legacy", 12);
    char name[NAME_MAX_LAYER];
    int rc = 0;

    while (!rc && inside && next_name(&inside, name)) {
        const struct xsi_writer *w;

        with_width(c, name);
        w = xsi_writer_of(name);
        if (c->options.verbatim && w && w->kind == XSI_LAYER_MIDDLE && legacy)
            continue;
        if (c->options.verbatim && w && w->kind == XSI_LAYER_STREAM)
            (void)snprintf(name, sizeof(name), "%.31s", c->stream_name);
        rc = put(c, name);
    }
    return rc;
}

/* The form of record that a container's own toolstack wants behind a legacy stream. */
static const struct xsi_writer *usual_record(const struct xsi_convert *c)
{
    static const char *const read_by_libxc[] = { "qemu-trad", "qemu-xen", "qemu-remus" };
    const char *inside = c->give[0].writer->inside, *own = c->vm.emulator_layer;
    char name[NAME_MAX_LAYER];

    while (inside && next_name(&inside, name)) {
        const struct xsi_writer *w = xsi_writer_of(name);

        if (w && w->kind == XSI_LAYER_EMULATOR)
            return w;
    }
    /* a bare stream keeps the form that its libxc reads itself, where the input has such a one */
    for (size_t i = 0; own && !c->stream && i < sizeof(read_by_libxc) / sizeof(read_by_libxc[0]);
         i++)
        if (!strcmp(own, read_by_libxc[i]))
            return xsi_writer_of(own);
    return xsi_writer_of("qemu-xen");
}

int xsi_stack_choose(struct xsi_convert *c)
{
    const char *list = c->to;
    char name[NAME_MAX_LAYER];
    int rc = 0;

    while (!rc && next_name(&list, name)) {
        with_width(c, name);
        rc = put(c, name);
    }
    if (rc)
        return rc;
    if (c->give[c->give_count - 1].writer->kind != XSI_LAYER_STREAM)
        rc = fill_up(c, c->give[c->give_count - 1].writer->inside);
    if (rc)
        return rc;
    c->stream = c->give_count - 1;
    if (c->give[c->stream].writer->kind != XSI_LAYER_STREAM)
        return cannot_be(c, c->give[c->stream].writer->layer);
    for (size_t i = 0; i < c->give_count; i++) {
        c->give[i].state = calloc(1, c->give[i].writer->state_size + 1);
        if (!c->give[i].state)
            return xsi_convert_fail(c, ENOMEM, "out of memory");
    }
    return 0;
}

/*
 * When the stream has ended it is known whether there is a state of a device model, and how it
 * came: behind a legacy stream a record is written; behind a bare v2 stream only the record that
 * the input had, as convert-legacy-stream does (4.17: convert-legacy-stream, read_qemu).
 */
int xsi_stack_record(struct xsi_convert *c)
{
    bool legacy = !strncmp(c->give[c->stream].writer->layer, "libxc-legacy", 12);
    size_t i = 0;

    if (c->options.no_emulator || !xsi_vm_next(&c->vm, XSI_ITEM_EMULATOR, &i)) {
        c->record = NULL;
        return 0;
    }
    for (i = 0; i < c->give_count; i++)
        if (c->give[i].writer->emulator) {
            c->record = NULL;
            return 0;
        }
    if (!c->record && legacy)
        c->record = usual_record(c);
    if (!c->record && c->vm.emulator_layer)
        c->record = xsi_writer_of(c->vm.emulator_layer);
    if (c->record)
        return 0;
    return xsi_give_drops(&c->give[c->stream],
                          "the device model's state: a bare %s stream has no place for it",
                          c->give[c->stream].writer->layer);
}
