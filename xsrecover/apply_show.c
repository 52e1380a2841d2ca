/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan in words: its steps, what moves, what it does to the verdict, what it needs. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "apply.h"

/* ---------------------------------------------------------------- the steps ---- */

/* Bytes that come to stand elsewhere; by how many, when it is the same for all. */
static uint64_t moved(const struct apply *a, int64_t *by, bool *same)
{
    const struct xsi_edit *e, *next;
    uint64_t size = 0, sum = 0;
    int64_t shift = 0;

    *by = 0;
    *same = true;
    (void)xsi_source_size(*a->src, &size);
    for (size_t i = 0; (e = xsi_plan_edit(a->plan, i)); i++) {
        uint64_t from = e->offset + e->removed, to;

        next = xsi_plan_edit(a->plan, i + 1);
        to = next ? next->offset : size;
        shift += (int64_t)e->inserted_length - (int64_t)e->removed;
        if (!shift || to <= from)
            continue;
        *same = *same && (!sum || *by == shift);
        *by = shift;
        sum += to - from;
    }
    return sum;
}

static bool is_slack(const struct xsi_planned *step)
{
    return strcmp(step->recipe, "slack") == 0;
}

/* "; 539294 bytes move by 4; 4 bytes of slack used" */
static void moves(const struct apply *a, char *out, size_t size)
{
    const struct xsi_planned *step;
    int64_t by;
    bool same;
    uint64_t bytes = moved(a, &by, &same);
    size_t n = 0;

    out[0] = '\0';
    if (bytes && same)
        n = (size_t)snprintf(out, size, "; %" PRIu64 " bytes move by %" PRId64, bytes, by);
    else if (bytes)
        n = (size_t)snprintf(out, size, "; %" PRIu64 " bytes move", bytes);
    for (size_t i = 0; (step = xsi_plan_step(a->plan, i)); i++)
        if (is_slack(step) && n < size)
            n += (size_t)snprintf(out + n, size - n, "; %s", step->why);
}

/* The reason, without what it repeats of the edit: "at 0x1a04b insert f7 ff ff ff" is told. */
static const char *reason(const struct xsi_planned *step)
{
    const char *what = step->what, *why = step->why;

    if (strncmp(what, "at 0x", 5) == 0 && strncmp(why, "at 0x", 5) != 0) {
        what += 5;
        what += strcspn(what, " ");
        what += *what == ' ';
    }
    if (*what && strncmp(why, what, strlen(what)) == 0)
        why += strlen(what) + strspn(why + strlen(what), ":; ");
    return why;
}

static void show_step(const struct cli_term *t, const struct xsi_planned *step, const char *behind)
{
    line_print(t, "plan", "%s: %s%s", step->recipe, step->what, behind);
    if (*reason(step))
        line_print(t, "", "%s", reason(step));
    if (*step->loses)
        line_print(t, "", "gives up: %s", step->loses);
    if (*step->guess)
        line_print(t, "", "guessed: %s", step->guess);
}

static void show_steps(const struct apply *a)
{
    const struct xsi_planned *step;
    const struct xsi_kept *piece;
    size_t shown = 0;
    char behind[300];

    moves(a, behind, sizeof(behind));
    for (size_t i = 0; (step = xsi_plan_step(a->plan, i)); i++)
        shown += !is_slack(step);
    for (size_t i = 0; (step = xsi_plan_step(a->plan, i)); i++)
        if (!is_slack(step))
            show_step(a->term, step, shown == 1 ? behind : "");
    if (shown > 1 && *behind)
        line_print(a->term, "moves", "%s", behind + 2);
    for (size_t i = 0; (piece = xsi_plan_piece(a->plan, i)); i++)
        line_print(a->term, "keeps", "%s, %" PRIu64 " bytes at 0x%" PRIx64 "%s", piece->name,
                   piece->length, piece->offset,
                   a->pieces ? "" : ": --pieces DIR saves it to a file");
}

/* ---------------------------------------------------------------- needs ---- */

/* Nothing can be made in the folder of a file that is to be; the folder itself is made where its
 * parent is there. */
static bool shut(const char *file)
{
    char folder[520];

    snprintf(folder, sizeof(folder), "%s", file);
    for (int levels = 0; levels < 2; levels++) {
        char *slash = strrchr(folder, '/');

        if (!slash || slash == folder)
            return access(slash ? "/" : ".", W_OK | X_OK) < 0;
        *slash = '\0';
        if (access(folder, F_OK) == 0)
            return access(folder, W_OK | X_OK) < 0;
    }
    return true;
}

