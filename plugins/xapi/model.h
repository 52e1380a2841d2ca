/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xapi at work on a suspend image; the files of this folder share it. */
#ifndef XAPI_MODEL_H
#define XAPI_MODEL_H

#include "../../lib/xsi_plugin.h"

/* From this release on the reader is xenopsd with its emu-manager, before xapi's own domain.ml. */
#define XAPI_XENOPSD_FROM 40600

struct xapi_run {
    uint64_t start;
    bool hvm;      /* by xapi's own database; the image's word is taken for it */
    bool restored; /* libxc has returned success */
    /* the device-model state */
    bool record;
    uint64_t record_at, length;
    /* parts */
    uint64_t part_at, type;
};

extern const struct xsi_model xapi_model;

/* The restore ends with this outcome and finding (by code); says no line. */
void xapi_fails(struct xsi_run *r, const char *code, uint64_t at, const char *fmt, ...)
    XSI_PRINTF(4, 5);
/* libxc returned an error: the line that xapi makes of it. */
void xapi_libxc_failed(struct xsi_run *r);
/* Read the device-model state of s->length bytes; behind it come further parts, or nothing. */
void xapi_read_state(struct xsi_run *r, struct xapi_run *s, bool part);
/* ---- model_parts.c ---- */
void xapi_read_part(struct xsi_run *r);

#endif
