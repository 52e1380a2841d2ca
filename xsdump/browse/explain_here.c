/* SPDX-License-Identifier: GPL-3.0-or-later */
/* x: what is selected, in words, in a popup: the texts are those of --explain and of the tables. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "explain_here.h"
#include "finding_here.h"
#include "grid.h"
#include "popup.h"
#include "reader.h"
#include "xsdump/explain.h"

#define INDENT      2
#define WIDTH_MAX   76
#define WIDTH_MIN   20
#define BYTES_SHOWN 64U  /* of a field */
#define HERE_MAX    32U  /* findings of a chunk that are listed */
#define FIELDS_MAX  200U /* sentences on its fields */
#define FEW         8U   /* where one field in more than so many has a sentence, none is shown */
#define TEXT        1200

/* A text that grows; t.out is its stream. */
struct words {
    struct cli_term t;
    char *text;
    size_t size;
};

static bool words_begin(struct words *w)
{
    int rows, columns;

    popup_room(&rows, &columns);
    *w = (struct words){ .t = { .width = columns < WIDTH_MAX ? (unsigned)columns : WIDTH_MAX } };
    if (w->t.width < WIDTH_MIN)
        w->t.width = WIDTH_MIN;
    w->t.out = open_memstream(&w->text, &w->size);
    return w->t.out != NULL;
}

static void words_show(struct browse *b, struct words *w, const char *title)
{
    if (fclose(w->t.out) == 0)
        popup_text(b, title, w->text);
    free(w->text);
}

