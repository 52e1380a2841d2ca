/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The format plug-ins that are built in: one `xsi_format_NAME` per row of plugins.def. */
#ifndef PLUGINS_H
#define PLUGINS_H

#include "../lib/xsi_plugin.h"

#define FORMAT(name) extern const struct xsi_format xsi_format_##name;
#include "plugins.def"
#undef FORMAT

#endif
