/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Print a libFuzzer dictionary made of the tables: the anchors of every format, and the names and
 * numbers of all chunk types that the images on the command line hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins.h"

static void entry(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    putchar('"');
    for (size_t i = 0; i < n; i++)
        printf("\\x%02x", p[i]);
    puts("\"");
}

static void anchors(const struct xsi_format *format)
{
    for (const struct xsi_anchor *a = format->anchors; a && a->length; a++)
        entry(a->bytes, a->length);
}

static void numbers(const char *path)
{
    struct xsi_error err = { 0 };
    struct xsi_source *src = xsi_source_open(path, NULL, &err);
    struct xsi_walk *w = src ? xsi_walk_new(src, NULL, &err) : NULL;
    struct xsi_event ev;

    while (w && xsi_walk_next(w, &ev) > 0) {
        if (ev.kind == XSI_EV_CHUNK && ev.chunk->has_id) {
            uint32_t little = htole32((uint32_t)ev.chunk->id),
                     big = htobe32((uint32_t)ev.chunk->id);

            entry(&little, sizeof(little));
            entry(&big, sizeof(big));
        }
    }
    xsi_walk_free(w);
    xsi_source_free(src);
}

int main(int argc, char **argv)
{
#define FORMAT(name) anchors(&xsi_format_##name);
#include "plugins.def"
#undef FORMAT
    for (int i = 1; i < argc; i++)
        numbers(argv[i]);
    return 0;
}
