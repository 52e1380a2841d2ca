/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain finds in xenstore, and what the daemons there look for. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "work.h"

enum access { NOBODY, GUEST_READS, GUEST_WRITES };

/* Empty nodes under the domain's own. 4.17: libxl_create.c, libxl__domain_make() */
static const struct place {
    const char *path;
    enum access access;
    bool hvm_only;
} places[] = {
    { "cpu", GUEST_READS, false },
    { "memory", GUEST_READS, false },
    { "device", GUEST_READS, false },
    { "device/suspend/event-channel", GUEST_WRITES, false },
    { "control", GUEST_READS, false },
    { "hvmloader", GUEST_READS, true },
    { "control/shutdown", GUEST_WRITES, false },
    { "control/feature-poweroff", GUEST_WRITES, false },
    { "control/feature-reboot", GUEST_WRITES, false },
    { "control/feature-suspend", GUEST_WRITES, false },
    { "control/sysrq", GUEST_WRITES, false },
    { "data", GUEST_WRITES, false },
    { "drivers", GUEST_WRITES, false },
    { "feature", GUEST_WRITES, false },
    { "attr", GUEST_WRITES, false },
    { "error", GUEST_WRITES, false },
};

/* ---------------------------------------------------------------- one node ---- */

static bool allow(struct work *w, const char *path, enum access access)
{
    struct xs_permissions who[2] = { { .id = access == GUEST_WRITES ? w->domain : 0 },
                                     { .id = w->domain, .perms = XS_PERM_READ } };

    return xs_set_permissions(w->xs, XBT_NULL, path, who, access == GUEST_READS ? 2 : 1);
}

static bool XSI_PRINTF(4, 5)
    put(struct work *w, enum access access, const char *path, const char *fmt, ...)
{
    char full[256], value[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    if (*path == '/')
        snprintf(full, sizeof(full), "%s", path);
    else
        snprintf(full, sizeof(full), "/local/domain/%u/%s", w->domain, path);
    return xs_write(w->xs, XBT_NULL, full, value, (unsigned)strlen(value)) &&
           allow(w, full, access);
}

static bool make(struct work *w, const char *path, enum access access)
{
    (void)xs_rm(w->xs, XBT_NULL, path); /* of an earlier domain with this number */
    return xs_mkdir(w->xs, XBT_NULL, path) && allow(w, path, access);
}

bool store_number(struct work *w, uint32_t domain, const char *path, uint32_t *value)
{
    char full[256], *text, *end = NULL;
    unsigned long number = 0;
    unsigned n;

    snprintf(full, sizeof(full), "/local/domain/%u/%s", domain, path);
    text = xs_read(w->xs, XBT_NULL, full, &n);
    if (text)
        number = strtoul(text, &end, 10);
    *value = (uint32_t)number;
    number = text && end > text && !*end && number <= UINT32_MAX;
    free(text);
    return number;
}

/* ---------------------------------------------------------------- a domain's nodes ---- */

static bool write_places(struct work *w)
{
    char path[256];

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const struct place *p = &places[i];

        if (p->hvm_only && w->job->guest != XSI_GUEST_HVM)
            continue;
        snprintf(path, sizeof(path), "/local/domain/%u/%s", w->domain, p->path);
        if (!make(w, path, p->access))
            return false;
    }
    return true;
}

static bool write_values(struct work *w)
{
    const struct xsi_restore_job *job = w->job;
    bool good = put(w, GUEST_READS, "name", "%s", job->name) &&
                put(w, GUEST_READS, "domid", "%u", w->domain) &&
                put(w, GUEST_READS, "memory/static-max", "%" PRIu64, job->most_kb) &&
                put(w, GUEST_READS, "memory/target", "%" PRIu64, job->memory_kb) &&
                put(w, GUEST_READS, "memory/videoram", "%" PRIu64, job->video_kb) &&
                put(w, GUEST_READS, "control/platform-feature-multiprocessor-suspend", "1") &&
                put(w, GUEST_READS, "control/platform-feature-xs_reset_watches", "1");
    char path[64];

    for (unsigned i = 0; good && i < job->vcpus; i++) {
        snprintf(path, sizeof(path), "cpu/%u/availability", i);
        good = put(w, GUEST_READS, path, "online");
    }
    return good;
}

