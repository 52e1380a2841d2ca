/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xapi's restore from a suspend image. Up to Xen 4.5: xen-api, ocaml/xenops/domain.ml:
 * restore_common, with a libxc that leaves the device-model record to xapi (XenServer's, variant
 * /xapi; every one up to 3.4 does). From 4.6 on: ocaml/xenopsd/xc/domain.ml, which gives a classic
 * image to convert-legacy-stream --width 32 --skip-qemu and reads the record itself.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "../legacy/converter.h"
#include "../libxl/restore.h"
#include "../qemu/qevm.h"
#include "messages.h"
#include "model.h"
#include "xapi.h"

#define RECORD_TEXT "QemuDeviceModelRecord\n"
#define RECORD_SIZE 22

enum { LIBXC_READS_RECORD = 40000 };

static bool xenopsd(const struct xsi_run *r)
{
    return xsi_run_reader(r)->release >= XAPI_XENOPSD_FROM;
}

void xapi_fails(struct xsi_run *r, const char *code, uint64_t at, const char *fmt, ...)
{
    const struct xsi_finding_row *row = code ? xsi_finding_lookup(code) : NULL;
    struct xsi_verdict *v = xsi_run_result(r);
    char what[300];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    xsi_run_outcome(r, XSI_FAILS, at, "%s", what);
    if (row)
        xsi_run_finding(r, row, at, 0, "%s", what);
    /* from 4.6 on the reader is the toolstack, and an error of its is what it returns */
    if (v->returned && xenopsd(r))
        v->rc = 1;
    xsi_run_back(r, 1);
}

void xapi_libxc_failed(struct xsi_run *r)
{
    const struct xsi_verdict *v = xsi_run_verdict(r);
    char words[64];

    if (xenopsd(r))
        xsi_run_say(r, XAPI_MSG_EMU_MANAGER, 0, libxl_errno_words(r, words, sizeof(words)));
    else
        xsi_run_say(r, XAPI_MSG_XENGUEST, 0, v->error_count ? v->errors[v->error_count - 1] : "");
    xsi_run_back(r, 1);
}

/* ---- the device-model state ---- */

static void state_read(struct xsi_run *r, struct xapi_run *s, xsi_then *then, const uint8_t *p,
                       uint64_t got)
{
    uint32_t version;

    if (got < s->length) {
        xsi_run_say(r, xenopsd(r) ? XAPI_MSG_QEMU_CUT : XAPI_MSG_HVM_CUT, 0);
        xapi_fails(r, "XS-Q03", s->record_at,
                   "the image ends inside the device-model state: %" PRIu64 " of %" PRIu64
                   " bytes are there",
                   got, s->length);
        if (s->type) /* a part, which the recipe refuses with the reason */
            xsi_run_fix(r, "append-xapi-end");
        return;
    }
    if (!s->length || !qevm_look(p, got < 8 ? (size_t)got : 8, &version)) {
        xapi_fails(r, s->length ? "XS-Q02" : "XS-Q04", s->record_at,
                   "memory and vCPUs are restored, but the device model does not start: its state "
                   "%s",
                   s->length ? "does not begin with QEVM" : "is empty");
        return;
    }
    s->record = true;
    xsi_run_result(r)->qemu_bytes = (int64_t)s->length;
    xsi_run_condition(r, "a device model that takes this state");
    then(r, s, p, 1);
}

static void finish(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    (void)state;
    (void)p;
    (void)got;
    xsi_run_back(r, 0);
}

static void got_state(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    state_read(r, state, finish, p, got);
}

static void next_part(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    (void)state;
    (void)p;
    (void)got;
    xapi_read_part(r);
}

static void got_part_state(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    state_read(r, state, next_part, p, got);
}

void xapi_read_state(struct xsi_run *r, struct xapi_run *s, bool part)
{
    s->record_at = xsi_run_at(r);
    if (s->length > XAPI_QEMU_MAX && xenopsd(r)) {
        xsi_run_say(r, XAPI_MSG_QEMU_LENGTH, 0, (long long)s->length);
        xapi_fails(r, "XS-Q13", s->record_at,
                   "the device-model state has %" PRIu64 " bytes; xapi "
                   "takes 1 MiB",
                   s->length);
        return;
    }
    xsi_run_need(r, s->length, "device-model state", part ? got_part_state : got_state);
}

static void got_length(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xapi_run *s = state;
    struct xsi_cursor c = { p, got, true, false };

    s->length = xsi_u32(&c);
    if (c.short_read) {
        xsi_run_say(r, xenopsd(r) ? XAPI_MSG_READ_SIGNATURE : XAPI_MSG_END_OF_FILE, 0,
                    "End_of_file");
        xapi_fails(r, "XS-Q03", xsi_run_at(r),
                   "the image ends in the length of the device-model "
                   "record");
        return;
    }
    xapi_read_state(r, s, false);
}

/* Bytes that the reader is behind the record's start, when that is what is wrong; 0 = it is not. */
static size_t too_far(const uint8_t *p)
{
    static const char record_text[] = RECORD_TEXT;

    for (size_t k = 1; k < RECORD_SIZE - 4; k++)
        if (!memcmp(p, &record_text[k], RECORD_SIZE - k))
            return k;
    return 0;
}

