/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the recipes of containers share. */
#include "recipe.h"
#include "translate.h"

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

size_t config_minimal(struct xsi_mend *m, enum config_syntax syntax, char *out, size_t size)
{
    static const enum xsi_config_syntax syntaxes[] = {
        [CONFIG_JSON] = XSI_CONFIG_JSON,
        [CONFIG_CFG] = XSI_CONFIG_CFG,
        [CONFIG_SXP] = XSI_CONFIG_SXP,
        [CONFIG_XML] = XSI_CONFIG_XML,
    };
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));
    struct xsi_config_bare bare = { info->name, info->uuid, info->guest, 1, config_memory_kb(m) };
    struct xsi_config_out text;
    size_t n = 0;

    if (bare.kind == XSI_GUEST_HVM) /* the stream's header is the same for PVH */
        bare.kind = config_stream_guest(m, XSI_GUEST_PV);
    if (info->has_vcpus && info->vcpus && info->vcpus <= VCPUS_MAX)
        bare.vcpus = info->vcpus;
    *out = '\0';
    if (xsi_config_minimal(&bare, syntaxes[syntax], &text) == 0 && text.length + 1 < size) {
        n = text.length;
        memcpy(out, text.text, n + 1);
    }
    xsi_config_out_free(&text);
    return n;
}

void config_minimal_words(struct xsi_mend *m, const char *advice)
{
    xsi_mend_loses(m,
                   "disks, network and all else that is not in the new configuration of name, "
                   "kind of guest, memory and vCPUs; %s",
                   advice);
}
