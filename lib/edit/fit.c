/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spare zeros behind a stream take up what a plan grows or shrinks by, so that little moves. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

enum { SPARE_MAX = 64 << 20, BLOCK = 64 << 10 };

/* Zero bytes from `at` on, as far as `most`. -errno on a fault. */
static int64_t zeros(struct xsi_source *src, uint64_t at, uint64_t most)
{
    uint8_t *block = malloc(BLOCK);
    uint64_t found = 0;
    ssize_t got = block ? 1 : -ENOMEM;

    while (got > 0 && found < most) {
        size_t i = 0, want = most - found < BLOCK ? (size_t)(most - found) : BLOCK;

        got = xsi_source_read(src, block, want, at + found);
        while (got > 0 && i < (size_t)got && !block[i])
            i++;
        found += i;
        if (got > 0 && i < (size_t)got)
            break;
    }
    free(block);
    return got < 0 ? got : (int64_t)found;
}

static int stage(struct xsi_plan *plan, const struct xsi_splice *s, uint64_t n, const char *verb,
                 struct xsi_error *err)
{
    struct xsi_planned step = { .recipe = "slack" };

    snprintf(step.why, sizeof(step.why), "%" PRIu64 " bytes of slack %s", n, verb);
    return xsi_plan_stage(plan, s, 1, &step, err);
}

/* The image became larger: the zeros behind its stream give way. */
static int shrink_slack(struct xsi_plan *plan, uint64_t end, uint64_t more, bool fixed,
                        struct xsi_error *err)
{
    const struct xsi_splice cut = { .offset = end, .removed = more };
    int64_t have = zeros(xsi_plan_source(plan), end, more);

    if (have < 0) {
        *err = *xsi_source_error(xsi_plan_source(plan));
        return (int)have;
    }
    if ((uint64_t)have == more)
        return stage(plan, &cut, more, "used", err);
    if (!fixed)
        return 0;
    err->code = ENOSPC;
    snprintf(err->text, sizeof(err->text),
             "the image grows by %" PRIu64 " bytes, and only %" PRId64
             " zero bytes follow the stream at 0x%" PRIx64 ": %" PRIu64
             " bytes are missing; enlarge the device or write to a new file with -o",
             more, have, end, more - (uint64_t)have);
    return -ENOSPC;
}

/* It became smaller: zeros take the place, where there are zeros already or must be some. */
static int fill_slack(struct xsi_plan *plan, uint64_t end, uint64_t less, bool fixed,
                      struct xsi_error *err)
{
    struct xsi_splice fill = { .offset = end, .inserted_length = less };
    uint64_t size = 0;
    void *nothing;
    int rc;

    (void)xsi_source_size(xsi_plan_source(plan), &size);
    if (!fixed && (end >= size || zeros(xsi_plan_source(plan), end, 1) != 1))
        return 0;
    if (less > SPARE_MAX) {
        err->code = EFBIG;
        snprintf(err->text, sizeof(err->text),
                 "the image shrinks by %" PRIu64
                 " bytes, too many to be zeroed on a device; write to a new file with -o",
                 less);
        return fixed ? -EFBIG : 0;
    }
    nothing = calloc(1, less);
    if (!nothing) {
        err->code = ENOMEM;
        return -ENOMEM;
    }
    fill.inserted = nothing;
    rc = stage(plan, &fill, less, "gained", err);
    free(nothing);
    return rc;
}

int xsi_plan_fit(struct xsi_plan *plan, uint64_t stream_end, bool fixed, struct xsi_error *err)
{
    uint64_t was = 0, is = 0;

    *err = (struct xsi_error){ 0, "" };
    if (!xsi_plan_steps(plan))
        return 0;
    if (!xsi_plan_source(plan)) {
        err->code = ENOMEM;
        snprintf(err->text, sizeof(err->text), "out of memory");
        return -ENOMEM;
    }
    (void)xsi_source_size(xsi_plan_base(plan), &was);
    (void)xsi_source_size(xsi_plan_source(plan), &is);
    if (stream_end > is)
        stream_end = is;
    if (is > was)
        return shrink_slack(plan, stream_end, is - was, fixed, err);
    if (is < was)
        return fill_slack(plan, stream_end, was - is, fixed, err);
    return 0;
}
