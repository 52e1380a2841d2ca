/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a chunk by path: "records.3.type", "entries[12].pfn". */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "debug_internal.h"
#include "debug_fields.h"

#define DEPTH_MAX 32U

/* Follows the values of a chunk and knows the path of each. */
struct follower {
    struct xsi_sink sink;
    const struct debug_fields *want;
    char path[DEBUG_PATH_MAX];
    size_t length[DEPTH_MAX + 1];  /* of path, by level */
    uint64_t items[DEPTH_MAX + 1]; /* of the lists that are open, by level */
    unsigned level, over;          /* over: groups beyond the deepest level */
};

/* "[3]" and ".3" are the same; the normal form has dots. */
void debug_path_normal(char *out, size_t size, const char *path)
{
    size_t n = 0;

    for (; *path && n + 1 < size; path++) {
        if (*path == ']')
            continue;
        if (*path == '[' && n == 0)
            continue;
        out[n++] = *path == '[' ? '.' : *path;
    }
    out[n] = '\0';
}

/* The path of a value: its parent's, then its name or its number in the list. */
static void extend(struct follower *f, const struct xsi_value *v)
{
    size_t n = f->length[f->level], size = sizeof(f->path);
    char name[80];

    if (v->name)
        snprintf(f->path + n, size - n, "%s%s", n ? "." : "",
                 cli_name(name, sizeof(name), v->name));
    else
        snprintf(f->path + n, size - n, "%s%" PRIu64, n ? "." : "", f->items[f->level]++);
}

static void value(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct follower *f = (struct follower *)sink;

    if (v->kind == XSI_CLOSE && f->over) {
        f->over--;
        return;
    }
    if (v->kind == XSI_CLOSE) {
        f->level -= f->level ? 1 : 0;
        f->path[f->length[f->level]] = '\0';
        f->want->value(f->want->context, f->path, v);
        return;
    }
    if (f->level == DEPTH_MAX && (v->kind == XSI_GROUP || v->kind == XSI_LIST))
        f->over++;
    if (f->over)
        return;
    extend(f, v);
    f->want->value(f->want->context, f->path, v);
    if (v->kind == XSI_GROUP || v->kind == XSI_LIST) {
        f->level++;
        f->length[f->level] = strlen(f->path);
        f->items[f->level] = 0;
    } else {
        f->path[f->length[f->level]] = '\0';
    }
}

int debug_fields(struct xsi_walk *walk, const struct xsi_chunk *chunk,
                 const struct debug_fields *want)
{
    struct follower f = { .sink = { value }, .want = want };

    return xsi_chunk_fields(walk, chunk, want->detail, &f.sink);
}

/* "a.b" is in "a.b", "a.b.c" and "a.b.3", not in "a.bc". */
bool debug_path_in(const char *path, const char *group)
{
    size_t n = strlen(group);

    return !n || (!strncmp(path, group, n) && (!path[n] || path[n] == '.'));
}

/* ---------------------------------------------------------------- paths that people write ---- */

struct search {
    const char *path;
    bool found;
};

static void look(void *context, const char *path, const struct xsi_value *v)
{
    struct search *s = context;

    s->found |= v->kind != XSI_CLOSE && !strcmp(path, s->path);
}

/* The current chunk has a field of this name. */
static bool is_field(struct debug *d, const char *name)
{
    struct search s = { name, false };
    const struct debug_fields want = { 1, &s, look };
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk = xsi_map_open(d->map, d->at, &chunk, &err);

    if (walk)
        debug_fields(walk, chunk, &want);
    xsi_walk_free(walk);
    return s.found;
}

/* `head` names the current chunk, or is no name of a chunk at all: then of a field of it. */
static bool is_here(struct debug *d, const char *head)
{
    uint64_t place;

    if (!*head || !strcmp(head, "."))
        return true;
    return islower((unsigned char)*head) && !xsi_map_type(d->map, head, 0) &&
           (is_field(d, head) || !debug_named(d, head, &place));
}

struct xsi_walk *debug_path_open(struct debug *d, const char *text, const struct xsi_chunk **chunk,
                                 char *path, size_t size)
{
    bool dot = *text == '.' && (!text[1] || text[1] == '.' || text[1] == '[');
    size_t n = dot ? 1 : strcspn(text, ".[");
    char head[160];

    if (n >= sizeof(head) || strlen(text) >= size) {
        debug_fail(d, CLI_USAGE, "the path is too long");
        return NULL;
    }
    memcpy(head, text, n);
    head[n] = '\0';
    if (is_here(d, head)) {
        debug_path_normal(path, size, n && !dot ? text : text + n + (text[n] == '.'));
        return debug_chunk(d, "@.", chunk);
    }
    debug_path_normal(path, size, text[n] == '.' ? text + n + 1 : text + n);
    return debug_chunk(d, head, chunk);
}
