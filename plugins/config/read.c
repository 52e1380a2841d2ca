/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From text to tree, with the compounds of disks and interfaces taken apart. */
#include <errno.h>
#include <stdio.h>

#include "tree.h"

/* The longest first where one begins as another: xen-4.1 and 4.4, xl_cmdimpl.c, libxlu_disk_l.l. */
static const struct config_prefix prefixes[] = {
    { "phy:", "raw", "phy" },
    { "file:", "raw", "" },
    { "tap:aio:", "raw", "tap" },
    { "tap:tapdisk:aio:", "raw", "tap" },
    { "tap:raw:", "raw", "tap" },
    { "tap:qcow2:", "qcow2", "qdisk" },
    { "tap:qcow:", "qcow", "qdisk" },
    { "tap:vhd:", "vhd", "tap" },
    { "tap2:aio:", "raw", "tap" },
    { "tap2:tapdisk:aio:", "raw", "tap" },
    { "tap2:raw:", "raw", "tap" },
    { "tap2:qcow2:", "qcow2", "qdisk" },
    { "tap2:qcow:", "qcow", "qdisk" },
    { "tap2:vhd:", "vhd", "tap" },
    { "raw:", "raw", "" },
    { "aio:", "raw", "" },
    { "qcow2:", "qcow2", "qdisk" },
    { "qcow:", "qcow", "qdisk" },
    { "vhd:", "vhd", "tap" },
};

const struct config_prefix *config_prefix_of(const char *text, size_t n)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        size_t length = strlen(prefixes[i].prefix);

        if (length <= n && !memcmp(prefixes[i].prefix, text, length))
            return &prefixes[i];
    }
    return NULL;
}

/* Only those that xl 4.1 knows: the rows in front of "tap2:" and of the bare ones. */
const char *config_prefix_for(const char *format, const char *backend)
{
    bool raw = !strcmp(format, "raw");

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (!strcmp(prefixes[i].format, format) &&
            (!raw || !strcmp(prefixes[i].backend, strcmp(backend, "qdisk") ? backend : "")))
            return prefixes[i].prefix;
    return NULL;
}

/* ---- parts of a value ---- */

/* A value and where it stands in the text: at 0, its bytes are not the text's. */
struct part {
    const char *p;
    size_t n, at;
};

static struct part value_of(const struct config_tree *t, uint32_t i)
{
    const struct config_node *node = &t->node[i];
    size_t raw = node->to - node->from;
    struct part whole = { config_value(t, i), node->value_length, 0 };

    if (raw == whole.n)
        whole.at = node->from;
    else if (raw == whole.n + 2) /* quotes, and no backslash inside */
        whole.at = node->from + 1;
    return whole;
}

static struct part slice(struct part whole, size_t from, size_t n)
{
    return (struct part){ whole.p + from, n, whole.at ? whole.at + from : 0 };
}

static void leaf(struct config_tree *t, uint32_t parent, const char *name, size_t name_n,
                 struct part value)
{
    t->open = parent;
    config_tree_leaf(t, name, name_n, value.p, value.n, value.at,
                     value.at ? value.at + value.n : 0);
    t->node[t->count - 1].part = true;
    t->open = 0;
}

static void put(struct config_tree *t, uint32_t parent, const char *name, struct part value)
{
    leaf(t, parent, name, strlen(name), value);
}

static void put_word(struct config_tree *t, uint32_t parent, const char *name, const char *word)
{
    put(t, parent, name, (struct part){ word, strlen(word), 0 });
}

/* "tap:aio:/x": format, backend and target. False: no prefix. */
static bool split_uname(struct config_tree *t, uint32_t parent, struct part uname)
{
    const struct config_prefix *row = config_prefix_of(uname.p, uname.n);
    size_t n = row ? strlen(row->prefix) : 0;

    if (!row)
        return false;
    put(t, parent, "target", slice(uname, n, uname.n - n));
    put_word(t, parent, "format", row->format);
    if (*row->backend)
        put_word(t, parent, "backend", row->backend);
    return true;
}

