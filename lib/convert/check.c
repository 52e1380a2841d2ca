/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A conversion judged before a byte of it is written; and a pipe made into a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

void xsi_converted_finding(struct xsi_converted *result, const struct xsi_event *ev)
{
    if (ev->kind == XSI_EV_FINDING && ev->finding->severity == XSI_ERROR && !result->errors++)
        (void)snprintf(result->first, sizeof(result->first), "%s", ev->finding->text);
}

void xsi_converted_verdict(struct xsi_converted *result, const struct xsi_verdict *v)
{
    result->judged = v;
    if (v)
        result->verdict = *v;
}

static int look(struct xsi_walk *walk, struct xsi_judge *judge, struct xsi_converted *result)
{
    struct xsi_event ev;
    bool complete;
    int rc;

    do {
        rc = judge ? xsi_judge_advance(judge, false) : 0;
        if (!rc)
            rc = xsi_walk_next(walk, &ev);
        if (rc > 0)
            xsi_converted_finding(result, &ev);
    } while (rc > 0);
    if (!rc && judge)
        rc = xsi_judge_advance(judge, true);
    xsi_converted_verdict(result, judge ? xsi_judge_verdict(judge, 0, &complete) : NULL);
    return rc;
}

int xsi_convert_check(struct xsi_convert *c, const char *reader, struct xsi_converted *result,
                      struct xsi_error *err)
{
    struct xsi_judge *judge = NULL;
    struct xsi_walk *walk = NULL;
    struct xsi_run_options domain = xsi_convert_domain(c);
    int rc;

    *err = (struct xsi_error){ 0 };
    *result = (struct xsi_converted){ 0 };
    rc = xsi_convert_rewind(c);
    if (!rc) {
        walk = xsi_walk_new(&c->output.src, NULL, err);
        judge = walk ? xsi_judge_new(walk, reader ? &reader : NULL, reader ? 1 : 0, &domain, err)
                     : NULL;
        rc = !walk || (!judge && err->code) ? -err->code : look(walk, judge, result);
        xsi_judge_free(judge);
        xsi_walk_free(walk);
    }
    result->size = c->queue.end;
    if (c->error.code) {
        *err = c->error;
        return -c->error.code;
    }
    if (!rc)
        rc = xsi_convert_rewind(c);
    if (rc && !err->code)
        (void)xsi_source_fault(err, -rc, "the output cannot be judged: %s", strerror(-rc));
    return rc;
}

static struct xsi_source *open_spooled(int fd, uint64_t size, struct xsi_error *err)
{
    struct xsi_opened o = { .fd = fd,
                            .own_fd = true,
                            .kind = XSI_SOURCE_FILE,
                            .length = UINT64_MAX,
                            .file_size = size,
                            .stored = size,
                            .name = "the spooled image" };

    return xsi_source_file_new(&o, err);
}

struct xsi_source *xsi_source_spool(struct xsi_source *src, const char *dir, struct xsi_error *err)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    uint8_t *buffer = malloc(XSI_SCAN_BLOCK);
    struct xsi_source *spooled = NULL;
    uint64_t at = 0;
    ssize_t n = 1;

    *err = (struct xsi_error){ 0 };
    while (fd >= 0 && buffer && n > 0) {
        n = xsi_source_read(src, buffer, XSI_SCAN_BLOCK, at);
        for (ssize_t done = 0; n > 0 && done < n;) {
            ssize_t put = pwrite(fd, buffer + done, (size_t)(n - done), (off_t)at + done);

            if (put <= 0 && errno != EINTR) {
                n = -EIO;
                (void)xsi_source_fault(err, put ? errno : ENOSPC,
                                       "cannot spool the image at byte %#llx: %s",
                                       (unsigned long long)at, put ? strerror(errno) : "no room");
            }
            done += put > 0 ? put : 0;
        }
        at += n > 0 ? (uint64_t)n : 0;
    }
    if (fd < 0)
        (void)xsi_source_fault(err, errno, "cannot make a file in the spool folder '%s': %s", dir,
                               strerror(errno));
    else if (!buffer)
        (void)xsi_source_fault(err, ENOMEM, "out of memory");
    else if (n < 0 && !err->code)
        *err = *xsi_source_error(src);
    else if (!err->code)
        spooled = open_spooled(fd, at, err);
    if (!spooled && fd >= 0)
        close(fd);
    free(buffer);
    return spooled;
}
