/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of an image, and what changes it there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hold.h"

static const struct config_holder *const holders[] = { &xl_config_holder, &libvirt_config_holder,
                                                       &xend_config_holder };

static const struct config_holder *holder_of(const char *layer)
{
    for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
        if (!strcmp(holders[i]->layer, layer))
            return holders[i];
    return NULL;
}

/* What the lengths count besides the text that was found. */
static int take(const struct config_holder *h, const struct config_chunks *c,
                struct xsi_config_held *held)
{
    size_t from = 0, n = 0;

    if (!h->find(c, held, &from, &n) || from > c->config_length) {
        held->words = 0;
        from = 0;
        n = c->config_length;
    }
    if (n > c->config_length - from)
        n = c->config_length - from;
    held->length = strnlen((const char *)c->config + from, n);
    held->offset = c->config_at + from;
    held->text = malloc(held->length + 1);
    if (!held->text)
        return -ENOMEM;
    memcpy(held->text, c->config + from, held->length);
    held->text[held->length] = '\0';
    for (size_t i = 0; i < held->words; i++)
        held->word[i].over -= (uint32_t)held->length;
    return 0;
}

/* Bytes of a chunk, kept beyond the next event. */
static uint8_t *keep(struct xsi_walk *w, const struct xsi_chunk *chunk, size_t *have)
{
    size_t want = chunk->length < XSI_CONFIG_TEXT_MAX ? (size_t)chunk->length : XSI_CONFIG_TEXT_MAX;
    const uint8_t *p = xsi_chunk_bytes(w, chunk, 0, want, have);
    uint8_t *copy = malloc(*have + 1);

    if (copy)
        memcpy(copy, p, *have);
    return copy;
}

/* xapi's record is no domain's configuration, but the nearest thing to one. */
static int take_record(struct xsi_walk *w, const struct xsi_chunk *chunk,
                       struct xsi_config_held *held)
{
    enum { PART_HEADER = 16 };
    size_t have = 0;
    uint8_t *p = keep(w, chunk, &have);

    if (p && have > PART_HEADER) {
        held->length = strnlen((const char *)p + PART_HEADER, have - PART_HEADER);
        memmove(p, p + PART_HEADER, held->length);
        p[held->length] = '\0';
        held->offset = chunk->offset + PART_HEADER;
        held->text = (char *)p;
        return 1;
    }
    free(p);
    return p ? 1 : -ENOMEM;
}

/* 1: found, 0: further, -errno. */
static int on_chunk(struct xsi_walk *w, const struct xsi_chunk *chunk, struct config_chunks *c,
                    struct xsi_config_held *held)
{
    const struct config_holder *h = holder_of(chunk->layer);
    int rc;

    if (!held->layer[0] && !(chunk->flags & XSI_CHUNK_GAP))
        snprintf(held->layer, sizeof(held->layer), "%s", chunk->layer);
    if (!strncmp(chunk->layer, "libx", 4)) /* the stream begins */
        return 1;
    if (!strcmp(chunk->layer, "xapi-v2") && !strcmp(chunk->type, "XENOPS"))
        return take_record(w, chunk, held);
    if (!h || (chunk->flags & XSI_CHUNK_GAP))
        return 0;
    if (!strcmp(chunk->type, "HEADER")) {
        free((void *)c->header);
        c->header = keep(w, chunk, &c->header_length);
        c->header_at = chunk->offset;
        return c->header ? 0 : -ENOMEM;
    }
    if (strcmp(chunk->type, h->chunk) != 0 || !c->header)
        return 0;
    c->config = keep(w, chunk, &c->config_length);
    c->config_at = chunk->offset;
    rc = c->config ? take(h, c, held) : -ENOMEM;
    free((void *)c->config);
    return rc ? rc : 1;
}

int xsi_config_hold(struct xsi_source *src, const char *as, struct xsi_config_held *held,
                    struct xsi_error *err)
{
    struct xsi_walk_options how = { .as = as };
    struct xsi_walk *w = xsi_walk_new(src, &how, err);
    struct config_chunks c = { 0 };
    struct xsi_event ev;
    int rc = w ? 0 : -EINVAL, done = 0;

