/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * restore --via xl: the stream goes to `xl restore`, which makes the domain with all its devices.
 * xl reads it from the pipe itself, so there is no second copy.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/xsi_restore.h"

#define LINE_MAX_BYTES 900
#define OUTPUT_MAX     (4U << 20)

static int XSI_PRINTF(3, 4) fault(struct xsi_error *err, int code, const char *fmt, ...)
{
    va_list args;

    err->code = code;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    return -code;
}

/* ---------------------------------------------------------------- starting xl ---- */

static const char *find_xl(const struct xsi_restore_job *job)
{
    static const char *const places[] = { "/usr/sbin/xl", "/sbin/xl", "/usr/local/sbin/xl",
                                          "/usr/lib/xen-4.17/bin/xl" };

    if (job && job->program)
        return job->program;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* Starts xl with standard input `in` (-1: none) and its words going to *words. */
static pid_t start(const char *xl, const char *const argv[], int in, int *words)
{
    int pipes[2];
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (in < 0)
            in = open("/dev/null", O_RDONLY);
        if (dup2(in, STDIN_FILENO) < 0 || dup2(pipes[1], STDOUT_FILENO) < 0 ||
            dup2(pipes[1], STDERR_FILENO) < 0)
            _exit(126);
        signal(SIGPIPE, SIG_DFL);
        execv(xl, (char *const *)(uintptr_t)argv);
        dprintf(STDERR_FILENO, "%s: %s\n", xl, strerror(errno));
        _exit(127);
    }
    close(pipes[1]);
    *words = pipes[0];
    if (pid < 0)
        close(pipes[0]);
    return pid;
}

/* All that it prints, until it ends; a daemon that it leaves may keep the pipe open. */
static int listen_to(pid_t pid, int words, void (*line)(void *context, char *text), void *context)
{
    char text[LINE_MAX_BYTES + 1];
    size_t n = 0, total = 0;
    bool ended = false;
    int status = -1;

    fcntl(words, F_SETFL, O_NONBLOCK);
    for (;;) {
        struct pollfd p = { .fd = words, .events = POLLIN };
        ssize_t got;
        char c = '\0';

        if (!ended && waitpid(pid, &status, WNOHANG) == pid)
            ended = true;
        got = read(words, &c, 1);
        if (got == 1 && total++ < OUTPUT_MAX && c != '\n' && n < LINE_MAX_BYTES) {
            text[n++] = c;
            continue;
        }
        if (n && (got == 0 || c == '\n' || n == LINE_MAX_BYTES || (ended && got < 0))) {
            text[n] = '\0';
            line(context, text);
            n = 0;
        }
        if (got == 1)
            continue;
        if (ended)
            break;
        if (got == 0 && waitpid(pid, &status, 0) == pid)
            break;
        (void)poll(&p, 1, 50);
    }
    close(words);
    return status;
}

/* ---------------------------------------------------------------- the host ---- */

/* "key : value" of `xl info`. */
static void info_line(void *context, char *text)
{
    struct xsi_host *host = context;
    char *value = strchr(text, ':');

    if (!value)
        return;
    value += 1 + strspn(value + 1, " ");
    if (strncmp(text, "xen_version ", 12) == 0)
        snprintf(host->version, sizeof(host->version), "%.60s", value);
    else if (strncmp(text, "xen_major ", 10) == 0)
        host->major = (unsigned)strtoul(value, NULL, 10);
    else if (strncmp(text, "xen_minor ", 10) == 0)
        host->minor = (unsigned)strtoul(value, NULL, 10);
    else if (strncmp(text, "free_memory ", 12) == 0 && isdigit((unsigned char)*value)) {
        host->has_memory = true;
        host->free_kb = strtoull(value, NULL, 10) << 10;
    }
}

