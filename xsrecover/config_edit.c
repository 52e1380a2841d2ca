/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsrecover config edit: an editor on a private copy, as visudo does it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"

#define LINES_SHOWN 60

/* A folder and a file of ours; their names have nothing of the image. */
struct draft {
    char folder[512], file[560];
};

static bool write_all(int fd, const char *text, size_t n)
{
    while (n) {
        ssize_t rc = write(fd, text, n);

        if (rc < 0 && errno == EINTR)
            continue;
        if (rc <= 0)
            return false;
        text += rc;
        n -= (size_t)rc;
    }
    return true;
}

static void draft_remove(struct draft *d)
{
    if (*d->file)
        (void)unlink(d->file);
    if (*d->folder)
        (void)rmdir(d->folder); /* what an editor left beside it stays */
}

static bool draft_make(struct draft *d, const struct xsi_config_held *held)
{
    static const char *const suffix[] = { [XSI_CONFIG_UNKNOWN] = "txt",
                                          [XSI_CONFIG_CFG] = "cfg",
                                          [XSI_CONFIG_JSON] = "json",
                                          [XSI_CONFIG_XML] = "xml",
                                          [XSI_CONFIG_SXP] = "sxp" };
    const char *tmp = getenv("TMPDIR");
    int fd;
    bool ok;

    *d = (struct draft){ "", "" };
    snprintf(d->folder, sizeof(d->folder), "%s/xsrecover-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(d->folder)) {
        *d->folder = '\0';
        return false;
    }
    snprintf(d->file, sizeof(d->file), "%s/config.%s", d->folder, suffix[held->syntax]);
    fd = open(d->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    ok = write_all(fd, held->text, held->length);
    return close(fd) == 0 && ok;
}

/* What the editor left; NULL: unreadable, too long, or no text. */
static char *draft_read(const struct draft *d, size_t *n)
{
    int fd = open(d->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *text = fd < 0 ? NULL : malloc(XSI_CONFIG_TEXT_MAX + 1);
    ssize_t rc = 0;

    *n = 0;
    while (text && *n <= XSI_CONFIG_TEXT_MAX &&
           (rc = read(fd, text + *n, XSI_CONFIG_TEXT_MAX + 1 - *n)) > 0)
        *n += (size_t)rc;
    if (fd >= 0)
        close(fd);
    if (text && rc >= 0 && *n && *n <= XSI_CONFIG_TEXT_MAX && !memchr(text, '\0', *n)) {
        text[*n] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

/* The user's own words for an editor, with its options; the file is an argument of its own. */
static bool edit(const struct draft *d)
{
    const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
    char command[1024];
    int status = -1;
    pid_t pid;

    editor = visual && *visual ? visual : editor && *editor ? editor : "vi";
    if (snprintf(command, sizeof(command), "%s \"$1\"", editor) >= (int)sizeof(command))
        return false;
    fflush(NULL);
    sigaction(SIGINT, &ignore, &old_int); /* they are the editor's while it runs */
    sigaction(SIGQUIT, &ignore, &old_quit);
    pid = fork();
    if (pid == 0) {
        sigaction(SIGINT, &old_int, NULL);
        sigaction(SIGQUIT, &old_quit, NULL);
        execl("/bin/sh", "sh", "-c", command, "sh", d->file, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGQUIT, &old_quit, NULL);
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- what changed ---- */

static const char *line_end(const char *p)
{
    const char *end = strchr(p, '\n');

    return end ? end + 1 : p + strlen(p);
}

static void print_lines(const struct cli_term *t, char sign, const char *from, const char *to)
{
    unsigned shown = 0;

    for (const char *end; from < to; from = end) {
        size_t n;

        end = line_end(from);
        n = (size_t)(end - from) - (end[-1] == '\n');
        if (++shown > LINES_SHOWN)
            continue;
        fprintf(t->out, "%c ", sign);
        cli_put_escaped(t, from, n);
        fputc('\n', t->out);
    }
    if (shown > LINES_SHOWN)
        fprintf(t->out, "%c ... %u more lines\n", sign, shown - LINES_SHOWN);
}

/* The lines between the first and the last that differ, without secrets. */
static void print_change(const struct cli_term *t, const struct xsi_config_held *held,
                         const char *text, size_t n)
{
    char *old = xsi_config_masked(held->text, held->length, held->syntax);
    char *new = xsi_config_masked(text, n, held->syntax);
    const char *a = old, *b = new, *a_end, *b_end;

    while (a && b && *a && line_end(a) - a == line_end(b) - b &&
           !memcmp(a, b, (size_t)(line_end(a) - a)))
        a = line_end(a), b = line_end(b);
    if (a && b) {
        a_end = a + strlen(a);
        b_end = b + strlen(b);
        while (a_end > a && b_end > b && a_end[-1] == b_end[-1])
            a_end--, b_end--;
        if (a_end == a && b_end == b && strcmp(held->text, text) != 0)
            line_print(t, "change", "only what is not shown: passwords or keys");
        print_lines(t, '-', a, a_end == a ? a : a_end + strcspn(a_end, "\n"));
        print_lines(t, '+', b, b_end == b ? b : b_end + strcspn(b_end, "\n"));
    }
    free(old);
    free(new);
}

/* ---- the command ---- */

/* A text that can be read, or a status. */
static unsigned ask_editor(const struct apply *a, const struct settings *s,
                           const struct xsi_config_held *held, const struct draft *d, char **text,
                           size_t *n)
{
    char problem[200];

    for (;;) {
        free(*text);
        *text = NULL;
        if (!edit(d))
            return fail(s->transcript, CANCELLED, a->file,
                        "nothing was changed: the editor ended with an error; $VISUAL or $EDITOR "
                        "name another");
        *text = draft_read(d, n);
        if (!*text)
            snprintf(problem, sizeof(problem), "it is empty, unreadable or longer than 1 MiB");
        else if (xsi_config_check(*text, *n, held->syntax, problem, sizeof(problem)) == 0)
            return 0;
        fail(s->transcript, 0, a->file, "this is no %s: %s", xsi_config_syntax_name(held->syntax),
             problem);
        if (!ask(a->term, s->transcript, "Edit it again?"))
            return fail(s->transcript, CANCELLED, a->file, "nothing was changed");
    }
}

static unsigned edit_stage(struct apply *a, const struct settings *s)
{
    struct xsi_config_held held;
    unsigned status = config_of(*a->src, s, a->file, &held);
    struct draft d = { "", "" };
    char *text = NULL;
    size_t n = 0;

    if (status)
        return status;
    if (!held.words)
        status = fail(s->transcript, CLI_USAGE, a->file,
                      "the record of %s is no configuration that a toolstack lets change: change "
                      "the VM there",
                      held.layer);
    else if (!draft_make(&d, &held))
        status = fail(s->transcript, CLI_OPERATIONAL, a->file, "cannot make a temporary file: %s",
                      strerror(errno));
    else
        status = ask_editor(a, s, &held, &d, &text, &n);
    draft_remove(&d);
    if (!status) {
        print_change(a->term, &held, text, n);
        status = config_stage(a, s, &held, text, n, "the configuration as it was edited");
    }
    free(text);
    xsi_config_let_go(&held);
    return status;
}

unsigned config_edit(const struct cli_term *t, struct settings *s, const char *file)
{
    if (!s->out && !s->in_place && !s->show_only)
        return fail(s->transcript, CLI_USAGE, NULL,
                    "give -o OUT or --in-place first, or -n to see what would change");
    if (!somebody_there() || !isatty(STDOUT_FILENO))
        return fail(s->transcript, CANCELLED, file,
                    "there is no terminal for an editor; xsrecover config set changes members "
                    "without one");
    return change_image(t, s, "config edit", file, edit_stage);
}
