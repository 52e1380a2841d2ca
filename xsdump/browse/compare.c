/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two images side by side: the work, what the panels ask, and the keys. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "compare_work.h"

#define STEPS        32 /* rows, or blocks of them, in a slice, when they are short */
#define NAME_COLUMNS 24 /* of a file's name in a message */
#define SAID         4  /* bytes of each image in a message */

/* The image that is looked at: 0 or 1. */
static int here(const struct browse *b, const struct compare *cmp)
{
    return b->doc == cmp->side[1].doc;
}

void compare_free(struct compare *cmp)
{
    if (!cmp)
        return;
    for (int i = 0; i < 2; i++) {
        align_free(&cmp->side[i]);
        free(cmp->found[i].d);
    }
    free(cmp);
}

/* ---------------------------------------------------------------- the work ---- */

static bool slice(struct browse *b, void *data)
{
    struct compare *cmp = data;
    size_t work = 0;
    bool more = true;

    (void)b;
    for (int n = 0; more && n < STEPS && work < COMPARE_BLOCK; n++) {
        int rc = cmp->aligned ? ALIGN_OVER : align_step(cmp, &work);

        if (rc == ALIGN_WAITS)
            return true;
        cmp->aligned = rc == ALIGN_OVER;
        if (cmp->aligned)
            more = !cmp->failed && bytes_step(cmp, &work);
    }
    cmp->done = !more;
    return more;
}

static double progress(struct browse *b, void *data)
{
    const struct compare *cmp = data;
    const struct side *side = &cmp->side[0];
    uint64_t at = 0;

    (void)b;
    if (cmp->aligned && cmp->row < side->rows)
        at = side_row(side, cmp->row)->offset + cmp->row_done;
    return side->doc->size ? (double)at / (double)side->doc->size : 1;
}

static const struct job comparing = { .what = "comparing", .slice = slice, .progress = progress };

/* Begin, or go on with what was stopped. False: it cannot be. */
static bool start(struct browse *b)
{
    struct compare *cmp = compare_kept(b);

    if (!cmp) {
        cmp = calloc(1, sizeof(*cmp));
        if (!cmp || !compare_keep(b, cmp)) {
            free(cmp);
            return false;
        }
        cmp->side[b->swapped].doc = b->doc;
        cmp->side[!b->swapped].doc = b->other;
    }
    if (!cmp->done && !job_data(b, &comparing))
        job_start(b, &comparing, cmp);
    return true;
}

/* ---------------------------------------------------------------- differences ---- */

/* Is difference d in front of the place (at, other)? There may be several at one offset: rows that
 * only the other image has. */
static bool before(const struct apart *d, int i, uint64_t at, uint64_t other)
{
    return d->at[i] != at ? d->at[i] < at : d->at[!i] < other;
}

