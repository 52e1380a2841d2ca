/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What to try next, the most promising first: the recipe that the verdict names, those of the
 * findings that the reader made, those of the walk's findings from front to back (damage in front
 * is often the cause of what is seen behind it), then recipes that look for work themselves.
 */
#include <stdlib.h>
#include <strings.h>

#include "mend.h"

enum { PLACES = 8 }; /* of one recipe in one round: the next round looks again */

struct xsi_candidates {
    size_t count, next, capacity;
    struct xsi_candidate_row row[];
};

static void add(struct xsi_candidates *all, const struct xsi_candidate_row *c)
{
    size_t places = 0;

    if (all->count == all->capacity || !c->recipe)
        return;
    for (size_t i = 0; i < all->count; i++) {
        if (all->row[i].recipe != c->recipe)
            continue;
        if (all->row[i].finding == c->finding && all->row[i].at == c->at)
            return;
        if (++places == PLACES)
            return;
    }
    all->row[all->count++] = *c;
}

static const struct xsi_recipe *recipe_of(const char *name)
{
    return name && *name ? xsi_recipe_lookup(name) : NULL;
}

static bool wanted(const struct xsi_mend_options *o, const struct xsi_finding_row *row)
{
    return !o->code || !strcasecmp(row->code, o->code) || !strcasecmp(row->slug, o->code);
}

static void of_verdict(struct xsi_candidates *all, const struct xsi_verdict *v,
                       const struct xsi_mend_options *o)
{
    struct xsi_candidate_row fix = { .recipe = recipe_of(v->fix), .at = v->where };

    for (size_t i = 0; i < v->finding_count && !fix.finding; i++)
        if (recipe_of(v->findings[i].row->recipe) == fix.recipe) {
            fix.finding = v->findings[i].row;
            fix.at = v->findings[i].offset;
            fix.length = v->findings[i].length;
        }
    if (!o->code || (fix.finding && wanted(o, fix.finding)))
        add(all, &fix);
    for (size_t i = 0; i < v->finding_count; i++) {
        const struct xsi_verdict_finding *f = &v->findings[i];
        const struct xsi_candidate_row c = { recipe_of(f->row->recipe), f->row, f->offset,
                                             f->length, false };

        if (wanted(o, f->row))
            add(all, &c);
    }
}

static void of_walk(struct xsi_candidates *all, const struct xsi_mending *g)
{
    const struct xsi_verdict *v = g->seen.verdict;
    const struct xsi_finding *f;
    size_t count;

    f = xsi_map_findings(g->seen.map, &count);
    for (size_t i = 0; i < count; i++) {
        const struct xsi_candidate_row c = { recipe_of(f[i].row->recipe), f[i].row, f[i].offset,
                                             f[i].length, false };

        if (g->options->code ? wanted(g->options, f[i].row)
                             : xsi_finding_asks(&f[i]) || (v && v->outcome != XSI_RESTORES))
            add(all, &c);
    }
}

/* Only the recipe that was asked for: once wherever the user or the verdict points, else for each
 * finding that names it. */
static void of_user(struct xsi_candidates *all, const struct xsi_mending *g)
{
    struct xsi_candidate_row c = { .recipe = recipe_of(g->options->recipe) };
    const struct xsi_finding *f;
    size_t count;

    c.asked = xsi_plan_steps(g->plan) == g->first; /* what follows must help */
    c.at = g->options->at;
    f = xsi_map_findings(g->seen.map, &count);
    for (size_t i = 0; i < count; i++)
        if (recipe_of(f[i].row->recipe) == c.recipe && wanted(g->options, f[i].row) &&
            (!g->options->has_at || f[i].offset == c.at)) {
            c.finding = f[i].row;
            c.at = f[i].offset;
            c.length = f[i].length;
            add(all, &c);
        }
    if (!all->count && !g->options->has_at && g->seen.verdict)
        c.at = g->seen.verdict->where;
    if (!all->count && c.asked)
        add(all, &c);
}

static void of_themselves(struct xsi_candidates *all, uint64_t at)
{
    const struct xsi_recipe *r;

    for (size_t i = 0; (r = xsi_recipe_at(i)); i++) {
        const struct xsi_candidate_row c = { .recipe = r, .at = at };

        if (r->unasked)
            add(all, &c);
    }
}

struct xsi_candidates *xsi_candidates_new(const struct xsi_mending *g)
{
    const struct xsi_verdict *v = g->seen.verdict;
    struct xsi_candidates *all;
    size_t recipes = 0;

    while (xsi_recipe_at(recipes))
        recipes++;
    all = calloc(1, sizeof(*all) + (recipes + 1) * (PLACES + 1) * sizeof(all->row[0]));
    if (!all)
        return NULL;
    all->capacity = (recipes + 1) * (PLACES + 1);
    if (g->options->recipe) {
        of_user(all, g);
        return all;
    }
    if (v && v->outcome != XSI_RESTORES)
        of_verdict(all, v, g->options);
    of_walk(all, g);
    if ((!v || v->outcome != XSI_RESTORES) && !g->options->code)
        of_themselves(all, v ? v->where : 0);
    return all;
}

void xsi_candidates_free(struct xsi_candidates *c)
{
    free(c);
}

const struct xsi_candidate_row *xsi_candidates_next(struct xsi_candidates *c)
{
    return c->next < c->count ? &c->row[c->next++] : NULL;
}
