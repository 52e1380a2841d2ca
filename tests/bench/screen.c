/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast a program answers on a terminal of 60 x 200 cells: the browser, while it walks the image
 * and when that is over.
 *
 *     screen [-v] [-n RUNS] [-u TEXT] COMMAND… IMAGE
 *
 * Prints the milliseconds to the first screen (the last byte of the output that shows TEXT), median
 * and worst from a key to the last byte of the redraw while the image is walked, the same when it
 * has been, and the largest resident set of its processes in KiB. Of several runs the best time
 * counts for each key. -v: each key, on standard error.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROWS = 60,
    COLUMNS = 200,
    QUIET_MS = 30,   /* no byte for so long: the redraw is over */
    NOTHING_MS = 80, /* no byte at all: this key changes nothing */
    WALKED_MS = 500, /* longer than between two signs of progress: the walk is over */
    START_MS = 20000,
    WALK_MS = 60000,
    SAMPLES = 400
};

struct step {
    const char *name, *keys;
    int times;
    double part; /* of the image: `keys` enter an offset that was typed before them */
};

/* Keys of xsdump/browse/keys.def. */
static const struct step steps[] = {
    { "down", "j", 8, 0 },
    { "up", "k", 4, 0 },
    { "page down", "\006", 2, 0 },
    { "last", "G", 1, 0 },
    { "page up", "\002", 2, 0 },
    { "first", "g", 1, 0 },
    { "go to 1 %", "\r", 1, 0.01 },
    { "unfold a run", " ", 1, 0 },
    { "down in it", "j", 12, 0 },
    { "page down in it", "\006", 12, 0 },
    { "up in it", "k", 4, 0 },
    { "next panel", "\t", 1, 0 },
    { "panel before", "\033[Z", 1, 0 },
    { "go to 40 %", "\r", 1, 0.4 },
    { "page down", "\006", 4, 0 },
    { "go to 99.9 %", "\r", 1, 0.999 },
    { "page up", "\002", 4, 0 },
    { "first", "g", 1, 0 },
    { "pages", "p", 1, 0 },
    { "first page", "g", 1, 0 },
    { "down in pages", "j", 6, 0 },
    { "page down in pages", "\006", 6, 0 },
    { "back to chunks", "p", 1, 0 },
};

struct terminal {
    int fd;
    pid_t pid;
    const char *until; /* text that the first screen shows */
    bool verbose;
    long long size;   /* of the image */
    char seen[65536]; /* the last bytes of output */
    size_t seen_length;
    bool ended;
};

/* Of each key in turn; 0: it changed nothing. */
struct figures {
    double value[SAMPLES];
    size_t count;
};

