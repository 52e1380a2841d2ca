/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a tree to what it says, and back into another tree. */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

void config_model_free(struct config_model *m)
{
    for (size_t i = 0; m && i < m->count; i++)
        free(m->item[i].text);
    free(m);
}

static struct config_item *find(struct config_model *m, enum config_class of, uint32_t device,
                                const char *key)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->item[i].row->of == of && m->item[i].device == device &&
            !strcmp(m->item[i].row->key, key))
            return &m->item[i];
    return NULL;
}

const char *config_get(const struct config_model *m, enum config_class of, uint32_t device,
                       const char *key)
{
    const struct config_item *item = find((struct config_model *)m, of, device, key);

    return item ? item->text : NULL;
}

void config_set(struct config_model *m, enum config_class of, uint32_t device, const char *key,
                const char *text, uint32_t node)
{
    struct config_item *item = find(m, of, device, key);
    const struct config_member *row = config_members;
    char *copy = text ? strdup(text) : NULL;

    while (row->key && (row->of != of || strcmp(row->key, key) != 0))
        row++;
    if (!item && copy && row->key && m->count < CONFIG_ITEMS) {
        item = &m->item[m->count++];
        *item = (struct config_item){ .row = row, .device = device };
    }
    if (!item || (text && !copy)) {
        m->full |= text != NULL;
        free(copy);
        return;
    }
    free(item->text);
    item->text = copy;
    item->node = node;
}

void config_say(struct config_model *m, const char *key, const char *text)
{
    const struct config_member *row = config_members;

    while (row->key && strcmp(row->key, key) != 0)
        row++;
    if (row->key && text && *text && config_value_sane(row, text))
        config_set(m, CONFIG_DOMAIN, 0, key, text, 0);
}

/* ---- reading ---- */

uint32_t config_node_of(const struct config_tree *t, uint32_t base, const char *path)
{
    char one[80];
    uint32_t node = 0;

    for (path += *path == '<'; *path && !node;) {
        size_t n = strcspn(path, "|");

        snprintf(one, sizeof(one), "%.*s", (int)n, path);
        node = config_find(t, base, one, 0);
        path += n + (path[n] == '|');
    }
    return node;
}

uint32_t config_device(const struct config_tree *t, enum config_class of, uint32_t number,
                       enum xsi_config_syntax syntax)
{
    uint32_t node = 0;

    do
        node = config_find(t, 0, config_class_path[of][syntax], node);
    while (node && number--);
    return node;
}

/* A node and all below it: children stand behind their parents. */
static void take(struct config_tree *t, uint32_t node)
{
    t->node[node].taken = true;
    for (uint32_t i = node + 1; i < t->count; i++)
        t->node[i].taken |= t->node[i].parent && t->node[t->node[i].parent].taken;
}

static void read_member(struct config_model *m, struct config_tree *t,
                        const struct config_member *row, uint32_t base, uint32_t device,
                        enum xsi_config_syntax from)
{
    char text[CONFIG_VALUE_MAX + 1];
    uint32_t node = config_node_of(t, base, row->path[from]);

    if (!node || !config_value_read(t, node, row, from, text, sizeof(text)))
        return;
    if (row->kind != CONFIG_BOOT || from != XSI_CONFIG_XML)
        take(t, node);
    else
        for (; node; node = config_find(t, 0, row->path[from], node))
            take(t, node);
    /* a text that says nothing, as (args '') */
    if (*text || strcmp(row->key, "target") == 0 || row->kind == CONFIG_WORD)
        config_set(m, row->of, device, row->key, text, node);
}

static void read_devices(struct config_model *m, struct config_tree *t, enum config_class of,
                         enum xsi_config_syntax from)
{
    uint32_t node;

    for (; m->devices[of] < CONFIG_DEVICES && (node = config_device(t, of, m->devices[of], from));
         m->devices[of]++)
        for (const struct config_member *row = config_members; row->key; row++)
            if (row->of == of && row->path[from])
                read_member(m, t, row, node, m->devices[of], from);
}

static void set_guest(struct config_model *m)
{
    const char *type = config_get(m, CONFIG_DOMAIN, 0, "type");

    m->guest = !type                  ? 0
               : !strcmp(type, "pv")  ? CONFIG_PV
               : !strcmp(type, "hvm") ? CONFIG_HVM
                                      : CONFIG_PVH;
}

void config_gather(struct config_model *m, struct config_tree *t, enum xsi_config_syntax from)
{
    for (const struct config_member *row = config_members; row->key; row++)
        if (row->of == CONFIG_DOMAIN && row->path[from])
            read_member(m, t, row, 0, 0, from);
    for (unsigned of = CONFIG_DISK; of < CONFIG_CLASSES; of++)
        read_devices(m, t, (enum config_class)of, from);
    /* xl 4.4 and older build a PV guest without any builder */
    if (from == XSI_CONFIG_CFG && !config_get(m, CONFIG_DOMAIN, 0, "type"))
        config_set(m, CONFIG_DOMAIN, 0, "type", "pv", 0);
    set_guest(m);
}

