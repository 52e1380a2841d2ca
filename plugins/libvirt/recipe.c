/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending the header of libvirt's libxl driver, and the XML behind it. */
#include <inttypes.h>

#include "../config/recipe.h"
#include "libvirt.h"

#define MAGIC  "libvirt-xml\n \0 \r"
#define BETTER "give it a good one, virsh restore IMAGE --xml GOOD.xml"

enum {
    MAGIC_SIZE = 16,
    VERSION_AT = 16,
    LENGTH_AT = 20,
    HEADER_SIZE = 64,
    STREAM_V2_SINCE = 40600,
    MINIMAL_MAX = 4096
};

static const struct xsi_map_row *header(const struct xsi_mend *m)
{
    const struct xsi_map_row *row = config_row(m, "libvirt", "HEADER", 0);

    return row && row->length >= HEADER_SIZE && row->length == row->wanted ? row : NULL;
}

/* Bytes that a text-mode transfer put into the magic text. */
static uint64_t shift(const struct xsi_map_row *row)
{
    return row->length - HEADER_SIZE;
}

static int fix_magic(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m);

    if (!row)
        return 0;
    if (shift(row))
        xsi_mend_guess(m, "a transfer in text mode has changed other line feeds of the image too: "
                          "compare it with another copy");
    xsi_mend_splice(m, row->offset, MAGIC_SIZE + shift(row), MAGIC, MAGIC_SIZE,
                    "put libvirt's magic text back at 0x%" PRIx64, row->offset);
    return 0;
}

static int set_version(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m), *stream = row ? config_stream(m, row->offset) : NULL;
    const struct xsi_reader *reader = xsi_mend_reader(m);
    uint32_t version = stream && !strncmp(stream->layer, "libxc-legacy", 12) ? 1 : 2, old;
    uint32_t word = htole32(version);

    if (!stream || !xsi_mend_read(m, row->offset + shift(row) + VERSION_AT, &old, sizeof(old)))
        return 0;
    if (version == 2 && reader && reader->release < STREAM_V2_SINCE) {
        xsi_mend_refuse(m, "the body is a stream of Xen 4.6 or later, which libvirt on an older "
                           "Xen does not read: restore it on a newer one");
        return 0;
    }
    if (old != word)
        xsi_mend_splice(m, row->offset + shift(row) + VERSION_AT, 4, &word, 4,
                        "version %" PRIu32 " to %" PRIu32 ", as the body has it", le32toh(old),
                        version);
    return 0;
}

/* Bytes of the XML in front of the stream, blanks behind it included; 0: no end of it is seen. */
static uint64_t xml_length(struct xsi_mend *m, uint64_t at, uint64_t length)
{
    static const char end[] = "</domain>";
    const uint8_t *p = length <= CONFIG_LOOK ? xsi_mend_bytes(m, at, (size_t)length) : NULL;
    const uint8_t *next = p, *found = NULL;
    uint64_t n;

    while (next && (next = memmem(next, (size_t)length - (size_t)(next - p), end, 9)))
        found = next += 9;
    if (!found)
        return 0;
    for (n = (uint64_t)(found - p); n < length && (!p[n] || p[n] == '\n' || p[n] == ' '); n++)
        ;
    return n;
}

/* Bytes in front of the XML that are no text; nothing to do when it begins with a tag. */
static bool cut_front(struct xsi_mend *m, const struct xsi_map_row *row, uint64_t length)
{
    uint64_t at = row->offset + row->length;
    const uint8_t *p = length <= CONFIG_LOOK ? xsi_mend_bytes(m, at, (size_t)length) : NULL;
    const uint8_t *tag = p ? memmem(p, (size_t)length, "<domain", 7) : NULL;
    uint32_t word = tag ? htole32((uint32_t)(length - (uint64_t)(tag - p))) : 0;

    if (!tag || tag == p || *p == '<' || xml_length(m, at, length) != length)
        return false;
    xsi_mend_keep(m, "before-xml", at, (uint64_t)(tag - p));
    if (xsi_mend_same_size(m)) {
        uint8_t *blanks = xsi_mend_scratch(m, (size_t)(tag - p));

        if (!blanks)
            return false;
        memset(blanks, '\n', (size_t)(tag - p));
        xsi_mend_splice(m, at, (uint64_t)(tag - p), blanks, (size_t)(tag - p),
                        "blanks in place of %zu bytes in front of the XML", (size_t)(tag - p));
        word = htole32((uint32_t)length);
    } else {
        xsi_mend_splice(m, at, (uint64_t)(tag - p), NULL, 0, "cut %zu bytes in front of the XML",
                        (size_t)(tag - p));
    }
    xsi_mend_splice(m, row->offset + shift(row) + LENGTH_AT, 4, &word, 4,
                    "XML of %" PRIu32 " bytes", le32toh(word));
    return true;
}

