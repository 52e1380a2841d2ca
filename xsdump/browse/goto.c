/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `:`: places as people name them. The debugger's `goto` takes the same, and a few less. */
#include <inttypes.h>
#include <string.h>

#include "actions.h"
#include "goto.h"
#include "search.h"

#define PLACE_LENGTH 128

/* ---------------------------------------------------------------- chunks by number ---- */

static bool chunk_at(struct browse *b, uint64_t number, uint64_t *offset)
{
    uint64_t chunks = xsi_index_chunks(b->doc->index);
    const struct xsi_chunk *chunk;
    struct xsi_error error = { 0, "" };
    struct xsi_walk *walk;

    if (number >= chunks) {
        browse_say(b, ROLE_ERROR, "no chunk #%" PRIu64 "%s; the last one is #%" PRIu64, number,
                   b->doc->walked ? "" : " yet", chunks ? chunks - 1 : 0);
        return false;
    }
    walk = xsi_index_open_number(b->doc->index, number, &chunk, &error);
    if (walk)
        *offset = chunk->offset;
    else
        browse_say(b, ROLE_ERROR, "chunk #%" PRIu64 " cannot be read: %s", number, error.text);
    xsi_walk_free(walk);
    return walk != NULL;
}

/* ---------------------------------------------------------------- places ---- */

/* "1a04b", as narrow screens show it; but C08 is a finding. */
static bool bare_hex(const char *text, uint64_t *offset)
{
    char hex[20];

    if (strlen(text) > 16 || text[strspn(text, "0123456789abcdefABCDEF")] ||
        xsi_finding_lookup(text))
        return false;
    snprintf(hex, sizeof(hex), "0x%s", text);
    return cli_number(hex, offset);
}

/* What has an offset at once: no names. *said: it is one, but not in this image. */
static bool base(struct browse *b, const char *text, uint64_t *offset, bool *said)
{
    uint64_t number;

    *said = false;
    if (*text == '@')
        text++;
    if (!*text || !strcmp(text, ".")) {
        *offset = b->at;
        return true;
    }
    if (!strcmp(text, "$")) {
        *offset = b->doc->size ? b->doc->size - 1 : 0;
        return true;
    }
    if (cli_number(text, offset) || bare_hex(text, offset))
        return true;
    if (*text != '#' || !cli_number(text + 1, &number))
        return false;
    *said = !chunk_at(b, number, offset);
    return !*said;
}

/* The sign of "PLACE+N"; a name has '-' within it, so what follows must be a number. */
static char *sign_of(char *text, uint64_t *number)
{
    char *at = text + strlen(text);

    while (--at >= text)
        if ((*at == '+' || *at == '-') && cli_number(at + 1, number))
            return at;
    return NULL;
}

/* What a search takes for a number: perhaps it is one out of a log. */
static bool can_be_number(const char *text)
{
    return !text[strspn(text, "0123456789")] || !strncmp(text, "0x", 2);
}

static void go(struct browse *b, const char *text, uint64_t offset, uint64_t more, bool minus)
{
    if (offset > b->doc->size || more > (minus ? offset : b->doc->size - offset)) {
        bool number = !more && can_be_number(text);

        browse_say(b, ROLE_ERROR, "%s is outside the image (0x%" PRIx64 " bytes)%s%s%s", text,
                   b->doc->size, number ? "; /" : "", number ? text : "",
                   number ? " finds the number" : "");
        return;
    }
    offset = minus ? offset - more : offset + more;
    browse_goto(b, offset, true);
    if (!browse_look(b)->valid)
        browse_say(b, ROLE_INFO, "0x%" PRIx64 ": %s", offset, browse_look(b)->why);
}

/* "pfn 0xfee", "pfn=0xfee", "pfn==0xfee". */
static bool frame(const char *text, uint64_t *pfn)
{
    if (strncasecmp(text, "pfn", 3) != 0)
        return false;
    return cli_number(text + 3 + strspn(text + 3, " \t=:"), pfn);
}

void goto_place(struct browse *b, const char *text)
{
    char copy[PLACE_LENGTH], *sign;
    uint64_t offset, more = 0;
    size_t n;
    bool said, minus = false;

    text += strspn(text, " \t:");
    n = strlen(text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    if (!n)
        return;
    snprintf(copy, sizeof(copy), "%.*s", n < PLACE_LENGTH ? (int)n : PLACE_LENGTH - 1, text);
    if (copy[0] == '\'' && copy[1] && !copy[2]) {
        goto_mark(b, copy[1]);
        return;
    }
    if (frame(copy, &offset)) {
        goto_pfn(b, offset);
        return;
    }
    if (base(b, copy, &offset, &said)) {
        go(b, copy, offset, 0, false);
        return;
    }
    sign = said || xsi_finding_lookup(copy) ? NULL : sign_of(copy, &more);
    if (sign) {
        minus = *sign == '-';
        *sign = '\0';
    }
    if (sign && base(b, copy, &offset, &said))
        go(b, text, offset, more, minus);
    else if (!said)
        search_name(b, copy, minus ? 0 - more : more);
}

void key_goto(struct browse *b)
{
    popup_ask(b, "go to (0x1b023, #17, END, L09, pfn 0xfee):", NULL, goto_place);
}
