/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover fix: make a reader restore the image. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xsrecover.h"

/* ---------------------------------------------------------------- nothing to do ---- */

/* Behind a pipe somebody waits for an image. */
static unsigned pass_on(const struct apply *a, const struct settings *s)
{
    struct xsi_written written;
    struct xsi_error err;

    if (!s->out || s->show_only)
        return 0;
    if (strcmp(s->out, "-") != 0) {
        line_print(a->term, "", "no file was written: the image itself will do");
        return 0;
    }
    if (isatty(STDOUT_FILENO))
        return fail(s->transcript, CLI_USAGE, NULL,
                    "-o -: standard output is a terminal; redirect it to a pipe or a file");
    if (xsi_write_stream(a->plan, a->file, STDOUT_FILENO, &written, &err) < 0)
        return fail(s->transcript, CLI_OPERATIONAL, a->file, "%s", err.text);
    line_print(a->term, "written", "%" PRIu64 " bytes to standard output, as they are",
               written.bytes);
    return 0;
}

/* ---------------------------------------------------------------- nothing that helps ---- */

#define READERS_SHOWN  8
#define FINDINGS_SHOWN 8

/* Readers that restore it as it is, the newest first. */
static void others(const struct apply *a)
{
    static const char *const all[] = { "all" };
    char names[READERS_SHOWN * 44] = "", word[4200];
    struct xsi_error err;
    struct look l;
    size_t count = 0, n = 0, used = 0;

    if (!look_at(&l, *a->src, a->as, a->scan, all, 1, &err))
        return;
    while (xsi_map_verdict(l.map, count))
        count++;
    for (size_t i = count; i-- > 0;) {
        const struct xsi_verdict *v = xsi_map_verdict(l.map, i);

        if (v->outcome == XSI_RESTORES && n++ < READERS_SHOWN)
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                                     v->reader.name);
    }
    look_away(&l);
    if (!n) {
        line_print(a->term, "others", "no reader restores it as it is");
        return;
    }
    line_print(a->term, "others",
               n > READERS_SHOWN ? "restored as it is by %s and %zu more"
                                 : "restored as it is by %s",
               names, n - READERS_SHOWN);
    fprintf(a->term->out, "%*sall of them: xsdump -t all %s\n", LINE_INDENT, "",
            cli_word(word, sizeof(word), a->file));
}

/* What can still be saved. */
static void rest(const struct apply *a, const struct xsi_info *info)
{
    char pages[100] = "an unknown number of pages", word[4200];

    if (info->pages_tracked && info->has_p2m_size && info->pages_present <= info->p2m_size)
        snprintf(pages, sizeof(pages), "%" PRIu64 " of %" PRIu64 " frames have a page",
                 info->pages_present, info->p2m_size);
    else if (info->pages_tracked)
        snprintf(pages, sizeof(pages), "%" PRIu64 " frames have a page", info->pages_present);
    line_print(a->term, "left", "%s; %s", pages,
               info->cpu_state ? "the state of a CPU is there"
                               : "no CPU's state is there, so the guest cannot be resumed from it");
    if (info->checkpoints)
        line_print(a->term, "", "%u complete checkpoint%s", info->checkpoints,
                   info->checkpoints == 1 ? "" : "s");
    if (info->pages_present)
        fprintf(a->term->out, "%*sthe memory, for crash or Volatility: xsdump --core FILE %s\n",
                LINE_INDENT, "", cli_word(word, sizeof(word), a->file));
}

static struct xsi_mend_options options_of(const struct apply *a, const struct settings *s)
{
    return (struct xsi_mend_options){
        .reader = a->reader,
        .as = s->as,
        .recipe = s->recipe,
        .code = s->code,
        .has_at = s->has_at,
        .at = s->at,
        .safe = s->safe,
        .same_size = xsi_source_kind(*a->src) == XSI_SOURCE_BLOCK && !s->out,
        .scan = s->scan,
    };
}

/* Says what would be done if -p did not forbid it. False: nothing, so -p is not the reason. */
static bool without_safe(const struct apply *a, const struct settings *s)
{
    struct xsi_mend_options how = options_of(a, s);
    const struct xsi_planned *step;
    struct xsi_mended *m = NULL;
    struct xsi_error err;
    size_t steps;

    how.safe = false;
    if (s->safe)
        m = xsi_mend(a->plan, &how, &err);
    steps = xsi_plan_steps(a->plan);
    if (m && steps)
        line_print(a->term, "result", "%s without -p:",
                   m->judged && m->after.outcome == XSI_RESTORES ? "fixable" : "partly fixable");
    for (size_t i = 0; m && (step = xsi_plan_step(a->plan, i)); i++)
        line_print(a->term, "", "%s: %s%s%s%s%s", step->recipe, step->what,
                   *step->loses ? "; gives up: " : "", step->loses,
                   *step->guess ? "; guessed: " : "", step->guess);
    while (xsi_plan_undo(a->plan))
        ;
    free(m);
    return steps != 0;
}

/* Nothing to judge: what the bytes say. */
static void findings(const struct apply *a, const struct look *l)
{
    size_t count;
    const struct xsi_finding *f = xsi_map_findings(l->map, &count);

    for (size_t i = 0; i < count && i < FINDINGS_SHOWN; i++)
        cli_finding_print(a->term, &f[i]);
}

