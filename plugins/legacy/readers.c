/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the legacy stream's readers. */
#include "readers.h"

static const struct legacy_reader columns[] = {
#define READER(name, alias, release, covers, variants, machine, ids, vcpus, pageless, quirks, \
               about)                                                                         \
    { LEGACY_##machine, ids, vcpus, pageless, quirks },
#include "readers.def"
#undef READER
};

/* Index of a row in both tables. */
enum {
#define READER(name, alias, release, ...) ROW_##release,
#include "readers.def"
#undef READER
};

const struct xsi_reader_row legacy_readers[] = {
#define READER(name, alias, release, covers, variants, machine, ids, vcpus, pageless, quirks, \
               about)                                                                         \
    { name, alias, release, covers, about, variants, &columns[ROW_##release] },
#include "readers.def"
#undef READER
    { .name = NULL },
};
