/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What keys do: the functions that rows of keys.def name, and the files they are in. */
#ifndef ACTIONS_H
#define ACTIONS_H

#include "browse.h"

/* ---- keys.c ---- */
void key_help(struct browse *b);
void key_quit(struct browse *b);
void key_next_panel(struct browse *b);
void key_last_panel(struct browse *b);
void key_redraw(struct browse *b);
void key_stop(struct browse *b);
void key_interrupt(struct browse *b);
void key_chunks(struct browse *b);

/* ---- search.c, goto.c, marks.c ---- */
void key_search(struct browse *b);
void key_search_next(struct browse *b);
void key_search_last(struct browse *b);
void key_filter(struct browse *b);
void key_goto(struct browse *b);
void key_mark(struct browse *b);
void key_marks(struct browse *b);
void key_back(struct browse *b);

/* ---- panel_findings.c, explain_here.c, copy.c ---- */
void key_next_finding(struct browse *b);
void key_last_finding(struct browse *b);
void key_explain(struct browse *b);
void key_copy_offset(struct browse *b);
void key_copy_field(struct browse *b);
void key_save(struct browse *b);

/* ---- panel_reader.c, recover.c ---- */
void key_reader(struct browse *b);
void key_choose_reader(struct browse *b);
void key_step(struct browse *b);
void key_step_back(struct browse *b);
void key_run(struct browse *b);
void key_rewind(struct browse *b);
void key_recover(struct browse *b);

/* ---- panel_grid.c ---- */
void key_pages(struct browse *b);
void key_scan_pages(struct browse *b);
void key_next_kind(struct browse *b);
void key_last_kind(struct browse *b);
void key_zoom_in(struct browse *b);
void key_zoom_out(struct browse *b);

/* ---- compare.c ---- */
void key_compare(struct browse *b);
void key_next_difference(struct browse *b);
void key_last_difference(struct browse *b);
void key_swap(struct browse *b);

#endif
