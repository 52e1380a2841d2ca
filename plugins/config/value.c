/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of members: from a node of one syntax to a text that means the same in all, and back. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "member.h"

enum { VNC_PORT = 5900, MASK_BITS = 64, ONLINE_MAX = 4096, DIGITS_MAX = 18 };

/* Printable UTF-8, or nothing: what every syntax can hold. */
static bool printable(const char *p, size_t n)
{
    size_t i = 0, length;

    while (i < n) {
        uint8_t c = (uint8_t)p[i];

        length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xc2) || c > 0xf4 || length > n - i)
            return false;
        for (size_t k = 1; k < length; k++)
            if (((uint8_t)p[i + k] & 0xc0) != 0x80)
                return false;
        i += length;
    }
    return true;
}

static bool to_number(const char *text, uint64_t *value)
{
    size_t n = strspn(text, "0123456789");

    if (!n || text[n] || n > DIGITS_MAX)
        return false;
    *value = strtoull(text, NULL, 10);
    return true;
}

static bool is_uuid(const char *p)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    for (size_t i = 0; i < sizeof(form) - 1; i++)
        if (form[i] == 'x' ? !isxdigit((unsigned char)p[i]) : p[i] != '-')
            return false;
    return !p[sizeof(form) - 1];
}

/* ---- words ---- */

static bool word_in(const struct config_member *m, enum xsi_config_syntax syntax, const char *text,
                    char *out, size_t size)
{
    for (int pass = 0; pass < 2; pass++)
        for (const struct config_word *w = m->words; w->neutral; w++) {
            const char *word = pass ? w->neutral : w->in[syntax];

            if (word && strcasecmp(word, text) == 0) {
                snprintf(out, size, "%s", w->neutral);
                return true;
            }
        }
    return false;
}

/* NULL: the syntax has no word for it. */
static const char *word_out(const struct config_member *m, enum xsi_config_syntax syntax,
                            const char *value)
{
    for (const struct config_word *w = m->words; w->neutral; w++)
        if (w->in[syntax] && !strcmp(w->neutral, value))
            return w->in[syntax];
    return NULL;
}

/* ---- memory ---- */

/* Bytes of a libvirt unit (docs/formatdomain.rst, "Memory Allocation"). 0: none. */
static uint64_t unit_bytes(const char *unit)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {
        { "KiB", 1 << 10 }, { "k", 1 << 10 },  { "MiB", 1 << 20 },    { "M", 1 << 20 },
        { "GiB", 1 << 30 }, { "G", 1 << 30 },  { "TiB", 1ULL << 40 }, { "T", 1ULL << 40 },
        { "KB", 1000 },     { "MB", 1000000 }, { "GB", 1000000000 },  { "TB", 1000000000000 },
        { "b", 1 },         { "bytes", 1 }
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcasecmp(rows[i].name, unit) == 0)
            return rows[i].bytes;
    return 0;
}

/* KiB of one unit of the number at a node, as numerator over bytes. */
static uint64_t node_unit(const struct config_tree *t, uint32_t node, enum xsi_config_syntax syntax)
{
    uint32_t unit;

    if (syntax != XSI_CONFIG_XML)
        return syntax == XSI_CONFIG_JSON ? 1 << 10 : 1 << 20;
    unit = config_find(t, node, "@unit", 0);
    return unit ? unit_bytes(config_value(t, unit)) : 1 << 10;
}

static bool read_kib(const struct config_tree *t, uint32_t node, enum xsi_config_syntax syntax,
                     const char *text, char *out, size_t size)
{
    uint64_t number, unit = node_unit(t, node, syntax);

    if (!to_number(text, &number) || !unit || number > (UINT64_MAX >> 2) / unit)
        return false;
    snprintf(out, size, "%" PRIu64, (number * unit + 1023) >> 10);
    return true;
}

/* ---- lists ---- */

static bool read_online(const struct config_tree *t, uint32_t node, enum xsi_config_syntax syntax,
                        const char *text, char *out, size_t size)
{
    uint64_t number = 0, mask;

    if (syntax == XSI_CONFIG_JSON) { /* vCPUs 0 to n - 1, one by one */
        for (uint32_t i = 0; (i = config_find(t, node, "*", i ? i : node)); number++) {
            uint64_t vcpu;

            if (!to_number(config_value(t, i), &vcpu) || vcpu != number)
                return false;
        }
    } else if (!to_number(text, &number)) {
        return false;
    } else if (syntax == XSI_CONFIG_SXP) {
        mask = number;
        for (number = 0; mask & 1; mask >>= 1)
            number++;
        if (mask)
            return false;
    }
    snprintf(out, size, "%" PRIu64, number);
    return number && number <= ONLINE_MAX;
}

