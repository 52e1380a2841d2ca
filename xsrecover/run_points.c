/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Breakpoints and watchpoints: rows that are asked at each read. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run_session.h"

#define POINTS_MAX  64
#define CHUNKS_SEEN 64 /* chunks of one read that are looked at */

enum kind { AT_OFFSET, AT_TYPE, AT_CODE, AT_CHECKPOINT, AT_ERROR, AT_CHANGE };

struct point {
    enum kind kind;
    unsigned number; /* how people name it */
    uint64_t offset; /* AT_OFFSET; AT_CHECKPOINT: the checkpoint, 0 any */
    char name[64];   /* type, fact */
    const struct xsi_finding_row *code;
    bool known; /* AT_CHANGE, AT_CHECKPOINT: `last` is there */
    char last[200];
    uint64_t hits;
};

struct points {
    struct point point[POINTS_MAX];
    size_t count;
    unsigned next;
};

static struct points *points_of(struct debug *d)
{
    if (!d->points.data)
        d->points = (struct debug_slot){ calloc(1, sizeof(struct points)), free };
    return d->points.data;
}

bool run_points_any(const struct debug *d)
{
    const struct points *p = d->points.data;

    return p && p->count;
}

void run_points_reset(struct debug *d)
{
    struct points *p = d->points.data;

    for (size_t i = 0; p && i < p->count; i++)
        p->point[i].known = false;
}

/* What it waits for, in words. */
static void describe(const struct point *p, char *out, size_t size)
{
    switch (p->kind) {
    case AT_OFFSET:
        snprintf(out, size, "offset 0x%" PRIx64, p->offset);
        break;
    case AT_TYPE:
        snprintf(out, size, "chunks of type %s", p->name);
        break;
    case AT_CODE:
        snprintf(out, size, "finding %s", p->code->code);
        break;
    case AT_CHECKPOINT:
        snprintf(out, size, p->offset ? "checkpoint %" PRIu64 : "any checkpoint", p->offset);
        break;
    case AT_ERROR:
        snprintf(out, size, "error lines");
        break;
    default:
        snprintf(out, size, "changes of %s", p->name);
        break;
    }
}

/* ---------------------------------------------------------------- asking ---- */

static bool covers(const struct xsi_run_event *read, uint64_t offset)
{
    return offset == read->offset || (offset > read->offset && offset - read->offset < read->got);
}

/* Does the read begin in, or come to, a chunk of this type? */
static bool meets_type(const struct run_session *s, const char *type)
{
    const struct xsi_run_event *read = &s->play->read;
    const struct xsi_map_row *row = s->row, *last;
    size_t count;

    last = xsi_map_rows(s->map, &count) + count;
    if (row && row == s->before) /* it was there before */
        row++;
    for (unsigned i = 0; row && row < last && i < CHUNKS_SEEN; i++, row++) {
        if (row->offset > read->offset && row->offset - read->offset >= read->got)
            break;
        if (!strcmp(row->type, type))
            return true;
    }
    return false;
}

static bool meets_code(struct debug *d, const struct run_session *s,
                       const struct xsi_finding_row *code)
{
    size_t n;
    const struct xsi_finding *f = xsi_map_findings(d->map, &n);

    for (size_t i = 0; i < n; i++)
        if (f[i].row == code && covers(&s->play->read, f[i].offset))
            return true;
    return false;
}

/* A value that is watched: its change, and what it was. */
static bool changed(const struct run_session *s, struct point *p, const char *name, char *was,
                    size_t size)
{
    const struct replay_fact *f = replay_fact_find(s->play, name, false);
    char now[sizeof(p->last)];
    bool differs;

    if (!f)
        return false;
    replay_fact_text(f, now, sizeof(now));
    differs = p->known && strcmp(now, p->last) != 0;
    snprintf(was, size, "%s", p->last);
    snprintf(p->last, sizeof(p->last), "%s", now);
    p->known = true;
    return differs;
}

