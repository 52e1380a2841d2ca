/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages that a line is nearest to, by the words that they share. */
#include <ctype.h>
#include <strings.h>

#include "message.h"

#define WORDS_MAX  64
#define WORD_LEAST 4
#define NEAR_MAX   8

struct a_word {
    const char *at;
    size_t length;
};

/* The next word (letters only) of [*p, end); false when there is none. */
static bool next_word(const char **p, const char *end, struct a_word *w)
{
    do {
        while (*p < end && !isalpha((unsigned char)**p))
            ++*p;
        w->at = *p;
        while (*p < end && (isalpha((unsigned char)**p) || **p == '_'))
            ++*p;
        w->length = (size_t)(*p - w->at);
    } while (w->length && w->length < WORD_LEAST);
    return w->length > 0;
}

static bool holds(const struct a_word *words, size_t count, const struct a_word *w)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].length == w->length && !strncasecmp(words[i].at, w->at, w->length))
            return true;
    return false;
}

/* Letters of a format's words that the line has too, against all of its letters. */
static unsigned likeness(const char *format, const struct a_word *words, size_t count)
{
    const char *end = format + strlen(format);
    unsigned common = 0, all = 0;
    struct a_word w;

    while (next_word(&format, end, &w)) {
        all += (unsigned)w.length;
        common += holds(words, count, &w) ? (unsigned)w.length : 0;
    }
    return common ? common * 4 + common * 100 / (all + 8) : 0;
}

size_t xsi_messages_nearest(const char *line, size_t length, size_t max,
                            const struct xsi_message **out)
{
    const char *p = line, *end = line + (length < XSI_MESSAGE_LINE ? length : XSI_MESSAGE_LINE);
    struct a_word words[WORDS_MAX];
    unsigned score[NEAR_MAX] = { 0 };
    const struct xsi_message *m, *about[NEAR_MAX] = { NULL };
    size_t count = 0, n = 0;

    max = max < NEAR_MAX ? max : NEAR_MAX;
    while (count < WORDS_MAX && next_word(&p, end, &words[count]))
        count++;
    for (size_t i = 0; (m = xsi_message_at(i)); i++) {
        unsigned like = likeness(m->text, words, count);
        const struct xsi_message *first = NULL;
        size_t at = n;

        if (!like || (n == max && like <= score[n - 1]))
            continue;
        first = xsi_message_about(m);
        for (size_t k = 0; k < n; k++)
            if (about[k] == first)
                first = NULL; /* another wording is there already */
        if (!first)
            continue;
        n += n < max;
        while (at > 0 && like > score[at - 1])
            at--;
        for (size_t k = n - 1; k > at; k--) {
            score[k] = score[k - 1];
            out[k] = out[k - 1];
            about[k] = about[k - 1];
        }
        score[at] = like;
        out[at] = m;
        about[at] = first;
    }
    return n;
}
