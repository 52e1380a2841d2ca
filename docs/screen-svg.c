/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A screen of a terminal as a picture: standard input is what `tmux capture-pane -e -p` prints,
 * standard output SVG. Usage: screen-svg COLUMNS ROWS TITLE. Used by docs/screens.sh.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 200
#define ROWS_MAX    80
/* A cell in tenths of a pixel, and the text's base line in it. */
#define WIDTH  84
#define HEIGHT 180
#define BASE   135

/* Colours 0 to 15; -1 is the terminal's own. */
static const char *const colour[16] = {
    "#1b1d1e", "#d0433b", "#5fa02c", "#c9a227", "#3b74c4", "#a05fa8", "#2f9c9c", "#d3d7cf",
    "#6b7073", "#f2665c", "#8fd14f", "#f5d547", "#6ea3f0", "#c98bd1", "#5fd0d0", "#ffffff",
};
#define TEXT   "#d3d7cf"
#define GROUND "#16181a"

struct style {
    int8_t text, ground;
    bool bold, underlined, reverse;
};

struct cell {
    uint32_t c;
    struct style style;
};

struct screen {
    int columns, rows;
    struct cell cell[ROWS_MAX][COLUMNS_MAX];
};

/* Lines of frames: which sides of the cell they touch. */
enum { LEFT = 1, RIGHT = 2, UP = 4, DOWN = 8 };
static const struct {
    uint32_t c;
    char drawn; /* the letter of the line-drawing set of a vt100 */
    unsigned sides;
} frame[] = {
    { 0x2500, 'q', LEFT | RIGHT },
    { 0x2502, 'x', UP | DOWN },
    { 0x250c, 'l', RIGHT | DOWN },
    { 0x2510, 'k', LEFT | DOWN },
    { 0x2514, 'm', RIGHT | UP },
    { 0x2518, 'j', LEFT | UP },
    { 0x251c, 't', RIGHT | UP | DOWN },
    { 0x2524, 'u', LEFT | UP | DOWN },
    { 0x252c, 'w', LEFT | RIGHT | DOWN },
    { 0x2534, 'v', LEFT | RIGHT | UP },
    { 0x253c, 'n', LEFT | RIGHT | UP | DOWN },
};
#define FRAMES (sizeof(frame) / sizeof(*frame))

static unsigned sides(uint32_t c)
{
    for (size_t i = 0; i < FRAMES; i++)
        if (frame[i].c == c)
            return frame[i].sides;
    return 0;
}

/* ---- reading ---- */

static void set_colour(int8_t *which, const int *n, size_t count, size_t *i)
{
    if (*i + 2 < count && n[*i + 1] == 5) {
        if (n[*i + 2] < 16)
            *which = (int8_t)n[*i + 2];
        *i += 2;
    }
}

/* ESC [ numbers m */
static void set_style(struct style *s, const int *n, size_t count)
{
    static const struct style none = { .text = -1, .ground = -1 };

    for (size_t i = 0; i < count; i++) {
        int v = n[i];

        if (v == 0)
            *s = none;
        else if (v == 1)
            s->bold = true;
        else if (v == 4)
            s->underlined = true;
        else if (v == 7)
            s->reverse = true;
        else if (v >= 30 && v <= 37)
            s->text = (int8_t)(v - 30);
        else if (v >= 90 && v <= 97)
            s->text = (int8_t)(v - 90 + 8);
        else if (v >= 40 && v <= 47)
            s->ground = (int8_t)(v - 40);
        else if (v >= 100 && v <= 107)
            s->ground = (int8_t)(v - 100 + 8);
        else if (v == 39)
            s->text = -1;
        else if (v == 49)
            s->ground = -1;
        else if (v == 38 || v == 48)
            set_colour(v == 38 ? &s->text : &s->ground, n, count, &i);
    }
}

static void read_escape(struct style *s)
{
    int n[16] = { 0 }, c = getchar();
    size_t count = 1;

    if (c != '[')
        return;
    while ((c = getchar()) == ';' || c == ':' || (c >= '0' && c <= '9')) {
        if (c >= '0' && c <= '9')
            n[count - 1] = (n[count - 1] * 10 + c - '0') % 1000;
        else if (count < 16)
            count++;
    }
    if (c == 'm')
        set_style(s, n, count);
}

/* The rest of a character in UTF-8. */
static uint32_t read_character(int first)
{
    unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t c = (uint32_t)first & (0x7fU >> (more ? more + 1 : 0));

    while (more--)
        c = c << 6 | ((uint32_t)getchar() & 0x3f);
    return c;
}

static void read_screen(struct screen *screen)
{
    struct style style = { .text = -1, .ground = -1 };
    bool drawing = false;
    int c, y = 0, x = 0;

    while ((c = getchar()) != EOF && y < screen->rows) {
        uint32_t u;

        if (c == '\n') {
            y++;
            x = 0;
        } else if (c == '\033') {
            read_escape(&style);
        } else if (c == 0x0e || c == 0x0f) {
            drawing = c == 0x0e;
        } else {
            u = read_character(c);
            for (size_t i = 0; drawing && i < FRAMES; i++)
                if (frame[i].drawn == (char)c)
                    u = frame[i].c;
            if (x < screen->columns)
                screen->cell[y][x++] = (struct cell){ u, style };
        }
    }
}

/* ---- writing ---- */

static int ink(const struct cell *c)
{
    return c->style.reverse ? c->style.ground : c->style.text;
}

/* -2: nothing is to be painted */
static int paper(const struct cell *c)
{
    int which = c->style.reverse ? c->style.text : c->style.ground;

    return c->style.reverse || which >= 0 ? which : -2;
}

