/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON values and their way out. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define EXACT (1ULL << 53) /* integers up to here survive a reader that has doubles only */

/* Length of the UTF-8 character at p, 0 when it is none; *code is its code point. */
static size_t utf8(const unsigned char *p, size_t n, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

    if (!length || length > n || *p > 0xf4)
        return 0;
    *code = length == 1 ? *p : *p & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3fU);
    }
    if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return length;
}

static bool is_utf8(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    uint32_t code;

    for (size_t i = 0, length; i < n; i += length) {
        length = utf8(p + i, n - i, &code);
        if (!length)
            return false;
    }
    return true;
}

struct json_object *json_text(const char *text, size_t n)
{
    struct json_object *o;
    char *escaped;

    if (is_utf8(text, n))
        return json_object_new_string_len(text, (int)n);
    escaped = malloc(4 * n + 1);
    if (!escaped)
        return NULL;
    o = json_object_new_string(xsi_escape(escaped, 4 * n + 1, text, n));
    free(escaped);
    return o;
}

struct json_object *json_name(const char *text)
{
    return text && *text ? json_text(text, strlen(text)) : NULL;
}

struct json_object *json_number(uint64_t number)
{
    char text[24];

    if (number <= EXACT)
        return json_object_new_int64((int64_t)number);
    snprintf(text, sizeof(text), "%" PRIu64, number);
    return json_object_new_string(text);
}

struct json_object *json_signed(int64_t number)
{
    char text[24];

    if (number >= -(int64_t)EXACT && number <= (int64_t)EXACT)
        return json_object_new_int64(number);
    snprintf(text, sizeof(text), "%" PRId64, number);
    return json_object_new_string(text);
}

/* A character beyond ASCII; in JSON it can stand inside strings only. */
static size_t put_character(const char *p, size_t n)
{
    uint32_t code = 0xfffd;
    size_t length = utf8((const unsigned char *)p, n, &code);

    if (code >= 0x10000)
        printf("\\u%04" PRIx32 "\\u%04" PRIx32, 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    else
        printf("\\u%04" PRIx32, code);
    return length ? length : 1;
}

/*
 * Everything from DEL on as \u escapes: that loses nothing for a program, and a terminal never
 * meets a C1 control or a bidirectional override.
 */
static void put_ascii(const char *p, size_t left)
{
    while (left) {
        size_t plain = 0;

        while (plain < left && (unsigned char)p[plain] < 0x7f)
            plain++;
        fwrite_unlocked(p, 1, plain, stdout);
        p += plain;
        left -= plain;
        if (left) {
            size_t n = put_character(p, left);

            p += n;
            left -= n;
        }
    }
}

void json_put(struct json_object *o)
{
    const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    size_t length = 0;
    const char *text = json_object_to_json_string_length(o, flags, &length);

    if (text)
        put_ascii(text, length);
    json_object_put(o);
}

void json_put_text(const char *text, size_t n)
{
    size_t plain = 0;

    while (plain < n && text[plain] >= 0x20 && text[plain] < 0x7f && text[plain] != '"' &&
           text[plain] != '\\')
        plain++;
    if (plain < n) {
        json_put(json_text(text, n)); /* escaping is json-c's */
        return;
    }
    putc_unlocked('"', stdout);
    fwrite_unlocked(text, 1, n, stdout);
    putc_unlocked('"', stdout);
}

void json_put_number(uint64_t number)
{
    const char *quote = number > EXACT ? "\"" : "";
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    fputs_unlocked(quote, stdout);
    fwrite_unlocked(digits + at, 1, sizeof(digits) - at, stdout);
    fputs_unlocked(quote, stdout);
}

void json_put_signed(int64_t number)
{
    if (number >= 0)
        json_put_number((uint64_t)number);
    else
        json_put(json_signed(number));
}
