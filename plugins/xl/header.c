/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading xl's header, also one that a text-mode transfer stretched or shrank. */
#include "xl.h"

#define TEXT_SIZE   27 /* of the magic that is plain text */
#define FLIPS_MAX   4  /* bytes of the magic that may differ */
#define ORDER_MAX   40 /* how far the byte order word may have moved */
#define LENGTH_SANE (1U << 20)

static const uint8_t order_little[4] = { 4, 3, 2, 1 }, order_big[4] = { 1, 2, 3, 4 };

const struct xsi_finding_row xl_findings[XL_FINDINGS] = {
#define FINDING(id, slug, severity, effect, exit, readers, recipe, text) \
    { "XS-" #id, slug, XSI_##severity, XSI_##effect, exit, readers, recipe, text },
#include "findings.def"
#undef FINDING
};

static const struct xsi_name mandatory_names[] = { { XL_FLAG_JSON, "JSON" },
                                                   { XL_FLAG_STREAM_V2, "STREAMv2" },
                                                   { 0, NULL } };

/* Relative to the byte order word. */
static const struct xsi_field_row header_rows[] = {
    { "byteorder", 0, 4, XSI_HEX, NULL, NULL, "0x01020304 in the writer's byte order", 0 },
    { "mandatory_flags", 4, 4, XSI_FLAGS, mandatory_names, NULL,
      "a reader that does not know one of them must refuse the file", 0 },
    { "optional_flags", 8, 4, XSI_HEX, NULL, NULL, "always 0", 0 },
    { "optional_data_len", 12, 4, XSI_UINT, NULL, "bytes", "up to the start of the stream", 0 },
    { NULL, 0, 0, XSI_UINT, NULL, NULL, NULL, 0 }
};

static size_t differing(const uint8_t *p, size_t n)
{
    static const char magic[] = XL_MAGIC;
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += p[i] != (uint8_t)magic[i];
    return count;
}

/* Where the byte order word stands when it is not at 32; 0 = nowhere near. */
static size_t find_order(const uint8_t *p, size_t have)
{
    for (size_t at = TEXT_SIZE; at <= ORDER_MAX && at + 4 <= have; at++)
        if (!memcmp(p + at, order_little, 4) || !memcmp(p + at, order_big, 4))
            return at;
    return 0;
}

static void read_numbers(const uint8_t *p, size_t have, struct xl_header *h)
{
    struct xsi_cursor c = { p + h->order_at, have - h->order_at, h->order == XL_BIG, false };

    xsi_skip(&c, 4);
    h->mandatory = xsi_u32(&c);
    h->optional = xsi_u32(&c);
    h->optional_length = xsi_u32(&c);
}

/* Do the numbers behind the byte order word make sense as they were just read? */
static bool plausible(const struct xl_header *h)
{
    return h->optional_length < LENGTH_SANE && h->mandatory < 0x10000 &&
           (h->optional_length || h->mandatory);
}

/* The byte order word may itself be damaged: the numbers behind it have the last say. */
static void judge_order(const uint8_t *p, size_t have, struct xl_header *h)
{
    bool big = !memcmp(p + h->order_at, order_big, 4);

    h->order = XL_LITTLE;
    read_numbers(p, have, h);
    if (!memcmp(p + h->order_at, order_little, 4))
        return;
    if (big && !plausible(h)) {
        h->order = XL_BIG;
        read_numbers(p, have, h);
    } else {
        h->order_word_wrong = true;
    }
}

static const char *name_damage(const uint8_t *p, const struct xl_header *h, size_t flips)
{
    if (h->order_at > XL_MAGIC_SIZE && p[TEXT_SIZE] == '\r')
        return "a carriage return was put in front of the line feed: a text-mode transfer";
    if (h->order_at > XL_MAGIC_SIZE)
        return "it is longer than 32 bytes: bytes were inserted";
    if (h->order_at < XL_MAGIC_SIZE)
        return "it is shorter than 32 bytes: a text-mode transfer dropped bytes";
    return flips == 1 ? "one byte differs" : "some bytes differ";
}

int xl_header_parse(const uint8_t *p, size_t have, struct xl_header *h)
{
    size_t magic = have < XL_MAGIC_SIZE ? have : XL_MAGIC_SIZE;
    size_t text = have < TEXT_SIZE ? have : TEXT_SIZE, flips, order;

    memset(h, 0, sizeof(*h));
    h->order_at = XL_MAGIC_SIZE;
    h->size = XL_HEADER_SIZE;
    if (have < 8)
        return 0;
    flips = differing(p, magic);
    h->magic_exact = !flips;
    if (have < XL_MAGIC_SIZE)
        return flips ? 0 : 55 + (int)have;
    if (differing(p, text) > FLIPS_MAX)
        return 0;
    order = find_order(p, have);
    /* a word that stands at 32 is believed there; the damaged rest of the magic may lie */
    if (!h->magic_exact && order) {
        h->order_at = order;
        h->size = order + 16;
    } else if (!h->magic_exact && flips > FLIPS_MAX) {
        return 0;
    }
    if (!h->magic_exact)
        h->damage = name_damage(p, h, flips);
    if (have >= h->size)
        judge_order(p, have, h);
    return h->magic_exact ? 100 : 75;
}

void xl_decode_header(struct xsi_decode *d)
{
    struct xl_header h;

    if (!xl_header_parse(d->bytes, d->have, &h))
        return;
    xsi_put_text(d, "magic", XSI_BYTES, 0, d->bytes, d->have < h.order_at ? d->have : h.order_at);
    d->big = h.order == XL_BIG;
    xsi_decode_rows(d, h.order_at, h.size - h.order_at, header_rows);
}
