/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nodes, their names and their places. */
#include <stdlib.h>

#include "tree.h"

enum { FIRST_NODES = 256 }; /* CONFIG_NODES is a power of two of it */

struct config_tree *config_tree_new(size_t size)
{
    struct config_tree *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->size = size + 1; /* its first byte is the empty name */
    t->pool = malloc(t->size);
    t->used = t->count = 1;
    t->node = calloc(FIRST_NODES, sizeof(*t->node));
    t->room = FIRST_NODES;
    if (t->pool && t->node) {
        *t->pool = '\0';
        return t;
    }
    config_tree_free(t);
    return NULL;
}

void config_tree_free(struct config_tree *t)
{
    if (t) {
        free(t->pool);
        free(t->node);
    }
    free(t);
}

/* ---- filling ---- */

/* Terminated text in the pool; 0 (the empty one) when there is no room. */
static uint32_t keep(struct config_tree *t, const void *text, size_t n)
{
    size_t at = t->used;

    if (!n)
        return 0;
    if (n >= t->size - t->used) {
        t->full = true;
        return 0;
    }
    memcpy(t->pool + at, text, n);
    t->pool[at + n] = '\0';
    t->used += n + 1;
    return (uint32_t)at;
}

static void set_name(struct config_tree *t, uint32_t i, const void *name, size_t n)
{
    t->node[i].name = keep(t, name, n);
    t->node[i].name_length = t->node[i].name ? (uint32_t)n : 0;
}

static bool grow(struct config_tree *t)
{
    struct config_node *node =
        t->room < CONFIG_NODES ? reallocarray(t->node, 2 * t->room, sizeof(*node)) : NULL;

    if (!node)
        return false;
    memset(node + t->room, 0, t->room * sizeof(*node));
    t->node = node;
    t->room *= 2;
    return true;
}

static uint32_t add(struct config_tree *t, uint32_t parent, const void *name, size_t n)
{
    if (t->count == t->room && !grow(t)) {
        t->full = true;
        return 0;
    }
    t->node[t->count].parent = parent;
    set_name(t, t->count, name, n);
    return t->count++;
}

static void set_value(struct config_tree *t, uint32_t i, const void *value, size_t n)
{
    struct config_node *node = &t->node[i];

    node->has_value = true;
    node->cut = n > CONFIG_VALUE_MAX;
    if (node->cut)
        return;
    node->value = keep(t, value, n);
    node->value_length = node->value ? (uint32_t)n : 0;
}

void config_tree_open(struct config_tree *t, const void *name, size_t n)
{
    /* without room the walk still has to find back to this parent, so the tree is given up */
    if (t && !t->full)
        t->open = add(t, t->open, name, n);
}

void config_tree_close(struct config_tree *t)
{
    if (t && !t->full)
        t->open = t->node[t->open].parent;
}

void config_tree_name(struct config_tree *t, const void *name, size_t n)
{
    if (!t || t->full)
        return;
    set_name(t, t->open, name, n);
}

void config_tree_value(struct config_tree *t, const void *value, size_t n, size_t from, size_t to)
{
    if (!t || t->full)
        return;
    set_value(t, t->open, value, n);
    t->node[t->open].from = (uint32_t)from;
    t->node[t->open].to = (uint32_t)to;
}

void config_tree_leaf(struct config_tree *t, const void *name, size_t name_n, const void *value,
                      size_t n, size_t from, size_t to)
{
    config_tree_open(t, name, name_n);
    config_tree_value(t, value, n, from, to);
    config_tree_close(t);
}

/* ---- looking ---- */

/* Does the node stand at path[0..n) below base? Looks from the path's end upwards. */
static bool at_path(const struct config_tree *t, uint32_t i, uint32_t base, const char *path,
                    size_t n)
{
    while (n) {
        size_t from = n;

        while (from && path[from - 1] != '/')
            from--;
        if (i == base)
            return false;
        if ((n - from != 1 || path[from] != '*') &&
            (t->node[i].name_length != n - from ||
             memcmp(config_name(t, i), path + from, n - from) != 0))
            return false;
        i = t->node[i].parent;
        n = from ? from - 1 : 0;
    }
    return i == base;
}

uint32_t config_find(const struct config_tree *t, uint32_t base, const char *path, uint32_t after)
{
    uint32_t first = after > base ? after + 1 : base + 1, end = t->count;

    for (path += *path == '<'; *path; path += *path == '|') {
        size_t n = strcspn(path, "|");
        uint32_t i = first;

        while (i < end && (t->node[i].gone || !at_path(t, i, base, path, n)))
            i++;
        end = i;
        path += n;
    }
    return end < t->count ? end : 0;
}

void config_path(const struct config_tree *t, uint32_t i, char *out, size_t size)
{
    uint32_t up[CONFIG_DEPTH + 2];
    size_t depth = 0, n = 0;

    for (; i && depth < CONFIG_DEPTH + 2; i = t->node[i].parent)
        up[depth++] = i;
    while (depth--) {
        const struct config_node *node = &t->node[up[depth]];
        size_t length = node->name_length ? node->name_length : 1;

        if (n + length + 2 > size)
            break;
        if (n)
            out[n++] = '/';
        memcpy(out + n, node->name_length ? config_name(t, up[depth]) : "*", length);
        n += length;
    }
    out[n] = '\0';
}

/* ---- making ---- */

static uint32_t child(struct config_tree *t, uint32_t parent, const char *name, size_t n)
{
    bool item = n == 1 && *name == '*';

    if (item)
        t->node[parent].array = true;
    for (uint32_t i = parent + 1; i < t->count; i++)
        if (t->node[i].parent == parent && !t->node[i].gone &&
            (item || (t->node[i].name_length == n && !memcmp(config_name(t, i), name, n))))
            return i;
    return add(t, parent, name, item ? 0 : n);
}

uint32_t config_make(struct config_tree *t, uint32_t base, const char *path)
{
    size_t n;

    path += *path == '<';
    n = strcspn(path, "/|");
    for (; n; path += n + (path[n] == '/'), n = strcspn(path, "/|")) {
        base = child(t, base, path, n);
        if (!base)
            return 0;
        if (path[n] != '/')
            break;
    }
    return base;
}

uint32_t config_add(struct config_tree *t, uint32_t parent, const char *name)
{
    return add(t, parent, name, strlen(name));
}

void config_rename(struct config_tree *t, uint32_t i, const char *name)
{
    set_name(t, i, name, strlen(name));
}

void config_put_value(struct config_tree *t, uint32_t i, const char *value, bool number)
{
    set_value(t, i, value, strlen(value));
    t->node[i].number = number;
}
