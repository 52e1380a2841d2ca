/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A restore, read by read: what is read, what really stands there, what the reader makes of it, and
 * all that it knows and has logged. One list of lines; what matters now stands at its top.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "panels.h"
#include "reader.h"
#include "widget_list.h"
#include "widget_text.h"

#define TOP_MAX  64  /* lines about the read */
#define TEXT_MAX 400 /* of such a line: no terminal is wider */
#define LABEL    8   /* columns of "number  " */
#define SMALL    12  /* rows of a panel in which sentences are cut short */
#define NEW_MAX  12  /* log lines of one read that stand beside it */
#define BYTES    16

/* A line about the read that is shown. */
struct text_line {
    enum role role;
    const char *label; /* "" none; NULL: nor its column */
    uint64_t log;      /* number of the log line that it shows, UINT64_MAX none */
    char text[TEXT_MAX];
};

/* A line of what the reader knows: a part, or one of its facts. */
struct fact_line {
    const struct replay_part *part;
    const struct replay_fact *fact; /* NULL: the part's own line */
};

/* Top, facts, a line between, the log. */
struct reader_lines {
    struct list list;
    struct text_line top[TOP_MAX];
    size_t tops;
    struct fact_line fact[REPLAY_PARTS * (REPLAY_FACTS + 1)];
    size_t facts;
    uint64_t first_log, logs; /* the oldest that is kept, and how many are */
    uint64_t read;            /* number of the read that it was made for */
    bool over;
    int columns, rows;
};

/* ---------------------------------------------------------------- the top ---- */

