/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers and names as people write them on a command line. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Digits with an optional 0x, then what follows them. No sign, no blanks, no octal. */
static bool digits(const char *text, uint64_t *value, char **end)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

    if (hex ? !isxdigit((unsigned char)text[2]) : !isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *value = strtoull(text, end, hex ? 16 : 10);
    return errno == 0;
}

static bool suffixed(const char *text, uint64_t *value, char **end)
{
    static const char suffixes[] = "kmgt";
    const char *suffix;
    unsigned shift;

    if (!digits(text, value, end))
        return false;
    if (!**end || !(suffix = strchr(suffixes, tolower((unsigned char)**end))))
        return true;
    shift = 10 * (unsigned)(suffix - suffixes + 1);
    if (*value > UINT64_MAX >> shift)
        return false;
    *value <<= shift;
    ++*end;
    return true;
}

bool cli_number(const char *text, uint64_t *value)
{
    char *end;

    return suffixed(text, value, &end) && !*end;
}

bool cli_range(const char *text, uint64_t *first, uint64_t *last)
{
    char *end;

    *first = 0;
    *last = UINT64_MAX;
    if (*text == '-')
        return cli_number(text + 1, last);
    if (!suffixed(text, first, &end))
        return false;
    if (!*end) {
        *last = *first;
        return true;
    }
    if (*end++ != '-')
        return false;
    return !*end || (cli_number(end, last) && *last >= *first);
}

bool cli_count(const char *text, uint32_t *value)
{
    bool negative = *text == '-';
    uint64_t number;
    char *end;

    if (!digits(text + negative, &number, &end) || *end)
        return false;
    if (number > (negative ? (uint64_t)INT32_MAX + 1 : UINT32_MAX))
        return false;
    *value = negative ? 0U - (uint32_t)number : (uint32_t)number;
    return true;
}

static int nibble(char c)
{
    static const char digit[] = "0123456789abcdef";
    const char *at = c ? strchr(digit, tolower((unsigned char)c)) : NULL;

    return at ? (int)(at - digit) : -1;
}

size_t cli_bytes(const char *text, uint8_t *out, size_t size)
{
    size_t n = 0;

    while (text[0]) {
        int high = nibble(text[0]), low = high < 0 ? -1 : nibble(text[1]);

        if (low < 0 || n == size)
            return 0;
        out[n++] = (uint8_t)(high << 4 | low);
        text += 2;
        text += strspn(text, " \t");
    }
    return n;
}

char *cli_size(char *out, size_t size, uint64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(out, size, "%" PRIu64 " bytes", bytes);
        return out;
    }
    for (value /= 1024; value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        value /= 1024;
    snprintf(out, size, "%.*f %s", value < 10 ? 1 : 0, value, units[unit]);
    return out;
}

#define NAME_MAX_LENGTH 64 /* of what is compared */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t cli_edits(const char *a, const char *b)
{
    size_t row[NAME_MAX_LENGTH + 1], n = strnlen(b, NAME_MAX_LENGTH);

    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; i < NAME_MAX_LENGTH && a[i]; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t k = 1; k <= n; k++) {
            bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[k - 1]);
            size_t change = corner + !same;

            corner = row[k];
            row[k] = least(change, 1 + least(row[k], row[k - 1]));
        }
    }
    return row[n];
}
