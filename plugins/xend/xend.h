/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The xend container. 4.4:XendCheckpoint.py:SIGNATURE. */
#ifndef XEND_H
#define XEND_H

#include "../../lib/xsi_plugin_convert.h"

#define XEND_SIGNATURE      "LinuxGuestRecord"
#define XEND_SIGNATURE_SIZE 16

/* ---- writer.c: in a conversion ---- */
int xend_take(struct xsi_take *t);
extern const struct xsi_writer xend_writers[];

#endif
