/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plans. A step keeps its splices as they were staged; the planned image is the base with all steps
 * that are not taken back, worked out anew after each change: plans have few steps.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../source/internal.h"
#include "internal.h"

enum { STEPS_MAX = 65536, KEEP_MAX = 64 };

struct plan_step {
    struct xsi_planned about;
    struct xsi_splice *splice; /* of the image in front of the step; the bytes are owned */
    size_t count;
    uint64_t size;     /* of the image behind it */
    size_t keep_count; /* pieces noted up to here */
};

/* The planned image: one source for the plan's life, whatever lies below it at the moment, so that
 * who holds it needs not know that the plan changed. */
struct planned_source {
    struct xsi_source src;
    struct xsi_plan *plan;
};

struct xsi_plan {
    struct planned_source planned;
    struct xsi_source *base;
    uint64_t base_size;
    struct plan_step *step;
    size_t count, total; /* steps that count; those that could be redone lie behind */
    struct xsi_stretches image;
    struct xsi_edit *edit;
    size_t edit_count;
    bool worked_out;
    struct xsi_source *overlay;
    struct xsi_kept keep[KEEP_MAX];
    size_t keep_count, keep_after; /* pieces; steps in front of those of the next step */
    char reader[40];
    struct xsi_identity identity; /* of a base that was let go */
};

static int no_memory(struct xsi_error *err)
{
    return xsi_source_fault(err, ENOMEM, "out of memory for the plan");
}

static void step_free(struct plan_step *s)
{
    for (size_t i = 0; i < s->count; i++)
        free((void *)(uintptr_t)s->splice[i].inserted);
    free(s->splice);
}

static void forget(struct xsi_plan *plan)
{
    if (plan->overlay)
        xsi_source_free(plan->overlay);
    plan->overlay = NULL;
    free(plan->edit);
    plan->edit = NULL;
    plan->edit_count = 0;
    plan->worked_out = false;
}

static const struct xsi_source_ops planned_ops;

struct xsi_plan *xsi_plan_new(struct xsi_source *base, struct xsi_error *err)
{
    struct xsi_plan *plan = calloc(1, sizeof(*plan));

    if (!plan) {
        no_memory(err);
        return NULL;
    }
    if (!xsi_source_seekable(base) || !xsi_source_size(base, &plan->base_size)) {
        xsi_source_fault(
            err, ESPIPE,
            "the image can only be read from front to back, so no edit can be laid over it; save "
            "it, decompressed, to a file and open that");
        free(plan);
        return NULL;
    }
    plan->base = base;
    xsi_source_init(&plan->planned.src, &planned_ops, XSI_SOURCE_OVERLAY, "the plan");
    plan->planned.src.seekable = true;
    plan->planned.src.below = base;
    plan->planned.plan = plan;
    return plan;
}

void xsi_plan_free(struct xsi_plan *plan)
{
    if (!plan)
        return;
    forget(plan);
    for (size_t i = 0; i < plan->total; i++)
        step_free(&plan->step[i]);
    free(plan->step);
    xsi_stretches_free(&plan->image);
    xsi_identity_free(&plan->identity);
    free(plan);
}

static void drop_behind(struct xsi_plan *plan, size_t steps)
{
    while (plan->total > steps)
        step_free(&plan->step[--plan->total]);
    if (plan->count > plan->total)
        plan->count = plan->total;
    forget(plan);
}

void xsi_plan_cut(struct xsi_plan *plan, size_t steps)
{
    drop_behind(plan, steps);
    plan->keep_after = SIZE_MAX;
}

/* Pieces of the steps that count; those noted since for the next step stay behind them. */
static size_t kept(const struct xsi_plan *plan)
{
    return plan->count ? plan->step[plan->count - 1].keep_count : 0;
}

/* ---------------------------------------------------------------- the planned image ---- */

/* The splices of a step go in from the back, so that their offsets hold. */
static bool lay(struct xsi_plan *plan)
{
    if (!xsi_stretches_start(&plan->image, plan->base_size))
        return false;
    for (size_t i = 0; i < plan->count; i++)
        for (size_t k = plan->step[i].count; k-- > 0;) {
            const struct xsi_splice *s = &plan->step[i].splice[k];

            if (!xsi_stretches_splice(&plan->image, s->offset, s->removed, s->inserted,
                                      s->inserted_length, i))
                return false;
        }
    return true;
}

static void add_why(struct xsi_edit *e, const struct xsi_planned *step)
{
    size_t n = strlen(e->why);

    if (*step->why && !strstr(e->why, step->why))
        snprintf(e->why + n, sizeof(e->why) - n, "%s%s", n ? "; " : "", step->why);
}

