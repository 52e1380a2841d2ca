/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panels by name: for the table, and for each panel's own file. */
#ifndef PANELS_H
#define PANELS_H

#include "browse.h"

#define PANEL(id, name) extern const struct panel panel_##name;
#include "panels.def"
#undef PANEL

#endif
