/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a log line backwards into the printf format that made it. A format is taken apart into
 * characters and conversions; characters must stand in the line, a number takes its digits, and %s
 * takes as little as lets the rest fit. There is no recursion, and every step costs from a budget.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "message.h"

#define DIGITS_MAX 20
#define TEXTS_MAX  8   /* %s in one format */
#define BACK_MAX   120 /* how long a %s in front may be */

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void add(struct xsi_pieces *out, char kind, bool prefixed, const char *at, size_t length)
{
    if (out->count < XSI_PIECES_MAX && (kind || length))
        out->piece[out->count++] =
            (struct xsi_piece){ kind, prefixed, at, (uint16_t)(length & 0xffff) };
}

/* The conversion behind a '%': its letter in *kind ('%' for "%%"). Returns its length. */
static size_t conversion(const char *p, char *kind, bool *prefixed)
{
    size_t n = strspn(p, "#0 -+'");

    *prefixed = memchr(p, '#', n) != NULL;
    n += strspn(p + n, "0123456789.*");
    n += strspn(p + n, "hlLqjzt");
    switch (p[n]) {
    case 'd':
    case 'i':
        *kind = 'd';
        break;
    case 'u':
        *kind = 'u';
        break;
    case 'x':
    case 'X':
    case 'p':
        *kind = 'x';
        break;
    case '%':
        *kind = '%';
        break;
    default:
        *kind = 's';
    }
    return n + (p[n] != '\0');
}

void xsi_message_split(const char *format, struct xsi_pieces *out)
{
    size_t end = strlen(format), from = 0, i = 0;

    out->count = 0;
    while (end && format[end - 1] == '\n')
        end--;
    while (i < end) {
        bool prefixed;
        size_t n;
        char kind;

        if (format[i] != '%') {
            i++;
            continue;
        }
        add(out, 0, false, format + from, i - from);
        n = conversion(format + i + 1, &kind, &prefixed);
        if (kind == '%')
            from = i + 1; /* the second '%' is a character of the text */
        else
            add(out, kind, prefixed, NULL, 0);
        i += 1 + n;
        if (kind != '%')
            from = i;
    }
    add(out, 0, false, format + from, end - from);
}

/* A lone N in a format stands for a number that differs from run to run. */
static bool lone_n(const struct xsi_piece *p, size_t i)
{
    return p->at[i] == 'N' && (!i || !word(p->at[i - 1])) &&
           (i + 1 == p->length || !word(p->at[i + 1]));
}

/* What people write for a number: N, %d, 0x…, …. Returns its length, 0 = something else. */
static size_t placeholder(const char *p, size_t n)
{
    static const char dots[] = "\xe2\x80\xa6"; /* an ellipsis */
    size_t at = n > 2 && p[0] == '0' && p[1] == 'x' ? 2 : 0;

    if (n >= at + 3 && (!memcmp(p + at, dots, 3) || !memcmp(p + at, "...", 3)))
        return at + 3;
    if (!at && n && *p == 'N' && (n == 1 || !word(p[1])))
        return 1;
    if (at || n < 2 || *p != '%')
        return 0;
    for (at = 1; at < n && at < 8 && strchr("#0123456789.-lhzLjt", p[at]); at++)
        ;
    if (at + 3 <= n && !memcmp(p + at, dots, 3))
        return at + 3;
    if (at < n && p[at] == '<') /* %<PRIx64> */
        while (at < n && p[at - 1] != '>')
            at++;
    if (at == n || p[at - 1] == '>')
        return at < n ? at : 0;
    return at < n && isalpha((unsigned char)p[at]) ? at + 1 : 0;
}

