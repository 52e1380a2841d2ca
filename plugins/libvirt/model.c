/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virsh restore with libvirt's libxl driver: src/libxl/libxl_domain.c:libxlDomainSaveImageOpen and
 * libxlDomainStart. Version 2 is a body for libxl's v2 reader and exists where libvirt was built
 * against Xen 4.6 or later; version 1 goes through libxl's legacy path.
 */
#include <inttypes.h>

#include "../config/config.h"
#include "../libxl/restore.h"
#include "libvirt.h"
#include "messages.h"

#define MAGIC       "libvirt-xml\n \0 \r"
#define MAGIC_SIZE  16
#define HEADER_SIZE 64

enum { LIBXL_SINCE = 40100, PVH_SINCE = 41000 };

struct libvirt_run {
    uint64_t start;
    uint32_t version, xml;
    char name[128];
};

static uint32_t newest_version(const struct xsi_run *r)
{
    return xsi_run_reader(r)->release >= LIBXL_STREAM_V2_FROM ? 2 : 1;
}

static void refuse(struct xsi_run *r, const char *code, uint64_t at, const char *what)
{
    const struct xsi_finding_row *row = xsi_finding_lookup(code);

    xsi_run_outcome(r, XSI_FAILS, at, "libvirt refuses the image at 0x%" PRIx64 ": %s", at, what);
    if (row)
        xsi_run_finding(r, row, at, 0, "%s", what);
    xsi_run_back(r, 1);
}

static void got_domain(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    const struct libvirt_run *s = state;
    struct xsi_verdict *v = xsi_run_result(r);

    (void)p;
    if (!got) {
        xsi_run_back(r, 0);
        return;
    }
    /* from 4.6 on the reader is the toolstack: an error of its is what it returns */
    if (v->returned && xsi_run_reader(r)->release >= LIBXL_STREAM_V2_FROM)
        v->rc = 1;
    xsi_run_say(r, LIBVIRT_MSG_RESTORE, 0, s->name);
    xsi_run_back(r, 1);
}

static void got_xml(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct libvirt_run *s = state;
    uint64_t at = s->start + HEADER_SIZE;
    size_t n = got < XSI_NEED_MAX ? (size_t)got : XSI_NEED_MAX;
    struct config_facts f;

    if (got < s->xml) {
        xsi_run_say(r, LIBVIRT_MSG_XML_READ, 0);
        refuse(r, "XS-C74", s->start + 20, "the XML's length leads beyond the end");
        return;
    }
    config_xml(p, n, n == got, &f);
    if (f.problem || !f.name[0]) {
        refuse(r, "XS-C75", at + f.problem_at,
               f.problem ? "the XML is damaged" : "the XML has no domain name");
        return;
    }
    if (f.guest == XSI_GUEST_PVH && xsi_run_reader(r)->release < PVH_SINCE) {
        refuse(r, "XS-C76", at, "this release knows no PVH guests");
        return;
    }
    memcpy(s->name, f.name, sizeof(s->name));
    xsi_run_prepare(r, f.guest, 0);
    xsi_run_call(r, s->version == 2 ? &libxl_restore_v2 : &libxl_restore_legacy, got_domain);
}

static void got_header(struct xsi_run *r, void *state, const uint8_t *p, uint64_t got)
{
    struct libvirt_run *s = state;

    if (got < HEADER_SIZE) {
        xsi_run_say(r, LIBVIRT_MSG_HEADER, 0);
        refuse(r, "XS-C77", s->start, "the image ends in libvirt's header");
        return;
    }
    if (memcmp(p, MAGIC, MAGIC_SIZE) != 0) {
        xsi_run_say(r, LIBVIRT_MSG_MAGIC, 0);
        refuse(r, "XS-C70", s->start, "the magic text is wrong");
        return;
    }
    s->version = xsi_le32(p + 16);
    s->xml = xsi_le32(p + 20);
    if (s->version > newest_version(r)) {
        xsi_run_say(r, LIBVIRT_MSG_VERSION, 0, (int)s->version, (int)newest_version(r));
        refuse(r, "XS-C73", s->start + 16, "a version that this libvirt does not know");
    } else if (!s->xml || s->xml > INT32_MAX) {
        /* the field is unsigned: a huge one fails when its memory is asked for */
        xsi_run_say(r, s->xml ? LIBVIRT_MSG_XML_READ : LIBVIRT_MSG_XML_LENGTH, 0, 0);
        refuse(r, "XS-C74", s->start + 20, "a length that no XML has");
    } else {
        xsi_run_need(r, s->xml, "domain XML", got_xml);
    }
}

static void start(struct xsi_run *r, void *state)
{
    struct libvirt_run *s = state;
    const struct xsi_reader *reader = xsi_run_reader(r);

    s->start = xsi_run_at(r);
    if (reader->variant & XSI_READER_XAPI)
        xsi_run_call(r, xsi_model_of("xapi"), NULL);
    else if (reader->release < LIBXL_SINCE)
        xsi_run_call(r, xsi_model_of("xend"), NULL);
    else
        xsi_run_need(r, HEADER_SIZE, "libvirt header", got_header);
}

/* clang-format off */
static const struct xsi_field_row facts[] = {
    XSI_FACT(struct libvirt_run, version, "version", XSI_UINT, .help = "of libvirt's header"),
    XSI_FACT(struct libvirt_run, xml, "config", XSI_UINT, .unit = "bytes",
             .help = "length of the XML"),
    XSI_FACT(struct libvirt_run, name, "name", XSI_TEXT, .help = "the domain's name"),
    { .name = NULL },
};
/* clang-format on */

const struct xsi_model libvirt_model = {
    .who = "libvirt",
    .state_size = sizeof(struct libvirt_run),
    .start = start,
    .messages = libvirt_messages,
    .facts = facts,
};
