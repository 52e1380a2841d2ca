/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the xend format: ids of messages.def. */
#ifndef XEND_MESSAGES_H
#define XEND_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum xend_message {
#define MSG(id, ...) XEND_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    XEND_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message xend_messages[];

#endif
