/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places and chunks as people name them; what stands at an offset. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug_internal.h"

#define PLACE_LENGTH 128

static uint64_t image_size(const struct debug *d)
{
    uint64_t size = 0;

    xsi_source_size(xsi_plan_source(d->plan), &size);
    return size;
}

void debug_move(struct debug *d, uint64_t offset)
{
    d->at = offset;
}

/* ---------------------------------------------------------------- chunks by number ---- */

/* A walk that stands on chunk number `index`; *offset is where it is. */
static struct xsi_walk *open_index(struct debug *d, uint64_t index, const struct xsi_chunk **chunk)
{
    size_t count, low = 0, high;
    const struct xsi_map_row *row = xsi_map_rows(d->map, &count);
    struct xsi_error err = { 0, "" };
    struct xsi_walk *walk;
    struct xsi_event ev;

    for (high = count; low < high;) { /* low = rows that begin at or before the number */
        size_t middle = low + (high - low) / 2;

        if (row[middle].index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || (index >= row[low - 1].index + row[low - 1].count && !xsi_map_full(d->map))) {
        debug_fail(d, CLI_USAGE, "no chunk %" PRIu64 "; the last one is %" PRIu64, index,
                   count ? row[count - 1].index + row[count - 1].count - 1 : 0);
        return NULL;
    }
    walk = xsi_map_open(d->map, row[low - 1].offset, chunk, &err);
    while (walk && (*chunk)->index < index && xsi_walk_next(walk, &ev) > 0)
        if (ev.kind == XSI_EV_CHUNK)
            *chunk = ev.chunk;
    if (walk && (*chunk)->index == index)
        return walk;
    xsi_walk_free(walk);
    debug_fail(d, CLI_OPERATIONAL, "chunk %" PRIu64 " cannot be read: %s", index, err.text);
    return NULL;
}

/* ---------------------------------------------------------------- places ---- */

/* Names of chunks and of findings are told apart by looking: no chunk is called XS-L09. */
bool debug_named(struct debug *d, const char *text, uint64_t *offset)
{
    const struct xsi_map_row *chunk;
    char upper[PLACE_LENGTH];
    struct xsi_finding f;
    size_t n;

    if (debug_finding_by(d->map, text, 0, &f)) {
        *offset = f.offset;
        return true;
    }
    chunk = xsi_map_type(d->map, text, d->at);
    chunk = chunk ? chunk : xsi_map_type(d->map, text, 0);
    if (!chunk) {
        for (n = 0; text[n] && n + 1 < sizeof(upper); n++)
            upper[n] = (char)toupper((unsigned char)text[n]);
        upper[n] = '\0';
        chunk = xsi_map_type(d->map, upper, d->at);
        chunk = chunk ? chunk : xsi_map_type(d->map, upper, 0);
    }
    if (!chunk)
        return false;
    *offset = chunk->offset;
    return true;
}

static bool base_place(struct debug *d, const char *text, uint64_t *offset)
{
    const struct xsi_chunk *chunk;
    struct xsi_walk *walk;
    uint64_t index;

    if (*text == '@')
        text++;
    if (!strcmp(text, ".")) {
        *offset = d->at;
        return true;
    }
    if (!strcmp(text, "$")) {
        *offset = image_size(d);
        return true;
    }
    if (cli_number(text, offset))
        return true;
    if (*text == '#' && cli_number(text + 1, &index)) {
        walk = open_index(d, index, &chunk);
        *offset = walk ? chunk->offset : 0;
        xsi_walk_free(walk);
        return walk != NULL;
    }
    if (debug_named(d, text, offset))
        return true;
    debug_fail(d, CLI_USAGE,
               "'%s' is no place here: an offset, #CHUNK, a chunk's type or a finding's code; "
               "`list all` shows the chunks",
               text);
    return false;
}

/* The sign of "PLACE+N"; a name has '-' within it, so what follows must be a number. */
static char *sign_of(char *text, uint64_t *number)
{
    char *at = text + strlen(text);

    while (--at > text)
        if ((*at == '+' || *at == '-') && cli_number(at + 1, number))
            return at;
    return NULL;
}

bool debug_place(struct debug *d, const char *text, uint64_t *offset)
{
    char copy[PLACE_LENGTH], *sign;
    uint64_t more = 0, size = image_size(d);
    bool minus;

    if (strlen(text) >= sizeof(copy) || !*text) {
        debug_fail(d, CLI_USAGE, "a place is an offset, a chunk or a finding; help goto");
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    sign = xsi_finding_lookup(copy) ? NULL : sign_of(copy, &more);
    minus = sign && *sign == '-';
    if (sign)
        *sign = '\0';
    if (!base_place(d, copy, offset))
        return false;
    if (*offset > size || more > (minus ? *offset : size - *offset)) {
        debug_fail(d, CLI_USAGE, "%s lies outside the image, which is 0x%" PRIx64 " bytes long",
                   text, size);
        return false;
    }
    *offset = minus ? *offset - more : *offset + more;
    return true;
}

struct xsi_walk *debug_chunk(struct debug *d, const char *text, const struct xsi_chunk **chunk)
{
    struct xsi_error err = { 0, "" };
    struct xsi_walk *walk;
    uint64_t number;

    if (cli_number(*text == '#' ? text + 1 : text, &number))
        return open_index(d, number, chunk);
    if (!debug_place(d, text, &number))
        return NULL;
    walk = xsi_map_open(d->map, number, chunk, &err);
    if (!walk)
        debug_fail(d, CLI_OPERATIONAL, "%s", err.text);
    return walk;
}

/* ---------------------------------------------------------------- what is there ---- */

char *debug_what(struct debug *d, uint64_t offset, char *out, size_t size)
{
    const struct xsi_map_row *row = xsi_map_at(d->map, offset);
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk =
        row && row->count > 1 ? xsi_map_open(d->map, offset, &chunk, &err) : NULL;
    uint64_t begin = row ? row->offset : 0, index = row ? row->index : 0;
    char type[160], name[80];

    if (!row) {
        snprintf(out, size, "the end of the image");
        return out;
    }
    if (walk) {
        begin = chunk->offset;
        index = chunk->index;
    }
    xsi_walk_free(walk);
    snprintf(name, sizeof(name), "%s", row->type);
    xsi_escape(type, sizeof(type), name, strlen(name));
    if (offset == begin)
        snprintf(out, size, "%s, chunk %" PRIu64, type, index);
    else
        snprintf(out, size, "byte %" PRIu64 " of %s, chunk %" PRIu64 " at 0x%" PRIx64,
                 offset - begin, type, index, begin);
    return out;
}

#define LINE_LENGTH CLI_HEX_LINE

void debug_hex(struct debug *d, uint64_t offset, uint64_t length, uint64_t from, uint64_t marked)
{
    struct xsi_source *src = xsi_plan_source(d->plan);
    uint8_t bytes[LINE_LENGTH];

    while (length && !debug_stopped(d)) {
        size_t want = length < LINE_LENGTH ? (size_t)length : LINE_LENGTH;
        ssize_t n = xsi_source_read(src, bytes, want, offset);

        if (n < 0)
            debug_fail(d, CLI_OPERATIONAL, "0x%" PRIx64 ": %s", offset,
                       xsi_source_error(src)->text);
        if (n <= 0)
            return;
        cli_hex_line(&d->term, offset, bytes, (size_t)n);
        cli_hex_text(&d->term, bytes, (size_t)n);
        if (marked && from < offset + (size_t)n && from + marked > offset) {
            uint64_t first = from > offset ? from - offset : 0;
            uint64_t end =
                from + marked < offset + LINE_LENGTH ? from + marked - offset : LINE_LENGTH;

            fprintf(d->term.out, "  %10s %*s", "", (int)(3 * first + 1), "");
            for (uint64_t i = first; i < end; i++)
                fputs(i + 1 < end ? "^^^" : "^^\n", d->term.out);
        }
        offset += (size_t)n;
        length -= (size_t)n;
    }
}
