/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals while something is written. A pipe without a reader and a limit on the size of files are
 * errors for the caller, not the end of the program; and what a terminal sends waits until an
 * image is whole again.
 */
#include <errno.h>
#include <time.h>

#include "write.h"

static const int ours[XSI_SIGNALS] = { SIGPIPE, SIGXFSZ };
static const int terminal[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

void xsi_signals_hold(struct xsi_signals *s, bool whole)
{
    sigset_t hold, pending;

    sigemptyset(&hold);
    sigemptyset(&pending);
    (void)sigpending(&pending);
    for (size_t i = 0; i < XSI_SIGNALS; i++) {
        (void)sigaddset(&hold, ours[i]);
        s->pending[i] = sigismember(&pending, ours[i]) == 1;
    }
    for (size_t i = 0; whole && i < sizeof(terminal) / sizeof(terminal[0]); i++)
        (void)sigaddset(&hold, terminal[i]);
    (void)sigprocmask(SIG_BLOCK, &hold, &s->before);
}

bool xsi_signals_waiting(void)
{
    sigset_t pending;

    sigemptyset(&pending);
    (void)sigpending(&pending);
    for (size_t i = 0; i < sizeof(terminal) / sizeof(terminal[0]); i++) {
        struct sigaction now;

        /* nohup: what is ignored waits too, and means nothing */
        if (sigismember(&pending, terminal[i]) == 1 && terminal[i] != SIGTSTP &&
            !sigaction(terminal[i], NULL, &now) && now.sa_handler != SIG_IGN)
            return true;
    }
    return false;
}

void xsi_signals_release(const struct xsi_signals *s)
{
    const struct timespec now = { 0, 0 };
    sigset_t one;

    for (size_t i = 0; i < XSI_SIGNALS; i++) {
        sigemptyset(&one);
        (void)sigaddset(&one, ours[i]);
        /* one that was waiting before is somebody else's */
        while (!s->pending[i] && sigtimedwait(&one, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
}
