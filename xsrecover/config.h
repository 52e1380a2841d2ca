/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of `xsrecover config`. */
#ifndef CONFIG_H
#define CONFIG_H

#include "plugins/config/change.h"
#include "xsrecover.h"

/* The configuration of the image, or a status after a message. config_let_go() after 0. */
unsigned config_of(struct xsi_source *src, const struct settings *s, const char *file,
                   struct xsi_config_held *held);
/* The same where it is to be changed. */
unsigned config_to_change(struct xsi_source *src, const struct settings *s, const char *file,
                          struct xsi_config_held *held);
/* Stages a text in the place of the old one; what: for the plan, printable. */
unsigned config_stage(struct apply *a, const struct settings *s, const struct xsi_config_held *held,
                      const char *text, size_t n, const char *what);

unsigned config_set(const struct cli_term *t, struct settings *s, const char *file);
unsigned config_edit(const struct cli_term *t, struct settings *s, const char *file);

/* n bytes of text with line feeds, all else that a terminal must not be shown escaped. */
void config_print(const struct cli_term *t, const char *text, size_t n);

#endif
