/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The chunk at a place, decoded: its fields as lines of text. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "browse.h"
#include "cli/fields.h"

#define VALUE_MAX   4096U /* bytes of a text that are kept */
#define BYTES_SHOWN 32U
#define POOL        (64U << 10)

/* Strings of a look live and die together. */
struct look_pool {
    struct look_pool *next;
    size_t used;
    char text[POOL];
};

struct decoder {
    struct look *look;
    unsigned level; /* groups that are open */
    bool full;
};

/* ---------------------------------------------------------------- strings ---- */

static char *keep(struct look *look, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy;

    if (!look->pool || n > POOL - look->pool->used) {
        struct look_pool *pool = n <= POOL ? malloc(sizeof(*pool)) : NULL;

        if (!pool)
            return NULL;
        pool->next = look->pool;
        pool->used = 0;
        look->pool = pool;
    }
    copy = look->pool->text + look->pool->used;
    memcpy(copy, text, n);
    look->pool->used += n;
    return copy;
}

/* "records.3.type" as people write it: "records[3].type". */
static void pretty(char *out, size_t size, const char *path)
{
    size_t n = 0;
    bool number = false;

    for (const char *p = path; *p && n + 2 < size; p++) {
        bool digit = p[0] == '.' && p[1] >= '0' && p[1] <= '9';
        size_t digits = digit ? strspn(p + 1, "0123456789") : 0;

        if (digit && (!p[1 + digits] || p[1 + digits] == '.')) {
            out[n++] = '[';
            number = true;
            continue;
        }
        if (number && *p == '.') {
            out[n++] = ']';
            number = false;
        }
        out[n++] = *p;
    }
    if (number && n + 1 < size)
        out[n++] = ']';
    out[n] = '\0';
}

/* The last part of a path: a name, or "[3]". */
static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.'), *bracket = strrchr(path, '[');

    if (bracket && (!dot || bracket > dot))
        return bracket;
    return dot ? dot + 1 : path;
}

/* ---------------------------------------------------------------- values ---- */

static void bytes_text(char *out, size_t size, const struct xsi_value *v)
{
    size_t n = v->text_length < BYTES_SHOWN ? v->text_length : BYTES_SHOWN, used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n && used + 4 < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%02x", i ? " " : "",
                                 (unsigned char)v->text[i]);
    if (v->length > n)
        snprintf(out + used, size - used, " ... %" PRIu64 " bytes", v->length);
}

static void value_text(char *out, size_t size, const struct xsi_value *v)
{
    size_t n = v->text_length < VALUE_MAX ? v->text_length : VALUE_MAX;

    out[0] = '\0';
    if (v->kind == XSI_TEXT)
        xsi_escape(out, size, v->text, n);
    else if (v->kind == XSI_BYTES)
        bytes_text(out, size, v);
    else if (v->kind < XSI_TEXT)
        cli_value(out, size, v);
}

static bool grow(struct look *look)
{
    size_t capacity = look->capacity ? 2 * look->capacity : 64;
    struct look_field *larger;

    if (look->count < look->capacity)
        return true;
    larger =
        look->count < LOOK_FIELDS_MAX ? reallocarray(look->field, capacity, sizeof(*larger)) : NULL;
    if (!larger)
        return false;
    look->field = larger;
    look->capacity = capacity;
    return true;
}

static void take(void *context, const char *path, const struct xsi_value *v)
{
    struct decoder *d = context;
    struct look *look = d->look;
    char text[4 * VALUE_MAX + 1], nice[CLI_PATH_MAX + 64];
    struct look_field f;

    if (v->kind == XSI_CLOSE) {
        d->level -= d->level ? 1 : 0;
        return;
    }
    if (!grow(look)) {
        look->cut = true;
        return;
    }
    pretty(nice, sizeof(nice), path);
    value_text(text, sizeof(text), v);
    f = (struct look_field){ .level = d->level,
                             .kind = v->kind,
                             .offset = v->offset,
                             .length = v->length,
                             .path = keep(look, nice),
                             .value = keep(look, text),
                             .help = v->help ? keep(look, v->help) : NULL };
    if (!f.path || !f.value) {
        look->cut = true;
        return;
    }
    f.name = (char *)last_part(f.path);
    look->field[look->count++] = f;
    d->level += v->kind == XSI_GROUP || v->kind == XSI_LIST ? 1 : 0;
}

/* ---------------------------------------------------------------- looking ---- */

static void clear(struct look *look)
{
    while (look->pool) {
        struct look_pool *next = look->pool->next;

        free(look->pool);
        look->pool = next;
    }
    look->count = 0;
    look->cut = look->valid = false;
    look->why[0] = '\0';
}

static void describe(struct look *look, const struct xsi_chunk *c)
{
    look->index = c->index;
    look->offset = c->offset;
    look->length = c->length;
    look->wanted = c->wanted;
    look->meta = c->meta;
    look->entries = c->entries;
    look->pages = c->pages;
    look->first_pfn = c->first_pfn;
    look->last_pfn = c->last_pfn;
    look->flags = c->flags;
    look->depth = c->depth;
    look->layer = c->layer;
    look->type = c->type;
    look->help = c->help;
    look->has_id = c->has_id;
    look->id = c->id;
    memcpy(look->note, c->note, sizeof(look->note));
}

void look_at(struct look *look, struct doc *doc, uint64_t offset)
{
    struct decoder d = { .look = look };
    const struct cli_fields want = { 2, &d, take };
    const struct xsi_chunk *chunk = NULL;
    struct xsi_error error = { 0, "" };
    struct xsi_walk *walk;
    int rc;

    if (look->valid && offset >= look->offset && offset - look->offset < look->length)
        return;
    clear(look);
    if (offset >= xsi_index_end(doc->index)) {
        snprintf(look->why, sizeof(look->why), "%s",
                 doc->walked ? "behind the end of the image" : "the walk has not come so far yet");
        return;
    }
    walk = xsi_index_open(doc->index, offset, &chunk, &error);
    if (!walk) {
        snprintf(look->why, sizeof(look->why), "%.150s", error.text);
        return;
    }
    describe(look, chunk);
    rc = cli_fields(walk, chunk, &want);
    if (rc < 0)
        snprintf(look->why, sizeof(look->why), "its fields cannot be read: %s", strerror(-rc));
    look->valid = true;
    xsi_walk_free(walk);
}

void look_free(struct look *look)
{
    clear(look);
    free(look->field);
    *look = (struct look){ .field = NULL };
}

size_t look_field_at(const struct look *look, uint64_t offset)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < look->count; i++) {
        const struct look_field *f = &look->field[i];

        if (offset < f->offset || offset - f->offset >= f->length)
            continue;
        /* the innermost is the shortest; of two that take the same bytes the deeper one */
        if (best == SIZE_MAX || f->length < look->field[best].length ||
            (f->length == look->field[best].length && f->level > look->field[best].level))
            best = i;
    }
    return best;
}
