/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mending xl's container; the recipe files of this folder share it. */
#ifndef XL_RECIPE_H
#define XL_RECIPE_H

#include "../config/recipe.h"
#include "xl.h"

enum { XL_JSON_SINCE = 40500, XL_STREAM_V2_SINCE = 40600, XL_PVH_SINCE = 41000 };

/* xl's header as it stands in the image, and what stands behind it. */
struct xl_view {
    uint64_t at;
    struct xl_header header;
    const struct xsi_map_row *config, *body; /* NULL: not there */
};

/* False when the image has no xl header, or not all of one. */
bool xl_view(struct xsi_mend *m, struct xl_view *v);
/* Release of the reader; the newest when none judges. */
unsigned xl_release(const struct xsi_mend *m);
/* A number in the header's byte order. */
void xl_word(const struct xl_view *v, uint32_t value, uint8_t out[4]);
/* The text of the configuration, n bytes of it; NULL when there is none. */
const uint8_t *xl_text(struct xsi_mend *m, const struct xl_view *v, size_t *n);
/* Mandatory flags as they should be for this body and a configuration of JSON or not. */
uint32_t xl_right_flags(const struct xl_view *v, bool json);
/*
 * Put another configuration in the place of the old one: flags, both lengths and the text. The old
 * one is kept as a piece. what: what it does, for a person.
 */
void xl_put_config(struct xsi_mend *m, const struct xl_view *v, const char *text, size_t n,
                   bool json, const char *what);

/* ---- recipe_config.c ---- */
int xl_config_for_old(struct xsi_mend *m, const struct xl_view *v);
int xl_set_guest_type(struct xsi_mend *m);
int xl_complete_config(struct xsi_mend *m);
int xl_raise_memory(struct xsi_mend *m);
int xl_replace_config(struct xsi_mend *m);
/* ---- recipe_wrap.c ---- */
int xl_add_header(struct xsi_mend *m);

#endif
