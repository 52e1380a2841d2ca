/* SPDX-License-Identifier: GPL-3.0-or-later */
/* set: a decoded value gets another. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug_fields.h"

#define BYTES_MAX 2048

/* The value that a path names. */
struct field {
    const char *path;
    bool found;
    struct xsi_value v;
    char text[BYTES_MAX]; /* of a text or bytes */
};

static void look(void *context, const char *path, const struct xsi_value *v)
{
    struct field *f = context;

    if (f->found || v->kind == XSI_CLOSE || strcmp(path, f->path) != 0)
        return;
    f->found = true;
    f->v = *v;
    if ((v->kind == XSI_TEXT || v->kind == XSI_BYTES) && v->text_length <= sizeof(f->text))
        memcpy(f->text, v->text, v->text_length);
}

/* ---------------------------------------------------------------- bytes ---- */

static void encode(const struct xsi_value *v, uint64_t number, uint8_t *out)
{
    for (size_t i = 0; i < v->length; i++)
        out[v->big ? v->length - 1 - i : i] = (uint8_t)(number >> (8 * i));
}

/* The bytes at the value's place are those that its value makes: it is no derived one. */
static bool is_stored(struct debug *d, const struct field *f)
{
    uint8_t now[BYTES_MAX], made[8];
    size_t n = (size_t)f->v.length;

    if (!f->v.length || f->v.length > sizeof(now) ||
        xsi_source_read(xsi_plan_source(d->plan), now, n, f->v.offset) != (ssize_t)n)
        return false;
    if (f->v.kind == XSI_TEXT || f->v.kind == XSI_BYTES)
        return f->v.text_length == n && memcmp(now, f->text, n) == 0;
    if (n > sizeof(made))
        return false;
    encode(&f->v, f->v.number, made);
    return memcmp(now, made, n) == 0;
}

static bool number_of(const char *text, const struct xsi_value *v, uint64_t *number)
{
    bool minus = *text == '-';
    uint64_t limit = v->length >= 8 ? UINT64_MAX : (1ULL << (8 * v->length)) - 1;

    if (!strcmp(text, "yes") || !strcmp(text, "no")) {
        *number = *text == 'y';
        return v->kind == XSI_BOOL;
    }
    if (!cli_number(text + minus, number) || *number > (minus ? limit / 2 + 1 : limit))
        return false;
    *number = (minus ? 0 - *number : *number) & limit;
    return true;
}

/* What is to stand there: as many bytes as now. 0 after a message. */
static size_t value_bytes(struct debug *d, const struct field *f, int argc, char **argv,
                          uint8_t *out)
{
    size_t n = (size_t)f->v.length, have = 0;
    char text[BYTES_MAX + 1];
    uint64_t number;

    if (f->v.kind == XSI_TEXT) {
        debug_words_joined(text, sizeof(text), argc, argv, 2);
        have = strlen(text);
        memcpy(out, text, have);
    } else if (f->v.kind == XSI_BYTES) {
        have = debug_words_bytes(d, argc, argv, 2, out, BYTES_MAX);
        if (!have)
            return 0;
    } else {
        if (argc > 3 || !number_of(argv[2], &f->v, &number)) {
            debug_fail(d, CLI_USAGE, "'%s' is no number of %zu bytes", argv[2], n);
            return 0;
        }
        encode(&f->v, number, out);
        return n;
    }
    if (have == n)
        return n;
    debug_fail(d, CLI_USAGE,
               "%zu bytes stand there and %zu would: what gives their number stands elsewhere; "
               "use patch, insert or delete at 0x%" PRIx64,
               n, have, f->v.offset);
    return 0;
}

/* ---------------------------------------------------------------- a damaged count ---- */

/*
 * A batch whose count is so wrong that nothing of it was recognised is a GAP, without fields: its
 * count is the four bytes that the finding is about.
 */
