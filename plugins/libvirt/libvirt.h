/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's libxl driver at work on a saved file. */
#ifndef LIBVIRT_H
#define LIBVIRT_H

#include "../../lib/xsi_plugin.h"

extern const struct xsi_model libvirt_model;
extern const struct xsi_recipe libvirt_recipes[];

#endif
