/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan on its way to the disk: made to fit, checked as an overlay, shown, agreed to, written.
 * Every command that changes an image ends here.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply.h"

void apply_settings(struct apply *a, const struct settings *s)
{
    a->transcript = s->transcript;
    a->reader = s->target_count ? s->targets[0] : NULL;
    a->as = s->as;
    a->scan = s->scan;
    a->out = s->out;
    a->in_place = s->in_place;
    a->yes = s->yes;
    a->safe = s->safe;
    a->show_only = s->show_only;
    a->pieces = s->pieces;
    a->save_plan = s->save_plan;
    a->how = (struct xsi_write_options){ .undo = s->undo, .assume_unused = s->assume_unused };
}

/* ---------------------------------------------------------------- checks ---- */

static unsigned fault(const struct apply *a, const struct xsi_error *err)
{
    return fail(a->transcript, CLI_OPERATIONAL, a->file, "%s", err->text);
}

/* The same file, or the same device under any name. */
static bool same_place(const struct stat *a, const struct stat *b)
{
    if (S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode))
        return a->st_rdev == b->st_rdev;
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What is certain to be refused is refused before anybody is asked. 0 or a status. */
static unsigned check_output(const struct apply *a)
{
    bool stream = a->out && strcmp(a->out, "-") == 0;
    struct stat image, out;

    if (!a->out || (!stream && lstat(a->out, &out) < 0))
        return 0;
    if (stream && isatty(STDOUT_FILENO))
        return fail(a->transcript, CLI_USAGE, NULL,
                    "-o -: standard output is a terminal; redirect it to a pipe or a file");
    if (stat(a->file, &image) == 0 &&
        (stream ? fstat(STDOUT_FILENO, &out) : stat(a->out, &out)) == 0 && same_place(&image, &out))
        return fail(a->transcript, CLI_USAGE, stream ? "standard output" : a->out,
                    "this is the image itself; name another file, or give --in-place");
    if (stream)
        return 0;
    return fail(a->transcript, CLI_USAGE, a->out,
                "it exists and is not replaced; name another file for -o");
}

/* A step that gives something up or that may be wrong; NULL: there is none. */
static const struct xsi_planned *unsafe(const struct apply *a)
{
    const struct xsi_planned *step;

    for (size_t i = 0; (step = xsi_plan_step(a->plan, i)); i++)
        if (*step->loses || *step->guess)
            return step;
    return NULL;
}

/* ---------------------------------------------------------------- fitting ---- */

static bool look_planned(const struct apply *a, struct look *after, struct xsi_error *err)
{
    return look_at(after, xsi_plan_source(a->plan), a->as, a->scan, &a->reader, a->reader ? 1 : 0,
                   err);
}

/*
 * Where spare zeros give way or take up room: behind the stream. What a person cut off is not
 * put back there, but at the end of a device.
 */
static uint64_t slack_at(const struct apply *a, const struct look *after)
{
    uint64_t was = 0, is = 0;

    (void)xsi_source_size(*a->src, &was);
    (void)xsi_source_size(xsi_plan_source(a->plan), &is);
    return a->fit || is > was ? after->info->stream_end : is;
}

/* 0 or -errno. On a device what does not fit in place is still good for a new file. */
static int fit(const struct apply *a, struct sight *sight, struct xsi_error *err)
{
    bool device = xsi_source_kind(*a->src) == XSI_SOURCE_BLOCK, fixed = device && !a->out;
    size_t steps = xsi_plan_steps(a->plan);
    int rc = 0;

    if (fixed || a->fit)
        rc = xsi_plan_fit(a->plan, slack_at(a, &sight->after), fixed, err);
    if ((rc == -ENOSPC || rc == -EFBIG) && !a->in_place) {
        snprintf(sight->unfit, sizeof(sight->unfit), "%s", err->text);
        rc = 0;
    }
    if (rc || xsi_plan_steps(a->plan) == steps)
        return rc;
    look_away(&sight->after);
    return look_planned(a, &sight->after, err) ? 0 : -EIO;
}

static bool see(struct apply *a, struct sight *sight, struct xsi_error *err)
{
    if (!look_at(&sight->before, *a->src, a->as, a->scan, &a->reader, a->reader ? 1 : 0, err))
        return false;
    if (!a->reader && sight->before.verdict) /* the default one stays it */
        a->reader = sight->before.verdict->reader.name;
    if (!look_planned(a, &sight->after, err) || fit(a, sight, err) < 0)
        return false;
    if (a->reader && a->reader != xsi_plan_reader(a->plan))
        xsi_plan_set_reader(a->plan, a->reader);
    sight->better = look_better(&sight->after, &sight->before);
    return true;
}

/* ---------------------------------------------------------------- consent ---- */

/* A person says yes, beforehand or now. */
static bool consent(const struct apply *a)
{
    const char *target = a->in_place ? a->file : strcmp(a->out, "-") ? a->out : "standard output";
    char word[4200];

    if (a->yes || a->safe)
        return true;
    if (!somebody_there())
        fail(a->transcript, CANCELLED, a->file,
             "not written: standard input is no terminal, so nobody can be asked; give -y (all of "
             "it) or -p (only what loses nothing)");
    else if (ask(a->term, a->transcript,
                 a->in_place ? "Write this to %s itself?" : "Write the result to %s?",
                 cli_word(word, sizeof(word), target)))
        return true;
    else
        fail(a->transcript, CANCELLED, a->file, "nothing was written");
    return false;
}

