/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the browser into the debugger. */
#ifndef RECOVER_H
#define RECOVER_H

#include "xsdump/xsdump.h"

/*
 * Become xsrecover, the one beside this program, on an image at a place, for a reader ("": the
 * target that was named, or the default). Only comes back when it cannot be started: then with an
 * exit status, after a message with the command.
 */
unsigned recover_exec(const struct settings *set, const char *file, uint64_t offset,
                      const char *reader);

#endif
