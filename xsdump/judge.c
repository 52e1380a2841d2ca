/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judge beside the walk. A finding that concerns certain readers (its row names them) waits
 * until the judge has passed it: it then is shown once, as severe as its consequences for the
 * targets, with their names. Others go to the view at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xsdump.h"

#define HELD_MAX     64 /* findings of an image that can wait, */
#define VERDICTS_MAX 512
#define ROWS_MAX     128 /* kinds of findings that did not */
#define TAILS_MAX    64  /* checkpoints that are told apart */

/* A finding that waits or has waited. */
struct held {
    struct xsi_finding f;
    const struct xsi_verdict *worst; /* of the verdicts that it is behind; NULL = of none */
    const char *text;                /* what that one says of it */
    size_t readers;
    uint64_t targets[VERDICTS_MAX / 64];
};

struct judged {
    struct xsi_judge *judge; /* NULL: nobody can read it */
    bool finished;           /* the verdicts are complete */
    char by_default[40];     /* the container's own reader */
    struct held held[HELD_MAX];
    size_t count, out;                              /* out: those that the view has */
    const struct xsi_finding_row *passed[ROWS_MAX]; /* rows of what did not wait */
    size_t passed_count;
    uint64_t tail[TAILS_MAX]; /* offsets behind complete checkpoints */
    size_t tails;
    uint16_t taken[VERDICTS_MAX]; /* a bit for each finding of a verdict that was merged */
    unsigned exit;
};

/* ---------------------------------------------------------------- life ---- */

static bool fault(struct xsi_error *error, const struct xsi_error *from)
{
    *error = *from;
    return false;
}

bool judged_open(struct image *im, struct xsi_error *error)
{
    const struct settings *set = im->set;
    struct xsi_error why = { 0, "" };
    struct judged *j = calloc(1, sizeof(*j));
    struct xsi_reader own;

    im->judged = j;
    if (!j) {
        why.code = ENOMEM;
        snprintf(why.text, sizeof(why.text), "out of memory; free some and try again");
        return fault(error, &why);
    }
    j->judge = xsi_judge_new(im->walk, set->targets, set->target_count, NULL, &why);
    /* the container's own reader is named also when others were asked for */
    if (j->judge && xsi_judge_default(j->judge, &own))
        snprintf(j->by_default, sizeof(j->by_default), "%s", own.name);
    return j->judge || !why.code || fault(error, &why);
}

void judged_free(struct judged *j)
{
    if (!j)
        return;
    xsi_judge_free(j->judge);
    free(j);
}

void judged_advance(struct image *im, bool finish)
{
    struct judged *j = im->judged;
    int rc;

    if (!j->judge)
        return;
    rc = xsi_judge_advance(j->judge, finish);
    if (rc < 0) {
        /* The walk meets a fault of the source too, and lists around it what it can. */
        if (!im->set->browse) /* its screen shows that there is no verdict */
            cli_error(im->file, "judging stopped: %s; the listing goes on without verdicts",
                      strerror(-rc));
        im->status |= CLI_OPERATIONAL;
        xsi_judge_free(j->judge);
        j->judge = NULL;
    }
    j->finished = finish && j->judge;
}

/* ---------------------------------------------------------------- merging ---- */

static bool all_complete(const struct judged *j)
{
    bool complete = true;

    for (size_t i = 0; complete && xsi_judge_verdict(j->judge, i, &complete); i++)
        ;
    return complete;
}

/* Which checkpoint an offset belongs to; what stands right behind one still does. */
static size_t checkpoint(const struct judged *j, uint64_t offset)
{
    size_t n = 0;

    while (n < j->tails && j->tail[n] < offset)
        n++;
    return n;
}

/*
 * The waiting finding that a verdict's is about: of the same kind at the same place, or else in the
 * same checkpoint; the walk sees what is missing where it is missing, a reader where it stumbles.
 */
static struct held *counterpart(struct judged *j, const struct xsi_verdict_finding *vf)
{
    struct held *near = NULL;

    for (size_t i = j->out; i < j->count; i++) {
        struct held *h = &j->held[i];

        if (h->f.row != vf->row || checkpoint(j, h->f.offset) != checkpoint(j, vf->offset))
            continue;
        if (h->f.offset == vf->offset)
            return h;
        if (!near || h->f.offset <= vf->offset)
            near = h;
    }
    return near;
}