static void XSI_PRINTF(3, 4) say(const struct words *w, size_t indent, const char *fmt, ...)
{
    char text[TEXT + 200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fprintf(w->t.out, "%*s", (int)indent, "");
    cli_wrap(&w->t, indent, indent, text);
}

static void blank(const struct words *w)
{
    fputc('\n', w->t.out);
}

/* ---------------------------------------------------------------- a finding ---- */

static void explain_finding(struct browse *b, const struct xsi_finding *f)
{
    char next[TEXT] = "";
    struct words w;

    if (!words_begin(&w))
        return;
    if (verdict_not_whole(b))
        verdict_command(b, next, sizeof(next));
    cli_finding_print(&w.t, f);
    blank(&w);
    explain_row(&w.t, f->row, f->severity);
    blank(&w);
    if (f->row->recipe && *f->row->recipe)
        say(&w, 0,
            "Next: X ends the browser and opens xsrecover at this place; its command fix "
            "shows what %s would change, and writes nothing.",
            f->row->recipe);
    else if (*next)
        say(&w, 0, "%s%s", strncmp(next, "Next: ", 6) ? "Next: " : "", next);
    else
        say(&w, 0, "Next: e goes to the next finding, x there explains it.");
    words_show(b, &w, f->row->code);
}

/* ---------------------------------------------------------------- a line of a log ---- */

/* False: no release prints it. */
static bool put_line(struct browse *b, const struct words *w, const char *line)
{
    char next[TEXT];

    verdict_command(b, next, sizeof(next));
    /* the label of the line is the same word */
    if (!strncmp(next, "Next: ", 6))
        memmove(next, next + 6, strlen(next + 6) + 1);
    return explain_known_line(&w->t, line, *next ? next : NULL);
}

static void explain_log_line(struct browse *b, const char *line)
{
    struct words w;

    if (!words_begin(&w))
        return;
    if (!put_line(b, &w, line))
        say(&w, 0, "No more is known of this line.");
    words_show(b, &w, line); /* what is compared with a log stays in sight */
}

/* The message without what a log puts in front of it. */
static void message_of(const char *line, char *out, size_t size)
{
    struct xsi_messages *messages = xsi_messages_new();
    struct explained x;
    bool found = messages && explain_find(messages, line, strlen(line), 0, &x);

    snprintf(out, size, "%s", found ? x.text : line);
    xsi_messages_free(messages);
}

bool explain_line_popup(struct browse *b, const char *line)
{
    char title[EXPLAIN_TEXT];
    struct words w;

    if (!words_begin(&w))
        return false;
    if (!put_line(b, &w, line)) {
        fclose(w.t.out);
        free(w.text);
        return false;
    }
    message_of(line, title, sizeof(title));
    words_show(b, &w, title);
    return true;
}

/* ---------------------------------------------------------------- a field ---- */

static void put_findings(const struct browse *b, const struct words *w, size_t first, size_t n)
{
    for (size_t i = first; i < first + n && i < first + HERE_MAX; i++)
        cli_finding_print(&w->t, &b->doc->finding[i]);
    if (n > HERE_MAX)
        say(w, 0, "... and %zu more: Tab to the list of findings", n - HERE_MAX);
    if (n)
        say(w, INDENT, "e goes there, x explains it");
}

static void put_bytes(struct browse *b, const struct words *w, uint64_t offset, uint64_t length)
{
    uint8_t bytes[BYTES_SHOWN];
    bool bad = false;
    size_t n = length < BYTES_SHOWN ? (size_t)length : BYTES_SHOWN;

    n = doc_read(b->doc, offset, bytes, n, &bad);
    for (size_t i = 0; i < n; i++)
        fprintf(w->t.out, "%s%02x", i % 16 ? " " : i ? "\n  " : "  ", bytes[i]);
    if (n)
        blank(w);
    if (bad)
        say(w, INDENT, "the disk cannot read them");
    else if (n < length)
        say(w, INDENT, "... %" PRIu64 " bytes in all", length);
}

/* A value in full; a text of several lines, which the table has as one, line by line. */
static void put_value(const struct words *w, const char *value)
{
    if (!strstr(value, "\\x0a")) {
        fprintf(w->t.out, "%*s", INDENT, "");
        cli_wrap(&w->t, INDENT, INDENT, value);
        return;
    }
    fprintf(w->t.out, "%*s", INDENT, "");
    while (*value) {
        bool end = !strncmp(value, "\\x0a", 4);
        size_t n = end ? 4 : value[0] == '\\' && value[1] == '\\' ? 2 : 1;

        if (end)
            fprintf(w->t.out, "\n%*s", INDENT, "");
        else
            fwrite(value, 1, n, w->t.out);
        value += n;
    }
    blank(w);
}

static const char *chunk_name(const struct look *look, char *out, size_t size)
{
    if (look->has_id)
        snprintf(out, size, "%s (%" PRId64 ")", look->type, look->id);
    else
        snprintf(out, size, "%s", look->type);
    return out;
}

static void explain_field(struct browse *b, const struct look *look, const struct look_field *f)
{
    const struct xsi_finding *worst;
    char name[120];
    struct words w;
    size_t n;

    if (!words_begin(&w))
        return;
    say(&w, 0, "%s", f->path);
    if (*f->value)
        put_value(&w, f->value);
    if (f->help) {
        blank(&w);
        say(&w, 0, "%s", f->help);
    }
    blank(&w);
    say(&w, 0, "%" PRIu64 " byte%s at 0x%" PRIx64 " (%s +0x%" PRIx64 "):", f->length,
        f->length == 1 ? "" : "s", f->offset, chunk_name(look, name, sizeof(name)),
        f->offset - look->offset);
    put_bytes(b, &w, f->offset, f->length);
    n = doc_findings_in(b->doc, f->offset, f->length ? f->length : 1, &worst);
    if (n)
        blank(&w);
    put_findings(b, &w, doc_finding_at(b->doc, f->offset), n);
    words_show(b, &w, "field");
}

/* ---------------------------------------------------------------- a chunk ---- */

static void put_extent(const struct words *w, const struct look *look)
{
    say(w, 0, "%" PRIu64 " bytes at 0x%" PRIx64 ", chunk %" PRIu64 ", layer %s", look->length,
        look->offset, look->index, look->layer);
    if (look->flags & XSI_CHUNK_CUT)
        say(w, 0, "cut: the image ends in it, %" PRIu64 " of its %" PRIu64 " bytes are missing",
            look->wanted - look->length, look->wanted);
    if (look->flags & XSI_CHUNK_PAGES)
        say(w, 0, "%" PRIu64 " entries, %" PRIu64 " with a page", look->entries, look->pages);
    if (look->note[0])
        say(w, 0, "%s", look->note);
}

/* What the targets' restores do at it. */
static void put_readers(const struct browse *b, const struct words *w, const struct look *look)
{
    const struct xsi_verdict *v;
    char text[TEXT];

    if (!b->doc->walked)
        return;
    for (size_t i = 0; (v = judged_verdict(&b->doc->im, i)); i++) {
        bool here = v->where - look->offset < look->length;
        bool stops = v->stopped - look->offset < look->length;

        if (v->outcome == XSI_RESTORES || (!here && !stops))
            continue;
        verdict_sentence(&b->doc->im, v, text, sizeof(text));
        blank(w);
        say(w, 0, "%s", text);
        if (stops)
            say(w, INDENT, "It stops at 0x%" PRIx64 "; r shows the restore read by read.",
                v->stopped);
    }
}

/* Is a field of this name among those? The items of a list have the same fields. */
static bool named_before(const struct look *look, const size_t *named, size_t count,
                         const struct look_field *f)
{
    for (size_t i = 0; i < count; i++) {
        const struct look_field *g = &look->field[named[i]];

        if (!strcmp(g->name, f->name) && (!g->help || !f->help || !strcmp(g->help, f->help)))
            return true;
    }
    return false;
}

/* Numbers of its fields by name, those with a sentence or all; at most `most`. */
static size_t names_of(const struct look *look, bool helped, size_t *named, size_t most)
{
    size_t count = 0;

    for (size_t i = 0; i < look->count && count < most; i++) {
        const struct look_field *f = &look->field[i];

        if ((f->help || !helped) && f->name[0] != '[' && !named_before(look, named, count, f))
            named[count++] = i;
    }
    return count;
}

/* Sentences on its fields; a few of a hundred would look as if it had no others. */
static void put_fields(const struct words *w, const struct look *look)
{
    size_t told[FIELDS_MAX], all[FIELDS_MAX], count = names_of(look, true, told, FIELDS_MAX);

    if (!count || names_of(look, false, all, FIELDS_MAX) > FEW * count)
        return;
    blank(w);
    say(w, 0, "Its fields");
    for (size_t i = 0; i < count; i++) {
        const struct look_field *f = &look->field[told[i]];

        fprintf(w->t.out, "%*s%s  ", INDENT, "", f->name);
        cli_wrap(&w->t, INDENT + strlen(f->name) + 2, 2 * INDENT, f->help);
    }
}

static void explain_chunk(struct browse *b, const struct look *look)
{
    char name[120];
    struct words w;
    size_t first, n;

    if (!words_begin(&w))
        return;
    if (look->help)
        say(&w, 0, "%s", look->help);
    put_extent(&w, look);
    n = findings_here(b, &first);
    if (n)
        blank(&w);
    put_findings(b, &w, first, n);
    put_readers(b, &w, look);
    put_fields(&w, look);
    words_show(b, &w, chunk_name(look, name, sizeof(name)));
}

/* ---------------------------------------------------------------- the key ---- */

void key_explain(struct browse *b)
{
    const struct look *look = browse_look(b);
    const struct xsi_finding *f = finding_selected(b);
    bool bytes = b->focus == PANEL_FIELDS || b->focus == PANEL_HEX;
    char line[400], frame[1200];

    if (grid_explain(b, frame, sizeof(frame)))
        popup_text(b, "frame", frame);
    else if (b->focus == PANEL_READER && reader_line(b, line, sizeof(line)))
        explain_log_line(b, line);
    else if (f)
        explain_finding(b, f);
    else if (!look->valid)
        browse_say(b, ROLE_INFO, "%s", look->why);
    else if (bytes && b->field < look->count)
        explain_field(b, look, &look->field[b->field]);
    else
        explain_chunk(b, look);
}