/* May it be written? *status says how a no ends. */
static bool agreed(const struct apply *a, const struct sight *sight, unsigned *status)
{
    const struct xsi_planned *step = a->safe ? unsafe(a) : NULL;

    *status = CANCELLED;
    if (!sight->better && !a->decided) {
        *status = fail(a->transcript, sight->before.exit, a->file,
                       "not written: the plan does not make it restore any better");
        return false;
    }
    if (step) {
        fail(a->transcript, CANCELLED, a->file,
             "not written: %s %s %s; -p does only what loses and guesses nothing, -y all",
             step->recipe, *step->loses ? "gives up" : "guesses",
             *step->loses ? step->loses : step->guess);
        return false;
    }
    return consent(a);
}

/* ---------------------------------------------------------------- writing ---- */

/* What is cut out goes to files of its own first. 0 or a status. */
static unsigned write_pieces(const struct apply *a)
{
    const struct xsi_kept *p;
    struct xsi_error err;
    char path[4200], word[4300];

    if (!a->pieces)
        return 0;
    if (mkdir(a->pieces, 0700) < 0 && errno != EEXIST)
        return fail(a->transcript, CLI_OPERATIONAL, a->pieces, "cannot make the folder: %s",
                    strerror(errno));
    for (size_t i = 0; (p = xsi_plan_piece(a->plan, i)); i++) {
        unsigned same = 0;

        for (size_t k = 0; k < i; k++)
            same += strcmp(xsi_plan_piece(a->plan, k)->name, p->name) == 0;
        snprintf(path, sizeof(path), same ? "%s/%s-%u" : "%s/%s", a->pieces, p->name, same + 1);
        if (xsi_write_range(*a->src, p->offset, p->length, path, &err) < 0)
            return fault(a, &err);
        line_print(a->term, "piece", "%s, %" PRIu64 " bytes", cli_word(word, sizeof(word), path),
                   p->length);
    }
    return 0;
}

/* A lease cannot be had while the image is open here too. */
static int write_in_place(struct apply *a, struct xsi_error *err)
{
    int rc = xsi_plan_detach(a->plan, err);

    if (rc)
        return rc;
    xsi_source_free(*a->src);
    *a->src = NULL;
    return xsi_write_in_place(a->plan, a->file, &a->how, &a->result, err);
}

static void tell_written(const struct apply *a)
{
    const struct xsi_written *w = &a->result;
    const struct cli_term *t = a->term;
    char word[4200];

    if (a->in_place && !*w->undo) {
        line_print(t, "written", "nothing: the image holds these bytes already");
    } else if (a->in_place) {
        line_print(t, "undo", "%s (%" PRIu64 " bytes, synced)",
                   cli_name(word, sizeof(word), w->undo), w->journal);
        line_print(t, "written", "%" PRIu64 " bytes in %.2f s. Revert with: xsrecover undo %s",
                   w->bytes, w->seconds, cli_word(word, sizeof(word), w->undo));
    } else {
        line_print(t, "written", "%" PRIu64 " bytes to %s in %.2f s%s. The image is as it was.",
                   w->bytes,
                   strcmp(a->out, "-") ? cli_name(word, sizeof(word), a->out) : "standard output",
                   w->seconds, w->reflinked ? ", the rest is shared with the image" : "");
    }
}

static unsigned write_it(struct apply *a, const struct sight *sight)
{
    struct xsi_error err = { 0, "" };
    unsigned status = output_check(a->term, a->transcript, a->file);
    int rc;

    if (!status)
        status = write_pieces(a);
    if (status)
        return status;
    if (a->in_place)
        rc = write_in_place(a, &err);
    else if (strcmp(a->out, "-") == 0)
        rc = xsi_write_stream(a->plan, a->file, STDOUT_FILENO, &a->result, &err);
    else
        rc = xsi_write_file(a->plan, a->file, a->out, &a->result, &err);
    if (rc < 0)
        return fault(a, &err);
    a->written = true;
    tell_written(a);
    return sight->after.exit;
}

/* The plan as text; nothing that exists is replaced. 0 or a status. */
static unsigned save_plan(const struct apply *a)
{
    struct xsi_error err = { 0, "" };
    char word[4200];
    int fd, rc;

    if (!a->save_plan)
        return 0;
    fd = open(a->save_plan, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(a->transcript, errno == EEXIST ? CLI_USAGE : CLI_OPERATIONAL, a->save_plan,
                    "cannot save the plan: %s",
                    errno == EEXIST ? "it exists and is not replaced; name another file"
                                    : strerror(errno));
    rc = xsi_plan_save(a->plan, fd, &err);
    if (close(fd) < 0 && !rc) {
        rc = -errno;
        snprintf(err.text, sizeof(err.text), "the plan could not be written: %s", strerror(-rc));
    }
    if (rc < 0) {
        unlink(a->save_plan);
        return fault(a, &err);
    }
    line_print(a->term, "saved", "the plan: %s", cli_word(word, sizeof(word), a->save_plan));
    return 0;
}

/* ---------------------------------------------------------------- all of it ---- */

unsigned apply_plan(struct apply *a)
{
    bool wanted = (a->out || a->in_place) && !a->show_only;
    unsigned status = wanted ? image_half_written(a->transcript, a->file) : 0;
    const char *reader = a->reader;
    struct sight sight = { 0 };
    struct xsi_error err = { 0, "" };

    if (!status && wanted)
        status = check_output(a);
    if (status)
        return status;
    if (!see(a, &sight, &err)) {
        status = fault(a, &err);
    } else {
        a->brief = wanted && (a->yes || a->safe);
        apply_show(a, &sight, wanted);
        status = save_plan(a);
        if (!status && !wanted)
            status = sight.before.exit;
        else if (!status && agreed(a, &sight, &status))
            status = write_it(a, &sight);
    }
    a->reader = reader; /* a default one was named by what goes now */
    look_away(&sight.before);
    look_away(&sight.after);
    return status;
}
