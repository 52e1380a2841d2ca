/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the readers, writers and the converter of the legacy format say: ids of messages.def. */
#ifndef LEGACY_MESSAGES_H
#define LEGACY_MESSAGES_H

#include "../../lib/xsi_plugin.h"

enum legacy_message {
#define MSG(id, ...) LEGACY_MSG_##id,
#define ALSO(id, ...)
#include "messages.def"
#undef ALSO
#undef MSG
    LEGACY_MSG_COUNT
};
/* Ends with a row without text. */
extern const struct xsi_message legacy_messages[];

#endif
