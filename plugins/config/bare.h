/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration for a stream that has none. */
#ifndef PLUGINS_CONFIG_BARE_H
#define PLUGINS_CONFIG_BARE_H

#include "../../lib/xsi_plugin_convert.h"
#include "translate.h"

/* The smallest one that a toolstack takes and that fits what the stream and the device model's
 * state tell. 0, or -errno: refused. */
int config_bare(struct xsi_give *g, enum xsi_config_syntax to, struct xsi_config_out *out);

#endif
