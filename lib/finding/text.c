/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making foreign bytes safe to print, and putting numbers into words. */
#include <inttypes.h>
#include <stdio.h>

#include "../dissect/internal.h"

/* Length of a valid UTF-8 sequence at p and its code point; 0 when it is not one. */
static size_t utf8(const uint8_t *p, size_t n, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;

    if (!length || length > n || p[0] > 0xf4)
        return 0;
    *code = length == 1 ? p[0] : p[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3f);
    }
    if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return length;
}

/* C0, DEL, C1, line separators, bidirectional controls, zero-width and tag characters. */
static bool harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x061c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

char *xsi_escape(char *out, size_t size, const void *text, size_t n)
{
    const uint8_t *p = text;
    size_t used = 0;

    if (!size)
        return out;
    while (n) {
        uint32_t code = 0;
        size_t length = utf8(p, n, &code);
        size_t step = length ? length : 1;

        if (length && !harmful(code) && code != '\\') {
            if (used + length >= size)
                break;
            memcpy(out + used, p, length);
            used += length;
        } else if (length && code == '\\') {
            if (used + 2 >= size)
                break;
            out[used++] = '\\';
            out[used++] = '\\';
        } else {
            if (used + 4 * step >= size)
                break;
            for (size_t i = 0; i < step; i++)
                used += (size_t)snprintf(out + used, size - used, "\\x%02x", p[i]);
        }
        p += step;
        n -= step;
    }
    out[used] = '\0';
    return out;
}

/* Replace what is not printable in text that the library itself put together. */
void xsi_clean(char *text)
{
    uint8_t *p = (uint8_t *)text;

    while (*p) {
        uint32_t code = 0;
        size_t length = utf8(p, strlen((char *)p), &code);

        if (!length || harmful(code)) {
            *p = '?';
            length = 1;
        }
        p += length;
    }
}

bool xsi_count_lookup(uint32_t value, struct xsi_count *out)
{
    static const struct {
        uint32_t value, mask;
        struct xsi_count meaning;
    } rows[] = {
#define COUNT(v, m, what, causes) { v, m, { what, causes } },
#include "counts.def"
#undef COUNT
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((value & rows[i].mask) == rows[i].value) {
            *out = rows[i].meaning;
            return true;
        }
    *out = (struct xsi_count){ NULL, "" };
    return false;
}

static bool printable(uint32_t value)
{
    for (int i = 0; i < 4; i++, value >>= 8)
        if ((value & 0xff) < 0x20 || (value & 0xff) > 0x7e)
            return false;
    return true;
}

/* A valid count of which one bit was flipped; 0: it is none. */
static uint32_t one_bit_off(uint32_t value, unsigned *bit)
{
    uint32_t high = value & ~2047U, low = value & 2047U;

    if (!high || high & (high - 1) || !low || low > 1024)
        return 0;
    *bit = (unsigned)__builtin_ctz(high);
    return low;
}

void xsi_explain_count(uint32_t value, char *out, size_t size)
{
    uint8_t b[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                     (uint8_t)(value >> 24) };
    const char *meaning;
    struct xsi_count known;
    char spelt[16] = "", flipped[120];
    unsigned bit = 0;
    uint32_t low;

    if (printable(value))
        snprintf(spelt, sizeof(spelt), " = \"%c%c%c%c\"", b[0], b[1], b[2], b[3]);
    meaning = xsi_count_lookup(value, &known) ? known.what : NULL;
    if (!meaning)
        meaning = (int32_t)value > 0 && value <= 1024 ? "a valid page count"
                  : printable(value)     ? "text, probably from a guest's page or a log"
                  : (int32_t)value < -21 ? "no stock writer has such a chunk id: page contents, or "
                                           "a vendor's extension"
                                         : NULL;
    low = meaning ? 0 : one_bit_off(value, &bit);
    snprintf(flipped, sizeof(flipped), "%" PRIu32 " with bit %u flipped, or page contents", low,
             bit);
    if (!meaning)
        meaning = low ? flipped : "probably page contents: the place, or the number, is wrong";
    snprintf(out, size, "%" PRId32 " = 0x%08" PRIx32 " = bytes %02x %02x %02x %02x%s: %s",
             (int32_t)value, value, b[0], b[1], b[2], b[3], spelt, meaning);
}
