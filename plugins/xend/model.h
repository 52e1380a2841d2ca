/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xend at work on a saved file. */
#ifndef XEND_MODEL_H
#define XEND_MODEL_H

#include "../../lib/xsi_plugin.h"

extern const struct xsi_model xend_model;
extern const struct xsi_recipe xend_recipes[];

#endif