static enum xsi_severity severity_of(enum xsi_outcome outcome)
{
    return outcome == XSI_RESTORES ? XSI_INFO : outcome == XSI_LOSES ? XSI_WARNING : XSI_ERROR;
}

/* The text says which readers speak, unless it begins with a name already. */
static void tell(struct xsi_finding *f, const char *name, size_t others, const char *text)
{
    char more[40] = "";

    if (others)
        snprintf(more, sizeof(more), " and %zu more", others);
    if (strncmp(text, name, strlen(name)) == 0 && !others)
        snprintf(f->text, sizeof(f->text), "%s", text);
    else if (strncmp(text, name, strlen(name)) == 0)
        snprintf(f->text, sizeof(f->text), "%s%s:%s", name, more, text + strlen(name));
    else if (*text)
        snprintf(f->text, sizeof(f->text), "%s%s: %s", name, more, text);
}

static void merge(struct held *h, const struct xsi_verdict *v, size_t index, const char *text)
{
    h->targets[index / 64] |= 1ULL << index % 64;
    h->readers++;
    if (h->worst && v->outcome <= h->worst->outcome)
        return;
    h->worst = v;
    h->text = text;
    if (severity_of(v->outcome) > h->f.severity)
        h->f.severity = severity_of(v->outcome);
    h->f.exit &= ~(unsigned)(CLI_WARNINGS | CLI_REFUSED); /* the verdict's instead */
}

/* What the verdicts make of the findings that wait. */
static void merge_all(struct judged *j)
{
    const struct xsi_verdict *v;

    for (size_t i = 0; i < VERDICTS_MAX && (v = xsi_judge_verdict(j->judge, i, NULL)); i++)
        for (size_t k = 0; v->outcome != XSI_RESTORES && k < v->finding_count; k++) {
            struct held *h = j->taken[i] & 1U << k ? NULL : counterpart(j, &v->findings[k]);

            if (!h)
                continue;
            j->taken[i] |= (uint16_t)(1U << k);
            merge(h, v, i, v->findings[k].text);
        }
}

/* ---------------------------------------------------------------- to the view ---- */

static void hand_over(struct image *im, struct view *view, const struct xsi_finding *f)
{
    struct judged *j = im->judged;
    /* what a reader refuses is the matter of the targets, once there are any */
    bool by_reader = j->judge && *f->row->readers;

    j->exit |= f->exit & ~(by_reader ? (unsigned)CLI_REFUSED : 0U);
    view->finding(view, im, f);
}

/* Waiting is over for all that waits. */
static void let_go(struct image *im, struct view *view)
{
    struct judged *j = im->judged;

    while (j->out < j->count) {
        struct held *h = &j->held[j->out++];

        if (h->worst)
            tell(&h->f, h->worst->reader.name, h->readers - 1, h->text);
        hand_over(im, view, &h->f);
    }
}

static bool seen_by_walk(const struct judged *j, const struct xsi_finding_row *row)
{
    for (size_t i = 0; i < j->passed_count; i++)
        if (j->passed[i] == row)
            return true;
    return false;
}

void judged_finding(struct image *im, struct view *view, const struct xsi_finding *f)
{
    struct judged *j = im->judged;
    bool waits = j->judge && *f->row->readers;

    if (j->count == HELD_MAX)
        let_go(im, view);
    if (j->count < HELD_MAX && (waits || j->out < j->count)) {
        j->held[j->count++] = (struct held){ .f = *f }; /* in order behind what waits */
        return;
    }
    if (!seen_by_walk(j, f->row) && j->passed_count < ROWS_MAX)
        j->passed[j->passed_count++] = f->row;
    hand_over(im, view, f);
}

/* Did this verdict's reader stumble over the finding? */
static bool concerns(const struct xsi_verdict *v, const struct xsi_finding *f)
{
    for (size_t k = 0; v->outcome != XSI_RESTORES && k < v->finding_count; k++)
        if (v->findings[k].row == f->row && v->findings[k].offset == f->offset)
            return true;
    return false;
}

