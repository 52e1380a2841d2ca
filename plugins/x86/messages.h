/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the x86 format: ids of messages.def. */
#ifndef X86_MESSAGES_H
#define X86_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum x86_message {
#define MSG(id, ...) X86_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    X86_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message x86_messages[];

#endif
