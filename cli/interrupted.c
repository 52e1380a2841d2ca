/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An earlier write in place that did not end: each program that opens an image asks. */
#include <string.h>

#include <xsi_edit.h>

#include "cli.h"

bool cli_interrupted(const char *file, struct xsi_journal_info *info)
{
    char word[2100];

    if (strcmp(file, "-") == 0 || xsi_registry_find(file, NULL, info) <= 0)
        return false;
    if (info->state != XSI_JOURNAL_READY && info->state != XSI_JOURNAL_UNDOING)
        return false;
    cli_error(file,
              "WARNING: %s was interrupted; the image may be half written. Roll it back first: "
              "xsrecover undo %s",
              info->state == XSI_JOURNAL_READY ? "a write to this image" : "the undoing of a write",
              cli_word(word, sizeof(word), info->file));
    return true;
}
