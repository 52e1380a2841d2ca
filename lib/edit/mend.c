/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mending: try a recipe, walk and judge the result, keep it when the image came forward. Which
 * recipes are tried, and in which order, says candidates.c; what coming forward means stands here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mend.h"

enum {
    STEPS_MAX = 64,
    TRIALS_MAX = 200,
    MORE = 2 /* findings that may come up behind damage that is gone */
};

/* ---------------------------------------------------------------- an image, seen ---- */

static void look_away(struct xsi_seen *seen)
{
    xsi_map_free(seen->map);
    *seen = (struct xsi_seen){ 0 };
}

bool xsi_finding_asks(const struct xsi_finding *f)
{
    return f->severity == XSI_ERROR || f->row->effect == XSI_DAMAGED ||
           f->row->effect == XSI_TRUNCATED;
}

static int look(struct xsi_mending *g, struct xsi_seen *seen, struct xsi_error *err)
{
    const char *none[1] = { NULL }, *name = g->reader_name;
    struct xsi_map_options how = { .as = g->options->as, .scan = g->options->scan };
    const struct xsi_finding *findings;
    size_t n;

    how.names = *name ? &name : none;
    how.name_count = *name ? 1 : 0;
    *seen = (struct xsi_seen){ 0 };
    if (!xsi_plan_source(g->plan))
        return -ENOMEM;
    seen->map = xsi_map_new(xsi_plan_source(g->plan), &how, err);
    if (!seen->map)
        return err->code ? -err->code : -EINVAL;
    seen->verdict = xsi_map_verdict(seen->map, 0);
    findings = xsi_map_findings(seen->map, &n);
    for (size_t i = 0; i < n; i++)
        seen->errors += xsi_finding_asks(&findings[i]);
    return 0;
}

/* ---------------------------------------------------------------- better or not ---- */

static int rank(const struct xsi_seen *seen)
{
    static const int ranks[] = {
        [XSI_RESTORES] = 3, [XSI_LOSES] = 2, [XSI_FAILS] = 1, [XSI_UNDEFINED] = 1
    };

    return seen->verdict ? ranks[seen->verdict->outcome] : 0;
}

/* The reader stops later than before; what the step moved in front of its stop is taken off. */
static bool further(const struct xsi_seen *was, const struct xsi_seen *is,
                    const struct xsi_planned *step)
{
    int64_t moved;

    if (!was->verdict || !is->verdict || was->verdict->outcome == XSI_RESTORES)
        return false;
    moved = step->offset <= was->verdict->stopped ? step->grows : 0;
    return (int64_t)is->verdict->stopped - moved > (int64_t)was->verdict->stopped;
}

static bool forward(const struct xsi_seen *was, const struct xsi_seen *is,
                    const struct xsi_planned *step)
{
    if (rank(is) != rank(was))
        return rank(is) > rank(was);
    return is->errors < was->errors || (is->errors <= was->errors + MORE && further(was, is, step));
}

/* ---------------------------------------------------------------- refusals ---- */

void xsi_mending_refuse(struct xsi_mending *g, const char *recipe, uint64_t offset, const char *fmt,
                        ...)
{
    struct xsi_mended *out = g->out;
    char why[sizeof(out->refusals[0].why)];
    struct xsi_refusal *r;
    va_list args;

    for (size_t i = 0; i < out->refusal_count; i++)
        if (!strcmp(out->refusals[i].recipe, recipe) && out->refusals[i].offset == offset)
            return;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    for (size_t i = 0; i < out->refusal_count; i++)
        if (!strcmp(out->refusals[i].why, why))
            return;
    if (out->refusal_count == sizeof(out->refusals) / sizeof(out->refusals[0]))
        return;
    r = &out->refusals[out->refusal_count++];
    *r = (struct xsi_refusal){ .offset = offset };
    snprintf(r->recipe, sizeof(r->recipe), "%s", recipe);
    snprintf(r->why, sizeof(r->why), "%s", why);
}

/* ---------------------------------------------------------------- one trial ---- */

static int by_offset(const void *a, const void *b)
{
    const struct xsi_splice *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->removed > 0) - (y->removed > 0); /* what is put in comes in front */
}

/* What a step costs. What costs less is tried first. */
static enum xsi_price price(const struct xsi_planned *step)
{
    return *step->loses ? XSI_PRICE_LOSES : *step->guess ? XSI_PRICE_GUESSES : XSI_PRICE_NONE;
}

/* Put what the recipe left into the plan, as one step. 1 staged, 0 nothing, -errno. */
static int stage(struct xsi_mending *g, struct xsi_mend *m, const struct xsi_candidate_row *c,
                 struct xsi_error *err)
{
    int rc = m->error;

