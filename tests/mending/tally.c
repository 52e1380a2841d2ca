/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each recipe achieved. */
#include <strings.h>

#include "mending.h"

enum { RECIPES = 256 };

static struct {
    unsigned used;    /* plans with the recipe in them */
    unsigned rescued; /* of these: fails, then restores */
    unsigned lost;    /* loses or undefined, then restores */
    unsigned cleared; /* restored before too */
    unsigned partly;  /* the reader came further */
} done[RECIPES];

/*
 * Recipes that no image needs to get from `fails` to `restores`, and why. They have to end in
 * `restores` all the same; those without `edits` have nothing to do but to say why not.
 */
static const struct {
    const char *recipe, *why;
    bool no_edits;
} silent[] = {
    { "order-xapi-parts", "xapi takes parts in any order", false },
    { "libxl-normalise", "libxl reads over both; only verify-stream-v2 refuses them", false },
    { "v2-clear-reserved", "no reader looks at them; only verify-stream-v2 does", false },
    { "v2-upgrade", "newer readers take both versions", false },
    { "v2-cut-after-end", "no reader of a bare stream reads behind END", false },
    { "v2-make-params", "a guest without them is restored, and loses its rings", false },
    { "other-width", "says why, and makes no edit", true },
    { NULL, NULL, false },
};

static size_t silent_row(const char *recipe)
{
    size_t i = 0;

    while (silent[i].recipe && strcasecmp(silent[i].recipe, recipe) != 0)
        i++;
    return i;
}

static size_t index_of(const char *name)
{
    const struct xsi_recipe *r;
    size_t i = 0;

    while ((r = xsi_recipe_at(i)) && strcasecmp(r->name, name) != 0)
        i++;
    return i;
}

void tally(struct xsi_plan *plan, const struct xsi_mended *m)
{
    bool seen[RECIPES] = { false };

    for (size_t i = 0; i < xsi_plan_steps(plan); i++) {
        size_t n = index_of(xsi_plan_step(plan, i)->recipe);

        if (n >= RECIPES || seen[n])
            continue;
        seen[n] = true;
        done[n].used++;
        if (m->before.outcome != XSI_RESTORES && m->after.outcome != XSI_RESTORES)
            done[n].partly++;
        else if (m->before.outcome == XSI_FAILS)
            done[n].rescued++;
        else if (m->before.outcome != XSI_RESTORES)
            done[n].lost++;
        else
            done[n].cleared++;
    }
}

bool tally_print(bool all)
{
    const struct xsi_recipe *r;
    bool good = true;

    printf("%-28s %6s %6s %6s %6s %6s\n", "RECIPE", "plans", "fails", "loses", "clears", "partly");
    for (size_t i = 0; (r = xsi_recipe_at(i)) && i < RECIPES; i++) {
        size_t row = silent_row(r->name);
        bool may = silent[row].recipe;
        bool ok =
            done[i].rescued || (may && (done[i].lost || done[i].cleared)) || silent[row].no_edits;

        printf("%-28s %6u %6u %6u %6u %6u  %s%s\n", r->name, done[i].used, done[i].rescued,
               done[i].lost, done[i].cleared, done[i].partly,
               ok || !all      ? ""
               : !done[i].used ? "NOT EXERCISED "
                               : "NEVER FROM fails TO restores ",
               may ? silent[row].why : "");
        good = good && (ok || !all);
    }
    return good;
}
