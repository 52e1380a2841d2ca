/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover config: the configuration that a container carries. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

/* ---- of an image ---- */

unsigned config_of(struct xsi_source *src, const struct settings *s, const char *file,
                   struct xsi_config_held *held)
{
    struct xsi_error err = { 0, "" };
    unsigned status = 0;

    if (xsi_config_hold(src, s->as, held, &err) < 0)
        status = fail(s->transcript, CLI_OPERATIONAL, file, "%s", err.text);
    else if (!held->text && *held->layer)
        status = fail(s->transcript, CLI_USAGE, file,
                      "%s images carry no configuration, or this one's is gone; xsdump IMAGE shows "
                      "what there is",
                      held->layer);
    else if (!held->text)
        status = fail(s->transcript, CLI_USAGE, file,
                      "no container that carries a configuration is recognised; xsdump IMAGE shows "
                      "what there is");
    if (status)
        xsi_config_let_go(held);
    return status;
}

unsigned config_to_change(struct xsi_source *src, const struct settings *s, const char *file,
                          struct xsi_config_held *held)
{
    unsigned status = config_of(src, s, file, held);
    char problem[200];

    if (status)
        return status;
    if (!held->words)
        status = fail(s->transcript, CLI_USAGE, file,
                      "the record of %s is no configuration that a toolstack lets change: change "
                      "the VM there",
                      held->layer);
    else if (xsi_config_check(held->text, held->length, held->syntax, problem, sizeof(problem)) < 0)
        status = fail(s->transcript, CLI_DAMAGED, file,
                      "the configuration is damaged: %s. xsrecover config edit can mend it by "
                      "hand, xsrecover fix put a short one there",
                      problem);
    return status;
}

unsigned config_stage(struct apply *a, const struct settings *s, const struct xsi_config_held *held,
                      const char *text, size_t n, const char *what)
{
    struct xsi_planned step = { .recipe = "config" };
    struct xsi_error err = { 0, "" };
    struct xsi_config_patch patch;
    unsigned status = 0;
    int rc;

    a->decided = true;
    a->fit = s->in_place;
    /* a new file gets what was asked for and nothing else; in place the stream had better stay */
    rc = xsi_config_patch(held, text, n, !s->out, &patch);
    snprintf(step.what, sizeof(step.what), "%s", what);
    if (rc < 0)
        status = fail(s->transcript, rc == -ENOMEM ? CLI_OPERATIONAL : CLI_USAGE, a->file,
                      rc == -ENOMEM ? "out of memory; free some and try again"
                                    : "the new configuration is too long for the container");
    else if (!patch.count)
        line_print(a->term, "plan", "nothing to do: the configuration says this already");
    else if (xsi_plan_stage(a->plan, patch.splice, patch.count, &step, &err) < 0)
        status = fail(s->transcript, CLI_OPERATIONAL, a->file, "%s", err.text);
    xsi_config_patch_free(&patch);
    return status;
}

/* ---- show ---- */

void config_print(const struct cli_term *t, const char *text, size_t n)
{
    while (n) {
        const char *end = memchr(text, '\n', n);
        size_t length = end ? (size_t)(end - text) : n;

        cli_put_escaped(t, text, length);
        fputc('\n', t->out);
        text += length + !!end;
        n -= length + !!end;
    }
}

