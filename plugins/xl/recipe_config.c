/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending the configuration that xl's header carries. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "recipe.h"

enum { MINIMAL_MAX = 4096 };

#define BETTER "better give xl a whole configuration: xl restore GOOD.cfg IMAGE"

/* ---- JSON ---- */

struct json_edit {
    const uint8_t *text;
    size_t n, at;
    char *out;
    size_t length;
    const char *type; /* NULL: stays */
    bool typed;       /* the guest type was written */
};

static void copy(struct json_edit *e, const char *p, size_t n)
{
    memcpy(e->out + e->length, p, n);
    e->length += n;
}

static bool at_word(const struct json_edit *e, const char *word)
{
    size_t n = strlen(word);

    return e->n - e->at >= n && !memcmp(e->text + e->at, word, n);
}

/* Bytes from a place to behind a colon and blanks; 0: no colon stands there. */
static size_t colon(const struct json_edit *e, size_t at)
{
    size_t from = at;
    bool met = false;

    for (; at < e->n && (isspace(e->text[at]) || (e->text[at] == ':' && !met)); at++)
        met |= e->text[at] == ':';
    return met ? at - from : 0;
}

/* "type": "…" is rewritten once; "type.pv" and the like, the key of what belongs to it, always. */
static bool rewrite_type(struct json_edit *e)
{
    static const char *const keys[] = { "\"type.pv\"", "\"type.pvh\"", "\"type.hvm\"" };
    const uint8_t *quote;
    size_t gap, value;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (at_word(e, keys[i])) {
            e->length += (size_t)sprintf(e->out + e->length, "\"type.%s\"", e->type);
            e->at += strlen(keys[i]);
            return true;
        }
    if (e->typed || !at_word(e, "\"type\""))
        return false;
    gap = colon(e, e->at + 6);
    value = e->at + 6 + gap;
    if (!gap || value >= e->n || e->text[value] != '"')
        return false;
    quote = memchr(e->text + value + 1, '"', e->n - value - 1);
    if (!quote)
        return false;
    e->length += (size_t)sprintf(e->out + e->length, "\"type\": \"%s\"", e->type);
    e->at = (size_t)(quote - e->text) + 1;
    e->typed = true;
    return true;
}

/* Offset behind the brace that opens c_info; 0: there is none. */
static size_t find_c_info(const struct json_edit *e)
{
    static const char key[] = "\"c_info\"";
    const uint8_t *p = memmem(e->text, e->n, key, sizeof(key) - 1);
    size_t at = p ? (size_t)(p - e->text) + sizeof(key) - 1 : 0, gap = p ? colon(e, at) : 0;

    return gap && at + gap < e->n && e->text[at + gap] == '{' ? at + gap + 1 : 0;
}

/* Write the text with another type, with `extra` put in front of c_info's members. */
static bool edit_json(struct json_edit *e, const char *extra)
{
    size_t place = extra ? find_c_info(e) : SIZE_MAX;

    if (!place)
        return false;
    while (e->at < e->n) {
        if (e->at == place) {
            copy(e, extra, strlen(extra));
            place = SIZE_MAX;
        }
        if (e->type && e->text[e->at] == '"' && rewrite_type(e))
            continue;
        e->out[e->length++] = (char)e->text[e->at++];
    }
    return true;
}

/* ---- xl.cfg ---- */

/* Length of `key = "` at the start of a line, blanks included; 0: another line. */
static size_t cfg_key(const uint8_t *p, size_t n, const char *key)
{
    size_t at = 0, length = strlen(key);

    while (at < n && (p[at] == ' ' || p[at] == '\t'))
        at++;
    if (n - at < length || memcmp(p + at, key, length) != 0)
        return 0;
    for (at += length; at < n && (p[at] == ' ' || p[at] == '\t' || p[at] == '='); at++)
        ;
    return at < n && (p[at] == '"' || p[at] == '\'') ? at + 1 : 0;
}