/* A finding that only the judge has, once for all readers; v is the first that has it. */
static void add_judges(struct image *im, struct view *view, const struct xsi_verdict *v,
                       const struct xsi_verdict_finding *vf)
{
    struct xsi_finding f = {
        .row = vf->row,
        .severity = severity_of(v->outcome),
        .offset = vf->offset,
        .length = vf->length,
    };
    const struct xsi_verdict *other;
    size_t readers = 0;

    for (size_t i = 0; i < VERDICTS_MAX && (other = judged_verdict(im, i)); i++) {
        if (!concerns(other, &f))
            continue;
        readers++;
        if (severity_of(other->outcome) > f.severity)
            f.severity = severity_of(other->outcome);
    }
    tell(&f, v->reader.name, readers ? readers - 1 : 0, vf->text);
    view->finding(view, im, &f);
}

static bool told_before(const struct judged *j, size_t index, size_t which)
{
    const struct xsi_verdict *v = xsi_judge_verdict(j->judge, index, NULL);
    const struct xsi_verdict_finding *vf = &v->findings[which];

    for (size_t i = 0; i <= index; i++) {
        const struct xsi_verdict *other = xsi_judge_verdict(j->judge, i, NULL);
        size_t last = i == index ? which : other->finding_count;

        for (size_t k = 0; k < last; k++)
            if (other->findings[k].row == vf->row && other->findings[k].offset == vf->offset)
                return true;
    }
    return false;
}

/* Among all readers there are many that nobody would use on this image: for people what those meet
 * stands in the table alone. */
static bool matters(const struct image *im, const struct xsi_verdict *v)
{
    const struct settings *set = im->set;

    return !set->all_targets || set->json || set->jsonl ||
           !strcmp(v->reader.name, im->judged->by_default);
}

static void add_rest(struct image *im, struct view *view)
{
    struct judged *j = im->judged;
    const struct xsi_verdict *v;

    for (size_t i = 0; i < VERDICTS_MAX && (v = xsi_judge_verdict(j->judge, i, NULL)); i++)
        for (size_t k = 0; matters(im, v) && k < v->finding_count; k++)
            if (!(j->taken[i] & 1U << k) && !seen_by_walk(j, v->findings[k].row) &&
                !told_before(j, i, k))
                add_judges(im, view, v, &v->findings[k]);
}

void judged_release(struct image *im, struct view *view, bool end)
{
    struct judged *j = im->judged;
    const struct xsi_info *info = xsi_walk_info(im->walk);

    while (j->tails < info->checkpoints && j->tails < TAILS_MAX)
        j->tail[j->tails++] = xsi_walk_position(im->walk);
    if (j->judge && j->out < j->count && (end ? j->finished : all_complete(j))) {
        merge_all(j);
        let_go(im, view);
    }
    if (!end)
        return;
    let_go(im, view);
    if (j->finished)
        add_rest(im, view);
}

/* ---------------------------------------------------------------- answers ---- */

const struct xsi_verdict *judged_verdict(const struct image *im, size_t index)
{
    const struct judged *j = im->judged;

    return j && j->finished && index < VERDICTS_MAX ? xsi_judge_verdict(j->judge, index, NULL)
                                                    : NULL;
}

unsigned judged_exit(const struct image *im)
{
    const struct xsi_info *info = xsi_walk_info(im->walk);
    const unsigned of_readers = CLI_WARNINGS | CLI_REFUSED;
    unsigned exit = (cli_exit(info) & ~of_readers) | im->judged->exit;
    const struct xsi_verdict *v;

    for (size_t i = 0; (v = judged_verdict(im, i)); i++)
        if (v->outcome != XSI_RESTORES)
            exit |= CLI_REFUSED;
    return exit;
}

const char *judged_default(const struct image *im)
{
    return *im->judged->by_default ? im->judged->by_default : NULL;
}

bool judged_by_default(const struct image *im)
{
    return im->judged->judge && xsi_judge_is_default(im->judged->judge);
}

const char *judged_target(const struct image *im, const struct xsi_finding *f, size_t index)
{
    const struct judged *j = im->judged;
    const struct held *h = NULL;
    const struct xsi_verdict *v;

    if (!j->judge || seen_by_walk(j, f->row))
        return NULL;
    for (size_t i = 0; i < j->out && !h; i++)
        if (j->held[i].f.row == f->row && j->held[i].f.offset == f->offset)
            h = &j->held[i];
    for (size_t i = 0; i < VERDICTS_MAX && (v = xsi_judge_verdict(j->judge, i, NULL)); i++)
        if ((h ? h->targets[i / 64] >> i % 64 & 1 : concerns(v, f)) && index-- == 0)
            return v->reader.name;
    return NULL;
}
