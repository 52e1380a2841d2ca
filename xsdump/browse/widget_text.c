/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "widget_text.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define LINE_MAX_BYTES 4096

size_t text_line(const char *text, int columns)
{
    size_t fits = cli_fit(text, columns > 1 ? (size_t)columns : 1), n;

    if (!text[fits])
        return fits;
    for (n = fits; n && text[n] != ' '; n--)
        ;
    if (!n) /* a word longer than the line */
        n = fits ? fits : 1;
    return n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES - 1;
}

int text_wrap(struct canvas *c, int y, int width, int rows, int indent, enum role role,
              const char *text)
{
    char line[LINE_MAX_BYTES];
    int used = 0;

    while (*text && used < rows) {
        int x = used && indent < width / 2 ? indent : 0;
        size_t n = text_line(text, width - x);
        bool last = used + 1 == rows;

        /* the last line that there is gets all of the rest: the canvas cuts it */
        snprintf(line, sizeof(line), "%.*s", last ? LINE_MAX_BYTES - 1 : (int)n, text);
        if (c)
            canvas_text(c, y + used, x, width - x, role, line);
        used++;
        text += last ? strlen(text) : n;
        text += strspn(text, " ");
    }
    return used;
}
