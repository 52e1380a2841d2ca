/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files screen*.c share: ncurses, and the one screen that it knows. */
#ifndef SCREEN_INTERNAL_H
#define SCREEN_INTERNAL_H

#include <curses.h>

#include "screen.h"

/* A part of stdscr; a frame takes the cells around it. */
struct canvas {
    int y, x, rows, columns;
    bool focused, framed;
    char title[200];
};

/* ncurses draws on one terminal, and so does the browser: its state stands here. */
struct screen {
    SCREEN *terminal; /* NULL: not open */
    bool colours;
    bool utf8; /* what the locale says: else only ASCII is put on the screen */
    int cursor_y, cursor_x;
    struct screen_mouse mouse;
    int64_t clicked; /* when the last click was, in milliseconds */
};
extern struct screen screen_state;

/* ---- screen.c ---- */
/* Give the terminal back, stop, and take it again. */
void screen_suspend(void);
/* Take it again, whatever happened to it meanwhile. */
void screen_resume(void);
/* It has another size. */
void screen_resize(int rows, int columns);

/* ---- screen_text.c ---- */
/* Make the roles' colours; false: this terminal has none. */
bool screen_roles(void);
/* Draw with a role from now on. */
void screen_role(enum role role);

/* ---- screen_key.c ---- */
/* Keys and mouse of a terminal that was just opened. */
void screen_keys(void);

#endif
