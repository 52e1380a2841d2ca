/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mending [-a] [-k KIB] -w FOLDER <LIST
 *
 * Mend each image of LIST for each of its readers and print what came of it: a line per step,
 * recipe, image, reader, verdict before and after; where nothing helps, the reasons. Then test on
 * each plan what must hold for every plan, and print how often it held and what each recipe
 * achieved. Columns of LIST, tab separated, may be empty: image, readers with commas between
 * ("near" stands for the default target and some of its neighbours), stack to force, recipe that a
 * person asks for, place that it is for, the image before its damage.
 *
 * -a: every recipe must have been exercised. -k: write only plans of images up to this size, and
 * the first plan with a recipe. Exit status: 0 all held, 1 something did not, 2 usage.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mending.h"

enum { LIMIT_SECONDS = 60, PLANS = 64, LINE = 4096 };

struct job {
    const char *folder;
    uint64_t largest;      /* image whose plans are written each */
    uint64_t plans[PLANS]; /* of this image, that were written */
    size_t plan_count;
    char *written[512]; /* recipes of plans that were written */
    size_t written_count;
    unsigned pairs, mended, sound, unfixed;
    unsigned exact; /* mended images that are the undamaged one again */
    double slowest;
    char slow[256];
};

/* For the signal that ends a mending without end, or a crash: what it was about. */
static const char *volatile current = "";

static void on_signal(int number)
{
    const char *text = number == SIGALRM ? "BROKEN ends: no end: " : "BROKEN ends: crashed: ";

    if (write(STDOUT_FILENO, text, strlen(text)) < 0 ||
        write(STDOUT_FILENO, current, strlen(current)) < 0 || write(STDOUT_FILENO, "\n", 1) < 0)
        _exit(3);
    _exit(1);
}

/* Readers around the default one, by a layer of the image's stack. */
static const struct {
    const char *layer, *readers[5];
} neighbours[] = {
    { "libxc-legacy32", { "xen-3.4/32", "xen-4.1/32", "xen-4.5/32", "xen-4.17" } },
    { "libxc-legacy64", { "xen-3.4", "xen-4.1", "xen-4.5", "xen-4.17" } },
    { "libxc-v2", { "xen-4.6/libxc", "xen-4.17" } },
    { "libxc-v3", { "xen-4.17/libxc", "xen-4.17" } },
};

const char *outcome_name(const struct xsi_verdict *v)
{
    static const char *const names[] = { [XSI_RESTORES] = "restores",
                                         [XSI_LOSES] = "loses",
                                         [XSI_FAILS] = "fails",
                                         [XSI_UNDEFINED] = "undefined" };

    return names[v->outcome];
}

/* ---------------------------------------------------------------- rows of the table ---- */

static void line_of(const char *what, const char *text)
{
    char safe[1200];

    if (*text)
        printf("    %-6s %s\n", what, xsi_escape(safe, sizeof(safe), text, strlen(text)));
}

static void print_steps(const struct trial *t, struct xsi_plan *plan, const struct xsi_mended *m)
{
    const struct xsi_planned *step;

    for (size_t i = 0; (step = xsi_plan_step(plan, i)); i++) {
        printf("%-24s %-32s %-20s %s -> %s", step->recipe, t->name, t->label,
               m->judged ? outcome_name(&m->before) : "-",
               m->judged ? outcome_name(&m->after) : "-");
        printf(", errors %zu -> %zu\n", m->errors_before, m->errors);
        line_of("why", step->why);
        line_of("loses", step->loses);
        line_of("guess", step->guess);
    }
}

static void print_unfixed(const struct trial *t, const struct xsi_mended *m)
{
    printf("%-24s %-32s %-20s %s\n", "(unfixed)", t->name, t->label,
           m->judged ? outcome_name(&m->after) : "fails");
    line_of("reason", m->judged ? m->after.reason : "nothing in it that a reader could read");
    for (size_t i = 0; i < m->refusal_count; i++) {
        char text[400];

        snprintf(text, sizeof(text), "%s at 0x%" PRIx64 ": %s", m->refusals[i].recipe,
                 m->refusals[i].offset, m->refusals[i].why);
        line_of("but", text);
    }
}

