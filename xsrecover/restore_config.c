/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a restore must know of a domain's configuration: libxl's JSON, into which the converter
 * translates the others. The text comes from the image: each value is bounded and held against a
 * list or a set of characters.
 */
#include <ctype.h>
#include <string.h>

#include <json-c/json.h>

#include "restore.h"

#define DEPTH 32

/* The member a.b.c of an object; NULL: there is none. A part of the path may hold dots itself when
 * it is written with '/' between the parts. */
static json_object *member(json_object *o, const char *path)
{
    char part[64];

    while (o && *path) {
        size_t n = strcspn(path, "/");

        if (n >= sizeof(part) || !json_object_is_type(o, json_type_object))
            return NULL;
        memcpy(part, path, n);
        part[n] = '\0';
        if (!json_object_object_get_ex(o, part, &o))
            return NULL;
        path += n + (path[n] == '/');
    }
    return o;
}

static const char *text_of(json_object *o, const char *path)
{
    json_object *v = member(o, path);

    return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

static uint64_t number_of(json_object *o, const char *path, uint64_t most)
{
    json_object *v = member(o, path);
    int64_t n = json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : 0;

    return n > 0 && (uint64_t)n <= most ? (uint64_t)n : 0;
}

/* libxl writes "True" and "False", and 1 for some. */
static bool truth(json_object *o, const char *path, bool otherwise)
{
    json_object *v = member(o, path);

    if (json_object_is_type(v, json_type_string))
        return strcmp(json_object_get_string(v), "True") == 0;
    return v ? json_object_get_boolean(v) : otherwise;
}

/* Text of these characters only, or "". */
static void take(char *out, size_t size, const char *text, const char *characters)
{
    if (strlen(text) < size && strspn(text, characters) == strlen(text))
        memcpy(out, text, strlen(text) + 1);
}

/* One of a list, or the first. */
static void choose(char *out, size_t size, const char *text, const char *const *list)
{
    const char *found = list[0];

    for (size_t i = 0; list[i]; i++)
        if (strcmp(list[i], text) == 0)
            found = list[i];
    snprintf(out, size, "%s", found);
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void read_disk(struct xsi_restore_disk *d, json_object *o)
{
    static const char *const formats[] = { "raw", "qcow2", "qcow", "qed", "vhd", "empty", NULL };

    *d = (struct xsi_restore_disk){ 0 };
    snprintf(d->path, sizeof(d->path), "%s", text_of(o, "pdev_path"));
    if (strlen(text_of(o, "pdev_path")) >= sizeof(d->path))
        d->path[0] = '\0';
    take(d->vdev, sizeof(d->vdev), text_of(o, "vdev"), DIGITS LETTERS);
    choose(d->format, sizeof(d->format), text_of(o, "format"), formats);
    d->cdrom = number_of(o, "is_cdrom", 1) || truth(o, "is_cdrom", false);
    d->writable = number_of(o, "readwrite", 1) || truth(o, "readwrite", false);
}

static void read_hvm(struct restore_config *c, json_object *root)
{
    static const char *const cards[] = { "cirrus", "std", "none", NULL };
    static const char *const nics[] = { "rtl8139", "e1000", NULL };
    json_object *hvm = member(root, "b_info/type.hvm");
    json_object *nic = json_object_is_type(member(root, "nics"), json_type_array)
                           ? json_object_array_get_idx(member(root, "nics"), 0)
                           : NULL;

    choose(c->vga, sizeof(c->vga), text_of(hvm, "vga/kind"), cards);
    take(c->boot, sizeof(c->boot), text_of(hvm, "boot"), "abcdn");
    c->serial = *text_of(hvm, "serial") || member(hvm, "serial_list");
    c->platform = truth(hvm, "xen_platform_pci", true);
    c->usb = truth(hvm, "usb", false) || *text_of(hvm, "usbdevice");
    c->usb_tablet = strcmp(text_of(hvm, "usbdevice"), "tablet") == 0;
    if (nic && strcmp(text_of(nic, "nictype"), "vif") != 0) {
        choose(c->nic, sizeof(c->nic), text_of(nic, "model"), nics);
        take(c->mac, sizeof(c->mac), text_of(nic, "mac"), DIGITS "abcdefABCDEF:");
    }
}

static void read_all(struct restore_config *c, json_object *root)
{
    static const struct {
        const char *word;
        enum xsi_guest guest;
    } types[] = { { "pv", XSI_GUEST_PV }, { "pvh", XSI_GUEST_PVH }, { "hvm", XSI_GUEST_HVM } };
    json_object *disks = member(root, "disks");
    const uint64_t most = UINT64_C(1) << 36; /* KiB: 64 TiB */

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(text_of(root, "c_info/type"), types[i].word) == 0)
            c->guest = types[i].guest;
    snprintf(c->name, sizeof(c->name), "%s", text_of(root, "c_info/name"));
    if (strlen(text_of(root, "c_info/uuid")) == 36)
        take(c->uuid, sizeof(c->uuid), text_of(root, "c_info/uuid"), DIGITS "abcdefABCDEF-");
    c->vcpus = (unsigned)number_of(root, "b_info/max_vcpus", 8192);
    c->event_channels = (unsigned)number_of(root, "b_info/event_channels", 131071);
    c->memory_kb = number_of(root, "b_info/target_memkb", most);
    c->most_kb = number_of(root, "b_info/max_memkb", most);
    c->video_kb = number_of(root, "b_info/video_memkb", 1 << 20);
    if (c->guest == XSI_GUEST_HVM)
        read_hvm(c, root);
    if (!json_object_is_type(disks, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(disks) && i < XSI_RESTORE_DISKS; i++)
        read_disk(&c->disk[c->disk_count++], json_object_array_get_idx(disks, i));
}

void restore_config_read(struct restore_config *c, const char *text, size_t n)
{
    json_tokener *tokener = json_tokener_new_ex(DEPTH);
    json_object *root = NULL;

    n = strnlen(text, n);
    if (tokener && n && n < 1 << 20)
        root = json_tokener_parse_ex(tokener, text, (int)n);
    if (json_object_is_type(root, json_type_object)) {
        c->there = true;
        read_all(c, root);
    } else {
        snprintf(c->why, sizeof(c->why), "the configuration is no JSON that can be read");
    }
    json_object_put(root);
    if (tokener)
        json_tokener_free(tokener);
}
