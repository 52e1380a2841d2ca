/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the libxl format's messages. */
#include "messages.h"
#include "../message_words.h"

const struct xsi_message libxl_messages[] = {
#define MSG(name, first, last, type, part, format, ...)                                  \
    { LIBXL_MSG_##name, first, last, part, XSI_MSG_##type, format, __VA_ARGS__ },
#define ALSO MSG
#include "messages.def"
#undef ALSO
#undef MSG
    { .text = NULL },
};
