/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal's clipboard: OSC 52, which reaches the person's own machine through ssh and tmux. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "screen_internal.h"

/* xterm takes so much; others take more. */
#define CLIP_MAX 75000

/* Names of terminals, or what they begin with, that know the sequence, or pass it on, or ignore it
 * in silence. A console would print it. */
static bool able(void)
{
    static const char *const names[] = { "xterm", "tmux",  "screen", "rxvt",    "alacritty",
                                         "foot",  "kitty", "st-",    "wezterm", "contour" };
    const char *term = getenv("TERM");

    for (size_t i = 0; term && i < sizeof(names) / sizeof(names[0]); i++)
        if (strncmp(term, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static char *base64(char *out, const unsigned char *p, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; n; p += 3) {
        unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

        *out++ = digit[v >> 18];
        *out++ = digit[v >> 12 & 63];
        *out++ = '=';
        *out++ = '=';
        if (n > 1)
            out[-2] = digit[v >> 6 & 63];
        if (n > 2)
            out[-1] = digit[v & 63];
        n = n > 3 ? n - 3 : 0;
    }
    return out;
}

bool screen_clip(const char *text)
{
    static const char begin[] = "\033]52;c;", end[] = "\a";
    size_t n = strlen(text), done = 0, size;
    char *all, *p;

    if (!screen_state.terminal || !able() || n > CLIP_MAX)
        return false;
    all = malloc(sizeof(begin) + sizeof(end) + (n + 2) / 3 * 4);
    if (!all)
        return false;
    p = base64(stpcpy(all, begin), (const unsigned char *)text, n);
    size = (size_t)(stpcpy(p, end) - all);
    fflush(stdout);
    while (done < size) {
        ssize_t wrote = write(STDOUT_FILENO, all + done, size - done);

        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    free(all);
    return done == size;
}