/* Tenths of a pixel, without a zero that says nothing. */
static void tenths(const char *name, int n)
{
    if (n % 10)
        printf("%s%d.%d", name, n / 10, n % 10);
    else
        printf("%s%d", name, n / 10);
}

static void write_grounds(const struct screen *s, int y)
{
    for (int x = 0, end; x < s->columns; x = end) {
        int which = paper(&s->cell[y][x]);

        for (end = x + 1; end < s->columns && paper(&s->cell[y][end]) == which; end++)
            ;
        if (which == -2)
            continue;
        tenths("<rect x=\"", x * WIDTH);
        tenths("\" y=\"", y * HEIGHT);
        tenths("\" width=\"", (end - x) * WIDTH);
        printf("\" height=\"%d\" fill=\"%s\"/>\n", HEIGHT / 10, which < 0 ? TEXT : colour[which]);
    }
}

static bool same_text(const struct cell *a, const struct cell *b)
{
    return a->style.bold == b->style.bold && a->style.underlined == b->style.underlined &&
           a->style.reverse == b->style.reverse && ink(a) == ink(b);
}

static bool blank(const struct cell *c)
{
    return (c->c == ' ' || sides(c->c)) && !c->style.underlined;
}

static void write_character(uint32_t c)
{
    if (c == '&' || c == '<' || c == '>')
        printf("&#%u;", (unsigned)c);
    else if (c < 0x80)
        putchar((int)c);
    else if (c < 0x800)
        printf("%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
    else
        printf("%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
               (int)(0x80 | (c & 0x3f)));
}

/* Words of one style; a width of their own keeps the columns with any font. */
static void write_texts(const struct screen *s, int y)
{
    const struct cell *row = s->cell[y];

    for (int x = 0, end, last; x < s->columns; x = end) {
        if (blank(&row[x])) {
            end = x + 1;
            continue;
        }
        for (end = x + 1, last = end; end < s->columns; end++) {
            if (!sides(row[end].c) && !blank(&row[end]) && same_text(&row[x], &row[end]))
                last = end + 1;
            else if (row[end].c != ' ' || !blank(&row[end]) || end - last > 3)
                break;
        }
        end = last;
        tenths("<text x=\"", x * WIDTH);
        tenths("\" y=\"", y * HEIGHT + BASE);
        tenths("\" textLength=\"", (end - x) * WIDTH);
        printf("\"");
        if (row[x].style.bold)
            printf(" font-weight=\"bold\"");
        if (row[x].style.underlined)
            printf(" text-decoration=\"underline\"");
        if (ink(&row[x]) >= 0 || row[x].style.reverse)
            printf(" fill=\"%s\"", ink(&row[x]) < 0 ? GROUND : colour[ink(&row[x])]);
        putchar('>');
        for (int i = x; i < end; i++)
            write_character(row[i].c);
        printf("</text>\n");
    }
}

static void line(int x, int y, char way, int length)
{
    tenths("M", x);
    tenths(" ", y);
    printf("%c", way);
    tenths("", length);
}

/* The frames of one colour are one path: whole lines, not cells. */
static void write_frames(const struct screen *s, int which)
{
    bool begun = false;

    for (int pass = 0; pass < 2; pass++) {
        int outer = pass ? s->columns : s->rows, inner = pass ? s->rows : s->columns;
        int size = pass ? HEIGHT : WIDTH, from = -1, to = -1;

        for (int i = 0; i < outer; i++, from = -1) {
            for (int k = 0; k <= inner; k++) {
                const struct cell *c = k == inner ? NULL : pass ? &s->cell[k][i] : &s->cell[i][k];
                unsigned touch = c && ink(c) == which ? sides(c->c) >> (pass ? 2 : 0) & 3 : 0;

                if (from >= 0 && !(touch & 1)) {
                    if (!begun)
                        printf("<path stroke=\"%s\" fill=\"none\" d=\"",
                               which < 0 ? TEXT : colour[which]);
                    begun = true;
                    line(pass ? i * WIDTH + WIDTH / 2 : from, pass ? from : i * HEIGHT + HEIGHT / 2,
                         pass ? 'v' : 'h', to - from);
                    from = -1;
                }
                if (touch && from < 0)
                    from = k * size + (touch & 1 ? 0 : size / 2);
                if (touch)
                    to = k * size + (touch & 2 ? size : size / 2);
            }
        }
    }
    if (begun)
        puts("\"/>");
}

int main(int argc, char **argv)
{
    static struct screen screen;

    if (argc != 4)
        return 2;
    screen.columns = atoi(argv[1]);
    screen.rows = atoi(argv[2]);
    if (screen.columns < 1 || screen.columns > COLUMNS_MAX || screen.rows < 1 ||
        screen.rows > ROWS_MAX)
        return 2;
    for (int y = 0; y < screen.rows; y++)
        for (int x = 0; x < screen.columns; x++)
            screen.cell[y][x] = (struct cell){ ' ', { .text = -1, .ground = -1 } };
    read_screen(&screen);
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-8 -8 %d %d\" "
           "font-family=\"DejaVu Sans Mono,Menlo,Consolas,monospace\" font-size=\"14\" "
           "xml:space=\"preserve\" shape-rendering=\"crispEdges\" fill=\"" TEXT
           "\">\n<title>%s</title>\n"
           "<rect x=\"-8\" y=\"-8\" width=\"100%%\" height=\"100%%\" rx=\"6\" fill=\"" GROUND
           "\"/>\n",
           screen.columns * WIDTH / 10 + 16, screen.rows * HEIGHT / 10 + 16, argv[3]);
    for (int y = 0; y < screen.rows; y++)
        write_grounds(&screen, y);
    for (int which = -1; which < 16; which++)
        write_frames(&screen, which);
    for (int y = 0; y < screen.rows; y++)
        write_texts(&screen, y);
    puts("</svg>");
    return 0;
}
