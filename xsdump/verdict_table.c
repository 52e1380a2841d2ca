/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --target all: one line per reader. Neighbours in time with an equal outcome share a line, each
 * variant in a sequence of its own, so that an ordinary image needs less than a screen.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "xsdump.h"

#define LINES_MAX 18 /* more than these, and reasons that differ fold too */
#define OUTCOME   9  /* columns of "undefined" */
#define RC        7  /* columns of "SIGSEGV" */

/* Verdicts of consecutive readers of one variant. */
struct line {
    const struct xsi_verdict *first, *second, *last;
    size_t count;
};

/* Equal texts, apart from each naming its own reader. */
static bool same_words(const struct xsi_verdict *a, const struct xsi_verdict *b)
{
    size_t na = strlen(a->reader.name), nb = strlen(b->reader.name);
    const char *p = a->reason, *q = b->reason;

    while (*p && *q) {
        if (strncmp(p, a->reader.name, na) == 0 && strncmp(q, b->reader.name, nb) == 0) {
            p += na;
            q += nb;
        } else if (*p++ != *q++) {
            return false;
        }
    }
    return *p == *q;
}

static bool same_end(const struct xsi_verdict *a, const struct xsi_verdict *b, bool exactly)
{
    char x[48], y[48];

    verdict_fate(a, true, x, sizeof(x));
    verdict_fate(b, true, y, sizeof(y));
    return a->outcome == b->outcome && strcmp(x, y) == 0 && (!exactly || same_words(a, b));
}

/* Fold what has this variant into lines behind those that there are. */
static size_t fold_variant(const struct image *im, unsigned variant, bool exactly,
                           struct line *lines, size_t from)
{
    const struct xsi_verdict *v;
    size_t n = from;

    for (size_t i = 0; (v = judged_verdict(im, i)); i++) {
        if (v->reader.variant != variant)
            continue;
        if (n > from && same_end(lines[n - 1].last, v, exactly)) {
            lines[n - 1].second = lines[n - 1].count == 1 ? v : lines[n - 1].second;
            lines[n - 1].last = v;
            lines[n - 1].count++;
            continue;
        }
        lines[n++] = (struct line){ v, NULL, v, 1 };
    }
    return n;
}

static size_t fold(const struct image *im, bool exactly, struct line *lines)
{
    const unsigned all = XSI_READER_32 | XSI_READER_XAPI | XSI_READER_REMUS | XSI_READER_LIBXC;
    size_t n = 0;

    for (unsigned variant = 0; variant <= all; variant++)
        n = fold_variant(im, variant, exactly, lines, n);
    return n;
}

/* "xen-4.5", "xen-4.3.4/remus, xen-4.4/remus", "xen-4.2 … xen-4.3.1". Returns its columns: only
 * the dots take more bytes than that. */
static int label(const struct line *l, char *out, size_t size)
{
    if (l->count == 1)
        return snprintf(out, size, "%s", l->first->reader.name);
    if (l->count == 2)
        return snprintf(out, size, "%s, %s", l->first->reader.name, l->second->reader.name);
    return snprintf(out, size, "%s \u2026 %s", l->first->reader.name, l->last->reader.name) - 2;
}

/* Why, or what it takes, in few words; the return code has a column of its own. */
static void why(const struct xsi_verdict *v, char *out, size_t size)
{
    const char *reason = v->reason;
    char code[32];
    int n = snprintf(code, sizeof(code), "returns %" PRId64 ": ", v->rc);

    *out = '\0';
    if (strncmp(reason, code, (size_t)n) == 0)
        reason += n;
    if (*reason)
        snprintf(out, size, "%s", reason);
    else if (v->condition_count)
        snprintf(out, size, "needs %s", v->conditions[0]);
    else if (*v->loses)
        snprintf(out, size, "lost: %s", v->loses);
    else if (v->error_count)
        (void)xsi_escape(out, size, v->errors[0], strlen(v->errors[0]));
}