/* The text with another builder; returns its length. out has room for n + 64. */
static size_t edit_cfg(const uint8_t *text, size_t n, enum xsi_guest guest, char *out)
{
    size_t line = 0, key = 0, length;

    while (line < n) {
        const uint8_t *end = memchr(text + line, '\n', n - line);
        size_t size = end ? (size_t)(end - text) - line : n - line;
        bool builder = (key = cfg_key(text + line, size, "builder")) != 0;
        const uint8_t *quote;

        if (!builder)
            key = cfg_key(text + line, size, "type");
        quote = key ? memchr(text + line + key, text[line + key - 1], size - key) : NULL;
        if (quote) {
            const char *word =
                builder && guest == XSI_GUEST_PV ? "generic" : config_type_word(guest);
            size_t rest = (size_t)(quote - text);

            memcpy(out, text, line + key);
            length = line + key + (size_t)sprintf(out + line + key, "%s", word);
            memcpy(out + length, text + rest, n - rest);
            return length + n - rest;
        }
        line += size + 1;
    }
    length = (size_t)sprintf(out, "builder = \"%s\"\n",
                             guest == XSI_GUEST_PV ? "generic" : config_type_word(guest));
    memcpy(out + length, text, n);
    return length + n;
}

/* ---- the recipes ---- */

int xl_set_guest_type(struct xsi_mend *m)
{
    struct config_facts f;
    struct json_edit e = { 0 };
    struct xl_view v;
    enum xsi_guest guest;
    bool json;
    char what[80];

    e.text = xl_view(m, &v) ? xl_text(m, &v, &e.n) : NULL;
    if (!e.n)
        return 0;
    json = e.text[0] == '{';
    if (json)
        config_json(e.text, e.n, true, &f);
    else
        config_lines(e.text, e.n, true, &f);
    guest = f.guest == XSI_GUEST_UNKNOWN ? f.guest : config_stream_guest(m, f.guest);
    e.out = xsi_mend_scratch(m, 2 * e.n + 64);
    if (guest == XSI_GUEST_UNKNOWN || !e.out)
        return 0;
    snprintf(what, sizeof(what), "guest type %s, as the stream has it, in the place of %s",
             config_type_word(guest), config_type_word(f.guest));
    e.type = config_type_word(guest);
    if (!json)
        e.length = edit_cfg(e.text, e.n, guest, e.out);
    else if (!edit_json(&e, NULL))
        return 0;
    xsi_mend_guess(m, "the stored configuration is perhaps that of another guest; compare its "
                      "memory and disks");
    xl_put_config(m, &v, e.out, e.length, json, what);
    return 0;
}

int xl_complete_config(struct xsi_mend *m)
{
    struct config_facts f;
    struct json_edit e = { 0 };
    struct xl_view v;
    enum xsi_guest guest;
    char extra[120] = "";

    e.text = xl_view(m, &v) ? xl_text(m, &v, &e.n) : NULL;
    if (!e.n)
        return xl_replace_config(m);
    if (e.text[0] != '{')
        return 0;
    config_json(e.text, e.n, true, &f);
    e.out = xsi_mend_scratch(m, 2 * e.n + sizeof(extra));
    if (f.problem || !e.out)
        return 0;
    if (f.guest == XSI_GUEST_PVH && xl_release(m) < XL_PVH_SINCE) {
        xsi_mend_refuse(m, "xl before 4.10 knows no PVH guests: restore it on 4.10 or later");
        return 0;
    }
    guest = f.guest;
    if (guest == XSI_GUEST_UNKNOWN)
        guest = config_stream_guest(m, guest);
    if (guest == XSI_GUEST_UNKNOWN) {
        xsi_mend_refuse(m, "the stream does not tell the kind of guest: " BETTER);
        return 0;
    }
    if (!f.name[0])
        strcat(extra, "\n        \"name\": \"restored\",");
    if (f.guest == XSI_GUEST_UNKNOWN && !memmem(e.text, e.n, "\"type\"", 6))
        sprintf(extra + strlen(extra), "\n        \"type\": \"%s\",", config_type_word(guest));
    else if (f.guest == XSI_GUEST_UNKNOWN)
        e.type = config_type_word(guest);
    if (!edit_json(&e, *extra ? extra : NULL)) {
        xsi_mend_refuse(m, "the configuration has no c_info to put a name into: " BETTER);
        return 0;
    }
    xsi_mend_guess(m, "%s",
                   f.name[0] ? "the guest type follows from the stream"
                             : "the name is made up: xl rename it afterwards");
    xl_put_config(m, &v, e.out, e.length, true,
                  f.name[0] ? "put a guest type into the configuration"
                            : "put a name into the configuration");
    return 0;
}

