/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that can be known before a domain is made: a table of checks with reasons. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "restore.h"

void restore_note(struct restore *r, enum check_state state, const char *name, const char *fmt, ...)
{
    struct check *c = &r->check[r->check_count];
    va_list args;

    if (r->check_count == CHECKS)
        return;
    r->check_count++;
    *c = (struct check){ .state = state, .name = name };
    va_start(args, fmt);
    vsnprintf(c->text, sizeof(c->text), fmt, args);
    va_end(args);
}

/* ---------------------------------------------------------------- the image ---- */

static void check_conversion(struct restore *r)
{
    const struct xsi_converted *c = &r->converted;
    const struct xsi_info *info = r->look.info;
    char size[16], stack[200] = "";
    size_t used = 0;

    if (!r->checked) {
        restore_note(r, CHECK_REFUSE, "conversion", "%s%s", r->failure,
                     r->raw ? ". It is handed over as it is" : "");
        return;
    }
    for (size_t i = 0; i < info->stack_length && used < 160; i++)
        used += (size_t)snprintf(stack + used, sizeof(stack) - used, "%s%.30s", i ? " > " : "",
                                 info->stack[i]);
    restore_note(r, c->errors ? CHECK_REFUSE : CHECK_GOOD, "conversion", "%s becomes %s, %s%s%s",
                 stack, xsi_convert_layer(r->convert, 0), cli_size(size, sizeof(size), c->size),
                 c->errors ? "; the result has errors: " : "", c->errors ? c->first : "");
}

static void check_reader(struct restore *r)
{
    const struct xsi_verdict *v = &r->converted.verdict;

    if (!r->checked || !r->converted.judged)
        return;
    restore_note(r,
                 v->outcome == XSI_RESTORES ? CHECK_GOOD
                 : v->outcome == XSI_LOSES  ? CHECK_WARN
                                            : CHECK_REFUSE,
                 "reader", "%s on %s%s%s", cli_outcome(v->outcome), v->reader.name,
                 v->outcome == XSI_RESTORES ? "" : ": ",
                 v->outcome == XSI_RESTORES ? ""
                 : v->outcome == XSI_LOSES  ? v->loses
                                            : v->reason);
    /* on the host itself each of them has a check of its own */
    for (size_t i = 0; i < v->condition_count && !r->host_known; i++)
        restore_note(r, CHECK_SKIPPED, "reader", "it needs %s", v->conditions[i]);
}

static void check_guest(struct restore *r)
{
    static const char *const kinds[] = {
        [XSI_GUEST_PV] = "PV", [XSI_GUEST_HVM] = "HVM", [XSI_GUEST_PVH] = "PVH"
    };

    if (r->config.guest != XSI_GUEST_UNKNOWN && r->config.guest != r->guest)
        restore_note(r, CHECK_WARN, "guest", "it is restored as %s, but its configuration says %s",
                     kinds[r->guest], kinds[r->config.guest]);
}

static void check_registry(struct restore *r)
{
    const struct xsi_info *info = r->look.info;
    struct xsi_past_restore past = { 0 };
    struct xsi_error err = { 0, "" };
    struct xsi_image_id id;
    char when[40] = "";
    time_t at;
    struct tm tm;
    int rc =
        xsi_image_id(&id, r->src, r->spooled ? NULL : r->file, restore_end(r), info->uuid, &err);

    if (!rc)
        rc = xsi_restores_find(NULL, &id, &past, &err);
    if (rc < 0)
        restore_note(r, CHECK_WARN, "once", "%s", err.text);
    else if (!rc)
        restore_note(r, CHECK_GOOD, "once", "the registry knows of no earlier restore");
    if (rc <= 0)
        return;
    at = (time_t)past.when;
    if (gmtime_r(&at, &tm))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
    restore_note(r, CHECK_REFUSE, "once",
                 "this image was restored on %s (via %s): running it twice destroys its disks",
                 when, past.via);
}

/* ---------------------------------------------------------------- the host ---- */

static void check_memory(struct restore *r)
{
    uint64_t need = r->job.memory_kb + r->job.video_kb + 1024;
    char needs[16], has[16];

    if (r->guest != XSI_GUEST_PV) /* the paging pool, as in the libxc back end */
        need += ((uint64_t)r->job.vcpus << 10) + (r->job.most_kb >> 7);
    cli_size(needs, sizeof(needs), need << 10);
    if (!r->host_known || !r->host->has_memory) {
        restore_note(r, CHECK_SKIPPED, "memory", "it needs %s; %s", needs,
                     r->host_known ? "the host does not say what it has" : "not on a Xen host");
        return;
    }
    cli_size(has, sizeof(has), r->host->free_kb << 10);
    restore_note(r, need > r->host->free_kb ? CHECK_REFUSE : CHECK_GOOD, "memory",
                 need > r->host->free_kb
                     ? "it needs %s, and the host has %s free: end another guest, or balloon dom0 "
                       "down (xl mem-set 0 ...)"
                     : "it needs %s, the host has %s free",
                 needs, has);
}