static bool wants(struct debug *d, const struct run_session *s, struct point *p, char *what,
                  size_t size)
{
    char was[sizeof(p->last)];

    describe(p, what, size);
    switch (p->kind) {
    case AT_OFFSET:
        return covers(&s->play->read, p->offset);
    case AT_TYPE:
        return meets_type(s, p->name);
    case AT_CODE:
        return meets_code(d, s, p->code);
    case AT_CHECKPOINT:
        if (!changed(s, p, "checkpoints", was, sizeof(was)))
            return false;
        snprintf(what, size, "checkpoint %s is complete", p->last);
        return strcmp(p->last, "0") != 0 &&
               (!p->offset || strtoull(p->last, NULL, 10) == p->offset);
    case AT_CHANGE:
        if (!changed(s, p, p->name, was, sizeof(was)))
            return false;
        snprintf(what, size, "%s: %s -> %s", p->name, *was ? was : "nothing",
                 *p->last ? p->last : "nothing");
        return true;
    default:
        return false;
    }
}

void run_points_look(struct debug *d, const struct run_session *s)
{
    struct points *p = d->points.data;
    char what[512];

    for (size_t i = 0; p && i < p->count; i++) {
        p->point[i].known = false;
        (void)wants(d, s, &p->point[i], what, sizeof(what));
    }
}

static void tell(struct debug *d, struct point *p, const char *what)
{
    p->hits++;
    fprintf(d->term.out, "%s%s %u%s  %s\n", cli_colour(&d->term, CLI_BOLD),
            p->kind == AT_CHANGE ? "watchpoint" : "breakpoint", p->number,
            cli_colour(&d->term, CLI_PLAIN), what);
}

bool run_points_hit(struct debug *d, const struct run_session *s)
{
    struct points *p = d->points.data;
    bool hit = false;
    char what[512];

    for (size_t i = 0; p && i < p->count; i++) {
        if (wants(d, s, &p->point[i], what, sizeof(what))) {
            tell(d, &p->point[i], what);
            hit = true;
        }
    }
    return hit;
}

