/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Width, colour and line breaks. No locale is loaded: it costs more than a whole listing. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

#define WIDTH_MIN 20
#define WIDTH_MAX 1000

void cli_term_init(struct cli_term *t, const char *when)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    struct winsize ws;

    memset(t, 0, sizeof(*t));
    t->out = stdout;
    t->colour = strcmp(when, "always") == 0;
    if (!isatty(STDOUT_FILENO))
        return;
    t->width = 80;
    t->height = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0) {
        t->width = ws.ws_col ? ws.ws_col : t->width;
        t->height = ws.ws_row ? ws.ws_row : t->height;
    }
    if (t->width < WIDTH_MIN)
        t->width = WIDTH_MIN;
    if (t->width > WIDTH_MAX)
        t->width = WIDTH_MAX;
    if (strcmp(when, "auto") == 0)
        t->colour = !(no_color && *no_color) && terminal && strcmp(terminal, "dumb") != 0;
}

struct cli_term cli_prose(const struct cli_term *t)
{
    struct cli_term p = *t;

    if (!p.width || p.width > 100)
        p.width = p.width ? 100 : 80;
    return p;
}

const char *cli_colour(const struct cli_term *t, enum cli_colour colour)
{
    static const char *const sequence[] = {
        [CLI_PLAIN] = "\033[0m", [CLI_RED] = "\033[31m", [CLI_YELLOW] = "\033[33m",
        [CLI_CYAN] = "\033[36m", [CLI_BOLD] = "\033[1m",
    };

    return t->colour ? sequence[colour] : "";
}

/*
 * Columns of the character that begins with this byte. Without a locale there is no wcwidth():
 * what may be two columns wide (most of what takes three bytes, and all that takes four) counts
 * as two, so a line can come out shorter than the terminal, never longer.
 */
static size_t columns_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc0)
        return 0;
    return lead < 0xe1 ? 1 : 2;
}

size_t cli_columns(const char *text)
{
    size_t columns = 0;

    while (*text)
        columns += columns_of((unsigned char)*text++);
    return columns;
}

size_t cli_fit(const char *text, size_t columns)
{
    size_t n = 0, taken = 0;

    for (; text[n]; n++) {
        taken += columns_of((unsigned char)text[n]);
        if (taken > columns)
            break;
    }
    return n;
}

void cli_wrap(const struct cli_term *t, size_t at, size_t indent, const char *text)
{
    size_t width = t->width;
    bool fresh = true; /* nothing of the text stands on this line yet */

    if (!width) {
        fprintf(t->out, "%s\n", text);
        return;
    }
    if (indent + 16 > width)
        indent = width > 32 ? 8 : 2;
    while (*text) {
        size_t word = strcspn(text, " ");
        size_t columns = cli_columns(text) - cli_columns(text + word);

        if (!fresh && at + 1 + columns > width) {
            fprintf(t->out, "\n%*s", (int)indent, "");
            at = indent;
            fresh = true;
        }
        fprintf(t->out, "%s%.*s", fresh ? "" : " ", (int)word, text);
        at += columns + !fresh;
        fresh = false;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', t->out);
}
