/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What xl's header means to a conversion: the configuration in its optional data. */
#include <errno.h>

#include "../config/carry.h"
#include "xl.h"

int xl_take(struct xsi_take *t)
{
    const struct xl_state *s = xsi_take_layer(t)->state;
    struct xsi_cursor c = { .left = 4, .big = s->header.order == XL_BIG };

    if (xsi_take_chunk(t)->row != &xl_types[1] || xsi_take_chunk(t)->length <= 4)
        return 0;
    c.at = xsi_take_bytes(t, 0, 4);
    return c.at ? config_take_xl(t, 4, xsi_u32(&c)) : -EBADMSG;
}
