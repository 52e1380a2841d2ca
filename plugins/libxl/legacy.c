/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxl restores from a legacy stream: to 4.5 with its own libxc, which also reads the device-model
 * record; from 4.6 on through convert-legacy-stream, started with the width of this libxl, whatever
 * wrote the image (4.17:libxl_convert_callout.c).
 */
#include "../legacy/converter.h"
#include "libxl.h"
#include "messages.h"
#include "restore.h"

#define SIGNATURE 21 /* bytes of a device-model record's signature */
#define LONGEST   25 /* signature and length */

static void build_failed(struct xsi_run *r)
{
    xsi_run_say(r, LIBXL_MSG_CANNOT_BUILD, 0, LIBXL_ERROR_FAIL);
    xsi_run_back(r, LIBXL_ERROR_FAIL);
}

static void libxc_failed(struct xsi_run *r)
{
    char words[64];

    xsi_run_say(r, LIBXL_MSG_RESTORING, 0, libxl_errno_words(r, words, sizeof(words)));
    build_failed(r);
}

/* ---- the device model ---- */

static void start_dm(struct xsi_run *r, const struct libxl_dm_state *dm)
{
    xsi_run_back(r, libxl_dm_start(r, dm) ? 0 : LIBXL_ERROR_FAIL);
}

static bool is_signature(const uint8_t *p)
{
    static const char *const known[] = { "QemuDeviceModelRecord", "DeviceModelRecord0002",
                                         "RemusDeviceModelState" };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!memcmp(p, known[i], SIGNATURE))
            return true;
    return false;
}

/*
 * p: the bytes from in front of the record's state on. The record that libxc read last ends where
 * it stopped, unless it went on to look for another checkpoint.
 */
static void got_dm_state(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    uint64_t length = (uint64_t)xsi_run_result(r)->qemu_bytes;
    struct libxl_dm_state dm;

    (void)state;
    if (got >= LONGEST && (is_signature(p) || is_signature(p + LONGEST - SIGNATURE))) {
        libxl_dm_note(&dm, xsi_run_at(r) - length, length, length, p + LONGEST,
                      (size_t)got - LONGEST);
        dm.has_last = false; /* only its head was looked at */
        start_dm(r, &dm);
        return;
    }
    xsi_run_condition(r, "a device model that takes the state that libxc hands on");
    xsi_run_back(r, 0);
}

static void device_model(struct xsi_run *r)
{
    const struct xsi_verdict *v = xsi_run_result(r);
    struct libxl_dm_state dm = { .file = v->qemu_bytes == 0, .at = xsi_run_at(r) };

    if (xsi_run_info(r)->guest != XSI_GUEST_HVM)
        xsi_run_back(r, 0);
    else if (v->qemu_bytes <= 0)
        start_dm(r, &dm);
    else if ((uint64_t)v->qemu_bytes + LONGEST > xsi_run_at(r))
        xsi_run_back(r, 0);
    else
        xsi_run_look(r, xsi_run_at(r) - (uint64_t)v->qemu_bytes - LONGEST,
                     LONGEST + (v->qemu_bytes < 8 ? (size_t)v->qemu_bytes : 8), got_dm_state);
}

/* ---- to 4.5 ---- */

static void got_native(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    (void)state;
    (void)p;
    if (got)
        libxc_failed(r);
    else
        device_model(r);
}

/* ---- from 4.6 on ---- */

static void converter_died(struct xsi_run *r, unsigned status)
{
    xsi_run_say(r, LIBXL_MSG_HELPER_STATUS, 0, "conversion helper [N]",
                status % LEGACY_CONVERTED_LATE);
    if (status < LEGACY_CONVERTED_LATE)
        xsi_run_say(r, LIBXL_MSG_HELPER_SIGNAL, 0, "save/restore helper [N]", "Terminated");
    build_failed(r);
}

static void got_converted(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    int64_t code = (int64_t)got;

    (void)state;
    (void)p;
    if (code == LEGACY_CONVERTED) {
        device_model(r);
    } else if (code == LEGACY_CONVERTED_LIBXC) {
        libxc_failed(r);
    } else if (code == LEGACY_CONVERTED_NOTHING) {
        xsi_run_say(r, LIBXL_MSG_IDENT, 0, 0x4c6962786c466d74UL, 0UL);
        xsi_run_die(r, "SIGSEGV",
                    "the converter ends before it has written a header: libxl refuses the empty "
                    "stream and crashes; an empty domain is left");
    } else {
        converter_died(r, (unsigned)code);
    }
}

static void start_legacy(struct xsi_run *r, void *state)
{
    (void)state;
    if (xsi_run_reader(r)->release < LIBXL_STREAM_V2_FROM)
        xsi_run_call(r, xsi_model_of("libxc-legacy64"), got_native);
    else
        xsi_run_call(r, &legacy_converter_model, got_converted);
}

const struct xsi_model libxl_restore_legacy = {
    .who = "libxl",
    .start = start_legacy,
    .messages = libxl_messages,
};
