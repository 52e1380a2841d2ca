/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domain: made as the image says, restored into, ended. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "work.h"

/* ---------------------------------------------------------------- making one ---- */

static void take_uuid(const char *text, xen_domain_handle_t handle)
{
    unsigned byte;

    for (unsigned i = 0; i < sizeof(xen_domain_handle_t); i++) {
        while (*text == '-')
            text++;
        if (sscanf(text, "%2x", &byte) != 1)
            return;
        handle[i] = (uint8_t)byte;
        text += 2;
    }
}

static void describe(const struct work *w, struct xen_domctl_createdomain *c)
{
    const struct xsi_restore_job *job = w->job;
    xc_physinfo_t host;
    bool v2 = false, hap = true;

    memset(&host, 0, sizeof(host));
    if (xc_physinfo(w->xch, &host) == 0) {
        v2 = host.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2;
        hap = host.capabilities & XEN_SYSCTL_PHYSCAP_hap;
    }
    memset(c, 0, sizeof(*c));
    c->max_vcpus = job->vcpus;
    c->max_evtchn_port = job->event_channels ? job->event_channels : 1023; /* libxl's default */
    c->max_grant_frames = -1;                                              /* the host's */
    c->max_maptrack_frames = -1;
    c->grant_opts = XEN_DOMCTL_GRANT_version(v2 ? 2 : 1);
    take_uuid(job->uuid, c->handle);
    if (!w->hvm)
        return;
    c->flags = XEN_DOMCTL_CDF_hvm | (hap ? XEN_DOMCTL_CDF_hap : 0);
    /* 4.17 refuses other sets: xen/arch/x86/domain.c, emulation_flags_ok() */
    c->arch.emulation_flags =
        job->guest == XSI_GUEST_PVH ? XEN_X86_EMU_LAPIC : XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
}

/* What libxl sets beside the stream: it holds neither. 4.17: libxl_x86.c, hvm_set_conf_params() */
static const struct hvm_setting {
    uint32_t param;
    uint64_t value;
    bool pvh; /* of PVH guests too */
} hvm_settings[] = {
    { HVM_PARAM_HPET_ENABLED, 1, false },
    { HVM_PARAM_VPT_ALIGN, 1, false },
    { HVM_PARAM_TIMER_MODE, 1, true }, /* no delay for missed ticks */
};

static int settle_hvm(struct work *w)
{
    const struct xsi_restore_job *job = w->job;
    /* 4.17: libxl_utils.c, libxl_get_required_paging_memory(): 1 MiB per vCPU, 8 KiB per MiB */
    uint64_t pool = ((uint64_t)job->vcpus << 20) + (job->most_kb >> 10 << 13);

    for (size_t i = 0; i < sizeof(hvm_settings) / sizeof(hvm_settings[0]); i++) {
        const struct hvm_setting *s = &hvm_settings[i];

        if (job->guest == XSI_GUEST_PVH && !s->pvh)
            continue;
        if (xc_hvm_param_set(w->xch, w->domain, s->param, s->value))
            return work_fault(w, errno, "HVM parameter %u could not be set: %s", s->param,
                              strerror(errno));
    }
    if (xc_set_paging_mempool_size(w->xch, w->domain, pool))
        return work_fault(w, errno,
                          "the host has no %llu KiB for the guest's paging pool: %s; end another "
                          "guest, or give dom0 less memory",
                          (unsigned long long)(pool >> 10), strerror(errno));
    return 0;
}

static int open_ports(struct work *w)
{
    uint32_t store, console;

    if (!w->ours && store_number(w, w->domain, "store/port", &store) &&
        store_number(w, w->domain, "console/port", &console)) {
        w->result->store_port = store;
        w->result->console_port = console;
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        xc_evtchn_port_or_error_t port = xc_evtchn_alloc_unbound(w->xch, w->domain, 0);

        if (port < 0)
            return work_fault(w, errno, "the domain gets no event channel for its %s: %s",
                              i ? "console" : "store", strerror(errno));
        *(i ? &w->result->console_port : &w->result->store_port) = (uint32_t)port;
    }
    return 0;
}