/* A text, wrapped behind its label (NULL: over the whole width); `rows` at most. */
static void add(struct reader_lines *l, enum role role, const char *label, int rows,
                const char *text)
{
    int columns = l->columns - (label ? LABEL : 0);

    while (rows-- && *text && l->tops < TOP_MAX) {
        struct text_line *line = &l->top[l->tops++];
        size_t n = rows ? text_line(text, columns) : strlen(text);

        *line = (struct text_line){ .role = role, .label = label, .log = UINT64_MAX };
        snprintf(line->text, sizeof(line->text), "%.*s", (int)(n < TEXT_MAX ? n : TEXT_MAX - 1),
                 text);
        text += n + strspn(text + n, " ");
        label = label ? "" : NULL;
    }
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* The bytes in hex, their characters, and the number that the reader takes them for. */
static void add_bytes(struct reader_lines *l, struct browse *b, const struct replay *play)
{
    uint64_t from = replay_focus(play), rest = play->read.got - (from - play->read.offset);
    uint8_t bytes[BYTES];
    char text[TEXT_MAX] = "", words[240], ascii[BYTES + 1];
    int room = (l->columns - LABEL - 4) / 4;
    size_t n = replay_bytes(play, from, bytes, room < 4 ? 4 : room < BYTES ? (size_t)room : BYTES);
    int32_t number;
    bool counts;

    for (size_t i = 0; i < n; i++) {
        text_add(text, sizeof(text), "%s%02x", i ? " " : "", bytes[i]);
        ascii[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
    }
    ascii[n] = '\0';
    text_add(text, sizeof(text), "%s  %s", rest > n ? " .." : "", ascii);
    counts = replay_count(play, doc_row(b->doc, play->read.offset), &number, words, sizeof(words));
    if (n && (!counts || l->rows >= SMALL))
        add(l, ROLE_TEXT, from == play->read.offset ? "bytes" : "about", 1, text);
    if (counts)
        add(l, ROLE_TEXT, "number", l->rows < SMALL ? 2 : 4, words);
}

static enum role log_role(enum xsi_run_level level)
{
    return level == XSI_LOG_ERROR     ? ROLE_ERROR
           : level == XSI_LOG_WARNING ? ROLE_WARNING
                                      : ROLE_TEXT;
}

static void log_text(const struct replay_line *line, char *out, size_t size)
{
    snprintf(out, size, "%s%s: %s", line->who,
             line->level == XSI_LOG_ERROR     ? " error"
             : line->level == XSI_LOG_WARNING ? " warning"
                                              : "",
             line->text ? line->text : "");
}

/* What it logged because of this read. */
static void add_logged(struct reader_lines *l, const struct replay *play)
{
    char text[480];
    unsigned count = 0;

    for (uint64_t i = l->first_log; i < play->lines; i++) {
        const struct replay_line *line = &play->line[i % REPLAY_LINES];
        size_t before = l->tops;

        if (line->read != play->reads || count++ >= NEW_MAX)
            continue;
        log_text(line, text, sizeof(text));
        add(l, log_role(line->level), count == 1 ? "log" : "", l->rows < SMALL ? 1 : 3, text);
        for (size_t k = before; k < l->tops; k++)
            l->top[k].log = i;
    }
    /* the line can come later than the read, behind what needs no other read */
    if (!count && play->reads == play->future.bad_read && *play->future.error) {
        snprintf(text, sizeof(text), "later: %s error: %s", play->future.who, play->future.error);
        add(l, ROLE_ERROR, "log", 3, text);
    }
}

/* Facts that are others than at the read before. */
static void add_changed(struct reader_lines *l, const struct replay *play)
{
    char text[TEXT_MAX] = "", value[200];

    for (size_t i = play->parts; i--;) {
        const struct replay_part *part = &play->part[i];

        for (size_t k = 0; part->live && !part->old && k < part->count; k++)
            if (part->fact[k].changed == play->reads)
                text_add(text, sizeof(text), "%s%s %s", *text ? ", " : "", part->fact[k].name,
                         replay_fact_text(&part->fact[k], value, sizeof(value)));
    }
    if (*text)
        add(l, ROLE_STRONG, "changed", l->rows < SMALL ? 1 : 3, text);
}

static enum role outcome_role(const struct xsi_verdict *v)
{
    return v->outcome == XSI_RESTORES ? ROLE_GOOD
           : v->outcome == XSI_LOSES  ? ROLE_WARNING
                                      : ROLE_ERROR;
}

static void add_fix(struct reader_lines *l, struct browse *b, const struct xsi_verdict *v)
{
    struct cli_term t = { 0 };
    char *text = NULL, *line;
    size_t size;

    t.out = open_memstream(&text, &size);
    if (!t.out)
        return;
    if (v->outcome != XSI_RESTORES)
        verdict_fix(&t, &b->doc->im, v);
    fclose(t.out);
    line = text ? text + strspn(text, " ") : text;
    if (line)
        line[strcspn(line, "\n")] = '\0';
    if (line && *line)
        add(l, ROLE_STRONG, "next", l->rows < SMALL ? 2 : 4, line);
    free(text);
}

/* How it ends, and what to do about it. */
static void add_verdict(struct reader_lines *l, struct browse *b, const struct xsi_verdict *v)
{
    char text[600];

    snprintf(text, sizeof(text), "%s on %s%s%s", cli_outcome(v->outcome), v->reader.name,
             *v->reason ? ": " : "", v->reason);
    add(l, outcome_role(v), "verdict", l->rows < SMALL ? 2 : 8, text);
    add_fix(l, b, v);
}

static void add_read(struct reader_lines *l, struct browse *b, struct reader_view *v)
{
    const struct replay *play = v->play;
    const struct xsi_run_event *read = &play->read;
    const char *wrong = replay_wrong(play);
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "%s%s %s %" PRIu64 " byte%s at 0x%" PRIx64 ": %s",
             *wrong ? "! " : "", read->who, read->kind == XSI_RUN_READ ? "reads" : "stores",
             read->length, plural(read->length), read->offset, read->purpose);
    add(l, *wrong ? ROLE_ERROR : ROLE_STRONG, NULL, l->rows < SMALL ? 1 : 3, text);
    if (reader_going(b))
        return;
    if (*wrong && l->rows >= SMALL)
        add(l, ROLE_ERROR, "", 1, wrong);
    if (read->got < read->length) {
        snprintf(text, sizeof(text), "only %" PRIu64 " of %" PRIu64 " bytes are there", read->got,
                 read->length);
        add(l, ROLE_ERROR, "short", 2, text);
    }
    add_bytes(l, b, play);
    reader_look(b, v);
    add(l, ROLE_TEXT, "there", l->rows < SMALL ? 1 : 3, v->there);
    if (l->rows >= SMALL)
        add(l, ROLE_TEXT, "fields", 3, v->fields);
    add_changed(l, play);
    add_logged(l, play);
    if (*wrong)
        add_verdict(l, b, &play->future.verdict);
}

static void add_end(struct reader_lines *l, struct browse *b, const struct replay *play)
{
    const struct xsi_verdict *v = xsi_run_verdict(play->run);
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "The restore is over after %" PRIu64 " read%s", play->reads,
             plural(play->reads));
    add(l, ROLE_STRONG, NULL, 2, text);
    add_verdict(l, b, v);
    add(l, ROLE_TEXT, "result", 4, replay_result(v, text, sizeof(text)));
    if (*v->loses)
        add(l, ROLE_WARNING, "lost", 3, v->loses);
    for (size_t i = 0; i < v->condition_count; i++)
        add(l, ROLE_TEXT, i ? "" : "needs", 2, v->conditions[i]);
    add_logged(l, play);
}

/* Nothing has been read. */
static void add_begin(struct reader_lines *l, struct browse *b, const struct replay *play)
{
    const struct replay_future *f = &play->future;
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "%s: Xen %s, %s; %s", play->reader.name, play->reader.covers,
             play->reader.stream, play->reader.about);
    add(l, ROLE_STRONG, NULL, 3, text);
    add(l, ROLE_TEXT, "keys", 4,
        "s: one read on. c: on to the read that goes wrong, or to the end. b: one back. R: another "
        "reader");
    if (!f->known)
        return;
    add_verdict(l, b, &f->verdict);
    snprintf(text, sizeof(text), "%" PRIu64 " in all", f->reads);
    if (f->bad_read)
        text_add(text, sizeof(text), "; number %" PRIu64 " goes wrong", f->bad_read);
    add(l, ROLE_TEXT, "reads", 2, text);
}

