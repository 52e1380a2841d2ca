/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a chunk as hex. */
#include <inttypes.h>

#include "xsdump.h"

void hex_chunk(const struct cli_term *t, struct image *im, const struct xsi_chunk *chunk,
               uint64_t limit)
{
    uint64_t end = chunk->length < limit ? chunk->length : limit;

    for (uint64_t at = 0; at < end && !cli_output_failed();) {
        size_t have = 0, want = end - at < (64U << 10) ? (size_t)(end - at) : 64U << 10;
        const uint8_t *bytes = xsi_chunk_bytes(im->walk, chunk, at, want, &have);

        for (size_t i = 0; i < have; i += CLI_HEX_LINE) {
            size_t n = have - i < CLI_HEX_LINE ? have - i : CLI_HEX_LINE;

            cli_hex_line(t, chunk->offset + at + i, bytes + i, n);
            cli_hex_text(t, bytes + i, n);
        }
        if (!have)
            break;
        at += have;
    }
    if (end < chunk->length && !(chunk->flags & XSI_CHUNK_PAGES))
        fprintf(t->out, "  ... %" PRIu64 " more bytes; all of them: xsdump -vv -x -r %" PRIu64 "\n",
                chunk->length - end, chunk->index);
}
