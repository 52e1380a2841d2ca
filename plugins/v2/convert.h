/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The v2 stream in a conversion: from it (take.c) and into it (writer.c). */
#ifndef XSI_V2_CONVERT_H
#define XSI_V2_CONVERT_H

#include "../../lib/xsi_plugin_convert.h"
#include "v2.h"

int v2_take(struct xsi_take *t);
extern const struct xsi_writer v2_writers[];

#endif
