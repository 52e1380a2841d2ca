/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Run a command and print its best wall time in seconds and its largest resident set in KiB.
 *
 *     measure [-n RUNS] [-c FILE] [-o FILE] COMMAND…
 *
 * -c: before each run drop FILE from the page cache. -o: the command's standard output.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct job {
    const char *cold, *output;
    char **command;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int forget(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return -1;
    rc = fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    return rc ? -1 : 0;
}

static void child(const struct job *job)
{
    int out = open(job->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (out >= 0 && dup2(out, STDOUT_FILENO) >= 0)
        execvp(job->command[0], job->command);
    perror(job->command[0]);
    _exit(127);
}

/* Seconds, or a negative number when the command could not be run. */
static double run(const struct job *job, long *peak)
{
    struct rusage usage;
    double start;
    pid_t pid;
    int status;

    if (job->cold && forget(job->cold)) {
        perror(job->cold);
        return -1;
    }
    start = now();
    pid = fork();
    if (pid == 0)
        child(job);
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        return -1;
    /* xsdump's low exit bits are about the image; 8 and more are not */
    if (!WIFEXITED(status) || WEXITSTATUS(status) >= 8) {
        fprintf(stderr, "%s: status 0x%x\n", job->command[0], (unsigned)status);
        return -1;
    }
    if (usage.ru_maxrss > *peak)
        *peak = usage.ru_maxrss;
    return now() - start;
}

int main(int argc, char **argv)
{
    struct job job = { NULL, "/dev/null", NULL };
    double best = -1, time;
    long peak = 0;
    int runs = 1, c;

    while ((c = getopt(argc, argv, "+n:c:o:")) != -1) {
        if (c == 'n')
            runs = atoi(optarg);
        else if (c == 'c')
            job.cold = optarg;
        else if (c == 'o')
            job.output = optarg;
        else
            return 2;
    }
    job.command = argv + optind;
    if (!*job.command)
        return 2;
    for (int i = 0; i < runs; i++) {
        time = run(&job, &peak);
        if (time < 0)
            return 1;
        if (best < 0 || time < best)
            best = time;
    }
    printf("%.6f %ld\n", best, peak);
    return 0;
}
