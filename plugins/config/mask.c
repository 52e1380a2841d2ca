/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a configuration is nobody's business. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "tree.h"

/* Names of members whose values are secret, in any syntax. */
static const char *const secret_names[] = {
    "passwd", "password", "vncpasswd", "spicepasswd", "@passwd", "@password",
    "secret", "@secret",  "key",       "@key",        "token",   "chap_password",
};

/* Words in front of a secret inside another value: "rbd:pool/x:key=…", "…,password=…". */
static const char *const secret_words[] = {
    "passwd=",     "password=",   "passwd:",       "password:",  ":key=",
    ",key=",       ";key=",       "secret=",       "token=",     "passwd\":",
    "password\":", "passwd\\\":", "password\\\":", "vncpasswd ",
};

static void stars(char *text, size_t from, size_t to)
{
    if (to > from)
        memset(text + from, '*', to - from);
}

static bool secret_name(const char *name)
{
    for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++)
        if (strcasecmp(secret_names[i], name) == 0)
            return true;
    return false;
}

/* Values of the members; quotes stay. */
static void mask_members(char *text, const struct config_tree *t)
{
    for (uint32_t i = 1; i < t->count; i++) {
        const struct config_node *node = &t->node[i];
        size_t from = node->from, to = node->to;

        if (to <= from || !secret_name(config_name(t, i)))
            continue;
        if (to - from >= 2 && (text[from] == '"' || text[from] == '\''))
            from++, to--;
        stars(text, from, to);
    }
}

/* Up to what may end it: where the text is damaged, rather too much. */
static void mask_words(char *text, size_t n)
{
    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
        size_t length = strlen(secret_words[i]);

        for (size_t at = 0; at + length <= n; at++) {
            size_t from = at + length, to;

            if (strncasecmp(text + at, secret_words[i], length) != 0)
                continue;
            while (from < n && text[from] && strchr(" \\\"'", text[from]))
                from++;
            to = from;
            while (to < n && text[to] && !strchr("\\\"',;:&<>()@ \n", text[to]))
                to++;
            stars(text, from, to);
            at = to > at ? to - 1 : at;
        }
    }
}

/* A text that nobody understands: the rest of the line behind a word. */
static void mask_lines(char *text, size_t n)
{
    static const char *const words[] = { "passw", "secret", "token" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i]);

        for (size_t at = 0; at + length <= n; at++) {
            size_t to = at + length;

            if (strncasecmp(text + at, words[i], length) != 0)
                continue;
            while (to < n && isalpha((unsigned char)text[to]))
                to++;
            at = to;
            while (to < n && text[to] != '\n')
                to++;
            stars(text, at, to);
        }
    }
}

char *xsi_config_masked(const char *text, size_t n, enum xsi_config_syntax syntax)
{
    char *copy = malloc(n + 1), problem[200];
    struct config_tree *t;
    int rc;

    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    t = config_read(text, n, syntax, problem, sizeof(problem), &rc);
    if (t)
        mask_members(copy, t);
    else
        mask_lines(copy, n);
    mask_words(copy, n);
    config_tree_free(t);
    return copy;
}
