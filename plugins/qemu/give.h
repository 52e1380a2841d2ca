/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a device model on its way into a conversion's output. */
#ifndef PLUGINS_QEMU_GIVE_H
#define PLUGINS_QEMU_GIVE_H

#include "../../lib/xsi_plugin_convert.h"

extern const struct xsi_writer qemu_writers[];
int qemu_take(struct xsi_take *t);

/*
 * The item that the target is to hold; NULL: none, because there is none, the guest can have none,
 * the caller takes care of it, or it is longer than `max` and the user let it go. Notes and refuses
 * accordingly: 0 or -errno.
 */
int qemu_give(struct xsi_give *g, uint64_t max, const struct xsi_item **out);

#endif
