/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's libxl driver at work on a saved file. */
#ifndef LIBVIRT_H
#define LIBVIRT_H

#include "../../lib/xsi_plugin_convert.h"

#define LIBVIRT_MAGIC      "libvirt-xml\n \0 \r" /* 16 bytes */
#define LIBVIRT_MAGIC_SIZE 16

extern const struct xsi_model libvirt_model;
extern const struct xsi_recipe libvirt_recipes[];

/* ---- writer.c: in a conversion ---- */
int libvirt_take(struct xsi_take *t);
extern const struct xsi_writer libvirt_writers[];

#endif
