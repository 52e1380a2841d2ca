/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parent and child around the browser. What they share is a page of memory: whether the terminal
 * is taken, how to give it back, and what comes next. Neither works in a signal handler: the child
 * takes signals while it waits for a key, the parent waits for nothing else.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "life.h"

/* Seconds in which a browser that was told to end does so: a read of a dead disk may hold it. */
#define PATIENCE 5

struct shared {
    volatile bool taken;
    char back[LIFE_BACK_MAX];
    struct life_next next;
};

/* A signal handler is given nothing but a number: what it notes stands where it can find it. */
static struct {
    struct shared *shared; /* NULL: there is no parent */
    sigset_t waiting;      /* signals that are let in while the child waits */
    volatile sig_atomic_t ended, stopped, continued, resized;
} life;

static const int ends[] = { SIGTERM, SIGHUP, SIGINT };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---------------------------------------------------------------- child ---- */

static void note(int signal_number)
{
    switch (signal_number) {
    case SIGTSTP:
        life.stopped = 1;
        break;
    case SIGCONT:
        life.continued = 1;
        break;
    case SIGWINCH:
        life.resized = 1;
        break;
    default:
        life.ended = signal_number;
    }
}

bool life_came(int signal_number)
{
    volatile sig_atomic_t *flag = signal_number == SIGTSTP   ? &life.stopped
                                  : signal_number == SIGCONT ? &life.continued
                                                             : &life.resized;
    bool is = *flag;

    *flag = 0;
    return is;
}

int life_signal(void)
{
    return life.ended;
}

void life_hang_up(void)
{
    life.ended = SIGHUP;
}

int life_poll(struct pollfd *fd, int wait)
{
    struct timespec t = { .tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000L };

    return ppoll(fd, 1, wait < 0 ? NULL : &t, life.shared ? &life.waiting : NULL);
}

void life_stop(void)
{
    static const struct timespec now;
    sigset_t set;

    /* not SIGTSTP: where no shell looks after jobs, that does nothing, and the parent waits */
    kill(getpid(), SIGSTOP);
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    sigtimedwait(&set, NULL, &now);
}

void life_taken(bool taken, const char *back)
{
    if (!life.shared)
        return;
    /* a crash in between must not find half a sequence */
    life.shared->taken = false;
    snprintf(life.shared->back, sizeof(life.shared->back), "%s", back);
    life.shared->taken = taken;
}

bool life_is_taken(void)
{
    return !life.shared || life.shared->taken;
}

