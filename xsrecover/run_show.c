/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A restore in words: reads, what really stands there, log lines, how it ends. */
#include <inttypes.h>
#include <string.h>

#include "run_session.h"

#define BYTES_SHOWN  16
#define FIELDS_SHOWN 8

/* ---------------------------------------------------------------- the bytes ---- */

/* Where to look at: the bytes that the verdict is about, when they lie within the read. */
static uint64_t focus(const struct run_session *s)
{
    uint64_t where = s->future.where, from = s->read.offset;

    return s->future.has_where && where > from && where - from < s->read.got ? where : from;
}

/* Bytes that the reader has got, from there on. */
static size_t bytes_from(struct debug *d, const struct run_session *s, uint64_t from,
                         uint8_t *bytes, size_t max)
{
    uint64_t left = s->read.got - (from - s->read.offset);
    size_t want = left < max ? (size_t)left : max;
    ssize_t n = xsi_source_read(xsi_plan_source(d->plan), bytes, want, from);

    return n > 0 ? (size_t)n : 0;
}

static uint32_t word_of(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* A number that the reader takes for a page count or a chunk id. */
static bool is_count(const struct run_session *s, size_t have)
{
    return have == 4 && s->read.length == 4 && s->read.kind == XSI_RUN_READ &&
           strstr(s->read.purpose, "batch size");
}

static void show_number(struct debug *d, const struct run_session *s, const uint8_t *bytes,
                        size_t have)
{
    int32_t number = have == 4 ? (int32_t)word_of(bytes) : 0;
    char text[240];
    struct xsi_count known;

    if (!is_count(s, have))
        return;
    /* a row whose id this is, or a batch: nothing that has to be explained */
    if (s->row && s->row->offset == s->read.offset && s->row->has_id && s->row->id == number)
        snprintf(text, sizeof(text), "%" PRId32 ", the id of %s", number, s->row->type);
    else if (number > 0 && number <= 1024 && !xsi_count_lookup((uint32_t)number, &known))
        snprintf(text, sizeof(text), "%" PRId32 " entries in a batch", number);
    else if (!number)
        snprintf(text, sizeof(text), "0, the end of the batches");
    else
        xsi_explain_count((uint32_t)number, text, sizeof(text));
    fputs("  number  ", d->term.out);
    cli_wrap(&d->term, 10, 10, text);
}

static void show_bytes(struct debug *d, const struct run_session *s)
{
    char ascii[4 * BYTES_SHOWN + 1];
    uint8_t bytes[BYTES_SHOWN];
    uint64_t from = focus(s);
    size_t n = bytes_from(d, s, from, bytes, sizeof(bytes));

    if (s->read.got < s->read.length)
        fprintf(d->term.out, "  short   only %" PRIu64 " of %" PRIu64 " bytes are there\n",
                s->read.got, s->read.length);
    if (!n)
        return;
    if (from != s->read.offset)
        fprintf(d->term.out, "  about   0x%" PRIx64 "\n", from);
    fputs("  bytes  ", d->term.out);
    for (size_t i = 0; i < n; i++) {
        fprintf(d->term.out, " %02x", bytes[i]);
        ascii[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
    }
    ascii[n] = '\0';
    fprintf(d->term.out, "%s  %s\n", s->read.got - (from - s->read.offset) > n ? " .." : "", ascii);
    show_number(d, s, bytes, (size_t)s->read.got == n ? n : 0);
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
    struct fields f = { .sink = { take_field }, .offset = focus(s) };
    unsigned detail = f.offset == s->read.offset ? 1 : 2;
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
    f.end = s->read.offset + s->read.got;
    if (walk && (s->read.kind == XSI_RUN_READ || detail == 2))
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
    const struct xsi_run_event *r = &s->read;
    uint8_t bytes[BYTES_SHOWN];
    size_t n = r->length == 4 ? bytes_from(d, s, r->offset, bytes, sizeof(bytes)) : 0;
    char number[24] = "";

    if (is_count(s, n))
        snprintf(number, sizeof(number), " = %" PRId32, (int32_t)word_of(bytes));
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
    const struct xsi_run_event *r = &s->read;

    fprintf(d->term.out, "%s%s%s %s %" PRIu64 " byte%s at %s0x%" PRIx64 "%s: %s\n",
            cli_colour(&d->term, CLI_BOLD), r->who, cli_colour(&d->term, CLI_PLAIN),
            r->kind == XSI_RUN_READ ? "reads" : "stores", r->length, plural(r->length),
            cli_colour(&d->term, CLI_BOLD), r->offset, cli_colour(&d->term, CLI_PLAIN), r->purpose);
    show_bytes(d, s);
    show_there(d, s);
    debug_move(d, focus(s));
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

/* "returns 1 after 0x1b067 bytes; 1 checkpoint, 24 pages, …" */
static void show_result(struct debug *d, const struct xsi_verdict *v)
{
    char text[300];
    int n;

    if (v->returned)
        n = snprintf(text, sizeof(text), "rc %" PRId64 " after %" PRIu64 " bytes of its stream",
                     v->rc, v->consumed);
    else
        n = snprintf(text, sizeof(text), "%s", v->fate ? v->fate : "it does not return");
    n += snprintf(text + n, sizeof(text) - (size_t)n,
                  "; stopped at 0x%" PRIx64 "; %u checkpoint%s, %" PRId64 " page%s, %" PRId64
                  " vCPU%s set",
                  v->stopped, v->checkpoints, plural(v->checkpoints), v->pages,
                  plural((uint64_t)v->pages), v->vcpus_set, plural((uint64_t)v->vcpus_set));
    if (v->qemu_bytes >= 0)
        snprintf(text + n, sizeof(text) - (size_t)n, ", %" PRId64 " bytes of device-model state",
                 v->qemu_bytes);
    fputs("result   ", d->term.out);
    cli_wrap(&d->term, 9, 9, text);
}

void run_show_end(struct debug *d, const struct run_session *s)
{
    const struct xsi_verdict *v = xsi_run_verdict(s->run);

    fprintf(d->term.out, "The restore is over after %" PRIu64 " read%s.\n", s->reads,
            plural(s->reads));
    show_result(d, v);
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
