/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A restore at work: bytes from the writer's pipe to the back end's, by splice(), counted; words of
 * the back end to the terminal; and when it goes wrong, what it was about.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore.h"

#define PIPE_SIZE (1 << 20)
#define WORDS     12 /* error lines that are looked at for what they are about */

struct run {
    struct restore *r;
    pid_t writer, backend;
    int in;       /* from the writer; -1 ended */
    int out;      /* to the back end; -1 closed */
    int rest;     /* the back end's end of it: what it has not read */
    int words;    /* of the back end */
    int writer_s; /* to and from the writer */
    int signals;
    sigset_t before;
    uint64_t moved;
    bool cancelled;
    int status; /* of the back end */
    size_t word_count;
    char word[WORDS][300];
};

/* ---------------------------------------------------------------- the writer ---- */

#define NOTES 64

/* How the conversion ended, and what it found out on the way, a packet each (pages that the disk
 * could not read); then, for each offset asked, the chunk of the image. */
struct written_word {
    int rc;
    size_t notes;
    char text[256];
};
struct origin_word {
    bool found;
    uint64_t offset, length;
    char layer[24], type[40];
};

/* The image's own bytes, where they cannot be converted. */
static int write_raw(struct restore *r, int fd, struct xsi_error *err)
{
    struct xsi_source *src = xsi_plan_source(r->plan);
    uint8_t *buffer = malloc(PIPE_SIZE);
    uint64_t at = r->raw_from;
    ssize_t n = buffer ? 1 : -ENOMEM;

    while (n > 0 && at < r->raw_to) {
        uint64_t left = r->raw_to - at;

        n = xsi_source_read(src, buffer, left < PIPE_SIZE ? left : PIPE_SIZE, at);
        if (n < 0)
            *err = *xsi_source_error(src);
        for (ssize_t done = 0, put; n > 0 && done < n; done += put) {
            put = write(fd, buffer + done, (size_t)(n - done));
            if (put < 0)
                return -errno;
        }
        at += n > 0 ? (uint64_t)n : 0;
    }
    free(buffer);
    return n < 0 ? (int)n : 0;
}

static bool find_origin(const struct restore *r, uint64_t at, struct xsi_origin *o)
{
    const struct xsi_map_row *row;

    if (!r->raw)
        return xsi_convert_origin(r->convert, at, o);
    row = xsi_map_at(r->look.map, r->raw_from + at);
    if (row)
        *o = (struct xsi_origin){ row->offset, row->length, row->layer, row->type };
    return row != NULL;
}

static void tell_written(const struct restore *r, struct written_word *w, int s)
{
    const char *note;

    while (!r->raw && w->notes < NOTES && xsi_convert_note(r->convert, r->notes + w->notes))
        w->notes++;
    (void)send(s, w, sizeof(*w), MSG_NOSIGNAL);
    for (size_t i = 0; i < w->notes && (note = xsi_convert_note(r->convert, r->notes + i)); i++)
        (void)send(s, note, strlen(note), MSG_NOSIGNAL);
}

static void write_it(struct restore *r, int fd, int s)
{
    struct xsi_error err = { 0, "" };
    struct xsi_written written;
    struct written_word w = { 0 };
    struct xsi_origin o;
    uint64_t at;

    signal(SIGPIPE, SIG_IGN);
    w.rc = r->raw ? write_raw(r, fd, &err)
                  : xsi_convert_write(r->convert, fd, NULL, NULL, &written, &err);
    memcpy(w.text, err.text, sizeof(w.text));
    close(fd);
    tell_written(r, &w, s);
    while (recv(s, &at, sizeof(at), 0) == (ssize_t)sizeof(at)) {
        struct origin_word a = { .found = find_origin(r, at, &o) };

        if (a.found) {
            a.offset = o.offset;
            a.length = o.length;
            snprintf(a.layer, sizeof(a.layer), "%s", o.layer);
            snprintf(a.type, sizeof(a.type), "%s", o.type);
        }
        (void)send(s, &a, sizeof(a), MSG_NOSIGNAL);
    }
    _exit(0);
}

static bool start_writer(struct run *run)
{
    int pipes[2], s[2];

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0) {
        close(pipes[0]);
        close(pipes[1]);
        return false;
    }
    (void)fcntl(pipes[0], F_SETPIPE_SZ, PIPE_SIZE);
    fflush(NULL);
    run->writer = fork();
    if (run->writer == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pipes[0]);
        close(s[0]);
        write_it(run->r, pipes[1], s[1]);
    }
    close(pipes[1]);
    close(s[1]);
    run->in = pipes[0];
    run->writer_s = s[0];
    return run->writer > 0;
}

