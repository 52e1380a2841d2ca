/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the recipes of containers share. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "recipe.h"

enum { MEBIBYTE_PAGES = 256, VCPUS_MAX = 128, PVH_SINCE = 41000 };

const struct xsi_map_row *config_row(const struct xsi_mend *m, const char *layer, const char *type,
                                     uint64_t from)
{
    const struct xsi_map_row *row;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(m), &count);
    for (size_t i = 0; i < count; i++)
        if (row[i].offset >= from && !(row[i].flags & XSI_CHUNK_GAP) &&
            !strcmp(row[i].layer, layer) && (!type || !strcmp(row[i].type, type)))
            return &row[i];
    return NULL;
}

const struct xsi_map_row *config_stream(const struct xsi_mend *m, uint64_t from)
{
    const struct xsi_map_row *row;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(m), &count);
    for (size_t i = 0; i < count; i++)
        if (row[i].offset >= from && !(row[i].flags & XSI_CHUNK_GAP) &&
            !strncmp(row[i].layer, "libx", 4))
            return &row[i];
    return NULL;
}

bool config_stream_sure(const struct xsi_mend *m, const struct xsi_map_row *stream)
{
    uint8_t bytes[12];

    if (!xsi_mend_read(m, stream->offset, bytes, sizeof(bytes)))
        return false;
    for (const struct xsi_anchor *a = config_anchors; a->length; a++)
        if (!memcmp(bytes, a->bytes, a->length))
            return true;
    return false;
}

bool config_found(const struct xsi_mend *m, const char *code)
{
    const struct xsi_finding *f;
    size_t count;

    f = xsi_map_findings(xsi_mend_map(m), &count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(f[i].row->code, code))
            return true;
    return false;
}

uint64_t config_stream_end(const struct xsi_mend *m)
{
    return xsi_map_info(xsi_mend_map(m))->stream_end;
}

size_t config_zeros(const struct xsi_mend *m, uint64_t at, size_t max)
{
    uint8_t buf[512];
    size_t zeros = 0;

    while (zeros < max) {
        size_t n = max - zeros < sizeof(buf) ? max - zeros : sizeof(buf);
        uint64_t left = xsi_mend_size(m) > at + zeros ? xsi_mend_size(m) - at - zeros : 0;

        n = left < n ? (size_t)left : n;
        if (!n || !xsi_mend_read(m, at + zeros, buf, n))
            break;
        for (size_t i = 0; i < n; i++)
            if (buf[i])
                return zeros + i;
        zeros += n;
    }
    return zeros;
}

/* ---- what the stream says of the guest ---- */

const char *config_type_word(enum xsi_guest guest)
{
    return guest == XSI_GUEST_PV ? "pv" : guest == XSI_GUEST_PVH ? "pvh" : "hvm";
}

/* A device model's state stands behind the stream: no PVH guest has one. */
static bool has_device_model(const struct xsi_mend *m)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));

    for (size_t i = 0; i < info->stack_length; i++)
        if (!strncmp(info->stack[i], "qemu-", 5))
            return true;
    return config_row(m, "libxl-v2", "EMULATOR_CONTEXT", 0) != NULL;
}

enum xsi_guest config_stream_guest(struct xsi_mend *m, enum xsi_guest said)
{
    enum xsi_guest guest = xsi_map_info(xsi_mend_map(m))->guest;
    const struct xsi_reader *reader = xsi_mend_reader(m);

    if (config_found(m, "XS-V87")) /* the HVM context has the devices of the other kind */
        return said == XSI_GUEST_PVH ? XSI_GUEST_HVM : XSI_GUEST_PVH;
    if (guest == XSI_GUEST_UNKNOWN ||
        (said != XSI_GUEST_UNKNOWN && (guest == XSI_GUEST_PV) == (said == XSI_GUEST_PV)))
        return XSI_GUEST_UNKNOWN;
    if (guest == XSI_GUEST_PV)
        return guest;
    if (has_device_model(m) || (reader && reader->release < PVH_SINCE))
        return XSI_GUEST_HVM;
    xsi_mend_guess(m, "the stream says HVM and holds no device model's state: taken for PVH");
    return XSI_GUEST_PVH;
}

uint64_t config_memory_kb(const struct xsi_mend *m)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));
    uint64_t pages =
        info->pages_tracked && info->pages_present ? info->pages_present : info->p2m_size;
    uint64_t mebibytes = (pages + MEBIBYTE_PAGES - 1) / MEBIBYTE_PAGES;

    return mebibytes < 1U << 31 ? mebibytes << 10 : 0;
}

/* ---- the smallest configuration ---- */

/* What is put into it. Names come from the image: only letters that no syntax minds are taken. */
struct facts {
    char name[64], uuid[40];
    enum xsi_guest guest;
    unsigned vcpus;
    uint64_t mebibytes;
};

