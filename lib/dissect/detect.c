/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Choosing the layer that starts at a place: bids, ties, forced stacks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "internal.h"

#define BID_ACCEPT 20 /* below: not recognised */
#define BID_FIRM   50 /* below: taken, but said to be doubtful */
#define BID_MARGIN 10 /* a second best this close is a tie */

static void one_bid(struct xsi_walk *w, uint64_t at, const struct xsi_layer_row *row,
                    struct xsi_bid *bid)
{
    memset(bid, 0, sizeof(*bid));
    row->bid(w, at, row, bid);
    if (bid->score > 100)
        bid->score = 100;
    xsi_clean(bid->reason);
}

bool xsi_detect(struct xsi_walk *w, uint64_t at, unsigned kinds, struct xsi_choice *out)
{
    const struct xsi_format *format;
    struct xsi_bid bid;

    memset(out, 0, sizeof(*out));
    for (size_t f = 0; (format = xsi_format_at(f)); f++) {
        for (const struct xsi_layer_row *row = format->layers; row && row->name; row++) {
            if (!(row->kind & kinds))
                continue;
            one_bid(w, at, row, &bid);
            if (bid.score <= 0)
                continue;
            if (bid.score > out->bid.score) {
                out->rival = out->row;
                out->rival_score = out->bid.score;
                out->format = format;
                out->row = row;
                out->bid = bid;
            } else if (bid.score > out->rival_score) {
                out->rival = row;
                out->rival_score = bid.score;
            }
        }
    }
    return out->row != NULL;
}

const struct xsi_layer_row *xsi_best_bid(struct xsi_walk *w, uint64_t at, unsigned kinds,
                                         struct xsi_bid *bid)
{
    struct xsi_choice choice;

    if (!xsi_detect(w, at, kinds, &choice))
        return NULL;
    *bid = choice.bid;
    return choice.row;
}

static bool find_layer(const char *name, struct xsi_choice *out)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_layer_row *row = format->layers; row && row->name; row++)
            if (!strcasecmp(row->name, name)) {
                out->format = format;
                out->row = row;
                return true;
            }
    return false;
}

/* "xl > libxc-legacy64:hvm" or "xl,libxc-legacy64": names, the last with an optional guest type. */
int xsi_parse_as(struct xsi_walk *w, const char *as)
{
    struct xsi_choice choice;
    char *guest;

    while (*as) {
        size_t n;

        as += strspn(as, " ,>");
        n = strcspn(as, " ,>");
        if (!n)
            break;
        if (w->forced_count == XSI_STACK_MAX || n >= sizeof(w->forced[0]))
            return -EINVAL;
        memcpy(w->forced[w->forced_count], as, n);
        w->forced[w->forced_count][n] = '\0';
        guest = strchr(w->forced[w->forced_count], ':');
        if (guest) {
            *guest++ = '\0';
            w->forced_guest = !strcasecmp(guest, "pv")    ? XSI_GUEST_PV
                              : !strcasecmp(guest, "hvm") ? XSI_GUEST_HVM
                              : !strcasecmp(guest, "pvh") ? XSI_GUEST_PVH
                                                          : XSI_GUEST_UNKNOWN;
            if (w->forced_guest == XSI_GUEST_UNKNOWN)
                return -EINVAL;
        }
        if (!find_layer(w->forced[w->forced_count], &choice))
            return -EINVAL;
        w->forced_count++;
        as += n;
    }
    return w->forced_count ? 0 : -EINVAL;
}

int xsi_open_layer(struct xsi_walk *w, const struct xsi_choice *choice)
{
    struct xsi_layer *l = &w->layer[w->depth];
    int rc;

    if (w->depth == XSI_DEPTH_MAX)
        return -EOVERFLOW;
    memset(l, 0, sizeof(*l));
    l->format = choice->format;
    l->row = choice->row;
    l->start = w->pos;
    l->depth = (unsigned)w->depth;
    l->state = calloc(1, choice->format->state_size ? choice->format->state_size : 1);
    if (!l->state)
        return -ENOMEM;
    w->depth++;
    w->opened_any = true;
    if (w->info.stack_length < XSI_STACK_MAX) {
        /* the same layer again (a record of each checkpoint) is not another layer */
        size_t n = w->info.stack_length;

        while (n && strcmp(w->info.stack[n - 1], choice->row->name))
            n--;
        if (!n)
            w->info.stack[w->info.stack_length++] = choice->row->name;
    }
    rc = choice->format->open ? choice->format->open(w, l, choice->bid.param) : 0;
    return rc;
}

static void report_choice(struct xsi_walk *w, const struct xsi_choice *c, const char *expect)
{
    if (expect && strncmp(c->row->name, expect, strlen(expect)))
        xsi_report(w, &xsi_general_findings[XSI_C06], w->pos, 0,
                   "the header promises %s, but this is %s (%s)", expect, c->row->name,
                   c->bid.reason);
    if (c->bid.score < BID_FIRM)
        xsi_report(w, &xsi_general_findings[XSI_C05], w->pos, 0,
                   "taken for %s with a score of %d of 100 (%s)", c->row->name, c->bid.score,
                   c->bid.reason);
    else if (c->rival && c->rival_score + BID_MARGIN >= c->bid.score && c->bid.score < 90)
        xsi_report(w, &xsi_general_findings[XSI_C04], w->pos, 0,
                   "taken for %s (score %d), but %s fits nearly as well (score %d)", c->row->name,
                   c->bid.score, c->rival->name, c->rival_score);
}

int xsi_open_inner(struct xsi_walk *w, unsigned kinds, const char *expect)
{
    struct xsi_choice choice, forced;
    bool found;

    if (w->forced_next < w->forced_count && find_layer(w->forced[w->forced_next], &forced) &&
        (forced.row->kind & kinds)) {
        w->forced_next++;
        forced.rival = NULL;
        one_bid(w, w->pos, forced.row, &forced.bid);
        return xsi_open_layer(w, &forced);
    }
    found = xsi_detect(w, w->pos, kinds, &choice);
    if (!found || choice.bid.score < BID_ACCEPT) {
        w->push_failed = true;
        return 0;
    }
    if (choice.row->kind == XSI_LAYER_EMULATOR)
        w->records++;
    else
        report_choice(w, &choice, expect);
    return xsi_open_layer(w, &choice);
}

size_t xsi_walk_candidates(struct xsi_walk *w, size_t max, struct xsi_candidate *out)
{
    const struct xsi_format *format;
    size_t n = 0, best = 0;
    struct xsi_bid bid;

    for (size_t f = 0; (format = xsi_format_at(f)); f++) {
        for (const struct xsi_layer_row *row = format->layers; row && row->name && n < max; row++) {
            one_bid(w, 0, row, &bid);
            out[n].layer = row->name;
            out[n].score = bid.score;
            out[n].chosen = false;
            snprintf(out[n].reason, sizeof(out[n].reason), "%s",
                     bid.reason[0] ? bid.reason : "nothing of it is here");
            if (out[n].score > out[best].score)
                best = n;
            n++;
        }
    }
    if (n && out[best].score >= BID_ACCEPT)
        out[best].chosen = true;
    return n;
}
