/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is told of a restore at a read: what is read, what really stands there, what the reader
 * makes of it; then all that it knows and has logged. What matters now comes first.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reader_lines.h"
#include "widget_text.h"

#define SMALL   12 /* rows of a panel in which sentences are cut short */
#define TINY    8  /* ... and all but the first log line */
#define NEW_MAX 12 /* log lines of one read that stand beside it */
#define BYTES   16

/* ---------------------------------------------------------------- the top ---- */

/* A text, wrapped behind its label (NULL: over the whole width); `rows` at most. */
static void add(struct reader_lines *l, enum role role, const char *label, int rows,
                const char *text)
{
    int columns = l->columns - (label ? READER_LABEL : 0);

    while (rows-- && *text && l->tops < READER_TOP) {
        struct text_line *line = &l->top[l->tops++];
        size_t n = rows ? text_line(text, columns) : strlen(text);

        *line = (struct text_line){ .role = role, .label = label, .log = UINT64_MAX };
        snprintf(line->text, sizeof(line->text), "%.*s",
                 (int)(n < READER_TEXT ? n : READER_TEXT - 1), text);
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
    char text[READER_TEXT] = "", words[240], ascii[BYTES + 1];
    int room = (l->columns - READER_LABEL - 4) / 4;
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
        add(l, ROLE_TEXT, "number", l->rows < TINY ? 1 : l->rows < SMALL ? 2 : 4, words);
}

enum role reader_log(const struct replay_line *line, char *out, size_t size)
{
    static const enum role roles[] = {
        [XSI_LOG_INFO] = ROLE_TEXT, [XSI_LOG_WARNING] = ROLE_WARNING, [XSI_LOG_ERROR] = ROLE_ERROR
    };
    static const char *const words[] = {
        [XSI_LOG_INFO] = "", [XSI_LOG_WARNING] = " warning", [XSI_LOG_ERROR] = " error"
    };

    snprintf(out, size, "%s%s: %s", line->who, words[line->level], line->text ? line->text : "");
    return roles[line->level];
}

/* What it logged because of this read. */
static void add_logged(struct reader_lines *l, const struct replay *play)
{
    char text[480];
    unsigned count = 0;

    for (uint64_t i = l->first_log; i < play->lines; i++) {
        const struct replay_line *line = &play->line[i % REPLAY_LINES];
        size_t before = l->tops;
        enum role role;

        if (line->read != play->reads || count++ >= NEW_MAX)
            continue;
        role = reader_log(line, text, sizeof(text));
        /* the first one is the line that people paste: whole */
        add(l, role, count == 1 ? "log" : "", l->rows >= SMALL || count == 1 ? 3 : 1, text);
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
    char text[READER_TEXT] = "", value[200];

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
        add(l, ROLE_STRONG, "next", 4, line);
    free(text);
}

/* How it ends, and what to do about it. */
static void add_verdict(struct reader_lines *l, struct browse *b, const struct xsi_verdict *v)
{
    char text[600];

    snprintf(text, sizeof(text), "%s on %s%s%s", cli_outcome(v->outcome), v->reader.name,
             *v->reason ? ": " : "", v->reason);
    add(l, outcome_role(v), "verdict", l->rows < SMALL ? 4 : 8, text);
    add_fix(l, b, v);
}

static void add_read(struct reader_lines *l, struct browse *b, struct reader_view *v)
{
    const struct replay *play = v->play;
    const struct xsi_run_event *read = &play->read;
    const char *wrong = replay_wrong(play);
    char text[READER_TEXT];
    int rows;

    snprintf(text, sizeof(text), "%s%s %s %" PRIu64 " byte%s at 0x%" PRIx64 ": %s",
             *wrong ? "! " : "", read->who, read->kind == XSI_RUN_READ ? "reads" : "stores",
             read->length, plural(read->length), read->offset, read->purpose);
    rows = l->rows >= SMALL || (*wrong && l->rows >= TINY) ? 3 : 1;
    add(l, *wrong ? ROLE_ERROR : ROLE_STRONG, NULL, rows, text);
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
    if (l->rows < TINY)
        add_logged(l, play);
    reader_look(b, v);
    add(l, ROLE_TEXT, "there", l->rows < SMALL ? 1 : 3, v->there);
    if (l->rows >= SMALL)
        add(l, ROLE_TEXT, "fields", 3, v->fields);
    add_changed(l, play);
    if (l->rows >= TINY)
        add_logged(l, play);
    if (*wrong)
        add_verdict(l, b, &play->future.verdict);
}

static void add_end(struct reader_lines *l, struct browse *b, const struct replay *play)
{
    const struct xsi_verdict *v = xsi_run_verdict(play->run);
    char text[READER_TEXT];

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
    char text[READER_TEXT];

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

/* Another read: what is new stands at the top; but who looks at a fact goes on looking at it. */
static void keep_place(struct reader_lines *l, const struct replay *play, size_t tops)
{
    if (l->read == play->reads && l->over == play->over)
        return;
    l->read = play->reads;
    l->over = play->over;
    if (l->list.top < tops || play->over || *replay_wrong(play)) {
        l->list.current = l->list.top = 0;
    } else {
        l->list.current = l->list.current - tops + l->tops;
        l->list.top = l->list.top - tops + l->tops;
    }
}

struct reader_lines *reader_lines(struct browse *b, struct reader_view *v, int rows, int columns)
{
    const struct replay *play = v->play;
    struct reader_lines *l;
    size_t tops;

    if (!v->lines)
        v->lines = calloc(1, sizeof(*v->lines));
    l = v->lines;
    if (!l)
        return NULL;
    tops = l->tops;
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
    keep_place(l, play, tops);
    list_fit(&l->list, rows);
    return l;
}

bool reader_lines_log(const struct reader_lines *l, uint64_t line, uint64_t *number)
{
    uint64_t begin = l->tops + l->facts + 1;

    *number = line < l->tops                                       ? l->top[line].log
              : l->logs && line >= begin && line - begin < l->logs ? l->first_log + line - begin
                                                                   : UINT64_MAX;
    return *number != UINT64_MAX;
}
