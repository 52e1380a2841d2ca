/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening an image for a conversion, showing what comes of it, writing it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conversion.h"

#define CONFIG_MAX (1U << 20)

static unsigned fault(const struct conversion *v, const struct xsi_error *err)
{
    unsigned status = CLI_OPERATIONAL;

    if (err->code == EBADMSG)
        status = 4;
    else if (err->code == EINVAL || err->code == EEXIST)
        status = CLI_USAGE;
    else if (err->code == ENOTSUP || err->code == ESPIPE)
        status = 2;
    return fail(v->s->transcript, status, v->file, "%s", err->text);
}

/* ---- mending on the way ---- */

static unsigned mend(struct conversion *v)
{
    struct xsi_error err = { 0, "" };
    struct xsi_mend_options options = { .reader = NULL, .as = v->s->as, .safe = v->s->safe };
    const struct xsi_planned *step;
    bool doubtful = false;

    v->plan = xsi_plan_new(v->src, &err);
    v->mended = v->plan ? xsi_mend(v->plan, &options, &err) : NULL;
    if (!v->mended)
        return fault(v, &err);
    for (size_t i = 0; i < xsi_plan_steps(v->plan) && (step = xsi_plan_step(v->plan, i)); i++) {
        line_print(v->term, i ? "" : "mended", "%s: %s", step->recipe, step->what);
        if (step->guess[0])
            line_print(v->term, "guess", "%s", step->guess);
        if (step->loses[0])
            line_print(v->term, "loses", "%s", step->loses);
        doubtful = doubtful || step->guess[0] || step->loses[0];
    }
    if (!doubtful || v->s->yes || v->s->safe || v->s->show_only)
        return 0;
    if (ask(v->term, v->s->transcript, "Go on with the image mended like this?"))
        return 0;
    return fail(v->s->transcript, CANCELLED, v->file,
                "not converted: mending it guesses or loses something; -y takes that");
}

/* ---- opening ---- */

static unsigned read_config(struct conversion *v)
{
    struct stat st;
    ssize_t got = -1;
    int fd;

    if (!v->s->config)
        return 0;
    fd = open(v->s->config, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= CONFIG_MAX) {
        v->config = calloc(1, (size_t)st.st_size + 1);
        got = v->config ? read(fd, v->config, (size_t)st.st_size) : -1;
    } else if (fd >= 0) {
        errno = EFBIG;
    }
    if (fd >= 0)
        close(fd);
    if (got >= 0)
        return 0;
    return fail(v->s->transcript, CLI_OPERATIONAL, v->s->config,
                "cannot read the configuration: %s", strerror(errno));
}

/* By its first characters, as the containers' own readers would have to take it. */
static enum xsi_syntax syntax_of(const char *text)
{
    text += strspn(text, " \t\r\n");
    return *text == '{'   ? XSI_SYNTAX_JSON
           : *text == '<' ? XSI_SYNTAX_LIBVIRT
           : *text == '(' ? XSI_SYNTAX_SXP
                          : XSI_SYNTAX_XL;
}

unsigned conversion_open(struct conversion *v, const struct cli_term *t, const struct settings *s,
                         const char *file)
{
    struct xsi_error err = { 0, "" };
    unsigned status;

    *v = (struct conversion){ .term = t, .s = s, .file = file };
    status = read_config(v);
    if (status)
        return status;
    status = strcmp(file, "-") ? image_half_written(s->transcript, file) : 0;
    if (status)
        return status;
    v->src = xsi_source_open(file, NULL, &err);
    if (!v->src)
        return fault(v, &err);
    if (!xsi_source_seekable(v->src) && s->spool) {
        v->spooled = xsi_source_spool(v->src, s->spool, &err);
        if (!v->spooled)
            return fault(v, &err);
    }
    if (s->fix && !v->spooled && !xsi_source_seekable(v->src))
        return fail(s->transcript, CLI_USAGE, file,
                    "--fix needs an image that can be read twice; give a file, or --spool DIR");
    if (s->fix) {
        struct xsi_source *opened = v->src;

        v->src = v->spooled ? v->spooled : v->src;
        status = mend(v);
        v->src = opened;
    }
    return status;
}

/*
 * Without -t the output is for no release in particular. When the one that usually reads such an
 * image would stop at it, it is made for that one, as if -t had named it.
 */
static void suit(struct conversion *v, struct xsi_source *src, struct xsi_convert_options *options)
{
    const struct xsi_verdict *verdict = &v->result.verdict;
    struct xsi_convert *suited;
    struct xsi_error err = { 0, "" };

    if (options->reader || !xsi_source_seekable(src) ||
        xsi_convert_check(v->convert, NULL, &v->result, &err) < 0)
        return;
    v->checked = true;
    if (!v->result.judged || verdict->outcome != XSI_FAILS || verdict->by_xen)
        return;
    options->reader = verdict->reader.name;
    suited = xsi_convert_new(src, options, &err);
    options->reader = NULL;
    if (!suited)
        return; /* the recheck says what is wrong */
    xsi_convert_free(v->convert);
    v->convert = suited;
    v->checked = false;
}