static bool read_list(const struct config_tree *t, uint32_t node, const char *text, char *out,
                      size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s", text);

    for (uint32_t i = node; (i = config_find(t, node, "*", i));) {
        if (strchr(config_value(t, i), ' ') || n + t->node[i].value_length + 2 > size)
            return false;
        n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " " : "", config_value(t, i));
    }
    return printable(out, n);
}

static const struct {
    char letter;
    const char *device;
} boot_rows[] = { { 'a', "fd" }, { 'c', "hd" }, { 'd', "cdrom" }, { 'n', "network" } };

/* The node is the first of several in XML. */
static bool read_boot(const struct config_tree *t, uint32_t node, enum xsi_config_syntax syntax,
                      const char *text, char *out, size_t size)
{
    size_t n = 0;

    if (syntax != XSI_CONFIG_XML) {
        snprintf(out, size, "%s", text);
        return strspn(text, "abcdn") == strlen(text);
    }
    for (; node && n + 1 < size; node = config_find(t, 0, "os/boot/@dev", node))
        for (size_t i = 0; i < sizeof(boot_rows) / sizeof(boot_rows[0]); i++)
            if (!strcmp(boot_rows[i].device, config_value(t, node)))
                out[n++] = boot_rows[i].letter;
    out[n] = '\0';
    return n;
}

/* ---- reading ---- */

bool config_value_read(const struct config_tree *t, uint32_t node, const struct config_member *m,
                       enum xsi_config_syntax syntax, char *out, size_t size)
{
    const struct config_node *at = &t->node[node];
    const char *text = config_value(t, node);
    uint64_t number;

    if (at->cut || !printable(text, at->value_length) || at->value_length >= size)
        return false;
    switch (m->kind) {
    case CONFIG_WORD:
    case CONFIG_FLAG:
    case CONFIG_BIT:
        return word_in(m, syntax, text, out, size);
    case CONFIG_KIB:
        return read_kib(t, node, syntax, text, out, size);
    case CONFIG_ONLINE:
        return read_online(t, node, syntax, text, out, size);
    case CONFIG_LIST:
        return read_list(t, node, text, out, size);
    case CONFIG_BOOT:
        return read_boot(t, node, syntax, text, out, size);
    case CONFIG_UUID:
        snprintf(out, size, "%s", text);
        return is_uuid(text);
    case CONFIG_NUMBER:
        snprintf(out, size, "%s", text);
        return to_number(text, &number);
    case CONFIG_DISPLAY:
        if (!to_number(text, &number) || (syntax == XSI_CONFIG_XML && number < VNC_PORT))
            return false;
        snprintf(out, size, "%" PRIu64, number - (syntax == XSI_CONFIG_XML ? VNC_PORT : 0));
        return true;
    default:
        snprintf(out, size, "%s", text);
        return at->has_value;
    }
}

bool config_value_sane(const struct config_member *m, const char *value)
{
    uint64_t number;

    if (!printable(value, strlen(value)) || strlen(value) > CONFIG_VALUE_MAX)
        return false;
    switch (m->kind) {
    case CONFIG_TEXT:
        return *value || strcmp(m->key, "name") != 0;
    case CONFIG_UUID:
        return is_uuid(value);
    case CONFIG_NUMBER:
    case CONFIG_KIB:
    case CONFIG_ONLINE:
    case CONFIG_DISPLAY:
        return to_number(value, &number) && number < 1ULL << 42;
    case CONFIG_BOOT:
        return *value && strspn(value, "acdn") == strlen(value);
    case CONFIG_WORD:
    case CONFIG_FLAG:
    case CONFIG_BIT:
        for (const struct config_word *w = m->words; w->neutral; w++)
            if (!strcmp(w->neutral, value))
                return true;
        return false;
    default:
        return false;
    }
}

/* ---- writing ---- */

