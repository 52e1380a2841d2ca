/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processes in which back ends are called. Xen's libraries are loaded there only, so that what
 * happens in them does not happen to this program, which has to clean up behind them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore.h"

bool restore_share(struct restore *r)
{
    r->shared =
        mmap(NULL, sizeof(*r->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r->shared == MAP_FAILED) {
        r->shared = NULL;
        return false;
    }
    r->shared->domain = XSI_NO_DOMAIN;
    r->host = &r->shared->host;
    return true;
}

static void begin(struct restore *r)
{
    r->shared->done = false;
    r->shared->rc = 0;
    r->shared->err = (struct xsi_error){ 0, "" };
    fflush(NULL);
}

/* Only in a child: the plug-in, or the end of it. */
static const struct xsi_restore_backend *load(struct restore *r, enum via via)
{
    const struct xsi_restore_backend *b = restore_load(via, &r->shared->err);

    if (!b) {
        r->shared->rc = -ENOEXEC;
        r->shared->done = true;
        _exit(0);
    }
    return b;
}

static void end(struct restore *r, int rc)
{
    r->shared->rc = rc;
    r->shared->done = true;
    _exit(0);
}

/* A child that does one short thing. False: it ended without having done it. */
static bool wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status);
}

/* ---------------------------------------------------------------- the host ---- */

static bool ask_host(struct restore *r, enum via via)
{
    pid_t pid;

    begin(r);
    pid = fork();
    if (pid == 0)
        end(r, load(r, via)->host(r->host, r->guest, &r->shared->err));
    return pid > 0 && wait_for(pid) && r->shared->done && r->shared->rc == 0;
}

void restore_host(struct restore *r)
{
    r->host_known = ask_host(r, VIA_LIBXC);
    snprintf(r->host_why, sizeof(r->host_why), "%s",
             *r->shared->err.text ? r->shared->err.text : "the back end ended");
    if (!r->host_known && r->via == VIA_XL)
        r->host_known = ask_host(r, VIA_XL);
}

/* ---------------------------------------------------------------- a restore ---- */

struct child_ear {
    struct xsi_restore_ear ear; /* first: the back end hands it back */
    struct restore *r;
    int words;
};

static void say(const struct xsi_restore_ear *ear, enum xsi_run_level level, const char *text)
{
    const struct child_ear *e = (const struct child_ear *)ear;
    struct restore_word word = { .level = level };

    snprintf(word.text, sizeof(word.text), "%s", text);
    (void)send(e->words, &word, offsetof(struct restore_word, text) + strlen(word.text) + 1,
               MSG_NOSIGNAL);
}

static void made(const struct xsi_restore_ear *ear, uint32_t domain)
{
    ((const struct child_ear *)ear)->r->shared->domain = domain;
}

static void free_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

pid_t restore_start(struct restore *r, int words)
{
    struct child_ear ear = { .ear = { .say = say, .made = made }, .r = r, .words = words };
    pid_t pid;

    begin(r);
    r->shared->domain = XSI_NO_DOMAIN;
    pid = fork();
    if (pid == 0) {
        /* a group of its own: ^C is for this program, which then ends it in order */
        setpgid(0, 0);
        free_signals();
        for (size_t i = 0; i < sizeof(r->drop) / sizeof(r->drop[0]); i++)
            close(r->drop[i]);
        r->job.ear = &ear.ear;
        end(r, load(r, r->via)->restore(&r->job, &r->shared->result, &r->shared->err));
    }
    return pid;
}

void restore_clean(struct restore *r)
{
    struct child_ear ear = { .ear = { .say = say, .made = made }, .r = r, .words = -1 };
    uint32_t domain = r->shared->domain;
    pid_t pid;

    if (r->s->has_into) {
        line_print(r->t, "left",
                   "domain %u, as it was prepared by somebody else: it is half "
                   "restored, and can only be destroyed",
                   (unsigned)r->s->into);
        return;
    }
    begin(r);
    pid = fork();
    if (pid == 0) {
        free_signals();
        r->job.ear = &ear.ear;
        end(r, load(r, r->via)->clean(&r->job, &r->shared->domain, &r->shared->err));
    }
    if (pid > 0 && wait_for(pid) && r->shared->done && r->shared->rc == 0) {
        if (r->shared->domain != XSI_NO_DOMAIN)
            line_print(r->t, "cleaned", "the half-made domain %u was destroyed", r->shared->domain);
        return;
    }
    if (domain == XSI_NO_DOMAIN)
        fail(r->s->transcript, CLI_OPERATIONAL, NULL,
             "whether a domain is left cannot be said: %s; xl list", r->shared->err.text);
    else
        fail(r->s->transcript, CLI_OPERATIONAL, NULL,
             "the half-made domain %u is left: %s; xl destroy %u", domain, r->shared->err.text,
             domain);
}
