/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes in hex and characters. A line is put as text, then its marks are laid over it, so that
 * nothing but digits and printable characters ever reaches the terminal. Only what is on the screen
 * is read.
 */
#include <inttypes.h>
#include <string.h>

#include "widget_hex.h"

#define WIDTH_MIN 4U /* bytes of a line */
#define WIDTH_MAX 32U
#define PIECE     (16U << 10)
#define SECTOR    512U /* behind what cannot be read it is tried again so far on */
#define PROBES    16U  /* ... and so often on one screen */

/* What is known of a byte of the screen. */
enum known { NOTHING, A_BYTE, UNREADABLE };

struct piece {
    uint64_t from;
    size_t n;
    uint8_t byte[PIECE];
    uint8_t known[PIECE];
};

/* ---------------------------------------------------------------- places ---- */

/* How lines look. */
struct form {
    unsigned width; /* bytes */
    int digits;     /* of the offset */
    bool brief;     /* it stands without 0x, and with no more digits than it needs */
};

/* Column of byte i; blanks stand on both of its sides. */
static int hex_column(const struct form *f, unsigned i)
{
    return (f->brief ? 0 : 2) + f->digits + 1 + 3 * (int)i;
}

static int text_column(const struct form *f, unsigned i)
{
    return hex_column(f, f->width) + (f->brief ? 0 : 1) + (int)i;
}

static int digits(uint64_t end, int least)
{
    int n = least;

    while (n < 16 && end >> (4 * n))
        n++;
    return n;
}

/* As many bytes as there is room for; rather a brief offset than fewer of them. */
static struct form form_for(int columns, uint64_t end)
{
    for (unsigned width = WIDTH_MAX; width > WIDTH_MIN; width /= 2) {
        struct form f = { width, digits(end, 8), false };

        if (text_column(&f, width) <= columns)
            return f;
        f = (struct form){ width, digits(end, 4), true };
        if (text_column(&f, width) <= columns)
            return f;
    }
    return (struct form){ WIDTH_MIN, digits(end, 8), columns < 28 };
}

static struct form form_of(const struct hex *h, int columns)
{
    return form_for(columns, h->end - h->shown_base);
}

unsigned hex_width(int columns, uint64_t end)
{
    return form_for(columns, end).width;
}

/* The beginning of the line that holds a byte. */
static uint64_t line_of(const struct hex *h, uint64_t offset, unsigned width)
{
    return offset - (offset - h->shown_base) % width;
}

/* ---------------------------------------------------------------- moving ---- */

static uint64_t clamp(const struct hex *h, uint64_t at)
{
    if (at >= h->end)
        at = h->end ? h->end - 1 : 0;
    return at < h->begin ? h->begin : at;
}

/* By n bytes up or down; where that would leave the bytes, as far as whole lines go. */
static void move(struct hex *h, uint64_t n, bool up, unsigned width)
{
    uint64_t left = up ? h->at - h->begin : clamp(h, UINT64_MAX) - h->at;

    if (n > left)
        n = n > 1 ? left / width * width : 0;
    h->at = up ? h->at - n : h->at + n;
}

bool hex_act(struct hex *h, enum act act, int rows, int columns)
{
    unsigned width = form_of(h, columns).width;
    uint64_t page = (uint64_t)(rows > 2 ? rows - 1 : 1) * width;

    h->at = clamp(h, h->at);
    switch (act) {
    case ACT_LEFT:
    case ACT_RIGHT:
        move(h, 1, act == ACT_LEFT, width);
        break;
    case ACT_UP:
    case ACT_DOWN:
        move(h, width, act == ACT_UP, width);
        break;
    case ACT_PAGE_UP:
    case ACT_PAGE_DOWN:
        move(h, page, act == ACT_PAGE_UP, width);
        break;
    case ACT_FIRST:
        h->at = h->begin;
        break;
    case ACT_LAST:
        h->at = clamp(h, UINT64_MAX);
        break;
    default:
        return false;
    }
    hex_fit(h, rows, columns);
    return true;
}