bool config_value_text(const struct config_tree *t, uint32_t node, const struct config_member *m,
                       enum xsi_config_syntax syntax, const char *value, char *out, size_t size,
                       bool *number)
{
    uint64_t n = 0, unit;
    const char *word = value;

    *number = syntax == XSI_CONFIG_JSON && (m->kind == CONFIG_NUMBER || m->kind == CONFIG_KIB ||
                                            m->kind == CONFIG_BIT || m->kind == CONFIG_DISPLAY);
    switch (m->kind) {
    case CONFIG_WORD:
    case CONFIG_FLAG:
    case CONFIG_BIT:
        word = word_out(m, syntax, value);
        break;
    case CONFIG_KIB:
        unit = node_unit(t, node, syntax);
        if (!to_number(value, &n) || !unit || n > UINT64_MAX >> 11)
            return false;
        snprintf(out, size, "%" PRIu64, ((n << 10) + unit - 1) / unit);
        word = out;
        break;
    case CONFIG_ONLINE:
        if (!to_number(value, &n) || !n || (syntax == XSI_CONFIG_SXP && n >= MASK_BITS))
            return false;
        snprintf(out, size, "%" PRIu64, syntax == XSI_CONFIG_SXP ? ((uint64_t)1 << n) - 1 : n);
        word = out;
        break;
    case CONFIG_DISPLAY:
        if (!to_number(value, &n))
            return false;
        snprintf(out, size, "%" PRIu64, n + (syntax == XSI_CONFIG_XML ? VNC_PORT : 0));
        word = out;
        break;
    default:
        break;
    }
    if (!word || *word == *CONFIG_ABSENT || (word != out && strlen(word) >= size))
        return false;
    if (word != out)
        snprintf(out, size, "%s", word);
    if (syntax == XSI_CONFIG_CFG && m->kind != CONFIG_TEXT && m->kind != CONFIG_LIST)
        *number = *out && strspn(out, "0123456789") == strlen(out);
    return true;
}

/* A list below a node: of vCPUs, of words, of boot devices. */
static void write_list(struct config_tree *t, uint32_t node, const struct config_member *m,
                       const char *value)
{
    uint64_t n = 0;
    char text[CONFIG_VALUE_MAX + 1];

    t->node[node].array = true;
    if (m->kind == CONFIG_ONLINE) {
        (void)to_number(value, &n);
        for (uint64_t i = 0; i < n && i < ONLINE_MAX && !t->full; i++) {
            snprintf(text, sizeof(text), "%" PRIu64, i);
            config_put_value(t, config_add(t, node, ""), text, true);
        }
        return;
    }
    for (; *value; value += n, value += strspn(value, " ")) {
        n = strcspn(value, " ");
        snprintf(text, sizeof(text), "%.*s", (int)n, value);
        config_put_value(t, config_add(t, node, ""), text, false);
    }
}

static void write_boot(struct config_tree *t, const char *value)
{
    uint32_t os = config_make(t, 0, "os");

    for (; *value; value++)
        for (size_t i = 0; i < sizeof(boot_rows) / sizeof(boot_rows[0]); i++)
            if (boot_rows[i].letter == *value)
                config_put_value(t, config_add(t, config_add(t, os, "boot"), "@dev"),
                                 boot_rows[i].device, false);
}

bool config_value_write(struct config_tree *t, uint32_t base, const struct config_member *m,
                        enum xsi_config_syntax syntax, const char *value, bool *rounded)
{
    char text[CONFIG_VALUE_MAX + 1];
    bool number, json = syntax == XSI_CONFIG_JSON;
    const char *word = m->words->neutral ? word_out(m, syntax, value) : "";
    uint32_t node;

    if (word && *word == *CONFIG_ABSENT)
        return true;
    if (m->kind == CONFIG_BOOT && syntax == XSI_CONFIG_XML) {
        write_boot(t, value);
        return true;
    }
    if (json && (m->kind == CONFIG_ONLINE || m->kind == CONFIG_LIST)) {
        write_list(t, config_make(t, base, m->path[syntax]), m, value);
        return true;
    }
    if (!config_value_text(t, 0, m, syntax, value, text, sizeof(text), &number))
        return false;
    node = config_make(t, base, m->path[syntax]);
    config_put_value(t, node, text, number);
    if (m->kind == CONFIG_KIB && syntax == XSI_CONFIG_XML)
        config_put_value(t, config_add(t, node, "@unit"), "KiB", false);
    *rounded |= m->kind == CONFIG_KIB && (syntax == XSI_CONFIG_CFG || syntax == XSI_CONFIG_SXP) &&
                strtoull(value, NULL, 10) % 1024;
    return true;
}
