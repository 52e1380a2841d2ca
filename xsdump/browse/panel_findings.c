/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is wrong. Without the focus: the findings of the current chunk in full, or the way to the
 * next one; below, once it is known, the verdict and the next command. With the focus: the list of
 * all, and the selected one in full.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "finding_here.h"
#include "panels.h"
#include "tree.h"
#include "widget_list.h"
#include "widget_text.h"

#define TEXT   1200
#define LIST   3 /* lines of the list at the least */
#define DETAIL 3 /* lines for the selected one, of a panel that has twice as many */

struct state {
    struct list list;
    /* the one that was gone to, by what it is: their numbers change while the walk goes on */
    const struct doc *doc;
    const struct xsi_finding_row *row;
    uint64_t offset;
    size_t nth; /* of those of this row and place: there can be several */
};

static struct state *state_of(struct browse *b)
{
    if (!b->slot[PANEL_FINDINGS])
        b->slot[PANEL_FINDINGS] = calloc(1, sizeof(struct state));
    return b->slot[PANEL_FINDINGS];
}

/* ---------------------------------------------------------------- findings ---- */

enum role finding_role(const struct xsi_finding *f)
{
    static const enum role roles[] = {
        [XSI_INFO] = ROLE_INFO, [XSI_WARNING] = ROLE_WARNING, [XSI_ERROR] = ROLE_ERROR
    };

    return roles[f->severity];
}

void finding_line(const struct xsi_finding *f, char *out, size_t size)
{
    snprintf(out, size, "%s %s %s at 0x%" PRIx64 ": %s", cli_severity(f->severity), f->row->code,
             f->row->slug, f->offset, f->text);
}

size_t findings_here(const struct browse *b, size_t *first)
{
    const struct look *look = &b->look;
    uint64_t offset = look->valid ? look->offset : b->at, length = look->valid ? look->length : 1;
    const struct xsi_finding *worst;

    /* what is missing at the end of the image is a matter of its last chunk */
    if (offset + length == b->doc->size)
        length++;
    *first = doc_finding_at(b->doc, offset);
    return doc_findings_in(b->doc, offset, length, &worst);
}

/* Number of the finding that was gone to; SIZE_MAX: none, or the place is another one now. */
static size_t current(const struct browse *b)
{
    const struct state *s = b->slot[PANEL_FINDINGS];
    const struct doc *doc = b->doc;
    size_t nth;

    if (!s || !s->row || s->doc != doc)
        return SIZE_MAX;
    nth = s->nth;
    for (size_t i = doc_finding_at(doc, s->offset);
         i < doc->finding_count && doc->finding[i].offset == s->offset; i++)
        if (doc->finding[i].row == s->row && !nth--)
            return doc_finding_place(doc, &doc->finding[i]) == b->at ? i : SIZE_MAX;
    return SIZE_MAX;
}

static void remember(struct browse *b, const struct xsi_finding *f)
{
    struct state *s = state_of(b);

    if (!s)
        return;
    s->doc = b->doc;
    s->row = f->row;
    s->offset = f->offset;
    s->nth = 0;
    for (const struct xsi_finding *g = f; g > b->doc->finding && (--g)->offset == f->offset;)
        s->nth += g->row == f->row;
    s->list.current = (uint64_t)(f - b->doc->finding);
}

const struct xsi_finding *finding_selected(const struct browse *b)
{
    const struct state *s = b->slot[PANEL_FINDINGS];
    size_t i = current(b);

    if (b->focus == PANEL_FINDINGS && s)
        i = (size_t)s->list.current;
    return i < b->doc->finding_count ? &b->doc->finding[i] : NULL;
}

/* ---------------------------------------------------------------- going there ---- */

static void go(struct browse *b, size_t i, const char *how)
{
    const struct xsi_finding *f = &b->doc->finding[i];
    const struct look *look;
    size_t field;

    remember(b, f);
    browse_goto(b, doc_finding_place(b->doc, f), true);
    tree_reveal(b);
    look = browse_look(b);
    /* about less than the chunk that begins there: the field is meant */
    field = f->length && f->length < look->length ? look_field_at(look, b->at) : SIZE_MAX;
    if (b->field == SIZE_MAX && field != SIZE_MAX && look->field[field].offset == b->at)
        browse_field(b, field);
    browse_say(b, finding_role(f), "%s%s %s at 0x%" PRIx64 " (%zu of %zu%s); x explains it", how,
               f->row->code, f->row->slug, f->offset, i + 1, b->doc->finding_count,
               b->doc->walked ? "" : " so far");
}

