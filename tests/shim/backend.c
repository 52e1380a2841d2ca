/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A restore back end without Xen, for tests: FAKE names what it does (ok, fail, abort, hang, or
 * nohost), FAKE_STREAM the file that the stream goes to, FAKE_LOG the file that says what was
 * called. FAKE_FREE: free memory of the host in KiB; FAKE_UUID: of a domain that runs there;
 * FAKE_READ: bytes that are read before it fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/xsi_restore.h"

#ifndef FAKE_ABI
#define FAKE_ABI XSI_RESTORE_ABI
#endif
#ifndef FAKE_SIZE
#define FAKE_SIZE sizeof(struct xsi_restore_backend)
#endif

static const char *set(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

static void XSI_PRINTF(1, 2) called(const char *fmt, ...)
{
    FILE *f = *set("FAKE_LOG") ? fopen(set("FAKE_LOG"), "a") : NULL;
    va_list args;

    if (!f)
        return;
    va_start(args, fmt);
    vfprintf(f, fmt, args);
    va_end(args);
    fclose(f);
}

static int fake_host(struct xsi_host *host, enum xsi_guest guest, struct xsi_error *err)
{
    (void)guest;
    memset(host, 0, sizeof(*host));
    if (strcmp(set("FAKE"), "nohost") == 0) {
        snprintf(err->text, sizeof(err->text), "no hypervisor answers here");
        return -ENODEV;
    }
    snprintf(host->version, sizeof(host->version), "4.17.0");
    host->major = 4;
    host->minor = 17;
    host->has_memory = host->has_domains = true;
    host->free_kb = *set("FAKE_FREE") ? strtoull(set("FAKE_FREE"), NULL, 10) : 64U << 20;
    if (*set("FAKE_UUID")) {
        host->domain_count = 1;
        host->domain[0].id = 5;
        snprintf(host->domain[0].uuid, sizeof(host->domain[0].uuid), "%s", set("FAKE_UUID"));
    }
    return 0;
}

/* Up to `most` bytes of the stream, to FAKE_STREAM. */
static void take(int fd, size_t most)
{
    int out =
        *set("FAKE_STREAM") ? open(set("FAKE_STREAM"), O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    char buffer[4096];
    ssize_t n = 1;

    for (size_t done = 0; n > 0 && done < most; done += (size_t)n) {
        n = read(fd, buffer, most - done < sizeof(buffer) ? most - done : sizeof(buffer));
        if (n > 0 && out >= 0 && write(out, buffer, (size_t)n) != n)
            break;
    }
    if (out >= 0)
        close(out);
}

static int fake_restore(const struct xsi_restore_job *job, struct xsi_restored *result,
                        struct xsi_error *err)
{
    const char *how = set("FAKE");

    called(
        "restore guest %d vcpus %u memory %llu name %s uuid %s paused %d emulator %d disks %zu\n",
        (int)job->guest, job->vcpus, (unsigned long long)job->memory_kb, job->name, job->uuid,
        job->paused, job->emulator >= 0, job->disk_count);
    if (job->into == XSI_NO_DOMAIN)
        job->ear->made(job->ear, 7);
    take(job->stream, *set("FAKE_READ") ? strtoull(set("FAKE_READ"), NULL, 10) : SIZE_MAX);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "hang") == 0)
        pause();
    if (strcmp(how, "fail") == 0) {
        job->ear->say(job->ear, XSI_LOG_ERROR, "fake: the HVM context \033[31mis bad");
        snprintf(err->text, sizeof(err->text), "fake_restore() failed");
        return -EIO;
    }
    *result = (struct xsi_restored){ .domain = job->into == XSI_NO_DOMAIN ? 7 : job->into,
                                     .running = !job->paused,
                                     .store_frame = 11,
                                     .console_frame = 12 };
    return 0;
}

static int fake_clean(const struct xsi_restore_job *job, uint32_t *domain, struct xsi_error *err)
{
    (void)job;
    (void)err;
    called("clean %u\n", *domain);
    return 0;
}

extern const struct xsi_restore_backend xsi_restore_backend;

const struct xsi_restore_backend xsi_restore_backend = {
    .abi = FAKE_ABI,
    .size = FAKE_SIZE,
    .name = "libxc",
    .about = "nothing",
    .host = fake_host,
    .restore = fake_restore,
    .clean = fake_clean,
};