unsigned conversion_begin(struct conversion *v, struct xsi_convert_options *options)
{
    struct xsi_error err = { 0, "" };
    struct xsi_source *src = v->spooled ? v->spooled : v->src;

    options->reader = v->s->target_count ? v->s->targets[0] : NULL;
    options->as = v->s->as;
    options->drop = v->s->drop;
    options->force = v->s->force;
    options->zero_unreadable = v->s->zero_unreadable;
    options->spool = v->s->spool;
    options->config = v->config;
    options->config_syntax = v->config ? syntax_of(v->config) : XSI_SYNTAX_NONE;
    if (v->plan)
        src = xsi_plan_source(v->plan);
    v->convert = src ? xsi_convert_new(src, options, &err) : NULL;
    if (!v->convert)
        return fault(v, &err);
    v->verbatim = options->verbatim;
    if (!v->verbatim)
        suit(v, src, options);
    return 0;
}

void conversion_close(struct conversion *v)
{
    xsi_convert_free(v->convert);
    xsi_plan_free(v->plan);
    free(v->mended);
    if (v->spooled)
        xsi_source_free(v->spooled);
    if (v->src)
        xsi_source_free(v->src);
    free(v->config);
}

/* ---- showing ---- */

static void stack_words(const struct conversion *v, char *out, size_t size)
{
    size_t used = 0;
    const char *layer;

    *out = '\0';
    for (size_t i = 0; (layer = xsi_convert_layer(v->convert, i)) && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " > " : "", layer);
}

/* Those that were not printed yet. */
static void print_notes(struct conversion *v)
{
    const char *note;

    for (; (note = xsi_convert_note(v->convert, v->notes)); v->notes++)
        line_print(v->term, "note", "%s", note);
}

void conversion_print(struct conversion *v)
{
    const struct xsi_info *info = xsi_convert_vm(v->convert)->info;
    char was[200] = "", will[200];
    size_t used = 0;

    for (size_t i = 0; i < info->stack_length && used < sizeof(was); i++)
        used += (size_t)snprintf(was + used, sizeof(was) - used, "%s%s", i ? " > " : "",
                                 info->stack[i]);
    stack_words(v, will, sizeof(will));
    line_print(v->term, "image", "%s", was);
    line_print(v->term, "becomes", "%s", will);
    print_notes(v);
}

/* ---- writing ---- */

static unsigned check(struct conversion *v)
{
    const char *reader = v->s->target_count ? v->s->targets[0] : NULL;
    const struct xsi_verdict *verdict = &v->result.verdict;
    struct xsi_error err;

    if (!xsi_source_seekable(v->spooled ? v->spooled : v->src))
        return 0;
    if (!v->checked && xsi_convert_check(v->convert, reader, &v->result, &err) < 0)
        return fault(v, &err);
    if (!v->result.judged) {
        line_print(v->term, "recheck", "%" PRIu64 " bytes; there is no reader to judge it",
                   v->result.size);
        return 0;
    }
    verdict_print(v->term, "recheck", verdict, verdict->outcome != XSI_RESTORES);
    /* a stream that is copied as it is is no worse than it was, unless a reader was named */
    v->objects = verdict->outcome != XSI_RESTORES && (!v->verbatim || v->s->target_count);
    if (verdict->outcome == XSI_FAILS && verdict->by_xen)
        line_print(v->term, "",
                   "the guest's state is in the image like this: no conversion can "
                   "help");
    if (verdict->outcome != XSI_FAILS || verdict->by_xen || v->s->force)
        return 0;
    if (!v->s->target_count) { /* nobody named that reader: there are others */
        line_print(v->term, "", "-t READER names whom it is for");
        return 0;
    }
    return fail(v->s->transcript, 2, v->file,
                "not written: %s would not restore it; --force writes it nevertheless",
                verdict->reader.name);
}

static unsigned written(struct conversion *v, const struct xsi_written *w,
                        const struct xsi_converted *result)
{
    char word[4200];

    print_notes(v);
    if (result->judged)
        verdict_print(v->term, "recheck", &result->verdict, false);
    line_print(v->term, "written", "%" PRIu64 " bytes to %s in %.2f s", w->bytes,
               strcmp(v->s->out, "-") ? cli_name(word, sizeof(word), v->s->out) : "standard output",
               w->seconds);
    return v->objects || (result->judged && result->verdict.outcome != XSI_RESTORES) ? 2 : 0;
}

unsigned conversion_write(struct conversion *v)
{
    bool pipe = !xsi_source_seekable(v->spooled ? v->spooled : v->src);
    const char *reader = !pipe ? NULL : v->s->target_count ? v->s->targets[0] : "";
    struct xsi_converted result;
    struct xsi_written w;
    struct xsi_error err;
    unsigned status;
    int rc;

    conversion_print(v);
    status = check(v);
    print_notes(v);
    if (status)
        return status;
    if (!v->s->out || v->s->show_only) {
        line_print(v->term, "", "nothing was written: -o OUT writes it");
        return 0;
    }
    if (strcmp(v->s->out, "-") == 0 && isatty(STDOUT_FILENO))
        return fail(v->s->transcript, CLI_USAGE, NULL,
                    "-o -: standard output is a terminal; redirect it to a pipe or a file");
    if (strcmp(v->s->out, "-") == 0)
        rc = xsi_convert_write(v->convert, STDOUT_FILENO, reader, &result, &w, &err);
    else
        rc = xsi_convert_file(v->convert, v->s->out, reader, &result, &w, &err);
    if (rc < 0) {
        print_notes(v);
        return fault(v, &err);
    }
    return written(v, &w, &result);
}

unsigned conversion_run(const struct cli_term *t, const struct settings *s, const char *file,
                        struct xsi_convert_options *options)
{
    struct conversion v;
    unsigned status = conversion_open(&v, t, s, file);

    if (!status)
        status = conversion_begin(&v, options);
    if (!status)
        status = conversion_write(&v);
    conversion_close(&v);
    return status;
}