/* False when there are none: then it has said so, or gone to where the reader stumbles. */
static bool any(struct browse *b)
{
    const struct xsi_verdict *v = doc_verdict(b->doc);

    if (b->doc->finding_count)
        return true;
    if (v && v->outcome != XSI_RESTORES) {
        browse_goto(b, v->where, true);
        browse_say(b, ROLE_WARNING, "no findings, but this is where it %s on %s; x says why",
                   cli_outcome(v->outcome), v->reader.name);
    } else {
        browse_say(b, b->doc->walked ? ROLE_GOOD : ROLE_INFO, "%s",
                   b->doc->walked ? "there are no findings: nothing is wrong with this image"
                                  : "no findings so far; the walk goes on");
    }
    return false;
}

void key_next_finding(struct browse *b)
{
    size_t i = current(b);

    if (!any(b))
        return;
    i = i == SIZE_MAX ? doc_finding_at(b->doc, b->at) : i + 1;
    if (i < b->doc->finding_count)
        go(b, i, "");
    else
        go(b, 0, "from the beginning again: ");
}

void key_last_finding(struct browse *b)
{
    size_t i = current(b);

    if (!any(b))
        return;
    if (i == SIZE_MAX)
        i = doc_finding_at(b->doc, b->at);
    if (i)
        go(b, i - 1, "");
    else
        go(b, b->doc->finding_count - 1, "from the end again: ");
}

/* ---------------------------------------------------------------- drawing ---- */

/* The way to the next finding, or to the last one. */
static void way(const struct browse *b, char *out, size_t size)
{
    const struct doc *doc = b->doc;
    size_t next = doc_finding_at(doc, b->at), count = doc->finding_count;
    bool behind = next < count;
    const struct xsi_finding *f = behind ? &doc->finding[next] : &doc->finding[count - 1];

    text_add(out, size, "; %s of %zu finding%s%s (%s at 0x%" PRIx64 ")",
             behind ? "e: the next" : "E: the last", count, count == 1 ? "" : "s",
             doc->walked ? "" : " so far", f->row->code, f->offset);
}

/* The default reader stops in this chunk: its verdict; else NULL. */
static const struct xsi_verdict *stops(const struct browse *b)
{
    const struct xsi_verdict *v = doc_verdict(b->doc);
    const struct look *look = &b->look;
    bool here = v && v->outcome != XSI_RESTORES && v->stopped - look->offset < look->length;

    return here && look->valid ? v : NULL;
}

/* Why it does: the finding that its verdict names; NULL: none. */
static const struct xsi_finding *cause(const struct browse *b, const struct xsi_verdict *v)
{
    const struct xsi_finding *found = NULL;

    for (size_t i = 0; v && v->finding_count && i < b->doc->finding_count; i++) {
        const struct xsi_finding *f = &b->doc->finding[i];

        if (f->row == v->findings[0].row && (!found || f->offset <= v->findings[0].offset))
            found = f;
    }
    return found;
}

/* "nothing wrong here; e: the next of 3 findings (XS-L09 at 0x1a04b)". */
static void nothing_here(const struct browse *b, char *out, size_t size)
{
    const struct doc *doc = b->doc;
    const struct xsi_verdict *v = stops(b);
    const struct xsi_finding *f;

    if (v) {
        /* what a reader fails at can stand in front of the place where it does */
        f = cause(b, v);
        snprintf(out, size, "%s stops here, at 0x%" PRIx64, v->reader.name, v->stopped);
        if (f)
            text_add(out, size, "; %s: %s %s at 0x%" PRIx64, f->offset < b->at ? "E" : "e",
                     f->row->code, f->row->slug, f->offset);
        return;
    }
    snprintf(out, size, "%s%s", doc->finding_count ? "nothing wrong here" : "no findings",
             doc->finding_count || doc->walked ? "" : " so far");
    if (doc->finding_count)
        way(b, out, size);
}

static void put_finding(struct canvas *c, int *y, int rows, const struct xsi_finding *f)
{
    char text[TEXT];
    int severity = (int)strlen(cli_severity(f->severity));

    if (rows < 1)
        return;
    finding_line(f, text, sizeof(text));
    rows = text_wrap(c, *y, canvas_columns(c), rows, 2, ROLE_TEXT, text);
    canvas_mark(c, *y, 0, severity, finding_role(f));
    *y += rows;
}

/* Lines for the verdict and its command, which the findings leave free; they need so many. */
static int keep_rows(const struct browse *b, int rows, int columns, int need)
{
    int command;

    if (!doc_verdict(b->doc) || rows < 3)
        return 0;
    command = verdict_rows(b, columns, rows - need);
    return command > rows / 3 ? command : rows / 3;
}

/* Few lines, and what is left of the guest takes them; then the heading has the way to the next. */
static bool tight(const struct browse *b, int rows, size_t here)
{
    return rows < 4 && !here && current(b) == SIZE_MAX && !stops(b) && verdict_not_whole(b);
}

