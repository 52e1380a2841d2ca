/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text and bars on a canvas: the one place where characters are given to ncurses. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "cli/cli.h"
#include "screen_internal.h"

/* Columns and bytes of a text that are looked at: no line of a screen is longer. */
#define LINE_COLUMNS 1024
#define LINE_BYTES   4096

/* ---------------------------------------------------------------- roles ---- */

/* clang-format off */
enum { COLOUR_DEFAULT = -1, COLOUR_BLACK, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BLUE,
       COLOUR_MAGENTA, COLOUR_CYAN, COLOUR_WHITE };
enum { LOOK_NONE, LOOK_BOLD, LOOK_REVERSE, LOOK_UNDERLINE, LOOK_BRIGHT };

static const struct {
    char letter;
    signed char foreground, background;
    unsigned char coloured, plain;
} roles[ROLE_COUNT] = {
#define ROLE(id, letter, fg, bg, coloured, plain) \
    [ROLE_##id] = { letter, COLOUR_##fg, COLOUR_##bg, LOOK_##coloured, LOOK_##plain },
#include "roles.def"
#undef ROLE
};
/* clang-format on */

/* A pair of colours for each: terminals of 8 colours have 63. */
_Static_assert(ROLE_COUNT < 63, "more roles than pairs of colours");

static short bright(short colour, bool is)
{
    return (short)(is && colour >= 0 && COLORS >= 16 ? colour + 8 : colour);
}

bool screen_roles(void)
{
    bool defaults;

    if (!has_colors() || start_color() == ERR || COLORS < 8 || COLOR_PAIRS <= ROLE_COUNT)
        return false;
    defaults = use_default_colors() == OK;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        short foreground = roles[i].foreground, background = roles[i].background;
        bool is = roles[i].coloured == LOOK_BRIGHT;

        /* of a coloured cell the ground, else the letters are bright */
        foreground = bright(foreground, is && background == COLOUR_DEFAULT);
        background = bright(background, is);
        if (!defaults) {
            foreground = foreground < 0 ? COLOR_WHITE : foreground;
            background = background < 0 ? COLOR_BLACK : background;
        }
        init_pair((short)(i + 1), foreground, background);
    }
    return true;
}

static attr_t look(enum role role)
{
    static const attr_t looks[] = {
        [LOOK_NONE] = A_NORMAL,         [LOOK_BOLD] = A_BOLD,     [LOOK_REVERSE] = A_REVERSE,
        [LOOK_UNDERLINE] = A_UNDERLINE, [LOOK_BRIGHT] = A_NORMAL,
    };
    bool colours = screen_state.colours;

    if (colours && roles[role].coloured == LOOK_BRIGHT && COLORS < 16)
        return A_BOLD;
    return looks[colours ? roles[role].coloured : roles[role].plain];
}

static short pair(enum role role)
{
    return (short)(screen_state.colours ? role + 1 : 0);
}

void screen_role(enum role role)
{
    attr_set(look(role), pair(role), NULL);
}

char role_letter(enum role role)
{
    return roles[role].letter;
}

bool screen_colours(void)
{
    return screen_state.colours;
}

/* ---------------------------------------------------------------- text ---- */

struct line {
    wchar_t text[LINE_COLUMNS + 1];
    int count;   /* characters */
    int columns; /* that they take */
};

/* The bytes of a character in digits, for what a screen cannot show. */
static int digits(const char *p, size_t n, wchar_t *out)
{
    static const char hex[] = "0123456789abcdef";
    int count = 0;

    for (size_t i = 0; i < n; i++) {
        out[count++] = L'\\';
        out[count++] = L'x';
        out[count++] = (wchar_t)hex[(unsigned char)p[i] >> 4];
        out[count++] = (wchar_t)hex[p[i] & 15];
    }
    return count;
}

/*
 * The character at p as it goes to the screen. Returns its bytes. After cli_clean() there is valid
 * UTF-8 without controls; what has no column of its own (a combining accent) could still pile up
 * on its neighbours.
 */
