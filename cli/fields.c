/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follows the values of a chunk and knows the path of each. */
#include <inttypes.h>
#include <string.h>

#include "fields.h"

#define DEPTH_MAX 32U

struct follower {
    struct xsi_sink sink;
    const struct cli_fields *want;
    char path[CLI_PATH_MAX];
    size_t length[DEPTH_MAX + 1];  /* of path, by level */
    uint64_t items[DEPTH_MAX + 1]; /* of the lists that are open, by level */
    unsigned level, over;          /* over: groups beyond the deepest level */
};

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

int cli_fields(struct xsi_walk *walk, const struct xsi_chunk *chunk, const struct cli_fields *want)
{
    struct follower f = { .sink = { value }, .want = want };

    return xsi_chunk_fields(walk, chunk, want->detail, &f.sink);
}
