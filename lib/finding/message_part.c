/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines that hold only part of a message: cut by a log, a terminal or a screenshot, or quoted by
 * hand with "..." for what was left out. Every wording is tried from each of its words on, at each
 * place of the line where a text may begin.
 */
#include <ctype.h>

#include "../dissect/internal.h"
#include "message.h"

#define STARTS_MAX   24       /* places in the line */
#define SEGMENTS_MAX 6        /* texts between two "..." */
#define LEAST        6        /* characters of the message that must be there, */
#define LEAST_WORD   10       /* ... of a line that is a single word, */
#define LEAST_INSIDE 14       /* ... when other words stand in front of it */
#define WORK_MAX     6000000U /* steps that one line may cost */
#define DOTS         "\xe2\x80\xa6"

struct segment {
    const char *at;
    size_t n;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Bytes of an ellipsis at p. */
static size_t dots(const char *p, size_t n)
{
    if (n >= 3 && (!memcmp(p, DOTS, 3) || !memcmp(p, "...", 3)))
        return 3;
    return 0;
}

/* Cut a line at its ellipses; "0x..." and "(...)" are left out as a whole. */
static size_t segments_of(const char *line, size_t n, struct segment *out)
{
    size_t count = 0, from = 0, at = 0;

    while (count < SEGMENTS_MAX && from < n) {
        size_t end, next;

        while (at < n && !dots(line + at, n - at))
            at++;
        next = at + (at < n ? 3 : 0);
        while (next < n && (line[next] == '.' || line[next] == ')' || line[next] == ','))
            next++;
        end = at;
        if (end < n && end >= from + 2 && !memcmp(line + end - 2, "0x", 2))
            end -= 2;
        if (end < n && end > from && line[end - 1] == '(')
            end--;
        while (from < end && blank(line[from]))
            from++;
        while (end > from && blank(line[end - 1]))
            end--;
        /* not what is left of a number, or of an errno in parentheses */
        if (end > from + 2 && !(line[from] == '(' && isdigit((unsigned char)line[from + 1])))
            out[count++] = (struct segment){ line + from, end - from };
        from = at = next;
    }
    return count;
}

/* Where a text may begin: at the start, and behind ": ", brackets and quotes (*marked of these);
 * then at each word. */
static size_t starts_of(const struct segment *s, size_t *starts, size_t *marked_count)
{
    size_t count = 1;

    starts[0] = 0;
    for (int words = 0; words < 2; words++) {
        *marked_count = words ? *marked_count : 1;
        for (size_t i = 1; i < s->n && count < STARTS_MAX; i++) {
            bool marked = s->at[i - 1] == '"' ||
                          (i >= 2 && blank(s->at[i - 1]) && strchr(":])", s->at[i - 2]) != NULL);

            if (words ? !marked && blank(s->at[i - 1]) && !blank(s->at[i]) : marked)
                starts[count++] = i;
        }
        *marked_count = words ? *marked_count : count;
    }
    return count;
}

/* Does a word begin at this character of a piece? */
static bool word_start(const struct xsi_piece *p, size_t i)
{
    return !blank(p->at[i]) && (!i || blank(p->at[i - 1]) || p->at[i - 1] == '(');
}

/* The best way in which a segment from `at` on is part of a wording. */
static void part_of(struct xsi_fit *f, const struct xsi_pieces *p, size_t at,
                    struct xsi_message_hit *best)
{
    for (f->piece = 0; f->piece < p->count; f->piece++) {
        const struct xsi_piece *piece = &p->piece[f->piece];

        for (f->offset = 0; !piece->kind && f->offset < piece->length; f->offset++) {
            struct xsi_message_hit hit = { .part = true };

            if (piece->at[f->offset] != f->line[at] || !word_start(piece, f->offset) || !f->work)
                continue;
            /* what follows must not be words of their own */
            if (xsi_message_fits(f, p, at, &hit) &&
                (f->ended || hit.at + hit.length == f->n ||
                 !(blank(f->line[hit.at + hit.length]) ||
                   isalnum((unsigned char)f->line[hit.at + hit.length]))) &&
                f->matched > best->weight) {
                *best = hit;
                best->weight = f->matched;
            }
        }
    }
}

/* Does a hit begin at none of the marked starts? */
static bool inside(size_t at, const size_t *starts, size_t marked)
{
    for (size_t i = 0; i < marked; i++)
        if (starts[i] == at)
            return false;
    return true;
}

/* All segments are parts of the wording. */
static bool parts_of(const struct segment *segments, size_t count, const struct xsi_message *m,
                     unsigned *work, struct xsi_message_hit *hit)
{
    size_t starts[STARTS_MAX];
    unsigned weight = 0;
    struct xsi_pieces p;

    xsi_message_split(m->text, &p);
    for (size_t i = 0; i < count; i++) {
        struct xsi_fit f = { segments[i].at, segments[i].n, 0, 0, true, *work, 0, false };
        struct xsi_message_hit best = { .weight = 0 };
        size_t marked = 1, places = i ? 1 : starts_of(&segments[i], starts, &marked);

        for (size_t s = 0; s < places && (s < marked || !best.weight); s++)
            part_of(&f, &p, i ? 0 : starts[s], &best);
        if (!i && best.weight < LEAST_INSIDE && inside(best.at, starts, marked))
            return false;
        *work = f.work;
        if (!best.weight)
            return false;
        weight += best.weight;
        if (!i)
            *hit = best;
    }
    hit->weight = weight;
    return weight > 0;
}

size_t xsi_messages_parts(const char *line, size_t length, size_t max, struct xsi_message_hit *hits)
{
    size_t n = length < XSI_MESSAGE_LINE ? length : XSI_MESSAGE_LINE, count = 0, segments;
    const struct xsi_format *format;
    struct segment segment[SEGMENTS_MAX];
    unsigned work = WORK_MAX, least = memchr(line, ' ', n) ? LEAST : LEAST_WORD;
    struct xsi_message_hit hit;

    segments = segments_of(line, n, segment);
    for (size_t i = 0; segments && (format = xsi_format_at(i)); i++)
        for (const struct xsi_message *m = format->messages; m && m->text; m++) {
            if (!parts_of(segment, segments, m, &work, &hit) || hit.weight < least)
                continue;
            hit.at += (size_t)(segment[0].at - line);
            hit.message = m;
            hit.about = xsi_message_about(m);
            hit.from = m->from;
            hit.to = m->to;
            count = xsi_message_insert(hits, count, max, &hit);
        }
    return xsi_message_best(hits, count);
}