    if (rc || !m->count)
        return rc;
    if (!c->asked && price(&m->step) != g->price)
        return 0; /* another round's */
    if (g->options->safe && price(&m->step)) {
        xsi_mending_refuse(g, c->recipe->name, c->at,
                           "%s %s; only what loses nothing was asked for",
                           *m->step.loses ? "it would give up" : "it would guess",
                           *m->step.loses ? m->step.loses : m->step.guess);
        return 0;
    }
    qsort(m->splice, m->count, sizeof(*m->splice), by_offset);
    snprintf(m->step.recipe, sizeof(m->step.recipe), "%s", c->recipe->name);
    for (size_t i = 0; i < m->keep_count && !rc; i++)
        rc = xsi_plan_keep(g->plan, m->keep[i].name, m->keep[i].offset, m->keep[i].length);
    if (!rc)
        rc = xsi_plan_stage(g->plan, m->splice, m->count, &m->step, err);
    return rc < 0 ? rc : 1;
}

/* Let a recipe try. 1: something was staged; 0: nothing; -errno. */
static int attempt(struct xsi_mending *g, const struct xsi_candidate_row *c, struct xsi_error *err)
{
    struct xsi_mend m = { .plan = g->plan,
                          .map = g->seen.map,
                          .options = g->options,
                          .reader = g->out->judged ? &g->out->reader : NULL,
                          .verdict = g->seen.verdict,
                          .finding = c->finding,
                          .at = c->at,
                          .length = c->length };
    int rc;

    xsi_mend_start(&m);
    rc = c->recipe->run(&m);
    if (!rc)
        rc = stage(g, &m, c, err);
    if (rc == -EINVAL) { /* splices that contradict each other: the recipe misread the image */
        xsi_mending_refuse(g, c->recipe->name, c->at, "it does not fit this image");
        rc = 0;
    }
    if (*m.refusal)
        xsi_mending_refuse(g, c->recipe->name, c->at, "%s", m.refusal);
    xsi_mend_clear(&m);
    if (rc < 0 && !err->code) {
        err->code = -rc;
        snprintf(err->text, sizeof(err->text), "while mending: %s", strerror(-rc));
    }
    return rc;
}

/* The first verdict there is: of the image, or of a step that made it one that a reader knows. */
static void meet_reader(struct xsi_mending *g)
{
    struct xsi_mended *out = g->out;

    if (out->judged || !g->seen.verdict)
        return;
    out->judged = true;
    out->reader = g->seen.verdict->reader;
    if (xsi_plan_steps(g->plan) == g->first) {
        out->before = *g->seen.verdict;
    } else {
        out->before =
            (struct xsi_verdict){ .reader = out->reader, .outcome = XSI_FAILS, .fix = "" };
        snprintf(out->before.reason, sizeof(out->before.reason),
                 "it holds no stream that a reader would find");
    }
    snprintf(g->reader_name, sizeof(g->reader_name), "%s", out->reader.name);
    xsi_plan_set_reader(g->plan, g->reader_name);
}

/* Try, look at what became of the image, keep it or take it back. 1 kept, 0 not, -errno. */
static int trial(struct xsi_mending *g, const struct xsi_candidate_row *c, struct xsi_error *err)
{
    size_t steps = xsi_plan_steps(g->plan);
    struct xsi_seen is;
    int rc = attempt(g, c, err);

    if (rc <= 0)
        return rc;
    g->trials++;
    rc = look(g, &is, err);
    if (rc) {
        xsi_plan_cut(g->plan, steps);
        return rc;
    }
    if (forward(&g->seen, &is, xsi_plan_step(g->plan, steps)) || c->asked) {
        look_away(&g->seen);
        g->seen = is;
        meet_reader(g);
        g->out->refusal_count = 0; /* they were about the image as it was */
        return 1;
    }
    if (is.verdict && is.verdict->outcome != XSI_RESTORES)
        xsi_mending_refuse(g, c->recipe->name, c->at,
                           "it would not help: %s would still answer: %.200s",
                           is.verdict->reader.name, is.verdict->reason);
    look_away(&is);
    xsi_plan_cut(g->plan, steps);
    return 0;
}

/* ---------------------------------------------------------------- the loop ---- */

/* The first candidate that brings the image forward. 1 made, 0 none does, -errno. */
static int advance_by(struct xsi_mending *g, struct xsi_candidates *all, struct xsi_error *err)
{
    const struct xsi_candidate_row *c;
    int rc = 0;

    while (!rc && g->trials < TRIALS_MAX && (c = xsi_candidates_next(all)))
        rc = trial(g, c, err);
    return rc;
}