/* The step that took bytes away where nothing was inserted. */
static const struct xsi_planned *remover(const struct xsi_plan *plan)
{
    for (size_t i = plan->count; i-- > 0;)
        for (size_t k = 0; k < plan->step[i].count; k++)
            if (plan->step[i].splice[k].removed)
                return &plan->step[i].about;
    return &plan->step[0].about;
}

static size_t edit_count(const struct xsi_plan *plan)
{
    uint64_t reached = 0;
    size_t n = 0;
    bool open = false;

    for (size_t i = 0; i <= plan->image.count; i++) {
        const struct xsi_stretch *s = i < plan->image.count ? &plan->image.row[i] : NULL;

        if (s && s->inserted) {
            open = true;
            continue;
        }
        if (open || (s ? s->base : plan->base_size) != reached)
            n++;
        open = false;
        reached = s ? s->base + s->length : reached;
    }
    return n;
}

/* One edit: the inserted stretches [from, to) and the base between reached and next. */
static void put_edit(struct xsi_plan *plan, struct xsi_edit *e, size_t from, size_t to,
                     uint64_t reached, uint64_t next, uint8_t **bytes)
{
    *e = (struct xsi_edit){ .offset = reached, .removed = next - reached, .inserted = *bytes };
    for (size_t i = from; i < to; i++) {
        const struct xsi_stretch *s = &plan->image.row[i];

        memcpy(*bytes, s->inserted, s->length);
        *bytes += s->length;
        e->inserted_length += s->length;
        add_why(e, &plan->step[s->step].about);
    }
    if (from == to)
        add_why(e, remover(plan));
}

static bool make_edits(struct xsi_plan *plan)
{
    size_t count = edit_count(plan), n = 0, from = 0;
    uint64_t reached = 0, inserted = 0;
    uint8_t *bytes;

    for (size_t i = 0; i < plan->image.count; i++)
        inserted += plan->image.row[i].inserted ? plan->image.row[i].length : 0;
    plan->edit = malloc(count * sizeof(*plan->edit) + inserted + 1);
    if (!plan->edit)
        return false;
    bytes = (uint8_t *)(plan->edit + count);
    for (size_t i = 0; i <= plan->image.count && n < count; i++) {
        const struct xsi_stretch *s = i < plan->image.count ? &plan->image.row[i] : NULL;
        uint64_t next = s ? s->base : plan->base_size;

        if (s && s->inserted)
            continue;
        if (from < i || next != reached)
            put_edit(plan, &plan->edit[n++], from, i, reached, next, &bytes);
        from = i + 1;
        reached = s ? s->base + s->length : reached;
    }
    plan->edit_count = n;
    return true;
}

static bool work_out(struct xsi_plan *plan)
{
    if (plan->worked_out)
        return true;
    forget(plan);
    if (!lay(plan) || !make_edits(plan))
        return false;
    plan->worked_out = true;
    return true;
}

/* What the planned image is at the moment: the base, or an overlay. NULL: no memory, no base. */
static struct xsi_source *current(struct xsi_plan *plan)
{
    struct xsi_splice *splices;

    if (!plan->count || !work_out(plan))
        return plan->count ? NULL : plan->base;
    if (plan->overlay || !plan->base)
        return plan->overlay;
    splices = calloc(plan->edit_count + 1, sizeof(*splices));
    if (!splices)
        return NULL;
    for (size_t i = 0; i < plan->edit_count; i++)
        splices[i] =
            (struct xsi_splice){ plan->edit[i].offset, plan->edit[i].removed,
                                 plan->edit[i].inserted, (size_t)plan->edit[i].inserted_length };
    plan->overlay = xsi_source_overlay(plan->base, splices, plan->edit_count, NULL);
    free(splices);
    return plan->overlay;
}

static struct xsi_source *below(const struct xsi_source *src)
{
    return current(((const struct planned_source *)src)->plan);
}

static ssize_t planned_read(struct xsi_source *src, void *buf, size_t len, uint64_t offset)
{
    struct xsi_source *now = below(src);
    ssize_t got = now ? xsi_source_read(now, buf, len, offset) : -ENOMEM;

    if (got < 0 && now)
        src->error = now->error;
    return got;
}

static bool planned_size(const struct xsi_source *src, uint64_t *size)
{
    struct xsi_source *now = below(src);

    return now && xsi_source_size(now, size);
}