/* As it is, to a new file that nobody else can read, or to standard output. */
static unsigned write_raw(const struct settings *s, const char *text, size_t n)
{
    bool standard = !s->out || strcmp(s->out, "-") == 0;
    int fd = STDOUT_FILENO;
    size_t done = 0;

    if (standard && isatty(fd))
        return fail(s->transcript, CLI_USAGE, NULL,
                    "--raw writes what the image holds, and standard output is a terminal: give "
                    "-o FILE");
    fflush(stdout);
    if (!standard)
        fd = open(s->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    while (fd >= 0 && done < n) {
        ssize_t rc = write(fd, text + done, n - done);

        if (rc < 0 && errno == EINTR)
            continue;
        if (rc <= 0)
            break;
        done += (size_t)rc;
    }
    if (fd < 0 || done < n || (!standard && close(fd) < 0))
        return fail(s->transcript, CLI_OPERATIONAL, standard ? NULL : s->out, "not written: %s",
                    errno == EEXIST ? "it exists and is not replaced; name another file"
                                    : strerror(errno));
    return 0;
}

static unsigned show_text(const struct cli_term *t, const struct settings *s, const char *file,
                          const struct xsi_config_held *held)
{
    char problem[200], *masked = NULL;

    if (s->raw)
        return write_raw(s, held->text, held->length);
    if (!s->secrets)
        masked = xsi_config_masked(held->text, held->length, held->syntax);
    if (!s->secrets && !masked)
        return fail(s->transcript, CLI_OPERATIONAL, file, "out of memory; free some and try again");
    config_print(t, masked ? masked : held->text, held->length);
    free(masked);
    if (!held->words ||
        xsi_config_check(held->text, held->length, held->syntax, problem, sizeof(problem)) == 0)
        return 0;
    return fail(s->transcript, CLI_DAMAGED, file, "the configuration is damaged: %s", problem);
}

static unsigned show(const struct cli_term *t, struct settings *s, const char *file)
{
    struct xsi_error err = { 0, "" };
    struct xsi_config_held held;
    struct xsi_source *src;
    unsigned status;

    if (s->out && !s->raw)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "-o goes with --raw, which writes the configuration as it is, secrets and all");
    src = strcmp(file, "-") ? xsi_source_open(file, NULL, &err)
                            : xsi_source_fd(STDIN_FILENO, NULL, &err);
    if (!src)
        return fail(s->transcript, CLI_OPERATIONAL, file, "%s", err.text);
    status = config_of(src, s, file, &held);
    if (!status) {
        status = show_text(t, s, file, &held);
        xsi_config_let_go(&held);
    }
    xsi_source_free(src);
    return status;
}

/* ---- the command ---- */

static unsigned config_exec(const struct cli_term *t, struct settings *s, int argc, char **argv)
{
    static const struct {
        const char *name;
        bool words;
        unsigned (*exec)(const struct cli_term *t, struct settings *s, const char *file);
    } rows[] = { { "show", false, show },
                 { "set", true, config_set },
                 { "edit", false, config_edit } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, argv[0]) != 0)
            continue;
        if (argc > 2 && !rows[i].words)
            return fail(s->transcript, CLI_USAGE, NULL,
                        "too many arguments: xsrecover config %s IMAGE", argv[0]);
        if ((s->secrets || s->raw) && i)
            return fail(s->transcript, CLI_USAGE, NULL, "--secrets and --raw belong to show");
        s->words = (const char *const *)argv + 2;
        s->word_count = (size_t)argc - 2;
        return rows[i].exec(t, s, argv[1]);
    }
    return fail(s->transcript, CLI_USAGE, NULL,
                "config %s: it is show, set or edit; xsrecover help config", argv[0]);
}

static const struct command row = {
    .name = "config",
    .usage = "show|set|edit IMAGE [KEY=VALUE ...]",
    .min = 2,
    .max = -1,
    .options = CHANGE_OPTIONS | OPTION_BIT(SECRETS) | OPTION_BIT(RAW),
    .help = "Show or change the configuration that the container carries.",
    .about = "show prints xl's JSON or xl.cfg text, libvirt's XML, xend's S-expression, or what "
             "xapi's record says, with asterisks for passwords and keys.\n"
             "set changes members by their names, which are the same for all of them, and "
             "nothing else; without KEY=VALUE it lists those that this image has.\n"
             "edit opens $VISUAL or $EDITOR on it, and checks what comes back.\n"
             "What set and edit make is shown, checked and written as `fix` does it; the "
             "container's lengths follow. In place, blanks of the text give way where they can, so "
             "that the stream need not move.",
    .exec = config_exec,
};
COMMAND(row);
