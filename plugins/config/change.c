/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One value of a configuration changed, and nothing else. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "change.h"
#include "model.h"

static bool is_secret(const struct config_member *row)
{
    return strcmp(row->key, "vnc.password") == 0;
}

/*
 * What can be changed by its name: a value of its own in the text. Not the kind of guest, which
 * stands in several places, and which recipes put right.
 */
static bool changeable(const struct config_tree *t, uint32_t node, const struct config_member *row)
{
    return node && t->node[node].to > t->node[node].from && !t->node[node].cut &&
           strcmp(row->key, "type") != 0 && row->kind != CONFIG_LIST &&
           row->kind != CONFIG_ONLINE && row->kind != CONFIG_BOOT;
}

/* The node of a row, for a device of a number. */
static uint32_t node_of(const struct config_tree *t, const struct config_member *row,
                        uint32_t device, enum xsi_config_syntax syntax)
{
    uint32_t base = row->of == CONFIG_DOMAIN ? 0 : config_device(t, row->of, device, syntax);

    if (!row->path[syntax] || (row->of != CONFIG_DOMAIN && !base))
        return 0;
    return config_node_of(t, base, row->path[syntax]);
}

static void name_of(const struct config_member *row, uint32_t device, char *out, size_t size)
{
    if (row->of == CONFIG_DOMAIN)
        snprintf(out, size, "%s", row->key);
    else
        snprintf(out, size, "%s%" PRIu32 ".%s", config_class_name[row->of], device, row->key);
}

/* ---- listing ---- */

/* The node stands in the first of the row's places. */
static bool at_home(const struct config_tree *t, const struct config_member *row, uint32_t node,
                    enum xsi_config_syntax syntax)
{
    const char *path = row->path[syntax], *slash;
    char name[CONFIG_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, "|"), path);
    slash = strrchr(name, '/');
    return !strcmp(slash ? slash + 1 : name, config_name(t, node));
}

/* Another row shows this node: the one whose own place it is, or the first one. */
static bool shown_elsewhere(const struct config_tree *t, const struct config_member *row,
                            uint32_t node, uint32_t device, enum xsi_config_syntax syntax)
{
    bool home = at_home(t, row, node, syntax);

    for (const struct config_member *r = config_members; r->key; r++) {
        if (r == row || r->of != row->of || !changeable(t, node, r) ||
            node_of(t, r, device, syntax) != node)
            continue;
        if (at_home(t, r, node, syntax) == home ? r < row : !home)
            return true;
    }
    return false;
}

static bool describe(const struct config_tree *t, const struct config_member *row, uint32_t device,
                     enum xsi_config_syntax syntax, struct xsi_config_member *out)
{
    uint32_t node = node_of(t, row, device, syntax);
    size_t n;

    if (!changeable(t, node, row) ||
        !config_value_read(t, node, row, syntax, out->value, sizeof(out->value) - 1))
        return false;
    name_of(row, device, out->key, sizeof(out->key));
    n = strlen(out->value);
    if (row->kind == CONFIG_KIB) /* as it is written in a change */
        memcpy(out->value + n, "k", 2);
    out->secret = is_secret(row);
    if (out->secret)
        out->value[0] = '\0';
    return true;
}

static bool listed(const struct config_tree *t, const struct config_member *row, uint32_t device,
                   enum xsi_config_syntax syntax)
{
    uint32_t node = node_of(t, row, device, syntax);

    return node && !shown_elsewhere(t, row, node, device, syntax);
}

struct xsi_config_list {
    struct config_tree *t;
    enum xsi_config_syntax syntax;
    const struct config_member *row; /* the next one, for this device of its class */
    uint32_t device;
};

struct xsi_config_list *xsi_config_list_new(const char *text, size_t n,
                                            enum xsi_config_syntax syntax)
{
    struct xsi_config_list *list = calloc(1, sizeof(*list));
    char problem[200];
    int rc;

    if (!list)
        return NULL;
    list->syntax = syntax;
    list->row = config_members;
    list->t = config_read(text, n, syntax, problem, sizeof(problem), &rc);
    if (list->t)
        return list;
    free(list);
    return NULL;
}

bool xsi_config_list_next(struct xsi_config_list *list, struct xsi_config_member *out)
{
    while (list->row->key) {
        const struct config_member *row = list->row;
        uint32_t device = list->device;
        bool more = row->of != CONFIG_DOMAIN && device + 1 < CONFIG_DEVICES &&
                    config_device(list->t, row->of, device + 1, list->syntax);

        list->row += more ? 0 : 1;
        list->device = more ? device + 1 : 0;
        if (listed(list->t, row, device, list->syntax) &&
            describe(list->t, row, device, list->syntax, out))
            return true;
    }
    return false;
}

void xsi_config_list_free(struct xsi_config_list *list)
{
    if (list)
        config_tree_free(list->t);
    free(list);
}

int xsi_config_check(const char *text, size_t n, enum xsi_config_syntax syntax, char *problem,
                     size_t size)
{
    int rc;
    struct config_tree *t = config_read(text, n, syntax, problem, size, &rc);

    config_tree_free(t);
    return t ? 0 : rc;
}

/* ---- setting ---- */

static int XSI_PRINTF(2, 3) refuse(struct xsi_config_out *out, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(out->problem, sizeof(out->problem), fmt, args);
    va_end(args);
    return -EINVAL;
}