static uint64_t planned_next_data(struct xsi_source *src, uint64_t offset)
{
    struct xsi_source *now = below(src);

    return now ? xsi_source_next_data(now, offset) : offset;
}

static void planned_will_need(struct xsi_source *src, uint64_t offset, size_t len)
{
    struct xsi_source *now = below(src);

    if (now)
        xsi_source_will_need(now, offset, len);
}

static bool planned_origin(const struct xsi_source *src, uint64_t offset, uint64_t *base,
                           uint64_t *left)
{
    const struct xsi_source *now = below(src);

    *base = offset;
    *left = UINT64_MAX - offset;
    if (now && now != src->below)
        return now->ops->origin(now, offset, base, left);
    return now;
}

static void planned_free(struct xsi_source *src)
{
    (void)src; /* part of the plan */
}

static const struct xsi_source_ops planned_ops = {
    .read = planned_read,
    .size = planned_size,
    .next_data = planned_next_data,
    .will_need = planned_will_need,
    .origin = planned_origin,
    .free = planned_free,
};

struct xsi_source *xsi_plan_source(struct xsi_plan *plan)
{
    return current(plan) ? &plan->planned.src : NULL;
}

struct xsi_source *xsi_plan_base(const struct xsi_plan *plan)
{
    return plan->base;
}

const struct xsi_edit *xsi_plan_edit(struct xsi_plan *plan, size_t index)
{
    return plan->count && work_out(plan) && index < plan->edit_count ? &plan->edit[index] : NULL;
}

bool xsi_plan_origin(struct xsi_plan *plan, uint64_t offset, uint64_t *base)
{
    uint64_t within;
    size_t i;

    *base = offset;
    if (!plan->count)
        return true;
    if (!work_out(plan))
        return false;
    i = xsi_stretches_find(&plan->image, offset, &within);
    if (i < plan->image.count && plan->image.row[i].inserted)
        return false;
    *base = i < plan->image.count ? plan->image.row[i].base + within : plan->base_size;
    return true;
}

/* ---------------------------------------------------------------- steps ---- */

static int check(uint64_t size, const struct xsi_splice *s, size_t count, struct xsi_error *err)
{
    uint64_t reached = 0;

    for (size_t i = 0; i < count; i++) {
        if (s[i].offset < reached)
            return xsi_source_fault(err, EINVAL, "two edits of one step overlap at 0x%" PRIx64,
                                    s[i].offset);
        if (s[i].offset > size || s[i].removed > size - s[i].offset)
            return xsi_source_fault(
                err, EINVAL, "an edit at 0x%" PRIx64 " lies behind the image's end, 0x%" PRIx64,
                s[i].offset, size);
        reached = s[i].offset + s[i].removed;
    }
    return 0;
}

static bool copy_splices(struct plan_step *to, const struct xsi_splice *splices, size_t count)
{
    to->splice = calloc(count ? count : 1, sizeof(*to->splice));
    if (!to->splice)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint8_t *bytes = malloc(splices[i].inserted_length + 1);

        if (!bytes) {
            step_free(to);
            return false;
        }
        if (splices[i].inserted_length)
            memcpy(bytes, splices[i].inserted, splices[i].inserted_length);
        to->splice[i] = splices[i];
        to->splice[i].inserted = bytes;
        to->count = i + 1;
    }
    return true;
}

/* "at 0x10 insert f7 ff ff ff", "at 0x10 remove 16 bytes", … and how many more. */
static void describe(struct plan_step *s)
{
    const struct xsi_splice *e = &s->splice[0];
    const uint8_t *p = e->inserted;
    char *out = s->about.what;
    size_t size = sizeof(s->about.what);
    int n;

    if (!e->inserted_length)
        n = snprintf(out, size, "at 0x%" PRIx64 " remove %" PRIu64 " bytes", e->offset, e->removed);
    else if (!e->removed)
        n = snprintf(out, size, "at 0x%" PRIx64 " insert", e->offset);
    else if (e->removed == e->inserted_length)
        n = snprintf(out, size, "at 0x%" PRIx64 " set", e->offset);
    else
        n = snprintf(out, size, "at 0x%" PRIx64 " replace %" PRIu64 " bytes by", e->offset,
                     e->removed);
    if (e->inserted_length > 16)
        n += snprintf(out + n, size - (size_t)n, " %zu bytes", e->inserted_length);
    for (size_t i = 0; i < e->inserted_length && e->inserted_length <= 16; i++)
        n += snprintf(out + n, size - (size_t)n, " %02x", p[i]);
    if (s->count > 1)
        snprintf(out + n, size - (size_t)n, ", and %zu more edits", s->count - 1);
}

