/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages of all formats, and finding the ones behind a log line. Each wording is filed under
 * four characters of its text that few others have; a line's own runs of four then name the
 * wordings that are worth fitting.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "../dissect/internal.h"
#include "message.h"

#define GRAM        4
#define BUCKETS     4096U
#define NONE        UINT32_MAX
#define GRAM_FROM   100      /* grams are taken from so much of the format's beginning */
#define BACK_MAX    200      /* how far before its gram a text may begin */
#define WORK_MAX    2000000U /* steps that one line may cost */
#define WORK_EACH   20000U   /* ... and one wording of it */
#define TIGHT_LEAST 4        /* characters that a text must have when its ends are marked */
#define LOOSE_LEAST 16       /* ... when it stands in the middle of other words */
#define COVER_MAX   512

const struct xsi_message *xsi_message_at(size_t index)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_message *m = format->messages; m && m->text; m++)
            if (index-- == 0)
                return m;
    return NULL;
}

static const struct xsi_message *first_of(const struct xsi_message *table,
                                          const struct xsi_message *m)
{
    while (table < m && table->id != m->id)
        table++;
    return table;
}

const struct xsi_message *xsi_message_about(const struct xsi_message *m)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_message *row = format->messages; row && row->text; row++)
            if (row == m)
                return first_of(format->messages, m);
    return m;
}

/* ---- the index ---- */

struct wording {
    const struct xsi_message *message, *about;
    uint32_t gram, next;
};

struct xsi_messages {
    size_t count;
    struct wording *wordings;
    uint32_t bucket[BUCKETS];
};

static uint32_t gram_at(const char *p)
{
    return xsi_le32(p);
}

static uint32_t bucket_of(uint32_t gram)
{
    return (gram * 2654435761U) >> 20; /* the upper 12 bits: BUCKETS */
}

/* Call fn for each run of four characters near the beginning of a format's text. */
static void each_gram(const char *format, void (*fn)(uint32_t gram, void *arg), void *arg)
{
    struct xsi_pieces p;

    xsi_message_split(format, &p);
    for (size_t i = 0; i < p.count; i++) {
        const struct xsi_piece *piece = &p.piece[i];

        if (piece->kind || piece->at - format > GRAM_FROM)
            continue;
        for (size_t k = 0; k + GRAM <= piece->length && k < GRAM_FROM; k++)
            /* a lone N is not a character of the line */
            if (!memchr(piece->at + k, 'N', GRAM) && !memchr(piece->at + k, '\n', GRAM))
                fn(gram_at(piece->at + k), arg);
    }
}

static void count_gram(uint32_t gram, void *arg)
{
    uint32_t *counts = arg;

    counts[bucket_of(gram)]++;
}

struct rarest {
    const uint32_t *counts;
    uint32_t gram, count;
};

static void take_rarest(uint32_t gram, void *arg)
{
    struct rarest *r = arg;

    if (r->counts[bucket_of(gram)] < r->count) {
        r->count = r->counts[bucket_of(gram)];
        r->gram = gram;
    }
}

static void file_wordings(struct xsi_messages *x, const uint32_t *counts)
{
    const struct xsi_format *format;
    size_t n = 0;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_message *m = format->messages; m && m->text; m++) {
            struct rarest r = { counts, 0, UINT32_MAX };
            struct wording *w = &x->wordings[n];

            each_gram(m->text, take_rarest, &r);
            *w = (struct wording){ m, first_of(format->messages, m), r.gram, NONE };
            if (r.count == UINT32_MAX)
                continue; /* less than four characters: not to be told apart */
            w->next = x->bucket[bucket_of(r.gram)];
            x->bucket[bucket_of(r.gram)] = (uint32_t)n++;
        }
    x->count = n;
}

struct xsi_messages *xsi_messages_new(void)
{
    struct xsi_messages *x = calloc(1, sizeof(*x));
    uint32_t *counts = calloc(BUCKETS, sizeof(*counts));
    const struct xsi_message *m;
    size_t n = 0;

