/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes, foreign text and decoded numbers on their way to a terminal. */
#include <inttypes.h>
#include <string.h>

#include "cli.h"

void cli_hex_line(const struct cli_term *t, uint64_t offset, const uint8_t *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    char hex[3 * CLI_HEX_LINE + 1];
    size_t used = 0;

    if (n > CLI_HEX_LINE)
        n = CLI_HEX_LINE;
    for (size_t i = 0; i < n; i++) {
        hex[used++] = ' ';
        hex[used++] = digit[bytes[i] >> 4];
        hex[used++] = digit[bytes[i] & 15];
    }
    hex[used] = '\0';
    if (n)
        fprintf(t->out, "  0x%08" PRIx64 " %-*s", offset, (int)(3 * CLI_HEX_LINE), hex);
    else
        fprintf(t->out, "  %10s %-*s", "", (int)(3 * CLI_HEX_LINE), "");
}

/* Foreign text in pieces; escaping makes four bytes of one at most. */
void cli_put_escaped(const struct cli_term *t, const char *text, size_t n)
{
    char out[4 * 1024 + 1];

    while (n) {
        size_t part = n < 1024 ? n : 1024;

        /* Do not cut a character in two. */
        while (part < n && part > 1020 && ((unsigned char)text[part] & 0xc0) == 0x80)
            part--;
        fputs(xsi_escape(out, sizeof(out), text, part), t->out);
        text += part;
        n -= part;
    }
}

void cli_hex_text(const struct cli_term *t, const uint8_t *bytes, size_t n)
{
    char text[CLI_HEX_LINE + 1];

    for (size_t i = 0; i < n; i++)
        text[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.';
    text[n] = '\0';
    fprintf(t->out, "  %s\n", text);
}

char *cli_value(char *out, size_t size, const struct xsi_value *v)
{
    switch (v->kind) {
    case XSI_SINT:
        snprintf(out, size, "%" PRId64, (int64_t)v->number);
        break;
    case XSI_HEX:
    case XSI_PFN:
        snprintf(out, size, "0x%" PRIx64, v->number);
        break;
    case XSI_BOOL:
        snprintf(out, size, "%s", v->number ? "yes" : "no");
        break;
    case XSI_ENUM:
        if (v->text)
            snprintf(out, size, "%s (%" PRIu64 ")", v->text, v->number);
        else
            snprintf(out, size, "%" PRIu64 " (not known)", v->number);
        break;
    case XSI_FLAGS:
        snprintf(out, size, "0x%" PRIx64 "%s%s", v->number, v->text && *v->text ? " " : "",
                 v->text ? v->text : "");
        break;
    default:
        snprintf(out, size, "%" PRIu64, v->number);
        break;
    }
    if (v->unit) {
        size_t used = strlen(out);

        snprintf(out + used, size - used, " %s", v->unit);
    }
    return out;
}