static void put_line(const struct cli_term *t, const struct line *l, int width)
{
    const struct xsi_verdict *v = l->first;
    int taken = width + 2 + OUTCOME + 2 + RC + 2, n;
    char name[96], rc[48], text[500];
    size_t room = sizeof(text);

    n = label(l, name, sizeof(name));
    verdict_fate(v, true, rc, sizeof(rc));
    why(v, text, sizeof(text));
    if (t->width)
        room = (int)t->width > taken ? cli_fit(text, t->width - (size_t)taken) : 0;
    while (room && room < strlen(text) && text[room - 1] == ' ')
        room--;
    fprintf(t->out, "%s%*s  %s%-*s%s  %-*s  %.*s\n", name, width - n, "",
            cli_colour(t, cli_outcome_colour(v->outcome)), OUTCOME, cli_outcome(v->outcome),
            cli_colour(t, CLI_PLAIN), RC, rc, (int)room, text);
}

/* ---------------------------------------------------------------- what helps ---- */

/* Place of a reader among the targets, for distances. */
static size_t place_of(const struct image *im, const char *name)
{
    const struct xsi_verdict *v;
    size_t i = 0;

    while ((v = judged_verdict(im, i)) && strcmp(v->reader.name, name) != 0)
        i++;
    return i;
}

/* Releases between two verdicts of the list, which is in their order. */
static size_t releases_between(const struct image *im, size_t a, size_t b)
{
    size_t n = 0, from = a < b ? a : b, to = a < b ? b : a;

    for (size_t i = from; i < to; i++)
        n += judged_verdict(im, i)->reader.release != judged_verdict(im, i + 1)->reader.release;
    return n;
}

/* The nearest to the default that restores the image; of two the one of the same variant. */
static const struct xsi_verdict *nearest(const struct image *im, size_t home)
{
    const struct xsi_verdict *v, *best = NULL, *own = judged_verdict(im, home);
    size_t least = 0;

    for (size_t i = 0; (v = judged_verdict(im, i)); i++) {
        size_t far;

        if (v->outcome != XSI_RESTORES)
            continue;
        far = 2 * releases_between(im, i, home) + (v->reader.variant != own->reader.variant);
        if (best && far >= least)
            continue;
        best = v;
        least = far;
    }
    return best;
}

static void put_summary(const struct cli_term *t, const struct image *im)
{
    const char *name = judged_default(im);
    size_t home = name ? place_of(im, name) : 0;
    const struct xsi_verdict *own, *near;
    char words[80], text[800];

    if (!judged_verdict(im, home))
        home = 0;
    own = judged_verdict(im, home);
    if (!own)
        return;
    near = nearest(im, home);
    verdict_default_words(im, words, sizeof(words));
    if (near == own)
        snprintf(text, sizeof(text), "restores on %s, %s", own->reader.name, words);
    else if (near)
        snprintf(text, sizeof(text), "%s on %s, %s; the nearest reader that restores it is %s",
                 cli_outcome(own->outcome), own->reader.name, words, near->reader.name);
    else
        snprintf(text, sizeof(text), "%s on %s, %s; no reader restores it",
                 cli_outcome(own->outcome), own->reader.name, words);
    fprintf(t->out, "%sVERDICT%s  ", cli_colour(t, cli_outcome_colour(own->outcome)),
            cli_colour(t, CLI_PLAIN));
    cli_wrap(t, 9, 9, text);
    if (own->outcome != XSI_RESTORES)
        verdict_fix(t, im, own);
}

void verdict_table_print(const struct cli_term *t, const struct image *im)
{
    struct line *lines;
    size_t count = 0, n;
    char name[96];
    int width = (int)strlen("READER(S)");

    while (judged_verdict(im, count))
        count++;
    lines = count ? calloc(count, sizeof(*lines)) : NULL;
    if (!lines)
        return;
    n = fold(im, true, lines);
    if (n > LINES_MAX)
        n = fold(im, false, lines);
    for (size_t i = 0; i < n; i++) {
        int columns = label(&lines[i], name, sizeof(name));

        width = columns > width ? columns : width;
    }
    fprintf(t->out, "%s%-*s  %-*s  %-*s  WHY%s\n", cli_colour(t, CLI_BOLD), width, "READER(S)",
            OUTCOME, "OUTCOME", RC, "RC", cli_colour(t, CLI_PLAIN));
    for (size_t i = 0; i < n; i++)
        put_line(t, &lines[i], width);
    free(lines);
    put_summary(t, im);
}
