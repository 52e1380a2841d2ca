/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenopsd reads a suspend image of parts: xen-api, ocaml/xenopsd/xc/domain.ml:restore_common
 * (process_header) and ocaml/xenopsd/lib/suspend_image.ml. emu-manager's xenguest reads the Libxc
 * part from the same descriptor.
 */
#include <inttypes.h>

#include "../config/config.h"
#include "messages.h"
#include "model.h"
#include "xapi.h"

#define STRING_MAX (1ULL << 30) /* parts that are read into memory at once */

enum part {
    PART_XENOPS = 0x000f,
    PART_LIBXC = 0x00f0,
    PART_LIBXL = 0x00f1,
    PART_LIBXC_LEGACY = 0x00f2,
    PART_QEMU_TRAD = 0x0f00,
    PART_QEMU_XEN = 0x0f01,
    PART_DEMU = 0x0f10,
    PART_VARSTORED = 0x0f11,
    PART_SWTPM0 = 0x0f12,
    PART_SWTPM = 0x0f13,
    PART_END = 0xffff
};

static void end_of_file(struct xsi_run *r, const struct xapi_run *s, const char *what)
{
    xsi_run_say(r, XAPI_MSG_END_OF_FILE, 0);
    xapi_fails(r, s->restored ? "XS-C65" : "XS-C69", xsi_run_at(r),
               "the image ends at 0x%" PRIx64 ", %s", xsi_run_at(r), what);
}

static void got_blob(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xapi_run *s = state;
    size_t n = got < CONFIG_LOOK ? (size_t)got : CONFIG_LOOK;
    struct config_facts f;

    if (got < s->length) {
        end_of_file(r, s, "inside a part");
        return;
    }
    if (s->type == PART_XENOPS) {
        config_xenops(p, n, n == got, &f);
        if (f.problem) {
            xsi_run_say(r, XAPI_MSG_SUSPEND_IMAGE, 0);
            xapi_fails(r, "XS-C63", s->part_at, "the Xenops part is no S-expression: %s",
                       f.problem);
            return;
        }
    }
    xapi_read_part(r);
}

static void got_libxc(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xapi_run *s = state;

    (void)p;
    if (got) {
        xapi_libxc_failed(r);
        return;
    }
    s->restored = true;
    xapi_read_part(r);
}

/* End_of_image. */
static void finish(struct xsi_run *r, const struct xapi_run *s)
{
    if (!s->restored) {
        xsi_run_say(r, XAPI_MSG_USELESS, 0);
        xapi_fails(r, "XS-C64", s->part_at, "the suspend image holds no Libxc part");
    } else if (s->hvm && !s->record) {
        xapi_fails(r, "XS-C57", s->part_at,
                   "memory and vCPUs are restored, but an HVM guest's device model does not start "
                   "without a Qemu_trad part");
    } else {
        xsi_run_back(r, 0);
    }
}

static void got_part(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct xapi_run *s = state;
    struct xsi_cursor c = { p, got, false, false };

    s->part_at = xsi_run_at(r) - got;
    s->type = xsi_u64(&c);
    s->length = xsi_u64(&c);
    if (got < 8 || (c.short_read && xapi_part_row(s->type))) {
        end_of_file(r, s, "where another part has to be");
        return;
    }
    switch (s->type) {
    case PART_XENOPS:
    case PART_VARSTORED:
    case PART_SWTPM0:
    case PART_SWTPM:
        if (s->length > STRING_MAX) {
            xsi_run_say(r, XAPI_MSG_END_OF_FILE, 0);
            xapi_fails(r, "XS-C63", s->part_at + 8, "a part of %" PRIu64 " bytes", s->length);
        } else {
            xsi_run_need(r, s->length, "part", got_blob);
        }
        return;
    case PART_LIBXC:
    case PART_LIBXC_LEGACY:
        xsi_run_call(r, xsi_model_of("libxc-v3"), got_libxc);
        return;
    case PART_QEMU_TRAD:
        xapi_read_state(r, s, true);
        return;
    case PART_DEMU:
        xsi_run_undefined(r,
                          "the state of a virtual GPU stands at 0x%" PRIx64 ": only its own "
                          "emulator knows where it ends",
                          s->part_at);
        return;
    case PART_LIBXL:
    case PART_QEMU_XEN:
        xsi_run_say(r, XAPI_MSG_SUSPEND_IMAGE, 0);
        xapi_fails(r, "XS-C67", s->part_at, "a part of type 0x%" PRIx64 ", which xapi refuses",
                   s->type);
        return;
    case PART_END:
        finish(r, s);
        return;
    default:
        xsi_run_say(r, XAPI_MSG_HEADER_TYPE, 0);
        xapi_fails(r, "XS-C62", s->part_at,
                   "at 0x%" PRIx64 " xapi takes 0x%" PRIx64 " for the type of a part", s->part_at,
                   s->type);
        return;
    }
}

void xapi_read_part(struct xsi_run *r)
{
    xsi_run_need(r, XAPI_PART_HEADER, "part header", got_part);
}
