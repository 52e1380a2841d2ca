/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* restore --via libxc: a domain is made and restored by libxenguest, without a toolstack. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static int libxc_host(struct xsi_host *host, enum xsi_guest guest, struct xsi_error *err)
{
    struct work w = { .err = err };
    int rc = work_open(&w);

    memset(host, 0, sizeof(*host));
    if (!rc)
        rc = host_look(&w, host, guest);
    work_close(&w);
    return rc;
}

/* ---------------------------------------------------------------- restore ---- */

static int finish(struct work *w)
{
    const struct xsi_restore_job *job = w->job;
    int rc = store_write(w);

    if (!rc)
        rc = store_introduce(w);
    if (!rc && job->guest == XSI_GUEST_HVM && job->emulator >= 0)
        rc = emulator_start(w);
    if (rc || job->paused)
        return rc;
    if (xc_domain_unpause(w->xch, w->domain))
        return work_fault(w, errno, "domain %u cannot be unpaused: %s", w->domain, strerror(errno));
    w->result->running = true;
    return 0;
}

/* What was said first is what matters. */
static void give_up(struct work *w)
{
    struct xsi_error first = *w->err;

    if (w->ours && domain_destroy(w, w->domain) < 0)
        work_say(w, XSI_LOG_ERROR, "%s", w->err->text);
    else if (w->ours)
        work_say(w, XSI_LOG_INFO, "the half-made domain %u was destroyed", w->domain);
    *w->err = first;
}

static int libxc_restore(const struct xsi_restore_job *job, struct xsi_restored *result,
                         struct xsi_error *err)
{
    struct work w = { .job = job,
                      .err = err,
                      .result = result,
                      .hvm = job->guest != XSI_GUEST_PV,
                      .logger = { .ear = job->ear } };
    int rc;

    *err = (struct xsi_error){ 0, "" };
    *result = (struct xsi_restored){ .domain = XSI_NO_DOMAIN };
    if (job->size < sizeof(*job))
        return work_fault(&w, EINVAL, "the program is older than this back end");
    rc = work_open(&w);
    if (!rc)
        rc = job->into == XSI_NO_DOMAIN ? domain_create(&w) : domain_prepared(&w);
    if (!rc)
        rc = domain_restore(&w);
    if (!rc && job->into == XSI_NO_DOMAIN)
        rc = finish(&w);
    if (rc)
        give_up(&w);
    work_close(&w);
    return rc;
}

/* ---------------------------------------------------------------- behind a killed one ---- */

static bool was_there(const struct xsi_host *before, uint32_t id)
{
    for (size_t i = 0; before && i < before->domain_count; i++)
        if (before->domain[i].id == id)
            return true;
    return false;
}

/* A domain that was made and not told. Only with the list of those before it is certain. */
static uint32_t find_made(struct work *w)
{
    struct xsi_host *now = calloc(1, sizeof(*now));
    uint32_t found = XSI_NO_DOMAIN;

    if (now && w->job->before && w->job->before->has_domains && !w->job->before->more_domains)
        host_domains(w, now);
    for (size_t i = 0; now && i < now->domain_count; i++)
        if (*w->job->uuid && strcmp(now->domain[i].uuid, w->job->uuid) == 0 &&
            !now->domain[i].dying && !was_there(w->job->before, now->domain[i].id))
            found = now->domain[i].id;
    free(now);
    return found;
}

static int libxc_clean(const struct xsi_restore_job *job, uint32_t *domain, struct xsi_error *err)
{
    struct work w = { .job = job, .err = err };
    int rc = work_open(&w);

    *err = rc ? *err : (struct xsi_error){ 0, "" };
    if (!rc && *domain == XSI_NO_DOMAIN)
        *domain = find_made(&w);
    if (!rc && *domain != XSI_NO_DOMAIN)
        rc = domain_destroy(&w, *domain);
    work_close(&w);
    return rc;
}

/* ---------------------------------------------------------------- the row ---- */

#ifndef XEN_RELEASE /* the Makefile tells */
#define XEN_RELEASE "of an unknown release"
#endif

extern __attribute__((visibility("default"))) const struct xsi_restore_backend xsi_restore_backend;

const struct xsi_restore_backend xsi_restore_backend = {
    .abi = XSI_RESTORE_ABI,
    .size = sizeof(struct xsi_restore_backend),
    .name = "libxc",
    .about = "libxenguest " XEN_RELEASE,
    .host = libxc_host,
    .restore = libxc_restore,
    .clean = libxc_clean,
};
