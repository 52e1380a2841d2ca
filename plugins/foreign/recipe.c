/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes in front of an image, or between a container and its stream, that belong to neither. */
#include <inttypes.h>

#include "../config/recipe.h"
#include "foreign.h"

enum {
    FRONT_MAX = 1 << 20,
    GAP_MAX = 64 << 20,
    LEGACY_FRONT_MAX = 64 << 10, /* no magic number: the further, the less sure */
    LEGACY_TRIES = 16,
    STREAM_MIN = 16 /* bytes; less is nothing of a stream */
};

static int strip_banner(struct xsi_mend *m)
{
    const struct xsi_map_row *row = config_row(m, "foreign", "BANNER", 0);

    if (!row || row->offset || !config_stream(m, row->length))
        return 0;
    xsi_mend_keep(m, "banner", row->offset, row->length);
    xsi_mend_splice(m, row->offset, row->length, NULL, 0,
                    "take out %" PRIu64 " bytes of a migration handshake", row->length);
    return 0;
}

/* First place in n bytes where a container's own first bytes stand, exactly; SIZE_MAX: nowhere. */
static size_t find_container(const uint8_t *p, size_t n)
{
    static const struct {
        const char *bytes;
        size_t length;
    } magic[] = {
        { "Xen saved domain, xl format\n \0 \r", 32 },
        { "LinuxGuestRecord\0", 17 },
        { "XenSavedDomain\n", 15 },
        { "XenSavedDomv2-\n", 15 },
        { "libvirt-xml\n \0 \r", 16 },
    };
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++) {
        const uint8_t *found = memmem(p, n, magic[i].bytes, magic[i].length);

        if (found && (size_t)(found - p) < best)
            best = (size_t)(found - p);
    }
    return best;
}

/* Do the bytes at p begin as a legacy stream does, of a toolstack of ul bytes' width: a plausible
 * p2m_size, and then extended info, a chunk id, or a batch of ascending frames below it? */
static bool begins_legacy(const uint8_t *p, size_t n, size_t ul)
{
    uint64_t p2m_size = ul == 8 ? xsi_le64(p) : xsi_le32(p), before = 0;
    const uint8_t *q = p + ul;
    uint32_t count;

    if (p2m_size < 16 || p2m_size >= 1U << 28 || n < ul + 4 + 4 * ul)
        return false;
    if (xsi_le32(q) == UINT32_MAX && (ul == 4 || xsi_le32(q + 4) == UINT32_MAX))
        return !memcmp(q + ul + 4, "vcpu", 4) || !memcmp(q + ul + 4, "extv", 4);
    count = xsi_le32(q);
    if (count >= UINT32_MAX - 20 && count < UINT32_MAX)
        return true; /* the id of a chunk */
    if (count < 4 || count > 1024)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t pfn = ul == 8 ? xsi_le64(q + 4 + 8 * (size_t)i) : xsi_le32(q + 4 + 4 * (size_t)i);

        if (pfn >= p2m_size || (i && pfn <= before))
            return false;
        before = pfn;
    }
    return true;
}

/* Is the image, without its first bytes, recognised as a legacy stream? */
static bool is_legacy_from(struct xsi_mend *m, size_t at)
{
    const struct xsi_splice cut = { .removed = at };
    struct xsi_error err;
    struct xsi_source *rest = xsi_source_overlay(xsi_mend_source(m), &cut, 1, &err);
    struct xsi_walk *w = rest ? xsi_walk_new(rest, NULL, &err) : NULL;
    struct xsi_candidate bid[32];
    size_t n = w ? xsi_walk_candidates(w, sizeof(bid) / sizeof(bid[0]), bid) : 0;
    bool legacy = false;

    for (size_t i = 0; i < n && i < sizeof(bid) / sizeof(bid[0]); i++)
        legacy = legacy || (bid[i].chosen && bid[i].score >= 60 &&
                            !strncmp(bid[i].layer, "libxc-legacy", strlen("libxc-legacy")));
    xsi_walk_free(w);
    xsi_source_free(rest);
    return legacy;
}

/* First place where a legacy stream, which has no magic number, begins; SIZE_MAX: nowhere. */
static size_t find_legacy(struct xsi_mend *m, const uint8_t *p, size_t n)
{
    size_t last = n < LEGACY_FRONT_MAX ? n : LEGACY_FRONT_MAX;
    unsigned tried = 0;

    for (size_t at = 1; at + 64 < last && tried < LEGACY_TRIES; at++) {
        if (!begins_legacy(p + at, n - at, 8) && !begins_legacy(p + at, n - at, 4))
            continue;
        tried++;
        if (is_legacy_from(m, at))
            return at;
    }
    return SIZE_MAX;
}

