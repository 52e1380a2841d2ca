/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of readers. */
#include "readers.h"

#include "v2.h"

#define READER(id, ...) READER_COLUMNS(id, __VA_ARGS__)
#define READER_COLUMNS(id, name, alias, release, covers, about, ...) \
    static const struct v2_reader columns_##id = { __VA_ARGS__ };
#include "readers.def"
#undef READER_COLUMNS

#define READER_COLUMNS(id, name, alias, release, covers, about, ...) \
    { name, alias, release, covers, about, XSI_READER_REMUS | XSI_READER_LIBXC, &columns_##id },
const struct xsi_reader_row v2_readers[] = {
#include "readers.def"
    { .name = NULL },
};
#undef READER_COLUMNS
#undef READER
