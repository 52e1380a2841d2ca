/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of a reader know, kept beyond their end. */
#include <inttypes.h>
#include <string.h>

#include "run_session.h"

struct taker {
    struct xsi_sink sink;
    struct run_session *s;
    struct run_part *part; /* whose values come; NULL none */
};

static void take_part(struct taker *t, const struct xsi_value *v)
{
    struct run_session *s = t->s;

    t->part = v->number < RUN_PARTS ? &s->part[v->number] : NULL;
    if (!t->part)
        return;
    if (s->parts <= v->number)
        s->parts = (size_t)v->number + 1;
    t->part->who = v->name;
    t->part->live = true;
    t->part->old = false;
    t->part->count = 0;
}

static void take(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct taker *t = (struct taker *)sink;
    struct run_fact *f;

    if (v->kind == XSI_GROUP) {
        take_part(t, v);
        return;
    }
    if (!t->part || v->kind == XSI_CLOSE || t->part->count == RUN_FACTS)
        return;
    f = &t->part->fact[t->part->count++];
    f->who = t->part->who;
    f->name = v->name;
    f->unit = v->unit;
    f->help = v->help;
    f->kind = v->kind;
    f->number = v->number;
    f->minor = v->level > 1;
    f->text[0] = '\0';
    if (v->text)
        xsi_escape(f->text, sizeof(f->text), v->text, v->text_length);
}

void run_facts(struct run_session *s)
{
    struct taker t = { { take }, s, NULL };

    for (size_t i = 0; i < s->parts; i++)
        s->part[i].live = false;
    xsi_run_facts(s->run, &t.sink);
}

static const struct run_fact *find_in(const struct run_part *part, const char *name)
{
    for (size_t i = 0; i < part->count; i++)
        if (!strcmp(part->fact[i].name, name))
            return &part->fact[i];
    return NULL;
}

const struct run_fact *run_fact_find(const struct run_session *s, const char *name, bool old)
{
    const char *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : 0;

    /* parts that are at work go before those that have returned */
    for (int live = 1; live >= 0; live--) {
        for (size_t i = s->parts; i--;) {
            const struct run_part *part = &s->part[i];
            const struct run_fact *f = NULL;

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

char *run_fact_text(const struct run_fact *f, char *out, size_t size)
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