void hex_fit(struct hex *h, int rows, int columns)
{
    unsigned width = form_of(h, columns).width;
    uint64_t shown = (uint64_t)(rows > 0 ? rows : 1), line, first, last, most;

    h->at = clamp(h, h->at);
    line = line_of(h, h->at, width);
    first = line_of(h, h->begin, width);
    last = line_of(h, clamp(h, UINT64_MAX), width);
    h->top = line_of(h, clamp(h, h->top), width);
    if (line + width == h->top) {
        h->top = line;
    } else if (line == h->top + shown * width) {
        h->top += width;
    } else if (line < h->top || (line - h->top) / width >= shown) {
        /* from far away: with some lines of what stands before it */
        uint64_t before = shown / 3 * width;

        h->top = line - first > before ? line - before : first;
    }
    /* no empty lines below as long as there are bytes above; the line that says "end" fits too */
    most = (last - first) / width + 2;
    if (most > shown && (last - h->top) / width + 2 < shown)
        h->top = first + (most - shown) * width;
    else if (most <= shown)
        h->top = first;
}

bool hex_at(const struct hex *h, int y, int x, int columns, uint64_t *offset)
{
    const struct form f = form_of(h, columns);
    unsigned i;

    if (y < 0)
        return false;
    for (i = 0; i < f.width; i++)
        if (x == text_column(&f, i) || (x >= hex_column(&f, i) - 1 && x <= hex_column(&f, i) + 1))
            break;
    if (i == f.width)
        return false;
    *offset = h->top + (uint64_t)y * f.width + i;
    return *offset >= h->begin && *offset < h->end;
}

/* ---------------------------------------------------------------- drawing ---- */

/* All bytes of the screen, around what cannot be read. */
static void fill(const struct hex *h, struct piece *p)
{
    unsigned probes = 0;

    memset(p->known, NOTHING, p->n);
    for (size_t i = h->begin > p->from ? (size_t)(h->begin - p->from) : 0; i < p->n;) {
        bool bad = false;
        size_t got = h->read(h->context, p->from + i, p->byte + i, p->n - i, &bad), hole;

        memset(p->known + i, A_BYTE, got);
        i += got;
        if (i == p->n || (!bad && !got))
            break;
        if (!bad)
            continue;
        hole = probes++ < PROBES ? SECTOR - (p->from + i) % SECTOR : p->n - i;
        if (hole > p->n - i)
            hole = p->n - i;
        memset(p->known + i, UNREADABLE, hole);
        i += hole;
    }
}

static void put_offset(const struct hex *h, const struct form *f, struct canvas *c, int y,
                       uint64_t offset)
{
    canvas_put(c, y, 0, ROLE_DIM, "%s%0*" PRIx64, f->brief ? "" : "0x", f->digits,
               offset - h->shown_base);
}

static void put_line(const struct hex *h, const struct form *f, struct canvas *c, int y,
                     const struct piece *p, size_t from)
{
    static const char digit[] = "0123456789abcdef";
    char line[32 + 4 * WIDTH_MAX];

    memset(line, ' ', sizeof(line));
    for (unsigned i = 0; i < f->width && from + i < p->n; i++) {
        size_t k = from + i;
        char *hex = line + hex_column(f, i), *text = line + text_column(f, i);

        if (p->known[k] == NOTHING)
            continue;
        hex[0] = p->known[k] == A_BYTE ? digit[p->byte[k] >> 4] : '?';
        hex[1] = p->known[k] == A_BYTE ? digit[p->byte[k] & 15] : '?';
        *text = '?';
        if (p->known[k] == A_BYTE)
            *text = p->byte[k] >= 0x20 && p->byte[k] < 0x7f ? (char)p->byte[k] : '.';
    }
    line[text_column(f, f->width)] = '\0';
    canvas_put(c, y, 0, ROLE_TEXT, "%s", line);
    put_offset(h, f, c, y, p->from + from);
}