/* ---------------------------------------------------------------- one image, one reader ---- */

static bool first_with_recipe(struct job *job, struct xsi_plan *plan)
{
    const struct xsi_planned *step;
    bool first = false;

    for (size_t i = 0; (step = xsi_plan_step(plan, i)); i++) {
        size_t k = 0;

        while (k < job->written_count && strcmp(job->written[k], step->recipe) != 0)
            k++;
        if (k < job->written_count || k == sizeof(job->written) / sizeof(job->written[0]))
            continue;
        job->written[job->written_count++] = strdup(step->recipe);
        first = true;
    }
    return first;
}

/* An equal plan of this image was not written before, and the image is not too large. */
static bool to_be_written(struct job *job, struct xsi_plan *plan)
{
    uint64_t size = 0, hash = plan_hash(plan);

    for (size_t i = 0; i < job->plan_count; i++)
        if (job->plans[i] == hash)
            return false;
    if (job->plan_count < PLANS)
        job->plans[job->plan_count++] = hash;
    (void)xsi_source_size(xsi_plan_base(plan), &size);
    return first_with_recipe(job, plan) || size <= job->largest;
}

static void mended(struct job *job, const struct trial *t, struct xsi_plan *plan,
                   const struct xsi_mended *m)
{
    uint64_t at;

    job->pairs++;
    if (!m->judged || m->after.outcome != XSI_RESTORES) {
        job->unfixed++;
        print_unfixed(t, m);
    } else if (!m->steps) {
        job->sound++;
    }
    if (!m->steps)
        return;
    job->mended++;
    print_steps(t, plan, m);
    if (t->original && file_is(t->original, xsi_plan_source(plan), &at)) {
        job->exact++;
        line_of("exact", "the image is what it was before the damage");
    }
    tally(plan, m);
    idempotent(t, plan, m);
    fits(t, plan, m);
    if (to_be_written(job, plan))
        writes(t, plan);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* done: the name of the reader that judged, "" none. */
static void mend(struct job *job, struct trial *t, char *done, size_t size)
{
    const struct xsi_mend_options how = {
        .reader = t->reader, .as = t->as, .recipe = t->recipe, .has_at = t->has_at, .at = t->at
    };
    struct xsi_error err = { 0, "" };
    struct xsi_source *src = xsi_source_open(t->image, NULL, &err);
    struct xsi_plan *plan = src ? xsi_plan_new(src, &err) : NULL;
    double begin = now();
    struct xsi_mended *m = plan ? xsi_mend(plan, &how, &err) : NULL;
    double took = now() - begin;

    *done = '\0';
    if (src && !plan && err.code == ESPIPE)
        printf("(compressed)             %s\n", t->name);
    else if (held(ENDS, t, m, "%s", err.text))
        snprintf(done, size, "%s", m->judged ? m->reader.name : "");
    if (took > job->slowest) {
        job->slowest = took;
        snprintf(job->slow, sizeof(job->slow), "%s %s", t->name, t->reader ? t->reader : done);
    }
    if (m) {
        t->label = *done ? done : "no reader";
        mended(job, t, plan, m);
    }
    free(m);
    xsi_plan_free(plan);
    if (src)
        xsi_source_free(src);
}

/* ---------------------------------------------------------------- one image ---- */

static const char *const *near_of(const char *image, const char *as)
{
    const struct xsi_map_options how = { .as = as };
    struct xsi_error err;
    struct xsi_source *src = xsi_source_open(image, NULL, &err);
    struct xsi_map *map = src && xsi_source_seekable(src) ? xsi_map_new(src, &how, &err) : NULL;
    const char *const *found = NULL;
    const struct xsi_info *info = map ? xsi_map_info(map) : NULL;

    for (size_t i = 0; info && i < info->stack_length; i++)
        for (size_t k = 0; k < sizeof(neighbours) / sizeof(neighbours[0]); k++)
            if (!strcmp(info->stack[i], neighbours[k].layer))
                found = neighbours[k].readers;
    xsi_map_free(map);
    if (src)
        xsi_source_free(src);
    return found;
}

static void named(char *out, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n;

    snprintf(out, size, "%s", slash ? slash + 1 : path);
    n = strlen(out);
    if (n > 4 && !strcmp(out + n - 4, ".img"))
        out[n - 4] = '\0';
}

static void one_reader(struct job *job, struct trial *t, const char *reader, char *done,
                       size_t size)
{
    static char about[LINE];

    t->reader = reader;
    t->label = reader ? reader : "default";
    snprintf(about, sizeof(about), "%s %s", t->name, t->label);
    current = about;
    alarm(LIMIT_SECONDS);
    mend(job, t, done, size);
    alarm(0);
}

/* What stands in a line of the list. */
enum column { IMAGE, READERS, AS, RECIPE, AT, ORIGINAL, COLUMNS };

static void one_image(struct job *job, char **column)
{
    char name[256], judged[40], other[40], *readers = column[READERS], *reader;
    struct trial t = { .image = column[IMAGE],
                       .name = name,
                       .as = column[AS],
                       .recipe = column[RECIPE],
                       .has_at = column[AT],
                       .at = column[AT] ? strtoull(column[AT], NULL, 0) : 0,
                       .original = column[ORIGINAL],
                       .folder = job->folder };
    const char *const *near;

    named(name, sizeof(name), t.image);
    job->plan_count = 0;
    while ((reader = strsep(&readers, ","))) {
        bool around = !strcmp(reader, "near");

        one_reader(job, &t, around || !*reader ? NULL : reader, judged, sizeof(judged));
        near = around ? near_of(t.image, t.as) : NULL;
        for (; near && *near; near++)
            if (strcmp(*near, judged) != 0)
                one_reader(job, &t, *near, other, sizeof(other));
    }
}

static void all_images(struct job *job, FILE *list)
{
    char line[LINE], nobody[] = "";

    while (fgets(line, sizeof(line), list)) {
        char *rest = line, *column[COLUMNS] = { NULL };

        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < COLUMNS && rest; i++) {
            column[i] = strsep(&rest, "\t");
            if (!*column[i])
                column[i] = NULL;
        }
        if (!column[READERS])
            column[READERS] = nobody; /* the default target */
        if (column[IMAGE])
            one_image(job, column);
    }
}

int main(int argc, char **argv)
{
    static struct job job = { .largest = UINT64_MAX };
    bool all = false, good;
    int c;

    while ((c = getopt(argc, argv, "ak:w:")) != -1) {
        if (c == 'a')
            all = true;
        else if (c == 'k')
            job.largest = strtoull(optarg, NULL, 0) << 10;
        else if (c == 'w')
            job.folder = optarg;
        else
            return 2;
    }
    if (!job.folder || optind != argc) {
        fprintf(stderr, "usage: mending [-a] [-k KIB] -w FOLDER <LIST\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGALRM, on_signal);
    signal(SIGSEGV, on_signal);
    signal(SIGABRT, on_signal);
    all_images(&job, stdin);
    printf("%u pairs of image and reader: %u sound, %u mended, %u do not restore; slowest %.2f s, "
           "%s\n",
           job.pairs, job.sound, job.mended, job.unfixed, job.slowest, job.slow);
    printf("%u are what they were before the damage, byte for byte\n", job.exact);
    good = tally_print(all);
    good = properties_print() && good;
    for (size_t i = 0; i < job.written_count; i++)
        free(job.written[i]);
    return good ? 0 : 1;
}
