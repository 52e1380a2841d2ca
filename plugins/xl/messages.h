/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the xl format: ids of messages.def. */
#ifndef XL_MESSAGES_H
#define XL_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum xl_message {
#define MSG(id, ...) XL_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    XL_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message xl_messages[];

#endif
