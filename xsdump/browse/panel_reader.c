/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panel of a restore that is watched: one list of lines. */
#include <inttypes.h>
#include <string.h>

#include "panels.h"
#include "reader_lines.h"

/* ---------------------------------------------------------------- drawing ---- */

static void fact_text(const struct reader_lines *l, const struct replay *play,
                      const struct fact_line *f, char *out, size_t size)
{
    const char *returned = f->part->live ? "" : ", as it has returned,";
    char value[200];

    if (!f->fact) {
        snprintf(out, size, "%s%s knows:", f->part->who, returned);
        return;
    }
    snprintf(out, size, "%c %-16s %-17s %s", f->fact->changed == play->reads ? '*' : ' ',
             f->fact->name, replay_fact_text(f->fact, value, sizeof(value)),
             l->columns > 50 && f->fact->help ? f->fact->help : "");
}

/* Text and role of a line that is no line of the top. */
static enum role other_line(const struct reader_lines *l, const struct replay *play, uint64_t line,
                            char *out, size_t size)
{
    const struct fact_line *f = line < l->tops + l->facts ? &l->fact[line - l->tops] : NULL;
    uint64_t number;

    if (f) {
        fact_text(l, play, f, out, size);
        return !f->fact ? ROLE_INFO : f->fact->changed == play->reads ? ROLE_STRONG : ROLE_TEXT;
    }
    if (!reader_lines_log(l, line, &number)) {
        snprintf(out, size, "log, %" PRIu64 " line%s%s:", play->lines, play->lines == 1 ? "" : "s",
                 l->first_log ? "; the last ones" : "");
        return ROLE_INFO;
    }
    snprintf(out, size, "  ");
    return reader_log(&play->line[number % REPLAY_LINES], out + 2, size - 2);
}

static void draw_line(const struct reader_lines *l, const struct replay *play, struct canvas *c,
                      uint64_t line)
{
    char text[READER_TEXT + READER_LABEL + 1];
    int y = (int)(line - l->list.top);
    const struct text_line *top = line < l->tops ? &l->top[line] : NULL;
    enum role role = top ? top->role : other_line(l, play, line, text, sizeof(text));

    if (top)
        snprintf(text, sizeof(text), "%-*s%s", top->label ? READER_LABEL : 0,
                 top->label ? top->label : "", top->text);
    list_line(&l->list, c, line, role, text);
    if (top && top->label && *top->label && line != l->list.current)
        canvas_text(c, y, 0, READER_LABEL, ROLE_DIM, top->label);
}

static void draw(struct browse *b, struct canvas *c)
{
    struct reader_view *v = reader_view(b);
    int rows = canvas_rows(c);
    struct reader_lines *l = v ? reader_lines(b, v, rows, canvas_columns(c)) : NULL;

    if (!l) {
        canvas_put(c, 0, 0, ROLE_DIM, "%s",
                   "no restore of this image is watched: s begins one, R chooses a reader");
        return;
    }
    for (int y = 0; y < rows && l->list.top + (uint64_t)y < l->list.count; y++)
        draw_line(l, v->play, c, l->list.top + (uint64_t)y);
}

static void heading(struct browse *b, char *out, size_t size)
{
    const struct reader_view *v = reader_view(b);
    const struct replay *play = v ? v->play : NULL;

    snprintf(out, size, "Reader");
    if (!play)
        return;
    text_add(out, size, " %s", play->reader.name);
    if (play->reads)
        text_add(out, size, "  read %" PRIu64, play->reads);
    if (play->reads && play->future.known)
        text_add(out, size, " of %" PRIu64, play->future.reads);
    if (play->over)
        text_add(out, size, ", over");
}

/* ---------------------------------------------------------------- acting ---- */

/* The log line in a line of the panel, as long as it is kept; NULL: something else. */
static const struct replay_line *log_at(const struct reader_view *v, uint64_t line)
{
    const struct replay *play = v->play;
    uint64_t number;

    /* keys can come faster than the panel is made */
    if (!reader_lines_log(v->lines, line, &number) || number >= play->lines ||
        play->lines - number > REPLAY_LINES || !play->line[number % REPLAY_LINES].text)
        return NULL;
    return &play->line[number % REPLAY_LINES];
}

/* Enter: to the read that a log line came of, or all of the line; what a fact is; elsewhere to the
 * bytes of the read. */
static void enter(struct browse *b, struct reader_view *v)
{
    const struct reader_lines *l = v->lines;
    uint64_t at = l->list.current;
    const struct replay_line *line = log_at(v, at);
    const struct replay_fact *fact =
        at >= l->tops && at < l->tops + l->facts ? l->fact[at - l->tops].fact : NULL;

    if (line && line->read == v->play->reads) {
        popup_text(b, line->who, line->text);
    } else if (line) {
        reader_goto(b, line->read);
    } else if (fact) {
        browse_say(b, ROLE_INFO, "%s.%s: %s", fact->who, fact->name, fact->help ? fact->help : "");
    } else if (v->play->reads) {
        browse_goto(b, replay_focus(v->play), true);
    }
}

static bool act(struct browse *b, enum act act)
{
    struct reader_view *v = reader_view(b);

    if (!v || !v->lines)
        return false;
    if (act == ACT_ENTER)
        enter(b, v);
    else if (!list_act(&v->lines->list, act, browse_rows(b, PANEL_READER)))
        return false;
    b->dirty = true;
    return true;
}

static void click(struct browse *b, int y, int x, bool twice)
{
    struct reader_view *v = reader_view(b);
    uint64_t line;

    (void)x;
    if (!v || !v->lines || !list_at(&v->lines->list, y, &line))
        return;
    v->lines->list.current = line;
    if (twice)
        enter(b, v);
}

bool reader_line(struct browse *b, char *out, size_t size)
{
    const struct reader_view *v = b->focus == PANEL_READER ? reader_view(b) : NULL;
    const struct replay_line *line;

    if (!v || !v->lines)
        return false;
    line = log_at(v, v->lines->list.current);
    for (size_t i = 0; i < v->lines->tops && !line; i++)
        if (v->lines->top[i].role == ROLE_ERROR)
            line = log_at(v, i);
    if (line)
        snprintf(out, size, "%s", line->text);
    return line != NULL;
}

const struct panel panel_reader = { .title = "Reader",
                                    .draw = draw,
                                    .heading = heading,
                                    .act = act,
                                    .click = click,
                                    .free = reader_free };