/* A signal that the program was started to ignore stays ignored. */
static void catch (int signal_number)
{
    struct sigaction action = { .sa_handler = note }, old;

    if (sigaction(signal_number, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
        return;
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

/* End by a signal, as a program does that has no handler. */
static void die(int signal_number)
{
    sigset_t set;

    signal(signal_number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    raise(signal_number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void child(unsigned (*browse)(void *, struct life_next *), void *context, pid_t parent)
{
    static const int others[] = { SIGTSTP, SIGCONT, SIGWINCH };
    struct life_next next = { .wanted = false };
    unsigned status;

    /* whoever kills the parent does not leave a browser behind that nobody waits for */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(CLI_OPERATIONAL);
    for (size_t i = 0; i < COUNT(ends); i++)
        catch (ends[i]);
    for (size_t i = 0; i < COUNT(others); i++)
        catch (others[i]);
    status = browse(context, &next);
    life.shared->next = next;
    if (life.ended)
        die(life.ended);
    exit((int)status);
}

/* ---------------------------------------------------------------- parent ---- */

/* Do what the browser could not do. What was typed and not read was not meant for a shell: mouse
 * reports, for instance. */
static void put_right(const struct termios *tty)
{
    size_t length = strnlen(life.shared->back, LIFE_BACK_MAX);

    if (write(STDOUT_FILENO, life.shared->back, length) < 0)
        length = 0; /* then there is no terminal any more */
    tcsetattr(STDIN_FILENO, TCSAFLUSH, tty);
    life.shared->taken = false;
}

/* The child has stopped, so the job stops: the shell looks at this process only. */
static void stop_too(pid_t pid, const struct termios *tty)
{
    sigset_t set;

    if (life.shared->taken)
        put_right(tty);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    /* here it is continued */
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(pid, SIGCONT);
}

/* Wait for the end of the child; *asked: a signal that this process was to end by. */
static int watch(pid_t pid, const sigset_t *set, const struct termios *tty, int *asked)
{
    static const struct timespec patience = { .tv_sec = PATIENCE };
    int status = 0;

    for (;;) {
        int came = *asked ? sigtimedwait(set, NULL, &patience) : sigwaitinfo(set, NULL);

        if (came == SIGCHLD) {
            if (waitpid(pid, &status, WNOHANG | WUNTRACED) != pid)
                continue;
            if (!WIFSTOPPED(status))
                return status;
            stop_too(pid, tty);
        } else if (came == SIGTSTP) {
            kill(pid, SIGTSTP);
        } else if (came == SIGTERM || came == SIGHUP || came == SIGINT) {
            *asked = came;
            kill(pid, came);
        } else if (came < 0 && errno == EAGAIN) {
            kill(pid, SIGKILL);
        }
    }
}

static unsigned ended(int status, const struct termios *tty, int asked)
{
    bool taken = life.shared->taken;
    char what[100];

    if (taken)
        put_right(tty);
    if (asked)
        die(asked);
    if (WIFEXITED(status) && !taken)
        return (unsigned)WEXITSTATUS(status);
    for (size_t i = 0; i < COUNT(ends) && !taken; i++)
        if (WIFSIGNALED(status) && WTERMSIG(status) == ends[i])
            die(ends[i]);
    if (WIFEXITED(status))
        snprintf(what, sizeof(what), "failed (status %d)", WEXITSTATUS(status));
    else if (WTERMSIG(status) == SIGKILL)
        snprintf(what, sizeof(what), "was killed, perhaps for want of memory (dmesg tells)");
    else
        snprintf(what, sizeof(what), "was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    cli_error(NULL, "the browser %s; the image is as it was; without -i xsdump lists it", what);
    return CLI_OPERATIONAL;
}

static void add(sigset_t *set, const int *signals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sigaddset(set, signals[i]);
}

static unsigned parent(pid_t pid, const sigset_t *waited, const struct termios *tty)
{
    int asked = 0, status = watch(pid, waited, tty, &asked);

    return ended(status, tty, asked);
}

unsigned life_run(unsigned (*browse)(void *context, struct life_next *next), void *context,
                  struct life_next *next)
{
    /* what both take only while they wait; what only the parent waits for: ^\ is the child's */
    static const int both[] = { SIGTERM, SIGHUP, SIGINT, SIGTSTP },
                     of_child[] = { SIGCONT, SIGWINCH }, of_parent[] = { SIGCHLD, SIGQUIT };
    struct termios tty;
    sigset_t old, held, waited, blocked;
    pid_t self = getpid(), pid;
    unsigned status = CLI_OPERATIONAL;

    *next = (struct life_next){ .wanted = false };
    life.shared =
        mmap(NULL, sizeof(*life.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (life.shared == MAP_FAILED || tcgetattr(STDIN_FILENO, &tty) < 0) {
        cli_error(NULL, "the browser cannot start: %s", strerror(errno));
        life.shared = NULL;
        return status;
    }
    sigemptyset(&held);
    add(&held, both, COUNT(both));
    for (size_t i = 0; i < COUNT(both); i++) { /* what was ignored stays so */
        struct sigaction was;

        if (sigaction(both[i], NULL, &was) == 0 && was.sa_handler == SIG_IGN)
            sigdelset(&held, both[i]);
    }
    waited = held;
    add(&held, of_child, COUNT(of_child));
    add(&waited, of_parent, COUNT(of_parent));
    blocked = waited;
    sigaddset(&blocked, SIGTTOU); /* the terminal is put right from the background as well */
    fflush(NULL);
    signal(SIGCHLD, SIG_DFL);
    /* before there is a child: it may end at once */
    sigprocmask(SIG_BLOCK, &blocked, &old);
    life.waiting = old;
    pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &held, NULL);
        child(browse, context, self);
    }
    if (pid < 0)
        cli_error(NULL, "the browser cannot start: %s", strerror(errno));
    else
        status = parent(pid, &waited, &tty);
    sigprocmask(SIG_SETMASK, &old, NULL);
    *next = life.shared->next;
    next->reader[sizeof(next->reader) - 1] = '\0';
    return status;
}
