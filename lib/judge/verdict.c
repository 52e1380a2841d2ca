/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a model says while it works: log lines, states, and what makes up the verdict. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

enum { LIBXC_SHOWS_ERRNO_FROM = 40100 };

struct xsi_verdict *xsi_run_result(struct xsi_run *r)
{
    return &r->verdict;
}

void xsi_run_restore_begins(struct xsi_run *r)
{
    r->in_restore = true;
    r->restore_at = r->pos;
}

void xsi_run_restore_ends(struct xsi_run *r, int64_t rc)
{
    if (!r->in_restore)
        return;
    r->in_restore = false;
    r->restored = true;
    r->verdict.returned = true;
    r->verdict.rc = rc;
    r->verdict.consumed = r->pos - r->restore_at;
}

/* ---- log lines ---- */

/* The wording that a release has; NULL when it has none. */
static const struct xsi_message *wording(const struct xsi_run *r, unsigned id)
{
    const struct xsi_model *model = r->call[r->depth - 1].model;
    const struct xsi_message *m = model->messages;

    for (; m && m->text; m++)
        if (m->id == id && r->reader.release >= m->from && (!m->to || r->reader.release <= m->to))
            return m;
    return NULL;
}

/* libxc shows 31 characters of strerror's text at most: tools/libxc/xc_private.c:safe_strerror */
static void add_errno(char *line, size_t size, int error)
{
    size_t n = strlen(line);
    const char *words = error >= 0 ? strerrordesc_np(error) : NULL;

    if (error == XSI_ERRNO_LEFT)
        snprintf(line + n, size - n, " (?)");
    else
        snprintf(line + n, size - n, " (%d = %.31s)", error, words ? words : "Unknown error");
}

static void error_line(struct xsi_run *r, const char *line)
{
    struct xsi_verdict *v = &r->verdict;

    if (!strcmp(line, r->last_error))
        return;
    snprintf(r->last_error, sizeof(r->last_error), "%s", line);
    if (v->error_count < XSI_VERDICT_ERRORS)
        snprintf(v->errors[v->error_count++], sizeof(v->errors[0]), "%s", line);
}

void xsi_run_say(struct xsi_run *r, unsigned id, int error, ...)
{
    const struct xsi_message *m = wording(r, id);
    struct xsi_run_event *ev;
    char line[400];
    va_list args;
    size_t n;

    if (!m)
        return;
    va_start(args, error);
/* the format comes from a table of messages, never from an image */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    vsnprintf(line, sizeof(line), m->text, args);
#pragma GCC diagnostic pop
    va_end(args);
    for (n = strlen(line); n && line[n - 1] == '\n'; n--)
        line[n - 1] = '\0';
    if (m->kind == XSI_MSG_ERRNO && r->reader.release >= LIBXC_SHOWS_ERRNO_FROM)
        add_errno(line, sizeof(line), error);
    if (m->kind != XSI_MSG_INFO)
        error_line(r, line);
    ev = xsi_run_event(r, XSI_RUN_LOG);
    if (ev) {
        ev->level = m->kind == XSI_MSG_INFO ? XSI_LOG_INFO : XSI_LOG_ERROR;
        memcpy(ev->text, line, sizeof(ev->text));
        xsi_clean(ev->text);
    }
}

void xsi_run_state(struct xsi_run *r, const char *fmt, ...)
{
    struct xsi_run_event *ev = xsi_run_event(r, XSI_RUN_STATE);
    va_list args;

    if (!ev)
        return;
    va_start(args, fmt);
    vsnprintf(ev->text, sizeof(ev->text), fmt, args);
    va_end(args);
    xsi_clean(ev->text);
}

/* ---- the verdict ---- */

static void XSI_PRINTF(4, 0)
    outcome(struct xsi_run *r, enum xsi_outcome what, uint64_t where, const char *fmt, va_list args)
{
    struct xsi_verdict *v = &r->verdict;

    if (r->has_outcome && v->outcome >= what)
        return;
    r->has_outcome = true;
    v->outcome = what;
    v->where = where;
    vsnprintf(v->reason, sizeof(v->reason), fmt, args);
    xsi_clean(v->reason);
}