int xsi_plan_stage(struct xsi_plan *plan, const struct xsi_splice *splices, size_t count,
                   const struct xsi_planned *step, struct xsi_error *err)
{
    uint64_t size = plan->count ? plan->step[plan->count - 1].size : plan->base_size;
    struct plan_step *larger, *s;
    int rc;

    rc = check(size, splices, count, err);
    if (rc || !count)
        return rc;
    if (plan->count >= STEPS_MAX)
        return xsi_source_fault(err, EINVAL, "the plan has %d steps already", STEPS_MAX);
    drop_behind(plan, plan->count);
    larger = reallocarray(plan->step, plan->total + 1, sizeof(*larger));
    if (!larger)
        return no_memory(err);
    plan->step = larger;
    if (plan->keep_after != plan->count)
        plan->keep_count = kept(plan);
    s = &larger[plan->total];
    *s = (struct plan_step){ .about = *step, .keep_count = plan->keep_count };
    if (!copy_splices(s, splices, count))
        return no_memory(err);
    s->about.offset = splices[0].offset;
    s->about.grows = 0;
    for (size_t i = 0; i < count; i++)
        s->about.grows += (int64_t)splices[i].inserted_length - (int64_t)splices[i].removed;
    s->size = size + (uint64_t)s->about.grows;
    if (!*s->about.what)
        describe(s);
    plan->count = ++plan->total;
    forget(plan);
    return 0;
}

size_t xsi_plan_steps(const struct xsi_plan *plan)
{
    return plan->count;
}

const struct xsi_planned *xsi_plan_step(const struct xsi_plan *plan, size_t index)
{
    return index < plan->count ? &plan->step[index].about : NULL;
}

bool xsi_plan_undo(struct xsi_plan *plan)
{
    if (!plan->count)
        return false;
    plan->count--;
    forget(plan);
    return true;
}

bool xsi_plan_redo(struct xsi_plan *plan)
{
    if (plan->count >= plan->total)
        return false;
    plan->count++;
    forget(plan);
    return true;
}

/* ---------------------------------------------------------------- pieces worth keeping ---- */

int xsi_plan_keep(struct xsi_plan *plan, const char *name, uint64_t offset, uint64_t length)
{
    if (plan->count && !work_out(plan))
        return -ENOMEM;
    if (plan->keep_after != plan->count)
        plan->keep_count = kept(plan);
    plan->keep_after = plan->count;
    while (length && plan->keep_count < KEEP_MAX) {
        struct xsi_kept *k = &plan->keep[plan->keep_count];
        uint64_t base, within, n = length;

        if (plan->count) {
            size_t i = xsi_stretches_find(&plan->image, offset, &within);

            if (i == plan->image.count)
                break;
            if (plan->image.row[i].length - within < n)
                n = plan->image.row[i].length - within;
        }
        if (xsi_plan_origin(plan, offset, &base)) {
            *k = (struct xsi_kept){ .offset = base, .length = n };
            snprintf(k->name, sizeof(k->name), "%s", name);
            plan->keep_count++;
        }
        offset += n;
        length -= n;
    }
    return 0;
}

const struct xsi_kept *xsi_plan_piece(const struct xsi_plan *plan, size_t index)
{
    return index < kept(plan) ? &plan->keep[index] : NULL;
}

/* ---------------------------------------------------------------- another base ---- */

int xsi_plan_detach(struct xsi_plan *plan, struct xsi_error *err)
{
    int rc;

    xsi_identity_free(&plan->identity);
    rc = xsi_identity_take(&plan->identity, plan, err);
    if (plan->overlay)
        xsi_source_free(plan->overlay);
    plan->overlay = NULL;
    plan->base = plan->planned.src.below = NULL;
    return rc;
}

int xsi_plan_attach(struct xsi_plan *plan, struct xsi_source *base, struct xsi_error *err)
{
    int rc = xsi_identity_check(&plan->identity, base, err);

    if (rc)
        return rc;
    if (plan->overlay)
        xsi_source_free(plan->overlay);
    plan->overlay = NULL;
    plan->base = plan->planned.src.below = base;
    return 0;
}

void xsi_plan_set_reader(struct xsi_plan *plan, const char *reader)
{
    snprintf(plan->reader, sizeof(plan->reader), "%s", reader ? reader : "");
}

const char *xsi_plan_reader(const struct xsi_plan *plan)
{
    return plan->reader;
}
