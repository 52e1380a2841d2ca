/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands around a stream: the files of xl, xend, xapi and libvirt. */
#include <inttypes.h>
#include <string.h>

#include "xsgen.h"

#define CONFIG_MAX 2048

static void stream(struct image *g)
{
    switch (g->r->format) {
    case FORMAT_LEGACY:
        legacy_stream(g);
        break;
    case FORMAT_V2:
        if (g->r->container == BOX_XL || g->r->container == BOX_LIBVIRT ||
            g->r->container == BOX_LIBXL)
            libxl_stream(g);
        else
            v2_stream(g, false);
        break;
    case FORMAT_QEVM:
        g->layer = "qemu-unknown";
        row_begin(g, "QEMU_STATE", NO_ID);
        put_qevm(g, g->r->qemu_size);
        row_end(g, 0);
        break;
    default:
        break;
    }
}

static unsigned memory_mib(const struct recipe *r)
{
    return (unsigned)((r->pages + 255) / 256);
}

/* Configuration texts as the toolstacks write them, cut down to what identifies a guest. */
static void config_text(const struct recipe *r, char *out)
{
    snprintf(out, CONFIG_MAX,
             "name = \"%s\"\n%suuid = \"%s\"\nmemory = %u\nvcpus = %" PRIu64 "\n"
             "disk = [ 'phy:/dev/vg/%s,xvda,w' ]\nvif = [ 'bridge=xenbr0' ]\n",
             r->name, is_pv(r) ? "" : "builder = \"hvm\"\n", r->uuid, memory_mib(r), r->vcpus,
             r->name);
}

static void config_json(const struct recipe *r, char *out)
{
    const char *type = is_pv(r) ? "pv" : r->guest == GUEST_PVH ? "pvh" : "hvm";

    snprintf(out, CONFIG_MAX,
             "{\n    \"c_info\": {\n        \"type\": \"%s\",\n        \"name\": \"%s\",\n"
             "        \"uuid\": \"%s\",\n        \"run_hotplug_scripts\": \"True\"\n    },\n"
             "    \"b_info\": {\n        \"max_vcpus\": %" PRIu64 ",\n"
             "        \"max_memkb\": %u,\n        \"target_memkb\": %u,\n"
             "        \"type.%s\": {\n\n        }\n    },\n    \"on_reboot\": \"restart\"\n}\n",
             type, r->name, r->uuid, r->vcpus, memory_mib(r) * 1024, memory_mib(r) * 1024, type);
}

static void config_sxp(const struct recipe *r, char *out)
{
    snprintf(out, CONFIG_MAX,
             "(domain (domid 7) (uuid %s) (vcpus %" PRIu64 ") (on_reboot restart)"
             " (on_poweroff destroy) (on_crash restart) (image (%s)) (memory %u) (maxmem %u)"
             " (name %s) (device (vif (bridge xenbr0) (mac 00:16:3e:12:34:56))))",
             r->uuid, r->vcpus,
             is_pv(r) ? "linux (kernel /boot/vmlinuz)" : "hvm (kernel hvmloader) (acpi 1) (pae 1)",
             memory_mib(r), memory_mib(r), r->name);
}

static void config_xml(const struct recipe *r, char *out)
{
    snprintf(out, CONFIG_MAX,
             "<domain type='xen' id='7'>\n  <name>%s</name>\n  <uuid>%s</uuid>\n"
             "  <memory unit='KiB'>%u</memory>\n  <vcpu placement='static'>%" PRIu64 "</vcpu>\n"
             "  <os>\n    <type arch='x86_64' machine='%s'>%s</type>\n  </os>\n</domain>\n",
             r->name, r->uuid, memory_mib(r) * 1024, r->vcpus, is_pv(r) ? "xenpv" : "xenfv",
             is_pv(r) ? "xen" : "hvm");
}

static void xl_header(struct image *g)
{
    static const char magic[32] = "Xen saved domain, xl format\n \0 \r";
    const struct recipe *r = g->r;
    bool json = r->config == CONFIG_JSON || (r->config == CONFIG_AUTO && r->era >= ERA(4, 5, 0));
    char config[CONFIG_MAX] = "";
    uint32_t length = 0, flags = 0;

    if (r->config != CONFIG_NONE) {
        if (json)
            config_json(r, config);
        else
            config_text(r, config);
        length = (uint32_t)strlen(config) + json; /* JSON comes with its NUL */
    }
    flags = (json && length ? 1U : 0) | (r->format == FORMAT_V2 ? 2U : 0);
    g->layer = "xl";
    row_begin(g, "HEADER", NO_ID);
    put(g, magic, sizeof(magic));
    put32(g, 0x01020304);
    put32(g, flags);
    put32(g, 0);
    put32(g, 4 + length);
    row_end(g, 0);
    row_begin(g, "CONFIG", NO_ID);
    put32(g, length);
    put(g, config, length);
    row_end(g, 0);
}