/* "disk0.target" as class, number and key. */
static enum config_class class_of(const char *key, uint32_t *device, const char **rest)
{
    *device = 0;
    *rest = key;
    for (unsigned of = CONFIG_DISK; of < CONFIG_CLASSES; of++) {
        size_t n = strlen(config_class_name[of]);
        char *end;

        if (strncmp(key, config_class_name[of], n) != 0 || !isdigit((unsigned char)key[n]))
            continue;
        *device = (uint32_t)strtoul(key + n, &end, 10);
        *rest = *end == '.' ? end + 1 : end;
        return (enum config_class)of;
    }
    return CONFIG_DOMAIN;
}

/* KiB of "512M", "1G", "4096". */
static bool to_kib(const char *value, char *out, size_t size)
{
    static const char units[] = "kmgt";
    char *end = NULL;
    uint64_t number = strtoull(value, &end, 10);
    const char *unit;

    if (!isdigit((unsigned char)*value) || number > UINT32_MAX)
        return false;
    unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
    if (!unit || (*end && end[1]))
        return false;
    snprintf(out, size, "%" PRIu64, number << (10 * (unit - units)));
    return true;
}

/* Inside another value nothing can be quoted. */
static bool plain(const char *value)
{
    for (; *value; value++)
        if (!isalnum((unsigned char)*value) && !strchr("._-:/~@+", *value))
            return false;
    return true;
}

static int splice(const char *text, size_t n, const struct config_node *node, const char *value,
                  size_t length, struct xsi_config_out *out)
{
    if (n - (node->to - node->from) + length > XSI_CONFIG_TEXT_MAX)
        return refuse(out, "the configuration gets longer than 1 MiB");
    out->length = n - (node->to - node->from) + length;
    out->text = malloc(out->length + 1);
    if (!out->text)
        return refuse(out, "no memory for the configuration");
    memcpy(out->text, text, node->from);
    memcpy(out->text + node->from, value, length);
    memcpy(out->text + node->from + length, text + node->to, n - node->to);
    out->text[out->length] = '\0';
    return 0;
}

static int put(const char *text, size_t n, const struct config_tree *t, uint32_t node,
               const struct config_member *row, enum xsi_config_syntax syntax, const char *value,
               struct xsi_config_out *out)
{
    char written[CONFIG_VALUE_MAX + 1], *spelled;
    size_t length;
    bool number;
    int rc;

    if (!config_value_text(t, node, row, syntax, value, written, sizeof(written), &number))
        return refuse(out, "%s cannot say this of %s", xsi_config_syntax_name(syntax), row->key);
    if (t->node[node].part && !plain(written))
        return refuse(out,
                      "the new %s has characters that cannot stand inside another value: use "
                      "xsrecover config edit",
                      row->key);
    spelled = t->node[node].part ? strdup(written) : config_spell(written, number, syntax, &length);
    if (!spelled)
        return refuse(out, "no memory for the configuration");
    length = strlen(spelled);
    rc = splice(text, n, &t->node[node], spelled, length, out);
    free(spelled);
    return rc;
}

/* The row of this name that the text has; its node. */
static const struct config_member *find_row(const struct config_tree *t, enum config_class of,
                                            uint32_t device, const char *key,
                                            enum xsi_config_syntax syntax, uint32_t *node)
{
    const struct config_member *known = NULL;

    *node = 0;
    for (const struct config_member *row = config_members; row->key && !*node; row++)
        if (row->of == of && !strcmp(row->key, key)) {
            known = row;
            *node = node_of(t, row, device, syntax);
        }
    return known;
}

int xsi_config_set(const char *text, size_t n, enum xsi_config_syntax syntax, const char *key,
                   const char *value, struct xsi_config_out *out)
{
    const struct config_member *row;
    struct config_tree *t;
    enum config_class of;
    uint32_t device, node;
    const char *rest;
    char kib[32];
    int rc;

    memset(out, 0, sizeof(*out));
    n = strnlen(text, n);
    t = config_read(text, n, syntax, out->problem, sizeof(out->problem), &rc);
    if (!t)
        return rc;
    of = class_of(key, &device, &rest);
    row = find_row(t, of, device, rest, syntax, &node);
    if (row && row->kind == CONFIG_KIB && to_kib(value, kib, sizeof(kib)))
        value = kib;
    if (!row)
        rc = refuse(out, "no member has this name");
    else if (!node)
        rc = refuse(out, "this configuration does not say it: use xsrecover config edit");
    else if (!changeable(t, node, row))
        rc = refuse(out, "it cannot be changed by its name: use xsrecover config edit");
    else if (!config_value_sane(row, value))
        rc = refuse(out, "this is no value for it%s",
                    row->kind == CONFIG_KIB ? ": write a number of KiB, or 512M, 4G" : "");
    else
        rc = put(text, n, t, node, row, syntax, value, out);
    config_tree_free(t);
    return rc;
}

bool xsi_config_member(const char *text, size_t n, enum xsi_config_syntax syntax, const char *key,
                       struct xsi_config_member *out)
{
    char problem[200];
    int rc;
    struct config_tree *t = config_read(text, n, syntax, problem, sizeof(problem), &rc);
    const struct config_member *row;
    enum config_class of;
    uint32_t device, node;
    const char *rest;
    bool found;

    of = class_of(key, &device, &rest);
    row = t ? find_row(t, of, device, rest, syntax, &node) : NULL;
    found = row && describe(t, row, device, syntax, out);
    config_tree_free(t);
    return found;
}
