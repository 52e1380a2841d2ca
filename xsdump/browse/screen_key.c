/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and mouse. Between two keys: signals, which change what the terminal is. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "life.h"
#include "screen_internal.h"

/* Milliseconds after Esc in which the rest of a function key's sequence comes. */
#define ESCAPE_WAIT 25
#define TWICE_WAIT  400
#define WHEEL_LINES 3
/* A click; what ncurses makes of several events that a slow line brought together. */
#define ONCE  (BUTTON1_PRESSED | BUTTON1_CLICKED)
#define TWICE (BUTTON1_DOUBLE_CLICKED | BUTTON1_TRIPLE_CLICKED)

/* clang-format off */
/* What ncurses calls a key; A1 to C3 are the corners of a vt100's keypad. */
static const struct {
    int curses, key;
} names[] = {
    { KEY_UP,        SK_UP },
    { KEY_DOWN,      SK_DOWN },
    { KEY_LEFT,      SK_LEFT },
    { KEY_RIGHT,     SK_RIGHT },
    { KEY_PPAGE,     SK_PAGE_UP },
    { KEY_A3,        SK_PAGE_UP },
    { KEY_NPAGE,     SK_PAGE_DOWN },
    { KEY_C3,        SK_PAGE_DOWN },
    { KEY_HOME,      SK_HOME },
    { KEY_FIND,      SK_HOME },
    { KEY_A1,        SK_HOME },
    { KEY_END,       SK_END },
    { KEY_SELECT,    SK_END },
    { KEY_LL,        SK_END },
    { KEY_C1,        SK_END },
    { KEY_ENTER,     SK_ENTER },
    { KEY_BTAB,      SK_BACK_TAB },
    { KEY_BACKSPACE, SK_BACKSPACE },
    { KEY_DC,        SK_DELETE },
    { KEY_RESIZE,    SK_RESIZE },
};

/* What comes as a character of its own. */
static const struct {
    wint_t character;
    int key;
} controls[] = {
    { '\r', SK_ENTER },
    { '\n', SK_ENTER },
    { '\t', SK_TAB },
    { 8,    SK_BACKSPACE },
    { 127,  SK_BACKSPACE },
};
/* clang-format on */

/*
 * Over a serial line TERM is often vt100, whatever is at the other end: sequences that terminals of
 * today send for keys that a vt100 had not, or in the other mode of its keypad. Only where the
 * terminal's own description has no meaning for them.
 */
