/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The recipes of all formats, and what a recipe is given to work with. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "../dissect/internal.h"
#include "internal.h"

enum { BYTES_MAX = 64 << 20, SPLICES_MAX = 65536 };

const struct xsi_recipe *xsi_recipe_at(size_t index)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_recipe *r = format->recipes; r && r->name; r++)
            if (index-- == 0)
                return r;
    return NULL;
}

const struct xsi_recipe *xsi_recipe_lookup(const char *name)
{
    const struct xsi_recipe *r;

    for (size_t i = 0; (r = xsi_recipe_at(i)); i++)
        if (!strcasecmp(r->name, name))
            return r;
    return NULL;
}

/* ---------------------------------------------------------------- what a recipe sees ---- */

struct xsi_source *xsi_mend_source(const struct xsi_mend *m)
{
    return xsi_plan_source(m->plan);
}

uint64_t xsi_mend_size(const struct xsi_mend *m)
{
    uint64_t size = 0;

    (void)xsi_source_size(xsi_plan_source(m->plan), &size);
    return size;
}

const struct xsi_map *xsi_mend_map(const struct xsi_mend *m)
{
    return m->map;
}

const struct xsi_reader *xsi_mend_reader(const struct xsi_mend *m)
{
    return m->reader;
}

const struct xsi_verdict *xsi_mend_verdict(const struct xsi_mend *m)
{
    return m->verdict;
}

const struct xsi_finding_row *xsi_mend_finding(const struct xsi_mend *m)
{
    return m->finding;
}

uint64_t xsi_mend_at(const struct xsi_mend *m)
{
    return m->at;
}

uint64_t xsi_mend_length(const struct xsi_mend *m)
{
    return m->length;
}

bool xsi_mend_asked(const struct xsi_mend *m)
{
    return m->options->recipe != NULL;
}

bool xsi_mend_same_size(const struct xsi_mend *m)
{
    return m->options->same_size;
}

bool xsi_mend_read(const struct xsi_mend *m, uint64_t offset, void *buf, size_t n)
{
    struct xsi_source *src = xsi_plan_source(m->plan);
    size_t done = 0;

    while (done < n) {
        ssize_t got = xsi_source_read(src, (uint8_t *)buf + done, n - done, offset + done);

        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* Remember memory that is freed when the recipe's call is over. */
static void *borrowed(struct xsi_mend *m, void *p)
{
    void **more = p ? reallocarray(m->memory, m->memory_count + 1, sizeof(*more)) : NULL;

    if (!more) {
        free(p);
        m->error = -ENOMEM;
        return NULL;
    }
    m->memory = more;
    m->memory[m->memory_count++] = p;
    return p;
}

void *xsi_mend_scratch(struct xsi_mend *m, size_t n)
{
    return borrowed(m, calloc(1, n ? n : 1));
}

const uint8_t *xsi_mend_bytes(struct xsi_mend *m, uint64_t offset, size_t n)
{
    uint64_t size = xsi_mend_size(m);
    uint8_t *p;

    if (n > BYTES_MAX || offset > size || n > size - offset)
        return NULL;
    p = borrowed(m, malloc(n ? n : 1));
    return p && xsi_mend_read(m, offset, p, n) ? p : NULL;
}

/* ---------------------------------------------------------------- what a recipe says ---- */

/* printf behind what stands there already, with "; " between, made printable. */
static void XSI_PRINTF(3, 0) say(char *out, size_t size, const char *fmt, va_list args)
{
    char text[400];
    size_t n = strlen(out);

    vsnprintf(text, sizeof(text), fmt, args);
    if (n && n + 2 < size) {
        memcpy(out + n, "; ", 3);
        n += 2;
    }
    if (n < size)
        xsi_escape(out + n, size - n, text, strlen(text));
}

void xsi_mend_splice(struct xsi_mend *m, uint64_t offset, uint64_t removed, const void *bytes,
                     size_t n, const char *fmt, ...)
{
    struct xsi_splice *larger;
    va_list args;
    void *copy;

    if (m->count >= SPLICES_MAX) {
        m->error = -EINVAL;
        return;
    }
    copy = xsi_mend_scratch(m, n);
    larger = copy ? reallocarray(m->splice, m->count + 1, sizeof(*larger)) : NULL;
    if (!larger) {
        m->error = -ENOMEM;
        return;
    }
    if (n)
        memcpy(copy, bytes, n);
    m->splice = larger;
    m->splice[m->count++] = (struct xsi_splice){ offset, removed, copy, n };
    va_start(args, fmt);
    say(m->step.why, sizeof(m->step.why), fmt, args);
    va_end(args);
}

void xsi_mend_loses(struct xsi_mend *m, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(m->step.loses, sizeof(m->step.loses), fmt, args);
    va_end(args);
}

void xsi_mend_guess(struct xsi_mend *m, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(m->step.guess, sizeof(m->step.guess), fmt, args);
    va_end(args);
}

void xsi_mend_refuse(struct xsi_mend *m, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(m->refusal, sizeof(m->refusal), fmt, args);
    va_end(args);
}

void xsi_mend_keep(struct xsi_mend *m, const char *name, uint64_t offset, uint64_t length)
{
    struct xsi_kept *k = &m->keep[m->keep_count];

    if (m->keep_count == sizeof(m->keep) / sizeof(m->keep[0]))
        return;
    m->keep_count++;
    *k = (struct xsi_kept){ .offset = offset, .length = length };
    snprintf(k->name, sizeof(k->name), "%s", name);
}

void xsi_mend_start(struct xsi_mend *m)
{
    m->count = m->keep_count = 0;
    m->step = (struct xsi_planned){ 0 };
    m->refusal[0] = '\0';
    m->error = 0;
}

void xsi_mend_clear(struct xsi_mend *m)
{
    for (size_t i = 0; i < m->memory_count; i++)
        free(m->memory[i]);
    free(m->memory);
    free(m->splice);
    m->memory = NULL;
    m->memory_count = 0;
    m->splice = NULL;
    m->count = 0;
}