/* No format claims it: where to look further. */
static void unknown(const struct apply *a)
{
    char word[4200];

    cli_word(word, sizeof(word), a->file);
    line_print(a->term, "result", "no save image is recognised in it, so nothing can be mended");
    fprintf(a->term->out, "%*swhat each format thinks of its first bytes: xsdump --as list %s\n",
            LINE_INDENT, "", word);
    fprintf(a->term->out, "%*swith something else in front of the image: xsdump --offset N %s\n",
            LINE_INDENT, "", word);
}

static unsigned unfixable(const struct apply *a, const struct settings *s,
                          const struct xsi_mended *m)
{
    const struct xsi_info *info;
    struct xsi_error err = { 0, "" };
    struct look l;
    unsigned status;

    if (!look_at(&l, *a->src, a->as, a->scan, &a->reader, a->reader ? 1 : 0, &err))
        return fail(a->transcript, CLI_OPERATIONAL, a->file, "%s", err.text);
    info = l.info;
    image_print(a->term, a->file, *a->src, &l);
    verdict_print(a->term, "before", l.verdict, true);
    if (!m->judged)
        findings(a, &l);
    status = l.exit;
    if (without_safe(a, s)) {
        status = CANCELLED;
    } else if (!info->stack_length || info->state == XSI_UNKNOWN) {
        unknown(a);
    } else {
        line_print(a->term, "result", "not fixable for %s: no recipe brings it any further",
                   m->judged ? m->reader.name : "any reader");
        refusals_print(a->term, m);
        rest(a, info);
        others(a);
    }
    look_away(&l);
    return status;
}

/* The reader restores it: nothing to do, even where findings speak of damage that stays. */
static unsigned nothing_staged(const struct apply *a, const struct settings *s,
                               const struct xsi_mended *m)
{
    struct xsi_error err = { 0, "" };
    unsigned status, left = 0;
    char word[4200];
    struct look l;

    if (!m->judged || m->before.outcome != XSI_RESTORES)
        return unfixable(a, s, m);
    if (!look_at(&l, *a->src, a->as, a->scan, &a->reader, a->reader ? 1 : 0, &err))
        return fail(a->transcript, CLI_OPERATIONAL, a->file, "%s", err.text);
    image_print(a->term, a->file, *a->src, &l);
    verdict_print(a->term, "before", &m->before, false);
    line_print(a->term, "plan", "nothing to do");
    if (l.errors) {
        left = l.exit;
        line_print(a->term, "", "%zu finding%s that no recipe mends: xsrecover check %s", l.errors,
                   l.errors == 1 ? "" : "s", cli_word(word, sizeof(word), a->file));
    }
    look_away(&l);
    refusals_print(a->term, m);
    status = pass_on(a, s);
    return status ? status : left;
}

/* ---------------------------------------------------------------- staging ---- */

static unsigned load_plan(struct apply *a, const struct settings *s)
{
    struct xsi_error err = { 0, "" };
    int fd = open(s->plan, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

    if (fd < 0)
        return fail(s->transcript, CLI_OPERATIONAL, s->plan, "cannot read the plan: %s",
                    strerror(errno));
    rc = xsi_plan_load(a->plan, fd, &err);
    close(fd);
    if (rc < 0)
        return fail(s->transcript,
                    rc == -EINVAL || rc == -ESTALE ? (unsigned)CLI_USAGE
                                                   : (unsigned)CLI_OPERATIONAL,
                    s->plan, "%s", err.text);
    if (!a->reader && *xsi_plan_reader(a->plan))
        a->reader = xsi_plan_reader(a->plan);
    if (!xsi_plan_steps(a->plan))
        line_print(a->term, "plan", "nothing to do: it holds no edit");
    return 0;
}

static unsigned fix_stage(struct apply *a, const struct settings *s)
{
    const struct xsi_mend_options how = options_of(a, s);
    struct xsi_error err = { 0, "" };
    struct xsi_mended *m;
    unsigned status = 0;

    a->fit = true;
    a->decided = s->recipe || s->plan;
    if (s->plan)
        return load_plan(a, s);
    m = xsi_mend(a->plan, &how, &err);
    if (!m)
        return fail(s->transcript, err.code == EINVAL ? CLI_USAGE : CLI_OPERATIONAL, a->file, "%s",
                    err.text);
    if (!a->reader && m->judged)
        a->reader = xsi_plan_reader(a->plan);
    if (!xsi_plan_steps(a->plan))
        status = nothing_staged(a, s, m);
    a->mended = m;
    return status;
}

static unsigned fix_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    (void)argc;
    if (s->has_at && !s->recipe) {
        cli_error(NULL, "--at belongs to --recipe; --code picks a finding");
        return CLI_USAGE;
    }
    return change_image(t, s, "fix", argv[0], fix_stage);
}

static const struct command row = {
    .name = "fix",
    .usage = "IMAGE",
    .min = 1,
    .max = 1,
    .options = CHANGE_OPTIONS | OPTION_BIT(RECIPE) | OPTION_BIT(CODE) | OPTION_BIT(AT) |
               OPTION_BIT(PLAN) | OPTION_BIT(PIECES),
    .help = "Make a reader restore the image.",
    .about = "Without -o or --in-place it shows what it would do: each step with what it gives up "
             "and what it guesses, the reader's verdict before and after, what a repair in place "
             "needs, and the commands that apply it.\n"
             "With -o or --in-place it does it after one question; where standard input is no "
             "terminal it needs -y or -p.",
    .exec = fix_exec,
};
COMMAND(row);
