/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verdicts as text: what each target would do with the image, and what to do about it. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "xsdump.h"

#define INDENT 9 /* columns of "VERDICT  " */

void verdict_fate(const struct xsi_verdict *v, bool brief, char *out, size_t size)
{
    if (v->outcome == XSI_UNDEFINED)
        snprintf(out, size, "%s", brief ? "-" : "rc unknown");
    else if (v->returned)
        snprintf(out, size, "%s%" PRId64, brief ? "" : "rc ", v->rc);
    else if (v->fate)
        snprintf(out, size, "%s%s", brief ? "" : "ends by ", v->fate);
    else
        snprintf(out, size, "%s", brief ? "-" : "does not return");
}

void verdict_default_words(const struct image *im, char *out, size_t size)
{
    const struct xsi_info *info = xsi_walk_info(im->walk);
    size_t filters = 0;
    const char *outer;

    (void)xsi_source_filters(im->src, &filters);
    outer = filters < info->stack_length ? info->stack[filters] : "such";
    if (strncmp(outer, "libx", 4) == 0)
        snprintf(out, size, "the default for bare %.5s streams", outer);
    else
        snprintf(out, size, "the default for %s images", outer);
}

void verdict_sentence(const struct image *im, const struct xsi_verdict *v, char *out, size_t size)
{
    char words[80];

    snprintf(out, size, "%s on %s", cli_outcome(v->outcome), v->reader.name);
    verdict_default_words(im, words, sizeof(words));
    if (judged_by_default(im))
        text_add(out, size, " (%s)", words);
    if (*v->reason)
        text_add(out, size, ": %s", v->reason);
}

/* What fix needs a file of its own for, of the image alone, not compressed. */
static const char *fix_first(const struct image *im)
{
    const struct xsi_source_options *window = &im->set->window;
    size_t filters = 0;

    (void)xsi_source_filters(im->src, &filters);
    if (filters)
        return "decompressed";
    if (window->offset || (window->length && window->length != UINT64_MAX))
        return "cut out to a file of its own";
    return strcmp(im->file, "-") == 0 ? "saved to a file" : "";
}

bool verdict_fix(const struct cli_term *t, const struct image *im, const struct xsi_verdict *v)
{
    return cli_fixable(t, INDENT, v, xsi_walk_info(im->walk), im->file, fix_first(im));
}

/* ---------------------------------------------------------------- one verdict ---- */

static void XSI_PRINTF(2, 3) detail(const struct cli_term *t, const char *fmt, ...)
{
    char text[640];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    fprintf(t->out, "%*s", INDENT, "");
    cli_wrap(t, INDENT, INDENT + 2, text);
}

/* Where it ended, and what the guest has by then. */
static void put_end(const struct cli_term *t, const struct xsi_verdict *v)
{
    char fate[48], text[320];

    verdict_fate(v, false, fate, sizeof(fate));
    snprintf(text, sizeof(text), "%s; %" PRIu64 " bytes read, stopped at 0x%" PRIx64, fate,
             v->consumed, v->stopped);
    if (v->pages >= 0)
        text_add(text, sizeof(text), "; pages %" PRId64, v->pages);
    if (v->vcpus_set > 0) /* of an HVM guest they are in the context */
        text_add(text, sizeof(text), ", vCPUs %" PRId64, v->vcpus_set);
    if (v->hvmctx_len >= 0)
        text_add(text, sizeof(text), ", HVM context %" PRId64 " bytes", v->hvmctx_len);
    if (v->qemu_bytes >= 0)
        text_add(text, sizeof(text), ", device model %" PRId64 " bytes", v->qemu_bytes);
    detail(t, "%s", text);
}

static void put_next(const struct cli_term *t, const struct image *im, const struct xsi_verdict *v)
{
    char word[4400];

    if (verdict_fix(t, im, v))
        return;
    fprintf(t->out, "%*s", INDENT, "");
    fprintf(t->out, "Which readers restore it: xsdump -t all %s\n",
            image_words(im, word, sizeof(word)));
}

static void put_verdict(const struct cli_term *t, const struct image *im,
                        const struct xsi_verdict *v)
{
    char text[1200];

    verdict_sentence(im, v, text, sizeof(text));
    fprintf(t->out, "%sVERDICT%s  ", cli_colour(t, cli_outcome_colour(v->outcome)),
            cli_colour(t, CLI_PLAIN));
    cli_wrap(t, INDENT, INDENT, text);
    if (v->outcome != XSI_RESTORES)
        put_end(t, v);
    for (size_t i = 0; i < v->error_count; i++)
        detail(t, "log: %s", xsi_escape(text, sizeof(text), v->errors[i], strlen(v->errors[i])));
    if (*v->loses)
        detail(t, "lost: %s", v->loses);
    for (size_t i = 0; i < v->condition_count; i++)
        detail(t, "needs %s", v->conditions[i]);
    if (v->outcome != XSI_RESTORES)
        put_next(t, im, v);
}

void verdicts_print(const struct cli_term *t, const struct image *im)
{
    const struct xsi_verdict *v;

    if (im->set->all_targets) {
        verdict_table_print(t, im);
        return;
    }
    for (size_t i = 0; (v = judged_verdict(im, i)); i++)
        put_verdict(t, im, v);
}

/* ---------------------------------------------------------------- the head ---- */

/* How the targets ended, in numbers: "3 restore, 9 fail". */
static void count_outcomes(const struct image *im, char *out, size_t size)
{
    static const enum xsi_outcome order[] = { XSI_RESTORES, XSI_LOSES, XSI_FAILS, XSI_UNDEFINED };
    static const char *const words[] = { "restore", "lose", "fail", "undefined" };
    const struct xsi_verdict *v;
    const char *comma = "";

    for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
        size_t n = 0;

        for (size_t i = 0; (v = judged_verdict(im, i)); i++)
            n += v->outcome == order[o];
        if (n)
            text_add(out, size, "%s%zu %s", comma, n, words[o]);
        if (n)
            comma = ", ";
    }
}

void verdicts_head(const struct image *im, bool outcome, char *out, size_t size)
{
    const struct xsi_verdict *v = judged_verdict(im, 0);
    char words[80];
    size_t count = 0;

    out[0] = '\0';
    while (judged_verdict(im, count))
        count++;
    if (count == 1 && outcome) {
        verdict_sentence(im, v, out, size);
        return;
    }
    if (im->set->all_targets)
        snprintf(out, size, "all %zu readers of such a stream", count);
    for (size_t i = 0; i < count && !im->set->all_targets; i++)
        text_add(out, size, "%s%s", i ? ", " : "", judged_verdict(im, i)->reader.name);
    if (judged_by_default(im)) {
        verdict_default_words(im, words, sizeof(words));
        text_add(out, size, " (%s)", words);
    }
    if (outcome) {
        text_add(out, size, ": ");
        count_outcomes(im, out, size);
    }
}
