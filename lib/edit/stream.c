/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A planned image into a pipe, or into whatever standard output is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "write.h"

/* "xsrecover … -o - >>IMAGE" would feed on itself. */
static int not_itself(const struct xsi_input *in, const char *path, int fd, struct xsi_error *err)
{
    struct stat st, image;

    if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
        return 0;
    if ((in->known && xsi_same_place(&st, &in->st)) ||
        (path && !stat(path, &image) && xsi_same_place(&st, &image)))
        return xsi_source_fault(err, EEXIST,
                                "the output is the image itself; write to another file, or in "
                                "place");
    return 0;
}

int xsi_write_stream(struct xsi_plan *plan, const char *path, int fd, struct xsi_written *written,
                     struct xsi_error *err)
{
    struct xsi_target t = { .fd = fd, .name = "the output" };
    struct xsi_error unused = { 0 };
    struct xsi_input in;
    double began = xsi_seconds();
    struct xsi_signals signals;
    int rc;

    err = err ? err : &unused;
    *err = (struct xsi_error){ 0 };
    *written = (struct xsi_written){ 0 };
    rc = xsi_input_open(&in, plan, path, err);
    if (rc)
        return rc;
    t.base = in.base;
    t.image = in.image;
    rc = not_itself(&in, path, fd, err);
    if (!rc)
        rc = xsi_target_start(&t, err);
    if (!rc) {
        xsi_signals_hold(&signals, false);
        rc = xsi_target_plan(&t, &in.change, err);
        xsi_signals_release(&signals);
        if (!rc)
            rc = xsi_input_still(&in, err);
    }
    written->bytes = t.at;
    written->seconds = xsi_seconds() - began;
    free(t.buffer);
    xsi_input_close(&in);
    return rc;
}
