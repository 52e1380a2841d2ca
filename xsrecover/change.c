/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What all commands that change an image do around their own work. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "xsrecover.h"

/* ---------------------------------------------------------------- the command again ---- */

struct words {
    char *out;
    size_t size, used;
    bool cut;
};

static void XSI_PRINTF(2, 3) add(struct words *w, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(w->out + w->used, w->size - w->used, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= w->size - w->used)
        w->cut = true;
    else
        w->used += (size_t)n;
}

static void add_text(struct words *w, const char *option, const char *value)
{
    char word[4200];

    if (value && *value)
        add(w, " %s %s", option, cli_word(word, sizeof(word), value));
}

static void add_patch(struct words *w, const struct patch *p)
{
    add(w, " --at 0x%" PRIx64, p->at);
    if (!p->length) {
        add(w, " --delete %" PRIu64, p->removed);
        return;
    }
    add(w, p->overwrites ? " --set " : " --insert ");
    for (size_t i = 0; i < p->length; i++)
        add(w, "%02x", p->bytes[i]);
}

/* The command as it was given, without what says where to and whether. "" when it is too long. */
static void again(char *out, size_t size, const struct settings *s, const char *command,
                  const char *file, const char *reader)
{
    struct words w = { .out = out, .size = size };
    char word[4200];

    add(&w, "%s %s", command, cli_word(word, sizeof(word), file));
    add_text(&w, "-t", reader);
    add_text(&w, "--as", s->as);
    if (s->scan)
        add(&w, " --scan");
    add_text(&w, "--recipe", s->recipe);
    add_text(&w, "--code", s->code);
    add_text(&w, "--plan", s->plan);
    add_text(&w, "--pieces", s->pieces);
    if (s->has_at && !s->patch_count)
        add(&w, " --at 0x%" PRIx64, s->at);
    if (s->end_of_stream)
        add(&w, " --at-end-of-stream");
    if (s->has_checkpoint)
        add(&w, " --checkpoint %" PRIu64, s->checkpoint);
    for (size_t i = 0; i < s->patch_count; i++)
        add_patch(&w, &s->patch[i]);
    for (size_t i = 0; i < s->word_count; i++)
        add(&w, " %s", cli_word(word, sizeof(word), s->words[i]));
    if (w.cut)
        out[0] = '\0';
}

/* ---------------------------------------------------------------- around it ---- */

static unsigned with_plan(struct apply *a, struct settings *s, const char *command,
                          unsigned (*stage)(struct apply *a, const struct settings *s))
{
    unsigned status = stage(a, s);
    char line[4096];

    if (!status && xsi_plan_steps(a->plan)) {
        again(line, sizeof(line), s, command, a->file,
              a->reader ? a->reader : xsi_plan_reader(a->plan));
        a->again = *line ? line : NULL;
        status = apply_plan(a);
    }
    free(a->mended);
    a->mended = NULL;
    return status;
}

unsigned change_image(const struct cli_term *t, struct settings *s, const char *command,
                      const char *file,
                      unsigned (*stage)(struct apply *a, const struct settings *s))
{
    struct apply a = { .term = t, .file = file };
    struct xsi_error err = { 0, "" };
    struct xsi_source *src;
    unsigned status;

    apply_settings(&a, s);
    if (s->target_count > 1)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "one image is mended for one reader: give -t "
                    "once");
    src = image_open(t, s, file, &status);
    if (!src)
        return status;
    a.src = &src;
    a.plan = xsi_plan_new(src, &err);
    status = a.plan ? with_plan(&a, s, command, stage)
                    : fail(s->transcript, CLI_OPERATIONAL, file, "%s", err.text);
    xsi_plan_free(a.plan);
    if (src)
        xsi_source_free(src);
    return status;
}
