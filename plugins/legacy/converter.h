/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-legacy-stream (4.6 and later) with the reader of the v2 stream behind its pipe: how those
 * releases read a legacy stream. The model returns one of the codes below; it has said what the
 * script and libxc say, not what their caller makes of it. Behind it the run stands where the
 * script stopped reading.
 */
#ifndef LEGACY_CONVERTER_H
#define LEGACY_CONVERTER_H

#include "../../lib/xsi_plugin.h"

enum legacy_converted {
    LEGACY_CONVERTED = 0,
    LEGACY_CONVERTED_LIBXC = -1,   /* libxc refused the converted stream */
    LEGACY_CONVERTED_NOTHING = -2, /* the script ended before it wrote a header: libxl crashes */
    LEGACY_CONVERTED_EXIT =
        1, /* the script ended with exit status 1 or 2; the restore was killed */
    LEGACY_CONVERTED_EXIT_2 = 2,
    LEGACY_CONVERTED_LATE = 16 /* … added: libxc had already returned success */
};

extern const struct xsi_model legacy_converter_model;

#endif