    while (xsi_message_at(n))
        n++;
    if (x)
        x->wordings = calloc(n + 1, sizeof(*x->wordings));
    if (!x || !counts || !x->wordings) {
        xsi_messages_free(x);
        free(counts);
        return NULL;
    }
    memset(x->bucket, 0xff, sizeof(x->bucket));
    for (size_t i = 0; (m = xsi_message_at(i)); i++)
        each_gram(m->text, count_gram, counts);
    file_wordings(x, counts);
    free(counts);
    return x;
}

void xsi_messages_free(struct xsi_messages *x)
{
    if (x)
        free(x->wordings);
    free(x);
}

/* ---- what surrounds a text in a line ---- */

/* Does something in front of `at` mark the beginning of a text: nothing, punctuation, a time
 * stamp, a level? */
static bool marked_start(const char *line, size_t at)
{
    static const char *const levels[] = { "ERROR", "INFO",  "DEBUG", "WARNING", "WARN",    "error",
                                          "info",  "debug", "warn",  "warning", "critical" };
    size_t end = at, from;

    while (end && (line[end - 1] == ' ' || line[end - 1] == '\t'))
        end--;
    if (!end || strchr(":;,.()[]{}<>|\"'`=-!", line[end - 1]))
        return true;
    if (end == at)
        return false; /* in the middle of a word */
    for (from = end; from && line[from - 1] != ' ' && line[from - 1] != '\t'; from--)
        if (isdigit((unsigned char)line[from - 1]))
            return true;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (strlen(levels[i]) == end - from && !strncmp(levels[i], line + from, end - from))
            return true;
    return false;
}

static bool marked_end(const char *line, size_t n, size_t end)
{
    while (end < n && (line[end] == ' ' || line[end] == '\t' || line[end] == '\r'))
        end++;
    return end == n || !(isalnum((unsigned char)line[end]) || (line[end] & 0x80));
}

static bool find_in(const char *line, size_t n, const char *what)
{
    return memmem(line, n, what, strlen(what)) != NULL;
}

/* " (90 = Message too long)" behind a text. */
static void take_errno(const char *line, size_t n, struct xsi_message_hit *hit)
{
    size_t at = hit->at + hit->length, digits;
    bool negative = false;
    long value = 0;

    while (at < n && line[at] == ' ')
        at++;
    if (at == n || line[at++] != '(')
        return;
    if (at < n && line[at] == '-') {
        negative = true;
        at++;
    }
    for (digits = 0; at < n && isdigit((unsigned char)line[at]) && digits < 6; at++, digits++)
        value = value * 10 + (line[at] - '0');
    if (!digits || at + 3 > n || memcmp(line + at, " = ", 3) != 0)
        return;
    hit->has_errno = true;
    hit->error = (int)(negative ? -value : value);
}

/* The form of libxc's lines changed with 4.1 (tools/libxc/xc_private.c): narrow the releases by it.
 * False when none is left. */
static bool narrow(const char *line, size_t n, struct xsi_message_hit *hit)
{
    enum { NEW_FORM = 40100 };
    size_t end = hit->at + hit->length;

    hit->from = hit->message->from;
    hit->to = hit->message->to;
    if (strcmp(hit->message->who, "libxc") != 0)
        return true;
    if (find_in(line, hit->at, "xc: ") || find_in(line + end, n - end, ": Internal error") ||
        (hit->has_errno && hit->message->kind == XSI_MSG_ERRNO)) {
        if (hit->from < NEW_FORM)
            hit->from = NEW_FORM;
    } else if (find_in(line, hit->at, "ERROR Internal error: ")) {
        if (!hit->to || hit->to >= NEW_FORM)
            hit->to = NEW_FORM - 1;
    }
    return !hit->to || hit->from <= hit->to;
}

