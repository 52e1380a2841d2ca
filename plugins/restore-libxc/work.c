/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all parts of the back end use: its connections, and what it says. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "work.h"

int work_fault(struct work *w, int code, const char *fmt, ...)
{
    va_list args;

    w->err->code = code > 0 ? code : EIO; /* libxc leaves errno at 0 now and then */
    va_start(args, fmt);
    vsnprintf(w->err->text, sizeof(w->err->text), fmt, args);
    va_end(args);
    return -w->err->code;
}

void work_say(const struct work *w, enum xsi_run_level level, const char *fmt, ...)
{
    const struct xsi_restore_ear *ear = w->logger.ear;
    char text[800];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (ear)
        ear->say(ear, level, text);
}

/* ---------------------------------------------------------------- libxc's messages ---- */

static enum xsi_run_level level_of(xentoollog_level level)
{
    if (level >= XTL_ERROR)
        return XSI_LOG_ERROR;
    return level >= XTL_WARN ? XSI_LOG_WARNING : XSI_LOG_INFO;
}

__attribute__((format(printf, 5, 0))) static void message(xentoollog_logger *logger,
                                                          xentoollog_level level, int error,
                                                          const char *context, const char *format,
                                                          va_list args)
{
    const struct ear_logger *l = (const struct ear_logger *)logger;
    char text[1000];
    int n;

    if (!l->ear || level < XTL_DETAIL || level == XTL_PROGRESS)
        return;
    n = snprintf(text, sizeof(text), "%s%s", context ? context : "", context ? ": " : "");
    n += vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
    if (error >= 0 && n >= 0 && (size_t)n < sizeof(text))
        snprintf(text + n, sizeof(text) - (size_t)n, ": %s", strerror(error));
    l->ear->say(l->ear, level_of(level), text);
}

static void nothing(xentoollog_logger *logger)
{
    (void)logger;
}

/* ---------------------------------------------------------------- connections ---- */

int work_open(struct work *w)
{
    w->logger.vtable = (xentoollog_logger){ .vmessage = message, .destroy = nothing };
    w->xch = xc_interface_open(&w->logger.vtable, &w->logger.vtable, 0);
    if (!w->xch)
        return work_fault(w, errno ? errno : ENODEV,
                          "no hypervisor answers (%s): this must run as root in dom0 of a Xen host",
                          strerror(errno ? errno : ENODEV));
    w->xs = xs_open(0);
    if (!w->xs)
        return work_fault(w, errno, "xenstore does not answer: %s; is xenstored running?",
                          strerror(errno));
    return 0;
}

void work_close(struct work *w)
{
    if (w->xs)
        xs_close(w->xs);
    if (w->xch)
        xc_interface_close(w->xch);
    w->xs = NULL;
    w->xch = NULL;
}
