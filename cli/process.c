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

bool cli_output_stands(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) && !nobody_reads();
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
    } else if (failed && !(status & CLI_OPERATIONAL)) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return status;
}

char *cli_clean(char *out, size_t size, const char *text)
{
    size_t used = 0;

    while (*text && used + 2 < size) {
        size_t n = strcspn(text, "\\");

        xsi_escape(out + used, size - used, text, n);
        used += strlen(out + used);
        text += n;
        if (*text && used + 1 < size)
            out[used++] = *text++;
    }
    out[used] = '\0';
    return out;
}

void cli_error(const char *file, const char *fmt, ...)
{
    char raw[4096], name[1024], text[8192];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    cli_clean(text, sizeof(text), raw);
    if (line_stands && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) > 0)
        line_stands = 0;
    fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name,
            file ? cli_name(name, sizeof(name), file) : "", file ? ": " : "", text);
}

char *cli_name(char *out, size_t size, const char *file)
{
    return xsi_escape(out, size, file, strlen(file));
}

/* ---------------------------------------------------------------- words for a shell ---- */

/* Bytes of the character at p that a terminal can be shown as it is; 0: its first byte must be
 * written in digits. */
static size_t shown(const char *p)
{
    char piece[5] = "", text[20];
    size_t left = strnlen(p, 4);

    for (size_t n = 1; n <= left; n++) {
        memcpy(piece, p, n);
        if (strcmp(xsi_escape(text, sizeof(text), piece, n), piece) == 0)
            return n;
    }
    return *p == '\\' ? 1 : 0;
}

/* Can be shown as it is from end to end. */
static bool all_shown(const char *text)
{
    for (size_t n; *text; text += n) {
        n = shown(text);
        if (!n)
            return false;
    }
    return true;
}

/* One character within quotes: '...', or with `digits` $'...'. Returns the bytes that it took. */
static size_t quote(const char *p, bool digits, char out[8])
{
    size_t n = shown(p);

    if (!n) {
        snprintf(out, 8, *p == '\n' ? "\\n" : "\\x%02x", (unsigned char)*p);
        return 1;
    }
    if (*p == '\'')
        snprintf(out, 8, "%s", digits ? "\\'" : "'\\''");
    else if (*p == '\\' && digits)
        snprintf(out, 8, "\\\\");
    else
        snprintf(out, 8, "%.*s", (int)n, p);
    return n;
}

char *cli_word(char *out, size_t size, const char *file)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%_+=:,./-";
    bool digits = !all_shown(file);
    size_t used;

    if (*file && strspn(file, plain) == strlen(file) && strlen(file) < size) {
        snprintf(out, size, "%s", file);
        return out;
    }
    used = (size_t)snprintf(out, size, "%s'", digits ? "$" : "");
    while (*file) {
        char piece[8];

        file += quote(file, digits, piece);
        if (used + strlen(piece) + 2 > size) { /* a word that is cut is another word */
            snprintf(out, size, "FILE");
            return out;
        }
        used += (size_t)snprintf(out + used, size - used, "%s", piece);
    }
    snprintf(out + used, size - used, "'");
    return out;
}
