/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the qemu format: ids of messages.def. */
#ifndef QEMU_MESSAGES_H
#define QEMU_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum qemu_message {
#define MSG(id, ...) QEMU_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    QEMU_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message qemu_messages[];

#endif
