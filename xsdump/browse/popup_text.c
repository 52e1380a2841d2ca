/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A text to read: wrapped, scrolled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "popup.h"
#include "widget_text.h"

#define TEXT_MAX  (1U << 20)
#define LINES_MAX 65536U
#define LINE_SIZE 1024

struct line {
    unsigned start, length, indent;
};

struct reader {
    struct popup popup;
    char *text; /* lines, each ended by a NUL */
    size_t length;
    struct line *line; /* of a screen of `width` columns */
    size_t count, capacity;
    int width;
    size_t widest;
    int rows; /* of text, shown at last */
    size_t top;
};

/* ---------------------------------------------------------------- wrapping ---- */

/* Where the lines behind the first begin: below the text that follows a word and a gap
 * ("  F1   what it does"), else below the first. */
static unsigned hanging(const char *text, int width)
{
    size_t blanks = strspn(text, " "), at = blanks, gap = 0;

    while (text[at] && at < 24 && !gap) {
        at += strcspn(text + at, " ");
        gap = strspn(text + at, " ");
        gap = gap < 2 ? 0 : gap;
        at += gap ? gap : strspn(text + at, " ");
    }
    at = gap && text[at] ? at : blanks;
    return at > (size_t)width / 2 ? 2 : (unsigned)at;
}

static bool add(struct reader *r, size_t start, size_t length, unsigned indent)
{
    char text[LINE_SIZE];
    size_t columns;

    snprintf(text, sizeof(text), "%.*s", (int)length, r->text + start);
    columns = indent + cli_columns(text);
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct line *line =
            capacity > LINES_MAX ? NULL : reallocarray(r->line, capacity, sizeof(*line));

        if (!line)
            return false;
        r->line = line;
        r->capacity = capacity;
    }
    r->line[r->count++] = (struct line){ (unsigned)start, (unsigned)length, indent };
    r->widest = columns > r->widest ? columns : r->widest;
    return true;
}

/* One line of the text on as many of the screen as it takes. */
static bool wrap_line(struct reader *r, size_t start)
{
    unsigned hang = hanging(r->text + start, r->width), indent = 0;

    do {
        size_t n = text_line(r->text + start, r->width - (int)indent);

        if (!add(r, start, n, indent))
            return false;
        start += n;
        start += strspn(r->text + start, " ");
        indent = hang;
    } while (r->text[start]);
    return true;
}

static void wrap(struct reader *r, int width)
{
    size_t at = 0, was = r->top < r->count ? r->line[r->top].start : 0;

    if (width == r->width)
        return;
    r->width = width;
    r->count = r->widest = 0;
    while (at < r->length && wrap_line(r, at))
        at += strlen(r->text + at) + 1;
    /* the same words stay at the top */
    for (r->top = 0; r->top + 1 < r->count && r->line[r->top + 1].start <= was; r->top++)
        ;
}

/* ---------------------------------------------------------------- the popup ---- */

static void fit_top(struct reader *r)
{
    size_t most = r->count > (size_t)r->rows ? r->count - (size_t)r->rows : 0;

    r->top = r->top < most ? r->top : most;
}

static void draw(struct browse *b, struct popup *p)
{
    struct reader *r = (struct reader *)p;
    int rows, columns, margin;
    struct canvas *c;
    char text[LINE_SIZE];

    (void)b;
    popup_room(&rows, &columns);
    wrap(r, columns);
    /* a line for the keys, where more than the text's end would be lost by it */
    r->rows = rows > 4 ? rows - 1 : rows;
    r->rows = r->count < (size_t)r->rows ? (int)r->count : r->rows;
    fit_top(r);
    snprintf(text, sizeof(text), "%s", p->title);
    if (r->count > (size_t)r->rows)
        snprintf(text, sizeof(text), "%s, %zu-%zu of %zu", p->title, r->top + 1,
                 r->top + (size_t)r->rows, r->count);
    c = popup_box(p, text, r->rows + (rows > 4), (int)(r->widest > 36 ? r->widest : 36), &margin);
    for (int i = 0; i < r->rows; i++) {
        const struct line *l = &r->line[r->top + (size_t)i];

        snprintf(text, sizeof(text), "%.*s", (int)l->length, r->text + l->start);
        canvas_put(c, i, margin + (int)l->indent, ROLE_TEXT, "%s", text);
    }
    if (rows > 4)
        canvas_put(c, r->rows, margin, ROLE_DIM, "%s",
                   r->count > (size_t)r->rows ? "Space or PgDn: more; q closes" : "q closes");
    screen_canvas_free(c);
}

static void scroll(struct reader *r, long by)
{
    if (by < 0)
        r->top = r->top > (size_t)-by ? r->top - (size_t)-by : 0;
    else
        r->top += (size_t)by;
    fit_top(r);
}

static void key(struct browse *b, struct popup *p, int k)
{
    struct reader *r = (struct reader *)p;
    long page = r->rows > 2 ? r->rows - 1 : 1;
    enum act act;

    if (k == SK_ESCAPE || k == 'q' || k == SK_CTRL('c') || k == SK_F(10)) {
        popup_close(b);
        return;
    }
    if (k == SK_MOUSE) {
        scroll(r, screen_mouse().wheel);
        return;
    }
    if (!popup_act(b, k, &act))
        return;
    if (act == ACT_ENTER)
        popup_close(b);
    else if (act == ACT_UP || act == ACT_DOWN)
        scroll(r, act == ACT_UP ? -1 : 1);
    else if (act == ACT_PAGE_UP || act == ACT_PAGE_DOWN || act == ACT_TOGGLE)
        scroll(r, act == ACT_PAGE_UP ? -page : page);
    else if (act == ACT_FIRST || act == ACT_LAST)
        scroll(r, act == ACT_FIRST ? -(long)r->count : (long)r->count);
}

static void click(struct browse *b, struct popup *p, int y, bool twice)
{
    struct reader *r = (struct reader *)p;

    (void)twice;
    if (y >= r->rows) /* the line with the keys */
        popup_close(b);
}

static void release(struct popup *p)
{
    struct reader *r = (struct reader *)p;

    free(r->text);
    free(r->line);
}

void popup_text(struct browse *b, const char *title, const char *text)
{
    static const struct popup_kind kind = {
        .draw = draw, .key = key, .click = click, .free = release
    };
    char *copy = strndup(text, TEXT_MAX);
    struct reader *r;

    r = copy ? (struct reader *)popup_open(b, &kind, title, sizeof(*r)) : NULL;
    if (!r) {
        free(copy);
        return;
    }
    r->text = copy;
    r->length = strlen(copy);
    for (size_t i = 0; i < r->length; i++)
        if (copy[i] == '\n')
            copy[i] = '\0';
}
