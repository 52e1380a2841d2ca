/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields of a chunk by path: "records.3.type", "entries[12].pfn". */
#include <ctype.h>
#include <string.h>

#include "debug_internal.h"
#include "debug_fields.h"

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
    const struct cli_fields want = { 1, &s, look };
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk = xsi_map_open(d->map, d->at, &chunk, &err);

    if (walk)
        cli_fields(walk, chunk, &want);
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