/* Do the characters of a piece, from `from` on, stand at *pos? A run of blanks fits any other. */
static bool characters(struct xsi_fit *f, const struct xsi_piece *p, size_t from, size_t *pos)
{
    const char *line = f->line;
    size_t at = *pos, n = f->n;

    for (size_t i = from; i < p->length; i++) {
        if (!f->work)
            return false;
        f->work--;
        if (at == n && f->cut) {
            f->ended = true;
            break;
        }
        if (blank(p->at[i])) {
            if (i > from && blank(p->at[i - 1]))
                continue;
            if (at == n || !blank(line[at]))
                return false;
            while (at < n && blank(line[at]))
                at++;
            continue;
        }
        if (lone_n(p, i)) {
            size_t start = at;

            while (at < n && (isdigit((unsigned char)line[at]) || line[at] == 'N'))
                at++;
            if (at == start)
                return false;
        } else if (at == n || line[at++] != p->at[i]) {
            return false;
        }
        f->matched++;
    }
    *pos = at;
    return true;
}

static void keep(struct xsi_message_hit *hit, size_t index, char kind, const char *text, size_t n,
                 uint64_t number)
{
    struct xsi_message_arg *arg;

    if (index >= XSI_MESSAGE_ARGS)
        return;
    arg = &hit->args[index];
    arg->conversion = kind;
    arg->number = number;
    snprintf(arg->text, sizeof(arg->text), "%.*s", (int)(n < 95 ? n : 95), text);
}

/* The number of a conversion at *pos. */
static bool number(struct xsi_fit *f, const struct xsi_piece *p, size_t *pos, size_t index,
                   struct xsi_message_hit *hit)
{
    const char *line = f->line;
    size_t from = *pos, at = from, digits, n = f->n;
    char copy[DIGITS_MAX + 2];
    bool hex = p->kind == 'x', negative = false;

    if (at == n && f->cut) {
        f->ended = true;
        return true;
    }
    digits = placeholder(line + at, n - at);
    if (digits) {
        keep(hit, index, '?', line + at, digits, 0);
        *pos = at + digits;
        return true;
    }
    if (p->prefixed && at + 2 < n && line[at] == '0' && line[at + 1] == 'x')
        at += 2;
    else if (p->prefixed)
        hex = false; /* "%#x" prints a zero as "0" */
    if (p->kind == 'd' && at < n && line[at] == '-') {
        negative = true;
        at++;
    }
    for (digits = 0; at + digits < n && digits < DIGITS_MAX; digits++) {
        unsigned char c = (unsigned char)line[at + digits];

        if (hex ? !isxdigit(c) : !isdigit(c))
            break;
        copy[digits] = (char)c;
    }
    copy[digits] = '\0';
    if (!digits || (p->prefixed && !hex && strcmp(copy, "0") != 0))
        return false;
    *pos = at + digits;
    keep(hit, index, p->kind, line + from, *pos - from,
         (negative ? -1ULL : 1ULL) * strtoull(copy, NULL, hex ? 16 : 10));
    return true;
}

/* Where a text ends that nothing of the format follows: in front of what libxc appends, of the
 * closing quote of an exception, or of the line's end. */
static size_t open_end(const char *line, size_t n, size_t from)
{
    static const char internal[] = ": Internal error";
    const char *p = memmem(line + from, n - from, internal, sizeof(internal) - 1);
    size_t end = p ? (size_t)(p - line) : n;

    p = memchr(line + from, '"', end - from);
    if (p)
        end = (size_t)(p - line);
    while (end > from && blank(line[end - 1]))
        end--;
    /* an errno in parentheses is not part of it */
    if (end > from && line[end - 1] == ')') {
        size_t open = end - 1;

        while (open > from && line[open] != '(')
            open--;
        if (open > from && blank(line[open - 1]) &&
            memmem(line + open, end - open, " = ", 3) != NULL)
            end = open - 1;
    }
    return end;
}