/* Bytes between the XML and the stream that are not text: libvirt would parse them. */
static bool cut_noise(struct xsi_mend *m, const struct xsi_map_row *row, uint64_t length)
{
    uint64_t at = row->offset + row->length, xml = xml_length(m, at, length), n = length - xml;
    uint32_t word = htole32((uint32_t)xml);
    uint8_t *zeros = xml ? xsi_mend_scratch(m, (size_t)n + 1) : NULL, old[4];

    if (!zeros || !n || !xsi_mend_read(m, row->offset + shift(row) + LENGTH_AT, old, 4))
        return false;
    xsi_mend_keep(m, "behind-xml", at + xml, n);
    if (xsi_mend_same_size(m)) {
        xsi_mend_splice(m, at + xml, n, zeros, (size_t)n,
                        "zero %" PRIu64 " bytes behind the XML, which are no part of it", n);
        word = htole32((uint32_t)length);
    } else {
        xsi_mend_splice(m, at + xml, n, NULL, 0,
                        "cut %" PRIu64 " bytes behind the XML, which are no part of it", n);
    }
    if (memcmp(old, &word, 4) != 0)
        xsi_mend_splice(m, row->offset + shift(row) + LENGTH_AT, 4, &word, 4,
                        "XML of %" PRIu32 " bytes", le32toh(word));
    return true;
}

static int fix_length(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m), *stream = row ? config_stream(m, row->offset) : NULL;
    uint64_t length = stream ? stream->offset - row->offset - row->length : 0;
    uint32_t word = htole32((uint32_t)length), old;

    if (!row)
        return 0;
    if (!length || length > INT32_MAX) {
        xsi_mend_refuse(m, "no memory stream is recognised behind the header, so that the XML's "
                           "length cannot be derived; xsdump --scan looks for one");
        return 0;
    }
    if (cut_front(m, row, length) || cut_noise(m, row, length))
        return 0;
    if (!xsi_mend_read(m, row->offset + shift(row) + LENGTH_AT, &old, sizeof(old)) || old == word)
        return 0;
    if (!config_stream_sure(m, stream))
        xsi_mend_guess(m,
                       "the stream begins at 0x%" PRIx64 ": it has no magic number, and was "
                       "recognised by its form",
                       stream->offset);
    xsi_mend_splice(m, row->offset + shift(row) + LENGTH_AT, 4, &word, 4,
                    "XML of %" PRIu64 " bytes: the stream begins at 0x%" PRIx64, length,
                    stream->offset);
    return 0;
}

/* The text of os/type as [*from, *to); false: there is none. */
static bool os_type(const uint8_t *p, size_t n, size_t *from, size_t *to)
{
    const uint8_t *os = memmem(p, n, "<os>", 4);
    const uint8_t *tag = os ? memmem(os, n - (size_t)(os - p), "<type", 5) : NULL;
    const uint8_t *open = tag ? memchr(tag, '>', n - (size_t)(tag - p)) : NULL;
    const uint8_t *close = open ? memchr(open, '<', n - (size_t)(open - p)) : NULL;

    if (!close || close == open + 1)
        return false;
    *from = (size_t)(open + 1 - p);
    *to = (size_t)(close - p);
    return true;
}

