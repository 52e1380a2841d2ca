/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xend's restore. Source: tools/python/xen/xend/XendCheckpoint.py:restore of 3.0 to 4.4. libxc runs
 * in a process of its own, xc_restore, on the same descriptor; up to 3.4 xend reads the
 * device-model record behind it, from 4.0 on libxc does.
 */
#include <inttypes.h>
#include <stdio.h>

#include "../config/config.h"
#include "../qemu/qevm.h"
#include "messages.h"
#include "model.h"

#define SIGNATURE         "LinuxGuestRecord"
#define SIGNATURE_SIZE    16
#define DM_SIGNATURE      "QemuDeviceModelRecord"
#define DM_SIGNATURE_SIZE 21
#define PFN_COUNT_MAX     (16ULL << 20)

enum {
    HVM_SINCE = 30100,          /* and p2m_size is read by libxc */
    WAITS_SINCE = 30004,        /* one more byte is read: "wait for source to close connection" */
    LIBXC_READS_DM = 40000,     /* xend no longer does */
    CHECKPOINTED_SINCE = 40302, /* xend always asks for a checkpointed restore */
    XEND_UNTIL = 40499
};

struct xend_run {
    uint64_t start, dm_at;
    uint32_t config; /* length of the configuration */
    bool hvm;
};

static void refuse(struct xsi_run *r, const char *code, uint64_t at, const char *what)
{
    const struct xsi_finding_row *row = xsi_finding_lookup(code);

    xsi_run_outcome(r, XSI_FAILS, at, "xend gives up at 0x%" PRIx64 ": %s", at, what);
    if (row)
        xsi_run_finding(r, row, at, 0, "%s", what);
    xsi_run_back(r, 1);
}

/* ---- the device model, 3.1 to 3.4 ---- */

static void got_rest(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xend_run *s = state;
    uint32_t version;

    xsi_run_result(r)->qemu_bytes = (int64_t)got;
    if (!got)
        refuse(r, "XS-Q04", s->dm_at + DM_SIGNATURE_SIZE,
               "the device-model state is empty, and the device model does not start");
    else if (!qevm_look(p, got < 8 ? (size_t)got : 8, &version))
        refuse(r, "XS-Q02", s->dm_at + DM_SIGNATURE_SIZE,
               "the device-model state does not begin with QEVM: the device model does not start");
    else {
        xsi_run_condition(r, "a device model (ioemu) that takes this state");
        xsi_run_back(r, 0);
    }
}

/* The record has no length: it is copied up to the end of the file, whatever is there. */
static void got_dm_signature(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xend_run *s = state;
    char shown[DM_SIGNATURE_SIZE + 1];

    if (got < DM_SIGNATURE_SIZE) {
        xsi_run_say(r, XEND_MSG_DM_SIGNATURE_READ, 0);
        refuse(r, "XS-Q03", s->dm_at,
               "the image ends where the device-model record of an HVM guest has to be");
        return;
    }
    if (!memcmp(p, DM_SIGNATURE, DM_SIGNATURE_SIZE)) {
        xsi_run_need(r, UINT64_MAX - xsi_run_at(r), "device-model state", got_rest);
        return;
    }
    snprintf(shown, sizeof(shown), "%.*s", DM_SIGNATURE_SIZE, (const char *)p);
    xsi_run_say(r, XEND_MSG_DM_SIGNATURE, 0, shown);
    refuse(r, "XS-Q09", s->dm_at, "no QemuDeviceModelRecord stands where libxc stopped");
}

static void got_last_byte(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    (void)state;
    (void)p;
    (void)got;
    xsi_run_back(r, 0);
}

/* ---- xc_restore ---- */

static void got_domain(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xend_run *s = state;
    unsigned release = xsi_run_reader(r)->release;

    (void)p;
    if (got) {
        xsi_run_say(r, XEND_MSG_RESTORE_FAILED, 0, "N N N N N N N");
        xsi_run_back(r, 1);
        return;
    }
    s->dm_at = xsi_run_at(r);
    if (release >= LIBXC_READS_DM || release < WAITS_SINCE)
        xsi_run_back(r, 0);
    else if (s->hvm)
        xsi_run_need(r, DM_SIGNATURE_SIZE, "device model signature", got_dm_signature);
    else
        xsi_run_need(r, 1, "end of connection", got_last_byte);
}

static void call_libxc(struct xsi_run *r)
{
    const struct xsi_reader *reader = xsi_run_reader(r);

    if (reader->release >= CHECKPOINTED_SINCE && !(reader->variant & XSI_READER_REMUS))
        xsi_run_condition(r,
                          "a toolstack that restores one checkpoint: xend of this release asks "
                          "for more (target %s/xend)",
                          reader->name);
    xsi_run_call(r, xsi_model_of("libxc-legacy64"), got_domain);
}