static const struct {
    const char *sequence;
    int key;
} sequences[] = {
    { "\033[A", KEY_UP },      { "\033[B", KEY_DOWN },    { "\033[C", KEY_RIGHT },
    { "\033[D", KEY_LEFT },    { "\033OA", KEY_UP },      { "\033OB", KEY_DOWN },
    { "\033OC", KEY_RIGHT },   { "\033OD", KEY_LEFT },    { "\033[H", KEY_HOME },
    { "\033[F", KEY_END },     { "\033OH", KEY_HOME },    { "\033OF", KEY_END },
    { "\033[1~", KEY_HOME },   { "\033[4~", KEY_END },    { "\033[7~", KEY_HOME },
    { "\033[8~", KEY_END },    { "\033[3~", KEY_DC },     { "\033[5~", KEY_PPAGE },
    { "\033[6~", KEY_NPAGE },  { "\033[Z", KEY_BTAB },    { "\033OP", KEY_F(1) },
    { "\033OQ", KEY_F(2) },    { "\033OR", KEY_F(3) },    { "\033OS", KEY_F(4) },
    { "\033[11~", KEY_F(1) },  { "\033[12~", KEY_F(2) },  { "\033[13~", KEY_F(3) },
    { "\033[14~", KEY_F(4) },  { "\033[15~", KEY_F(5) },  { "\033[17~", KEY_F(6) },
    { "\033[18~", KEY_F(7) },  { "\033[19~", KEY_F(8) },  { "\033[20~", KEY_F(9) },
    { "\033[21~", KEY_F(10) }, { "\033[23~", KEY_F(11) }, { "\033[24~", KEY_F(12) },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void screen_keys(void)
{
    const char *mouse = tigetstr((NCURSES_CONST char *)"kmous"), *term = getenv("TERM");

    keypad(stdscr, TRUE);
    if (!getenv("ESCDELAY"))
        set_escdelay(ESCAPE_WAIT);
    for (size_t i = 0; i < COUNT(sequences); i++)
        if (key_defined(sequences[i].sequence) == 0)
            define_key(sequences[i].sequence, sequences[i].key);
    /* for the Linux console curses would load the library of a daemon, which takes signals */
    if (mouse && mouse != (const char *)-1 && term && strncmp(term, "linux", 5) != 0) {
        mouseinterval(0); /* a press counts at once */
        mousemask(ONCE | TWICE | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
    }
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- mouse ---- */

struct screen_mouse screen_mouse(void)
{
    return screen_state.mouse;
}

/* What one event means; false: nothing, as when the button is let go. */
static bool mouse_event(const MEVENT *e)
{
    struct screen *s = &screen_state;
    struct screen_mouse m = { .y = e->y, .x = e->x }, last = s->mouse;
    int64_t at = now();

    if (e->bstate & BUTTON4_PRESSED) {
        m.wheel = -WHEEL_LINES;
    } else if (e->bstate & BUTTON5_PRESSED) {
        m.wheel = WHEEL_LINES;
    } else if (e->bstate & (ONCE | TWICE)) {
        m.click = true;
        /* the third one of a row is a first one again */
        m.twice = (e->bstate & TWICE) || (last.click && !last.twice && last.y == m.y &&
                                          last.x == m.x && at - s->clicked <= TWICE_WAIT);
        s->clicked = at;
    } else {
        return false;
    }
    s->mouse = m;
    return true;
}

/* ncurses says once that there are events: the last one that means something, and all turns of the
 * wheel. */
static int mouse_events(void)
{
    int key = -1, wheel = 0;
    MEVENT e;

    while (getmouse(&e) == OK) {
        if (!mouse_event(&e))
            continue;
        key = SK_MOUSE;
        wheel += screen_state.mouse.wheel;
    }
    if (screen_state.mouse.wheel)
        screen_state.mouse.wheel = wheel;
    return key;
}

/* ---------------------------------------------------------------- keys ---- */

/*
 * A sequence that nobody knows (Shift-F5 on some terminal) comes as Esc and characters, which would
 * do what those keys do. True: it was one, and is gone. Esc and another key is what it is.
 */
static bool swallow(void)
{
    wint_t c;

    if (get_wch(&c) == ERR)
        return false;
    if (c != '[' && c != 'O') {
        unget_wch((wchar_t)c);
        return false;
    }
    if (get_wch(&c) == ERR)
        return true;
    /* the mouse in its oldest form, of terminals that know no newer one: three bytes follow */
    for (int i = 0; i < 3 && c == 'M'; i++) {
        wint_t place;

        if (get_wch(&place) == ERR)
            break;
    }
    for (int i = 0; i < 32 && c >= 0x20 && c < 0x40; i++)
        if (get_wch(&c) == ERR)
            break;
    return true;
}

static int of_curses(int code)
{
    if (code == KEY_MOUSE)
        return mouse_events();
    if (code >= KEY_F(1) && code <= KEY_F(12))
        return SK_F(code - KEY_F0);
    for (size_t i = 0; i < COUNT(names); i++)
        if (names[i].curses == code)
            return names[i].key;
    return -1;
}

static int of_character(wint_t c)
{
    for (size_t i = 0; i < COUNT(controls); i++)
        if (controls[i].character == c)
            return controls[i].key;
    if (c == 27)
        return swallow() ? -1 : SK_ESCAPE;
    if (c > 127 && !screen_state.utf8)
        return -1;
    return c < SK_UP ? (int)c : -1;
}

/* What is there already; -1: nothing that means something. *none: nothing at all. */
static int read_key(bool *none)
{
    wint_t c;
    int got;

    timeout(0);
    got = get_wch(&c);
    *none = got == ERR;
    if (got == KEY_CODE_YES)
        return of_curses((int)c);
    return got == OK ? of_character(c) : -1;
}

/* Signals that came: true when the screen is to be drawn anew. */
static bool signals(void)
{
    struct winsize size;
    bool anew = false;

    if (life_came(SIGTSTP)) {
        screen_suspend();
        anew = true;
    } else if (life_came(SIGCONT)) {
        screen_resume();
        anew = true;
    }
    if (life_came(SIGWINCH) || anew) {
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
            screen_resize(size.ws_row, size.ws_col);
        anew = true;
    }
    return anew;
}

int screen_key(int wait)
{
    int64_t end = now() + wait;

    for (;;) {
        struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
        int64_t left = end - now();
        int key, ready;
        bool none;

        key = read_key(&none);
        if (key >= 0)
            return key;
        if (!none)
            continue;
        ready = life_poll(&fd, wait < 0 ? -1 : left > 0 ? (int)left : 0);
        if (signals())
            return SK_RESIZE;
        if (life_signal())
            return -1;
        /* Nobody is at the other end any more. */
        if (ready > 0 && (fd.revents & (POLLHUP | POLLERR | POLLNVAL))) {
            life_hang_up();
            return -1;
        }
        if (ready == 0 && wait >= 0 && now() >= end)
            return -1;
    }
}