static size_t character(const char *p, wchar_t out[16], int *count, int *columns)
{
    size_t n = 1;
    wchar_t c = (unsigned char)*p;

    *count = *columns = 1;
    out[0] = c;
    if (c >= 0x20 && c < 0x7f)
        return 1;
    while (n < 4 && (p[n] & 0xc0) == 0x80)
        n++;
    if (!screen_state.utf8) {
        out[0] = L'?';
        return n;
    }
    if (mbrtowc(&c, p, n, &(mbstate_t){ 0 }) == n && wcwidth(c) > 0) {
        out[0] = c;
        *columns = wcwidth(c);
        return n;
    }
    *columns = *count = digits(p, n, out);
    return n;
}

/* As much of a text as fits into a width; true when something did not. `end`: it ends in '>'
 * then. */
static bool fit(struct line *l, const char *text, int width, bool end)
{
    char clean[4 * LINE_BYTES + 1], raw[LINE_BYTES + 1];
    int whole = 0, whole_columns = 0; /* with a column left for '>' */
    const char *p = clean;

    l->count = l->columns = 0;
    snprintf(raw, sizeof(raw), "%s", text);
    cli_clean(clean, sizeof(clean), raw);
    if (width > LINE_COLUMNS)
        width = LINE_COLUMNS;
    while (*p) {
        wchar_t c[16];
        int count, columns;

        p += character(p, c, &count, &columns);
        if (l->columns + columns > width) {
            if (end && width > 0) {
                l->count = whole;
                l->columns = whole_columns + 1;
                l->text[l->count++] = L'>';
            }
            return true;
        }
        wmemcpy(l->text + l->count, c, (size_t)count);
        l->count += count;
        l->columns += columns;
        if (l->columns < width) {
            whole = l->count;
            whole_columns = l->columns;
        }
    }
    return false;
}

static void show(const struct canvas *c, int y, int x, enum role role, const struct line *l)
{
    if (y < 0 || y >= c->rows || !l->count)
        return;
    screen_role(role);
    mvaddnwstr(c->y + y, c->x + x, l->text, l->count);
    screen_role(ROLE_TEXT);
}

int canvas_put(struct canvas *c, int y, int x, enum role role, const char *fmt, ...)
{
    char text[LINE_BYTES];
    struct line l;
    va_list args;

    if (!c)
        return x;
    x = x < 0 ? 0 : x;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fit(&l, text, c->columns - x, false);
    show(c, y, x, role, &l);
    return x + l.columns;
}

int canvas_text(struct canvas *c, int y, int x, int width, enum role role, const char *text)
{
    struct line l;

    if (!c)
        return x;
    x = x < 0 ? 0 : x;
    if (width > c->columns - x)
        width = c->columns - x;
    fit(&l, text, width, true);
    while (l.columns < width && l.count < LINE_COLUMNS) {
        l.text[l.count++] = L' ';
        l.columns++;
    }
    show(c, y, x, role, &l);
    return x + l.columns;
}

/* ---------------------------------------------------------------- cells ---- */

/* The cells of a row that are on the canvas; 0: none. */
static int cells(const struct canvas *c, int y, int *x, int n)
{
    if (!c || y < 0 || y >= c->rows)
        return 0;
    if (*x < 0) {
        n += *x;
        *x = 0;
    }
    if (n > c->columns - *x)
        n = c->columns - *x;
    return n > 0 ? n : 0;
}

void canvas_bar(struct canvas *c, int y, int x, int n, enum role role, bool always)
{
    char letter = always || !screen_state.colours ? roles[role].letter : ' ';

    n = cells(c, y, &x, n);
    if (!n)
        return;
    screen_role(role);
    for (int i = 0; i < n; i++)
        mvaddch(c->y + y, c->x + x + i, (chtype)(unsigned char)letter);
    screen_role(ROLE_TEXT);
}

void canvas_mark(struct canvas *c, int y, int x, int n, enum role role)
{
    n = cells(c, y, &x, n);
    if (n)
        mvchgat(c->y + y, c->x + x, n, look(role), pair(role), NULL);
}

int canvas_rows(const struct canvas *c)
{
    return c ? c->rows : 0;
}

int canvas_columns(const struct canvas *c)
{
    return c ? c->columns : 0;
}

bool canvas_focused(const struct canvas *c)
{
    return c && c->focused;
}