struct result {
    double first;
    struct figures walking, walked;
    long peak;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void keep(struct terminal *t, const char *bytes, size_t n)
{
    if (n > sizeof(t->seen) - t->seen_length) {
        size_t half = sizeof(t->seen) / 2;

        n = n < half ? n : half;
        memmove(t->seen, t->seen + t->seen_length - half / 2, half / 2);
        t->seen_length = half / 2;
    }
    memcpy(t->seen + t->seen_length, bytes, n);
    t->seen_length += n;
}

/* Output up to the next `quiet` ms without any, at most `most` ms: time of the last byte; 0: there
 * was none. */
static double burst(struct terminal *t, int first, int quiet, int most)
{
    struct pollfd p = { .fd = t->fd, .events = POLLIN };
    double last = 0, end = now() + most;
    char buf[8192];

    while (!t->ended && now() < end && poll(&p, 1, last > 0 ? quiet : first) > 0) {
        ssize_t n = read(t->fd, buf, sizeof(buf));

        t->ended = n <= 0;
        if (n <= 0)
            break;
        last = now();
        keep(t, buf, (size_t)n);
    }
    return last;
}

static void type(struct terminal *t, const char *keys)
{
    size_t n = strlen(keys);

    if (write(t->fd, keys, n) != (ssize_t)n)
        t->ended = true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void press(struct terminal *t, const struct step *s, struct figures *f)
{
    char place[40];
    double sent, last;

    if (s->part > 0) {
        snprintf(place, sizeof(place), ":0x%llx", (long long)((double)t->size * s->part));
        type(t, place);
        burst(t, NOTHING_MS, QUIET_MS, START_MS);
    }
    burst(t, 0, QUIET_MS / 2, 50); /* a sign of progress that is on its way */
    sent = now();
    type(t, s->keys);
    last = burst(t, NOTHING_MS, QUIET_MS, START_MS);
    last = last > 0 ? last - sent : 0;
    if (t->verbose)
        fprintf(stderr, "%-20s %8.2f ms\n", s->name, last);
    if (f->count == SAMPLES)
        return;
    if (last > 0 && (f->value[f->count] <= 0 || last < f->value[f->count]))
        f->value[f->count] = last;
    f->count++;
}

static void all_steps(struct terminal *t, struct figures *f)
{
    f->count = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        for (int n = 0; n < steps[i].times && !t->ended; n++)
            press(t, &steps[i], f);
}

/* The largest resident set that a process has had, and the same of its children. */
static long resident(pid_t pid, int depth)
{
    char path[80], line[256];
    long most = 0, child;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmHWM: %ld", &child) == 1)
            most = child;
    if (f)
        fclose(f);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    f = depth < 3 ? fopen(path, "r") : NULL;
    while (f && fscanf(f, "%ld", &child) == 1) {
        long kib = resident((pid_t)child, depth + 1);

        most = kib > most ? kib : most;
    }
    if (f)
        fclose(f);
    return most;
}

static bool start(struct terminal *t, char **command)
{
    const struct winsize size = { .ws_row = ROWS, .ws_col = COLUMNS };

    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    if (t->pid == 0) {
        setenv("TERM", "xterm-256color", 1);
        unsetenv("NO_COLOR");
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    return t->pid > 0;
}

/* Milliseconds from `started` to the first screen; negative: it did not come. */
static double first_screen(struct terminal *t, double started)
{
    double last;

    while (!t->ended && now() - started < START_MS) {
        last = burst(t, START_MS, QUIET_MS, START_MS);
        if (last > 0 && memmem(t->seen, t->seen_length, t->until, strlen(t->until)))
            return last - started;
    }
    return -1;
}

/* Median and worst of the keys that changed something. */
static void print(struct figures *f)
{
    size_t none = 0;

    qsort(f->value, f->count, sizeof(f->value[0]), ascending);
    while (none < f->count && f->value[none] <= 0)
        none++;
    if (none == f->count)
        printf(" -1 -1");
    else
        printf(" %.2f %.2f", f->value[none + (f->count - none) / 2], f->value[f->count - 1]);
}

static bool run(struct terminal *t, char **command, struct result *r)
{
    double started = now(), first;
    int status;
    long peak;

    t->ended = false;
    t->seen_length = 0;
    if (!start(t, command)) {
        perror("forkpty");
        return false;
    }
    first = first_screen(t, started);
    if (first < 0) {
        fprintf(stderr, "%s: no screen with \"%s\"\n", command[0], t->until);
        t->ended = true;
    } else {
        all_steps(t, &r->walking);
        started = now();
        while (burst(t, WALKED_MS, WALKED_MS, 1000) > 0 && now() - started < WALK_MS)
            ;
        all_steps(t, &r->walked);
        r->first = r->first > 0 && r->first < first ? r->first : first;
        peak = resident(t->pid, 0);
        r->peak = peak > r->peak ? peak : r->peak;
        type(t, "q");
        burst(t, 500, 500, 2000);
    }
    close(t->fd);
    kill(t->pid, SIGTERM);
    return waitpid(t->pid, &status, 0) == t->pid && first >= 0;
}

int main(int argc, char **argv)
{
    static struct terminal t = { .until = "PAGES" };
    static struct result r;
    struct stat st;
    int c, runs = 1;

    while ((c = getopt(argc, argv, "+vn:u:")) != -1) {
        if (c == 'v')
            t.verbose = true;
        else if (c == 'n')
            runs = atoi(optarg);
        else if (c == 'u')
            t.until = optarg;
        else
            return 2;
    }
    if (optind + 1 >= argc || stat(argv[argc - 1], &st)) {
        fprintf(stderr, "usage: screen [-v] [-n RUNS] [-u TEXT] COMMAND... IMAGE\n");
        return 2;
    }
    t.size = st.st_size;
    for (int i = 0; i < runs; i++)
        if (!run(&t, argv + optind, &r))
            return 1;
    printf("%.1f", r.first);
    print(&r.walking);
    print(&r.walked);
    printf(" %ld\n", r.peak);
    return 0;
}
