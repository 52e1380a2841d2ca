/* SPDX-License-Identifier: GPL-3.0-or-later */
/* !COMMAND: the shell. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug.h"

/* In the child. The transcript, the image and what else is open close on exec. */
static void run(const char *command)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static int shell_exec(struct debug *d, int argc, char **argv)
{
    pid_t pid;
    int status = 0;

    (void)argc;
    (void)argv;
    if (geteuid() == 0 && !d->options->allow_shell)
        return debug_fail(d, CLI_USAGE,
                          "no shell as root: start xsrecover with --allow-shell to have one");
    if (!d->rest[strspn(d->rest, " \t")])
        return debug_fail(d, CLI_USAGE, "a command is missing: !ls -l");
    fflush(d->term.out);
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        run(d->rest);
    if (pid < 0)
        return debug_fail(d, CLI_OPERATIONAL, "no process for the shell: %s", strerror(errno));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return debug_fail(d, CLI_OPERATIONAL, "the command ended with status %d",
                          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

static const struct debug_command row = {
    .name = "!",
    .group = DEBUG_SESSION,
    .usage = "COMMAND",
    .max = -1,
    .flags = DEBUG_RAW,
    .help = "run a command of the shell",
    .about = "Refused for root, unless xsrecover was started with --allow-shell.",
    .exec = shell_exec,
};
DEBUG_COMMAND(row);