static void plain_copy(char *out, size_t size, const char *text, const char *other)
{
    size_t n = 0;

    while (n + 1 < size && (isalnum((unsigned char)text[n]) || (text[n] && strchr("._-", text[n]))))
        n++;
    if (!n || text[n])
        text = other, n = strlen(other);
    memcpy(out, text, n);
    out[n] = '\0';
}

static bool gather(struct xsi_mend *m, struct facts *f)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));

    plain_copy(f->name, sizeof(f->name), info->name, "restored");
    plain_copy(f->uuid, sizeof(f->uuid), info->uuid, "");
    f->guest = info->guest;
    if (f->guest == XSI_GUEST_HVM) /* the stream's header is the same for PVH */
        f->guest = config_stream_guest(m, XSI_GUEST_PV);
    f->vcpus = info->has_vcpus && info->vcpus && info->vcpus <= VCPUS_MAX ? info->vcpus : 1;
    f->mebibytes = config_memory_kb(m) >> 10;
    return f->guest != XSI_GUEST_UNKNOWN && f->mebibytes;
}

static void XSI_PRINTF(3, 4) put(char *out, size_t size, const char *fmt, ...)
{
    size_t n = strlen(out);
    va_list args;

    va_start(args, fmt);
    vsnprintf(out + n, size - n, fmt, args);
    va_end(args);
}

static void write_json(const struct facts *f, char *out, size_t size)
{
    put(out, size, "{\n    \"c_info\": {\n        \"type\": \"%s\",\n        \"name\": \"%s\"",
        config_type_word(f->guest), f->name);
    if (*f->uuid)
        put(out, size, ",\n        \"uuid\": \"%s\"", f->uuid);
    put(out, size,
        "\n    },\n    \"b_info\": {\n        \"max_vcpus\": %u,\n        \"avail_vcpus\": [",
        f->vcpus);
    for (unsigned i = 0; i < f->vcpus; i++)
        put(out, size, "%s%u", i ? ", " : "", i);
    put(out, size,
        "],\n        \"max_memkb\": %" PRIu64 ",\n        \"target_memkb\": %" PRIu64
        ",\n        \"type.%s\": {\n        }\n    }\n}\n",
        f->mebibytes << 10, f->mebibytes << 10, config_type_word(f->guest));
}

static void write_cfg(const struct facts *f, char *out, size_t size)
{
    put(out, size, "name = \"%s\"\n", f->name);
    if (*f->uuid)
        put(out, size, "uuid = \"%s\"\n", f->uuid);
    put(out, size, "builder = \"%s\"\nmemory = %" PRIu64 "\nmaxmem = %" PRIu64 "\nvcpus = %u\n",
        f->guest == XSI_GUEST_PV ? "generic" : "hvm", f->mebibytes, f->mebibytes, f->vcpus);
}

static void write_sxp(const struct facts *f, char *out, size_t size)
{
    put(out, size, "(domain (name %s)", f->name);
    if (*f->uuid)
        put(out, size, " (uuid %s)", f->uuid);
    put(out, size,
        " (memory %" PRIu64 ") (maxmem %" PRIu64 ") (vcpus %u) (on_reboot restart) (on_poweroff "
        "destroy) (on_crash restart) (image (%s (kernel ''))))",
        f->mebibytes, f->mebibytes, f->vcpus, f->guest == XSI_GUEST_PV ? "linux" : "hvm");
}

static void write_xml(const struct facts *f, char *out, size_t size)
{
    put(out, size, "<domain type='xen'>\n  <name>%s</name>\n", f->name);
    if (*f->uuid)
        put(out, size, "  <uuid>%s</uuid>\n", f->uuid);
    put(out, size,
        "  <memory unit='MiB'>%" PRIu64 "</memory>\n  <vcpu>%u</vcpu>\n  <os>\n    "
        "<type>%s</type>\n  </os>\n</domain>\n",
        f->mebibytes, f->vcpus,
        f->guest == XSI_GUEST_PV    ? "linux"
        : f->guest == XSI_GUEST_PVH ? "xenpvh"
                                    : "hvm");
}

size_t config_minimal(struct xsi_mend *m, enum config_syntax syntax, char *out, size_t size)
{
    static void (*const writers[])(const struct facts *, char *, size_t) = {
        [CONFIG_JSON] = write_json,
        [CONFIG_CFG] = write_cfg,
        [CONFIG_SXP] = write_sxp,
        [CONFIG_XML] = write_xml,
    };
    struct facts f = { .guest = XSI_GUEST_UNKNOWN };

    *out = '\0';
    if (!gather(m, &f))
        return 0;
    writers[syntax](&f, out, size);
    return strlen(out) + 1 < size ? strlen(out) : 0;
}

void config_minimal_words(struct xsi_mend *m, const char *advice)
{
    xsi_mend_loses(m,
                   "disks, network and all else that is not in the new configuration of name, "
                   "kind of guest, memory and vCPUs; %s",
                   advice);
}
