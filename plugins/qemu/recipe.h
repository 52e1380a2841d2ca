/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ways to mend a device-model record behind a legacy stream. */
#ifndef PLUGINS_QEMU_RECIPE_H
#define PLUGINS_QEMU_RECIPE_H

#include "qemu.h"

extern const struct xsi_recipe qemu_recipes[];

/* Does a device model's state (QEVM) of a known version begin within these bytes? Looks at the
 * first MiB. */
bool qemu_state_within(struct xsi_mend *m, uint64_t at, uint64_t length, uint64_t *state);

#endif