/* Who spoke, by the prefix of the line. */
static bool speaker_fits(const char *line, const struct xsi_message_hit *hit)
{
    static const struct {
        const char *prefix, *who;
    } rows[] = {
        { "libxl:", "libxl" },   { "xc:", "libxc" },    { "(XEN)", "xen" },
        { "qemu", "qemu" },      { "Xend", "xend" },    { "libvirt", "libvirt" },
        { "xenguest", "libxc" }, { "xenopsd", "xapi" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(rows[i].who, hit->message->who) && find_in(line, hit->at, rows[i].prefix))
            return true;
    return false;
}

/* ---- finding ---- */

static unsigned text_weight(const char *format)
{
    struct xsi_pieces p;
    unsigned weight = 0;

    xsi_message_split(format, &p);
    for (size_t i = 0; i < p.count; i++) {
        weight += p.piece[i].prefixed ? 2 : 0; /* its 0x */
        for (size_t k = 0; !p.piece[i].kind && k < p.piece[i].length; k++)
            weight += p.piece[i].at[k] != ' ';
    }
    return weight;
}

/* Judge a fit: 0 = not worth showing. Text whose ends are marked weighs double; among equals the
 * one that covers more of the line is better. */
static unsigned weigh(const char *line, size_t n, const struct xsi_message_hit *hit)
{
    unsigned text = text_weight(hit->message->text);
    bool tight = marked_start(line, hit->at) && marked_end(line, n, hit->at + hit->length);

    if (text < (tight ? TIGHT_LEAST : LOOSE_LEAST))
        return 0;
    return ((tight ? 4 : 2) * text + speaker_fits(line, hit)) * COVER_MAX +
           (unsigned)(hit->length < COVER_MAX ? hit->length : COVER_MAX - 1);
}

/* Fit one wording around a place where its gram stands. */
static bool fit(const struct wording *w, const char *line, size_t n, size_t gram, unsigned *work,
                struct xsi_message_hit *hit)
{
    unsigned each = *work < WORK_EACH ? *work : WORK_EACH;
    struct xsi_fit f = { .line = line, .n = n, .work = each };
    size_t least = gram > BACK_MAX ? gram - BACK_MAX : 0;
    bool found = false;
    struct xsi_pieces p;

    memset(hit, 0, sizeof(*hit));
    xsi_message_split(w->message->text, &p);
    for (size_t at = gram + 1; at-- > least && f.work && !found;)
        found = xsi_message_fits(&f, &p, at, hit) && hit->at + hit->length > gram;
    *work -= each - f.work;
    if (!found)
        return false;
    hit->message = w->message;
    hit->about = w->about;
    take_errno(line, n, hit);
    hit->weight = weigh(line, n, hit);
    return narrow(line, n, hit) && hit->weight > 0;
}

/* Best first; the wordings of one message together, by release. */
static bool before(const struct xsi_message_hit *a, const struct xsi_message_hit *b)
{
    if (a->weight != b->weight)
        return a->weight > b->weight;
    return a->about != b->about ? a->about < b->about : a->from < b->from;
}

size_t xsi_message_insert(struct xsi_message_hit *hits, size_t count, size_t max,
                          const struct xsi_message_hit *hit)
{
    size_t at = count;

    for (size_t i = 0; i < count; i++)
        if (hits[i].message == hit->message)
            return count;
    while (at > 0 && before(hit, &hits[at - 1]))
        at--;
    if (at >= max)
        return count;
    count += count < max;
    memmove(&hits[at + 1], &hits[at], (count - at - 1) * sizeof(*hits));
    hits[at] = *hit;
    return count;
}

size_t xsi_message_best(const struct xsi_message_hit *hits, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (hits[i].weight < hits[0].weight)
            return i;
    return count;
}

size_t xsi_messages_find(const struct xsi_messages *x, const char *line, size_t length, size_t max,
                         struct xsi_message_hit *hits)
{
    size_t n = length < XSI_MESSAGE_LINE ? length : XSI_MESSAGE_LINE, count = 0;
    unsigned work = WORK_MAX;
    struct xsi_message_hit hit;

    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' '))
        n--;
    for (size_t at = 0; at + GRAM <= n && work; at++) {
        uint32_t gram = gram_at(line + at);

        for (uint32_t i = x->bucket[bucket_of(gram)]; i != NONE; i = x->wordings[i].next)
            if (x->wordings[i].gram == gram && fit(&x->wordings[i], line, n, at, &work, &hit))
                count = xsi_message_insert(hits, count, max, &hit);
    }
    return xsi_message_best(hits, count);
}
