/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover unwrap: the memory stream without what stands around it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "conversion.h"

static struct xsi_source *source_of(const struct conversion *v)
{
    if (v->plan)
        return xsi_plan_source(v->plan);
    return v->spooled ? v->spooled : v->src;
}

/* ---------------------------------------------------------------- what is left behind ---- */

/* Items that stand around a stream, and the files that --pieces makes of them. */
static const struct {
    enum xsi_item_kind kind;
    const char *file;
} around[] = {
    { XSI_ITEM_CONFIG, "config" },
    { XSI_ITEM_EMULATOR, "device-model-state" },
    { XSI_ITEM_EMULATOR_STORE, "device-model-xenstore" },
    { XSI_ITEM_PART, "part" }, /* and its number */
};

static unsigned save(const struct conversion *v, const struct xsi_item *item, const char *name)
{
    struct xsi_source *held = NULL;
    char path[4200], word[4300];
    struct xsi_error err = { 0, "" };
    int rc;

    if (item->kind == XSI_ITEM_PART)
        snprintf(path, sizeof(path), "%s/%s-0x%" PRIx64, v->s->pieces, name, item->id);
    else
        snprintf(path, sizeof(path), "%s/%s", v->s->pieces, name);
    if (item->bytes)
        held = xsi_source_memory(item->bytes, (size_t)item->length);
    if (item->bytes && !held)
        return fail(v->s->transcript, CLI_OPERATIONAL, path, "out of memory");
    rc = xsi_write_range(held ? held : source_of(v), held ? 0 : item->offset, item->length, path,
                         &err);
    if (held)
        xsi_source_free(held);
    if (rc < 0)
        return fail(v->s->transcript, CLI_OPERATIONAL, path, "%s", err.text);
    line_print(v->term, "piece", "%s, %" PRIu64 " bytes", cli_word(word, sizeof(word), path),
               item->length);
    return 0;
}

static unsigned make_folder(const struct settings *s)
{
    if (!s->pieces || mkdir(s->pieces, 0700) == 0 || errno == EEXIST)
        return 0;
    return fail(s->transcript, CLI_OPERATIONAL, s->pieces, "cannot make the folder: %s",
                strerror(errno));
}

/* Save it, or say that it stays behind. The record behind a legacy stream goes with the stream. */
static unsigned one_left(const struct conversion *v, const struct xsi_item *item, const char *name)
{
    const struct xsi_vm *vm = xsi_convert_vm(v->convert);

    if (item->kind == XSI_ITEM_EMULATOR && vm->emulator_layer)
        return 0;
    if (v->s->pieces && v->s->out && !v->s->show_only)
        return save(v, item, name);
    line_print(v->term, "note", "left behind: the %s (%" PRIu64 " bytes)%s",
               xsi_item_name(item->kind), item->length,
               v->s->pieces ? "" : "; --pieces DIR saves it");
    if (item->kind != XSI_ITEM_EMULATOR || v->s->pieces || v->s->drop)
        return 0;
    return fail(v->s->transcript, 2, v->file,
                "no HVM guest goes on without its device model's state: --pieces DIR saves it, "
                "--drop lets it go");
}

static unsigned left_behind(const struct conversion *v)
{
    const struct xsi_vm *vm = xsi_convert_vm(v->convert);
    unsigned status = make_folder(v->s);

    for (size_t k = 0; k < sizeof(around) / sizeof(around[0]); k++) {
        const struct xsi_item *item;

        for (size_t i = 0; !status && (item = xsi_vm_next(vm, around[k].kind, &i));)
            status = one_left(v, item, around[k].file);
    }
    return status;
}

/* ---------------------------------------------------------------- the stream ---- */

/* Name of the memory stream, from the first of its chunks. 0, or a status after a message. */
static unsigned stream_of(const struct conversion *v, char *out, size_t size)
{
    struct xsi_walk_options options = { .as = v->s->as };
    struct xsi_error err = { 0, "" };
    struct xsi_source *src = source_of(v);
    struct xsi_walk *walk;
    struct xsi_event ev;
    int rc;

    *out = '\0';
    if (!src || !xsi_source_seekable(src))
        return fail(v->s->transcript, CLI_USAGE, v->file,
                    "what a pipe holds is not known in time; give a file, or --spool DIR");
    walk = xsi_walk_new(src, &options, &err);
    if (!walk)
        return fail(v->s->transcript, CLI_OPERATIONAL, v->file, "%s", err.text);
    while (!*out && (rc = xsi_walk_next(walk, &ev)) > 0)
        if (ev.kind == XSI_EV_CHUNK && !strncmp(ev.chunk->layer, "libxc-", 6))
            snprintf(out, size, "%s", ev.chunk->layer);
    xsi_walk_free(walk);
    if (*out)
        return 0;
    return fail(v->s->transcript, CLI_USAGE, v->file,
                "no memory stream was found in it; xsdump --as list shows what it could be");
}

/* A legacy stream keeps its record, in the form that it has. */
static unsigned with_record(struct conversion *v, struct xsi_convert_options *options, char *to,
                            size_t size)
{
    const char *form = xsi_convert_vm(v->convert)->emulator_layer;
    size_t n = strlen(to);

    if (!form || strncmp(to, "libxc-legacy", 12) != 0)
        return 0;
    snprintf(to + n, size - n, ">%s", form);
    xsi_convert_free(v->convert);
    v->convert = NULL;
    return conversion_begin(v, options);
}

static unsigned unwrap(struct conversion *v)
{
    char to[64];
    struct xsi_convert_options options = { .to = to, .verbatim = true };
    unsigned status = stream_of(v, to, sizeof(to));

    if (status)
        return status;
    options.no_emulator = strncmp(to, "libxc-legacy", 12) != 0; /* left_behind() has the words */
    status = conversion_begin(v, &options);
    if (!status)
        status = with_record(v, &options, to, sizeof(to));
    if (!status)
        status = left_behind(v);
    return status ? status : conversion_write(v);
}

static unsigned unwrap_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    struct conversion v;
    unsigned status;

    (void)argc;
    status = conversion_open(&v, t, s, argv[0]);
    if (!status)
        status = unwrap(&v);
    conversion_close(&v);
    return status;
}

static const struct command row = {
    .name = "unwrap",
    .usage = "IMAGE",
    .min = 1,
    .max = 1,
    .options = (CONVERT_OPTIONS & ~OPTION_BIT(CONFIG)) | OPTION_BIT(PIECES),
    .help = "Take a stream out of its container, and out of libxl's stream.",
    .about = "The memory stream is copied as it is; a legacy stream keeps the device-model record "
             "behind it. What else the container holds is named, and --pieces DIR saves it: the "
             "configuration, and of an HVM guest of Xen 4.6 or later the device model's state, "
             "without which that guest cannot go on.",
    .exec = unwrap_exec,
};
COMMAND(row);
