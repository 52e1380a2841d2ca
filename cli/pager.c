/* SPDX-License-Identifier: GPL-3.0-or-later */
/* $PAGER behind a terminal's output, as git does it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* In the child: the pipe becomes its input. Does not return. */
static void run(const char *command, int input)
{
    dup2(input, STDIN_FILENO);
    close(input);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    /* F: end at once when it fits the screen; R: let colours through; X: leave the text there. */
    setenv("LESS", "FRX", 0);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

pid_t cli_pager(int *input)
{
    const char *command = getenv("PAGER");
    int ends[2];
    pid_t pid;

    if (!isatty(STDOUT_FILENO))
        return 0;
    if (!command)
        command = "less -FRX";
    if (!*command || strcmp(command, "cat") == 0 || pipe(ends) < 0)
        return 0;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        run(command, ends[0]);
    }
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return 0;
    }
    *input = ends[1];
    return pid;
}
