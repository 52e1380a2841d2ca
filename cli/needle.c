/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes to look for: a quoted text, hex, or a number. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "needle.h"

#define SHOWN 16 /* bytes that are told */

/* "text" with C's escapes for bytes: \n, \0, \x1b. */
static bool quoted(const char *text, struct cli_needle *needle)
{
    char quote = *text++;

    for (needle->length = 0; *text && *text != quote; text++) {
        char *end;

        if (needle->length == CLI_NEEDLE_MAX)
            return false;
        if (*text != '\\') {
            needle->bytes[needle->length++] = (uint8_t)*text;
            continue;
        }
        text++;
        if (*text == 'x' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2])) {
            const char two[3] = { text[1], text[2], '\0' };

            needle->bytes[needle->length++] = (uint8_t)strtoul(two, &end, 16);
            text += 2;
        } else {
            needle->bytes[needle->length++] = (uint8_t)(*text == 'n'   ? '\n'
                                                        : *text == '0' ? '\0'
                                                                       : *text);
        }
        if (!*text)
            return false;
    }
    return *text == quote && !text[1 + strspn(text + 1, " \t")] && needle->length;
}

static bool number(const char *text, struct cli_needle *needle)
{
    uint64_t value;

    if (strncmp(text, "0x", 2) != 0 || !cli_number(text, &value))
        return false;
    needle->length = strlen(text) - 2 > 8 ? 8 : 4;
    for (size_t i = 0; i < needle->length; i++)
        needle->bytes[i] = (uint8_t)(value >> (8 * i));
    return true;
}

bool cli_needle_parse(const char *text, struct cli_needle *needle, const char **why)
{
    *why = NULL;
    needle->length = 0;
    if (*text == '"' || *text == '\'') {
        if (!quoted(text, needle)) {
            *why = "the text is empty, too long, or its quote not closed";
            return false;
        }
    } else if (!number(text, needle)) {
        needle->length = cli_bytes(text, needle->bytes, sizeof(needle->bytes));
    }
    needle->zeros = needle->length && !needle->bytes[0] &&
                    !memcmp(needle->bytes, needle->bytes + 1, needle->length - 1);
    return needle->length > 0;
}

char *cli_needle_text(const struct cli_needle *needle, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "bytes");

    for (size_t i = 0; i < needle->length && i < SHOWN && used + 4 < size; i++)
        used += (size_t)snprintf(out + used, size - used, " %02x", needle->bytes[i]);
    if (needle->length > SHOWN && used + 5 < size)
        snprintf(out + used, size - used, " ...");
    return out;
}
