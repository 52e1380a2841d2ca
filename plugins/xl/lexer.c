/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of xl.cfg, and the errors that xl prints when a text has others: it is what becomes of
 * a JSON configuration whose flag is not set. Source: libxlu_cfg_l.l and libxlu_cfg.c of 4.1 to
 * 4.22. Errors of the grammar behind the words are said when no word was wrong before them on the
 * line, and not again until three words fitted.
 */
#include <stdio.h>

#include "messages.h"
#include "model.h"

struct lexer {
    const uint8_t *text;
    size_t n, at;
    unsigned line;      /* of the next byte, from 1 on */
    unsigned told_line; /* errors on lines up to this one are not said again */
    unsigned errors;
};

enum word { WORD_END, WORD_NEWLINE, WORD_IDENT, WORD_STRING, WORD_NUMBER, WORD_OPERATOR, WORD_BAD };

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static void say(struct xsi_run *r, struct lexer *l, size_t from, size_t to, unsigned line,
                unsigned message)
{
    char near[80];
    size_t n = to - from;

    while (n && (l->text[from + n - 1] == ' ' || l->text[from + n - 1] == '\t'))
        n--;
    snprintf(near, sizeof(near), "%.*s", n < 60 ? (int)n : 60, (const char *)l->text + from);
    l->errors++;
    xsi_run_say(r, message, 0, line, near);
}

/* A byte that no word begins with: it and what follows up to a blank are one error. */
static enum word bad_word(struct xsi_run *r, struct lexer *l)
{
    size_t from = l->at++, to;
    bool newline = false;

    while (l->at < l->n && !strchr(" \t\n", l->text[l->at]))
        l->at++;
    to = l->at;
    if (to == from + 1 && l->at < l->n) { /* the blank behind it belongs to it */
        newline = l->text[l->at] == '\n';
        l->at++;
    }
    /* flex has counted the newline before the error is said; the line shown has not */
    l->line += newline;
    if (l->line > l->told_line) {
        say(r, l, from, to, l->line - newline, XL_MSG_LEXICAL);
        l->told_line = l->line;
    }
    return newline ? WORD_NEWLINE : WORD_BAD;
}

/* A quoted string; false when its quote is not closed on the line. */
static bool quoted(struct lexer *l)
{
    uint8_t quote = l->text[l->at];
    size_t at = l->at + 1;

    for (; at < l->n && l->text[at] != quote && l->text[at] != '\n'; at++)
        at += l->text[at] == '\\' && at + 1 < l->n && l->text[at + 1] != '\n';
    if (at >= l->n || l->text[at] != quote)
        return false;
    l->at = at + 1;
    return true;
}

static enum word newline(struct lexer *l)
{
    while (l->text[l->at] != '\n') /* a comment; the caller saw that it ends */
        l->at++;
    l->at++;
    l->line++;
    return WORD_NEWLINE;
}

static enum word next_word(struct xsi_run *r, struct lexer *l)
{
    uint8_t c;

    while (l->at < l->n && (l->text[l->at] == ' ' || l->text[l->at] == '\t'))
        l->at++;
    if (l->at >= l->n)
        return WORD_END;
    c = l->text[l->at];
    if (c == '\n' || (c == '#' && memchr(l->text + l->at, '\n', l->n - l->at)))
        return newline(l);
    if ((c == '"' || c == '\'') && quoted(l))
        return WORD_STRING;
    if (is_lower(c)) {
        while (l->at < l->n && (is_lower(l->text[l->at]) || is_digit(l->text[l->at]) ||
                                l->text[l->at] == '_' || l->text[l->at] == '.'))
            l->at++;
        return WORD_IDENT;
    }
    if (is_digit(c)) {
        while (l->at < l->n && (is_digit(l->text[l->at]) || l->text[l->at] == 'x' ||
                                (l->text[l->at] >= 'a' && l->text[l->at] <= 'f')))
            l->at++;
        return WORD_NUMBER;
    }
    if (c && strchr(",[]=;", c)) {
        l->at++;
        return WORD_OPERATOR;
    }
    if (c == '+' && l->at + 1 < l->n && l->text[l->at + 1] == '=') {
        l->at += 2;
        return WORD_OPERATOR;
    }
    return bad_word(r, l);
}

/* Where in an assignment the parser is (libxlu_cfg_y.y); SKIPPING: behind an error, up to the
 * newline. */
enum place { AT_START, AT_OPERATOR, AT_VALUE, IN_LIST, AT_END, SKIPPING };

/* The place behind a word; SKIPPING when it does not fit. */
static enum place behind(enum place place, enum word word, uint8_t c)
{
    bool newline = word == WORD_NEWLINE || word == WORD_END || (word == WORD_OPERATOR && c == ';');

    switch (place) {
    case AT_START:
        return newline ? AT_START : word == WORD_IDENT ? AT_OPERATOR : SKIPPING;
    case AT_OPERATOR:
        return word == WORD_OPERATOR && (c == '=' || c == '+') ? AT_VALUE : SKIPPING;
    case AT_VALUE:
        return word == WORD_STRING || word == WORD_NUMBER ? AT_END
               : word == WORD_OPERATOR && c == '['        ? IN_LIST
                                                          : SKIPPING;
    case IN_LIST:
        return word == WORD_OPERATOR && c == ']' ? AT_END : word == WORD_END ? SKIPPING : IN_LIST;
    case AT_END:
        return newline ? AT_START : SKIPPING;
    default:
        return word == WORD_NEWLINE ? AT_START : SKIPPING;
    }
}

bool xl_lex(struct xsi_run *r, const uint8_t *text, size_t n)
{
    struct lexer l = { .text = text, .n = n, .line = 1 };
    enum place place = AT_START, next;
    unsigned quiet = 0; /* words that must fit before the next error is said: bison's errstatus */
    enum word word;

    do {
        size_t from;
        unsigned line = l.line;

        while (l.at < l.n && (l.text[l.at] == ' ' || l.text[l.at] == '\t'))
            l.at++;
        from = l.at;
        word = next_word(r, &l);
        if (word == WORD_BAD)
            continue;
        next = behind(place, word, from < n ? text[from] : 0);
        if (next == SKIPPING && place != SKIPPING) {
            if (!quiet && line > l.told_line)
                say(r, &l, from, l.at, line, XL_MSG_SYNTAX);
            quiet = 3;
            if (word == WORD_NEWLINE) /* what is skipped to is already there */
                next = AT_START;
        }
        if (next != SKIPPING && quiet)
            quiet--;
        place = next;
    } while (word != WORD_END);
    return !l.errors;
}