/* One step forward, by what loses least. */
static int advance(struct xsi_mending *g, struct xsi_error *err)
{
    int was = rank(&g->seen), rc = 0;

    for (g->price = XSI_PRICE_NONE; !rc && g->price <= XSI_PRICE_LOSES; g->price++) {
        struct xsi_candidates *all = xsi_candidates_new(g);

        rc = all ? advance_by(g, all, err) : -ENOMEM;
        xsi_candidates_free(all);
    }
    if (rank(&g->seen) > was)
        g->earned = xsi_plan_steps(g->plan);
    return rc;
}

/*
 * How many steps are worth their price. Those that brought the reader no nearer and left as much
 * damage are worse than none; and fewer findings alone do not buy a loss.
 */
static size_t worth(const struct xsi_mending *g)
{
    const struct xsi_seen before = { .verdict = g->out->judged ? &g->out->before : NULL };
    size_t steps = xsi_plan_steps(g->plan);

    if (rank(&g->seen) <= rank(&before) && g->seen.errors >= g->out->errors_before)
        return g->first;
    for (size_t i = g->earned; i < steps && !g->options->code; i++)
        if (price(xsi_plan_step(g->plan, i)) == XSI_PRICE_LOSES)
            return i;
    return steps;
}

static int take_back(struct xsi_mending *g, struct xsi_error *err)
{
    size_t keep = worth(g);

    if (g->options->recipe || keep == xsi_plan_steps(g->plan))
        return 0;
    if (g->seen.verdict && g->seen.verdict->outcome != XSI_RESTORES)
        xsi_mending_refuse(g, xsi_plan_step(g->plan, keep)->recipe, g->seen.verdict->where,
                           "with it and what else could be done %s would still answer: %.200s",
                           g->out->reader.name, g->seen.verdict->reason);
    xsi_plan_cut(g->plan, keep);
    look_away(&g->seen);
    return look(g, &g->seen, err);
}

static int mend(struct xsi_mending *g, struct xsi_error *err)
{
    int rc = look(g, &g->seen, err);

    if (rc)
        return rc;
    g->out->errors_before = g->seen.errors;
    g->first = g->earned = xsi_plan_steps(g->plan);
    meet_reader(g);
    do
        rc = advance(g, err);
    while (rc > 0 && xsi_plan_steps(g->plan) - g->first < STEPS_MAX);
    return rc < 0 ? rc : take_back(g, err);
}

static bool options_known(const struct xsi_mend_options *o, struct xsi_error *err)
{
    struct xsi_reader reader;
    const struct {
        const char *given, *what, *list;
        bool known;
    } names[] = {
        { o->reader, "reader", "xsdump --list-readers",
          o->reader && xsi_reader_lookup(o->reader, &reader) },
        { o->recipe, "recipe", "xsrecover help recipes",
          o->recipe && xsi_recipe_lookup(o->recipe) },
        { o->code, "finding", "xsdump --list-findings", o->code && xsi_finding_lookup(o->code) },
    };
    size_t i = 0;

    while (i < 3 && (!names[i].given || names[i].known))
        i++;
    if (i == 3)
        return true;
    err->code = EINVAL;
    snprintf(err->text, sizeof(err->text), "no %s is called '%.40s'; %s names them", names[i].what,
             names[i].given, names[i].list);
    return false;
}

struct xsi_mended *xsi_mend(struct xsi_plan *plan, const struct xsi_mend_options *options,
                            struct xsi_error *err)
{
    static const struct xsi_mend_options defaults;
    struct xsi_mending g = { .plan = plan, .options = options ? options : &defaults };
    int rc;

    *err = (struct xsi_error){ 0, "" };
    if (!options_known(g.options, err))
        return NULL;
    g.out = calloc(1, sizeof(*g.out));
    if (g.options->reader)
        snprintf(g.reader_name, sizeof(g.reader_name), "%s", g.options->reader);
    rc = g.out ? mend(&g, err) : -ENOMEM;
    if (!rc) {
        g.out->steps = xsi_plan_steps(plan) - g.first;
        g.out->errors = g.seen.errors;
        g.out->info = *xsi_map_info(g.seen.map);
        if (g.seen.verdict)
            g.out->after = *g.seen.verdict;
    } else {
        free(g.out);
        g.out = NULL;
        if (!err->code)
            err->code = -rc, snprintf(err->text, sizeof(err->text), "%s", strerror(-rc));
    }
    look_away(&g.seen);
    return g.out;
}
