/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending xl's header: each field follows from what really stands behind it. */
#include <inttypes.h>

#include "recipe.h"

enum { FLAGS_AT = 4, LENGTH_AT = 12 }; /* behind the byte order word */

unsigned xl_release(const struct xsi_mend *m)
{
    const struct xsi_reader *reader = xsi_mend_reader(m);

    return reader ? reader->release : UINT32_MAX;
}

bool xl_view(struct xsi_mend *m, struct xl_view *v)
{
    const struct xsi_map_row *row = config_row(m, "xl", "HEADER", 0);
    uint64_t size = xsi_mend_size(m), left = row && row->offset < size ? size - row->offset : 0;
    size_t n = left < XL_LOOK ? (size_t)left : XL_LOOK;
    const uint8_t *p = row ? xsi_mend_bytes(m, row->offset, n) : NULL;

    memset(v, 0, sizeof(*v));
    if (!p || !xl_header_parse(p, n, &v->header) || n < v->header.size)
        return false;
    v->at = row->offset;
    v->config = config_row(m, "xl", "CONFIG", v->at);
    v->body = config_stream(m, v->at);
    return true;
}

void xl_word(const struct xl_view *v, uint32_t value, uint8_t out[4])
{
    value = v->header.order == XL_BIG ? htobe32(value) : htole32(value);
    memcpy(out, &value, sizeof(value));
}

const uint8_t *xl_text(struct xsi_mend *m, const struct xl_view *v, size_t *n)
{
    uint64_t length = v->config && v->config->length > 4 ? v->config->length - 4 : 0;
    const uint8_t *p, *nul;

    *n = 0;
    if (!length || length > CONFIG_LOOK)
        return NULL;
    p = xsi_mend_bytes(m, v->config->offset + 4, (size_t)length);
    if (!p)
        return NULL;
    nul = memchr(p, 0, (size_t)length);
    *n = nul ? (size_t)(nul - p) : (size_t)length;
    return p;
}

uint32_t xl_right_flags(const struct xl_view *v, bool json)
{
    bool legacy = v->body && !strncmp(v->body->layer, "libxc-legacy", 12);

    return (json ? XL_FLAG_JSON : 0) | (!v->body ? v->header.mandatory & XL_FLAG_STREAM_V2
                                        : legacy ? 0
                                                 : XL_FLAG_STREAM_V2);
}

/* JSON without the blanks between its words, in place; returns its length. */
static size_t squeeze(char *text, size_t n)
{
    size_t length = 0;
    bool quoted = false;

    for (size_t i = 0; i < n; i++) {
        if (!quoted && strchr(" \t\r\n", text[i]) && text[i])
            continue;
        if (text[i] == '"')
            quoted = !quoted;
        text[length++] = text[i];
        if (quoted && text[i] == '\\' && i + 1 < n)
            text[length++] = text[++i];
    }
    return length;
}

/*
 * Optional data may be longer than the configuration in it, and blanks of JSON mean nothing: in
 * place, a text is made to fill the room that is there, so that the stream stays where it is.
 */
static size_t room_for(struct xsi_mend *m, char *text, size_t *n, bool json, uint64_t room)
{
    if (!xsi_mend_same_size(m) || room < 4)
        return *n + json + 4;
    if (json && *n + json + 4 > room)
        *n = squeeze(text, *n);
    return *n + json + 4 <= room && room <= CONFIG_LOOK ? (size_t)room : *n + json + 4;
}