/* Those of the chunk; the one that was gone to first. */
static void draw_here(struct browse *b, struct canvas *c)
{
    int rows = canvas_rows(c), y = 0, keep = keep_rows(b, rows, canvas_columns(c), 1);
    size_t first, n = findings_here(b, &first), chosen = current(b);
    char text[TEXT];

    /* the heading says that there are none, and the verdict needs the room */
    if (!n && chosen == SIZE_MAX && !tight(b, rows, n) &&
        (b->doc->finding_count || !doc_verdict(b->doc))) {
        nothing_here(b, text, sizeof(text));
        y += text_wrap(c, 0, canvas_columns(c), rows - keep, 2, ROLE_DIM, text);
    }
    if (chosen != SIZE_MAX)
        put_finding(c, &y, rows - keep, &b->doc->finding[chosen]);
    for (size_t i = first; i < first + n && y < rows - keep; i++)
        if (i != chosen)
            put_finding(c, &y, rows - keep - y, &b->doc->finding[i]);
    verdict_put(b, c, rows - y);
}

/* Lines that the selected one needs below the list, because it is cut there. */
static int detail_rows(const struct xsi_finding *f, int rows, int columns)
{
    char text[TEXT];
    int most = rows >= 2 * DETAIL ? DETAIL : rows >= 4 ? 2 : 0, lines;

    finding_line(f, text, sizeof(text));
    lines = text_wrap(NULL, 0, columns, most, 2, ROLE_TEXT, text);
    return lines > 1 ? lines : 0;
}

/* All of them, one line each; below, the selected one in full, and the verdict. */
static void draw_list(struct browse *b, struct canvas *c, struct state *s)
{
    const struct doc *doc = b->doc;
    int rows = canvas_rows(c), keep = keep_rows(b, rows, canvas_columns(c), LIST), y;
    char text[TEXT];

    keep = rows - keep >= LIST ? keep : 0;
    rows -= keep;
    s->list.count = doc->finding_count;
    list_fit(&s->list, rows);
    rows -= detail_rows(&doc->finding[s->list.current], rows, canvas_columns(c));
    list_fit(&s->list, rows);
    for (y = 0; y < rows && s->list.top + (uint64_t)y < s->list.count; y++) {
        const struct xsi_finding *f = &doc->finding[s->list.top + (uint64_t)y];

        finding_line(f, text, sizeof(text));
        list_line(&s->list, c, s->list.top + (uint64_t)y, finding_role(f), text);
    }
    if (rows < canvas_rows(c) - keep)
        put_finding(c, &y, canvas_rows(c) - keep - rows, &doc->finding[s->list.current]);
    verdict_put(b, c, canvas_rows(c) - y);
}

static void draw(struct browse *b, struct canvas *c)
{
    struct state *s = state_of(b);

    browse_look(b);
    if (s && canvas_focused(c) && b->doc->finding_count)
        draw_list(b, c, s);
    else
        draw_here(b, c);
}

static void heading(struct browse *b, char *out, size_t size)
{
    size_t n = b->doc->finding_count, first;

    snprintf(out, size, "findings: %zu%s", n, b->doc->walked ? "" : " so far");
    if (n && b->focus != PANEL_FINDINGS &&
        tight(b, browse_rows(b, PANEL_FINDINGS), findings_here(b, &first)))
        way(b, out, size);
}

/* ---------------------------------------------------------------- acts ---- */

static bool act(struct browse *b, enum act act)
{
    struct state *s = state_of(b);

    if (!s || !b->doc->finding_count)
        return false;
    s->list.count = b->doc->finding_count;
    list_fit(&s->list, browse_rows(b, PANEL_FINDINGS));
    if (act == ACT_ENTER || act == ACT_TOGGLE) {
        go(b, (size_t)s->list.current, "");
        return true;
    }
    return list_act(&s->list, act, browse_rows(b, PANEL_FINDINGS));
}

static void click(struct browse *b, int y, int x, bool twice)
{
    struct state *s = state_of(b);
    uint64_t line;

    (void)x;
    if (!s || !list_at(&s->list, y, &line))
        return;
    s->list.current = line;
    b->dirty = true;
    if (twice)
        act(b, ACT_ENTER);
}

/* The list begins where the place is. */
static void moved(struct browse *b)
{
    struct state *s = state_of(b);
    const struct xsi_finding *why = cause(b, stops(b));
    size_t i = current(b);

    if (!s || b->focus == PANEL_FINDINGS)
        return;
    if (i == SIZE_MAX)
        i = why ? (size_t)(why - b->doc->finding) : doc_finding_at(b->doc, b->at);
    s->list.current = i;
}

const struct panel panel_findings = { .title = "findings",
                                      .heading = heading,
                                      .draw = draw,
                                      .act = act,
                                      .click = click,
                                      .moved = moved,
                                      .free = free };
