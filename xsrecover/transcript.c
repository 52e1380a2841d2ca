/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --log: a transcript of a run, for the ticket. It never grows anything but a transcript. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "xsrecover.h"

static const char heading[] = "# xsrecover transcript\n";

/* ---------------------------------------------------------------- a stream to both ---- */

struct tee {
    FILE *out, *log;
    bool escape; /* within a colour's sequence, which the transcript does without */
};

static ssize_t tee_write(void *cookie, const char *text, size_t n)
{
    struct tee *tee = cookie;

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\033')
            tee->escape = true;
        if (!tee->escape)
            fputc(text[i], tee->log);
        else if (text[i] == 'm')
            tee->escape = false;
    }
    /* What standard output cannot take is told at the end, by cli_finish(). */
    fwrite(text, 1, n, tee->out);
    return (ssize_t)n;
}

static int tee_close(void *cookie)
{
    free(cookie);
    return 0;
}

static FILE *tee_new(FILE *out, FILE *log)
{
    static const cookie_io_functions_t functions = { .write = tee_write, .close = tee_close };
    struct tee *tee = malloc(sizeof(*tee));
    FILE *f;

    if (!tee)
        return NULL;
    *tee = (struct tee){ .out = out, .log = log };
    f = fopencookie(tee, "w", functions);
    if (!f)
        free(tee);
    else
        setvbuf(f, NULL, _IONBF, 0); /* in order with the messages on standard error */
    return f;
}

/* ---------------------------------------------------------------- the file ---- */

/* A file that is there must be a transcript already; anything else is not ours to write to. */
static int open_old(const char *file)
{
    char head[sizeof(heading) - 1];
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ours = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
                memcmp(head, heading, sizeof(head)) == 0;

    if (fd >= 0)
        close(fd);
    if (ours)
        return open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    errno = EEXIST;
    return -1;
}

static FILE *open_log(const char *file)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool fresh = fd >= 0;
    FILE *log;
    int why;

    if (fd < 0 && errno == EEXIST)
        fd = open_old(file);
    log = fd < 0 ? NULL : fdopen(fd, "a");
    why = errno;
    if (!log && why == EEXIST)
        cli_error(file, "is there, and is no transcript; name another file for --log");
    else if (!log)
        cli_error(file, "cannot write the transcript: %s", strerror(why));
    if (!log && fd >= 0)
        close(fd);
    if (log && fresh)
        fputs(heading, log);
    errno = why;
    return log;
}

unsigned transcript_open(struct settings *s, struct cli_term *t, int argc, char **argv)
{
    char when[40], word[4200];
    time_t now = time(NULL);
    struct tm utc;
    /* the debugger shows its own transcript what it prints */
    bool command = command_lookup(argv[0]) != NULL;
    FILE *both;

    if (!s->log)
        return 0;
    s->transcript = open_log(s->log);
    if (!s->transcript)
        return errno == EEXIST ? CLI_USAGE : CLI_OPERATIONAL;
    setvbuf(s->transcript, NULL, _IOLBF, 0);
    gmtime_r(&now, &utc);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &utc);
    fprintf(s->transcript, "# %s, version %s\n$ xsrecover", when, XSI_VERSION);
    for (int i = command ? 0 : 1; i < argc; i++)
        fprintf(s->transcript, " %s", cli_word(word, sizeof(word), argv[i]));
    fputc('\n', s->transcript);
    both = command ? tee_new(t->out, s->transcript) : NULL;
    if (both)
        t->out = both;
    return 0;
}

bool transcript_close(struct settings *s, struct cli_term *t, unsigned status)
{
    bool good;

    if (!s->transcript)
        return true;
    if (t->out != stdout && t->out != stderr)
        fclose(t->out);
    fprintf(s->transcript, "# exit status %u\n", status);
    good = !ferror(s->transcript);
    if (fclose(s->transcript) != 0 || !good) {
        cli_error(s->log, "the transcript could not be written; it is not complete");
        good = false;
    }
    s->transcript = NULL;
    return good;
}

unsigned fail(FILE *transcript, unsigned status, const char *file, const char *fmt, ...)
{
    char raw[4000], text[8000], name[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    fflush(stdout);
    cli_error(file, "%s", raw);
    if (transcript)
        fprintf(transcript, "xsrecover: %s%s%s\n", file ? cli_name(name, sizeof(name), file) : "",
                file ? ": " : "", cli_clean(text, sizeof(text), raw));
    return status;
}
