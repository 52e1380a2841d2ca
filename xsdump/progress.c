/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far the walk is: lines for a program, one line for a person who waits. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "xsdump.h"

#define LINE_AFTER  1.0 /* seconds until the line appears, */
#define LINE_EVERY  0.2 /* and between two of them */
#define CLOCK_EVERY 32U /* events between two looks at the clock */

double progress_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void progress_start(struct progress *p, const struct settings *set)
{
    bool rows_on_terminal =
        isatty(STDOUT_FILENO) && (settings_stream(set) || set->json || set->jsonl);

    memset(p, 0, sizeof(*p));
    p->fd = set->progress_fd;
    p->line = isatty(STDERR_FILENO) && !rows_on_terminal;
    p->start = p->last = progress_now();
}

static void tell(struct progress *p, uint64_t done, bool known, uint64_t total)
{
    char line[64];
    int n;

    n = known ? snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 "\n", done, total)
              : snprintf(line, sizeof(line), "%" PRIu64 " -\n", done);
    /* Nobody reads any more: not a reason to stop listing. */
    if (write(p->fd, line, (size_t)n) < 0 && errno != EINTR && errno != EAGAIN)
        p->fd = -1;
}

static void draw(struct progress *p, uint64_t done, bool known, uint64_t total)
{
    double seconds = p->last - p->start;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    char have[24], all[24], per_second[24];

    cli_size(have, sizeof(have), done);
    cli_size(per_second, sizeof(per_second), (uint64_t)rate);
    if (known && total && done <= total)
        fprintf(stderr, "\r\033[K%s of %s, %s/s, %.0f s left", have,
                cli_size(all, sizeof(all), total), per_second,
                rate > 0 ? (double)(total - done) / rate : 0);
    else
        fprintf(stderr, "\r\033[K%s, %s/s", have, per_second);
    p->drawn = true;
    cli_on_exit_wipe(true);
}

static void look(struct progress *p, const struct image *im, bool force)
{
    uint64_t total = 0, done = xsi_walk_position(im->walk);
    bool known = xsi_source_size(im->src, &total);
    double now = progress_now();

    if (!force && now - p->last < LINE_EVERY)
        return;
    p->last = now;
    if (p->fd >= 0)
        tell(p, done, known, total);
    if (p->line && !force && now - p->start >= LINE_AFTER)
        draw(p, done, known, total);
}

void progress_step(struct progress *p, const struct image *im)
{
    if (p->fd < 0 && !p->line)
        return;
    if (p->skip--)
        return;
    /* A walk that reads page data takes long over each event. */
    p->skip = im->pages ? 0 : CLOCK_EVERY;
    look(p, im, false);
}

void progress_wipe(struct progress *p)
{
    if (!p->drawn)
        return;
    fputs("\r\033[K", stderr);
    p->drawn = false;
    cli_on_exit_wipe(false);
}

void progress_end(struct progress *p, const struct image *im)
{
    progress_wipe(p);
    if (p->fd >= 0 && im->walk)
        look(p, im, true);
}
