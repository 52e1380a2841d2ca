/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What commands print: to the screen, to the pager when it is longer than the screen, and to the
 * transcript. The stream of a session (term.out) ends in put(), which decides that per command.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug_internal.h"
#include "xsrecover.h"

struct debug_output {
    FILE *log;
    bool terminal, paged;
    unsigned height;
    char *held; /* of a command that may still fit the screen */
    size_t used, size;
    unsigned lines;
    int pager; /* its input; -1 = none runs */
    pid_t pid;
    bool left;   /* the pager was left */
    bool escape; /* within a colour's sequence */
};

/* A handler is given nothing but a number, so its flag must stand where it can find it. */
static volatile sig_atomic_t interrupts;

static void interrupted(int number)
{
    /* A long search cannot be called off: the second Ctrl-C ends the program. */
    if (interrupts) {
        signal(number, SIG_DFL);
        raise(number);
    }
    interrupts = 1;
}

void debug_signals(bool on)
{
    struct sigaction action = { .sa_handler = on ? interrupted : SIG_DFL };

    /* No SA_RESTART: a read from the terminal is to return. Scripts die of Ctrl-C as before. */
    sigemptyset(&action.sa_mask);
    if (isatty(STDIN_FILENO))
        sigaction(SIGINT, &action, NULL);
}

bool debug_interrupted(bool clear)
{
    bool was = interrupts;

    if (clear)
        interrupts = 0;
    return was;
}

bool debug_stopped(struct debug *d)
{
    return interrupts || d->output->left || cli_output_failed();
}

/* ---------------------------------------------------------------- the stream ---- */

/* The transcript has no colours; all escape characters that come here are those of colours. */
static void log_put(struct debug_output *o, const char *text, size_t n)
{
    for (size_t i = 0; o->log && i < n; i++) {
        o->escape |= text[i] == '\033';
        if (!o->escape)
            fputc(text[i], o->log);
        else if (text[i] == 'm')
            o->escape = false;
    }
}

static void to_pager(struct debug_output *o, const char *text, size_t n)
{
    while (n && !o->left) {
        ssize_t done = write(o->pager, text, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            o->left = true;
        text += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
}

static bool hold(struct debug_output *o, const char *text, size_t n)
{
    if (o->used + n > o->size) {
        size_t size = 2 * (o->used + n);
        char *larger = realloc(o->held, size);

        if (!larger)
            return false;
        o->held = larger;
        o->size = size;
    }
    memcpy(o->held + o->used, text, n);
    o->used += n;
    for (size_t i = 0; i < n; i++)
        o->lines += text[i] == '\n';
    return true;
}

/* What is held goes to the screen; no pager for the rest of the command. */
static void show(struct debug_output *o)
{
    if (o->used)
        (void)fwrite(o->held, 1, o->used, stdout); /* the end says so, if it fails */
    fflush(stdout);
    o->used = 0;
}

/* The screen is full: from here on the pager. */
static void page(struct debug_output *o)
{
    o->pid = cli_pager(&o->pager);
    if (!o->pid) {
        o->paged = false;
        show(o);
        return;
    }
    to_pager(o, o->held, o->used);
    o->used = 0;
}

static ssize_t put(void *cookie, const char *text, size_t n)
{
    struct debug_output *o = cookie;

    log_put(o, text, n);
    if (o->pager >= 0) {
        to_pager(o, text, n);
    } else if (o->paged && hold(o, text, n)) {
        if (o->lines + 1 >= o->height)
            page(o);
    } else {
        show(o);
        (void)fwrite(text, 1, n, stdout);
    }
    return (ssize_t)n;
}

bool debug_output_new(struct debug *d, const struct cli_term *t)
{
    const cookie_io_functions_t functions = { .write = put };

    d->term = *t;
    d->output = calloc(1, sizeof(*d->output));
    if (!d->output)
        return false;
    d->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    *d->output = (struct debug_output){ .log = d->options->log, .pager = -1, .height = t->height };
    d->term.out = fopencookie(d->output, "w", functions);
    return d->term.out != NULL;
}

void debug_output_free(struct debug *d)
{
    if (!d->output)
        return;
    if (d->term.out)
        (void)fclose(d->term.out);
    free(d->output->held);
    free(d->output);
}

/* ---------------------------------------------------------------- around a command ---- */

/* The window may have another size than when the session began. */
static void measure(struct debug *d)
{
    struct winsize ws;

    if (!d->output->height || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0 || !ws.ws_row ||
        ws.ws_col < 20)
        return;
    d->output->height = ws.ws_row;
    d->term.height = ws.ws_row;
    d->term.width = ws.ws_col;
}

void debug_output_begin(struct debug *d, bool paged)
{
    measure(d);
    d->output->paged = paged && d->terminal && d->output->height > 2;
    d->output->lines = 0;
    d->output->left = false;
}

void debug_output_end(struct debug *d)
{
    struct debug_output *o = d->output;

    fflush(d->term.out);
    show(o);
    if (o->pager < 0)
        return;
    close(o->pager);
    o->pager = -1;
    while (waitpid(o->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    o->left = false;
}

void debug_output_echo(struct debug *d, const char *prompt, const char *line)
{
    char text[4096];

    if (d->output->log)
        fprintf(d->output->log, "%s%s\n", prompt, cli_name(text, sizeof(text), line));
}

int debug_fail(struct debug *d, unsigned status, const char *fmt, ...)
{
    char raw[1024], text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    fflush(d->term.out);
    if (d->output->pager < 0)
        show(d->output);
    cli_error(NULL, "%s", raw);
    if (d->output->log)
        fprintf(d->output->log, "%s: %s\n", program_invocation_short_name,
                cli_clean(text, sizeof(text), raw));
    return (int)status;
}

void debug_text(struct debug *d, const void *text, size_t n)
{
    cli_put_escaped(&d->term, text, n);
}

void debug_flush(struct debug *d)
{
    fflush(d->term.out);
    show(d->output);
    if (d->output->pager < 0)
        d->output->paged = false;
}

/* ---------------------------------------------------------------- questions ---- */

int debug_output_ask(struct debug *d, const char *question)
{
    debug_flush(d);
    if (d->options->yes) {
        fprintf(d->term.out, "%s [y/N] y\n", question);
        return 1;
    }
    if (!d->terminal)
        return -1;
    if (ask(&d->term, d->output->log, "%s", question))
        return 1;
    return feof(stdin) ? -1 : 0;
}

bool debug_ask(struct debug *d, const char *fmt, ...)
{
    char raw[512], text[560];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    return debug_output_ask(d, xsi_escape(text, sizeof(text), raw, strlen(raw))) == 1;
}
