/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan save, plan load: staged edits as a text file that fits this image only. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"

static int save_exec(struct debug *d, int argc, char **argv)
{
    struct xsi_error err = { 0, "" };
    int fd, rc;

    (void)argc;
    if (!xsi_plan_steps(d->plan))
        return debug_fail(d, CLI_USAGE, "nothing is staged");
    fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return debug_fail(d, CLI_OPERATIONAL, "%s: %s%s", argv[1], strerror(errno),
                          errno == EEXIST ? "; nothing is overwritten, name another" : "");
    if (d->has_reader)
        xsi_plan_set_reader(d->plan, d->reader.name);
    rc = xsi_plan_save(d->plan, fd, &err);
    if (close(fd) != 0 && rc == 0) {
        rc = -errno;
        snprintf(err.text, sizeof(err.text), "%s", strerror(errno));
    }
    if (rc) {
        unlink(argv[1]);
        return debug_fail(d, CLI_OPERATIONAL, "%s: %s", argv[1], err.text);
    }
    d->dirty = false;
    fprintf(d->term.out,
            "saved    %zu step%s; on another copy: plan load, or xsrecover fix "
            "--plan\n",
            xsi_plan_steps(d->plan), xsi_plan_steps(d->plan) == 1 ? "" : "s");
    return 0;
}

static const struct debug_command save = {
    .name = "plan save",
    .group = DEBUG_CHANGE,
    .usage = "FILE",
    .min = 1,
    .max = 1,
    .complete = { DEBUG_ARG_FILE },
    .help = "write the staged edits to a new file, to review or apply elsewhere",
    .about = "A readable text with the bytes to insert, and hashes of what they replace.",
    .exec = save_exec,
};
DEBUG_COMMAND(save);

static int load_exec(struct debug *d, int argc, char **argv)
{
    size_t before = xsi_plan_steps(d->plan);
    struct xsi_error err = { 0, "" };
    int fd = open(argv[1], O_RDONLY | O_CLOEXEC), rc, status;

    (void)argc;
    if (fd < 0)
        return debug_fail(d, CLI_OPERATIONAL, "%s: %s", argv[1], strerror(errno));
    if (before) {
        close(fd);
        return debug_fail(d, CLI_USAGE,
                          "steps are staged already, and a plan is for the image as it lies on "
                          "the disk; undo them first");
    }
    rc = xsi_plan_load(d->plan, fd, &err);
    close(fd);
    status = debug_look(d);
    if (rc)
        return debug_fail(d, rc == -EINVAL || rc == -ESTALE ? CLI_USAGE : CLI_OPERATIONAL, "%s: %s",
                          argv[1], err.text);
    if (status)
        return status;
    for (size_t i = 0; i < xsi_plan_steps(d->plan); i++)
        debug_planned_print(d, xsi_plan_step(d->plan, i));
    if (debug_verdict(d))
        debug_verdict_print(d, debug_verdict(d));
    return 0;
}

static const struct debug_command load = {
    .name = "plan load",
    .group = DEBUG_CHANGE,
    .usage = "FILE",
    .min = 1,
    .max = 1,
    .complete = { DEBUG_ARG_FILE },
    .flags = DEBUG_CHANGES,
    .help = "stage the edits of a file; another image than theirs is refused",
    .exec = load_exec,
};
DEBUG_COMMAND(load);