int domain_create(struct work *w)
{
    const struct xsi_restore_job *job = w->job;
    struct xen_domctl_createdomain c;
    uint32_t domain = 0;

    describe(w, &c);
    if (xc_domain_create(w->xch, &domain, &c))
        return work_fault(w, errno, "Xen makes no domain: %s", strerror(errno));
    w->domain = w->result->domain = domain;
    w->ours = true;
    job->ear->made(job->ear, domain);
    if (xc_domain_max_vcpus(w->xch, domain, job->vcpus))
        return work_fault(w, errno, "Xen refuses %u vCPUs: %s", job->vcpus, strerror(errno));
    /* 1 MiB beside the guest's own: 4.17, libxl_internal.h, LIBXL_MAXMEM_CONSTANT */
    if (xc_domain_setmaxmem(w->xch, domain, job->memory_kb + job->video_kb + 1024))
        return work_fault(w, errno, "Xen refuses a memory limit of %llu KiB: %s",
                          (unsigned long long)job->memory_kb, strerror(errno));
    if (!w->hvm)
        (void)xc_domain_set_memmap_limit(w->xch, domain, job->most_kb);
    (void)xc_domain_set_tsc_info(w->xch, domain, 0, 0, 0, 0);
    if (w->hvm && settle_hvm(w))
        return -w->err->code;
    return open_ports(w);
}

int domain_prepared(struct work *w)
{
    xc_dominfo_t info;

    if (xc_domain_getinfo(w->xch, w->job->into, 1, &info) != 1 || info.domid != w->job->into)
        return work_fault(w, ESRCH, "there is no domain %u to restore into: xl list", w->job->into);
    if (!!info.hvm != w->hvm)
        return work_fault(w, EINVAL, "domain %u is %s, but the image is %s", w->job->into,
                          info.hvm ? "HVM or PVH" : "PV", w->hvm ? "HVM or PVH" : "PV");
    if (!info.paused)
        return work_fault(w, EBUSY, "domain %u is running: a prepared domain is paused",
                          w->job->into);
    w->domain = w->result->domain = w->job->into;
    return open_ports(w);
}

/* ---------------------------------------------------------------- restoring ---- */

/* Streams from before 4.14 bring no CPUID policy: the default one that such a guest had. 4.17:
 * libxl_cpuid.c, libxl__cpuid_legacy() */
static int static_data_done(unsigned missing, void *data)
{
    struct work *w = data;

    if (!(missing & XGR_SDD_MISSING_CPUID))
        return 0;
    work_say(w, XSI_LOG_INFO, "the image holds no CPUID policy: Xen's default one is given");
    return xc_cpuid_apply_policy(w->xch, w->domain, true, NULL, 0, true, false, false, NULL, NULL)
               ? -1
               : 0;
}

int domain_restore(struct work *w)
{
    struct restore_callbacks callbacks = { .static_data_done = static_data_done, .data = w };
    unsigned long store = 0, console = 0;
    int rc;

    errno = 0;
    rc = xc_domain_restore(w->xch, w->job->stream, w->domain, w->result->store_port, &store, 0,
                           w->result->console_port, &console, 0, XC_STREAM_PLAIN, &callbacks, -1);
    if (rc)
        return work_fault(w, errno ? errno : EBADMSG, "xc_domain_restore() failed%s%s",
                          errno ? ": " : "", errno ? strerror(errno) : "");
    w->result->has_pages = true;
    w->result->store_frame = store;
    w->result->console_frame = console;
    return 0;
}

/* ---------------------------------------------------------------- ending ---- */

int domain_destroy(struct work *w, uint32_t domain)
{
    xc_dominfo_t info;

    if (w->xs) {
        emulator_end(w, domain);
        store_forget(w, domain);
    }
    if (xc_domain_getinfo(w->xch, domain, 1, &info) != 1 || info.domid != domain)
        return 0;
    if (xc_domain_destroy(w->xch, domain))
        return work_fault(w, errno, "domain %u cannot be destroyed: %s; xl destroy %u", domain,
                          strerror(errno), domain);
    return 0;
}