static void check_domains(struct restore *r)
{
    const struct xsi_host *h = r->host;
    bool name = false, uuid = false;

    if (!r->host_known || !h->has_domains) {
        restore_note(r, CHECK_SKIPPED, "domains", "%s",
                     r->host_known ? "the host does not list them" : "not on a Xen host");
        return;
    }
    for (size_t i = 0; i < h->domain_count; i++) {
        const struct xsi_host_domain *d = &h->domain[i];

        if (d->dying || (r->s->has_into && d->id == r->s->into))
            continue;
        if (!uuid && strcasecmp(d->uuid, r->job.uuid) == 0) {
            uuid = true;
            restore_note(r, CHECK_REFUSE, "UUID",
                         "domain %u has this UUID: it is the same guest, and would share its disks",
                         d->id);
        }
        if (!name && strcmp(d->name, r->job.name) == 0) {
            name = true;
            restore_note(r, CHECK_REFUSE, "name", "domain %u is called %s too", d->id, d->name);
        }
    }
    if (!name && !uuid)
        restore_note(r, CHECK_GOOD, "domains", "no running domain has its name or UUID");
}

/* ---------------------------------------------------------------- disks ---- */

static void check_disk(struct restore *r, const struct xsi_restore_disk *d,
                       const struct stat *image)
{
    char path[1100], vdev[64];
    struct stat st;

    xsi_escape(path, sizeof(path), d->path, strlen(d->path));
    xsi_escape(vdev, sizeof(vdev), d->vdev, strlen(d->vdev));
    if (!*d->path)
        return;
    if (*d->path != '/') {
        restore_note(r, CHECK_SKIPPED, "disk", "%s: %.300s is no path that can be looked at", vdev,
                     path);
    } else if (stat(d->path, &st) < 0) {
        restore_note(r, r->host_known ? CHECK_REFUSE : CHECK_WARN, "disk", "%s: there is no %.300s",
                     vdev, path);
    } else if (S_ISBLK(st.st_mode)) {
        restore_note(r, d->writable ? CHECK_WARN : CHECK_GOOD, "disk",
                     "%s: %.300s is there; whether it was written to since the save cannot be told "
                     "of a block device",
                     vdev, path);
    } else if (!S_ISREG(st.st_mode)) {
        restore_note(r, CHECK_REFUSE, "disk", "%s: %.300s is neither a file nor a block device",
                     vdev, path);
    } else if (image && st.st_mtime > image->st_mtime) {
        restore_note(r, CHECK_WARN, "disk",
                     "DISK MAY HAVE MOVED ON: %s, %.300s, was written to after the save. A guest "
                     "that goes on with its old memory destroys what is on it",
                     vdev, path);
    } else {
        restore_note(r, CHECK_GOOD, "disk", "%s: %.300s is there%s", vdev, path,
                     image ? ", and not newer than the image" : "");
    }
}

static void check_disks(struct restore *r)
{
    struct stat image;
    bool aged = !r->spooled && stat(r->file, &image) == 0 && S_ISREG(image.st_mode);

    if (!r->config.there) {
        restore_note(r, CHECK_SKIPPED, "disks", "the configuration is not known: %s",
                     *r->config.why ? r->config.why : "the image holds none");
        return;
    }
    for (size_t i = 0; i < r->config.disk_count && i < 8; i++)
        check_disk(r, &r->config.disk[i], aged ? &image : NULL);
    if (!r->config.disk_count)
        restore_note(r, CHECK_GOOD, "disks", "the configuration has none");
    else if (r->via == VIA_LIBXC && r->guest != XSI_GUEST_HVM)
        restore_note(r, CHECK_WARN, "disks",
                     "libxc connects no disks and no network to a PV guest; --via xl does");
}

/* ---------------------------------------------------------------- all of them ---- */

void restore_checks(struct restore *r)
{
    char release[260];

    check_conversion(r);
    check_reader(r);
    check_guest(r);
    check_registry(r);
    if (r->host_known)
        restore_note(
            r, CHECK_GOOD, "host", "Xen %s",
            xsi_escape(release, sizeof(release), r->host->version, strlen(r->host->version)));
    else
        restore_note(r, CHECK_SKIPPED, "host", "%s", r->host_why);
    check_memory(r);
    restore_check_cpu(r);
    check_domains(r);
    check_disks(r);
}

enum check_state restore_checks_worst(const struct restore *r)
{
    enum check_state worst = CHECK_GOOD;

    for (size_t i = 0; i < r->check_count; i++)
        if (r->check[i].state > worst)
            worst = r->check[i].state;
    return worst;
}

void restore_checks_print(const struct restore *r, bool all)
{
    static const struct {
        const char *word;
        enum cli_colour colour;
    } states[] = { [CHECK_GOOD] = { "good", CLI_PLAIN },
                   [CHECK_SKIPPED] = { "skipped", CLI_CYAN },
                   [CHECK_WARN] = { "WARNING", CLI_YELLOW },
                   [CHECK_REFUSE] = { "REFUSED", CLI_RED } };

    for (size_t i = 0; i < r->check_count; i++) {
        const struct check *c = &r->check[i];

        if (!all && c->state < CHECK_WARN)
            continue;
        fprintf(r->t->out, "%s%-8s%s %-13s ", cli_colour(r->t, states[c->state].colour),
                states[c->state].word, cli_colour(r->t, CLI_PLAIN), c->name);
        cli_wrap(r->t, LINE_INDENT + 14, LINE_INDENT + 14, c->text);
    }
}