/* 3.0: xend looks at p2m_size itself, and hands it to libxc, whose model reads it. */
static void got_pfn_count(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    unsigned width = xsi_run_reader(r)->bits / 8;
    struct xsi_cursor c = { p, got, false, false };
    uint64_t count = xsi_ul(&c, width);

    (void)state;
    if (c.short_read) {
        xsi_run_say(r, XEND_MSG_PFN_COUNT_READ, 0);
        refuse(r, "XS-C54", xsi_run_at(r), "the image ends in the number of frames");
    } else if (count > PFN_COUNT_MAX) {
        xsi_run_say(r, XEND_MSG_PFN_COUNT, 0);
        refuse(r, "XS-L37", xsi_run_at(r), "the number of frames is above 16 Mi");
    } else {
        call_libxc(r);
    }
}

/* ---- the header ---- */

static void got_config(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xend_run *s = state;
    uint64_t at = s->start + SIGNATURE_SIZE + 4;
    size_t have = got < XSI_NEED_MAX ? (size_t)got : XSI_NEED_MAX;
    struct config_facts f;

    if (got < s->config) {
        xsi_run_say(r, XEND_MSG_CONFIG_READ, 0);
        refuse(r, "XS-C51", at - 4, "the configuration's length leads beyond the end");
        return;
    }
    config_sxp(p, have, true, &f);
    if (!f.complete) {
        xsi_run_say(r, XEND_MSG_CONFIG_PARSE, 0);
        refuse(r, "XS-C52", at, "the configuration is no complete S-expression");
        return;
    }
    s->hvm = f.guest == XSI_GUEST_HVM;
    xsi_run_prepare(r, f.guest, 0);
    if (xsi_run_reader(r)->release < HVM_SINCE)
        xsi_run_look(r, xsi_run_at(r), xsi_run_reader(r)->bits / 8, got_pfn_count);
    else
        call_libxc(r);
}

static void got_size(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xend_run *s = state;
    struct xsi_cursor c = { p, got, true, false };
    int32_t size = (int32_t)xsi_u32(&c);

    if (c.short_read) {
        xsi_run_say(r, XEND_MSG_SIZE_READ, 0);
        refuse(r, "XS-C54", s->start + SIGNATURE_SIZE, "the image ends in xend's header");
    } else if (size < 0) {
        refuse(r, "XS-C51", s->start + SIGNATURE_SIZE, "the configuration's length is negative");
    } else {
        s->config = (uint32_t)size;
        xsi_run_need(r, s->config, "configuration", got_config);
    }
}

static void got_signature(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xend_run *s = state;
    char shown[SIGNATURE_SIZE + 1];

    if (got < SIGNATURE_SIZE) {
        xsi_run_say(r, XEND_MSG_SIGNATURE_READ, 0);
        refuse(r, "XS-C54", s->start, "the image is shorter than xend's signature");
        return;
    }
    if (memcmp(p, SIGNATURE, SIGNATURE_SIZE) != 0) {
        snprintf(shown, sizeof(shown), "%.*s", SIGNATURE_SIZE, (const char *)p);
        xsi_run_say(r, XEND_MSG_SIGNATURE, 0, shown);
        refuse(r, "XS-C50", s->start, "the signature is not LinuxGuestRecord");
        return;
    }
    xsi_run_need(r, 4, "configuration size", got_size);
}

/* ---- who reads the file ---- */

static void start(struct xsi_run *r, void *state)
{
    struct xend_run *s = state;
    const struct xsi_reader *reader = xsi_run_reader(r);

    s->start = xsi_run_at(r);
    if (reader->variant & XSI_READER_XAPI)
        xsi_run_call(r, xsi_model_of("xapi"), NULL);
    else if (reader->release > XEND_UNTIL)
        xsi_run_call(r, xsi_model_of("xl"), NULL); /* xend is no longer there */
    else
        xsi_run_need(r, SIGNATURE_SIZE, "signature", got_signature);
}

/* clang-format off */
static const struct xsi_field_row facts[] = {
    XSI_FACT(struct xend_run, hvm, "hvm", XSI_BOOL, .help = "the configuration is an HVM guest's"),
    XSI_FACT(struct xend_run, config, "config", XSI_UINT, .unit = "bytes",
             .help = "length of the configuration"),
    XSI_FACT(struct xend_run, dm_at, "libxc_ended", XSI_HEX,
             .help = "where libxc left the image"),
    { .name = NULL },
};
/* clang-format on */

const struct xsi_model xend_model = {
    .who = "xend",
    .state_size = sizeof(struct xend_run),
    .start = start,
    .messages = xend_messages,
    .facts = facts,
};