void xl_put_config(struct xsi_mend *m, const struct xl_view *v, const char *text, size_t n,
                   bool json, const char *what)
{
    uint64_t from = v->at + v->header.order_at + FLAGS_AT, config = v->at + v->header.size;
    uint64_t to = v->body ? v->body->offset : config + (v->config ? v->config->length : 0);
    size_t optional;
    uint8_t *p = xsi_mend_scratch(m, CONFIG_LOOK + n + 64);

    if (!p)
        return;
    memcpy(p + 16, text, n);
    optional = room_for(m, (char *)p + 16, &n, json, to > config ? to - config : 0);
    memset(p + 16 + n, 0, optional - 4 - n); /* NUL of JSON, which is counted, and what is spare */
    xl_word(v, xl_right_flags(v, json), p);
    xl_word(v, 0, p + 4);
    xl_word(v, (uint32_t)optional, p + 8);
    xl_word(v, (uint32_t)n + json, p + 12);
    if (to > config)
        xsi_mend_keep(m, "xl-config", config, to - config);
    xsi_mend_splice(m, from, to - from, p, 12 + optional, "%s", what);
}

/* ---- the recipes ---- */

/* The bytes that came into the magic text go to the end of the optional data: nothing moves. */
static bool spare_magic(struct xsi_mend *m, const struct xl_view *v, size_t spare)
{
    uint64_t from = v->at + v->header.order_at, size = v->body ? v->body->offset - from : 0;
    const uint8_t *old =
        v->body && size >= 16 && size <= CONFIG_LOOK ? xsi_mend_bytes(m, from, (size_t)size) : NULL;
    uint8_t *p = old ? xsi_mend_scratch(m, (size_t)size + XL_LOOK) : NULL;

    if (!p || size - 16 != v->header.optional_length)
        return false;
    memcpy(p, XL_MAGIC, XL_MAGIC_SIZE);
    memcpy(p + XL_MAGIC_SIZE, old, (size_t)size);
    xl_word(v, v->header.optional_length + (uint32_t)spare, p + XL_MAGIC_SIZE + LENGTH_AT);
    xsi_mend_splice(m, v->at, v->header.order_at + size, p, XL_MAGIC_SIZE + (size_t)size + spare,
                    "put xl's magic text back at 0x%" PRIx64 "; %zu spare bytes behind the "
                    "configuration",
                    v->at, spare);
    return true;
}

static int fix_magic(struct xsi_mend *m)
{
    struct xl_view v;
    size_t spare;

    if (!xl_view(m, &v) || !v.header.damage)
        return 0;
    spare = v.header.order_at > XL_MAGIC_SIZE ? v.header.order_at - XL_MAGIC_SIZE : 0;
    if (v.header.order_at != XL_MAGIC_SIZE)
        xsi_mend_guess(m,
                       "bytes of the magic text came or went in a transfer, which may have "
                       "changed other line feeds of the image too: compare it with another copy");
    if (spare && xsi_mend_same_size(m) && spare_magic(m, &v, spare))
        return 0;
    xsi_mend_splice(m, v.at, v.header.order_at, XL_MAGIC, XL_MAGIC_SIZE,
                    "put xl's magic text back at 0x%" PRIx64, v.at);
    return 0;
}

/* A header whose numbers are all big-endian, around a stream that is not. */
static void turn_order(struct xsi_mend *m, const struct xl_view *v)
{
    uint64_t order = v->at + v->header.order_at;
    uint8_t old[20], new[20];

    if (!v->body || config_found(m, "XS-X03") || config_found(m, "XS-V05")) {
        xsi_mend_refuse(m, "the stream itself is big-endian, or there is none: no x86 host and no "
                           "converter reads that, only a host of the kind that saved it");
        return;
    }
    if (!v->config || v->config->length < 4 || !xsi_mend_read(m, order, old, sizeof(old)))
        return;
    for (size_t i = 0; i < sizeof(old); i++)
        new[i] = old[(i & ~(size_t)3) + 3 - (i & 3)];
    xsi_mend_guess(m, "a big-endian header around a little-endian stream: no release writes that");
    xsi_mend_splice(m, order, sizeof(new), new, sizeof(new),
                    "turn the five numbers of the header into little-endian order");
}

