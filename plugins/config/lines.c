/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl.cfg as text (xl 4.0.1 to 4.4 keep the file as it was given). Only assignments at the start of
 * a line are looked at; lists and what stands inside them are passed over. Keys: xen-4.4,
 * docs/man/xl.cfg.pod.5.
 */
#include "config.h"

struct lines {
    const uint8_t *text;
    size_t n, at;
    bool whole;
    struct config_facts *f;
};

static bool is_key(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void spaces(struct lines *l)
{
    while (l->at < l->n && (l->text[l->at] == ' ' || l->text[l->at] == '\t'))
        l->at++;
}

/* The quoted or bare word at l->at; the quotes are left out of [*from, *from + *length). */
static void scalar(struct lines *l, size_t *from, size_t *length)
{
    uint8_t quote = l->at < l->n ? l->text[l->at] : 0;

    if (quote == '"' || quote == '\'') {
        *from = ++l->at;
        while (l->at < l->n && l->text[l->at] != quote && l->text[l->at] != '\n')
            l->at++;
        if (l->at < l->n ? l->text[l->at] != quote : l->whole)
            config_problem(l->f, *from, "a quoted value is not closed");
        *length = l->at - *from;
        return;
    }
    *from = l->at;
    while (l->at < l->n && (is_key(l->text[l->at]) || l->text[l->at] == '-'))
        l->at++;
    *length = l->at - *from;
}

static void take(struct config_facts *f, const uint8_t *key, size_t key_n, const uint8_t *v,
                 size_t n)
{
    if (config_is(key, key_n, "name")) {
        config_copy(f->name, sizeof(f->name), v, n);
    } else if (config_is(key, key_n, "uuid")) {
        config_copy(f->uuid, sizeof(f->uuid), v, n);
    } else if (config_is(key, key_n, "builder")) {
        f->guest = config_is(v, n, "hvm") ? XSI_GUEST_HVM : XSI_GUEST_PV;
    } else if (config_is(key, key_n, "type")) {
        f->guest = config_is(v, n, "hvm")   ? XSI_GUEST_HVM
                   : config_is(v, n, "pvh") ? XSI_GUEST_PVH
                   : config_is(v, n, "pv")  ? XSI_GUEST_PV
                                            : f->guest;
    } else if (config_is(key, key_n, "maxvcpus") || (config_is(key, key_n, "vcpus") && !f->vcpus)) {
        f->vcpus = config_number(v, n);
    }
}

/* Behind a value: to the next line, or to the end of a list that runs over several. */
static void rest(struct lines *l)
{
    unsigned open = 0;

    for (; l->at < l->n; l->at++) {
        uint8_t c = l->text[l->at];

        if (c == '[')
            open++;
        else if (c == ']' && open)
            open--;
        else if (c == '\n' && !open)
            return;
    }
    if (open && l->whole)
        config_problem(l->f, l->at, "a list is not closed");
}

static void line(struct lines *l)
{
    size_t key = l->at, key_n, from, length;

    while (l->at < l->n && is_key(l->text[l->at]))
        l->at++;
    key_n = l->at - key;
    spaces(l);
    if (key_n && l->at < l->n && l->text[l->at] == '=') {
        l->at++;
        spaces(l);
        scalar(l, &from, &length);
        take(l->f, l->text + key, key_n, l->text + from, length);
    }
    rest(l);
    l->at++;
}

void config_lines(const uint8_t *text, size_t n, bool whole, struct config_facts *f)
{
    struct lines l = { .text = text, .n = strnlen((const char *)text, n), .whole = whole, .f = f };
    bool told = false;

    memset(f, 0, sizeof(*f));
    for (size_t i = 0; i < l.n && !told; i++)
        if (text[i] < 0x20 && text[i] != '\t' && text[i] != '\n' && text[i] != '\r') {
            config_problem(f, i, "a control character");
            told = true;
        }
    while (l.at < l.n)
        line(&l);
    f->end = l.n;
    f->complete = whole;
    /* without any builder or type, xl 4.4 and older build a PV guest */
    if (f->guest == XSI_GUEST_UNKNOWN && f->name[0] && whole)
        f->guest = XSI_GUEST_PV;
}
