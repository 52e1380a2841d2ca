/* SPDX-License-Identifier: GPL-3.0-or-later */
/* print: the fields of a chunk, or one of them. */
#include <inttypes.h>
#include <string.h>

#include "debug_fields.h"

#define TEXT_SHOWN  2048U
#define BYTES_SHOWN 24U
#define LINES_MAX   20000

struct printer {
    struct debug *d;
    const char *path; /* only this one and what is below it */
    unsigned level;   /* of it */
    size_t found, lines;
};

/* Line by line when it has several. */
static void put_text(struct debug *d, const struct xsi_value *v)
{
    size_t n = v->text_length < TEXT_SHOWN ? v->text_length : TEXT_SHOWN;
    const char *at = v->text, *end = v->text + n, *stop;

    while ((stop = memchr(at, '\n', (size_t)(end - at)))) {
        debug_text(d, at, (size_t)(stop - at));
        at = stop + 1;
        fputs(at < end ? "\n            | " : "", d->term.out);
    }
    debug_text(d, at, (size_t)(end - at));
    fprintf(d->term.out, "%s\n", n < v->text_length ? " ..." : "");
}

static void put_bytes(struct debug *d, const struct xsi_value *v)
{
    size_t n = v->text_length < BYTES_SHOWN ? v->text_length : BYTES_SHOWN;

    for (size_t i = 0; i < n; i++)
        fprintf(d->term.out, "%02x ", (unsigned char)v->text[i]);
    fprintf(d->term.out, "%s%" PRIu64 " bytes\n", n < v->length ? "... " : "", v->length);
}

static void put_value(struct debug *d, const struct xsi_value *v)
{
    char text[512];

    if (v->kind == XSI_TEXT)
        put_text(d, v);
    else if (v->kind == XSI_BYTES)
        put_bytes(d, v);
    else if (v->kind >= XSI_GROUP)
        fputc('\n', d->term.out);
    else
        fprintf(d->term.out, "%s\n", cli_value(text, sizeof(text), v));
}

static void value(void *context, const char *path, const struct xsi_value *v)
{
    struct printer *p = context;
    struct debug *d = p->d;
    const char *name = strrchr(path, '.');
    int indent;

    if (v->kind == XSI_CLOSE || !debug_path_in(path, p->path) || debug_stopped(d))
        return;
    if (!p->found++)
        p->level = v->level;
    if (p->lines++ >= LINES_MAX)
        return;
    indent = 2 * (int)(v->level - p->level);
    name = *p->path && p->found == 1 ? path : name ? name + 1 : path;
    fprintf(d->term.out, "0x%08" PRIx64 "  %*s%-*s ", v->offset, indent, "",
            v->kind >= XSI_GROUP || indent > 20 ? 0 : 24 - indent, name);
    put_value(d, v);
}

static void head(struct debug *d, const struct xsi_chunk *c)
{
    char type[200];

    fprintf(d->term.out,
            "%s%s%s  chunk %" PRIu64 " at 0x%" PRIx64 ", %" PRIu64 " bytes, layer %s%s%s\n",
            cli_colour(&d->term, CLI_BOLD), cli_name(type, sizeof(type), c->type),
            cli_colour(&d->term, CLI_PLAIN), c->index, c->offset, c->length, c->layer,
            *c->note ? ": " : "", c->note);
    if (c->help) {
        fputs("  ", d->term.out);
        cli_wrap(&d->term, 2, 2, c->help);
    }
}

static int print_exec(struct debug *d, int argc, char **argv)
{
    char path[DEBUG_PATH_MAX];
    const struct xsi_chunk *chunk;
    struct xsi_walk *walk = debug_path_open(d, argc > 1 ? argv[1] : "", &chunk, path, sizeof(path));
    struct printer p = { .d = d, .path = path };
    const struct cli_fields want = { *path ? 2 : 1, &p, value };
    int rc, status = 0;

    if (!walk)
        return CLI_USAGE;
    if (!*path)
        head(d, chunk);
    rc = cli_fields(walk, chunk, &want);
    debug_move(d, chunk->offset);
    if (rc < 0)
        status = debug_fail(d, CLI_OPERATIONAL, "%s", xsi_walk_error(walk)->text);
    else if (!p.found && *path)
        status = debug_fail(d, CLI_USAGE, "%s has no field %s; `print .` lists those it has",
                            chunk->type, path);
    else if (!p.found)
        debug_hex(d, chunk->offset, chunk->length < 64 ? chunk->length : 64, 0, 0);
    if (p.lines > LINES_MAX)
        fprintf(d->term.out, "... and %zu more; name a path to see them\n", p.lines - LINES_MAX);
    xsi_walk_free(walk);
    return status;
}

static const struct debug_command row = {
    .name = "print",
    .aliases = "p",
    .group = DEBUG_LOOK,
    .usage = "[CHUNK][.FIELD...]",
    .max = 1,
    .complete = { DEBUG_ARG_FIELD },
    .help = "the fields of a chunk, or one of them",
    .about = "print                     the chunk at the current position\n"
             "print 12                  chunk number 12\n"
             "print HVM_CONTEXT         the next of this type\n"
             "print @0x1000.count       a field of the chunk that holds an offset\n"
             "print PAGES.entries[3]    nested fields and list items\n"
             "print count               a field of the chunk at the current position\n"
             "A chunk alone shows its own fields; with a path also what is nested in it. The chunk "
             "becomes the current position.",
    .exec = print_exec,
};
DEBUG_COMMAND(row);
