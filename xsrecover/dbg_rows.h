/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of the table of chunks, for the commands that show some. */
#ifndef DBG_ROWS_H
#define DBG_ROWS_H

#include "debug.h"

void dbg_rows_head(struct debug *d);
/* mark: two columns in front of the row: "=>", "+", "-", ""; note: of the chunk, or NULL. */
void dbg_row_print(struct debug *d, const struct xsi_map_row *row, const char *mark,
                   const char *note);

#endif
