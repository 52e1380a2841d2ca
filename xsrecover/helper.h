/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xsi-convert-legacy-stream: xsrecover under the name that LIBXL_CONVERT_HELPER gives it. */
#ifndef XSRECOVER_HELPER_H
#define XSRECOVER_HELPER_H

#include <stdbool.h>

/* Was the program started under that name? */
bool helper_named(const char *argv0);
/* Convert as the options say. Exit status as Xen's convert-legacy-stream: 0, 1 the stream or its
 * input and output, 2 options, or something that the new stream cannot hold. */
int helper_main(int argc, char **argv);

#endif
