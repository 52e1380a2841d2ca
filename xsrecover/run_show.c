/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A restore in words: reads, what really stands there, log lines, how it ends. */
#include <inttypes.h>
#include <string.h>

#include "run_session.h"

#define BYTES_SHOWN  16
#define FIELDS_SHOWN 8

/* ---------------------------------------------------------------- the bytes ---- */

static void show_number(struct debug *d, const struct run_session *s)
{
    char text[240];
    int32_t number;

    if (replay_focus(s->play) != s->play->read.offset ||
        !replay_count(s->play, s->row, &number, text, sizeof(text)))
        return;
    fputs("  number  ", d->term.out);
    cli_wrap(&d->term, 10, 10, text);
}

static void show_bytes(struct debug *d, const struct run_session *s)
{
    char ascii[4 * BYTES_SHOWN + 1];
    uint8_t bytes[BYTES_SHOWN];
    const struct xsi_run_event *read = &s->play->read;
    uint64_t from = replay_focus(s->play);
    size_t n = replay_bytes(s->play, from, bytes, sizeof(bytes));

    if (read->got < read->length)
        fprintf(d->term.out, "  short   only %" PRIu64 " of %" PRIu64 " bytes are there\n",
                read->got, read->length);
    if (!n)
        return;
    if (from != read->offset)
        fprintf(d->term.out, "  about   0x%" PRIx64 "\n", from);
    fputs("  bytes  ", d->term.out);
    for (size_t i = 0; i < n; i++) {
        fprintf(d->term.out, " %02x", bytes[i]);
        ascii[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
    }
    ascii[n] = '\0';
    fprintf(d->term.out, "%s  %s\n", read->got - (from - read->offset) > n ? " .." : "", ascii);
    show_number(d, s);
}

/* ---------------------------------------------------------------- what they really are ---- */

/* Fields of the chunk that lie within the read. */
struct fields {
    struct xsi_sink sink;
    uint64_t offset, end;
    unsigned count;
    char text[600];
};

static void field_text(const struct xsi_value *v, char *out, size_t size)
{
    size_t n = v->text_length < 40 ? v->text_length : 40;

    switch (v->kind) {
    case XSI_HEX:
    case XSI_PFN:
        snprintf(out, size, "0x%" PRIx64, v->number);
        break;
    case XSI_SINT:
        snprintf(out, size, "%" PRId64, (int64_t)v->number);
        break;
    case XSI_BOOL:
        snprintf(out, size, "%s", v->number ? "yes" : "no");
        break;
    case XSI_ENUM:
    case XSI_FLAGS:
        if (v->text && n)
            xsi_escape(out, size, v->text, n);
        else
            snprintf(out, size, "0x%" PRIx64, v->number);
        break;
    case XSI_TEXT:
        if (v->text)
            xsi_escape(out, size, v->text, n);
        break;
    default:
        snprintf(out, size, "%" PRIu64, v->number);
        break;
    }
}

static void take_field(struct xsi_sink *sink, const struct xsi_value *v)
{
    struct fields *f = (struct fields *)sink;
    char text[200] = "";
    size_t n = strlen(f->text);

    if (v->kind == XSI_GROUP || v->kind == XSI_LIST || v->kind == XSI_CLOSE ||
        v->kind == XSI_BYTES || !v->name || !v->length || v->offset < f->offset ||
        v->offset >= f->end || f->count == FIELDS_SHOWN)
        return;
    field_text(v, text, sizeof(text));
    snprintf(f->text + n, sizeof(f->text) - n, "%s%s %s", f->count ? ", " : "", v->name, text);
    f->count++;
}

static void show_there(struct debug *d, const struct run_session *s)
{
    const struct xsi_run_event *read = &s->play->read;
    struct fields f = { .sink = { take_field }, .offset = replay_focus(s->play) };
    unsigned detail = f.offset == read->offset ? 1 : 2;
    const struct xsi_map_row *row = detail == 1 ? s->row : xsi_map_at(s->map, f.offset);
    const struct xsi_chunk *chunk;
    struct xsi_error err;
    struct xsi_walk *walk = row ? xsi_map_open(s->map, row->offset, &chunk, &err) : NULL;
    uint64_t into = row ? f.offset - row->offset : 0;
    char text[400], at[80] = "";

    if (!row) {
        fputs("  there   the end of the image\n", d->term.out);
        return;
    }
    if (into)
        snprintf(at, sizeof(at), "byte %" PRIu64 " of ", into);
    snprintf(text, sizeof(text), "%s%s (%s), chunk %" PRIu64 "%s%s", at, row->type, row->layer,
             row->index, walk && chunk->help ? ": " : "", walk && chunk->help ? chunk->help : "");
    fputs("  there   ", d->term.out);
    cli_wrap(&d->term, 10, 10, text);
    f.end = read->offset + read->got;
    if (walk && (read->kind == XSI_RUN_READ || detail == 2))
        xsi_chunk_fields(walk, chunk, detail, &f.sink);
    if (f.count) {
        fputs("  fields  ", d->term.out);
        cli_wrap(&d->term, 10, 10, f.text);
    }
    xsi_walk_free(walk);
}

/* ---------------------------------------------------------------- a read ---- */

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

void run_show_line(struct debug *d, const struct run_session *s)
{
    const struct xsi_run_event *r = &s->play->read;
    char number[24] = "";
    int32_t count;

    if (replay_count(s->play, s->row, &count, NULL, 0))
        snprintf(number, sizeof(number), " = %" PRId32, count);
    fprintf(d->term.out, "0x%08" PRIx64 " %11" PRIu64 "  %-9s %s%s", r->offset, r->length, r->who,
            r->purpose, number);
    if (r->got < r->length)
        fprintf(d->term.out, ", short: %" PRIu64, r->got);
    else if (s->row && s->row != s->before)
        fprintf(d->term.out, "  [%s]", s->row->type);
    fputc('\n', d->term.out);
}

void run_show_read(struct debug *d, const struct run_session *s)
{
    const struct xsi_run_event *r = &s->play->read;

    fprintf(d->term.out, "%s%s%s %s %" PRIu64 " byte%s at %s0x%" PRIx64 "%s: %s\n",
            cli_colour(&d->term, CLI_BOLD), r->who, cli_colour(&d->term, CLI_PLAIN),
            r->kind == XSI_RUN_READ ? "reads" : "stores", r->length, plural(r->length),
            cli_colour(&d->term, CLI_BOLD), r->offset, cli_colour(&d->term, CLI_PLAIN), r->purpose);
    show_bytes(d, s);
    show_there(d, s);
    debug_move(d, replay_focus(s->play));
}

/* ---------------------------------------------------------------- the rest ---- */

void run_show_log(struct debug *d, enum xsi_run_level level, const char *who, const char *text)
{
    const char *words = level == XSI_LOG_ERROR     ? " error"
                        : level == XSI_LOG_WARNING ? " warning"
                                                   : "";
    enum cli_colour colour = level == XSI_LOG_ERROR ? CLI_RED : CLI_YELLOW;
    size_t at = 4 + strlen(who) + strlen(words);

    fprintf(d->term.out, "  %s%s%s%s: ", *words ? cli_colour(&d->term, colour) : "", who, words,
            *words ? cli_colour(&d->term, CLI_PLAIN) : "");
    cli_wrap(&d->term, at, 10, text);
}

void run_show_event(struct debug *d, const struct xsi_run_event *ev)
{
    char text[480];

    if (ev->kind == XSI_RUN_CALL) {
        fprintf(d->term.out, "  (%s begins)\n", ev->who);
        return;
    }
    snprintf(text, sizeof(text), "(%s: %s)", ev->who, ev->text);
    fputs("  ", d->term.out);
    cli_wrap(&d->term, 2, 10, text);
}

void run_show_end(struct debug *d, const struct run_session *s)
{
    const struct xsi_verdict *v = xsi_run_verdict(s->play->run);
    char text[300];

    fprintf(d->term.out, "The restore is over after %" PRIu64 " read%s.\n", s->play->reads,
            plural(s->play->reads));
    fputs("result   ", d->term.out);
    cli_wrap(&d->term, 9, 9, replay_result(v, text, sizeof(text)));
    for (size_t i = 0; i < v->condition_count; i++) {
        fputs("needs    ", d->term.out);
        cli_wrap(&d->term, 9, 9, v->conditions[i]);
    }
    debug_verdict_print(d, v);
    if (v->outcome != XSI_RESTORES && *v->fix && cli_fix_certain(v, xsi_map_info(d->map)))
        fprintf(d->term.out, "next     `fix` stages %s\n", v->fix);
    else if (v->outcome != XSI_RESTORES)
        fprintf(d->term.out, "next     `fix` tries what is known; `info state`, `log`\n");
}