    memset(held, 0, sizeof(*held));
    while (!rc && !done && (rc = xsi_walk_next(w, &ev)) > 0) {
        rc = 0;
        if (ev.kind == XSI_EV_CHUNK)
            done = on_chunk(w, ev.chunk, &c, held);
        if (done < 0)
            rc = done;
    }
    if (rc < 0 && w)
        *err = xsi_walk_error(w) && done >= 0
                   ? *xsi_walk_error(w)
                   : (struct xsi_error){ ENOMEM, "out of memory; free some and try again" };
    free((void *)c.header);
    xsi_walk_free(w);
    return rc < 0 ? rc : 0;
}

void xsi_config_let_go(struct xsi_config_held *held)
{
    free(held->text);
    held->text = NULL;
}

/* ---- changing ---- */

/* Blanks that mean nothing: at the end, and, where the syntax has them, in front of lines. */
static size_t squeeze(char *text, size_t n, size_t target, enum xsi_config_syntax syntax)
{
    size_t out = 0, spare = n - target;

    while (n && spare && strchr(" \t\r\n", text[n - 1]))
        n--, spare--;
    if (syntax != XSI_CONFIG_JSON && syntax != XSI_CONFIG_XML)
        return n;
    for (size_t i = 0; i < n;) {
        size_t run = text[i] == '\n' ? strspn(text + i, " \t\r\n") : 0;
        bool between =
            run && i + run < n &&
            (syntax == XSI_CONFIG_JSON || (out && text[out - 1] == '>' && text[i + run] == '<'));

        if (between && spare) {
            size_t drop = run < spare ? run : spare;

            i += drop;
            spare -= drop;
            continue;
        }
        text[out++] = text[i++];
    }
    return out;
}

static size_t fit(char *text, size_t n, size_t target, enum xsi_config_syntax syntax)
{
    char *copy;
    size_t squeezed;

    if (n <= target) {
        memset(text + n, '\n', target - n);
        return target;
    }
    copy = strdup(text);
    squeezed = copy ? squeeze(copy, n, target, syntax) : n;
    if (squeezed == target)
        memcpy(text, copy, n = target);
    free(copy);
    return n;
}

static void put_word(struct xsi_config_patch *p, size_t i, const struct xsi_config_word *w,
                     uint32_t value, size_t at)
{
    uint32_t word = w->big ? htobe32(value) : htole32(value);

    memcpy(p->word[i], &word, sizeof(word));
    p->splice[at] = (struct xsi_splice){ w->offset, 4, p->word[i], 4 };
}

int xsi_config_patch(const struct xsi_config_held *held, const char *text, size_t n, bool same_size,
                     struct xsi_config_patch *p)
{
    size_t room = n > held->length ? n : held->length, head = 0, tail = 0;

    memset(p, 0, sizeof(*p));
    if (n > XSI_CONFIG_TEXT_MAX || (!held->words && n != held->length))
        return -E2BIG;
    p->text = malloc(room + 1);
    if (!p->text)
        return -ENOMEM;
    memcpy(p->text, text, n);
    p->text[n] = '\0';
    if (same_size && n != held->length)
        n = fit(p->text, n, held->length, held->syntax);
    while (head < n && head < held->length && p->text[head] == held->text[head])
        head++;
    if (head == n && n == held->length)
        return 0;
    while (tail < n - head && tail < held->length - head &&
           p->text[n - 1 - tail] == held->text[held->length - 1 - tail])
        tail++;
    for (size_t i = 0; i < held->words && n != held->length; i++)
        put_word(p, i, &held->word[i], held->word[i].over + (uint32_t)n, p->count++);
    p->splice[p->count++] = (struct xsi_splice){ held->offset + head, held->length - head - tail,
                                                 p->text + head, n - head - tail };
    return 0;
}

void xsi_config_patch_free(struct xsi_config_patch *patch)
{
    free(patch->text);
    patch->text = NULL;
}