static int set_guest_type(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m), *config;
    const uint8_t *text;
    struct config_facts f;
    enum xsi_guest guest;
    size_t from, to, n, spare;
    const char *word;
    uint32_t length;

    config = row ? config_row(m, "libvirt", "CONFIG", row->offset) : NULL;
    if (!config || config->length > CONFIG_LOOK)
        return 0;
    text = xsi_mend_bytes(m, config->offset, (size_t)config->length);
    if (!text || !os_type(text, (size_t)config->length, &from, &to))
        return 0;
    config_xml(text, (size_t)config->length, true, &f);
    guest = f.guest == XSI_GUEST_UNKNOWN ? f.guest : config_stream_guest(m, f.guest);
    if (guest == XSI_GUEST_UNKNOWN || to - from > sizeof("xenpvh"))
        return 0;
    word = guest == XSI_GUEST_PV ? "linux" : guest == XSI_GUEST_PVH ? "xenpvh" : "hvm";
    n = strlen(word);
    spare = xsi_mend_same_size(m) && n < to - from ? to - from - n : 0;
    length = htole32((uint32_t)(config->length - (to - from) + n + spare));
    xsi_mend_guess(m, "the stored XML is perhaps that of another guest; compare its memory and "
                      "disks");
    xsi_mend_splice(m, row->offset + shift(row) + LENGTH_AT, 4, &length, 4, "length of the XML");
    if (spare) /* NULs behind the text: the stream stays where it is */
        xsi_mend_splice(m, config->offset + config->length, 0, "\0\0\0\0\0", spare,
                        "%zu spare bytes behind it", spare);
    xsi_mend_splice(m, config->offset + from, to - from, word, n,
                    "os/type %s, as the stream has it", word);
    return 0;
}

static int replace_xml(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m), *stream = row ? config_stream(m, row->offset) : NULL;
    char *text = stream && !shift(row) ? xsi_mend_scratch(m, MINIMAL_MAX) : NULL;
    size_t n = text ? config_minimal(m, CONFIG_XML, text, MINIMAL_MAX) : 0;
    uint32_t word = htole32((uint32_t)n + 1);
    uint64_t xml;

    if (!text)
        return 0;
    if (!n || !xsi_mend_asked(m)) {
        xsi_mend_refuse(m, "what is wrong with the XML cannot be derived: " BETTER ". The memory "
                           "does not suffer. Or let --recipe replace-libvirt-xml put a short one "
                           "there, without disks and network");
        return 0;
    }
    xml = row->offset + HEADER_SIZE;
    config_minimal_words(m, BETTER);
    xsi_mend_keep(m, "libvirt-xml", xml, stream->offset - xml);
    xsi_mend_splice(m, row->offset + LENGTH_AT, 4, &word, 4, "XML of %zu bytes", n + 1);
    xsi_mend_splice(m, xml, stream->offset - xml, text, n + 1,
                    "a short XML made from the stream in the place of the old one");
    return 0;
}

const struct xsi_recipe libvirt_recipes[] = {
    { "fix-libvirt-magic", "put libvirt's 16 bytes of magic text back",
      "For a header that is otherwise in order, or that virsh left with the text of an unfinished "
      "save.",
      fix_magic, false },
    { "set-libvirt-version", "make the version fit the body: 1 legacy, 2 libxl v2",
      "Early builds of libvirt for Xen 4.6 wrote 1 over a v2 body. Version 1 makes readers from "
      "4.6 on run convert-legacy-stream.",
      set_version, false },
    { "fix-libvirt-length", "make the XML's length lead to the stream",
      "The length follows from where the stream begins. Bytes behind the XML that are no text are "
      "cut, or zeroed where the stream must stay in place, and kept as a piece.",
      fix_length, false },
    { "set-libvirt-guest-type", "make os/type in the XML that of the stream",
      "The rest of the XML stays.", set_guest_type, true },
    { "replace-libvirt-xml", "put a short new XML in the place of a damaged or wrong one",
      "Only when asked by name: virsh restore IMAGE --xml GOOD.xml is the better way. The new one "
      "has a name, the kind of guest, memory and vCPUs; no disks and no network. The old text is "
      "kept as a piece.",
      replace_xml, false },
    { NULL, NULL, NULL, NULL, false }
};