bool run_points_error(struct debug *d, const struct run_session *s)
{
    struct points *p = d->points.data;

    for (size_t i = 0; s->play->errors && p && i < p->count; i++) {
        if (p->point[i].kind == AT_ERROR) {
            tell(d, &p->point[i], "an error line");
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- setting ---- */

static struct point *add(struct debug *d, enum kind kind, const char *name)
{
    struct points *p = points_of(d);
    struct point *point;

    if (!p || p->count == POINTS_MAX) {
        debug_fail(d, CLI_USAGE, "there are %u break- and watchpoints; delete one: break delete N",
                   p ? POINTS_MAX : 0);
        return NULL;
    }
    point = &p->point[p->count++];
    *point = (struct point){ .kind = kind, .number = ++p->next };
    snprintf(point->name, sizeof(point->name), "%s", name);
    return point;
}

/* A chunk's type of this image, in capitals as its name has them. */
static bool is_type(struct debug *d, const char *text, char *type, size_t size)
{
    const struct xsi_map_row *row;
    size_t n;

    for (n = 0; text[n] && n + 1 < size; n++)
        type[n] = (char)toupper((unsigned char)text[n]);
    type[n] = '\0';
    row = xsi_map_type(d->map, type, 0);
    row = row ? row : xsi_map_type(d->map, text, 0);
    if (row)
        snprintf(type, size, "%s", row->type);
    return row != NULL;
}

static int told(struct debug *d, const struct point *p, const char *more)
{
    char what[160];

    describe(p, what, sizeof(what));
    fprintf(d->term.out, "%s %u  %s%s\n", p->kind == AT_CHANGE ? "watchpoint" : "breakpoint",
            p->number, what, more);
    return 0;
}

static int break_place(struct debug *d, const char *where)
{
    const struct xsi_finding_row *code = xsi_finding_lookup(where);
    struct point *p;
    uint64_t offset;
    char type[64], more[200];

    if (code) {
        p = add(d, AT_CODE, where);
        if (p)
            p->code = code;
        return p ? told(d, p, "") : CLI_USAGE;
    }
    if (is_type(d, where, type, sizeof(type))) {
        p = add(d, AT_TYPE, type);
        return p ? told(d, p, "") : CLI_USAGE;
    }
    if (!debug_place(d, where, &offset))
        return CLI_USAGE;
    p = add(d, AT_OFFSET, "");
    if (!p)
        return CLI_USAGE;
    p->offset = offset;
    snprintf(more, sizeof(more), ": ");
    debug_what(d, offset, more + 2, sizeof(more) - 2);
    return told(d, p, more);
}

int run_points_break(struct debug *d, const char *where, const char *number)
{
    struct point *p;
    uint64_t n = 0;

    if (number && (strcasecmp(where, "checkpoint") != 0 || !cli_number(number, &n)))
        return debug_fail(d, CLI_USAGE, "break takes one place, or: break checkpoint N");
    if (strcasecmp(where, "checkpoint") != 0 && strcasecmp(where, "error") != 0)
        return break_place(d, where);
    p = add(d, tolower((unsigned char)*where) == 'c' ? AT_CHECKPOINT : AT_ERROR, "");
    if (!p)
        return CLI_USAGE;
    p->offset = n;
    return told(d, p, "");
}

static int list_names(struct debug *d, const struct run_session *s, const char *name)
{
    char text[2048] = "it knows";
    size_t n = strlen(text);

    for (size_t i = s->play->parts; i--;) {
        const struct replay_part *part = &s->play->part[i];

        for (size_t k = 0; k < part->count && n < sizeof(text) - 80; k++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %s.%s", part->who,
                                  part->fact[k].name);
    }
    cli_wrap(&d->term, 0, 2, text);
    return debug_fail(d, CLI_USAGE, "%s knows nothing that is called '%s'", d->reader.name, name);
}

int run_points_watch(struct debug *d, const char *name)
{
    struct run_session *s = run_open(d);
    const struct replay_fact *f;
    struct point *p;
    char was[8], whole[64];

    if (!s)
        return CLI_USAGE;
    f = replay_fact_find(s->play, name, true);
    if (!f)
        return list_names(d, s, name);
    /* other parts may call something else so */
    snprintf(whole, sizeof(whole), "%s.%s", f->who, f->name);
    p = add(d, AT_CHANGE, whole);
    if (!p)
        return CLI_USAGE;
    if (s->play->reads && !s->play->over) { /* later than this it has a value to change from */
        replay_facts(s->play);
        changed(s, p, whole, was, sizeof(was));
    }
    return told(d, p, p->known ? "" : "; `run` begins");
}

/* ---------------------------------------------------------------- the list ---- */

int run_points_list(struct debug *d)
{
    const struct points *p = d->points.data;
    char what[160];

    if (!p || !p->count) {
        fprintf(d->term.out, "No break- or watchpoints. `break PLACE` and `watch STATE` make "
                             "them.\n");
        return 0;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct point *point = &p->point[i];

        describe(point, what, sizeof(what));
        fprintf(d->term.out, "%3u  %-40s", point->number, what);
        if (point->hits)
            fprintf(d->term.out, "  stopped %" PRIu64 " time%s", point->hits,
                    point->hits == 1 ? "" : "s");
        fputc('\n', d->term.out);
    }
    return 0;
}

int run_points_delete(struct debug *d, const char *which)
{
    struct points *p = d->points.data;
    uint64_t number;

    if (!strcmp(which, "all")) {
        if (p)
            p->count = 0;
        return 0;
    }
    if (!cli_number(which, &number))
        return debug_fail(d, CLI_USAGE, "which one? break delete N, or: break delete all");
    for (size_t i = 0; p && i < p->count; i++) {
        if (p->point[i].number != number)
            continue;
        memmove(&p->point[i], &p->point[i + 1], (p->count - i - 1) * sizeof(p->point[0]));
        p->count--;
        return 0;
    }
    return debug_fail(d, CLI_USAGE, "there is no point %s; `info break` lists them", which);
}
