/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the libxl format: ids of messages.def. */
#ifndef LIBXL_MESSAGES_H
#define LIBXL_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum libxl_message {
#define MSG(id, ...) LIBXL_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    LIBXL_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message libxl_messages[];

#endif
