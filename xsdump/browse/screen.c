/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal: taking it, leaving it, its parts. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "life.h"
#include "screen_internal.h"

struct screen screen_state;

/* ---------------------------------------------------------------- the way back ---- */

/* What the parent writes when the browser cannot any more; ncurses says it by capabilities. */
static void append(char *out, size_t size, const char *capability)
{
    size_t used = strlen(out);

    /* "$<5>" is a delay for terminals of old; nothing is in a hurry here */
    while (*capability && used + 1 < size) {
        const char *end = strncmp(capability, "$<", 2) == 0 ? strchr(capability, '>') : NULL;

        if (end)
            capability = end + 1;
        else
            out[used++] = *capability++;
    }
    out[used] = '\0';
}

static const char *capability(const char *name)
{
    const char *text = tigetstr((NCURSES_CONST char *)name);

    return text && text != (const char *)-1 ? text : "";
}

/* As endwin() does it: the last line, for terminals that have no other screen to go back to; then
 * modes, attributes, and that screen. */
static void way_back(char *out, size_t size)
{
    static const char *const names[] = { "rmacs", "sgr0", "op", "rmkx", "cnorm", "rmcup" };
    const char *mouse = capability("XM");

    *out = '\0';
    if (*capability("kmous"))
        append(out, size, *mouse ? tiparm(mouse, 0) : "\033[?1000l");
    append(out, size, tiparm(capability("cup"), LINES - 1, 0));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        append(out, size, capability(names[i]));
    append(out, size, "\r");
}

/* The parent knows whose the terminal is. */
static void taken(bool is)
{
    char back[LIFE_BACK_MAX] = "";

    if (is)
        way_back(back, sizeof(back));
    life_taken(is, back);
}

/* ---------------------------------------------------------------- open, close ---- */

/* ^C is a key; ^Z stays a signal, and so does ^\ for the day when nothing else works. Flow control
 * stays on: a serial console may need it. */
static void modes(void)
{
    struct termios t;

    cbreak();
    noecho();
    nonl();
    if (tcgetattr(STDIN_FILENO, &t) == 0) {
        t.c_cc[VINTR] = _POSIX_VDISABLE;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
    }
    def_prog_mode();
}

static bool able(char *why, size_t size)
{
    char name[64];
    const char *term = getenv("TERM");

    cli_name(name, sizeof(name), term ? term : "");
    if (screen_state.terminal && *capability("cup") && *capability("clear"))
        return true;
    if (!term || !*term)
        snprintf(why, size, "TERM is not set; try TERM=vt100");
    else if (screen_state.terminal)
        snprintf(why, size, "a terminal of type %s cannot place text; try TERM=vt100", name);
    else
        snprintf(why, size, "the terminal type %s is not known here; try TERM=xterm or TERM=vt100",
                 name);
    return false;
}

bool screen_open(bool colours, char *why, size_t size)
{
    struct screen *s = &screen_state;

    *s = (struct screen){ .cursor_y = -1, .cursor_x = -1 };
    setlocale(LC_CTYPE, "");
    s->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    /* the size is what the terminal says now, not what a shell said when it started */
    use_tioctl(TRUE);
    s->terminal = newterm(NULL, stdout, stdin);
    if (!able(why, size)) {
        screen_close();
        return false;
    }
    taken(true);
    modes();
    screen_keys();
    s->colours = colours && screen_roles();
    curs_set(0);
    return true;
}

void screen_close(void)
{
    struct screen *s = &screen_state;

    if (!s->terminal)
        return;
    endwin();
    taken(false);
    delscreen(s->terminal);
    s->terminal = NULL;
}

/* The person wants the shell for a while. */
void screen_suspend(void)
{
    endwin();
    taken(false);
    life_stop();
    screen_resume();
}

/* Back from the shell: whatever happened to the terminal meanwhile. */
void screen_resume(void)
{
    if (!life_is_taken() && !isendwin())
        endwin(); /* it was the parent who gave it back: ncurses believes that it has it still */
    reset_prog_mode();
    taken(true);
    clearok(curscr, TRUE);
    refresh();
}

void screen_resize(int rows, int columns)
{
    resize_term(rows, columns);
    clearok(curscr, TRUE);
    taken(true);
}

/* ---------------------------------------------------------------- parts ---- */

void screen_size(int *rows, int *columns)
{
    *rows = LINES;
    *columns = COLS;
}

/* The frame around a canvas, with its title in the upper line. */
static void frame(struct canvas *c)
{
    int up = c->y - 1, down = c->y + c->rows, left = c->x - 1, right = c->x + c->columns;
    struct canvas line = { .y = up, .x = c->x, .rows = 1, .columns = c->columns };

    screen_role(c->focused ? ROLE_FRAME_FOCUS : ROLE_FRAME);
    mvhline_set(up, c->x, WACS_HLINE, c->columns);
    mvhline_set(down, c->x, WACS_HLINE, c->columns);
    mvvline_set(c->y, left, WACS_VLINE, c->rows);
    mvvline_set(c->y, right, WACS_VLINE, c->rows);
    mvadd_wch(up, left, WACS_ULCORNER);
    mvadd_wch(up, right, WACS_URCORNER);
    mvadd_wch(down, left, WACS_LLCORNER);
    mvadd_wch(down, right, WACS_LRCORNER);
    screen_role(ROLE_TEXT);
    if (*c->title)
        canvas_put(&line, 0, 0, c->focused ? ROLE_CURSOR : ROLE_FRAME, " %s ", c->title);
}

void canvas_clear(struct canvas *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->rows; i++)
        mvhline(c->y + i, c->x, ' ', c->columns);
    if (c->framed) /* something may have stood on top of it */
        frame(c);
}

void canvas_title(struct canvas *c, const char *title)
{
    if (!c)
        return;
    snprintf(c->title, sizeof(c->title), "%s", title);
    if (c->framed)
        frame(c);
}

struct canvas *screen_canvas(int y, int x, int rows, int columns, const char *title, bool focused)
{
    struct canvas *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    /* what is outside of the screen is no part of it */
    c->y = y < 0 ? 0 : y;
    c->x = x < 0 ? 0 : x;
    c->rows = c->y + rows > LINES ? LINES - c->y : rows;
    c->columns = c->x + columns > COLS ? COLS - c->x : columns;
    c->rows = c->rows < 0 ? 0 : c->rows;
    c->columns = c->columns < 0 ? 0 : c->columns;
    c->focused = focused;
    if (title && c->rows > 2 && c->columns > 2) {
        snprintf(c->title, sizeof(c->title), "%s", title);
        c->framed = true;
        c->y++;
        c->x++;
        c->rows -= 2;
        c->columns -= 2;
    }
    canvas_clear(c);
    return c;
}

void screen_canvas_free(struct canvas *c)
{
    free(c);
}

void screen_show(void)
{
    const struct screen *s = &screen_state;
    bool shown = s->cursor_y >= 0 && s->cursor_y < LINES && s->cursor_x >= 0 && s->cursor_x < COLS;

    /* a cursor that cannot be hidden stands where it disturbs least */
    curs_set(shown);
    move(shown ? s->cursor_y : LINES - 1, shown ? s->cursor_x : COLS - 1);
    refresh();
}

void screen_clear(void)
{
    erase();
    clearok(curscr, TRUE);
}

void screen_cursor(int y, int x)
{
    screen_state.cursor_y = y;
    screen_state.cursor_x = x;
}
