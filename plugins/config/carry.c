/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configurations between containers. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "../xapi/xapi.h"
#include "bare.h"
#include "carry.h"

/* ---------------------------------------------------------------- out of an image ---- */

int config_take(struct xsi_take *t, enum xsi_syntax syntax, uint64_t from, uint64_t n)
{
    const struct xsi_chunk *chunk = xsi_take_chunk(t);
    const uint8_t *text;

    /* of a chunk that is cut off, what there is */
    if (from >= chunk->length)
        return 0;
    n = n < chunk->length - from ? n : chunk->length - from;
    if (n > XSI_CONFIG_TEXT_MAX)
        return xsi_take_cannot(t, "a configuration of %" PRIu64 " bytes; %u are read at most", n,
                               XSI_CONFIG_TEXT_MAX);
    text = xsi_take_bytes(t, from, (size_t)n);
    if (!text)
        return -EBADMSG;
    n = strnlen((const char *)text, (size_t)n);
    return n ? xsi_take_item(t, XSI_ITEM_CONFIG, syntax, text, (size_t)n) : 0;
}

int config_take_xl(struct xsi_take *t, uint64_t from, uint64_t n)
{
    const uint8_t *first =
        n && from < xsi_take_chunk(t)->length ? xsi_take_bytes(t, from, 1) : NULL;

    return config_take(t, first && *first == '{' ? XSI_SYNTAX_JSON : XSI_SYNTAX_XL, from, n);
}

/* ---------------------------------------------------------------- into another ---- */

static const enum xsi_config_syntax translated[] = {
    [XSI_SYNTAX_XL] = XSI_CONFIG_CFG,         [XSI_SYNTAX_JSON] = XSI_CONFIG_JSON,
    [XSI_SYNTAX_LIBVIRT] = XSI_CONFIG_XML,    [XSI_SYNTAX_SXP] = XSI_CONFIG_SXP,
    [XSI_SYNTAX_XENOPS] = XSI_CONFIG_UNKNOWN,
};

static enum xsi_syntax guessed(const char *text)
{
    enum xsi_config_syntax found = xsi_config_guess(text, strlen(text));

    for (size_t i = 1; i < sizeof(translated) / sizeof(translated[0]); i++)
        if (translated[i] == found && found != XSI_CONFIG_UNKNOWN)
            return (enum xsi_syntax)i;
    return XSI_SYNTAX_XL; /* any lines of text may be xl's */
}

void config_text_free(struct config_text *text)
{
    free(text->owned);
    text->owned = NULL;
}

/* The user's, else the image's: one in a syntax of the target's before any other. */
static int find(struct xsi_give *g, const enum xsi_syntax *takes, size_t count,
                struct config_text *out)
{
    const struct xsi_convert_options *options = xsi_give_options(g);
    const struct xsi_vm *vm = xsi_give_vm(g);
    const struct xsi_item *item = NULL;
    size_t i = 0;

    if (options->config) {
        out->bytes = options->config;
        out->length = strlen(options->config);
        out->syntax = options->config_syntax ? options->config_syntax : guessed(options->config);
        return 0;
    }
    for (size_t k = 0; k < count && !item; k++)
        item = xsi_vm_find(vm, XSI_ITEM_CONFIG, takes[k]);
    if (!item)
        item = xsi_vm_next(vm, XSI_ITEM_CONFIG, &i);
    if (!item)
        return 0;
    out->bytes = (const char *)xsi_give_item_bytes(g, item);
    out->length = (size_t)item->length;
    out->syntax = (enum xsi_syntax)item->id;
    return out->bytes ? 0 : -EBADMSG;
}

/* Hand over what was made, and say what it lacks. */
static void made(struct xsi_give *g, struct xsi_config_out *from, enum xsi_syntax syntax,
                 struct config_text *out)
{
    const char *name = xsi_config_syntax_name(translated[syntax]);