/* How many of them are in front of a place. */
static size_t count_before(const struct aparts *found, int i, uint64_t at, uint64_t other)
{
    size_t low = 0, high = found->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (before(&found->d[middle], i, at, other))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct difference seen_from(const struct apart *d, int i)
{
    return (struct difference){ d->at[i], d->length[i], d->at[!i], d->length[!i] };
}

/* The first difference at or behind a place. */
static const struct apart *at_or_behind(const struct compare *cmp, int i, uint64_t at,
                                        uint64_t other)
{
    const struct apart *best = NULL;

    for (int n = 0; n < 2; n++) {
        const struct aparts *found = &cmp->found[n];
        size_t first = count_before(found, i, at, other);

        if (first < found->count &&
            (!best || before(&found->d[first], i, best->at[i], best->at[!i])))
            best = &found->d[first];
    }
    return best;
}

/* The last difference in front of a place. */
static const struct apart *in_front(const struct compare *cmp, int i, uint64_t at, uint64_t other)
{
    const struct apart *best = NULL;

    for (int n = 0; n < 2; n++) {
        const struct aparts *found = &cmp->found[n];
        size_t count = count_before(found, i, at, other);

        if (count && (!best || !before(&found->d[count - 1], i, best->at[i], best->at[!i])))
            best = &found->d[count - 1];
    }
    return best;
}

bool compare_from(const struct browse *b, uint64_t offset, struct difference *out)
{
    const struct compare *cmp = compare_kept(b);
    const struct apart *d;
    int i;

    if (!cmp)
        return false;
    i = here(b, cmp);
    d = in_front(cmp, i, offset, 0);
    if (!d || offset - d->at[i] >= d->length[i])
        d = at_or_behind(cmp, i, offset, 0);
    if (d)
        *out = seen_from(d, i);
    return d != NULL;
}

/* ---------------------------------------------------------------- rows ---- */

/* Number of the row that holds a chunk; SIZE_MAX: it has not been aligned. */
static size_t row_number(const struct side *side, uint64_t offset)
{
    const struct xsi_map_row *row = xsi_index_at(side->doc->index, offset);
    size_t n = row ? (size_t)(row - side_row(side, 0)) : SIZE_MAX;

    return n < side->next ? n : SIZE_MAX;
}

/* Does a difference touch a chunk? Long rows only: short ones have no chunks in them. */
static bool touched(const struct aparts *found, int i, uint64_t offset, uint64_t length)
{
    size_t n = count_before(found, i, offset, 0);

    if (n < found->count && found->d[n].at[i] - offset < length)
        return true;
    return n && offset - found->d[n - 1].at[i] < found->d[n - 1].length[i];
}

/* A chunk of a run of batches, which is a row as a whole. */
static enum compared chunk_of_run(const struct compare *cmp, int i, size_t n,
                                  const struct xsi_map_row *chunk)
{
    size_t first = i ? cmp->side[1].mate[n] - 1 : n; /* the row of the first image */
    uint64_t begin = side_row(&cmp->side[i], n)->offset;

    if (touched(&cmp->found[1], i, chunk->offset, chunk->length))
        return COMPARED_DIFFERS;
    if (first < cmp->row ||
        (first == cmp->row && chunk->offset + chunk->length - begin <= cmp->row_done))
        return COMPARED_SAME;
    return COMPARED_NOT;
}

/* Does the other image have rows right in front of this one that have no counterpart? */
static bool behind_missing(const struct compare *cmp, int i, const struct xsi_map_row *row)
{
    const struct aparts *found = &cmp->found[0];
    size_t n = count_before(found, i, row->offset, 0);
    const struct xsi_map_row *missing;

    if (n == found->count || found->d[n].at[i] != row->offset || found->d[n].length[i])
        return false;
    /* not the end of a row that is longer there */
    missing = xsi_index_at(cmp->side[!i].doc->index, found->d[n].at[!i]);
    return missing && missing->offset == found->d[n].at[!i];
}

static enum compared state_of(const struct compare *cmp, int i, const struct xsi_map_row *row)
{
    const struct side *side = &cmp->side[i];
    size_t n = row_number(side, row->offset);

    if (n == SIZE_MAX)
        return COMPARED_NOT;
    if (side->state[n] != COMPARED_ONLY && row->length < side_row(side, n)->length)
        return chunk_of_run(cmp, i, n, row);
    if (side->state[n] == COMPARED_SAME && behind_missing(cmp, i, row))
        return COMPARED_BEHIND;
    return (enum compared)side->state[n];
}

enum compared compare_row(const struct browse *b, const struct xsi_map_row *row)
{
    const struct compare *cmp = compare_kept(b);

    return cmp ? state_of(cmp, here(b, cmp), row) : COMPARED_NOT;
}

enum compared compare_other(const struct browse *b, const struct xsi_map_row *row)
{
    const struct compare *cmp = compare_kept(b);

    return cmp ? state_of(cmp, !here(b, cmp), row) : COMPARED_NOT;
}

static const struct xsi_map_row *mate_of(const struct compare *cmp, int i, uint64_t offset)
{
    size_t n = row_number(&cmp->side[i], offset);

    if (n == SIZE_MAX || !cmp->side[i].mate[n])
        return NULL;
    return side_row(&cmp->side[!i], cmp->side[i].mate[n] - 1);
}

const struct xsi_map_row *compare_mate(const struct browse *b, const struct xsi_map_row *row)
{
    const struct compare *cmp = compare_kept(b);

    return cmp ? mate_of(cmp, here(b, cmp), row->offset) : NULL;
}

const struct xsi_map_row *compare_mate_of_other(const struct browse *b,
                                                const struct xsi_map_row *row)
{
    const struct compare *cmp = compare_kept(b);

    return cmp ? mate_of(cmp, !here(b, cmp), row->offset) : NULL;
}

/* Nobody has moved since a difference was shown. */
static bool is_shown(const struct browse *b, const struct compare *cmp)
{
    return cmp->shown_in == b->doc && b->at == cmp->shown_at;
}

bool compare_shown(const struct browse *b, struct difference *out)
{
    const struct compare *cmp = compare_kept(b);

    if (!cmp || !is_shown(b, cmp))
        return false;
    *out = cmp->shown;
    return true;
}

uint64_t compare_place(const struct browse *b, uint64_t offset)
{
    const struct compare *cmp = compare_kept(b);
    const struct xsi_map_row *row = doc_row(b->doc, offset), *mate;
    struct difference d;

    if (compare_shown(b, &d) && offset == b->at)
        return d.other_at;
    mate = cmp && row ? mate_of(cmp, here(b, cmp), offset) : NULL;
    if (mate) {
        uint64_t inside = offset - row->offset;

        return mate->offset + (inside < mate->length ? inside
                               : mate->length        ? mate->length - 1
                                                     : 0);
    }
    if (compare_from(b, offset, &d) && offset >= d.at && offset - d.at < d.length)
        return d.other_at; /* a row that only this one has: where it would be */
    return offset;
}

/* ---------------------------------------------------------------- keys ---- */

static bool two_images(struct browse *b)
{
    if (b->other && start(b))
        return true;
    browse_say(b, ROLE_WARNING, "%s",
               b->other ? "out of memory for the comparison; free some and try again"
                        : "only one image is open; to compare two: xsdump -i ONE OTHER");
    return false;
}

void key_compare(struct browse *b)
{
    if (b->view == VIEW_COMPARE)
        browse_view(b, VIEW_CHUNKS);
    else if (two_images(b))
        browse_view(b, VIEW_COMPARE);
}

void compare_name(const struct doc *doc, size_t columns, char *out, size_t size)
{
    char name[400];
    size_t fits;

    doc_name(doc, name, sizeof(name));
    fits = cli_fit(name, columns);
    if (name[fits])
        fits = cli_fit(name, columns > 2 ? columns - 2 : 0);
    snprintf(out, size, "%.*s%s", (int)fits, name, name[fits] ? ".." : "");
}

/* Where a thing is that only one image has: the file by name, if names tell them apart. */
static void only_where(const struct browse *b, const struct doc *doc, char *out, size_t size)
{
    char name[2][NAME_COLUMNS * 4 + 1];

    compare_name(b->doc, NAME_COLUMNS, name[0], sizeof(name[0]));
    compare_name(b->other, NAME_COLUMNS, name[1], sizeof(name[1]));
    if (strcmp(name[0], name[1]) == 0)
        snprintf(out, size, "%s", doc == b->doc ? "here" : "there");
    else
        snprintf(out, size, "in %s", name[doc == b->other]);
}

/* What only one image has: a row, or the end of a longer one. */
static void say_only(struct browse *b, const char *count, const struct doc *doc, uint64_t at,
                     uint64_t length)
{
    const struct xsi_map_row *row = doc_row(doc, at);
    bool whole = row && row->offset == at;
    char where[NAME_COLUMNS * 4 + 8];

    only_where(b, doc, where, sizeof(where));
    browse_say(b, ROLE_WARNING, "%s%s only %s (%s): %" PRIu64 " byte%s at 0x%" PRIx64,
               whole ? "" : "end of ", row ? row->type : "?", where, count, length,
               length > 1 ? "s" : "", at);
}

/* The first bytes of a difference. */
static void first_bytes(struct doc *doc, uint64_t at, uint64_t length, char *out, size_t size)
{
    uint8_t bytes[SAID];
    bool bad;
    size_t n = doc_read(doc, at, bytes, length < SAID ? (size_t)length : SAID, &bad);

    snprintf(out, size, "%s", n ? "" : "unreadable");
    for (size_t i = 0; i < n; i++)
        text_add(out, size, "%s%02x", i ? " " : "", bytes[i]);
    if (n && n < length)
        text_add(out, size, " ..");
}

/* The same place in both, with other bytes. */
static void say_bytes(struct browse *b, const char *count, const struct difference *d)
{
    const struct xsi_map_row *row = doc_row(b->doc, d->at);
    char mine[40], there[40], other[40] = "";

    first_bytes(b->doc, d->at, d->length, mine, sizeof(mine));
    first_bytes(b->other, d->other_at, d->other_length, there, sizeof(there));
    if (d->other_at != d->at)
        snprintf(other, sizeof(other), ", there at 0x%" PRIx64, d->other_at);
    browse_say(b, ROLE_WARNING,
               "%s: %s here, %s there (%s): %s%" PRIu64 " byte%s at 0x%" PRIx64 "%s",
               row ? row->type : "?", mine, there, count, d->length > 1 ? "within " : "", d->length,
               d->length > 1 ? "s" : "", d->at, other);
}

/* What differs there, in the bottom line: first what it is, for a narrow screen cuts the rest. */
static void say(struct browse *b, const struct compare *cmp, const struct difference *d)
{
    size_t all = cmp->found[0].count + cmp->found[1].count, nth = 1;
    char count[80];

    for (int n = 0; n < 2; n++)
        nth += count_before(&cmp->found[n], here(b, cmp), d->at, d->other_at);
    snprintf(count, sizeof(count), "%zu of %zu%s", nth, all,
             cmp->done && !cmp->found[0].full && !cmp->found[1].full ? "" : " so far");
    if (!d->length)
        say_only(b, count, b->other, d->other_at, d->other_length);
    else if (!d->other_length)
        say_only(b, count, b->doc, d->at, d->length);
    else
        say_bytes(b, count, d);
}

static void go(struct browse *b, struct compare *cmp, const struct apart *found)
{
    struct difference d = seen_from(found, here(b, cmp));

    browse_goto(b, d.at, true);
    cmp->shown = d;
    cmp->shown_in = b->doc;
    cmp->shown_at = b->at;
    say(b, cmp, &d);
}

/* The place to go on from: the difference that was shown last, if nobody has moved since; else the
 * current one. */
static struct difference from_here(const struct browse *b, const struct compare *cmp)
{
    if (is_shown(b, cmp))
        return (struct difference){ .at = cmp->shown.at, .other_at = cmp->shown.other_at };
    return (struct difference){ .at = b->at };
}

void key_next_difference(struct browse *b)
{
    struct compare *cmp = compare_kept(b);
    const struct apart *d;
    struct difference from;

    if (!cmp)
        return;
    from = from_here(b, cmp);
    d = at_or_behind(cmp, here(b, cmp), from.at, from.other_at + is_shown(b, cmp));
    if (d)
        go(b, cmp, d);
    else
        browse_say(b, ROLE_INFO, "no further difference%s%s", cmp->done ? "" : " so far",
                   cmp->found[0].full || cmp->found[1].full ? "; more of them are not kept" : "");
}

void key_last_difference(struct browse *b)
{
    struct compare *cmp = compare_kept(b);
    const struct apart *d;
    struct difference from;

    if (!cmp)
        return;
    from = from_here(b, cmp);
    d = in_front(cmp, here(b, cmp), from.at, from.other_at);
    if (d)
        go(b, cmp, d);
    else
        browse_say(b, ROLE_INFO, "no difference before this one%s", cmp->done ? "" : " so far");
}

char compare_mark(enum compared how, enum role *role)
{
    static const struct {
        char mark;
        enum role role;
    } marks[] = {
        [COMPARED_NOT] = { ' ', ROLE_DIM },        [COMPARED_SAME] = { '=', ROLE_DIM },
        [COMPARED_BEHIND] = { '^', ROLE_WARNING }, [COMPARED_DIFFERS] = { '#', ROLE_WARNING },
        [COMPARED_ONLY] = { '+', ROLE_WARNING },
    };

    *role = marks[how].role;
    return marks[how].mark;
}

void key_swap(struct browse *b)
{
    struct doc *doc = b->doc;
    uint64_t place, before;

    if (!two_images(b))
        return;
    place = compare_place(b, b->at);
    before = compare_place(b, b->before);
    b->doc = b->other;
    b->other = doc;
    b->swapped = !b->swapped;
    b->look.valid = false;
    browse_goto(b, place, false);
    b->before = before;
    browse_say(b, ROLE_INFO, "now in %s", b->doc->im.file);
}