/* ---------------------------------------------------------------- all lines ---- */

/* The innermost part first; at the end what those that have returned knew at last. */
static void list_facts(struct reader_lines *l, const struct replay *play)
{
    l->facts = 0;
    for (size_t i = play->parts; i--;) {
        const struct replay_part *part = &play->part[i];

        if (!part->who || part->old || (!part->live && !play->over))
            continue;
        l->fact[l->facts++] = (struct fact_line){ part, NULL };
        for (size_t k = 0; k < part->count; k++)
            if (!replay_fact_empty(&part->fact[k]) || part->fact[k].changed == play->reads)
                l->fact[l->facts++] = (struct fact_line){ part, &part->fact[k] };
    }
}

static struct reader_lines *lines_of(struct reader_view *v)
{
    if (!v->lines)
        v->lines = calloc(1, sizeof(*v->lines));
    return v->lines;
}

static void make(struct browse *b, struct reader_view *v, int rows, int columns)
{
    struct reader_lines *l = v->lines;
    const struct replay *play = v->play;

    if (reader_going(b) && play->reads && !play->over)
        replay_facts(v->play);
    l->rows = rows;
    l->columns = columns;
    l->tops = 0;
    l->first_log = play->lines > REPLAY_LINES ? play->lines - REPLAY_LINES : 0;
    l->logs = play->lines - l->first_log;
    if (play->over)
        add_end(l, b, play);
    else if (play->reads)
        add_read(l, b, v);
    else
        add_begin(l, b, play);
    list_facts(l, play);
    l->list.count = l->tops + l->facts + (l->logs ? 1 + l->logs : 0);
    if (l->read != play->reads || l->over != play->over) /* what is new stands at the top */
        l->list.current = l->list.top = 0;
    l->read = play->reads;
    l->over = play->over;
}

/* The log line in a line of the panel. False: something else. */
static bool log_of(const struct reader_lines *l, uint64_t line, uint64_t *number)
{
    uint64_t begin = l->tops + l->facts + 1;

    *number = line < l->tops                                       ? l->top[line].log
              : l->logs && line >= begin && line - begin < l->logs ? l->first_log + line - begin
                                                                   : UINT64_MAX;
    return *number != UINT64_MAX;
}

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
    if (!log_of(l, line, &number)) {
        snprintf(out, size, "log, %" PRIu64 " line%s%s:", play->lines, plural(play->lines),
                 l->first_log ? "; the last ones" : "");
        return ROLE_INFO;
    }
    snprintf(out, size, "  ");
    log_text(&play->line[number % REPLAY_LINES], out + 2, size - 2);
    return log_role(play->line[number % REPLAY_LINES].level);
}

static void draw_line(const struct reader_lines *l, const struct replay *play, struct canvas *c,
                      uint64_t line)
{
    char text[TEXT_MAX + LABEL + 1];
    int y = (int)(line - l->list.top);
    const struct text_line *top = line < l->tops ? &l->top[line] : NULL;
    enum role role = top ? top->role : other_line(l, play, line, text, sizeof(text));

    if (top)
        snprintf(text, sizeof(text), "%-*s%s", top->label ? LABEL : 0, top->label ? top->label : "",
                 top->text);
    list_line(&l->list, c, line, role, text);
    if (top && top->label && *top->label && line != l->list.current)
        canvas_text(c, y, 0, LABEL, ROLE_DIM, top->label);
}

static void draw(struct browse *b, struct canvas *c)
{
    struct reader_view *v = reader_view(b);
    struct reader_lines *l = v ? lines_of(v) : NULL;
    int rows = canvas_rows(c);

    if (!l) {
        canvas_put(c, 0, 0, ROLE_DIM, "%s",
                   "no restore is watched: r begins one, R chooses a reader");
        return;
    }
    make(b, v, rows, canvas_columns(c));
    list_fit(&l->list, rows);
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

/* Enter: to the read that a log line came of; elsewhere to the bytes of this one. */
static void enter(struct browse *b, struct reader_view *v)
{
    uint64_t number;

    if (log_of(v->lines, v->lines->list.current, &number) &&
        v->play->line[number % REPLAY_LINES].read != v->play->reads)
        reader_goto(b, v->play->line[number % REPLAY_LINES].read);
    else if (v->play->reads)
        browse_goto(b, replay_focus(v->play), true);
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
    uint64_t number;

    if (!v || !v->lines)
        return false;
    if (!log_of(v->lines, v->lines->list.current, &number))
        for (size_t i = 0; i < v->lines->tops && number == UINT64_MAX; i++)
            if (v->lines->top[i].role == ROLE_ERROR)
                number = v->lines->top[i].log;
    if (number == UINT64_MAX || !v->play->line[number % REPLAY_LINES].text)
        return false;
    snprintf(out, size, "%s", v->play->line[number % REPLAY_LINES].text);
    return true;
}

const struct panel panel_reader = { .title = "Reader",
                                    .draw = draw,
                                    .heading = heading,
                                    .act = act,
                                    .click = click,
                                    .free = reader_free };