/* ---- what is not said ---- */

/*
 * xl.cfg and JSON: libxl_create.c:libxl__domain_build_info_setdefault; events: parse_config_data
 * (4.1) and libxl_types.idl. XML: libvirt, virDomainDefParseXML. SXP: xen-4.0, XendConfig.py and
 * image.py.
 */
static const struct {
    unsigned guests;
    const char *key, *in[CONFIG_SYNTAXES];
} defaults[] = {
    { CONFIG_ANY, "on_poweroff", { NULL, "destroy", "destroy", "destroy", "destroy" } },
    { CONFIG_ANY, "on_reboot", { NULL, "restart", "destroy", "restart", "restart" } },
    { CONFIG_ANY, "on_crash", { NULL, "destroy", "destroy", "destroy", "restart" } },
    { CONFIG_ANY, "on_soft_reset", { NULL, "soft-reset", "destroy", "soft-reset", "soft-reset" } },
    { CONFIG_HVM, "acpi", { NULL, "1", "1", "0", "0" } },
    { CONFIG_HVM, "apic", { NULL, "1", "1", "0", "0" } },
    { CONFIG_HVM, "pae", { NULL, "1", "1", "0", "1" } },
    { CONFIG_HVM, "vnc", { NULL, "1", "1", "0", "0" } },
};

/* root=… goes in front of the command line, as xl and xend do it. */
static void join_root(struct config_model *m)
{
    const char *root = config_get(m, CONFIG_DOMAIN, 0, "root");
    const char *cmdline = config_get(m, CONFIG_DOMAIN, 0, "cmdline");
    char text[2 * CONFIG_VALUE_MAX + 8];

    if (root) {
        snprintf(text, sizeof(text), "root=%s%s%s", root, cmdline ? " " : "",
                 cmdline ? cmdline : "");
        config_set(m, CONFIG_DOMAIN, 0, "cmdline", text, 0);
        config_set(m, CONFIG_DOMAIN, 0, "root", NULL, 0);
    }
}

/* Either member says the other where that is missing. */
static void say_both(struct config_model *m, const char *a, const char *b)
{
    const char *x = config_get(m, CONFIG_DOMAIN, 0, a), *y = config_get(m, CONFIG_DOMAIN, 0, b);

    if (x && !y)
        config_set(m, CONFIG_DOMAIN, 0, b, x, 0);
    else if (y && !x)
        config_set(m, CONFIG_DOMAIN, 0, a, y, 0);
}

void config_defaults(struct config_model *m, enum xsi_config_syntax from)
{
    static const char *const vnc[] = { "vnc.listen", "vnc.password", "vnc.display", "vnc.unused",
                                       "vnc.keymap" };
    const char *on;

    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
        if ((defaults[i].guests & m->guest) && defaults[i].in[from] &&
            !config_get(m, CONFIG_DOMAIN, 0, defaults[i].key))
            config_set(m, CONFIG_DOMAIN, 0, defaults[i].key, defaults[i].in[from], 0);
    join_root(m);
    say_both(m, "maxmem", "memory");
    say_both(m, "vcpus", "online_vcpus");
    on = config_get(m, CONFIG_DOMAIN, 0, "vnc");
    for (size_t i = 0; i < sizeof(vnc) / sizeof(vnc[0]) && (!on || *on == '0'); i++)
        config_set(m, CONFIG_DOMAIN, 0, vnc[i], NULL, 0);
}

/* ---- writing ---- */

/* "phy:/dev/x" as cfg and SXP have it; false: no release knows such a one. */
static bool uname_of(const struct config_model *m, uint32_t disk, char *out, size_t size)
{
    const char *target = config_get(m, CONFIG_DISK, disk, "target");
    const char *format = config_get(m, CONFIG_DISK, disk, "format");
    const char *backend = config_get(m, CONFIG_DISK, disk, "backend"), *prefix;

    *out = '\0';
    if (!target || !*target || (format && !strcmp(format, "empty")))
        return true;
    prefix = config_prefix_for(format ? format : "raw", backend ? backend : "");
    return prefix && snprintf(out, size, "%s%s", prefix, target) < (int)size;
}

/* What a prefix does not tell: which of the backends it is. */
static bool backend_told(const struct config_model *m, uint32_t disk, const char *uname)
{
    const char *backend = config_get(m, CONFIG_DISK, disk, "backend");
    const struct config_prefix *row = config_prefix_of(uname, strlen(uname));

    return !backend || !*backend || !*uname || (row && !strcmp(row->backend, backend));
}

