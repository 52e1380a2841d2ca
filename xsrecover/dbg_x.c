/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x/FMT PLACE: bytes, as gdb shows memory. */
#include <inttypes.h>
#include <string.h>

#include "debug.h"

#define COUNT_MAX 65536U
#define HEX_BYTES 128U /* without a count */

struct format {
    uint64_t count;
    bool counted;
    char letter;   /* x d u o c s; 0 = hex with characters */
    unsigned size; /* of a unit: 1 2 4 8 */
    bool big;
};

/* "16xb": count, letter, size in any order behind the count; `e` = big-endian. */
static bool parse(const char *text, struct format *f)
{
    static const char letters[] = "xduocs", sizes[] = "bhwg";

    *f = (struct format){ .count = 1, .size = 4 };
    while (*text >= '0' && *text <= '9') {
        f->count = (f->counted ? f->count * 10 : 0) + (uint64_t)(*text++ - '0');
        f->counted = true;
        if (f->count > COUNT_MAX)
            return false;
    }
    for (; *text; text++) {
        const char *size = strchr(sizes, *text);

        if (strchr(letters, *text))
            f->letter = *text;
        else if (size)
            f->size = 1U << (size - sizes);
        else if (*text == 'e')
            f->big = true;
        else
            return false;
        if (size && !f->letter)
            f->letter = 'x';
    }
    if (f->letter == 'c')
        f->size = 1;
    return f->count > 0;
}

static uint64_t number_of(const uint8_t *p, const struct format *f)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < f->size; i++)
        v |= (uint64_t)p[f->big ? f->size - 1 - i : i] << (8 * i);
    return v;
}

static void put_unit(struct debug *d, const uint8_t *p, const struct format *f)
{
    uint64_t v = number_of(p, f);
    int64_t sign = (int64_t)(v << (64 - 8 * f->size)) >> (64 - 8 * f->size);
    char text[8];

    if (f->letter == 'x')
        fprintf(d->term.out, " 0x%0*" PRIx64, (int)(2 * f->size), v);
    else if (f->letter == 'o')
        fprintf(d->term.out, " 0%" PRIo64, v);
    else if (f->letter == 'u')
        fprintf(d->term.out, " %" PRIu64, v);
    else if (f->letter == 'd')
        fprintf(d->term.out, " %" PRId64, sign);
    else
        fprintf(d->term.out, " %3u '%s'", *p, xsi_escape(text, sizeof(text), p, 1));
}

/* A string ends at its NUL; of a long one as much as 256 bytes. */
static ssize_t put_string(struct debug *d, uint64_t at)
{
    char bytes[256];
    struct xsi_source *src = xsi_plan_source(d->plan);
    ssize_t n = xsi_source_read(src, bytes, sizeof(bytes), at);
    size_t length = n > 0 ? strnlen(bytes, (size_t)n) : 0;

    if (n <= 0)
        return n;
    fprintf(d->term.out, "  0x%08" PRIx64 "  \"", at);
    debug_text(d, bytes, length);
    fprintf(d->term.out, "\"%s\n", length == sizeof(bytes) ? "..." : "");
    return (ssize_t)length + (length < (size_t)n);
}

static ssize_t put_line(struct debug *d, uint64_t at, const struct format *f, uint64_t left)
{
    unsigned per_line = f->size == 1 ? 8 : 16 / f->size;
    uint8_t bytes[16];
    struct xsi_source *src = xsi_plan_source(d->plan);
    unsigned units = left < per_line ? (unsigned)left : per_line;
    ssize_t n = xsi_source_read(src, bytes, units * f->size, at);

    if (n <= 0)
        return n;
    if ((size_t)n < f->size) /* less than a unit is left */
        return 0;
    fprintf(d->term.out, "  0x%08" PRIx64 " ", at);
    for (unsigned i = 0; (i + 1) * f->size <= (size_t)n; i++)
        put_unit(d, bytes + i * f->size, f);
    fputc('\n', d->term.out);
    return n - n % (ssize_t)f->size;
}

static int x_exec(struct debug *d, int argc, char **argv)
{
    struct xsi_source *src = xsi_plan_source(d->plan);
    uint64_t at = d->at;
    struct format f;
    char what[512];

    if (!parse(d->format, &f))
        return debug_fail(d, CLI_USAGE, "no such format: /%s; help x", d->format);
    if (argc > 1 && !debug_place(d, argv[1], &at))
        return CLI_USAGE;
    fprintf(d->term.out, "%s\n", debug_what(d, at, what, sizeof(what)));
    if (!f.letter) {
        uint64_t n = f.counted ? f.count : HEX_BYTES;

        debug_hex(d, at, n, 0, 0);
        debug_move(d, at);
        return 0;
    }
    debug_move(d, at);
    for (uint64_t left = f.count; left && !debug_stopped(d);) {
        ssize_t n = f.letter == 's' ? put_string(d, at) : put_line(d, at, &f, left);

        if (n < 0)
            return debug_fail(d, CLI_OPERATIONAL, "0x%" PRIx64 ": %s", at,
                              xsi_source_error(src)->text);
        if (n == 0) {
            fputs("  the image ends here\n", d->term.out);
            break;
        }
        at += (uint64_t)n;
        left -= f.letter == 's' ? 1 : (uint64_t)n / f.size;
    }
    return 0;
}

static const struct debug_command row = {
    .name = "x",
    .group = DEBUG_LOOK,
    .usage = "[/FMT] [PLACE]",
    .max = 1,
    .complete = { DEBUG_ARG_CHUNK | DEBUG_ARG_OFFSET | DEBUG_ARG_CODE },
    .flags = DEBUG_FORMAT,
    .help = "bytes at a place: x, x/4xw, x/s, x/64",
    .about = "FMT is a count, a letter, a size, as in gdb: x hex, d signed, u unsigned, o octal, "
             "c characters, s strings; b 1, h 2, w 4, g 8 bytes; e for big-endian numbers. Without "
             "a letter: COUNT bytes (128) of hex with characters.",
    .exec = x_exec,
};
DEBUG_COMMAND(row);