/* A row of `xl list -v`: name, id, …, UUID. A name may hold blanks, an UUID never does. */
static void list_line(void *context, char *text)
{
    struct xsi_host *host = context;
    struct xsi_host_domain *d = &host->domain[host->domain_count];
    char *at = NULL, *uuid = NULL, *word, *rest = NULL, copy[LINE_MAX_BYTES + 1];

    if (host->domain_count == XSI_HOST_DOMAINS) {
        host->more_domains = true;
        return;
    }
    snprintf(copy, sizeof(copy), "%s", text);
    for (word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
        if (strlen(word) == 36 && word[8] == '-' && word[13] == '-' && word[23] == '-')
            uuid = word;
    if (!uuid)
        return; /* the heading */
    *d = (struct xsi_host_domain){ 0 };
    snprintf(d->uuid, sizeof(d->uuid), "%s", uuid);
    /* the name's column is 40 wide, longer ones push the rest */
    for (char *p = text; *p; p++)
        if (p > text && p[-1] == ' ' && isdigit((unsigned char)*p) && p - text >= 40) {
            at = p;
            break;
        }
    if (!at)
        return;
    d->id = (uint32_t)strtoul(at, NULL, 10);
    while (at > text && at[-1] == ' ')
        at--;
    snprintf(d->name, sizeof(d->name), "%.*s", (int)(at - text), text);
    host->domain_count++;
}

static bool ask(const char *xl, struct xsi_host *host)
{
    const char *const info[] = { xl, "info", NULL };
    const char *const list[] = { xl, "list", "-v", NULL };
    int words;
    pid_t pid = start(xl, info, -1, &words);

    if (pid < 0 || listen_to(pid, words, info_line, host) != 0)
        return false;
    pid = start(xl, list, -1, &words);
    host->has_domains = pid >= 0 && listen_to(pid, words, list_line, host) == 0;
    return true;
}

static int xl_host(struct xsi_host *host, enum xsi_guest guest, struct xsi_error *err)
{
    const char *xl = find_xl(NULL);

    (void)guest;
    memset(host, 0, sizeof(*host));
    if (!xl)
        return fault(err, ENOENT, "there is no xl here (Debian package xen-utils)");
    if (access("/proc/xen/capabilities", F_OK) != 0)
        return fault(err, ENODEV, "no hypervisor answers: this must run in dom0 of a Xen host");
    if (!ask(xl, host))
        return fault(err, ENODEV, "no hypervisor answers: `xl info` fails");
    return 0;
}

/* ---------------------------------------------------------------- restore ---- */

struct relay {
    const struct xsi_restore_ear *ear;
    char first[LINE_MAX_BYTES + 1]; /* error line: what follows are consequences */
};

static void relay_line(void *context, char *text)
{
    struct relay *r = context;
    bool error = strstr(text, "error") != NULL;

    if (error && !*r->first)
        snprintf(r->first, sizeof(r->first), "%s", text);
    r->ear->say(r->ear, error ? XSI_LOG_ERROR : XSI_LOG_INFO, text);
}

static const struct xsi_host_domain *find_new(const struct xsi_restore_job *job,
                                              const struct xsi_host *now)
{
    for (size_t i = 0; i < now->domain_count; i++) {
        const struct xsi_host_domain *d = &now->domain[i];
        bool ours = (*job->uuid && strcmp(d->uuid, job->uuid) == 0) ||
                    (*job->name && strcmp(d->name, job->name) == 0);
        size_t k = 0;

        while (k < job->before->domain_count && job->before->domain[k].id != d->id)
            k++;
        if (ours && k == job->before->domain_count)
            return d;
    }
    return NULL;
}

/* The domain of this job, as it is now. XSI_NO_DOMAIN: there is none, or it cannot be told. */
static uint32_t made(const struct xsi_restore_job *job, const char *xl)
{
    struct xsi_host *now = calloc(1, sizeof(*now));
    const struct xsi_host_domain *d = NULL;
    uint32_t id;

    if (now && job->before && job->before->has_domains && !job->before->more_domains &&
        ask(xl, now))
        d = find_new(job, now);
    id = d ? d->id : XSI_NO_DOMAIN;
    free(now);
    return id;
}

static int destroy(const struct xsi_restore_job *job, const char *xl, uint32_t domain,
                   struct xsi_error *err)
{
    const char *argv[] = { xl, "destroy", NULL, NULL };
    struct relay relay = { .ear = job->ear };
    char id[16];
    int words;
    pid_t pid;

    snprintf(id, sizeof(id), "%u", domain);
    argv[2] = id;
    pid = start(xl, argv, -1, &words);
    if (pid >= 0)
        (void)listen_to(pid, words, relay_line, &relay);
    if (made(job, xl) == domain)
        return fault(err, EIO, "domain %u cannot be destroyed; try: xl destroy %u", domain, domain);
    return 0;
}

static int failed(const struct xsi_restore_job *job, const char *xl, int status,
                  const struct relay *relay, struct xsi_error *err)
{
    uint32_t domain = made(job, xl);
    char text[160];

    if (domain != XSI_NO_DOMAIN && destroy(job, xl, domain, err) < 0)
        job->ear->say(job->ear, XSI_LOG_ERROR, err->text);
    else if (domain != XSI_NO_DOMAIN) {
        snprintf(text, sizeof(text), "the half-made domain %u was destroyed", domain);
        job->ear->say(job->ear, XSI_LOG_INFO, text);
    }
    if (status >= 0 && WIFSIGNALED(status))
        return fault(err, EIO, "xl restore ended by signal %d (%s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
    return fault(err, EIO, "xl restore failed (status %d)%s%.180s", WEXITSTATUS(status),
                 *relay->first ? ": " : "", relay->first);
}

static int xl_restore(const struct xsi_restore_job *job, struct xsi_restored *result,
                      struct xsi_error *err)
{
    const char *xl = find_xl(job);
    const char *argv[] = { xl, "restore", "/proc/self/fd/0", NULL, NULL };
    struct relay relay = { .ear = job->ear };
    int words, status;
    pid_t pid;

    *err = (struct xsi_error){ 0, "" };
    *result = (struct xsi_restored){ .domain = XSI_NO_DOMAIN };
    if (!xl)
        return fault(err, ENOENT, "there is no xl here (Debian package xen-utils)");
    if (job->into != XSI_NO_DOMAIN)
        return fault(err, EINVAL, "xl makes its domain itself: --into belongs to --via libxc");
    if (job->paused) {
        argv[2] = "-p";
        argv[3] = "/proc/self/fd/0";
    }
    pid = start(xl, argv, job->stream, &words);
    if (pid < 0)
        return fault(err, errno, "xl cannot be started: %s", strerror(errno));
    status = listen_to(pid, words, relay_line, &relay);
    if (status != 0)
        return failed(job, xl, status, &relay, err);
    result->domain = made(job, xl);
    result->running = !job->paused;
    if (result->domain != XSI_NO_DOMAIN)
        job->ear->made(job->ear, result->domain);
    return 0;
}

static int xl_clean(const struct xsi_restore_job *job, uint32_t *domain, struct xsi_error *err)
{
    const char *xl = find_xl(job);

    if (!xl)
        return fault(err, ENOENT, "there is no xl here");
    if (*domain == XSI_NO_DOMAIN)
        *domain = made(job, xl);
    return *domain == XSI_NO_DOMAIN ? 0 : destroy(job, xl, *domain, err);
}

/* ---------------------------------------------------------------- the row ---- */

extern __attribute__((visibility("default"))) const struct xsi_restore_backend xsi_restore_backend;

const struct xsi_restore_backend xsi_restore_backend = {
    .abi = XSI_RESTORE_ABI,
    .size = sizeof(struct xsi_restore_backend),
    .name = "xl",
    .about = "the host's xl",
    .host = xl_host,
    .restore = xl_restore,
    .clean = xl_clean,
};
