/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search for the place where a lost layer goes on. Each open layer names byte strings (anchors)
 * and a range of 32-bit words that mark places worth a look, and judges such a place itself. The
 * search goes forward in slices of 1 MiB and takes the first place with a firm answer; so a pipe
 * gives the same result as a file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define ACCEPT       80          /* a confidence from which a place is taken */
#define WORTH_SAYING 20          /* with --scan: weaker places are said from here on */
#define OVERLAP      64          /* an anchor may lie across the border of two slices */
#define LOOK_BACK    256         /* how far before an anchor a place may lie */
#define TAIL         (16U << 20) /* the last stretch of a file is always searched */
#define MARKS_MAX    48

typedef uint8_t vec __attribute__((vector_size(16)));

/* Something to look for: two neighbouring bytes of an anchor, or the word range of a layer. */
struct mark {
    size_t layer;
    const struct xsi_anchor *anchor; /* NULL: the layer's word range */
    size_t pair;                     /* place of the two bytes in the anchor */
};

#define PAIRS 4 /* looked for at once; anchors that share a pair share its cost */
struct marks {
    struct mark row[MARKS_MAX];
    size_t count, pairs;
    vec first[PAIRS], second[PAIRS];
    bool words;
};

static vec load(const uint8_t *p)
{
    vec v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static vec all(char byte)
{
    uint8_t b = (uint8_t)byte;

    return (vec){ b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b };
}

/* The two bytes that an anchor is looked for by: not the commonest ones, if it has others. */
static size_t rare_pair(const struct xsi_anchor *a)
{
    for (size_t i = 0; i + 1 < a->length; i++)
        if (a->bytes[i] && a->bytes[i + 1] && a->bytes[i] != '\xff')
            return i;
    return 0;
}

/* Takes the anchor in; one whose pair finds no room any more is left out. */
static void add_anchor(struct marks *m, size_t layer, const struct xsi_anchor *a)
{
    size_t pair = rare_pair(a), i = 0;
    vec first = all(a->bytes[pair]), second = all(a->bytes[pair + 1]);

    while (i < m->pairs && (m->first[i][0] != first[0] || m->second[i][0] != second[0]))
        i++;
    if (i == PAIRS)
        return;
    m->first[i] = first;
    m->second[i] = second;
    if (i == m->pairs)
        m->pairs++;
    m->row[m->count++] = (struct mark){ layer, a, pair };
}

/* The marks of the layers from the top down to index `lowest`. */
static void marks_of(struct xsi_walk *w, size_t lowest, struct marks *m)
{
    memset(m, 0, sizeof(*m));
    for (size_t l = w->depth; l-- > lowest;) {
        const struct xsi_format *f = w->layer[l].format;

        if (!f->resync)
            continue;
        if (f->word_max && m->count < MARKS_MAX) {
            m->row[m->count++] = (struct mark){ .layer = l };
            m->words = true;
        }
        for (const struct xsi_anchor *a = f->anchors; a && a->length && m->count < MARKS_MAX; a++)
            add_anchor(m, l, a);
    }
    for (size_t i = m->pairs; i < PAIRS && m->pairs;
         i++) { /* so that the loop has a fixed length */
        m->first[i] = m->first[0];
        m->second[i] = m->second[0];
    }
}

/* Compiled twice where the compiler can choose at load time: this loop is the search's cost. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define FASTEST __attribute__((target_clones("avx2", "default")))
#else
#define FASTEST
#endif

typedef uint8_t wide __attribute__((vector_size(32)));
#define WIDE (sizeof(wide))

/* First place from `from` on, in steps of 32 bytes, where a mark may match; `to` when none does. */
FASTEST static size_t quiet(const struct marks *m, const uint8_t *p, size_t from, size_t to)
{
    const wide zero = { 0 };
    wide first[PAIRS], second[PAIRS], words = zero - (uint8_t)m->words;

    for (size_t i = 0; i < PAIRS; i++) {
        first[i] = zero + m->first[i][0];
        second[i] = zero + m->second[i][0];
    }
    for (; from < to; from += WIDE) {
        wide v0, v1, v2, v3, hit;
        uint64_t part[WIDE / 8];

        memcpy(&v0, p + from, WIDE);
        memcpy(&v1, p + from + 1, WIDE);
        memcpy(&v2, p + from + 2, WIDE);
        memcpy(&v3, p + from + 3, WIDE);
        hit = (wide)((v2 | v3) == 0) & (wide)((v0 | v1) != 0) & words;
        for (size_t i = 0; i < PAIRS && m->pairs; i++)
            hit |= (wide)(v0 == first[i]) & (wide)(v1 == second[i]);
        memcpy(part, &hit, sizeof(part));
        if (part[0] | part[1] | part[2] | part[3])
            return from;
    }
    return to;
}

/* At which of the sixteen places from p on does a mark match? False when at none. */
static bool any_mark(const struct marks *m, const uint8_t *p, uint8_t word[16], uint8_t anchor[16])
{
    vec v0 = load(p), v1 = load(p + 1), words = { 0 }, anchors = { 0 }, hit;
    uint64_t half[2];

    if (m->words) { /* a u32 below 65536 that is not zero; its exact range is tested later */
        vec high = load(p + 2) | load(p + 3);

        words = (vec)(high == 0) & (vec)((v0 | v1) != 0);
    }
    if (m->pairs)
        anchors = ((vec)(v0 == m->first[0]) & (vec)(v1 == m->second[0])) |
                  ((vec)(v0 == m->first[1]) & (vec)(v1 == m->second[1])) |
                  ((vec)(v0 == m->first[2]) & (vec)(v1 == m->second[2])) |
                  ((vec)(v0 == m->first[3]) & (vec)(v1 == m->second[3]));
    hit = words | anchors;
    memcpy(half, &hit, sizeof(half));
    if (!(half[0] | half[1]))
        return false;
    memcpy(word, &words, sizeof(words));
    memcpy(anchor, &anchors, sizeof(anchors));
    return true;
}

void xsi_search_begin(struct xsi_walk *w)
{
    w->lost_at = w->pos;
    w->scan_at = w->pos + 1;
    w->scan_limit = w->options.scan ? UINT64_MAX : w->pos + XSI_SCAN_NEAR;
    w->tail_pass = false;
    w->candidates = 0;
    w->bad_count = 0;
    w->phase = XSI_PH_SEARCH;
    w->gap_zeros = 0;
    if (!w->view.faulty) {
        xsi_identify(w, w->pos, w->gap_note, sizeof(w->gap_note));
        w->gap_zeros = xsi_zero_prefix(w, w->pos);
    } else
        snprintf(w->gap_note, sizeof(w->gap_note), "in front of unreadable bytes");
}

/* The layer at index `l` goes on at sync->offset. */
static int found(struct xsi_walk *w, size_t l, const struct xsi_sync *sync)
{
    w->phase = XSI_PH_REST;
    w->gap_only = true;
    w->gap_end = sync->offset;
    w->was_cut = true; /* inner layers end without more complaints */
    xsi_end_layers(w, l + 1);
    w->was_cut = false;
    if (w->layer[l].format->resumed)
        w->layer[l].format->resumed(w, &w->layer[l], sync);
    w->resumed_here = true;
    w->resumed_certain = sync->confidence >= 100;
    w->stalls = 0;
    xsi_report(w, &xsi_general_findings[XSI_C08], sync->offset, 0,
               "%s goes on here (%s%d of 100: %s), %llu bytes behind the damage",
               w->layer[l].row->name, sync->confidence >= 100 ? "certain, " : "", sync->confidence,
               sync->why, (unsigned long long)(sync->offset - w->lost_at));
    return 1;
}

static int give_up(struct xsi_walk *w)
{
    uint64_t left = xsi_left(w, w->lost_at);

    w->phase = XSI_PH_REST;
    w->gap_only = true;
    w->gap_end = left == UINT64_MAX ? UINT64_MAX : w->lost_at + left;
    xsi_report(w, &xsi_general_findings[XSI_C09], w->lost_at, 0,
               "no place was found where %s goes on; %s",
               w->depth ? w->layer[w->depth - 1].row->name : "the image",
               w->options.scan ? "every offset up to the end was tried"
                               : "searched 64 MiB and the end of the image; --scan tries it all");
    w->was_cut = true;
    xsi_end_layers(w, 0);
    return 1;
}

/* Ask layer `l` about a place. */
static void ask(struct xsi_walk *w, size_t l, uint64_t at, struct xsi_sync *sync)
{
    uint64_t pos = w->pos;

    *sync = (struct xsi_sync){ .offset = at };
    w->pos = at; /* so that what a layer looks at depends on the place, not on where it was lost */
    w->layer[l].format->resync(w, &w->layer[l], at, sync);
    w->pos = pos;
    if (w->view.faulty && xsi_source_seekable(w->src) && xsi_fault_is_medium(w->view.fault_code))
        w->view.faulty = false; /* the slice itself will come across the hole */
}

static void say_candidate(struct xsi_walk *w, size_t l, const struct xsi_sync *sync)
{
    if (w->options.scan && sync->confidence >= WORTH_SAYING && w->candidates++ < XSI_CANDIDATES_MAX)
        xsi_report(w, &xsi_general_findings[XSI_C10], sync->offset, 0,
                   "%s may go on here (%d of 100: %s)", w->layer[l].row->name, sync->confidence,
                   sync->why);
}

/* The block at `at` into scan_block; *have bytes of it, zeroes behind. 0, or -errno. */
static int load_block(struct xsi_walk *w, uint64_t at, size_t *have)
{
    const size_t want = XSI_SCAN_BLOCK + OVERLAP, spare = OVERLAP + 2 * WIDE; /* zeroes behind */
    const uint8_t *p;
    ssize_t n;

    *have = 0;
    if (!w->scan_block)
        w->scan_block = malloc(want + spare);
    if (!w->scan_block)
        return -ENOMEM;
    if (xsi_source_seekable(w->src)) { /* past the windows: it is looked at just once */
        n = xsi_source_read(w->src, w->scan_block, want, at);
        if (n < 0 && !xsi_fault_is_medium((int)n))
            return (int)n;
        if (n < 0)
            (void)xsi_view_peek(&w->view, at, 1, have); /* notes the fault and its place */
        *have = n < 0 ? 0 : (size_t)n;
    } else {
        p = xsi_view_peek(&w->view, at, want, have);
        memcpy(w->scan_block, p, *have);
    }
    memset(w->scan_block + *have, 0, want + spare - *have);
    return 0;
}

/* One mark at place i of the block: ask its layer when it is really there. */
static bool try_mark(struct xsi_walk *w, const struct mark *m, uint64_t base, size_t i, size_t have,
                     uint64_t behind, struct xsi_sync *sync)
{
    const struct xsi_format *f = w->layer[m->layer].format;
    const uint8_t *p = w->scan_block;
    uint64_t at = base + i;
    uint32_t word;

    if (m->anchor) {
        size_t back = m->anchor->back + m->pair;

        if (i < m->pair || i - m->pair + m->anchor->length > have ||
            memcmp(p + i - m->pair, m->anchor->bytes, m->anchor->length) || at < back)
            return false;
        at -= back;
    } else {
        word = xsi_le32(p + i);
        if (i + 4 > have || word < f->word_min || word > f->word_max ||
            (f->may_start && !f->may_start(&w->layer[m->layer], p + i, have - i)))
            return false;
    }
    if (at <= behind)
        return false;
    ask(w, m->layer, at, sync);
    if (sync->confidence >= ACCEPT)
        return true;
    say_candidate(w, m->layer, sync);
    return false;
}

/*
 * Ask about all marked places of the block at `base` that begin in its first `to` of `have` bytes
 * and lie behind `behind`, in ascending order. True when one was good enough: *sync and *layer tell
 * which.
 */
static bool scan(struct xsi_walk *w, size_t lowest, uint64_t base, size_t to, size_t have,
                 uint64_t behind, struct xsi_sync *sync, size_t *layer)
{
    uint8_t word[16], anchor[16];
    struct marks m;

    marks_of(w, lowest, &m);
    for (size_t block = 0, quiet_to = 0; block < to + OVERLAP / 2; block += 16) {
        if (block >= quiet_to) { /* skip what holds nothing, then look at the two halves */
            block = quiet(&m, w->scan_block, block, to + OVERLAP / 2);
            quiet_to = block + WIDE;
        }
        if (!any_mark(&m, w->scan_block + block, word, anchor))
            continue;
        for (size_t i = block; i < block + 16; i++) {
            /* behind `to` is the next block's; but an anchor there may begin in this one */
            bool words = word[i - block] && i < to;

            for (size_t k = 0; (words || anchor[i - block]) && k < m.count; k++) {
                if (m.row[k].anchor ? !anchor[i - block] : !words)
                    continue;
                *layer = m.row[k].layer;
                if (try_mark(w, &m.row[k], base, i, have, behind, sync))
                    return true;
            }
        }
    }
    return false;
}

bool xsi_find_sync(struct xsi_walk *w, const struct xsi_layer *l, uint64_t from, uint64_t to,
                   struct xsi_sync *sync)
{
    bool scan_option = w->options.scan, found_one = false;
    size_t have, end, layer;

    w->options.scan = false; /* no candidates are said here */
    for (uint64_t at = from; at < to && !found_one; at += XSI_SCAN_BLOCK) {
        if (load_block(w, at, &have) < 0 || !have)
            break;
        end = have < XSI_SCAN_BLOCK ? have : XSI_SCAN_BLOCK;
        if (end > to - at)
            end = (size_t)(to - at);
        found_one = scan(w, l->depth, at, end, have, from ? from - 1 : 0, sync, &layer);
        if (have < XSI_SCAN_BLOCK)
            break;
    }
    w->options.scan = scan_option;
    return found_one;
}

/* The block at scan_at; *have bytes of it in scan_block. 0, or -errno. */
static int read_block(struct xsi_walk *w, size_t *have)
{
    uint64_t data;
    int rc;

    if (xsi_source_seekable(w->src)) { /* a hole of the file holds no mark */
        data = xsi_source_next_data(w->src, w->scan_at);
        if (data > w->scan_at + LOOK_BACK)
            w->scan_at = data - LOOK_BACK;
    }
    if (w->scan_at > LOOK_BACK)
        xsi_view_advance(&w->view, w->scan_at - LOOK_BACK);
    rc = load_block(w, w->scan_at, have);
    if (rc < 0)
        return rc;
    if (w->view.faulty && xsi_source_seekable(w->src)) {
        if (!xsi_fault_is_medium(w->view.fault_code))
            return w->view.fault_code;
        if (!*have)
            w->scan_at = xsi_fault_range(w);
        w->view.faulty = false;
    }
    return 0;
}

/* Without --scan: a last look at the end of a file, where the tail is. */
static bool tail_pass(struct xsi_walk *w)
{
    uint64_t left = xsi_left(w, w->scan_at);

    if (w->tail_pass || !xsi_source_seekable(w->src) || left == UINT64_MAX)
        return false;
    w->tail_pass = true;
    w->scan_limit = UINT64_MAX;
    if (left > TAIL)
        w->scan_at += left - TAIL;
    return true;
}

int xsi_search_slice(struct xsi_walk *w)
{
    struct xsi_sync sync;
    size_t have, to, layer;
    int rc = read_block(w, &have);

    if (rc < 0)
        return rc;
    if (!have)
        return xsi_left(w, w->scan_at) && xsi_source_seekable(w->src) ? 0 : give_up(w);
    to = have > XSI_SCAN_BLOCK ? XSI_SCAN_BLOCK : have;
    if (scan(w, 0, w->scan_at, to, have, w->lost_at, &sync, &layer))
        return found(w, layer, &sync);
    w->scan_at += to;
    if (w->scan_at > w->reached)
        w->reached = w->scan_at;
    if (w->scan_at >= w->scan_limit && !tail_pass(w))
        return give_up(w);
    return 0;
}