static bool count_of_gap(struct debug *d, const struct xsi_chunk *chunk, struct field *f)
{
    struct xsi_finding finding;
    uint8_t p[4];

    if (strcmp(f->path, "count") != 0 || !(chunk->flags & XSI_CHUNK_GAP) ||
        !debug_finding_by(d->map, "bad-count", chunk->offset, &finding) ||
        finding.offset - chunk->offset >= chunk->length ||
        xsi_source_read(xsi_plan_source(d->plan), p, 4, finding.offset) != 4)
        return false;
    f->v = (struct xsi_value){ .kind = XSI_UINT,
                               .name = "count",
                               .offset = finding.offset,
                               .length = 4,
                               .number = (uint64_t)p[0] | (uint64_t)p[1] << 8 |
                                         (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 };
    f->found = true;
    return true;
}

/* ---------------------------------------------------------------- the command ---- */

/* The value is read again, wherever it stands now (another frame may be a batch's first): what did
 * not take it was no plain number. */
static bool took_it(struct debug *d, const struct field *f, uint64_t chunk_offset,
                    const uint8_t *bytes)
{
    struct field again = { .path = f->path };
    const struct cli_fields want = { 2, &again, look };
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk = xsi_map_open(d->map, chunk_offset, &chunk, &err);
    uint8_t made[8];

    if (walk)
        cli_fields(walk, chunk, &want);
    xsi_walk_free(walk);
    if (!again.found || again.v.length != f->v.length || f->v.length > sizeof(made) ||
        f->v.kind >= XSI_TEXT)
        return true; /* the chunk became another */
    encode(&again.v, again.v.number, made);
    return memcmp(made, bytes, (size_t)f->v.length) == 0;
}

static int derived(struct debug *d, const struct field *f)
{
    return debug_fail(d, CLI_USAGE,
                      "%s is worked out of %" PRIu64 " bytes at 0x%" PRIx64
                      " and does not stand there as it is shown; look at them with x, change them "
                      "with patch",
                      f->path, f->v.length, f->v.offset);
}

static int stage(struct debug *d, const struct field *f, const struct xsi_chunk *chunk,
                 const uint8_t *bytes)
{
    const struct xsi_splice splice = { f->v.offset, f->v.length, bytes, (size_t)f->v.length };
    struct xsi_planned step = { .recipe = "set" };
    uint64_t at = chunk->offset;
    struct xsi_value after = f->v;
    char old[40], now[40], type[48], path[80];
    int status;

    snprintf(type, sizeof(type), "%.47s", chunk->type);
    snprintf(path, sizeof(path), "%.79s", f->path);
    if (f->v.kind < XSI_TEXT) {
        for (size_t i = after.number = 0; i < f->v.length; i++)
            after.number |= (uint64_t)bytes[f->v.big ? f->v.length - 1 - i : i] << (8 * i);
        after.text = NULL;
        after.kind = after.kind == XSI_ENUM || after.kind == XSI_FLAGS ? XSI_HEX : after.kind;
        cli_value(now, sizeof(now), &after);
        after.number = f->v.number;
        cli_value(old, sizeof(old), &after);
        snprintf(step.why, sizeof(step.why), "%s.%s: %s becomes %s", type, path, old, now);
    } else {
        snprintf(step.why, sizeof(step.why), "%s.%s", type, path);
    }
    status = debug_stage(d, &splice, 1, &step);
    if (status || took_it(d, f, at, bytes))
        return status;
    xsi_plan_undo(d->plan);
    debug_look(d);
    fputs("taken back\n", d->term.out);
    return derived(d, f);
}

static int set_exec(struct debug *d, int argc, char **argv)
{
    char path[DEBUG_PATH_MAX];
    const struct xsi_chunk *chunk;
    struct xsi_walk *walk = debug_path_open(d, argv[1], &chunk, path, sizeof(path));
    struct field f = { .path = path };
    const struct cli_fields want = { 2, &f, look };
    uint8_t bytes[BYTES_MAX];
    int status = 0;

    if (!walk)
        return CLI_USAGE;
    cli_fields(walk, chunk, &want);
    if (f.found && f.v.kind >= XSI_GROUP)
        status = debug_fail(d, CLI_USAGE, "%s holds other fields; name one of them", path);
    else if (!f.found && !count_of_gap(d, chunk, &f))
        status = debug_fail(d, CLI_USAGE, "%s at 0x%" PRIx64 " has no field '%s'; print shows them",
                            chunk->type, chunk->offset, path);
    else if (!is_stored(d, &f))
        status = derived(d, &f);
    if (!status) {
        debug_move(d, chunk->offset);
        status = value_bytes(d, &f, argc, argv, bytes) ? stage(d, &f, chunk, bytes) : CLI_USAGE;
    }
    xsi_walk_free(walk);
    return status;
}

static const struct debug_command row = {
    .name = "set",
    .group = DEBUG_CHANGE,
    .usage = "[CHUNK.]FIELD VALUE",
    .min = 2,
    .max = -1,
    .complete = { DEBUG_ARG_FIELD, 0 },
    .flags = DEBUG_CHANGES,
    .help = "give a field another value: set TSC_INFO.mode 0, set count 1024",
    .about = "VALUE is a number (decimal, 0x hex, with k or M), yes or no, a text or bytes in hex "
             "of the same length. Without CHUNK the field is of the chunk at the current position; "
             "in a GAP that a damaged batch count made, count is the damaged number.\n"
             "Values that do not stand in the image as they are shown are refused: use patch.",
    .exec = set_exec,
};
DEBUG_COMMAND(row);