/* Digits of the number behind a key, as [*from, *to); false: no such key. */
static bool number_at(const struct json_edit *e, const char *key, size_t *from, size_t *to,
                      uint64_t *value)
{
    const uint8_t *p = memmem(e->text, e->n, key, strlen(key));
    size_t at = p ? (size_t)(p - e->text) + strlen(key) : 0, gap = p ? colon(e, at) : 0;

    *from = *to = at + gap;
    for (*value = 0; gap && *to < e->n && isdigit(e->text[*to]) && *value < UINT32_MAX; ++*to)
        *value = *value * 10 + (unsigned)(e->text[*to] - '0');
    return *to > *from;
}

int xl_raise_memory(struct xsi_mend *m)
{
    static const char *const keys[] = { "\"max_memkb\"", "\"target_memkb\"" };
    uint64_t need = config_memory_kb(m), value;
    struct json_edit e = { 0 };
    struct xl_view v;
    bool raised = false;
    char what[120], *text;

    e.text = xl_view(m, &v) ? xl_text(m, &v, &e.n) : NULL;
    text = e.n && e.text[0] == '{' ? xsi_mend_scratch(m, e.n + 64) : NULL;
    if (!text || !need)
        return 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t from, to;

        if (!number_at(&e, keys[i], &from, &to, &value) || value >= need)
            continue;
        e.out = i ? xsi_mend_scratch(m, e.n + 64) : text;
        if (!e.out)
            return 0;
        memcpy(e.out, e.text, from);
        e.length = from + (size_t)sprintf(e.out + from, "%" PRIu64, need);
        memcpy(e.out + e.length, e.text + to, e.n - to);
        e.n = e.length + e.n - to;
        e.text = (const uint8_t *)e.out;
        raised = true;
    }
    if (!raised)
        return 0;
    snprintf(what, sizeof(what),
             "max_memkb and target_memkb at least %" PRIu64 ", which the image's pages take", need);
    xl_put_config(m, &v, (const char *)e.text, e.n, true, what);
    return 0;
}

/* A short configuration of the reader's syntax in the place of the old one. */
static void put_minimal(struct xsi_mend *m, const struct xl_view *v, const char *what)
{
    bool json = xl_release(m) >= XL_JSON_SINCE;
    char *text = xsi_mend_scratch(m, MINIMAL_MAX);
    size_t n = text ? config_minimal(m, json ? CONFIG_JSON : CONFIG_CFG, text, MINIMAL_MAX) : 0;

    if (!n) {
        xsi_mend_refuse(m, "the image does not tell the kind of guest or its memory: " BETTER);
        return;
    }
    config_minimal_words(m, BETTER);
    xl_put_config(m, v, text, n, json, what);
}

int xl_config_for_old(struct xsi_mend *m, const struct xl_view *v)
{
    put_minimal(m, v,
                "a short xl.cfg text in the place of the JSON configuration, which xl before "
                "4.5 does not know");
    return 0;
}

int xl_replace_config(struct xsi_mend *m)
{
    struct xl_view v;

    if (!xl_view(m, &v) || !v.body)
        return 0;
    if (!xsi_mend_asked(m)) {
        xsi_mend_refuse(m, "what is lost of the configuration cannot be derived. The memory does "
                           "not suffer: xsrecover config IMAGE takes out what is left of it, and "
                           "xl restore GOOD.cfg IMAGE ignores it. Or let --recipe "
                           "replace-xl-config put a short one there, without disks and network");
        return 0;
    }
    put_minimal(m, &v, "a short configuration made from the stream in the place of the old one");
    return 0;
}
