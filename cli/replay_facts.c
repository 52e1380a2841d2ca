/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of a reader know, kept beyond their end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay.h"

struct taker {
    struct xsi_sink sink;
    struct replay *r;
    bool old;                 /* of another run than the one that is stepped through */
    struct replay_part *part; /* whose values come; NULL none */
    bool fresh;               /* nothing is known of it from the read before */
};

static void take_part(struct taker *t, const struct xsi_value *v)
{
    struct replay *r = t->r;

    t->part = v->number < REPLAY_PARTS ? &r->part[v->number] : NULL;
    if (!t->part)
        return;
    if (r->parts <= v->number)
        r->parts = (size_t)v->number + 1;
    t->fresh = t->part->old || t->part->who != v->name;
    t->part->who = v->name;
    t->part->live = true;
    t->part->old = t->old;
    t->part->count = 0;
}

/* The read behind which a fact became what it is; a part's facts come in the same order always. */
static uint64_t changed(const struct taker *t, const struct replay_fact *was,
                        const struct replay_fact *now)
{
    if (t->fresh || was->name != now->name)
        return 0;
    return was->number != now->number || strcmp(was->text, now->text) ? t->r->reads : was->changed;
}

static void take(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct taker *t = (struct taker *)sink;
    struct replay_fact f, *place;

    if (v->kind == XSI_GROUP) {
        take_part(t, v);
        return;
    }
    if (!t->part || v->kind == XSI_CLOSE || t->part->count == REPLAY_FACTS)
        return;
    f = (struct replay_fact){ .who = t->part->who,
                              .name = v->name,
                              .unit = v->unit,
                              .help = v->help,
                              .kind = v->kind,
                              .number = v->number,
                              .minor = v->level > 1 };
    if (v->text)
        xsi_escape(f.text, sizeof(f.text), v->text, v->text_length);
    place = &t->part->fact[t->part->count++];
    f.changed = changed(t, place, &f);
    *place = f;
}

static void take_all(struct replay *r, const struct xsi_run *run, bool old)
{
    struct taker t = { .sink = { take }, .r = r, .old = old };

    for (size_t i = 0; i < r->parts; i++)
        r->part[i].live = false;
    xsi_run_facts(run, &t.sink);
}

void replay_facts(struct replay *r)
{
    take_all(r, r->run, false);
}

void replay_names(struct replay *r)
{
    if (!r->reads)
        take_all(r, r->ahead, true);
}

static const struct replay_fact *find_in(const struct replay_part *part, const char *name)
{
    for (size_t i = 0; i < part->count; i++)
        if (!strcmp(part->fact[i].name, name))
            return &part->fact[i];
    return NULL;
}

const struct replay_fact *replay_fact_find(const struct replay *r, const char *name, bool old)
{
    const char *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : 0;

    /* parts that are at work go before those that have returned */
    for (int live = 1; live >= 0; live--) {
        for (size_t i = r->parts; i--;) {
            const struct replay_part *part = &r->part[i];
            const struct replay_fact *f = NULL;

            if (!part->who || part->live != live || (part->old && !old))
                continue;
            if (!dot)
                f = find_in(part, name);
            else if (strlen(part->who) == n && !strncmp(part->who, name, n))
                f = find_in(part, dot + 1);
            if (f)
                return f;
        }
    }
    return NULL;
}

char *replay_fact_text(const struct replay_fact *f, char *out, size_t size)
{
    const char *unit = f->unit ? f->unit : "", *blank = f->unit ? " " : "";

    switch (f->kind) {
    case XSI_BOOL:
        snprintf(out, size, "%s", f->number ? "yes" : "no");
        break;
    case XSI_SINT:
        if (f->unit && (int64_t)f->number == -1) /* no such length */
            snprintf(out, size, "none");
        else
            snprintf(out, size, "%" PRId64 "%s%s", (int64_t)f->number, blank, unit);
        break;
    case XSI_HEX:
    case XSI_PFN:
        snprintf(out, size, "0x%" PRIx64 "%s%s", f->number, blank, unit);
        break;
    case XSI_TEXT:
        snprintf(out, size, "%s", f->text);
        break;
    default:
        snprintf(out, size, "%" PRIu64 "%s%s%s%s", f->number, blank, unit, *f->text ? " " : "",
                 f->text);
        break;
    }
    return out;
}

bool replay_fact_empty(const struct replay_fact *f)
{
    bool hidden = f->minor || f->kind == XSI_HEX || f->kind == XSI_PFN;

    return f->kind == XSI_TEXT ? !*f->text : hidden && !f->number;
}
