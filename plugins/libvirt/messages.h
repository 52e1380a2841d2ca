/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said about the libvirt format: ids of messages.def. */
#ifndef LIBVIRT_MESSAGES_H
#define LIBVIRT_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum libvirt_message {
#define MSG(id, ...) LIBVIRT_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    LIBVIRT_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message libvirt_messages[];

#endif