static bool start_backend(struct run *run)
{
    int pipes[2], s[2];

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return false;
    run->rest = pipes[0];
    run->out = pipes[1];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
        return false;
    (void)fcntl(pipes[0], F_SETPIPE_SZ, PIPE_SIZE);
    run->words = s[0];
    run->r->job.stream = pipes[0];
    /* it sees the end of the stream only when nobody else can write to it */
    run->r->drop[0] = pipes[1];
    run->r->drop[1] = run->in;
    run->r->drop[2] = run->writer_s;
    run->r->drop[3] = s[0];
    run->backend = restore_start(run->r, s[1]);
    close(s[1]);
    return run->backend > 0;
}

/* ---------------------------------------------------------------- the loop ---- */

static void hear(struct run *run)
{
    struct restore *r = run->r;
    struct restore_word w;
    char text[4000];

    while (recv(run->words, &w, sizeof(w), MSG_DONTWAIT) > 0) {
        w.text[sizeof(w.text) - 1] = '\0';
        xsi_escape(text, sizeof(text), w.text, strlen(w.text));
        if (w.level == XSI_LOG_ERROR && run->word_count < WORDS)
            snprintf(run->word[run->word_count++], sizeof(run->word[0]), "%.299s", w.text);
        if (w.level != XSI_LOG_INFO)
            line_print(r->t, restore_via_name(r->via), "%s", text);
        else if (r->s->transcript)
            fprintf(r->s->transcript, "%-8s %s\n", restore_via_name(r->via), text);
    }
}

static void stop_input(struct run *run)
{
    if (run->in >= 0)
        close(run->in);
    if (run->out >= 0)
        close(run->out);
    run->in = run->out = -1;
}

/* Moves what can be moved. *full: the back end must read first. */
static void pump(struct run *run, bool *full)
{
    ssize_t n = splice(run->in, NULL, run->out, NULL, PIPE_SIZE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n > 0)
        run->moved += (uint64_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        stop_input(run);
    *full = n < 0 && errno == EAGAIN;
}

/* False: the back end has ended. */
static bool take_signals(struct run *run)
{
    struct signalfd_siginfo info;

    while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        run->cancelled = true;
        kill(-run->backend, SIGKILL);
    }
    return waitpid(run->backend, &run->status, WNOHANG) != run->backend;
}

static void loop(struct run *run)
{
    bool full = false;

    while (take_signals(run)) {
        /* with the pipe full, room in it is waited for; else something to put there */
        struct pollfd p[] = { { .fd = run->signals, .events = POLLIN },
                              { .fd = run->words, .events = POLLIN },
                              { .fd = full ? run->out : run->in,
                                .events = full ? POLLOUT : POLLIN } };

        if (poll(p, 3, 1000) < 0 && errno != EINTR)
            break;
        hear(run);
        if (p[2].revents && run->in >= 0) {
            if (full)
                full = false;
            pump(run, &full);
        }
    }
    hear(run);
}

/* ---------------------------------------------------------------- what it was about ---- */

/* Facts that libxc keeps, and uses only when it has read more. 4.17: xg_sr_restore_x86_pv.c,
 * xg_sr_restore_x86_hvm.c, xg_sr_common_x86.c */
static const struct subject {
    const char *word;
    enum xsi_item_kind item;
} subjects[] = {
    { "CPUID", XSI_ITEM_CPUID_POLICY },      { "cpuid", XSI_ITEM_CPUID_POLICY },
    { "MSR policy", XSI_ITEM_MSR_POLICY },   { "TSC", XSI_ITEM_TSC },
    { "HVM context", XSI_ITEM_HVM_CONTEXT }, { "extended vcpu", XSI_ITEM_VCPU_EXTENDED },
    { "xsave", XSI_ITEM_VCPU_XSAVE },        { "vcpu", XSI_ITEM_VCPU_BASIC },
    { "shared info", XSI_ITEM_SHARED_INFO },
};

static void tell_subject(const struct run *run)
{
    const struct xsi_vm *vm = run->r->convert ? xsi_convert_vm(run->r->convert) : NULL;

    for (size_t i = 0; vm && i < run->word_count; i++)
        for (size_t k = 0; k < sizeof(subjects) / sizeof(subjects[0]); k++) {
            size_t at = 0;
            const struct xsi_item *item = strstr(run->word[i], subjects[k].word)
                                              ? xsi_vm_next(vm, subjects[k].item, &at)
                                              : NULL;
            const struct xsi_map_row *row;
            uint64_t base;

            if (!item)
                continue;
            row = xsi_map_at(run->r->look.map, item->offset);
            if (xsi_plan_origin(run->r->plan, item->offset, &base))
                line_print(run->r->t, "about", "the %s: chunk %s at 0x%" PRIx64 " of the image",
                           xsi_item_name(item->kind), row ? row->type : "?", base);
            return;
        }
}

