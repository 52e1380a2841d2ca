/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the v2 format: ids of messages.def. */
#ifndef V2_MESSAGES_H
#define V2_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum v2_message {
#define MSG(id, ...) V2_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    V2_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message v2_messages[];

#endif
