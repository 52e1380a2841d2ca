/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl.cfg text as a tree: assignments of words, numbers and lists of texts. Grammar: libxlu_cfg_y.y
 * and libxlu_cfg_l.l, xen-4.1 to 4.4. lines.c looks at the same text for the few facts of the
 * listing, and forgives more.
 */
#include <ctype.h>

#include "tree.h"

struct cfg {
    const uint8_t *text;
    size_t n, at;
    struct config_facts *f;
    struct config_tree *t;
};

static bool fail(struct cfg *c, const char *what)
{
    config_problem(c->f, c->at, what);
    return false;
}

static bool at_end(const struct cfg *c, bool lines)
{
    return c->at >= c->n || (!lines && (c->text[c->at] == '\n' || c->text[c->at] == ';'));
}

/* Blanks and comments; with `lines` the ends of lines too. */
static void blanks(struct cfg *c, bool lines)
{
    for (; c->at < c->n; c->at++) {
        uint8_t b = c->text[c->at];

        if (b == '#')
            while (c->at + 1 < c->n && c->text[c->at + 1] != '\n')
                c->at++;
        else if (b != ' ' && b != '\t' && b != '\r' && (!lines || (b != '\n' && b != ';')))
            return;
    }
}

/* A quoted text at c->at, without its backslashes. Letters behind one stand for control characters,
 * which no member can have. */
static bool quoted(struct cfg *c, char *out, size_t size, size_t *n)
{
    uint8_t quote = c->text[c->at++];

    for (*n = 0; c->at < c->n && c->text[c->at] != quote; c->at++) {
        uint8_t b = c->text[c->at];

        if (b == '\n')
            break;
        if (b == '\\' && c->at + 1 < c->n && c->text[c->at + 1] != '\n') {
            b = c->text[++c->at];
            b = isalnum(b) ? 1 : b;
        }
        if (*n < size)
            out[(*n)++] = (char)b;
    }
    if (c->at >= c->n || c->text[c->at] != quote)
        return fail(c, "a quoted value is not closed");
    c->at++;
    return true;
}

/* A value as a node called `name`. */
static bool scalar(struct cfg *c, const void *name, size_t name_n)
{
    char text[CONFIG_VALUE_MAX + 1];
    size_t from = c->at, n;

    if (c->text[c->at] == '"' || c->text[c->at] == '\'') {
        if (!quoted(c, text, sizeof(text), &n))
            return false;
        config_tree_leaf(c->t, name, name_n, text, n, from, c->at);
        return true;
    }
    while (c->at < c->n && (isalnum(c->text[c->at]) || strchr("_.-", c->text[c->at])) &&
           c->text[c->at])
        c->at++;
    if (c->at == from)
        return fail(c, "no value where one has to be");
    config_tree_leaf(c->t, name, name_n, c->text + from, c->at - from, from, c->at);
    return true;
}

static bool list(struct cfg *c, const void *name, size_t name_n)
{
    bool ok = true;

    config_tree_open(c->t, name, name_n);
    if (c->t && !c->t->full)
        c->t->node[c->t->open].array = true;
    c->at++;
    for (blanks(c, true); ok && c->at < c->n && c->text[c->at] != ']'; blanks(c, true)) {
        ok = scalar(c, "", 0);
        blanks(c, true);
        if (ok && c->at < c->n && c->text[c->at] == ',')
            c->at++;
        else if (ok && (c->at >= c->n || c->text[c->at] != ']'))
            ok = fail(c, "a comma or a closing bracket is missing");
    }
    config_tree_close(c->t);
    if (ok && c->at >= c->n)
        return fail(c, "a list is not closed");
    c->at++;
    return ok;
}

static bool assignment(struct cfg *c)
{
    size_t from = c->at, n;

    while (c->at < c->n &&
           (isalnum(c->text[c->at]) || c->text[c->at] == '_' || c->text[c->at] == '.'))
        c->at++;
    n = c->at - from;
    blanks(c, false);
    if (c->at + 1 < c->n && c->text[c->at] == '+' && c->text[c->at + 1] == '=')
        c->at++;
    if (!n || n > CONFIG_NAME_MAX || c->at >= c->n || c->text[c->at] != '=')
        return fail(c, "no assignment (key = value)");
    c->at++;
    blanks(c, false);
    if (at_end(c, false))
        return fail(c, "no value where one has to be");
    if (!(c->text[c->at] == '[' ? list(c, c->text + from, n) : scalar(c, c->text + from, n)))
        return false;
    blanks(c, false);
    return at_end(c, false) || fail(c, "something stands behind a value");
}

void config_cfg_tree(const uint8_t *text, size_t n, struct config_facts *f, struct config_tree *t)
{
    struct cfg c = { .text = text, .n = strnlen((const char *)text, n), .f = f, .t = t };

    memset(f, 0, sizeof(*f));
    for (blanks(&c, true); c.at < c.n; blanks(&c, true))
        if (!assignment(&c))
            break;
    f->complete = !f->problem;
    f->end = c.n;
}
