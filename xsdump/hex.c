/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes as hex. */
#include <inttypes.h>
#include <string.h>

#include "xsdump.h"

#define PER_LINE 16U

void hex_line(const struct cli_term *t, uint64_t offset, const uint8_t *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    char hex[3 * PER_LINE + 1];
    size_t used = 0;

    if (n > PER_LINE)
        n = PER_LINE;
    for (size_t i = 0; i < n; i++) {
        hex[used++] = ' ';
        hex[used++] = digit[bytes[i] >> 4];
        hex[used++] = digit[bytes[i] & 15];
    }
    hex[used] = '\0';
    if (n)
        fprintf(t->out, "  0x%08" PRIx64 " %-*s", offset, (int)(3 * PER_LINE), hex);
    else
        fprintf(t->out, "  %10s %-*s", "", (int)(3 * PER_LINE), "");
}

/* Foreign text in pieces; escaping makes four bytes of one at most. */
void put_escaped(const struct cli_term *t, const char *text, size_t n)
{
    char out[4 * 1024 + 1];

    while (n) {
        size_t part = n < 1024 ? n : 1024;

        /* Do not cut a character in two. */
        while (part < n && part > 1020 && ((unsigned char)text[part] & 0xc0) == 0x80)
            part--;
        fputs(xsi_escape(out, sizeof(out), text, part), t->out);
        text += part;
        n -= part;
    }
}

static void ascii(const struct cli_term *t, const uint8_t *bytes, size_t n)
{
    char text[PER_LINE + 1];

    for (size_t i = 0; i < n; i++)
        text[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.';
    text[n] = '\0';
    fprintf(t->out, "  %s\n", text);
}

void hex_chunk(const struct cli_term *t, struct image *im, const struct xsi_chunk *chunk,
               uint64_t limit)
{
    uint64_t end = chunk->length < limit ? chunk->length : limit;

    for (uint64_t at = 0; at < end && !cli_output_failed();) {
        size_t have = 0, want = end - at < (64U << 10) ? (size_t)(end - at) : 64U << 10;
        const uint8_t *bytes = xsi_chunk_bytes(im->walk, chunk, at, want, &have);

        for (size_t i = 0; i < have; i += PER_LINE) {
            size_t n = have - i < PER_LINE ? have - i : PER_LINE;

            hex_line(t, chunk->offset + at + i, bytes + i, n);
            ascii(t, bytes + i, n);
        }
        if (!have)
            break;
        at += have;
    }
    if (end < chunk->length && !(chunk->flags & XSI_CHUNK_PAGES))
        fprintf(t->out, "  ... %" PRIu64 " more bytes; all of them: xsdump -vv -x -r %" PRIu64 "\n",
                chunk->length - end, chunk->index);
}
