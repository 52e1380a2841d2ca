/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Choosing chunks by what they are: "type==PAGES and length>1M". */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include "cli.h"
#include <xsi_edit.h>

/*
 * terms   KEY OP VALUE, or a flag alone
 * KEY     type layer                    text;   id index offset length wanted missing entries pages
 *                                       tables count first_pfn last_pfn pfn depth checkpoint end
 *                                       numbers
 * OP      ==  =  !=  <  <=  >  >=       and for texts ~ (is part of it, whatever the case)
 * flags   gap cut resync certain unreadable pages
 * joined  not  and  or  ( )             also !  &&  ||
 * pfn==N asks whether N lies between the chunk's lowest and highest PFN.
 */
struct cli_filter;
/* NULL with words in `why` when the text is none. */
struct cli_filter *cli_filter_new(const char *text, char *why, size_t size);
bool cli_filter_match(const struct cli_filter *f, const struct xsi_map_row *row);
/* It asks only for what the batches of a folded run have in common: it matches all of them, or
 * none. */
bool cli_filter_by_run(const struct cli_filter *f);
void cli_filter_free(struct cli_filter *f);
/* True when a text is meant to be a filter: it begins with a key or a flag. */
bool cli_filter_is(const char *text);

#endif
