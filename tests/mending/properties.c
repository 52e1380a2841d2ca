/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds for every plan, whatever it is about. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mending.h"

static struct {
    const char *name, *says;
    unsigned held, broken;
} properties[PROPERTIES] = {
    [IDEMPOTENT] = { "idempotent", "mending the mended image stages nothing", 0, 0 },
    [CLEAN] = { "clean", "a mended image that restores has no error that it had not before", 0, 0 },
    [OVERLAY] = { "overlay", "the file that is written is the overlay that was judged", 0, 0 },
    [NO_CLOBBER] = { "no-clobber", "a file that is there is refused and stays", 0, 0 },
    [UNTOUCHED] = { "untouched", "the original is as it was, its times too", 0, 0 },
    [IN_PLACE] = { "in-place", "in place gives what a new file gives", 0, 0 },
    [UNDO] = { "undo", "undo gives the original bytes back", 0, 0 },
    [UNDO_TWICE] = { "undo-twice", "a second undo is refused", 0, 0 },
    [UNDO_CHANGED] = { "undo-changed", "undo on a changed image is refused", 0, 0 },
    [FIT] = { "fit", "fitting a plan into the slack keeps the verdict", 0, 0 },
    [ENDS] = { "ends", "mending ends, without a fault of the system", 0, 0 },
};

bool held(enum property p, const struct trial *t, bool ok, const char *fmt, ...)
{
    va_list args;

    if (ok) {
        properties[p].held++;
        return true;
    }
    properties[p].broken++;
    printf("BROKEN %s: %s %s: ", properties[p].name, t->name, t->label);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    return false;
}

bool properties_print(void)
{
    bool all = true;

    for (size_t i = 0; i < PROPERTIES; i++) {
        printf("property %-14s %6u held %4u broken  %s\n", properties[i].name, properties[i].held,
               properties[i].broken, properties[i].says);
        all = all && !properties[i].broken && properties[i].held;
    }
    return all;
}

uint64_t plan_hash(struct xsi_plan *plan)
{
    uint64_t hash = 0xcbf29ce484222325;
    const struct xsi_edit *e;

    for (size_t i = 0; (e = xsi_plan_edit(plan, i)); i++) {
        hash = (hash ^ e->offset) * 0x100000001b3;
        hash = (hash ^ e->removed) * 0x100000001b3;
        for (uint64_t k = 0; k < e->inserted_length; k++)
            hash = (hash ^ e->inserted[k]) * 0x100000001b3;
    }
    return hash;
}

/* ---------------------------------------------------------------- without writing ---- */

static struct xsi_map *map_of(struct xsi_source *src, const struct trial *t, const char *reader)
{
    const struct xsi_map_options how = { .as = t->as, .names = &reader, .name_count = 1 };
    struct xsi_error err = { 0, "" };
    struct xsi_map *map = xsi_map_new(src, &how, &err);

    held(ENDS, t, map, "%s", err.text);
    return map;
}

static bool has(const struct xsi_map *map, const struct xsi_finding_row *row)
{
    const struct xsi_finding *f;
    size_t count = 0, i = 0;

    f = xsi_map_findings(map, &count);
    while (i < count && f[i].row != row)
        i++;
    return i < count;
}

/* A bare libxc does not look at the layers around its stream. */
static bool others(const struct xsi_mended *m, const struct xsi_finding_row *row)
{
    return (m->reader.variant & XSI_READER_LIBXC) && !strncmp(row->code, "XS-X", 4);
}

/*
 * `check` for the same reader: neither an error nor damage that the image did not have before. What
 * is left of that is named; the reader does not mind it and nothing is known that would mend it.
 */
static void clean(const struct trial *t, struct xsi_plan *plan, const struct xsi_mended *m)
{
    struct xsi_map *was = map_of(xsi_plan_base(plan), t, m->reader.name);
    struct xsi_map *is = map_of(xsi_plan_source(plan), t, m->reader.name);
    const struct xsi_finding *f;
    size_t count = 0;

    f = was && is ? xsi_map_findings(is, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        if (f[i].severity != XSI_ERROR && f[i].row->effect != XSI_DAMAGED &&
            f[i].row->effect != XSI_TRUNCATED)
            continue;
        if (held(CLEAN, t, has(was, f[i].row) || others(m, f[i].row), "%s at 0x%" PRIx64 ": %s",
                 f[i].row->code, f[i].offset, f[i].text))
            printf("    left   %s at 0x%" PRIx64 ": %s\n", f[i].row->code, f[i].offset, f[i].text);
    }
    held(CLEAN, t, true, "%s", "");
    xsi_map_free(was);
    xsi_map_free(is);
}

void idempotent(const struct trial *t, struct xsi_plan *plan, const struct xsi_mended *m)
{
    const struct xsi_mend_options how = { .reader = t->reader, .as = t->as };
    struct xsi_error err = { 0, "" };
    struct xsi_plan *again = xsi_plan_new(xsi_plan_source(plan), &err);
    struct xsi_mended *second = again ? xsi_mend(again, &how, &err) : NULL;

    if (held(ENDS, t, second, "the second time: %s", err.text)) {
        const struct xsi_planned *step = xsi_plan_step(again, 0);

        held(IDEMPOTENT, t, !second->steps && second->before.outcome == m->after.outcome,
             "%s, then %s: %s %s", outcome_name(&m->after), outcome_name(&second->before),
             step ? step->recipe : "no step", step ? step->why : "");
        if (m->judged && m->after.outcome == XSI_RESTORES)
            clean(t, plan, m);
    }
    free(second);
    xsi_plan_free(again);
}