/* "hdc:cdrom", perhaps with "ioemu:" in front */
static void split_dev(struct config_tree *t, uint32_t parent, struct part dev)
{
    const char *colon;

    if (dev.n > 6 && !memcmp(dev.p, "ioemu:", 6))
        dev = slice(dev, 6, dev.n - 6);
    colon = memchr(dev.p, ':', dev.n);
    put(t, parent, "vdev", slice(dev, 0, colon ? (size_t)(colon - dev.p) : dev.n));
    if (colon)
        put(t, parent, "devtype",
            slice(dev, (size_t)(colon - dev.p) + 1, dev.n - (size_t)(colon - dev.p) - 1));
}

static void without_device(struct config_tree *t, uint32_t parent)
{
    put_word(t, parent, "target", "");
    put_word(t, parent, "format", "empty");
}

/* ---- SXP ---- */

static void sxp_disk(struct config_tree *t, uint32_t disk)
{
    uint32_t uname = config_find(t, disk, "uname", 0), dev = config_find(t, disk, "dev", 0);

    if (uname && !split_uname(t, disk, value_of(t, uname))) {
        if (t->node[uname].value_length)
            put(t, disk, "target", value_of(t, uname));
        else
            without_device(t, disk);
    }
    if (dev)
        split_dev(t, disk, value_of(t, dev));
    if (uname)
        t->node[uname].gone = true;
    if (dev)
        t->node[dev].gone = true;
}

static void sxp_parts(struct config_tree *t)
{
    uint32_t image = config_find(t, 0, "image/hvm|image/linux", 0), last = t->count;

    if (image) /* its name is the kind of guest */
        put_word(t, t->node[image].parent, "@kind",
                 !strcmp(config_name(t, image), "hvm") ? "hvm" : "linux");
    for (uint32_t i = 0;
         (i = config_find(t, 0, "device/vbd|device/tap|device/tap2", i)) && i < last;)
        sxp_disk(t, i);
}

/* ---- cfg ---- */

/* Up to the next comma; false behind the last part. */
static bool next_part(struct part *rest, struct part *out)
{
    const char *comma;
    size_t skip = 0, n;

    if (!rest->n)
        return false;
    comma = memchr(rest->p, ',', rest->n);
    n = comma ? (size_t)(comma - rest->p) : rest->n;
    while (skip < n && rest->p[skip] == ' ')
        skip++;
    *out = slice(*rest, skip, n - skip);
    *rest = slice(*rest, n + !!comma, rest->n - n - !!comma);
    return true;
}

/* "key=value"; false: no such thing. */
static bool pair(struct config_tree *t, uint32_t parent, struct part p)
{
    const char *equals = memchr(p.p, '=', p.n);
    size_t n = equals ? (size_t)(equals - p.p) : 0;
    static const char backend[] = "backendtype";

    if (!n || n > CONFIG_NAME_MAX || memchr(p.p, '/', n))
        return false;
    if (n == sizeof(backend) - 1 && !memcmp(p.p, backend, n))
        put(t, parent, "backend", slice(p, n + 1, p.n - n - 1));
    else
        leaf(t, parent, p.p, n, slice(p, n + 1, p.n - n - 1));
    return true;
}

/* "mac=…,bridge=…" */
static void pairs(struct config_tree *t, uint32_t item)
{
    struct part rest = value_of(t, item), p;

    while (next_part(&rest, &p) && !t->full)
        if (!pair(t, item, p))
            put(t, item, "*", p);
}

/* "phy:/dev/x,xvda:cdrom,w" of every release. */
static void old_disk(struct config_tree *t, uint32_t item, struct part rest)
{
    struct part p = { "", 0, 0 };

    if (rest.n && *rest.p == ',')
        without_device(t, item);
    else if (next_part(&rest, &p))
        split_uname(t, item, p);
    if (!p.n && rest.n)
        rest = slice(rest, 1, rest.n - 1);
    if (next_part(&rest, &p))
        split_dev(t, item, p);
    if (next_part(&rest, &p))
        put(t, item, "access", p);
    if (next_part(&rest, &p))
        put(t, item, "*", p);
}

