/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xl at work on a saved file; the files of this folder share it. */
#ifndef XL_MODEL_H
#define XL_MODEL_H

#include "../../lib/xsi_plugin.h"

extern const struct xsi_model xl_model;

/*
 * lexer.c: what the parser of xl.cfg texts says about n bytes of text (libxlu_cfg_l.l). Says its
 * lines; returns false when there were any.
 */
bool xl_lex(struct xsi_run *r, const uint8_t *text, size_t n);

#endif
