/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the forms of a device-model record apart: three signatures, of which the oldest one is
 * followed by the state itself (xend, xl 4.0), by a newline and a big-endian length (xapi), or by
 * a little-endian length (seen in test data only).
 */
#include "qemu.h"

#define FLIPS_MAX 4 /* bytes of a signature that may differ */

static const struct {
    const char *text;
    enum qemu_form form;
} signatures[] = {
    { "QemuDeviceModelRecord", QEMU_TRAD },
    { "DeviceModelRecord0002", QEMU_XEN },
    { "RemusDeviceModelState", QEMU_REMUS },
};

static size_t differing(const uint8_t *p, const char *text, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += p[i] != (uint8_t)text[i];
    return count;
}

/* The nearest signature; false when none is near. */
static bool signature(const uint8_t *p, size_t have, struct qemu_shape *out)
{
    size_t n = have < QEMU_SIGNATURE ? have : QEMU_SIGNATURE, best = FLIPS_MAX + 1;

    if (n < 4)
        return false;
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        size_t flips = differing(p, signatures[i].text, n);

        if (flips < best) {
            best = flips;
            out->form = signatures[i].form;
        }
    }
    if (best > FLIPS_MAX || (best && n < QEMU_SIGNATURE))
        return false;
    out->signature_damaged = best > 0;
    return true;
}

static uint32_t number(const uint8_t *p, bool big)
{
    struct xsi_cursor c = { p, 4, big, false };

    return xsi_u32(&c);
}

/* The length at p, in the order that makes sense; `big` is what the form asks for. */
static void read_length(const uint8_t *p, bool big, uint64_t left, struct qemu_shape *out)
{
    uint32_t said = number(p, big), other = number(p, !big);
    uint64_t room = left > out->head ? left - out->head : 0;

    out->length = said;
    if (said <= QEMU_SIZE_SANE && (said <= room || other != room))
        return;
    if (!other || other > QEMU_SIZE_SANE || other > room)
        return;
    out->length = other;
    out->swapped = true;
}

/* The old signature says nothing about what follows: newline, length or the state itself. */
static void old_form(const uint8_t *p, size_t have, uint64_t left, struct qemu_shape *out)
{
    size_t n = have - QEMU_SIGNATURE;
    uint32_t length = n >= 4 ? number(p + QEMU_SIGNATURE, false) : 0;
    const uint8_t *q = p + QEMU_SIGNATURE;

    out->form = QEMU_TRAD;
    if (qevm_near(q, n))
        return;
    if (n && q[0] == '\n') {
        out->form = QEMU_XAPI;
    } else if (n >= 8 && qevm_near(q + 4, n - 4)) {
        out->form = QEMU_LE;
    } else if (length && length <= QEMU_SIZE_SANE && left != UINT64_MAX &&
               length + (uint64_t)QEMU_SIGNATURE + 4 <= left) {
        out->form = QEMU_LE;
    }
}

/* The state itself: magic, version and the byte behind them. */
static void look_inside(const uint8_t *p, size_t have, struct qemu_shape *out)
{
    size_t n = have > out->head ? have - out->head : 0;

    out->magic = n && qevm_look(p + out->head, n, &out->version);
    out->after_version = n > QEVM_HEADER ? p[out->head + QEVM_HEADER] : 0xff;
}

static void bare(const uint8_t *p, size_t have, struct qemu_shape *out)
{
    bool known;

    out->form = QEMU_UNKNOWN;
    out->to_end = true;
    look_inside(p, have, out);
    if (!out->magic)
        return;
    known = out->version >= 1 && out->version <= 3;
    /* version 3 of a KVM guest begins with its configuration: another plug-in's */
    out->score = out->version == 3 && out->after_version == 7 ? 30 : known ? 80 : 55;
    out->why = "device-model state (QEVM) without a record around it";
    out->cut = have < QEVM_HEADER + 1;
}

static void score(size_t have, struct qemu_shape *out)
{
    out->score = out->magic ? 98 : 80;
    out->why = out->magic ? "signature and QEVM" : "signature, but no QEVM where it should be";
    if (out->signature_damaged) {
        out->score = out->magic ? 70 : 45;
        out->why = out->magic ? "damaged signature in front of QEVM" : "damaged signature";
    } else if (have < out->head + 4) {
        out->why = "signature, cut off";
    }
}

void qemu_shape(const uint8_t *p, size_t have, uint64_t left, struct qemu_shape *out)
{
    memset(out, 0, sizeof(*out));
    if (!signature(p, have, out)) {
        bare(p, have, out);
        return;
    }
    if (have < QEMU_SIGNATURE) {
        out->head = QEMU_SIGNATURE;
        out->cut = out->to_end = true;
        out->score = 40 + (int)have;
        out->why = "the beginning of a signature, cut off";
        return;
    }
    if (out->form == QEMU_TRAD)
        old_form(p, have, left, out);
    out->to_end = out->form == QEMU_TRAD;
    out->head = QEMU_SIGNATURE + (out->to_end ? 0 : out->form == QEMU_XAPI ? 5 : 4);
    look_inside(p, have, out);
    if (have < out->head)
        out->cut = true;
    else if (!out->to_end)
        read_length(p + out->head - 4, out->form == QEMU_XAPI, left, out);
    if (out->to_end && have < out->head + QEVM_HEADER)
        out->cut = true;
    if (!out->to_end && left != UINT64_MAX && out->length > left - out->head && !out->cut)
        out->cut = true;
    score(have, out);
}
