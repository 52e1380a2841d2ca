/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending libxl's stream; the recipe files of this folder share it. */
#ifndef LIBXL_RECIPE_H
#define LIBXL_RECIPE_H

#include "../config/recipe.h"
#include "libxl.h"

#define LIBXL_WHERE_STATE                                                                  \
    "look for it in /var/lib/xen/qemu-save.N or qemu-resume.N on the host that saved the " \
    "guest, or in another copy of the image"

/* The record at an offset of the map, when it is one of libxl's and whole; NULL otherwise. */
const struct xsi_map_row *libxl_row(const struct xsi_mend *m, uint64_t at);
/* Type and length in a record's header; false when it is not there. */
bool libxl_head(const struct xsi_mend *m, uint64_t at, uint32_t *type, uint32_t *length);
/* A device model's state stands in the body of a record whose header is at `at`. */
bool libxl_holds_state(const struct xsi_mend *m, uint64_t at);
/*
 * Length of the body of a record at `at` that reaches up to libxl's END, at the end of the image or
 * in front of zeros; 0 when that is not what the bytes look like.
 */
uint32_t libxl_state_length(struct xsi_mend *m, uint64_t at);
/* Write a record's type and length; the step's words say why. */
void libxl_put_head(struct xsi_mend *m, uint64_t at, uint32_t type, uint32_t length);

/* ---- recipe_emulator.c ---- */
int libxl_fix_emulator(struct xsi_mend *m);
int libxl_insert_emulator(struct xsi_mend *m);
int libxl_drop_emulator(struct xsi_mend *m);

#endif