    for (size_t i = 0; i < from->left_out_count; i++)
        xsi_give_note(g, "the configuration's %s has no counterpart in %s", from->left_out[i],
                      name);
    if (from->left_out_more)
        xsi_give_note(g, "%zu more members of the configuration have no counterpart in %s",
                      from->left_out_more, name);
    for (size_t i = 0; i < from->guessed_count; i++)
        xsi_give_note(g, "assumed for the configuration: %s", from->guessed[i]);
    *out = (struct config_text){
        .syntax = syntax, .bytes = from->text, .length = from->length, .owned = from->text
    };
    from->text = NULL;
}

static int translate(struct xsi_give *g, enum xsi_syntax to, struct config_text *text)
{
    struct xsi_config_out out = { 0 };
    const char *to_name = xsi_config_syntax_name(translated[to]);
    int rc = xsi_config_translate(text->bytes, text->length, translated[text->syntax],
                                  translated[to], &out);

    if (!rc) {
        xsi_give_note(g, "the configuration was translated from %s to %s",
                      xsi_config_syntax_name(translated[text->syntax]), to_name);
        made(g, &out, to, text);
    } else if (rc == -ENOMEM) {
        rc = xsi_give_cannot(g, "out of memory for the configuration");
    } else {
        rc = xsi_give_drops(g, "the configuration, which cannot be translated to %s: %s", to_name,
                            out.problem);
        text->bytes = NULL;
    }
    xsi_config_out_free(&out);
    return rc;
}

static int minimal(struct xsi_give *g, enum xsi_syntax syntax, struct config_text *text)
{
    struct xsi_config_out out = { 0 };
    int rc = config_bare(g, translated[syntax], &out);

    if (!rc) {
        xsi_give_note(g, "the image holds no configuration: a short one was made, without disks "
                         "and network; --config puts another there");
        made(g, &out, syntax, text);
    }
    xsi_config_out_free(&out);
    return rc;
}

int config_text_get(struct xsi_give *g, const enum xsi_syntax *takes, size_t count,
                    struct config_text *out)
{
    int rc;

    *out = (struct config_text){ 0 };
    rc = find(g, takes, count, out);
    if (rc)
        return rc;
    for (size_t i = 0; out->bytes && i < count; i++)
        if (out->syntax == takes[i])
            return 0;
    if (out->bytes)
        rc = translate(g, takes[0], out);
    if (!rc && !out->bytes)
        rc = minimal(g, takes[0], out);
    return rc;
}

int config_text_check(struct xsi_give *g, const enum xsi_syntax *takes, size_t count)
{
    struct config_text text;
    int rc;

    if (xsi_give_length(g))
        return 0;
    rc = config_text_get(g, takes, count, &text);
    config_text_free(&text);
    return rc;
}

/* ---------------------------------------------------------------- no place for it ---- */

int config_check_rest(struct xsi_give *g, bool config)
{
    const struct xsi_vm *vm = xsi_give_vm(g);
    const char *layer = xsi_give_writer(g)->layer;
    const struct xsi_item *item;
    size_t i = 0;
    int rc = 0;

    if (xsi_give_neighbour(g, true))
        return 0;
    while (!rc && (item = xsi_vm_next(vm, XSI_ITEM_PART, &i))) {
        const struct xapi_part *part = xapi_part_row(item->id);

        if (part && item->id != XAPI_PART_XENOPS) /* that one no reader looks at */
            rc =
                xsi_give_drops(g, "the %s part of the image, %s", part->type.name, part->type.help);
    }
    i = 0;
    if (!rc && !config && xsi_vm_next(vm, XSI_ITEM_CONFIG, &i))
        xsi_give_note(g, "the configuration is left out: %s has no place for it", layer);
    return rc;
}

int config_check_inside(struct xsi_give *g, const char *const *names, size_t count)
{
    const struct xsi_writer *inner = xsi_give_neighbour(g, false);
    const char *layer = inner ? inner->layer : "nothing";

    for (size_t i = 0; i < count; i++) {
        size_t n = strcspn(names[i], "*");

        if (!strncmp(layer, names[i], n) && (names[i][n] == '*' || !layer[n]))
            return 0;
    }
    return xsi_give_cannot(g,
                           "no toolstack reads it with %s inside; xsrecover convert changes the "
                           "stream as well",
                           layer);
}