/* Bytes in front of an image that begins later. True: they are taken out. */
static bool cut_front(struct xsi_mend *m)
{
    uint64_t size = xsi_mend_size(m);
    size_t n = size < FRONT_MAX ? (size_t)size : FRONT_MAX;
    const uint8_t *p = xsi_mend_bytes(m, 0, n);
    size_t at = p ? find_container(p, n) : SIZE_MAX;
    const char *what = "container";

    if (p && at == SIZE_MAX && !xsi_map_info(xsi_mend_map(m))->stack_length) {
        at = find_legacy(m, p, n);
        what = "legacy stream";
    }
    if (at == SIZE_MAX || !at)
        return false;
    xsi_mend_guess(m, "the %zu bytes in front of the %s's first ones do not belong to it", at,
                   what);
    xsi_mend_keep(m, "front", 0, at);
    xsi_mend_splice(m, 0, at, NULL, 0, "take out %zu bytes in front of the %s", at, what);
    return true;
}

/* The gap between a container's rows and the stream. */
static bool cut_between(struct xsi_mend *m, const struct xsi_map_row *stream)
{
    const struct xsi_map_row *row;
    size_t count;

    row = xsi_map_rows(xsi_mend_map(m), &count);
    for (size_t i = 1; i < count && row[i].offset < stream->offset; i++) {
        bool framed = (row[i].flags & XSI_CHUNK_GAP) && !(row[i - 1].flags & XSI_CHUNK_GAP) &&
                      row[i].offset + row[i].length == stream->offset;

        if (!framed || row[i].length > GAP_MAX)
            continue;
        xsi_mend_guess(m,
                       "the %" PRIu64 " bytes between the container and the stream at 0x%" PRIx64
                       " belong to neither",
                       row[i].length, stream->offset);
        xsi_mend_keep(m, "gap", row[i].offset, row[i].length);
        xsi_mend_splice(m, row[i].offset, row[i].length, NULL, 0,
                        "take out %" PRIu64 " bytes between the container and the stream",
                        row[i].length);
        return true;
    }
    return false;
}

static bool container_at_start(const struct xsi_mend *m)
{
    const struct xsi_map_row *row = xsi_map_at(xsi_mend_map(m), 0);

    return row && !(row->flags & XSI_CHUNK_GAP) &&
           (!strcmp(row->type, "HEADER") || !strcmp(row->type, "SIGNATURE"));
}

static int close_gap(struct xsi_mend *m)
{
    const struct xsi_map_row *stream = config_stream(m, 0);
    const struct xsi_finding_row *finding = xsi_mend_finding(m);

    if (!container_at_start(m) && cut_front(m))
        return 0;
    if (stream && cut_between(m, stream))
        return 0;
    if (!xsi_mend_size(m))
        xsi_mend_refuse(m, "the file is empty: look for another copy");
    else if (xsi_mend_size(m) < STREAM_MIN)
        xsi_mend_refuse(m,
                        "the file has only %" PRIu64 " bytes, and no page of a guest is in it: "
                        "look for another copy",
                        xsi_mend_size(m));
    else if (finding ? finding->effect == XSI_TRUNCATED
                     : !stream && container_at_start(m) && config_stream_end(m) == xsi_mend_size(m))
        xsi_mend_refuse(m, "the image ends before the guest's memory begins: the save stopped at "
                           "once, or the copy did. Nothing of the guest is in this file; look for "
                           "another copy");
    else if (finding)
        xsi_mend_refuse(m, "no memory stream is found where one has to begin. If its first bytes "
                           "are damaged, name it: --as 'CONTAINER > libxc-legacy64' or 'xl > "
                           "libxl-v2'; xsdump --scan looks further");
    return 0;
}

const struct xsi_recipe foreign_recipes[] = {
    { "strip-banner", "take the text of a migration handshake off the stream",
      "What stood on the socket or pipe in front of the stream is no part of an image. It is kept "
      "as a piece.",
      strip_banner, false },
    { "close-gap", "take out bytes in front of an image, or between container and stream",
      "For bytes that came in between: of a captured connection, a bad copy, a file system's "
      "header. Only where the first bytes of a container, or of a stream, stand behind them; a "
      "legacy stream, which has no magic number, is looked for in the first 64 KiB. They are kept "
      "as a piece.",
      close_gap, true },
    { NULL, NULL, NULL, NULL, false }
};
