/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover restore: the guest runs again. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "restore.h"

/* ---------------------------------------------------------------- may it be ---- */

/* 0, or a status after a message. */
static unsigned allowed(const struct restore *r)
{
    FILE *log = r->s->transcript;

    if (!r->convert && !r->raw)
        return fail(log, r->status ? r->status : (unsigned)CLI_DAMAGED, r->file,
                    "not restored: it cannot be converted to what this host reads%s",
                    r->s->force ? "" : "; xsrecover check says what is wrong with it");
    if (restore_checks_worst(r) == CHECK_REFUSE && !r->s->force)
        return fail(log, r->status ? r->status : (unsigned)CLI_REFUSED, r->file,
                    "not restored: see what was refused above; --force goes on all the same");
    if (!r->host_known)
        return fail(log, CLI_OPERATIONAL, r->file, "not restored: %s", r->host_why);
    return output_check(r->t, log, r->file);
}

/* ---------------------------------------------------------------- doing it ---- */

static void tell(const struct restore *r, const struct xsi_restored *result)
{
    char name[520];

    xsi_escape(name, sizeof(name), r->job.name, strlen(r->job.name));
    if (r->s->has_into) {
        line_print(r->t, "restored", "into domain %u, for its toolstack:", result->domain);
        fprintf(r->t->out, "store-mfn %" PRIu64 "\nconsole-mfn %" PRIu64 "\n", result->store_frame,
                result->console_frame);
        fprintf(r->t->out, "store-port %u\nconsole-port %u\n", result->store_port,
                result->console_port);
        return;
    }
    if (result->domain == XSI_NO_DOMAIN)
        line_print(r->t, "restored", "%s, %s (xl list)", name,
                   result->running ? "running" : "paused");
    else
        line_print(r->t, "restored", "domain %u, %s, %s", result->domain, name,
                   result->running ? "running" : "paused: xl unpause lets it go on");
}

static unsigned run(struct restore *r)
{
    struct xsi_past_restore past;
    struct xsi_error err = { 0, "" };
    struct xsi_restored result;
    struct xsi_image_id id;
    char number[32] = "";
    bool good, cancelled;
    int rc = xsi_image_id(&id, r->src, r->spooled ? NULL : r->file, restore_end(r),
                          r->look.info->uuid, &err);

    if (!rc)
        rc = xsi_restores_begin(NULL, &id, restore_via_name(r->via), !r->s->force, number, &past,
                                &err);
    if (rc < 0 && !r->s->force)
        return fail(r->s->transcript, rc == -EEXIST ? CLI_REFUSED : CLI_OPERATIONAL, r->file,
                    "not restored: %s; --force goes on all the same", err.text);
    good = restore_run(r, &result, &cancelled);
    if (good)
        tell(r, &result);
    if (*number && xsi_restores_end(NULL, number, good ? result.domain : XSI_NO_DOMAIN, &err) < 0)
        fail(r->s->transcript, 0, NULL, "%s", err.text);
    if (cancelled)
        return CANCELLED;
    return good ? 0 : CLI_OPERATIONAL;
}

static unsigned check_and_run(struct restore *r)
{
    unsigned status;

    restore_checks(r);
    restore_checks_print(r, r->s->show_only);
    if (!r->s->show_only) {
        status = allowed(r);
        return status ? status : run(r);
    }
    if (restore_checks_worst(r) == CHECK_REFUSE)
        return r->status ? r->status : (unsigned)CLI_REFUSED;
    return restore_checks_worst(r) == CHECK_WARN ? CLI_WARNINGS : 0;
}

/* ---------------------------------------------------------------- the command ---- */

static unsigned prepare(struct restore *r)
{
    unsigned status = restore_open(r);

    if (!status)
        status = restore_mend(r);
    if (!status)
        status = restore_prepare(r);
    if (status)
        return status;
    if (!restore_share(r))
        return fail(r->s->transcript, CLI_OPERATIONAL, r->file, "out of memory");
    restore_host(r);
    restore_convert(r);
    return restore_job(r) ? 0 : CLI_OPERATIONAL;
}

static void forget(struct restore *r)
{
    if (r->emulator >= 0)
        close(r->emulator);
    free(r->store);
    free(r->text);
    xsi_convert_free(r->convert);
    xsi_convert_free(r->whole);
    look_away(&r->look);
    free(r->mended);
    xsi_plan_free(r->plan);
    xsi_source_free(r->src);
    if (r->shared)
        munmap(r->shared, sizeof(*r->shared));
    free(r);
}

static unsigned restore_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    struct restore *r;
    unsigned status;

    (void)argc;
    if (s->target_count > 1)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "one image is mended for one reader: give -t "
                    "once");
    if (s->has_into && s->via && strcmp(s->via, "libxc") != 0)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "xl makes its domain itself: --into belongs to --via libxc");
    r = calloc(1, sizeof(*r));
    if (!r)
        return fail(s->transcript, CLI_OPERATIONAL, NULL, "out of memory");
    r->t = t;
    r->s = s;
    r->file = argv[0];
    r->reader = s->target_count ? s->targets[0] : NULL;
    r->emulator = -1;
    status = prepare(r);
    if (!status)
        status = check_and_run(r);
    forget(r);
    return status;
}

static const struct command row = {
    .name = "restore",
    .usage = "IMAGE",
    .min = 1,
    .max = 1,
    .options = OPTION_BIT(TARGET) | OPTION_BIT(AS) | OPTION_BIT(SCAN) | OPTION_BIT(VIA) |
               OPTION_BIT(INTO) | OPTION_BIT(PAUSED) | OPTION_BIT(GUEST) | OPTION_BIT(FORCE) |
               OPTION_BIT(UNREADABLE) | OPTION_BIT(SPOOL) | OPTION_BIT(YES) | OPTION_BIT(SHOW) |
               OPTION_BIT(LOG),
    .help = "Mend and convert an image on the fly, and restore the guest on this host.",
    .about = "The image is mended for its reader, converted for the Xen of this host and handed to "
             "libxc or xl through a pipe: neither it nor a copy of it is written.\n"
             "First everything is checked that can be: what the host's reader will say, memory, "
             "CPU features, domains with its name or UUID, the disks, earlier restores. --dry-run "
             "shows these checks and ends.\n"
             "A guest that runs twice, or that goes on with disks that have moved on, destroys "
             "them: a second restore of an image, or one beside a domain with its UUID, needs "
             "--force.",
    .exec = restore_exec,
};
COMMAND(row);