static void wrong_signature(struct xsi_run *r, const uint8_t *p, uint64_t at)
{
    char shown[4 * RECORD_SIZE + 1];
    size_t far = too_far(p);

    xsi_run_say(r, xenopsd(r) ? XAPI_MSG_LEGACY_QEMU : XAPI_MSG_SIGNATURE_MISMATCH, 0);
    xsi_escape(shown, sizeof(shown), p, RECORD_SIZE);
    if (far)
        xapi_fails(r, NULL, at - far,
                   "libxc returns 0, but leaves xapi %zu bytes too far: without LAST_CHECKPOINT "
                   "it takes the start of the device-model record at 0x%" PRIx64
                   " for a page count; xapi reads \"%s\" at 0x%" PRIx64,
                   far, at - far, shown, at);
    else
        xapi_fails(r, "XS-Q09", at,
                   "where libxc stopped (0x%" PRIx64 ") xapi reads \"%s\", not "
                   "QemuDeviceModelRecord and a newline",
                   at, shown);
}

static void got_record(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    uint64_t at = xsi_run_at(r) - got;

    (void)state;
    if (got < RECORD_SIZE) {
        xsi_run_say(r, xenopsd(r) ? XAPI_MSG_READ_SIGNATURE : XAPI_MSG_END_OF_FILE, 0,
                    "End_of_file");
        xapi_fails(r, "XS-C57", at,
                   "the image ends at 0x%" PRIx64 ", where the device-model record "
                   "of an HVM guest has to be",
                   at + got);
    } else if (memcmp(p, RECORD_TEXT, RECORD_SIZE) != 0) {
        wrong_signature(r, p, at);
    } else {
        xsi_run_need(r, 4, "device-model state size", got_length);
    }
}

/* ---- the classic image ---- */

static void got_domain(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xapi_run *s = state;
    const struct xsi_reader *reader = xsi_run_reader(r);
    int64_t code = (int64_t)got;

    (void)p;
    if (code && (!xenopsd(r) || code == LEGACY_CONVERTED_LIBXC)) {
        xapi_libxc_failed(r);
        return;
    }
    if (code) {
        xsi_run_say(r, XAPI_MSG_CONVERSION, 0, code < 0 ? 1 : (int)(code % LEGACY_CONVERTED_LATE));
        xapi_fails(r, NULL, xsi_run_at(r), "convert-legacy-stream ends with an error");
        return;
    }
    s->restored = true;
    if (!s->hvm)
        xsi_run_back(r, 0);
    else if (reader->release >= LIBXC_READS_RECORD && !xenopsd(r) &&
             !(reader->variant & XSI_READER_XAPI) && xsi_run_verdict(r)->qemu_bytes >= 0)
        xapi_fails(r, "XS-Q09", xsi_run_at(r),
                   "this libxc has read the device-model record itself, and xapi finds none");
    else
        xsi_run_need(r, RECORD_SIZE, "device-model record", got_record);
}

static void got_signature(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xapi_run *s = state;
    char shown[4 * XAPI_SIGNATURE_SIZE + 1];

    if (got < XAPI_SIGNATURE_SIZE) {
        xsi_run_say(r, XAPI_MSG_END_OF_FILE, 0);
        xapi_fails(r, "XS-C69", s->start, "the image is shorter than xapi's signature");
    } else if (!memcmp(p, "XenSavedDomain\n", XAPI_SIGNATURE_SIZE)) {
        xsi_run_call(r, xenopsd(r) ? &legacy_converter_model : xsi_model_of("libxc-legacy64"),
                     got_domain);
    } else if (xenopsd(r) && !memcmp(p, "XenSavedDomv2-\n", XAPI_SIGNATURE_SIZE)) {
        xapi_read_part(r);
    } else {
        xsi_escape(shown, sizeof(shown), p, XAPI_SIGNATURE_SIZE);
        xsi_run_say(r, xenopsd(r) ? XAPI_MSG_SIGNATURE : XAPI_MSG_SIGNATURE_MISMATCH, 0, shown);
        xapi_fails(r, "XS-C60", s->start, "the signature \"%s\" is none that this xapi knows",
                   shown);
        if (!memcmp(p, "XenSavedDomv2-\n", XAPI_SIGNATURE_SIZE))
            xsi_run_fix(r, "xapi-make-classic");
    }
}

static void start(struct xsi_run *r, void *state)
{
    struct xapi_run *s = state;

    s->start = xsi_run_at(r);
    s->hvm = xsi_run_info(r)->guest == XSI_GUEST_HVM;
    xsi_run_need(r, XAPI_SIGNATURE_SIZE, "signature", got_signature);
}

/* clang-format off */
static const struct xsi_field_row facts[] = {
    XSI_FACT(struct xapi_run, hvm, "hvm", XSI_BOOL, .help = "it restores an HVM guest"),
    XSI_FACT(struct xapi_run, restored, "libxc_done", XSI_BOOL, .help = "libxc returned success"),
    XSI_FACT(struct xapi_run, type, "part", XSI_HEX, .help = "type of the part at hand"),
    XSI_FACT(struct xapi_run, length, "length", XSI_UINT, .detail = 2, .unit = "bytes",
             .help = "of the part or of the device-model state"),
    XSI_FACT(struct xapi_run, record, "device_model", XSI_BOOL,
             .help = "the device-model state was read"),
    { .name = NULL },
};
/* clang-format on */

const struct xsi_model xapi_model = {
    .who = "xapi",
    .state_size = sizeof(struct xapi_run),
    .start = start,
    .messages = xapi_messages,
    .facts = facts,
};