/* The slack takes up what the plan grows by: the reader must not mind. */
void fits(const struct trial *t, struct xsi_plan *plan, const struct xsi_mended *m)
{
    const struct xsi_map_options how = { .as = t->as, .names = &m->reader.alias, .name_count = 1 };
    struct xsi_map_options named = how;
    const char *name = m->reader.name;
    size_t steps = xsi_plan_steps(plan);
    struct xsi_error err = { 0, "" };
    struct xsi_map *map;

    named.names = &name;
    if (!held(FIT, t, !xsi_plan_fit(plan, m->info.stream_end, false, &err), "%s", err.text) ||
        !m->judged || xsi_plan_steps(plan) == steps)
        return;
    map = xsi_map_new(xsi_plan_source(plan), &named, &err);
    if (held(FIT, t, map && xsi_map_verdict(map, 0), "%s", err.text))
        held(FIT, t, xsi_map_verdict(map, 0)->outcome == m->after.outcome, "%s, fitted %s: %s",
             outcome_name(&m->after), outcome_name(xsi_map_verdict(map, 0)),
             xsi_map_verdict(map, 0)->reason);
    xsi_map_free(map);
}

/* ---------------------------------------------------------------- written ---- */

struct paths {
    char out[512], work[512], state[512];
};

static bool same_times(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool new_file(const struct trial *t, struct xsi_plan *plan, const struct paths *p)
{
    struct xsi_written w = { 0 };
    struct xsi_error err = { 0, "" };
    struct stat first = { 0 }, then = { 0 };
    uint64_t at = 0;
    int rc;

    unlink(p->out);
    rc = xsi_write_file(plan, t->image, p->out, &w, &err);
    if (!held(OVERLAY, t, !rc, "not written: %s", err.text))
        return false;
    held(OVERLAY, t, file_is(p->out, xsi_plan_source(plan), &at), "differs at 0x%" PRIx64, at);
    held(OVERLAY, t, !stat(p->out, &first) && (first.st_mode & 0777) == 0600, "mode %o",
         first.st_mode & 0777);
    rc = xsi_write_file(plan, t->image, p->out, &w, &err);
    held(NO_CLOBBER, t, rc == -EEXIST, "answers %d: %s", rc, err.text);
    held(NO_CLOBBER, t, !stat(p->out, &then) && same_times(&first, &then), "changed");
    rc = xsi_write_file(plan, t->image, t->image, &w, &err);
    held(NO_CLOBBER, t, rc == -EEXIST, "the image as its own target: %d: %s", rc, err.text);
    return true;
}

static void undone(const struct trial *t, const struct paths *p, const struct xsi_written *w,
                   const struct xsi_write_options *how)
{
    struct xsi_written back;
    struct xsi_error err = { 0, "" };
    int rc = xsi_undo(w->undo, p->work, how, true, &back, &err);

    held(UNDO, t, !rc && files_same(p->work, p->out), "a dry undo: %d %s", rc, err.text);
    rc = xsi_undo(w->undo, p->work, how, false, &back, &err);
    held(UNDO, t, !rc && files_same(p->work, t->image), "%d %s", rc, err.text);
    rc = xsi_undo(w->undo, p->work, how, false, &back, &err);
    held(UNDO_TWICE, t, rc == -EALREADY && files_same(p->work, t->image), "%d %s", rc, err.text);
}

/* A byte that the write made is changed before the undo. */
static void changed(const struct trial *t, const struct paths *p, const struct xsi_written *w,
                    uint64_t at, const struct xsi_write_options *how)
{
    struct xsi_written back;
    struct xsi_error err = { 0, "" };
    struct stat st;
    int rc;

    if (stat(p->work, &st) || !st.st_size)
        return; /* nothing is left that could change */
    if (at >= (uint64_t)st.st_size)
        at = (uint64_t)st.st_size - 1;
    if (!file_flip(p->work, at))
        return;
    rc = xsi_undo(w->undo, p->work, how, false, &back, &err);
    held(UNDO_CHANGED, t, rc == -ESTALE, "%d %s", rc, err.text);
    held(UNDO_CHANGED, t, file_flip(p->work, at) && files_same(p->work, p->out),
         "the image was written");
}

static void in_place(const struct trial *t, struct xsi_plan *plan, const struct paths *p)
{
    const struct xsi_write_options how = { .state = p->state };
    uint64_t at = xsi_plan_edit(plan, 0)->offset;
    struct xsi_written w = { 0 };
    struct xsi_error err = { 0, "" };
    int rc = xsi_plan_detach(plan, &err);

    if (!held(IN_PLACE, t, !rc, "%s", err.text) ||
        !held(IN_PLACE, t, file_copy(t->image, p->work), "no copy"))
        return;
    for (unsigned round = 0; round < 2; round++) {
        rc = xsi_write_in_place(plan, p->work, &how, &w, &err);
        if (!held(IN_PLACE, t, !rc, "%d %s", rc, err.text))
            return;
        held(IN_PLACE, t, files_same(p->work, p->out), "differs from the new file");
        if (round)
            changed(t, p, &w, at, &how);
        else
            undone(t, p, &w, &how);
        unlink(w.undo);
    }
}

void writes(const struct trial *t, struct xsi_plan *plan)
{
    struct paths p;
    struct stat before = { 0 }, after = { 0 };

    snprintf(p.out, sizeof(p.out), "%s/out", t->folder);
    snprintf(p.work, sizeof(p.work), "%s/work", t->folder);
    snprintf(p.state, sizeof(p.state), "%s/state", t->folder);
    if (stat(t->image, &before) || !xsi_plan_edit(plan, 0))
        return;
    if (new_file(t, plan, &p))
        in_place(t, plan, &p);
    held(UNTOUCHED, t, !stat(t->image, &after) && same_times(&before, &after), "it was written");
    unlink(p.out);
    unlink(p.work);
}
