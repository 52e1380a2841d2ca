/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Begin and end of a program: descriptors, signals, messages, the last flush. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

/*
 * The one piece of mutable state without an owner: a signal handler is given nothing but a number,
 * so what it has to undo must stand where it can find it.
 */
static volatile sig_atomic_t pager_pid;
static volatile sig_atomic_t line_stands;

static const char wipe[] = "\r\033[K";

/* Interrupted: leave the terminal as it was, then die of the signal like any program. */
static void interrupted(int signal_number)
{
    if (line_stands && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) < 0)
        line_stands = 0;
    if (pager_pid) {
        close(STDOUT_FILENO);
        while (waitpid((pid_t)pager_pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    /* SA_RESETHAND put the default action back; the signal comes when the handler returns. */
    raise(signal_number);
}

static void catch (int signal_number)
{
    struct sigaction action = { .sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND };
    struct sigaction old;

    /* A program started with `nohup` or in the background keeps what it was told to ignore. */
    if (sigaction(signal_number, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
        return;
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

/* Open something that fails for a closed descriptor, or a file opened later takes its place. */
static bool occupied(int fd)
{
    int null;

    if (fcntl(fd, F_GETFD) >= 0)
        return true;
    null = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (null >= 0 && null != fd) {
        dup2(null, fd);
        close(null);
    }
    return false;
}

bool cli_start(void)
{
    bool open_out;

    occupied(STDIN_FILENO);
    open_out = occupied(STDOUT_FILENO);
    occupied(STDERR_FILENO);
    signal(SIGPIPE, SIG_IGN);
    catch (SIGINT);
    catch (SIGTERM);
    catch (SIGHUP);
    if (!open_out)
        cli_error(NULL, "standard output is closed; redirect it to a file or to /dev/null");
    return open_out;
}

void cli_on_exit_pager(pid_t pid)
{
    pager_pid = pid;
}

void cli_on_exit_wipe(bool stands)
{
    line_stands = stands;
}

bool cli_output_failed(void)
{
    return ferror(stdout) != 0;
}

/* The reader of standard output has gone away: a pager that was quit, `| head`. */
static bool nobody_reads(void)
{
    struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLERR);
}

int cli_finish(int status)
{
    bool failed;

    errno = 0;
    /* What could not be written is still in the buffer: the second try says why. */
    failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && !nobody_reads()) {
        cli_error(NULL, "writing the output failed: %s; the output is not complete",
                  errno ? strerror(errno) : "unknown error");
        status |= CLI_OPERATIONAL;
        failed = false;
    }
    if (pager_pid) {
        /* less ends only when its input does. */
        close(STDOUT_FILENO);
        while (waitpid((pid_t)pager_pid, NULL, 0) < 0 && errno == EINTR)
            ;
    } else if (failed) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return status;
}

void cli_error(const char *file, const char *fmt, ...)
{
    char raw[1024], name[512], text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    xsi_escape(text, sizeof(text), raw, strlen(raw));
    if (line_stands && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) > 0)
        line_stands = 0;
    fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name,
            file ? cli_name(name, sizeof(name), file) : "", file ? ": " : "", text);
}

char *cli_name(char *out, size_t size, const char *file)
{
    return xsi_escape(out, size, file, strlen(file));
}

char *cli_word(char *out, size_t size, const char *file)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%_+=:,./-";
    char name[4096];

    cli_name(name, sizeof(name), file);
    /* A name with a quote in it is rare enough to be left to the reader. */
    snprintf(out, size, strspn(name, plain) == strlen(name) && *name ? "%s" : "'%s'", name);
    return out;
}
