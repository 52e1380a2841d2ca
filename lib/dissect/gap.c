/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What nobody claims: zero slack, stray records, a second image, text, or something unknown. */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define ZERO_FULL   (64U << 20) /* a zero run is read in full up to here … */
#define ZERO_PREFIX (4U << 20)
#define ZERO_STRIDE (16U << 20) /* … and then in samples this far apart */
#define ZERO_SAMPLE (64U << 10)
#define MAGIC_WORTH 512 /* libmagic guesses wildly on a few bytes */
#define ZERO_WORTH  64  /* a shorter run inside other bytes is not worth a row */

static size_t zero_prefix(const uint8_t *p, size_t n)
{
    size_t i = 0;
    uint64_t v;

    for (; n - i >= sizeof(v); i += sizeof(v)) {
        memcpy(&v, p + i, sizeof(v));
        if (v)
            break;
    }
    while (i < n && !p[i])
        i++;
    return i;
}

uint64_t xsi_zero_run(struct xsi_walk *w, uint64_t from, bool *sampled)
{
    bool seek = xsi_source_seekable(w->src);
    uint64_t at = from;
    size_t have, zeros, want;
    const uint8_t *p;

    *sampled = false;
    for (;;) {
        bool sample = seek && !w->options.scan && at - from >= ZERO_FULL;

        if (seek)
            at = xsi_source_next_data(w->src, at);
        else
            xsi_view_advance(&w->view, at);
        if (sample && xsi_left(w, at) > 2 * (uint64_t)ZERO_STRIDE) {
            *sampled = true;
            at += ZERO_STRIDE - ZERO_SAMPLE;
        }
        want = sample && *sampled ? ZERO_SAMPLE : XSI_SCAN_BLOCK;
        p = xsi_view_peek(&w->view, at, want, &have);
        zeros = zero_prefix(p, have);
        at += zeros;
        if (zeros < have || have < want)
            break;
    }
    return at - from;
}

uint64_t xsi_zero_prefix(struct xsi_walk *w, uint64_t from)
{
    uint64_t at = from;
    size_t have, zeros;
    const uint8_t *p;

    while (at - from < ZERO_PREFIX) {
        p = xsi_view_peek(&w->view, at, 64U << 10, &have);
        zeros = zero_prefix(p, have);
        at += zeros;
        if (zeros < have || !have)
            break;
    }
    return at - from;
}

