/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The terminal: the only files of the browser that know ncurses are screen*.c. Everything that is
 * put on it goes through canvas_put() and its relatives, which let nothing through but printable
 * characters.
 */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xsi.h>

/* What a piece of text is; its colours, attributes and letter are a row of roles.def. */
enum role {
#define ROLE(id, ...) ROLE_##id,
#include "roles.def"
#undef ROLE
    ROLE_COUNT
};

/* A part of the screen, inside its frame. */
struct canvas;
int canvas_rows(const struct canvas *c);
int canvas_columns(const struct canvas *c);
bool canvas_focused(const struct canvas *c);
/* Text at a cell, cut at the right edge; what is not printable is escaped. Returns the column
 * behind it. */
int canvas_put(struct canvas *c, int y, int x, enum role role, const char *fmt, ...)
    XSI_PRINTF(5, 6);
/* The same in at most `width` columns, filled up with blanks to that width (so that a selected line
 * is a bar). A text that is cut ends in '>'. */
int canvas_text(struct canvas *c, int y, int x, int width, enum role role, const char *text);
/* n cells with the role's colour and (where there is no colour, or always = true) its letter. */
void canvas_bar(struct canvas *c, int y, int x, int n, enum role role, bool always);
/* Show a role on cells that are there already (a cursor, a match). */
void canvas_mark(struct canvas *c, int y, int x, int n, enum role role);
/* The letter that stands for a role where there is no colour. */
char role_letter(enum role role);
/* True where roles differ by colour. */
bool screen_colours(void);

/* Keys beside the characters: above all of Unicode. */
enum {
    SK_UP = 0x110000,
    SK_DOWN,
    SK_LEFT,
    SK_RIGHT,
    SK_PAGE_UP,
    SK_PAGE_DOWN,
    SK_HOME,
    SK_END,
    SK_ENTER,
    SK_TAB,
    SK_BACK_TAB,
    SK_BACKSPACE,
    SK_DELETE,
    SK_ESCAPE,
    SK_MOUSE,
    SK_RESIZE,
    SK_F0, /* SK_F0 + 1 is F1, … up to F12 */
    SK_LAST = SK_F0 + 12
};
#define SK_CTRL(letter) ((letter)&0x1f)
#define SK_F(n)         (SK_F0 + (n))

struct screen_mouse {
    int y, x;
    bool click, twice;
    int wheel; /* lines: negative = up */
};

/* Take the terminal; false with words when it cannot be one. */
bool screen_open(bool colours, char *why, size_t size);
/* Leave it as it was. */
void screen_close(void);
/* A key; -1: none within `wait` milliseconds (negative: for ever). */
int screen_key(int wait);
/* Of the last SK_MOUSE. */
struct screen_mouse screen_mouse(void);
void screen_size(int *rows, int *columns);
/* A part of the screen, from [y, x) on, without frame; title: a frame is drawn around it, and the
 * canvas is what is inside. */
struct canvas *screen_canvas(int y, int x, int rows, int columns, const char *title, bool focused);
void screen_canvas_free(struct canvas *c);
/* Another title in the frame, if there is one; escaped, cut where it does not fit. */
void canvas_title(struct canvas *c, const char *title);
/* Blanks everywhere inside the frame. */
void canvas_clear(struct canvas *c);
/* All that was drawn becomes visible. */
void screen_show(void);
void screen_clear(void);
/* The hardware cursor: where input goes; negative: hidden. */
void screen_cursor(int y, int x);
/* Give a text to the terminal's clipboard (OSC 52); false: the terminal cannot, or it is too
 * long. */
bool screen_clip(const char *text);

#endif
