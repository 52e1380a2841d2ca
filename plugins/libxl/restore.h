/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What xl and libvirt call: libxl_domain_create_restore(). Models of it, for both versions of the
 * stream; they return libxl's error codes. The caller has told xsi_run_prepare() what the
 * configuration says.
 */
#ifndef LIBXL_RESTORE_H
#define LIBXL_RESTORE_H

#include "../../lib/xsi_plugin.h"

enum {
    LIBXL_ERROR_FAIL = -3,
    LIBXL_ERROR_INVAL = -6,
    LIBXL_EXITED = -255, /* libxl ended the whole process: exit status 255 */
    LIBXL_STREAM_V2_FROM = 40600
};

/* Longest single allocation that a small dom0 surely grants. */
#define LIBXL_ALLOCATION_SURE (1ULL << 30)

extern const struct xsi_model libxl_restore_v2;     /* stream_version 2 */
extern const struct xsi_model libxl_restore_legacy; /* stream_version 1, and everything to 4.5 */

/* ---- device.c: the start of the device model of an HVM guest ---- */

/* What is known of the state that it is given. */
struct libxl_dm_state {
    bool file; /* a file was written, with whatever in it */
    uint64_t at, length;
    uint64_t have;   /* bytes of it that the image holds; the others are undefined memory */
    uint8_t head[8]; /* its first bytes, as far as there are any */
    bool has_last;
    uint8_t last;     /* its last byte */
    uint32_t emulator; /* id of the device model that wrote it, 0 = not said */
    uint64_t finding;  /* where a finding about it points */
};

/* Note the state: n of its bytes are at p. */
void libxl_dm_note(struct libxl_dm_state *dm, uint64_t at, uint64_t length, uint64_t have,
                   const uint8_t *p, size_t n);
/* Says the lines of a device model that does not start and the outcome; false when it does not. */
bool libxl_dm_start(struct xsi_run *r, const struct libxl_dm_state *dm);
/* errno of libxc as its last line shows it, in words, for "restoring domain: …". */
const char *libxl_errno_words(const struct xsi_run *r, char *out, size_t size);

#endif