void xsi_run_outcome(struct xsi_run *r, enum xsi_outcome what, uint64_t where, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    outcome(r, what, where, fmt, args);
    va_end(args);
}

void xsi_run_loses(struct xsi_run *r, uint64_t where, const char *fmt, ...)
{
    struct xsi_verdict *v = &r->verdict;
    size_t n = strlen(v->loses);
    char what[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    xsi_clean(what);
    if (strstr(v->loses, what))
        return;
    snprintf(v->loses + n, sizeof(v->loses) - n, "%s%s", n ? ", " : "", what);
    xsi_run_outcome(r, XSI_LOSES, where, "it returns success, but does not restore: %s", what);
}

void xsi_run_condition(struct xsi_run *r, const char *fmt, ...)
{
    struct xsi_verdict *v = &r->verdict;
    char text[sizeof(v->conditions[0])];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    xsi_clean(text);
    for (size_t i = 0; i < v->condition_count; i++)
        if (!strcmp(v->conditions[i], text))
            return;
    if (v->condition_count < XSI_VERDICT_CONDITIONS)
        memcpy(v->conditions[v->condition_count++], text, sizeof(text));
}

void xsi_run_finding(struct xsi_run *r, const struct xsi_finding_row *row, uint64_t offset,
                     uint64_t length, const char *fmt, ...)
{
    struct xsi_verdict *v = &r->verdict;
    struct xsi_verdict_finding *f;
    va_list args;

    for (size_t i = 0; i < v->finding_count; i++)
        if (v->findings[i].row == row && v->findings[i].offset == offset)
            return;
    if (v->finding_count == XSI_VERDICT_FINDINGS)
        return;
    f = &v->findings[v->finding_count++];
    f->row = row;
    f->offset = offset;
    f->length = length;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, args);
    va_end(args);
    xsi_clean(f->text);
}

void xsi_run_fix(struct xsi_run *r, const char *recipe)
{
    r->verdict.fix = recipe ? recipe : "";
    r->has_fix = true;
}

void xsi_run_die(struct xsi_run *r, const char *fate, const char *fmt, ...)
{
    va_list args;

    if (r->in_restore)
        r->verdict.consumed = r->pos - r->restore_at;
    r->restored = true;
    r->verdict.returned = false;
    r->verdict.fate = fate;
    va_start(args, fmt);
    outcome(r, XSI_FAILS, r->pos, fmt, args);
    va_end(args);
    xsi_run_end(r);
}

void xsi_run_undefined(struct xsi_run *r, const char *fmt, ...)
{
    va_list args;

    if (r->in_restore)
        r->verdict.consumed = r->pos - r->restore_at;
    va_start(args, fmt);
    outcome(r, XSI_UNDEFINED, r->pos, fmt, args);
    va_end(args);
    xsi_run_end(r);
}

void xsi_run_settle(struct xsi_run *r)
{
    struct xsi_verdict *v = &r->verdict;

    v->stopped = r->pos;
    if (!r->has_outcome && v->returned && v->rc) {
        const char *line = v->error_count ? v->errors[v->error_count - 1] : "no message";

        xsi_run_outcome(r, XSI_FAILS, r->pos, "it returns %lld: %s", (long long)v->rc, line);
    }
    if (!r->has_outcome)
        xsi_run_outcome(r, XSI_RESTORES, r->pos, "everything that the image holds is restored");
    /* a model notes what may go wrong before it knows that nothing does */
    if (v->outcome == XSI_RESTORES)
        v->finding_count = 0;
    /* what it lost does not matter when it failed */
    if (v->outcome != XSI_LOSES)
        v->loses[0] = '\0';
    for (size_t i = 0;
         !r->has_fix && !*v->fix && v->outcome != XSI_RESTORES && i < v->finding_count; i++)
        v->fix = v->findings[i].row->recipe ? v->findings[i].row->recipe : "";
}