/* What a repair in place needs, and, in `unfit`, why it cannot be done. */
static void show_needs(const struct apply *a, char *unfit, size_t size)
{
    struct xsi_write_needs needs;
    struct xsi_error err = { 0, "" };
    char name[2100], journal[24], room[24];

    if (xsi_write_needs(a->plan, a->file, &a->how, &needs, &err) < 0) {
        line_print(a->term, "needs", "in place it cannot be done as it is: %s",
                   cli_clean(name, sizeof(name), err.text));
        snprintf(unfit, size, "not as it is, see above");
        return;
    }
    if (needs.journal && shut(needs.undo))
        snprintf(unfit, size,
                 "the undo file cannot be written there: name one elsewhere with --undo FILE");
    else if (needs.journal > needs.free)
        snprintf(unfit, size,
                 "there is no room for the undo file: name one on another disk with --undo FILE");
    line_print(a->term, "needs",
               "in place %" PRIu64 " bytes are rewritten; an undo file of %s goes to %s, where %s "
               "are free",
               needs.rewritten, cli_size(journal, sizeof(journal), needs.journal),
               cli_name(name, sizeof(name), needs.undo), cli_size(room, sizeof(room), needs.free));
}

/* ---------------------------------------------------------------- commands ---- */

/* A name for the new file: beside the image, of a device in the current folder. */
static void suggest(const struct apply *a, char *out, size_t size)
{
    bool device = xsi_source_kind(*a->src) == XSI_SOURCE_BLOCK;
    const char *base = strrchr(a->file, '/'), *dot;
    const char *from = device && base ? base + 1 : a->file;
    size_t n;

    dot = strrchr(base ? base : a->file, '.');
    n = dot && dot > from && dot[-1] != '/' ? (size_t)(dot - from) : strlen(from);
    snprintf(out, size, "%.*s.fixed%s", (int)n, from, dot ? from + n : ".img");
}

static void show_commands(const struct apply *a, const struct sight *sight)
{
    char name[4200], word[4300];

    if (!a->again)
        return;
    suggest(a, name, sizeof(name));
    /* one line each, however wide the terminal is: they are for pasting */
    fprintf(a->term->out, "apply    to a new file: xsrecover %s -o %s\n", a->again,
            cli_word(word, sizeof(word), name));
    if (*sight->unfit)
        line_print(a->term, "", "in place: %s", sight->unfit);
    else
        fprintf(a->term->out, "%*sin place:      xsrecover %s --in-place\n", LINE_INDENT, "",
                a->again);
}

/* ---------------------------------------------------------------- what is left ---- */

void refusals_print(const struct cli_term *t, const struct xsi_mended *m)
{
    for (size_t i = 0; i < m->refusal_count; i++) {
        const struct xsi_refusal *r = &m->refusals[i];

        line_print(t, "refused", "%s%sat 0x%" PRIx64 ": %s", r->recipe, *r->recipe ? " " : "",
                   r->offset, r->why);
    }
}

/* ---------------------------------------------------------------- all ---- */

void apply_show(const struct apply *a, struct sight *sight, bool wanted)
{
    const struct cli_term *t = a->term;

    if (!a->brief)
        image_print(t, a->file, *a->src, &sight->before);
    show_steps(a);
    if (!a->brief)
        verdict_print(t, "before", sight->before.verdict, false);
    verdict_print(t, "recheck", sight->after.verdict,
                  sight->after.verdict && sight->after.verdict->outcome != XSI_RESTORES);
    if (sight->after.errors)
        line_print(t, "", "%zu finding%s that speak%s of damage %s left", sight->after.errors,
                   sight->after.errors == 1 ? "" : "s", sight->after.errors == 1 ? "s" : "",
                   sight->after.errors == 1 ? "is" : "are");
    if (a->mended && (sight->after.errors || !sight->after.verdict ||
                      sight->after.verdict->outcome != XSI_RESTORES))
        refusals_print(t, a->mended);
    if (!a->brief && !a->out && !*sight->unfit)
        show_needs(a, sight->unfit, sizeof(sight->unfit));
    if (!wanted && (sight->better || a->decided))
        show_commands(a, sight);
    else if (!wanted)
        line_print(t, "result",
                   "not enough: it would not restore any better, so this is not "
                   "written unless the recipe is named with --recipe");
}