static int fix_byte_order(struct xsi_mend *m)
{
    struct xl_view v;

    if (!xl_view(m, &v))
        return 0;
    if (v.header.order == XL_BIG)
        turn_order(m, &v);
    else if (v.header.order_word_wrong)
        xsi_mend_splice(m, v.at + v.header.order_at, 4, "\4\3\2\1", 4,
                        "write the byte order word 04 03 02 01");
    return 0;
}

/* Set the flags in `mask` as the body and the configuration want them; other unknown bits go. */
static void put_flags(struct xsi_mend *m, const struct xl_view *v, uint32_t mask, bool json)
{
    uint32_t right = xl_right_flags(v, json), flags = v->header.mandatory;
    uint8_t word[4];

    flags = (flags & ~mask) | (right & mask);
    if (flags == v->header.mandatory)
        return;
    if (v->header.mandatory & mask & ~(XL_FLAG_JSON | XL_FLAG_STREAM_V2))
        xsi_mend_guess(m, "the unknown bits are damage, and no feature of a newer xl");
    xl_word(v, flags, word);
    xsi_mend_splice(m, v->at + v->header.order_at + FLAGS_AT, 4, word, 4,
                    "mandatory flags 0x%" PRIx32 " to 0x%" PRIx32, v->header.mandatory, flags);
}

/* What no flag cures: a reader that knows less than the image needs. True: refused. */
static bool too_old(struct xsi_mend *m, const struct xl_view *v)
{
    if (xl_release(m) >= XL_STREAM_V2_SINCE || !v->body ||
        !strncmp(v->body->layer, "libxc-legacy", 12))
        return false;
    xsi_mend_refuse(m, "the body is a stream of Xen 4.6 or later, which no xl before 4.6 reads: "
                       "restore it on a host with Xen 4.6 or later");
    return true;
}

static int fix_flags(struct xsi_mend *m, uint32_t mask)
{
    struct xl_view v;
    const uint8_t *text;
    bool json;
    size_t n;

    if (!xl_view(m, &v) || too_old(m, &v))
        return 0;
    text = xl_text(m, &v, &n);
    json = n ? text[0] == '{' : v.header.mandatory & XL_FLAG_JSON;
    if (json && xl_release(m) < XL_JSON_SINCE)
        return xl_config_for_old(m, &v);
    put_flags(m, &v, mask, json);
    return 0;
}

static int fix_stream_flag(struct xsi_mend *m)
{
    return fix_flags(m, XL_FLAG_STREAM_V2);
}

static int fix_json_flag(struct xsi_mend *m)
{
    return fix_flags(m, XL_FLAG_JSON);
}

static int clear_flags(struct xsi_mend *m)
{
    return fix_flags(m, UINT32_MAX);
}

/* Length of the text: what is said, when it holds all of a JSON text and fits. */
static uint32_t right_text_length(struct xsi_mend *m, const struct xl_view *v, uint32_t room)
{
    struct config_facts f;
    uint8_t said[4];
    uint32_t length;
    size_t n;
    const uint8_t *text = xl_text(m, v, &n);

    if (!text || !xsi_mend_read(m, v->config->offset, said, sizeof(said)))
        return room;
    memcpy(&length, said, sizeof(length));
    length = v->header.order == XL_BIG ? be32toh(length) : le32toh(length);
    if (text[0] != '{')
        return length && length <= room ? length : room;
    config_json(text, n, false, &f);
    if (!f.complete || f.end > room || (length >= f.end && length <= room))
        return length <= room && length ? length : room;
    return (uint32_t)f.end + (f.end < room); /* its NUL */
}