/* Disks of cfg and SXP: place, device and way in one text. */
static void write_disk(struct config_model *m, struct config_tree *t, uint32_t disk,
                       enum xsi_config_syntax to)
{
    static const char *const said[] = { "target", "format", "vdev", "access", "cdrom", "backend" };
    const char *vdev = config_get(m, CONFIG_DISK, disk, "vdev");
    const char *access = config_get(m, CONFIG_DISK, disk, "access");
    const char *cdrom = config_get(m, CONFIG_DISK, disk, "cdrom");
    char uname[CONFIG_VALUE_MAX + 32], dev[CONFIG_VALUE_MAX + 32], all[3 * CONFIG_VALUE_MAX];
    bool cd = cdrom && *cdrom == '1', cfg = to == XSI_CONFIG_CFG;
    uint32_t node;

    if (!vdev || !uname_of(m, disk, uname, sizeof(uname)) ||
        (cfg && (strchr(uname, ',') || strchr(vdev, ','))))
        return;
    access = access ? access : cd ? "r" : "w";
    snprintf(dev, sizeof(dev), "%s%s", vdev, cd ? ":cdrom" : cfg ? "" : ":disk");
    if (cfg) {
        snprintf(all, sizeof(all), "%s,%s,%s", uname, dev, access);
        node = config_make(t, 0, "disk");
        t->node[node].array = true;
        config_put_value(t, config_add(t, node, ""), all, false);
    } else {
        node = config_add(t, config_add(t, 0, "device"), strncmp(uname, "tap", 3) ? "vbd" : "tap");
        config_put_value(t, config_add(t, node, "uname"), uname, false);
        config_put_value(t, config_add(t, node, "dev"), dev, false);
        config_put_value(t, config_add(t, node, "mode"), access, false);
    }
    for (size_t i = 0; i < 5 + (size_t)backend_told(m, disk, uname); i++) {
        struct config_item *item = find(m, CONFIG_DISK, disk, said[i]);

        if (item)
            item->written = true;
    }
}

/* A list of devices has all that cfg's `k=v,k=v` can hold. */
static bool fits(const struct config_member *row, enum xsi_config_syntax to, const char *text)
{
    return to != XSI_CONFIG_CFG || !strpbrk(text, ",\"\\") ||
           (row->of == CONFIG_DOMAIN && !strchr(row->path[to], '/'));
}

static void write_row(struct config_model *m, struct config_tree *t,
                      const struct config_member *row, uint32_t base, uint32_t device,
                      enum xsi_config_syntax to, bool *rounded)
{
    struct config_item *item = find(m, row->of, device, row->key);

    if (!row->path[to] || *row->path[to] == '<' || !(row->guests & m->guest) || !item ||
        !item->text || item->written || !fits(row, to, item->text))
        return;
    /* an empty drive: XML has no source there */
    item->written = (to == XSI_CONFIG_XML && !*item->text && row->kind == CONFIG_TEXT) ||
                    config_value_write(t, base, row, to, item->text, rounded);
}

/* The node of a new device. */
static uint32_t new_device(struct config_tree *t, enum config_class of, enum xsi_config_syntax to)
{
    const char *path = config_class_path[of][to];
    size_t n = strcspn(path, "|"), slash = n;
    char parent[32], name[32];
    uint32_t node;

    while (path[slash - 1] != '/')
        slash--;
    snprintf(parent, sizeof(parent), "%.*s", (int)slash - 1, path);
    snprintf(name, sizeof(name), "%.*s", (int)(n - slash), path + slash);
    /* each has a (device …) of its own in SXP */
    node = to == XSI_CONFIG_SXP ? config_add(t, 0, parent) : config_make(t, 0, parent);
    t->node[node].array = *name == '*';
    return config_add(t, node, *name == '*' ? "" : name);
}

static void write_devices(struct config_model *m, struct config_tree *t, enum config_class of,
                          enum xsi_config_syntax to, bool *rounded)
{
    bool compound = of == CONFIG_DISK && (to == XSI_CONFIG_CFG || to == XSI_CONFIG_SXP);

    for (uint32_t i = 0; i < m->devices[of] && !t->full; i++) {
        uint32_t node;

        if (compound) {
            write_disk(m, t, i, to);
            continue;
        }
        node = new_device(t, of, to);
        for (const struct config_member *row = config_members; row->key; row++)
            if (row->of == of)
                write_row(m, t, row, node, i, to, rounded);
    }
}

void config_lay_out(struct config_model *m, struct config_tree *t, enum xsi_config_syntax to,
                    bool *rounded)
{
    unsigned of = CONFIG_DOMAIN;

    for (const struct config_member *row = config_members; row->key; row++) {
        if (row->of == CONFIG_DOMAIN)
            write_row(m, t, row, 0, 0, to, rounded);
        else if (row->of > of) /* the first row of a class stands for its devices */
            write_devices(m, t, (enum config_class)(of = row->of), to, rounded);
    }
}
