/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the hypervisor says of itself: release, free memory, CPU policy, domains. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static void take_version(struct work *w, struct xsi_host *host)
{
    int version = xc_version(w->xch, XENVER_version, NULL);
    xen_extraversion_t extra = "";

    if (version < 0)
        return;
    host->major = (unsigned)version >> 16;
    host->minor = (unsigned)version & 0xffff;
    (void)xc_version(w->xch, XENVER_extraversion, &extra);
    snprintf(host->version, sizeof(host->version), "%u.%u%.16s", host->major, host->minor, extra);
}

static void take_memory(struct work *w, struct xsi_host *host)
{
    xc_physinfo_t info;

    memset(&info, 0, sizeof(info));
    if (xc_physinfo(w->xch, &info))
        return;
    host->has_memory = true;
    host->free_kb = (info.free_pages - info.outstanding_pages) * (XC_PAGE_SIZE >> 10);
}

static void take_policy(struct work *w, struct xsi_host *host, enum xsi_guest guest)
{
    unsigned index =
        guest == XSI_GUEST_PV ? XEN_SYSCTL_cpu_policy_pv_max : XEN_SYSCTL_cpu_policy_hvm_max;
    uint32_t leaves = 0, msrs = 0;
    xc_cpu_policy_t *policy = xc_cpu_policy_init();
    xen_cpuid_leaf_t *leaf = NULL;
    xen_msr_entry_t *msr = NULL;

    if (policy && xc_cpu_policy_get_size(w->xch, &leaves, &msrs) == 0) {
        leaf = calloc(leaves + 1, sizeof(*leaf));
        msr = calloc(msrs + 1, sizeof(*msr));
    }
    if (leaf && msr && xc_cpu_policy_get_system(w->xch, index, policy) == 0 &&
        xc_cpu_policy_serialise(w->xch, policy, leaf, &leaves, msr, &msrs) == 0)
        for (uint32_t i = 0; i < leaves && host->leaf_count < XSI_HOST_LEAVES; i++)
            host->leaf[host->leaf_count++] = (struct xsi_cpuid_leaf){ .leaf = leaf[i].leaf,
                                                                      .subleaf = leaf[i].subleaf,
                                                                      .a = leaf[i].a,
                                                                      .b = leaf[i].b,
                                                                      .c = leaf[i].c,
                                                                      .d = leaf[i].d };
    free(leaf);
    free(msr);
    xc_cpu_policy_destroy(policy);
}

static void put_uuid(char out[40], const uint8_t *handle)
{
    int n = 0;

    for (unsigned i = 0; i < 16; i++)
        n += snprintf(out + n, 40 - (size_t)n, "%s%02x",
                      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", handle[i]);
}

void host_domains(struct work *w, struct xsi_host *host)
{
    xc_domaininfo_t *info = calloc(XSI_HOST_DOMAINS + 1, sizeof(*info));
    int count = info ? xc_domain_getinfolist(w->xch, 0, XSI_HOST_DOMAINS + 1, info) : -1;

    host->has_domains = count >= 0;
    host->more_domains = count > XSI_HOST_DOMAINS;
    host->domain_count = 0;
    for (int i = 0; i < count && i < XSI_HOST_DOMAINS; i++) {
        struct xsi_host_domain *d = &host->domain[host->domain_count++];
        char path[64], *name;
        unsigned n;

        *d = (struct xsi_host_domain){ .id = info[i].domain,
                                       .dying = info[i].flags & XEN_DOMINF_dying };
        put_uuid(d->uuid, info[i].handle);
        snprintf(path, sizeof(path), "/local/domain/%u/name", d->id);
        name = xs_read(w->xs, XBT_NULL, path, &n);
        if (name)
            snprintf(d->name, sizeof(d->name), "%s", name);
        free(name);
    }
    free(info);
}

int host_look(struct work *w, struct xsi_host *host, enum xsi_guest guest)
{
    take_version(w, host);
    take_memory(w, host);
    take_policy(w, host, guest);
    host_domains(w, host);
    return host->major ? 0 : work_fault(w, ENODEV, "no hypervisor answers");
}