static const char *handshake(const uint8_t *p, size_t n)
{
    static const char *const texts[] = {
        "xl migration receiver ready",
        "domain received, ready to unpause",
        "domain is yours, you are cleared to unpause",
        "my copy unpause results are as follows",
        "receive\n",
        "sslreceive\n",
        "(ready receive)",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (n >= strlen(texts[i]) && !memcmp(p, texts[i], strlen(texts[i])))
            return texts[i];
    return NULL;
}

/* Binary logarithm of x >= 1, to some four digits; the library links no libm for one number. */
static double log2_of(double x)
{
    double result = 0, part = 1;

    for (; x >= 2; x /= 2)
        result++;
    for (int i = 0; i < 16; i++) {
        part /= 2;
        x *= x;
        if (x >= 2) {
            x /= 2;
            result += part;
        }
    }
    return result;
}

/* Shannon entropy of the bytes, in bits per byte. */
static double entropy(const uint8_t *p, size_t n)
{
    unsigned count[256] = { 0 };
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        count[p[i]]++;
    for (size_t i = 0; i < 256; i++)
        if (count[i])
            sum += count[i] * log2_of((double)n / count[i]);
    return n ? sum / (double)n : 0;
}

static void first_bytes(const uint8_t *p, size_t n, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < n && i < 8 && used + 4 < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%02x", i ? " " : "", p[i]);
}

void xsi_identify(struct xsi_walk *w, uint64_t at, char *note, size_t size)
{
    char bytes[32] = "", guess[120] = "";
    const struct xsi_layer_row *row;
    struct xsi_bid bid;
    const uint8_t *p;
    size_t have;

    p = xsi_view_peek(&w->view, at, 256U << 10, &have);
    w->gap_first_at = at;
    w->gap_first_length = have < sizeof(w->gap_first) ? have : sizeof(w->gap_first);
    memcpy(w->gap_first, p, w->gap_first_length);
    if (handshake(p, have)) {
        snprintf(note, size, "text of a migration handshake: \"%.60s\"", handshake(p, have));
        xsi_clean(note);
        return;
    }
    if (at) {
        row = xsi_best_bid(w, at,
                           XSI_LAYER_CONTAINER | XSI_LAYER_MIDDLE | XSI_LAYER_STREAM |
                               XSI_LAYER_EMULATOR | XSI_LAYER_FOREIGN,
                           &bid);
        if (row && bid.score >= 80) {
            snprintf(note, size, "%s begins here: %s", row->name, bid.reason);
            return;
        }
        p = xsi_view_peek(&w->view, at, 256U << 10, &have);
    }
    first_bytes(p, have, bytes, sizeof(bytes));
    if (have >= MAGIC_WORTH)
        xsi_magic_guess(w, p, have, guess, sizeof(guess));
    if (guess[0])
        snprintf(note, size, "unknown; libmagic's guess: %s; first bytes %s", guess, bytes);
    else
        snprintf(note, size, "unknown; %.1f bits of entropy per byte, first bytes %s",
                 entropy(p, have < 65536 ? have : 65536), bytes);
    xsi_clean(note);
}

static void gap_chunk(struct xsi_walk *w, uint64_t length, const char *note, unsigned flags)
{
    struct xsi_chunk *c = &w->chunk;

    memset(c, 0, sizeof(*c));
    c->layer = w->gap_only && w->depth ? w->layer[w->depth - 1].row->name : "none";
    c->type = flags & XSI_CHUNK_UNREADABLE ? "UNREADABLE" : "GAP";
    c->help = flags & XSI_CHUNK_UNREADABLE ? "bytes that the medium cannot read"
                                           : "bytes that no layer claims";
    c->flags = XSI_CHUNK_GAP | flags;
    c->length = c->wanted = length;
    snprintf(c->note, sizeof(c->note), "%s", note);
    w->chunk_layer = 0;
    xsi_place_chunk(w);
    c->meta = 0;
}

/* The next unreadable range at or behind pos; NULL when there is none. */
static const struct xsi_bad *next_bad(const struct xsi_walk *w)
{
    for (size_t i = 0; i < w->bad_count; i++)
        if (w->bad[i].to > w->pos)
            return &w->bad[i];
    return NULL;
}

/* A piece of the gap in front of the place where the layer goes on. */
static bool gap_inside(struct xsi_walk *w)
{
    const struct xsi_bad *bad = next_bad(w);
    uint64_t to = w->gap_end;

    if (w->pos >= to)
        return false;
    if (to == UINT64_MAX) { /* a pipe, given up: up to its end */
        gap_chunk(w, UINT64_MAX, w->gap_note, 0);
        w->gap_end = 0;
        return w->chunk.length > 0;
    }
    if (bad && bad->from <= w->pos) {
        gap_chunk(w, (bad->to < to ? bad->to : to) - w->pos, "read error", XSI_CHUNK_UNREADABLE);
        return true;
    }
    if (bad && bad->from < to)
        to = bad->from;
    if (w->pos == w->lost_at && w->gap_zeros >= to - w->pos)
        snprintf(w->gap_note, sizeof(w->gap_note), "all zero");
    gap_chunk(w, to - w->pos, w->gap_note, 0);
    return true;
}

static void gap_behind_report(struct xsi_walk *w, const char *note)
{
    const struct xsi_chunk *c = &w->chunk;
    unsigned code = strstr(note, "begins here") ? XSI_C13 : XSI_C12;

    if (w->opened_any)
        xsi_report(w, &xsi_general_findings[code], c->offset, c->length,
                   code == XSI_C13 ? "%s; list it with --offset 0x%llx"
                                   : "%s (%llu bytes behind the end of the image)",
                   note, (unsigned long long)(code == XSI_C13 ? c->offset : c->length));
}

/* A hole that was met while looking at the gap becomes a range of its own. */
static const struct xsi_bad *bad_range(struct xsi_walk *w)
{
    if (w->view.faulty && xsi_source_seekable(w->src) && xsi_fault_is_medium(w->view.fault_code))
        (void)xsi_fault_range(w);
    return next_bad(w);
}

/* Zero bytes from pos on, when they are worth a row of their own; else 0. */
static uint64_t zero_piece(struct xsi_walk *w, uint64_t left, bool *sampled)
{
    uint64_t zeros = xsi_zero_run(w, w->pos, sampled);

    if (zeros >= left)
        return left;
    if (zeros >= ZERO_WORTH || (zeros && xsi_view_extent(&w->view, w->pos + zeros, 1) == 0))
        return zeros;
    return 0;
}

/* A piece of what follows the last layer. */
static bool gap_behind(struct xsi_walk *w)
{
    char what[XSI_NOTE_MAX];
    const struct xsi_bad *bad;
    uint64_t zeros, left;
    bool sampled;

    if (xsi_view_extent(&w->view, w->pos, 1) == 0)
        return false;
    xsi_identify(w, w->pos, what, sizeof(what));
    bad = bad_range(w);
    if (bad && bad->from <= w->pos) {
        gap_chunk(w, bad->to - w->pos, "read error", XSI_CHUNK_UNREADABLE);
        return true;
    }
    left = bad ? bad->from - w->pos : UINT64_MAX;
    zeros = zero_piece(w, left, &sampled);
    w->view.faulty = w->view.faulty && !xsi_source_seekable(w->src); /* the next piece meets it */
    if (zeros) {
        gap_chunk(w, zeros, sampled ? "all zero (sampled)" : "all zero", 0);
        if (w->opened_any)
            xsi_report(w, &xsi_general_findings[XSI_C11], w->chunk.offset, w->chunk.length,
                       "%llu zero bytes%s", (unsigned long long)w->chunk.length,
                       sampled ? " (sampled; --scan reads them all)" : "");
        return true;
    }
    gap_chunk(w, left, what, 0);
    gap_behind_report(w, what);
    return true;
}

bool xsi_gap_next(struct xsi_walk *w)
{
    if (w->gap_only)
        return gap_inside(w);
    return gap_behind(w);
}
