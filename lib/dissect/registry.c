/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The formats that are built in, from the one list plugins/plugins.def. */
#include "../../plugins/plugins.h"
#include "internal.h"

static const struct xsi_format *const formats[] = {
#define FORMAT(name) &xsi_format_##name,
#include "../../plugins/plugins.def"
#undef FORMAT
};

const struct xsi_format *xsi_format_at(size_t index)
{
    return index < sizeof(formats) / sizeof(formats[0]) ? formats[index] : NULL;
}

const char *xsi_layer_name(size_t index)
{
    const struct xsi_format *format;

    for (size_t f = 0; (format = xsi_format_at(f)); f++)
        for (const struct xsi_layer_row *row = format->layers; row && row->name; row++)
            if (index-- == 0)
                return row->name;
    return NULL;
}