static void xend_header(struct image *g)
{
    char config[CONFIG_MAX];

    config_sxp(g->r, config);
    g->layer = "xend";
    row_begin(g, "HEADER", NO_ID);
    put_text(g, "LinuxGuestRecord");
    put_be32(g, (uint32_t)strlen(config));
    row_end(g, 0);
    row_begin(g, "CONFIG", NO_ID);
    put_text(g, config);
    row_end(g, 0);
}

static void libvirt_header(struct image *g)
{
    static const char magic[16] = "libvirt-xml\n \0 \r";
    char config[CONFIG_MAX];

    config_xml(g->r, config);
    g->layer = "libvirt";
    row_begin(g, "HEADER", NO_ID);
    put(g, magic, sizeof(magic));
    put32(g, g->r->format == FORMAT_V2 ? 2 : 1);
    put32(g, (uint32_t)strlen(config) + 1);
    put_zeros(g, 40);
    row_end(g, 0);
    row_begin(g, "CONFIG", NO_ID);
    put(g, config, strlen(config) + 1);
    row_end(g, 0);
}

/* ------------------------------------------------------------------ xapi, new ---- */

enum {
    XENOPS,
    LIBXC,
    LIBXL,
    LIBXC_LEGACY,
    QEMU_PART,
    QEMU_XEN_PART,
    DEMU,
    VARSTORED,
    SWTPM0,
    SWTPM,
    END_PART,
    UNKNOWN
};

static const struct {
    const char *name;
    unsigned type;
} part_rows[] = {
    [XENOPS] = { "XENOPS", 0x0F },
    [LIBXC] = { "LIBXC", 0xF0 },
    [LIBXL] = { "LIBXL", 0xF1 },
    [LIBXC_LEGACY] = { "LIBXC_LEGACY", 0xF2 },
    [QEMU_PART] = { "QEMU_TRAD", 0xF00 },
    [QEMU_XEN_PART] = { "QEMU_XEN", 0xF01 },
    [DEMU] = { "DEMU", 0xF10 },
    [VARSTORED] = { "VARSTORED", 0xF11 },
    [SWTPM0] = { "SWTPM0", 0xF12 },
    [SWTPM] = { "SWTPM", 0xF13 },
    [END_PART] = { "END_OF_IMAGE", 0xFFFF },
    [UNKNOWN] = { "UNKNOWN", 0x1234 },
};

static uint64_t part_length(const struct recipe *r, unsigned part, const char *text)
{
    switch (part) {
    case XENOPS:
        return strlen(text);
    case QEMU_PART:
    case QEMU_XEN_PART:
        return r->qemu_size;
    case VARSTORED:
    case SWTPM0:
    case SWTPM:
    case UNKNOWN:
        return 200 + part;
    default:
        return 0;
    }
}

static void part(struct image *g, unsigned which)
{
    const struct recipe *r = g->r;
    char text[CONFIG_MAX];
    uint64_t length, i;

    snprintf(text, sizeof(text),
             "((time 20140721T10:00:00Z)(word_size 64)(vm_str (%s))"
             "(xs_subtree ()))",
             r->name);
    length = part_length(r, which, text);
    g->layer = "xapi-v2";
    g->big = false;
    row_begin(g, part_rows[which].name, part_rows[which].type);
    put64(g, part_rows[which].type);
    put64(g, length);
    length += which == DEMU ? 300 : 0; /* its own stream, whose length nobody writes down */
    if (which == XENOPS)
        put_text(g, text);
    else if (which == QEMU_PART || which == QEMU_XEN_PART)
        put_qevm(g, length);
    else
        for (i = 0; i < length; i++) /* base64 letters */
            put8(g, (uint8_t)('A' + noise(r->seed, which, i) % 26));
    row_end(g, 0);
    if (which == LIBXC || which == LIBXC_LEGACY)
        stream(g);
}

static void xapi_v2(struct image *g)
{
    const struct recipe *r = g->r;
    bool qemu = r->guest == GUEST_HVM;
    unsigned i;

    g->layer = "xapi-v2";
    row_begin(g, "SIGNATURE", NO_ID);
    put_text(g, "XenSavedDomv2-\n");
    row_end(g, 0);
    for (i = 0; i < r->parts.n; i++)
        part(g, (unsigned)r->parts.at[i]);
    if (r->parts.n)
        return;
    part(g, XENOPS);
    part(g, r->format == FORMAT_LEGACY ? LIBXC_LEGACY : LIBXC);
    if (qemu)
        part(g, QEMU_PART);
    part(g, END_PART);
}

void container_image(struct image *g)
{
    switch (g->r->container) {
    case BOX_XL:
        /* Xen 4.0.0's xl wrote the bare stream. */
        if (g->r->era > ERA(4, 0, 0))
            xl_header(g);
        break;
    case BOX_XEND:
        xend_header(g);
        break;
    case BOX_XAPI:
        g->layer = "xapi";
        row_begin(g, "SIGNATURE", NO_ID);
        put_text(g, "XenSavedDomain\n");
        row_end(g, 0);
        break;
    case BOX_XAPI_V2:
        xapi_v2(g);
        return;
    case BOX_LIBVIRT:
        libvirt_header(g);
        break;
    default:
        break;
    }
    stream(g);
}
