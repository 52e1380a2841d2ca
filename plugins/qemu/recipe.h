/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ways to mend a device-model record behind a legacy stream. */
#ifndef PLUGINS_QEMU_RECIPE_H
#define PLUGINS_QEMU_RECIPE_H

#include "qemu.h"

extern const struct xsi_recipe qemu_recipes[];

#endif
