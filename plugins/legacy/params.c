/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which HVM parameter each chunk id carries, and which ones stand in the HVM tail. */
#include "legacy.h"

/* In the order of the writers of 4.2 to 4.5; xc_domain_save.c@4.5, xen/include/public/hvm/params.h.
 */
const struct legacy_param_row legacy_params[] = {
    { -14, 34 }, { -3, 12 }, { -15, 27 }, { -16, 28 }, { -17, 29 }, { -4, 15 }, { -8, 17 },
    { -10, 19 }, { -11, 9 }, { -19, 32 }, { -20, 33 }, { -21, 36 }, { 0 },
};

/* ioreq, buffered ioreq and xenstore page; xc_domain_save.c@3.1 to 4.5, "magic_pfns" */
const unsigned legacy_magic_params[LEGACY_MAGIC] = { 5, 6, 1 };

unsigned legacy_param_of(int64_t id)
{
    for (const struct legacy_param_row *row = legacy_params; row->id; row++)
        if (row->id == id)
            return row->index;
    return 0;
}
