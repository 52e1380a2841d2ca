/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device model of an HVM guest gets the state that the image holds with -incoming (4.6 and
 * later) or -loadvm; when it refuses it, the domain is destroyed. xen-4.17: libxl_dm.c. What QEMU
 * takes: its migration/savevm.c:qemu_loadvm_state; a state ends in a zero byte.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../qemu/qevm.h"
#include "libxl.h"
#include "messages.h"
#include "restore.h"

#define QEVM_VERSION 3U
/* xen-4.21: tools/libs/light/libxl_dm.c knows qemu-traditional no longer */
enum { QEMU_TRADITIONAL = 1, NO_TRADITIONAL_SINCE = 42100 };

void libxl_dm_note(struct libxl_dm_state *dm, uint64_t at, uint64_t length, uint64_t have,
                   const uint8_t *p, size_t n)
{
    memset(dm, 0, sizeof(*dm));
    dm->file = true;
    dm->at = at;
    dm->length = length;
    dm->have = have < length ? have : length;
    memcpy(dm->head, p, n < sizeof(dm->head) ? n : sizeof(dm->head));
    if (length && n >= length) {
        dm->has_last = true;
        dm->last = p[length - 1];
    }
}

/* Why the device model cannot start with this state; NULL when nothing speaks against it. */
static const char *refusal(const struct xsi_run *r, const struct libxl_dm_state *dm,
                           const struct xsi_finding_row **row)
{
    size_t n = dm->have < sizeof(dm->head) ? (size_t)dm->have : sizeof(dm->head);
    uint32_t version = 0;

    *row = &libxl_findings[LIBXL_X11];
    if (!dm->file)
        return "the image holds no device-model state";
    *row = &libxl_findings[LIBXL_X15];
    if (!dm->length)
        return "the device-model state is empty";
    *row = &libxl_findings[LIBXL_X12];
    if (n < sizeof(dm->head) && dm->have < dm->length)
        return "the image ends at the start of the device-model state";
    *row = &libxl_findings[LIBXL_X13];
    if (!qevm_look(dm->head, n, &version))
        return "the device-model state does not begin with QEVM";
    *row = &libxl_findings[LIBXL_X14];
    if (version != QEVM_VERSION)
        return "the device-model state is not of version 3";
    *row = &libxl_findings[LIBXL_X27];
    if (dm->has_last && dm->last)
        return "the device-model state does not end with a zero byte: it was cut short";
    *row = NULL;
    if (dm->emulator == QEMU_TRADITIONAL && xsi_run_reader(r)->release >= NO_TRADITIONAL_SINCE)
        return "the state is that of qemu-traditional, which Xen has no longer since 4.21";
    return NULL;
}

static void does_not_start(struct xsi_run *r, const struct libxl_dm_state *dm)
{
    xsi_run_say(r, LIBXL_MSG_SPAWN_FAILED, 0, LIBXL_ERROR_FAIL);
    if (!dm->file)
        xsi_run_say(r, LIBXL_MSG_STATE_MISSING, 0, "N");
    xsi_run_say(r, LIBXL_MSG_POST_CONFIG, 0, LIBXL_ERROR_FAIL);
    xsi_run_say(r, LIBXL_MSG_DM_NOT_STARTED, 0, LIBXL_ERROR_FAIL);
    xsi_run_say(r, LIBXL_MSG_DM_EXITED, 0);
}

bool libxl_dm_start(struct xsi_run *r, const struct libxl_dm_state *dm)
{
    const struct xsi_finding_row *row;
    const char *why = refusal(r, dm, &row);
    uint64_t at = dm->file ? dm->at : xsi_run_at(r);

    if (why) {
        does_not_start(r, dm);
        xsi_run_outcome(r, XSI_FAILS, at,
                        "memory and vCPUs are restored, but the device model does not start: %s",
                        why);
        if (row)
            xsi_run_finding(r, row, at, 0, "%s", why);
        else
            xsi_run_fix(r, "libxl-fix-emulator"); /* which says what to do instead */
        return false;
    }
    if (dm->have < dm->length) {
        /* the rest of libxl's buffer is what malloc() returned: zeros as a rule, which end the
         * state early and quietly */
        xsi_run_loses(r, at + dm->have, "device model state");
        xsi_run_finding(r, &libxl_findings[LIBXL_X12], at, dm->have,
                        "only %" PRIu64 " of %" PRIu64 " bytes of device-model state are there",
                        dm->have, dm->length);
    }
    xsi_run_condition(r, "a device model that takes this state: the QEMU of the host must know its "
                         "machine type and devices");
    return true;
}

const char *libxl_errno_words(const struct xsi_run *r, char *out, size_t size)
{
    const struct xsi_verdict *v = xsi_run_verdict(r);
    const char *line = v->error_count ? v->errors[v->error_count - 1] : "", *open = NULL;
    const char *words;

    for (const char *p = strstr(line, " ("); p; p = strstr(p + 1, " ("))
        open = p + 2;
    if (open && *open == '?')
        snprintf(out, size, "(?)");
    else {
        int code = open && strstr(open, " = ") ? atoi(open) : 0;

        words = strerrordesc_np(code);
        snprintf(out, size, "%s", words ? words : "Unknown error");
    }
    return out;
}