/* Bytes [from, to) of the screen in a role; those of a line are one bar. */
static void mark(const struct hex *h, struct canvas *c, uint64_t from, uint64_t to, enum role role)
{
    const struct form f = form_of(h, canvas_columns(c));
    uint64_t end = h->top + (uint64_t)canvas_rows(c) * f.width;

    from = from > h->top ? from : h->top;
    to = to < end ? to : end;
    to = to < h->end ? to : h->end;
    while (from < to) {
        unsigned first = (unsigned)((from - h->top) % f.width), count = f.width - first;
        int y = (int)((from - h->top) / f.width);

        if (count > to - from)
            count = (unsigned)(to - from);
        canvas_mark(c, y, hex_column(&f, first), 3 * (int)count - 1, role);
        canvas_mark(c, y, text_column(&f, first), (int)count, role);
        from += count;
    }
}

/* What cannot be read, in stretches. */
static void mark_holes(const struct hex *h, struct canvas *c, const struct piece *p)
{
    for (size_t i = 0, n; i < p->n; i += n) {
        for (n = 1; i + n < p->n && p->known[i + n] == p->known[i]; n++)
            ;
        if (p->known[i] == UNREADABLE)
            mark(h, c, p->from + i, p->from + i + n, ROLE_DAMAGE);
    }
}

/* The cursor; where there are no colours it stands in brackets, inside of marked bytes too. */
static void put_cursor(const struct hex *h, const struct form *f, struct canvas *c)
{
    uint64_t at = h->at - h->top;
    unsigned i = (unsigned)(at % f->width);
    int y;

    if (h->at < h->top || at / f->width >= (uint64_t)canvas_rows(c) || h->begin == h->end)
        return;
    y = (int)(at / f->width);
    mark(h, c, h->at, h->at + 1, canvas_focused(c) ? ROLE_CURSOR : ROLE_CURSOR_AWAY);
    if (screen_colours())
        return;
    canvas_put(c, y, hex_column(f, i) - 1, ROLE_STRONG, "[");
    canvas_put(c, y, hex_column(f, i) + 2, ROLE_STRONG, "]");
}

static void put_edges(const struct hex *h, const struct form *f, struct canvas *c)
{
    for (size_t i = 0; i < sizeof(h->edge) / sizeof(h->edge[0]); i++) {
        uint64_t at = h->edge[i] - h->top;

        if (h->edge[i] > h->top && at / f->width < (uint64_t)canvas_rows(c))
            canvas_put(c, (int)(at / f->width), hex_column(f, (unsigned)(at % f->width)) - 1,
                       ROLE_FRAME, "|");
    }
}

void hex_draw(struct hex *h, struct canvas *c)
{
    int rows = canvas_rows(c), columns = canvas_columns(c), y = 0;
    const struct form f = form_of(h, columns);
    struct piece p;

    hex_fit(h, rows, columns);
    p.from = h->top;
    p.n = (size_t)(rows > 0 ? rows : 0) * f.width;
    if (p.n > PIECE)
        p.n = PIECE;
    if (p.n > h->end - h->top)
        p.n = (size_t)(h->end - h->top);
    fill(h, &p);
    for (size_t i = 0; i < p.n; i += f.width)
        put_line(h, &f, c, y++, &p, i);
    if (p.from + p.n == h->end && y < rows) {
        put_offset(h, &f, c, y, h->end);
        canvas_put(c, y, hex_column(&f, 0), ROLE_DIM, "end");
    }
    for (size_t i = 0; i < HEX_MARKS; i++)
        mark(h, c, h->mark[i].from, h->mark[i].to, h->mark[i].role);
    mark(h, c, h->from, h->to, ROLE_FIELD);
    put_edges(h, &f, c);
    mark_holes(h, c, &p);
    put_cursor(h, &f, c);
}
