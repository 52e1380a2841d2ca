/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the xapi format: ids of messages.def. */
#ifndef XAPI_MESSAGES_H
#define XAPI_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum xapi_message {
#define MSG(id, ...) XAPI_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    XAPI_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message xapi_messages[];

#endif