/* "target, format, vdev, access, key=value…" of 4.2 and later; target= takes all the rest. */
static void new_disk(struct config_tree *t, uint32_t item, struct part rest)
{
    static const char *const names[] = { "target", "format", "vdev", "access" };
    static const char target[] = "target=";
    struct part before = rest, p;
    size_t place = 0;

    for (; next_part(&rest, &p) && !t->full; before = rest) {
        if (p.n >= sizeof(target) - 1 && !memcmp(p.p, target, sizeof(target) - 1)) {
            size_t skip = (size_t)(p.p - before.p) + sizeof(target) - 1;

            put(t, item, "target", slice(before, skip, before.n - skip));
            return;
        }
        if (pair(t, item, p))
            continue;
        if (p.n == 5 && !memcmp(p.p, "cdrom", 5))
            put(t, item, "devtype", p);
        else if (place < sizeof(names) / sizeof(names[0]))
            put(t, item, names[place++], p);
        else
            put(t, item, "*", p);
    }
}

static void cfg_parts(struct config_tree *t)
{
    uint32_t last = t->count;

    for (uint32_t i = 0; (i = config_find(t, 0, "disk/*|vif/*|vfb/*", i)) && i < last;) {
        char name[CONFIG_NAME_MAX + 1];
        struct part all = value_of(t, i);

        config_path(t, t->node[i].parent, name, sizeof(name));
        if (strcmp(name, "disk") != 0)
            pairs(t, i);
        else if (config_prefix_of(all.p, all.n) || (all.n && *all.p == ','))
            old_disk(t, i, all);
        else
            new_disk(t, i, all);
    }
}

/* ---- all of them ---- */

struct config_tree *config_read(const char *text, size_t n, enum xsi_config_syntax syntax,
                                char *problem, size_t size, int *rc)
{
    static const struct {
        void (*scan)(const uint8_t *, size_t, struct config_facts *, struct config_tree *);
        void (*parts)(struct config_tree *);
    } rows[] = {
        [XSI_CONFIG_CFG] = { config_cfg_tree, cfg_parts },
        [XSI_CONFIG_JSON] = { config_json_tree, NULL },
        [XSI_CONFIG_XML] = { config_xml_tree, NULL },
        [XSI_CONFIG_SXP] = { config_sxp_tree, sxp_parts },
    };
    struct config_tree *t;
    struct config_facts f;

    *rc = -EINVAL;
    if ((size_t)syntax >= sizeof(rows) / sizeof(rows[0]) || !rows[syntax].scan ||
        n > XSI_CONFIG_TEXT_MAX) {
        snprintf(problem, size,
                 n > XSI_CONFIG_TEXT_MAX ? "a configuration longer than 1 MiB"
                                         : "a configuration of unknown syntax");
        return NULL;
    }
    n = strnlen(text, n);
    *rc = -ENOMEM;
    t = config_tree_new(3 * n + (64U << 10));
    if (!t) {
        snprintf(problem, size, "no memory for the configuration");
        return NULL;
    }
    rows[syntax].scan((const uint8_t *)text, n, &f, t);
    if (!f.problem && rows[syntax].parts)
        rows[syntax].parts(t);
    if (!f.problem && f.complete && !t->full) {
        *rc = 0;
        return t;
    }
    *rc = t->full && !f.problem ? -E2BIG : -EINVAL;
    if (f.problem)
        snprintf(problem, size, "%s, at its byte %zu", f.problem, f.problem_at);
    else
        snprintf(problem, size,
                 t->full ? "more than %d names and values" : "the text ends too early",
                 CONFIG_NODES);
    config_tree_free(t);
    return NULL;
}