/* The domain under its UUID, and as libxl knows it: without the latter `xl destroy` fails. */
static bool write_others(struct work *w)
{
    static const char *const types[] = {
        [XSI_GUEST_PV] = "pv", [XSI_GUEST_HVM] = "hvm", [XSI_GUEST_PVH] = "pvh"
    };
    const struct xsi_restore_job *job = w->job;
    char vm[64], path[128];

    snprintf(vm, sizeof(vm), "/vm/%s", job->uuid);
    if (!make(w, vm, GUEST_READS) || !put(w, GUEST_READS, "vm", "%s", vm))
        return false;
    snprintf(path, sizeof(path), "%s/uuid", vm);
    if (!put(w, GUEST_READS, path, "%s", job->uuid))
        return false;
    snprintf(path, sizeof(path), "%s/name", vm);
    if (!put(w, GUEST_READS, path, "%s", job->name))
        return false;
    snprintf(path, sizeof(path), "/libxl/%u", w->domain);
    if (!make(w, path, NOBODY))
        return false;
    snprintf(path, sizeof(path), "/libxl/%u/device", w->domain);
    if (!make(w, path, NOBODY))
        return false;
    snprintf(path, sizeof(path), "/libxl/%u/type", w->domain);
    if (!put(w, NOBODY, path, "%s", types[job->guest]))
        return false;
    snprintf(path, sizeof(path), "/libxl/%u/dm-version", w->domain);
    return job->guest != XSI_GUEST_HVM || put(w, NOBODY, path, "qemu_xen");
}

/* Where libxl keeps the configuration of a running guest; `xl save` reads it there. 4.17:
 * libxl_dom.c, userdata_path() */
static void userdata(char out[128], uint32_t domain, const char *uuid)
{
    snprintf(out, 128, "/var/lib/xen/userdata-d.%u.%s.libxl-json", domain, uuid);
}

static void keep_config(struct work *w)
{
    char path[128];
    size_t n = w->job->config ? strlen(w->job->config) : 0;
    bool good;
    int fd;

    if (!n)
        return;
    userdata(path, w->domain, w->job->uuid);
    (void)unlink(path); /* of an earlier domain with this number */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    good = fd >= 0 && write(fd, w->job->config, n + 1) == (ssize_t)n + 1;
    if (fd >= 0)
        close(fd);
    if (!good)
        work_say(w, XSI_LOG_WARNING, "the configuration cannot be kept for xl in %s: %s", path,
                 strerror(errno));
}

int store_write(struct work *w)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u", w->domain);
    if (make(w, path, GUEST_READS) && write_places(w) && write_values(w) && write_others(w)) {
        keep_config(w);
        return 0;
    }
    return work_fault(w, errno, "the domain's nodes cannot be written to xenstore: %s",
                      strerror(errno));
}

int store_introduce(struct work *w)
{
    const struct xsi_restored *r = w->result;

    if (put(w, GUEST_READS, "store/port", "%u", r->store_port) &&
        put(w, GUEST_READS, "store/ring-ref", "%" PRIu64, r->store_frame) &&
        put(w, GUEST_READS, "console/ring-ref", "%" PRIu64, r->console_frame) &&
        put(w, GUEST_READS, "console/port", "%u", r->console_port) &&
        put(w, GUEST_READS, "console/limit", "1048576") &&
        put(w, GUEST_READS, "console/type", "xenconsoled") &&
        xs_introduce_domain(w->xs, w->domain, (unsigned)r->store_frame, r->store_port))
        return 0;
    return work_fault(w, errno, "the domain cannot be introduced to xenstore: %s", strerror(errno));
}

void store_forget(struct work *w, uint32_t domain)
{
    char path[128], *vm;
    unsigned n;

    snprintf(path, sizeof(path), "/local/domain/%u/vm", domain);
    vm = xs_read(w->xs, XBT_NULL, path, &n);
    if (vm && strncmp(vm, "/vm/", 4) == 0 && strlen(vm) == 4 + 36 && !strchr(vm + 4, '/')) {
        xs_rm(w->xs, XBT_NULL, vm);
        userdata(path, domain, vm + 4);
        (void)unlink(path);
    }
    free(vm);
    snprintf(path, sizeof(path), "/local/domain/0/device-model/%u", domain);
    xs_rm(w->xs, XBT_NULL, path);
    snprintf(path, sizeof(path), "/libxl/%u", domain);
    xs_rm(w->xs, XBT_NULL, path);
    snprintf(path, sizeof(path), "/local/domain/%u", domain);
    xs_rm(w->xs, XBT_NULL, path);
    xs_release_domain(w->xs, domain);
}
