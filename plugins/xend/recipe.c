/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending xend's container: 16 letters, a big-endian length, an S-expression. */
#include <inttypes.h>

#include "../config/recipe.h"
#include "model.h"

#define SIGNATURE "LinuxGuestRecord"

enum { SIGNATURE_SIZE = 16, HEADER_SIZE = 20, MINIMAL_MAX = 4096 };

static const struct xsi_map_row *header(const struct xsi_mend *m)
{
    const struct xsi_map_row *row = config_row(m, "xend", "HEADER", 0);

    return row && row->length >= HEADER_SIZE ? row : NULL;
}

static int fix_signature(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m);
    uint8_t old[SIGNATURE_SIZE];

    if (!row) {
        xsi_mend_refuse(m, "the image is not in xend's container, and this reader knows no other: "
                           "xsdump -t all IMAGE lists those that restore it");
        return 0;
    }
    if (xsi_mend_read(m, row->offset, old, sizeof(old)) && memcmp(old, SIGNATURE, sizeof(old)))
        xsi_mend_splice(m, row->offset, SIGNATURE_SIZE, SIGNATURE, SIGNATURE_SIZE,
                        "put " SIGNATURE " back at 0x%" PRIx64, row->offset);
    return 0;
}

static int fix_length(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m), *stream = row ? config_stream(m, row->offset) : NULL;
    uint64_t length = stream ? stream->offset - row->offset - HEADER_SIZE : 0;
    uint32_t word = htobe32((uint32_t)length);
    uint8_t old[4];

    if (!row)
        return 0;
    if (!length || length > INT32_MAX) {
        xsi_mend_refuse(m, "no memory stream is recognised behind the header, so that the "
                           "configuration's length cannot be derived; xsdump --scan looks for one");
        return 0;
    }
    if (!xsi_mend_read(m, row->offset + SIGNATURE_SIZE, old, 4) || !memcmp(old, &word, 4))
        return 0;
    if (!config_stream_sure(m, stream))
        xsi_mend_guess(m,
                       "the stream begins at 0x%" PRIx64 ": it has no magic number, and was "
                       "recognised by its form",
                       stream->offset);
    xsi_mend_splice(m, row->offset + SIGNATURE_SIZE, 4, &word, 4,
                    "a configuration of %" PRIu64 " bytes: the stream begins at 0x%" PRIx64, length,
                    stream->offset);
    return 0;
}

/* The word behind "(image (" as [*from, *to); false: there is none. */
static bool image_word(const uint8_t *p, size_t n, size_t *from, size_t *to)
{
    static const char key[] = "(image";
    const uint8_t *q = memmem(p, n, key, sizeof(key) - 1);
    size_t at = q ? (size_t)(q - p) + sizeof(key) - 1 : n;

    while (at < n && strchr(" \t\n(", p[at]) && p[at])
        at++;
    for (*from = *to = at; *to < n && p[*to] >= 'a' && p[*to] <= 'z'; ++*to)
        ;
    return *to > *from;
}

static int set_guest_type(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m), *config;
    const uint8_t *text;
    struct config_facts f;
    enum xsi_guest guest;
    size_t from, to, n;
    const char *word;
    uint32_t length;

    config = row ? config_row(m, "xend", "CONFIG", row->offset) : NULL;
    if (!config || config->length > CONFIG_LOOK)
        return 0;
    text = xsi_mend_bytes(m, config->offset, (size_t)config->length);
    if (!text || !image_word(text, (size_t)config->length, &from, &to))
        return 0;
    config_sxp(text, (size_t)config->length, true, &f);
    guest = f.guest == XSI_GUEST_UNKNOWN ? f.guest : config_stream_guest(m, f.guest);
    if (guest == XSI_GUEST_UNKNOWN)
        return 0;
    word = guest == XSI_GUEST_PV ? "linux" : "hvm";
    if (xsi_mend_same_size(m) && guest == XSI_GUEST_HVM && to - from == 5)
        word = "hvm  "; /* blanks mean nothing there, and the stream stays where it is */
    n = strlen(word);
    length = htobe32((uint32_t)(config->length - (to - from) + n));
    xsi_mend_guess(m, "the stored configuration is perhaps that of another guest; compare its "
                      "memory and disks");
    xsi_mend_splice(m, row->offset + SIGNATURE_SIZE, 4, &length, 4, "length of the configuration");
    xsi_mend_splice(m, config->offset + from, to - from, word, n,
                    "image %s in the configuration, as the stream has it", word);
    return 0;
}

static int replace_config(struct xsi_mend *m)
{
    const struct xsi_map_row *row = header(m), *stream = row ? config_stream(m, row->offset) : NULL;
    uint8_t *bytes = stream ? xsi_mend_scratch(m, 4 + MINIMAL_MAX) : NULL;
    size_t n = bytes ? config_minimal(m, CONFIG_SXP, (char *)bytes + 4, MINIMAL_MAX) : 0;
    uint32_t word = htobe32((uint32_t)n);
    uint64_t from;

    if (!bytes)
        return 0;
    if (!n || !xsi_mend_asked(m)) {
        xsi_mend_refuse(m, "what is wrong with the configuration cannot be derived, and xend takes "
                           "no other with an image. Let --recipe replace-xend-config put a short "
                           "one there, without disks and network");
        return 0;
    }
    from = row->offset + SIGNATURE_SIZE;
    memcpy(bytes, &word, sizeof(word));
    config_minimal_words(m, "better add the disks and network to it once the guest runs");
    xsi_mend_keep(m, "xend-config", from + 4, stream->offset - from - 4);
    xsi_mend_splice(m, from, stream->offset - from, bytes, 4 + n,
                    "a short configuration made from the stream in the place of the old one");
    return 0;
}

const struct xsi_recipe xend_recipes[] = {
    { "fix-xend-signature", "put LinuxGuestRecord back at the image's beginning",
      "For a header that is otherwise in order.", fix_signature, false },
    { "fix-xend-length", "make the configuration's length lead to the stream",
      "The length is big-endian on every host. It follows from where the stream begins.",
      fix_length, false },
    { "set-xend-guest-type", "make the configuration's image list fit the stream: hvm or linux",
      "The rest of the configuration stays.", set_guest_type, true },
    { "replace-xend-config", "put a short new configuration in the place of a damaged one",
      "Only when asked by name. It has a name, the kind of guest, memory and vCPUs; no disks and "
      "no "
      "network. The old text is kept as a piece.",
      replace_config, false },
    { NULL, NULL, NULL, NULL, false }
};