static void tell_place(struct run *run, uint64_t read)
{
    uint64_t last = read ? read - 1 : 0, base;
    struct origin_word o = { 0 };

    if (send(run->writer_s, &last, sizeof(last), MSG_NOSIGNAL) < 0 ||
        recv(run->writer_s, &o, sizeof(o), 0) != (ssize_t)sizeof(o) || !o.found) {
        line_print(run->r->t, "where", "0x%" PRIx64 " bytes of the stream were read", read);
        return;
    }
    o.layer[sizeof(o.layer) - 1] = o.type[sizeof(o.type) - 1] = '\0';
    if (!xsi_plan_origin(run->r->plan, o.offset, &base))
        base = o.offset;
    line_print(run->r->t, "where",
               "0x%" PRIx64 " bytes of the stream were read; that is chunk %s (%s) at 0x%" PRIx64
               " of the image, %" PRIu64 " bytes long",
               read, o.type, o.layer, base, o.length);
}

/* The writer gives up when nobody reads any more; then it says how it went. */
static void hear_writer(struct run *run)
{
    struct restore *r = run->r;
    struct written_word w = { 0 };
    char note[1000];

    stop_input(run);
    if (recv(run->writer_s, &w, sizeof(w), 0) != (ssize_t)sizeof(w))
        return;
    w.text[sizeof(w.text) - 1] = '\0';
    for (size_t i = 0; i < w.notes && i < NOTES; i++) {
        ssize_t n = recv(run->writer_s, note, sizeof(note) - 1, 0);

        if (n <= 0)
            return;
        note[n] = '\0';
        line_print(r->t, "convert", "%s", note);
    }
    if (w.rc < 0 && w.rc != -EPIPE)
        fail(r->s->transcript, CLI_OPERATIONAL, r->file, "the stream ended early: %s", w.text);
}

static void tell_failure(struct run *run)
{
    struct restore *r = run->r;
    int left = 0;
    uint64_t read = run->moved;

    if (ioctl(run->rest, FIONREAD, &left) == 0 && left > 0 && (uint64_t)left <= read)
        read -= (uint64_t)left;
    if (run->cancelled)
        fail(r->s->transcript, CANCELLED, r->file, "the restore was interrupted");
    else if (WIFSIGNALED(run->status))
        fail(r->s->transcript, CLI_OPERATIONAL, r->file, "the back end ended by signal %d (%s)",
             WTERMSIG(run->status), strsignal(WTERMSIG(run->status)));
    else
        fail(r->s->transcript, CLI_OPERATIONAL, r->file, "%s",
             *r->shared->err.text ? r->shared->err.text : "the back end ended without a word");
    hear_writer(run);
    tell_place(run, read);
    tell_subject(run);
}

/* ---------------------------------------------------------------- all of it ---- */

static void hold_signals(struct run *run)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &run->before);
    run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void finish(struct run *run)
{
    stop_input(run);
    close(run->writer_s);
    if (run->writer > 0) {
        kill(run->writer, SIGKILL);
        (void)waitpid(run->writer, NULL, 0);
    }
    close(run->rest);
    close(run->words);
    close(run->signals);
    sigprocmask(SIG_SETMASK, &run->before, NULL);
}

bool restore_run(struct restore *r, struct xsi_restored *result, bool *cancelled)
{
    struct run run = { .r = r, .in = -1, .out = -1, .rest = -1, .words = -1, .writer_s = -1 };
    bool good = false;

    hold_signals(&run);
    if (run.signals < 0 || !start_writer(&run) || !start_backend(&run)) {
        fail(r->s->transcript, CLI_OPERATIONAL, r->file, "cannot start the restore: %s",
             strerror(errno));
    } else {
        loop(&run);
        good = r->shared->done && r->shared->rc == 0 && !run.cancelled;
        if (good) {
            *result = r->shared->result;
            hear_writer(&run);
        } else {
            tell_failure(&run);
        }
        if (!good && (!r->shared->done || r->s->has_into || run.cancelled))
            restore_clean(r);
    }
    *cancelled = run.cancelled;
    finish(&run);
    return good;
}