/* Next place from `from` on where the characters of a piece begin; n = none. */
static size_t search(struct xsi_fit *f, const struct xsi_piece *p, size_t from)
{
    for (; from < f->n; from++) {
        unsigned matched = f->matched;
        size_t pos = from;
        bool found;

        if (!f->work)
            return f->n;
        f->work--;
        found = (f->line[from] == p->at[0] || blank(p->at[0]) || lone_n(p, 0)) &&
                characters(f, p, 0, &pos);
        f->matched = matched;
        f->ended = false;
        if (found)
            return from;
    }
    return f->n;
}

/* Where a %s in front of the first characters begins: behind the last ": ", quote or bracket. */
static size_t open_start(const char *line, size_t at)
{
    size_t from = at, least = at > BACK_MAX ? at - BACK_MAX : 0;

    while (from > least && line[from - 1] != '"' &&
           !(from >= 2 && blank(line[from - 1]) && strchr(":])>", line[from - 2])))
        from--;
    return from;
}

/* A %s whose end is still open to choice. */
struct choice {
    size_t piece, index, from, end;
    unsigned matched;
};

struct state {
    size_t i, index, pos; /* piece, conversion, place in the line */
    struct choice choices[TEXTS_MAX];
    size_t count;
};

/* A %s: to the end when nothing follows it, else as little as lets the next characters fit. */
static bool text(struct xsi_fit *f, const struct xsi_pieces *p, struct state *s,
                 struct xsi_message_hit *hit)
{
    bool last = s->i + 1 == p->count || p->piece[s->i + 1].kind;
    size_t end = last ? open_end(f->line, f->n, s->pos) : search(f, &p->piece[s->i + 1], s->pos);

    if (!last && end >= f->n) {
        if (!f->cut)
            return false;
        f->ended = true; /* the line ends in it */
    } else if (!last) {
        if (s->count == TEXTS_MAX)
            return false;
        s->choices[s->count++] = (struct choice){ s->i, s->index, s->pos, end, f->matched };
    }
    keep(hit, s->index++, 's', f->line + s->pos, end - s->pos, 0);
    s->pos = end;
    return true;
}

/* Let the last %s take more; false when none can. */
static bool go_back(struct xsi_fit *f, const struct xsi_pieces *p, struct state *s,
                    struct xsi_message_hit *hit)
{
    for (; s->count; s->count--) {
        struct choice *c = &s->choices[s->count - 1];

        c->end = search(f, &p->piece[c->piece + 1], c->end + 1);
        if (c->end >= f->n)
            continue;
        keep(hit, c->index, 's', f->line + c->from, c->end - c->from, 0);
        f->matched = c->matched;
        s->i = c->piece + 1;
        s->index = c->index + 1;
        s->pos = c->end;
        return true;
    }
    return false;
}

bool xsi_message_fits(struct xsi_fit *f, const struct xsi_pieces *p, size_t at,
                      struct xsi_message_hit *hit)
{
    struct state s = { .i = f->piece, .pos = at };
    size_t start = at;

    f->matched = 0;
    f->ended = false;
    if (p->count && p->piece[0].kind && !f->piece) {
        /* what stands in front of the first characters */
        start = open_start(f->line, at);
        keep(hit, s.index++, p->piece[0].kind, f->line + start, at - start, 0);
        s.i = 1;
    }
    while (s.i < p->count && !f->ended) {
        const struct xsi_piece *piece = &p->piece[s.i];
        bool fits;

        if (!f->work)
            return false;
        if (!piece->kind)
            fits = characters(f, piece, s.i == f->piece ? f->offset : 0, &s.pos);
        else if (piece->kind != 's')
            fits = number(f, piece, &s.pos, s.index++, hit);
        else
            fits = text(f, p, &s, hit);
        if (fits)
            s.i++;
        else if (!go_back(f, p, &s, hit))
            return false;
    }
    hit->at = start;
    hit->length = s.pos - start;
    hit->arg_count = s.index < XSI_MESSAGE_ARGS ? s.index : XSI_MESSAGE_ARGS;
    return true;
}