static int fix_lengths(struct xsi_mend *m)
{
    struct xl_view v;
    uint64_t at, length;
    uint32_t text;
    uint8_t words[8];

    if (!xl_view(m, &v))
        return 0;
    at = v.at + v.header.size;
    length = v.body && v.body->offset > at ? v.body->offset - at : 0;
    if (length < 4 || length > UINT32_MAX) {
        xsi_mend_refuse(m, "no memory stream is recognised behind the header, so that its lengths "
                           "cannot be derived; xsdump --scan looks for one");
        return 0;
    }
    text = right_text_length(m, &v, (uint32_t)length - 4);
    xl_word(&v, (uint32_t)length, words);
    xl_word(&v, text, words + 4);
    if (!config_stream_sure(m, v.body))
        xsi_mend_guess(m,
                       "the stream begins at 0x%" PRIx64 ": it has no magic number, and was "
                       "recognised by its form",
                       v.body->offset);
    xsi_mend_splice(m, at - 4, 8, words, sizeof(words),
                    "optional data of %" PRIu64 " bytes, of which %" PRIu32 " are configuration: "
                    "the stream begins at 0x%" PRIx64,
                    length, text, v.body->offset);
    return 0;
}

const struct xsi_recipe xl_recipes[] = {
    { "fix-xl-magic", "put the 32 bytes of xl's magic text back",
      "For a header that is otherwise in order. A transfer in text mode, which damages the magic "
      "text first, damages memory pages too; only another copy helps against that.",
      fix_magic, false },
    { "fix-xl-byte-order", "write the byte order word, or turn the header's numbers",
      "Writes 04 03 02 01 where the numbers behind it are little-endian. Where they are "
      "big-endian, and the stream is not, turns them all.",
      fix_byte_order, false },
    { "set-xl-v2-flag", "set mandatory flag bit 1: the body is a libxl v2 stream",
      "For readers from 4.6 on, which otherwise run their converter on the stream.",
      fix_stream_flag, false },
    { "clear-xl-v2-flag", "clear mandatory flag bit 1: the body is a legacy stream",
      "Readers from 4.6 on then run convert-legacy-stream; older ones refuse the bit.",
      fix_stream_flag, false },
    { "clear-xl-flags", "clear mandatory flags that no release defines",
      "A flag that a newer xl defines cannot be told from damage. For readers before 4.5 a JSON "
      "configuration is replaced as fix-xl-json-flag does.",
      clear_flags, false },
    { "fix-xl-json-flag", "make mandatory flag bit 0 fit the configuration",
      "Readers before 4.5 know neither the flag nor JSON: for them the configuration is replaced "
      "by a short one in xl.cfg syntax; disks and network are not in it, and the old text is kept "
      "as a piece.",
      fix_json_flag, false },
    { "fix-xl-lengths", "make both lengths of the optional data lead to the stream",
      "They follow from where the stream begins and where the configuration ends.", fix_lengths,
      false },
    { "set-xl-guest-type", "make the configuration's guest type that of the stream",
      "PV is told by the stream's own header; PVH and HVM by the devices in the HVM context and by "
      "the device model's state. The rest of the configuration stays.",
      xl_set_guest_type, true },
    { "complete-xl-config", "put a name or a guest type into a JSON configuration without one",
      "The name is made up, the type is the stream's.", xl_complete_config, false },
    { "raise-xl-memory", "raise the memory in a JSON configuration to what the image holds",
      "Xen gives a domain no more pages than its configuration says; then a restore fails with "
      "Failed to populate physmap.",
      xl_raise_memory, true },
    { "replace-xl-config", "put a short new configuration in the place of a damaged or missing one",
      "Only when asked by name: xl restore GOOD.cfg IMAGE ignores the stored configuration and is "
      "the better way. The new one has a name, the guest type, memory and vCPUs; no disks and no "
      "network. The old text is kept as a piece.",
      xl_replace_config, false },
    { "add-xl-header", "put xl's header in front of a stream that has none, or another container's",
      "For a bare libxl or libxc stream only when asked; by itself where xl's header is gone, or "
      "xl is to read another toolstack's container. A configuration that can still be read behind "
      "the damaged header is taken; otherwise a short one is made, without disks and network: "
      "better give xl a whole one, xl restore GOOD.cfg IMAGE.",
      xl_add_header, true },
    { NULL, NULL, NULL, NULL, false }
};
