/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An earlier write in place that did not end: each program that opens an image asks. */
#include <errno.h>
#include <string.h>

#include <xsi_edit.h>

#include "cli.h"

bool cli_interrupted(const char *file, struct xsi_journal_info *info)
{
    char word[2100];
    int found;

    if (strcmp(file, "-") == 0)
        return false;
    found = xsi_registry_find(file, NULL, info);
    if (found == -EIO || found == -E2BIG) /* of the folder; what the image lacks, open() says */
        cli_error(file,
                  "the undo files in the registry could not be read (%s): whether an earlier write "
                  "to this image was interrupted is not known; look into %s",
                  strerror(-found), XSI_STATE_DIR);
    if (found <= 0)
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
